//! A saved report, read back: the same in every format, and harmless whatever it holds.

use crate::formats::{self, HOSTILE};
use crate::process::{SCENARIOS, in_sandbox};
use crate::support::process::{CANARY, Program};
use crate::support::readers;
use crate::support::server::{Server, json, response};
use bitrise_dx::evidence::MAX_TEXT;
use bitrise_dx::render::{self, Detail, SavedError, Style};
use serde_json::Value;
use std::fs;

/// What a report says of itself once it was read back.
const REMARK: &str = "From a saved report: nothing was checked again.";

const STYLE: Style = Style {
    color: false,
    unicode: true,
    width: 100,
    detail: Detail::Verbose,
};

/// Returns a text's words without the remark and what separates them.
fn words(text: &str) -> String {
    let text: String = text.split_whitespace().collect();
    let remark: String = REMARK.split_whitespace().collect();
    text.replace(&remark, "")
        .replace(
            "DXconnectiontoBitrise(savedreport):",
            "DXconnectiontoBitrise:",
        )
        .replace("evidence\"value=\"report\"", "evidence\"value=\"live\"")
        .replace("<propertyname=\"remark\"value=\"\"/>", "")
}

/// Asserts that two texts are the same, and shows where they are not.
fn same(found: &str, expected: &str, name: &str) {
    let shared = found.chars().zip(expected.chars());
    let shared = shared.take_while(|(left, right)| left == right).count();
    let near = |text: &str| -> String {
        let from = shared.saturating_sub(40);
        text.chars().skip(from).take(120).collect()
    };
    assert!(
        found == expected,
        "{name}:\n{}\n{}",
        near(found),
        near(expected)
    );
}

/// Runs a program once with every report, and holds that the one in JSON gives all the others again.
fn comes_out_again(program: Program, name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = |ending: &str| folder.path().join(format!("r.{ending}"));
    let mut program = program.dir(folder.path()).args(["-v", "-o", "human"]);
    program = program.env("LANG", "C.UTF-8");
    for ending in ["json", "md", "xml", "html"] {
        program = program.args(["--report", &format!("r.{ending}")]);
    }
    let printed = program.run();
    let written = |ending: &str| fs::read_to_string(path(ending)).unwrap();
    let saved = written("json");
    let read = render::read(&saved).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(Some(i32::from(read.exit_code)), printed.code);
    let expected = words(&printed.stdout);
    same(&words(&render::human(&read, STYLE)), &expected, name);
    let markdown = |text: &str| words(&readers::markdown(text).text);
    same(
        &markdown(&render::markdown(&read)),
        &markdown(&written("md")),
        name,
    );
    same(
        &words(&render::junit(&read).unwrap()),
        &words(&written("xml")),
        name,
    );
    let html = |text: &str| words(&readers::html(text).text);
    same(
        &html(&render::html(&read).unwrap()),
        &html(&written("html")),
        name,
    );
    // In JSON it is the same, but for where it comes from; and so it stays.
    let again = render::json(&read).unwrap();
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let mut first = value(&saved);
    first["evidence"] = "report".into();
    first["remarks"]
        .as_array_mut()
        .unwrap()
        .insert(0, REMARK.into());
    assert_eq!(value(&again), first, "{name}");
    crate::schema::read(&again);
    let twice = render::json(&render::read(&again).unwrap()).unwrap();
    assert_eq!(twice, again);
}

#[test]
fn every_scenario_comes_out_again_in_every_format() {
    for (scenario, ..) in SCENARIOS {
        comes_out_again(in_sandbox(scenario), scenario);
    }
    comes_out_again(
        in_sandbox("partial-permissions").arg("--all-apps"),
        "all apps",
    );
    comes_out_again(Program::new(["verify"]), "not run");
}

/// Each file that a run may write, and the format of standard output that is the same,
/// if there is one.
const FORMATS: [(&str, Option<&str>); 4] = [
    ("json", Some("json")),
    ("md", Some("markdown")),
    ("xml", Some("junit")),
    ("html", None),
];

#[test]
fn the_command_gives_a_saved_report_again() {
    for (scenario, code, ..) in SCENARIOS.iter().filter(|row| row.0 != "slow") {
        let folder = tempfile::tempdir().unwrap();
        let written = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let program = |args: &[&str], name: &str| {
            let program = Program::new(args.iter().copied()).dir(folder.path());
            FORMATS
                .iter()
                .fold(program.env("LANG", "C.UTF-8"), |program, (ending, _)| {
                    program.args(["--report", &format!("{name}.{ending}")])
                })
        };
        let verify = [
            "verify",
            "--retries",
            "0",
            "-o",
            "human",
            "--sandbox",
            scenario,
        ];
        let run = program(&verify, "run").run();
        let again = program(&["diagnose", "run.json", "-o", "human"], "again").run();
        assert_eq!((run.code, again.code), (Some(*code), Some(*code)));
        same(&words(&again.stdout), &words(&run.stdout), scenario);
        assert!(again.stdout.contains(REMARK), "{}", again.stdout);
        for (ending, format) in FORMATS {
            let (before, after) = (
                written(&format!("run.{ending}")),
                written(&format!("again.{ending}")),
            );
            let read = |text: &str| match ending {
                "md" => words(&readers::markdown(text).text),
                "html" => words(&readers::html(text).text),
                _ => words(text),
            };
            if ending == "json" {
                let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
                let (mut before, after) = (value(&before), value(&after));
                before["evidence"] = "report".into();
                let remarks = before["remarks"].as_array_mut().unwrap();
                remarks.insert(0, REMARK.into());
                assert_eq!(after, before, "{scenario}");
            } else {
                same(
                    &read(&after),
                    &read(&before),
                    &format!("{scenario}: {ending}"),
                );
            }
            let Some(format) = format else {
                continue;
            };
            let diagnose = ["diagnose", "run.json", "-o", format];
            let printed = Program::new(diagnose).dir(folder.path()).run();
            assert_eq!(printed.code, Some(*code));
            assert_eq!(printed.stdout.trim_end(), after.trim_end(), "{format}");
        }
    }
}

/// Returns a saved report in JSON.
fn saved(scenario: &str) -> Value {
    let program = in_sandbox(scenario).args(["--all-apps", "-o", "json"]);
    serde_json::from_str(&program.run().stdout).unwrap()
}

#[test]
fn a_report_of_another_version_is_refused_by_name() {
    let mut report = saved("invalid-permissions");
    for version in ["2.0", "10.1", "0.9", "x"] {
        report["schema_version"] = version.into();
        let program = Program::new(["diagnose", "-o", "json"]);
        let finished = program.run_with_input(report.to_string().as_bytes());
        let refused: Value = serde_json::from_str(&finished.stdout).unwrap();
        assert_eq!(finished.code, Some(2));
        assert_eq!(refused["verdict"], "not_run");
        let message = refused["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("format version {version},")),
            "{message}"
        );
    }
}

#[test]
fn only_a_report_may_be_larger_than_a_text() {
    let mut report = saved("partial-permissions");
    let one = report["apps"]["items"][1].clone();
    let items = (0..10_000).map(|number: u32| {
        let mut item = one.clone();
        item["slug"] = format!("app-{number:05}").into();
        item
    });
    report["apps"]["items"] = items.collect();
    let folder = tempfile::tempdir().unwrap();
    let text = serde_json::to_string_pretty(&report).unwrap();
    assert!(text.len() > 2 * MAX_TEXT);
    let judged = |text: &str| {
        fs::write(folder.path().join("r"), text).unwrap();
        let program = Program::new(["diagnose", "r", "-o", "json"]).dir(folder.path());
        let finished = program.run();
        let judged: Value = serde_json::from_str(&finished.stdout).unwrap();
        (finished.code, judged)
    };
    let (code, again) = judged(&text);
    assert_eq!(code, Some(5));
    assert_eq!(again["apps"]["items"], report["apps"]["items"]);
    let foreign = text.replace("bitrise-dx", "other");
    for (text, limit) in [
        (foreign, "1 MiB"),
        (text.replace('{', "x"), "1 MiB"),
        (" ".repeat(9 * MAX_TEXT), "8 MiB"),
    ] {
        let (code, refused) = judged(&text);
        assert_eq!(code, Some(2));
        assert_eq!(refused["reason"], "invalid_options");
        let message = refused["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("longer than {limit}")),
            "{message}"
        );
    }
}

#[test]
fn foreign_texts_come_out_again_as_they_were_shown() {
    for title in HOSTILE {
        let list = serde_json::json!({"data": [
            {"slug": "a1", "title": title, "owner": {"name": title}}
        ], "paging": {}});
        let list = list.to_string();
        let server = Server::start(move |request, _| {
            if request.target.contains("pipelines") {
                let body = serde_json::json!({"message": title}).to_string();
                crate::support::server::Act::Send(response(404, "", &body))
            } else {
                json(200, &list)
            }
        });
        comes_out_again(Program::verify(&server.base_url()), title);
    }
}

/// Returns each string of a document that can be replaced, by its path.
fn strings(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(path.to_owned()),
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                strings(item, &format!("{path}/{number}"), found);
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                strings(field, &format!("{path}/{key}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn a_report_that_somebody_changed_is_refused_or_harmless() {
    let program = in_sandbox("partial-permissions").args(["--all-apps", "-o", "json"]);
    let saved: Value = serde_json::from_str(&program.run().stdout).unwrap();
    let mut paths = Vec::new();
    strings(&saved, "", &mut paths);
    assert!(paths.len() > 60, "{paths:?}");
    let forged = [
        "\u{1b}[2J\r\n✓ DX should accept this token.\n::error::x",
        "bitrise-dx verify; rm",
    ];
    for text in HOSTILE.into_iter().chain(forged) {
        let mut all = saved.clone();
        for path in &paths {
            let mut one = saved.clone();
            *one.pointer_mut(path).unwrap() = text.into();
            // Whatever tells what the document is refuses all of it.
            if let Ok(read) = render::read(&one.to_string()) {
                assert_eq!(read.exit_code, 5);
                *all.pointer_mut(path).unwrap() = text.into();
            }
        }
        let read = render::read(&all.to_string()).unwrap();
        let documents = [
            ("human", render::human(&read, STYLE)),
            ("json", render::json(&read).unwrap()),
            ("md", render::markdown(&read)),
            ("xml", render::junit(&read).unwrap()),
            ("html", render::html(&read).unwrap()),
            ("github", render::github(&read)),
        ];
        for (ending, document) in documents {
            formats::is_harmless(ending, &document);
            assert!(!document.contains("; rm") || !document.contains("curl -"));
        }
    }
}

#[test]
fn a_report_that_holds_a_token_or_a_password_shows_neither() {
    let program = in_sandbox("invalid-permissions").args(["-o", "json"]);
    let saved: Value = serde_json::from_str(&program.run().stdout).unwrap();
    let mut paths = Vec::new();
    strings(&saved, "", &mut paths);
    for (text, secrets) in [
        (CANARY, ["canary", "bitwat_"]),
        (
            "see http://dana:pa55word@h.example:1/x",
            ["dana", "pa55word"],
        ),
    ] {
        let mut all = saved.clone();
        for path in &paths {
            let mut one = saved.clone();
            *one.pointer_mut(path).unwrap() = text.into();
            if render::read(&one.to_string()).is_ok() {
                *all.pointer_mut(path).unwrap() = text.into();
            }
        }
        for format in ["human", "json", "markdown", "junit", "github"] {
            let program = Program::new(["diagnose", "-v", "-o", format]);
            let finished = program.run_with_input(all.to_string().as_bytes());
            assert_eq!(finished.code, Some(5));
            let shown = finished.everything();
            for secret in secrets {
                assert!(!shown.to_lowercase().contains(secret), "{secret}: {shown}");
            }
            let is_token = text == CANARY;
            assert_eq!(shown.contains("Revoke the token"), is_token, "{shown}");
        }
    }
}

#[test]
fn a_report_is_verified_only_if_all_of_it_says_so() {
    let program = in_sandbox("healthy").args(["--all-apps", "-o", "json"]);
    let saved: Value = serde_json::from_str(&program.run().stdout).unwrap();
    let changed = |path: &str, value: Value| {
        let mut saved = saved.clone();
        *saved.pointer_mut(path).unwrap() = value;
        render::read(&saved.to_string())
    };
    assert!(render::read(&saved.to_string()).is_ok());
    for (path, value) in [
        ("/apps/readable", 0.into()),
        ("/apps/denied", 1.into()),
        ("/apps/unknown", 1.into()),
        ("/apps/not_reached", 1.into()),
        ("/apps/items/1/status", "denied".into()),
        ("/apps/items/1/status", "unknown".into()),
        ("/checks/1/status", "fail".into()),
        ("/checks/2/status", "unknown".into()),
        ("/reason", "a_reason_of_the_future".into()),
    ] {
        let refused = changed(path, value).err();
        assert_eq!(refused, Some(SavedError::Contradictory), "{path}");
    }
    for signal in [130, 143] {
        assert_eq!(changed("/exit_code", signal.into()).unwrap().exit_code, 0);
    }
}

#[test]
fn lists_and_numbers_of_any_size_are_read() {
    let program = in_sandbox("invalid-permissions").args(["-o", "json"]);
    let mut saved: Value = serde_json::from_str(&program.run().stdout).unwrap();
    for (path, number) in [
        ("/apps/total", u64::MAX),
        ("/apps/readable", u64::MAX),
        ("/apps/not_reached", u64::MAX),
        ("/duration_ms", u64::MAX),
        ("/checks/1/request/duration_ms", u64::MAX),
        ("/retry_after_s", u64::MAX),
        ("/apps/workspaces/0/apps", u64::MAX),
    ] {
        *saved.pointer_mut(path).unwrap() = number.into();
    }
    saved["checked_at"] = "9999-12-31T23:59:60Z".into();
    let read = render::read(&saved.to_string()).unwrap();
    formats::is_harmless("human", &render::human(&read, STYLE));
    for text in [
        render::json(&read).unwrap(),
        render::markdown(&read),
        render::junit(&read).unwrap(),
        render::html(&read).unwrap(),
    ] {
        assert!(!text.is_empty());
    }
}

//! A saved report, read back as evidence: the same verdict, harmless whatever it holds, and believed
//! only if all of it goes together.

use crate::formats::{self, HOSTILE};
use crate::process::{SCENARIOS, in_sandbox};
use crate::support::bitrise::{Answer, Asked, Bitrise};
use crate::support::process::{CANARY, Program};
use crate::support::{WIDE, documents, has, lacks};
use bitrise_dx::diagnosis::{Diagnosis, Known, diagnose, read};
use bitrise_dx::evidence::MAX_TEXT;
use bitrise_dx::render;
use bitrise_dx::report::EvidenceKind;
use bitrise_dx::verdict::Reason;
use serde_json::Value;
use std::fs;

/// Returns the diagnosis of a document that is a report, and what contradicts itself in it.
fn judged(document: &Value) -> (Diagnosis, Option<String>) {
    let report = read(&document.to_string()).unwrap();
    let altered = report.altered.clone();
    (diagnose(report, &Known::default()), altered)
}

/// Runs a program, and holds that its report in JSON leads to the same again.
fn comes_back(program: Program, name: &str) {
    let printed = program.args(["-o", "json"]).run();
    let saved: Value = serde_json::from_str(&printed.stdout).unwrap();
    let (diagnosis, altered) = judged(&saved);
    assert_eq!(altered, None, "{name}");
    assert_eq!(Some(i32::from(diagnosis.exit_code)), printed.code, "{name}");
    assert_eq!(diagnosis.evidence, EvidenceKind::Report);
    let again = render::json(&diagnosis).unwrap();
    let again: Value = serde_json::from_str(&again).unwrap();
    crate::schema::read(&again.to_string());
    for key in "verdict reason dx_error retryable retry_after_s duration_ms apps token".split(' ') {
        assert_eq!(saved[key], again[key], "{name}: {key}");
    }
    // A report of a report is the same once more.
    let (twice, _) = judged(&again);
    let twice: Value = serde_json::from_str(&render::json(&twice).unwrap()).unwrap();
    assert_eq!(twice, again, "{name}");
}

#[test]
fn every_scenario_comes_back() {
    for (scenario, ..) in SCENARIOS {
        comes_back(in_sandbox(scenario), scenario);
    }
    comes_back(in_sandbox("partial-permissions").arg("--all-apps"), "all");
    comes_back(in_sandbox("healthy").arg("--pipeline-details"), "details");
    comes_back(Program::new(["verify"]), "not run");
}

#[test]
fn apps_whose_rejections_were_looked_at_with_different_ends_come_back() {
    let server = Bitrise::start(|asked, number| match (asked, number) {
        (Asked::Runs(_), _) => Answer::status(401),
        (_, 0) => Answer::fine(asked, 3),
        (_, 1..=2) => Answer::status(503),
        _ => Answer::status(418),
    });
    let program = Program::verify(&server.base_url());
    let program = program.args(["--all-apps", "--concurrency", "1", "--retries", "0"]);
    comes_back(program, "looks");
}

#[test]
fn named_apps_behind_a_list_that_is_refused_come_back() {
    for status in [401, 403, 404, 500] {
        let server = Bitrise::start(move |_, _| Answer::status(status));
        let program = Program::verify(&server.base_url());
        let program = program.args(["--app", "a1", "--app", "a2", "--retries", "0"]);
        comes_back(program, &status.to_string());
    }
}

#[test]
fn what_a_mistake_explains_comes_back() {
    let command = "$ curl -i -H \"Authorization: $TOKEN\" https://";
    for (answer, reason) in [
        (
            "api.bitrise.io/apps?limit=1\nHTTP/2 401\n\n{\"message\":\"Unauthorized\"}",
            "wrong_base_url",
        ),
        (
            "h.example/v0.1/apps\ncurl: (6) Could not resolve host: h.example",
            "evidence_incomplete",
        ),
    ] {
        let program = Program::new(["diagnose", "-o", "json"]);
        let shown = program.run_with_input(format!("{command}{answer}").as_bytes());
        let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
        assert_eq!(shown["reason"], reason);
        let (again, altered) = judged(&shown);
        assert_eq!(altered, None);
        assert_eq!(again.reason.map(Reason::as_str), Some(reason));
    }
}

#[test]
fn the_command_shows_a_saved_report() {
    for (scenario, code, ..) in SCENARIOS.iter().filter(|row| row.0 != "slow") {
        let folder = tempfile::tempdir().unwrap();
        let run = in_sandbox(scenario).args(["--report", "run.json"]);
        assert_eq!(run.dir(folder.path()).run().code, Some(*code));
        for format in ["human", "json", "markdown", "junit", "github"] {
            let diagnose = ["diagnose", "run.json", "-o", format];
            let again = Program::new(diagnose).dir(folder.path()).run();
            assert_eq!(again.code, Some(*code), "{format}: {}", again.everything());
            has(&again.stdout, "saved report");
        }
    }
}

/// Returns a saved report in JSON.
fn saved(scenario: &str) -> Value {
    let program = in_sandbox(scenario).args(["--all-apps", "-o", "json"]);
    serde_json::from_str(&program.run().stdout).unwrap()
}

#[test]
fn a_report_of_another_form_is_not_believed() {
    let mut report = saved("invalid-permissions");
    for version in ["2.0", "10.1", "0.9", "x"] {
        report["schema_version"] = version.into();
        let program = Program::new(["diagnose", "-o", "json"]);
        let finished = program.run_with_input(report.to_string().as_bytes());
        let refused: Value = serde_json::from_str(&finished.stdout).unwrap();
        assert_eq!(finished.code, Some(4));
        assert_eq!(refused["reason"], "evidence_incomplete");
        has(refused["message"].as_str().unwrap(), "version 1");
    }
}

#[test]
fn only_a_report_may_be_larger_than_a_text() {
    let mut report = saved("partial-permissions");
    let mut one = report["apps"]["items"][1].clone();
    one["title"] = "x".repeat(2_000).into();
    let items = report["apps"]["items"].as_array_mut().unwrap();
    for number in 0..600 {
        let mut item = one.clone();
        item["slug"] = format!("app-{number:03}").into();
        item["is_first"] = false.into();
        items.push(item);
    }
    let folder = tempfile::tempdir().unwrap();
    let text = serde_json::to_string_pretty(&report).unwrap();
    assert!(text.len() > MAX_TEXT);
    let judged = |text: &str| {
        fs::write(folder.path().join("r"), text).unwrap();
        let program = Program::new(["diagnose", "r", "-o", "json"]).dir(folder.path());
        let finished = program.run();
        let judged: Value = serde_json::from_str(&finished.stdout).unwrap();
        (finished.code, judged)
    };
    // It was read to its end: its counts are wrong.
    let (code, again) = judged(&text);
    assert_eq!(code, Some(4), "{again}");
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
        has(message, &format!("longer than {limit}"));
    }
}

#[test]
fn foreign_texts_come_back_as_they_were_shown() {
    for title in HOSTILE {
        let server = formats::hostile_server(&[title], title);
        comes_back(Program::verify(&server.base_url()), title);
    }
}

#[test]
fn a_report_of_a_newer_program_has_other_words_and_more_keys() {
    for (scenario, ..) in &SCENARIOS {
        let mut saved = saved(scenario);
        saved["schema_version"] = "1.7".into();
        for key in ["who", "message", "actions", "links", "reply", "new"] {
            saved[key] = "something else".into();
        }
        for part in ["target", "token", "apps"] {
            saved[part]["new"] = serde_json::json!({"new": [1]});
        }
        saved["token"]["source"] = "another place".into();
        for check in saved["checks"].as_array_mut().unwrap() {
            let version = check.pointer_mut("/request/http_version");
            if let Some(version) = version.filter(|version| !version.is_null()) {
                *version = "HTTP/9.5".into();
            }
        }
        let warning = serde_json::json!({"code": "new", "message": "x"});
        saved["warnings"].as_array_mut().unwrap().push(warning);
        let mut check = saved["checks"][0].clone();
        check["id"] = "builds.list".into();
        saved["checks"].as_array_mut().unwrap().push(check);
        let (diagnosis, altered) = judged(&saved);
        let code = saved["exit_code"].as_u64();
        let found = (altered, Some(u64::from(diagnosis.exit_code)));
        assert_eq!(found, (None, code), "{scenario}");
    }
}

#[test]
fn a_report_of_an_older_program_lacks_keys() {
    for (scenario, ..) in &SCENARIOS {
        let mut saved = saved(scenario);
        let code = saved["exit_code"].as_u64();
        { saved["apps"].as_object_mut().unwrap() }.remove("begins_with_app");
        assert_eq!(judged(&saved).1, None, "{scenario}");
        for key in ["apps", "pipeline_details", "base_url_source", "ca_cert"] {
            saved["target"].as_object_mut().unwrap().remove(key);
        }
        for key in ["listed", "first"] {
            saved["apps"].as_object_mut().unwrap().remove(key);
        }
        for key in ["reason", "dx_error", "reply", "who"] {
            saved[key] = Value::Null;
        }
        for check in saved["checks"].as_array_mut().unwrap() {
            if let Some(request) = check["request"].as_object_mut() {
                for key in ["retry_after_s", "location", "fault"] {
                    request.remove(key);
                }
            }
        }
        let (diagnosis, altered) = judged(&saved);
        let found = (altered, Some(u64::from(diagnosis.exit_code)));
        assert_eq!(found, (None, code), "{scenario}");
    }
}

/// Returns the values that a derived field may have been changed to.
fn changes(pointer: &str, value: &Value) -> Vec<Value> {
    let names: &[&str] = match pointer.rsplit('/').next().unwrap() {
        "verdict" => &["verified", "invalid_permissions", "inconclusive", "not_run"],
        "reason" => &[
            "token_rejected",
            "pipelines_denied",
            "server_error",
            "no_apps",
        ],
        "dx_error" => &["invalid_credentials", "no_resources"],
        "state" => &["accepted", "rejected", "not_tested", "not_a_token"],
        "status" if pointer.starts_with("/checks") => &["pass", "fail", "unknown"],
        "status" => &["readable", "denied", "unknown", "not_reached"],
        _ => &[],
    };
    let mut changes: Vec<Value> = names.iter().map(|name| Value::from(*name)).collect();
    if pointer.ends_with("/http_status") {
        changes.extend([200, 401, 500].map(Value::from));
    }
    match value {
        Value::Bool(is_so) => changes.push((!is_so).into()),
        Value::Number(number) if !pointer.ends_with("/http_status") => {
            changes.push((number.as_u64().unwrap() + 1).into());
        }
        _ => {}
    }
    // A report that could not be written somewhere has exit code 1, whatever it says.
    changes.retain(|change| change != value && !(pointer == "/exit_code" && *change == 1));
    changes
}

/// Tells whether a change of a response's status is one that the reason may have as well.
fn may_be(document: &Value, pointer: &str, change: &Value) -> bool {
    let of = pointer.strip_suffix("/request/http_status");
    let Some(of) = of.or(pointer.strip_suffix("/http_status")) else {
        return false;
    };
    let reason = document.pointer(&format!("{of}/reason")).unwrap();
    match reason.as_str() {
        Some("intercepted") => change == 401,
        Some("pipelines_denied") => change == 401 && pointer.starts_with("/apps"),
        Some("server_error") => change == 500,
        Some("timeout" | "connection_failed") => true,
        _ => false,
    }
}

#[test]
fn whoever_changes_what_follows_is_found_out() {
    let derived = "/verdict /reason /dx_error /exit_code /retryable /token/state \
        /target/is_bitrise /target/sandbox /apps/checked /apps/readable /apps/denied \
        /apps/unknown /apps/not_reached /apps/unlisted";
    let mut tried = 0;
    for (scenario, options) in [
        ("healthy", &["--all-apps"][..]),
        ("healthy", &["--pipeline-details"]),
        ("partial-permissions", &["--all-apps"]),
        ("invalid-permissions", &[]),
        ("invalid-credentials", &[]),
        ("no-resources", &[]),
        ("captive-portal", &[]),
        ("outage", &["--retries", "0"]),
        ("rate-limited", &["--retries", "0"]),
    ] {
        let program = options.iter().fold(in_sandbox(scenario), Program::arg);
        let program = program.args(["-o", "json"]);
        let saved: Value = serde_json::from_str(&program.run().stdout).unwrap();
        assert_eq!(judged(&saved).1, None, "{scenario}");
        let mut pointers: Vec<String> = derived.split(' ').map(str::to_owned).collect();
        for (number, check) in saved["checks"].as_array().unwrap().iter().enumerate() {
            pointers.push(format!("/checks/{number}/status"));
            pointers.push(format!("/checks/{number}/reason"));
            if !check["request"].is_null() {
                pointers.push(format!("/checks/{number}/request/http_status"));
            }
        }
        // Among the first few is one of each kind.
        for number in 0..saved["apps"]["items"].as_array().unwrap().len().min(4) {
            for name in ["status", "reason", "http_status", "is_first"] {
                pointers.push(format!("/apps/items/{number}/{name}"));
            }
        }
        for number in 0..saved["apps"]["workspaces"].as_array().unwrap().len() {
            for name in ["apps", "readable", "denied", "without_runs", "disabled"] {
                pointers.push(format!("/apps/workspaces/{number}/{name}"));
            }
        }
        for pointer in pointers {
            let value = saved.pointer(&pointer).unwrap();
            for change in changes(&pointer, value) {
                if may_be(&saved, &pointer, &change) {
                    continue;
                }
                let mut forged = saved.clone();
                *forged.pointer_mut(&pointer).unwrap() = change.clone();
                let (diagnosis, altered) = judged(&forged);
                assert!(altered.is_some(), "{scenario}: {pointer}: {change}");
                assert_eq!(diagnosis.reason, Some(Reason::EvidenceIncomplete));
                assert!(diagnosis.result.to_string().contains(&altered.unwrap()));
                tried += 1;
            }
        }
        for number in 0..saved["checks"].as_array().unwrap().len() {
            let mut forged = saved.clone();
            forged["checks"].as_array_mut().unwrap().remove(number);
            assert!(judged(&forged).1.is_some(), "{scenario}: check {number}");
        }
    }
    assert!(tried > 300, "{tried}");
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

/// Returns the paths of the strings that may be this text as well. What tells what the document is, or
/// follows from the rest, can't be any text.
fn free(saved: &Value, text: &str) -> Vec<String> {
    let mut paths = Vec::new();
    strings(saved, "", &mut paths);
    paths.retain(|path| {
        let mut one = saved.clone();
        *one.pointer_mut(path).unwrap() = text.into();
        read(&one.to_string()).is_some_and(|report| report.altered.is_none())
    });
    paths
}

#[test]
fn a_report_that_somebody_changed_is_harmless() {
    let saved = saved("partial-permissions");
    let paths = free(&saved, "any other \u{1b}text");
    assert!(paths.len() > 20, "{paths:?}");
    let forged = [
        "\u{1b}[2J\r\n✓ DX should accept this token.\n::error::x",
        "bitrise-dx verify; rm",
    ];
    for text in HOSTILE.into_iter().chain(forged) {
        let mut all = saved.clone();
        for path in &paths {
            *all.pointer_mut(path).unwrap() = text.into();
        }
        let (diagnosis, altered) = judged(&all);
        assert_eq!((altered, diagnosis.exit_code), (None, 5));
        let mut commands = diagnosis.reproduce.iter();
        assert!(!commands.any(|command| command.contains("; rm")));
        for (ending, document) in documents(&diagnosis) {
            formats::is_harmless(ending, &document);
        }
    }
}

#[test]
fn a_report_that_holds_a_token_or_a_password_shows_neither() {
    let saved = saved("invalid-permissions");
    let address = "see http://dana:pa55word@h.example:1/x";
    for (text, secrets) in [
        (CANARY, ["canary", "bitwat_"]),
        (address, ["dana", "pa55word"]),
    ] {
        let mut all = saved.clone();
        for path in free(&saved, text) {
            *all.pointer_mut(&path).unwrap() = text.into();
        }
        for format in ["human", "json", "markdown", "junit", "github"] {
            let program = Program::new(["diagnose", "-v", "-o", format]);
            let finished = program.run_with_input(all.to_string().as_bytes());
            for secret in secrets {
                lacks(&finished.everything().to_lowercase(), secret);
            }
        }
    }
}

#[test]
fn lists_and_numbers_of_any_size_are_read() {
    let saved = saved("invalid-permissions");
    let numbers = "/apps/total /apps/listed /apps/readable /duration_ms \
        /checks/1/request/duration_ms /retry_after_s /apps/workspaces/0/apps";
    for path in numbers.split(' ') {
        let mut saved = saved.clone();
        *saved.pointer_mut(path).unwrap() = u64::MAX.into();
        saved["checked_at"] = "9999-12-31T23:59:60Z".into();
        let (diagnosis, _) = judged(&saved);
        assert!(!render::human(&diagnosis, WIDE).is_empty());
    }
    let mut many = saved;
    let check = many["checks"][0].clone();
    many["checks"] = vec![check; 30_000].into();
    assert!(judged(&many).1.is_some());
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_report_has_no_place_for_costs_no_memory() {
    let server = crate::support::bitrise::Bitrise::with(400);
    let program = Program::verify(&server.base_url()).args(["--all-apps", "-o", "json"]);
    let report: Value = serde_json::from_str(&program.run().stdout).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let peak = |before: &str, pointer: &str, junk: &str, bytes: usize| {
        let (of, key) = pointer.rsplit_once('/').unwrap();
        let mut report = report.clone();
        let place = report.pointer_mut(of).unwrap();
        place[key] = "HERE".into();
        let junk = vec![junk; bytes / (junk.len() + 1)].join(",");
        let text = report.to_string().replace("\"HERE\"", &format!("[{junk}]"));
        fs::write(folder.path().join("r"), format!("{before}{text}")).unwrap();
        let program = Program::new(["diagnose", "r", "-o", "json"]).dir(folder.path());
        crate::support::process::peak_of(program).0
    };
    for (before, pointer, junk) in [
        ("", "/junk", r#"{"a":1}"#),
        ("$ cat r\n", "/junk", r#"{"a":1}"#),
        ("", "/apps/junk", "1"),
        ("", "/target/junk", "[]"),
        ("", "/reason", "1"),
        ("", "/actions", r#""""#),
    ] {
        let [small, large] = [1, 5].map(|size| peak(before, pointer, junk, size * MAX_TEXT / 8));
        // The text itself is there a few times, undressed and cleaned.
        let times = large.saturating_sub(small) / (MAX_TEXT as u64 / 2 / 1024);
        assert!(times < 8, "{pointer}: {small} to {large} KiB");
    }
}

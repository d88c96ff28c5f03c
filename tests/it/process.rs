//! The program as its users run it: arguments in, exit code and text out.

use crate::schema::{self, AppItem};
use crate::support::process::{CANARY, Program, Served};
use crate::support::server::{Act, Server, healthy, json, response};
use crate::support::{has, lacks};
use bitrise_dx::sandbox::TOKEN;
use std::fs;

/// What each scenario of the sandbox must lead to: exit code, verdict, reason.
pub(crate) const SCENARIOS: [(&str, i32, &str, Option<&str>); 9] = [
    ("healthy", 0, "verified", None),
    ("invalid-credentials", 3, "invalid_credentials", REJECTED),
    ("invalid-permissions", 5, "invalid_permissions", DENIED),
    ("partial-permissions", 0, "verified", None),
    ("no-resources", 6, "no_resources", Some("no_apps")),
    ("rate-limited", 4, "inconclusive", Some("rate_limited")),
    ("outage", 4, "inconclusive", Some("server_error")),
    ("captive-portal", 4, "inconclusive", Some("intercepted")),
    ("slow", 4, "inconclusive", Some("timeout")),
];

const REJECTED: Option<&str> = Some("token_rejected");
const DENIED: Option<&str> = Some("pipelines_denied");

/// Prepares a run of a scenario that does not take long.
pub(crate) fn in_sandbox(scenario: &str) -> Program {
    let program = Program::new(["verify", "--retries", "0", "--sandbox", scenario]);
    if scenario == "slow" {
        program.args(["--timeout", "100ms"])
    } else {
        program
    }
}

#[test]
fn what_people_read_for_each_scenario() {
    let shown = SCENARIOS.map(|(scenario, ..)| {
        let human = in_sandbox(scenario).env("LANG", "en_GB.UTF-8").run();
        let text = crate::formats::steady(&human.stdout);
        format!("######## {scenario}\n{text}\n")
    });
    insta::assert_snapshot!("scenarios", shown.concat());
}

#[test]
fn the_token_can_come_from_a_file_or_standard_input() {
    let server = healthy();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, format!("{CANARY}\r\n")).unwrap();
    let program = || Program::new(["verify", "-o", "json", "--base-url", &server.base_url()]);
    let file = program()
        .arg("--token-file")
        .arg(&path)
        .env("BITRISE_TOKEN", "bitwat_other")
        .run();
    let found = file.report();
    assert_eq!(found.token.source.as_deref(), Some("file"));
    assert_eq!(found.token.kind.as_deref(), Some("workspace"));
    assert_eq!(found.warnings.len(), 0);
    let input = program()
        .args(["--token-file", "-"])
        .run_with_input(b"token bitpat_x \n");
    let found = input.report();
    assert_eq!(found.token.source.as_deref(), Some("stdin"));
    let expected = ["token_trimmed", "token_scheme", "personal_token"];
    assert_eq!(found.warned(), expected);
    let requests = server.requests();
    let sent = requests
        .iter()
        .map(|it| it.header("authorization").unwrap());
    let expected = [CANARY, CANARY, "bitpat_x", "bitpat_x"];
    assert_eq!(sent.collect::<Vec<_>>(), expected);
}

#[test]
fn a_run_without_a_usable_token_sends_nothing_and_says_why() {
    const FORK: &str = "This build is of a pull request from a fork, and CircleCI gives such builds \
                        no secrets unless the project's settings allow it.";
    let server = healthy();
    let url = server.base_url();
    let program = || Program::new(["verify", "-o", "json", "--base-url", &url]);
    let folder = tempfile::tempdir().unwrap();
    for program in [
        program(),
        program().env("BITRISE_TOKEN", ""),
        program().env("BITRISE_TOKEN", " \n"),
        program().args(["--token-file", "-"]),
    ] {
        let found = program.run().report();
        assert_eq!((found.exit_code, found.outcome()), (2, "token_missing"));
        assert!(found.checks.iter().all(|check| check.request.is_none()));
    }
    fs::write(folder.path().join("empty"), "\n").unwrap();
    for (path, words) in [
        ("-", "nothing came from standard input"),
        ("empty", "the file of --token-file is empty"),
    ] {
        let program = program().dir(folder.path()).args(["--token-file", path]);
        let program = program.env("BITRISE_TOKEN", CANARY).env("CI", "true");
        let found = program.run().report();
        assert_eq!(found.outcome(), "token_missing");
        has(&found.message, words);
        lacks(&found.said(), "BITRISE_TOKEN");
        lacks(&found.said(), "CI system");
    }
    // The cause that the build proves is said at once; elsewhere nobody speaks of forks.
    let fork = &[("CIRCLECI", "true"), ("CIRCLE_PR_NUMBER", "4")][..];
    for (variables, is_fork) in [(&[][..], false), (&[("CI", "true")], false), (fork, true)] {
        let set = |run: Program, &(name, value): &(&str, &str)| run.env(name, value);
        let found = variables.iter().fold(program(), set).run().report();
        assert_eq!(found.outcome(), "token_missing");
        assert_eq!(found.message.ends_with(FORK), is_fork, "{}", found.message);
        let said = found.said();
        assert_eq!(said.contains("fork"), is_fork, "{said}");
        assert!(!is_fork || found.causes.is_empty(), "nothing else: {said}");
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn the_environment_can_name_the_address() {
    let server = healthy();
    let program = Program::new(["verify"]).env("BITRISE_TOKEN", CANARY);
    let program = program.env("BITRISE_API_BASE_URL", server.base_url() + "/");
    let found = program.report();
    assert_eq!(found.target.base_url, Some(server.base_url()));
    assert_eq!(found.verdict, "verified");
    // The sandbox takes its place, and the variable is no contradiction.
    let program = Program::new(["verify", "--sandbox"]);
    let program = program.env("BITRISE_API_BASE_URL", server.base_url());
    let found = program.report();
    assert_eq!(found.target.sandbox.as_deref(), Some("healthy"));
}

#[test]
fn chosen_apps_and_their_details_are_checked() {
    let list = r#"{"data":[{"slug":"a"},{"slug":"b"}],"paging":{"total_item_count":2}}"#;
    let build = r#"{"data":[{"slug":"build","is_pipeline":false}]}"#;
    let both =
        r#"{"data":[{"slug":"build","is_pipeline":false},{"slug":"run","is_pipeline":true}]}"#;
    let server = Server::start(move |request, _| match request.target.as_str() {
        "/v0.1/apps?limit=50" => json(200, list),
        "/v0.1/apps/a/pipelines?limit=10" => json(200, both),
        "/v0.1/apps/b/pipelines?limit=10" => json(200, build),
        "/v0.1/apps/a/pipelines/run" => json(200, r#"{"id":"run"}"#),
        _ => json(404, r#"{"message":"Not Found"}"#),
    });
    let program = Program::verify(&server.base_url()).arg("--pipeline-details");
    let found = program.args(["--app=a", "--app=b", "--app=a"]).report();
    let of = |item: &AppItem| {
        let [runs, details] = [&item.pipelines, &item.details].map(|it| it.clone().unwrap());
        format!(
            "{} {} {:?} {runs} {details}",
            item.slug, item.status, item.http_status
        )
    };
    let items: Vec<_> = found.apps.items.iter().map(of).collect();
    let expected = [
        "a readable Some(200) seen pass",
        "b readable Some(200) seen skip",
    ];
    assert_eq!(items, expected);
    for id in ["pipelines.list", "pipelines.show"] {
        assert_eq!(found.check(id).status, "pass");
    }
    assert_eq!(found.check("pipelines.list").message, "2 apps: 2 readable");
    let apps = &found.apps;
    assert_eq!((apps.total, apps.checked, apps.unlisted), (Some(2), 2, 0));

    let found = Program::verify(&server.base_url())
        .args(["--app", "c"])
        .report();
    assert_eq!(found.outcome(), "app_not_accessible");
    let request = found.check("pipelines.list").request.as_ref().unwrap();
    assert_eq!(request.api_message.as_deref(), Some("Not Found"));
}

#[test]
fn a_token_in_an_address_is_not_sent_there() {
    let server = healthy();
    let unprefixed = "0ldt0kenCANARY";
    let in_path = format!("{}/{unprefixed}", server.base_url());
    let with_prefix = format!("{}/{CANARY}", server.base_url());
    for (token, url, app) in [
        (unprefixed, server.base_url(), unprefixed),
        (unprefixed, in_path, "a"),
        (CANARY, with_prefix.clone(), "a"),
        ("", with_prefix, "a"),
    ] {
        for format in ["human", "json"] {
            let program = Program::new(["verify", "-o", format, "--base-url", &url, "--app", app]);
            let finished = program.env("BITRISE_TOKEN", token).run();
            assert_eq!(finished.code, Some(2));
            lacks(&finished.everything(), "CANARY");
        }
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_token_of_digits_leaves_the_numbers_of_a_report_alone() {
    let body = r#"{"message":"31536000"}"#;
    let limit = response(429, "Retry-After: 31536000\r\n", body);
    let server = Server::always(move || Act::Send(limit.clone()));
    let program = Program::new(["verify", "--base-url", &server.base_url()]);
    let found = program.env("BITRISE_TOKEN", "31536000").report();
    assert_eq!(found.retry_after_s, Some(31_536_000));
    let request = found.checks[1].request.as_ref().unwrap();
    assert_eq!(request.api_message.as_deref(), Some("[token]"));
}

#[test]
fn a_report_takes_the_place_of_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    fs::write(folder.path().join("kept.txt"), "kept").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("kept.txt", folder.path().join("report.json")).unwrap();
    for (run, code, verdict) in [
        (in_sandbox("no-resources"), 6, "no_resources"),
        (Program::new(["verify"]), 2, "not_run"),
    ] {
        let run = run.args(["-q", "--report", "report.json", "--report", "two.JSON"]);
        assert_eq!(run.dir(folder.path()).run().code, Some(code));
        assert_eq!(schema::read(&read("report.json")).verdict, verdict);
        assert_eq!(read("report.json"), read("two.JSON"));
    }
    assert_eq!(read("kept.txt"), "kept");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_changes_nothing_and_a_full_disk_is_an_error() {
    let mut command = in_sandbox("no-resources").into_command();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(command.stdout(writer).status().unwrap().code(), Some(6));
    if let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") {
        let mut command = in_sandbox("healthy").into_command();
        let output = command.stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn further_attempts_are_told_with_v_alone() {
    let server = Server::always(|| Act::Send(response(503, "Retry-After: 0\r\n", "")));
    let program = || Program::verify(&server.base_url()).args(["--retries", "1"]);
    let finished = program().arg("-v").run();
    let said = finished.stderr;
    assert!(
        said.starts_with("attempt 1 of 2 answered with 503; retry in 0."),
        "{said}"
    );
    assert!(
        said.ends_with(" s\n") && said.lines().count() == 1,
        "{said}"
    );
    let finished = program().run();
    assert_eq!(finished.stderr, "");
    has(&finished.stdout, "2 attempts");
}

#[cfg(unix)]
#[test]
fn a_plain_locale_gets_plain_characters() {
    for program in [
        in_sandbox("healthy"),
        in_sandbox("no-resources").env("LC_ALL", "C"),
        in_sandbox("no-resources").env("TERM", "dumb"),
        Program::new(["explain"]),
    ] {
        let text = program.run().everything();
        assert!(text.is_ascii() && !text.contains('\u{1b}'), "{text}");
    }
    let german = in_sandbox("healthy").env("LANG", "de_DE.UTF-8");
    has(&german.run().stdout, "✓");
}

#[test]
fn the_sandbox_command_serves_what_verify_can_ask() {
    let served = Served::start(Program::new(["sandbox", "--scenario", "no-resources"]));
    let program = || Program::verify(&served.base_url);
    let found = program().env("BITRISE_TOKEN", TOKEN).report();
    let wrong = program().report();
    assert_eq!(found.verdict, "no_resources");
    assert_eq!(wrong.verdict, "invalid_credentials");
}

#[test]
fn explain_has_a_page_for_every_verdict_and_reason() {
    use bitrise_dx::diagnosis;
    use bitrise_dx::verdict::{Reason, Verdict};
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let run = |args: &[&str]| {
        let page = Program::new(["explain"].iter().chain(args));
        let page = page.env("LANG", "C.UTF-8").run();
        assert_eq!(page.code, Some(0));
        words(&page.stdout)
    };
    let index = run(&[]);
    for verdict in Verdict::ALL {
        let page = run(&[verdict.as_str()]);
        for page in [&page, &index] {
            has(page, &words(diagnosis::words("verdict", verdict.as_str())));
        }
        has(
            &page,
            verdict
                .dx_error()
                .map_or("DX shows", |code| diagnosis::words("dx", code)),
        );
        has(&index, verdict.as_str());
        for reason in Reason::ALL.iter().filter(|r| r.verdict() == *verdict) {
            has(&page, &words(&diagnosis::happened(*reason)));
        }
    }
    for reason in Reason::ALL {
        let name = reason.as_str();
        let page = run(&[&name.to_uppercase()]);
        for (heading, lines) in &diagnosis::page(*reason) {
            assert!(!lines.is_empty(), "{heading}: {page}");
            for text in lines {
                has(&page, &words(&text.to_string()));
            }
        }
        let meaning = words(&diagnosis::happened(*reason));
        has(&page, &meaning);
        has(
            &page,
            &format!("exit code {}", reason.verdict().exit_code()),
        );
        has(&index, &format!("{name} {meaning}"));
    }
}

#[test]
fn the_schema_is_printed_as_it_is() {
    let finished = Program::new(["schema"]).run();
    assert_eq!(finished.stdout, bitrise_dx::render::SCHEMA);
    assert_eq!(finished.code, Some(0));
}

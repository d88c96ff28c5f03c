//! The program as its users run it: arguments in, exit code and text out.

use crate::schema::{self, AppItem};
use crate::support::process::{CANARY, Program, Served};
use crate::support::server::{Act, Server, healthy, json, response};
use crate::support::tls::{Proxy, ProxyAnswer, TlsServer};
use bitrise_dx::sandbox::TOKEN;
use std::fs;
#[cfg(unix)]
use std::process::Stdio;

/// What each scenario of the sandbox must lead to: exit code, verdict, reason.
pub(crate) const SCENARIOS: [(&str, i32, &str, Option<&str>); 9] = [
    ("healthy", 0, "verified", None),
    (
        "invalid-credentials",
        3,
        "invalid_credentials",
        Some("token_rejected"),
    ),
    (
        "invalid-permissions",
        5,
        "invalid_permissions",
        Some("pipelines_denied"),
    ),
    ("partial-permissions", 0, "verified", None),
    ("no-resources", 6, "no_resources", Some("no_apps")),
    ("rate-limited", 4, "inconclusive", Some("rate_limited")),
    ("outage", 4, "inconclusive", Some("server_error")),
    ("captive-portal", 4, "inconclusive", Some("intercepted")),
    ("slow", 4, "inconclusive", Some("timeout")),
];

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
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_suffix("human");
    for (scenario, ..) in SCENARIOS {
        let human = in_sandbox(scenario).env("LANG", "en_GB.UTF-8").run();
        let text = crate::formats::steady(&human.stdout);
        settings.bind(|| insta::assert_snapshot!(scenario, text));
    }
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
    let codes: Vec<_> = found
        .warnings
        .iter()
        .map(|warning| warning.code.as_str())
        .collect();
    assert_eq!(codes, ["token_trimmed", "token_scheme", "personal_token"]);
    let sent: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.header("authorization").map(str::to_owned))
        .collect();
    assert_eq!(
        sent,
        [CANARY, CANARY, "bitpat_x", "bitpat_x"].map(|t| Some(t.to_owned()))
    );
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
        let found = program
            .env("BITRISE_TOKEN", CANARY)
            .env("CI", "true")
            .run()
            .report();
        assert_eq!(found.outcome(), "token_missing");
        assert!(found.message.contains(words), "{}", found.message);
        let said = format!("{} {:?} {:?}", found.message, found.causes, found.actions);
        assert!(
            !said.contains("BITRISE_TOKEN") && !said.contains("CI system"),
            "{said}"
        );
    }
    // The cause that the build proves is said at once; elsewhere nobody speaks of forks.
    let fork = &[("CIRCLECI", "true"), ("CIRCLE_PR_NUMBER", "4")][..];
    for (variables, is_fork) in [(&[][..], false), (&[("CI", "true")], false), (fork, true)] {
        let set = |run: Program, &(name, value): &(&str, &str)| run.env(name, value);
        let found = variables.iter().fold(program(), set).run().report();
        assert_eq!(found.outcome(), "token_missing");
        assert_eq!(found.message.ends_with(FORK), is_fork, "{}", found.message);
        let said = format!("{} {:?} {:?}", found.message, found.causes, found.actions);
        assert_eq!(said.contains("fork"), is_fork, "{said}");
        assert!(!is_fork || found.causes.is_empty(), "nothing else: {said}");
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn the_environment_can_name_the_address() {
    let server = healthy();
    let program = Program::new(["verify"]).env("BITRISE_TOKEN", CANARY);
    let found = program
        .env("BITRISE_API_BASE_URL", server.base_url() + "/")
        .report();
    assert_eq!(found.target.base_url, Some(server.base_url()));
    assert_eq!(found.verdict, "verified");
    // The sandbox takes its place, and the variable is no contradiction.
    let program = Program::new(["verify", "--sandbox"]);
    let found = program
        .env("BITRISE_API_BASE_URL", server.base_url())
        .report();
    assert_eq!(found.target.sandbox.as_deref(), Some("healthy"));
}

#[test]
fn chosen_apps_and_their_details_are_checked() {
    let server = Server::start(|request, _| match request.target.as_str() {
        "/v0.1/apps?limit=50" => json(
            200,
            r#"{"data":[{"slug":"a"},{"slug":"b"}],"paging":{"total_item_count":2}}"#,
        ),
        "/v0.1/apps/a/pipelines?limit=10" => json(
            200,
            r#"{"data":[{"slug":"build","is_pipeline":false},{"slug":"run","is_pipeline":true}]}"#,
        ),
        "/v0.1/apps/b/pipelines?limit=10" => {
            json(200, r#"{"data":[{"slug":"build","is_pipeline":false}]}"#)
        }
        "/v0.1/apps/a/pipelines/run" => json(200, r#"{"id":"run"}"#),
        _ => json(404, r#"{"message":"Not Found"}"#),
    });
    let both = Program::verify(&server.base_url()).args([
        "-o",
        "json",
        "--pipeline-details",
        "--app",
        "a",
        "--app",
        "b",
        "--app",
        "a",
    ]);
    let found = both.run().report();
    let checks: Vec<_> = found
        .checks
        .iter()
        .map(|c| (c.id.as_str(), c.status.as_str()))
        .collect();
    assert_eq!(
        checks[2..],
        [("pipelines.list", "pass"), ("pipelines.show", "pass")]
    );
    assert_eq!(found.checks[2].message, "2 apps: 2 readable");
    let app = |item: &AppItem| {
        let [pipelines, details] = [&item.pipelines, &item.details];
        let (slug, status) = (item.slug.clone(), item.status.clone());
        (
            slug,
            status,
            item.http_status,
            pipelines.clone(),
            details.clone(),
        )
    };
    let expected = |slug: &str, pipelines: &str, details: &str| {
        let [pipelines, details] = [pipelines, details].map(|text| Some(text.to_owned()));
        (
            slug.to_owned(),
            "readable".to_owned(),
            Some(200),
            pipelines,
            details,
        )
    };
    let apps = &found.apps;
    let items: Vec<_> = apps.items.iter().map(app).collect();
    assert_eq!(
        items,
        [expected("a", "seen", "pass"), expected("b", "seen", "skip")]
    );
    assert_eq!((apps.total, apps.checked, apps.readable), (Some(2), 2, 2));
    assert_eq!(
        (apps.denied, apps.unknown, apps.not_reached, apps.unlisted),
        (0, 0, 0, 0)
    );

    let strange = Program::verify(&server.base_url()).args(["-o", "json", "--app", "c"]);
    let found = strange.run().report();
    assert_eq!(found.outcome(), "app_not_accessible");
    assert_eq!(found.apps.denied, 1);
    assert_eq!(
        found.checks[2]
            .request
            .as_ref()
            .unwrap()
            .api_message
            .as_deref(),
        Some("Not Found")
    );
}

#[test]
fn a_refused_detail_is_found_only_where_it_is_asked_for() {
    let server = Server::start(|request, _| match request.target.as_str() {
        "/v0.1/apps?limit=50" => json(200, r#"{"data":[{"slug":"a"}]}"#),
        target if target.contains("pipelines?") => {
            json(200, r#"{"data":[{"slug":"run","is_pipeline":true}]}"#)
        }
        _ => json(404, r#"{"message":"Not Found"}"#),
    });
    let program = || Program::verify(&server.base_url());
    assert_eq!(program().report().outcome(), "verified");
    let found = program().arg("--pipeline-details").report();
    assert_eq!(found.outcome(), "pipeline_details_denied");
}

#[test]
fn a_401_to_the_pipelines_is_looked_at_twice() {
    for (again, code, reason) in [
        (401, 3, "token_rejected"),
        (200, 5, "pipelines_denied"),
        (500, 4, "server_error"),
        (403, 4, "unexpected_status"),
    ] {
        let server = Server::start(move |request, number| {
            match (request.target.contains("pipelines"), number) {
                (true, _) => json(401, r#"{"message":"Unauthorized"}"#),
                (false, 0) => json(200, r#"{"data":[{"slug":"a"}]}"#),
                (false, _) => json(again, r#"{"message":"no","data":[{"slug":"a"}]}"#),
            }
        });
        let found = Program::verify(&server.base_url())
            .args(["--retries", "0"])
            .report();
        assert_eq!(
            (found.exit_code, found.reason.as_deref()),
            (code, Some(reason)),
            "{again}"
        );
        assert_eq!(server.requests().len(), 3);
        // Every request that decided has its entry.
        let asked = |id| {
            let check = found.checks.iter().find(|check| check.id == id);
            check.unwrap().request.as_ref().unwrap().http_status
        };
        assert_eq!(asked("apps.list"), Some(200));
        assert_eq!(asked("apps.recheck"), Some(again));
        assert_eq!(asked("pipelines.list"), Some(401));
    }
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
            assert!(
                !finished.everything().contains("CANARY"),
                "{}",
                finished.everything()
            );
        }
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_token_of_digits_leaves_the_numbers_of_a_report_alone() {
    let server = Server::start(|_, _| {
        Act::Send(response(
            429,
            "Retry-After: 31536000\r\n",
            r#"{"message":"31536000"}"#,
        ))
    });
    let program = Program::new(["verify", "--base-url", &server.base_url()]);
    let found = program.env("BITRISE_TOKEN", "31536000").report();
    assert_eq!(found.retry_after_s, Some(31_536_000));
    let request = found.checks[1].request.as_ref().unwrap();
    assert_eq!(request.api_message.as_deref(), Some("[token]"));
}

#[test]
fn a_report_that_can_be_written_says_why_another_can_not() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::new(["verify", "--report", "good.json", "--report", "bad.txt"]);
    assert_eq!(program.dir(folder.path()).run().code, Some(2));
    let text = fs::read_to_string(folder.path().join("good.json")).unwrap();
    assert_eq!(
        schema::read(&text).reason.as_deref(),
        Some("invalid_options")
    );
}

#[test]
fn a_proxy_is_used_and_named_without_its_password() {
    let server = TlsServer::start(healthy());
    let (_folder, ca) = server.ca_file();
    let proxy = Proxy::start(ProxyAnswer::Open);
    let address = format!("http://user:pa55word@{}", proxy.address);
    let program = Program::verify(&server.base_url()).args(["-o", "json", "--ca-cert"]);
    let finished = program.arg(&ca).env("HTTPS_PROXY", address).run();
    let found = finished.report();
    assert_eq!(found.verdict, "verified", "{}", finished.stdout);
    assert_eq!(
        found.target.proxy,
        Some(format!("http://{}", proxy.address))
    );
    assert!(!finished.everything().contains("pa55word"));
    let heads = proxy.heads();
    assert!(
        heads
            .iter()
            .all(|head| head.starts_with("CONNECT localhost:") && !head.contains("CANARY"))
    );
    assert!(!heads.is_empty());
    assert!(
        found.reproduce[0].contains("--cacert"),
        "{:?}",
        found.reproduce
    );
}

#[test]
fn plain_http_never_goes_through_a_proxy() {
    let server = healthy();
    let proxy = Proxy::start(ProxyAnswer::Open);
    let address = format!("http://{}", proxy.address);
    let program = Program::verify(&server.base_url()).args(["-o", "json"]);
    let program = program
        .env("http_proxy", &address)
        .env("ALL_PROXY", &address);
    assert_eq!(program.run().report().target.proxy, None);
    assert_eq!(proxy.heads().len(), 0);
}

#[test]
fn reports_are_written_for_every_verdict_and_replace_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept.txt");
    fs::write(&kept, "kept").unwrap();
    let path = folder.path().join("report.json");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&kept, &path).unwrap();
    for (scenario, code, verdict, _) in SCENARIOS {
        let program = in_sandbox(scenario).dir(folder.path());
        let finished = program
            .args(["-q", "--report", "report.json", "--report", "two.JSON"])
            .run();
        assert_eq!(finished.code, Some(code));
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(schema::read(&text).verdict, verdict);
        assert_eq!(
            text,
            fs::read_to_string(folder.path().join("two.JSON")).unwrap()
        );
    }
    let finished = Program::new(["verify", "--report", "report.json"])
        .dir(folder.path())
        .run();
    assert_eq!(finished.code, Some(2));
    assert_eq!(
        schema::read(&fs::read_to_string(&path).unwrap()).verdict,
        "not_run"
    );
    assert_eq!(fs::read_to_string(&kept).unwrap(), "kept");
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
        let output = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap();
        assert_eq!(output.wait_with_output().unwrap().status.code(), Some(1));
    }
}

#[test]
fn further_attempts_are_told_with_v_alone() {
    let server = Server::start(|_, _| Act::Send(response(503, "Retry-After: 0\r\n", "")));
    let program = || Program::verify(&server.base_url()).args(["--retries", "1"]);
    let finished = program().arg("-v").run();
    let line = finished
        .stderr
        .strip_prefix("attempt 1 of 2 answered with 503; retry in 0.");
    assert!(
        line.is_some_and(|rest| rest.ends_with(" s\n") && rest.lines().count() == 1),
        "{}",
        finished.stderr
    );
    let finished = program().run();
    assert_eq!(finished.stderr, "");
    assert!(
        finished.stdout.contains("2 attempts"),
        "{}",
        finished.stdout
    );
}

#[test]
fn a_wait_that_does_not_fit_is_told_to_scripts() {
    let program = Program::new(["verify", "--sandbox", "rate-limited"]);
    let found = program.report();
    assert_eq!((found.retryable, found.retry_after_s), (true, Some(600)));
    assert_eq!(found.checks[1].request.as_ref().unwrap().attempts, 1);
}

#[cfg(unix)]
#[test]
fn a_plain_locale_gets_plain_characters() {
    for program in [
        in_sandbox("healthy"),
        in_sandbox("no-resources").env("LC_ALL", "C"),
        Program::new(["explain"]),
    ] {
        let text = program.run().stdout;
        assert!(text.is_ascii(), "{text}");
    }
    let text = in_sandbox("healthy")
        .env("LANG", "de_DE.UTF-8")
        .run()
        .stdout;
    assert!(text.contains('✓'), "{text}");
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
    let index = Program::new(["explain"]).run();
    let run = |code: &str| {
        let page = Program::new(["explain", code]).env("LANG", "C.UTF-8").run();
        assert_eq!(page.code, Some(0));
        page.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for verdict in Verdict::ALL {
        let page = run(verdict.as_str());
        assert!(
            page.contains(&words(diagnosis::meaning(*verdict))),
            "{page}"
        );
        let shown = diagnosis::dx_words(*verdict).unwrap_or("DX shows");
        assert!(page.contains(shown), "{page}");
        assert!(index.stdout.contains(verdict.as_str()));
        for reason in Reason::ALL.iter().filter(|r| r.verdict() == *verdict) {
            let meaning = words(diagnosis::page(*reason).meaning);
            assert!(page.contains(&meaning), "{meaning}: {page}");
        }
    }
    for reason in Reason::ALL {
        let page = run(&reason.as_str().to_uppercase());
        let entry = diagnosis::page(*reason);
        let causes = entry.causes.iter();
        let causes = causes.map(|(cause, when)| match when.as_str() {
            "" => cause.to_string(),
            when => format!("{cause} [{when}]"),
        });
        let actions = entry.actions.iter();
        let actions = actions.map(|(action, who, when)| match when.as_str() {
            "" => format!("{action} [{}]", who.as_str()),
            when => format!("{action} [{}, if {when}]", who.as_str()),
        });
        let others = entry.links.iter().chain(&entry.questions);
        let others = others.map(|text| (*text).to_owned());
        for text in causes.chain(actions).chain(others) {
            assert!(page.contains(&words(&text)), "{text}: {page}");
        }
        assert!(
            !entry.causes.is_empty() && !entry.actions.is_empty(),
            "{page}"
        );
        assert!(page.contains(&words(entry.meaning)), "{page}");
        assert!(page.contains(&format!("exit code {}", reason.verdict().exit_code())));
        assert!(index.stdout.contains(reason.as_str()));
    }
}

#[test]
fn a_code_that_does_not_exist_gets_a_suggestion() {
    let finished = Program::new(["explain", "token_rejectd"]).run();
    assert_eq!(finished.code, Some(2));
    assert!(
        finished.stderr.contains("token_rejected"),
        "{}",
        finished.stderr
    );
}

#[test]
fn the_schema_is_printed_as_it_is() {
    let finished = Program::new(["schema"]).run();
    assert_eq!(finished.stdout, bitrise_dx::render::SCHEMA);
    assert_eq!(finished.code, Some(0));
}

#[test]
fn help_is_what_it_was() {
    for (name, args) in [
        ("help", &["--help"][..]),
        ("help-verify", &["verify", "--help"]),
        ("help-explain", &["explain", "--help"]),
        ("help-sandbox", &["sandbox", "--help"]),
        ("help-schema", &["schema", "--help"]),
    ] {
        let finished = Program::new(args).run();
        assert_eq!(finished.code, Some(0));
        insta::assert_snapshot!(name, finished.stdout);
    }
}

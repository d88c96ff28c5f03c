//! What people put behind `verify`: apps as they have them, options misspelt, files that are not
//! there.

use crate::schema::{self, Report};
use crate::support::process::{CANARY, Program};
use crate::support::server::{Server, healthy, json};
use std::fs;

/// Asserts that a run ended before anything was sent, as a document with these words.
fn assert_refused(program: Program, reason: &str, words: &[&str]) {
    let finished = program.run();
    let found = finished.report();
    assert_eq!(found.verdict, "not_run", "{}", found.message);
    assert_eq!(found.exit_code, 2);
    assert_eq!(found.outcome(), reason, "{}", found.message);
    for words in words {
        assert!(found.message.contains(words), "{words}: {}", found.message);
    }
    assert!(
        !finished.everything().contains("CANARY"),
        "{}",
        found.message
    );
    assert!(
        !finished.everything().contains("canary"),
        "{}",
        found.message
    );
}

/// A server with the apps `a1` and `b2`.
fn two_apps() -> Server {
    Server::start(|request, _| match request.target.as_str() {
        "/v0.1/apps?limit=50" => json(200, r#"{"data":[{"slug":"a1"},{"slug":"b2"}]}"#),
        "/v0.1/apps/a1/pipelines?limit=1" | "/v0.1/apps/b2/pipelines?limit=1" => {
            json(200, r#"{"data":[]}"#)
        }
        _ => json(404, r#"{"message":"Not Found"}"#),
    })
}

fn slugs(found: &Report) -> Vec<&str> {
    found
        .apps
        .items
        .iter()
        .map(|app| app.slug.as_str())
        .collect()
}

#[test]
fn an_app_can_be_named_by_its_address() {
    let server = two_apps();
    for app in [
        "b2",
        "https://app.bitrise.io/app/b2",
        "https://app.bitrise.io/app/b2/",
        "https://app.bitrise.io/app/b2/pipelines?branch=main",
        "https://app.bitrise.io/app/b2#/builds",
        "app.bitrise.io/app/b2",
        " https://app.bitrise.io/app/b2/workflow_editor ",
        "https://api.bitrise.io/v0.1/apps/b2/pipelines?limit=1",
        "/app/b2",
    ] {
        let found = Program::verify(&server.base_url())
            .args(["--app", app])
            .report();
        assert_eq!(found.verdict, "verified", "{app}: {}", found.message);
        assert_eq!(slugs(&found), ["b2"], "{app}");
    }
}

#[test]
fn a_list_of_apps_is_read_as_people_have_it() {
    let server = two_apps();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apps");
    for list in [
        "a1\nb2\n",
        "\u{feff}a1\r\nb2\r\n",
        "# ours\na1   # shop\n\nb2",
        "https://app.bitrise.io/app/a1\nhttps://app.bitrise.io/app/b2/builds\n",
        "\"a1\"\n\"b2\"\n",
        "[\"a1\", \"b2\"]",
        "[\n  \"a1\",\n  \"https://app.bitrise.io/app/b2\"\n]\n",
        "[{\"slug\": \"a1\", \"title\": \"x\"}, {\"slug\": \"b2\"}]",
        "slug,title\na1,Shop iOS\nb2,\"Shop, Android\"\n",
        "app_slug;title\na1;Shop iOS\nb2;Shop\n",
        "App\tTitle\na1\tShop iOS\nb2\tShop\n",
        "\"slug\",\"title\"\n\"a1\",\"Shop\"\n\"b2\",\"x\"\n",
        "a1,Shop iOS\nb2,Shop Android\na1,again\n",
        "App slug\na1\nb2\n",
    ] {
        fs::write(&path, list).unwrap();
        let found = Program::verify(&server.base_url())
            .args(["--apps-file"])
            .arg(&path)
            .report();
        assert_eq!(found.verdict, "verified", "{list:?}: {}", found.message);
        assert_eq!(slugs(&found), ["a1", "b2"], "{list:?}");
    }
}

#[test]
fn a_list_that_names_no_app_says_which_line_is_wrong() {
    const UNPREFIXED: &str = "0ldt0kenCANARY";
    let server = healthy();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apps");
    let other = format!("a1\n{CANARY}\n");
    for (list, words) in [
        ("", "names no app"),
        ("slug,title\n", "names no app"),
        ("[]", "names no app"),
        (
            "a1\nShop canary\n",
            "line 2 of --apps-file is not an app's slug",
        ),
        (
            "a1\n\n# x\nhttps://example.com/canary\n",
            "line 4 of --apps-file",
        ),
        (
            "{\"canary\": []}",
            "line 1 of --apps-file is not an app's slug",
        ),
        (
            "[\"a1\",\n \"canary b\"]",
            "item 2 of --apps-file is not an app's slug",
        ),
        (
            "[\n\"a1\",\n5]",
            "item 2 of --apps-file is not an app's slug",
        ),
        ("[\n\"a1\",\n", "line 3 of --apps-file breaks its JSON"),
        (&other, "line 2 of --apps-file is a token"),
        (UNPREFIXED, "token instead of an app's slug"),
    ] {
        fs::write(&path, list).unwrap();
        let program = Program::verify(&server.base_url()).args(["-o", "json", "--apps-file"]);
        let program = if list == UNPREFIXED {
            program.env("BITRISE_TOKEN", UNPREFIXED)
        } else {
            program
        };
        assert_refused(program.arg(&path), "invalid_options", &[words]);
    }
    for app in [
        "",
        "..",
        "Shop canary",
        "https://example.com/canary",
        "a,canary",
    ] {
        let program = Program::verify(&server.base_url()).args(["-o", "json", "--app", app]);
        let words = [
            "what --app names is not an app's slug",
            "https://app.bitrise.io/app/",
        ];
        assert_refused(program, "invalid_options", &words);
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn arguments_that_can_not_be_read_end_in_a_document() {
    for (args, words) in [
        (&["--bogus"][..], "unexpected argument '--bogus' found"),
        (&["--tokn-file", "x"], "'--token-file'"),
        (&["--timeout", "5"], "invalid value '5' for '--timeout"),
        (&["--timeout", "0s"], "more than nothing"),
        (&["--sandbox", "helthy"], "invalid value 'helthy'"),
        (&["--sandbox", "helthy"], "'healthy'"),
        (&["-q", "-v"], "cannot be used with"),
        (&["--concurrency", "65"], "from 1 to 64"),
        (&["--retries"], "none was supplied"),
        (&["--color", "sometimes"], "invalid value 'sometimes'"),
    ] {
        for format in ["-ojson", "--output=json"] {
            let program = Program::new(["verify", format].iter().chain(args));
            assert_refused(program, "invalid_options", &[words]);
        }
        let program = Program::new(["verify"].iter().chain(args).chain(&["-o", "json"]));
        assert_refused(program, "invalid_options", &[words]);
    }
}

#[test]
fn arguments_that_can_not_be_read_fill_the_reports_too() {
    for format in ["human", "json", "markdown", "junit", "github"] {
        let folder = tempfile::tempdir().unwrap();
        let args = [
            "verify",
            "-o",
            format,
            "--report=r.json",
            "--report",
            "r.md",
        ];
        let program = Program::new(args).arg("--bogus").dir(folder.path());
        let finished = program.run();
        assert_eq!(finished.code, Some(2), "{format}");
        let text = fs::read_to_string(folder.path().join("r.json")).unwrap();
        let found = schema::read(&text);
        assert_eq!((found.verdict.as_str(), found.exit_code), ("not_run", 2));
        assert!(found.message.contains("--bogus"), "{}", found.message);
        let markdown = fs::read_to_string(folder.path().join("r.md")).unwrap();
        assert!(markdown.contains("bogus"), "{markdown}");
        assert_eq!(finished.stdout.is_empty(), format == "human");
        assert_eq!(finished.stderr.is_empty(), format != "human");
        let said = finished.everything();
        assert!(said.contains("bogus"), "{format}: {said}");
    }
}

#[test]
fn a_token_among_the_arguments_is_not_repeated_in_a_document() {
    let glued = format!("--token={CANARY}");
    let short = format!("-t{CANARY}");
    let long = format!("--bogus={CANARY}");
    for (args, is_a_token) in [
        (&["--token", CANARY][..], true),
        (&[&glued], true),
        (&[CANARY], true),
        (&["-q", CANARY, "--retries", "1"], true),
        (&["--token-file", CANARY], true),
        (&[&short], false),
        (&["--timeout", CANARY], false),
        (&["--bogus", CANARY], false),
        (&[&long], false),
        (&["--sandbox", CANARY], false),
        (&["--app", CANARY], false),
    ] {
        for format in ["json", "markdown", "junit", "github", "human"] {
            let program = Program::new(["verify", "-o", format].iter().chain(args));
            let finished = program.run();
            assert_eq!(finished.code, Some(2), "{args:?}");
            let said = finished.everything();
            assert!(!said.contains("CANARY"), "{args:?}: {said}");
            assert!(!said.is_empty());
        }
        if is_a_token {
            let program = Program::new(["verify", "-o", "json"].iter().chain(args));
            assert_refused(program, "token_in_arguments", &[]);
        }
    }
    for args in [&["--token", CANARY, "verify"][..], &[CANARY]] {
        let finished = Program::new(args).run();
        assert_eq!(finished.code, Some(2), "{args:?}");
        let said = finished.everything();
        assert!(
            said.contains("BITRISE_TOKEN") && !said.contains("CANARY"),
            "{said}"
        );
    }
}

#[test]
fn options_that_contradict_each_other_or_can_not_be_used_are_refused() {
    let args: [&[&str]; 9] = [
        &["--sandbox", "--token-file", "x"],
        &["--sandbox", "--base-url", "https://api.bitrise.io/v0.1"],
        &["--base-url", "http://api.bitrise.io/v0.1"],
        &["--base-url", "https://user:canary@api.bitrise.io/v0.1"],
        &["--report", "/no/such/folder/report.json"],
        &["--all-apps", "--app", "a"],
        &["--all-apps", "--apps-file", "x"],
        &["--app", "a", "--apps-file", "x"],
        &["--apps-file", "-", "--token-file", "-"],
    ];
    for args in args {
        let program = Program::new(["verify", "-o", "json"].iter().chain(args));
        assert_refused(program.env("BITRISE_TOKEN", CANARY), "invalid_options", &[]);
    }
}

#[test]
fn a_file_that_can_not_be_read_is_named_in_words() {
    let server = healthy();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("latin1"), b"caf\xe9 canary").unwrap();
    fs::write(path("empty.pem"), "").unwrap();
    let (none, latin1, empty) = (path("none.txt"), path("latin1"), path("empty.pem"));
    let huge = path("huge");
    fs::File::create(&huge).unwrap().set_len(1 << 30).unwrap();
    fs::create_dir(path("folder.json")).unwrap();
    let (here, deep) = (path("folder.json"), path("none/r.json"));
    for (option, value, reason, words) in [
        ("--token-file", &none, "token_unreadable", "none.txt”"),
        (
            "--token-file",
            &latin1,
            "token_unreadable",
            "it is not text in UTF-8",
        ),
        ("--token-file", &huge, "token_unreadable", "it is too large"),
        ("--apps-file", &none, "invalid_options", "none.txt”"),
        (
            "--apps-file",
            &latin1,
            "invalid_options",
            "it is not text in UTF-8",
        ),
        ("--ca-cert", &none, "invalid_options", "none.txt”"),
        (
            "--ca-cert",
            &latin1,
            "invalid_options",
            "holds no certificate",
        ),
        (
            "--ca-cert",
            &empty,
            "invalid_options",
            "holds no certificate",
        ),
        ("--report", &deep, "invalid_options", "none”: no such file"),
        ("--report", &here, "invalid_options", "names a folder"),
        (
            "--report",
            &none,
            "invalid_options",
            ".json, .md, .xml (JUnit) or .html",
        ),
    ] {
        let program = Program::verify(&server.base_url()).args(["-o", "json", option, value]);
        assert_refused(program, reason, &[words]);
    }
    #[cfg(unix)]
    for option in ["--token-file", "--apps-file", "--ca-cert"] {
        let program = Program::verify(&server.base_url()).args(["-o", "json", option]);
        let reason = if option == "--token-file" {
            "token_unreadable"
        } else {
            "invalid_options"
        };
        assert_refused(program.arg(folder.path()), reason, &["it is a folder"]);
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_report_that_can_not_be_written_is_an_exit_code_of_its_own() {
    let server = healthy();
    let folder = tempfile::tempdir().unwrap();
    let long = format!("{}.json", "n".repeat(300));
    let args = [
        "-o",
        "json",
        "--report",
        "good.json",
        "--report",
        &long,
        "--report",
        "last.json",
    ];
    let program = Program::verify(&server.base_url()).args(args);
    let finished = program.dir(folder.path()).run();
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    assert!(
        finished
            .stderr
            .starts_with("error: can't write the report “nnn"),
        "{}",
        finished.stderr
    );
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    for text in [&finished.stdout, &read("good.json"), &read("last.json")] {
        let found = schema::read(text);
        assert_eq!((found.verdict.as_str(), found.exit_code), ("verified", 1));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[cfg(unix)]
#[test]
fn a_limit_for_the_size_of_files_leaves_no_draft() {
    let server = healthy();
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_bitrise-dx");
    let mut command = std::process::Command::new("sh");
    command.args([
        "-c",
        "ulimit -f 1; exec \"$0\" \"$@\"",
        program,
        "verify",
        "-q",
    ]);
    command.args(["--base-url", &server.base_url(), "--report", "r.html"]);
    command
        .env_clear()
        .env("BITRISE_TOKEN", CANARY)
        .current_dir(folder.path());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("can't write the report “r.html”"), "{said}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn a_machine_without_room_gets_a_report_and_not_a_bug() {
    let program = env!("CARGO_BIN_EXE_bitrise-dx");
    for limit in ["-n 4", "-n 5", "-n 6", "-n 8", "-n 12"] {
        let mut command = std::process::Command::new("sh");
        let script = format!("ulimit {limit}; exec \"$0\" \"$@\"");
        command.args([
            "-c",
            &script,
            program,
            "verify",
            "-o",
            "json",
            "--retries",
            "0",
        ]);
        command.args(["--base-url", "http://127.0.0.1:9/v0.1"]);
        let output = command
            .env_clear()
            .env("BITRISE_TOKEN", CANARY)
            .output()
            .unwrap();
        let found = schema::read(&String::from_utf8(output.stdout).unwrap());
        assert_eq!(output.status.code(), Some(found.exit_code), "{limit}");
        assert!(
            [2, 4].contains(&found.exit_code),
            "{limit}: {}",
            found.message
        );
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!said.contains("bug"), "{limit}: {said}");
        if found.exit_code == 2 {
            let words = "does not let the program start: too many open files";
            assert!(found.message.contains(words), "{limit}: {}", found.message);
        }
    }
}

#[test]
fn the_sandbox_is_for_this_machine_alone() {
    for address in ["0.0.0.0:8080", "[::]:0", "192.0.2.1:80", "192.0.2.1"] {
        let finished = Program::new(["sandbox", "--listen", address]).run();
        assert_eq!(
            (finished.code, finished.stdout.as_str()),
            (Some(2), ""),
            "{address}"
        );
        assert!(
            finished.stderr.contains("this machine alone"),
            "{}",
            finished.stderr
        );
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let finished = Program::new(["sandbox", "--listen", &port]).run();
    assert_eq!(finished.code, Some(2));
    let words = format!("error: can't listen on 127.0.0.1:{port}: ");
    assert!(finished.stderr.starts_with(&words), "{}", finished.stderr);
}

#[test]
fn explain_knows_what_a_status_means_at_each_step() {
    for (status, words) in [
        (
            "200",
            &["Bitrise accepts the token", "DX can read the app"][..],
        ),
        (
            "401",
            &["token_rejected", "pipelines_denied", "asked for once more"],
        ),
        (
            "403",
            &["apps_forbidden", "pipelines_denied", "intercepted"],
        ),
        (
            "404",
            &[
                "wrong_base_url",
                "pipelines_denied",
                "pipeline_details_denied",
            ],
        ),
        ("429", &["rate_limited"]),
        ("302", &["redirected"]),
        ("500", &["server_error"]),
        ("503", &["server_error"]),
        ("418", &["unexpected_status"]),
    ] {
        let finished = Program::new(["explain", status]).run();
        assert_eq!(finished.code, Some(0), "{status}");
        for words in words {
            assert!(
                finished.stdout.contains(words),
                "{status}: {}",
                finished.stdout
            );
        }
    }
    for status in ["99", "600", "4040"] {
        assert_eq!(
            Program::new(["explain", status]).run().code,
            Some(2),
            "{status}"
        );
    }
}

/// A path below a folder that is not there.
#[test]
fn a_part_of_a_path_that_may_be_a_token_is_left_out() {
    let secret = CANARY.replace("bitwat_", "");
    // As each system writes it; both are read as a path everywhere.
    for (start, separator) in [("/nonexistent", "/"), ("N:\\none", "\\")] {
        let path = [start, &secret, "x.txt"].join(separator);
        let shown = [start, "…", "x.txt"].join(separator);
        let program = Program::new(["verify", "-o", "json", "--apps-file", &path]);
        let words = format!("can't read “{shown}” (--apps-file): no such file");
        assert_refused(program, "invalid_options", &[&words]);
    }
}

#[test]
fn a_report_never_takes_the_place_of_what_the_run_reads() {
    let server = healthy();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("below")).unwrap();
    let mut names = vec!["token.json", "./below/../token.json"];
    fs::write(path("token.json"), CANARY).unwrap();
    if cfg!(unix) {
        fs::hard_link(path("token.json"), path("hard.json")).unwrap();
        names.push("hard.json");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("token.json", path("soft.json")).unwrap();
        names.push("soft.json");
    }
    for name in names {
        for option in ["--token-file", "--apps-file", "--ca-cert"] {
            let program = Program::verify(&server.base_url()).dir(folder.path());
            let program = program.args(["-o", "json", option, "token.json", "--report", name]);
            let words = format!("the file of {option}");
            assert_refused(program, "invalid_options", &["--report names", &words]);
        }
        let program = Program::new(["diagnose", "token.json", "-o", "json", "--report", name]);
        let program = program.dir(folder.path());
        assert_refused(program, "invalid_options", &["--report names the text"]);
        // Nor where the arguments can't be read.
        let program = Program::new(["verify", "--bogus", "-o", "json", "--report", name]);
        let program = program
            .args(["--token-file", "token.json"])
            .dir(folder.path());
        assert_refused(program, "invalid_options", &["--bogus"]);
        assert_eq!(fs::read_to_string(path("token.json")).unwrap(), CANARY);
    }
    #[cfg(unix)]
    {
        let input = fs::File::open(path("token.json")).unwrap();
        let program = Program::verify(&server.base_url()).dir(folder.path());
        let args = ["-o", "json", "--token-file", "-", "--report", "token.json"];
        let mut command = program.args(args).into_command();
        let output = command.stdin(input).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(fs::read_to_string(path("token.json")).unwrap(), CANARY);
    }
    assert_eq!(server.requests().len(), 0);
    // Another file in its folder is none of them, be there one before or not.
    for _ in 0..2 {
        let args = ["-q", "--token-file", "token.json", "--report", "r.json"];
        let program = Program::new(["verify", "--base-url", &server.base_url()]);
        let finished = program.args(args).dir(folder.path()).run();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    }
}

#[test]
fn each_command_with_formats_answers_in_them_whatever_is_wrong() {
    for args in [
        &["diagnose", "--bogus", "-o", "json"][..],
        &["diagnose", "-o", "json", "--step", "first"],
        &["diagnose", "a", "b", "--output=json"],
        &["diagnose", "-ojson", "none.txt"],
        &["diagnose", "-o", "json", "none.txt", "--report", "r.pdf"],
        &["verify", "--bogus", "-o", "json"],
    ] {
        let finished = Program::new(args).run();
        let found = finished.report();
        assert_eq!(finished.code, Some(2), "{args:?}");
        assert_eq!(found.outcome(), "invalid_options", "{args:?}");
        let evidence = if args[0] == "verify" {
            "live"
        } else {
            "pasted"
        };
        assert_eq!(found.evidence, evidence, "{args:?}");
    }
    let finished = Program::new(["diagnose", "ticket.txt"]).env("LANG", "C.UTF-8");
    let said = finished.run().stdout;
    assert!(
        said.contains("can't read “ticket.txt”: no such file"),
        "{said}"
    );
}

//! What people put behind `verify`: apps as they have them, options misspelt, files that are not
//! there.

use crate::formats::OUTPUTS;
use crate::schema::{self, Report};
use crate::support::process::{CANARY, Program};
use crate::support::server::{Server, healthy, json};
use crate::support::{has, lacks, rows};
use std::fs;

/// Asserts that a run ended before anything was sent, as a document with these words.
fn assert_refused(program: Program, reason: &str, words: &[&str]) {
    let finished = program.run();
    let found = finished.report();
    assert_eq!(found.verdict, "not_run", "{}", found.message);
    assert_eq!(found.exit_code, 2);
    assert_eq!(found.outcome(), reason, "{}", found.message);
    for words in words {
        has(&found.message, words);
    }
    lacks(&finished.everything().to_lowercase(), "canary");
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
    let items = found.apps.items.iter();
    items.map(|app| app.slug.as_str()).collect()
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
        let program = Program::verify(&server.base_url());
        let found = program.args(["--app", app]).report();
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
        "# ours\r\n\r\na1   # shop\n\tb2\t# the second\n#\n",
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
        "a1\nb2 #c\n a1 \n",
    ] {
        fs::write(&path, list).unwrap();
        let program = Program::verify(&server.base_url()).arg("--apps-file");
        let found = program.arg(&path).report();
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
    let odd = "is not an app's slug";
    for (list, at, words) in [
        ("", "", "names no app"),
        ("#\n \n", "", "names no app"),
        ("slug,title\n", "", "names no app"),
        ("[]", "", "names no app"),
        ("a1\nShop canary\n", "line 2 of", odd),
        ("a1\n\n# x\nhttps://example.com/canary\n", "line 4 of", ""),
        ("a\u{0}canary", "line 1 of", odd),
        ("a\nApp name canary,x", "line 2 of", odd),
        ("{\"canary\": []}", "line 1 of", odd),
        ("[\"a1\",\n \"canary b\"]", "item 2 of", odd),
        ("[\n\"a1\",\n5]", "item 2 of", odd),
        ("[\n\"a1\",\n", "line 3 of", "breaks its JSON"),
        (&other, "line 2 of", "is a token"),
    ] {
        fs::write(&path, list).unwrap();
        let program = Program::verify(&server.base_url()).args(["-o", "json", "--apps-file"]);
        let words = [at, "--apps-file", words];
        assert_refused(program.arg(&path), "invalid_options", &words);
    }
    fs::write(&path, UNPREFIXED).unwrap();
    let program = Program::verify(&server.base_url()).env("BITRISE_TOKEN", UNPREFIXED);
    let program = program.args(["-o", "json", "--apps-file"]).arg(&path);
    let words = "token instead of an app's slug";
    assert_refused(program, "invalid_options", &[words]);
    let own = "https://app.bitrise.io/app/";
    for app in [
        "",
        "..",
        "Shop canary",
        "https://example.com/canary",
        "a,canary",
    ] {
        let program = Program::verify(&server.base_url()).args(["-o", "json", "--app", app]);
        let words = "what --app names is not an app's slug";
        assert_refused(program, "invalid_options", &[words, own]);
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
    for format in OUTPUTS {
        let folder = tempfile::tempdir().unwrap();
        let args = ["verify", "-o", format, "--report=r.json", "--report"];
        let program = Program::new(args)
            .args(["r.md", "--bogus"])
            .dir(folder.path());
        let finished = program.run();
        assert_eq!(finished.code, Some(2), "{format}");
        let text = fs::read_to_string(folder.path().join("r.json")).unwrap();
        let found = schema::read(&text);
        assert_eq!((found.verdict.as_str(), found.exit_code), ("not_run", 2));
        has(&found.message, "--bogus");
        let markdown = fs::read_to_string(folder.path().join("r.md")).unwrap();
        has(&markdown, "bogus");
        assert_eq!(finished.stdout.is_empty(), format == "human");
        assert_eq!(finished.stderr.is_empty(), format != "human");
        has(&finished.everything(), "bogus");
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
        for format in OUTPUTS {
            let program = Program::new(["verify", "-o", format].iter().chain(args));
            let finished = program.run();
            assert_eq!(finished.code, Some(2), "{args:?}");
            let said = finished.everything();
            lacks(&said, "CANARY");
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
        has(&finished.everything(), "BITRISE_TOKEN");
        lacks(&finished.everything(), "CANARY");
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
    let path = |name: &str| folder.path().join(name);
    let reason = |option: &str| match option {
        "--token-file" => "token_unreadable",
        _ => "invalid_options",
    };
    fs::write(path("latin1"), b"caf\xe9 canary").unwrap();
    fs::write(path("empty.pem"), "").unwrap();
    fs::File::create(path("huge"))
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    fs::create_dir(path("folder.json")).unwrap();
    for [option, name, words] in rows(
        "--token-file | none.txt    | none.txt”
         --token-file | latin1      | it is not text in UTF-8
         --token-file | huge        | it is too large
         --apps-file  | none.txt    | none.txt”
         --apps-file  | latin1      | it is not text in UTF-8
         --ca-cert    | none.txt    | none.txt”
         --ca-cert    | latin1      | holds no certificate
         --ca-cert    | empty.pem   | holds no certificate
         --report     | none/r.json | none”: no such file",
    ) {
        let program = Program::verify(&server.base_url()).args(["-o", "json", option]);
        assert_refused(program.arg(path(name)), reason(option), &[words]);
    }
    #[cfg(unix)]
    for option in ["--token-file", "--apps-file", "--ca-cert"] {
        let program = Program::verify(&server.base_url()).args(["-o", "json", option]);
        let words = ["it is a folder"];
        assert_refused(program.arg(folder.path()), reason(option), &words);
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_report_that_can_not_be_written_is_an_exit_code_of_its_own() {
    let server = healthy();
    let folder = tempfile::tempdir().unwrap();
    let long = format!("{}.json", "n".repeat(300));
    let program = Program::verify(&server.base_url()).args(["-o", "json"]);
    let reports = ["good.json", &long, "last.json"].map(|name| format!("--report={name}"));
    let program = reports.iter().fold(program, Program::arg);
    let finished = program.dir(folder.path()).run();
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    let start = "error: can't write the report “nnn";
    assert!(finished.stderr.starts_with(start), "{}", finished.stderr);
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
    let url = server.base_url();
    let args = ["verify", "-q", "--base-url", &url, "--report", "r.html"];
    let program = Program::after("ulimit -f 1", args).env("BITRISE_TOKEN", CANARY);
    let finished = program.dir(folder.path()).run();
    assert_eq!(finished.code, Some(1));
    has(&finished.stderr, "can't write the report “r.html”");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn a_machine_without_room_gets_a_report_and_not_a_bug() {
    for limit in ["-n 4", "-n 5", "-n 6", "-n 8", "-n 12"] {
        let args = [
            "verify",
            "--retries=0",
            "--base-url=http://127.0.0.1:9/v0.1",
        ];
        let program = Program::after(&format!("ulimit {limit}"), args);
        let finished = program
            .env("BITRISE_TOKEN", CANARY)
            .args(["-o", "json"])
            .run();
        let found = finished.report();
        assert!(
            [2, 4].contains(&found.exit_code),
            "{limit}: {}",
            found.message
        );
        lacks(&finished.stderr, "bug");
        if found.exit_code == 2 {
            let words = "does not let the program start: too many open files";
            has(&found.message, words);
        }
    }
}

#[test]
fn the_sandbox_is_for_this_machine_alone() {
    for address in ["0.0.0.0:8080", "[::]:0", "192.0.2.1:80", "192.0.2.1"] {
        let finished = Program::new(["sandbox", "--listen", address]).run();
        assert_eq!(
            (finished.code, &*finished.stdout),
            (Some(2), ""),
            "{address}"
        );
        has(&finished.stderr, "this machine alone");
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
    for [status, words] in rows(
        "200 | Bitrise accepts the token, DX can read the app
         401 | token_rejected, pipelines_denied, asked for once more
         403 | apps_forbidden, pipelines_denied, intercepted
         404 | wrong_base_url, pipelines_denied, pipeline_details_denied
         429 | rate_limited
         302 | redirected
         500 | server_error
         503 | server_error
         418 | unexpected_status",
    ) {
        let finished = Program::new(["explain", status]).run();
        assert_eq!(finished.code, Some(0), "{status}");
        for words in words.split(", ") {
            has(&finished.stdout, words);
        }
    }
    for status in ["99", "600", "4040"] {
        let finished = Program::new(["explain", status]).run();
        assert_eq!(finished.code, Some(2), "{status}");
    }
}

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
        let program = program.args(["--token-file", "token.json"]);
        assert_refused(program.dir(folder.path()), "invalid_options", &["--bogus"]);
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
        let is_live = found.evidence == "live";
        assert_eq!(is_live, args[0] == "verify", "{args:?}");
        assert!(is_live || found.evidence == "pasted", "{args:?}");
    }
    let program = Program::new(["diagnose", "ticket.txt"]).env("LANG", "C.UTF-8");
    has(
        &program.run().stdout,
        "can't read “ticket.txt”: no such file",
    );
}

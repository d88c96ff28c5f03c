//! The formats, read back by readers of their own: each scenario, a hostile server, and a token
//! that the server repeats.

use crate::process::{SCENARIOS, in_sandbox};
use crate::support::process::{CANARY, Program};
use crate::support::readers;
use crate::support::server::{Act, Server, healthy, json, response, telling};
use crate::support::tls::{GOOD, Identity, TlsServer};
use crate::support::{documents, has, lacks, rows};
use bitrise_dx::diagnosis::{Known, diagnose};
use bitrise_dx::redact::Redactor;
use bitrise_dx::report::{Report, SandboxTarget, Target};
use bitrise_dx::sandbox::Scenario;
use bitrise_dx::text::Untrusted;
use bitrise_dx::verdict::{Signal, Verdict};
use regex::Regex;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::SystemTime;

/// The formats of `-o`.
pub(crate) const OUTPUTS: [&str; 5] = ["human", "json", "markdown", "junit", "github"];

/// The endings of `--report`, and what `-o` calls the same.
const REPORTS: [(&str, Option<&str>); 4] = [
    ("json", Some("json")),
    ("md", Some("markdown")),
    ("xml", Some("junit")),
    ("html", None),
];

/// What differs from run to run, and what stands in its place.
const UNSTEADY: [(&str, &str); 18] = [
    (r"\b(127\.0\.0\.1|localhost):[0-9]{4,5}", "$1:PORT"),
    (
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T|\s+)[0-9]{2}:[0-9]{2}:[0-9]{2}(\s+UTC|Z)?",
        "TIME",
    ),
    (r"\b([0-9]+ ms|[0-9]+\.[0-9] s)\b", "SPAN"),
    (r#"time="[0-9.]+""#, r#"time="SECONDS""#),
    (r#"<rect width="[0-9.]+%""#, r#"<rect width="WIDTH""#),
    (r#"aria-label="[0-9.]+%""#, r#"aria-label="WIDTH""#),
    (
        r"bitrise-dx [0-9.]+ \([^)]*\)",
        "bitrise-dx VERSION (COMMIT, TARGET)",
    ),
    (r"\b[0-9]{2}:[0-9]{2} UTC", "HH:MM UTC"),
    // Commands are held in the form of a POSIX shell, also where they are written for PowerShell.
    (
        r"\$env:BITRISE_TOKEN = (?:'|&#39;|&apos;)([^'&]*)(?:'|&#39;|&apos;)",
        "export BITRISE_TOKEN=$1",
    ),
    (r"Start-Process bitrise-dx '([^'&]*)'", "bitrise-dx $1 &"),
    (
        r"Start-Process bitrise-dx &#39;([^'&]*)&#39;",
        "bitrise-dx $1 &#38;",
    ),
    (
        r"Start-Process bitrise-dx &apos;([^'&]*)&apos;",
        "bitrise-dx $1 &amp;",
    ),
    (r"\bcurl\.exe ", "curl "),
    (r"\$env:BITRISE_TOKEN", "$$BITRISE_TOKEN"),
    (
        r#"(BITRISE_TOKEN(?:"|&#34;|&quot;)) (?:["']|&#3[49];|&quot;|&apos;)([^"'&\s]+)(?:["']|&#3[49];|&quot;|&apos;)"#,
        "$1 '$2'",
    ),
    // Where the last line breaks depends on how long these are.
    (r"·\s+TIME\s+·\s+SPAN", "· TIME · SPAN"),
    ("(?s)<style>.*</style>", "<style>STYLE</style>"),
    (r"sha256-[A-Za-z0-9+/=]+", "HASH"),
];

/// Replaces what differs from run to run: ports, times and widths of bars.
pub(crate) fn steady(text: &str) -> String {
    static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        let pattern = |(pattern, by): (&str, _)| (Regex::new(pattern).unwrap(), by);
        UNSTEADY.into_iter().map(pattern).collect()
    });
    let replace =
        |text: String, (pattern, by): &(Regex, &str)| pattern.replace_all(&text, *by).into_owned();
    PATTERNS.iter().fold(text.to_owned(), replace)
}

/// Tells whether a format is a document, and not lines among others.
fn is_document(ending: &str) -> bool {
    !matches!(ending, "github" | "human" | "quiet")
}

/// Runs a program once for each format, and returns each text by its ending.
pub(crate) fn all_formats(program: &dyn Fn() -> Program, code: i32) -> Vec<(&'static str, String)> {
    let folder = tempfile::tempdir().unwrap();
    let mut texts = Vec::new();
    for output in OUTPUTS {
        let run = program().args(["-o", output]);
        let finished = match output {
            "human" => run.arg("-v").run(),
            _ => run.run(),
        };
        assert_eq!(finished.code, Some(code), "{output}: {}", finished.stderr);
        assert!(!finished.stdout.is_empty());
        if !is_document(output) {
            texts.push((output, finished.everything()));
        }
    }
    let mut run = program().arg("-q").dir(folder.path());
    for (ending, _) in REPORTS {
        run = run.args(["--report", &format!("report.{ending}")]);
    }
    let quiet = run.run();
    assert_eq!(quiet.code, Some(code));
    texts.push(("quiet", quiet.everything()));
    for (ending, _) in REPORTS {
        let path = folder.path().join(format!("report.{ending}"));
        texts.push((ending, fs::read_to_string(path).unwrap()));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), REPORTS.len());
    texts
}

/// Tells whether a link leads to DX or Bitrise.
fn is_known(link: &str) -> bool {
    let places = ["docs.getdx.com", "docs.bitrise.io", "status.bitrise.io"];
    let mut places = places.iter();
    places.any(|place| link.starts_with(&format!("https://{place}")))
}

/// Reads each format, and holds what is true of any report.
pub(crate) fn read_all(texts: &[(&'static str, String)], verdict: Verdict) {
    let json = texts.iter().find(|(ending, _)| *ending == "json");
    let report = crate::schema::read(&json.unwrap().1);
    for (ending, text) in texts {
        if is_document(ending) {
            is_harmless(ending, text);
        }
        match *ending {
            "github" => {
                let commands = readers::workflow(text);
                let is_notice = commands[0].name == "notice";
                assert_eq!(is_notice, verdict == Verdict::Verified, "{text}");
                let shown = &commands[0].properties["title"];
                // The headline says what DX does, which is less than a verdict's name if only
                // some apps are refused or another host was asked.
                assert!(shown.starts_with("DX connection to Bitrise"), "{shown}");
                lacks(shown, ": ");
                let lines = commands[0].message.lines().count();
                assert!((4..=8).contains(&lines), "{text}");
            }
            "md" => {
                let document = readers::markdown(text);
                let about = text.lines().next().unwrap();
                let version = concat!("bitrise-dx ", env!("CARGO_PKG_VERSION"));
                assert!(about.starts_with(version), "{text}");
                has(about, " UTC");
                let width = |row: &Vec<String>| matches!(row.len(), 3..=4);
                assert!(document.rows.iter().all(width), "{:?}", document.rows);
            }
            "xml" => {
                let cases = readers::junit(text);
                let outcomes = cases.iter().filter_map(|case| case.outcome.as_deref());
                let is_bad = outcomes.into_iter().any(|outcome| outcome != "skipped");
                assert_eq!(is_bad, verdict != Verdict::Verified, "{text}");
                agree(&report, &cases);
            }
            "html" => {
                let page = readers::html(text);
                has(&page.headings[0].1, &report.message);
                // What needs no escape stands there as it is.
                let title = text.split("<title>").nth(1).unwrap();
                let title = title.split(['&', '<']).next().unwrap();
                assert!(report.message.starts_with(title), "{title}");
                assert!(title.len() > 2, "{title}");
                has(text, "default-src 'none'; style-src 'sha256-");
            }
            "human" | "quiet" => {
                let is_shown = |c: char| c == '\n' || !(c.is_control() || c == '\u{202e}');
                assert!(text.chars().all(is_shown), "{text:?}");
                let mut lines = text.lines().map(str::trim_start);
                assert!(!lines.any(|line| line.starts_with("::")), "{text}");
                assert!(!text.contains("##["), "{text}");
            }
            _ => assert_eq!(report.verdict, verdict.as_str()),
        }
    }
}

/// Asserts that the documents, and the annotations, are what they were.
pub(crate) fn each_as_it_was(name: &str, texts: &[(&'static str, String)]) {
    for (ending, text) in texts {
        if !matches!(*ending, "json" | "human" | "quiet") {
            let mut settings = insta::Settings::clone_current();
            settings.set_snapshot_suffix(*ending);
            settings.bind(|| insta::assert_snapshot!(name, steady(text)));
        }
    }
}

/// Asserts that JUnit says of each check what JSON says.
fn agree(report: &crate::schema::Report, cases: &[readers::Case]) {
    for check in &report.checks {
        let class = format!("bitrise-dx.{}", check.id);
        let case = cases.iter().find(|case| case.class == class).unwrap();
        let expected = match check.status.as_str() {
            "pass" => None,
            "fail" => Some("failure"),
            "unknown" => Some("error"),
            _ => Some("skipped"),
        };
        assert_eq!(case.outcome.as_deref(), expected, "{class}");
    }
}

#[test]
fn every_scenario_has_its_verdict_and_exit_code_in_every_format() {
    let names = Scenario::ALL.iter().map(|scenario| scenario.as_str());
    assert!(names.eq(SCENARIOS.map(|row| row.0)));
    for (scenario, code, verdict, reason) in SCENARIOS {
        let program = || in_sandbox(scenario).env("BITRISE_TOKEN", CANARY);
        let texts = all_formats(&program, code);
        let verdict = Verdict::ALL.iter().find(|v| v.as_str() == verdict).unwrap();
        read_all(&texts, *verdict);
        for (ending, text) in &texts {
            match *ending {
                "json" => {
                    let found = crate::schema::read(text);
                    assert_eq!(found.reason.as_deref(), reason, "{scenario}");
                    assert_eq!(found.target.sandbox.as_deref(), Some(scenario));
                    assert_eq!(found.token.source.as_deref(), Some("sandbox"));
                }
                "quiet" => assert_eq!(text.lines().count(), 1, "{text}"),
                _ => {}
            }
            has(&text.to_lowercase(), "sandbox");
        }
        // The marks of the sandbox; `screens.rs` has what else a document may hold.
        if scenario == "healthy" {
            each_as_it_was(scenario, &texts);
        }
    }
    let texts = all_formats(&|| Program::new(["verify"]), 2);
    read_all(&texts, Verdict::NotRun);
}

#[test]
fn a_report_is_what_the_output_of_the_same_format_is() {
    let folder = tempfile::tempdir().unwrap();
    for (ending, output) in REPORTS {
        let Some(output) = output else { continue };
        let name = format!("r.{ending}");
        let run = Program::new(["verify", "-o", output, "--report", &name]);
        let printed = run.dir(folder.path()).run().stdout;
        let written = fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(printed, written, "{output}");
    }
}

/// Titles that try to leave their place in one format or another.
pub(crate) const HOSTILE: [&str; 14] = [
    "\u{1b}]8;;https://evil.example\u{7}click\u{1b}]8;;\u{7}\u{1b}[31m\u{202e}red",
    "two\nlines\r\n::error::pwned\u{2028}::stop-commands::x",
    "::error title=x::pwned ##[error]x %0A::warning::y",
    "]]></system-out></testcase><testcase name=\"x\"/><![CDATA[",
    "</script></style></title><script>alert(1)</script><!-- -->",
    "<img src=x onerror=alert(1)> <a href='javascript:alert(1)'>x</a> &lt;b&gt; &#60;",
    "\" onmouseover=\"alert(1)\" x='",
    "a | b || c |",
    "`code` ``two`` ```three``` `",
    "` leading and trailing `",
    "[x](javascript:alert(1)) ![i](https://evil.example/i.png) [y][z]\\",
    "<https://evil.example> https://evil.example www.evil.example a@evil.example",
    "@org @org/team #1 GH-1 !1 $1 ~label :smile: *bold* _it_ ~~gone~~ $$math$$",
    "# heading - item 1. item > quote --- | --- | [^1]: note <details>",
];

/// Returns a list with an app for each text, numbered behind a word.
fn list_of(slug: &str, titles: &[impl AsRef<str>]) -> String {
    let titles = titles.iter().map(AsRef::as_ref).enumerate();
    let app = |(number, text): (_, &str)| {
        let slug = format!("{slug}{number}");
        serde_json::json!({"slug": slug, "title": text, "owner": {"name": text}})
    };
    let apps: Vec<_> = titles.map(app).collect();
    serde_json::json!({"data": apps, "paging": {}}).to_string()
}

/// Starts a server that lists an app for each text, and refuses all of them in words of its own.
pub(crate) fn hostile_server(titles: &[&str], message: &str) -> Server {
    let list = list_of("app", titles);
    let body = serde_json::json!({ "message": message }).to_string();
    Server::start(move |request, _| {
        if request.target.contains("pipelines") {
            let headers = "X-Request-Id: `|<b>@org](x)::error::&\"'\r\n";
            Act::Send(response(404, headers, &body))
        } else {
            json(200, &list)
        }
    })
}

/// Returns the pieces of a text that can't be left: a message, a cell, a node or a code span.
fn pieces(ending: &str, text: &str) -> Vec<String> {
    match ending {
        "md" => readers::markdown(text).code,
        "html" => vec![readers::html(text).text],
        "xml" => {
            let cases = readers::junit(text).into_iter();
            cases.map(|case| case.text).collect()
        }
        "github" => {
            let commands = readers::workflow(text).into_iter();
            commands.map(|command| command.message).collect()
        }
        _ => {
            let report: serde_json::Value = serde_json::from_str(text).unwrap();
            vec![unquoted(&report)]
        }
    }
}

/// Returns all texts of a JSON document.
fn unquoted(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::String(text) => format!("{text}\n"),
        Value::Array(items) => items.iter().map(unquoted).collect(),
        Value::Object(fields) => fields.values().map(unquoted).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

/// Asserts that a text from the server is in a format, whole and harmless.
fn holds(ending: &str, text: &str, foreign: &str) {
    let shown = Untrusted::new(foreign).to_string();
    let found = pieces(ending, text).iter().any(|piece| match ending {
        "md" => *piece == shown,
        _ => piece.contains(&shown),
    });
    assert!(found, "{ending} lacks {shown}: {text}");
}

/// Asserts that a document keeps to its format's rules, and holds nothing that acts.
pub(crate) fn is_harmless(ending: &str, text: &str) {
    let fine = |c: char| c == '\n' || !(c.is_control() || c == '\u{202e}' || c == '\u{2028}');
    assert!(text.chars().all(fine), "{ending}: {text:?}");
    match ending {
        "github" => {
            readers::workflow(text);
            return;
        }
        "md" => {
            let document = readers::markdown(text);
            assert!(document.links.iter().all(|link| is_known(link)), "{text}");
            // The links of our own are set as their own addresses.
            let prose = document.links.iter();
            let prose = prose.fold(document.prose, |prose, link| prose.replace(link, ""));
            let loose = ["@", "://", "`", "](", "<", "\u{e000}"];
            assert!(!loose.iter().any(|mark| prose.contains(mark)), "{prose}");
        }
        "xml" => {
            readers::junit(text);
        }
        "html" => {
            let page = readers::html(text);
            assert!(page.links.iter().all(|link| is_known(link)), "{text}");
        }
        "json" => {
            crate::schema::is_valid(text);
        }
        _ => {
            let mut lines = text.lines();
            let first = lines.next().unwrap();
            assert!(first.starts_with("✗ "), "{text}");
            let is_result = |line: &str| line.starts_with(['✓', '✗', '?']);
            assert!(!lines.any(is_result), "{text}");
        }
    }
    for line in text.lines() {
        assert!(!line.trim_start().starts_with("::"), "{ending}: {text}");
    }
}

#[test]
fn no_title_leaves_its_place_in_any_format() {
    let server = hostile_server(&HOSTILE, "no");
    let url = server.base_url();
    let program = || {
        let mut program = Program::verify(&url).env("LANG", "C.UTF-8");
        for number in 0..HOSTILE.len() {
            program = program.args(["--app", &format!("app{number}")]);
        }
        program
    };
    let texts = all_formats(&program, 5);
    read_all(&texts, Verdict::InvalidPermissions);
    // An annotation names the apps only as far as its few lines do.
    for (ending, text) in texts.iter().filter(|(ending, _)| is_document(ending)) {
        for title in HOSTILE {
            holds(ending, text, title);
        }
    }
}

#[test]
fn no_message_leaves_its_place_in_any_format() {
    for message in HOSTILE {
        let server = hostile_server(&["one"], message);
        let program = || Program::verify(&server.base_url());
        let texts = all_formats(&program, 5);
        read_all(&texts, Verdict::InvalidPermissions);
        for (ending, text) in texts.iter().filter(|(ending, _)| is_document(ending)) {
            holds(ending, text, message);
        }
    }
}

#[test]
fn no_issuer_leaves_its_place_in_any_format() {
    // One trusted root is there, so that every machine has some, but it is not these ones'.
    let trusted = TlsServer::start(healthy());
    for issuer in HOSTILE.into_iter().skip(3).step_by(3) {
        let identity = Identity {
            issuer: Some(issuer),
            ..GOOD
        };
        let server = TlsServer::with(identity, healthy());
        let program = || {
            let program = Program::verify(&server.base_url()).args(["--retries", "0"]);
            program.arg("--ca-cert").arg(&trusted.ca)
        };
        let texts = all_formats(&program, 4);
        read_all(&texts, Verdict::Inconclusive);
        for (ending, text) in texts.iter().filter(|(ending, _)| is_document(ending)) {
            holds(ending, text, issuer);
            has(text, "failed at: ");
        }
    }
}

#[test]
fn many_apps_are_cut_and_the_rest_is_counted() {
    let titles = vec!["App"; 130];
    let server = hostile_server(&titles, "no");
    let program = || Program::verify(&server.base_url()).args(["--all-apps"]);
    let texts = all_formats(&program, 5);
    read_all(&texts, Verdict::InvalidPermissions);
    let slug = Regex::new(r"\bapp[0-9]+\b").unwrap();
    for (ending, text) in &texts {
        let most = |n: usize, words: &str| {
            let slugs: BTreeSet<&str> = slug.find_iter(text).map(|slug| slug.as_str()).collect();
            assert_eq!(slugs.len(), n, "{ending}: {slugs:?}");
            has(text, words);
        };
        match *ending {
            "github" | "human" | "quiet" => {}
            "md" | "xml" => most(100, "and 30 more"),
            _ => most(130, "app129"),
        }
    }
}

#[test]
fn without_a_request_there_is_nothing_to_repeat() {
    let target = Target {
        sandbox: Some(SandboxTarget {
            scenario: "slow".into(),
            listen: "127.0.0.1:9".to_owned(),
            token: "bitwat_made_up",
        }),
        ..Target::default()
    };
    let report = Report {
        interrupted: Some(Signal::Interrupt),
        target,
        ..Report::started(SystemTime::now())
    };
    let diagnosis = diagnose(report, &Known::default());
    for (_, text) in documents(&diagnosis) {
        for word in ["Reproduce", "sandbox --listen", "curl"] {
            lacks(&text, word);
        }
    }
}

#[test]
fn a_bar_behind_a_backslash_does_not_end_a_cell() {
    let server = hostile_server(&[r"a\|b\\|c|d"], "no");
    let run = Program::verify(&server.base_url()).args(["-o", "markdown"]);
    let cells = readers::markdown(&run.run().stdout).rows.concat();
    let shown = r"a\u{7c}b\\u{7c}c|d";
    let is_there = cells.iter().any(|cell| cell.starts_with(shown));
    assert!(is_there, "{cells:?}");
}

#[test]
fn the_token_is_in_no_format_though_the_server_repeats_it() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD_NO_PAD;
    // The second one is made of what the formats escape.
    for token in [CANARY, "bitwat_CANARY<&\">]|`*_[x]::%0Ax"] {
        let percent = token.bytes().map(|b| format!("%{b:02X}"));
        let percent: String = percent.collect();
        let encoded = STANDARD_NO_PAD.encode(token);
        let texts = [token, &percent, &encoded];
        // A slug with the token in it is asked for nowhere.
        for (apps, pipelines, slug, code, verdict) in [
            (200, 404, "app", 5, Verdict::InvalidPermissions),
            (200, 200, "app", 4, Verdict::Inconclusive),
            (200, 404, token, 4, Verdict::Inconclusive),
            (302, 0, token, 4, Verdict::Inconclusive),
            (401, 0, token, 3, Verdict::InvalidCredentials),
            (403, 0, token, 5, Verdict::InvalidPermissions),
            (418, 0, token, 4, Verdict::Inconclusive),
            (500, 0, token, 4, Verdict::Inconclusive),
        ] {
            let body = serde_json::json!({
                "message": texts.join(" "),
                "data": [{"slug": slug, "title": texts[0], "owner": {"name": encoded}}],
            });
            let body = body.to_string();
            let headers = format!("X-Request-Id: {percent}\r\nLocation: https://{encoded}.x/\r\n");
            let server = Server::start(move |request, _| {
                let is_list = !request.target.contains("pipelines");
                let status = if is_list { apps } else { pipelines };
                Act::Send(response(status, &headers, &body))
            });
            let url = server.base_url();
            let program = || {
                let program = Program::verify(&url).args(["--retries", "0"]);
                program.env("BITRISE_TOKEN", token)
            };
            let texts = all_formats(&program, code);
            read_all(&texts, verdict);
            for (ending, text) in texts {
                let seen = text.to_lowercase();
                let coded = &encoded[..encoded.len() - 2].to_lowercase();
                for form in ["%43%41", "anary", coded] {
                    assert!(!seen.contains(form), "{ending} {form}: {text}");
                }
            }
        }
    }
}

/// Returns a secret as mail, terminals, proxies and programming languages write it.
fn written(secret: &str) -> Vec<String> {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    const INVISIBLE: &str =
        " \n\t\u{a0}\u{200b}\u{200d}\u{2060}\u{feff}\u{ad}\u{301}\u{34f}\u{202e}\u{fe0f}\u{7}";
    const WRITTEN: [&str; 6] = ["\u{1b}[1m", "&#8203;", "&shy;", "=\r\n", "\\u200b", "%0A"];
    let mut forms = vec![
        secret.to_owned(),
        secret.to_lowercase(),
        secret.to_uppercase(),
    ];
    let invisible = INVISIBLE.chars().map(String::from);
    for between in invisible.chain(WRITTEN.map(str::to_owned)) {
        let characters: Vec<_> = secret.chars().map(String::from).collect();
        forms.push(characters.join(&between));
    }
    for escape in ["%XX", "\\u00XX", "\\u{XX}", "\\xXX", "&#xXX;", "=XX"] {
        let bytes = secret.bytes().map(|b| format!("{b:02X}"));
        forms.push(bytes.map(|b| escape.replace("XX", &b)).collect());
    }
    for before in ["", "someone:", "me:"] {
        let text = format!("{before}{secret}");
        forms.push(STANDARD.encode(&text));
        forms.push(URL_SAFE_NO_PAD.encode(&text));
    }
    forms
}

#[test]
fn no_way_to_write_the_token_brings_it_into_any_format() {
    let secret = CANARY.strip_prefix("bitwat_").unwrap();
    let forms = written(secret);
    let list = list_of("a", &forms);
    let server = Server::start(move |request, _| {
        let Some((_, rest)) = request.target.split_once("/apps/a") else {
            return json(200, &list);
        };
        let number: usize = rest.split('/').next().unwrap().parse().unwrap();
        let form = &forms[number];
        // A header has no line breaks or control characters, and a title of a page any.
        let header: String = form.chars().filter(|c| !c.is_control()).collect();
        let headers = format!(
            "X-Request-Id: {header}\r\nServer: {header}\r\nVia: 1.1 {header}\r\n\
             WWW-Authenticate: Bearer error_description=\"{header}\"\r\n"
        );
        if number.is_multiple_of(2) {
            let page = format!("<title>{form}</title>");
            return Act::Send(response(403, &headers, &page));
        }
        let body = serde_json::json!({"message": form, "detail": form});
        Act::Send(response(403, &headers, &body.to_string()))
    });
    let url = server.base_url();
    let program = || Program::verify(&url).args(["--all-apps", "--retries", "0"]);
    let redactor = Redactor::new([secret]);
    for (ending, text) in all_formats(&|| program(), 5) {
        let is_there = ending == "quiet" || text.contains("[token]");
        assert!(is_there, "{ending}: {text}");
        assert!(!redactor.finds(&text), "{ending}: {text}");
        let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
        let secret: String = secret.chars().filter(char::is_ascii_alphanumeric).collect();
        let (plain, secret) = (plain.to_lowercase(), secret.to_lowercase());
        for run in secret.as_bytes().windows(12) {
            let run = std::str::from_utf8(run).unwrap();
            assert!(!plain.contains(run), "{ending} {run}: {text}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_token_in_a_files_name_is_in_no_format() {
    let server = TlsServer::start(healthy());
    let token = "bitwat_CANARY<&\"|`*_[x]";
    let named = server.ca.with_file_name(format!("{token}.pem"));
    fs::copy(&server.ca, &named).unwrap();
    let program = || {
        let program = Program::verify(&server.base_url()).env("BITRISE_TOKEN", token);
        program.arg("--ca-cert").arg(&named)
    };
    let texts = all_formats(&program, 0);
    read_all(&texts, Verdict::Verified);
    for (ending, text) in texts {
        lacks(&text, "CANARY");
        if is_document(ending) {
            has(&text, "[token].pem");
        }
    }
}

#[test]
fn a_token_that_is_a_word_of_a_format_does_not_tear_it_apart() {
    let server = healthy();
    let url = server.base_url();
    for token in "testsuites blockquote http-equiv schema_version bitrise-dx verified".split(' ') {
        let program = || Program::verify(&url).env("BITRISE_TOKEN", token);
        read_all(&all_formats(&program, 0), Verdict::Verified);
    }
}

#[test]
fn a_reports_name_says_its_format_and_a_wrong_one_is_refused_before_the_run() {
    let server = healthy();
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str| {
        let program = Program::verify(&server.base_url()).args(["-o", "json", "--report", name]);
        let finished = program
            .args(["--report", "good.json"])
            .dir(folder.path())
            .run();
        // What can be written says why another can't.
        let good = fs::read_to_string(folder.path().join("good.json")).unwrap();
        assert_eq!(good, finished.stdout);
        finished.report()
    };
    fs::create_dir(folder.path().join("folder.html")).unwrap();
    for [name, words] in rows(
        "report.txt | .json, .md, .xml (JUnit) or .html
         report | must end in
         .json | must end in
         folder.html | names a folder
         none.html/ | names a folder
         nowhere/report.md | can't write a file into the folder",
    ) {
        let found = run(name);
        assert_eq!(
            (found.outcome(), found.exit_code),
            ("invalid_options", 2),
            "{name}"
        );
        has(&found.message, words);
    }
    assert_eq!(server.requests().len(), 0);
    let files = |folder: &Path| fs::read_dir(folder).unwrap().count();
    assert_eq!(files(folder.path()), 2);
    for name in ["A.MD", "b.markdown", "c.XML", "d.Html", "e.htm", "f.JSON"] {
        assert_eq!(run(name).exit_code, 0, "{name}");
        assert!(folder.path().join(name).is_file());
    }
    assert_eq!(files(folder.path()), 8);
}

#[cfg(unix)]
#[test]
fn a_report_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let run = Program::new(["verify", "--report", "r.html"]);
    run.dir(folder.path()).run();
    let found = fs::metadata(folder.path().join("r.html")).unwrap();
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_run_that_is_killed_leaves_no_draft_behind() {
    let (server, asking) = telling();
    let folder = tempfile::tempdir().unwrap();
    let program = Program::verify(&server.base_url()).args(["--report", "r.html"]);
    let mut child = program.dir(folder.path()).into_command().spawn().unwrap();
    asking.recv().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_run_that_failed_early_says_as_much_as_any() {
    for [args, reason] in rows(
        "                  | token_missing
         --app ..          | invalid_options
         --token x         | token_in_arguments
         --token-file none | token_unreadable",
    ) {
        let folder = tempfile::tempdir().unwrap();
        let program = Program::new(["verify"]).dir(folder.path());
        let program = args.split_whitespace().fold(program, Program::arg);
        let finished = program.args(["-o", "github", "--report", "r.md"]).run();
        assert_eq!(finished.code, Some(2));
        let text = fs::read_to_string(folder.path().join("r.md")).unwrap();
        let name = format!("bitrise-dx explain {reason}");
        assert!(readers::markdown(&text).code.contains(&name), "{text}");
        let commands = readers::workflow(&finished.stdout);
        assert_eq!(commands[0].name, "error", "{name}");
    }
}

#[test]
fn a_reply_answers_a_pasted_text_alone() {
    let text = "$ curl -i -H \"Authorization: $T\" https://api.bitrise.io/v0.1/apps?limit=1\n\
        HTTP/2 401\n\n{\"message\":\"Unauthorized\"}\n";
    let reply = Program::new(["diagnose", "-o", "reply"]).run_with_input(text.as_bytes());
    assert_eq!(reply.code, Some(3), "{}", reply.everything());
    assert!(reply.stdout.lines().count() > 2, "{}", reply.stdout);
    lacks(&reply.stdout, "bitrise-dx 0.");
    let refused = Program::new(["verify", "-o", "reply"]).run();
    assert_eq!(refused.code, Some(2));
    has(&refused.stderr, "invalid value 'reply'");
}

//! Pasted texts: a corpus with a file each, and what holds for any text.

use crate::support::process::Program;
use crate::support::readers;
use crate::support::{WIDE, repeatable};
use bitrise_dx::check::CheckId;
use bitrise_dx::diagnosis::{Known, Who, diagnose};
use bitrise_dx::evidence::{MAX_TEXT, judge};
use bitrise_dx::render::{self, Detail, Style};
use bitrise_dx::report::{EvidenceKind, Report};
use bitrise_dx::verdict::Verdict;
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// One text of the corpus, and what is expected of it.
struct Case {
    name: String,
    /// The lines above the text, as `name: value`.
    expected: Vec<(String, String)>,
    text: String,
}

impl Case {
    fn read(path: &Path) -> Self {
        let whole = fs::read_to_string(path).unwrap();
        let (head, text) = whole.split_once("---\n").unwrap();
        // Git may change line ends, so they are put in here.
        let text = if head.contains("line-ends: crlf") {
            text.replace('\n', "\r\n")
        } else {
            text.to_owned()
        };
        let expected = head.lines().map(|line| line.split_once(": ").unwrap());
        Self {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            expected: expected
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            text,
        }
    }

    fn expects(&self, name: &str) -> Option<&str> {
        let mut expected = self.expected.iter();
        expected
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }

    fn judge(&self, text: &str) -> Report {
        let assumed = self.expects("step").map(|step| match step {
            "apps" => CheckId::AppsList,
            "pipelines" => CheckId::PipelinesList,
            other => panic!("{other}"),
        });
        judge(text, assumed, SystemTime::UNIX_EPOCH)
    }
}

fn corpus() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/evidence");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let cases: Vec<_> = paths.iter().map(|path| Case::read(path)).collect();
    assert!(cases.len() >= 60);
    cases
}

/// Returns verdict and reason, as the corpus names them.
fn outcome(report: &Report) -> String {
    let verdict = report.verdict().as_str();
    report.reason().map_or_else(
        || verdict.to_owned(),
        |reason| format!("{verdict}/{}", reason.as_str()),
    )
}

#[test]
fn the_corpus_is_judged_as_expected() {
    let mut wrong = Vec::new();
    for case in corpus() {
        let report = case.judge(&case.text);
        let facts = report.pasted.as_ref().unwrap();
        let mut seen = vec![("expect", outcome(&report))];
        if case.expects("inferred").is_some() {
            let inferred = facts.found.iter().filter(|step| step.is_inferred);
            let statuses: Vec<_> = inferred
                .map(|step| step.status.unwrap().to_string())
                .collect();
            seen.push(("inferred", statuses.join(" ")));
        }
        if case.expects("revoke").is_some() {
            seen.push((
                "revoke",
                if facts.holds_token() { "yes" } else { "no" }.to_owned(),
            ));
        }
        if let Some(mistake) = case.expects("mistake") {
            let found = facts.mistakes.iter().map(|mistake| format!("{mistake:?}"));
            let found: Vec<_> = found.collect();
            let has = found.iter().any(|found| found == mistake);
            seen.push((
                "mistake",
                if has {
                    mistake.to_owned()
                } else {
                    found.join(" ")
                },
            ));
        }
        if case.expects("settle").is_some() {
            seen.push((
                "settle",
                facts.settled_by.first().cloned().unwrap_or_default(),
            ));
        }
        for (_, words) in case.expected.iter().filter(|(name, _)| name == "words") {
            let known = Known::default();
            let shown = diagnose(case.judge(&case.text), &known);
            for (format, text) in [
                ("human", render::human(&shown, WIDE)),
                (
                    "markdown",
                    readers::markdown(&render::markdown(&shown)).text,
                ),
                ("html", readers::html(&render::html(&shown).unwrap()).text),
            ] {
                let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
                if !one_line(&text).contains(words.as_str()) {
                    wrong.push(format!("{}: {format} lacks {words}:\n{text}", case.name));
                }
            }
        }
        if case.expects("title").is_some() {
            let response = report.decisive().unwrap().exchange.as_ref();
            let response = response.unwrap().response().unwrap();
            let title = response.responder.title.as_ref().unwrap();
            seen.push(("title", title.to_string()));
        }
        for (name, value) in seen {
            let expected = case.expects(name).unwrap();
            if expected != value {
                wrong.push(format!(
                    "{}: {name}: {value}, expected {expected}",
                    case.name
                ));
            }
        }
        assert_eq!(report.evidence, EvidenceKind::Pasted);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The secrets in the corpus; no run of twelve of their characters may be kept.
const SECRETS: [&str; 2] = ["CANARY-3f9a81c27e55d04bQ", "CANARYs8JHq2kD0fXw81pLz4"];

#[test]
fn no_secret_of_a_text_is_kept() {
    for case in corpus() {
        let kept = format!("{:?}", case.judge(&case.text)).to_ascii_lowercase();
        for secret in SECRETS {
            for run in secret.to_ascii_lowercase().as_bytes().windows(12) {
                let run = str::from_utf8(run).unwrap();
                assert!(!kept.contains(run), "{}: {run}: {kept}", case.name);
            }
        }
    }
}

fn blames(report: &Report) -> bool {
    matches!(
        report.verdict(),
        Verdict::InvalidCredentials | Verdict::InvalidPermissions | Verdict::NoResources
    )
}

/// The number of bytes up to which a text is cut at every fifth character; a longer one at every 17th.
const EVERY_CHARACTER: usize = 600;

#[test]
fn cutting_a_text_blames_nobody_whom_the_whole_text_does_not() {
    for case in corpus() {
        let whole = case.judge(&case.text);
        // What the first try said was true of that try.
        let is_mended = case.expects("tries").is_some() && whole.verdict() == Verdict::Verified;
        if blames(&whole) || is_mended {
            continue;
        }
        let facts = whole.pasted.as_ref().unwrap();
        let is_explained = !facts.mistakes.is_empty();
        let places = case.text.char_indices().map(|(at, _)| at);
        let step = if case.text.len() < EVERY_CHARACTER {
            5
        } else {
            17
        };
        for at in places.step_by(step) {
            for part in [&case.text[..at], &case.text[at..]] {
                // A mistake that is cut off can't be seen.
                if at > 0 && part.len() == case.text.len() - at && is_explained {
                    continue;
                }
                let report = case.judge(part);
                assert!(
                    !blames(&report),
                    "{}: {}\n{part}",
                    case.name,
                    outcome(&report)
                );
            }
        }
    }
}

#[test]
fn of_several_tokens_that_are_said_to_be_in_dx_none_is_chosen() {
    const OTHER: &str = "bitpat_GGca2ayN3BISVybY8RkJQc1ReqprfKTi8M6MVwHy";
    let cases = corpus();
    let mut cases = cases.iter();
    let case = cases.find(|case| case.name == "sentence-with-the-token-in-dx");
    let text = &case.unwrap().text;
    let report = judge(
        &format!("{OTHER} is in DX.\n{text}"),
        None,
        SystemTime::UNIX_EPOCH,
    );
    assert_eq!(outcome(&report), "inconclusive/evidence_incomplete");
}

#[test]
fn a_web_page_without_a_status_gets_none() {
    const PAGE: &str = "<html><head><title>Blocked: Developer Tools</title></head></html>";
    let command =
        "$ curl -H \"Authorization: $BITRISE_TOKEN\" 'https://api.bitrise.io/v0.1/apps?limit=1'\n";
    let report = judge(&format!("{command}{PAGE}"), None, SystemTime::UNIX_EPOCH);
    assert_eq!(outcome(&report), "inconclusive/intercepted");
    let diagnosis = diagnose(report, &Known::default());
    let requests: Vec<_> = { diagnosis.checks.iter() }
        .filter_map(|check| check.request.as_ref())
        .collect();
    assert!(!requests.is_empty());
    assert!(requests.iter().all(|request| request.status.is_none()));
    let shown = render::markdown(&diagnosis);
    assert!(shown.contains("Blocked: Developer Tools"), "{shown}");
    assert!(
        !shown.contains("200") && !shown.contains("inferred"),
        "{shown}"
    );
}

#[test]
fn a_text_that_is_too_long_or_empty_is_not_run() {
    let now = SystemTime::UNIX_EPOCH;
    for (text, expected) in [
        (String::new(), "not_run/evidence_missing"),
        (" \n\t\r\n".to_owned(), "not_run/evidence_missing"),
        ("x".repeat(MAX_TEXT + 1), "not_run/invalid_options"),
    ] {
        assert_eq!(outcome(&judge(&text, None, now)), expected);
    }
}

proptest! {
    #![proptest_config(repeatable())]

    #[test]
    fn any_text_has_a_verdict(
        pieces in prop::collection::vec(
            prop_oneof![
                any::<String>(),
                "[{}\\[\\]\"':,a-c<>$>\\\\ \n]{0,20}",
                prop::sample::select(vec![
                    "curl -H 'Authorization: x' 'https://api.bitrise.io/v0.1/apps?limit=1'\n",
                    "https://api.bitrise.io/v0.1/apps/a/pipelines",
                    "{\"message\":\"Not Found\"}", "{\"data\":[]}", "HTTP/2 401\n", "HTTP/1.1 ",
                    "curl: (6) ", "<html><title>", "\u{1b}[", "\u{1b}]8;;", "> ", "< ", "\r", "data  \n---\n{@{slug=",
                    "Bearer ", "bitwat_", "Step 1", "RawContent ", "CONNECT h:443 HTTP/1.1\n", "Authorization",
                ]).prop_map(str::to_owned),
            ],
            0..12,
        ),
    ) {
        let text = pieces.concat();
        let report = judge(&text, None, SystemTime::UNIX_EPOCH);
        let verdict = report.verdict();
        prop_assert_eq!(verdict.exit_code(), report.exit_code());
        prop_assert!(!render::json(&diagnose(judge(&text, None, SystemTime::UNIX_EPOCH), &Known::default())).unwrap().is_empty());
        prop_assert!(verdict != Verdict::NotRun || report.not_run.is_some());
    }
}

#[test]
fn the_sandboxs_token_is_no_secret() {
    assert_eq!(
        bitrise_dx::evidence::SANDBOX_TOKEN,
        bitrise_dx::sandbox::TOKEN
    );
}

/// The address of DX's first command.
const APPS: &str = "https://api.bitrise.io/v0.1/apps";

/// Returns a command and what it printed.
fn told(url: &str, status: u16, body: &str) -> String {
    format!("$ curl -i -H \"Authorization: $BITRISE_TOKEN\" \"{url}\"\nHTTP/2 {status}\n\n{body}\n")
}

/// Returns the list of so many apps.
fn list_of(apps: usize) -> String {
    let apps: Vec<_> = (0..apps)
        .map(|app| format!(r#"{{"slug":"s{app}"}}"#))
        .collect();
    format!(r#"{{"data":[{}],"paging":{{}}}}"#, apps.join(","))
}

#[test]
fn one_denied_app_decides_wherever_it_stands() {
    const APPS_COUNT: usize = 120;
    const REFUSED: &str = r#"{"message":"Forbidden"}"#;
    let runs = r#"{"data":[{"id":"p","is_pipeline":true}],"paging":{}}"#;
    let text = |denied: usize, endpoint: &str| {
        let mut text = told(APPS, 200, &list_of(APPS_COUNT));
        for app in 0..APPS_COUNT {
            let url = format!("{APPS}/s{app}/pipelines");
            for (url, name, body) in [
                (url.clone(), "list", runs),
                (format!("{url}/p"), "show", r#"{"id":"p"}"#),
            ] {
                text += &if (app, name) == (denied, endpoint) {
                    told(&url, 403, REFUSED)
                } else {
                    told(&url, 200, body)
                };
            }
        }
        text
    };
    let judged = |text: &str| judge(text, None, SystemTime::UNIX_EPOCH);
    assert_eq!(outcome(&judged(&text(APPS_COUNT, ""))), "verified");
    for denied in [0, 1, 49, 50, 51, APPS_COUNT - 1] {
        for (endpoint, reason) in [
            ("list", "pipelines_denied"),
            ("show", "pipeline_details_denied"),
        ] {
            let found = outcome(&judged(&text(denied, endpoint)));
            assert!(found.contains(reason), "{denied} {endpoint}: {found}");
        }
    }
}

#[test]
fn what_another_host_says_is_said_of_no_token_and_no_outage_of_bitrises() {
    let body = |status| match status {
        200 => list_of(1),
        _ => r#"{"message":"No"}"#.to_owned(),
    };
    for status in [200, 401, 403, 404, 429, 500, 503] {
        for base in ["https://gw.example/v0.1", "https://bitrise.io.example/v0.1"] {
            let list = told(&format!("{base}/apps"), status, &body(status));
            let app = told(
                &format!("{base}/apps/s0/pipelines"),
                200,
                r#"{"data":[],"paging":{}}"#,
            );
            let report = judge(&(list + &app), None, SystemTime::UNIX_EPOCH);
            let found = outcome(&report);
            assert!(found.contains("evidence_incomplete"), "{status}: {found}");
        }
    }
}

#[test]
fn what_a_run_would_not_take_for_bitrises_answer_decides_nothing() {
    let list = told(APPS, 200, r#"{"data":[],"paging":{}}"#);
    // The list of apps, as from a cache that answers every path alike.
    let apps = r#"{"data":[{"slug":"s","title":"t"}]}"#;
    let other = told(&format!("{APPS}/s0/pipelines"), 200, apps);
    let rejected = told(APPS, 401, "Unauthorized");
    let gateway = rejected.replace("\n\nU", "\nWWW-Authenticate: NTLM\n\nU");
    for (text, expected) in [
        (list.clone(), "no_resources/no_apps"),
        (list + &other, "inconclusive/evidence_incomplete"),
        (rejected, "invalid_credentials/token_rejected"),
        (gateway, "inconclusive/intercepted"),
    ] {
        let report = judge(&text, None, SystemTime::UNIX_EPOCH);
        assert_eq!(outcome(&report), expected, "{text}");
    }
}

/// A change of dress, which a text goes through.
type Dress = fn(&str) -> String;

/// Harmless changes of dress: the text stays the same to whoever reads it.
const DRESSES: &[(&str, Dress)] = &[
    ("quoted", |text| each(text, |line| format!("> {line}"))),
    ("quoted twice", |text| {
        each(text, |line| format!("> > {line}"))
    }),
    ("quoted without spaces", |text| {
        each(text, |line| format!(">{line}"))
    }),
    ("indented", |text| each(text, |line| format!("    {line}"))),
    ("CRLF", |text| text.replace('\n', "\r\n")),
    ("coloured", |text| {
        each(text, |line| format!("\u{1b}[32m{line}\u{1b}[0m"))
    }),
    ("a timestamp in front", |text| {
        each(text, |line| format!("2026-11-24T10:00:00.1234567Z {line}"))
    }),
    ("a clock in front", |text| {
        each(text, |line| format!("[10:00:00] {line}"))
    }),
    ("a container's name in front", |text| {
        each(text, |line| format!("app-1  | {line}"))
    }),
    ("in a fence inside a letter", |text| {
        format!("Hello,\n\nthis is what I see:\n\n```\n{text}\n```\n\nKind regards\nMira\n")
    }),
    ("in a fence with a language", |text| {
        format!("```console\n{text}\n```\n")
    }),
    ("an export in pre", |text| {
        format!("<p>Hello,</p>\n<pre>{}</pre>\n<p>Regards</p>", html(text))
    }),
    ("an export in divs", |text| {
        each(&html(text), |line| format!("<div>{line}</div>"))
    }),
    ("entities alone", html),
    ("Jira's macro", |text| {
        format!("{{code:bash}}\n{text}\n{{code}}\n")
    }),
    ("no-break spaces", |text| text.replace("  ", "\u{a0} ")),
    ("zero-width spaces in addresses", |text| {
        text.replace("api.bitrise.io", "api.\u{200b}bitrise.\u{200b}io")
    }),
    ("a byte order mark", |text| format!("\u{feff}{text}")),
    ("a greeting above", |text| {
        format!("Hi team, DX does not connect. Here is the output:\n\n{text}")
    }),
    ("a signature with numbers", |text| {
        format!("{text}\n\n--\nMira Kovac | Acme Ltd | Room 401 | +49 30 403 404 0\n")
    }),
    ("a shell's header above", |text| {
        format!("Last login: Tue Nov 24 09:59:01 on ttys001\n{text}")
    }),
    ("blank lines at its ends", |text| {
        format!("\n\n\n{text}\n\n\n")
    }),
    ("a diff's sign in front", |text| {
        each(text, |line| format!("+ {line}"))
    }),
    ("numbered, with tabs", |text| {
        numbered(text, |number, line| format!("{number:>6}\t{line}"))
    }),
    ("numbered, with colons", |text| {
        numbered(text, |number, line| format!("{number}: {line}"))
    }),
    ("numbered, with spaces", |text| {
        numbered(text, |number, line| format!("{number} {line}"))
    }),
    ("numbered, on lines of their own", |text| {
        numbered(text, |number, line| format!("{number}\n{line}"))
    }),
    ("a fence on the first line and the last one", |text| {
        format!("Hi, see below\n```{}```\n", text.trim_end())
    }),
    ("in a box", |text| {
        // A table has its sides already.
        if text.contains('│') {
            return text.to_owned();
        }
        let width = { text.lines().map(|line| line.chars().count()) }.max();
        let width = width.unwrap_or_default();
        let rows = each(text, |line| format!("│ {line:<width$} │"));
        let border = "─".repeat(width + 2);
        format!("┌{border}┐\n{rows}└{border}┘\n")
    }),
    ("an item of a list", |text| {
        format!("- The output:\n{}", each(text, |line| format!("  {line}")))
    }),
    ("a fence in a numbered item", |text| {
        let item = each(&format!("```\n{text}\n```"), |line| format!("   {line}"));
        format!("1. I ran this:\n\n{item}\n2. What now?\n")
    }),
    ("GitHub's details", |text| {
        format!("<details>\n<summary>Output</summary>\n\n```\n{text}\n```\n\n</details>\n")
    }),
    ("Confluence's macro with a title", |text| {
        format!("{{code:title=terminal|language=bash}}\n{text}\n{{code}}\n")
    }),
    ("Jira's other macro", |text| {
        format!("{{noformat}}\n{text}\n{{noformat}}\n")
    }),
    ("Jira's escapes", |text| {
        ["{", "}", "[", "]", "_"]
            .iter()
            .fold(text.to_owned(), |text, sign| {
                text.replace(sign, &format!("\\{sign}"))
            })
    }),
    ("UTF-8 read as Windows-1252", mojibake),
    ("soft hyphens in long words", |text| {
        text.replace("api.bitrise.io", "api.\u{ad}bit\u{ad}rise.io")
            .replace("Authorization", "Author\u{ad}iza\u{ad}tion")
    }),
    ("flowed at 72 columns", |text| flowed(text, "")),
    ("flowed at 72 columns, and quoted", |text| {
        flowed(text, "> ")
    }),
    ("quoted-printable", quoted_printable),
    ("line separators, as a word processor has them", |text| {
        text.replace('\n', "\u{2028}")
    }),
    ("carriage returns alone", |text| text.replace('\n', "\r")),
    ("kubectl's prefix", |text| {
        each(text, |line| format!("[pod/check-7d9f/app] {line}"))
    }),
    ("journald's prefix", |text| {
        each(text, |line| {
            format!("Nov 24 10:00:00 build-1 check[4242]: {line}")
        })
    }),
    ("journald's prefix with a full date", |text| {
        each(text, |line| {
            format!("2026-11-24T10:00:00+0100 build-1 check[4242]: {line}")
        })
    }),
    ("a container's name and a time in front", |text| {
        each(text, |line| {
            format!("web-1  | 2026-11-24T10:00:00.123456789Z {line}")
        })
    }),
    ("Teams' header above", |text| {
        format!("[10:02] Mira Kovac\n{text}")
    }),
    ("Slack's export", |text| {
        let text = text.replace('&', "&amp;");
        let text = text.replace('<', "&lt;").replace('>', "&gt;");
        serde_json::json!([{ "type": "message", "text": text }]).to_string()
    }),
    ("Slack's header above", |text| {
        format!("Mira Kovac  10:02 AM\n{text}")
    }),
];

fn numbered(text: &str, change: impl Fn(usize, &str) -> String) -> String {
    let lines = (1..).zip(text.lines());
    lines
        .map(|(number, line)| change(number, line) + "\n")
        .collect()
}

/// Breaks lines as a mail program does that says `format=flowed` (RFC 3676): a space stays at the end of
/// a line that goes on.
fn flowed(text: &str, quote: &str) -> String {
    const COLUMNS: usize = 72;
    each(text, |line| {
        let (mut out, mut column) = (quote.to_owned(), 0);
        for word in line.trim_end().split_inclusive(' ') {
            let has_words = out.contains(|c: char| !matches!(c, '>' | ' '));
            if has_words && column + word.trim_end().len() > COLUMNS {
                out.push('\n');
                out += quote;
                column = 0;
            }
            out += word;
            column += word.len();
        }
        out
    })
}

/// Returns a text whose bytes were taken for another encoding.
fn mojibake(text: &str) -> String {
    const HIGH: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";
    let high: Vec<char> = HIGH.chars().collect();
    let taken = |byte: u8| match byte {
        0x80..=0x9f => high[usize::from(byte) - 0x80],
        byte => char::from(byte),
    };
    text.bytes().map(taken).collect()
}

/// Returns a text as mails carry it (RFC 2045).
fn quoted_printable(text: &str) -> String {
    const COLUMNS: usize = 70;
    each(text, |line| {
        let (mut out, mut column) = (String::new(), 0);
        for byte in line.bytes() {
            if column > COLUMNS {
                out += "=\n";
                column = 0;
            }
            let escaped = match byte {
                b'=' | 0x80.. | ..0x20 => format!("={byte:02X}"),
                byte => char::from(byte).to_string(),
            };
            column += escaped.len();
            out += &escaped;
        }
        out
    })
}

fn each(text: &str, change: impl Fn(&str) -> String) -> String {
    text.lines().map(|line| change(line) + "\n").collect()
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[test]
fn harmless_changes_of_dress_keep_the_verdict() {
    let mut changed = Vec::new();
    let mut count = 0;
    for case in corpus() {
        let before = case.judge(&case.text).verdict();
        for &(name, dress) in DRESSES {
            count += 1;
            let after = case.judge(&dress(&case.text)).verdict();
            if after != before {
                changed.push(format!("{} {name}: {before:?} -> {after:?}", case.name));
            }
        }
    }
    assert!(
        changed.is_empty(),
        "{} of {count}:\n{}",
        changed.len(),
        changed.join("\n")
    );
}

/// A ticket with a token in it, of which one app is refused.
const REFUSED: &str = r#"$ curl -H "Authorization: bitwat_Zk3vQ9pL2mX8sT1bN5cR" https://api.bitrise.io/v0.1/apps?limit=50
{"data":[{"slug":"93f256e365d929d3","title":"Shop iOS","owner":{"account_type":"organization","name":"Acme Mobile","slug":"acme"}},
{"slug":"7be4d2a90c310008","title":"Shop Android","owner":{"account_type":"organization","name":"Acme Mobile","slug":"acme"}}],
"paging":{"total_item_count":2,"page_item_limit":50}}
$ curl -H "Authorization: bitwat_Zk3vQ9pL2mX8sT1bN5cR" https://api.bitrise.io/v0.1/apps/93f256e365d929d3/pipelines
{"message":"Not Found"}
"#;

/// A command with a mistake, in PowerShell.
const BEARER: &str = r#"PS C:\> curl.exe -i -H "Authorization: Bearer $env:BITRISE_TOKEN" "https://api.bitrise.io/v0.1/apps?limit=1"
HTTP/1.1 401 Unauthorized

{"message":"Unauthorized"}
"#;

/// Both commands, answered as DX needs it.
const WORKS: &str = r#"$ curl -i -H "Authorization: $BITRISE_TOKEN" https://api.bitrise.io/v0.1/apps?limit=1
HTTP/2 200

{"data":[{"slug":"93f256e365d929d3","title":"Shop iOS","owner":{"account_type":"organization","name":"Acme Mobile","slug":"acme"}}],"paging":{"total_item_count":1,"page_item_limit":1}}
$ curl -i -H "Authorization: $BITRISE_TOKEN" https://api.bitrise.io/v0.1/apps/93f256e365d929d3/pipelines?limit=1
HTTP/2 200

{"data":[{"id":"1","is_pipeline":true}],"paging":{}}
"#;

/// A rejected token.
const REJECTED: &str = r#"$ curl -i -H "Authorization: $BITRISE_TOKEN" https://api.bitrise.io/v0.1/apps?limit=1
HTTP/2 401

{"message":"Unauthorized"}
"#;

/// Statuses that are only told.
const TOLD: &str = "step 1 returns 403\n";

#[test]
fn support_reads_what_a_text_shows_and_the_customer_what_to_do() {
    for (name, text) in [
        ("refused", REFUSED),
        ("bearer", BEARER),
        ("works", WORKS),
        ("rejected", REJECTED),
        ("told", TOLD),
    ] {
        let shown = diagnose(judge(text, None, SystemTime::UNIX_EPOCH), &Known::default());
        let style = Style {
            detail: Detail::Normal,
            ..WIDE
        };
        let screen = render::human(&shown, style);
        let screen: Vec<&str> = { screen.lines() }
            .filter(|line| !line.starts_with("bitrise-dx 0."))
            .collect();
        insta::assert_snapshot!(format!("pasted-{name}"), screen.join("\n"));
        insta::assert_snapshot!(format!("reply-{name}"), render::reply(&shown));
    }
}

#[test]
fn no_report_of_a_text_repeats_its_mistakes_or_speaks_to_the_wrong_person() {
    for case in corpus() {
        let name = &case.name;
        let shown = diagnose(case.judge(&case.text), &Known::default());
        assert_ne!(shown.who, Some(Who::You), "{name}");
        let actions = shown.actions.iter().map(ToString::to_string);
        let commands: Vec<String> = actions.chain(shown.reproduce.clone()).collect();
        let commands = commands.join("\n");
        for wrong in ["http://api.bitrise.io", "Bearer", "/v0.2", "-X POST"] {
            assert!(!commands.contains(wrong), "{name}: {commands}");
        }
        let human = render::human(&shown, WIDE);
        assert!(
            human.matches("The text holds").count() <= 1,
            "{name}: {human}"
        );
        let reply = render::reply(&shown);
        for wrong in ["the customer", "bitwat_Z"] {
            assert!(!reply.contains(wrong), "{name}: {reply}");
        }
        assert!(
            reply.matches("Leave the token itself").count() <= 1,
            "{name}"
        );
    }
}

#[test]
fn utf_16_is_read_with_and_without_its_mark() {
    let text = "PS C:\\> irm https://api.bitrise.io/v0.1/apps?limit=1 -Headers $h\r\n\
                irm : Der Remotename konnte nicht aufgelöst werden: 'api.bitrise.io'\r\n";
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for bytes in [
        text.as_bytes().to_vec(),
        [&[0xff, 0xfe], little.as_slice()].concat(),
        [&[0xfe, 0xff], big.as_slice()].concat(),
        little,
        big,
    ] {
        let program = Program::new(["diagnose", "-o", "json"]);
        let shown = program.run_with_input(&bytes).everything();
        assert!(shown.contains("dns_failure"), "{:?}: {shown}", &bytes[..4]);
    }
}

/// What somebody may repeat to keep a program busy.
const REPEATED: [&str; 35] = [
    "://",
    "\u{1b}]8;;",
    "\u{1b}[",
    "token:",
    "authorization:",
    "bitwat_",
    "{\"a\":\"bitwat_x",
    "curl ",
    "curl -H 'x\n",
    "{",
    "{}",
    "{\"a\":[",
    "{\"a\":1}\n",
    "{\"schema_version\":",
    "@{a=",
    "[",
    "\"",
    "`",
    "> ",
    "| a | 401 |\n",
    "401 ",
    "HTTP/2 401\n",
    "HTTP/1.1 401\na: b\n\n",
    "a: b\n",
    "step 1\n",
    "From: a\n",
    "PS C:\\> ",
    "<div>",
    "<html>",
    "&quot;",
    "=3D",
    "\"status\":404,",
    "https://api.bitrise.io/v0.1/apps ",
    "http://a:b@c ",
    "-u a:b ",
];

/// Returns how long this thread has been at work, in nanoseconds: its own time, if the system tells
/// it, so that a busy machine changes nothing.
fn worked() -> u128 {
    let own = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let own = own.and_then(|line| line.split(' ').next()?.parse().ok());
    own.unwrap_or_else(|| {
        static START: std::sync::LazyLock<std::time::Instant> =
            std::sync::LazyLock::new(std::time::Instant::now);
        START.elapsed().as_nanos()
    })
}

/// What of which each is another one, as many as are asked for.
const NUMBERED: [fn(usize) -> String; 3] = [
    |number| format!("curl https://api.bitrise.io/v0.1/apps/s{number}/pipelines\n"),
    |number| {
        format!(
            "curl -H \"Authorization: $T\" https://api.bitrise.io/v0.1/apps\n\
             {{\"data\":[{{\"slug\":\"a\",\"title\":\"b\"}}],\"paging\":{{}}}}\n\
             curl -H \"Authorization: $T\" https://api.bitrise.io/v0.1/apps/s{number}/pipelines\n\
             {{\"message\":\"Unauthorized\"}}\n"
        )
    },
    |number| format!("From: a@b.example\nSubject: {number}\n\nstep 2 gave a 403\n\n"),
];

/// Fails if four times a text takes much more than four times the work.
fn is_linear(name: &str, text: impl Fn(usize) -> String, size: usize) {
    /// Some steps of a thread's clock, in nanoseconds.
    const STEPS: u128 = 40_000_000;
    /// A clock that counts the work of others as well may be wrong a few times.
    const TRIES: usize = 5;
    let works = |size: usize| {
        let text = text(size);
        let start = worked();
        judge(&text, None, SystemTime::UNIX_EPOCH);
        worked() - start
    };
    let mut seen = Vec::new();
    let is_linear = (0..TRIES).any(|_| {
        let (once, four) = (works(size), works(4 * size));
        seen.push((once, four));
        // Sixteen times would be quadratic; the clock of a thread goes in steps.
        four < once * 10 + STEPS
    });
    assert!(is_linear, "{name:?}: {seen:?}");
}

#[test]
fn four_times_the_text_is_about_four_times_the_work() {
    for part in REPEATED {
        is_linear(part, |size| part.repeat(size / part.len()), 6 * 1024);
    }
    for part in NUMBERED {
        is_linear(&part(0), |size| (0..size).map(part).collect(), 400);
    }
}

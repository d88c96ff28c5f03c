//! Pasted texts: a corpus with a file each, and what holds for any text.

use crate::support::process::Program;
use crate::support::readers;
use crate::support::{WIDE, has, lacks, repeatable};
use bitrise_dx::check::CheckId;
use bitrise_dx::diagnosis::{Known, Who, diagnose, read};
use bitrise_dx::evidence::{MAX_TEXT, judge};
use bitrise_dx::pasted::Secret;
use bitrise_dx::render::{self, Detail, Style};
use bitrise_dx::report::{EvidenceKind, Report};
use bitrise_dx::verdict::Verdict;
use proptest::prelude::*;
use std::fmt::Write as _;
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
            let exchanges = { report.checks.iter() }.filter_map(|check| check.exchange.as_ref());
            let responses = exchanges.filter_map(|exchange| exchange.response());
            let inferred = responses.filter(|response| response.is_inferred);
            let statuses = inferred.map(|response| response.status.unwrap().to_string());
            seen.push(("inferred", statuses.collect::<Vec<_>>().join(" ")));
        }
        if case.expects("revoke").is_some() {
            let is_revoked = if facts
                .secrets
                .iter()
                .any(|secret| matches!(secret, Secret::Bitrise(..)))
            {
                "yes"
            } else {
                "no"
            };
            seen.push(("revoke", is_revoked.to_owned()));
        }
        if let Some(mistake) = case.expects("mistake") {
            let found = facts.mistakes.iter().map(|found| format!("{found:?}"));
            let mut found: Vec<_> = found.collect();
            if found.iter().any(|found| found == mistake) {
                found = vec![mistake.to_owned()];
            }
            seen.push(("mistake", found.join(" ")));
        }
        if case.expects("settle").is_some() {
            let by = facts.settled_by.first().cloned();
            seen.push(("settle", by.unwrap_or_default()));
        }
        for (_, words) in case.expected.iter().filter(|(name, _)| name == "words") {
            let known = Known::default();
            let shown = diagnose(case.judge(&case.text), &known);
            let markdown = readers::markdown(&render::markdown(&shown)).text;
            let html = readers::html(&render::html(&shown).unwrap()).text;
            let human = render::human(&shown, WIDE);
            for (format, text) in [("human", human), ("markdown", markdown), ("html", html)] {
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
                wrong.push(format!("{}: {name}: {value}, not {expected}", case.name));
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
        let is_short = case.text.len() < EVERY_CHARACTER;
        let step = if is_short { 5 } else { 17 };
        for at in places.step_by(step) {
            for part in [&case.text[..at], &case.text[at..]] {
                // A mistake that is cut off can't be seen.
                if at > 0 && part.len() == case.text.len() - at && is_explained {
                    continue;
                }
                let report = case.judge(part);
                let found = outcome(&report);
                assert!(!blames(&report), "{}: {found}\n{part}", case.name);
            }
        }
    }
}

#[test]
fn of_several_tokens_one_is_chosen_only_if_the_text_says_it_of_one() {
    const OTHER: &str = "bitpat_GGca2ayN3BISVybY8RkJQc1ReqprfKTi8M6MVwHy";
    let cases = corpus();
    let mut cases = cases.iter();
    let case = cases.find(|case| case.name == "sentence-with-the-token-in-dx");
    let text = &case.unwrap().text;
    let (_, tries) = text.split_once('\n').unwrap();
    for text in [
        format!("{OTHER} is in DX.\n{text}"),
        format!("{OTHER} is not in DX.\n{tries}"),
    ] {
        let report = judge(&text, None, SystemTime::UNIX_EPOCH);
        assert_eq!(
            outcome(&report),
            "inconclusive/evidence_incomplete",
            "{text}"
        );
    }
}

#[test]
fn an_answer_beside_the_same_of_another_app_is_of_no_listed_one() {
    let text = "> get(\"apps\")\n\
        {\"data\":[{\"slug\":\"2d4c6b8a0f1e3d5c\",\"title\":\"a\"}],\"paging\":{\"next\":\"b\"}}\n\
        > get(\"apps\", slug, \"pipelines\")\n! HTTP 404 Not Found.\n> last()\n\
        GET https://api.bitrise.io/v0.1/apps/5f4e3d2c1b0a9f8e/pipelines\nStatus: 404 Not Found\n";
    let report = judge(text, None, SystemTime::UNIX_EPOCH);
    assert_eq!(outcome(&report), "inconclusive/evidence_incomplete");
}

#[test]
fn a_method_is_known_in_whichever_way_code_names_it() {
    let judged = |request: &str| {
        let text = format!("{request}\n\n401\n{{\"message\":\"Unauthorized\"}}\n");
        judge(&text, None, SystemTime::UNIX_EPOCH)
            .verdict()
            .as_str()
    };
    let url = "https://api.bitrise.io/v0.1/apps?limit=1";
    for notation in [
        "requests.post('URL', headers=headers)",
        "requests.request('POST', 'URL', headers=headers)",
        "axios({url: 'URL', method: 'post'})",
        "$http->delete('URL')",
        "await client.PutAsync(\"URL\", null)",
        "new HttpRequestMessage(HttpMethod.Post, \"URL\")",
        "http.NewRequest(http.MethodPatch, \"URL\", nil)",
        "Net::HTTP::Post.new(URI('URL'))",
        "new Request.Builder().url(\"URL\").post(body).build()",
        "HttpRequest.newBuilder(URI.create(\"URL\")).method(\"PUT\", body)",
        "req.setEndpoint('URL');\nreq.setMethod('POST');",
        "CALLOUT_REQUEST|[6]|System.HttpRequest[Endpoint=URL, Method=POST]",
        "uri: URL\nmethod: POST",
    ] {
        let notation = notation.replace("URL", url);
        assert_eq!(judged(&notation), "inconclusive", "{notation}");
    }
    for notation in [
        "requests.get('URL', headers=headers)",
        "uri: URL\nmethod: GET",
        "new HttpGet(\"URL\")",
    ] {
        let notation = notation.replace("URL", url);
        assert_eq!(judged(&notation), "invalid_credentials", "{notation}");
    }
}

#[test]
fn what_code_sends_with_the_token_is_known_in_any_language() {
    let judged = |given: &str| {
        let url = "https://api.bitrise.io/v0.1/apps";
        let text =
            format!("client.get(\"{url}\", {given})\n\n401\n{{\"message\":\"Unauthorized\"}}\n");
        judge(&text, None, SystemTime::UNIX_EPOCH)
            .verdict()
            .as_str()
    };
    for given in [
        "headers={\"Authorization\": f\"Bearer {token}\"}",
        "headers: { Authorization: `Bearer ${token}` }",
        "headers: { Authorization: 'Bearer '.concat(token) }",
        "\"Authorization\" => \"Bearer #{ENV['TOKEN']}\"",
        "(\"Authorization\", $\"Bearer {token}\")",
        "(\"Authorization\", format!(\"Bearer {token}\"))",
        "{\"Authorization\": \" \".join([\"Bearer\", token])}",
        ".bearer_auth(token)",
        ".oauth2(token)",
        "auth: { bearer: token }",
        ".withToken(token)",
        "auth=(\"\", token)",
        "withBasicAuth(token, \"\")",
        "headers={\"X-Api-Key\": token}",
        "headers={\"Authorisation\": token}",
        "headers={\"Authentication\": token}",
        "headers={\"Authorization\": \"\"}",
        "headers={\"Authorization\": None}",
        "headers={\"Authorization\": \"YOUR_API_TOKEN\"}",
    ] {
        assert_eq!(judged(given), "inconclusive", "{given}");
    }
    for given in [
        "headers={\"Authorization\": token}",
        "headers={\"Authorization\": f\"{token}\"}",
        "headers: { Authorization: `${token}` }",
        "\"Authorization\" => \"#{ENV['TOKEN']}\"",
        "(\"Authorization\", $\"{token}\")",
        "(\"Authorization\", format!(\"{}\", token))",
        "{\"Authorization\": \"%s\" % token}",
        "headers={\"Authorization\": os.environ[\"TOKEN\"]}",
        ".header(\"Authorization\", System.getenv(\"TOKEN\"))",
        "headers = c(Authorization = Sys.getenv(\"TOKEN\"))",
        "headers={\"Authorization\": \"token \" + token}",
        "{\"authorization\": config['bitrise']['token']}",
    ] {
        assert_eq!(judged(given), "invalid_credentials", "{given}");
    }
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
    has(&shown, "Blocked: Developer Tools");
    lacks(&shown, "200");
    lacks(&shown, "inferred");
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
    use bitrise_dx::{evidence::SANDBOX_TOKEN, sandbox::TOKEN};
    assert_eq!(SANDBOX_TOKEN, TOKEN);
}

/// The address of DX's first command.
const APPS: &str = "https://api.bitrise.io/v0.1/apps";

/// Returns a command and what it printed.
fn told(url: &str, status: u16, body: &str) -> String {
    format!("$ curl -i -H \"Authorization: $BITRISE_TOKEN\" \"{url}\"\nHTTP/2 {status}\n\n{body}\n")
}

/// Returns the list of so many apps.
fn list_of(apps: usize) -> String {
    let apps = (0..apps).map(|app| format!(r#"{{"slug":"s{app}"}}"#));
    let apps: Vec<_> = apps.collect();
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
            has(&outcome(&judged(&text(denied, endpoint))), reason);
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
            let runs = format!("{base}/apps/s0/pipelines");
            let app = told(&runs, 200, r#"{"data":[],"paging":{}}"#);
            let report = judge(&(list + &app), None, SystemTime::UNIX_EPOCH);
            has(&outcome(&report), "evidence_incomplete");
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

/// Harmless changes of dress: the text stays the same to whoever reads it. In a form, LINE stands for
/// each line, after its NUMBER, and TEXT for the whole.
const FORMS: &[(&str, &str)] = &[
    ("quoted", "> LINE"),
    ("quoted twice", "> > LINE"),
    ("quoted without spaces", ">LINE"),
    ("indented", "    LINE"),
    ("coloured", "\u{1b}[32mLINE\u{1b}[0m"),
    ("a timestamp in front", "2026-11-24T10:00:00.1234567Z LINE"),
    ("a clock in front", "[10:00:00] LINE"),
    ("a container's name in front", "app-1  | LINE"),
    ("a fence with a language", "```console\nTEXT\n```\n"),
    ("Jira's macro", "{code:bash}\nTEXT\n{code}\n"),
    ("a byte order mark", "\u{feff}TEXT"),
    (
        "a greeting above",
        "Hi team, DX does not connect. Here is the output:\n\nTEXT",
    ),
    (
        "a shell's header above",
        "Last login: Tue Nov 24 09:59:01 on ttys001\nTEXT",
    ),
    ("blank lines at its ends", "\n\n\nTEXT\n\n\n"),
    ("a diff's sign in front", "+ LINE"),
    ("numbered, with colons", "NUMBER: LINE"),
    ("numbered, with spaces", "NUMBER LINE"),
    ("numbered, on lines of their own", "NUMBER\nLINE"),
    (
        "Confluence's macro",
        "{code:title=terminal|language=bash}\nTEXT\n{code}\n",
    ),
    ("Jira's other macro", "{noformat}\nTEXT\n{noformat}\n"),
    ("kubectl's prefix", "[pod/check-7d9f/app] LINE"),
    (
        "journald's prefix",
        "Nov 24 10:00:00 build-1 check[4242]: LINE",
    ),
    (
        "journald's full date",
        "2026-11-24T10:00:00+0100 build-1 check[4242]: LINE",
    ),
    (
        "a name and a time in front",
        "web-1  | 2026-11-24T10:00:00.123456789Z LINE",
    ),
    ("Teams' header above", "[10:02] Mira Kovac\nTEXT"),
    ("Slack's header above", "Mira Kovac  10:02 AM\nTEXT"),
    (
        "a fence inside a letter",
        "Hello,\n\nthis is what I see:\n\n```\nTEXT\n```\n\nKind regards\nMira\n",
    ),
    (
        "a signature with numbers",
        "TEXT\n\n--\nMira Kovac | Acme Ltd | Room 401 | +49 30 403 404 0\n",
    ),
    (
        "GitHub's details",
        "<details>\n<summary>Output</summary>\n\n```\nTEXT\n```\n\n</details>\n",
    ),
];

/// Returns a text in a form.
fn formed(form: &str, text: &str) -> String {
    if !form.contains("LINE") {
        return form.replace("TEXT", text);
    }
    let lines = (1..).zip(text.lines());
    let line = |(number, line): (usize, &str)| {
        form.replace("NUMBER", &number.to_string())
            .replace("LINE", line)
            + "\n"
    };
    lines.map(line).collect()
}

/// A change of dress, which a text goes through.
type Dress = fn(&str) -> String;

/// Changes of dress that are more than a form.
const DRESSES: &[(&str, Dress)] = &[
    ("CRLF", |text| text.replace('\n', "\r\n")),
    ("an export in pre", |text| {
        format!("<p>Hello,</p>\n<pre>{}</pre>\n<p>Regards</p>", html(text))
    }),
    ("an export in divs", |text| {
        each(&html(text), |line| format!("<div>{line}</div>"))
    }),
    ("entities alone", html),
    ("no-break spaces", |text| text.replace("  ", "\u{a0} ")),
    ("zero-width spaces in addresses", |text| {
        text.replace("api.bitrise.io", "api.\u{200b}bitrise.\u{200b}io")
    }),
    ("numbered, with tabs", |text| {
        let lines = (1..).zip(text.lines());
        let lines = lines.map(|(number, line)| format!("{number:>6}\t{line}\n"));
        lines.collect::<Vec<_>>().concat()
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
    ("a ticket's comments", |text| {
        let comment = serde_json::json!({ "id": 1, "body": text, "plain_body": text });
        serde_json::json!({ "comments": [comment], "count": 1 }).to_string()
    }),
    ("entries of a log", |text| {
        let entry = |line| serde_json::json!({ "severity": "INFO", "textPayload": line });
        let entries: Vec<_> = text.lines().map(entry).collect();
        serde_json::json!(entries).to_string()
    }),
    ("a terminal's recording", |text| {
        each(text, |line| {
            serde_json::json!([0.5, "o", format!("{line}\r\n")]).to_string()
        })
    }),
    ("a cell of a table", |text| {
        if !text.contains("{\"") && !text.contains("\"Authorization") {
            return text.to_owned();
        }
        let text = text.trim_end().replace('"', "\"\"");
        format!("Key,Text\nA-1,\"\n{text}\"\n")
    }),
    ("Slack's export", |text| {
        let text = text.replace('&', "&amp;");
        let text = text.replace('<', "&lt;").replace('>', "&gt;");
        serde_json::json!([{ "type": "message", "text": text }]).to_string()
    }),
];

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
    for case in corpus() {
        let before = case.judge(&case.text).verdict();
        let forms = FORMS
            .iter()
            .map(|(name, form)| (name, formed(form, &case.text)));
        let dresses = DRESSES
            .iter()
            .map(|(name, dress)| (name, dress(&case.text)));
        for (name, text) in forms.chain(dresses) {
            let after = case.judge(&text).verdict();
            if after != before {
                changed.push(format!("{} {name}: {before:?} -> {after:?}", case.name));
            }
        }
    }
    assert!(changed.is_empty(), "{}", changed.join("\n"));
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
    let mut sheet = String::new();
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
        let (screen, reply) = (screen.join("\n"), render::reply(&shown));
        write!(
            sheet,
            "######## {name}\n{screen}\n######## the reply\n{reply}\n"
        )
        .unwrap();
    }
    insta::assert_snapshot!("pasted", sheet);
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
        let held = human.matches("The text holds").count();
        assert!(held <= 1, "{name}: {human}");
        let reply = render::reply(&shown);
        for wrong in ["the customer", "bitwat_Z", "bitrise-dx"] {
            assert!(!reply.contains(wrong), "{name}: {reply}");
        }
        let left = reply.matches("Leave the token itself").count();
        assert!(left <= 1, "{name}: {reply}");
    }
}

#[test]
fn a_texts_report_shows_no_address_but_the_texts_own_and_comes_back() {
    for case in corpus() {
        let report = case.judge(&case.text);
        let (name, expected) = (&case.name, outcome(&report));
        let shown = diagnose(report, &Known::default());
        let requests = shown.checks.iter().flat_map(|check| &check.request);
        for url in requests.map(|request| &request.url) {
            let is_shown = !url.contains("YOUR_APP_SLUG") || case.text.contains("YOUR_APP_SLUG");
            assert!(is_shown, "{name}: {url}");
        }
        let again = read(&render::json(&shown).unwrap()).unwrap();
        assert_eq!(again.altered, None, "{name}");
        assert_eq!(outcome(&again), expected, "{name}");
        if name == "both-bodies-alone" {
            let commands = shown.reproduce.join("\n");
            has(&commands, "/v0.1/apps/93f256e365d929d3/pipelines?limit=1'");
        }
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

/// What somebody may repeat to keep a program busy, with broken bars between.
const REPEATED: &str = "://¦\u{1b}]8;;¦\u{1b}[¦token:¦authorization:¦bitwat_¦{\"a\":\"bitwat_x¦curl ¦\
    curl -H 'x\n¦{¦{}¦{\"a\":[¦{\"a\":1}\n¦{\"schema_version\":¦@{a=¦[¦\"¦`¦> ¦\
    | a | 401 |\n¦401 ¦HTTP/2 401\n¦HTTP/1.1 401\na: b\n\n¦a: b\n¦step 1\n¦From: a\n¦\
    PS C:\\> ¦<div>¦<html>¦<html></html>\n¦&quot;¦=3D¦\"status\":404,¦https://api.bitrise.io/v0.1/apps ¦\
    http://a:b@c ¦-u a:b ";

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
    for part in REPEATED.split('¦') {
        is_linear(part, |size| part.repeat(size / part.len()), 6 * 1024);
    }
    for part in NUMBERED {
        is_linear(&part(0), |size| (0..size).map(part).collect(), 400);
    }
}

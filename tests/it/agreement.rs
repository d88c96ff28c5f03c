//! What clients print of the sandbox's responses is judged as `verify` judges the sandbox: as it was
//! recorded of each client, and as those of this machine print it today.

use crate::process::SCENARIOS;
use crate::support::process::{Program, Served};
use bitrise_dx::evidence::judge;
use bitrise_dx::sandbox::TOKEN;
use bitrise_dx::verdict::Reason;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

/// A scenario that takes its time, which no text shows.
const SLOW: &str = "slow";

/// Returns verdict and reason that `verify` has for a scenario.
fn expected(scenario: &str) -> (&'static str, Option<&'static str>) {
    let mut rows = SCENARIOS.iter();
    let row = rows.find(|row| row.0 == scenario).unwrap();
    (row.2, row.3)
}

/// Returns verdict and reason of a pasted text.
fn judged(text: &str) -> (&'static str, Option<&'static str>) {
    let report = judge(text, None, SystemTime::UNIX_EPOCH);
    let reason = report.reason().map(Reason::as_str);
    (report.verdict().as_str(), reason)
}

/// The recordings were made against `bitrise-dx sandbox`, the sandbox's address written as Bitrise's:
/// curl 7.88 (`-i` and `-v`), Wget 1.21, `HTTPie` 3.2, and scripts with Requests 2.34.
#[test]
fn what_clients_printed_is_judged_as_verify_judges_the_sandbox() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/agreement");
    let mut count = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let client = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let texts = fs::read_to_string(&path).unwrap();
        for text in texts.split("=== ").filter(|text| !text.is_empty()) {
            let (scenario, text) = text.split_once('\n').unwrap();
            let (verdict, reason) = judged(text);
            let wanted = expected(scenario).0;
            assert_eq!(verdict, wanted, "{client} {scenario} {reason:?}\n{text}");
            count += 1;
        }
    }
    assert_eq!(count, 6 * (SCENARIOS.len() - 1));
}

/// Clients that may be on this machine, as somebody would type them.
const CLIENTS: [&str; 6] = [
    r#"curl -sS -i -H "Authorization: $BITRISE_TOKEN" "$URL""#,
    r#"curl -sS -v -H "Authorization: $BITRISE_TOKEN" "$URL""#,
    r#"curl -sS -H "Authorization: $BITRISE_TOKEN" "$URL""#,
    r#"wget -t 1 -S -O - --header "Authorization: $BITRISE_TOKEN" "$URL""#,
    r#"http --ignore-stdin -v "$URL" "Authorization:$BITRISE_TOKEN""#,
    r#"python3 -c "$SCRIPT" "$URL""#,
];

/// What `python3` is to run.
const SCRIPT: &str = "import os, requests, sys
r = requests.get(sys.argv[1], headers={'Authorization': os.environ['BITRISE_TOKEN']})
print(r.status_code, r.reason, r.url)
print(r.text)";

/// Returns a client's command, as it would be pasted, and what it prints; nothing where the client, or
/// a library that it needs, is not on this machine.
fn asked(client: &str, url: &str, home: &Path) -> Option<String> {
    let mut command = Command::new("sh");
    // Neither somebody's settings nor a proxy have a part in this.
    command.env("HOME", home).env("no_proxy", "127.0.0.1");
    command.envs([("BITRISE_TOKEN", TOKEN), ("URL", url), ("SCRIPT", SCRIPT)]);
    let script = format!("exec 2>&1; {client}");
    let output = match command.args(["-c", &script]).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        output => output.unwrap(),
    };
    let printed = String::from_utf8(output.stdout).unwrap();
    if output.status.code() == Some(127) || printed.contains("ModuleNotFoundError") {
        return None;
    }
    let shown = client.replace("$URL", url).replace("$SCRIPT", SCRIPT);
    Some(format!("$ {shown}\n{printed}\n"))
}

/// Returns the slug of the first app in what a client printed, as a person would take it from there.
fn slug(printed: &str) -> Option<&str> {
    let (_, rest) = printed.split_once(r#""slug":"#)?;
    rest.trim_start().trim_start_matches('"').split('"').next()
}

/// Returns a text with Bitrise's address in the sandbox's place.
fn as_bitrises(text: &str, origin: &str) -> String {
    let (_, port) = origin.rsplit_once(':').unwrap();
    let host = origin.trim_start_matches("http://");
    text.replace(origin, "https://api.bitrise.io")
        .replace(host, "api.bitrise.io")
        .replace("127.0.0.1", "203.0.113.7")
        .replace(port, "443")
}

#[test]
fn what_clients_print_is_judged_as_verify_judges_the_sandbox() {
    let home = tempfile::tempdir().unwrap();
    let scenarios = SCENARIOS.into_iter().filter(|row| row.0 != SLOW);
    let start = |row: (&'static str, _, _, _)| {
        let sandbox = Program::new(["sandbox", "--scenario", row.0]);
        (row.0, Served::start(sandbox))
    };
    let sandboxes: Vec<_> = scenarios.map(start).collect();
    for client in CLIENTS {
        for (scenario, served) in &sandboxes {
            let base = &served.base_url;
            let origin = base.trim_end_matches("/v0.1");
            let Some(mut text) = asked(client, &format!("{base}/apps?limit=1"), home.path()) else {
                break;
            };
            if let Some(slug) = slug(&text) {
                let url = format!("{base}/apps/{slug}/pipelines?limit=1");
                text += &asked(client, &url, home.path()).unwrap();
            }
            let printed = text.lines().filter(|line| !line.starts_with("$ "));
            let without_command = printed.collect::<Vec<_>>().join("\n");
            for (text, has_command) in [
                (as_bitrises(&text, origin), true),
                (text, true),
                (without_command, false),
            ] {
                let found = judged(&text);
                let is_same = found == expected(scenario);
                // Only what stands in no command may be open.
                let may_be_open = !has_command && found.1 == Some("evidence_incomplete");
                assert!(
                    is_same || may_be_open,
                    "{scenario} {client} {found:?}\n{text}"
                );
            }
        }
    }
}

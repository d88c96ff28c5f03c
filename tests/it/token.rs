//! Text that is plainly no token: what is said of it, and that nothing is sent.

use crate::support::process::{CANARY, Finished, Program};
use crate::support::server::{Server, healthy};
use crate::support::{has, rows};
use std::fs;

/// Asserts that a run was refused in the right words, and shows no part of the text.
fn refused(finished: &Finished, words: &str, secret: &str) {
    let found = finished.report();
    assert_eq!(
        (found.exit_code, found.outcome()),
        (3, "token_malformed"),
        "{words}"
    );
    has(&found.message, words);
    let seen = finished.everything().to_lowercase();
    for run in secret.to_lowercase().as_bytes().windows(12) {
        let run = str::from_utf8(run).unwrap();
        assert!(!seen.contains(run), "{run}: {seen}");
    }
}

fn program(server: &Server) -> Program {
    Program::new(["verify", "-o", "json", "--base-url", &server.base_url()])
}

#[test]
fn text_that_is_no_token_is_named_and_not_sent() {
    use base64::Engine as _;
    let secret = CANARY.strip_prefix("bitwat_").unwrap();
    let in_base64 = base64::engine::general_purpose::STANDARD.encode(format!("{CANARY}\n"));
    let server = healthy();
    // WHOLE stands for a token, SECRET for what is behind its prefix.
    for (text, words) in [
        ("\"WHOLE\"", "a quotation mark"),
        ("“WHOLE”", "a quotation mark"),
        ("Bearer WHOLE", "“Bearer” in front"),
        ("Authorization: WHOLE", "“Authorization:” in front"),
        ("$(BITRISE_TOKEN)", "never replaced by its value"),
        ("${{ secrets.BITRISE_TOKEN }}", "never replaced by"),
        ("op://Private/Bitrise/token", "a secret (1Password)"),
        ("<ACCESS-TOKEN>", "a placeholder"),
        ("YOUR_API_TOKEN", "a placeholder"),
        ("undefined", "a missing value"),
        ("[REDACTED]", "masked"),
        ("/run/secrets/bitrise_token", "the path of a file"),
        ("https://app.bitrise.io/app/93f256e365d929d3", "an address"),
        (&in_base64, "a token in base64"),
        ("ghp_SECRET", "a GitHub token (ghp_…)"),
        ("eyJhbGciOiJIUzI1NiJ9.e30.SECRET", "a JWT"),
        ("-----BEGIN PRIVATE KEY-----\nSECRET", "a key or a"),
        ("curl -H 'Authorization: WHOLE' x", "a command"),
        ("{\"api_token\":\"WHOLE\"}", "the value of api_token"),
        ("BITRISE_TOKEN=SECRET", "the value of BITRISE_TOKEN"),
        ("93f256e365d929d3", "the ID (slug)"),
        ("WHOLE...", "only a part of a token"),
        ("WHOLEWHOLE", "two tokens"),
        ("WHOLE\\n", "two characters (\\n)"),
        ("BITWAT_SECRET", "a mistake in its first letters"),
        ("WHOLE\nmore", "several lines"),
        ("WHOLE more", "white space inside, a space after"),
        ("WHOLE\u{1}", "a control character inside, U+0001"),
        ("WHOLE\u{200b}", "not ASCII, U+200B after the"),
    ] {
        let text = text.replace("WHOLE", CANARY).replace("SECRET", secret);
        let finished = program(&server).env("BITRISE_TOKEN", &text).run();
        refused(&finished, words, secret);
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_file_of_settings_is_named_with_the_line_that_holds_the_token() {
    let secret = CANARY.strip_prefix("bitwat_").unwrap();
    let server = healthy();
    let folder = tempfile::tempdir().unwrap();
    // WHOLE stands for a token, SECRET for what is behind its prefix.
    for [name, text, words] in rows(
        r#"auth.yaml           | # bitrise\ntoken: WHOLE\n               | line 2, the value of token
          .bitrise.secrets.yml | envs:\n- A: b\n- BITRISE_TOKEN: WHOLE\n | line 3, the value of BITRISE_TOKEN
          .env                 | A=b\r\nexport BITRISE_TOKEN='WHOLE'\r\n | line 2, the value of BITRISE_TOKEN
          push.json            | {\n  "accessKey": "WHOLE"\n}\n          | line 2, the value of accessKey
          odd.yaml             | a: b\nSECRET: WHOLE\n                   | the token is in line 2"#,
    ) {
        let text = text.replace(r"\r", "\r").replace(r"\n", "\n");
        let text = text.replace("WHOLE", CANARY).replace("SECRET", secret);
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let finished = program(&server).arg("--token-file").arg(&path).run();
        refused(&finished, words, secret);
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_file_in_utf_16_without_its_mark_is_named() {
    let secret = CANARY.strip_prefix("bitwat_").unwrap();
    let (server, folder) = (healthy(), tempfile::tempdir().unwrap());
    let path = folder.path().join("token.txt");
    let words = "UTF-16 without the mark";
    for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
        let text = format!("{CANARY}\r\n");
        let text: Vec<u8> = text.encode_utf16().flat_map(bytes).collect();
        fs::write(&path, &text).unwrap();
        let read = program(&server).arg("--token-file").arg(&path);
        refused(&read.run(), words, secret);
        let piped = program(&server).args(["--token-file", "-"]);
        refused(&piped.run_with_input(&text), words, secret);
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn no_part_of_a_refused_token_is_in_an_address() {
    let secret = CANARY.strip_prefix("bitwat_").unwrap();
    let server = healthy();
    for text in [
        format!("Bearer {secret}"),
        format!("BITRISE_TOKEN={CANARY}"),
        format!("{CANARY}..."),
    ] {
        let address = format!("{}/{}", server.base_url(), &secret[3..20]);
        let program = Program::new(["verify", "-o", "json", "--base-url", &address]);
        let finished = program.env("BITRISE_TOKEN", text).run();
        refused(&finished, "it ", secret);
        has(&finished.stdout, "/[token]");
    }
}

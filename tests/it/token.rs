//! Text that is plainly no token: what is said of it, and that nothing is sent.

use crate::schema;
use crate::support::process::{CANARY, Finished, Program};
use crate::support::server::{Server, healthy};
use std::fs;

/// Asserts that a run was refused in the right words, and shows no part of the text.
fn refused(finished: &Finished, words: &str, secret: &str) {
    let found = schema::read(&finished.stdout);
    assert_eq!(finished.code, Some(3), "{words}");
    assert_eq!(found.verdict, "invalid_credentials", "{words}");
    assert_eq!(found.outcome(), "token_malformed", "{words}");
    assert!(found.message.contains(words), "{}", found.message);
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
    for (text, words) in [
        (format!("\"{CANARY}\""), "a quotation mark"),
        (format!("“{CANARY}”"), "a quotation mark"),
        (format!("Bearer {CANARY}"), "“Bearer” in front"),
        (
            format!("Authorization: {CANARY}"),
            "“Authorization:” in front",
        ),
        ("$(BITRISE_TOKEN)".into(), "never replaced by its value"),
        (
            "${{ secrets.BITRISE_TOKEN }}".into(),
            "never replaced by its value",
        ),
        ("op://Private/Bitrise/token".into(), "a secret (1Password)"),
        ("<ACCESS-TOKEN>".into(), "a placeholder"),
        ("YOUR_API_TOKEN".into(), "a placeholder"),
        ("undefined".into(), "a missing value"),
        ("[REDACTED]".into(), "masked"),
        ("/run/secrets/bitrise_token".into(), "the path of a file"),
        (
            "https://app.bitrise.io/app/93f256e365d929d3".into(),
            "an address",
        ),
        (in_base64, "a token in base64"),
        (format!("ghp_{secret}"), "a GitHub token (ghp_…)"),
        (format!("eyJhbGciOiJIUzI1NiJ9.e30.{secret}"), "a JWT"),
        (
            format!("-----BEGIN PRIVATE KEY-----\n{secret}"),
            "a key or a certificate",
        ),
        (format!("curl -H 'Authorization: {CANARY}' x"), "a command"),
        (
            format!("{{\"api_token\":\"{CANARY}\"}}"),
            "the value of api_token",
        ),
        (
            format!("BITRISE_TOKEN={secret}"),
            "the value of BITRISE_TOKEN",
        ),
        ("93f256e365d929d3".into(), "the ID (slug)"),
        (format!("{CANARY}..."), "only a part of a token"),
        (format!("{CANARY}{CANARY}"), "two tokens"),
        (format!("{CANARY}\\n"), "two characters (\\n)"),
        (format!("BITWAT_{secret}"), "a mistake in its first letters"),
        (format!("{CANARY}\nmore"), "several lines"),
        (
            format!("{CANARY} more"),
            "white space inside, a space after",
        ),
        (
            format!("{CANARY}\u{1}"),
            "a control character inside, U+0001",
        ),
        (format!("{CANARY}\u{200b}"), "not ASCII, U+200B after the"),
    ] {
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
    for (name, text, words) in [
        (
            "auth.yaml",
            format!("# bitrise\ntoken: {CANARY}\n"),
            "line 2, the value of token",
        ),
        (
            ".bitrise.secrets.yml",
            format!("envs:\n- A: b\n- BITRISE_TOKEN: {CANARY}\n"),
            "line 3, the value of BITRISE_TOKEN",
        ),
        (
            ".env",
            format!("A=b\r\nexport BITRISE_TOKEN='{CANARY}'\r\n"),
            "line 2, the value of BITRISE_TOKEN",
        ),
        (
            "code-push.json",
            format!("{{\n  \"accessKey\": \"{CANARY}\"\n}}\n"),
            "line 2, the value of accessKey",
        ),
        (
            "odd.yaml",
            format!("a: b\n{secret}: {CANARY}\n"),
            "the token is in line 2",
        ),
    ] {
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
        refused(
            &program(&server).arg("--token-file").arg(&path).run(),
            words,
            secret,
        );
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
        assert!(finished.stdout.contains("/[token]"), "{}", finished.stdout);
    }
}

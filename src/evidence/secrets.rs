//! The secrets in a pasted text: found first, so that nothing of them is shown, and told by kind.
//!
//! Invariant: linear in the text; each place is looked at in a bounded window.

use super::request::{self, Credential, Variables};
use crate::pasted::Secret;
use crate::redact::Redactor;
use crate::token::{Token, TokenKind, other_service};
use std::collections::BTreeSet;

/// The maximum number of secrets of a text; of one that has more nothing is shown at all.
const MAX_SECRETS: usize = 512;

/// The maximum number of bytes of a secret.
const LONGEST: usize = 512;

/// The made-up token of the sandbox, which is no secret.
pub const SANDBOX_TOKEN: &str = "bitwat_sandbox_made_up_and_not_a_secret";

/// The prefixes of tokens, with their kinds.
const PREFIXES: [(&str, TokenKind); 2] = [
    ("bitwat_", TokenKind::Workspace),
    ("bitpat_", TokenKind::Personal),
];

/// The secrets of a text.
pub(super) struct Secrets {
    /// Removes them from other texts.
    redactor: Redactor,
    /// What they are, each once.
    pub(super) found: Vec<Secret>,
    /// Whether there are too many to remove them all.
    are_too_many: bool,
}

/// What is being collected.
#[derive(Default)]
struct Finds {
    texts: BTreeSet<String>,
    found: Vec<Secret>,
}

impl Finds {
    fn add(&mut self, text: &str, kind: Option<Secret>) {
        if self.texts.len() < MAX_SECRETS {
            self.texts.insert(text.to_owned());
        }
        if let Some(kind) = kind
            && self.found.len() < MAX_SECRETS
            && !self.found.contains(&kind)
        {
            self.found.push(kind);
        }
    }
}

impl Secrets {
    /// Finds tokens by their prefixes, other services' too, and what stands behind the names of
    /// headers, options and settings that hold a secret.
    pub(super) fn find(text: &str) -> Self {
        let mut finds = Finds::default();
        let is_end = |c: char| c.is_whitespace() || "\"'`“”‘’<>|,;()[]{}\\".contains(c);
        for word in text.split(is_end).filter(|word| word.len() >= 8) {
            let word = window(word);
            token_in(word, &mut finds);
            user_info_of_address(word, &mut finds);
            let value = word.rsplit(['=', ':']).next().unwrap_or(word);
            for word in [word, value] {
                if word.len() >= 16
                    && let Some((service, prefix)) = other_service(word)
                    && is_real(&word[prefix.len().min(word.len())..])
                {
                    finds.add(word, Some(Secret::Service(service, "")));
                }
            }
        }
        options(text, &mut finds);
        values(text, &mut finds);
        Self {
            are_too_many: finds.texts.len() >= MAX_SECRETS,
            redactor: Redactor::new(finds.texts.iter().map(String::as_str)),
            found: finds.found,
        }
    }

    /// Returns a text without the secrets.
    pub(super) fn clean(&self, text: &str) -> String {
        if self.are_too_many {
            return "[not shown]".to_owned();
        }
        without_tokens(&self.redactor.clean(text))
    }
}

/// Returns the start of a text, as much of it as a secret may have.
fn window(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Takes a Bitrise token in a word.
fn token_in(word: &str, finds: &mut Finds) {
    for (prefix, kind) in PREFIXES {
        let Some(at) = word.find(prefix) else {
            continue;
        };
        let behind = &word[at + prefix.len()..];
        let secret = &behind[..behind
            .find(|c: char| !is_token_part(c))
            .unwrap_or(behind.len())];
        let token = &word[at..at + prefix.len() + secret.len()];
        if token == SANDBOX_TOKEN || secret.is_empty() {
            continue;
        }
        let fingerprint = Token::parse(token)
            .ok()
            .and_then(|parsed| parsed.token.fingerprint());
        let kind = is_real(secret).then_some(Secret::Bitrise(kind, fingerprint));
        // A masked or made-up one is not shown either, but it is no secret.
        finds.add(secret, kind);
    }
}

/// Takes the user and password of an address.
fn user_info_of_address(word: &str, finds: &mut Finds) {
    let authority = word
        .split_once("://")
        .map(|(_, rest)| rest.split('/').next().unwrap_or(rest));
    let Some((user_info, host)) = authority.and_then(|authority| authority.rsplit_once('@')) else {
        return;
    };
    let is_proxy = host
        .rsplit_once(':')
        .is_some_and(|(_, port)| !matches!(port, "443" | "80"));
    add_user_info(user_info, is_proxy, finds);
}

fn add_user_info(user_info: &str, is_proxy: bool, finds: &mut Finds) {
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let is_hidden = password.is_empty()
        || request::is_hidden(password)
        || password.starts_with(['$', '%', '<']);
    let kind = if is_proxy {
        Secret::Proxy
    } else {
        Secret::Password
    };
    finds.add(user_info, (!is_hidden).then_some(kind));
    finds.add(user, None);
    finds.add(password, None);
}

/// Takes what stands behind options of commands, and proxies without a scheme.
fn options(text: &str, finds: &mut Finds) {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '“' | '”');
    let mut words = text
        .split(is_end)
        .filter(|word| !word.is_empty())
        .map(window)
        .peekable();
    while let Some(word) = words.next() {
        let (name, glued) = word
            .split_once('=')
            .map_or((word, None), |(name, value)| (name, Some(value)));
        let lower = name.to_ascii_lowercase();
        let next = glued.or_else(|| words.peek().copied()).unwrap_or_default();
        match lower.as_str() {
            "--proxy-user" | "--proxy-password" => add_user_info(&with_colon(next), true, finds),
            "-x" | "--proxy" | "-proxy" if name != "-X" => proxy(next, finds),
            "http_proxy" | "https_proxy" | "all_proxy" | "$env:https_proxy" | "$env:http_proxy"
                if glued.is_some() =>
            {
                proxy(next, finds);
            }
            "http_proxy:" | "https_proxy:" | "all_proxy:" => proxy(next, finds),
            _ if name == "-U" => add_user_info(&with_colon(next), true, finds),
            "-u" | "--user" | "--password" | "--http-password" | "--oauth2-bearer"
                if name != "-U" =>
            {
                credentials(next, finds);
            }
            _ => {
                // As in `-ubob:pw`.
                if let Some(value) = word
                    .strip_prefix("-u")
                    .filter(|value| value.contains(':') && !value.starts_with('-'))
                {
                    credentials(value, finds);
                } else if let Some(value) =
                    word.strip_prefix("-x").filter(|value| value.contains('@'))
                {
                    proxy(value, finds);
                } else if let Some(value) =
                    word.strip_prefix("-U").filter(|value| value.contains(':'))
                {
                    add_user_info(value, true, finds);
                }
            }
        }
    }
}

fn with_colon(value: &str) -> String {
    if value.contains(':') {
        value.to_owned()
    } else {
        format!(":{value}")
    }
}

fn proxy(value: &str, finds: &mut Finds) {
    let authority = value.split_once("://").map_or(value, |(_, rest)| rest);
    if let Some((user_info, _)) = authority.rsplit_once('@') {
        add_user_info(user_info, true, finds);
    }
}

/// Takes a user and password, of which either may be a token.
fn credentials(value: &str, finds: &mut Finds) {
    let has_token = PREFIXES.iter().any(|(prefix, _)| value.contains(prefix));
    let (user, password) = value.split_once(':').unwrap_or((value, ""));
    let is_real = !request::is_hidden(password)
        && !password.is_empty()
        && !password.starts_with(['$', '%', '<']);
    finds.add(value, (is_real && !has_token).then_some(Secret::Password));
    finds.add(user, None);
    finds.add(password, None);
}

/// Takes what stands behind the names of headers and settings that hold a secret.
fn values(text: &str, finds: &mut Finds) {
    const NAMES: [&str; 8] = [
        "authorization",
        "token",
        "bitrise_pat",
        "api-key",
        "api_key",
        "cookie",
        "password",
        "secret",
    ];
    let lower = text.to_ascii_lowercase();
    for name in NAMES {
        for (at, _) in lower.match_indices(name) {
            let behind = window(&text[at + name.len()..]);
            let is_mark = |c: char| "\"'`“”‘’ \t]".contains(c);
            let behind = behind.trim_start_matches(is_mark);
            let Some(behind) = behind.strip_prefix([':', '=', ',']).or_else(|| {
                (name == "token")
                    .then_some(behind)
                    .filter(|_| is_setx(&lower[..at]))
            }) else {
                continue;
            };
            let value = behind.trim_start_matches(is_mark);
            let line = value.lines().next().unwrap_or_default();
            if name == "cookie" {
                let is_session = line.split(';').any(|part| {
                    part.split_once('=').is_some_and(|(_, value)| {
                        value.trim().len() >= 16 && !request::is_hidden(value.trim())
                    })
                });
                if is_session {
                    finds.add(
                        line.split(['"', '\'']).next().unwrap_or(line),
                        Some(Secret::Session),
                    );
                }
                continue;
            }
            let mut words = line
                .split(|c: char| !c.is_ascii_graphic() || "\"'`};,)<>]".contains(c))
                .filter(|word| !word.is_empty());
            for word in words.by_ref().take(2) {
                let candidate = is_candidate(word);
                if candidate {
                    let (credential, _) =
                        request::judge_value(word, Some('"'), None, &Variables::new());
                    let is_token = name != "password"
                        && name != "secret"
                        && is_real(word)
                        && word.bytes().any(|b| b.is_ascii_digit());
                    let is_plain = !PREFIXES.iter().any(|(prefix, _)| word.contains(prefix))
                        && other_service(word).is_none();
                    let kind = match credential {
                        Credential::Literal(fingerprint, "") if is_token && is_plain => {
                            Some(Secret::Bitrise(TokenKind::Unknown, Some(fingerprint)))
                        }
                        Credential::Unknown if is_token && is_plain && word.len() < 20 => {
                            Some(Secret::Bitrise(TokenKind::Unknown, None))
                        }
                        _ => None,
                    };
                    let bare = PREFIXES
                        .iter()
                        .find_map(|(prefix, _)| word.strip_prefix(prefix));
                    if word != SANDBOX_TOKEN {
                        finds.add(bare.unwrap_or(word), kind);
                    }
                    break;
                }
                if !word.to_ascii_lowercase().starts_with("bearer")
                    && !word.eq_ignore_ascii_case("token")
                {
                    break;
                }
            }
        }
    }
}

/// Tells whether a name stands in a command that sets a variable without a sign, as `setx` does.
fn is_setx(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default();
    line.trim_start().starts_with("setx ") || line.contains("> setx ") || line.contains(">setx ")
}

fn is_candidate(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    word.len() >= 8
        && !is_word(&lower)
        && !lower.starts_with("bearer")
        && !word.starts_with(['$', '<', '{', '%', '-', '@', '('])
        && !word.contains("://")
        && !word.contains('(')
        && !word.starts_with('/')
        && !word.contains("/v0.1")
}

/// Returns a text without the user and password of each address in it.
fn without_user_infos(text: &str) -> String {
    const MARK: &str = "://";
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(MARK) {
        let (before, behind) = rest.split_at(at + MARK.len());
        out += before;
        let is_end = |c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '“' | '”');
        let authority = &behind[..behind.find(is_end).unwrap_or(behind.len())];
        let place = authority.rsplit_once('@').map(|(_, place)| place);
        out += place.unwrap_or(authority);
        rest = &behind[authority.len()..];
    }
    out + rest
}

/// Returns a text that does not say what its tokens are, such as a value of a saved report, without
/// what looks like one in it and without the users and passwords of addresses; and whether it held
/// a token.
pub fn without_secrets(text: &str) -> (String, bool) {
    let shown = without_user_infos(text);
    let cleaned = without_tokens(&shown);
    let held_token = cleaned != shown;
    (cleaned, held_token)
}

/// Returns a text without what looks like a token in it, in any case: it may have been written in
/// another way where it was pasted, as with escapes of JSON or of HTML.
fn without_tokens(text: &str) -> String {
    /// The starts of tokens: plain, percent-encoded and in base64.
    const STARTS: [&str; 6] = [
        "bitwat_",
        "bitpat_",
        "bitwat%5f",
        "bitpat%5f",
        "yml0d2f0x",
        "yml0cgf0x",
    ];
    /// The fewest characters behind a start that are a token.
    const FEWEST: usize = 8;
    let lower = text.to_ascii_lowercase();
    let mut places: Vec<(usize, usize)> = STARTS
        .iter()
        .flat_map(|start| {
            lower
                .match_indices(start)
                .map(|(at, start)| (at, start.len()))
        })
        .collect();
    places.sort_unstable();
    let (mut out, mut rest) = (String::new(), 0);
    for (at, length) in places {
        if at < rest {
            continue;
        }
        let behind = &text[at + length..];
        let is_part = |c: char| is_token_part(c) || matches!(c, '%' | '+' | '/' | '=' | '.' | '~');
        let end = behind.find(|c| !is_part(c)).unwrap_or(behind.len());
        out += &text[rest..at];
        let whole = &text[at..at + length + end];
        out += if end < FEWEST || whole == SANDBOX_TOKEN {
            whole
        } else {
            "[token]"
        };
        rest = at + length + end;
    }
    out + &text[rest..]
}

const fn is_token_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

/// Tells whether a value is a secret, and not a mask or a placeholder.
fn is_real(secret: &str) -> bool {
    let mut characters: Vec<char> = secret.to_ascii_lowercase().chars().collect();
    characters.sort_unstable();
    characters.dedup();
    secret.len() >= 8
        && characters.len() > 4
        && secret.chars().all(is_token_part)
        && !is_word(secret)
}

/// Tells whether a value is made of words, such as `YOUR_API_TOKEN` or `redacted-for-ticket`.
fn is_word(secret: &str) -> bool {
    const WORDS: [&str; 9] = [
        "redact", "your", "hidden", "secret", "token", "xxxx", "example", "removed", "masked",
    ];
    let lower = secret.to_ascii_lowercase();
    let has_digit = secret.bytes().any(|b| b.is_ascii_digit());
    !has_digit && WORDS.iter().any(|word| lower.contains(word))
}

//! The secrets in a pasted text: found first, so that nothing of them is shown.

use super::request::{find_ignoring_case, is_token_placeholder};
use crate::redact::Redactor;
use crate::report::TokenInfo;
use crate::token::{Token, TokenKind};
use std::collections::BTreeSet;

/// The maximum number of secrets of a text; the rest of one that has more is not shown at all.
const MAX_SECRETS: usize = 256;

/// The prefixes of tokens, with their kinds.
const PREFIXES: [(&str, TokenKind); 2] = [
    ("bitwat_", TokenKind::Workspace),
    ("bitpat_", TokenKind::Personal),
];

/// The secrets of a text.
pub(super) struct Secrets {
    /// Removes them from other texts.
    pub(super) redactor: Redactor,
    /// Whether an API token is among them.
    pub(super) holds_token: bool,
    /// What is known of the token that was used.
    pub(super) token: TokenInfo,
    /// Whether there are too many to remove them all.
    pub(super) are_too_many: bool,
}

impl Secrets {
    /// Finds tokens by their prefixes, and the values of `Authorization` headers and of settings
    /// that are named after a token.
    pub(super) fn find(text: &str) -> Self {
        let mut tokens = BTreeSet::new();
        let mut secrets = BTreeSet::new();
        let mut kind = None;
        for (prefix, its_kind) in PREFIXES {
            for (at, _) in text.match_indices(prefix) {
                kind = kind.or(Some(its_kind));
                let behind = &text[at + prefix.len()..];
                let end = behind.find(|c: char| !is_token_part(c));
                let secret = &behind[..end.unwrap_or(behind.len())];
                if is_real(secret) && tokens.len() < MAX_SECRETS {
                    secrets.insert(secret);
                    tokens.insert(&text[at..at + prefix.len() + secret.len()]);
                }
            }
        }
        let mut holds_token = !tokens.is_empty();
        for line in text.lines() {
            for secret in values(line) {
                if secrets.len() < 2 * MAX_SECRETS {
                    holds_token |= is_real(secret);
                    secrets.insert(secret);
                }
            }
        }
        let fingerprint = match (tokens.first(), tokens.len()) {
            (Some(token), 1) => Token::parse(token).ok(),
            (Some(_) | None, _) => None,
        };
        let fingerprint = fingerprint.and_then(|parsed| parsed.token.fingerprint());
        Self {
            are_too_many: secrets.len() >= MAX_SECRETS,
            redactor: Redactor::new(secrets),
            holds_token,
            token: TokenInfo {
                kind,
                fingerprint,
                ..TokenInfo::default()
            },
        }
    }

    /// Returns a text without the secrets.
    pub(super) fn clean(&self, text: &str) -> String {
        if self.are_too_many {
            return "[not shown]".to_owned();
        }
        self.redactor.clean(text).into_owned()
    }
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
    const WORDS: [&str; 8] = [
        "redact", "your", "hidden", "secret", "token", "xxxx", "example", "removed",
    ];
    let lower = secret.to_ascii_lowercase();
    let has_digit = secret.bytes().any(|b| b.is_ascii_digit());
    is_token_placeholder(&lower) || (!has_digit && WORDS.iter().any(|word| lower.contains(word)))
}

/// Returns what stands in a line behind the names of headers and settings that hold a token.
fn values(line: &str) -> impl Iterator<Item = &str> {
    const NAMES: [&str; 3] = ["authorization", "token", "bitrise_pat"];
    let found = NAMES.iter().filter_map(|name| {
        let at = find_ignoring_case(line, name)?;
        let behind = &line[at + name.len()..];
        let is_mark = |c: char| {
            matches!(
                c,
                '"' | '\'' | '`' | '“' | '”' | '‘' | '’' | ' ' | '\t' | ']'
            )
        };
        let behind = behind.trim_start_matches(is_mark);
        let behind = behind
            .strip_prefix([':', '=', ','])?
            .trim_start_matches(is_mark);
        Some(behind)
    });
    found.flat_map(|value| {
        let words = value.split(|c: char| {
            !(c.is_ascii_graphic()) || matches!(c, '"' | '\'' | '`' | '}' | ']' | ';')
        });
        let is_candidate = |word: &&str| {
            let lower = word.to_ascii_lowercase();
            word.len() >= 8
                && !is_word(&lower)
                && !lower.starts_with("bearer")
                && !word.starts_with(['$', '<', '{', '%', '-'])
                && !word.contains("://")
                && !word.contains('/')
        };
        words.take(2).filter(is_candidate).map(|word| {
            let known = PREFIXES
                .iter()
                .find_map(|(prefix, _)| word.strip_prefix(prefix));
            known.unwrap_or(word)
        })
    })
}

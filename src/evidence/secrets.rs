//! The secrets in a pasted text: found first, so that nothing of them is shown.

use super::request::{find_ignoring_case, is_token_placeholder};
use super::work::looks_at;
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
            let mut rest = text;
            while let Some(at) = rest.find(prefix) {
                kind = kind.or(Some(its_kind));
                let behind = &rest[at + prefix.len()..];
                let end = behind.find(|c: char| !is_token_part(c));
                // What follows without a break is of this one, be it a prefix again.
                let (secret, further) = behind.split_at(end.unwrap_or(behind.len()));
                let token = &rest[at..at + prefix.len() + secret.len()];
                looks_at(at + token.len());
                rest = further;
                if secrets.len() < MAX_SECRETS {
                    secrets.insert(secret);
                }
                if is_real(secret) && tokens.len() < MAX_SECRETS {
                    tokens.insert(token);
                }
            }
        }
        let mut holds_token = !tokens.is_empty();
        for secret in user_infos(text) {
            if secrets.len() < MAX_SECRETS {
                secrets.insert(secret);
            }
        }
        for line in text.lines() {
            for secret in values(line) {
                if secrets.len() < 2 * MAX_SECRETS {
                    // A word, as in “invalid token: unauthorized”, is none.
                    holds_token |= is_real(secret) && secret.bytes().any(|b| b.is_ascii_digit());
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
        without_tokens(self.redactor.clean(text).into_owned())
    }
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
    let cleaned = without_tokens(shown.clone());
    let held_token = cleaned != shown;
    (cleaned, held_token)
}

/// Returns a text without what looks like a token in it, in any case: it may have been written in
/// another way where it was pasted, as with escapes of JSON or of HTML.
fn without_tokens(text: String) -> String {
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
    let mut out = String::new();
    let mut rest = 0;
    while let Some((at, start)) = STARTS
        .iter()
        .filter_map(|start| Some((rest + lower[rest..].find(start)?, start.len())))
        .min()
    {
        let behind = &text[at + start..];
        let is_part = |c: char| is_token_part(c) || matches!(c, '%' | '+' | '/' | '=' | '.' | '~');
        let length = behind.find(|c| !is_part(c)).unwrap_or(behind.len());
        let end = at + start + length;
        out += &text[rest..at];
        out += if length < FEWEST {
            &text[at..end]
        } else {
            "[token]"
        };
        rest = end;
    }
    if rest == 0 {
        return text;
    }
    out + &text[rest..]
}

/// Returns the users and passwords that stand in a text, alone and together: in addresses, and
/// behind the options of curl and wget.
fn user_infos(text: &str) -> impl Iterator<Item = &str> {
    const OPTIONS: [&str; 8] = [
        "-u",
        "--user",
        "-U",
        "--proxy-user",
        "--oauth2-bearer",
        "--password",
        "--http-password",
        "--proxy-password",
    ];
    let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>');
    let in_addresses = text.match_indices("://").filter_map(move |(at, mark)| {
        let behind = &text[at + mark.len()..];
        let address = &behind[..behind.find(is_end).unwrap_or(behind.len())];
        // The last “@” before the path: a password may hold others.
        let authority = &address[..address.find('/').unwrap_or(address.len())];
        let (user_info, _) = authority.rsplit_once('@')?;
        Some(user_info)
    });
    let mut words = text.split(is_end).filter(|word| !word.is_empty());
    let behind_options = std::iter::from_fn(move || {
        loop {
            let word = words.next()?;
            if let Some((_, value)) = word
                .split_once('=')
                .filter(|(name, _)| OPTIONS.contains(name))
            {
                return Some(value);
            }
            if OPTIONS.contains(&word) {
                return words.next();
            }
        }
    });
    let whole = in_addresses.chain(behind_options);
    whole.flat_map(|user_info| {
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        [user_info, user, password]
    })
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

/// Returns what stands behind each place of a name in a line, in any case.
fn places<'a>(line: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest?;
        let at = find_ignoring_case(text, name)?;
        let behind = &text[at + name.len()..];
        rest = Some(behind);
        Some(behind)
    })
}

/// Returns what stands in a line behind the names of headers and settings that hold a token.
fn values(line: &str) -> impl Iterator<Item = &str> {
    const NAMES: [&str; 4] = ["authorization", "token", "bitrise_pat", "api-key"];
    let found = NAMES.iter().flat_map(|name| places(line, name));
    let found = found.filter_map(|behind| {
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
                && !word.starts_with('/')
                && !word.contains("/v0.1")
        };
        words.take(2).filter(is_candidate).map(|word| {
            let known = PREFIXES
                .iter()
                .find_map(|(prefix, _)| word.strip_prefix(prefix));
            known.unwrap_or(word)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "bitwat_CANARY-3f9a81c27e55d04b";

    #[test]
    fn a_token_is_removed_however_it_is_written_and_whatever_says_that_it_is_one() {
        for (text, secret) in [
            ("curl -u Zq8R3tYv0LmN: x", "Zq8R3tYv0LmN"),
            ("curl --user bob:Zq8R3tYv0LmN x", "Zq8R3tYv0LmN"),
            ("curl --proxy-user=bob:Zq8R3tYv0LmN x", "Zq8R3tYv0LmN"),
            ("curl --oauth2-bearer Zq8R3tYv0LmN x", "Zq8R3tYv0LmN"),
            ("curl -x http://bob:Zq8R3@tYv0LmN@h:1 x", "Zq8R3@tYv0LmN"),
            (
                "curl \"https://h/?token=$TOKEN&token=Zq8R3tYv0LmN\"",
                "Zq8R3tYv0LmN",
            ),
            ("-H 'X-Api-Key: Zq8R3tYv0LmN'", "Zq8R3tYv0LmN"),
            ("-H 'Authorization: Zq8R3t/Yv0+LmN=='", "Zq8R3t/Yv0+LmN"),
            (
                "-H 'Authorization: x' -H 'Authorization: Zq8R3tYv0LmN'",
                "Zq8R3tYv0LmN",
            ),
        ] {
            let cleaned = Secrets::find(text).clean(&format!("bad {secret}!"));
            assert_eq!(cleaned, "bad [token]!", "{text}");
        }
    }

    #[test]
    fn a_token_is_removed_that_was_written_otherwise_where_it_was_pasted() {
        let secrets = Secrets::find("nothing");
        for form in [
            TOKEN.to_owned(),
            TOKEN.to_uppercase(),
            TOKEN.replace('_', "%5F"),
            "Yml0d2F0X0NBTkFSWS0zZjlhODFjMjdlNTVkMDRi".to_owned(),
        ] {
            let (text, expected) = (format!("é {form}, {form} é"), "é [token], [token] é");
            assert_eq!(secrets.clean(&text), expected);
            assert_eq!(without_secrets(&text), (expected.to_owned(), true));
        }
        for text in [
            "bitwat_",
            "a bitwat_ or bitpat_short",
            "bitwa_CANARY-3f9a81c2",
        ] {
            assert_eq!(without_secrets(text), (text.to_owned(), false));
        }
    }

    #[test]
    fn addresses_have_no_user_and_no_password() {
        for (text, expected) in [
            ("http://bob:pw@h:1/x", "http://h:1/x"),
            (
                "at https://bob@h, http://a:b@c@d/@e “https://x:y@z”",
                "at https://h, http://d/@e “https://z”",
            ),
            ("https://h/a@b x@y", "https://h/a@b x@y"),
        ] {
            assert_eq!(without_secrets(text), (expected.to_owned(), false));
        }
    }

    #[test]
    fn words_behind_the_name_of_a_token_are_no_token() {
        let found = Secrets::find("{\"message\": \"Invalid token: unauthorized\"}");
        assert!(!found.holds_token);
        assert!(Secrets::find("token: Zq8R3tYv0LmN").holds_token);
    }
}

//! The token: what can be said about it before any request.
//!
//! Invariant: no I/O. A [`Token`] can't be printed, cloned or serialised, and is zeroed when
//! dropped.

mod shape;

use crate::names::names;
use crate::redact::{RUN, Redactor};
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret as _, SecretString};

pub use shape::{TokenError, listed};

/// The prefixes of tokens, and the kind of each (Bitrise's own command-line program knows the same
/// two).
const PREFIXES: [(&str, TokenKind); 2] = [
    ("bitwat_", TokenKind::Workspace),
    ("bitpat_", TokenKind::Personal),
];

/// The shortest token that has a fingerprint: a shorter one could be guessed from it.
const MIN_FINGERPRINTED: usize = 20;

/// A Bitrise API token that passed [`Token::parse`].
pub struct Token(SecretString);

names! {
    /// The kind of a token, told from its prefix.
    pub enum TokenKind {
        /// `bitwat_`: a workspace API token, the kind that DX asks for.
        Workspace = "workspace",
        /// `bitpat_`: a personal access token.
        Personal = "personal",
        /// No known prefix: perhaps a token from before November 2024, when prefixes came.
        Unknown = "unknown",
    }
}

/// What may be said of the token.
#[derive(Clone, Debug, Default)]
pub struct TokenInfo {
    /// Its kind, where there was a token to look at.
    pub kind: Option<TokenKind>,
    /// Whether white space around it was dropped.
    pub was_trimmed: bool,
    /// Whether `token ` in front of it was dropped.
    pub had_scheme: bool,
    /// The first 8 hex digits of its SHA-256, by which two reports, or a report and a secret store,
    /// can be compared; if it is long enough for that to give nothing away.
    pub fingerprint: Option<String>,
    /// Where it came from.
    pub source: Option<TokenSource>,
    /// What makes the text unusable, if it can't be a token.
    pub error: Option<TokenError>,
}

names! {
    /// The place that the token came from.
    pub enum TokenSource {
        /// The environment variable `BITRISE_TOKEN`.
        Environment = "env:BITRISE_TOKEN",
        /// The file of `--token-file`.
        File = "file",
        /// Standard input.
        StandardInput = "stdin",
        /// The hidden prompt.
        Prompt = "prompt",
        /// The sandbox's own made-up token.
        Sandbox = "sandbox",
    }
}

impl Token {
    /// Reads a token from text.
    ///
    /// White space around the token is dropped, and so is `token ` in front of it: Bitrise takes
    /// it, and its own command-line program sends it, but DX's page wants the token alone. No
    /// length and no alphabet is enforced, since Bitrise documents none.
    ///
    /// # Errors
    /// Returns what makes the text unusable; nothing in the error quotes the text.
    pub fn parse(text: &str) -> Result<(Self, TokenInfo), TokenError> {
        let trimmed = text.trim();
        let behind = trimmed.strip_prefix("token ").map(str::trim_start);
        let token = behind.unwrap_or(trimmed);
        // A quotation mark or a header behind it is named, and not what stands around that.
        if let Some(error) = shape::find(token) {
            return Err(error);
        }
        let digest = digest(&SHA256, token.as_bytes());
        let first = digest.as_ref().first_chunk().copied().unwrap_or_default();
        let is_long = token.len() >= MIN_FINGERPRINTED;
        let token = Self(SecretString::from(token));
        let mut known = PREFIXES.iter();
        let known = known.find(|(prefix, _)| token.expose().starts_with(prefix));
        let info = TokenInfo {
            kind: Some(known.map_or(TokenKind::Unknown, |(_, kind)| *kind)),
            was_trimmed: trimmed.len() != text.len(),
            had_scheme: behind.is_some(),
            fingerprint: is_long.then(|| format!("{:08x}", u32::from_be_bytes(first))),
            ..TokenInfo::default()
        };
        Ok((token, info))
    }

    /// Returns the text for the `Authorization` header, the only place where it may go.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Makes a redactor that removes this token from other texts.
    pub fn redactor(&self) -> Redactor {
        let token = self.expose();
        let mut prefixes = PREFIXES.iter();
        let secret = prefixes.find_map(|(prefix, _)| token.strip_prefix(prefix));
        Redactor::new([secret.unwrap_or(token)])
    }

    /// Makes a redactor for a text that is no token as it stands but may hold one, as behind
    /// “Bearer ” or in several lines: everything in it goes that is no ordinary word. Of a text
    /// that plainly holds no secret, such as a path, nothing does.
    pub fn redactor_of_malformed(text: &str) -> Redactor {
        let may_hold_one = has_prefix(text) || text.contains(['@', '?']);
        if !may_hold_one && shape::find(text).is_some_and(|error| !error.holds_secret) {
            return Redactor::new([]);
        }
        let in_one: String = text.chars().filter(char::is_ascii_graphic).collect();
        let decoded = shape::decoded(text).unwrap_or_default();
        let is_mark = |c: char| matches!(c, '"' | '\'' | '`');
        let words = text.split_whitespace();
        let words = words.map(|word| word.trim_matches(is_mark));
        let is_odd = |word: &&str| word.contains(|c: char| c.is_ascii_digit());
        // A longer word is a run of the whole.
        let short = words.filter(|word| word.len() < RUN).filter(is_odd);
        Redactor::new(short.chain([in_one.as_str(), decoded.as_str()]))
    }
}

/// Returns where the first known prefix of a token stands in a text.
pub(crate) fn prefix_at(text: &str) -> Option<usize> {
    let places = PREFIXES.iter().filter_map(|(prefix, _)| text.find(prefix));
    places.min()
}

/// Tells whether a known prefix of tokens stands anywhere in a text.
pub(crate) fn has_prefix(text: &str) -> bool {
    prefix_at(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn kinds_come_from_the_prefix_alone() {
        for (text, kind) in [
            ("bitwat_x", TokenKind::Workspace),
            ("bitpat_x", TokenKind::Personal),
            ("3f9a", TokenKind::Unknown),
            ("old-Token-from-before-the-prefixes", TokenKind::Unknown),
            ("x$y{z}'w", TokenKind::Unknown),
        ] {
            let (token, info) = Token::parse(text).unwrap();
            assert_eq!(info.kind, Some(kind), "{text}");
            assert_eq!(token.expose(), text);
        }
    }

    #[test]
    fn white_space_around_a_token_is_dropped_and_noted() {
        for (text, was_trimmed) in [
            ("bitwat_x", false),
            ("old-x", false),
            (" bitwat_x\n", true),
            ("bitpat_x\t", true),
        ] {
            let (token, info) = Token::parse(text).unwrap();
            assert_eq!(info.was_trimmed, was_trimmed, "{text:?}");
            assert_eq!(token.expose(), text.trim());
        }
    }

    #[test]
    fn a_scheme_that_bitrise_takes_is_dropped_and_noted() {
        for text in ["token bitwat_x", "token  bitwat_x\n", " token bitwat_x"] {
            let (token, info) = Token::parse(text).unwrap();
            assert!(info.had_scheme, "{text:?}");
            assert_eq!(token.expose(), "bitwat_x");
            assert_eq!(info.kind, Some(TokenKind::Workspace));
            assert_eq!(info.was_trimmed, text.trim() != text, "{text:?}");
        }
        // Bitrise's library drops this word alone, and as it is written here.
        for text in [
            "Token bitwat_x",
            "token: bitwat_x",
            "Bearer bitwat_x",
            "token ***",
        ] {
            assert!(Token::parse(text).is_err(), "{text}");
        }
        assert!(!Token::parse("bitwat_x").unwrap().1.had_scheme);
    }

    #[test]
    fn a_fingerprint_is_the_start_of_the_sha_256() {
        let fingerprint = |text| Token::parse(text).unwrap().1.fingerprint;
        // As `printf %s … | sha256sum | cut -c1-8` has it.
        assert_eq!(
            fingerprint("bitwat_canary-0123456").as_deref(),
            Some("01e13f36")
        );
        assert_eq!(fingerprint("bitwat_canary-01234").as_deref(), None);
        assert!(fingerprint("bitwat_canary-012345").is_some());
    }

    #[test]
    fn what_is_removed_is_what_stands_behind_the_prefix() {
        let redactor = |text| Token::parse(text).unwrap().0.redactor();
        let text = "bitwat_canary-0123456789";
        assert_eq!(redactor(text).clean(text), "bitwat_[token]");
        assert_eq!(
            redactor(text).clean("bitwat_canary-0123"),
            "bitwat_canary-0123"
        );
        assert_eq!(redactor("bitpat_x").clean("bitpat_x"), "bitpat_x");
        assert_eq!(
            redactor("old-0123456789").clean("an old-01234567"),
            "an [token]"
        );
    }

    #[test]
    fn the_token_in_a_malformed_text_is_removed_and_its_words_are_not() {
        let redactor = |text| Token::redactor_of_malformed(text);
        let text = "Bearer workspace 3f9acanary0";
        assert_eq!(
            redactor("Bearer  '3f9acanary0' workspace").clean(text),
            "Bearer workspace [token]"
        );
        let encoded = redactor("Yml0d2F0X2NhbmFyeS0wMTIzNDU2Nzg5Cg==");
        assert_eq!(encoded.clean("canary-0123456789"), "[token]");
        assert_eq!(encoded.clean("Yml0d2F0X2Nh"), "[token]");
        let none = redactor("/run/secrets/bitrise_token");
        assert_eq!(none.clean("/run/secrets/ca.pem"), "/run/secrets/ca.pem");
        let address = "https://api.bitrise.io/v0.1";
        assert_eq!(
            redactor("https://app.bitrise.io/app/x").clean(address),
            address
        );
        let user = redactor("https://ann:3f9acanary012@h.example");
        assert_eq!(user.clean("3f9acanary012"), "[token]");
        // A line break or an invisible letter may stand in the middle of it.
        let torn = redactor("bitwat_cana\n  ry-012\u{200b}3456");
        assert_eq!(torn.clean("canary-0123456"), "[token]");
    }

    repeatable! {
        #[test]
        fn what_passes_can_stand_in_a_header(text in any::<String>()) {
            if let Ok((token, _)) = Token::parse(&text) {
                let token = token.expose();
                prop_assert!(!token.is_empty());
                prop_assert!(token.bytes().all(|b| b.is_ascii_graphic()), "{token:?}");
                prop_assert!(text.trim().ends_with(token), "{token:?}");
            }
        }
    }
}

//! The token: what can be said about it before any request.
//!
//! Invariant: no I/O. A [`Token`] can't be printed, cloned or serialised, and is zeroed when
//! dropped.

use crate::redact::{RUN, Redactor};
use secrecy::{ExposeSecret as _, SecretString};

/// The prefixes of tokens, and the kind of each (Bitrise's own command-line program knows the same
/// two).
const PREFIXES: [(&str, TokenKind); 2] = [
    ("bitwat_", TokenKind::Workspace),
    ("bitpat_", TokenKind::Personal),
];

/// Holds a Bitrise API token that passed [`Token::parse`].
pub struct Token(SecretString);

/// Names the kind of a token, told from its prefix.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TokenKind {
    /// `bitwat_`: a workspace API token, the kind that DX asks for.
    Workspace,
    /// `bitpat_`: a personal access token.
    Personal,
    /// No known prefix: perhaps a token from before November 2024, when prefixes came.
    Unknown,
}

impl TokenKind {
    /// Returns the name that scripts read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::Personal => "personal",
            Self::Unknown => "unknown",
        }
    }
}

/// Names something about the token that is worth a word but doesn't stop the run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TokenWarning {
    /// White space around the token was dropped.
    Trimmed,
    /// The token is a person's.
    Personal,
}

impl TokenWarning {
    /// Returns the code that scripts read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trimmed => "token_trimmed",
            Self::Personal => "personal_token",
        }
    }
}

/// States why a text can't be used as a Bitrise token.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenError {
    /// There is no text at all.
    #[error("the token is empty")]
    Empty,
    /// A variable's name stands where its value should be.
    #[error("it is the name of a variable that was never replaced by its value")]
    UnexpandedVariable,
    /// The placeholder of DX's documentation.
    #[error("it is the placeholder from the documentation")]
    Placeholder,
    /// A header's scheme was copied along.
    #[error("it starts with “Bearer ” or “token ”; Bitrise and DX want the token alone")]
    SchemePrefix,
    /// Quotes were copied along.
    #[error("it has a quotation mark at its start or end")]
    Quoted,
    /// White space inside.
    #[error("it has white space inside")]
    WhiteSpace,
    /// A control character inside.
    #[error("it has a control character inside")]
    ControlCharacter,
    /// A character outside of ASCII.
    #[error("it has a character that is not plain ASCII")]
    NotAscii,
}

/// Holds the result of a successful [`Token::parse`].
pub struct ParsedToken {
    /// The token, ready to be sent.
    pub token: Token,
    /// Its kind by prefix.
    pub kind: TokenKind,
    /// What is worth a word.
    pub warnings: Vec<TokenWarning>,
}

impl Token {
    /// Reads a token from text.
    ///
    /// White space around the token is dropped with a warning. No length and no alphabet is
    /// enforced, since Bitrise documents none.
    ///
    /// # Errors
    /// Returns what makes the text unusable; nothing in the error quotes the text.
    pub fn parse(text: &str) -> Result<ParsedToken, TokenError> {
        let trimmed = text.trim();
        lint(trimmed)?;
        let known = PREFIXES
            .iter()
            .find(|(prefix, _)| trimmed.starts_with(prefix));
        let kind = known.map_or(TokenKind::Unknown, |(_, kind)| *kind);
        let mut warnings = Vec::new();
        if trimmed.len() != text.len() {
            warnings.push(TokenWarning::Trimmed);
        }
        if kind == TokenKind::Personal {
            warnings.push(TokenWarning::Personal);
        }
        let token = Self(SecretString::from(trimmed));
        Ok(ParsedToken {
            token,
            kind,
            warnings,
        })
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
    /// “Bearer ” or in several lines: everything in it goes that is no ordinary word.
    pub fn redactor_of_malformed(text: &str) -> Redactor {
        let in_one = text.chars().filter(char::is_ascii_graphic);
        let in_one: String = in_one.collect();
        let is_mark = |c: char| matches!(c, '"' | '\'' | '`');
        let words = text.split_whitespace();
        let words = words.map(|word| word.trim_matches(is_mark));
        let is_odd = |word: &&str| word.contains(|c: char| c.is_ascii_digit());
        // A longer word is a run of the whole.
        let short = words.filter(|word| word.len() < RUN).filter(is_odd);
        Redactor::new(short.chain([in_one.as_str()]))
    }
}

/// Tells whether a known prefix of tokens stands anywhere in a text.
pub(crate) fn has_prefix(text: &str) -> bool {
    PREFIXES.iter().any(|(prefix, _)| text.contains(prefix))
}

/// Finds the first thing that makes a trimmed text unusable as a token.
///
/// The order goes from the most telling mistake to the least: an unexpanded `${{ secrets.X }}`
/// has white space inside as well, but its name says more.
fn lint(text: &str) -> Result<(), TokenError> {
    if text.is_empty() {
        return Err(TokenError::Empty);
    }
    if is_unexpanded(text) {
        return Err(TokenError::UnexpandedVariable);
    }
    if text == "YOUR_API_TOKEN" {
        return Err(TokenError::Placeholder);
    }
    if has_scheme(text) {
        return Err(TokenError::SchemePrefix);
    }
    let is_quote = |c: char| matches!(c, '"' | '\'' | '`');
    if text.starts_with(is_quote) || text.ends_with(is_quote) {
        return Err(TokenError::Quoted);
    }
    for c in text.chars() {
        match c {
            c if c.is_whitespace() => return Err(TokenError::WhiteSpace),
            c if c.is_control() => return Err(TokenError::ControlCharacter),
            c if !c.is_ascii() => return Err(TokenError::NotAscii),
            _ => {}
        }
    }
    Ok(())
}

/// Recognises `$NAME`, `${…}`, `{{…}}` and `${{…}}`.
fn is_unexpanded(text: &str) -> bool {
    let braced = text.starts_with("${") || text.starts_with("{{");
    if braced && text.ends_with('}') {
        return true;
    }
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    text.strip_prefix('$').is_some_and(is_name)
}

/// Recognises a header's scheme in front of the token.
fn has_scheme(text: &str) -> bool {
    let first = text.split_whitespace().next().unwrap_or_default();
    first.len() < text.len()
        && (first.eq_ignore_ascii_case("bearer") || first.eq_ignore_ascii_case("token"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(text: &str) -> Option<TokenError> {
        Token::parse(text).err()
    }

    #[test]
    fn kinds_come_from_the_prefix_alone() {
        for (text, kind) in [
            ("bitwat_x", TokenKind::Workspace),
            ("bitpat_x", TokenKind::Personal),
            ("3f9a", TokenKind::Unknown),
            ("BITWAT_x", TokenKind::Unknown),
            ("x$y{z}'w", TokenKind::Unknown),
        ] {
            let parsed = Token::parse(text).unwrap();
            assert_eq!(parsed.kind, kind, "{text}");
            assert_eq!(parsed.token.expose(), text);
        }
    }

    #[test]
    fn warnings_name_what_was_trimmed_and_whose_token_it_is() {
        let warnings = |text| Token::parse(text).unwrap().warnings;
        assert_eq!(warnings("bitwat_x"), []);
        assert_eq!(warnings("old-token"), []);
        assert_eq!(warnings(" bitwat_x\n"), [TokenWarning::Trimmed]);
        assert_eq!(
            warnings("bitpat_x\t"),
            [TokenWarning::Trimmed, TokenWarning::Personal]
        );
    }

    #[test]
    fn mistakes_are_told_apart() {
        for (text, expected) in [
            ("", TokenError::Empty),
            (" \n\t", TokenError::Empty),
            ("$BITRISE_TOKEN", TokenError::UnexpandedVariable),
            ("${BITRISE_TOKEN}", TokenError::UnexpandedVariable),
            ("{{BITRISE_TOKEN}}", TokenError::UnexpandedVariable),
            (
                "${{ secrets.BITRISE_TOKEN }}",
                TokenError::UnexpandedVariable,
            ),
            ("YOUR_API_TOKEN", TokenError::Placeholder),
            ("Bearer bitwat_x", TokenError::SchemePrefix),
            ("bearer\tbitwat_x", TokenError::SchemePrefix),
            ("token bitwat_x", TokenError::SchemePrefix),
            ("\"bitwat_x\"", TokenError::Quoted),
            ("bitwat_x'", TokenError::Quoted),
            ("bitwat_x y", TokenError::WhiteSpace),
            ("bitwat_x\u{a0}y", TokenError::WhiteSpace),
            ("bitwat_x\ny", TokenError::WhiteSpace),
            ("bitwat_\u{0}", TokenError::ControlCharacter),
            ("bitwat_é", TokenError::NotAscii),
            ("\u{feff}bitwat_x", TokenError::NotAscii),
        ] {
            assert_eq!(error(text), Some(expected), "{text:?}");
        }
        for fine in ["$", "$1", "$a-b", "{{x", "token", "Bearer"] {
            assert_eq!(error(fine), None, "{fine}");
        }
    }

    #[test]
    fn what_is_removed_is_what_stands_behind_the_prefix() {
        let redactor = |text| Token::parse(text).unwrap().token.redactor();
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
        // A line break or an invisible letter may stand in the middle of it.
        let torn = redactor("bitwat_cana\n  ry-012\u{200b}3456");
        assert_eq!(torn.clean("canary-0123456"), "[token]");
    }

    proptest! {
        #[test]
        fn what_passes_can_stand_in_a_header(text in any::<String>()) {
            if let Ok(parsed) = Token::parse(&text) {
                let token = parsed.token.expose();
                prop_assert!(!token.is_empty());
                prop_assert!(token.bytes().all(|b| b.is_ascii_graphic()), "{token:?}");
                prop_assert_eq!(token, text.trim());
            }
        }
    }
}

//! The token: what can be said about it before any request.
//!
//! Invariant: no I/O. A [`Token`] can't be printed, cloned or serialised, and is zeroed when
//! dropped.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use std::borrow::Cow;

/// Holds a Bitrise API token that passed [`Token::parse`].
pub struct Token(SecretString);

/// Names the kind of a token, told from its prefix (Bitrise's own command-line program knows
/// the same two).
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
        let kind = match trimmed {
            t if t.starts_with("bitwat_") => TokenKind::Workspace,
            t if t.starts_with("bitpat_") => TokenKind::Personal,
            _ => TokenKind::Unknown,
        };
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

    /// Makes a scrubber that removes this token from other texts.
    pub fn redactor(&self) -> Redactor {
        Redactor::new(self.expose())
    }

    /// Makes a scrubber for a text that is no token as it stands, but holds one, as behind
    /// “Bearer ” or between quotation marks: each of its words is removed that may be one.
    pub fn redactor_of_malformed(text: &str) -> Redactor {
        /// From this length on a word is no word of a language.
        const LONG: usize = 16;
        let is_mark = |c: char| matches!(c, '"' | '\'' | '`');
        let may_be_token =
            |word: &&str| word.len() >= LONG || word.contains(|c: char| c.is_ascii_digit());
        let words = text
            .split_whitespace()
            .map(|word| word.trim_matches(is_mark));
        let words = words.filter(may_be_token);
        Redactor(words.flat_map(|word| Redactor::new(word).0).collect())
    }
}

/// Tells whether a known prefix of tokens stands anywhere in a text.
pub(crate) fn has_prefix(text: &str) -> bool {
    text.contains("bitwat_") || text.contains("bitpat_")
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

/// The shortest token that is searched for; a shorter one would tear ordinary words apart, and
/// no Bitrise token is that short.
const REDACTED_FROM: usize = 8;

/// Removes one token, raw or encoded, from texts that may hold it.
///
/// A server or a proxy may echo the token back in a message; percent-encoded or in base64 it
/// would still be a leak. JSON escapes are undone by the JSON reader before a text gets here.
pub struct Redactor(Vec<SecretString>);

/// Stands where a token was removed.
const REDACTED: &str = "[token]";

/// What percent-encoding encodes where it spares nothing.
const EVERY_CHARACTER: &AsciiSet = &AsciiSet::EMPTY.complement();

impl Redactor {
    fn new(token: &str) -> Self {
        let mut forms = Vec::new();
        if token.len() >= REDACTED_FROM {
            forms.push(token.to_owned());
            let percent = percent_encode(token.as_bytes(), EVERY_CHARACTER).to_string();
            forms.push(percent.replace('%', ""));
            forms.push(percent);
            forms.extend((0..3).flat_map(|shift| base64_forms(token, shift)));
        }
        let forms = forms
            .into_iter()
            .map(|form| form.to_ascii_lowercase().into());
        Self(forms.collect())
    }

    /// Returns the text without the token, in whichever case: a host's name, for one, is written
    /// in lower case wherever it is read.
    pub fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let cleaned = if self.stands_in(text) {
            Cow::Owned(self.without_forms(text))
        } else {
            Cow::Borrowed(text)
        };
        if self.is_veiled(&cleaned) {
            Cow::Owned(REDACTED.to_owned())
        } else {
            cleaned
        }
    }

    /// Tells whether the token stands in a text in one of its forms. A document may be large, so
    /// it is looked through part by part.
    pub fn stands_in(&self, text: &str) -> bool {
        /// How many bytes a part has, beside what it shares with the next one.
        const PART: usize = 64 * 1024;
        let forms = self.0.iter().map(SecretString::expose_secret);
        let shared = forms.clone().map(str::len).max().unwrap_or_default();
        (0..text.len()).step_by(PART).any(|start| {
            let end = text.len().min(start + PART + shared);
            let part = text.as_bytes()[start..end].to_ascii_lowercase();
            // A character that is cut in two is none of a token's.
            let part = String::from_utf8_lossy(&part);
            forms.clone().any(|form| part.contains(form))
        })
    }

    /// Tells whether the token shows as soon as encodings are undone, as often as they were done: a
    /// few of its characters may be escaped as in a URL, in JSON or in HTML, or all of them twice.
    /// Where it stands in such a text can't be told, so the whole text has to go.
    fn is_veiled(&self, text: &str) -> bool {
        /// How often a text may be encoded that is still looked at; nothing honest comes near.
        const LAYERS: usize = 8;
        let mut text = Cow::Borrowed(text);
        for _ in 0..LAYERS {
            let Some(unveiled) = unveiled(&text) else {
                return false;
            };
            if self.stands_in(&unveiled) {
                return true;
            }
            text = Cow::Owned(unveiled);
        }
        true
    }

    /// Removes the token from a document that is complete, where single texts were cleaned before.
    /// Only what is sure to be the token goes, since the rest of the document has to stand.
    pub fn clean_document(&self, text: String) -> String {
        if self.stands_in(&text) {
            self.without_forms(&text)
        } else {
            text
        }
    }

    fn without_forms(&self, text: &str) -> String {
        let forms = self.0.iter().map(SecretString::expose_secret);
        forms.fold(text.to_owned(), |text, form| without(&text, form))
    }

    /// Tells whether the text holds the token.
    pub fn finds(&self, text: &str) -> bool {
        self.stands_in(text) || self.is_veiled(text)
    }
}

/// Undoes the encodings of a URL (`%61`), of JSON and of program texts (`\u0061`, `\u{61}`,
/// `\x61`, `\"`), and of HTML (`&#97;`, `&#x61;`, `&quot;`); `None` where there is none.
fn unveiled(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut found = false;
    while let Some(at) = rest.find(['%', '\\', '&']) {
        out += &rest[..at];
        rest = &rest[at..];
        let length = if let Some((c, length)) = encoded(rest) {
            found = true;
            out.extend(c);
            length
        } else {
            out += &rest[..1];
            1
        };
        rest = &rest[length..];
    }
    found.then(|| out + rest)
}

/// Reads the encoded character that a text begins with, and its length. Where it stands for no
/// character of its own, as half a surrogate pair does, the character is missing.
fn encoded(text: &str) -> Option<(Option<char>, usize)> {
    let hex = |digits: &str| {
        let is_hex = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let code = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
        Some(char::from_u32(code))
    };
    let fixed = |from: usize, length: usize| {
        let digits = text.get(from..from + length)?;
        Some((hex(digits)?, from + length))
    };
    let ended = |from: usize, end: char| {
        /// The longest that is read, as in `&#x10ffff;`.
        const LONGEST: usize = 8;
        let mut rest = text[from..].char_indices().take(LONGEST + 1);
        let (length, _) = rest.find(|(_, c)| *c == end)?;
        Some((&text[from..from + length], from + length + 1))
    };
    if text.starts_with('%') {
        return fixed(1, 2);
    }
    if text.starts_with("\\u{") {
        let (digits, length) = ended(3, '}')?;
        return Some((hex(digits)?, length));
    }
    if text.starts_with("\\u") {
        return fixed(2, 4);
    }
    if text.starts_with("\\x") {
        return fixed(2, 2);
    }
    if let Some(after) = text.strip_prefix('\\') {
        let escaped = after.chars().next().filter(char::is_ascii_punctuation)?;
        return Some((Some(escaped), 2));
    }
    let (name, length) = ended(1, ';')?;
    let c = match name.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(digits) => hex(digits)?,
            None => char::from_u32(number.parse().ok()?),
        },
        None => Some(match name {
            "quot" => '"',
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "apos" => '\'',
            _ => return None,
        }),
    };
    Some((c, length))
}

/// Returns the text without one form of the token, which is in lower case.
fn without(text: &str, form: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut rest = 0;
    for (start, _) in lower.match_indices(form) {
        out += &text[rest..start];
        out += REDACTED;
        rest = start + form.len();
    }
    out + &text[rest..]
}

/// Returns how the token looks inside of base64 that started `shift` bytes before it (as in
/// `user:token`), less the characters at both ends that depend on its neighbours.
fn base64_forms(token: &str, shift: usize) -> [String; 2] {
    let mut bytes = vec![0; shift];
    bytes.extend_from_slice(token.as_bytes());
    let from = (shift * 8).div_ceil(6);
    let to = bytes.len() * 8 / 6;
    [
        STANDARD_NO_PAD.encode(&bytes),
        URL_SAFE_NO_PAD.encode(&bytes),
    ]
    .map(|encoded| encoded[from..to].to_owned())
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
    fn a_token_is_removed_in_every_coat() {
        let token = "bitwat_canary-0123456789?>";
        let redactor = Redactor::new(token);
        let percent = percent_encode(token.as_bytes(), EVERY_CHARACTER)
            .to_string()
            .to_lowercase();
        assert_eq!(
            redactor.clean(&format!("a {token} b {percent}")),
            "a [token] b [token]"
        );
        for prefix in ["", "u", "us", "usr", "user:"] {
            for suffix in ["", "!", "!!"] {
                let text = format!("{prefix}{token}{suffix}");
                let whole = STANDARD_NO_PAD.encode(&text);
                let cleaned = redactor.clean(&whole).into_owned();
                assert!(cleaned.contains(REDACTED), "{text}: {cleaned}");
                assert!(
                    cleaned.len() - REDACTED.len() <= prefix.len() * 2 + 8,
                    "{cleaned}"
                );
            }
        }
    }

    #[test]
    fn a_token_that_is_encoded_in_part_or_more_than_once_takes_the_text_along() {
        let redactor = Redactor::new("bitwat_canary-0123");
        let hex = "6269747761745F63616E6172792D30313233";
        assert_eq!(redactor.clean(&format!("x{hex}y")), "x[token]y");
        for veiled in [
            "bad bitwat%5fcanary%2D0123",
            "%62itwat_canar%79-0123",
            "a%20bitwat%255Fcanary-0123",
            "%25%36%32itwat_canary-0123 %",
            r"bad: bitwat_can\u0061ry-0123",
            r"bad: bitwat\x5fcanary\u{2d}0123",
            "bitwat&#95;canary&#x2D;0123",
            r"&amp;#98;itwat_canary%5Cu002d0123",
            r"b\u{69}tw\u{000061}t_canary-0123",
            "b&#105;tw&#x00061;t_canary-0123",
        ] {
            assert_eq!(redactor.clean(veiled), REDACTED, "{veiled}");
            assert!(redactor.finds(veiled));
        }
        let endless = format!("%{}41", "25".repeat(100_000));
        assert_eq!(redactor.clean(&endless), REDACTED);
        let both = "bitwat_canary-0123 and bitwat%5fcanary-0123";
        assert_eq!(redactor.clean(both), REDACTED);
        for other in [
            "100 %",
            "%zz%",
            "%41%42",
            "bitwat%5fother",
            r"C:\new\u12",
            r"\ud83d\ude80 \u{}",
            "R&D; &#xfffffff; & &;",
            "50%25%25 off",
        ] {
            assert_eq!(redactor.clean(other), other);
            assert!(!redactor.finds(other));
        }
    }

    #[test]
    fn the_token_in_a_malformed_text_is_removed_and_its_words_are_not() {
        let redactor = Token::redactor_of_malformed("Bearer  '3f9acanary0' workspace");
        let text = "Bearer workspace 3f9acanary0";
        assert_eq!(redactor.clean(text), "Bearer workspace [token]");
    }

    #[test]
    fn what_a_token_needs_to_be_quoted_hides_nothing() {
        let redactor = Redactor::new(r#"bitwat_can"ary\0123"#);
        assert_eq!(
            redactor.clean(r#"{\"got\":\"bitwat_can\"ary\\0123\"}"#),
            REDACTED
        );
        assert_eq!(redactor.clean("bitwat_can&quot;ary\\0123"), REDACTED);
        let redactor = Redactor::new("bitwat_<can>'ary'");
        let entities = "bitwat_&lt;can&gt;&apos;ary&apos;";
        assert_eq!(redactor.clean(entities), REDACTED);
    }

    #[test]
    fn a_large_document_is_looked_through_without_gaps() {
        let redactor = Redactor::new("bitwat_canary-0123");
        for before in (65_500..65_560).chain([1, 131_000, 131_072]) {
            let text = format!("{}BITWAT_canary-0123 é", "é".repeat(before / 2));
            assert!(redactor.stands_in(&text), "{before}");
        }
        assert!(!redactor.stands_in(&"bitwat_canary-012é".repeat(10_000)));
    }

    #[test]
    fn a_whole_document_loses_nothing_but_the_token() {
        let redactor = Redactor::new("bitwat_canary-0123");
        let deep = format!("%{}41 bitwat_canary-0123", "25".repeat(20));
        let kept = format!("%{}41 [token]", "25".repeat(20));
        assert_eq!(redactor.clean_document(deep), kept);
    }

    #[test]
    fn a_tiny_token_does_not_tear_words_apart() {
        assert_eq!(Redactor::new("app").clean("my app"), "my app");
        assert_eq!(Redactor::new("[TOKEN]x").clean("[token]xx"), "[token]x");
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

        #[test]
        fn any_token_is_removed_from_any_text(
            token in "[!-~]{8,60}",
            (before, after) in (".{0,20}", ".{0,20}"),
            coat in 0_usize..5,
        ) {
            let redactor = Redactor::new(&token);
            let whole = format!("{before}{token}{after}");
            let percent = |text: &str| percent_encode(text.as_bytes(), EVERY_CHARACTER).to_string();
            let shown = match coat {
                0 => whole,
                1 => format!("{before}{}{after}", percent(&token)),
                2 => percent(&percent(&whole)),
                3 => STANDARD_NO_PAD.encode(whole),
                _ => URL_SAFE_NO_PAD.encode(whole),
            };
            let cleaned = redactor.clean(&shown);
            prop_assert!(redactor.finds(&shown));
            prop_assert!(cleaned.contains(REDACTED), "{shown}: {cleaned}");
            let lower = cleaned.replace(REDACTED, "").to_ascii_lowercase();
            prop_assert!(!lower.contains(&token.to_ascii_lowercase()), "{cleaned}");
        }
    }
}

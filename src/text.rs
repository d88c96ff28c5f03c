//! Text that is not ours: wrapped so that it can't be printed raw.
//!
//! Invariant: nothing here knows about Bitrise, HTTP or an output format.

use std::fmt;

/// The most characters that are ever shown of a foreign text; an escape counts as what it takes.
const SHOWN: usize = 200;

/// Holds text that came from the network.
///
/// Its [`fmt::Display`] is safe in a terminal, a log and a ticket: control characters, line
/// breaks, bidirectional overrides and other invisible characters are shown as `\u{…}`, a text
/// can't hold a CI workflow command (`::error::`, `##[error]`, `##vso[…]`), wherever a line may be
/// broken, and long texts are cut.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Untrusted(String);

impl Untrusted {
    /// Wraps a text that came from the network.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text as it came, for building a request or for comparing; never for showing.
    pub fn raw(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        let mut room = SHOWN;
        for (c, is_shown) in judged(&self.0) {
            let width = if is_shown {
                1
            } else {
                c.escape_unicode().len()
            };
            let Some(left) = room.checked_sub(width) else {
                return f.write_char('…');
            };
            room = left;
            if is_shown {
                f.write_char(c)?;
            } else {
                write!(f, "{}", c.escape_unicode())?;
            }
        }
        Ok(())
    }
}

/// Tells of each character of a text whether it may be shown as it is.
///
/// Of what opens a workflow command, `::` or `##`, the second sign may not, nor a colon that the
/// text begins with, since one of ours may stand before it.
fn judged(text: &str) -> impl Iterator<Item = (char, bool)> {
    let mut before = None;
    let mut at_start = true;
    text.chars().map(move |c| {
        let is_second = matches!(c, ':' | '#') && before == Some(c);
        let opens_command = is_second || (c == ':' && at_start);
        at_start = at_start && c.is_whitespace();
        before = Some(c);
        (c, is_plain(c) && !opens_command)
    })
}

/// Returns a text that is not cut and may hold what a user or a system wrote, such as a path, with
/// the characters escaped that must not be shown.
pub fn escape_unprintable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (c, is_shown) in judged(text) {
        if is_shown {
            out.push(c);
        } else {
            out.extend(c.escape_unicode());
        }
    }
    out
}

/// Tells whether a character may be shown as it is.
///
/// The standard library's escaping for `Debug` knows which characters are printable; the
/// characters that it escapes only because of Rust's own syntax are fine here.
fn is_plain(c: char) -> bool {
    matches!(c, '"' | '\'' | '\\') || c.escape_debug().len() == 1
}

/// A sentence of our own with text in it that is not ours.
///
/// A format sets the three kinds apart: foreign text is escaped or marked, and a command is never
/// broken inside of a word.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Text(Vec<Span>);

/// A part of a [`Text`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Span {
    /// Our own words.
    Own(String),
    /// What came from the network, a file or the environment.
    Foreign(Untrusted),
    /// A command, an option, an address or a value to be typed as it stands.
    Command(String),
}

impl Text {
    /// Adds our own words.
    #[must_use]
    pub fn own(mut self, words: impl Into<String>) -> Self {
        let words = words.into();
        match self.0.last_mut() {
            Some(Span::Own(before)) => before.push_str(&words),
            Some(Span::Foreign(_) | Span::Command(_)) | None => self.0.push(Span::Own(words)),
        }
        self
    }

    /// Adds text that is not ours.
    #[must_use]
    pub fn foreign(mut self, text: &Untrusted) -> Self {
        self.0.push(Span::Foreign(text.clone()));
        self
    }

    /// Adds a command.
    #[must_use]
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.0.push(Span::Command(command.into()));
        self
    }

    /// Adds another text.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Returns the parts, in order.
    pub fn spans(&self) -> &[Span] {
        &self.0
    }
}

impl From<&str> for Text {
    fn from(words: &str) -> Self {
        Self::default().own(words)
    }
}

impl From<String> for Text {
    fn from(words: String) -> Self {
        Self::default().own(words)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for span in &self.0 {
            match span {
                Span::Own(words) | Span::Command(words) => f.write_str(words)?,
                Span::Foreign(text) => text.fmt(f)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        Untrusted::new(text).to_string()
    }

    #[test]
    fn ordinary_titles_are_left_alone() {
        for text in [
            "Shop iOS",
            "Čaj – 茶 'n' \"more\"",
            "a:b #1 [x]",
            "C:\\temp",
            "🚀 app",
        ] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn nothing_moves_the_cursor_or_hides() {
        for text in [
            "\u{1b}[31mred",
            "a\rb",
            "a\nb",
            "\u{202e}evil",
            "a\u{2028}b",
            "x\u{200b}y",
            "\u{9b}2J",
            "\u{feff}bom",
            "bell\u{7}",
            "\u{e0041}tag",
            "e\u{301}",
        ] {
            let out = shown(text);
            assert!(out.contains("\\u{"), "{out}");
            assert!(out.chars().all(|c| !c.is_control()), "{out}");
        }
        assert_eq!(shown("\u{1b}[31mred"), "\\u{1b}[31mred");
    }

    #[test]
    fn a_path_keeps_its_length_and_loses_what_moves_the_cursor() {
        let path = format!("/tmp/{}\u{1b}[2J/ca.pem", "x".repeat(300));
        let expected = format!("/tmp/{}\\u{{1b}}[2J/ca.pem", "x".repeat(300));
        assert_eq!(escape_unprintable(&path), expected);
    }

    #[test]
    fn no_workflow_command_survives() {
        assert_eq!(shown("::error::x"), r"\u{3a}\u{3a}error:\u{3a}x");
        assert_eq!(shown("  ::error::x"), r"  \u{3a}\u{3a}error:\u{3a}x");
        assert_eq!(shown("a ##[stop]x"), "a #\\u{23}[stop]x");
        assert_eq!(shown("##vso[x]"), "#\\u{23}vso[x]");
        // A line may be broken before any word.
        assert_eq!(shown("x ::error::y"), "x :\\u{3a}error:\\u{3a}y");
        assert_eq!(
            escape_unprintable("/tmp/a ::error::y"),
            "/tmp/a :\\u{3a}error:\\u{3a}y"
        );
    }

    #[test]
    fn long_texts_are_cut_with_a_mark() {
        let out = shown(&"x".repeat(5000));
        assert_eq!(out.chars().count(), SHOWN + 1);
        assert!(out.ends_with('…'));
        let out = shown(&"\u{202e}".repeat(5000));
        assert_eq!(out, "\\u{202e}".repeat(SHOWN / 8) + "…");
        assert_eq!(shown(&"x".repeat(SHOWN)), "x".repeat(SHOWN));
    }

    proptest! {
        #[test]
        fn any_text_is_shown_in_one_harmless_line(text in any::<String>()) {
            let out = shown(&text);
            prop_assert!(out.chars().all(is_plain), "{out:?}");
            prop_assert!(out.chars().count() <= SHOWN + 1);
            prop_assert!(!out.contains("::") && !out.contains("##"));
            prop_assert!(escape_unprintable(&text).chars().all(is_plain));
        }

        #[test]
        fn what_people_write_is_shown_as_it_is(text in "[a-zA-Z0-9äöüßéçñ茶 ()_.,/-]{0,200}") {
            prop_assert_eq!(shown(&text), &text[..]);
            prop_assert_eq!(escape_unprintable(&text), &text[..]);
        }
    }
}

//! Text that is not ours: wrapped so that it can't be printed raw.
//!
//! Invariant: nothing here knows about Bitrise, HTTP or an output format.

use regex_lite::Regex;
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The most characters that are ever shown of a foreign text; an escape counts as what it takes.
const SHOWN: usize = 200;

/// The most characters that are kept of one; a few more than are shown, so that it is visible that
/// there were more.
pub(crate) const MAX_KEPT: usize = 256;

/// The maximum number of combining marks on one character. Scripts that are written with many have
/// up to four; more of them run over the lines above and below.
const MAX_MARKS: usize = 4;

/// Makes a regular expression once; a test has compiled it.
macro_rules! pattern {
    ($text:expr) => {{
        static PATTERN: std::sync::LazyLock<regex_lite::Regex> =
            std::sync::LazyLock::new(|| $crate::text::regex($text));
        &*PATTERN
    }};
}

/// Makes a regular expression of a pattern that a test has compiled.
pub(crate) fn regex(pattern: &str) -> Regex {
    #[expect(
        clippy::expect_used,
        reason = "the patterns stand in the code, and a test uses them all"
    )]
    Regex::new(pattern).expect("a valid pattern")
}

/// Removes secrets from a text.
pub type Clean<'a> = &'a dyn Fn(&str) -> Cow<'_, str>;

/// Text that came from the network.
///
/// Its [`fmt::Display`] is safe in a terminal, a log and a ticket: what moves the cursor, starts a
/// line, changes the direction or can't be seen is shown as `\u{…}`, and so are the signs that our
/// checks start with. A text can't hold a CI workflow command (`::error::`, `##[error]`,
/// `##vso[…]`), wherever a line may be broken, nor a quotation mark of the kind that we set around
/// it; spaces are shown as one. Long texts are cut. What people write is shown as it is: emoji of
/// several characters, accents, and the joiners of Indic and Arabic scripts.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq)]
pub struct Untrusted(Arc<str>);

impl Untrusted {
    /// Wraps a text that came from the network.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// Wraps a text that came from the network, cleaned of secrets and cut afterwards.
    pub fn cleaned(text: &str, clean: Clean<'_>) -> Self {
        Self::new(clean(text).chars().take(MAX_KEPT).collect::<String>())
    }

    /// Returns the text as it came, for building a request or for comparing; never for showing.
    pub fn raw(&self) -> &str {
        &self.0
    }
}

impl Serialize for Untrusted {
    /// Writes what is shown of the text.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl fmt::Display for Untrusted {
    /// Writes the text with one plain space for each run of spaces of any width, and with plain
    /// quotation marks for those that could pass for the end of our quotation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tidied = String::with_capacity(self.0.len());
        for c in self.0.chars() {
            // Tabs and line breaks are spaces, too, but are escaped.
            let is_line_break = c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
            let c = match c {
                c if c.is_whitespace() && !is_line_break => ' ',
                c if !c.is_ascii() && "“”‟❝❞〝〞＂🙶🙷🙸".contains(c) => '"',
                c => c,
            };
            if c != ' ' || !tidied.ends_with(' ') {
                tidied.push(c);
            }
        }
        f.write_str(&escaped(&tidied, SHOWN))
    }
}

/// Returns a text that is not cut and may hold what a user or a system wrote, such as a path, with
/// the characters escaped that must not be shown.
pub fn escape_unprintable(text: &str) -> String {
    escaped(text, usize::MAX)
}

/// Returns a text with the characters escaped that must not be shown, cut after `room` characters.
///
/// Of what opens a workflow command, `::` or `##`, the second sign must not, nor a colon that the
/// text begins with, since one of ours may stand before it.
fn escaped(text: &str, mut room: usize) -> String {
    let is_seen = |c: char| !c.is_ascii() && !CHECK_MARKS.contains(&c) && !is_unseen(c);
    let mut out = String::with_capacity(text.len().min(room));
    // What belongs to the character before it does so only if that one is shown: the base.
    let (mut before, mut base, mut marks, mut at_start) = (' ', ' ', 0, true);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        marks = if is_combining(c) { marks + 1 } else { 0 };
        let is_shown = match c {
            ':' | '#' if c == before => false,
            ':' if at_start => false,
            c if c.is_ascii() => !c.is_control(),
            // A selector of a character's look stands behind what is seen, or in a keycap.
            '\u{fe0e}' | '\u{fe0f}' => is_seen(base) || matches!(base, '0'..='9' | '#' | '*'),
            // A joiner stands between two characters of an emoji or of an Indic or Arabic script.
            '\u{200c}' | '\u{200d}' => {
                let follows = is_seen(base) || base == '\u{fe0f}';
                follows && characters.peek().copied().is_some_and(is_seen)
            }
            _ if marks > 0 => marks <= MAX_MARKS && !base.is_whitespace(),
            c => is_seen(c),
        };
        at_start &= c.is_whitespace();
        (before, base) = (c, if is_shown { c } else { ' ' });
        let escape = c.escape_unicode();
        let width = if is_shown { 1 } else { escape.len() };
        let Some(left) = room.checked_sub(width) else {
            out.push('…');
            break;
        };
        room = left;
        if is_shown {
            out.push(c);
        } else {
            out.extend(escape);
        }
    }
    out
}

/// Signs that look like those that a line of ours starts with.
const CHECK_MARKS: [char; 12] = ['✓', '✔', '✗', '✘', '☑', '☒', '🗴', '🗵', '🗶', '🗷', '🗸', '🗹'];

/// Tells whether a character is drawn on the one before it. At the start of a text, the standard
/// library's escaping for `Debug` escapes these, too.
pub(crate) fn is_combining(c: char) -> bool {
    !c.is_ascii() && c.escape_debug().len() > 1 && !is_unseen(c)
}

/// Printable characters that leave nothing to be seen: default ignorable ones (Unicode,
/// `DerivedCoreProperties`) and blanks that are no spaces.
const BLANK: &str = "\u{34f}\u{115f}\u{1160}\u{17b4}\u{17b5}\u{180b}\u{180c}\u{180d}\u{180f}\u{2800}\
    \u{3164}\u{ffa0}\u{13441}\u{13442}\u{16fe4}\u{1d159}";

/// Tells whether a character beyond ASCII leaves nothing to be seen: it is not printable, as that
/// escaping knows, a blank, or a selector of a character's look.
pub(crate) fn is_unseen(c: char) -> bool {
    // Only what belongs to a character in front of it has to be tried behind one.
    let is_printable = || {
        c.escape_debug().len() == 1 || String::from_iter(['a', c]).escape_debug().nth(1) == Some(c)
    };
    let is_selector = matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}');
    !c.is_ascii() && (is_selector || BLANK.contains(c) || !is_printable())
}

/// Returns a text of HTML with its character references decoded, as far as [`entity`] knows them.
pub(crate) fn decode_entities(text: &str) -> String {
    let mut parts = text.split('&');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let reference = part.split_once(';');
        let known = reference.and_then(|(name, behind)| Some((entity(name)?, behind)));
        decoded.push(known.map_or('&', |(character, _)| character));
        decoded += known.map_or(part, |(_, behind)| behind);
    }
    decoded
}

/// The named characters of HTML that are known.
const ENTITIES: &str = include_str!("entities.txt");

/// Returns the character that a reference of HTML stands for, by what is between `&` and `;`.
pub(crate) fn entity(name: &str) -> Option<char> {
    let Some(number) = name.strip_prefix('#') else {
        let of_name = |line: &str| line.strip_prefix(name)?.strip_prefix('=')?.chars().next();
        return ENTITIES.lines().find_map(of_name);
    };
    let hex = number.strip_prefix(['x', 'X']);
    let code = hex.map_or_else(|| number.parse(), |digits| u32::from_str_radix(digits, 16));
    char::from_u32(code.ok()?)
}

/// A sentence of our own with text in it that is not ours.
///
/// A format sets the three kinds apart: foreign text is escaped or marked, and a command is never
/// broken inside of a word.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[must_use]
pub struct Text(pub Vec<Span>);

/// A part of a [`Text`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Span {
    /// Our own words.
    Own(String),
    /// What came from the network, a file or the environment.
    Foreign(Untrusted),
    /// A command, an option, an address or a value to be typed as it stands.
    Command(String),
    /// A whole command to be copied: it stands in lines of its own and is never broken.
    Block(String),
}

impl Text {
    /// Returns a command.
    pub fn command(command: impl Into<String>) -> Self {
        Self(vec![Span::Command(command.into())])
    }

    /// Adds our own words, text that is not ours, or another text.
    pub fn then(mut self, other: impl Into<Self>) -> Self {
        for span in other.into().0 {
            match (self.0.last_mut(), span) {
                (Some(Span::Own(before)), Span::Own(words)) => before.push_str(&words),
                (_, span) => self.0.push(span),
            }
        }
        self
    }

    /// Returns the text with a capital letter in front, if it begins with our own words.
    pub fn capitalized(mut self) -> Self {
        if let Some(Span::Own(words)) = self.0.first_mut()
            && let Some(first) = words.chars().next()
        {
            words.replace_range(..first.len_utf8(), &first.to_uppercase().to_string());
        }
        self
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<T: Into<String>> From<T> for Text {
    /// Takes our own words.
    fn from(words: T) -> Self {
        let words = Some(words.into()).filter(|words| !words.is_empty());
        Self(words.map(Span::Own).into_iter().collect())
    }
}

impl From<&Untrusted> for Text {
    fn from(text: &Untrusted) -> Self {
        Self(vec![Span::Foreign(text.clone())])
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for span in &self.0 {
            match span {
                Span::Own(words) | Span::Command(words) => f.write_str(words)?,
                Span::Foreign(text) => text.fmt(f)?,
                Span::Block(command) => write!(f, "\n    {command}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns texts that are rich in what is of interest here.
    fn texts() -> impl Strategy<Value = String> {
        let odd = prop::sample::select(vec![
            "\u{200c}",
            "\u{200d}",
            "\u{fe0f}",
            "\u{301}",
            "\u{e0067}",
            "\u{e007f}",
            "🏴",
            "👩",
            "क",
            "\u{94d}",
            "م",
            " ",
            "\u{a0}",
            "“",
            "✓",
            ":",
            "#",
            "a",
            "\u{2028}",
            "\u{3164}",
            "\n",
        ]);
        let odd = prop::collection::vec(odd, 0..40).prop_map(|parts| parts.concat());
        prop_oneof![any::<String>(), odd]
    }

    fn shown(text: &str) -> String {
        Untrusted::new(text).to_string()
    }

    #[test]
    fn honest_titles_are_left_alone() {
        for text in [
            "Shop iOS",
            "Čaj – 茶 'n' \"more\" «plus» „auch‘",
            "a:b #1 [x]",
            "C:\\temp",
            "🚀 app ✅",
            "👩‍💻 🏳️‍🌈 👨‍👩‍👧‍👦 👍🏽 ❤️ ❤️‍🔥 1️⃣ #️⃣ ☎︎",
            "🇩🇪 🏴",
            "e\u{301}le\u{300}ve Tiê\u{323}\u{301}ng",
            "ร้านค้า ก็ได้",
            "दुकान क्‍ष क्‌ष श्री",
            "র‍্যাম ශ්‍රී ലങ്ക",
            "می‌خواهم نامه‌ها متجر",
            "חנות שָׁלוֹם",
            "상점 앱 ショップ",
        ] {
            assert_eq!(shown(text), text);
            assert_eq!(escape_unprintable(text), text);
        }
    }

    #[test]
    fn nothing_moves_the_cursor_or_hides() {
        for text in [
            "\u{1b}[31mred",
            "a\rb",
            "a\nb",
            "a\u{b}b",
            "a\u{85}b",
            "\u{202e}evil",
            "a\u{2066}b",
            "a\u{200e}b",
            "a\u{2028}b",
            "x\u{200b}y",
            "x\u{2060}y",
            "x\u{200d}y",
            "x\u{200c}y",
            "👩\u{200d}",
            "👩\u{200d}a",
            "👩\u{200d}\u{200d}👩",
            "a\u{fe0f}",
            "👩\u{fe0f}\u{fe0f}",
            "字\u{fe00}",
            "字\u{e0100}",
            "so\u{ad}ft",
            "a\u{34f}b",
            "a\u{180e}b",
            "\u{3164}",
            "a\u{115f}\u{1160}b",
            "a\u{ffa0}b",
            "a\u{2800}b",
            "a\u{13441}b",
            "\u{9b}2J",
            "\u{feff}bom",
            "bell\u{7}",
            "\u{e0041}tag",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}",
            "\u{301}e",
            "a \u{301}",
            "\u{7}\u{301}",
            "e\u{301}\u{301}\u{301}\u{301}\u{301}",
        ] {
            let out = shown(text);
            assert!(out.contains("\\u{"), "{out}");
            assert!(out.chars().all(|c| !c.is_control()), "{out}");
        }
        assert_eq!(shown("\u{1b}[31mred"), "\\u{1b}[31mred");
    }

    #[test]
    fn nothing_passes_for_a_sentence_of_ours() {
        assert_eq!(
            shown("Shop” is fine.   ✓ Verified: “x"),
            r#"Shop" is fine. \u{2713} Verified: "x"#
        );
        assert_eq!(shown("a \u{a0}\u{3000} b\u{2003}c"), "a b c");
        assert_eq!(shown("✔ ✗ ☑"), r"\u{2714} \u{2717} \u{2611}");
        // A path is to be found again by what is shown of it.
        assert_eq!(escape_unprintable("/a  b/“x”"), "/a  b/“x”");
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
        assert_eq!(shown("  ::error::x"), r" \u{3a}\u{3a}error:\u{3a}x");
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

    repeatable! {
        #[test]
        fn any_text_is_shown_in_one_harmless_line(text in texts()) {
            let out = shown(&text);
            prop_assert!(out.chars().count() <= SHOWN + 1);
            for out in [&out, &escape_unprintable(&text)] {
                prop_assert!(!out.contains("::") && !out.contains("##"), "{out:?}");
                prop_assert!(!out.contains(CHECK_MARKS), "{out:?}");
                let mut before = 'a';
                for (at, c) in out.char_indices() {
                    let is_joiner = "\u{200c}\u{200d}\u{fe0e}\u{fe0f}".contains(c);
                    prop_assert!(is_joiner || !(c.is_control() || is_unseen(c)), "{out:?}");
                    if is_joiner || is_combining(c) {
                        prop_assert!(at > 0 && !before.is_whitespace(), "{out:?}");
                        prop_assert!(!(is_joiner && before == c), "{out:?}");
                    }
                    before = c;
                }
            }
            prop_assert!(!out.contains("  ") && !out.contains(['“', '”']), "{out:?}");
        }

        #[test]
        fn what_is_shown_needs_no_more_escaping(text in texts()) {
            let escaped = escape_unprintable(&text);
            prop_assert_eq!(escape_unprintable(&escaped), &escaped[..]);
        }

        #[test]
        fn what_people_write_is_shown_as_it_is(text in "([a-zA-Z0-9äöüßéçñ茶()_.,/-] ?){0,100}") {
            prop_assert_eq!(shown(&text), &text[..]);
            prop_assert_eq!(escape_unprintable(&text), &text[..]);
        }
    }
}

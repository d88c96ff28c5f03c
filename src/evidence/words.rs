//! What words mean: a table in `words.txt`, so that a wording is added without a change of code.
//!
//! Invariant: all wordings are looked for in one pass over a text, each place in a bounded window.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

/// The table of meanings and their wordings.
#[derive(Default)]
struct Lexicon {
    /// The meanings, in the order of the table.
    names: Vec<&'static str>,
    sections: HashMap<&'static str, Vec<&'static str>>,
    /// Which of a kind, the first word of a meaning's name, a wording as a whole is.
    whole: HashMap<(&'static str, &'static str), &'static str>,
    /// The wordings that are looked for inside of texts, by their first two bytes.
    index: Vec<Vec<Entry>>,
}

struct Entry {
    section: usize,
    wording: &'static str,
    /// Whether it counts inside of words as well.
    is_inside: bool,
}

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut lexicon = Lexicon::default();
    lexicon.index.resize_with(1 << 12, Vec::new);
    let (mut name, mut mark) = ("", None);
    for line in include_str!("words.txt").lines() {
        let heading = line.strip_prefix('[');
        if let Some(heading) = heading.and_then(|line| line.strip_suffix(']')) {
            name = heading.trim_start_matches(['=', '~']);
            mark = heading.chars().next();
            lexicon.names.push(name);
        } else if !line.is_empty() && !line.starts_with(';') {
            lexicon.sections.entry(name).or_default().push(line);
            let (kind, which) = name.split_once(' ').unwrap_or((name, ""));
            lexicon.whole.entry((kind, line)).or_insert(which);
            if mark != Some('=') {
                lexicon.index[slot(line.as_bytes())].push(Entry {
                    section: lexicon.names.len() - 1,
                    wording: line,
                    // Writing without spaces has no ends of words.
                    is_inside: mark == Some('~')
                        || !line.is_ascii() && !line.contains(char::is_lowercase),
                });
            }
        }
    }
    lexicon
});

/// Returns the place in the index for what begins with these bytes.
fn slot(bytes: &[u8]) -> usize {
    let byte = |at: usize| usize::from(bytes.get(at).copied().unwrap_or(0) & 63);
    byte(0) << 6 | byte(1)
}

/// Returns a text for a search in any case, in which each character has the same place.
pub(super) fn lower(text: &str) -> Cow<'_, str> {
    let is_small = |b: u8| b.is_ascii() && !b.is_ascii_uppercase();
    if text.bytes().all(is_small) {
        return Cow::Borrowed(text);
    }
    let small = |c: char| {
        let small = c.to_lowercase().next();
        small.filter(|small| small.len_utf8() == c.len_utf8())
    };
    let small = text.chars().map(|c| small(c).unwrap_or(c));
    Cow::Owned(small.collect())
}

/// Returns the wordings of a meaning.
pub(super) fn section(name: &str) -> &'static [&'static str] {
    LEXICON.sections.get(name).map_or(&[], Vec::as_slice)
}

/// Tells whether a text in lower case has a wording of a meaning.
pub(super) fn says(name: &str, lower: &str) -> bool {
    section(name).iter().any(|wording| lower.contains(wording))
}

/// Tells whether a text is a wording of a meaning, in any case.
pub(super) fn is(name: &str, text: &str) -> bool {
    section(name).contains(&&*lower(text))
}

/// Returns which of a kind a text as a whole is, such as the client of a program.
pub(super) fn which(kind: &str, text: &str) -> Option<&'static str> {
    LEXICON.whole.get(&(kind, text)).copied()
}

/// Returns the status that a text in lower case names as a whole.
pub(super) fn status_named(lower: &str) -> Option<u16> {
    let is_around = |c: char| c.is_whitespace() || ".!:;,\"'()[]{}<>–-。、」「".contains(c);
    which("status", lower.trim_matches(is_around))?.parse().ok()
}

/// A wording that stands in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit {
    section: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The whole of any text.
pub(super) const ALL: Range<usize> = 0..usize::MAX;

/// A text, and all that its words mean.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// The text in lower case.
    pub(super) lower: String,
    /// By their starts.
    hits: Vec<Hit>,
}

impl Words {
    /// Looks for all wordings in a text.
    pub(super) fn of(text: &str) -> Self {
        let lower = lower(text).into_owned();
        let is_letter = |c: char| c.is_alphanumeric() || c == '_';
        let (mut hits, mut is_start) = (Vec::new(), true);
        for (start, c) in lower.char_indices() {
            let rest = &lower[start..];
            for slot in [slot(rest.as_bytes()), slot(&rest.as_bytes()[..1])] {
                let entries = LEXICON.index[slot].iter();
                let found = entries.filter(|Entry { wording, .. }| rest.starts_with(wording));
                let found = found.filter(|entry| {
                    let (wording, behind) = rest.split_at(entry.wording.len());
                    let is_end = !wording.ends_with(is_letter) || !behind.starts_with(is_letter);
                    entry.is_inside || is_end && (is_start || !wording.starts_with(is_letter))
                });
                hits.extend(found.map(|entry| Hit {
                    section: entry.section,
                    start,
                    end: start + entry.wording.len(),
                }));
            }
            is_start = !is_letter(c);
        }
        Self { lower, hits }
    }

    /// Returns the wordings of a meaning, or of a kind of meanings, that stand in a part of the
    /// text, and which of the kind they are.
    pub(super) fn kinds<'a>(
        &'a self,
        name: &'a str,
        range: Range<usize>,
    ) -> impl Iterator<Item = (Hit, &'static str)> + 'a {
        let first = self.hits.partition_point(|hit| hit.start < range.start);
        let rest = self.hits[first..].iter().copied();
        let inside = rest.take_while(move |hit| hit.start < range.end);
        inside.filter_map(move |hit| {
            let which = LEXICON.names[hit.section].strip_prefix(name)?;
            let is_one = hit.end <= range.end && (which.is_empty() || which.starts_with(' '));
            is_one.then_some((hit, which.trim_start()))
        })
    }

    /// Tells whether the text has a wording of a meaning.
    pub(super) fn says(&self, name: &str) -> bool {
        self.kinds(name, ALL).next().is_some()
    }

    /// Returns which of a kind, such as a fault, the text has: the first one of the table.
    pub(super) fn kind(&self, kind: &str) -> Option<&'static str> {
        let first = self.kinds(kind, ALL).min_by_key(|(hit, _)| hit.section);
        first.map(|(_, which)| which)
    }

    /// Returns which of a kind the label in front of a place is.
    pub(super) fn label(&self, kind: &str, place: usize) -> Option<&'static str> {
        const LONGEST: usize = 64;
        let end = (!self.hits.is_empty()).then(|| label_end(&self.lower, place))?;
        // Behind a dollar it is a variable's name, in code that says what should be.
        let is_variable = |at: usize| self.lower[..at].trim_end_matches('{').ends_with('$');
        let mut hits = self.kinds(kind, end.saturating_sub(LONGEST)..end);
        hits.find_map(|(hit, which)| (hit.end == end && !is_variable(hit.start)).then_some(which))
    }

    /// Returns the sentence around a place.
    pub(super) fn sentence(&self, place: usize) -> Range<usize> {
        /// The maximum number of bytes on each side.
        const WINDOW: usize = 400;
        let is_end = |at: &usize| match self.lower.as_bytes().split_at(*at) {
            // An abbreviation such as “e.g.” ends none.
            ([before @ .., b'.' | b'!' | b'?'], behind) => {
                let mut last = before.iter().rev().take(2);
                behind.first().is_none_or(u8::is_ascii_whitespace)
                    && last.all(|b| !matches!(b, b'.' | b' '))
            }
            (before, _) => ["。", "？"]
                .iter()
                .any(|stop| before.ends_with(stop.as_bytes())),
        };
        let start = floor(&self.lower, place.saturating_sub(WINDOW));
        let start = { start..=place }.rev().find(is_end).unwrap_or(start);
        let end = floor(&self.lower, place + WINDOW);
        let end = { place + 1..end }.find(is_end).unwrap_or(end);
        // “We get 401, what now?” tells it, and asks something else.
        let is_question = self.lower[..end].trim_end().ends_with(['?', '？']);
        let comma = self.lower[place..end].find(", ").filter(|_| is_question);
        start..comma.map_or(end, |comma| place + comma)
    }

    /// Returns how a part of the text is said. A client's own words are known by its name or its way
    /// to name errors; people speak of themselves.
    pub(super) fn strength(&self, part: &Range<usize>) -> Strength {
        let own = self.kinds("client", part.clone()).next();
        // What stands behind a client's name is its own, such as “could not be resolved”.
        let before = part.start..own.map_or(part.end, |(own, _)| own.start);
        // A part of an address or of a name, as in “bitrise.io”, is no word of a sentence.
        let words = |name, part: &Range<usize>| {
            let is_word = |hit: &Hit| !self.lower[..hit.start].ends_with(['.', '/', '@', '-']);
            let hits = self.kinds(name, part.clone());
            hits.filter(move |(hit, _)| is_word(hit))
        };
        let mut first = self.kinds("person first", before.clone());
        let first = first.next().map_or(part.end, |(hit, _)| hit.start);
        // “We got it when we tried” tells it, and so does “when I try it I get it”.
        let mut conditions = words("conditional", &before);
        let is_told = |from: usize| self.kinds("person first", from..part.end).nth(1).is_some();
        let is_condition = conditions
            .any(|(hit, which)| which != "clause" || hit.start < first && !is_told(hit.end));
        let text = self.lower[part.clone()].trim_end();
        if is_condition || text.ends_with(['?', '？']) {
            Strength::Example
        } else if words("person", &before).next().is_some()
            || own.is_none() && words("prose", part).next().is_some()
        {
            Strength::Prose
        } else {
            Strength::Client
        }
    }
}

/// Returns where the label ends that stands in front of a place: before signs, and articles.
pub(super) fn label_end(lower: &str, place: usize) -> usize {
    let is_sign = |c: char| c.is_whitespace() || "([]{\"'`=:->→#,：（）<@".contains(c);
    let start = floor(lower, place.saturating_sub(64));
    let label = lower.get(start..place).unwrap_or_default();
    let mut label = label.trim_end_matches(is_sign);
    for article in section("article") {
        let rest = label.strip_suffix(article);
        let rest = rest.filter(|rest| rest.ends_with(' '));
        label = rest.map_or(label, |rest| rest.trim_end_matches(is_sign));
    }
    start + label.len()
}

/// Returns the place, or the start of the character that it is in.
pub(super) fn floor(text: &str, place: usize) -> usize {
    let mut places = (0..=place.min(text.len())).rev();
    places.find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Tells whether a line is one of headers: a name of letters, and a colon.
pub(super) fn is_header(line: &str) -> bool {
    pattern!(r"^[A-Za-z0-9_-]{1,60}:").is_match(line)
}

/// Tells how a line is said.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Strength {
    /// A condition, a question or an example: it says nothing.
    Example,
    /// A person's sentence.
    Prose,
    /// A protocol's line, or a client's own words.
    Client,
}

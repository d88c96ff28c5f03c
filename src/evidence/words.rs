//! What words mean: a table in `words.txt`, so that a wording is added without a change of code.
//!
//! Invariant: all wordings are looked for in one pass over a text, each place in a bounded window.

use crate::check::CheckId;
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
    /// The wordings that are looked for inside of texts, by their first two bytes.
    index: Vec<Vec<Entry>>,
    /// What options mean, by client and option: a meaning, and whether a value follows.
    options: HashMap<(&'static str, &'static str), (&'static str, bool)>,
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
    let mut mark = None;
    for line in include_str!("words.txt").lines() {
        let heading = line.strip_prefix('[');
        if let Some(name) = heading.and_then(|line| line.strip_suffix(']')) {
            mark = name.chars().next().filter(|c| matches!(c, '=' | '~'));
            lexicon.names.push(name.trim_start_matches(['=', '~']));
        } else if !line.is_empty() && !line.starts_with(';') {
            let section = lexicon.names.len() - 1;
            let name = lexicon.names[section];
            lexicon.sections.entry(name).or_default().push(line);
            if let Some(meaning) = name.strip_prefix("option ") {
                let (meaning, value) = meaning.split_once(' ').unwrap_or((meaning, ""));
                let mut words = line.split(' ');
                let client = words.next().unwrap_or_default();
                let options = words.map(|option| ((client, option), (meaning, !value.is_empty())));
                lexicon.options.extend(options);
            } else if mark != Some('=') {
                let is_inside = mark == Some('~');
                let entry = Entry {
                    section,
                    wording: line,
                    is_inside,
                };
                let slot = slot(line.as_bytes());
                lexicon.index[slot].push(entry);
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
    if !text
        .bytes()
        .any(|b| b.is_ascii_uppercase() || !b.is_ascii())
    {
        return Cow::Borrowed(text);
    }
    let small = |c: char| {
        let mut lower = c.to_lowercase();
        let first = lower
            .next()
            .filter(|lower| lower.len_utf8() == c.len_utf8());
        first.filter(|_| lower.next().is_none()).unwrap_or(c)
    };
    Cow::Owned(text.chars().map(small).collect())
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

/// Returns what an option of a client means, and whether a value follows.
pub(super) fn option(client: &str, option: &str) -> Option<(&'static str, bool)> {
    LEXICON.options.get(&(client, option)).copied()
}

/// Returns of the sections of a kind, such as `curl`, the one with a line that has a word.
pub(super) fn kind_with(kind: &str, word: &str) -> Option<&'static str> {
    let mut names = LEXICON.names.iter().filter_map(|name| {
        let (its_kind, which) = name.split_once(' ')?;
        (its_kind == kind).then_some((*name, which))
    });
    let has = |line: &&str| line.split(' ').any(|own| own == word);
    let found = names.find(|(name, _)| section(name).iter().any(has));
    found.map(|(_, which)| which)
}

/// Returns the status that a text in lower case names as a whole.
pub(super) fn status_named(lower: &str) -> Option<u16> {
    static STATUSES: LazyLock<HashMap<&'static str, u16>> = LazyLock::new(|| {
        let of = |name: &&'static str| {
            let status: u16 = name.strip_prefix("status ")?.parse().ok()?;
            Some(section(name).iter().map(move |wording| (*wording, status)))
        };
        LEXICON.names.iter().filter_map(of).flatten().collect()
    });
    let is_around = |c: char| c.is_whitespace() || ".!:;,\"'()[]{}<>–-。、」「".contains(c);
    STATUSES.get(lower.trim_matches(is_around)).copied()
}

/// A wording that stands in a text.
#[derive(Clone, Copy, Debug)]
struct Hit {
    section: usize,
    start: usize,
    end: usize,
}

impl Hit {
    fn name(self) -> &'static str {
        LEXICON.names[self.section]
    }

    /// Returns which of a kind it is, such as the fault.
    fn which(self, kind: &str) -> Option<&'static str> {
        self.name().strip_prefix(kind)?.strip_prefix(' ')
    }
}

/// A text, and all that its words mean.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// The text in lower case.
    pub(super) lower: String,
    /// By their starts.
    hits: Vec<Hit>,
}

fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

impl Words {
    /// Looks for all wordings in a text.
    pub(super) fn of(text: &str) -> Self {
        let lower = lower(text).into_owned();
        let bytes = lower.as_bytes();
        let mut hits = Vec::new();
        let mut before = ' ';
        for (start, c) in lower.char_indices() {
            let is_start = !is_letter(before);
            before = c;
            let one = is_start.then(|| slot(&bytes[start..=start]));
            for slot in [Some(slot(&bytes[start..])), one].into_iter().flatten() {
                let entries = &LEXICON.index[slot];
                let found = entries.iter().filter(|entry| {
                    lower[start..].starts_with(entry.wording)
                        && (entry.is_inside || is_free(entry.wording, is_start, &lower[start..]))
                });
                hits.extend(found.map(|entry| Hit {
                    section: entry.section,
                    start,
                    end: start + entry.wording.len(),
                }));
            }
        }
        Self { lower, hits }
    }

    fn within(&self, range: Range<usize>) -> impl Iterator<Item = Hit> + '_ {
        let first = self.hits.partition_point(|hit| hit.start < range.start);
        let end = range.end;
        let rest = self.hits[first..].iter().copied();
        rest.take_while(move |hit| hit.start < end)
            .filter(move |hit| hit.end <= end)
    }

    /// Tells whether a part of the text has a wording of a meaning.
    pub(super) fn says_in(&self, name: &str, range: &Range<usize>) -> bool {
        self.within(range.clone()).any(|hit| hit.name() == name)
    }

    /// Tells whether the text has a wording of a meaning.
    pub(super) fn says(&self, name: &str) -> bool {
        self.hits.iter().any(|hit| hit.name() == name)
    }

    /// Returns where the wordings of a meaning stand in the text.
    pub(super) fn places<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        let hits = self.hits.iter().filter(move |hit| hit.name() == name);
        hits.map(|hit| hit.start..hit.end)
    }

    /// Returns which of a kind, such as a fault, the text has: the first one of the table.
    pub(super) fn kind(&self, kind: &str) -> Option<&'static str> {
        let hits = self
            .hits
            .iter()
            .filter_map(|hit| Some((hit.section, hit.which(kind)?)));
        hits.min_by_key(|(section, _)| *section)
            .map(|(_, which)| which)
    }

    /// Returns the places of the wordings of a kind, and which of it they are.
    pub(super) fn kinds<'a>(
        &'a self,
        kind: &'a str,
    ) -> impl Iterator<Item = (Range<usize>, &'static str)> + 'a {
        self.hits
            .iter()
            .filter_map(move |hit| Some((hit.start..hit.end, hit.which(kind)?)))
    }

    /// Returns the wordings that stand in front of a place, as labels of it.
    fn label(&self, place: usize) -> impl Iterator<Item = Hit> + '_ {
        const LONGEST: usize = 64;
        let end = label_end(&self.lower, place);
        let near = end.saturating_sub(LONGEST)..end;
        // Behind a dollar it is a variable's name, in code that says what should be.
        let is_label = |hit: &Hit| {
            let before = &self.lower[..hit.start];
            !before.strip_suffix('{').unwrap_or(before).ends_with('$')
        };
        let hits = self.within(near).filter(move |hit| hit.end == end);
        hits.filter(is_label)
    }

    /// Tells whether a wording of a meaning is what stands in front of a place, as a label of it.
    pub(super) fn labels(&self, name: &str, place: usize) -> bool {
        self.label(place).any(|hit| hit.name() == name)
    }

    /// Returns which of a kind the label in front of a place is.
    pub(super) fn label_kind(&self, kind: &str, place: usize) -> Option<&'static str> {
        let mut hits = self.label(place);
        hits.find_map(|hit| hit.which(kind))
    }

    /// Tells whether a status has its name behind a place, or in front of one.
    pub(super) fn names_status(&self, status: u16, front: usize, behind: usize) -> bool {
        const NEAR: usize = 64;
        let gap = |c: char| c.is_whitespace() || "(-–:\"',".contains(c);
        let rest = &self.lower[behind..];
        let start = self.lower.len() - rest.trim_start_matches(gap).len();
        let end = self.lower[..front].trim_end_matches(['(', ' ', '[']).len();
        let near = front.saturating_sub(NEAR)..start.max(behind) + NEAR;
        let name = format!("status {status}");
        let mut hits = self.within(near).filter(|hit| hit.name() == name);
        hits.any(|hit| hit.start == start || hit.end == end && end < front)
    }

    /// Returns the step that the text names.
    pub(super) fn step(&self) -> Option<CheckId> {
        match self.kind("step")? {
            "apps" => Some(CheckId::AppsList),
            _ => Some(CheckId::PipelinesList),
        }
    }

    /// Returns the sentence around a place.
    pub(super) fn sentence(&self, place: usize) -> Range<usize> {
        /// The maximum number of bytes on each side.
        const WINDOW: usize = 400;
        let start = floor(&self.lower, place.saturating_sub(WINDOW));
        let end = floor(&self.lower, place + WINDOW);
        let ends = |at: usize| {
            let before = self.lower[..at].bytes().rev();
            // An abbreviation such as “e.g.” ends none.
            before.skip(1).take(2).all(|b| b != b'.' && b != b' ')
        };
        let stops = |part: Range<usize>| {
            let from = part.start;
            let found = self.lower[part].match_indices(['.', '!', '?', '。', '？']);
            found.map(move |(at, sign)| from + at + sign.len())
        };
        let is_stop = |at: &usize| {
            let behind = self.lower[*at..].chars().next();
            behind.is_none_or(char::is_whitespace) && ends(*at)
                || self.lower[..*at].ends_with(['。', '？'])
        };
        let before = stops(start..place).rfind(is_stop);
        let behind = stops(place..end).find(is_stop);
        let mut end = behind.unwrap_or(end);
        // “We get 401, what now?” tells it, and asks something else.
        if self.lower[..end].ends_with('?')
            && let Some(comma) = self.lower[place..end].find(", ")
        {
            end = place + comma;
        }
        before.unwrap_or(start)..end
    }

    /// Returns how a part of the text is said. A client's own words are known by its name or its way
    /// to name errors; people speak of themselves.
    pub(super) fn strength(&self, part: &Range<usize>) -> Strength {
        let own = self.within(part.clone()).find(|hit| hit.name() == "client");
        // What stands behind a client's name is its own, such as “could not be resolved”.
        let before = part.start..own.map_or(part.end, |own| own.start);
        let text = self.lower[part.clone()].trim_end();
        // A part of an address or of a name, as in “bitrise.io”, is no word of a sentence.
        let says = |name: &str, part: &Range<usize>| {
            let is_part = |hit: &Hit| self.lower[..hit.start].ends_with(['.', '/', '@', '-']);
            let mut hits = self.within(part.clone());
            hits.any(|hit| hit.name() == name && !is_part(&hit))
        };
        if says("conditional", &before) || text.ends_with(['?', '？']) {
            return Strength::Example;
        }
        if says("person", &before) || own.is_none() && says("prose", part) {
            return Strength::Prose;
        }
        Strength::Client
    }
}

/// Tells whether a wording at the start of a text is words of its own.
fn is_free(wording: &str, is_start: bool, text: &str) -> bool {
    // Writing without spaces has no ends of words.
    let has_ends = wording.is_ascii() || wording.chars().any(char::is_lowercase);
    let is_end = !wording.ends_with(is_letter) || !text[wording.len()..].starts_with(is_letter);
    !has_ends || is_end && (is_start || !wording.starts_with(is_letter))
}

/// Returns where the label ends that stands in front of a place: before signs, and articles.
pub(super) fn label_end(lower: &str, place: usize) -> usize {
    let is_sign = |c: char| c.is_whitespace() || "([]{\"'`=:->→#,：（<@".contains(c);
    let start = floor(lower, place.saturating_sub(64));
    let label = lower.get(start..place).unwrap_or_default();
    let mut label = label.trim_end_matches(is_sign);
    for article in section("article") {
        let rest = label
            .strip_suffix(article)
            .filter(|rest| rest.ends_with(' '));
        label = rest.unwrap_or(label).trim_end_matches(is_sign);
    }
    start + label.len()
}

/// Returns the place, or the start of the character that it is in.
pub(super) fn floor(text: &str, place: usize) -> usize {
    let mut place = place.min(text.len());
    while !text.is_char_boundary(place) {
        place -= 1;
    }
    place
}

/// Tells whether a line is one of headers: a name of letters, and a colon.
pub(super) fn is_header(line: &str) -> bool {
    const LONGEST: usize = 60;
    let end = line.bytes().take(LONGEST).position(|b| b == b':');
    end.is_some_and(|end| {
        let name = &line[..end];
        let is_part = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        !name.is_empty() && name.bytes().all(is_part)
    })
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

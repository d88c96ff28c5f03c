//! What words mean: a table in `words.txt`, so that a wording is added without a change of code.
//!
//! Invariant: each line is looked at in a bounded window.

use crate::check::CheckId;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The table of meanings and their wordings.
pub(super) struct Lexicon {
    sections: HashMap<&'static str, Vec<&'static str>>,
    order: Vec<&'static str>,
}

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut lexicon = Lexicon {
        sections: HashMap::new(),
        order: Vec::new(),
    };
    let mut section = "";
    for line in include_str!("words.txt").lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
            lexicon.order.push(section);
        } else if !line.is_empty() && !line.starts_with(';') {
            lexicon.sections.entry(section).or_default().push(line);
        }
    }
    lexicon
});

/// Returns a text for a search in any case; the same text, if it is in lower case already.
pub(super) fn lower(text: &str) -> Cow<'_, str> {
    if text
        .bytes()
        .any(|b| b.is_ascii_uppercase() || !b.is_ascii())
    {
        Cow::Owned(text.to_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// Returns the wordings of a meaning.
pub(super) fn section(name: &str) -> &'static [&'static str] {
    LEXICON.sections.get(name).map_or(&[], Vec::as_slice)
}

/// Tells whether a text in lower case has a wording of a meaning.
pub(super) fn says(name: &str, lower: &str) -> bool {
    section(name).iter().any(|wording| lower.contains(wording))
}

/// Tells whether a text in lower case has a wording of a meaning as words of its own.
pub(super) fn has_word(name: &str, lower: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let is_word = |wording: &str| {
        let mut places = lower.match_indices(wording);
        places.any(|(at, _)| {
            let (before, behind) = (&lower[..at], &lower[at + wording.len()..]);
            // Writing without spaces has no ends of words.
            !wording.is_ascii() && !wording.chars().any(char::is_lowercase)
                || !before.ends_with(is_part) && !behind.starts_with(is_part)
        })
    };
    section(name).iter().any(|wording| is_word(wording))
}

/// Returns of the sections of a kind, such as `fault`, the first with a wording in a text in lower
/// case.
pub(super) fn kind_of(kind: &str, lower: &str) -> Option<&'static str> {
    let names = LEXICON.order.iter().filter_map(|name| {
        let (its_kind, which) = name.split_once(' ')?;
        (its_kind == kind).then_some((*name, which))
    });
    names
        .filter(|(name, _)| says(name, lower))
        .map(|(_, which)| which)
        .next()
}

/// Returns the status that a text in lower case names as a whole.
pub(super) fn status_named(lower: &str) -> Option<u16> {
    static STATUSES: LazyLock<HashMap<&'static str, u16>> = LazyLock::new(|| {
        let of = |name: &&'static str| {
            let status: u16 = name.strip_prefix("status ")?.parse().ok()?;
            Some(section(name).iter().map(move |wording| (*wording, status)))
        };
        LEXICON.order.iter().filter_map(of).flatten().collect()
    });
    let text =
        lower.trim_matches(|c: char| c.is_whitespace() || ".!:;,\"'()[]{}<>–-。、」「".contains(c));
    STATUSES.get(text).copied()
}

/// Tells whether a text begins with a name of the status, as in `401 Unauthorized`.
pub(super) fn is_named(status: u16, lower: &str) -> bool {
    let lower = lower.trim_start_matches(|c: char| c.is_whitespace() || "(-–:\"'".contains(c));
    let is_end = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric());
    let fits = |wording: &&str| lower.strip_prefix(*wording).is_some_and(is_end);
    section(&format!("status {status}")).iter().any(fits)
}

/// Tells whether an HTML tag is one that exports use.
pub(super) fn is_tag(name: &str) -> bool {
    section("tag").contains(&name.trim_start_matches('/'))
}

/// Returns the step that words name.
pub(super) fn step(lower: &str) -> Option<CheckId> {
    match kind_of("step", lower)? {
        "apps" => Some(CheckId::AppsList),
        _ => Some(CheckId::PipelinesList),
    }
}

/// Returns the verdict's code that DX shows, by its name or its sentence.
pub(super) fn dx_code(lower: &str) -> Option<&'static str> {
    kind_of("dx", lower)
}

/// Returns what a number of curl's errors stands for.
pub(super) fn curl_error(number: &str) -> Option<&'static str> {
    let mut names = LEXICON
        .order
        .iter()
        .filter_map(|name| Some((*name, name.strip_prefix("curl ")?)));
    let has = |name: &str| {
        section(name)
            .iter()
            .any(|line| line.split(' ').any(|own| own == number))
    };
    names.find(|(name, _)| has(name)).map(|(_, which)| which)
}

impl Lexicon {
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

/// Returns how a line is said. A client's own words are known by its name or its way to name
/// errors; people speak of themselves.
pub(super) fn strength(line: &str) -> Strength {
    const WINDOW: usize = 600;
    let mut end = line.len().min(WINDOW);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    let lower = lower(&line[..end]);
    // What stands behind a client's name is its own, such as “could not be resolved”.
    let own = section("client").iter().filter_map(|name| lower.find(name));
    let before = &lower[..own.min().unwrap_or(lower.len())];
    if has_word("conditional", before) || lower.trim_end().ends_with(['?', '？']) {
        return Strength::Example;
    }
    if has_word("person", before) || has_word("prose", &lower) && !says("client", &lower) {
        return Strength::Prose;
    }
    Strength::Client
}

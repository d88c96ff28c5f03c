//! The catalogue: what is known of each reason, read from the texts in the folder `catalogue`.
//!
//! A text has an entry for each reason, `== name`, made of lines that begin with a keyword; a line
//! that is set in far goes on with the one above. What is set in by two belongs to what stands
//! above it:
//!
//! - `means`: what happened, in one or two sentences, or what a name stands for;
//! - `result`: the headline; of several, the first whose conditions are known to hold. One below a
//!   cause is the headline if that cause is the likeliest and known to apply; it is not said twice;
//! - `dx`: what DX does, if that is more than its code;
//! - `remark`: what is said beneath the headline, if its conditions are known to hold;
//! - `cause`, with a `weight`, the higher the likelier, or `proves`: with its conditions known to
//!   hold it is this one and no other;
//! - `do`, with who has to do it: below the cause that it helps with, or for the reason as a whole;
//! - `ask`: what somebody who helps should ask next; `see`: where to read more;
//! - `use`: the lines of an entry that several reasons share, in this place; those of `always` end
//!   every entry;
//! - `say`: the words of a gap, in the entry `{gap}`, or a line of a report; of several, the first
//!   whose conditions are known to hold; in quotation marks, if they are empty or begin with a space;
//! - `status`: what a status, or those of a hundred, means at each step, with the reason that it leads
//!   to, if any;
//! - `if`: conditions of the line above, which all have to hold, see [`super::conditions`].
//!
//! What the keywords of `ci.txt` mean stands there. A line that begins with `#` is for its reader.
//!
//! Invariant: no sentence stands here, none is ever looked into, and nothing of a run is known.

use crate::verdict::Reason;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

/// The texts, each of which begins with an entry and ends with a line break.
const TEXT: &str = concat!(
    "\n",
    include_str!("catalogue/no_token.txt"),
    include_str!("catalogue/token.txt"),
    include_str!("catalogue/access.txt"),
    include_str!("catalogue/responses.txt"),
    include_str!("catalogue/network.txt"),
    include_str!("catalogue/pasted.txt"),
    include_str!("catalogue/verified.txt"),
    include_str!("catalogue/gaps.txt"),
    include_str!("catalogue/lines.txt"),
    include_str!("catalogue/statuses.txt"),
    include_str!("catalogue/ci.txt"),
);

/// What a line begins with that goes on with the one above.
const INDENT: &str = "          ";

/// A line with what belongs to it; an entry is one, too, which all its lines belong to.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// The keyword that it begins with.
    pub(super) word: &'static str,
    /// What stands behind that.
    pub(super) text: Cow<'static, str>,
    /// The conditions under which it is said, with commas between them.
    pub(super) conditions: Cow<'static, str>,
    /// What belongs to it, in the order of the text.
    pub(super) below: Vec<Line>,
}

/// All entries, by name: the text of each, and what was read of it, if it was asked for.
static ENTRIES: LazyLock<HashMap<&str, (&str, OnceLock<Line>)>> = LazyLock::new(|| {
    // Every run needs it: a search for one character is many times faster than one for several.
    let heads = TEXT.match_indices('=').map(|(at, _)| at);
    let heads = heads.filter(|at| TEXT[..*at].ends_with('\n'));
    let places: Vec<usize> = heads.chain([TEXT.len()]).collect();
    let entries = places.windows(2).map(|place| {
        let entry = TEXT[place[0]..place[1]].split_once('\n');
        let (head, text) = entry.unwrap_or_default();
        (head.trim_start_matches(['=', ' ']), (text, OnceLock::new()))
    });
    entries.collect()
});

/// Returns the entry with a name; an empty one, if there is none, or it can't be read, which a test
/// rules out. Each is read when it is first asked for: a run needs few of them.
pub(super) fn named(name: &str) -> &'static Line {
    static NONE: LazyLock<Line> = LazyLock::new(Line::default);
    match ENTRIES.get(name) {
        Some((_, entry)) => entry.get_or_init(|| read(name).unwrap_or_default()),
        None => &NONE,
    }
}

/// Returns what happened where there is a reason, in one or two sentences: the first line of its entry,
/// the rest of which is not read for that, since a list of all reasons has no use for it.
pub fn happened(reason: Reason) -> String {
    let text = ENTRIES.get(reason.as_str()).map_or("", |(text, _)| *text);
    let (first, rest) = text.split_once('\n').unwrap_or_default();
    let more = rest.lines().take_while(|line| line.starts_with(INDENT));
    let words = first.split_whitespace().skip(1);
    let words = words.chain(more.flat_map(str::split_whitespace));
    words.collect::<Vec<_>>().join(" ")
}

/// Returns what stands under a name of some kind, which is the same in every run.
pub fn words(kind: &str, name: &str) -> &'static str {
    named(&format!("{kind} {name}")).text("means")
}

impl Line {
    /// Returns the lines with a keyword that belong to it.
    pub(super) fn all(&self, word: &str) -> impl Iterator<Item = &Self> {
        self.below.iter().filter(move |line| line.word == word)
    }

    /// Returns the text of the first of these.
    pub(super) fn text(&self, word: &str) -> &str {
        self.all(word).next().map_or("", |line| &line.text)
    }

    /// Returns who has to do something, as the text names people, and what it is.
    pub(super) fn action(&self) -> (&str, &str) {
        self.text.split_once(": ").unwrap_or_default()
    }

    /// Returns the addresses where there is more to read.
    pub(super) fn links(&self) -> impl Iterator<Item = &'static str> {
        let names = self.all("see").flat_map(|line| line.text.split(", "));
        names.map(|name| words("link", name))
    }
}

/// Reads an entry.
///
/// # Errors
/// Returns what is wrong with the text, with the line.
fn read(name: &str) -> Result<Line, String> {
    let mut entry = Line::default();
    let (text, _) = ENTRIES.get(name).ok_or("no such entry")?;
    let is_reason = name == "verified" || Reason::named(name).is_some();
    let last = is_reason.then_some("use always");
    let mut lines = text.lines().chain(last).peekable();
    while let Some(line) = lines.next() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = || format!("{name}: {line}");
        let (word, text) = line.trim_start().split_once(' ').ok_or_else(wrong)?;
        let text = text.trim_start();
        let quoted = text.strip_prefix('"');
        let quoted = quoted.and_then(|text| text.strip_suffix('"'));
        let mut text = Cow::from(quoted.unwrap_or(text));
        while let Some(more) = lines.next_if(|next| next.starts_with(INDENT)) {
            text = text + " " + &more[INDENT.len()..];
        }
        let last = entry.below.last_mut();
        match word {
            "use" => entry.below.extend_from_slice(&named(&text).below),
            "if" => {
                let last = last.ok_or_else(wrong)?;
                let of = match last.below.len() {
                    0 => last,
                    count => &mut last.below[count - 1],
                };
                of.conditions = text;
            }
            word => {
                let place = match line.strip_prefix(' ') {
                    Some(_) => &mut last.ok_or_else(wrong)?.below,
                    None => &mut entry.below,
                };
                place.push(Line {
                    word,
                    text,
                    ..Line::default()
                });
            }
        }
    }
    Ok(entry)
}

#[cfg(test)]
mod tests;

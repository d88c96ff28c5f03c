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
//! - `if`: conditions of the line above, which all have to hold, see [`Condition`].
//!
//! What the keywords of `ci.txt` mean stands there. A line that begins with `#` is for its reader.
//!
//! Invariant: no sentence stands here, none is ever looked into, and nothing of a run is known.

use crate::verdict::Reason;
use std::collections::{BTreeMap, HashMap};
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

/// What stands between a line and the one that it goes on with.
const INDENT: &str = "\n          ";

/// A line with what belongs to it; an entry is one, too, which all its lines belong to.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The keyword that it begins with.
    pub(super) word: String,
    /// What stands behind that.
    pub(super) text: String,
    /// The conditions under which it is said.
    pub(super) conditions: Vec<Condition>,
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
        (head.trim_start_matches("== "), (text, OnceLock::new()))
    });
    entries.collect()
});

/// Returns what is known of a reason, or of a verified token.
pub(super) fn entry(reason: Option<Reason>) -> &'static Line {
    named(reason.map_or("verified", Reason::as_str))
}

/// Returns the entry with a name; an empty one, if there is none, or it can't be read, which a test
/// rules out. Each is read when it is first asked for: a run needs few of them.
pub(super) fn named(name: &str) -> &'static Line {
    static NONE: LazyLock<Line> = LazyLock::new(Line::default);
    match ENTRIES.get(name) {
        Some((_, entry)) => entry.get_or_init(|| read(name).unwrap_or_default()),
        None => &NONE,
    }
}

/// Returns what stands under a name, which is the same in every run.
pub(super) fn words(name: &str) -> &'static str {
    named(name).text("means")
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

    /// Says what its conditions ask for.
    pub(super) fn condition(&self) -> String {
        let words: Vec<String> = self.conditions.iter().map(Condition::words).collect();
        words.join("; ")
    }

    /// Returns who has to do something, as the text names people, and what it is.
    pub(super) fn action(&self) -> (&str, &str) {
        self.text.split_once(": ").unwrap_or_default()
    }

    /// Returns the addresses where there is more to read.
    pub(super) fn links(&self) -> Vec<&'static str> {
        let names = self.all("see").flat_map(|line| line.text.split(", "));
        names.map(|name| words(&format!("link {name}"))).collect()
    }

    /// Adds the lines of another entry.
    ///
    /// # Errors
    /// Returns what is wrong with the text, with the line.
    fn add(&mut self, name: &str) -> Result<(), String> {
        let (text, _) = ENTRIES.get(name).ok_or("no such entry")?;
        let text = text.replace(INDENT, " ");
        let is_line = |line: &&str| !line.is_empty() && !line.starts_with('#');
        for line in text.lines().filter(is_line) {
            let wrong = || format!("{name}: {line}");
            let (word, text) = line.trim_start().split_once(' ').ok_or_else(wrong)?;
            let text = text.trim_start();
            let quoted = text.strip_prefix('"');
            let quoted = quoted.and_then(|text| text.strip_suffix('"'));
            let text = quoted.unwrap_or(text);
            let last = self.below.last_mut();
            match word {
                "use" => self.add(text)?,
                "if" => {
                    let last = last.ok_or_else(wrong)?;
                    let of = match last.below.len() {
                        0 => last,
                        count => &mut last.below[count - 1],
                    };
                    of.conditions = text.split(", ").map(Condition::read).collect();
                }
                word => {
                    let place = match line.strip_prefix(' ') {
                        Some(_) => &mut last.ok_or_else(wrong)?.below,
                        None => &mut self.below,
                    };
                    place.push(Self {
                        word: word.to_owned(),
                        text: text.to_owned(),
                        ..Self::default()
                    });
                }
            }
        }
        Ok(())
    }
}

/// One condition: a fact's name (`disabled`), with `not` in front for its opposite, and behind it what
/// it is asked for, if it has several forms (`fault dns|refused`: one of these). With `surely` in front,
/// what is not known counts as not so.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) name: String,
    /// What it is asked for, several forms with a `|` between them; may be empty.
    pub(super) of: String,
    pub(super) is_not: bool,
    pub(super) is_sure: bool,
}

impl Condition {
    /// Reads a condition.
    pub(super) fn read(text: &str) -> Self {
        let rest = text.trim_start_matches("surely ");
        let bare = rest.trim_start_matches("not ");
        let (name, of) = bare.split_once(' ').unwrap_or((bare, ""));
        Self {
            name: name.to_owned(),
            of: of.to_owned(),
            is_not: bare != rest,
            is_sure: rest != text,
        }
    }

    /// Says what it asks for.
    pub(super) fn words(&self) -> String {
        static WORDS: LazyLock<BTreeMap<&str, &str>> = LazyLock::new(|| {
            let lines = include_str!("catalogue/facts.txt").lines();
            lines.filter_map(|line| line.split_once(" | ")).collect()
        });
        let form = format!("{} {}", self.name, self.of);
        let words = WORDS.get(&*form).or(WORDS.get(&*self.name));
        let words = words.and_then(|words| words.split_once(" | "));
        let (yes, no) = words.unwrap_or_default();
        let words = if self.is_not { no } else { yes };
        words.replace("{}", &self.of.replace('|', " or ").replace('_', " "))
    }
}

/// Reads an entry.
///
/// # Errors
/// Returns what is wrong with the text, with the line.
fn read(name: &str) -> Result<Line, String> {
    let mut entry = Line::default();
    entry.add(name)?;
    if name == "verified" || Reason::named(name).is_some() {
        entry.add("always")?;
    }
    Ok(entry)
}

#[cfg(test)]
mod tests;

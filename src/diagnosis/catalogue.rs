//! The catalogue: what is known of each reason, read from the texts in the folder `catalogue`.
//!
//! A text has an entry for each reason, `== name`, made of lines that begin with a keyword; a line
//! that is set in far goes on with the one above. What is set in by two belongs to what stands
//! above it:
//!
//! - `means`: what happened, in one or two sentences;
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
//! - `if`: conditions of the line above, which all have to hold, see [`super::conditions`].
//!
//! Invariant: no sentence and no condition stands here, and no sentence is ever looked into.

use super::conditions::{Condition, holds};
use super::facts::Facts;
use crate::verdict::Reason;
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
);

/// How far a line that goes on with the one above is set in, at least.
const INDENT: &str = "          ";

/// What is known of one reason.
#[derive(Default)]
pub(super) struct Entry {
    /// What happened, in one or two sentences.
    pub(super) means: String,
    /// The headlines.
    pub(super) results: Vec<Sentence>,
    /// What DX does.
    pub(super) dx: Vec<Sentence>,
    /// What is said beneath the headline.
    pub(super) remarks: Vec<Sentence>,
    /// The causes, in the order of the text.
    pub(super) causes: Vec<Cause>,
    /// The actions, in the order in which they are shown.
    pub(super) actions: Vec<Action>,
    /// What somebody who helps should ask next, the most telling question first.
    pub(super) questions: Vec<String>,
    /// Where to read more.
    pub(super) links: Vec<&'static str>,
}

/// A sentence with gaps, and the conditions under which it is said.
#[derive(Default)]
pub(super) struct Sentence {
    /// The sentence.
    pub(super) text: String,
    /// The conditions.
    pub(super) conditions: Vec<Condition>,
}

impl Sentence {
    /// Tells whether it has the cause in it.
    pub(super) fn says_cause(&self) -> bool {
        self.text.contains("{cause}")
    }
}

/// One cause.
#[derive(Default)]
pub(super) struct Cause {
    /// Its place among those of the reason.
    pub(super) at: usize,
    /// The sentence, and the conditions under which it applies.
    pub(super) sentence: Sentence,
    /// The higher, the likelier.
    pub(super) weight: u8,
    /// Whether its conditions prove it.
    pub(super) proves: bool,
    /// The headline, if it is the likeliest cause and known to apply.
    pub(super) result: Option<String>,
}

/// One action.
pub(super) struct Action {
    /// The sentence, and the conditions under which it has a point.
    pub(super) sentence: Sentence,
    /// The name of who has to do it.
    pub(super) who: String,
    /// The index of the cause that it helps with; none if it is for the reason as a whole.
    pub(super) cause: Option<usize>,
}

/// All entries, by name: the text of each, and what was read of it, if it was asked for.
static ENTRIES: LazyLock<HashMap<&str, (&str, OnceLock<Entry>)>> = LazyLock::new(|| {
    // A search for one character is many times faster than one for several.
    let ends = TEXT.match_indices('\n').map(|(at, _)| at);
    let heads = ends.filter(|at| TEXT[*at..].starts_with("\n== "));
    let places: Vec<usize> = heads.chain([TEXT.len()]).collect();
    let entries = places.windows(2).map(|place| &TEXT[place[0]..place[1]]);
    let entries = entries.filter_map(|entry| entry.strip_prefix("\n== ")?.split_once('\n'));
    let entries = entries.map(|(name, text)| (name, (text, OnceLock::new())));
    entries.collect()
});

/// Returns what is known of a reason, or of a verified token.
pub(super) fn entry(reason: Option<Reason>) -> &'static Entry {
    static NONE: LazyLock<Entry> = LazyLock::new(Entry::default);
    named(reason.map_or("verified", Reason::as_str)).unwrap_or(&NONE)
}

/// Returns the entry with a name. One that can't be read, which a test rules out, is empty. Each is
/// read when it is first asked for: a run needs few of them.
pub(super) fn named(name: &str) -> Option<&'static Entry> {
    let (_, entry) = ENTRIES.get(name)?;
    Some(entry.get_or_init(|| read(name).unwrap_or_default()))
}

impl Entry {
    /// Returns the causes that a run has not ruled out, likeliest first; one if it is proved.
    pub(super) fn causes_left(&self, facts: &Facts) -> Vec<&Cause> {
        let mut left = Vec::new();
        for cause in &self.causes {
            match holds(&cause.sentence.conditions, facts) {
                Some(false) => {}
                Some(true) if cause.proves => return vec![cause],
                Some(true) | None => left.push(cause),
            }
        }
        left.sort_by_key(|cause| std::cmp::Reverse(cause.weight));
        left
    }

    /// Returns the actions that have a point with these causes, each once.
    pub(super) fn actions_left(&self, facts: &Facts, causes: &[&Cause]) -> Vec<&Action> {
        let is_left = |at: usize| causes.iter().any(|cause| cause.at == at);
        let mut left: Vec<&Action> = Vec::new();
        for action in &self.actions {
            let text = &action.sentence.text;
            if action.cause.is_none_or(is_left)
                && holds(&action.sentence.conditions, facts) != Some(false)
                && left.iter().all(|other| other.sentence.text != *text)
            {
                left.push(action);
            }
        }
        left
    }
}

/// Returns the first sentence whose conditions are known to hold.
pub(super) fn first<'a>(sentences: &'a [Sentence], facts: &Facts) -> Option<&'a Sentence> {
    let mut sentences = sentences.iter();
    sentences.find(|sentence| holds(&sentence.conditions, facts) == Some(true))
}

/// Returns the lines of an entry without its name, each with those that go on with it.
fn lines_of(name: &str) -> Option<Vec<String>> {
    let (text, _) = ENTRIES.get(name)?;
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        match lines.last_mut() {
            Some(last) if line.starts_with(INDENT) => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ => lines.push(line.to_owned()),
        }
    }
    Some(lines)
}

/// Reads an entry.
///
/// # Errors
/// Returns what is wrong with the text, with the line.
fn read(name: &str) -> Result<Entry, String> {
    let mut entry = Entry::default();
    add(&mut entry, name)?;
    if name == "verified" || Reason::named(name).is_some() {
        add(&mut entry, "always")?;
    }
    Ok(entry)
}

fn add(entry: &mut Entry, name: &str) -> Result<(), String> {
    let lines = lines_of(name).ok_or_else(|| format!("no entry {name}"))?;
    let mut lines = lines.iter().peekable();
    while let Some(line) = lines.next() {
        let wrong = || format!("{name}: {line}");
        let is_below_cause = line.starts_with(' ');
        let (keyword, rest) = line.trim_start().split_once(' ').ok_or_else(wrong)?;
        let rest = rest.trim_start();
        let quoted = rest
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        let rest = quoted.unwrap_or(rest);
        let mut conditions = Vec::new();
        let below = lines.next_if(|line| line.trim_start().starts_with("if "));
        let below = below.and_then(|line| line.trim_start().strip_prefix("if "));
        for text in below
            .into_iter()
            .flat_map(|texts| texts.trim_start().split(", "))
        {
            conditions.push(Condition::read(text).ok_or_else(wrong)?);
        }
        let sentence = |text: &str| Sentence {
            text: text.to_owned(),
            conditions,
        };
        let cause = entry.causes.len().checked_sub(1).filter(|_| is_below_cause);
        match (keyword, cause) {
            ("means", None) => rest.clone_into(&mut entry.means),
            ("ask", None) => entry.questions.push(rest.to_owned()),
            ("see", None) => {
                for name in rest.split(", ") {
                    entry.links.push(link(name).ok_or_else(wrong)?);
                }
            }
            ("use", None) => add(entry, rest)?,
            ("result" | "say", None) => entry.results.push(sentence(rest)),
            ("dx", None) => entry.dx.push(sentence(rest)),
            ("remark", None) => entry.remarks.push(sentence(rest)),
            ("cause", None) => entry.causes.push(Cause {
                at: entry.causes.len(),
                sentence: sentence(rest),
                ..Cause::default()
            }),
            ("do", cause) => {
                let (who, text) = rest.split_once(": ").ok_or_else(wrong)?;
                entry.actions.push(Action {
                    sentence: sentence(text),
                    who: who.to_owned(),
                    cause,
                });
            }
            ("weight" | "proves", Some(at)) => {
                let cause = &mut entry.causes[at];
                cause.weight = rest.parse().map_err(|_| wrong())?;
                cause.proves = keyword == "proves";
            }
            ("result", Some(at)) => entry.causes[at].result = Some(rest.to_owned()),
            _ => return Err(wrong()),
        }
    }
    Ok(())
}

/// DX's page on the Bitrise connector.
pub const DX_PAGE: &str = "https://docs.getdx.com/connectors/bitrise/";

/// The pages that a text may name.
const LINKS: &[(&str, &str)] = &[
    ("dx", DX_PAGE),
    ("allowlist", "https://docs.getdx.com/allowlisting-dx/"),
    (
        "workspace_token",
        "https://docs.bitrise.io/en/bitrise-platform/workspaces/workspace-api-token.html",
    ),
    (
        "authentication",
        "https://docs.bitrise.io/en/bitrise-ci/api/authenticating-with-the-bitrise-api",
    ),
];

fn link(name: &str) -> Option<&'static str> {
    let mut links = LINKS.iter();
    links.find_map(|(known, url)| (*known == name).then_some(*url))
}

#[cfg(test)]
mod tests;

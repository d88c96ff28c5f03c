//! The pages of `explain`: what a report may say, with the conditions under which it does.

use super::catalogue::{Line, named, words};
use super::conditions::is_status;
use super::facts::Facts;
use super::result::who;
use super::sentence::fill;
use crate::text::Text;
use crate::verdict::{Reason, Verdict};

/// Returns the lists on the page of a reason, with their headings: every cause with the condition
/// under which it applies, every action that needs no special case, with who has to do it and the
/// condition under which it has a point, what somebody who helps should ask next, and where to read
/// more.
pub fn page(reason: Reason) -> [(&'static str, Vec<Text>); 4] {
    let facts = Facts {
        reason: Some(reason),
        ..Facts::default()
    };
    let entry = named(reason.as_str());
    let noted = |text: &str, note: String| match note.as_str() {
        "" => fill(text, &facts).capitalized(),
        note => fill(text, &facts).capitalized().then(format!(" [{note}]")),
    };
    let when = |line: &Line| {
        let words: Vec<String> = line.conditions().map(|one| one.words()).collect();
        words.join("; ")
    };
    let cause = |cause: &Line| noted(&cause.text, when(cause));
    let action = |action: &Line| {
        let (who, when) = (who(action, &facts)?.0.as_str(), when(action));
        let known = [who, &when].into_iter().filter(|part| !part.is_empty());
        let note = known.collect::<Vec<_>>().join(", if ");
        Some(noted(action.action().1, note))
    };
    let actions = entry.actions_left(&facts, &entry.causes_left(&facts));
    let actions = actions.into_iter().filter_map(action).collect();
    let questions = entry.all("ask").map(|ask| Text::from(&*ask.text));
    [
        ("Causes", entry.all("cause").map(cause).collect()),
        ("What to do, and who", actions),
        ("What to ask next", questions.collect()),
        ("More", entry.links().map(Text::from).collect()),
    ]
}

/// What a status means at one step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StatusLine {
    /// The step, in words.
    pub step: &'static str,
    /// The reason that it leads to, if any.
    pub reason: Option<Reason>,
    /// What it means there.
    pub meaning: &'static str,
}

/// Returns what a status means at each step, as [`crate::classify`] reads it; nothing if the number
/// is no status.
pub fn status(status: u16) -> Vec<StatusLine> {
    let status = status.to_string();
    let is_it = |line: &&Line| line.text.split('|').any(|named| is_status(&status, named));
    let mut all = named("statuses").all("status");
    let steps = all.find(is_it).into_iter().flat_map(|line| &line.below);
    let step = |line: &'static Line| StatusLine {
        step: words("step", line.word),
        reason: Reason::named(line.action().0),
        meaning: line.action().1,
    };
    steps.map(step).collect()
}

/// Returns the codes that there is a page for, apart from the HTTP statuses.
pub fn codes() -> impl Iterator<Item = &'static str> {
    let verdicts = Verdict::ALL.iter().map(|verdict| verdict.as_str());
    verdicts.chain(Reason::ALL.iter().map(|reason| reason.as_str()))
}

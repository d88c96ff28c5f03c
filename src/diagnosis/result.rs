//! What is left of a reason's entry after a run, and the first block: the answer in one sentence, and
//! who has to act.

use super::Who;
use super::catalogue::{Line, words};
use super::facts::Facts;
use super::sentence::{fill, said, say};
use crate::text::Text;
use std::cmp::Reverse;

impl Line {
    /// Returns the causes that a run has not ruled out, likeliest first; one if it is proved.
    pub(super) fn causes_left(&self, facts: &Facts) -> Vec<&Self> {
        let mut left = Vec::new();
        for cause in self.all("cause") {
            match cause.holds(facts) {
                Some(false) => {}
                Some(true) if !cause.text("proves").is_empty() => return vec![cause],
                Some(true) | None => left.push(cause),
            }
        }
        // After a run, what is known to apply comes before what is open.
        let is_open = |cause: &Self| facts.report.is_some() && cause.holds(facts).is_none();
        let weight = |cause: &Self| {
            let weight = cause.all("weight").chain(cause.all("proves")).next();
            weight.and_then(|line| line.text.parse::<u8>().ok())
        };
        left.sort_by_key(|cause| (is_open(cause), Reverse(weight(cause))));
        left
    }

    /// Returns the actions that have a point with these causes, each once.
    pub(super) fn actions_left(&self, facts: &Facts, causes: &[&Self]) -> Vec<&Self> {
        let mut left: Vec<&Self> = Vec::new();
        let all = self.below.iter().flat_map(|line| {
            let is_left = causes.iter().any(|cause| std::ptr::eq(*cause, line));
            let of_cause = if is_left { &*line.below } else { &[] };
            [line].into_iter().chain(of_cause)
        });
        for action in all.filter(|line| line.word == "do" && line.holds(facts) != Some(false)) {
            let mut others = left.iter();
            if others.all(|other| other.action().1 != action.action().1) {
                left.push(action);
            }
        }
        left
    }
}

/// Returns the answer in one sentence, or two, and whether that says the likeliest cause, too.
pub(super) fn result(entry: &Line, causes: &[&Line], facts: &Facts) -> (Text, bool) {
    let likeliest = causes
        .first()
        .filter(|cause| cause.holds(facts) == Some(true));
    let of_cause = likeliest.and_then(|cause| cause.all("result").next());
    let of_entry = entry.first("result", facts);
    let text = of_cause.or(of_entry);
    let text = text.map_or(entry.text("means"), |line| &line.text);
    let text = fill(text, facts).capitalized();
    let is_said = (causes.len() == 1 && of_cause.is_some())
        || (facts.cause.is_some() && of_entry.is_some_and(|line| line.text.contains("{cause}")));
    (text.then(say("rest_of_result", facts)), is_said)
}

/// Returns who has to do something, with the words for it; nothing if the texts name nobody.
pub(super) fn who(action: &Line, facts: &Facts) -> Option<(Who, Text)> {
    let name = match action.action().0 {
        "ci" => facts.ci()?.all("do").next()?.action().0,
        name => name,
    };
    let who = Who::named(name).or(Who::named(words("who", name)))?;
    let is_customer = who == Who::You && facts.is_told;
    let who = if is_customer { Who::Customer } else { who };
    Some((who, said(&format!("who {name}"), facts)?))
}

/// Returns what is to be done, in order. A step that is not for whoever does the one before begins
/// with whom it is for.
pub(super) fn actions(actions: &[&Line], facts: &Facts) -> Vec<Text> {
    let mut before = None;
    let step = |action: &&Line| {
        let (name, text) = action.action();
        let text = fill(text, facts).capitalized();
        // Whoever waits does the rest, too.
        let person = said(&format!("by {name}"), facts).unwrap_or_else(|| say("by you", facts));
        match before.replace(person.clone()) {
            Some(before) if before != person => person.capitalized().then(": ").then(text),
            _ => text,
        }
    };
    actions.iter().map(step).collect()
}

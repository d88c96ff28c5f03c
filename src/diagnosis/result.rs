//! What is left of a reason's entry after a run, and the first block: the answer in one sentence, and
//! who has to act.

use super::Who;
use super::catalogue::{Line, words};
use super::facts::Facts;
use super::sentence::{fill, said, say, spoken};
use crate::text::Text;
use std::cmp::Reverse;

impl Line {
    /// Returns how likely a cause is.
    pub(super) fn weight(&self) -> u8 {
        let weight = self.all("weight").chain(self.all("proves")).next();
        weight.map_or(0, |line| line.text.parse().unwrap_or_default())
    }

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
        left.sort_by_key(|cause| (is_open(cause), Reverse(cause.weight())));
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

/// Returns the answer in one sentence, or two.
pub(super) fn result(entry: &Line, causes: &[&Line], facts: &Facts) -> Text {
    let of_cause = headline(causes, facts).map(|text| fill(text, facts));
    let text = of_cause.or_else(|| spoken(entry, "result", facts));
    let text = text
        .unwrap_or_else(|| fill(entry.text("means"), facts))
        .capitalized();
    text.then(say("rest_of_result", facts))
}

/// Returns who has to do something, with the words for it; nothing if the texts name nobody.
pub(super) fn who(action: &Line, facts: &Facts) -> Option<(Who, Text)> {
    let name = match action.action().0 {
        "ci" => facts.ci()?.text("do").split_once(": ")?.0,
        name => name,
    };
    let who = Who::named(name).or(Who::named(words(&format!("who {name}"))))?;
    let is_customer = who == Who::You && facts.is_told();
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
            Some(before) if before != person => person.capitalized().own(": ").then(text),
            _ => text,
        }
    };
    actions.iter().map(step).collect()
}

/// Returns the headline of the likeliest cause, if it has one and is known to apply.
fn headline<'a>(causes: &[&'a Line], facts: &Facts) -> Option<&'a str> {
    let first = causes.first()?;
    let is_known = first.holds(facts) == Some(true);
    let result = first.all("result").next().filter(|_| is_known)?;
    Some(&result.text)
}

/// Returns how many causes, the likeliest first, need no saying after the result.
pub(super) fn said_causes(entry: &Line, causes: &[&Line], facts: &Facts) -> usize {
    let result = entry.first("result", facts);
    let is_said = (causes.len() == 1 && headline(causes, facts).is_some())
        || (facts.cause.is_some() && result.is_some_and(|result| result.text.contains("{cause}")));
    usize::from(is_said)
}

//! Sentences with gaps: `{app}` is filled with a value of the run, or else with words of
//! `catalogue/gaps.txt`; what stands between backquotes is a command.
//!
//! Invariant: a gap has words for a value that is not known, so that `explain` prints the same
//! sentences.

use super::catalogue::{Line, named};
use super::facts::Facts;
use super::values::value;
use crate::text::{Span, Text};

/// Fills a sentence's gaps.
pub(super) fn fill(sentence: &str, facts: &Facts) -> Text {
    let mut text = Text::default();
    for (at, part) in sentence.split('`').enumerate() {
        let (mut filled, mut rest) = (Text::default(), part);
        // A command's variable, as in ${NAME}, is none of the gaps.
        while let Some((before, (name, after))) =
            { rest.split_once('{') }.and_then(|(before, gap)| Some((before, gap.split_once('}')?)))
            && let Some(value) = gap(name, facts)
        {
            filled = filled.then(before).then(value);
            rest = after;
        }
        filled = filled.then(rest);
        if at % 2 == 0 {
            text = text.then(filled);
        } else if !part.is_empty() {
            text = text.then(Text::command(filled.to_string()));
        }
    }
    text
}

/// Returns what fills a gap; nothing if there is no such gap.
fn gap(name: &str, facts: &Facts) -> Option<Text> {
    Some(match name {
        "cause" => fill(facts.cause.unwrap_or_default(), facts),
        "ci_action" => fill(facts.ci()?.all("do").next()?.action().1, &Facts::default()),
        "commands" if !facts.commands.is_empty() => {
            let first = [say("enter_token", facts).to_string()].into_iter();
            let all = first.chain(facts.commands.iter().cloned());
            Text(all.map(Span::Block).collect())
        }
        "ci_cause" => fill(facts.ci()?.text("cause"), &Facts::default()),
        name => value(name, facts).or_else(|| {
            let entry = named(&format!("{{{name}}}"));
            entry.below.first()?;
            Some(spoken(entry, "say", facts).unwrap_or_default())
        })?,
    })
}

/// Says the first line with a keyword whose conditions are known to hold.
pub(super) fn spoken(entry: &Line, word: &str, facts: &Facts) -> Option<Text> {
    Some(fill(&entry.first(word, facts)?.text, facts))
}

/// Says what the catalogue has under a name.
pub(super) fn say(name: &str, facts: &Facts) -> Text {
    spoken(named(name), "say", facts).unwrap_or_default()
}

/// Says it, unless there is nothing to say.
pub(super) fn said(name: &str, facts: &Facts) -> Option<Text> {
    Some(say(name, facts)).filter(|text| !text.0.is_empty())
}

/// Says all remarks of an entry whose conditions are known to hold.
pub(super) fn list(entry: &Line, facts: &Facts) -> Vec<Text> {
    let said = { entry.all("remark") }.filter(|line| line.holds(facts) == Some(true));
    said.map(|line| fill(&line.text, facts)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_gap_stays() {
        let text = fill("`a {status_page}` {x} {app", &Facts::default());
        assert_eq!(text.to_string(), "a https://status.bitrise.io {x} {app");
    }
}

//! What the facts and the gaps of pasted text are made of.
//!
//! Invariant: a gap has words for what is not known; the sentences stand in the catalogue.

use super::facts::Facts;
use crate::check::{Check, CheckId, CheckResult};
use crate::pasted::{Incomplete, PastedStep, Secret};
use crate::text::Text;
use crate::verdict::{Reason, Verdict};

/// What stands in a command in place of a slug that is not known.
pub(super) const SLUG: &str = "YOUR_APP_SLUG";

/// Tells whether a check that was not made belongs to a run of this program, and not to what a text
/// may show.
pub(super) const fn is_of_run(check: &Check) -> bool {
    matches!(check.id, CheckId::TokenFormat | CheckId::PipelinesShow)
        && matches!(check.result, CheckResult::Skipped)
}

impl<'a> Facts<'a> {
    /// Returns why the text does not decide, if that is what decided.
    pub(super) fn incomplete(&self) -> Option<Incomplete> {
        let is_reason = self.reason == Some(Reason::EvidenceIncomplete);
        self.pasted?.incomplete.filter(|_| is_reason)
    }

    /// Returns the secrets that stand in the text.
    pub(super) fn secrets(&self) -> &'a [Secret] {
        self.pasted.map_or(&[], |pasted| &pasted.secrets)
    }
}

/// Returns a response as it is named in a sentence.
pub(super) fn status_and_words(step: &PastedStep) -> Option<Text> {
    let text = Text::from(step.status?.to_string());
    Some(match &step.message {
        Some(words) => text.own(" “").foreign(words).own("”"),
        None => text,
    })
}

/// Returns the responses that are shown, of one step or of all, as in “200 and 403 “Forbidden””.
pub(super) fn seen(facts: &Facts, of: Option<CheckId>) -> Option<Text> {
    let mut seen: Vec<Text> = Vec::new();
    let found = facts.pasted?.found.iter();
    let found = found.filter(|step| of.is_none() || step.step == of);
    for step in found.filter_map(status_and_words) {
        if !seen.contains(&step) {
            seen.push(step);
        }
    }
    (!seen.is_empty()).then(|| listed(seen))
}

/// Joins texts, the last one behind words of its own, as in “A, B and C”.
pub(super) fn joined(texts: Vec<Text>, between: &str, before_last: &str) -> Text {
    let last = texts.len().saturating_sub(1);
    let texts = texts.into_iter().enumerate();
    texts.fold(Text::default(), |all, (at, text)| {
        let between = match at {
            0 => "",
            at if at == last => before_last,
            _ => between,
        };
        all.own(between).then(text)
    })
}

/// Joins texts as in “A, B and C”.
pub(super) fn listed(texts: Vec<Text>) -> Text {
    joined(texts, ", ", " and ")
}

/// Returns what the statuses that sentences tell, or else those that are shown, mean if Bitrise answered
/// so.
pub(super) fn told(facts: &Facts) -> Option<Verdict> {
    let pasted = facts.pasted?;
    let shown = { pasted.found.iter() }.filter_map(|step| Some((step.step, step.status?)));
    let told: Vec<_> = match &pasted.told {
        told if told.is_empty() => shown.collect(),
        told => told.clone(),
    };
    if !told.is_empty() && told.iter().all(|(_, status)| *status == 200) {
        return Some(Verdict::Verified);
    }
    let verdict = |(step, status)| match (step, status) {
        (Some(CheckId::AppsList | CheckId::AppsRecheck) | None, 401) => {
            Some(Verdict::InvalidCredentials)
        }
        (Some(CheckId::AppsList | CheckId::PipelinesList) | None, 403)
        | (Some(CheckId::PipelinesList), 404) => Some(Verdict::InvalidPermissions),
        _ => None,
    };
    let verdicts = told.into_iter().filter_map(verdict);
    verdicts.max_by_key(|verdict| verdict.rank())
}

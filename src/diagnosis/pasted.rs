//! The facts and the gaps of pasted text.
//!
//! Invariant: a gap has words for what is not known; the sentences stand in the catalogue.

use super::catalogue::words;
use super::facts::{Facts, host_of};
use crate::check::{Check, CheckId, CheckResult};
use crate::exchange::is_bitrise;
use crate::pasted::{Incomplete, Outcome, PastedStep, Secret};
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

    /// Returns what the text shows of the steps, each response that a later one replaced left out.
    fn found(&self) -> impl Iterator<Item = &'a PastedStep> {
        let found = self.pasted.map_or(&[][..], |pasted| &pasted.found);
        found.iter().filter(|step| !step.is_superseded)
    }

    /// Returns what the text shows of a response that is of no known step.
    pub(super) fn seen_of_no_step(&self) -> Option<Text> {
        if !matches!(self.incomplete()?, Incomplete::StepUnknown { .. }) {
            return None;
        }
        let step = self.found().filter(|step| step.step.is_none()).last()?;
        status_and_words(step)
    }

    /// Tells whether the status of a response stands nowhere in the text, and its body told it.
    pub(super) fn is_told_by_body(&self, check: &Check) -> bool {
        let id = match check.id {
            CheckId::AppsRecheck => CheckId::AppsList,
            id => id,
        };
        let url = check.exchange.as_ref().map(|exchange| &exchange.url);
        let is_this = |step: &&PastedStep| {
            step.step == Some(id) && step.url.as_ref().is_none_or(|own| Some(own) == url)
        };
        let last = self.found().filter(is_this).last();
        last.is_some_and(|step| step.is_inferred)
    }
}

fn status_and_words(step: &PastedStep) -> Option<Text> {
    let text = Text::from(step.status?.to_string());
    Some(match &step.message {
        Some(words) => text.own(" “").foreign(words).own("”"),
        None => text,
    })
}

/// Returns the responses that are shown, of one step or of all, as in “200 and 403 “Forbidden””.
pub(super) fn seen(facts: &Facts, of: Option<CheckId>) -> Option<Text> {
    let mut seen: Vec<Text> = Vec::new();
    let found = facts.found().filter(|step| of.is_none() || step.step == of);
    for step in found.filter_map(status_and_words) {
        if !seen.contains(&step) {
            seen.push(step);
        }
    }
    (!seen.is_empty()).then(|| listed(seen))
}

/// Joins texts, the last one behind words of its own, as in “A, B and C”.
pub(super) fn joined(texts: Vec<Text>, between: &str, before_last: &str) -> Text {
    let count = texts.len();
    let mut all = Text::default();
    for (number, text) in (1..).zip(texts) {
        all = all.own(match number {
            1 => "",
            number if number == count => before_last,
            _ => between,
        });
        all = all.then(text);
    }
    all
}

/// Joins texts as in “A, B and C”.
pub(super) fn listed(texts: Vec<Text>) -> Text {
    joined(texts, ", ", " and ")
}

/// Returns the kinds of the secrets that stand in the text.
pub(super) fn secrets(facts: &Facts) -> Text {
    let one = |secret: &Secret| match secret {
        Secret::Bitrise(kind, fingerprint) => {
            let start = words(&format!("start {}", kind.as_str()));
            let behind = fingerprint.as_ref();
            let behind = behind.map_or_else(String::new, |text| format!(", fingerprint {text}"));
            format!("a Bitrise token ({start}{behind})")
        }
        Secret::Service(name, _) => format!("{name} token"),
        Secret::Proxy => "a proxy's password".to_owned(),
        Secret::Password => "a password".to_owned(),
        Secret::Session => "a browser's session (cookie)".to_owned(),
    };
    let secrets = facts.secrets().iter();
    listed(secrets.map(|secret| one(secret).into()).collect())
}

/// Returns the host that was asked in place of Bitrise's API.
pub(super) fn asked(facts: &Facts) -> Option<Text> {
    let mut urls = facts.found().filter_map(|step| step.url.as_deref());
    let url = urls.find(|url| !is_bitrise(url))?;
    Some(Text::default().command(host_of(url)?))
}

/// Returns the statuses that sentences tell, with their steps.
pub(super) fn told_statuses(facts: &Facts) -> Option<Text> {
    let one = |(step, status): &(Option<CheckId>, u16)| {
        let of = step.map_or("", |step| words(&format!("told {}", step.as_str())));
        format!("{status} {of}").trim_end().into()
    };
    let told = &facts.pasted?.told;
    (!told.is_empty()).then(|| listed(told.iter().map(one).collect()))
}

/// Returns the statuses that a sentence tells, or else those that are shown, with their steps.
fn told_or_shown(facts: &Facts) -> Vec<(Option<CheckId>, u16)> {
    match facts.pasted {
        Some(pasted) if !pasted.told.is_empty() => pasted.told.clone(),
        _ => { facts.found() }
            .filter_map(|step| Some((step.step, step.status?)))
            .collect(),
    }
}

/// Returns what these mean, if Bitrise answered so.
pub(super) fn told_verdict(facts: &Facts) -> Option<Verdict> {
    let verdict = |(step, status)| match (step, status) {
        (Some(CheckId::AppsList | CheckId::AppsRecheck) | None, 401) => {
            Some(Verdict::InvalidCredentials)
        }
        (Some(CheckId::AppsList | CheckId::PipelinesList) | None, 403)
        | (Some(CheckId::PipelinesList), 404) => Some(Verdict::InvalidPermissions),
        _ => None,
    };
    let verdicts = told_or_shown(facts).into_iter().filter_map(verdict);
    verdicts.max_by_key(|verdict| verdict.rank())
}

/// Tells whether all of them are successes.
pub(super) fn is_told_fine(facts: &Facts) -> bool {
    let told = told_or_shown(facts);
    !told.is_empty() && told.iter().all(|(_, status)| *status == 200)
}

/// Returns what an open response means as one to the list of apps, or to an app's pipelines.
pub(super) fn step(facts: &Facts, is_list: bool) -> Option<Result<(), Reason>> {
    let Incomplete::StepUnknown { apps, pipelines } = facts.incomplete()? else {
        return None;
    };
    let reason = if is_list { apps } else { pipelines };
    Some(reason.map_or(Ok(()), Err))
}

/// Returns what came of each of several credentials.
pub(super) fn outcomes(facts: &Facts) -> Option<Text> {
    let one = |outcome: &Outcome| {
        let name = match outcome.credential.raw() {
            "" => "another one".into(),
            _ => Text::default().foreign(&outcome.credential),
        };
        let verdict = outcome.reason.map_or(Verdict::Verified, Reason::verdict);
        let name = name
            .own(" ")
            .own(words(&format!("outcome {}", verdict.as_str())));
        let in_dx = if outcome.is_in_dx {
            ", and is in DX"
        } else {
            ""
        };
        name.own(in_dx)
    };
    let outcomes: Vec<Text> = facts.pasted?.outcomes.iter().map(one).collect();
    (!outcomes.is_empty()).then(|| joined(outcomes, "; ", "; "))
}

/// Returns the other services whose tokens stand in the text, with the places where such tokens are
/// revoked.
pub(super) fn services(facts: &Facts) -> Option<Text> {
    let services = facts.secrets().iter().filter_map(|secret| match secret {
        Secret::Service(name, place) => {
            // The table has them with their article.
            let (_, name) = name.split_once(' ')?;
            Some(match *place {
                "" => name.to_owned(),
                place => format!("{name} ({place})"),
            })
        }
        _ => None,
    });
    let services: Vec<String> = services.collect();
    (!services.is_empty()).then(|| services.join(" and ").into())
}

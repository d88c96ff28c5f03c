//! The exchanges of one credential in one message, judged as a run would have judged them.
//!
//! Which of them counts is asked for each of a run's questions: what was answered to the list of
//! apps, to the pipelines of this app, to one of its runs? The last one that tells something does.
//! These go the way of a run's, through [`crate::classify`] into an [`Assembly`]. A response that tells
//! nothing, and one that is absent where it would decide, is [`Reason::EvidenceIncomplete`].

use super::observed::Observed;
use super::request::is_hidden;
use super::secrets::Secrets;
use crate::app::Slug;
use crate::check::{Check, CheckId};
use crate::classify;
use crate::exchange::Body;
use crate::pasted::{Incomplete, Mistake, PastedFacts};
use crate::report::{Assembly, Report, RunOptions, Selection};
use crate::verdict::{Reason, Verdict};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// A replay in progress.
struct Replay<'r, 'a> {
    group: &'r [&'r Observed<'a>],
    secrets: &'r Secrets,
    assembly: Assembly,
    incomplete: Option<Incomplete>,
    /// The place of the last list of apps, if it was read and none was refused with a 401.
    settling: Option<usize>,
}

/// Judges the exchanges of one credential, in the order in which they were made.
pub(super) fn replay(group: &[&Observed<'_>], secrets: &Secrets, mut report: Report) -> Report {
    let details = group
        .iter()
        .any(|one| one.step == Some(CheckId::PipelinesShow));
    let mut replay = Replay {
        group,
        secrets,
        assembly: Assembly::new(RunOptions {
            selection: Selection::Named,
            details,
            timeout: None,
        }),
        incomplete: None,
        settling: None,
    };
    if replay.list() {
        for id in [CheckId::PipelinesList, CheckId::PipelinesShow] {
            // Of each app the response that counts.
            let tries = (0..group.len()).filter(|place| group[*place].step == Some(id));
            let tries = grouped(tries.map(|place| (replay.slug(place), place))).into_iter();
            let last = tries.filter_map(|(slug, tries)| Some((slug, replay.last(id, &tries)?)));
            let last: Vec<_> = last.collect();
            // A slug that was never filled in is of no app, once another one was.
            let is_slip = |place: usize| {
                let is_open = group[place].mistakes.contains(&Mistake::SlugPlaceholder);
                is_open && group[place].tells(id).is_err()
            };
            let has_app = !last.iter().all(|(_, place)| is_slip(*place));
            for (slug, place) in last {
                if has_app && is_slip(place) {
                    group[place].is_superseded.set(true);
                } else {
                    replay.take(id, slug.as_ref(), place);
                }
            }
        }
    }
    report.options.details = details;
    replay.finish(report)
}

impl Replay<'_, '_> {
    /// Returns the last one that tells something, or else the last one, of several responses to the
    /// same question.
    fn last(&self, id: CheckId, tries: &[usize]) -> Option<usize> {
        let tells = |place: &&usize| self.group[**place].tells(id).is_ok();
        let last = *tries.iter().rfind(tells).or(tries.last())?;
        for place in tries {
            self.group[*place].is_superseded.set(*place != last);
        }
        Some(last)
    }

    /// Takes the list of apps, and tells whether a run would have gone on.
    fn list(&mut self) -> bool {
        let id = CheckId::AppsList;
        let lists = (0..self.group.len()).filter(|place| self.group[*place].step == Some(id));
        let lists: Vec<usize> = lists.collect();
        let tells = |place: &usize| self.group[*place].tells(id);
        let is_rejected = |place: &usize| tells(place) == Ok(Some(Reason::TokenRejected));
        let settling = lists.last().filter(|last| tells(last) == Ok(None));
        self.settling = settling.filter(|_| !lists.iter().any(is_rejected)).copied();
        let Some(last) = self.last(id, &lists) else {
            return true;
        };
        // Each page says with which app the next one begins.
        let (mut pages, mut next) = (Vec::new(), None);
        for place in lists.into_iter().filter(|place| *place <= last) {
            let page = classify::further_apps(&self.group[place].exchange).unwrap_or_default();
            let first = page.apps.first().map(|app| app.slug.clone());
            if first.is_none() || first != next {
                pages.clear();
            }
            next.clone_from(&page.next);
            pages.push((place, page));
        }
        for (index, (place, page)) in pages.into_iter().enumerate() {
            self.group[place].is_superseded.set(false);
            if index == 0 {
                self.take(id, None, place);
            } else {
                self.assembly.pages.take(page);
            }
        }
        let told = self.group[last].tells(id).ok().flatten();
        let told = told.filter(|reason| reason.verdict() != Verdict::Inconclusive);
        told.is_none() && self.group[last].tells(id) != Ok(Some(Reason::WrongBaseUrl))
    }

    /// Returns the slug of the app that a response is of. One whose address is not shown, or
    /// hides the slug, is of the app that the list begins with, as DX's page has it.
    fn slug(&self, place: usize) -> Option<Slug> {
        let first = self.assembly.pages.list.first().map(|app| &app.slug);
        let address = self.group[place].address;
        let Some(text) = address.and_then(|address| address.slug.as_ref()) else {
            return first.cloned();
        };
        let own = Slug::try_from(self.secrets.clean(text)).ok();
        let is_listed = |own| self.assembly.pages.has(own) == Some(true);
        let hidden = first.filter(|_| {
            (text.starts_with('$') || is_hidden(text)) && !own.as_ref().is_some_and(is_listed)
        });
        hidden.cloned().or(own)
    }

    /// Takes a response as the one to a step, of an app if it is of one.
    fn take(&mut self, id: CheckId, slug: Option<&Slug>, place: usize) {
        let one = self.group[place];
        let is_list = id == CheckId::AppsList;
        let is_listed = slug.and_then(|slug| self.assembly.pages.has(slug));
        let told = match one.tells(id) {
            // Bitrise hides an app by a 404, and so does an address that is wrong: only a list tells
            // them apart that has the app, or is whole.
            Ok(Some(Reason::PipelinesDenied))
                if one.exchange.status() == Some(404) && is_listed.is_none() =>
            {
                Err(Incomplete::NotFound)
            }
            Ok(Some(Reason::TokenRejected)) if !is_list && self.settling < Some(place) => {
                Err(Incomplete::Unsettled)
            }
            told => told,
        };
        let told = match told {
            Err(why) => {
                self.incomplete.get_or_insert(why);
                Err(Reason::EvidenceIncomplete)
            }
            Ok(Some(Reason::WrongBaseUrl)) => Err(Reason::WrongBaseUrl),
            Ok(Some(Reason::TokenRejected)) if !is_list => Err(id.denied(None)),
            Ok(_) if is_list => {
                let _ = self.assembly.apps(one.exchange.clone());
                return;
            }
            Ok(_) => classify::below_app(id, &one.exchange),
        };
        // Nothing is to be shown of a command that was misread, or of a response without a status.
        let is_known = match &one.exchange.outcome {
            Ok(response) => response.status.is_some() || matches!(response.body, Body::Html),
            Err(_) => one.open.is_none(),
        };
        let seen = is_known.then(|| one.exchange.clone());
        let app = slug.map(|slug| self.assembly.app(slug));
        if is_list {
            self.assembly.keep(id, None, told.map(|_| ()), seen);
        } else {
            let _ = self.assembly.below_app(id, app, told, seen);
        }
    }

    /// Makes the report. What is absent, or of a step that is not known, is open if nothing decides
    /// against the token.
    fn finish(self, report: Report) -> Report {
        let mut report = self.assembly.finish(report);
        let is_passed = |id| {
            let mut checks = report.checks.iter();
            checks.any(|check| check.id == id && check.result == Some(Ok(())))
        };
        let is_listed = is_passed(CheckId::AppsList);
        let is_read = is_passed(CheckId::PipelinesList);
        let has_any = self.group.iter().any(|one| one.step.is_some());
        let absent = match report.found() {
            None if is_listed && is_read => None,
            None if is_listed => Some(Incomplete::PipelinesMissing),
            None if has_any => Some(Incomplete::AppsMissing),
            None => Some(Incomplete::OtherEndpoint),
            Some(_) => None,
        };
        let unplaced = self.group.iter().rfind(|one| one.is_unplaced());
        let unknown = unplaced.map(|one| one.open.unwrap_or(Incomplete::StepUnknown));
        let steps = [CheckId::AppsList, CheckId::PipelinesList];
        let why = unknown.or(absent);
        if why.is_some() && matches!(report.found(), None | Some(Reason::NoApps)) {
            let is_open = |check: &&mut Check| match check.id {
                CheckId::AppsList => !is_listed,
                CheckId::PipelinesList => is_listed || !is_read,
                _ => false,
            };
            let open = Some(Err(Reason::EvidenceIncomplete));
            for check in report.checks.iter_mut().filter(is_open) {
                *check = Check::new(check.id, open);
            }
        }
        let mut seen = HashSet::new();
        let counting = self.group.iter().filter(|one| !one.is_superseded.get());
        let mistakes = counting.flat_map(|one| &one.mistakes).copied();
        report.pasted = Some(PastedFacts {
            mistakes: mistakes.filter(|mistake| seen.insert(*mistake)).collect(),
            incomplete: self.incomplete.or(why),
            meanings: unplaced.map(|one| steps.map(|id| one.reason_at(id))),
            ..PastedFacts::default()
        });
        report
    }
}

/// Groups what has the same key, in the order of the first of each.
pub(super) fn grouped<K: Clone + Eq + Hash, V>(
    all: impl Iterator<Item = (K, V)>,
) -> Vec<(K, Vec<V>)> {
    let (mut groups, mut places) = (Vec::new(), HashMap::new());
    for (key, value) in all {
        let place = *places.entry(key.clone()).or_insert(groups.len());
        if place == groups.len() {
            groups.push((key, Vec::new()));
        }
        groups[place].1.push(value);
    }
    groups
}

//! The exchanges of one credential in one message, judged as a run would have judged them.
//!
//! Which of them counts is asked for each of a run's questions: what was answered to the list of
//! apps, to the pipelines of this app, to one of its runs? The last one that tells something does.
//! These go the way of a run's, through [`crate::classify`] into an [`Assembly`]. A response that tells
//! nothing, and one that is absent where it would decide, is [`Reason::EvidenceIncomplete`].

use super::observed::Observed;
use super::request::is_unknown;
use super::secrets::Secrets;
use crate::app::Slug;
use crate::check::{Check, CheckId};
use crate::classify;
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
    use CheckId::{AppsList, PipelinesList, PipelinesShow};
    let tries = |id| (0..group.len()).filter(move |place| group[*place].step == Some(id));
    report.options.details = tries(PipelinesShow).next().is_some();
    let mut replay = Replay {
        group,
        secrets,
        assembly: Assembly::new(RunOptions {
            selection: Selection::Named,
            ..report.options
        }),
        incomplete: None,
        settling: None,
    };
    let lists: Vec<usize> = tries(AppsList).collect();
    let told = replay.list(&lists);
    // A run would not have gone on behind these.
    let ends = |reason: Reason| {
        reason == Reason::WrongBaseUrl || reason.verdict() != Verdict::Inconclusive
    };
    let steps = [PipelinesList, PipelinesShow].iter();
    for id in steps.copied().filter(|_| !told.is_some_and(ends)) {
        // Of each app the response that counts.
        let tries = grouped(tries(id).map(|place| (replay.slug(place), place))).into_iter();
        let last = tries.filter_map(|(slug, tries)| Some((slug, replay.last(id, &tries)?)));
        let last: Vec<_> = last.collect();
        // A slug that was never filled in is of no app, once another one was.
        let is_slip = |place: usize| group[place].mistakes.contains(&Mistake::SlugPlaceholder);
        let has_app = !last.iter().all(|(_, place)| is_slip(*place));
        for (slug, place) in last {
            if has_app && is_slip(place) {
                group[place].is_superseded.set(true);
            } else {
                replay.take(id, slug.as_ref(), place);
            }
        }
    }
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

    /// Takes the list of apps, and returns what it tells against the token.
    fn list(&mut self, lists: &[usize]) -> Option<Reason> {
        let (group, id) = (self.group, CheckId::AppsList);
        let last = self.last(id, lists)?;
        let tells = |place: &usize| group[*place].tells(id);
        let is_rejected = |place: &usize| tells(place) == Ok(Some(Reason::TokenRejected));
        let settling = lists.last().filter(|last| tells(last) == Ok(None));
        self.settling = settling.filter(|_| !lists.iter().any(is_rejected)).copied();
        // Each page says with which app the next one begins.
        let page =
            |place: &usize| classify::apps(&group[*place].exchange, false).unwrap_or_default();
        let goes_on = |one: &usize, next: &usize| {
            let first = page(next).apps.into_iter().next().map(|app| app.slug);
            first.is_some() && first == page(one).next
        };
        let tries = &lists[..lists.partition_point(|place| *place <= last)];
        let pages = tries.chunk_by(goes_on).next_back().unwrap_or_default();
        for (index, place) in pages.iter().enumerate() {
            group[*place].is_superseded.set(false);
            if index == 0 {
                self.take(id, None, *place);
            } else {
                self.assembly.pages.take(page(place));
            }
        }
        tells(&last).ok().flatten()
    }

    /// Returns the slug of the app that a response is of. One whose address is not shown, or
    /// hides the slug, is of the app that the list begins with, as DX's page has it.
    fn slug(&self, place: usize) -> Option<Slug> {
        let list = &self.assembly.pages.list;
        let one = self.group[place];
        let first = list.first().and(list.sample.get(one.shown.turn));
        let first = first.map(|app| &app.slug);
        let is_listed = |own: &Slug| self.assembly.pages.has(own) == Some(true);
        let printed = one.shown.printed.as_ref();
        let printed = printed.and_then(|own| Slug::try_from(self.secrets.clean(own)).ok());
        let printed = printed.filter(is_listed);
        let first = printed.as_ref().or(first);
        let address = one.address;
        let Some(text) = address.and_then(|address| address.slug.as_ref()) else {
            return first.cloned();
        };
        let own = Slug::try_from(self.secrets.clean(text)).ok();
        let hidden = first.filter(|_| is_unknown(text) && !own.as_ref().is_some_and(is_listed));
        hidden.cloned().or(own)
    }

    /// Takes a response as the one to a step, of an app if it is of one.
    fn take(&mut self, id: CheckId, slug: Option<&Slug>, place: usize) {
        let one = self.group[place];
        let is_list = id == CheckId::AppsList;
        let is_listed = slug.and_then(|slug| self.assembly.pages.has(slug));
        let told = match one.tells(id) {
            Ok(Some(Reason::WrongBaseUrl)) => Ok(Err(Reason::WrongBaseUrl)),
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
            Ok(Some(Reason::TokenRejected)) if !is_list => Ok(Err(id.denied(None))),
            Ok(_) if is_list => {
                let _ = self.assembly.apps(one.exchange.clone());
                return;
            }
            Ok(_) => Ok(classify::below_app(id, &one.exchange)),
            Err(why) => Err(why),
        };
        let told = told.unwrap_or_else(|why| {
            self.incomplete.get_or_insert(why);
            Err(Reason::EvidenceIncomplete)
        });
        // Nothing is to be shown of a command that was misread, or of a response without a status.
        let is_known = one.open.is_none() || one.exchange.status().is_some();
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
        let steps = [CheckId::AppsList, CheckId::PipelinesList];
        let has_any = self.group.iter().any(|one| one.step.is_some());
        let (absent, open) = match steps.map(is_passed) {
            [true, is_read] => (
                (!is_read).then_some(Incomplete::PipelinesMissing),
                &steps[1..],
            ),
            [false, true] => (Some(Incomplete::AppsMissing), &steps[..1]),
            [false, false] if has_any => (Some(Incomplete::AppsMissing), &steps[..]),
            [false, false] => (Some(Incomplete::OtherEndpoint), &steps[..]),
        };
        let found = report.found();
        let unplaced = self.group.iter().rfind(|one| one.is_unplaced());
        let unknown = unplaced.map(|one| one.open.unwrap_or(Incomplete::StepUnknown));
        let why = unknown.or(absent.filter(|_| found.is_none()));
        if why.is_some() && matches!(found, None | Some(Reason::NoApps)) {
            let result = Some(Err(Reason::EvidenceIncomplete));
            let checks = report.checks.iter_mut();
            for check in checks.filter(|check| open.contains(&check.id)) {
                *check = Check::new(check.id, result);
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

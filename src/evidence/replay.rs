//! The exchanges of one credential in one message, judged as a run would have judged them.
//!
//! Which of them counts is asked for each of a run's questions: what was answered to the list of
//! apps, to the pipelines of this app, to one of its runs? The last one that tells something does.
//! These go the way of a run's, through [`crate::classify`] into an [`Assembly`]. A response that tells
//! nothing, and one that is absent where it would decide, is [`Reason::EvidenceIncomplete`].

use super::observed::Observed;
use super::request::is_hidden_slug;
use super::secrets::Secrets;
use crate::app::Slug;
use crate::check::{Check, CheckId, CheckResult};
use crate::classify;
use crate::pasted::{Incomplete, Mistake, PastedFacts};
use crate::report::{Assembly, Next, Report, RunOptions, Selection};
use crate::verdict::{Reason, Verdict};
use std::collections::HashMap;
use std::hash::Hash;

/// A replay in progress.
struct Replay<'r, 'a> {
    observed: &'r mut [Observed<'a>],
    /// The indices of those that are replayed.
    group: &'r [usize],
    secrets: &'r Secrets,
    assembly: Assembly,
    incomplete: Option<Incomplete>,
    /// The last list of apps, if it was read and none was refused with a 401.
    settling: Option<usize>,
}

/// Judges the exchanges with these indices. `lent` is the index of a list of apps in an older message:
/// it tells which apps there are, and proves nothing.
pub(super) fn replay(
    observed: &mut [Observed<'_>],
    group: &[usize],
    lent: Option<usize>,
    secrets: &Secrets,
    report: Report,
) -> Report {
    let mut replay = Replay {
        observed,
        group,
        secrets,
        assembly: Assembly::default(),
        incomplete: None,
        settling: None,
    };
    replay.place_alike();
    let details = replay.of_step(CheckId::PipelinesShow).next().is_some();
    replay.assembly = Assembly::new(Selection::Named, details);
    if replay.list(lent) {
        for id in [CheckId::PipelinesList, CheckId::PipelinesShow] {
            for (slug, index) in replay.of_each_app(id) {
                replay.take(id, slug.as_ref(), index);
            }
        }
    }
    let options = RunOptions {
        details,
        ..report.options
    };
    replay.finish(Report { options, ..report })
}

impl Replay<'_, '_> {
    fn of_step(&self, id: CheckId) -> impl Iterator<Item = usize> {
        let group = self.group.iter().copied();
        group.filter(move |index| self.observed[*index].step == Some(id))
    }

    /// Gives responses that mean the same at each step the one that is missing.
    fn place_alike(&mut self) {
        let mut has_list = self.of_step(CheckId::AppsList).next().is_some();
        for index in self.group {
            let one = &mut self.observed[*index];
            let reason = one.reason_at(CheckId::AppsList);
            let is_alike = one.is_unplaced()
                && !matches!(reason, None | Some(Reason::EvidenceIncomplete))
                && reason == one.reason_at(CheckId::PipelinesList);
            if is_alike {
                let missing = if has_list {
                    CheckId::PipelinesList
                } else {
                    CheckId::AppsList
                };
                one.step = Some(missing);
                has_list = true;
            }
        }
    }

    /// Returns the last one that tells something, or else the last one, of several responses to the
    /// same question.
    fn last(&mut self, id: CheckId, tries: &[usize]) -> Option<usize> {
        let tells = |index: &&usize| self.observed[**index].tells(id).is_ok();
        let last = *tries.iter().rfind(tells).or(tries.last())?;
        for index in tries {
            self.observed[*index].is_superseded = *index != last;
        }
        Some(last)
    }

    /// Takes the list of apps, and tells whether a run would have gone on.
    fn list(&mut self, lent: Option<usize>) -> bool {
        let id = CheckId::AppsList;
        let lists: Vec<usize> = self.of_step(id).collect();
        let tells = |list: &usize| self.observed[*list].tells(id);
        let is_rejected =
            { lists.iter() }.any(|list| tells(list) == Ok(Some(Reason::TokenRejected)));
        let settling = lists.last().copied().filter(|list| tells(list) == Ok(None));
        self.settling = settling.filter(|_| !is_rejected);
        let told = self.last(id, &lists).map(|last| {
            let pages = self.pages(&lists, last);
            self.take(id, None, pages[0]);
            self.lend(&pages[1..]);
            self.observed[last].tells(id)
        });
        if told != Some(Ok(None)) {
            self.lend(lent.as_slice());
        }
        match told {
            Some(Ok(Some(Reason::WrongBaseUrl))) => false,
            Some(Ok(Some(reason))) => reason.verdict() == Verdict::Inconclusive,
            _ => true,
        }
    }

    /// Takes further pages of the list of apps.
    fn lend(&mut self, pages: &[usize]) {
        for index in pages {
            if let Ok(page) = classify::further_apps(&self.observed[*index].exchange) {
                self.assembly.pages.take(page);
            }
        }
    }

    /// Returns the pages of the list of apps of which the last is known, each of which says with which
    /// app the next one begins.
    fn pages(&mut self, lists: &[usize], last: usize) -> Vec<usize> {
        /// The maximum number of pages that are looked at for the one before.
        const MOST: usize = 40;
        let mut pages: Vec<(usize, Option<Slug>)> = Vec::new();
        for index in lists.iter().copied().filter(|index| *index <= last) {
            let page = classify::further_apps(&self.observed[index].exchange);
            let page = page.unwrap_or_default();
            let first = page.apps.first().map(|app| &app.slug);
            let mut before = pages.iter().rev().take(MOST);
            let is_next =
                |(_, next): &(usize, Option<Slug>)| first.is_some() && next.as_ref() == first;
            let kept = before
                .position(is_next)
                .map_or(0, |back| pages.len() - back);
            pages.truncate(kept);
            pages.push((index, page.next));
        }
        let pages = pages.into_iter().map(|(index, _)| index);
        pages
            .inspect(|index| self.observed[*index].is_superseded = false)
            .collect()
    }

    /// Returns for each app the index of the response that counts. One whose address is not shown, or
    /// hides the slug, is of the app that the list begins with, as DX's page has it.
    fn of_each_app(&mut self, id: CheckId) -> Vec<(Option<Slug>, usize)> {
        let tries = self.of_step(id).map(|index| (self.slug(index), index));
        let apps = grouped(tries).into_iter();
        let mut last: Vec<_> = apps
            .filter_map(|(slug, tries)| Some((slug, self.last(id, &tries)?)))
            .collect();
        // A slug that was never filled in is of no app, once another response tells.
        let is_explained = |one: &Observed<'_>| one.tells(id) == Err(Incomplete::Explained);
        let mut indices = last.iter().map(|(_, index)| *index);
        if indices.any(|index| !is_explained(&self.observed[index])) {
            last.retain(|(_, index)| {
                let one = &mut self.observed[*index];
                let is_slip = one.mistakes.contains(&Mistake::SlugPlaceholder) && is_explained(one);
                one.is_superseded |= is_slip;
                !is_slip
            });
        }
        last
    }

    fn slug(&self, index: usize) -> Option<Slug> {
        let first = self.assembly.first();
        let address = self.observed[index].address();
        let Some(text) = address.and_then(|address| address.slug.as_ref()) else {
            return first.cloned();
        };
        let own = Slug::parse(&self.secrets.clean(text));
        let is_listed = own
            .as_ref()
            .is_some_and(|own| self.assembly.pages.has(own) == Some(true));
        let hidden = first.filter(|_| is_hidden_slug(text) && !is_listed);
        hidden.cloned().or(own)
    }

    /// Takes a response as the one to a step, of an app if it is of one.
    fn take(&mut self, id: CheckId, slug: Option<&Slug>, index: usize) {
        let one = &self.observed[index];
        let is_listed = slug.and_then(|slug| self.assembly.pages.has(slug));
        let told = match one.tells(id) {
            // Bitrise hides an app by a 404, and so does an address that is wrong: only a list tells
            // them apart that has the app, or is whole.
            Ok(Some(Reason::PipelinesDenied))
                if one.exchange.status() == Some(404) && is_listed.is_none() =>
            {
                Err(Incomplete::NotFound)
            }
            Ok(Some(Reason::TokenRejected))
                if id != CheckId::AppsList && self.settling < Some(index) =>
            {
                Err(Incomplete::Unsettled)
            }
            told => told,
        };
        let app = slug.map(|slug| self.assembly.app(slug));
        let (exchange, is_known) = one.evidence();
        let other = match told {
            Err(why) => {
                self.incomplete.get_or_insert(why);
                Some(Reason::EvidenceIncomplete)
            }
            Ok(told) => told.filter(|reason| *reason == Reason::WrongBaseUrl),
        };
        if let Some(reason) = other {
            let evidence = is_known.then_some(exchange);
            self.assembly.not_read(id, app, reason, evidence);
        } else if id == CheckId::AppsList {
            let _ = self.assembly.apps(exchange);
        } else if let Next::AskAgain(exchange) = self.assembly.below_app(id, app, exchange) {
            self.assembly.not_read(id, app, id.denied(), *exchange);
        }
    }

    /// Makes the report. What is absent matters only if nothing decides against the token.
    fn finish(self, report: Report) -> Report {
        let (unplaced, meanings) = self.unplaced().unzip();
        let facts = PastedFacts {
            meanings,
            mistakes: self.mistakes(),
            incomplete: self.incomplete,
            ..PastedFacts::default()
        };
        let has_any = { self.group.iter() }.any(|index| self.observed[*index].step.is_some());
        let mut report = self.assembly.finish(Report {
            pasted: Some(facts),
            ..report
        });
        let is_passed = |id| {
            let mut checks = report.checks.iter();
            checks.any(|check| check.id == id && check.result == CheckResult::Pass)
        };
        let is_listed = is_passed(CheckId::AppsList);
        let (id, why) = match report.found() {
            Some(reason) if reason != Reason::NoApps => return report,
            None if is_listed && !is_passed(CheckId::PipelinesList) => {
                (CheckId::PipelinesList, Some(Incomplete::PipelinesMissing))
            }
            None if is_listed => (CheckId::AppsList, None),
            None if has_any => (CheckId::AppsList, Some(Incomplete::AppsMissing)),
            None => (CheckId::AppsList, Some(Incomplete::OtherEndpoint)),
            Some(_) => (CheckId::AppsList, None),
        };
        if let Some(why) = unplaced.or(why) {
            let open = CheckResult::NotPassed(Reason::EvidenceIncomplete);
            report.put(Check::new(id, open));
            let facts = report.pasted.get_or_insert_default();
            facts.incomplete.get_or_insert(why);
        }
        report
    }

    /// Says why a response can't be placed, if there is one that may be of DX's steps, and what it means at
    /// each.
    fn unplaced(&self) -> Option<(Incomplete, [Option<Reason>; 2])> {
        let mut group = self.group.iter().map(|index| &self.observed[*index]);
        let one = group.rfind(|one| one.is_unplaced())?;
        let why = match one.open {
            Some(open) => open,
            None if one.is_contradictory => Incomplete::Contradiction,
            None => Incomplete::StepUnknown,
        };
        let steps = [CheckId::AppsList, CheckId::PipelinesList];
        Some((why, steps.map(|id| one.reason_at(id))))
    }

    /// Returns what is wrong with the commands that count, each kind once.
    fn mistakes(&self) -> Vec<Mistake> {
        let group = self.group.iter().map(|index| &self.observed[*index]);
        let mut mistakes = Vec::new();
        for one in group.filter(|one| !one.is_superseded) {
            for mistake in &one.mistakes {
                if !mistakes.contains(mistake) {
                    mistakes.push(*mistake);
                }
            }
        }
        mistakes
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

//! The exchanges of one credential in one message, judged as a run would have judged them.
//!
//! Which of them counts is asked for each of a run's questions: what was answered to the list of
//! apps, to the pipelines of this app, to one of its runs? The last one that tells something does.
//! These go the way of a run's, through [`crate::classify`] into an [`Assembly`]. A response that tells
//! nothing, and one that is absent where it would decide, is [`Reason::EvidenceIncomplete`].

use super::observed::Observed;
use super::request::{Endpoint, is_hidden_slug};
use super::secrets::Secrets;
use crate::app::Slug;
use crate::check::{Check, CheckId, CheckResult};
use crate::classify;
use crate::pasted::{Incomplete, Mistake, PastedFacts};
use crate::report::{Assembly, Next, Report, RunOptions, Selection};
use crate::verdict::{Reason, Verdict};
use std::collections::HashMap;

/// A replay in progress.
struct Replay<'r, 'a> {
    observed: &'r mut [Observed<'a>],
    /// The indices of those that are replayed.
    group: &'r [usize],
    secrets: &'r Secrets,
    assembly: Assembly,
    incomplete: Option<Incomplete>,
    /// The last list of apps, and whether one was refused with a 401.
    last_list: Option<usize>,
    is_rejected: bool,
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
        last_list: None,
        is_rejected: false,
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
        self.last_list = lists.last().copied();
        let is_rejected =
            |index: &usize| self.observed[*index].tells(id) == Ok(Some(Reason::TokenRejected));
        self.is_rejected = lists.iter().any(is_rejected);
        let list = self.last(id, &lists);
        let told = list.map(|index| self.observed[index].tells(id));
        let pages = list.map_or_else(Vec::new, |list| self.pages(&lists, list));
        if let Some(first) = pages.first() {
            self.take(id, None, *first);
        }
        let lent = lent.filter(|_| told != Some(Ok(None)));
        for index in pages.into_iter().skip(1).chain(lent) {
            if let Ok(page) = classify::further_apps(&self.observed[index].exchange) {
                self.assembly.lend(page);
            }
        }
        match told {
            Some(Ok(Some(Reason::WrongBaseUrl))) => false,
            Some(Ok(Some(reason))) => reason.verdict() == Verdict::Inconclusive,
            _ => true,
        }
    }

    /// Returns the pages of the list of apps of which the last is known, each of which says with which
    /// app the next one begins.
    fn pages(&mut self, lists: &[usize], last: usize) -> Vec<usize> {
        /// The maximum number of pages in front of the last.
        const MOST: usize = 40;
        let mut pages = vec![last];
        for _ in 0..MOST {
            let page = |index: usize| classify::further_apps(&self.observed[index].exchange).ok();
            let Some(first) = page(pages[0]).and_then(|page| page.apps.into_iter().next()) else {
                break;
            };
            let leads_here = |index: &&usize| {
                **index < pages[0]
                    && page(**index).and_then(|page| page.next).as_ref() == Some(&first.slug)
            };
            let Some(before) = lists.iter().rfind(leads_here) else {
                break;
            };
            self.observed[*before].is_superseded = false;
            pages.insert(0, *before);
        }
        pages
    }

    /// Returns for each app the index of the response that counts. One whose address is not shown, or
    /// hides the slug, is of the app that the list begins with, as DX's page has it.
    fn of_each_app(&mut self, id: CheckId) -> Vec<(Option<Slug>, usize)> {
        let mut apps: Vec<(Option<Slug>, Vec<usize>)> = Vec::new();
        let mut places: HashMap<Option<Slug>, usize> = HashMap::new();
        for index in self.of_step(id) {
            let slug = self.slug(index);
            let place = *places.entry(slug.clone()).or_insert(apps.len());
            if place == apps.len() {
                apps.push((slug, Vec::new()));
            }
            apps[place].1.push(index);
        }
        let apps = apps.into_iter();
        let mut last: Vec<_> = apps
            .filter_map(|(slug, tries)| Some((slug, self.last(id, &tries)?)))
            .collect();
        // A slug that was never filled in is of no app, once another response tells.
        let is_explained =
            |one: &Observed<'_>| matches!(one.tells(id), Err(Incomplete::Explained(_)));
        if last
            .iter()
            .any(|(_, index)| !is_explained(&self.observed[*index]))
        {
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
        let Some(Endpoint::Pipelines(text) | Endpoint::Details(text)) =
            self.observed[index].endpoint()
        else {
            return first.cloned();
        };
        let own = Slug::parse(&self.secrets.clean(text));
        let is_listed = own
            .as_ref()
            .is_some_and(|own| self.assembly.is_listed(own) == Some(true));
        let hidden = first.filter(|_| is_hidden_slug(text) && !is_listed);
        hidden.cloned().or(own)
    }

    /// Takes a response as the one to a step, of an app if it is of one.
    fn take(&mut self, id: CheckId, slug: Option<&Slug>, index: usize) {
        let one = &self.observed[index];
        let is_listed = slug.and_then(|slug| self.assembly.is_listed(slug));
        let told = match one.tells(id) {
            // Bitrise hides an app by a 404, and so does an address that is wrong: only a list tells
            // them apart that has the app, or is whole.
            Ok(Some(Reason::PipelinesDenied))
                if one.exchange.status() == Some(404) && is_listed.is_none() =>
            {
                Err(Incomplete::NotFound)
            }
            Ok(Some(Reason::TokenRejected))
                if id != CheckId::AppsList && !self.is_settled(index) =>
            {
                Err(Incomplete::Unsettled)
            }
            told => told,
        };
        let app = slug.map(|slug| self.assembly.app(slug));
        let evidence = one.evidence(id);
        let exchange = one.exchange.clone();
        let next = match (told, id) {
            (Err(why), _) => {
                self.incomplete.get_or_insert(why);
                self.assembly
                    .not_read(id, app, Reason::EvidenceIncomplete, evidence)
            }
            (Ok(Some(reason @ Reason::WrongBaseUrl)), _) => {
                self.assembly.not_read(id, app, reason, evidence)
            }
            (Ok(_), CheckId::AppsList) => Next::Done(self.assembly.apps(exchange).err()),
            (Ok(_), _) => self.assembly.below_app(id, app, exchange),
        };
        if let Next::AskAgain(exchange) = next {
            self.assembly.settle(id, app, *exchange, Ok(()));
        }
    }

    /// Tells whether a later look at the list settles what a 401 below an app means: the token is still
    /// accepted, and was never rejected.
    fn is_settled(&self, index: usize) -> bool {
        let is_accepted = |list: usize| self.observed[list].tells(CheckId::AppsList) == Ok(None);
        let later = self.last_list.filter(|list| *list > index);
        later.is_some_and(is_accepted) && !self.is_rejected
    }

    /// Makes the report. What is absent matters only if nothing decides against the token.
    fn finish(self, report: Report) -> Report {
        let unplaced = self.unplaced();
        let facts = PastedFacts {
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
        let is_read = is_listed && is_passed(CheckId::PipelinesList);
        let absent = match report.found() {
            Some(Reason::NoApps) => unplaced.map(|why| (CheckId::AppsList, why)),
            Some(_) => None,
            None if is_read => unplaced.map(|why| (CheckId::AppsList, why)),
            None if is_listed => Some((CheckId::PipelinesList, Incomplete::PipelinesMissing)),
            None if has_any => Some((CheckId::AppsList, Incomplete::AppsMissing)),
            None => Some((CheckId::AppsList, Incomplete::OtherEndpoint)),
        };
        let absent = absent.map(|(id, why)| (id, unplaced.unwrap_or(why)));
        if let Some((id, why)) = absent {
            report.put(Check::new(
                id,
                CheckResult::NotPassed(Reason::EvidenceIncomplete),
            ));
            if let Some(facts) = &mut report.pasted {
                facts.incomplete.get_or_insert(why);
            }
        }
        report
    }

    /// Says why a response can't be placed, if there is one that may be of DX's steps.
    fn unplaced(&self) -> Option<Incomplete> {
        let mut group = self.group.iter().map(|index| &self.observed[*index]);
        let one = group.rfind(|one| one.is_unplaced())?;
        Some(match one.open {
            Some(open) => open,
            None if one.is_contradictory => Incomplete::Contradiction,
            None => Incomplete::StepUnknown {
                apps: one.reason_at(CheckId::AppsList),
                pipelines: one.reason_at(CheckId::PipelinesList),
            },
        })
    }

    /// Returns what is wrong with the commands that count, each kind once.
    fn mistakes(&self) -> Vec<Mistake> {
        let group = self.group.iter().map(|index| &self.observed[*index]);
        let mut mistakes = Vec::new();
        for one in group.filter(|one| !one.is_superseded) {
            let of_shell = match one.open {
                Some(Incomplete::Explained(mistake)) => Some(mistake),
                _ => None,
            };
            for mistake in one.mistakes.iter().copied().chain(of_shell) {
                if !mistakes.contains(&mistake) {
                    mistakes.push(mistake);
                }
            }
        }
        mistakes
    }
}

//! From responses to a report: the one place where the checks and apps of a run come together.
//!
//! Say what was answered in its order, [`Assembly::apps`] for a page of the list of apps,
//! [`Assembly::below_app`] for an app, [`Assembly::keep`] for a later look at the list.
//! [`Assembly::finish`] makes the report.
//!
//! Invariant: what an app's responses mean is kept for every app; evidence is kept for one app a
//! check, to be shown, and nothing follows from it.

use super::pages::Pages;
use super::{AppResult, AppState, EvidenceKind, Report, RunOptions, Runs, Selection};
use crate::app::{App, Slug};
use crate::check::{Check, CheckId, ListEnd, Status};
use crate::classify;
use crate::exchange::{Body, Exchange};
use crate::verdict::{Reason, Verdict};
use crate::wire::PipelinePage;
use std::cmp::Reverse;
use std::collections::HashMap;

/// A report that is being put together.
#[derive(Debug, Default)]
pub struct Assembly {
    options: RunOptions,
    /// The pages of the list of apps: a page that tells which ones there are, and is no evidence, is
    /// taken by them alone.
    pub pages: Pages,
    /// What is known of each app that is to be checked.
    pub apps: Vec<AppResult>,
    /// The indices of those that were named, since any app may be one of them.
    named: HashMap<Slug, usize>,
    /// The one check of each kind that decides, so that memory does not grow with the number of apps.
    kept: [Option<(Weight, Check)>; CheckId::ALL.len()],
}

/// How much a check decides: its rank, and the index of its app, of which the first weighs most.
type Weight = (u8, Reverse<usize>);

/// What stands for the index of an app if a check is of none; and for that of a check which says less
/// than all others, since nothing was asked for it.
const NO_APP: usize = usize::MAX - 1;
const UNASKED: usize = usize::MAX;

impl Assembly {
    /// Starts a report of a run.
    pub fn new(options: RunOptions) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }

    /// Returns the index of an app that is to be checked; it is added if it is new.
    pub fn app(&mut self, slug: &Slug) -> usize {
        if let Some(index) = self.named.get(slug) {
            return *index;
        }
        let mut listed = self.pages.list.sample.iter();
        let listed = listed.find(|app| app.slug == *slug).cloned();
        self.expect(listed.unwrap_or_else(|| App::unlisted(slug.clone())));
        let index = self.apps.len() - 1;
        self.named.insert(slug.clone(), index);
        index
    }

    /// Adds an app that is to be checked.
    fn expect(&mut self, app: App) {
        self.apps.push(AppResult {
            app,
            is_first: false,
            is_listed: None,
            state: AppState::NotReached,
            reason: None,
            http_status: None,
            runs: None,
            details: None,
        });
    }

    /// Returns where the next page of the list begins, if it is to be read.
    pub fn next_page(&self) -> Option<&Slug> {
        let is_open = |app: &AppResult| {
            app.state == AppState::Denied && self.pages.has(&app.app.slug).is_none()
        };
        let is_wanted = match self.options.selection {
            Selection::First => false,
            // Whether the list has a refused app decides on the reason.
            Selection::Named | Selection::File => self.apps.iter().any(is_open),
            Selection::All => true,
        };
        let next = self.pages.next.as_ref();
        next.filter(|_| is_wanted && self.pages.list.end.is_none())
    }

    /// Takes the response to a request for a page of the list of apps.
    ///
    /// # Errors
    /// Returns the reason why the list can't be read, or not be read on.
    pub fn apps(&mut self, exchange: Exchange) -> Result<(), Reason> {
        let selection = self.options.selection;
        let is_first = self.pages.list.begins_with_app.is_none();
        let page = classify::apps(&exchange, is_first);
        let read = page.as_ref().map_or_else(|why| Err(*why), |_| Ok(()));
        if read.is_err() && !is_first {
            self.pages.list.end = Some(ListEnd::PageFailed);
        }
        for app in page.map_or_else(|_| Vec::new(), |page| self.pages.take(page)) {
            match (self.named.get(&app.slug), selection) {
                (Some(index), _) => self.apps[*index].app = app,
                (None, Selection::All) => self.expect(app),
                (None, Selection::First) if self.apps.is_empty() => self.expect(app),
                (None, _) => {}
            }
        }
        let is_cut = !matches!(self.pages.list.end, None | Some(ListEnd::Whole));
        let is_short = is_cut && (!is_first || selection == Selection::All);
        let short = is_short.then_some(Err(Reason::UnexpectedResponse));
        let told = read.and(short.unwrap_or(Ok(())));
        self.keep(CheckId::AppsList, None, told, Some(exchange));
        read
    }

    /// Takes what the response of an endpoint below an app means, by the app's index; none if the app
    /// is not known. `seen` is left out for a response whose own words say something different.
    ///
    /// # Errors
    /// Returns why it was not read.
    pub fn below_app(
        &mut self,
        id: CheckId,
        app: Option<usize>,
        told: Result<PipelinePage, Reason>,
        seen: Option<Exchange>,
    ) -> Result<Option<Slug>, Reason> {
        let is_list = id != CheckId::PipelinesShow;
        let (page, told) = match told {
            Ok(page) => (page, Ok(())),
            Err(reason) => (PipelinePage::default(), Err(reason)),
        };
        if seen.as_ref().is_some_and(|seen| seen.attempts == 0) {
            // There was no time for even one attempt: the app was not reached.
            return told.map(|()| None);
        }
        if let Some(result) = app.map(|index| &mut self.apps[index]) {
            let (state, details) = match told.map_err(Reason::verdict) {
                Ok(()) => (AppState::Readable, Status::Pass),
                Err(Verdict::InvalidPermissions) => (AppState::Denied, Status::Fail),
                // A rejected token says nothing of the app, either.
                Err(_) => (AppState::Unknown, Status::Unknown),
            };
            if is_list || told.is_err() {
                (result.state, result.reason) = (state, told.err());
                result.http_status = seen.as_ref().and_then(Exchange::status);
            }
            if !is_list {
                result.details = Some(details);
            } else if told.is_ok() {
                let has_none = self.options.details && page.pipeline_id.is_none();
                result.details = has_none.then_some(Status::Skip);
                let has_runs = page.runs > 0;
                result.runs = Some(if has_runs { Runs::Seen } else { Runs::None });
            }
        }
        self.keep(id, app, told, seen);
        told.map(|()| page.pipeline_id)
    }

    /// Takes the check of a request. One of each kind is kept: a refusal rather than an unknown result, and
    /// that rather than a success; of equals, the one of the first app, or else the earlier one. A refusal of
    /// an app that is disabled decides only if nothing else does.
    pub fn keep(
        &mut self,
        id: CheckId,
        app: Option<usize>,
        told: Result<(), Reason>,
        seen: Option<Exchange>,
    ) {
        let index = app.unwrap_or(NO_APP);
        let app = self.apps.get(index).map(|result| &result.app);
        let first = self.pages.list.first().map(|app| &app.slug);
        let is_disabled = app.is_some_and(|app| app.is_disabled && first != Some(&app.slug));
        let rank = match told.err().map(Reason::verdict) {
            Some(Verdict::InvalidPermissions) if is_disabled => 0,
            Some(verdict) => 2 + verdict.rank(),
            None => 1,
        };
        let weight = (rank, Reverse(index));
        let kept = &mut self.kept[id as usize];
        if kept.as_ref().is_none_or(|(kept, _)| *kept < weight) {
            let mut check = Check::new(id, Some(told));
            check.exchange = seen;
            // What was read of a list may be long.
            if let Some(Ok(response)) = check.exchange.as_mut().map(|seen| &mut seen.outcome)
                && let Body::Json(document) = &mut response.body
            {
                document.list = None;
            }
            *kept = Some((weight, check));
        }
    }

    /// Notes that the run ends before everything was asked.
    pub fn end(&mut self, reason: Reason) {
        // A list that could not be read is itself the reason.
        let is_read = self.pages.list.begins_with_app.is_some();
        let is_own = is_read && reason != Reason::TokenRejected;
        let is_listing = is_own && self.next_page().is_some();
        let list = &mut self.kept[CheckId::AppsList as usize];
        if list.is_none() || is_listing {
            // What the last page answered is not why the next one was not asked for.
            *list = None;
            self.pages.list.end = is_listing.then_some(ListEnd::PageFailed);
            self.keep(CheckId::AppsList, None, Err(reason), None);
        }
        let mut any = false;
        for result in &mut self.apps {
            if result.state != AppState::Readable && result.reason.is_none() {
                result.reason = Some(reason);
                any = true;
            }
        }
        if any && is_own {
            // No app is named, since none was asked for; what was answered says more.
            self.keep(CheckId::PipelinesList, Some(UNASKED), Err(reason), None);
        }
    }

    /// Returns the report with the checks of all that was answered, and what is known of each app.
    pub fn finish(mut self, report: Report) -> Report {
        if report.evidence == EvidenceKind::Live {
            self.keep(CheckId::TokenFormat, None, Ok(()), None);
        }
        // Only now it is known whether the list has an app that was refused.
        let settled = |reason, is_listed| match reason {
            Reason::PipelinesDenied => CheckId::PipelinesList.denied(is_listed),
            reason => reason,
        };
        let first = self.pages.list.first().map(|app| &app.slug);
        for result in &mut self.apps {
            result.is_first = first == Some(&result.app.slug);
            result.is_listed = self.pages.has(&result.app.slug);
            result.reason = result
                .reason
                .map(|reason| settled(reason, result.is_listed));
        }
        let apps = &self.apps;
        let check = |((_, Reverse(index)), mut check): (Weight, Check)| {
            if let Some(result) = apps.get(index) {
                let told = check.result;
                check.result = told.map(|told| told.map_err(|why| settled(why, result.is_listed)));
                check.app = Some(result.app.clone());
            }
            check
        };
        let checks = self.kept.into_iter().flatten().map(check).collect();
        self.apps.shrink_to_fit();
        Report {
            apps: self.apps,
            list: self.pages.list,
            ..report.with_checks(checks)
        }
    }
}

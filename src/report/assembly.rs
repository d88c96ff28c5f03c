//! From responses to a report: the one place where the checks and apps of a run come together.
//!
//! Say what was answered in its order, [`Assembly::apps`] for a page of the list of apps,
//! [`Assembly::below_app`] for an app, [`Assembly::recheck`] for a later
//! look at the list. [`Assembly::finish`] makes the report.
//!
//! Invariant: what an app's responses mean is kept for every app; evidence is kept for one app a
//! check, to be shown, and nothing follows from it.

use super::pages::Pages;
use super::{AppResult, AppState, EvidenceKind, Report, Runs, Selection};
use crate::app::{App, Slug};
use crate::check::{Check, CheckId, CheckResult, Finding, ListEnd, Status};
use crate::classify::{self, AppStep};
use crate::exchange::Exchange;
use crate::verdict::{Reason, Verdict};
use crate::wire::AppPage;
use std::cmp::Reverse;
use std::collections::HashMap;

/// What follows from a response of an endpoint below one app.
#[derive(Debug)]
pub enum Next {
    /// Nothing more is to be asked of this app; the reason if it was not read.
    Done(Option<Reason>),
    /// This pipeline run is to be looked at.
    Details(Slug),
    /// A 401: the list of apps is to be asked for once more, and [`Assembly::settle`] to be told.
    AskAgain(Box<Exchange>),
}

/// A report that is being put together.
#[derive(Debug, Default)]
pub struct Assembly {
    selection: Selection,
    details: bool,
    list: Option<Check>,
    pages: Pages,
    /// The check of the later look at the list that told most against the token, the first of them.
    recheck: Option<Check>,
    apps: Vec<AppResult>,
    /// The indices of the apps that are checked because they were named.
    named: HashMap<Slug, usize>,
    pipelines_list: Kept,
    pipelines_show: Kept,
}

/// How much a check decides: its rank, and the index of its app, of which the first weighs most.
type Weight = (u8, Reverse<usize>);

/// The one check of its kind that decides, so that memory does not grow with the number of apps.
type Kept = Option<(Weight, Check)>;

impl Assembly {
    /// Starts a report of the apps that are `selection`, with a look at one pipeline run of each
    /// if `details` says so.
    pub fn new(selection: Selection, details: bool) -> Self {
        Self {
            selection,
            details,
            ..Self::default()
        }
    }

    /// Returns the index of an app that is to be checked; it is added if it is new.
    pub fn app(&mut self, slug: &Slug) -> usize {
        if let Some(index) = self.named.get(slug) {
            return *index;
        }
        let listed = self
            .pages
            .sample
            .iter()
            .find(|app| app.slug == *slug)
            .cloned();
        self.expect(listed.unwrap_or_else(|| App::unlisted(slug.clone())));
        let index = self.apps.len() - 1;
        self.apps[index].is_listed = self.pages.has(slug).filter(|is_listed| *is_listed);
        self.named.insert(slug.clone(), index);
        index
    }

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

    /// Returns what is known of each app that is to be checked.
    pub fn results(&self) -> &[AppResult] {
        &self.apps
    }

    /// Returns the app that the list begins with, if it can be read as one.
    pub fn first(&self) -> Option<&Slug> {
        self.pages.first()
    }

    /// Tells whether the list holds an app; nothing if it was not read to its end.
    pub fn is_listed(&self, slug: &Slug) -> Option<bool> {
        self.pages.has(slug)
    }

    /// Takes a page of the list of apps that tells which ones there are, and is no evidence.
    pub fn lend(&mut self, page: AppPage) {
        self.pages.take(page);
        if let Some(list) = &mut self.list {
            list.finding = self.pages.finding();
        }
    }

    /// Returns how many apps the list named so far, and whether it is at its end.
    pub fn listed(&self) -> (usize, bool) {
        (self.pages.listed(), self.pages.end.is_some())
    }

    /// Returns where the next page of the list begins, if it is to be read.
    pub fn next_page(&self) -> Option<&Slug> {
        self.pages.next().filter(|_| self.wants_pages())
    }

    /// Tells whether the list is to be read on.
    fn wants_pages(&self) -> bool {
        match self.selection {
            Selection::First => false,
            // Whether the list has a refused app decides on the reason.
            Selection::Named | Selection::File => {
                let mut apps = self.apps.iter();
                apps.any(|app| app.is_listed.is_none() && app.state == AppState::Denied)
            }
            Selection::All => true,
        }
    }

    /// Takes the response to a request for a page of the list of apps.
    ///
    /// # Errors
    /// Returns the reason why the list can't be read, or not be read on.
    pub fn apps(&mut self, mut exchange: Exchange) -> Result<(), Reason> {
        let is_first = self.list.is_none();
        let page = if is_first {
            classify::apps(&exchange)
        } else {
            classify::further_apps(&exchange)
        };
        exchange.forget_list();
        let page = match page {
            Ok(page) => page,
            Err(reason) if is_first => {
                self.not_read(CheckId::AppsList, None, reason, exchange);
                return Err(reason);
            }
            Err(reason) => {
                self.pages.end = Some(Err(ListEnd::PageFailed));
                self.cut(reason, Some(exchange));
                return Err(reason);
            }
        };
        let apps = self.pages.take(page);
        if is_first {
            self.list = Some(Check::of(CheckId::AppsList, Ok(()), exchange.clone()));
        }
        for app in apps {
            if let Some(index) = self.named.get(&app.slug) {
                self.apps[*index].is_listed = Some(true);
                self.apps[*index].app = app;
            } else if self.selection == Selection::All
                || (self.selection == Selection::First && self.apps.is_empty())
            {
                self.expect(app);
            }
        }
        if self.pages.end.is_some_and(|end| end.is_err())
            && (!is_first || self.selection == Selection::All)
        {
            self.cut(Reason::UnexpectedResponse, Some(exchange));
        } else if let Some(list) = &mut self.list {
            list.finding = self.pages.finding();
        }
        Ok(())
    }

    /// Notes that the list can't be read on.
    fn cut(&mut self, reason: Reason, exchange: Option<Exchange>) {
        if let Some(list) = &mut self.list {
            list.result = CheckResult::NotPassed(reason);
            list.finding = self.pages.finding();
            if exchange.is_some() {
                list.exchange = exchange;
            }
        }
    }

    /// Takes the response to a later request for the list of apps, which was asked for because an
    /// endpoint below an app answered 401, and returns what it tells of the token.
    ///
    /// # Errors
    /// Returns why the token is not known to be accepted.
    pub fn recheck(&mut self, exchange: Exchange) -> Result<(), Reason> {
        let told = classify::recheck(&exchange);
        let rank = |reason: Option<Reason>| reason.map(|reason| reason.verdict().rank());
        let says_less = |kept: &Check| rank(kept.result.reason()) < rank(told.err());
        if self.recheck.as_ref().is_none_or(says_less) {
            self.recheck = Some(Check::of(CheckId::AppsRecheck, told, exchange));
        }
        told
    }

    /// Takes the response of an endpoint below an app, by the app's index; none if the app is not known.
    pub fn below_app(&mut self, id: CheckId, app: Option<usize>, exchange: Exchange) -> Next {
        let (page, reason) = if id == CheckId::PipelinesShow {
            (None, classify::details(&exchange).reason())
        } else {
            match classify::pipelines(&exchange) {
                AppStep::Readable(page) => (Some(page), None),
                step => (None, step.reason()),
            }
        };
        match reason {
            Some(Reason::TokenRejected) => {
                // It is open what that means.
                if let Some(result) = app.map(|index| &mut self.apps[index]) {
                    (result.state, result.http_status) = (AppState::Unknown, exchange.status());
                }
                return Next::AskAgain(Box::new(exchange));
            }
            Some(reason) => return self.not_read(id, app, reason, exchange),
            None => {}
        }
        let status = exchange.status();
        let mut check = Check::of(id, Ok(()), exchange);
        let result = app.map(|index| &mut self.apps[index]);
        let Some(page) = page else {
            if let Some(result) = result {
                result.details = Some(Status::Pass);
            }
            self.keep(app, check);
            return Next::Done(None);
        };
        let run = page.pipeline_id.filter(|_| self.details);
        if let Some(result) = result {
            (result.state, result.reason) = (AppState::Readable, None);
            result.http_status = status;
            result.runs = Some(if page.runs == 0 {
                Runs::None
            } else {
                Runs::Seen
            });
            result.details = (self.details && run.is_none()).then_some(Status::Skip);
        }
        check.finding = Finding::Runs(page.runs);
        self.keep(app, check);
        if let Some(run) = run {
            return Next::Details(run);
        }
        self.keep(
            app,
            Check::new(CheckId::PipelinesShow, CheckResult::Skipped),
        );
        Next::Done(None)
    }

    /// Says what a 401 below an app means, after a later look at the list told of the token: that
    /// it is no longer accepted, or that the app is refused.
    pub fn settle(
        &mut self,
        id: CheckId,
        app: Option<usize>,
        exchange: Exchange,
        told: Result<(), Reason>,
    ) -> Next {
        let why = match (told, id) {
            (Err(reason), _) => reason,
            (Ok(()), CheckId::PipelinesShow) => Reason::PipelineDetailsDenied,
            (Ok(()), _) => Reason::PipelinesDenied,
        };
        self.not_read(id, app, why, exchange)
    }

    /// Notes why the list of apps, an app's pipelines or one of its runs were not read: a response that
    /// does not mean what it says has another reason than its own.
    pub fn not_read(
        &mut self,
        id: CheckId,
        app: Option<usize>,
        reason: Reason,
        exchange: impl Into<Option<Exchange>>,
    ) -> Next {
        let exchange = exchange.into();
        let status = exchange.as_ref().and_then(Exchange::status);
        // If there was no time for even one attempt, the app was not reached.
        let is_asked = exchange
            .as_ref()
            .is_none_or(|exchange| exchange.attempts > 0);
        let check = Check::of(id, Err(reason), exchange);
        if id == CheckId::AppsList {
            self.list = Some(check);
        } else if is_asked {
            let is_denied = reason.verdict() == Verdict::InvalidPermissions;
            if let Some(result) = app.map(|index| &mut self.apps[index]) {
                // A rejected token says nothing of the app.
                let (state, details) = if is_denied {
                    (AppState::Denied, Status::Fail)
                } else {
                    (AppState::Unknown, Status::Unknown)
                };
                (result.state, result.reason) = (state, Some(reason));
                result.http_status = status;
                if id == CheckId::PipelinesShow {
                    result.details = Some(details);
                }
            }
            self.keep(app, check);
        }
        Next::Done(Some(reason))
    }

    /// Keeps a check if it decides rather than the one that is kept: a refusal beats what could not be
    /// told, that a success, and this a check that was skipped; of equal ones the first app's stays.
    /// A refusal of an app that is disabled decides only if nothing else does.
    fn keep(&mut self, app: Option<usize>, mut check: Check) {
        let index = app.unwrap_or(usize::MAX - 1);
        check.app = self.apps.get(index).map(|result| result.app.clone());
        let is_other = |app: &&App| self.pages.first() != Some(&app.slug);
        let is_disabled = { check.app.as_ref() }
            .filter(is_other)
            .is_some_and(|app| app.is_disabled);
        let rank = match check.result.reason().map(Reason::verdict) {
            Some(Verdict::InvalidPermissions) if is_disabled => 1,
            Some(verdict) => 3 + verdict.rank(),
            None if check.result == CheckResult::Pass => 2,
            None => 0,
        };
        let kept = if check.id == CheckId::PipelinesShow {
            &mut self.pipelines_show
        } else {
            &mut self.pipelines_list
        };
        let weight = (rank, Reverse(index));
        if kept.as_ref().is_none_or(|(kept, _)| *kept < weight) {
            *kept = Some((weight, check));
        }
    }

    /// Notes that the run ends before everything was asked.
    pub fn end(&mut self, reason: Reason) {
        let is_listing = self.pages.end.is_none() && self.wants_pages();
        let is_own = match &mut self.list {
            None => {
                let result = CheckResult::NotPassed(reason);
                self.list = Some(Check::new(CheckId::AppsList, result));
                false
            }
            // A list that could not be read is itself the reason.
            Some(list) if list.finding == Finding::Nothing => false,
            Some(_) if reason == Reason::TokenRejected => false,
            Some(_) => {
                if is_listing {
                    self.pages.end = Some(Err(ListEnd::PageFailed));
                    self.cut(reason, None);
                }
                true
            }
        };
        let mut any = false;
        for result in &mut self.apps {
            let is_unsettled = result.state == AppState::Unknown && result.reason.is_none();
            if result.state == AppState::NotReached || is_unsettled {
                result.reason = Some(reason);
                any = true;
            }
        }
        if any && is_own {
            // No app is named, since none was asked for. Behind all others: what was answered
            // says more.
            let check = Check::new(CheckId::PipelinesList, CheckResult::NotPassed(reason));
            self.keep(Some(usize::MAX), check);
        }
    }

    /// Returns the report with the checks of all that was answered, and what is known of each app.
    pub fn finish(mut self, report: Report) -> Report {
        for result in &mut self.apps {
            result.is_first = self.pages.first() == Some(&result.app.slug);
            result.is_listed = self.pages.has(&result.app.slug);
            if result.reason == Some(Reason::PipelinesDenied) {
                result.reason = Some(classify::denied(result.is_listed));
            }
        }
        let mut checks = Vec::new();
        if report.evidence == EvidenceKind::Live {
            checks.push(Check::new(CheckId::TokenFormat, CheckResult::Pass));
        }
        checks.extend(self.list);
        checks.extend(self.recheck);
        for kept in [self.pipelines_list, self.pipelines_show] {
            let Some(((_, Reverse(index)), mut check)) = kept else {
                continue;
            };
            if let Some(result) = self.apps.get(index) {
                if check.result == CheckResult::NotPassed(Reason::PipelinesDenied) {
                    check.result = CheckResult::NotPassed(classify::denied(result.is_listed));
                }
                // The list may have told the app's name only after it was asked for.
                check.app = Some(result.app.clone());
            }
            if self.apps.len() > 1 && check.result == CheckResult::Skipped {
                check.app = None;
            }
            checks.push(check);
        }
        self.apps.shrink_to_fit();
        Report {
            apps: self.apps,
            begins_with_app: self.pages.begins_with_app,
            sample: self.pages.sample,
            ..report.with_checks(checks)
        }
    }
}

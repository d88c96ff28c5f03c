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
use crate::check::{Check, CheckId, CheckResult, ListEnd, Status};
use crate::classify;
use crate::exchange::{Body, Exchange};
use crate::verdict::{Reason, Verdict};
use crate::wire::PipelinePage;
use std::cmp::Reverse;
use std::collections::HashMap;

/// What follows from a response of an endpoint below one app.
#[derive(Debug)]
pub enum Next {
    /// Nothing more is to be asked of this app; the reason if it was not read.
    Done(Option<Reason>),
    /// This pipeline run is to be looked at.
    Details(Slug),
    /// A 401: the list of apps is to be asked for once more, and [`Assembly::not_read`] to be told what
    /// that means: the token is no longer accepted, or the app is refused ([`CheckId::denied`]).
    AskAgain(Box<Exchange>),
}

/// A report that is being put together.
#[derive(Debug, Default)]
pub struct Assembly {
    selection: Selection,
    details: bool,
    /// The pages of the list of apps: a page that tells which ones there are, and is no evidence, is
    /// taken by them alone.
    pub pages: Pages,
    /// What is known of each app that is to be checked.
    pub apps: Vec<AppResult>,
    /// The indices of the apps that are checked because they were named.
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
        let mut listed = self.pages.list.sample.iter();
        let listed = listed.find(|app| app.slug == *slug).cloned();
        self.expect(listed.unwrap_or_else(|| App::unlisted(slug.clone())));
        let index = self.apps.len() - 1;
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

    /// Returns where the next page of the list begins, if it is to be read.
    pub fn next_page(&self) -> Option<&Slug> {
        let is_open = |app: &AppResult| {
            app.state == AppState::Denied && self.pages.has(&app.app.slug).is_none()
        };
        let is_wanted = match self.selection {
            Selection::First => false,
            // Whether the list has a refused app decides on the reason.
            Selection::Named | Selection::File => self.apps.iter().any(is_open),
            Selection::All => true,
        };
        let next = self.pages.next.as_ref();
        next.filter(|_| is_wanted && self.pages.end.is_none())
    }

    /// Takes the response to a request for a page of the list of apps.
    ///
    /// # Errors
    /// Returns the reason why the list can't be read, or not be read on.
    pub fn apps(&mut self, exchange: Exchange) -> Result<(), Reason> {
        let is_first = self.pages.list.begins_with_app.is_none();
        let page = if is_first {
            classify::apps(&exchange)
        } else {
            classify::further_apps(&exchange)
        };
        let read = page.map(|page| {
            for app in self.pages.take(page) {
                if let Some(index) = self.named.get(&app.slug) {
                    self.apps[*index].app = app;
                } else if self.selection == Selection::All
                    || (self.selection == Selection::First && self.apps.is_empty())
                {
                    self.expect(app);
                }
            }
        });
        if read.is_err() {
            self.pages.end = Some(Err(ListEnd::PageFailed));
        }
        let is_cut = self.pages.end.is_some_and(|end| end.is_err());
        let told = match read {
            Ok(()) if is_cut && (!is_first || self.selection == Selection::All) => {
                Err(Reason::UnexpectedResponse)
            }
            told => told,
        };
        self.keep(CheckId::AppsList, None, told, Some(exchange));
        read
    }

    /// Takes the response to a later request for the list of apps, which was asked for because an
    /// endpoint below an app answered 401, and returns what it tells of the token. The one that tells
    /// most against the token is kept, the first of them.
    ///
    /// # Errors
    /// Returns why the token is not known to be accepted.
    pub fn recheck(&mut self, exchange: Exchange) -> Result<(), Reason> {
        let told = classify::recheck(&exchange);
        self.keep(CheckId::AppsRecheck, None, told, Some(exchange));
        told
    }

    /// Takes the response of an endpoint below an app, by the app's index; none if the app is not known.
    pub fn below_app(&mut self, id: CheckId, app: Option<usize>, exchange: Exchange) -> Next {
        let is_list = id != CheckId::PipelinesShow;
        let page = if is_list {
            classify::pipelines(&exchange)
        } else {
            classify::details(&exchange).map(|()| PipelinePage::default())
        };
        let mut result = app.map(|index| &mut self.apps[index]);
        let page = match page {
            Ok(page) => page,
            Err(Reason::TokenRejected) => {
                // It is open what that means.
                if let Some(result) = result {
                    (result.state, result.http_status) = (AppState::Unknown, exchange.status());
                }
                return Next::AskAgain(Box::new(exchange));
            }
            Err(reason) => return self.not_read(id, app, reason, exchange),
        };
        let run = page.pipeline_id.filter(|_| self.details);
        if let Some(result) = &mut result {
            if is_list {
                (result.state, result.reason) = (AppState::Readable, None);
                result.http_status = exchange.status();
                let has_runs = page.runs > 0;
                result.runs = Some(if has_runs { Runs::Seen } else { Runs::None });
                result.details = (self.details && run.is_none()).then_some(Status::Skip);
            } else {
                result.details = Some(Status::Pass);
            }
        }
        self.keep(id, app, Ok(()), Some(exchange));
        run.map_or(Next::Done(None), Next::Details)
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
        let seen = exchange.into();
        let is_unasked = seen.as_ref().is_some_and(|seen| seen.attempts == 0);
        // If there was no time for even one attempt, the app was not reached.
        if id == CheckId::AppsList || !is_unasked {
            if let Some(result) = app.map(|index| &mut self.apps[index]) {
                // A rejected token says nothing of the app.
                let is_denied = reason.verdict() == Verdict::InvalidPermissions;
                let (state, details) = if is_denied {
                    (AppState::Denied, Status::Fail)
                } else {
                    (AppState::Unknown, Status::Unknown)
                };
                (result.state, result.reason) = (state, Some(reason));
                result.http_status = seen.as_ref().and_then(Exchange::status);
                if id == CheckId::PipelinesShow {
                    result.details = Some(details);
                }
            }
            self.keep(id, app, Err(reason), seen);
        }
        Next::Done(Some(reason))
    }

    /// Keeps the check of a request, if it decides rather than the one that was kept: a refusal outranks
    /// what could not be told, which outranks a success; of two with the same rank, the one of the app that
    /// comes first. A refusal of an app that is disabled decides only if nothing else does.
    fn keep(
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
            let result = told.map_or_else(CheckResult::NotPassed, |()| CheckResult::Pass);
            let mut check = Check::new(id, result);
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
            self.pages.end = Some(Err(ListEnd::PageFailed));
            let page = list.take().and_then(|(_, check)| check.exchange);
            self.keep(CheckId::AppsList, None, Err(reason), page);
        }
        let mut any = false;
        for result in &mut self.apps {
            let is_unsettled = result.state == AppState::Unknown && result.reason.is_none();
            if result.state == AppState::NotReached || is_unsettled {
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
        let Pages { list, end, .. } = &mut self.pages;
        list.end = end
            .and_then(Result::err)
            .filter(|_| list.begins_with_app.is_some());
        let first = self.pages.list.first().map(|app| &app.slug);
        for result in &mut self.apps {
            result.is_first = first == Some(&result.app.slug);
            result.is_listed = self.pages.has(&result.app.slug);
            if result.reason == Some(Reason::PipelinesDenied) {
                result.reason = Some(CheckId::PipelinesList.denied(result.is_listed));
            }
        }
        if report.evidence == EvidenceKind::Live {
            self.keep(CheckId::TokenFormat, None, Ok(()), None);
        }
        let mut checks = Vec::new();
        for ((_, Reverse(index)), mut check) in self.kept.into_iter().flatten() {
            if let Some(result) = self.apps.get(index) {
                if check.result == CheckResult::NotPassed(Reason::PipelinesDenied) {
                    check.result =
                        CheckResult::NotPassed(CheckId::PipelinesList.denied(result.is_listed));
                }
                // The list may have told the app's name only after it was asked for.
                check.app = Some(result.app.clone());
            }
            checks.push(check);
        }
        self.apps.shrink_to_fit();
        Report {
            apps: self.apps,
            list: self.pages.list,
            ..report.with_checks(checks)
        }
    }
}

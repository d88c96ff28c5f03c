//! The requests of a run: what follows what, and how many are in flight at once.

use super::Event;
use super::app_results::AppResults;
use super::listing::Listing;
use crate::api::Client;
use crate::app::App;
use crate::check::{Check, CheckId, CheckResult, Finding, ListEnd, SkipReason};
use crate::classify::{self, AppStep};
use crate::exchange::Exchange;
use crate::plan::{AppSelection, Plan};
use crate::report::{AppResult, AppState};
use crate::verdict::{Reason, Verdict};
use futures_util::future::{join, pending, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::pin;
use tokio::sync::{Notify, Semaphore};

/// How many runs are asked for if one with details is wanted, so that standalone builds on top of
/// the list don't hide it (the spec's default page).
const RUNS_FOR_DETAILS: u8 = 10;

/// The maximum number of listed apps that are kept only to be named in the report.
const MAX_SAMPLE: usize = 50;

/// A run. It may be left at any time: what is known stands here.
pub(super) struct Run<'a> {
    client: &'a Client,
    plan: &'a Plan,
    on_event: &'a dyn Fn(Event<'_>),
    /// The requests that may be in flight.
    permits: Semaphore,
    state: RefCell<State<'a>>,
    rechecks: Rechecks,
    /// Wakes the checks of apps: more apps are listed, or none will be.
    listed: Notify,
    /// Wakes the run: requests in flight would come to nothing, or wait for ever.
    stopped: Notify,
}

/// All that was learnt so far.
struct State<'a> {
    /// The check of the list of apps, once it was answered.
    list: Option<Check>,
    listing: Listing,
    sample: Vec<App>,
    results: AppResults,
    /// The indices of the apps that the plan names and the list has not named yet, by their slugs.
    unnamed: HashMap<&'a str, usize>,
    /// The index of the next app to ask for.
    next: usize,
    /// Why no more is asked, once that is so.
    end: Option<Reason>,
}

/// The further looks at the list of apps, of which one at a time is in flight.
///
/// A look tells of the time when it was sent. So it settles a 401 that came before that, and none
/// that came later: an example with two apps in flight is in the test
/// `a_recheck_settles_only_what_came_before_it`.
#[derive(Default)]
struct Rechecks {
    /// How many were sent.
    sent: Cell<u32>,
    is_in_flight: Cell<bool>,
    /// The number of the last one that was answered, and what it told.
    last: Cell<Option<(u32, Result<(), Reason>)>>,
    /// The check of the first one that told most against the token.
    check: RefCell<Option<Check>>,
    answered: Notify,
}

/// What a run learnt.
pub(super) struct Learnt {
    pub(super) checks: Vec<Check>,
    pub(super) apps: Vec<AppResult>,
    pub(super) sample: Vec<App>,
}

impl<'a> Run<'a> {
    pub(super) fn new(client: &'a Client, plan: &'a Plan, on_event: &'a dyn Fn(Event<'_>)) -> Self {
        let (mut results, mut unnamed) = (AppResults::default(), HashMap::new());
        if let AppSelection::Named(slugs) = &plan.apps {
            for slug in slugs {
                unnamed.insert(slug.raw(), results.len());
                results.expect(App::unlisted(slug.clone()));
            }
        }
        let state = State {
            list: None,
            listing: Listing::default(),
            sample: Vec::new(),
            results,
            unnamed,
            next: 0,
            end: None,
        };
        Self {
            client,
            plan,
            on_event,
            permits: Semaphore::new(plan.concurrency.max(1)),
            state: RefCell::new(state),
            rechecks: Rechecks::default(),
            listed: Notify::new(),
            stopped: Notify::new(),
        }
    }

    /// Asks for everything that the plan wants to know.
    pub(super) async fn all(&self) {
        let work = async {
            join(self.read_list(), self.check_apps()).await;
            // Only now it is known which of the named apps were refused.
            self.read_pages().await;
        };
        select(pin!(work), pin!(self.stopped.notified())).await;
        let end = self.state.borrow().end;
        if let Some(reason) = end {
            self.end(reason);
        }
    }

    /// Notes that the run ends before everything was asked.
    pub(super) fn end(&self, reason: Reason) {
        let state = &mut *self.state.borrow_mut();
        let is_listing = state.listing.end().is_none() && self.wants_pages(state);
        let is_own = match &mut state.list {
            // A list that could not be read is itself the reason.
            Some(list) if matches!(list.finding, Finding::Nothing) => false,
            Some(_) if reason == Reason::TokenRejected => false,
            Some(list) => {
                if is_listing {
                    let listed = state.listing.listed();
                    let end = ListEnd::PageFailed;
                    list.result = CheckResult::NotPassed(reason);
                    list.finding = Finding::SomeApps { listed, end };
                }
                true
            }
            None => {
                let result = CheckResult::NotPassed(reason);
                state.list = Some(Check::new(CheckId::AppsList, result));
                false
            }
        };
        state.results.unreached(reason, is_own);
    }

    /// Returns the checks of all that was asked, and what is known of each app.
    pub(super) fn finish(self) -> Learnt {
        let state = self.state.into_inner();
        let mut checks: Vec<Check> = state.list.into_iter().collect();
        checks.extend(self.rechecks.check.into_inner());
        let (of_apps, apps) = state.results.finish(&state.listing);
        checks.extend(of_apps);
        Learnt {
            checks,
            apps,
            sample: state.sample,
        }
    }

    /// Reads the list of apps, page by page, as far as apps come from it.
    async fn read_list(&self) {
        (self.on_event)(Event::Asking(CheckId::AppsList, None));
        let exchange = self.send(self.client.apps()).await;
        self.first_page(exchange);
        self.listed.notify_one();
        self.read_pages().await;
    }

    /// Reads the further pages of the list, as long as they are wanted.
    async fn read_pages(&self) {
        loop {
            let next = {
                let state = self.state.borrow();
                let wanted = state.end.is_none() && self.wants_pages(&state);
                state.listing.next().filter(|_| wanted).cloned()
            };
            let Some(next) = next else { return };
            (self.on_event)(Event::Asking(CheckId::AppsList, None));
            let exchange = self.send(self.client.apps_from(&next)).await;
            self.further_page(exchange);
            self.listed.notify_one();
        }
    }

    /// Checks the apps as they are listed, several at once.
    async fn check_apps(&self) {
        let mut checks = FuturesUnordered::new();
        loop {
            while checks.len() < self.plan.concurrency.max(1)
                && let Some(index) = self.next_app()
            {
                checks.push(self.check_app(index));
            }
            if checks.is_empty() && !self.may_list_more() {
                return;
            }
            let done = async {
                if checks.next().await.is_none() {
                    pending::<()>().await;
                }
            };
            select(pin!(done), pin!(self.listed.notified())).await;
        }
    }

    /// Returns the index of the next app to check, if there is one and the list was answered.
    fn next_app(&self) -> Option<usize> {
        let state = &mut *self.state.borrow_mut();
        let is_listed = matches!(&state.list, Some(list) if list.finding != Finding::Nothing);
        let may_ask = state.end.is_none() && is_listed;
        let index = (may_ask && state.next < state.results.len()).then_some(state.next)?;
        state.next += 1;
        Some(index)
    }

    /// Tells whether apps may still come in that are to be checked.
    fn may_list_more(&self) -> bool {
        let state = self.state.borrow();
        let come_from_list = self.plan.apps == AppSelection::All;
        let has_more = come_from_list && state.listing.next().is_some();
        state.end.is_none() && (state.list.is_none() || has_more)
    }

    /// Tells whether the list is to be read on.
    fn wants_pages(&self, state: &State<'_>) -> bool {
        match self.plan.apps {
            AppSelection::First => false,
            // Whether the list has a refused app decides on the reason.
            AppSelection::Named(_) => {
                let mut indices = state.unnamed.values();
                let is_refused =
                    |index: &usize| state.results.result(*index).state == AppState::Denied;
                indices.any(is_refused)
            }
            AppSelection::All => true,
        }
    }

    /// Sends a request when one more may be in flight.
    async fn send(&self, request: impl Future<Output = Exchange>) -> Exchange {
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await;
        request.await
    }

    /// Checks one app: its list of runs and, if that is wanted, one of its runs.
    async fn check_app(&self, index: usize) {
        let app = self.state.borrow().results.result(index).app.clone();
        let id = CheckId::PipelinesList;
        (self.on_event)(Event::Asking(id, Some(&app)));
        let limit = if self.plan.details {
            RUNS_FOR_DETAILS
        } else {
            1
        };
        let exchange = self.send(self.client.pipelines(&app.slug, limit)).await;
        let page = match classify::pipelines(&exchange) {
            AppStep::Readable(page) => page,
            AppStep::NotReadable(reason) => {
                return self.refused(id, index, (reason, Finding::Nothing), exchange);
            }
            AppStep::RecheckToken => return self.unauthorized(id, index, exchange).await,
        };
        self.with_results(|results| results.readable(index, page.runs, exchange));
        let Some(pipeline_id) = page.pipeline_id.filter(|_| self.plan.details) else {
            let why = if self.plan.details {
                SkipReason::NoPipelineRun
            } else {
                SkipReason::NotRequested
            };
            self.with_results(|results| results.not_detailed(index, why));
            return self.checked(index);
        };
        let id = CheckId::PipelinesShow;
        (self.on_event)(Event::Asking(id, Some(&app)));
        let request = self.client.pipeline(&app.slug, &pipeline_id);
        let exchange = self.send(request).await;
        match classify::details(&exchange) {
            AppStep::Readable(()) => {
                self.with_results(|results| results.detailed(index, exchange));
                self.checked(index);
            }
            AppStep::NotReadable(reason) => {
                self.refused(id, index, (reason, Finding::Nothing), exchange);
            }
            AppStep::RecheckToken => self.unauthorized(id, index, exchange).await,
        }
    }

    /// Finds out what a 401 below an app means: that the token is no longer accepted, or that the
    /// app is refused.
    async fn unauthorized(&self, id: CheckId, index: usize, exchange: Exchange) {
        self.with_results(|results| results.unsettled(index));
        let denied = if id == CheckId::PipelinesShow {
            Reason::PipelineDetailsDenied
        } else {
            Reason::PipelinesDenied
        };
        let found = match self.recheck().await {
            Ok(()) => (denied, Finding::AskedAgain),
            Err(reason) => (reason, Finding::Nothing),
        };
        self.refused(id, index, found, exchange);
    }

    /// Asks for the list of apps once more, and returns what it tells of the token, as of a time
    /// after this call.
    async fn recheck(&self) -> Result<(), Reason> {
        let rechecks = &self.rechecks;
        let wanted = rechecks.sent.get() + 1;
        loop {
            match rechecks.last.get() {
                Some((number, told)) if number >= wanted => return told,
                Some(_) | None if rechecks.is_in_flight.get() => {
                    rechecks.answered.notified().await;
                    continue;
                }
                Some(_) | None => {}
            }
            rechecks.is_in_flight.set(true);
            (self.on_event)(Event::Asking(CheckId::AppsRecheck, None));
            let exchange = self
                .send(async {
                    // Only now it is sent: what came while it waited for its turn is settled, too.
                    rechecks.sent.set(rechecks.sent.get() + 1);
                    self.client.apps().await
                })
                .await;
            let told = classify::recheck(&exchange);
            rechecks.last.set(Some((rechecks.sent.get(), told)));
            rechecks.is_in_flight.set(false);
            self.rechecked(told, exchange);
            rechecks.answered.notify_waiters();
        }
    }

    /// Keeps the evidence of a recheck, if none before it told as much against the token.
    fn rechecked(&self, told: Result<(), Reason>, mut exchange: Exchange) {
        let rank = |reason: Option<Reason>| reason.map(|reason| reason.verdict().rank());
        let kept = &mut *self.rechecks.check.borrow_mut();
        let is_first = |kept: &Check| rank(kept.result.reason()) < rank(told.err());
        if kept.as_ref().is_none_or(is_first) {
            exchange.forget_list();
            let result = told.map_or_else(CheckResult::NotPassed, |()| CheckResult::Pass);
            *kept = Some(Check {
                exchange: Some(exchange),
                ..Check::new(CheckId::AppsRecheck, result)
            });
        }
    }

    fn first_page(&self, mut exchange: Exchange) {
        let state = &mut *self.state.borrow_mut();
        let page = match classify::apps(&exchange) {
            Ok(page) => page,
            Err(reason) => {
                exchange.forget_list();
                state.list = Some(Check {
                    exchange: Some(exchange),
                    ..Check::new(CheckId::AppsList, CheckResult::NotPassed(reason))
                });
                state.end = Some(reason);
                return;
            }
        };
        exchange.forget_list();
        let total = page.total;
        let apps = state.listing.take(page);
        let listed = state.listing.listed();
        state.list = Some(Check {
            finding: Finding::Apps { total, listed },
            exchange: Some(exchange.clone()),
            ..Check::new(CheckId::AppsList, CheckResult::Pass)
        });
        let first = apps.first().and_then(|app| match self.plan.apps {
            AppSelection::First | AppSelection::All => Some(0),
            AppSelection::Named(_) => state.unnamed.get(app.slug.raw()).copied(),
        });
        state.sample = apps.iter().take(MAX_SAMPLE).cloned().collect();
        self.add(state, apps);
        if let Some(index) = first {
            state.results.first(index);
        }
        if self.plan.apps == AppSelection::All {
            read_on(state, exchange);
        }
    }

    fn further_page(&self, mut exchange: Exchange) {
        let state = &mut *self.state.borrow_mut();
        let page = classify::further_apps(&exchange);
        exchange.forget_list();
        match page {
            Ok(page) => {
                let apps = state.listing.take(page);
                self.add(state, apps);
                read_on(state, exchange);
            }
            Err(reason) => {
                state.listing.fail();
                cut(state, reason, exchange);
                self.stop_at(state, reason);
            }
        }
    }

    /// Takes the new apps of a page.
    fn add(&self, state: &mut State<'_>, apps: Vec<App>) {
        match &self.plan.apps {
            AppSelection::First => {
                apps.into_iter()
                    .take(1)
                    .for_each(|app| state.results.expect(app));
            }
            AppSelection::Named(_) => {
                for app in apps {
                    if let Some(index) = state.unnamed.remove(app.slug.raw()) {
                        state.results.name(index, app);
                    }
                }
                (self.on_event)(Event::Listed(state.results.len(), true));
            }
            AppSelection::All => {
                for app in apps {
                    state.results.expect(app);
                }
                let ended = state.listing.end().is_some();
                (self.on_event)(Event::Listed(state.listing.listed(), ended));
            }
        }
    }

    fn with_results(&self, change: impl FnOnce(&mut AppResults)) {
        change(&mut self.state.borrow_mut().results);
    }

    /// Notes why an app could not be read.
    fn refused(&self, id: CheckId, index: usize, why: (Reason, Finding), exchange: Exchange) {
        // If there was no time for even one attempt, the app was not reached.
        let was_asked = exchange.attempts > 0;
        if was_asked {
            self.with_results(|results| results.refused(id, index, why, exchange));
            self.checked(index);
        }
        self.stop_at(&mut self.state.borrow_mut(), why.0);
    }

    fn checked(&self, index: usize) {
        let state = self.state.borrow();
        (self.on_event)(Event::Checked(state.results.result(index)));
    }

    /// Asks no more if a reason concerns all requests, and not only one.
    fn stop_at(&self, state: &mut State<'_>, reason: Reason) {
        let no_hope = reason == Reason::RateLimited && self.client.has_given_up();
        if reason == Reason::TokenRejected || no_hope {
            self.stopped.notify_one();
        }
        if reason.verdict() == Verdict::InvalidCredentials
            || reason == Reason::MaxTimeReached
            || no_hope
        {
            state.end = Some(reason);
        }
    }
}

/// Notes that the list can't be read on.
fn cut(state: &mut State<'_>, reason: Reason, exchange: Exchange) {
    let listed = state.listing.listed();
    let end = state.listing.end().and_then(Result::err);
    let end = end.unwrap_or(ListEnd::PageFailed);
    state.list = Some(Check {
        finding: Finding::SomeApps { listed, end },
        exchange: Some(exchange),
        ..Check::new(CheckId::AppsList, CheckResult::NotPassed(reason))
    });
}

/// Notes how the list ended, if the page of this response was its last.
fn read_on(state: &mut State<'_>, exchange: Exchange) {
    match (state.listing.end(), &mut state.list) {
        (Some(Ok(())), Some(list)) => {
            list.finding = Finding::Apps {
                total: Some(state.listing.total()),
                listed: state.listing.listed(),
            };
        }
        (Some(Err(_)), _) => cut(state, Reason::UnexpectedResponse, exchange),
        (None, _) | (Some(Ok(())), None) => {}
    }
}

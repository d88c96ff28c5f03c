//! The order of requests: what follows what, and how many are under way at once.

use super::Event;
use super::ledger::Ledger;
use super::listing::Listing;
use crate::api::Client;
use crate::app::{App, Slug};
use crate::check::{Check, CheckId, CheckResult, Finding, ListEnd, SkipReason};
use crate::classify::{self, Listed, PipelinesStep};
use crate::exchange::Exchange;
use crate::plan::{AppSelection, Plan};
use crate::report::AppResult;
use crate::verdict::{Reason, Verdict};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use std::collections::HashMap;

/// How many runs are asked for where one with details is wanted, so that standalone builds on
/// top of the list don't hide it (the spec's default page).
const RUNS_FOR_DETAILS: u8 = 10;

/// Holds a run while it is under way. It may be left at any time: what is known stands here.
pub(super) struct Run<'a> {
    client: &'a Client,
    plan: &'a Plan,
    on_event: &'a dyn Fn(Event<'_>),
    /// The check of the list of apps, once it was answered.
    list: Option<Check>,
    listing: Listing,
    ledger: Ledger,
    /// The places of the apps that the plan names, by their slugs.
    places: HashMap<&'a str, usize>,
    /// The place of the next app to ask for.
    next: usize,
    /// Whether a page of the list is being asked for.
    is_paging: bool,
    /// Whether the list is being asked for again, because of a 401.
    is_rechecking: bool,
    /// Apps that were answered with 401, with the check that it was, until it is known what that
    /// means.
    unauthorized: Vec<(usize, CheckId, Exchange)>,
    /// Apps that were refused, and of which it is open whether they are in the list.
    unlisted: Vec<(usize, Finding, Exchange)>,
    /// Why no more is asked, once that is so.
    end: Option<Reason>,
}

/// Names a request, or two that follow each other.
enum Job {
    /// A page of the list: the first one, or the one that begins with this app.
    Page(Option<Slug>),
    /// The list once more.
    Recheck,
    /// The app at this place.
    App(usize, App),
}

/// Holds what came of a [`Job`].
enum Done {
    Page(Exchange),
    Recheck(Exchange),
    App(usize, Exchange, Details),
}

/// Holds what came of looking at one pipeline run of an app, or why none was looked at.
type Details = Result<Box<Exchange>, SkipReason>;

impl<'a> Run<'a> {
    pub(super) fn new(client: &'a Client, plan: &'a Plan, on_event: &'a dyn Fn(Event<'_>)) -> Self {
        let (mut ledger, mut places) = (Ledger::default(), HashMap::new());
        if let AppSelection::Named(slugs) = &plan.apps {
            for slug in slugs {
                places.insert(slug.raw(), ledger.len());
                ledger.expect(App::unlisted(slug.clone()));
            }
        }
        Self {
            client,
            plan,
            on_event,
            list: None,
            listing: Listing::default(),
            ledger,
            places,
            next: 0,
            is_paging: false,
            is_rechecking: false,
            unauthorized: Vec::new(),
            unlisted: Vec::new(),
            end: None,
        }
    }

    /// Asks for everything that the plan wants to know.
    pub(super) async fn all(&mut self) {
        let most = self.plan.concurrency.max(1);
        let mut jobs = FuturesUnordered::new();
        loop {
            while jobs.len() < most
                && let Some(job) = self.next_job()
            {
                jobs.push(perform(self.client, self.plan, self.on_event, job));
            }
            let Some(done) = jobs.next().await else { break };
            self.take(done);
            // Those that are under way would come to nothing, or wait for ever.
            if let Some(Reason::TokenRejected | Reason::RateLimited) = self.end {
                break;
            }
        }
        drop(jobs);
        if let Some(reason) = self.end {
            self.end(reason);
        } else {
            self.settle();
        }
    }

    /// Returns the checks of all that was asked, and what is known of each app.
    pub(super) fn finish(self) -> (Vec<Check>, Vec<AppResult>) {
        let mut checks: Vec<Check> = self.list.into_iter().collect();
        let (of_apps, apps) = self.ledger.finish();
        checks.extend(of_apps);
        (checks, apps)
    }

    /// Notes that the run ends before everything was asked.
    pub(super) fn end(&mut self, reason: Reason) {
        let wants_pages = self.wants_pages();
        let is_own = match &mut self.list {
            // A list that could not be read is itself the reason.
            Some(list) if matches!(list.finding, Finding::Nothing) => false,
            Some(_) if reason == Reason::TokenRejected => false,
            Some(list) => {
                if wants_pages && self.listing.end().is_none() {
                    let listed = self.listing.listed();
                    let end = ListEnd::PageFailed;
                    list.result = CheckResult::NotPassed(reason);
                    list.finding = Finding::SomeApps { listed, end };
                }
                true
            }
            None => {
                self.list = Some(list_check(reason, Finding::Nothing, None));
                false
            }
        };
        for (place, id, exchange) in std::mem::take(&mut self.unauthorized) {
            if id == CheckId::PipelinesShow {
                self.detailed(place, Err(reason), Finding::Nothing, exchange);
            } else {
                self.refuse(place, reason, Finding::Nothing, exchange);
            }
        }
        self.settle();
        self.ledger.unreached(reason, is_own);
    }

    fn next_job(&mut self) -> Option<Job> {
        if self.is_rechecking || self.end.is_some() {
            return None;
        }
        if !self.unauthorized.is_empty() {
            self.is_rechecking = true;
            return Some(Job::Recheck);
        }
        let Some(list) = &self.list else {
            let first = !self.is_paging;
            self.is_paging = true;
            return first.then_some(Job::Page(None));
        };
        if let Some(next) = self.listing.next().filter(|_| !self.is_paging)
            && self.wants_pages()
        {
            self.is_paging = true;
            return Some(Job::Page(Some(next.clone())));
        }
        let may_ask = !matches!(list.finding, Finding::Nothing);
        let place = (may_ask && self.next < self.ledger.len()).then_some(self.next)?;
        self.next += 1;
        Some(Job::App(place, self.ledger.result(place).app.clone()))
    }

    /// Tells whether the list is to be read on.
    fn wants_pages(&self) -> bool {
        match self.plan.apps {
            AppSelection::First => false,
            AppSelection::Named(_) => !self.unlisted.is_empty(),
            AppSelection::All => true,
        }
    }

    fn take(&mut self, done: Done) {
        match done {
            Done::Page(exchange) => {
                self.is_paging = false;
                if self.list.is_none() {
                    self.first_page(exchange);
                } else {
                    self.further_page(exchange);
                }
            }
            Done::Recheck(exchange) => {
                self.is_rechecking = false;
                self.rechecked(exchange);
            }
            Done::App(place, exchange, details) => self.app(place, exchange, details),
        }
    }

    fn first_page(&mut self, exchange: Exchange) {
        match classify::apps(&exchange) {
            Ok(page) => {
                let total = page.total;
                let apps = self.listing.take(page);
                let listed = self.listing.listed();
                let found = Finding::Apps { total, listed };
                self.list = Some(Check {
                    result: CheckResult::Pass,
                    ..list_check(Reason::NoApps, found, Some(exchange.clone()))
                });
                let first = apps.first().and_then(|app| match self.plan.apps {
                    AppSelection::First | AppSelection::All => Some(0),
                    AppSelection::Named(_) => self.places.get(app.slug.raw()).copied(),
                });
                self.listed(apps);
                if let Some(place) = first {
                    self.ledger.first(place);
                }
                if self.plan.apps == AppSelection::All {
                    self.read_on(exchange);
                }
            }
            Err(reason) => {
                self.list = Some(list_check(reason, Finding::Nothing, Some(exchange)));
                self.end = Some(reason);
            }
        }
    }

    fn further_page(&mut self, exchange: Exchange) {
        match classify::further_apps(&exchange) {
            Ok(page) => {
                let apps = self.listing.take(page);
                self.listed(apps);
                self.read_on(exchange);
            }
            Err(reason) => {
                self.listing.fail();
                self.cut(reason, exchange);
                self.stop_at(reason);
            }
        }
    }

    /// Notes that the list can't be read on.
    fn cut(&mut self, reason: Reason, exchange: Exchange) {
        let listed = self.listing.listed();
        let end = self.listing.end().and_then(Result::err);
        let end = end.unwrap_or(ListEnd::PageFailed);
        let found = Finding::SomeApps { listed, end };
        self.list = Some(list_check(reason, found, Some(exchange)));
    }

    /// Notes how the list ended, where the page of this answer was its last.
    fn read_on(&mut self, exchange: Exchange) {
        match (self.listing.end(), &mut self.list) {
            (Some(Ok(())), Some(list)) => list.finding = all_listed(&self.listing),
            (Some(Err(_)), _) => self.cut(Reason::UnexpectedResponse, exchange),
            (None, _) | (Some(Ok(())), None) => {}
        }
    }

    /// Takes the new apps of a page.
    fn listed(&mut self, apps: Vec<App>) {
        match &self.plan.apps {
            AppSelection::First => apps.into_iter().take(1).for_each(|a| self.ledger.expect(a)),
            AppSelection::Named(_) => {
                for app in apps {
                    if let Some(place) = self.places.get(app.slug.raw()) {
                        self.ledger.name(*place, app);
                    }
                }
                (self.on_event)(Event::Listed(self.ledger.len(), true));
            }
            AppSelection::All => {
                for app in apps {
                    self.ledger.expect(app);
                }
                let ended = self.listing.end().is_some();
                (self.on_event)(Event::Listed(self.listing.listed(), ended));
            }
        }
        let listing = &self.listing;
        let is_open = |slug: &Slug| !listing.has(slug) && listing.next().is_some();
        let ledger = &self.ledger;
        let settled: Vec<_> = self
            .unlisted
            .extract_if(.., |(place, ..)| !is_open(&ledger.result(*place).app.slug))
            .collect();
        for (place, found, exchange) in settled {
            self.denied(place, found, exchange);
        }
    }

    fn rechecked(&mut self, again: Exchange) {
        let reason = classify::recheck(&again, Listed::Yes);
        // Where it is the app that is refused, the second look found the token accepted.
        let accepted = reason.verdict() == Verdict::InvalidPermissions;
        for (place, id, exchange) in std::mem::take(&mut self.unauthorized) {
            match (id, accepted) {
                (CheckId::PipelinesShow, true) => {
                    let answer = classify::details(&exchange);
                    self.detailed(place, answer, Finding::AskedAgain, exchange);
                }
                (CheckId::PipelinesShow, false) => {
                    self.detailed(place, Err(reason), Finding::Nothing, exchange);
                }
                (_, true) => self.denied(place, Finding::AskedAgain, exchange),
                (_, false) => self.refuse(place, reason, Finding::Nothing, exchange),
            }
        }
        if let Some(list) = self.list.as_mut().filter(|_| !accepted) {
            list.result = CheckResult::NotPassed(reason);
            list.exchange = Some(again);
            self.stop_at(reason);
        }
    }

    fn app(&mut self, place: usize, exchange: Exchange, details: Details) {
        match classify::pipelines(&exchange, Listed::Yes) {
            PipelinesStep::Readable(page) => {
                self.ledger.readable(place, page.runs, exchange);
                self.details(place, details);
            }
            PipelinesStep::NotReadable(reason)
                if reason.verdict() == Verdict::InvalidPermissions =>
            {
                self.denied(place, Finding::Nothing, exchange);
            }
            PipelinesStep::NotReadable(reason) => {
                // Where there was no time for even one attempt, the app was not reached.
                if exchange.attempts > 0 {
                    self.refuse(place, reason, Finding::Nothing, exchange);
                }
                self.stop_at(reason);
            }
            PipelinesStep::RecheckToken => {
                let id = CheckId::PipelinesList;
                self.unauthorized.push((place, id, exchange));
            }
        }
    }

    fn details(&mut self, place: usize, details: Details) {
        match details {
            Err(why) => {
                self.ledger.not_detailed(place, why);
                self.checked(place);
            }
            Ok(exchange) => match classify::details(&exchange) {
                // As with the pipelines, 401 may be the token's end and not the app's refusal.
                Err(Reason::PipelineDetailsDenied) if has_status(&exchange, 401) => {
                    let id = CheckId::PipelinesShow;
                    self.unauthorized.push((place, id, *exchange));
                }
                answer => {
                    self.detailed(place, answer, Finding::Nothing, *exchange);
                    if let Err(reason) = answer {
                        self.stop_at(reason);
                    }
                }
            },
        }
    }

    fn detailed(
        &mut self,
        place: usize,
        answer: Result<(), Reason>,
        found: Finding,
        exchange: Exchange,
    ) {
        let result = answer.map_or_else(CheckResult::NotPassed, |()| CheckResult::Pass);
        self.ledger.detailed(place, result, found, exchange);
        self.checked(place);
    }

    /// Takes a refusal, whose reason depends on whether the app is in the list.
    fn denied(&mut self, place: usize, found: Finding, exchange: Exchange) {
        let slug = &self.ledger.result(place).app.slug;
        let listed = if self.plan.apps == AppSelection::All || self.listing.has(slug) {
            Listed::Yes
        } else if self.listing.next().is_some() {
            return self.unlisted.push((place, found, exchange));
        } else if self.listing.end() == Some(Ok(())) {
            Listed::No
        } else {
            Listed::NotYet
        };
        self.refuse(place, classify::denied(listed), found, exchange);
    }

    /// Takes the refusals whose place in the list will not become known any more.
    fn settle(&mut self) {
        for (place, found, exchange) in std::mem::take(&mut self.unlisted) {
            self.refuse(place, classify::denied(Listed::NotYet), found, exchange);
        }
    }

    fn refuse(&mut self, place: usize, reason: Reason, found: Finding, exchange: Exchange) {
        self.ledger.refused(place, reason, found, exchange);
        self.checked(place);
    }

    fn checked(&self, place: usize) {
        (self.on_event)(Event::Checked(self.ledger.result(place)));
    }

    /// Asks no more where a reason concerns all requests, and not only one.
    fn stop_at(&mut self, reason: Reason) {
        let is_for_all = matches!(reason, Reason::TokenRejected | Reason::MaxTimeReached);
        let no_hope = reason == Reason::RateLimited && self.client.has_given_up();
        if is_for_all || no_hope {
            self.end = Some(reason);
        }
    }
}

async fn perform(client: &Client, plan: &Plan, on_event: &dyn Fn(Event<'_>), job: Job) -> Done {
    match job {
        Job::Page(next) => {
            on_event(Event::Asking(CheckId::AppsList, None));
            Done::Page(match next {
                None => client.apps().await,
                Some(next) => client.apps_from(&next).await,
            })
        }
        Job::Recheck => {
            on_event(Event::Asking(CheckId::AppsList, None));
            Done::Recheck(client.apps().await)
        }
        Job::App(place, app) => {
            on_event(Event::Asking(CheckId::PipelinesList, Some(&app)));
            let runs = if plan.details { RUNS_FOR_DETAILS } else { 1 };
            let exchange = client.pipelines(&app.slug, runs).await;
            let id = match classify::pipelines(&exchange, Listed::Yes) {
                PipelinesStep::Readable(page) => page.pipeline_id,
                PipelinesStep::NotReadable(_) | PipelinesStep::RecheckToken => None,
            };
            let details = match id {
                Some(id) if plan.details => {
                    on_event(Event::Asking(CheckId::PipelinesShow, Some(&app)));
                    Ok(Box::new(client.pipeline(&app.slug, &id).await))
                }
                Some(_) | None if plan.details => Err(SkipReason::NoPipelineRun),
                Some(_) | None => Err(SkipReason::NotRequested),
            };
            Done::App(place, exchange, details)
        }
    }
}

/// Returns what a list tells whose every page was read.
fn all_listed(listing: &Listing) -> Finding {
    Finding::Apps {
        total: Some(listing.total()),
        listed: listing.listed(),
    }
}

fn has_status(exchange: &Exchange, status: u16) -> bool {
    exchange
        .response()
        .is_some_and(|response| response.status == status)
}

fn list_check(reason: Reason, found: Finding, exchange: Option<Exchange>) -> Check {
    Check {
        id: CheckId::AppsList,
        result: CheckResult::NotPassed(reason),
        finding: found,
        app: None,
        exchange,
    }
}

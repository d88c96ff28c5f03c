//! The run itself: DX's calls in DX's order, what follows what, how many are in flight at once, and a
//! report of what came of them.
//!
//! Invariant: nothing is printed and no verdict is decided here; [`crate::classify`] says what
//! a response means.

use crate::api::Client;
use crate::app::{App, Slug};
use crate::check::CheckId;
use crate::classify;
use crate::exchange::Exchange;
use crate::plan::{Plan, Selection};
use crate::report::{AppResult, AppState, Assembly, Report};
use crate::verdict::{Reason, Signal, Verdict};
use futures_util::StreamExt as _;
use futures_util::future::{Either, join, select};
use futures_util::stream::poll_fn;
use std::cell::{Cell, RefCell};
use std::pin::pin;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{Mutex, Notify, Semaphore};

/// How many runs are asked for if one with details is wanted, so that standalone builds on top of
/// the list don't hide it (the spec's default page).
const RUNS_FOR_DETAILS: u8 = 10;

/// What a run is doing, for a line of progress.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A request is being sent: which check it is for, and of which app.
    Asking(CheckId, Option<&'a App>),
    /// A page of the list was read: how many apps are listed or named so far.
    Listed(usize),
    /// What is known of an app, after all that was asked for it.
    Checked(&'a AppResult),
}

/// Makes the checks of a plan and returns the report with what came of them. `report` is one that
/// has no checks yet, with the token's kind.
///
/// If `stop` completes first, requests in flight are given up, and the report says what is known
/// by then.
pub async fn verify(
    client: &Client,
    plan: &Plan,
    report: Report,
    stop: impl Future<Output = Signal>,
    on_event: &dyn Fn(Event<'_>),
) -> Report {
    let mut assembly = Assembly::new(plan.options);
    for slug in &plan.apps {
        assembly.app(slug);
    }
    let run = Run {
        client,
        plan,
        on_event,
        assembly: RefCell::new(assembly),
        permits: Semaphore::new(plan.concurrency.max(1)),
        end: Cell::new(None),
        stopped: Notify::new(),
        moment: Cell::new(0),
        looked: Mutex::new(None),
    };
    let interrupted = match select(pin!(run.all()), pin!(stop)).await {
        Either::Left(_) => None,
        Either::Right((signal, _)) => Some(signal),
    };
    let mut assembly = run.assembly.into_inner();
    if interrupted.is_some() {
        assembly.end(Reason::Interrupted);
    }
    Report {
        interrupted,
        ..assembly.finish(report)
    }
}

/// A run. It may be left at any time: what is known stands in its assembly.
struct Run<'a> {
    client: &'a Client,
    plan: &'a Plan,
    on_event: &'a dyn Fn(Event<'_>),
    /// What is known, after the run or in the midst of it.
    assembly: RefCell<Assembly>,
    /// The requests that may be in flight.
    permits: Semaphore,
    /// Why no more is asked, once that is so.
    end: Cell<Option<Reason>>,
    /// Wakes the run: requests in flight would come to nothing, or wait for ever.
    stopped: Notify,
    /// Counts up with each 401 below an app and with each further look at the list of apps.
    moment: Cell<u64>,
    /// The moment when the last such look was sent, and what it told.
    looked: Mutex<Option<(u64, Result<(), Reason>)>>,
}

impl Run<'_> {
    /// Asks for everything that the plan wants to know.
    async fn all(&self) {
        let work = async {
            let (found, mut apps) = unbounded_channel();
            // As they are listed, several at once.
            let checks = poll_fn(|context| apps.poll_recv(context))
                .for_each_concurrent(self.plan.concurrency.max(1), |index| self.check_app(index));
            join(self.read_list(Some(found)), checks).await;
            // Only now it is known which of the named apps were refused.
            self.read_list(None).await;
        };
        select(pin!(work), pin!(self.stopped.notified())).await;
        if let Some(reason) = self.end.get() {
            self.assembly.borrow_mut().end(reason);
        }
    }

    /// Reads the list of apps, page by page, as long as it is wanted. `found` is told the indices of
    /// those that are to be checked; without it, the first page was read before.
    async fn read_list(&self, found: Option<UnboundedSender<usize>>) {
        let mut is_first = found.is_some();
        while self.end.get().is_none() {
            let next = self.assembly.borrow().next_page().cloned();
            if next.is_none() && !is_first {
                return;
            }
            (self.on_event)(Event::Asking(CheckId::AppsList, None));
            let exchange = self.send(self.client.apps(next.as_ref())).await;
            let mut assembly = self.assembly.borrow_mut();
            // The apps that a plan names are there before the list.
            let known = if is_first { 0 } else { assembly.apps.len() };
            match assembly.apps(exchange) {
                Ok(()) => {}
                Err(reason) if is_first => return self.end.set(Some(reason)),
                Err(reason) => {
                    self.stop_at(reason);
                    continue;
                }
            }
            for index in known..assembly.apps.len() {
                // Nobody receives it once the run is over.
                let _ = found.as_ref().map(|found| found.send(index));
            }
            let listed = match self.plan.options.selection {
                Selection::First | Selection::All => assembly.pages.list.listed,
                Selection::Named | Selection::File => assembly.apps.len(),
            };
            (self.on_event)(Event::Listed(listed));
            is_first = false;
        }
    }

    /// Checks one app: its list of runs and, if that is wanted, one of its runs.
    async fn check_app(&self, index: usize) {
        if self.end.get().is_some() {
            return;
        }
        let app = self.assembly.borrow().apps[index].app.clone();
        let limit = if self.plan.options.details {
            RUNS_FOR_DETAILS
        } else {
            1
        };
        let request = self.client.pipelines(&app.slug, limit);
        let mut next = self
            .ask(CheckId::PipelinesList, (index, &app), request)
            .await;
        if let Ok(Some(run)) = &next
            && self.plan.options.details
        {
            let request = self.client.pipeline(&app.slug, run);
            next = self
                .ask(CheckId::PipelinesShow, (index, &app), request)
                .await;
        }
        let assembly = self.assembly.borrow();
        let result = &assembly.apps[index];
        if result.state != AppState::NotReached {
            (self.on_event)(Event::Checked(result));
        }
        if let Err(reason) = next {
            self.stop_at(reason);
        }
    }

    /// Asks one endpoint below an app, and the list of apps once more if that answers 401: the token is no
    /// longer accepted, or the app is refused.
    ///
    /// # Errors
    /// Returns why it was not read.
    async fn ask(
        &self,
        id: CheckId,
        (index, app): (usize, &App),
        request: impl Future<Output = Exchange>,
    ) -> Result<Option<Slug>, Reason> {
        (self.on_event)(Event::Asking(id, Some(app)));
        let exchange = self.send(request).await;
        let mut told = classify::below_app(id, &exchange);
        if told == Err(Reason::TokenRejected) {
            {
                // Until then it is open.
                let result = &mut self.assembly.borrow_mut().apps[index];
                (result.state, result.http_status) = (AppState::Unknown, exchange.status());
            }
            let again = self.recheck().await;
            told = Err(again.err().unwrap_or(id.denied(None)));
        }
        let mut assembly = self.assembly.borrow_mut();
        assembly.below_app(id, Some(index), told, Some(exchange))
    }

    /// Asks for the list of apps once more, and returns what it tells of the token.
    ///
    /// A look tells of the time when it was sent. So it settles a 401 that came before that, and
    /// none that came later: an example with two apps in flight is in the test
    /// `a_recheck_settles_only_what_came_before_it`.
    async fn recheck(&self) -> Result<(), Reason> {
        let came = self.moment.replace(self.moment.get() + 1);
        let mut looked = self.looked.lock().await;
        // A token that was rejected stays so.
        if let Some((sent, told)) = *looked
            && (sent > came || told == Err(Reason::TokenRejected))
        {
            return told;
        }
        (self.on_event)(Event::Asking(CheckId::AppsRecheck, None));
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await;
        // Only now it is sent: what came while it waited for a permit is settled, too.
        let sent = self.moment.replace(self.moment.get() + 1);
        let exchange = self.client.apps(None).await;
        let told = classify::told(CheckId::AppsRecheck, &exchange);
        let mut assembly = self.assembly.borrow_mut();
        assembly.keep(CheckId::AppsRecheck, None, told, Some(exchange));
        *looked = Some((sent, told));
        told
    }

    /// Sends a request when one more may be in flight.
    async fn send(&self, request: impl Future<Output = Exchange>) -> Exchange {
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await;
        request.await
    }

    /// Asks no more if a reason concerns all requests, and not only one.
    fn stop_at(&self, reason: Reason) {
        let no_hope = reason == Reason::RateLimited && self.client.has_given_up();
        if reason == Reason::TokenRejected || no_hope {
            self.stopped.notify_one();
        }
        if reason.verdict() == Verdict::InvalidCredentials
            || reason == Reason::MaxTimeReached
            || no_hope
        {
            self.end.set(Some(reason));
        }
    }
}

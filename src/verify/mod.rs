//! The run itself: DX's calls in DX's order, and a report of what came of them.
//!
//! Invariant: nothing is printed and no verdict is decided here; [`crate::classify`] says what
//! an answer means.

mod ledger;

use crate::api::Client;
use crate::check::{App, Check, CheckId, CheckResult, Found, SkipReason};
use crate::classify::{self, Listed, PipelinesStep};
use crate::plan::{AppSlug, Plan};
use crate::report::{AppResult, NotRun, Report, Target, TokenInfo, TokenSource, complete};
use crate::text::Untrusted;
use crate::token::{TokenError, TokenKind, TokenWarning};
use crate::verdict::{Reason, Signal, Verdict};
use crate::wire::AppPage;
use futures_util::future::{Either, select};
use ledger::Ledger;
use std::pin::pin;
use std::time::{Instant, SystemTime};

/// How many runs are asked for where one with details is wanted, so that standalone builds on
/// top of the list don't hide it (the spec's default page).
const RUNS_FOR_DETAILS: u8 = 10;

/// Tells what a run is doing, for a line of progress.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A request is being sent: which check it is for, and of which app.
    Asking(CheckId, Option<&'a App>),
}

/// Holds what a report says apart from the checks that need requests.
#[derive(Debug)]
pub struct Preface {
    clock: Instant,
    checked_at: SystemTime,
    /// What is asked.
    pub target: Target,
}

impl Preface {
    /// Begins a run now.
    pub fn begin(target: Target) -> Self {
        Self {
            clock: Instant::now(),
            checked_at: SystemTime::now(),
            target,
        }
    }

    /// Makes the report of a run that checked nothing.
    pub fn not_run(self, source: Option<TokenSource>, why: NotRun) -> Report {
        let token = TokenInfo { kind: None, source };
        Report {
            not_run: Some(why),
            ..self.report(token, Vec::new(), Vec::new(), Vec::new())
        }
    }

    /// Makes the report of a run that a signal ended before there was a token.
    pub fn interrupted(self, source: TokenSource, signal: Signal) -> Report {
        let token = TokenInfo {
            kind: None,
            source: Some(source),
        };
        Report {
            interrupted: Some(signal),
            ..self.report(token, Vec::new(), Vec::new(), Vec::new())
        }
    }

    /// Makes the report of a run that ended with the token's own text; nothing was sent.
    pub fn malformed(self, source: TokenSource, error: TokenError) -> Report {
        let result = CheckResult::NotPassed(Reason::TokenMalformed);
        let check = format_check(result, Found::Malformed(error));
        self.report(
            TokenInfo {
                kind: None,
                source: Some(source),
            },
            vec![check],
            Vec::new(),
            Vec::new(),
        )
    }

    fn report(
        self,
        token: TokenInfo,
        checks: Vec<Check>,
        apps: Vec<AppResult>,
        warnings: Vec<TokenWarning>,
    ) -> Report {
        Report {
            checked_at: self.checked_at,
            duration: self.clock.elapsed(),
            target: self.target,
            token,
            not_run: None,
            checks: complete(checks),
            apps,
            warnings,
            interrupted: None,
        }
    }
}

/// Makes the checks of a plan and returns the report of them.
///
/// Where `stop` completes first, requests that are under way are given up, and the report says
/// what is known by then.
pub async fn verify(
    client: &Client,
    plan: &Plan,
    preface: Preface,
    token: (TokenKind, TokenSource, Vec<TokenWarning>),
    stop: impl Future<Output = Signal>,
    on_event: &dyn Fn(Event<'_>),
) -> Report {
    let (kind, source, warnings) = token;
    let mut run = Run {
        client,
        plan,
        on_event,
        list: None,
        ledger: Ledger::default(),
    };
    let interrupted = match select(pin!(run.all()), pin!(stop)).await {
        Either::Left(_) => None,
        Either::Right((signal, _)) => Some(signal),
    };
    if interrupted.is_some() {
        run.interrupted();
    }
    let mut checks = vec![format_check(CheckResult::Pass, Found::Kind(kind))];
    checks.extend(run.list);
    let (of_apps, apps) = run.ledger.finish();
    checks.extend(of_apps);
    let token = TokenInfo {
        kind: Some(kind),
        source: Some(source),
    };
    Report {
        interrupted,
        ..preface.report(token, checks, apps, warnings)
    }
}

fn format_check(result: CheckResult, found: Found) -> Check {
    Check {
        id: CheckId::TokenFormat,
        result,
        found,
        app: None,
        exchange: None,
    }
}

/// Holds a run while it is under way.
struct Run<'a> {
    client: &'a Client,
    plan: &'a Plan,
    on_event: &'a dyn Fn(Event<'_>),
    /// The check of the list of apps, once it was answered.
    list: Option<Check>,
    ledger: Ledger,
}

impl Run<'_> {
    async fn all(&mut self) {
        let Some(page) = self.apps().await else {
            return;
        };
        let chosen: Vec<(usize, Listed)> = self
            .chosen(&page)
            .into_iter()
            .map(|(app, listed)| (self.ledger.expect(app), listed))
            .collect();
        for (place, listed) in chosen {
            let end = self.app(place, listed).await;
            if let Some(reason @ (Reason::TokenRejected | Reason::MaxTimeReached)) = end {
                return self.ledger.unreached(reason);
            }
        }
    }

    /// Notes where a signal ended the run.
    fn interrupted(&mut self) {
        let reason = Reason::Interrupted;
        self.list.get_or_insert(Check {
            id: CheckId::AppsList,
            result: CheckResult::NotPassed(reason),
            found: Found::Nothing,
            app: None,
            exchange: None,
        });
        self.ledger.unreached(reason);
    }

    async fn apps(&mut self) -> Option<AppPage> {
        (self.on_event)(Event::Asking(CheckId::AppsList, None));
        let exchange = self.client.apps().await;
        let answer = classify::apps(&exchange);
        let (result, found) = match &answer {
            Ok(page) => {
                let (total, listed) = (page.total, page.apps.len());
                (CheckResult::Pass, Found::Apps { total, listed })
            }
            Err(reason) => (CheckResult::NotPassed(*reason), Found::Nothing),
        };
        self.list = Some(Check {
            id: CheckId::AppsList,
            result,
            found,
            app: None,
            exchange: Some(exchange),
        });
        answer.ok()
    }

    /// Returns the apps to check: those of the plan, or the first one of the list.
    fn chosen(&self, page: &AppPage) -> Vec<(App, Listed)> {
        if self.plan.apps.is_empty() {
            let first = page.apps.first();
            return first
                .map(|app| (app.clone(), Listed::Yes))
                .into_iter()
                .collect();
        }
        let slugs = self.plan.apps.iter().map(AppSlug::as_untrusted);
        slugs.map(|slug| find(page, slug)).collect()
    }

    /// Checks one app, and returns why it is not known to be readable.
    async fn app(&mut self, place: usize, listed: Listed) -> Option<Reason> {
        let app = self.ledger.app(place).clone();
        (self.on_event)(Event::Asking(CheckId::PipelinesList, Some(&app)));
        let limit = if self.plan.details {
            RUNS_FOR_DETAILS
        } else {
            1
        };
        let exchange = self.client.pipelines(&app.slug, limit).await;
        match classify::pipelines(&exchange, listed) {
            PipelinesStep::Readable(page) => {
                self.ledger.readable(place, page.runs, exchange);
                self.details(place, &app, page.pipeline_id).await
            }
            PipelinesStep::NotReadable(reason) => {
                self.ledger.refused(place, reason, Found::Nothing, exchange);
                Some(reason)
            }
            PipelinesStep::RecheckToken => {
                (self.on_event)(Event::Asking(CheckId::AppsList, None));
                let again = self.client.apps().await;
                let reason = classify::recheck(&again, listed);
                // Where it is the app that is refused, the second look found the token accepted.
                let accepted = reason.verdict() == Verdict::InvalidPermissions;
                if let Some(list) = self.list.as_mut().filter(|_| !accepted) {
                    list.result = CheckResult::NotPassed(reason);
                    list.exchange = Some(again);
                }
                let found = if accepted {
                    Found::AskedAgain
                } else {
                    Found::Nothing
                };
                self.ledger.refused(place, reason, found, exchange);
                Some(reason)
            }
        }
    }

    async fn details(
        &mut self,
        place: usize,
        app: &App,
        pipeline_id: Option<Untrusted>,
    ) -> Option<Reason> {
        let why = match (self.plan.details, pipeline_id) {
            (true, Some(pipeline_id)) => {
                (self.on_event)(Event::Asking(CheckId::PipelinesShow, Some(app)));
                let exchange = self.client.pipeline(&app.slug, &pipeline_id).await;
                let answer = classify::details(&exchange);
                let result = answer.map_or_else(CheckResult::NotPassed, |()| CheckResult::Pass);
                self.ledger.detailed(place, result, exchange);
                return answer.err();
            }
            (true, None) => SkipReason::NoPipelineRun,
            (false, _) => SkipReason::NotRequested,
        };
        self.ledger.not_detailed(place, why);
        None
    }
}

/// Looks an app up in the list, by its slug.
fn find(page: &AppPage, slug: &Untrusted) -> (App, Listed) {
    if let Some(app) = page.apps.iter().find(|app| app.slug == *slug) {
        return (app.clone(), Listed::Yes);
    }
    let listed = if page.has_more {
        Listed::NotOnFirstPage
    } else {
        Listed::No
    };
    let app = App {
        slug: slug.clone(),
        title: None,
        workspace: None,
    };
    (app, listed)
}

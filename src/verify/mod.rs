//! The run itself: DX's calls in DX's order, and a report of what came of them.
//!
//! Invariant: nothing is printed and no verdict is decided here; [`crate::classify`] says what
//! an answer means.

mod ledger;
mod listing;
mod run;

use crate::api::Client;
use crate::app::App;
use crate::check::{Check, CheckId, CheckResult, Finding};
use crate::plan::Plan;
use crate::report::{
    AppResult, EvidenceKind, NotRun, Report, RunOptions, Target, TokenInfo, TokenSource, complete,
};
use crate::token::{TokenError, TokenKind, TokenWarning};
use crate::verdict::{Reason, Signal};
use futures_util::future::{Either, select};
use run::Run;
use std::pin::pin;
use std::time::{Instant, SystemTime};

/// Tells what a run is doing, for a line of progress.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A request is being sent: which check it is for, and of which app.
    Asking(CheckId, Option<&'a App>),
    /// A page of the list was read: how many apps were listed so far, and whether that is all.
    Listed(usize, bool),
    /// What is known of an app, after all that was asked for it.
    Checked(&'a AppResult),
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
        let token = TokenInfo {
            source,
            ..TokenInfo::default()
        };
        Report {
            not_run: Some(why),
            ..self.report(token, Vec::new(), Vec::new(), Vec::new())
        }
    }

    /// Makes the report of a run that a signal ended before there was a token.
    pub fn interrupted(self, source: Option<TokenSource>, signal: Signal) -> Report {
        let token = TokenInfo {
            source,
            ..TokenInfo::default()
        };
        Report {
            interrupted: Some(signal),
            ..self.report(token, Vec::new(), Vec::new(), Vec::new())
        }
    }

    /// Makes the report of a run that ended with the token's own text; nothing was sent.
    pub fn malformed(self, source: TokenSource, error: TokenError) -> Report {
        let result = CheckResult::NotPassed(Reason::TokenMalformed);
        let check = format_check(result, Finding::Malformed(error));
        self.report(
            TokenInfo {
                source: Some(source),
                ..TokenInfo::default()
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
            evidence: EvidenceKind::Live,
            options: RunOptions::default(),
            warnings,
            is_unwritten: false,
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
    let mut run = Run::new(client, plan, on_event);
    let interrupted = match select(pin!(run.all()), pin!(stop)).await {
        Either::Left(_) => None,
        Either::Right((signal, _)) => Some(signal),
    };
    if interrupted.is_some() {
        run.end(Reason::Interrupted);
    }
    let mut checks = vec![format_check(CheckResult::Pass, Finding::Kind(kind))];
    let (answered, apps) = run.finish();
    checks.extend(answered);
    let token = TokenInfo {
        kind: Some(kind),
        fingerprint: None,
        source: Some(source),
    };
    Report {
        interrupted,
        ..preface.report(token, checks, apps, warnings)
    }
}

fn format_check(result: CheckResult, found: Finding) -> Check {
    Check {
        id: CheckId::TokenFormat,
        result,
        finding: found,
        app: None,
        exchange: None,
    }
}

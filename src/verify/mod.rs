//! The run itself: DX's calls in DX's order, and a report of what came of them.
//!
//! Invariant: nothing is printed and no verdict is decided here; [`crate::classify`] says what
//! a response means.

mod run;

use crate::api::Client;
use crate::app::App;
use crate::check::CheckId;
use crate::plan::Plan;
use crate::report::{AppResult, Report};
use crate::verdict::{Reason, Signal};
use futures_util::future::{Either, select};
use run::Run;
use std::pin::pin;

/// What a run is doing, for a line of progress.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A request is being sent: which check it is for, and of which app.
    Asking(CheckId, Option<&'a App>),
    /// A page of the list was read: how many apps were listed so far, and whether that is all.
    Listed(usize, bool),
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
    let run = Run::new(client, plan, on_event);
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

//! What a run learns of its apps, and of the evidence what the report shows.
//!
//! Invariant: what an app's responses mean is kept for every app; evidence is kept for one app a
//! check, to be shown, and nothing follows from it.

use super::listing::Listing;
use crate::app::App;
use crate::check::{Check, CheckId, CheckResult, Finding, SkipReason, Status, Tally};
use crate::classify;
use crate::exchange::Exchange;
use crate::report::{AppResult, AppState, Runs};
use crate::verdict::{Reason, Verdict};

/// The results of all apps, and the evidence of those that decide.
#[derive(Debug, Default)]
pub(super) struct AppResults {
    apps: Vec<AppResult>,
    pipelines: Evidence,
    details: Evidence,
}

/// Of all the checks of one kind the one that decides, so that memory does not grow with the
/// number of apps, with its app's index in the list.
#[derive(Debug, Default)]
struct Evidence(Option<(usize, Check)>);

impl AppResults {
    /// Adds an app that is to be checked.
    pub(super) fn expect(&mut self, app: App) {
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

    /// Takes what the list says of an app that is expected already.
    pub(super) fn name(&mut self, index: usize, listed: App) {
        self.apps[index].app = listed;
    }

    /// Notes that the list begins with the app at this index.
    pub(super) fn first(&mut self, index: usize) {
        self.apps[index].is_first = true;
    }

    /// Returns the number of apps.
    pub(super) const fn len(&self) -> usize {
        self.apps.len()
    }

    /// Returns what is known of an app, by its index.
    pub(super) fn result(&self, index: usize) -> &AppResult {
        &self.apps[index]
    }

    /// Notes that an app's list of runs was read.
    pub(super) fn readable(&mut self, index: usize, runs: usize, exchange: Exchange) {
        let result = &mut self.apps[index];
        result.state = AppState::Readable;
        result.http_status = status(&exchange);
        result.runs = Some(if runs == 0 { Runs::None } else { Runs::Seen });
        let id = CheckId::PipelinesList;
        self.keep(id, index, CheckResult::Pass, Finding::Runs(runs), exchange);
    }

    /// Notes that one pipeline run of an app was read.
    pub(super) fn detailed(&mut self, index: usize, exchange: Exchange) {
        self.apps[index].details = Some(Status::Pass);
        let id = CheckId::PipelinesShow;
        self.keep(id, index, CheckResult::Pass, Finding::Nothing, exchange);
    }

    /// Notes that none of an app's pipeline runs was looked at.
    pub(super) fn not_detailed(&mut self, index: usize, why: SkipReason) {
        if why == SkipReason::NoPipelineRun {
            self.apps[index].details = Some(Status::Skip);
        }
        let check = Check {
            app: Some(self.apps[index].app.clone()),
            ..Check::skipped(CheckId::PipelinesShow, why)
        };
        self.details.add(index, check);
    }

    /// Notes that an app was answered with 401, and that it is open what that means.
    pub(super) fn unsettled(&mut self, index: usize) {
        let result = &mut self.apps[index];
        result.state = AppState::Unknown;
        result.http_status = Some(401);
    }

    /// Notes that an app's list of runs, or one of its runs, was not read, and why.
    pub(super) fn refused(
        &mut self,
        id: CheckId,
        index: usize,
        (reason, finding): (Reason, Finding),
        exchange: Exchange,
    ) {
        let result = &mut self.apps[index];
        result.state = match reason.verdict() {
            Verdict::InvalidPermissions => AppState::Denied,
            // A rejected token says nothing of the app.
            Verdict::InvalidCredentials
            | Verdict::NoResources
            | Verdict::Inconclusive
            | Verdict::NotRun
            | Verdict::Verified => AppState::Unknown,
        };
        result.reason = Some(reason);
        result.http_status = status(&exchange);
        if id == CheckId::PipelinesShow {
            let is_denied = result.state == AppState::Denied;
            result.details = Some(if is_denied {
                Status::Fail
            } else {
                Status::Unknown
            });
        }
        self.keep(id, index, CheckResult::NotPassed(reason), finding, exchange);
    }

    /// Keeps a response as evidence, if it decides; of its body no more than is shown.
    fn keep(
        &mut self,
        id: CheckId,
        index: usize,
        result: CheckResult,
        finding: Finding,
        mut exchange: Exchange,
    ) {
        exchange.forget_list();
        let check = Check {
            finding,
            app: Some(self.apps[index].app.clone()),
            exchange: Some(exchange),
            ..Check::new(id, result)
        };
        if id == CheckId::PipelinesShow {
            self.details.add(index, check);
        } else {
            self.pipelines.add(index, check);
        }
    }

    /// Notes why the apps that are still open are. `is_own` says whether that is a matter of the
    /// pipelines' check, and not of the list's.
    pub(super) fn unreached(&mut self, reason: Reason, is_own: bool) {
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
            self.pipelines.add(usize::MAX, check);
        }
    }

    /// Returns the checks of pipelines and details, and the results.
    pub(super) fn finish(mut self, listing: &Listing) -> (Vec<Check>, Vec<AppResult>) {
        for result in &mut self.apps {
            result.is_listed = listing.has(&result.app.slug);
            if result.reason == Some(Reason::PipelinesDenied) {
                result.reason = Some(classify::denied(result.is_listed));
            }
        }
        let (pipelines, details) = self.tallies();
        let mut checks = Vec::new();
        for (evidence, tally) in [(self.pipelines, pipelines), (self.details, details)] {
            let Some((index, mut check)) = evidence.0 else {
                continue;
            };
            if let Some(result) = self.apps.get(index) {
                if check.result == CheckResult::NotPassed(Reason::PipelinesDenied) {
                    check.result = CheckResult::NotPassed(classify::denied(result.is_listed));
                }
                // The list may have told the app's name only after it was asked for.
                check.app = check.app.map(|_| result.app.clone());
            }
            if pipelines.apps() > 1 {
                check.finding = Finding::Tally(tally);
                if matches!(check.result, CheckResult::Skipped(_)) {
                    check.app = None;
                }
            }
            checks.push(check);
        }
        self.apps.shrink_to_fit();
        (checks, self.apps)
    }

    fn tallies(&self) -> (Tally, Tally) {
        let (mut pipelines, mut details) = (Tally::default(), Tally::default());
        for result in &self.apps {
            match (result.runs, result.state) {
                (Some(_), _) | (_, AppState::Readable) => pipelines.readable += 1,
                (None, AppState::Denied) => pipelines.denied += 1,
                (None, AppState::Unknown) => pipelines.unknown += 1,
                (None, AppState::NotReached) => pipelines.not_reached += 1,
            }
            match result.details {
                Some(Status::Pass) => details.readable += 1,
                Some(Status::Fail) => details.denied += 1,
                Some(Status::Unknown) => details.unknown += 1,
                Some(Status::Skip) => details.skipped += 1,
                None => {}
            }
        }
        (pipelines, details)
    }
}

impl Evidence {
    /// Takes a check if it decides rather than the one that is kept: a refusal beats what could not
    /// be told, that beats a success, and that one a check that was skipped; of equal ones the first
    /// app's stays.
    fn add(&mut self, index: usize, check: Check) {
        let weight = |check: &Check| match check.result {
            CheckResult::NotPassed(reason) => (2, reason.verdict().rank()),
            CheckResult::Pass => (1, 0),
            CheckResult::Skipped(_) => (0, 0),
        };
        let decides = self.0.as_ref().is_none_or(|(kept, other)| {
            (weight(other), usize::MAX - kept) < (weight(&check), usize::MAX - index)
        });
        if decides {
            self.0 = Some((index, check));
        }
    }
}

fn status(exchange: &Exchange) -> Option<u16> {
    exchange.response().and_then(|response| response.status)
}

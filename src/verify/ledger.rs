//! What a run learns of apps, and of the evidence what the report shows.

use crate::app::App;
use crate::check::{Check, CheckId, CheckResult, Finding, SkipReason, Status, Tally};
use crate::exchange::Exchange;
use crate::report::{AppResult, AppState, Runs};
use crate::text::Untrusted;
use crate::verdict::{Reason, Verdict};

/// How many refusals are kept with their evidence: more than one, since an app that was refused
/// may turn out to be gone.
const KEPT_FAILURES: usize = 8;

/// Collects the results of all apps, and the evidence of those alone that decide.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    apps: Vec<AppResult>,
    pipelines: Evidence,
    details: Evidence,
}

/// Keeps of all the checks of one kind those that may decide, so that memory does not grow with
/// the number of apps.
#[derive(Debug, Default)]
struct Evidence {
    /// The first check that nothing speaks against, with its app's place in the list.
    good: Option<(usize, Check)>,
    /// Of the others the first ones, those with the highest rank in front.
    bad: Vec<(usize, Check)>,
}

impl Ledger {
    /// Adds an app that is to be checked.
    pub(super) fn expect(&mut self, app: App) {
        self.apps.push(AppResult {
            app: App {
                title: app.title.map(short),
                workspace: app.workspace.map(short),
                ..app
            },
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
    pub(super) fn name(&mut self, place: usize, listed: App) {
        self.apps[place].app = listed;
    }

    /// Notes that the list begins with the app at this place.
    pub(super) fn first(&mut self, place: usize) {
        self.apps[place].is_first = true;
    }

    /// Returns the number of apps.
    pub(super) const fn len(&self) -> usize {
        self.apps.len()
    }

    /// Returns what is known of an app, by its place.
    pub(super) fn result(&self, place: usize) -> &AppResult {
        &self.apps[place]
    }

    /// Notes that an app's list of runs was read.
    pub(super) fn readable(&mut self, place: usize, runs: usize, exchange: Exchange) {
        let result = &mut self.apps[place];
        result.state = AppState::Readable;
        result.http_status = status(&exchange);
        result.runs = Some(if runs == 0 { Runs::None } else { Runs::Seen });
        self.answered(place, CheckResult::Pass, Finding::Runs(runs), exchange);
    }

    /// Notes that an app's list of runs was not read, and why.
    pub(super) fn refused(
        &mut self,
        place: usize,
        reason: Reason,
        found: Finding,
        exchange: Exchange,
    ) {
        self.fail(place, reason, &exchange);
        self.answered(place, CheckResult::NotPassed(reason), found, exchange);
    }

    /// Keeps an answer to the question for an app's runs as evidence.
    fn answered(&mut self, place: usize, result: CheckResult, found: Finding, exchange: Exchange) {
        let check = Check {
            finding: found,
            exchange: Some(exchange),
            ..self.check(CheckId::PipelinesList, place, result)
        };
        self.pipelines.add(place, check);
    }

    /// Notes how the look at one pipeline run of an app ended.
    pub(super) fn detailed(
        &mut self,
        place: usize,
        result: CheckResult,
        found: Finding,
        exchange: Exchange,
    ) {
        if let Some(reason) = result.reason() {
            self.fail(place, reason, &exchange);
        }
        let is_about_the_token = result.reason() == Some(Reason::TokenRejected);
        self.apps[place].details = Some(if is_about_the_token {
            Status::Unknown
        } else {
            result.status()
        });
        let check = self.check(CheckId::PipelinesShow, place, result);
        self.details.add(
            place,
            Check {
                finding: found,
                exchange: Some(exchange),
                ..check
            },
        );
    }

    /// Notes that none of an app's pipeline runs was looked at.
    pub(super) fn not_detailed(&mut self, place: usize, why: SkipReason) {
        if why == SkipReason::NoPipelineRun {
            self.apps[place].details = Some(Status::Skip);
        }
        let check = self.check(CheckId::PipelinesShow, place, CheckResult::Skipped(why));
        self.details.add(place, check);
    }

    /// Notes why the apps that were not reached were not. `is_own` says whether that is a matter of
    /// the pipelines' check, and not of the list's.
    pub(super) fn unreached(&mut self, reason: Reason, is_own: bool) {
        let mut any = false;
        for result in &mut self.apps {
            if result.state == AppState::NotReached {
                result.reason = Some(reason);
                any = true;
            }
        }
        if any && is_own {
            // No app is named, since none was asked for. Behind all others: what was answered
            // says more.
            let check = Check {
                result: CheckResult::NotPassed(reason),
                ..Check::skipped(CheckId::PipelinesList, SkipReason::NotReached)
            };
            self.pipelines.add(usize::MAX, check);
        }
    }

    /// Returns the checks of pipelines and details, and the results.
    pub(super) fn finish(mut self) -> (Vec<Check>, Vec<AppResult>) {
        let (pipelines, details) = self.tallies();
        let mut checks = Vec::new();
        for (evidence, tally) in [(self.pipelines, pipelines), (self.details, details)] {
            let Some(mut check) = evidence.decisive() else {
                continue;
            };
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

    fn fail(&mut self, place: usize, reason: Reason, exchange: &Exchange) {
        let result = &mut self.apps[place];
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
        result.http_status = status(exchange);
    }

    fn check(&self, id: CheckId, place: usize, result: CheckResult) -> Check {
        Check {
            id,
            result,
            finding: Finding::Nothing,
            app: Some(self.apps[place].app.clone()),
            exchange: None,
        }
    }
}

impl Evidence {
    fn add(&mut self, place: usize, check: Check) {
        let Some(rank) = rank(&check) else {
            let is_first = |(kept, other): &(usize, Check)| {
                (is_skipped(&check), place) < (is_skipped(other), *kept)
            };
            if self.good.as_ref().is_none_or(is_first) {
                self.good = Some((place, check));
            }
            return;
        };
        let key = |rank: u8, place: usize| (u8::MAX - rank, place);
        let at = self.bad.partition_point(|(kept, other)| {
            key(self::rank(other).unwrap_or_default(), *kept) <= key(rank, place)
        });
        if at < KEPT_FAILURES {
            self.bad.insert(at, (place, check));
            self.bad.truncate(KEPT_FAILURES);
        }
    }

    /// Returns the check that decides.
    fn decisive(self) -> Option<Check> {
        self.bad
            .into_iter()
            .next()
            .or(self.good)
            .map(|(_, check)| check)
    }
}

/// Cuts a name to what may be shown of it, so that long ones don't add up.
fn short(name: Untrusted) -> Untrusted {
    /// One more character than is ever shown, so that what is left out is seen.
    const KEPT: usize = 201;
    match name.raw().char_indices().nth(KEPT) {
        Some((end, _)) => Untrusted::new(&name.raw()[..end]),
        None => name,
    }
}

fn rank(check: &Check) -> Option<u8> {
    check.result.reason().map(|reason| reason.verdict().rank())
}

const fn is_skipped(check: &Check) -> bool {
    matches!(check.result, CheckResult::Skipped(_))
}

fn status(exchange: &Exchange) -> Option<u16> {
    exchange.response().map(|response| response.status)
}

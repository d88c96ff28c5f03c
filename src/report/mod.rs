//! The report of a run: everything that the formats show, as data.
//!
//! Invariant: the verdict and the exit code are derived from the checks and the apps; neither is stored
//! beside those.

mod assembly;
mod pages;

pub use assembly::Assembly;
pub use pages::Pages;

use crate::app::App;
use crate::check::{Check, CheckId, ListEnd, Status};
use crate::names::names;
use crate::pasted::PastedFacts;
use crate::verdict::{Reason, Signal, Verdict};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::time::{Duration, SystemTime};

pub use crate::pasted::Shell;
pub use crate::plan::{NotRun, RunOptions, Selection};
pub use crate::token::{TokenInfo, TokenSource};

/// Everything that is known after a run.
#[derive(Debug, Default)]
pub struct Report {
    /// When the run started, if that is known.
    pub checked_at: Option<SystemTime>,
    /// How long it took, if that is known.
    pub duration: Option<Duration>,
    /// What was asked.
    pub target: Target,
    /// What is known of the token.
    pub token: TokenInfo,
    /// Why nothing was checked, if so.
    pub not_run: Option<NotRun>,
    /// The checks in the order of [`CheckId::ALL`], one of each. Where one was made for several
    /// apps, it has the evidence of the app that decided.
    pub checks: Vec<Check>,
    /// The apps that were checked or were to be checked, in the order in which they were found.
    pub apps: Vec<AppResult>,
    /// What the token's list of apps told.
    pub list: AppList,
    /// How what was seen came here.
    pub evidence: EvidenceKind,
    /// What a pasted text shows beyond requests and responses, if there was one.
    pub pasted: Option<PastedFacts>,
    /// What the run was asked to do.
    pub options: RunOptions,
    /// The signal that ended the run before it was complete, if so.
    pub interrupted: Option<Signal>,
    /// What of a saved report contradicts the rest, so that none of it can be believed.
    pub altered: Option<String>,
}

names! {
    /// Where the base URL came from.
    #[derive(Default)]
    pub enum BaseUrlSource {
        /// The default, Bitrise's own.
        #[default]
        Default = "default",
        /// `--base-url`.
        Option = "option",
        /// `BITRISE_API_BASE_URL`.
        Environment = "environment",
    }
}

/// The address that was asked.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// The base URL, where a usable one was given.
    pub base_url: Option<String>,
    /// Where that came from.
    pub base_url_source: BaseUrlSource,
    /// The proxy on the way, without user and password.
    pub proxy: Option<String>,
    /// The certificate file of `--ca-cert`, for the commands that reproduce the run.
    pub ca_cert: Option<String>,
    /// The sandbox, where it was asked and not Bitrise.
    pub sandbox: Option<SandboxTarget>,
}

/// What is needed to start the same sandbox again.
#[derive(Clone, Debug)]
pub struct SandboxTarget {
    /// The scenario's name.
    pub scenario: Cow<'static, str>,
    /// The address that it listened on, with the port.
    pub listen: String,
    /// The made-up token that it accepts; no secret.
    pub token: &'static str,
}

names! {
    /// How what was seen came here.
    #[derive(Default)]
    pub enum EvidenceKind {
        /// This program asked the server itself.
        #[default]
        Live = "live",
        /// Somebody pasted what they saw.
        Pasted = "pasted",
        /// A report that this program wrote before.
        Report = "report",
    }
}

names! {
    /// What came of the token.
    pub enum TokenState {
        /// Bitrise answered it with a 200, and with no 401 after that.
        Accepted = "accepted",
        /// Bitrise rejected it.
        Rejected = "rejected",
        /// Bitrise answered a 403 to the list of apps: neither accepted nor rejected.
        Undecided = "undecided",
        /// Nothing of Bitrise's came back.
        NotTested = "not_tested",
        /// The text can't be a Bitrise token as it stands.
        NotAToken = "not_a_token",
    }
}

/// What the list of apps told, as far as it was read.
#[derive(Clone, Debug, Default)]
pub struct AppList {
    /// How many apps the token sees, if that is known.
    pub total: Option<u64>,
    /// How many the pages named that were read.
    pub listed: usize,
    /// What was in the way, if it could not be read on.
    pub end: Option<ListEnd>,
    /// The first of these apps, at most a page of them, whether or not they were checked.
    pub sample: Vec<App>,
    /// Whether the list begins with the first of them: its first item may be no app. Nothing if it was
    /// not read.
    pub begins_with_app: Option<bool>,
}

impl AppList {
    /// Returns the app that the list begins with, which DX looks at when a connection is added.
    pub fn first(&self) -> Option<&App> {
        self.sample
            .first()
            .filter(|_| self.begins_with_app == Some(true))
    }
}

/// What is known of one app after a run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct AppResult {
    /// The app.
    #[serde(flatten)]
    pub app: App,
    /// Whether the list of apps begins with it: DX looks at that one when a connection is added.
    pub is_first: bool,
    /// Whether the token's list of apps holds it; nothing if the list was not read to its end.
    pub is_listed: Option<bool>,
    /// Whether DX can read it.
    #[serde(rename = "status")]
    pub state: AppState,
    /// Why it is not known to be readable.
    pub reason: Option<Reason>,
    /// The status of the response that decided on it.
    pub http_status: Option<u16>,
    /// Whether it has runs, where its list of runs was read.
    #[serde(rename = "pipelines")]
    pub runs: Option<Runs>,
    /// How the look at one of its pipeline runs ended, where that was asked for.
    pub details: Option<Status>,
}

names! {
    /// Whether DX can read an app.
    pub enum AppState {
        /// It can.
        Readable = "readable",
        /// Bitrise refuses the token.
        Denied = "denied",
        /// The app was asked for, and the answer does not tell.
        Unknown = "unknown",
        /// The app was to be checked, but the run ended before.
        NotReached = "not_reached",
    }
}

names! {
    /// Whether an app has runs within the 200 days that Bitrise keeps.
    pub enum Runs {
        /// It has.
        Seen = "seen",
        /// It has none, which is fine.
        None = "none",
    }
}

impl AppResult {
    /// Tells whether Bitrise refuses the app, which is disabled there and not the one that DX looks
    /// at: it decides nothing as long as another one is readable.
    pub fn is_disabled_refusal(&self) -> bool {
        self.state == AppState::Denied && self.app.is_disabled && !self.is_first
    }
}

/// Returns a time that a report can show: from 1970 on, with a year of four digits, and to the second,
/// so that a report that is read back says the same. Of a clock that is far off, it is the nearest.
pub fn shown_time(time: SystemTime) -> SystemTime {
    /// The seconds from 1970 to the end of the year 9999, the last one that RFC 3339 can write.
    const LAST: u64 = 253_402_300_799;
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.unwrap_or_default().as_secs().min(LAST);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

impl Report {
    /// Makes the report of a run that has just started, without any check.
    pub fn started(checked_at: SystemTime) -> Self {
        Self {
            checked_at: Some(checked_at),
            ..Self::default()
        }
        .with_checks(Vec::new())
    }

    /// Returns the report with these checks, and one that was not reached for each [`CheckId`] that
    /// is missing and is always made.
    #[must_use]
    pub fn with_checks(self, mut checks: Vec<Check>) -> Self {
        for id in CheckId::ALL.iter().copied() {
            if id != CheckId::AppsRecheck && checks.iter().all(|check| check.id != id) {
                checks.push(Check::new(id, None));
            }
        }
        checks.sort_by_key(|check| check.id as usize);
        Self { checks, ..self }
    }

    /// Returns the verdict: the highest-ranking one of all checks.
    pub fn verdict(&self) -> Verdict {
        self.reason().map_or(Verdict::Verified, Reason::verdict)
    }

    /// Returns the exit code of the process: the verdict's, or the signal's where one ended the
    /// run, whatever was known by then.
    pub fn exit_code(&self) -> u8 {
        let by_verdict = || self.verdict().exit_code();
        self.interrupted.map_or_else(by_verdict, Signal::exit_code)
    }

    /// Returns the reason for the verdict: of those with the highest rank, the first.
    ///
    /// It follows from the checks and from what happened to every app, never from what was kept as
    /// evidence. If a signal ended a run that was not decided, that is the reason; and without one
    /// readable app nothing is verified.
    pub fn reason(&self) -> Option<Reason> {
        if let Some(not_run) = &self.not_run {
            return Some(not_run.reason);
        }
        let found = self.found();
        let rank = found.map_or(0, |reason| reason.verdict().rank());
        if self.interrupted.is_some() && rank <= Reason::Interrupted.verdict().rank() {
            return Some(Reason::Interrupted);
        }
        found.or_else(|| (!self.is_any_readable()).then_some(Reason::UnexpectedResponse))
    }

    /// Tells whether an app is known to be readable.
    pub fn is_any_readable(&self) -> bool {
        let mut apps = self.apps.iter();
        apps.any(|app| app.state == AppState::Readable)
    }

    /// Returns the reason that was found in checks and apps: of those with the highest rank, the
    /// first.
    pub(crate) fn found(&self) -> Option<Reason> {
        let of_checks = self.checks.iter().filter_map(|check| check.result?.err());
        let is_any_readable = self.is_any_readable();
        let decides = |app: &&AppResult| !(is_any_readable && app.is_disabled_refusal());
        let of_apps = self.apps.iter().filter(decides);
        let found = of_checks.chain(of_apps.filter_map(|app| app.reason));
        // Of several that rank the same, this takes the last.
        found.rev().max_by_key(|reason| reason.verdict().rank())
    }

    /// Returns the check that decided the verdict: a later look at the list of apps if that tells why an
    /// app was not read, or else the first. A list that was not read on since an app was not read says
    /// less than the check of the app.
    pub fn decisive(&self) -> Option<&Check> {
        let reason = self.reason()?;
        let is_cut = self.list.end == Some(ListEnd::PageFailed);
        let checks = self.checks.iter();
        let checks = checks.filter(|check| check.result == Some(Err(reason)));
        checks.min_by_key(|check| {
            let is_unasked = is_cut && check.exchange.is_none();
            (check.id != CheckId::AppsRecheck, is_unasked)
        })
    }

    /// Returns how long the server asks to wait, if that is what decided and waiting may help.
    pub fn retry_after(&self) -> Option<Duration> {
        self.reason().filter(|reason| reason.is_retryable())?;
        self.decisive()?.exchange.as_ref()?.retry_after
    }

    /// Returns what came of the token. Bitrise accepted it if it answered it with a 200, and with no
    /// 401 that is still open.
    pub fn token_state(&self) -> TokenState {
        let has_200 = |check: &Check| {
            let is_200 = matches!(check.result, Some(Ok(()) | Err(Reason::NoApps)));
            is_200 && check.id != CheckId::TokenFormat
        };
        let has_200 = self.list.begins_with_app.is_some() || self.checks.iter().any(has_200);
        let is_open_401 =
            |app: &AppResult| app.state == AppState::Unknown && app.http_status == Some(401);
        let was_accepted = has_200 && !self.apps.iter().any(is_open_401);
        match self.reason() {
            Some(Reason::TokenMalformed) => TokenState::NotAToken,
            Some(Reason::TokenRejected) => TokenState::Rejected,
            Some(_) | None if was_accepted => TokenState::Accepted,
            Some(Reason::AppsForbidden) => TokenState::Undecided,
            Some(_) | None => TokenState::NotTested,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_far_off_is_shown_as_a_date() {
        let second = Duration::from_secs(1);
        let last = SystemTime::UNIX_EPOCH + Duration::from_secs(300_000_000_000);
        for (time, shown) in [
            (SystemTime::UNIX_EPOCH - second, "1970-01-01T00:00:00Z"),
            (SystemTime::UNIX_EPOCH + second, "1970-01-01T00:00:01Z"),
            (last, "9999-12-31T23:59:59Z"),
        ] {
            let text = humantime::format_rfc3339_seconds(shown_time(time));
            assert_eq!(text.to_string(), shown);
        }
    }
}

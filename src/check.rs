//! One check: what was looked at and how it ended.
//!
//! Invariant: no prose, no I/O.

use crate::app::App;
use crate::exchange::Exchange;
use crate::names::names;
use crate::verdict::{Reason, Verdict};

names! {
    /// What a check looks at.
    pub enum CheckId {
        /// The token's text, before any request.
        TokenFormat = "token.format",
        /// `GET /apps` (Bitrise's operation `app-list`).
        AppsList = "apps.list",
        /// `GET /apps/{app-slug}/pipelines` (`pipeline-list`).
        PipelinesList = "pipelines.list",
        /// `GET /apps/{app-slug}/pipelines/{pipeline-id}` (`pipeline-show`).
        PipelinesShow = "pipelines.show",
        /// `GET /apps` once more, after a 401 at a later step: is the token still accepted? Made only
        /// if there was such a 401.
        AppsRecheck = "apps.recheck",
    }
}

impl CheckId {
    /// Returns what a refusal of an endpoint below one app means; of the app's pipelines, the token's
    /// list of apps decides, if it is known whether that holds the app.
    pub const fn denied(self, is_listed: Option<bool>) -> Reason {
        match (self, is_listed) {
            (Self::PipelinesShow, _) => Reason::PipelineDetailsDenied,
            (_, Some(false)) => Reason::AppNotAccessible,
            (_, Some(true) | None) => Reason::PipelinesDenied,
        }
    }
}

names! {
    /// A check's status, derived from its result.
    pub enum Status {
        /// As DX needs it.
        Pass = "pass" ("✓"),
        /// Not as DX needs it.
        Fail = "fail" ("✗"),
        /// Unknown.
        Unknown = "unknown" ("?"),
        /// Not looked at.
        Skip = "skip" ("–"),
    }

    /// Returns its sign; it never stands without words.
    pub sign: &'static str,
}

/// One check with its evidence.
#[derive(Clone, Debug)]
pub struct Check {
    /// What was looked at.
    pub id: CheckId,
    /// How it ended: as DX needs it, or why it did not or is not known to. Nothing if it was not made,
    /// since an earlier check decided the run, it was not asked for, or there was nothing to look at.
    pub result: Option<Result<(), Reason>>,
    /// The app that was looked at.
    pub app: Option<App>,
    /// The request that was made.
    pub exchange: Option<Exchange>,
}

/// How a list of apps ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ListEnd {
    /// It has as many apps as it counts, and promises no more.
    Whole,
    /// The request for a page failed.
    PageFailed,
    /// The pages lead back to where they were before, or nowhere.
    Circular,
    /// There are more pages than any account has.
    Endless,
    /// It has fewer apps than it counts, an app without a slug, or paging that can't be read: it is
    /// not whole, or it changed while it was read.
    NotWhole,
}

impl Check {
    /// Makes a check of which nothing but the result is known.
    pub const fn new(id: CheckId, result: Option<Result<(), Reason>>) -> Self {
        Self {
            id,
            result,
            app: None,
            exchange: None,
        }
    }

    /// Returns the status that scripts read.
    pub fn status(&self) -> Status {
        match self.result {
            None => Status::Skip,
            Some(Ok(())) => Status::Pass,
            Some(Err(reason)) if reason.verdict() == Verdict::Inconclusive => Status::Unknown,
            Some(Err(_)) => Status::Fail,
        }
    }
}

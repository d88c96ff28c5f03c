//! What DX is going to show, as far as a run can tell.

use super::dx_words;
use crate::check::{CheckResult, Finding};
use crate::report::{AppResult, AppState, Report};
use crate::verdict::{Reason, Verdict};
use std::fmt;

/// Holds what DX is going to show; it is a sentence when displayed.
#[derive(Clone, Copy, Debug)]
pub struct Prediction {
    /// How sure that is, as the words in front of the code.
    pub before: &'static str,
    /// DX's code.
    pub code: &'static str,
    /// DX's own description of the code.
    pub words: &'static str,
}

impl fmt::Display for Prediction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: “{}”", self.before, self.code, self.words)
    }
}

/// Returns what DX is going to show, where the verdict has one of DX's codes.
pub fn prediction(report: &Report) -> Option<Prediction> {
    let verdict = report.verdict();
    let before = if may_be_accepted(report) {
        "DX may accept the connection, since it looks at one app then, but will not import what \
         it can't read; or it will show"
    } else {
        "DX will show"
    };
    Some(Prediction {
        before,
        code: verdict.dx_error()?,
        words: dx_words(verdict)?,
    })
}

/// Tells whether what DX asks for when a connection is added may be readable, though not
/// everything is.
fn may_be_accepted(report: &Report) -> bool {
    let is_read = |app: &AppResult| app.runs.is_some();
    let is_dxs = |app: &AppResult| app.is_first && app.state == AppState::Denied;
    let has_no_list = || {
        let mut checks = report.checks.iter();
        checks.any(|check| {
            check.result == CheckResult::NotPassed(Reason::AppsForbidden)
                && check.finding == Finding::Nothing
        })
    };
    report.verdict() == Verdict::InvalidPermissions
        && (report.apps.iter().any(is_read) || !(has_no_list() || report.apps.iter().any(is_dxs)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{App, Slug};
    use crate::check::{Check, CheckId, ListEnd};
    use crate::report::{EvidenceKind, RunOptions, Runs, Target, TokenInfo};
    use std::time::{Duration, SystemTime};

    fn app(state: AppState, reason: Option<Reason>, runs: Option<Runs>) -> AppResult {
        AppResult {
            app: App::unlisted(Slug::parse("a").unwrap()),
            is_first: false,
            is_listed: None,
            state,
            reason,
            http_status: None,
            runs,
            details: None,
        }
    }

    fn is_sure(reason: Reason, found: Finding, apps: Vec<AppResult>) -> bool {
        let result = CheckResult::NotPassed(reason);
        let check = Check {
            id: CheckId::AppsList,
            result,
            finding: found,
            app: None,
            exchange: None,
        };
        let report = Report {
            checked_at: SystemTime::UNIX_EPOCH,
            duration: Duration::ZERO,
            target: Target::default(),
            token: TokenInfo::default(),
            not_run: None,
            checks: vec![check],
            apps,
            evidence: EvidenceKind::Live,
            options: RunOptions::default(),
            sample: Vec::new(),
            is_unwritten: false,
            interrupted: None,
        };
        let before = prediction(&report).map(|prediction| prediction.before);
        before == Some("DX will show")
    }

    #[test]
    fn what_dx_may_not_notice_is_not_foretold() {
        use Reason::{AppNotAccessible, AppsForbidden, PipelineDetailsDenied, PipelinesDenied};
        let denied = |reason| app(AppState::Denied, Some(reason), None);
        let readable = || app(AppState::Readable, None, Some(Runs::Seen));
        let detail = app(
            AppState::Denied,
            Some(PipelineDetailsDenied),
            Some(Runs::Seen),
        );
        let cut = Finding::SomeApps {
            listed: 50,
            end: ListEnd::PageFailed,
        };
        let none = Finding::Nothing;
        let first = || AppResult {
            is_first: true,
            ..denied(PipelinesDenied)
        };
        for (sure, reason, found, apps) in [
            (true, Reason::TokenRejected, none, vec![]),
            (true, Reason::NoApps, none, vec![]),
            (true, AppsForbidden, none, vec![]),
            (true, PipelinesDenied, none, vec![first()]),
            (true, AppsForbidden, cut, vec![first()]),
            (false, PipelinesDenied, none, vec![first(), readable()]),
            (false, PipelinesDenied, none, vec![denied(PipelinesDenied)]),
            (false, PipelineDetailsDenied, none, vec![detail]),
            (
                false,
                AppNotAccessible,
                none,
                vec![denied(AppNotAccessible)],
            ),
            (false, AppsForbidden, cut, vec![denied(PipelinesDenied)]),
            (false, AppsForbidden, cut, vec![]),
        ] {
            assert_eq!(is_sure(reason, found, apps), sure, "{reason:?} {found:?}");
        }
    }
}

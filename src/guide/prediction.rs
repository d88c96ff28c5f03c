//! What DX is going to show, as far as a run can tell.

use super::dx_words;
use crate::check::Found;
use crate::report::Report;
use crate::verdict::Verdict;
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
    if report.verdict() != Verdict::InvalidPermissions {
        return false;
    }
    let coverage = report.coverage();
    let is_cut = |found| matches!(found, Found::SomeApps { .. });
    let list_is_cut = report.checks.iter().any(|check| is_cut(check.found));
    // DX takes an app of the list, so one that is not in it is not the one.
    report.apps.iter().any(|app| app.runs.is_some())
        || (coverage.denied > 0 && coverage.denied == coverage.unlisted)
        || (coverage.denied == 0 && list_is_cut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{App, Check, CheckId, CheckResult, ListEnd};
    use crate::report::{AppResult, AppState, Runs, Target, TokenInfo};
    use crate::text::Untrusted;
    use crate::verdict::Reason;
    use std::time::{Duration, SystemTime};

    fn app(state: AppState, reason: Option<Reason>, runs: Option<Runs>) -> AppResult {
        AppResult {
            app: App {
                slug: Untrusted::new("a"),
                title: None,
                workspace: None,
            },
            state,
            reason,
            http_status: None,
            runs,
            details: None,
        }
    }

    fn is_sure(reason: Reason, found: Found, apps: Vec<AppResult>) -> bool {
        let result = CheckResult::NotPassed(reason);
        let check = Check {
            id: CheckId::AppsList,
            result,
            found,
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
            warnings: Vec::new(),
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
        let cut = Found::SomeApps {
            listed: 50,
            end: ListEnd::PageFailed,
        };
        let none = Found::Nothing;
        for (sure, reason, found, apps) in [
            (true, Reason::TokenRejected, none, vec![]),
            (true, Reason::NoApps, none, vec![]),
            (true, AppsForbidden, none, vec![]),
            (true, PipelinesDenied, none, vec![denied(PipelinesDenied)]),
            (true, AppsForbidden, cut, vec![denied(PipelinesDenied)]),
            (
                false,
                PipelinesDenied,
                none,
                vec![denied(PipelinesDenied), readable()],
            ),
            (false, PipelineDetailsDenied, none, vec![detail]),
            (
                false,
                AppNotAccessible,
                none,
                vec![denied(AppNotAccessible)],
            ),
            (false, AppsForbidden, cut, vec![]),
        ] {
            assert_eq!(is_sure(reason, found, apps), sure, "{reason:?} {found:?}");
        }
    }
}

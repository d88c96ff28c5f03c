//! The report as JUnit XML, which Bitrise, GitLab and most other CI systems read: one case a check.
//!
//! A check that failed is a failure, one whose outcome is unknown is an error, and one that was not
//! made is skipped. A run whose verdict comes from no check, as if nothing was checked, has one
//! more case, an error: without it, it would look like a good one.

use super::human::plain;
use super::sections::shares;
use crate::check::Status;
use crate::diagnosis::check_title;
use crate::diagnosis::{CheckLine, Diagnosis};
use crate::exchange::METHOD;
use crate::verdict::{Reason, Verdict};
use quick_junit::{NonSuccessKind, SerializeError, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// The name of the whole, under which CI systems file the cases.
const NAME: &str = "bitrise-dx";

/// The most apps that are named.
const MAX_APPS: usize = 100;

/// Renders a diagnosis as JUnit XML.
///
/// # Errors
/// Returns the serialiser's error; no diagnosis is known to cause one.
pub fn render(diagnosis: &Diagnosis) -> Result<String, SerializeError> {
    let mut suite = TestSuite::new(NAME);
    let duration = Duration::from_millis(diagnosis.duration_ms.unwrap_or_default());
    suite.set_time(duration);
    // Without an offset, as the common schema has it; the time is in UTC.
    let started = diagnosis.checked_at.trim_end_matches('Z');
    suite.extra.insert("timestamp".into(), started.into());
    for (name, value) in properties(diagnosis) {
        suite.add_property((name, value.as_str()));
    }
    suite.add_test_cases(diagnosis.checks.iter().map(|check| case(diagnosis, check)));
    let decided =
        |check: &CheckLine| diagnosis.reason.is_some() && check.reason == diagnosis.reason;
    let is_open = diagnosis.verdict != Verdict::Verified;
    if is_open && !diagnosis.checks.iter().any(decided) {
        suite.add_test_case(run_case(diagnosis));
    }
    let mut document = quick_junit::Report::new(NAME);
    document.set_time(duration).add_test_suite(suite);
    // The library counts the skipped cases at the root too, where Jenkins' schema has no such
    // attribute; the suite's own count stays.
    let skipped = format!(" skipped=\"{}\"", document.skipped);
    Ok(document.to_string()?.replacen(&skipped, "", 1))
}

fn properties(diagnosis: &Diagnosis) -> Vec<(&'static str, String)> {
    let (target, reason) = (&diagnosis.target, diagnosis.reason.map(Reason::as_str));
    let mut properties = super::known([
        ("verdict", Some(diagnosis.verdict.as_str().to_owned())),
        ("message", Some(diagnosis.result.to_string())),
        ("token", Some(diagnosis.token.text.to_string())),
        ("tool", Some(super::tool(&diagnosis.tool))),
        ("command", Some(target.command.clone())),
        ("evidence", Some(diagnosis.evidence.as_str().to_owned())),
        ("reason", reason.map(str::to_owned)),
        ("base_url", target.base_url.clone()),
        ("proxy", target.proxy.clone()),
        ("sandbox", target.sandbox.as_deref().map(str::to_owned)),
    ]);
    let remarks = diagnosis.remarks.iter();
    properties.extend(remarks.map(|remark| ("remark", remark.to_string())));
    let shares = shares(&diagnosis.apps.coverage).into_iter();
    properties.extend(shares.map(|share| (share.key, share.number.to_string())));
    properties
}

fn case(diagnosis: &Diagnosis, check: &CheckLine) -> TestCase {
    let message = check.text.to_string();
    let status = match check.status {
        Status::Pass => TestCaseStatus::success(),
        Status::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Status::Unknown => TestCaseStatus::non_success(NonSuccessKind::Error),
        Status::Skip => TestCaseStatus::skipped(),
    };
    // Without the app, so that a case has the same name in every run.
    let mut case = TestCase::new(check_title(check.id), status);
    case.set_classname(format!("bitrise-dx.{}", check.id.as_str()));
    if check.status != Status::Pass {
        case.status.set_message(message.as_str());
    }
    if matches!(check.status, Status::Fail | Status::Unknown) {
        let is_decisive = check.reason == diagnosis.reason;
        let text = is_decisive.then(|| plain(diagnosis, MAX_APPS));
        let text = text.unwrap_or_else(|| message.clone());
        case.status.set_description(text);
    }
    if let Some(reason) = check.reason {
        case.status.set_type(reason.as_str());
    }
    let mut output = vec![message];
    if let Some(request) = &check.request {
        let duration = request.duration_ms.unwrap_or_default();
        case.set_time(Duration::from_millis(duration));
        output.push(format!("{METHOD} {}", request.url));
        output.push(request.outcome.to_string());
        output.extend(request.failure_point.as_ref().map(ToString::to_string));
        output.push(request.command.clone());
    }
    case.set_system_out(output.join("\n"));
    case
}

fn run_case(diagnosis: &Diagnosis) -> TestCase {
    let status = TestCaseStatus::non_success(NonSuccessKind::Error);
    let mut case = TestCase::new("Whole run", status);
    case.set_classname("bitrise-dx.run");
    case.status
        .set_message(diagnosis.result.to_string())
        .set_description(plain(diagnosis, MAX_APPS));
    if let Some(reason) = diagnosis.reason.map(Reason::as_str) {
        case.status.set_type(reason);
    }
    case
}

//! The report as JUnit XML, which Bitrise, GitLab and most other CI systems read: one case a check.
//!
//! A check that failed is a failure, one whose outcome is unknown is an error, and one that was not
//! made is skipped. A run whose verdict comes from no check, as if nothing was checked, has one
//! more case, an error: without it, it would look like a good one.

use super::human::{self, Detail, Style};
use super::sections::shares;
use crate::check::Status;
use crate::diagnosis::{Diagnosis, words};
use crate::exchange::METHOD;
use crate::text::Text;
use crate::verdict::{Reason, Verdict};
use quick_junit::{NonSuccessKind, SerializeError, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// The name of the whole, under which CI systems file the cases.
const NAME: &str = "bitrise-dx";

/// How the report stands in a case: all of it, without breaking a line.
const PLAIN: Style = Style {
    color: false,
    unicode: true,
    width: usize::MAX / 2,
    detail: Detail::Verbose,
    max_apps: 100,
};

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
    for (name, value) in properties {
        suite.add_property((name, value.as_str()));
    }
    for check in &diagnosis.checks {
        // Without the app, so that a case has the same name in every run.
        let names = (words("check", check.id.as_str()), check.id.as_str());
        let mut case = case(diagnosis, names, check.status, &check.text, check.reason);
        let mut output = vec![check.text.to_string()];
        if let Some(request) = &check.request {
            let duration = request.duration_ms.unwrap_or_default();
            case.set_time(Duration::from_millis(duration));
            output.push(format!("{METHOD} {}", request.url));
            output.push(request.outcome.to_string());
            output.extend(request.failure_point.as_ref().map(ToString::to_string));
            output.push(request.command.clone());
        }
        case.set_system_out(output.join("\n"));
        suite.add_test_case(case);
    }
    let (reason, names) = (diagnosis.reason, ("Whole run", "run"));
    let is_decided =
        reason.is_some() && diagnosis.checks.iter().any(|check| check.reason == reason);
    if diagnosis.verdict != Verdict::Verified && !is_decided {
        let status = Status::Unknown;
        suite.add_test_case(case(diagnosis, names, status, &diagnosis.result, reason));
    }
    let mut document = quick_junit::Report::new(NAME);
    document.set_time(duration).add_test_suite(suite);
    // The library counts the skipped cases at the root too, where Jenkins' schema has no such
    // attribute; the suite's own count stays.
    let skipped = format!(" skipped=\"{}\"", document.skipped);
    Ok(document.to_string()?.replacen(&skipped, "", 1))
}

/// Returns the case of a check, or of the whole run.
fn case(
    diagnosis: &Diagnosis,
    (title, class): (&str, &str),
    status: Status,
    message: &Text,
    reason: Option<Reason>,
) -> TestCase {
    let mut outcome = match status {
        Status::Pass => TestCaseStatus::success(),
        Status::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Status::Unknown => TestCaseStatus::non_success(NonSuccessKind::Error),
        Status::Skip => TestCaseStatus::skipped(),
    };
    // What is good keeps none of these.
    outcome.set_message(message.to_string());
    if let Some(reason) = reason {
        outcome.set_type(reason.as_str());
    }
    if matches!(status, Status::Fail | Status::Unknown) {
        let is_decisive = reason == diagnosis.reason;
        let text = is_decisive.then(|| human::render(diagnosis, PLAIN));
        outcome.set_description(text.unwrap_or_else(|| message.to_string()));
    }
    let mut case = TestCase::new(title, outcome);
    case.set_classname(format!("bitrise-dx.{class}"));
    case
}

//! The report as JUnit XML, which Bitrise, GitLab and most other CI systems read: one case a check.
//!
//! A check that failed is a failure, one that could not be told is an error, and one that was not
//! made is skipped. A run whose verdict comes from no check, as if nothing was checked, has one
//! more case, an error: without it, it would look like a good one.

use super::apps;
use crate::check::{CheckId, Status};
use crate::diagnosis::check_title;
use crate::diagnosis::{CheckLine, Diagnosis};
use crate::exchange::METHOD;
use crate::report::AppResult;
use crate::text::Text;
use crate::verdict::{Reason, Verdict};
use quick_junit::{NonSuccessKind, SerializeError, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// The name of the whole, under which CI systems file the cases.
const NAME: &str = "bitrise-dx";

/// The most apps that are named.
const MAX_APPS: usize = 100;

pub(super) fn render(diagnosis: &Diagnosis) -> Result<String, SerializeError> {
    let mut suite = TestSuite::new(NAME);
    let duration = whole_millis(diagnosis.duration);
    suite.set_time(duration);
    // Without an offset, as the common schema has it; the time is in UTC.
    let started = super::rfc3339(diagnosis.checked_at);
    suite
        .extra
        .insert("timestamp".into(), started.trim_end_matches('Z').into());
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

/// Returns a span of time as the other formats have it, to the millisecond.
fn whole_millis(span: Option<Duration>) -> Duration {
    Duration::from_millis(span.map_or(0, super::millis))
}

fn properties(diagnosis: &Diagnosis) -> Vec<(&'static str, String)> {
    let target = &diagnosis.target;
    let mut properties = vec![
        ("verdict", diagnosis.verdict.as_str().to_owned()),
        ("message", diagnosis.result.to_string()),
        ("token", diagnosis.token.text.to_string()),
        ("tool", super::tool(&diagnosis.tool)),
        ("command", target.command.clone()),
        ("evidence", diagnosis.evidence.as_str().to_owned()),
    ];
    let further = [
        (
            "reason",
            diagnosis.reason.map(|reason| reason.as_str().to_owned()),
        ),
        ("base_url", target.base_url.clone()),
        ("proxy", target.proxy.clone()),
        ("sandbox", target.sandbox.as_deref().map(str::to_owned)),
    ];
    let further = further.into_iter();
    properties.extend(further.filter_map(|(name, value)| Some((name, value?))));
    let remarks = diagnosis.remarks.iter();
    properties.extend(remarks.map(|remark| ("remark", remark.to_string())));
    let shares = apps::shares(&diagnosis.coverage).into_iter();
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
        let advice = if check.reason == diagnosis.reason {
            advice(diagnosis)
        } else {
            message.clone()
        };
        case.status.set_description(advice);
    }
    if let Some(reason) = check.reason {
        case.status.set_type(reason.as_str());
    }
    let mut output = vec![message];
    if let Some(request) = &check.request {
        case.set_time(whole_millis(request.elapsed));
        output.push(format!("{METHOD} {}", request.url));
        output.push(request.outcome.to_string());
        output.extend(request.failure_point.as_ref().map(ToString::to_string));
        output.push(request.command.clone());
    }
    if check.id == CheckId::PipelinesList {
        output.extend(not_read(diagnosis));
    }
    case.set_system_out(output.join("\n"));
    case
}

/// Returns the apps that could not be read, a line each.
fn not_read(diagnosis: &Diagnosis) -> Vec<String> {
    let not_read = apps::not_read(&diagnosis.apps, MAX_APPS);
    let results = not_read.groups.iter().flat_map(|group| &group.apps);
    let line = |result: &&AppResult| {
        let title = result.app.title.as_ref();
        let title = title.map_or_else(String::new, |title| format!("“{title}” "));
        let (slug, why) = (&result.app.slug, apps::why(result));
        format!("- {title}({slug}): {why}")
    };
    let mut lines: Vec<String> = results.map(line).collect();
    if not_read.left_out > 0 {
        lines.push(format!("- and {} more", not_read.left_out));
    }
    lines
}

fn run_case(diagnosis: &Diagnosis) -> TestCase {
    let status = TestCaseStatus::non_success(NonSuccessKind::Error);
    let mut case = TestCase::new(crate::diagnosis::title(diagnosis.verdict), status);
    case.set_classname("bitrise-dx.run");
    case.status
        .set_message(diagnosis.result.to_string())
        .set_description(advice(diagnosis));
    if let Some(reason) = diagnosis.reason.map(Reason::as_str) {
        case.status.set_type(reason);
    }
    case
}

/// Returns what stands in the body of a failure: the diagnosis.
fn advice(diagnosis: &Diagnosis) -> String {
    let first = [&diagnosis.result].into_iter().chain(&diagnosis.remarks);
    let mut first: Vec<String> = first.map(ToString::to_string).collect();
    let facts = [
        ("DX", diagnosis.dx.as_ref()),
        ("Token", Some(&diagnosis.token.text)),
        ("Who", diagnosis.who_text.as_ref()),
    ];
    let facts = facts.into_iter();
    first.extend(facts.filter_map(|(name, text)| Some(format!("{name}: {}", text?))));
    let steps = (1..).zip(&diagnosis.actions);
    let more = diagnosis.links.iter().map(ToString::to_string);
    let explain = diagnosis
        .reason
        .map(|reason| format!("bitrise-dx explain {}", reason.as_str()));
    let sections = [
        (
            "Do this",
            steps
                .map(|(number, step)| format!("{number}. {step}"))
                .collect(),
        ),
        (&super::why_title(diagnosis), bullets(&diagnosis.causes)),
        ("Not checked", bullets(&diagnosis.not_checked)),
        (
            "Reproduce (token in BITRISE_TOKEN)",
            diagnosis.reproduce.clone(),
        ),
        ("What to ask next", bullets(&diagnosis.questions)),
        ("More", explain.into_iter().chain(more).collect()),
    ];
    let sections = sections.into_iter().filter(|(_, lines)| !lines.is_empty());
    let sections = sections.map(|(heading, lines)| format!("{heading}\n{}", lines.join("\n")));
    let all = [first.join("\n")].into_iter().chain(sections);
    let about = super::about(diagnosis).join(" · ");
    all.chain([about]).collect::<Vec<_>>().join("\n\n")
}

fn bullets(items: &[Text]) -> Vec<String> {
    items.iter().map(|item| format!("- {item}")).collect()
}

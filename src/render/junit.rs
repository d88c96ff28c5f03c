//! The report as JUnit XML, which Bitrise, GitLab and most other CI systems read: one case a check.
//!
//! A check that failed is a failure, one that could not be told is an error, and one that was not
//! made is skipped. A run whose verdict comes from no check, as where nothing was checked, has one
//! more case, an error: without it, it would look like a good one.

use crate::check::{Check, CheckId, Status};
use crate::exchange::METHOD;
use crate::guide::{self, apps, story};
use crate::report::{AppResult, Report};
use crate::verdict::Reason;
use quick_junit::{NonSuccessKind, SerializeError, TestCase, TestCaseStatus, TestSuite};

/// The name of the whole, under which CI systems file the cases.
const NAME: &str = "bitrise-dx verify";

/// The most apps that are named.
const MOST_APPS: usize = 100;

pub(super) fn render(report: &Report) -> Result<String, SerializeError> {
    let mut suite = TestSuite::new(NAME);
    suite.set_time(report.duration);
    // Without an offset, as the common schema has it; the time is in UTC.
    let begun = humantime::format_rfc3339_seconds(report.checked_at).to_string();
    suite
        .extra
        .insert("timestamp".into(), begun.trim_end_matches('Z').into());
    for (name, value) in properties(report) {
        suite.add_property((name, value.as_str()));
    }
    suite.add_test_cases(report.checks.iter().map(|check| case(report, check)));
    if let (Some(reason), None) = (report.reason(), report.decisive()) {
        suite.add_test_case(run_case(report, reason));
    }
    let mut document = quick_junit::Report::new(NAME);
    document.set_time(report.duration).add_test_suite(suite);
    // The library counts the skipped cases at the root too, where Jenkins' schema has no such
    // attribute; the suite's own count stays.
    let skipped = format!(" skipped=\"{}\"", document.skipped);
    Ok(document.to_string()?.replacen(&skipped, "", 1))
}

fn properties(report: &Report) -> Vec<(&'static str, String)> {
    let mut properties = vec![
        ("verdict", report.verdict().as_str().to_owned()),
        ("message", story::message(report)),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    properties.extend(
        report
            .reason()
            .map(|reason| ("reason", reason.as_str().to_owned())),
    );
    properties.extend(report.target.base_url.clone().map(|url| ("base_url", url)));
    let sandbox = report.target.sandbox.as_ref();
    properties.extend(sandbox.map(|sandbox| ("sandbox", sandbox.scenario.to_owned())));
    let shares = apps::shares(report).into_iter();
    properties.extend(shares.map(|share| (share.key, share.number.to_string())));
    properties
}

fn case(report: &Report, check: &Check) -> TestCase {
    let message = story::check_message(check);
    let status = match check.result.status() {
        Status::Pass => TestCaseStatus::success(),
        Status::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Status::Unknown => TestCaseStatus::non_success(NonSuccessKind::Error),
        Status::Skip => TestCaseStatus::skipped(),
    };
    // Without the app, so that a case has the same name in every run.
    let mut case = TestCase::new(story::check_title(check.id), status);
    case.set_classname(format!("bitrise-dx.{}", check.id.as_str()));
    if check.result.status() != Status::Pass {
        case.status.set_message(message.as_str());
    }
    if let Some(reason) = check.result.reason() {
        case.status
            .set_type(reason.as_str())
            .set_description(advice(report, &message, reason));
    }
    let mut output = vec![message];
    if let Some(exchange) = &check.exchange {
        case.set_time(exchange.elapsed);
        output.push(format!("{METHOD} {}", exchange.url));
        output.push(story::outcome(exchange));
        let way = guide::way(&report.target, exchange);
        output.extend(way.map(|way| format!("way: {way}")));
        let words = story::server_words(exchange);
        output.extend(words.map(|words| format!("the server says: “{words}”")));
        output.push(story::command(report, exchange));
    }
    if check.id == CheckId::PipelinesList {
        output.extend(not_read(report));
    }
    case.set_system_out(output.join("\n"));
    case
}

/// Returns the apps that could not be read, a line each.
fn not_read(report: &Report) -> Vec<String> {
    let (groups, left_out) = apps::not_read(report, MOST_APPS);
    let results = groups.iter().flat_map(|group| &group.apps);
    let line = |result: &&AppResult| {
        let (name, slug) = (story::name(&result.app), &result.app.slug);
        let (state, why) = (apps::state(result.state), apps::why(result));
        format!("- {name} ({slug}): {state}, {why}")
    };
    let mut lines: Vec<String> = results.map(line).collect();
    if left_out > 0 {
        lines.push(format!("- and {left_out} more"));
    }
    lines
}

fn run_case(report: &Report, reason: Reason) -> TestCase {
    let status = TestCaseStatus::non_success(NonSuccessKind::Error);
    let mut case = TestCase::new(guide::title(reason.verdict()), status);
    let message = story::message(report);
    case.set_classname("bitrise-dx.run");
    case.status
        .set_message(message.as_str())
        .set_type(reason.as_str())
        .set_description(advice(report, &message, reason));
    case
}

/// Returns what stands in the body of a failure: what happened, and what to do for whom.
fn advice(report: &Report, message: &str, reason: Reason) -> String {
    let page = guide::page(reason);
    let steps = (1..).zip(story::remediation(report));
    let sections = [
        (
            "What to do next",
            steps
                .map(|(number, step)| format!("{number}. {step}"))
                .collect(),
        ),
        ("Likely causes", bullets(page.causes)),
        (
            "Reproduce (with the token in BITRISE_TOKEN)",
            story::reproduce(report),
        ),
        ("Not proven", bullets(&story::not_proven(report))),
        ("For support: what to ask next", bullets(page.support)),
        ("Read more", bullets(page.links)),
    ];
    let sections = sections.into_iter().filter(|(_, lines)| !lines.is_empty());
    let sections = sections.map(|(heading, lines)| format!("{heading}\n{}", lines.join("\n")));
    let prediction = guide::prediction(report).map(|prediction| prediction.to_string());
    let before = [message.to_owned()].into_iter().chain(prediction);
    let all: Vec<String> = before.chain(sections).collect();
    all.join("\n\n")
}

fn bullets<S: AsRef<str>>(items: &[S]) -> Vec<String> {
    let items = items.iter();
    items.map(|item| format!("- {}", item.as_ref())).collect()
}

//! The formats: each is a pure function from a report to text.
//!
//! Invariant: no I/O, no clock and no environment; and no format decides a verdict or an exit
//! code.

mod github;
mod html;
mod human;
mod json;
mod junit;
mod markdown;

use crate::check::Status;
use crate::report::Report;
use crate::verdict::{Reason, Verdict};

pub use human::{Detail, Style};

/// The JSON Schema of the report in JSON, as `bitrise-dx schema` prints it.
pub const SCHEMA: &str = include_str!("report-1.schema.json");

/// Renders the report for people.
pub fn human(report: &Report, style: Style) -> String {
    human::render(report, style)
}

/// Renders the report as one JSON document.
///
/// # Errors
/// Returns the serialiser's error; no report is known to cause one.
pub fn json(report: &Report) -> serde_json::Result<String> {
    json::render(report)
}

/// Renders the report in Markdown, for a ticket or a step summary.
pub fn markdown(report: &Report) -> String {
    markdown::render(report)
}

/// Renders the report as JUnit XML.
///
/// # Errors
/// Returns the serialiser's error; no report is known to cause one.
pub fn junit(report: &Report) -> Result<String, quick_junit::SerializeError> {
    junit::render(report)
}

/// Renders the report as GitHub's workflow commands.
pub fn github(report: &Report) -> String {
    github::render(report)
}

/// Renders the report as one HTML page that needs nothing from elsewhere.
///
/// # Errors
/// Returns the template engine's error; no report is known to cause one.
pub fn html(report: &Report) -> askama::Result<String> {
    html::render(report)
}

/// Renders the page of a reason for people.
pub fn explain_reason(reason: Reason, style: Style) -> String {
    human::explain_reason(reason, style)
}

/// Renders the page of a verdict for people.
pub fn explain_verdict(verdict: Verdict, style: Style) -> String {
    human::explain_verdict(verdict, style)
}

/// Renders the list of all verdicts and reasons for people.
pub fn explain_index(style: Style) -> String {
    human::explain_index(style)
}

/// Returns a status's sign; it never stands without words.
const fn mark(status: Status) -> &'static str {
    match status {
        Status::Pass => "✓",
        Status::Fail => "✗",
        Status::Unknown => "?",
        Status::Skip => "–",
    }
}

/// Returns the status that a verdict looks like.
const fn verdict_status(verdict: Verdict) -> Status {
    match verdict {
        Verdict::Verified => Status::Pass,
        Verdict::InvalidCredentials | Verdict::InvalidPermissions | Verdict::NoResources => {
            Status::Fail
        }
        Verdict::Inconclusive => Status::Unknown,
        Verdict::NotRun => Status::Skip,
    }
}

//! The formats: each is a pure function from a report to text.
//!
//! Invariant: no I/O, no clock and no environment; and no format decides a verdict or an exit
//! code.

mod human;
mod json;

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

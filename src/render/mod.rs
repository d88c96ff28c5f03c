//! The formats: each is a pure function from a diagnosis to text.
//!
//! Invariant: no I/O, no clock and no environment. No format decides a verdict or an exit code, or
//! words anything but its headings.

mod github;
mod html;
mod human;
mod json;
mod junit;
mod markdown;
mod sections;
mod wrap;

use crate::check::Status;
use crate::diagnosis::{Diagnosis, Tool, span};
use crate::report::EvidenceKind;
use crate::text::Text;
use crate::verdict::{Reason, Verdict};
use std::time::SystemTime;

pub use human::{Detail, Style};

/// The JSON Schema of the report in JSON, as `bitrise-dx schema` prints it.
pub const SCHEMA: &str = include_str!("report-1.schema.json");

/// Renders a diagnosis for people.
pub fn human(diagnosis: &Diagnosis, style: Style) -> String {
    human::render(diagnosis, style)
}

/// Renders a diagnosis as one JSON document.
///
/// # Errors
/// Returns the serialiser's error; no diagnosis is known to cause one.
pub fn json(diagnosis: &Diagnosis) -> serde_json::Result<String> {
    json::render(diagnosis)
}

/// Renders a diagnosis in Markdown, for a ticket or a step summary.
pub fn markdown(diagnosis: &Diagnosis) -> String {
    markdown::render(diagnosis)
}

/// Renders a diagnosis as JUnit XML.
///
/// # Errors
/// Returns the serialiser's error; no diagnosis is known to cause one.
pub fn junit(diagnosis: &Diagnosis) -> Result<String, quick_junit::SerializeError> {
    junit::render(diagnosis)
}

/// Renders a diagnosis as GitHub's workflow commands.
pub fn github(diagnosis: &Diagnosis) -> String {
    github::render(diagnosis)
}

/// Renders a diagnosis as one HTML page that needs nothing from elsewhere.
///
/// # Errors
/// Returns the template engine's error; no diagnosis is known to cause one.
pub fn html(diagnosis: &Diagnosis) -> askama::Result<String> {
    html::render(diagnosis)
}

/// Renders the answer to whoever pasted a text: the one that was made for it, or else the result and
/// what to do.
pub fn reply(diagnosis: &Diagnosis) -> String {
    if let Some(reply) = &diagnosis.reply {
        return format!("{}\n", reply.trim_end());
    }
    let mut lines = vec![diagnosis.result.to_string()];
    let steps = (1..).zip(&diagnosis.actions);
    lines.extend(steps.map(|(number, step)| format!("\n{number}. {step}")));
    lines.join("\n") + "\n"
}

/// Renders the page of a reason for people.
pub fn explain_reason(reason: Reason, style: Style) -> String {
    human::explain_reason(reason, style)
}

/// Renders the page of a verdict for people.
pub fn explain_verdict(verdict: Verdict, style: Style) -> String {
    human::explain_verdict(verdict, style)
}

/// Renders the page of an HTTP status for people.
pub fn explain_status(status: u16, style: Style) -> String {
    human::explain_status(status, style)
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

/// Returns what a line that stands alone has to say of where it comes from.
fn origin(diagnosis: &Diagnosis) -> Option<&'static str> {
    match diagnosis.evidence {
        _ if diagnosis.target.sandbox.is_some() => Some("sandbox"),
        EvidenceKind::Live => None,
        EvidenceKind::Pasted => Some("pasted text"),
        EvidenceKind::Report => Some("saved report"),
    }
}

/// Returns the program with its version and what it was built from.
fn tool(tool: &Tool) -> String {
    let built: Vec<&str> = [&tool.commit, &tool.target]
        .into_iter()
        .filter_map(|part| part.as_deref())
        .collect();
    let version = &tool.version;
    if built.is_empty() {
        format!("bitrise-dx {version}")
    } else {
        format!("bitrise-dx {version} ({})", built.join(", "))
    }
}

/// Returns a point in time for people: `2026-11-25 18:16:03 UTC`.
fn utc(time: SystemTime) -> String {
    crate::diagnosis::rfc3339(time)
        .replace('T', " ")
        .replace('Z', " UTC")
}

/// How much of a report a format shows.
#[derive(Clone, Copy, Debug)]
struct Scope {
    /// Whether all is shown that is known, and not only what a person needs first.
    is_full: bool,
    /// The most apps that are named; there may be thousands.
    max_apps: usize,
    /// The most workspaces that are named.
    max_workspaces: usize,
}

/// Returns the lines of the first block, below the result and above the actions, with their names.
fn facts(diagnosis: &Diagnosis) -> Vec<(&'static str, &Text)> {
    let facts = [
        ("DX", diagnosis.dx.as_ref()),
        ("Token", Some(&diagnosis.token.text)),
        ("Who", diagnosis.who_text.as_ref()),
    ];
    let facts = facts.into_iter();
    facts
        .filter_map(|(name, text)| Some((name, text?)))
        .collect()
}

/// Returns what a diagnosis is about: the program, what it was asked to do, and when; in full, also
/// what the program was built from, and how long it took.
fn about(diagnosis: &Diagnosis, is_full: bool) -> Vec<String> {
    let mut parts = if is_full {
        vec![tool(&diagnosis.tool)]
    } else {
        vec![format!("bitrise-dx {}", diagnosis.tool.version)]
    };
    let command = diagnosis.target.command.as_str();
    parts.extend((!command.is_empty()).then(|| command.to_owned()));
    let proxy = diagnosis.target.proxy.as_ref();
    parts.extend(proxy.map(|proxy| format!("through proxy {proxy}")));
    parts.push(utc(diagnosis.checked_at));
    parts.extend(diagnosis.duration.filter(|_| is_full).map(span));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_time_is_written_whatever_the_clock_says() {
        let year = Duration::from_secs(365 * 86_400);
        let epoch = SystemTime::UNIX_EPOCH;
        for (time, expected) in [
            (epoch - year, "1970-01-01 00:00:00 UTC"),
            (epoch, "1970-01-01 00:00:00 UTC"),
            (
                epoch + Duration::from_millis(1_795_631_763_999),
                "2026-11-25 18:36:03 UTC",
            ),
            (epoch + year * 9_000, "9999-12-31 23:59:59 UTC"),
        ] {
            assert_eq!(utc(time), expected);
        }
    }
}

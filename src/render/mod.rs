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
use crate::verdict::Verdict;

pub use github::render as github;
pub use html::render as html;
pub use human::render as human;
pub use human::{Detail, Style, explain};
pub use json::render as json;
pub use junit::render as junit;
pub use markdown::render as markdown;

/// The JSON Schema of the report in JSON, as `bitrise-dx schema` prints it.
pub const SCHEMA: &str = include_str!("report-1.schema.json");

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

/// Returns the status that a result looks like: what another host than Bitrise's says is neither good
/// nor bad for DX.
fn status(diagnosis: &Diagnosis) -> Status {
    match diagnosis.verdict {
        Verdict::NotRun => Status::Skip,
        _ if is_elsewhere(diagnosis) && diagnosis.requests().next().is_some() => Status::Unknown,
        Verdict::Verified => Status::Pass,
        Verdict::InvalidCredentials | Verdict::InvalidPermissions | Verdict::NoResources => {
            Status::Fail
        }
        Verdict::Inconclusive => Status::Unknown,
    }
}

/// Tells whether another host than Bitrise's was asked.
fn is_elsewhere(diagnosis: &Diagnosis) -> bool {
    let target = &diagnosis.target;
    target.base_url.is_some() && !target.is_bitrise && target.sandbox.is_none()
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
    let built = [tool.commit.as_deref(), tool.target.as_deref()];
    let built: Vec<&str> = built.into_iter().flatten().collect();
    match built.as_slice() {
        [] => format!("bitrise-dx {}", tool.version),
        built => format!("bitrise-dx {} ({})", tool.version, built.join(", ")),
    }
}

/// Returns a point in time for people: `2026-11-25 18:16:03 UTC`.
fn utc(time: &str) -> String {
    time.replace('T', " ").replace('Z', " UTC")
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
    known([
        ("DX", diagnosis.dx.as_ref()),
        ("Token", Some(&diagnosis.token.text)),
        ("Who", diagnosis.who_text.as_ref()),
    ])
}

/// Returns the values that are known, with their names.
fn known<T, const N: usize>(values: [(&'static str, Option<T>); N]) -> Vec<(&'static str, T)> {
    let values = values.into_iter();
    values
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// Returns what a diagnosis is about: the program, what it was asked to do, and when; in full, also
/// what the program was built from, and how long it took.
fn about(diagnosis: &Diagnosis, is_full: bool) -> Vec<Text> {
    let (target, version) = (&diagnosis.target, &diagnosis.tool.version);
    let tool = if is_full {
        tool(&diagnosis.tool)
    } else {
        format!("bitrise-dx {version}")
    };
    let through = |proxy: &String| Text::from("through proxy ").then(Text::command(proxy));
    let parts = [
        Some(tool.into()),
        Some(Text::command(&target.command)),
        target.proxy.as_ref().map(through),
        Some(utc(&diagnosis.checked_at).into()),
        { diagnosis.duration_ms.filter(|_| is_full) }.map(|ms| span(ms).into()),
    ];
    parts.into_iter().flatten().collect()
}

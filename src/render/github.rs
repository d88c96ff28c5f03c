//! The report as GitHub's workflow commands: annotations on the run and the pull request.
//!
//! Facts: GitHub's documentation of workflow commands; a value's `%`, CR and LF are escaped, and
//! in a property `:` and `,` too, as GitHub's own toolkit does.

use super::mark;
use crate::guide::{self, apps, story};
use crate::report::Report;
use crate::verdict::{Reason, Verdict};
use std::fmt::Write as _;

/// The most apps that an annotation names; GitHub cuts long ones.
const MOST_APPS: usize = 10;

pub(super) fn render(report: &Report) -> String {
    let mut out = command(level(report), &title(report), &body(report));
    for warning in report.warnings() {
        out += &command("warning", "Bitrise token", story::warning(warning));
    }
    out
}

/// Returns how loud an annotation is: an answer that could not be had is no error of anybody's, nor
/// is a token that was not there, as in pull requests from forks.
fn level(report: &Report) -> &'static str {
    match report.verdict() {
        Verdict::Verified => "notice",
        Verdict::Inconclusive => "warning",
        Verdict::NotRun if report.reason() == Some(Reason::TokenMissing) => "warning",
        Verdict::InvalidCredentials
        | Verdict::InvalidPermissions
        | Verdict::NoResources
        | Verdict::NotRun => "error",
    }
}

fn title(report: &Report) -> String {
    let sandbox = if report.target.sandbox.is_some() {
        " (sandbox)"
    } else {
        ""
    };
    let verdict = guide::title(report.verdict());
    format!("DX connection to Bitrise{sandbox}: {verdict}")
}

fn body(report: &Report) -> String {
    let mut lines = vec![story::message(report)];
    lines.extend(guide::prediction(report).map(|prediction| prediction.to_string()));
    lines.push("For the customer: what to do next:".to_owned());
    let steps = (1..).zip(story::next_steps(report));
    lines.extend(steps.map(|(number, step)| format!("{number}. {step}")));
    lines.push("Checks:".to_owned());
    for check in &report.checks {
        let (title, message) = (story::check_title(check.id), story::check_message(check));
        lines.push(format!(
            "{} {title}: {message}",
            mark(check.result.status())
        ));
        if let Some(exchange) = &check.exchange {
            lines.push(format!("  {}", story::outcome(exchange)));
            let way = guide::way(&report.target, exchange);
            lines.extend(way.map(|way| format!("  way: {way}")));
        }
    }
    lines.extend(apps(report));
    lines.push("Not proven:".to_owned());
    let not_proven = story::not_proven(report);
    lines.extend(not_proven.iter().map(|line| format!("- {line}")));
    lines.push("For support: what to ask next:".to_owned());
    lines.extend(
        story::support(report)
            .iter()
            .map(|line| format!("- {line}")),
    );
    lines.extend(
        story::links(report)
            .iter()
            .map(|link| format!("See {link}")),
    );
    lines.join("\n")
}

/// Returns how many apps ended in which way, and the first ones that can't be read.
fn apps(report: &Report) -> Vec<String> {
    let shares = apps::shares(report).into_iter();
    let shares: Vec<String> = shares
        .filter(|share| share.number > 0)
        .map(|share| format!("{} {}", share.number, share.name.to_lowercase()))
        .collect();
    if shares.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![format!("Apps: {}", shares.join(", "))];
    let (groups, left_out) = apps::not_read(report, MOST_APPS);
    for result in groups.iter().flat_map(|group| &group.apps) {
        let (name, slug) = (story::name(&result.app), &result.app.slug);
        lines.push(format!("- {name} ({slug}): {}", apps::why(result)));
    }
    if left_out > 0 {
        lines.push(format!("- and {left_out} more"));
    }
    lines
}

fn command(level: &str, title: &str, message: &str) -> String {
    format!("::{level} title={}::{}\n", property(title), data(message))
}

/// Escapes a command's message.
fn data(text: &str) -> String {
    escaped(text, &['%', '\r', '\n'])
}

/// Escapes the value of a command's property.
fn property(text: &str) -> String {
    escaped(text, &['%', '\r', '\n', ':', ','])
}

fn escaped(text: &str, special: &[char]) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if special.contains(&c) {
            // Writing to a string can't fail.
            let _ = write!(out, "%{:02X}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

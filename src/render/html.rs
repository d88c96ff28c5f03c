//! The report as one page for a browser: everything that it needs is in it.
//!
//! The template escapes every text. A content security policy lets the page's own style in, by
//! its hash, and nothing else: no script, no picture, no font, no frame, no request.

use super::{mark, verdict_status};
use crate::check::{Check, Status};
use crate::exchange::{Exchange, METHOD};
use crate::guide::{self, apps, story};
use crate::report::{AppResult, Report};
use askama::Template;

const STYLE: &str = include_str!("report.css");

/// The SHA-256 of [`STYLE`]; a test says what it must be.
const STYLE_HASH: &str = "sha256-T7iEXgQL6mibwwwNofElgk/e1YamSG4KgIKIUELZ1O0=";

/// The most apps that are named.
const MOST_APPS: usize = 500;

#[derive(Template)]
#[template(path = "report.html", config = "src/render/askama.toml")]
struct Page<'a> {
    style: &'static str,
    style_hash: &'static str,
    tone: &'static str,
    mark: &'static str,
    title: String,
    sentence: String,
    sandbox: Option<&'static str>,
    dx: Option<guide::Prediction>,
    warnings: Vec<&'static str>,
    steps: &'static [&'static str],
    causes: &'static [&'static str],
    checks: Vec<CheckView>,
    has_requests: bool,
    start: String,
    shares: Vec<ShareView>,
    shares_label: String,
    not_read: &'static str,
    groups: Vec<GroupView>,
    left_out: usize,
    bars: Vec<Bar>,
    facts: Vec<(&'static str, String)>,
    not_proven: Vec<String>,
    support: &'static [&'static str],
    links: &'a [&'static str],
    reason: Option<&'static str>,
    version: &'static str,
}

struct CheckView {
    tone: &'static str,
    mark: &'static str,
    status: &'static str,
    title: &'static str,
    message: String,
    request: Option<RequestView>,
}

struct RequestView {
    line: String,
    outcome: String,
    way: Option<String>,
    words: Option<String>,
    app: Option<(String, String)>,
    command: String,
}

struct ShareView {
    key: &'static str,
    name: &'static str,
    number: u64,
    start: String,
    width: String,
}

struct GroupView {
    workspace: String,
    apps: Vec<AppView>,
}

struct AppView {
    title: String,
    slug: String,
    key: &'static str,
    state: &'static str,
    why: String,
}

struct Bar {
    title: &'static str,
    width: String,
    attempts: u32,
    time: String,
}

pub(super) fn render(report: &Report) -> askama::Result<String> {
    page(report).render()
}

fn page(report: &Report) -> Page<'static> {
    let verdict = report.verdict();
    let status = verdict_status(verdict);
    let message = story::message(report);
    let (title, sentence) = message.split_once(": ").unwrap_or((&message, ""));
    let shares = shares(report);
    let (groups, left_out) = apps::not_read(report, MOST_APPS);
    Page {
        style: STYLE,
        style_hash: STYLE_HASH,
        tone: status.as_str(),
        mark: mark(status),
        title: title.to_owned(),
        sentence: story::sentence(sentence),
        sandbox: report
            .target
            .sandbox
            .as_ref()
            .map(|sandbox| sandbox.scenario),
        dx: guide::prediction(report),
        warnings: report.warnings().into_iter().map(story::warning).collect(),
        steps: story::next_steps(report),
        causes: report
            .reason()
            .map_or(&[], |reason| guide::page(reason).causes),
        checks: report
            .checks
            .iter()
            .map(|check| check_view(report, check))
            .collect(),
        has_requests: story::requests(report).next().is_some(),
        start: story::start_again(report).join("\n"),
        shares_label: label(&shares),
        shares,
        not_read: apps::NOT_READ,
        groups: groups.iter().map(group_view).collect(),
        left_out,
        bars: bars(report),
        facts: facts(report),
        not_proven: story::not_proven(report),
        support: story::support(report),
        links: story::links(report),
        reason: report.reason().map(crate::verdict::Reason::as_str),
        version: env!("CARGO_PKG_VERSION"),
    }
}

fn check_view(report: &Report, check: &Check) -> CheckView {
    let status = check.result.status();
    let request = check.exchange.as_ref();
    CheckView {
        tone: status.as_str(),
        mark: mark(status),
        status: match status {
            Status::Pass => "passed",
            Status::Fail => "failed",
            Status::Unknown => "could not be told",
            Status::Skip => "not made",
        },
        title: story::check_title(check.id),
        message: story::sentence(&story::check_message(check)),
        request: request.map(|exchange| request_view(report, check, exchange)),
    }
}

fn request_view(report: &Report, check: &Check, exchange: &Exchange) -> RequestView {
    let app = check.app.as_ref();
    RequestView {
        line: format!("{METHOD} {}", exchange.url),
        outcome: story::outcome(exchange),
        way: guide::way(&report.target, exchange),
        words: story::server_words(exchange).map(ToString::to_string),
        app: app.map(|app| (story::name(app), app.slug.to_string())),
        command: story::command(report, exchange),
    }
}

fn shares(report: &Report) -> Vec<ShareView> {
    let shares = apps::shares(report);
    let all = shares.iter().map(|share| share.number).sum();
    let mut before = 0;
    let view = |share: apps::Share| {
        let start = percent(before, all);
        before += share.number;
        ShareView {
            key: share.key,
            name: share.name,
            number: share.number,
            start,
            width: percent(share.number, all),
        }
    };
    shares.into_iter().map(view).collect()
}

/// Returns what the picture of the apps shows, in words.
fn label(shares: &[ShareView]) -> String {
    let parts = shares.iter().filter(|share| share.number > 0);
    let parts = parts.map(|share| format!("{} {}", share.number, share.name.to_lowercase()));
    format!("Apps: {}", parts.collect::<Vec<_>>().join(", "))
}

fn group_view(group: &apps::Group<'_>) -> GroupView {
    let workspace = group.workspace.map(ToString::to_string);
    GroupView {
        workspace: workspace.unwrap_or_else(|| "an unknown workspace".to_owned()),
        apps: group.apps.iter().copied().map(app_view).collect(),
    }
}

fn app_view(result: &AppResult) -> AppView {
    let title = result.app.title.as_ref().map(ToString::to_string);
    AppView {
        title: title.unwrap_or_else(|| "(no title)".to_owned()),
        slug: result.app.slug.to_string(),
        key: result.state.as_str(),
        state: apps::state(result.state),
        why: apps::why(result),
    }
}

fn bars(report: &Report) -> Vec<Bar> {
    let all = report.duration.as_micros();
    let bar = |(check, exchange): (&Check, &Exchange)| Bar {
        title: story::check_title(check.id),
        width: percent(exchange.elapsed.as_micros().min(all), all),
        attempts: exchange.attempts,
        time: story::span(exchange.elapsed),
    };
    story::requests(report).map(bar).collect()
}

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let begun = humantime::format_rfc3339_seconds(report.checked_at);
    let mut facts = vec![
        ("Begun", begun.to_string()),
        ("Took", story::span(report.duration)),
    ];
    facts.extend(report.target.base_url.clone().map(|url| ("Address", url)));
    facts.extend(report.target.proxy.clone().map(|url| ("Proxy", url)));
    let source = report.token.source.map(crate::report::TokenSource::as_str);
    facts.extend(source.map(|source| ("Token from", source.to_owned())));
    let kind = report.token.kind.map(crate::token::TokenKind::as_str);
    facts.extend(kind.map(|kind| ("Kind of token", kind.to_owned())));
    facts
}

/// Returns a part of a whole in percent, with two digits, for a width; 0 of a whole of 0.
fn percent<N: Into<u128>>(part: N, whole: N) -> String {
    let hundredths = (part.into() * 10_000)
        .checked_div(whole.into())
        .unwrap_or_default();
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn the_policy_lets_the_style_in() {
        let digest = ring::digest::digest(&ring::digest::SHA256, STYLE.as_bytes());
        assert_eq!(STYLE_HASH, format!("sha256-{}", STANDARD.encode(digest)));
    }

    #[test]
    fn widths_are_parts_of_a_whole() {
        for (part, whole, width) in [(0, 0, "0.00"), (1, 3, "33.33"), (3, 3, "100.00")] {
            assert_eq!(percent::<u64>(part, whole), width);
        }
    }
}

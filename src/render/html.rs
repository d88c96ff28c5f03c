//! The report as one page for a browser: everything that it needs is in it.
//!
//! Every text is escaped, by the template or by [`marked`]. A content security policy lets the
//! page's own style in, by its hash, and nothing else: no script, no picture, no font, no frame, no
//! request.

use super::{apps, mark, verdict_status};
use crate::check::{CheckId, Status};
use crate::diagnosis::check_title;
use crate::diagnosis::{CheckLine, Diagnosis, RequestLine, Workspace, span};
use crate::exchange::METHOD;
use crate::report::{AppResult, EvidenceKind};
use crate::text::{Span, Text};
use crate::verdict::Reason;
use askama::Template;
use askama::filters::{Escaper as _, Html};

const STYLE: &str = include_str!("report.css");

/// The SHA-256 of [`STYLE`]; a test says what it must be.
const STYLE_HASH: &str = "sha256-ZMqxJ3MS/EYp3WZ8ie+4KJmf5dfn/kuf1Tb6Kc4oKjc=";

/// The most apps that are named.
const MAX_APPS: usize = 500;

/// The most workspaces that are named.
const MAX_WORKSPACES: usize = 200;

/// The most rows of a table that is shown without being asked for.
const MAX_UNFOLDED: usize = 12;

/// A sentence in HTML, made by [`marked`].
type Marked = String;

#[derive(Template)]
#[template(path = "report.html", config = "src/render/askama.toml")]
struct Page<'a> {
    style: &'static str,
    style_hash: &'static str,
    tone: &'static str,
    mark: &'static str,
    title: String,
    result: Marked,
    remarks: Vec<Marked>,
    facts: Vec<(&'static str, Marked)>,
    actions: Vec<Marked>,
    warnings: Vec<Marked>,
    checks: Vec<CheckView>,
    response: &'static str,
    why: String,
    causes: Vec<Marked>,
    sees: String,
    shares: Vec<ShareView>,
    shares_label: String,
    workspaces: Vec<WorkspaceView>,
    more_workspaces: usize,
    folds_workspaces: bool,
    refused: String,
    groups: Vec<GroupView>,
    more_apps: usize,
    folds_apps: bool,
    if_dx_refuses: Vec<Marked>,
    not_checked: Vec<Marked>,
    questions: Vec<Marked>,
    reproduce: Vec<&'a str>,
    bars: Vec<Bar>,
    run: Vec<(&'static str, String)>,
    links: Vec<&'a str>,
    reason: Option<&'static str>,
    tool: String,
}

struct CheckView {
    tone: &'static str,
    mark: &'static str,
    status: &'static str,
    title: &'static str,
    message: Marked,
    request: Option<RequestView>,
}

struct RequestView {
    line: String,
    outcome: Marked,
    failure_point: Option<Marked>,
    remote_address: Option<String>,
    slug: Option<String>,
}

struct ShareView {
    key: &'static str,
    name: &'static str,
    number: u64,
    start: String,
    width: String,
}

struct WorkspaceView {
    name: String,
    apps: u64,
    readable: u64,
    denied: u64,
    titles: Marked,
    notes: String,
}

struct GroupView {
    workspace: String,
    apps: Vec<AppView>,
}

struct AppView {
    title: String,
    slug: String,
    key: &'static str,
    why: String,
}

struct Bar {
    title: &'static str,
    width: String,
    attempts: u32,
    time: String,
}

pub(super) fn render(diagnosis: &Diagnosis) -> askama::Result<String> {
    page(diagnosis).render()
}

fn page(diagnosis: &Diagnosis) -> Page<'_> {
    let status = verdict_status(diagnosis.verdict);
    let shares = shares(diagnosis);
    let not_read = apps::not_read(&diagnosis.apps, MAX_APPS);
    let workspaces = diagnosis.workspaces.iter();
    let warnings = diagnosis.warnings.iter();
    Page {
        style: STYLE,
        style_hash: STYLE_HASH,
        tone: status.as_str(),
        mark: mark(status),
        title: crate::diagnosis::title(diagnosis.verdict).to_owned(),
        result: marked(&diagnosis.result),
        remarks: all_marked(&diagnosis.remarks),
        facts: facts(diagnosis),
        actions: all_marked(&diagnosis.actions),
        warnings: warnings.map(|(_, warning)| marked(warning)).collect(),
        checks: diagnosis.checks.iter().map(check_view).collect(),
        response: match diagnosis.evidence {
            EvidenceKind::Pasted => super::evidence_title(diagnosis.evidence),
            EvidenceKind::Live | EvidenceKind::Report => "Response",
        },
        why: super::why_title(diagnosis),
        causes: all_marked(&diagnosis.causes),
        sees: super::sees_title(diagnosis),
        shares_label: label(&shares),
        shares,
        workspaces: workspaces
            .take(MAX_WORKSPACES)
            .map(workspace_view)
            .collect(),
        more_workspaces: diagnosis.workspaces.len().saturating_sub(MAX_WORKSPACES),
        folds_workspaces: diagnosis.workspaces.len() > MAX_UNFOLDED,
        refused: format!(
            "{}: {} of {} checked",
            not_read.heading, not_read.all, diagnosis.coverage.checked
        ),
        groups: not_read.groups.iter().map(group_view).collect(),
        more_apps: not_read.left_out,
        folds_apps: not_read.all > MAX_UNFOLDED,
        if_dx_refuses: all_marked(&diagnosis.if_dx_refuses),
        not_checked: all_marked(&diagnosis.not_checked),
        questions: all_marked(&diagnosis.questions),
        reproduce: diagnosis.reproduce.iter().map(String::as_str).collect(),
        bars: bars(diagnosis),
        run: run(diagnosis),
        links: diagnosis.links.iter().map(|link| &**link).collect(),
        reason: diagnosis.reason.map(Reason::as_str),
        tool: super::tool(&diagnosis.tool),
    }
}

/// Returns a sentence in HTML: escaped, with foreign texts and commands set apart.
fn marked(text: &Text) -> Marked {
    let mut out = String::new();
    for span in text.spans() {
        let (open, words, close) = match span {
            Span::Own(words) => ("", words.clone(), ""),
            Span::Foreign(text) => ("<bdi>", text.to_string(), "</bdi>"),
            Span::Command(command) => ("<code>", command.clone(), "</code>"),
            Span::Block(command) => (
                "<pre tabindex=\"0\" role=\"region\" aria-label=\"Command\">",
                command.clone(),
                "</pre>",
            ),
        };
        out += open;
        // Writing to a string can't fail.
        let _ = Html.write_escaped_str(&mut out, &words);
        out += close;
    }
    out
}

fn all_marked(texts: &[Text]) -> Vec<Marked> {
    texts.iter().map(marked).collect()
}

fn facts(diagnosis: &Diagnosis) -> Vec<(&'static str, Marked)> {
    let facts = [
        ("DX", diagnosis.dx.as_ref()),
        ("Token", Some(&diagnosis.token.text)),
        ("Who", diagnosis.who_text.as_ref()),
    ];
    let facts = facts.into_iter();
    facts
        .filter_map(|(name, text)| Some((name, marked(text?))))
        .collect()
}

fn check_view(check: &CheckLine) -> CheckView {
    CheckView {
        tone: check.status.as_str(),
        mark: mark(check.status),
        status: match check.status {
            Status::Pass => "passed",
            Status::Fail => "failed",
            Status::Unknown => "unknown",
            Status::Skip => "skipped",
        },
        title: check_title(check.id),
        message: marked(&check.text),
        request: check
            .request
            .as_ref()
            .map(|request| request_view(check, request)),
    }
}

fn request_view(check: &CheckLine, request: &RequestLine) -> RequestView {
    RequestView {
        line: format!("{METHOD} {}", request.url),
        outcome: marked(&request.outcome),
        failure_point: request.failure_point.as_ref().map(marked),
        remote_address: request.remote_address.clone(),
        slug: check.app.as_ref().map(|app| app.slug.to_string()),
    }
}

fn shares(diagnosis: &Diagnosis) -> Vec<ShareView> {
    let shares = apps::shares(&diagnosis.coverage);
    let all = shares.iter().map(|share| u128::from(share.number)).sum();
    let mut before = 0;
    let view = |share: apps::Share| {
        let number = u128::from(share.number);
        let start = percent(before, all);
        before += number;
        ShareView {
            key: share.key,
            name: share.name,
            number: share.number,
            start,
            width: percent(number, all),
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

fn workspace_view(workspace: &Workspace) -> WorkspaceView {
    let name = workspace.name.as_ref().map(ToString::to_string);
    let mut titles = Text::default();
    for (number, title) in workspace.titles.iter().enumerate() {
        titles = titles
            .own(if number == 0 { "" } else { ", " })
            .foreign(title);
    }
    WorkspaceView {
        name: name.unwrap_or_else(|| "(not named)".to_owned()),
        apps: workspace.apps,
        readable: workspace.readable,
        denied: workspace.denied,
        titles: marked(&titles),
        notes: super::workspace_notes(workspace).join(", "),
    }
}

fn group_view(group: &apps::Group<'_>) -> GroupView {
    let workspace = group.workspace.map(ToString::to_string);
    GroupView {
        workspace: workspace.unwrap_or_else(|| "Workspace not named".to_owned()),
        apps: group.apps.iter().copied().map(app_view).collect(),
    }
}

fn app_view(result: &AppResult) -> AppView {
    let title = result.app.title.as_ref().map(ToString::to_string);
    AppView {
        title: title.unwrap_or_else(|| "(no title)".to_owned()),
        slug: result.app.slug.to_string(),
        key: result.state.as_str(),
        why: apps::why(result),
    }
}

fn bars(diagnosis: &Diagnosis) -> Vec<Bar> {
    let all = diagnosis.duration.unwrap_or_default().as_millis();
    let bar = |(id, request): (CheckId, &RequestLine)| {
        let elapsed = request.elapsed?;
        Some(Bar {
            title: check_title(id),
            width: percent(elapsed.as_millis().min(all), all),
            attempts: request.attempts,
            time: span(elapsed),
        })
    };
    let checks = diagnosis.checks.iter();
    let requests = checks.filter_map(|check| Some((check.id, check.request.as_ref()?)));
    requests.filter_map(bar).collect()
}

fn run(diagnosis: &Diagnosis) -> Vec<(&'static str, String)> {
    let target = &diagnosis.target;
    let source = diagnosis
        .token
        .source
        .map(|source| source.as_str().to_owned());
    let facts = [
        (
            "Options",
            Some(target.command.clone()).filter(|text| !text.is_empty()),
        ),
        ("Base URL", target.base_url.clone()),
        ("Proxy", target.proxy.clone()),
        ("Token from", source),
        ("Started", Some(super::utc(diagnosis.checked_at))),
        ("Took", diagnosis.duration.map(span)),
    ];
    let facts = facts.into_iter();
    facts
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// Returns a part of a whole in percent, with two digits, for a width; 0 of a whole of 0.
fn percent(part: u128, whole: u128) -> String {
    let hundredths = part
        .saturating_mul(10_000)
        .checked_div(whole)
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
            assert_eq!(percent(part, whole), width);
        }
    }
}

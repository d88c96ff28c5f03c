//! The sections of a report below its first block: the one walk that every format shows in its own
//! way.

use super::{Scope, is_elsewhere};
use crate::check::{CheckId, Status};
use crate::diagnosis::{
    CheckLine, Coverage, Diagnosis, RequestLine, Warning, Workspace, a_few, apps, span, words,
};
use crate::exchange::METHOD;
use crate::report::{AppResult, AppState, EvidenceKind};
use crate::text::{Text, Untrusted};
use crate::verdict::{Reason, Verdict};
use std::borrow::Cow;

/// A part of a report under a heading.
pub(super) struct Section {
    /// A name for style sheets and links.
    pub(super) id: &'static str,
    /// The heading.
    pub(super) title: String,
    /// What stands under it.
    pub(super) block: Block,
}

/// What stands under a heading.
pub(super) enum Block {
    /// Sentences in no order.
    Bullets(Vec<Text>),
    /// Sentences in order.
    Steps(Vec<Text>),
    /// Rows of cells.
    Rows(Table),
    /// Commands, to be copied whole.
    Commands(Vec<String>),
}

/// Rows of cells of one number.
#[derive(Default)]
pub(super) struct Table {
    /// The names of the columns; nothing if the rows are a list with one cell each.
    pub(super) head: &'static [&'static str],
    /// The rows.
    pub(super) rows: Vec<Row>,
    /// What is said below, such as how many rows were left out.
    pub(super) below: Vec<String>,
}

/// A row of a table.
#[derive(Default)]
pub(super) struct Row {
    /// The sign in front of it.
    pub(super) mark: Option<Status>,
    /// One text a column.
    pub(super) cells: Vec<Text>,
    /// What belongs to the last cell, in lines of its own.
    pub(super) notes: Vec<Text>,
}

/// Returns the sections of a report, in order. Empty ones are left out.
pub(super) fn sections(diagnosis: &Diagnosis, scope: Scope) -> Vec<Section> {
    // The result of a pass says how much was checked, but not what a text can't prove.
    let is_pasted = diagnosis.evidence == EvidenceKind::Pasted;
    let is_news = diagnosis.reason.is_some() || is_pasted;
    let questions = Block::Bullets(diagnosis.questions.clone());
    let not_checked = Block::Bullets(diagnosis.not_checked.clone());
    let why = match &diagnosis.causes_note {
        Some(note) => format!("Why ({note})"),
        None => "Why".to_owned(),
    };
    let if_dx_refuses = Block::Steps(diagnosis.if_dx_refuses.clone());
    let all = [
        checks(diagnosis, scope),
        section("why", why, Block::Bullets(diagnosis.causes.clone())),
        not_read(diagnosis, scope),
        sees(diagnosis, scope),
        evidence(diagnosis, scope),
        section("not-checked", "Not checked", not_checked).filter(|_| scope.is_full || is_news),
        section("if-dx-refuses", "If DX refuses it", if_dx_refuses),
        section("questions", "What to ask next", questions).filter(|_| scope.is_full),
        reproduce(diagnosis, scope),
    ];
    all.into_iter().flatten().collect()
}

/// Returns a section, unless it is empty.
pub(super) fn section(id: &'static str, title: impl Into<String>, block: Block) -> Option<Section> {
    let is_empty = match &block {
        Block::Bullets(texts) | Block::Steps(texts) => texts.is_empty(),
        Block::Rows(table) => table.rows.is_empty(),
        Block::Commands(commands) => commands.is_empty(),
    };
    let title = title.into();
    (!is_empty).then_some(Section { id, title, block })
}

/// Returns a table of at most so many things, and how many more there are.
fn table<T>(
    head: &'static [&'static str],
    all: &[T],
    (most, more): (usize, &str),
    row: impl Fn(&T) -> Vec<Text>,
) -> Block {
    let row = |one: &T| Row {
        cells: row(one),
        ..Row::default()
    };
    let left_out = all.len().saturating_sub(most);
    let below = format!("and {left_out} more{more}");
    Block::Rows(Table {
        head,
        rows: all.iter().take(most).map(row).collect(),
        below: (left_out > 0).then_some(below).into_iter().collect(),
    })
}

/// A line for each check; for pasted text, with what was read of its request. A check that was not
/// made is worth a line only if somebody asked for it.
fn checks(diagnosis: &Diagnosis, scope: Scope) -> Option<Section> {
    let is_pasted = diagnosis.evidence == EvidenceKind::Pasted;
    let is_unchecked = { diagnosis.checks.iter() }.all(|check| check.status == Status::Skip);
    let is_pass = diagnosis.verdict == Verdict::Verified && !is_pasted;
    if is_unchecked || (is_pass && !scope.is_full) {
        return None;
    }
    let is_worth_it = |check: &&CheckLine| match check.status {
        // The line of the token has its kind.
        Status::Pass if check.id == CheckId::TokenFormat => scope.is_full,
        Status::Pass | Status::Fail | Status::Unknown => true,
        Status::Skip if is_pasted => false,
        // Somebody asked for it if an app had nothing to look at.
        Status::Skip if check.id == CheckId::PipelinesShow => {
            let mut apps = diagnosis.apps.items.iter();
            scope.is_full || apps.any(|app| app.details == Some(Status::Skip))
        }
        Status::Skip => scope.is_full,
    };
    let note = |request: &RequestLine| {
        let asked = asked(request, diagnosis, false).then(": ");
        asked.then(request.outcome.clone())
    };
    let row = |check: &CheckLine| Row {
        mark: Some(check.status),
        cells: vec![words("check", check.id.as_str()).into(), check.text.clone()],
        notes: { check.request.iter().filter(|_| is_pasted) }
            .map(note)
            .collect(),
    };
    let checks = diagnosis.checks.iter().filter(is_worth_it);
    let table = Table {
        head: &["Check", "Result"],
        rows: checks.map(row).collect(),
        ..Table::default()
    };
    let title = if is_pasted {
        "What the text shows"
    } else {
        "Checks"
    };
    section("checks", title, Block::Rows(table))
}

/// Which of several apps could not be read. Refused ones come first: they are what has to be mended.
fn not_read(diagnosis: &Diagnosis, scope: Scope) -> Option<Section> {
    let apps = &diagnosis.apps;
    // The result of a pass names those that are disabled.
    let is_pass = diagnosis.verdict == Verdict::Verified;
    if apps.items.len() < 2 || (is_pass && !scope.is_full) {
        return None;
    }
    let in_state = |state| apps.items.iter().filter(move |app| app.state == state);
    let all: Vec<&AppResult> = { in_state(AppState::Denied) }
        .chain(in_state(AppState::Unknown))
        .collect();
    let title = if in_state(AppState::Unknown).next().is_none() {
        "Refused apps"
    } else {
        "Apps that could not be read"
    };
    let title = format!(
        "{title} ({} of the {} checked)",
        all.len(),
        apps.coverage.checked
    );
    let head = &["App", "Workspace", "Slug", "Why"];
    let most = (scope.max_apps, ": the report in JSON has them all");
    let rows = table(head, &all, most, |result| {
        vec![
            or(result.app.title.as_ref(), "(no title)"),
            or(result.app.workspace.as_ref(), "(unknown workspace)"),
            Text::from(&*result.app.slug),
            why(result).into(),
        ]
    });
    section("refused", title, rows)
}

/// Returns why an app is not known to be readable: the status that decided, or a reason's name.
fn why(result: &AppResult) -> String {
    match (result.reason, result.http_status) {
        (Some(Reason::PipelineDetailsDenied), Some(status)) => format!("{status} for a run"),
        (Some(Reason::AppNotAccessible), Some(status)) => format!("{status}, not in the list"),
        (Some(Reason::AppNotAccessible), None) => "not in the list".to_owned(),
        (_, Some(status)) if result.state == AppState::Denied => status.to_string(),
        (Some(reason), Some(status)) => format!("{} ({status})", reason.as_str()),
        (Some(reason), None) => reason.as_str().to_owned(),
        (None, _) => result.state.as_str().to_owned(),
    }
}

/// What the token sees by workspace. One workspace is no news, unless apps of it are disabled or
/// have no run; those that are refused stand in a section of their own.
fn sees(diagnosis: &Diagnosis, scope: Scope) -> Option<Section> {
    let workspaces = &diagnosis.apps.workspaces;
    let is_news = match workspaces.as_slice() {
        [only] => diagnosis.apps.coverage.checked > 1 && only.disabled + only.without_runs > 0,
        _ => true,
    };
    if !(is_news || scope.is_full) {
        return None;
    }
    let listed = { workspaces.iter() }.fold(0_u64, |sum, one| sum.saturating_add(one.apps));
    let title = match diagnosis.apps.coverage.total {
        // Of a long list only the first page was read.
        Some(total) if listed < total && total > 1 => {
            format!("The token sees {total} apps (the first {listed} by workspace)")
        }
        Some(total) => format!("The token sees {}", apps(total)),
        None => format!("The token sees at least {}", apps(listed)),
    };
    let head = &["Workspace", "Apps", "First apps"];
    let most = (scope.max_workspaces, " workspaces");
    let rows = table(head, workspaces, most, |workspace| {
        vec![
            or(workspace.name.as_ref(), "(unknown workspace)"),
            workspace.apps.to_string().into(),
            titles(workspace),
        ]
    });
    section("sees", title, rows)
}

/// Returns the first titles of a workspace's apps, and what is remarkable about the apps.
fn titles(workspace: &Workspace) -> Text {
    let titles = workspace.titles.iter();
    let titles = titles.map(Text::from);
    let text = match workspace.titles.len() {
        0 => Text::default(),
        _ => a_few(titles, Some(workspace.apps)),
    };
    let notes = [
        (workspace.disabled, "disabled"),
        (workspace.without_runs, "without a run in the last 200 days"),
    ];
    let notes = notes.iter().filter(|(number, _)| *number > 0);
    let notes = notes.map(|(number, what)| format!("{number} {what}"));
    match notes.collect::<Vec<_>>().join(", ").as_str() {
        "" => text,
        notes => text.then(format!(" ({notes})")),
    }
}

/// The requests, and what became of each. What was pasted has them beside its checks.
fn evidence(diagnosis: &Diagnosis, scope: Scope) -> Option<Section> {
    if diagnosis.evidence == EvidenceKind::Pasted {
        return None;
    }
    let mut address_before = None;
    let mut rows = Vec::new();
    for request in diagnosis.requests() {
        let mut outcome = request.outcome.clone();
        let address = request.remote_address.filter(|_| request.status.is_some());
        let from = address.map(|address| address.ip());
        // Mostly all come from one address.
        if let Some(ip) = from.filter(|_| scope.is_full || from != address_before) {
            outcome = outcome.then(format!(" · from {ip}"));
        }
        address_before = from;
        if scope.is_full {
            let version = request.http_version.clone().map(Cow::into_owned);
            for part in version.into_iter().chain(request.duration_ms.map(span)) {
                outcome = outcome.then(format!(" · {part}"));
            }
        }
        let notes = [Some(outcome), request.failure_point.clone()];
        rows.push(Row {
            cells: vec![asked(request, diagnosis, scope.is_full)],
            notes: notes.into_iter().flatten().collect(),
            ..Row::default()
        });
    }
    // A pass keeps no request of an app that was set aside.
    let is_pass = diagnosis.verdict == Verdict::Verified;
    let aside = { diagnosis.apps.items.iter() }
        .filter(|app| is_pass && app.state == AppState::Denied)
        .take(scope.max_apps);
    rows.extend(aside.map(|result| {
        let path = format!("…/apps/{}/pipelines?limit=1", *result.app.slug);
        Row {
            cells: vec![Text::from(METHOD).then(" ").then(Text::command(path))],
            notes: vec![why(result).into()],
            ..Row::default()
        }
    }));
    let table = Table {
        rows,
        ..Table::default()
    };
    section("evidence", "Evidence", Block::Rows(table))
}

/// Returns what was asked; in short, without the base URL.
fn asked(request: &RequestLine, diagnosis: &Diagnosis, is_full: bool) -> Text {
    let base_url = diagnosis.target.base_url.as_deref();
    let path = base_url.and_then(|base| request.url.strip_prefix(base.trim_end_matches('/')));
    let address = match path {
        Some(path) if !is_full => format!("…{path}"),
        _ => request.url.clone(),
    };
    Text::from(METHOD).then(" ").then(Text::command(address))
}

/// The commands that repeat the requests. Without a network that carries them they show nothing, and
/// to another host than Bitrise's they would only send the token once more.
fn reproduce(diagnosis: &Diagnosis, scope: Scope) -> Option<Section> {
    // A token that others can read is to be replaced.
    let is_lost = { diagnosis.warnings.iter() }.any(|line| line.code == Warning::TokenInText);
    let is_pointless = match diagnosis.reason {
        // What was mistyped needs no repeating.
        Some(Reason::DnsFailure | Reason::TlsFailure | Reason::AppNotAccessible) => true,
        _ if is_elsewhere(diagnosis) || is_lost => true,
        // They stand among the actions where the text alone is to blame.
        None | Some(Reason::EvidenceIncomplete | Reason::EvidenceMissing) => {
            diagnosis.evidence == EvidenceKind::Pasted
        }
        Some(_) => false,
    };
    if !scope.is_full && (diagnosis.exit_code == 0 || is_pointless) {
        return None;
    }
    let commands = Block::Commands(diagnosis.reproduce.clone());
    section("reproduce", "Reproduce (token in BITRISE_TOKEN)", commands)
}

fn or(text: Option<&Untrusted>, otherwise: &str) -> Text {
    text.map_or_else(|| otherwise.into(), Text::from)
}

/// How many apps ended alike.
pub(super) struct Share {
    /// A name for scripts and style sheets.
    pub(super) key: &'static str,
    /// A name for people.
    pub(super) name: &'static str,
    /// The number of apps, more than 0.
    pub(super) number: u64,
    /// How many apps the shares before it have.
    pub(super) start: u64,
}

/// Returns how the apps that the token sees, or that were to be checked, are shared out. The sum is
/// the number of all of them.
pub(super) fn shares(coverage: &Coverage) -> Vec<Share> {
    let rest = coverage.not_checked().unwrap_or_default();
    let shares = [
        ("readable", "readable", coverage.readable),
        ("denied", "refused", coverage.denied),
        ("unknown", "unknown", coverage.unknown),
        ("not-reached", "not reached", coverage.not_reached),
        ("not-checked", "not checked", rest),
    ];
    let mut start = 0;
    let shares = shares.into_iter().filter(|(_, _, number)| *number > 0);
    let shares = shares.map(|(key, name, number)| {
        start += number;
        Share {
            key,
            name,
            number,
            start: start - number,
        }
    });
    shares.collect()
}

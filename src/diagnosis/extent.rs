//! How far a run looked: what the token sees, what was not checked, and what is left to look at if
//! DX still refuses.

use super::Workspace;
use super::facts::Facts;
use super::sentence::{apps, fill};
use crate::app::App;
use crate::report::{AppResult, AppState, EvidenceKind, Report, Runs, Selection};
use crate::text::{Text, Untrusted};
use crate::verdict::{Reason, Verdict};
use std::collections::{HashMap, HashSet};

/// How many titles of a workspace are kept.
const MAX_TITLES: usize = 5;

/// Returns what the token sees by workspace, the largest first; apps that are not in its list are
/// left out.
pub(super) fn workspaces(report: &Report) -> Vec<Workspace> {
    let mut groups = Groups::default();
    let mut seen = HashSet::new();
    let is_seen =
        |result: &&AppResult| result.is_listed == Some(true) || result.state == AppState::Readable;
    for result in report.apps.iter().filter(is_seen) {
        seen.insert(result.app.slug.raw());
        let group = groups.add(&result.app);
        group.readable += u64::from(result.state == AppState::Readable);
        group.denied += u64::from(result.state == AppState::Denied);
        group.without_runs += u64::from(result.runs == Some(Runs::None));
    }
    for app in &report.sample {
        if seen.insert(app.slug.raw()) {
            groups.add(app);
        }
    }
    let mut workspaces = groups.workspaces;
    workspaces.sort_by_key(|workspace| std::cmp::Reverse(workspace.apps));
    workspaces
}

/// The workspaces while they are counted; an account may have thousands of apps.
#[derive(Default)]
struct Groups<'a> {
    index: HashMap<Option<&'a str>, usize>,
    workspaces: Vec<Workspace>,
}

impl<'a> Groups<'a> {
    fn add(&mut self, app: &'a App) -> &mut Workspace {
        let name = app.workspace.as_ref();
        let next = self.workspaces.len();
        let index = *self.index.entry(name.map(Untrusted::raw)).or_insert(next);
        if index == next {
            self.workspaces.push(Workspace {
                name: name.cloned(),
                apps: 0,
                readable: 0,
                denied: 0,
                without_runs: 0,
                disabled: 0,
                titles: Vec::new(),
            });
        }
        let group = &mut self.workspaces[index];
        group.apps += 1;
        group.disabled += u64::from(app.is_disabled);
        if group.titles.len() < MAX_TITLES {
            group.titles.extend(app.title.clone());
        }
        group
    }
}

/// Returns what was not checked and may change the reader's next step.
pub(super) fn not_checked(facts: &Facts) -> Vec<Text> {
    let mut lines = Vec::new();
    match facts.evidence {
        EvidenceKind::Live => {}
        EvidenceKind::Pasted => {
            lines.push(
                "Whether the text is complete, unaltered and recent, and whether the token in it \
                 is the one that DX has."
                    .into(),
            );
        }
        EvidenceKind::Report => {
            lines.push("Whether it is still so: the report is of an earlier run.".into());
        }
    }
    let verdict = facts.reason.map_or(Verdict::Verified, Reason::verdict);
    if matches!(
        verdict,
        Verdict::NotRun | Verdict::InvalidCredentials | Verdict::NoResources
    ) {
        return lines;
    }
    let coverage = facts.coverage;
    let started = coverage.checked + coverage.not_reached;
    if coverage.not_reached > 0 {
        let count = coverage.not_reached;
        lines.push(format!("{count} of {}: the run ended before.", apps(started)).into());
    }
    match (coverage.total, facts.unchecked()) {
        (Some(total), Some(rest)) if rest > 0 && facts.selection == Some(Selection::All) => {
            let text = format!(
                "{rest} of {}: Bitrise counts them, but its list does not name them.",
                apps(total)
            );
            lines.push(text.into());
        }
        (Some(total), Some(rest)) if rest == total => {
            lines.push(format!("the {} that the token sees", apps(total)).into());
        }
        (Some(total), Some(rest)) if rest > 0 => {
            lines.push(format!("{rest} of {}", apps(total)).into());
        }
        (None, _) if !facts.sample.is_empty() && facts.selection != Some(Selection::All) => {
            lines.push(
                format!(
                    "the other apps of the list: only {} checked",
                    match coverage.checked {
                        1 => "1 was".to_owned(),
                        checked => format!("{checked} were"),
                    }
                )
                .into(),
            );
        }
        _ => {}
    }
    if let Some(listed) = facts.listed_before_cut {
        lines.push(format!("apps beyond the first {listed} of the list").into());
    }
    lines
}

/// Returns what to look at if DX still refuses a verified token, in order.
pub(super) fn if_dx_refuses(facts: &Facts) -> Vec<Text> {
    if facts.reason.is_some() || facts.is_sandbox {
        return Vec::new();
    }
    let compared = match facts.fingerprint {
        Some(fingerprint) => format!(" (fingerprint {fingerprint})"),
        None => String::new(),
    };
    let mut lines = vec![Text::from(format!(
        "Is the token in DX this one{compared}? Paste it once more."
    ))];
    for line in [
        "Is DX blocked? It connects from its own addresses: \
         `https://docs.getdx.com/allowlisting-dx/`",
        "Send DX's support this report: `bitrise-dx verify --report ticket.md`",
    ] {
        lines.push(fill(line, facts));
    }
    lines
}

//! What the token sees, by workspace, and what became of its apps.

use super::Workspace;
use crate::report::{AppResult, AppState, Report, Runs};
use crate::text::Untrusted;
use crate::verdict::Reason;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

/// How many titles of a workspace are kept.
const MAX_TITLES: usize = 5;

/// Counts the apps of a run.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Coverage {
    /// How many apps the token sees, where that is known.
    pub total: Option<u64>,
    /// How many apps were checked: the sum of the next three.
    pub checked: u64,
    /// How many of those DX can read.
    pub readable: u64,
    /// How many of those Bitrise refused.
    pub denied: u64,
    /// For how many of those it is not known.
    pub unknown: u64,
    /// How many apps were to be checked and were not, since the run ended before.
    pub not_reached: u64,
    /// How many of the refused ones are not among the token's apps, and so not in `total`.
    pub unlisted: u64,
}

impl Coverage {
    /// Counts the apps of a report.
    pub(super) fn of(report: &Report) -> Self {
        let is_empty = report.reason() == Some(Reason::NoApps);
        let mut coverage = Self {
            total: report.list.total.or(is_empty.then_some(0)),
            ..Self::default()
        };
        for app in &report.apps {
            coverage.unlisted += u64::from(app.reason == Some(Reason::AppNotAccessible));
            coverage.checked += u64::from(app.state != AppState::NotReached);
            *match app.state {
                AppState::Readable => &mut coverage.readable,
                AppState::Denied => &mut coverage.denied,
                AppState::Unknown => &mut coverage.unknown,
                AppState::NotReached => &mut coverage.not_reached,
            } += 1;
        }
        coverage
    }

    /// Returns how many of the apps that the token sees were not to be checked, where that is
    /// known.
    pub fn not_checked(&self) -> Option<u64> {
        let listed = (self.checked + self.not_reached).saturating_sub(self.unlisted);
        self.total.map(|total| total.saturating_sub(listed))
    }
}

/// Returns what the token sees by workspace, the largest first; apps that are not in its list are
/// left out. An account may have thousands of apps.
pub(super) fn workspaces(report: &Report) -> Vec<Workspace> {
    let is_seen =
        |result: &&AppResult| result.is_listed == Some(true) || result.state == AppState::Readable;
    let checked = report.apps.iter().filter(is_seen);
    let checked = checked.map(|result| (&result.app, Some(result)));
    let others = report.list.sample.iter().map(|app| (app, None));
    let (mut workspaces, mut places) = (Vec::<Workspace>::new(), HashMap::new());
    let mut seen = HashSet::new();
    let apps = checked.chain(others);
    for (app, result) in apps.filter(|(app, _)| seen.insert(app.slug.raw())) {
        let name = app.workspace.as_ref();
        let place = *{ places.entry(name.map(Untrusted::raw)) }.or_insert(workspaces.len());
        if place == workspaces.len() {
            workspaces.push(Workspace {
                name: name.cloned(),
                ..Workspace::default()
            });
        }
        let of = &mut workspaces[place];
        of.apps += 1;
        of.disabled += u64::from(app.is_disabled);
        if of.titles.len() < MAX_TITLES {
            of.titles.extend(app.title.clone());
        }
        let is = |state| result.is_some_and(|result| result.state == state);
        of.readable += u64::from(is(AppState::Readable));
        of.denied += u64::from(is(AppState::Denied));
        let runs = result.and_then(|result| result.runs);
        of.without_runs += u64::from(runs == Some(Runs::None));
    }
    workspaces.sort_by_key(|workspace| Reverse(workspace.apps));
    workspaces
}

//! What the token sees, by workspace.

use super::Workspace;
use crate::report::{AppResult, AppState, Report, Runs};
use crate::text::Untrusted;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

/// How many titles of a workspace are kept.
const MAX_TITLES: usize = 5;

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

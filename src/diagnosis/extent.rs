//! What the token sees, by workspace.

use super::Workspace;
use crate::app::App;
use crate::report::{AppResult, AppState, Report, Runs};
use crate::text::Untrusted;
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
                ..Workspace::default()
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

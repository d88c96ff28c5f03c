//! What is said of the apps of a run: how many there are of each kind, and which can't be read.

use crate::report::{AppResult, AppState, Report};
use crate::text::Untrusted;

/// Holds how many apps ended alike.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Share {
    /// A name for scripts and style sheets.
    pub key: &'static str,
    /// A name for people.
    pub name: &'static str,
    /// The number of apps.
    pub number: u64,
}

/// Returns how the apps that the token sees, or that were to be checked, are shared out; empty
/// where no app is known. The sum is the number of all of them.
pub fn shares(report: &Report) -> Vec<Share> {
    let coverage = report.coverage();
    let rest = coverage.not_checked().unwrap_or_default();
    let shares = [
        ("readable", "Readable", coverage.readable),
        ("denied", "Denied", coverage.denied),
        ("unknown", "Could not be told", coverage.unknown),
        ("not-reached", "Not reached", coverage.not_reached),
        ("not-checked", "Not checked", rest),
    ];
    if shares.iter().all(|(_, _, number)| *number == 0) {
        return Vec::new();
    }
    let shares = shares
        .into_iter()
        .map(|(key, name, number)| Share { key, name, number });
    shares.collect()
}

/// Returns an app's state in words.
pub const fn state(state: AppState) -> &'static str {
    match state {
        AppState::Readable => "readable",
        AppState::Denied => "denied",
        AppState::Unknown => "could not be told",
        AppState::NotReached => "not reached",
    }
}

/// Returns why an app is not known to be readable, as a reason's name and a status.
pub fn why(result: &AppResult) -> String {
    let reason = result.reason.map_or("", crate::verdict::Reason::as_str);
    match result.http_status {
        Some(status) => format!("{reason} ({status})"),
        None => reason.to_owned(),
    }
}

/// Holds the apps of one workspace that could not be read.
#[derive(Debug)]
pub struct Group<'a> {
    /// The workspace's name, where the list of apps told it.
    pub workspace: Option<&'a Untrusted>,
    /// Its apps.
    pub apps: Vec<&'a AppResult>,
}

/// Stands over the apps of [`not_read`].
pub const NOT_READ: &str = "Could not be read";

/// Returns the apps that were asked for and could not be read, by workspace, and how many were
/// left out so that no more than `most` are there. Denied apps come first: they are what has to be
/// mended.
pub fn not_read(report: &Report, most: usize) -> (Vec<Group<'_>>, usize) {
    let in_state = |state| report.apps.iter().filter(move |app| app.state == state);
    let all = [AppState::Denied, AppState::Unknown];
    let all = all.into_iter().flat_map(in_state);
    let left_out = all.clone().count().saturating_sub(most);
    let mut groups: Vec<Group<'_>> = Vec::new();
    for result in all.take(most) {
        let workspace = result.app.workspace.as_ref();
        match groups.iter_mut().find(|group| group.workspace == workspace) {
            Some(group) => group.apps.push(result),
            None => groups.push(Group {
                workspace,
                apps: vec![result],
            }),
        }
    }
    (groups, left_out)
}

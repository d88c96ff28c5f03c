//! The apps of a run, put in order for a table: how many ended in which way, and which could not
//! be read.

use crate::report::{AppResult, AppState, Coverage};
use crate::text::Untrusted;
use crate::verdict::Reason;

/// How many apps ended alike.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Share {
    /// A name for scripts and style sheets.
    pub(super) key: &'static str,
    /// A name for people.
    pub(super) name: &'static str,
    /// The number of apps.
    pub(super) number: u64,
}

/// Returns how the apps that the token sees, or that were to be checked, are shared out; empty if
/// no app is known. The sum is the number of all of them.
pub(super) fn shares(coverage: &Coverage) -> Vec<Share> {
    let rest = coverage.not_checked().unwrap_or_default();
    let shares = [
        ("readable", "Readable", coverage.readable),
        ("denied", "Refused", coverage.denied),
        ("unknown", "Unknown", coverage.unknown),
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

/// Returns an app's state in a word.
pub(super) const fn state(state: AppState) -> &'static str {
    match state {
        AppState::Readable => "readable",
        AppState::Denied => "refused",
        AppState::Unknown => "unknown",
        AppState::NotReached => "not reached",
    }
}

/// Returns why an app is not known to be readable: the status that decided, or a reason's name.
pub(super) fn why(result: &AppResult) -> String {
    match (result.reason, result.http_status) {
        (Some(Reason::PipelineDetailsDenied), Some(status)) => format!("{status} for a run"),
        (Some(Reason::AppNotAccessible), Some(status)) => format!("{status}, not in the list"),
        (Some(Reason::AppNotAccessible), None) => "not in the list".to_owned(),
        (_, Some(status)) if result.state == AppState::Denied => status.to_string(),
        (Some(reason), Some(status)) => format!("{} ({status})", reason.as_str()),
        (Some(reason), None) => reason.as_str().to_owned(),
        (None, _) => state(result.state).to_owned(),
    }
}

/// The apps of one workspace that could not be read.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// The workspace's name, if the list of apps told it.
    pub(super) workspace: Option<&'a Untrusted>,
    /// Its apps.
    pub(super) apps: Vec<&'a AppResult>,
}

/// The apps that could not be read, as far as there is room for them.
#[derive(Debug)]
pub(super) struct NotRead<'a> {
    /// What stands over them.
    pub(super) heading: &'static str,
    /// The apps by workspace.
    pub(super) groups: Vec<Group<'a>>,
    /// How many there are, those without room included.
    pub(super) all: usize,
    /// For how many there is no room.
    pub(super) left_out: usize,
}

/// Returns the apps that were asked for and could not be read, by workspace, and no more than
/// `most` of them. Refused apps come first: they are what has to be mended.
pub(super) fn not_read(apps: &[AppResult], most: usize) -> NotRead<'_> {
    let in_state = |state| apps.iter().filter(move |app| app.state == state);
    let states = [AppState::Denied, AppState::Unknown];
    let all = states.into_iter().flat_map(in_state);
    let is_refused = |state: AppState| all.clone().all(|app| app.state == state);
    let heading = if is_refused(AppState::Denied) {
        "Refused apps"
    } else {
        "Apps that could not be read"
    };
    let count = all.clone().count();
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
    NotRead {
        heading,
        groups,
        all: count,
        left_out: count.saturating_sub(most),
    }
}

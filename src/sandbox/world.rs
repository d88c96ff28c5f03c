//! The made-up apps and runs, generated from a few hand-written bodies.
//!
//! A *run* is what `pipeline-list` returns: a pipeline or a standalone build.
//!
//! Invariant: knows no HTTP but statuses; pages, filters and refusals are in `server`.
//! Invariant: every value is in `bodies/` or follows from an index by arithmetic.

use std::collections::HashMap;
use std::io;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::scenario::Scenario;

/// Hand-written items of `app-list`. They are repeated as often as is needed: each round has an end of
/// its own in place of [`APP_END`], and its number in place of the braces, the first one none.
const APPS: &str = include_str!("bodies/apps.json");
/// Hand-written items of `pipeline-list`, newest first, all on the newest day.
const RUNS: &str = include_str!("bodies/pipelines.json");
/// Hand-written responses of `pipeline-show`, one for each pipeline among the runs.
const SHOWS: &str = include_str!("bodies/pipeline-show.json");

/// What the hand-written slugs and project ids of an app end in.
const APP_END: &str = "0000\"";
/// What the hand-written ids of a run end in; the digits of its app's index come instead.
const ID_END: &str = "000000000000\"";

/// The apps of one scenario.
pub(super) struct World {
    /// The items of `app-list`, newest app first.
    pub(super) apps: Vec<Value>,
    /// The indices of the apps, by slug.
    pub(super) indices: HashMap<String, usize>,
    /// The status of what Bitrise answers about the runs of the app at an index.
    pub(super) access: fn(usize) -> StatusCode,
}

impl World {
    /// Builds the apps of a scenario: so many as are wanted, or as it has by itself.
    ///
    /// # Errors
    ///
    /// Returns `InvalidData` if the embedded body isn't a list.
    pub(super) fn new(scenario: Scenario, wanted: Option<usize>) -> io::Result<Self> {
        let (own, access): (usize, fn(usize) -> StatusCode) = match scenario {
            Scenario::Healthy | Scenario::Slow => (120, |_| StatusCode::OK),
            Scenario::InvalidPermissions => (3, |_| StatusCode::NOT_FOUND),
            Scenario::PartialPermissions => (12, |app| match app % 12 {
                1 | 4 | 7 | 10 => StatusCode::NOT_FOUND,
                // The specification has no 403 for these endpoints, DX's documentation has.
                8 => StatusCode::FORBIDDEN,
                _ => StatusCode::OK,
            }),
            // None of the others gets as far as an app.
            _ => (0, |_| StatusCode::NOT_FOUND),
        };
        let count = wanted.filter(|_| own > 0).unwrap_or(own);
        let (mut apps, mut earlier) = (Vec::new(), 0);
        while apps.len() < count {
            let ordinal = |separator| match earlier {
                0 => String::new(),
                _ => format!("{separator}{}", earlier + 1),
            };
            let round = APPS.replace(APP_END, &format!("{earlier:04x}\""));
            let round = round.replace("{ }", &ordinal(' '));
            let round = round.replace("{-}", &ordinal('-'));
            apps.extend(serde_json::from_str::<Vec<Value>>(&round)?);
            earlier += 1;
        }
        apps.truncate(count);
        let slug = |app: &Value| app["slug"].as_str().map(str::to_owned);
        Ok(Self {
            indices: apps.iter().filter_map(slug).zip(0..).collect(),
            apps,
            access,
        })
    }

    /// Returns the items of `pipeline-list` for the app at an index, newest first.
    ///
    /// It is nothing where Bitrise's response has null: its services are written in Go, which
    /// serialises a list that was never filled that way.
    pub(super) fn runs(&self, app: usize) -> Option<Vec<Value>> {
        // The list of apps marks those without builds by the status -1.
        let idle = self.apps[app]["status"] == json!(-1);
        match (idle, app) {
            (true, 5) => None,
            (true, _) => Some(Vec::new()),
            (false, _) => Some(placed(RUNS, app)),
        }
    }

    /// Returns the response of `pipeline-show` for an app and an id.
    ///
    /// It is nothing for a standalone build: that endpoint knows pipelines only.
    pub(super) fn show(&self, app: usize, id: &str) -> Option<Value> {
        self.runs(app)?.first()?;
        let mut shows = placed(SHOWS, app).into_iter();
        let mut show = shows.find(|show| show["id"] == id)?;
        show["app"] = json!({"slug": self.apps[app]["slug"]});
        Some(show)
    }
}

/// Reads a hand-written list for the app at an index: the ids in it become unique.
fn placed(body: &str, app: usize) -> Vec<Value> {
    let body = body.replace(ID_END, &format!("{app:012x}\""));
    serde_json::from_str(&body).unwrap_or_default()
}

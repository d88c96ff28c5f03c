//! The made-up apps and runs, generated from a few hand-written bodies.
//!
//! A *run* is what `pipeline-list` returns: a pipeline or a standalone build.
//!
//! Invariant: knows no HTTP; pages, filters and refusals are in `server`.
//! Invariant: every value is in `bodies/` or follows from an index by arithmetic.

use std::collections::HashMap;
use std::io;

use serde_json::{Map, Value, json};

use super::scenario::Scenario;

/// A JSON object.
pub(super) type Object = Map<String, Value>;

/// Hand-written items of `app-list`.
const APPS: &str = include_str!("bodies/apps.json");
/// Hand-written items of `pipeline-list`, newest first, all on the newest day.
const RUNS: &str = include_str!("bodies/pipelines.json");
/// Hand-written responses of `pipeline-show`, one for each pipeline among the runs.
const SHOWS: &str = include_str!("bodies/pipeline-show.json");

/// What the hand-written slugs and project ids of an app end in; the digits of its index come instead.
const APP_END: &str = "0000";
/// What the hand-written ids of a run end in; the digits of its place in the world come instead.
const ID_END: &str = "000000000000";
/// What the hand-written timestamps of a run begin with.
const DATE: &str = "2026-03-28T";
/// The day of the month in `DATE`; each further run is one day older.
const NEWEST_DAY: usize = 28;
/// The number of runs of an app that has any: three pages of `pipeline-list` by default.
const RUNS_PER_APP: usize = 24;
/// The build number of an app's newest run.
const NEWEST_BUILD: usize = 324;

// All runs of an app have to fit into one month, as only the day is computed.
const _: () = assert!(RUNS_PER_APP <= NEWEST_DAY);

/// What the token may do with one app.
#[derive(Clone, Copy)]
pub(super) enum Access {
    /// The runs are readable.
    Granted,
    /// The app is there, and Bitrise answers as if it weren't.
    Hidden,
    /// The app is there, and Bitrise says that it is not for this token.
    Forbidden,
}

/// The apps of one scenario, and the bodies that their runs are made of.
pub(super) struct World {
    /// The items of `app-list`, newest app first.
    apps: Vec<Object>,
    /// The indices of the apps, by slug.
    indices: HashMap<String, usize>,
    /// What the token may do with the apps, by index.
    access: fn(usize) -> Access,
    /// The hand-written runs.
    runs: Vec<Object>,
    /// The hand-written details of pipelines.
    shows: Vec<Object>,
}

impl World {
    /// Builds the apps of a scenario: so many as are wanted, or as it has by itself.
    ///
    /// # Errors
    ///
    /// Returns `InvalidData` if an embedded body isn't a list of JSON objects.
    pub(super) fn new(scenario: Scenario, wanted: Option<usize>) -> io::Result<Self> {
        let (own, access): (usize, fn(usize) -> Access) = match scenario {
            Scenario::Healthy | Scenario::Slow => (120, |_| Access::Granted),
            Scenario::InvalidPermissions => (3, |_| Access::Hidden),
            Scenario::PartialPermissions => (12, partial_access),
            // None of these gets as far as an app.
            Scenario::InvalidCredentials
            | Scenario::NoResources
            | Scenario::RateLimited
            | Scenario::Outage
            | Scenario::CaptivePortal => (0, |_| Access::Hidden),
        };
        let count = match own {
            0 => 0,
            own => wanted.unwrap_or(own),
        };
        let templates = objects(APPS)?;
        let apps = templates.iter().cycle().take(count).enumerate();
        let apps: Vec<Object> = apps
            .map(|(index, template)| app(template, index, templates.len()))
            .collect();
        let slug = |(index, app): (usize, &Object)| Some((text(app, "slug")?.to_owned(), index));
        Ok(Self {
            indices: apps.iter().enumerate().filter_map(slug).collect(),
            apps,
            access,
            runs: objects(RUNS)?,
            shows: objects(SHOWS)?,
        })
    }

    /// Returns the items of `app-list`, newest app first.
    pub(super) fn apps(&self) -> &[Object] {
        &self.apps
    }

    /// Finds the app with a slug, and what the token may do with it.
    pub(super) fn app(&self, slug: &str) -> Option<(usize, Access)> {
        let index = *self.indices.get(slug)?;
        Some((index, (self.access)(index)))
    }

    /// Returns the items of `pipeline-list` for the app at an index, newest first.
    ///
    /// It is nothing where Bitrise's response has null: its services are written in Go, which
    /// serialises a list that was never filled that way.
    pub(super) fn runs(&self, app: usize) -> Option<Vec<Object>> {
        // The list of apps marks those without builds by the status -1.
        let idle = self.apps.get(app)?.get("status") == Some(&json!(-1));
        match (idle, app) {
            (true, 5) => None,
            (true, _) => Some(Vec::new()),
            (false, _) => Some(
                self.history()
                    .enumerate()
                    .map(|(run, template)| listed(template, Place { app, run }))
                    .collect(),
            ),
        }
    }

    /// Returns the response of `pipeline-show` for an app and an id.
    ///
    /// It is nothing for a standalone build: that endpoint knows pipelines only.
    pub(super) fn show(&self, app: usize, id: &str) -> Option<Value> {
        let run = self
            .runs(app)?
            .iter()
            .position(|run| text(run, "slug") == Some(id))?;
        let slug = self.history().nth(run)?.get("slug");
        let template = self.shows.iter().find(|show| show.get("id") == slug)?;
        let place = Place { app, run };
        let mut show = place.object(template);
        show.insert("app".to_owned(), json!({"slug": self.apps[app]["slug"]}));
        show.insert("number_in_app_scope".to_owned(), place.build_number());
        Some(Value::Object(show))
    }

    /// Returns the body that each run of an app is made of, newest first.
    fn history(&self) -> impl Iterator<Item = &Object> {
        // Only among the newest may one be unfinished: nothing runs for days.
        let finished = |run: &&Object| run.get("finished_at").is_some_and(|at| !at.is_null());
        let older = self.runs.iter().filter(finished).cycle();
        self.runs.iter().chain(older).take(RUNS_PER_APP)
    }
}

/// Returns a text field of an object.
pub(super) fn text<'a>(object: &'a Object, field: &str) -> Option<&'a str> {
    object.get(field)?.as_str()
}

/// Reads an embedded list of objects.
fn objects(body: &str) -> io::Result<Vec<Object>> {
    serde_json::from_str(body).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Decides which apps of the scenario with partial permissions are readable.
fn partial_access(app: usize) -> Access {
    match app % 12 {
        1 | 4 | 7 | 10 => Access::Hidden,
        // The specification has no 403 for these endpoints, DX's documentation has.
        8 => Access::Forbidden,
        _ => Access::Granted,
    }
}

/// Makes the app at an index of a hand-written one.
fn app(template: &Object, index: usize, templates: usize) -> Object {
    let mut app = template.clone();
    for (field, value) in &mut app {
        let Value::String(text) = value else { continue };
        match field.as_str() {
            "slug" | "project_id" => {
                if let Some(stem) = text.strip_suffix(APP_END) {
                    *text = format!("{stem}{index:04x}");
                }
            }
            "title" => text.push_str(&ordinal(' ', index, templates)),
            "repo_slug" => text.push_str(&ordinal('-', index, templates)),
            "repo_url" => {
                let stem = text.trim_end_matches(".git");
                *text = format!("{stem}{}.git", ordinal('-', index, templates));
            }
            _ => {}
        }
    }
    app
}

/// Returns what tells the second and each further app of a hand-written one from the first.
fn ordinal(separator: char, index: usize, templates: usize) -> String {
    match index / templates {
        0 => String::new(),
        earlier => format!("{separator}{}", earlier + 1),
    }
}

/// Makes an item of `pipeline-list` of a hand-written one.
fn listed(template: &Object, place: Place) -> Object {
    let mut run = place.object(template);
    run.insert("build_number".to_owned(), place.build_number());
    run
}

/// The place of a run in the world.
#[derive(Clone, Copy)]
struct Place {
    /// The index of the app.
    app: usize,
    /// The index of the run in its app, newest first.
    run: usize,
}

impl Place {
    /// Returns the run's number in its app.
    fn build_number(self) -> Value {
        json!(NEWEST_BUILD - self.run)
    }

    /// Copies an object to this place.
    fn object(self, template: &Object) -> Object {
        template
            .iter()
            .map(|(field, value)| (field.clone(), self.value(value)))
            .collect()
    }

    /// Copies a value to this place.
    fn value(self, template: &Value) -> Value {
        match template {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(object) => Value::Object(self.object(object)),
            Value::Null | Value::Bool(_) | Value::Number(_) => template.clone(),
        }
    }

    /// Copies a text to this place: ids become unique, timestamps get their day.
    fn text(self, template: &str) -> String {
        if let Some(stem) = template.strip_suffix(ID_END) {
            format!("{stem}{:06x}{:06x}", self.app, self.run)
        } else if let Some(time) = template.strip_prefix(DATE) {
            format!("2026-03-{:02}T{time}", NEWEST_DAY - self.run)
        } else {
            template.to_owned()
        }
    }
}

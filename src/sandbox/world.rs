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

/// What the hand-written slugs and project ids of an app end in; the digits of its index come
/// instead.
const APP_END: &str = "0000";
/// What the hand-written ids of a run end in; the digits of its app's index come instead.
const ID_END: &str = "000000000000";

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
    pub(super) apps: Vec<Object>,
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
            Scenario::PartialPermissions => (12, |app| match app % 12 {
                1 | 4 | 7 | 10 => Access::Hidden,
                // The specification has no 403 for these endpoints, DX's documentation has.
                8 => Access::Forbidden,
                _ => Access::Granted,
            }),
            // None of the others gets as far as an app.
            _ => (0, |_| Access::Hidden),
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
            (false, _) => Some(self.runs.iter().map(|run| placed(run, app)).collect()),
        }
    }

    /// Returns the response of `pipeline-show` for an app and an id.
    ///
    /// It is nothing for a standalone build: that endpoint knows pipelines only.
    pub(super) fn show(&self, app: usize, id: &str) -> Option<Value> {
        let runs = self.runs(app)?;
        let run = runs.iter().find(|run| text(run, "slug") == Some(id))?;
        let mut shows = self.shows.iter().map(|show| placed(show, app));
        let mut show = shows.find(|show| show.get("id") == run.get("slug"))?;
        show.insert("app".to_owned(), json!({"slug": self.apps[app]["slug"]}));
        Some(Value::Object(show))
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

/// Copies a hand-written object for the app at an index: its ids become unique.
fn placed(template: &Object, app: usize) -> Object {
    fn place(value: &mut Value, app: usize) {
        match value {
            Value::String(text) => {
                if let Some(stem) = text.strip_suffix(ID_END) {
                    *text = format!("{stem}{app:012x}");
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| place(item, app)),
            Value::Object(object) => object.values_mut().for_each(|value| place(value, app)),
            _ => {}
        }
    }
    let mut copy = template.clone();
    copy.values_mut().for_each(|value| place(value, app));
    copy
}

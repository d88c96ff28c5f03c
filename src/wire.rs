//! Lenient reading of Bitrise's JSON: shapes, not meaning.
//!
//! Recorded responses have nulls and other types where Bitrise's spec promises a string, and keys
//! that it doesn't name. So a body is only checked to be JSON, and then looked through as raw text:
//! members by name, items one by one, strings from their bytes. Everything else in it is skipped
//! without being stored, since pipeline runs carry the values of build variables.
//!
//! Invariants: no status code and no verdict is known here; memory stays small whatever comes; an
//! identifier is kept as it came or not at all.

use crate::app::{App, Slug};
use crate::text::Untrusted;
use serde::de::{Deserializer as _, Error, IgnoredAny, Visitor};
use std::borrow::Cow;
use std::fmt;

/// The maximum number of characters that are read of one string.
const MAX_READ: usize = 4096;

/// How many characters at the end of a string that was cut at [`MAX_READ`] are dropped once the
/// token was removed from it: a part of a token may stand there, which is not recognized.
const MARGIN: usize = 2048;

/// The maximum number of characters that are kept of one string; a few more than are ever shown,
/// so that it is visible that there were more.
const MAX_KEPT: usize = 256;

/// The maximum number of items that are kept of a list; the API's largest page has 50.
const MAX_ITEMS: usize = 1000;

/// The maximum number of bytes that are kept of a list. 50 apps with the longest names have less.
const MAX_LIST: usize = 256 * 1024;

/// The maximum number of strings that are read of an `errors` list.
const MAX_ERRORS: usize = 10;

/// What the checks need of one JSON response, whichever endpoint it came from.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Document {
    form: Form,
    says_rate_limit: bool,
    message: Option<Untrusted>,
    list: Option<List>,
}

/// What a document is beside its list.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Form {
    /// No object.
    #[default]
    Value,
    /// An object that says nothing of an error.
    Object,
    /// An object with a structure of its own under `error`.
    NestedError,
    /// An object as Bitrise's services send with an error.
    BitriseError,
}

/// What stands under `data`, read both as apps and as runs.
#[derive(Clone, Debug, Eq, PartialEq)]
struct List {
    apps: AppPage,
    runs: PipelinePage,
    /// Whether an item can only be an app, and whether one can only be a run.
    has_app: bool,
    has_run: bool,
}

/// One page of `GET /apps` (spec: `v0.AppListResponseModel`).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AppPage {
    /// The apps that have a usable slug, in Bitrise's order.
    pub apps: Vec<App>,
    /// How many items on the page have no usable slug; with any, the list is not complete.
    pub unusable: usize,
    /// Whether the first item has a usable slug: `apps` begins with the app that the list begins
    /// with.
    pub has_first: bool,
    /// How many apps there are on all pages, as the page counts them.
    pub counted: Option<u64>,
    /// Whether there is another page, or more on this one than is kept, or `paging` can't be read.
    pub has_more: bool,
    /// The slug of the app that the next page starts with.
    pub next: Option<Slug>,
}

/// One page of `GET /apps/{app-slug}/pipelines` (spec: `v0.PipelineListResponseModel`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PipelinePage {
    /// How many runs are on the page, standalone builds included. The counters in `paging` are
    /// not used: this endpoint reports 0 there.
    pub runs: usize,
    /// The id of the first item that is a pipeline run and not a standalone build.
    pub pipeline_id: Option<Slug>,
}

/// The error for JSON of another shape than the endpoint's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OtherShape;

/// The error for a body that is not JSON.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotJson;

/// Removes the token from a text.
type Clean<'a> = &'a dyn Fn(&str) -> Cow<'_, str>;

impl Document {
    /// Reads a body. `clean` removes the token from every text that is kept, before the text is
    /// cut. Bytes that are no UTF-8 are replaced in place, since a body may be large.
    ///
    /// # Errors
    /// Returns [`NotJson`] if the body is no JSON.
    pub fn read(body: &mut [u8], clean: impl Fn(&str) -> Cow<'_, str>) -> Result<Self, NotJson> {
        // Bitrise's Go would not write such bytes, but one odd title must not make a whole
        // response look like somebody else's.
        replace_invalid_utf8(body);
        let text = std::str::from_utf8(body).map_err(|_| NotJson)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        serde_json::from_str::<IgnoredAny>(text).map_err(|_| NotJson)?;
        let top = Json(text.trim_ascii());
        Ok(if top.0.starts_with('{') {
            Self::read_object(top, &clean)
        } else {
            Self::default()
        })
    }

    fn read_object(top: Json<'_>, clean: Clean<'_>) -> Self {
        let names = [
            "message",
            "error_msg",
            "error",
            "error_message",
            "errors",
            "error_description",
            "detail",
            "data",
            "paging",
        ];
        let [
            message,
            error_msg,
            error,
            error_message,
            errors,
            description,
            detail,
            data,
            paging,
        ] = top.members(names);
        let own = [message, error_msg, error, error_message];
        let mut words: Vec<Cow<'_, str>> = own.into_iter().filter_map(text).collect();
        words.extend(joined(errors, clean));
        let has_nested_error = error.is_some_and(|error| error.0.starts_with(['{', '[']));
        let form = match (has_nested_error, words.is_empty()) {
            (true, _) => Form::NestedError,
            (false, false) => Form::BitriseError,
            (false, true) => Form::Object,
        };
        let [nested] = members(error, ["message"]);
        words.extend([nested, description, detail].into_iter().filter_map(text));
        Self {
            form,
            says_rate_limit: words.iter().any(|words| is_rate_limit(words)),
            message: words.first().map(|words| untrusted(words, clean)),
            list: List::read(data, paging, clean).ok(),
        }
    }

    /// Tells whether the response is a JSON object.
    pub const fn is_object(&self) -> bool {
        !matches!(self.form, Form::Value)
    }

    /// Tells whether the response is an object as Bitrise's own services send with an error: it
    /// says something in `message`, `error_msg`, `error`, `error_message` or `errors` (spec:
    /// `service.StandardErrorRespModel`, `service.ProxyErrorRespModel`), and `error`, if there is
    /// one, is not a structure of its own as with many gateways.
    #[must_use]
    pub const fn is_bitrise_error_shape(&self) -> bool {
        matches!(self.form, Form::BitriseError)
    }

    /// Tells whether there is a structure of its own under `error`, as many gateways have it and
    /// Bitrise's services have not.
    #[must_use]
    pub const fn has_nested_error(&self) -> bool {
        matches!(self.form, Form::NestedError)
    }

    /// Tells whether the server's own words, in whichever member, name a rate limit.
    #[must_use]
    pub const fn says_rate_limit(&self) -> bool {
        self.says_rate_limit
    }

    /// Returns what the server says in its own words. Bitrise's own clients look for it in
    /// `message`, `error_msg`, `error`, `error_message` and `errors`, in this order; gateways have
    /// it in `error.message`, `error_description` (RFC 6749) or `detail` (RFC 9457).
    pub const fn message(&self) -> Option<&Untrusted> {
        self.message.as_ref()
    }

    /// Reads the document as one page of apps.
    ///
    /// # Errors
    /// Returns [`OtherShape`] if `data` is missing or no list, if it holds items of which none has
    /// a usable slug or one is a run, or if the token stands in an identifier.
    pub fn apps(&self) -> Result<AppPage, OtherShape> {
        let List { apps, has_run, .. } = self.list.as_ref().ok_or(OtherShape)?;
        if *has_run || (apps.apps.is_empty() && apps.unusable > 0) {
            return Err(OtherShape);
        }
        Ok(apps.clone())
    }

    /// Reads the document as one page of pipeline runs and standalone builds.
    ///
    /// # Errors
    /// Returns [`OtherShape`] if `data` is missing or no list, if one of its items is an app, as from
    /// a cache that answers every path alike, or if the token stands in an identifier.
    pub fn pipelines(&self) -> Result<PipelinePage, OtherShape> {
        let List { runs, has_app, .. } = self.list.as_ref().ok_or(OtherShape)?;
        if *has_app {
            return Err(OtherShape);
        }
        Ok(runs.clone())
    }

    /// Tells whether the response is a list, and not one thing.
    pub const fn is_list(&self) -> bool {
        self.list.is_some()
    }

    /// Tells whether it is a list with items, whatever they are.
    pub fn has_items(&self) -> bool {
        let list = self.list.as_ref();
        list.is_some_and(|list| list.runs.runs > 0)
    }

    /// Notes that the list may go on, and is not known to be counted.
    pub const fn cut_list(&mut self) {
        if let Some(list) = &mut self.list {
            list.apps.has_more = true;
            list.apps.counted = None;
        }
    }

    /// Drops the list, so that what is left can be kept as evidence in little memory. From then on
    /// the document is of another shape than a list.
    pub fn forget_list(&mut self) {
        self.list = None;
    }
}

impl AppPage {
    /// Tells whether the list of apps is empty as a whole: nothing is on this page, and nothing
    /// says that there are apps elsewhere.
    #[must_use]
    pub fn is_empty_list(&self) -> bool {
        let is_empty = self.apps.is_empty() && self.unusable == 0;
        is_empty && !self.has_more && self.counted.is_none_or(|counted| counted == 0)
    }
}

impl List {
    fn read(
        data: Option<Json<'_>>,
        paging: Option<Json<'_>>,
        clean: Clean<'_>,
    ) -> Result<Self, OtherShape> {
        // Null is how Go writes an empty list.
        let is_list = data.is_some_and(|data| data.0.starts_with('[') || data.0 == "null");
        let mut items = is_list.then(|| items(data)).ok_or(OtherShape)?;
        let (mut page, mut pipeline_id) = (AppPage::default(), None);
        let (mut has_app, mut has_run) = (false, false);
        let mut room = MAX_LIST;
        let mut unread = 0;
        for item in items.by_ref().take(MAX_ITEMS) {
            let names = ["slug", "is_pipeline", "title", "owner", "is_disabled"];
            let [slug, is_pipeline, title, owner, is_disabled] = item.members(names);
            // What an app has and a run has not, and the other way round (spec:
            // `v0.AppResponseItemModel`, `pipeline-list`).
            let [repo_url, project_type] = item.members(["repo_url", "project_type"]);
            let of_app = [title, owner, is_disabled, repo_url, project_type];
            let of_run = item.members(["triggered_at", "triggered_workflow", "build_number"]);
            let is_app = of_app.iter().any(Option::is_some);
            let is_run = is_pipeline.is_some() || of_run.iter().any(Option::is_some);
            has_app |= is_app && !is_run;
            has_run |= is_run && !is_app;
            let Some(slug) = identifier(slug, clean)? else {
                page.unusable += 1;
                continue;
            };
            page.has_first |= page.apps.is_empty() && page.unusable == 0;
            if pipeline_id.is_none() && is_true(is_pipeline) {
                pipeline_id = Some(slug.clone());
            }
            let [name, workspace, kind] = members(owner, ["name", "slug", "account_type"]);
            let workspace = identifier(workspace, clean)?;
            let shown = |json| text(json).map(|text| untrusted(&text, clean));
            let app = App {
                slug,
                title: shown(title),
                workspace: shown(name),
                workspace_slug: workspace.map(|slug| slug.as_untrusted().clone()),
                is_owned_by_user: text(kind).is_some_and(|kind| kind == "user"),
                is_disabled: is_true(is_disabled),
            };
            let Some(left) = room.checked_sub(size(&app)) else {
                unread = 1;
                break;
            };
            room = left;
            page.apps.push(app);
        }
        unread += items.count();

        let [next, total] = members(paging, ["next", "total_item_count"]);
        page.next = identifier(next, clean)?;
        page.counted = total.and_then(|total| total.0.parse().ok());
        let is_odd = |json: Option<Json<'_>>, start| {
            json.is_some_and(|json| json.0 != "null" && !json.0.starts_with(start))
        };
        let is_cut = unread > 0 || is_odd(paging, '{') || is_odd(next, '"');
        let runs = page.apps.len() + page.unusable + unread;
        page.has_more = text(next).is_some() || is_cut;
        let runs = PipelinePage { runs, pipeline_id };
        Ok(Self {
            apps: page,
            runs,
            has_app,
            has_run,
        })
    }
}

/// Returns about how many bytes an app takes.
fn size(app: &App) -> usize {
    let texts = [&app.title, &app.workspace, &app.workspace_slug];
    let length = |text: &Untrusted| text.raw().len();
    let texts: usize = texts.into_iter().flatten().map(length).sum();
    size_of::<App>() + length(app.slug.as_untrusted()) + texts
}

/// Returns a string that can be an identifier, as it came.
///
/// # Errors
/// Returns [`OtherShape`] if the token stands in it: with the token removed it would name
/// something else.
fn identifier(json: Option<Json<'_>>, clean: Clean<'_>) -> Result<Option<Slug>, OtherShape> {
    let slug = text(json).and_then(|text| Slug::parse(&text));
    match slug {
        Some(slug) if clean(slug.raw()) != slug.raw() => Err(OtherShape),
        slug => Ok(slug),
    }
}

/// Returns the strings of an `errors` list in one.
fn joined<'a>(errors: Option<Json<'_>>, clean: Clean<'_>) -> Option<Cow<'a, str>> {
    let texts = items(errors).take(MAX_ERRORS).map(Some).filter_map(text);
    let texts: Vec<Cow<'_, str>> = texts.collect();
    let whole = texts.concat();
    // What a token was split over must not be told apart again by what joins it.
    let joined = if clean(&whole) == whole {
        texts.join("; ")
    } else {
        whole
    };
    (!texts.is_empty()).then(|| cut(&joined, MAX_READ).to_owned().into())
}

/// Removes the token from a text that [`text`] returned, and cuts it.
fn untrusted(text: &str, clean: Clean<'_>) -> Untrusted {
    let cleaned = clean(text);
    let was_cut = text.chars().count() >= MAX_READ;
    let margin = if was_cut { MARGIN } else { 0 };
    let safe = cleaned.chars().count().saturating_sub(margin);
    Untrusted::new(cut(&cleaned, safe.min(MAX_KEPT)))
}

/// Returns the first characters of a text.
fn cut(text: &str, characters: usize) -> &str {
    let end = text.char_indices().nth(characters);
    end.map_or(text, |(end, _)| &text[..end])
}

/// Tells whether a text names a rate limit: "rate limit", "Rate-Limited", "`rate_limit`",
/// "`RateLimitExceeded`", "Too Many Requests".
fn is_rate_limit(text: &str) -> bool {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).collect();
    (0..words.len()).any(|at| {
        let three: String = words[at..].iter().take(3).copied().collect();
        three.starts_with("ratelimit") || three.starts_with("toomanyrequests")
    })
}

fn is_true(json: Option<Json<'_>>) -> bool {
    json.is_some_and(|json| json.0 == "true")
}

/// Replaces bytes that are no UTF-8 in place.
fn replace_invalid_utf8(bytes: &mut [u8]) {
    let mut from = 0;
    while let Err(error) = std::str::from_utf8(&bytes[from..]) {
        let start = from + error.valid_up_to();
        from = error
            .error_len()
            .map_or(bytes.len(), |length| start + length);
        bytes[start..from].fill(b'?');
    }
}

/// The text of one JSON value, which is known to be valid.
#[derive(Clone, Copy)]
struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    /// Returns the values of an object's members with these names. If a name comes more than once,
    /// the last one counts. What is no object has no members.
    fn members<const N: usize>(self, names: [&str; N]) -> [Option<Self>; N] {
        let mut found = [None; N];
        let mut parts = self.parts('{');
        while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
            let key = text(Some(key)).unwrap_or_default();
            if let Some(at) = names.iter().position(|name| key == *name) {
                found[at] = Some(value);
            }
        }
        found
    }

    /// Returns the items of a list, or the keys and values of an object in turn, one by one. The
    /// opening bracket tells which of both is wanted.
    fn parts(self, bracket: char) -> impl Iterator<Item = Self> + use<'a> {
        let mut rest = self.0.strip_prefix(bracket).unwrap_or_default();
        std::iter::from_fn(move || {
            let is_between = |c: char| c.is_ascii_whitespace() || matches!(c, ',' | ':');
            rest = rest.trim_start_matches(is_between);
            let (part, behind) = rest.split_at_checked(length(rest))?;
            rest = behind;
            (!part.is_empty()).then_some(Self(part))
        })
    }
}

/// Returns the length of the value that a text starts with, as part of a list or an object. It is 0
/// at their end.
fn length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut bytes = text.as_bytes().iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                while bytes.find(|b| matches!(b, b'"' | b'\\')) == Some(&b'\\') {
                    bytes.next();
                }
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' if depth > 0 => depth -= 1,
            b',' | b':' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => {
                return text.len() - bytes.len() - 1;
            }
            _ => {}
        }
    }
    text.len()
}

fn members<'a, const N: usize>(json: Option<Json<'a>>, names: [&str; N]) -> [Option<Json<'a>>; N] {
    json.map_or([None; N], |json| json.members(names))
}

/// Returns the items of a list. What is no list has no items.
fn items(json: Option<Json<'_>>) -> impl Iterator<Item = Json<'_>> {
    json.into_iter().flat_map(|json| json.parts('['))
}

/// Returns a JSON string up to the limit, unless it is blank. An escaped half of a surrogate pair
/// that stands alone becomes the replacement character.
fn text(json: Option<Json<'_>>) -> Option<Cow<'_, str>> {
    struct Text;
    impl Visitor<'_> for Text {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<String, E> {
            let bytes = &bytes[..bytes.len().min(4 * MAX_READ)];
            let lossy = bytes.utf8_chunks().flat_map(|chunk| {
                // Half a surrogate pair comes as three bytes, and the first of them is this one.
                let is_half = chunk.invalid().first() == Some(&0xed);
                let replacement = is_half.then_some(char::REPLACEMENT_CHARACTER);
                chunk.valid().chars().chain(replacement)
            });
            Ok(lossy.take(MAX_READ).collect())
        }
    }
    let json = json?.0;
    let plain = json.strip_prefix('"')?.strip_suffix('"')?;
    let text: Cow<'_, str> = if plain.contains('\\') {
        let mut json = serde_json::Deserializer::from_str(json);
        json.deserialize_bytes(Text).ok()?.into()
    } else {
        cut(plain, MAX_READ).into()
    };
    (!text.trim().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn read(body: &Value) -> Document {
        read_bytes(body.to_string().as_bytes()).unwrap()
    }

    fn read_bytes(body: &[u8]) -> Result<Document, NotJson> {
        Document::read(&mut body.to_vec(), |text| Cow::Borrowed(text))
    }

    fn slugs(page: &AppPage) -> Vec<&str> {
        page.apps.iter().map(|app| app.slug.raw()).collect()
    }

    #[test]
    fn a_page_of_apps_needs_nothing_but_slugs() {
        let page = read(&json!({"data": [
            {"slug": "a", "title": null, "owner": 7, "surprise": [1, {"x": -2.5}]},
            {"title": "no slug"}, 5, null, {"slug": 9}, [], {"slug": {"slug": "deep"}},
            {"slug": "b", "title": "B", "owner": {"name": "W", "slug": "w"}},
        ]}))
        .apps()
        .unwrap();
        assert_eq!(slugs(&page), ["a", "b"]);
        assert_eq!(page.apps[0].title, None);
        assert_eq!(page.apps[1].workspace, Some(Untrusted::new("W")));
        assert_eq!((page.counted, page.has_more), (None, false));
        assert_eq!((page.unusable, page.has_first), (6, true));
    }

    #[test]
    fn an_app_says_whose_it_is_and_whether_it_is_disabled() {
        let apps = read(&json!({"data": [
            {"slug": "a", "is_disabled": true,
             "owner": {"account_type": "organization", "name": "W", "slug": "w"}},
            {"slug": "b", "is_disabled": "true",
             "owner": {"account_type": "user", "name": "U", "slug": ".."}},
            {"slug": "c", "is_disabled": 1, "owner": {"account_type": ["user"], "slug": 7}},
        ]}))
        .apps()
        .unwrap()
        .apps;
        let facts = |app: &App| (app.is_disabled, app.is_owned_by_user);
        assert_eq!(facts(&apps[0]), (true, false));
        assert_eq!(facts(&apps[1]), (false, true));
        assert_eq!(facts(&apps[2]), (false, false));
        let workspaces: Vec<_> = apps.iter().map(|app| app.workspace_slug.clone()).collect();
        assert_eq!(workspaces, [Some(Untrusted::new("w")), None, None]);
    }

    #[test]
    fn paging_tells_how_many_there_are_and_whether_that_is_all() {
        let told = |paging: Value| {
            let page = read(&json!({"data": [{"slug": "a"}], "paging": paging}));
            let page = page.apps().unwrap();
            (page.counted, page.next.is_some(), page.has_more)
        };
        for (paging, expected) in [
            (
                json!({"total_item_count": 37, "next": "x"}),
                (Some(37), true, true),
            ),
            (json!({"total_item_count": 0}), (Some(0), false, false)),
            (
                json!({"total_item_count": -5, "next": ""}),
                (None, false, false),
            ),
            (
                json!({"total_item_count": "3", "next": null}),
                (None, false, false),
            ),
            (json!(null), (None, false, false)),
            (json!({"next": "x".repeat(257)}), (None, false, true)),
            // Of another shape: who knows what is missing.
            (json!("nonsense"), (None, false, true)),
            (json!([]), (None, false, true)),
            (json!({"next": 50}), (None, false, true)),
            (json!({"next": {"slug": "x"}}), (None, false, true)),
            (
                json!({"next": false, "total_item_count": 1}),
                (Some(1), false, true),
            ),
        ] {
            assert_eq!(told(paging.clone()), expected, "{paging}");
        }
    }

    #[test]
    fn a_list_begins_with_an_app_only_if_its_first_item_is_one() {
        let has_first = |data| read(&json!({ "data": data })).apps().unwrap().has_first;
        assert!(has_first(json!([{"slug": "a"}, {"title": "b"}])));
        assert!(!has_first(json!([{"title": "a"}, {"slug": "b"}])));
        assert!(!has_first(json!([null, {"slug": "b"}])));
        assert!(!has_first(json!([])));
    }

    #[test]
    fn a_list_of_apps_is_none_of_runs_and_the_other_way_round() {
        let app = json!({"slug": "a", "title": "A", "owner": {"name": "W"}});
        let run = json!({"slug": "r", "is_pipeline": true, "triggered_at": "2026-04-03"});
        let bare = json!({"slug": "x"});
        let both = json!({"slug": "x", "title": "X", "is_pipeline": false});
        for (item, is_app, is_run) in [
            (&app, true, false),
            (&run, false, true),
            (&bare, true, true),
            (&both, true, true),
        ] {
            let document = read(&json!({"data": [bare, item]}));
            assert_eq!(document.apps().is_ok(), is_app, "{item}");
            assert_eq!(document.pipelines().is_ok(), is_run, "{item}");
        }
    }

    #[test]
    fn an_empty_list_may_be_null() {
        for body in [json!({"data": []}), json!({"data": null})] {
            assert_eq!(read(&body).apps().unwrap().apps, []);
            assert!(read(&body).apps().unwrap().is_empty_list());
            assert_eq!(read(&body).pipelines().unwrap().runs, 0);
        }
    }

    #[test]
    fn a_page_without_apps_is_no_empty_list_if_there_are_apps_elsewhere() {
        for (paging, is_empty) in [
            (json!({"total_item_count": 0}), true),
            (json!({"total_item_count": 0, "next": "x"}), false),
            (json!({"next": "x"}), false),
            (json!({"next": "x".repeat(257)}), false),
            (json!({"next": 7}), false),
            (json!("nonsense"), false),
            (json!({"total_item_count": 3}), false),
            (json!({"total_item_count": 3, "next": "x"}), false),
        ] {
            for data in [json!([]), json!(null)] {
                let page = read(&json!({"data": data, "paging": paging}));
                let page = page.apps().unwrap();
                assert_eq!(page.is_empty_list(), is_empty, "{paging}");
            }
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        for body in [
            json!({}),
            json!([]),
            json!(1),
            json!({"data": {}}),
            json!({"data": "x"}),
        ] {
            assert_eq!(read(&body).apps(), Err(OtherShape));
            assert_eq!(read(&body).pipelines(), Err(OtherShape));
        }
        for slug in ["", " ", ".", "..", &"x".repeat(257)] {
            assert_eq!(
                read(&json!({"data": [{"slug": slug}]})).apps(),
                Err(OtherShape),
                "{slug}"
            );
        }
        assert!(
            read(&json!({"data": [{"slug": "x".repeat(256)}]}))
                .apps()
                .is_ok()
        );
    }

    #[test]
    fn a_pipeline_run_is_told_from_a_standalone_build() {
        let page = read(&json!({"data": [
            {"slug": "build", "is_pipeline": false}, {"slug": "odd", "is_pipeline": "true"},
            {"slug": null, "is_pipeline": true}, {"slug": "run", "is_pipeline": true},
        ], "paging": {"total_item_count": 0}}))
        .pipelines()
        .unwrap();
        assert_eq!(
            page,
            PipelinePage {
                runs: 4,
                pipeline_id: Slug::parse("run")
            }
        );
    }

    #[test]
    fn the_servers_words_are_found_wherever_a_bitrise_service_puts_them() {
        for (body, expected) in [
            (json!({"message": "m", "error": "e"}), Some("m")),
            (json!({"message": "", "error_msg": "em"}), Some("em")),
            (json!({"message": 5, "error": "e"}), Some("e")),
            (json!({"error_message": "old"}), Some("old")),
            (json!({"errors": ["a", 1, "b"]}), Some("a; b")),
            (json!({"errors": []}), None),
            (json!({"error": {"message": "inner"}}), Some("inner")),
            (
                json!({"error": {"message": "i"}, "message": "m"}),
                Some("m"),
            ),
            (json!({"error_description": "oauth"}), Some("oauth")),
            (
                json!({"error": "code", "error_description": "oauth"}),
                Some("code"),
            ),
            (json!({"title": "t", "detail": "problem"}), Some("problem")),
            (
                json!({"errors": [{"message": "m"}], "detail": {"message": "m"}}),
                None,
            ),
            (json!({"data": "secret"}), None),
            (json!("text"), None),
        ] {
            assert_eq!(
                read(&body).message().map(Untrusted::raw),
                expected,
                "{body}"
            );
        }
    }

    #[test]
    fn an_error_of_bitrises_is_told_from_a_gateways() {
        for body in [
            json!({"message": "Unauthorized"}),
            json!({"error_msg": "Forbidden"}),
            json!({"error": "Unauthorized request"}),
            json!({"error_message": "old"}),
            json!({"errors": ["bad limit"]}),
            json!({"message": "m", "error": null}),
            json!({"code": 5, "message": "m"}),
        ] {
            assert!(read(&body).is_bitrise_error_shape(), "{body}");
        }
        for body in [
            json!({}),
            json!([{"message": "m"}]),
            json!("message"),
            json!({"message": " ", "error_msg": null, "errors": []}),
            json!({"message": {"message": "m"}}),
            json!({"error": {"code": 401, "message": "m"}}),
            json!({"error": {"code": 401}, "message": "m"}),
            json!({"error": ["m"], "message": "m"}),
            json!({"errors": [{"message": "m"}]}),
            json!({"error_description": "m"}),
            json!({"detail": "m"}),
            json!({"data": []}),
        ] {
            assert!(!read(&body).is_bitrise_error_shape(), "{body}");
        }
    }

    #[test]
    fn a_rate_limit_is_told_by_its_words_in_whichever_member() {
        let late = format!("{}. Rate limit exceeded", "x".repeat(1000));
        for words in [
            "API rate limit exceeded",
            "You were rate-limited.",
            "rate_limit_exceeded",
            "RateLimitExceeded",
            "TOO MANY REQUESTS",
            &late,
        ] {
            for body in [
                json!({"message": words}),
                json!({"message": "Forbidden", "error": words}),
                json!({"errors": ["Forbidden", words]}),
                json!({"error": {"message": words}}),
                json!({"error": "forbidden", "error_description": words}),
                json!({"detail": words}),
            ] {
                assert!(read(&body).says_rate_limit(), "{body}");
            }
        }
        for words in [
            "corporate limit",
            "rate: no limit",
            "Forbidden",
            "",
            "requests",
        ] {
            assert!(
                !read(&json!({"message": words})).says_rate_limit(),
                "{words}"
            );
        }
        assert!(!read(&json!({"title": "rate limit"})).says_rate_limit());
    }

    /// Reads a body, the word “canary” escaped in part, and removes that word.
    fn read_without_canary(body: &Value) -> Document {
        let escaped = body.to_string().replace("canary", "\\u0063\\u0061nary");
        let mut bytes = escaped.into_bytes();
        let document = Document::read(&mut bytes, |text| text.replace("canary", "-").into());
        let document = document.unwrap();
        assert!(!format!("{document:?}").contains("canary"), "{document:?}");
        document
    }

    #[test]
    fn a_page_whose_identifiers_hold_the_token_is_of_another_shape() {
        let slug = json!({"data": [{"slug": "a"}, {"slug": "x-canary", "is_pipeline": true}]});
        let next = json!({"data": [{"slug": "a"}], "paging": {"next": "canary"}});
        let workspace = json!({"data": [{"slug": "a", "owner": {"slug": "canary"}}]});
        for body in [slug, next, workspace] {
            let document = read_without_canary(&body);
            assert_eq!(document.apps(), Err(OtherShape), "{body}");
            assert_eq!(document.pipelines(), Err(OtherShape), "{body}");
        }
    }

    #[test]
    fn a_token_at_the_edge_of_what_is_read_is_not_shown_in_part() {
        for length in (0..20).chain(MAX_READ - 20..MAX_READ + 20) {
            let lead = "canary".repeat(length / 6);
            let title = format!("{}{lead}canary, and more", "y".repeat(length % 6));
            let body = json!({"data": [{"slug": "s", "title": title}]});
            let page = read_without_canary(&body).apps().unwrap();
            let title = page.apps[0].title.as_ref().unwrap().raw();
            assert!(!title.contains('c'), "{length}: {title}");
        }
    }

    #[test]
    fn a_document_without_its_list_keeps_what_the_server_says() {
        let mut document = read(&json!({"data": [{"slug": "a"}], "message": "rate limit"}));
        assert!(document.apps().is_ok());
        document.forget_list();
        assert_eq!(document.apps(), Err(OtherShape));
        assert_eq!(document.pipelines(), Err(OtherShape));
        assert!(document.is_object() && document.is_bitrise_error_shape());
        assert!(document.says_rate_limit());
        assert_eq!(document.message().map(Untrusted::raw), Some("rate limit"));
    }

    #[test]
    fn every_kept_text_is_cleaned() {
        let document = read_without_canary(&json!({"message": "x canary", "data": [
            {"slug": "a", "title": "canary", "owner": {"name": "canary"}}]}));
        assert_eq!(document.message().unwrap().raw(), "x -");
        let app = document.apps().unwrap().apps.remove(0);
        assert_eq!(app.title, Some(Untrusted::new("-")));
        assert_eq!(app.workspace, Some(Untrusted::new("-")));
        for member in [
            "error_msg",
            "error",
            "error_message",
            "error_description",
            "detail",
        ] {
            read_without_canary(&json!({ member: "canary" }));
        }
        read_without_canary(&json!({"error": {"message": "canary"}, "errors": ["canary"]}));
    }

    #[test]
    fn a_text_that_is_spread_over_several_errors_is_cleaned() {
        let body = json!({"errors": ["x can", "ary"]}).to_string();
        let document = Document::read(&mut body.into_bytes(), |text| {
            text.replace("canary", "-").into()
        });
        assert_eq!(document.unwrap().message().unwrap().raw(), "x -");
    }

    #[test]
    fn odd_json_is_read_and_other_things_are_not() {
        assert!(
            read_bytes(b"\xef\xbb\xbf {\"data\": []}")
                .unwrap()
                .apps()
                .is_ok()
        );
        let twice = read_bytes(
            br#"{"data": 1, "data": [], "x": 1e999999, "x": 123456789012345678901234567890}"#,
        );
        assert!(twice.unwrap().apps().is_ok());
        for body in [
            "",
            "<html>",
            "{\"data\": [",
            "{} trailing",
            &"[".repeat(100_000),
        ] {
            assert_eq!(read_bytes(body.as_bytes()), Err(NotJson));
        }
    }

    #[test]
    fn one_odd_text_or_number_does_not_spoil_the_reply() {
        let title = |title: &[u8]| {
            let start =
                br#"{"paging": {"total_item_count": -1e999}, "data": [{"slug": "a", "title": "#;
            let body = [start, title, b"}]}"].concat();
            let page = read_bytes(&body).map(|read| read.apps());
            let page = page.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&body)));
            let title = page.unwrap().apps.remove(0).title;
            title.map(|title| title.raw().to_owned())
        };
        for (raw, expected) in [
            (&b"\"caf\xe9\""[..], "caf?"),
            (br#""a\ud800b""#, "a\u{fffd}b"),
            (br#""\udc00\ud800""#, "\u{fffd}\u{fffd}"),
            (br#""\uD83D\uDE80 \\ud800""#, "\u{1f680} \\ud800"),
            (br#""\ud800\"1e999""#, "\u{fffd}\"1e999"),
        ] {
            assert_eq!(title(raw).as_deref(), Some(expected));
        }
        assert_eq!(title(b"-1e999"), None);
        for broken in [
            &b"{\"data\": [1e999}"[..],
            b"{\"a\": \"\xff}",
            b"\xff\xfe{\"data\": []}",
            b"1e999 x",
        ] {
            assert_eq!(read_bytes(broken), Err(NotJson));
        }
    }

    #[test]
    fn a_text_without_end_is_cut_between_two_characters() {
        for start in ["", "a"] {
            let title = format!("{start}{}", "é".repeat(MAX_READ));
            let body = json!({"data": [{"slug": "s", "title": title}]});
            let title = read(&body).apps().unwrap().apps.remove(0).title.unwrap();
            assert_eq!(title.raw().chars().count(), MAX_KEPT);
        }
    }

    #[test]
    fn a_list_without_end_is_counted_but_not_kept() {
        let body = format!("{{\"data\": [{}{{}}]}}", "{\"slug\":\"s\"},".repeat(5000));
        let document = read_bytes(body.as_bytes()).unwrap();
        let page = document.apps().unwrap();
        assert_eq!(page.apps.len(), MAX_ITEMS);
        assert_eq!((page.counted, page.has_more), (None, true));
        assert_eq!(document.pipelines().unwrap().runs, 5001);
    }

    #[test]
    fn a_list_of_long_names_is_kept_up_to_its_limit() {
        let name = "\u{10ffff}".repeat(MAX_KEPT);
        let app = json!({"slug": "s".repeat(256), "title": name,
            "owner": {"name": name, "slug": "w".repeat(256)}});
        let page = |count| {
            let page = read(&json!({"data": vec![app.clone(); count]}));
            page.apps().unwrap()
        };
        assert_eq!((page(50).apps.len(), page(50).has_more), (50, false));
        let page = page(MAX_ITEMS);
        assert!(page.has_more && page.apps.iter().map(size).sum::<usize>() <= MAX_LIST);
    }

    /// Any JSON value, not too deep.
    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
            "[a-c\"\\\\\\[\\]{},: \n]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            let key = prop_oneof![Just("slug".to_owned()), Just("data".to_owned()), ".{0,6}"];
            prop_oneof![
                vec(inner.clone(), 0..8).prop_map(Value::from),
                vec((key, inner), 0..8)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(mut body in vec(any::<u8>(), 0..300)) {
            let _ = Document::read(&mut body, |text| Cow::Borrowed(text));
        }

        #[test]
        fn any_json_is_read(value in any_json(), title in any_json(), next in any_json()) {
            prop_assert!(read_bytes(value.to_string().as_bytes()).is_ok());
            let body = json!({
                "data": [{"slug": "s", "title": title, "owner": value}, value, null],
                "paging": {"next": next, "total_item_count": title},
                "message": value, "errors": next, "error": title, "detail": next,
            });
            let page = read(&body).apps().unwrap();
            prop_assert_eq!(page.apps[0].slug.raw(), "s");
        }

        #[test]
        fn parts_are_what_serde_reads(value in any_json(), is_pretty in any::<bool>()) {
            let body = if is_pretty {
                serde_json::to_string_pretty(&value).unwrap()
            } else {
                value.to_string()
            };
            let parsed = |part: Json<'_>| serde_json::from_str::<Value>(part.0).unwrap();
            // A float may come back from its text a little different.
            let value = parsed(Json(&body));
            let parts = |bracket| Json(&body).parts(bracket).map(parsed).collect::<Vec<_>>();
            let items = value.as_array().cloned().unwrap_or_default();
            prop_assert_eq!(parts('['), items);
            let members = value.as_object().cloned().unwrap_or_default();
            let members = members.into_iter().flat_map(|(key, value)| [key.into(), value]);
            prop_assert_eq!(parts('{'), members.collect::<Vec<_>>());
            let [data, slug] = Json(&body).members(["data", "slug"]);
            prop_assert_eq!(data.map(parsed), value.get("data").cloned());
            prop_assert_eq!(slug.map(parsed), value.get("slug").cloned());
            let string = value.as_str().filter(|string| !string.trim().is_empty());
            prop_assert_eq!(text(Some(Json(&body))), string.map(Cow::from));
        }

        #[test]
        fn mending_spoils_nothing_that_was_whole(value in any_json()) {
            let mut body = value.to_string().into_bytes();
            replace_invalid_utf8(&mut body);
            prop_assert_eq!(String::from_utf8(body).unwrap(), value.to_string());
        }

        #[test]
        fn one_bad_byte_in_a_title_leaves_the_rest(
            title in "[a-zA-Zé茶 ]{0,20}",
            byte in 0x80_u8..,
            at in any::<prop::sample::Index>(),
        ) {
            let start = r#"{"data":[{"slug":"first","title":""#;
            let mut body = format!(r#"{start}{title}"}}]}}"#).into_bytes();
            body.insert(start.len() + at.index(title.len() + 1), byte);
            let page = read_bytes(&body).unwrap().apps().unwrap();
            prop_assert_eq!(page.apps[0].slug.raw(), "first");
        }
    }
}

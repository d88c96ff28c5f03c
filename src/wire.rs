//! Lenient reading of Bitrise's JSON: shapes, not meaning.
//!
//! Recorded responses have nulls and other types where Bitrise's spec promises a string, and keys
//! that it doesn't name. So the members that are of use are taken as raw text, whatever they are, and
//! then read one by one. Everything else is skipped without being stored, since pipeline runs carry
//! the values of build variables.
//!
//! Invariants: no status code and no verdict is known here; memory stays small whatever comes; an
//! identifier is kept as it came or not at all.

use crate::app::{App, Slug};
use crate::text::{Clean, Untrusted};
use serde::de::{Deserialize, Deserializer, IgnoredAny};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::iter;

/// The maximum number of items that are kept of a list; the API's largest page has 50.
const MAX_ITEMS: usize = 1000;

/// The maximum number of strings that are read of an `errors` list.
const MAX_ERRORS: usize = 10;

/// What the checks need of one JSON response, whichever endpoint it came from.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Document {
    /// What it is beside its list.
    pub form: Form,
    /// Whether the server's own words, in whichever member, name a rate limit.
    pub says_rate_limit: bool,
    /// What the server says in its own words. Bitrise's own clients look for it in `message`,
    /// `error_msg`, `error`, `error_message` and `errors`, in this order; gateways have it in
    /// `error.message`, `error_description` (RFC 6749) or `detail` (RFC 9457).
    pub message: Option<Untrusted>,
    /// The list under `data`, if there is one. Without it, the document can be kept as evidence in
    /// little memory.
    pub list: Option<List>,
}

/// What a document is beside its list.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Form {
    /// No object.
    #[default]
    Value,
    /// An object that says nothing of an error.
    Object,
    /// An object with a structure of its own under `error`, as many gateways have it and Bitrise's
    /// services have not.
    NestedError,
    /// An object as Bitrise's own services send with an error: it says something in `message`,
    /// `error_msg`, `error`, `error_message` or `errors` (spec: `service.StandardErrorRespModel`,
    /// `service.ProxyErrorRespModel`).
    BitriseError,
}

/// What stands under `data`, read both as apps and as runs.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct List {
    /// What it is as apps.
    pub(crate) apps: AppPage,
    /// What it is as runs.
    pub(crate) runs: PipelinePage,
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
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PipelinePage {
    /// How many runs are on the page, standalone builds included. The counters in `paging` are
    /// not used: this endpoint reports 0 there.
    pub runs: usize,
    /// The id of the first item that is a pipeline run and not a standalone build.
    pub pipeline_id: Option<Slug>,
}

impl Document {
    /// Reads a body, if it is JSON. `clean` removes the token from every text that is kept, before
    /// the text is cut.
    pub fn read(body: &[u8], clean: impl Fn(&str) -> Cow<'_, str>) -> Option<Self> {
        // Bitrise's Go would not write bytes that are no UTF-8, but one odd title must not make a
        // whole response look like somebody else's.
        let mend = |_| {
            let marks = |odd: &[u8]| if odd.is_empty() { "" } else { "?" };
            let parts = body.utf8_chunks();
            { parts.flat_map(|part| [part.valid(), marks(part.invalid())]) }.collect()
        };
        let text = std::str::from_utf8(body).map_or_else(mend, Cow::Borrowed);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let json = Json(text.trim_ascii());
        let top = json.members();
        if top.is_none() {
            // It may be no object, or one that has a member twice.
            serde_json::from_str::<IgnoredAny>(json.0).ok()?;
        }
        let top = top.unwrap_or_default();
        let own = [top.message, top.error_msg, top.error, top.error_message];
        let errors = items(top.errors.0).map(Json).take(MAX_ERRORS);
        let own = own.into_iter().chain(errors);
        let mut words: Vec<String> = own.filter_map(Json::text).collect();
        let form = match (top.error.0.starts_with(['{', '[']), words.is_empty()) {
            _ if !json.0.starts_with('{') => Form::Value,
            (true, _) => Form::NestedError,
            (false, false) => Form::BitriseError,
            (false, true) => Form::Object,
        };
        let nested = top.error.members().unwrap_or_default().message;
        let others = [nested, top.error_description, top.detail];
        words.extend(others.into_iter().filter_map(Json::text));
        // "rate limit", "Rate-Limited", "`rate_limit`", "`RateLimitExceeded`", "Too Many Requests".
        let limit = || pattern!(r"(?i)(?:^|[\W_])(?:rate[\W_]*limit|too[\W_]*many[\W_]*requests)");
        Some(Self {
            form,
            says_rate_limit: words.iter().any(|words| limit().is_match(words)),
            message: words.first().map(|words| Untrusted::cleaned(words, &clean)),
            list: List::read(&top, &clean),
        })
    }

    /// Reads the document as one page of apps. It is none if `data` is missing or no list, if it holds
    /// items of which none has a usable slug or one is a run, or if the token stands in an identifier.
    pub fn apps(&self) -> Option<AppPage> {
        let List { apps, has_run, .. } = self.list.as_ref()?;
        let is_other = *has_run || (apps.apps.is_empty() && apps.unusable > 0);
        (!is_other).then(|| apps.clone())
    }

    /// Reads the document as one page of pipeline runs and standalone builds. It is none if `data` is
    /// missing or no list, if one of its items is an app, as from a cache that answers every path
    /// alike, or if the token stands in an identifier.
    pub fn pipelines(&self) -> Option<PipelinePage> {
        let List { runs, has_app, .. } = self.list.as_ref()?;
        (!has_app).then(|| runs.clone())
    }
}

impl List {
    /// Reads what stands under `data`, if that is a list, and the token in no identifier.
    fn read(top: &Members<'_>, clean: Clean<'_>) -> Option<Self> {
        // Null is how Go writes an empty list.
        if !top.data.0.starts_with('[') && top.data.0 != "null" {
            return None;
        }
        let mut items = items(top.data.0).map(Json);
        let mut list = Self::default();
        let page = &mut list.apps;
        let mut has_token = false;
        // With the token removed, an identifier would name something else.
        let mut identifier = |json: Json<'_>| {
            let slug = Slug::try_from(json.text()?).ok()?;
            has_token |= clean(slug.raw()) != slug.raw();
            Some(slug)
        };
        let shown = |json: Json<'_>| json.text().map(|text| Untrusted::cleaned(&text, clean));
        let mut owners = HashMap::new();
        for item in items.by_ref().take(MAX_ITEMS) {
            list.runs.runs += 1;
            let item = item.members().unwrap_or_default();
            let is_any = |of: &[Json<'_>]| of.iter().any(|json| !json.0.is_empty());
            let is_app = is_any(&[item.title, item.owner, item.is_disabled])
                || is_any(&[item.repo_url, item.project_type]);
            let is_run = is_any(&[item.is_pipeline, item.triggered_at])
                || is_any(&[item.triggered_workflow, item.build_number]);
            list.has_app |= is_app && !is_run;
            list.has_run |= is_run && !is_app;
            let Some(slug) = identifier(item.slug) else {
                page.unusable += 1;
                continue;
            };
            page.has_first |= page.apps.is_empty() && page.unusable == 0;
            if list.runs.pipeline_id.is_none() && item.is_pipeline.0 == "true" {
                list.runs.pipeline_id = Some(slug.clone());
            }
            // Hundreds of apps belong to one workspace; they share its names.
            let owned = owners.entry(item.owner.0).or_insert_with(|| {
                let owner = item.owner.members().unwrap_or_default();
                let workspace = identifier(owner.slug);
                App {
                    workspace: shown(owner.name),
                    workspace_slug: workspace.as_deref().cloned(),
                    is_owned_by_user: owner.account_type.0 == "\"user\"",
                    ..App::unlisted(slug.clone())
                }
            });
            page.apps.push(App {
                slug,
                title: shown(item.title),
                is_disabled: item.is_disabled.0 == "true",
                ..owned.clone()
            });
        }
        let paging = top.paging.members().unwrap_or_default();
        page.next = identifier(paging.next);
        page.counted = paging.total_item_count.0.parse().ok();
        let is_odd =
            |json: Json<'_>, start| !matches!(json.0, "" | "null") && !json.0.starts_with(start);
        let unread = items.count();
        list.runs.runs += unread;
        page.has_more = unread > 0
            || is_odd(top.paging, '{')
            || is_odd(paging.next, '"')
            || paging.next.text().is_some();
        (!has_token).then_some(list)
    }
}

/// The text of one JSON value; of a member that is absent it is empty.
#[derive(Clone, Copy, Default)]
struct Json<'a>(&'a str);

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(from).map(|raw| Self(raw.get()))
    }
}

impl<'a> Json<'a> {
    /// Returns the members of an object, unless it has one of them twice.
    fn members(self) -> Option<Members<'a>> {
        let object = Some(self.0).filter(|json| json.starts_with('{'))?;
        serde_json::from_str(object).ok()
    }

    /// Returns a string, unless it is blank or no text, as with half a surrogate pair in it.
    fn text(self) -> Option<String> {
        let text: String = serde_json::from_str(self.0).ok()?;
        (!text.trim().is_empty()).then_some(text)
    }
}

/// Returns the items of a list one by one, so that none has to be kept. What is no list has none.
pub(crate) fn items(json: &str) -> impl Iterator<Item = &str> {
    let mut rest = json.strip_prefix('[').unwrap_or_default();
    iter::from_fn(move || {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Json<'_>>();
        let Json(item) = values.next()?.ok()?;
        rest = rest[values.byte_offset()..].trim_ascii_start();
        rest = rest.strip_prefix(',').unwrap_or_default();
        Some(item)
    })
}

/// The members that are of use, of whichever object: of a response, of an app and of a run in a list,
/// of an app's owner, and of what tells where a list goes on (spec: `v0.AppListResponseModel`,
/// `v0.AppResponseItemModel`, `pipeline-list`).
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Members<'a> {
    #[serde(borrow)]
    message: Json<'a>,
    error_msg: Json<'a>,
    error: Json<'a>,
    error_message: Json<'a>,
    errors: Json<'a>,
    error_description: Json<'a>,
    detail: Json<'a>,
    data: Json<'a>,
    paging: Json<'a>,
    slug: Json<'a>,
    title: Json<'a>,
    owner: Json<'a>,
    is_disabled: Json<'a>,
    repo_url: Json<'a>,
    project_type: Json<'a>,
    is_pipeline: Json<'a>,
    triggered_at: Json<'a>,
    triggered_workflow: Json<'a>,
    build_number: Json<'a>,
    name: Json<'a>,
    account_type: Json<'a>,
    next: Json<'a>,
    total_item_count: Json<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::MAX_KEPT;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn read(body: &Value) -> Document {
        read_bytes(body.to_string().as_bytes()).unwrap()
    }

    fn read_bytes(body: &[u8]) -> Option<Document> {
        Document::read(body, |text| Cow::Borrowed(text))
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
            assert_eq!(document.apps().is_some(), is_app, "{item}");
            assert_eq!(document.pipelines().is_some(), is_run, "{item}");
        }
    }

    #[test]
    fn an_empty_list_may_be_null() {
        for body in [json!({"data": []}), json!({"data": null})] {
            assert_eq!(read(&body).apps().unwrap().apps, []);
            assert_eq!(read(&body).pipelines().unwrap().runs, 0);
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
            assert_eq!(read(&body).apps(), None);
            assert_eq!(read(&body).pipelines(), None);
        }
        for slug in ["", " ", ".", "..", &"x".repeat(257)] {
            assert_eq!(
                read(&json!({"data": [{"slug": slug}]})).apps(),
                None,
                "{slug}"
            );
        }
        assert!(
            read(&json!({"data": [{"slug": "x".repeat(256)}]}))
                .apps()
                .is_some()
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
                pipeline_id: Slug::try_from("run".to_owned()).ok()
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
            (json!({"errors": ["a", 1, "b"]}), Some("a")),
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
                read(&body).message.as_ref().map(Untrusted::raw),
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
            assert_eq!(read(&body).form, Form::BitriseError, "{body}");
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
            assert_ne!(read(&body).form, Form::BitriseError, "{body}");
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
                assert!(read(&body).says_rate_limit, "{body}");
            }
        }
        for words in [
            "corporate limit",
            "rate: no limit",
            "Forbidden",
            "",
            "requests",
        ] {
            assert!(!read(&json!({"message": words})).says_rate_limit, "{words}");
        }
        assert!(!read(&json!({"title": "rate limit"})).says_rate_limit);
    }

    /// Reads a body, the word “canary” escaped in part, and removes that word.
    fn read_without_canary(body: &Value) -> Document {
        let escaped = body.to_string().replace("canary", "\\u0063\\u0061nary");
        let document = Document::read(escaped.as_bytes(), |text| {
            text.replace("canary", "-").into()
        });
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
            assert_eq!(document.apps(), None, "{body}");
            assert_eq!(document.pipelines(), None, "{body}");
        }
    }

    #[test]
    fn a_token_at_the_edge_of_what_is_read_is_not_shown_in_part() {
        for length in (0..20).chain(MAX_KEPT - 20..MAX_KEPT + 20) {
            let lead = "canary".repeat(length / 6);
            let title = format!("{}{lead}canary, and more", "y".repeat(length % 6));
            let body = json!({"data": [{"slug": "s", "title": title}]});
            let page = read_without_canary(&body).apps().unwrap();
            let title = page.apps[0].title.as_ref().unwrap().raw();
            assert!(!title.contains('c'), "{length}: {title}");
        }
    }

    #[test]
    fn every_kept_text_is_cleaned() {
        let document = read_without_canary(&json!({"message": "x canary", "data": [
            {"slug": "a", "title": "canary", "owner": {"name": "canary"}}]}));
        assert_eq!(document.message.as_ref().unwrap().raw(), "x -");
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
    fn odd_json_is_read_and_other_things_are_not() {
        assert!(
            read_bytes(b"\xef\xbb\xbf {\"data\": []}")
                .unwrap()
                .apps()
                .is_some()
        );
        let twice =
            read_bytes(br#"{"data": [], "x": 1e999999, "x": 123456789012345678901234567890}"#);
        assert!(twice.unwrap().apps().is_some());
        let twice = read_bytes(br#"{"data": [], "data": []}"#).unwrap();
        assert_eq!((twice.form, twice.list), (Form::Object, None));
        assert_eq!(read_bytes(br#"{"data": [["s"]]}"#).unwrap().apps(), None);
        for body in [
            "",
            "<html>",
            "{\"data\": [",
            "{} trailing",
            &"[".repeat(100_000),
        ] {
            assert_eq!(read_bytes(body.as_bytes()), None);
        }
    }

    #[test]
    fn one_odd_text_or_number_does_not_spoil_the_reply() {
        let title = |title: &[u8]| {
            let start =
                br#"{"paging": {"total_item_count": -1e999}, "data": [{"slug": "a", "title": "#;
            let body = [start, title, b"}]}"].concat();
            let page = read_bytes(&body).map(|read| read.apps());
            let page = page.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&body)));
            let title = page.unwrap().apps.remove(0).title;
            title.map(|title| title.raw().to_owned())
        };
        for (raw, expected) in [
            (&b"\"caf\xe9\""[..], Some("caf?")),
            (br#""\uD83D\uDE80 \\ud800""#, Some("\u{1f680} \\ud800")),
            (br#""a\ud800b""#, None),
            (b"-1e999", None),
        ] {
            assert_eq!(title(raw).as_deref(), expected);
        }
        for broken in [
            &b"{\"data\": [1e999}"[..],
            b"{\"a\": \"\xff}",
            b"\xff\xfe{\"data\": []}",
            b"1e999 x",
        ] {
            assert_eq!(read_bytes(broken), None);
        }
    }

    #[test]
    fn a_text_without_end_is_cut_between_two_characters() {
        for start in ["", "a"] {
            let title = format!("{start}{}", "é".repeat(5000));
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

    repeatable! {
        #[test]
        fn any_bytes_are_read_or_refused(body in vec(any::<u8>(), 0..300)) {
            let _ = Document::read(&body, |text| Cow::Borrowed(text));
        }

        #[test]
        fn any_json_is_read(value in any_json(), title in any_json(), next in any_json()) {
            prop_assert!(read_bytes(value.to_string().as_bytes()).is_some());
            let body = json!({
                "data": [{"slug": "s", "title": title, "owner": value}, value, null],
                "paging": {"next": next, "total_item_count": title},
                "message": value, "errors": next, "error": title, "detail": next,
            });
            let page = read(&body).apps().unwrap();
            prop_assert_eq!(page.apps[0].slug.raw(), "s");
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

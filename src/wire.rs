//! Lenient reading of Bitrise's JSON: shapes, not meaning.
//!
//! Recorded responses have nulls and other types where Bitrise's spec promises a string, and keys
//! that it doesn't name. So a response is read straight into a [`Document`], which keeps only what
//! the checks need and takes whatever stands there; the rest of the body is skipped without being
//! stored, since pipeline runs carry the values of build variables.
//!
//! Invariant: no status code and no verdict is known here, and memory stays small whatever comes.

use crate::app::{App, Slug};
use crate::text::Untrusted;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// The most bytes of a text that are kept. It is far more than what is ever shown of one, so that
/// a token which is cut here, and then not recognised, is not shown either.
const LONGEST_TEXT: usize = 4096;

/// The most items of a list that are kept; the API's largest page has 50.
const MOST_ITEMS: usize = 1000;

/// Holds what the checks need of one JSON response, whichever endpoint it came from.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Document {
    is_object: bool,
    data: Data,
    next: Option<Untrusted>,
    total: Option<u64>,
    message: Option<Untrusted>,
}

/// Holds what stands under `data`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
enum Data {
    /// Nothing, or something that is no list.
    #[default]
    NoList,
    /// Null, which is how Go writes an empty list.
    Null,
    /// A list, with the number of its items and those of them that are kept.
    List(usize, Vec<Item>),
}

/// Holds what is kept of one app, pipeline run or standalone build.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Item {
    slug: Option<Untrusted>,
    title: Option<Untrusted>,
    workspace: Option<Untrusted>,
    is_pipeline: bool,
}

/// Holds one page of `GET /apps` (spec: `v0.AppListResponseModel`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AppPage {
    /// The apps that have a usable slug, in Bitrise's order.
    pub apps: Vec<App>,
    /// How many apps there are on all pages, where that is known.
    pub total: Option<u64>,
    /// Whether there is another page, or more on this one than is kept.
    pub has_more: bool,
    /// The slug of the app that the next page begins with.
    pub next: Option<Slug>,
}

/// Holds one page of `GET /apps/{app-slug}/pipelines` (spec: `v0.PipelineListResponseModel`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PipelinePage {
    /// How many runs are on the page, standalone builds included. The counters in `paging` are
    /// not used: this endpoint reports 0 there.
    pub runs: usize,
    /// The id of the first item that is a pipeline run and not a standalone build.
    pub pipeline_id: Option<Slug>,
}

/// States that a response is JSON of another shape than the endpoint's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OtherShape;

/// States that a body is not JSON.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotJson;

impl Document {
    /// Reads a body; `clean` is applied to every text that is kept. Bytes that no JSON may hold
    /// are replaced in place, since a body may be large.
    ///
    /// # Errors
    /// Returns [`NotJson`] where the body is no JSON, or is nested deeper than any real response.
    pub fn read(body: &mut [u8], clean: impl Fn(&str) -> Cow<'_, str>) -> Result<Self, NotJson> {
        let top = top(body).or_else(|_| {
            // Bitrise's Go would not write such JSON, but one odd title must not make a whole
            // response look like somebody else's.
            mend(body);
            top(body)
        })?;
        Ok(Self::keep(top, clean))
    }

    /// Keeps of a response what the checks need.
    fn keep(top: Maybe<Top>, clean: impl Fn(&str) -> Cow<'_, str>) -> Self {
        let Some(top) = top.0 else {
            return Self::default();
        };
        let text = |scalar: Scalar| scalar.text().map(|text| Untrusted::new(clean(&text)));
        let data = match top.data.0 {
            RawData::NoList => Data::NoList,
            RawData::Null => Data::Null,
            RawData::List(count, items) => {
                let keep = |raw: RawItem| Item {
                    slug: text(raw.slug),
                    title: text(raw.title),
                    workspace: raw.owner.and_then(|owner| text(owner.name)),
                    is_pipeline: matches!(raw.is_pipeline, Scalar::Flag(true)),
                };
                Data::List(
                    count,
                    items
                        .into_iter()
                        .map(|raw| keep(raw.0.unwrap_or_default()))
                        .collect(),
                )
            }
        };
        let paging = top.paging.unwrap_or_default();
        let total = if let Scalar::Count(count) = paging.total {
            Some(count)
        } else {
            None
        };
        let message = top.messages.into_iter().find_map(text).or_else(|| {
            let errors: Vec<_> = top.errors.into_iter().filter_map(Scalar::text).collect();
            // What a token was split over must not be told apart again by what joins it.
            let whole = errors.concat();
            let joined = match clean(&whole) {
                cleaned if cleaned == whole => clean(&errors.join("; ")).into_owned(),
                cleaned => cleaned.into_owned(),
            };
            (!errors.is_empty()).then(|| Untrusted::new(joined))
        });
        Self {
            is_object: true,
            data,
            next: text(paging.next),
            total,
            message,
        }
    }

    /// Tells whether the response is a JSON object.
    pub const fn is_object(&self) -> bool {
        self.is_object
    }

    /// Returns what the server says in its own words, found where Bitrise's own clients look for
    /// it: `message`, `error_msg`, `error`, `error_message`, or `errors` joined.
    pub const fn message(&self) -> Option<&Untrusted> {
        self.message.as_ref()
    }

    /// Reads the document as one page of apps.
    ///
    /// # Errors
    /// Returns [`OtherShape`] where `data` is missing or no list, or holds items of which none
    /// has a usable slug.
    pub fn apps(&self) -> Result<AppPage, OtherShape> {
        let (count, items) = self.list()?;
        let apps: Vec<App> = items.iter().filter_map(Item::app).collect();
        if apps.is_empty() && count > 0 {
            return Err(OtherShape);
        }
        let has_more = self.next.is_some() || count > items.len();
        let listed = apps.len() as u64;
        let total = match self.total {
            Some(total) if total >= listed => Some(total),
            // A counter below what the page holds is a counter that nobody keeps.
            Some(_) | None if has_more => None,
            Some(_) | None => Some(listed),
        };
        Ok(AppPage {
            apps,
            total,
            has_more,
            next: self.next.as_ref().and_then(|next| Slug::parse(next.raw())),
        })
    }

    /// Reads the document as one page of pipeline runs and standalone builds.
    ///
    /// # Errors
    /// Returns [`OtherShape`] where `data` is missing or no list.
    pub fn pipelines(&self) -> Result<PipelinePage, OtherShape> {
        let (runs, items) = self.list()?;
        let pipeline_id = items
            .iter()
            .filter(|item| item.is_pipeline)
            .find_map(Item::slug);
        Ok(PipelinePage { runs, pipeline_id })
    }

    fn list(&self) -> Result<(usize, &[Item]), OtherShape> {
        match &self.data {
            Data::List(count, items) => Ok((*count, items)),
            Data::Null => Ok((0, &[])),
            Data::NoList => Err(OtherShape),
        }
    }
}

impl Item {
    fn slug(&self) -> Option<Slug> {
        Slug::parse(self.slug.as_ref()?.raw())
    }

    fn app(&self) -> Option<App> {
        Some(App {
            title: self.title.clone(),
            workspace: self.workspace.clone(),
            ..App::unlisted(self.slug()?)
        })
    }
}

fn top(body: &[u8]) -> Result<Maybe<Top>, NotJson> {
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    serde_json::from_slice(body).map_err(|_| NotJson)
}

/// Replaces in a body what a strict reader of JSON refuses, but a browser's reader takes, by
/// something of the same length and meaning: bytes that are no UTF-8, escapes of half a surrogate
/// pair, and numbers that no float can hold.
fn mend(bytes: &mut [u8]) {
    let mut from = 0;
    while let Err(error) = std::str::from_utf8(&bytes[from..]) {
        let start = from + error.valid_up_to();
        from = error
            .error_len()
            .map_or(bytes.len(), |length| start + length);
        bytes[start..from].fill(b'?');
    }
    let (mut at, mut in_text) = (0, false);
    while at < bytes.len() {
        at += match bytes[at] {
            b'"' => {
                in_text = !in_text;
                1
            }
            b'\\' if in_text => mend_escape(&mut bytes[at..]),
            b'-' | b'0'..=b'9' if !in_text => mend_number(&mut bytes[at..]),
            _ => 1,
        };
    }
}

/// Replaces an escaped half of a surrogate pair that stands alone by the replacement character,
/// and returns the length of what was looked at.
fn mend_escape(text: &mut [u8]) -> usize {
    const HIGH: std::ops::Range<u16> = 0xd800..0xdc00;
    const LOW: std::ops::Range<u16> = 0xdc00..0xe000;
    let Some(unit) = escaped_unit(text) else {
        return 2;
    };
    let is_pair = HIGH.contains(&unit)
        && text
            .get(6..)
            .and_then(escaped_unit)
            .is_some_and(|unit| LOW.contains(&unit));
    if is_pair {
        return 12;
    }
    if HIGH.contains(&unit) || LOW.contains(&unit) {
        text[2..6].copy_from_slice(b"fffd");
    }
    6
}

/// Reads the UTF-16 unit of an escape such as `\u00e9` at the start of a text.
fn escaped_unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Replaces a number by a zero where no float can hold it, and returns its length.
fn mend_number(text: &mut [u8]) -> usize {
    let is_part = |b: &u8| matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
    let length = text.iter().take_while(|b| is_part(b)).count();
    let number = std::str::from_utf8(&text[..length]).unwrap_or_default();
    if number.parse().is_ok_and(f64::is_infinite) {
        text[..length].fill(b' ');
        text[0] = b'0';
    }
    length
}

/// Reads the fields of a JSON object one by one; a repeated field counts as its last value, and
/// an unknown one is skipped by the caller.
trait Fields: Default {
    /// Takes a field's value from the map, or returns false where the field is of no interest.
    fn take<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error>;
}

#[derive(Default)]
struct Top {
    data: ListOrElse,
    paging: Option<Paging>,
    messages: [Scalar; 4],
    errors: Vec<Scalar>,
}

impl Fields for Top {
    fn take<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "data" => self.data = map.next_value()?,
            "paging" => self.paging = map.next_value::<Maybe<Paging>>()?.0,
            "message" => self.messages[0] = map.next_value()?,
            "error_msg" => self.messages[1] = map.next_value()?,
            "error" => self.messages[2] = map.next_value()?,
            "error_message" => self.messages[3] = map.next_value()?,
            "errors" => self.errors = map.next_value::<Scalars>()?.0,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

#[derive(Default)]
struct Paging {
    next: Scalar,
    total: Scalar,
}

impl Fields for Paging {
    fn take<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "next" => self.next = map.next_value()?,
            "total_item_count" => self.total = map.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

#[derive(Default)]
struct RawItem {
    slug: Scalar,
    title: Scalar,
    owner: Option<Owner>,
    is_pipeline: Scalar,
}

impl Fields for RawItem {
    fn take<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "slug" => self.slug = map.next_value()?,
            "title" => self.title = map.next_value()?,
            "owner" => self.owner = map.next_value::<Maybe<Owner>>()?.0,
            "is_pipeline" => self.is_pipeline = map.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

#[derive(Default)]
struct Owner {
    name: Scalar,
}

impl Fields for Owner {
    fn take<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        if key == "name" {
            self.name = map.next_value()?;
        }
        Ok(key == "name")
    }
}

/// Reads any JSON value, and keeps it where it is an object.
struct Maybe<T>(Option<T>);

/// Reads any JSON value, and keeps it where it is a text, a truth value or a count.
#[derive(Default)]
enum Scalar {
    Text(String),
    Flag(bool),
    Count(u64),
    #[default]
    Other,
}

impl Scalar {
    fn text(self) -> Option<String> {
        if let Self::Text(text) = self {
            Some(text)
        } else {
            None
        }
        .filter(|text| !text.trim().is_empty())
    }
}

/// Reads any JSON value, and keeps the first few scalars of it where it is a list.
struct Scalars(Vec<Scalar>);

/// Reads any JSON value, and keeps the first items of it where it is a list.
#[derive(Default)]
struct ListOrElse(RawData);

#[derive(Default)]
enum RawData {
    #[default]
    NoList,
    Null,
    List(usize, Vec<Maybe<RawItem>>),
}

/// The most texts of an `errors` list that are kept.
const MOST_ERRORS: usize = 10;

/// Says for each kind of JSON value what is to be kept of it; by default, nothing.
trait Keep<'de>: Sized {
    fn other() -> Self;
    fn text(_: &str) -> Self {
        Self::other()
    }
    fn flag(_: bool) -> Self {
        Self::other()
    }
    fn count(_: u64) -> Self {
        Self::other()
    }
    fn null() -> Self {
        Self::other()
    }
    fn list<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::other())
    }
    fn object<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::other())
    }
}

impl<'de, T: Fields> Keep<'de> for Maybe<T> {
    fn other() -> Self {
        Self(None)
    }

    fn object<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut fields = T::default();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if !fields.take(&key, &mut map)? {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Self(Some(fields)))
    }
}

impl Keep<'_> for Scalar {
    fn other() -> Self {
        Self::Other
    }

    fn text(text: &str) -> Self {
        let mut cuts = (0..=text.len().min(LONGEST_TEXT)).rev();
        let end = cuts.find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        Self::Text(text[..end].to_owned())
    }

    fn flag(flag: bool) -> Self {
        Self::Flag(flag)
    }

    fn count(count: u64) -> Self {
        Self::Count(count)
    }
}

impl<'de> Keep<'de> for Scalars {
    fn other() -> Self {
        Self(Vec::new())
    }

    fn list<A: SeqAccess<'de>>(seq: A) -> Result<Self, A::Error> {
        Ok(Self(first_items(seq, MOST_ERRORS)?.1))
    }
}

impl<'de> Keep<'de> for ListOrElse {
    fn other() -> Self {
        Self(RawData::NoList)
    }

    fn null() -> Self {
        Self(RawData::Null)
    }

    fn list<A: SeqAccess<'de>>(seq: A) -> Result<Self, A::Error> {
        let (count, items) = first_items(seq, MOST_ITEMS)?;
        Ok(Self(RawData::List(count, items)))
    }
}

/// Returns how many items a list has, and the first of them.
fn first_items<'de, A: SeqAccess<'de>, T: Deserialize<'de>>(
    mut seq: A,
    most: usize,
) -> Result<(usize, Vec<T>), A::Error> {
    let mut kept = Vec::new();
    while kept.len() < most {
        let Some(item) = seq.next_element()? else {
            return Ok((kept.len(), kept));
        };
        kept.push(item);
    }
    let mut count = kept.len();
    while seq.next_element::<IgnoredAny>()?.is_some() {
        count += 1;
    }
    Ok((count, kept))
}

/// Leads each kind of JSON value to the matching function of [`Keep`].
struct KeepVisitor<T>(PhantomData<T>);

impl<'de, T: Keep<'de>> Visitor<'de> for KeepVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok(T::text(text))
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<T, E> {
        Ok(T::flag(flag))
    }

    fn visit_u64<E: Error>(self, count: u64) -> Result<T, E> {
        Ok(T::count(count))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<T, E> {
        Ok(T::other())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<T, E> {
        Ok(T::other())
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::null())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T, A::Error> {
        T::list(seq)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::object(map)
    }
}

/// Implements reading by [`Keep`] for a type.
macro_rules! deserialize_by_keep {
    ($($type:ty $(where $param:ident)?),* $(,)?) => {$(
        impl<'de, $($param: Fields)?> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(KeepVisitor(PhantomData))
            }
        }
    )*};
}

deserialize_by_keep!(Maybe<T> where T, Scalar, Scalars, ListOrElse);

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
        assert_eq!((page.total, page.has_more), (Some(2), false));
    }

    #[test]
    fn counters_are_believed_only_where_they_can_be_true() {
        let total = |paging| {
            read(&json!({"data": [{"slug": "a"}], "paging": paging}))
                .apps()
                .unwrap()
                .total
        };
        assert_eq!(
            total(json!({"total_item_count": 37, "next": "x"})),
            Some(37)
        );
        assert_eq!(total(json!({"total_item_count": 0})), Some(1));
        assert_eq!(total(json!({"total_item_count": 0, "next": "x"})), None);
        assert_eq!(total(json!({"total_item_count": -5, "next": ""})), Some(1));
        assert_eq!(total(json!("nonsense")), Some(1));
        assert_eq!(total(json!({"total_item_count": 1, "next": null})), Some(1));
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
    fn every_kept_text_is_cleaned() {
        let body = json!({"message": "x canary", "data": [
            {"slug": "canary", "title": "canary", "owner": {"name": "canary"}}], "paging": {"next": "canary"}});
        let escaped = body.to_string().replace("canary", "\\u0063anary");
        let document = Document::read(&mut escaped.into_bytes(), |text| {
            text.replace("canary", "-").into()
        })
        .unwrap();
        assert!(!format!("{document:?}").contains("canary"), "{document:?}");
        assert_eq!(document.message().unwrap().raw(), "x -");
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
            let title = format!("{start}{}", "é".repeat(LONGEST_TEXT));
            let body = json!({"data": [{"slug": "s", "title": title}]});
            let title = read(&body).apps().unwrap().apps.remove(0).title.unwrap();
            assert_eq!(title.raw().len(), LONGEST_TEXT - start.len());
        }
    }

    #[test]
    fn a_list_without_end_is_counted_but_not_kept() {
        let body = format!("{{\"data\": [{}{{}}]}}", "{\"slug\":\"s\"},".repeat(5000));
        let document = read_bytes(body.as_bytes()).unwrap();
        let page = document.apps().unwrap();
        assert_eq!(page.apps.len(), MOST_ITEMS);
        assert_eq!((page.total, page.has_more), (None, true));
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
                "message": value, "errors": next,
            });
            let page = read(&body).apps().unwrap();
            prop_assert_eq!(page.apps[0].slug.raw(), "s");
            prop_assert!(page.total.is_none_or(|total| total >= page.apps.len() as u64));
        }

        #[test]
        fn mending_spoils_nothing_that_was_whole(value in any_json()) {
            let mut body = value.to_string().into_bytes();
            mend(&mut body);
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

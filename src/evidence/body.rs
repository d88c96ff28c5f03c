//! The bodies of responses: what of an object, or of a page, is one, and what it is by itself.
//!
//! Invariant: a body costs about as much memory as its text.

use super::object;
use super::words::{self, floor, lower};
use crate::check::CheckId;
use crate::responder::{TITLE_WITHIN, title};
use serde_json::{Value, json};

/// What stands around the items that a filter left of a list.
const LIST: &str = "{\"data\":[";
const END: &str = "]}";

/// A body as a text shows it.
#[derive(Clone, Debug)]
pub(super) struct Body {
    /// Its JSON, or the start of a page.
    pub(super) text: String,
    pub(super) extent: Extent,
    pub(super) shape: Shape,
    /// The status that its own words stand for.
    pub(super) status: Option<u16>,
}

/// How much of a body is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Extent {
    Whole,
    /// Its end is cut off, or parts of it are left out.
    Cut,
    /// It is what a filter left.
    Filtered,
    /// The start of a page of markup.
    Page,
}

/// What a body is, as far as its members tell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Shape {
    /// The success of a step.
    Of(CheckId),
    /// A list of builds, which is none of pipelines.
    Builds,
    /// An empty list whose page has a limit of items, as `/apps` and `/builds` echo it.
    EmptyPage,
    /// Any other list.
    List,
    /// What says something of an error.
    Error,
    /// A page, or what tells nothing.
    Other,
}

impl Body {
    /// Reads a value as the body of a response, if it can be one: any object if `is_any` says so.
    /// Records of requests and responses, and what holds the body inside, are none.
    pub(super) fn of(value: &Value, is_whole: bool, is_any: bool) -> Option<Self> {
        let data = value.get("data");
        let holds_body = |data| has(data, "body error") || data.get("data").is_some();
        if has(value, "record") || data.is_some_and(holds_body) {
            return None;
        }
        // What a filter left of a list: its items, or one of them.
        let items = { value.as_array() }.map_or(std::slice::from_ref(value), Vec::as_slice);
        let is_item = |item: &Value| item.get("slug").is_some();
        let is_filtered = data.is_none() && (items.is_empty() || items.iter().any(is_item));
        let list = is_filtered.then(|| json!({ "data": items }));
        let value = list.as_ref().unwrap_or(value);
        let shape = Shape::of(value);
        let has_any = is_whole || !value.as_object()?.is_empty();
        let is_body = value.get("data").is_some()
            || matches!(shape, Shape::Error | Shape::Of(_))
            || is_any && has_any;
        let names = words::section("body error").iter();
        let mut said = names.filter_map(|name| value.get(name)?.as_str());
        is_body.then(|| Self {
            text: value.to_string(),
            extent: match is_whole {
                _ if is_filtered => Extent::Filtered,
                true => Extent::Whole,
                false => Extent::Cut,
            },
            shape,
            status: said
                .next()
                .and_then(|said| words::status_named(&lower(said))),
        })
    }

    /// Reads the body that a text is as a whole: an object, or a page of markup.
    pub(super) fn read(text: &str, is_any: bool) -> Option<Self> {
        if text.starts_with('<') {
            let text = &text[..floor(text, TITLE_WITHIN)];
            // As in “502 Bad Gateway”.
            let name = |title: String| {
                let title = title.trim_start_matches(|c: char| c.is_ascii_digit());
                words::status_named(&lower(title))
            };
            return Some(Self {
                text: text.to_owned(),
                extent: Extent::Page,
                shape: Shape::Other,
                status: title(text.as_bytes()).and_then(name),
            });
        }
        let found = object::read(text).filter(|_| text.starts_with(['{', '[', '@']))?;
        Self::of(&found.value, found.is_whole, is_any)
    }

    /// Takes what goes on with it: further items of what a filter left of a list; what tells as
    /// little as it does. Tells whether it does.
    pub(super) fn is_continued_by(&mut self, other: &Self) -> bool {
        let both = |is: fn(&Self) -> bool| is(self) && is(other);
        if !both(|body| body.extent == Extent::Filtered) {
            return both(|body| body.extent != Extent::Page && body.shape == Shape::Other);
        }
        let is_more = self.text.len().min(other.text.len()) > LIST.len() + END.len();
        self.text.truncate(self.text.len() - END.len());
        self.text += if is_more { "," } else { "" };
        self.text += &other.text[LIST.len()..];
        true
    }

    /// Tells whether more of an object may have come than is shown.
    pub(super) const fn is_part(&self) -> bool {
        matches!(self.extent, Extent::Cut | Extent::Filtered)
    }

    /// Tells whether it can't be that of a response with a status.
    pub(super) fn contradicts(&self, status: u16, is_protocol: bool) -> bool {
        match (self.status, self.shape) {
            (Some(told), _) => is_protocol && told != status,
            (None, Shape::Error | Shape::Other | Shape::Of(CheckId::PipelinesShow)) => false,
            (None, _) => status >= 400,
        }
    }
}

impl Shape {
    /// Tells what a value is.
    fn of(value: &Value) -> Self {
        /// What a list is by the members of its items, in this order.
        const ITEMS: [(&str, Shape); 4] = [
            ("item pipeline", Shape::Of(CheckId::PipelinesList)),
            ("item build", Shape::Builds),
            ("item app", Shape::Of(CheckId::AppsList)),
            ("item run", Shape::Of(CheckId::PipelinesList)),
        ];
        let items = match value.get("data") {
            Some(Value::Array(items)) => items.as_slice(),
            Some(Value::Null) => &[],
            _ if has(value, "body details") => return Self::Of(CheckId::PipelinesShow),
            _ if has(value, "body error") => return Self::Error,
            _ => return Self::Other,
        };
        let limit = value.pointer("/paging/page_item_limit");
        if items.is_empty() && limit.and_then(Value::as_u64) > Some(0) {
            return Self::EmptyPage;
        }
        let fits = |(names, _): &&(&str, Self)| items.iter().any(|item| has(item, names));
        let shape = ITEMS.iter().find(fits);
        shape.map_or(Self::List, |(_, shape)| *shape)
    }
}

/// Tells whether an object has a member of one of these names.
pub(super) fn has(value: &Value, names: &str) -> bool {
    let mut names = words::section(names).iter();
    names.any(|name| value.get(name).is_some())
}

//! From what a text shows to the exchanges of a run: each response as the client would have read it,
//! the step that it is of, and whether it tells anything there.

use super::read::{Body as SeenBody, Extent, Failure, Reading, Shown};
use super::request::{Credential, Endpoint, Request};
use super::secrets::Secrets;
use crate::check::CheckId;
use crate::classify;
use crate::exchange::{Body, Exchange, Fault, FaultKind, ProxyResponse, Response};
use crate::pasted::{Explains, Incomplete, Mistake, PastedStep, ToldBy};
use crate::responder;
use crate::text::Clean;
use crate::verdict::Reason;
use crate::wire::Document;
use serde_json::Value;
use std::borrow::Cow;
use std::time::Duration;

/// One response or fault of a text, and what is known of where it came from.
#[derive(Debug)]
pub(super) struct Observed<'a> {
    pub(super) shown: &'a Shown,
    /// Which step it is of, if that can be told.
    pub(super) step: Option<CheckId>,
    told_by: ToldBy,
    pub(super) credential: Credential,
    pub(super) mistakes: Vec<Mistake>,
    pub(super) exchange: Exchange,
    /// Why it can't be judged by itself.
    pub(super) open: Option<Incomplete>,
    /// Whether a later try took its place.
    pub(super) is_superseded: bool,
}

/// Makes the exchanges of a text. `assumed` is the step of those of which the text does not tell it,
/// `base` the base URL of those that show no address.
pub(super) fn observe<'a>(
    reading: &'a Reading,
    assumed: Option<CheckId>,
    base: &str,
    secrets: &Secrets,
) -> Vec<Observed<'a>> {
    let answered = { reading.shown.iter() }.filter(|shown| shown.is_answered());
    let mut observed: Vec<_> = answered
        .map(|shown| Observed::of(shown, reading.has_builds, base, secrets))
        .collect();
    place_by_order(&mut observed);
    for one in observed.iter_mut().filter(|one| one.is_unplaced()) {
        if assumed.is_some() {
            (one.step, one.told_by) = (assumed, ToldBy::Words);
        }
    }
    observed
}

/// Places what has no address by its place: behind a list of apps, it is of an app. Two rejections
/// alone are those of both commands.
fn place_by_order(observed: &mut [Observed<'_>]) {
    let is_adrift = |one: &Observed<'_>| one.is_unplaced() && one.endpoint().is_none();
    for index in 1..observed.len() {
        let (before, behind) = observed.split_at_mut(index);
        let (before, one) = (&before[index - 1], &mut behind[0]);
        let follows_list =
            before.step == Some(CheckId::AppsList) && before.shown.message == one.shown.message;
        if follows_list && is_adrift(one) && one.told_by != ToldBy::Body {
            (one.step, one.told_by) = (Some(CheckId::PipelinesList), ToldBy::Order);
        }
    }
    let is_lone_rejection =
        |one: &Observed<'_>| is_adrift(one) && one.exchange.status() == Some(401);
    if let [first, second] = observed
        && is_lone_rejection(first)
        && is_lone_rejection(second)
    {
        (first.step, first.told_by) = (Some(CheckId::AppsList), ToldBy::Order);
        (second.step, second.told_by) = (Some(CheckId::PipelinesList), ToldBy::Order);
    }
}

impl<'a> Observed<'a> {
    fn of(shown: &'a Shown, has_builds: bool, base: &str, secrets: &Secrets) -> Self {
        let request = &shown.request;
        let address = request.address.as_ref();
        let url = address.map_or_else(|| base.to_owned(), |address| secrets.clean(&address.shown));
        let credential = request.credential.as_ref();
        let mut observed = Self {
            shown,
            step: None,
            told_by: ToldBy::Nothing,
            credential: credential
                .map_or(Credential::Unknown, |(credential, _)| credential.clone()),
            mistakes: mistakes(request),
            exchange: Exchange::new(url, Err(FaultKind::Unknown.into())),
            open: None,
            is_superseded: false,
        };
        let mut shape = Shape::Other;
        match shown.failure {
            Some(Failure::Fault(name)) => observed.exchange.outcome = Err(fault(name)),
            Some(Failure::Misread(mistake)) => {
                observed.open = Some(Incomplete::Explained(mistake));
            }
            Some(Failure::Filter) | None => {
                if let Some(SeenBody::Object(value, _)) = &shown.body {
                    shape = Shape::of(value);
                }
                observed.read_response(shape, secrets);
            }
        }
        (observed.step, observed.told_by) = observed.place(shape, has_builds);
        observed
    }

    pub(super) fn endpoint(&self) -> Option<&'a Endpoint> {
        let address = self.shown.request.address.as_ref();
        address.map(|address| &address.endpoint)
    }

    /// Reads a response as the client would have.
    fn read_response(&mut self, shape: Shape, secrets: &Secrets) {
        let shown = self.shown;
        let clean: Clean<'_> = &|text| Cow::Owned(secrets.clean(text));
        let headers = shown.headers.iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| (name.as_str(), Cow::from(value)))
            .collect();
        let (mut page, mut inferred) = ("", None);
        let body = match &shown.body {
            None => body_of_headers(&headers, shown.status),
            Some(SeenBody::Word(status)) => {
                inferred = Some(*status);
                Some(Body::Word)
            }
            Some(seen @ SeenBody::Page(text)) => {
                (page, inferred) = (text, seen.status());
                Some(Body::Html)
            }
            Some(seen @ SeenBody::Object(value, _)) => {
                Some(match Document::read(value.to_string().as_bytes(), clean) {
                    Ok(mut document) => {
                        let is_details = shape == Shape::Of(CheckId::PipelinesShow);
                        let is_success = document.list.is_some() || is_details;
                        inferred = if is_success { Some(200) } else { seen.status() };
                        if self.is_part() {
                            document.cut_list();
                            // What a filter left proves no shape.
                            let is_shaped =
                                shape != Shape::Other || self.extent() == Some(Extent::Cut);
                            let says =
                                document.message.is_some() || document.has_items() && is_shaped;
                            self.open = (!says && !is_details).then(|| self.unseen());
                        }
                        Body::Json(document)
                    }
                    Err(_) => Body::Other,
                })
            }
        };
        let status = shown.status.or(inferred);
        let is_rate_limit = status != Some(200) && responder::has_rate_limit(&headers);
        let is_told = match (status, &body) {
            (None, body) => matches!(body, Some(Body::Html)),
            // The body of a 403 tells whether it is Bitrise's, that of a 200 everything.
            (Some(200 | 403), None) => is_rate_limit,
            (Some(_), _) => true,
        };
        if !is_told {
            self.open = Some(self.unseen());
        }
        let wait = responder::value(&headers, "retry-after");
        let wait = wait.and_then(|wait| wait.trim().parse().ok());
        self.exchange.retry_after = wait.map(Duration::from_secs);
        let body = (body.unwrap_or(Body::Empty), page.as_bytes());
        self.exchange.outcome = Ok(Response {
            http_version: shown.http_version.map(Cow::Borrowed),
            ..responder::response(&self.exchange.url, status, &headers, body, clean)
        });
    }

    /// Tells which step a response is of, and by what: by its address, if its body does not say
    /// otherwise, by its body, by words.
    fn place(&self, shape: Shape, has_builds: bool) -> (Option<CheckId>, ToldBy) {
        let of_body = match shape {
            Shape::Of(id) => Some(id),
            Shape::EmptyPage if !has_builds && self.shown.hint.is_none() => Some(CheckId::AppsList),
            Shape::EmptyPage | Shape::Builds | Shape::Other => None,
        };
        let of_address = self.endpoint().map(|endpoint| match endpoint {
            Endpoint::Apps => Some(CheckId::AppsList),
            Endpoint::Pipelines(_) => Some(CheckId::PipelinesList),
            Endpoint::Details(_) => Some(CheckId::PipelinesShow),
            Endpoint::Other => None,
        });
        match (of_address, shape) {
            (Some(Some(id)), Shape::Of(of_body)) if id != of_body => (None, ToldBy::Body),
            (Some(Some(_)) | None, Shape::Builds) => (None, ToldBy::Body),
            (Some(Some(id)), _) => (Some(id), ToldBy::Address),
            (None, _) if of_body.is_some() => (of_body, ToldBy::Body),
            (None, _) if self.shown.hint.is_some() => (self.shown.hint, ToldBy::Words),
            (Some(None) | None, _) => (None, ToldBy::Nothing),
        }
    }

    /// Tells whether its step is not known, and may be one of DX's.
    pub(super) fn is_unplaced(&self) -> bool {
        self.step.is_none() && self.endpoint() != Some(&Endpoint::Other)
    }

    /// Tells whether its address and its body contradict each other.
    pub(super) fn is_contradictory(&self) -> bool {
        self.is_unplaced() && self.told_by == ToldBy::Body
    }

    /// Returns how much of its body is shown, if it is an object.
    fn extent(&self) -> Option<Extent> {
        match self.shown.body {
            Some(SeenBody::Object(_, extent)) => Some(extent),
            _ => None,
        }
    }

    /// Tells whether its body is not whole.
    fn is_part(&self) -> bool {
        matches!(self.extent(), Some(Extent::Cut | Extent::Filtered))
    }

    /// Returns why what is not shown can't be seen.
    fn unseen(&self) -> Incomplete {
        let request = &self.shown.request;
        let is_hidden = request.is_hidden
            || request.is_filtered
            || matches!(self.shown.failure, Some(Failure::Filter))
            || self.extent() == Some(Extent::Filtered)
            || request.method.as_deref() == Some("HEAD");
        if is_hidden {
            Incomplete::Hidden
        } else {
            Incomplete::Unreadable
        }
    }

    /// Returns what it means at a step, by itself: nothing against the token, or a reason.
    fn classified(&self, id: CheckId) -> Option<Reason> {
        match id {
            CheckId::TokenFormat | CheckId::AppsList | CheckId::AppsRecheck => {
                classify::apps(&self.exchange).err()
            }
            CheckId::PipelinesList => classify::pipelines(&self.exchange).reason(),
            CheckId::PipelinesShow => classify::details(&self.exchange).reason(),
        }
    }

    /// Returns what it means at a step.
    ///
    /// # Errors
    /// Returns why it means nothing: it can't be seen, or a mistake of the command explains it.
    pub(super) fn tells(&self, id: CheckId) -> Result<Option<Reason>, Incomplete> {
        if let Some(open @ Incomplete::Explained(_)) = self.open {
            return Err(open);
        }
        let reason = self.classified(id);
        let is_cut = self.is_part() && reason == Some(Reason::UnexpectedResponse);
        let open = self.open.or(is_cut.then(|| self.unseen()));
        let what = match (&self.exchange.outcome, reason) {
            (Err(_), _) => Explains::Everything,
            _ if open.is_some() => Explains::Refusals,
            (Ok(_), None) => Explains::Responses,
            (Ok(response), Some(reason)) => match response.status {
                Some(400 | 404) => Explains::Misses,
                _ if reason == Reason::NoApps => Explains::Misses,
                _ => Explains::Refusals,
            },
        };
        let mistakes = self.mistakes.iter();
        let explaining = mistakes.filter(|mistake| mistake.explains() >= what).rev();
        match (explaining.max_by_key(|mistake| mistake.explains()), open) {
            (Some(Mistake::NoVersion), None) if self.lacks_version_alone() => {
                Ok(Some(Reason::WrongBaseUrl))
            }
            (Some(mistake), _) => Err(Incomplete::Explained(*mistake)),
            (None, Some(open)) => Err(open),
            (None, None) => Ok(reason),
        }
    }

    fn lacks_version_alone(&self) -> bool {
        let mut mistakes = self.mistakes.iter();
        mistakes.all(|mistake| matches!(mistake, Mistake::NoVersion | Mistake::Filter))
    }

    /// Returns the reason for the verdict if it is of a step, and nothing else was answered.
    pub(super) fn reason_at(&self, id: CheckId) -> Option<Reason> {
        match self.tells(id) {
            // A 401 below an app says nothing by itself.
            Ok(Some(Reason::TokenRejected)) if id != CheckId::AppsList => {
                Some(Reason::EvidenceIncomplete)
            }
            Ok(reason) => reason,
            Err(_) => Some(Reason::EvidenceIncomplete),
        }
    }

    /// Returns the exchange as evidence of a check, with the address of its step if none is shown.
    /// There is nothing to show of a command that was misread, or of a response without a status.
    pub(super) fn evidence(&self, id: CheckId) -> Option<Exchange> {
        let is_known = match &self.exchange.outcome {
            Ok(response) => response.status.is_some() || matches!(response.body, Body::Html),
            Err(_) => !matches!(self.open, Some(Incomplete::Explained(_))),
        };
        let mut exchange = self.exchange.clone();
        if self.shown.request.address.is_none() {
            exchange.url += match id {
                CheckId::AppsList => "/apps",
                _ => "/apps/YOUR_APP_SLUG/pipelines",
            };
        }
        is_known.then_some(exchange)
    }

    /// Returns what is said of it beyond the checks.
    pub(super) fn told(&self) -> PastedStep {
        let status = self.exchange.status();
        let response = self.exchange.response();
        let has_address = self.shown.request.address.is_some();
        PastedStep {
            step: self.step,
            told_by: self.told_by,
            url: has_address.then(|| self.exchange.url.clone()),
            status,
            is_inferred: status.is_some() && self.shown.status.is_none(),
            message: response.and_then(Response::message).cloned(),
            is_superseded: self.is_superseded,
        }
    }
}

/// Returns what in a request is unlike DX's call.
fn mistakes(request: &Request) -> Vec<Mistake> {
    let address = request.address.as_ref();
    let of_address = address.map_or(&[][..], |address| &address.mistakes);
    let of_credential = request
        .credential
        .as_ref()
        .and_then(|(_, mistake)| *mistake);
    let mut mistakes = [of_address, &request.mistakes].concat();
    mistakes.extend(of_credential);
    let elsewhere = [
        Mistake::OtherHeader,
        Mistake::UserOption,
        Mistake::TokenInQuery,
    ];
    let is_bare = request.credential.is_none()
        && address.is_some()
        && (request.is_whole || request.is_alone)
        && !mistakes.iter().any(|mistake| elsewhere.contains(mistake));
    if is_bare {
        mistakes.push(Mistake::NoToken);
    }
    let method = request.method.as_deref().map(str::to_ascii_uppercase);
    if method.is_some_and(|method| !matches!(method.as_str(), "GET" | "HEAD" | "DEFAULT")) {
        mistakes.push(Mistake::Method);
    }
    mistakes
}

/// Returns what headers say of a body that is not shown, if they do.
fn body_of_headers(headers: &responder::Headers<'_>, status: Option<u16>) -> Option<Body> {
    let value = |name| responder::value(headers, name).map(str::trim);
    match (value("content-length"), value("content-type")) {
        (Some("0"), _) => Some(Body::Empty),
        (_, Some(kind)) if kind.contains("html") => Some(Body::Html),
        (_, Some(kind)) if status == Some(403) && !kind.contains("json") => Some(Body::Other),
        _ => None,
    }
}

/// Returns the fault of a name of the table of words.
fn fault(name: &str) -> Fault {
    match FaultKind::named(name).unwrap_or(FaultKind::Unknown) {
        kind @ FaultKind::ProxyLogin => Fault::of_proxy(kind, ProxyResponse::new(407)),
        kind => kind.into(),
    }
}

/// What a body is, as far as its members tell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shape {
    /// The success of a step.
    Of(CheckId),
    /// A list of builds, which is none of pipelines.
    Builds,
    /// An empty list whose page has a limit of items, as `/apps` and `/builds` echo it.
    EmptyPage,
    Other,
}

/// What a list is by the members of its items, in this order (spec: `v0.PipelineListItemModel`,
/// `v0.AppResponseItemModel`; recorded lists of builds).
const SHAPES: [(Shape, &[&str]); 4] = [
    (Shape::Of(CheckId::PipelinesList), &["is_pipeline"]),
    (
        Shape::Builds,
        &[
            "status_text",
            "is_status_sent",
            "original_build_params",
            "stack_identifier",
        ],
    ),
    (
        Shape::Of(CheckId::AppsList),
        &[
            "owner",
            "title",
            "repo_url",
            "project_type",
            "is_disabled",
            "avatar_url",
        ],
    ),
    (
        Shape::Of(CheckId::PipelinesList),
        &["triggered_at", "build_number", "triggered_workflow"],
    ),
];

impl Shape {
    fn of(value: &Value) -> Self {
        /// The members that one pipeline run has (spec: `v0.PipelineShowResponseModel`).
        const DETAILS: [&str; 3] = ["workflows", "stages", "number_in_app_scope"];
        /// The maximum number of items that are looked at.
        const MOST: usize = 50;
        let has =
            |value: &Value, names: &[&str]| names.iter().any(|name| value.get(name).is_some());
        let items = match value.get("data").unwrap_or(value) {
            Value::Array(items) => items.as_slice(),
            Value::Null => &[],
            _ if has(value, &DETAILS) => return Self::Of(CheckId::PipelinesShow),
            _ => return Self::Other,
        };
        if items.is_empty() {
            let limit = value
                .pointer("/paging/page_item_limit")
                .and_then(Value::as_u64);
            return if limit > Some(0) {
                Self::EmptyPage
            } else {
                Self::Other
            };
        }
        let items = &items[..items.len().min(MOST)];
        let fits = |(_, names): &&(Self, &[&str])| items.iter().any(|item| has(item, names));
        SHAPES
            .iter()
            .find(fits)
            .map_or(Self::Other, |(shape, _)| *shape)
    }
}

//! The HTTP half of the sandbox: authorization, routes, pages and refusals.
//!
//! Invariant: never repeats a part of a request, least of all the `Authorization` header.
//! Invariant: reads no request body.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::world::World;
use super::{Scenario, TOKEN};

/// The path before every route: `basePath` in Bitrise's specification.
pub(super) const BASE_PATH: &str = "/v0.1";

/// The page that a gateway shows while the service behind it is away.
const OUTAGE: &str = include_str!("bodies/outage.html");
/// The sign-in page of a guest network.
const CAPTIVE_PORTAL: &str = include_str!("bodies/captive-portal.html");

/// The content type of every response of Bitrise, as its shared Go library sets it.
const JSON: &str = "application/json; charset=utf-8";
/// The content type of a gateway's or a guest network's page.
const HTML: &str = "text/html; charset=utf-8";

/// The page size of `app-list` where the query has none, and the largest one.
const APPS_LIMIT: usize = 50;
/// The page size of `pipeline-list` where the query has none; the specification states no largest one.
const RUNS_LIMIT: usize = 10;

/// When a client may come back after a 429, in seconds.
const COME_BACK: &str = "600";

/// The decoded parameters of a query.
type Query = HashMap<String, String>;

/// Answers requests for all connections.
pub(super) struct Server {
    /// What to play.
    pub(super) scenario: Scenario,
    /// The data to serve.
    pub(super) world: World,
    /// How late each response starts.
    pub(super) latency: Duration,
    /// The number of responses of Bitrise so far, from which request ids are made.
    pub(super) responses: AtomicU64,
}

impl Server {
    /// Answers one request, or lets something in front of Bitrise answer it.
    pub(super) fn answer<B>(&self, request: &Request<B>) -> Response<String> {
        let (status, kind, body) = match self.scenario {
            Scenario::Outage => (StatusCode::SERVICE_UNAVAILABLE, HTML, OUTAGE.to_owned()),
            Scenario::CaptivePortal => (StatusCode::OK, HTML, CAPTIVE_PORTAL.to_owned()),
            _ => {
                let (status, body) = match self.route(request) {
                    Ok(body) => (StatusCode::OK, body),
                    Err(Refusal(status, message)) => (status, json!({ "message": message })),
                };
                (status, JSON, format!("{body}\n"))
            }
        };
        let header = match status {
            StatusCode::METHOD_NOT_ALLOWED => Some((ALLOW, "GET")),
            StatusCode::TOO_MANY_REQUESTS => Some((RETRY_AFTER, COME_BACK)),
            _ => None,
        };
        let header = header.map(|(name, value)| (name, HeaderValue::from_static(value)));
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.extend(header);
        // Bitrise's own responses have a request id; who limits requests stands in front of it.
        if kind == JSON && status != StatusCode::TOO_MANY_REQUESTS {
            let number = self.responses.fetch_add(1, Ordering::Relaxed) + 1;
            let id = HeaderValue::try_from(format!("sandbox-{number:06}"));
            headers.extend(id.map(|id| (HeaderName::from_static("x-request-id"), id)));
        }
        response
    }

    /// Checks the token, finds the operation and returns its body.
    fn route<B>(&self, request: &Request<B>) -> Result<Value, Refusal> {
        if self.scenario == Scenario::RateLimited {
            return Err(StatusCode::TOO_MANY_REQUESTS.into());
        }
        let mut values = request.headers().get_all(AUTHORIZATION).iter();
        let (sent, another) = (values.next(), values.next());
        // Raw, or after the `token ` of Bitrise's own tools. `Bearer` isn't stripped, so that it makes
        // a good token a wrong one.
        let is_token = sent.is_some_and(|sent| {
            let sent = sent.as_bytes();
            sent.strip_prefix(b"token ").unwrap_or(sent) == TOKEN.as_bytes()
        });
        if self.scenario == Scenario::InvalidCredentials || !is_token || another.is_some() {
            return Err(StatusCode::UNAUTHORIZED.into());
        }
        let path = request.uri().path().strip_prefix(BASE_PATH);
        let path = path.and_then(|path| path.strip_prefix('/'));
        // A trailing slash makes an empty last segment.
        let segments = path.ok_or(StatusCode::NOT_FOUND)?.split('/');
        let segments = segments.map(|part| percent_decode_str(part).decode_utf8());
        let segments: Result<Vec<_>, _> = segments.collect();
        let segments = segments.map_err(|_| StatusCode::NOT_FOUND)?;
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        let query = request.uri().query().unwrap_or_default();
        let query: Query = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        match *segments {
            ["apps"] | ["apps", _, "pipelines"] | ["apps", _, "pipelines", _]
                if request.method() != Method::GET =>
            {
                Err(StatusCode::METHOD_NOT_ALLOWED.into())
            }
            // `next` is the slug of the first app of the next page.
            ["apps"] => {
                let limit = limit(&query, APPS_LIMIT, APPS_LIMIT)?;
                let World { apps, indices, .. } = &self.world;
                let start = match query.get("next").map(|anchor| indices.get(anchor)) {
                    None => 0,
                    Some(Some(index)) => *index,
                    Some(None) => return Err(Refusal(StatusCode::BAD_REQUEST, "invalid next")),
                };
                let mut paging = json!({"total_item_count": apps.len(), "page_item_limit": limit});
                if let Some(next) = apps.get(start + limit) {
                    paging["next"] = next["slug"].clone();
                }
                let data: Vec<_> = apps.iter().skip(start).take(limit).collect();
                Ok(json!({"data": data, "paging": paging}))
            }
            ["apps", app, "pipelines"] => {
                let mut runs = self.world.runs(self.readable(app)?);
                let limit = limit(&query, RUNS_LIMIT, usize::MAX)?;
                // As recorded, the counters stay 0 and `next` is the time of the last run on the page.
                // No client of ours follows it or filters, so neither is played.
                let mut paging = json!({"total_item_count": 0, "page_item_limit": 0});
                if let Some(runs) = &mut runs
                    && runs.len() > limit
                {
                    runs.truncate(limit);
                    paging["next"] = runs[limit - 1]["triggered_at"].clone();
                }
                Ok(json!({"data": runs, "paging": paging}))
            }
            ["apps", app, "pipelines", id] => {
                let show = self.world.show(self.readable(app)?, id);
                show.ok_or(StatusCode::NOT_FOUND.into())
            }
            _ => Err(StatusCode::NOT_FOUND.into()),
        }
    }

    /// Returns the index of an app whose runs the token may read.
    fn readable(&self, app: &str) -> Result<usize, Refusal> {
        let index = *self.world.indices.get(app).ok_or(StatusCode::NOT_FOUND)?;
        match (self.world.access)(index) {
            StatusCode::OK => Ok(index),
            status => Err(status.into()),
        }
    }
}

/// Returns the page size that a query asks for.
fn limit(query: &Query, default: usize, largest: usize) -> Result<usize, Refusal> {
    let Some(limit) = query.get("limit") else {
        return Ok(default);
    };
    let limit = limit.parse().ok();
    let limit = limit.filter(|limit| (1..=largest).contains(limit));
    limit.ok_or(Refusal(StatusCode::BAD_REQUEST, "invalid limit"))
}

/// An error response: its status, and what its body says (`service.StandardErrorRespModel` in Bitrise's
/// specification).
struct Refusal(StatusCode, &'static str);

impl From<StatusCode> for Refusal {
    /// Makes a refusal that says nothing but the status's own words.
    fn from(status: StatusCode) -> Self {
        Self(status, status.canonical_reason().unwrap_or_default())
    }
}

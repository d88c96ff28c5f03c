//! The HTTP half of the sandbox: authorization, routes, pages and refusals.
//!
//! Invariant: never repeats a part of a request, least of all the `Authorization` header.
//! Invariant: reads no request body.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{
    ALLOW, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::world::{Access, Object, World, text};
use super::{Config, Scenario};

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

/// How late a response of the slow scenario starts.
const SLOW_START: Duration = Duration::from_secs(2);
/// When a client may come back after a 429, in seconds.
const COME_BACK: &str = "600";

/// A response, complete in memory.
type FullResponse = Response<String>;

/// Answers requests for all connections.
pub(super) struct Server {
    /// What to play.
    scenario: Scenario,
    /// The one token that is accepted.
    token: String,
    /// The data to serve.
    world: World,
    /// How late each response starts.
    latency: Duration,
    /// The number of responses of Bitrise so far, from which request ids are made.
    responses: AtomicU64,
}

/// Serves one connection until either side ends it.
pub(super) async fn converse(server: Arc<Server>, stream: TcpStream) {
    let service = service_fn(|request: Request<Incoming>| {
        let server = Arc::clone(&server);
        async move {
            if !server.latency.is_zero() {
                tokio::time::sleep(server.latency).await;
            }
            Ok::<_, Infallible>(server.answer(&request))
        }
    });
    // A connection that breaks concerns its client alone; there is nobody to tell.
    let _ = http1::Builder::new()
        // Hyper would read the clock for it.
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

impl Server {
    /// Builds the server of a scenario.
    ///
    /// # Errors
    ///
    /// Returns `InvalidData` if the embedded bodies can't be parsed.
    pub(super) fn new(config: Config) -> io::Result<Self> {
        let slow_start = match config.scenario {
            Scenario::Slow => SLOW_START,
            _ => Duration::ZERO,
        };
        Ok(Self {
            scenario: config.scenario,
            latency: slow_start.saturating_add(config.latency),
            world: World::new(config.scenario, config.apps)?,
            token: config.token,
            responses: AtomicU64::new(0),
        })
    }

    /// Answers one request, or lets something in front of Bitrise answer it.
    fn answer<B>(&self, request: &Request<B>) -> FullResponse {
        match self.scenario {
            Scenario::Outage => page(StatusCode::SERVICE_UNAVAILABLE, HTML, OUTAGE),
            Scenario::CaptivePortal => page(StatusCode::OK, HTML, CAPTIVE_PORTAL),
            Scenario::RateLimited => refusal(&Refusal::TOO_MANY_REQUESTS),
            _ => self.bitrise(request),
        }
    }

    /// Answers one request as Bitrise, with a request id.
    fn bitrise<B>(&self, request: &Request<B>) -> FullResponse {
        let found = self
            .authorize(request.headers())
            .and_then(|()| self.route(request));
        let mut response = match found {
            Ok(body) => page(StatusCode::OK, JSON, format!("{body}\n")),
            Err(reason) => refusal(&reason),
        };
        let number = self.responses.fetch_add(1, Ordering::Relaxed) + 1;
        if let Ok(id) = HeaderValue::try_from(format!("sandbox-{number:06}")) {
            response.headers_mut().insert("x-request-id", id);
        }
        response
    }

    /// Checks the token: raw, or after the `token ` of Bitrise's own tools.
    ///
    /// `Bearer` isn't stripped, so that it makes a good token a wrong one.
    fn authorize(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(Refusal::UNAUTHORIZED);
        };
        let value = value.as_bytes();
        let sent = value.strip_prefix(b"token ").unwrap_or(value);
        if self.scenario == Scenario::InvalidCredentials || sent != self.token.as_bytes() {
            return Err(Refusal::UNAUTHORIZED);
        }
        Ok(())
    }

    /// Finds the operation and returns its body.
    fn route<B>(&self, request: &Request<B>) -> Result<Value, Refusal> {
        let segments = segments(request.uri().path()).ok_or(Refusal::NOT_FOUND)?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let is_known = match segments.as_slice() {
            ["apps", rest @ ..] => matches!(rest, [] | [_, "pipelines"] | [_, "pipelines", _]),
            _ => false,
        };
        if !is_known {
            return Err(Refusal::NOT_FOUND);
        }
        if request.method() != Method::GET {
            return Err(Refusal::METHOD_NOT_ALLOWED);
        }
        let query = Query::read(request.uri().query())?;
        match segments[1..] {
            [app, _] => self.pipeline_list(app, &query),
            [app, _, id] => {
                let show = self.world.show(self.readable(app)?, id);
                show.ok_or(Refusal::NOT_FOUND)
            }
            _ => self.app_list(&query),
        }
    }

    /// Answers `app-list`: one page of apps, `next` being the slug of the first app of the next page.
    fn app_list(&self, query: &Query) -> Result<Value, Refusal> {
        let limit = query.limit(APPS_LIMIT, APPS_LIMIT)?;
        let apps = self.world.apps();
        let start = match query.get("next") {
            None => 0,
            Some(anchor) => apps
                .iter()
                .position(|app| text(app, "slug") == Some(anchor))
                .ok_or(Refusal::BAD_ANCHOR)?,
        };
        let mut paging = json!({"total_item_count": apps.len(), "page_item_limit": limit});
        if let Some(next) = apps.get(start + limit) {
            paging["next"] = json!(text(next, "slug"));
        }
        let data: Vec<&Object> = apps.iter().skip(start).take(limit).collect();
        Ok(json!({"data": data, "paging": paging}))
    }

    /// Answers `pipeline-list`: the newest pipelines and standalone builds, as many as are wanted.
    ///
    /// As recorded, the counters stay 0 and `next` is the time of the last run on the page. No
    /// client of ours follows it or filters, so neither is played.
    fn pipeline_list(&self, app: &str, query: &Query) -> Result<Value, Refusal> {
        let runs = self.world.runs(self.readable(app)?);
        let limit = query.limit(RUNS_LIMIT, usize::MAX)?;
        let mut paging = json!({"total_item_count": 0, "page_item_limit": 0});
        let Some(mut runs) = runs else {
            return Ok(json!({"data": null, "paging": paging}));
        };
        if runs.len() > limit {
            runs.truncate(limit);
            paging["next"] = json!(runs.last().and_then(|run| text(run, "triggered_at")));
        }
        Ok(json!({"data": runs, "paging": paging}))
    }

    /// Returns the index of an app whose runs the token may read.
    fn readable(&self, app: &str) -> Result<usize, Refusal> {
        match self.world.app(app) {
            Some((index, Access::Granted)) => Ok(index),
            Some((_, Access::Forbidden)) => Err(Refusal::FORBIDDEN),
            Some((_, Access::Hidden)) | None => Err(Refusal::NOT_FOUND),
        }
    }
}

/// Splits a path into its decoded segments; a trailing slash makes an empty last one.
fn segments(path: &str) -> Option<Vec<String>> {
    path.strip_prefix(BASE_PATH)?
        .strip_prefix('/')?
        .split('/')
        .map(decode)
        .collect()
}

/// Decodes a percent-encoded text.
fn decode(text: &str) -> Option<String> {
    let text = percent_decode_str(text).decode_utf8().ok()?;
    Some(text.into_owned())
}

/// The decoded parameters of a query.
struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query as HTML forms write it: a plus sign is a space.
    fn read(query: Option<&str>) -> Result<Self, Refusal> {
        let form = query.unwrap_or_default().replace('+', " ");
        form.split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                decode(name).zip(decode(value)).ok_or(Refusal::BAD_QUERY)
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Returns the first parameter with a name.
    fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        pairs
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns the page size.
    fn limit(&self, default: usize, largest: usize) -> Result<usize, Refusal> {
        let Some(limit) = self.get("limit") else {
            return Ok(default);
        };
        limit
            .parse()
            .ok()
            .filter(|limit| (1..=largest).contains(limit))
            .ok_or(Refusal::BAD_LIMIT)
    }
}

/// An error response: `service.StandardErrorRespModel` in Bitrise's specification.
struct Refusal {
    /// The status of the response.
    status: StatusCode,
    /// What the body says.
    message: &'static str,
    /// A header that belongs to the status.
    header: Option<(HeaderName, &'static str)>,
}

impl Refusal {
    /// The token is missing or wrong.
    const UNAUTHORIZED: Self = Self::new(StatusCode::UNAUTHORIZED, "Unauthorized");
    /// The app is there, and not for this token.
    const FORBIDDEN: Self = Self::new(StatusCode::FORBIDDEN, "Forbidden");
    /// There is no such route, app or pipeline, or it is hidden from this token.
    const NOT_FOUND: Self = Self::new(StatusCode::NOT_FOUND, "Not Found");
    /// The route is there for `GET` only.
    const METHOD_NOT_ALLOWED: Self = Self {
        status: StatusCode::METHOD_NOT_ALLOWED,
        message: "Method Not Allowed",
        header: Some((ALLOW, "GET")),
    };
    /// There were too many requests.
    const TOO_MANY_REQUESTS: Self = Self {
        status: StatusCode::TOO_MANY_REQUESTS,
        message: "Too Many Requests",
        header: Some((RETRY_AFTER, COME_BACK)),
    };
    /// The page size is not one.
    const BAD_LIMIT: Self = Self::new(StatusCode::BAD_REQUEST, "invalid limit");
    /// The page's first app is not in the list.
    const BAD_ANCHOR: Self = Self::new(StatusCode::BAD_REQUEST, "invalid next");
    /// The query is not UTF-8.
    const BAD_QUERY: Self = Self::new(StatusCode::BAD_REQUEST, "invalid query");

    /// Makes a refusal without a header of its own.
    const fn new(status: StatusCode, message: &'static str) -> Self {
        Self {
            status,
            message,
            header: None,
        }
    }
}

/// Renders a refusal.
fn refusal(refusal: &Refusal) -> FullResponse {
    let body = format!("{}\n", json!({"message": refusal.message}));
    let mut response = page(refusal.status, JSON, body);
    if let Some((name, value)) = &refusal.header {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

/// Renders a body of a content type.
fn page(status: StatusCode, kind: &'static str, body: impl Into<String>) -> FullResponse {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

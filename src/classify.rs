//! From what was seen to what it means: the step decides together with the status.
//!
//! Invariant: pure and total. Every [`Exchange`] has an answer, and nothing here waits, reads or
//! prints.

use crate::exchange::{Body, Exchange, Response, TransportErrorKind};
use crate::verdict::{Reason, Verdict};
use crate::wire::{AppPage, Document, PipelinePage};

/// States whether an app was in the token's list of apps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Listed {
    /// It was.
    Yes,
    /// The whole list was read, and it was not.
    No,
    /// It was not on the pages that were read, and there are more.
    NotYet,
}

/// States what follows from the answer to `GET /apps/{app-slug}/pipelines`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PipelinesStep {
    /// DX can read the app's pipelines.
    Readable(PipelinePage),
    /// It can't, or that could not be told.
    NotReadable(Reason),
    /// Bitrise answered 401 to a token that it had accepted: ask for the apps once more.
    RecheckToken,
}

/// Reads the answer to `GET /apps`.
///
/// # Errors
/// Returns the reason why the run can't go on; an empty list is one ([`Reason::NoApps`]).
pub fn apps(exchange: &Exchange) -> Result<AppPage, Reason> {
    match page_of_apps(exchange)? {
        page if page.apps.is_empty() => Err(Reason::NoApps),
        page => Ok(page),
    }
}

/// Reads the answer to `GET /apps` for a page after the first one, which may be empty.
///
/// # Errors
/// Returns the reason why the list can't be read on.
pub fn further_apps(exchange: &Exchange) -> Result<AppPage, Reason> {
    page_of_apps(exchange).map_err(|reason| {
        if reason == Reason::WrongBaseUrl {
            // The first page was there.
            Reason::UnexpectedStatus
        } else {
            reason
        }
    })
}

fn page_of_apps(exchange: &Exchange) -> Result<AppPage, Reason> {
    let response = response(exchange)?;
    match (response.status, &response.body) {
        (200, body) => json(body)?.apps().map_err(|_| Reason::UnexpectedResponse),
        (404, _) => Err(Reason::WrongBaseUrl),
        (401 | 403, Body::Html) => Err(Reason::Intercepted),
        (401, _) => Err(Reason::TokenRejected),
        (403, body) => Err(foreign_403(body).unwrap_or(Reason::AppsForbidden)),
        (status, _) => Err(any_step(status)),
    }
}

/// Reads the answer to `GET /apps/{app-slug}/pipelines`.
///
/// An empty list is readable: an app that was not built within the 200 days that Bitrise keeps
/// looks like that.
pub fn pipelines(exchange: &Exchange, listed: Listed) -> PipelinesStep {
    match read_pipelines(exchange) {
        Ok(page) => PipelinesStep::Readable(page),
        Err(Refusal::Unauthorized) => PipelinesStep::RecheckToken,
        Err(Refusal::Denied) => PipelinesStep::NotReadable(denied(listed)),
        Err(Refusal::Other(reason)) => PipelinesStep::NotReadable(reason),
    }
}

/// Reads the second answer to `GET /apps`, which was asked for because the pipelines answered
/// 401, and returns the reason why the app is not readable.
pub fn recheck(exchange: &Exchange, listed: Listed) -> Reason {
    match apps(exchange) {
        Ok(_) | Err(Reason::NoApps) => denied(listed),
        Err(Reason::TokenRejected) => Reason::TokenRejected,
        Err(reason) if reason.verdict() == Verdict::Inconclusive => reason,
        // Accepted, then 401, then 403: no rule covers that, so nobody is blamed.
        Err(_) => Reason::UnexpectedStatus,
    }
}

/// Reads the answer to `GET /apps/{app-slug}/pipelines/{pipeline-id}`.
///
/// # Errors
/// Returns the reason why the details are not readable.
pub fn details(exchange: &Exchange) -> Result<(), Reason> {
    let object = |body: &Body| {
        // The spec has a bare object here, without `data`; nothing in it is needed.
        if json(body)?.is_object() {
            Ok(())
        } else {
            Err(Reason::UnexpectedResponse)
        }
    };
    app_endpoint(exchange, object).map_err(|refusal| match refusal {
        Refusal::Unauthorized | Refusal::Denied => Reason::PipelineDetailsDenied,
        Refusal::Other(reason) => reason,
    })
}

/// States why an endpoint below an app did not answer as hoped.
enum Refusal {
    /// 401.
    Unauthorized,
    /// 403 or 404. Bitrise's spec has no 403 here but DX's page has; 404 is how Bitrise hides an
    /// app that a token may not see.
    Denied,
    /// Anything else.
    Other(Reason),
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self::Other(reason)
    }
}

fn read_pipelines(exchange: &Exchange) -> Result<PipelinePage, Refusal> {
    app_endpoint(exchange, |body| {
        json(body)?
            .pipelines()
            .map_err(|_| Reason::UnexpectedResponse)
    })
}

/// Reads the answer of an endpoint below one app; `on_success` reads the body of a 200.
fn app_endpoint<T>(
    exchange: &Exchange,
    on_success: impl FnOnce(&Body) -> Result<T, Reason>,
) -> Result<T, Refusal> {
    let response = response(exchange)?;
    match (response.status, &response.body) {
        (200, body) => Ok(on_success(body)?),
        // Bitrise's API has no pages of HTML or XML: this is somebody else's refusal.
        (401 | 403 | 404, Body::Html) => Err(Refusal::Other(Reason::Intercepted)),
        (401, _) => Err(Refusal::Unauthorized),
        (404, _) => Err(Refusal::Denied),
        (403, body) => Err(foreign_403(body).map_or(Refusal::Denied, Refusal::Other)),
        (status, _) => Err(Refusal::Other(any_step(status))),
    }
}

/// Returns what a 403 is where it is not known to be Bitrise's own: Bitrise puts its refusals into
/// a JSON object; a bare one is a firewall's or a proxy's, and one whose body broke off is nobody's.
const fn foreign_403(body: &Body) -> Option<Reason> {
    match body {
        Body::Json(document) if document.is_object() => None,
        Body::Cut(error) => Some(transport(&error.kind)),
        Body::Json(_) | Body::Empty | Body::Html | Body::Other | Body::TooLarge => {
            Some(Reason::Intercepted)
        }
    }
}

/// Returns the reason for a refused app.
pub const fn denied(listed: Listed) -> Reason {
    match listed {
        Listed::Yes | Listed::NotYet => Reason::PipelinesDenied,
        Listed::No => Reason::AppNotAccessible,
    }
}

/// Returns what a status means that has the same meaning at every step.
const fn any_step(status: u16) -> Reason {
    match status {
        429 => Reason::RateLimited,
        408 | 500..=599 => Reason::ServerError,
        300..=399 => Reason::Redirected,
        _ => Reason::UnexpectedStatus,
    }
}

/// Returns the JSON of a successful response, or what the response is instead.
fn json(body: &Body) -> Result<&Document, Reason> {
    match body {
        Body::Json(document) => Ok(document),
        Body::Cut(error) => Err(transport(&error.kind)),
        Body::TooLarge => Err(Reason::UnexpectedResponse),
        Body::Empty | Body::Html | Body::Other => Err(Reason::Intercepted),
    }
}

fn response(exchange: &Exchange) -> Result<&Response, Reason> {
    exchange
        .outcome
        .as_ref()
        .map_err(|error| transport(&error.kind))
}

const fn transport(kind: &TransportErrorKind) -> Reason {
    match kind {
        TransportErrorKind::Dns => Reason::DnsFailure,
        TransportErrorKind::NotLoopback
        | TransportErrorKind::Refused
        | TransportErrorKind::Closed
        | TransportErrorKind::ClosedInHandshake
        | TransportErrorKind::Unreachable(_)
        | TransportErrorKind::NotHttp
        | TransportErrorKind::HeadTooLarge
        | TransportErrorKind::Undecodable
        | TransportErrorKind::Unknown => Reason::ConnectionFailed,
        TransportErrorKind::Tls(_) => Reason::TlsFailure,
        TransportErrorKind::Proxy(_) => Reason::ProxyFailure,
        TransportErrorKind::ConnectTimeout | TransportErrorKind::Timeout => Reason::Timeout,
        TransportErrorKind::MaxTime => Reason::MaxTimeReached,
    }
}

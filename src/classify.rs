//! From what was seen to what it means: the step decides together with the status.
//!
//! Invariant: pure and total. Every [`Exchange`] has an answer, and nothing here waits, reads or
//! prints.

use crate::exchange::{Body, Exchange, FaultKind, Response, Stage, is_bitrise};
use crate::verdict::{Reason, Verdict};
use crate::wire::{AppPage, Document, Form, PipelinePage};

/// Reads the response to `GET /apps`.
///
/// # Errors
/// Returns the reason why the run can't go on; an empty list is one ([`Reason::NoApps`]). A page
/// without apps that promises or counts some is no empty list.
pub fn apps(exchange: &Exchange) -> Result<AppPage, Reason> {
    match page_of_apps(exchange)? {
        page if page.is_empty_list() => Err(Reason::NoApps),
        page if page.apps.is_empty() => Err(Reason::UnexpectedResponse),
        page => Ok(page),
    }
}

/// Reads the response to `GET /apps` for a page after the first one, which may be empty.
///
/// # Errors
/// Returns the reason why the list can't be read on.
pub fn further_apps(exchange: &Exchange) -> Result<AppPage, Reason> {
    page_of_apps(exchange).map_err(after_success)
}

/// Reads the second response to `GET /apps`, which was asked for because a later step answered
/// 401. Any list means that the token is still accepted.
///
/// # Errors
/// Returns [`Reason::TokenRejected`] if the token is not, and another reason, inconclusive, if
/// it is still unknown.
pub fn recheck(exchange: &Exchange) -> Result<(), Reason> {
    match page_of_apps(exchange).map_err(after_success) {
        Ok(_) => Ok(()),
        Err(Reason::TokenRejected) => Err(Reason::TokenRejected),
        Err(reason) if reason.verdict() == Verdict::Inconclusive => Err(reason),
        // Accepted, then 401, then 403: no rule covers that, so nobody is blamed.
        Err(_) => Err(Reason::UnexpectedStatus),
    }
}

/// Returns what a reason means once the first page was there: the base URL is right.
fn after_success(reason: Reason) -> Reason {
    if reason == Reason::WrongBaseUrl {
        Reason::UnexpectedStatus
    } else {
        reason
    }
}

fn page_of_apps(exchange: &Exchange) -> Result<AppPage, Reason> {
    let response = response(exchange)?;
    match response.status {
        Some(200) => json(&response.body)?
            .apps()
            .ok_or(Reason::UnexpectedResponse),
        Some(401) => Err(Reason::TokenRejected),
        Some(403) => Err(Reason::AppsForbidden),
        Some(404) => Err(Reason::WrongBaseUrl),
        status => Err(any_step(status)),
    }
}

/// Reads the response to `GET /apps/{app-slug}/pipelines`.
///
/// An empty list is readable: an app that was not built within the 200 days that Bitrise keeps
/// looks like that.
///
/// # Errors
/// Returns why DX can't read it by this response alone. [`Reason::TokenRejected`] is open: Bitrise
/// answered 401 to a token that it had accepted, so the list of apps is to be asked for once more.
pub fn pipelines(exchange: &Exchange) -> Result<PipelinePage, Reason> {
    let document = below_app(exchange, Reason::PipelinesDenied)?;
    document.pipelines().ok_or(Reason::UnexpectedResponse)
}

/// Reads the response to `GET /apps/{app-slug}/pipelines/{pipeline-id}`.
///
/// # Errors
/// Returns why DX can't read it, as [`pipelines`] does.
pub fn details(exchange: &Exchange) -> Result<(), Reason> {
    let document = below_app(exchange, Reason::PipelineDetailsDenied)?;
    // The spec has a bare object here, without `data`; nothing in it is needed.
    let is_one_thing = document.form == Form::Object && document.list.is_none();
    is_one_thing.then_some(()).ok_or(Reason::UnexpectedResponse)
}

/// Returns the JSON that an endpoint below one app answered: `denied` is what its 403 and 404 mean.
///
/// Bitrise's spec has no 403 here but DX's page has; 404 is how Bitrise hides an app that a token
/// may not see.
fn below_app(exchange: &Exchange, denied: Reason) -> Result<&Document, Reason> {
    let response = response(exchange)?;
    match response.status {
        Some(200) => json(&response.body),
        Some(401) => Err(Reason::TokenRejected),
        Some(403 | 404) => Err(denied),
        status => Err(any_step(status)),
    }
}

/// Returns what a 401, 403 or 404, or a page without a status, is if it is not known to be Bitrise's
/// own refusal.
///
/// Bitrise's API puts its refusals into a JSON object that says something, and has no pages of
/// markup; a bare 403 is a firewall's or a proxy's, and one whose body broke off is nobody's. Of a
/// 401 or 404 less may be known: its body may be empty or cut. An inspecting gateway can answer as
/// `*.bitrise.io`, too, but from there other JSON counts, unless it has a structure under `error`,
/// and the status's own word.
fn not_bitrises_refusal(exchange: &Exchange, response: &Response) -> Option<Reason> {
    let status = match (response.status, &response.body) {
        (Some(status @ (401 | 403 | 404)), _) => status,
        // A page is none of Bitrise's, whatever its status, which a pasted text need not show.
        (None, Body::Html) => return Some(Reason::Intercepted),
        _ => return None,
    };
    if response.is_rate_limit() {
        return Some(Reason::RateLimited);
    }
    let says_so =
        matches!(&response.body, Body::Json(document) if document.form == Form::BitriseError);
    let may_be_less = status != 403 && is_bitrise(&exchange.url);
    let counts = match &response.body {
        Body::Json(document) => says_so || (may_be_less && document.form != Form::NestedError),
        Body::Word => may_be_less,
        Body::Empty => status != 403,
        Body::Cut(fault) if status == 403 => return Some(transport(fault.kind)),
        Body::Cut(_) => true,
        Body::Html | Body::Other | Body::TooLarge => false,
    };
    let is_other_login = status == 401 && response.asks_login && !says_so;
    (!counts || is_other_login).then_some(Reason::Intercepted)
}

/// Returns the reason for a refused app: whether the token's list of apps holds it decides.
pub const fn denied(is_listed: Option<bool>) -> Reason {
    match is_listed {
        Some(true) | None => Reason::PipelinesDenied,
        Some(false) => Reason::AppNotAccessible,
    }
}

/// Returns what a status means that has the same meaning at every step.
const fn any_step(status: Option<u16>) -> Reason {
    match status {
        Some(429) => Reason::RateLimited,
        Some(408 | 500..=599) => Reason::ServerError,
        Some(300..=399) => Reason::Redirected,
        _ => Reason::UnexpectedStatus,
    }
}

/// Returns the JSON of a successful response, or what the response is instead.
fn json(body: &Body) -> Result<&Document, Reason> {
    match body {
        Body::Json(document) => Ok(document),
        Body::Cut(error) => Err(transport(error.kind)),
        Body::TooLarge => Err(Reason::UnexpectedResponse),
        Body::Empty | Body::Html | Body::Word | Body::Other => Err(Reason::Intercepted),
    }
}

/// Returns the response, unless there is none or it is not Bitrise's own.
fn response(exchange: &Exchange) -> Result<&Response, Reason> {
    let response = { exchange.outcome.as_ref() }.map_err(|fault| transport(fault.kind))?;
    not_bitrises_refusal(exchange, response).map_or(Ok(response), Err)
}

pub(crate) fn transport(kind: FaultKind) -> Reason {
    match (kind, kind.stage()) {
        (FaultKind::ConnectTimeout | FaultKind::Timeout, _) => Reason::Timeout,
        (FaultKind::MaxTime, _) => Reason::MaxTimeReached,
        (FaultKind::NotLoopback | FaultKind::ClosedInHandshake, _)
        | (_, Stage::Connection | Stage::Response | Stage::Unknown) => Reason::ConnectionFailed,
        (_, Stage::Lookup) => Reason::DnsFailure,
        (_, Stage::Handshake) => Reason::TlsFailure,
        (
            _,
            Stage::ProxyLookup | Stage::ProxyConnection | Stage::ProxyHandshake | Stage::Tunnel,
        ) => Reason::ProxyFailure,
    }
}

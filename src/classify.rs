//! From what was seen to what it means: the step decides together with the status.
//!
//! Invariant: pure and total. Every [`Exchange`] has an answer, and nothing here waits, reads or
//! prints.

use crate::check::CheckId;
use crate::exchange::{Body, Exchange, FaultKind, Response, Stage, is_bitrise};
use crate::verdict::{Reason, Verdict};
use crate::wire::{AppPage, Document, Form, PipelinePage};

/// Reads the response to `GET /apps`, for the first page or one after it. Such a page may be empty,
/// and since the first one was there, the base URL is right.
///
/// # Errors
/// Returns the reason why the run can't go on, or the list can't be read on; an empty list is one
/// ([`Reason::NoApps`]). A first page without apps that promises or counts some is no empty list.
pub fn apps(exchange: &Exchange, is_first: bool) -> Result<AppPage, Reason> {
    let not_found = if is_first {
        Reason::WrongBaseUrl
    } else {
        Reason::UnexpectedStatus
    };
    let document = document(exchange, Reason::AppsForbidden, not_found)?;
    match document.apps().ok_or(Reason::UnexpectedResponse)? {
        page if !is_first || !page.apps.is_empty() => Ok(page),
        AppPage {
            has_more: false,
            counted: None | Some(0),
            ..
        } => Err(Reason::NoApps),
        _ => Err(Reason::UnexpectedResponse),
    }
}

/// Reads the response of an endpoint below one app: `GET /apps/{app-slug}/pipelines`, or of one of its
/// runs, of which nothing is needed.
///
/// Bitrise's spec has no 403 here but DX's page has; 404 is how Bitrise hides an app that a token
/// may not see. An empty list is readable: an app that was not built within the 200 days that
/// Bitrise keeps looks like that.
///
/// # Errors
/// Returns why DX can't read it by this response alone. [`Reason::TokenRejected`] is open: Bitrise
/// answered 401 to a token that it had accepted, so the list of apps is to be asked for once more.
pub fn below_app(id: CheckId, exchange: &Exchange) -> Result<PipelinePage, Reason> {
    let denied = id.denied(None);
    let document = document(exchange, denied, denied)?;
    let page = match id {
        // The spec has a bare object here, without `data`.
        CheckId::PipelinesShow => {
            (document.form == Form::Object && document.list.is_none()).then(PipelinePage::default)
        }
        _ => document.pipelines(),
    };
    page.ok_or(Reason::UnexpectedResponse)
}

/// Returns what the response to the request of a check means, by itself.
///
/// # Errors
/// Returns why the check is not passed.
pub fn told(id: CheckId, exchange: &Exchange) -> Result<(), Reason> {
    match id {
        CheckId::TokenFormat => Ok(()),
        CheckId::AppsList => apps(exchange, true).map(|_| ()),
        // The list is asked for once more if a later step answered 401. Any list means that the token
        // is still accepted.
        CheckId::AppsRecheck => match apps(exchange, false) {
            Ok(_) => Ok(()),
            Err(Reason::TokenRejected) => Err(Reason::TokenRejected),
            Err(reason) if reason.verdict() == Verdict::Inconclusive => Err(reason),
            // Accepted, then 401, then 403: no rule covers that, so nobody is blamed.
            Err(_) => Err(Reason::UnexpectedStatus),
        },
        CheckId::PipelinesList | CheckId::PipelinesShow => below_app(id, exchange).map(|_| ()),
    }
}

/// Returns the JSON of a successful response, or what the response is instead: `forbidden` is what a
/// 403 of Bitrise's means at this step, and `not_found` a 404.
fn document(
    exchange: &Exchange,
    forbidden: Reason,
    not_found: Reason,
) -> Result<&Document, Reason> {
    let response = { exchange.outcome.as_ref() }.map_err(|fault| transport(fault.kind))?;
    if let Some(reason) = not_bitrises_refusal(exchange, response) {
        return Err(reason);
    }
    match (response.status, &response.body) {
        (Some(200), Body::Json(document)) => Ok(document),
        (Some(200), Body::Cut(fault)) => Err(transport(fault.kind)),
        (Some(200), Body::TooLarge) => Err(Reason::UnexpectedResponse),
        (Some(200), Body::Empty | Body::Html | Body::Word | Body::Other) => {
            Err(Reason::Intercepted)
        }
        (Some(401), _) => Err(Reason::TokenRejected),
        (Some(403), _) => Err(forbidden),
        (Some(404), _) => Err(not_found),
        (Some(429), _) => Err(Reason::RateLimited),
        (Some(408 | 500..=599), _) => Err(Reason::ServerError),
        (Some(300..=399), _) => Err(Reason::Redirected),
        _ => Err(Reason::UnexpectedStatus),
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

/// Returns what a fault of transport means.
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

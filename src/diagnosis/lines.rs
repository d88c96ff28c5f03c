//! A line for each check and for each request.

use super::facts::Facts;
use super::reproduce::curl;
use super::sentence::{said, say};
use super::values::words_of;
use super::{CheckLine, RequestLine, millis};
use crate::check::{Check, CheckResult};
use crate::exchange::{Exchange, METHOD};

/// Returns the line of a check.
pub(super) fn check<'a>(check: &'a Check, facts: &Facts<'a>) -> CheckLine {
    let facts = Facts {
        check: Some(check),
        exchange: check.exchange.as_ref(),
        app: check.app.as_ref(),
        ..facts.clone()
    };
    let exchange = check.exchange.as_ref();
    CheckLine {
        id: check.id,
        status: check.result.status(),
        reason: check.result.reason(),
        was_asked_for: check.result != CheckResult::Skipped || facts.has_no_run(),
        text: say("check_line", &facts),
        app: check.app.clone(),
        request: exchange.map(|exchange| request(exchange, &facts)),
    }
}

/// Returns the line of a request.
fn request(exchange: &Exchange, facts: &Facts) -> RequestLine {
    let response = exchange.response();
    RequestLine {
        method: METHOD.into(),
        url: exchange.url.clone(),
        status: exchange.status(),
        http_version: response.and_then(|response| response.http_version.clone()),
        remote_address: exchange.remote_address,
        retry_after_s: exchange.retry_after.map(|wait| wait.as_secs()),
        location: response.and_then(|response| response.location_host.clone()),
        fault: exchange.fault().cloned(),
        duration_ms: (!facts.is_told()).then(|| millis(exchange.elapsed)),
        attempts: exchange.attempts,
        request_id: response.and_then(|response| response.request_id.clone()),
        api_message: words_of(exchange).cloned(),
        responder: facts.foreign_responder().cloned(),
        outcome: say("outcome", facts),
        failure_point: said("failure_point", facts),
        command: curl(&exchange.url, facts),
    }
}

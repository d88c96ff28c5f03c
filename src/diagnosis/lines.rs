//! A line for each check, with its request.

use super::facts::{Facts, SLUG};
use super::reproduce::curl;
use super::sentence::{said, say};
use super::values::{millis, words_of};
use super::{CheckLine, RequestLine};
use crate::check::{Check, CheckId};
use crate::exchange::METHOD;

/// Returns the line of a check.
pub(super) fn check<'a>(check: &'a Check, facts: &Facts<'a>) -> CheckLine {
    let facts = Facts {
        check: Some(check),
        exchange: check.exchange.as_ref(),
        app: check.app.as_ref(),
        ..facts.clone()
    };
    let base_url = facts.report.and_then(|run| run.target.base_url.as_ref());
    let request = check.exchange.as_ref().map(|exchange| {
        let response = exchange.response();
        let path = match (check.id, &check.app) {
            // Only a text that shows no address leaves it at that of all requests.
            _ if base_url != Some(&exchange.url) => String::new(),
            (CheckId::AppsList, _) => "/apps?limit=1".to_owned(),
            (_, Some(app)) => format!("/apps/{}/pipelines?limit=1", *app.slug),
            (_, None) => format!("/apps/{SLUG}/pipelines?limit=1"),
        };
        RequestLine {
            method: METHOD.into(),
            url: exchange.url.clone(),
            status: exchange.status(),
            http_version: response.and_then(|response| response.http_version.clone()),
            remote_address: exchange.remote_address,
            retry_after_s: exchange.retry_after.map(|wait| wait.as_secs()),
            location: response.and_then(|response| response.location_host.clone()),
            fault: exchange.fault().cloned(),
            duration_ms: (!facts.is_told).then(|| millis(exchange.elapsed)),
            attempts: exchange.attempts,
            request_id: response.and_then(|response| response.request_id.clone()),
            api_message: words_of(exchange).cloned(),
            responder: facts.foreign_responder().cloned(),
            outcome: say("outcome", &facts),
            failure_point: said("failure_point", &facts),
            command: curl(&format!("{}{path}", exchange.url), &facts),
        }
    });
    CheckLine {
        id: check.id,
        status: check.status(),
        reason: check.result.and_then(Result::err),
        text: say("check_line", &facts),
        app: check.app.clone(),
        request,
    }
}

//! A line for each check and for each request.

use super::facts::{Facts, host_of, workspaces_of};
use super::reproduce::Reproduce;
use super::sentence::fill;
use super::values::{app, apps, in_workspaces, names, tls};
use super::{CheckLine, RequestLine};
use crate::app::App;
use crate::check::{Check, CheckId, CheckResult, Finding, ListEnd, Status};
use crate::exchange::{Exchange, Fault, FaultKind, Header, METHOD, Stage};
use crate::report::{AppResult, EvidenceKind, Target, tallies};
use crate::text::{Text, Untrusted};
use crate::token::TokenKind;
use crate::verdict::{Reason, Verdict};
use std::borrow::Cow;
use std::time::Duration;

/// Returns a check as a heading.
pub const fn check_title(id: CheckId) -> &'static str {
    match id {
        CheckId::TokenFormat => "Token format",
        CheckId::AppsList => "List apps",
        CheckId::AppsRecheck => "Token again",
        CheckId::PipelinesList => "Read pipelines",
        CheckId::PipelinesShow => "Read one run",
    }
}

/// Returns the line of a check.
pub(super) fn check(check: &Check, facts: &Facts, target: &Target, how: &Reproduce) -> CheckLine {
    CheckLine {
        id: check.id,
        status: check.result.status(),
        reason: check.result.reason(),
        was_asked_for: check.result != CheckResult::Skipped || has_no_run(check, facts),
        text: text(check, facts),
        app: check.app.clone(),
        request: check
            .exchange
            .as_ref()
            .map(|exchange| request(check.id, exchange, facts, target, how)),
    }
}

fn text(check: &Check, facts: &Facts) -> Text {
    let is_pasted = facts.evidence == EvidenceKind::Pasted;
    let apps = facts.report.map_or(&[][..], |report| &report.apps);
    let is_below_app = matches!(check.id, CheckId::PipelinesList | CheckId::PipelinesShow);
    match check.result {
        CheckResult::Skipped if check.id == CheckId::PipelinesShow && !facts.has_details => {
            Text::from("skipped (")
                .command("--pipeline-details")
                .own(")")
        }
        CheckResult::Skipped if has_no_run(check, facts) => {
            "skipped: no pipeline among the latest runs".into()
        }
        CheckResult::Skipped if is_pasted => "not shown in the text".into(),
        CheckResult::Skipped => "skipped".into(),
        _ if is_below_app && apps.len() > 1 && !is_pasted => tally(check.id, apps),
        CheckResult::Pass => passed(check, facts),
        CheckResult::NotPassed(reason) => not_passed(check, reason, facts),
    }
}

/// Tells whether a check of pipeline runs was not made since there is none to look at.
fn has_no_run(check: &Check, facts: &Facts) -> bool {
    let mut apps = facts.report.iter().flat_map(|report| &report.apps);
    check.id == CheckId::PipelinesShow && apps.any(|app| app.details == Some(Status::Skip))
}

fn passed(check: &Check, facts: &Facts) -> Text {
    match check.finding {
        Finding::Apps {
            total,
            listed,
            end: None,
        } => {
            let count = total.map_or_else(|| format!("more than {}", apps(listed as u64)), apps);
            let text = Text::from(count);
            let is_whole = total == Some(facts.sample.len() as u64);
            let is_personal = facts.sample.iter().all(|app| app.is_owned_by_user);
            let is_all = is_whole || facts.kind == Some(TokenKind::Workspace);
            let workspaces = workspaces_of(facts.sample);
            let text = match workspaces.as_slice() {
                [_, _, ..] if !is_whole => text.own(" in several workspaces"),
                // A person's account is no workspace; only a workspace token sees one alone.
                [_] if is_personal || !is_all => text,
                all => text.then(in_workspaces(all)),
            };
            if facts.sample.is_empty() {
                return text;
            }
            text.own(": ").then(names(facts.sample, total))
        }
        Finding::Runs(runs) => {
            let text = subject(check).own(if runs == 0 {
                ": readable; no run in the 200 days that Bitrise keeps, which is fine"
            } else {
                ": readable"
            });
            text.then(peculiar(check.app.as_ref(), facts))
        }
        Finding::Nothing | Finding::Malformed(_) | Finding::Apps { .. } => match check.id {
            CheckId::AppsRecheck => fill(
                "{bitrise} still accepts the token for the list of apps",
                facts,
            ),
            CheckId::PipelinesShow => subject(check).own(": one run read"),
            CheckId::TokenFormat if facts.kind == Some(TokenKind::Unknown) => {
                "no known prefix; only tokens from before November 2024 have none".into()
            }
            CheckId::TokenFormat => fill("{kind}", facts),
            CheckId::AppsList | CheckId::PipelinesList => "passed".into(),
        },
    }
}

fn not_passed(check: &Check, reason: Reason, facts: &Facts) -> Text {
    let mut text = match check.finding {
        Finding::Malformed(error) => return error.to_string().into(),
        Finding::Apps {
            listed,
            end: Some(end),
            ..
        } => {
            let text = Text::from(format!("{}, then ", apps(listed as u64)));
            match end {
                ListEnd::PageFailed => text,
                ListEnd::Circular => return text.own("the pages lead back to where they were"),
                ListEnd::Endless => return text.own("more pages than any account has"),
                ListEnd::NotWhole => {
                    return text.own("no more, though the list counts or promises more");
                }
            }
        }
        Finding::Nothing | Finding::Apps { .. } | Finding::Runs(_) => Text::default(),
    };
    if check.app.is_some() {
        text = text.then(subject(check)).own(": ");
    }
    if reason == Reason::NoApps {
        return text.own("no apps (200)");
    }
    let text = match check.exchange.as_ref() {
        Some(exchange) => text.then(seen(exchange)),
        None if reason == Reason::EvidenceIncomplete => match facts.seen_of_no_step() {
            Some(seen) => text.then(seen).own(", of one of DX's two commands"),
            None => text.own("can't be told from the text"),
        },
        None => text.own(reason.as_str().replace('_', " ")),
    };
    let location = check.exchange.as_ref().and_then(Exchange::response);
    let location = location.and_then(|response| response.location_host.as_ref());
    let text = match location.filter(|_| reason == Reason::Redirected) {
        Some(host) => text.own(", a redirect to ").foreign(host),
        None if reason == Reason::UnexpectedResponse => {
            text.own(", but not what Bitrise's API gives")
        }
        None => text,
    };
    let status = check.exchange.as_ref().and_then(Exchange::status);
    let text = if status == Some(401) && reason.verdict() == Verdict::InvalidPermissions {
        text.own("; asked again, ").then(fill(
            "{bitrise} still accepts the token for the list of apps",
            facts,
        ))
    } else {
        text
    };
    text.then(peculiar(check.app.as_ref(), facts))
}

/// Returns what is peculiar of an app: it is disabled, or a person's.
fn peculiar(app: Option<&App>, facts: &Facts) -> Text {
    let Some(app) = app else {
        return Text::default();
    };
    let mut text = Text::default();
    if app.is_disabled {
        text = text.own("; the app is disabled on Bitrise");
    }
    if app.is_owned_by_user && facts.kind != Some(TokenKind::Workspace) {
        text = text.own("; it belongs to a person's account");
        if let Some(name) = &app.workspace {
            text = text.own(" (").foreign(name).own(")");
        }
    }
    text
}

fn subject(check: &Check) -> Text {
    let one = check.app.as_ref();
    one.map_or_else(|| "the app".into(), app)
}

fn tally(id: CheckId, of: &[AppResult]) -> Text {
    let (pipelines, details) = tallies(of);
    let is_list = id == CheckId::PipelinesList;
    let counts = if is_list { pipelines } else { details };
    let parts = [
        (counts.readable, "readable"),
        (counts.denied, "refused"),
        (counts.unknown, "could not be told"),
        (counts.skipped, "skipped"),
        (counts.not_reached, "not reached"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    format!("{}: {}", apps(counts.apps() as u64), parts.join(", ")).into()
}

/// Returns what came back, in a few words.
fn seen(exchange: &Exchange) -> Text {
    let mut text = Text::default();
    if let Some(response) = exchange.response() {
        let status = response.status;
        text = text.own(status.map_or_else(String::new, |status| status.to_string()));
        let between = if status.is_some() { ", " } else { "" };
        if let Some(words) = words(exchange) {
            let space = if status.is_some() { " " } else { "" };
            text = text.own(space).own("“").foreign(words).own("”");
        } else if let Some(title) = &response.responder.title {
            text = text
                .own(between)
                .own("a web page: “")
                .foreign(title)
                .own("”");
        } else if status.is_none() {
            text = text.own("no status shown");
        }
    }
    match exchange.fault() {
        Some(error) if text.spans().is_empty() => fault(error),
        Some(error) => text.own(", ").then(fault(error)),
        None => text,
    }
}

/// Returns what the server says of its refusal, in its own words.
fn words(exchange: &Exchange) -> Option<&Untrusted> {
    let response = exchange.response()?;
    let words = response.message().or(response.challenge.as_ref());
    words.filter(|_| response.status != Some(200))
}

/// Returns why there was no complete response.
fn fault(fault: &Fault) -> Text {
    match fault.kind {
        FaultKind::ProxyTls => Text::from(format!("{}: ", fault.kind.sentence())).then(tls(fault)),
        _ if fault.tls().is_some() => tls(fault),
        _ => fault.to_string().into(),
    }
}

/// Returns the line of a request.
fn request(
    id: CheckId,
    exchange: &Exchange,
    facts: &Facts,
    target: &Target,
    how: &Reproduce,
) -> RequestLine {
    let response = exchange.response();
    let is_live = facts.evidence == EvidenceKind::Live;
    let is_foreign = facts.reason.is_some_and(is_foreign)
        && response
            .is_some_and(|response| response.status != Some(200) || response.message().is_none());
    let responder = response
        .map(|response| &response.responder)
        .filter(|responder| {
            is_foreign && (responder.title.is_some() || !responder.headers.is_empty())
        });
    RequestLine {
        method: METHOD.into(),
        url: exchange.url.clone(),
        status: response.and_then(|response| response.status),
        http_version: response
            .and_then(|response| response.http_version)
            .map(Cow::Borrowed),
        remote_address: exchange.remote_address,
        retry_after: exchange.retry_after,
        location: response.and_then(|response| response.location_host.clone()),
        fault: exchange.fault().cloned(),
        elapsed: is_live.then_some(exchange.elapsed),
        attempts: exchange.attempts,
        request_id: response.and_then(|response| response.request_id.clone()),
        api_message: words(exchange).cloned(),
        responder: responder.cloned(),
        outcome: match response.and_then(|response| response.status) {
            // The server's words stand in the check.
            Some(status) if facts.evidence == EvidenceKind::Pasted && responder.is_none() => {
                let is_told = facts.is_told_by_body(id, &exchange.url);
                let by = if is_told { ", told by the body" } else { "" };
                format!("{status}{by}").into()
            }
            _ => outcome(exchange, responder),
        },
        failure_point: failure_point(target, exchange),
        command: how.curl(&exchange.url),
    }
}

/// Tells whether a reason makes it worth knowing who answered.
const fn is_foreign(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Intercepted
            | Reason::WrongBaseUrl
            | Reason::Redirected
            | Reason::ServerError
            | Reason::UnexpectedResponse
            | Reason::UnexpectedStatus
            | Reason::AppsForbidden
    )
}

/// Returns what became of a request in a few words.
fn outcome(exchange: &Exchange, responder: Option<&crate::exchange::Responder>) -> Text {
    let mut text = seen(exchange);
    let mut add = |part: Text| {
        let before = std::mem::take(&mut text);
        text = before.own(" · ").then(part);
    };
    if exchange.attempts > 1 {
        add(format!("{} attempts", exchange.attempts).into());
    }
    if let Some(wait) = exchange.retry_after {
        add(format!("asks to wait {}", span(wait)).into());
    }
    let response = exchange.response();
    if let Some(id) = response.and_then(|response| response.request_id.as_ref()) {
        add(Text::from("request ").foreign(id));
    }
    for Header { name, value } in responder.iter().flat_map(|responder| &responder.headers) {
        add(Text::from(format!("{name}: ")).foreign(value));
    }
    text
}

/// Returns a span of time as people would write it.
pub fn span(duration: Duration) -> String {
    match duration.as_millis() {
        ms @ 0..1000 => format!("{ms} ms"),
        ms @ 1000..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string(),
    }
}

/// Returns where on the way from this machine a request failed, or nothing if the response came
/// whole or the place can't be told.
fn failure_point(target: &Target, exchange: &Exchange) -> Option<Text> {
    let error = exchange.fault()?;
    let host = host_of(&exchange.url)?;
    let proxy = target.proxy.as_deref();
    let text = Text::from("failed at: ");
    let of_host = |text: Text| text.command(host.clone());
    let of_proxy = |text: Text| match proxy {
        Some(proxy) => text.own("the proxy ").command(proxy),
        None => text.own("the proxy"),
    };
    let text = match error.kind.stage() {
        Stage::Lookup => of_host(text.own("the look-up of ")),
        Stage::ProxyLookup => of_proxy(text.own("the look-up of ")),
        Stage::ProxyConnection => of_proxy(text.own("the connection to ")),
        Stage::ProxyHandshake => of_proxy(text.own("the TLS handshake with ")),
        Stage::Tunnel => of_host(of_proxy(text).own(", asked to connect to ")),
        Stage::Connection => match proxy {
            Some(_) => of_proxy(text.own("the connection to or behind ")),
            None => of_host(text.own("the connection to ")),
        },
        Stage::Handshake => of_host(text.own("the TLS handshake with ")),
        Stage::Response => {
            return Some(of_host(text.own("the response of ")).own("; the request was sent"));
        }
        Stage::Unknown => return None,
    };
    let text = match exchange.remote_address {
        Some(address) if proxy.is_none() => text.own(format!(" ({})", address.ip())),
        Some(_) | None => text,
    };
    Some(text.own("; the token was not sent"))
}

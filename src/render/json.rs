//! The JSON report: its own types, so that inner changes can't change what scripts read.
//!
//! Every key is always there; what is not known is null or an empty list. Within version 1,
//! keys and values are only ever added.

use crate::app::App;
use crate::check::Check;
use crate::exchange::{Exchange, METHOD};
use crate::guide::{self, story};
use crate::report::{AppResult, Report};
use crate::text::Untrusted;
use serde::{Serialize, Serializer};
use std::time::Duration;

const SCHEMA_VERSION: &str = "1.0";

#[derive(Serialize)]
struct Document<'a> {
    schema_version: &'static str,
    verdict: &'static str,
    dx_error: Option<&'static str>,
    reason: Option<&'static str>,
    message: String,
    exit_code: u8,
    retryable: bool,
    retry_after_s: Option<u64>,
    tool: Tool,
    checked_at: String,
    duration_ms: u64,
    target: Target<'a>,
    token: Token,
    checks: Vec<CheckEntry<'a>>,
    apps: Apps<'a>,
    warnings: Vec<Warning>,
    remediation: &'static [&'static str],
    support: &'static [&'static str],
    docs_url: &'static str,
    reproduce: Vec<String>,
    not_proven: Vec<String>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Target<'a> {
    base_url: Option<&'a str>,
    proxy: Option<&'a str>,
    sandbox: Option<&'static str>,
}

#[derive(Serialize)]
struct Token {
    kind: Option<&'static str>,
    source: Option<&'static str>,
}

#[derive(Serialize)]
struct CheckEntry<'a> {
    id: &'static str,
    status: &'static str,
    reason: Option<&'static str>,
    message: String,
    app: Option<AppEntry>,
    request: Option<Request<'a>>,
}

#[derive(Serialize)]
struct AppEntry {
    slug: String,
    title: Option<String>,
    workspace: Option<String>,
}

#[derive(Serialize)]
struct Request<'a> {
    method: &'static str,
    url: &'a str,
    http_status: Option<u16>,
    http_version: Option<&'static str>,
    duration_ms: u64,
    attempts: u32,
    #[expect(clippy::struct_field_names, reason = "the key's name is promised")]
    request_id: Option<String>,
    api_message: Option<String>,
}

#[derive(Serialize)]
struct Apps<'a> {
    total: Option<u64>,
    checked: u64,
    readable: u64,
    denied: u64,
    unknown: u64,
    not_reached: u64,
    #[serde(serialize_with = "items")]
    items: &'a [AppResult],
}

#[derive(Serialize)]
struct AppItem {
    #[serde(flatten)]
    app: AppEntry,
    status: &'static str,
    reason: Option<&'static str>,
    http_status: Option<u16>,
    pipelines: Option<&'static str>,
    details: Option<&'static str>,
}

/// Writes the apps one by one, so that there is no second list of them in memory.
fn items<S: Serializer>(results: &[AppResult], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(results.iter().map(app_item))
}

#[derive(Serialize)]
struct Warning {
    code: &'static str,
    message: &'static str,
}

pub(super) fn render(report: &Report) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(&document(report))?;
    text.push('\n');
    Ok(text)
}

fn document(report: &Report) -> Document<'_> {
    let verdict = report.verdict();
    let coverage = report.coverage();
    let warnings = report.warnings().into_iter();
    Document {
        schema_version: SCHEMA_VERSION,
        verdict: verdict.as_str(),
        dx_error: verdict.dx_error(),
        reason: report.reason().map(crate::verdict::Reason::as_str),
        message: story::message(report),
        exit_code: report.exit_code(),
        retryable: report.is_retryable(),
        retry_after_s: report.retry_after().map(|wait| wait.as_secs()),
        tool: Tool {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
        },
        checked_at: humantime::format_rfc3339_seconds(report.checked_at).to_string(),
        duration_ms: millis(report.duration),
        target: Target {
            base_url: report.target.base_url.as_deref(),
            proxy: report.target.proxy.as_deref(),
            sandbox: report
                .target
                .sandbox
                .as_ref()
                .map(|sandbox| sandbox.scenario),
        },
        token: Token {
            kind: report.token.kind.map(crate::token::TokenKind::as_str),
            source: report.token.source.map(crate::report::TokenSource::as_str),
        },
        checks: report.checks.iter().map(check_entry).collect(),
        apps: Apps {
            total: coverage.total,
            checked: coverage.checked,
            readable: coverage.readable,
            denied: coverage.denied,
            unknown: coverage.unknown,
            not_reached: coverage.not_reached,
            items: &report.apps,
        },
        warnings: warnings
            .map(|warning| Warning {
                code: warning.as_str(),
                message: story::warning(warning),
            })
            .collect(),
        remediation: story::remediation(report),
        support: story::support(report),
        docs_url: guide::DX_PAGE,
        reproduce: story::reproduce(report),
        not_proven: story::not_proven(report),
    }
}

fn check_entry(check: &Check) -> CheckEntry<'_> {
    CheckEntry {
        id: check.id.as_str(),
        status: check.result.status().as_str(),
        reason: check.result.reason().map(crate::verdict::Reason::as_str),
        message: story::check_message(check),
        app: check.app.as_ref().map(app_entry),
        request: check.exchange.as_ref().map(request),
    }
}

fn app_entry(app: &App) -> AppEntry {
    AppEntry {
        slug: app.slug.to_string(),
        title: app.title.as_ref().map(Untrusted::to_string),
        workspace: app.workspace.as_ref().map(Untrusted::to_string),
    }
}

fn app_item(result: &AppResult) -> AppItem {
    AppItem {
        app: app_entry(&result.app),
        status: result.state.as_str(),
        reason: result.reason.map(crate::verdict::Reason::as_str),
        http_status: result.http_status,
        pipelines: result.runs.map(crate::report::Runs::as_str),
        details: result.details.map(crate::check::Status::as_str),
    }
}

fn request(exchange: &Exchange) -> Request<'_> {
    let response = exchange.response();
    Request {
        method: METHOD,
        url: &exchange.url,
        http_status: response.map(|response| response.status),
        http_version: response.and_then(|response| response.http_version),
        duration_ms: millis(exchange.elapsed),
        attempts: exchange.attempts,
        request_id: response
            .and_then(|response| response.request_id.as_ref())
            .map(Untrusted::to_string),
        api_message: response
            .and_then(|response| response.message())
            .map(Untrusted::to_string),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

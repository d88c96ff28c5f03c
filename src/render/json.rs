//! The JSON report: its own types, so that inner changes can't change what scripts read.
//!
//! Every key is always there; what is not known is null or an empty list. Within version 1,
//! keys and values are only ever added. It holds the whole diagnosis, so that [`super::read`] can
//! make the same one of it again.

use super::{millis, rfc3339};
use crate::app::App;
use crate::check::Status;
use crate::diagnosis::{CheckLine, Diagnosis, RequestLine, Responder, Who, Workspace};
use crate::exchange::METHOD;
use crate::report::{AppResult, Coverage, Runs, TokenSource};
use crate::text::{Text, Untrusted};
use crate::token::TokenKind;
use crate::verdict::Reason;
use serde::ser::{Error as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;
use serde_json::value::RawValue;
use std::fmt::Display;
use std::io::{self, Write};

pub(super) const SCHEMA_VERSION: &str = "1.0";

/// The program's name, as the report has it.
pub(super) const NAME: &str = env!("CARGO_PKG_NAME");

#[derive(Serialize)]
struct Document<'a> {
    schema_version: &'static str,
    verdict: &'static str,
    dx_error: Option<&'static str>,
    reason: Option<&'static str>,
    message: Shown<&'a Text>,
    remarks: Vec<Shown<&'a Text>>,
    exit_code: u8,
    retryable: bool,
    retry_after_s: Option<u64>,
    who: Option<&'static str>,
    who_message: Option<Shown<&'a Text>>,
    dx_message: Option<Shown<&'a Text>>,
    actions: Vec<Shown<&'a Text>>,
    causes: Vec<Shown<&'a Text>>,
    causes_note: Option<&'a str>,
    evidence: &'static str,
    tool: Tool<'a>,
    checked_at: String,
    duration_ms: Option<u64>,
    target: Target<'a>,
    token: Token<'a>,
    checks: Vec<Check<'a>>,
    apps: Apps<'a>,
    warnings: Vec<Warning<'a>>,
    docs_url: &'static str,
    links: Vec<&'a str>,
    reproduce: &'a [String],
    not_checked: Vec<Shown<&'a Text>>,
    if_dx_refuses: Vec<Shown<&'a Text>>,
    support: Vec<Shown<&'a Text>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'static str,
    version: &'a str,
    commit: Option<&'a str>,
    target: Option<&'a str>,
}

#[derive(Serialize)]
struct Target<'a> {
    base_url: Option<&'a str>,
    is_bitrise: bool,
    proxy: Option<&'a str>,
    sandbox: Option<&'a str>,
    command: &'a str,
}

#[derive(Serialize)]
struct Token<'a> {
    kind: Option<&'static str>,
    state: &'static str,
    source: Option<&'static str>,
    fingerprint: Option<&'a str>,
    message: Shown<&'a Text>,
}

#[derive(Serialize)]
struct Check<'a> {
    id: &'static str,
    status: &'static str,
    reason: Option<&'static str>,
    message: Shown<&'a Text>,
    app: Option<AppEntry<'a>>,
    request: Option<Request<'a>>,
}

#[derive(Serialize)]
struct AppEntry<'a> {
    slug: Shown<&'a Untrusted>,
    title: Option<Shown<&'a Untrusted>>,
    workspace: Option<Shown<&'a Untrusted>>,
    workspace_slug: Option<Shown<&'a Untrusted>>,
    is_owned_by_user: bool,
    is_disabled: bool,
}

#[derive(Serialize)]
struct Request<'a> {
    method: &'static str,
    url: &'a str,
    http_status: Option<u16>,
    http_version: Option<&'a str>,
    remote_address: Option<&'a str>,
    duration_ms: Option<u64>,
    attempts: u32,
    #[expect(clippy::struct_field_names, reason = "the key's name is promised")]
    request_id: Option<Shown<&'a Untrusted>>,
    api_message: Option<Shown<&'a Untrusted>>,
    responder: Option<ResponderEntry<'a>>,
    outcome: Shown<&'a Text>,
    failure_point: Option<Shown<&'a Text>>,
    command: &'a str,
}

#[derive(Serialize)]
struct ResponderEntry<'a> {
    title: Option<Shown<&'a Untrusted>>,
    headers: Vec<Header<'a>>,
}

#[derive(Serialize)]
struct Header<'a> {
    name: Shown<&'a Untrusted>,
    value: Shown<&'a Untrusted>,
}

#[derive(Serialize)]
struct Apps<'a> {
    total: Option<u64>,
    checked: u64,
    readable: u64,
    denied: u64,
    unknown: u64,
    not_reached: u64,
    unlisted: u64,
    workspaces: Vec<WorkspaceEntry<'a>>,
    #[serde(serialize_with = "items")]
    items: &'a [AppResult],
}

#[derive(Serialize)]
struct WorkspaceEntry<'a> {
    name: Option<Shown<&'a Untrusted>>,
    apps: u64,
    readable: u64,
    denied: u64,
    without_runs: u64,
    disabled: u64,
    titles: Vec<Shown<&'a Untrusted>>,
}

#[derive(Serialize)]
struct AppItem<'a> {
    #[serde(flatten)]
    app: AppEntry<'a>,
    is_first: bool,
    is_listed: Option<bool>,
    status: &'static str,
    reason: Option<&'static str>,
    http_status: Option<u16>,
    pipelines: Option<&'static str>,
    details: Option<&'static str>,
}

#[derive(Serialize)]
struct Warning<'a> {
    code: &'a str,
    message: Shown<&'a Text>,
}

/// A text as it may be shown, written without a copy of it.
struct Shown<T>(T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

fn shown<T>(texts: &[T]) -> Vec<Shown<&T>> {
    texts.iter().map(Shown).collect()
}

/// Writes the apps one by one, so that there is no second list of them in memory, and each in one
/// line: there may be thousands.
fn items<S: Serializer>(results: &[AppResult], serializer: S) -> Result<S::Ok, S::Error> {
    let mut items = serializer.serialize_seq(Some(results.len()))?;
    for result in results {
        let item = in_one_line(&app_item(result)).map_err(S::Error::custom)?;
        items.serialize_element(&item)?;
    }
    items.end()
}

fn in_one_line(item: &AppItem<'_>) -> serde_json::Result<Box<RawValue>> {
    let mut line = Vec::new();
    item.serialize(&mut serde_json::Serializer::with_formatter(
        &mut line, OneLine,
    ))?;
    let line = String::from_utf8(line).map_err(serde_json::Error::custom)?;
    RawValue::from_string(line)
}

/// Sets a space behind each comma and colon, as the rest of the document has it: scripts look for
/// `"slug": "…"`.
struct OneLine;

impl Formatter for OneLine {
    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}

pub(super) fn render(diagnosis: &Diagnosis) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(&document(diagnosis))?;
    text.push('\n');
    Ok(text)
}

fn document(diagnosis: &Diagnosis) -> Document<'_> {
    let warnings = diagnosis.warnings.iter();
    Document {
        schema_version: SCHEMA_VERSION,
        verdict: diagnosis.verdict.as_str(),
        dx_error: diagnosis.verdict.dx_error(),
        reason: diagnosis.reason.map(Reason::as_str),
        message: Shown(&diagnosis.result),
        remarks: shown(&diagnosis.remarks),
        exit_code: diagnosis.exit_code,
        retryable: diagnosis.is_retryable,
        retry_after_s: diagnosis.retry_after.map(|wait| wait.as_secs()),
        who: diagnosis.who.map(Who::as_str),
        who_message: diagnosis.who_text.as_ref().map(Shown),
        dx_message: diagnosis.dx.as_ref().map(Shown),
        actions: shown(&diagnosis.actions),
        causes: shown(&diagnosis.causes),
        causes_note: diagnosis.causes_note.as_deref(),
        evidence: diagnosis.evidence.as_str(),
        tool: Tool {
            name: NAME,
            version: &diagnosis.tool.version,
            commit: diagnosis.tool.commit.as_deref(),
            target: diagnosis.tool.target.as_deref(),
        },
        checked_at: rfc3339(diagnosis.checked_at),
        duration_ms: diagnosis.duration.map(millis),
        target: Target {
            base_url: diagnosis.target.base_url.as_deref(),
            is_bitrise: diagnosis.target.is_bitrise,
            proxy: diagnosis.target.proxy.as_deref(),
            sandbox: diagnosis.target.sandbox.as_deref(),
            command: &diagnosis.target.command,
        },
        token: Token {
            kind: diagnosis.token.kind.map(TokenKind::as_str),
            state: diagnosis.token.state.as_str(),
            source: diagnosis.token.source.map(TokenSource::as_str),
            fingerprint: diagnosis.token.fingerprint.as_deref(),
            message: Shown(&diagnosis.token.text),
        },
        checks: diagnosis.checks.iter().map(check).collect(),
        apps: apps(diagnosis),
        warnings: warnings
            .map(|(code, message)| Warning {
                code,
                message: Shown(message),
            })
            .collect(),
        docs_url: crate::diagnosis::DX_PAGE,
        links: diagnosis.links.iter().map(|link| &**link).collect(),
        reproduce: &diagnosis.reproduce,
        not_checked: shown(&diagnosis.not_checked),
        if_dx_refuses: shown(&diagnosis.if_dx_refuses),
        support: shown(&diagnosis.questions),
    }
}

fn apps(diagnosis: &Diagnosis) -> Apps<'_> {
    let Coverage {
        total,
        checked,
        readable,
        denied,
        unlisted,
        unknown,
        not_reached,
    } = diagnosis.coverage;
    Apps {
        total,
        checked,
        readable,
        denied,
        unknown,
        not_reached,
        unlisted,
        workspaces: diagnosis.workspaces.iter().map(workspace).collect(),
        items: &diagnosis.apps,
    }
}

fn workspace(workspace: &Workspace) -> WorkspaceEntry<'_> {
    WorkspaceEntry {
        name: workspace.name.as_ref().map(Shown),
        apps: workspace.apps,
        readable: workspace.readable,
        denied: workspace.denied,
        without_runs: workspace.without_runs,
        disabled: workspace.disabled,
        titles: shown(&workspace.titles),
    }
}

fn check(check: &CheckLine) -> Check<'_> {
    Check {
        id: check.id.as_str(),
        status: check.status.as_str(),
        reason: check.reason.map(Reason::as_str),
        message: Shown(&check.text),
        app: check.app.as_ref().map(app_entry),
        request: check.request.as_ref().map(request),
    }
}

fn app_entry(app: &App) -> AppEntry<'_> {
    AppEntry {
        slug: Shown(app.slug.as_untrusted()),
        title: app.title.as_ref().map(Shown),
        workspace: app.workspace.as_ref().map(Shown),
        workspace_slug: app.workspace_slug.as_ref().map(Shown),
        is_owned_by_user: app.is_owned_by_user,
        is_disabled: app.is_disabled,
    }
}

fn app_item(result: &AppResult) -> AppItem<'_> {
    AppItem {
        app: app_entry(&result.app),
        is_first: result.is_first,
        is_listed: result.is_listed,
        status: result.state.as_str(),
        reason: result.reason.map(Reason::as_str),
        http_status: result.http_status,
        pipelines: result.runs.map(Runs::as_str),
        details: result.details.map(Status::as_str),
    }
}

fn request(request: &RequestLine) -> Request<'_> {
    Request {
        method: METHOD,
        url: &request.url,
        http_status: request.status,
        http_version: request.http_version.as_deref(),
        remote_address: request.remote_address.as_deref(),
        duration_ms: request.elapsed.map(millis),
        attempts: request.attempts,
        request_id: request.request_id.as_ref().map(Shown),
        api_message: request.api_message.as_ref().map(Shown),
        responder: request.responder.as_ref().map(responder),
        outcome: Shown(&request.outcome),
        failure_point: request.failure_point.as_ref().map(Shown),
        command: &request.command,
    }
}

fn responder(responder: &Responder) -> ResponderEntry<'_> {
    let headers = responder.headers.iter();
    ResponderEntry {
        title: responder.title.as_ref().map(Shown),
        headers: headers
            .map(|(name, value)| Header {
                name: Shown(name),
                value: Shown(value),
            })
            .collect(),
    }
}

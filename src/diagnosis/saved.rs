//! A report in JSON, read back as evidence like any other.
//!
//! What was seen, the requests and what the list of apps says, is taken over; what follows from it,
//! the statuses of checks and apps, counts, the token's state, the verdict and its codes, is derived
//! anew and held against what the document says. Sentences are made anew.
//!
//! Invariant: all of it is foreign input, since anybody may have changed the file. Nothing of it is
//! shown but as foreign text, as a name from our tables, or as a number.

use super::document::SCHEMA_VERSION;
use super::extent::workspaces;
use super::{CheckLine, Diagnosis, RequestLine};
use crate::check::{Check, CheckId, CheckResult, Finding, ListEnd, SkipReason, Status};
use crate::classify;
use crate::exchange::{Body, Exchange, FaultKind, Header, METHOD, Responder, Response, is_bitrise};
use crate::report::{
    AppResult, AppState, BaseUrlSource, EvidenceKind, NotRun, Report, RunOptions, Runs,
    SandboxTarget, Selection, Target, TokenInfo, TokenSource, Warning, tallies,
};
use crate::text::{Untrusted, escape_unprintable};
use crate::token::TokenKind;
use crate::verdict::{Reason, Signal, Verdict};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::time::SystemTime;
use url::Url;

/// The exit code of a run whose report could not be written somewhere, whatever it says.
const UNWRITTEN: u8 = 1;

/// Reads a report that this program wrote, of this version or another one of the same form.
///
/// Returns nothing if the text is no report of this program, and a report that says so and nothing
/// else ([`Reason::EvidenceIncomplete`]) if it contradicts itself, is not whole, or has another form.
pub fn read(json: &str) -> Option<Report> {
    let json = json.trim_start_matches('\u{feff}');
    let head: Head = serde_json::from_str(json).ok()?;
    if head.tool.name != env!("CARGO_PKG_NAME") {
        return None;
    }
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    if major(&head.schema_version) != major(SCHEMA_VERSION) {
        return Some(altered("its form is not that of version 1"));
    }
    let Ok(saved) = serde_json::from_str::<Diagnosis>(json) else {
        return Some(altered("a value is missing, or is not of its type"));
    };
    let checked_at = saved.checked_at;
    Some(rebuilt(&saved).unwrap_or_else(|contradiction| Report {
        checked_at,
        ..altered(contradiction)
    }))
}

/// What tells whether a text is a report at all.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    schema_version: Cow<'a, str>,
    #[serde(borrow)]
    tool: HeadTool<'a>,
}

#[derive(Deserialize)]
struct HeadTool<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

/// Returns the report that stands for one that can't be taken at its word.
fn altered(contradiction: &'static str) -> Report {
    let check = Check::new(
        CheckId::AppsList,
        CheckResult::NotPassed(Reason::EvidenceIncomplete),
    );
    let report = Report::started(
        SystemTime::UNIX_EPOCH,
        Target::default(),
        TokenInfo::default(),
    );
    Report {
        evidence: EvidenceKind::Report,
        altered: Some(contradiction),
        ..report.with_checks(vec![check])
    }
}

/// Makes the report anew.
///
/// # Errors
/// Returns what contradicts the rest.
fn rebuilt(saved: &Diagnosis) -> Result<Report, &'static str> {
    hold(
        saved.apps.coverage.total != Some(0) || saved.apps.first.is_empty(),
        "the number of apps",
    )?;
    let report = Report {
        evidence: EvidenceKind::Report,
        duration: saved.duration.unwrap_or_default(),
        not_run: not_run(saved),
        apps: saved.apps.items.clone(),
        sample: saved.apps.first.clone(),
        options: RunOptions {
            selection: saved.target.apps,
            details: saved.target.pipeline_details,
        },
        interrupted: { Signal::ALL.iter().copied() }
            .find(|signal| signal.exit_code() == saved.exit_code),
        ..Report::started(saved.checked_at, target(saved)?, token(saved)?)
    };
    apps_follow(saved)?;
    let checks = saved.checks.iter().map(|line| check(line, saved));
    let report = Report {
        checks: checks.collect::<Result<_, _>>()?,
        ..report
    };
    checks_follow(&report, saved)?;
    agree(saved, &report)?;
    Ok(report)
}

fn hold(is_so: bool, what: &'static str) -> Result<(), &'static str> {
    if is_so { Ok(()) } else { Err(what) }
}

fn not_run(saved: &Diagnosis) -> Option<NotRun> {
    let reason = saved.reason?;
    (reason.verdict() == Verdict::NotRun).then_some(NotRun::Saved(reason))
}

fn target(saved: &Diagnosis) -> Result<Target, &'static str> {
    let from = &saved.target;
    let base_url = from.base_url.as_deref();
    let is_of_bitrise = base_url.is_some_and(is_bitrise);
    hold(from.is_bitrise == is_of_bitrise, "its base URL")?;
    let is_sandbox = from.sandbox.is_some();
    let is_sandbox_token = saved.token.source == Some(TokenSource::Sandbox);
    hold(
        is_sandbox == is_sandbox_token && !(is_sandbox && is_of_bitrise),
        "the sandbox's mark",
    )?;
    Ok(Target {
        base_url: base_url.map(address),
        // An older program did not write it, and the default is Bitrise's own.
        base_url_source: match from.base_url_source {
            BaseUrlSource::Default if !is_of_bitrise => BaseUrlSource::Option,
            source => source,
        },
        proxy: from.proxy.as_deref().map(address),
        ca_cert: from.has_ca_cert.then(|| "ca.pem".to_owned()),
        sandbox: { from.sandbox.as_deref() }.map(|scenario| SandboxTarget {
            scenario: name(scenario).into(),
            listen: String::new(),
            token: "",
        }),
    })
}

fn token(saved: &Diagnosis) -> Result<TokenInfo, &'static str> {
    let from = &saved.token;
    let is_hex = |text: &str| text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    hold(
        from.fingerprint.as_deref().is_none_or(is_hex),
        "the token's fingerprint",
    )?;
    let warns = |code: Warning| saved.warnings.iter().any(|warning| warning.code == code);
    Ok(TokenInfo {
        kind: from.kind,
        was_trimmed: warns(Warning::TokenTrimmed),
        had_scheme: warns(Warning::TokenScheme),
        fingerprint: from.fingerprint.clone(),
        source: from.source,
    })
}

/// Holds that the state of each app follows from its response.
fn apps_follow(saved: &Diagnosis) -> Result<(), &'static str> {
    let apps = &saved.apps;
    let mut slugs = HashSet::new();
    let recheck = recheck(saved);
    let first = apps.first.first().map(|app| &app.slug);
    for result in &apps.items {
        hold(
            slugs.insert(result.app.slug.raw()),
            "an app that stands there twice",
        )?;
        let is_first = first == Some(&result.app.slug);
        hold(
            first.is_none() || result.is_first == is_first,
            "the first app of the list",
        )?;
        let fits = match (result.state, result.reason, result.http_status) {
            (AppState::Readable, None, status) => status == Some(200) && result.runs.is_some(),
            (AppState::Denied, Some(reason), Some(status)) => {
                reason.verdict() == Verdict::InvalidPermissions && fits(reason, Some(status), false)
            }
            (AppState::Unknown, Some(reason), status) => {
                reason.verdict() != Verdict::InvalidPermissions
                    && (status.is_none()
                        || fits(reason, status, true)
                        || (status == Some(401) && recheck == Some(reason)))
            }
            (AppState::NotReached, Some(reason), None) => {
                reason.verdict() != Verdict::InvalidPermissions
            }
            _ => false,
        };
        hold(fits, "the status of an app")?;
        let is_unlisted = result.reason == Some(Reason::AppNotAccessible);
        hold(
            !is_unlisted || result.is_listed == Some(false),
            "the status of an app",
        )?;
    }
    let listed = apps.first.len() as u64;
    hold(listed <= apps.listed, "the number of apps")?;
    hold(
        apps.coverage.total.is_none_or(|total| total >= listed),
        "the number of apps",
    )
}

/// Returns why it could not be told whether the token was still accepted after a 401: then that is
/// the reason of the app, too.
fn recheck(saved: &Diagnosis) -> Option<Reason> {
    let mut checks = saved.checks.iter();
    checks
        .find(|check| check.id == CheckId::AppsRecheck)?
        .reason
}

/// Tells whether a reason can be that of a response with this status, or without one.
fn fits(reason: Reason, status: Option<u16>, has_fault: bool) -> bool {
    match reason {
        Reason::TokenRejected => status == Some(401),
        Reason::AppsForbidden => status == Some(403),
        Reason::PipelinesDenied | Reason::AppNotAccessible | Reason::PipelineDetailsDenied => {
            matches!(status, Some(401 | 403 | 404))
        }
        Reason::WrongBaseUrl => status == Some(404),
        Reason::NoApps | Reason::UnexpectedResponse => status == Some(200),
        Reason::Intercepted => matches!(status, Some(200 | 401 | 403 | 404)),
        Reason::RateLimited => matches!(status, Some(403 | 429)),
        Reason::ServerError => matches!(status, Some(408 | 500..=599)),
        Reason::Redirected => matches!(status, Some(300..=399)),
        Reason::UnexpectedStatus => !matches!(status, None | Some(200 | 401)),
        Reason::DnsFailure
        | Reason::ConnectionFailed
        | Reason::TlsFailure
        | Reason::ProxyFailure
        | Reason::Timeout => has_fault || status.is_none(),
        Reason::MaxTimeReached | Reason::Interrupted | Reason::EvidenceIncomplete => true,
        _ => false,
    }
}

/// Makes a check of its request.
fn check(line: &CheckLine, saved: &Diagnosis) -> Result<Check, &'static str> {
    let request = line.request.as_ref();
    let exchange = match request {
        Some(request) => Some(exchange(request, line, saved)?),
        None => None,
    };
    let result = match (line.status, line.reason) {
        (Status::Skip, None) => CheckResult::Skipped(skipped(line.id, saved)),
        (Status::Pass, None) => CheckResult::Pass,
        (_, Some(reason)) => CheckResult::NotPassed(reason),
        (Status::Fail | Status::Unknown, None) => return Err("the status of a check"),
    };
    hold(result.status() == line.status, "the status of a check")?;
    let fault = request.and_then(|request| request.fault.as_ref());
    let status = request.and_then(|request| request.status);
    let is_request = line.id != CheckId::TokenFormat;
    let fits = match result {
        CheckResult::Skipped(_) => request.is_none(),
        CheckResult::Pass if is_request => status == Some(200) && fault.is_none(),
        CheckResult::Pass => saved.token.kind.is_some(),
        CheckResult::NotPassed(reason) if !is_request => reason == Reason::TokenMalformed,
        CheckResult::NotPassed(reason) => match (request, fault) {
            (None, _) => matches!(
                reason.verdict(),
                Verdict::Inconclusive | Verdict::InvalidCredentials
            ),
            (Some(_), Some(fault)) if status.is_none_or(|status| status == 200) => {
                classify::transport(fault.kind) == reason
            }
            (Some(_), _) if status == Some(401) && recheck(saved) == Some(reason) => true,
            (Some(_), fault) => fits(reason, status, fault.is_some()),
        },
    };
    hold(fits, "the status of a check and its request")?;
    Ok(Check {
        finding: finding(line, result, saved),
        app: line.app.clone(),
        exchange,
        ..Check::new(line.id, result)
    })
}

fn skipped(id: CheckId, saved: &Diagnosis) -> SkipReason {
    let mut items = saved.apps.items.iter();
    match id {
        CheckId::PipelinesShow if !saved.target.pipeline_details => SkipReason::NotRequested,
        CheckId::PipelinesShow if items.any(|result| result.details == Some(Status::Skip)) => {
            SkipReason::NoPipelineRun
        }
        _ => SkipReason::NotReached,
    }
}

fn finding(line: &CheckLine, result: CheckResult, saved: &Diagnosis) -> Finding {
    let apps = &saved.apps;
    let status = line.request.as_ref().and_then(|request| request.status);
    match (line.id, result) {
        (CheckId::TokenFormat, CheckResult::Pass) => {
            Finding::Kind(saved.token.kind.unwrap_or(TokenKind::Unknown))
        }
        (CheckId::AppsList, result) if apps.listed > 0 || result == CheckResult::Pass => {
            Finding::Apps {
                total: apps.coverage.total,
                listed: usize::try_from(apps.listed).unwrap_or(usize::MAX),
                end: match result {
                    CheckResult::NotPassed(Reason::UnexpectedResponse) => Some(ListEnd::Circular),
                    CheckResult::NotPassed(_) => Some(ListEnd::PageFailed),
                    _ => None,
                },
            }
        }
        (CheckId::PipelinesList | CheckId::PipelinesShow, _) if apps.items.len() > 1 => {
            let (pipelines, details) = tallies(&apps.items);
            Finding::Tally(if line.id == CheckId::PipelinesList {
                pipelines
            } else {
                details
            })
        }
        (_, CheckResult::NotPassed(reason))
            if status == Some(401) && reason.verdict() == Verdict::InvalidPermissions =>
        {
            Finding::AskedAgain
        }
        (CheckId::PipelinesList, CheckResult::Pass) => {
            let has_runs = apps
                .items
                .iter()
                .any(|result| result.runs == Some(Runs::Seen));
            Finding::Runs(usize::from(has_runs))
        }
        _ => Finding::Nothing,
    }
}

/// Makes an exchange of what a report says of it.
fn exchange(
    request: &RequestLine,
    line: &CheckLine,
    saved: &Diagnosis,
) -> Result<Exchange, &'static str> {
    let base_url = saved.target.base_url.as_deref();
    let path = match base_url {
        Some(base_url) => request.url.strip_prefix(base_url.trim_end_matches('/')),
        // A text need not show one.
        None => { request.url.find("/apps") }.map(|at| &request.url[at..]),
    };
    let is_path = |path: &str| match line.id {
        CheckId::TokenFormat => false,
        CheckId::AppsList | CheckId::AppsRecheck => path == "/apps" || path.starts_with("/apps?"),
        CheckId::PipelinesList | CheckId::PipelinesShow => {
            path.starts_with("/apps/") && path.contains("/pipelines")
        }
    };
    let is_asked = request.method == METHOD && path.is_some_and(is_path);
    hold(is_asked, "the address of a request")?;
    let url = address(&request.url);
    let outcome = match (&request.fault, request.status) {
        (Some(fault), None) => {
            let mut fault = fault.clone();
            if let Some(proxy) = &mut fault.proxy {
                proxy.responder = named(std::mem::take(&mut proxy.responder));
            }
            Err(fault)
        }
        // An older program named the reason alone.
        (None, None) if line.reason.is_some_and(|reason| fault_of(reason).is_some()) => Err(line
            .reason
            .and_then(fault_of)
            .unwrap_or(FaultKind::Unknown)
            .into()),
        (None, None) if saved.evidence == EvidenceKind::Live => {
            return Err("a request without a response");
        }
        (fault, status) => {
            let responder = named(request.responder.clone().unwrap_or_default());
            let body = match fault {
                Some(fault) => Body::Cut(fault.clone()),
                None if responder.title.is_some() => Body::Html,
                None => Body::Other,
            };
            Ok(Response {
                http_version: { request.http_version.as_deref() }.and_then(http_version),
                request_id: request.request_id.clone(),
                location_host: request.location.clone(),
                // The server's own words, wherever they stood.
                challenge: request.api_message.clone(),
                responder,
                ..Response::new(status, body)
            })
        }
    };
    Ok(Exchange {
        attempts: request.attempts,
        elapsed: request.elapsed.unwrap_or_default(),
        retry_after: request.retry_after,
        remote_address: request.remote_address,
        ..Exchange::new(url, outcome)
    })
}

/// Returns the fault that stands for all that lead to a reason.
fn fault_of(reason: Reason) -> Option<FaultKind> {
    Some(match reason {
        Reason::DnsFailure => FaultKind::Dns,
        Reason::ConnectionFailed => FaultKind::Unknown,
        Reason::TlsFailure => FaultKind::TlsFailed,
        Reason::ProxyFailure => FaultKind::ProxyUnreachable,
        Reason::Timeout => FaultKind::Timeout,
        Reason::MaxTimeReached => FaultKind::MaxTime,
        _ => return None,
    })
}

/// Returns who answered, with the headers alone whose names are plain words.
fn named(mut responder: Responder) -> Responder {
    let is_plain = |header: &Header| name(header.name.raw()) == header.name.raw();
    responder.headers.retain(is_plain);
    responder
}

/// Returns a version of HTTP that this program knows.
fn http_version(text: &str) -> Option<&'static str> {
    let known = ["HTTP/0.9", "HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3"];
    known.into_iter().find(|known| *known == text)
}

/// Holds that the checks are those of a run, and say of the apps what these say.
fn checks_follow(report: &Report, saved: &Diagnosis) -> Result<(), &'static str> {
    let is_pasted = saved.evidence == EvidenceKind::Pasted;
    let of = |id: CheckId| report.checks.iter().filter(move |check| check.id == id);
    for id in CheckId::ALL {
        let is_optional = *id == CheckId::AppsRecheck;
        // Of a text, no check was made of what it does not show.
        let is_of_run = matches!(id, CheckId::TokenFormat | CheckId::PipelinesShow);
        let fits = match of(*id).count() {
            0 => is_optional || (is_of_run && is_pasted),
            count => count == 1,
        };
        hold(fits, "the list of checks")?;
    }
    if report.not_run.is_some() {
        let mut checks = report.checks.iter();
        let is_unmade = checks.all(|check| matches!(check.result, CheckResult::Skipped(_)));
        return hold(
            is_unmade && report.apps.is_empty(),
            "a check of a run that made none",
        );
    }
    let by_slug: HashMap<&str, &AppResult> = { report.apps.iter() }
        .map(|result| (result.app.slug.raw(), result))
        .collect();
    let is_any_readable = report.is_any_readable();
    for check in of(CheckId::PipelinesList).chain(of(CheckId::PipelinesShow)) {
        let is_list = check.id == CheckId::PipelinesList;
        let result = check.app.as_ref().map(|app| by_slug.get(app.slug.raw()));
        let fits = match (check.result, result) {
            (_, Some(None)) => false,
            (CheckResult::Pass, Some(Some(result))) => result.runs.is_some(),
            (CheckResult::Pass, None) => is_pasted,
            (CheckResult::NotPassed(reason), Some(Some(result))) => {
                let status = check.exchange.as_ref().and_then(Exchange::status);
                result.reason == Some(reason) && (status.is_none() || result.http_status == status)
            }
            (CheckResult::NotPassed(_) | CheckResult::Skipped(_), _) => true,
        };
        hold(fits, "a check and its app")?;
        // A refusal is what decides of several apps.
        let mut apps = report.apps.iter();
        let is_denied = |result: &AppResult| {
            let is_of_details = result.reason == Some(Reason::PipelineDetailsDenied);
            let is_aside = is_any_readable && result.is_disabled_refusal();
            result.state == AppState::Denied && is_of_details != is_list && !is_aside
        };
        let is_read = !matches!(check.result, CheckResult::Pass | CheckResult::Skipped(_));
        hold(is_read || !apps.any(is_denied), "a check and its apps")?;
    }
    let is_listed = |check: &Check| check.result == CheckResult::Pass;
    let is_list_read = of(CheckId::AppsList).all(is_listed);
    let apps = &saved.apps;
    // An older program did not write what the list names.
    let is_told = apps.listed > 0;
    hold(!is_told || !apps.first.is_empty(), "the list of apps")?;
    let is_all = is_told && report.options.selection == Selection::All && is_list_read;
    let items = report.apps.len() as u64;
    hold(!is_all || items == apps.listed, "the number of apps")?;
    // An app that is listed is so in both places.
    let listed: HashSet<&str> = apps.first.iter().map(|app| app.slug.raw()).collect();
    let mut items = report.apps.iter();
    let fits = items
        .all(|result| !(result.is_listed == Some(false) && listed.contains(result.app.slug.raw())));
    hold(fits, "the list of apps")
}

/// Holds what a document says against what follows from its evidence.
fn agree(saved: &Diagnosis, report: &Report) -> Result<(), &'static str> {
    let verdict = report.verdict();
    let codes: Vec<Warning> = saved.warnings.iter().map(|warning| warning.code).collect();
    for (is_so, what) in [
        (saved.verdict == verdict, "its verdict"),
        (saved.reason == report.reason(), "its reason"),
        (saved.dx_error.as_deref() == verdict.dx_error(), "DX's code"),
        (
            [report.exit_code(), UNWRITTEN].contains(&saved.exit_code),
            "its exit code",
        ),
        (
            saved.is_retryable == report.is_retryable(),
            "whether to try again",
        ),
        (
            saved.retry_after == report.retry_after(),
            "how long to wait",
        ),
        (
            saved.token.state == report.token_state(),
            "the token's state",
        ),
        (
            saved.apps.coverage == report.coverage(),
            "the counts of apps",
        ),
        (
            saved.apps.listed == 0 || saved.apps.workspaces == workspaces(report),
            "the workspaces",
        ),
        (codes == report.warnings(), "its warnings"),
    ] {
        hold(is_so, what)?;
    }
    Ok(())
}

/// Returns an address as it stands if it can be one, and escaped otherwise.
fn address(text: &str) -> String {
    let is_url = Url::parse(text).is_ok_and(|url| url.has_host() && url.password().is_none());
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_url && is_plain {
        text.to_owned()
    } else {
        escape_unprintable(&Untrusted::new(text).to_string())
    }
}

/// Returns a name of ours: plain words alone.
fn name(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '+');
    let is_name = (1..=64).contains(&text.len()) && text.chars().all(is_plain);
    if is_name { text } else { "unknown" }.to_owned()
}

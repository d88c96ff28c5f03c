//! A report in JSON, read back as evidence like any other.
//!
//! What was seen, the requests and what the list of apps says, is taken over, and what follows from
//! it is derived anew: by [`classify`] what a response means, by [`diagnose`] all of the rest. Where
//! the document says something else, it was altered; its sentences are made anew and not compared.
//!
//! Invariant: all of it is foreign input, since anybody may have changed the file. Nothing of it is
//! shown but as foreign text, as a name from our tables, or as a number.

use super::facts::{PAGE, is_of_run};
use super::{Apps, CheckLine, Diagnosis, Known, RequestLine, Tool, Warning, diagnose};
use crate::app::App;
use crate::base_url;
use crate::check::{Check, CheckId, ListEnd};
use crate::classify;
use crate::exchange::{Body, Exchange, FaultKind, Response};
use crate::report::{
    AppList, AppResult, AppState, EvidenceKind, NotRun, Report, RunOptions, SandboxTarget,
    Selection, Target, TokenInfo, TokenSource,
};
use crate::verdict::{Reason, Signal, Verdict};
use crate::wire::{Document, items};
use serde::de::{DeserializeOwned, Error, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::{Duration, SystemTime};

/// The most items that are read of a list; `verify` lists up to 10,000 apps.
const MAX_ITEMS: usize = 20_000;

/// The most bytes of an item; those of a check with a request have some 2,000.
const MAX_ITEM: usize = 64 * 1024;

/// The exit code of a run whose report could not be written somewhere, whatever it says.
const UNWRITTEN: u8 = 1;

/// Why nothing was checked.
const NOTHING_SENT: &str = "the run of this report ended before anything was sent";

/// Reads a report that this program wrote, of this version or another one of the same form.
///
/// Returns nothing if the text is no report of this program, and a report that says so and nothing
/// else ([`Reason::EvidenceIncomplete`]) if it contradicts itself, is not whole, or has another form.
pub fn read(json: &str) -> Option<Report> {
    if !form(json)?.starts_with("1.") {
        return Some(altered(None, "its form is not that of version 1"));
    }
    let json = json.trim_start_matches('\u{feff}');
    let Ok(saved) = serde_json::from_str::<Diagnosis>(json) else {
        return Some(altered(None, "a value is missing, or is not of its type"));
    };
    let mut again = diagnose(saved.rebuilt(), &Known::default());
    again.evidence = saved.evidence;
    if saved.exit_code == UNWRITTEN {
        again.exit_code = UNWRITTEN;
    }
    if saved.apps.listed == 0 {
        // An older program did not write what the list names.
        again.apps.workspaces.clone_from(&saved.apps.workspaces);
    }
    // The secret of a pasted text does not stand in the report of it.
    let in_text = { saved.warnings.iter() }.filter(|warning| warning.code == Warning::TokenInText);
    again.warnings.extend(in_text.cloned());
    let said = serde_json::to_string(&saved).unwrap_or_default();
    let derived = serde_json::to_string(&again).unwrap_or_default();
    Some(match difference(&said, &derived) {
        Some(what) => altered(humantime::parse_rfc3339(&saved.checked_at).ok(), &what),
        None => saved.rebuilt(),
    })
}

/// Returns the version of a report's form, if a text is a report of this program, whatever it says.
pub fn form(json: &str) -> Option<String> {
    let head: Head = serde_json::from_str(json.trim_start_matches('\u{feff}')).ok()?;
    (head.tool.name == env!("CARGO_PKG_NAME")).then_some(head.schema_version)
}

/// What shows whether a text is a report at all.
#[derive(Deserialize)]
struct Head {
    schema_version: String,
    tool: Tool,
    #[serde(rename = "checks")]
    _checks: IgnoredAny,
}

/// Returns the report that stands for one that can't be taken at its word.
fn altered(checked_at: Option<SystemTime>, contradiction: &str) -> Report {
    let open = Some(Err(Reason::EvidenceIncomplete));
    Report {
        evidence: EvidenceKind::Report,
        altered: Some(contradiction.to_owned()),
        checked_at,
        ..Report::default().with_checks(vec![Check::new(CheckId::AppsList, open)])
    }
}

/// Reads a value that another version may have named otherwise; then it counts as not known.
pub(super) fn known<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    from: D,
) -> Result<Option<T>, D::Error> {
    let value = <&RawValue>::deserialize(from)?;
    Ok(serde_json::from_str(value.get()).ok())
}

/// Reads what the token sees, without keeping keys that are not known.
pub(super) fn apps<'de, D: Deserializer<'de>>(from: D) -> Result<Apps, D::Error> {
    let json = <&RawValue>::deserialize(from)?.get();
    let apps: Apps = serde_json::from_str(json).map_err(Error::custom)?;
    let coverage = serde_json::from_str(json).map_err(Error::custom)?;
    Ok(Apps { coverage, ..apps })
}

/// Reads those items of a list that this version knows.
pub(super) fn readable<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    let json = <&RawValue>::deserialize(from)?.get();
    let is_bounded = |(count, item): (usize, &str)| count < MAX_ITEMS && item.len() <= MAX_ITEM;
    if !json.starts_with('[') || !items(json).enumerate().all(is_bounded) {
        return Err(Error::custom("no list, or too much"));
    }
    let read = items(json).map(serde_json::from_str::<T>);
    Ok(read.filter_map(Result::ok).collect())
}

/// Returns the key of the first value that differs between two documents. One that is not known
/// contradicts nothing, and sentences are not read. Each value is read where it stands, since there
/// may be thousands.
fn difference(one: &str, other: &str) -> Option<String> {
    let below = |key: &dyn Display, one: &RawValue, other: &RawValue| {
        let rest = difference(one.get(), other.get())?;
        let dot = if rest.is_empty() { "" } else { "." };
        Some(format!("{key}{dot}{rest}"))
    };
    let fields = |json| serde_json::from_str::<BTreeMap<&str, &RawValue>>(json);
    let items = |json| serde_json::from_str::<Vec<&RawValue>>(json);
    if let (Ok(one), Ok(other)) = (fields(one), fields(other)) {
        let mut fields = one.into_iter();
        return fields.find_map(|(key, one)| below(&key, one, other.get(key)?));
    }
    match (items(one), items(other)) {
        (Ok(one), Ok(other)) if one.len() == other.len() => {
            let mut pairs = one.into_iter().zip(other).enumerate();
            pairs.find_map(|(index, (one, other))| below(&index, one, other))
        }
        (Ok(one), Ok(other)) if one.is_empty() && other[0].get().starts_with('"') => None,
        _ => (one != other && !matches!(one, "null" | "\"\"")).then(String::new),
    }
}

impl Diagnosis {
    /// Makes the report anew.
    fn rebuilt(&self) -> Report {
        let is_unmade = self.apps.items.is_empty() && self.requests().next().is_none();
        let not_run = { self.reason.filter(|_| is_unmade) }
            .filter(|reason| reason.verdict() == Verdict::NotRun);
        let mut checks: Vec<Check> = self.checks.iter().map(|line| self.check(line)).collect();
        checks.dedup_by_key(|check| check.id);
        let from = &self.target;
        let is_sandbox = self.token.source == Some(TokenSource::Sandbox);
        let scenario = from.sandbox.clone();
        let scenario = scenario.or(is_sandbox.then(|| "unknown".into()));
        let scenario = scenario.filter(|name| is_name(name) && !from.is_bitrise);
        let warns = |code| self.warnings.iter().any(|warning| warning.code == code);
        let is_hex = |text: &String| {
            (8..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        let mut report = Report {
            evidence: EvidenceKind::Report,
            duration: self.duration_ms.map(Duration::from_millis),
            not_run: not_run.map(|reason| NotRun::new(reason, NOTHING_SENT.into())),
            apps: self.apps.items.iter().map(|item| self.app(item)).collect(),
            list: self.list(&checks),
            options: RunOptions {
                selection: from.apps,
                details: from.pipeline_details,
                timeout: None,
            },
            interrupted: { Signal::ALL.iter().copied() }
                .find(|signal| signal.exit_code() == self.exit_code),
            checked_at: humantime::parse_rfc3339(&self.checked_at).ok(),
            target: Target {
                base_url: from.base_url.clone().filter(|url| is_address(url)),
                base_url_source: from.base_url_source,
                proxy: from.proxy.clone().filter(|url| is_address(url)),
                ca_cert: from.has_ca_cert.then(|| "ca.pem".to_owned()),
                sandbox: scenario.map(|scenario| SandboxTarget {
                    scenario,
                    listen: String::new(),
                    token: "",
                }),
            },
            token: TokenInfo {
                kind: self.token.kind,
                was_trimmed: warns(Warning::TokenTrimmed),
                had_scheme: warns(Warning::TokenScheme),
                fingerprint: self.token.fingerprint.clone().filter(is_hex),
                source: self.token.source,
                error: None,
            },
            ..Report::default()
        }
        .with_checks(checks);
        if self.evidence != EvidenceKind::Live {
            // Of a text, no check was made of what it does not show.
            let is_there = |id: CheckId| self.checks.iter().any(|line| line.id == id);
            let is_shown = |check: &Check| !is_of_run(check) || is_there(check.id);
            report.checks.retain(is_shown);
        }
        report
    }

    /// Says what the list of apps told.
    fn list(&self, checks: &[Check]) -> AppList {
        let apps = &self.apps;
        let mut checks = checks.iter();
        let told = checks.find(|check| check.id == CheckId::AppsList);
        let told = told.and_then(|check| check.result);
        let is_pass = told == Some(Ok(()));
        let is_read = is_pass || (told.is_some() && apps.listed > 0);
        let listed = match self.target.apps {
            Selection::All if is_pass => apps.items.len() as u64,
            _ => apps.listed,
        };
        let listed = listed.max(apps.first.len() as u64);
        AppList {
            total: { apps.coverage.total.filter(|_| is_read) }.map(|total| total.max(listed)),
            listed: usize::try_from(listed).unwrap_or(usize::MAX),
            end: match told.filter(|_| is_read) {
                Some(Err(Reason::UnexpectedResponse)) => Some(ListEnd::Circular),
                Some(Err(_)) => Some(ListEnd::PageFailed),
                Some(Ok(())) | None => None,
            },
            sample: apps.first.clone(),
            // An older program did not write it.
            begins_with_app: is_read.then(|| apps.begins_with_app.unwrap_or(true)),
        }
    }

    /// Says what became of an app.
    fn app(&self, from: &AppResult) -> AppResult {
        let first = &self.apps.first[..self.apps.first.len().min(PAGE)];
        let is_there = |app: &App| app.slug == from.app.slug;
        let is_listed = from.is_listed.map(|is| is || first.iter().any(is_there));
        let id = match from.reason {
            Some(Reason::PipelineDetailsDenied) => CheckId::PipelinesShow,
            _ => CheckId::PipelinesList,
        };
        let response = Response::new(from.http_status, body_of(id, from.reason));
        let reason = self.reason(id, &Exchange::new("", Ok(response)), from.reason, is_listed);
        let is_unasked = from.state == AppState::NotReached && from.http_status.is_none();
        AppResult {
            is_first: first.first().map_or(from.is_first, |app| {
                self.apps.begins_with_app != Some(false) && is_there(app)
            }),
            is_listed,
            state: match reason.map(Reason::verdict) {
                None => AppState::Readable,
                // Also if the list of apps was refused before.
                Some(_) if is_unasked => AppState::NotReached,
                Some(Verdict::InvalidPermissions) => AppState::Denied,
                Some(_) => AppState::Unknown,
            },
            reason,
            ..from.clone()
        }
    }

    /// Makes a check of its request.
    fn check(&self, line: &CheckLine) -> Check {
        let exchange = { line.request.as_ref() }.map(|request| self.exchange(line, request));
        let is_listed = |app: &App| {
            let mut items = self.apps.items.iter();
            items.find(|item| item.app == *app)?.is_listed
        };
        let is_listed = line.app.as_ref().and_then(is_listed);
        let reason = match &exchange {
            None => line.reason,
            Some(exchange) => self.reason(line.id, exchange, line.reason, is_listed),
        };
        let is_pass = match line.id {
            CheckId::TokenFormat => self.token.kind.is_some(),
            _ => exchange.is_some(),
        };
        let passed = is_pass.then_some(Ok(()));
        Check {
            app: line.app.clone(),
            exchange,
            ..Check::new(line.id, reason.map(Err).or(passed))
        }
    }

    /// Returns why a response is no success: what is said of it, if it can mean so, or else something
    /// other.
    fn reason(
        &self,
        id: CheckId,
        exchange: &Exchange,
        said: Option<Reason>,
        is_listed: Option<bool>,
    ) -> Option<Reason> {
        let (is_text, status) = (self.evidence != EvidenceKind::Live, exchange.status());
        match said {
            _ if status.is_none() && exchange.outcome.is_ok() => {
                return said.or(Some(Reason::EvidenceIncomplete));
            }
            // Whatever came last, these may end a run; and a text may show no list of apps.
            Some(Reason::MaxTimeReached | Reason::Interrupted | Reason::EvidenceIncomplete) => {
                return said;
            }
            // In a text, it explains every refusal.
            Some(Reason::WrongBaseUrl) if is_text || status == Some(404) => return said,
            // So means a page behind the first.
            Some(Reason::UnexpectedStatus) if (id, status) == (CheckId::AppsList, Some(404)) => {
                return said;
            }
            _ => {}
        }
        let is_below = matches!(id, CheckId::PipelinesList | CheckId::PipelinesShow);
        // Of a text, any later list is one.
        let is_later = |id| id == CheckId::AppsRecheck || (is_text && id == CheckId::AppsList);
        let denied = id.denied(is_listed);
        let mut later = self.checks.iter().rev();
        Some(match classify::told(id, exchange).err()? {
            Reason::PipelinesDenied => denied,
            // A later look at the list tells whether the token or the app is refused.
            Reason::TokenRejected if is_below => match later.find(|line| is_later(line.id)) {
                None => Reason::EvidenceIncomplete,
                Some(_) if said == Some(denied) => denied,
                // Each refusal had a look of its own, of which one is kept.
                Some(again) => { said.filter(|said| said.verdict() == Verdict::Inconclusive) }
                    .or(again.reason)
                    .unwrap_or(denied),
            },
            meant => meant,
        })
    }

    /// Makes an exchange of what a report says of it.
    fn exchange(&self, line: &CheckLine, request: &RequestLine) -> Exchange {
        let url = &request.url;
        let is_live = self.evidence == EvidenceKind::Live;
        let path = match &self.target.base_url {
            Some(base) if is_live => url.strip_prefix(base.trim_end_matches('/')),
            _ => url.find("/apps").map(|at| &url[at..]),
        };
        // A text need not show one.
        let is_hidden = !is_live && Some(url) == self.target.base_url.as_ref();
        let path = path.unwrap_or_default();
        let is_path = match line.id {
            CheckId::TokenFormat => false,
            CheckId::AppsList | CheckId::AppsRecheck => path.split('?').next() == Some("/apps"),
            _ => path.starts_with("/apps/") && path.contains("/pipelines"),
        };
        let is_asked = (is_path || is_hidden) && is_address(url);
        // An older program wrote the wait that decided alone.
        let wait = request.retry_after_s.or(self.retry_after_s);
        let mut responder = request.responder.clone().unwrap_or_default();
        let mut fault = request.fault.clone();
        let of_proxy = fault.iter_mut().flat_map(|fault| &mut fault.proxy);
        let of_proxy = of_proxy.map(|proxy| &mut proxy.responder.headers);
        for headers in of_proxy.chain([&mut responder.headers]) {
            headers.retain(|header| is_name(header.name.raw()));
        }
        let outcome = match (fault, request.status) {
            (Some(fault), None) => Err(fault),
            (fault, status) => {
                let body = match fault {
                    Some(fault) => Body::Cut(fault),
                    None if responder.title.is_some() => Body::Html,
                    None => body_of(line.id, line.reason),
                };
                Ok(Response {
                    http_version: { request.http_version.clone() }
                        .filter(|name| name.strip_prefix("HTTP/").is_some_and(is_name)),
                    request_id: request.request_id.clone(),
                    location_host: request.location.clone(),
                    // The server's own words, wherever they stood.
                    challenge: request.api_message.clone(),
                    responder,
                    ..Response::new(status, body)
                })
            }
        };
        Exchange {
            attempts: request.attempts,
            retry_after: wait.map(Duration::from_secs),
            remote_address: request.remote_address,
            ..Exchange::new(if is_asked { url } else { "" }, outcome)
        }
    }
}

/// Returns a body of the kind that makes a response mean what is said of it, if its status may.
fn body_of(id: CheckId, said: Option<Reason>) -> Body {
    let is_list = said.is_none() != (id == CheckId::PipelinesShow);
    let text = match said {
        None | Some(Reason::UnexpectedResponse) if is_list => r#"{"data": [{"slug": "a"}]}"#,
        None | Some(Reason::UnexpectedResponse) => r#"{"slug": "a"}"#,
        Some(Reason::NoApps) => r#"{"data": []}"#,
        Some(Reason::RateLimited) => r#"{"message": "rate limit"}"#,
        Some(Reason::Intercepted) => "",
        Some(Reason::ConnectionFailed) => return Body::Cut(FaultKind::Closed.into()),
        Some(Reason::Timeout) => return Body::Cut(FaultKind::Timeout.into()),
        Some(_) => r#"{"message": "a"}"#,
    };
    let document = Document::read(text.as_bytes(), |text| text.into());
    // These are none of the server's words.
    document.map_or(Body::Other, |document| {
        Body::Json(Document {
            message: None,
            ..document
        })
    })
}

/// Tells whether a text can be shown as an address. A pasted text need not have one.
fn is_address(text: &str) -> bool {
    let is_url =
        base_url::url(text, None).is_some_and(|url| url.has_host() && url.password().is_none());
    text.is_empty() || (is_url && text.bytes().all(|byte| byte.is_ascii_graphic()))
}

/// Tells whether a text is a name as ours are: plain words alone.
fn is_name(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '+');
    (1..=64).contains(&text.len()) && text.chars().all(is_plain)
}

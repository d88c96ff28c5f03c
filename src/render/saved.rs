//! Reads the program's own JSON report back into the diagnosis that it was written from.
//!
//! Invariant: all of it is foreign input, since anybody may have changed the file. Its sentences
//! are escaped as foreign texts are, names that scripts read come from the tables or are plain
//! words, a command is taken over only if it is one that this program writes, to Bitrise or to this
//! machine, and a link only if it leads to DX or Bitrise. What a newer program of the same major
//! version may have added is left out or counts as unknown.

use super::json::{NAME, SCHEMA_VERSION};
use crate::app::{App, Slug};
use crate::base_url::is_loopback;
use crate::check::{CheckId, Status};
use crate::diagnosis::{
    CheckLine, Diagnosis, RequestLine, Responder, TargetLine, TokenLine, Tool, Who, Workspace,
};
use crate::exchange::is_bitrise;
use crate::report::{AppResult, AppState, Coverage, EvidenceKind, Runs, TokenSource, TokenState};
use crate::text::{Text, Untrusted, escape_unprintable};
use crate::token::TokenKind;
use crate::verdict::{Reason, Signal, Verdict};
use serde::Deserialize;
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};
use url::Url;

/// The most characters of one sentence that are kept.
const MAX_SENTENCE: usize = 4_000;

/// The most characters of a quotation that is taken for a foreign text; a longer one is cut there.
const MAX_QUOTED: usize = 201;

/// Why a text can't be read as a saved report.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SavedError {
    /// It is no JSON, or the JSON of something else.
    #[error("the text is not a JSON report of bitrise-dx")]
    NotAReport,
    /// A report in a format that this program doesn't know.
    #[error("the report has format version {0}, and this program reads version 1")]
    Version(Untrusted),
    /// A value is not of the type that the format demands, or a key is missing that a report
    /// can't be without.
    #[error("the report is incomplete, or was changed: it does not have the form of version 1")]
    Malformed,
    /// The reason does not belong to the verdict, or what was seen does not.
    #[error("the report was changed: the rest of it contradicts its verdict")]
    Contradictory,
}

/// Reads a report that [`super::json()`] wrote.
///
/// # Errors
/// Returns a [`SavedError`] if the text is no report of version 1, or one that contradicts itself.
pub fn read(json: &str) -> Result<Diagnosis, SavedError> {
    let json = json.trim_start_matches('\u{feff}');
    let head: Head = serde_json::from_str(json).map_err(|_| SavedError::NotAReport)?;
    if head.tool.name != NAME {
        return Err(SavedError::NotAReport);
    }
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    if major(&head.schema_version) != major(SCHEMA_VERSION) {
        return Err(SavedError::Version(Untrusted::new(head.schema_version)));
    }
    let document: Document = serde_json::from_str(json).map_err(|_| SavedError::Malformed)?;
    document.diagnosis()
}

/// What tells whether a text is a report at all.
#[derive(Deserialize)]
struct Head {
    schema_version: String,
    tool: HeadTool,
}

#[derive(Deserialize)]
struct HeadTool {
    name: String,
}

#[derive(Deserialize)]
struct Document {
    verdict: String,
    #[serde(default)]
    reason: Option<String>,
    message: String,
    #[serde(default)]
    remarks: Vec<String>,
    exit_code: u64,
    #[serde(default)]
    retryable: bool,
    #[serde(default)]
    retry_after_s: Option<u64>,
    #[serde(default)]
    who: Option<String>,
    #[serde(default)]
    who_message: Option<String>,
    #[serde(default)]
    dx_message: Option<String>,
    #[serde(default)]
    actions: Vec<String>,
    #[serde(default)]
    causes: Vec<String>,
    #[serde(default)]
    causes_note: Option<String>,
    #[serde(default)]
    tool: SavedTool,
    #[serde(default)]
    checked_at: String,
    #[serde(default)]
    duration_ms: Option<u64>,
    #[serde(default)]
    target: Target,
    #[serde(default)]
    token: Token,
    #[serde(default)]
    checks: Vec<Check>,
    #[serde(default)]
    apps: Apps,
    #[serde(default)]
    warnings: Vec<Warning>,
    #[serde(default)]
    links: Vec<String>,
    #[serde(default)]
    reproduce: Vec<String>,
    #[serde(default)]
    not_checked: Vec<String>,
    #[serde(default)]
    if_dx_refuses: Vec<String>,
    #[serde(default)]
    support: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SavedTool {
    version: String,
    commit: Option<String>,
    target: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Target {
    base_url: Option<String>,
    proxy: Option<String>,
    sandbox: Option<String>,
    command: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Token {
    kind: Option<String>,
    state: String,
    source: Option<String>,
    fingerprint: Option<String>,
    message: String,
}

#[derive(Deserialize)]
struct Check {
    id: String,
    status: String,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    message: String,
    #[serde(default)]
    app: Option<AppEntry>,
    #[serde(default)]
    request: Option<Request>,
}

#[derive(Deserialize)]
struct AppEntry {
    slug: String,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    workspace: Option<String>,
    #[serde(default)]
    workspace_slug: Option<String>,
    #[serde(default)]
    is_owned_by_user: bool,
    #[serde(default)]
    is_disabled: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Request {
    url: String,
    http_status: Option<u16>,
    http_version: Option<String>,
    remote_address: Option<String>,
    duration_ms: Option<u64>,
    attempts: u32,
    #[expect(clippy::struct_field_names, reason = "the key's name is promised")]
    request_id: Option<String>,
    api_message: Option<String>,
    responder: Option<ResponderEntry>,
    outcome: String,
    failure_point: Option<String>,
    command: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResponderEntry {
    title: Option<String>,
    headers: Vec<Header>,
}

#[derive(Deserialize)]
struct Header {
    name: String,
    value: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Apps {
    total: Option<u64>,
    checked: u64,
    readable: u64,
    denied: u64,
    unknown: u64,
    not_reached: u64,
    unlisted: u64,
    workspaces: Vec<WorkspaceEntry>,
    items: Vec<AppItem>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WorkspaceEntry {
    name: Option<String>,
    apps: u64,
    readable: u64,
    denied: u64,
    without_runs: u64,
    disabled: u64,
    titles: Vec<String>,
}

#[derive(Deserialize)]
struct AppItem {
    #[serde(flatten)]
    app: AppEntry,
    #[serde(default)]
    is_first: bool,
    #[serde(default)]
    is_listed: Option<bool>,
    #[serde(default)]
    status: String,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    http_status: Option<u16>,
    #[serde(default)]
    pipelines: Option<String>,
    #[serde(default)]
    details: Option<String>,
}

#[derive(Deserialize)]
struct Warning {
    code: String,
    message: String,
}

impl Document {
    /// Tells whether what was seen may be the reason for the best verdict: no check and no app says
    /// otherwise, and there is a readable app.
    fn may_be_verified(&self) -> bool {
        let is_against = |status: &str| {
            [Status::Fail, Status::Unknown]
                .map(Status::as_str)
                .contains(&status)
                || [AppState::Denied, AppState::Unknown]
                    .map(AppState::as_str)
                    .contains(&status)
        };
        let Apps {
            readable,
            denied,
            unknown,
            not_reached,
            ..
        } = &self.apps;
        let is_covered = *readable > 0 && [denied, unknown, not_reached] == [&0; 3];
        let mut checks = self.checks.iter().map(|check| check.status.as_str());
        let mut items = self.apps.items.iter().map(|item| item.status.as_str());
        self.reason.is_none() && is_covered && !checks.any(is_against) && !items.any(is_against)
    }

    fn diagnosis(self) -> Result<Diagnosis, SavedError> {
        // Verdicts are never added within version 1.
        let verdict = find(Verdict::ALL, Verdict::as_str, &self.verdict);
        let verdict = verdict.ok_or(SavedError::Malformed)?;
        let reason = self.reason.as_deref().and_then(reason);
        if reason.is_some_and(|reason| reason.verdict() != verdict) {
            return Err(SavedError::Contradictory);
        }
        if verdict == Verdict::Verified && !self.may_be_verified() {
            return Err(SavedError::Contradictory);
        }
        let urls: Vec<String> = self
            .checks
            .iter()
            .filter_map(|check| Some(check.request.as_ref()?.url.clone()))
            .collect();
        let reproduce = self.reproduce.into_iter();
        let links = self.links.into_iter();
        let warnings = self.warnings.into_iter();
        let checks = self.checks.into_iter();
        let workspaces = self.apps.workspaces.iter();
        Ok(Diagnosis {
            tool: tool(self.tool),
            verdict,
            reason,
            exit_code: exit_code(self.exit_code, verdict),
            is_retryable: self.retryable,
            retry_after: self.retry_after_s.map(Duration::from_secs),
            evidence: EvidenceKind::Report,
            result: text(&self.message),
            remarks: remarks(&self.remarks),
            dx: self.dx_message.as_deref().map(text),
            token: token(&self.token),
            who: self.who.and_then(|who| find(Who::ALL, Who::as_str, &who)),
            who_text: self.who_message.as_deref().map(text),
            actions: texts(&self.actions),
            warnings: warnings
                .map(|warning| (name(&warning.code), text(&warning.message)))
                .collect(),
            causes_note: self.causes_note.map(|note| harmless(&note).into()),
            causes: texts(&self.causes),
            coverage: coverage(&self.apps),
            workspaces: workspaces.map(workspace).collect(),
            apps: self.apps.items.iter().filter_map(app_result).collect(),
            not_checked: texts(&self.not_checked),
            if_dx_refuses: texts(&self.if_dx_refuses),
            questions: texts(&self.support),
            reproduce: reproduce
                .filter(|command| is_ours(command, &urls))
                .collect(),
            links: links
                .filter(|link| is_known_place(link))
                .map(Cow::from)
                .collect(),
            checks: checks.filter_map(|saved| check(saved, &urls)).collect(),
            target: target(self.target),
            checked_at: humantime::parse_rfc3339(&self.checked_at)
                .unwrap_or(SystemTime::UNIX_EPOCH),
            duration: self.duration_ms.map(Duration::from_millis),
        })
    }
}

/// Finds the value that has a name.
fn find<T: Copy>(all: &[T], name_of: impl Fn(T) -> &'static str, name: &str) -> Option<T> {
    all.iter().copied().find(|known| name_of(*known) == name)
}

fn reason(name: &str) -> Option<Reason> {
    find(Reason::ALL, Reason::as_str, name)
}

/// Returns the exit code of the run: the verdict's, 1 if a report could not be written, or a
/// signal's. No run had another one.
fn exit_code(saved: u64, verdict: Verdict) -> u8 {
    let signals = Signal::ALL.iter().map(|signal| signal.exit_code());
    // A run that a signal ended is never verified.
    let signals = signals.filter(|_| verdict != Verdict::Verified);
    let mut others = signals.chain([1]);
    let other = others.find(|code| u64::from(*code) == saved);
    other.unwrap_or(verdict.exit_code())
}

/// Returns the remarks, the first of which says where all of this comes from.
fn remarks(saved: &[String]) -> Vec<Text> {
    const ORIGIN: &str = "From a saved report: nothing was checked again.";
    let others = saved.iter().filter(|remark| *remark != ORIGIN);
    let first = Text::from(ORIGIN);
    [first]
        .into_iter()
        .chain(others.map(|remark| text(remark)))
        .collect()
}

fn tool(saved: SavedTool) -> Tool {
    Tool {
        version: name(&saved.version),
        commit: saved.commit.map(|commit| name(&commit)),
        target: saved.target.map(|target| name(&target)),
    }
}

fn target(saved: Target) -> TargetLine {
    let base_url = saved.base_url.as_deref().map(address);
    TargetLine {
        is_bitrise: base_url.as_deref().is_some_and(is_bitrise),
        base_url,
        proxy: saved.proxy.as_deref().map(address),
        sandbox: saved.sandbox.map(|scenario| name(&scenario)),
        command: harmless(&saved.command),
    }
}

fn token(saved: &Token) -> TokenLine {
    const KINDS: &[TokenKind] = &[
        TokenKind::Workspace,
        TokenKind::Personal,
        TokenKind::Unknown,
    ];
    let state = find(TokenState::ALL, TokenState::as_str, &saved.state);
    let kind = saved.kind.as_deref();
    let source = saved.source.as_deref();
    let is_fingerprint =
        |text: &&str| text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    TokenLine {
        state: state.unwrap_or(TokenState::NotTested),
        kind: kind.and_then(|kind| find(KINDS, TokenKind::as_str, kind)),
        source: source.and_then(|source| find(TokenSource::ALL, TokenSource::as_str, source)),
        fingerprint: saved
            .fingerprint
            .as_deref()
            .filter(is_fingerprint)
            .map(str::to_owned),
        text: text(&saved.message),
    }
}

/// Returns a check, unless it is one that this program doesn't know.
fn check(saved: Check, urls: &[String]) -> Option<CheckLine> {
    let status = find(Status::ALL, Status::as_str, &saved.status);
    Some(CheckLine {
        id: find(CheckId::ALL, CheckId::as_str, &saved.id)?,
        status: status.unwrap_or(Status::Unknown),
        reason: saved.reason.as_deref().and_then(reason),
        was_asked_for: status != Some(Status::Skip),
        text: text(&saved.message),
        app: saved.app.as_ref().and_then(app),
        request: saved.request.map(|saved| request(saved, urls)),
    })
}

fn request(saved: Request, urls: &[String]) -> RequestLine {
    let version = saved.http_version.filter(|version| {
        let number = version.strip_prefix("HTTP/").unwrap_or_default();
        let is_number = number.chars().all(|c| c.is_ascii_digit() || c == '.');
        is_number && (1..=3).contains(&number.len())
    });
    let remote_address = saved.remote_address.as_deref();
    let command = Some(saved.command).filter(|command| is_ours(command, urls));
    RequestLine {
        url: address(&saved.url),
        status: saved.http_status,
        http_version: version,
        remote_address: remote_address.map(harmless),
        elapsed: saved.duration_ms.map(Duration::from_millis),
        attempts: saved.attempts,
        request_id: saved.request_id.map(Untrusted::new),
        api_message: saved.api_message.map(Untrusted::new),
        responder: saved.responder.map(responder),
        outcome: text(&saved.outcome),
        failure_point: saved.failure_point.as_deref().map(text),
        command: command.unwrap_or_default(),
    }
}

fn responder(saved: ResponderEntry) -> Responder {
    let headers = saved.headers.into_iter();
    Responder {
        title: saved.title.map(Untrusted::new),
        headers: headers
            .map(|header| (Untrusted::new(header.name), Untrusted::new(header.value)))
            .collect(),
    }
}

fn app(saved: &AppEntry) -> Option<App> {
    Some(App {
        slug: Slug::parse(&saved.slug)?,
        title: saved.title.as_deref().map(Untrusted::new),
        workspace: saved.workspace.as_deref().map(Untrusted::new),
        workspace_slug: saved.workspace_slug.as_deref().map(Untrusted::new),
        is_owned_by_user: saved.is_owned_by_user,
        is_disabled: saved.is_disabled,
    })
}

fn app_result(saved: &AppItem) -> Option<AppResult> {
    let state = find(AppState::ALL, AppState::as_str, &saved.status);
    let runs = saved.pipelines.as_deref();
    let details = saved.details.as_deref();
    Some(AppResult {
        app: app(&saved.app)?,
        is_first: saved.is_first,
        is_listed: saved.is_listed,
        state: state.unwrap_or(AppState::Unknown),
        reason: saved.reason.as_deref().and_then(reason),
        http_status: saved.http_status,
        runs: runs.and_then(|runs| find(Runs::ALL, Runs::as_str, runs)),
        details: details.and_then(|details| find(Status::ALL, Status::as_str, details)),
    })
}

/// Returns a count that sums of counts can be made of.
fn count(saved: u64) -> u64 {
    saved.min(u64::from(u32::MAX))
}

fn coverage(saved: &Apps) -> Coverage {
    Coverage {
        total: saved.total.map(count),
        checked: count(saved.checked),
        readable: count(saved.readable),
        denied: count(saved.denied),
        unlisted: count(saved.unlisted),
        unknown: count(saved.unknown),
        not_reached: count(saved.not_reached),
    }
}

fn workspace(saved: &WorkspaceEntry) -> Workspace {
    Workspace {
        name: saved.name.as_deref().map(Untrusted::new),
        apps: count(saved.apps),
        readable: count(saved.readable),
        denied: count(saved.denied),
        without_runs: count(saved.without_runs),
        disabled: count(saved.disabled),
        titles: saved.titles.iter().map(Untrusted::new).collect(),
    }
}

fn texts(saved: &[String]) -> Vec<Text> {
    saved.iter().map(|sentence| text(sentence)).collect()
}

/// Returns a sentence: what stands between “ and ” is foreign text, commands are commands, and
/// everything is escaped.
fn text(sentence: &str) -> Text {
    let mut text = Text::default();
    let sentence = harmless(sentence);
    let mut rest = sentence.as_str();
    while let Some((before, (quoted, after))) = quotation(rest) {
        text = if quoted.chars().count() > MAX_QUOTED {
            own(text, &rest[..rest.len() - after.len()])
        } else {
            let quoted = Untrusted::new(quoted);
            own(text, before).own("“").foreign(&quoted).own("”")
        };
        rest = after;
    }
    own(text, rest)
}

/// Returns what stands before the first quotation, in it and after it.
fn quotation(text: &str) -> Option<(&str, (&str, &str))> {
    let (before, opened) = text.split_once('“')?;
    Some((before, opened.split_once('”')?))
}

/// Adds words that are not quoted. A command of this program is one, and so is each word with signs
/// that have a meaning in some format, such as an address or a name for scripts.
fn own(mut text: Text, words: &str) -> Text {
    const SUBCOMMANDS: [&str; 7] = [
        "verify",
        "sandbox",
        "explain",
        "diagnose",
        "schema",
        "man",
        "completions",
    ];
    let is_mark = |c: char| matches!(c, ' ' | '.' | ',' | ';' | ':' | ')');
    let mut command = String::new();
    for word in words.split_inclusive(' ') {
        let bare = word.trim_end_matches(is_mark);
        let (opening, bare) = bare.split_at(bare.len() - bare.trim_start_matches('(').len());
        let after = &word[opening.len() + bare.len()..];
        let goes_on = bare.starts_with("--") || SUBCOMMANDS.contains(&bare);
        if command.ends_with(' ') && goes_on && opening.is_empty() {
            command += bare;
        } else {
            text = flush(text, &mut command).own(opening);
            if bare == "bitrise-dx" {
                command += bare;
            } else {
                text = set_word(text, bare);
            }
        }
        if !command.is_empty() && after == " " {
            command += after;
        } else {
            text = flush(text, &mut command).own(after);
        }
    }
    flush(text, &mut command)
}

/// Adds a word.
fn set_word(text: Text, word: &str) -> Text {
    /// The longest word that a line need not break.
    const MAX_WORD: usize = 80;
    let is_plain = |c: char| c.is_alphanumeric() || "-–→·…'’“”%/:.,;()+?".contains(c);
    let has_letter = word.contains(char::is_alphanumeric) || "–→·…“”".contains(word);
    let is_reference = word.starts_with(':') || word.contains("www.") || word.contains("://");
    let is_own = word.chars().all(is_plain) && has_letter && !is_reference;
    if is_own && word.chars().count() <= MAX_WORD {
        text.own(word)
    } else if word.chars().count() <= MAX_WORD || is_known_place(word) {
        text.command(word)
    } else {
        text.foreign(&Untrusted::new(word))
    }
}

/// Adds what was collected of a command, and the space that stands behind it.
fn flush(text: Text, command: &mut String) -> Text {
    let whole = std::mem::take(command);
    let bare = whole.trim_end();
    let after = &whole[bare.len()..];
    if bare.is_empty() {
        text.own(after)
    } else {
        text.command(bare).own(after)
    }
}

/// Returns a text in one harmless line. An IPv6 address is left as it is: its two colons open no
/// workflow command.
fn harmless(text: &str) -> String {
    let text: String = text.chars().take(MAX_SENTENCE).collect();
    let mut out = String::new();
    let mut pending = String::new();
    for word in text.split_inclusive(' ') {
        let is_mark = |c: char| matches!(c, ' ' | '.' | ',' | ';' | '(' | ')');
        let bare = word.trim_matches(is_mark);
        let bare = bare
            .strip_suffix(':')
            .filter(|_| !bare.ends_with("::"))
            .unwrap_or(bare);
        let is_address = bare.parse::<IpAddr>().is_ok() || bare.parse::<SocketAddr>().is_ok();
        if is_address {
            out += &escape_unprintable(&std::mem::take(&mut pending));
            out += word;
        } else {
            pending += word;
        }
    }
    out + &escape_unprintable(&pending)
}

/// Returns a name that scripts read, or a version: plain words alone.
fn name(text: &str) -> Cow<'static, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '+');
    let is_name = (1..=64).contains(&text.len()) && text.chars().all(is_plain);
    if is_name {
        text.to_owned().into()
    } else {
        "unknown".into()
    }
}

/// Returns an address as it stands if it can be one, and escaped otherwise.
fn address(text: &str) -> String {
    let is_url = Url::parse(text).is_ok_and(|url| url.has_host() && url.password().is_none());
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if is_url && is_plain && text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        text.chars().take(MAX_SENTENCE).collect()
    } else {
        harmless(text)
    }
}

/// Tells whether a link leads to a page of DX's or Bitrise's.
fn is_known_place(link: &str) -> bool {
    let is_plain = link.bytes().all(|byte| byte.is_ascii_graphic());
    let url = Url::parse(link).ok().filter(|_| is_plain);
    let is_known = |name: &str| {
        let is_in = |domain: &str| {
            name.strip_suffix(domain)
                .is_some_and(|before| before.is_empty() || before.ends_with('.'))
        };
        is_in("getdx.com") || is_in("bitrise.io") || is_in("bitrise.com")
    };
    let plain_text = |c: char| !matches!(c, '<' | '>' | '"' | '\'' | '`' | '\\');
    url.is_some_and(|url| {
        url.scheme() == "https"
            && url.username().is_empty()
            && url.password().is_none()
            && link.chars().all(plain_text)
            && url.domain().is_some_and(is_known)
    })
}

/// Tells whether a command is one that this program writes, and sends the token to Bitrise or this
/// machine alone, to an address that the report itself names.
fn is_ours(command: &str, urls: &[String]) -> bool {
    let Some(words) = shell_words(command) else {
        return false;
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["curl" | "curl.exe", arguments @ ..] => is_our_curl(arguments, urls),
        [
            "bitrise-dx",
            "sandbox",
            "--listen",
            listen,
            "--scenario",
            scenario,
            ..,
        ] => {
            let is_rest_fine = matches!(words.get(6..), Some([] | ["&"]));
            let is_here = |address: SocketAddr| address.ip().is_loopback();
            is_rest_fine && listen.parse().is_ok_and(is_here) && name(scenario) == *scenario
        }
        ["export", variable] => {
            let value = variable.strip_prefix("BITRISE_TOKEN=");
            value.is_some_and(|value| name(value) == value)
        }
        _ => false,
    }
}

fn is_our_curl(arguments: &[&str], urls: &[String]) -> bool {
    let mut arguments = arguments.iter().copied();
    let mut address = None;
    while let Some(argument) = arguments.next() {
        let is_fine = match argument {
            "-sS" | "-i" => true,
            "-H" => matches!(
                arguments.next(),
                Some(
                    "Authorization: $BITRISE_TOKEN"
                        | "Authorization: $env:BITRISE_TOKEN"
                        | "Accept: application/json"
                )
            ),
            "--cacert" => arguments.next().is_some(),
            url => address.replace(url).is_none(),
        };
        if !is_fine {
            return false;
        }
    }
    address.is_some_and(|url| urls.iter().any(|known| known == url) && is_trusted(url))
}

/// Tells whether an address is Bitrise's or this machine's.
fn is_trusted(url: &str) -> bool {
    let Ok(parsed) = Url::parse(url) else {
        return false;
    };
    let is_here = is_loopback(&parsed);
    match parsed.scheme() {
        "https" => is_here || is_bitrise(url),
        "http" => is_here,
        _ => false,
    }
}

/// Returns a command's words, or nothing if a shell would do more with it than run one program: no
/// other variable, no substitution, no second command.
fn shell_words(command: &str) -> Option<Vec<String>> {
    let mut words = vec![String::new()];
    let (mut quote, mut rest) = (None, command.char_indices());
    while let Some((at, c)) = rest.next() {
        let word = words.last_mut()?;
        match (quote, c) {
            (_, c) if c.is_control() => return None,
            (Some(open), c) if c == open => quote = None,
            (Some('\''), c) => word.push(c),
            (Some(_), '$') => {
                let name = &command[at + 1..];
                let name = name.strip_prefix("env:").unwrap_or(name);
                let after = name.strip_prefix("BITRISE_TOKEN")?;
                after.starts_with('"').then(|| word.push('$'))?;
            }
            (Some(_), '\\' | '`' | '!') => return None,
            (Some(_), c) => word.push(c),
            (None, '\'' | '"') => quote = Some(c),
            // A quotation mark between two quoted parts.
            (None, '\\') => match rest.next() {
                Some((_, '\'')) => word.push('\''),
                Some(_) | None => return None,
            },
            (None, ' ') => words.push(String::new()),
            (None, '&') if at + 1 == command.len() && word.is_empty() => word.push(c),
            (None, c) if c.is_ascii_alphanumeric() || "-_=.:/[]".contains(c) => word.push(c),
            (None, _) => return None,
        }
    }
    words.retain(|word| !word.is_empty());
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Span;

    const URL: &str = "https://api.bitrise.io/v0.1/apps?limit=50";

    fn runs(command: &str, url: &str) -> bool {
        is_ours(command, &[url.to_owned()])
    }

    #[test]
    fn the_commands_of_a_report_are_taken_over() {
        let curl = "curl -sS -i -H \"Authorization: $BITRISE_TOKEN\" -H 'Accept: application/json'";
        for (command, url) in [
            (format!("{curl} '{URL}'"), URL),
            (format!("{curl} --cacert '/tmp/it'\\''s.pem' '{URL}'"), URL),
            (
                format!("{curl} 'http://127.0.0.1:1/v'"),
                "http://127.0.0.1:1/v",
            ),
            (
                format!(
                    "curl.exe -sS -i -H \"Authorization: $env:BITRISE_TOKEN\" -H \"Accept: application/json\" \"{URL}\""
                ),
                URL,
            ),
            (
                "bitrise-dx sandbox --listen 127.0.0.1:9 --scenario slow &".to_owned(),
                URL,
            ),
            ("export BITRISE_TOKEN=bitwat_made_up".to_owned(), URL),
        ] {
            assert!(runs(&command, url), "{command}");
        }
    }

    #[test]
    fn a_command_that_somebody_wrote_into_a_report_is_not() {
        for (command, url) in [
            ("curl -sS 'https://evil.example/'", "https://evil.example/"),
            (
                "curl -sS 'https://api.bitrise.io.evil.example/'",
                "https://api.bitrise.io.evil.example/",
            ),
            ("curl -sS 'https://api.bitrise.io/other'", URL),
            (
                "curl -sS -o x 'https://api.bitrise.io/v0.1/apps?limit=50'",
                URL,
            ),
            (
                "curl -sS -x evil.example 'https://api.bitrise.io/v0.1/apps?limit=50'",
                URL,
            ),
            (
                "curl -sS 'https://api.bitrise.io/v0.1/apps?limit=50' | sh",
                URL,
            ),
            (
                "curl -sS 'https://api.bitrise.io/v0.1/apps?limit=50'; rm -r x",
                URL,
            ),
            (
                "curl -sS 'https://api.bitrise.io/v0.1/apps?limit=50' & rm",
                URL,
            ),
            (
                "curl -sS \"https://api.bitrise.io/v0.1/apps?limit=50\" $(rm)",
                URL,
            ),
            (
                "curl -sS -H \"$HOME\" 'https://api.bitrise.io/v0.1/apps?limit=50'",
                URL,
            ),
            (
                "curl -sS -H \"`rm`\" 'https://api.bitrise.io/v0.1/apps?limit=50'",
                URL,
            ),
            (
                "curl -sS 'https://api.bitrise.io/v0.1/apps?limit=50'\nrm",
                URL,
            ),
            (
                "sudo curl -sS 'https://api.bitrise.io/v0.1/apps?limit=50'",
                URL,
            ),
            (
                "curl -sS 'http://api.bitrise.io/'",
                "http://api.bitrise.io/",
            ),
            ("bitrise-dx sandbox --listen 0.0.0.0:9 --scenario slow", URL),
            ("export BITRISE_TOKEN=x PATH=y", URL),
            ("", URL),
        ] {
            assert!(!runs(command, url), "{command}");
        }
    }

    #[test]
    fn a_link_leads_to_dx_or_bitrise() {
        for link in [
            "https://docs.getdx.com/connectors/bitrise/",
            "https://bitrise.io",
        ] {
            assert!(is_known_place(link), "{link}");
        }
        for link in [
            "javascript:alert(1)",
            "http://bitrise.io",
            "https://notbitrise.io",
            "https://bitrise.io.evil.example",
            "https://evil@bitrise.io",
            "https://bitrise.io/\"onclick='x'",
        ] {
            assert!(!is_known_place(link), "{link}");
        }
    }

    #[test]
    fn a_sentence_keeps_its_words_and_its_kinds() {
        let sentence = "See “a b”, run bitrise-dx verify --all-apps, at 2001:db8::1 · [::1]:443: x";
        let text = text(sentence);
        assert_eq!(text.to_string(), sentence);
        let commands: Vec<_> = text
            .spans()
            .iter()
            .filter_map(|span| match span {
                Span::Command(command) => Some(command.as_str()),
                Span::Own(_) | Span::Foreign(_) | Span::Block(_) => None,
            })
            .collect();
        assert_eq!(commands[0], "bitrise-dx verify --all-apps");
        assert_eq!(text.spans()[1], Span::Foreign(Untrusted::new("a b")));
        let forged = super::text("a\n::error::x \u{202e}“::y\u{1b}”");
        assert_eq!(
            forged.to_string(),
            r"a\u{a}:\u{3a}error:\u{3a}x \u{202e}“\u{3a}\u{3a}y\u{1b}”"
        );
    }

    #[test]
    fn what_is_no_report_is_refused_by_name() {
        let report = |version: &str, rest: &str| {
            format!(r#"{{"schema_version": "{version}", "tool": {{"name": "bitrise-dx"}}{rest}}}"#)
        };
        let error = |json: &str| read(json).err();
        for json in [
            "",
            "{}",
            "[1]",
            r#"{"schema_version": "1.0", "tool": {"name": "x"}}"#,
        ] {
            assert_eq!(error(json), Some(SavedError::NotAReport), "{json}");
        }
        let other = error(&report("2.0", "")).unwrap().to_string();
        assert!(other.contains("2.0"), "{other}");
        assert_eq!(error(&report("1.0", "")), Some(SavedError::Malformed));
        let contradictory =
            r#", "verdict": "verified", "reason": "token_rejected", "message": "", "exit_code": 0"#;
        assert_eq!(
            error(&report("1.7", contradictory)),
            Some(SavedError::Contradictory)
        );
        let newer = r#", "verdict": "inconclusive", "reason": "new", "message": "m", "exit_code": 9, "new": [], "who": "moon",
            "checks": [{"id": "new", "status": "pass"}, {"id": "apps.list", "status": "new"}]"#;
        let read = read(&report("1.7", newer)).unwrap();
        assert_eq!((read.reason, read.exit_code, read.who), (None, 4, None));
        assert_eq!(read.checks.len(), 1);
        assert_eq!(read.checks[0].status, Status::Unknown);
    }
}

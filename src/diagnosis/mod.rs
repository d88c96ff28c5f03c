//! What a report means for whom: the one place where meaning becomes words.
//!
//! [`Diagnosis`] is complete: a format shows it and needs nothing else, and decides and words
//! nothing. The report in JSON is a diagnosis written down, so that a saved one can be read back
//! and shown in every other format.
//!
//! Invariant: pure. Text that is not ours stands in [`crate::text::Text`] as foreign, and in
//! [`crate::text::Untrusted`], nowhere else.

mod catalogue;
pub mod ci;
mod conditions;
mod explain;
mod extent;
mod facts;
mod known;
mod lines;
mod reply;
mod reproduce;
mod result;
mod saved;
mod sentence;
mod values;

pub use catalogue::{happened, words};
pub use explain::{StatusLine, codes, page, status};
pub use extent::Coverage;
pub use known::{BrokenRoots, Known, RootsFault};
pub use saved::{form, read};
pub use values::{a_few, app_in_workspace, apps, span};

use crate::app::App;
use crate::check::{Check, CheckId, Status};
use crate::exchange::{Fault, Responder, is_bitrise};
use crate::names::names;
use crate::report::{
    AppResult, BaseUrlSource, EvidenceKind, Report, Selection, TokenSource, TokenState,
};
use crate::text::{Text, Untrusted};
use crate::token::TokenKind;
use crate::verdict::{Reason, Verdict};
use catalogue::named;
use facts::{Facts, is_of_run};
use reproduce::curl;
use saved::{known, readable};
use sentence::{fill, list, said, say, spoken};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::net::SocketAddr;
use values::{millis, rfc3339};

/// The version of the document's form.
const SCHEMA_VERSION: &str = "1.0";

/// A run and what it means, ready to be shown.
///
/// This is the report in JSON: what is written, and what [`read`] reads. Keys and values are only
/// added within version 1. A key that a newer program has added is left out, and what an older
/// one did not write yet counts as not known.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Diagnosis {
    /// The version of the document's form.
    #[serde(skip_deserializing)]
    pub schema_version: Cow<'static, str>,
    /// The verdict.
    pub verdict: Verdict,
    /// The code that DX shows, if it meets what was seen.
    pub dx_error: Option<Cow<'static, str>>,
    /// The reason for it, unless the token is verified.
    #[serde(default, deserialize_with = "known")]
    pub reason: Option<Reason>,
    /// The answer in one sentence, with the names in it.
    #[serde(rename = "message", skip_deserializing)]
    pub result: Text,
    /// What is said of the result beneath it, a line each: that it comes from the sandbox or from
    /// pasted text, that the base URL is not Bitrise's.
    #[serde(skip_deserializing)]
    pub remarks: Vec<Text>,
    /// The exit code of the process.
    pub exit_code: u8,
    /// Whether the same run may end otherwise a little later, with nothing changed.
    #[serde(rename = "retryable")]
    pub is_retryable: bool,
    /// How long the server asks to wait, if that is what decided.
    pub retry_after_s: Option<u64>,
    /// Who has to act.
    #[serde(skip_deserializing)]
    pub who: Option<Who>,
    /// The same in words, with the names filled in.
    #[serde(rename = "who_message", skip_deserializing)]
    pub who_text: Option<Text>,
    /// What DX does, if that is more than the result says.
    #[serde(rename = "dx_message", skip_deserializing)]
    pub dx: Option<Text>,
    /// What to do, in order.
    #[serde(skip_deserializing)]
    pub actions: Vec<Text>,
    /// The causes that the run has not ruled out, likeliest first.
    #[serde(skip_deserializing)]
    pub causes: Vec<Text>,
    /// What stands behind the heading of the causes, such as that Bitrise doesn't say which.
    #[serde(skip_deserializing)]
    pub causes_note: Option<Cow<'static, str>>,
    /// How what was seen came here.
    pub evidence: EvidenceKind,
    /// The program that made it.
    #[serde(skip_deserializing)]
    pub tool: Tool,
    /// When the run started.
    pub checked_at: String,
    /// How long it took; nothing for pasted text.
    pub duration_ms: Option<u64>,
    /// What the run was asked to do.
    pub target: TargetLine,
    /// What is known of the token.
    pub token: TokenLine,
    /// The checks, in the order in which they were made.
    #[serde(deserialize_with = "readable")]
    pub checks: Vec<CheckLine>,
    /// What the token sees, and what became of each app.
    #[serde(deserialize_with = "saved::apps")]
    pub apps: Apps,
    /// What is worth a word but didn't decide.
    #[serde(deserialize_with = "readable")]
    pub warnings: Vec<WarningLine>,
    /// DX's own page.
    #[serde(skip_deserializing)]
    pub docs_url: Cow<'static, str>,
    /// Where to read more.
    #[serde(skip_deserializing)]
    pub links: Vec<Cow<'static, str>>,
    /// Commands that reproduce the requests, with a variable in place of the token.
    #[serde(skip_deserializing)]
    pub reproduce: Vec<String>,
    /// What was not checked and may change the reader's next step.
    #[serde(skip_deserializing)]
    pub not_checked: Vec<Text>,
    /// What to look at if DX still refuses a verified token, in order.
    #[serde(skip_deserializing)]
    pub if_dx_refuses: Vec<Text>,
    /// What somebody who helps should ask next, the most telling question first.
    #[serde(rename = "support", skip_deserializing)]
    pub questions: Vec<Text>,
    /// The answer to whoever pasted the text, to be sent as it is.
    #[serde(skip_deserializing)]
    pub reply: Option<String>,
}

impl Diagnosis {
    /// Returns the requests that were kept as evidence, in the order of the checks.
    pub fn requests(&self) -> impl Iterator<Item = &RequestLine> {
        let checks = self.checks.iter();
        checks.filter_map(|check| check.request.as_ref())
    }
}

/// Makes the diagnosis of a report.
pub fn diagnose(report: Report, known: &Known) -> Diagnosis {
    let mut facts = Facts::of(&report, known);
    let entry = named(facts.reason.map_or("verified", Reason::as_str));
    let is_text = report.evidence == EvidenceKind::Pasted && report.pasted.is_some();
    let open = report.pasted.iter().flat_map(|pasted| &pasted.settled_by);
    facts.commands = open.map(|url| curl(url, &facts)).collect();
    let causes = entry.causes_left(&facts);
    let actions = entry.actions_left(&facts, &causes);
    facts.causes_left = causes.len();
    facts.cause = causes.first().and_then(|first| {
        let is_known = first.holds(&facts) == Some(true);
        (is_known || causes.len() == 1).then_some(&*first.text)
    });
    let is_shown = |check: &&Check| !(is_text && is_of_run(check));
    let checks = report.checks.iter().filter(is_shown);
    let checks: Vec<CheckLine> = checks.map(|check| lines::check(check, &facts)).collect();
    let (who, who_text) = { actions.first() }
        .and_then(|action| result::who(action, &facts))
        .unzip();
    let (result, is_cause_said) = result::result(entry, &causes, &facts);
    let mut diagnosis = Diagnosis {
        schema_version: SCHEMA_VERSION.into(),
        dx_error: report.verdict().dx_error().map(Cow::Borrowed),
        docs_url: words("link", "dx").into(),
        reply: reply::reply(entry, &causes, &actions, &facts),
        tool: Tool::default(),
        verdict: report.verdict(),
        reason: report.reason(),
        exit_code: report.exit_code(),
        is_retryable: report.reason().is_some_and(Reason::is_retryable),
        retry_after_s: report.retry_after().map(|wait| wait.as_secs()),
        evidence: report.evidence,
        result,
        remarks: [list(named("remarks"), &facts), list(entry, &facts)].concat(),
        dx: spoken(entry, "dx", &facts),
        token: TokenLine {
            state: report.token_state(),
            kind: report.token.kind,
            source: report.token.source,
            fingerprint: report.token.fingerprint.clone(),
            text: say("token_line", &facts),
        },
        who,
        who_text,
        actions: result::actions(&actions, &facts),
        warnings: { Warning::ALL.iter().copied() }
            .filter_map(|code| {
                let message = said(&format!("warning {}", code.as_str()), &facts)?;
                Some(WarningLine { code, message })
            })
            .collect(),
        reproduce: reproduce(&checks, &report, &facts),
        checks,
        causes_note: (causes.len() > 1).then(|| say("causes_note", &facts).to_string().into()),
        causes: { causes.iter() }
            .skip(usize::from(is_cause_said))
            .map(|cause| fill(&cause.text, &facts).capitalized())
            .collect(),
        apps: Apps {
            coverage: facts.coverage,
            listed: report.list.listed as u64,
            workspaces: extent::workspaces(&report),
            begins_with_app: report.list.begins_with_app,
            first: report.list.sample.clone(),
            items: Vec::new(),
        },
        not_checked: list(named("not_checked"), &facts),
        if_dx_refuses: list(named("if_dx_refuses"), &facts),
        questions: { entry.all("ask") }
            .map(|ask| fill(&ask.text, &facts))
            .collect(),
        links: entry.links().map(Cow::Borrowed).collect(),
        target: target(&report, &facts),
        checked_at: rfc3339(report.checked_at),
        // What ends before it starts took no time; of a pasted text it is not known.
        duration_ms: { report.duration.map(millis) }.or((!facts.is_told).then_some(0)),
    };
    // There may be thousands, which are not copied.
    diagnosis.apps.items = report.apps;
    diagnosis
}

/// Returns the commands that settle what is open, or else those that repeat the requests, each once.
fn reproduce(checks: &[CheckLine], report: &Report, facts: &Facts) -> Vec<String> {
    let mut commands = facts.commands.clone();
    let is_open = !commands.is_empty();
    // The sandbox of an earlier run is gone.
    let is_gone = report.evidence == EvidenceKind::Report && report.target.sandbox.is_some();
    let requests = checks.iter().filter_map(|check| check.request.as_ref());
    for request in requests.filter(|_| !(is_open || is_gone)) {
        if commands.is_empty() {
            // The sandbox ends with the run.
            let start = list(named("start_again"), facts);
            commands.extend(start.iter().map(ToString::to_string));
        }
        if !commands.contains(&request.command) {
            commands.push(request.command.clone());
        }
    }
    commands
}

/// Returns what the run was asked to do.
fn target(report: &Report, facts: &Facts) -> TargetLine {
    let target = &report.target;
    TargetLine {
        base_url: target.base_url.clone(),
        is_bitrise: target.base_url.as_deref().is_some_and(is_bitrise),
        proxy: target.proxy.clone(),
        sandbox: { target.sandbox.as_ref() }.map(|sandbox| sandbox.scenario.clone()),
        command: say("command", facts).to_string(),
        apps: report.options.selection,
        pipeline_details: report.options.details,
        base_url_source: target.base_url_source,
        has_ca_cert: target.ca_cert.is_some(),
    }
}

/// The build of the program that made a diagnosis.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Tool {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its version.
    pub version: Cow<'static, str>,
    /// The commit it was built from, shortened; nothing if the source was no repository.
    pub commit: Option<Cow<'static, str>>,
    /// The platform it was built for, as Rust names it.
    pub target: Option<Cow<'static, str>>,
}

impl Default for Tool {
    /// Returns this build.
    fn default() -> Self {
        let known = |text: &'static str| Some(Cow::from(text)).filter(|text| !text.is_empty());
        Self {
            name: env!("CARGO_PKG_NAME").into(),
            version: env!("CARGO_PKG_VERSION").into(),
            commit: known(env!("BITRISE_DX_COMMIT")),
            target: known(env!("BITRISE_DX_TARGET")),
        }
    }
}

/// What is known of the token.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct TokenLine {
    /// Its kind, if there was a token to look at.
    #[serde(default, deserialize_with = "known")]
    pub kind: Option<TokenKind>,
    /// What came of it.
    pub state: TokenState,
    /// Where it came from.
    #[serde(default, deserialize_with = "known")]
    pub source: Option<TokenSource>,
    /// The first 8 hex digits of its SHA-256.
    pub fingerprint: Option<String>,
    /// All of that in a few words: “accepted by Bitrise · workspace API token · fingerprint …”.
    #[serde(rename = "message", skip_deserializing)]
    pub text: Text,
}

/// A warning: a code for scripts and a sentence.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct WarningLine {
    /// The code.
    pub code: Warning,
    /// One or two sentences.
    #[serde(skip_deserializing)]
    pub message: Text,
}

/// What the token sees, and what became of the apps that were to be checked.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Apps {
    /// How many apps ended in which way.
    #[serde(flatten, skip_deserializing)]
    pub coverage: Coverage,
    /// How many apps stood on the pages of the list that were read.
    #[serde(default)]
    pub listed: u64,
    /// What the token sees, one entry a workspace, the largest first.
    #[serde(deserialize_with = "readable")]
    pub workspaces: Vec<Workspace>,
    /// Whether the list begins with the first of these; nothing if no list was read.
    pub begins_with_app: Option<bool>,
    /// The first apps of the list, at most a page of them.
    #[serde(default, deserialize_with = "readable")]
    pub first: Vec<App>,
    /// Each app that was checked or was to be checked.
    #[serde(deserialize_with = "readable")]
    pub items: Vec<AppResult>,
}

names! {
    /// Something that is worth a word but doesn't decide.
    pub enum Warning {
        /// White space around the token was dropped.
        TokenTrimmed = "token_trimmed",
        /// `token ` stood in front of the token.
        TokenScheme = "token_scheme",
        /// The token that Bitrise accepted is a person's.
        PersonalToken = "personal_token",
        /// An app is refused and disabled on Bitrise, and decides nothing, since another one is
        /// readable and DX does not look at it.
        DisabledApp = "disabled_app",
        /// An app can be read but is not in the token's list, so DX won't find it there.
        AppNotListed = "app_not_listed",
        /// A token or another secret stands in the pasted text.
        TokenInText = "token_in_text",
    }
}

names! {
    /// Those who may have to act.
    pub enum Who {
        /// Whoever ran the program.
        You = "you",
        /// Whoever pasted what they saw.
        Customer = "customer",
        /// Whoever manages API tokens in the Bitrise workspace.
        BitriseAdmin = "bitrise_admin",
        /// Whoever runs the network.
        NetworkAdmin = "network_admin",
        /// Nobody: it passes by itself.
        Wait = "wait",
    }
}

/// One check and how it ended.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CheckLine {
    /// What was looked at.
    pub id: CheckId,
    /// How it ended.
    pub status: Status,
    /// Why it did not pass.
    #[serde(default, deserialize_with = "known")]
    pub reason: Option<Reason>,
    /// One sentence, without a full stop.
    #[serde(rename = "message", skip_deserializing)]
    pub text: Text,
    /// The app that was looked at.
    pub app: Option<App>,
    /// The request that was made.
    pub request: Option<RequestLine>,
}

/// One request and what came of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RequestLine {
    /// The method.
    pub method: Cow<'static, str>,
    /// The address that was asked for, with the query.
    pub url: String,
    /// The status of the response.
    #[serde(rename = "http_status")]
    pub status: Option<u16>,
    /// The protocol, as in `HTTP/2`.
    pub http_version: Option<Cow<'static, str>>,
    /// The address that was connected to, with its port.
    pub remote_address: Option<SocketAddr>,
    /// From the start of the first attempt to the end of the last; nothing for pasted text.
    #[serde(skip_deserializing)]
    pub duration_ms: Option<u64>,
    /// How many attempts were made.
    pub attempts: u32,
    /// How long the server asks to wait.
    pub retry_after_s: Option<u64>,
    /// The value of `X-Request-Id`.
    pub request_id: Option<Untrusted>,
    /// What the server says in its own words.
    pub api_message: Option<Untrusted>,
    /// The host that a redirect leads to.
    pub location: Option<Untrusted>,
    /// Who answered, if it was not Bitrise's API.
    pub responder: Option<Responder>,
    /// Why there was no response, or no complete one.
    #[serde(default, deserialize_with = "known")]
    pub fault: Option<Fault>,
    /// What became of it in a few words: “404 “Not Found” · request 0c9b”.
    #[serde(skip_deserializing)]
    pub outcome: Text,
    /// Where a request failed: “failed at: the TLS handshake with H; the token was not sent”.
    #[serde(skip_deserializing)]
    pub failure_point: Option<Text>,
    /// The command that reproduces it.
    #[serde(skip_deserializing)]
    pub command: String,
}

/// One workspace as the token sees it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Workspace {
    /// Its name, if the list of apps told it.
    pub name: Option<Untrusted>,
    /// How many of the listed apps are in it.
    pub apps: u64,
    /// How many of those DX can read.
    pub readable: u64,
    /// How many of those Bitrise refused.
    pub denied: u64,
    /// How many of those that were read have no run in the 200 days that Bitrise keeps.
    pub without_runs: u64,
    /// How many of them are disabled on Bitrise.
    pub disabled: u64,
    /// The titles of the first few.
    pub titles: Vec<Untrusted>,
}

/// What the run was asked to do.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct TargetLine {
    /// The base URL, if a usable one was given.
    pub base_url: Option<String>,
    /// Whether that is Bitrise's own.
    pub is_bitrise: bool,
    /// The proxy on the way, without user and password.
    pub proxy: Option<String>,
    /// The sandbox's scenario.
    pub sandbox: Option<Cow<'static, str>>,
    /// The options of the run, without values that may be secret: `verify --all-apps`.
    #[serde(skip_deserializing)]
    pub command: String,
    /// Which apps were to be checked.
    pub apps: Selection,
    /// Whether one pipeline run of each app was to be looked at.
    pub pipeline_details: bool,
    /// Where the base URL came from.
    pub base_url_source: BaseUrlSource,
    /// Whether one more root certificate was trusted (`--ca-cert`).
    #[serde(rename = "ca_cert")]
    pub has_ca_cert: bool,
}

#[cfg(test)]
mod tests;

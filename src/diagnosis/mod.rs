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
mod pasted;
mod reproduce;
mod result;
mod sentence;

pub use catalogue::DX_PAGE;
pub use explain::{Page, StatusLine, codes, meaning, page, status, title};
pub use known::{BrokenRoots, Build, Caller, Ci, Known, NoProxy, RootsFault};
pub use lines::{check_title, span};
pub use pasted::say_token_was_pasted;
pub use sentence::{app_in_workspace, dx_words};

use crate::check::{CheckId, Status};
use crate::exchange::is_bitrise;
use crate::names::names;
use crate::report::{
    AppResult, Coverage, EvidenceKind, Report, Selection, TokenSource, TokenState,
};
use crate::text::{Text, Untrusted};
use crate::token::TokenKind;
use crate::verdict::{Reason, Verdict};
use facts::Facts;
use reproduce::Reproduce;
use sentence::fill;
use std::borrow::Cow;
use std::time::{Duration, SystemTime};

/// A run and what it means, ready to be shown.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// The program that made it.
    pub tool: Tool,
    /// The verdict.
    pub verdict: Verdict,
    /// The reason for it, unless the token is verified.
    pub reason: Option<Reason>,
    /// The exit code of the process.
    pub exit_code: u8,
    /// Whether the same run may end otherwise a little later, with nothing changed.
    pub is_retryable: bool,
    /// How long the server asks to wait, if that is what decided.
    pub retry_after: Option<Duration>,
    /// How what was seen came here.
    pub evidence: EvidenceKind,
    /// The answer in one sentence, with the names in it.
    pub result: Text,
    /// What is said of the result beneath it, a line each: that it comes from the sandbox or from
    /// pasted text, that the base URL is not Bitrise's.
    pub remarks: Vec<Text>,
    /// What DX does, if that is more than the result says.
    pub dx: Option<Text>,
    /// What is known of the token.
    pub token: TokenLine,
    /// Who has to act.
    pub who: Option<Who>,
    /// The same in words, with the names filled in.
    pub who_text: Option<Text>,
    /// What to do, in order.
    pub actions: Vec<Text>,
    /// What is worth a word but didn't decide: a code for scripts and a sentence.
    pub warnings: Vec<(Cow<'static, str>, Text)>,
    /// The checks, in the order in which they were made.
    pub checks: Vec<CheckLine>,
    /// What stands behind the heading of the causes, such as that Bitrise doesn't say which.
    pub causes_note: Option<Cow<'static, str>>,
    /// The causes that the run has not ruled out, likeliest first.
    pub causes: Vec<Text>,
    /// How many apps ended in which way.
    pub coverage: Coverage,
    /// What the token sees, one entry a workspace, the largest first.
    pub workspaces: Vec<Workspace>,
    /// Each app that was checked or was to be checked.
    pub apps: Vec<AppResult>,
    /// What was not checked and may change the reader's next step.
    pub not_checked: Vec<Text>,
    /// What to look at if DX still refuses a verified token, in order.
    pub if_dx_refuses: Vec<Text>,
    /// What somebody who helps should ask next, the most telling question first.
    pub questions: Vec<Text>,
    /// Commands that reproduce the requests, with a variable in place of the token.
    pub reproduce: Vec<String>,
    /// Where to read more.
    pub links: Vec<Cow<'static, str>>,
    /// What the run was asked to do.
    pub target: TargetLine,
    /// When the run started.
    pub checked_at: SystemTime,
    /// How long it took; nothing for pasted text.
    pub duration: Option<Duration>,
}

impl Diagnosis {
    /// Returns the requests that were kept as evidence, in the order of the checks.
    pub fn requests(&self) -> impl Iterator<Item = &RequestLine> {
        let checks = self.checks.iter();
        checks.filter_map(|check| check.request.as_ref())
    }
}

/// Makes the diagnosis of a report.
pub fn diagnose(mut report: Report, known: &Known) -> Diagnosis {
    pasted::forget_assumed(&mut report);
    let mut facts = Facts::of(&report, known);
    let entry = catalogue::entry(facts.reason);
    let shell = report.pasted.as_ref().and_then(|facts| facts.shell);
    let how = Reproduce::new(&report.target, shell.unwrap_or(known.shell));
    let causes = entry.causes_left(&facts);
    let actions = entry.actions_left(&facts, &causes);
    if let [only] = causes[..] {
        facts.cause = Some(&only.sentence.text);
    }
    let checks = report.checks.iter();
    let checks: Vec<CheckLine> = checks
        .map(|check| lines::check(check, &facts, &report.target, &how))
        .collect();
    // Nobody has to act for a verified token to work, but a pasted one is everybody's.
    let is_needed = facts.reason.is_some() || facts.was_pasted;
    let needed = actions.first().filter(|_| is_needed);
    let (who, who_text) = needed
        .and_then(|action| result::who(action, &facts))
        .unzip();
    let fill_all = |texts: &[String]| texts.iter().map(|text| fill(text, &facts)).collect();
    let is_live = report.evidence == EvidenceKind::Live;
    let shown = report.pasted.clone();
    let diagnosis = Diagnosis {
        tool: Tool::default(),
        verdict: report.verdict(),
        reason: report.reason(),
        exit_code: report.exit_code(),
        is_retryable: report.is_retryable(),
        retry_after: report.retry_after(),
        evidence: report.evidence,
        result: result::result(entry, &causes, &facts),
        remarks: result::remarks(&facts, &report),
        dx: result::dx(entry, &facts),
        token: result::token(&facts, &report),
        who,
        who_text: who_text.map(|words| fill(words, &facts)),
        actions: { actions.iter() }
            .map(|action| fill(&action.sentence.text, &facts).capitalized())
            .collect(),
        warnings: { report.warnings().into_iter() }
            .map(|warning| {
                let text = result::warning(warning, &report);
                (warning.as_str().into(), text)
            })
            .collect(),
        reproduce: reproduce(&checks, &report, &how),
        checks,
        causes_note: result::causes_note(&facts, causes.len()).map(Cow::Borrowed),
        causes: { causes.iter() }
            .skip(result::said_causes(entry, &causes, &facts))
            .map(|cause| fill(&cause.sentence.text, &facts).capitalized())
            .collect(),
        coverage: facts.coverage,
        workspaces: extent::workspaces(&report),
        not_checked: extent::not_checked(&facts),
        if_dx_refuses: extent::if_dx_refuses(&facts),
        questions: fill_all(&entry.questions),
        links: { entry.links.iter() }
            .map(|link| Cow::Borrowed(*link))
            .collect(),
        target: target(&report),
        checked_at: report.checked_at,
        duration: is_live.then_some(report.duration),
        apps: report.apps.clone(),
    };
    match shown {
        Some(shown) => pasted::told(diagnosis, &shown, &how),
        None => diagnosis,
    }
}

/// Returns the commands that repeat the requests, each once.
fn reproduce(checks: &[CheckLine], report: &Report, how: &Reproduce) -> Vec<String> {
    let requests = checks.iter().filter_map(|check| check.request.as_ref());
    let mut commands = how.start(&report.target);
    for request in requests {
        if !commands.contains(&request.command) {
            commands.push(request.command.clone());
        }
    }
    let is_any = checks.iter().any(|check| check.request.is_some());
    commands.into_iter().filter(|_| is_any).collect()
}

/// Returns what the run was asked to do.
fn target(report: &Report) -> TargetLine {
    let target = &report.target;
    let mut command = match report.evidence {
        EvidenceKind::Live | EvidenceKind::Report => "verify".to_owned(),
        EvidenceKind::Pasted => "diagnose".to_owned(),
    };
    command += match report.options.selection {
        Selection::First => "",
        Selection::Named => " --app …",
        Selection::File => " --apps-file …",
        Selection::All => " --all-apps",
    };
    for (is_given, option) in [
        (report.options.details, " --pipeline-details"),
        (
            target.base_url_source == crate::report::BaseUrlSource::Option,
            " --base-url …",
        ),
        (target.ca_cert.is_some(), " --ca-cert …"),
    ] {
        if is_given {
            command += option;
        }
    }
    if let Some(sandbox) = &target.sandbox {
        command += " --sandbox ";
        command += sandbox.scenario;
    }
    TargetLine {
        base_url: target.base_url.clone(),
        is_bitrise: target.base_url.as_deref().is_some_and(is_bitrise),
        proxy: target.proxy.clone(),
        sandbox: target
            .sandbox
            .as_ref()
            .map(|sandbox| sandbox.scenario.into()),
        command,
    }
}

/// The build of the program that made a diagnosis.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tool {
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
            version: env!("CARGO_PKG_VERSION").into(),
            commit: known(env!("BITRISE_DX_COMMIT")),
            target: known(env!("BITRISE_DX_TARGET")),
        }
    }
}

/// What is known of the token.
#[derive(Clone, Debug)]
pub struct TokenLine {
    /// What came of it.
    pub state: TokenState,
    /// Its kind, if there was a token to look at.
    pub kind: Option<TokenKind>,
    /// Where it came from.
    pub source: Option<TokenSource>,
    /// The first 8 hex digits of its SHA-256.
    pub fingerprint: Option<String>,
    /// All of that in a few words: “accepted by Bitrise · workspace API token · fingerprint …”.
    pub text: Text,
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
#[derive(Clone, Debug)]
pub struct CheckLine {
    /// What was looked at.
    pub id: CheckId,
    /// How it ended.
    pub status: Status,
    /// Why it did not pass.
    pub reason: Option<Reason>,
    /// Whether it was made, or was asked for and had nothing to look at.
    pub was_asked_for: bool,
    /// One sentence, without a full stop.
    pub text: Text,
    /// The app that was looked at.
    pub app: Option<crate::app::App>,
    /// The request that was made.
    pub request: Option<RequestLine>,
}

/// One request and what came of it.
#[derive(Clone, Debug)]
pub struct RequestLine {
    /// The address that was asked for, with the query.
    pub url: String,
    /// The status of the response.
    pub status: Option<u16>,
    /// The protocol, as in `HTTP/2`.
    pub http_version: Option<String>,
    /// The address that was connected to, with its port.
    pub remote_address: Option<String>,
    /// From the start of the first attempt to the end of the last; nothing for pasted text.
    pub elapsed: Option<Duration>,
    /// How many attempts were made.
    pub attempts: u32,
    /// The value of `X-Request-Id`.
    pub request_id: Option<Untrusted>,
    /// What the server says in its own words.
    pub api_message: Option<Untrusted>,
    /// Who answered, if it was not Bitrise's API.
    pub responder: Option<Responder>,
    /// What became of it in a few words: “404 “Not Found” · 120 ms · request 0c9b”.
    pub outcome: Text,
    /// Where a request failed: “failed at: the TLS handshake with H; the token was not sent”.
    pub failure_point: Option<Text>,
    /// The command that reproduces it.
    pub command: String,
}

/// What a response says of who sent it: of use if that was not Bitrise's API.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Responder {
    /// The title of its page.
    pub title: Option<Untrusted>,
    /// The headers that name a server or a box, in the order in which they came.
    pub headers: Vec<(Untrusted, Untrusted)>,
}

impl From<&crate::exchange::Responder> for Responder {
    fn from(seen: &crate::exchange::Responder) -> Self {
        let header =
            |(name, value): &(&'static str, Untrusted)| (Untrusted::new(*name), value.clone());
        Self {
            title: seen.title.clone(),
            headers: seen.headers.iter().map(header).collect(),
        }
    }
}

/// One workspace as the token sees it.
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug, Default)]
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
    pub command: String,
}

#[cfg(test)]
mod tests;

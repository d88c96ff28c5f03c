//! What a report means for whom: the one place where meaning becomes words.
//!
//! [`Diagnosis`] is complete: a format shows it and needs nothing else, and decides and words
//! nothing. The report in JSON is a diagnosis written down, so that a saved one can be read back
//! and shown in every other format.
//!
//! Invariant: pure. Text that is not ours stands in [`crate::text::Text`] as foreign, and in
//! [`crate::text::Untrusted`], nowhere else.

mod known;

pub use known::{BrokenRoots, Build, Caller, Ci, Known, NoProxy, RootsFault};

use crate::check::{CheckId, Status};
use crate::report::{AppResult, Coverage, EvidenceKind, TokenSource, TokenState};
use crate::text::{Text, Untrusted};
use crate::token::TokenKind;
use crate::verdict::{Reason, Verdict};
use std::time::{Duration, SystemTime};

/// A run and what it means, ready to be shown.
#[derive(Clone, Debug)]
pub struct Diagnosis {
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
    pub warnings: Vec<(&'static str, Text)>,
    /// The checks, in the order in which they were made.
    pub checks: Vec<CheckLine>,
    /// What stands behind the heading of the causes, such as that Bitrise doesn't say which.
    pub causes_note: Option<&'static str>,
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
    pub links: Vec<&'static str>,
    /// What the run was asked to do.
    pub target: TargetLine,
    /// When the run started.
    pub checked_at: SystemTime,
    /// How long it took; nothing for pasted text.
    pub duration: Option<Duration>,
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

/// Those who may have to act.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Who {
    /// Whoever ran the program.
    You,
    /// Whoever manages API tokens in the Bitrise workspace.
    BitriseAdmin,
    /// Whoever runs the network.
    NetworkAdmin,
    /// Bitrise.
    Bitrise,
    /// DX.
    Dx,
    /// Nobody: it passes by itself.
    Wait,
}

impl Who {
    /// Lists all of them.
    pub const ALL: &[Self] = &[
        Self::You,
        Self::BitriseAdmin,
        Self::NetworkAdmin,
        Self::Bitrise,
        Self::Dx,
        Self::Wait,
    ];

    /// Returns the name that scripts read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::You => "you",
            Self::BitriseAdmin => "bitrise_admin",
            Self::NetworkAdmin => "network_admin",
            Self::Bitrise => "bitrise",
            Self::Dx => "dx",
            Self::Wait => "wait",
        }
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
    pub responder: Option<crate::exchange::Responder>,
    /// What became of it in a few words: “404 “Not Found” · 120 ms · request 0c9b”.
    pub outcome: Text,
    /// Where a request failed: “failed at: the TLS handshake with H; the token was not sent”.
    pub failure_point: Option<Text>,
    /// The command that reproduces it.
    pub command: String,
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
    pub sandbox: Option<&'static str>,
    /// The options of the run, without values that may be secret: `verify --all-apps`.
    pub command: String,
}

//! The first block: the answer in one sentence, what DX does, the token, and who has to act.

use super::catalogue::{self, Action, Entry, Sentence};
use super::facts::Facts;
use super::sentence::{apps, bitrise, fill, from, kind, names};
use super::{TokenLine, Who};
use crate::exchange::{Fault, FaultKind, Stage};
use crate::report::{AppState, EvidenceKind, Report, TokenState, Warning};
use crate::text::Text;
use crate::token::TokenKind;
use crate::verdict::{Reason, Verdict};

/// Returns DX's own description of its error code (DX's Bitrise page, section "Errors").
pub const fn dx_words(verdict: Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::InvalidCredentials => Some("Your API credentials entered are not valid."),
        Verdict::InvalidPermissions => Some(
            "Your API token does not have sufficient workspace or product access for the apps DX \
             needs.",
        ),
        Verdict::NoResources => Some("DX cannot access any apps in your Bitrise workspace."),
        Verdict::Verified | Verdict::Inconclusive | Verdict::NotRun => None,
    }
}

/// Returns the answer in one sentence, or two.
pub(super) fn result(entry: &Entry, facts: &Facts) -> Text {
    let of_cause = facts.cause.and_then(|cause| cause.result.as_deref());
    let of_reason = || catalogue::first(&entry.results, facts).map(|result| &*result.text);
    let text = of_cause.or_else(of_reason);
    let text = fill(text.unwrap_or(&entry.means), facts).capitalized();
    let coverage = facts.coverage;
    let is_open = facts.reason.map(Reason::verdict) == Some(Verdict::Inconclusive);
    let all = apps(coverage.checked + coverage.not_reached);
    if is_open && coverage.checked > 1 && coverage.unknown > 0 {
        text.own(format!(
            " {} of {all} could not be checked.",
            coverage.unknown
        ))
    } else if is_open && coverage.not_reached > 0 {
        text.own(format!(
            " {} of {all} were not checked.",
            coverage.not_reached
        ))
    } else {
        text
    }
}

/// Returns whether DX shows its error, or would if it were Bitrise that answered.
pub(super) fn shows(facts: &Facts) -> &'static str {
    // What is no token is refused whoever answers.
    let is_malformed = facts.reason == Some(Reason::TokenMalformed);
    if !is_malformed && (facts.is_bitrise == Some(false) || facts.is_sandbox) {
        "would show"
    } else {
        "will show"
    }
}

/// Tells whether what DX asks for when a connection is added may be readable, though not
/// everything is: it lists the apps and reads the pipelines of one, the first of its list.
pub(super) fn may_be_accepted(facts: &Facts) -> bool {
    if facts
        .reason
        .is_some_and(|reason| reason.verdict() != Verdict::InvalidPermissions)
    {
        return false;
    }
    let is_list_refused =
        facts.reason == Some(Reason::AppsForbidden) && facts.listed_before_cut.is_none();
    let has_details = facts.reason == Some(Reason::PipelineDetailsDenied);
    let is_first_denied = facts.first_state == Some(AppState::Denied);
    has_details || facts.coverage.readable > 0 || !(is_list_refused || is_first_denied)
}

/// Returns what DX does, if that is more than the result says.
pub(super) fn dx(entry: &Entry, facts: &Facts) -> Option<Text> {
    match catalogue::first(&entry.dx, facts).map(|dx| &*dx.text) {
        Some("-") => None,
        Some(text) => Some(fill(text, facts)),
        // The result has the code; these are the words that people know from DX's own page.
        None => {
            let words = dx_words(facts.reason?.verdict())?;
            Some(format!("{} “{words}”", shows(facts)).into())
        }
    }
}

/// Returns what went wrong on the way, without a full stop.
pub(super) fn fault(facts: &Facts) -> Text {
    let Some(fault) = facts.fault() else {
        return "no complete response came".into();
    };
    match fault.kind {
        FaultKind::Dns => fill("the host {host} was not found (DNS)", facts),
        FaultKind::Refused => fill("{host} refused the connection", facts),
        FaultKind::ProxyTls => {
            let text = fill("no trusted connection to {proxy} itself: ", facts);
            tls(text, fault)
        }
        _ if fault.tls().is_some() => {
            let text = fill("no trusted connection to {host}: ", facts);
            tls(text, fault)
        }
        kind if kind.stage().is_at_proxy() => {
            let text = fill("no connection to {host} through {proxy}: ", facts);
            text.own(fault.to_string())
        }
        FaultKind::ConnectTimeout => fill(
            "connecting to {host} took longer than --timeout allows",
            facts,
        ),
        FaultKind::Timeout => fill(
            "{host} gave no complete response in time (--timeout)",
            facts,
        ),
        FaultKind::MaxTime => "the time for the whole run was over (--max-time)".into(),
        kind if kind.stage() == Stage::Connection => {
            let text = fill("no connection to {host} could be made", facts);
            let why = kind.sentence().strip_prefix("no connection could be made");
            text.own(why.unwrap_or_default())
        }
        _ => fill("{host}: ", facts).own(fault.to_string()),
    }
}

/// Returns a fault of TLS, with the certificate's own words as foreign.
pub(super) fn tls(text: Text, fault: &Fault) -> Text {
    let kind = fault.tls().unwrap_or(fault.kind);
    if let (FaultKind::TlsUnknownIssuer, Some(issuer)) = (kind, &fault.issuer) {
        return text
            .own("the certificate was issued by “")
            .foreign(issuer)
            .own("”, which this machine does not trust");
    }
    let mut text = text.own(kind.sentence());
    if let Some(instead) = &fault.instead {
        text = text.own(" (").foreign(instead).own(")");
    }
    if let Some(issuer) = &fault.issuer {
        text = text.own("; it was issued by “").foreign(issuer).own("”");
    }
    text
}

/// Returns what is said beneath the result.
pub(super) fn remarks(facts: &Facts, report: &Report) -> Vec<Text> {
    let mut remarks = Vec::new();
    if let Some(sandbox) = &report.target.sandbox {
        remarks.push(
            format!(
                "All of this came from the sandbox (scenario {}), not from Bitrise.",
                sandbox.scenario
            )
            .into(),
        );
    }
    match report.evidence {
        EvidenceKind::Live => {}
        EvidenceKind::Pasted => {
            remarks.push("From pasted text: nothing was checked here.".into());
        }
        EvidenceKind::Report => {
            remarks.push("From a saved report: nothing was checked again.".into());
        }
    }
    if facts.is_bitrise == Some(false) && !facts.is_sandbox {
        let is_said = facts.fault_kind() == Some(FaultKind::Dns);
        let text = fill("{base_url} was asked, not Bitrise's own address", facts);
        remarks.push(if is_said {
            text.own(".")
        } else {
            text.own(format!(": {}.", from(facts)))
        });
    }
    remarks
}

/// Returns what is known of the token.
pub(super) fn token(facts: &Facts, report: &Report) -> TokenLine {
    let state = report.token_state();
    let mut text = match state {
        TokenState::Accepted => Text::from("accepted by ").then(bitrise(facts)),
        TokenState::Rejected => Text::from("rejected by ").then(bitrise(facts)),
        TokenState::NotTested if facts.reason == Some(Reason::TokenMissing) => {
            Text::from("none; nothing was sent")
        }
        TokenState::NotTested if facts.not_run.is_some() => {
            Text::from("not tested; nothing was sent")
        }
        TokenState::NotTested => Text::from("not tested"),
        TokenState::NotAToken => Text::from("not a Bitrise token · nothing was sent"),
    };
    if let Some(kind) = report.token.kind.filter(|_| state != TokenState::NotAToken) {
        text = text.own(match kind {
            TokenKind::Unknown => " · no known prefix".to_owned(),
            TokenKind::Workspace | TokenKind::Personal => {
                format!(" · {}", self::kind(Some(kind)))
            }
        });
    }
    if let Some(fingerprint) = &report.token.fingerprint {
        text = text.own(format!(" · fingerprint {fingerprint}"));
    }
    TokenLine {
        state,
        kind: report.token.kind,
        source: report.token.source,
        fingerprint: report.token.fingerprint.clone(),
        text,
    }
}

/// Those who may have to act: the name in the catalogue, the name that scripts read, and words.
const PEOPLE: &[(&str, Who, &str)] = &[
    ("you", Who::You, "you"),
    (
        "token_owner",
        Who::You,
        "you, if the token is yours; otherwise the person it belongs to",
    ),
    (
        "github_secrets",
        Who::You,
        "whoever manages this repository's secrets on GitHub",
    ),
    (
        "bitrise_secrets",
        Who::BitriseAdmin,
        "whoever manages this app's Secrets on Bitrise",
    ),
    (
        "bitrise_admin",
        Who::BitriseAdmin,
        "whoever manages API tokens in {workspace}",
    ),
    (
        "network_admin",
        Who::NetworkAdmin,
        "whoever runs your network",
    ),
    ("wait", Who::Wait, "nobody: wait{wait_until}"),
];

/// Returns who has to do something, with the words for it.
pub(super) fn who(action: &Action) -> Option<(Who, &'static str)> {
    let mut people = PEOPLE.iter();
    people.find_map(|(name, who, words)| (*name == action.who).then_some((*who, *words)))
}

/// Returns a warning's sentence.
pub(super) fn warning(warning: Warning, report: &Report) -> Text {
    match warning {
        Warning::TokenTrimmed => "White space around the token was ignored here. DX would send it \
                                  along, so copy the token without it."
            .into(),
        Warning::TokenScheme => {
            "“token” in front of the token was left out here. Bitrise takes it, \
                                 but DX wants the token alone."
                .into()
        }
        Warning::PersonalToken => "This is a personal access token. It sees the apps of all of \
                                   that person's workspaces, and stops working when that person \
                                   leaves; DX asks for a workspace API token."
            .into(),
        Warning::AppNotListed => {
            let unlisted: Vec<_> = { report.apps.iter() }
                .filter(|result| {
                    result.state == AppState::Readable && result.is_listed == Some(false)
                })
                .map(|result| result.app.clone())
                .collect();
            names(&unlisted, None)
                .own(": readable, but not in this token's list of apps, so DX won't find it there.")
        }
    }
}

/// Tells whether the result says what the only cause would say once more.
pub(super) fn says_cause(entry: &Entry, facts: &Facts) -> bool {
    facts.cause.is_some_and(|cause| {
        let result = catalogue::first(&entry.results, facts);
        cause.result.is_some() || result.is_some_and(Sentence::is_of_one_cause)
    })
}

/// Returns what stands behind the heading of the causes.
pub(super) const fn causes_note(facts: &Facts, count: usize) -> Option<&'static str> {
    match facts.reason {
        Some(Reason::TokenRejected) if count > 1 && !matches!(facts.is_bitrise, Some(false)) => {
            Some("Bitrise doesn't say which")
        }
        Some(_) | None => None,
    }
}

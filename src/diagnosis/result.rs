//! The first block: the answer in one sentence, what DX does, the token, and who has to act.

use super::catalogue::{self, Action, Cause, Entry, Sentence};
use super::conditions::holds;
use super::facts::Facts;
use super::sentence::{apps, bitrise, fill, from, kind, names};
use super::{TokenLine, Who};
use crate::exchange::FaultKind;
use crate::report::{AppState, EvidenceKind, Report, TokenState, Warning};
use crate::text::Text;
use crate::token::TokenKind;
use crate::verdict::{Reason, Verdict};

/// Returns the answer in one sentence, or two.
pub(super) fn result(entry: &Entry, causes: &[&Cause], facts: &Facts) -> Text {
    let of_cause = headline(causes, facts);
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

/// Returns what DX does, if that is more than its code, which the result has.
pub(super) fn dx(entry: &Entry, facts: &Facts) -> Option<Text> {
    let found = catalogue::first(&entry.dx, facts)?;
    Some(fill(&found.text, facts))
}

/// Returns what is said beneath the result.
pub(super) fn remarks(entry: &Entry, facts: &Facts, report: &Report) -> Vec<Text> {
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
            remarks.push("Read from pasted text; nothing was sent to Bitrise.".into());
        }
        EvidenceKind::Report => {
            remarks.push("Read from a saved report; nothing was sent to Bitrise.".into());
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
    for remark in &entry.remarks {
        if holds(&remark.conditions, facts) == Some(true) {
            remarks.push(fill(&remark.text, facts));
        }
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
        TokenState::Undecided => {
            Text::from("neither accepted nor rejected by ").then(bitrise(facts))
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
pub(super) const PEOPLE: &[(&str, Who, &str)] = &[
    ("you", Who::You, "{you}"),
    (
        "token_owner",
        Who::You,
        "{you}, if the token is {yours}; otherwise the person it belongs to",
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
        "whoever runs {your} network",
    ),
    ("wait", Who::Wait, "nobody: wait{wait_until}"),
];

/// Returns who has to do something, with the words for it.
pub(super) fn who(action: &Action, facts: &Facts) -> Option<(Who, &'static str)> {
    let name = match &*action.who {
        "ci" => facts.ci().who.unwrap_or("you"),
        name => name,
    };
    let mut people = PEOPLE.iter();
    let (_, who, words) = people.find(|(known, ..)| *known == name)?;
    match who {
        Who::You if facts.is_told() => Some((Who::Customer, words)),
        who => Some((*who, words)),
    }
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
        Warning::DisabledApp => {
            let disabled: Vec<_> = { report.apps.iter() }
                .filter(|result| result.is_disabled_refusal())
                .map(|result| result.app.clone())
                .collect();
            names(&disabled, None).own(
                ": disabled on Bitrise, and its pipelines can't be read. That decides nothing, since \
                 another app is readable.",
            )
        }
        Warning::TokenInText => {
            let pasted = report.pasted.as_ref();
            super::pasted::secrets(pasted.map_or(&[], |pasted| &pasted.secrets), "The text")
        }
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

/// Returns the headline of the likeliest cause, if it has one and is known to apply.
fn headline<'a>(causes: &[&'a Cause], facts: &Facts) -> Option<&'a str> {
    let first = causes.first()?;
    let is_known = holds(&first.sentence.conditions, facts) == Some(true);
    first.result.as_deref().filter(|_| is_known)
}

/// Returns how many causes, the likeliest first, the result says already.
pub(super) fn said_causes(entry: &Entry, causes: &[&Cause], facts: &Facts) -> usize {
    let result = catalogue::first(&entry.results, facts);
    let is_said = headline(causes, facts).is_some()
        || (facts.cause.is_some() && result.is_some_and(Sentence::says_cause));
    usize::from(is_said)
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

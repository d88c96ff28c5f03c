//! The first block: the answer in one sentence, what DX does, the token, and who has to act.

use super::facts::{Facts, Mistaken};
use super::sentence::{app, app_in_workspace, bitrise, clock, fill, kind, names, refused_in};
use super::{TokenLine, Who};
use crate::exchange::{Fault, FaultKind, Stage};
use crate::report::{AppState, BaseUrlSource, EvidenceKind, Report, TokenState, Warning};
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
pub(super) fn result(facts: &Facts) -> Text {
    let Some(reason) = facts.reason else {
        return verified(facts);
    };
    match reason.verdict() {
        Verdict::NotRun => not_run(facts, reason),
        Verdict::InvalidCredentials => credentials(facts, reason),
        Verdict::InvalidPermissions if may_be_accepted(facts) => permissions(facts, reason, true),
        Verdict::InvalidPermissions => {
            dx_shows(facts, reason).then(permissions(facts, reason, false))
        }
        Verdict::NoResources => dx_shows(facts, reason)
            .then(bitrise(facts))
            .own(" accepts this token, but it has no access to any app."),
        Verdict::Inconclusive | Verdict::Verified => {
            Text::from("Can't tell: ").then(open(facts, reason))
        }
    }
}

fn dx_shows(facts: &Facts, reason: Reason) -> Text {
    let code = reason.verdict().dx_error().unwrap_or_default();
    Text::from(format!("DX {} {code}: ", shows(facts)))
}

/// Returns whether DX shows its error, or would if it were Bitrise that answered.
fn shows(facts: &Facts) -> &'static str {
    // What is no token is refused whoever answers.
    let is_malformed = facts.reason == Some(Reason::TokenMalformed);
    if !is_malformed && (facts.is_bitrise == Some(false) || facts.is_sandbox) {
        "would show"
    } else {
        "will show"
    }
}

fn verified(facts: &Facts) -> Text {
    let whose = if facts.is_sandbox {
        "the sandbox's"
    } else {
        "this"
    };
    let text = Text::from(format!("DX should accept {whose} token: it can read "));
    let coverage = facts.coverage;
    let of_all = match coverage.total {
        Some(total) => format!("{} of {} checked", coverage.checked, apps(total)),
        None => format!("{} checked, of more", apps(coverage.checked)),
    };
    let is_whole = coverage.total == Some(coverage.checked);
    match (&facts.first, facts.first_state, coverage.checked) {
        (Some(first), Some(AppState::Readable), 1) if is_whole => {
            text.then(app(first)).own(", the only app it sees.")
        }
        (_, _, all) if is_whole => text.own(format!("all {}.", apps(all))),
        (Some(first), Some(AppState::Readable), _) => text
            .then(app(first))
            .own(format!(", the app DX looks at. {of_all}.")),
        (first, _, checked) => {
            let what = match (checked, &facts.app) {
                (1, Some(one)) => app(one),
                (1, None) => "the app that was checked".into(),
                (checked, _) => format!("the {checked} apps that were checked").into(),
            };
            let text = text.then(what).own(". ");
            match first {
                Some(first) => text
                    .own("DX looks at another app first, ")
                    .then(app(first))
                    .own(format!(", which was not checked. {of_all}.")),
                None => text.own(format!("DX may look at another app. {of_all}.")),
            }
        }
    }
}

pub(super) fn apps(count: u64) -> String {
    match count {
        1 => "1 app".to_owned(),
        count => format!("{count} apps"),
    }
}

fn not_run(facts: &Facts, reason: Reason) -> Text {
    let text = Text::from("Not run: ");
    if reason != Reason::TokenMissing {
        let why = facts.not_run.clone();
        let why = why.unwrap_or_else(|| "the options can't be used".to_owned());
        return text.own(format!("{why}."));
    }
    let empty = text.command("BITRISE_TOKEN").own(" is empty or not set. ");
    let causes = super::causes::left(facts);
    let is_elsewhere = facts.known.as_ref().is_some_and(|known| known.ci.is_some())
        || causes
            .iter()
            .any(|cause| cause.text.starts_with("{variables}"));
    match causes.as_slice() {
        [only] if is_elsewhere => empty.then(fill(only.text, facts)),
        _ => empty.own("No request was sent."),
    }
}

fn credentials(facts: &Facts, reason: Reason) -> Text {
    if reason == Reason::TokenMalformed {
        let what = facts.token_error.map_or_else(
            || "it can't be a Bitrise token".to_owned(),
            |error| error.to_string(),
        );
        let code = reason.verdict().dx_error().unwrap_or_default();
        return format!("DX will show {code} if this text is pasted: {what}.").into();
    }
    let status = facts
        .status()
        .map_or_else(String::new, |status| format!(" ({status})"));
    let text = dx_shows(facts, reason).then(bitrise(facts));
    let text = text.own(format!(" rejected this {}{status}", kind(facts.kind)));
    if facts.sample.is_empty() {
        text.own(".")
    } else {
        text.own(", after it had accepted it at first.")
    }
}

fn permissions(facts: &Facts, reason: Reason, is_whole: bool) -> Text {
    let is_one = facts.refused.len() <= 1;
    if reason == Reason::AppsForbidden {
        let who = bitrise(facts);
        return match facts.listed_before_cut {
            Some(listed) => who.own(format!(
                " refused the next page of the list (403), after {}.",
                apps(listed as u64)
            )),
            None => who.own(" does not let this token list apps (403)."),
        };
    }
    if reason == Reason::AppNotAccessible && is_one {
        return not_accessible(facts, is_whole);
    }
    if reason == Reason::PipelineDetailsDenied && is_one {
        let text = its(is_whole).own(" can list the runs of ");
        return text.then(named(facts)).own(", but not read one of them.");
    }
    denied(facts, is_whole)
}

fn its(is_whole: bool) -> Text {
    if is_whole {
        "This token".into()
    } else {
        "this token".into()
    }
}

fn named(facts: &Facts) -> Text {
    let one = facts.app.as_ref();
    one.map_or_else(|| "the app".into(), app_in_workspace)
}

fn denied(facts: &Facts, is_whole: bool) -> Text {
    let coverage = facts.coverage;
    if facts.refused.len() > 1 {
        let text = its(is_whole).own(format!(
            " can't read {} of {}: ",
            coverage.denied,
            apps(coverage.checked)
        ));
        let text = text.then(names(&facts.refused, None));
        return text.then(refused_in(facts)).own(".");
    }
    let text = its(is_whole).own(" has no access to the pipelines of ");
    let text = text.then(named(facts)).own(".");
    let text = match (coverage.checked, coverage.total) {
        (checked, _) if checked > 1 => text.own(format!(" 1 of {} is refused.", apps(checked))),
        _ => text,
    };
    if facts.is_rechecked == Some(true) {
        text.own(" It still works for other calls, so this 401 is about access to this app.")
    } else {
        text
    }
}

fn not_accessible(facts: &Facts, is_whole: bool) -> Text {
    let meant = |what: Text, other: &crate::app::App| {
        what.own(": use ")
            .command(format!("--app {}", other.slug))
            .own(".")
    };
    let slug = fill("{slug}", facts);
    match &facts.mistaken {
        Some(Mistaken::Title(other)) => {
            let what = Text::from("“").then(slug).own("” is the title of app ");
            meant(what.foreign(other.slug.as_untrusted()), other)
        }
        Some(Mistaken::Case(other)) => {
            let what = slug.own(" is written in another case than the slug of ");
            meant(what.then(app(other)), other)
        }
        Some(Mistaken::Workspace(_)) => slug.own(" is a workspace, not an app."),
        None => {
            let before = if is_whole { "App " } else { "app " };
            let text = Text::from(before).then(slug);
            let text = match facts.coverage.total {
                Some(1) if !facts.sample.is_empty() => text
                    .own(" is not the one app this token can see: ")
                    .then(names(&facts.sample, Some(1))),
                Some(total) if !facts.sample.is_empty() => text
                    .own(format!(
                        " is not among the {} this token can see: ",
                        apps(total)
                    ))
                    .then(names(&facts.sample, Some(total))),
                Some(_) | None => text.own(" is not among the apps this token can see"),
            };
            text.own(".")
        }
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
pub(super) fn dx(facts: &Facts) -> Option<Text> {
    let verdict = facts.reason?.verdict();
    if verdict != Verdict::InvalidPermissions || !may_be_accepted(facts) {
        // The result has the code; these are the words that people know from DX's own page.
        let words = dx_words(verdict)?;
        return Some(format!("{} “{words}”", shows(facts)).into());
    }
    if facts.reason == Some(Reason::PipelineDetailsDenied) {
        return Some(
            "lists apps and reads one app's pipelines when you connect, which works; it needs the \
             single runs later, to import them."
                .into(),
        );
    }
    if facts.mistaken.is_some() {
        return None;
    }
    let first = facts.first.as_ref();
    if facts.reason == Some(Reason::AppNotAccessible) && facts.refused.len() <= 1 {
        let text =
            Text::from("will not find this app: it tests and imports apps of the token's list");
        return Some(match first {
            Some(first) => text.own(", ").then(app(first)).own(" first."),
            None => text.own("."),
        });
    }
    let words = dx_words(verdict).unwrap_or_default();
    let text = Text::from("tests one app when you connect");
    let skipped = match facts.refused.len() {
        0 | 1 => "skips this one".to_owned(),
        count => format!("skips these {count}"),
    };
    let is_readable = facts.first_state == Some(AppState::Readable);
    let text = match &facts.first {
        Some(first) if is_readable => text
            .own(". If that is ")
            .then(app(first))
            .own(format!(", DX connects and {skipped}; otherwise it shows ")),
        Some(first) if facts.first_state.is_none() => text.own(", probably ").then(app(first)).own(
            format!(". If that one is readable, DX connects and {skipped}; otherwise it shows "),
        ),
        Some(_) | None => text.own(format!(
            ". If that app is readable, DX connects and {skipped}; otherwise it shows "
        )),
    };
    let code = verdict.dx_error().unwrap_or_default();
    Some(text.own(format!("{code}: “{words}”")))
}

/// Returns what stood in the way of an answer.
fn open(facts: &Facts, reason: Reason) -> Text {
    let coverage = facts.coverage;
    let text = what_is_open(facts, reason);
    if coverage.checked > 1 && coverage.unknown > 0 {
        return text.own(format!(
            " {} of {} could not be checked.",
            coverage.unknown,
            apps(coverage.checked + coverage.not_reached)
        ));
    }
    if coverage.not_reached > 0 {
        return text.own(format!(
            " {} of {} were not checked.",
            coverage.not_reached,
            apps(coverage.checked + coverage.not_reached)
        ));
    }
    text
}

fn what_is_open(facts: &Facts, reason: Reason) -> Text {
    let status = facts.status();
    let in_brackets = status.map_or_else(String::new, |status| format!(" ({status})"));
    match reason {
        Reason::Intercepted => intercepted(facts, &in_brackets),
        Reason::WrongBaseUrl if facts.is_bitrise == Some(true) => {
            let text = fill("{host} has no list of apps to give", facts);
            text.own(format!("{in_brackets}; Bitrise's API always has one."))
        }
        Reason::WrongBaseUrl => {
            fill("there is no Bitrise API at {base_url}", facts).own(format!("{in_brackets}."))
        }
        Reason::RateLimited => {
            let text = Text::from(format!("rate limit reached{in_brackets}."));
            match facts.retry_at {
                Some(at) => text.own(format!(" Try again after {}.", clock(at, facts.now))),
                None => text,
            }
        }
        Reason::ServerError => bitrise(facts).own(format!(
            " is temporarily unavailable{}.",
            with_attempts(facts)
        )),
        Reason::Redirected => fill("the response is a redirect to {location}", facts)
            .own(format!("{in_brackets}, which was not followed.")),
        Reason::UnexpectedResponse => fill(
            "the response of {host} is not what Bitrise's API gives",
            facts,
        )
        .own(format!("{in_brackets}.")),
        Reason::UnexpectedStatus => {
            let text = fill("{host} answered with an unusual status", facts);
            let text = text.own(in_brackets);
            match facts
                .decided
                .as_ref()
                .and_then(|decided| decided.message.as_ref())
            {
                Some(words) => text.own(": “").foreign(words).own("”."),
                None => text.own("."),
            }
        }
        Reason::Interrupted => {
            let signal = facts.signal.unwrap_or("a signal");
            format!("{signal} ended the run before it was decided.").into()
        }
        Reason::EvidenceIncomplete | Reason::EvidenceMissing => {
            "the pasted text shows too little.".into()
        }
        Reason::TokenMissing
        | Reason::TokenUnreadable
        | Reason::TokenInArguments
        | Reason::InvalidOptions
        | Reason::TokenMalformed
        | Reason::TokenRejected
        | Reason::AppsForbidden
        | Reason::PipelinesDenied
        | Reason::AppNotAccessible
        | Reason::PipelineDetailsDenied
        | Reason::NoApps
        | Reason::DnsFailure
        | Reason::ConnectionFailed
        | Reason::TlsFailure
        | Reason::ProxyFailure
        | Reason::Timeout
        | Reason::MaxTimeReached => faulty(facts, reason),
    }
}

fn with_attempts(facts: &Facts) -> String {
    let attempts = facts.decided.as_ref().map_or(0, |decided| decided.attempts);
    match (facts.status(), attempts) {
        (Some(status), 0 | 1) => format!(" ({status})"),
        (Some(status), attempts) => format!(" ({status}, after {attempts} attempts)"),
        (None, _) => String::new(),
    }
}

/// Returns how a response that is not Bitrise's looked, with who sent it.
fn intercepted(facts: &Facts, in_brackets: &str) -> Text {
    let text = Text::from("the response did not come from Bitrise. It was ");
    let Some(decided) = &facts.decided else {
        return text.own("not API data.");
    };
    let text = match (&decided.responder.title, decided.is_page) {
        (Some(title), _) => text.own("a web page, “").foreign(title).own("”"),
        (None, true) => text.own("a web page"),
        (None, false) => text.own("not API data"),
    };
    let server = decided.responder.headers.iter();
    let server = { server }.find(|(name, _)| name.eq_ignore_ascii_case("server"));
    match (decided.status, server.or(decided.responder.headers.first())) {
        (Some(status), Some((_, value))) => {
            text.own(format!(" ({status}, ")).foreign(value).own(").")
        }
        (_, _) => text.own(format!("{in_brackets}.")),
    }
}

/// Returns what went wrong on the way.
fn faulty(facts: &Facts, reason: Reason) -> Text {
    if facts.is_sinkhole() == Some(true) {
        return fill(
            "{host} leads to {address} here, and nothing of Bitrise's is there.",
            facts,
        );
    }
    let Some(fault) = facts.fault() else {
        return if reason == Reason::MaxTimeReached {
            "the time for the whole run was over (--max-time).".into()
        } else {
            fill("{host} gave no response.", facts)
        };
    };
    match fault.kind {
        FaultKind::Dns => {
            let text = fill("the host {host} was not found (DNS).", facts);
            if facts
                .source
                .is_some_and(|source| source != BaseUrlSource::Default)
            {
                text.then(fill(
                    " It comes from {option}; the default is api.bitrise.io.",
                    facts,
                ))
            } else {
                text
            }
        }
        FaultKind::Refused => fill("{host} refused the connection.", facts),
        FaultKind::ProxyTls => {
            let text = fill("no trusted connection to {proxy} itself: ", facts);
            tls(text, fault).own(".")
        }
        _ if fault.tls().is_some() => {
            let text = fill("no trusted connection to {host}: ", facts);
            tls(text, fault).own(".")
        }
        kind if kind.stage().is_at_proxy() => {
            let text = fill("no connection to {host} through {proxy}: ", facts);
            text.own(format!("{fault}."))
        }
        FaultKind::ConnectTimeout => fill(
            "connecting to {host} took longer than --timeout allows.",
            facts,
        ),
        FaultKind::Timeout => fill(
            "{host} gave no complete response in time (--timeout).",
            facts,
        ),
        FaultKind::MaxTime => "the time for the whole run was over (--max-time).".into(),
        kind if kind.stage() == Stage::Connection => {
            let text = fill("no connection to {host} could be made", facts);
            let why = kind.sentence().strip_prefix("no connection could be made");
            text.own(format!("{}.", why.unwrap_or_default()))
        }
        _ => fill("{host}: ", facts).own(format!("{fault}.")),
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
            text.then(fill(": {from}.", facts))
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

/// Returns who has to act, in words.
pub(super) fn who(facts: &Facts, who: Who) -> Text {
    match who {
        Who::You => "you".into(),
        Who::BitriseAdmin => fill("whoever manages API tokens in {workspace}", facts),
        Who::NetworkAdmin => "whoever runs your network".into(),
        Who::Bitrise => "Bitrise".into(),
        Who::Dx => "DX".into(),
        Who::Wait => match facts.retry_at {
            Some(at) => format!("nobody: wait until {}", clock(at, facts.now)).into(),
            None => "nobody: wait".into(),
        },
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

/// Tells whether the result says what the causes would say once more.
pub(super) fn says_cause(facts: &Facts, count: usize) -> bool {
    facts.mistaken.is_some() || (facts.reason == Some(Reason::TokenMissing) && count == 1)
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

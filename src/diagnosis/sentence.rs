//! Sentences with gaps: `{app}` is filled from the facts, and what stands between backquotes is a
//! command.
//!
//! Invariant: a gap has words for a fact that is not known, so that `explain` prints the same
//! sentences.

use super::facts::{Facts, Mistaken};
use super::pasted;
use crate::app::App;
use crate::check::CheckId;
use crate::exchange::{Body, Exchange, Fault, FaultKind, Header, Responder, Stage};
use crate::report::{BaseUrlSource, Selection, TokenState};
use crate::text::{Text, Untrusted};
use crate::token::TokenKind;
use crate::verdict::{Reason, Verdict};
use std::time::{Duration, SystemTime};

/// How many apps are named in a sentence.
const MAX_NAMES: usize = 5;

/// How many workspaces are named in a sentence.
const MAX_WORKSPACES: usize = 3;

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

/// Fills a sentence's gaps.
pub(super) fn fill(sentence: &str, facts: &Facts) -> Text {
    let mut text = Text::default();
    let mut is_command = false;
    for part in sentence.split('`') {
        let mut rest = part;
        // A command's variable, as in ${NAME}, is none of the gaps.
        while let Some((before, (_, value), after)) = next_gap(rest) {
            text = set(text, before, is_command);
            let value = value(facts);
            text = if is_command {
                text.command(value.to_string())
            } else {
                text.then(value)
            };
            rest = after;
        }
        text = set(text, rest, is_command);
        is_command = !is_command;
    }
    text
}

fn set(text: Text, words: &str, is_command: bool) -> Text {
    if words.is_empty() {
        text
    } else if is_command {
        text.command(words)
    } else {
        text.own(words)
    }
}

/// Returns what stands before the next gap, what fills that, and what stands behind it.
fn next_gap(text: &str) -> Option<(&str, &'static Gap, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    let gap = GAPS.iter().find(|(known, _)| *known == name)?;
    Some((before, gap, after))
}

/// Returns the names of a sentence's gaps.
#[cfg(test)]
pub(super) fn gaps(sentence: &str) -> Vec<&'static str> {
    let mut names = Vec::new();
    for part in sentence.split('{').skip(1) {
        let name = part.split('}').next();
        names.extend(
            GAPS.iter()
                .map(|(known, _)| *known)
                .filter(|known| Some(*known) == name),
        );
    }
    names
}

/// A gap's name and what fills it.
pub(super) type Gap = (&'static str, fn(&Facts) -> Text);

/// Every gap that a sentence may have.
pub(super) const GAPS: &[Gap] = &[
    ("address", address),
    ("all_apps", all_apps),
    ("among", among),
    ("answer", answer),
    ("app_and_place", |f| {
        let text = app_in_list(f);
        if f.app.is_some() && f.first == f.app {
            text.own(",")
        } else {
            text
        }
    }),
    ("app_in_list", app_in_list),
    ("app_in_workspace", |f| {
        f.app.map_or_else(|| "the app".into(), app_in_workspace)
    }),
    ("base_url", |f| command_or(f.base_url, "the base URL")),
    ("bitrise", bitrise),
    ("ca_cert", |f| {
        Text::default().command(option_or_input(f, "--ca-cert", "FILE"))
    }),
    ("ci_action", |f| fill(f.ci().action, &Facts::default())),
    ("ci_cause", |f| fill(f.ci().cause, &Facts::default())),
    ("cause", |f| {
        f.cause.map_or_else(Text::default, |cause| fill(cause, f))
    }),
    ("certificate", certificate),
    ("checked", checked),
    ("checked_apps", |f| apps(f.coverage.checked).into()),
    ("code", |f| code(f).into()),
    ("denied", |f| f.coverage.denied.to_string().into()),
    ("contradiction", |f| {
        let altered = f.report.and_then(|report| report.altered.as_deref());
        altered.unwrap_or("a part of it").into()
    }),
    ("dx_shows", dx_shows),
    ("fault", fault),
    ("first", |f| {
        f.first
            .map_or_else(|| "the first app of the list".into(), app)
    }),
    ("fix", |f| {
        f.token_error
            .map_or_else(Text::default, |error| error.fix().to_owned().into())
    }),
    ("host", |f| command_or(f.host.as_deref(), "api.bitrise.io")),
    ("instead", instead),
    ("issuer", |f| {
        quoted(
            f.fault().and_then(|fault| fault.issuer.as_ref()),
            "the network's own authority",
        )
    }),
    ("asked", pasted::asked),
    ("commands", pasted::commands),
    ("dx_code", |f| {
        let code = pasted::dx_code(f).map_or("an error", Verdict::as_str);
        code.into()
    }),
    ("dx_code_means", dx_code_means),
    ("if_apps", |f| pasted::if_step(f, true)),
    ("if_pipelines", |f| pasted::if_step(f, false)),
    ("if_told", pasted::if_told),
    ("in_shell", pasted::in_shell),
    ("leave_it", |f| {
        // A token that stands in a text is replaced.
        if f.was_pasted() {
            Text::default()
        } else {
            " Leave the token as it is.".into()
        }
    }),
    ("older", pasted::older),
    ("outcomes", pasted::outcomes),
    ("seen", |f| {
        pasted::seen(f, None).unwrap_or_else(|| "a response".into())
    }),
    ("seen_pipelines", |f| {
        let seen = pasted::seen(f, Some(CheckId::PipelinesList));
        seen.unwrap_or_else(|| "an error".into())
    }),
    ("send", |f| {
        if f.is_reply { "send us" } else { "paste" }.into()
    }),
    ("service", |f| match pasted::services(f) {
        services if services.is_empty() => "the service that it is of".into(),
        services => services.join(" and ").into(),
    }),
    ("the_new_token", |f| {
        if f.was_pasted() {
            "the new token"
        } else {
            "the token"
        }
        .into()
    }),
    ("token_it", |f| {
        let is_named = f.report.is_some() && f.state != Some(TokenState::Accepted);
        if is_named { "it" } else { "the token" }.into()
    }),
    ("told_statuses", pasted::told_statuses),
    ("it", |f| {
        if f.refused.len() <= 1 { "it" } else { "them" }.into()
    }),
    ("listed_apps", |f| {
        apps(f.listed_before_cut.unwrap_or_default() as u64).into()
    }),
    ("location", |f| {
        f.location().map_or_else(
            || "another address".into(),
            |host| Text::default().foreign(host),
        )
    }),
    ("malformed", |f| {
        f.token_error.map_or_else(
            || "it can't be a Bitrise token".into(),
            |error| error.to_string().into(),
        )
    }),
    ("max_time", |f| {
        Text::default().command(option_or_input(f, "--max-time", "10m"))
    }),
    ("meant", meant),
    ("meant_app", |f| match f.mistaken {
        Some(Mistaken::Title(other) | Mistaken::Case(other) | Mistaken::Typo(other)) => app(other),
        _ => "another app".into(),
    }),
    ("not_run", |f| {
        let why = f.not_run.as_deref();
        why.unwrap_or("the options can't be used").into()
    }),
    ("now", |f| {
        f.now.map_or_else(
            || "the date".into(),
            |now| humantime::format_rfc3339_seconds(now).to_string().into(),
        )
    }),
    ("one_of_these", |f| {
        if f.refused.len() <= 1 {
            "it"
        } else {
            "one of them"
        }
        .into()
    }),
    ("option", option),
    ("page", page),
    ("pasted_tokens", |f| {
        if f.has_several_tokens() {
            "the pasted tokens"
        } else {
            "the pasted token"
        }
        .into()
    }),
    ("proxy", |f| match f.proxy {
        Some(proxy) => Text::from("the proxy ").command(proxy),
        None => "the proxy".into(),
    }),
    ("proxy_answer", proxy_answer),
    ("proxy_variable", proxy_variable),
    ("readable", |f| f.coverage.readable.to_string().into()),
    ("refused", refused),
    ("refused_in", refused_in),
    ("refused_names", |f| names(f.refused.iter().copied(), None)),
    ("roots", roots),
    ("run_again", |f| run_again(f)),
    ("run_new", run_new),
    ("schemes", schemes),
    ("sees_slugs", sees_slugs),
    ("sender", sender),
    ("shows", |f| f.shows().into()),
    ("signal", |f| f.signal.unwrap_or("a signal").into()),
    ("slug", |f| {
        f.app.map_or_else(
            || "what was given".into(),
            |app| Text::default().foreign(app.slug.as_untrusted()),
        )
    }),
    ("status", |f| {
        f.status()
            .map_or_else(Text::default, |status| format!(" ({status})").into())
    }),
    ("status_and_attempts", status_and_attempts),
    ("status_code", |f| match f.status() {
        Some(status) => status.to_string().into(),
        None => "an error".into(),
    }),
    ("status_page", |_| {
        Text::default().command("https://status.bitrise.io")
    }),
    ("these", |f| {
        let is_one = f.refused.len() <= 1;
        if is_one { "this app" } else { "these apps" }.into()
    }),
    ("these_refused", |f| match f.refused.len() {
        0 | 1 => "this one".into(),
        count => format!("these {count}").into(),
    }),
    ("this_kind", |f| {
        let the = match (f.is_reply, f.is_told()) {
            (true, _) => "your",
            (_, true) => "the",
            (_, false) => "this",
        };
        format!("{the} {}", kind(f.kind)).into()
    }),
    ("this_machine", |f| {
        match (f.is_reply, f.is_told()) {
            (true, _) => "your machine",
            (_, true) => "the customer's machine",
            (_, false) => "this machine",
        }
        .into()
    }),
    ("this_token", |f| match (f.is_sandbox, f.is_told()) {
        (true, _) => "the sandbox's token".into(),
        _ if f.is_reply => "your token".into(),
        (_, true) => "the token".into(),
        (_, false) => "this token".into(),
    }),
    ("total_apps", |f| {
        apps(f.coverage.total.unwrap_or_default()).into()
    }),
    ("unchecked", unchecked),
    ("until", until),
    ("variables", variables),
    ("wait_until", |f| match f.retry_at {
        Some(at) => format!(" until {}", clock(at, now(f))).into(),
        None => Text::default(),
    }),
    ("without_runs", without_runs),
    ("words", |f| {
        f.message()
            .map_or_else(Text::default, |words| Text::default().foreign(words))
    }),
    ("workspace", in_workspace),
    ("workspace_path", workspace_path),
    ("you", |f| {
        if f.is_of_customer() {
            "the customer"
        } else {
            "you"
        }
        .into()
    }),
    ("your", |f| your(f).into()),
    ("yours", |f| {
        if f.is_of_customer() {
            "theirs"
        } else {
            "yours"
        }
        .into()
    }),
];

/// Says what that code means, in DX's words.
fn dx_code_means(facts: &Facts) -> Text {
    let words = pasted::dx_code(facts).and_then(dx_words);
    words.map_or_else(Text::default, |words| {
        format!("DX's page says of it: “{words}”").into()
    })
}

fn address(facts: &Facts) -> Text {
    facts.remote().map_or_else(
        || "0.0.0.0 or this machine".into(),
        |address| Text::default().command(address.ip().to_string()),
    )
}

fn schemes(facts: &Facts) -> Text {
    let Some(proxy) = facts.proxy_response() else {
        return "other schemes".into();
    };
    let names: Vec<_> = proxy.schemes.iter().map(|scheme| scheme.as_str()).collect();
    names.join(", ").into()
}

/// Returns a number of apps in words.
pub(super) fn apps(count: u64) -> String {
    match count {
        1 => "1 app".to_owned(),
        count => format!("{count} apps"),
    }
}

/// Returns how many apps one refused app is among, as a sentence; nothing if it is the only one.
fn among(facts: &Facts) -> Text {
    match facts.coverage.checked {
        0 | 1 => Text::default(),
        checked => format!(" 1 of {} is refused.", apps(checked)).into(),
    }
}

/// Returns the apps that were checked.
fn checked(facts: &Facts) -> Text {
    match (facts.coverage.checked, facts.app) {
        (1, Some(_)) => app_in_list(facts),
        (1, None) => "the app that was checked".into(),
        (checked, _) => format!("the {checked} apps that were checked").into(),
    }
}

/// Returns the app that decided, with its place if that is the first one.
fn app_in_list(facts: &Facts) -> Text {
    match facts.app {
        None => "the app".into(),
        Some(one) if facts.first == Some(one) => app(one).own(", the first app in its list"),
        Some(one) => app(one),
    }
}

/// Returns how many apps were not checked, as a sentence; nothing if all were.
fn unchecked(facts: &Facts) -> Text {
    match facts.unchecked() {
        Some(0) => Text::default(),
        Some(1) => " 1 other app was not checked.".into(),
        Some(rest) => format!(" {rest} other apps were not checked.").into(),
        None => " The others in its list were not checked.".into(),
    }
}

/// Says that no app that was checked had a run; nothing if one had.
fn without_runs(facts: &Facts) -> Text {
    if !facts.is_without_runs() {
        return Text::default();
    }
    let subject = match facts.coverage.readable {
        1 => "It did not run",
        2 => "Neither of them ran",
        _ => "None of them ran",
    };
    format!(" {subject} in the last 200 days, so DX may show no data.").into()
}

/// Returns the listed apps with their slugs.
fn sees_slugs(facts: &Facts) -> Text {
    if facts.sample.is_empty() {
        return "the apps of its list".into();
    }
    let mut text = Text::default();
    for (index, app) in facts.sample.iter().take(MAX_NAMES).enumerate() {
        if index > 0 {
            text = text.own(", ");
        }
        text = match &app.title {
            Some(title) => text
                .foreign(title)
                .own(" (")
                .foreign(app.slug.as_untrusted())
                .own(")"),
            None => text.foreign(app.slug.as_untrusted()),
        };
    }
    let shown = facts.sample.len().min(MAX_NAMES) as u64;
    match facts.coverage.total.unwrap_or(shown).saturating_sub(shown) {
        0 => text,
        more => text.own(format!(" and {more} more")),
    }
}

/// Returns when the report is read, which is known of a live run alone.
fn now(facts: &Facts) -> Option<SystemTime> {
    facts.now.filter(|_| !facts.is_told())
}

fn your(facts: &Facts) -> &'static str {
    if facts.is_of_customer() {
        "the customer's"
    } else {
        "your"
    }
}

/// Returns an option with its value, or the input that takes its place.
fn option_or_input(facts: &Facts, option: &str, value: &str) -> String {
    match facts.input(option) {
        Some(input) => format!("{input}: {value}"),
        None => format!("{option} {value}"),
    }
}

/// Returns the run that checks every app.
fn all_apps(facts: &Facts) -> Text {
    match facts.input("--all-apps") {
        Some(input) => Text::from("a run with ").command(input),
        None => Text::default().command("bitrise-dx verify --all-apps"),
    }
}

/// Tells what to run for the same checks; “again” only if the program has run here.
fn run_again(facts: &Facts) -> Text {
    if facts.has_inputs() {
        return "run this build again".into();
    }
    let text = Text::from("run ").command(again(facts));
    if facts.is_told() {
        text
    } else {
        text.own(" again")
    }
}

/// Returns the run that checks a new token as far as the old one was to be.
fn run_new(facts: &Facts) -> Text {
    match facts.selection {
        Some(Selection::Named | Selection::File) if !facts.has_inputs() => {
            Text::default().command(again(facts))
        }
        _ => all_apps(facts),
    }
}

/// Returns DX's code.
fn code(facts: &Facts) -> &'static str {
    let verdict = facts.reason.map(Reason::verdict);
    verdict.and_then(Verdict::dx_error).unwrap_or_default()
}

/// Returns “DX will show CODE: ”, or nothing if DX may accept the token.
fn dx_shows(facts: &Facts) -> Text {
    if facts.may_be_accepted() {
        return Text::default();
    }
    format!("DX {} {}: ", facts.shows(), code(facts)).into()
}

/// Returns what a response that is not Bitrise's was.
fn page(facts: &Facts) -> Text {
    let response = facts.exchange.and_then(Exchange::response);
    let title = facts.responder().and_then(|from| from.title.as_ref());
    match (title, response.map(|response| &response.body)) {
        (Some(title), _) => Text::from("a web page titled “").foreign(title).own("”"),
        (None, Some(Body::Html)) => "a web page".into(),
        (None, _) => "not API data".into(),
    }
}

/// Returns the status and who sent the response, in brackets.
fn sender(facts: &Facts) -> Text {
    let Some(status) = facts.status() else {
        return Text::default();
    };
    let headers = facts.responder().map_or(&[][..], |from| &from.headers);
    let server = { headers.iter() }.find(|header| header.name.raw().eq_ignore_ascii_case("server"));
    match server.or(headers.first()) {
        Some(header) => Text::from(format!(" ({status}, "))
            .foreign(&header.value)
            .own(")"),
        None => format!(" ({status})").into(),
    }
}

fn status_and_attempts(facts: &Facts) -> Text {
    let attempts = facts.exchange.map_or(0, |exchange| exchange.attempts);
    match (facts.status(), attempts) {
        (Some(status), 0 | 1) => format!(" ({status})").into(),
        (Some(status), attempts) => format!(" ({status}, after {attempts} attempts)").into(),
        (None, _) => Text::default(),
    }
}

/// Returns what went wrong on the way, without a full stop.
fn fault(facts: &Facts) -> Text {
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

/// Returns what a certificate holds in place of what was wanted.
fn instead(facts: &Facts) -> Text {
    let fault = facts.fault();
    if let Some(text) = fault.and_then(|fault| fault.instead.as_ref()) {
        return Text::from(" ").foreign(text);
    }
    match facts.tls() {
        Some(FaultKind::TlsNotYetValid) => " yet".into(),
        Some(_) | None => Text::default(),
    }
}

/// Returns what a certificate is for, in place of the host that was asked.
fn certificate(facts: &Facts) -> Text {
    let other = facts.fault().and_then(|fault| fault.instead.as_ref());
    other.map_or_else(
        || "for another host name".into(),
        |text| Text::default().foreign(text),
    )
}

fn command_or(value: Option<&str>, unknown: &str) -> Text {
    value.map_or_else(|| unknown.into(), |value| Text::default().command(value))
}

fn quoted(text: Option<&Untrusted>, unknown: &str) -> Text {
    text.map_or_else(
        || unknown.into(),
        |text| Text::from("“").foreign(text).own("”"),
    )
}

/// Returns who is asked, as the subject of a sentence.
pub(super) fn bitrise(facts: &Facts) -> Text {
    match (&facts.host, facts.is_bitrise) {
        (Some(host), Some(false)) if !facts.is_sandbox => Text::default().command(host.clone()),
        (Some(_) | None, _) => "Bitrise".into(),
    }
}

/// Returns an app as people know it: its title, or else its slug.
pub(super) fn app(app: &App) -> Text {
    match &app.title {
        Some(title) => Text::from("“").foreign(title).own("”"),
        None => Text::from("app ").foreign(app.slug.as_untrusted()),
    }
}

/// Returns an app with its workspace in brackets.
pub fn app_in_workspace(of: &App) -> Text {
    let text = app(of);
    match &of.workspace {
        Some(workspace) => text.own(" (").foreign(workspace).own(")"),
        None => text,
    }
}

/// Returns the titles of a few apps, without quotation marks.
pub(super) fn names<'a>(apps: impl IntoIterator<Item = &'a App>, total: Option<u64>) -> Text {
    let mut text = Text::default();
    let mut count = 0;
    for app in apps {
        if count < MAX_NAMES {
            text = text.own(if count == 0 { "" } else { ", " });
            text = text.foreign(app.title.as_ref().unwrap_or(app.slug.as_untrusted()));
        }
        count += 1;
    }
    let shown = count.min(MAX_NAMES) as u64;
    match total.unwrap_or_default().max(count as u64) - shown {
        0 => text,
        more => text.own(format!(" and {more} more")),
    }
}

/// Returns the refused apps; by workspace, if they lie in several.
fn refused(facts: &Facts) -> Text {
    let refused = facts.refused.as_slice();
    match (refused, workspaces_of(refused.iter().copied()).as_slice()) {
        ([], _) => facts.app.map_or_else(|| "the app".into(), app),
        ([one], _) => app(one),
        (several, [] | [_]) => names(several.iter().copied(), None),
        (several, workspaces) => {
            let mut text = Text::default();
            for (index, name) in workspaces.iter().enumerate() {
                let in_it = || {
                    several
                        .iter()
                        .filter(|app| app.workspace.as_ref() == Some(name))
                };
                text = text.own(if index == 0 { "" } else { "; " });
                text = text.then(names(in_it().copied(), None));
                let is_person = in_it().all(|app| app.is_owned_by_user);
                let what = if is_person {
                    ", a person's account)"
                } else {
                    ")"
                };
                text = text.own(" (").foreign(name).own(what);
            }
            text
        }
    }
}

/// Returns the workspace that the apps in question have in common: the refused ones, or else all
/// that were listed.
fn workspace<'a>(facts: &Facts<'a>) -> Option<&'a Untrusted> {
    let all = if facts.refused.is_empty() {
        managed(facts.sample)
    } else {
        managed(facts.refused.iter().copied())
    };
    match all.as_slice() {
        [one] => Some(*one),
        _ => None,
    }
}

/// Returns the workspaces of apps that have API tokens of their own, each once and in the apps'
/// order; a person's account has none. Nothing if the workspace of one app is not known.
fn managed<'a>(apps: impl IntoIterator<Item = &'a App> + Clone) -> Vec<&'a Untrusted> {
    if workspaces_of(apps.clone()).is_empty() {
        return Vec::new();
    }
    workspaces_of(apps.into_iter().filter(|app| !app.is_owned_by_user))
}

/// Returns the workspaces and accounts that apps belong to, each once and in the apps' order;
/// nothing if one of them is not known.
pub(super) fn workspaces_of<'a>(apps: impl IntoIterator<Item = &'a App>) -> Vec<&'a Untrusted> {
    let mut names = Vec::new();
    for app in apps {
        match &app.workspace {
            None => return Vec::new(),
            Some(name) if names.contains(&name) => {}
            Some(name) => names.push(name),
        }
    }
    names
}

/// Returns the workspaces of the refused apps, in brackets.
pub(super) fn refused_in(facts: &Facts) -> Text {
    match workspaces_of(facts.refused.iter().copied()).as_slice() {
        [] => Text::default(),
        names if names.len() <= MAX_WORKSPACES => Text::from(" (").then(joined(names)).own(")"),
        names => format!(", in {} workspaces", names.len()).into(),
    }
}

/// Returns the workspaces of listed apps, as it is added to their number.
pub(super) fn in_workspaces(names: &[&Untrusted]) -> Text {
    match names {
        [] => Text::default(),
        names if names.len() <= MAX_WORKSPACES => Text::from(" in ").then(joined(names)),
        names => format!(" in {} workspaces", names.len()).into(),
    }
}

/// Returns names as in “A, B and C”.
fn joined(names: &[&Untrusted]) -> Text {
    let mut text = Text::default();
    for (index, name) in names.iter().enumerate() {
        let between = match index {
            0 => "",
            last if last + 1 == names.len() => " and ",
            _ => ", ",
        };
        text = text.own(between).foreign(name);
    }
    text
}

/// Returns the workspace whose tokens are in question, as it stands in a sentence.
fn in_workspace(facts: &Facts) -> Text {
    if let Some(name) = workspace(facts) {
        let text = if facts.is_of_customer() {
            "the customer's Bitrise workspace, "
        } else {
            "the Bitrise workspace "
        };
        return Text::from(text).foreign(name);
    }
    match managed(facts.refused.iter().copied()).as_slice() {
        [] | [_] => format!("{} Bitrise workspace", your(facts)).into(),
        names if names.len() <= MAX_WORKSPACES => {
            Text::from("the Bitrise workspaces ").then(joined(names))
        }
        names => format!("the {} Bitrise workspaces of these apps", names.len()).into(),
    }
}

/// Returns the workspace as the first step of a way through Bitrise's pages.
fn workspace_path(facts: &Facts) -> Text {
    match (
        workspace(facts),
        managed(facts.refused.iter().copied()).len(),
    ) {
        (Some(name), _) => Text::default().foreign(name),
        (None, 0 | 1) => format!("{} workspace", your(facts)).into(),
        (None, _) => "the workspace of each app".into(),
    }
}

fn option(facts: &Facts) -> Text {
    match facts.source {
        Some(BaseUrlSource::Environment) => Text::default().command("BITRISE_API_BASE_URL"),
        Some(BaseUrlSource::Option) => Text::default().command("--base-url"),
        Some(BaseUrlSource::Default) | None => Text::default()
            .command("--base-url")
            .own(" or ")
            .command("BITRISE_API_BASE_URL"),
    }
}

/// Returns the status and who answered, as it is sent to somebody who looks for it.
fn answer(facts: &Facts) -> Text {
    if facts.exchange.is_none() {
        return "the status and the response's headers".into();
    }
    let who = facts.responder().map_or_else(Text::default, responder);
    match facts.status() {
        None if who.spans().is_empty() => "a web page without a title".into(),
        None => who,
        Some(status) if who.spans().is_empty() => Text::from(status.to_string()),
        Some(status) => Text::from(format!("{status} · ")).then(who),
    }
}

pub(super) const fn from(facts: &Facts) -> &'static str {
    match facts.source {
        Some(BaseUrlSource::Option) => "it comes from --base-url; the default is api.bitrise.io",
        Some(BaseUrlSource::Environment) => {
            "it comes from BITRISE_API_BASE_URL; the default is api.bitrise.io"
        }
        Some(BaseUrlSource::Default) => "it is the default, Bitrise's own",
        None => "the default is api.bitrise.io",
    }
}

/// Returns a token's kind in words.
pub(super) const fn kind(kind: Option<TokenKind>) -> &'static str {
    match kind {
        Some(TokenKind::Workspace) => "workspace API token",
        Some(TokenKind::Personal) => "personal access token",
        Some(TokenKind::Unknown) | None => "token",
    }
}

/// Returns the command that makes the same run again.
pub(super) fn again(facts: &Facts) -> String {
    let what = match (facts.selection, facts.app) {
        (Some(Selection::All), _) => " --all-apps",
        (Some(Selection::File), _) => " --apps-file …",
        (Some(Selection::Named), _) if facts.mistaken.is_some() => " --app SLUG",
        (Some(Selection::Named), Some(app)) if facts.refused.len() <= 1 => {
            return format!("bitrise-dx verify --app {}", app.slug);
        }
        (Some(Selection::Named), _) => " --app …",
        (Some(Selection::First) | None, _) => "",
    };
    format!("bitrise-dx verify{what}")
}

fn meant(facts: &Facts) -> Text {
    match facts.mistaken {
        Some(Mistaken::Title(app) | Mistaken::Case(app) | Mistaken::Typo(app)) => {
            Text::default().foreign(app.slug.as_untrusted())
        }
        Some(Mistaken::Workspace(Some(name))) => Text::from("“").foreign(name).own("”"),
        Some(Mistaken::Workspace(None)) | None => "SLUG".into(),
    }
}

fn variables(facts: &Facts) -> Text {
    let variables = facts.known.iter().flat_map(|known| &known.token_variables);
    let mut text = Text::default();
    for (index, variable) in variables.enumerate() {
        if index > 0 {
            text = text.own(", ");
        }
        text = text.command(*variable);
    }
    if text.spans().is_empty() {
        return "another variable".into();
    }
    text
}

fn proxy_variable(facts: &Facts) -> Text {
    let variables = facts.known.iter().flat_map(|known| &known.proxy_variables);
    let first = { variables }.next();
    Text::default().command(first.copied().unwrap_or("HTTPS_PROXY"))
}

fn roots(facts: &Facts) -> Text {
    let broken = facts.known.iter().flat_map(|known| &known.roots).next();
    let Some(broken) = broken else {
        return Text::default()
            .command("SSL_CERT_FILE")
            .own(" or ")
            .command("SSL_CERT_DIR")
            .own(" leads nowhere");
    };
    let what = match broken.fault {
        super::RootsFault::Missing => " names something that does not exist",
        super::RootsFault::Unreadable => " names something that can't be read",
        super::RootsFault::Empty => " names something that holds no certificate",
    };
    Text::default().command(broken.variable).own(what)
}

fn proxy_answer(facts: &Facts) -> Text {
    let Some(proxy) = facts.proxy_response() else {
        return Text::default();
    };
    let text = Text::from(format!(" ({}", proxy.status));
    let who = responder(&proxy.responder);
    if who.spans().is_empty() {
        text.own(")")
    } else {
        text.own(" · ").then(who).own(")")
    }
}

/// Returns who answered: the page's title and the headers that name a box.
pub(super) fn responder(responder: &Responder) -> Text {
    let mut text = Text::default();
    if let Some(title) = &responder.title {
        text = text.own("“").foreign(title).own("”");
    }
    for Header { name, value } in &responder.headers {
        if !text.spans().is_empty() {
            text = text.own(" · ");
        }
        text = text.own(format!("{name}: ")).foreign(value);
    }
    text
}

fn until(facts: &Facts) -> Text {
    facts.retry_at.map_or_else(
        || "in a few minutes".into(),
        |at| format!("after {}", clock(at, now(facts))).into(),
    )
}

/// Returns a time of day, rounded up to the minute, as in “18:18 UTC”; with the date if that is a day
/// or more from now, or now is not known.
pub(super) fn clock(at: SystemTime, now: Option<SystemTime>) -> String {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let seconds = since.as_secs() + u64::from(since.subsec_nanos() > 0);
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.next_multiple_of(60));
    let text = humantime::format_rfc3339_seconds(at).to_string();
    let is_near = now.is_some_and(|now| at.duration_since(now).is_ok_and(|wait| wait < DAY));
    let date = if is_near { None } else { text.get(..10) };
    let date = date.map_or_else(String::new, |date| format!("{date} "));
    format!("{date}{} UTC", text.get(11..16).unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_another_day_has_its_date() {
        let now = SystemTime::UNIX_EPOCH;
        let clock = |seconds| clock(now + Duration::from_secs(seconds), Some(now));
        assert_eq!(clock(24 * 3600 - 60), "23:59 UTC");
        assert_eq!(clock(24 * 3600), "1970-01-02 00:00 UTC");
        assert_eq!(clock(7 * 24 * 3600 + 60), "1970-01-08 00:01 UTC");
    }

    #[test]
    fn a_gap_has_words_while_nothing_is_known() {
        for (gap, _) in GAPS {
            let text = fill(&format!("a {{{gap}}} b"), &Facts::default()).to_string();
            assert!(!text.contains(['{', '}']), "{text}");
        }
        let text = fill("`a {status_page}` {x} {app", &Facts::default());
        assert_eq!(text.to_string(), "a https://status.bitrise.io {x} {app");
    }
}

//! Sentences with gaps: `{app}` is filled from the facts, and what stands between backquotes is a
//! command.
//!
//! Invariant: a gap has words for a fact that is not known, so that `explain` prints the same
//! sentences.

use super::facts::{Facts, Mistaken};
use crate::app::App;
use crate::exchange::{FaultKind, Responder};
use crate::report::{BaseUrlSource, Selection};
use crate::text::{Text, Untrusted};
use crate::token::TokenKind;
use std::time::{Duration, SystemTime};

/// How many apps are named in a sentence.
const MAX_NAMES: usize = 5;

/// How many workspaces are named in a sentence.
const MAX_WORKSPACES: usize = 3;

/// Fills a sentence's gaps.
pub(super) fn fill(sentence: &str, facts: &Facts) -> Text {
    let mut text = Text::default();
    let mut is_command = false;
    for part in sentence.split('`') {
        let mut rest = part;
        // A command's variable, as in ${NAME}, is none of the gaps.
        while let Some((before, gap, after)) = next_gap(rest) {
            text = set(text, before, is_command);
            let value = value(gap, facts);
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

/// Returns what stands before the next gap, its name, and what stands behind it.
fn next_gap(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (gap, after) = rest.split_once('}')?;
    GAPS.contains(&gap).then_some((before, gap, after))
}

/// Every gap that a sentence may have.
const GAPS: &[&str] = &[
    "address",
    "again",
    "answer",
    "app",
    "base_url",
    "bitrise",
    "certificate",
    "first",
    "from",
    "option",
    "host",
    "instead",
    "issuer",
    "kind",
    "location",
    "meant",
    "now",
    "proxy",
    "proxy_answer",
    "proxy_variable",
    "refused",
    "roots",
    "schemes",
    "sees",
    "slug",
    "status_page",
    "these",
    "until",
    "variables",
    "workspace",
    "workspace_path",
];

fn value(gap: &str, facts: &Facts) -> Text {
    match gap {
        "again" => Text::default().command(again(facts)),
        "app" => facts.app.as_ref().map_or_else(|| "the app".into(), app),
        "base_url" => or(facts.base_url.clone(), "the base URL"),
        "bitrise" => bitrise(facts),
        "first" => facts
            .first
            .as_ref()
            .map_or_else(|| "the first app of the list".into(), app),
        "from" => from(facts).into(),
        "option" => option(facts),
        "now" => facts.now.map_or_else(
            || "the date".into(),
            |now| humantime::format_rfc3339_seconds(now).to_string().into(),
        ),
        "these" if facts.refused.len() > 1 => "these apps".into(),
        "these" => "this app".into(),
        "host" => or(facts.host.clone(), "api.bitrise.io"),
        "kind" => kind(facts.kind).into(),
        "proxy" => match facts.proxy() {
            Some(proxy) => Text::from("the proxy ").command(proxy),
            None => "the proxy".into(),
        },
        "proxy_variable" => proxy_variable(facts),
        "refused" => refused(facts),
        "roots" => roots(facts),
        "sees" => names(&facts.sample, facts.coverage.total),
        "slug" => facts.app.as_ref().map_or_else(
            || "what was given".into(),
            |app| Text::default().foreign(app.slug.as_untrusted()),
        ),
        "until" => until(facts),
        "variables" => variables(facts),
        "workspace" => in_workspace(facts),
        "workspace_path" => workspace_path(facts),
        "meant" => meant(facts),
        _ => seen(gap, facts),
    }
}

/// Fills the gaps that the deciding response or fault fills.
fn seen(gap: &str, facts: &Facts) -> Text {
    let decided = facts.decided.as_ref();
    match gap {
        "address" => decided.and_then(|decided| decided.remote).map_or_else(
            || "0.0.0.0 or this machine".into(),
            |address| Text::default().command(address.ip().to_string()),
        ),
        "location" => decided
            .and_then(|decided| decided.location.as_ref())
            .map_or_else(
                || "another address".into(),
                |host| Text::default().foreign(host),
            ),
        "issuer" => quoted(
            facts.fault().and_then(|fault| fault.issuer.as_ref()),
            "your network's own authority",
        ),
        "certificate" => certificate(facts),
        "instead" => instead(facts),
        "proxy_answer" => proxy_answer(facts),
        "answer" => answer(facts),
        "schemes" => facts.proxy_response().map_or_else(Text::default, |proxy| {
            let names: Vec<_> = proxy.schemes.iter().map(|scheme| scheme.as_str()).collect();
            names.join(", ").into()
        }),
        "status_page" => Text::default().command("https://status.bitrise.io"),
        _ => Text::default(),
    }
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

fn or(value: Option<String>, unknown: &str) -> Text {
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
pub(super) fn names(apps: &[App], total: Option<u64>) -> Text {
    let mut text = Text::default();
    for (index, app) in apps.iter().take(MAX_NAMES).enumerate() {
        if index > 0 {
            text = text.own(", ");
        }
        text = text.foreign(app.title.as_ref().unwrap_or(app.slug.as_untrusted()));
    }
    let shown = apps.len().min(MAX_NAMES) as u64;
    let all = total.unwrap_or(apps.len() as u64).max(apps.len() as u64);
    match all - shown {
        0 => text,
        more => text.own(format!(" and {more} more")),
    }
}

/// Returns the refused apps; by workspace, if they lie in several.
fn refused(facts: &Facts) -> Text {
    let refused = facts.refused.as_slice();
    match (refused, workspaces_of(refused).as_slice()) {
        ([], _) => facts.app.as_ref().map_or_else(|| "the app".into(), app),
        ([one], _) => app(one),
        (several, [] | [_]) => names(several, None),
        (several, workspaces) => {
            let mut text = Text::default();
            for (index, name) in workspaces.iter().enumerate() {
                let in_it = { several.iter() }.filter(|app| app.workspace.as_ref() == Some(name));
                let in_it: Vec<App> = in_it.cloned().collect();
                text = text.own(if index == 0 { "" } else { "; " });
                text = text.then(names(&in_it, None));
                let is_person = in_it.iter().all(|app| app.is_owned_by_user);
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

/// Returns the apps whose workspaces have to do something: the refused ones, or else all that were
/// listed.
const fn in_question(facts: &Facts) -> &[App] {
    if facts.refused.is_empty() {
        facts.sample.as_slice()
    } else {
        facts.refused.as_slice()
    }
}

/// Returns the workspace that the apps in question have in common.
fn workspace(facts: &Facts) -> Option<&Untrusted> {
    match managed(in_question(facts)).as_slice() {
        [one] => Some(*one),
        _ => None,
    }
}

/// Returns the workspaces of apps that have API tokens of their own; a person's account has none.
fn managed(apps: &[App]) -> Vec<&Untrusted> {
    let is_known = !workspaces_of(apps).is_empty();
    let apps = apps.iter().filter(|app| is_known && !app.is_owned_by_user);
    let mut names: Vec<&Untrusted> = Vec::new();
    for name in apps.filter_map(|app| app.workspace.as_ref()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Returns the workspaces and accounts that apps belong to, each once and in the apps' order;
/// nothing if one of them is not known.
pub(super) fn workspaces_of(apps: &[App]) -> Vec<&Untrusted> {
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
    match workspaces_of(&facts.refused).as_slice() {
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
        return Text::from("the Bitrise workspace ").foreign(name);
    }
    match managed(&facts.refused).as_slice() {
        [] | [_] => "your Bitrise workspace".into(),
        names if names.len() <= MAX_WORKSPACES => {
            Text::from("the Bitrise workspaces ").then(joined(names))
        }
        names => format!("the {} Bitrise workspaces of these apps", names.len()).into(),
    }
}

/// Returns the workspace as the first step of a way through Bitrise's pages.
fn workspace_path(facts: &Facts) -> Text {
    match (workspace(facts), managed(&facts.refused).len()) {
        (Some(name), _) => Text::default().foreign(name),
        (None, 0 | 1) => "your workspace".into(),
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
    let Some(decided) = &facts.decided else {
        return "the status and the response's headers".into();
    };
    let who = responder(&decided.responder);
    match decided.status {
        None if who.spans().is_empty() => "a web page without a title".into(),
        None => who,
        Some(status) if who.spans().is_empty() => Text::from(status.to_string()),
        Some(status) => Text::from(format!("{status} · ")).then(who),
    }
}

const fn from(facts: &Facts) -> &'static str {
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
    let what = match (facts.selection, &facts.app) {
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
    match &facts.mistaken {
        Some(Mistaken::Title(app) | Mistaken::Case(app)) => {
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
    for (name, value) in &responder.headers {
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
        |at| format!("after {}", clock(at, facts.now)).into(),
    )
}

/// Returns a time of day, as in “18:18 UTC”, with the date if that is a day or more from now.
pub(super) fn clock(at: SystemTime, now: Option<SystemTime>) -> String {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let text = humantime::format_rfc3339_seconds(at).to_string();
    let is_far = now.is_some_and(|now| at.duration_since(now).is_ok_and(|wait| wait >= DAY));
    let date = text.get(..10).filter(|_| is_far);
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
        for gap in GAPS {
            let text = fill(&format!("a {{{gap}}} b"), &Facts::default()).to_string();
            assert!(!text.contains(['{', '}']), "{text}");
        }
        let text = fill("`a {again}` {x} {app", &Facts::default());
        assert_eq!(text.to_string(), "a bitrise-dx verify {x} {app");
    }
}

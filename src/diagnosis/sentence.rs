//! Sentences with gaps: `{app}` is filled from the facts, and what stands between backquotes is a
//! command.
//!
//! Invariant: a gap has words for a fact that is not known, so that `explain` prints the same
//! sentences.

use super::facts::{Facts, Mistaken};
use crate::app::App;
use crate::exchange::{AuthScheme, Responder};
use crate::report::{BaseUrlSource, Selection};
use crate::text::{Text, Untrusted};
use crate::token::TokenKind;
use std::time::{Duration, SystemTime};

/// How many apps are named in a sentence.
const MAX_NAMES: usize = 5;

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
        "workspace" => workspace(facts).map_or_else(
            || "your Bitrise workspace".into(),
            |name| Text::from("the Bitrise workspace ").foreign(name),
        ),
        "workspace_path" => workspace(facts).map_or_else(
            || "your workspace".into(),
            |name| Text::default().foreign(name),
        ),
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
            facts.tls().and_then(|fault| fault.issuer.as_ref()),
            "its issuer",
        ),
        "instead" => facts
            .tls()
            .and_then(|fault| fault.instead.as_ref())
            .map_or_else(Text::default, |text| Text::from(" ").foreign(text)),
        "proxy_answer" => proxy_answer(facts),
        "answer" => answer(facts),
        "schemes" => facts.proxy_response().map_or_else(Text::default, |proxy| {
            let names: Vec<_> = proxy.schemes.iter().map(AuthScheme::as_str).collect();
            names.join(", ").into()
        }),
        "status_page" => Text::default().command("https://status.bitrise.io"),
        _ => Text::default(),
    }
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

fn refused(facts: &Facts) -> Text {
    match facts.refused.as_slice() {
        [] => facts.app.as_ref().map_or_else(|| "the app".into(), app),
        [one] => app(one),
        several => names(several, None),
    }
}

/// Returns the workspace that the refused apps have in common, or the one that all listed apps do.
pub(super) fn workspace(facts: &Facts) -> Option<&Untrusted> {
    let apps = if facts.refused.is_empty() {
        &facts.sample
    } else {
        &facts.refused
    };
    workspace_of(apps)
}

/// Returns the workspace that apps have in common.
pub(super) fn workspace_of(apps: &[App]) -> Option<&Untrusted> {
    let mut names = apps
        .iter()
        .filter(|app| !app.is_owned_by_user)
        .map(|app| app.workspace.as_ref());
    let first = names.next().flatten()?;
    names.all(|name| name == Some(first)).then_some(first)
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
        Some(status) if who.spans().is_empty() => status.to_string().into(),
        Some(status) => Text::from(format!("{status} · ")).then(who),
        None => who,
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

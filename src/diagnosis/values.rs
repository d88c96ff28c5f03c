//! What fills the gaps of sentences, as far as it is known: the names and numbers of a run.
//!
//! Invariant: foreign text stands in a value as foreign. The words around it stand in the catalogue.

use super::catalogue::words;
use super::facts::{Facts, host_of, workspaces_of};
use crate::app::App;
use crate::check::{CheckId, Status};
use crate::exchange::{AuthScheme, Exchange, Header, Responder, is_bitrise};
use crate::pasted::{Incomplete, Outcome, Secret};
use crate::report::{AppResult, AppState, EvidenceKind, shown_time};
use crate::text::{Text, Untrusted};
use crate::token::TokenKind;
use crate::verdict::{Reason, Verdict};
use std::fmt::Display;
use std::time::{Duration, SystemTime};

/// How many apps are named in a sentence.
const MAX_NAMES: usize = 5;

/// How many workspaces are named in a sentence.
const MAX_WORKSPACES: usize = 3;

/// Returns the value of a gap, if it is known.
pub(super) fn value(name: &str, facts: &Facts) -> Option<Text> {
    let (_, value) = VALUES.iter().find(|(known, _)| *known == name)?;
    value(facts)
}

/// The name of a gap and its value.
type Value = (&'static str, fn(&Facts) -> Option<Text>);

macro_rules! values {
    ($($name:literal: $value:expr;)*) => {
        /// Every value that a gap may have.
        pub(super) const VALUES: &[Value] = &[$(($name, $value),)*];
    };
}

values! {
    // The run.
    "base_url": |f| Some(command(&f.report?.target.base_url.as_ref()?));
    "host": |f| Some(command(&f.host.as_deref()?));
    "listen": |f| Some(f.report?.target.sandbox.as_ref()?.listen.clone().into());
    "sandbox_token": |f| Some(f.report?.target.sandbox.as_ref()?.token.into());
    "scenario": |f| Some(f.report?.target.sandbox.as_ref()?.scenario.clone().into_owned().into());
    "all_apps_input": |f| Some(f.known?.ci?.input("--all-apps")?.into());
    "base_url_input": |f| Some(f.known?.ci?.input("--base-url")?.into());
    "ca_cert_input": |f| Some(f.known?.ci?.input("--ca-cert")?.into());
    "timeout": |f| Some(humantime::format_duration(f.report?.options.timeout?).to_string().into());
    "max_time_input": |f| Some(f.known?.ci?.input("--max-time")?.into());
    "now": |f| Some(rfc3339(f.report?.checked_at).into());
    "clock": |f| {
        let now = f.report.filter(|_| !f.is_told).and_then(|run| run.checked_at);
        Some(clock(f.retry_at?, now).into())
    };
    "signal": |f| Some(f.report?.interrupted?.as_str().into());
    "not_run": |f| Some(f.report?.not_run.as_ref()?.to_string().into());
    "code": |f| Some(f.reason.and_then(|reason| reason.verdict().dx_error()).unwrap_or_default().into());
    "variables": |f| {
        let names = &f.known?.token_variables;
        (!names.is_empty()).then(|| a_few(names.iter().map(|name| command(name)), None))
    };
    "proxy_variable": |f| Some(command(f.known?.proxy_variables.first()?));
    "roots_variable": |f| Some(command(&f.known?.roots.first()?.variable));

    // The token.
    "fingerprint": |f| Some(f.report?.token.fingerprint.clone()?.into());
    "malformed": |f| Some(f.report?.token.error.as_ref()?.to_string().into());
    "fix": |f| Some(f.report.and_then(|run| run.token.error.as_ref()).map_or("", |error| error.fix).into());

    // The apps.
    "app": |f| Some(app(f.app?));
    "app_in_workspace": |f| Some(app_in_workspace(f.app?));
    "slug": |f| Some(foreign(&f.app?.slug));
    "first": |f| Some(app(f.first?));
    "meant": |f| match f.mistaken? {
        ("workspace", app) => Some(quoted(app.workspace.as_ref()?)),
        (_, app) => Some(foreign(&app.slug)),
    };
    "meant_app": |f| f.mistaken.filter(|(what, _)| *what != "workspace").map(|(_, of)| app(of));
    "named_apps": |f| {
        let apps = f.report?.apps.iter().map(|result| format!(" --app {}", *result.app.slug));
        Some(apps.collect::<Vec<_>>().concat().into())
    };
    "sees_slugs": |f| {
        let one = |app: &App| match (&app.title, &*app.slug) {
            (Some(title), slug) => foreign(title).then(" (").then(slug).then(")"),
            (None, slug) => foreign(slug),
        };
        (!f.sample.is_empty()).then(|| a_few(f.sample.iter().map(one), f.coverage.total))
    };
    // Returns the refused apps; by workspace, if they lie in several.
    "refused": |f| {
        let refused = f.refused.as_slice();
        let one = |name: &&Untrusted| {
            let is_in = |app: &&App| app.workspace.as_ref() == Some(*name);
            let mut in_it = refused.iter().copied().filter(is_in);
            let text = names(in_it.clone(), None).then(" (").then(*name);
            let is_person = in_it.all(|app| app.is_owned_by_user);
            text.then(if is_person {
                ", a person's account)"
            } else {
                ")"
            })
        };
        match (refused, workspaces_of(refused.iter().copied()).as_slice()) {
            ([], _) => None,
            ([only], _) => Some(app(only)),
            (all, [] | [_]) => Some(names(all.iter().copied(), None)),
            (_, all) => Some(joined(all.iter().map(one).collect(), "; ")),
        }
    };
    "refused_count": |f| Some(f.refused.len().to_string().into());
    "refused_names": |f| Some(names(f.refused.iter().copied(), None));
    "refused_in": |f| {
        let names = workspaces_of(f.refused.iter().copied());
        let comma = if names.len() > MAX_WORKSPACES { "," } else { "" };
        Some(Text::from(comma).then(workspaces(" (", &names, ")")))
    };
    "checked_apps": |f| Some(apps(f.coverage.checked).into());
    "checked_count": |f| Some(f.coverage.checked.to_string().into());
    "started_apps": |f| Some(apps(f.coverage.checked + f.coverage.not_reached).into());
    "total_apps": |f| Some(apps(f.coverage.total?).into());
    "listed_apps": |f| Some(apps(f.listed_before_cut.unwrap_or_default() as u64).into());
    "listed_count": |f| Some(f.listed_before_cut?.to_string().into());
    "readable": |f| Some(f.coverage.readable.to_string().into());
    "denied": |f| Some(f.coverage.denied.to_string().into());
    "unknown_count": |f| Some(f.coverage.unknown.to_string().into());
    "not_reached_count": |f| Some(f.coverage.not_reached.to_string().into());
    "unchecked_count": |f| Some(f.coverage.not_checked()?.to_string().into());
    "disabled_names": |f| {
        let apps = f.report?.apps.iter().filter(|app| app.is_disabled_refusal());
        Some(names(apps.map(|result| &result.app), None)).filter(|text| !text.0.is_empty())
    };
    // Those that DX won't find, though it could read them.
    "unlisted_names": |f| {
        let apps = f.report?.apps.iter().filter(|app| app.is_listed == Some(false));
        let apps = apps.filter(|app| app.state == AppState::Readable);
        Some(names(apps.map(|result| &result.app), None)).filter(|text| !text.0.is_empty())
    };
    "workspace_name": |f| <[_; 1]>::try_from(f.managed()).ok().map(|[one]| foreign(one));
    "workspace_count": |f| Some(f.managed().len().to_string().into());
    "workspace_names": |f| match f.managed() {
        names if names.len() > MAX_WORKSPACES => None,
        names => Some(workspaces("", &names, "")),
    };

    // A check.
    "owner": |f| Some(foreign(f.app?.workspace.as_ref()?));
    // Counts how a check ended for each of several apps.
    "tally": |f| {
        const WAYS: [(&str, &str); 5] = [
            ("readable pass", "readable"),
            ("denied fail", "refused"),
            ("unknown", "unknown"),
            ("skip", "skipped"),
            ("not_reached", "not reached"),
        ];
        let (id, run) = (f.check?.id, f.report?);
        let way = |result: &AppResult| match id {
            CheckId::PipelinesList if result.runs.is_some() => "readable",
            CheckId::PipelinesList => result.state.as_str(),
            CheckId::PipelinesShow => result.details.map_or("", Status::as_str),
            _ => "",
        };
        let counts = WAYS.map(|(names, words)| {
            let is_one = |result: &&AppResult| names.split(' ').any(|name| name == way(result));
            (run.apps.iter().filter(is_one).count(), words)
        });
        let parts = counts.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts.map(|(count, way)| format!("{count} {way}")).collect();
        let all = apps(counts.iter().map(|(count, _)| *count as u64).sum());
        let is_of_several = run.apps.len() > 1 && run.evidence != EvidenceKind::Pasted;
        (is_of_several && !parts.is_empty()).then(|| format!("{all}: {}", parts.join(", ")).into())
    };
    "list_count": |f| {
        let list = f.list()?;
        let more = || format!("more than {}", apps(list.listed as u64));
        Some(list.total.map_or_else(more, apps).into())
    };
    // A person's account is none, and a personal token may see more of them than were listed.
    "list_workspaces": |f| {
        let is_whole = f.coverage.total == Some(f.sample.len() as u64);
        let is_personal = f.sample.iter().all(|app| app.is_owned_by_user);
        let is_all = is_whole || f.kind == Some(TokenKind::Workspace);
        Some(match workspaces_of(f.sample).as_slice() {
            [_, _, ..] if !is_whole => " in several workspaces".into(),
            [_] if is_personal || !is_all => Text::default(),
            all => workspaces(" in ", all, ""),
        })
    };
    "runs": |f| {
        let mut apps = f.report?.apps.iter();
        Some(apps.find(|result| Some(&result.app) == f.app)?.runs?.as_str().into())
    };
    "list_names": |f| {
        let total = f.list()?.total;
        (!f.sample.is_empty()).then(|| names(f.sample, total))
    };
    "list_read": |f| Some(apps(f.list()?.listed as u64).into());
    "check_words": |f| Some(foreign(words_of(f.exchange?)?));
    "check_reason": |f| Some(f.check?.result?.err()?.as_str().replace('_', " ").into());
    "seen_of_no_step": |f| {
        let is_open = f.incomplete() == Some(Incomplete::StepUnknown);
        let mut found = f.pasted?.found.iter().filter(|(step, _)| is_open && step.is_none());
        seen(found.next_back().into_iter())
    };
    "boxes": |f| responder(None, f.foreign_responder()?);
    "asked_wait": |f| Some(span(millis(f.exchange?.retry_after?)).into());
    "request_id": |f| Some(foreign(f.exchange?.response()?.request_id.as_ref()?));
    "asked_host": |f| Some(command(&host_of(&f.exchange?.url)?));
    "asked_ip": |f| Some(f.exchange?.remote_address?.ip().to_string().into());
    "any_proxy": |f| Some(command(f.report?.target.proxy.as_ref()?));

    // The response, or the fault.
    "address": |f| Some(command(&f.exchange?.remote_address?.ip()));
    "attempts": |f| Some(f.exchange?.attempts.to_string().into());
    "status_number": |f| Some(f.exchange?.status()?.to_string().into());
    "location": |f| Some(foreign(f.exchange?.response()?.location_host.as_ref()?));
    "title": |f| Some(foreign(f.exchange?.response()?.responder.title.as_ref()?));
    "responder": |f| {
        let of = &f.exchange?.response()?.responder;
        responder(of.title.as_ref(), of)
    };
    "server": |f| {
        let headers = &f.exchange?.response()?.responder.headers;
        let is_server = |header: &&Header| header.name.raw().eq_ignore_ascii_case("server");
        Some(foreign(&headers.iter().find(is_server).or(headers.first())?.value))
    };
    "fault_words": |f| Some(f.fault()?.to_string().into());
    "fault_sentence": |f| Some(f.fault()?.kind.sentence().into());
    "tls_sentence": |f| Some(f.fault()?.tls().unwrap_or(f.fault()?.kind).sentence().into());
    "why_unreachable": |f| {
        let why = f.fault()?.kind.sentence().strip_prefix("no connection could be made");
        Some(why.unwrap_or_default().into())
    };
    "issuer": |f| Some(quoted(f.fault()?.issuer.as_ref()?));
    "other_certificate": |f| Some(foreign(f.fault()?.instead.as_ref()?));
    "proxy_url": |f| Some(command(&f.proxy?));
    "proxy_code": |f| Some(f.proxy_response()?.status.to_string().into());
    "proxy_responder": |f| {
        let of = &f.proxy_response()?.responder;
        responder(of.title.as_ref(), of)
    };
    "schemes": |f| {
        let names = f.proxy_response()?.schemes.iter().copied().map(AuthScheme::as_str);
        Some(names.collect::<Vec<_>>().join(" or ").into())
    };

    // Pasted text, or a saved report.
    "asked": |f| {
        let mut found = f.pasted?.found.iter();
        let (_, asked) = found.find(|(_, exchange)| !is_bitrise(&exchange.url))?;
        Some(command(&host_of(&asked.url)?))
    };
    "contradiction": |f| Some(f.report?.altered.clone()?.into());
    "dx_code": |f| Some(f.pasted?.dx_code?.as_str().into());
    "dx_words": |f| Some(words("dx", f.pasted?.dx_code?.dx_error()?).into());
    "if_apps_code": |f| Some(f.pasted?.meanings?[0]?.verdict().dx_error()?.into());
    "if_pipelines_code": |f| Some(f.pasted?.meanings?[1]?.verdict().dx_error()?.into());
    "outcomes": |f| {
        let one = |outcome: &Outcome| {
            let name = match outcome.credential.raw() {
                "" => "another one".into(),
                _ => foreign(&outcome.credential),
            };
            let verdict = outcome.reason.map_or(Verdict::Verified, Reason::verdict);
            let name = name.then(format!(" {}", words("outcome", verdict.as_str())));
            name.then(if outcome.is_in_dx { ", and is in DX" } else { "" })
        };
        let outcomes: Vec<Text> = f.pasted?.outcomes.iter().map(one).collect();
        (!outcomes.is_empty()).then(|| joined(outcomes, "; "))
    };
    "secrets": |f| {
        let one = |secret: &Secret| match secret {
            Secret::Bitrise(kind, fingerprint) => {
                let behind = fingerprint.as_ref().map(|text| format!(", fingerprint {text}"));
                let (start, behind) = (words("start", kind.as_str()), behind.unwrap_or_default());
                format!("a Bitrise token ({start}{behind})")
            }
            Secret::Service(name, _) => format!("{name} token"),
            Secret::Proxy => "a proxy's password".to_owned(),
            Secret::Password => "a password".to_owned(),
            Secret::Session => "a browser's session (cookie)".to_owned(),
        };
        Some(listed(f.secrets().iter().map(|secret| one(secret).into()).collect()))
    };
    "seen": |f| seen(f.pasted?.found.iter());
    "seen_pipelines": |f| {
        let found = f.pasted?.found.iter();
        seen(found.filter(|(step, _)| *step == Some(CheckId::PipelinesList)))
    };
    "service": |f| {
        // The table has them with their article.
        let services = f.secrets().iter().filter_map(|secret| match secret {
            Secret::Service(name, "") => Some(name.split_once(' ')?.1.to_owned()),
            Secret::Service(name, place) => Some(format!("{} ({place})", name.split_once(' ')?.1)),
            _ => None,
        });
        let services: Vec<String> = services.collect();
        (!services.is_empty()).then(|| services.join(" and ").into())
    };
    "told_code": |f| Some(f.told()?.dx_error()?.into());
    "told_statuses": |f| {
        let one = |(step, status): &(Option<CheckId>, u16)| {
            let of = step.map_or("", |step| words("told", step.as_str()));
            format!("{status} {of}").trim_end().into()
        };
        let told: Vec<Text> = f.pasted?.told.iter().map(one).collect();
        (!told.is_empty()).then(|| listed(told))
    };
}

fn command(value: &dyn Display) -> Text {
    Text::command(value.to_string())
}

fn foreign(text: &Untrusted) -> Text {
    Text::from(text)
}

fn quoted(text: &Untrusted) -> Text {
    Text::from("“").then(text).then("”")
}

/// Returns the titles of a few apps, without quotation marks.
fn names<'a>(apps: impl IntoIterator<Item = &'a App>, total: Option<u64>) -> Text {
    let title = |app: &App| foreign(app.title.as_ref().unwrap_or(&app.slug));
    a_few(apps.into_iter().map(title), total)
}

/// Returns the first few of several texts, and how many more there are.
pub fn a_few(mut texts: impl Iterator<Item = Text>, total: Option<u64>) -> Text {
    let shown: Vec<Text> = texts.by_ref().take(MAX_NAMES).collect();
    let named = shown.len() as u64;
    let all = joined(shown, ", ");
    match total.unwrap_or_default().max(named + texts.count() as u64) - named {
        0 => all,
        more => all.then(format!(" and {more} more")),
    }
}

/// Returns the responses that are shown, each once, as in “200 and 403 “Forbidden””.
fn seen<'a>(found: impl Iterator<Item = &'a (Option<CheckId>, Exchange)>) -> Option<Text> {
    let mut seen: Vec<Text> = Vec::new();
    for response in found.filter_map(|(_, exchange)| exchange.response()) {
        let Some(status) = response.status else {
            continue;
        };
        let mut text = Text::from(status.to_string());
        if let Some(words) = response.message() {
            text = text.then(" ").then(quoted(words));
        }
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    (!seen.is_empty()).then(|| listed(seen))
}

/// Joins texts as in “A; B; C”.
fn joined(texts: Vec<Text>, between: &str) -> Text {
    let all = texts.into_iter();
    let all = all.reduce(|all, text| all.then(between).then(text));
    all.unwrap_or_default()
}

/// Joins texts as in “A, B and C”.
fn listed(mut texts: Vec<Text>) -> Text {
    let last = texts.pop().unwrap_or_default();
    match texts.len() {
        0 => last,
        _ => joined(texts, ", ").then(" and ").then(last),
    }
}

/// Returns workspaces by name, or how many there are.
fn workspaces(before: &str, names: &[&Untrusted], behind: &str) -> Text {
    match names.len() {
        0 => Text::default(),
        1..=MAX_WORKSPACES => {
            let names = names.iter().map(|name| foreign(name)).collect();
            Text::from(before).then(listed(names)).then(behind)
        }
        count => format!(" in {count} workspaces").into(),
    }
}

/// Returns a number of apps in words.
pub fn apps(count: u64) -> String {
    match count {
        1 => "1 app".to_owned(),
        count => format!("{count} apps"),
    }
}

/// Returns an app as people know it: its title, or else its slug.
pub(super) fn app(app: &App) -> Text {
    match &app.title {
        Some(title) => quoted(title),
        None => Text::from("app ").then(&*app.slug),
    }
}

/// Returns an app with its workspace in brackets.
pub fn app_in_workspace(of: &App) -> Text {
    let text = app(of);
    match &of.workspace {
        Some(workspace) => text.then(" (").then(workspace).then(")"),
        None => text,
    }
}

/// Returns who answered: the title of a page, and the headers that name a box.
fn responder(title: Option<&Untrusted>, of: &Responder) -> Option<Text> {
    let header = |Header { name, value }: &Header| Text::from(format!("{name}: ")).then(value);
    let parts = title.map(quoted).into_iter();
    let parts: Vec<Text> = parts.chain(of.headers.iter().map(header)).collect();
    (!parts.is_empty()).then(|| joined(parts, " · "))
}

/// Returns what the server says of its refusal, in its own words.
pub(super) fn words_of(exchange: &Exchange) -> Option<&Untrusted> {
    let response = exchange.response()?;
    let words = response.message().or(response.challenge.as_ref());
    words.filter(|_| response.status != Some(200))
}

/// Returns a point in time as RFC 3339 has it, to the second and in UTC. One that it can't write counts
/// as the nearest, and one that is not known as the first.
pub(super) fn rfc3339(time: Option<SystemTime>) -> String {
    let time = time.map_or(SystemTime::UNIX_EPOCH, shown_time);
    humantime::format_rfc3339_seconds(time).to_string()
}

/// Returns a span of time in milliseconds.
pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Returns a number of milliseconds as people would write it.
pub fn span(millis: u64) -> String {
    match millis {
        0..1000 => format!("{millis} ms"),
        1000..60_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        _ => humantime::format_duration(Duration::from_secs(millis / 1000)).to_string(),
    }
}

/// Returns a time of day, rounded up to the minute, as in “18:18 UTC”; with the date if that is a day
/// or more from now, or now is not known.
pub(super) fn clock(at: SystemTime, now: Option<SystemTime>) -> String {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    const ALMOST_A_MINUTE: Duration = Duration::from_nanos(59_999_999_999);
    let at = at.checked_add(ALMOST_A_MINUTE).unwrap_or(at);
    let is_near = now.is_some_and(|now| at.duration_since(now).is_ok_and(|wait| wait < DAY));
    let text = rfc3339(Some(at)).replace('T', " ");
    let shown = if is_near { 11..16 } else { 0..16 };
    format!("{} UTC", text.get(shown).unwrap_or(&text))
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
        assert_eq!(clock(7 * 24 * 3600 + 61), "1970-01-08 00:02 UTC");
        // A server may ask for any wait; Windows has no time that is much later.
        assert_eq!(clock(1 << 39), "9999-12-31 23:59 UTC");
    }
}

//! The named facts that the catalogue's conditions are made of, each with three values: it holds,
//! it does not, or it is not known.
//!
//! A condition is a fact's name (`disabled`), with `not` in front for its opposite, and behind it
//! what it is asked for, if it has several forms (`fault dns|refused`: one of these). A gap's name
//! is one, too: whether its value is known, or is one of these (`status_number 404|5xx`). What is
//! not known is left open; with `surely` in front it counts as not so.
//!
//! Invariant: a condition is judged here and nowhere else, and says in words what it asks for.

use super::catalogue::Line;
use super::facts::{Facts, SLUG};
use super::values::value;
use crate::base_url::is_loopback;
use crate::check::{CheckId, Status};
use crate::exchange::{AuthScheme, Body, Exchange};
use crate::pasted::{Incomplete, Secret};
use crate::report::{AppState, BaseUrlSource, EvidenceKind, Runs, Selection, TokenSource};
use crate::token::TokenKind;
use crate::verdict::{Reason, Verdict};
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;
use url::Url;

/// How a fact is judged, by what it is asked for.
type Judge = fn(&Facts, &str) -> Option<bool>;

/// One condition.
pub(super) struct Condition<'a> {
    pub(super) name: &'a str,
    /// What it is asked for, several forms with a `|` between them; may be empty.
    pub(super) of: &'a str,
    pub(super) is_not: bool,
    pub(super) is_sure: bool,
}

impl<'a> Condition<'a> {
    /// Reads a condition.
    pub(super) fn read(text: &'a str) -> Self {
        let rest = text.strip_prefix("surely ");
        let (is_sure, rest) = (rest.is_some(), rest.unwrap_or(text));
        let bare = rest.strip_prefix("not ");
        let (is_not, bare) = (bare.is_some(), bare.unwrap_or(rest));
        let (name, of) = bare.split_once(' ').unwrap_or((bare, ""));
        Self {
            name,
            of,
            is_not,
            is_sure,
        }
    }

    /// Judges it.
    pub(super) fn holds(&self, facts: &Facts) -> Option<bool> {
        static JUDGES: LazyLock<HashMap<&str, Judge>> =
            LazyLock::new(|| FACTS.iter().copied().collect());
        let judge = JUDGES.get(self.name);
        let answers = self.of.split('|').map(|form| match judge {
            Some(judge) => judge(facts, form),
            None => match (value(self.name, facts), form) {
                (value, "") => facts.report.map(|_| value.is_some()),
                (value, form) => value.map(|value| is_status(&value.to_string(), form)),
            },
        });
        let value = answers.max_by_key(|answer| rank(*answer)).flatten();
        let value = value.map(|is| is != self.is_not);
        self.is_sure.then_some(value == Some(true)).or(value)
    }

    /// Says what it asks for.
    pub(super) fn words(&self) -> String {
        static WORDS: LazyLock<BTreeMap<&str, &str>> = LazyLock::new(|| {
            let lines = include_str!("catalogue/facts.txt").lines();
            lines.filter_map(|line| line.split_once(" | ")).collect()
        });
        let form = format!("{} {}", self.name, self.of);
        let words = WORDS.get(&*form).or(WORDS.get(self.name));
        let words = words.and_then(|words| words.split_once(" | "));
        let (yes, no) = words.unwrap_or_default();
        let words = if self.is_not { no } else { yes };
        words.replace("{}", &self.of.replace('|', " or ").replace('_', " "))
    }
}

impl Line {
    /// Returns the conditions under which it is said.
    pub(super) fn conditions(&self) -> impl Iterator<Item = Condition<'_>> {
        let all = self.conditions.split(',').map(str::trim_start);
        all.filter(|one| !one.is_empty()).map(Condition::read)
    }

    /// Judges its conditions, which all have to hold: no, if one does not; else not known, if one is not.
    pub(super) fn holds(&self, facts: &Facts) -> Option<bool> {
        let answers = self.conditions().map(|one| one.holds(facts));
        let least = answers.min_by_key(|answer| rank(*answer));
        least.unwrap_or(Some(true))
    }

    /// Returns the first line with a keyword that belongs to it and whose conditions are known to hold.
    pub(super) fn first(&self, word: &str, facts: &Facts) -> Option<&Self> {
        self.all(word).find(|line| line.holds(facts) == Some(true))
    }
}

/// Returns the place of an answer between no and yes.
fn rank(answer: Option<bool>) -> u8 {
    answer.map_or(1, |is| 2 * u8::from(is))
}

macro_rules! facts {
    ($($name:literal: $holds:expr;)*) => {
        /// Every fact that a condition may name. Their words for `explain` stand in
        /// `catalogue/facts.txt`.
        pub(super) const FACTS: &[(&str, Judge)] = &[$(($name, $holds),)*];
    };
}

facts! {
    // The way the run came about.
    "live": |f, _| f.report.map(|run| run.evidence == EvidenceKind::Live && !f.is_sandbox);
    "sandbox": |f, _| f.report.map(|_| f.is_sandbox);
    "pasted": |f, _| f.report.map(|run| run.evidence != EvidenceKind::Live);
    "secret": |f, kind| f.report.map(|_| f.secrets().iter().any(|secret| kind == match secret {
        Secret::Bitrise(..) => "bitrise",
        Secret::Service(..) => "service",
        Secret::Proxy => "proxy",
        Secret::Password => "password",
        Secret::Session => "session",
    }));
    "incomplete": |f, what| f.report.map(|_| f.incomplete().is_some_and(|why| why.as_str() == what));
    "mistake": |f, name| f.report.map(|_| {
        let is_told = f.incomplete() == Some(Incomplete::Explained);
        let mut shown = f.pasted.iter().flat_map(|pasted| &pasted.mistakes);
        (is_told || f.reason == Some(Reason::WrongBaseUrl)) && shown.any(|one| one.as_str() == name)
    });
    "older": |f, verdict| f.report.map(|_| {
        let older = f.pasted.and_then(|pasted| pasted.older);
        older.is_some_and(|older| verdict.is_empty() || is_verdict(older, verdict))
    });
    "several_commands": |f, _| f.report.map(|_| f.commands.len() > 1);
    "slug_open": |f, _| f.report.map(|_| f.commands.iter().any(|command| command.contains(SLUG)));
    "one_cause": |f, _| f.report.map(|_| f.causes_left == 1);

    // The environment.
    "on_ci": |f, _| f.known.map(|here| here.ci.is_some());
    "ci_unsure": |f, _| f.known.map(|here| here.ci.is_some_and(|ci| ci.build.text("proves").is_empty()));
    "token_from": |f, source| f.report.map(|run| match (source, run.token.source) {
        ("elsewhere", found) => found.is_some_and(|found| found != TokenSource::Environment),
        (source, found) => found.is_some_and(|found| found.as_str() == source),
    });
    "other_variable": |f, _| f.known.map(|here| !here.token_variables.is_empty());
    "proxy_set": |f, _| f.proxy.map(|_| true).or(Some(!f.known?.proxy_variables.is_empty()));
    "in_container": |f, _| f.known.map(|here| here.is_container);
    // In a container, this machine's own address is the container's.
    "proxy_local": |f, _| f.known.map(|_| {
        f.proxy.and_then(|proxy| Url::parse(proxy).ok()).as_ref().is_some_and(is_loopback)
    });
    "no_proxy": |f, _| f.if_live(f.known.map(|here| here.is_in_no_proxy));
    "broken_roots": |f, _| f.known.map(|here| !here.roots.is_empty());

    // What was asked for.
    "all_apps": |f, _| f.if_live(f.selection.map(|what| what == Selection::All));
    "ca_cert": |f, _| f.report.map(|run| run.target.ca_cert.is_some());
    "chosen": |f, _| match f.source {
        _ if f.is_sandbox => Some(false),
        Some(source) => Some(source != BaseUrlSource::Default),
        None => f.is_bitrise.map(|is| !is),
    };
    "bitrise": |f, _| f.is_bitrise;
    "other_host": |f, _| f.is_bitrise.map(|is| !is && !f.is_sandbox);
    "socks5": |f, _| f.known.map(|_| f.proxy.is_some_and(|proxy| proxy.starts_with("socks5://")));

    // Why nothing was checked.
    "verdict": |f, name| Some(is_verdict(f.reason, name));
    "token_file": |f, what| Some(format!("{:?}", f.report?.not_run.as_ref()?.file?) == what);
    "error_shown": |f, _| f.report?.not_run.as_ref().map(|_| true);
    "mistake_seen": |f, _| f.report?.token.error.as_ref().map(|_| true);

    // The token.
    "token_trimmed": |f, _| f.report.map(|run| run.token.was_trimmed);
    "token_scheme": |f, _| f.report.map(|run| run.token.had_scheme);
    "token": |f, kind| f.kind.map(|known| known.as_str() == kind);
    "accepted_before": |f, _| if f.sample.is_empty() { f.state.map(|_| false) } else { Some(true) };
    "new_token": |f, _| match f.kind {
        _ if { f.secrets().iter() }.any(|secret| matches!(secret, Secret::Bitrise(..))) => Some(true),
        Some(TokenKind::Personal) => Some(f.is_disabled() != Some(true) && f.mistaken.is_none()),
        kind => Some(kind? == TokenKind::Unknown && f.reason == Some(Reason::TokenRejected)),
    };

    // The apps.
    "listed": |f, _| f.is_listed;
    "slug_doubtful": |f, _| f.is_listed.map(|is| {
        let is_listed = matches!(f.selection, Some(Selection::First | Selection::All));
        !is && f.exchange.and_then(Exchange::status) != Some(403) && !is_listed
    });
    "disabled": |f, _| f.is_disabled();
    "another_persons": |f, _| {
        f.of_app(|app| app.is_owned_by_user && f.kind != Some(TokenKind::Workspace))
    };
    "mistaken": mistaken;
    "mistaken_for": mistaken;
    "several_refused": |f, _| f.report.map(|_| f.refused.len() > 1);
    "all_refused_known": |f, _| {
        f.report.map(|_| f.refused.len() > 1 || f.selection == Some(Selection::All))
    };
    // More apps may be refused than this run has seen.
    "others_unchecked": |f, _| f.report.map(|_| {
        f.selection != Some(Selection::All) && f.coverage.not_checked() != Some(0)
    });
    "rest_unchecked": |f, _| f.if_live(Condition::read("others_unchecked").holds(f).map(|others| {
        others && f.reason == Some(Reason::PipelinesDenied)
    }));
    "none_readable": |f, _| f.report.map(|_| f.coverage.denied == f.coverage.checked);
    "one_app": |f, _| f.coverage.total.map(|total| total == 1);
    "all_checked": |f, _| f.report.map(|_| f.coverage.total == Some(f.coverage.readable));
    // DX lists the apps and reads the pipelines of the list's first app; its page does not say whether
    // of others, too.
    "may_connect": |f, _| f.report.map(|_| match f.reason {
        Some(Reason::AppsForbidden) => f.listed_before_cut.is_some(),
        Some(Reason::PipelineDetailsDenied) => true,
        Some(Reason::PipelinesDenied | Reason::AppNotAccessible) => {
            let is_one_readable = f.coverage.readable > 0 || f.first.is_some();
            f.first_state != Some(AppState::Denied) && is_one_readable
        }
        _ => false,
    });
    "first_app_is": |f, what| f.report.map(|_| {
        f.first.is_some() && f.first_state.map_or("unchecked", AppState::as_str) == what
    });

    // The response.
    "asked_again": |f, _| match f.exchange.and_then(Exchange::status) {
        Some(401) | None => f.is_rechecked,
        Some(_) => Some(false),
    };
    "header": |f, name| {
        let mut headers = f.exchange?.response()?.responder.headers.iter();
        Some(headers.any(|header| header.name.raw().eq_ignore_ascii_case(name)))
    };
    "sender_named": |f, _| {
        let from = &f.exchange?.response()?.responder;
        Some(from.title.is_some() || !from.headers.is_empty())
    };
    "answered": |f, _| f.report.map(|run| {
        let mut exchanges = run.checks.iter().filter_map(|check| check.exchange.as_ref());
        exchanges.any(|exchange| {
            let is_here = exchange.remote_address.is_some_and(|remote| remote.ip().is_loopback());
            exchange.response().is_some() && !is_here
        })
    });

    // The fault.
    "failed": |f, _| f.exchange.map(|_| f.fault().is_some());
    "fault": |f, name| f.fault().map(|fault| fault.kind.as_str() == name);
    // The address of another host is none: a DNS filter's or a hosts file's `0.0.0.0` or `::`, or this
    // machine's own.
    "sinkhole": |f, _| {
        let ip = f.exchange?.remote_address.map(|remote| remote.ip());
        let is_elsewhere = f.is_bitrise == Some(true) && !f.is_sandbox;
        let is_none = ip.is_some_and(|ip| ip.is_unspecified() || is_elsewhere && ip.is_loopback());
        Some(f.proxy.is_none() && is_none)
    };
    "local": |f, _| f.exchange.map(|exchange| {
        let is_loopback = exchange.remote_address.is_some_and(|remote| remote.ip().is_loopback());
        let is_sinkhole = f.proxy.is_none() && f.is_bitrise == Some(true);
        // The sandbox plays a network.
        is_loopback && !is_sinkhole && !f.is_sandbox
    });
    "speaks_basic": |f, _| f.fault().map(|_| f.proxy_response().is_none_or(|response| {
            response.schemes.is_empty() || response.schemes.contains(&AuthScheme::Basic)
        }));
    "login_sent": |f, _| f.fault().map(|_| {
        f.proxy_response().is_some_and(|response| response.had_credentials)
    });

    // What the words of a gap ask for.
    "spoken_to": |f, _| Some(f.is_reply);
    "customer": |f, _| Some(f.is_told && !f.is_reply);
    "inputs": |f, _| {
        let ci = f.known.and_then(|known| known.ci);
        Some(ci.is_some_and(|ci| ci.system.all("input").next().is_some()))
    };
    "reason": |f, name| f.reason.map(|reason| reason.as_str() == name);
    "state": |f, name| f.state.map(|state| state.as_str() == name);
    "selection": |f, name| f.selection.map(|selection| selection.as_str() == name);
    "source": |f, name| f.source.map(|source| source.as_str() == name);
    "first_app": |f, _| Some(f.app.is_some() && f.first == f.app);
    "without_runs": |f, _| {
        let apps = f.report.iter().flat_map(|report| &report.apps);
        let mut readable = apps.filter(|result| result.state == AppState::Readable).peekable();
        Some(readable.peek().is_some() && readable.all(|result| result.runs == Some(Runs::None)))
    };
    "none_checked": |f, _| Some(f.coverage.not_checked()? == f.coverage.total?);
    "evidence": |f, kind| f.report.map(|run| run.evidence.as_str() == kind);
    "several_secrets": |f, _| Some(f.secrets().len() > 1);
    "check": |f, id| f.check.map(|check| check.id.as_str() == id);
    "result": |f, name| f.check.map(|check| match check.result {
        Some(Err(reason)) => name == reason.as_str() || is_verdict(Some(reason), name),
        _ => name == check.status().as_str(),
    });
    "list_end": |f, name| f.list().map(|list| list.end.is_some_and(|end| format!("{end:?}") == name));
    "asked_one": |f, _| Some({
        let list = f.list()?;
        let is_one = list.listed == 1 && list.total.is_none_or(|total| total == 1);
        is_one && f.exchange?.url.ends_with("limit=1")
    });
    "responded": |f, _| Some(f.exchange?.response().is_some());
    "asked_apps": |f, name| f.report.map(|run| run.options.selection.as_str() == name);
    "commands_for": |f, name| f.report.map(|_| format!("{:?}", f.shell) == name);
    "details": |f, _| f.report.map(|run| run.options.details);
    "no_run": |f, _| Some({
        let mut apps = f.report?.apps.iter();
        let is_skipped = apps.any(|app| app.details == Some(Status::Skip));
        f.check?.id == CheckId::PipelinesShow && is_skipped
    });
    "app_disabled": |f, _| Some(f.app?.is_disabled);
    "told_by_body": |f, _| Some(f.exchange?.response()?.is_inferred);
    "foreign": |f, _| Some(f.foreign_responder().is_some());
    "several_tokens": |f, _| {
        let tokens = f.secrets().iter().filter(|secret| matches!(secret, Secret::Bitrise(..)));
        Some(tokens.count() > 1)
    };
    "web_page": |f, _| f.exchange?.response().map(|response| matches!(response.body, Body::Html));
    "stage": |f, name| f.fault().map(|fault| format!("{:?}", fault.kind.stage()) == name);
    "tls": |f, name| f.fault()?.tls().map(|kind| name.is_empty() || kind.as_str() == name);
    "roots": |f, fault| f.known.map(|here| here.roots.first().is_some_and(|one| one.fault.as_str() == fault));
    "told_fine": |f, _| Some(f.told() == Some(Verdict::Verified));
    "if_apps": |f, verdict| Some(is_verdict(f.pasted?.meanings?[0], verdict));
    "if_pipelines": |f, verdict| Some(is_verdict(f.pasted?.meanings?[1], verdict));
    "shell": |f, name| f.pasted?.shell.map(|shell| format!("{shell:?}") == name);
}

/// Tells whether a status is the one that is named, or of the class that is named, as in `5xx`.
pub(super) fn is_status(status: &str, named: &str) -> bool {
    let class = named.strip_suffix("xx").filter(|_| status.len() == 3);
    class.map_or(status == named, |class| status.starts_with(class))
}

/// Tells whether `--app` was given something of that kind, or of any if none is named.
fn mistaken(facts: &Facts, what: &str) -> Option<bool> {
    match facts.mistaken {
        Some((known, _)) => Some(what.is_empty() || known == what),
        None => facts.of_app(|_| false),
    }
}

fn is_verdict(reason: Option<Reason>, named: &str) -> bool {
    reason.map_or(Verdict::Verified, Reason::verdict).as_str() == named
}

#[cfg(test)]
mod tests;

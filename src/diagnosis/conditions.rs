//! The named facts that the catalogue's conditions are made of, each with three values: it holds,
//! it does not, or it is not known.
//!
//! A condition is a fact's name (`disabled`), with `not` in front for its opposite, and behind it
//! what it is asked for, if it has several forms (`status 403|404`: one of these). What is not
//! known is left open; with `surely` in front it counts as not so.
//!
//! Invariant: a condition is judged here and nowhere else, and says in words what it asks for.

use super::NoProxy;
use super::facts::Facts;
use super::pasted;
use crate::exchange::AuthScheme;
use crate::report::{AppState, BaseUrlSource, EvidenceKind, Selection, TokenSource, TokenState};
use crate::token::TokenKind;
use crate::verdict::{Reason, Verdict};
use std::io::ErrorKind;

/// A fact that a condition may name.
pub(super) struct Fact {
    /// Its name.
    pub(super) name: &'static str,
    /// What it says, in words; `{}` stands for what it is asked for.
    yes: &'static str,
    /// The opposite.
    no: &'static str,
    /// Judges it.
    holds: fn(&Facts, &str) -> Option<bool>,
}

/// One condition.
pub(super) struct Condition {
    pub(super) fact: &'static Fact,
    /// What the fact is asked for, several forms with a `|` between them; may be empty.
    pub(super) of: String,
    pub(super) is_not: bool,
    pub(super) is_sure: bool,
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.words())
    }
}

impl Condition {
    /// Reads a condition; nothing if it names no known fact.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (is_sure, text) = cut(text, "surely ");
        let (is_not, text) = cut(text, "not ");
        let (name, of) = text.split_once(' ').unwrap_or((text, ""));
        let fact = FACTS.iter().find(|fact| fact.name == name)?;
        let takes_form = fact.yes.contains("{}");
        (takes_form != of.is_empty()).then(|| Self {
            fact,
            of: of.to_owned(),
            is_not,
            is_sure,
        })
    }

    /// Judges it.
    pub(super) fn holds(&self, facts: &Facts) -> Option<bool> {
        let mut value = Some(false);
        for of in self.of.split('|') {
            value = match (value, (self.fact.holds)(facts, of)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (None, _) | (_, None) => None,
                (Some(false), Some(false)) => Some(false),
            };
        }
        let value = value.map(|is| is != self.is_not);
        if self.is_sure {
            Some(value == Some(true))
        } else {
            value
        }
    }

    /// Says what it asks for.
    pub(super) fn words(&self) -> String {
        let words = if self.is_not {
            self.fact.no
        } else {
            self.fact.yes
        };
        words.replace("{}", &self.of.replace('|', " or ").replace('_', " "))
    }
}

fn cut<'a>(text: &'a str, prefix: &str) -> (bool, &'a str) {
    let rest = text.strip_prefix(prefix);
    (rest.is_some(), rest.unwrap_or(text))
}

/// Judges several conditions that all have to hold.
pub(super) fn holds(conditions: &[Condition], facts: &Facts) -> Option<bool> {
    all_of(conditions.iter().map(|condition| condition.holds(facts)))
}

/// Tells whether all answers are yes; no, if one is no; else not known, if one is not.
pub(super) fn all_of(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(true);
    for answer in answers {
        match answer {
            Some(true) => {}
            Some(false) => return Some(false),
            None => all = None,
        }
    }
    all
}

/// Says what several conditions ask for.
pub(super) fn words(conditions: &[Condition]) -> String {
    let words: Vec<String> = conditions.iter().map(Condition::words).collect();
    words.join("; ")
}

macro_rules! facts {
    ($($name:literal: $yes:literal, $no:literal, $holds:expr;)*) => {
        /// Every fact that a condition may name.
        pub(super) const FACTS: &[Fact] = &[
            $(Fact { name: $name, yes: $yes, no: $no, holds: $holds },)*
        ];
    };
}

facts! {
    // The way the run came about.
    "live": "this program asked Bitrise itself", "it did not ask Bitrise itself",
        |f, _| f.run(|run| run.evidence == EvidenceKind::Live && !f.is_sandbox);
    "sandbox": "it is the sandbox's", "it is not the sandbox's", |f, _| f.run(|_| f.is_sandbox);
    "pasted": "the evidence was pasted", "the evidence was not pasted",
        |f, _| f.run(|run| run.evidence != EvidenceKind::Live);
    "altered": "the report contradicts itself", "the report does not contradict itself",
        |f, _| f.run(|run| run.altered.is_some());
    "token_in_text": "a token stands in the pasted text", "no token stands in the pasted text",
        |f, _| f.run(|_| f.was_pasted());
    "secret": "a secret of this kind stands in the text: {}", "no secret of this kind stands in the text: {}",
        |f, kind| f.run(|_| f.holds_secret(kind));
    "incomplete": "the evidence is incomplete ({})", "the evidence is not incomplete ({})",
        |f, what| f.run(|_| f.incomplete().is_some_and(|why| why.as_str() == what));
    "mistake": "the command's mistake is {}", "the command's mistake is not {}",
        |f, name| f.run(|_| f.is_explained_by(name));
    "seen": "the text shows a status", "the text shows no status", |f, _| f.run(|_| pasted::seen(f, None).is_some());
    "dx_code": "the text says what DX shows", "the text does not say what DX shows",
        |f, _| f.run(|_| pasted::dx_code(f).is_some());
    "older": "an older message says something else", "no older message says something else",
        |f, _| f.run(|_| f.pasted.is_some_and(|pasted| pasted.older.is_some()));
    "outcomes": "several tokens differ", "no two tokens differ",
        |f, _| f.run(|_| f.pasted.is_some_and(|pasted| pasted.outcomes.len() > 1));
    "several_commands": "several commands are open", "one command is open", |f, _| f.run(|_| f.commands.len() > 1);
    "slug_open": "no app's slug is known", "an app's slug is known", |f, _| f.run(|_| pasted::is_slug_open(f));
    "one_cause": "one cause is left", "several causes are left", |f, _| f.run(|_| f.causes_left == 1);

    // The environment.
    "on_ci": "on a CI system", "on a person's machine", |f, _| f.here(|here| here.ci.is_some());
    "ci_unsure": "the CI system does not show why there is no token",
        "the CI system shows why there is no token",
        |f, _| f.here(|here| here.ci.is_some_and(|ci| !ci.is_proved));
    "token_from": "the token was to come from {}", "the token was not to come from {}",
        |f, source| f.run(|run| match source {
            "elsewhere" => matches!(run.token.source, Some(source) if source != TokenSource::Environment),
            source => run.token.source.is_some_and(|found| found.as_str() == source),
        });
    "other_variable": "another variable that people use for this token is set",
        "no other variable for this token is set", |f, _| f.here(|here| !here.token_variables.is_empty());
    "proxy_set": "a proxy is set", "no proxy is set",
        |f, _| if f.proxy.is_some() { Some(true) } else { f.here(|here| !here.proxy_variables.is_empty()) };
    "in_container": "in a container", "not in a container", |f, _| f.here(|here| here.is_container);
    "proxy_local": "the proxy's address is this machine's own", "the proxy's address is another machine's",
        |f, _| if f.is_told() { None } else { f.run(|_| f.is_proxy_local()) };
    "no_proxy": "NO_PROXY names the host, and a proxy is set", "NO_PROXY does not name the host",
        |f, _| if f.is_told() { Some(false) } else {
            f.here(|here| here.no_proxy == NoProxy::Matches && !here.proxy_variables.is_empty())
        };
    "broken_roots": "the variables for root certificates lead nowhere",
        "no variable for root certificates leads nowhere", |f, _| f.here(|here| !here.roots.is_empty());

    // What was asked for.
    "all_apps": "with --all-apps", "without --all-apps",
        |f, _| if f.is_told() { Some(false) } else { f.selection.map(|what| what == Selection::All) };
    "apps_named": "the slug was typed", "the slug was not typed",
        |f, _| f.selection.map(|what| matches!(what, Selection::Named | Selection::File));
    "ca_cert": "with --ca-cert", "without --ca-cert",
        |f, _| f.run(|run| run.target.ca_cert.is_some());
    "chosen": "the base URL was chosen", "the base URL is the default",
        |f, _| if f.is_sandbox { Some(false) } else {
            f.source.map(|source| source != BaseUrlSource::Default).or(f.is_bitrise.map(|is| !is))
        };
    "bitrise": "the base URL is Bitrise's own", "the base URL is not Bitrise's", |f, _| f.is_bitrise;
    "other_host": "the base URL is not Bitrise's", "the base URL is Bitrise's own",
        |f, _| f.is_bitrise.map(|is| !is && !f.is_sandbox);
    "socks5": "the proxy's address starts with socks5://", "the proxy's address does not start with socks5://",
        |f, _| if f.is_told() { None } else { f.run(|_| f.proxy.is_some_and(|proxy| proxy.starts_with("socks5://"))) };

    // Why nothing was checked.
    "verdict": "the verdict is {}", "the verdict is not {}",
        |f, name| Some(f.reason.map_or(Verdict::Verified, Reason::verdict).as_str() == name);
    "token_file": "the token's file is {}", "the token's file is not {}",
        |f, what| f.io.map(|io| io_name(io) == what);
    "error_shown": "the error says it", "the error does not say it", |f, _| f.not_run.as_ref().map(|_| true);
    "mistake_seen": "the text says it", "the text does not say it", |f, _| f.token_error.map(|_| true);

    // The token.
    "token": "the token's kind is {}", "the token's kind is not {}", |f, kind| f.kind.map(|known| known.as_str() == kind);
    "accepted": "Bitrise accepted the token", "Bitrise did not accept the token",
        |f, _| f.state.map(|state| state == TokenState::Accepted);
    "accepted_before": "the same run had a list of apps before", "the run had no list of apps before",
        |f, _| if f.sample.is_empty() { f.state.map(|_| false) } else { Some(true) };
    "new_token": "another token is the way out", "the same token can be mended",
        |f, _| if f.was_pasted() { Some(true) } else { f.kind.map(|kind| match kind {
            TokenKind::Personal => f.is_disabled() != Some(true) && f.mistaken.is_none(),
            TokenKind::Unknown => f.reason == Some(Reason::TokenRejected),
            TokenKind::Workspace => false,
        }) };

    // The apps.
    "listed": "the token's list has the app", "the token's list lacks the app", |f, _| f.is_listed;
    "disabled": "404, and the list of apps says that the app is disabled", "the app is not disabled",
        |f, _| f.is_disabled();
    "another_persons": "the app's owner is a person, and the token is no workspace token",
        "the app's owner is no person", |f, _| f.is_foreign_owner();
    "meant": "--app was given a {}", "--app was given no {}",
        |f, what| match (f.app, f.mistaken) {
            (None, None) => f.of_app(|_| false),
            (_, mistaken) => Some(mistaken.is_some_and(|mistaken| mistaken.name() == what)),
        };
    "mistaken": "--app was given something other than a slug of the list", "--app was given a slug of the list",
        |f, _| match (f.app, f.mistaken) {
            (None, None) => f.of_app(|_| false),
            (_, mistaken) => Some(mistaken.is_some()),
        };
    "several_refused": "several apps are refused", "one app is refused", |f, _| f.run(|_| f.refused.len() > 1);
    "all_refused_known": "several apps are refused, or all were checked", "one app is refused",
        |f, _| f.run(|_| f.refused.len() > 1 || f.selection == Some(Selection::All));
    "others_unchecked": "other apps were not checked", "all apps were checked",
        |f, _| f.run(|_| f.may_be_others());
    "rest_unchecked": "the first app is refused, and others were not checked", "the others were checked",
        |f, _| if f.is_told() { Some(false) } else { f.run(|_| {
            f.reason == Some(Reason::PipelinesDenied) && f.selection == Some(Selection::First) && f.may_be_others()
        }) };
    "none_readable": "all apps are refused", "not all apps are refused",
        |f, _| f.run(|_| f.coverage.denied == f.coverage.checked);
    "some_refused": "some apps are refused", "no app is refused", |f, _| f.run(|_| f.coverage.denied > 0);
    "some_listed": "some pages of the list could be read", "no page of the list could be read",
        |f, _| f.run(|_| f.listed_before_cut.is_some());
    "some_seen": "the list of apps was read", "the list of apps was not read", |f, _| f.run(|_| !f.sample.is_empty());
    "one_app": "the token sees one app", "the token sees several apps",
        |f, _| f.coverage.total.map(|total| total == 1);
    "counted": "the number of apps is known", "the number of apps is not known",
        |f, _| f.run(|_| f.coverage.total.is_some());
    "all_checked": "all apps are readable", "not all apps are known to be readable",
        |f, _| f.run(|_| f.coverage.total == Some(f.coverage.readable));
    "may_connect": "what DX tests may be readable", "what DX tests is refused",
        |f, _| f.run(|_| f.may_be_accepted());
    "first": "the first app of the list is {}", "the first app of the list is not {}",
        |f, what| f.run(|_| match what {
            "known" => f.first.is_some(),
            "refused" => f.first_state == Some(AppState::Denied),
            "unchecked" => f.first.is_some() && f.first_state.is_none(),
            _ => f.first.is_some() && f.first_state == Some(AppState::Readable),
        });

    // The response.
    "status": "status {}", "a status other than {}", |f, status| f.status().map(|seen| is_status(seen, status));
    "asked_again": "401, and Bitrise still accepted the token when asked again",
        "no 401, or the token was no longer accepted", |f, _| match f.status() {
            Some(401) | None => f.is_rechecked,
            Some(_) => Some(false),
        };
    "header": "the response has the header {}", "the response lacks the header {}",
        |f, name| f.responder().map(|from| from.headers.iter().any(|header| header.name.raw().eq_ignore_ascii_case(name)));
    "sender_named": "the response says who sent it", "the response does not say who sent it",
        |f, _| f.responder().map(|from| from.title.is_some() || !from.headers.is_empty());
    "words": "the response has words of the server", "the response has no words of the server",
        |f, _| f.exchange.map(|_| f.message().is_some());
    "wait_known": "the server says how long to wait", "the server does not say how long to wait",
        |f, _| f.run(|_| f.retry_at.is_some());

    // The fault.
    "failed": "no complete response came", "a complete response came", |f, _| f.exchange.map(|_| f.fault().is_some());
    "fault": "the fault is {}", "the fault is not {}", |f, name| f.fault_kind().map(|kind| kind.as_str() == name);
    "sinkhole": "the address that was connected to is 0.0.0.0, ::, or this machine's own",
        "the address that was connected to is another machine's", |f, _| f.is_sinkhole();
    "local": "the base URL leads to this machine", "the base URL leads to another machine",
        |f, _| f.exchange.map(|_| f.is_local());
    "speaks_basic": "the proxy takes a user and a password", "with a scheme that this program does not speak",
        |f, _| f.fault().map(|_| f.proxy_response().is_none_or(|response| {
            response.schemes.is_empty() || response.schemes.contains(&AuthScheme::Basic)
        }));
    "login_sent": "a user and a password were sent to the proxy", "no user was sent to the proxy",
        |f, _| f.fault().map(|_| f.proxy_response().is_some_and(|response| response.had_credentials));
    "proxy_status": "the proxy answered {}", "the proxy did not answer {}",
        |f, status| f.proxy_response().map(|response| is_status(response.status, status));
}

/// Tells whether a status is the one that is named, or of the class that is named, as in `5xx`.
pub(super) fn is_status(status: u16, named: &str) -> bool {
    match named.strip_suffix("xx") {
        Some(class) => class.parse() == Ok(status / 100),
        None => named.parse() == Ok(status),
    }
}

const fn io_name(io: ErrorKind) -> &'static str {
    match io {
        ErrorKind::NotFound => "missing",
        ErrorKind::PermissionDenied => "forbidden",
        ErrorKind::InvalidData | ErrorKind::FileTooLarge => "no_text",
        _ => "",
    }
}

#[cfg(test)]
mod tests;

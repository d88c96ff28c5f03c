//! What is said of one particular run, in sentences.
//!
//! Invariant: texts from the network appear through [`crate::text::Untrusted`] alone.

use super::pages::SEE_ALL_APPS;
use super::{meaning, page, title};
use crate::app::App;
use crate::check::{Check, CheckId, CheckResult, Finding, ListEnd, SkipReason, Tally};
use crate::exchange::{Exchange, Response, TransportError, TransportErrorKind};
use crate::report::{NotRun, Report, Warning};
use crate::text::{self, Untrusted};
use crate::token::TokenKind;
use crate::verdict::{Reason, Verdict};
use std::time::Duration;

const SIGNAL_CAME: &str = "a signal ended the run before it was decided";

/// Says how text that is not ours is set into a sentence: by most formats as
/// [`Untrusted`] shows it, by some with marks of their own around it.
pub type Foreign = fn(&Untrusted) -> String;

/// Sets foreign text as it shows itself.
const PLAIN: Foreign = Untrusted::to_string;

/// Returns the verdict in one sentence.
pub fn message(report: &Report) -> String {
    message_with(report, PLAIN)
}

/// Returns the verdict in one sentence, with foreign text set as the format wants it.
pub fn message_with(report: &Report, foreign: Foreign) -> String {
    let verdict = report.verdict();
    let Some(reason) = report.reason() else {
        return verified(report);
    };
    let what = match (&report.not_run, report.decisive()) {
        (Some(why), _) => not_run(why),
        (None, Some(check)) if verdict == Verdict::Inconclusive => {
            let what = what_is_open(check, reason, foreign);
            format!("{what}; {}", of_the_token(report))
        }
        (None, Some(check)) => what_happened(check, reason, foreign),
        (None, None) if reason == Reason::Interrupted => {
            format!("{SIGNAL_CAME}; {}", of_the_token(report))
        }
        (None, None) => meaning(verdict).trim_end_matches('.').to_owned(),
    };
    format!("{}: {what}.", title(verdict))
}

fn verified(report: &Report) -> String {
    let with = match report.warnings().len() {
        0 => String::new(),
        1 => " with a warning".to_owned(),
        n => format!(" with {n} warnings"),
    };
    let whom = if report.target.sandbox.is_some() {
        "the sandbox's"
    } else {
        "this"
    };
    let coverage = report.coverage();
    let all = match (coverage.readable, coverage.total) {
        (0 | 1, _) => String::new(),
        (n, Some(total)) if n == total => format!("; all {n} apps can be read"),
        (n, _) => format!("; the {n} apps that were checked can be read"),
    };
    format!(
        "{}{with}: DX should accept {whom} token{all}.",
        title(Verdict::Verified)
    )
}

fn not_run(why: &NotRun) -> String {
    match why {
        NotRun::TokenMissing { on_ci: true } => {
            format!("{why} (on CI, pull requests from forks get no secrets)")
        }
        NotRun::TokenMissing { on_ci: false } | NotRun::TokenUnreadable(..) | NotRun::Plan(_) => {
            why.to_string()
        }
    }
}

/// Returns what the deciding check saw, as the second half of a sentence.
fn what_happened(check: &Check, reason: Reason, foreign: Foreign) -> String {
    let app = check.app.as_ref().map_or_else(String::new, |app| {
        format!(" of {}{}", others(check), name_with(app, foreign))
    });
    match reason {
        Reason::TokenMalformed => check_message_with(check, foreign),
        Reason::TokenRejected => "Bitrise rejected the token (401), because it is wrong, revoked \
                                  or expired"
            .to_owned(),
        Reason::AppsForbidden => match check.finding {
            Finding::SomeApps { listed, .. } => format!(
                "the token is good, but after {} Bitrise refused the next page of the list (403)",
                apps(listed as u64)
            ),
            Finding::Nothing
            | Finding::Kind(_)
            | Finding::Malformed(_)
            | Finding::Apps { .. }
            | Finding::AskedAgain
            | Finding::Runs(_)
            | Finding::Tally(_) => {
                "the token is good, but Bitrise does not let it list apps (403)".to_owned()
            }
        },
        Reason::PipelinesDenied => format!(
            "the token is good, but Bitrise does not let it read the pipelines{app}{}",
            status_in_brackets(check)
        ),
        Reason::AppNotAccessible => not_accessible(check, foreign),
        Reason::PipelineDetailsDenied => format!(
            "the token is good, but Bitrise does not let it read a single pipeline run{app}{}",
            status_in_brackets(check)
        ),
        Reason::NoApps => "the token is good, but sees no apps".to_owned(),
        Reason::TokenMissing
        | Reason::TokenUnreadable
        | Reason::TokenInArguments
        | Reason::InvalidOptions
        | Reason::Intercepted
        | Reason::WrongBaseUrl
        | Reason::RateLimited
        | Reason::ServerError
        | Reason::Redirected
        | Reason::UnexpectedResponse
        | Reason::UnexpectedStatus
        | Reason::DnsFailure
        | Reason::ConnectionFailed
        | Reason::TlsFailure
        | Reason::ProxyFailure
        | Reason::Timeout
        | Reason::MaxTimeReached
        | Reason::Interrupted => what_is_open(check, reason, foreign),
    }
}

/// Returns what stood in the way, with the counts where there are any.
fn what_is_open(check: &Check, reason: Reason, foreign: Foreign) -> String {
    if matches!(check.finding, Finding::Tally(_) | Finding::SomeApps { .. }) {
        not_passed(check, reason, foreign)
    } else {
        undecided(check, reason, foreign)
    }
}

/// Returns what a run that was not decided says of the token.
fn of_the_token(report: &Report) -> &'static str {
    let accepted = report.checks.iter().any(|check| match check.finding {
        Finding::Apps { .. } => check.result == CheckResult::Pass,
        Finding::SomeApps { .. } => true,
        Finding::Nothing
        | Finding::Kind(_)
        | Finding::Malformed(_)
        | Finding::AskedAgain
        | Finding::Runs(_)
        | Finding::Tally(_) => false,
    });
    let is_401 = |check: &Check| {
        check
            .response()
            .is_some_and(|response| response.status == 401)
    };
    // Where a later answer was 401, it is open whether the token is still accepted.
    if accepted && !report.checks.iter().any(is_401) {
        "Bitrise accepted the token, and the rest is open"
    } else {
        "this says nothing about the token"
    }
}

fn not_accessible(check: &Check, foreign: Foreign) -> String {
    let several = tally(check).filter(|tally| tally.denied > 1);
    let several = several.map_or_else(String::new, |tally| {
        format!("; {} of {} apps can't be read", tally.denied, tally.apps())
    });
    let slug = slug(check, foreign);
    format!("the token is good, but the app {slug} is not among its apps{several}")
}

/// Returns the counts of a check that was made for several apps.
const fn tally(check: &Check) -> Option<Tally> {
    match check.finding {
        Finding::Tally(tally) => Some(tally),
        Finding::Nothing
        | Finding::Kind(_)
        | Finding::Malformed(_)
        | Finding::Apps { .. }
        | Finding::SomeApps { .. }
        | Finding::AskedAgain
        | Finding::Runs(_) => None,
    }
}

/// Returns how many apps the deciding one stands for, where there are several.
fn others(check: &Check) -> String {
    match tally(check) {
        Some(tally) if tally.denied > 1 => {
            format!("{} of {} apps, such as ", tally.denied, tally.apps())
        }
        Some(tally) => format!("1 of {} apps: ", tally.apps()),
        None => String::new(),
    }
}

/// Returns what stood in the way of an answer.
fn undecided(check: &Check, reason: Reason, foreign: Foreign) -> String {
    let (exchange, response) = (check.exchange.as_ref(), check.response());
    let status = response.map_or(0, |response| response.status);
    match reason {
        Reason::Intercepted => format!("something else than Bitrise answered ({status})"),
        Reason::WrongBaseUrl => "there is no Bitrise API at the base URL (404)".to_owned(),
        Reason::RateLimited => match exchange.and_then(|exchange| exchange.retry_after) {
            Some(wait) if !wait.is_zero() => format!(
                "Bitrise asks for fewer requests (429), and to wait {}",
                humantime::format_duration(Duration::from_secs(wait.as_secs()))
            ),
            Some(_) | None => "Bitrise asks for fewer requests (429)".to_owned(),
        },
        Reason::ServerError => format!("the server has a fault of its own ({status})"),
        Reason::Redirected => match response.and_then(|response| response.location_host.as_ref()) {
            Some(host) => format!("the server redirects to {} ({status})", foreign(host)),
            None => format!("the server answered with a redirect ({status})"),
        },
        Reason::Interrupted => SIGNAL_CAME.to_owned(),
        Reason::MaxTimeReached => TransportErrorKind::MaxTime.to_string(),
        Reason::UnexpectedResponse => "the response is not what Bitrise's API gives".to_owned(),
        Reason::UnexpectedStatus => {
            format!("the server answered with an unusual status ({status})")
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
        | Reason::Timeout => exchange.and_then(Exchange::fault).map_or_else(
            || meaning(reason.verdict()).trim_end_matches('.').to_owned(),
            |error| fault(error, foreign),
        ),
    }
}

fn status_in_brackets(check: &Check) -> String {
    check
        .response()
        .map_or_else(String::new, |response| format!(" ({})", response.status))
}

fn slug(check: &Check, foreign: Foreign) -> String {
    check
        .app
        .as_ref()
        .map_or_else(|| "?".to_owned(), |app| foreign(app.slug.as_untrusted()))
}

/// Returns an app as people know it: its title with its workspace, or else its slug.
pub fn name(app: &App) -> String {
    name_with(app, PLAIN)
}

/// Returns an app as people know it, with foreign text set as the format wants it.
pub fn name_with(app: &App, foreign: Foreign) -> String {
    match (&app.title, &app.workspace) {
        (Some(title), Some(workspace)) => {
            format!("“{}” in {}", foreign(title), foreign(workspace))
        }
        (Some(title), None) => format!("“{}”", foreign(title)),
        (None, _) => format!("app {}", foreign(app.slug.as_untrusted())),
    }
}

/// Returns one sentence on a check, without a full stop.
pub fn check_message(check: &Check) -> String {
    check_message_with(check, PLAIN)
}

/// Returns one sentence on a check, with foreign text set as the format wants it.
pub fn check_message_with(check: &Check, foreign: Foreign) -> String {
    match check.result {
        CheckResult::Pass => passed(check, foreign),
        CheckResult::Skipped(why) => skipped(why).to_owned(),
        CheckResult::NotPassed(reason) => match check.finding {
            Finding::Malformed(error) => format!("this can't be a Bitrise token: {error}"),
            Finding::Nothing
            | Finding::Kind(_)
            | Finding::Apps { .. }
            | Finding::SomeApps { .. }
            | Finding::Runs(_)
            | Finding::Tally(_) => not_passed(check, reason, foreign),
            Finding::AskedAgain => format!(
                "{}; asked once more, Bitrise still accepts the token",
                not_passed(check, reason, foreign)
            ),
        },
    }
}

fn passed(check: &Check, foreign: Foreign) -> String {
    match check.finding {
        Finding::Kind(TokenKind::Workspace) => "this looks like a workspace API token".to_owned(),
        Finding::Kind(TokenKind::Personal) => "this looks like a personal access token".to_owned(),
        Finding::Kind(TokenKind::Unknown) => {
            "this may be a token (no known prefix; older tokens have none)".to_owned()
        }
        Finding::Apps {
            total: Some(total), ..
        } => format!("the token sees {}", apps(total)),
        Finding::Apps {
            total: None,
            listed,
        } => format!("the token sees more than {listed} apps"),
        Finding::Tally(tally) => tally_words(check.id, &tally),
        Finding::Runs(0) => format!(
            "{} can be read; it has no run in the 200 days that Bitrise keeps, which is fine",
            subject(check, foreign)
        ),
        Finding::Runs(_) => format!("{} can be read", subject(check, foreign)),
        Finding::Nothing
        | Finding::Malformed(_)
        | Finding::SomeApps { .. }
        | Finding::AskedAgain => match check.id {
            CheckId::PipelinesShow => {
                format!("a pipeline run of {} can be read", subject(check, foreign))
            }
            CheckId::TokenFormat
            | CheckId::AppsList
            | CheckId::AppsRecheck
            | CheckId::PipelinesList => "fine".to_owned(),
        },
    }
}

/// Says for how many of several apps a check passed, and what became of the others.
fn tally_words(id: CheckId, tally: &Tally) -> String {
    let subject = match id {
        CheckId::PipelinesShow => "a pipeline run of ",
        CheckId::TokenFormat
        | CheckId::AppsList
        | CheckId::AppsRecheck
        | CheckId::PipelinesList => "",
    };
    let (readable, apps) = (tally.readable, tally.apps());
    let mut words = vec![format!("{subject}{readable} of {apps} apps can be read")];
    for (count, what) in [
        (tally.denied, "refused"),
        (tally.unknown, "could not be told"),
        (tally.skipped, "without a pipeline run"),
        (tally.not_reached, "not reached"),
    ] {
        if count > 0 {
            words.push(format!("{count} {what}"));
        }
    }
    words.join(", ")
}

fn not_passed(check: &Check, reason: Reason, foreign: Foreign) -> String {
    if let Some(tally) = tally(check) {
        let words = tally_words(check.id, &tally);
        let single = Check {
            finding: Finding::Nothing,
            ..check.clone()
        };
        return format!("{words}; {}", not_passed(&single, reason, foreign));
    }
    let status = status_in_brackets(check);
    if let Finding::SomeApps { listed, end } = check.finding {
        let what = match end {
            ListEnd::PageFailed if reason.verdict() == Verdict::Inconclusive => {
                undecided(check, reason, foreign)
            }
            ListEnd::PageFailed => format!("Bitrise refused the next page{status}"),
            ListEnd::Circular => "the pages of the list lead round in circles".to_owned(),
            ListEnd::Endless => "the list does not end".to_owned(),
        };
        return format!("{} were listed, then: {what}", apps(listed as u64));
    }
    match reason.verdict() {
        Verdict::Inconclusive => {
            let is_401 = check
                .response()
                .is_some_and(|response| response.status == 401);
            let what = if is_401 && reason != Reason::Intercepted {
                // The reason is that of the second look, which the list's check has.
                "Bitrise refused (401), and whether it still accepts the token could not be told"
                    .to_owned()
            } else {
                undecided(check, reason, foreign)
            };
            check.app.as_ref().map_or(what.clone(), |app| {
                format!("{}: {what}", name_with(app, foreign))
            })
        }
        Verdict::InvalidPermissions if check.app.is_some() => {
            format!("{} can't be read{status}", subject(check, foreign))
        }
        Verdict::NoResources => "the token sees no apps".to_owned(),
        Verdict::Verified
        | Verdict::InvalidCredentials
        | Verdict::InvalidPermissions
        | Verdict::NotRun => format!("Bitrise refused{status}"),
    }
}

fn subject(check: &Check, foreign: Foreign) -> String {
    check
        .app
        .as_ref()
        .map_or_else(|| "the app".to_owned(), |app| name_with(app, foreign))
}

const fn skipped(why: SkipReason) -> &'static str {
    match why {
        SkipReason::NotReached => "not reached",
        SkipReason::NotRequested => "not asked for (--pipeline-details)",
        SkipReason::NoPipelineRun => "no pipeline run among the latest runs, so nothing to look at",
    }
}

/// Returns how a request ended, what it took and how to find it in the server's log.
pub fn outcome(exchange: &Exchange) -> String {
    outcome_with(exchange, PLAIN)
}

/// Returns how a request ended, with foreign text set as the format wants it.
pub fn outcome_with(exchange: &Exchange, foreign: Foreign) -> String {
    let mut parts = Vec::new();
    let response = exchange.response();
    parts.extend(response.map(|response| {
        format!(
            "{} {}",
            response.http_version.unwrap_or_default(),
            response.status
        )
    }));
    parts.extend(exchange.fault().map(|error| fault(error, foreign)));
    parts.push(span(exchange.elapsed));
    if exchange.attempts != 1 {
        parts.push(format!("{} attempts", exchange.attempts));
    }
    if let Some(wait) = exchange.retry_after {
        parts.push(format!("asks to wait {}", span(wait)));
    }
    let id = response.and_then(|response| response.request_id.as_ref());
    parts.extend(id.map(|id| format!("request id {}", foreign(id))));
    parts.join(" · ")
}

/// Returns why there was no complete response, with foreign text set as the format wants it.
fn fault(error: &TransportError, foreign: Foreign) -> String {
    if let TransportErrorKind::Tls(fault) = &error.kind {
        fault.words(foreign)
    } else {
        error.to_string()
    }
}

/// Returns what the server says of its refusal, in its own words.
pub fn server_words(exchange: &Exchange) -> Option<&Untrusted> {
    let refusal = exchange
        .response()
        .filter(|response| response.status != 200);
    refusal.and_then(Response::message)
}

/// Returns a span of time as people would write it.
pub fn span(duration: Duration) -> String {
    match duration.as_millis() {
        ms @ 0..1000 => format!("{ms} ms"),
        ms @ 1000..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string(),
    }
}

/// Returns a check's name as people would put it.
pub const fn check_title(id: CheckId) -> &'static str {
    match id {
        CheckId::TokenFormat => "Token format",
        CheckId::AppsList => "List apps",
        CheckId::AppsRecheck => "List apps again",
        CheckId::PipelinesList => "Read pipelines",
        CheckId::PipelinesShow => "Read one run",
    }
}

/// Returns one or two sentences on a warning.
pub const fn warning(warning: Warning) -> &'static str {
    match warning {
        Warning::TokenTrimmed => {
            "White space around the token was ignored. Pasted into DX it would be sent along, so \
             copy the token without it."
        }
        Warning::PersonalToken => {
            "This is a personal access token. It works, but sees the apps of all of that person's \
             workspaces and stops working when that person leaves; DX asks for a workspace API \
             token."
        }
        Warning::AppNotListed => {
            "An app can be read but is not in the token's list of apps, which is where DX looks."
        }
    }
}

/// Returns the steps that lead out, or nothing where the run is verified.
pub fn remediation(report: &Report) -> &'static [&'static str] {
    let steps = report.reason().map_or(&[][..], |reason| page(reason).steps);
    match steps.split_last() {
        Some((&SEE_ALL_APPS, rest)) if has_no_others(report) => rest,
        Some(_) | None => steps,
    }
}

/// Tells whether a look at all apps would show nothing that this run did not.
fn has_no_others(report: &Report) -> bool {
    let coverage = report.coverage();
    coverage.checked > 1 || coverage.not_checked() == Some(0)
}

/// Returns what to do next: the way out, or what to do with a token that is good.
pub fn next_steps(report: &Report) -> &'static [&'static str] {
    match remediation(report) {
        [] => super::STEPS_VERIFIED,
        steps => steps,
    }
}

/// Returns what somebody who helps should ask next.
pub fn support(report: &Report) -> &'static [&'static str] {
    report
        .reason()
        .map_or(super::SUPPORT_VERIFIED, |reason| page(reason).support)
}

/// Returns what a run did not prove; there always is something.
pub fn not_proven(report: &Report) -> Vec<String> {
    if report.token.kind.is_none() {
        return vec!["No request was sent, so nothing is known about Bitrise's answer.".to_owned()];
    }
    let mut lines = Vec::new();
    if let Some(sandbox) = &report.target.sandbox {
        lines.push(format!(
            "Anything about Bitrise: all of this came from the sandbox (scenario {}).",
            sandbox.scenario
        ));
    }
    lines.push(
        "DX connects from its own addresses: a firewall or an IP restriction may still stop it."
            .to_owned(),
    );
    if let Some(signal) = report.interrupted {
        lines.push(format!(
            "What was still to be asked when {} ended the run.",
            signal.as_str()
        ));
    }
    if report.verdict() != Verdict::InvalidCredentials {
        lines.push("When the token expires: Bitrise does not tell.".to_owned());
        lines.extend(unchecked_apps(report));
        lines.push(
            "Apps that the token may not see at all: Bitrise leaves them out of the list."
                .to_owned(),
        );
    }
    lines
}

/// Says which apps the run tells nothing of, as far as Bitrise lists them.
fn unchecked_apps(report: &Report) -> Vec<String> {
    let coverage = report.coverage();
    let mut lines = Vec::new();
    if coverage.not_reached > 0 {
        let all = coverage.checked + coverage.not_reached;
        lines.push(format!(
            "{} of {all} apps: the run ended before they were checked.",
            coverage.not_reached
        ));
    }
    let rest = coverage.not_checked().unwrap_or_default();
    let found = report.checks.iter().map(|check| check.finding);
    for found in found {
        match found {
            Finding::Apps {
                total: Some(total),
                listed,
            } if rest > 0 => {
                let is_whole_list = listed > 1 && total - rest == listed as u64;
                let why = if is_whole_list {
                    "Bitrise counts them, but its list does not name them.".to_owned()
                } else {
                    format!("they were not checked ({HOW_TO_CHOOSE}).")
                };
                lines.push(format!("{rest} of {total} apps: {why}"));
            }
            Finding::Apps {
                total: None,
                listed,
            } => lines.push(format!(
                "Most of more than {listed} apps: they were not checked ({HOW_TO_CHOOSE})."
            )),
            Finding::SomeApps { .. } => {
                lines.push("Apps on the pages of the list that were not read.".to_owned());
            }
            Finding::Nothing
            | Finding::Kind(_)
            | Finding::Malformed(_)
            | Finding::Apps { .. }
            | Finding::AskedAgain
            | Finding::Runs(_)
            | Finding::Tally(_) => {}
        }
    }
    lines
}

const HOW_TO_CHOOSE: &str = "all: --all-apps; some: --app SLUG";

fn apps(count: u64) -> String {
    match count {
        1 => "1 app".to_owned(),
        count => format!("{count} apps"),
    }
}

/// Returns the requests that were made, each with the check that it was made for.
pub fn requests(report: &Report) -> impl Iterator<Item = (&Check, &Exchange)> {
    let checks = report.checks.iter();
    checks.filter_map(|check| Some((check, check.exchange.as_ref()?)))
}

/// Returns when the run began and how long it took.
pub fn begun(report: &Report) -> String {
    let when = humantime::format_rfc3339_seconds(report.checked_at);
    format!("begun {when}, took {}", span(report.duration))
}

/// Returns where to read more.
pub fn links(report: &Report) -> &'static [&'static str] {
    let page = report.reason().map(page);
    page.map_or(&[super::DX_PAGE], |page| page.links)
}

/// Returns a text with its first letter as at the start of a sentence.
pub fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(rest).collect()
}

/// Returns commands that repeat the run's requests, with `$BITRISE_TOKEN` in place of the token;
/// none where there was no request.
pub fn reproduce(report: &Report) -> Vec<String> {
    if requests(report).next().is_none() {
        return Vec::new();
    }
    let mut lines = start_again(report);
    for (_, exchange) in requests(report) {
        let line = command(report, exchange);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

/// Returns the commands that come first: the sandbox ends with the run, so they start it again in
/// the background.
pub fn start_again(report: &Report) -> Vec<String> {
    let sandbox = report.target.sandbox.iter().flat_map(|sandbox| {
        let start = format!(
            "bitrise-dx sandbox --listen {} --scenario {} &",
            sandbox.listen, sandbox.scenario
        );
        [start, format!("export BITRISE_TOKEN={}", sandbox.token)]
    });
    sandbox.collect()
}

/// Returns the command that repeats one request.
pub fn command(report: &Report, exchange: &Exchange) -> String {
    curl(&exchange.url, report.target.ca_cert.as_deref())
}

fn curl(url: &str, ca_cert: Option<&str>) -> String {
    let ca_cert = ca_cert.map_or_else(String::new, |path| format!(" --cacert {}", quoted(path)));
    let headers = "-H \"Authorization: $BITRISE_TOKEN\" -H 'Accept: application/json'";
    format!("curl -sS -i{ca_cert} {headers} {}", quoted(url))
}

/// Quotes a text for a POSIX shell. What could not be shown as it is, as a control character in
/// the path of a file, is escaped: such a line can't be run, but does no harm either.
fn quoted(text: &str) -> String {
    format!(
        "'{}'",
        text::escape_unprintable(text).replace('\'', r"'\''")
    )
}

//! The actions: who has to do what, and the condition under which it has a point.
//!
//! The order is the catalogue's. Whoever the first action that is left is for has to act.

use super::facts::{Facts, Mistaken};
use super::{Build, Caller, Ci, Who, causes, pasted};
use crate::exchange::{AuthScheme, FaultKind};
use crate::report::{BaseUrlSource, EvidenceKind, Selection};
use crate::token::TokenKind;
use crate::verdict::Reason;

/// One action.
pub(super) struct Action {
    /// The reasons that it helps with; none if the token is verified.
    pub(super) reasons: &'static [Reason],
    /// Who has to do it.
    pub(super) who: Who,
    /// The same in words, if [`Who`] alone does not say it.
    pub(super) who_text: Option<&'static str>,
    /// Whether it has a point; with nothing known, it has.
    pub(super) applies: fn(&Facts) -> bool,
    /// The sentence.
    pub(super) text: &'static str,
}

/// Returns the actions that have a point, in order.
pub(super) fn left(facts: &Facts) -> Vec<&'static Action> {
    of(facts.reason)
        .filter(|action| (action.applies)(facts))
        .collect()
}

/// Returns every action for a reason, in the catalogue's order.
pub(super) fn of(reason: Option<Reason>) -> impl Iterator<Item = &'static Action> {
    let all = TABLES.iter().flat_map(|table| table.iter());
    all.filter(move |action| match reason {
        Some(reason) => action.reasons.contains(&reason),
        None => action.reasons.is_empty(),
    })
}

/// Those who decide which builds get a Secret on Bitrise.
const BITRISE_SECRETS: (Who, &str) = (
    Who::BitriseAdmin,
    "whoever manages this app's Secrets on Bitrise",
);

/// Those who decide which builds get a secret on GitHub.
const GITHUB_SECRETS: (Who, &str) = (
    Who::You,
    "whoever manages this repository's secrets on GitHub",
);

const TABLES: [&[Action]; 6] = [NO_TOKEN, TOKEN, ACCESS, NETWORK, pasted::ACTIONS, LAST];

/// Makes an action that always has a point.
pub(super) const fn always(reasons: &'static [Reason], who: Who, text: &'static str) -> Action {
    when(reasons, who, |_| true, text)
}

/// Makes an action that has a point under a condition.
const fn when(
    reasons: &'static [Reason],
    who: Who,
    applies: fn(&Facts) -> bool,
    text: &'static str,
) -> Action {
    Action {
        reasons,
        who,
        who_text: None,
        applies,
        text,
    }
}

/// Makes an action of somebody whom [`Who`] alone does not name.
const fn of_other(
    reasons: &'static [Reason],
    (who, who_text): (Who, &'static str),
    applies: fn(&Facts) -> bool,
    text: &'static str,
) -> Action {
    Action {
        reasons,
        who,
        who_text: Some(who_text),
        applies,
        text,
    }
}

/// Tells whether a fact of the environment holds, or nothing is known of it.
fn here(facts: &Facts, is: fn(&super::Known) -> bool) -> bool {
    facts.known.as_ref().is_none_or(is)
}

fn is_on(facts: &Facts, ci: Ci) -> bool {
    let Some(known) = &facts.known else {
        return true;
    };
    known.ci == Some(ci)
}

fn is_pull_request(facts: &Facts) -> bool {
    here(facts, |known| {
        matches!(known.build, Build::PullRequest | Build::Fork)
    })
}

fn is_plain_ci(facts: &Facts) -> bool {
    here(facts, |known| {
        known.caller == Caller::Direct
            && known.token_variables.is_empty()
            && known.build != Build::Fork
            && known.build != Build::Dependabot
    })
}

const MISSING: &[Reason] = &[Reason::TokenMissing];

const NO_TOKEN: &[Action] = &[
    when(
        MISSING,
        Who::You,
        |f| here(f, |known| !known.token_variables.is_empty()),
        "Set `BITRISE_TOKEN` to the value of {variables}, if that holds the token that DX is to get.",
    ),
    of_other(
        MISSING,
        BITRISE_SECRETS,
        |f| is_on(f, Ci::Bitrise) && is_pull_request(f),
        "Workflow Editor → Secrets → BITRISE_TOKEN → “Expose for Pull Requests”, or leave this check out of pull requests.",
    ),
    of_other(
        MISSING,
        BITRISE_SECRETS,
        |f| {
            here(f, |known| {
                known.caller == Caller::Step && known.build == Build::Ordinary
            })
        },
        "Make a Secret that holds the token, and choose it for the Step's input `bitrise_api_token`.",
    ),
    of_other(
        MISSING,
        GITHUB_SECRETS,
        |f| {
            here(f, |known| {
                known.caller == Caller::Action && known.build == Build::Ordinary
            })
        },
        "Make a secret that holds the token, and give it to the action: `token: ${{ secrets.BITRISE_TOKEN }}`.",
    ),
    of_other(
        MISSING,
        GITHUB_SECRETS,
        |f| here(f, |known| known.build == Build::Dependabot),
        "Settings → Secrets and variables → Dependabot → add BITRISE_TOKEN, or leave this check out of Dependabot's runs.",
    ),
    when(
        MISSING,
        Who::You,
        |f| {
            here(f, |known| {
                known.build == Build::Fork && known.ci != Some(Ci::Bitrise)
            })
        },
        "Leave this check out of pull requests from forks: secrets are not for other people's code.",
    ),
    of_other(
        MISSING,
        BITRISE_SECRETS,
        |f| {
            is_on(f, Ci::Bitrise)
                && is_plain_ci(f)
                && here(f, |known| known.build == Build::Ordinary)
        },
        "Workflow Editor → Secrets: add BITRISE_TOKEN with the token as its value.",
    ),
    when(
        MISSING,
        Who::You,
        |f| is_on(f, Ci::GitHub) && is_plain_ci(f),
        "Give the step `env: BITRISE_TOKEN: ${{ secrets.BITRISE_TOKEN }}`; name the job's `environment:` if the secret belongs to one, and `secrets: inherit` where a reusable workflow is called.",
    ),
    when(
        MISSING,
        Who::You,
        |f| is_on(f, Ci::Azure) && is_plain_ci(f),
        "Map the secret variable in the step: `env: BITRISE_TOKEN: $(BITRISE_TOKEN)`.",
    ),
    when(
        MISSING,
        Who::You,
        |f| is_on(f, Ci::GitLab) && is_plain_ci(f),
        "Settings → CI/CD → Variables → BITRISE_TOKEN: is it there, and “Protected” only if this branch is?",
    ),
    when(
        MISSING,
        Who::You,
        |f| {
            is_plain_ci(f)
                && here(f, |known| {
                    matches!(known.ci, Some(Ci::CircleCi | Ci::Jenkins | Ci::Other))
                })
        },
        "Put the token into the CI system's secrets, and hand it to this step as `BITRISE_TOKEN`.",
    ),
    when(
        MISSING,
        Who::You,
        |f| {
            here(f, |known| {
                known.build == Build::PullRequest && known.ci != Some(Ci::Bitrise)
            })
        },
        "Or is this pull request from a fork? Then leave this check out: such builds get no secrets.",
    ),
    when(
        MISSING,
        Who::You,
        |f| {
            here(f, |known| {
                known.ci.is_none() && known.token_variables.is_empty()
            })
        },
        "Run `bitrise-dx verify` on a terminal and enter the token when asked; it is not shown. In a script, set `BITRISE_TOKEN` or use `--token-file PATH`.",
    ),
    when(
        MISSING,
        Who::You,
        |f| here(f, |known| known.ci.is_none()),
        "`bitrise-dx verify --sandbox` shows a run without any token.",
    ),
    always(
        &[Reason::TokenUnreadable],
        Who::You,
        "Check the path after `--token-file`, and that this user may read it; or use `--token-file -` or `BITRISE_TOKEN`.",
    ),
    always(
        &[Reason::TokenInArguments],
        Who::You,
        "Run `bitrise-dx verify` alone and enter the token when asked, or set `BITRISE_TOKEN`, or use `--token-file PATH`.",
    ),
    always(
        &[Reason::TokenInArguments],
        Who::You,
        "If other people use this machine or read this log, treat the token as compromised: on Bitrise, Settings → Security → API tokens, regenerate it.",
    ),
    always(
        &[Reason::TokenInArguments],
        Who::You,
        "Remove the line from your shell's history.",
    ),
    always(
        &[Reason::InvalidOptions],
        Who::You,
        "Correct that; `bitrise-dx verify --help` says what each option takes.",
    ),
];

fn is_personal(facts: &Facts) -> bool {
    is_of(facts, TokenKind::Personal)
}

/// Tells whether the token is or may be of this kind. Text that was pasted seldom shows it; then
/// the advice is for the kind that DX asks for, a workspace API token.
fn is_of(facts: &Facts, kind: TokenKind) -> bool {
    match facts.kind {
        Some(known) => known == kind,
        None => kind == TokenKind::Workspace || !facts.is_told(),
    }
}

fn is_no_personal(facts: &Facts) -> bool {
    facts.kind != Some(TokenKind::Personal)
}

const REJECTED: &[Reason] = &[Reason::TokenRejected];

const TOKEN: &[Action] = &[
    when(
        &[Reason::TokenMalformed],
        Who::You,
        |f| f.token_error.is_none(),
        "Copy the token alone: no quotation marks, no “Bearer”, no spaces, no variable's name.",
    ),
    when(
        REJECTED,
        Who::You,
        |f| {
            f.is_bitrise == Some(false) && !f.is_sandbox && f.source != Some(BaseUrlSource::Default)
        },
        "Check {option}: DX asks api.bitrise.io, not {host}.",
    ),
    of_other(
        REJECTED,
        (
            Who::You,
            "you, if the token is yours; otherwise the person it belongs to",
        ),
        is_personal,
        "Better than mending it: make a workspace API token, which is what DX asks for. On Bitrise: {workspace_path} → Settings → Security → API tokens → + Create token (Workspace role Viewer, Product access to the apps DX should import).",
    ),
    when(
        REJECTED,
        Who::You,
        is_personal,
        "To look at this one: profile picture → Account settings → Security → Personal access tokens. Expired or missing there? That is why.",
    ),
    when(
        REJECTED,
        Who::BitriseAdmin,
        |f| is_of(f, TokenKind::Workspace),
        "On Bitrise: {workspace_path} → Settings → Security → API tokens: look for this token. Expired: regenerate it. Not there: + Create token (Workspace role Viewer, Product access to the apps DX should import).",
    ),
    when(
        REJECTED,
        Who::BitriseAdmin,
        |f| is_of(f, TokenKind::Unknown),
        "Make a new token, which begins with bitwat_. On Bitrise: {workspace_path} → Settings → Security → API tokens → + Create token (Workspace role Viewer, Product access to the apps DX should import).",
    ),
    when(
        REJECTED,
        Who::BitriseAdmin,
        |f| is_of(f, TokenKind::Workspace) && f.sample.is_empty(),
        "Still valid there? Then copy it again, whole: Bitrise shows a token only when it is made or regenerated.",
    ),
];

/// Tells whether the app that was meant is known.
const fn is_named_otherwise(facts: &Facts) -> bool {
    matches!(facts.mistaken, Some(Mistaken::Title(_) | Mistaken::Case(_)))
}

const DENIED: &[Reason] = &[
    Reason::PipelinesDenied,
    Reason::AppNotAccessible,
    Reason::PipelineDetailsDenied,
];

fn is_mistaken(facts: &Facts) -> bool {
    facts.mistaken.is_some()
}

/// Tells whether the slug has to be looked at before the token's access.
fn is_slug_first(facts: &Facts) -> bool {
    let is_typed = facts.reason == Some(Reason::AppNotAccessible) || facts.reason.is_none();
    is_typed && !is_mistaken(facts) && facts.status() != Some(403)
}

fn is_grant(facts: &Facts) -> bool {
    is_no_personal(facts) && !(is_mistaken(facts) && facts.refused.len() <= 1)
}

const ACCESS: &[Action] = &[
    when(
        DENIED,
        Who::You,
        |f| matches!(f.mistaken, Some(Mistaken::Title(_) | Mistaken::Case(_))),
        "Run `bitrise-dx verify --app {meant}`, then paste this token into DX.",
    ),
    when(
        DENIED,
        Who::You,
        |f| matches!(f.mistaken, Some(Mistaken::Workspace(_))),
        "Use the slug of an app, the part of its address on Bitrise after /app/. The token sees {sees}.",
    ),
    when(
        &[Reason::AppNotAccessible],
        Who::You,
        |f| is_slug_first(f) && !f.sample.is_empty(),
        "Check the slug first: it is the part of the app's address on Bitrise after /app/. The token sees {sees}.",
    ),
    when(
        DENIED,
        Who::BitriseAdmin,
        |f| f.of_app(|app| app.is_disabled).unwrap_or(true),
        "If DX should import {app}: enable it on Bitrise, where it is disabled.",
    ),
    when(
        &[Reason::AppNotAccessible],
        Who::You,
        |f| is_slug_first(f) && f.sample.is_empty(),
        "Check the slug first: it is the part of the app's address on Bitrise after /app/.",
    ),
    when(
        DENIED,
        Who::BitriseAdmin,
        |f| is_grant(f) && f.refused.len() <= 1 && f.selection != Some(Selection::All),
        "On Bitrise: {workspace_path} → Settings → Security → API tokens → this token → Product access: give it {refused} and every other app DX should import. (If it can't be changed: a new token with Workspace role Viewer and that access.)",
    ),
    when(
        DENIED,
        Who::BitriseAdmin,
        |f| is_grant(f) && (f.refused.len() > 1 || f.selection == Some(Selection::All)),
        "On Bitrise: {workspace_path} → Settings → Security → API tokens → this token → Product access: add {refused}. (If it can't be changed: a new token with Workspace role Viewer and that access.)",
    ),
    when(
        DENIED,
        Who::BitriseAdmin,
        |f| is_personal(f) && !is_mistaken(f) && f.is_foreign_owner() == Some(true),
        "Make a workspace API token, which is what DX asks for: it sees only the workspace's own apps. On Bitrise: {workspace_path} → Settings → Security → API tokens → + Create token (Workspace role Viewer, Product access to the apps DX should import).",
    ),
    when(
        DENIED,
        Who::BitriseAdmin,
        |f| is_personal(f) && !is_mistaken(f) && f.is_foreign_owner() != Some(true),
        "Make a workspace API token, which is what DX asks for. On Bitrise: {workspace_path} → Settings → Security → API tokens → + Create token (Workspace role Viewer, Product access to {refused} and the other apps DX should import).",
    ),
    when(
        &[Reason::PipelinesDenied],
        Who::You,
        |f| f.may_be_others() && f.selection.is_none_or(|what| what == Selection::First),
        "`bitrise-dx verify --all-apps` shows whether other apps are refused too.",
    ),
    when(
        &[Reason::AppsForbidden],
        Who::Wait,
        |f| f.listed_before_cut.is_some(),
        "Check {status_page}, and run {again} again in a few minutes: the first pages of the list were readable.",
    ),
    when(
        &[Reason::AppsForbidden],
        Who::BitriseAdmin,
        |f| f.listed_before_cut.is_none() && is_no_personal(f),
        "On Bitrise: {workspace_path} → Settings → Security → API tokens → this token: Workspace role Viewer, and Product access to the apps DX should import. (If it can't be changed: a new token with that.)",
    ),
    when(
        &[Reason::AppsForbidden],
        Who::You,
        |f| f.listed_before_cut.is_none(),
        "Nothing wrong there? Check {status_page}, and run it from another network.",
    ),
    when(
        &[Reason::NoApps],
        Who::BitriseAdmin,
        is_no_personal,
        "On Bitrise, in the workspace whose apps DX should import: Settings → Security → API tokens → this token → Product access: give it those apps. Not listed there? Then it is another workspace's: + Create token (Workspace role Viewer, and that access).",
    ),
    when(
        &[Reason::AppsForbidden, Reason::NoApps],
        Who::BitriseAdmin,
        is_personal,
        "Make a workspace API token, which is what DX asks for. On Bitrise, in the workspace whose apps DX should import: Settings → Security → API tokens → + Create token (Workspace role Viewer, Product access to those apps).",
    ),
];

fn is_chosen(facts: &Facts) -> bool {
    facts
        .source
        .is_none_or(|source| source != BaseUrlSource::Default)
        && !facts.is_sandbox
}

fn has_cause(facts: &Facts, text: &str) -> bool {
    facts.reason.is_none()
        || causes::left(facts)
            .iter()
            .any(|cause| cause.text.contains(text))
}

fn has_responder(facts: &Facts) -> bool {
    facts.decided.as_ref().is_some_and(|decided| {
        decided.responder.title.is_some() || !decided.responder.headers.is_empty()
    })
}

fn is_portal(facts: &Facts) -> bool {
    facts
        .status()
        .is_none_or(|status| matches!(status, 200 | 300..=399 | 511))
}

fn is_tls(facts: &Facts, kinds: &[FaultKind]) -> bool {
    facts.tls().is_none_or(|kind| kinds.contains(&kind))
}

fn is_proxy(facts: &Facts, is: fn(FaultKind) -> bool) -> bool {
    facts.proxy_fault().is_none_or(is)
}

fn speaks_basic(facts: &Facts) -> bool {
    facts.proxy_response().is_none_or(|response| {
        response.schemes.is_empty() || response.schemes.contains(&AuthScheme::Basic)
    })
}

fn lacks_proxy(facts: &Facts) -> bool {
    facts.proxy().is_none()
        && here(facts, |known| known.proxy_variables.is_empty())
        && facts.is_sinkhole() != Some(true)
}

const FOREIGN: &[Reason] = &[
    Reason::Intercepted,
    Reason::WrongBaseUrl,
    Reason::Redirected,
    Reason::UnexpectedResponse,
    Reason::UnexpectedStatus,
];

const LINE: &[Reason] = &[
    Reason::ConnectionFailed,
    Reason::Timeout,
    Reason::TlsFailure,
];

const NETWORK: &[Action] = &[
    when(
        FOREIGN,
        Who::You,
        |f| is_chosen(f) && f.source.is_some(),
        "Check {option}, or leave it out: without it, `https://api.bitrise.io/v0.1` is asked, as DX does.",
    ),
    when(
        &[Reason::Intercepted, Reason::Redirected],
        Who::You,
        |f| is_portal(f) && !is_chosen_known(f),
        "Open any web page in a browser on this machine: if a sign-in page comes, sign in, then run {again} again.",
    ),
    when(
        &[Reason::Intercepted],
        Who::NetworkAdmin,
        |f| !is_chosen_known(f) && has_responder(f),
        "Ask whoever runs your network to allow HTTPS to {host} without removing the Authorization header. Send them this: {answer}",
    ),
    when(
        &[Reason::Intercepted],
        Who::NetworkAdmin,
        |f| !is_chosen_known(f) && !has_responder(f),
        "Ask whoever runs your network to allow HTTPS to {host} without removing the Authorization header; the response ({answer}) does not say who sent it.",
    ),
    when(
        &[Reason::Redirected],
        Who::NetworkAdmin,
        |f| !is_chosen_known(f),
        "Ask whoever runs your network to allow HTTPS to {host} without a sign-in page: the redirect leads to {location}.",
    ),
    when(
        &[Reason::RateLimited],
        Who::Wait,
        |_| true,
        "Run {again} again {until}. Leave the token as it is.",
    ),
    always(
        &[Reason::RateLimited],
        Who::You,
        "If it keeps happening, give DX a token of its own that nothing else uses.",
    ),
    when(
        &[Reason::ServerError],
        Who::Wait,
        |f| f.is_bitrise != Some(false) || f.is_sandbox,
        "Check {status_page} and run {again} again in a few minutes. Leave the token as it is.",
    ),
    when(
        &[Reason::ServerError],
        Who::You,
        |f| f.is_bitrise == Some(false) && !f.is_sandbox,
        "Ask whoever runs {host}, or check {option}. Leave the token as it is.",
    ),
    when(
        &[
            Reason::UnexpectedResponse,
            Reason::UnexpectedStatus,
            Reason::WrongBaseUrl,
        ],
        Who::Wait,
        |f| f.source.is_none() || !is_chosen(f),
        "Check {status_page}, and run {again} again in a few minutes. Leave the token as it is.",
    ),
    always(
        &[Reason::UnexpectedResponse, Reason::UnexpectedStatus],
        Who::You,
        "If it keeps happening, look for a newer version of bitrise-dx, or report it with this report.",
    ),
    when(
        &[Reason::DnsFailure, Reason::ConnectionFailed],
        Who::You,
        is_chosen_known,
        "Check {option}, or leave it out: without it, `https://api.bitrise.io/v0.1` is asked, as DX does.",
    ),
    when(
        &[Reason::DnsFailure],
        Who::You,
        |f| has_cause(f, "socks5h"),
        "Write `socks5h://` in {proxy_variable}.",
    ),
    when(
        &[Reason::DnsFailure, Reason::ConnectionFailed],
        Who::You,
        |f| !is_chosen_known(f) && has_cause(f, "offline"),
        "Check that this machine is online, and that its VPN is up.",
    ),
    when(
        LINE,
        Who::NetworkAdmin,
        |f| f.decided.is_some() && f.is_sinkhole() == Some(true),
        "Ask whoever runs your network to let {host} resolve to Bitrise's address; look into this machine's hosts file, too.",
    ),
    when(
        &[Reason::ConnectionFailed, Reason::Timeout],
        Who::You,
        |f| has_cause(f, "NO_PROXY"),
        "Take {host} out of `NO_PROXY`.",
    ),
    when(
        &[
            Reason::ConnectionFailed,
            Reason::Timeout,
            Reason::DnsFailure,
        ],
        Who::You,
        |f| lacks_proxy(f) && !is_chosen_known(f) && has_cause(f, "`HTTPS_PROXY`"),
        "In a network with a proxy, set `HTTPS_PROXY` to its address, as in `http://proxy.example:8080`.",
    ),
    when(
        &[Reason::ConnectionFailed, Reason::Timeout],
        Who::NetworkAdmin,
        |f| has_cause(f, "firewall"),
        "Ask whoever runs your network to allow HTTPS to {host}.",
    ),
    when(
        &[Reason::TlsFailure],
        Who::You,
        |f| has_cause(f, "are not read"),
        "Correct the variable, or unset it: {roots}.",
    ),
    when(
        &[Reason::TlsFailure],
        Who::NetworkAdmin,
        |f| {
            is_tls(
                f,
                &[
                    FaultKind::TlsUnknownIssuer,
                    FaultKind::TlsSelfSigned,
                    FaultKind::TlsAuthorityAsServer,
                ],
            ) && has_cause(f, "inspects")
        },
        "Get the root certificate of {issuer} as a PEM file from whoever runs your network, and pass it: `bitrise-dx verify --ca-cert FILE`.",
    ),
    when(
        &[Reason::TlsFailure],
        Who::NetworkAdmin,
        |f| has_cause(f, "`--ca-cert`"),
        "Ask whoever runs your network, or {host}, for the root certificate of {issuer} as a PEM file, and give that one to `--ca-cert`.",
    ),
    when(
        &[Reason::TlsFailure],
        Who::You,
        |f| is_tls(f, &[FaultKind::TlsNoRoots]) && has_cause(f, "bare container"),
        "Install the package ca-certificates.",
    ),
    when(
        &[Reason::TlsFailure],
        Who::You,
        |f| is_tls(f, &[FaultKind::TlsExpired, FaultKind::TlsNotYetValid]),
        "Check this machine's date and time. If they are right, whoever runs {host} has to renew the certificate.",
    ),
    when(
        &[Reason::TlsFailure],
        Who::NetworkAdmin,
        |f| {
            is_tls(
                f,
                &[
                    FaultKind::TlsWrongName,
                    FaultKind::TlsNotSpoken,
                    FaultKind::TlsNoCommonProtocol,
                    FaultKind::TlsClientCertificateWanted,
                    FaultKind::TlsBadCertificate,
                    FaultKind::TlsFailed,
                ],
            ) && f.is_sinkhole() != Some(true)
        },
        "Ask whoever runs your network where {host} leads here, and what stands in between.",
    ),
    when(
        &[Reason::ProxyFailure],
        Who::You,
        |f| is_proxy(f, |fault| matches!(fault, FaultKind::ProxyLogin)) && speaks_basic(f),
        "Write the proxy's user and password into {proxy_variable}: `http://USER:PASSWORD@HOST:PORT`, with special characters percent-encoded.",
    ),
    when(
        &[Reason::ProxyFailure],
        Who::You,
        |f| {
            is_proxy(f, |fault| matches!(fault, FaultKind::ProxyLogin))
                && (f.proxy_fault().is_none() || !speaks_basic(f))
        },
        "Run a helper that speaks it, such as px, cntlm or alpaca, and set {proxy_variable} to the helper's address.",
    ),
    when(
        &[Reason::ProxyFailure],
        Who::NetworkAdmin,
        |f| is_proxy(f, |fault| matches!(fault, FaultKind::ProxyRefused)),
        "Ask whoever runs the proxy to allow HTTPS to {host}{proxy_answer}.",
    ),
    when(
        &[Reason::ProxyFailure],
        Who::You,
        |f| {
            is_proxy(f, |fault| {
                matches!(
                    fault,
                    FaultKind::ProxyDns
                        | FaultKind::ProxyUnreachable
                        | FaultKind::ProxyClosed
                        | FaultKind::ProxyHeadersTooLarge
                )
            })
        },
        "Check the address in {proxy_variable}. If {host} can be reached without the proxy, add it to `NO_PROXY`.",
    ),
    when(
        &[Reason::ProxyFailure],
        Who::You,
        |f| is_proxy(f, |fault| matches!(fault, FaultKind::ProxyNotTls)),
        "Write `http://` in place of `https://` in {proxy_variable}.",
    ),
    when(
        &[Reason::ProxyFailure],
        Who::NetworkAdmin,
        |f| is_proxy(f, |fault| matches!(fault, FaultKind::ProxyTls)),
        "Get the root certificate of {issuer} from whoever runs the proxy, and pass it: `bitrise-dx verify --ca-cert FILE`. Or use the proxy's `http://` address.",
    ),
    when(
        &[
            Reason::Intercepted,
            Reason::Redirected,
            Reason::ConnectionFailed,
            Reason::Timeout,
        ],
        Who::You,
        |f| !is_chosen_known(f) && fault_may_be_network(f),
        "To be sure it is the network: run it again from a phone's hotspot.",
    ),
    when(
        &[Reason::Timeout],
        Who::You,
        |f| f.fault_kind().is_none_or(|kind| kind == FaultKind::Timeout),
        "Allow more time: `--timeout 2m`.",
    ),
    always(
        &[Reason::MaxTimeReached],
        Who::You,
        "Allow more time: `--max-time 10m`.",
    ),
    always(
        &[Reason::Interrupted],
        Who::You,
        "Run {again} again, and let it finish. To bound its time, use `--max-time`: such a run ends in a report, too.",
    ),
];

/// Tells whether the base URL is known to be somebody's choice.
fn is_chosen_known(facts: &Facts) -> bool {
    facts.source.is_some() && is_chosen(facts)
}

fn fault_may_be_network(facts: &Facts) -> bool {
    let fault = facts.fault();
    !facts.is_local() && fault.is_none_or(|fault| fault.kind != FaultKind::NotLoopback)
}

const FIXED: &[Reason] = &[
    Reason::TokenRejected,
    Reason::AppsForbidden,
    Reason::PipelinesDenied,
    Reason::AppNotAccessible,
    Reason::PipelineDetailsDenied,
    Reason::NoApps,
];

const LEFT_ALONE: &[Reason] = &[
    Reason::Intercepted,
    Reason::WrongBaseUrl,
    Reason::Redirected,
    Reason::DnsFailure,
    Reason::ConnectionFailed,
    Reason::TlsFailure,
    Reason::ProxyFailure,
    Reason::Timeout,
    Reason::MaxTimeReached,
];

fn is_live(facts: &Facts) -> bool {
    facts.evidence == EvidenceKind::Live && !facts.is_sandbox
}

/// Tells whether the way out is another token than the one that was checked.
fn is_new_token(facts: &Facts) -> bool {
    let is_rejected = facts.reason == Some(Reason::TokenRejected);
    facts.kind == Some(TokenKind::Personal)
        || (is_rejected && facts.kind == Some(TokenKind::Unknown))
}

const LAST: &[Action] = &[
    when(
        &[],
        Who::You,
        is_live,
        "Paste this token into DX, and note its expiry date on Bitrise: DX stops importing on that day.",
    ),
    when(
        &[],
        Who::You,
        |f| is_live(f) && f.may_be_others(),
        "To see whether DX can import all of it: `bitrise-dx verify --all-apps`",
    ),
    when(
        &[],
        Who::You,
        is_live,
        "Check it on a schedule, so that you know before DX stops importing: `bitrise-dx verify` in a nightly CI job.",
    ),
    when(
        &[Reason::TokenMalformed],
        Who::You,
        |_| true,
        "Run {again} again, then paste that token into DX.",
    ),
    when(
        FIXED,
        Who::You,
        |f| is_live(f) && !is_new_token(f) && !is_named_otherwise(f),
        "Run {again} again, then paste this token into DX.",
    ),
    when(
        FIXED,
        Who::You,
        |f| is_live(f) && is_new_token(f),
        "Run {again} with the new token, then paste that one into DX.",
    ),
    when(
        LEFT_ALONE,
        Who::You,
        |f| is_live(f) && !matches!(f.state, Some(crate::report::TokenState::Accepted)),
        "Leave the token as it is: it was not tested.",
    ),
    when(
        FIXED,
        Who::You,
        |f| f.evidence != EvidenceKind::Live && !f.was_pasted,
        "Run `bitrise-dx verify` with the token, then paste that token into DX.",
    ),
    when(
        FIXED,
        Who::You,
        |f| f.was_pasted,
        "Run `bitrise-dx verify` with the new token, then paste that one into DX.",
    ),
    when(
        &[],
        Who::You,
        |f| f.is_sandbox,
        "This token is the sandbox's. Run `bitrise-dx verify` to check your own.",
    ),
    when(
        FIXED,
        Who::You,
        |f| f.is_sandbox,
        "This token is the sandbox's. Run `bitrise-dx verify` to check your own.",
    ),
];

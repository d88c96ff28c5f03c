//! The causes: what each reason may come from, and the condition under which it does.
//!
//! A report shows the causes that its facts leave, `explain` all of them with their conditions.
//!
//! Facts: DX's Bitrise page, Bitrise's API specification and its documentation of tokens; what
//! Bitrise does with tokens from before November 2024 is one user's report of March 2026.

use super::facts::{Facts, Mistaken};
use super::{Build, Caller, Ci, Known, NoProxy, pasted};
use crate::exchange::{AuthScheme, FaultKind, ProxyResponse};
use crate::report::{BaseUrlSource, Selection};
use crate::token::TokenKind;
use crate::verdict::Reason;

/// Whether a cause is left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Applies {
    /// The run has ruled it out.
    No,
    /// It may be; the higher the weight, the likelier.
    Maybe(u8),
    /// It is this one and no other.
    Proved,
}

use Applies::{Maybe, No, Proved};

/// One cause.
pub(super) struct Cause {
    /// The reasons that it may be behind.
    pub(super) reasons: &'static [Reason],
    /// The condition in words; empty if there is none.
    pub(super) when: &'static str,
    /// The condition.
    pub(super) applies: fn(&Facts) -> Applies,
    /// The sentence.
    pub(super) text: &'static str,
}

/// Returns the causes that are left, likeliest first; one if it is proved.
pub(super) fn left(facts: &Facts) -> Vec<&'static Cause> {
    let Some(reason) = facts.reason else {
        return Vec::new();
    };
    let mut maybe = Vec::new();
    for cause in of(reason) {
        match (cause.applies)(facts) {
            No => {}
            Maybe(weight) => maybe.push((weight, cause)),
            Proved => return vec![cause],
        }
    }
    maybe.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    maybe.into_iter().map(|(_, cause)| cause).collect()
}

/// Returns every cause of a reason, in the catalogue's order.
pub(super) fn of(reason: Reason) -> impl Iterator<Item = &'static Cause> {
    let all = TABLES.iter().flat_map(|table| table.iter());
    all.filter(move |cause| cause.reasons.contains(&reason))
}

const TABLES: [&[Cause]; 6] = [NO_TOKEN, TOKEN, ACCESS, ANSWER, NETWORK, pasted::CAUSES];

/// Returns what a fact makes of a cause that it proves or rules out.
const fn proved(fact: Option<bool>, weight: u8) -> Applies {
    match fact {
        Some(true) => Proved,
        Some(false) => No,
        None => Maybe(weight),
    }
}

/// Returns what a fact makes of a cause that it makes possible or rules out.
const fn possible(fact: Option<bool>, weight: u8) -> Applies {
    match fact {
        Some(true) | None => Maybe(weight),
        Some(false) => No,
    }
}

fn known(facts: &Facts, is: impl Fn(&Known) -> bool) -> Option<bool> {
    facts.known.as_ref().map(is)
}

fn ci(facts: &Facts, wanted: Ci, build: &[Build]) -> Option<bool> {
    known(facts, |known| {
        known.ci == Some(wanted) && (build.is_empty() || build.contains(&known.build))
    })
}

/// Tells whether no other cause of a missing token is proved: the token is in no other variable,
/// nobody called the program with an input, and the build is one that gets secrets.
fn is_ordinary(known: &Known) -> bool {
    known.token_variables.is_empty()
        && known.caller == Caller::Direct
        && !matches!(known.build, Build::Fork | Build::Dependabot)
}

const NO_TOKEN: &[Cause] = &[
    Cause {
        reasons: &[Reason::TokenMissing],
        when: "another variable that people use for this token is set",
        applies: |f| proved(known(f, |known| !known.token_variables.is_empty()), 50),
        text: "{variables} is set; this program reads `BITRISE_TOKEN`.",
    },
    Cause {
        reasons: &[Reason::TokenMissing],
        when: "this project's action for GitHub made the run",
        applies: |f| {
            proved(
                known(f, |known| {
                    known.caller == Caller::Action && known.build == Build::Ordinary
                }),
                20,
            )
        },
        text: "The action's input `token` is empty: the secret is not set, or has another name.",
    },
    Cause {
        reasons: &[Reason::TokenMissing],
        when: "on Bitrise, in a pull request's build",
        applies: |f| proved(ci(f, Ci::Bitrise, &[Build::PullRequest, Build::Fork]), 40),
        text: "This is a pull request's build, and Bitrise gives Secrets to those only where allowed.",
    },
    Cause {
        reasons: &[Reason::TokenMissing],
        when: "this project's Step for Bitrise made the run",
        applies: |f| proved(known(f, |known| known.caller == Caller::Step), 20),
        text: "The Step's input `bitrise_api_token` is empty: the Secret is not set, or has another name.",
    },
    Cause {
        reasons: &[Reason::TokenMissing],
        when: "Dependabot started the run",
        applies: |f| proved(known(f, |known| known.build == Build::Dependabot), 15),
        text: "Dependabot started this run, and such runs get only Dependabot's own secrets.",
    },
    Cause {
        reasons: &[Reason::TokenMissing],
        when: "the build is of a pull request from a fork",
        applies: |f| proved(known(f, |known| known.build == Build::Fork), 30),
        text: "This build is of a pull request from a fork, and those get no secrets.",
    },
    Cause {
        reasons: &[Reason::TokenMissing],
        when: "on GitLab, on a branch that is not protected",
        applies: |f| possible(ci(f, Ci::GitLab, &[Build::Unprotected]), 30),
        text: "The variable is protected, and this branch is not.",
    },
    Cause {
        reasons: &[Reason::TokenMissing],
        when: "on Azure Pipelines",
        applies: |f| possible(ci(f, Ci::Azure, &[]), 30),
        text: "The step does not map the secret variable: Azure hands secrets to a step only through `env:`.",
    },
    Cause {
        reasons: &[Reason::TokenMissing],
        when: "in a pull request's build, on a system that does not say whether it comes from a fork",
        applies: |f| {
            possible(
                known(f, |known| {
                    known.build == Build::PullRequest && known.ci != Some(Ci::Bitrise)
                }),
                25,
            )
        },
        text: "If this pull request comes from a fork, its build gets no secrets.",
    },
    Cause {
        reasons: &[Reason::TokenMissing],
        when: "on GitHub, called by a workflow of your own",
        applies: |f| possible(ci(f, Ci::GitHub, &[]), 30),
        text: "The step has no `env:` with `BITRISE_TOKEN: ${{ secrets.BITRISE_TOKEN }}`, or the secret's name is another one.",
    },
    Cause {
        reasons: &[Reason::TokenMissing],
        when: "on GitHub, called by a workflow of your own",
        applies: |f| possible(ci(f, Ci::GitHub, &[]), 20),
        text: "The secret belongs to an environment that the job does not name, or the reusable workflow was not given it (`secrets: inherit`).",
    },
    Cause {
        reasons: &[Reason::TokenMissing],
        when: "on another CI system",
        applies: |f| {
            possible(
                known(f, |known| {
                    is_ordinary(known)
                        && matches!(
                            known.ci,
                            Some(Ci::Bitrise | Ci::GitLab | Ci::CircleCi | Ci::Jenkins | Ci::Other)
                        )
                }),
                10,
            )
        },
        text: "The CI system does not hand the secret to this build: it is not set, has another name, or is limited to other builds.",
    },
    Cause {
        reasons: &[Reason::TokenMissing],
        when: "on a person's machine",
        applies: |f| {
            proved(
                known(f, |known| is_ordinary(known) && known.ci.is_none()),
                60,
            )
        },
        text: "`BITRISE_TOKEN` is not set, or is empty.",
    },
    Cause {
        reasons: &[Reason::TokenUnreadable],
        when: "the file does not exist",
        applies: |f| proved(f.io.map(|io| io == std::io::ErrorKind::NotFound), 40),
        text: "The path of `--token-file` is wrong, or relative to another folder.",
    },
    Cause {
        reasons: &[Reason::TokenUnreadable],
        when: "the system refuses to read it",
        applies: |f| {
            proved(
                f.io.map(|io| io == std::io::ErrorKind::PermissionDenied),
                30,
            )
        },
        text: "This user may not read the file.",
    },
    Cause {
        reasons: &[Reason::TokenUnreadable],
        when: "what stands in it is no text in UTF-8, or too long",
        applies: |f| {
            proved(
                f.io.map(|io| {
                    matches!(
                        io,
                        std::io::ErrorKind::InvalidData | std::io::ErrorKind::FileTooLarge
                    )
                }),
                20,
            )
        },
        text: "It is not a plain text file in UTF-8 with the token alone.",
    },
    Cause {
        reasons: &[Reason::TokenInArguments],
        when: "",
        applies: |_| Maybe(1),
        text: "A token was given with `--token` or after `verify`, as some other programs want it.",
    },
    Cause {
        reasons: &[Reason::InvalidOptions],
        when: "the error does not say it",
        applies: |f| possible(f.not_run.as_ref().map(|_| false), 30),
        text: "An address can't be used: that of `--base-url` or `BITRISE_API_BASE_URL`, or that of a proxy variable.",
    },
    Cause {
        reasons: &[Reason::InvalidOptions],
        when: "the error does not say it",
        applies: |f| possible(f.not_run.as_ref().map(|_| false), 20),
        text: "Something other than an app's slug was given to `--app`, or stands in the list of `--apps-file`.",
    },
    Cause {
        reasons: &[Reason::InvalidOptions],
        when: "the error does not say it",
        applies: |f| possible(f.not_run.as_ref().map(|_| false), 10),
        text: "Two options exclude each other, or a file can't be read or written.",
    },
];

const TOKEN: &[Cause] = &[
    Cause {
        reasons: &[Reason::TokenMalformed],
        when: "the text does not say it",
        applies: |f| possible(f.token_error.map(|_| false), 30),
        text: "Something was copied along with the token: quotation marks, “Bearer”, a line break.",
    },
    Cause {
        reasons: &[Reason::TokenMalformed],
        when: "the text does not say it",
        applies: |f| possible(f.token_error.map(|_| false), 20),
        text: "A variable was not replaced by its value, or the text is a placeholder from the documentation.",
    },
    Cause {
        reasons: &[Reason::TokenMalformed],
        when: "the text does not say it",
        applies: |f| possible(f.token_error.map(|_| false), 10),
        text: "It is another service's token.",
    },
    Cause {
        reasons: &[Reason::TokenRejected],
        when: "the same run had a list of apps before",
        applies: |f| {
            if f.sample.is_empty() {
                possible(f.state.map(|_| false), 1)
            } else {
                Proved
            }
        },
        text: "It expired, or was deleted or regenerated, while this run was under way: the first calls still worked.",
    },
    Cause {
        reasons: &[Reason::TokenRejected],
        when: "the token has neither prefix (bitwat_, bitpat_)",
        applies: |f| possible(f.kind.map(|kind| kind == TokenKind::Unknown), 90),
        text: "Tokens from before November 2024, which have no bitwat_ or bitpat_ in front, are refused by now.",
    },
    Cause {
        reasons: &[Reason::TokenRejected],
        when: "it is no personal token",
        applies: |f| possible(f.kind.map(|kind| kind != TokenKind::Personal), 60),
        text: "It expired (every workspace API token has an expiry date), or was deleted or regenerated.",
    },
    Cause {
        reasons: &[Reason::TokenRejected],
        when: "it is a personal token",
        applies: |f| possible(f.kind.map(|kind| kind == TokenKind::Personal), 60),
        text: "It expired or was deleted, or the account was closed.",
    },
    Cause {
        reasons: &[Reason::TokenRejected],
        when: "",
        applies: |_| Maybe(40),
        text: "It was not copied whole.",
    },
    Cause {
        reasons: &[Reason::TokenRejected],
        when: "the token has neither prefix (bitwat_, bitpat_)",
        applies: |f| possible(f.kind.map(|kind| kind == TokenKind::Unknown), 30),
        text: "It is another kind of credential, such as a build's API token or a password.",
    },
    Cause {
        reasons: &[Reason::TokenRejected],
        when: "the base URL is not Bitrise's",
        applies: |f| possible(f.is_bitrise.map(|is| !is && !f.is_sandbox), 95),
        text: "{host} is not Bitrise's API, and may know other tokens or remove the `Authorization` header.",
    },
];

const DENIED: &[Reason] = &[Reason::PipelinesDenied, Reason::AppNotAccessible];

fn mistaken(facts: &Facts, is: fn(&Mistaken) -> bool) -> Option<bool> {
    match (&facts.app, &facts.mistaken) {
        (None, None) => facts.of_app(|_| false),
        (_, mistaken) => Some(mistaken.as_ref().is_some_and(is)),
    }
}

fn status_is(facts: &Facts, statuses: &[u16]) -> Option<bool> {
    facts.status().map(|status| statuses.contains(&status))
}

/// Tells whether this 401 is known to be about the app alone.
fn is_rechecked(facts: &Facts) -> Option<bool> {
    match facts.status() {
        Some(401) | None => facts.is_rechecked,
        Some(_) => Some(false),
    }
}

/// Tells whether the slug was typed and is not known to be right.
fn is_slug_open(facts: &Facts) -> Option<bool> {
    if facts.is_listed == Some(true) || status_is(facts, &[403]) == Some(true) {
        return Some(false);
    }
    match facts.selection? {
        Selection::Named | Selection::File => Some(true),
        Selection::First | Selection::All => Some(false),
    }
}

const ACCESS: &[Cause] = &[
    Cause {
        reasons: DENIED,
        when: "--app was given an app's title",
        applies: |f| proved(mistaken(f, |what| matches!(what, Mistaken::Title(_))), 8),
        text: "{slug} is the title of app {meant}, not its slug.",
    },
    Cause {
        reasons: DENIED,
        when: "--app was given a slug in another case",
        applies: |f| proved(mistaken(f, |what| matches!(what, Mistaken::Case(_))), 7),
        text: "{slug} is the slug {meant} in another case.",
    },
    Cause {
        reasons: DENIED,
        when: "--app was given a workspace's slug",
        applies: |f| {
            proved(
                mistaken(f, |what| matches!(what, Mistaken::Workspace(_))),
                6,
            )
        },
        text: "{slug} is the workspace {meant}, not an app.",
    },
    Cause {
        reasons: &[Reason::PipelinesDenied, Reason::PipelineDetailsDenied],
        when: "the app's owner is a person, and the token is no workspace token",
        applies: |f| possible(f.is_foreign_owner(), 95),
        text: "The app belongs to a person's account: a personal token lists the apps of others, too, and may not read all of them.",
    },
    Cause {
        reasons: &[Reason::PipelinesDenied, Reason::PipelineDetailsDenied],
        when: "the list of apps says that the app is disabled",
        applies: |f| possible(f.of_app(|app| app.is_disabled), 90),
        text: "The app is disabled on Bitrise; it is listed all the same.",
    },
    Cause {
        reasons: DENIED,
        when: "the slug was typed, the token's list lacks it, and the status is no 403",
        applies: |f| possible(is_slug_open(f), 85),
        text: "The slug is wrong: it is the part of the app's address on Bitrise after /app/.",
    },
    Cause {
        reasons: DENIED,
        when: "404, and the token is no personal one",
        applies: |f| {
            possible(
                status_is(f, &[404]).map(|is| is && f.kind != Some(TokenKind::Personal)),
                80,
            )
        },
        text: "The token's product access leaves out {these}: {bitrise} answers 404 to hide an app.",
    },
    Cause {
        reasons: DENIED,
        when: "403, and the token is no personal one",
        applies: |f| {
            possible(
                status_is(f, &[403]).map(|is| is && f.kind != Some(TokenKind::Personal)),
                79,
            )
        },
        text: "The token's access to {these} is too small: {bitrise} answers 403.",
    },
    Cause {
        reasons: DENIED,
        when: "401, and Bitrise still accepted the token when asked again",
        applies: |f| possible(is_rechecked(f), 78),
        text: "The token's access to this app is missing: it still works for other calls, so this 401 is about this app.",
    },
    Cause {
        reasons: DENIED,
        when: "403 or 404, and the token is a personal one",
        applies: |f| {
            possible(
                f.kind
                    .map(|kind| kind == TokenKind::Personal && f.is_rechecked != Some(true)),
                77,
            )
        },
        text: "The person whose token this is may not read the builds of {these}.",
    },
    Cause {
        reasons: &[Reason::AppNotAccessible],
        when: "the token is no personal one",
        applies: |f| possible(f.kind.map(|kind| kind != TokenKind::Personal), 60),
        text: "The app belongs to another workspace: a workspace token sees one alone.",
    },
    Cause {
        reasons: &[Reason::PipelinesDenied],
        when: "404 on an app from the list",
        applies: |f| {
            possible(
                status_is(f, &[404])
                    .map(|is| is && f.is_listed != Some(false) && f.refused.len() <= 1),
                5,
            )
        },
        text: "Rarely: the app was deleted within the last second.",
    },
    Cause {
        reasons: &[Reason::PipelineDetailsDenied],
        when: "",
        applies: |_| Maybe(70),
        text: "The token's access to this app is too small: it may list the runs, but not read one.",
    },
    Cause {
        reasons: &[Reason::PipelineDetailsDenied],
        when: "404",
        applies: |f| possible(status_is(f, &[404]), 10),
        text: "The run was removed between the two requests.",
    },
    Cause {
        reasons: &[Reason::AppsForbidden],
        when: "no page of the list could be read",
        applies: |f| {
            if f.listed_before_cut.is_some() {
                No
            } else {
                Maybe(80)
            }
        },
        text: "The token has no Workspace role, or no Product access.",
    },
    Cause {
        reasons: &[Reason::AppsForbidden],
        when: "",
        applies: |_| Maybe(40),
        text: "A rule of your company limits from where or by whom the API may be used.",
    },
    Cause {
        reasons: &[Reason::AppsForbidden],
        when: "the base URL is Bitrise's own",
        applies: |f| {
            if f.is_bitrise == Some(false) && !f.is_sandbox {
                No
            } else if f.listed_before_cut.is_some() {
                Maybe(60)
            } else {
                Maybe(20)
            }
        },
        text: "{bitrise} has an incident: in an earlier one it answered 403 to everybody.",
    },
    Cause {
        reasons: &[Reason::NoApps],
        when: "the token is no personal one",
        applies: |f| possible(f.kind.map(|kind| kind != TokenKind::Personal), 80),
        text: "The token has Product access to no app.",
    },
    Cause {
        reasons: &[Reason::NoApps],
        when: "the token is no personal one",
        applies: |f| possible(f.kind.map(|kind| kind != TokenKind::Personal), 60),
        text: "It belongs to another workspace than the one with the apps.",
    },
    Cause {
        reasons: &[Reason::NoApps],
        when: "the token is a personal one",
        applies: |f| possible(f.kind.map(|kind| kind == TokenKind::Personal), 70),
        text: "The person whose token this is belongs to no workspace with apps.",
    },
    Cause {
        reasons: &[Reason::NoApps],
        when: "",
        applies: |_| Maybe(20),
        text: "The workspace has no apps yet.",
    },
];

/// Tells whether the base URL was chosen by somebody.
fn is_chosen(facts: &Facts) -> Option<bool> {
    if facts.is_sandbox {
        return Some(false);
    }
    let is_chosen = |source| source != BaseUrlSource::Default;
    facts
        .source
        .map(is_chosen)
        .or(facts.is_bitrise.map(|is| !is))
}

fn header(facts: &Facts, name: &str) -> Option<bool> {
    let decided = facts.decided.as_ref()?;
    let headers = &decided.responder.headers;
    Some(
        headers
            .iter()
            .any(|(header, _)| header.eq_ignore_ascii_case(name)),
    )
}

const ANSWER: &[Cause] = &[
    Cause {
        reasons: &[Reason::WrongBaseUrl],
        when: "the base URL was chosen",
        applies: |f| possible(is_chosen(f), 80),
        text: "{base_url} is not the address of Bitrise's API, which is `https://api.bitrise.io/v0.1`.",
    },
    Cause {
        reasons: &[Reason::WrongBaseUrl],
        when: "the base URL is Bitrise's own",
        applies: |f| possible(is_chosen(f).map(|is| !is), 40),
        text: "Something on the way answers in Bitrise's place, or Bitrise has an incident: its list of apps has no 404 in its documentation.",
    },
    Cause {
        reasons: &[
            Reason::Intercepted,
            Reason::Redirected,
            Reason::UnexpectedResponse,
            Reason::UnexpectedStatus,
        ],
        when: "the base URL was chosen",
        applies: |f| possible(is_chosen(f), 90),
        text: "{base_url} leads to something other than Bitrise's API.",
    },
    Cause {
        reasons: &[Reason::Intercepted],
        when: "401, 403 or 404 with the header CF-RAY",
        applies: |f| possible(header(f, "CF-RAY"), 70),
        text: "A protection of web sites (Cloudflare) stands in front and blocks this machine's address.",
    },
    Cause {
        reasons: &[Reason::Intercepted],
        when: "not a page with 200",
        applies: |f| possible(status_is(f, &[200]).map(|is| !is), 80),
        text: "A firewall or a filtering proxy blocks the request, or removes its `Authorization` header.",
    },
    Cause {
        reasons: &[Reason::Intercepted],
        when: "a page with 200",
        applies: |f| possible(status_is(f, &[200, 511]), 60),
        text: "A guest network waits for its sign-in.",
    },
    Cause {
        reasons: &[Reason::Intercepted],
        when: "a page with 200",
        applies: |f| possible(status_is(f, &[200]), 50),
        text: "A filtering proxy puts a page of its own in the response's place.",
    },
    Cause {
        reasons: &[Reason::Redirected],
        when: "",
        applies: |_| Maybe(60),
        text: "A sign-in page, of a guest network or of your company, stands in front: the redirect leads to {location}.",
    },
    Cause {
        reasons: &[Reason::RateLimited],
        when: "",
        applies: |_| Maybe(50),
        text: "Other programs use the same token, or leave from the same address.",
    },
    Cause {
        reasons: &[Reason::RateLimited],
        when: "with --all-apps",
        applies: |f| possible(is_all(f), 30),
        text: "This run asks for many apps at once; `--concurrency 1` is gentler.",
    },
    Cause {
        reasons: &[Reason::ServerError],
        when: "",
        applies: |_| Maybe(60),
        text: "{bitrise} has an outage or is being updated.",
    },
    Cause {
        reasons: &[Reason::ServerError],
        when: "502, 503 or 504",
        applies: |f| possible(status_is(f, &[502, 503, 504]), 30),
        text: "A gateway on the way can't reach it.",
    },
    Cause {
        reasons: &[Reason::UnexpectedResponse, Reason::UnexpectedStatus],
        when: "",
        applies: |_| Maybe(50),
        text: "Something on the way changed the request or the response.",
    },
    Cause {
        reasons: &[Reason::UnexpectedResponse, Reason::UnexpectedStatus],
        when: "the base URL is Bitrise's own",
        applies: |f| possible(f.is_bitrise, 40),
        text: "Bitrise changed its API; version 0.1 carries no promise.",
    },
];

/// Tells whether the run was to check all apps; text that was pasted is of no such run.
fn is_all(facts: &Facts) -> Option<bool> {
    if facts.is_told() {
        return Some(false);
    }
    facts.selection.map(|what| what == Selection::All)
}

fn fault_is(facts: &Facts, is: fn(FaultKind) -> bool) -> Option<bool> {
    facts.fault_kind().map(is)
}

/// Tells whether a fault leaves it open that the network lets only its proxy out.
fn lacks_proxy(facts: &Facts) -> Option<bool> {
    if facts.is_sinkhole() == Some(true) || facts.proxy().is_some() || facts.is_local() {
        return Some(false);
    }
    known(facts, |known| known.proxy_variables.is_empty())
}

/// Tells whether this machine has no route to the address at all.
fn is_offline(facts: &Facts) -> bool {
    matches!(
        facts.fault_kind(),
        Some(FaultKind::NoRoute | FaultKind::NetworkDown)
    )
}

/// Tells whether `NO_PROXY` keeps the host from a proxy that is set.
fn is_no_proxy(facts: &Facts) -> Option<bool> {
    if facts.is_told() {
        return Some(false);
    }
    known(facts, |known| {
        known.no_proxy == NoProxy::Matches && !known.proxy_variables.is_empty()
    })
}

fn tls_is(facts: &Facts, kinds: &[FaultKind]) -> Option<bool> {
    facts.tls().map(|kind| kinds.contains(&kind))
}

/// The faults of a certificate that nobody who is trusted here has signed.
const UNTRUSTED: &[FaultKind] = &[
    FaultKind::TlsUnknownIssuer,
    FaultKind::TlsSelfSigned,
    FaultKind::TlsAuthorityAsServer,
];

fn has_broken_roots(facts: &Facts) -> Option<bool> {
    let untrusted = tls_is(facts, &[FaultKind::TlsUnknownIssuer, FaultKind::TlsNoRoots]);
    let broken = known(facts, |known| !known.roots.is_empty());
    match (untrusted, broken) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        (None, _) | (_, None) => None,
    }
}

fn proxy_is(facts: &Facts, is: fn(FaultKind) -> bool) -> Option<bool> {
    facts.proxy_fault().map(is)
}

/// Tells whether the proxy asks for authentication that this program speaks, and whether a user and
/// password were sent to it.
fn asks_password(facts: &Facts, had_credentials: bool) -> Option<bool> {
    let is_auth = proxy_is(facts, |fault| matches!(fault, FaultKind::ProxyLogin))?;
    let response = facts.proxy_response();
    let speaks = response.is_none_or(|response| {
        response.schemes.is_empty() || response.schemes.contains(&AuthScheme::Basic)
    });
    let had = response.is_some_and(|response| response.had_credentials);
    Some(is_auth && speaks && had == had_credentials)
}

fn wants_other_scheme(facts: &Facts) -> Option<bool> {
    let is_login = facts.proxy_fault()? == FaultKind::ProxyLogin;
    let offers_others = |response: &ProxyResponse| {
        !response.schemes.is_empty() && !response.schemes.contains(&AuthScheme::Basic)
    };
    Some(is_login && facts.proxy_response().is_some_and(offers_others))
}

fn proxy_refused(facts: &Facts, is_gateway: bool) -> Option<bool> {
    let is_refused = proxy_is(facts, |fault| matches!(fault, FaultKind::ProxyRefused))?;
    let status = facts.proxy_response().map(|response| response.status);
    Some(is_refused && status.is_none_or(|status| matches!(status, 500..=599) == is_gateway))
}

const CONNECT: &[Reason] = &[Reason::ConnectionFailed, Reason::Timeout];

const NETWORK: &[Cause] = &[
    Cause {
        reasons: &[
            Reason::ConnectionFailed,
            Reason::Timeout,
            Reason::TlsFailure,
        ],
        when: "the address that was connected to is 0.0.0.0, ::, or this machine's own",
        applies: |f| proved(f.is_sinkhole(), 6),
        text: "A DNS filter or this machine's hosts file leads {host} to {address}.",
    },
    Cause {
        reasons: &[Reason::DnsFailure],
        when: "the proxy's address starts with socks5://",
        applies: |f| {
            let is_socks5 = f
                .proxy()
                .is_some_and(|proxy| proxy.starts_with("socks5://"));
            proved(f.route.as_ref().map(|_| is_socks5), 10)
        },
        text: "With `socks5://`, this machine looks up {host} itself; with `socks5h://`, the proxy does.",
    },
    Cause {
        reasons: &[Reason::DnsFailure],
        when: "the base URL was chosen",
        applies: |f| possible(is_chosen(f), 80),
        text: "{host} is misspelt or does not exist.",
    },
    Cause {
        reasons: &[Reason::DnsFailure],
        when: "",
        applies: |_| Maybe(60),
        text: "This machine is offline, or its VPN is down.",
    },
    Cause {
        reasons: &[Reason::ConnectionFailed],
        when: "http:// to a name that is not this machine's",
        applies: |f| proved(fault_is(f, |fault| fault == FaultKind::NotLoopback), 4),
        text: "{host} does not lead to this machine, and `http://` is for this machine alone.",
    },
    Cause {
        reasons: &[Reason::ConnectionFailed],
        when: "the base URL was chosen, and the connection was refused or is not HTTP",
        applies: |f| match (
            is_chosen(f),
            fault_is(f, |fault| {
                matches!(
                    fault,
                    FaultKind::Refused | FaultKind::NotHttp | FaultKind::HeadersTooLarge
                )
            }),
        ) {
            (Some(false), _) | (_, Some(false)) => No,
            (Some(true) | None, _) => Maybe(80),
        },
        text: "{base_url} names a port where no web server listens.",
    },
    Cause {
        reasons: &[Reason::ConnectionFailed],
        when: "there is no route to the address",
        applies: |f| possible(f.fault().map(|_| is_offline(f)), 78),
        text: "This machine is offline, its VPN is down, or {host} has an address of another network here.",
    },
    Cause {
        reasons: &[Reason::ConnectionFailed],
        when: "the connection was refused, closed or not HTTP, or there was no way",
        applies: |f| {
            possible(
                fault_is(f, |fault| {
                    !matches!(fault, FaultKind::NotLoopback | FaultKind::Undecodable)
                })
                .map(|is| is && !f.is_local() && !is_offline(f)),
                70,
            )
        },
        text: "A firewall blocks the way: it refuses or closes the connection, often as soon as it reads the host's name in the TLS handshake.",
    },
    Cause {
        reasons: CONNECT,
        when: "NO_PROXY names the host, and a proxy is set",
        applies: |f| possible(is_no_proxy(f), 75),
        text: "`NO_PROXY` names {host}, so the proxy of {proxy_variable} was not used.",
    },
    Cause {
        reasons: &[
            Reason::ConnectionFailed,
            Reason::Timeout,
            Reason::DnsFailure,
        ],
        when: "no proxy is set",
        applies: |f| possible(lacks_proxy(f), 50),
        text: "Your network lets only its proxy out, and `HTTPS_PROXY` is not set.",
    },
    Cause {
        reasons: &[Reason::ConnectionFailed],
        when: "there is a route to the address",
        applies: |f| possible(f.fault().map(|_| !is_offline(f)), 20),
        text: "{host} is down.",
    },
    Cause {
        reasons: &[Reason::Timeout],
        when: "no connection came about",
        applies: |f| possible(fault_is(f, |fault| fault == FaultKind::ConnectTimeout), 70),
        text: "A firewall drops the packets without a word.",
    },
    Cause {
        reasons: &[Reason::Timeout],
        when: "",
        applies: |_| Maybe(40),
        text: "The network or {host} is slow.",
    },
    Cause {
        reasons: &[Reason::MaxTimeReached],
        when: "",
        applies: |_| Maybe(50),
        text: "`--max-time` is shorter than the network needs, or earlier attempts took the time.",
    },
    Cause {
        reasons: &[Reason::MaxTimeReached],
        when: "with --all-apps",
        applies: |f| possible(is_all(f), 60),
        text: "There are more apps than `--max-time` leaves time for.",
    },
    Cause {
        reasons: &[Reason::Interrupted],
        when: "on a person's machine",
        applies: |f| possible(known(f, |known| known.ci.is_none()), 50),
        text: "Ctrl-C was pressed, or the machine was shutting down.",
    },
    Cause {
        reasons: &[Reason::Interrupted],
        when: "on a CI system",
        applies: |f| possible(known(f, |known| known.ci.is_some()), 40),
        text: "The CI system cancelled the build, or its time was over.",
    },
    Cause {
        reasons: &[Reason::TlsFailure],
        when: "an unknown issuer or no root certificates, while the variables for them lead nowhere",
        applies: |f| proved(has_broken_roots(f), 5),
        text: "This machine's root certificates are not read: {roots}.",
    },
    Cause {
        reasons: &[Reason::TlsFailure],
        when: "the same, with --ca-cert",
        applies: |f| match tls_is(f, UNTRUSTED) {
            Some(true) if f.has_ca_cert => Proved,
            Some(_) => No,
            None => Maybe(55),
        },
        text: "The certificate of `--ca-cert` is not the one that signed this: that was {issuer}.",
    },
    Cause {
        reasons: &[Reason::TlsFailure],
        when: "the issuer is unknown here, or the certificate is its own issuer",
        applies: |f| proved(tls_is(f, UNTRUSTED), 60),
        text: "Something on the way inspects encrypted traffic and signs it itself: the certificate was issued by {issuer}.",
    },
    Cause {
        reasons: &[Reason::TlsFailure],
        when: "the machine has no root certificates",
        applies: |f| proved(tls_is(f, &[FaultKind::TlsNoRoots]), 40),
        text: "This machine has no root certificates, as in a bare container.",
    },
    Cause {
        reasons: &[Reason::TlsFailure],
        when: "the certificate has expired",
        applies: |f| proved(tls_is(f, &[FaultKind::TlsExpired]), 30),
        text: "The certificate expired{instead} and was not renewed, or this machine's clock is wrong: it says {now}.",
    },
    Cause {
        reasons: &[Reason::TlsFailure],
        when: "the certificate is not valid yet",
        applies: |f| proved(tls_is(f, &[FaultKind::TlsNotYetValid]), 29),
        text: "The certificate is not valid{instead}, so this machine's clock is probably wrong: it says {now}.",
    },
    Cause {
        reasons: &[Reason::TlsFailure],
        when: "the certificate is for another host",
        applies: |f| proved(tls_is(f, &[FaultKind::TlsWrongName]), 25),
        text: "{host} leads to another server here: its certificate is {certificate}.",
    },
    Cause {
        reasons: &[Reason::TlsFailure],
        when: "what answered does not speak TLS, or not a version from 1.2 on, or asks for a client certificate",
        applies: |f| {
            proved(
                tls_is(
                    f,
                    &[
                        FaultKind::TlsNotSpoken,
                        FaultKind::TlsNoCommonProtocol,
                        FaultKind::TlsClientCertificateWanted,
                    ],
                ),
                20,
            )
        },
        text: "A gateway or a sign-in page on the way answers in Bitrise's place.",
    },
    Cause {
        reasons: &[Reason::TlsFailure],
        when: "any other fault of TLS",
        applies: |f| {
            proved(
                tls_is(f, &[FaultKind::TlsBadCertificate, FaultKind::TlsFailed]),
                10,
            )
        },
        text: "The certificate or the handshake is faulty, as of a gateway on the way.",
    },
    Cause {
        reasons: &[Reason::ProxyFailure],
        when: "407, with a scheme that this program speaks, and no user was sent",
        applies: |f| proved(asks_password(f, false), 60),
        text: "The proxy wants a user and a password, and {proxy_variable} has none.",
    },
    Cause {
        reasons: &[Reason::ProxyFailure],
        when: "407, although a user and a password were sent",
        applies: |f| proved(asks_password(f, true), 50),
        text: "The proxy refuses the user and password of {proxy_variable}.",
    },
    Cause {
        reasons: &[Reason::ProxyFailure],
        when: "407, with schemes that this program does not speak",
        applies: |f| proved(wants_other_scheme(f), 40),
        text: "The proxy offers only {schemes}, and this program speaks Basic.",
    },
    Cause {
        reasons: &[Reason::ProxyFailure],
        when: "the proxy answered 4xx, or refused as a SOCKS proxy",
        applies: |f| possible(proxy_refused(f, false), 45),
        text: "The proxy does not allow connections to {host}{proxy_answer}.",
    },
    Cause {
        reasons: &[Reason::ProxyFailure],
        when: "the proxy answered 5xx, or refused as a SOCKS proxy",
        applies: |f| possible(proxy_refused(f, true), 35),
        text: "The proxy itself can't reach {host}{proxy_answer}.",
    },
    Cause {
        reasons: &[Reason::ProxyFailure],
        when: "the proxy's name can't be resolved, or nobody listens there",
        applies: |f| {
            proved(
                proxy_is(f, |fault| {
                    matches!(fault, FaultKind::ProxyDns | FaultKind::ProxyUnreachable)
                }),
                30,
            )
        },
        text: "{proxy_variable} names {proxy}, which is not there, or not reachable without a VPN.",
    },
    Cause {
        reasons: &[Reason::ProxyFailure],
        when: "the proxy's own certificate is not accepted",
        applies: |f| {
            proved(
                proxy_is(f, |fault| matches!(fault, FaultKind::ProxyTls)),
                20,
            )
        },
        text: "The certificate of {proxy} itself is not trusted here; it was issued by {issuer}.",
    },
    Cause {
        reasons: &[Reason::ProxyFailure],
        when: "the proxy does not speak TLS",
        applies: |f| {
            proved(
                proxy_is(f, |fault| matches!(fault, FaultKind::ProxyNotTls)),
                15,
            )
        },
        text: "{proxy_variable} starts with `https://`, but that proxy is an `http://` one.",
    },
    Cause {
        reasons: &[Reason::ProxyFailure],
        when: "the proxy closed the connection, or its response is larger than any real one",
        applies: |f| {
            proved(
                proxy_is(f, |fault| {
                    matches!(
                        fault,
                        FaultKind::ProxyClosed | FaultKind::ProxyHeadersTooLarge
                    )
                }),
                10,
            )
        },
        text: "{proxy_variable} names {proxy}, which is perhaps no proxy, or ends connections to {host}.",
    },
];

#[cfg(test)]
mod tests;

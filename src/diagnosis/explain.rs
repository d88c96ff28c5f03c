//! The pages of `explain`: what a report may say, with the conditions under which it does.

use super::Who;
use super::catalogue::{Action, Cause, entry};
use super::conditions::words;
use super::facts::Facts;
use super::result::who;
use super::sentence::fill;
use crate::text::Text;
use crate::verdict::{Reason, Verdict};

/// What there is to say about one reason.
#[derive(Clone, Debug)]
pub struct Page {
    /// What happened, in one or two sentences.
    pub meaning: &'static str,
    /// Every cause, with the condition under which it applies, in words.
    pub causes: Vec<(Text, String)>,
    /// Every action, with who has to do it and the condition under which it has a point.
    pub actions: Vec<(Text, Who, String)>,
    /// What somebody who helps should ask next.
    pub questions: &'static [String],
    /// Where to read more.
    pub links: &'static [&'static str],
}

/// Returns the page of a reason.
pub fn page(reason: Reason) -> Page {
    let facts = Facts {
        reason: Some(reason),
        ..Facts::default()
    };
    let entry = entry(Some(reason));
    let cause = |cause: &Cause| {
        let text = fill(&cause.sentence.text, &facts).capitalized();
        (text, words(&cause.sentence.conditions))
    };
    let action = |action: &Action| {
        let text = fill(&action.sentence.text, &facts).capitalized();
        let (who, _) = who(action, &facts)?;
        Some((text, who, words(&action.sentence.conditions)))
    };
    Page {
        meaning: &entry.means,
        causes: entry.causes.iter().map(cause).collect(),
        actions: entry.actions.iter().filter_map(action).collect(),
        questions: &entry.questions,
        links: &entry.links,
    }
}

/// Returns what a verdict means, in one sentence.
pub const fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Verified => "DX should accept this token.",
        Verdict::InvalidCredentials => {
            "Bitrise rejected the token, or it can't be a Bitrise token as it stands."
        }
        Verdict::InvalidPermissions => {
            "Bitrise accepts the token, but does not let it read what DX needs."
        }
        Verdict::NoResources => "Bitrise accepts the token, but it has no access to any app.",
        Verdict::Inconclusive => {
            "The question could not be answered. That says nothing against the token."
        }
        Verdict::NotRun => "Nothing was checked.",
    }
}

/// Returns a verdict as a heading.
pub const fn title(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Verified => "Verified",
        Verdict::InvalidCredentials => "Invalid credentials",
        Verdict::InvalidPermissions => "Invalid permissions",
        Verdict::NoResources => "No resources",
        Verdict::Inconclusive => "Inconclusive",
        Verdict::NotRun => "Not run",
    }
}

/// What a status means at one step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StatusLine {
    /// The step, in words.
    pub step: &'static str,
    /// The reason that it leads to, if any.
    pub reason: Option<Reason>,
    /// What it means there.
    pub meaning: &'static str,
}

const LIST: &str = "List apps (GET /apps)";
const PIPELINES: &str = "Read pipelines (GET /apps/{slug}/pipelines)";
const DETAILS: &str = "Read one run (GET /apps/{slug}/pipelines/{id}, with --pipeline-details)";
const ANY: &str = "Any step";

const fn line(step: &'static str, reason: Reason, meaning: &'static str) -> StatusLine {
    StatusLine {
        step,
        reason: Some(reason),
        meaning,
    }
}

/// Returns what a status means at each step, as [`crate::classify`] reads it; nothing if the number
/// is no status.
pub const fn status(status: u16) -> &'static [StatusLine] {
    match status {
        200 => OK,
        401 => UNAUTHORIZED,
        403 => FORBIDDEN,
        404 => NOT_FOUND,
        429 => TOO_MANY,
        300..=399 => REDIRECT,
        408 | 500..=599 => FAILING,
        100..=999 => UNUSUAL,
        _ => &[],
    }
}

const TOO_MANY: &[StatusLine] = &[line(
    ANY,
    Reason::RateLimited,
    "Too many requests; the program waits and retries.",
)];

const REDIRECT: &[StatusLine] = &[line(
    ANY,
    Reason::Redirected,
    "A redirect; it is never followed, since the token must not go to another address.",
)];

const FAILING: &[StatusLine] = &[line(
    ANY,
    Reason::ServerError,
    "Bitrise, or a gateway before it, has an outage; the program retries. This says nothing about \
     the token.",
)];

const UNUSUAL: &[StatusLine] = &[line(
    ANY,
    Reason::UnexpectedStatus,
    "Not in Bitrise's documentation, so it proves nothing.",
)];

const OK: &[StatusLine] = &[
    StatusLine {
        step: LIST,
        reason: None,
        meaning: "Bitrise accepts the token.",
    },
    line(
        LIST,
        Reason::NoApps,
        "With an empty list: the token has no access to any app.",
    ),
    StatusLine {
        step: PIPELINES,
        reason: None,
        meaning: "DX can read the app, also if the list is empty: Bitrise keeps runs for 200 days.",
    },
    StatusLine {
        step: DETAILS,
        reason: None,
        meaning: "DX can read the run.",
    },
    line(
        ANY,
        Reason::Intercepted,
        "With a web page, or nothing, in place of JSON: the response did not come from Bitrise's API.",
    ),
    line(
        ANY,
        Reason::UnexpectedResponse,
        "With JSON of another shape: the response is not what Bitrise's API gives.",
    ),
];

const UNAUTHORIZED: &[StatusLine] = &[
    line(
        LIST,
        Reason::TokenRejected,
        "Bitrise rejects the token. It doesn't say why; usually it expired, was deleted, or was not copied whole.",
    ),
    line(
        PIPELINES,
        Reason::PipelinesDenied,
        "The list of apps is asked for once more. If the token is still accepted, this 401 is about access to this app.",
    ),
    line(
        PIPELINES,
        Reason::TokenRejected,
        "If the list answers 401 by now, too: the token stopped working during the run.",
    ),
    line(
        DETAILS,
        Reason::PipelineDetailsDenied,
        "As for the pipelines: the list of apps is asked for once more.",
    ),
    line(
        ANY,
        Reason::Intercepted,
        "With a web page: somebody else's refusal, not Bitrise's.",
    ),
];

const FORBIDDEN: &[StatusLine] = &[
    line(
        LIST,
        Reason::AppsForbidden,
        "Bitrise accepts the token, but does not let it list apps.",
    ),
    line(
        PIPELINES,
        Reason::PipelinesDenied,
        "Bitrise accepts the token, but does not let it read this app's pipelines.",
    ),
    line(
        PIPELINES,
        Reason::AppNotAccessible,
        "The same, for an app that the token's list does not have.",
    ),
    line(
        DETAILS,
        Reason::PipelineDetailsDenied,
        "Bitrise does not let the token read single runs of this app.",
    ),
    line(
        ANY,
        Reason::RateLimited,
        "With Retry-After, X-RateLimit-Remaining: 0 or “rate limit” in its message: too many requests.",
    ),
    line(
        ANY,
        Reason::Intercepted,
        "With a web page, or without JSON: a firewall or a proxy refuses, not Bitrise.",
    ),
];

const NOT_FOUND: &[StatusLine] = &[
    line(
        LIST,
        Reason::WrongBaseUrl,
        "There is no Bitrise API at the base URL.",
    ),
    line(
        PIPELINES,
        Reason::PipelinesDenied,
        "The token's access leaves out this app: Bitrise answers 404 to hide it.",
    ),
    line(
        PIPELINES,
        Reason::AppNotAccessible,
        "The same, for an app that the token's list does not have: check the slug first.",
    ),
    line(
        DETAILS,
        Reason::PipelineDetailsDenied,
        "Bitrise does not let the token read this run, or it was removed.",
    ),
    line(
        ANY,
        Reason::Intercepted,
        "With a web page: somebody else answers in Bitrise's place.",
    ),
];

/// Returns the codes that there is a page for, apart from the HTTP statuses.
pub fn codes() -> impl Iterator<Item = &'static str> {
    let verdicts = Verdict::ALL.iter().map(|verdict| verdict.as_str());
    verdicts.chain(Reason::ALL.iter().map(|reason| reason.as_str()))
}

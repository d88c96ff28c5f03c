//! The texts for people: one page for each verdict and each reason.
//!
//! `explain` and every format take their words from here, so they can't disagree. What is said
//! of one particular run is in [`story`].
//!
//! Facts: DX's codes, their descriptions and the steps on Bitrise's screens are from DX's Bitrise
//! page; token kinds and roles are from Bitrise's documentation.

pub mod apps;
mod pages;
mod prediction;
pub mod story;
mod way;

pub use prediction::{Prediction, prediction};
pub use way::way;

use crate::verdict::{Reason, Verdict};

/// DX's page on the Bitrise connector.
pub const DX_PAGE: &str = "https://docs.getdx.com/connectors/bitrise/";

/// Holds what there is to say about one reason.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// What happened, in one or two sentences.
    pub meaning: &'static str,
    /// What it usually comes from, the likeliest first.
    pub causes: &'static [&'static str],
    /// What to do, in order.
    pub steps: &'static [&'static str],
    /// What somebody who helps should ask next, the most telling question first.
    pub support: &'static [&'static str],
    /// Where to read more.
    pub links: &'static [&'static str],
}

/// Returns the page of a reason.
pub const fn page(reason: Reason) -> Page {
    match reason {
        Reason::TokenMissing => pages::TOKEN_MISSING,
        Reason::TokenUnreadable => pages::TOKEN_UNREADABLE,
        Reason::TokenInArguments => pages::TOKEN_IN_ARGUMENTS,
        Reason::InvalidOptions => pages::INVALID_OPTIONS,
        Reason::TokenMalformed => pages::TOKEN_MALFORMED,
        Reason::TokenRejected => pages::TOKEN_REJECTED,
        Reason::AppsForbidden => pages::APPS_FORBIDDEN,
        Reason::PipelinesDenied => pages::PIPELINES_DENIED,
        Reason::AppNotAccessible => pages::APP_NOT_ACCESSIBLE,
        Reason::PipelineDetailsDenied => pages::PIPELINE_DETAILS_DENIED,
        Reason::NoApps => pages::NO_APPS,
        Reason::Intercepted => pages::INTERCEPTED,
        Reason::WrongBaseUrl => pages::WRONG_BASE_URL,
        Reason::RateLimited => pages::RATE_LIMITED,
        Reason::ServerError => pages::SERVER_ERROR,
        Reason::Redirected => pages::REDIRECTED,
        Reason::UnexpectedResponse => pages::UNEXPECTED_RESPONSE,
        Reason::UnexpectedStatus => pages::UNEXPECTED_STATUS,
        Reason::DnsFailure => pages::DNS_FAILURE,
        Reason::ConnectionFailed => pages::CONNECTION_FAILED,
        Reason::TlsFailure => pages::TLS_FAILURE,
        Reason::ProxyFailure => pages::PROXY_FAILURE,
        Reason::Timeout => pages::TIMEOUT,
        Reason::MaxTimeReached => pages::MAX_TIME_REACHED,
        Reason::Interrupted => pages::INTERRUPTED,
    }
}

/// Returns the reasons that a verdict usually has, the likeliest first.
const fn likeliest(verdict: Verdict) -> &'static [Reason] {
    match verdict {
        Verdict::Verified => &[],
        Verdict::InvalidCredentials => &[Reason::TokenRejected, Reason::TokenMalformed],
        Verdict::InvalidPermissions => &[Reason::PipelinesDenied, Reason::AppsForbidden],
        Verdict::NoResources => &[Reason::NoApps],
        Verdict::Inconclusive => &[
            Reason::ServerError,
            Reason::ConnectionFailed,
            Reason::Intercepted,
        ],
        Verdict::NotRun => &[Reason::TokenMissing, Reason::InvalidOptions],
    }
}

/// Returns what a verdict usually comes from, the likeliest first: the causes of its likeliest
/// reasons.
pub fn causes(verdict: Verdict) -> Vec<&'static str> {
    let reasons = likeliest(verdict).iter();
    let causes = reasons.flat_map(|reason| page(*reason).causes);
    causes.copied().collect()
}

/// Returns what to do after a verdict, in order: the steps of its likeliest reasons, each where
/// the last of them has it.
pub fn steps(verdict: Verdict) -> Vec<&'static str> {
    if verdict == Verdict::Verified {
        return STEPS_VERIFIED.to_vec();
    }
    let reasons = likeliest(verdict).iter();
    let mut steps: Vec<&str> = Vec::new();
    for step in reasons.flat_map(|reason| page(*reason).steps) {
        steps.retain(|earlier| earlier != step);
        steps.push(step);
    }
    steps
}

/// What somebody who helps should ask where the token is verified and DX still refuses it.
pub const SUPPORT_VERIFIED: &[&str] = &[
    "Which code does DX show, and when? Compare the time with this report's.",
    "Is the token in DX the very one that was checked here? Bitrise shows a token only once, so \
     enter it again.",
    "Does your company limit from where Bitrise may be reached? Then DX's addresses must be let \
     through; this run came from this machine's.",
    "Which apps are missing in DX? Check each with --app SLUG, or all with --all-apps.",
];

/// What to do with a token that is verified (DX's Bitrise page, step 2).
pub const STEPS_VERIFIED: &[&str] = &[
    "In DX, go to the connections page, select + Connection and choose Bitrise.",
    "Enter the same token that was checked here.",
];

/// Returns what a verdict means, in one sentence without a subject that depends on the run.
pub const fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Verified => "DX should accept this token.",
        Verdict::InvalidCredentials => {
            "Bitrise does not accept this token, or it can't be a Bitrise token as it stands."
        }
        Verdict::InvalidPermissions => {
            "Bitrise accepts this token, but does not let it read what DX needs."
        }
        Verdict::NoResources => "Bitrise accepts this token, but it sees no apps.",
        Verdict::Inconclusive => {
            "The question could not be answered: that neither clears the token nor blames it."
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

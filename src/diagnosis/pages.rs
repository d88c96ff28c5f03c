//! What is said of a reason whatever the run: its meaning, questions and links.

use super::pasted;
use crate::verdict::Reason;

/// DX's page on the Bitrise connector.
pub const DX_PAGE: &str = "https://docs.getdx.com/connectors/bitrise/";

const ALLOWLIST: &str = "https://docs.getdx.com/allowlisting-dx/";
const WORKSPACE_TOKEN: &str =
    "https://docs.bitrise.io/en/bitrise-platform/workspaces/workspace-api-token.html";
const AUTHENTICATION: &str =
    "https://docs.bitrise.io/en/bitrise-ci/api/authenticating-with-the-bitrise-api";

/// What is said of a reason whatever the run.
struct Entry {
    reason: Reason,
    meaning: &'static str,
    questions: &'static [&'static str],
    links: &'static [&'static str],
}

fn entry(reason: Reason) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.reason == reason)
}

/// Returns what happened, in one or two sentences.
pub(super) fn meaning(reason: Reason) -> &'static str {
    entry(reason).map_or("", |entry| entry.meaning)
}

/// Returns what somebody who helps should ask next, the most telling question first.
pub(super) fn questions(reason: Option<Reason>) -> &'static [&'static str] {
    reason
        .and_then(entry)
        .map_or(VERIFIED, |entry| entry.questions)
}

/// Returns where to read more.
pub(super) fn links(reason: Option<Reason>) -> &'static [&'static str] {
    reason
        .and_then(entry)
        .map_or(&[DX_PAGE], |entry| entry.links)
}

const VERIFIED: &[&str] = &[
    "Which code does DX show, and when?",
    "Is the token in DX the one that was checked here? Compare the fingerprint, and \
         paste it again.",
    "Does your company limit from where Bitrise may be reached? DX connects from its own \
         addresses.",
    "Which apps are missing in DX?",
];

const ENTRIES: &[Entry] = &[
    Entry {
        reason: Reason::TokenMissing,
        meaning: "No token was given, so no request was sent.",
        questions: &[
            "How does the token get into the run: by BITRISE_TOKEN, by --token-file, or typed?",
            "On CI: is it a pull request from a fork? On Bitrise: is the Secret exposed to pull \
         requests?",
            "On CI: does the name of the secret match the variable that the step sets?",
        ],
        links: &[DX_PAGE],
    },
    Entry {
        reason: Reason::TokenUnreadable,
        meaning: "The token could not be read from where the options say it is, so no request was sent.",
        questions: &[
            "What does ls -l say of the file, run by the same user as this program?",
            "Is the file plain text that holds the token alone? Some editors and shells on \
         Windows write UTF-16.",
        ],
        links: &[DX_PAGE],
    },
    Entry {
        reason: Reason::TokenInArguments,
        meaning: "A token, or something that may be one, was given as an argument. Other users see \
         arguments in the process list, and the shell keeps them in its history, so \
         no request was sent.",
        questions: &[
            "Who else uses the machine, or reads the build log in which the command stands? If \
         anybody: has the token been revoked?",
            "Which tool or script put the token there? It should set BITRISE_TOKEN instead.",
        ],
        links: &[WORKSPACE_TOKEN, DX_PAGE],
    },
    Entry {
        reason: Reason::InvalidOptions,
        meaning: "An option, or a variable that stands for one, has a value that can't be used, or \
         two options exclude each other, so no request was sent.",
        questions: &[
            "What is the whole command line, without the token?",
            "Which of HTTPS_PROXY, ALL_PROXY, NO_PROXY and BITRISE_API_BASE_URL are set, with \
         passwords left out?",
        ],
        links: &[DX_PAGE],
    },
    Entry {
        reason: Reason::TokenMalformed,
        meaning: "The text can't be a Bitrise token as it stands, so it was not sent. DX would send \
         it, and Bitrise would reject it.",
        questions: &[
            "Where was the token copied from, and through which programs did it go: password \
         manager, chat, CI secret?",
            "Was the same text pasted into DX? DX would send it as it is, with the same end.",
            "What are the token's first seven characters? bitwat_ is a workspace token, bitpat_ \
         a personal one; more must not be sent.",
        ],
        links: &[DX_PAGE, AUTHENTICATION],
    },
    Entry {
        reason: Reason::TokenRejected,
        meaning: "Bitrise rejected the token (401). It doesn't say why; usually the token has \
         expired, was deleted, or was not copied whole.",
        questions: &[
            "Is the token still listed under Settings → Security → API tokens, and what is its \
         expiry date?",
            "Is it a workspace API token (bitwat_) or a personal one (bitpat_)? A personal one \
         ends with its owner's account.",
            "When did it last work, and what was changed since?",
            "Does the first curl command that the report gives end in 401 too? If it ends in \
         200, another token got into this run.",
        ],
        links: &[DX_PAGE, WORKSPACE_TOKEN, AUTHENTICATION],
    },
    Entry {
        reason: Reason::AppsForbidden,
        meaning: "Bitrise answered 403 to the list of apps: it accepts the token, but does not let it \
         list apps.",
        questions: &[
            "Which Workspace role and which Product access does the token have? A screenshot of \
         both pages helps.",
            "Does the same token get 403 from another network? Bitrise's specification has no \
         403 here, so a rule on the way is possible.",
            "For Bitrise: the request id, the time and the server's own words; -v shows them.",
        ],
        links: &[DX_PAGE, WORKSPACE_TOKEN, ALLOWLIST],
    },
    Entry {
        reason: Reason::PipelinesDenied,
        meaning: "Bitrise accepts the token, but it has no access to this app's pipelines.",
        questions: &[
            "Which role does the token have for this app, and is Product access given for all \
         apps or for some?",
            "Is it only this app, or others too?",
            "Is the app disabled, just created, or about to be moved?",
            "For Bitrise: the request id, the time and the slug; -v shows them. A 404 is how an \
         app is hidden from a token.",
        ],
        links: &[DX_PAGE, WORKSPACE_TOKEN],
    },
    Entry {
        reason: Reason::AppNotAccessible,
        meaning: "The app is not in the token's list, and Bitrise does not let the token read its \
         pipelines.",
        questions: &[
            "What is the app's address on Bitrise? The slug is its part after /app/.",
            "Which workspace owns the app, and which one was the token created in?",
            "Which apps does the token see?",
        ],
        links: &[DX_PAGE, WORKSPACE_TOKEN],
    },
    Entry {
        reason: Reason::PipelineDetailsDenied,
        meaning: "The token can list the app's pipelines, but not read one of them. DX uses that \
         endpoint to import, not when you connect.",
        questions: &[
            "Which role does the token have for this app? Viewer must be enough for DX.",
            "Is it every run, or this one? Ask for another with the last curl command that the \
         report gives.",
            "For Bitrise: the request id, the time and the slug; -v shows them.",
        ],
        links: &[DX_PAGE, WORKSPACE_TOKEN],
    },
    Entry {
        reason: Reason::NoApps,
        meaning: "Bitrise accepts the token, but it has no access to any app: the list is empty.",
        questions: &[
            "Which workspace was the token created in, and does that workspace have apps?",
            "On Product access: were apps granted, and with a role other than None?",
            "Does the person who created the token see the apps on Bitrise?",
        ],
        links: &[DX_PAGE, WORKSPACE_TOKEN],
    },
    Entry {
        reason: Reason::Intercepted,
        meaning: "The response did not come from Bitrise: it was a web page, or something other than \
         API data. The token was not tested.",
        questions: &[
            "What does the first curl command that the report gives print? The page usually \
         names its product: a portal, a firewall, a proxy.",
            "Is the machine on a guest network or a VPN, and which proxy variables are set?",
            "Does it end the same way from another network?",
            "If it does from everywhere: do your rules limit from where Bitrise is reached? Then \
         DX's addresses need to be let through as well.",
        ],
        links: &[ALLOWLIST, DX_PAGE],
    },
    Entry {
        reason: Reason::WrongBaseUrl,
        meaning: "There is no Bitrise API at the base URL: its list of apps answered 404.",
        questions: &[
            "Is BITRISE_API_BASE_URL set, by a shell profile or a CI configuration perhaps?",
            "Why is another address than https://api.bitrise.io/v0.1 in use? DX uses that one.",
        ],
        links: &[AUTHENTICATION, DX_PAGE],
    },
    Entry {
        reason: Reason::RateLimited,
        meaning: "Rate limit reached (429, or a 403 that says so). The token was not tested; don't \
         change it.",
        questions: &[
            "What else uses this token or leaves from this address: exports, dashboards, other \
         DX connections?",
            "Is it still so after the wait that Bitrise asked for, if it asked for one?",
            "For Bitrise: the request id and the time; -v shows them. Its documentation has no \
         limit for this call.",
        ],
        links: &[DX_PAGE],
    },
    Entry {
        reason: Reason::ServerError,
        meaning: "Bitrise is temporarily unavailable (408 or 5xx, also after retries). The token was \
         not tested; don't change it.",
        questions: &[
            "Does https://status.bitrise.io know of an outage at that time?",
            "Is it so from another network? A gateway of your own may answer with 502, 503 or 504.",
            "For Bitrise: the request id, the time and the status; -v shows them.",
        ],
        links: &[DX_PAGE],
    },
    Entry {
        reason: Reason::Redirected,
        meaning: "The response is a redirect. It was not followed, since the token must not go to \
         another address; Bitrise's API does not redirect.",
        questions: &[
            "Whose is the host that the redirect names: your company's, a network provider's, \
         Bitrise's?",
            "What does the first curl command that the report gives print as its Location header?",
            "Does a browser on this machine show a login page first?",
        ],
        links: &[DX_PAGE],
    },
    Entry {
        reason: Reason::UnexpectedResponse,
        meaning: "The response is not what this endpoint of Bitrise gives: JSON of another shape, or \
         far too much of it.",
        questions: &[
            "What does the last curl command that the report gives print? Take out tokens and \
         build values before you send it.",
            "Is BITRISE_API_BASE_URL set, or does a proxy change responses?",
            "Is this the newest bitrise-dx?",
        ],
        links: &[AUTHENTICATION, DX_PAGE],
    },
    Entry {
        reason: Reason::UnexpectedStatus,
        meaning: "The response has a status that Bitrise's documentation does not have for this \
         endpoint, so it proves nothing.",
        questions: &[
            "What do the headers say that the last curl command of the report prints, Server and \
         Via first?",
            "Does it end the same way from another network?",
            "For Bitrise: the request id, the time and the status; -v shows them.",
        ],
        links: &[DX_PAGE],
    },
    Entry {
        reason: Reason::DnsFailure,
        meaning: "Can't find the host (DNS), so no request was sent.",
        questions: &[
            "Does the machine resolve other public names? Try: nslookup api.bitrise.io",
            "Is a VPN or a proxy needed to reach the outside, and is it on?",
        ],
        links: &[DX_PAGE],
    },
    Entry {
        reason: Reason::ConnectionFailed,
        meaning: "No connection came about, or it broke before the response was complete.",
        questions: &[
            "Does curl -v https://api.bitrise.io/v0.1 connect from the same machine?",
            "Which proxy or firewall is between this machine and the outside, and does its log \
         know the time of this run?",
            "Is it every time, or now and then?",
        ],
        links: &[DX_PAGE],
    },
    Entry {
        reason: Reason::TlsFailure,
        meaning: "No trusted, encrypted connection came about, so the token was not sent.",
        questions: &[
            "Who issued the certificate? Try: openssl s_client -connect api.bitrise.io:443 \
         -servername api.bitrise.io",
            "Does your company inspect encrypted traffic, and who has its root certificate?",
            "What are the machine's date and time?",
        ],
        links: &[DX_PAGE],
    },
    Entry {
        reason: Reason::ProxyFailure,
        meaning: "The proxy could not be reached, or did not open a connection to Bitrise. The token \
         was not sent.",
        questions: &[
            "Which of HTTPS_PROXY, ALL_PROXY and NO_PROXY are set, with passwords left out?",
            "Does curl -v https://api.bitrise.io/v0.1 get through the same proxy?",
            "What does the proxy's log say of the time of this run?",
        ],
        links: &[DX_PAGE],
    },
    Entry {
        reason: Reason::Timeout,
        meaning: "No complete response came within --timeout, also after retries.",
        questions: &[
            "How long does curl -v https://api.bitrise.io/v0.1 take from the same machine, and \
         where does it stop?",
            "Does it end the same way from another network?",
            "Is it every time, or at certain hours?",
        ],
        links: &[DX_PAGE],
    },
    Entry {
        reason: Reason::MaxTimeReached,
        meaning: "The time for the whole run was over before it was decided.",
        questions: &[
            "Which --max-time and --timeout were given, and how many apps were to be checked?",
            "Which requests took the time? -v shows each one's time and attempts.",
        ],
        links: &[DX_PAGE],
    },
    Entry {
        reason: Reason::Interrupted,
        meaning: "A signal ended the run before it was decided. The report says what was known by then.",
        questions: &[
            "Who ended the run: a person, the CI system's time limit, or the machine?",
            "How long did it run, and how many apps were to be checked?",
        ],
        links: &[DX_PAGE],
    },
    Entry {
        reason: Reason::EvidenceIncomplete,
        meaning: pasted::INCOMPLETE,
        questions: pasted::INCOMPLETE_QUESTIONS,
        links: &[DX_PAGE],
    },
    Entry {
        reason: Reason::EvidenceMissing,
        meaning: pasted::MISSING,
        questions: pasted::MISSING_QUESTIONS,
        links: &[DX_PAGE],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_one_entry() {
        for &reason in Reason::ALL {
            let count = { ENTRIES.iter() }
                .filter(|entry| entry.reason == reason)
                .count();
            assert_eq!(count, 1, "{reason:?}");
        }
    }
}

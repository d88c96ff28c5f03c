//! The pages of the reasons.

use super::{DX_PAGE, Page};

const ALLOWLIST: &str = "https://docs.getdx.com/allowlisting-dx/";
const WORKSPACE_TOKEN: &str =
    "https://docs.bitrise.io/en/bitrise-platform/workspaces/workspace-api-token.html";
const AUTHENTICATION: &str =
    "https://docs.bitrise.io/en/bitrise-ci/api/authenticating-with-the-bitrise-api";

const OPEN_TOKENS: &str =
    "On Bitrise, select your workspace, go to Settings → Security and open the API tokens tab.";
const CREATE_TOKEN: &str = "Click + Create token. On Settings, enter a name and set Workspace \
     role to Viewer; on Product access, grant the token the apps that DX is to import; on Save \
     token, copy it.";
const VERIFY_AGAIN: &str = "Run bitrise-dx verify again, then enter the same token in DX.";
const GRANT_ACCESS: &str = "Find the token in the list, and check its role and its access to \
     apps: DX needs the Workspace role Viewer, and Product access to every app that it is to \
     import. If a token's access can't be changed, create a new token with the right access.";
/// The last step where one app was refused; a run that looked at several has no use for it.
pub(super) const SEE_ALL_APPS: &str = "To see which apps are refused, run it with --all-apps.";
const TRY_LATER: &str = "Wait a few minutes and run bitrise-dx verify again. Leave the token as it \
     is: this run found nothing wrong with it.";
const ASK_NETWORK: &str = "Ask whoever runs your network to allow HTTPS to api.bitrise.io, with \
     the Authorization header left as it is.";
const OTHER_NETWORK: &str =
    "To tell your network from Bitrise, run it again from another network, such as a phone's.";

pub(super) const TOKEN_MISSING: Page = Page {
    meaning: "No token was given, so no request was sent.",
    causes: &[
        "The variable BITRISE_TOKEN is not set, or is empty.",
        "On CI: the secret is not handed to this build. Pull requests from forks get no secrets, \
         on GitHub as on Bitrise.",
    ],
    steps: &[
        "On a terminal, run bitrise-dx verify and enter the token when asked; it is not shown.",
        "In a script or on CI, put the token into the environment variable BITRISE_TOKEN from \
         your secret store, or name a file with --token-file.",
        "To see a run without any token, use bitrise-dx verify --sandbox.",
    ],
    support: &[
        "How does the token get into the run: by BITRISE_TOKEN, by --token-file, or typed?",
        "On CI: is it a pull request from a fork? On Bitrise: is the Secret exposed to pull \
         requests?",
        "On CI: does the name of the secret match the variable that the step sets?",
    ],
    links: &[DX_PAGE],
};

pub(super) const TOKEN_UNREADABLE: Page = Page {
    meaning: "The token could not be read from where the options say it is, so no request was \
              sent.",
    causes: &[
        "The path is wrong, or relative to another folder.",
        "The file may not be read by this user, is a folder, or is far larger than a token.",
        "The file is not plain text in UTF-8.",
    ],
    steps: &[
        "Check the path of --token-file, and that it can be read.",
        "Or pass the token on standard input with --token-file -, or in BITRISE_TOKEN.",
    ],
    support: &[
        "What does ls -l say of the file, run by the same user as this program?",
        "Is the file plain text that holds the token alone? Some editors and shells on Windows \
         write UTF-16.",
    ],
    links: &[DX_PAGE],
};

pub(super) const TOKEN_IN_ARGUMENTS: Page = Page {
    meaning: "A token, or something that may be one, was given as an argument. Other users see \
              arguments in the process list, and the shell keeps them in its history, so no \
              request was sent.",
    causes: &[
        "--token was used, as with other programs. This one has no such option, on purpose.",
        "The token stands without an option behind verify.",
    ],
    steps: &[
        "Run bitrise-dx verify alone and enter the token when asked, or set BITRISE_TOKEN, or use \
         --token-file PATH.",
        "If other people use this machine, regard the token as seen: revoke it on Bitrise under \
         Settings → Security → API tokens, and create a new one.",
        "Remove the line from your shell's history.",
    ],
    support: &[
        "Who else uses the machine, or reads the build log in which the command stands? If \
         anybody: has the token been revoked?",
        "Which tool or script put the token there? It should set BITRISE_TOKEN instead.",
    ],
    links: &[WORKSPACE_TOKEN, DX_PAGE],
};

pub(super) const INVALID_OPTIONS: Page = Page {
    meaning: "An option, or a variable that stands for one, has a value that can't be used, or two \
              options exclude each other, so no request was sent.",
    causes: &[
        "An address can't be used: that of --base-url or BITRISE_API_BASE_URL must begin with \
         https:// and hold no user, “?” or “#”; that of a proxy variable such as HTTPS_PROXY must \
         be a proxy's.",
        "Something other than an app's slug was given to --app, or stands in the list of \
         --apps-file.",
        "Options exclude each other: --all-apps, --app and --apps-file choose the apps; --sandbox \
         replaces the token and the address; standard input can be read but once.",
        "A file can't be used: the list of --apps-file or the certificate of --ca-cert can't be \
         read, or the folder of --report can't be written to.",
        "The name of --report does not end in one of the formats' endings.",
        "A token stands where an address or a slug belongs.",
        "--sandbox could not open a port on this machine.",
    ],
    steps: &[
        "Read the message: it says what can't be used, and why.",
        "See bitrise-dx verify --help for what each option takes.",
        "If a token stands where an address or a slug belongs, regard it as seen: revoke it on \
         Bitrise under Settings → Security → API tokens, and create a new one.",
    ],
    support: &[
        "What is the whole command line, without the token?",
        "Which of HTTPS_PROXY, ALL_PROXY, NO_PROXY and BITRISE_API_BASE_URL are set, with \
         passwords left out?",
    ],
    links: &[DX_PAGE],
};

pub(super) const TOKEN_MALFORMED: Page = Page {
    meaning: "The text can't be a Bitrise token as it stands, so it was not sent. DX would send \
              it, and Bitrise would reject it.",
    causes: &[
        "Something was copied along with the token: quotation marks, “Bearer ”, a line break.",
        "A variable was not replaced by its value: the text is its name, such as $BITRISE_TOKEN.",
        "The text is the placeholder from the documentation.",
    ],
    steps: &[
        "Copy the token alone: no quotation marks, no “Bearer ”, no spaces.",
        "On CI, check how the secret gets into BITRISE_TOKEN.",
        "If you no longer have the token, create a new one: on Bitrise, Settings → Security → API \
         tokens → + Create token. Bitrise shows a token only once.",
        VERIFY_AGAIN,
    ],
    support: &[
        "Where was the token copied from, and through which programs did it go: password manager, \
         chat, CI secret?",
        "Was the same text pasted into DX? DX would send it as it is, with the same end.",
        "What are the token's first seven characters? bitwat_ is a workspace token, bitpat_ a \
         personal one; more must not be sent.",
    ],
    links: &[DX_PAGE, AUTHENTICATION],
};

pub(super) const TOKEN_REJECTED: Page = Page {
    meaning: "Bitrise answered 401: the token is wrong, revoked or expired. Bitrise does not say \
              which.",
    causes: &[
        "A part of the token is missing, or another text was copied.",
        "The token has expired: every workspace API token has an expiry date.",
        "The token was deleted or regenerated; or it was a person's, and that account is gone.",
        "It is another kind of credential: a Build API token, an OAuth token or a password is no \
         API token.",
    ],
    steps: &[
        OPEN_TOKENS,
        "Look for the token in the list. If it has expired, regenerate it; if it is not there, \
         create a new one.",
        CREATE_TOKEN,
        VERIFY_AGAIN,
    ],
    support: &[
        "Does the token still stand under Settings → Security → API tokens, and what is its expiry \
         date?",
        "Is it a workspace API token (bitwat_) or a personal one (bitpat_)? A personal one ends \
         with its owner's account.",
        "When did it last work, and what was changed since?",
        "Does the first curl command that the report gives end in 401 too? If it ends in 200, the \
         token got lost on its way into this run.",
    ],
    links: &[DX_PAGE, WORKSPACE_TOKEN, AUTHENTICATION],
};

pub(super) const APPS_FORBIDDEN: Page = Page {
    meaning: "Bitrise answered 403 to the list of apps: it knows the token, but does not let it \
              list apps.",
    causes: &[
        "The token has no role in the workspace, or no access to any product.",
        "A rule of your workspace limits from where or by whom the API may be used.",
    ],
    steps: &[OPEN_TOKENS, GRANT_ACCESS, VERIFY_AGAIN],
    support: &[
        "Which Workspace role and which Product access does the token have? A picture of both \
         pages helps.",
        "Does the same token get 403 from another network? Bitrise's specification has no 403 \
         here, so a rule on the way is possible.",
        "For Bitrise: the request id, the time and the server's own words; -v shows them.",
    ],
    links: &[DX_PAGE, WORKSPACE_TOKEN, ALLOWLIST],
};

pub(super) const PIPELINES_DENIED: Page = Page {
    meaning: "Bitrise accepts the token, but does not let it read the pipelines of this app.",
    causes: &[
        "The token's access to this app is missing or too small.",
        "The app was deleted or moved while this run was under way.",
        "With --app: the slug is wrong, or the app belongs to another workspace.",
    ],
    steps: &[OPEN_TOKENS, GRANT_ACCESS, VERIFY_AGAIN, SEE_ALL_APPS],
    support: &[
        "Which role does the token have for this app, and is Product access given for all apps or \
         for some?",
        "Is it this app alone, or others too? bitrise-dx verify --all-apps tells.",
        "Is the app disabled, just created, or about to be moved?",
        "For Bitrise: the request id, the time and the slug; -v shows them. A 404 is how an app is \
         hidden from a token.",
    ],
    links: &[DX_PAGE, WORKSPACE_TOKEN],
};

pub(super) const APP_NOT_ACCESSIBLE: Page = Page {
    meaning: "The app is not in the token's list, and Bitrise does not let the token read its \
              pipelines.",
    causes: &[
        "The token has no access to this app: its role for the app is None.",
        "The app belongs to another workspace; a workspace token sees one workspace alone.",
        "The slug is wrong: it is the part of the app's address on Bitrise after /app/.",
    ],
    steps: &[
        "Compare the slug with the app's address on Bitrise.",
        OPEN_TOKENS,
        GRANT_ACCESS,
        VERIFY_AGAIN,
    ],
    support: &[
        "What is the app's address on Bitrise? The slug is its part after /app/.",
        "Which workspace owns the app, and which one was the token created in?",
        "Which apps does the token see? Without --app, this program says how many.",
    ],
    links: &[DX_PAGE, WORKSPACE_TOKEN],
};

pub(super) const PIPELINE_DETAILS_DENIED: Page = Page {
    meaning: "The token may list the app's pipelines, but Bitrise does not let it read a single \
              one. DX uses that endpoint too, though not when the connection is added.",
    causes: &[
        "The token's access to this app is too small.",
        "The pipeline run was removed between the two requests.",
    ],
    steps: &[OPEN_TOKENS, GRANT_ACCESS, VERIFY_AGAIN],
    support: &[
        "Which role does the token have for this app? Viewer must be enough for DX.",
        "Is it every run, or this one? Ask for another with the last curl command that the report \
         gives.",
        "For Bitrise: the request id, the time and the slug; -v shows them.",
    ],
    links: &[DX_PAGE, WORKSPACE_TOKEN],
};

pub(super) const NO_APPS: Page = Page {
    meaning: "Bitrise accepts the token, but the list of apps that it sees is empty.",
    causes: &[
        "The token was given no apps on Product access, or the role None for each.",
        "The token belongs to another workspace than the one with the apps.",
        "The workspace has no apps yet.",
    ],
    steps: &[
        "On Bitrise, select the workspace whose apps DX is to import, and see that it has apps.",
        "Go to Settings → Security and open the API tokens tab of that same workspace.",
        GRANT_ACCESS,
        VERIFY_AGAIN,
    ],
    support: &[
        "Which workspace was the token created in, and does that workspace have apps?",
        "On Product access: were apps granted, and with a role other than None?",
        "Does the person who created the token see the apps on Bitrise?",
    ],
    links: &[DX_PAGE, WORKSPACE_TOKEN],
};

pub(super) const INTERCEPTED: Page = Page {
    meaning: "Something answered in Bitrise's place. Bitrise's API answers in JSON; this was a \
              page, or nothing of the kind.",
    causes: &[
        "A captive portal of a guest network, waiting for a login.",
        "A firewall, a filtering proxy or an IP restriction that blocks the request.",
        "The base URL leads to a web site instead of the API.",
    ],
    steps: &[
        "Open any web page in a browser on this machine: if a login page comes, log in.",
        OTHER_NETWORK,
        ASK_NETWORK,
        "If --base-url or BITRISE_API_BASE_URL is set, check it.",
    ],
    support: &[
        "What does the first curl command that the report gives print? The page usually names its \
         product: a portal, a firewall, a proxy.",
        "Is the machine on a guest network or a VPN, and which proxy variables are set?",
        "Does it end the same way from another network?",
        "If it does from everywhere: do your rules limit from where Bitrise is reached? Then DX's \
         addresses need to be let through as well.",
    ],
    links: &[ALLOWLIST, DX_PAGE],
};

pub(super) const WRONG_BASE_URL: Page = Page {
    meaning: "There is no Bitrise API at the base URL: its list of apps answered 404.",
    causes: &[
        "The version is missing: the base URL includes /v0.1.",
        "--base-url or BITRISE_API_BASE_URL names another host.",
    ],
    steps: &[
        "Leave out --base-url and unset BITRISE_API_BASE_URL to use https://api.bitrise.io/v0.1.",
        "If you need another address, give it with its version at the end, and no slash behind it.",
    ],
    support: &[
        "Is BITRISE_API_BASE_URL set, by a shell profile or a CI configuration perhaps?",
        "Why is another address than https://api.bitrise.io/v0.1 in use? DX uses that one.",
    ],
    links: &[AUTHENTICATION, DX_PAGE],
};

pub(super) const RATE_LIMITED: Page = Page {
    meaning: "Bitrise answered 429: too many requests came from this token or this network.",
    causes: &[
        "Other programs use the same token or leave from the same address.",
        "Several runs of this program at once.",
    ],
    steps: &[
        "Wait as long as Bitrise asks for, or a few minutes, and run it again.",
        "If it stays so, give DX a token of its own that nothing else uses.",
    ],
    support: &[
        "What else uses this token or leaves from this address: exports, dashboards, other DX \
         connections?",
        "Is it still so after the wait that Bitrise asked for, if it asked for one?",
        "For Bitrise: the request id and the time; -v shows them. Its documentation has no limit \
         for this call.",
    ],
    links: &[DX_PAGE],
};

pub(super) const SERVER_ERROR: Page = Page {
    meaning: "The server answered with an error of its own, also after further attempts. That \
              says nothing about the token.",
    causes: &[
        "Bitrise has an outage or is being updated.",
        "A gateway on the way is overloaded.",
    ],
    steps: &[
        TRY_LATER,
        "See https://status.bitrise.io for a known outage.",
        OTHER_NETWORK,
    ],
    support: &[
        "Does https://status.bitrise.io know of an outage at that time?",
        "Is it so from another network? A gateway of your own may answer with 502, 503 or 504.",
        "For Bitrise: the request id, the time and the status; -v shows them.",
    ],
    links: &[DX_PAGE],
};

pub(super) const REDIRECTED: Page = Page {
    meaning: "The server answered with a redirect. It was not followed, since the token must not \
              go to another address; Bitrise's API does not redirect.",
    causes: &[
        "A login page of a guest network or of a proxy.",
        "The base URL leads to a web site instead of the API.",
    ],
    steps: &[
        "Open any web page in a browser on this machine: if a login page comes, log in.",
        "If --base-url or BITRISE_API_BASE_URL is set, check it.",
        ASK_NETWORK,
    ],
    support: &[
        "Whose is the host that the redirect names: your company's, a network provider's, \
         Bitrise's?",
        "What does the first curl command that the report gives print as its Location header?",
        "Does a browser on this machine show a login page first?",
    ],
    links: &[DX_PAGE],
};

pub(super) const UNEXPECTED_RESPONSE: Page = Page {
    meaning: "The response is not what this endpoint of Bitrise gives: JSON of another shape, or far \
              too much of it.",
    causes: &[
        "The base URL leads to another service.",
        "Something on the way changed the response.",
        "Bitrise changed its API; version 0.1 carries no promise.",
    ],
    steps: &[
        "If --base-url or BITRISE_API_BASE_URL is set, check it.",
        "Run the curl commands that the report gives, and look at the responses.",
        "If it comes from Bitrise, look for a newer version of bitrise-dx, or report it.",
    ],
    support: &[
        "What does the last curl command that the report gives print? Take out tokens and build \
         values before you send it.",
        "Is BITRISE_API_BASE_URL set, or does a proxy change responses?",
        "Is this the newest bitrise-dx?",
    ],
    links: &[AUTHENTICATION, DX_PAGE],
};

pub(super) const UNEXPECTED_STATUS: Page = Page {
    meaning: "The response has a status that Bitrise's documentation does not have for this \
              endpoint, so it proves nothing.",
    causes: &[
        "Something on the way answered or changed the request.",
        "The base URL leads to another service.",
        "Bitrise changed its API; version 0.1 carries no promise.",
    ],
    steps: &[
        "Run the curl commands that the report gives, and look at the responses.",
        OTHER_NETWORK,
        "If it comes from Bitrise, look for a newer version of bitrise-dx, or report it.",
    ],
    support: &[
        "What do the headers say that the last curl command of the report prints, Server and Via \
         first?",
        "Does it end the same way from another network?",
        "For Bitrise: the request id, the time and the status; -v shows them.",
    ],
    links: &[DX_PAGE],
};

pub(super) const DNS_FAILURE: Page = Page {
    meaning: "The name of Bitrise's host could not be resolved, so no request was sent.",
    causes: &[
        "This machine is offline, or its VPN is down.",
        "Your network lets only its proxy reach the outside, and HTTPS_PROXY is not set.",
        "The host in --base-url or BITRISE_API_BASE_URL is misspelt.",
    ],
    steps: &[
        "Check that this machine is online, and that its VPN is up.",
        "In a network with a proxy, set HTTPS_PROXY to the proxy's address.",
        "If --base-url or BITRISE_API_BASE_URL is set, check it.",
    ],
    support: &[
        "Does the machine resolve other public names? Try: nslookup api.bitrise.io",
        "Is a VPN or a proxy needed to reach the outside, and is it on?",
    ],
    links: &[DX_PAGE],
};

pub(super) const CONNECTION_FAILED: Page = Page {
    meaning: "No connection came about, or it broke before the response was complete.",
    causes: &[
        "A firewall blocks the way: it refuses or resets the connection, often as soon as it reads \
         the host's name in the TLS handshake.",
        "Your network lets only its proxy reach the outside, and HTTPS_PROXY is not set.",
        "The server is down, or the base URL names a port where nobody listens.",
    ],
    steps: &[
        TRY_LATER,
        "In a network with a proxy, set HTTPS_PROXY to the proxy's address.",
        ASK_NETWORK,
    ],
    support: &[
        "Does curl -v https://api.bitrise.io/v0.1 connect from the same machine?",
        "Which proxy or firewall is between this machine and the outside, and does its log know \
         the time of this run?",
        "Is it every time, or now and then?",
    ],
    links: &[DX_PAGE],
};

pub(super) const TLS_FAILURE: Page = Page {
    meaning: "No trusted, encrypted connection came about, so the token was not sent.",
    causes: &[
        "A proxy inspects encrypted traffic and signs it with your company's own authority. The \
         message then names that authority as the issuer, and not a public one.",
        "This machine's root certificates are missing or outdated, as in a bare container.",
        "This machine's clock is wrong, if the certificate has expired or is not valid yet.",
        "Something else answered in Bitrise's place, as a guest network's sign-in page does: the \
         certificate is then for another host name, or self-signed, or there is no TLS at all.",
        "A gateway on the way speaks no TLS version from 1.2 on, or asks for a client certificate.",
    ],
    steps: &[
        "Read the message: it says what is wrong with the certificate, and who issued it.",
        "If your company inspects traffic, get its root certificate as a PEM file and pass it \
         with --ca-cert.",
        "In a container, install the package ca-certificates.",
        "Check this machine's date and time.",
        OTHER_NETWORK,
    ],
    support: &[
        "Who issued the certificate? Try: openssl s_client -connect api.bitrise.io:443 -servername \
         api.bitrise.io",
        "Does your company inspect encrypted traffic, and where is its root certificate to be had?",
        "What are the machine's date and time?",
    ],
    links: &[DX_PAGE],
};

pub(super) const PROXY_FAILURE: Page = Page {
    meaning: "The proxy could not be reached, or did not open a connection to Bitrise. The token \
              was not sent.",
    causes: &[
        "The proxy wants a user and a password.",
        "The proxy does not allow this host.",
        "HTTPS_PROXY or ALL_PROXY names a proxy that is gone, or something that is no proxy.",
        "The proxy itself can't reach the host.",
    ],
    steps: &[
        "Check HTTPS_PROXY and ALL_PROXY; for a user and a password, write \
         http://USER:PASSWORD@HOST:PORT.",
        "If Bitrise can be reached without the proxy, add its host to NO_PROXY.",
        ASK_NETWORK,
    ],
    support: &[
        "Which of HTTPS_PROXY, ALL_PROXY and NO_PROXY are set, with passwords left out?",
        "Does curl -v https://api.bitrise.io/v0.1 get through the same proxy?",
        "What does the proxy's log say of the time of this run?",
    ],
    links: &[DX_PAGE],
};

pub(super) const TIMEOUT: Page = Page {
    meaning: "No complete response came within --timeout, also after further attempts.",
    causes: &[
        "A firewall drops the packets without a word.",
        "The network or Bitrise is slow.",
        "Your network lets only its proxy reach the outside, and HTTPS_PROXY is not set.",
    ],
    steps: &[
        TRY_LATER,
        "Allow more time, as with --timeout 2m.",
        "In a network with a proxy, set HTTPS_PROXY to the proxy's address.",
        ASK_NETWORK,
    ],
    support: &[
        "How long does curl -v https://api.bitrise.io/v0.1 take from the same machine, and where \
         does it stop?",
        "Does it end the same way from another network?",
        "Is it every time, or at certain hours?",
    ],
    links: &[DX_PAGE],
};

pub(super) const MAX_TIME_REACHED: Page = Page {
    meaning: "The time for the whole run was over before it was decided.",
    causes: &[
        "--max-time is shorter than the network needs.",
        "Earlier attempts failed, and waiting between them took the time.",
    ],
    steps: &["Allow more time, as with --max-time 10m.", TRY_LATER],
    support: &[
        "Which --max-time and --timeout were given, and how many apps were to be checked?",
        "Which requests took the time? -v shows each one's time and attempts.",
    ],
    links: &[DX_PAGE],
};

pub(super) const INTERRUPTED: Page = Page {
    meaning: "A signal ended the run before it was decided. What is reported was known by then.",
    causes: &[
        "Ctrl-C was pressed.",
        "The CI system cancelled the build, or its time was over.",
        "The machine was shutting down.",
    ],
    steps: &[
        "Run bitrise-dx verify again, and let it end by itself. Leave the token as it is: this run \
         found nothing wrong with it.",
        "If it takes too long, bound it with --max-time: such a run ends in a report, too.",
    ],
    support: &[
        "Who ended the run: a person, the CI system's time limit, or the machine?",
        "How long did it run, and how many apps were to be checked?",
    ],
    links: &[DX_PAGE],
};

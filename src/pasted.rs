//! What a pasted text shows beyond requests and responses, as plain data.
//!
//! Invariant: no secret is in here, and no sentence.

use crate::check::CheckId;
use crate::exchange::Exchange;
use crate::names::names;
use crate::text::Untrusted;
use crate::token::TokenKind;
use crate::verdict::{Reason, Verdict};

/// What a pasted text shows beyond requests and responses.
#[derive(Clone, Debug, Default)]
pub struct PastedFacts {
    /// The secrets that stand in the text, each once.
    pub secrets: Vec<Secret>,
    /// The shell whose commands the text shows, if it does.
    pub shell: Option<Shell>,
    /// What is wrong with the commands that count, each kind once.
    pub mistakes: Vec<Mistake>,
    /// The responses and faults that were found, in the order of the text, without those that a later try
    /// of the same step replaced; with the step that each is of, if that can be told.
    pub found: Vec<(Option<CheckId>, Exchange)>,
    /// Why the text does not decide, if so.
    pub incomplete: Option<Incomplete>,
    /// What a response of which the step can't be told means as one to the list of apps, and to an app's
    /// pipelines; nothing stands for a success.
    pub meanings: Option<[Option<Reason>; 2]>,
    /// The addresses whose responses would settle what is open, in order.
    pub settled_by: Vec<String>,
    /// What the text says that DX showed.
    pub dx_code: Option<Verdict>,
    /// What came of each of several credentials, if they differ.
    pub outcomes: Vec<Outcome>,
    /// What an older message of the thread says, if that is something else.
    pub older: Option<Option<Reason>>,
    /// The statuses that are only told in sentences, with the step that they are told of.
    pub told: Vec<(Option<CheckId>, u16)>,
}

/// A secret in a text, without the secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Secret {
    /// A Bitrise token: its kind, and its fingerprint if it is long enough.
    Bitrise(TokenKind, Option<String>),
    /// A token of another service, with the service's name and the place where it is revoked.
    Service(&'static str, &'static str),
    /// The user and password of a proxy.
    Proxy,
    /// The user and password of an address, or of a command's option.
    Password,
    /// The cookie of a browser's session, or another session's.
    Session,
}

/// The syntax of the commands that a report shows.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Shell {
    /// `sh` and those like it.
    #[default]
    Posix,
    /// `cmd.exe`.
    Cmd,
    /// `PowerShell`.
    PowerShell,
}

/// What came of one of several credentials.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outcome {
    /// The credential's fingerprint, or the name of the variable that held it.
    pub credential: Untrusted,
    /// The reason for its verdict; nothing if it is verified.
    pub reason: Option<Reason>,
    /// Whether the text says that DX has this one.
    pub is_in_dx: bool,
}

names! {
    /// What in a pasted request is unlike DX's call.
    pub enum Mistake {
        /// `Bearer` in front of the token, which Bitrise takes for a part of it.
        Bearer = "bearer",
        /// Another scheme in front of the token, such as `Basic`.
        Scheme = "scheme",
        /// The token stands in a header of another name.
        OtherHeader = "other_header",
        /// The token was given as user or password (`-u`).
        UserOption = "user_option",
        /// The token stands in the address.
        TokenInQuery = "token_in_query",
        /// The whole request is shown, and no token in it.
        NoToken = "no_token",
        /// The `Authorization` header, or the variable in it, is empty.
        EmptyToken = "empty_token",
        /// The placeholder of the token was left in, or put in its place before pasting.
        TokenPlaceholder = "token_placeholder",
        /// The name of a variable, which nothing replaced.
        TokenVariable = "token_variable",
        /// The placeholder of the app's slug was left in, or the slug is missing.
        SlugPlaceholder = "slug_placeholder",
        /// `http://` instead of `https://`.
        PlainHttp = "plain_http",
        /// Another host than Bitrise's API.
        OtherHost = "other_host",
        /// What answers in tests of programs in place of a server.
        Mock = "mock",
        /// No `/v0.1` in the address.
        NoVersion = "no_version",
        /// Another version than `v0.1`.
        OtherVersion = "other_version",
        /// An endpoint that DX does not use.
        OtherEndpoint = "other_endpoint",
        /// A slash too many in the address.
        ExtraSlash = "extra_slash",
        /// Another method than `GET`.
        Method = "method",
        /// A filter or a page in the query.
        Filter = "filter",
        /// Quotes that the shell does not know, so that the parts were read as addresses: single quotes
        /// in Windows' command prompt, or typographic ones.
        Quotes = "quotes",
        /// `curl` is another command there: Windows PowerShell's own, which takes other options.
        PowerShellAlias = "power_shell_alias",
    }
}

names! {
    /// Why a pasted text does not decide.
    pub enum Incomplete {
        /// The list of apps was read, and the response for an app's pipelines is missing.
        PipelinesMissing = "pipelines_missing",
        /// An app's pipelines were read, and the response for the list of apps is missing.
        AppsMissing = "apps_missing",
        /// It can't be told which step a response is of.
        StepUnknown = "step_unknown",
        /// A 401 for one app, and no later look at the list of apps: the token or the app is refused.
        Unsettled = "unsettled",
        /// A 404 for one app, and no list of apps that was read: the app or the address is refused.
        NotFound = "not_found",
        /// A mistake in the command explains the response.
        Explained = "explained",
        /// The body of a response was hidden by an option or a filter of the command.
        Hidden = "hidden",
        /// A response that is cut, or whose status can neither be seen nor inferred.
        Unreadable = "unreadable",
        /// All that was found is of other endpoints.
        OtherEndpoint = "other_endpoint",
        /// The address and the body contradict each other.
        Contradiction = "contradiction",
        /// Statuses are only told in sentences.
        Told = "told",
        /// Several credentials differ, and the text does not say which one is in DX.
        Credentials = "credentials",
        /// A shell's error, and no response.
        ShellError = "shell_error",
        /// A report of this program stands in the text, and the rest of it says something else.
        OwnReport = "own_report",
        /// The newest message does not decide, and only an older one shows a response.
        OlderMessage = "older_message",
    }
}

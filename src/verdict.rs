//! The verdicts and the reasons for them, as tables.
//!
//! A [`Reason`] has exactly one [`Verdict`], and a [`Verdict`] is the only source of an exit code
//! and of DX's error code, so that a pair that contradicts itself can't be written.
//!
//! Invariant: no prose and no I/O. The texts for people are in [`crate::diagnosis`].

use crate::names::names;

names! {
    /// The result of a run: will DX accept the token?
    ///
    /// DX's three codes are those of its Bitrise page, section "Errors".
    pub enum Verdict {
        /// DX should accept the token.
        Verified = "verified",
        /// Bitrise rejected the token, or it can't be a Bitrise token as it stands.
        InvalidCredentials = "invalid_credentials",
        /// Bitrise accepts the token, but does not let it read what DX needs.
        InvalidPermissions = "invalid_permissions",
        /// Bitrise accepts the token, but it has no access to any app.
        NoResources = "no_resources",
        /// The question could not be answered.
        Inconclusive = "inconclusive",
        /// Nothing was checked.
        NotRun = "not_run",
    }
}

impl Verdict {
    /// Returns the exit code of the process; 2, 3 and 4 mean the same as in DX's own
    /// command-line program (argument, authentication, retry).
    pub const fn exit_code(self) -> u8 {
        self.row().0
    }

    /// Returns the rank by which one verdict beats another where several checks disagree; the
    /// higher rank wins.
    ///
    /// A rejected token decides everything; then one denied app is enough, because that is what
    /// DX would stumble over; and what could not be asked can't overrule what was answered.
    pub const fn rank(self) -> u8 {
        self.row().1
    }

    /// Returns the code that DX shows when the connection is added (DX's Bitrise page, section
    /// "Errors"), or `None` where DX would show none or can't be predicted.
    pub fn dx_error(self) -> Option<&'static str> {
        self.row().2.then_some(self.as_str())
    }

    /// Returns the exit code, the rank, and whether DX has a code of the same name.
    const fn row(self) -> (u8, u8, bool) {
        match self {
            Self::Verified => (0, 0, false),
            Self::InvalidCredentials => (3, 4, true),
            Self::InvalidPermissions => (5, 3, true),
            Self::NoResources => (6, 2, true),
            Self::Inconclusive => (4, 1, false),
            Self::NotRun => (2, 5, false),
        }
    }
}

names! {
    /// The signal that ended a run.
    pub enum Signal {
        /// SIGINT, as Ctrl-C sends it.
        Interrupt = "SIGINT",
        /// SIGTERM, as `kill` and CI systems send it.
        Terminate = "SIGTERM",
    }
}

impl Signal {
    /// Returns the exit code of a process that was ended so: 128 and the signal's number, as
    /// shells report it.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

names! {
    /// Why a run did not end as [`Verdict::Verified`].
    ///
    /// This is the one list of reasons. A variant's name is the wire name in CamelCase.
    ///
    /// ```
    /// use bitrise_dx::verdict::{Reason, Verdict};
    ///
    /// let verdict = Reason::PipelinesDenied.verdict();
    /// assert_eq!(verdict, Verdict::InvalidPermissions);
    /// assert_eq!(verdict.exit_code(), 5);
    /// assert_eq!(verdict.dx_error(), Some("invalid_permissions"));
    /// assert_eq!(Reason::ServerError.verdict().dx_error(), None);
    /// ```
    pub enum Reason {
        /// No token was given.
        TokenMissing = "token_missing",
        /// The token file could not be read.
        TokenUnreadable = "token_unreadable",
        /// The token was given on the command line.
        TokenInArguments = "token_in_arguments",
        /// The options contradict each other, or one has a value that can't be used.
        InvalidOptions = "invalid_options",
        /// The text can't be a Bitrise token as it stands.
        TokenMalformed = "token_malformed",
        /// Bitrise rejected the token: a 401.
        TokenRejected = "token_rejected",
        /// Bitrise refused the list of apps: a 403.
        AppsForbidden = "apps_forbidden",
        /// Bitrise refused the pipelines of an app that the token sees.
        PipelinesDenied = "pipelines_denied",
        /// Bitrise refused the pipelines of an app that is not in the token's list either.
        AppNotAccessible = "app_not_accessible",
        /// Bitrise refused the details of one pipeline run.
        PipelineDetailsDenied = "pipeline_details_denied",
        /// The list of apps is empty.
        NoApps = "no_apps",
        /// The response came from something between this machine and Bitrise.
        Intercepted = "intercepted",
        /// The base URL has no Bitrise API behind it.
        WrongBaseUrl = "wrong_base_url",
        /// The rate limit is reached: a 429.
        RateLimited = "rate_limited",
        /// The server is temporarily unavailable: 408 or 5xx.
        ServerError = "server_error",
        /// The response is a redirect.
        Redirected = "redirected",
        /// The response is JSON of another shape than the API's.
        UnexpectedResponse = "unexpected_response",
        /// The response has a status that this endpoint doesn't use.
        UnexpectedStatus = "unexpected_status",
        /// The host's name could not be resolved.
        DnsFailure = "dns_failure",
        /// No connection, or it broke before the response was complete.
        ConnectionFailed = "connection_failed",
        /// No TLS session could be agreed on, or the certificate is not trusted.
        TlsFailure = "tls_failure",
        /// The proxy could not be reached, or refused to connect onwards.
        ProxyFailure = "proxy_failure",
        /// One attempt took longer than `--timeout`.
        Timeout = "timeout",
        /// The whole run took longer than `--max-time`.
        MaxTimeReached = "max_time_reached",
        /// A signal ended the run before it was decided.
        Interrupted = "interrupted",
        /// The pasted text shows too little, or something that another fault explains.
        EvidenceIncomplete = "evidence_incomplete",
        /// The pasted text shows nothing that a server or a client said.
        EvidenceMissing = "evidence_missing",
    }
}

impl Reason {
    /// Returns the one verdict that this reason leads to.
    pub const fn verdict(self) -> Verdict {
        self.row().0
    }

    /// Tells whether the same run may well end otherwise a little later, with nothing changed.
    pub const fn is_retryable(self) -> bool {
        self.row().1
    }

    /// Returns the verdict, and whether trying again may help.
    const fn row(self) -> (Verdict, bool) {
        use Verdict::{Inconclusive, InvalidCredentials, InvalidPermissions, NoResources, NotRun};
        match self {
            Self::TokenMissing
            | Self::TokenUnreadable
            | Self::TokenInArguments
            | Self::InvalidOptions
            | Self::EvidenceMissing => (NotRun, false),
            Self::TokenMalformed | Self::TokenRejected => (InvalidCredentials, false),
            Self::AppsForbidden
            | Self::PipelinesDenied
            | Self::AppNotAccessible
            | Self::PipelineDetailsDenied => (InvalidPermissions, false),
            Self::NoApps => (NoResources, false),
            Self::Intercepted
            | Self::WrongBaseUrl
            | Self::Redirected
            | Self::UnexpectedResponse
            | Self::UnexpectedStatus
            | Self::TlsFailure
            | Self::EvidenceIncomplete => (Inconclusive, false),
            Self::RateLimited
            | Self::ServerError
            | Self::DnsFailure
            | Self::ConnectionFailed
            | Self::ProxyFailure
            | Self::Timeout
            | Self::MaxTimeReached
            | Self::Interrupted => (Inconclusive, true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    #[test]
    fn names_and_exit_codes_are_unique() {
        let names: BTreeSet<_> = Verdict::ALL.iter().map(|v| v.as_str()).collect();
        let codes: BTreeSet<_> = Verdict::ALL.iter().map(|v| v.exit_code()).collect();
        let ranks: BTreeSet<_> = Verdict::ALL.iter().map(|v| v.rank()).collect();
        assert_eq!(names.len(), Verdict::ALL.len());
        assert_eq!(codes.len(), Verdict::ALL.len());
        assert_eq!(ranks.len(), Verdict::ALL.len());
        let reasons: BTreeSet<_> = Reason::ALL.iter().map(|r| r.as_str()).collect();
        assert_eq!(reasons.len(), Reason::ALL.len());
    }

    #[test]
    fn a_signal_has_an_exit_code_of_its_own() {
        for signal in Signal::ALL {
            let taken = Verdict::ALL
                .iter()
                .any(|v| v.exit_code() == signal.exit_code());
            assert!(!taken && signal.exit_code() > 128, "{}", signal.as_str());
        }
    }

    #[test]
    fn a_name_is_the_variant_in_snake_case() {
        for reason in Reason::ALL {
            let camel: String = reason
                .as_str()
                .split('_')
                .map(|word| word[..1].to_uppercase() + &word[1..])
                .collect();
            assert_eq!(camel, format!("{reason:?}"));
        }
    }

    #[test]
    fn the_tables_are_as_documented() {
        let mut table = String::new();
        for verdict in Verdict::ALL {
            let dx = verdict.dx_error().unwrap_or("-");
            writeln!(
                table,
                "{} exit {} dx {dx}",
                verdict.as_str(),
                verdict.exit_code()
            )
            .unwrap();
            for reason in Reason::ALL.iter().filter(|r| r.verdict() == *verdict) {
                let retry = if reason.is_retryable() {
                    " (retryable)"
                } else {
                    ""
                };
                writeln!(table, "  {}{retry}", reason.as_str()).unwrap();
            }
        }
        insta::assert_snapshot!(table);
    }
}

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
        Verified = "verified" (0, 0, false),
        /// Bitrise rejected the token, or it can't be a Bitrise token as it stands.
        InvalidCredentials = "invalid_credentials" (3, 4, true),
        /// Bitrise accepts the token, but does not let it read what DX needs.
        InvalidPermissions = "invalid_permissions" (5, 3, true),
        /// Bitrise accepts the token, but it has no access to any app.
        NoResources = "no_resources" (6, 2, true),
        /// The question could not be answered.
        Inconclusive = "inconclusive" (4, 1, false),
        /// Nothing was checked.
        NotRun = "not_run" (2, 5, false),
    }

    /// Returns the exit code of the process; 2, 3 and 4 mean the same as in DX's own
    /// command-line program (argument, authentication, retry).
    pub exit_code: u8,
    /// Returns the rank by which one verdict beats another where several checks disagree; the
    /// higher rank wins.
    ///
    /// A rejected token decides everything; then one denied app is enough, because that is what
    /// DX would stumble over; and what could not be asked can't overrule what was answered.
    pub rank: u8,
    /// Tells whether DX has an error code of the same name.
    is_dx_error: bool,
}

impl Verdict {
    /// Returns the code that DX shows when the connection is added (DX's Bitrise page, section
    /// "Errors"), or `None` where DX would show none or can't be predicted.
    pub fn dx_error(self) -> Option<&'static str> {
        self.is_dx_error().then_some(self.as_str())
    }
}

names! {
    /// The signal that ended a run.
    pub enum Signal {
        /// SIGINT, as Ctrl-C sends it.
        Interrupt = "SIGINT" (130),
        /// SIGTERM, as `kill` and CI systems send it.
        Terminate = "SIGTERM" (143),
    }

    /// Returns the exit code of a process that was ended so: 128 and the signal's number, as
    /// shells report it.
    pub exit_code: u8,
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
        TokenMissing = "token_missing" (Verdict::NotRun, false),
        /// The token file could not be read.
        TokenUnreadable = "token_unreadable" (Verdict::NotRun, false),
        /// The token was given on the command line.
        TokenInArguments = "token_in_arguments" (Verdict::NotRun, false),
        /// The options contradict each other, or one has a value that can't be used.
        InvalidOptions = "invalid_options" (Verdict::NotRun, false),
        /// The text can't be a Bitrise token as it stands.
        TokenMalformed = "token_malformed" (Verdict::InvalidCredentials, false),
        /// Bitrise rejected the token: a 401.
        TokenRejected = "token_rejected" (Verdict::InvalidCredentials, false),
        /// Bitrise refused the list of apps: a 403.
        AppsForbidden = "apps_forbidden" (Verdict::InvalidPermissions, false),
        /// Bitrise refused the pipelines of an app that the token sees.
        PipelinesDenied = "pipelines_denied" (Verdict::InvalidPermissions, false),
        /// Bitrise refused the pipelines of an app that is not in the token's list either.
        AppNotAccessible = "app_not_accessible" (Verdict::InvalidPermissions, false),
        /// Bitrise refused the details of one pipeline run.
        PipelineDetailsDenied = "pipeline_details_denied" (Verdict::InvalidPermissions, false),
        /// The list of apps is empty.
        NoApps = "no_apps" (Verdict::NoResources, false),
        /// The response came from something between this machine and Bitrise.
        Intercepted = "intercepted" (Verdict::Inconclusive, false),
        /// The base URL has no Bitrise API behind it.
        WrongBaseUrl = "wrong_base_url" (Verdict::Inconclusive, false),
        /// The rate limit is reached: a 429.
        RateLimited = "rate_limited" (Verdict::Inconclusive, true),
        /// The server is temporarily unavailable: 408 or 5xx.
        ServerError = "server_error" (Verdict::Inconclusive, true),
        /// The response is a redirect.
        Redirected = "redirected" (Verdict::Inconclusive, false),
        /// The response is JSON of another shape than the API's.
        UnexpectedResponse = "unexpected_response" (Verdict::Inconclusive, false),
        /// The response has a status that this endpoint doesn't use.
        UnexpectedStatus = "unexpected_status" (Verdict::Inconclusive, false),
        /// The host's name could not be resolved.
        DnsFailure = "dns_failure" (Verdict::Inconclusive, true),
        /// No connection, or it broke before the response was complete.
        ConnectionFailed = "connection_failed" (Verdict::Inconclusive, true),
        /// No TLS session could be agreed on, or the certificate is not trusted.
        TlsFailure = "tls_failure" (Verdict::Inconclusive, false),
        /// The proxy could not be reached, or refused to connect onwards.
        ProxyFailure = "proxy_failure" (Verdict::Inconclusive, true),
        /// One attempt took longer than `--timeout`.
        Timeout = "timeout" (Verdict::Inconclusive, true),
        /// The whole run took longer than `--max-time`.
        MaxTimeReached = "max_time_reached" (Verdict::Inconclusive, true),
        /// A signal ended the run before it was decided.
        Interrupted = "interrupted" (Verdict::Inconclusive, true),
        /// The pasted text shows too little, or something that another fault explains.
        EvidenceIncomplete = "evidence_incomplete" (Verdict::Inconclusive, false),
        /// The pasted text shows nothing that a server or a client said.
        EvidenceMissing = "evidence_missing" (Verdict::NotRun, false),
    }

    /// Returns the one verdict that this reason leads to.
    pub verdict: Verdict,
    /// Tells whether the same run may well end otherwise a little later, with nothing changed.
    pub is_retryable: bool,
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

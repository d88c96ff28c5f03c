//! The situations that the sandbox can play.
//!
//! Invariant: knows names and summaries only; how a scenario responds is in `server` and `world`.

use crate::names::names;

names! {
    /// What the simulated Bitrise does with every request. They stand in the order in which a
    /// user reads about them.
    #[derive(Default)]
    pub enum Scenario {
        /// Serves several pages of apps, all of them readable.
        #[default]
        Healthy = "healthy" ("several pages of apps, all readable"),
        /// Rejects every token.
        InvalidCredentials = "invalid-credentials" ("every token is rejected"),
        /// Lists apps, and hides the pipelines of each one.
        InvalidPermissions = "invalid-permissions" ("apps are listed, their pipelines can't be read"),
        /// Lists apps, and hides the pipelines of some, but not of the first one.
        PartialPermissions = "partial-permissions" ("the first app is readable, some others aren't"),
        /// Accepts the token and lists no app.
        NoResources = "no-resources" ("the token is accepted, but has no access to any app"),
        /// Answers that there were too many requests, and when to come back.
        RateLimited = "rate-limited" ("too many requests, come back in ten minutes"),
        /// Answers with the error page of a gateway.
        Outage = "outage" ("a gateway answers that the service is unavailable"),
        /// Answers every request with the sign-in page of a guest network.
        CaptivePortal = "captive-portal" ("a guest network's sign-in page answers instead of Bitrise"),
        /// Answers as `Healthy` does, each time two seconds late.
        Slow = "slow" ("as healthy, but each response starts two seconds late"),
    }

    /// Returns one line for `--help`.
    pub summary: &'static str,
}

//! The situations that the sandbox can play.
//!
//! Invariant: knows names and summaries only; how a scenario responds is in `server` and `world`.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// What the simulated Bitrise does with every request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scenario {
    /// Serves several pages of apps, all of them readable.
    Healthy,
    /// Rejects every token.
    InvalidCredentials,
    /// Lists apps, and hides the pipelines of each one.
    InvalidPermissions,
    /// Lists apps, and hides the pipelines of some, but not of the first one.
    PartialPermissions,
    /// Accepts the token and lists no app.
    NoResources,
    /// Answers that there were too many requests, and when to come back.
    RateLimited,
    /// Answers with the error page of a gateway.
    Outage,
    /// Answers every request with the sign-in page of a guest network.
    CaptivePortal,
    /// Answers as `Healthy` does, each time two seconds late.
    Slow,
}

impl Scenario {
    /// Every scenario, in the order in which a user reads about them.
    pub const ALL: &[Self] = &[
        Self::Healthy,
        Self::InvalidCredentials,
        Self::InvalidPermissions,
        Self::PartialPermissions,
        Self::NoResources,
        Self::RateLimited,
        Self::Outage,
        Self::CaptivePortal,
        Self::Slow,
    ];

    /// Returns the name that stands on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::InvalidCredentials => "invalid-credentials",
            Self::InvalidPermissions => "invalid-permissions",
            Self::PartialPermissions => "partial-permissions",
            Self::NoResources => "no-resources",
            Self::RateLimited => "rate-limited",
            Self::Outage => "outage",
            Self::CaptivePortal => "captive-portal",
            Self::Slow => "slow",
        }
    }

    /// Returns one line for `--help`.
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Healthy => "several pages of apps, all readable",
            Self::InvalidCredentials => "every token is rejected",
            Self::InvalidPermissions => "apps are listed, their pipelines can't be read",
            Self::PartialPermissions => "the first app is readable, some others aren't",
            Self::NoResources => "the token is accepted, but has no access to any app",
            Self::RateLimited => "too many requests, come back in ten minutes",
            Self::Outage => "a gateway answers that the service is unavailable",
            Self::CaptivePortal => "a guest network's sign-in page answers instead of Bitrise",
            Self::Slow => "as healthy, but each response starts two seconds late",
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|scenario| scenario.as_str() == name)
            .ok_or(UnknownScenario)
    }
}

/// The error for a text that names no scenario.
///
/// The text itself is not kept: a token that was pasted into the wrong place must not be repeated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UnknownScenario;

impl fmt::Display for UnknownScenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown scenario, expected one of: ")?;
        for (index, scenario) in Scenario::ALL.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{scenario}")?;
        }
        Ok(())
    }
}

impl Error for UnknownScenario {}

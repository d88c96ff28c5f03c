//! The client inside of the test's own process.

use bitrise_dx::api::{RetryPolicy, Roots, Settings};
use bitrise_dx::base_url::BaseUrl;
use bitrise_dx::proxy::Route;
use bitrise_dx::report::{Report, TokenInfo, TokenSource};
use bitrise_dx::token::Token;
use bitrise_dx::token::TokenKind;
use std::time::{Duration, SystemTime};

pub(crate) const TOKEN: &str = "bitwat_client-test-0123";

/// A time that no test is meant to reach.
pub(crate) const AMPLE: Duration = Duration::from_secs(600);

/// Returns the settings of a client that asks once and has time.
pub(crate) fn settings(base_url: &str) -> Settings {
    Settings {
        base_url: BaseUrl::parse(base_url).unwrap(),
        token: Token::parse(TOKEN).unwrap().0,
        timeout: AMPLE,
        max_time: AMPLE,
        retry: RetryPolicy {
            retries: 0,
            base: Duration::ZERO,
            cap: Duration::ZERO,
        },
        route: Route::System,
        roots: Roots::default(),
        on_pause: Box::new(|_| {}),
    }
}

/// Returns the report of a run that starts now, with a workspace's token.
pub(crate) fn started() -> Report {
    let token = TokenInfo {
        kind: Some(TokenKind::Workspace),
        source: Some(TokenSource::File),
        ..TokenInfo::default()
    };
    Report {
        token,
        ..Report::started(SystemTime::now())
    }
}

/// Runs a future to its end.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

//! Reports that no server on this machine can cause.

use bitrise_dx::check::{Check, CheckId, CheckResult};
use bitrise_dx::classify;
use bitrise_dx::exchange::{Exchange, is_bitrise};
use bitrise_dx::report::{Report, Target, TokenInfo, TokenSource};
use bitrise_dx::token::TokenKind;
use std::time::SystemTime;

/// Returns the report of a run that ended with the list of apps.
pub(crate) fn of_list(exchange: Exchange) -> Report {
    assert!(is_bitrise(&exchange.url));
    let target = Target {
        base_url: exchange
            .url
            .split_once("/apps")
            .map(|(base, _)| base.to_owned()),
        ..Target::default()
    };
    let token = TokenInfo {
        kind: Some(TokenKind::Workspace),
        fingerprint: Some("3f9a1c2e".to_owned()),
        source: Some(TokenSource::Environment),
        ..TokenInfo::default()
    };
    let result = match classify::apps(&exchange) {
        Ok(_) => CheckResult::Pass,
        Err(reason) => CheckResult::NotPassed(reason),
    };
    let check = Check {
        exchange: Some(exchange),
        ..Check::new(CheckId::AppsList, result)
    };
    let format = Check::new(CheckId::TokenFormat, CheckResult::Pass);
    Report::started(SystemTime::UNIX_EPOCH, target, token).with_checks(vec![format, check])
}

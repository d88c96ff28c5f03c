//! What must hold for any pasted text, shared by the fuzzer and the tests, which run its seeds.

use bitrise_dx::diagnosis::{Known, diagnose};
use bitrise_dx::evidence::judge;
use bitrise_dx::render;
use bitrise_dx::verdict::Verdict;
use std::time::SystemTime;

/// Judges a text.
///
/// # Panics
/// Panics if it has no verdict, or one that nothing in it carries.
pub(crate) fn judge_text(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let report = judge(&text, None, SystemTime::UNIX_EPOCH);
    let verdict = report.verdict();
    let facts = report.pasted.clone().unwrap();
    let is_decided = matches!(
        verdict,
        Verdict::Verified
            | Verdict::InvalidCredentials
            | Verdict::InvalidPermissions
            | Verdict::NoResources
    );
    assert!(!is_decided || !facts.found.is_empty());
    let diagnosis = diagnose(report, &Known::default());
    let json = render::json(&diagnosis).unwrap();
    serde_json::from_str::<serde_json::Value>(&json).unwrap();
    let markdown = render::markdown(&diagnosis);
    assert!(markdown.chars().all(|c| c == '\n' || !c.is_control()));
}

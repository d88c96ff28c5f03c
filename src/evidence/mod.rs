//! What was pasted into a ticket, read as a careful colleague would who has never seen the tool that
//! printed it, and judged as a run would be.
//!
//! Nothing is known of a tool but its words. A text becomes *plain lines* (`plain`: one decoding,
//! one undressing), these *messages* (`messages`: quotes, mail headers, time), and the signs in
//! them *exchanges* (`read`: addresses, methods, credentials, statuses, headers, bodies, faults).
//! They are judged by replay (`judgement`), each credential by itself, through the functions of
//! [`crate::classify`].
//!
//! What contradicts DX's call protects from false verdicts: `Bearer ` in front of the token makes
//! Bitrise answer 401 to any token, so such a 401 is [`Reason::EvidenceIncomplete`]. So is whatever
//! can't be told for certain; nothing is said to be absent because it was not recognised.
//!
//! Invariant: pure, and bounded by [`MAX_TEXT`]; the time is linear in the text; any text has a
//! report. No secret of the text gets into it.
//!
//! [`Reason::EvidenceIncomplete`]: crate::verdict::Reason::EvidenceIncomplete

mod command;
mod exchanges;
mod judgement;
mod messages;
mod object;
mod plain;
mod read;
mod request;
mod secrets;
mod words;

use crate::check::{Check, CheckId, CheckResult};
use crate::pasted::{Incomplete, PastedFacts};
use crate::report::{EvidenceError, EvidenceKind, Report, Target, TokenInfo};
use crate::verdict::Reason;
use judgement::Judgement;
use regex_lite::Regex;
use secrets::Secrets;
use std::time::SystemTime;

pub use judgement::Assumed;
pub use plain::decode;
pub use secrets::{SANDBOX_TOKEN, without_secrets};

/// The maximum number of bytes of a text.
pub const MAX_TEXT: usize = 1024 * 1024;

/// Judges a pasted text. `assumed` is the step of a response of which the text does not tell it.
pub fn judge(text: &str, assumed: Option<Assumed>, now: SystemTime) -> Report {
    let report = Report {
        evidence: EvidenceKind::Pasted,
        pasted: Some(PastedFacts::default()),
        ..Report::started(now, Target::default(), TokenInfo::default())
    };
    if text.len() > MAX_TEXT {
        return report.not_run(EvidenceError::TooLarge.into());
    }
    if text.trim().is_empty() {
        return report.not_run(EvidenceError::Empty.into());
    }
    let plain = plain::undress(text);
    let secrets = Secrets::find(&plain.text);
    let reading = read::read(&plain);
    Judgement::of(&reading, assumed, &secrets).report(report)
}

/// Returns the JSON report of this program that stands in a text, in a fence, behind a prompt, in any
/// dress, closed if it was cut; and the text without it.
pub fn own_report(text: &str) -> Option<(String, String)> {
    if !text.contains("schema_version") {
        return None;
    }
    judgement::own_report(&plain::undress(text).text)
}

/// Returns what a text means beside a report of this program that says something else: it can't be
/// told which of them holds now.
pub fn disagrees(around: Report) -> Report {
    let open = CheckResult::NotPassed(Reason::EvidenceIncomplete);
    let mut report = Report {
        pasted: around.pasted,
        token: around.token,
        ..Report::started(around.checked_at, around.target, TokenInfo::default())
    };
    report.evidence = EvidenceKind::Pasted;
    if let Some(pasted) = &mut report.pasted {
        pasted.incomplete = Some(Incomplete::OwnReport);
    }
    report.with_checks(vec![Check::new(CheckId::AppsList, open)])
}

/// Makes a regular expression of a pattern that a test has compiled.
fn regex(pattern: &str) -> Regex {
    #[expect(
        clippy::expect_used,
        reason = "the patterns stand in the code, and a test uses them all"
    )]
    Regex::new(pattern).expect("a valid pattern")
}

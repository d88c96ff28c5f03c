//! What was pasted into a ticket, read as a careful colleague would who has never seen the tool that
//! printed it, and judged as a run would be.
//!
//! Nothing is known of a tool but its words. A text becomes *plain lines* (`plain`: one decoding,
//! one undressing), these *messages* (`messages`: quotes, mail headers, time), and the signs in
//! them *exchanges* (`read`: addresses, methods, credentials, statuses, headers, bodies, faults).
//! They are placed (`observed`: of which step, and whether they tell anything there) and judged by
//! replay (`replay`: as a run would have, through [`crate::classify`] and [`crate::report::Assembly`]),
//! for each message and credential (`judgement`).
//!
//! What contradicts DX's call protects from false verdicts: `Bearer ` in front of the token makes
//! Bitrise answer 401 to any token, so such a 401 is [`Reason::EvidenceIncomplete`]. So is whatever
//! can't be told for certain; nothing is said to be absent because it was not recognised.
//!
//! Invariant: pure, and bounded by [`MAX_TEXT`]; the time is linear in the text; any text has a
//! report. No secret of the text gets into it.
//!
//! [`Reason::EvidenceIncomplete`]: crate::verdict::Reason::EvidenceIncomplete

mod body;
mod command;
mod exchanges;
mod judgement;
mod messages;
mod object;
mod observed;
mod plain;
mod read;
mod replay;
mod request;
mod secrets;
mod words;

use crate::check::CheckId;
use crate::pasted::Incomplete;
use crate::report::{AppList, Report, RunOptions};
use crate::text::regex;
use secrets::Secrets;
use serde_json::value::RawValue;
use std::time::SystemTime;

pub use plain::decode;
pub use secrets::{SANDBOX_TOKEN, without_secrets};

/// The maximum number of bytes of a text.
pub const MAX_TEXT: usize = 1024 * 1024;

/// Judges a pasted text. `assumed` is the step of a response of which the text does not tell it.
pub fn judge(text: &str, assumed: Option<CheckId>, now: SystemTime) -> Report {
    let is_too_long = text.len() > MAX_TEXT;
    let plain = plain::undress(if is_too_long { "" } else { text });
    let secrets = Secrets::find(&plain.text);
    let mut reading = read::read(&plain);
    reading.is_too_long |= is_too_long;
    judgement::judge(&reading, assumed, &secrets, now)
}

/// Returns what may be a JSON report of this program that stands in a text, in a fence, behind a
/// prompt, in any dress, closed if it was cut; and the text without it.
pub fn own_report(text: &str) -> Option<(String, String)> {
    const MARK: &str = "\"schema_version\"";
    if !text.contains("schema_version") {
        return None;
    }
    let text = plain::undress(text).text;
    let at = text.find(MARK)?;
    let start = text[..at].rfind('{')?;
    if !text[start + 1..at].trim().is_empty() {
        return None;
    }
    // A report may be large: one that is whole is taken as it stands.
    let mut whole = serde_json::Deserializer::from_str(&text[start..]).into_iter::<&RawValue>();
    let (json, end) = if let Some(Ok(json)) = whole.next() {
        (json.get().to_owned(), json.get().len())
    } else {
        let found = object::read(&text[start..])?;
        (found.value.to_string(), found.end)
    };
    let rest = format!("{}\n{}", &text[..start], &text[start + end..]);
    Some((json, rest))
}

/// Returns what a text means beside a report of this program that says something else: it can't be
/// told which of them holds now.
pub fn disagrees(around: Report) -> Report {
    let around = Report {
        apps: Vec::new(),
        list: AppList::default(),
        options: RunOptions::default(),
        ..around
    };
    judgement::open(around, Incomplete::OwnReport)
}

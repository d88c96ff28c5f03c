//! What was pasted into a ticket, judged as a run would be: text → segments → one exchange a step →
//! the functions of [`crate::classify`] → a [`Report`].
//!
//! The step decides together with the status, so it is looked for: in the body's own shape, in the
//! address that was asked, in words such as “Step 2”, in the order. What a mistake in the command
//! explains says nothing about the token: `Bearer ` in front of it makes Bitrise answer 401 to any
//! token, so such a 401 is [`Reason::EvidenceIncomplete`], and the command without it would settle
//! it. The same holds for what can't be read to its end.
//!
//! Of several tries the last one of each step counts, as DX would ask now.
//!
//! Invariant: pure, and bounded by [`MAX_TEXT`]; any text has a report. No secret of the text gets
//! into it.

mod fault;
mod json;
mod request;
mod secrets;
mod step;
mod transcript;

use crate::report::{EvidenceError, EvidenceKind, PastedFacts, Report, Target, TokenInfo};
use crate::verdict::Reason;
use secrets::Secrets;
use std::time::SystemTime;
use step::Judgement;

pub use secrets::without_secrets;
pub use step::Assumed;

/// The maximum number of bytes of a text.
pub const MAX_TEXT: usize = 1024 * 1024;

/// Judges a pasted text. `assumed` is the step of a response of which the text does not tell it.
pub fn judge(text: &str, assumed: Option<Assumed>, now: SystemTime) -> Report {
    let report = |token| Report {
        evidence: EvidenceKind::Pasted,
        pasted: Some(PastedFacts::default()),
        ..Report::started(now, Target::default(), token)
    };
    if text.len() > MAX_TEXT {
        return report(TokenInfo::default()).not_run(EvidenceError::TooLarge.into());
    }
    if text.trim().is_empty() {
        return report(TokenInfo::default()).not_run(EvidenceError::Empty.into());
    }
    let secrets = Secrets::find(text);
    let segments = transcript::read(text);
    let own_reason = own_reason(text);
    let judgement = Judgement::of(&segments, assumed, &secrets);
    let mut report = judgement.report(report(secrets.token.clone()), own_reason);
    if let Some(facts) = &mut report.pasted {
        facts.holds_token = secrets.holds_token;
        facts.own_reason = own_reason;
    }
    report
}

/// Returns the reason that a report of this program names which was pasted as text: it ends with
/// the command that explains it.
fn own_reason(text: &str) -> Option<Reason> {
    const BEFORE: &str = "bitrise-dx explain ";
    let mut found = text.match_indices(BEFORE).filter_map(|(at, _)| {
        let code = &text[at + BEFORE.len()..];
        let end = code.find(|c: char| !c.is_ascii_lowercase() && c != '_');
        let code = &code[..end.unwrap_or(code.len())];
        Reason::ALL.iter().find(|reason| reason.as_str() == code)
    });
    let first = found.next()?;
    found.all(|other| other == first).then_some(*first)
}

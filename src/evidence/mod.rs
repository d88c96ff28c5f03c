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
mod work;

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

#[cfg(test)]
mod tests {
    use super::*;

    /// What somebody may repeat to keep a program busy, with what stands in front of it.
    const REPEATED: [(&str, &str); 40] = [
        ("", "{"),
        ("", "{}"),
        ("", "{\"a\":"),
        ("", "{\"a\":["),
        ("{\"a\":\"", "x"),
        ("{\"a\":\"", "\\"),
        ("{\n", "\n"),
        ("{\"a\":[", "\n"),
        ("{\"a\":[", "\n{\"a\":"),
        ("", "{\n"),
        ("", "{}\n"),
        ("", "{\"message\":\"Not Found\"}\n"),
        ("", "{\"message\":\"Unauthorized\"}"),
        ("", "`"),
        ("", "```\n"),
        ("", "'"),
        ("", "\""),
        ("curl '", "\n"),
        ("curl \"", "x\n"),
        ("curl ", "\\\n"),
        ("", "curl "),
        ("", "curl -i 'x' && "),
        ("", "curl -i https://api.bitrise.io/v0.1/apps\n"),
        ("", "curl: (6) x\n"),
        ("", "curl: ("),
        ("", "< HTTP/2 200\n"),
        ("", "HTTP/1.1 401\na: b\n\n"),
        ("HTTP/1.1 401\n", "a: b\n"),
        ("", "HTTP/1.1 404\n\nHTTP/1.1 401\n\n"),
        ("", "GET /v0.1/apps/a/pipelines HTTP/1.1\n\n"),
        ("", "> "),
        ("", "<html>"),
        ("<html>", "x\n"),
        ("", "\u{1b}["),
        ("", "\u{1b}]"),
        ("", "bitwat_"),
        ("", "bitwat_a1b2c3d4 "),
        ("", "Authorization: a1b2c3d4\n"),
        ("", "@{slug="),
        ("data \n---\n", "{@{slug=a; title=b}}\n"),
    ];

    #[test]
    fn twice_the_text_is_twice_the_work() {
        for (start, part) in REPEATED {
            let looked_at = |length: usize| {
                let text = start.to_owned() + &part.repeat(length / part.len());
                work::of(|| {
                    judge(&text, None, SystemTime::UNIX_EPOCH);
                })
            };
            // Beyond what is done up to a limit, such as for the first commands of a line.
            let (once, twice) = (looked_at(16 * 1024), looked_at(32 * 1024));
            assert!(twice <= once * 5 / 2, "{start:?} {part:?}: {once}, {twice}");
            assert!(once >= 16 * 1024 / part.len(), "{part:?}: not counted");
            assert!(once <= 16 * 1024 * 300, "{start:?} {part:?}: {once}");
        }
    }
}

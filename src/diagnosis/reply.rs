//! The answer to whoever pasted a text: a short mail of the same sentences, spoken to them.
//!
//! Invariant: plain text that survives a mail: no colour, no table, no line that has to be joined.

use super::catalogue::Line;
use super::facts::Facts;
use super::sentence::{fill, said, say, spoken};
use super::{Who, result};
use crate::text::Text;

/// Returns the mail; nothing for a run of this program.
pub(super) fn reply(
    entry: &Line,
    causes: &[&Line],
    actions: &[&Line],
    facts: &Facts,
) -> Option<String> {
    if !facts.is_told {
        return None;
    }
    let facts = Facts {
        is_reply: true,
        ..facts.clone()
    };
    // Each command is a paragraph of its own.
    let plain = |text: &Text| text.to_string().replace("\n    ", "\n\n    ");
    let (result, is_said) = result::result(entry, causes, &facts);
    let mut mail = vec![plain(&result)];
    if let ([cause], false) = (causes, is_said) {
        let cause = fill(&cause.text, &facts).capitalized();
        mail.push(plain(&cause));
    }
    if let Some(dx) = spoken(entry, "dx", &facts) {
        mail.push(format!("DX {}", plain(&dx)));
    }
    mail.extend(said("warning token_in_text", &facts).as_ref().map(plain));
    let texts = result::actions(actions, &facts);
    let mut texts: Vec<String> = texts.iter().map(plain).collect();
    let first = actions.first();
    if let Some((Who::BitriseAdmin | Who::NetworkAdmin, who)) =
        first.and_then(|action| result::who(action, &facts))
    {
        texts[0] = format!("{}: {}", plain(&who.capitalized()), texts[0]);
    }
    match texts.as_slice() {
        [only] => mail.push(only.clone()),
        texts => {
            mail.push("What to do:".to_owned());
            let numbered = texts.iter().zip(1..);
            mail.extend(numbered.map(|(text, number)| format!("{number}. {text}")));
        }
    }
    if !facts.commands.is_empty() {
        mail.push(plain(&say("leave_token_out", &facts)));
    }
    Some(mail.join("\n\n") + "\n")
}

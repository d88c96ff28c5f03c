//! The report as GitHub's workflow commands: annotations on the run and the pull request.
//!
//! Facts: GitHub's documentation of workflow commands; a value's `%`, CR and LF are escaped, and
//! in a property `:` and `,` too, as GitHub's own toolkit does.

use crate::diagnosis::Diagnosis;

/// The most lines of an annotation; GitHub folds longer ones.
const MAX_LINES: usize = 8;

/// Renders a diagnosis as GitHub's workflow commands.
pub fn render(diagnosis: &Diagnosis) -> String {
    let facts = super::facts(diagnosis).into_iter();
    let facts: Vec<String> = facts
        .map(|(name, text)| format!("{name}: {text}"))
        .collect();
    let mut lines = vec![diagnosis.result.to_string()];
    // Beside all else, the first action stands there, and the line of the program as the last one.
    let room = MAX_LINES.saturating_sub(lines.len() + facts.len() + 2);
    let remarks = diagnosis.remarks.iter().take(room);
    lines.extend(remarks.map(ToString::to_string));
    lines.extend(facts);
    let room = MAX_LINES.saturating_sub(lines.len() + 1);
    match diagnosis.actions.as_slice() {
        [action] => lines.push(format!("Do this: {action}")),
        actions => {
            let numbered = (1..).zip(actions).take(room);
            lines.extend(numbered.map(|(number, action)| format!("{number}. {action}")));
        }
    }
    let about = super::about(diagnosis, true).into_iter();
    let about: Vec<String> = about.map(|part| part.to_string()).collect();
    lines.push(about.join(" · "));
    // Whatever makes the step fail is an error.
    let level = if diagnosis.exit_code == 0 {
        "notice"
    } else {
        "error"
    };
    let origin = super::origin(diagnosis);
    let origin = origin.map_or_else(String::new, |origin| format!(" ({origin})"));
    let title = format!("DX connection to Bitrise{origin}");
    let mut out = command(level, &title, &lines.join("\n"));
    for warning in &diagnosis.warnings {
        out += &command("warning", "Bitrise token", &warning.message.to_string());
    }
    out
}

fn command(level: &str, title: &str, message: &str) -> String {
    let escaped = |text: &str| {
        let text = text.replace('%', "%25").replace('\r', "%0D");
        text.replace('\n', "%0A")
    };
    let title = escaped(title).replace(':', "%3A").replace(',', "%2C");
    format!("::{level} title={title}::{}\n", escaped(message))
}

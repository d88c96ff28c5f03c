//! The report in JSON: a diagnosis as it is, with a member in each line as far as people read it.

use crate::diagnosis::Diagnosis;

/// What stands before the deepest value that has lines of its own: a member of a check.
const MEMBER: &str = "\n      ";

/// Renders a diagnosis as one JSON document. What is nested deeply, such as one of thousands of apps,
/// stands in one line.
///
/// # Errors
/// Returns the serialiser's error; no diagnosis is known to cause one.
pub fn render(diagnosis: &Diagnosis) -> serde_json::Result<String> {
    let laid_out = serde_json::to_string_pretty(diagnosis)?;
    let mut parts = laid_out.split(MEMBER);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text += match part.starts_with([' ', ']', '}']) {
            false => MEMBER,
            true if text.ends_with(',') => " ",
            true => "",
        };
        text += part.trim_start_matches(' ');
    }
    Ok(text + "\n")
}

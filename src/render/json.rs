//! The report in JSON: a diagnosis as it is, with a member in each line as far as people read it.

use crate::diagnosis::Diagnosis;

/// How deep the last value is that has lines of its own: a member of a check.
const MAX_DEPTH: usize = 3;

/// Renders a diagnosis as one JSON document. What is nested deeply, such as one of thousands of apps,
/// stands in one line.
///
/// # Errors
/// Returns the serialiser's error; no diagnosis is known to cause one.
pub fn render(diagnosis: &Diagnosis) -> serde_json::Result<String> {
    let pretty = serde_json::to_string_pretty(diagnosis)?;
    let mut text = String::with_capacity(pretty.len() / 2);
    for line in pretty.lines() {
        let inner = line.trim_start();
        let is_end = inner.starts_with([']', '}']);
        let depth = (line.len() - inner.len()) / 2 + usize::from(is_end);
        if depth <= MAX_DEPTH {
            text.push_str(if text.is_empty() { "" } else { "\n" });
            text.push_str(line);
        } else {
            text.push_str(if text.ends_with(',') { " " } else { "" });
            text.push_str(inner);
        }
    }
    text.push('\n');
    Ok(text)
}

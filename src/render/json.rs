//! The report in JSON: a diagnosis as it is, with a member in each line as far as people read it.

use crate::diagnosis::Diagnosis;
use std::io::{self, Write};
use std::mem;

/// What stands before the deepest value that has a line of its own: a member of a check.
const MEMBER: &[u8] = b"\n      ";

/// A document whose deep lines are joined while it is written: laid out as a whole, thousands of apps
/// would be held twice.
struct Joined {
    text: Vec<u8>,
    /// Whether a line has begun that goes on with the one before.
    is_deep: bool,
}

impl Write for Joined {
    /// Takes a part, as the serialiser writes them: a line break, one step of a line's indent, a sign.
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        let is_member = self.text.ends_with(MEMBER);
        self.is_deep |= is_member && matches!(part, b"  " | b"]" | b"}");
        if self.is_deep && part == b"  " {
            return Ok(part.len());
        }
        if mem::take(&mut self.is_deep) {
            self.text.truncate(self.text.len() - MEMBER.len());
            self.text.extend(self.text.ends_with(b",").then_some(b' '));
        }
        self.text.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Renders a diagnosis as one JSON document. What is nested deeply, such as one of thousands of apps,
/// stands in one line.
///
/// # Errors
/// Returns the serialiser's error; no diagnosis is known to cause one.
pub fn render(diagnosis: &Diagnosis) -> serde_json::Result<String> {
    // Room for all at once: what grows step by step leaves holes behind.
    let mut out = Joined {
        text: Vec::with_capacity(400 * diagnosis.apps.items.len()),
        is_deep: false,
    };
    serde_json::to_writer_pretty(&mut out, diagnosis)?;
    let text = String::from_utf8(out.text).map_err(serde::ser::Error::custom)?;
    Ok(text + "\n")
}

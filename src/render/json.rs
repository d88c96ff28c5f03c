//! The report in JSON: a diagnosis as it is, with a member in each line as far as people read it.

use crate::diagnosis::Diagnosis;
use std::io::{self, Write};

/// How deep the last value is that has lines of its own: a member of a check.
const MAX_DEPTH: usize = 3;

/// A document whose deep lines are joined while it is written: laid out as a whole, thousands of apps
/// would be held twice.
#[derive(Default)]
struct Joined {
    text: Vec<u8>,
    line: Vec<u8>,
}

impl Joined {
    fn end_line(&mut self) {
        let inner = self.line.trim_ascii_start();
        let is_end = inner.starts_with(b"]") || inner.starts_with(b"}");
        let depth = (self.line.len() - inner.len()) / 2 + usize::from(is_end);
        if depth <= MAX_DEPTH {
            let line_break: &[u8] = if self.text.is_empty() { b"" } else { b"\n" };
            self.text.extend_from_slice(line_break);
            self.text.extend_from_slice(&self.line);
        } else {
            let space: &[u8] = if self.text.ends_with(b",") { b" " } else { b"" };
            self.text.extend_from_slice(space);
            self.text.extend_from_slice(inner);
        }
        self.line.clear();
    }
}

impl Write for Joined {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut lines = bytes.split(|byte| *byte == b'\n');
        self.line
            .extend_from_slice(lines.next().unwrap_or_default());
        for line in lines {
            self.end_line();
            self.line.extend_from_slice(line);
        }
        Ok(bytes.len())
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
    let mut out = Joined::default();
    serde_json::to_writer_pretty(&mut out, diagnosis)?;
    out.end_line();
    out.text.push(b'\n');
    String::from_utf8(out.text).map_err(serde::ser::Error::custom)
}

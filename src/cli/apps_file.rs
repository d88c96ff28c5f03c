//! The list of apps that `--apps-file` names.

use crate::plan::{AppSlug, PlanError};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The most bytes that are read: room for some 25,000 apps.
const LIMIT: u64 = 1024 * 1024;

/// Tells whether a path stands for standard input.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

/// Reads the list from a file, or from standard input for `-`.
///
/// # Errors
/// Returns a [`PlanError`] where the list can't be read, is too long, or holds something else than
/// slugs.
pub(super) fn read(path: &Path) -> Result<Vec<AppSlug>, PlanError> {
    let text = if is_standard_input(path) {
        bounded(io::stdin().lock())
    } else {
        File::open(path).and_then(bounded)
    };
    let text = text.map_err(|error| PlanError::AppsFileUnreadable(error.kind()))?;
    AppSlug::parse_list(&text)
}

fn bounded(source: impl Read) -> io::Result<String> {
    let mut text = String::new();
    source.take(LIMIT + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LIMIT {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_list_is_not_read_to_its_end() {
        let error = bounded(io::repeat(b'x')).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}

//! Writing: standard output, standard error and report files.

use crate::cli::environment::Environment;
use crate::plan::PlanError;
use crate::render::{Detail, Style};
use anstream::AutoStream;
use anyhow::Context as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// The width of text that is not for a terminal, and the largest on one: longer lines are hard
/// to read.
const WIDTH: usize = 100;

/// Returns how text on standard output is to look.
pub(super) fn style(environment: &Environment, detail: Detail) -> Style {
    let stdout = io::stdout();
    let terminal = stdout
        .is_terminal()
        .then(terminal_size::terminal_size)
        .flatten();
    let width = terminal.map_or(WIDTH, |(width, _)| usize::from(width.0).clamp(40, WIDTH));
    let color = AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
    Style {
        color,
        unicode: environment.is_utf8,
        width,
        detail,
    }
}

/// Prints to standard output. A reader that has gone away, as `head` does, is no error.
///
/// # Errors
/// Returns an error where the text could not be written.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("the report could not be written to standard output")
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Prints to standard error. Where that fails, there is nobody left to tell.
pub(super) fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Replaces the message of a panic by one that shows no values, and ends with exit code 1.
pub(super) fn install_panic_message() {
    std::panic::set_hook(Box::new(|info| {
        let place = info
            .location()
            .map_or_else(String::new, |place| format!(" at {place}"));
        complain(&format!(
            "error: this is a bug in bitrise-dx{place}; please report it\n"
        ));
        #[expect(clippy::exit, reason = "a bug has exit code 1, not that of an abort")]
        std::process::exit(1);
    }));
}

/// Holds a report file while it is being made: a new file beside its target, readable by its
/// owner alone, that takes the target's place when it is complete.
pub(super) struct ReportFile {
    target: PathBuf,
    draft: NamedTempFile,
}

impl ReportFile {
    /// Opens the file before the run, so that a wrong path costs nothing.
    ///
    /// # Errors
    /// Returns a [`PlanError`] where the name has no known ending, or the folder can't be written.
    pub(super) fn open(target: &Path) -> Result<Self, PlanError> {
        if !target
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
        {
            return Err(PlanError::ReportFormat(".json"));
        }
        let folder = target
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let draft = NamedTempFile::with_prefix_in(".bitrise-dx-", folder.unwrap_or(Path::new(".")));
        let draft = draft.map_err(|error| PlanError::ReportFolder(error.kind()))?;
        Ok(Self {
            target: target.to_owned(),
            draft,
        })
    }

    /// Writes the report and puts it in its place; a link there is replaced, not followed.
    ///
    /// # Errors
    /// Returns an error where the file could not be written or put in place.
    pub(super) fn write(self, text: &str) -> anyhow::Result<()> {
        let Self { target, mut draft } = self;
        draft
            .write_all(text.as_bytes())
            .and_then(|()| Ok(draft.persist(&target)?))
            .with_context(|| format!("the report {} could not be written", target.display()))?;
        Ok(())
    }
}

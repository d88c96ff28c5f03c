//! Writing: standard output, standard error and report files.

use super::Format;
use super::environment::Environment;
use crate::plan::{self, NotRun};
use crate::render::{Detail, Style};
use anstream::AutoStream;
use anyhow::{Context as _, anyhow};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf, is_separator};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;
use textwrap::core::display_width;

/// The width of text that is not for a terminal, and the largest on one: longer lines are hard
/// to read.
const WIDTH: usize = 100;

/// The most apps that a table on standard output names; there may be thousands.
const MAX_APPS: usize = 20;

/// Returns how text on standard output is to look.
pub(super) fn style(environment: &Environment, detail: Detail) -> Style {
    let stdout = io::stdout();
    let terminal = terminal_size::terminal_size_of(&stdout);
    let width = terminal.map_or(WIDTH, |(width, _)| usize::from(width.0).clamp(40, WIDTH));
    Style {
        color: AutoStream::choice(&stdout) != anstream::ColorChoice::Never,
        unicode: environment.is_utf8,
        width,
        detail,
        max_apps: MAX_APPS,
    }
}

/// Prints to standard output. A reader that has gone away, as `head` does, is no error.
///
/// # Errors
/// Returns an error if the text could not be written.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes());
    match written.and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("can't write to standard output"),
    }
}

/// Prints to standard output until a time, as on a pipe that is open and never read.
///
/// # Errors
/// Returns an error if the text could not be written by then.
pub(super) fn print_until(text: String, until: Option<Instant>) -> anyhow::Result<()> {
    let Some(until) = until else {
        return print(&text);
    };
    let (tell, printed) = channel();
    let started = thread::Builder::new().spawn(move || {
        // Nobody may wait any more.
        let _ = tell.send(print(&text));
    });
    started.context("there is no thread left")?;
    let nobody = "can't write to standard output: nobody read it within --max-time";
    let printed = printed.recv_timeout(until.saturating_duration_since(Instant::now()));
    printed.unwrap_or_else(|_| Err(anyhow!(nobody)))
}

/// Prints to standard error. Where that fails, or nobody reads, there is nobody left to tell.
pub(super) fn complain(text: &str) {
    let _ = Lines::start("").sender.send(Line::Stays(text.to_owned()));
}

fn write_error(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// How often what moves does so.
const TICK: Duration = Duration::from_millis(100);

/// The maximum number of characters of a line that moves; most terminals are wider.
const MAX_MOVING: usize = 76;

/// Prints lines to standard error on a thread of its own: if nobody reads them, that must not
/// hold a run up. The last one may be one that moves, for a terminal.
pub(super) struct Lines {
    /// Prints a line in its turn. The thread ends only after it.
    pub(super) sender: Sender<Line>,
    done: Receiver<()>,
}

/// What is printed to standard error.
pub(super) enum Line {
    /// One or more that stay, with their line breaks.
    Stays(String),
    /// One that moves, in place of the one before.
    Moves(String),
}

impl Lines {
    /// Starts the thread. If there is none to be had, the lines are dropped. `ticks` are what turns in
    /// front of a line that moves.
    pub(super) fn start(ticks: &'static str) -> Self {
        let (sender, lines) = channel();
        // Whoever waits for the end sees it by the end of this one.
        let (tell, done) = channel::<()>();
        let print = move || {
            let (_tell, mut ticks) = (tell, ticks.chars().cycle());
            let (mut moving, mut width, mut next) = (None, 0, Instant::now());
            loop {
                let line = match moving {
                    Some(_) => lines.recv_timeout(next.saturating_duration_since(Instant::now())),
                    None => lines.recv().map_err(RecvTimeoutError::from),
                };
                // No sequences for terminals: blanks cover what was there on every one.
                let blank = match width {
                    0 => String::new(),
                    width => format!("\r{:width$}\r", ""),
                };
                match line {
                    Ok(Line::Stays(line)) => write_error(&format!("{blank}{line}")),
                    Ok(Line::Moves(line)) => moving = Some(line),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return write_error(&blank),
                }
                if let Some(line) = moving.as_ref().filter(|_| Instant::now() >= next) {
                    let tick = ticks.next().unwrap_or_default();
                    let line: String = format!("{tick} {line}").chars().take(MAX_MOVING).collect();
                    write_error(&(blank + &line));
                    (width, next) = (display_width(&line), Instant::now() + TICK);
                }
            }
        };
        drop(thread::Builder::new().spawn(print));
        Self { sender, done }
    }
}

impl Drop for Lines {
    /// Waits for the lines, so that they stand before the report, but not for long.
    fn drop(&mut self) {
        const MAX_WAIT: Duration = Duration::from_millis(300);
        // Nothing comes any more from one whose other end is gone.
        self.sender = channel().0;
        let _ = self.done.recv_timeout(MAX_WAIT);
    }
}

/// Replaces the message of a panic by one that shows no values, and ends with exit code 1.
pub(super) fn install_panic_message() {
    std::panic::set_hook(Box::new(|info| {
        let place = info
            .location()
            .map_or_else(String::new, |place| format!(" at {place}"));
        write_error(&format!(
            "error: this is a bug in bitrise-dx{place}; please report it\n"
        ));
        #[expect(clippy::exit, reason = "a bug has exit code 1, not that of an abort")]
        std::process::exit(1);
    }));
}

/// A report file: where it is to be written, and in which format.
pub(super) struct ReportFile {
    target: PathBuf,
    folder: PathBuf,
    /// The format that the file's name asks for.
    pub(super) format: Format,
}

impl ReportFile {
    /// Looks at a report's name and folder before the run, so that a wrong path costs nothing.
    /// Nothing is left behind, whatever ends the run.
    ///
    /// # Errors
    /// Returns so if the name has no known ending, is a folder's or that of an input,
    /// or the folder can't be written to.
    pub(super) fn plan(target: &Path, inputs: &[(&str, Option<&Path>)]) -> Result<Self, NotRun> {
        let refused = |words: String| Err(NotRun::options(words));
        let ending = target.extension().unwrap_or_default();
        let format = match ending.to_ascii_lowercase().to_str() {
            Some("json") => Format::Json,
            Some("md" | "markdown") => Format::Markdown,
            Some("xml") => Format::Junit,
            Some("html" | "htm") => Format::Html,
            _ => {
                let words = "--report tells the format from the file's name, which must end in \
                    .json, .md, .xml (JUnit) or .html";
                return refused(words.to_owned());
            }
        };
        let is_folder = target.symlink_metadata().is_ok_and(|found| found.is_dir());
        if is_folder || target.to_string_lossy().ends_with(is_separator) {
            let words = "--report names a folder; add the name of a file, such as report.html";
            return refused(words.to_owned());
        }
        let same = identity(target);
        let is_same = |input: &Path| same.is_some() && identity(input) == same;
        if let Some((name, _)) = inputs.iter().find(|(_, input)| input.is_some_and(is_same)) {
            return refused(format!(
                "--report names {name}, which the report would replace; choose another name"
            ));
        }
        let folder = target.parent().filter(|folder| *folder != Path::new(""));
        let folder = folder.unwrap_or(Path::new("."));
        // A file without a name, if the system has such: it is gone with its handle.
        if let Err(error) = tempfile::tempfile_in(folder) {
            let (folder, why) = (plan::quoted(folder), plan::words(&error));
            return refused(format!(
                "can't write a file into the folder for --report, {folder}: {why}"
            ));
        }
        Ok(Self {
            target: target.to_owned(),
            folder: folder.to_owned(),
            format,
        })
    }

    /// Writes the report into a new file beside its target, readable by its owner alone, and puts
    /// it in its place; a link there is replaced, not followed.
    ///
    /// # Errors
    /// Returns an error if the file could not be written or put in place.
    pub(super) fn write(&self, text: &str) -> anyhow::Result<()> {
        let write = || {
            let mut draft = NamedTempFile::with_prefix_in(".bitrise-dx-", &self.folder)?;
            draft.write_all(text.as_bytes())?;
            draft.persist(&self.target)?;
            io::Result::Ok(())
        };
        write().map_err(|error| {
            let target = plan::quoted(&self.target);
            anyhow!("can't write the report {target}: {}", plan::words(&error))
        })
    }
}

/// Returns what tells a file from all others, whatever path leads to it; `-` is standard input.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use super::input::STANDARD_INPUT;
    use std::fs::File;
    use std::os::fd::AsFd as _;
    use std::os::unix::fs::MetadataExt as _;
    let found = if path == Path::new(STANDARD_INPUT) {
        File::from(io::stdin().as_fd().try_clone_to_owned().ok()?).metadata()
    } else {
        path.metadata()
    };
    found.ok().map(|found| (found.dev(), found.ino()))
}

/// Returns what tells a file from all others: its path without links, as the file system spells it.
#[cfg(not(unix))]
fn identity(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok()
}

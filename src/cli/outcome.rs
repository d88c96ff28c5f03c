//! What came of a command: a report, written for all its readers.

use super::environment::Environment;
use super::output::{self, ReportFile};
use super::{Format, OutputArgs};
use crate::diagnosis::Diagnosis;
use crate::plan::NotRun;
use crate::render::{self, Detail, Style};
use crate::report::{Report, shown_time};
use crate::verdict::Signal;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Instant, SystemTime};

/// The readers of a report.
pub(super) struct Readers {
    /// The format on standard output; nothing is printed without one.
    pub(super) format: Option<Format>,
    /// How that looks.
    pub(super) style: Style,
    /// The files of `--report`.
    files: Vec<ReportFile>,
    /// Until when standard output may keep the process waiting; nothing for any time.
    pub(super) until: Option<Instant>,
}

/// The exit code if a report could not be written.
const UNWRITTEN: u8 = 1;

impl Readers {
    /// Looks at who is to read the report before there is one. `inputs` are the files that the run
    /// reads, with their names for people: none of them is overwritten.
    ///
    /// Returns, beside those that can be served, why the first of the others can't.
    pub(super) fn plan(
        args: &OutputArgs,
        environment: &Environment,
        inputs: &[(&str, Option<&Path>)],
    ) -> (Self, Option<NotRun>) {
        let detail = match (args.quiet, args.verbose) {
            (true, _) => Detail::Quiet,
            (false, true) => Detail::Verbose,
            (false, false) => Detail::Normal,
        };
        let (mut files, mut unusable) = (Vec::new(), None);
        for path in &args.report {
            match ReportFile::plan(path, inputs) {
                Ok(file) => files.push(file),
                Err(error) => unusable = unusable.or(Some(error)),
            }
        }
        let readers = Self {
            format: Some(args.output),
            style: output::style(environment, detail),
            files,
            until: None,
        };
        (readers, unusable)
    }

    /// Writes a diagnosis for each reader, and returns the exit code of the process.
    ///
    /// The files come first: if one of them can't be written, the exit code is 1, and that is what
    /// the others and standard output say.
    ///
    /// # Errors
    /// Returns an error if the report could not be written somewhere.
    pub(super) fn write(&self, mut diagnosis: Diagnosis) -> anyhow::Result<ExitCode> {
        let mut written = self.write_files(&diagnosis);
        if written.is_err() {
            diagnosis.exit_code = UNWRITTEN;
            // The error is known.
            let _ = self.write_files(&diagnosis);
        }
        let printed = match self.format {
            Some(format) => output::print_until(self.rendered(&diagnosis, format)?, self.until),
            None => Ok(()),
        };
        // Whoever sent a signal waits for nothing else.
        let is_stopped = diagnosis.exit_code > 128;
        if printed.is_err() && !is_stopped && diagnosis.exit_code != UNWRITTEN {
            diagnosis.exit_code = UNWRITTEN;
            written = self.write_files(&diagnosis);
        }
        written.and(if is_stopped { Ok(()) } else { printed })?;
        Ok(ExitCode::from(diagnosis.exit_code))
    }

    /// Writes all files that can be written, and returns the first error.
    fn write_files(&self, diagnosis: &Diagnosis) -> anyhow::Result<()> {
        let write = |file: &ReportFile| file.write(&self.rendered(diagnosis, file.format)?);
        let results: Vec<_> = self.files.iter().map(write).collect();
        results.into_iter().collect()
    }

    /// Renders a diagnosis.
    ///
    /// # Errors
    /// Returns the error of a format's library; no diagnosis is known to cause one.
    fn rendered(&self, diagnosis: &Diagnosis, format: Format) -> anyhow::Result<String> {
        Ok(match format {
            Format::Human => render::human(diagnosis, self.style),
            Format::Json => render::json(diagnosis)?,
            Format::Markdown => render::markdown(diagnosis),
            Format::Junit => render::junit(diagnosis)?,
            Format::Github => render::github(diagnosis),
            Format::Html => render::html(diagnosis)?,
            Format::Reply => render::reply(diagnosis),
        })
    }
}

/// Why a run ends before anything is sent.
pub(super) enum Early {
    /// There is no token, or the options can't be used.
    NotRun(NotRun),
    /// A signal came.
    Stopped(Signal),
}

impl From<NotRun> for Early {
    fn from(why: NotRun) -> Self {
        Self::NotRun(why)
    }
}

/// Makes the report of a run that starts now.
pub(super) fn started() -> Report {
    Report::started(shown_time(SystemTime::now()))
}

//! What came of `verify`: a report, written for all its readers.

use super::Format;
use super::output::{self, ReportFile};
use crate::diagnosis::{Diagnosis, Known, diagnose};
use crate::plan::PlanError;
use crate::redact::Redactor;
use crate::render::{self, Detail, Style};
use crate::report::{NotRun, Report, Target, TokenInfo, TokenSource};
use crate::text::escape_unprintable;
use crate::verdict::Signal;
use anyhow::anyhow;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

/// A report, and the redactor of its token if there was one.
pub(super) struct Outcome {
    pub(super) report: Report,
    pub(super) redactor: Option<Redactor>,
    /// What the place shows in which the program runs.
    pub(super) known: Known,
}

/// The readers of a report.
pub(super) struct Readers<'a> {
    /// The format on standard output; nothing is printed without one.
    pub(super) format: Option<Format>,
    /// How that looks.
    pub(super) style: Style,
    /// The files of `--report`.
    pub(super) files: &'a [ReportFile],
    /// Until when standard output may keep the process waiting; nothing for any time.
    pub(super) until: Option<Instant>,
}

impl Outcome {
    /// Writes the report for each reader, and returns the exit code of the process.
    ///
    /// The files come first: if one of them can't be written, the exit code is 1, and that is what
    /// the others and standard output say.
    ///
    /// # Errors
    /// Returns an error if the report could not be written somewhere.
    pub(super) fn write(mut self, readers: &Readers<'_>) -> anyhow::Result<ExitCode> {
        self.clean();
        let style = self.style(readers);
        let Self {
            report,
            redactor,
            known,
        } = self;
        let result = write(&mut diagnose(report, &known), style, readers);
        // A file's name may hold anything, also the token.
        result.map_err(|error| anyhow!(clean_text(redactor.as_ref(), &format!("{error:#}"))))
    }

    /// Returns how the report looks: one line, if a signal came before anything was asked.
    fn style(&self, readers: &Readers<'_>) -> Style {
        let is_early = self.report.interrupted.is_some() && {
            let mut checks = self.report.checks.iter();
            checks.all(|check| check.exchange.is_none())
        };
        let detail = if is_early {
            Detail::Quiet
        } else {
            readers.style.detail
        };
        Style {
            detail,
            ..readers.style
        }
    }

    /// Takes the token out of what came from the options and the environment. Texts from the
    /// network were cleaned when they were read; so no format has to look for the token, nor to
    /// know how it looks when it is escaped.
    fn clean(&mut self) {
        let Some(token) = &self.redactor else {
            return;
        };
        let clean = |text: &mut String| {
            if let Cow::Owned(cleaned) = token.clean(text) {
                *text = cleaned;
            }
        };
        let target = &mut self.report.target;
        let texts = [&mut target.base_url, &mut target.proxy, &mut target.ca_cert];
        texts.into_iter().flatten().for_each(clean);
        let exchanges = self.report.checks.iter_mut();
        let exchanges = exchanges.filter_map(|check| check.exchange.as_mut());
        exchanges.for_each(|exchange| clean(&mut exchange.url));
    }
}

/// Writes a diagnosis for each reader, and returns the exit code of the process. `style` is how it
/// looks on standard output.
///
/// # Errors
/// Returns an error if it could not be written somewhere.
pub(super) fn write(
    diagnosis: &mut Diagnosis,
    style: Style,
    readers: &Readers<'_>,
) -> anyhow::Result<ExitCode> {
    let mut written = write_files(diagnosis, readers);
    let is_stopped = diagnosis.exit_code > 128;
    if written.is_err() {
        diagnosis.exit_code = UNWRITTEN;
        // The error is known.
        let _ = write_files(diagnosis, readers);
    }
    let printed = match readers.format {
        Some(format) => output::print_until(&rendered(diagnosis, format, style)?, readers.until),
        None => Ok(()),
    };
    if printed.is_err() && diagnosis.exit_code != UNWRITTEN {
        if is_stopped {
            // Whoever sent the signal waits for nothing else.
            return Ok(ExitCode::from(diagnosis.exit_code));
        }
        diagnosis.exit_code = UNWRITTEN;
        written = write_files(diagnosis, readers);
    }
    written.and(printed)?;
    Ok(ExitCode::from(diagnosis.exit_code))
}

/// The exit code if a report could not be written.
const UNWRITTEN: u8 = 1;

/// Writes all files that can be written, and returns the first error.
fn write_files(diagnosis: &Diagnosis, readers: &Readers<'_>) -> anyhow::Result<()> {
    let write = |file: &ReportFile| file.write(&rendered(diagnosis, file.format, readers.style)?);
    let results: Vec<_> = readers.files.iter().map(write).collect();
    results.into_iter().collect()
}

/// Returns a text without the token, safe to show.
fn clean_text(redactor: Option<&Redactor>, text: &str) -> String {
    let cleaned = redactor.map(|token| token.clean(text));
    escape_unprintable(cleaned.as_deref().unwrap_or(text))
}

/// Renders a diagnosis.
///
/// # Errors
/// Returns the error of a format's library; no diagnosis is known to cause one.
fn rendered(diagnosis: &Diagnosis, format: Format, style: Style) -> anyhow::Result<String> {
    Ok(match format {
        Format::Human => render::human(diagnosis, style),
        Format::Json => render::json(diagnosis)?,
        Format::Markdown => render::markdown(diagnosis),
        Format::Junit => render::junit(diagnosis)?,
        Format::Github => render::github(diagnosis),
        Format::Html => render::html(diagnosis)?,
        Format::Reply => render::reply(diagnosis),
    })
}

impl From<Report> for Outcome {
    fn from(report: Report) -> Self {
        Self {
            report,
            redactor: None,
            known: Known::default(),
        }
    }
}

/// Why a run ends before anything is sent.
pub(super) enum Early {
    /// There is no token, or the options can't be used.
    NotRun(NotRun),
    /// A signal came.
    Stopped(Signal),
}

impl<E: Into<PlanError>> From<E> for Early {
    fn from(error: E) -> Self {
        Self::NotRun(NotRun::Plan(error.into()))
    }
}

impl Early {
    /// Returns the report of a run that ends so, with what was known by then.
    pub(super) fn report(self, target: Target, source: Option<TokenSource>) -> Report {
        let report = started(target, from(source));
        match self {
            Self::NotRun(why) => report.not_run(why),
            Self::Stopped(signal) => report.interrupted(signal),
        }
    }
}

/// Makes the report of a run that starts now.
pub(super) fn started(target: Target, token: TokenInfo) -> Report {
    Report::started(shown_time(SystemTime::now()), target, token)
}

/// Returns what is known of a token before it was read.
pub(super) fn from(source: Option<TokenSource>) -> TokenInfo {
    TokenInfo {
        source,
        ..TokenInfo::default()
    }
}

/// Returns a time that a report can show: from 1970 on, with a year of four digits.
pub(super) fn shown_time(now: SystemTime) -> SystemTime {
    /// The seconds from 1970 to the end of the year 9999.
    const LAST: Duration = Duration::from_secs(253_402_300_799);
    now.clamp(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + LAST)
}

/// Looks at the names and folders of report files before the run. `inputs` are the files that the
/// run reads, with their names for people: none of them is overwritten.
///
/// # Errors
/// Returns, with those that can be used, why the first of the others can't.
pub(super) fn plan_files(
    paths: &[PathBuf],
    inputs: &[(&str, &Path)],
) -> (Vec<ReportFile>, Option<PlanError>) {
    let (mut files, mut unusable) = (Vec::new(), None);
    for path in paths {
        match ReportFile::plan(path, inputs) {
            Ok(file) => files.push(file),
            Err(error) => unusable = unusable.or(Some(error)),
        }
    }
    (files, unusable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_far_off_is_shown_as_a_date() {
        let second = Duration::from_secs(1);
        let last = shown_time(SystemTime::UNIX_EPOCH + Duration::from_secs(300_000_000_000));
        for (time, shown) in [
            (SystemTime::UNIX_EPOCH - second, "1970-01-01T00:00:00Z"),
            (SystemTime::UNIX_EPOCH + second, "1970-01-01T00:00:01Z"),
            (last, "9999-12-31T23:59:59Z"),
        ] {
            let text = humantime::format_rfc3339_seconds(shown_time(time));
            assert_eq!(text.to_string(), shown);
        }
    }
}

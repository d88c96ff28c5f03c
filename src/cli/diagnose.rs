//! `bitrise-dx diagnose`: a pasted text, or a saved report, shown as a report.
//!
//! Invariant: no token is read and nothing is asked, whatever the environment says.

use super::environment::{Environment, SHELL};
use super::outcome::{Readers, plan_files, write};
use super::{DiagnoseArgs, input, output};
use crate::diagnosis::{self, Diagnosis, Known, diagnose};
use crate::evidence::{self, judge, without_secrets};
use crate::pasted::Secret;
use crate::plan::{FileError, PlanError};
use crate::report::{EvidenceKind, NotRun, Report, Target, TokenInfo};
use crate::token::TokenKind;
use crate::verdict::Verdict;
use serde_json::Value;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

/// The maximum number of bytes that are read, of a report of our own as well. What else is pasted
/// has a limit of its own, [`crate::evidence::MAX_TEXT`].
const MAX_INPUT: u64 = 8 * 1024 * 1024;

/// Reads the text, and writes what it means.
///
/// # Errors
/// Returns an error if the report could not be written.
pub(super) fn run(args: &DiagnoseArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let style = output::style(environment, args.readers.detail(args.verbose));
    let input = args.file.as_deref().unwrap_or(Path::new("-"));
    let inputs = [("the text that is to be read", input)];
    let (files, unusable) = plan_files(&args.readers.report, &inputs);
    let mut diagnosis = match unusable {
        Some(error) => of(not_run(error)),
        None => read(args),
    };
    write(
        &mut diagnosis,
        style,
        &Readers {
            format: Some(args.output),
            style,
            files: &files,
            until: None,
        },
    )
}

fn read(args: &DiagnoseArgs) -> Diagnosis {
    let text = match text(args.file.as_deref()) {
        Ok(text) => text,
        Err(error) => return of(not_run(error)),
    };
    if let Some(report) = saved(&text) {
        return of(report);
    }
    let step = args.step.map(Into::into);
    let Some((own, rest)) = evidence::own_report(&text) else {
        return of(judge(&text, step, SystemTime::now()));
    };
    let around = judge(&rest, step, SystemTime::now());
    of(match saved(&own) {
        Some(mut report)
            if around.verdict() == Verdict::NotRun || around.verdict() == report.verdict() =>
        {
            let secrets = around.pasted.map(|pasted| pasted.secrets);
            hold(&mut report, secrets.unwrap_or_default());
            report
        }
        Some(_) => evidence::disagrees(around),
        None => around,
    })
}

/// Returns a saved report, if the text is one.
fn saved(text: &str) -> Option<Report> {
    diagnosis::read(text)?;
    let (report, holds_token) = saved_without_secrets(text);
    let mut report = diagnosis::read(&report)?;
    if holds_token {
        hold(&mut report, vec![Secret::Bitrise(TokenKind::Unknown, None)]);
    }
    Some(report)
}

/// Notes the secrets that stand in or around a saved report.
fn hold(report: &mut Report, secrets: Vec<Secret>) {
    if !secrets.is_empty() {
        report
            .pasted
            .get_or_insert_default()
            .secrets
            .extend(secrets);
    }
}

/// Returns a saved report without the secrets that somebody may have written into it, and whether a
/// token was among them. What is no JSON is left as it is.
fn saved_without_secrets(text: &str) -> (String, bool) {
    let Ok(mut report) = serde_json::from_str(text.trim_start_matches('\u{feff}')) else {
        return (text.to_owned(), false);
    };
    let holds_token = clean(&mut report);
    (report.to_string(), holds_token)
}

/// Takes the secrets out of each text of a JSON value, and tells whether a token was among them.
fn clean(value: &mut Value) -> bool {
    let any = |values: &mut dyn Iterator<Item = &mut Value>| {
        values.fold(false, |held, value| clean(value) | held)
    };
    match value {
        // The sandbox's token is made up, and its command shows it.
        Value::String(text) if text == crate::sandbox::TOKEN => false,
        Value::String(text) => {
            let (cleaned, held_token) = without_secrets(text);
            *text = cleaned;
            held_token
        }
        Value::Array(values) => any(&mut values.iter_mut()),
        Value::Object(values) => any(&mut values.values_mut()),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Reads a file, or standard input.
fn text(file: Option<&Path>) -> Result<String, PlanError> {
    let path = file.unwrap_or(Path::new("-"));
    let mut bytes = Vec::new();
    let mut read = |source: &mut dyn Read| source.take(MAX_INPUT + 1).read_to_end(&mut bytes);
    let read = if input::is_standard_input(path) {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            output::complain(HOW_TO_PASTE);
        }
        read(&mut stdin.lock())
    } else {
        File::open(path).and_then(|mut file| read(&mut file))
    };
    read.map_err(|error| FileError::new(path, "", &error))?;
    if bytes.len() as u64 > MAX_INPUT {
        return Err(PlanError::Arguments(TOO_LONG.into()));
    }
    Ok(evidence::decode(&bytes))
}

/// What is said of a longer text: nothing is judged from its beginning.
const TOO_LONG: &str = "the text is longer than 8 MiB; paste the two commands and what they printed \
    alone";

/// What a person is told who runs it on a terminal without a file.
const HOW_TO_PASTE: &str = if cfg!(windows) {
    "Paste the curl commands and what they printed, without the token; end with Ctrl-Z and Enter.\n"
} else {
    "Paste the curl commands and what they printed, without the token; end with Ctrl-D.\n"
};

fn not_run(why: impl Into<NotRun>) -> Report {
    let report = Report::started(SystemTime::now(), Target::default(), TokenInfo::default());
    Report {
        evidence: EvidenceKind::Pasted,
        ..report.not_run(why.into())
    }
}

fn of(report: Report) -> Diagnosis {
    let known = Known {
        shell: SHELL,
        ..Known::default()
    };
    diagnose(report, &known)
}

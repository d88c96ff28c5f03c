//! `bitrise-dx diagnose`: a pasted text, or a saved report, shown as a report.
//!
//! Invariant: no token is read and nothing is asked, whatever the environment says.

use super::environment::{Environment, SHELL};
use super::outcome::{Readers, started};
use super::{DiagnoseArgs, input, output};
use crate::check::CheckId;
use crate::diagnosis::{self, Known, diagnose};
use crate::evidence::{self, disagrees, judge, without_secrets};
use crate::pasted::Secret;
use crate::plan::NotRun;
use crate::report::{EvidenceKind, Report, shown_time};
use crate::token::TokenKind;
use crate::verdict::Verdict;
use serde_json::Value;
use std::io::{self, ErrorKind, IsTerminal as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

/// The maximum number of bytes that are read, of a report of our own as well. What else is pasted
/// has a limit of its own, [`crate::evidence::MAX_TEXT`].
const MAX_INPUT: u64 = 8 * 1024 * 1024;

/// The maximum number of bytes of a string in a report of ours.
const MAX_STRING: usize = 64 * 1024;

/// Reads the text, and writes what it means.
///
/// # Errors
/// Returns an error if the report could not be written.
pub(super) fn run(args: &DiagnoseArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let path = args.file.as_path();
    let inputs = [("the text that is to be read", Some(path))];
    let (readers, unusable) = Readers::plan(&args.output, environment, &inputs);
    let text = || {
        if path == Path::new(input::STANDARD_INPUT) && io::stdin().is_terminal() {
            output::complain(HOW_TO_PASTE);
        }
        let mut bytes = input::read(path, MAX_INPUT).map_err(|error| match error.kind() {
            ErrorKind::FileTooLarge => NotRun::options(TOO_LONG),
            _ => NotRun::file(path, "", &error),
        })?;
        Ok(evidence::decode(std::mem::take(&mut *bytes)))
    };
    let report = match unusable.map_or_else(text, Err) {
        Ok(text) => read(&text, args.step),
        Err(error) => Report {
            evidence: EvidenceKind::Pasted,
            not_run: Some(error),
            ..started()
        },
    };
    let known = Known {
        shell: SHELL,
        ..Known::default()
    };
    readers.write(diagnose(report, &known))
}

fn read(text: &str, step: Option<CheckId>) -> Report {
    let now = shown_time(SystemTime::now());
    if let Some(report) = saved(text, Vec::new()) {
        return report;
    }
    if let Some((own, rest)) = evidence::own_report(text) {
        let around = judge(&rest, step, now);
        let secrets = { around.pasted.as_ref() }.map(|pasted| pasted.secrets.clone());
        if let Some(report) = saved(&own, secrets.unwrap_or_default()) {
            let agrees = [Verdict::NotRun, report.verdict()].contains(&around.verdict());
            return if agrees { report } else { disagrees(around) };
        }
    }
    judge(text, step, now)
}

/// Returns a saved report, if the text is one, without the secrets that somebody may have written
/// into it; it notes them, and those that stand around it.
fn saved(text: &str, mut secrets: Vec<Secret>) -> Option<Report> {
    diagnosis::form(text)?;
    let (cleaned, holds_token) = clean(text);
    let mut report = diagnosis::read(&cleaned)?;
    if holds_token {
        secrets.insert(0, Secret::Bitrise(TokenKind::Unknown, None));
    }
    if !secrets.is_empty() {
        let pasted = report.pasted.get_or_insert_default();
        pasted.secrets.extend(secrets);
    }
    Some(report)
}

/// Returns a JSON text without the secrets in its strings, and without strings that are longer than
/// any of ours; and tells whether a token was among them. Each is looked at by itself, since a
/// report may be large.
fn clean(json: &str) -> (String, bool) {
    let mut cleaned = String::with_capacity(json.len());
    let (mut holds_token, mut rest) = (false, json);
    while let Some((before, behind)) = rest.split_once('"') {
        let mut is_escaped = false;
        let is_end = |c: char| {
            let is_end = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            is_end
        };
        let length = behind.find(is_end).unwrap_or_default();
        let string = &rest[before.len()..before.len() + length + 2];
        let text: String = Some(string)
            .filter(|string| string.len() <= MAX_STRING)
            .and_then(|string| serde_json::from_str(string).ok())
            .unwrap_or_default();
        let (text, held_token) = without_secrets(&text);
        holds_token |= held_token;
        cleaned += before;
        cleaned += &Value::from(text).to_string();
        rest = &behind[length + 1..];
    }
    (cleaned + rest, holds_token)
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

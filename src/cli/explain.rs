//! `bitrise-dx explain`.

use super::environment::Environment;
use super::{ExplainArgs, output};
use crate::diagnosis::codes;
use crate::render::{self, Detail};
use crate::verdict::{Reason, Verdict};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Arg, Command, Error};
use std::ffi::OsStr;
use std::process::ExitCode;

/// Reads a code: a verdict, a reason or an HTTP status.
#[derive(Clone)]
pub(super) struct CodeParser;

fn names() -> PossibleValuesParser {
    let value = |name: &'static str| PossibleValue::new(name).alias(name.replace('_', "-"));
    PossibleValuesParser::new(codes().map(value))
}

impl TypedValueParser for CodeParser {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, Error> {
        match value.to_str().filter(|text| status(text).is_some()) {
            Some(text) => Ok(text.to_owned()),
            None => names().parse_ref(command, arg, value),
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let values: Vec<_> = names().possible_values()?.collect();
        Some(Box::new(values.into_iter()))
    }
}

/// Reads an HTTP status.
fn status(text: &str) -> Option<u16> {
    let status = text.parse().ok()?;
    (100..=599).contains(&status).then_some(status)
}

/// Prints the page of a code, or the list of all codes.
///
/// # Errors
/// Returns an error if the text could not be written.
pub(super) fn run(args: &ExplainArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let style = output::style(environment, Detail::Normal);
    let code = args.code.as_deref().unwrap_or_default();
    let code = code.replace('-', "_").to_ascii_lowercase();
    let text = match (Verdict::named(&code), Reason::named(&code), status(&code)) {
        (Some(verdict), ..) => render::explain_verdict(verdict, style),
        (None, Some(reason), _) => render::explain_reason(reason, style),
        (None, None, Some(status)) => render::explain_status(status, style),
        (None, None, None) => render::explain_index(style),
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

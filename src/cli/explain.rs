//! `bitrise-dx explain`.

use super::environment::Environment;
use super::{ExplainArgs, output};
use crate::diagnosis;
use crate::render::{self, Detail};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Arg, Command};
use std::ffi::OsStr;
use std::process::ExitCode;

/// The parser for a code: a verdict, a reason or an HTTP status, which is not offered. Since it is made
/// at each start, the names are only made once they are needed.
#[derive(Clone)]
pub(super) struct Codes;

impl TypedValueParser for Codes {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        let status = value.to_str().and_then(|text| text.parse::<u16>().ok());
        if let Some(status) = status.filter(|status| (100..600).contains(status)) {
            return Ok(status.to_string());
        }
        let named = |name: &'static str| PossibleValue::new(name).alias(name.replace('_', "-"));
        PossibleValuesParser::new(diagnosis::codes().map(named)).parse_ref(command, arg, value)
    }
}

/// Prints the page of a code, or the list of all codes.
///
/// # Errors
/// Returns an error if the text could not be written.
pub(super) fn run(args: &ExplainArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let style = output::style(environment, Detail::Normal);
    let code = args.code.as_deref().unwrap_or_default();
    let code = code.replace('-', "_").to_ascii_lowercase();
    let text = render::explain(&code, style);
    output::print(&text).map(|()| ExitCode::SUCCESS)
}

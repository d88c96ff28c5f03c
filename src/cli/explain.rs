//! `bitrise-dx explain`.

use super::environment::Environment;
use super::{ExplainArgs, output};
use crate::diagnosis;
use crate::render::{self, Detail};
use crate::verdict::{Reason, Verdict};
use clap::builder::{PossibleValue, PossibleValuesParser};
use std::process::ExitCode;

/// Returns the parser for a code: a verdict, a reason or an HTTP status, which need not be offered.
pub(super) fn codes() -> PossibleValuesParser {
    let named = |name: &'static str| PossibleValue::new(name).alias(name.replace('_', "-"));
    let status = |status: u16| PossibleValue::new(status.to_string()).hide(true);
    PossibleValuesParser::new(diagnosis::codes().map(named).chain((100..600).map(status)))
}

/// Prints the page of a code, or the list of all codes.
///
/// # Errors
/// Returns an error if the text could not be written.
pub(super) fn run(args: &ExplainArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let style = output::style(environment, Detail::Normal);
    let code = args.code.as_deref().unwrap_or_default();
    let code = code.replace('-', "_").to_ascii_lowercase();
    let text = match (Verdict::named(&code), Reason::named(&code), code.parse()) {
        (Some(verdict), ..) => render::explain_verdict(verdict, style),
        (None, Some(reason), _) => render::explain_reason(reason, style),
        (None, None, Ok(status)) => render::explain_status(status, style),
        (None, None, Err(_)) => render::explain_index(style),
    };
    output::print(&text).map(|()| ExitCode::SUCCESS)
}

//! `bitrise-dx explain`.

use super::environment::Environment;
use super::{ExplainArgs, output};
use crate::render::{self, Detail};
use crate::verdict::{Reason, Verdict};
use clap::builder::{PossibleValue, PossibleValuesParser};
use std::process::ExitCode;

/// Returns the parser for every code that there is a page for.
pub(super) fn codes() -> PossibleValuesParser {
    let verdicts = Verdict::ALL.iter().map(|verdict| verdict.as_str());
    let names = verdicts.chain(Reason::ALL.iter().map(|reason| reason.as_str()));
    let value = |name: &'static str| PossibleValue::new(name).alias(name.replace('_', "-"));
    PossibleValuesParser::new(names.map(value))
}

/// Prints the page of a code, or the list of all codes.
///
/// # Errors
/// Returns an error where the text could not be written.
pub(super) fn run(args: &ExplainArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let style = output::style(environment, Detail::Normal);
    let code = args.code.as_deref().unwrap_or_default().replace('-', "_");
    let verdict = Verdict::ALL
        .iter()
        .find(|verdict| verdict.as_str().eq_ignore_ascii_case(&code));
    let reason = Reason::ALL
        .iter()
        .find(|reason| reason.as_str().eq_ignore_ascii_case(&code));
    let text = match (verdict, reason) {
        (Some(verdict), _) => render::explain_verdict(*verdict, style),
        (None, Some(reason)) => render::explain_reason(*reason, style),
        (None, None) => render::explain_index(style),
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

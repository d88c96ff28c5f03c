//! Errors of usage, without the values that were typed: one of them may be a token.

use super::output;
use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::process::ExitCode;

/// What to do instead of giving a token as an argument.
const NO_TOKEN_HERE: &str = "\
A token does not belong on the command line, where the process list and the shell history show it.
Enter it when bitrise-dx verify asks for it, or set BITRISE_TOKEN, or use --token-file PATH.
";

/// Reports what clap found, and returns the exit code: 0 for help that was asked for, else 2.
pub(super) fn report(mut error: Error) -> ExitCode {
    let is_stray = hide_values(&mut error);
    let is_unknown_code = matches!(
        error.get(ContextKind::InvalidArg),
        Some(ContextValue::String(arg)) if arg == "[CODE]"
    );
    // Where help or an error can't be written, there is nobody left to tell.
    let _ = error.print();
    if is_unknown_code {
        output::complain("\nWithout a code, bitrise-dx explain lists them all.\n");
    }
    if is_stray {
        output::complain(&format!("\n{NO_TOKEN_HERE}"));
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Refuses a token that was given to a command which takes none at all.
pub(super) fn token_in_arguments() -> ExitCode {
    output::complain(&format!("error: {NO_TOKEN_HERE}"));
    ExitCode::from(2)
}

/// Takes typed values out of an error, and tells whether a bare word was among them.
fn hide_values(error: &mut Error) -> bool {
    let hidden = || ContextValue::String("…".to_owned());
    let text = |error: &Error, kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all other kinds are alike here"
    )]
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            error.insert(ContextKind::InvalidSubcommand, hidden());
            true
        }
        ErrorKind::UnknownArgument => {
            let argument = text(error, ContextKind::InvalidArg);
            error.remove(ContextKind::Suggested);
            let shown = option_name(&argument);
            let is_stray = shown.is_none();
            let shown = shown.map_or_else(hidden, |name| ContextValue::String(name.to_owned()));
            error.insert(ContextKind::InvalidArg, shown);
            is_stray
        }
        _ => {
            if error.get(ContextKind::InvalidValue).is_some() {
                error.insert(ContextKind::InvalidValue, hidden());
            }
            false
        }
    }
}

/// Returns the part of an argument that is an option's name, where it can be one.
fn option_name(argument: &str) -> Option<&str> {
    let name = argument.split('=').next()?;
    let long = name.strip_prefix("--")?;
    let is_name = long.len() <= 20 && long.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    is_name.then_some(name)
}

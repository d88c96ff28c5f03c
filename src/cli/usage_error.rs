//! Errors of usage, without the values that were typed: one of them may be a token.

use super::output;
use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::process::ExitCode;

/// Why a token is no argument, and what to do instead; a word for the token stands before it.
const NO_TOKEN_HERE: &str = "\
does not belong on the command line, where the process list and the shell history show it.
Enter it when bitrise-dx verify asks for it, or set BITRISE_TOKEN, or use --token-file PATH.
";

/// How to give a value that looks like an option.
const WITH_EQUALS_SIGN: &str = "
A value that begins with “-” stands behind “=”, as in --report=-.json.
";

/// States what an argument was that no command knows.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Stray {
    /// A word, which may have been a token.
    Word,
    /// Something with a dash before it, which may have been an option's value, or a token.
    Dashed,
}

/// Reports what clap found, and returns the exit code: 0 for help that was asked for, else 2.
pub(super) fn report(mut error: Error) -> ExitCode {
    let stray = hide_values(&mut error);
    let is_unknown_code = matches!(
        error.get(ContextKind::InvalidArg),
        Some(ContextValue::String(arg)) if arg == "[CODE]"
    );
    // Where help or an error can't be written, there is nobody left to tell.
    let _ = error.print();
    if is_unknown_code {
        output::complain("\nWithout a code, bitrise-dx explain lists them all.\n");
    }
    if stray == Some(Stray::Dashed) {
        output::complain(WITH_EQUALS_SIGN);
    }
    if stray.is_some() {
        output::complain(&format!("\nIf that was a token: it {NO_TOKEN_HERE}"));
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Refuses a token that was given to a command which takes none at all.
pub(super) fn token_in_arguments() -> ExitCode {
    output::complain(&format!("error: A token {NO_TOKEN_HERE}"));
    ExitCode::from(2)
}

/// Takes typed values out of an error, and tells whether one of them was out of place.
fn hide_values(error: &mut Error) -> Option<Stray> {
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
            Some(Stray::Word)
        }
        ErrorKind::UnknownArgument => {
            let argument = text(error, ContextKind::InvalidArg);
            error.remove(ContextKind::Suggested);
            // The option that looks like it exists to be refused.
            if text(error, ContextKind::SuggestedArg) == "--token" {
                let better = ContextValue::String("--token-file".to_owned());
                error.insert(ContextKind::SuggestedArg, better);
            }
            let name = option_name(&argument);
            let shown = name.map_or_else(hidden, |name| ContextValue::String(name.to_owned()));
            error.insert(ContextKind::InvalidArg, shown);
            match name {
                Some(_) => None,
                None if argument.starts_with('-') => Some(Stray::Dashed),
                None => Some(Stray::Word),
            }
        }
        _ => {
            // An empty one says that there was none.
            if !text(error, ContextKind::InvalidValue).is_empty() {
                error.insert(ContextKind::InvalidValue, hidden());
            }
            None
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

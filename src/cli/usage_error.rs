//! Arguments that can't be read, without the values that may be a token.

use super::environment::Environment;
use super::outcome::{Early, Outcome, Readers, plan_files};
use super::{Format, output};
use crate::plan::{PlanError, may_be_token};
use crate::render::Detail;
use crate::report::{EvidenceKind, Target};
use crate::text::escape_unprintable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Error, ValueEnum as _};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Why a token is no argument, and what to do instead; a word for the token stands before it.
const NO_TOKEN_HERE: &str = "\
does not belong on the command line, where the process list and the shell history show it.
Enter it when bitrise-dx verify asks for it, or set BITRISE_TOKEN, or use --token-file PATH.
";

/// The same, for a report.
pub(super) const TOKEN_IN_ARGUMENTS: &str = "a token stands on the command line, where the process \
    list and the shell history show it: set BITRISE_TOKEN or use --token-file instead";

/// How to give a value that looks like an option.
const WITH_EQUALS_SIGN: &str = "
A value that starts with “-” stands behind “=”, as in --report=-.json.
";

/// What an argument out of place looked like.
#[derive(Clone, Copy, Default)]
struct Stray {
    /// Whether it is not shown, since it may have been a token.
    is_hidden: bool,
    /// Whether it has a dash before it, and may have been an option's value.
    is_dashed: bool,
}

/// Reports what clap found, and returns the exit code: 0 for help that was asked for, else 2.
///
/// A command that has formats answers in those that its arguments ask for, as far as they can be
/// read.
pub(super) fn report(args: &[OsString], mut error: Error, environment: &Environment) -> ExitCode {
    let stray = hide_values(&mut error);
    let asked = Asked::of(args).filter(|_| error.use_stderr());
    if asked.as_ref().is_none_or(|asked| asked.format.is_none()) {
        explain(&error, stray);
    }
    let Some(asked) = asked else {
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    };
    // Any argument may be the name of a file that was to be read.
    let inputs: Vec<_> = asked
        .others
        .iter()
        .map(|path| ("a file", &**path))
        .collect();
    let (files, _) = plan_files(&asked.reports, &inputs);
    let holds_token = args.iter().any(|arg| may_be_token(&arg.to_string_lossy()));
    let why = if holds_token && stray.is_hidden {
        PlanError::TokenInArguments(TOKEN_IN_ARGUMENTS)
    } else {
        PlanError::Arguments(sentence(&error).into())
    };
    let mut report = Early::from(why).report(Target::default(), None);
    report.evidence = asked.evidence;
    let written = Outcome::from(report).write(&Readers {
        format: asked.format,
        style: output::style(environment, Detail::Normal),
        files: &files,
        until: None,
    });
    written.unwrap_or_else(|error| output::failure(&error))
}

/// Refuses a token that was given to a command which takes none at all.
pub(super) fn token_in_arguments() -> ExitCode {
    output::complain(&format!("error: A token {NO_TOKEN_HERE}"));
    ExitCode::from(2)
}

/// Prints what clap found, and what may help.
fn explain(error: &Error, stray: Stray) {
    // Where help or an error can't be written, there is nobody left to tell.
    let _ = error.print();
    if matches!(
        error.get(ContextKind::InvalidArg),
        Some(ContextValue::String(arg)) if arg == "[CODE]"
    ) {
        output::complain("\nWithout a code, bitrise-dx explain lists them all.\n");
    }
    if stray.is_dashed {
        output::complain(WITH_EQUALS_SIGN);
    }
    if stray.is_hidden {
        output::complain(&format!("\nIf that was a token: it {NO_TOKEN_HERE}"));
    }
}

/// Returns what clap found in one line, without what it says of the usage.
fn sentence(error: &Error) -> String {
    let text = error.render().to_string();
    let is_end = |line: &&str| line.starts_with("Usage:") || line.starts_with("For more");
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<_> = lines.take_while(|line| !is_end(line)).collect();
    let text = lines.join("; ");
    escape_unprintable(text.strip_prefix("error: ").unwrap_or(&text))
}

/// What a command was asked for, as far as it can be told from arguments that can't be read.
#[derive(Default)]
struct Asked {
    /// Where the evidence of that command comes from.
    evidence: EvidenceKind,
    /// The format, unless it is for people.
    format: Option<Format>,
    reports: Vec<PathBuf>,
    /// The other arguments and values.
    others: Vec<PathBuf>,
}

impl Asked {
    /// Returns nothing if the arguments are for a command without formats.
    fn of(args: &[OsString]) -> Option<Self> {
        let texts: Vec<_> = { args.iter().skip(1) }
            .map(|arg| arg.to_string_lossy())
            .collect();
        let (mut asked, mut command) = (Self::default(), None);
        let mut before = "";
        for text in &texts {
            let (name, value) = match text.split_once('=') {
                Some((name, value)) if name.starts_with('-') => (name, Some(value)),
                _ if before.starts_with('-') && !text.starts_with('-') => (before, Some(&**text)),
                _ => (&**text, None),
            };
            before = text;
            match value {
                Some(value) => asked.option(name, value),
                // The short option with its value in one, as in -ojson, or behind others.
                None if name.starts_with('-') && !name.starts_with("--") => {
                    if let Some((_, value)) = name.split_once('o') {
                        asked.option("-o", value);
                    }
                }
                None => asked.others.push(PathBuf::from(name)),
            }
            command = command.or(match &**text {
                "verify" => Some(EvidenceKind::Live),
                "diagnose" => Some(EvidenceKind::Pasted),
                _ => None,
            });
        }
        asked.evidence = command?;
        Some(asked)
    }

    fn option(&mut self, name: &str, value: &str) {
        let is_short = !name.starts_with("--") && name.ends_with('o');
        if name == "--output" || is_short {
            let format = Format::from_str(value, false).ok();
            self.format = format
                .filter(|format| *format != Format::Human)
                .or(self.format);
        } else if name == "--report" {
            self.reports.push(PathBuf::from(value));
        } else {
            self.others.push(PathBuf::from(value));
        }
    }
}

/// Takes values that may be a token out of an error, and tells what was out of place.
fn hide_values(error: &mut Error) -> Stray {
    let hidden = || ContextValue::String("…".to_owned());
    let text = |error: &Error, kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    let mut stray = Stray::default();
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            if !is_harmless(&text(error, ContextKind::InvalidSubcommand)) {
                error.insert(ContextKind::InvalidSubcommand, hidden());
                stray.is_hidden = true;
            }
        }
        ErrorKind::UnknownArgument => {
            let argument = text(error, ContextKind::InvalidArg);
            error.remove(ContextKind::Suggested);
            // The option that looks like it exists to be refused.
            if text(error, ContextKind::SuggestedArg) == "--token" {
                let better = ContextValue::String("--token-file".to_owned());
                error.insert(ContextKind::SuggestedArg, better);
            }
            let name = argument.split('=').next().unwrap_or_default();
            let is_option = name.starts_with("--") && is_harmless(name);
            if is_option {
                error.insert(
                    ContextKind::InvalidArg,
                    ContextValue::String(name.to_owned()),
                );
            } else if !is_harmless(&argument) {
                error.insert(ContextKind::InvalidArg, hidden());
                stray.is_hidden = true;
            }
            stray.is_dashed = argument.starts_with('-') && !is_option;
        }
        _ => {
            // An empty one says that there was none.
            if !is_harmless(&text(error, ContextKind::InvalidValue)) {
                error.insert(ContextKind::InvalidValue, hidden());
            }
        }
    }
    stray
}

/// Tells whether a text can't be a token: it is a word or an option's name, or very short.
fn is_harmless(text: &str) -> bool {
    /// The maximum length of an option's name, and more than any misspelt value has.
    const MAX_WORD: usize = 20;
    /// The maximum length of a text with digits, such as a time or a port.
    const MAX_SHORT: usize = 8;
    let is_word = |c: char| c.is_ascii_lowercase() || matches!(c, '-' | '_');
    let is_short = |c: char| c.is_ascii_alphanumeric() || "-_.:/ ".contains(c);
    let is_plain = (text.len() <= MAX_WORD && text.chars().all(is_word))
        || (text.len() <= MAX_SHORT && text.chars().all(is_short));
    is_plain && !may_be_token(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(args: &str) -> Option<(Option<Format>, usize)> {
        let args: Vec<_> = args.split(' ').map(OsString::from).collect();
        let asked = Asked::of(&args)?;
        Some((asked.format, asked.reports.len()))
    }

    #[test]
    fn the_format_is_found_among_what_can_not_be_read() {
        let json = Some(Format::Json);
        for (args, expected) in [
            ("x verify --bogus -o json", Some((json, 0))),
            ("x verify -o json --bogus", Some((json, 0))),
            ("x verify -ojson", Some((json, 0))),
            ("x verify -o=json", Some((json, 0))),
            ("x verify -qojson", Some((json, 0))),
            ("x verify -qo json", Some((json, 0))),
            ("x verify --output json", Some((json, 0))),
            (
                "x verify --output=json --report=a --report b",
                Some((json, 2)),
            ),
            ("x --color never verify -o json", Some((json, 0))),
            ("x -o json verify", Some((json, 0))),
            ("x verify -o human", Some((None, 0))),
            ("x verify -o yaml", Some((None, 0))),
            ("x verify --report", Some((None, 0))),
            ("x verify", Some((None, 0))),
            ("x diagnose --bogus -o json", Some((json, 0))),
            ("x diagnose -o json --report=a", Some((json, 1))),
            ("x explain -o json", None),
            ("x", None),
        ] {
            assert_eq!(asked(args), expected, "{args}");
        }
    }

    #[test]
    fn what_may_be_a_token_is_not_harmless() {
        for text in [
            "",
            "helthy",
            "--bogus",
            "pipeline_denied",
            "5",
            "-1s",
            "1.2.3.4",
        ] {
            assert!(is_harmless(text), "{text}");
        }
        for text in [
            "bitwat_x",
            "bitpat_",
            "98765432109876",
            "Abcdefghij",
            "abcdefghijklmnopqrstuvwxyz",
            "a\u{1b}b",
        ] {
            assert!(!is_harmless(text), "{text}");
        }
    }
}

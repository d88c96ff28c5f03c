//! Arguments that can't be read, without the values that may be a token.

use super::environment::Environment;
use super::outcome::{Readers, started};
use super::{Format, OutputArgs, output};
use crate::diagnosis::diagnose;
use crate::plan::{NotRun, may_be_token};
use crate::report::{EvidenceKind, Report};
use crate::text::escape_unprintable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Error, ValueEnum as _};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Why a token is no argument, and what to do instead; a word for the token stands before it.
const NO_TOKEN_HERE: &str = include_str!("help/no_token.txt");

/// How to give a value that looks like an option.
const WITH_EQUALS_SIGN: &str = "
A value that starts with “-” stands behind “=”, as in --report=-.json.
";

/// What an argument out of place looked like.
#[derive(Clone, Copy, Default)]
struct Stray {
    /// Whether it is an option that says it is a token, of which there is none.
    is_token: bool,
    /// Whether it is not shown, since it may have been a token.
    is_hidden: bool,
    /// Whether it has a dash before it, and may have been an option's value.
    is_dashed: bool,
}

/// Reports what clap found, and returns the exit code: 0 for help that was asked for, else 2.
///
/// A command that has formats answers in those that its arguments ask for, as far as they can be
/// read.
///
/// # Errors
/// Returns an error if the report could not be written.
pub(super) fn report(
    args: &[OsString],
    mut error: Error,
    environment: &Environment,
) -> anyhow::Result<ExitCode> {
    let stray = hide_values(&mut error);
    let Some(asked) = Asked::of(args).filter(|_| error.use_stderr()) else {
        explain(&error, stray);
        let code = u8::try_from(error.exit_code()).unwrap_or(2);
        return Ok(ExitCode::from(code));
    };
    // Any argument may be the name of a file that was to be read.
    let inputs = asked.others.iter().map(|path| ("a file", Some(&**path)));
    let inputs: Vec<_> = inputs.collect();
    let (mut readers, _) = Readers::plan(&asked.output, environment, &inputs);
    let holds_token = args.iter().any(|arg| may_be_token(&arg.to_string_lossy()));
    let why = if stray.is_token || (holds_token && stray.is_hidden) {
        NotRun::TOKEN_IN_ARGUMENTS
    } else {
        if asked.output.output == Format::Human {
            // Their words are clap's, with what may help.
            explain(&error, stray);
            readers.format = None;
        }
        NotRun::options(sentence(&error))
    };
    let report = Report {
        evidence: asked.evidence,
        not_run: Some(why),
        ..started()
    };
    readers.write(diagnose(report, &environment.known(None)))
}

/// Prints what clap found, and what may help.
fn explain(error: &Error, stray: Stray) {
    if stray.is_token {
        return output::complain(&format!("error: A token {NO_TOKEN_HERE}"));
    }
    // Where help or an error can't be written, there is nobody left to tell.
    let _ = error.print();
    let argument = error.get(ContextKind::InvalidArg);
    if argument == Some(&ContextValue::String("[CODE]".to_owned())) {
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
struct Asked {
    /// Where the evidence of that command comes from.
    evidence: EvidenceKind,
    output: OutputArgs,
    /// The other arguments and values.
    others: Vec<PathBuf>,
}

impl Asked {
    /// Returns nothing if the arguments are for a command without formats.
    fn of(args: &[OsString]) -> Option<Self> {
        let texts = args.iter().skip(1).map(|arg| arg.to_string_lossy());
        let texts: Vec<_> = texts.collect();
        let (mut output, mut others, mut evidence) = (OutputArgs::default(), Vec::new(), None);
        let mut texts = texts.iter().map(|text| &**text).peekable();
        while let Some(text) = texts.next() {
            // An option may have its value with it, as in `--output=json`, `-ojson` and `-qo=json`.
            let (name, glued) = match (text.split_once('='), text.split_once('o')) {
                (Some((name, value)), _) if name.starts_with("--") => (name, Some(value)),
                (_, Some((_, value))) if text.starts_with('-') && !text.starts_with("--") => {
                    let value = Some(value).filter(|value| !value.is_empty());
                    ("-o", value.map(|value| value.trim_start_matches('=')))
                }
                _ => (text, None),
            };
            let mut value = || glued.or_else(|| texts.next_if(|next| !next.starts_with('-')));
            match name {
                "--output" | "-o" => {
                    let format = value().and_then(|value| Format::from_str(value, false).ok());
                    output.output = format.unwrap_or(output.output);
                }
                "--report" => output.report.extend(value().map(PathBuf::from)),
                "verify" => evidence = evidence.or(Some(EvidenceKind::Live)),
                "diagnose" => evidence = evidence.or(Some(EvidenceKind::Pasted)),
                _ => {
                    let word = Some(name).filter(|name| !name.starts_with('-'));
                    others.extend(glued.or(word).map(PathBuf::from));
                }
            }
        }
        Some(Self {
            evidence: evidence?,
            output,
            others,
        })
    }
}

/// Takes values that may be a token out of an error, and tells what was out of place.
fn hide_values(error: &mut Error) -> Stray {
    let string = |text: &str| ContextValue::String(text.to_owned());
    let kind = match error.kind() {
        ErrorKind::InvalidSubcommand => ContextKind::InvalidSubcommand,
        ErrorKind::UnknownArgument => ContextKind::InvalidArg,
        _ => ContextKind::InvalidValue,
    };
    let Some(ContextValue::String(shown)) = error.get(kind).cloned() else {
        return Stray::default();
    };
    let is_argument = kind == ContextKind::InvalidArg;
    if is_argument {
        error.remove(ContextKind::Suggested);
    }
    let name = shown.split('=').next().unwrap_or_default();
    let is_option = is_argument && name.starts_with("--") && is_harmless(name);
    // A value that is empty says that there was none.
    let is_hidden = !is_option && !is_harmless(&shown);
    if is_option {
        error.insert(kind, string(name));
    } else if is_hidden {
        error.insert(kind, string("…"));
    }
    Stray {
        is_token: is_argument && name == "--token",
        is_hidden: is_hidden && kind != ContextKind::InvalidValue,
        is_dashed: is_argument && !is_option && shown.starts_with('-'),
    }
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

    fn asked(args: &str) -> Option<(Format, usize)> {
        let args: Vec<_> = args.split(' ').map(OsString::from).collect();
        let asked = Asked::of(&args)?;
        Some((asked.output.output, asked.output.report.len()))
    }

    #[test]
    fn the_format_is_found_among_what_can_not_be_read() {
        let (json, human) = (Format::Json, Format::Human);
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
            ("x verify -o human", Some((human, 0))),
            ("x verify -o yaml", Some((human, 0))),
            ("x verify --report", Some((human, 0))),
            ("x verify", Some((human, 0))),
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

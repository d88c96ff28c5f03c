//! Where the token's text comes from.

use super::environment::Environment;
use crate::report::{NotRun, TokenSource};
use secrecy::SecretString;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::Path;

/// The most bytes that are read from a file or standard input; a token is far smaller.
const LIMIT: u64 = 64 * 1024;

/// Reads the token's text: from the file that was named, else from `BITRISE_TOKEN`, else, on a
/// terminal, from a hidden prompt.
///
/// # Errors
/// Returns the source, where one was chosen, and why there is no text.
pub(super) fn read(
    file: Option<&Path>,
    environment: &Environment,
) -> Result<(SecretString, TokenSource), (Option<TokenSource>, NotRun)> {
    let (source, place) = match (file, &environment.token) {
        (Some(path), _) if path == Path::new("-") => (TokenSource::StandardInput, "standard input"),
        (Some(_), _) => (TokenSource::File, "the file"),
        (None, Some(token)) => {
            return Ok((SecretString::from(token.as_str()), TokenSource::Environment));
        }
        (None, None) if may_prompt(environment) => (TokenSource::Prompt, "the terminal"),
        (None, None) => return Err((None, missing(environment))),
    };
    let text = match (source, file) {
        (TokenSource::StandardInput, _) => bounded(io::stdin().lock()),
        (TokenSource::File, Some(path)) => File::open(path).and_then(bounded),
        _ => prompt(),
    };
    match text {
        Ok(text) => Ok((text, source)),
        Err(error) if source == TokenSource::Prompt && is_end(&error) => {
            Err((Some(source), missing(environment)))
        }
        Err(error) => Err((Some(source), NotRun::TokenUnreadable(place, error.kind()))),
    }
}

/// Returns the error for a token that is not there.
pub(super) const fn missing(environment: &Environment) -> NotRun {
    NotRun::TokenMissing {
        on_ci: environment.is_ci,
    }
}

/// Tells whether somebody is there to answer a prompt.
fn may_prompt(environment: &Environment) -> bool {
    !environment.is_ci && io::stdin().is_terminal() && io::stderr().is_terminal()
}

fn prompt() -> io::Result<SecretString> {
    rpassword::prompt_password("Bitrise API token (it will not be shown): ").map(SecretString::from)
}

/// Tells whether the person ended the input instead of entering something.
fn is_end(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
}

/// Reads a text, less one line break at its end, as editors and `echo` leave one.
fn bounded(source: impl Read) -> io::Result<SecretString> {
    let mut text = String::new();
    source.take(LIMIT + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LIMIT {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(SecretString::from(without_line_break(&text)))
}

fn without_line_break(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn one_line_break_is_dropped_and_no_more() {
        for (text, expected) in [
            ("t", "t"),
            ("t\n", "t"),
            ("t\r\n", "t"),
            ("t\n\n", "t\n"),
            ("t \n", "t "),
            ("\n", ""),
        ] {
            assert_eq!(bounded(text.as_bytes()).unwrap().expose_secret(), expected);
        }
    }

    #[test]
    fn what_is_no_token_file_is_not_read_to_its_end() {
        let error = bounded(io::repeat(b'x')).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        let error = bounded(&b"\xff\xfe"[..]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}

//! Where the token's text comes from.

use super::environment::Environment;
use super::input::{self, ReadLimits, STANDARD_INPUT};
use super::outcome::Early;
use super::output;
use crate::plan::{self, NotRun};
use crate::report::TokenSource;
use crate::verdict::{Reason, Signal};
#[cfg(unix)]
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use secrecy::SecretString;
use std::io::{self, IsTerminal as _};
use std::path::Path;

/// The maximum number of bytes that are read from a file or standard input; a token is far smaller.
const MAX_BYTES: u64 = 64 * 1024;

/// Reads the token's text: from the file that was named, else from `BITRISE_TOKEN`, else, on a
/// terminal, from a hidden prompt, at which a person may take any time. Notes which of them it is.
///
/// # Errors
/// Returns why there is no text.
pub(super) async fn read(
    file: Option<&Path>,
    environment: &Environment,
    limits: ReadLimits<'_>,
    source: &mut Option<TokenSource>,
) -> Result<SecretString, Early> {
    // Somebody has to be there to answer a prompt.
    let may_prompt =
        io::stdin().is_terminal() && io::stderr().is_terminal() && environment.ci.is_none();
    *source = match (file, &environment.token) {
        (Some(path), _) if path == Path::new(STANDARD_INPUT) => Some(TokenSource::StandardInput),
        (Some(_), _) => Some(TokenSource::File),
        (None, Some(_)) => Some(TokenSource::Environment),
        (None, None) if may_prompt => Some(TokenSource::Prompt),
        (None, None) => return Err(NotRun::TOKEN_MISSING.into()),
    };
    let text = match (file, &environment.token) {
        (Some(path), _) => {
            let path = path.to_owned();
            let read = move || {
                let text = input::text(&input::read(&path, MAX_BYTES)?)?;
                Ok(SecretString::from(without_line_break(&text)))
            };
            limits.wait(read).await
        }
        (None, Some(token)) => return Ok(SecretString::from(token.as_str())),
        (None, None) => from_prompt(limits).await,
    };
    text.map_err(Early::Stopped)?.map_err(|error| {
        let why = match file {
            // The person ended the input instead of entering something.
            None if error.kind() == io::ErrorKind::UnexpectedEof => {
                return NotRun::TOKEN_MISSING.into();
            }
            Some(path) if plan::may_be_token(&path.to_string_lossy()) => {
                return NotRun::TOKEN_IN_ARGUMENTS.into();
            }
            Some(path) => NotRun::file(path, "--token-file", &error),
            None => NotRun::file(Path::new("the terminal"), "", &error),
        };
        let reason = Reason::TokenUnreadable;
        Early::NotRun(NotRun { reason, ..why })
    })
}

async fn from_prompt(mut limits: ReadLimits<'_>) -> Result<io::Result<SecretString>, Signal> {
    const WORDS: &str = "Bitrise API token (it will not be shown): ";
    limits.until = None;
    // The prompt hides what is typed, which it can't undo itself if a signal ends the waiting.
    #[cfg(unix)]
    let before = tcgetattr(io::stdin());
    let text = limits.wait(|| rpassword::prompt_password(WORDS)).await;
    match text {
        Ok(text) => {
            match text.as_ref().map_err(io::Error::kind) {
                // The prompt reads Ctrl-C as a character, and may be faster than the signal it then
                // sends.
                Err(io::ErrorKind::Interrupted) => return Err(Signal::Interrupt),
                // The prompt leaves the cursor behind its words.
                Err(io::ErrorKind::UnexpectedEof) => output::complain("\n"),
                _ => {}
            }
            Ok(text.map(SecretString::from))
        }
        Err(signal) => {
            #[cfg(unix)]
            if let Ok(before) = &before {
                let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
            }
            if signal == Signal::Terminate {
                output::complain("\n");
            }
            Err(signal)
        }
    }
}

/// Returns a text less one line break at its end, as editors and `echo` leave one.
fn without_line_break(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::without_line_break;

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
            assert_eq!(without_line_break(text), expected);
        }
    }
}

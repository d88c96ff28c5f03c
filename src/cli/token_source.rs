//! Where the token's text comes from.

use super::environment::Environment;
use super::signals::Signals;
use crate::report::{NotRun, TokenSource};
use crate::verdict::Signal;
use futures_util::future::{Either, select};
use secrecy::SecretString;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;
use tokio::time::timeout;
use zeroize::{Zeroize as _, Zeroizing};

/// The most bytes that are read from a file or standard input; a token is far smaller.
const LIMIT: u64 = 64 * 1024;

/// States why there is no text.
pub(super) enum Failure {
    /// It could not be had.
    NotRun(Option<TokenSource>, NotRun),
    /// A signal came before it.
    Stopped(TokenSource, Signal),
}

/// Reads the token's text: from the file that was named, else from `BITRISE_TOKEN`, else, on a
/// terminal, from a hidden prompt. A file or standard input has to end within `patience`; a person
/// at the prompt may take any time.
///
/// # Errors
/// Returns the source, where one was chosen, and why there is no text.
pub(super) async fn read(
    file: Option<&Path>,
    environment: &Environment,
    patience: Duration,
    signals: &Signals,
) -> Result<(SecretString, TokenSource), Failure> {
    let (source, place) = match (file, &environment.token) {
        (Some(path), _) if path == Path::new("-") => (TokenSource::StandardInput, "standard input"),
        (Some(_), _) => (TokenSource::File, "the file"),
        (None, Some(token)) => {
            return Ok((SecretString::from(token.as_str()), TokenSource::Environment));
        }
        (None, None) if may_prompt(environment) => (TokenSource::Prompt, "the terminal"),
        (None, None) => return Err(Failure::NotRun(None, missing(environment))),
    };
    let terminal = Terminal::remember();
    let text = text(source, file.map(Path::to_owned), patience);
    let text = match select(pin!(text), pin!(signals.first())).await {
        Either::Left((text, _)) => text,
        Either::Right((signal, _)) => {
            terminal.restore();
            return Err(Failure::Stopped(source, signal));
        }
    };
    let why = match text {
        Ok(text) => return Ok((text, source)),
        Err(error) if source == TokenSource::Prompt && is_end(&error) => missing(environment),
        Err(error) => NotRun::TokenUnreadable(place, error.kind()),
    };
    Err(Failure::NotRun(Some(source), why))
}

/// Reads on a thread of its own, which may be left behind: a pipe may never end, and the prompt
/// can't be called off.
async fn text(
    source: TokenSource,
    file: Option<PathBuf>,
    patience: Duration,
) -> io::Result<SecretString> {
    let is_prompt = source == TokenSource::Prompt;
    let reading = tokio::task::spawn_blocking(move || match (source, file) {
        (TokenSource::StandardInput, _) => bounded(io::stdin().lock()),
        (TokenSource::File, Some(path)) => File::open(path).and_then(bounded),
        _ => prompt(),
    });
    let read = if is_prompt {
        reading.await
    } else {
        timeout(patience, reading).await?
    };
    read.map_err(io::Error::other)?
}

/// Holds how the terminal was before the prompt, which hides what is typed.
struct Terminal {
    #[cfg(unix)]
    before: Option<rustix::termios::Termios>,
}

impl Terminal {
    fn remember() -> Self {
        Self {
            #[cfg(unix)]
            before: rustix::termios::tcgetattr(io::stdin()).ok(),
        }
    }

    /// Makes the terminal show again what is typed, where the prompt could not do so itself.
    fn restore(self) {
        #[cfg(unix)]
        if let Some(before) = &self.before {
            use rustix::termios::{OptionalActions, tcsetattr};
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
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
    let mut bytes = Zeroizing::new(Vec::new());
    source.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let text = decoded(&bytes)?;
    Ok(SecretString::from(without_line_break(&text)))
}

/// Decodes UTF-8 and, where it begins with its mark, UTF-16, which is what PowerShell's `>` and
/// Windows' editors write.
fn decoded(bytes: &[u8]) -> io::Result<Zeroizing<String>> {
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => std::str::from_utf8(rest).ok().map(str::to_owned),
    };
    text.map(Zeroizing::new)
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, odd) = bytes.as_chunks();
    let mut units: Vec<u16> = pairs.iter().copied().map(unit).collect();
    let text = String::from_utf16(&units).ok();
    units.zeroize();
    text.filter(|_| odd.is_empty())
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
        for odd in [&b"caf\xe9"[..], b"\xff\xfet", b"\xfe\xff\xd8\x00", b"\xff"] {
            let error = bounded(odd).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn what_windows_writes_is_read() {
        for text in [
            &b"\xef\xbb\xbftoken\r\n"[..],
            b"\xff\xfet\0o\0k\0e\0n\0\r\0\n\0",
            b"\xfe\xff\0t\0o\0k\0e\0n",
        ] {
            assert_eq!(bounded(text).unwrap().expose_secret(), "token");
        }
        assert_eq!(bounded(&b"\xff\xfe"[..]).unwrap().expose_secret(), "");
    }
}

//! Reading what the options name: bounded in size, in time, and by signals.

use super::signals::Signals;
use crate::verdict::Signal;
use futures_util::future::{Either, select};
use secrecy::zeroize::{Zeroize as _, Zeroizing};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::pin::pin;
use tokio::time::{Instant, timeout_at};

/// The path that stands for standard input.
pub(super) const STANDARD_INPUT: &str = "-";

/// How long a file may keep a run waiting.
#[derive(Clone, Copy)]
pub(super) struct ReadLimits<'a> {
    /// The end of the time for the whole run; without it, only a signal ends the waiting, as for a
    /// person.
    pub(super) until: Option<Instant>,
    /// The signals that end the wait.
    pub(super) signals: &'a Signals,
}

impl ReadLimits<'_> {
    /// Waits for something that blocks. It runs on a thread of its own, which may be left behind:
    /// a pipe may never end, and a prompt can't be called off.
    ///
    /// # Errors
    /// Returns the signal that came first. What the work ended in is a result of its own.
    pub(super) async fn wait<T: Send + 'static>(
        self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<io::Result<T>, Signal> {
        let work = async {
            let work = tokio::task::spawn_blocking(work);
            let done = match self.until {
                Some(until) => timeout_at(until, work).await?,
                None => work.await,
            };
            done.map_err(io::Error::other)?
        };
        match select(pin!(work), pin!(self.signals.first())).await {
            Either::Left((done, _)) => Ok(done),
            Either::Right((signal, _)) => Err(signal),
        }
    }
}

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// Returns the system's error, or [`io::ErrorKind::FileTooLarge`] if there are more than `limit`
/// bytes.
pub(super) fn read(path: &Path, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let source: Box<dyn Read> = if path == Path::new(STANDARD_INPUT) {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path)?)
    };
    let mut bytes = Zeroizing::new(Vec::new());
    source.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// Decodes UTF-8 and, if it starts with its mark, UTF-16, which is what PowerShell's `>` and
/// Windows' editors write.
///
/// # Errors
/// Returns [`io::ErrorKind::InvalidData`] for anything else.
pub(super) fn text(bytes: &[u8]) -> io::Result<Zeroizing<String>> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, odd) = bytes.as_chunks();
        let mut units: Vec<u16> = pairs.iter().copied().map(unit).collect();
        let text = String::from_utf16(&units).ok();
        units.zeroize();
        text.filter(|_| odd.is_empty())
    };
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => std::str::from_utf8(rest).ok().map(str::to_owned),
    };
    text.map(Zeroizing::new)
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_the_limit() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, [b'x'; 1000]).unwrap();
        assert_eq!(read(file.path(), 1000).unwrap().len(), 1000);
        let error = read(file.path(), 999).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn what_windows_writes_is_read() {
        for bytes in [
            &b"\xef\xbb\xbftoken\r\n"[..],
            b"\xff\xfet\0o\0k\0e\0n\0\r\0\n\0",
            b"\xfe\xff\0t\0o\0k\0e\0n\0\r\0\n",
        ] {
            assert_eq!(text(bytes).unwrap().as_str(), "token\r\n");
        }
        assert_eq!(text(b"\xff\xfe").unwrap().as_str(), "");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for bytes in [&b"caf\xe9"[..], b"\xff\xfet", b"\xfe\xff\xd8\x00", b"\xff"] {
            let error = text(bytes).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }
}

//! Reading bodies: bounded in length and time, one by one.

use crate::exchange::{Body, Fault};
use crate::redact::Redactor;
use crate::responder::TITLE_WITHIN;
use crate::wire::Document;
use reqwest::header::CONTENT_TYPE;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

/// The maximum number of decoded bytes of a body. A page of 50 apps has some 60 KB.
const LIMIT: usize = 1024 * 1024;

/// How many bytes of a body may be decoded before other requests get a turn.
const TURN: usize = 64 * 1024;

/// Reads a body up to the limit and not longer than until a time, and keeps of it what the checks
/// need, without the token. `late` is the fault if it does not come in time, `fault` tells what
/// broke it off. Returns with it the start of a page of markup.
///
/// A page of markup is told by its first bytes already, since such a page is never Bitrise's response
/// but a gateway's, whether or not it is complete.
pub(super) async fn read(
    received: &mut reqwest::Response,
    redactor: &Redactor,
    until: Instant,
    late: impl Fn() -> Fault,
    fault: impl Fn(&reqwest::Error) -> Fault,
) -> (Body, Vec<u8>) {
    let mut bytes = Vec::new();
    let end = match timeout_at(until, fill(received, &mut bytes)).await {
        Ok(Ok(true)) if Instant::now() < until => None,
        Ok(Ok(false)) => Some(Body::TooLarge),
        Ok(Err(error)) => Some(Body::Cut(fault(&error))),
        Ok(Ok(true)) | Err(_) => Some(Body::Cut(late())),
    };
    let text = text_of(&bytes);
    if end.is_none() {
        if text.is_empty() {
            return (Body::Empty, Vec::new());
        }
        if let Some(document) = Document::read(text, |text| redactor.clean(text)) {
            return (Body::Json(document), Vec::new());
        }
    }
    // HTML, XHTML or XML, which Bitrise's API never sends: by its content type, or by what it begins
    // with.
    let media_type = received.headers().get(CONTENT_TYPE);
    let media_type = media_type.map(|value| value.as_bytes().to_ascii_lowercase());
    let media_type = media_type.unwrap_or_default();
    let markup = [&b"text/html"[..], b"text/xml", b"application/x"];
    let says_markup = markup.iter().any(|start| media_type.starts_with(start));
    if says_markup || text.starts_with(b"<") {
        bytes.truncate(TITLE_WITHIN);
        bytes.shrink_to_fit();
        return (Body::Html, bytes);
    }
    let status = received.status().as_u16();
    // The status's own word, whatever its case.
    let words = std::str::from_utf8(text).unwrap_or_default().trim();
    let said = format!("{status} {}", words.trim_end_matches('.')).to_ascii_lowercase();
    let own = ["401 unauthorized", "403 forbidden", "404 not found"];
    let plain = if own.contains(&&*said) {
        Body::Word
    } else {
        Body::Other
    };
    (end.unwrap_or(plain), Vec::new())
}

/// Reads a body to its end; tells whether that is within the limit, as far as it has to be known.
async fn fill(
    received: &mut reqwest::Response,
    bytes: &mut Vec<u8>,
) -> Result<bool, reqwest::Error> {
    let mut turn = 0;
    while let Some(chunk) = received.chunk().await? {
        let before = bytes.len();
        let length = before + chunk.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(LIMIT - before)]);
        let begins = before < TITLE_WITHIN && length >= TITLE_WITHIN;
        let is_page = begins && text_of(bytes).starts_with(b"<");
        if is_page || length > LIMIT {
            return Ok(false);
        }
        // A body that is decoded from a few bytes is always ready, so that neither the timer
        // nor a signal would be looked at, and parsing takes its time, too.
        turn += chunk.len();
        if turn >= TURN {
            turn = 0;
            yield_now().await;
        }
    }
    Ok(true)
}

/// Returns a body without the mark and the white space in front of its text.
fn text_of(bytes: &[u8]) -> &[u8] {
    let mark = "\u{feff}".as_bytes();
    bytes.strip_prefix(mark).unwrap_or(bytes).trim_ascii_start()
}

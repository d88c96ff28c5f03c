//! Reading bodies: bounded in length one by one, and in memory and time together.

use crate::exchange::{Body, Fault};
use crate::redact::Redactor;
use crate::responder::TITLE_WITHIN;
use crate::wire::Document;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

/// The maximum number of decoded bytes of a page of apps.
pub(super) const APPS_LIMIT: usize = 10 * 1024 * 1024;

/// The maximum number of decoded bytes of what is asked for one app. Ten runs with as many build
/// variables as Bitrise allows for a build (256 KB) are less.
pub(super) const APP_LIMIT: usize = 4 * 1024 * 1024;

/// The maximum number of decoded bytes of a response that is no success: it holds a message.
const FAILURE_LIMIT: usize = 256 * 1024;

/// The number of bytes above which a body counts as large. With the highest concurrency as many
/// bodies of this size take 32 MiB; ordinary ones are far smaller.
const LARGE: usize = 512 * 1024;

/// The maximum number of large bodies in memory at once, whatever the concurrency.
const MAX_LARGE: usize = 2;

/// How many bytes of a body may be decoded before other requests get a turn.
const TURN: usize = 64 * 1024;

/// What all bodies in flight share.
pub(super) struct Bodies {
    /// A permit for each large body that may be in memory.
    large: Semaphore,
    /// One permit: what is not small is parsed one at a time, so that signals and the end of the
    /// time are noticed in between.
    parsing: Semaphore,
}

impl Default for Bodies {
    fn default() -> Self {
        Self {
            large: Semaphore::new(MAX_LARGE),
            parsing: Semaphore::new(1),
        }
    }
}

/// A response's body while it is read.
pub(super) struct Reading<'a> {
    pub(super) bodies: &'a Bodies,
    /// Removes the token from what is kept.
    pub(super) redactor: &'a Redactor,
    /// The maximum number of decoded bytes, if the response is a success.
    pub(super) limit: usize,
    /// When to stop.
    pub(super) until: Instant,
}

impl Reading<'_> {
    /// Reads a body up to the limit and not longer than until a time, and keeps of it what the
    /// checks need. `late` is the fault if it does not come in time, `fault` tells what broke it
    /// off. Returns with it the start of a page of markup.
    ///
    /// A page of markup is told by its first bytes already, since such a page is never Bitrise's response
    /// but a gateway's, whether or not it is complete.
    pub(super) async fn body(
        &self,
        received: &mut reqwest::Response,
        late: impl Fn() -> Fault,
        fault: impl Fn(&reqwest::Error) -> Fault,
    ) -> (Body, Vec<u8>) {
        let mut bytes = Vec::new();
        let read = self.fill(received, &mut bytes, &late, fault);
        let filled = timeout_at(self.until, read).await;
        let end = match filled {
            Ok(Ok(_permit)) => self.parse(&mut bytes, received.headers(), &late).await,
            Ok(Err(end)) => end,
            Err(_) => Body::Cut(late()),
        };
        let is_read = matches!(end, Body::Json(_) | Body::Empty);
        if !is_read && is_markup(&bytes, received.headers()) {
            bytes.truncate(TITLE_WITHIN);
            bytes.shrink_to_fit();
            return (Body::Html, bytes);
        }
        (end, Vec::new())
    }

    /// Reads a body to its end, or returns why it could not be. A large one comes with the permit
    /// to be so.
    async fn fill(
        &self,
        received: &mut reqwest::Response,
        bytes: &mut Vec<u8>,
        late: impl Fn() -> Fault,
        fault: impl Fn(&reqwest::Error) -> Fault,
    ) -> Result<Option<SemaphorePermit<'_>>, Body> {
        let is_success = received.status().is_success();
        let limit = if is_success {
            self.limit
        } else {
            FAILURE_LIMIT
        };
        let (mut permit, mut turn) = (None, 0);
        while let Some(chunk) = received
            .chunk()
            .await
            .map_err(|error| Body::Cut(fault(&error)))?
        {
            let before = bytes.len();
            let length = before + chunk.len();
            if length > LARGE && limit > LARGE && permit.is_none() {
                // The semaphore is never closed, so there is always a permit in the end.
                permit = self.bodies.large.acquire().await.ok();
                // At once, so that no copy is made while the body grows.
                bytes.reserve_exact(limit - before);
            }
            bytes.extend_from_slice(&chunk[..chunk.len().min(limit - before)]);
            let begins = before < TITLE_WITHIN && length >= TITLE_WITHIN;
            let is_page = begins && text_of(bytes).starts_with(b"<");
            if is_page || length > limit {
                return Err(Body::TooLarge);
            }
            // A body that is decoded from a few bytes is always ready, so that the timer is not
            // looked at.
            if Instant::now() >= self.until {
                return Err(Body::Cut(late()));
            }
            turn += chunk.len();
            if turn >= TURN {
                turn = 0;
                yield_now().await;
            }
        }
        Ok(permit)
    }

    async fn parse(&self, bytes: &mut [u8], headers: &HeaderMap, late: impl Fn() -> Fault) -> Body {
        let _turn = if bytes.len() > TURN {
            let turn = self.bodies.parsing.acquire().await;
            yield_now().await;
            turn.ok()
        } else {
            None
        };
        if Instant::now() >= self.until {
            return Body::Cut(late());
        }
        body(bytes, headers, self.redactor)
    }
}

fn body(bytes: &mut [u8], headers: &HeaderMap, redactor: &Redactor) -> Body {
    let text = text_of(bytes);
    let length = text.len();
    if length == 0 {
        return Body::Empty;
    }
    let skipped = bytes.len() - length;
    let text = &mut bytes[skipped..];
    if let Ok(document) = Document::read(text, |text| redactor.clean(text)) {
        return Body::Json(document);
    }
    if is_markup(text, headers) {
        Body::Html
    } else {
        Body::Other
    }
}

/// Returns a body without the mark and the white space in front of its text.
fn text_of(bytes: &[u8]) -> &[u8] {
    let mark = "\u{feff}".as_bytes();
    bytes.strip_prefix(mark).unwrap_or(bytes).trim_ascii_start()
}

/// Tells whether a body that is not JSON is HTML, XHTML or XML, which Bitrise's API never sends: by
/// its content type, or by what it begins with.
fn is_markup(bytes: &[u8], headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let media_type = media_type.unwrap_or_default().to_ascii_lowercase();
    let says_html = media_type.starts_with(b"text/html");
    let says_xml = media_type.starts_with(b"text/xml") || media_type.starts_with(b"application/x");
    says_html || says_xml || text_of(bytes).starts_with(b"<")
}

//! The connection: DNS, proxies, reading a body within its limit, and faults by their type.

use super::tls;
use crate::exchange::{Body, ProxyFault, TransportError, TransportErrorKind};
use crate::redact::Redactor;
use crate::text::Untrusted;
use crate::wire::Document;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use rustls::pki_types::InvalidDnsNameError;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use tokio::time::{Instant, timeout_at};
use url::Url;

/// The most bytes of a decoded body that are read.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// Resolves names with the system's resolver, and keeps the fault's type.
pub(super) struct Resolver {
    /// Whether addresses of other machines are dropped, as plain `http` demands.
    pub(super) loopback_only: bool,
}

/// States why a name led nowhere.
#[derive(Debug, thiserror::Error)]
enum ResolveError {
    #[error("the host name could not be resolved")]
    Failed,
    #[error("the host name does not lead to this machine")]
    NotLoopback,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let loopback_only = self.loopback_only;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found: Vec<SocketAddr> = found.map_err(|_| ResolveError::Failed)?.collect();
            let usable: Vec<SocketAddr> = found
                .iter()
                .copied()
                .filter(|address| !loopback_only || address.ip().is_loopback())
                .collect();
            match (usable.is_empty(), found.is_empty()) {
                (true, true) => Err(ResolveError::Failed.into()),
                (true, false) => Err(ResolveError::NotLoopback.into()),
                (false, _) => Ok(Box::new(usable.into_iter()) as Addrs),
            }
        })
    }
}

/// Returns the proxy that requests to this address go through, without its user and password.
///
/// The matcher is the one that the HTTP client itself uses, so both always agree.
pub(super) fn proxy_for(url: &Url) -> Option<String> {
    let intercept = Matcher::from_system().intercept(&url.as_str().parse().ok()?)?;
    let proxy = intercept.uri();
    let authority = proxy.authority()?.as_str();
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    Some(format!("{}://{host}", proxy.scheme_str().unwrap_or("http")))
}

/// Reads responses and faults: what it keeps of either is free of the token.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    /// Removes the token.
    pub(super) redactor: &'a Redactor,
    /// Whether requests go through a proxy.
    pub(super) via_proxy: bool,
}

impl Reader<'_> {
    /// Reads a body up to the limit and not longer than until a time, and keeps of it what the
    /// checks need. `late` is the fault where it does not come in time.
    ///
    /// A page of markup is told by its first bytes already, since such a page is nobody's answer
    /// but a gateway's, whether or not it is complete.
    pub(super) async fn body(
        self,
        received: &mut reqwest::Response,
        until: Instant,
        late: impl FnOnce() -> TransportError,
    ) -> Body {
        let mut bytes = Vec::new();
        let end = match timeout_at(until, self.fill(received, &mut bytes)).await {
            Ok(end) => end,
            Err(_) => Some(Body::Cut(late())),
        };
        match end {
            None => body(&mut bytes, received.headers(), self.redactor),
            Some(_) if is_markup(&bytes, received.headers()) => Body::Html,
            Some(end) => end,
        }
    }

    /// Reads a body to its end, or returns why it could not be.
    async fn fill(self, received: &mut reqwest::Response, bytes: &mut Vec<u8>) -> Option<Body> {
        loop {
            match received.chunk().await {
                Ok(None) => return None,
                Ok(Some(chunk)) => {
                    let room = BODY_LIMIT - bytes.len();
                    bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
                    if chunk.len() > room {
                        return Some(Body::TooLarge);
                    }
                }
                Err(error) => return Some(Body::Cut(self.fault(&error))),
            }
        }
    }

    /// Tells a fault by the types in its chain of causes, never by its words, with one exception
    /// (see [`proxy_fault`]).
    pub(super) fn fault(self, error: &reqwest::Error) -> TransportError {
        let kind = match find::<rustls::Error>(error) {
            Some(error) => {
                let clean = |text: &str| Untrusted::new(self.redactor.clean(text));
                TransportErrorKind::Tls(tls::fault(error, &clean))
            }
            // Whoever was silent, the proxy or what is behind it, can't be told.
            None if error.is_timeout() => TransportErrorKind::ConnectTimeout,
            None if self.via_proxy && error.is_connect() => behind_proxy(error),
            None => kind(error),
        };
        let in_handshake = error.is_connect() && is_encrypted(error);
        if in_handshake && kind == TransportErrorKind::Closed {
            return TransportErrorKind::ClosedInHandshake.into();
        }
        kind.into()
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

fn is_encrypted(error: &reqwest::Error) -> bool {
    error.url().is_some_and(|url| url.scheme() == "https")
}

/// Tells a fault that is neither of TLS nor of a proxy.
fn kind(error: &reqwest::Error) -> TransportErrorKind {
    match find::<ResolveError>(error) {
        Some(ResolveError::Failed) => return TransportErrorKind::Dns,
        Some(ResolveError::NotLoopback) => return TransportErrorKind::NotLoopback,
        None => {}
    }
    if find::<InvalidDnsNameError>(error).is_some() {
        return TransportErrorKind::Dns;
    }
    // The innermost one is what the system said; those around it may be of no kind of their own.
    let system = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>());
    if let Some(kind) = system.last().and_then(|error| io_kind(error.kind())) {
        return kind;
    }
    match find::<hyper::Error>(error) {
        Some(error) if error.is_parse_too_large() => TransportErrorKind::HeadTooLarge,
        Some(error) if error.is_parse() => TransportErrorKind::NotHttp,
        Some(error) if error.is_incomplete_message() || error.is_closed() => {
            TransportErrorKind::Closed
        }
        // The server broke off a stream or the whole connection (RST_STREAM, GOAWAY).
        Some(error) if find::<h2::Error>(error).is_some() => TransportErrorKind::Closed,
        Some(_) | None if error.is_decode() => TransportErrorKind::Undecodable,
        Some(_) | None => TransportErrorKind::Unknown,
    }
}

fn io_kind(kind: io::ErrorKind) -> Option<TransportErrorKind> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the standard library may add kinds"
    )]
    Some(match kind {
        io::ErrorKind::ConnectionRefused => TransportErrorKind::Refused,
        io::ErrorKind::TimedOut => TransportErrorKind::ConnectTimeout,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected
        | io::ErrorKind::UnexpectedEof => TransportErrorKind::Closed,
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => {
            return None;
        }
        kind => TransportErrorKind::Unreachable(kind),
    })
}

/// Tells what went wrong while a connection through the proxy was being made.
fn behind_proxy(error: &reqwest::Error) -> TransportErrorKind {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all that comes later on the way is alike here"
    )]
    match kind(error) {
        // Every address that is looked up or connected to from here is the proxy's.
        TransportErrorKind::Dns => ProxyFault::Dns.into(),
        TransportErrorKind::Refused | TransportErrorKind::Unreachable(_) => {
            ProxyFault::Unreachable.into()
        }
        // Where the proxy did nothing wrong, what is behind it broke off.
        other => proxy_fault(error).map_or(other, Into::into),
    }
}

/// Tells what the proxy did instead of opening a tunnel.
///
/// The library's types for a failed tunnel are not public, so their words are all there is; tests
/// on real proxies pin them.
fn proxy_fault(error: &reqwest::Error) -> Option<ProxyFault> {
    const WORDS: [(&str, ProxyFault); 7] = [
        (
            "failed to create underlying connection",
            ProxyFault::Unreachable,
        ),
        (
            "tunnel error: proxy authorization required",
            ProxyFault::AuthenticationRequired,
        ),
        ("tunnel error: unsuccessful", ProxyFault::Refused),
        ("tunnel error: unexpected end of file", ProxyFault::Closed),
        ("tunnel error: io error", ProxyFault::Closed),
        ("SOCKS error: io error", ProxyFault::Closed),
        ("SOCKS error", ProxyFault::Refused),
    ];
    let words: Vec<String> = causes(error).map(ToString::to_string).collect();
    let says = |part: &str| words.iter().any(|word| word.contains(part));
    let found = WORDS.iter().find(|(part, _)| says(part));
    found.map(|(_, fault)| *fault)
}

/// Finds the first error of a type in a chain of causes, also inside of I/O errors, which hide
/// what they wrap from the chain.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), next_cause)
}

fn next_cause<'a>(error: &&'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let error: &'a (dyn Error + 'static) = *error;
    let wrapped = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    wrapped
        .map(|wrapped| wrapped as &(dyn Error + 'static))
        .or_else(|| error.source())
}

//! What was seen on the network, as plain data.
//!
//! Invariant: no HTTP library is named here, and no meaning is given to what was seen; that is
//! the work of [`crate::classify`]. An [`Exchange`] never holds the token.

use crate::text::Untrusted;
use crate::wire::Document;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;
use url::{Host, Url};

/// One request to the server and what came of it, after all attempts.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The address that was asked for, with the query.
    pub url: String,
    /// How many attempts were made; 0 where `--max-time` was over before the first.
    pub attempts: u32,
    /// From the start of the first attempt to the end of the last, waits included.
    pub elapsed: Duration,
    /// How long the server asked to wait (`Retry-After`), where it did so in its last response.
    pub retry_after: Option<Duration>,
    /// The address that the last attempt connected to, or tried to; the proxy's if there is one.
    pub remote_address: Option<SocketAddr>,
    /// The last attempt's response, or why there was none.
    pub outcome: Result<Response, TransportError>,
}

impl Exchange {
    /// Makes an exchange of one attempt that took no time.
    pub fn new(url: impl Into<String>, outcome: Result<Response, TransportError>) -> Self {
        Self {
            url: url.into(),
            attempts: 1,
            elapsed: Duration::ZERO,
            retry_after: None,
            remote_address: None,
            outcome,
        }
    }

    /// Tells whether the request was for Bitrise's own host, `bitrise.io` or one below it.
    pub fn is_for_bitrise(&self) -> bool {
        is_bitrise(&self.url)
    }

    /// Drops what was read of a list, so that the exchange can be kept as evidence in little memory.
    pub fn forget_list(&mut self) {
        if let Ok(response) = &mut self.outcome
            && let Body::Json(document) = &mut response.body
        {
            document.forget_list();
        }
    }

    /// Returns the last attempt's response, where there was one.
    pub fn response(&self) -> Option<&Response> {
        self.outcome.as_ref().ok()
    }

    /// Returns why there was no response, or no complete one.
    pub fn fault(&self) -> Option<&TransportError> {
        match &self.outcome {
            Err(error) => Some(error),
            Ok(response) => match &response.body {
                Body::Cut(error) => Some(error),
                Body::Empty | Body::Json(_) | Body::Html | Body::Other | Body::TooLarge => None,
            },
        }
    }
}

/// Tells whether an address leads to Bitrise's own host, `bitrise.io` or one below it.
pub fn is_bitrise(url: &str) -> bool {
    let url = Url::parse(url).ok();
    let host = url.as_ref().and_then(Url::host);
    matches!(host, Some(Host::Domain(name)) if name == "bitrise.io" || name.ends_with(".bitrise.io"))
}

/// The method of every request that this program sends.
pub const METHOD: &str = "GET";

/// One HTTP response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code, 100 to 999; 0 if a pasted text does not tell it.
    pub status: u16,
    /// The protocol as its name is written, as in `HTTP/1.1` or `HTTP/2`.
    pub http_version: Option<&'static str>,
    /// The value of `X-Request-Id`, for a support ticket.
    pub request_id: Option<Untrusted>,
    /// The host that a redirect points to.
    pub location_host: Option<Untrusted>,
    /// Whether the headers say that this is a rate limit: `Retry-After`, or an
    /// `X-RateLimit-Remaining` or `RateLimit-Remaining` of 0. A 503 has `Retry-After`, too: it means
    /// a rate limit only with a status that can be one.
    pub has_rate_limit_headers: bool,
    /// The `error_description` of `WWW-Authenticate`.
    pub challenge: Option<Untrusted>,
    /// What the response says of who sent it.
    pub responder: Responder,
    /// The body, read within the limit.
    pub body: Body,
}

/// What a response says of who sent it: of use where it was not Bitrise's API.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Responder {
    /// The title of its page.
    pub title: Option<Untrusted>,
    /// `Server`, `Via` and the headers that name a box (`X-Squid-Error`, `CF-RAY`, …), with their
    /// names as they are usually written.
    pub headers: Vec<(&'static str, Untrusted)>,
}

impl Response {
    /// Returns the status code, if it was seen.
    pub fn shown_status(&self) -> Option<u16> {
        Some(self.status).filter(|status| *status != 0)
    }

    /// Makes a response of which nothing but status and body is known.
    pub fn new(status: u16, body: Body) -> Self {
        Self {
            status,
            http_version: None,
            request_id: None,
            location_host: None,
            has_rate_limit_headers: false,
            challenge: None,
            responder: Responder::default(),
            body,
        }
    }

    /// Tells whether the response is a rate limit: a 429, or a 403 that says so, in its headers or
    /// in words, as GitHub's does.
    pub const fn is_rate_limit(&self) -> bool {
        let says_so = match &self.body {
            Body::Json(document) => document.says_rate_limit(),
            Body::Empty | Body::Html | Body::Other | Body::TooLarge | Body::Cut(_) => false,
        };
        self.status == 429 || (self.status == 403 && (self.has_rate_limit_headers || says_so))
    }

    /// Tells whether a retry may get another response: a rate limit, 408 and 5xx,
    /// and a success whose body broke off. Any other 401, 403 and 404 is final.
    pub const fn is_transient(&self) -> bool {
        match (self.status, &self.body) {
            _ if self.is_rate_limit() => true,
            (408 | 500..=599, _) => true,
            (200, Body::Cut(error)) => error.kind.is_transient(),
            _ => false,
        }
    }

    /// Returns what the server says in its own words.
    pub const fn message(&self) -> Option<&Untrusted> {
        match &self.body {
            Body::Json(document) => document.message(),
            Body::Empty | Body::Html | Body::Other | Body::TooLarge | Body::Cut(_) => None,
        }
    }
}

/// A response's body by kind; what is not JSON is not kept.
#[derive(Clone, Debug)]
pub enum Body {
    /// No bytes at all.
    Empty,
    /// Any JSON value, whatever the content type said, as far as the checks need it.
    Json(Document),
    /// A page of HTML, XHTML or XML, told by its first characters or its content type, also where it
    /// broke off or is too large.
    Html,
    /// Anything else.
    Other,
    /// More bytes than the limit.
    TooLarge,
    /// The connection ended or the time was over before the body was complete.
    Cut(TransportError),
}

/// Why there was no response, or no complete one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{kind}")]
pub struct TransportError {
    /// What went wrong.
    pub kind: TransportErrorKind,
}

impl From<TransportErrorKind> for TransportError {
    fn from(kind: TransportErrorKind) -> Self {
        Self { kind }
    }
}

/// The faults of transport; the texts are ours, so they are safe to show.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TransportErrorKind {
    /// The name could not be resolved.
    #[error("the host name could not be resolved")]
    Dns,
    /// Plain `http` to a name that doesn't resolve to this machine.
    #[error("the name does not lead to this machine, and plain http goes nowhere else")]
    NotLoopback,
    /// Nobody listens at the address.
    #[error("the connection was refused")]
    Refused,
    /// The connection was cut.
    #[error("the connection was closed before the response was complete")]
    Closed,
    /// The connection was cut before the encryption stood, so before the request was sent.
    #[error("the connection was closed while its encryption was being agreed on")]
    ClosedInHandshake,
    /// No connection for another reason, such as no route.
    #[error("no connection could be made{}", no_way(*.0))]
    Unreachable(std::io::ErrorKind),
    /// The bytes that came are not HTTP.
    #[error("what came back is not HTTP")]
    NotHttp,
    /// More headers, or longer ones, than any real response has.
    #[error("the response's headers are larger than those of any real response")]
    HeadTooLarge,
    /// The body could not be decoded, as with broken compression.
    #[error("the response's body could not be decoded")]
    Undecodable,
    /// TLS failed.
    #[error("{0}")]
    Tls(TlsFault),
    /// The proxy failed.
    #[error("{0}")]
    Proxy(ProxyFault),
    /// No connection within `--timeout`.
    #[error("no connection came about in time (--timeout)")]
    ConnectTimeout,
    /// One attempt took longer than `--timeout`.
    #[error("no complete response came in time (--timeout)")]
    Timeout,
    /// The whole run took longer than `--max-time`.
    #[error("the time for the whole run was over (--max-time)")]
    MaxTime,
    /// A fault that the library reports without a type.
    #[error("the request failed for a reason that could not be told")]
    Unknown,
}

/// Returns why there was no way, as it is added to a sentence; nothing if the system's kind of error
/// has no plain words.
pub(crate) fn no_way(kind: std::io::ErrorKind) -> &'static str {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the standard library may add kinds, and most say nothing to a reader"
    )]
    match kind {
        std::io::ErrorKind::NetworkUnreachable => ": there is no route to that network",
        std::io::ErrorKind::HostUnreachable => ": there is no route to that host",
        std::io::ErrorKind::NetworkDown => ": the network is down",
        std::io::ErrorKind::AddrNotAvailable => ": this machine has no address to connect from",
        std::io::ErrorKind::PermissionDenied => ": this machine does not allow it",
        _ => "",
    }
}

/// Holds why TLS failed, and what the certificate says that was shown, where there was one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsFault {
    /// What went wrong.
    pub kind: TlsFaultKind,
    /// The name of the certificate's issuer: behind an inspecting proxy, it is the proxy's.
    pub issuer: Option<Untrusted>,
    /// What the certificate holds instead of what was wanted: other host names, or a date.
    pub instead: Option<Untrusted>,
}

impl From<TlsFaultKind> for TlsFault {
    fn from(kind: TlsFaultKind) -> Self {
        Self {
            kind,
            issuer: None,
            instead: None,
        }
    }
}

impl TlsFault {
    /// Returns what went wrong, with the certificate's own words set by `foreign`.
    pub fn words(&self, foreign: impl Fn(&Untrusted) -> String) -> String {
        let mut words = self.kind.to_string();
        if let Some(instead) = &self.instead {
            words = format!("{words} ({})", foreign(instead));
        }
        if let Some(issuer) = &self.issuer {
            words = format!("{words}; its issuer calls itself “{}”", foreign(issuer));
        }
        words
    }
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(Untrusted::to_string))
    }
}

/// The faults of TLS.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TlsFaultKind {
    /// The certificate's issuer is not trusted here.
    #[error("the certificate was issued by an authority that this machine does not trust")]
    UnknownIssuer,
    /// The certificate is its own issuer, and not trusted here.
    #[error("the certificate is self-signed, and this machine does not trust it")]
    SelfSigned,
    /// The server's own certificate is an authority's.
    #[error(
        "the certificate is an authority's own (CA:TRUE) and not one for a server, so it is \
         refused even where that authority is trusted"
    )]
    AuthorityAsServer,
    /// The certificate's time is over.
    #[error("the certificate has expired")]
    Expired,
    /// The certificate's time has not started.
    #[error("the certificate is not valid yet")]
    NotYetValid,
    /// The certificate is for another host.
    #[error("the certificate is for another host name")]
    WrongName,
    /// The certificate is unusable for another reason.
    #[error("the certificate can't be used")]
    BadCertificate,
    /// The server wants a certificate of the client, which Bitrise's does not.
    #[error("the server asks for a client certificate, which Bitrise's API does not")]
    ClientCertificateWanted,
    /// No common protocol version or cipher.
    #[error("there is no common TLS version or cipher (TLS 1.2 is the least)")]
    NoCommonProtocol,
    /// What answered does not speak TLS.
    #[error("what answered does not speak TLS")]
    NotTls,
    /// This machine has no store of root certificates.
    #[error("this machine has no root certificates to check against")]
    NoRoots,
    /// Anything else.
    #[error("the TLS handshake failed")]
    Other,
}

/// A way in which a proxy failed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProxyFault {
    /// The proxy's own name could not be resolved.
    #[error("the proxy's host name could not be resolved")]
    Dns,
    /// No connection to the proxy.
    #[error("no connection to the proxy could be made")]
    Unreachable,
    /// The proxy wants a user and password; without a response it is a SOCKS proxy.
    #[error("the proxy asks for authentication{}", in_brackets(.0.as_deref()))]
    AuthenticationRequired(Option<Box<ProxyResponse>>),
    /// The proxy's response does not say that the tunnel is open.
    #[error("the proxy did not open a connection to the host{}", in_brackets(.0.as_deref()))]
    Refused(Option<Box<ProxyResponse>>),
    /// The proxy's response has more headers, or longer ones, than any real one.
    #[error("the proxy's response is larger than any real one")]
    HeadersTooLarge,
    /// The proxy closed the connection without a response.
    #[error("the proxy closed the connection instead of opening one to the host")]
    Closed,
    /// The proxy's address starts with `https://`, but the proxy does not speak TLS.
    #[error("the proxy does not speak TLS, though its address starts with https://")]
    NotTls,
    /// TLS with the proxy itself failed, whose address starts with `https://`.
    #[error("the connection to the proxy itself could not be encrypted: {0}")]
    Tls(TlsFault),
}

/// The response of an HTTP proxy that did not open a connection to the host (RFC 9110, `CONNECT`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProxyResponse {
    /// The status code.
    pub status: u16,
    /// The kinds of authentication that it offers with a 407, in its order.
    pub schemes: Vec<AuthScheme>,
    /// Whether a user and password were sent to it.
    pub had_credentials: bool,
    /// What it says of who sent it.
    pub responder: Responder,
}

impl ProxyResponse {
    /// Makes a response of which nothing but the status is known.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            schemes: Vec::new(),
            had_credentials: false,
            responder: Responder::default(),
        }
    }
}

/// Returns what a proxy's response says, as it is added to a sentence.
fn in_brackets(response: Option<&ProxyResponse>) -> String {
    let Some(response) = response else {
        return String::new();
    };
    if response.schemes.is_empty() {
        return format!(" ({})", response.status);
    }
    let schemes: Vec<_> = response.schemes.iter().map(AuthScheme::as_str).collect();
    format!(" ({}; it offers {})", response.status, schemes.join(", "))
}

/// A kind of authentication that proxies offer (IANA, HTTP Authentication Schemes).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AuthScheme {
    /// User and password, which is the one that this program speaks.
    Basic,
    /// A digest of the password.
    Digest,
    /// Kerberos, or what the system negotiates.
    Negotiate,
    /// Windows' own.
    Ntlm,
    /// A token.
    Bearer,
}

impl AuthScheme {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Basic,
        Self::Digest,
        Self::Negotiate,
        Self::Ntlm,
        Self::Bearer,
    ];

    /// Returns the name as it stands in a header.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Basic => "Basic",
            Self::Digest => "Digest",
            Self::Negotiate => "Negotiate",
            Self::Ntlm => "NTLM",
            Self::Bearer => "Bearer",
        }
    }
}

impl From<ProxyFault> for TransportErrorKind {
    fn from(fault: ProxyFault) -> Self {
        Self::Proxy(fault)
    }
}

impl TransportErrorKind {
    /// Tells whether a retry may help.
    ///
    /// A certificate doesn't become trusted by asking again, and neither does a proxy open up;
    /// `--max-time` leaves no time for another attempt.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Dns
            | Self::Refused
            | Self::Closed
            | Self::ClosedInHandshake
            | Self::Unreachable(_)
            | Self::Undecodable
            | Self::Proxy(ProxyFault::Dns | ProxyFault::Unreachable | ProxyFault::Closed)
            | Self::ConnectTimeout
            | Self::Timeout
            | Self::Unknown => true,
            Self::NotLoopback
            | Self::NotHttp
            | Self::Tls(_)
            | Self::HeadTooLarge
            | Self::Proxy(
                ProxyFault::AuthenticationRequired(_)
                | ProxyFault::Refused(_)
                | ProxyFault::HeadersTooLarge
                | ProxyFault::NotTls
                | ProxyFault::Tls(_),
            )
            | Self::MaxTime => false,
        }
    }
}

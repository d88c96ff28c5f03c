//! What was seen on the network, as plain data.
//!
//! Invariant: no HTTP library is named here, and no meaning is given to what was seen; that is
//! the work of [`crate::classify`]. An [`Exchange`] never holds the token.

use crate::names::names;
use crate::text::Untrusted;
use crate::wire::Document;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;
use url::Url;

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
    pub outcome: Result<Response, Fault>,
}

impl Exchange {
    /// Makes an exchange of one attempt that took no time.
    pub fn new(url: impl Into<String>, outcome: Result<Response, Fault>) -> Self {
        Self {
            url: url.into(),
            attempts: 1,
            elapsed: Duration::ZERO,
            retry_after: None,
            remote_address: None,
            outcome,
        }
    }

    /// Returns the last attempt's response, where there was one.
    pub fn response(&self) -> Option<&Response> {
        self.outcome.as_ref().ok()
    }

    /// Returns the status, if there was a response and it is known.
    pub fn status(&self) -> Option<u16> {
        self.response().and_then(|response| response.status)
    }

    /// Returns why there was no response, or no complete one.
    pub fn fault(&self) -> Option<&Fault> {
        match self.outcome.as_ref().map(|response| &response.body) {
            Err(fault) | Ok(Body::Cut(fault)) => Some(fault),
            Ok(_) => None,
        }
    }
}

/// Tells whether an address leads to Bitrise's own host, `bitrise.io` or one below it.
pub fn is_bitrise(url: &str) -> bool {
    let url = Url::parse(url).ok();
    let name = url.as_ref().and_then(Url::domain);
    name.is_some_and(|name| name == "bitrise.io" || name.ends_with(".bitrise.io"))
}

/// The method of every request that this program sends.
pub const METHOD: &str = "GET";

/// One HTTP response.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The status code, 100 to 999; nothing if a pasted text does not tell it.
    pub status: Option<u16>,
    /// Whether the body told the status, since a pasted text does not show it.
    pub is_inferred: bool,
    /// The protocol as its name is written, as in `HTTP/1.1` or `HTTP/2`.
    pub http_version: Option<Cow<'static, str>>,
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
    /// Whether `WWW-Authenticate` asks for a login that Bitrise's API does not know, such as `Basic`.
    pub asks_login: bool,
    /// What the response says of who sent it.
    pub responder: Responder,
    /// The body, read within the limit.
    pub body: Body,
}

/// What a response says of who sent it: of use where it was not Bitrise's API.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Responder {
    /// The title of its page.
    pub title: Option<Untrusted>,
    /// `Server`, `Via` and the headers that name a box (`X-Squid-Error`, `CF-RAY`, …), with their
    /// names as they are usually written.
    pub headers: Vec<Header>,
}

/// A header that names a server or a box.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Header {
    /// Its name, as it is usually written.
    pub name: Untrusted,
    /// Its value.
    pub value: Untrusted,
}

impl Response {
    /// Makes a response of which nothing but status and body is known.
    pub fn new(status: impl Into<Option<u16>>, body: Body) -> Self {
        Self {
            status: status.into(),
            body,
            ..Self::default()
        }
    }

    /// Tells whether the response is a rate limit: a 429, or a 403 that says so, in its headers or
    /// in words, as GitHub's does.
    pub fn is_rate_limit(&self) -> bool {
        let says_so = matches!(&self.body, Body::Json(document) if document.says_rate_limit);
        let may_be = self.status == Some(403) && (self.has_rate_limit_headers || says_so);
        self.status == Some(429) || may_be
    }

    /// Tells whether a retry may get another response: a rate limit, 408 and 5xx,
    /// and a success whose body broke off. Any other 401, 403 and 404 is final.
    pub fn is_transient(&self) -> bool {
        match (self.status, &self.body) {
            (Some(408 | 500..=599), _) => true,
            (Some(200), Body::Cut(fault)) => fault.kind.is_transient(),
            _ => self.is_rate_limit(),
        }
    }

    /// Returns what the server says in its own words.
    pub const fn message(&self) -> Option<&Untrusted> {
        match &self.body {
            Body::Json(document) => document.message.as_ref(),
            _ => None,
        }
    }
}

/// A response's body by kind; what is not JSON is not kept.
#[derive(Clone, Debug, Default)]
pub enum Body {
    /// No bytes at all.
    #[default]
    Empty,
    /// Any JSON value, whatever the content type said, as far as the checks need it.
    Json(Document),
    /// A page of HTML, XHTML or XML, told by its first characters or its content type, also where it
    /// broke off or is too large.
    Html,
    /// The status's own word as plain text, such as `Unauthorized` with a 401.
    Word,
    /// Anything else.
    Other,
    /// More bytes than the limit.
    TooLarge,
    /// The connection ended or the time was over before the body was complete.
    Cut(Fault),
}

/// Why there was no response, or no complete one. Texts of a certificate or a proxy are foreign.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
pub struct Fault {
    /// What went wrong.
    pub kind: FaultKind,
    /// What went wrong between this machine and the proxy itself, if that was TLS
    /// ([`FaultKind::ProxyTls`]).
    pub within: Option<FaultKind>,
    /// The name of the certificate's issuer: behind an inspecting proxy, it is the proxy's.
    pub issuer: Option<Untrusted>,
    /// What the certificate holds instead of what was wanted: other host names, or a date.
    pub instead: Option<Untrusted>,
    /// What the proxy responded, if it did.
    pub proxy: Option<Box<ProxyResponse>>,
}

impl From<FaultKind> for Fault {
    fn from(kind: FaultKind) -> Self {
        Self {
            kind,
            within: None,
            issuer: None,
            instead: None,
            proxy: None,
        }
    }
}

impl Fault {
    /// Returns what went wrong with TLS, whether with the server or with the proxy itself.
    pub fn tls(&self) -> Option<FaultKind> {
        match self.kind {
            FaultKind::ProxyTls => self.within,
            FaultKind::ClosedInHandshake => None,
            kind => (kind.stage() == Stage::Handshake).then_some(kind),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.sentence())?;
        if let Some(within) = self.within {
            write!(f, ": {}", within.sentence())?;
        }
        let Some(response) = &self.proxy else {
            return Ok(());
        };
        let schemes: Vec<_> = response.schemes.iter().map(|one| one.as_str()).collect();
        match (response.status, schemes.join(", ")) {
            (status, schemes) if schemes.is_empty() => write!(f, " ({status})"),
            (status, schemes) => write!(f, " ({status}; it offers {schemes})"),
        }
    }
}

/// Where on the way from this machine to the server a request failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// The look-up of the server's name.
    Lookup,
    /// The connection to the server, or with a proxy to or behind that.
    Connection,
    /// The TLS handshake with the server.
    Handshake,
    /// The response; the request, and with it the token, was sent.
    Response,
    /// The look-up of the proxy's name.
    ProxyLookup,
    /// The connection to the proxy.
    ProxyConnection,
    /// The TLS handshake with the proxy.
    ProxyHandshake,
    /// The proxy, asked to connect to the server.
    Tunnel,
    /// It can't be told.
    Unknown,
}

/// Declares the table of faults: name, where it failed, whether a retry may help, sentence.
macro_rules! faults {
    ($($kind:ident $name:literal $stage:ident $transient:literal $sentence:literal)+) => {
        names! {
            /// The faults of transport. A retry does not help if a certificate is not trusted or a
            /// proxy does not open up, and `--max-time` leaves no time for one.
            pub enum FaultKind {
                $(#[doc = $sentence] $kind = $name (Stage::$stage, $transient, $sentence)),+
            }

            /// Returns where on the way it failed.
            pub stage: Stage,
            /// Tells whether a retry may help.
            pub is_transient: bool,
            /// Returns what went wrong, as the end of a sentence (ours, so safe to show).
            pub sentence: &'static str,
        }
    };
}

faults! {
    Dns "dns" Lookup true "the host name could not be resolved"
    NotLoopback "not_loopback" Lookup false "the name does not lead to this machine, and plain http goes nowhere else"
    Refused "refused" Connection true "the connection was refused"
    NoRoute "no_route" Connection true "no connection could be made: there is no route to that network"
    HostUnreachable "host_unreachable" Connection true "no connection could be made: there is no route to that host"
    NetworkDown "network_down" Connection true "no connection could be made: the network is down"
    NoLocalAddress "no_local_address" Connection true "no connection could be made: this machine has no address to connect from"
    NotPermitted "not_permitted" Connection true "no connection could be made: this machine does not allow it"
    Unreachable "unreachable" Connection true "no connection could be made"
    ConnectTimeout "connect_timeout" Connection true "the connection timed out (--timeout)"
    ClosedInHandshake "closed_in_handshake" Handshake true "the connection was closed while its encryption was being agreed on"
    TlsUnknownIssuer "tls_unknown_issuer" Handshake false "the certificate was issued by an authority that this machine does not trust"
    TlsSelfSigned "tls_self_signed" Handshake false "the certificate is self-signed, and this machine does not trust it"
    TlsAuthorityAsServer "tls_authority_as_server" Handshake false "the certificate is an authority's own (CA:TRUE) and not one for a server, so it is refused even where that authority is trusted"
    TlsExpired "tls_expired" Handshake false "the certificate has expired"
    TlsNotYetValid "tls_not_yet_valid" Handshake false "the certificate is not valid yet"
    TlsWrongName "tls_wrong_name" Handshake false "the certificate is for another host name"
    TlsBadCertificate "tls_bad_certificate" Handshake false "the certificate can't be used"
    TlsClientCertificateWanted "tls_client_certificate_wanted" Handshake false "the server asks for a client certificate, which Bitrise's API does not"
    TlsNoCommonProtocol "tls_no_common_protocol" Handshake false "there is no common TLS version or cipher (TLS 1.2 is the least)"
    TlsNotSpoken "tls_not_spoken" Handshake false "what answered does not speak TLS"
    TlsNoRoots "tls_no_roots" Handshake false "this machine has no root certificates to check against"
    TlsFailed "tls_failed" Handshake false "the TLS handshake failed"
    Closed "closed" Response true "the connection was closed before the response was complete"
    NotHttp "not_http" Response false "what came back is not HTTP"
    HeadersTooLarge "headers_too_large" Response false "the response's headers are larger than those of any real response"
    Undecodable "undecodable" Response true "the response's body could not be decoded"
    Timeout "timeout" Response true "no complete response came in time (--timeout)"
    ProxyDns "proxy_dns" ProxyLookup true "the proxy's host name could not be resolved"
    ProxyUnreachable "proxy_unreachable" ProxyConnection true "no connection to the proxy could be made"
    ProxyNotTls "proxy_not_tls" ProxyHandshake false "the proxy does not speak TLS, though its address starts with https://"
    ProxyTls "proxy_tls" ProxyHandshake false "the connection to the proxy itself could not be encrypted"
    ProxyLogin "proxy_login" Tunnel false "the proxy asks for authentication"
    ProxyRefused "proxy_refused" Tunnel false "the proxy did not open a connection to the host"
    ProxyHeadersTooLarge "proxy_headers_too_large" Tunnel false "the proxy's response is larger than any real one"
    ProxyClosed "proxy_closed" Tunnel true "the proxy closed the connection instead of opening one to the host"
    MaxTime "max_time" Unknown false "the time for the whole run was over (--max-time)"
    Unknown "unknown" Unknown true "the request failed for an unknown reason"
}

/// The response of an HTTP proxy that did not open a connection to the host (RFC 9110, `CONNECT`).
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ProxyResponse {
    /// The status code.
    pub status: u16,
    /// The kinds of authentication that it offers with a 407.
    pub schemes: Vec<AuthScheme>,
    /// Whether a user and password were sent to it.
    pub had_credentials: bool,
    /// What it says of who sent it.
    pub responder: Responder,
}

names! {
    /// A kind of authentication that proxies offer (IANA, HTTP Authentication Schemes).
    pub enum AuthScheme {
        /// User and password, which is the one that this program speaks.
        Basic = "Basic",
        /// A digest of the password.
        Digest = "Digest",
        /// Kerberos, or what the system negotiates.
        Negotiate = "Negotiate",
        /// Windows' own.
        Ntlm = "NTLM",
        /// A token.
        Bearer = "Bearer",
    }
}

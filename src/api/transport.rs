//! The connection: DNS, and faults by their type.

use super::tls;
use crate::exchange::{Fault, FaultKind, ProxyResponse, Stage};
use crate::proxy::{self, ProxyUrl};
use crate::text::Clean;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::pki_types::InvalidDnsNameError;
use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

/// The addresses that names were last found to have. There are two names at most, the server's and
/// a proxy's.
#[derive(Clone, Default)]
pub(super) struct Lookups(Arc<Mutex<HashMap<String, Vec<IpAddr>>>>);

impl Lookups {
    fn note(&self, name: &str, addresses: Vec<IpAddr>) {
        if let Ok(mut found) = self.0.lock() {
            found.insert(name.to_owned(), addresses);
        }
    }

    /// Returns the addresses that the last lookup of a name found, if there was one.
    fn found(&self, name: &str) -> Option<Vec<IpAddr>> {
        self.0.lock().ok()?.get(name).cloned()
    }
}

/// Resolves names with the system's resolver, and keeps the fault's type.
pub(super) struct Resolver {
    /// Whether addresses of other machines are dropped, as plain `http` demands.
    pub(super) loopback_only: bool,
    /// Is told what was found.
    pub(super) lookups: Lookups,
}

/// Why a name led nowhere.
#[derive(Debug, thiserror::Error)]
enum ResolveError {
    #[error("the host name could not be resolved")]
    Failed {
        /// The name.
        name: String,
    },
    #[error("the host name does not lead to this machine")]
    NotLoopback,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (loopback_only, lookups) = (self.loopback_only, self.lookups.clone());
        Box::pin(async move {
            let name = name.as_str().to_ascii_lowercase();
            lookups.note(&name, Vec::new());
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found: Vec<SocketAddr> = found.map(Iterator::collect).unwrap_or_default();
            let usable: Vec<SocketAddr> = found
                .iter()
                .copied()
                .filter(|address| !loopback_only || address.ip().is_loopback())
                .collect();
            lookups.note(&name, usable.iter().map(SocketAddr::ip).collect());
            match (usable.is_empty(), found.is_empty()) {
                (true, true) => Err(ResolveError::Failed { name }.into()),
                (true, false) => Err(ResolveError::NotLoopback.into()),
                (false, _) => Ok(Box::new(usable.into_iter()) as Addrs),
            }
        })
    }
}

/// Where connections are made to, and what is known of it.
pub(super) struct Way {
    /// The server's name or address as it stands in its URL, and its port.
    pub(super) server: (String, u16),
    /// The proxy in front of it.
    pub(super) proxy: Option<ProxyUrl>,
    lookups: Lookups,
}

impl Way {
    /// Makes the way to a base URL.
    pub(super) fn new(base: &Url, proxy: Option<ProxyUrl>, lookups: Lookups) -> Self {
        let host = base.host_str().unwrap_or_default();
        let port = base.port_or_known_default().unwrap_or_default();
        Self {
            server: (host.to_owned(), port),
            proxy,
            lookups,
        }
    }

    /// Returns the address that the last connection was tried to, the proxy's if there is one;
    /// nothing if the name has none. Of several addresses it is the first.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        let (host, port) = match &self.proxy {
            Some(proxy) => proxy.place(),
            None => (self.server.0.as_str(), self.server.1),
        };
        let host = host.trim_matches(['[', ']']);
        let first = || self.lookups.found(host)?.first().copied();
        Some(SocketAddr::new(host.parse().ok().or_else(first)?, port))
    }

    /// Tells a fault by the types in its chain of causes, never by its words, with one exception
    /// (see [`proxy_fault`]). `clean` removes the token from a certificate's words.
    pub(super) fn fault(&self, error: &reqwest::Error, clean: Clean<'_>) -> Fault {
        let proxy = self.proxy.as_ref().filter(|_| error.is_connect());
        let tls = find::<rustls::Error>(error).map(|error| tls::fault(error, clean));
        match (tls, proxy) {
            (Some(fault), Some(proxy)) if proxy.scheme == "https" && is_before_proxy(error) => {
                if fault.kind == FaultKind::TlsNotSpoken {
                    FaultKind::ProxyNotTls.into()
                } else {
                    Fault {
                        kind: FaultKind::ProxyTls,
                        within: Some(fault.kind),
                        ..fault
                    }
                }
            }
            (Some(fault), _) => fault,
            // Whoever was silent, the proxy or what is behind it, can't be told.
            (None, _) if error.is_timeout() => FaultKind::ConnectTimeout.into(),
            (None, proxy) => {
                let fault = match proxy {
                    Some(proxy) => self.behind_proxy(error, proxy),
                    None => kind(error).into(),
                };
                let is_encrypted = error.url().is_some_and(|url| url.scheme() == "https");
                let in_handshake = error.is_connect() && is_encrypted;
                if in_handshake && fault.kind == FaultKind::Closed {
                    return FaultKind::ClosedInHandshake.into();
                }
                fault
            }
        }
    }

    /// Tells what went wrong while a connection through the proxy was being made.
    fn behind_proxy(&self, error: &reqwest::Error, proxy: &ProxyUrl) -> Fault {
        let (host, _) = proxy.place();
        if let Some(ResolveError::Failed { name }) = find(error) {
            // With `socks5://` the server's name is looked up here, too.
            let is_proxy = name == host;
            return if is_proxy {
                FaultKind::ProxyDns
            } else {
                FaultKind::Dns
            }
            .into();
        }
        let fault = proxy_fault(error, proxy);
        let is_unreachable = |fault: &Fault| fault.kind == FaultKind::ProxyUnreachable;
        let has_failed = || self.lookups.found(host).as_deref() == Some(&[]);
        // A SOCKS proxy's fault hides what it comes from.
        if fault.as_ref().is_some_and(is_unreachable) && has_failed() {
            return FaultKind::ProxyDns.into();
        }
        match kind(error) {
            // A name that can't be one, of a proxy whose connection is encrypted.
            FaultKind::Dns if is_before_proxy(error) => FaultKind::ProxyDns.into(),
            FaultKind::Closed if proxy.scheme == "https" && is_before_proxy(error) => {
                FaultKind::ProxyClosed.into()
            }
            // Every address that is connected to from here is the proxy's.
            other if other.stage() == Stage::Connection && other != FaultKind::ConnectTimeout => {
                FaultKind::ProxyUnreachable.into()
            }
            // If the proxy did nothing wrong, what is behind it broke off.
            other => fault.unwrap_or_else(|| other.into()),
        }
    }
}

/// Returns the proxy that the system's settings name for an address, where it has such (macOS and
/// Windows).
pub(super) fn system_proxy(url: &Url) -> Option<ProxyUrl> {
    let found = Matcher::from_system().intercept(&url.as_str().parse().ok()?)?;
    ProxyUrl::parse(&found.uri().to_string()).ok()
}

/// Sends a proxy a request in clear, and returns its response as far as it came.
pub(super) async fn ask(proxy: SocketAddr, request: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(proxy).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut received = Vec::new();
    while !proxy::is_complete(&received) && stream.read_buf(&mut received).await? > 0 {}
    Ok(received)
}

/// Tells a fault that is neither of TLS nor of a proxy.
fn kind(error: &reqwest::Error) -> FaultKind {
    match find::<ResolveError>(error) {
        Some(ResolveError::Failed { .. }) => return FaultKind::Dns,
        Some(ResolveError::NotLoopback) => return FaultKind::NotLoopback,
        None => {}
    }
    if find::<InvalidDnsNameError>(error).is_some() {
        return FaultKind::Dns;
    }
    // The innermost one is what the system said; those around it may be of no kind of their own.
    let system = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>());
    if let Some(kind) = system.last().and_then(|error| io_kind(error.kind())) {
        return kind;
    }
    match find::<hyper::Error>(error) {
        Some(error) if error.is_parse_too_large() => FaultKind::HeadersTooLarge,
        Some(error) if error.is_parse() => FaultKind::NotHttp,
        Some(error) if error.is_incomplete_message() || error.is_closed() => FaultKind::Closed,
        // The server broke off a stream of HTTP/2 or the whole connection (RST_STREAM, GOAWAY).
        Some(error) if error.source().is_some() => FaultKind::Closed,
        Some(_) | None if error.is_decode() => FaultKind::Undecodable,
        Some(_) | None => FaultKind::Unknown,
    }
}

fn io_kind(kind: io::ErrorKind) -> Option<FaultKind> {
    Some(match kind {
        io::ErrorKind::ConnectionRefused => FaultKind::Refused,
        io::ErrorKind::TimedOut => FaultKind::ConnectTimeout,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected
        | io::ErrorKind::UnexpectedEof => FaultKind::Closed,
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => {
            return None;
        }
        io::ErrorKind::NetworkUnreachable => FaultKind::NoRoute,
        io::ErrorKind::HostUnreachable => FaultKind::HostUnreachable,
        io::ErrorKind::NetworkDown => FaultKind::NetworkDown,
        io::ErrorKind::AddrNotAvailable => FaultKind::NoLocalAddress,
        io::ErrorKind::PermissionDenied => FaultKind::NotPermitted,
        _ => FaultKind::Unreachable,
    })
}

/// Tells what the proxy did instead of opening a tunnel.
///
/// The library's types for a failed tunnel are not public, so their words are all there is; tests
/// on real proxies pin them.
fn proxy_fault(error: &reqwest::Error, proxy: &ProxyUrl) -> Option<Fault> {
    const WORDS: [(&str, FaultKind); 10] = [
        (BEFORE_PROXY, FaultKind::ProxyUnreachable),
        (UNAUTHORIZED, FaultKind::ProxyLogin),
        (
            "tunnel error: proxy response headers too long",
            FaultKind::ProxyHeadersTooLarge,
        ),
        ("tunnel error: unsuccessful", FaultKind::ProxyRefused),
        (
            "tunnel error: unexpected end of file",
            FaultKind::ProxyClosed,
        ),
        ("tunnel error: io error", FaultKind::ProxyClosed),
        ("SOCKS error: io error", FaultKind::ProxyClosed),
        ("does not support user/pass", FaultKind::ProxyLogin),
        ("credentials not accepted", FaultKind::ProxyLogin),
        ("SOCKS error", FaultKind::ProxyRefused),
    ];
    let words: Vec<String> = causes(error).map(ToString::to_string).collect();
    let is_said = |part: &str| words.iter().any(|word| word.contains(part));
    let (said, kind) = WORDS.into_iter().find(|(part, _)| is_said(part))?;
    if said != UNAUTHORIZED {
        return Some(kind.into());
    }
    let response = ProxyResponse {
        had_credentials: proxy.login.is_some(),
        ..ProxyResponse::new(407)
    };
    Some(Fault::of_proxy(kind, response))
}

/// The library's words for a 407.
const UNAUTHORIZED: &str = "tunnel error: proxy authorization required";

/// The library's words for a connection to the proxy that did not come about.
const BEFORE_PROXY: &str = "failed to create underlying connection";

/// Tells whether a connection through a proxy failed before the proxy was asked for anything.
fn is_before_proxy(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| cause.to_string().contains(BEFORE_PROXY))
}

/// Finds the first error of a type in a chain of causes, also inside of I/O errors, which hide
/// what they wrap from the chain.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn Error + 'static) = *error;
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        wrapped.map_or_else(|| error.source(), |wrapped| Some(wrapped))
    })
}

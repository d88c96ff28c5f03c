//! The connection: DNS, and faults by their type.

use super::{USER_AGENT, tls};
use crate::exchange::FaultKind::{
    self, Closed, ClosedInHandshake, ConnectTimeout, Dns, HeadersTooLarge, HostUnreachable,
    NetworkDown, NoLocalAddress, NoRoute, NotHttp, NotLoopback, NotPermitted, ProxyClosed,
    ProxyDns, ProxyHeadersTooLarge, ProxyLogin, ProxyNotTls, ProxyRefused, ProxyTls,
    ProxyUnreachable, Refused, TlsNotSpoken, Undecodable, Unknown, Unreachable,
};
use crate::exchange::{Fault, ProxyResponse, Stage};
use crate::proxy::{self, ProxyUrl};
use crate::text::Clean;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::pki_types::InvalidDnsNameError;
use std::collections::HashMap;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// The longest time that a proxy is asked again for what it refuses.
const MAX_ASKING: Duration = Duration::from_secs(5);

/// The library's words for a 407.
const UNAUTHORIZED: &str = "tunnel error: proxy authorization required";

/// The library's words for a connection to the proxy that did not come about.
const BEFORE_PROXY: &str = "failed to create underlying connection";

/// The library's words for what a proxy did instead of opening a tunnel. Its types for that are not
/// public, so their words are all there is; tests on real proxies pin them.
const WORDS: [(&str, FaultKind); 10] = [
    (BEFORE_PROXY, ProxyUnreachable),
    (UNAUTHORIZED, ProxyLogin),
    ("proxy response headers too long", ProxyHeadersTooLarge),
    ("tunnel error: unsuccessful", ProxyRefused),
    ("tunnel error: unexpected end of file", ProxyClosed),
    ("tunnel error: io error", ProxyClosed),
    ("SOCKS error: io error", ProxyClosed),
    ("does not support user/pass", ProxyLogin),
    ("credentials not accepted", ProxyLogin),
    ("SOCKS error", ProxyRefused),
];

/// The addresses that names were last found to have; none while one is looked up. There are two names
/// at most, the server's and a proxy's.
pub(super) type Lookups = Arc<Mutex<HashMap<String, Vec<IpAddr>>>>;

/// Resolves names with the system's resolver, and keeps the fault's type.
pub(super) struct Resolver {
    /// Whether addresses of other machines are dropped, as plain `http` demands.
    pub(super) loopback_only: bool,
    /// Is told what was found.
    pub(super) lookups: Lookups,
}

/// Why a name led nowhere.
#[derive(Debug, thiserror::Error)]
#[error("the host name leads nowhere")]
struct Unresolved {
    name: String,
    kind: FaultKind,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (loopback_only, lookups) = (self.loopback_only, self.lookups.clone());
        Box::pin(async move {
            let name = name.as_str().to_ascii_lowercase();
            let note = |addresses| {
                if let Ok(mut found) = lookups.lock() {
                    found.insert(name.clone(), addresses);
                }
            };
            note(Vec::new());
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found: Vec<SocketAddr> = found.map(Iterator::collect).unwrap_or_default();
            let usable = found.iter().copied();
            let usable = usable.filter(|address| !loopback_only || address.ip().is_loopback());
            let usable: Vec<SocketAddr> = usable.collect();
            note(usable.iter().map(SocketAddr::ip).collect());
            if usable.is_empty() {
                let kind = match found[..] {
                    [] => Dns,
                    _ => NotLoopback,
                };
                return Err(Unresolved { name, kind }.into());
            }
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}

/// Where connections are made to, and what is known of it.
pub(super) struct Way {
    /// The server's name or address as it stands in its URL, and its port.
    pub(super) server: (String, u16),
    /// The proxy in front of it.
    pub(super) proxy: Option<ProxyUrl>,
    pub(super) lookups: Lookups,
}

impl Way {
    /// Returns the address that the last connection was tried to, the proxy's if there is one;
    /// nothing if the name has none. Of several addresses it is the first.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        let (host, port) = match &self.proxy {
            Some(proxy) => proxy.place(),
            None => (self.server.0.as_str(), self.server.1),
        };
        let host = host.trim_matches(['[', ']']);
        let first = || self.lookups.lock().ok()?.get(host)?.first().copied();
        Some(SocketAddr::new(host.parse().ok().or_else(first)?, port))
    }

    /// Tells a fault by the types in its chain of causes, never by its words, with one exception
    /// (see [`WORDS`]). `clean` removes the token from a certificate's words.
    pub(super) fn fault(&self, error: &reqwest::Error, clean: Clean<'_>) -> Fault {
        let proxy = self.proxy.as_ref().filter(|_| error.is_connect());
        if let Some(tls) = find(error) {
            let fault = tls::fault(tls, clean);
            let is_of_proxy = proxy.is_some_and(|proxy| proxy.scheme == "https")
                && causes(error).any(|cause| cause.to_string().contains(BEFORE_PROXY));
            return match fault.kind {
                _ if !is_of_proxy => fault,
                TlsNotSpoken => ProxyNotTls.into(),
                within => Fault {
                    kind: ProxyTls,
                    within: Some(within),
                    ..fault
                },
            };
        }
        // Whoever was silent, the proxy or what is behind it, can't be told.
        if error.is_timeout() {
            return ConnectTimeout.into();
        }
        let fault = match proxy {
            Some(proxy) => self.behind_proxy(error, proxy),
            None => kind(error).into(),
        };
        let is_encrypted = error.url().is_some_and(|url| url.scheme() == "https");
        match fault.kind {
            Closed if is_encrypted && error.is_connect() => ClosedInHandshake.into(),
            _ => fault,
        }
    }

    /// Tells what went wrong while a connection through the proxy was being made.
    fn behind_proxy(&self, error: &reqwest::Error, proxy: &ProxyUrl) -> Fault {
        let (host, _) = proxy.place();
        let words: Vec<String> = causes(error).map(ToString::to_string).collect();
        let is_said = |(part, _): &(&str, _)| words.iter().any(|word| word.contains(part));
        let said = WORDS.into_iter().find(is_said);
        let is_before = said.is_some_and(|(part, _)| part == BEFORE_PROXY);
        let lookups = self.lookups.lock();
        let has_failed = lookups.is_ok_and(|found| found.get(host).is_some_and(Vec::is_empty));
        let is_proxys = |unresolved: &Unresolved| unresolved.name == host;
        match (kind(error), said) {
            // With `socks5://` the server's name is looked up here, too. Or it is a name that can't be
            // one, of a proxy whose connection is encrypted.
            (Dns, _) if find(error).map_or(is_before, is_proxys) => ProxyDns.into(),
            (Dns, _) => Dns.into(),
            // A SOCKS proxy's fault hides what it comes from.
            (_, Some((_, ProxyUnreachable))) if has_failed => ProxyDns.into(),
            (Closed, _) if proxy.scheme == "https" && is_before => ProxyClosed.into(),
            // Every address that is connected to from here is the proxy's.
            (other, _) if other.stage() == Stage::Connection && other != ConnectTimeout => {
                ProxyUnreachable.into()
            }
            (_, Some((UNAUTHORIZED, kind))) => {
                let response = ProxyResponse {
                    had_credentials: proxy.login.is_some(),
                    status: 407,
                    ..ProxyResponse::default()
                };
                Fault {
                    proxy: Some(Box::new(response)),
                    ..kind.into()
                }
            }
            (_, Some((_, kind))) => kind.into(),
            // If the proxy did nothing wrong, what is behind it broke off.
            (other, None) => other.into(),
        }
    }

    /// Adds to the fault of a proxy what the proxy says, if it says something, as one of SOCKS does
    /// not: the HTTP library tells no more of its response than that it was no success, or a 407. So
    /// it is asked once more, with the same bytes; a password that was wrong is left out, so that it
    /// does not count twice.
    pub(super) async fn ask(&self, fault: Fault, until: Instant, clean: Clean<'_>) -> Fault {
        let is_407 = fault.kind == ProxyLogin;
        let is_of_proxy = is_407 || fault.kind == ProxyRefused;
        let proxy = self.proxy.as_ref();
        let proxy = proxy.filter(|proxy| is_of_proxy && proxy.scheme == "http");
        let (Some(proxy), Some(address)) = (proxy, self.address()) else {
            return fault;
        };
        let (host, port) = &self.server;
        let request = proxy.request(&format!("{host}:{port}"), USER_AGENT, !is_407);
        let mut received = Vec::new();
        let asked = async {
            let mut stream = TcpStream::connect(address).await?;
            stream.write_all(request.as_bytes()).await?;
            while !proxy::is_complete(&received) && stream.read_buf(&mut received).await? > 0 {}
            io::Result::Ok(())
        };
        let until = until.min(Instant::now() + MAX_ASKING);
        let Ok(Ok(())) = timeout_at(until, asked).await else {
            return fault;
        };
        // Another response than the first time is not what this fault is about.
        let fits = |words: &ProxyResponse| (words.status == 407) == is_407 && words.status != 200;
        let words = proxy.response(&received, clean).filter(fits);
        Fault {
            proxy: words.map(Box::new).or(fault.proxy),
            ..fault
        }
    }
}

/// Tells a fault that is neither of TLS nor of a proxy.
fn kind(error: &reqwest::Error) -> FaultKind {
    if let Some(Unresolved { kind, .. }) = find(error) {
        return *kind;
    }
    if find::<InvalidDnsNameError>(error).is_some() {
        return Dns;
    }
    // The innermost one is what the system said; those around it may be of no kind of their own.
    let system = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>());
    match system.last().map_or(ErrorKind::Other, io::Error::kind) {
        ErrorKind::ConnectionRefused => Refused,
        ErrorKind::TimedOut => ConnectTimeout,
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::NotConnected
        | ErrorKind::UnexpectedEof => Closed,
        ErrorKind::NetworkUnreachable => NoRoute,
        ErrorKind::HostUnreachable => HostUnreachable,
        ErrorKind::NetworkDown => NetworkDown,
        ErrorKind::AddrNotAvailable => NoLocalAddress,
        ErrorKind::PermissionDenied => NotPermitted,
        ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::Other => {
            match find::<hyper::Error>(error) {
                Some(error) if error.is_parse_too_large() => HeadersTooLarge,
                Some(error) if error.is_parse() => NotHttp,
                Some(error) if error.is_incomplete_message() || error.is_closed() => Closed,
                // The server broke off a stream of HTTP/2 or the whole connection (RST_STREAM,
                // GOAWAY).
                Some(error) if error.source().is_some() => Closed,
                Some(_) | None if error.is_decode() => Undecodable,
                Some(_) | None => Unknown,
            }
        }
        _ => Unreachable,
    }
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

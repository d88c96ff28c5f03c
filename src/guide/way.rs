//! Where on the way from this machine to Bitrise a request broke.

use crate::exchange::{Exchange, ProxyFault, TransportErrorKind};
use crate::report::Target;
use url::Url;

/// Returns the way that a request went and where it broke, or nothing where the response came whole
/// or the place can't be told.
pub fn way(target: &Target, exchange: &Exchange) -> Option<String> {
    let error = exchange.fault()?;
    let url = Url::parse(&exchange.url).ok()?;
    let host = url.host_str()?;
    let proxy = target.proxy.as_deref();
    let place = place(&error.kind, proxy.is_some(), host)?;
    let through = proxy.map_or_else(String::new, |proxy| format!(" → proxy {proxy}"));
    Some(format!("this machine{through} → {host}, broken {place}"))
}

fn place(kind: &TransportErrorKind, via_proxy: bool, host: &str) -> Option<String> {
    let place = match kind {
        TransportErrorKind::Dns
        | TransportErrorKind::NotLoopback
        | TransportErrorKind::Proxy(ProxyFault::Dns) => {
            "on this machine, at the lookup of the name; nothing was sent"
        }
        TransportErrorKind::Proxy(ProxyFault::Unreachable) => {
            "between this machine and the proxy; nothing was sent"
        }
        TransportErrorKind::Proxy(_) => "at the proxy; the token was not sent",
        TransportErrorKind::Refused
        | TransportErrorKind::Unreachable(_)
        | TransportErrorKind::ConnectTimeout => {
            let last = if via_proxy {
                "the proxy or behind it"
            } else {
                host
            };
            return Some(format!(
                "between this machine and {last}; the token was not sent"
            ));
        }
        TransportErrorKind::Tls(_) | TransportErrorKind::ClosedInHandshake => {
            "when the encryption was to be agreed on; the token was not sent"
        }
        TransportErrorKind::Closed
        | TransportErrorKind::NotHttp
        | TransportErrorKind::HeadTooLarge
        | TransportErrorKind::Undecodable
        | TransportErrorKind::Timeout => {
            "after the connection was made, before the response was complete"
        }
        TransportErrorKind::MaxTime | TransportErrorKind::Unknown => return None,
    };
    Some(place.to_owned())
}

//! Proxies: which one is used, and what it did instead of opening a connection to the host.

use crate::exchange::{AuthScheme, ProxyResponse};
use crate::proxy::Route;
use crate::responder::{self, Clean};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::ClientBuilder;
use reqwest::header::{
    CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION,
    USER_AGENT,
};
use secrecy::{ExposeSecret, SecretString};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use url::Url;

/// The longest time that a proxy is asked again for what it refuses.
const MAX_ASKING: Duration = Duration::from_secs(5);

/// The maximum number of bytes that are read of a proxy's response, its headers and its page.
const MAX_RESPONSE: usize = 16 * 1024;

/// Sets the proxy of a client, or none. The library reads no variable of its own then; the system's
/// settings, where there are such, are left to it.
///
/// # Errors
/// Returns the library's error; no address that was read as one is known to cause it.
pub(super) fn set(builder: ClientBuilder, route: &Route) -> reqwest::Result<ClientBuilder> {
    Ok(match route {
        Route::System => builder,
        Route::Direct => builder.no_proxy(),
        Route::Proxy(proxy) => builder
            .no_proxy()
            .proxy(reqwest::Proxy::all(proxy.expose())?),
    })
}

/// Returns what the HTTP library makes of a route: the proxy that it takes for an address.
fn matcher(route: &Route) -> Matcher {
    match route {
        Route::System => Matcher::from_system(),
        Route::Direct => Matcher::builder().build(),
        Route::Proxy(proxy) => Matcher::builder().all(proxy.expose()).build(),
    }
}

/// A proxy that requests go through.
pub(super) struct Proxy {
    scheme: String,
    /// The host's name or address, without the brackets of IPv6.
    host: String,
    port: u16,
    /// The host and port without what may be secret, as the user wrote them.
    authority: String,
    /// The user and password, as an HTTP proxy gets them.
    credentials: Option<HeaderValue>,
    /// The user, the password and both together, in clear.
    secrets: Vec<SecretString>,
    /// The server that a connection is wanted to, with its port.
    target: String,
}

impl Proxy {
    /// Returns the proxy that requests to this address go through.
    ///
    /// What decides is what the HTTP client itself uses, so both always agree.
    pub(super) fn of(url: &Url, route: &Route) -> Option<Self> {
        let intercept = matcher(route).intercept(&url.as_str().parse().ok()?)?;
        let uri = intercept.uri();
        let authority = uri.authority()?.as_str();
        let without_user = authority.rsplit_once('@').map(|(_, host)| host);
        let scheme = uri.scheme_str().unwrap_or("http");
        // As the library has it, also for SOCKS.
        let default_port = if scheme == "https" { 443 } else { 80 };
        Some(Self {
            scheme: scheme.to_owned(),
            host: uri.host()?.trim_matches(['[', ']']).to_ascii_lowercase(),
            port: uri.port_u16().unwrap_or(default_port),
            authority: without_user.unwrap_or(authority).to_owned(),
            credentials: intercept.basic_auth().cloned(),
            secrets: secrets(intercept.basic_auth(), intercept.raw_auth()),
            target: format!("{}:{}", url.host_str()?, url.port_or_known_default()?),
        })
    }

    /// Returns the proxy's address without user and password.
    pub(super) fn shown(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }

    /// Returns the host and the port that connections are made to.
    pub(super) fn place(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// Tells whether the connection to the proxy itself is encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        self.scheme == "https"
    }

    /// Tells whether a user and password are sent to the proxy.
    pub(super) const fn has_credentials(&self) -> bool {
        self.credentials.is_some()
    }

    /// Returns the user and the password, which a proxy may say again: in its page, its headers or a
    /// certificate that it makes.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(ExposeSecret::expose_secret)
    }

    /// Asks the proxy once more for the connection that it has refused, and returns its response:
    /// the HTTP client tells no more of the first one than that it was no success, or a 407.
    ///
    /// What is sent is what the HTTP client has sent, byte for byte; user and password are left out
    /// if `with_credentials` is false, so that a wrong password does not count twice. Nothing is
    /// asked through an encrypted connection, nor of a SOCKS proxy, which has no words.
    pub(super) async fn ask_again(
        &self,
        address: SocketAddr,
        with_credentials: bool,
        until: Instant,
        clean: Clean<'_>,
    ) -> Option<ProxyResponse> {
        if self.scheme != "http" {
            return None;
        }
        let until = until.min(Instant::now() + MAX_ASKING);
        let asked = timeout_at(until, self.ask(address, with_credentials)).await;
        let (status, headers, page) = asked.ok()??;
        Some(ProxyResponse {
            had_credentials: self.has_credentials(),
            schemes: schemes(&headers),
            responder: responder::responder(&super::pairs(&headers), &page, clean),
            ..ProxyResponse::new(status)
        })
    }

    async fn ask(
        &self,
        address: SocketAddr,
        with_credentials: bool,
    ) -> Option<(u16, HeaderMap, Vec<u8>)> {
        let target = &self.target;
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
        let credentials = self.credentials.as_ref().filter(|_| with_credentials);
        let agent = HeaderValue::from_static(super::USER_AGENT);
        let headers = credentials.map(|value| (PROXY_AUTHORIZATION, value));
        for (name, value) in headers.into_iter().chain([(USER_AGENT, &agent)]) {
            request.extend_from_slice(name.as_str().as_bytes());
            request.extend_from_slice(b": ");
            request.extend_from_slice(value.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(&request).await.ok()?;
        let mut received = Vec::new();
        loop {
            let head = head(&received);
            let wanted = head.as_ref().map_or(MAX_RESPONSE, |(_, headers, start)| {
                start.saturating_add(content_length(headers))
            });
            let is_complete = received.len() >= wanted.min(MAX_RESPONSE);
            if is_complete || stream.read_buf(&mut received).await.ok()? == 0 {
                let (status, headers, start) = head?;
                return Some((status, headers, received.split_off(start)));
            }
        }
    }
}

/// Returns the user, the password and both together: an HTTP proxy gets them in one header, and a
/// SOCKS proxy each by itself.
fn secrets(basic: Option<&HeaderValue>, raw: Option<(&str, &str)>) -> Vec<SecretString> {
    let decoded = basic.and_then(|value| {
        let encoded = value.as_bytes().strip_prefix(b"Basic ")?;
        String::from_utf8(STANDARD.decode(encoded).ok()?).ok()
    });
    let both = decoded.or_else(|| raw.map(|(user, password)| format!("{user}:{password}")));
    let Some(both) = both else {
        return Vec::new();
    };
    let (user, password) = both.split_once(':').unwrap_or((&both, ""));
    [user, password, &both].map(SecretString::from).into()
}

fn content_length(headers: &HeaderMap) -> usize {
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

/// Reads the status and the headers of a response, if they are complete, and returns with them
/// where they end.
fn head(received: &[u8]) -> Option<(u16, HeaderMap, usize)> {
    const END: &[u8] = b"\r\n\r\n";
    let mut places = received.windows(END.len());
    let end = places.position(|place| place == END)?;
    let mut lines = received[..end]
        .split(|b| *b == b'\n')
        .map(<[u8]>::trim_ascii);
    let status = lines.next()?.strip_prefix(b"HTTP/1.")?.get(2..5)?;
    let status = std::str::from_utf8(status).ok()?.parse().ok()?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let colon = line.iter().position(|b| *b == b':')?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        let name = HeaderName::from_bytes(name).ok()?;
        headers.append(name, HeaderValue::from_bytes(value).ok()?);
    }
    Some((status, headers, end + END.len()))
}

/// Returns the kinds of authentication that a proxy offers.
fn schemes(headers: &HeaderMap) -> Vec<AuthScheme> {
    let mut offered = Vec::new();
    for value in headers.get_all(PROXY_AUTHENTICATE) {
        let value = String::from_utf8_lossy(value.as_bytes());
        for challenge in value.split(',') {
            let name = challenge.split_whitespace().next().unwrap_or_default();
            let mut known = AuthScheme::ALL.iter().copied();
            let scheme = known.find(|scheme| scheme.as_str().eq_ignore_ascii_case(name));
            offered.extend(scheme.filter(|scheme| !offered.contains(scheme)));
        }
    }
    offered
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_response_is_read_once_its_headers_are_complete() {
        let squid = b"HTTP/1.1 407 Proxy Authentication Required\r\nServer: squid\r\n\
            Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM, basic realm=\"a, Basic b\"\r\n\
            proxy-authenticate: Digest realm=\"x\"\r\n\r\n<html>";
        let (status, headers, start) = head(squid).unwrap();
        assert_eq!((status, &squid[start..]), (407, b"<html>".as_slice()));
        let expected = [
            AuthScheme::Negotiate,
            AuthScheme::Ntlm,
            AuthScheme::Basic,
            AuthScheme::Digest,
        ];
        assert_eq!(schemes(&headers), expected);
        for length in 0..start {
            assert_eq!(head(&squid[..length]), None);
        }
        assert_eq!(head(b"HTTP/1.0 403\r\n\r\n").unwrap().0, 403);
        for odd in [
            "220 mail\r\n\r\n",
            "HTTP/1.1 x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nx\r\n\r\n",
        ] {
            assert_eq!(head(odd.as_bytes()), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn any_response_is_read(rest in any::<Vec<u8>>()) {
            let response = [b"HTTP/1.1 403 No\r\nA: ".as_slice(), &rest, b"\r\n\r\n"].concat();
            if let Some((status, headers, _)) = head(&response) {
                prop_assert_eq!(status, 403);
                prop_assert!(schemes(&headers).is_empty() && headers.len() < response.len());
            }
        }
    }
}

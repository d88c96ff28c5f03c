//! The proxy between this machine and Bitrise: how its address is read, which one the environment asks
//! for, and what it says if it does not open a connection.
//!
//! Invariant: no I/O, and nothing here shows a part of a variable's value: a user and password may
//! stand anywhere in one that is badly written.

use crate::exchange::{AuthScheme, ProxyResponse};
use crate::plan::NotRun;
use crate::responder;
use crate::text::Clean;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper_util::client::proxy::matcher::Matcher;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str};
use std::borrow::Cow;
use std::fmt;
use std::num::NonZero;
use url::Url;

/// What stays as it is in a part of an address: RFC 3986's unreserved characters.
pub const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The schemes of proxies.
const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// The port of a SOCKS proxy, if none is given (curl: `CURL_DEFAULT_PROXY_PORT`).
const SOCKS_PORT: u16 = 1080;

/// The maximum number of bytes that are read of a proxy's response, its headers and its page.
const MAX_RESPONSE: usize = 16 * 1024;

/// The way that requests to a host take.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Route {
    /// What the system's settings say, where it has such (macOS and Windows); else no proxy.
    #[default]
    System,
    /// No proxy, since `NO_PROXY` names the host.
    Direct,
    /// The proxy of a variable.
    Proxy(ProxyUrl),
}

/// The variables that decide about a proxy for `https`, with their values: those that are set and
/// not empty.
#[derive(Default)]
pub struct Variables {
    /// The variables for a proxy, the one that counts first.
    pub proxies: Vec<(&'static str, String)>,
    /// `no_proxy` or `NO_PROXY`.
    pub no_proxy: Option<String>,
}

impl Variables {
    /// Returns the way to a URL.
    ///
    /// # Errors
    /// Returns so if the variable that counts can't be read as an address. It is not
    /// skipped: the person who set it wants that proxy, and no other way out.
    pub fn route(&self, url: &Url) -> Result<Route, NotRun> {
        let Some((name, value)) = self.proxies.first() else {
            return Ok(Route::System);
        };
        if self.no_proxy_matches(url) {
            return Ok(Route::Direct);
        }
        let proxy = ProxyUrl::parse(value).map(Route::Proxy);
        proxy.map_err(|why| NotRun::options(format!("{name} {why}")))
    }

    /// Tells whether `NO_PROXY` names the host of a URL.
    ///
    /// As curl has it: `*` is every host, a name also stands for all below it, and addresses may
    /// be networks (`10.0.0.0/8`). Understood besides, because people write it: `*.` in front of a
    /// name, a dot or a port behind it, and `;` between two.
    pub fn no_proxy_matches(&self, url: &Url) -> bool {
        let list = self.no_proxy.as_deref().unwrap_or_default();
        let entries = list.split([',', ';', ' ', '\t']).map(split_port);
        let is_port = |port: &str| port.parse().ok() == url.port_or_known_default();
        let fitting = entries.filter(|(_, port)| port.is_none_or(is_port));
        let hosts: Vec<&str> = fitting
            .map(|(host, _)| host.trim_matches(['[', ']']))
            .collect();
        let names = hosts
            .iter()
            .map(|host| host.trim_start_matches('*').trim_end_matches('.'));
        let list = names.collect::<Vec<_>>().join(",");
        let matcher = Matcher::builder().all("http://proxy").no(list).build();
        let host = url.host_str().unwrap_or_default().trim_end_matches('.');
        let uri = format!("https://{host}").parse();
        hosts.contains(&"*") || uri.is_ok_and(|uri| matcher.intercept(&uri).is_none())
    }
}

/// Splits a port off a host; an address of IPv6 has its port behind brackets.
fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        Some(_) | None => (text, None),
    }
}

/// The address of a proxy, with its user and password, which it never shows.
#[derive(Clone, Eq, PartialEq)]
pub struct ProxyUrl {
    /// `http`, `https` or one of SOCKS, in lower case.
    pub scheme: &'static str,
    /// The host, an address of IPv6 in brackets.
    host: String,
    /// The port, if one was given.
    port: Option<u16>,
    /// The user and password, in clear; a proxy may say them again.
    pub login: Option<(String, String)>,
}

impl ProxyUrl {
    /// Reads the value of a proxy variable, such as `http://user:password@proxy.example:8080`.
    ///
    /// # Errors
    /// Returns what is wrong with it, unless each part of it is what it must be: what stands for a
    /// user and password then can't be anything else.
    pub fn parse(value: &str) -> Result<Self, &'static str> {
        let is_around = |c: char| c.is_whitespace() || matches!(c, '"' | '\'');
        if value.starts_with(is_around) || value.ends_with(is_around) {
            return Err(AROUND);
        }
        // A proxy without a scheme speaks plain HTTP, as for curl.
        let (name, rest) = value.split_once("://").unwrap_or(("http", value));
        let mut known = SCHEMES.into_iter();
        let scheme = known.find(|known| name.eq_ignore_ascii_case(known));
        let scheme = scheme.ok_or(SCHEME)?;
        // The last “@” is before the host, since a host has none.
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, rest),
        };
        // Each “%” is one of an encoded character.
        let is_encoded =
            |login: &str| pattern!(r"^(?:[\w!$&'()*+,.:;=~-]|%[[:xdigit:]]{2})*$").is_match(login);
        if login.is_some_and(|login| !is_encoded(login)) {
            return Err(PASSWORD);
        }
        let decode = |part| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let place = place.strip_suffix('/').unwrap_or(place);
        let (host, port) = split_port(place);
        let is_part = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        // The rules for hosts are those of http.
        let url = Url::parse(&format!("http://{host}/")).ok();
        let host = url.as_ref().and_then(Url::host_str);
        let given = port.map(str::parse::<NonZero<u16>>).transpose();
        let (Some(host), Ok(port), true) = (host, given, place.chars().all(is_part)) else {
            return Err(UNREADABLE);
        };
        let default_port = scheme.starts_with("socks").then_some(SOCKS_PORT);
        Ok(Self {
            scheme,
            host: host.to_owned(),
            port: port.map(NonZero::get).or(default_port),
            login: login.map(|login| {
                let (user, password) = login.split_once(':').unwrap_or((login, ""));
                (decode(user), decode(password))
            }),
        })
    }

    /// Returns the host, without the brackets of IPv6, and the port that connections are made to.
    pub fn place(&self) -> (&str, u16) {
        let default_port = if self.scheme == "https" { 443 } else { 80 };
        let host = self.host.trim_matches(['[', ']']);
        (host, self.port.unwrap_or(default_port))
    }

    /// Returns the request for a connection to `target`, as the HTTP library sends it.
    pub fn request(&self, target: &str, agent: &str, with_credentials: bool) -> String {
        let login = self.login.as_ref().filter(|_| with_credentials);
        let login = login.map_or_else(String::new, |(user, password)| {
            let encoded = STANDARD.encode(format!("{user}:{password}"));
            format!("proxy-authorization: Basic {encoded}\r\n")
        });
        format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{login}user-agent: {agent}\r\n\r\n")
    }

    /// Reads the proxy's response to that, as far as it came.
    pub fn response(&self, received: &[u8], clean: Clean<'_>) -> Option<ProxyResponse> {
        let (status, headers, page) = head(received)?;
        let is_offered = |scheme: &AuthScheme| {
            let mut offered = responder::schemes(&headers, "proxy-authenticate");
            offered.any(|name| name.eq_ignore_ascii_case(scheme.as_str()))
        };
        let schemes = AuthScheme::ALL.iter().copied().filter(is_offered);
        Some(ProxyResponse {
            had_credentials: self.login.is_some(),
            schemes: schemes.collect(),
            responder: responder::responder(&headers, page, clean),
            status,
        })
    }
}

/// Tells whether a response is complete, or larger than any is read.
pub fn is_complete(received: &[u8]) -> bool {
    let is_whole = head(received).is_some_and(|(_, headers, page)| {
        let length = responder::values(&headers, "content-length").next();
        page.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0)
    });
    is_whole || received.len() >= MAX_RESPONSE
}

/// The status of a response, its headers and its page, as far as that came.
type Head<'a> = (u16, Vec<(&'a str, Cow<'a, str>)>, &'a [u8]);

/// Reads a response whose headers are complete.
fn head(received: &[u8]) -> Option<Head<'_>> {
    const END: &[u8] = b"\r\n\r\n";
    let mut places = received.windows(END.len());
    let end = places.position(|place| place == END)?;
    let mut lines = received[..end].split(|b| *b == b'\n');
    let status = lines.next()?.strip_prefix(b"HTTP/1.")?.get(2..5)?;
    let status = std::str::from_utf8(status).ok()?.parse().ok()?;
    let mut headers = Vec::new();
    for line in lines {
        let colon = line.iter().position(|b| *b == b':')?;
        let value = String::from_utf8_lossy(line[colon + 1..].trim_ascii());
        headers.push((std::str::from_utf8(&line[..colon]).ok()?, value));
    }
    Some((status, headers, &received[end + END.len()..]))
}

impl fmt::Display for ProxyUrl {
    /// Writes the address without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What is said of quotation marks or white space around a variable's value.
const AROUND: &str = "has quotation marks or white space around its value: set it without them, as in \
    http://proxy.example:8080";

/// What is said of a scheme that no proxy has.
const SCHEME: &str = "does not start with http://, https://, socks4://, socks4a://, socks5:// or \
    socks5h://: write it as in http://proxy.example:8080";

/// What is said of a character in the user or password that must be percent-encoded, such as the
/// backslash behind a Windows domain.
const PASSWORD: &str = "holds a user or password with a special character: write # as %23, / as %2F, \\ \
    as %5C, ? as %3F, @ as %40, % as %25 and a space as %20";

/// What is said of anything else.
const UNREADABLE: &str = "is not a proxy's address: write it as in http://proxy.example:8080";

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::utf8_percent_encode;
    use proptest::prelude::*;

    fn url(host: &str) -> Url {
        Url::parse(&format!("https://{host}/v0.1")).unwrap()
    }

    #[test]
    fn a_proxys_address_is_read_whole() {
        for (value, shown, login) in [
            ("http://p:8080", "http://p:8080", None),
            ("http://p:80/", "http://p:80", None),
            ("p.example:3128", "http://p.example:3128", None),
            ("p", "http://p", None),
            ("HTTP://P", "http://p", None),
            ("https://p:443", "https://p:443", None),
            ("socks5h://p", "socks5h://p:1080", None),
            ("socks4://1.2.3.4:9", "socks4://1.2.3.4:9", None),
            ("http://[::1]:8080", "http://[::1]:8080", None),
            ("http://u:p@h:1", "http://h:1", Some(("u", "p"))),
            ("u:p:q@h:1", "http://h:1", Some(("u", "p:q"))),
            ("http://u@h:1", "http://h:1", Some(("u", ""))),
            (
                "http://D%5Cu:a%23%2f!$&@h:1/",
                "http://h:1",
                Some(("D\\u", "a#/!$&")),
            ),
        ] {
            let proxy = ProxyUrl::parse(value).unwrap();
            assert_eq!(proxy.to_string(), shown, "{value}");
            assert_eq!(format!("{proxy:?}"), shown);
            let read = proxy.login.as_ref();
            let read = read.map(|(user, password)| (&**user, &**password));
            assert_eq!(read, login, "{value}");
        }
    }

    #[test]
    fn what_is_badly_written_is_named() {
        for (value, fault) in [
            ("\"http://p:8080\"", AROUND),
            ("'http://p:8080'", AROUND),
            ("http://p:8080 ", AROUND),
            ("\thttp://p:8080", AROUND),
            ("http://p:8080\n", AROUND),
            ("PROXY p:8080; DIRECT", UNREADABLE),
            ("SOCKS5 p:1080", UNREADABLE),
            ("http://p/proxy.pac", UNREADABLE),
            ("http://wpad/wpad.dat", UNREADABLE),
            ("ftp://p:1", SCHEME),
            ("socks://p:1", SCHEME),
            ("http:/p:1", UNREADABLE),
            ("http:p:1", UNREADABLE),
            ("http:\\\\u:pw@p:1", PASSWORD),
            ("http//p:1", UNREADABLE),
            ("http://CORP\\u:pw@p:1", PASSWORD),
            ("CORP\\u:pw@p:1", PASSWORD),
            ("http://u:p#w@p:1", PASSWORD),
            ("http://u:p/w@p:1", PASSWORD),
            ("http://u:p?w@p:1", PASSWORD),
            ("http://u:p@w@p:1", PASSWORD),
            ("u:p#w@p:1", PASSWORD),
            ("socks5://u:p#w@p:1", PASSWORD),
            ("http://u:p%w@p:1", PASSWORD),
            ("http://u:p w@p:1", PASSWORD),
            ("http://u:pä@p:1", PASSWORD),
            ("x://y:z@p:1", SCHEME),
            ("", UNREADABLE),
            ("http://", UNREADABLE),
            ("http://:8080", UNREADABLE),
            ("http://p:", UNREADABLE),
            ("http://p:0", UNREADABLE),
            ("http://p:x", UNREADABLE),
            ("http://p:99999", UNREADABLE),
            ("http://p:1/path", UNREADABLE),
            ("http://p#x", UNREADABLE),
            ("http://u:pw%40p:1", UNREADABLE),
            ("http://prä:1", UNREADABLE),
            ("$HTTP_PROXY", UNREADABLE),
        ] {
            assert_eq!(ProxyUrl::parse(value), Err(fault), "{value}");
        }
    }

    #[test]
    fn no_proxy_is_understood_as_people_write_it() {
        let matches = |list: &str, host: &str| {
            let variables = Variables {
                no_proxy: Some(list.to_owned()),
                ..Variables::default()
            };
            variables.no_proxy_matches(&url(host))
        };
        for list in [
            "*",
            "api.bitrise.io",
            "bitrise.io",
            ".bitrise.io",
            "*.bitrise.io",
            "localhost, bitrise.io",
            "localhost bitrise.io",
            "localhost;BITRISE.io.",
            "api.bitrise.io:443",
            "*:443",
        ] {
            assert!(matches(list, "api.bitrise.io"), "{list}");
        }
        for list in [
            "",
            ",;",
            "trise.io",
            "x.api.bitrise.io",
            "bitrise.io:80",
            "bitrise.com",
            ".",
            "10.0.0.0/8",
            "https://api.bitrise.io",
        ] {
            assert!(!matches(list, "api.bitrise.io"), "{list}");
        }
        for (list, ip, is_match) in [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3:443", "10.1.2.3", true),
            ("0.0.0.0/0", "10.1.2.3", true),
            ("11.0.0.0/8", "10.1.2.3", false),
            ("10.0.0.0/x", "10.1.2.3", false),
            ("::1", "[::1]", true),
            ("[::1]", "[::1]", true),
            ("[::1]:443", "[::1]", true),
            ("fd00::/8", "[fd12::1]", true),
            ("::/0", "[fd12::1]", true),
            ("fe80::/10", "[fd12::1]", false),
        ] {
            assert_eq!(matches(list, ip), is_match, "{list} {ip}");
        }
    }

    #[test]
    fn the_first_variable_counts_unless_the_host_is_excepted() {
        let variables = |value: &str, no_proxy: Option<&str>| Variables {
            proxies: vec![
                ("https_proxy", value.to_owned()),
                ("ALL_PROXY", "http://other:1".to_owned()),
            ],
            no_proxy: no_proxy.map(str::to_owned),
        };
        let route = |variables: Variables| variables.route(&url("api.bitrise.io"));
        assert_eq!(route(Variables::default()), Ok(Route::System));
        let proxy = ProxyUrl::parse("http://p:1").unwrap();
        assert_eq!(
            route(variables("http://p:1", None)),
            Ok(Route::Proxy(proxy))
        );
        let error = route(variables("p#canary", None)).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("https_proxy is not a proxy's address")
        );
        assert_eq!(
            route(variables("p#x", Some("bitrise.io"))),
            Ok(Route::Direct)
        );
    }

    #[test]
    fn a_response_is_read_once_its_headers_are_complete() {
        let squid = b"HTTP/1.1 407 Proxy Authentication Required\r\nServer: squid\r\n\
            Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM, basic realm=\"a, Basic b\"\r\n\
            proxy-authenticate: Digest realm=\"x\"\r\n\r\n<html>";
        let (status, headers, page) = head(squid).unwrap();
        assert_eq!((status, page), (407, b"<html>".as_slice()));
        let expected = [
            AuthScheme::Basic,
            AuthScheme::Digest,
            AuthScheme::Negotiate,
            AuthScheme::Ntlm,
        ];
        let read = ProxyUrl::parse("p")
            .unwrap()
            .response(squid, &|text| text.into())
            .unwrap();
        assert_eq!(read.schemes, expected);
        assert_eq!(headers.len(), 4);
        for length in 0..squid.len() - page.len() {
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

    #[test]
    fn a_response_is_whole_with_as_much_as_it_announces() {
        let start = "HTTP/1.1 403 No\r\ncontent-length: 3\r\n\r\n";
        assert!(!is_complete(format!("{start}ab").as_bytes()));
        assert!(is_complete(format!("{start}abc").as_bytes()));
        assert!(is_complete(b"HTTP/1.1 403 No\r\n\r\n"));
        assert!(!is_complete(b"HTTP/1.1 403 No\r\n"));
        assert!(is_complete(&[b'x'; MAX_RESPONSE]));
    }

    repeatable! {
        #[test]
        fn any_response_is_read(rest in any::<Vec<u8>>()) {
            let response = [b"HTTP/1.1 403 No\r\nA: ".as_slice(), &rest, b"\r\n\r\n"].concat();
            if let Some((status, headers, _)) = head(&response) {
                prop_assert_eq!(status, 403);
                prop_assert!(headers.len() < response.len());
            }
        }

        #[test]
        fn no_part_of_a_password_is_taken_for_a_host(
            user in "[a-z]{1,8}",
            password in "[ -~]{1,20}",
            scheme in prop::sample::select(vec!["", "http://", "https://", "socks5h://"]),
        ) {
            let value = format!("{scheme}{user}:{password}@proxy.example:8080");
            if let Ok(proxy) = ProxyUrl::parse(&value) {
                prop_assert!(proxy.to_string().ends_with("://proxy.example:8080"));
            }
        }

        #[test]
        fn a_percent_encoded_password_arrives(user in "[ -~]{1,9}", password in "[ -~]{0,20}") {
            let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let value = format!("http://{}:{}@h:1", encode(&user), encode(&password));
            let proxy = ProxyUrl::parse(&value).unwrap();
            prop_assert_eq!(proxy.login, Some((user, password)));
        }
    }
}

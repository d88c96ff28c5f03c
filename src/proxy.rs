//! The proxy that the environment asks for, read before anything is sent.
//!
//! Invariant: no I/O, and nothing here shows a part of a variable's value: a user and password may
//! stand anywhere in one that is badly written.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use std::fmt;
use std::net::IpAddr;
use url::{Host, Url};

/// What stays as it is in a user's name and password: RFC 3986's unreserved characters.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The port of a SOCKS proxy, if none is given (curl: `CURL_DEFAULT_PROXY_PORT`).
const SOCKS_PORT: u16 = 1080;

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
#[derive(Debug, Default)]
pub struct Variables {
    /// The variables for a proxy, the one that counts first.
    pub proxies: Vec<(&'static str, Hidden)>,
    /// `no_proxy` or `NO_PROXY`.
    pub no_proxy: Option<String>,
}

/// A text that is never shown.
#[derive(Default)]
pub struct Hidden(pub String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Variables {
    /// Returns the way to a URL.
    ///
    /// # Errors
    /// Returns a [`ProxyError`] if the variable that counts can't be read as an address. It is not
    /// skipped: the person who set it wants that proxy, and no other way out.
    pub fn route(&self, url: &Url) -> Result<Route, ProxyError> {
        let Some((name, value)) = self.proxies.first() else {
            return Ok(Route::System);
        };
        if self.no_proxy_matches(url) {
            return Ok(Route::Direct);
        }
        let proxy = ProxyUrl::parse(&value.0);
        proxy
            .map(Route::Proxy)
            .map_err(|fault| ProxyError { name, fault })
    }

    /// Tells whether `NO_PROXY` names the host of a URL.
    ///
    /// As curl has it: `*` is every host, a name also stands for all below it, and addresses may
    /// be networks (`10.0.0.0/8`). Understood besides, because people write it: `*.` in front of a
    /// name, a port behind it, and `;` between two.
    pub fn no_proxy_matches(&self, url: &Url) -> bool {
        let list = self.no_proxy.as_deref().unwrap_or_default();
        let is_between = |c: char| matches!(c, ',' | ';') || c.is_whitespace();
        let mut entries = list.split(is_between).filter(|entry| !entry.is_empty());
        entries.any(|entry| names(entry, url))
    }
}

/// Tells whether an entry of `NO_PROXY` names the host of a URL.
fn names(entry: &str, url: &Url) -> bool {
    let (entry, port) = match entry.rsplit_once(':') {
        // An address of IPv6 has its port behind brackets.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        Some(_) | None => (entry, None),
    };
    let port_fits = port.is_none_or(|port| port.parse().ok() == url.port_or_known_default());
    let names_host = entry == "*"
        || match url.host() {
            Some(Host::Domain(host)) => {
                let host = host.trim_end_matches('.').to_ascii_lowercase();
                let entry = entry.trim_start_matches('*').trim_start_matches('.');
                let entry = entry.trim_end_matches('.').to_ascii_lowercase();
                let above = host.strip_suffix(&entry);
                !entry.is_empty()
                    && above.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            Some(Host::Ipv4(ip)) => is_in_network(entry, ip.into()),
            Some(Host::Ipv6(ip)) => is_in_network(entry, ip.into()),
            None => false,
        };
    port_fits && names_host
}

/// Tells whether an address is the one, or in the network, that an entry names.
fn is_in_network(entry: &str, ip: IpAddr) -> bool {
    let entry = entry.trim_matches(['[', ']']);
    let (network, bits) = entry.split_once('/').unwrap_or((entry, "128"));
    let (Ok(network), Ok(bits)) = (network.parse(), bits.parse::<u32>()) else {
        return false;
    };
    let (network, ip, width) = match (network, ip) {
        (IpAddr::V4(network), IpAddr::V4(ip)) => (
            u128::from(network.to_bits()),
            u128::from(ip.to_bits()),
            u32::BITS,
        ),
        (IpAddr::V6(network), IpAddr::V6(ip)) => (network.to_bits(), ip.to_bits(), u128::BITS),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
    };
    let free = width.saturating_sub(bits);
    // All bits are free in a network of no bits, more than a shift can take.
    network.checked_shr(free).unwrap_or(0) == ip.checked_shr(free).unwrap_or(0)
}

/// The address of a proxy, with its user and password, which it never shows.
#[derive(Clone, Eq, PartialEq)]
pub struct ProxyUrl {
    /// `http`, `https` or one of SOCKS.
    scheme: &'static str,
    /// The host and the port, if one was given.
    place: String,
    /// The user and password, percent-encoded.
    credentials: Option<String>,
}

impl ProxyUrl {
    /// Reads the value of a proxy variable, such as `http://user:password@proxy.example:8080`.
    ///
    /// # Errors
    /// Returns what is wrong with it, unless each part of it is what it must be: what stands for a
    /// user and password then can't be anything else.
    pub fn parse(value: &str) -> Result<Self, ProxyUrlError> {
        if value.starts_with(['"', '\'']) || value.ends_with(['"', '\'']) {
            return Err(ProxyUrlError::Quotes);
        }
        if value.trim() != value {
            return Err(ProxyUrlError::WhiteSpace);
        }
        if is_pac(value) {
            return Err(ProxyUrlError::Pac);
        }
        let (scheme, rest) = scheme(value)?;
        // The last “@” is before the host, since a host has none.
        let (credentials, place) = match rest.rsplit_once('@') {
            Some((credentials, place)) => (Some(encoded(credentials)?), place),
            None => (None, rest),
        };
        let place = place.strip_suffix('/').unwrap_or(place);
        if credentials.is_none() && place.contains('\\') {
            return Err(ProxyUrlError::Backslash);
        }
        Ok(Self {
            scheme,
            place: checked_place(place, scheme)?,
            credentials,
        })
    }

    /// Returns the address with user and password, for the HTTP library alone.
    pub fn expose(&self) -> String {
        let Self { scheme, place, .. } = self;
        match &self.credentials {
            Some(credentials) => format!("{scheme}://{credentials}@{place}"),
            None => self.to_string(),
        }
    }
}

impl fmt::Display for ProxyUrl {
    /// Writes the address without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.place)
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Tells whether a text is what browsers get from a PAC script, or the address of such a script.
fn is_pac(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let mut words = lower.split([';', ' ']);
    let is_script = [".pac", ".dat"].iter().any(|end| lower.ends_with(end));
    is_script || words.any(|word| matches!(word, "proxy" | "direct" | "socks" | "socks5"))
}

/// Splits off the scheme; a proxy without one speaks plain HTTP, as for curl.
fn scheme(value: &str) -> Result<(&'static str, &str), ProxyUrlError> {
    const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];
    let find = |name: &str| {
        SCHEMES
            .into_iter()
            .find(|known| name.eq_ignore_ascii_case(known))
    };
    if let Some((name, rest)) = value.split_once("://")
        && let Some(scheme) = find(name)
    {
        return Ok((scheme, rest));
    }
    let start = value.split([':', '/']).next().unwrap_or_default();
    let has_other_scheme = value
        .split_once("://")
        .is_some_and(|(name, _)| is_scheme(name));
    if has_other_scheme || find(start).is_some() || start.eq_ignore_ascii_case("socks") {
        return Err(ProxyUrlError::Scheme);
    }
    Ok(("http", value))
}

fn is_scheme(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric())
}

/// Returns a user and password as the HTTP library takes them.
fn encoded(credentials: &str) -> Result<String, ProxyUrlError> {
    if credentials.contains('\\') {
        return Err(ProxyUrlError::Backslash);
    }
    let is_special = |c: char| c.is_whitespace() || c.is_control() || "#/?@[]\"<>^`{|}".contains(c);
    if credentials.contains(is_special) || !credentials.is_ascii() {
        return Err(ProxyUrlError::Password);
    }
    // Each “%” is one of an encoded character.
    let mut after_percent = credentials.split('%').skip(1);
    let is_encoded = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !after_percent.all(is_encoded) {
        return Err(ProxyUrlError::Password);
    }
    let (user, password) = match credentials.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (credentials, None),
    };
    let encode = |part: &str| {
        let bytes: Vec<u8> = percent_decode_str(part).collect();
        percent_encode(&bytes, UNRESERVED).to_string()
    };
    Ok(match password {
        Some(password) => format!("{}:{}", encode(user), encode(password)),
        None => encode(user),
    })
}

/// Returns the host and port of a proxy, or says that they are none.
fn checked_place(place: &str, scheme: &str) -> Result<String, ProxyUrlError> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    // As http, so that a port is kept unless it is the scheme's own, 80.
    let url = Url::parse(&format!("http://{place}/")).map_err(|_| ProxyUrlError::Unreadable)?;
    let host = url.host_str().filter(|host| !host.is_empty());
    let (Some(host), true) = (host, place.chars().all(is_part)) else {
        return Err(ProxyUrlError::Unreadable);
    };
    let has_port = place.ends_with(|c: char| c.is_ascii_digit()) && {
        let port = place.rsplit_once(':');
        port.is_some_and(|(_, port)| port.parse::<u16>().is_ok())
    };
    if place.ends_with(':') || url.port() == Some(0) {
        return Err(ProxyUrlError::Unreadable);
    }
    let port = match url.port() {
        Some(port) => Some(port),
        None if has_port => Some(80),
        None if scheme.starts_with("socks") => Some(SOCKS_PORT),
        None => None,
    };
    Ok(match port {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// What is wrong with a proxy variable: its name, and never its value.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{name} {fault}")]
pub struct ProxyError {
    /// The variable.
    pub name: &'static str,
    /// What is wrong with its value.
    pub fault: ProxyUrlError,
}

/// Why a text is no proxy's address, and how to write it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProxyUrlError {
    /// Quotation marks around it.
    #[error("has quotation marks in its value: set it without them, as in {EXAMPLE}")]
    Quotes,
    /// White space around it.
    #[error("has white space around its value: set it without that, as in {EXAMPLE}")]
    WhiteSpace,
    /// A PAC script's answer or address.
    #[error(
        "holds what a PAC script is or returns, which only browsers read: set it to the proxy's \
         own address, as in {EXAMPLE}"
    )]
    Pac,
    /// A scheme that no proxy has, or one without `://`.
    #[error(
        "does not start with http://, https://, socks4://, socks4a://, socks5:// or socks5h://: \
         write it as in {EXAMPLE}"
    )]
    Scheme,
    /// A Windows domain in front of the user.
    #[error("holds a backslash: write it as %5C, as in http://DOMAIN%5Cuser:password@proxy:8080")]
    Backslash,
    /// A character in the user or password that must be percent-encoded.
    #[error(
        "holds a user or password with a special character: write # as %23, / as %2F, ? as %3F, \
         @ as %40, % as %25 and a space as %20"
    )]
    Password,
    /// Anything else.
    #[error("is not a proxy's address: write it as in {EXAMPLE}")]
    Unreadable,
}

/// A proxy's address, as messages show one.
const EXAMPLE: &str = "http://proxy.example:8080";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn url(host: &str) -> Url {
        Url::parse(&format!("https://{host}/v0.1")).unwrap()
    }

    #[test]
    fn a_proxys_address_is_read_whole() {
        for (value, shown, exposed) in [
            ("http://p:8080", "http://p:8080", None),
            ("http://p:80/", "http://p:80", None),
            ("p.example:3128", "http://p.example:3128", None),
            ("p", "http://p", None),
            ("HTTP://P", "http://p", None),
            ("https://p:443", "https://p:443", None),
            ("socks5h://p", "socks5h://p:1080", None),
            ("socks4://1.2.3.4:9", "socks4://1.2.3.4:9", None),
            ("http://[::1]:8080", "http://[::1]:8080", None),
            ("http://u:p@h:1", "http://h:1", Some("http://u:p@h:1")),
            ("u:p:q@h:1", "http://h:1", Some("http://u:p%3Aq@h:1")),
            ("http://u@h:1", "http://h:1", Some("http://u@h:1")),
            (
                "http://D%5Cu:a%23%2f!$&@h:1/",
                "http://h:1",
                Some("http://D%5Cu:a%23%2F%21%24%26@h:1"),
            ),
        ] {
            let proxy = ProxyUrl::parse(value).unwrap();
            assert_eq!(proxy.to_string(), shown, "{value}");
            assert_eq!(format!("{proxy:?}"), shown);
            assert_eq!(proxy.expose(), exposed.unwrap_or(shown), "{value}");
        }
    }

    #[test]
    fn what_is_badly_written_is_named() {
        use ProxyUrlError::{Backslash, Pac, Password, Quotes, Scheme, Unreadable, WhiteSpace};
        for (value, fault) in [
            ("\"http://p:8080\"", Quotes),
            ("'http://p:8080'", Quotes),
            ("http://p:8080 ", WhiteSpace),
            ("\thttp://p:8080", WhiteSpace),
            ("http://p:8080\n", WhiteSpace),
            ("PROXY p:8080; DIRECT", Pac),
            ("DIRECT", Pac),
            ("SOCKS5 p:1080", Pac),
            ("http://p/proxy.pac", Pac),
            ("http://wpad/wpad.dat", Pac),
            ("ftp://p:1", Scheme),
            ("socks://p:1", Scheme),
            ("http:/p:1", Scheme),
            ("http:p:1", Scheme),
            ("http:\\\\u:pw@p:1", Scheme),
            ("http//p:1", Scheme),
            ("http://CORP\\u:pw@p:1", Backslash),
            ("CORP\\u:pw@p:1", Backslash),
            ("http://u:p#w@p:1", Password),
            ("http://u:p/w@p:1", Password),
            ("http://u:p?w@p:1", Password),
            ("http://u:p@w@p:1", Password),
            ("u:p#w@p:1", Password),
            ("socks5://u:p#w@p:1", Password),
            ("http://u:p%w@p:1", Password),
            ("http://u:p w@p:1", Password),
            ("http://u:pä@p:1", Password),
            ("x://y:z@p:1", Scheme),
            ("", Unreadable),
            ("http://", Unreadable),
            ("http://:8080", Unreadable),
            ("http://p:", Unreadable),
            ("http://p:0", Unreadable),
            ("http://p:x", Unreadable),
            ("http://p:99999", Unreadable),
            ("http://p:1/path", Unreadable),
            ("http://p#x", Unreadable),
            ("http://u:pw%40p:1", Unreadable),
            ("http://prä:1", Unreadable),
            ("$HTTP_PROXY", Unreadable),
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
                ("https_proxy", Hidden(value.to_owned())),
                ("ALL_PROXY", Hidden("http://other:1".to_owned())),
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
        let shown = format!("{:?}", variables("canary", None));
        assert!(!shown.contains("canary"), "{shown}");
    }

    proptest! {
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
            let encode = |text: &str| percent_encode(text.as_bytes(), NON_ALPHANUMERIC).to_string();
            let value = format!("http://{}:{}@h:1", encode(&user), encode(&password));
            let exposed = Url::parse(&ProxyUrl::parse(&value).unwrap().expose()).unwrap();
            let decode = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
            prop_assert_eq!(decode(exposed.username()), user);
            prop_assert_eq!(decode(exposed.password().unwrap_or_default()), password);
        }
    }
}

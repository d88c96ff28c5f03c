//! The address of the API, checked before anything is sent.
//!
//! Invariant: no I/O, and no error quotes what was typed, because that may be a token.

use crate::plan::{NotRun, WITH_TOKEN};
use crate::token;
use std::fmt;
use url::{Host, Url};

/// Bitrise's own API, the address that DX uses (spec: `host` and `basePath`).
pub const DEFAULT_BASE_URL: &str = "https://api.bitrise.io/v0.1";

/// The path of DX's version of the API.
const VERSION: &str = "v0.1";

/// The host of Bitrise's API.
const API_HOST: &str = "api.bitrise.io";

/// The first part of an endpoint's path, for those endpoints that people try a token with.
const ENDPOINTS: [&str; 4] = ["apps", "me", "user", "organizations"];

/// The most characters of a base URL; no real address is that long, and some 65,000 are more than
/// the HTTP library takes.
const MAX_LENGTH: usize = 2048;

/// The address of the API, with its version path and without a slash at its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BaseUrl(pub(crate) Url);

impl BaseUrl {
    /// Reads a base URL such as [`DEFAULT_BASE_URL`].
    ///
    /// What can only be meant in one way is taken so: an endpoint behind the version, and Bitrise's
    /// API without its scheme or version.
    ///
    /// # Errors
    /// Returns what is wrong unless the text is `https`, or `http` to this machine, without
    /// user, password, query and fragment.
    pub fn parse(text: &str) -> Result<Self, NotRun> {
        const UNREADABLE: &str = "is not a web address: write it as in https://api.bitrise.io/v0.1";
        const TOO_LONG: &str = "has more than 2048 characters: write the address alone, as in \
            https://api.bitrise.io/v0.1";
        let refused = |why| NotRun::options(format!("the base URL {why}"));
        let text = text.trim();
        // They are no API.
        let is_website = |host: &str| {
            let name = host.strip_suffix("bitrise.io");
            name.is_some_and(|name| matches!(name, "" | "www." | "app." | "docs." | "devcenter."))
        };
        let host = text.split('/').next().unwrap_or_default();
        // As browsers show it.
        let lacks_scheme = host == API_HOST || is_website(host);
        let scheme = if lacks_scheme { "https://" } else { "" };
        let is_long = text.len() > MAX_LENGTH;
        let url = url(&format!("{scheme}{text}"), None).filter(|_| !is_long);
        let mut url = url.ok_or_else(|| refused(if is_long { TOO_LONG } else { UNREADABLE }))?;
        let host = url.host_str().unwrap_or_default();
        let segments = url.path().split('/').filter(|part| !part.is_empty());
        let segments: Vec<&str> = segments.collect();
        let is_version = |part: &&str| part.eq_ignore_ascii_case(VERSION);
        let version = segments.iter().position(is_version);
        let behind = &segments[version.map_or(0, |at| at + 1)..];
        let has_endpoint = behind.first().is_some_and(|part| ENDPOINTS.contains(part));
        let is_ours = match version {
            Some(at) => at == 0 && !behind.first().is_some_and(is_version),
            None => segments.is_empty() || has_endpoint,
        };
        let faults = [
            (
                url.scheme() == "http" && !is_loopback(&url),
                "must start with https:// (http:// is for this machine alone)",
            ),
            (!matches!(url.scheme(), "http" | "https"), UNREADABLE),
            (
                !url.username().is_empty() || url.password().is_some(),
                "holds a user or a password: leave them out",
            ),
            (token::has_prefix(url.as_str()), WITH_TOKEN),
            (
                is_website(host),
                "is that of Bitrise's website; its API is at https://api.bitrise.io/v0.1",
            ),
            (
                url.fragment().is_some() || (url.query().is_some() && !has_endpoint),
                "holds a “?” or a “#”: leave out what starts there",
            ),
            (
                host == API_HOST && !is_ours,
                "has another path than Bitrise's API, which is at https://api.bitrise.io/v0.1",
            ),
        ];
        if let Some((_, why)) = faults.iter().find(|(is_so, _)| *is_so) {
            return Err(refused(why));
        }
        let path = match version {
            _ if host == API_HOST => format!("/{VERSION}"),
            Some(at) if has_endpoint => segments[..=at].join("/"),
            // What a gateway in front of Bitrise has in place of the version is its own affair.
            _ => url.path().trim_end_matches('/').to_owned(),
        };
        url.set_path(&path);
        // An endpoint's query goes with it.
        url.set_query(None);
        Ok(Self(url))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// Reads a foreign address, from `base` if it is relative. Its host has to be written in ASCII: the
/// program has no tables for others, and what stands in for them panics in a debug build for some.
pub fn url(text: &str, base: Option<&Url>) -> Option<Url> {
    let is_of_scheme = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    let scheme = { text.split_once(':') }.filter(|(scheme, _)| scheme.bytes().all(is_of_scheme));
    let rest = scheme.map_or(text, |(_, rest)| rest);
    let place = rest.trim_start_matches(['/', '\\']);
    let is_relative = scheme.is_none() && rest.len() < place.len() + 2;
    let place = place.split(['/', '\\', '?', '#']).next()?;
    let host = place.rsplit('@').next()?;
    let is_ascii = is_relative || host.is_ascii() && !host.contains('%');
    let can_be_read = is_ascii && !text.contains(char::is_control);
    can_be_read.then(|| Url::options().base_url(base).parse(text).ok())?
}

/// Tells whether a URL's host is this machine. Of names, `localhost` alone is let through; the
/// client then sees to it that it resolves to a loopback address.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn hosts_outside_of_ascii_are_not_parsed() {
        let base = Url::parse(DEFAULT_BASE_URL).unwrap();
        for text in [
            "https://A\u{17000}.example/",
            "//\u{17000}A",
            "https:A%F0%97%80%80",
            "\\\\\u{e4}",
        ] {
            assert_eq!(url(text, Some(&base)), None, "{text}");
        }
        for text in [
            "https://u@h.example/%C3%A4",
            "/login%20x",
            "next?to=https://\u{e4}",
            "//h:1/",
        ] {
            assert!(url(text, Some(&base)).is_some(), "{text}");
        }
        assert!(url("https://xn--4ca.example/v0.1", None).is_some());
    }

    #[test]
    fn base_urls_are_normalised() {
        for (text, expected) in [
            ("https://api.bitrise.io/v0.1", "https://api.bitrise.io/v0.1"),
            (
                " https://api.bitrise.io/v0.1/ ",
                "https://api.bitrise.io/v0.1",
            ),
            ("https://API.bitrise.io", DEFAULT_BASE_URL),
            ("api.bitrise.io/v0.1", DEFAULT_BASE_URL),
            ("api.bitrise.io", DEFAULT_BASE_URL),
            ("https://api.bitrise.io//v0.1", DEFAULT_BASE_URL),
            ("https://api.bitrise.io/v0.1/apps?limit=1", DEFAULT_BASE_URL),
            ("https://api.bitrise.io/v0.1/me/", DEFAULT_BASE_URL),
            (
                "https://api.bitrise.io/v0.1/apps/a1/pipelines",
                DEFAULT_BASE_URL,
            ),
            ("https://api.bitrise.io/v0.1/builds", DEFAULT_BASE_URL),
            ("https://api.bitrise.io/apps", DEFAULT_BASE_URL),
            (
                "https://gate.example/b/v0.1/apps",
                "https://gate.example/b/v0.1",
            ),
            // Whether a gateway wants a version, and what is behind it, is not known.
            ("https://gate.example/apps", "https://gate.example/apps"),
            (
                "https://gate.example/apps?limit=1",
                "https://gate.example/apps",
            ),
            (
                "https://gate.example/v0.1/x/",
                "https://gate.example/v0.1/x",
            ),
            ("https://gate.example/v1", "https://gate.example/v1"),
            ("http://127.0.0.1:8080/v0.1//", "http://127.0.0.1:8080/v0.1"),
            ("http://127.9.9.9", "http://127.9.9.9"),
            ("http://[::1]:1/x", "http://[::1]:1/x"),
            ("http://LOCALHOST/x", "http://localhost/x"),
        ] {
            assert_eq!(BaseUrl::parse(text).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn unsafe_or_odd_base_urls_are_refused_without_being_quoted() {
        let mut out = String::new();
        for text in [
            "",
            "canary.example/v0.1",
            "https://app.bitrise.io/app/canary",
            "www.bitrise.io",
            "https://bitrise.io/v0.1",
            "https://api.bitrise.io/v1/canary",
            "https://api.bitrise.io/canary/v0.1",
            "https://api.bitrise.io/v0.1/v0.1/me",
            "https://api.bitrise.io/v0.1?canary",
            &format!("https://{}", "canary".repeat(9_999)),
            "ftp://canary",
            "file:///canary",
            "https://",
            "http://api.bitrise.io/canary",
            "http://localhost.canary.example",
            "http://10.0.0.1/",
            "http://[::ffff:10.0.0.1]/",
            "https://canary@h/",
            "https://u:canary@h/",
            "https://h/?canary",
            "https://h/#canary",
            "http://0.0.0.0/",
            "https://h/bitwat_canary/v0.1",
        ] {
            let shown = text.get(..60).unwrap_or(text);
            writeln!(out, "{shown}: {}", BaseUrl::parse(text).unwrap_err()).unwrap();
        }
        assert!(
            out.lines()
                .all(|l| !l.split_once(": ").unwrap().1.contains("canary"))
        );
        insta::assert_snapshot!(out);
    }
}

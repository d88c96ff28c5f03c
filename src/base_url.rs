//! The address of the API, checked before anything is sent.
//!
//! Invariant: no I/O, and no error quotes what was typed, because that may be a token.

use crate::token;
use std::fmt;
use url::{Host, Url};

/// Bitrise's own API, the address that DX uses (spec: `host` and `basePath`).
pub const DEFAULT_BASE_URL: &str = "https://api.bitrise.io/v0.1";

/// The address of the API, with its version path and without a slash at its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// Reads a base URL such as [`DEFAULT_BASE_URL`].
    ///
    /// # Errors
    /// Returns a [`BaseUrlError`] unless the text is `https`, or `http` to this machine, without
    /// user, password, query and fragment.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let mut url = Url::parse(text.trim()).map_err(|_| BaseUrlError::Unreadable)?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => return Err(BaseUrlError::NotEncrypted),
            _ => return Err(BaseUrlError::Unreadable),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BaseUrlError::WithUser);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BaseUrlError::WithQuery);
        }
        if token::has_prefix(url.as_str()) {
            return Err(BaseUrlError::WithToken);
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// Returns the address as a URL.
    pub const fn as_url(&self) -> &Url {
        &self.0
    }

    /// Tells whether the connection is encrypted; if not, the host is this machine.
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
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

/// Why a text can't be used as a base URL.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BaseUrlError {
    /// Not a URL, or one that is not for the web.
    #[error("the base URL is not a web address: write it as in {DEFAULT_BASE_URL}")]
    Unreadable,
    /// Plain `http` to another machine.
    #[error("the base URL must start with https:// (http:// is for this machine alone)")]
    NotEncrypted,
    /// User information in the URL.
    #[error("the base URL holds a user or a password: leave them out")]
    WithUser,
    /// A query or a fragment in the URL.
    #[error("the base URL holds a “?” or a “#”: leave out what starts there")]
    WithQuery,
    /// A token in the URL.
    #[error("the base URL holds a token: treat that token as compromised")]
    WithToken,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn base_urls_are_normalised() {
        for (text, expected) in [
            ("https://api.bitrise.io/v0.1", "https://api.bitrise.io/v0.1"),
            (
                " https://api.bitrise.io/v0.1/ ",
                "https://api.bitrise.io/v0.1",
            ),
            ("https://API.bitrise.io", "https://api.bitrise.io"),
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
            "api.bitrise.io/v0.1",
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
            writeln!(out, "{text}: {}", BaseUrl::parse(text).unwrap_err()).unwrap();
        }
        assert!(
            out.lines()
                .all(|l| !l.split_once(": ").unwrap().1.contains("canary"))
        );
        insta::assert_snapshot!(out);
    }
}

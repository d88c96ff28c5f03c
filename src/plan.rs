//! What a run is asked to do, checked before anything is sent.
//!
//! Invariant: no I/O, and no error quotes what was typed, because that may be a token.

use crate::text::Untrusted;
use crate::token::{self, Redactor};
use crate::verdict::Reason;
use crate::wire;
use std::collections::HashSet;
use std::fmt;
use url::{Host, Url};

/// Bitrise's own API, the address that DX uses (spec: `host` and `basePath`).
pub const DEFAULT_BASE_URL: &str = "https://api.bitrise.io/v0.1";

/// Holds what is to be checked.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The apps to check.
    pub apps: Choice,
    /// Whether to ask for the details of one pipeline run of each app.
    pub details: bool,
    /// How many requests may be under way at once; at least one is.
    pub concurrency: usize,
}

/// Says which apps are to be checked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Choice {
    /// The first one of the list, as DX does.
    First,
    /// These.
    Named(Vec<AppSlug>),
    /// Every app on every page of the list.
    All,
}

/// Holds an app's slug as given by the user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AppSlug(Untrusted);

impl Plan {
    /// Holds that the token stands in nothing that becomes part of an address: tokens without a
    /// known prefix can only be told by comparing.
    ///
    /// # Errors
    /// Returns a [`PlanError`] that names where the token stands.
    pub fn holds_no_token(&self, base_url: &BaseUrl, token: &Redactor) -> Result<(), PlanError> {
        if token.finds(&base_url.to_string()) {
            return Err(PlanError::BaseUrlWithToken);
        }
        match &self.apps {
            Choice::Named(apps) if apps.iter().any(|app| token.finds(app.0.raw())) => {
                Err(PlanError::AppSlugIsToken)
            }
            Choice::First | Choice::Named(_) | Choice::All => Ok(()),
        }
    }
}

impl AppSlug {
    /// Reads a slug; any text that can be a path segment is one, since Bitrise's slugs are opaque.
    ///
    /// # Errors
    /// Returns [`PlanError::AppSlug`] for a text that can't be a slug, and
    /// [`PlanError::AppSlugIsToken`] for one that looks like a token.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        if token::has_prefix(text) {
            return Err(PlanError::AppSlugIsToken);
        }
        // The last one stands for bytes that are no text.
        let is_odd = |c: char| {
            c.is_whitespace() || c.is_control() || c == '/' || c == char::REPLACEMENT_CHARACTER
        };
        if !wire::is_usable_slug(text) || text.contains(is_odd) {
            return Err(PlanError::AppSlug);
        }
        Ok(Self(Untrusted::new(text)))
    }

    /// Reads a list of slugs, one a line. White space around them, empty lines, and what follows
    /// a `#` at a line's start or behind white space, are skipped.
    ///
    /// # Errors
    /// Returns a [`PlanError`] that names the line which can't be a slug, and never quotes it.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, PlanError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (mut slugs, mut seen) = (Vec::new(), HashSet::new());
        for (number, line) in (1..).zip(text.lines()) {
            let mut before = ' ';
            let comment = line.find(|c: char| {
                let begins = c == '#' && before.is_whitespace();
                before = c;
                begins
            });
            let line = line[..comment.unwrap_or(line.len())].trim();
            if line.is_empty() || !seen.insert(line) {
                continue;
            }
            slugs.push(Self::parse(line).map_err(|error| {
                if matches!(error, PlanError::AppSlugIsToken) {
                    PlanError::AppsFileWithToken(number)
                } else {
                    PlanError::AppsFileLine(number)
                }
            })?);
        }
        if slugs.is_empty() {
            return Err(PlanError::AppsFileEmpty);
        }
        Ok(slugs)
    }

    /// Returns the slug.
    pub const fn as_untrusted(&self) -> &Untrusted {
        &self.0
    }
}

/// Holds the address of the API, with its version path and without a slash at its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// Reads a base URL such as [`DEFAULT_BASE_URL`].
    ///
    /// # Errors
    /// Returns a [`PlanError`] unless the text is `https`, or `http` to this machine, without
    /// user, password, query and fragment.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        let mut url = Url::parse(text.trim()).map_err(|_| PlanError::BaseUrlUnreadable)?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => return Err(PlanError::BaseUrlNotEncrypted),
            _ => return Err(PlanError::BaseUrlUnreadable),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(PlanError::BaseUrlWithUser);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(PlanError::BaseUrlWithQuery);
        }
        if token::has_prefix(url.as_str()) {
            return Err(PlanError::BaseUrlWithToken);
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
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// States why a run can't be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A token stands among the arguments.
    #[error(
        "a token must not stand on the command line, where the process list and the shell \
         history show it"
    )]
    TokenInArguments,
    /// Not a URL, or one that is not for the web.
    #[error("the base URL is not a web address like {DEFAULT_BASE_URL}")]
    BaseUrlUnreadable,
    /// Plain `http` to another machine.
    #[error("the base URL must begin with https:// (http:// is for this machine alone)")]
    BaseUrlNotEncrypted,
    /// User information in the URL.
    #[error("the base URL must not hold a user or a password")]
    BaseUrlWithUser,
    /// A query or a fragment in the URL.
    #[error("the base URL must not hold a “?” or a “#”")]
    BaseUrlWithQuery,
    /// A token in the URL.
    #[error("the base URL must not hold a token; anyone may now have seen that token")]
    BaseUrlWithToken,
    /// An `--app` that can't be a slug.
    #[error(
        "--app wants an app's slug, the part of the app's address on Bitrise after /app/, such \
         as 93f256e365d929d3"
    )]
    AppSlug,
    /// An `--app` that is a token.
    #[error(
        "--app was given a token instead of an app's slug; anyone may now have seen that token"
    )]
    AppSlugIsToken,
    /// An `--apps-file` that can't be read.
    #[error("the list of --apps-file can't be read ({0})")]
    AppsFileUnreadable(std::io::ErrorKind),
    /// An `--apps-file` without a slug.
    #[error("the list of --apps-file names no app")]
    AppsFileEmpty,
    /// A line that can't be a slug.
    #[error("line {0} of --apps-file can't be an app's slug, such as 93f256e365d929d3")]
    AppsFileLine(usize),
    /// A line that is a token.
    #[error("line {0} of --apps-file is a token instead of an app's slug")]
    AppsFileWithToken(usize),
    /// Options that exclude each other.
    #[error("{0} and {1} can't be used together")]
    Conflict(&'static str, &'static str),
    /// A `--report` whose format is not known.
    #[error("--report tells the format from the file's name, which must end in {0}")]
    ReportFormat(&'static str),
    /// A `--report` that names a folder.
    #[error("--report names a folder; it wants the name of a file")]
    ReportIsFolder,
    /// A `--report` that can't be written.
    #[error("the folder for --report can't be written to ({0})")]
    ReportFolder(std::io::ErrorKind),
    /// A `--ca-cert` that can't be read.
    #[error("the file of --ca-cert can't be read ({0})")]
    CaCertUnreadable(std::io::ErrorKind),
    /// A `--ca-cert` without a usable certificate.
    #[error("the file of --ca-cert holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)")]
    CaCertInvalid,
    /// The HTTP library could not be set up.
    #[error("the HTTP client could not be set up; a proxy variable may hold an unusable address")]
    Client,
    /// The sandbox could not open its port.
    #[error("the sandbox could not open a port on this machine ({0})")]
    Sandbox(std::io::ErrorKind),
}

impl PlanError {
    /// Returns the reason that this error is reported under.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::TokenInArguments => Reason::TokenInArguments,
            Self::BaseUrlUnreadable
            | Self::BaseUrlNotEncrypted
            | Self::BaseUrlWithUser
            | Self::BaseUrlWithQuery
            | Self::BaseUrlWithToken
            | Self::AppSlug
            | Self::AppSlugIsToken
            | Self::AppsFileUnreadable(_)
            | Self::AppsFileEmpty
            | Self::AppsFileLine(_)
            | Self::AppsFileWithToken(_)
            | Self::Conflict(_, _)
            | Self::ReportFormat(_)
            | Self::ReportIsFolder
            | Self::ReportFolder(_)
            | Self::CaCertUnreadable(_)
            | Self::CaCertInvalid
            | Self::Client
            | Self::Sandbox(_) => Reason::InvalidOptions,
        }
    }
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

    #[test]
    fn a_list_of_slugs_takes_what_editors_leave() {
        let text = "\u{feff}# what DX must see\r\n\r\n a1 \r\nb2 # the second\n\tc#3\na1\n#\n";
        let slugs = AppSlug::parse_list(text).unwrap();
        let slugs: Vec<_> = slugs.iter().map(|slug| slug.0.raw()).collect();
        assert_eq!(slugs, ["a1", "b2", "c#3"]);
    }

    #[test]
    fn a_line_that_is_no_slug_is_named_and_not_quoted() {
        for (text, expected) in [
            ("", "the list of --apps-file names no app"),
            ("#\n \n", "the list of --apps-file names no app"),
            ("a\n\nb canary", "line 3 of --apps-file can't be"),
            ("bitwat_canary", "line 1 of --apps-file is a token"),
            ("a\u{0}canary", "line 1 of --apps-file can't be"),
        ] {
            let error = AppSlug::parse_list(text).unwrap_err().to_string();
            assert!(
                error.contains(expected) && !error.contains("canary"),
                "{error}"
            );
        }
    }

    #[test]
    fn slugs_are_opaque_but_never_tokens() {
        assert!(AppSlug::parse("93f256e365d929d3").is_ok());
        assert!(AppSlug::parse("13aa9897-3891-4fe7-8cf5-5b2f75638b0e").is_ok());
        for text in [
            "",
            ".",
            "..",
            "a b",
            "a/b",
            "a\n",
            "a\u{fffd}",
            &"x".repeat(257),
        ] {
            assert!(
                matches!(AppSlug::parse(text), Err(PlanError::AppSlug)),
                "{text}"
            );
        }
        for text in ["bitwat_x", "bitpat_x", "xbitwat_x"] {
            assert!(
                matches!(AppSlug::parse(text), Err(PlanError::AppSlugIsToken)),
                "{text}"
            );
        }
    }
}

//! What a run is asked to do, checked before anything is sent.
//!
//! Invariant: no I/O, and no error quotes what was typed, because that may be a token.

use crate::app::Slug;
use crate::base_url::{BaseUrl, BaseUrlError};
use crate::proxy::ProxyError;
use crate::redact::Redactor;
use crate::text::escape_unprintable;
use crate::token;
use crate::verdict::Reason;
use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::path::Path;

/// What is to be checked.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The apps to check.
    pub apps: AppSelection,
    /// Whether to ask for the details of one pipeline run of each app.
    pub details: bool,
    /// The maximum number of requests in flight; at least one is.
    pub concurrency: usize,
}

/// Which apps are to be checked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AppSelection {
    /// The first one of the list, as DX does.
    First,
    /// These.
    Named(Vec<Slug>),
    /// Every app on every page of the list.
    All,
}

impl Plan {
    /// Checks that the token stands in nothing that becomes part of an address: tokens without a
    /// known prefix can only be told by comparing.
    ///
    /// # Errors
    /// Returns a [`PlanError`] that names where the token stands.
    pub fn holds_no_token(&self, base_url: &BaseUrl, token: &Redactor) -> Result<(), PlanError> {
        if token.finds(&base_url.to_string()) {
            return Err(BaseUrlError::WithToken.into());
        }
        match &self.apps {
            AppSelection::Named(apps) if apps.iter().any(|app| token.finds(app.raw())) => {
                Err(refused(OPTION, TOKEN))
            }
            _ => Ok(()),
        }
    }
}

/// Where a slug stands that is no line of a file.
const OPTION: &str = "what --app names";

/// What is said of a text that should be an app's slug and is a token.
const TOKEN: &str = "is a token instead of an app's slug: treat that token as compromised";

/// The same of any other text that is no slug.
const NO_SLUG: &str = "is not an app's slug, such as 93f256e365d929d3, nor an app's address on \
    Bitrise, such as https://app.bitrise.io/app/93f256e365d929d3";

fn refused(place: &str, why: &str) -> PlanError {
    PlanError::Arguments(format!("{place} {why}").into())
}

/// Reads what `--app` names: an app's slug, or the app's address on Bitrise, whatever stands behind
/// the slug in it. Any text that can be a path segment is a slug, since Bitrise's are opaque.
///
/// # Errors
/// Returns a [`PlanError`] for a text that can't be a slug, or that looks like a token.
pub fn app_slug(text: &str) -> Result<Slug, PlanError> {
    slug(text).map_err(|why| refused(OPTION, why))
}

fn slug(text: &str) -> Result<Slug, &'static str> {
    if token::has_prefix(text) {
        return Err(TOKEN);
    }
    // In an address, the API's own and the first website's have the plural; browsers leave out the
    // scheme.
    let address = ["/app/", "/apps/"]
        .iter()
        .find_map(|path| text.trim().split_once(path));
    let text = address.map_or(text, |(before, after)| {
        let host = before.rsplit("://").next().unwrap_or(before);
        let is_host = host.is_empty() || host.contains('.') || host.starts_with("localhost");
        let slug = after.split(['/', '?', '#']).next();
        slug.filter(|_| is_host).unwrap_or(text)
    });
    // The last one stands for bytes that are not text.
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || "/\\\",;\u{fffd}".contains(c);
    let slug = Slug::parse(text).filter(|_| !text.contains(is_odd));
    slug.ok_or(NO_SLUG)
}

/// Reads the apps of a file: one slug or address a line, the first column of a CSV file, with a
/// heading or without, or a JSON array of strings or of objects with a `slug`.
///
/// White space and quotation marks around them, empty lines, and what follows a `#` at a line's
/// start or behind white space, are skipped.
///
/// # Errors
/// Returns a [`PlanError`] that names the line or item which can't be a slug, and never quotes it.
pub fn app_slugs(text: &str) -> Result<Vec<Slug>, PlanError> {
    const FILE: &str = "--apps-file";
    const HEADINGS: [&str; 9] = [
        "slug", "slugs", "appslug", "appslugs", "app", "apps", "appid", "id", "appurl",
    ];
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut kind, mut entries) = ("line", Vec::<(usize, String)>::new());
    if text.trim_start().starts_with('[') {
        kind = "item";
        let items = serde_json::from_str::<Vec<serde_json::Value>>(text).map_err(|error| {
            let place = format!("line {} of {FILE}", error.line());
            refused(
                &place,
                "breaks its JSON; a list in JSON is an array of slugs",
            )
        })?;
        for (number, item) in (1..).zip(items) {
            let slug = item["slug"].as_str().or(item.as_str()).unwrap_or_default();
            entries.push((number, slug.to_owned()));
        }
    }
    let lines = text.lines().filter(|_| kind == "line");
    for (number, line) in (1..).zip(lines) {
        let before = |text, mark| str::split(text, mark).next().unwrap_or(text);
        let line = before(before(line, " #"), "\t#").trim();
        let column = line.split([',', ';', '\t']).next().unwrap_or_default();
        let column = column.trim_matches(['"', '\'', ' ']);
        let name: String = column.chars().filter(|c| c.is_alphanumeric()).collect();
        let is_heading = entries.is_empty() && HEADINGS.contains(&&*name.to_lowercase());
        if !line.is_empty() && !line.starts_with('#') && !is_heading {
            entries.push((number, column.to_owned()));
        }
    }
    let (mut slugs, mut seen) = (Vec::new(), HashSet::new());
    for (number, entry) in entries {
        let slug =
            slug(&entry).map_err(|why| refused(&format!("{kind} {number} of {FILE}"), why))?;
        if seen.insert(slug.raw().to_owned()) {
            slugs.push(slug);
        }
    }
    if slugs.is_empty() {
        return Err(refused("the list of --apps-file", "names no app"));
    }
    Ok(slugs)
}

/// A file, or standard input, that could not be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("can't read {place}: {why}")]
pub struct FileError {
    /// What is read, with the option that names it.
    place: String,
    /// What the system says.
    why: String,
    /// The kind of that.
    pub kind: ErrorKind,
}

impl FileError {
    /// Names what was to be read, and the option that asks for it, if one does; `-` is standard
    /// input.
    pub fn new(path: &Path, option: &str, error: &io::Error) -> Self {
        let mut place = match path.to_str() {
            Some("-") => "standard input".to_owned(),
            _ => quoted(path),
        };
        if !option.is_empty() {
            place = format!("{place} ({option})");
        }
        let (why, kind) = (words(error), error.kind());
        Self { place, why, kind }
    }
}

/// Returns a path between quotation marks, as it may be shown: a part of it that may be a token is
/// left out.
pub fn quoted(path: &Path) -> String {
    let path = path.to_string_lossy();
    let parts = path.split_inclusive(['/', '\\']).map(|part| {
        let name = part.trim_end_matches(['/', '\\']);
        if may_be_token(name) {
            part.replacen(name, "…", 1)
        } else {
            part.to_owned()
        }
    });
    format!("“{}”", escape_unprintable(&parts.collect::<String>()))
}

/// Tells whether a text may be a token or hold one: by its prefix, or by a run of 20 characters
/// with digits among them, the length from which on a token can't be guessed.
pub fn may_be_token(text: &str) -> bool {
    const SHORTEST: usize = 20;
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let mut runs = text.split(|c| !is_part(c));
    token::has_prefix(text)
        || runs.any(|run| run.len() >= SHORTEST && run.contains(|c: char| c.is_ascii_digit()))
}

/// Returns what the system says in words that anyone knows.
pub fn words(error: &io::Error) -> String {
    let words = match error.kind() {
        ErrorKind::NotFound => "no such file",
        ErrorKind::PermissionDenied => "permission denied",
        ErrorKind::IsADirectory => "it is a folder",
        ErrorKind::FileTooLarge => "it is too large",
        ErrorKind::InvalidData => "it is not text in UTF-8 or UTF-16",
        ErrorKind::TimedOut => "it took longer than --max-time",
        ErrorKind::WouldBlock => "there is no thread left",
        kind => {
            // The system's own words, without what Rust adds; else those for the kind. Windows has no
            // words for some numbers.
            let system = error.raw_os_error().map(|_| error.to_string());
            let words = system.unwrap_or_else(|| kind.to_string()).to_lowercase();
            let words = words.split(" (").next().unwrap_or_default();
            return words.trim_start_matches("os ").to_owned();
        }
    };
    words.to_owned()
}

/// Why a run can't be planned, by where that stands.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// In the arguments, or in a file that they name; without anything that may be a token.
    #[error("{0}")]
    Arguments(Cow<'static, str>),
    /// A token stands among the arguments.
    #[error(
        "what may be a token stands on the command line, where the process list and the shell history \
         show it: if it is one, treat it as compromised; set BITRISE_TOKEN or use --token-file PATH"
    )]
    TokenInArguments,
    /// In the base URL.
    #[error(transparent)]
    BaseUrl(#[from] BaseUrlError),
    /// In a proxy variable.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// In a file that can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// In the file of `--ca-cert`, which holds no usable certificate.
    #[error(
        "the file of --ca-cert holds no certificate; it takes PEM (-----BEGIN CERTIFICATE-----) \
         or DER"
    )]
    CaCert,
    /// In this machine, which refuses what every run needs.
    #[error("this machine does not let the program start: {0}")]
    Machine(String),
}

impl PlanError {
    /// Returns the reason that this error is reported under.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::TokenInArguments => Reason::TokenInArguments,
            _ => Reason::InvalidOptions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_slugs_takes_what_editors_leave() {
        let text = "\u{feff}# what DX must see\r\n\r\n a1 \r\nb2 # the second\n\tc#3\na1\n#\n";
        let slugs = app_slugs(text).unwrap();
        let slugs: Vec<_> = slugs.iter().map(Slug::raw).collect();
        assert_eq!(slugs, ["a1", "b2", "c#3"]);
    }

    #[test]
    fn a_line_that_is_no_slug_is_named_and_not_quoted() {
        for (text, expected) in [
            ("", "the list of --apps-file names no app"),
            ("#\n \n", "the list of --apps-file names no app"),
            ("a\n\nb canary", "line 3 of --apps-file is not"),
            ("bitwat_canary", "line 1 of --apps-file is a token"),
            ("a\u{0}canary", "line 1 of --apps-file is not"),
            ("[\n\"a\",\n\"b canary\"]", "item 2 of --apps-file is not"),
            ("[\n\"a\", 5]", "item 2 of --apps-file is not"),
            ("[\n\"a\", canary", "line 2 of --apps-file breaks its JSON"),
            ("[]", "the list of --apps-file names no app"),
            ("slug\n", "the list of --apps-file names no app"),
            ("a\nApp name canary,x", "line 2 of --apps-file is not"),
        ] {
            let error = app_slugs(text).unwrap_err().to_string();
            assert!(
                error.contains(expected) && !error.contains("canary"),
                "{error}"
            );
        }
    }

    #[test]
    fn slugs_are_opaque_but_never_tokens() {
        assert!(app_slug("93f256e365d929d3").is_ok());
        assert!(app_slug("13aa9897-3891-4fe7-8cf5-5b2f75638b0e").is_ok());
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
            let error = app_slug(text).unwrap_err().to_string();
            assert!(error.starts_with("what --app names is not"), "{text}");
        }
        for text in ["bitwat_x", "bitpat_x", "xbitwat_x"] {
            let error = app_slug(text).unwrap_err().to_string();
            assert!(error.starts_with("what --app names is a token"), "{text}");
        }
    }

    #[test]
    fn a_path_is_shown_without_what_may_be_a_token() {
        for (path, shown) in [
            ("token.txt", "token.txt"),
            (
                "/etc/ssl/certs/ca-certificates.crt",
                "/etc/ssl/certs/ca-certificates.crt",
            ),
            ("C:\\Users\\me\\ca.pem", "C:\\Users\\me\\ca.pem"),
            ("/tmp/tmp.Ab3dE6gH1k/apps", "/tmp/tmp.Ab3dE6gH1k/apps"),
            ("/run/0123456789abcdef0123/x", "/run/…/x"),
            ("bitwat_x", "…"),
            ("a\u{1b}b", "a\\u{1b}b"),
        ] {
            let not_found = io::Error::from(ErrorKind::NotFound);
            let error = FileError::new(Path::new(path), "", &not_found).to_string();
            assert_eq!(error, format!("can't read “{shown}”: no such file"));
        }
        for (path, kind, words) in [
            (
                "-",
                ErrorKind::TimedOut,
                "can't read standard input (--x): it took longer than --max-time",
            ),
            (
                "a",
                ErrorKind::NotFound,
                "can't read “a” (--x): no such file",
            ),
            (
                "a",
                ErrorKind::IsADirectory,
                "can't read “a” (--x): it is a folder",
            ),
            (
                "a",
                ErrorKind::PermissionDenied,
                "can't read “a” (--x): permission denied",
            ),
        ] {
            let error = FileError::new(Path::new(path), "--x", &io::Error::from(kind));
            assert_eq!(error.to_string(), words);
        }
    }

    #[test]
    fn no_error_is_in_rusts_words() {
        for number in 1..=40 {
            let words = words(&io::Error::from_raw_os_error(number));
            for odd in ["os error", "uncategorized", "entity", "NotFound"] {
                assert!(!words.contains(odd), "{number}: {words}");
            }
        }
    }
}

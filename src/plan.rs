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
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
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
                Err(NotASlug::Token.in_option())
            }
            _ => Ok(()),
        }
    }
}

/// Why a text is no app's slug.
enum NotASlug {
    /// It is a token.
    Token,
    /// It can't be one, or is no text at all.
    Other,
}

impl NotASlug {
    /// Says it of `--app`.
    fn in_option(&self) -> PlanError {
        PlanError::Arguments(Cow::Borrowed(match self {
            Self::Token => {
                "--app was given a token instead of an app's slug: treat that token as compromised"
            }
            Self::Other => {
                "--app takes an app's slug, such as 93f256e365d929d3, or the app's address on \
                 Bitrise, such as https://app.bitrise.io/app/93f256e365d929d3"
            }
        }))
    }

    /// Says it of a line of `--apps-file`.
    fn in_line(&self, line: usize) -> PlanError {
        let what = match self {
            Self::Token => "a token instead of an app's slug: treat that token as compromised",
            Self::Other => {
                "not an app's slug, such as 93f256e365d929d3, nor an app's address on Bitrise"
            }
        };
        PlanError::Arguments(format!("line {line} of --apps-file is {what}").into())
    }
}

/// Reads what `--app` names: an app's slug, or the app's address on Bitrise, whatever stands behind
/// the slug in it. Any text that can be a path segment is a slug, since Bitrise's are opaque.
///
/// # Errors
/// Returns a [`PlanError`] for a text that can't be a slug, or that looks like a token.
pub fn app_slug(text: &str) -> Result<Slug, PlanError> {
    slug(text).map_err(|error| error.in_option())
}

fn slug(text: &str) -> Result<Slug, NotASlug> {
    if token::has_prefix(text) {
        return Err(NotASlug::Token);
    }
    // The last one stands for bytes that are not text.
    let is_odd = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(
                c,
                '/' | '\\' | '"' | ',' | ';' | char::REPLACEMENT_CHARACTER
            )
    };
    let text = slug_of_address(text.trim()).unwrap_or(text);
    let slug = Slug::parse(text).filter(|_| !text.contains(is_odd));
    slug.ok_or(NotASlug::Other)
}

/// Returns the slug in an app's address, `https://app.bitrise.io/app/SLUG/…`. The scheme may be
/// missing, as browsers leave it out, and so may the host be.
fn slug_of_address(text: &str) -> Option<&str> {
    let (before, after) = text.split_once("/app/").or_else(|| {
        // The API's own addresses and those of the first website have the plural.
        text.split_once("/apps/")
    })?;
    let host = before.rsplit("://").next().unwrap_or(before);
    let is_host = host.is_empty() || host.contains('.') || host.starts_with("localhost");
    let slug = after.split(['/', '?', '#']).next()?;
    Some(slug).filter(|_| is_host)
}

/// Reads the apps of a file: one slug or address a line, the first column of a CSV file, with a
/// heading or without, or a JSON array of strings or of objects with a `slug`.
///
/// White space and quotation marks around them, empty lines, and what follows a `#` at a line's
/// start or behind white space, are skipped.
///
/// # Errors
/// Returns a [`PlanError`] that names the line which can't be a slug, and never quotes it.
pub fn app_slugs(text: &str) -> Result<Vec<Slug>, PlanError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let entries = if text.trim_start().starts_with('[') {
        json_entries(text)?
    } else {
        line_entries(text)
    };
    let (mut slugs, mut seen) = (Vec::new(), HashSet::new());
    for (line, entry) in entries {
        let slug = slug(&entry).map_err(|error| error.in_line(line))?;
        if seen.insert(slug.raw().to_owned()) {
            slugs.push(slug);
        }
    }
    if slugs.is_empty() {
        let words = "the list of --apps-file names no app";
        return Err(PlanError::Arguments(words.into()));
    }
    Ok(slugs)
}

/// Returns the first column of a text with the number of each line, without comments, empty lines
/// and a heading.
fn line_entries(text: &str) -> Vec<(usize, Cow<'_, str>)> {
    const HEADINGS: [&str; 9] = [
        "slug", "slugs", "appslug", "appslugs", "app", "apps", "appid", "id", "appurl",
    ];
    let mut entries: Vec<(usize, Cow<'_, str>)> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = without_comment(line);
        let column = first_column(line);
        let name: String = column.chars().filter(|c| c.is_alphanumeric()).collect();
        let is_heading = entries.is_empty() && HEADINGS.contains(&&*name.to_lowercase());
        if !line.is_empty() && !is_heading {
            entries.push((number, column.into()));
        }
    }
    entries
}

fn without_comment(line: &str) -> &str {
    let mut before = ' ';
    let comment = line.find(|c: char| {
        let starts = c == '#' && before.is_whitespace();
        before = c;
        starts
    });
    line[..comment.unwrap_or(line.len())].trim()
}

/// Returns the first column of a line of CSV; a comma at the end of a line of JSON is one, too.
fn first_column(line: &str) -> &str {
    for mark in ['"', '\''] {
        let inner = line
            .strip_prefix(mark)
            .and_then(|rest| rest.split_once(mark));
        if let Some((column, rest)) = inner
            && (rest.is_empty() || rest.starts_with([',', ';', '\t']))
        {
            return column.trim();
        }
    }
    line.split([',', ';', '\t']).next().unwrap_or(line).trim()
}

/// Returns the strings of a JSON array, or the `slug` of each of its objects. The line of an item is
/// the one that it stands in, told by the lines' breaks before it.
fn json_entries(text: &str) -> Result<Vec<(usize, Cow<'_, str>)>, PlanError> {
    let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| {
        let line = error.line();
        let words = "breaks its JSON; a list in JSON is an array of slugs";
        PlanError::Arguments(format!("line {line} of --apps-file {words}").into())
    })?;
    let mut entries = Vec::with_capacity(items.len());
    let (mut line, mut counted) = (1, 0);
    for item in items {
        // The items are parts of the text itself, in their order.
        let place = item.get().as_ptr().addr() - text.as_ptr().addr();
        line += text[counted..place].matches('\n').count();
        counted = place;
        let slug = match serde_json::from_str::<serde_json::Value>(item.get()) {
            Ok(serde_json::Value::String(slug)) => Some(slug),
            Ok(serde_json::Value::Object(mut app)) => match app.remove("slug") {
                Some(serde_json::Value::String(slug)) => Some(slug),
                _ => None,
            },
            _ => None,
        };
        let slug = slug.ok_or_else(|| NotASlug::Other.in_line(line))?;
        entries.push((line, slug.into()));
    }
    Ok(entries)
}

/// A file, or standard input, that could not be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileError {
    /// What is read, with the option that names it.
    place: String,
    /// What the system says.
    why: String,
    /// The kind of that.
    kind: ErrorKind,
}

impl FileError {
    /// Names what was to be read, and the option that asks for it, if one does; `-` is standard
    /// input.
    pub fn new(path: &Path, option: &str, error: &io::Error) -> Self {
        let name = match path.to_str() {
            Some("-") => "standard input".to_owned(),
            _ => quoted(path),
        };
        let option = match option {
            "" => String::new(),
            option => format!(" ({option})"),
        };
        Self {
            place: format!("{name}{option}"),
            why: words(error),
            kind: error.kind(),
        }
    }

    /// Returns the kind of what the system says.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ErrorKind::NotFound => write!(f, "no file {}", self.place),
            ErrorKind::IsADirectory => write!(f, "{} is a folder, not a file", self.place),
            _ => write!(f, "can't read {}: {}", self.place, self.why),
        }
    }
}

impl std::error::Error for FileError {}

/// Returns a path between quotation marks, as it may be shown.
pub fn quoted(path: &Path) -> String {
    format!("“{}”", shown_path(&path.to_string_lossy()))
}

/// Returns a path as it may be shown: a part of it that may be a token is left out.
fn shown_path(path: &str) -> String {
    let mut shown = String::with_capacity(path.len());
    for part in path.split_inclusive(['/', '\\']) {
        let name = part.trim_end_matches(['/', '\\']);
        if may_be_token(name) {
            shown.push('…');
            shown.push_str(&part[name.len()..]);
        } else {
            shown.push_str(part);
        }
    }
    escape_unprintable(&shown)
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
        ErrorKind::NotADirectory => "a part of its path is not a folder",
        ErrorKind::FileTooLarge => "it is too large",
        ErrorKind::InvalidData => "it is not text in UTF-8 or UTF-16",
        ErrorKind::InvalidInput | ErrorKind::InvalidFilename => "that can't be a file's name",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "the disk is full",
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
        ErrorKind::TimedOut => "it took longer than --max-time",
        ErrorKind::AddrInUse => "the port is in use",
        ErrorKind::AddrNotAvailable => "this machine does not have that address",
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
    #[error("{0}")]
    TokenInArguments(&'static str),
    /// In the base URL.
    #[error(transparent)]
    BaseUrl(#[from] BaseUrlError),
    /// In a proxy variable.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// In a file that can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// In this machine, which refuses what every run needs.
    #[error("this machine does not let the program start: {0}")]
    Machine(String),
}

impl PlanError {
    /// Returns the reason that this error is reported under.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::TokenInArguments(_) => Reason::TokenInArguments,
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
            ("[\n\"a\",\n\"b canary\"]", "line 3 of --apps-file is not"),
            ("[\n\"a\", 5]", "line 2 of --apps-file is not"),
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
            assert!(error.starts_with("--app takes"), "{text}");
        }
        for text in ["bitwat_x", "bitpat_x", "xbitwat_x"] {
            let error = app_slug(text).unwrap_err().to_string();
            assert!(error.starts_with("--app was given a token"), "{text}");
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
            assert_eq!(error, format!("no file “{shown}”"));
        }
        for (path, kind, words) in [
            (
                "-",
                ErrorKind::TimedOut,
                "can't read standard input (--x): it took longer than --max-time",
            ),
            ("a", ErrorKind::NotFound, "no file “a” (--x)"),
            (
                "a",
                ErrorKind::IsADirectory,
                "“a” (--x) is a folder, not a file",
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

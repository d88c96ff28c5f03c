//! What a run is asked to do, checked before anything is sent.
//!
//! Invariant: no I/O, and no error quotes what was typed, because that may be a token.

use crate::app::Slug;
use crate::names::names;
use crate::redact::Redactor;
use crate::text::escape_unprintable;
use crate::token;
use crate::verdict::Reason;
use serde_json::Value;
use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

names! {
    /// Which apps a run is to check.
    #[derive(Default)]
    pub enum Selection {
        /// The first one of the list, as DX does.
        #[default]
        First = "first",
        /// Those of `--app`.
        Named = "named",
        /// Those of `--apps-file`.
        File = "file",
        /// Every one on every page (`--all-apps`).
        All = "all",
    }
}

/// What a run is asked to do, as its report says it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RunOptions {
    /// Which apps are to be checked.
    pub selection: Selection,
    /// Whether one pipeline run of each app is to be looked at (`--pipeline-details`).
    pub details: bool,
    /// How long one attempt may take, if that is known (`--timeout`).
    pub timeout: Option<Duration>,
}

/// What is to be checked.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which apps to check, and what to ask of each.
    pub options: RunOptions,
    /// Those that were named, by option or in a file.
    pub apps: Vec<Slug>,
    /// The maximum number of requests in flight; at least one is.
    pub concurrency: usize,
}

impl Plan {
    /// Checks that the token stands in nothing that becomes part of an address: tokens without a
    /// known prefix can only be told by comparing.
    ///
    /// # Errors
    /// Returns where the token stands.
    pub fn holds_no_token(&self, base_url: &str, token: &Redactor) -> Result<(), NotRun> {
        let (place, why) = if token.finds(base_url) {
            ("the base URL", WITH_TOKEN)
        } else if self.apps.iter().any(|app| token.finds(app.raw())) {
            (OPTION, TOKEN)
        } else {
            return Ok(());
        };
        Err(NotRun::options(format!("{place} {why}")))
    }
}

/// What is said of a base URL that holds a token.
pub(crate) const WITH_TOKEN: &str = "holds a token: treat that token as compromised";

/// Where a slug stands that is no line of a file.
pub(crate) const OPTION: &str = "what --app names";

/// What is said of a text that should be an app's slug and is a token.
const TOKEN: &str = "is a token instead of an app's slug: treat that token as compromised";

/// The same of any other text that is no slug.
const NO_SLUG: &str = "is not an app's slug, such as 93f256e365d929d3, nor an app's address on \
    Bitrise, such as https://app.bitrise.io/app/93f256e365d929d3";

/// Reads an app's slug, or the app's address on Bitrise, whatever stands behind the slug in it. Any
/// text that can be a path segment is a slug, since Bitrise's are opaque. `place` is where it stands:
/// `--app`, or a line of a file.
///
/// # Errors
/// Returns a [`NotRun`] for a text that can't be a slug, or that looks like a token.
pub fn app_slug(place: &str, text: &str) -> Result<Slug, NotRun> {
    let refused = |why| NotRun::options(format!("{place} {why}"));
    if token::has_prefix(text) {
        return Err(refused(TOKEN));
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
    let slug = Slug::try_from(text.to_owned()).ok();
    slug.filter(|_| !text.contains(is_odd))
        .ok_or_else(|| refused(NO_SLUG))
}

/// Reads the apps of a file: one slug or address a line, the first column of a CSV file, with a
/// heading or without, or a JSON array of strings or of objects with a `slug`.
///
/// White space and quotation marks around them, empty lines, and what follows a `#` at a line's
/// start or behind white space, are skipped.
///
/// # Errors
/// Returns a [`NotRun`] that names the line or item which can't be a slug, and never quotes it.
pub fn app_slugs(text: &str) -> Result<Vec<Slug>, NotRun> {
    const HEADINGS: [&str; 9] = [
        "slug", "slugs", "appslug", "appslugs", "app", "apps", "appid", "id", "appurl",
    ];
    let mut slugs = Vec::new();
    if text.trim_start().starts_with('[') {
        let items: Vec<Value> = serde_json::from_str(text).map_err(|error| {
            let (line, why) = (error.line(), "a list in JSON is an array of slugs");
            NotRun::options(format!("line {line} of --apps-file breaks its JSON; {why}"))
        })?;
        for (number, item) in (1..).zip(&items) {
            let text = item["slug"].as_str().or(item.as_str()).unwrap_or_default();
            slugs.push(app_slug(&format!("item {number} of --apps-file"), text)?);
        }
    } else {
        for (number, line) in (1..).zip(text.lines()) {
            let before = |text, mark| str::split(text, mark).next().unwrap_or(text);
            let line = before(before(line, " #"), "\t#").trim();
            let column = line.split([',', ';', '\t']).next().unwrap_or_default();
            let column = column.trim_matches(['"', '\'', ' ']);
            let name: String = column.chars().filter(|c| c.is_alphanumeric()).collect();
            let is_heading = slugs.is_empty() && HEADINGS.contains(&&*name.to_lowercase());
            if !line.is_empty() && !line.starts_with('#') && !is_heading {
                slugs.push(app_slug(&format!("line {number} of --apps-file"), column)?);
            }
        }
    }
    if slugs.is_empty() {
        return Err(NotRun::options("the list of --apps-file names no app"));
    }
    Ok(slugs)
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

/// Why nothing was checked, in words for whoever asked for it; without anything that may be a token.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{why}")]
pub struct NotRun {
    /// The reason that it is reported under.
    pub reason: Reason,
    /// What is wrong.
    pub why: Cow<'static, str>,
    /// What the system says, if a file could not be read.
    pub file: Option<ErrorKind>,
}

impl NotRun {
    /// No token was given.
    pub const TOKEN_MISSING: Self =
        Self::new(Reason::TokenMissing, Cow::Borrowed("no token was given"));

    /// A token may stand among the arguments.
    pub const TOKEN_IN_ARGUMENTS: Self = Self::new(
        Reason::TokenInArguments,
        Cow::Borrowed(
            "what may be a token stands on the command line, where the process list and the shell \
             history show it: if it is one, treat it as compromised; set BITRISE_TOKEN or use \
             --token-file PATH",
        ),
    );

    /// Says why nothing was checked.
    pub const fn new(reason: Reason, why: Cow<'static, str>) -> Self {
        Self {
            reason,
            why,
            file: None,
        }
    }

    /// Says what is wrong with the options, or with what they and the environment name.
    pub fn options(why: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Reason::InvalidOptions, why.into())
    }

    /// Says what this machine refuses, which every run needs.
    pub fn machine(why: impl Display) -> Self {
        Self::options(format!(
            "this machine does not let the program start: {why}"
        ))
    }

    /// Names a file that could not be read, and the option that asks for it, if one does; `-` is
    /// standard input.
    pub fn file(path: &Path, option: &str, error: &io::Error) -> Self {
        let place = match path.to_str() {
            Some("-") => "standard input".to_owned(),
            _ => quoted(path),
        };
        let option = match option {
            "" => String::new(),
            option => format!(" ({option})"),
        };
        Self {
            file: Some(error.kind()),
            ..Self::options(format!("can't read {place}{option}: {}", words(error)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_opaque_but_never_tokens() {
        assert!(app_slug(OPTION, "93f256e365d929d3").is_ok());
        assert!(app_slug(OPTION, "13aa9897-3891-4fe7-8cf5-5b2f75638b0e").is_ok());
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
            let error = app_slug(OPTION, text).unwrap_err().to_string();
            assert!(error.starts_with("what --app names is not"), "{text}");
        }
        for text in ["bitwat_x", "bitpat_x", "xbitwat_x"] {
            let error = app_slug(OPTION, text).unwrap_err().to_string();
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
            let error = NotRun::file(Path::new(path), "", &not_found).to_string();
            assert_eq!(error, format!("can't read “{shown}”: no such file"));
        }
        for (path, kind, words) in [
            ("-", ErrorKind::TimedOut, "it took longer than --max-time"),
            ("a", ErrorKind::NotFound, "no such file"),
            ("a", ErrorKind::IsADirectory, "it is a folder"),
            ("a", ErrorKind::PermissionDenied, "permission denied"),
        ] {
            let place = if path == "-" {
                "standard input"
            } else {
                "“a”"
            };
            let error = NotRun::file(Path::new(path), "--x", &io::Error::from(kind));
            let expected = format!("can't read {place} (--x): {words}");
            assert_eq!(error.to_string(), expected);
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

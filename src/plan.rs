//! What a run is asked to do, checked before anything is sent.
//!
//! Invariant: no I/O, and no error quotes what was typed, because that may be a token.

use crate::app::Slug;
use crate::base_url::{BaseUrl, BaseUrlError};
use crate::redact::Redactor;
use crate::token;
use crate::verdict::Reason;
use std::collections::HashSet;

/// Holds what is to be checked.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The apps to check.
    pub apps: AppSelection,
    /// Whether to ask for the details of one pipeline run of each app.
    pub details: bool,
    /// How many requests may be under way at once; at least one is.
    pub concurrency: usize,
}

/// Says which apps are to be checked.
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
    /// Holds that the token stands in nothing that becomes part of an address: tokens without a
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
                Err(PlanError::AppSlugIsToken)
            }
            AppSelection::First | AppSelection::Named(_) | AppSelection::All => Ok(()),
        }
    }
}

/// Reads a slug; any text that can be a path segment is one, since Bitrise's slugs are opaque.
///
/// # Errors
/// Returns [`PlanError::AppSlug`] for a text that can't be a slug, and
/// [`PlanError::AppSlugIsToken`] for one that looks like a token.
pub fn app_slug(text: &str) -> Result<Slug, PlanError> {
    if token::has_prefix(text) {
        return Err(PlanError::AppSlugIsToken);
    }
    // The last one stands for bytes that are no text.
    let is_odd = |c: char| {
        c.is_whitespace() || c.is_control() || c == '/' || c == char::REPLACEMENT_CHARACTER
    };
    let slug = Slug::parse(text).filter(|_| !text.contains(is_odd));
    slug.ok_or(PlanError::AppSlug)
}

/// Reads a list of slugs, one a line. White space around them, empty lines, and what follows
/// a `#` at a line's start or behind white space, are skipped.
///
/// # Errors
/// Returns a [`PlanError`] that names the line which can't be a slug, and never quotes it.
pub fn app_slugs(text: &str) -> Result<Vec<Slug>, PlanError> {
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
        slugs.push(app_slug(line).map_err(|error| {
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

/// States why a run can't be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A token stands among the arguments.
    #[error(
        "a token must not stand on the command line, where the process list and the shell \
         history show it"
    )]
    TokenInArguments,
    /// The base URL can't be used.
    #[error(transparent)]
    BaseUrl(#[from] BaseUrlError),
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
            Self::BaseUrl(_)
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
            ("a\n\nb canary", "line 3 of --apps-file can't be"),
            ("bitwat_canary", "line 1 of --apps-file is a token"),
            ("a\u{0}canary", "line 1 of --apps-file can't be"),
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
            assert!(matches!(app_slug(text), Err(PlanError::AppSlug)), "{text}");
        }
        for text in ["bitwat_x", "bitpat_x", "xbitwat_x"] {
            assert!(
                matches!(app_slug(text), Err(PlanError::AppSlugIsToken)),
                "{text}"
            );
        }
    }
}

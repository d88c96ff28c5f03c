//! The requests of a pasted text: an address, a method, a credential and how it is written, and
//! what in them is unlike DX's call.

use super::words;
use crate::exchange::is_bitrise;
use crate::pasted::Mistake;
use crate::token::Token;
use std::collections::HashMap;
use url::Url;

/// The endpoints that matter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Endpoint {
    /// The list of apps.
    Apps,
    /// The pipelines of the app with this slug.
    Pipelines(String),
    /// One pipeline run of the app with this slug.
    Details(String),
    /// Any other.
    Other,
}

/// An address that was asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Address {
    /// The address as it is shown: without user, password and all of the query but `limit`.
    pub(super) shown: String,
    /// What is asked for.
    pub(super) endpoint: Endpoint,
    /// What is wrong with it.
    pub(super) mistakes: Vec<Mistake>,
    /// Whether it leads to this machine, as the sandbox's does.
    pub(super) is_loopback: bool,
    /// The part in front of `/apps`.
    pub(super) base: String,
}

/// What is shown of a request.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Request {
    pub(super) address: Option<Address>,
    pub(super) method: Option<String>,
    pub(super) credential: Option<Judged>,
    /// Whether all of it is shown, so that what is not there was not sent.
    pub(super) is_whole: bool,
    /// Whether the address stands alone, as in a browser.
    pub(super) is_alone: bool,
    /// Whether it stands there as a command, a log's line or in code.
    pub(super) is_shown: bool,
    /// Whether options or filters hide the response's body.
    pub(super) is_hidden: bool,
    /// Whether a filter shows parts of the body alone.
    pub(super) is_filtered: bool,
    pub(super) mistakes: Vec<Mistake>,
    /// How many headers a log shows of it.
    pub(super) headers: usize,
}

/// The maximum number of bytes of an address.
const MAX_ADDRESS: usize = 2048;

impl Address {
    /// Reads an address. `is_https` says what a missing scheme stands for.
    #[expect(clippy::too_many_lines, reason = "one row a part of the address")]
    pub(super) fn read(text: &str, is_https: bool) -> Option<Self> {
        let whole = match text.split_once("://") {
            Some((scheme, _))
                if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") =>
            {
                text.to_owned()
            }
            Some(_) => return None,
            None if is_https => format!("https://{text}"),
            None => format!("http://{text}"),
        };
        let url = Url::parse(&whole)
            .ok()
            .filter(|_| whole.len() <= MAX_ADDRESS)?;
        let is_loopback = crate::base_url::is_loopback(&url);
        let mut mistakes = Vec::new();
        let is_api = url
            .host_str()
            .is_some_and(|host| host.trim_end_matches('.') == "api.bitrise.io");
        if !is_api && !is_loopback {
            mistakes.push(Mistake::OtherHost);
        }
        if url.scheme() == "http" && !is_loopback {
            mistakes.push(Mistake::PlainHttp);
        }
        let parts: Vec<&str> = url.path().trim_start_matches('/').split('/').collect();
        let real: Vec<&str> = parts
            .iter()
            .copied()
            .filter(|part| !part.is_empty())
            .collect();
        let has_extra_slash =
            url.path().contains("//") || url.path().len() > 1 && url.path().ends_with('/');
        let at = real.iter().position(|part| *part == "apps");
        let version = at.and_then(|at| real[..at].last().copied());
        let is_version = |part: &str| {
            part.strip_prefix(['v', 'V'])
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        match version {
            Some("v0.1") => {}
            Some(version) if is_version(version) => mistakes.push(Mistake::OtherVersion),
            _ if at.is_none() => {}
            _ => mistakes.push(Mistake::NoVersion),
        }
        let below = at.map_or(&[][..], |at| &real[at + 1..]);
        let endpoint = match (at, below) {
            (Some(_), []) => Endpoint::Apps,
            // A slash behind nothing: the slug is missing.
            (Some(_), ["pipelines"]) => Endpoint::Pipelines(String::new()),
            (Some(_), [slug, "pipelines"]) => Endpoint::Pipelines(decoded(slug)),
            (Some(_), [slug, "pipelines", _]) => Endpoint::Details(decoded(slug)),
            _ => Endpoint::Other,
        };
        match &endpoint {
            Endpoint::Pipelines(slug) | Endpoint::Details(slug) if is_slug_placeholder(slug) => {
                mistakes.push(Mistake::SlugPlaceholder);
            }
            Endpoint::Other => mistakes.push(Mistake::OtherEndpoint),
            _ if has_extra_slash => mistakes.push(Mistake::ExtraSlash),
            _ => {}
        }
        for (name, value) in url.query_pairs() {
            match name.as_ref() {
                "limit" if value.parse().is_ok_and(|limit: u32| limit <= 50) => {}
                "sort_by" => {}
                "access_token" | "token" | "api_token" | "apikey" | "api_key" | "auth_token" => {
                    mistakes.push(Mistake::TokenInQuery);
                }
                _ => mistakes.push(Mistake::Filter),
            }
        }
        mistakes.dedup();
        let base_path = at.map_or(&real[..0], |at| &real[..at]).join("/");
        let origin = url.origin().ascii_serialization();
        let limit = url.query_pairs().find(|(name, _)| name == "limit");
        let limit =
            limit.filter(|(_, value)| value.len() < 7 && value.bytes().all(|b| b.is_ascii_digit()));
        let limit = limit.map_or_else(String::new, |(_, value)| format!("?limit={value}"));
        Some(Self {
            shown: format!("{origin}{}{limit}", url.path()),
            base: format!("{origin}/{base_path}")
                .trim_end_matches('/')
                .to_owned(),
            endpoint,
            mistakes,
            is_loopback,
        })
    }

    /// Tells whether it is an address of the API, and not one of a page or of somebody else's.
    pub(super) fn is_of_api(&self) -> bool {
        let is_api = is_bitrise(&self.shown) && self.shown.contains("//api.");
        is_api && self.shown.len() > "https://api.bitrise.io/".len()
            || self.endpoint != Endpoint::Other
                && (self.base.ends_with("/v0.1") || is_bitrise(&self.shown))
    }

    /// Tells whether it is no more than what addresses of the API begin with.
    pub(super) fn is_base(&self) -> bool {
        let path = self
            .shown
            .split_once("://")
            .and_then(|(_, rest)| rest.split_once('/'));
        path.is_none_or(|(_, path)| matches!(path, "" | "v0.1" | "v0.1/"))
    }

    /// Tells whether both ask the same, apart from what the query says.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let path = |address: &Self| address.shown.split('?').next().map(str::to_owned);
        path(self) == path(other)
    }

    /// Tells whether it can be the start of another, as clients cut what they repeat.
    pub(super) fn is_start_of(&self, other: &Self) -> bool {
        other
            .shown
            .starts_with(self.shown.trim_end_matches(['.', '…']))
    }
}

fn decoded(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment)
        .decode_utf8_lossy()
        .into_owned()
}

/// Tells whether a slug was never filled in.
fn is_slug_placeholder(slug: &str) -> bool {
    let lower = slug.to_ascii_lowercase();
    if is_hidden_slug(slug) {
        return false;
    }
    slug.is_empty()
        || words::says("slug placeholder", &lower)
        || lower == "slug"
        || slug.starts_with(['<', '{', '[', ':'])
}

/// Tells whether a slug can't be put into a command.
pub(super) fn is_placeholder(slug: &str) -> bool {
    is_slug_placeholder(slug) || is_hidden_slug(slug)
}

/// Tells whether a slug is hidden, or comes out of a variable, so that it is not known.
pub(super) fn is_hidden_slug(slug: &str) -> bool {
    let is_mask = |c: char| matches!(c, '*' | '•' | '█' | 'x' | 'X' | '…' | '.' | '#');
    slug.starts_with('$')
        || slug.contains("***")
        || slug.contains('…')
        || slug.ends_with("...")
        || words::says("hidden", &slug.to_ascii_lowercase())
        || !slug.is_empty() && slug.chars().all(is_mask)
}

/// A credential, as far as it can be told from others.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Credential {
    /// A literal, by its fingerprint and its prefix.
    Literal(String, &'static str),
    /// The name of a variable.
    Named(String),
    /// It is hidden, or stands elsewhere.
    Unknown,
}

/// A value of a header, and what is wrong with it.
pub(super) type Judged = (Credential, Option<Mistake>);

/// What a text's variables were set to.
pub(super) type Variables = HashMap<String, Judged>;

/// The shells whose quotes and variables differ.
pub(super) use crate::report::Shell;

/// Judges the value of an `Authorization` header. `quote` is the quote that it stands in, `shell`
/// the one that read it; without one, it is what was sent, or code.
pub(super) fn judge_value(
    value: &str,
    quote: Option<char>,
    shell: Option<Shell>,
    variables: &Variables,
) -> Judged {
    let value = value.trim();
    let lower = value.to_lowercase();
    if value.is_empty() || lower == "''" || lower == "\"\"" {
        return (Credential::Unknown, Some(Mistake::EmptyToken));
    }
    let schemes = [
        "bearer",
        "basic",
        "apikey",
        "api-key",
        "token:",
        "digest",
        "negotiate",
        "ntlm",
        "pat ",
    ];
    if let Some(scheme) = schemes.iter().find(|scheme| lower.starts_with(**scheme)) {
        let behind = lower[scheme.len()..].chars().next();
        if behind.is_none_or(|c| !c.is_alphanumeric()) || *scheme == "token:" {
            let inner = value[scheme.len()..].trim_start_matches([' ', ':', '"', '\'', '+']);
            let (credential, _) = judge_value_or_unknown(inner, quote, shell, variables);
            let mistake = if *scheme == "bearer" {
                Mistake::Bearer
            } else {
                Mistake::Scheme
            };
            return (credential, Some(mistake));
        }
    }
    let value = match lower.strip_prefix("token ") {
        Some(rest) if !rest.trim().is_empty() => value[value.len() - rest.len()..].trim(),
        _ => value,
    };
    judge_bare(value, quote, shell, variables)
}

fn judge_value_or_unknown(
    value: &str,
    quote: Option<char>,
    shell: Option<Shell>,
    variables: &Variables,
) -> Judged {
    if value.trim().is_empty() {
        return (Credential::Unknown, None);
    }
    judge_bare(value, quote, shell, variables)
}

fn judge_bare(
    value: &str,
    quote: Option<char>,
    shell: Option<Shell>,
    variables: &Variables,
) -> Judged {
    let lower = value.to_lowercase();
    let is_single = matches!(quote, Some('\'' | '‘' | '’'));
    if is_hidden(value) {
        return (Credential::Unknown, None);
    }
    if let Some(name) = variable(value) {
        let is_unexpanded = match shell {
            Some(Shell::Posix) => {
                is_single || value.starts_with(['%']) || value.starts_with("$env:")
                    // What a shell takes for a command, a CI system should have replaced.
                    || value.starts_with("$(") || value.starts_with("{{") || value.starts_with("${{")
            }
            Some(Shell::PowerShell) => is_single || value.starts_with(['%', '{']),
            Some(Shell::Cmd) => !value.starts_with('%'),
            None => true,
        };
        if is_unexpanded {
            return (Credential::Named(name), Some(Mistake::TokenVariable));
        }
        return variables
            .get(&name)
            .cloned()
            .unwrap_or((Credential::Named(name), None));
    }
    let bare = lower.trim_matches(|c: char| "<>{}[]() ".contains(c));
    let folded = bare.replace(' ', "_");
    let is_named = |text: &str| {
        let text = text.replace('-', "_");
        ["your_", "my_", "the_"]
            .iter()
            .any(|start| text.starts_with(start))
            && text.contains("token")
    };
    let is_bracketed = value.starts_with('<') && value.ends_with('>');
    if words::section("placeholder").contains(&folded.as_str()) || is_named(&folded) || is_bracketed
    {
        return (Credential::Unknown, Some(Mistake::TokenPlaceholder));
    }
    // In single characters or words without digits there is no token: a name in a program.
    let is_name = value.len() < 20
        && value
            .chars()
            .all(|c| c.is_ascii_alphabetic() || matches!(c, '_' | '.' | '(' | ')' | '[' | ']'));
    if quote.is_none() && shell.is_none() && is_name {
        let name = value.to_owned();
        return variables
            .get(&name)
            .cloned()
            .unwrap_or((Credential::Named(name), None));
    }
    let kind = ["bitwat_", "bitpat_"]
        .into_iter()
        .find(|prefix| value.starts_with(prefix));
    let parsed = Token::parse(value).ok();
    let fingerprint = parsed.and_then(|parsed| parsed.token.fingerprint());
    let credential = fingerprint.map_or(Credential::Unknown, |fingerprint| {
        Credential::Literal(fingerprint, kind.unwrap_or(""))
    });
    (credential, None)
}

/// Returns the name of the variable that a value is.
fn variable(value: &str) -> Option<String> {
    let inner = [
        ("${{", "}}"),
        ("${", "}"),
        ("$(", ")"),
        ("$[", "]"),
        ("$env:", ""),
        ("$Env:", ""),
        ("{{", "}}"),
        ("%", "%"),
        ("$", ""),
    ]
    .iter()
    .find_map(|(start, end)| value.strip_prefix(start)?.strip_suffix(end))?;
    let name = inner.trim();
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | ':' | ' ');
    (!name.is_empty() && name.len() <= 80 && name.chars().all(is_part)).then(|| {
        let name = name.rsplit(['.', ':']).next().unwrap_or(name);
        name.trim_matches('-').to_owned()
    })
}

/// Tells whether a value was made unreadable, so that nothing is known of it.
pub(super) fn is_hidden(value: &str) -> bool {
    let lower = value.to_lowercase();
    let tail = ["bitwat_", "bitpat_", "token "]
        .iter()
        .find_map(|start| lower.strip_prefix(start));
    let core = tail
        .unwrap_or(&lower)
        .trim_matches(|c: char| "<>[](){} ".contains(c));
    let is_mask = |c: char| "*•●█▓░·.…x#_-~?■□▒✱＊".contains(c);
    if !core.is_empty() && core.chars().all(is_mask) || tail == Some("") {
        return true;
    }
    // The whole word is one for hiding, or it stands in brackets.
    let is_marked = value.starts_with(['<', '[', '(', '{'])
        || tail.is_some()
        || !lower.bytes().any(|b| b.is_ascii_digit());
    lower.contains("***")
        || lower.contains("•••")
        || lower.contains("xxxx")
        || lower.contains("██")
        || lower.contains('…')
        || lower.contains("...")
        || is_marked && words::says("hidden", core)
        || tail.is_some_and(|tail| tail.starts_with(['<', '[', '(', '{', '$']))
}

//! The requests of a pasted text: an address, a method, a credential and how it is written, and
//! what in them is unlike DX's call.

use super::words::{self, lower};
use crate::base_url;
use crate::exchange::is_bitrise;
use crate::pasted::Mistake;
use crate::token::Token;
use std::collections::HashMap;

/// The shells whose quotes and variables differ.
pub(super) use crate::report::Shell;

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
    /// Whether the text has its path alone, so that its host is a guess.
    pub(super) is_path: bool,
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

impl Request {
    /// Makes a request of which the address and perhaps the method are known.
    pub(super) fn at(address: Address, method: Option<String>) -> Self {
        Self {
            address: Some(address),
            method,
            ..Self::default()
        }
    }

    /// Returns what in all that is shown of it is unlike DX's call.
    pub(super) fn all_mistakes(&self) -> Vec<Mistake> {
        let mut all = self.mistakes.clone();
        let elsewhere = |mistake: &Mistake| {
            use Mistake::{OtherHeader, TokenInQuery, UserOption};
            matches!(mistake, OtherHeader | TokenInQuery | UserOption)
        };
        if let Some(address) = &self.address {
            all.splice(0..0, address.mistakes.iter().copied());
            let is_bare = self.credential.is_none() && (self.is_whole || self.is_alone);
            all.extend((is_bare && !all.iter().any(elsewhere)).then_some(Mistake::NoToken));
        }
        all.extend(self.credential.as_ref().and_then(|(_, mistake)| *mistake));
        let is_read = |method: &String| {
            let known = ["GET", "HEAD", "DEFAULT"];
            known.iter().any(|own| method.eq_ignore_ascii_case(own))
        };
        let is_other = self.method.as_ref().is_some_and(|method| !is_read(method));
        all.extend(is_other.then_some(Mistake::Method));
        all
    }

    /// Takes a header that is not `Authorization`, but may hold a token.
    pub(super) fn other_header(&mut self, name: &str) {
        if words::is("other header", name.trim()) && !self.mistakes.contains(&Mistake::OtherHeader)
        {
            self.mistakes.push(Mistake::OtherHeader);
        }
    }
}

/// The host of DX's calls.
const HOST: &str = "api.bitrise.io";

impl Address {
    /// Reads an address. `is_https` says what a missing scheme stands for.
    pub(super) fn read(text: &str, is_https: bool) -> Option<Self> {
        const LONGEST: usize = 2048;
        let scheme = text
            .split_once("://")
            .map(|(scheme, _)| scheme.to_ascii_lowercase());
        let whole = match scheme.as_deref() {
            Some("http" | "https") => text.to_owned(),
            Some(_) => return None,
            None if is_https => format!("https://{text}"),
            None => format!("http://{text}"),
        };
        if whole.len() > LONGEST {
            return None;
        }
        let url = base_url::url(&whole)?;
        let is_loopback = crate::base_url::is_loopback(&url);
        let mut mistakes = Vec::new();
        if !is_loopback && url.host_str().map(|host| host.trim_end_matches('.')) != Some(HOST) {
            mistakes.push(Mistake::OtherHost);
        }
        if !is_loopback && url.scheme() == "http" {
            mistakes.push(Mistake::PlainHttp);
        }
        let path = url.path();
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let apps = parts.iter().position(|part| *part == "apps");
        let (base, below) = parts.split_at(apps.unwrap_or(0));
        let is_version = |part: &str| {
            let number = part.strip_prefix(['v', 'V']);
            number.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
        };
        match base.last() {
            Some(&"v0.1") => {}
            Some(version) if is_version(version) => mistakes.push(Mistake::OtherVersion),
            _ if apps.is_some() => mistakes.push(Mistake::NoVersion),
            _ => {}
        }
        let endpoint = match below {
            ["apps"] => Endpoint::Apps,
            // A slash behind nothing: the slug is missing.
            ["apps", "pipelines"] => Endpoint::Pipelines(String::new()),
            ["apps", slug, "pipelines"] => Endpoint::Pipelines(decoded(slug)),
            ["apps", slug, "pipelines", _] => Endpoint::Details(decoded(slug)),
            _ => Endpoint::Other,
        };
        match &endpoint {
            Endpoint::Pipelines(slug) | Endpoint::Details(slug) if is_slug_placeholder(slug) => {
                mistakes.push(Mistake::SlugPlaceholder);
            }
            Endpoint::Other => mistakes.push(Mistake::OtherEndpoint),
            _ if path.contains("//") || path.ends_with('/') => mistakes.push(Mistake::ExtraSlash),
            _ => {}
        }
        let mut limit = String::new();
        for (name, value) in url.query_pairs() {
            if name == "limit" && value.len() < 7 && value.bytes().all(|b| b.is_ascii_digit()) {
                limit = format!("?limit={value}");
            }
            mistakes.extend(mistake_of_query(&name, &value));
        }
        mistakes.dedup();
        let origin = url.origin().ascii_serialization();
        let base = format!("{origin}/{}", base.join("/"));
        Some(Self {
            shown: format!("{origin}{path}{limit}"),
            base: base.trim_end_matches('/').to_owned(),
            endpoint,
            mistakes,
            is_loopback,
            is_path: false,
        })
    }

    /// Reads a path as logs have it, of a host that stands elsewhere. Bitrise's own client leaves the
    /// version out of what it prints.
    pub(super) fn of_path(path: &str) -> Option<Self> {
        if path.contains("://") {
            return Self::read(path, true);
        }
        let is_short = path
            .strip_prefix("/apps")
            .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
        let version = if is_short { "/v0.1" } else { "" };
        let address = Self::read(&format!("https://{HOST}{version}{path}"), true)?;
        Some(Self {
            is_path: true,
            ..address
        })
    }

    /// Returns the address at another host, which a header names.
    pub(super) fn at_host(&self, host: &str) -> Option<Self> {
        let is_local = host.starts_with("127.") || host.starts_with("localhost");
        let scheme = if is_local { "http" } else { "https" };
        let is_same = host.trim_end_matches(":443").eq_ignore_ascii_case(HOST);
        if !self.is_path || is_same || host.len() > 300 {
            return None;
        }
        Self::read(&format!("{scheme}://{host}{}", self.path()), true)
    }

    fn path(&self) -> &str {
        let behind = self.shown.find("://").map_or(0, |at| at + 3);
        let path = self.shown[behind..]
            .find('/')
            .map_or("", |at| &self.shown[behind + at..]);
        path.split('?').next().unwrap_or_default()
    }

    /// Tells whether it is an address of the API, and not one of a page or of somebody else's.
    pub(super) fn is_of_api(&self) -> bool {
        let is_api = is_bitrise(&self.shown) && self.shown.contains("//api.");
        is_api && self.path().len() > 1
            || self.endpoint != Endpoint::Other
                && (self.base.ends_with("/v0.1") || is_bitrise(&self.shown))
    }

    /// Tells whether it is no more than what addresses of the API begin with.
    pub(super) fn is_base(&self) -> bool {
        matches!(self.path().trim_end_matches('/'), "" | "/v0.1")
    }

    /// Tells whether both ask the same, apart from what the query says.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        if self.is_path || other.is_path {
            return self.path() == other.path();
        }
        self.shown.split('?').next() == other.shown.split('?').next()
    }

    /// Tells whether it can be the start of another, as clients cut what they repeat.
    pub(super) fn is_start_of(&self, other: &Self) -> bool {
        other
            .shown
            .starts_with(self.shown.trim_end_matches(['.', '…']))
    }
}

/// Returns what is wrong with a parameter of a query.
pub(super) fn mistake_of_query(name: &str, value: &str) -> Option<Mistake> {
    match name {
        "limit" if value.parse().is_ok_and(|limit: u32| limit <= 50) => None,
        "sort_by" => None,
        name if words::is("token parameter", name) => Some(Mistake::TokenInQuery),
        _ => Some(Mistake::Filter),
    }
}

fn decoded(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment)
        .decode_utf8_lossy()
        .into_owned()
}

/// Tells whether a slug was never filled in.
fn is_slug_placeholder(slug: &str) -> bool {
    let lower = lower(slug);
    !is_hidden_slug(slug)
        && (slug.is_empty()
            || lower == "slug"
            || words::says("slug placeholder", &lower)
            || slug.starts_with(['<', '{', '[', ':']))
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
        || words::says("hidden", &lower(slug))
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

/// Returns what a variable was set to, or its name.
pub(super) fn named(name: String, variables: &Variables) -> Judged {
    let known = variables.get(&name).cloned();
    known.unwrap_or((Credential::Named(name), None))
}

/// Judges the value of an `Authorization` header. `quote` is the quote that it stands in, `shell`
/// the one that read it; without one, it is what was sent, or code.
pub(super) fn judge_value(
    value: &str,
    quote: Option<char>,
    shell: Option<Shell>,
    variables: &Variables,
) -> Judged {
    let value = value.trim();
    let small = lower(value);
    if value.trim_matches(['"', '\'']).is_empty() {
        return (Credential::Unknown, Some(Mistake::EmptyToken));
    }
    let is_scheme = |scheme: &&&str| {
        let behind = small.strip_prefix(**scheme);
        behind.is_some_and(|rest| {
            !scheme.ends_with(char::is_alphanumeric) || !rest.starts_with(char::is_alphanumeric)
        })
    };
    if let Some(scheme) = words::section("scheme").iter().find(is_scheme) {
        let inner = value[scheme.len()..].trim_matches([' ', ':', '"', '\'', '+']);
        let credential = match inner {
            "" => Credential::Unknown,
            inner => judge_bare(inner, quote, shell, variables).0,
        };
        let mistake = if *scheme == "bearer" {
            Mistake::Bearer
        } else {
            Mistake::Scheme
        };
        return (credential, Some(mistake));
    }
    let is_token = small
        .strip_prefix("token ")
        .is_some_and(|rest| !rest.trim().is_empty());
    let value = if is_token {
        value["token ".len()..].trim()
    } else {
        value
    };
    judge_bare(value, quote, shell, variables)
}

fn judge_bare(
    value: &str,
    quote: Option<char>,
    shell: Option<Shell>,
    variables: &Variables,
) -> Judged {
    let is_single = matches!(quote, Some('\'' | '‘' | '’'));
    if is_hidden(value) {
        return (Credential::Unknown, None);
    }
    if let Some(name) = variable(value) {
        // What a shell takes for a command, a CI system should have replaced.
        let of_ci = ["$(", "{{", "${{", "%", "$env:"];
        let is_unexpanded = match shell {
            Some(Shell::Posix) => is_single || of_ci.iter().any(|sign| value.starts_with(sign)),
            Some(Shell::PowerShell) => is_single || value.starts_with(['%', '{']),
            Some(Shell::Cmd) => !value.starts_with('%'),
            None => true,
        };
        if is_unexpanded {
            return (Credential::Named(name), Some(Mistake::TokenVariable));
        }
        return named(name, variables);
    }
    let bare =
        lower(value.trim_matches(|c: char| "<>{}[]() ".contains(c))).replace([' ', '-'], "_");
    let is_own = ["your_", "my_", "the_"]
        .iter()
        .any(|start| bare.starts_with(start));
    let is_bracketed = value.starts_with('<') && value.ends_with('>');
    if words::is("placeholder", &bare) || is_own && bare.contains("token") || is_bracketed {
        return (Credential::Unknown, Some(Mistake::TokenPlaceholder));
    }
    // In letters without digits there is no token: a name in a program.
    let is_part = |c: char| c.is_ascii_alphabetic() || "_.()[]".contains(c);
    if quote.is_none() && shell.is_none() && value.len() < 20 && value.chars().all(is_part) {
        return named(value.to_owned(), variables);
    }
    let mut kinds = ["bitwat_", "bitpat_"].into_iter();
    let kind = kinds.find(|prefix| value.starts_with(prefix)).unwrap_or("");
    let fingerprint = Token::parse(value)
        .ok()
        .and_then(|parsed| parsed.token.fingerprint());
    let literal = |fingerprint| Credential::Literal(fingerprint, kind);
    (fingerprint.map_or(Credential::Unknown, literal), None)
}

/// Returns the name of the variable that a value is.
fn variable(value: &str) -> Option<String> {
    const NOTATIONS: [(&str, &str); 9] = [
        ("${{", "}}"),
        ("${", "}"),
        ("$(", ")"),
        ("$[", "]"),
        ("$env:", ""),
        ("$Env:", ""),
        ("{{", "}}"),
        ("%", "%"),
        ("$", ""),
    ];
    let mut inner = NOTATIONS
        .iter()
        .filter_map(|(start, end)| value.strip_prefix(start)?.strip_suffix(end));
    let name = inner.next()?.trim();
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_.-: ".contains(c);
    let is_name = !name.is_empty() && name.len() <= 80 && name.chars().all(is_part);
    let last = name.rsplit(['.', ':']).next().unwrap_or(name);
    is_name.then(|| last.trim_matches('-').to_owned())
}

/// Tells whether a value was made unreadable, so that nothing is known of it.
pub(super) fn is_hidden(value: &str) -> bool {
    const MARKS: [&str; 6] = ["***", "•••", "xxxx", "██", "…", "..."];
    let small = lower(value);
    let mut tails = ["bitwat_", "bitpat_", "token "].iter();
    let tail = tails.find_map(|start| small.strip_prefix(start));
    let core = tail
        .unwrap_or(&small)
        .trim_matches(|c: char| "<>[](){} ".contains(c));
    let is_mask = |c: char| "*•●█▓░·.…x#_-~?■□▒✱＊".contains(c);
    // The whole word is one for hiding, or it stands in brackets.
    let is_bracketed = |text: &str| text.starts_with(['<', '[', '(', '{']);
    let is_marked =
        is_bracketed(value) || tail.is_some() || !small.contains(|c: char| c.is_ascii_digit());
    tail == Some("")
        || !core.is_empty() && core.chars().all(is_mask)
        || MARKS.iter().any(|mark| small.contains(mark))
        || is_marked && words::says("hidden", core)
        || tail.is_some_and(|tail| is_bracketed(tail) || tail.starts_with('$'))
}

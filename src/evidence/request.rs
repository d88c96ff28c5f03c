//! The requests of a pasted text: an address, a method, a credential and how it is written, and
//! what in them is unlike DX's call.

use super::words::{self, floor, lower};
use crate::base_url;
use crate::check::CheckId;
use crate::exchange::is_bitrise;
use crate::pasted::Mistake;
use crate::token::{Token, TokenKind};
use percent_encoding::percent_decode_str;
use std::collections::HashMap;

/// The shells whose quotes and variables differ.
pub(super) use crate::report::Shell;

/// An address that was asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Address {
    /// The address as it is shown: without user, password and all of the query but `limit`.
    pub(super) shown: String,
    pub(super) path: String,
    /// The step whose endpoint is asked for; nothing for any other endpoint.
    pub(super) step: Option<CheckId>,
    /// The slug of the app that is asked for.
    pub(super) slug: Option<String>,
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
    /// Whether the one of the token is among them.
    pub(super) has_header: bool,
}

impl Request {
    /// Returns what in all that is shown of it is unlike DX's call.
    pub(super) fn all_mistakes(&self) -> Vec<Mistake> {
        use Mistake::{Method, NoToken, OtherHeader, TokenInQuery, UserOption};
        let of_address = self.address.iter().flat_map(|own| &own.mistakes);
        let mut all: Vec<Mistake> = of_address.chain(&self.mistakes).copied().collect();
        let is_elsewhere = { all.iter() }
            .any(|mistake| matches!(mistake, OtherHeader | TokenInQuery | UserOption));
        let is_shown = self.address.is_some() && (self.is_whole || self.is_alone);
        // What was sent tells more than the command, whose variable was empty.
        let is_sent = self.credential.is_some() && (self.headers < 2 || self.has_header);
        let is_bare = is_shown && !is_sent && !is_elsewhere;
        let of_credential = self.credential.as_ref().and_then(|(_, mistake)| *mistake);
        let is_reading = |own: &String| words::is("reading method", own);
        let is_other = !self.method.as_ref().is_none_or(is_reading);
        all.extend(is_bare.then_some(NoToken));
        all.extend(of_credential);
        all.extend(is_other.then_some(Method));
        all
    }

    /// Takes a header, as it was sent.
    pub(super) fn header(&mut self, name: &str, value: &str, variables: &Variables) {
        self.headers += 1;
        match &*lower(name) {
            "authorization" => {
                self.has_header = true;
                self.credential = Some(judge_value(value, None, None, variables));
            }
            "host" => {
                // A path alone is one of that host.
                let is_same = matches!(&*lower(value.trim_end_matches(":443")), "" | HOST);
                let own = self.address.as_ref().filter(|own| own.is_path && !is_same);
                let is_local = value.starts_with("127.") || value.starts_with("localhost");
                let other =
                    own.and_then(|own| Address::read(&format!("{value}{}", own.path), !is_local));
                self.address = other.or(self.address.take());
            }
            name => self.other_header(name),
        }
    }

    /// Takes what was not known of it from another notation of it.
    pub(super) fn fill(&mut self, other: Self) {
        // A trace shows what a variable became.
        let is_wrong = |(_, mistake): &Judged| mistake.is_some();
        let is_right = !self.credential.as_ref().is_some_and(is_wrong);
        let credential = other.credential.filter(|_| is_right);
        self.credential = credential.or(self.credential.take());
        self.method = self.method.take().or(other.method);
        self.address = self.address.take().or(other.address);
        self.is_whole |= other.is_whole;
        self.is_hidden |= other.is_hidden;
        self.is_filtered |= other.is_filtered;
        self.is_shown |= other.is_shown;
        self.headers += other.headers;
        self.has_header |= other.has_header;
        self.mistakes.extend(other.mistakes);
    }

    /// Takes a header that is not `Authorization`, but may hold a token.
    pub(super) fn other_header(&mut self, name: &str) {
        if words::is("other header", name.trim()) {
            self.mistakes.push(Mistake::OtherHeader);
        }
    }
}

/// The host of DX's calls.
const HOST: &str = "api.bitrise.io";

impl Address {
    /// Reads an address, or a path as logs have it, of a host that stands elsewhere. `is_https` says what a
    /// missing scheme stands for.
    pub(super) fn read(text: &str, is_https: bool) -> Option<Self> {
        const LONGEST: usize = 2048;
        let whole = match text.split_once("://").map(|(scheme, _)| lower(scheme)) {
            Some(scheme) => matches!(&*scheme, "http" | "https").then(|| text.to_owned())?,
            // Bitrise's own client leaves the version out of what it prints.
            None if text.starts_with("/apps") => format!("https://{HOST}/v0.1{text}"),
            None if text.starts_with('/') => format!("https://{HOST}{text}"),
            None if is_https => format!("https://{text}"),
            None => format!("http://{text}"),
        };
        let url = base_url::url(&whole, None).filter(|_| whole.len() <= LONGEST)?;
        let path = percent_decode_str(url.path()).decode_utf8_lossy();
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let apps = parts.iter().position(|part| *part == "apps");
        let (base, below) = parts.split_at(apps.unwrap_or(0));
        let version = base.last().copied().unwrap_or_default();
        let is_version = pattern!(r"^[vV]\d").is_match(version);
        let (step, slug) = match below {
            ["apps"] => (Some(CheckId::AppsList), None),
            // A slash behind nothing: the slug is missing.
            ["apps", "pipelines"] => (Some(CheckId::PipelinesList), Some("")),
            [_, slug, "pipelines"] => (Some(CheckId::PipelinesList), Some(*slug)),
            [_, slug, "pipelines", _] => (Some(CheckId::PipelinesShow), Some(*slug)),
            _ => (None, None),
        };
        let is_loopback = base_url::is_loopback(&url);
        let host = url.host_str().map(|host| host.trim_end_matches('.'));
        let is_foreign = !is_loopback && host != Some(HOST);
        let is_open = slug.is_some_and(|slug| is_placeholder(slug) && !is_unknown(slug));
        let has_slash = path.contains("//") || path.ends_with('/');
        let mistakes = [
            (is_foreign, Mistake::OtherHost),
            (!is_loopback && url.scheme() == "http", Mistake::PlainHttp),
            (is_version && version != "v0.1", Mistake::OtherVersion),
            (!is_version && apps.is_some(), Mistake::NoVersion),
            (is_open, Mistake::SlugPlaceholder),
            (step.is_none(), Mistake::OtherEndpoint),
            (has_slash && !is_open && step.is_some(), Mistake::ExtraSlash),
        ];
        let mistakes = mistakes.into_iter();
        let mistakes = mistakes.filter_map(|(is_seen, mistake)| is_seen.then_some(mistake));
        let mut mistakes: Vec<_> = mistakes.collect();
        let mut limit = String::new();
        for (name, value) in url.query_pairs() {
            if name == "limit" && value.parse::<u32>().is_ok() {
                limit = format!("?limit={value}");
            }
            mistakes.extend(mistake_of_query(&name, &value));
        }
        let origin = url.origin().ascii_serialization();
        let base = format!("{origin}/{}", base.join("/"));
        Some(Self {
            shown: format!("{origin}{}{limit}", url.path()),
            base: base.trim_end_matches('/').to_owned(),
            step,
            slug: slug.map(str::to_owned),
            mistakes,
            is_loopback,
            is_path: text.starts_with('/'),
            path: path.into_owned(),
        })
    }

    /// Tells whether a variable stands in place of the slug, as in a command that a loop runs.
    pub(super) fn has_variable(&self) -> bool {
        self.slug.as_ref().is_some_and(|slug| slug.starts_with('$'))
    }

    /// Tells whether it is an address of the API, and not one of a page or of somebody else's.
    pub(super) fn is_of_api(&self) -> bool {
        let is_bitrise = is_bitrise(&self.shown);
        is_bitrise && self.shown.contains("//api.") && self.path.len() > 1
            || self.step.is_some() && (is_bitrise || self.base.ends_with("/v0.1"))
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

/// Tells whether a slug is not shown: it is a variable's, or hidden.
pub(super) fn is_unknown(slug: &str) -> bool {
    slug.starts_with('$') || is_hidden(slug)
}

/// Tells whether a slug can't be put into a command: it is hidden, or was never filled in.
pub(super) fn is_placeholder(slug: &str) -> bool {
    let small = lower(slug);
    let is_name = matches!(&*small, "" | "slug") || words::says("slug placeholder", &small);
    is_name || slug.starts_with(['$', '<', '{', '[', ':']) || is_hidden(slug)
}

/// A credential, as far as it can be told from others.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Credential {
    /// A literal, by its fingerprint and its kind.
    Literal(String, TokenKind),
    /// The name of a variable.
    Named(String),
    /// It is hidden, or stands elsewhere.
    Unknown,
}

/// A value of a header, and what is wrong with it.
pub(super) type Judged = (Credential, Option<Mistake>);

/// What a text's variables were set to.
pub(super) type Variables = HashMap<String, Judged>;

/// Returns what a variable was set to, or its name: the last one, as in `var.name` and `$env:NAME`.
pub(super) fn named(name: &str, variables: &Variables) -> Judged {
    let name = name.rsplit(['.', ':']).next().unwrap_or(name);
    let known = variables.get(name).cloned();
    known.unwrap_or((Credential::Named(name.to_owned()), None))
}

/// Judges the value of the first `Authorization` header of a text, in whichever notation: `key: value`,
/// `"key": value`, `key = value`, `'key: value'`. Without a shell that read it, it is what was sent, or else
/// stands in a source.
pub(super) fn authorization(
    text: &str,
    shell: Option<Shell>,
    is_sent: bool,
    variables: &Variables,
) -> Option<Judged> {
    let pattern = pattern!(&words::section("notation of a header").concat());
    let at = lower(text).find("authorization")?;
    let window = &text[floor(text, at.saturating_sub(4))..floor(text, at + 2048)];
    let found = pattern.captures(window)?;
    let part = |group: usize| found.get(group).map_or("", |part| part.as_str());
    let quote = |group: usize| part(group).chars().last();
    let around = quote(1).filter(|c| "\"'‘“`".contains(*c));
    // An expression behind a key in quotes.
    let is_code = around.is_some() && !part(2).is_empty() && part(4).is_empty();
    let is_source = shell.is_none() && !is_sent;
    let mut value = found.iter().skip(5).flatten().next()?.as_str();
    let mut behind = &window[found.get(0)?.end()..];
    if is_code {
        value = value.split([',', ')']).next()?;
    }
    // The quote in front ends, and nothing stands in it.
    if around.is_some() && part(2).is_empty() && quote(4) == around {
        (value, behind) = ("", value);
    }
    let value = value.trim_end_matches(['\\', '^', ',', ' ']).trim();
    let is_name = pattern!(r"^[A-Za-z_.][\w.]*$").is_match(value) && !value.starts_with("bit");
    if is_code && pattern!("(?i)^(?:none|nil|null|undefined)$").is_match(value) {
        return Some((Credential::Unknown, Some(Mistake::EmptyToken)));
    } else if is_code && is_name && shell.is_none() {
        return Some(named(value, variables));
    }
    // What a program puts behind it is not shown.
    let behind = behind.trim_start_matches(['"', '\'']).trim_start();
    let is_begun = quote(4).is_some() && behind.starts_with(['+', '&']);
    let value = format!("{value}{}", if is_begun { " ***" } else { "" });
    let quote = quote(4).or(around).filter(|_| !is_code);
    Some(match judge_value(&value, quote, shell, variables) {
        // A source's variables are read where they stand.
        (Credential::Named(name), Some(Mistake::TokenVariable)) if is_source => {
            named(&name, variables)
        }
        judged => judged,
    })
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
    if value.trim_matches(['"', '\'']).is_empty() {
        return (Credential::Unknown, Some(Mistake::EmptyToken));
    }
    let small = lower(value);
    let behind = |scheme: &str| {
        let rest = small.strip_prefix(scheme)?;
        let is_apart = scheme.ends_with(':') || !rest.starts_with(char::is_alphanumeric);
        is_apart.then(|| value[scheme.len()..].trim_matches([' ', ':', '"', '\'', '+']))
    };
    let mut schemes = ["token "].iter().chain(words::section("scheme"));
    let scheme = schemes.find_map(|known| Some((*known, behind(known)?)));
    let value = scheme.map_or(value, |(_, inner)| inner);
    let of_scheme = match scheme {
        // Bitrise takes this one.
        None | Some(("token ", _)) => None,
        Some(("bearer", _)) => Some(Mistake::Bearer),
        Some(_) => Some(Mistake::Scheme),
    };
    // In letters without digits there is no token: a name in a program.
    let is_part = |c: char| c.is_ascii_alphabetic() || "_.[]".contains(c);
    let is_name = quote.is_none() && shell.is_none() && value.chars().all(is_part);
    let is_placeholder = || {
        // What documentation and programs write in place of a token.
        let known = ["missing_value", "placeholder", "name_in_brackets"];
        // As what `make` leaves of `$TOKEN`.
        let is_capital = |c: char| c.is_ascii_uppercase() || c == '_';
        value.contains('_') && value.chars().all(is_capital)
            || value.starts_with('<') && value.ends_with('>')
            || Token::parse(&lower(value)).is_err_and(|error| known.contains(&error.shape))
    };
    let (credential, mistake) = if value.is_empty() || is_hidden(value) {
        (Credential::Unknown, None)
    } else if let Some(found) =
        pattern!(&words::section("notation of a variable").concat()).captures(value)
    {
        let name = found[1].rsplit(['.', ':']).next().unwrap_or_default();
        let is_single = matches!(quote, Some('\'' | '‘' | '’'));
        // In a shell's sign for a command, a CI system has but a name.
        let is_command = !is_single
            && matches!(shell, Some(Shell::Posix | Shell::PowerShell))
            && value.starts_with("$(")
            && (name.contains(' ') || !words::says("token name", &lower(name)));
        // What a shell takes for a command, a CI system should have replaced.
        let mut of_ci = ["$(", "{{", "${{", "%", "$env:"].iter();
        let is_unexpanded = match shell {
            Some(Shell::Posix) => is_single || of_ci.any(|sign| value.starts_with(sign)),
            Some(Shell::PowerShell) => is_single || value.starts_with(['%', '{']),
            Some(Shell::Cmd) => !value.starts_with('%'),
            None => true,
        };
        let of_env = format!("env:{name}");
        let is_other = shell == Some(Shell::PowerShell) && !lower(value).contains("env:");
        let sent = |mistake| (Credential::Named(name.to_owned()), Some(mistake));
        if is_command {
            (Credential::Unknown, None)
        } else if is_other && variables.contains_key(&of_env) {
            sent(Mistake::EmptyToken)
        } else if is_unexpanded {
            sent(Mistake::TokenVariable)
        } else {
            named(name, variables)
        }
    } else if is_placeholder() {
        (Credential::Unknown, Some(Mistake::TokenPlaceholder))
    } else if is_name && value.len() < 20 {
        named(value, variables)
    } else {
        // What a call in code returns is not shown, either.
        let parsed = Token::parse(value).ok().filter(|_| !value.contains('('));
        let literal =
            parsed.and_then(|(_, info)| Some(Credential::Literal(info.fingerprint?, info.kind?)));
        (literal.unwrap_or(Credential::Unknown), None)
    };
    (credential, of_scheme.or(mistake))
}

/// Tells whether a value was made unreadable, so that nothing is known of it.
pub(super) fn is_hidden(value: &str) -> bool {
    let small = lower(value);
    let core = small.trim_matches(|c: char| "<>[](){} ".contains(c));
    let is_mask = |c: char| "*•●█▓░·.…x#_-~?■□▒✱＊".contains(c);
    // The whole word is one for hiding, or it stands in brackets.
    let mut starts = ["<", "[", "(", "{", "bitwat_", "bitpat_"].iter();
    let is_marked = starts.any(|start| small.starts_with(start))
        || !small.contains(|c: char| c.is_ascii_digit());
    !core.is_empty() && core.chars().all(is_mask)
        || words::says("mask", &small)
        || is_marked && words::says("hidden", core)
}

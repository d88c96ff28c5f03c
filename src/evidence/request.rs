//! The requests of a pasted text: what a command asks for, and what is wrong with it.

use super::work::looks_at;
use crate::exchange::is_bitrise;
use crate::report::CommandMistake;
use url::Url;

/// A request that a command or a log names.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Request {
    /// The address, as far as it can be read.
    pub(super) address: Option<Address>,
    /// What is wrong with the command.
    pub(super) mistakes: Vec<CommandMistake>,
    /// Whether it is a command, and not an address that is only mentioned.
    pub(super) is_command: bool,
}

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
    /// The part in front of `/apps`.
    pub(super) base: String,
    /// What is asked for.
    pub(super) endpoint: Endpoint,
    /// What is wrong with it.
    pub(super) mistakes: Vec<CommandMistake>,
}

/// The maximum number of characters of an address.
const MAX_ADDRESS: usize = 2048;

impl Address {
    /// Reads an address; a missing scheme is what curl takes it for, plain `http`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut mistakes = Vec::new();
        let whole = match text.split_once("://") {
            Some(("http" | "https", _)) => text.to_owned(),
            Some(_) => return None,
            None => format!("http://{text}"),
        };
        let url = Url::parse(&whole)
            .ok()
            .filter(|_| whole.len() <= MAX_ADDRESS)?;
        let is_loopback = crate::base_url::is_loopback(&url);
        if url.scheme() == "http" && !is_loopback {
            mistakes.push(CommandMistake::PlainHttp);
        }
        let is_api = url.host_str() == Some("api.bitrise.io");
        if !is_api && !is_loopback {
            mistakes.push(CommandMistake::OtherHost);
        }
        let path: Vec<&str> = url.path().trim_start_matches('/').split('/').collect();
        let at = path.iter().position(|part| *part == "apps");
        let version = at.and_then(|at| path[..at].last());
        if at.is_none() || version.is_none_or(|version| *version != "v0.1") {
            mistakes.push(CommandMistake::NoVersion);
        }
        let below = at.map(|at| &path[at + 1..]);
        let endpoint = match below {
            Some([] | [""]) => Endpoint::Apps,
            Some([slug, "pipelines"] | [slug, "pipelines", ""]) => {
                Endpoint::Pipelines(decoded(slug))
            }
            Some([slug, "pipelines", _]) => Endpoint::Details(decoded(slug)),
            Some(_) | None => Endpoint::Other,
        };
        match &endpoint {
            Endpoint::Pipelines(slug) | Endpoint::Details(slug) if is_placeholder(slug) => {
                mistakes.push(CommandMistake::SlugPlaceholder);
            }
            Endpoint::Other => mistakes.push(CommandMistake::OtherEndpoint),
            Endpoint::Apps | Endpoint::Pipelines(_) | Endpoint::Details(_) => {}
        }
        let base_path = at.map_or(&path[..0], |at| &path[..at]).join("/");
        let origin = url.origin().ascii_serialization();
        let base = format!("{origin}/{base_path}");
        let limit = url.query_pairs().find(|(name, _)| name == "limit");
        let limit = limit.filter(|(_, value)| value.bytes().all(|b| b.is_ascii_digit()));
        let limit = limit.map_or_else(String::new, |(_, value)| format!("?limit={value}"));
        Some(Self {
            shown: format!("{origin}{}{limit}", url.path()),
            base: base.trim_end_matches('/').to_owned(),
            endpoint,
            mistakes,
        })
    }

    /// Tells whether an address in running text is worth noting: one of the API's.
    pub(super) fn is_of_api(&self) -> bool {
        let is_known = is_bitrise(&self.shown) || self.base.ends_with("/v0.1");
        self.endpoint != Endpoint::Other && is_known
    }
}

fn decoded(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment)
        .decode_utf8_lossy()
        .into_owned()
}

/// Tells whether a slug was never filled in.
pub(super) fn is_placeholder(slug: &str) -> bool {
    let lower = slug.to_ascii_lowercase().replace('-', "_");
    let is_named = ["app_slug", "appslug", "app_id", "your_"]
        .iter()
        .any(|name| lower.contains(name));
    slug.is_empty() || is_named || slug.contains(['<', '>', '{', '}', '$', '[', ']', ':', ' '])
}

/// The programs that people use, as a command starts, with what may follow.
const PROGRAMS: [&str; 10] = [
    "curl ",
    "curl.exe ",
    "wget ",
    "wget.exe ",
    "http ",
    "https ",
    "xh ",
    "Invoke-RestMethod ",
    "Invoke-WebRequest ",
    "irm ",
];

/// Returns where a command starts in a line.
pub(super) fn start(line: &str) -> Option<usize> {
    let found = PROGRAMS.iter().filter_map(|program| {
        let at = find_ignoring_case(line, program)?;
        let is_at_start = line[..at].chars().next_back().is_none_or(|c| {
            c.is_whitespace() || matches!(c, '>' | '}' | '`' | '(' | '=' | '|' | '&')
        });
        let behind = line[at + program.len()..].trim_start();
        let is_short = program.len() <= 6 && !program.starts_with("curl");
        let takes_address =
            behind.starts_with("http") || behind.contains("://") || behind.contains("/v0.1");
        let is_http = matches!(program.trim_end(), "http" | "https" | "xh" | "irm");
        let fits = if is_http || is_short {
            takes_address
        } else {
            behind.is_empty()
                || behind.starts_with(['-', '\'', '"', '‘', '“', '\\', '`', '^', '$', '@'])
                || takes_address
        };
        (is_at_start && fits).then_some(at)
    });
    found.min()
}

pub(super) fn find_ignoring_case(text: &str, wanted: &str) -> Option<usize> {
    looks_at(text.len());
    let (text, wanted) = (text.as_bytes(), wanted.as_bytes());
    let first = wanted.first().copied().unwrap_or_default();
    let firsts = [first.to_ascii_lowercase(), first.to_ascii_uppercase()];
    let last = text.len().checked_sub(wanted.len())?;
    let is_here = |at: &usize| text[*at..*at + wanted.len()].eq_ignore_ascii_case(wanted);
    let bytes = text[..=last].iter().enumerate();
    let mut starts = bytes
        .filter(|(_, byte)| firsts.contains(byte))
        .map(|(at, _)| at);
    starts.find(is_here)
}

/// Tells whether a command goes on in the next line.
pub(super) fn goes_on(command: &str, next: Option<&str>) -> bool {
    looks_at(command.len());
    let command = command.trim_end();
    let is_open = |quote: char| command.matches(quote).count() % 2 == 1;
    let next = next.unwrap_or_default().trim_start();
    let is_option = [
        "-H ", "-h ", "--header", "'http", "\"http", "‘http", "“http", "-Headers",
    ]
    .iter()
    .any(|start| next.starts_with(start));
    let is_written_on = command.ends_with(['\\', '^']) || command.ends_with(" `");
    let braces = command.matches('{').count() > command.matches('}').count();
    is_written_on || is_option || braces || is_open('"') || is_open('\'')
}

/// Reads a command.
pub(super) fn command(text: &str) -> Request {
    let mut request = Request {
        address: address_in(text),
        is_command: true,
        ..Request::default()
    };
    let is_curl = text.trim_start().starts_with("curl");
    let is_httpie_https = text.starts_with("https ");
    if let Some(address) = &request.address {
        request.mistakes.extend(&address.mistakes);
    }
    if is_httpie_https {
        let is_plain = |mistake: &CommandMistake| *mistake == CommandMistake::PlainHttp;
        request.mistakes.retain(|mistake| !is_plain(mistake));
    }
    match authorization(text) {
        Some((value, quote)) => request.mistakes.extend(mistake_in(&value, quote)),
        None if is_curl && !text.contains("-u ") => request.mistakes.push(CommandMistake::NoToken),
        None => {}
    }
    if is_curl && text.contains(['‘', '’', '“', '”']) && !text.contains(['\'', '"']) {
        request.mistakes.push(CommandMistake::Quotes);
    }
    request
}

/// Makes a request of an address that stands in a line without a command: of a log, of a program, or
/// of anything else, such as a browser's or the rest of a command, which shows no token.
pub(super) fn mentioned(line: &str, address: Address) -> Request {
    let mut mistakes = address.mistakes.clone();
    let is_logged = line.starts_with("--2") || line.starts_with("GET ") || line.contains('(');
    match authorization(line) {
        Some((value, quote)) => mistakes.extend(mistake_in(&value, quote)),
        None if !is_logged => mistakes.push(CommandMistake::NoToken),
        None => {}
    }
    Request {
        address: Some(address),
        mistakes,
        is_command: false,
    }
}

/// Returns the first address in a text.
pub(super) fn address_in(text: &str) -> Option<Address> {
    looks_at(text.len());
    let is_end = |c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '"' | '\'' | '`' | '’' | '”' | '‘' | '“' | '|' | '\\' | ')'
            )
    };
    let at = ["https://", "http://", "api.bitrise.io/"]
        .iter()
        .filter_map(|start| text.find(start))
        .min()?;
    let rest = &text[at..];
    let end = rest.find(is_end).unwrap_or(rest.len());
    // What stands between `<` and `>` may hold a space.
    Address::read(rest[..end].trim_end_matches(['.', ',', ';', '>']))
}

/// Returns the value of an `Authorization` header in a command or a program, without its quotes,
/// and the quote that it stands in.
pub(super) fn authorization(text: &str) -> Option<(String, Option<char>)> {
    const NAME: &str = "authorization";
    let at = find_ignoring_case(text, NAME)?;
    let is_quote = |c: char| matches!(c, '"' | '\'' | '‘' | '’' | '“' | '”' | '`');
    let before = text[..at].chars().next_back().filter(|c| is_quote(*c));
    let behind = text[at + NAME.len()..].trim_start_matches(|c: char| is_quote(c) || c == ' ');
    let behind = behind
        .strip_prefix([':', '=', ','])?
        .trim_start_matches([' ', '\t']);
    let inner = behind.trim_start_matches(is_quote);
    let own = behind.chars().next().filter(|c| is_quote(*c));
    let quote = own.or(before);
    let end = inner.find(|c: char| {
        matches!(c, '\n' | '\r' | '}' | ']') && !inner.starts_with(['$', '{', '[']) || is_quote(c)
    });
    let value = &inner[..end.unwrap_or(inner.len())];
    let value = value.trim_end_matches(['\\', '^']).trim();
    Some((value.to_owned(), quote))
}

fn mistake_in(value: &str, quote: Option<char>) -> Option<CommandMistake> {
    let lower = value.to_ascii_lowercase();
    let is_literal = matches!(quote, Some('\'' | '‘' | '’'));
    if lower.is_empty() {
        return Some(CommandMistake::NoToken);
    }
    if lower.starts_with("bearer") {
        return Some(CommandMistake::Bearer);
    }
    let bare = lower.trim_matches(['<', '>', '{', '}', '[', ']']);
    if is_token_placeholder(bare) {
        return Some(CommandMistake::TokenPlaceholder);
    }
    (is_literal && value.starts_with('$')).then_some(CommandMistake::TokenVariable)
}

/// Tells whether a text in lower case is the placeholder of some documentation.
pub(super) fn is_token_placeholder(text: &str) -> bool {
    let text = text.replace(['-', ' '], "_");
    let is_named = text.starts_with("your_") || text.starts_with("my_") || text.starts_with("the_");
    matches!(
        text.as_str(),
        "access_token" | "api_token" | "token" | "bitrise_token"
    ) || (is_named && text.ends_with("token"))
}

/// Tells whether a mistake in the command explains a refusal by itself, so that the refusal says
/// nothing about the token.
pub(super) const fn explains(mistake: CommandMistake, status: u16) -> bool {
    match mistake {
        CommandMistake::Bearer
        | CommandMistake::TokenPlaceholder
        | CommandMistake::NoToken
        | CommandMistake::TokenVariable => matches!(status, 401 | 403),
        CommandMistake::SlugPlaceholder => matches!(status, 400 | 404),
        CommandMistake::OtherHost | CommandMistake::NoVersion => matches!(status, 401 | 403 | 404),
        CommandMistake::Quotes => true,
        CommandMistake::PlainHttp
        | CommandMistake::OtherEndpoint
        | CommandMistake::PowerShellAlias
        | CommandMistake::SlugNotListed => false,
    }
}

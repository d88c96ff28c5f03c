//! A command of any program that sends requests, as its words tell.
//!
//! Invariant: linear in the command, which is bounded.

use super::request::{self, Address, Credential, Judged, Request, Shell, Variables};
use super::words::{self, lower};
use crate::pasted::Mistake;

/// A command, as far as it tells what was sent.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) request: Request,
    pub(super) shell: Shell,
    /// Whether it has options or quotes, so that it is no part of a sentence.
    pub(super) has_options: bool,
}

/// Returns where a command starts in a line: a program's name as a word, with something behind it.
pub(super) fn start(text: &str) -> Option<usize> {
    starts(text, 0)
}

/// Returns where another command starts behind the first one in the same line.
pub(super) fn next_start(text: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = starts(text, from + 1)?;
        let before = text[..at].trim_end();
        if before.ends_with([';', '|', '&']) && !before.ends_with(" |") || before.ends_with("||") {
            return Some(at);
        }
        from = at;
    }
}

/// The maximum number of letters of a program's name.
const LONGEST_NAME: usize = 20;

fn starts(text: &str, from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(word) = text.get(at..) {
        // Words begin behind white space and the signs of shells.
        let is_border = |c: char| c.is_whitespace() || "|;&($`\"'=>#%❯]/\\".contains(c);
        let is_free = at == 0 || text[..at].ends_with(is_border);
        if is_free {
            // Names of programs are short: nothing is looked at beyond.
            let letters = word.char_indices().take(LONGEST_NAME + 1);
            let end = letters
                .skip_while(|(_, c)| !c.is_whitespace())
                .map(|(end, _)| end)
                .next();
            if let Some(end) = end
                && words::section("tool").contains(&word[..end].to_ascii_lowercase().as_str())
                && is_used(&word[..end], &word[end..])
            {
                return Some(at);
            }
        }
        at += match word.find(is_border) {
            Some(found) => found + word[found..].chars().next().map_or(1, char::len_utf8),
            None => return None,
        };
    }
    None
}

/// Tells whether what follows a program's name can be what it is given.
fn is_used(name: &str, behind: &str) -> bool {
    let behind = behind.trim_start();
    let next = behind.split_whitespace().next().unwrap_or_default();
    if next.is_empty() || next.starts_with([':', '=']) {
        return false;
    }
    let is_ambiguous = matches!(
        name.to_ascii_lowercase().as_str(),
        "http" | "https" | "xh" | "xhs"
    );
    if is_ambiguous {
        let is_method = matches!(next, "GET" | "POST" | "HEAD" | "PUT" | "DELETE");
        return is_method
            || next.starts_with('-')
            || next.contains("bitrise.io")
            || next.contains("://")
            || next.starts_with(':')
            || next.starts_with("127.0.0.1");
    }
    next.starts_with([
        '-', '\'', '"', '$', '@', '\\', '^', '`', '“', '‘', '’', '{', '<',
    ]) || next.contains("://")
        || next.contains("bitrise.io")
        || next.contains('/') && next.contains('.')
        || next.starts_with("127.0.0.1")
        || next.starts_with("localhost")
}

/// Tells whether a command goes on in the next line, and takes what says so off it.
pub(super) fn goes_on(command: &mut String, next: &str) -> bool {
    let trimmed = command.trim_end().len();
    if command[..trimmed].ends_with(['\\', '^', '`']) {
        let mark = if command[..trimmed].ends_with('`')
            && command.matches('`').count().is_multiple_of(2)
        {
            return false;
        } else {
            trimmed - 1
        };
        command.truncate(mark);
        command.push(' ');
        return true;
    }
    let is_open = |quote| command.matches(quote).count() % 2 == 1;
    let braces = command.matches('{').count() > command.matches('}').count();
    if is_open('"') || is_open('\'') && !is_open('"') {
        // What a mail program has broken inside of quotes.
        let is_rest = next.contains(['"', '\'']) || next.len() > 20 && !next.contains(' ');
        return is_rest && next.len() < 2000 && !next.starts_with(['{', '<']);
    }
    let is_option = next.starts_with("--") && !next.starts_with("---") && !next.starts_with("--2")
        || next.starts_with("-H")
        || next.starts_with("-X")
        || next.starts_with("-Headers")
        || next.starts_with("-Uri");
    let is_value =
        next.starts_with(['\'', '"']) || next.starts_with("https://") || next.starts_with("| ");
    let has_address = command.contains("://") || command.contains("bitrise.io");
    if braces || is_option || is_value && !has_address || next.starts_with("| jq") {
        command.push(' ');
        return true;
    }
    false
}

/// A word of a command: as it reads, and the quote that it stood in.
struct Word {
    text: String,
    quote: Option<char>,
}

/// Splits a command into words, as shells do.
fn split(text: &str, shell: Shell) -> Vec<Word> {
    let (mut words, mut word, mut quote, mut was) = (Vec::new(), String::new(), None, None);
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"'), '\\') if shell != Shell::PowerShell => word.extend(characters.next()),
            (None, '"' | '“' | '”') => {
                quote = Some(if c == '"' { '"' } else { '”' });
                was = Some(c);
            }
            (None, '\'' | '‘' | '’') => {
                quote = Some(if c == '\'' { '\'' } else { '’' });
                was = Some(c);
            }
            (None, '\\') if shell == Shell::Posix => word.extend(characters.next()),
            (None, c) if c.is_whitespace() => {
                if !word.is_empty() || was.is_some() {
                    words.push(Word {
                        text: std::mem::take(&mut word),
                        quote: was.take(),
                    });
                }
            }
            (_, c) => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(Word {
            text: word,
            quote: was,
        });
    }
    words
}

impl Command {
    /// Reads a command. `prompt` is the shell of the prompt in front of it, `before` that of an
    /// earlier one.
    #[expect(clippy::too_many_lines, reason = "one row an option of a client")]
    pub(super) fn read(
        text: &str,
        prompt: Option<Shell>,
        before: Option<Shell>,
        variables: &Variables,
    ) -> Option<Self> {
        let lowered = lower(text).into_owned();
        let tool = lowered
            .split_whitespace()
            .next()?
            .trim_end_matches(".exe")
            .to_owned();
        let is_powershell = matches!(
            tool.as_str(),
            "invoke-restmethod" | "invoke-webrequest" | "irm" | "iwr"
        );
        let shell = if is_powershell || lowered.contains("$env:") {
            Shell::PowerShell
        } else if let Some(prompt) = prompt {
            prompt
        } else if before.is_some_and(|before| before != Shell::Posix) {
            before?
        } else if variable_of_cmd(text) {
            Shell::Cmd
        } else {
            Shell::Posix
        };
        let words = split(text, shell);
        let mut request = Request {
            is_shown: true,
            is_whole: true,
            ..Request::default()
        };
        let is_httpie = matches!(tool.as_str(), "http" | "https" | "xh" | "xhs" | "httpie");
        let is_https = !matches!(tool.as_str(), "http" | "curl" | "wget" | "xh");
        let mut has_options = text.contains(['\'', '"']);
        let (mut has_data, mut is_get, mut rest) = (false, false, words.iter().skip(1));
        while let Some(word) = rest.next() {
            let option = word.text.as_str();
            if word.quote.is_none() && matches!(option, "|" | ">" | ">>" | "1>" | "|&" | ">|") {
                let target: Vec<&str> = rest.clone().map(|word| word.text.as_str()).collect();
                if option.starts_with('|') {
                    filter(&target, &mut request);
                } else {
                    request.is_hidden = true;
                }
                break;
            }
            if option.starts_with('-') && option.len() > 1 && word.quote.is_none() {
                has_options = true;
                let (name, glued) = option
                    .split_once('=')
                    .map_or((option, None), |(name, value)| (name, Some(value)));
                let mut value = || {
                    glued
                        .map(str::to_owned)
                        .or_else(|| rest.next().map(|word| word.text.clone()))
                };
                match name {
                    "-X" | "--request" | "-Method" | "-method" | "--method" => {
                        request.method = value();
                    }
                    name if name.starts_with("-X") && name.len() > 4 => {
                        request.method = Some(name[2..].to_owned());
                    }
                    "-H" | "--header" | "--headers" => {
                        let text = value().unwrap_or_default();
                        if text.starts_with(['@', '$']) {
                            request.is_whole = false;
                        }
                        other_header(&text, &mut request);
                    }
                    "-Headers" | "-headers" | "-Header" | "-H:" => {
                        request.is_whole = rest
                            .clone()
                            .next()
                            .is_some_and(|word| word.text.starts_with("@{"));
                    }
                    "-d" | "--data" | "--data-raw" | "--data-binary" | "--data-urlencode"
                    | "--json" | "-F" | "--form" | "--post-data" | "-Body" | "-T"
                    | "--body-data" => {
                        has_data = true;
                        value();
                    }
                    "-G" | "--get" => is_get = true,
                    "-u" | "--user" | "-a" | "--auth" if !is_powershell => {
                        value();
                        request.mistakes.push(Mistake::UserOption);
                    }
                    "--oauth2-bearer" | "-Token" | "-Authentication" => {
                        value();
                        request.credential = Some((Credential::Unknown, Some(Mistake::Bearer)));
                    }
                    "-K" | "--config" | "--netrc" | "-n" | "--session" | "-WebSession"
                    | "-Credential" => request.is_whole = false,
                    "-x" | "--proxy" | "-Proxy" | "-U" | "--proxy-user" | "-A" | "--user-agent"
                    | "-e" | "--referer" | "--cacert" | "-m" | "--max-time"
                    | "--connect-timeout" | "--retry" | "-w" | "--write-out" | "--resolve"
                    | "-E" | "--cert" | "--key" | "-b" | "--cookie" | "-TimeoutSec"
                    | "-ContentType" | "-OutVariable" => {
                        value();
                    }
                    "--url" | "-Uri" | "-uri" | "-URI" => {
                        if let Some(text) = value() {
                            request.address = Address::read(&text, is_https).or(request.address);
                        }
                    }
                    "-o" | "--output" | "-OutFile" => {
                        let target = value();
                        request.is_hidden |= target.is_some_and(|target| target != "-");
                    }
                    "--head" => request.method = Some("HEAD".to_owned()),
                    "--fail" | "--remote-name" => request.is_hidden = true,
                    name => short_options(name, &tool, &mut request, &mut rest),
                }
                continue;
            }
            if is_httpie && word.text.bytes().all(|b| b.is_ascii_uppercase()) && word.text.len() > 2
            {
                request.method = Some(word.text.clone());
                continue;
            }
            if is_httpie && request.address.is_some() {
                if let Some((name, value)) = word.text.split_once("==") {
                    item_of_query(name, value, &mut request);
                } else if let Some((name, value)) = word.text.split_once(':') {
                    if name.eq_ignore_ascii_case("authorization") {
                        request.credential = Some(request::judge_value(
                            value,
                            word.quote,
                            Some(shell),
                            variables,
                        ));
                    } else {
                        other_header(&format!("{name}: {value}"), &mut request);
                    }
                } else if word.text.contains('=') {
                    has_data = true;
                }
                continue;
            }
            if request.address.is_none() && looks_like_address(&word.text) {
                request.address =
                    Address::read(word.text.trim_end_matches([',', ';', ')']), is_https);
            } else if word.text.starts_with('$') && word.quote.is_none()
                || word.text.starts_with("${")
            {
                // What is in there may be headers.
                request.is_whole = false;
            }
        }
        if request.address.is_none()
            && let Some((at, end)) = address_at(text, 0)
        {
            request.address = Address::read(&text[at..end], is_https);
        }
        if request.method.is_none() && has_data && !is_get {
            request.method = Some("POST".to_owned());
        }
        if request.credential.is_none()
            && let Some((value, quote)) = authorization(text)
        {
            request.credential = Some(judge(&value, quote, shell, is_powershell, variables));
        }
        if is_powershell
            && request.credential.is_none()
            && !lowered.contains("-header")
            && !text.contains(" @")
        {
            request.is_whole = !lowered.contains(" $");
        }
        let is_typographic = text.contains(['‘', '’', '“', '”']) && !text.contains(['\'', '"']);
        let is_cmd = shell == Shell::Cmd && words.iter().any(|word| word.quote == Some('\''));
        if is_typographic || is_cmd {
            request.mistakes.push(Mistake::Quotes);
        }
        Some(Self {
            request,
            shell,
            has_options,
        })
    }
}

fn judge(
    value: &str,
    quote: Option<char>,
    shell: Shell,
    is_powershell: bool,
    variables: &Variables,
) -> Judged {
    // In a hash table of PowerShell's single quotes stand around texts that have no variable.
    let quote = quote.filter(|_| !is_powershell || value.starts_with('$'));
    request::judge_value(value, quote, Some(shell), variables)
}

fn variable_of_cmd(text: &str) -> bool {
    let behind = text.split('%').nth(1);
    behind.is_some_and(|name| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
    })
}

/// Reads options of one letter each, as in `-sSi`.
fn short_options<'a>(
    name: &str,
    tool: &str,
    request: &mut Request,
    rest: &mut (impl Iterator<Item = &'a Word> + Clone),
) {
    if name.starts_with("--") || !matches!(tool, "curl" | "wget") {
        return;
    }
    let letters = &name[1..];
    for (at, letter) in letters.char_indices() {
        let glued = &letters[at + letter.len_utf8()..];
        match (tool, letter) {
            ("curl", 'I') => request.method = Some("HEAD".to_owned()),
            ("curl", 'f' | 'O') => request.is_hidden = true,
            ("curl", 'o') | ("wget", 'O' | 'o') => {
                let target = if glued.is_empty() {
                    rest.next().map(|word| word.text.clone())
                } else {
                    Some(glued.to_owned())
                };
                request.is_hidden |=
                    target.is_some_and(|target| target != "-" && !target.starts_with('-'));
                return;
            }
            ("curl", 'H') => {
                let header = if glued.is_empty() {
                    rest.next().map(|word| word.text.clone())
                } else {
                    Some(glued.to_owned())
                };
                other_header(&header.unwrap_or_default(), request);
                return;
            }
            ("curl", 'X') => {
                request.method = if glued.is_empty() {
                    rest.next().map(|word| word.text.clone())
                } else {
                    Some(glued.to_owned())
                };
                return;
            }
            ("curl", 'u') => {
                request.mistakes.push(Mistake::UserOption);
                return;
            }
            ("curl", 'x' | 'w' | 'm' | 'A' | 'b' | 'e') => {
                if glued.is_empty() {
                    rest.next();
                }
                return;
            }
            ("curl", 'd') => {
                request.method.get_or_insert_with(|| "POST".to_owned());
                return;
            }
            _ => {}
        }
    }
}

/// Takes a header that is not `Authorization`, but may hold a token.
fn other_header(text: &str, request: &mut Request) {
    let Some((name, _)) = text.split_once([':', ';']) else {
        return;
    };
    let name = name.trim().to_ascii_lowercase();
    let is_of_token = ["api-key", "apikey", "token", "x-auth", "x-api", "bearer"]
        .iter()
        .any(|part| name.contains(part));
    if name != "authorization" && is_of_token {
        request.mistakes.push(Mistake::OtherHeader);
    }
}

fn item_of_query(name: &str, value: &str, request: &mut Request) {
    let is_fine =
        name == "limit" && value.parse().is_ok_and(|limit: u32| limit <= 50) || name == "sort_by";
    if !is_fine && let Some(address) = &mut request.address {
        address.mistakes.push(Mistake::Filter);
    }
}

/// Notes what a filter behind a command leaves of the response.
fn filter(words: &[&str], request: &mut Request) {
    let name = words
        .first()
        .copied()
        .unwrap_or_default()
        .trim_end_matches(".exe");
    let arguments = || {
        words
            .iter()
            .skip(1)
            .take_while(|word| !word.starts_with(['|', ';', '&']))
            .filter(|word| !word.starts_with('-'))
    };
    let is_whole = match name {
        "jq" => arguments()
            .next()
            .is_none_or(|filter| matches!(*filter, "." | "")),
        "python" | "python3" | "py" => words.contains(&"json.tool"),
        "cat" | "tee" | "less" | "more" | "json_pp" | "prettyjson" | "bat" | "ConvertTo-Json"
        | "Out-String" | "Format-List" | "fl" | "xclip" | "pbcopy" | "clip" => true,
        _ => false,
    };
    request.is_filtered |= !is_whole;
}

fn looks_like_address(word: &str) -> bool {
    word.contains("://")
        || word.contains("bitrise.io")
        || word.starts_with("127.0.0.1")
        || word.starts_with("localhost")
        || word.contains('.') && word.contains("/v0") && !word.contains(' ')
}

/// Returns where the next address stands in a text.
pub(super) fn address_at(text: &str, from: usize) -> Option<(usize, usize)> {
    let rest = text.get(from..)?;
    let at = ["https://", "http://", "HTTPS://", "api.bitrise.io/"]
        .iter()
        .filter_map(|start| rest.find(start))
        .min()?;
    let is_end = |c: char| {
        c.is_whitespace() || "\"'`’”‘“|\\)]}<>,;".contains(c) || c == '»' || c == '。' || c == '、'
    };
    let found = &rest[at..];
    // A placeholder in the path may stand in any brackets.
    let mut end = found.find(is_end).unwrap_or(found.len());
    while let Some(c) = found[end..].chars().next() {
        let opens = found[..end].ends_with('/') && "<{[$".contains(c);
        let closes = ">}]".contains(c) && found[..end].contains(['<', '{', '[']);
        if !opens && !closes {
            break;
        }
        let inner = &found[end + c.len_utf8()..];
        end += c.len_utf8() + inner.find(is_end).unwrap_or(inner.len());
    }
    let address = found[..end].trim_end_matches(['.', ':', '?', '!', '…']);
    Some((from + at, from + at + address.len().max(7)))
}

/// Returns the value of an `Authorization` header in a command or a program, without its quotes,
/// and the quote that it stands in.
pub(super) fn authorization(text: &str) -> Option<(String, Option<char>)> {
    const NAME: &str = "authorization";
    let is_quote = |c: char| matches!(c, '"' | '\'' | '‘' | '’' | '“' | '”' | '`');
    let lowered = text.to_ascii_lowercase();
    let mut from = 0;
    loop {
        let at = from + lowered[from..].find(NAME)?;
        from = at + NAME.len();
        // A proxy's header is another one.
        if lowered[..at].ends_with("proxy-") || lowered[..at].ends_with("x-") {
            continue;
        }
        let before = text[..at].chars().next_back().filter(|c| is_quote(*c));
        let behind = text[from..]
            .trim_start_matches(|c: char| is_quote(c) || c == '\\' || c == ' ' || c == ']');
        let separator = ["=>", ":", "=", ",", "："]
            .iter()
            .find_map(|sign| behind.strip_prefix(sign));
        let Some(behind) = separator else {
            continue;
        };
        let behind = behind.trim_start_matches([' ', '\t']);
        let own = behind
            .trim_start_matches(['f', 'u', 'b', 'r', 'F', '$', '@'])
            .chars()
            .next()
            .filter(|c| is_quote(*c));
        let own = own.filter(|_| behind.chars().take(3).any(is_quote));
        let inner = if own.is_some() {
            behind
                .trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '@')
                .trim_start_matches(is_quote)
        } else {
            behind
        };
        let quote = own.or(before);
        let is_variable = inner.starts_with(['$', '{', '[', '%']);
        let is_end = |c: char| {
            matches!(c, '\n' | '\r')
                || is_quote(c)
                || matches!(c, '}' | ';') && !is_variable && quote.is_none()
                || c == '\\' && quote.is_some()
        };
        let end = inner.find(is_end).unwrap_or(inner.len());
        let mut value = inner[..end].trim_end_matches(['\\', '^', ',', ' ']).trim();
        if is_variable && quote.is_none() {
            value = value.split([' ', ',']).next().unwrap_or(value);
            value = value.trim_end_matches([';', ')']);
            if !value.starts_with("${") && !value.starts_with("{{") && !value.starts_with("$(") {
                value = value.trim_end_matches('}');
            } else if value.starts_with("$(") && !value.ends_with(')') {
                return Some((format!("{value})"), quote));
            }
        }
        // In code the value is an expression, up to its end.
        if quote == before
            && own.is_none()
            && before.is_some()
            && text[from..].starts_with(|c: char| is_quote(c))
        {
            let expression = behind
                .split([',', '}', ')'])
                .next()
                .unwrap_or(behind)
                .trim();
            return Some((expression.to_owned(), None));
        }
        return Some((value.to_owned(), quote));
    }
}

/// What an error of curl's is.
pub(super) enum CurlError {
    /// There was no complete response.
    Fault(&'static str),
    /// There was a response, and `--fail` hid its body.
    Status(u16),
    /// The command could not be read as it was meant, so nothing was asked.
    Misread,
    /// It says nothing about the response.
    Nothing,
}

/// Reads an error such as `curl: (6) Could not resolve host: h` (curl's manual, exit codes).
pub(super) fn curl_error(text: &str, lowered: &str) -> Option<CurlError> {
    let at = text.find("curl: (").or_else(|| text.find("curl:("))?;
    let (number, words) = text[at..].split_once('(')?.1.split_once(')')?;
    // Small letters may take another number of bytes.
    let own = lowered.find("curl: (").or_else(|| lowered.find("curl:("));
    let words = own
        .and_then(|own| lowered[own..].split_once(')'))
        .map_or(words, |(_, words)| words)
        .trim();
    let fault = words::kind_of("fault", words);
    Some(match number {
        "22" => {
            let status = words
                .rsplit_once(": ")
                .and_then(|(_, status)| status.trim().get(..3)?.parse().ok());
            status.map_or(CurlError::Nothing, CurlError::Status)
        }
        "6" if is_misread_host(words) => CurlError::Misread,
        "35" if matches!(fault, Some("closed" | "closed_in_handshake")) => {
            CurlError::Fault("closed_in_handshake")
        }
        "35" if words.contains("errno 0")
            || words.contains("reset by peer")
            || words.contains("errno 104") =>
        {
            CurlError::Fault("closed_in_handshake")
        }
        "77" => CurlError::Fault("tls_no_roots"),
        "28" if fault == Some("dns") || words.contains("resolv") => CurlError::Fault("dns"),
        "28" if words.contains("connect") => CurlError::Fault("connect_timeout"),
        "7" if words.contains("proxy") => CurlError::Fault("proxy_unreachable"),
        "7" if words.contains("timed out") => CurlError::Fault("connect_timeout"),
        number => match (words::curl_error(number), fault) {
            (Some("misread"), Some("not_http")) => CurlError::Fault("not_http"),
            (Some("misread"), _) => CurlError::Misread,
            (_, Some(fault)) | (Some(fault), None) => CurlError::Fault(fault),
            (None, None) if matches!(number, "23" | "26" | "27") => CurlError::Nothing,
            (None, None) => CurlError::Fault("unknown"),
        },
    })
}

/// Tells whether a name that was not found is none: a part of the command that curl took for an
/// address, since the shell does not know its quotes.
fn is_misread_host(words: &str) -> bool {
    let host = words.rsplit(": ").next().unwrap_or_default().trim();
    let has_quote = host.contains(['\'', '"', '‘', '’', '“', '”', '\\']);
    has_quote
        || !host.contains('.') && host != "localhost"
        || host.contains("bitwat_")
        || host.contains("bitpat_")
}

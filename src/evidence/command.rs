//! A command of any program that sends requests, as its words tell.
//!
//! Invariant: linear in the command, which is bounded. What options mean stands in `words.txt`.

use super::request::{self, Address, Credential, Request, Shell, Variables};
use super::words::{self, Words, lower};
use crate::pasted::Mistake;

/// A command, as far as it tells what was sent.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) request: Request,
    pub(super) shell: Shell,
    /// Whether it has options or quotes, so that it is no part of a sentence.
    pub(super) has_options: bool,
}

/// Returns the places in a line where commands start: a program's name as a word, with something
/// behind it that it can be given.
pub(super) fn starts(words: &Words) -> impl Iterator<Item = usize> + '_ {
    let tools = words.kinds("tool").filter(|(place, client)| {
        let behind = &words.lower[place.end..];
        let is_free = !words.lower[..place.start].ends_with(['-', '_', '.', ':', '@', '*']);
        is_free && behind.starts_with(char::is_whitespace) && is_used(client, behind)
    });
    tools.map(|(place, _)| place.start)
}

/// Tells whether what follows a program's name can be what it is given.
fn is_used(client: &str, behind: &str) -> bool {
    let next = behind.split_whitespace().next().unwrap_or_default();
    let is_address = next.contains("://")
        || next.contains("bitrise.io")
        || next.starts_with("127.0.0.1")
        || next.starts_with("localhost");
    // “http” and “https” are words of any text as well.
    if client == "httpie" {
        return is_address || next.starts_with('-') || words::is("method", next);
    }
    is_address
        || next.starts_with(|c| "-'\"$@\\^`“‘’{<".contains(c))
        || next.contains('/') && next.contains('.')
}

/// Tells whether a command goes on in the next line, and takes what says so off it.
pub(super) fn goes_on(command: &mut String, next: &str) -> bool {
    let trimmed = command.trim_end().len();
    let is_odd = |sign| command.matches(sign).count() % 2 == 1;
    if command[..trimmed].ends_with(['\\', '^']) || command[..trimmed].ends_with('`') && is_odd('`')
    {
        command.truncate(trimmed - 1);
        command.push(' ');
        return true;
    }
    if is_odd('"') || is_odd('\'') {
        // What a mail program has broken inside of quotes.
        let is_rest = next.contains(['"', '\'']) || next.len() > 20 && !next.contains(' ');
        return is_rest && next.len() < 2000 && !next.starts_with(['{', '<']);
    }
    let is_option = next.starts_with("--") && !next.starts_with("---") && !next.starts_with("--2")
        || ["-H", "-X", "-Uri", "| jq"]
            .iter()
            .any(|start| next.starts_with(start));
    let has_address = command.contains("://") || command.contains("bitrise.io");
    let is_value = ["'", "\"", "https://", "| "]
        .iter()
        .any(|start| next.starts_with(start));
    let is_open = command.matches('{').count() > command.matches('}').count();
    let goes_on = is_open || is_option || is_value && !has_address;
    if goes_on {
        command.push(' ');
    }
    goes_on
}

/// A word of a command: as it reads, and the quote around its variable, or else its first quote.
#[derive(Debug, Default)]
struct Word {
    text: String,
    quote: Option<char>,
    has_variable: bool,
}

impl Word {
    fn is_option(&self) -> bool {
        self.text.starts_with('-') && self.text.len() > 1
    }
}

/// Splits a command into words, as shells do.
fn split(text: &str, shell: Shell) -> Vec<Word> {
    let (mut words, mut word, mut quote) = (Vec::new(), Word::default(), None);
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(close), c) if c == close => quote = None,
            (Some('"'), '\\') if shell != Shell::PowerShell => word.text.extend(characters.next()),
            (None, '\\') if shell == Shell::Posix => word.text.extend(characters.next()),
            (None, '"' | '\'' | '“' | '”' | '‘' | '’') => {
                word.quote = word.quote.or(Some(c));
                quote = Some(match c {
                    '“' => '”',
                    '‘' => '’',
                    c => c,
                });
            }
            (None, c) if c.is_whitespace() => {
                if !word.text.is_empty() || word.quote.is_some() {
                    words.push(std::mem::take(&mut word));
                }
            }
            (_, c) => {
                if matches!(c, '$' | '%') && !std::mem::replace(&mut word.has_variable, true) {
                    word.quote = quote.or(word.quote.filter(|_| false));
                }
                word.text.push(c);
            }
        }
    }
    if !word.text.is_empty() {
        words.push(word);
    }
    words
}

/// What is being read.
struct Reader<'a> {
    client: &'static str,
    shell: Shell,
    variables: &'a Variables,
    request: Request,
    has_data: bool,
    is_get: bool,
}

impl Command {
    /// Reads a command. `prompt` is the shell of the prompt in front of it, `before` that of an
    /// earlier one.
    pub(super) fn read(
        text: &str,
        prompt: Option<Shell>,
        before: Option<Shell>,
        variables: &Variables,
    ) -> Option<Self> {
        let small = lower(text);
        let tool = small.split_whitespace().next()?;
        let client = words::kind_with("tool", tool)?;
        let before = before.filter(|before| *before != Shell::Posix);
        let shell = if client == "powershell" || small.contains("$env:") {
            Shell::PowerShell
        } else if let Some(shell) = prompt.or(before) {
            shell
        } else if has_variable_of_cmd(text) {
            Shell::Cmd
        } else {
            Shell::Posix
        };
        let words = split(text, shell);
        let request = Request {
            is_shown: true,
            is_whole: true,
            ..Request::default()
        };
        let mut reader = Reader {
            client,
            shell,
            variables,
            request,
            has_data: false,
            is_get: false,
        };
        // Without a scheme, these send their requests over TLS.
        let is_https = matches!(tool, "https" | "xhs") || client == "powershell";
        reader.words(&words, is_https);
        let Reader {
            mut request,
            has_data,
            is_get,
            ..
        } = reader;
        if request.address.is_none()
            && let Some((at, end)) = address_at(text, 0)
        {
            request.address = Address::read(&text[at..end], is_https);
        }
        if request.method.is_none() && has_data && !is_get {
            request.method = Some("POST".to_owned());
        }
        if request.credential.is_none()
            && let Some(value) = Value::of_authorization(text)
        {
            // In a table of PowerShell's, quotes stand around texts that have no variable.
            let is_text = client == "powershell" && !value.text.starts_with('$');
            let quote = value.quote.filter(|_| !is_text);
            request.credential = Some(request::judge_value(
                &value.text,
                quote,
                Some(shell),
                variables,
            ));
        }
        let is_typographic = text.contains(['‘', '’', '“', '”']) && !text.contains(['\'', '"']);
        let is_of_cmd = shell == Shell::Cmd && words.iter().any(|word| word.quote == Some('\''));
        if is_typographic || is_of_cmd {
            request.mistakes.push(Mistake::Quotes);
        }
        let has_options = text.contains(['\'', '"']) || words.iter().any(Word::is_option);
        Some(Self {
            request,
            shell,
            has_options,
        })
    }
}

impl Reader<'_> {
    fn words(&mut self, words: &[Word], is_https: bool) {
        let mut rest = words.iter().skip(1);
        while let Some(word) = rest.next() {
            let text = word.text.as_str();
            if word.quote.is_none() && matches!(text, "|" | "|&" | ">" | ">>" | "1>" | ">|") {
                self.request.is_hidden |= !text.starts_with('|');
                self.request.is_filtered |= text.starts_with('|') && !shows_all(rest.clone());
                return;
            }
            if word.is_option() {
                self.option(word, &mut rest, is_https);
            } else if self.client == "httpie"
                && self.request.address.is_none()
                && words::is("method", text)
            {
                self.request.method = Some(text.to_ascii_uppercase());
            } else if self.client == "httpie" && self.request.address.is_some() {
                self.item(word);
            } else if self.request.address.is_none() && looks_like_address(text) {
                self.request.address =
                    Address::read(text.trim_end_matches([',', ';', ')']), is_https);
            } else if word.quote.is_none() && text.starts_with(['$', '@']) {
                // What is in there may be headers.
                self.request.is_whole = false;
            }
        }
    }

    /// Reads an option: a long one, perhaps with its value behind a sign, or letters such as `-sSi`.
    fn option<'w>(
        &mut self,
        word: &Word,
        rest: &mut impl Iterator<Item = &'w Word>,
        is_https: bool,
    ) {
        let text = word.text.as_str();
        let (name, glued) = text
            .split_once(['=', ':'])
            .map_or((text, None), |(name, value)| (name, Some(value)));
        let small = lower(name);
        let name = if self.client == "powershell" {
            &small
        } else {
            name
        };
        if let Some((meaning, takes_value)) = words::option(self.client, name) {
            let own = glued.map(|value| Word {
                text: value.to_owned(),
                ..Word::default()
            });
            let next = if takes_value && own.is_none() {
                rest.next()
            } else {
                None
            };
            return self.means(meaning, own.as_ref().or(next), is_https);
        }
        if name.starts_with("--") || self.client == "powershell" {
            return;
        }
        for (at, letter) in text.char_indices().skip(1) {
            let Some((meaning, takes_value)) = words::option(self.client, &format!("-{letter}"))
            else {
                continue;
            };
            let glued = &text[at + letter.len_utf8()..];
            if takes_value {
                let own = Word {
                    text: glued.to_owned(),
                    quote: word.quote,
                    ..Word::default()
                };
                let next = if glued.is_empty() { rest.next() } else { None };
                return self.means(meaning, next.or(Some(&own)), is_https);
            }
            self.means(meaning, None, is_https);
        }
    }

    /// Takes what an option means.
    fn means(&mut self, meaning: &str, value: Option<&Word>, is_https: bool) {
        let text = value.map_or("", |value| value.text.as_str());
        let request = &mut self.request;
        match meaning {
            "method" => request.method = Some(text.to_ascii_uppercase()),
            "header" if text.starts_with(['@', '$']) => request.is_whole = text.starts_with("@{"),
            "header" => {
                let (name, _) = text.split_once([':', ';']).unwrap_or((text, ""));
                request.other_header(name);
            }
            "user" => request.mistakes.push(Mistake::UserOption),
            "bearer" => request.credential = Some((Credential::Unknown, Some(Mistake::Bearer))),
            "elsewhere" => request.is_whole = false,
            "url" => request.address = Address::read(text, is_https).or(request.address.take()),
            "output" => request.is_hidden |= text != "-",
            "hidden" => request.is_hidden = true,
            "head" => request.method = Some("HEAD".to_owned()),
            "data" => self.has_data = true,
            "query" => self.is_get = true,
            _ => {}
        }
    }

    /// Reads what `HTTPie` takes behind the address: `Name:value`, `name==value`, `name=value`.
    fn item(&mut self, word: &Word) {
        let request = &mut self.request;
        if let Some((name, value)) = word.text.split_once("==") {
            if let (Some(mistake), Some(address)) =
                (request::mistake_of_query(name, value), &mut request.address)
            {
                address.mistakes.push(mistake);
            }
        } else if let Some((name, value)) = word
            .text
            .split_once(':')
            .filter(|(_, value)| !value.starts_with('='))
        {
            if name.eq_ignore_ascii_case("authorization") {
                let judged =
                    request::judge_value(value, word.quote, Some(self.shell), self.variables);
                request.credential = Some(judged);
            }
            request.other_header(name);
        } else {
            self.has_data |= word.text.contains('=');
        }
    }
}

fn has_variable_of_cmd(text: &str) -> bool {
    let behind = text.split('%').nth(1);
    behind.is_some_and(|name| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
    })
}

/// Tells whether a filter behind a command shows all of the response.
fn shows_all<'w>(mut words: impl Iterator<Item = &'w Word>) -> bool {
    let name = words
        .next()
        .map_or("", |word| word.text.trim_end_matches(".exe"));
    let is_end = |word: &&Word| !word.text.starts_with(['|', ';', '&']);
    let mut arguments = words.take_while(is_end).map(|word| word.text.as_str());
    match name {
        "jq" => arguments
            .find(|word| !word.starts_with('-'))
            .is_none_or(|filter| matches!(filter, "." | "")),
        "python" | "python3" | "py" => arguments.any(|word| word == "json.tool"),
        name => words::is("shows all", name),
    }
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
    let starts = ["https://", "http://", "HTTPS://", "api.bitrise.io/"];
    let at = starts.iter().filter_map(|start| rest.find(start)).min()?;
    let is_end = |c: char| c.is_whitespace() || "\"'`’”‘“|\\)]}<>,;»。、".contains(c);
    let found = &rest[at..];
    // A placeholder in the path may stand in any brackets.
    let mut end = found.find(is_end).unwrap_or(found.len());
    while let Some(c) = found[end..].chars().next() {
        let opens = found[..end].ends_with('/') && "<{[$".contains(c);
        let closes = ">}]".contains(c) && found[..end].contains(['<', '{', '[']);
        if !opens && !closes {
            break;
        }
        let inner = end + c.len_utf8();
        end = found[inner..]
            .find(is_end)
            .map_or(found.len(), |at| inner + at);
    }
    let address = found[..end].trim_end_matches(['.', ':', '?', '!', '…']);
    Some((from + at, from + at + address.len().max(7)))
}

/// A value behind a label, in whichever notation, and the quote that it stands in.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Value {
    pub(super) text: String,
    pub(super) quote: Option<char>,
    /// Whether it is code: an expression behind a key in quotes.
    pub(super) is_code: bool,
}

impl Value {
    /// Returns the value of the first `Authorization` header in a text.
    pub(super) fn of_authorization(text: &str) -> Option<Self> {
        const NAME: &str = "authorization";
        let small = text.to_ascii_lowercase();
        let mut places = small.match_indices(NAME);
        places.find_map(|(at, _)| {
            // A proxy's header is another one.
            let is_other = small[..at].ends_with('-');
            if is_other {
                None
            } else {
                Self::behind(text, at, at + NAME.len())
            }
        })
    }

    /// Returns the value behind a label: `key: value`, `"key": value`, `key = value`, `'key': value'`.
    pub(super) fn behind(text: &str, start: usize, end: usize) -> Option<Self> {
        /// How much is looked at.
        const LONGEST: usize = 2048;
        let is_quote = |c: char| "\"'‘’“”`".contains(c);
        let text = &text[..words::floor(text, end + LONGEST)];
        let around = text[..start].chars().next_back().filter(|c| is_quote(*c));
        let is_key = around.is_some() && text[end..].trim_start_matches('\\').starts_with(is_quote);
        let signs = text[end..].trim_start_matches(|c: char| is_quote(c) || "\\ ]".contains(c));
        let mut separators = ["=>", ":", "=", ",", "："].iter();
        let behind = separators
            .find_map(|sign| signs.strip_prefix(sign))?
            .trim_start_matches([' ', '\t', '\\']);
        // Python's and PowerShell's texts have a letter or a sign in front.
        let mark = behind.trim_start_matches(|c: char| "fubrFBRU$@".contains(c));
        let own = mark
            .chars()
            .next()
            .filter(|c| is_quote(*c) && behind.len() - mark.len() < 3);
        if is_key && own.is_none() {
            let expression = behind
                .split([',', '}', ')'])
                .next()
                .unwrap_or(behind)
                .trim();
            return Some(Self {
                text: expression.to_owned(),
                quote: None,
                is_code: true,
            });
        }
        let inner = own.map_or(behind, |quote| &mark[quote.len_utf8()..]);
        let quote = own.or(around);
        let is_variable = inner.starts_with(['$', '{', '[', '%']);
        let is_end = |c: char| {
            c == '\n'
                || is_quote(c)
                || quote.is_some() && c == '\\'
                || quote.is_none() && !is_variable && matches!(c, '}' | ';')
        };
        let whole = inner.split(is_end).next().unwrap_or(inner);
        let mut value = whole.trim_end_matches(['\\', '^', ',', ' ']).trim();
        if is_variable && quote.is_none() {
            value = value
                .split([' ', ','])
                .next()
                .unwrap_or(value)
                .trim_end_matches(';');
            let (open, close) = (value.starts_with("$("), value.contains(')'));
            let has_brace = ["${", "{{"].iter().any(|start| value.starts_with(start));
            value = if open && close || has_brace {
                value
            } else {
                value.trim_end_matches([')', '}'])
            };
        }
        Some(Self {
            text: value.to_owned(),
            quote,
            is_code: false,
        })
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
pub(super) fn curl_error(words: &Words) -> Option<CurlError> {
    let small = words.lower.as_str();
    let at = small.find("curl: (").or_else(|| small.find("curl:("))?;
    let (number, said) = small[at..].split_once('(')?.1.split_once(')')?;
    let fault = words.kind("fault");
    Some(match (words::kind_with("curl", number), fault) {
        (Some("status"), _) => {
            let status = said
                .rsplit_once(": ")
                .and_then(|(_, status)| status.trim().get(..3)?.parse().ok());
            status.map_or(CurlError::Nothing, CurlError::Status)
        }
        (Some("dns"), _) if is_misread_host(said) => CurlError::Misread,
        // What was told first decides, since the words behind it are those of any fault.
        (Some("tls_failed"), Some("closed" | "closed_in_handshake")) => {
            CurlError::Fault("closed_in_handshake")
        }
        (Some("tls_failed"), _) if words.says("handshake closed") => {
            CurlError::Fault("closed_in_handshake")
        }
        (Some(name @ "tls_no_roots"), _) => CurlError::Fault(name),
        (Some("timeout"), _) if said.contains("resolv") => CurlError::Fault("dns"),
        (Some("timeout"), _) if said.contains("connect") => CurlError::Fault("connect_timeout"),
        (Some("refused"), _) if said.contains("proxy") => CurlError::Fault("proxy_unreachable"),
        (Some("refused"), _) if said.contains("timed out") => CurlError::Fault("connect_timeout"),
        (Some("misread"), Some("not_http")) => CurlError::Fault("not_http"),
        (Some("misread"), _) => CurlError::Misread,
        (Some("nothing"), None) => CurlError::Nothing,
        (_, Some(fault)) => CurlError::Fault(fault),
        (own, None) => CurlError::Fault(own.unwrap_or("unknown")),
    })
}

/// Tells whether a name that was not found is none: a part of the command that curl took for an
/// address, since the shell does not know its quotes.
fn is_misread_host(said: &str) -> bool {
    let host = said.rsplit(": ").next().unwrap_or_default().trim();
    host.contains(['\'', '"', '‘', '’', '“', '”', '\\'])
        || !host.contains('.') && host != "localhost"
        || ["bitwat_", "bitpat_"]
            .iter()
            .any(|prefix| host.contains(prefix))
}

//! From a pasted text to what stands in it: requests, responses and faults, in its order.
//!
//! Invariant: any text can be read, and each character is looked at a bounded number of times.

use super::fault::{self, CurlError};
use super::json::{self, Balance};
use super::request::{self, Request};
use super::work::looks_at;
use crate::check::CheckId;
use crate::exchange::Fault;
use crate::report::CommandMistake;
use crate::wire::Document;
use std::borrow::Cow;

/// Something that stands in a text.
#[derive(Clone, Debug)]
pub(super) enum Segment {
    /// A command, or an address that was asked.
    Request(Request),
    /// A response, or what is left of it.
    Response(Seen),
    /// The error of a client that got no response.
    Fault(Fault),
    /// An error that shows that the command was read in another way than was meant, so that nothing
    /// was asked.
    Misread(CommandMistake),
    /// Words that name the step that follows.
    Hint(CheckId),
}

/// A response as a text shows it.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// The status, if it stands there.
    pub(super) status: Option<u16>,
    /// The protocol.
    pub(super) http_version: Option<&'static str>,
    /// The headers.
    pub(super) headers: Vec<(String, String)>,
    /// The body.
    pub(super) body: SeenBody,
}

/// A body as a text shows it.
#[derive(Clone, Debug, Default)]
pub(super) enum SeenBody {
    /// It is not in the text.
    #[default]
    NotShown,
    /// There was none.
    Empty,
    /// JSON.
    Json(json::Found),
    /// The start of a page.
    Html(String),
    /// Anything else.
    Text,
    /// The client says that it broke off.
    Broken(Fault),
}

/// The maximum number of bytes of a page that are kept, for its title.
const MAX_PAGE: usize = crate::responder::TITLE_WITHIN;

/// The maximum number of lines of a command.
const MAX_COMMAND_LINES: usize = 16;

/// The maximum number of objects of JSON that are read of one line, and of commands.
const MAX_OBJECTS: usize = 8;

/// The maximum number of characters that are looked at to tell whether JSON starts.
const START: usize = 64;

/// The maximum number of headers of a response that are kept.
const MAX_HEADERS: usize = 100;

/// Reads a text.
pub(super) fn read(text: &str) -> Vec<Segment> {
    let plain = without_escapes(text);
    let lines: Vec<&str> = plain.split('\n').map(without_marks).collect();
    let mut reader = Reader {
        lines,
        at: 0,
        segments: Vec::new(),
        current: None,
        state: State::Plain,
        is_table: false,
    };
    while reader.at < reader.lines.len() {
        let line = reader.lines[reader.at];
        reader.at += 1;
        reader.line(line);
    }
    reader.flush();
    reader.segments
}

/// Returns a text without the sequences that colour it on a terminal and without invisible
/// characters, and with a line break for each carriage return, by which progress meters go back.
fn without_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    looks_at(text.len());
    while let Some(c) = characters.next() {
        match c {
            '\u{1b}' => skip_escape(&mut characters),
            '\r' => {
                if characters.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            '\u{a0}' => out.push(' '),
            '\u{200b}' | '\u{feff}' | '\u{2060}' => {}
            c => out.push(c),
        }
    }
    out
}

fn skip_escape(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match characters.peek() {
        Some('[') => {
            characters.next();
            // Parameters, then a letter.
            while characters
                .next_if(|c| ('\u{20}'..='\u{3f}').contains(c))
                .is_some()
            {}
            characters.next_if(|c| ('\u{40}'..='\u{7e}').contains(c));
        }
        Some(']') => {
            // An address or a title, up to a bell or another escape; it does not span lines.
            while characters
                .next_if(|c| !matches!(c, '\u{7}' | '\u{1b}' | '\n'))
                .is_some()
            {}
            characters.next_if(|c| *c == '\u{7}');
        }
        Some(_) | None => {}
    }
}

/// Returns a line without the marks of quoted mail and of `curl -v` at its start.
fn without_marks(line: &str) -> &str {
    looks_at(line.len());
    let mut line = line.trim_end();
    while let Some(rest) = line.trim_start().strip_prefix('>') {
        line = rest.strip_prefix(' ').unwrap_or(rest);
    }
    match line.trim_start().strip_prefix('<') {
        Some("") => "",
        Some(rest) => rest.strip_prefix(' ').unwrap_or(line),
        None => line,
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Nothing is open.
    Plain,
    /// The headers of a request; whether it asks a proxy for a connection.
    RequestHeaders { is_connect: bool },
    /// The headers of a response; whether it is a proxy's about a connection.
    ResponseHeaders { is_connect: bool },
    /// Behind a request to a proxy for a connection.
    Connecting,
    /// Behind the headers of a response.
    Body,
}

struct Reader<'a> {
    lines: Vec<&'a str>,
    /// The index of the next line.
    at: usize,
    segments: Vec<Segment>,
    /// The response that is being read.
    current: Option<Seen>,
    state: State,
    /// Whether a table of PowerShell's with the column `data` is open.
    is_table: bool,
}

/// What stands first in a line.
enum Start {
    Command(usize),
    Json(usize),
    CurlError(usize),
}

impl Reader<'_> {
    fn flush(&mut self) {
        if let Some(mut seen) = self.current.take() {
            let is_empty = |(name, value): &(String, String)| {
                name.eq_ignore_ascii_case("content-length") && value == "0"
            };
            let is_open = matches!(seen.body, SeenBody::NotShown);
            if is_open && seen.headers.iter().any(is_empty) {
                seen.body = SeenBody::Empty;
            }
            self.segments.push(Segment::Response(seen));
        }
        self.state = State::Plain;
    }

    fn line(&mut self, line: &str) {
        if self.in_headers(line) {
            return;
        }
        let mut rest = Cow::Borrowed(line);
        for _ in 0..MAX_OBJECTS {
            match start(&rest) {
                Some(Start::Command(at)) => {
                    self.plain(&rest[..at]);
                    let from = rest[at..].to_owned();
                    return self.command(from);
                }
                Some(Start::Json(at)) => {
                    self.plain(&rest[..at]);
                    let is_alone = rest[..at].trim().is_empty();
                    rest = Cow::Owned(self.json(&rest[at..], is_alone));
                }
                Some(Start::CurlError(at)) => {
                    self.plain(&rest[..at]);
                    let error = rest[at..].to_owned();
                    return self.curl_error(&error);
                }
                None => return self.plain(&rest),
            }
        }
    }

    /// Takes a line of headers, and tells whether it was one.
    fn in_headers(&mut self, line: &str) -> bool {
        let (is_response, is_connect) = match self.state {
            State::RequestHeaders { is_connect } => (false, is_connect),
            State::ResponseHeaders { is_connect } => (true, is_connect),
            State::Plain | State::Connecting | State::Body => return false,
        };
        let line = line.trim();
        if line.starts_with("* ") || line.starts_with("{ [") || line.starts_with("} [") {
            return true;
        }
        if let Some((name, value)) = header(line) {
            if is_response && !is_connect {
                self.response_header(name, value);
            } else if !is_response && name.eq_ignore_ascii_case("host") {
                self.host(value);
            }
            return true;
        }
        self.state = match (is_response, is_connect) {
            (true, false) => State::Body,
            (false, true) => State::Connecting,
            (true, true) | (false, false) => State::Plain,
        };
        line.is_empty()
    }

    fn response_header(&mut self, name: &str, value: &str) {
        if let Some(seen) = &mut self.current
            && seen.headers.len() < MAX_HEADERS
        {
            seen.headers.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Reads text without commands, JSON and errors of curl's.
    fn plain(&mut self, text: &str) {
        looks_at(text.len());
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        if self.raw_content(text)
            || self.status_line(text)
            || self.request_line(text)
            || self.html(text)
        {
            return;
        }
        if let Some(status) = text.get(..3).and_then(fault::leading_status)
            && text.len() == 3
            && self.takes_status(status)
        {
            return;
        }
        // The type's name stands in the message in every language.
        if text.contains("IDictionary") {
            self.flush();
            let mistake = CommandMistake::PowerShellAlias;
            return self.segments.push(Segment::Misread(mistake));
        }
        if let Some(kind) = fault::other(text) {
            let is_again = matches!(self.segments.last(), Some(Segment::Fault(_)));
            if self.current.is_none() && is_again {
                return;
            }
            self.flush();
            return self.segments.push(Segment::Fault(kind));
        }
        if let Some(status) = fault::status(text) {
            return self.status(status);
        }
        if text.starts_with("* ") {
            return;
        }
        self.hint(text);
        self.mention(text);
        self.table(text);
        let is_body = self.state == State::Body && !is_noise(text);
        if let Some(seen) = self.current.as_mut().filter(|_| is_body)
            && matches!(seen.body, SeenBody::NotShown)
            && !seen.headers.is_empty()
        {
            seen.body = SeenBody::Text;
        }
    }

    /// Steps over what PowerShell shows a second time, cut.
    fn raw_content(&mut self, text: &str) -> bool {
        let is_raw = text.starts_with("RawContent ");
        while is_raw
            && let Some(next) = self.lines.get(self.at)
            && next.starts_with(' ')
        {
            self.at += 1;
        }
        is_raw
    }

    /// Reads a line such as `HTTP/2 401`.
    fn status_line(&mut self, text: &str) -> bool {
        let Some(rest) = text.strip_prefix("HTTP/") else {
            return false;
        };
        let Some((version, rest)) = rest.split_once(' ') else {
            return false;
        };
        let http_version = match version {
            "1.0" => "HTTP/1.0",
            "1.1" => "HTTP/1.1",
            "2" | "2.0" => "HTTP/2",
            "3" | "3.0" => "HTTP/3",
            _ => return false,
        };
        let Some(status) = fault::leading_status(rest.trim_start()) else {
            return false;
        };
        let is_connect = self.state == State::Connecting
            || request::find_ignoring_case(rest, "connection established").is_some();
        if is_connect || status < 200 {
            self.state = State::ResponseHeaders { is_connect: true };
            return true;
        }
        self.flush();
        self.current = Some(Seen {
            status: Some(status),
            http_version: Some(http_version),
            ..Seen::default()
        });
        self.state = State::ResponseHeaders { is_connect: false };
        true
    }

    /// Reads a line such as `GET /v0.1/apps?limit=1 HTTP/2`.
    fn request_line(&mut self, text: &str) -> bool {
        let mut words = text.split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return false;
        };
        let is_method = matches!(method, "GET" | "HEAD" | "POST" | "CONNECT" | "OPTIONS");
        if !is_method || !version.starts_with("HTTP/") {
            return false;
        }
        self.flush();
        let is_connect = method == "CONNECT";
        if !is_connect && !self.is_asked() {
            let address = request::Address::read(&format!("https://api.bitrise.io{target}"));
            self.segments.push(Segment::Request(Request {
                address,
                ..Request::default()
            }));
        }
        self.state = State::RequestHeaders { is_connect };
        true
    }

    /// Tells whether a request is the last that was found.
    fn is_asked(&self) -> bool {
        self.current.is_none() && matches!(self.segments.last(), Some(Segment::Request(_)))
    }

    /// Takes the host of a request in a log.
    fn host(&mut self, host: &str) {
        if let Some(Segment::Request(request)) = self.segments.last_mut()
            && !request.is_command
            && let Some(address) = &request.address
            && let Some((_, path)) = address.shown.split_once("api.bitrise.io")
        {
            request.address = request::Address::read(&format!("https://{host}{path}"));
        }
    }

    /// Takes a status that stands apart from a response, as `-w '%{http_code}'` prints it.
    fn takes_status(&mut self, status: u16) -> bool {
        let Some(seen) = &mut self.current else {
            return false;
        };
        let is_open = seen.status.is_none();
        if is_open {
            seen.status = Some(status);
        }
        is_open
    }

    /// Takes a status that a client tells in words.
    fn status(&mut self, status: u16) {
        let is_known = self
            .current
            .as_ref()
            .is_some_and(|seen| seen.status == Some(status));
        if is_known || self.takes_status(status) {
            return;
        }
        self.flush();
        self.current = Some(Seen {
            status: Some(status),
            ..Seen::default()
        });
        self.state = State::Body;
    }

    /// Reads a page of markup.
    fn html(&mut self, text: &str) -> bool {
        const STARTS: [&str; 9] = [
            "<!doctype",
            "<html",
            "<head",
            "<title",
            "<?xml",
            "<body",
            "<center",
            "<h1",
            "<meta",
        ];
        let first: String = text
            .chars()
            .take(10)
            .collect::<String>()
            .to_ascii_lowercase();
        if !STARTS.iter().any(|start| first.starts_with(start)) {
            return false;
        }
        let mut page = String::new();
        let mut line = text;
        loop {
            if page.len() < MAX_PAGE {
                page.push_str(line);
                page.push('\n');
            }
            let is_end = request::find_ignoring_case(line, "</html>").is_some();
            let next = self.lines.get(self.at).copied();
            let Some(next) = next.filter(|next| !is_end && !is_stop(next)) else {
                break;
            };
            self.at += 1;
            line = next;
        }
        self.body(SeenBody::Html(page), true);
        true
    }

    /// Gives a body to the response that is being read, or to a new one.
    fn body(&mut self, body: SeenBody, is_response: bool) {
        if let Some(seen) = &mut self.current
            && matches!(seen.body, SeenBody::NotShown)
        {
            seen.body = body;
            self.state = State::Plain;
            return;
        }
        if is_response {
            self.flush();
            self.current = Some(Seen {
                body,
                ..Seen::default()
            });
        }
    }

    /// Reads an object, and returns what stands behind it in its last line. One that nothing stands
    /// in front of may be the response to what was asked, whatever is in it.
    fn json(&mut self, first: &str, is_alone: bool) -> String {
        let mut balance = Balance::default();
        let mut span = String::new();
        let mut last = None;
        let mut line = first;
        let rest = loop {
            if let Some(end) = balance.end(line) {
                span.push_str(&line[..end]);
                break line[end..].to_owned();
            }
            if let Some(end) = line.find("curl: (") {
                span.push_str(&line[..end]);
                break line[end..].to_owned();
            }
            span.push_str(line);
            span.push('\n');
            last = line.trim_end().chars().next_back().or(last);
            let goes_on = last.is_some_and(|c| matches!(c, ',' | '[' | '{' | ':'));
            let next = self.lines.get(self.at).copied();
            let is_next = |next: &&str| !is_stop(next) && (goes_on || !next.starts_with("{\""));
            let Some(next) = next.filter(is_next) else {
                break String::new();
            };
            self.at += 1;
            balance.end("\n");
            line = next;
        };
        if let Some(found) = json::read(&straight(&span)) {
            let is_response = (is_alone && self.is_asked()) || is_of_api(&found.json);
            let is_awaited = self.state == State::Body;
            if is_response || is_awaited {
                self.body(SeenBody::Json(found), is_response);
            }
        }
        rest
    }

    /// Reads a command with its further lines.
    fn command(&mut self, mut text: String) {
        self.flush();
        for _ in 1..MAX_COMMAND_LINES {
            let next = self.lines.get(self.at).copied();
            let is_output = |next: &str| {
                next.starts_with("{\"") || next.starts_with("HTTP/") || next.contains("curl: (")
            };
            if !request::goes_on(&text, next) || next.is_none_or(is_output) {
                break;
            }
            text.push('\n');
            text.push_str(next.unwrap_or_default());
            self.at += 1;
        }
        let mut rest = text.as_str();
        for _ in 0..MAX_OBJECTS {
            let after = rest.get(1..).unwrap_or_default();
            let next = request::start(after).map(|at| at + 1);
            let Some(next) = next.filter(|at| rest[..*at].trim_end().ends_with(['&', ';', '|']))
            else {
                break;
            };
            let request = request::command(&rest[..next]);
            self.segments.push(Segment::Request(request));
            rest = &rest[next..];
        }
        self.segments.push(Segment::Request(request::command(rest)));
    }

    fn curl_error(&mut self, line: &str) {
        match fault::curl(line) {
            Some(CurlError::Fault(kind)) => self.fault(kind),
            Some(CurlError::Status(status)) => self.status(status),
            Some(CurlError::Misread) => {
                self.flush();
                self.segments.push(Segment::Misread(CommandMistake::Quotes));
            }
            Some(CurlError::Nothing) | None => {}
        }
    }

    /// Takes an error of curl's: it may be about the response that is being read.
    fn fault(&mut self, kind: Fault) {
        let is_proxys = kind.kind.stage().is_at_proxy();
        match &mut self.current {
            Some(_) if is_proxys => self.current = None,
            Some(seen) => {
                match &seen.body {
                    SeenBody::Json(found) if found.is_complete => {}
                    SeenBody::Html(_) | SeenBody::Empty => {}
                    SeenBody::Json(_)
                    | SeenBody::NotShown
                    | SeenBody::Text
                    | SeenBody::Broken(_) => {
                        seen.body = SeenBody::Broken(kind);
                    }
                }
                return;
            }
            None => {}
        }
        self.segments.push(Segment::Fault(kind));
    }

    /// Notes words that name the step which follows.
    fn hint(&mut self, text: &str) {
        let says = |part: &str| request::find_ignoring_case(text, part).is_some();
        if text.len() > 200 {
            return;
        }
        let id = if says("step 1") || says("apps access") {
            CheckId::AppsList
        } else if says("step 2") || says("pipelines access") {
            CheckId::PipelinesList
        } else {
            return;
        };
        self.flush();
        self.segments.push(Segment::Hint(id));
    }

    /// Notes an address that stands in a line without a command, as wget and logs write it.
    fn mention(&mut self, text: &str) {
        let Some(address) = request::address_in(text).filter(request::Address::is_of_api) else {
            return;
        };
        let is_same = |segment: &&Segment| matches!(segment, Segment::Request(other) if other.address.as_ref() == Some(&address));
        if self.current.is_some() || !self.segments.last().as_ref().is_some_and(is_same) {
            self.flush();
            let request = request::mentioned(text, address);
            self.segments.push(Segment::Request(request));
        }
    }

    /// Reads a list as PowerShell shows it: a column `data`, and in it objects as `@{slug=…; …}`.
    fn table(&mut self, text: &str) {
        let is_row = self.is_table && !text.starts_with('-');
        self.is_table = text.starts_with("data ") || (self.is_table && text.starts_with('-'));
        if !is_row && !text.starts_with("{@{") {
            return;
        }
        let items: Vec<_> = text.split("@{slug=").skip(1).map(item).collect();
        if items.is_empty() && !text.starts_with("{}") {
            return;
        }
        // What does not fit into the window is cut, with three dots.
        let is_complete = text.starts_with("{}");
        let json = serde_json::json!({ "data": items }).to_string();
        let found = json::Found { json, is_complete };
        self.body(SeenBody::Json(found), true);
    }
}

/// Reads what stands behind `@{slug=`.
fn item(text: &str) -> serde_json::Value {
    let end = text.find('}').unwrap_or(text.len());
    let mut fields = text[..end].split("; ");
    let slug = fields
        .next()
        .unwrap_or_default()
        .trim_end_matches(['.', '…']);
    let mut item = serde_json::json!({ "slug": slug });
    for (name, value) in fields.filter_map(|field| field.split_once('=')) {
        if matches!(
            name,
            "title" | "is_pipeline" | "build_number" | "project_type"
        ) {
            item[name] = value.into();
        }
    }
    item
}

/// Returns what stands first in a line.
fn start(line: &str) -> Option<Start> {
    looks_at(line.len());
    let command = request::start(line).map(|at| (at, Start::Command(at)));
    let braces = line.match_indices('{');
    let json = braces.map(|(at, _)| at).find(|at| {
        let beginning: String = line[*at..].chars().take(START).collect();
        json::may_start(&straight(&beginning)) && !line[..*at].ends_with('@')
    });
    let json = json.map(|at| (at, Start::Json(at)));
    let error = line.find("curl: (").map(|at| (at, Start::CurlError(at)));
    let found = [command, json, error].into_iter().flatten();
    found.min_by_key(|(at, _)| *at).map(|(_, start)| start)
}

/// Returns a text with typographic quotes made straight, if it has no others.
fn straight(text: &str) -> Cow<'_, str> {
    let is_curly = |c: char| matches!(c, '“' | '”' | '„');
    if text.contains(is_curly) && !text.contains('"') {
        Cow::Owned(text.replace(is_curly, "\""))
    } else {
        Cow::Borrowed(text)
    }
}

/// Tells whether a line ends what came before it, whatever that was.
fn is_stop(line: &str) -> bool {
    looks_at(line.len());
    let line = line.trim_start();
    let starts = [
        "curl: (",
        "HTTP/",
        "```",
        "* Connection",
        "* Closing",
        "PS C:",
    ];
    starts.iter().any(|start| line.starts_with(start))
        || (!line.starts_with('"') && request::start(line).is_some())
}

/// Reads a header.
fn header(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    (is_name && name.len() <= 64).then(|| (name, value.trim()))
}

/// Tells whether a line is what terminals and clients put around a body.
fn is_noise(line: &str) -> bool {
    let starts = [
        "* ", "{ [", "} [", "% Total", "Dload", "```", "--", "~", "At line:", "+ ",
    ];
    let is_meter = line.contains("--:--:--");
    let is_prompt =
        line.ends_with(['$', '%', '#', '>']) || line.contains("$ ") || line.contains("% ");
    is_meter || is_prompt || starts.iter().any(|start| line.starts_with(start))
}

/// Tells whether an object is a response of the API, wherever it stands: a list, or an error.
fn is_of_api(json: &str) -> bool {
    looks_at(json.len());
    let mut bytes = json.as_bytes().to_vec();
    let document = Document::read(&mut bytes, |text| Cow::Borrowed(text));
    document.is_ok_and(|document| document.is_list() || document.message().is_some())
}

//! From plain lines to exchanges: each sign that stands in a text opens, repeats or fills one.
//!
//! Three notions group the signs. A *fresh start* (a prompt, a command, a method with an address at
//! the front of a line, words such as “Step 2”) opens an exchange. An *echo* names again what is
//! known: CI systems print commands twice, and clients repeat the address in their errors. *Late
//! filling* is for whatever stands behind the status that it belongs to.
//!
//! Invariant: each character is looked at a bounded number of times.

use super::command::{self, Command};
use super::messages::Messages;
use super::object::{self, Found};
use super::plain::{Line, Plain, Role};
use super::request::{self, Address, Credential, Judged, Request, Shell, Variables};
use super::words::{self, Lexicon, Strength, lower, strength};
use crate::check::CheckId;
use crate::pasted::Mistake;
use regex_lite::Regex;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::LazyLock;

/// One request and what came of it, as far as the text shows them.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    /// The message that it stands in.
    pub(super) message: usize,
    pub(super) request: Request,
    /// The step that words name.
    pub(super) hint: Option<CheckId>,
    /// The status, if it stands there.
    pub(super) status: Option<u16>,
    pub(super) http_version: Option<&'static str>,
    /// The headers of the response.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Body>,
    /// The name of the fault that a client tells of.
    pub(super) fault: Option<&'static str>,
    /// Whether a shell or a client read the command otherwise than it was meant.
    pub(super) misread: Option<Mistake>,
    /// Whether a filter's error stands in place of the response.
    pub(super) is_filter_broken: bool,
    /// What the sentences before it say of the token.
    pub(super) said: Said,
}

/// What sentences say of the token that is used next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said {
    pub(super) is_in_dx: bool,
    pub(super) is_new: bool,
}

/// A body as a text shows it.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// An object: as JSON, whether it is whole, and whether it is what a filter left.
    Object {
        json: String,
        value: Value,
        is_whole: bool,
        is_filtered: bool,
    },
    /// The start of a page.
    Page(String),
    /// A status's own word in plain text.
    Word(u16),
}

/// What a text holds.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) shown: Vec<Shown>,
    pub(super) messages: Messages,
    /// Statuses that are told in sentences: message, step, status.
    pub(super) told: Vec<(usize, Option<CheckId>, u16)>,
    /// DX's codes: message and code.
    pub(super) dx: Vec<(usize, &'static str)>,
    /// The shell of the last command.
    pub(super) shell: Option<Shell>,
    pub(super) has_commands: bool,
    /// The messages with an error of a shell.
    pub(super) shell_errors: Vec<usize>,
    /// Whether builds are spoken of.
    pub(super) has_builds: bool,
    /// How many lines of a message stand behind a command and can't be read.
    pub(super) unread: HashMap<usize, usize>,
}

/// The part of a log that is being read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Block {
    #[default]
    None,
    Request,
    Response,
    /// Behind a request to a proxy for a connection.
    Connect,
    /// The headers of a proxy's response about a connection.
    Connected,
}

struct Reader<'a> {
    plain: &'a Plain,
    out: Reading,
    /// The index of the exchange that is being filled.
    current: Option<usize>,
    block: Block,
    variables: Variables,
    /// What was said of a token apart from a request, for each message.
    loose: HashMap<usize, Judged>,
    said: Said,
    shell: Option<Shell>,
    /// Where the next line begins that starts something else for certain, for each line.
    stops: Vec<usize>,
    /// Nothing in front of this can be an object: it was looked at already.
    no_object_before: usize,
    message: usize,
    line: usize,
    is_env: bool,
    table: Vec<(usize, String)>,
    /// A line, and where a command starts in it.
    command: (usize, Option<usize>),
}

/// How many requests that wait for their responses are looked through for the one that is repeated.
const MAX_WAITING: usize = 64;

/// The maximum number of headers of a response that are kept.
const MAX_HEADERS: usize = 100;

/// Reads a text.
pub(super) fn read(plain: &Plain) -> Reading {
    let messages = Messages::of(plain);
    let stops = stops(plain, &messages);
    let mut reader = Reader {
        plain,
        out: Reading {
            messages,
            ..Reading::default()
        },
        current: None,
        block: Block::None,
        variables: Variables::new(),
        loose: HashMap::new(),
        said: Said::default(),
        shell: None,
        stops,
        no_object_before: 0,
        message: usize::MAX,
        line: 0,
        is_env: false,
        table: Vec::new(),
        command: (usize::MAX, None),
    };
    let mut at = 0;
    while reader.line < plain.lines.len() {
        at = reader.line(at);
    }
    reader.finish()
}

/// Tells whether a line starts something else than the rest of an object for certain.
fn is_fresh(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with("HTTP/")
        || text.starts_with("curl: (")
        || prompt(text).is_some_and(|(end, _)| end > 1)
        || command::start(text) == Some(0)
        || text.len() < 80 && words::step(&lower(text)).is_some()
}

/// Returns the end of a text, as much of it as a name in front of something takes.
fn window_before(text: &str) -> &str {
    const LONGEST: usize = 120;
    let mut start = text.len().saturating_sub(LONGEST);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

/// Tells whether a line is a row of a table as Markdown and Jira write it.
fn is_table_row(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('|') && text.ends_with('|') && text.matches('|').count() > 2
}

/// Returns for each line where the next one begins that is fresh, or is of another message.
fn stops(plain: &Plain, messages: &Messages) -> Vec<usize> {
    let mut stops = vec![0; plain.lines.len()];
    let mut stop = plain.text.len();
    let mut next_message = None;
    for (index, line) in plain.lines.iter().enumerate().rev() {
        let message = messages.of_line[index];
        let is_blank = line.start == line.end;
        if !is_blank && next_message.is_some() && next_message != message {
            stop = plain.lines[index + 1].start;
        }
        stops[index] = stop;
        if !is_blank {
            next_message = message;
        }
        let text = &plain.text[line.start..line.end];
        if line.role != Role::Text && !is_blank || line.role == Role::Border || is_fresh(text) {
            stop = line.start;
        }
    }
    stops
}

/// Returns where the prompt of a shell or an interpreter ends that a line begins with.
fn prompt(text: &str) -> Option<(usize, Option<Shell>)> {
    static PROMPT: LazyLock<Regex> = LazyLock::new(|| {
        super::regex(
            r"^(?:(PS(?: [^<>|\x22]{0,200})?> ?)|([A-Za-z]:\\[^<>|\x22']{0,200}>)|((?:\([\w.-]{1,40}\) ?)?[\w.@:~/\[\]\\-]{0,80}(?: [~/\w.-]{1,80}\]?)?(?: \([\w/.-]{1,60}\))? ?[$%#❯➜»λ] (?:~ )?)|(In \[\d{1,6}\]: |irb\S{0,40}> |~ ))",
        )
    });
    let mut end = text.len().min(300);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let found = PROMPT.captures(&text[..end])?;
    let shell = if found.get(1).is_some() {
        Some(Shell::PowerShell)
    } else if found.get(2).is_some() {
        Some(Shell::Cmd)
    } else {
        found.get(3).map(|_| Shell::Posix)
    };
    // A progress meter's percentage, and a heading, are none.
    let prefix = &text[..found.get(0)?.end()];
    let is_number = prefix
        .trim_end_matches([' ', '%', '#'])
        .bytes()
        .all(|b| b.is_ascii_digit())
        && !prefix.trim().is_empty()
        && prefix.trim().len() > 1;
    let is_meter = prefix.trim() == "%" && text[prefix.len()..].starts_with("Total");
    (!is_number && !is_meter).then_some((prefix.len(), shell))
}

impl Reader<'_> {
    fn here(&self) -> Line {
        self.plain.lines[self.line]
    }

    /// Reads a line from a place in it on, and returns where to go on.
    fn line(&mut self, from: usize) -> usize {
        let line = self.here();
        let from = from.max(line.start);
        let Some(message) = self.out.messages.of_line[self.line] else {
            if line.role == Role::Border {
                self.ends_block();
            }
            return self.next_line();
        };
        if message != self.message {
            self.message = message;
            self.fresh();
            self.said = Said::default();
        }
        let plain = self.plain;
        let text = &plain.text[from..line.end];
        if from == line.start {
            if is_table_row(text) {
                self.tells(text);
                return self.next_line();
            }
            self.table_row(text);
        }
        let command = self.command_start(text, from);
        let object = self.object_start(text, from);
        match (command, object) {
            (Some(start), object) if object.is_none_or(|object| start < object) => {
                if let Some(next) = self.command(from, start) {
                    return next;
                }
            }
            _ => {}
        }
        if let Some(start) = object {
            let own = self.line;
            self.text(&text[..start], line.role);
            // A page of markup goes on to its end.
            return if self.line == own {
                self.object(from + start)
            } else {
                self.next_line()
            };
        }
        self.text(text, line.role);
        self.next_line()
    }

    fn next_line(&mut self) -> usize {
        self.line += 1;
        0
    }

    /// Goes on behind a place of the text.
    fn goes_to(&mut self, at: usize) -> usize {
        while self.line < self.plain.lines.len() && self.here().end < at {
            self.line += 1;
        }
        if self.line < self.plain.lines.len() && self.here().end == at {
            self.line += 1;
            return 0;
        }
        at
    }

    /// Returns where the next command starts in the rest of a line, which is looked for once a line.
    fn command_start(&mut self, text: &str, from: usize) -> Option<usize> {
        if self.command.0 != self.line
            || self.command.1.is_some_and(|at| at < from)
            || from == self.here().start
        {
            self.command = (self.line, command::start(text).map(|at| from + at));
        }
        self.command.1.map(|at| at - from)
    }

    fn object_start(&self, text: &str, from: usize) -> Option<usize> {
        let skipped = self.no_object_before.saturating_sub(from).min(text.len());
        let places = text.get(skipped..)?.match_indices(['{', '[']);
        let mut starts = places.map(|(at, _)| skipped + at).map(|at| {
            let is_powershell =
                text[..at].ends_with('@') && at > skipped && text[at..].starts_with('{');
            at - usize::from(is_powershell)
        });
        let line = self.here();
        starts.find(|at| {
            let rest = &self.plain.text[from + at..self.stops[self.line].max(line.end)];
            object::may_start(rest)
        })
    }

    /// Opens nothing yet, but fills no exchange that was open.
    fn fresh(&mut self) {
        self.current = None;
        self.ends_block();
        self.is_env = false;
    }

    fn ends_block(&mut self) {
        if !matches!(self.block, Block::Connect) {
            self.block = Block::None;
        }
    }

    /// Returns the exchange that is being filled, a new one if there is none.
    fn shown(&mut self) -> &mut Shown {
        let index = self.current.unwrap_or_else(|| self.open());
        &mut self.out.shown[index]
    }

    fn open(&mut self) -> usize {
        let index = self.out.shown.len();
        self.out.shown.push(Shown {
            message: self.message,
            said: self.said,
            ..Shown::default()
        });
        self.current = Some(index);
        index
    }

    fn peek(&self) -> Option<&Shown> {
        self.current.map(|index| &self.out.shown[index])
    }

    // --- Requests.

    /// Reads a command, and returns where to go on; `None` if it is none.
    fn command(&mut self, from: usize, start: usize) -> Option<usize> {
        let (plain, line) = (self.plain, self.here());
        let text = &plain.text[from..line.end];
        let before = &text[..start];
        let shell = prompt(text.trim_start()).and_then(|(_, shell)| shell);
        let (whole, end, next_line) = self.logical(from + start);
        let command = Command::read(&whole, shell, self.shell, &self.variables)?;
        // A sentence that names a program and an address is no command.
        let is_typed = before.trim().is_empty()
            || before.trim_end().ends_with(['$', '|', '>', '%', '#'])
            || prompt(before.trim_start()).is_some();
        let is_bare = is_typed && whole.split_whitespace().count() <= 2;
        let is_sentence = !command.has_options && !is_bare && strength(text) != Strength::Client;
        if is_sentence {
            return None;
        }
        if prompt(before.trim_start()).is_none() {
            self.text(before, Role::Text);
        }
        self.out.has_commands = true;
        self.shell = Some(command.shell);
        self.out.shell = self.shell;
        self.ends_block();
        self.is_env = false;
        self.asks(command);
        self.line = next_line;
        self.no_object_before = self.no_object_before.max(end);
        Some(self.goes_to(end))
    }

    /// Returns a command with the lines that it goes on in, where it ends, and in which line.
    fn logical(&self, start: usize) -> (String, usize, usize) {
        /// The maximum number of lines, and of bytes, of a command.
        const MOST: (usize, usize) = (24, 6000);
        let plain = self.plain;
        let mut whole = String::new();
        let (mut line, mut from) = (self.line, start);
        loop {
            let mut end = plain.lines[line].end;
            let text = &plain.text[from..end];
            // The next command of the line is one of its own.
            if let Some(next) = command::next_start(text) {
                end = from + next;
                whole.push_str(&text[..next]);
                return (whole, end, line);
            }
            let room = MOST.1.saturating_sub(whole.len()).min(text.len());
            let cut = (0..=room)
                .rev()
                .find(|at| text.is_char_boundary(*at))
                .unwrap_or(0);
            whole.push_str(&text[..cut]);
            let next = plain.lines.get(line + 1).copied();
            let Some(next) = next.filter(|_| line - self.line < MOST.0 && cut == text.len()) else {
                return (whole, end, line);
            };
            let next_text = plain.text[next.start..next.end].trim_start();
            let is_same = self.out.messages.of_line[line + 1] == Some(self.message)
                && next.role == Role::Text;
            if is_fresh(next_text) {
                return (whole, end, line);
            }
            let goes_on = command::goes_on(&mut whole, next_text);
            if !is_same || next_text.is_empty() || !goes_on || command::start(next_text) == Some(0)
            {
                return (whole, end, line);
            }
            line += 1;
            from = next.start + (next.end - next.start - next_text.len());
        }
    }

    /// Takes a command's request: an echo of one that waits for its response, or a new one.
    fn asks(&mut self, command: Command) {
        let from = self.out.shown.len().saturating_sub(MAX_WAITING);
        let waiting = self.out.shown[from..]
            .iter()
            .rposition(Shown::is_answered)
            .map_or(from, |at| from + at + 1);
        let is_echo = |shown: &Shown| {
            let same = match (&shown.request.address, &command.request.address) {
                (Some(one), Some(other)) => one.is_same(other),
                (one, other) => one.is_none() && other.is_none() && shown.request.is_shown,
            };
            shown.message == self.message && same
        };
        let found = self.out.shown[waiting..]
            .iter()
            .position(is_echo)
            .map(|at| waiting + at);
        if let Some(index) = found {
            self.current = Some(index);
            let own = &mut self.out.shown[index].request;
            own.is_hidden |= command.request.is_hidden;
            if own.credential.is_none() {
                own.credential = command.request.credential;
            }
            return;
        }
        let is_open = self.peek().is_some_and(|shown| {
            !shown.is_answered() && shown.request.address.is_none() && !shown.request.is_shown
        });
        if !is_open {
            self.open();
        }
        let said = self.said;
        let shown = self.shown();
        shown.said = said;
        shown.request = command.request;
    }

    /// Takes an address that stands apart from a command.
    fn asked(&mut self, address: Address, method: Option<&str>, is_start: bool, is_alone: bool) {
        if let Some(shown) = self.peek() {
            let is_answered = shown.is_answered();
            match &shown.request.address {
                None if !(is_start && is_answered) => {}
                Some(own) if own.is_same(&address) || address.is_start_of(own) => {
                    if !(is_start && is_answered) {
                        if let Some(method) = method {
                            self.shown().request.method = Some(method.to_owned());
                        }
                        return;
                    }
                    self.open();
                }
                Some(own) if own.is_start_of(&address) && !is_answered => {}
                _ => {
                    self.open();
                }
            }
        }
        let request = &mut self.shown().request;
        request.address = Some(address);
        request.is_alone = is_alone && !request.is_shown;
        request.is_shown |= !is_alone;
        if let Some(method) = method {
            request.method = Some(method.to_owned());
        }
    }

    /// Takes a credential: of the exchange that is being filled, or of what follows.
    fn has_credential(&mut self, judged: Judged) {
        let block = self.block;
        if let Some(index) = self.current {
            let shown = &mut self.out.shown[index];
            let is_open = shown.request.credential.is_none() || block == Block::Request;
            if is_open && (shown.request.address.is_some() || shown.is_answered()) {
                shown.request.credential = Some(judged);
                return;
            }
        }
        self.loose.insert(self.message, judged);
    }

    // --- Responses.

    fn status(&mut self, status: u16, version: Option<&'static str>) {
        if !(200..600).contains(&status) {
            return;
        }
        if status == 407 {
            return self.fault("proxy_login");
        }
        let is_new = self
            .peek()
            .is_some_and(|shown| match (shown.status, shown.fault) {
                (Some(own), _) if own == status => false,
                (Some(300..=399), _) | (None, Some(_)) => false,
                (Some(_), _) => true,
                (None, None) => shown
                    .body
                    .as_ref()
                    .and_then(Body::status)
                    .is_some_and(|own| own != status && version.is_some()),
            });
        if is_new {
            // The same request is not answered twice.
            self.open();
        }
        let shown = self.shown();
        if matches!(shown.status, Some(own) if own != status) || shown.fault.is_some() {
            // A redirect was followed, or the client tried again.
            (shown.headers, shown.body, shown.fault) = Default::default();
        }
        shown.status = Some(status);
        if version.is_some() {
            shown.http_version = version;
        }
    }

    fn fault(&mut self, name: &'static str) {
        if self.peek().is_some_and(|shown| {
            let is_broken = matches!(
                shown.body,
                Some(Body::Object {
                    is_whole: false,
                    ..
                }) | None
            ) && matches!(name, "closed" | "timeout")
                && shown.status.is_none_or(|status| status == 200);
            shown.is_answered() && shown.fault.is_none() && !is_broken
        }) {
            return;
        }
        let shown = self.shown();
        if shown.fault.is_none() {
            shown.fault = Some(name);
        }
    }

    fn misread(&mut self, mistake: Mistake) {
        let shown = self.shown();
        shown.misread = Some(mistake);
    }

    fn body(&mut self, body: Body) {
        if let (
            Some(Body::Object {
                value: Value::Array(items),
                is_filtered: true,
                ..
            }),
            Body::Object {
                value: Value::Array(more),
                is_filtered: true,
                ..
            },
        ) = (
            self.current
                .and_then(|index| self.out.shown[index].body.as_mut()),
            &body,
        ) {
            items.extend(more.iter().cloned());
            return;
        }
        if self.peek().is_some_and(|shown| {
            let is_cut = matches!(
                shown.body,
                Some(Body::Object {
                    is_whole: false,
                    ..
                })
            );
            let is_same = match (&shown.body, &body) {
                (Some(Body::Object { json: a, .. }), Body::Object { json: b, .. }) => {
                    a == b || a.starts_with(b.trim_end_matches(['}', ']']))
                }
                (Some(Body::Word(_)), _) => true,
                _ => false,
            };
            shown.body.is_some()
                && is_same
                && (is_cut || shown.status.is_some())
                && shown.request.is_shown
        }) {
            // Said once more, such as PowerShell's Content and RawContent.
            return;
        }
        let is_new = self.peek().is_some_and(|shown| {
            let contradicts = match (shown.status, body.status()) {
                (Some(own), Some(other)) => own != other,
                _ => false,
            };
            shown.body.is_some()
                || shown.fault.is_some()
                || contradicts
                    && shown.http_version.is_none()
                    && shown.headers.is_empty()
                    && !shown.request.is_shown
        });
        if is_new {
            self.open();
        }
        self.fills(&body);
        self.shown().body = Some(body);
        self.ends_block();
    }

    /// Goes back to the last response if a body that belongs to no request can be its own, as a
    /// shell shows it afterwards.
    fn fills(&mut self, body: &Body) {
        let is_free = self.peek().is_none_or(|shown| {
            !shown.is_answered() && shown.request.address.is_none() && shown.hint.is_none()
        });
        let from = self.out.shown.len().saturating_sub(MAX_WAITING);
        let last = self.out.shown[from..]
            .iter()
            .rposition(Shown::is_answered)
            .map(|at| from + at);
        let (Some(status), Some(last), true) = (body.status(), last, is_free) else {
            return;
        };
        let shown = &self.out.shown[last];
        if shown.message == self.message && shown.status == Some(status) && shown.body.is_none() {
            self.current = Some(last);
        }
    }

    /// Reads an object, and returns where to go on.
    fn object(&mut self, start: usize) -> usize {
        let plain = self.plain;
        let line = self.here();
        let stop = self.stops[self.line].max(line.end);
        let before = lower(window_before(&plain.text[line.start..start])).into_owned();
        let Some(found) = object::read(&plain.text[start..stop]) else {
            self.no_object_before = start + 1;
            return start;
        };
        let end = start + found.end;
        let value: Value = serde_json::from_str(&found.json).unwrap_or(Value::Null);
        let is_request = [
            "header", "-d ", "--data", "--json", "-body", "config", "options", "payload", "params",
        ]
        .iter()
        .any(|name| {
            before
                .trim_end_matches(|c: char| " :=([@".contains(c))
                .ends_with(name.trim())
        });
        // Any JSON at the start of a line is a response; in code, what looks like one.
        let is_any = plain.text[start + 1..end]
            .trim_start()
            .starts_with(['"', '}'])
            && before.trim().bytes().all(|b| b.is_ascii_digit());
        if !is_request && let Some(body) = as_body(&found, &value, is_any) {
            self.no_object_before = end;
            self.body(body);
            return self.goes_to(end);
        }
        // It is read as text, once; a body may be inside.
        self.no_object_before = end.max(start + 1);
        if found.is_closed && found.json.contains("\"status") && !is_request && self.walk(&value, 0)
        {
            return self.goes_to(end);
        }
        let inner = inner_body(&value, 0);
        if inner.is_none() && end <= line.end {
            return start;
        }
        let mut from = start;
        while self.line < plain.lines.len() && self.here().start < end {
            let line = self.here();
            let from_here = from.max(line.start);
            let to = line.end.min(end);
            if command::start(&plain.text[from_here..line.end]).is_none() || from_here > start {
                self.text(&plain.text[from_here..to.max(from_here)], line.role);
            }
            if line.end >= end {
                break;
            }
            self.line += 1;
            from = 0;
        }
        if let Some((inner, json)) = inner {
            let found = Found { json, ..found };
            if let Some(body) = as_body(&found, &inner, true) {
                self.body(body);
            }
        }
        let next = self.goes_to(end);
        if next == start {
            self.no_object_before = start + 1;
        }
        next.max(end)
    }

    /// Reads an object that tells of requests and responses, as logs and archives do, and tells
    /// whether it does.
    #[expect(clippy::too_many_lines, reason = "one row a kind of member")]
    fn walk(&mut self, value: &Value, depth: usize) -> bool {
        const DEEPEST: usize = 12;
        if depth > DEEPEST {
            return false;
        }
        let found = |value: &Value| Found {
            json: value.to_string(),
            end: 0,
            is_closed: true,
            is_elided: false,
        };
        let members = match value {
            Value::Array(items) => {
                let walked = items.iter().map(|item| self.walk(item, depth + 1));
                return walked.fold(false, |any, one| any | one);
            }
            Value::Object(members) => members,
            _ => return false,
        };
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        if let (Some(name), Some(own)) = (text("name"), text("value")) {
            if name.eq_ignore_ascii_case("authorization") {
                let judged = request::judge_value(own, None, None, &self.variables);
                self.has_credential(judged);
            }
            return false;
        }
        if depth > 0
            && let Some(body) = as_body(&found(value), value, false)
        {
            self.body(body);
            return true;
        }
        let method = ["method", "verb", "http_method"]
            .iter()
            .find_map(|name| text(name));
        let mut any = false;
        for (name, own) in members {
            let name = name.to_ascii_lowercase();
            let is_status = words::section("status key").contains(&name.as_str());
            match own {
                Value::String(own) if words::section("address key").contains(&name.as_str()) => {
                    match Address::read(own, true) {
                        Some(address) if own.contains("://") && address.is_of_api() => {
                            self.asked(address, method, true, false);
                        }
                        _ if own.starts_with('/') && own.contains("/apps") => {
                            self.asked_path(method.unwrap_or("GET"), own, true);
                        }
                        _ => {}
                    }
                }
                Value::String(own) if name == "authorization" => {
                    let judged = request::judge_value(own, None, None, &self.variables);
                    self.has_credential(judged);
                }
                Value::String(own) if is_status && own.len() == 3 => {
                    if let Ok(status) = own.parse() {
                        self.status(status, None);
                        any = true;
                    }
                }
                Value::Number(own) if is_status => {
                    let status = own.as_u64().and_then(|own| u16::try_from(own).ok());
                    if let Some(status) = status.filter(|status| (200..600).contains(status)) {
                        self.status(status, None);
                        any = true;
                    }
                }
                Value::String(own)
                    if own.trim_start().starts_with('<')
                        && self.peek().is_some_and(|shown| shown.body.is_none()) =>
                {
                    self.body(Body::Page(own.clone()));
                }
                Value::String(own) if own.trim_start().starts_with(['{', '[']) => {
                    let inner = object::read(own.trim_start());
                    let value = inner
                        .as_ref()
                        .and_then(|inner| serde_json::from_str(&inner.json).ok());
                    if let (Some(inner), Some(value)) = (inner, value)
                        && let Some(body) = as_body(&inner, &value, false)
                    {
                        self.body(body);
                        any = true;
                    }
                }
                Value::Object(_) | Value::Array(_) => any |= self.walk(own, depth + 1),
                _ => {}
            }
        }
        any
    }

    // --- Text.

    /// Reads a piece of a line in which no command and no object stands.
    fn text(&mut self, text: &str, role: Role) {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            if matches!(
                self.block,
                Block::Request | Block::Response | Block::Connected
            ) {
                self.block = Block::None;
            }
            return;
        }
        let trimmed = match prompt(trimmed) {
            Some((end, shell)) => {
                self.fresh();
                if shell.is_some() {
                    self.shell = shell;
                    self.out.shell = shell;
                }
                &trimmed[end..]
            }
            None => trimmed,
        };
        // What the client says that it repeats.
        if trimmed.starts_with("+ ") || trimmed.starts_with("~~~") {
            return;
        }
        let mut end = trimmed.len().min(2048);
        while !trimmed.is_char_boundary(end) {
            end -= 1;
        }
        let window = &trimmed[..end];
        let lowered = lower(window).into_owned();
        if self.status_line(window) || self.request_line(window) || self.header(window, role) {
            return;
        }
        self.variable(window);
        if self.page(trimmed) {
            return;
        }
        self.section(&lowered);
        let how = strength(window);
        self.says(&lowered, how);
        self.credential(window, &lowered);
        let is_behind = self
            .peek()
            .is_some_and(|shown| shown.request.is_shown && !shown.is_answered());
        if is_behind && how == Strength::Client {
            *self.out.unread.entry(self.message).or_default() += 1;
        }
        let step = words::step(&lowered).filter(|_| how != Strength::Example || lowered.len() < 40);
        if let Some(step) = step
            && lowered.len() < 160
        {
            self.names_step(step, how, &lowered);
        }
        self.addresses(window, &lowered, how);
        if !self.errors(window, &lowered, how) {
            self.statuses(window, &lowered, how, step);
        }
        if let Some(status) = words::status_named(&lowered)
            && role == Role::Text
            && matches!(status, 401 | 403 | 404)
            && self.peek().is_some_and(|shown| {
                shown.request.is_shown && shown.body.is_none() && shown.fault.is_none()
            })
            && !window.contains(|c: char| c.is_ascii_digit())
        {
            self.body(Body::Word(status));
        }
    }

    /// Reads a line such as `HTTP/2 401`, wherever it stands.
    fn status_line(&mut self, text: &str) -> bool {
        static LINE: LazyLock<Regex> = LazyLock::new(|| {
            super::regex(r"HTTP/(1\.0|1\.1|2|2\.0|3|3\.0)\x22?\s+(\d{3})(?:\s|$|\W)")
        });
        if !text.contains("HTTP/") {
            return false;
        }
        let Some(found) = LINE.captures(text) else {
            return false;
        };
        let before = &text[..found.get(0).map_or(0, |found| found.start())];
        let status: u16 = found[2].parse().unwrap_or(0);
        let version = match &found[1] {
            "1.0" => "HTTP/1.0",
            "1.1" => "HTTP/1.1",
            "2" | "2.0" => "HTTP/2",
            _ => "HTTP/3",
        };
        let lowered = lower(text).into_owned();
        let how = strength(text);
        if !before.is_empty() && how != Strength::Client {
            if how == Strength::Prose {
                self.out
                    .told
                    .push((self.message, words::step(&lowered), status));
            }
            return true;
        }
        if let Some(step) = words::step(&lower(before)) {
            self.names_step(step, how, &lower(before));
        }
        // As access logs have it: the request stands in front.
        if before.contains('"') || before.contains(' ') {
            self.request_in(before);
        }
        let is_connection = lowered.contains("connection established")
            || self.block == Block::Connect && status == 200;
        if is_connection || (100..200).contains(&status) {
            self.block = if is_connection {
                Block::Connected
            } else {
                Block::Response
            };
            return true;
        }
        if self.block == Block::Connect && status != 407 {
            self.fault("proxy_refused");
            return true;
        }
        self.status(status, Some(version));
        self.block = Block::Response;
        true
    }

    /// Reads a line such as `GET /v0.1/apps?limit=1 HTTP/2`.
    fn request_line(&mut self, text: &str) -> bool {
        static LINE: LazyLock<Regex> =
            LazyLock::new(|| super::regex(r"^([A-Z]{3,7}) (\S{1,2000}) HTTP/[\d.]{1,3}\x22?$"));
        let Some(found) = LINE.captures(text) else {
            return false;
        };
        if &found[1] == "CONNECT" {
            self.block = Block::Connect;
            return true;
        }
        let (method, target) = (found[1].to_owned(), found[2].to_owned());
        self.asked_path(&method, &target, true);
        self.block = Block::Request;
        let request = &mut self.shown().request;
        request.is_whole = true;
        request.headers = 0;
        true
    }

    /// Looks for a method and a path in the front of a line.
    fn request_in(&mut self, text: &str) {
        static PATH: LazyLock<Regex> = LazyLock::new(|| {
            super::regex(
                r"(?:^|[\s\x22'\[(>])(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)[\s:]+(/\S{0,2000})",
            )
        });
        if let Some(found) = PATH.captures(text) {
            let target = found[2]
                .trim_end_matches(['"', ':', ',', ')', '\''])
                .to_owned();
            self.asked_path(&found[1], &target, true);
        }
    }

    /// Looks for a path that stands under a name for addresses, as in a client's options.
    fn relative_in(&mut self, text: &str) {
        static PATH: LazyLock<Regex> = LazyLock::new(|| {
            super::regex(
                r#"(?i)(?:^|[\s"'{,])(?:url|uri|path|endpoint)["']?\s{0,4}[:=]\s{0,4}["'`]?(/(?:v0\.1/)?apps[^\s"'`,)]{0,400})"#,
            )
        });
        if let Some(found) = PATH.captures(text) {
            let target = found[1].to_owned();
            self.asked_path("GET", &target, false);
        }
    }

    fn asked_path(&mut self, method: &str, target: &str, is_start: bool) {
        let known = self.peek().and_then(|shown| shown.request.address.clone());
        // Bitrise's own client leaves the version out of what it prints.
        let path =
            if target == "/apps" || target.starts_with("/apps?") || target.starts_with("/apps/") {
                format!("/v0.1{target}")
            } else {
                target.to_owned()
            };
        let is_whole = target.contains("://");
        let text = if is_whole {
            path
        } else {
            format!("https://api.bitrise.io{path}")
        };
        let Some(address) = Address::read(&text, true) else {
            return;
        };
        // The command says more of the address than its log.
        let is_known = known.is_some_and(|known| {
            known
                .shown
                .split_once("//")
                .and_then(|(_, rest)| rest.find('/').map(|at| rest[at..].to_owned()))
                .is_some_and(|own| {
                    address
                        .shown
                        .ends_with(own.split('?').next().unwrap_or_default())
                        || own.split('?').next()
                            == address
                                .shown
                                .strip_prefix("https://api.bitrise.io")
                                .and_then(|path| path.split('?').next())
                })
        });
        if is_known && !self.peek().is_some_and(Shown::is_answered) {
            let request = &mut self.shown().request;
            request.method = Some(method.to_owned());
            request.is_shown = true;
            return;
        }
        self.asked(address, Some(method), is_start, false);
    }

    /// Takes a line of headers, and tells whether it was one.
    fn header(&mut self, text: &str, role: Role) -> bool {
        let block = match role {
            Role::Sent => Block::Request,
            Role::Received if self.block != Block::Connected => Block::Response,
            _ => self.block,
        };
        if !matches!(
            block,
            Block::Request | Block::Response | Block::Connected | Block::Connect
        ) || role == Role::Note
        {
            return role == Role::Note && self.note(text);
        }
        if !Lexicon::is_header(text) || matches!(block, Block::Connect) {
            if matches!(block, Block::Connect) && Lexicon::is_header(text) {
                return true;
            }
            if role == Role::Text && !text.starts_with([' ', '\t']) && block != Block::Connect {
                self.block = Block::None;
            }
            return false;
        }
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        let (name, value) = (name.to_ascii_lowercase(), value.trim().trim_matches('"'));
        match block {
            Block::Request => self.request_header(&name, value),
            Block::Response => {
                if name == "date" {
                    let message = self.message;
                    self.out.messages.answered_at(message, value);
                }
                let shown = self.shown();
                if shown.headers.len() < MAX_HEADERS {
                    shown.headers.push((name, value.to_owned()));
                }
            }
            _ => {}
        }
        true
    }

    /// Reads a note of curl's, which says little that is not said elsewhere.
    fn note(&mut self, text: &str) -> bool {
        let lowered = lower(text).into_owned();
        if lowered.contains("authorization:") {
            self.credential(text, &lowered);
        }
        if lowered.contains("preparing request to ") || lowered.contains("opened stream for ") {
            self.addresses(text, &lowered, Strength::Client);
        }
        let is_fault =
            lowered.contains("connect tunnel failed") || lowered.contains("could not resolve");
        if is_fault {
            self.errors(text, &lowered, Strength::Client);
        }
        true
    }

    fn request_header(&mut self, name: &str, value: &str) {
        self.shown().request.headers += 1;
        match name {
            "authorization" => {
                let judged = request::judge_value(value, None, None, &self.variables);
                self.shown().request.credential = Some(judged);
            }
            "x-api-key"
            | "api-key"
            | "x-auth-token"
            | "private-token"
            | "x-access-token"
            | "bitrise-addon-auth-token"
            | "x-api-token"
            | "token"
            | "apikey" => {
                self.shown().request.mistakes.push(Mistake::OtherHeader);
            }
            "host" => {
                let address = self.peek().and_then(|shown| shown.request.address.clone());
                if let Some(address) = address
                    && value.len() < 300
                    && let Some((_, path)) = address.shown.split_once("://api.bitrise.io")
                    && !value
                        .trim_end_matches(":443")
                        .eq_ignore_ascii_case("api.bitrise.io")
                    && let Some(other) = Address::read(
                        &format!(
                            "{}://{value}{path}",
                            if value.starts_with("127.") || value.starts_with("localhost") {
                                "http"
                            } else {
                                "https"
                            }
                        ),
                        true,
                    )
                {
                    self.shown().request.address = Some(other);
                }
            }
            _ => {}
        }
    }

    /// Notices which part of a request or a response follows, as tools name it.
    fn section(&mut self, lowered: &str) {
        let name = lowered.trim_matches(|c: char| !c.is_alphabetic());
        match name {
            "request headers" | "request" | "request header" => self.block = Block::Request,
            "response headers" | "response" | "response header" => self.block = Block::Response,
            "env" => self.is_env = true,
            _ => {}
        }
    }

    /// Takes the statuses of a row of a table, which tells of several requests: nobody can say for
    /// certain which cell is of which.
    fn tells(&mut self, text: &str) {
        let lowered = lower(text).into_owned();
        let step = words::step(&lowered);
        for (at, digits) in numbers(text) {
            let Ok(status) = digits.parse::<u16>() else {
                continue;
            };
            let is_line = lowered.get(..at).is_some_and(|before| {
                let before = before.trim_end();
                before.ends_with("http/2") || before.ends_with("http/1.1")
            });
            if is_line || sign_of(status, &text[..at], &text[at + 3..]).is_some() {
                self.out.told.push((self.message, step, status));
            }
        }
    }

    /// Takes what a variable was set to.
    fn variable(&mut self, text: &str) {
        static SET: LazyLock<Regex> = LazyLock::new(|| {
            super::regex(
                r"^(?:export\s+|set\s+|setx\s+|\$env:|\$|const\s+|let\s+|var\s+|-\s+)?\x22?([A-Za-z_][A-Za-z0-9_]{0,60})\s?(=|:| \x22)\s{0,4}(.*)$",
            )
        });
        let Some(found) = SET.captures(text) else {
            return;
        };
        let (name, value) = (found[1].to_owned(), found[3].trim().to_owned());
        let lowered = name.to_ascii_lowercase();
        let is_token = ["token", "pat", "bitrise", "api_key", "apikey", "auth"]
            .iter()
            .any(|part| lowered.contains(part))
            || lowered == "t"
            || value.starts_with("bitwat_")
            || value.starts_with("bitpat_");
        let is_setting = &found[2] == "=" || self.is_env || text.starts_with("setx");
        if !is_token || !is_setting || lowered == "authorization" {
            return;
        }
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let value = value.trim_matches(|c: char| matches!(c, '"' | '\'' | ';'));
        if value.contains(' ') && !value.contains("${{") {
            return;
        }
        let judged = if value.is_empty() {
            (Credential::Named(name.clone()), Some(Mistake::EmptyToken))
        } else if value.starts_with("${{") || value.starts_with('$') {
            (Credential::Named(name.clone()), None)
        } else {
            request::judge_value(value, quote, Some(Shell::Posix), &Variables::new())
        };
        self.variables.insert(name, judged);
    }

    /// Looks for a credential in a line: a header's in code, in a command, or as a tool shows it.
    fn credential(&mut self, text: &str, lowered: &str) {
        if self.block == Block::Request
            && let Some((name, _)) = text.split_once(':')
            && !name.contains(' ')
        {
            let others = [
                "x-api-key",
                "api-key",
                "x-auth-token",
                "private-token",
                "x-access-token",
            ];
            let name = name.trim_matches(['"', '\'', ' ']).to_ascii_lowercase();
            if others.contains(&name.as_str()) {
                self.shown().request.mistakes.push(Mistake::OtherHeader);
                return;
            }
        }
        if !lowered.contains("authorization") {
            return;
        }
        if let Some((value, quote)) = command::authorization(text) {
            // Behind a key in quotes, a bare name is a variable's.
            let is_key = ["authorization'", "authorization\""]
                .iter()
                .any(|key| lowered.contains(key));
            let is_name = value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && value
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"_.".contains(&b));
            if quote.is_none() && is_key && is_name && !value.starts_with("bit") {
                let named = Credential::Named(value);
                return self.has_credential(named.resolved(&self.variables));
            }
            // Code and logs show what was sent; a string of Python's or JavaScript's, its parts.
            let judged =
                request::judge_value(&value, quote.filter(|_| false), None, &self.variables);
            // PowerShell's variables are read where they stand.
            let judged = match (judged, self.shell) {
                ((credential, Some(Mistake::TokenVariable)), _) if self.block != Block::Request => {
                    (
                        credential.resolved(&self.variables).0,
                        credential.resolved(&self.variables).1,
                    )
                }
                (judged, _) => judged,
            };
            self.has_credential(judged);
        }
    }

    /// Notices what a sentence says of tokens, of DX and of builds.
    fn says(&mut self, lowered: &str, how: Strength) {
        if how != Strength::Example
            && !lowered.starts_with('|')
            && let Some(code) = words::dx_code(lowered)
        {
            self.out.dx.push((self.message, code));
        }
        if lowered.len() < 400 && !lowered.contains("://") {
            let is_of_dx = words::has_word("in dx", lowered);
            let is_new = words::has_word("new token", lowered);
            let is_old = words::has_word("old token", lowered);
            if is_of_dx || is_new || is_old {
                self.said = Said {
                    is_in_dx: is_of_dx,
                    is_new: is_new && (!is_old || self.said.is_new),
                };
            } else if words::has_word("person", lowered) {
                self.said.is_in_dx = false;
            }
        }
        self.out.has_builds |= lowered.contains("builds") || lowered.contains("/pipelines");
    }

    /// Takes words that name a step: what follows belongs to it.
    fn names_step(&mut self, step: CheckId, how: Strength, lowered: &str) {
        let is_title = lowered.len() < 100 || how == Strength::Client;
        if !is_title {
            return;
        }
        let is_open = self.peek().is_some_and(|shown| {
            !shown.is_answered() && !shown.request.is_shown && shown.hint.is_some()
        });
        self.ends_block();
        if is_open {
            self.shown().hint = Some(step);
            return;
        }
        self.current = None;
        self.open();
        self.shown().hint = Some(step);
    }

    /// Looks for addresses in a line.
    #[expect(
        clippy::too_many_lines,
        reason = "what tells requests from mentions, in one place"
    )]
    fn addresses(&mut self, text: &str, lowered: &str, how: Strength) {
        /// The maximum number of addresses that are read of a line.
        const MOST: usize = 8;
        static METHOD: LazyLock<Regex> = LazyLock::new(|| {
            super::regex(
                r"(?:^|[\s\x22'`(\[▼▶>])(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)[\s:\x22']{1,3}$",
            )
        });
        if !lowered.contains("://") && !lowered.contains("api.bitrise.io/") {
            if how != Strength::Example && lowered.contains("/apps") {
                self.request_in(text);
                self.relative_in(text);
            }
            return;
        }
        let mut from = 0;
        for _ in 0..MOST {
            let Some((at, end)) = command::address_at(text, from) else {
                return;
            };
            from = end;
            let Some(address) = Address::read(&text[at..end], true) else {
                continue;
            };
            let mut start = at.saturating_sub(60);
            while !text.is_char_boundary(start) {
                start += 1;
            }
            let before = &text[start..at];
            let lead = lower(before).into_owned();
            let name = lead.trim_end_matches(|c: char| " :='\"`([<".contains(c));
            let is_other = [
                "referer",
                "referrer",
                "origin",
                "location",
                "documentation_url",
                "docs",
                "see",
                "link",
                "redirect",
            ]
            .iter()
            .any(|header| name.ends_with(header));
            let method = METHOD.captures(before).map(|found| found[1].to_owned());
            let is_call = lead
                .trim_end_matches(['"', '\'', '`', 'f', 'u', 'r', 'b', ' '])
                .ends_with('(');
            let is_named = [
                "url",
                "uri",
                "requesturi",
                "request to",
                "requesting",
                "fetching",
                "calling",
                "for",
                "get",
                "stream",
                "endpoint",
                "href",
            ]
            .iter()
            .any(|word| name.ends_with(word));
            let is_wget = text.starts_with("--2") || text[..at].trim_end().ends_with("--");
            let is_base = address.is_base() && method.is_none();
            if is_other
                || is_base
                || !(address.is_of_api() || method.is_some() && how == Strength::Client)
            {
                continue;
            }
            let is_start = method.is_some() || is_call || is_wget || at == 0;
            let is_alone =
                method.is_none() && !is_call && !is_named && !is_wget && self.block == Block::None;
            let is_quoted = how != Strength::Client && method.is_none() && !is_named;
            if is_quoted
                && self
                    .peek()
                    .is_some_and(|shown| shown.request.address.is_some())
            {
                continue;
            }
            self.asked(address, method.as_deref(), is_start && !is_quoted, is_alone);
        }
    }

    /// Looks for the errors of clients, shells and filters, and tells whether there was one.
    fn errors(&mut self, text: &str, lowered: &str, how: Strength) -> bool {
        if let Some(error) = command::curl_error(text, lowered) {
            match error {
                command::CurlError::Fault(name) => self.fault(name),
                command::CurlError::Misread => self.misread(Mistake::Quotes),
                command::CurlError::Status(status) => {
                    if how == Strength::Example {
                        return true;
                    }
                    self.status(status, None);
                    self.shown().request.is_hidden = true;
                }
                command::CurlError::Nothing => {}
            }
            return true;
        }
        if how == Strength::Example {
            return false;
        }
        if words::says("mistake powershell_alias", lowered) {
            self.misread(Mistake::PowerShellAlias);
            return true;
        }
        if words::says("filter error", lowered) {
            let index = self.current;
            let is_open = self.peek().is_some_and(|shown| !shown.is_answered());
            if is_open || index.is_none() {
                self.shown().is_filter_broken = true;
            }
            return true;
        }
        if words::says("shell error", lowered) && how != Strength::Prose {
            let mistake = words::says("mistake quotes", lowered);
            self.out.shell_errors.push(self.message);
            if mistake || self.shell == Some(Shell::Cmd) {
                self.misread(Mistake::Quotes);
            }
            return true;
        }
        let is_said = words::says("client", lowered) || how == Strength::Client;
        if is_said
            && how != Strength::Prose
            && let Some(name) = words::kind_of("fault", lowered)
        {
            self.fault(name);
            return true;
        }
        false
    }

    /// Looks for statuses in a line, in whichever notation.
    fn statuses(&mut self, text: &str, lowered: &str, how: Strength, step: Option<CheckId>) {
        let is_alone = text.len() == 3
            || text.split_whitespace().nth(1).is_some_and(|word| {
                word == "ms" || word == "·" || word.starts_with(|c: char| c.is_ascii_digit())
            });
        for (at, digits) in numbers(text) {
            let Ok(status) = digits.parse::<u16>() else {
                continue;
            };
            let (before, behind) = (&text[..at], &text[at + 3..]);
            let is_first = at == 0 && is_alone;
            let wait = self.peek().is_some_and(|shown| {
                shown.status.is_none()
                    && shown.fault.is_none()
                    && (shown.request.address.is_some() || shown.body.is_some())
            });
            let sign = sign_of(status, before, behind);
            let Some(is_strong) = sign.or((is_first && wait).then_some(true)) else {
                continue;
            };
            let how = match how {
                Strength::Prose if is_strong => Strength::Client,
                how => how,
            };
            match how {
                Strength::Example => {}
                Strength::Prose => self.out.told.push((self.message, step, status)),
                Strength::Client => {
                    if lowered.contains("proxy") && status == 407 {
                        self.fault("proxy_login");
                    } else {
                        self.status(status, None);
                    }
                }
            }
        }
    }

    /// Reads a page of markup.
    fn page(&mut self, text: &str) -> bool {
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
        let (plain, stop) = (self.plain, self.stops[self.line]);
        let mut page = String::new();
        loop {
            let line = self.here();
            if page.len() < crate::responder::TITLE_WITHIN {
                page.push_str(&plain.text[line.start..line.end]);
                page.push('\n');
            }
            let ends = plain.text[line.start..line.end]
                .to_ascii_lowercase()
                .contains("</html>");
            let next = plain.lines.get(self.line + 1);
            if ends || next.is_none_or(|next| next.start >= stop) {
                break;
            }
            self.line += 1;
        }
        let is_open = self.peek().is_some_and(|shown| shown.body.is_none());
        if !is_open && self.current.is_some() {
            self.current = None;
        }
        self.body(Body::Page(page));
        true
    }

    /// Reads a table as PowerShell prints an object.
    fn table_row(&mut self, text: &str) {
        let is_rule = text.len() > 2
            && text
                .split_whitespace()
                .all(|word| word.len() > 2 && word.bytes().all(|b| b == b'-'));
        if is_rule && self.line > 0 {
            let before = self.plain.lines[self.line - 1];
            let head = &self.plain.text[before.start..before.end];
            self.table = columns(head);
            return;
        }
        if self.table.is_empty() || text.trim().is_empty() {
            self.table.clear();
            return;
        }
        let names = std::mem::take(&mut self.table);
        let cell = |name: &str| {
            let at = names
                .iter()
                .position(|(_, own)| own.eq_ignore_ascii_case(name))?;
            let byte = |column: usize| {
                text.char_indices()
                    .nth(column)
                    .map_or(text.len(), |(at, _)| at)
            };
            let start = byte(names[at].0);
            let end = names
                .get(at + 1)
                .map_or(text.len(), |(next, _)| byte(*next));
            Some(text.get(start..end)?.trim().to_owned())
        };
        if let Some(message) = cell("message") {
            let json = serde_json::json!({ "message": message });
            self.no_object_before = self.here().end;
            self.body(Body::Object {
                json: json.to_string(),
                value: json,
                is_whole: true,
                is_filtered: false,
            });
        } else if let Some(data) = cell("data") {
            self.no_object_before = self.here().end;
            let list = |text: &str| {
                let found = object::read(text)
                    .filter(|_| object::may_start(text) || text.starts_with("{@"));
                found.map(|found| (found.json.clone(), found.is_closed && !found.is_elided))
            };
            let (data, is_whole) = if data == "{}" {
                ("[]".to_owned(), true)
            } else {
                list(&data).unwrap_or(("[]".to_owned(), false))
            };
            let paging = cell("paging")
                .and_then(|cell| list(&cell))
                .map_or("{}".to_owned(), |(json, _)| json);
            let json = format!("{{\"data\":{data},\"paging\":{paging}}}");
            if let Ok(value) = serde_json::from_str(&json) {
                self.body(Body::Object {
                    json,
                    value,
                    is_whole,
                    is_filtered: false,
                });
            }
        }
    }

    fn finish(mut self) -> Reading {
        for shown in &mut self.out.shown {
            let request = &mut shown.request;
            let needs = request.credential.is_none() && !request.is_whole
                || request.headers > 0 && request.credential.is_none() && request.headers < 2;
            let is_named = matches!(&request.credential, Some((Credential::Named(_), None)));
            if is_named && let Some((Credential::Named(name), _)) = &request.credential {
                if let Some(known) = self.variables.get(name) {
                    request.credential = Some(known.clone());
                }
            } else if needs && let Some(loose) = self.loose.get(&shown.message) {
                request.credential = Some(match loose {
                    (Credential::Named(name), None) => {
                        self.variables.get(name).cloned().unwrap_or(loose.clone())
                    }
                    _ => loose.clone(),
                });
            }
        }
        self.pair();
        self.out
    }

    /// Gives requests that stand first their responses: in their order, if there are as many of
    /// both; if not, nobody knows which is whose.
    fn pair(&mut self) {
        let shown = &mut self.out.shown;
        let mut start = 0;
        while start < shown.len() {
            let is_waiting = |shown: &Shown| {
                !shown.is_answered() && shown.request.is_shown && !shown.request.is_hidden
            };
            let message = shown[start].message;
            let waiting = shown[start..]
                .iter()
                .take_while(|one| is_waiting(one) && one.message == message)
                .count();
            let last = start + waiting;
            let is_run = waiting > 0
                && shown.get(last).is_some_and(|one| {
                    one.is_answered() && one.request.is_shown && one.message == message
                });
            if !is_run {
                start = last.max(start + 1);
                continue;
            }
            let further = shown[last + 1..]
                .iter()
                .take_while(|one| {
                    one.is_answered()
                        && !one.request.is_shown
                        && one.request.address.is_none()
                        && one.hint.is_none()
                        && one.message == message
                })
                .count();
            let answers: Vec<Shown> = shown[last..=last + further].to_vec();
            if further == waiting {
                for (index, answer) in answers.into_iter().enumerate() {
                    let request = shown[start + index].request.clone();
                    shown[start + index] = Shown { request, ..answer };
                }
                shown.drain(last + 1..=last + further);
            } else if further > 0 || waiting > 0 {
                let request = std::mem::take(&mut shown[last].request);
                // The request stays, without an answer.
                let mut alone = Shown {
                    message,
                    request,
                    ..Shown::default()
                };
                alone.request.is_shown = true;
                shown.insert(last, alone);
            }
            start = last + 1;
        }
    }
}

impl Shown {
    /// Tells whether anything is shown of what came back.
    pub(super) fn is_answered(&self) -> bool {
        self.status.is_some()
            || self.body.is_some()
            || self.fault.is_some()
            || self.misread.is_some()
            || self.is_filter_broken
    }
}

impl Credential {
    fn resolved(&self, variables: &Variables) -> Judged {
        match self {
            Self::Named(name) => variables.get(name).cloned().unwrap_or((self.clone(), None)),
            _ => (self.clone(), None),
        }
    }
}

impl Body {
    /// Returns the status that the body's own words stand for.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Object { value, .. } => {
                let names = ["message", "error_msg", "error", "error_message"];
                let words = names.iter().find_map(|name| value.get(name)?.as_str());
                words.and_then(|words| words::status_named(&lower(words)))
            }
            Self::Word(status) => Some(*status),
            Self::Page(page) => {
                let title = crate::responder::title(page.as_bytes())?;
                let number = title
                    .get(..3)
                    .and_then(|digits| digits.parse().ok())
                    .filter(|status| (200..600).contains(status));
                number.or_else(|| words::status_named(&lower(&title)))
            }
        }
    }
}

/// Returns a value as the body of a response, if it can be one: objects that are no response, such
/// as headers and options, are told by their keys.
fn as_body(found: &Found, value: &Value, is_any: bool) -> Option<Body> {
    const REQUEST: [&str; 17] = [
        "params",
        "statustext",
        "statuscode",
        "authorization",
        "headers",
        "config",
        "method",
        "url",
        "uri",
        "baseurl",
        "request",
        "accept",
        "user-agent",
        "content-type",
        "x-api-key",
        "timeout",
        "hostname",
    ];
    let is_whole = found.is_closed && !found.is_elided;
    let body = |json: String, value, is_filtered| {
        Some(Body::Object {
            json,
            value,
            is_whole,
            is_filtered,
        })
    };
    match value {
        Value::Object(members) => {
            let has = |name: &str| members.contains_key(name);
            let is_request = members
                .keys()
                .any(|key| REQUEST.contains(&key.to_ascii_lowercase().as_str()));
            if has("data") && (!is_request || has("paging")) {
                return body(found.json.clone(), value.clone(), false);
            }
            if is_request {
                return None;
            }
            if has("slug") && !has("data") {
                // What a filter left of a list: an item.
                let list = Value::Array(vec![value.clone()]);
                return body(String::new(), list, true);
            }
            if members.is_empty() {
                return (is_any && found.is_closed).then(|| Body::Object {
                    json: found.json.clone(),
                    value: value.clone(),
                    is_whole,
                    is_filtered: false,
                });
            }
            let is_error = ["message", "error", "error_msg", "errors", "error_message"]
                .iter()
                .any(|name| has(name));
            let is_details = has("workflows") || has("number_in_app_scope");
            (is_any || is_error || is_details)
                .then(|| body(found.json.clone(), value.clone(), false))
                .flatten()
        }
        Value::Array(items)
            if items.is_empty() || items.iter().any(|item| item.get("slug").is_some()) =>
        {
            body(String::new(), value.clone(), true)
        }
        _ => None,
    }
}

/// Returns the body that stands inside an object which is no response itself.
fn inner_body(value: &Value, depth: usize) -> Option<(Value, String)> {
    const DEEPEST: usize = 6;
    let members = value.as_object().filter(|_| depth < DEEPEST)?;
    for name in [
        "data", "body", "error", "response", "content", "json", "text",
    ] {
        let Some(inner) = members.get(name) else {
            continue;
        };
        let is_body = inner.get("message").is_some()
            && inner.get("config").is_none()
            && inner.get("headers").is_none()
            || inner.get("data").is_some_and(Value::is_array);
        if is_body {
            return Some((inner.clone(), inner.to_string()));
        }
        if let Some(found) = inner_body(inner, depth + 1) {
            return Some(found);
        }
    }
    None
}

/// Returns the columns of a table's head: where each begins, and its name.
fn columns(head: &str) -> Vec<(usize, String)> {
    let (mut columns, mut name, mut start) = (Vec::new(), String::new(), 0);
    for (at, c) in head.chars().chain([' ']).enumerate() {
        if !c.is_whitespace() {
            if name.is_empty() {
                start = at;
            }
            name.push(c);
        } else if !name.is_empty() {
            columns.push((start, std::mem::take(&mut name)));
        }
    }
    columns
}

/// Returns the numbers of three digits that stand alone in a text, with their places.
fn numbers(text: &str) -> Vec<(usize, &str)> {
    const MOST: usize = 16;
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() && found.len() < MOST {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let length = bytes[at..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count();
        let is_part =
            |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'/' | b'+');
        let is_free = at == 0 || !is_part(bytes[at - 1]);
        let behind = bytes.get(at + length);
        let is_end = behind
            .is_none_or(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'/')))
            && !(behind == Some(&b'.')
                && bytes.get(at + length + 1).is_some_and(u8::is_ascii_digit));
        if length == 3 && is_free && is_end && matches!(bytes[at], b'1'..=b'5') {
            found.push((at, &text[at..at + 3]));
        }
        at += length;
    }
    found
}

/// Tells by what stands around a number whether it is a status, and whether that is certain.
fn sign_of(status: u16, before: &str, behind: &str) -> Option<bool> {
    const WINDOW: usize = 64;
    let mut start = before.len().saturating_sub(WINDOW);
    while !before.is_char_boundary(start) {
        start += 1;
    }
    let mut end = behind.len().min(WINDOW);
    while !behind.is_char_boundary(end) {
        end -= 1;
    }
    let (left, right) = (
        lower(&before[start..]).into_owned(),
        lower(&behind[..end]).into_owned(),
    );
    let label =
        left.trim_end_matches(|c: char| c.is_whitespace() || "([{\"'=:->→#,：（".contains(c));
    let is_labelled = words::section("label").iter().any(|word| {
        label
            .strip_suffix(word)
            .is_some_and(|rest| !word.is_ascii() || !rest.ends_with(|c: char| c.is_alphanumeric()))
    });
    let is_named = words::is_named(status, &right);
    let kind = right.trim_start_matches([' ', ')']);
    let is_kind = kind.starts_with("client error") || kind.starts_with("server error");
    // As .NET writes it in every language: “…: (401) Unauthorized.”
    let is_bracketed = (left.ends_with(": (") || left.ends_with(":(") || left.ends_with("：("))
        && right.starts_with(')');
    let is_response = left.ends_with("<response [");
    let strong = [
        "status code",
        "statuscode",
        "statuscode        :",
        "does not indicate success",
        "gibt keinen erfolg an",
        "n'indique pas la réussite",
        "http error",
        "response code",
        "returned error",
        "awaiting response...",
    ]
    .iter()
    .any(|word| label.ends_with(word));
    let is_sure = is_kind && (right.contains(" for ") || is_named)
        || is_bracketed && is_named
        || is_response
        || strong
        || is_labelled && is_named;
    (is_labelled || is_named || is_kind || is_bracketed || is_response).then_some(is_sure)
}

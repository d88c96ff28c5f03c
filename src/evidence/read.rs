//! From plain lines to signs: addresses, methods, credentials, statuses, headers, bodies, faults.
//!
//! Whatever a value is, it is known by what stands around it: its label in any notation
//! (`key: value`, `"key": value`, `key = value`, a cell of a table, a member of an object), its name,
//! its call. Objects are read as bodies, as records of exchanges, or as text. What the signs mean
//! together is left to the exchanges.
//!
//! Invariant: each character is looked at a bounded number of times.

use super::command::{self, Command, CurlError};
use super::exchanges::{Block, Exchanges, Start};
use super::messages::Messages;
use super::object;
use super::plain::{Line, Plain, Role};
use super::request::{self, Address, Credential, Request, Shell, Variables};
use super::words::{self, Strength, Words, floor, lower};
use crate::pasted::Mistake;
use regex_lite::Regex;
use serde_json::Value;
use std::ops::Range;
use std::sync::LazyLock;

pub(super) use super::exchanges::{Body, Extent, Failure, Notes, Reading, Said, Shown};

struct Reader<'a> {
    plain: &'a Plain,
    out: Exchanges,
    line: usize,
    /// The line of which the words and the commands are known.
    begun: Option<usize>,
    /// What the words of the line mean.
    words: Words,
    /// Where commands start in the line, the last one first.
    commands: Vec<usize>,
    /// A line, and where the next one begins that starts something else for certain.
    stop: (usize, usize),
    /// Nothing in front of this can be an object: it was looked at already.
    no_object_before: usize,
    /// The columns of the table that is being read.
    columns: Vec<usize>,
    is_env: bool,
    shell: Option<Shell>,
}

/// What of an exchange an object tells of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    Any,
    Request,
    Response,
    /// The headers of a response.
    Headers,
}

/// Reads a text.
pub(super) fn read(plain: &Plain) -> Reading {
    let mut reader = Reader {
        plain,
        out: Exchanges::of(Messages::of(plain)),
        line: 0,
        begun: None,
        words: Words::default(),
        commands: Vec::new(),
        stop: (0, 0),
        no_object_before: 0,
        columns: Vec::new(),
        is_env: false,
        shell: None,
    };
    let mut at = 0;
    while reader.line < plain.lines.len() {
        at = reader.line(at);
    }
    reader.out.finish()
}

/// Returns where the prompt of a shell or an interpreter ends that a line begins with.
fn prompt(text: &str) -> Option<(usize, Option<Shell>)> {
    static PROMPT: LazyLock<Regex> = LazyLock::new(|| {
        super::regex(
            r"^(?:(PS(?: [^<>|\x22]{0,200})?> ?)|([A-Za-z]:\\[^<>|\x22']{0,200}>)|((?:\([\w.-]{1,40}\) ?)?[\w.@:~/\[\]\\-]{0,80}(?: [~/\w.-]{1,80}\]?)?(?: \([\w/.-]{1,60}\))? ?[$%#❯➜»λ] (?:~ )?)|(In \[\d{1,6}\]: |irb\S{0,40}> |~(?:/[\w./-]{0,80})?> |~ ))",
        )
    });
    let start = &text[..floor(text, 300)];
    let has_sign =
        start.contains(['$', '%', '#', '❯', '➜', '»', 'λ', '>', '~']) || start.starts_with("In [");
    let found = PROMPT.captures(start).filter(|_| has_sign)?;
    let shells = [(1, Shell::PowerShell), (2, Shell::Cmd), (3, Shell::Posix)];
    let mut shells = shells
        .into_iter()
        .filter(|(group, _)| found.get(*group).is_some());
    let shell = shells.next().map(|(_, shell)| shell);
    // A progress meter's percentage, and a heading, are none.
    let prefix = &text[..found.get(0)?.end()];
    let number = prefix.trim_end_matches([' ', '%', '#']);
    let is_number = prefix.trim().len() > 1 && number.bytes().all(|b| b.is_ascii_digit());
    let is_meter = prefix.trim() == "%" && text[prefix.len()..].starts_with("Total");
    (!is_number && !is_meter).then_some((prefix.len(), shell))
}

/// Tells whether a line certainly starts something new, and does not go on with an object.
fn is_fresh(text: &str) -> bool {
    let text = text.trim_start();
    let is_member = text.starts_with(['"', '\'', '{', '}', '[', ']']) || text.is_empty();
    if is_member {
        return false;
    }
    let words = Words::of(&text[..floor(text, 300)]);
    text.starts_with("HTTP/")
        || text.starts_with("curl: (")
        || prompt(text).is_some_and(|(end, _)| end > 1)
        || command::starts(&words).next() == Some(0)
        || text.len() < 80 && words.step().is_some()
}

impl<'a> Reader<'a> {
    fn here(&self) -> Line {
        self.plain.lines[self.line]
    }

    /// Returns the text of a line, if it is one of the message.
    fn text_of(&self, line: usize) -> Option<&'a str> {
        let message = self.out.reading.messages.of_line.get(line)?;
        let line = self.plain.lines[line];
        let text = &self.plain.text[line.start..line.end];
        let is_inside = *message == Some(self.out.message) && line.role == Role::Text;
        (is_inside || text.is_empty() && line.role != Role::Border).then_some(text)
    }

    /// Reads a line from a place in it on, and returns where to go on.
    fn line(&mut self, from: usize) -> usize {
        let (plain, line) = (self.plain, self.here());
        let Some(message) = self.out.reading.messages.of_line[self.line] else {
            if line.role == Role::Border {
                self.out.end_block();
            }
            return self.goes_to(line.end);
        };
        self.is_env &= self.out.message == message;
        self.out.message(message);
        let from = from.max(line.start);
        if self.begun != Some(self.line) {
            self.begun = Some(self.line);
            let text = &plain.text[line.start..line.end];
            self.words = Words::of(text);
            let starts = command::starts(&self.words);
            self.commands = starts.map(|at| line.start + at).collect();
            self.commands.reverse();
            if from == line.start && self.table(text) {
                return self.goes_to(line.end);
            }
        }
        let object = self.object_start(from);
        let end = object.unwrap_or(line.end);
        while let Some(start) = self.commands.pop_if(|start| *start < end) {
            if start >= from
                && let Some(next) = self.command(from, start)
            {
                return next;
            }
        }
        self.text(from..end, line.role);
        match object {
            Some(start) => self.object(start),
            None => self.goes_to(line.end),
        }
    }

    /// Goes on behind a place of the text.
    fn goes_to(&mut self, at: usize) -> usize {
        self.line = self.line_at(at);
        at
    }

    /// Returns the line that goes on behind a place, from the current one on.
    fn line_at(&self, at: usize) -> usize {
        let lines = self.plain.lines[self.line..].iter();
        self.line + lines.take_while(|line| line.end <= at).count()
    }

    /// Returns where the next line begins that is fresh, or is of another message.
    fn stop(&mut self) -> usize {
        if self.stop.0 <= self.line {
            let mut next = self.line + 1;
            while self.text_of(next).is_some_and(|text| !is_fresh(text)) {
                next += 1;
            }
            let start = self.plain.lines.get(next).map(|line| line.start);
            self.stop = (next, start.unwrap_or(self.plain.text.len()));
        }
        self.stop.1
    }

    // --- Commands.

    /// Reads a command, and returns where to go on; `None` if it is none.
    fn command(&mut self, from: usize, start: usize) -> Option<usize> {
        let (plain, line) = (self.plain, self.here());
        let before = &plain.text[from..start];
        let own = prompt(before.trim_start());
        let shell = own.and_then(|(_, shell)| shell);
        let (whole, end) = self.whole_command(start);
        let command = Command::read(&whole, shell, self.shell, &self.out.variables)?;
        // A sentence that names a program and an address is no command.
        let is_typed = before.trim().is_empty()
            || before.trim_end().ends_with(['$', '|', '>', '%', '#', '+'])
            || own.is_some();
        let is_bare = is_typed && whole.split_whitespace().count() <= 2;
        let how = self
            .words
            .strength(&(from - line.start..line.end - line.start));
        if !command.has_options && !is_bare && how != Strength::Client {
            return None;
        }
        // PowerShell's errors, and traces, repeat it.
        let is_repeated = before.trim() == "+";
        if own.is_none() && !is_repeated {
            self.text(from..start, Role::Text);
        }
        self.out.reading.has_commands = true;
        self.has_shell(Some(command.shell));
        self.out.end_block();
        self.is_env = false;
        let start = if is_repeated {
            Start::Mention
        } else {
            Start::Command
        };
        self.out.asked(command.request, start);
        self.no_object_before = self.no_object_before.max(end);
        Some(self.goes_to(end))
    }

    /// Returns a command with the lines that it goes on in, and where it ends.
    fn whole_command(&self, start: usize) -> (String, usize) {
        /// The maximum number of lines, and of bytes, of a command.
        const MOST: (usize, usize) = (24, 6000);
        let plain = self.plain;
        // The next command of the line is one of its own.
        let is_border = |at: &&usize| {
            let before = plain.text[start..**at].trim_end();
            before.ends_with([';', '&', '|']) && !before.ends_with(" |")
        };
        let next = self.commands.iter().rev().find(is_border).copied();
        let mut end = next.unwrap_or(self.here().end);
        let mut whole = plain.text[start..end].to_owned();
        let mut line = self.line + 1;
        while next.is_none() && line - self.line < MOST.0 && whole.len() < MOST.1 {
            let text = self.text_of(line).map(str::trim_start);
            let text = text.filter(|text| !text.is_empty() && !is_fresh(text));
            let Some(text) = text.filter(|text| command::goes_on(&mut whole, text)) else {
                break;
            };
            whole.push_str(text);
            end = plain.lines[line].end;
            line += 1;
        }
        whole.truncate(floor(&whole, MOST.1));
        (whole, end)
    }

    fn has_shell(&mut self, shell: Option<Shell>) {
        self.shell = shell.or(self.shell);
        self.out.reading.shell = self.shell;
    }

    // --- Objects.

    /// Returns where the next object starts in the rest of the line, or a page of markup.
    fn object_start(&mut self, from: usize) -> Option<usize> {
        let (plain, line) = (self.plain, self.here());
        let front = &plain.text[from..line.end];
        if is_page(front.trim_start()) {
            return Some(line.end - front.trim_start().len());
        }
        let skipped = self.no_object_before.max(from);
        let text = plain.text.get(skipped..line.end)?;
        for (at, _) in text.match_indices(['{', '[']) {
            // PowerShell's objects have a sign in front.
            let is_powershell = text[..at].ends_with('@') && text[at..].starts_with('{');
            let at = skipped + at - usize::from(is_powershell);
            if object::may_start(&plain.text[at..self.stop()]) {
                return Some(at);
            }
        }
        self.no_object_before = line.end;
        None
    }

    /// Reads an object: a body, a record of an exchange, or else text. Returns where to go on.
    fn object(&mut self, start: usize) -> usize {
        let (line, stop) = (self.here(), self.stop());
        let text = &self.plain.text[start..stop];
        if is_page(text) {
            return self.page(start, text);
        }
        let found = object::read(text);
        self.no_object_before = start + found.as_ref().map_or(1, |found| found.end.max(1));
        let Some(found) = found else {
            return start;
        };
        let end = self.no_object_before;
        let value: Value = serde_json::from_str(&found.json).unwrap_or(Value::Null);
        let labels = |name| self.words.labels(name, start - line.start);
        let is_request = labels("part request") || labels("not a body");
        // Any JSON at the start of a line is a response; in code, what looks like one.
        let is_json = text[1..].trim_start().starts_with(['"', '}']);
        let front = self.plain.text[line.start..start].trim();
        let is_any = is_json && front.bytes().all(|b| b.is_ascii_digit());
        if !is_request && let Some(body) = body_of(value.clone(), found.is_whole(), is_any) {
            self.out.body(body);
            return self.goes_to(end);
        }
        let part = if is_request { Part::Request } else { Part::Any };
        let mut records = vec![Shown::default()];
        self.record(&value, part, 0, &mut records);
        if !records.iter().any(Shown::is_answered) {
            return start;
        }
        for record in records {
            self.recorded(record, is_json);
        }
        // In code a name without quotes is a variable's: the text says more than the object.
        if !is_json {
            self.authorization(&text[..end - start]);
        }
        self.goes_to(end)
    }

    /// Takes what an object records of an exchange.
    fn recorded(&mut self, record: Shown, is_json: bool) {
        let Shown {
            mut request,
            status,
            headers,
            body,
            ..
        } = record;
        let credential = request.credential.take().filter(|_| is_json);
        // What stands in front has told the status already, and the rest is filled in.
        let is_late = self.out.is(|shown| {
            shown.request.address.is_none() && status.is_some() && shown.status == status
        });
        if request.address.is_some() {
            let start = if is_late { Start::Mention } else { Start::Line };
            self.out.asked(request, start);
        } else if request.is_whole {
            let own = &mut self.out.shown().request;
            own.is_whole = true;
        }
        if let Some(judged) = credential {
            self.out.credential(judged);
        }
        for (name, value) in headers {
            self.out.header(Block::Response, &name, &value);
        }
        if let Some(status) = status {
            self.out.status(status, None);
        }
        if let Some(body) = body {
            self.out.body(body);
        }
    }

    /// Looks for exchanges in an object that records them, as logs and archives do.
    fn record(&self, value: &Value, part: Part, depth: usize, records: &mut Vec<Shown>) {
        let members = match value {
            _ if depth > DEEPEST => return,
            Value::Object(members) => members,
            Value::Array(items) => {
                for item in items {
                    if part == Part::Any {
                        records.push(Shown::default());
                    }
                    self.record(item, part, depth + 1, records);
                }
                return;
            }
            _ => return,
        };
        let Some(shown) = records.last_mut() else {
            return;
        };
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        if let (Some(name), Some(own)) = (text("name"), members.get("value")) {
            // As archives list headers.
            return self.member(&lower(name), own, part, None, shown);
        }
        let is_inner = depth > 0 && matches!(part, Part::Any | Part::Response);
        if is_inner && let Some(body) = body_of(value.clone(), true, false) {
            shown.body = Some(body);
            return;
        }
        let mut methods = words::section("method key").iter();
        let method = methods.find_map(|name| text(name));
        for (name, own) in members {
            let name = &*lower(name);
            // Headers that may be repeated have lists of values.
            let first = own.as_array().and_then(|values| values.first());
            let own = first.filter(|first| !is_compound(first)).unwrap_or(own);
            let Some(shown) = records.last_mut().filter(|_| !is_compound(own)) else {
                let inner = match part {
                    Part::Response if name == "headers" => Part::Headers,
                    _ if words::is("part request", name) => Part::Request,
                    _ if words::is("part response", name) => Part::Response,
                    part => part,
                };
                self.record(own, inner, depth + 1, records);
                let count = own
                    .as_array()
                    .map_or_else(|| own.as_object().map_or(0, serde_json::Map::len), Vec::len);
                if let Some(shown) = records.last_mut()
                    && part == Part::Request
                    && name == "headers"
                    && count > 1
                    && shown.request.credential.is_none()
                {
                    shown.request.is_whole = true;
                }
                continue;
            };
            self.member(name, own, part, method, shown);
        }
    }

    /// Takes a member of a record.
    fn member(
        &self,
        name: &str,
        value: &Value,
        part: Part,
        method: Option<&str>,
        shown: &mut Shown,
    ) {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let is = |kind| words::is(kind, name);
        if name == "authorization" {
            let judged = request::judge_value(&text, None, None, &self.out.variables);
            shown.request.credential = Some(judged);
        } else if part == Part::Headers {
            shown.headers.push((name.to_owned(), text));
        } else if is("address key") {
            let is_address =
                text.contains("://") || text.starts_with('/') && text.contains("/apps");
            let address =
                Address::of_path(&text).filter(|address| is_address && address.is_of_api());
            if address.is_some() {
                shown.request.address = address;
                shown.request.is_shown = true;
                shown.request.method = method.map(str::to_ascii_uppercase);
            }
        } else if part == Part::Request {
        } else if is("status key") {
            let status = text.trim().parse().ok();
            shown.status = status
                .filter(|status| (200..600).contains(status))
                .or(shown.status);
        } else if is("body key") {
            shown.body = inner_body(&text).or(shown.body.take());
        }
    }

    /// Reads a page of markup, to its end or to what stands behind it for certain.
    fn page(&mut self, start: usize, text: &str) -> usize {
        const ENDS: [&str; 2] = ["</html>", "</HTML>"];
        let ends = ENDS
            .iter()
            .filter_map(|end| Some(text.find(end)? + end.len()));
        let end = ends.min().unwrap_or(text.len());
        let kept = floor(text, end.min(crate::responder::TITLE_WITHIN));
        if self.out.is(|shown| shown.body.is_some()) {
            self.out.fresh();
        }
        self.out.body(Body::Page(text[..kept].to_owned()));
        self.goes_to(start + end)
    }

    // --- Text.

    /// Reads a piece of a line in which no command and no object stands.
    fn text(&mut self, range: Range<usize>, role: Role) {
        let plain = self.plain;
        let mut text = plain.text[range].trim();
        if text.is_empty() {
            if self.out.block != Block::Connect {
                self.out.block = Block::None;
            }
            return;
        }
        if let Some((end, shell)) = prompt(text) {
            // An interpreter goes on with what it has.
            if shell.is_some() {
                self.out.fresh();
            }
            self.is_env = false;
            self.has_shell(shell);
            text = &text[end..];
        }
        let is_line = text.len() == self.words.lower.len();
        let words = if is_line {
            std::mem::take(&mut self.words)
        } else {
            Words::of(text)
        };
        self.piece(text, &words, role);
    }

    fn piece(&mut self, text: &str, words: &Words, role: Role) {
        if self.header(text, words, role) {
            return;
        }
        self.variable(text);
        let how = words.strength(&(0..floor(text, 600)));
        let name = words.lower.trim_matches(|c: char| !c.is_alphabetic());
        if words::is("block request", name) {
            self.out.block = Block::Request;
        } else if words::is("block response", name) {
            self.out.block = Block::Response;
        }
        self.is_env |= name == "env";
        self.says(words);
        let is_waiting = |shown: &Shown| shown.request.is_shown && !shown.is_answered();
        if how == Strength::Client && self.out.is(is_waiting) {
            self.out.notes().unread += 1;
        }
        let longest = match how {
            Strength::Example => 40,
            Strength::Prose => 100,
            Strength::Client => 160,
        };
        if let Some(step) = words.step().filter(|_| text.len() < longest) {
            self.out.step(step);
        }
        self.authorization(text);
        self.other_headers(words);
        self.addresses(text, words, how);
        if text.starts_with("HTTP/") || !self.errors(words, how) {
            self.statuses(text, words, how);
        }
        if role == Role::Text {
            self.message(text, words);
        }
    }

    /// Takes a line of headers, and tells whether it was one.
    fn header(&mut self, text: &str, words: &Words, role: Role) -> bool {
        let block = match (role, self.out.block) {
            (Role::Note, _) => {
                // Notes of curl's say little that is not said elsewhere.
                self.authorization(text);
                if words.says("note") {
                    self.addresses(text, words, Strength::Client);
                    self.errors(words, Strength::Client);
                }
                return true;
            }
            (Role::Sent, _) => Block::Request,
            (Role::Received, block) if block != Block::Connected => Block::Response,
            (_, block) => block,
        };
        if block == Block::None || !words::is_header(text) {
            if role == Role::Text {
                self.out.end_block();
            }
            return false;
        }
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        let value = value.trim().trim_matches('"');
        self.out.header(block, name, value);
        true
    }

    /// Takes what a variable was set to, if it may be a token.
    fn variable(&mut self, text: &str) {
        let is_setx = text.starts_with("setx ");
        let signs: &[char] = match text {
            _ if self.is_env => &['=', ':'],
            _ if is_setx => &['"'],
            _ => &['='],
        };
        let text = text.strip_prefix("setx ").unwrap_or(text);
        let Some((left, value)) = text.split_once(signs) else {
            return;
        };
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name = left
            .trim()
            .rsplit(|c| !is_part(c))
            .next()
            .unwrap_or_default();
        let is_of_token = words::says("token name", &lower(name)) || name.eq_ignore_ascii_case("t");
        let value = value.trim();
        let bare = value.trim_matches(['"', '\'', ';']);
        let is_value = !bare.contains(' ') || bare.contains("${{");
        let is_token = ["bitwat_", "bitpat_"]
            .iter()
            .any(|prefix| bare.starts_with(prefix));
        let is_header =
            words::is("other header", name) || name.eq_ignore_ascii_case("authorization");
        if left.len() > 80 || name.is_empty() || !is_value || is_header || !is_of_token && !is_token
        {
            return;
        }
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let judged = if bare.starts_with('$') {
            (Credential::Named(name.to_owned()), None)
        } else {
            request::judge_value(bare, quote, Some(Shell::Posix), &Variables::new())
        };
        self.out.variables.insert(name.to_owned(), judged);
    }

    /// Notices what sentences say of tokens, of DX and of builds.
    fn says(&mut self, words: &Words) {
        const LONGEST: usize = 400;
        for (place, code) in words.kinds("dx") {
            if words.strength(&words.sentence(place.start)) != Strength::Example {
                self.out.notes().codes.push(code);
            }
        }
        self.out.reading.has_builds |= words.says("builds");
        if words.lower.len() > LONGEST || words.lower.contains("://") {
            return;
        }
        let (is_in_dx, is_new, is_old) = (
            words.says("in dx"),
            words.says("new token"),
            words.says("old token"),
        );
        if is_in_dx || is_new || is_old {
            let is_new = is_new && (!is_old || self.out.said.is_new);
            self.out.said = Said { is_in_dx, is_new };
        } else if words.says("person") {
            self.out.said.is_in_dx = false;
        }
    }

    /// Looks for a credential in a text: a header's in code, in a log, or as a tool shows it.
    fn authorization(&mut self, text: &str) {
        let Some(value) = command::Value::of_authorization(text) else {
            return;
        };
        let is_part = |b: u8| b.is_ascii_alphanumeric() || b"_.".contains(&b);
        let is_name = value.is_code
            && !value.text.starts_with(|c: char| c.is_ascii_digit())
            && value.text.bytes().all(is_part);
        let judged = if is_name && !value.text.starts_with("bit") {
            request::named(value.text, &self.out.variables)
        } else {
            match request::judge_value(&value.text, None, None, &self.out.variables) {
                // PowerShell's variables are read where they stand.
                (Credential::Named(name), Some(Mistake::TokenVariable))
                    if self.shell == Some(Shell::PowerShell)
                        && self.out.block != Block::Request =>
                {
                    request::named(name, &self.out.variables)
                }
                judged => judged,
            }
        };
        self.out.credential(judged);
    }

    /// Looks for headers in code that may hold a token in place of `Authorization`.
    fn other_headers(&mut self, words: &Words) {
        for (place, _) in words.kinds("other header") {
            let is_key = words.lower[..place.start].ends_with(['"', '\''])
                && words.lower[place.end..].starts_with(['"', '\'']);
            let is_key = is_key && words.lower[place.clone()].contains('-');
            if is_key || self.out.block == Block::Request {
                self.out.shown().request.other_header(&words.lower[place]);
            }
        }
    }

    /// Looks for addresses in a text, or else for paths behind a method or a label, and tells
    /// requests from mentions.
    fn addresses(&mut self, text: &str, words: &Words, how: Strength) {
        if text.starts_with("CONNECT ") {
            self.out.block = Block::Connect;
            return;
        }
        let has_address = command::address_at(text, 0).is_some();
        let next = if has_address {
            command::address_at
        } else {
            path_at
        };
        let mut from = 0;
        while let Some((at, end)) = next(text, from) {
            from = end;
            let near = &text[floor(text, at.saturating_sub(64))..at];
            let method = method_at_end(&text[..words::label_end(&words.lower, at)]);
            let part = &text[at..end];
            let address = if has_address {
                Address::read(part, true)
            } else {
                Address::of_path(part)
            };
            let Some(address) = address else {
                continue;
            };
            // As a request is sent, and not as a log of responses has it.
            let behind = text[end..].trim_matches([' ', '"']);
            let is_line = method.is_some() && behind.len() < 12 && words::is("version", behind);
            let label = if has_address { "asked" } else { "address key" };
            let is_named = words.labels(label, at) || near.trim_end().ends_with("--");
            let is_known = method.is_some() && how == Strength::Client || address.is_of_api();
            let is_path = (method.is_some() || is_named) && part.contains("/apps");
            let is_asked = if has_address { is_known } else { is_path };
            let is_mention = how != Strength::Client && method.is_none() && !is_named;
            let is_base = address.is_base() && method.is_none();
            let has_other = self.out.is(|shown| shown.request.address.is_some());
            let is_other = words.labels("not asked", at);
            if !is_line && (!is_asked || is_base || is_other) || is_mention && has_other {
                continue;
            }
            let front =
                near.trim_end_matches(|c: char| "\"'` ".contains(c) || c.is_ascii_lowercase());
            let is_start =
                method.is_some() || front.ends_with('(') || at == 0 || text.starts_with("--2");
            let mut asked = Request::at(address, method);
            asked.is_shown = asked.method.is_some()
                || front.ends_with('(')
                || is_named
                || self.out.block != Block::None;
            asked.is_alone = !asked.is_shown && (is_mention || part.len() == text.len());
            asked.is_whole = is_line;
            let start = if is_start && !is_mention {
                Start::Line
            } else {
                Start::Mention
            };
            self.out.asked(asked, start);
            if is_line {
                self.out.block = Block::Request;
            }
        }
    }

    /// Looks for the errors of clients, shells and filters, and tells whether there was one.
    fn errors(&mut self, words: &Words, how: Strength) -> bool {
        match command::curl_error(words) {
            Some(CurlError::Fault(name)) => self.out.fails(Failure::Fault(name)),
            Some(CurlError::Misread) => self.out.fails(Failure::Misread(Mistake::Quotes)),
            Some(CurlError::Status(status)) if how != Strength::Example => {
                self.out.status(status, None);
                self.out.shown().request.is_hidden = true;
            }
            Some(_) => {}
            None if how == Strength::Example => return false,
            None if words.says("mistake powershell_alias") => {
                self.out.fails(Failure::Misread(Mistake::PowerShellAlias));
            }
            None if words.says("filter error") => {
                self.out.fails(Failure::Filter);
            }
            None if how == Strength::Prose => return false,
            None if words.says("shell error") => {
                self.out.notes().has_shell_error = true;
                if words.says("mistake quotes") || self.shell == Some(Shell::Cmd) {
                    self.out.fails(Failure::Misread(Mistake::Quotes));
                }
            }
            None => match words.kind("fault") {
                Some(name) => self.out.fails(Failure::Fault(name)),
                None => return false,
            },
        }
        true
    }

    /// Looks for statuses in a text, in whichever notation.
    fn statuses(&mut self, text: &str, words: &Words, how: Strength) {
        let second = text.split_whitespace().nth(1).unwrap_or_default();
        let is_figure = second.starts_with(|c: char| c.is_ascii_digit());
        let is_alone = text.len() == 3 || is_figure || matches!(second, "ms" | "·");
        let is_waiting = |shown: &Shown| {
            let has_part = shown.request.address.is_some() || shown.body.is_some();
            shown.status.is_none() && shown.fault().is_none() && has_part
        };
        let is_line = text.starts_with("HTTP/");
        if is_line && words.says("connected") {
            self.out.block = Block::Connected;
            return;
        }
        let step = words.step();
        for (at, status) in numbers(text) {
            let version = words.label("version", at);
            let is_sure = version.is_some() || at == 0 && is_alone && self.out.is(is_waiting);
            let sign = if is_sure {
                Some(true)
            } else {
                sign_of(status, at, words)
            };
            let sentence = words.sentence(at);
            let said = match version {
                Some(_) if is_line => Strength::Client,
                _ => words.strength(&sentence),
            };
            let is_told = version.is_some() || sign == Some(false);
            let is_told = is_told || sign.is_none() && is_told_by(status, at, words, &sentence);
            let is_sign = said == Strength::Client && sign.is_some();
            if said == Strength::Example {
                continue;
            }
            // What stands in a question, and is none itself, is told.
            if said == Strength::Prose && is_told || is_sign && how == Strength::Example && !is_line
            {
                self.out.told(step, status);
            } else if sign.is_some() {
                self.out.status(status, version);
            }
        }
    }

    /// Takes what a response says in a word, or in a labelled message.
    fn message(&mut self, text: &str, words: &Words) {
        let is_open = |shown: &Shown| shown.body.is_none() && shown.fault().is_none();
        if !self.out.is(is_open) {
            return;
        }
        if let Some((name, value)) = text.split_once([':', '=']) {
            let value = value.trim().trim_matches(['"', '\'', ',']);
            let name = name.trim_matches(|c: char| !c.is_alphabetic());
            if words::is("body message", name) && words::status_named(&lower(value)).is_some() {
                let value = serde_json::json!({ "message": value });
                self.out.body(Body::Object(value, Extent::Whole));
            }
        } else if let Some(status @ (401 | 403 | 404)) = words::status_named(&words.lower)
            && self.out.is(|shown| shown.request.is_shown)
        {
            self.out.body(Body::Word(status));
        }
    }

    // --- Tables.

    /// Reads a row of a table, and tells whether it is one with lines around its cells.
    fn table(&mut self, text: &str) -> bool {
        let text = text.trim();
        let is_box = |c: char| ('\u{2500}'..='\u{257f}').contains(&c);
        if text.starts_with('|') && text.ends_with('|') && text.matches('|').count() > 2 {
            // People write these, and nobody can say which cell is of which request.
            let words = Words::of(text);
            for (at, status) in numbers(text) {
                let is_cell = text[..at].trim_end().ends_with('|')
                    && text[at + 3..].trim_start().starts_with('|');
                if is_cell || sign_of(status, at, &words).is_some() {
                    self.out.told(words.step(), status);
                }
            }
            return true;
        }
        if text.starts_with(is_box) && text.ends_with(is_box) {
            let cells = text.trim_matches(is_box).split(is_box).map(str::trim);
            if let [name, value] = cells.collect::<Vec<_>>()[..] {
                let text = format!("{name}: {value}");
                self.piece(&text, &Words::of(&text), Role::Text);
            }
            return true;
        }
        self.columns(text);
        false
    }

    /// Reads a row as PowerShell prints an object: names over lines of dashes.
    fn columns(&mut self, text: &str) {
        let is_line = |word: &str| word.len() > 2 && word.bytes().all(|b| b == b'-');
        if text.len() > 2 && text.split_whitespace().all(is_line) {
            let is_start = |(at, c): &(usize, char)| *c == '-' && !text[..*at].ends_with('-');
            self.columns = text
                .char_indices()
                .filter(is_start)
                .map(|(at, _)| at)
                .collect();
            return;
        }
        let columns = std::mem::take(&mut self.columns);
        let Some(names) = self.line.checked_sub(2).and_then(|line| self.text_of(line)) else {
            return;
        };
        if columns.is_empty() {
            return;
        }
        let members = cells(names, &columns).zip(cells(text, &columns));
        let members = members.map(|(name, cell)| match cell.as_str() {
            "{}" => format!("{name}=[]; "),
            cell => format!("{name}={cell}; "),
        });
        let object = format!("@{{{}}}", members.collect::<String>());
        let found = object::read(&object);
        let body = found.and_then(|found| {
            let value = serde_json::from_str(&found.json).ok()?;
            body_of(value, found.is_whole(), false)
        });
        if let Some(body) = body {
            self.no_object_before = self.here().end;
            self.out.body(body);
        }
    }
}

/// Returns the cells of a row of a table.
fn cells<'a>(row: &str, starts: &'a [usize]) -> impl Iterator<Item = String> + 'a {
    let row: Vec<char> = row.chars().collect();
    starts.iter().enumerate().map(move |(index, start)| {
        let end = starts.get(index + 1).copied().unwrap_or(row.len());
        let end = end.min(row.len());
        let cell: String = row[(*start).min(end)..end].iter().collect();
        cell.trim().to_owned()
    })
}

/// Returns a value as the body of a response, if it can be one. Records of requests and responses,
/// and what holds the body inside, are none.
fn body_of(value: Value, is_whole: bool, is_any: bool) -> Option<Body> {
    let extent = if is_whole { Extent::Whole } else { Extent::Cut };
    let filtered = |items| Body::Object(serde_json::json!({ "data": items }), Extent::Filtered);
    if let Value::Array(items) = &value {
        let is_list = items.is_empty() || items.iter().any(|item| item.get("slug").is_some());
        return is_list.then(|| filtered(value));
    }
    let has = |kind: &str| has_member(&value, kind);
    let data = value.get("data");
    let is_inside = |data: &Value| has_member(data, "body error") || data.get("data").is_some();
    let holds_body = data.is_some_and(is_inside);
    let is_record = has("record") || holds_body;
    if data.is_some() && !holds_body && (!is_record || value.get("paging").is_some()) {
        return Some(Body::Object(value, extent));
    }
    let members = value.as_object()?;
    if is_record || names_api(&value, 0) {
        return None;
    }
    if members.contains_key("slug") {
        // What a filter left of a list: an item.
        return Some(filtered(Value::Array(vec![value])));
    }
    let is_empty = members.is_empty() && is_any && is_whole;
    let is_error = has("body error") || has("body details");
    let is_body = is_empty || !members.is_empty() && is_any || is_error;
    is_body.then(|| Body::Object(value, extent))
}

fn has_member(value: &Value, kind: &str) -> bool {
    let members = value.as_object();
    members.is_some_and(|members| members.keys().any(|key| words::is(kind, key)))
}

fn is_compound(value: &Value) -> bool {
    value.is_object() || value.is_array()
}

/// The maximum depth of a record.
const DEEPEST: usize = 12;

/// Tells whether a value has an address of the API, as records have.
fn names_api(value: &Value, depth: usize) -> bool {
    match value {
        Value::String(text) => text.contains("://api.bitrise.io/"),
        Value::Array(items) => {
            depth < DEEPEST && items.iter().any(|item| names_api(item, depth + 1))
        }
        Value::Object(members) => {
            depth < DEEPEST && members.values().any(|own| names_api(own, depth + 1))
        }
        _ => false,
    }
}

/// Returns the body that a text in a record is.
fn inner_body(text: &str) -> Option<Body> {
    let text = text.trim();
    if text.starts_with('<') {
        return Some(Body::Page(text.to_owned()));
    }
    let found = object::read(text).filter(|_| text.starts_with(['{', '[']))?;
    let value = serde_json::from_str(&found.json).ok()?;
    body_of(value, found.is_whole(), true)
}

/// Tells whether a page of markup starts with a text.
fn is_page(text: &str) -> bool {
    let start = || lower(&text[..floor(text, 10)]).into_owned();
    let mut tags = words::section("page").iter();
    text.starts_with('<') && tags.any(|tag| start().starts_with(tag))
}

/// Returns where the next path stands in a text, as a word of its own.
fn path_at(text: &str, from: usize) -> Option<(usize, usize)> {
    let is_border = |c: char| c.is_whitespace() || "\"'`([{,=:>".contains(c);
    let is_end = |c: char| c.is_whitespace() || "\"'`,)]}".contains(c);
    let mut places = text
        .get(from..)?
        .match_indices('/')
        .map(|(at, _)| from + at);
    let at = places.find(|at| *at == 0 || text[..*at].ends_with(is_border))?;
    let path = text[at..].split(is_end).next().unwrap_or_default();
    Some((at, at + path.trim_end_matches([':', '.']).len().max(1)))
}

/// Returns the method that a text ends with, as a word of its own.
fn method_at_end(text: &str) -> Option<String> {
    let text = &text[floor(text, text.len().saturating_sub(16))..];
    let start = text
        .rfind(|c: char| !c.is_ascii_uppercase())
        .map_or(0, |at| {
            at + text[at..].chars().next().map_or(1, char::len_utf8)
        });
    let is_free = !text[..start].ends_with(|c: char| c.is_alphanumeric() || "_-./".contains(c));
    let word = text
        .get(start..)
        .filter(|word| is_free && words::is("method", word))?;
    Some(word.to_owned())
}

/// Returns the numbers of three digits that stand alone in a text, with their places.
fn numbers(text: &str) -> Vec<(usize, u16)> {
    let bytes = text.as_bytes();
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || b"_-/".contains(b);
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let length = bytes[at..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count();
        let is_free = at == 0 || !is_part(&bytes[at - 1]) && !b".+#".contains(&bytes[at - 1]);
        let behind = &bytes[at + length..];
        let is_decimal = behind.len() > 1 && behind[0] == b'.' && behind[1].is_ascii_digit();
        if length == 3 && is_free && !is_decimal && !behind.first().is_some_and(is_part) {
            let status = text[at..at + 3].parse().ok();
            found.extend(
                status
                    .filter(|status| (100..600).contains(status))
                    .map(|status| (at, status)),
            );
        }
        at += length.max(1);
    }
    found
}

/// Tells by what stands around a number whether it is a status, and whether that is certain.
fn sign_of(status: u16, at: usize, words: &Words) -> Option<bool> {
    let (before, behind) = (&words.lower[..at], &words.lower[at + 3..]);
    let is_labelled = words.labels("label", at);
    let is_named = words.names_status(status, at, at + 3);
    let mut kinds = words::section("status kind").iter();
    let is_kind = kinds.any(|kind| behind.trim_start_matches([' ', ')']).starts_with(kind));
    // As .NET writes it in every language: “…: (401) Unauthorized.”
    let is_bracketed = before.ends_with('(')
        && before.trim_end_matches(['(', ' ']).ends_with([':', '：'])
        && behind.starts_with(')');
    let near = &before[floor(before, at.saturating_sub(300))..];
    let last = near.split_whitespace().next_back().unwrap_or_default();
    let is_result = ["->", "=>", "→", ":"].contains(&last)
        && (near.contains("://") || near.contains("/apps"))
        || last.contains("://");
    if words.labels("exit", at) {
        return None;
    }
    let is_sure = is_kind && (behind[..floor(behind, 80)].contains(" for ") || is_named)
        || (is_bracketed || is_labelled) && is_named
        || words.labels("sure label", at);
    let is_sign = is_labelled || is_named || is_kind || is_bracketed || is_result;
    (is_sign || is_sure).then_some(is_sure)
}

/// Tells whether a number in a person's sentence is a status, for all that can be told.
fn is_told_by(status: u16, at: usize, words: &Words, sentence: &Range<usize>) -> bool {
    let behind = words.lower[at + 3..].chars().next();
    let is_end = behind.is_none_or(|c| ",.;:!)?\"'、。".contains(c));
    let is_refusal = matches!(status, 401 | 403 | 404 | 429 | 502..=504);
    is_refusal
        && (is_end
            || words.says_in("step apps", sentence)
            || words.says_in("step pipelines", sentence))
}

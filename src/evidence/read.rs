//! From plain lines to signs: addresses, methods, credentials, statuses, headers, bodies, faults.
//!
//! Whatever a value is, it is known by what stands around it: its label in any notation
//! (`key: value`, `"key": value`, `key = value`, a cell of a table, a member of an object), its name,
//! its call. Objects are read as bodies, as records of exchanges, or as text. What the signs mean
//! together is left to the exchanges.
//!
//! Invariant: each character is looked at a bounded number of times.

use super::body::{Body, Shape, has};
use super::command::{self, Command};
use super::exchanges::{Block, Exchanges, Failure, Reading, Said, Shown, Start};
use super::messages::Messages;
use super::object;
use super::plain::{Line, Plain, Role};
use super::request::{
    self, Address, Credential, Judged, Request, Shell, Variables, mistake_of_query,
};
use super::words::{self, ALL, Strength, Words, floor, lower};
use crate::check::CheckId;
use crate::exchange::FaultKind;
use crate::pasted::{Incomplete, Mistake};
use crate::token::{TokenKind, has_prefix};
use serde_json::Value;
use std::ops::Range;

#[derive(Default)]
struct Reader<'a> {
    text: &'a str,
    lines: &'a [Line],
    out: Exchanges,
    line: usize,
    /// The line of which the words and the commands are known.
    begun: Option<usize>,
    /// What the words of the line mean.
    words: Words,
    /// Where commands start in the line.
    commands: Vec<usize>,
    /// A line, and where the next one begins that starts something else for certain.
    stop: (usize, usize),
    /// Nothing in front of this can be an object: it was looked at already.
    no_object_before: usize,
    /// Whether no empty line stands between the last command and this one.
    is_output: bool,
}

/// How many forms of variables with addresses are put in.
const MAX_ADDRESSES: usize = 32;

/// Reads a text.
pub(super) fn read(plain: &Plain) -> Reading {
    let mut reader = Reader {
        text: &plain.text,
        lines: &plain.lines,
        ..Reader::default()
    };
    reader.out.reading.messages = Messages::of(plain);
    let mut at = 0;
    while reader.line < reader.lines.len() {
        at = reader.line(at);
    }
    reader.out.finish()
}

/// Returns where the prompt of a shell or an interpreter ends that a line begins with.
fn prompt(text: &str) -> Option<(usize, Option<Shell>)> {
    const PROMPTS: [(&str, Option<Shell>); 4] = [
        ("prompt powershell", Some(Shell::PowerShell)),
        ("prompt cmd", Some(Shell::Cmd)),
        ("prompt posix", Some(Shell::Posix)),
        ("prompt interpreter", None),
    ];
    let any = pattern!(&format!(
        "^(?:{})",
        PROMPTS
            .map(|(name, _)| format!("({})", words::section(name).join("|")))
            .join("|")
    ));
    let start = &text[..floor(text, 300)];
    // Most lines have none.
    let signs = ['$', '%', '#', '❯', '➜', '»', 'λ', '>', '~'];
    let mut signs = start.match_indices(signs);
    let is_sign =
        |(at, sign): (usize, &str)| sign == ">" || start[at + sign.len()..].starts_with(' ');
    let may_be_one = signs.any(is_sign) || start.starts_with("In [");
    let found = may_be_one.then(|| any.captures(start))??;
    let mut prompts = PROMPTS.iter().zip(found.iter().skip(1));
    prompts.find_map(|((_, shell), found)| Some((found?.end(), *shell)))
}

/// Tells whether a line certainly starts something new, and does not go on with an object.
fn is_fresh(text: &str) -> bool {
    let text = text.trim_start();
    let is_member = text.starts_with(['"', '\'', '{', '}', '[', ']']);
    let words = || Words::of(&text[..floor(text, 300)]);
    !is_member
        && (text.starts_with("HTTP/")
            || text.starts_with("curl: (")
            || prompt(text).is_some_and(|(end, _)| end > 1)
            || command::starts(&words()).next() == Some(0))
}

/// Tells whether a loop starts in a line that may be one over apps, and not one that counts tries.
fn is_loop(text: &str) -> bool {
    let start = pattern!(concat!(
        r"\bfor(?:each)?(?:-object)?\s*\(?\s*(?:(?:var|let|const) )?[$%]*\w+\s+in\s+(.*(?:\bdo\b|[({$:;`\d]).*)",
        r"|\bwhile (?:\w+=\S* )?read\b",
    ));
    let counts = pattern!(r"^(?:\d{1,3}\b|\{\d|\$\(seq|`seq|range\(|\(?\d+\.\.)");
    // Most lines have none.
    let may_be_one = ["for", "while"].iter().any(|word| text.contains(word));
    let found = may_be_one.then(|| start.captures(text)).flatten();
    found.is_some_and(|found| {
        let items = found.get(1).map_or("", |items| items.as_str());
        !counts.is_match(items)
    })
}

/// Tells whether a line announces an example, or what was answered, as in “it should return our apps,
/// but we got:”, if it announces anything.
fn announces_example(words: &Words) -> Option<bool> {
    let line = words.lower.trim_matches(|c: char| !c.is_alphabetic());
    let heading = line.split_whitespace().collect::<Vec<_>>().join(" ");
    if words::is("example heading", &heading) {
        return Some(true);
    } else if !words.lower.ends_with([':', '：']) && !words::is("answer heading", &heading) {
        return None;
    }
    let announced = words.kinds("example", ALL).last();
    Some(announced.is_some_and(|(own, _)| {
        words.sentence(own.start).end >= words.lower.len()
            && words.kinds("instead", own.end..usize::MAX).next().is_none()
    }))
}

/// Tells whether what a text names is used there, and is not spoken of by a person, listed with its
/// version, or a part of another name.
fn is_used(words: &Words, hit: words::Hit) -> bool {
    let (before, rest) = words.lower.split_at(hit.start);
    let (own, behind) = rest.split_at(hit.end - hit.start);
    let is_name = own.ends_with(char::is_alphanumeric);
    let is_part = own.starts_with(char::is_alphanumeric) && before.ends_with(char::is_alphanumeric);
    let is_listed = || pattern!(r"^[-@= (]+v?\d").is_match(behind);
    // A part of an address, as in “bitrise.io”, speaks of nobody.
    let is_own = |own: &words::Hit| !words.lower[..own.start].ends_with(['.', '/', '-', '@']);
    let is_told = || {
        words.strength(&words.sentence(hit.start)) != Strength::Client
            || words
                .kinds("person first", ALL)
                .any(|(own, _)| is_own(&own))
    };
    !is_part
        && if is_name {
            !is_listed() && !is_told()
        } else {
            !behind.starts_with(')')
        }
}

impl<'a> Reader<'a> {
    /// Returns the text of a line, if it is one of the message.
    fn text_of(&self, line: usize) -> Option<&'a str> {
        let message = self.out.reading.messages.of_line.get(line)?;
        let line = self.lines[line];
        let text = &self.text[line.start..line.end];
        let is_inside = *message == Some(self.out.message) && line.role == Role::Text;
        (is_inside || text.is_empty() && line.role != Role::Border).then_some(text)
    }

    /// Reads a line from a place in it on, and returns where to go on.
    fn line(&mut self, from: usize) -> usize {
        let line = self.lines[self.line];
        let Some(message) = self.out.reading.messages.of_line[self.line] else {
            return self.goes_to(line.end);
        };
        self.out.message(message);
        let from = from.max(line.start);
        if self.begun != Some(self.line) {
            self.begun = Some(self.line);
            let text = &self.text[line.start..line.end];
            self.words = Words::of(text);
            let starts = command::starts(&self.words);
            self.commands = starts.map(|at| line.start + at).collect();
            let ends = || prompt(text).is_some_and(|(_, shell)| shell.is_some());
            self.out.is_loop = is_loop(text) || self.out.is_loop && !ends();
            if from == line.start && (self.echo(text.trim()) || self.table(text)) {
                return self.goes_to(line.end);
            }
        }
        let page = self.text[from..line.end].trim_start();
        let page = Some(line.end - page.len()).filter(|_| page.starts_with('<'));
        // An object, or a page of markup; PowerShell's objects have a sign in front.
        let skipped = self.no_object_before.max(from);
        let signs = self.text.get(skipped..line.end).unwrap_or_default();
        let signs = signs.match_indices(['{', '[', '@']);
        let mut starts = page.into_iter().chain(signs.map(|(at, _)| skipped + at));
        let object = starts.find(|start| object::may_start(&self.text[*start..self.stop()]));
        let end = object.unwrap_or(line.end);
        let first = self.commands.partition_point(|start| *start < from);
        if let Some(start) = self.commands.get(first).filter(|start| **start < end)
            && let Some(next) = self.command(from, *start)
        {
            return next;
        }
        self.text(from..end);
        match object {
            Some(start) => self.object(start),
            None => self.goes_to(line.end),
        }
    }

    /// Goes on behind a place of the text.
    fn goes_to(&mut self, at: usize) -> usize {
        let lines = self.lines[self.line..].iter();
        self.line += lines.take_while(|line| line.end <= at).count();
        at
    }

    /// Returns where the next line begins that is fresh, or is of another message.
    fn stop(&mut self) -> usize {
        if self.stop.0 <= self.line {
            let mut next = self.line + 1;
            while self.text_of(next).is_some_and(|text| !is_fresh(text)) {
                next += 1;
            }
            let start = self.lines.get(next).map(|line| line.start);
            self.stop = (next, start.unwrap_or(self.text.len()));
        }
        self.stop.1
    }

    // --- Commands.

    /// Reads a command with the lines that it goes on in, and returns where to go on; `None` if it is
    /// none.
    fn command(&mut self, from: usize, start: usize) -> Option<usize> {
        /// The maximum number of lines, and of bytes, of a command.
        const MOST: (usize, usize) = (24, 6000);
        let line = self.lines[self.line];
        let mut whole = self.text[start..line.end].to_owned();
        let mut next = self.line + 1;
        while next - self.line < MOST.0
            && whole.len() < MOST.1
            && let Some(text) = self.text_of(next).map(str::trim_start)
            && !text.is_empty()
            && !is_fresh(text)
            && command::goes_on(&mut whole, text)
        {
            whole.push_str(text);
            next += 1;
        }
        for (form, address) in &self.out.addresses {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if let Some((before, behind)) = whole.split_once(form)
                && !behind.starts_with(is_name)
            {
                whole = format!("{before}{address}{behind}");
            }
        }
        whole.truncate(floor(&whole, MOST.1));
        let before = &self.text[from..start];
        let prompt = prompt(before.trim_start());
        let shell = prompt.and_then(|(_, shell)| shell);
        let command = Command::read(&whole, shell, self.out.reading.shell, &self.out.variables)?;
        // A sentence that names a program and an address is no command.
        let part = from - line.start..line.end - line.start;
        if !command.has_options && self.words.strength(&part) != Strength::Client {
            return None;
        }
        if prompt.is_none() {
            self.text(from..start);
        }
        self.out.notes().has_command = true;
        self.out.reading.shell = Some(command.shell);
        self.out.block = Block::None;
        self.is_output = true;
        // Without an address, and without anything that may be one, nobody was asked.
        let is_asked = command.request.address.is_some() || !command.request.mistakes.is_empty();
        if is_asked || whole.contains(['$', '%', '@', '<', '…']) {
            self.out.asked(command.request, Start::Command);
        } else {
            self.out.fresh();
        }
        let end = self.lines[next - 1].end;
        Some(self.goes_to(end))
    }

    // --- Objects.

    /// Reads an object: a body, a record of an exchange, or else text. Returns where to go on.
    fn object(&mut self, start: usize) -> usize {
        let (line, stop) = (self.lines[self.line], self.stop());
        let text = &self.text[start..stop];
        if text.starts_with('<') {
            let end = pattern!("(?i)</html>").find(text);
            let end = end.map_or(text.len(), |end| end.end());
            if let Some(page) = Body::read(&text[..end], false) {
                self.out.body(page);
            }
            return self.goes_to(start + end);
        }
        let found = object::read(text);
        self.no_object_before = start + found.as_ref().map_or(1, |found| found.end.max(1));
        let Some(found) = found else {
            return start;
        };
        let end = self.no_object_before;
        let front = self.text[line.start..start].trim();
        let sentence = self.words.sentence(start - line.start).start..start - line.start;
        if !front.is_empty() && self.words.strength(&sentence) == Strength::Example {
            self.out.reading.has_example = true;
            return self.goes_to(end);
        }
        // Of an archive of which the start is missing: headers of the request around.
        let item = found.value.get(0).unwrap_or(&found.value);
        let is_pair = item.get("name").is_some() && item.get("value").is_some();
        let is_cut = (is_pair || front == r#""headers":"#) && !self.out.is(Shown::is_answered);
        // As consoles have them below a heading, each of one kind.
        let holds_request =
            has(&found.value, "address key") || found.value.get("headers").is_some();
        let is_below = front.is_empty() && self.out.block == Block::Request && !holds_request;
        let is_sent = is_cut || is_below;
        let label = self.words.label("part", start - line.start);
        let part = if is_sent { Some("sent") } else { label }.unwrap_or_default();
        let body = |is_any| {
            let may_be_one = matches!(part, "" | "response");
            may_be_one.then(|| Body::of(&found.value, found.is_whole, is_any))?
        };
        let (own, mut records) = (body(false), vec![Shown::default()]);
        if own.as_ref().is_none_or(|own| own.shape == Shape::Error) {
            self.record("", &found.value, part, &mut records);
        }
        // What a client was given may follow what came of it.
        let holds = |own: &Shown| own.is_answered() && own.request.address.is_none();
        let is_asked = !self.out.is(holds);
        // What a program says of its run holds its exchanges, and its error is not theirs.
        let is_record = |record: &Shown| match own {
            Some(_) => record.request.address.is_some() && record.body.is_some(),
            None => record.is_answered() || is_sent || is_asked && record.request.address.is_some(),
        };
        if records.iter().any(is_record) {
            for record in records {
                self.out.recorded(record);
            }
            return self.goes_to(end);
        }
        // Any other JSON at the start of a line is a response; in code, what looks like one.
        let is_json = text[1..].trim_start().starts_with(['"', '}']);
        let is_any = is_json && front.bytes().all(|b| b.is_ascii_digit());
        let Some(body) = own.or_else(|| body(is_any)) else {
            // In code, what a call is given.
            let records = records.into_iter();
            let mistakes = records.flat_map(|record| record.request.mistakes).collect();
            self.out.given(Request {
                mistakes,
                ..Request::default()
            });
            return start;
        };
        self.out.body(body);
        self.goes_to(end)
    }

    /// Looks for exchanges in the value of a member of an object that records them, as logs and
    /// archives do. `part` says what of an exchange it is: any, the request, its headers that were sent, its
    /// query, the response, or its headers that were received.
    fn record(&self, name: &str, value: &Value, part: &str, records: &mut Vec<Shown>) {
        let variables = &self.out.variables;
        // As in `"Response Body"` and `"http.response.status_code"`.
        let key = |name: &str| {
            name.rsplit('.')
                .next()
                .unwrap_or_default()
                .replace(' ', "_")
        };
        let Some(found) = records.last_mut() else {
            return;
        };
        let text = match value {
            Value::Array(items) => {
                for item in items {
                    if part.is_empty() && item.is_object() {
                        records.push(Shown::default());
                    }
                    self.record(name, item, part, records);
                }
                return;
            }
            Value::Object(members) => {
                if let (Some(Value::String(name)), Some(own)) =
                    (members.get("name"), members.get("value"))
                {
                    // As archives list headers.
                    return self.record(&lower(name), own, part, records);
                }
                let is_inner = !name.is_empty() && matches!(part, "" | "response");
                let body = Body::of(value, true, false).filter(|_| is_inner);
                if body.is_some() {
                    found.body = body;
                    return;
                }
                for (name, own) in members {
                    let name = &*lower(name);
                    let inner = match part {
                        _ if !own.is_object() && !own.is_array() => part,
                        "request" if name == "headers" => "sent",
                        "response" if name == "headers" => "received",
                        part => words::which("part", &key(name)).unwrap_or(part),
                    };
                    self.record(name, own, inner, records);
                }
                return;
            }
            Value::String(text) => text.trim().to_owned(),
            value => value.to_string(),
        };
        let key = key(name);
        let is = |kind| words::is(kind, &key);
        let is_set = !matches!(&*text, "" | "false" | "null");
        let scheme = Words::of(name).kind("scheme named");
        let request = &mut found.request;
        match part {
            "received" => found.headers.push((name.to_owned(), text)),
            "query" => request.mistakes.extend(mistake_of_query(name, &text)),
            "sent" => request.header(name, &text, variables),
            _ if key == "authorization" => request.header(&key, &text, variables),
            _ if scheme.is_some() && is_set => {
                request.header("authorization", scheme.unwrap_or_default(), variables);
            }
            _ if is("address key") => {
                let is_one = text.contains("://") || text.contains("/apps");
                let address = Address::read(&text, true).filter(|own| is_one && own.is_of_api());
                request.address = address.or(request.address.take());
            }
            _ if is("method key") && words::is("verb", &text) => request.method = Some(text),
            "request" => {}
            _ if is("status key") && matches!(text.parse(), Ok(200..=599)) => {
                found.status = text.parse().ok();
            }
            _ if is("body key") => found.body = Body::read(&text, true).or(found.body.take()),
            _ => {}
        }
    }

    // --- Text.

    /// Reads a piece of a line in which no command and no object stands.
    fn text(&mut self, range: Range<usize>) {
        let line = self.lines[self.line];
        let mut text = self.text[range].trim();
        if text.is_empty() {
            self.is_output = false;
            // Below a heading, an object may follow at once.
            if self.text[line.start..line.end].trim().is_empty() {
                self.out.block = Block::None;
            }
            return;
        }
        if let Some((end, shell)) = prompt(text) {
            // An interpreter goes on with what it has.
            if shell.is_some() {
                self.out.fresh();
            }
            self.out.reading.shell = shell.or(self.out.reading.shell);
            text = &text[end..];
        }
        let is_line = text.len() == self.words.lower.len();
        let own = is_line.then(|| std::mem::take(&mut self.words));
        let words = own.unwrap_or_else(|| Words::of(text));
        self.piece(text, &words);
        // Emacs has its body in front.
        if text.starts_with("//") && text.contains("HTTP/") {
            self.out.fresh();
        }
    }

    fn piece(&mut self, text: &str, words: &Words) {
        let role = self.lines[self.line].role;
        for (hit, name) in words.kinds("unlike", ALL) {
            if is_used(words, hit) {
                self.out.notes().mistakes.extend(Mistake::named(name));
            }
        }
        if self.header(text, words, role) {
            return;
        }
        let how = words.strength(&(0..floor(text, 600)));
        let sign = text.find([':', '=', '\t']).unwrap_or(text.len());
        let name = words.lower[..sign].trim_matches(|c: char| !c.is_alphabetic());
        let value = text.get(sign + 1..).unwrap_or_default();
        self.out.block = match value {
            "" if words::is("block request", name) => Block::Request,
            "" if words::is("block response", name) => Block::Response,
            _ => self.out.block,
        };
        self.out.is_example = announces_example(words).unwrap_or(self.out.is_example);
        let word = text.trim_matches(|c: char| !c.is_alphanumeric());
        if word.len() >= 8 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            self.out.prints(word);
        }
        self.says(text, words);
        let is_sign = |c: char| c.is_ascii_digit() || "{}[]<>=:/\\|\"_".contains(c);
        let is_set = || pattern!("^(?:export )?[A-Z_]+=").is_match(text);
        let is_output = self.is_output && how == Strength::Client && self.out.is(Shown::is_waiting);
        if is_output && text.contains(is_sign) && !is_set() {
            let why = self.out.shown().unseen();
            self.out.notes().unread.get_or_insert(why);
        }
        let step = words.kind("step").and_then(CheckId::named);
        if let Some(step) = step.filter(|_| text.len() < 160) {
            self.out.step(step);
        }
        self.variable(text, words);
        let bare = |text: &str| text.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
        let mut part = Request::default();
        let is_named = |(hit, _): &(words::Hit, _)| {
            let label = words.label("method key", hit.start);
            label.is_some() && !words::is("reading method", &words.lower[hit.start..hit.end])
        };
        if let Some((method, _)) = words.kinds("verb", ALL).find(is_named) {
            part.method = Some(text[method.start..method.end].to_ascii_uppercase());
        } else if words::which("part", name) == Some("query") {
            let pairs = value.split(',').map(|pair| pair.split_once([':', '=']));
            for (name, value) in pairs.flatten() {
                let mistake = mistake_of_query(&bare(name), &bare(value));
                part.mistakes.extend(mistake);
            }
        }
        self.out.given(part);
        self.authorization(text, words, role == Role::Text && how == Strength::Client);
        for (hit, _) in words.kinds("other header", ALL) {
            let (before, behind) = (&words.lower[..hit.start], &words.lower[hit.end..]);
            let name = &words.lower[hit.start..hit.end];
            let is_header = name.contains('-') || name.starts_with("auth");
            let is_key = before.ends_with(['"', '\'']) && behind.starts_with(['"', '\'', ':']);
            if is_header && is_key {
                self.out.shown().request.other_header(name);
            }
        }
        self.addresses(text, words, how);
        if text.starts_with("HTTP/") || !self.errors(words, how) {
            self.statuses(text, words);
        }
        // A response names its status in a word, or in a labelled message.
        let said = Some(value).filter(|_| words::is("body message", name));
        let has_address = |own: &Shown| own.request.address.is_some() && !own.is_answered();
        let may_be_its = |own: &Shown| own.is_waiting() || said.is_some() && has_address(own);
        if self.out.is(may_be_its)
            && let Some(status) = words::status_named(&lower(said.unwrap_or(text)))
        {
            self.out.status(status, None);
        }
    }

    /// Takes a line of headers, and tells whether it was one.
    fn header(&mut self, text: &str, words: &Words, role: Role) -> bool {
        let block = match (role, self.out.block) {
            (Role::Note, _) => {
                self.addresses(text, words, Strength::Client);
                self.errors(words, Strength::Client);
                return true;
            }
            (Role::Sent, _) => Block::Request,
            (Role::Received, block) if block != Block::Connected => Block::Response,
            (_, block) => block,
        };
        if block == Block::None || !words::is_header(text) {
            if role == Role::Text {
                self.out.block = Block::None;
            }
            return false;
        }
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        self.out.header(block, name, value.trim().trim_matches('"'));
        true
    }

    /// Takes what a variable was set to, if it may be a token.
    fn variable(&mut self, text: &str, words: &Words) {
        // What gives values to variables that were printed as nothing.
        let is_empty = |judged: &Judged| judged.1 == Some(Mistake::EmptyToken);
        let variables = &mut self.out.variables;
        if pattern!(r"^(?:(?:source|\.|ssh|su|exec|direnv) \S+$|(?:sudo|eval) |exit$)")
            .is_match(text)
        {
            variables.retain(|_, judged| !is_empty(judged));
        }
        let read = pattern!(r#"(?i)(?:^|[;&] *)(?:read|set /p)\b(?: -\w+(?: "[^"]*")?)* "?(\w+)"#);
        if words.says("reads a variable")
            && let Some(found) = read.captures(text)
        {
            variables.remove(&found[1]);
            return;
        }
        let Some((left, value)) = text.split_once('=').or(text.split_once(':')) else {
            return;
        };
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name = left.trim().rsplit(|c| !is_part(c)).next();
        let name = name.unwrap_or_default();
        let value = value.trim();
        let bare = value.trim_matches(['"', '\'', ';']);
        let word = bare.split([' ', ';', '"', '\'']).next().unwrap_or_default();
        if word.contains("://") && self.out.addresses.len() < MAX_ADDRESSES {
            let forms = ["${#}", "%#%", "$#", "$env:#"].map(|form| form.replace('#', name));
            let forms = forms.map(|form| (form, word.to_owned()));
            self.out.addresses.splice(0..0, forms);
        }
        let is_token = has_prefix(bare) || words::says("token name", &lower(name));
        let is_of_env = lower(left).contains("$env:");
        let is_value = !bare.contains(' ') || bare.contains("${{") || is_of_env;
        let variables = &mut self.out.variables;
        // PowerShell has other ones beside those of its surroundings.
        let of_env = format!("env:{name}");
        let is_powershell = left.trim_start().starts_with('$');
        if is_powershell && !is_of_env {
            variables.remove(&of_env);
        }
        if !value.is_empty() && variables.get(name).is_some_and(is_empty) {
            variables.remove(name);
        }
        if is_token && is_value && !matches!(&*lower(name), "" | "authorization") {
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
            let shell = if is_powershell {
                Shell::PowerShell
            } else {
                Shell::Posix
            };
            let judged = request::judge_value(bare, quote, Some(shell), &Variables::new());
            if is_of_env && !variables.contains_key(name) {
                variables.insert(of_env, judged.clone());
            }
            variables.insert(name.to_owned(), judged);
        }
    }

    /// Reads what a shell printed in place of a variable without a value, as asked by the line above:
    /// nothing, no length, or its name. Tells whether it is that.
    fn echo(&mut self, printed: &str) -> bool {
        let above = self.text_of(self.line.wrapping_sub(1));
        let above = above.unwrap_or_default().trim();
        if above.len() > 200 || !above.contains(['$', '%']) {
            return false;
        }
        let echo = pattern!(concat!(
            r#"(?i)^(echo |write-\w+ |printf )?["']?([^"']*?"#,
            r#"((?:\$\{?#?(?:env:)?|%)(\w+)[}%]?(?:\.length)?)[^"']*?)["']?$"#,
        ));
        let prompt = prompt(above).filter(|(end, _)| *end > 1);
        let asked = prompt.map_or(above, |(end, _)| &above[end..]);
        let found = echo.captures(asked);
        let Some(found) = found.filter(|found| prompt.is_some() || found.get(1).is_some()) else {
            return false;
        };
        let [asked, variable, name] = [2, 3, 4].map(|group| &found[group]);
        let is_length = variable.contains('#') || lower(variable).ends_with(".length");
        let empty = asked.replace(variable, if is_length { "0" } else { "" });
        let mistake = match printed {
            printed if printed == asked && asked.contains('%') => Mistake::TokenVariable,
            printed if printed == empty => Mistake::EmptyToken,
            // Another look at it shows that it has a value by now.
            _ => {
                let variables = &mut self.out.variables;
                variables.retain(|own, (_, mistake)| {
                    own != name || *mistake != Some(Mistake::EmptyToken)
                });
                return false;
            }
        };
        let judged = (Credential::Named(name.to_owned()), Some(mistake));
        // That of PowerShell itself says nothing of that of its surroundings.
        let shell = prompt
            .and_then(|(_, shell)| shell)
            .or(self.out.reading.shell);
        let is_other = shell == Some(Shell::PowerShell) && !lower(variable).contains("env:");
        let own = if is_other {
            format!("env:{name}")
        } else {
            name.to_owned()
        };
        self.out.variables.insert(own, judged);
        true
    }

    /// Notices what sentences say of tokens, of DX and of builds, each of the tokens that it speaks of.
    fn says(&mut self, text: &str, words: &Words) {
        const LONGEST: usize = 400;
        for (hit, code) in words.kinds("dx", ALL) {
            if words.strength(&words.sentence(hit.start)) != Strength::Example {
                self.out.notes().codes.push(code);
            }
        }
        self.out.reading.has_builds |= words.says("builds");
        if text.len() > LONGEST {
            return;
        }
        let (mut next, says_dx) = (0, words.says("in dx"));
        while next < text.len() {
            // What is said of DX, what it is said of, and what denies it stand in one sentence.
            let end = words.sentence(next).end.max(next + 1);
            let part = if says_dx { next..end } else { 0..text.len() };
            next = part.end;
            let text = &text[part];
            let own = says_dx.then(|| Words::of(text));
            let words = own.as_ref().unwrap_or(words);
            // “The one that I'd rather not use in DX” is not there.
            let is_said = |(hit, _): (words::Hit, _)| {
                let clause = words.lower[..hit.start].rfind([',', '.', ';', ':', '!', '?']);
                let clause = clause.unwrap_or_default()..hit.start;
                let mut negations = words.kinds("negation", ALL);
                !negations.any(|(negation, _)| clause.contains(&negation.start))
            };
            let is_in_dx = words.kinds("in dx", ALL).any(is_said) && !words.says("doubt");
            let (is_new, is_old) = (words.says("new token"), words.says("old token"));
            if is_in_dx {
                // A sentence with a token in it speaks of that one, wherever it is used.
                let none = Variables::new();
                let tokens = pattern!(r"\bbit[wp]at_\w+").find_iter(text);
                let tokens =
                    tokens.map(|own| request::judge_value(own.as_str(), None, None, &none).0);
                let tokens: Vec<_> = tokens.filter(|own| *own != Credential::Unknown).collect();
                if !tokens.is_empty() {
                    self.out.notes().in_dx.extend(tokens);
                    continue;
                }
                let mut kinds = words.kinds("said", ALL).map(|(_, kind)| kind);
                if let Some(kind) = kinds.next()
                    && kinds.all(|own| own == kind)
                {
                    self.out.notes().kind_in_dx = TokenKind::named(kind);
                }
            }
            if is_in_dx || is_new || is_old {
                let is_new = is_new && (!is_old || self.out.said.is_new);
                self.out.said = Said { is_in_dx, is_new };
            } else if words.says("person") {
                self.out.said.is_in_dx = false;
            }
        }
    }

    /// Looks for a credential in a text: a header's in code, in a log, or as a tool shows it; or else
    /// the scheme that a client's form, or an argument in code, puts in front of one.
    fn authorization(&mut self, text: &str, words: &Words, is_client: bool) {
        let variables = &self.out.variables;
        let is_sent = self.out.block == Block::Request;
        let judged = match request::authorization(text, None, is_sent, variables) {
            Some(judged) if judged != (Credential::Unknown, None) => judged,
            // What a call makes of it may have a scheme in it.
            other => {
                let signs = ["authenticate:", "false", "null"];
                let is_sent = is_client
                    && !matches!(self.out.block, Block::Response | Block::Connected)
                    && !signs.iter().any(|sign| words.lower.contains(sign));
                let scheme = words.kind("scheme named").filter(|_| is_sent);
                let mistake = |scheme| request::judge_value(scheme, None, None, variables).1;
                let of_scheme = scheme.map(|scheme| (Credential::Unknown, mistake(scheme)));
                let Some(judged) = of_scheme.or(other) else {
                    return;
                };
                judged
            }
        };
        self.out.credential(judged);
    }

    /// Looks for addresses in a text, or else for paths behind a method or a label, and tells
    /// requests from mentions.
    fn addresses(&mut self, text: &str, words: &Words, how: Strength) {
        let (mut places, mut label): (Vec<_>, _) = (command::addresses(text).collect(), "asked");
        let has_address = !places.is_empty();
        if !has_address && text.contains('/') {
            let path = pattern!(&words::section("notation of a path").concat());
            let paths = path.captures_iter(text).filter_map(|found| found.get(1));
            (places, label) = (paths.map(|path| path.range()).collect(), "address key");
        }
        for Range { start: at, end } in places {
            let part = &text[at..end];
            let Some(address) = Address::read(part, true) else {
                continue;
            };
            // The method is the word in front, or the call that has the address in it or is made of it.
            let before = &text[..words::label_end(&words.lower, at)];
            let word = before.rsplit(|c: char| !c.is_ascii_uppercase()).next();
            let word = word.filter(|word| words::is("verb", word));
            let near = &text[floor(text, at.saturating_sub(64))..at];
            let around = pattern!(&words::section("notation of a call around").concat());
            let behind = pattern!(&words::section("notation of a call behind").concat());
            let call = near.contains('(').then(|| around.captures(near)).flatten();
            let call = call.or_else(|| behind.captures(&text[end..]));
            let call = call.as_ref().and_then(|call| call.get(1));
            let method = word.or(call.map(|call| call.as_str()));
            let method = method.map(str::to_ascii_uppercase);
            // As a request is sent, and not as a log of responses has it.
            let is_line = words::is("version", text[end..].trim_matches([' ', '"']));
            let is_named = words.label(label, at).is_some();
            let is_base = matches!(address.path.trim_end_matches('/'), "" | "/v0.1");
            let is_asked = if has_address {
                address.is_of_api() && (method.is_some() || !is_base)
            } else {
                (method.is_some() || is_named) && part.contains("/apps")
            };
            if !is_line && (!is_asked || words.label("not asked", at).is_some()) {
                continue;
            }
            let front = text[..at]
                .trim_end_matches(|c: char| "\"'` ".contains(c) || c.is_ascii_lowercase());
            let is_called = method.is_some() || front.ends_with('(');
            let is_shown = is_called || is_named;
            let is_mention = how != Strength::Client && !is_shown;
            // A browser's address bar leaves out the scheme, or has but signs around.
            let is_word = |c: char| c.is_alphanumeric() || c.is_ascii_punctuation();
            let mut around = [near, &text[end..floor(text, end + 64)]].into_iter();
            // Nor do members stand above it, as those of an archive whose start is missing.
            let above = self.text_of(self.line.wrapping_sub(1));
            let is_member = above.is_some_and(|line| line.len() < 200 && line.contains("\":"));
            let has_words = is_member || around.any(|part| part.contains(is_word));
            let asked = Request {
                address: Some(address),
                method,
                is_shown,
                is_whole: is_line,
                is_alone: !is_shown && (is_mention || !part.contains("://") || !has_words),
                ..Request::default()
            };
            let is_begun = (is_called || at == 0) && !is_mention;
            let start = if is_begun {
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

    /// Looks for the errors of clients, shells and filters, and tells whether there was one. Those of curl
    /// have a number, as in `curl: (6) Could not resolve host: h` (its manual, exit codes). An error is a
    /// fault, or else a `status` whose body `--fail` hid, `misread` if the command was not read as it was
    /// meant, so that nothing was asked, or `nothing` that is said of the response.
    fn errors(&mut self, words: &Words, how: Strength) -> bool {
        let of_curl = || {
            let (_, error) = words.lower.split_once("curl:")?;
            let (number, said) = error.split_once('(')?.1.split_once(')')?;
            let own = words::which("curl", number).unwrap_or("unknown");
            // A host that was not found is none, but a part of the command that curl took for an address,
            // since the shell does not know its quotes.
            let host = said.rsplit(": ").next().unwrap_or_default().trim();
            let is_host = (host.contains('.') || host == "localhost")
                && !has_prefix(host)
                && !host.contains(['\'', '"', '‘', '’', '“', '”', '\\']);
            Some(match (own, words.kind("fault")) {
                ("dns", _) if !is_host => "misread",
                ("misread", Some("not_http")) => "not_http",
                ("tls_failed", Some("closed")) => "closed_in_handshake",
                ("refused", _) if said.contains("proxy") => "proxy_unreachable",
                ("status" | "misread" | "tls_no_roots", _) => own,
                // The words say more than the number.
                (own, told) => told.unwrap_or(own),
            })
        };
        let is_told = |name: &&str| how == Strength::Client || !matches!(*name, "shell");
        let own = || words.kind("failure").filter(is_told);
        let fault = || words.kind("fault").filter(|_| how == Strength::Client);
        let told = || own().or_else(fault).filter(|_| how != Strength::Example);
        let failure = match of_curl().or_else(told) {
            Some("status") => {
                self.out.shown().request.is_hidden |= how != Strength::Example;
                return false;
            }
            Some("shell") if !words.says("mistake quotes") => {
                self.out.notes().unread = Some(Incomplete::ShellError);
                return true;
            }
            None => return false,
            Some("nothing") => return true,
            Some("misread" | "shell") => Failure::Misread(Mistake::Quotes),
            Some("alias") => Failure::Misread(Mistake::PowerShellAlias),
            Some("filter") => Failure::Filter,
            Some(name) => Failure::Fault(FaultKind::named(name).unwrap_or(FaultKind::Unknown)),
        };
        self.out.fails(failure);
        true
    }

    /// Looks for statuses in a text, in whichever notation.
    fn statuses(&mut self, text: &str, words: &Words) {
        let second = text.split_whitespace().nth(1).unwrap_or_default();
        let is_figure = second.starts_with(|c: char| c.is_ascii_digit()) || second.contains("://");
        let is_alone = text.len() == 3 || is_figure || matches!(second, "ms" | "·");
        let is_waiting = |shown: &Shown| {
            shown.status.is_none() && (shown.request.address.is_some() || shown.body.is_some())
        };
        self.out.is_tunnel |= text.starts_with("HTTP/") && words.says("connected")
            || text.starts_with("CONNECT ") && text.contains(" HTTP/");
        let named = words.kind("step").and_then(CheckId::named);
        // In a language whose words are not known, a sentence is one of letters, and hardly anything else.
        let is_of_letters = |part: &Range<usize>| {
            let count = |is: fn(char) -> bool| words.lower[part.clone()].matches(is).count();
            let (letters, digits) = (count(char::is_alphabetic), count(char::is_numeric));
            let signs =
                count(|c| !c.is_alphanumeric() && !c.is_whitespace() && !".,()'’".contains(c));
            letters >= 12 && signs * 20 < letters && digits * 2 < letters
        };
        // Each is looked at once.
        let mut sentence = (0..0, Strength::Example, false);
        for (at, status) in numbers(text) {
            // The one that is named last in front, if it is near.
            let near = words.kinds("step", at.saturating_sub(160)..at).last();
            let step = near.and_then(|(_, name)| CheckId::named(name)).or(named);
            // As a command was asked to print it, such as `apps: 200`, or as a person does.
            let label = || words.lower[..at].trim_end_matches(|c: char| !c.is_alphabetic());
            let own = || step.filter(|_| words.label("step", at).is_some());
            if at + 3 == text.len()
                && let Some(step) =
                    { words::which("printed", label()).and_then(CheckId::named) }.or_else(own)
            {
                self.out.told(Some(step), status);
                continue;
            }
            let version = words.label("version", at);
            let is_sure = version.is_some() || at == 0 && is_alone && self.out.is(is_waiting);
            let sign = sign_of(status, at, words).max(is_sure.then_some(true));
            let is_refusal = matches!(status, 401 | 403 | 404 | 429 | 502..=504);
            if sign.is_none() && !is_refusal {
                continue;
            }
            if !sentence.0.contains(&at) {
                let part = words.sentence(at);
                sentence = (part.clone(), words.strength(&part), is_of_letters(&part));
            }
            // In a person's sentence, a number counts at the end of what it says.
            let behind = words.lower[at + 3..].chars().next();
            let is_end = behind.is_none_or(|c| ",.;:!)?\"'、。".contains(c));
            let is_told = version.is_some() || sign.map_or(is_end, |is_sure| !is_sure);
            let is_sentence = || {
                let has_label = version.is_some() || words.label("label", at).is_some();
                sentence.2 && !has_label && !self.out.is(is_waiting)
            };
            match sentence.1 {
                Strength::Example => {}
                how if is_told && (how == Strength::Prose || is_sentence()) => {
                    self.out.told(step, status);
                }
                _ if sign.is_some() => self.out.status(status, version),
                _ => {}
            }
        }
    }

    // --- Tables.

    /// Reads a row of a table, and tells whether it is one with lines around its cells. PowerShell
    /// prints an object in two rows: between names and values, a line of dashes.
    fn table(&mut self, text: &str) -> bool {
        let is_line = |c: char| c == '|' || ('\u{2500}'..='\u{257f}').contains(&c);
        let text = text.trim();
        let inner = text.trim_matches(is_line);
        if !text.starts_with(is_line) || !text.ends_with(is_line) || !inner.contains(is_line) {
            let is_rule = |word: &str| word.len() > 2 && word.bytes().all(|b| b == b'-');
            if text.len() > 2
                && text.split_whitespace().all(is_rule)
                && let Some(names) = self.text_of(self.line.wrapping_sub(1))
                && let Some(values) = self.text_of(self.line + 1)
            {
                let members = pattern!("-+ *").find_iter(text).map(|column| {
                    let is_last = column.end() == text.len();
                    let width = if is_last { usize::MAX } else { column.len() };
                    let cell = |row: &str| {
                        let cell = row.chars().skip(column.start()).take(width);
                        cell.collect::<String>().trim().to_owned()
                    };
                    let value = cell(values).replace("{}", "[]");
                    format!("{}={value}; ", cell(names))
                });
                let object = format!("@{{{}}}", members.collect::<String>());
                if let Some(body) = Body::read(&object, false) {
                    self.no_object_before = self.lines[self.line + 1].end;
                    self.out.body(body);
                }
            }
            return false;
        }
        if let Some((name, value)) = inner.split_once(is_line)
            && !value.contains(is_line)
        {
            let text = format!("{}: {}", name.trim(), value.trim());
            self.piece(&text, &Words::of(&text));
            return true;
        }
        // People write these, and nobody can say which cell is of which request.
        let step = Words::of(text).kind("step").and_then(CheckId::named);
        numbers(text).for_each(|(_, status)| self.out.told(step, status));
        true
    }
}

/// Returns the numbers that may be statuses and stand alone in a text, with their places.
fn numbers(text: &str) -> impl Iterator<Item = (usize, u16)> {
    let bytes = text.as_bytes();
    let is_word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let places = bytes.windows(3).enumerate().filter(move |(at, digits)| {
        let is_number = digits.iter().all(u8::is_ascii_digit) && matches!(digits[0], b'1'..=b'5');
        let before = at.checked_sub(1).map(|at| bytes[at]);
        let is_free = || before.is_none_or(|b| !is_word(&b) && !b"-/.+#".contains(&b));
        let is_end = || match &bytes[at + 3..] {
            // A part of a figure, or the line of a file in a trace.
            [b'.' | b':', b'0'..=b'9', ..] | [b'-' | b'/', ..] => false,
            behind => !behind.first().is_some_and(is_word),
        };
        is_number && is_free() && is_end()
    });
    places.filter_map(|(at, _)| Some((at, text[at..at + 3].parse().ok()?)))
}

/// Tells by what stands around a number whether it is a status, and whether that is certain.
fn sign_of(status: u16, at: usize, words: &Words) -> Option<bool> {
    let (before, behind) = (&words.lower[..at], &words.lower[at + 3..]);
    let near = &before[floor(before, at.saturating_sub(300))..];
    let bracketed = near.strip_suffix('(').filter(|_| behind.starts_with(')'));
    let near = bracketed.unwrap_or(near);
    let last = near.split_whitespace().next_back().unwrap_or_default();
    let has_address = |text: &str| text.contains("://") || text.contains("/apps");
    let is_behind = ["->", "=>", "→", ":"].contains(&last) && has_address(near);
    let is_placed = match bracketed {
        // As .NET writes it in every language: “…: (401) Unauthorized.”
        Some(_) if near.trim_end_matches(['(', ' ']).ends_with([':', '：']) => true,
        Some(_) => has_address(last) || has_address(&behind[..floor(behind, 64)]),
        None => last.contains("://") && near.ends_with(' '),
    };
    // What a program compares it with is what should be.
    let is_compared = pattern!("[=!<>]=$").is_match(last);
    let is_sure = words.label("sure label", at).is_some();
    // The name stands behind it, or in front.
    let has_name = || {
        let gap = |c: char| c.is_whitespace() || "()-–:\"',".contains(c);
        let start = words.lower.len() - behind.trim_start_matches(gap).len();
        let end = before.trim_end_matches(['(', ' ', '[']).len();
        let name = format!("status {status}");
        let mut hits = words.kinds(&name, at.saturating_sub(64)..start + 64);
        hits.any(|(hit, _)| hit.start == start || hit.end == end && end < at)
    };
    // A place alone makes a status of those with a name.
    let is_named = || !words::section(&format!("status {status}")).is_empty();
    let is_sign = is_sure
        || (is_behind || is_placed) && is_named()
        || words.label("label", at).is_some()
        || has_name();
    (is_sign && !is_compared).then_some(is_sure)
}

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
use super::request::{self, Address, Credential, Request, Shell, Variables, mistake_of_query};
use super::words::{self, ALL, Strength, Words, floor, lower};
use crate::check::CheckId;
use crate::exchange::FaultKind;
use crate::pasted::Mistake;
use crate::token::{TokenKind, has_prefix};
use regex_lite::Regex;
use serde_json::Value;
use std::ops::Range;
use std::sync::LazyLock;

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
    static PROMPTS: LazyLock<[(Regex, Option<Shell>); 4]> = LazyLock::new(|| {
        [
            ("prompt powershell", Some(Shell::PowerShell)),
            ("prompt cmd", Some(Shell::Cmd)),
            ("prompt posix", Some(Shell::Posix)),
            ("prompt interpreter", None),
        ]
        .map(|(name, shell)| {
            let patterns = words::section(name).join("|");
            (super::regex(&format!("^(?:{patterns})")), shell)
        })
    });
    let start = &text[..floor(text, 300)];
    let signs = ['$', '%', '#', '❯', '➜', '»', 'λ', '>', '~'];
    let mut signs = start.match_indices(signs);
    let is_sign =
        |(at, sign): (usize, &str)| sign == ">" || start[at + sign.len()..].starts_with(' ');
    if !signs.any(is_sign) && !start.starts_with("In [") {
        return None;
    }
    let mut prompts = PROMPTS.iter();
    prompts.find_map(|(pattern, shell)| Some((pattern.find(start)?.end(), *shell)))
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
            if from == line.start && self.table(text) {
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
        if object.is_none() {
            self.no_object_before = self.no_object_before.max(line.end);
        }
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
        if command.request.address.is_some() || whole.contains(['$', '%', '@', '<', '…']) {
            self.out.asked(command.request, Start::Command);
        } else {
            self.out.fresh();
        }
        let end = self.lines[next - 1].end;
        self.no_object_before = self.no_object_before.max(end);
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
            return self.goes_to(end);
        }
        // Of an archive of which the start is missing: headers of the request around.
        let is_pair = pair(found.value.get(0).unwrap_or(&found.value)).is_some();
        let is_cut = (is_pair || front == r#""headers":"#) && !self.out.is(Shown::is_answered);
        // As consoles have them below a heading, each of one kind.
        let holds_request = has(&found.value, "address key")
            || has(&found.value, "method key")
            || found.value.get("headers").is_some();
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
        let is_asked = !self
            .out
            .is(|own| own.is_answered() && own.request.address.is_none());
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
            let mistakes = records.flat_map(|record| record.request.mistakes);
            self.out.given(Request {
                mistakes: mistakes.collect(),
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
        // As in `"Response Body"`.
        let key = |name: &str| name.replace(' ', "_");
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
                if let Some((name, own)) = pair(value) {
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
        let is = |kind| words::is(kind, &key(name));
        let is_set = !matches!(&*text, "" | "false" | "null");
        let scheme = Words::of(name).kind("scheme named");
        let request = &mut found.request;
        match part {
            "received" => found.headers.push((name.to_owned(), text)),
            "sent" => request.header(name, &text, variables),
            "query" => request.mistakes.extend(mistake_of_query(name, &text)),
            _ if name == "authorization" => request.header(name, &text, variables),
            _ if scheme.is_some() && is_set => {
                request.header("authorization", scheme.unwrap_or_default(), variables);
            }
            _ if is("address key") => {
                let is_one =
                    text.contains("://") || text.starts_with('/') && text.contains("/apps");
                let address = Address::of_path(&text).filter(|own| is_one && own.is_of_api());
                request.address = address.or(request.address.take());
            }
            _ if is("method key") && words::is("method", &text) => request.method = Some(text),
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
        let words = if is_line {
            std::mem::take(&mut self.words)
        } else {
            Words::of(text)
        };
        self.piece(text, &words);
        // Emacs has its body in front.
        if text.starts_with("//") && text.contains("HTTP/") {
            self.out.fresh();
        }
    }

    fn piece(&mut self, text: &str, words: &Words) {
        let role = self.lines[self.line].role;
        if self.header(text, words, role) {
            return;
        }
        let how = words.strength(&(0..floor(text, 600)));
        let sign = text.find([':', '=']).unwrap_or(text.len());
        let name = words.lower[..sign].trim_matches(|c: char| !c.is_alphabetic());
        let value = text.get(sign + 1..).unwrap_or_default();
        self.out.block = match value {
            "" if words::is("block request", name) => Block::Request,
            "" if words::is("block response", name) => Block::Response,
            _ => self.out.block,
        };
        let bare = words.lower.trim_matches(|c: char| !c.is_alphabetic());
        let is_heading = words::is("example heading", &bare.replace('\t', " "));
        if is_heading || text.ends_with([':', '：']) || words::is("answer heading", bare) {
            self.out.is_example = is_heading || words.says("example");
        }
        self.says(text, words);
        let is_sign = |c: char| c.is_ascii_digit() || "{}[]<>=:/\\|\"_".contains(c);
        let is_set = || pattern!("^(?:export )?[A-Z_]+=").is_match(text);
        let is_output = self.is_output && how == Strength::Client && self.out.is(Shown::is_waiting);
        if is_output && text.contains(is_sign) && !is_set() {
            let why = self.out.shown().unseen();
            self.out.notes().unread.get_or_insert(why);
        }
        if let Some(step) = words.kind("step").filter(|_| text.len() < 160)
            && let Some(step) = CheckId::named(step)
        {
            self.out.step(step);
        }
        self.variable(text);
        self.echo(text);
        let bare = |text: &str| text.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
        let mut part = Request::default();
        let is_named = |found: &regex_lite::Match<'_>| {
            words::is("method", found.as_str())
                && words.label("method key", found.start()).is_some()
        };
        let has_key = words.kinds("method key", ALL).next().is_some();
        let mut methods = pattern!(r"\b[A-Za-z]{3,7}\b").find_iter(text);
        if let Some(method) = has_key.then(|| methods.find(is_named)).flatten() {
            let method = method.as_str().to_ascii_uppercase();
            part.method = Some(method).filter(|method| !words::is("reading method", method));
        } else if words::which("part", name) == Some("query") {
            let pairs = value
                .split(',')
                .filter_map(|pair| pair.split_once([':', '=']));
            let mistakes =
                pairs.filter_map(|(name, value)| mistake_of_query(&bare(name), &bare(value)));
            part.mistakes = mistakes.collect();
        }
        self.out.given(part);
        self.authorization(text, words, role == Role::Text && how == Strength::Client);
        for (hit, _) in words.kinds("other header", ALL) {
            let (before, behind) = (&words.lower[..hit.start], &words.lower[hit.end..]);
            let name = &words.lower[hit.start..hit.end];
            let is_key = before.ends_with(['"', '\'']) && behind.starts_with(['"', '\'']);
            if is_key && name.contains('-') {
                self.out.shown().request.other_header(name);
            }
        }
        self.addresses(text, words, how);
        if text.starts_with("HTTP/") || !self.errors(words, how) {
            self.statuses(text, words);
        }
        // A response names its status in a word, or in a labelled message.
        let said = Some(value).filter(|_| words::is("body message", name));
        if role == Role::Text
            && self.out.is(Shown::is_waiting)
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
    fn variable(&mut self, text: &str) {
        let set = text.split_once('=').or(text.split_once(':'));
        let Some((left, value)) = set.filter(|(left, _)| left.len() <= 80) else {
            return;
        };
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name = left.trim().rsplit(|c| !is_part(c)).next();
        let name = name.unwrap_or_default();
        let value = value.trim();
        let bare = value.trim_matches(['"', '\'', ';']);
        let is_token = has_prefix(bare) || words::says("token name", &lower(name));
        let is_of_env = lower(left).contains("$env:");
        let is_value = !bare.contains(' ') || bare.contains("${{") || is_of_env;
        if is_token && is_value && !matches!(&*lower(name), "" | "authorization") {
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
            let none = Variables::new();
            let judged = request::judge_value(bare, quote, Some(Shell::Posix), &none);
            let variables = &mut self.out.variables;
            // PowerShell has other ones beside those of its surroundings.
            let of_env = format!("env:{name}");
            if is_of_env && !variables.contains_key(name) {
                variables.insert(of_env, judged.clone());
            }
            variables.insert(name.to_owned(), judged);
        }
    }

    /// Notices what a shell printed in place of a variable without a value, as asked by the line above:
    /// nothing, no length, or its name.
    fn echo(&mut self, printed: &str) {
        let above = self.line.checked_sub(1).and_then(|line| self.text_of(line));
        let above = above.unwrap_or_default().trim();
        if above.len() > 200 || !above.contains(['$', '%']) {
            return;
        }
        let echo = pattern!(concat!(
            r#"(?i)^(?:echo |write-\w+ |printf )?["']?([^"']*?"#,
            r#"((?:\$\{?#?(?:env:)?|%)(\w+)[}%]?(?:\.length)?)[^"']*?)["']?$"#,
        ));
        let asked = prompt(above).map_or(above, |(end, _)| &above[end..]);
        let Some(found) = echo.captures(asked) else {
            return;
        };
        let [asked, variable, name] = found.extract().1;
        let is_length = variable.contains('#') || lower(variable).ends_with(".length");
        let empty = asked.replace(variable, if is_length { "0" } else { "" });
        let mistake = match printed {
            printed if printed == asked && asked.contains('%') => Mistake::TokenVariable,
            printed if printed == empty => Mistake::EmptyToken,
            _ => return,
        };
        let judged = (Credential::Named(name.to_owned()), Some(mistake));
        self.out.variables.insert(name.to_owned(), judged);
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
                let judged = |own: &str| request::judge_value(own, None, None, &none).0;
                let tokens = tokens.map(|own| judged(own.as_str()));
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
        let Some(value) = command::Value::of_authorization(text) else {
            let signs = ["authenticate:", "false", "null"];
            if is_client
                && !matches!(self.out.block, Block::Response | Block::Connected)
                && let Some(scheme) = words.kind("scheme named")
                && !signs.iter().any(|sign| words.lower.contains(sign))
            {
                let (_, mistake) = request::judge_value(scheme, None, None, variables);
                self.out.credential((Credential::Unknown, mistake));
            }
            return;
        };
        let is_name = value.is_code && pattern!(r"^[A-Za-z_.][\w.]*$").is_match(&value.text);
        let is_sent = self.out.block == Block::Request;
        let judged = match request::judge_value(&value.text, None, None, variables) {
            _ if is_name && !value.text.starts_with("bit") => {
                request::named(&value.text, variables)
            }
            // A source's variables are read where they stand.
            (Credential::Named(name), Some(Mistake::TokenVariable)) if !is_sent => {
                request::named(&name, variables)
            }
            judged => judged,
        };
        self.out.credential(judged);
    }

    /// Looks for addresses in a text, or else for paths behind a method or a label, and tells
    /// requests from mentions.
    fn addresses(&mut self, text: &str, words: &Words, how: Strength) {
        /// The maximum number of bytes of a browser's address bar.
        const BAR: usize = 4096;
        let has_address = command::address_at(text, 0).is_some();
        let (next, label): (fn(&str, usize) -> _, _) = if has_address {
            (command::address_at, "asked")
        } else {
            (path_at, "address key")
        };
        let mut from = 0;
        while let Some((at, end)) = next(text, from) {
            from = end;
            let part = &text[at..end];
            let Some(address) = Address::of_path(part) else {
                continue;
            };
            // The method is a word of its own in front, or the call that has the address in it or is made
            // of it.
            let before = &text[..words::label_end(&words.lower, at)];
            let word = before.rsplit(|c: char| !c.is_ascii_uppercase()).next();
            let word = word.filter(|word| words::is("method", word));
            let is_part = |c: char| c.is_alphanumeric() || "_-./".contains(c);
            let is_free = |word: &&str| !before[..before.len() - word.len()].ends_with(is_part);
            let near = &text[floor(text, at.saturating_sub(64))..at];
            let around = || {
                let call = pattern!(&words::section("notation of a call around").concat());
                near.contains('(').then(|| call.captures(near)?.get(1))?
            };
            let behind = || {
                let call = pattern!(&words::section("notation of a call behind").concat());
                call.captures(&text[end..])?.get(1)
            };
            let call = around().or_else(behind);
            let method = word.filter(is_free).or(call.map(|call| call.as_str()));
            let method = method.map(str::to_ascii_uppercase);
            // As a request is sent, and not as a log of responses has it.
            let is_line = method.is_some()
                && text.len() - end < 16
                && words::is("version", text[end..].trim_matches([' ', '"']));
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
            let has_no_scheme = has_address && !part.contains("://");
            let is_word = |c: char| c.is_alphanumeric() || c.is_ascii_punctuation();
            let mut around = [&text[..at], &text[end..]].into_iter();
            // Nor do members stand above it, as those of an archive whose start is missing.
            let above = self.line.checked_sub(1).and_then(|line| self.text_of(line));
            let is_member = above.is_some_and(|line| line.len() < 200 && line.contains("\":"));
            let has_words =
                is_member || text.len() > BAR || around.any(|part| part.contains(is_word));
            let asked = Request {
                address: Some(address),
                method,
                is_shown,
                is_whole: is_line,
                is_alone: !is_shown && (is_mention || has_no_scheme || !has_words),
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

    /// Looks for the errors of clients, shells and filters, and tells whether there was one.
    fn errors(&mut self, words: &Words, how: Strength) -> bool {
        let is_told = |name: &&str| how == Strength::Client || !matches!(*name, "shell");
        let own = || words.kind("failure").filter(is_told);
        let fault = || words.kind("fault").filter(|_| how == Strength::Client);
        let told = || own().or_else(fault).filter(|_| how != Strength::Example);
        let failure = match command::curl_error(words).or_else(told) {
            Some("status") => {
                self.out.shown().request.is_hidden |= how != Strength::Example;
                return false;
            }
            Some("shell") if !words.says("mistake quotes") => {
                self.out.notes().has_shell_error = true;
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
        let is_figure = second.starts_with(|c: char| c.is_ascii_digit());
        let is_alone = text.len() == 3 || is_figure || matches!(second, "ms" | "·");
        let is_waiting = |shown: &Shown| {
            let has_part = shown.request.address.is_some() || shown.body.is_some();
            has_part && shown.status.is_none() && shown.fault().is_none()
        };
        self.out.is_tunnel |= text.starts_with("HTTP/") && words.says("connected")
            || text.starts_with("CONNECT ") && text.contains(" HTTP/");
        let named = words.kind("step").and_then(CheckId::named);
        let mut sentence = (0..0, Strength::Example);
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
                let around = words.sentence(at);
                sentence = (around.clone(), words.strength(&around));
            }
            // In a person's sentence, a number counts at the end of what it says.
            let behind = words.lower[at + 3..].chars().next();
            let is_end = behind.is_none_or(|c| ",.;:!)?\"'、。".contains(c));
            let is_told = version.is_some() || sign.map_or(is_end, |is_sure| !is_sure);
            // In a language whose words are not known, a sentence is one of letters.
            let is_sentence = || {
                let has_label = version.is_some() || words.label("label", at).is_some();
                !has_label && !self.out.is(is_waiting) && words.is_sentence(&sentence.0)
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
            let row = |line: Option<usize>| line.and_then(|line| self.text_of(line));
            if text.len() > 2
                && text.split_whitespace().all(is_rule)
                && let Some(names) = row(self.line.checked_sub(1))
                && let Some(values) = row(self.line.checked_add(1))
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

/// Returns the name and the value that an object is as a whole, as archives list headers.
fn pair(value: &Value) -> Option<(&str, &Value)> {
    Some((value.get("name")?.as_str()?, value.get("value")?))
}

/// Returns where the next path stands in a text, as a word of its own.
fn path_at(text: &str, from: usize) -> Option<(usize, usize)> {
    let is_border = |c: char| c.is_whitespace() || "\"'`([{,=:>".contains(c);
    let is_end = |c: char| c.is_whitespace() || "\"'`,)]}".contains(c);
    let rest = text.get(from..)?;
    let mut places = rest.match_indices('/').map(|(at, _)| from + at);
    let at = places.find(|at| *at == 0 || text[..*at].ends_with(is_border))?;
    let path = text[at..].split(is_end).next().unwrap_or_default();
    Some((at, at + path.trim_end_matches([':', '.']).len().max(1)))
}

/// Returns the numbers that may be statuses and stand alone in a text, with their places.
fn numbers(text: &str) -> impl Iterator<Item = (usize, u16)> {
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || b"_-/".contains(b);
    let bytes = text.as_bytes();
    let places = bytes.windows(3).enumerate().filter(move |(at, digits)| {
        let is_number = digits.iter().all(u8::is_ascii_digit) && matches!(digits[0], b'1'..=b'5');
        let before = at.checked_sub(1).map(|at| bytes[at]);
        let is_free = || before.is_none_or(|b| !is_part(&b) && !b".+#".contains(&b));
        let is_end = || match &bytes[at + 3..] {
            // A part of a figure, or the line of a file in a trace.
            [b'.' | b':', b'0'..=b'9', ..] => false,
            behind => !behind.first().is_some_and(is_part),
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
    let mut signs = ["==", "!=", "<=", ">="].iter();
    let is_compared = signs.any(|sign| last.ends_with(sign));
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

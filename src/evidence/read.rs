//! From plain lines to signs: addresses, methods, credentials, statuses, headers, bodies, faults.
//!
//! Whatever a value is, it is known by what stands around it: its label in any notation
//! (`key: value`, `"key": value`, `key = value`, a cell of a table, a member of an object), its name,
//! its call. Objects are read as bodies, as records of exchanges, or as text. What the signs mean
//! together is left to the exchanges.
//!
//! Invariant: each character is looked at a bounded number of times.

use super::command::{self, Command, CurlError};
use super::exchanges::{Block, Exchanges};
use super::messages::Messages;
use super::object::{self, Found};
use super::plain::{Line, Plain, Role};
use super::request::{self, Address, Credential, Request, Shell, Variables};
use super::words::{self, Strength, Words, floor, lower};
use crate::pasted::Mistake;
use regex_lite::Regex;
use serde_json::Value;
use std::ops::Range;
use std::sync::LazyLock;

pub(super) use super::exchanges::{Body, Reading, Said, Shown};

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
    columns: Vec<(usize, String)>,
    is_env: bool,
    shell: Option<Shell>,
}

/// What of an exchange an object tells of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    Any,
    Request,
    Response,
}

/// A sign in an object that records an exchange.
#[derive(Debug)]
enum Sign {
    Asked(Request),
    Authorization(String),
    Status(u16),
    Header(String, String),
    Body(Body),
}

/// Reads a text.
pub(super) fn read(plain: &Plain) -> Reading {
    let mut out = Exchanges::default();
    out.reading.messages = Messages::of(plain);
    let mut reader = Reader {
        plain,
        out,
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

/// Tells whether a line starts something else than the rest of an object for certain.
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

impl Reader<'_> {
    fn here(&self) -> Line {
        self.plain.lines[self.line]
    }

    fn message_of(&self, line: usize) -> Option<usize> {
        self.out
            .reading
            .messages
            .of_line
            .get(line)
            .copied()
            .flatten()
    }

    /// Reads a line from a place in it on, and returns where to go on.
    fn line(&mut self, from: usize) -> usize {
        let (plain, line) = (self.plain, self.here());
        let Some(message) = self.message_of(self.line) else {
            if line.role == Role::Border {
                self.out.end_block();
            }
            return self.next_line();
        };
        self.is_env &= self.out.message == Some(message);
        self.out.message(message);
        let from = from.max(line.start);
        if self.begun != Some(self.line) {
            self.begun = Some(self.line);
            let text = &plain.text[line.start..line.end];
            self.words = Words::of(text);
            self.commands = command::starts(&self.words)
                .map(|at| line.start + at)
                .collect();
            self.commands.reverse();
            if from == line.start && self.table(text) {
                return self.next_line();
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
        let own = self.line;
        self.text(from..end, line.role);
        match object {
            // A page of markup goes on to its end.
            Some(start) if self.line == own => self.object(start),
            _ => self.next_line(),
        }
    }

    fn next_line(&mut self) -> usize {
        self.line += 1;
        0
    }

    /// Goes on behind a place of the text.
    fn goes_to(&mut self, at: usize) -> usize {
        while self.line < self.plain.lines.len() && self.here().end <= at {
            self.line += 1;
        }
        at
    }

    /// Returns where the next line begins that is fresh, or is of another message.
    fn stop(&mut self) -> usize {
        if self.stop.0 <= self.line {
            let message = self.message_of(self.line);
            let mut next = self.line + 1;
            let is_inside = |line: &Line, next| {
                let is_blank = line.start == line.end;
                let is_same = self.message_of(next) == message && line.role == Role::Text;
                let text = &self.plain.text[line.start..line.end];
                is_blank && line.role != Role::Border || is_same && !is_fresh(text)
            };
            while self
                .plain
                .lines
                .get(next)
                .is_some_and(|line| is_inside(line, next))
            {
                next += 1;
            }
            let place = self
                .plain
                .lines
                .get(next)
                .map_or(self.plain.text.len(), |line| line.start);
            self.stop = (next, place);
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
        let (whole, end, next_line) = self.whole_command(start);
        let command = Command::read(&whole, shell, self.shell, &self.out.variables)?;
        // A sentence that names a program and an address is no command.
        let is_typed = before.trim().is_empty()
            || before.trim_end().ends_with(['$', '|', '>', '%', '#', '+'])
            || own.is_some();
        let is_bare = is_typed && whole.split_whitespace().count() <= 2;
        let is_said = self
            .words
            .strength(&(from - line.start..self.words.lower.len()))
            != Strength::Client;
        if !command.has_options && !is_bare && is_said {
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
        self.out.command(command.request, is_repeated);
        self.line = next_line;
        self.no_object_before = self.no_object_before.max(end);
        Some(self.goes_to(end))
    }

    /// Returns a command with the lines that it goes on in, where it ends, and in which line.
    fn whole_command(&mut self, start: usize) -> (String, usize, usize) {
        /// The maximum number of lines, and of bytes, of a command.
        const MOST: (usize, usize) = (24, 6000);
        let plain = self.plain;
        let mut whole = String::new();
        let (mut line, mut from) = (self.line, start);
        // The next command of the line is one of its own.
        let is_border = |at: &&usize| {
            let before = plain.text[start..**at].trim_end();
            before.ends_with([';', '&', '|']) && !before.ends_with(" |")
        };
        let next = self.commands.iter().rev().find(is_border).copied();
        loop {
            let end = next
                .filter(|_| line == self.line)
                .unwrap_or(plain.lines[line].end);
            let text = &plain.text[from..end];
            let cut = floor(text, MOST.1.saturating_sub(whole.len()));
            whole.push_str(&text[..cut]);
            let is_cut =
                cut < text.len() || end < plain.lines[line].end || line - self.line >= MOST.0;
            let Some(below) = plain.lines.get(line + 1).filter(|_| !is_cut) else {
                return (whole, end, line);
            };
            let text = plain.text[below.start..below.end].trim_start();
            let is_same = self.message_of(line + 1) == self.out.message && below.role == Role::Text;
            if !is_same || text.is_empty() || is_fresh(text) || !command::goes_on(&mut whole, text)
            {
                return (whole, end, line);
            }
            line += 1;
            from = below.end - text.len();
        }
    }

    fn has_shell(&mut self, shell: Option<Shell>) {
        self.shell = shell.or(self.shell);
        self.out.reading.shell = self.shell;
    }

    // --- Objects.

    fn object_start(&mut self, from: usize) -> Option<usize> {
        let line = self.here();
        let skipped = self.no_object_before.max(from);
        let text = self.plain.text.get(skipped..line.end)?;
        let places = text.match_indices(['{', '[']).map(|(at, _)| skipped + at);
        for at in places {
            let is_powershell = at > skipped
                && self.plain.text[..at].ends_with('@')
                && self.plain.text[at..].starts_with('{');
            let at = at - usize::from(is_powershell);
            let stop = self.stop().max(line.end);
            if object::may_start(&self.plain.text[at..stop]) {
                return Some(at);
            }
        }
        self.no_object_before = line.end;
        None
    }

    /// Reads an object: a body, a record of an exchange, or else text. Returns where to go on.
    fn object(&mut self, start: usize) -> usize {
        let (plain, line) = (self.plain, self.here());
        let stop = self.stop().max(line.end);
        self.no_object_before = start + 1;
        let Some(found) = object::read(&plain.text[start..stop]) else {
            return start;
        };
        let end = start + found.end.max(1);
        self.no_object_before = end;
        let value: Value = serde_json::from_str(&found.json).unwrap_or(Value::Null);
        let place = start - line.start;
        let is_request =
            self.words.labels("part request", place) || self.words.labels("not a body", place);
        // Any JSON at the start of a line is a response; in code, what looks like one.
        let is_any = plain.text[start + 1..end]
            .trim_start()
            .starts_with(['"', '}'])
            && plain.text[line.start..start]
                .trim()
                .bytes()
                .all(|b| b.is_ascii_digit());
        if !is_request && let Some(body) = body_of(&found, &value, is_any) {
            self.out.body(body);
            return self.goes_to(end);
        }
        let part = if is_request { Part::Request } else { Part::Any };
        let mut signs = Vec::new();
        walk(&value, part, 0, &mut signs);
        let is_record = signs
            .iter()
            .any(|sign| matches!(sign, Sign::Status(_) | Sign::Body(_)));
        if !is_record || !found.is_closed && found.end < 2 {
            return start;
        }
        // In code a name without quotes is a variable's: the text says more than the object.
        let is_json = plain.text[start + 1..end].trim_start().starts_with('"');
        self.signs(signs, is_json);
        if !is_json {
            self.authorization(&plain.text[start..end]);
        }
        self.goes_to(end)
    }

    /// Takes the signs of an object; the address stands first, wherever it stood.
    fn signs(&mut self, mut signs: Vec<Sign>, has_credentials: bool) {
        if let Some(asked) = signs.iter().position(|sign| matches!(sign, Sign::Asked(_))) {
            signs[..=asked].rotate_right(1);
        }
        let status = signs.iter().find_map(|sign| match sign {
            Sign::Status(status) => Some(*status),
            _ => None,
        });
        let is_late = self.out.is(|shown| {
            shown.request.address.is_none() && shown.status.is_some() && shown.status == status
        });
        for sign in signs {
            match sign {
                Sign::Asked(request) => self.out.asked(request, !is_late),
                Sign::Authorization(value) if has_credentials => {
                    let judged = request::judge_value(&value, None, None, &self.out.variables);
                    self.out.credential(judged);
                }
                Sign::Authorization(_) => {}
                Sign::Status(status) => self.out.status(status, None),
                Sign::Header(name, value) => self.out.header(&name, &value),
                Sign::Body(body) => self.out.body(body),
            }
        }
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
            self.out.fresh();
            self.is_env = false;
            self.has_shell(shell);
            text = &text[end..];
        }
        if !self.page(text) {
            self.piece(text, role);
        }
    }

    fn piece(&mut self, text: &str, role: Role) {
        let words = Words::of(text);
        if self.status_line(text, &words)
            || self.request_line(text)
            || self.header(text, &words, role)
        {
            return;
        }
        self.variable(text);
        let how = words.strength(&(0..floor(text, 600)));
        let name = words.lower.trim_matches(|c: char| !c.is_alphabetic());
        match words::section("block request").contains(&name) {
            true => self.out.block = Block::Request,
            false if words::section("block response").contains(&name) => {
                self.out.block = Block::Response;
            }
            false => self.is_env |= name == "env",
        }
        self.says(&words);
        if how == Strength::Client
            && self
                .out
                .is(|shown| shown.request.is_shown && !shown.is_answered())
        {
            let message = self.out.message.unwrap_or_default();
            *self.out.reading.unread.entry(message).or_default() += 1;
        }
        let step = words
            .step()
            .filter(|_| how != Strength::Example || text.len() < 40);
        if let Some(step) =
            step.filter(|_| text.len() < if how == Strength::Client { 160 } else { 100 })
        {
            self.out.step(step);
        }
        self.authorization(text);
        self.other_headers(&words);
        self.addresses(text, &words, how);
        if !self.errors(&words, how) {
            self.statuses(text, &words, how);
        }
        self.message(text, &words, role);
    }

    /// Reads a line such as `HTTP/2 401`, wherever it stands.
    fn status_line(&mut self, text: &str, words: &Words) -> bool {
        static LINE: LazyLock<Regex> =
            LazyLock::new(|| super::regex(r"HTTP/([123](?:\.[01])?)\x22?\s+(\d{3})(?:\s|$|\W)"));
        let Some(from) = text.find("HTTP/") else {
            return false;
        };
        let Some(found) = LINE.captures_at(text, from) else {
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
        let how = words.strength(&words.sentence(before.len()));
        if !before.is_empty() && how != Strength::Client {
            if how == Strength::Prose {
                self.out.told(words.step(), status);
            }
            return true;
        }
        if !before.is_empty() {
            let front = Words::of(before);
            if let Some(step) = front.step() {
                self.out.step(step);
            }
            // As access logs have it: the request stands in front.
            self.paths(before, &front);
        }
        let is_connection = words.lower.contains("connection established")
            || self.out.block == Block::Connect && status == 200;
        if is_connection || (100..200).contains(&status) {
            self.out.block = if is_connection {
                Block::Connected
            } else {
                Block::Response
            };
        } else if self.out.block == Block::Connect && status != 407 {
            self.out.fault("proxy_refused");
        } else {
            self.out.status(status, Some(version));
            self.out.block = Block::Response;
        }
        true
    }

    /// Reads a line such as `GET /v0.1/apps?limit=1 HTTP/2`.
    fn request_line(&mut self, text: &str) -> bool {
        let mut parts = text.trim_end_matches('"').split(' ');
        let (method, target, version) = (parts.next(), parts.next(), parts.next());
        let (
            Some(method),
            Some(target),
            Some("HTTP/1.0" | "HTTP/1.1" | "HTTP/2" | "HTTP/2.0" | "HTTP/3"),
            None,
        ) = (
            method.filter(|method| method.bytes().all(|b| b.is_ascii_uppercase())),
            target,
            version,
            parts.next(),
        )
        else {
            return false;
        };
        if method == "CONNECT" {
            self.out.block = Block::Connect;
            return true;
        }
        let asked = Request {
            address: Address::of_path(target),
            method: Some(method.to_owned()),
            is_whole: true,
            is_shown: true,
            ..Request::default()
        };
        if asked.address.is_some() {
            self.out.asked(asked, true);
        }
        self.out.block = Block::Request;
        self.out.shown().request.headers = 0;
        true
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
        match block {
            Block::Request => self.out.request_header(name, value),
            Block::Response => self.out.header(name, value),
            _ => {}
        }
        true
    }

    /// Takes what a variable was set to, if it may be a token.
    fn variable(&mut self, text: &str) {
        const DECLARATIONS: [&str; 8] = [
            "export ", "set ", "setx ", "const ", "let ", "var ", "$env:", "- ",
        ];
        let declared = DECLARATIONS.iter().find_map(|word| text.strip_prefix(word));
        let text = declared.unwrap_or(text).trim_start_matches(['$', '"', ' ']);
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name = &text[..text.find(|c| !is_part(c)).unwrap_or(0)];
        let behind = text[name.len()..].trim_start_matches([' ', '"']);
        let is_setting =
            behind.starts_with('=') || self.is_env && behind.starts_with(':') || declared.is_some();
        let value = behind.trim_start_matches(['=', ':']).trim();
        let is_of_token = lower(name) == "t"
            || words::says("token name", &lower(name))
            || value.starts_with("bitwat_")
            || value.starts_with("bitpat_");
        let bare = value.trim_matches(['"', '\'', ';']);
        let is_value = !bare.contains(' ') || bare.contains("${{");
        if name.is_empty()
            || !is_of_token
            || !is_setting
            || !is_value
            || lower(name) == "authorization"
        {
            return;
        }
        let judged = if bare.is_empty() {
            (
                Credential::Named(name.to_owned()),
                Some(Mistake::EmptyToken),
            )
        } else if bare.starts_with('$') {
            (Credential::Named(name.to_owned()), None)
        } else {
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
            request::judge_value(bare, quote, Some(Shell::Posix), &Variables::new())
        };
        self.out.variables.insert(name.to_owned(), judged);
    }

    /// Notices what sentences say of tokens, of DX and of builds.
    fn says(&mut self, words: &Words) {
        const LONGEST: usize = 400;
        let message = self.out.message.unwrap_or_default();
        for (place, code) in words.kinds("dx") {
            if words.strength(&words.sentence(place.start)) != Strength::Example {
                self.out.reading.dx.push((message, code));
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
        for place in words.places("other header") {
            let is_key = words.lower[..place.start].ends_with(['"', '\''])
                && words.lower[place.end..].starts_with(['"', '\'']);
            let is_key = is_key && words.lower[place.clone()].contains('-');
            if is_key || self.out.block == Block::Request {
                self.out.shown().request.other_header(&words.lower[place]);
            }
        }
    }

    /// Looks for addresses in a text, and tells requests from mentions.
    fn addresses(&mut self, text: &str, words: &Words, how: Strength) {
        let mut from = 0;
        while let Some((at, end)) = command::address_at(text, from) {
            from = end;
            let Some(address) = Address::read(&text[at..end], true) else {
                continue;
            };
            let lead = &text[..words::label_end(&words.lower, at)];
            let method = method_at_end(lead);
            let is_call = text[..at]
                .trim_end_matches(['"', '\'', '`', 'f', 'u', 'r', 'b', ' '])
                .ends_with('(');
            let is_named = words.labels("asked", at) || text[..at].trim_end().ends_with("--");
            let is_of_api = address.is_of_api() || method.is_some() && how == Strength::Client;
            if words.labels("not asked", at) || address.is_base() && method.is_none() || !is_of_api
            {
                continue;
            }
            let is_shown = method.is_some() || is_call || is_named || self.out.block != Block::None;
            let is_mention = how != Strength::Client && method.is_none() && !is_named;
            if is_mention && self.out.is(|shown| shown.request.address.is_some()) {
                continue;
            }
            let is_start =
                (method.is_some() || is_call || at == 0 || text.starts_with("--2")) && !is_mention;
            let is_alone = !is_shown && (is_mention || end - at == text.len());
            self.out.asked(
                Request {
                    address: Some(address),
                    method,
                    is_alone,
                    is_shown,
                    ..Request::default()
                },
                is_start,
            );
        }
        if from == 0 && how != Strength::Example {
            self.paths(text, words);
        }
    }

    /// Looks for paths of the API: behind a method, or a label of addresses.
    fn paths(&mut self, text: &str, words: &Words) {
        let is_border = |c: char| c.is_whitespace() || "\"'`([{,=:>".contains(c);
        let is_end = |c: char| c.is_whitespace() || "\"'`,)]}".contains(c);
        let Some(found) = text.find("/apps") else {
            return;
        };
        let at = text[..found].rfind(is_border).map_or(0, |at| {
            at + text[at..].chars().next().map_or(1, char::len_utf8)
        });
        let path = text[at..]
            .split(is_end)
            .next()
            .unwrap_or_default()
            .trim_end_matches([':', '.']);
        let method = method_at_end(&text[..words::label_end(&words.lower, at)]);
        let is_label = words.labels("address key", at);
        if path.starts_with('/')
            && (method.is_some() || is_label)
            && let Some(address) = Address::of_path(path)
        {
            let is_start = method.is_some();
            self.out.asked(
                Request {
                    address: Some(address),
                    method,
                    is_shown: true,
                    ..Request::default()
                },
                is_start,
            );
        }
    }

    /// Looks for the errors of clients, shells and filters, and tells whether there was one.
    fn errors(&mut self, words: &Words, how: Strength) -> bool {
        match command::curl_error(words) {
            Some(CurlError::Fault(name)) => self.out.fault(name),
            Some(CurlError::Misread) => self.out.shown().misread = Some(Mistake::Quotes),
            Some(CurlError::Status(status)) if how != Strength::Example => {
                self.out.status(status, None);
                self.out.shown().request.is_hidden = true;
            }
            Some(_) => {}
            None if how == Strength::Example => return false,
            None if words.says("mistake powershell_alias") => {
                self.out.shown().misread = Some(Mistake::PowerShellAlias);
            }
            None if words.says("filter error") => {
                if self.out.peek().is_none_or(|shown| !shown.is_answered()) {
                    self.out.shown().is_filter_broken = true;
                }
            }
            None if how == Strength::Prose => return false,
            None if words.says("shell error") => {
                self.out
                    .reading
                    .shell_errors
                    .push(self.out.message.unwrap_or_default());
                if words.says("mistake quotes") || self.shell == Some(Shell::Cmd) {
                    self.out.shown().misread = Some(Mistake::Quotes);
                }
            }
            None => match words.kind("fault") {
                Some(name) => self.out.fault(name),
                None => return false,
            },
        }
        true
    }

    /// Looks for statuses in a text, in whichever notation.
    fn statuses(&mut self, text: &str, words: &Words, how: Strength) {
        let second = text.split_whitespace().nth(1);
        let is_alone = text.len() == 3
            || second.is_some_and(|word| {
                word == "ms" || word == "·" || word.starts_with(|c: char| c.is_ascii_digit())
            });
        for (at, status) in numbers(text) {
            let is_waiting = |shown: &Shown| {
                let has_part = shown.request.address.is_some() || shown.body.is_some();
                shown.status.is_none() && shown.fault.is_none() && has_part
            };
            let is_first = at == 0 && is_alone && self.out.is(is_waiting);
            let sign = if is_first {
                Some(true)
            } else {
                sign_of(status, at, words)
            };
            let sentence = words.sentence(at);
            match (words.strength(&sentence), sign) {
                (Strength::Prose, Some(false)) => self.out.told(words.step(), status),
                (Strength::Prose, None) if is_told(status, at, words, &sentence) => {
                    self.out.told(words.step(), status);
                }
                (Strength::Client | Strength::Prose, Some(_)) if how != Strength::Example => {
                    self.out.status(status, None);
                }
                _ => {}
            }
        }
    }

    /// Takes what a response says in a word, or in a labelled message.
    fn message(&mut self, text: &str, words: &Words, role: Role) {
        let is_open = |shown: &Shown| shown.body.is_none() && shown.fault.is_none();
        if role != Role::Text || !self.out.is(is_open) {
            return;
        }
        if let Some((name, value)) = text.split_once([':', '=']) {
            let value = value.trim().trim_matches(['"', '\'', ',']);
            let name = name.trim_matches(|c: char| !c.is_alphabetic());
            if words::is("body message", name) && words::status_named(&lower(value)).is_some() {
                let value = serde_json::json!({ "message": value });
                self.out.body(Body::object(value.to_string(), value, true));
            }
        } else if let Some(status @ (401 | 403 | 404)) = words::status_named(&words.lower)
            && self.out.is(|shown| shown.request.is_shown)
        {
            self.out.body(Body::Word(status));
        }
    }

    /// Reads a page of markup.
    fn page(&mut self, text: &str) -> bool {
        let start = lower(&text[..floor(text, 10)]).into_owned();
        if !text.starts_with('<')
            || !words::section("page")
                .iter()
                .any(|tag| start.starts_with(tag))
        {
            return false;
        }
        let (plain, stop) = (self.plain, self.stop());
        let mut page = String::new();
        loop {
            let line = self.here();
            let text = &plain.text[line.start..line.end];
            if page.len() < crate::responder::TITLE_WITHIN {
                page.push_str(text);
                page.push('\n');
            }
            let next = plain.lines.get(self.line + 1);
            if text.to_ascii_lowercase().contains("</html>")
                || next.is_none_or(|next| next.start >= stop)
            {
                break;
            }
            self.line += 1;
        }
        if self.out.is(|shown| shown.body.is_some()) {
            self.out.fresh();
        }
        self.out.body(Body::Page(page));
        true
    }

    // --- Tables.

    /// Reads a row of a table, and tells whether it is one of a table with lines around its cells.
    fn table(&mut self, text: &str) -> bool {
        let trimmed = text.trim();
        let is_box = |c: char| ('\u{2500}'..='\u{257f}').contains(&c);
        if trimmed.starts_with('|') && trimmed.ends_with('|') && trimmed.matches('|').count() > 2 {
            // People write these, and nobody can say which cell is of which request.
            let words = Words::of(trimmed);
            for (at, status) in numbers(trimmed) {
                if sign_of(status, at, &words).is_some()
                    || words.lower[..at].trim_end().ends_with("http/2")
                {
                    self.out.told(words.step(), status);
                }
            }
            return true;
        }
        if trimmed.starts_with(is_box) && trimmed.ends_with(is_box) {
            let inner = trimmed.trim_matches(is_box);
            let cells: Vec<&str> = inner.split(is_box).map(str::trim).collect();
            match cells.as_slice() {
                [name, value] if !name.is_empty() => {
                    self.piece(&format!("{name}: {value}"), Role::Text);
                }
                _ => {}
            }
            return true;
        }
        self.columns(text);
        false
    }

    /// Reads a row of a table as PowerShell prints an object: names over lines of dashes.
    fn columns(&mut self, text: &str) {
        let is_line = |word: &str| word.len() > 2 && word.bytes().all(|b| b == b'-');
        if self.line > 0 && text.len() > 2 && text.split_whitespace().all(is_line) {
            let before = self.plain.lines[self.line - 1];
            self.columns = columns(&self.plain.text[before.start..before.end]);
            return;
        }
        let names = std::mem::take(&mut self.columns);
        let cell = |name: &str| {
            let at = names
                .iter()
                .position(|(_, own)| own.eq_ignore_ascii_case(name))?;
            let byte = |column: usize| {
                text.char_indices()
                    .nth(column)
                    .map_or(text.len(), |(at, _)| at)
            };
            let end = names
                .get(at + 1)
                .map_or(text.len(), |(next, _)| byte(*next));
            Some(text.get(byte(names[at].0)..end)?.trim())
        };
        // A cell that is cut can't be read.
        let json = |cell: &str, empty: &str| match object::read(cell)
            .filter(|_| cell.starts_with(['{', '[']))
        {
            _ if cell == "{}" => (empty.to_owned(), true),
            Some(found) => (found.json, found.is_closed && !found.is_elided),
            None => (empty.to_owned(), false),
        };
        let (whole, is_whole) = if let Some(message) = cell("message") {
            (serde_json::json!({ "message": message }).to_string(), true)
        } else if let Some(data) = cell("data") {
            let (data, is_whole) = json(data, "[]");
            let (paging, _) = json(cell("paging").unwrap_or_default(), "{}");
            (format!("{{\"data\":{data},\"paging\":{paging}}}"), is_whole)
        } else {
            return;
        };
        self.no_object_before = self.here().end;
        if let Ok(value) = serde_json::from_str(&whole) {
            self.out.body(Body::object(whole, value, is_whole));
        }
    }
}

/// Returns a value as the body of a response, if it can be one. Records of requests and responses,
/// and what holds the body inside, are none.
fn body_of(found: &Found, value: &Value, is_any: bool) -> Option<Body> {
    let is_whole = found.is_closed && !found.is_elided;
    let whole = || Some(Body::object(found.json.clone(), value.clone(), is_whole));
    let has = |value: &Value, kind: &str| {
        value
            .as_object()
            .is_some_and(|members| members.keys().any(|key| words::is(kind, key)))
    };
    if let Value::Array(items) = value {
        let is_list = items.is_empty() || items.iter().any(|item| item.get("slug").is_some());
        return is_list.then(|| Body::items_of(items.clone(), is_whole));
    }
    let members = value.as_object()?;
    let data = members.get("data");
    let holds_body = data.is_some_and(|data| has(data, "body error") || data.get("data").is_some());
    if data.is_some() && !holds_body && (!has(value, "record") || members.contains_key("paging")) {
        return whole();
    }
    if has(value, "record") || names_api(value, 0) || holds_body {
        return None;
    }
    if members.contains_key("slug") {
        // What a filter left of a list: an item.
        return Some(Body::items_of(vec![value.clone()], is_whole));
    }
    let is_body = if members.is_empty() {
        is_any && found.is_closed
    } else {
        is_any || has(value, "body error") || has(value, "body details")
    };
    is_body.then(whole).flatten()
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

/// Looks for the signs in an object that records exchanges, as logs and archives do.
#[expect(clippy::too_many_lines, reason = "one row a kind of member")]
fn walk(value: &Value, part: Part, depth: usize, signs: &mut Vec<Sign>) {
    let members = match value {
        Value::Array(items) if depth < DEEPEST => {
            return items
                .iter()
                .for_each(|item| walk(item, part, depth + 1, signs));
        }
        Value::Object(members) if depth < DEEPEST => members,
        _ => return,
    };
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    if let (Some(name), Some(value)) = (text("name"), text("value")) {
        // As archives list headers.
        return header_of(name, value, part, signs);
    }
    let found = || Found {
        json: value.to_string(),
        end: 0,
        is_closed: true,
        is_elided: false,
    };
    if depth > 0
        && part != Part::Request
        && let Some(body) = body_of(&found(), value, false)
    {
        return signs.push(Sign::Body(body));
    }
    let method = words::section("method key")
        .iter()
        .find_map(|name| text(name));
    for (name, own) in members {
        let name = &*lower(name);
        match own {
            Value::String(text) if words::is("address key", name) => {
                let is_address =
                    text.contains("://") || text.starts_with('/') && text.contains("/apps");
                let address =
                    Address::of_path(text).filter(|address| is_address && address.is_of_api());
                let method = method.map(str::to_ascii_uppercase);
                if address.is_some() {
                    signs.push(Sign::Asked(Request {
                        address,
                        method,
                        is_shown: true,
                        ..Request::default()
                    }));
                }
            }
            Value::String(text) if words::is("body key", name) && part != Part::Request => {
                signs.extend(inner_body(text).map(Sign::Body));
            }
            Value::String(text) if words::is("status key", name) => {
                let status = Some(text.trim())
                    .filter(|text| text.len() == 3)
                    .and_then(|text| text.parse().ok());
                signs.extend(status.map(Sign::Status));
            }
            Value::Number(number) if words::is("status key", name) && part != Part::Request => {
                let status = number
                    .as_u64()
                    .and_then(|status| u16::try_from(status).ok());
                signs.extend(
                    status
                        .filter(|status| (200..600).contains(status))
                        .map(Sign::Status),
                );
            }
            Value::String(text) => header_of(
                name,
                text,
                if part == Part::Response {
                    Part::Any
                } else {
                    part
                },
                signs,
            ),
            Value::Object(headers) if name == "headers" && part == Part::Response => {
                for (name, value) in headers {
                    header_of(name, value.as_str().unwrap_or_default(), part, signs);
                }
            }
            Value::Object(_) | Value::Array(_) => {
                let part = match name {
                    name if words::is("part request", name) => Part::Request,
                    name if words::is("part response", name) => Part::Response,
                    _ => part,
                };
                walk(own, part, depth + 1, signs);
            }
            _ => {}
        }
    }
}

fn header_of(name: &str, value: &str, part: Part, signs: &mut Vec<Sign>) {
    if name.eq_ignore_ascii_case("authorization") {
        signs.push(Sign::Authorization(value.to_owned()));
    } else if part == Part::Response {
        signs.push(Sign::Header(name.to_owned(), value.to_owned()));
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
    body_of(&found, &value, true)
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

/// Returns the method that a text ends with, as a word of its own.
fn method_at_end(text: &str) -> Option<String> {
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
    if words.labels("exit", at) {
        return None;
    }
    let is_sure = is_kind && (behind.contains(" for ") || is_named)
        || (is_bracketed || is_labelled) && is_named
        || words.labels("sure label", at);
    (is_labelled || is_named || is_kind || is_bracketed || is_sure).then_some(is_sure)
}

/// Tells whether a number in a person's sentence is a status, for all that can be told.
fn is_told(status: u16, at: usize, words: &Words, sentence: &Range<usize>) -> bool {
    let behind = words.lower[at + 3..].chars().next();
    let is_end = behind.is_none_or(|c| ",.;:!)?\"'、。".contains(c));
    let is_refusal = matches!(status, 401 | 403 | 404 | 429 | 502..=504);
    is_refusal
        && (is_end
            || words.says_in("step apps", sentence)
            || words.says_in("step pipelines", sentence))
}

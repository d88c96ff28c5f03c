//! The exchanges of a text: each sign opens, repeats or fills one.
//!
//! Three notions group the signs. A *fresh start* (a prompt, a command, a method with an address,
//! words such as “Step 2”) opens an exchange. An *echo* names again what is known: CI systems print
//! commands twice, and clients repeat the address in their errors. *Late filling* is for whatever
//! stands behind the response that it belongs to.
//!
//! Invariant: each sign is taken in constant time, but for a bounded look back.

use super::messages::Messages;
use super::request::{self, Credential, Judged, Request, Shell, Variables};
use super::words::{self, lower};
use crate::check::CheckId;
use crate::pasted::Mistake;
use serde_json::Value;
use std::collections::HashMap;

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
pub(super) enum Block {
    #[default]
    None,
    Request,
    Response,
    /// Behind a request to a proxy for a connection.
    Connect,
    /// The headers of a proxy's response about a connection.
    Connected,
}

/// The exchanges of the lines that were read so far.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    pub(super) reading: Reading,
    /// The message that is being read.
    pub(super) message: usize,
    /// The index of the exchange that is being filled.
    current: Option<usize>,
    pub(super) block: Block,
    pub(super) variables: Variables,
    /// What was said of a token apart from a request, for each message.
    loose: HashMap<usize, Judged>,
    pub(super) said: Said,
}

/// How many exchanges are looked through for the one that is repeated.
const MAX_BACK: usize = 64;

/// The maximum number of headers of a response that are kept.
const MAX_HEADERS: usize = 100;

impl Exchanges {
    /// Makes the exchanges of a text of which nothing was read yet.
    pub(super) fn of(messages: Messages) -> Self {
        let reading = Reading {
            messages,
            ..Reading::default()
        };
        Self {
            reading,
            message: usize::MAX,
            ..Self::default()
        }
    }

    /// Begins a message.
    pub(super) fn message(&mut self, message: usize) {
        if self.message != message {
            self.message = message;
            self.fresh();
            self.said = Said::default();
        }
    }

    /// Opens nothing yet, but fills no exchange that was open.
    pub(super) fn fresh(&mut self) {
        self.current = None;
        self.end_block();
    }

    pub(super) fn end_block(&mut self) {
        if self.block != Block::Connect {
            self.block = Block::None;
        }
    }

    fn open(&mut self) {
        self.current = Some(self.reading.shown.len());
        self.reading.shown.push(Shown {
            message: self.message,
            said: self.said,
            ..Shown::default()
        });
    }

    /// Returns the exchange that is being filled, a new one if there is none.
    pub(super) fn shown(&mut self) -> &mut Shown {
        if self.current.is_none() {
            self.open();
        }
        let index = self.current.unwrap_or_default();
        &mut self.reading.shown[index]
    }

    /// Returns the exchange that is being filled, if there is one.
    pub(super) fn peek(&self) -> Option<&Shown> {
        self.current.map(|index| &self.reading.shown[index])
    }

    /// Tells whether there is an exchange to be filled that is like that.
    pub(super) fn is(&self, like: impl Fn(&Shown) -> bool) -> bool {
        self.peek().is_some_and(like)
    }

    /// Returns the last exchange that is like that, if it is not far back.
    fn last(&self, like: impl Fn(&Shown) -> bool) -> Option<usize> {
        let from = self.reading.shown.len().saturating_sub(MAX_BACK);
        let found = self.reading.shown[from..].iter().rposition(like)?;
        Some(from + found)
    }

    // --- Requests.

    /// Takes a command: the echo of one that waits for its response, or a new one.
    pub(super) fn command(&mut self, asked: Request, is_repeated: bool) {
        let from = self.reading.shown.len().saturating_sub(MAX_BACK);
        let waiting = self.last(Shown::is_answered).map_or(from, |at| at + 1);
        let message = self.message;
        let is_echo = |shown: &Shown| {
            let is_same = match (&shown.request.address, &asked.address) {
                (Some(one), Some(other)) => one.is_same(other),
                (one, other) => one.is_none() && other.is_none() && shown.request.is_shown,
            };
            shown.message == message && is_same
        };
        let echo = self.reading.shown[waiting..].iter().position(is_echo);
        if let Some(echo) = echo {
            self.current = Some(waiting + echo);
            let own = &mut self.shown().request;
            own.is_hidden |= asked.is_hidden;
            own.credential = own.credential.take().or(asked.credential);
            return;
        }
        let is_free = |shown: &Shown| {
            !shown.is_answered() && shown.request.address.is_none() && !shown.request.is_shown
        };
        // An error repeats the command that it is of.
        let is_late = |shown: &Shown| is_repeated && shown.request.address.is_none();
        if !self.is(|shown| is_free(shown) || is_late(shown)) {
            self.open();
        }
        let said = self.said;
        let shown = self.shown();
        shown.said = said;
        shown.request = asked;
    }

    /// Takes an address and a method that stand apart from a command; a *start* begins what follows.
    pub(super) fn asked(&mut self, asked: Request, is_start: bool) {
        let begins = is_start && self.is(Shown::is_answered);
        let is_answered = self.is(Shown::is_answered);
        let is_redirected = |shown: &Shown| matches!(shown.status, Some(300..=399));
        if asked.method.is_none() && self.is(is_redirected) {
            // A client followed it; the request stays what it was.
            return;
        }
        let own = self.peek().map(|shown| shown.request.address.as_ref());
        let (is_echo, is_new) = match (own, &asked.address) {
            (Some(Some(own)), Some(address)) => {
                let is_same = own.is_same(address) || address.is_start_of(own);
                let is_more = own.is_start_of(address) && !is_answered;
                (is_same && !begins, begins || !is_same && !is_more)
            }
            _ => (false, begins),
        };
        if is_new {
            self.open();
        }
        let request = &mut self.shown().request;
        request.method = asked.method.or(request.method.take());
        request.is_whole |= asked.is_whole;
        if is_echo {
            request.is_shown |= asked.is_shown && request.is_shown;
            return;
        }
        request.is_alone = asked.is_alone && !request.is_shown;
        request.is_shown |= asked.is_shown;
        request.address = asked.address;
    }

    /// Takes a credential: of the exchange that is being filled, or of what follows.
    pub(super) fn credential(&mut self, judged: Judged) {
        let is_sent = self.block == Block::Request;
        let is_open = |shown: &Shown| {
            (shown.request.credential.is_none() || is_sent)
                && (shown.request.address.is_some() || shown.is_answered())
        };
        if self.is(is_open) {
            self.shown().request.credential = Some(judged);
        } else {
            self.loose.insert(self.message, judged);
        }
    }

    // --- Responses.

    /// Takes a status; one of a protocol's line comes with its version.
    pub(super) fn status(&mut self, status: u16, version: Option<&'static str>) {
        let is_of_proxy = self.block == Block::Connect && version.is_some();
        if is_of_proxy && status == 200 {
            self.block = Block::Connected;
        } else if is_of_proxy && (200..600).contains(&status) && status != 407 {
            self.fault("proxy_refused");
        } else if status == 407 {
            self.fault("proxy_login");
        } else if (200..600).contains(&status) {
            self.responds(status, version);
        }
        if version.is_some() && !is_of_proxy {
            self.block = Block::Response;
        }
    }

    fn responds(&mut self, status: u16, version: Option<&'static str>) {
        let is_new = |shown: &Shown| match (shown.status, shown.fault) {
            (Some(own), _) if own == status => {
                version.is_some() && shown.body.is_some() && shown.http_version.is_some()
            }
            // A redirect was followed, or the client tried again.
            (Some(300..=399), _) | (None, Some(_)) => false,
            (Some(_), _) => true,
            (None, None) => {
                let body = shown.body.as_ref();
                body.is_some_and(|body| body.contradicts(status, version.is_some()))
            }
        };
        if self.is(is_new) {
            self.open();
        }
        let shown = self.shown();
        if shown.status.is_some_and(|own| own != status) || shown.fault.is_some() {
            (shown.headers, shown.body, shown.fault) = Default::default();
        }
        shown.status = Some(status);
        shown.http_version = version.or(shown.http_version);
    }

    /// Takes a header, as a log shows it.
    pub(super) fn header(&mut self, block: Block, name: &str, value: &str) {
        let name = name.to_ascii_lowercase();
        if block == Block::Response && name == "date" {
            self.reading.messages.answered_at(self.message, value);
        }
        let judged = request::judge_value(value, None, None, &self.variables);
        let shown = self.shown();
        let request = &mut shown.request;
        match (block, name.as_str()) {
            (Block::Request, "authorization") => request.credential = Some(judged),
            (Block::Request, "host") => {
                let address = request.address.take();
                let other = address.as_ref().and_then(|own| own.at_host(value));
                request.address = other.or(address);
            }
            (Block::Request, name) => request.other_header(name),
            (Block::Response, _) if shown.headers.len() < MAX_HEADERS => {
                shown.headers.push((name, value.to_owned()));
            }
            _ => return,
        }
        shown.request.headers += usize::from(block == Block::Request);
    }

    /// Takes a fault of a client. Behind a response it counts only if it broke that off.
    pub(super) fn fault(&mut self, name: &'static str) {
        let is_broken = |shown: &Shown| {
            let is_cut = !matches!(
                &shown.body,
                Some(Body::Object { is_whole: true, .. } | Body::Page(_) | Body::Word(_))
            );
            is_cut
                && matches!(name, "closed" | "timeout")
                && matches!(shown.status, None | Some(200))
        };
        if self.is(|shown| shown.is_answered() && !is_broken(shown)) {
            return;
        }
        self.shown().fault.get_or_insert(name);
    }

    /// Takes a body: the rest of what a filter left, the same once more, or a new one.
    pub(super) fn body(&mut self, body: Body) {
        let own = self
            .current
            .map(|index| &mut self.reading.shown[index].body);
        if let Some(Some(own)) = own
            && own.is_continued_by(&body)
        {
            return;
        }
        if self.is(|shown| {
            shown.request.is_shown
                && shown
                    .body
                    .as_ref()
                    .is_some_and(|own| own.is_repeated_by(&body, shown.status.is_some()))
        }) {
            return;
        }
        let is_taken = |shown: &Shown| {
            let contradicts =
                matches!((shown.status, body.status()), (Some(own), Some(other)) if own != other);
            let is_loose =
                shown.http_version.is_none() && shown.headers.is_empty() && !shown.request.is_shown;
            shown.body.is_some() || shown.fault.is_some() || contradicts && is_loose
        };
        if self.is(is_taken) {
            self.open();
        }
        self.go_back(&body);
        self.shown().body = Some(body);
        self.end_block();
    }

    /// Goes back to the last response if a body that belongs to no request can be its own, as a
    /// shell shows it afterwards.
    fn go_back(&mut self, body: &Body) {
        let is_request = |shown: &Shown| {
            shown.is_answered() || shown.request.address.is_some() || shown.hint.is_some()
        };
        let last = self
            .last(Shown::is_answered)
            .map(|last| (last, &self.reading.shown[last]));
        if let Some((last, shown)) = last
            && !self.is(is_request)
            && shown.message == self.message
            && shown.body.is_none()
            && shown.status.is_some()
            && shown.status == body.status()
        {
            self.current = Some(last);
        }
    }

    /// Takes words that name a step: what follows belongs to it.
    pub(super) fn step(&mut self, step: CheckId) {
        self.end_block();
        let is_open =
            |shown: &Shown| !shown.is_answered() && !shown.request.is_shown && shown.hint.is_some();
        if !self.is(is_open) {
            self.open();
        }
        self.shown().hint = Some(step);
    }

    /// Takes a status that a sentence tells.
    pub(super) fn told(&mut self, step: Option<CheckId>, status: u16) {
        let told = (self.message, step, status);
        if self.reading.told.last() != Some(&told) {
            self.reading.told.push(told);
        }
    }

    // --- The end.

    /// Fills in what stands apart from the requests, and pairs those that stand first.
    pub(super) fn finish(mut self) -> Reading {
        for shown in &mut self.reading.shown {
            let request = &mut shown.request;
            let needs = request.credential.is_none() && (!request.is_whole || request.headers == 1);
            if needs && let Some(loose) = self.loose.get(&shown.message) {
                request.credential = Some(loose.clone());
            }
            if let Some((Credential::Named(name), None)) = &request.credential {
                request.credential = Some(request::named(name.clone(), &self.variables));
            }
        }
        pair(&mut self.reading.shown);
        self.reading
    }
}

/// Gives requests that stand first their responses: in their order, if there are as many of both;
/// if not, nobody knows which is whose.
fn pair(shown: &mut Vec<Shown>) {
    let is_waiting =
        |one: &Shown| !one.is_answered() && one.request.is_shown && !one.request.is_hidden;
    let is_bare = |one: &Shown| {
        let request = &one.request;
        one.is_answered() && !request.is_shown && request.address.is_none() && one.hint.is_none()
    };
    let mut paired = Vec::with_capacity(shown.len());
    let mut rest = std::mem::take(shown).into_iter().peekable();
    while let Some(message) = rest.peek().map(|first| first.message) {
        let alone = |request| Shown {
            message,
            request,
            ..Shown::default()
        };
        let mut requests = Vec::new();
        while let Some(one) = rest.next_if(|one| is_waiting(one) && one.message == message) {
            requests.push(one.request);
        }
        let is_last =
            |one: &Shown| one.is_answered() && one.request.is_shown && one.message == message;
        let mut responses = Vec::new();
        if let Some(mut last) = rest.next_if(|one| requests.is_empty() || is_last(one)) {
            // An error that repeats the address of one is of that one.
            let is_echo = |asked: &Request| match (&asked.address, &last.request.address) {
                (Some(one), Some(other)) => one.is_same(other),
                _ => false,
            };
            if let Some(echo) = requests.iter().position(is_echo) {
                let mut asked = requests.remove(echo);
                asked.credential = asked.credential.or(last.request.credential.take());
                last.request = asked;
                paired.extend(requests.into_iter().map(alone));
                paired.push(last);
                continue;
            }
            if !requests.is_empty() {
                requests.push(std::mem::take(&mut last.request));
            }
            responses.push(last);
        }
        while let Some(one) =
            rest.next_if(|one| !requests.is_empty() && is_bare(one) && one.message == message)
        {
            responses.push(one);
        }
        if requests.len() == responses.len() {
            let both = requests.into_iter().zip(responses);
            paired.extend(both.map(|(request, response)| Shown {
                request,
                ..response
            }));
        } else {
            paired.extend(requests.into_iter().map(alone));
            paired.extend(responses);
        }
    }
    *shown = paired;
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

impl Body {
    /// Makes the body of an object.
    pub(super) fn object(json: String, value: Value, is_whole: bool) -> Self {
        Self::Object {
            json,
            value,
            is_whole,
            is_filtered: false,
        }
    }

    /// Makes the body of what a filter left of a list.
    pub(super) fn items_of(items: Vec<Value>, is_whole: bool) -> Self {
        Self::Object {
            json: String::new(),
            value: Value::Array(items),
            is_whole,
            is_filtered: true,
        }
    }

    /// Takes further items of what a filter left of a list, and tells whether it is them.
    fn is_continued_by(&mut self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Object {
                    value: Value::Array(items),
                    is_filtered: true,
                    ..
                },
                Self::Object {
                    value: Value::Array(more),
                    is_filtered: true,
                    ..
                },
            ) => {
                items.extend(more.iter().cloned());
                true
            }
            _ => false,
        }
    }

    /// Tells whether another body is the same once more, such as PowerShell's Content and `RawContent`.
    fn is_repeated_by(&self, other: &Self, has_status: bool) -> bool {
        match (self, other) {
            (Self::Object { json, is_whole, .. }, Self::Object { json: other, .. }) => {
                let is_same = json == other || json.starts_with(other.trim_end_matches(['}', ']']));
                is_same && (!is_whole || has_status)
            }
            (Self::Word(_), _) => has_status,
            _ => false,
        }
    }

    /// Tells whether it can't be that of a response with a status.
    fn contradicts(&self, status: u16, is_protocol: bool) -> bool {
        match (self, self.status()) {
            (_, Some(told)) => is_protocol && told != status,
            (Self::Object { value, .. }, None) => {
                status >= 400 && value.get("data").is_some_and(Value::is_array)
            }
            _ => false,
        }
    }

    /// Returns the status that the body's own words stand for.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Object { value, .. } => {
                let names = words::section("body error").iter();
                let mut texts = names.filter_map(|name| value.get(name)?.as_str());
                texts
                    .next()
                    .and_then(|words| words::status_named(&lower(words)))
            }
            Self::Word(status) => Some(*status),
            Self::Page(page) => {
                let title = crate::responder::title(page.as_bytes())?;
                let number = title.get(..3).and_then(|digits| digits.parse().ok());
                let number = number.filter(|status| (200..600).contains(status));
                number.or_else(|| words::status_named(&lower(&title)))
            }
        }
    }
}

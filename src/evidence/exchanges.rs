//! The exchanges of a text: each sign opens, repeats or fills one.
//!
//! Three notions group the signs. A *fresh start* (a prompt, a command, a method with an address,
//! words such as “Step 2”) opens an exchange. An *echo* names again what is known: CI systems print
//! commands twice, and clients repeat the address in their errors. *Late filling* is for whatever
//! stands behind the response that it belongs to.
//!
//! Invariant: each sign is taken in constant time, but for a bounded look back.

use super::body::Body;
use super::messages::Messages;
use super::request::{self, Address, Credential, Judged, Request, Shell, Variables};
use crate::check::CheckId;
use crate::exchange::FaultKind;
use crate::pasted::{Incomplete, Mistake};
use crate::token::TokenKind;
use std::collections::{HashMap, HashSet};

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
    pub(super) failure: Option<Failure>,
    /// What the sentences before it say of the token.
    pub(super) said: Said,
    /// Which turn of a loop over apps it is of.
    pub(super) turn: usize,
    /// The word that was printed in front of it, perhaps the slug of its app.
    pub(super) printed: Option<String>,
    /// Whether its address stands there alone, as in a client's error.
    is_mention: bool,
}

/// What stands in place of a response.
#[derive(Clone, Copy, Debug)]
pub(super) enum Failure {
    /// A client tells of a fault.
    Fault(FaultKind),
    /// A shell or a client read the command otherwise than it was meant.
    Misread(Mistake),
    /// A filter could not read it.
    Filter,
}

/// What sentences say of the token that is used next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said {
    pub(super) is_in_dx: bool,
    pub(super) is_new: bool,
}

/// What a text holds.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) shown: Vec<Shown>,
    pub(super) messages: Messages,
    /// What messages say apart from their exchanges.
    pub(super) notes: HashMap<usize, Notes>,
    /// The shell of the last command.
    pub(super) shell: Option<Shell>,
    /// Whether builds are spoken of.
    pub(super) has_builds: bool,
    /// Whether a body or a status was taken for an example.
    pub(super) has_example: bool,
    /// Whether there are more exchanges than are told apart, so that none is judged.
    pub(super) is_too_long: bool,
}

/// What a message says apart from its exchanges.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    /// The statuses that its sentences tell.
    pub(super) told: Vec<(Option<CheckId>, u16)>,
    /// DX's codes.
    pub(super) codes: Vec<&'static str>,
    pub(super) has_command: bool,
    /// Why what stands behind a command is no response, if there is anything.
    pub(super) unread: Option<Incomplete>,
    /// The kind of token that its sentences say is in DX.
    pub(super) kind_in_dx: Option<TokenKind>,
    /// The tokens that they say are in DX.
    pub(super) in_dx: HashSet<Credential>,
    /// What is unlike DX's calls in all of its requests, such as that a mock answers.
    pub(super) mistakes: Vec<Mistake>,
    /// What is said of a token apart from a request.
    credential: Option<Judged>,
}

/// The part of a log that is being read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Block {
    #[default]
    None,
    Request,
    Response,
    /// The headers of a proxy's response about a connection.
    Connected,
}

/// How a request stands in a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Start {
    /// As a command.
    Command,
    /// As a line of a log that begins what follows.
    Line,
    /// As what a client or a person says of one.
    Mention,
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
    /// Whether a loop runs the command.
    pub(super) is_loop: bool,
    /// The last line that was one word.
    pub(super) printed: Option<String>,
    /// Whether what follows was announced as what should come.
    pub(super) is_example: bool,
    /// Whether a proxy was asked for a connection, and has not responded yet.
    pub(super) is_tunnel: bool,
    pub(super) variables: Variables,
    /// The addresses that variables were set to, by the forms in which shells put them in.
    pub(super) addresses: Vec<(String, String)>,
    pub(super) said: Said,
}

/// How many exchanges are looked through for the one that is repeated.
const MAX_BACK: usize = 64;

/// The maximum number of exchanges that are told apart; a text at its limit with more of them has
/// some fifty bytes for each.
const MAX_SHOWN: usize = 20_000;

/// The maximum number of headers of a response that are kept.
const MAX_HEADERS: usize = 100;

impl Exchanges {
    /// Begins a message, or goes on with one that a quote without an exchange interrupted.
    pub(super) fn message(&mut self, message: usize) {
        if self.message != message {
            self.message = message;
            self.fresh();
            let last = self.reading.shown.len().checked_sub(1);
            self.current = last.filter(|last| self.reading.shown[*last].message == message);
            self.said = Said::default();
        }
    }

    /// Returns what the message says apart from its exchanges.
    pub(super) fn notes(&mut self) -> &mut Notes {
        self.reading.notes.entry(self.message).or_default()
    }

    /// Opens nothing yet, but fills no exchange that was open.
    pub(super) fn fresh(&mut self) {
        (self.current, self.block) = (None, Block::None);
        (self.is_example, self.is_loop, self.printed) = Default::default();
    }

    fn open(&mut self) -> usize {
        if self.reading.shown.len() == MAX_SHOWN {
            self.reading.shown.clear();
            self.reading.is_too_long = true;
        }
        let index = self.reading.shown.len();
        self.current = Some(index);
        self.reading.shown.push(Shown {
            message: self.message,
            ..Shown::default()
        });
        index
    }

    /// Opens an exchange for one more response: to the same command, if a loop runs it for each app.
    fn next(&mut self) {
        let own = self.current.filter(|_| self.is_turn());
        let next = self.open();
        if let Some(own) = own.map(|own| self.reading.shown[own].clone()) {
            let shown = &mut self.reading.shown[next];
            (shown.request, shown.turn) = (own.request, own.turn + 1);
        }
    }

    /// Tells whether what is being filled is a turn of a loop over apps.
    fn is_turn(&self) -> bool {
        let is_open =
            |own: &Shown| { own.request.address.as_ref() }.is_some_and(Address::has_variable);
        self.is_loop && self.is(is_open)
    }

    /// Takes a line that is one word, as a loop prints it in front of each turn, or behind.
    pub(super) fn prints(&mut self, word: &str) {
        let is_behind = |own: &Shown| own.is_answered() && own.printed.is_none();
        if self.is_turn() && self.is(is_behind) {
            self.shown().printed = Some(word.to_owned());
        } else {
            self.printed = Some(word.to_owned());
        }
    }

    /// Returns the exchange that is being filled, a new one if there is none.
    pub(super) fn shown(&mut self) -> &mut Shown {
        let index = self.current.unwrap_or_else(|| self.open());
        &mut self.reading.shown[index]
    }

    /// Returns the exchange that is being filled, for what came back: it is of the word that was printed last.
    fn answered(&mut self) -> &mut Shown {
        let printed = self.printed.take();
        let shown = self.shown();
        shown.printed = printed.or(shown.printed.take());
        shown
    }

    /// Tells whether there is an exchange to be filled that is like that.
    pub(super) fn is(&self, like: impl Fn(&Shown) -> bool) -> bool {
        self.current
            .is_some_and(|index| like(&self.reading.shown[index]))
    }

    // --- Requests.

    /// Takes a request: an echo of one that waits for its response or is being filled, what was not
    /// known of it, or a new one.
    pub(super) fn asked(&mut self, mut asked: Request, start: Start) {
        let is_redirected = |shown: &Shown| matches!(shown.status, Some(300..=399));
        let is_command = start == Start::Command;
        self.is_example &= start == Start::Mention;
        if !is_command && asked.method.is_none() && self.is(is_redirected) {
            // A client followed it; the request stays what it was.
            return;
        }
        let is_echo = |shown: &Shown| match (&shown.request.address, &asked.address) {
            (Some(own), Some(address)) => {
                let cut = address.shown.trim_end_matches(['.', '…']);
                let is_there = own.is_path || address.is_path || own.base == address.base;
                // What a loop puts in for its variable is told behind.
                let is_turn = own.step == address.step && own.has_variable();
                is_there && (own.path == address.path || is_turn)
                    || start == Start::Mention && own.shown.starts_with(cut)
            }
            (None, None) => is_command && shown.request.is_shown,
            _ => false,
        };
        let is_begun = start != Start::Mention && self.is(Shown::is_answered);
        let shown = &self.reading.shown;
        let is_open =
            |at: &usize| !shown[*at].is_answered() || !is_begun && self.current == Some(*at);
        let back = shown.len().saturating_sub(MAX_BACK)..shown.len();
        let mut open = back.rev().take_while(is_open);
        let echo = open.find(|at| shown[*at].message == self.message && is_echo(&shown[*at]));
        let is_other = is_command || asked.address.is_some();
        let is_new = |shown: &Shown| is_begun || is_other && shown.request.address.is_some();
        if echo.is_some() {
            self.current = echo;
        } else if self.is(is_new) {
            self.open();
        }
        let said = std::mem::take(&mut self.said);
        let is_mention = echo.is_none() && start == Start::Mention && asked.address.is_some();
        // Clients cut what they repeat.
        asked.address = asked.address.filter(|_| echo.is_none());
        let shown = self.shown();
        shown.is_mention |= is_mention && !shown.request.is_shown;
        let own = std::mem::replace(&mut shown.request, asked);
        shown.request.fill(own);
        // A sentence speaks of the next request alone, and of those with the same token.
        shown.said.is_in_dx |= said.is_in_dx;
        shown.said.is_new |= said.is_new;
    }

    /// Takes what an object, a line or a call in code gives of a request: the whole, or what belongs to
    /// the one that is being filled or follows.
    pub(super) fn given(&mut self, mut request: Request) {
        request.is_shown = request.address.is_some();
        let is_begun = |shown: &Shown| shown.is_answered() && shown.request.address.is_some();
        let is_part = request.method.is_some() || !request.mistakes.is_empty();
        let start = if request.is_shown || is_part && self.is(is_begun) {
            Start::Line
        } else {
            Start::Mention
        };
        if request.is_shown || is_part || request.headers > 0 {
            self.asked(request, start);
            // Of one header it is not said that it is all.
            let request = &mut self.shown().request;
            request.is_whole |= request.headers > 1;
        }
    }

    /// Takes a credential: of the exchange that is being filled, or of what follows.
    pub(super) fn credential(&mut self, judged: Judged) {
        let is_sent = self.block == Block::Request;
        if self.is(|shown| is_sent || shown.request.credential.is_none()) {
            let request = &mut self.shown().request;
            (request.credential, request.has_header) = (Some(judged), true);
        } else if judged != (Credential::Unknown, None) || self.notes().credential.is_none() {
            self.notes().credential = Some(judged);
        }
    }

    // --- Responses.

    /// Takes a status; one of a protocol's line comes with its version.
    pub(super) fn status(&mut self, status: u16, version: Option<&'static str>) {
        let is_of_proxy = version.is_some() && std::mem::take(&mut self.is_tunnel);
        if version.is_some() {
            self.block = if is_of_proxy {
                Block::Connected
            } else {
                Block::Response
            };
        }
        match (status, is_of_proxy) {
            _ if self.is_example => {
                self.reading.has_example = true;
                return;
            }
            (407, _) => return self.fails(Failure::Fault(FaultKind::ProxyLogin)),
            (201..=599, true) => return self.fails(Failure::Fault(FaultKind::ProxyRefused)),
            (200..=599, false) => {}
            _ => return,
        }
        let is_new = |shown: &Shown| match (shown.status, &shown.body) {
            // A redirect was followed.
            (Some(own), _) => own != status && !(300..400).contains(&own),
            (None, Some(body)) => body.contradicts(status, version.is_some()),
            (None, None) => false,
        };
        if self.is(is_new) {
            self.next();
        }
        let shown = self.answered();
        if shown.status.is_some_and(|own| own != status) || shown.fault().is_some() {
            (shown.headers, shown.body, shown.failure) = Default::default();
        }
        shown.status = Some(status);
        shown.http_version = version.or(shown.http_version);
    }

    /// Takes a header, as a log shows it.
    pub(super) fn header(&mut self, block: Block, name: &str, value: &str) {
        let index = self.current.unwrap_or_else(|| self.open());
        let shown = &mut self.reading.shown[index];
        if block == Block::Request {
            shown.request.header(name, value, &self.variables);
        } else if block == Block::Response && shown.headers.len() < MAX_HEADERS {
            let name = name.to_ascii_lowercase();
            if name == "date" {
                self.reading.messages.answered_at(self.message, value);
            }
            shown.headers.push((name, value.to_owned()));
        }
    }

    /// Takes an exchange that an object records, or the headers of the request above.
    pub(super) fn recorded(&mut self, record: Shown) {
        self.given(record.request);
        if let Some(status) = record.status {
            self.status(status, None);
        }
        for (name, value) in record.headers {
            self.header(Block::Response, &name, &value);
        }
        if let Some(body) = record.body {
            self.body(body);
        }
    }

    /// Takes what stands in place of a response. Behind one, a fault counts only if it broke that off.
    pub(super) fn fails(&mut self, failure: Failure) {
        let is_kept = |shown: &Shown| match failure {
            Failure::Fault(kind) => {
                let is_broken = matches!(kind, FaultKind::Closed | FaultKind::Timeout)
                    && shown.body.as_ref().is_none_or(Body::is_part)
                    && matches!(shown.status, None | Some(200));
                // What broke at another place was another attempt, of which the last one counts.
                let is_other = |own: FaultKind| own.stage() != kind.stage();
                let is_next = kind != FaultKind::Unknown && shown.fault().is_some_and(is_other);
                shown.is_answered() && !is_broken && !is_next
            }
            Failure::Misread(_) => shown.fault().is_some(),
            Failure::Filter => shown.is_answered(),
        };
        // A loop that prints in front of each turn goes on with the next one.
        if self.printed.is_some() && self.is_turn() && self.is(Shown::is_answered) {
            self.next();
        } else if self.is(is_kept) {
            return;
        }
        self.answered().failure = Some(failure);
    }

    /// Takes a body: the rest of what a filter left, or a new one.
    pub(super) fn body(&mut self, body: Body) {
        if self.is_example {
            self.reading.has_example = true;
            return;
        }
        let shown = &mut self.reading.shown;
        let own = self.current.and_then(|at| shown[at].body.as_mut());
        if own.is_some_and(|own| own.is_continued_by(&body)) {
            return;
        }
        if self.is(|shown| shown.body.is_some() || shown.fault().is_some()) {
            self.next();
        }
        // A client that hides the bodies of refusals tried again, as it does behind these.
        let shown = self.answered();
        let is_next = |status: &u16| {
            !shown.request.is_hidden
                || shown.request.is_filtered
                || !matches!(status, 408 | 429 | 500..)
                || !body.contradicts(*status, false)
        };
        shown.status = shown.status.filter(is_next);
        shown.body = Some(body);
        self.block = Block::None;
    }

    /// Takes words that name a step: what follows belongs to it.
    pub(super) fn step(&mut self, step: CheckId) {
        self.block = Block::None;
        if !self.is(|shown| !shown.is_answered() && !shown.request.is_shown) {
            self.open();
        }
        self.shown().hint = Some(step);
    }

    /// Takes a status that a sentence tells.
    pub(super) fn told(&mut self, step: Option<CheckId>, status: u16) {
        if !self.is_example && !self.notes().told.contains(&(step, status)) {
            self.notes().told.push((step, status));
        }
    }

    // --- The end.

    /// Fills in what stands apart from the requests, and pairs those that stand first.
    pub(super) fn finish(mut self) -> Reading {
        for shown in &mut self.reading.shown {
            let request = &mut shown.request;
            if let Some(notes) = self.reading.notes.get(&shown.message) {
                request.mistakes.extend(&notes.mistakes);
                // A log hides what code put in front of it.
                let is_hidden = request.credential == Some((Credential::Unknown, None));
                let is_wrong = matches!(notes.credential, Some((_, Some(_))));
                if request.credential.is_none() && !request.is_whole || is_hidden && is_wrong {
                    request.credential.clone_from(&notes.credential);
                }
            }
            if let Some((Credential::Named(name), None)) = &request.credential {
                request.credential = Some(request::named(name, &self.variables));
            }
        }
        pair(&mut self.reading.shown);
        // An error that names the address of an earlier response, and its status, tells it again.
        let mut last = HashMap::new();
        self.reading.shown.retain(|own| {
            let is_bare = own.is_mention && own.body.is_none() && own.headers.is_empty();
            let address = own.request.address.as_ref();
            let key = address.map(|address| (own.message, address.shown.clone()));
            let status = own.status.filter(|_| own.failure.is_none());
            let before = key.and_then(|key| last.insert(key, status)).flatten();
            !is_bare || before.is_none() || before != status
        });
        if self.reading.is_too_long {
            self.reading.shown.clear();
            self.reading.notes.clear();
        }
        self.reading
    }
}

/// Gives requests that stand first their responses: in their order, if there are as many of both;
/// if not, nobody knows which is whose. The last of them may have taken the first response.
fn pair(shown: &mut [Shown]) {
    let is_request =
        |one: &Shown| one.request.is_shown && (one.is_answered() || !one.request.is_hidden);
    let is_response = |one: &Shown| {
        let request = &one.request;
        one.is_answered() && !request.is_shown && request.address.is_none() && one.hint.is_none()
    };
    let goes_on = |one: &Shown, next: &Shown| {
        let is_first = is_request(one) && is_request(next) && one.is_waiting();
        let is_behind = is_response(next) && (is_request(one) || is_response(one));
        one.message == next.message && (is_first || is_behind)
    };
    for run in shown.chunk_by_mut(goes_on) {
        let waiting = run.partition_point(Shown::is_waiting);
        let requests = run.partition_point(|one| one.request.is_shown);
        let responses = run.len() - waiting;
        if requests == responses {
            for at in (0..responses).rev() {
                run[waiting + at].request = std::mem::take(&mut run[at].request);
            }
        } else if requests > waiting && waiting > 0 {
            run[waiting].request = Request::default();
        }
    }
}

impl Shown {
    /// Tells whether it is a request whose response may follow.
    pub(super) fn is_waiting(&self) -> bool {
        self.request.is_shown && !self.is_answered()
    }

    /// Tells whether anything is shown of what came back.
    pub(super) fn is_answered(&self) -> bool {
        self.status.is_some() || self.body.is_some() || self.failure.is_some()
    }

    /// Returns the fault that a client tells of.
    pub(super) fn fault(&self) -> Option<FaultKind> {
        match self.failure {
            Some(Failure::Fault(kind)) => Some(kind),
            _ => None,
        }
    }
}

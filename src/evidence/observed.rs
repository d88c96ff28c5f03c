//! From what a text shows to the exchanges of a run: each response as the client would have read it,
//! the step that it is of, and whether it tells anything there.

use super::body::{self, Extent, Shape};
use super::exchanges::{Failure, Reading, Shown};
use super::request::{Address, Credential};
use super::secrets::Secrets;
use crate::check::CheckId;
use crate::classify;
use crate::exchange::{Body, Exchange, Fault, FaultKind, ProxyResponse, Response};
use crate::pasted::{Incomplete, Mistake};
use crate::responder;
use crate::text::Clean;
use crate::verdict::Reason;
use crate::wire::Document;
use std::borrow::Cow;
use std::cell::Cell;
use std::time::Duration;

/// What a response means at a step: nothing against the token, or a reason; or why it means nothing:
/// it can't be seen, or a mistake of the command explains it.
pub(super) type Meaning = Result<Option<Reason>, Incomplete>;

/// One response or fault of a text, and what is known of where it came from.
#[derive(Debug)]
pub(super) struct Observed<'a> {
    pub(super) shown: &'a Shown,
    pub(super) address: Option<&'a Address>,
    /// Which step it is of, if that can be told.
    pub(super) step: Option<CheckId>,
    pub(super) credential: &'a Credential,
    pub(super) mistakes: Vec<Mistake>,
    pub(super) exchange: Exchange,
    /// Why it can't be judged by itself.
    pub(super) open: Option<Incomplete>,
    /// Whether a later try took its place.
    pub(super) is_superseded: Cell<bool>,
}

/// Makes the exchanges of a text, message by message. `assumed` is the step of those of which the text
/// does not tell it, `base` the base URL of those that show no address.
pub(super) fn observe<'a>(
    reading: &'a Reading,
    assumed: Option<CheckId>,
    base: &str,
    secrets: &Secrets,
) -> Vec<Observed<'a>> {
    let answered = { reading.shown.iter() }.filter(|shown| shown.is_answered());
    let mut observed: Vec<_> = answered
        .map(|shown| Observed::of(shown, reading.has_builds, base, secrets))
        .collect();
    observed.sort_by_key(|one| one.shown.message);
    for message in observed.chunk_by_mut(|one, next| one.shown.message == next.shown.message) {
        place(message, assumed);
    }
    observed
}

/// Places those of a message that show no step: by what stands in front of them, by what was
/// assumed, or where it makes no difference.
fn place(message: &mut [Observed<'_>], assumed: Option<CheckId>) {
    use CheckId::{AppsList, PipelinesList};
    // Nothing but its place can tell its step.
    let is_adrift = |one: &Observed<'_>| {
        let is_free = one.step.is_none() && one.address.is_none();
        is_free && one.open != Some(Incomplete::Contradiction)
    };
    // Two rejections alone that are shown alike are those of both commands.
    let is_rejected = |one: &Observed<'_>| is_adrift(one) && one.exchange.status() == Some(401);
    if let [first, second] = message
        && is_rejected(first)
        && is_rejected(second)
        && first.shown.status == second.shown.status
    {
        first.step = Some(AppsList);
    }
    // Behind a list of apps it is of an app. Where one is asked for by address, what stands beside it
    // tells the same again, and of anything else nobody knows of which it is.
    let of_app = |one: &Observed<'_>| one.address?.slug.as_ref().map(|_| one.exchange.status());
    let of_apps: Vec<_> = message.iter().map(of_app).collect();
    let has_app = of_apps.iter().any(Option::is_some);
    let mut before = None;
    for (place, one) in message.iter_mut().enumerate() {
        let beside = [place.wrapping_sub(1), place + 1].map(|place| of_apps.get(place));
        let is_again = beside.contains(&Some(&Some(one.exchange.status())));
        let is_next = one.shown.printed.is_some() && before == Some(PipelinesList);
        if is_adrift(one) && is_next {
            one.step = before;
        } else if is_adrift(one) && is_again {
            one.is_superseded.set(true);
        } else if is_adrift(one) && before == Some(AppsList) && !has_app {
            one.step = Some(PipelinesList);
        }
        before = one.step;
    }
    // What was accepted once stands in place of a token, whatever it looks like.
    let is_token = |one: &Observed<'_>| {
        let is_accepted = |id| matches!(one.tells(id), Ok(None | Some(Reason::NoApps)));
        one.step.is_some_and(is_accepted) && one.mistakes.contains(&Mistake::TokenPlaceholder)
    };
    if message.iter().any(is_token) {
        for one in &mut *message {
            one.mistakes.retain(|own| *own != Mistake::TokenPlaceholder);
        }
    }
    // What means the same at each step is of the one that is missing.
    let mut has_list = message.iter().any(|one| one.step == Some(AppsList));
    for one in message.iter_mut().filter(|one| one.is_unplaced()) {
        let reason = one.reason_at(AppsList);
        let is_alike = !matches!(reason, None | Some(Reason::EvidenceIncomplete))
            && reason == one.reason_at(PipelinesList);
        let missing = if has_list { PipelinesList } else { AppsList };
        one.step = assumed.or(is_alike.then_some(missing));
        has_list |= one.step == Some(AppsList);
    }
}

impl Shown {
    /// Returns why what is not shown can't be seen.
    pub(super) fn unseen(&self) -> Incomplete {
        let request = &self.request;
        let is_hidden = request.is_hidden
            || request.is_filtered
            || matches!(self.failure, Some(Failure::Filter))
            || self
                .body
                .as_ref()
                .is_some_and(|body| body.extent == Extent::Filtered)
            || request.method.as_deref() == Some("HEAD");
        if is_hidden {
            Incomplete::Hidden
        } else {
            Incomplete::Unreadable
        }
    }
}

impl<'a> Observed<'a> {
    fn of(shown: &'a Shown, has_builds: bool, base: &str, secrets: &Secrets) -> Self {
        let request = &shown.request;
        let address = request.address.as_ref();
        let url = address.map_or_else(|| base.to_owned(), |address| secrets.clean(&address.shown));
        let credential = request.credential.as_ref();
        let shape = shown.body.as_ref().map_or(Shape::Other, |body| body.shape);
        let contradicts = Some(Incomplete::Contradiction);
        // Which step it is of its address tells, if its body does not say otherwise, its body, or words.
        let (step, open) = match (address.map(|own| own.step), shape) {
            (Some(None), _) => (None, None),
            (_, Shape::Builds) => (None, contradicts),
            (Some(id), Shape::Of(of_body)) if id != Some(of_body) => (None, contradicts),
            (None, Shape::Of(id)) => (Some(id), None),
            (None, Shape::EmptyPage) if !has_builds && shown.hint.is_none() => {
                (Some(CheckId::AppsList), None)
            }
            (of_address, _) => (of_address.flatten().or(shown.hint), None),
        };
        let mut observed = Self {
            shown,
            address,
            step,
            credential: credential.map_or(&Credential::Unknown, |(credential, _)| credential),
            mistakes: request.all_mistakes(),
            exchange: Exchange::new(url, Err(FaultKind::Unknown.into())),
            open,
            is_superseded: Cell::default(),
        };
        match shown.failure {
            Some(Failure::Fault(kind)) => {
                let mut fault = Fault::from(kind);
                if kind == FaultKind::ProxyLogin {
                    fault.proxy = Some(Box::new(ProxyResponse {
                        status: 407,
                        had_credentials: secrets.has_proxy_login,
                        ..ProxyResponse::default()
                    }));
                }
                observed.exchange.outcome = Err(fault);
            }
            Some(Failure::Misread(mistake)) => {
                observed.open = Some(Incomplete::Explained);
                observed.mistakes.insert(0, mistake);
            }
            Some(Failure::Filter) | None => observed.read_response(secrets),
        }
        observed
    }

    /// Reads a response as the client would have.
    fn read_response(&mut self, secrets: &Secrets) {
        let shown = self.shown;
        let clean: Clean<'_> = &|text| Cow::Owned(secrets.clean(text));
        let headers = shown.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), Cow::from(value)));
        let headers: Vec<_> = headers.collect();
        let header = |name| responder::values(&headers, name).next().map(str::trim);
        let (mut is_shown, mut page) = (true, "");
        let mut inferred = shown.body.as_ref().and_then(|body| body.status);
        let body = match &shown.body {
            // What headers say of a body that is not shown.
            None => match (header("content-length"), header("content-type")) {
                (Some("0"), _) => Some(Body::Empty),
                (_, Some(kind)) if kind.contains("html") => Some(Body::Html),
                (_, Some(kind)) if shown.status == Some(403) && !kind.contains("json") => {
                    Some(Body::Other)
                }
                _ => None,
            },
            Some(body) if body.extent == Extent::Page => {
                page = &body.text;
                Some(Body::Html)
            }
            Some(body) => Document::read(body.text.as_bytes(), clean).map(|mut document| {
                let is_details = body.shape == Shape::Of(CheckId::PipelinesShow);
                if document.list.is_some() || is_details {
                    inferred = Some(200);
                }
                if body.is_part() {
                    // It may go on, and is not known to be counted.
                    if let Some(list) = &mut document.list {
                        (list.apps.has_more, list.apps.counted) = (true, None);
                    }
                    // What a filter left proves no shape.
                    let is_shaped = body.extent == Extent::Cut || body.shape != Shape::List;
                    let list = document.list.as_ref();
                    let has_items = list.is_some_and(|list| list.runs.runs > 0) && is_shaped;
                    is_shown = document.message.is_some() || has_items || is_details;
                }
                Body::Json(document)
            }),
        };
        let status = shown.status.or(inferred);
        let is_told = match (status, &body) {
            (None, body) => matches!(body, Some(Body::Html)),
            // The body of a 403 tells whether it is Bitrise's, that of a 200 everything.
            (Some(403), None) => responder::has_rate_limit(&headers),
            (Some(status), body) => status != 200 || body.is_some(),
        };
        if !is_told || !is_shown {
            self.open = self.open.or(Some(shown.unseen()));
        }
        let wait = header("retry-after").and_then(|wait| wait.parse().ok());
        self.exchange.retry_after = wait.map(Duration::from_secs);
        let body = (body.unwrap_or(Body::Empty), page.as_bytes());
        self.exchange.outcome = Ok(Response {
            is_inferred: status.is_some() && shown.status.is_none(),
            http_version: shown.http_version.map(Cow::Borrowed),
            ..responder::response(&self.exchange.url, status, &headers, body, clean)
        });
    }

    /// Tells whether its step is not known, and may be one of DX's.
    pub(super) fn is_unplaced(&self) -> bool {
        let may_be = self.address.is_none_or(|address| address.step.is_some());
        self.step.is_none() && may_be && !self.is_superseded.get()
    }

    /// Returns what it means at a step.
    pub(super) fn tells(&self, id: CheckId) -> Meaning {
        let exchange = &self.exchange;
        let reason = classify::told(id, exchange).err();
        let is_part = self.shown.body.as_ref().is_some_and(body::Body::is_part);
        let is_cut = is_part && reason == Some(Reason::UnexpectedResponse);
        let open = self.open.or(is_cut.then(|| self.shown.unseen()));
        let is_fault = exchange.outcome.is_err();
        let is_accepted = matches!(reason, None | Some(Reason::NoApps));
        let is_miss =
            matches!(exchange.status(), Some(400 | 404)) || reason == Some(Reason::NoApps);
        // What a mistake explains says nothing of the token.
        let explains = |mistake: &Mistake| match mistake {
            // Somebody else was asked.
            Mistake::OtherHost | Mistake::Mock => true,
            // Something else was asked.
            Mistake::OtherVersion | Mistake::OtherEndpoint | Mistake::Method => !is_fault,
            // An empty list, a 400 and a 404.
            Mistake::Filter => is_miss,
            // An acceptance proves the credential as it was sent.
            _ => !is_fault && !is_accepted,
        };
        match (self.mistakes.iter().any(explains), open) {
            (true, None) if self.mistakes == [Mistake::NoVersion] => Ok(Some(Reason::WrongBaseUrl)),
            (true, _) => Err(Incomplete::Explained),
            (false, Some(open)) => Err(open),
            (false, None) => Ok(reason),
        }
    }

    /// Returns the reason for the verdict if it is of a step, and nothing else was answered.
    pub(super) fn reason_at(&self, id: CheckId) -> Option<Reason> {
        match self.tells(id) {
            // A 401 below an app says nothing by itself.
            Ok(reason) if id == CheckId::AppsList || reason != Some(Reason::TokenRejected) => {
                reason
            }
            _ => Some(Reason::EvidenceIncomplete),
        }
    }
}

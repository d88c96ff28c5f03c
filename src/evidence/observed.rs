//! From what a text shows to the exchanges of a run: each response as the client would have read it,
//! the step that it is of, and whether it tells anything there.

use super::body::{Extent, Shape};
use super::exchanges::{Failure, Reading, Shown};
use super::request::{Address, Credential};
use super::secrets::Secrets;
use crate::check::CheckId;
use crate::classify;
use crate::exchange::{Body, Exchange, Fault, FaultKind, ProxyResponse, Response};
use crate::pasted::{Explains, Incomplete, Mistake, PastedStep};
use crate::responder;
use crate::text::Clean;
use crate::verdict::Reason;
use crate::wire::Document;
use std::borrow::Cow;
use std::collections::HashSet;
use std::time::Duration;

/// What a response means at a step: nothing against the token, or a reason; or why it means nothing:
/// it can't be seen, or a mistake of the command explains it.
pub(super) type Meaning = Result<Option<Reason>, Incomplete>;

/// One response or fault of a text, and what is known of where it came from.
#[derive(Debug)]
pub(super) struct Observed<'a> {
    pub(super) shown: &'a Shown,
    /// Which step it is of, if that can be told.
    pub(super) step: Option<CheckId>,
    /// Whether its body can't be that of DX's step that its address or its place says.
    pub(super) is_contradictory: bool,
    pub(super) credential: &'a Credential,
    pub(super) mistakes: Vec<Mistake>,
    pub(super) exchange: Exchange,
    /// Why it can't be judged by itself.
    pub(super) open: Option<Incomplete>,
    /// The reason that a run would take it for, as the list of apps, as an app's pipelines, and as one
    /// of its runs.
    reasons: [Option<Reason>; 3],
    /// Whether a later try took its place.
    pub(super) is_superseded: bool,
}

/// Makes the exchanges of a text. `assumed` is the step of those of which the text does not tell it,
/// `base` the base URL of those that show no address.
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
    // Where an app is asked for by address, what has none tells the same again, or is of no app that can
    // be told.
    let of_app = |one: &&Observed<'_>| one.address().is_some_and(|own| own.slug.is_some());
    let named = observed.iter().filter(of_app);
    let named: HashSet<usize> = named.map(|one| one.shown.message).collect();
    let around = observed.iter().enumerate().filter(|(_, one)| of_app(one));
    let around = around.flat_map(|(at, one)| {
        let told = (one.shown.message, one.exchange.status());
        [(at.wrapping_sub(1), told), (at + 1, told)]
    });
    let (around, mut places) = (around.collect::<HashSet<_>>(), 0..);
    observed.retain(|one| {
        let told = (one.shown.message, one.exchange.status());
        let is_around = places.next().is_some_and(|at| around.contains(&(at, told)));
        !(is_around && one.is_adrift())
    });
    // What has no address is placed by its place: behind a list of apps, it is of an app.
    for index in 1..observed.len() {
        let (before, behind) = observed.split_at_mut(index);
        let (before, one) = (&before[index - 1], &mut behind[0]);
        let follows_list =
            before.step == Some(CheckId::AppsList) && before.shown.message == one.shown.message;
        if follows_list && one.is_adrift() && !named.contains(&one.shown.message) {
            one.step = Some(CheckId::PipelinesList);
        }
    }
    // Two rejections alone that are shown alike are those of both commands.
    let is_lone = |one: &Observed<'_>| one.is_adrift() && one.exchange.status() == Some(401);
    if let [first, second] = &mut observed[..]
        && is_lone(first)
        && is_lone(second)
        && first.shown.status == second.shown.status
    {
        first.step = Some(CheckId::AppsList);
        second.step = Some(CheckId::PipelinesList);
    }
    for one in observed.iter_mut().filter(|one| one.is_unplaced()) {
        one.step = assumed;
    }
    // What was accepted once stands in place of a token, whatever it looks like.
    let is_accepted = |one: &&Observed<'_>| {
        let reason = one.step.map(|id| one.reason(id));
        one.open.is_none()
            && matches!(reason, Some(None | Some(Reason::NoApps)))
            && one.mistakes.contains(&Mistake::TokenPlaceholder)
            && { one.mistakes.iter() }.all(|own| own.explains() <= Explains::Refusals)
    };
    let accepted = observed.iter().filter(is_accepted);
    let messages: HashSet<usize> = accepted.map(|one| one.shown.message).collect();
    for one in &mut observed {
        let is_hidden = messages.contains(&one.shown.message);
        one.mistakes
            .retain(|own| !is_hidden || *own != Mistake::TokenPlaceholder);
    }
    observed
}

impl<'a> Observed<'a> {
    fn of(shown: &'a Shown, has_builds: bool, base: &str, secrets: &Secrets) -> Self {
        let request = &shown.request;
        let address = request.address.as_ref();
        let url = address.map_or_else(|| base.to_owned(), |address| secrets.clean(&address.shown));
        let credential = request.credential.as_ref();
        let shape = shown.body.as_ref().map_or(Shape::Other, |body| body.shape);
        // Which step it is of its address tells, if its body does not say otherwise, its body, or words.
        let (step, is_contradictory) = match (address.map(|own| own.step), shape) {
            (Some(None), _) => (None, false),
            (_, Shape::Builds) => (None, true),
            (Some(id), Shape::Of(of_body)) if id != Some(of_body) => (None, true),
            (None, Shape::Of(id)) => (Some(id), false),
            (None, Shape::EmptyPage) if !has_builds && shown.hint.is_none() => {
                (Some(CheckId::AppsList), false)
            }
            (of_address, _) => (of_address.flatten().or(shown.hint), false),
        };
        let mut observed = Self {
            shown,
            step,
            is_contradictory,
            credential: credential.map_or(&Credential::Unknown, |(credential, _)| credential),
            mistakes: request.all_mistakes(),
            exchange: Exchange::new(url, Err(FaultKind::Unknown.into())),
            open: None,
            reasons: [None; 3],
            is_superseded: false,
        };
        match shown.failure {
            Some(Failure::Fault(name)) => {
                observed.exchange.outcome = Err(fault(name, secrets.has_proxy_login));
            }
            Some(Failure::Misread(mistake)) => {
                observed.open = Some(Incomplete::Explained);
                observed.mistakes.push(mistake);
            }
            Some(Failure::Filter) | None => observed.read_response(secrets),
        }
        let exchange = &observed.exchange;
        observed.reasons = [
            classify::apps(exchange).err(),
            classify::pipelines(exchange).err(),
            classify::details(exchange).err(),
        ];
        observed
    }

    pub(super) const fn address(&self) -> Option<&'a Address> {
        self.shown.request.address.as_ref()
    }

    /// Reads a response as the client would have.
    fn read_response(&mut self, secrets: &Secrets) {
        let shown = self.shown;
        let clean: Clean<'_> = &|text| Cow::Owned(secrets.clean(text));
        let headers = shown.headers.iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| (name.as_str(), Cow::from(value)))
            .collect();
        let header = |name| responder::value(&headers, name).map(str::trim);
        let text = shown.body.as_ref().map_or("", |body| &body.text);
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
            Some(body) if body.extent.is_none() => Some(Body::Html),
            Some(body) => Document::read(text.as_bytes(), clean).map(|mut document| {
                let is_details = body.shape == Shape::Of(CheckId::PipelinesShow);
                if document.list.is_some() || is_details {
                    inferred = Some(200);
                }
                if body.extent != Some(Extent::Whole) {
                    document.cut_list();
                    // What a filter left proves no shape.
                    let is_shaped = body.extent == Some(Extent::Cut) || body.shape != Shape::List;
                    let has_items = document.has_items() && is_shaped;
                    if document.message.is_none() && !has_items && !is_details {
                        self.open = Some(self.unseen());
                    }
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
        if !is_told {
            self.open = Some(self.unseen());
        }
        let wait = header("retry-after").and_then(|wait| wait.parse().ok());
        self.exchange.retry_after = wait.map(Duration::from_secs);
        let page = match body {
            Some(Body::Html) => text.as_bytes(),
            _ => &[],
        };
        let body = (body.unwrap_or(Body::Empty), page);
        self.exchange.outcome = Ok(Response {
            is_inferred: status.is_some() && shown.status.is_none(),
            http_version: shown.http_version.map(Cow::Borrowed),
            ..responder::response(&self.exchange.url, status, &headers, body, clean)
        });
    }

    /// Tells whether its step is not known, and may be one of DX's.
    pub(super) fn is_unplaced(&self) -> bool {
        self.step.is_none() && self.address().is_none_or(|address| address.step.is_some())
    }

    /// Tells whether nothing but its place can tell its step.
    fn is_adrift(&self) -> bool {
        self.step.is_none() && self.address().is_none() && !self.is_contradictory
    }

    /// Returns how much of its body is shown, if it is an object.
    fn extent(&self) -> Option<Extent> {
        self.shown.body.as_ref()?.extent
    }

    /// Returns why what is not shown can't be seen.
    fn unseen(&self) -> Incomplete {
        let request = &self.shown.request;
        let is_hidden = request.is_hidden
            || request.is_filtered
            || matches!(self.shown.failure, Some(Failure::Filter))
            || self.extent() == Some(Extent::Filtered)
            || request.method.as_deref() == Some("HEAD");
        if is_hidden {
            Incomplete::Hidden
        } else {
            Incomplete::Unreadable
        }
    }

    /// Returns the reason that a run would take it for at a step.
    const fn reason(&self, id: CheckId) -> Option<Reason> {
        match id {
            CheckId::TokenFormat | CheckId::AppsList | CheckId::AppsRecheck => self.reasons[0],
            CheckId::PipelinesList => self.reasons[1],
            CheckId::PipelinesShow => self.reasons[2],
        }
    }

    /// Returns what it means at a step.
    pub(super) fn tells(&self, id: CheckId) -> Meaning {
        let reason = self.reason(id);
        if self.open == Some(Incomplete::Explained) {
            return Err(Incomplete::Explained);
        }
        let is_part = matches!(self.extent(), Some(Extent::Cut | Extent::Filtered));
        let is_cut = is_part && reason == Some(Reason::UnexpectedResponse);
        let open = self.open.or(is_cut.then(|| self.unseen()));
        let what = match (&self.exchange.outcome, reason) {
            (Err(_), _) => Explains::Everything,
            _ if open.is_some() => Explains::Refusals,
            (Ok(_), None) => Explains::Responses,
            (Ok(_), Some(Reason::NoApps)) => Explains::Misses,
            (Ok(response), _) if matches!(response.status, Some(400 | 404)) => Explains::Misses,
            (Ok(_), Some(_)) => Explains::Refusals,
        };
        let explaining =
            { self.mistakes.iter().rev() }.filter(|mistake| mistake.explains() >= what);
        let is_slip = |mistake: &Mistake| matches!(mistake, Mistake::NoVersion | Mistake::Filter);
        match (explaining.max_by_key(|mistake| mistake.explains()), open) {
            (Some(Mistake::NoVersion), None) if self.mistakes.iter().all(is_slip) => {
                Ok(Some(Reason::WrongBaseUrl))
            }
            (Some(_), _) => Err(Incomplete::Explained),
            (None, Some(open)) => Err(open),
            (None, None) => Ok(reason),
        }
    }

    /// Returns the reason for the verdict if it is of a step, and nothing else was answered.
    pub(super) fn reason_at(&self, id: CheckId) -> Option<Reason> {
        match self.tells(id) {
            // A 401 below an app says nothing by itself.
            Ok(Some(Reason::TokenRejected)) if id != CheckId::AppsList => {
                Some(Reason::EvidenceIncomplete)
            }
            Ok(reason) => reason,
            Err(_) => Some(Reason::EvidenceIncomplete),
        }
    }

    /// Returns the exchange as evidence of a check, and whether there is anything to show: not of a
    /// command that was misread, or of a response without a status.
    pub(super) fn evidence(&self) -> (Exchange, bool) {
        let is_known = match &self.exchange.outcome {
            Ok(response) => response.status.is_some() || matches!(response.body, Body::Html),
            Err(_) => self.open != Some(Incomplete::Explained),
        };
        (self.exchange.clone(), is_known)
    }

    /// Returns what is said of it beyond the checks.
    pub(super) fn told(&self) -> PastedStep {
        let status = self.exchange.status();
        let response = self.exchange.response();
        let has_address = self.shown.request.address.is_some();
        PastedStep {
            step: self.step,
            url: has_address.then(|| self.exchange.url.clone()),
            status,
            message: response.and_then(Response::message).cloned(),
        }
    }
}

/// Returns the fault of a name of the table of words.
fn fault(name: &str, had_credentials: bool) -> Fault {
    match FaultKind::named(name).unwrap_or(FaultKind::Unknown) {
        kind @ FaultKind::ProxyLogin => {
            let response = ProxyResponse {
                had_credentials,
                status: 407,
                ..ProxyResponse::default()
            };
            Fault::of_proxy(kind, response)
        }
        kind => kind.into(),
    }
}

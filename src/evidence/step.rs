//! Which step a response is of, and what all of them mean together.

use super::fault;
use super::request::{self, Address, Endpoint, Request};
use super::secrets::Secrets;
use super::transcript::{Seen, SeenBody, Segment};
use super::work::looks_at;
use crate::app::{App, Slug};
use crate::base_url::DEFAULT_BASE_URL;
use crate::check::{Check, CheckId, CheckResult, Finding};
use crate::classify::{self, AppStep};
use crate::exchange::{Body, Exchange, FaultKind, Response};
use crate::report::{
    AppResult, AppState, CommandMistake, EvidenceError, Incomplete, PastedStep, Report, Runs,
    Target, ToldBy,
};
use crate::responder;
use crate::verdict::{Reason, Verdict};
use crate::wire::{AppPage, Document};
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

/// The step that a response is taken for if the text does not tell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Assumed {
    /// The list of apps.
    Apps,
    /// The pipelines of an app.
    Pipelines,
}

/// One response or fault, and what is known of where it came from.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Observed {
    step: Option<CheckId>,
    told_by: ToldBy,
    address: Option<Address>,
    mistakes: Vec<CommandMistake>,
    exchange: Exchange,
    /// Whether the status was inferred from the body.
    is_inferred: bool,
    /// Whether the status stands for one that neither the text nor the body tells, such as a page's.
    is_status_unknown: bool,
    /// Why it can't be judged: it is cut, or its status can't be told.
    is_unreadable: bool,
    /// Whether the list in it may go on.
    is_cut: bool,
    /// Why the client misread its command, if it did.
    misread: Option<CommandMistake>,
    is_superseded: bool,
    /// Whether the person who gave the text says which step it is of.
    is_vouched: bool,
}

/// What a text means.
pub(super) struct Judgement<'a> {
    secrets: &'a Secrets,
    observed: Vec<Observed>,
    has_commands: bool,
    mistakes: Vec<CommandMistake>,
    incomplete: Option<Incomplete>,
}

/// The address that a request is taken to have gone to if the text does not show it.
const UNKNOWN: &str = "";

impl<'a> Judgement<'a> {
    /// Reads the segments of a text.
    pub(super) fn of(segments: &[Segment], assumed: Option<Assumed>, secrets: &'a Secrets) -> Self {
        let mut judgement = Self {
            secrets,
            observed: Vec::new(),
            has_commands: false,
            mistakes: Vec::new(),
            incomplete: None,
        };
        judgement.pair(segments);
        judgement.spread();
        judgement.order();
        if let Some(assumed) = assumed {
            let id = match assumed {
                Assumed::Apps => CheckId::AppsList,
                Assumed::Pipelines => CheckId::PipelinesList,
            };
            for observed in judgement.observed.iter_mut().filter(|seen| seen.is_open()) {
                observed.step = Some(id);
                observed.told_by = ToldBy::Words;
                observed.is_vouched = true;
            }
        }
        judgement
    }

    /// Gives each response the request that it answers: requests in a row are answered in their
    /// order if there are as many responses; if not, only a single request can have been meant.
    fn pair(&mut self, segments: &[Segment]) {
        let (mut requests, mut responses): (Vec<&Request>, Vec<&Segment>) = Default::default();
        let mut hint = None;
        for segment in segments {
            match segment {
                Segment::Request(request) => {
                    if !responses.is_empty() {
                        self.group(&requests, &responses, hint.take());
                        (requests, responses) = Default::default();
                    }
                    self.has_commands |= request.is_command;
                    for mistake in &request.mistakes {
                        if !self.mistakes.contains(mistake) {
                            self.mistakes.push(*mistake);
                        }
                    }
                    // A log names the address again that its command has.
                    let is_again = requests.last().is_some_and(|last| {
                        !request.is_command
                            && last.address.is_some()
                            && last.address == request.address
                    });
                    if !is_again {
                        requests.push(request);
                    }
                }
                Segment::Hint(id) => {
                    if !responses.is_empty() {
                        self.group(&requests, &responses, hint.take());
                        (requests, responses) = Default::default();
                    }
                    hint = Some(*id);
                }
                Segment::Response(_) | Segment::Fault(_) | Segment::Misread(_) => {
                    responses.push(segment);
                }
            }
        }
        self.group(&requests, &responses, hint);
    }

    /// Takes a mistake in front of the token in one command for one in all that the text does not show.
    fn spread(&mut self) {
        let is_of_token = |mistake: &CommandMistake| {
            request::explains(*mistake, 401)
                && request::explains(*mistake, 403)
                && !request::explains(*mistake, 404)
        };
        let mistakes: Vec<_> = self.mistakes.iter().copied().filter(is_of_token).collect();
        for observed in self
            .observed
            .iter_mut()
            .filter(|observed| observed.address.is_none())
        {
            observed.mistakes.extend(&mistakes);
        }
    }

    fn group(&mut self, requests: &[&Request], responses: &[&Segment], hint: Option<CheckId>) {
        let is_pairwise = requests.len() == responses.len();
        for (index, segment) in responses.iter().enumerate() {
            let before = index
                .checked_sub(1)
                .and_then(|before| responses.get(before));
            let request = match requests {
                [one] if index == 0 || is_followed(before, segment) => Some(*one),
                [_, _, ..] if is_pairwise => requests.get(index).copied(),
                _ => None,
            };
            let observed = self.observe(segment, request, hint.filter(|_| index == 0));
            self.observed.push(observed);
        }
    }

    fn observe(
        &mut self,
        segment: &Segment,
        request: Option<&Request>,
        hint: Option<CheckId>,
    ) -> Observed {
        let address = request.and_then(|request| request.address.clone());
        let mistakes = request.map_or_else(Vec::new, |request| request.mistakes.clone());
        let url = address.as_ref().map_or(UNKNOWN.to_owned(), |address| {
            self.secrets.clean(&address.shown)
        });
        let mut observed = Observed {
            step: None,
            told_by: ToldBy::Nothing,
            mistakes,
            exchange: Exchange::new(url, Err(FaultKind::Unknown.into())),
            address,
            is_inferred: false,
            is_status_unknown: false,
            is_unreadable: false,
            is_cut: false,
            misread: None,
            is_superseded: false,
            is_vouched: false,
        };
        let mut shape = None;
        match segment {
            Segment::Response(seen) => shape = self.response(seen, &mut observed),
            Segment::Fault(kind) => observed.exchange.outcome = Err(kind.clone()),
            Segment::Misread(mistake) => {
                observed.misread = Some(*mistake);
                if !self.mistakes.contains(mistake) {
                    self.mistakes.push(*mistake);
                }
            }
            Segment::Request(_) | Segment::Hint(_) => {}
        }
        let of_address = observed
            .address
            .as_ref()
            .map(|address| match address.endpoint {
                Endpoint::Apps => Some(CheckId::AppsList),
                Endpoint::Pipelines(_) => Some(CheckId::PipelinesList),
                Endpoint::Details(_) => Some(CheckId::PipelinesShow),
                Endpoint::Other => None,
            });
        (observed.step, observed.told_by) = match (shape, of_address.flatten(), hint) {
            (_, Some(id), _) if shape.is_none_or(|shape| shape == id) => {
                (Some(id), ToldBy::Address)
            }
            (Some(id), _, _) => (Some(id), ToldBy::Body),
            (None, Some(id), _) => (Some(id), ToldBy::Address),
            (None, None, Some(id)) => (Some(id), ToldBy::Words),
            (None, None, None) => (None, ToldBy::Nothing),
        };
        if shape.is_some() && of_address.flatten() != shape {
            observed.address = None;
            observed.mistakes.clear();
        }
        observed
    }

    /// Reads a response as the client would have, and returns the step that its body tells.
    fn response(&self, seen: &Seen, observed: &mut Observed) -> Option<CheckId> {
        let clean = |text: &str| self.secrets.clean(text);
        let mut shape = None;
        let (body, inferred) = match &seen.body {
            SeenBody::NotShown | SeenBody::Empty => (Body::Empty, None),
            SeenBody::Text => (Body::Other, None),
            SeenBody::Html(page) => {
                let status = status_of_page(page);
                observed.is_status_unknown = seen.status.is_none() && status.is_none();
                // A page is none of Bitrise's, whatever its status.
                (Body::Html, Some(status.unwrap_or(200)))
            }
            SeenBody::Broken(kind) => (Body::Cut(kind.clone()), None),
            SeenBody::Json(found) => {
                let mut bytes = found.json.clone().into_bytes();
                match Document::read(&mut bytes, |text| Cow::Owned(clean(text))) {
                    Ok(document) => {
                        let inferred = inferred_status(&document, &found.json);
                        shape = shape_of(&found.json);
                        observed.is_cut = !found.is_complete;
                        observed.is_unreadable = is_emptied(&document, found.is_complete);
                        (Body::Json(document), inferred)
                    }
                    Err(_) => (Body::Other, None),
                }
            }
        };
        observed.is_inferred = seen.status.is_none() && !observed.is_status_unknown;
        let Some(status) = seen.status.or(inferred) else {
            observed.is_unreadable = true;
            let words = Response::new(None, body);
            observed.exchange.outcome = Ok(words);
            return shape;
        };
        if matches!(seen.body, SeenBody::NotShown) {
            // The body of a 403 tells whether it is Bitrise's, that of a 200 everything.
            observed.is_unreadable = matches!(status, 200 | 403);
        }
        let headers: Vec<(&str, Cow<'_, str>)> = seen
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), Cow::Borrowed(value.as_str())))
            .collect();
        let untrusted = |text: &str| responder::untrusted(text, &clean);
        let page = match &seen.body {
            SeenBody::Html(page) => page.as_bytes(),
            SeenBody::NotShown
            | SeenBody::Empty
            | SeenBody::Json(_)
            | SeenBody::Text
            | SeenBody::Broken(_) => &[],
        };
        let is_rate_limit = status != 200 && responder::has_rate_limit(&headers);
        observed.is_unreadable &= !is_rate_limit;
        observed.exchange.outcome = Ok(Response {
            http_version: seen.http_version,
            request_id: responder::value(&headers, "x-request-id")
                .filter(|id| !id.is_empty())
                .map(untrusted),
            location_host: responder::value(&headers, "location")
                .and_then(host_of)
                .map(|host| untrusted(&host)),
            has_rate_limit_headers: is_rate_limit,
            challenge: responder::challenge(&headers, &clean),
            responder: responder::responder(&headers, page, &clean),
            ..Response::new(status, body)
        });
        let wait =
            responder::value(&headers, "retry-after").and_then(|wait| wait.trim().parse().ok());
        observed.exchange.retry_after = wait.map(Duration::from_secs);
        shape
    }

    /// Tells by their order what responses are of, if there is no other sign: what follows the list
    /// of apps is the second step, and of two responses the first is the first step.
    fn order(&mut self) {
        let is_first_of_two = self.observed.len() == 2
            && self.observed[0].is_open()
            && (self.observed[1].is_open()
                || self.observed[1].step == Some(CheckId::PipelinesList));
        if is_first_of_two {
            self.observed[0].step = Some(CheckId::AppsList);
            self.observed[0].told_by = ToldBy::Order;
        }
        for index in 1..self.observed.len() {
            let before = self.observed[index - 1].step;
            let observed = &mut self.observed[index];
            if observed.is_open() && before == Some(CheckId::AppsList) {
                observed.step = Some(CheckId::PipelinesList);
                observed.told_by = ToldBy::Order;
            }
        }
    }

    /// Returns the report of all of that; `own_reason` is what a report of this program says that
    /// was pasted as text.
    pub(super) fn report(mut self, report: Report, own_reason: Option<Reason>) -> Report {
        if self.observed.is_empty() {
            let told = own_reason.filter(|reason| reason.verdict() != Verdict::NotRun);
            let report = if let Some(reason) = told {
                retold(report, reason)
            } else if self.has_commands {
                report.not_run(EvidenceError::CommandsOnly.into())
            } else {
                report.not_run(EvidenceError::Nothing.into())
            };
            return self.with_facts(report);
        }
        self.place_open();
        let mut checks = Vec::new();
        let (list, recheck) = self.lists();
        let apps = list.map(|index| self.apps(index));
        let page = match &apps {
            Some(Meaning::Ok(page)) => Some(page.clone()),
            Some(Meaning::Not(_) | Meaning::Open(_) | Meaning::Unauthorized) | None => None,
        };
        let is_listed = page.is_some();
        let mut report = report;
        if let (Some(index), Some(meaning)) = (list, &apps) {
            checks.push(self.list_check(index, meaning));
        }
        if let Some(page) = &page {
            report.sample.clone_from(&page.apps);
        }
        let goes_on = match &apps {
            Some(Meaning::Not(reason)) => {
                reason.verdict() == Verdict::Inconclusive && *reason != Reason::WrongBaseUrl
            }
            Some(Meaning::Ok(_) | Meaning::Open(_) | Meaning::Unauthorized) | None => true,
        };
        if goes_on {
            let told =
                recheck.map(|index| (index, classify::recheck(&self.observed[index].exchange)));
            report.apps = self.app_results(page.as_ref(), told, &mut checks);
        }
        self.complete(&mut checks, is_listed, apps.is_some(), &report);
        if let Some((index, told)) =
            recheck.map(|index| (index, classify::recheck(&self.observed[index].exchange)))
            && goes_on
        {
            let result = told.map_or_else(CheckResult::NotPassed, |()| CheckResult::Pass);
            checks.push(self.check(CheckId::AppsRecheck, index, result));
        }
        let base = self.base();
        report.target = Target {
            base_url: Some(base),
            ..Target::default()
        };
        report.options.details = checks
            .iter()
            .any(|check| check.id == CheckId::PipelinesShow);
        let mut report = report.with_checks(checks);
        let place = |check: &Check| CheckId::ALL.iter().position(|id| *id == check.id);
        report.checks.sort_by_key(place);
        self.with_facts(report)
    }

    /// Notes what is missing.
    fn complete(
        &mut self,
        checks: &mut Vec<Check>,
        is_listed: bool,
        has_list: bool,
        report: &Report,
    ) {
        let open = CheckResult::NotPassed(Reason::EvidenceIncomplete);
        let has = |checks: &[Check], id| checks.iter().any(|check| check.id == id);
        if self.incomplete.is_none() && checks.is_empty() && report.apps.is_empty() {
            self.incomplete = Some(self.open_step());
            checks.push(Check::new(CheckId::AppsList, open));
        } else if is_listed && !has(checks, CheckId::PipelinesList) {
            self.incomplete.get_or_insert(Incomplete::PipelinesMissing);
            checks.push(Check::new(CheckId::PipelinesList, open));
        } else if !has_list
            && report
                .apps
                .iter()
                .any(|app| app.state == AppState::Readable)
        {
            self.incomplete.get_or_insert(Incomplete::AppsMissing);
            checks.push(Check::new(CheckId::AppsList, open));
        }
        let is_unsure = self.observed.iter().any(Observed::is_open);
        let decided = checks.iter().any(|check| check.result == open);
        if is_unsure && !decided {
            self.incomplete = Some(self.open_step());
            let check = Check::new(CheckId::AppsList, open);
            if has(checks, CheckId::AppsList) {
                // What was answered stays; the verdict is that of the open response.
                checks.retain(|check| check.id != CheckId::AppsList);
            }
            checks.push(check);
        }
    }

    /// Says why nothing of what was found can be placed.
    fn open_step(&self) -> Incomplete {
        let Some(open) = self
            .observed
            .iter()
            .rev()
            .find(|observed| observed.is_open())
        else {
            return Incomplete::OtherEndpoint;
        };
        if let Some(mistake) = open.misread {
            return Incomplete::Explained(mistake);
        }
        let index = self
            .observed
            .iter()
            .rposition(Observed::is_open)
            .unwrap_or_default();
        let (apps, pipelines) = self.readings(index);
        if open.is_unreadable {
            return Incomplete::Unreadable;
        }
        Incomplete::StepUnknown { apps, pipelines }
    }

    /// Returns what an open response means at each step.
    fn readings(&self, index: usize) -> (Option<Reason>, Option<Reason>) {
        (self.apps(index).reason(), self.pipelines(index).reason())
    }

    /// Gives responses that mean the same at each step the one that is missing.
    fn place_open(&mut self) {
        let is_list = |observed: &Observed| observed.step == Some(CheckId::AppsList);
        let mut has_list = self.observed.iter().any(is_list);
        for index in 0..self.observed.len() {
            looks_at(1);
            let observed = &self.observed[index];
            let (apps, pipelines) = self.readings(index);
            let is_told =
                apps.is_some() && apps == pipelines && apps != Some(Reason::EvidenceIncomplete);
            if observed.is_open() && is_told {
                self.observed[index].step = Some(if has_list {
                    CheckId::PipelinesList
                } else {
                    CheckId::AppsList
                });
                has_list = true;
            }
        }
    }

    /// Returns the list of apps that counts, and a later one that settles a 401 of an app's.
    fn lists(&self) -> (Option<usize>, Option<usize>) {
        let of = |id| move |observed: &Observed| observed.step == Some(id);
        let last_list = self.observed.iter().rposition(of(CheckId::AppsList));
        let last_app = self.observed.iter().rposition(of(CheckId::PipelinesList));
        let (Some(list), Some(app)) = (last_list, last_app) else {
            return (last_list, None);
        };
        let is_unsettled = matches!(self.pipelines(app), Meaning::Unauthorized);
        if !is_unsettled || list < app {
            return (Some(list), None);
        }
        let earlier = self.observed[..app].iter().rposition(of(CheckId::AppsList));
        (earlier.or(Some(list)), Some(list))
    }

    fn apps(&self, index: usize) -> Meaning<AppPage> {
        let observed = &self.observed[index];
        let result = classify::apps(&observed.exchange);
        let meaning = match result {
            Ok(mut page) => {
                page.has_more |= observed.is_cut;
                if observed.is_cut {
                    page.counted = None;
                }
                Meaning::Ok(page)
            }
            Err(reason) => Meaning::Not(reason),
        };
        observed.judged(meaning)
    }

    fn pipelines(&self, index: usize) -> Meaning<usize> {
        let observed = &self.observed[index];
        let meaning = match classify::pipelines(&observed.exchange) {
            AppStep::Readable(page) => Meaning::Ok(page.runs),
            AppStep::NotReadable(reason) => Meaning::Not(reason),
            AppStep::RecheckToken => Meaning::Unauthorized,
        };
        observed.judged(meaning)
    }

    fn list_check(&mut self, index: usize, meaning: &Meaning<AppPage>) -> Check {
        let (result, finding) = match meaning {
            Meaning::Ok(page) => {
                let listed = page.apps.len();
                let counted = page.counted.filter(|counted| *counted > listed as u64);
                let total = counted.or((!page.has_more).then_some(listed as u64));
                (
                    CheckResult::Pass,
                    Finding::Apps {
                        total,
                        listed,
                        end: None,
                    },
                )
            }
            Meaning::Not(reason) => (CheckResult::NotPassed(*reason), Finding::Nothing),
            Meaning::Open(why) => {
                self.incomplete.get_or_insert(*why);
                (
                    CheckResult::NotPassed(Reason::EvidenceIncomplete),
                    Finding::Nothing,
                )
            }
            Meaning::Unauthorized => (
                CheckResult::NotPassed(Reason::TokenRejected),
                Finding::Nothing,
            ),
        };
        Check {
            finding,
            ..self.check(CheckId::AppsList, index, result)
        }
    }

    /// Makes a check of a response, with as much of it as is shown.
    fn check(&self, id: CheckId, index: usize, result: CheckResult) -> Check {
        let observed = &self.observed[index];
        let mut exchange = observed.exchange.clone();
        exchange.forget_list();
        if exchange.url == UNKNOWN {
            exchange.url = match id {
                CheckId::TokenFormat | CheckId::AppsList | CheckId::AppsRecheck => {
                    format!("{}/apps?limit=1", self.base())
                }
                CheckId::PipelinesList | CheckId::PipelinesShow => {
                    format!("{}/apps/YOUR_APP_SLUG/pipelines?limit=1", self.base())
                }
            };
        }
        let is_unknown = exchange
            .outcome
            .as_ref()
            .is_ok_and(|response| response.status.is_none());
        if let Ok(response) = &mut exchange.outcome
            && observed.is_status_unknown
        {
            response.status = None;
        }
        Check {
            exchange: Some(exchange).filter(|_| !is_unknown && observed.misread.is_none()),
            ..Check::new(id, result)
        }
    }

    /// Judges what was asked of single apps: for each slug the last response.
    fn app_results(
        &mut self,
        page: Option<&AppPage>,
        recheck: Option<(usize, Result<(), Reason>)>,
        checks: &mut Vec<Check>,
    ) -> Vec<AppResult> {
        let mut results: Vec<AppResult> = Vec::new();
        let mut decisive: Option<Check> = None;
        for (index, slug) in self.last_of_each_app(page) {
            let app = page
                .into_iter()
                .flat_map(|page| &page.apps)
                .find(|app| Some(&app.slug) == slug.as_ref());
            let is_listed = page.and_then(|page| {
                match (
                    &app,
                    page.has_more
                        || page.unusable > 0
                        || page.counted > Some(page.apps.len() as u64),
                ) {
                    (Some(_), _) => Some(true),
                    (None, true) => None,
                    (None, false) => Some(false),
                }
            });
            let app = app.cloned().or_else(|| slug.clone().map(App::unlisted));
            let settled = recheck.filter(|(later, _)| *later > index);
            let (result, finding) = self.app_result(
                index,
                page.is_some(),
                is_listed,
                settled.map(|(_, told)| told),
            );
            if result.reason() == Some(Reason::AppNotAccessible)
                && !self.mistakes.contains(&CommandMistake::SlugNotListed)
            {
                self.mistakes.push(CommandMistake::SlugNotListed);
            }
            let check = Check {
                app: app.clone(),
                finding,
                ..self.check(CheckId::PipelinesList, index, result)
            };
            if decisive
                .as_ref()
                .is_none_or(|kept| rank(kept) < rank(&check))
            {
                decisive = Some(check);
            }
            if let Some(app) = app {
                let is_first = page
                    .is_some_and(|page| page.apps.first().map(|app| &app.slug) == Some(&app.slug));
                let status = self.observed[index].status();
                results.push(AppResult {
                    app,
                    is_first,
                    is_listed,
                    state: state_of(result),
                    reason: result.reason(),
                    http_status: status,
                    runs: runs_of(finding),
                    details: None,
                });
            }
        }
        checks.extend(decisive);
        self.details(checks);
        results
    }

    /// Returns what the last response of an app means; `settled` is what a later look at the list of
    /// apps says of the token.
    fn app_result(
        &mut self,
        index: usize,
        is_list_read: bool,
        is_listed: Option<bool>,
        settled: Option<Result<(), Reason>>,
    ) -> (CheckResult, Finding) {
        let denied = CheckResult::NotPassed(classify::denied(is_listed));
        let why = match (self.pipelines(index), settled) {
            (Meaning::Ok(runs), _) => return (CheckResult::Pass, Finding::Runs(runs)),
            // Bitrise hides an app by a 404, and so does an address that is wrong, or is no
            // longer there: only a list of apps from the same place tells them apart.
            (Meaning::Not(Reason::PipelinesDenied), _)
                if !is_list_read && self.observed[index].is_bare_404() =>
            {
                Incomplete::NotFound
            }
            (Meaning::Not(Reason::PipelinesDenied), _) => return (denied, Finding::Nothing),
            (Meaning::Not(reason), _) | (Meaning::Unauthorized, Some(Err(reason))) => {
                return (CheckResult::NotPassed(reason), Finding::Nothing);
            }
            (Meaning::Unauthorized, Some(Ok(()))) => return (denied, Finding::AskedAgain),
            (Meaning::Unauthorized, None) => Incomplete::Unsettled,
            (Meaning::Open(why), _) => why,
        };
        self.incomplete.get_or_insert(why);
        (
            CheckResult::NotPassed(Reason::EvidenceIncomplete),
            Finding::Nothing,
        )
    }

    /// Judges what was asked of single pipeline runs: for each app the last response.
    fn details(&mut self, checks: &mut Vec<Check>) {
        let mut last: HashMap<Option<&str>, usize> = HashMap::new();
        for (index, observed) in self.observed.iter().enumerate() {
            if observed.step == Some(CheckId::PipelinesShow) {
                last.insert(observed.app_of_details(), index);
            }
        }
        let mut last: Vec<usize> = last.into_values().collect();
        last.sort_unstable();
        let mut decisive: Option<Check> = None;
        for index in last {
            let observed = &self.observed[index];
            let meaning = match classify::details(&observed.exchange) {
                AppStep::Readable(()) => Meaning::Ok(()),
                AppStep::NotReadable(reason) => Meaning::Not(reason),
                AppStep::RecheckToken => Meaning::Unauthorized,
            };
            let why = match observed.judged(meaning) {
                Meaning::Ok(()) => None,
                Meaning::Not(reason) => Some(reason),
                Meaning::Unauthorized => {
                    self.incomplete.get_or_insert(Incomplete::Unsettled);
                    Some(Reason::EvidenceIncomplete)
                }
                Meaning::Open(why) => {
                    self.incomplete.get_or_insert(why);
                    Some(Reason::EvidenceIncomplete)
                }
            };
            let result = why.map_or(CheckResult::Pass, CheckResult::NotPassed);
            let check = self.check(CheckId::PipelinesShow, index, result);
            if decisive
                .as_ref()
                .is_none_or(|kept| rank(kept) < rank(&check))
            {
                decisive = Some(check);
            }
        }
        checks.extend(decisive);
    }

    /// Returns for each app the index of its last response; one whose address is not in the text is
    /// of the app that the list begins with, as DX's page has it.
    fn last_of_each_app(&mut self, page: Option<&AppPage>) -> Vec<(usize, Option<Slug>)> {
        let first = page
            .and_then(|page| page.apps.first())
            .map(|app| app.slug.clone());
        let mut last: Vec<(usize, Option<Slug>)> = Vec::new();
        let mut places: HashMap<Option<String>, usize> = HashMap::new();
        for index in 0..self.observed.len() {
            if self.observed[index].step != Some(CheckId::PipelinesList) {
                continue;
            }
            let endpoint = self.observed[index]
                .address
                .as_ref()
                .map(|address| &address.endpoint);
            let slug = match endpoint {
                Some(Endpoint::Pipelines(slug)) => Slug::parse(&self.secrets.clean(slug)),
                Some(Endpoint::Apps | Endpoint::Details(_) | Endpoint::Other) | None => {
                    first.clone()
                }
            };
            // Every app counts: one that was left out could be the one that is denied.
            match places.entry(slug.as_ref().map(|slug| slug.raw().to_owned())) {
                Entry::Occupied(place) => {
                    let before = &mut last[*place.get()].0;
                    self.observed[*before].is_superseded = true;
                    *before = index;
                }
                Entry::Vacant(place) => {
                    place.insert(last.len());
                    last.push((index, slug));
                }
            }
        }
        last
    }

    /// Returns the base URL: the one that the text shows, if it is right as it stands.
    fn base(&self) -> String {
        let addresses = self
            .observed
            .iter()
            .filter_map(|observed| observed.address.as_ref());
        let mut bases = addresses.filter(|address| {
            let is_wrong = |mistake: &CommandMistake| match mistake {
                CommandMistake::PlainHttp
                | CommandMistake::OtherHost
                | CommandMistake::NoVersion
                | CommandMistake::OtherEndpoint => true,
                CommandMistake::Bearer
                | CommandMistake::TokenPlaceholder
                | CommandMistake::NoToken
                | CommandMistake::TokenVariable
                | CommandMistake::SlugPlaceholder
                | CommandMistake::Quotes
                | CommandMistake::PowerShellAlias
                | CommandMistake::SlugNotListed => false,
            };
            !address.mistakes.iter().any(is_wrong)
        });
        let base = bases
            .next()
            .map(|address| self.secrets.clean(&address.base));
        base.unwrap_or_else(|| DEFAULT_BASE_URL.to_owned())
    }

    /// Fills in what the text shows beyond the checks.
    fn with_facts(mut self, mut report: Report) -> Report {
        let base = self.base();
        let list = format!("{base}/apps?limit=1");
        let slug = report.sample.first().map(|app| app.slug.raw().to_owned());
        let slug = slug.or_else(|| {
            let slugs = report.apps.iter().map(|app| app.app.slug.raw().to_owned());
            slugs
                .into_iter()
                .find(|slug| !request::is_placeholder(slug))
        });
        let slug = slug.unwrap_or_else(|| "YOUR_APP_SLUG".to_owned());
        let app = format!("{base}/apps/{slug}/pipelines?limit=1");
        let is_open = |id| {
            let open = CheckResult::NotPassed(Reason::EvidenceIncomplete);
            report
                .checks
                .iter()
                .any(|check| check.id == id && check.result == open)
        };
        let (is_list_open, is_app_open) =
            (is_open(CheckId::AppsList), is_open(CheckId::PipelinesList));
        let settled_by = match self.incomplete {
            None => Vec::new(),
            Some(Incomplete::PipelinesMissing) => vec![app],
            Some(Incomplete::AppsMissing | Incomplete::Unsettled | Incomplete::NotFound) => {
                vec![list]
            }
            Some(Incomplete::Explained(_) | Incomplete::Unreadable) if !is_list_open => vec![app],
            Some(Incomplete::Explained(_) | Incomplete::Unreadable) if !is_app_open => vec![list],
            Some(
                Incomplete::StepUnknown { .. }
                | Incomplete::OtherEndpoint
                | Incomplete::Explained(_)
                | Incomplete::Unreadable,
            ) => vec![list, app],
        };
        self.supersede();
        if let Some(facts) = &mut report.pasted {
            facts.found = self.observed.iter().map(Observed::told).collect();
            facts.mistakes = self.mistakes;
            facts.incomplete = self.incomplete;
            facts.settled_by = settled_by;
        }
        report
    }

    /// Marks the tries of the list of apps that a later one took the place of.
    fn supersede(&mut self) {
        let is_list = |observed: &Observed| observed.step == Some(CheckId::AppsList);
        if let Some(last) = self.observed.iter().rposition(is_list) {
            for observed in self.observed[..last]
                .iter_mut()
                .filter(|observed| is_list(observed))
            {
                observed.is_superseded = true;
            }
        }
    }
}

/// Returns how much a check weighs against the token.
fn rank(check: &Check) -> Option<u8> {
    check.result.reason().map(|reason| reason.verdict().rank())
}

/// What a response means at a step.
enum Meaning<T> {
    Ok(T),
    Not(Reason),
    /// A 401 below an app, which says nothing by itself.
    Unauthorized,
    /// It does not tell, for a reason that lies in the text.
    Open(Incomplete),
}

impl<T> Meaning<T> {
    const fn reason(&self) -> Option<Reason> {
        match self {
            Self::Ok(_) => None,
            Self::Not(reason) => Some(*reason),
            Self::Unauthorized | Self::Open(_) => Some(Reason::EvidenceIncomplete),
        }
    }
}

impl Observed {
    /// Tells whether its step is open, and may be one of DX's.
    fn is_open(&self) -> bool {
        let is_other = self
            .address
            .as_ref()
            .is_some_and(|address| address.endpoint == Endpoint::Other);
        self.step.is_none() && !is_other
    }

    /// Returns the slug of the app that a single run was asked of.
    fn app_of_details(&self) -> Option<&str> {
        match &self.address.as_ref()?.endpoint {
            Endpoint::Details(slug) => Some(slug),
            Endpoint::Apps | Endpoint::Pipelines(_) | Endpoint::Other => None,
        }
    }

    /// Returns what a response means, unless it can't be read or a mistake explains it.
    fn judged<T>(&self, meaning: Meaning<T>) -> Meaning<T> {
        if let Some(mistake) = self.misread {
            return Meaning::Open(Incomplete::Explained(mistake));
        }
        // Whatever another host says, DX asks Bitrise's.
        if self.mistakes.contains(&CommandMistake::OtherHost) {
            return Meaning::Open(Incomplete::Explained(CommandMistake::OtherHost));
        }
        if self.is_unreadable {
            return Meaning::Open(Incomplete::Unreadable);
        }
        let reason = match &meaning {
            Meaning::Ok(_) | Meaning::Open(_) => return meaning,
            Meaning::Not(reason) => *reason,
            Meaning::Unauthorized => Reason::TokenRejected,
        };
        if self.is_cut && reason == Reason::UnexpectedResponse {
            return Meaning::Open(Incomplete::Unreadable);
        }
        let status = self
            .exchange
            .response()
            .and_then(|response| response.status)
            .unwrap_or_default();
        let is_blame = reason.verdict() != Verdict::Inconclusive;
        let mut mistakes = self
            .mistakes
            .iter()
            .filter(|mistake| request::explains(**mistake, status));
        match mistakes.next().filter(|_| is_blame) {
            Some(mistake) => Meaning::Open(Incomplete::Explained(*mistake)),
            None => meaning,
        }
    }

    /// Tells whether it is a 404 of which nobody says that it answers the second command, which
    /// DX's page has people run after the first one worked.
    fn is_bare_404(&self) -> bool {
        self.status() == Some(404) && !self.is_vouched
    }

    /// Returns the status, if the text or the body tells it.
    fn status(&self) -> Option<u16> {
        let status = self
            .exchange
            .response()
            .and_then(|response| response.status);
        status.filter(|_| !self.is_status_unknown)
    }

    fn told(&self) -> PastedStep {
        let response = self.exchange.response();
        PastedStep {
            step: self.step,
            told_by: self.told_by,
            url: Some(self.exchange.url.clone()).filter(|url| !url.is_empty()),
            status: self.status(),
            is_inferred: self.is_inferred && self.status().is_some(),
            message: response.and_then(Response::message).cloned(),
            is_superseded: self.is_superseded,
        }
    }
}

/// Returns the report of a run whose own report names its reason.
fn retold(report: Report, reason: Reason) -> Report {
    let id = match reason {
        Reason::TokenMalformed => CheckId::TokenFormat,
        Reason::PipelinesDenied | Reason::AppNotAccessible => CheckId::PipelinesList,
        Reason::PipelineDetailsDenied => CheckId::PipelinesShow,
        Reason::TokenMissing
        | Reason::TokenUnreadable
        | Reason::TokenInArguments
        | Reason::InvalidOptions
        | Reason::TokenRejected
        | Reason::AppsForbidden
        | Reason::NoApps
        | Reason::Intercepted
        | Reason::WrongBaseUrl
        | Reason::RateLimited
        | Reason::ServerError
        | Reason::Redirected
        | Reason::UnexpectedResponse
        | Reason::UnexpectedStatus
        | Reason::DnsFailure
        | Reason::ConnectionFailed
        | Reason::TlsFailure
        | Reason::ProxyFailure
        | Reason::Timeout
        | Reason::MaxTimeReached
        | Reason::Interrupted
        | Reason::EvidenceIncomplete
        | Reason::EvidenceMissing => CheckId::AppsList,
    };
    report.with_checks(vec![Check::new(id, CheckResult::NotPassed(reason))])
}

fn state_of(result: CheckResult) -> AppState {
    match result.reason().map(Reason::verdict) {
        None => AppState::Readable,
        Some(Verdict::InvalidPermissions) => AppState::Denied,
        Some(
            Verdict::InvalidCredentials
            | Verdict::NoResources
            | Verdict::Inconclusive
            | Verdict::NotRun
            | Verdict::Verified,
        ) => AppState::Unknown,
    }
}

const fn runs_of(finding: Finding) -> Option<Runs> {
    match finding {
        Finding::Runs(0) => Some(Runs::None),
        Finding::Runs(_) => Some(Runs::Seen),
        Finding::Nothing
        | Finding::Kind(_)
        | Finding::Malformed(_)
        | Finding::Apps { .. }
        | Finding::AskedAgain
        | Finding::Tally(_) => None,
    }
}

/// Tells whether a response answers the same request as the one before: behind a redirect that the
/// client follows, and behind a fault after which it tries again.
fn is_followed(before: Option<&&Segment>, segment: &Segment) -> bool {
    match before {
        Some(Segment::Fault(_)) => true,
        Some(Segment::Response(seen)) => {
            let is_status_shown =
                matches!(segment, Segment::Response(next) if next.status.is_some());
            is_status_shown
                && seen
                    .status
                    .is_some_and(|status| matches!(status, 300..=399 | 407))
        }
        Some(Segment::Request(_) | Segment::Misread(_) | Segment::Hint(_)) | None => false,
    }
}

/// Tells by its members which step the body of a success is of (spec: `v0.AppResponseItemModel`,
/// `v0.PipelineListItemModel`, `v0.PipelineShowResponseModel`).
fn shape_of(json: &str) -> Option<CheckId> {
    const RUN: [&str; 5] = [
        "is_pipeline",
        "triggered_at",
        "build_number",
        "commit_hash",
        "triggered_workflow",
    ];
    const APP: [&str; 6] = [
        "owner",
        "title",
        "repo_url",
        "project_type",
        "is_disabled",
        "avatar_url",
    ];
    const DETAILS: [&str; 3] = ["workflows", "stages", "number_in_app_scope"];
    let has = |names: &[&str]| {
        names
            .iter()
            .any(|name| json.contains(&format!("\"{name}\":")))
    };
    let is_list = json.contains("\"data\":[");
    if is_list {
        let is_app = has(&APP).then_some(CheckId::AppsList);
        return has(&RUN).then_some(CheckId::PipelinesList).or(is_app);
    }
    has(&DETAILS).then_some(CheckId::PipelinesShow)
}

/// Returns the status that goes with a body.
fn inferred_status(document: &Document, json: &str) -> Option<u16> {
    let is_success = document.is_list() || shape_of(json) == Some(CheckId::PipelinesShow);
    let said = || fault::status_of_message(document.message()?.raw());
    is_success.then_some(200).or_else(said)
}

/// Returns the status that the title of a page names.
fn status_of_page(page: &str) -> Option<u16> {
    let title = responder::title(page.as_bytes())?;
    fault::leading_status(&title).or_else(|| fault::status_of_message(&title))
}

/// Tells whether what is left of a body that was cut is too little: its list may not be empty.
fn is_emptied(document: &Document, is_complete: bool) -> bool {
    let has_items = document.apps().is_ok_and(|page| !page.apps.is_empty())
        || document.pipelines().is_ok_and(|page| page.runs > 0);
    !is_complete && document.message().is_none() && !has_items
}

/// Returns the host of a redirect's target.
fn host_of(location: &str) -> Option<String> {
    let url = url::Url::parse(location).ok()?;
    url.host_str().map(str::to_owned)
}

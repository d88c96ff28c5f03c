//! What the exchanges of a text mean together: by replay, as a run would have judged them.
//!
//! What contradicts DX's call protects from false verdicts: a refusal that a mistake of the command
//! explains says nothing. Evidence is kept for each credential, and the newest message decides.

use super::object;
use super::read::{Body as SeenBody, Reading, Shown};
use super::request::{self, Credential, Endpoint};
use super::secrets::Secrets;
use crate::app::{App, Slug};
use crate::base_url::DEFAULT_BASE_URL;
use crate::check::{Check, CheckId, CheckResult, Finding};
use crate::classify::{self, AppStep};
use crate::exchange::{Body, Exchange, Fault, FaultKind, ProxyResponse, Response};
use crate::pasted::{Incomplete, Mistake, Outcome, PastedFacts, PastedStep, ToldBy};
use crate::report::{AppResult, AppState, EvidenceError, Report, Runs, Target};
use crate::responder;
use crate::text::Untrusted;
use crate::token::TokenKind;
use crate::verdict::{Reason, Verdict};
use crate::wire::{AppPage, Document};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashMap;
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
    message: usize,
    step: Option<CheckId>,
    told_by: ToldBy,
    /// Whether the text shows an address, and whose.
    endpoint: Option<Endpoint>,
    credential: Credential,
    mistakes: Vec<Mistake>,
    exchange: Exchange,
    /// Whether the status was inferred from the body.
    is_inferred: bool,
    /// Whether neither the text nor the body tells the status, as of a page.
    is_status_unknown: bool,
    /// Why it can't be judged by itself.
    open: Option<Incomplete>,
    /// Whether the list in it may go on.
    is_cut: bool,
    is_superseded: bool,
    said: super::read::Said,
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
    fn reason(&self) -> Option<Reason> {
        match self {
            Self::Ok(_) => None,
            Self::Not(reason) => Some(*reason),
            Self::Unauthorized | Self::Open(_) => Some(Reason::EvidenceIncomplete),
        }
    }
}

/// What some of the exchanges mean together.
#[derive(Debug, Default)]
struct Replay {
    checks: Vec<Check>,
    apps: Vec<AppResult>,
    sample: Vec<App>,
    incomplete: Option<Incomplete>,
    /// The exchanges that decided.
    used: Vec<usize>,
    slug_not_listed: bool,
}

/// What a text means.
pub(super) struct Judgement<'a> {
    reading: &'a Reading,
    secrets: &'a Secrets,
    observed: Vec<Observed>,
}

impl<'a> Judgement<'a> {
    /// Makes the exchanges of what was read.
    pub(super) fn of(reading: &'a Reading, assumed: Option<Assumed>, secrets: &'a Secrets) -> Self {
        let mut judgement = Self {
            reading,
            secrets,
            observed: Vec::new(),
        };
        for shown in reading.shown.iter().filter(|shown| shown.is_answered()) {
            let observed = judgement.observe(shown);
            judgement.observed.push(observed);
        }
        judgement.place_by_order();
        let assumed = assumed.map(|assumed| match assumed {
            Assumed::Apps => CheckId::AppsList,
            Assumed::Pipelines => CheckId::PipelinesList,
        });
        for observed in &mut judgement.observed {
            if assumed.is_some() && observed.is_unplaced() {
                (observed.step, observed.told_by) = (assumed, ToldBy::Words);
            }
        }
        judgement
    }

    fn observe(&self, shown: &Shown) -> Observed {
        let request = &shown.request;
        let address = request.address.as_ref();
        let url = address.map_or_else(String::new, |address| self.secrets.clean(&address.shown));
        let (credential, mistake) = request
            .credential
            .clone()
            .unwrap_or((Credential::Unknown, None));
        let mut mistakes = address.map_or_else(Vec::new, |address| address.mistakes.clone());
        mistakes.extend(&request.mistakes);
        mistakes.extend(mistake);
        let is_unlike = mistakes.iter().any(|mistake| {
            matches!(
                mistake,
                Mistake::OtherHeader | Mistake::UserOption | Mistake::TokenInQuery
            )
        });
        let is_bare = request.credential.is_none()
            && address.is_some()
            && (request.is_whole || request.is_alone);
        if is_bare && !is_unlike {
            mistakes.push(Mistake::NoToken);
        }
        let method = request.method.as_deref().map(str::to_ascii_uppercase);
        if method.is_some_and(|method| !matches!(method.as_str(), "GET" | "HEAD" | "DEFAULT")) {
            mistakes.push(Mistake::Method);
        }
        let mut observed = Observed {
            message: shown.message,
            step: None,
            told_by: ToldBy::Nothing,
            endpoint: address.map(|address| address.endpoint.clone()),
            credential,
            mistakes,
            exchange: Exchange::new(url, Err(FaultKind::Unknown.into())),
            is_inferred: false,
            is_status_unknown: false,
            open: None,
            is_cut: false,
            is_superseded: false,
            said: shown.said,
        };
        let shape = if let Some(name) = shown.fault {
            observed.exchange.outcome = Err(fault(name));
            None
        } else if let Some(mistake) = shown.misread {
            observed.open = Some(Incomplete::Explained(mistake));
            None
        } else {
            self.response(shown, &mut observed)
        };
        place(&mut observed, shape, shown.hint, self.reading.has_builds);
        observed
    }

    /// Reads a response as the client would have, and returns what its body is.
    #[expect(
        clippy::too_many_lines,
        reason = "one kind of body after the other, into one response"
    )]
    fn response(&self, shown: &Shown, observed: &mut Observed) -> Option<Shape> {
        let clean = |text: &str| self.secrets.clean(text);
        let is_hidden = shown.request.is_hidden
            || shown.request.is_filtered
            || shown.is_filter_broken
            || shown.request.method.as_deref() == Some("HEAD");
        let headers: Vec<(&str, Cow<'_, str>)> = shown
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), Cow::Borrowed(value.as_str())))
            .collect();
        let mut shape = None;
        let mut page = "";
        let (body, inferred) = match &shown.body {
            None => (body_of_headers(&headers), None),
            Some(SeenBody::Word(status)) => (Body::Word, Some(*status)),
            Some(seen @ SeenBody::Page(text)) => {
                page = text;
                let status = seen.status();
                observed.is_status_unknown = shown.status.is_none() && status.is_none();
                // A page is none of Bitrise's, whatever its status.
                (Body::Html, Some(status.unwrap_or(200)))
            }
            Some(
                seen @ SeenBody::Object {
                    json,
                    value,
                    is_whole,
                    is_filtered,
                },
            ) => {
                let json = if *is_filtered {
                    format!("{{\"data\":{value}}}")
                } else {
                    json.clone()
                };
                let mut bytes = json.into_bytes();
                observed.is_cut = !is_whole || *is_filtered;
                match Document::read(&mut bytes, |text| Cow::Owned(clean(text))) {
                    Ok(document) => {
                        shape = Some(Shape::of(value));
                        let is_success = document.is_list() || shape == Some(Shape::Details);
                        let is_empty = !document.apps().is_ok_and(|page| !page.apps.is_empty())
                            && !document.pipelines().is_ok_and(|page| page.runs > 0)
                            && shape != Some(Shape::Details);
                        if observed.is_cut && document.message().is_none() && is_empty {
                            observed.open = Some(if *is_filtered {
                                Incomplete::Hidden
                            } else {
                                Incomplete::Unreadable
                            });
                        }
                        let inferred = if is_success { Some(200) } else { seen.status() };
                        (Body::Json(document), inferred)
                    }
                    Err(_) => (Body::Other, None),
                }
            }
        };
        observed.is_inferred = shown.status.is_none() && !observed.is_status_unknown;
        let Some(status) = shown.status.or(inferred) else {
            observed.open = Some(if is_hidden {
                Incomplete::Hidden
            } else {
                Incomplete::Unreadable
            });
            observed.exchange.outcome = Ok(Response::new(None, body));
            return shape;
        };
        let untrusted = |text: &str| responder::untrusted(text, &clean);
        let is_rate_limit = status != 200 && responder::has_rate_limit(&headers);
        // The body of a 403 tells whether it is Bitrise's, that of a 200 everything.
        let is_other = responder::value(&headers, "content-type")
            .is_some_and(|kind| status == 403 && !kind.contains("json"));
        let is_unseen = shown.body.is_none() && matches!(body, Body::Other) && !is_other;
        if is_unseen && matches!(status, 200 | 403) && !is_rate_limit {
            observed.open = Some(if is_hidden {
                Incomplete::Hidden
            } else {
                Incomplete::Unreadable
            });
        }
        let location = responder::value(&headers, "location").and_then(|location| {
            let url = url::Url::parse(location).ok()?;
            Some(untrusted(url.host_str()?))
        });
        observed.exchange.outcome = Ok(Response {
            http_version: shown.http_version,
            request_id: responder::value(&headers, "x-request-id")
                .filter(|id| !id.is_empty())
                .map(untrusted),
            location_host: location,
            has_rate_limit_headers: is_rate_limit,
            challenge: responder::challenge(&headers, &clean),
            responder: responder::responder(&headers, page.as_bytes(), &clean),
            ..Response::new(status, if is_unseen { Body::Empty } else { body })
        });
        let wait =
            responder::value(&headers, "retry-after").and_then(|wait| wait.trim().parse().ok());
        observed.exchange.retry_after = wait.map(Duration::from_secs);
        shape
    }

    /// Places what has no address by its place: behind a list of apps, it is of an app. Two
    /// rejections alone are those of both commands.
    fn place_by_order(&mut self) {
        for index in 1..self.observed.len() {
            let before = &self.observed[index - 1];
            let follows = before.step == Some(CheckId::AppsList)
                && before.message == self.observed[index].message;
            let observed = &mut self.observed[index];
            if observed.is_unplaced()
                && observed.endpoint.is_none()
                && follows
                && observed.told_by != ToldBy::Body
            {
                (observed.step, observed.told_by) = (Some(CheckId::PipelinesList), ToldBy::Order);
            }
        }
        if let [first, second] = self.observed.as_mut_slice()
            && [&*first, &*second]
                .iter()
                .all(|one| one.is_unplaced() && one.endpoint.is_none() && one.status() == Some(401))
        {
            (first.step, first.told_by) = (Some(CheckId::AppsList), ToldBy::Order);
            (second.step, second.told_by) = (Some(CheckId::PipelinesList), ToldBy::Order);
        }
    }

    /// Returns the report of all of that.
    #[expect(
        clippy::too_many_lines,
        reason = "message by message, the newest first"
    )]
    pub(super) fn report(mut self, report: Report) -> Report {
        let order = self.reading.messages.newest_first();
        let mut of_message: HashMap<usize, Vec<usize>> = HashMap::new();
        for (index, observed) in self.observed.iter().enumerate() {
            of_message.entry(observed.message).or_default().push(index);
        }
        let mut facts = PastedFacts {
            secrets: self.secrets.found.clone(),
            shell: self.reading.shell,
            ..PastedFacts::default()
        };
        let mut newest: Option<Weighed> = None;
        let mut list: Option<AppPage> = None;
        for message in order {
            let indices = of_message.remove(&message).unwrap_or_default();
            let code = self.dx_code(message);
            let has_errors = self.reading.shell_errors.contains(&message);
            // A name and a greeting are no output.
            let has_unread = self
                .reading
                .unread
                .get(&message)
                .is_some_and(|lines| *lines > 2);
            let told: Vec<_> = self
                .reading
                .told
                .iter()
                .filter(|(own, ..)| *own == message)
                .collect();
            if indices.is_empty() && told.is_empty() && code.is_none() && !has_errors && !has_unread
            {
                continue;
            }
            let weighed = self.weigh(&indices);
            if newest.is_none() {
                facts.dx_code = code;
                facts.told = told
                    .iter()
                    .map(|(_, step, status)| (*step, *status))
                    .collect();
                newest = Some(weighed.unwrap_or_else(|| {
                    Weighed::without(if !told.is_empty() {
                        Some(Incomplete::Told)
                    } else if has_errors {
                        Some(Incomplete::ShellError)
                    } else if has_unread {
                        Some(Incomplete::Unreadable)
                    } else {
                        None
                    })
                }));
                continue;
            }
            let Some(earlier) = weighed else { continue };
            // An older message lends its list of apps, and is named if it says something else.
            list = list.or_else(|| self.page(&indices));
            let reason = earlier.replay.reason();
            let Some(kept) = &mut newest else { continue };
            if kept.replay.is_nothing() && facts.told.is_empty() && !has_errors {
                let agrees =
                    facts.dx_code.is_some() && reason.map(Reason::verdict) == facts.dx_code;
                if agrees && kept.is_code_only {
                    *kept = earlier;
                    continue;
                }
                kept.replay.incomplete = Some(Incomplete::OlderMessage);
                kept.is_code_only = false;
            }
            if facts.older.is_none() && reason != kept.replay.reason() {
                facts.older = Some(reason);
            }
        }
        let Some(mut weighed) = newest else {
            let why = if self.reading.has_commands {
                EvidenceError::CommandsOnly
            } else {
                EvidenceError::Nothing
            };
            return self.with_facts(report.not_run(why.into()), &Replay::default(), facts);
        };
        if weighed.replay.is_nothing() && weighed.replay.incomplete.is_none() {
            let why = if self.reading.has_commands {
                EvidenceError::CommandsOnly
            } else {
                EvidenceError::Nothing
            };
            return self.with_facts(report.not_run(why.into()), &Replay::default(), facts);
        }
        if let Some(page) = list
            && matches!(
                weighed.replay.incomplete,
                Some(Incomplete::NotFound | Incomplete::AppsMissing | Incomplete::Unsettled)
            )
        {
            let lent = self.replay(&weighed.indices, Some(&page));
            if lent.reason().map(Reason::verdict) == Some(Verdict::InvalidPermissions) {
                weighed.replay = lent;
            }
        }
        facts.outcomes = weighed.outcomes;
        let mut replay = weighed.replay;
        if replay.checks.is_empty() && replay.apps.is_empty() {
            let open = CheckResult::NotPassed(Reason::EvidenceIncomplete);
            replay.checks.push(Check::new(CheckId::AppsList, open));
        }
        let mut report = report;
        if let Some(credential) = weighed.credential {
            Self::token_of(&credential, &mut report);
        }
        report.apps = std::mem::take(&mut replay.apps);
        report.sample = std::mem::take(&mut replay.sample);
        report.target = Target {
            base_url: Some(self.base()),
            ..Target::default()
        };
        let checks = std::mem::take(&mut replay.checks);
        report.options.details = checks
            .iter()
            .any(|check| check.id == CheckId::PipelinesShow);
        let mut report = report.with_checks(checks);
        let place = |check: &Check| CheckId::ALL.iter().position(|id| *id == check.id);
        report.checks.sort_by_key(place);
        self.with_facts(report, &replay, facts)
    }

    /// Returns the code that a message says that DX shows: one alone, since DX's page lists them all.
    fn dx_code(&self, message: usize) -> Option<Verdict> {
        let mut codes: Vec<&str> = self
            .reading
            .dx
            .iter()
            .filter(|(own, _)| *own == message)
            .map(|(_, code)| *code)
            .collect();
        codes.dedup();
        let is_page = codes.iter().collect::<std::collections::HashSet<_>>().len() > 2;
        codes
            .last()
            .filter(|_| !is_page)
            .and_then(|code| Verdict::named(code))
    }

    fn token_of(credential: &Credential, report: &mut Report) {
        if let Credential::Literal(fingerprint, prefix) = credential {
            report.token.fingerprint = Some(fingerprint.clone());
            report.token.kind = match *prefix {
                "bitwat_" => Some(TokenKind::Workspace),
                "bitpat_" => Some(TokenKind::Personal),
                _ => Some(TokenKind::Unknown),
            };
        }
    }

    /// Judges the exchanges of one message, each credential by itself.
    fn weigh(&mut self, indices: &[usize]) -> Option<Weighed> {
        if indices.is_empty() {
            return None;
        }
        let groups = self.groups(indices);
        if let [(credential, group)] = groups.as_slice() {
            let replay = self.replay(group, None);
            return Some(Weighed {
                credential: Some(credential.clone()),
                indices: group.clone(),
                ..Weighed::of(replay)
            });
        }
        let mut weighed: Vec<(Credential, Vec<usize>, Replay)> = groups
            .into_iter()
            .map(|(credential, group)| {
                let replay = self.replay(&group, None);
                (credential, group, replay)
            })
            .collect();
        let is_alike = weighed
            .windows(2)
            .all(|pair| pair[0].2.reason() == pair[1].2.reason());
        let says = |group: &[usize], what: fn(&Observed) -> bool| {
            group.iter().any(|index| what(&self.observed[*index]))
        };
        let in_dx = weighed
            .iter()
            .position(|(_, group, _)| says(group, |one| one.said.is_in_dx));
        let last = weighed.len() - 1;
        let is_new = says(&weighed[last].1, |one| one.said.is_new)
            && matches!(
                weighed[last].0,
                Credential::Literal(_, "bitwat_") | Credential::Named(_)
            );
        let chosen = if is_alike && weighed[last].2.incomplete.is_none() {
            Some(last)
        } else {
            in_dx.or(is_new.then_some(last))
        };
        let outcomes: Vec<Outcome> = weighed
            .iter()
            .map(|(credential, group, replay)| Outcome {
                credential: Untrusted::new(match credential {
                    Credential::Literal(name, _) | Credential::Named(name) => {
                        self.secrets.clean(name)
                    }
                    Credential::Unknown => String::new(),
                }),
                reason: replay.reason(),
                is_in_dx: says(group, |one| one.said.is_in_dx),
            })
            .collect();
        if let Some(chosen) = chosen {
            let (credential, indices, replay) = weighed.swap_remove(chosen);
            return Some(Weighed {
                credential: Some(credential),
                indices,
                outcomes,
                ..Weighed::of(replay)
            });
        }
        let mut replay = Replay {
            incomplete: Some(Incomplete::Credentials),
            ..Replay::default()
        };
        replay.used = indices.to_vec();
        Some(Weighed {
            outcomes,
            ..Weighed::of(replay)
        })
    }

    /// Groups exchanges by their credentials: two differ only if both are known and of one sort. A
    /// hidden one is taken for the one before it.
    fn groups(&self, indices: &[usize]) -> Vec<(Credential, Vec<usize>)> {
        let count = |is_of: fn(&Credential) -> bool| {
            let mut known: Vec<&Credential> = indices
                .iter()
                .map(|index| &self.observed[*index].credential)
                .filter(|one| is_of(one))
                .collect();
            known.sort_by_key(|one| format!("{one:?}"));
            known.dedup();
            known.len()
        };
        let literals = count(|one| matches!(one, Credential::Literal(..)));
        let names = count(|one| matches!(one, Credential::Named(_)));
        let tells = |one: &Credential| match one {
            Credential::Literal(..) => literals > 1 || names < 2,
            Credential::Named(_) => names > 1 && literals < 2 || literals == 0,
            Credential::Unknown => false,
        };
        let mut groups: Vec<(Credential, Vec<usize>)> = Vec::new();
        let mut places: HashMap<Credential, usize> = HashMap::new();
        let (mut current, mut waiting) = (None, Vec::new());
        for index in indices {
            let credential = &self.observed[*index].credential;
            if tells(credential) {
                let place = *places.entry(credential.clone()).or_insert_with(|| {
                    groups.push((credential.clone(), std::mem::take(&mut waiting)));
                    groups.len() - 1
                });
                current = Some(place);
            }
            match current {
                Some(place) => groups[place].1.push(*index),
                None => waiting.push(*index),
            }
        }
        if groups.is_empty() {
            let credential = self.observed[indices[0]].credential.clone();
            return vec![(credential, waiting)];
        }
        groups
    }

    /// Judges exchanges of one credential: of each step the last one that tells something.
    fn replay(&mut self, group: &[usize], lent: Option<&AppPage>) -> Replay {
        let mut replay = Replay {
            used: group.to_vec(),
            ..Replay::default()
        };
        self.place_alike(group);
        let lists: Vec<usize> = group
            .iter()
            .copied()
            .filter(|index| self.observed[*index].step == Some(CheckId::AppsList))
            .collect();
        let list = lists
            .iter()
            .copied()
            .rfind(|index| !matches!(self.apps(*index), Meaning::Open(_)))
            .or(lists.last().copied());
        for index in &lists {
            self.observed[*index].is_superseded = Some(*index) != list;
        }
        let apps = list.map(|index| self.apps(index));
        let mut page = None;
        if let (Some(index), Some(meaning)) = (list, apps) {
            let (result, finding) = match &meaning {
                Meaning::Ok(page) => (
                    CheckResult::Pass,
                    Finding::Apps {
                        total: page.counted,
                        listed: page.apps.len(),
                        end: None,
                    },
                ),
                Meaning::Not(reason) => (CheckResult::NotPassed(*reason), Finding::Nothing),
                Meaning::Unauthorized => (
                    CheckResult::NotPassed(Reason::TokenRejected),
                    Finding::Nothing,
                ),
                Meaning::Open(why) => {
                    replay.incomplete = Some(*why);
                    (
                        CheckResult::NotPassed(Reason::EvidenceIncomplete),
                        Finding::Nothing,
                    )
                }
            };
            let goes_on = match &meaning {
                Meaning::Not(reason) => {
                    reason.verdict() == Verdict::Inconclusive && *reason != Reason::WrongBaseUrl
                }
                _ => true,
            };
            replay.checks.push(Check {
                finding,
                ..self.check(CheckId::AppsList, index, result)
            });
            if let Meaning::Ok(read) = meaning {
                replay.sample.clone_from(&read.apps);
                page = Some(read);
            }
            if !goes_on {
                return replay;
            }
        }
        let is_listed = page.is_some();
        let page = page.or_else(|| lent.cloned());
        self.pipelines_of(group, page.as_ref(), &lists, &mut replay);
        self.details_of(group, &mut replay);
        self.complete(group, is_listed, list.is_some(), &mut replay);
        replay
    }

    /// Gives responses that mean the same at each step the one that is missing.
    fn place_alike(&mut self, group: &[usize]) {
        let mut has_list = group
            .iter()
            .any(|index| self.observed[*index].step == Some(CheckId::AppsList));
        for index in group.iter().copied() {
            if !self.observed[index].is_unplaced() {
                continue;
            }
            let (apps, pipelines) = (self.apps(index).reason(), self.pipelines(index).reason());
            if apps.is_some() && apps == pipelines && apps != Some(Reason::EvidenceIncomplete) {
                self.observed[index].step = Some(if has_list {
                    CheckId::PipelinesList
                } else {
                    CheckId::AppsList
                });
                has_list = true;
            }
        }
    }

    fn apps(&self, index: usize) -> Meaning<AppPage> {
        let observed = &self.observed[index];
        let meaning = match classify::apps(&observed.to_classify()) {
            Ok(mut page) => {
                if observed.is_cut {
                    page.has_more = true;
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
        let meaning = match classify::pipelines(&observed.to_classify()) {
            AppStep::Readable(page) => Meaning::Ok(page.runs),
            AppStep::NotReadable(reason) => Meaning::Not(reason),
            AppStep::RecheckToken => Meaning::Unauthorized,
        };
        observed.judged(meaning)
    }

    /// Makes a check of a response, with as much of it as is shown.
    fn check(&self, id: CheckId, index: usize, result: CheckResult) -> Check {
        let observed = &self.observed[index];
        let mut exchange = observed.exchange.clone();
        exchange.forget_list();
        if exchange.url.is_empty() {
            exchange.url = self.base()
                + if id == CheckId::AppsList {
                    "/apps"
                } else {
                    "/apps/YOUR_APP_SLUG/pipelines"
                };
        }
        if let Ok(response) = &mut exchange.outcome
            && observed.is_status_unknown
        {
            response.status = None;
        }
        let is_shown = !matches!(
            observed.open,
            Some(Incomplete::Explained(
                Mistake::Quotes | Mistake::PowerShellAlias
            ))
        );
        let is_known = observed
            .exchange
            .response()
            .is_none_or(|response| response.status.is_some());
        Check {
            exchange: Some(exchange).filter(|_| is_shown && is_known),
            ..Check::new(id, result)
        }
    }

    /// Judges what was asked of single apps: for each slug the last response that tells.
    fn pipelines_of(
        &mut self,
        group: &[usize],
        page: Option<&AppPage>,
        lists: &[usize],
        replay: &mut Replay,
    ) {
        let mut decisive: Option<Check> = None;
        for (index, slug, is_hidden) in self.last_of_each_app(group, page) {
            let listed = page
                .into_iter()
                .flat_map(|page| &page.apps)
                .find(|app| Some(&app.slug) == slug.as_ref());
            let is_listed = page.and_then(|page| {
                let counts_more = page
                    .counted
                    .is_some_and(|counted| counted > page.apps.len() as u64);
                let is_whole = !(page.has_more || page.unusable > 0 || is_hidden || counts_more);
                (listed.is_some() || is_whole).then_some(listed.is_some())
            });
            let app = listed.cloned().or_else(|| slug.clone().map(App::unlisted));
            let is_known = listed.is_some() || page.is_none();
            let result = self.app_result(index, page, is_listed, is_hidden, lists);
            let (result, finding) = match result {
                Ok(outcome) => outcome,
                Err(why) => {
                    replay.incomplete.get_or_insert(why);
                    (
                        CheckResult::NotPassed(Reason::EvidenceIncomplete),
                        Finding::Nothing,
                    )
                }
            };
            let _ = is_known;
            replay.slug_not_listed |= result.reason() == Some(Reason::AppNotAccessible);
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
                let first = page.and_then(|page| page.apps.first());
                replay.apps.push(AppResult {
                    is_first: first.is_some_and(|first| first.slug == app.slug),
                    app,
                    is_listed,
                    state: state_of(result),
                    reason: result.reason(),
                    http_status: self.observed[index].status(),
                    runs: match finding {
                        Finding::Runs(0) => Some(Runs::None),
                        Finding::Runs(_) => Some(Runs::Seen),
                        _ => None,
                    },
                    details: None,
                });
            }
        }
        replay.checks.extend(decisive);
    }

    /// Returns what the last response of an app means.
    fn app_result(
        &self,
        index: usize,
        page: Option<&AppPage>,
        is_listed: Option<bool>,
        is_hidden: bool,
        lists: &[usize],
    ) -> Result<(CheckResult, Finding), Incomplete> {
        let denied = CheckResult::NotPassed(classify::denied(is_listed));
        match self.pipelines(index) {
            Meaning::Ok(runs) => Ok((CheckResult::Pass, Finding::Runs(runs))),
            Meaning::Open(why) => Err(why),
            // Bitrise hides an app by a 404, and so does an address that is wrong: only a list
            // that has the app tells them apart, or one that is whole.
            Meaning::Not(Reason::PipelinesDenied) if self.observed[index].status() == Some(404) => {
                let is_told = is_listed.is_some() && page.is_some();
                // The slug was not shown, or has no list to stand in.
                let is_of_list = self.observed[index].endpoint.is_none() && page.is_some();
                if is_told || is_of_list && !is_hidden {
                    Ok((denied, Finding::Nothing))
                } else {
                    Err(Incomplete::NotFound)
                }
            }
            Meaning::Not(Reason::PipelinesDenied) => Ok((denied, Finding::Nothing)),
            Meaning::Not(reason) => Ok((CheckResult::NotPassed(reason), Finding::Nothing)),
            Meaning::Unauthorized => {
                let mut later = lists.iter().filter(|list| **list > index);
                let is_accepted = later
                    .next_back()
                    .is_some_and(|list| matches!(self.apps(*list), Meaning::Ok(_)));
                let is_rejected = lists
                    .iter()
                    .any(|list| matches!(self.apps(*list), Meaning::Not(Reason::TokenRejected)));
                if is_accepted && !is_rejected {
                    return Ok((denied, Finding::Nothing));
                }
                Err(Incomplete::Unsettled)
            }
        }
    }

    /// Judges what was asked of single pipeline runs: for each app the last response.
    fn details_of(&mut self, group: &[usize], replay: &mut Replay) {
        let mut last: HashMap<Option<String>, usize> = HashMap::new();
        for index in group.iter().copied() {
            let observed = &self.observed[index];
            if observed.step == Some(CheckId::PipelinesShow) {
                let slug = match &observed.endpoint {
                    Some(Endpoint::Details(slug)) => Some(slug.clone()),
                    _ => None,
                };
                last.insert(slug, index);
            }
        }
        let mut last: Vec<usize> = last.into_values().collect();
        last.sort_unstable();
        let mut decisive: Option<Check> = None;
        for index in last {
            let observed = &self.observed[index];
            let meaning = match classify::details(&observed.to_classify()) {
                AppStep::Readable(()) => Meaning::Ok(()),
                AppStep::NotReadable(reason) => Meaning::Not(reason),
                AppStep::RecheckToken => Meaning::Unauthorized,
            };
            let result = match observed.judged(meaning) {
                Meaning::Ok(()) => CheckResult::Pass,
                Meaning::Not(reason) => CheckResult::NotPassed(reason),
                Meaning::Unauthorized => {
                    replay.incomplete.get_or_insert(Incomplete::Unsettled);
                    CheckResult::NotPassed(Reason::EvidenceIncomplete)
                }
                Meaning::Open(why) => {
                    replay.incomplete.get_or_insert(why);
                    CheckResult::NotPassed(Reason::EvidenceIncomplete)
                }
            };
            let check = self.check(CheckId::PipelinesShow, index, result);
            if decisive
                .as_ref()
                .is_none_or(|kept| rank(kept) < rank(&check))
            {
                decisive = Some(check);
            }
        }
        replay.checks.extend(decisive);
    }

    /// Returns for each app the index of its last response that tells; one whose address is not in
    /// the text, or hides the slug, is of the app that the list begins with, as DX's page has it.
    fn last_of_each_app(
        &mut self,
        group: &[usize],
        page: Option<&AppPage>,
    ) -> Vec<(usize, Option<Slug>, bool)> {
        let first = page
            .and_then(|page| page.apps.first())
            .map(|app| app.slug.clone());
        let mut last: Vec<(usize, Option<Slug>, bool)> = Vec::new();
        let mut places: HashMap<Option<String>, usize> = HashMap::new();
        for index in group.iter().copied() {
            if self.observed[index].step != Some(CheckId::PipelinesList) {
                continue;
            }
            let (slug, is_hidden) = match &self.observed[index].endpoint {
                Some(Endpoint::Pipelines(slug)) => {
                    let own = Slug::parse(&self.secrets.clean(slug));
                    let is_listed = page.is_some_and(|page| {
                        page.apps.iter().any(|app| Some(&app.slug) == own.as_ref())
                    });
                    if !is_listed && request::is_hidden_slug(slug) && first.is_some() {
                        (first.clone(), true)
                    } else {
                        (own, false)
                    }
                }
                _ => (first.clone(), false),
            };
            let is_open = matches!(self.pipelines(index), Meaning::Open(_));
            let key = slug.as_ref().map(|slug| slug.raw().to_owned());
            // Every app counts: one that was left out could be the one that is denied. A slug that
            // was never filled in is of none.
            if let Some(place) = places.get(&key) {
                let before = &mut last[*place];
                if is_open && !matches!(self.pipelines(before.0), Meaning::Open(_)) {
                    self.observed[index].is_superseded = true;
                    continue;
                }
                self.observed[before.0].is_superseded = true;
                before.0 = index;
                continue;
            }
            places.insert(key, last.len());
            last.push((index, slug, is_hidden));
        }
        // A try that a mistake explains is none, once another app's response tells.
        let tells = |judgement: &Self, index: usize| {
            !matches!(
                judgement.pipelines(index),
                Meaning::Open(Incomplete::Explained(_))
            )
        };
        if last.iter().any(|(index, ..)| tells(self, *index)) {
            let is_slip = |judgement: &Self, index: usize| {
                !tells(judgement, index)
                    && judgement.observed[index]
                        .mistakes
                        .contains(&Mistake::SlugPlaceholder)
            };
            last.retain(|(index, ..)| !is_slip(self, *index));
        }
        last
    }

    /// Notes what is missing.
    fn complete(&mut self, group: &[usize], is_listed: bool, has_list: bool, replay: &mut Replay) {
        let open = CheckResult::NotPassed(Reason::EvidenceIncomplete);
        let has = |replay: &Replay, id| replay.checks.iter().any(|check| check.id == id);
        let is_readable = replay
            .apps
            .iter()
            .any(|app| app.state == AppState::Readable);
        let why = self.why_unplaced(group);
        if replay.checks.is_empty() {
            replay
                .incomplete
                .get_or_insert(why.unwrap_or(Incomplete::OtherEndpoint));
            replay.checks.push(Check::new(CheckId::AppsList, open));
        } else if is_listed && !has(replay, CheckId::PipelinesList) {
            replay
                .incomplete
                .get_or_insert(why.unwrap_or(Incomplete::PipelinesMissing));
            replay.checks.push(Check::new(CheckId::PipelinesList, open));
        } else if !has_list && is_readable {
            replay
                .incomplete
                .get_or_insert(why.unwrap_or(Incomplete::AppsMissing));
            replay.checks.push(Check::new(CheckId::AppsList, open));
        }
        let blocks = matches!(
            replay.reason().map(Reason::verdict),
            None | Some(Verdict::NoResources)
        );
        if let Some(why) = why.filter(|_| blocks) {
            replay.incomplete.get_or_insert(why);
            replay
                .checks
                .retain(|check| check.result.reason() != Some(Reason::NoApps));
            // What was answered stays; the verdict is that of the open response.
            if has(replay, CheckId::AppsList) {
                replay.checks.retain(|check| check.id != CheckId::AppsList);
            }
            replay.checks.push(Check::new(CheckId::AppsList, open));
        }
    }

    /// Says why a response of a group can't be placed, if there is one that may be of DX's steps.
    fn why_unplaced(&self, group: &[usize]) -> Option<Incomplete> {
        let index = group
            .iter()
            .copied()
            .rfind(|index| self.observed[*index].is_unplaced())?;
        let observed = &self.observed[index];
        if let Some(open) = observed.open {
            return Some(open);
        }
        if observed.told_by == ToldBy::Body {
            return Some(Incomplete::Contradiction);
        }
        let (apps, pipelines) = (self.apps(index).reason(), self.pipelines(index).reason());
        Some(Incomplete::StepUnknown { apps, pipelines })
    }

    /// Returns the list of apps that a message shows.
    fn page(&self, indices: &[usize]) -> Option<AppPage> {
        let lists = indices
            .iter()
            .rev()
            .filter(|index| self.observed[**index].step == Some(CheckId::AppsList));
        let mut pages = lists.filter_map(|index| match self.apps(*index) {
            Meaning::Ok(page) => Some(page),
            _ => None,
        });
        pages.next()
    }

    /// Returns the base URL: the one that the text shows, if it is right as it stands.
    fn base(&self) -> String {
        let shown = self
            .reading
            .shown
            .iter()
            .filter_map(|shown| shown.request.address.as_ref());
        let mut bases = shown
            .filter(|address| address.mistakes.is_empty() && address.endpoint != Endpoint::Other);
        let base = bases
            .next()
            .map(|address| self.secrets.clean(&address.base));
        base.unwrap_or_else(|| DEFAULT_BASE_URL.to_owned())
    }

    /// Fills in what the text shows beyond the checks.
    fn with_facts(self, mut report: Report, replay: &Replay, mut facts: PastedFacts) -> Report {
        let base = self.base();
        let list = format!("{base}/apps?limit=1");
        let slugs = report
            .sample
            .first()
            .map(|app| &app.slug)
            .into_iter()
            .chain(report.apps.iter().map(|app| &app.app.slug));
        let mut slugs = slugs.filter(|slug| !request::is_placeholder(slug.raw()));
        let slug = slugs.next().map_or("YOUR_APP_SLUG", Slug::raw);
        let app = format!("{base}/apps/{slug}/pipelines?limit=1");
        let is_open = |id| {
            let open = CheckResult::NotPassed(Reason::EvidenceIncomplete);
            report
                .checks
                .iter()
                .any(|check| check.id == id && check.result == open)
        };
        facts.settled_by = match replay.incomplete {
            None => Vec::new(),
            Some(Incomplete::PipelinesMissing) => vec![app],
            Some(Incomplete::AppsMissing | Incomplete::Unsettled | Incomplete::NotFound) => {
                vec![list]
            }
            Some(_) if !is_open(CheckId::AppsList) => vec![app],
            Some(Incomplete::Explained(_) | Incomplete::Unreadable | Incomplete::Hidden)
                if !is_open(CheckId::PipelinesList) =>
            {
                vec![list]
            }
            Some(_) => vec![list, app],
        };
        let mut mistakes: Vec<Mistake> = Vec::new();
        for index in &replay.used {
            let observed = &self.observed[*index];
            if !observed.is_superseded {
                mistakes.extend(
                    observed
                        .mistakes
                        .iter()
                        .filter(|mistake| !mistakes.contains(mistake))
                        .collect::<Vec<_>>(),
                );
                if let Some(Incomplete::Explained(mistake)) = observed.open
                    && !mistakes.contains(&mistake)
                {
                    mistakes.push(mistake);
                }
            }
        }
        if replay.slug_not_listed {
            mistakes.push(Mistake::SlugNotListed);
        }
        facts.mistakes = mistakes;
        facts.found = self.observed.iter().map(Observed::told).collect();
        facts.incomplete = replay.incomplete;
        report.pasted = Some(facts);
        report
    }
}

/// What a message means.
struct Weighed {
    replay: Replay,
    indices: Vec<usize>,
    credential: Option<Credential>,
    outcomes: Vec<Outcome>,
    /// Whether it has nothing but a code of DX's.
    is_code_only: bool,
}

impl Weighed {
    fn of(replay: Replay) -> Self {
        Self {
            replay,
            indices: Vec::new(),
            credential: None,
            outcomes: Vec::new(),
            is_code_only: false,
        }
    }

    /// Makes what a message without any response means.
    fn without(incomplete: Option<Incomplete>) -> Self {
        let is_code_only = incomplete.is_none();
        Self {
            is_code_only,
            ..Self::of(Replay {
                incomplete,
                ..Replay::default()
            })
        }
    }
}

impl Replay {
    fn is_nothing(&self) -> bool {
        self.checks.is_empty() && self.apps.is_empty() && self.used.is_empty()
    }

    /// Returns the reason that decides: the highest-ranking one.
    fn reason(&self) -> Option<Reason> {
        if self.checks.is_empty() && self.incomplete.is_some() {
            return Some(Reason::EvidenceIncomplete);
        }
        let of_checks = self.checks.iter().filter_map(|check| check.result.reason());
        let of_apps = self.apps.iter().filter_map(|app| app.reason);
        of_checks.chain(of_apps).reduce(|first, next| {
            if next.verdict().rank() > first.verdict().rank() {
                next
            } else {
                first
            }
        })
    }
}

impl Observed {
    /// Tells whether its step is not known, and may be one of DX's.
    fn is_unplaced(&self) -> bool {
        self.step.is_none() && self.endpoint != Some(Endpoint::Other)
    }

    /// Returns the exchange to be judged; one whose address is not shown was Bitrise's, for all that
    /// is known.
    fn to_classify(&self) -> Exchange {
        let mut exchange = self.exchange.clone();
        if exchange.url.is_empty() {
            DEFAULT_BASE_URL.clone_into(&mut exchange.url);
        }
        exchange
    }

    /// Returns what a response means, unless it can't be read or a mistake explains it.
    fn judged<T>(&self, meaning: Meaning<T>) -> Meaning<T> {
        let explained = |mistake: &Mistake| Meaning::Open(Incomplete::Explained(*mistake));
        if let Some(open @ Incomplete::Explained(_)) = self.open {
            return Meaning::Open(open);
        }
        let is_response = self.exchange.outcome.is_ok();
        let other = [
            Mistake::OtherHost,
            Mistake::OtherVersion,
            Mistake::OtherEndpoint,
            Mistake::Method,
        ];
        let is_elsewhere = |mistake: &&Mistake| {
            other.contains(mistake) && (is_response || **mistake == Mistake::OtherHost)
        };
        if let Some(mistake) = self.mistakes.iter().find(is_elsewhere) {
            return explained(mistake);
        }
        if let Some(open) = self.open {
            // A mistake says more than what can't be seen.
            let mistake = self
                .mistakes
                .iter()
                .find(|mistake| **mistake != Mistake::Filter);
            return mistake.map_or(Meaning::Open(open), explained);
        }
        let reason = match &meaning {
            Meaning::Ok(_) | Meaning::Open(_) => return meaning,
            Meaning::Not(reason) => *reason,
            Meaning::Unauthorized => Reason::TokenRejected,
        };
        if self.is_cut && reason == Reason::UnexpectedResponse {
            return Meaning::Open(Incomplete::Unreadable);
        }
        if !is_response {
            return meaning;
        }
        let mut mistakes = self
            .mistakes
            .iter()
            .filter(|mistake| **mistake != Mistake::Filter);
        let filter = self.mistakes.contains(&Mistake::Filter)
            && (matches!(self.status(), Some(400 | 404)) || reason == Reason::NoApps);
        match mistakes.next() {
            Some(Mistake::NoVersion) if mistakes.next().is_none() => {
                Meaning::Not(Reason::WrongBaseUrl)
            }
            Some(mistake) => explained(mistake),
            None if filter => explained(&Mistake::Filter),
            None => meaning,
        }
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

/// What the body of a success is, told by its members (spec: `v0.AppResponseItemModel`,
/// `v0.PipelineListItemModel`, `v0.PipelineShowResponseModel`; recorded lists of builds).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shape {
    Apps,
    Pipelines,
    Builds,
    Details,
    /// An empty list, and whether its page has a limit of items, as `/apps` and `/builds` echo it.
    Empty {
        has_limit: bool,
    },
    Other,
}

impl Shape {
    fn of(value: &Value) -> Self {
        const APP: [&str; 6] = [
            "owner",
            "title",
            "repo_url",
            "project_type",
            "is_disabled",
            "avatar_url",
        ];
        const BUILD: [&str; 4] = [
            "status_text",
            "is_status_sent",
            "original_build_params",
            "stack_identifier",
        ];
        const DETAILS: [&str; 3] = ["workflows", "stages", "number_in_app_scope"];
        const MOST: usize = 50;
        let items = match value {
            Value::Array(items) => Some(items.as_slice()),
            value => match value.get("data") {
                Some(Value::Array(items)) => Some(items.as_slice()),
                Some(Value::Null) => Some(&[][..]),
                _ => None,
            },
        };
        let Some(items) = items else {
            let is_details = DETAILS.iter().any(|name| value.get(name).is_some());
            return if is_details {
                Self::Details
            } else {
                Self::Other
            };
        };
        let limit = value
            .get("paging")
            .and_then(|paging| paging.get("page_item_limit"));
        if items.is_empty() {
            let has_limit = limit.and_then(Value::as_u64).is_some_and(|limit| limit > 0);
            return Self::Empty { has_limit };
        }
        let has = |names: &[&str]| {
            items
                .iter()
                .take(MOST)
                .any(|item| names.iter().any(|name| item.get(name).is_some()))
        };
        if has(&["is_pipeline"]) {
            Self::Pipelines
        } else if has(&BUILD) {
            Self::Builds
        } else if has(&APP) {
            Self::Apps
        } else if has(&["triggered_at", "build_number", "triggered_workflow"]) {
            Self::Pipelines
        } else {
            Self::Other
        }
    }
}

/// Tells which step a response is of: by its address, if its body does not say otherwise, by its
/// body, by words.
fn place(observed: &mut Observed, shape: Option<Shape>, hint: Option<CheckId>, has_builds: bool) {
    let of_shape = match shape {
        Some(Shape::Apps) => Some(CheckId::AppsList),
        Some(Shape::Pipelines) => Some(CheckId::PipelinesList),
        Some(Shape::Details) => Some(CheckId::PipelinesShow),
        Some(Shape::Empty { has_limit: true })
            if !has_builds && observed.endpoint.is_none() && hint.is_none() =>
        {
            Some(CheckId::AppsList)
        }
        _ => None,
    };
    let of_address = match &observed.endpoint {
        Some(Endpoint::Apps) => Some(CheckId::AppsList),
        Some(Endpoint::Pipelines(_)) => Some(CheckId::PipelinesList),
        Some(Endpoint::Details(_)) => Some(CheckId::PipelinesShow),
        Some(Endpoint::Other) | None => None,
    };
    let contradicts =
        |id: CheckId| of_shape.is_some_and(|shape| shape != id) || shape == Some(Shape::Builds);
    (observed.step, observed.told_by) = match (of_address, of_shape, hint) {
        (Some(id), ..) if contradicts(id) => (None, ToldBy::Body),
        (Some(id), ..) => (Some(id), ToldBy::Address),
        (None, ..) if observed.endpoint.is_some() => (None, ToldBy::Nothing),
        (None, Some(id), _) => (Some(id), ToldBy::Body),
        (None, None, _) if shape == Some(Shape::Builds) => (None, ToldBy::Body),
        (None, None, Some(id)) => (Some(id), ToldBy::Words),
        (None, None, None) => (None, ToldBy::Nothing),
    };
}

/// Returns what headers say of a body that is not shown; [`Body::Other`] stands for nothing.
fn body_of_headers(headers: &responder::Headers<'_>) -> Body {
    let value = |name| responder::value(headers, name);
    if value("content-length").is_some_and(|length| length.trim() == "0") {
        return Body::Empty;
    }
    if value("content-type").is_some_and(|kind| kind.contains("html")) {
        return Body::Html;
    }
    Body::Other
}

/// Returns the fault of a name of the table of words.
fn fault(name: &str) -> Fault {
    let kind = FaultKind::named(name).unwrap_or(FaultKind::Unknown);
    match kind {
        FaultKind::ProxyLogin => Fault::of_proxy(kind, ProxyResponse::new(407)),
        kind => kind.into(),
    }
}

/// Returns how much a check weighs against the token.
fn rank(check: &Check) -> Option<u8> {
    check.result.reason().map(|reason| reason.verdict().rank())
}

fn state_of(result: CheckResult) -> AppState {
    match result.reason().map(Reason::verdict) {
        None => AppState::Readable,
        Some(Verdict::InvalidPermissions) => AppState::Denied,
        Some(_) => AppState::Unknown,
    }
}

/// Returns the program's own JSON report that stands in a text, as it stands there.
pub(super) fn own_report(text: &str) -> Option<(String, String)> {
    let at = text.find("\"schema_version\"")?;
    let start = text[..at]
        .rfind('{')
        .filter(|start| text[*start + 1..at].trim().is_empty())?;
    let found = object::read(&text[start..])?;
    let value: Value = serde_json::from_str(&found.json).ok()?;
    let is_own = value
        .get("tool")
        .and_then(|tool| tool.get("name"))
        .and_then(Value::as_str)
        == Some("bitrise-dx");
    let rest = format!("{}\n{}", &text[..start], &text[start + found.end..]);
    (is_own && value.get("checks").is_some()).then_some((found.json, rest))
}

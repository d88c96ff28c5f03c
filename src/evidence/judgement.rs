//! What the exchanges of a text mean together.
//!
//! Exchanges are grouped by message and by credential, and each group is judged by replay. The newest
//! message decides; of several credentials, the one that is in DX.

use super::exchanges::{Notes, Reading, Said};
use super::observed::{Observed, observe};
use super::replay::{grouped, replay};
use super::request::{Credential, is_placeholder};
use super::secrets::Secrets;
use crate::base_url::DEFAULT_BASE_URL;
use crate::check::{Check, CheckId, Status};
use crate::pasted::{Incomplete, Outcome};
use crate::plan::NotRun;
use crate::report::{EvidenceKind, Report};
use crate::text::Untrusted;
use crate::token::TokenKind;
use crate::verdict::{Reason, Verdict};
use std::collections::HashSet;
use std::time::SystemTime;

/// What a text is judged with.
struct Judgement<'a> {
    secrets: &'a Secrets,
    base: String,
    now: SystemTime,
}

/// What a message shows.
#[derive(Default)]
struct Message<'a> {
    exchanges: Group<'a>,
    notes: Notes,
}

/// Exchanges in the order of the text.
type Group<'a> = Vec<&'a Observed<'a>>;

/// Returns the report of a text. `assumed` is the step of the responses of which the text does not tell
/// it.
pub(super) fn judge(
    reading: &Reading,
    assumed: Option<CheckId>,
    secrets: &Secrets,
    now: SystemTime,
) -> Report {
    // The base URL is the one that the text shows, if it is right as it stands.
    let shown = reading.shown.iter();
    let mut addresses = shown.filter_map(|shown| shown.request.address.as_ref());
    let right = addresses.find(|address| address.mistakes.is_empty());
    let base = right.map(|address| secrets.clean(&address.base));
    let base = base.unwrap_or_else(|| DEFAULT_BASE_URL.to_owned());
    let observed = observe(reading, assumed, &base, secrets);
    let judgement = Judgement { secrets, base, now };
    let mut messages = { reading.messages.newest_first().into_iter() }
        .map(|message| {
            let first = observed.partition_point(|one| one.shown.message < message);
            let own = observed[first..].iter();
            Message {
                exchanges: own.take_while(|one| one.shown.message == message).collect(),
                notes: reading.notes.get(&message).cloned().unwrap_or_default(),
            }
        })
        .filter(|message| {
            !message.exchanges.is_empty()
                || message.silence(None).is_some()
                // What was tried anew, and is not shown, is newer than what an older message shows.
                || message.notes.has_command
                || message.dx_code().is_some()
        });
    let mut newest = messages.next().unwrap_or_default();
    // What the older ones mean, and the last list of apps that they show.
    let older = messages.filter(|message| !message.exchanges.is_empty());
    let older: Vec<_> = older.collect();
    let reports: Vec<_> = older
        .iter()
        .map(|message| judgement.weigh(message))
        .collect();
    let reasons: Vec<_> = reports.iter().map(Report::reason).collect();
    let mut shown = older
        .iter()
        .flat_map(|message| message.exchanges.iter().rev());
    let list = shown.find(|one| {
        one.step == Some(CheckId::AppsList) && one.tells(CheckId::AppsList) == Ok(None)
    });
    let mut report = if newest.exchanges.is_empty() {
        let before = reports.into_iter().next();
        match (newest.silence(before.as_ref()), before) {
            (Some(why), _) => open(judgement.blank(None), why),
            (None, Some(before)) => before,
            // What was taken for an example is not said to be absent.
            (None, None) if reading.has_example => {
                open(judgement.blank(None), Incomplete::Unreadable)
            }
            (None, None) => judgement.blank(Some(newest.absence(reading))),
        }
    } else {
        judgement.weigh(&newest)
    };
    // An older message lends its list of apps to a refusal.
    if let Some(list) = list.filter(|_| report.verdict() == Verdict::Inconclusive) {
        newest.exchanges.insert(0, list);
        let lent = judgement.weigh(&newest);
        if lent.verdict() == Verdict::InvalidPermissions {
            report = lent;
        }
    }
    let settled_by = judgement.settled_by(&report);
    let older = reasons.into_iter().find(|own| *own != report.reason());
    let facts = report.pasted.get_or_insert_default();
    facts.secrets = secrets.kinds();
    facts.shell = reading.shell;
    let counts = observed.iter().filter(|one| !one.is_superseded.get());
    facts.found = counts.map(|one| (one.step, one.exchange.clone())).collect();
    facts.settled_by = settled_by;
    facts.dx_code = newest.dx_code();
    facts.told = newest.notes.told;
    facts.older = older;
    report
}

/// Returns a report that says why a text does not decide.
pub(super) fn open(mut report: Report, why: Incomplete) -> Report {
    report.pasted.get_or_insert_default().incomplete = Some(why);
    let open = |id| Check::new(id, Some(Err(Reason::EvidenceIncomplete)));
    let steps = [CheckId::AppsList, CheckId::PipelinesList];
    report.with_checks(steps.map(open).to_vec())
}

impl Message<'_> {
    /// Returns why it does not decide without an exchange, if it shows anything but DX's code. `before`
    /// is what an older message with an exchange means, which may say the same as that code.
    fn silence(&self, before: Option<&Report>) -> Option<Incomplete> {
        let unread = self.notes.unread;
        let differs =
            |before: &Report| unread.is_some() || self.dx_code() != Some(before.verdict());
        if !self.notes.told.is_empty() {
            Some(Incomplete::Told)
        } else if before.is_some_and(differs) {
            Some(Incomplete::OlderMessage)
        } else {
            unread
        }
    }

    /// Returns why nothing can be judged.
    fn absence(&self, reading: &Reading) -> NotRun {
        let why = if reading.is_too_long {
            return NotRun::options(
                "the text is longer than 1 MiB or has more than 20,000 requests, and is no JSON \
                 report of bitrise-dx; paste the two commands and what they printed alone",
            );
        } else if reading.messages.all.is_empty() {
            "there is no text to read"
        } else if self.notes.has_command {
            "the text holds commands, but nothing of what they printed"
        } else {
            "the text holds no response of a server and no error of curl or the like"
        };
        NotRun::new(Reason::EvidenceMissing, why.into())
    }

    /// Returns the code that it says that DX shows: the last one, unless it lists them all, as DX's
    /// page does.
    fn dx_code(&self) -> Option<Verdict> {
        let codes: HashSet<&&str> = self.notes.codes.iter().collect();
        let last = self.notes.codes.last().filter(|_| codes.len() < 3);
        last.and_then(|code| Verdict::named(code))
    }
}

impl Judgement<'_> {
    /// Returns a report without anything in it.
    fn blank(&self, not_run: Option<NotRun>) -> Report {
        Report {
            not_run,
            evidence: EvidenceKind::Pasted,
            ..Report::started(self.now)
        }
    }

    /// Judges the exchanges of one message, each credential by itself: the one that is in DX counts, the
    /// new one that is or may be, or any if they mean the same.
    fn weigh(&self, message: &Message<'_>) -> Report {
        let groups = groups(&message.exchanges);
        let mut reports: Vec<_> = groups.iter().map(|(_, group)| self.replay(group)).collect();
        let last = groups.len() - 1;
        if last == 0 {
            return reports.remove(0);
        }
        // What is said of this token tells most, then what of its kind, then that it is new.
        let weight = |(index, (own, group)): (usize, &(&Credential, Group<'_>))| {
            let says = |what: fn(&Said) -> bool| group.iter().any(|one| what(&one.shown.said));
            let is = |kind| matches!(own, Credential::Literal(_, own) if Some(*own) == kind);
            let is_in_dx = message.notes.in_dx.contains(own) || says(|said| said.is_in_dx);
            // A person's token is made anew for other ends, too.
            let is_hidden = !matches!(own, Credential::Literal(..));
            let may_be_new = index == last && (is_hidden || is(Some(TokenKind::Workspace)));
            let is_new = may_be_new && says(|said| said.is_new);
            [is_in_dx, is(message.notes.kind_in_dx), is_new]
        };
        let weights: Vec<_> = groups.iter().enumerate().map(weight).collect();
        let most = weights.iter().copied().max().unwrap_or_default();
        let is_only = weights.iter().filter(|weight| **weight == most).count() == 1;
        let outcome = |(index, report): (usize, &Report)| Outcome {
            credential: Untrusted::new(match groups[index].0 {
                Credential::Literal(name, _) | Credential::Named(name) => self.secrets.clean(name),
                Credential::Unknown => String::new(),
            }),
            reason: report.reason(),
            // The new one that is there took the place of what was.
            is_in_dx: (most[0] || most[1]) && weights[index] == most && is_only,
        };
        let outcomes: Vec<_> = reports.iter().enumerate().map(outcome).collect();
        let reason = outcomes[last].reason;
        let is_alike = reason != Some(Reason::EvidenceIncomplete)
            && outcomes.iter().all(|one| one.reason == reason);
        let chosen = weights.iter().rposition(|weight| *weight == most);
        let mut report = match chosen.filter(|_| is_only || is_alike) {
            Some(chosen) => reports.swap_remove(chosen),
            None => open(self.blank(None), Incomplete::Credentials),
        };
        report.pasted.get_or_insert_default().outcomes = outcomes;
        report
    }

    /// Judges the exchanges of one credential.
    fn replay(&self, group: &[&Observed<'_>]) -> Report {
        let mut report = self.blank(None);
        report.target.base_url = Some(self.base.clone());
        for one in group {
            if let Credential::Literal(fingerprint, kind) = one.credential {
                (report.token.fingerprint, report.token.kind) =
                    (Some(fingerprint.clone()), Some(*kind));
            }
        }
        replay(group, self.secrets, report)
    }

    /// Returns the addresses whose responses would settle what is open.
    fn settled_by(&self, report: &Report) -> Vec<String> {
        use CheckId::{AppsList, PipelinesList, PipelinesShow};
        let base = &self.base;
        let why = report.pasted.as_ref().and_then(|facts| facts.incomplete);
        let open = { report.checks.iter() }.filter(|check| check.status() == Status::Unknown);
        let open: Vec<_> = open.map(|check| check.id).collect();
        let (list, app) = match (report.verdict(), why) {
            (Verdict::NotRun, _) => (Some(1), true),
            // Whether a slug is among the apps, one of them does not tell.
            (Verdict::Inconclusive, Some(Incomplete::NotFound)) => (Some(50), false),
            // The list tells what a 401 for an app means.
            (Verdict::Inconclusive, Some(Incomplete::Unsettled)) => (Some(1), false),
            (Verdict::Inconclusive, _) => (
                open.contains(&AppsList).then_some(1),
                open.contains(&PipelinesList) || open.contains(&PipelinesShow),
            ),
            _ => (None, false),
        };
        let of_apps = report.apps.iter().map(|result| &result.app);
        let mut slugs = { of_apps.chain(&report.list.sample) }.map(|app| app.slug.raw());
        let slug = slugs.find(|slug| !is_placeholder(slug));
        let slug = slug.unwrap_or("YOUR_APP_SLUG");
        let list = list.map(|limit| format!("{base}/apps?limit={limit}"));
        let app = app.then(|| format!("{base}/apps/{slug}/pipelines?limit=1"));
        list.into_iter().chain(app).collect()
    }
}

/// Groups exchanges by their credentials: two differ only if both are known and of one sort. A
/// hidden one is taken for the one before it, or else for the first.
fn groups<'a>(exchanges: &[&'a Observed<'a>]) -> Vec<(&'a Credential, Group<'a>)> {
    let all = exchanges.iter().map(|one| one.credential);
    let known = { all.clone() }.filter(|one| **one != Credential::Unknown);
    let (names, literals): (HashSet<_>, HashSet<_>) =
        known.partition(|one| matches!(one, Credential::Named(_)));
    // The sort of which there are several tells them apart.
    let is_by_name = literals.is_empty() || literals.len() == 1 && names.len() > 1;
    let keys = if is_by_name { names } else { literals };
    let is_key = |one: &&Credential| keys.contains(one);
    let mut current = all.clone().find(is_key);
    grouped(exchanges.iter().copied().map(|one| {
        current = Some(one.credential).filter(is_key).or(current);
        (current.unwrap_or(&Credential::Unknown), one)
    }))
}

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
use crate::report::{Report, Target, TokenInfo};
use crate::text::Untrusted;
use crate::token::TokenKind;
use crate::verdict::{Reason, Verdict};
use std::collections::{HashMap, HashSet};

/// What a text is judged with.
struct Judgement<'a> {
    secrets: &'a Secrets,
    base: String,
    blank: &'a dyn Fn(Option<NotRun>) -> Report,
}

/// What a message shows.
#[derive(Default)]
struct Message<'a> {
    exchanges: Group<'a>,
    notes: Notes,
}

/// Exchanges in the order of the text.
type Group<'a> = Vec<&'a Observed<'a>>;

/// Returns the report of a text. `blank` makes one without anything in it, `assumed` is the step of the
/// responses of which the text does not tell it.
pub(super) fn judge(
    reading: &Reading,
    assumed: Option<CheckId>,
    secrets: &Secrets,
    blank: &dyn Fn(Option<NotRun>) -> Report,
) -> Report {
    // The base URL is the one that the text shows, if it is right as it stands.
    let shown = reading.shown.iter();
    let mut addresses = shown.filter_map(|shown| shown.request.address.as_ref());
    let right = addresses.find(|address| address.mistakes.is_empty() && address.step.is_some());
    let base = right.map_or_else(
        || DEFAULT_BASE_URL.to_owned(),
        |address| secrets.clean(&address.base),
    );
    let observed = observe(reading, assumed, &base, secrets);
    let judgement = Judgement {
        secrets,
        base,
        blank,
    };
    let mut messages = messages(reading, &observed);
    let mut newest = messages.next().unwrap_or_default();
    // What the older ones mean, and the last list of apps that they show.
    let (mut reasons, mut before, mut list) = (Vec::new(), None, None);
    for message in messages.filter(|message| !message.exchanges.is_empty()) {
        let is_list = |one: &&Observed<'_>| {
            one.step == Some(CheckId::AppsList) && one.tells(CheckId::AppsList) == Ok(None)
        };
        list = list.or_else(|| message.exchanges.iter().copied().rfind(is_list));
        let report = judgement.weigh(&message);
        reasons.push(report.reason());
        before.get_or_insert(report);
    }
    let mut report = if newest.exchanges.is_empty() {
        match (newest.silence(before.as_ref()), before) {
            (Some(why), _) => open(blank(None), why),
            (None, Some(before)) => before,
            (None, None) if reading.is_too_long => blank(Some(super::too_long())),
            (None, None) => {
                let why = if newest.notes.has_command {
                    "the text holds commands, but nothing of what they printed"
                } else {
                    "the text holds no response of a server and no error of curl or the like"
                };
                blank(Some(NotRun::new(Reason::EvidenceMissing, why.into())))
            }
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
    report.with_checks(
        [CheckId::AppsList, CheckId::PipelinesList]
            .map(open)
            .to_vec(),
    )
}

/// Returns the messages that show anything, from the newest to the oldest.
fn messages<'a>(
    reading: &Reading,
    observed: &'a [Observed<'a>],
) -> impl Iterator<Item = Message<'a>> {
    let shown = grouped(observed.iter().map(|one| (one.shown.message, one)));
    let mut shown: HashMap<usize, _> = shown.into_iter().collect();
    let order = reading.messages.newest_first().into_iter();
    let messages = order.map(move |message| Message {
        exchanges: shown.remove(&message).unwrap_or_default(),
        notes: reading.notes.get(&message).cloned().unwrap_or_default(),
    });
    messages.filter(|message| {
        !message.exchanges.is_empty()
            || message.silence(None).is_some()
            // What was tried anew, and is not shown, is newer than what an older message shows.
            || message.notes.has_command
            || message.dx_code().is_some()
    })
}

impl Message<'_> {
    /// Returns why it does not decide without an exchange, if it shows anything but DX's code. `before`
    /// is what an older message with an exchange means, which may say the same as that code.
    fn silence(&self, before: Option<&Report>) -> Option<Incomplete> {
        let notes = &self.notes;
        let differs =
            |before: &Report| notes.unread.is_some() || self.dx_code() != Some(before.verdict());
        let first = [
            (!notes.told.is_empty(), Incomplete::Told),
            (notes.has_shell_error, Incomplete::ShellError),
            (before.is_some_and(differs), Incomplete::OlderMessage),
        ];
        let first = first.into_iter().find(|(is_so, _)| *is_so);
        first.map(|(_, why)| why).or(notes.unread)
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
    /// Judges the exchanges of one message, each credential by itself: the one that is in DX counts, the
    /// new one that is or may be, or any if they mean the same.
    fn weigh(&self, message: &Message<'_>) -> Report {
        let groups = groups(&message.exchanges);
        if let [(_, group)] = &groups[..] {
            return self.replay(group);
        }
        let last = groups.len() - 1;
        let said_in_dx: HashSet<&Credential> = message.notes.in_dx.iter().collect();
        // What is said of this token tells most, then what of its kind, then that it is new.
        let weight = |(index, (own, group)): (usize, &(&Credential, Group<'_>))| {
            let says = |what: fn(&Said) -> bool| group.iter().any(|one| what(&one.shown.said));
            let kind = match own {
                Credential::Literal(_, kind) => Some(*kind),
                _ => None,
            };
            let is_in_dx = said_in_dx.contains(own) || says(|said| said.is_in_dx);
            let is_of_kind = kind.is_some() && kind == message.notes.kind_in_dx;
            // A person's token is made anew for other ends, too.
            let may_be_new = index == last && matches!(kind, None | Some(TokenKind::Workspace));
            [is_in_dx, is_of_kind, may_be_new && says(|said| said.is_new)]
        };
        let weights: Vec<_> = groups.iter().enumerate().map(weight).collect();
        let most = weights.iter().copied().max().unwrap_or_default();
        let is_only = weights.iter().filter(|weight| **weight == most).count() == 1;
        let outcome = |((own, group), weight): (&(&Credential, Group<'_>), &[bool; 3])| {
            let name = match own {
                Credential::Literal(name, _) | Credential::Named(name) => name,
                Credential::Unknown => "",
            };
            Outcome {
                credential: Untrusted::new(self.secrets.clean(name)),
                reason: self.replay(group).reason(),
                // The new one that is there took the place of what was.
                is_in_dx: (weight[0] || weight[1]) && *weight == most && is_only,
            }
        };
        let outcomes: Vec<_> = groups.iter().zip(&weights).map(outcome).collect();
        let reason = outcomes[last].reason;
        let is_alike = reason != Some(Reason::EvidenceIncomplete)
            && outcomes.iter().all(|one| one.reason == reason);
        let chosen = weights.iter().rposition(|weight| *weight == most);
        let chosen = chosen.filter(|_| is_only || is_alike);
        let mut report = match chosen {
            Some(chosen) => self.replay(&groups[chosen].1),
            None => open((self.blank)(None), Incomplete::Credentials),
        };
        report.pasted.get_or_insert_default().outcomes = outcomes;
        report
    }

    /// Judges the exchanges of one credential.
    fn replay(&self, group: &[&Observed<'_>]) -> Report {
        let token = group.iter().rev().find_map(|one| match one.credential {
            Credential::Literal(fingerprint, kind) => Some(TokenInfo {
                fingerprint: Some(fingerprint.clone()),
                kind: Some(*kind),
                ..TokenInfo::default()
            }),
            _ => None,
        });
        let report = Report {
            token: token.unwrap_or_default(),
            target: Target {
                base_url: Some(self.base.clone()),
                ..Target::default()
            },
            ..(self.blank)(None)
        };
        replay(group, self.secrets, report)
    }

    /// Returns the addresses whose responses would settle what is open.
    fn settled_by(&self, report: &Report) -> Vec<String> {
        let base = &self.base;
        let why = report.pasted.as_ref().and_then(|facts| facts.incomplete);
        let is_open = |id| {
            let mut checks = report.checks.iter();
            checks.any(|check| check.id == id && check.status() == Status::Unknown)
        };
        let (list, app) = match (report.verdict(), why) {
            (Verdict::NotRun, _) => (Some(1), true),
            // Whether a slug is among the apps, one of them does not tell.
            (Verdict::Inconclusive, Some(Incomplete::NotFound)) => (Some(50), false),
            // The list tells what a 401 for an app means.
            (Verdict::Inconclusive, Some(Incomplete::Unsettled)) => (Some(1), false),
            (Verdict::Inconclusive, _) => (
                is_open(CheckId::AppsList).then_some(1),
                is_open(CheckId::PipelinesList) || is_open(CheckId::PipelinesShow),
            ),
            _ => (None, false),
        };
        let decided = report.decisive().and_then(|check| check.app.as_ref());
        let of_apps = report.apps.iter().map(|result| &result.app);
        let apps = decided
            .into_iter()
            .chain(&report.list.sample)
            .chain(of_apps);
        let slug = { apps.map(|app| app.slug.raw()) }.find(|slug| !is_placeholder(slug));
        let slug = slug.unwrap_or("YOUR_APP_SLUG");
        let list = list.map(|limit| format!("{base}/apps?limit={limit}"));
        let app = app.then(|| format!("{base}/apps/{slug}/pipelines?limit=1"));
        list.into_iter().chain(app).collect()
    }
}

/// Groups exchanges by their credentials: two differ only if both are known and of one sort. A
/// hidden one is taken for the one before it, or else for the first.
fn groups<'a>(exchanges: &[&'a Observed<'a>]) -> Vec<(&'a Credential, Group<'a>)> {
    let is_name = |one: &Credential| matches!(one, Credential::Named(_));
    let all = exchanges.iter().map(|one| one.credential);
    let known: HashSet<_> = all
        .clone()
        .filter(|one| **one != Credential::Unknown)
        .collect();
    let names = known.iter().filter(|one| is_name(one)).count();
    let literals = known.len() - names;
    // The sort of which there are several tells them apart.
    let is_by_name = literals == 0 || literals == 1 && names > 1;
    let is_key = |one: &&Credential| known.contains(one) && is_name(one) == is_by_name;
    let mut current = all.clone().find(is_key);
    grouped(exchanges.iter().copied().map(|one| {
        current = Some(one.credential).filter(is_key).or(current);
        (current.unwrap_or(&Credential::Unknown), one)
    }))
}

//! What the exchanges of a text mean together.
//!
//! Exchanges are grouped by message and by credential, and each group is judged by replay. The newest
//! message decides; of several credentials, the one that is in DX.

use super::exchanges::{Notes, Reading, Said};
use super::observed::{Observed, observe};
use super::replay::{grouped, replay};
use super::request::{Credential, is_placeholder};
use super::secrets::Secrets;
use crate::app::Slug;
use crate::base_url::DEFAULT_BASE_URL;
use crate::check::{Check, CheckId, CheckResult};
use crate::pasted::{Incomplete, Outcome};
use crate::plan::NotRun;
use crate::report::{Report, Target, TokenInfo};
use crate::text::Untrusted;
use crate::token::TokenKind;
use crate::verdict::{Reason, Verdict};
use std::collections::{HashMap, HashSet};

/// What a text means.
struct Judgement<'a> {
    secrets: &'a Secrets,
    base: String,
    observed: Vec<Observed<'a>>,
    blank: &'a dyn Fn() -> Report,
}

/// What a message shows.
#[derive(Default)]
struct Message {
    /// The indices of its exchanges.
    exchanges: Vec<usize>,
    notes: Notes,
}

/// Returns the report of a text. `blank` makes one without anything in it, `assumed` is the step of the
/// responses of which the text does not tell it.
pub(super) fn judge(
    reading: &Reading,
    assumed: Option<CheckId>,
    secrets: &Secrets,
    blank: &dyn Fn() -> Report,
) -> Report {
    // The base URL is the one that the text shows, if it is right as it stands.
    let shown = reading.shown.iter();
    let mut addresses = shown.filter_map(|shown| shown.request.address.as_ref());
    let right = addresses.find(|address| address.mistakes.is_empty() && address.step.is_some());
    let base = right.map_or_else(
        || DEFAULT_BASE_URL.to_owned(),
        |address| secrets.clean(&address.base),
    );
    let mut judgement = Judgement {
        secrets,
        observed: observe(reading, assumed, &base, secrets),
        base,
        blank,
    };
    let mut messages = judgement.messages(reading).into_iter();
    let newest = messages.next().unwrap_or_default();
    let (mut report, group) = match newest.shows() {
        _ if reading.is_too_long => (blank().not_run(super::too_long()), Vec::new()),
        _ if !newest.exchanges.is_empty() => judgement.weigh(&newest),
        Some(why) => (open(blank(), why), Vec::new()),
        None => {
            let why = if newest.notes.has_command {
                "the text holds commands, but nothing of what they printed"
            } else {
                "the text holds no response of a server and no error of curl or the like"
            };
            let why = NotRun::new(Reason::EvidenceMissing, why.into());
            (blank().not_run(why), Vec::new())
        }
    };
    let (mut earlier, mut list) = (Vec::new(), None);
    let is_silent = newest.exchanges.is_empty()
        && matches!(
            newest.shows(),
            None | Some(Incomplete::Unreadable | Incomplete::Hidden)
        );
    for message in messages.filter(|message| !message.exchanges.is_empty()) {
        let first = judgement.weigh(&message).0;
        list = list.or_else(|| judgement.list(&message.exchanges));
        earlier.push(first.reason());
        if is_silent && earlier.len() == 1 {
            let is_agreed = newest.shows().is_none() && newest.dx_code() == Some(first.verdict());
            report = if is_agreed {
                first
            } else {
                open(blank(), Incomplete::OlderMessage)
            };
        }
    }
    // An older message lends its list of apps to a refusal.
    if list.is_some() && report.verdict() == Verdict::Inconclusive {
        let lent = judgement.replay(&group, list);
        if lent.verdict() == Verdict::InvalidPermissions {
            report = lent;
        }
    }
    let settled_by = judgement.settled_by(&report);
    let mut earlier = earlier.into_iter();
    let older = earlier.find(|reason| *reason != report.reason());
    let facts = report.pasted.get_or_insert_default();
    facts.secrets = secrets.kinds();
    facts.shell = reading.shell;
    let counts = judgement.observed.iter().filter(|one| !one.is_superseded);
    facts.found = counts.map(Observed::told).collect();
    facts.settled_by = settled_by;
    facts.dx_code = newest.dx_code();
    facts.told = newest.notes.told;
    facts.older = older;
    report
}

/// Returns a report that says why a text does not decide.
pub(super) fn open(mut report: Report, why: Incomplete) -> Report {
    report.pasted.get_or_insert_default().incomplete = Some(why);
    let result = CheckResult::NotPassed(Reason::EvidenceIncomplete);
    report.with_checks(vec![Check::new(CheckId::AppsList, result)])
}

impl Message {
    /// Returns why it does not decide without an exchange, if it shows anything but DX's code.
    fn shows(&self) -> Option<Incomplete> {
        if !self.notes.told.is_empty() {
            Some(Incomplete::Told)
        } else if self.notes.has_shell_error {
            Some(Incomplete::ShellError)
        } else {
            self.notes.unread
        }
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
    /// Returns the messages that show anything, from the newest to the oldest.
    fn messages(&self, reading: &Reading) -> Vec<Message> {
        let mut all: HashMap<usize, Message> = HashMap::new();
        for (index, one) in self.observed.iter().enumerate() {
            let message = all.entry(one.shown.message).or_default();
            message.exchanges.push(index);
        }
        for (message, notes) in &reading.notes {
            all.entry(*message).or_default().notes = notes.clone();
        }
        let order = reading.messages.newest_first().into_iter();
        let shown = order.filter_map(|message| all.remove(&message));
        let is_any = |message: &Message| {
            !message.exchanges.is_empty()
                || message.shows().is_some()
                // What was tried anew, and is not shown, is newer than what an older message shows.
                || message.notes.has_command
                || message.dx_code().is_some()
        };
        shown.filter(is_any).collect()
    }

    /// Judges the exchanges of one message, each credential by itself, and returns those that decided
    /// as well.
    fn weigh(&mut self, message: &Message) -> (Report, Vec<usize>) {
        let mut groups = self.groups(&message.exchanges);
        let last = groups.len() - 1;
        if last == 0 {
            let group = groups.remove(0).1;
            return (self.replay(&group, None), group);
        }
        let mut reasons: Vec<Option<Reason>> = Vec::new();
        for (_, group) in &groups {
            reasons.push(self.replay(group, None).reason());
        }
        let says = |group: &[usize], what: fn(&Said) -> bool| {
            let mut group = group.iter();
            group.any(|index| what(&self.observed[*index].shown.said))
        };
        let mut in_dx: HashSet<&Credential> = message.notes.in_dx.iter().collect();
        let kind = message.notes.kind_in_dx;
        let mut of_kind = { groups.iter().map(|(own, _)| own) }
            .filter(|own| matches!(own, Credential::Literal(_, own) if Some(*own) == kind));
        // A kind that several tokens are of tells none of them.
        if let (Some(only), None) = (of_kind.next(), of_kind.next()) {
            in_dx.insert(only);
        }
        let outcome = |((credential, group), reason): (&(Credential, Vec<usize>), &_)| {
            let name = match credential {
                Credential::Literal(name, _) | Credential::Named(name) => name,
                Credential::Unknown => "",
            };
            Outcome {
                credential: Untrusted::new(self.secrets.clean(name)),
                reason: *reason,
                is_in_dx: in_dx.contains(credential) || says(group, |said| said.is_in_dx),
            }
        };
        let mut outcomes: Vec<Outcome> = groups.iter().zip(&reasons).map(outcome).collect();
        let is_alike = |reason: &Option<Reason>| *reason == reasons[last];
        let is_told = reasons[last] != Some(Reason::EvidenceIncomplete);
        // A person's token is made anew for other ends, too.
        let is_new = says(&groups[last].1, |said| said.is_new)
            && matches!(
                groups[last].0,
                Credential::Literal(_, TokenKind::Workspace) | Credential::Named(_)
            );
        let chosen = if is_told && reasons.iter().all(is_alike) {
            Some(last)
        } else {
            // The new one that is there took the place of what was.
            if is_new && outcomes[last].is_in_dx {
                let others = outcomes.iter_mut().take(last);
                others.for_each(|other| other.is_in_dx = false);
            }
            let mut in_dx = (0..=last).filter(|group| outcomes[*group].is_in_dx);
            match (in_dx.next(), in_dx.next()) {
                (None, _) => is_new.then_some(last),
                (one, None) => one,
                _ => None,
            }
        };
        let (mut report, group) = match chosen {
            Some(chosen) => {
                let group = groups.swap_remove(chosen).1;
                (self.replay(&group, None), group)
            }
            None => (open((self.blank)(), Incomplete::Credentials), Vec::new()),
        };
        report.pasted.get_or_insert_default().outcomes = outcomes;
        (report, group)
    }

    /// Groups exchanges by their credentials: two differ only if both are known and of one sort. A
    /// hidden one is taken for the one before it, or else for the first.
    fn groups(&self, exchanges: &[usize]) -> Vec<(Credential, Vec<usize>)> {
        let credential = |index: &usize| self.observed[*index].credential;
        let is_name = |one: &Credential| matches!(one, Credential::Named(_));
        let all = exchanges.iter().map(credential);
        let known: HashSet<_> = all.filter(|one| **one != Credential::Unknown).collect();
        let names = known.iter().filter(|one| is_name(one)).count();
        let literals = known.len() - names;
        // The sort of which there are several tells them apart.
        let is_by_name = literals == 0 || literals == 1 && names > 1;
        let is_key = |one: &&Credential| known.contains(one) && is_name(one) == is_by_name;
        let mut current = exchanges.iter().map(credential).find(is_key);
        let keyed = exchanges.iter().map(|index| {
            current = Some(credential(index)).filter(is_key).or(current);
            (current.unwrap_or(&Credential::Unknown).clone(), *index)
        });
        grouped(keyed)
    }

    /// Judges the exchanges of one credential.
    fn replay(&mut self, group: &[usize], lent: Option<usize>) -> Report {
        let mut credentials = group.iter().map(|index| self.observed[*index].credential);
        let token = credentials.find_map(|credential| match credential {
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
            ..(self.blank)()
        };
        replay(&mut self.observed, group, lent, self.secrets, report)
    }

    /// Returns the last list of apps that a message shows.
    fn list(&self, exchanges: &[usize]) -> Option<usize> {
        let is_list = |index: &usize| {
            let one = &self.observed[*index];
            one.step == Some(CheckId::AppsList) && one.tells(CheckId::AppsList) == Ok(None)
        };
        exchanges.iter().copied().rfind(is_list)
    }

    /// Returns the addresses whose responses would settle what is open.
    fn settled_by(&self, report: &Report) -> Vec<String> {
        let base = &self.base;
        let decided = report.decisive().and_then(|check| check.app.as_ref());
        let of_sample = decided.into_iter().chain(report.list.sample.first());
        let of_apps = report.apps.iter().map(|result| &result.app);
        let mut slugs = of_sample.chain(of_apps).map(|app| &app.slug);
        let slug = slugs.find(|slug| !is_placeholder(slug.raw()));
        let is_at_list =
            slug.is_none() || decided.is_none() || report.reason() == Some(Reason::WrongBaseUrl);
        let slug = slug.map_or("YOUR_APP_SLUG", Slug::raw);
        let open = CheckResult::NotPassed(Reason::EvidenceIncomplete);
        let is_open = |id| {
            let mut checks = report.checks.iter();
            checks.any(|check| check.id == id && check.result == open)
        };
        let is_list_open = is_open(CheckId::AppsList);
        let why = report.pasted.as_ref().and_then(|facts| facts.incomplete);
        let (list, app) = match (why, report.verdict()) {
            (None, Verdict::NotRun) => (true, true),
            // What failed for another reason is tried again.
            (None, Verdict::Inconclusive) => (is_at_list, !is_at_list),
            (None, _) => (false, false),
            (Some(Incomplete::PipelinesMissing), _) => (false, true),
            (Some(Incomplete::AppsMissing | Incomplete::Unsettled | Incomplete::NotFound), _) => {
                (true, false)
            }
            (Some(Incomplete::Explained | Incomplete::Unreadable | Incomplete::Hidden), _) => (
                is_list_open,
                !is_list_open || is_open(CheckId::PipelinesList),
            ),
            (Some(_), _) => (is_list_open, true),
        };
        // Whether a slug is among the apps, one of them does not tell.
        let limit = if why == Some(Incomplete::NotFound) {
            50
        } else {
            1
        };
        let list = list.then(|| format!("{base}/apps?limit={limit}"));
        let app = app.then(|| format!("{base}/apps/{slug}/pipelines?limit=1"));
        list.into_iter().chain(app).collect()
    }
}

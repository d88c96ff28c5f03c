//! A thousand random worlds: permissions, faults, a token that dies, lists that change. Each world
//! knows the verdicts that are true of it, and a run finds one of them.

use crate::support::bitrise::{Answer, Asked, Bitrise};
use crate::support::client::{block_on, settings, started};
use bitrise_dx::api::{Client, RetryPolicy, Settings};
use bitrise_dx::app::Slug;
use bitrise_dx::plan::{AppSelection, Plan};
use bitrise_dx::report::{AppState, Report};
use bitrise_dx::verdict::Verdict;
use bitrise_dx::verify::verify;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const WORLDS: u64 = 1000;

/// What the server plays in one world, and what it did.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one thing that a verdict may rest on"
)]
struct World {
    chance: fastrand::Rng,
    /// The status of each app's runs: 200, or a refusal.
    apps: Vec<u16>,
    /// The number of requests after which the token is rejected, if it ever is.
    dies_after: Option<usize>,
    /// Of a hundred requests, how many fail in a way that is nobody's refusal.
    faults: u8,
    /// Of a hundred pages, how many leave an app out or count wrongly.
    odd_pages: u8,
    /// Whether the runs of refused apps are answered with 401 while the token lives.
    denies_by_401: bool,
    requests: usize,
    /// Whether the server answered 401 since the token died.
    was_rejected: bool,
    /// Whether it refused an app's runs while the token lived.
    refused: bool,
    /// Whether it answered anything with a fault.
    failed: bool,
    /// The apps whose runs it handed out.
    read: Vec<usize>,
    /// Whether it ever answered a list without apps.
    empty: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed);
        let count = match chance.u8(0..10) {
            0 => 0,
            1..=5 => chance.usize(1..6),
            6..=8 => chance.usize(40..60),
            _ => chance.usize(100..160),
        };
        let refusals = [200, 200, 200, 403, 404];
        let all_refused = chance.u8(0..6) == 0;
        let none_refused = chance.u8(0..3) == 0;
        let mut status = |_| match (all_refused, none_refused) {
            (true, _) => 404,
            (false, true) => 200,
            (false, false) => refusals[chance.usize(0..refusals.len())],
        };
        let apps = (0..count).map(&mut status).collect();
        Self {
            apps,
            dies_after: (chance.u8(0..4) == 0).then(|| chance.usize(0..12)),
            faults: [0, 0, 5, 30][chance.usize(0..4)],
            odd_pages: [0, 0, 30][chance.usize(0..3)],
            denies_by_401: chance.u8(0..4) == 0,
            chance,
            requests: 0,
            was_rejected: false,
            refused: false,
            failed: false,
            read: Vec::new(),
            empty: false,
        }
    }

    fn answer(&mut self, asked: Asked) -> Answer {
        self.requests += 1;
        if self.chance.u8(0..100) < self.faults {
            self.failed = true;
            return match self.chance.u8(0..5) {
                0 => Answer::status(503),
                1 => Answer::status(500),
                2 => Answer {
                    body: "<html><title>Sign in</title>".into(),
                    ..Answer::status(403)
                },
                3 => Answer {
                    body: r#"{"message":"API rate limit exceeded"}"#.into(),
                    ..Answer::status(403)
                },
                _ => Answer {
                    body: r#"{"error":{"code":401}}"#.into(),
                    ..Answer::status(401)
                },
            };
        }
        if self.dies_after.is_some_and(|limit| self.requests > limit) {
            self.was_rejected = true;
            return Answer::status(401);
        }
        match asked {
            Asked::Page(first) => self.page(first),
            Asked::Runs(app) => match self.apps.get(app) {
                Some(200) => {
                    self.read.push(app);
                    Answer::fine(asked, self.apps.len())
                }
                _ if self.denies_by_401 => {
                    self.refused = true;
                    Answer::status(401)
                }
                status => {
                    self.refused = true;
                    Answer::status(status.copied().unwrap_or(404))
                }
            },
            Asked::Run(_) | Asked::Other => Answer::fine(asked, self.apps.len()),
        }
    }

    fn page(&mut self, first: usize) -> Answer {
        let end = self.apps.len().min(first + 50);
        let next = (end < self.apps.len()).then_some(end);
        self.empty |= self.apps.is_empty();
        if self.chance.u8(0..100) >= self.odd_pages || end == first {
            return Answer::page(first..end, next);
        }
        // An app left the list between two pages, or the page names another one first.
        let left_out = self.chance.usize(first..end);
        let rest = (first..end).filter(|app| *app != left_out);
        if end - first == 1 {
            return Answer::page(first..end, next);
        }
        Answer::page(rest, next)
    }

    /// Tells whether a verdict is true of what the server did.
    fn allows(&self, report: &Report) -> bool {
        let readable = report
            .apps
            .iter()
            .filter(|app| app.state == AppState::Readable);
        match report.verdict() {
            // Every app that was to be checked was read, and there was one.
            Verdict::Verified => {
                let mut all = report.apps.iter();
                all.all(|app| app.state == AppState::Readable)
                    && !report.apps.is_empty()
                    && readable.count() <= self.read.len()
            }
            Verdict::InvalidCredentials => self.was_rejected,
            Verdict::InvalidPermissions => self.refused,
            Verdict::NoResources => self.empty,
            Verdict::Inconclusive => self.failed || self.was_rejected,
            Verdict::NotRun => false,
        }
    }

    /// Tells whether a run had to find more than that it could not tell.
    fn is_plain(&self) -> bool {
        !self.failed && self.dies_after.is_none() && self.odd_pages == 0
    }

    /// Returns the verdict of a world in which nothing fails.
    fn truth(&self, report: &Report) -> Verdict {
        let refused = report.apps.iter().any(|app| {
            let slug = app.app.slug.raw().strip_prefix("app-");
            let number = slug.and_then(|number| number.parse::<usize>().ok());
            number.and_then(|number| self.apps.get(number)) != Some(&200)
        });
        match (self.apps.is_empty(), refused) {
            (true, _) => Verdict::NoResources,
            (false, true) => Verdict::InvalidPermissions,
            (false, false) => Verdict::Verified,
        }
    }
}

fn plan(world: &mut World) -> Plan {
    let named = |numbers: &[usize]| {
        let slug = |number: &usize| Slug::parse(&format!("app-{number}")).unwrap();
        AppSelection::Named(numbers.iter().map(slug).collect())
    };
    let count = world.apps.len();
    let apps = match world.chance.u8(0..4) {
        0 => AppSelection::First,
        1 if count > 0 => named(&[world.chance.usize(0..count)]),
        2 if count > 2 => named(&[0, count - 1, count + 5]),
        _ => AppSelection::All,
    };
    Plan {
        apps,
        details: world.chance.bool(),
        concurrency: [1, 2, 8, 64][world.chance.usize(0..4)],
    }
}

#[test]
fn a_thousand_worlds_have_no_false_verdict() {
    let world = Arc::new(Mutex::new(World::new(0)));
    let playing = Arc::clone(&world);
    let server = Bitrise::start(move |asked, _| playing.lock().unwrap().answer(asked));
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..WORLDS {
        let plan = {
            let mut world = world.lock().unwrap();
            *world = World::new(seed);
            plan(&mut world)
        };
        let settings = Settings {
            retry: RetryPolicy {
                base: Duration::ZERO,
                ..RetryPolicy::new(1)
            },
            ..settings(&server.base_url())
        };
        let report = block_on(async {
            let client = Client::new(settings).unwrap();
            verify(&client, &plan, started(), std::future::pending(), &|_| {}).await
        });
        let world = world.lock().unwrap();
        let verdict = report.verdict();
        let shown = || format!("world {seed}: {verdict:?} {:?} {plan:?}", report.reason());
        assert!(world.allows(&report), "{}", shown());
        if world.is_plain() {
            assert_eq!(verdict, world.truth(&report), "{}", shown());
        }
        *found.entry(verdict.as_str()).or_default() += 1;
    }
    // The worlds are of every kind, so that the above is no empty promise.
    for verdict in [
        "verified",
        "invalid_credentials",
        "invalid_permissions",
        "no_resources",
    ] {
        assert!(
            found.get(verdict).is_some_and(|count| *count > 30),
            "{found:?}"
        );
    }
}

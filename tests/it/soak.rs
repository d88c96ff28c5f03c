//! A thousand runs against a server that fails at random, each with a known truth: a run finds the
//! truth or says that it could not, and never anything else.

use crate::support::client::{block_on, settings, started};
use crate::support::server::{Act, Request, Server, json, response};
use bitrise_dx::api::{Client, RetryPolicy, Settings};
use bitrise_dx::plan::{AppSelection, Plan};
use bitrise_dx::report::Report;
use bitrise_dx::verdict::Verdict;
use bitrise_dx::verify::verify;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const RUNS: usize = 1000;

/// How many runs go on at once.
const THREADS: usize = 4;

/// Where the chance comes from; the same every time, so that a failure can be repeated.
const SEED: u64 = 0x00b1_7215_edd8;

/// How many of a hundred requests fail.
const FAULTS: u8 = 30;

/// What is true of the token.
#[derive(Clone, Copy, Debug)]
enum Truth {
    Good,
    Rejected,
    Forbidden,
    NoApps,
    /// The pipelines can't be read, and this is how the server says so.
    Denied(u16),
    /// The token is revoked between the two calls.
    RevokedMidway,
}

const TRUTHS: [Truth; 8] = [
    Truth::Good,
    Truth::Rejected,
    Truth::Forbidden,
    Truth::NoApps,
    Truth::Denied(401),
    Truth::Denied(403),
    Truth::Denied(404),
    Truth::RevokedMidway,
];

impl Truth {
    fn verdict(self) -> Verdict {
        match self {
            Self::Good => Verdict::Verified,
            Self::Rejected | Self::RevokedMidway => Verdict::InvalidCredentials,
            Self::Forbidden | Self::Denied(_) => Verdict::InvalidPermissions,
            Self::NoApps => Verdict::NoResources,
        }
    }

    /// Answers as Bitrise does; `asked` tells whether the pipelines were asked for before.
    fn answer(self, is_pipelines: bool, asked: bool) -> (u16, &'static str) {
        const UNAUTHORIZED: (u16, &str) = (401, r#"{"message":"Unauthorized"}"#);
        match (self, is_pipelines) {
            (Self::Rejected, _) | (Self::RevokedMidway, true) => UNAUTHORIZED,
            (Self::RevokedMidway, false) if asked => UNAUTHORIZED,
            (Self::Forbidden, false) => (403, r#"{"message":"Forbidden"}"#),
            (Self::NoApps, false) => (200, r#"{"data":[]}"#),
            (Self::Denied(status), true) => (status, r#"{"message":"no"}"#),
            (_, true) => (200, r#"{"data":[{"slug":"run","is_pipeline":true}]}"#),
            (_, false) => (
                200,
                r#"{"data":[{"slug":"app","title":"App"}],"paging":{}}"#,
            ),
        }
    }
}

/// Returns one of the things that go wrong.
fn fault(chance: &mut fastrand::Rng) -> Act {
    const PAGE: &str = "<html><title>Bad Gateway</title>";
    const HTML: &str = "Content-Type: text/html\r\n";
    const NOW: &str = "Retry-After: 0\r\n";
    const CUT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"data\":[";
    match chance.u8(0..12) {
        0 => Act::SendAndReset(Vec::new()),
        1 => Act::SendAndReset("HTTP/1.1 200 OK\r\nConte".into()),
        2 => Act::SendAndReset(CUT.into()),
        3 => Act::Send(Vec::new()),
        4 => Act::Send(CUT.into()),
        5 => Act::Send(response(503, NOW, "")),
        6 => Act::Send(response(502, HTML, PAGE)),
        7 => Act::Send(response(429, NOW, r#"{"message":"slow down"}"#)),
        8 => Act::Send(response(200, HTML, PAGE)),
        9 => Act::Send(response(403, HTML, PAGE)),
        10 => Act::Send(response(302, "Location: https://login.example/\r\n", "")),
        _ => json(200, r#"{"status":"fine"}"#),
    }
}

/// What the server plays, and what it did: whether the last answer to each address was a true one.
struct Stage {
    truth: Truth,
    chance: fastrand::Rng,
    last_was_true: HashMap<String, bool>,
}

impl Stage {
    fn act(&mut self, request: &Request) -> Act {
        let is_pipelines = request.target.contains("pipelines");
        let asked = self.last_was_true.keys().any(|url| url.contains("pipe"));
        let fails = self.chance.u8(0..100) < FAULTS;
        self.last_was_true.insert(request.target.clone(), !fails);
        if fails {
            return fault(&mut self.chance);
        }
        let (status, body) = self.truth.answer(is_pipelines, asked);
        json(status, body)
    }

    /// Tells whether a client that asked again where that helps was told nothing but the truth.
    fn told_the_truth(&self) -> bool {
        self.last_was_true.values().all(|was_true| *was_true)
    }
}

async fn run(base_url: &str) -> Report {
    let client = Client::new(Settings {
        retry: RetryPolicy {
            base: Duration::ZERO,
            ..RetryPolicy::new(2)
        },
        ..settings(base_url)
    });
    let plan = Plan {
        apps: AppSelection::First,
        details: false,
        concurrency: 1,
    };
    let never = std::future::pending();
    verify(&client.unwrap(), &plan, started(), never, &|_| {}).await
}

/// Runs against a server with this chance, and returns what is true of the token and what was found.
fn played(number: usize, chance: fastrand::Rng) -> (Truth, Verdict) {
    let truth = TRUTHS[number % TRUTHS.len()];
    let stage = Arc::new(Mutex::new(Stage {
        truth,
        chance,
        last_was_true: HashMap::new(),
    }));
    let playing = Arc::clone(&stage);
    let server = Server::start(move |request, _| playing.lock().unwrap().act(request));
    let report = block_on(run(&server.base_url()));
    let verdict = report.verdict();
    let stage = stage.lock().unwrap();
    let expected = if stage.told_the_truth() {
        truth.verdict()
    } else {
        Verdict::Inconclusive
    };
    let told = &stage.last_was_true;
    assert_eq!(
        verdict, expected,
        "run {number}, {truth:?}: {told:?}, {report:?}"
    );
    (truth, verdict)
}

#[test]
fn a_thousand_runs_against_a_failing_server_find_the_truth_or_nothing() {
    let mut chance = fastrand::Rng::with_seed(SEED);
    let mut table: BTreeMap<(String, &str), usize> = BTreeMap::new();
    let chances: Vec<_> = (0..RUNS).map(|_| chance.fork()).collect();
    let some = &|first: usize| {
        let numbers = (first..RUNS).step_by(THREADS);
        numbers
            .map(|number| played(number, chances[number].clone()))
            .collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        // Each run waits for its server's next word most of the time.
        let others: Vec<_> = (0..THREADS)
            .map(|first| scope.spawn(move || some(first)))
            .collect();
        for (truth, verdict) in others.into_iter().flat_map(|other| other.join().unwrap()) {
            *table
                .entry((format!("{truth:?}"), verdict.as_str()))
                .or_default() += 1;
        }
    });
    let mut rows = String::new();
    for ((truth, verdict), count) in table {
        writeln!(rows, "{truth:<14} {verdict:<20} {count:>4}").unwrap();
    }
    insta::assert_snapshot!(rows, @r"
    Denied(401)    inconclusive           45
    Denied(401)    invalid_permissions    80
    Denied(403)    inconclusive           35
    Denied(403)    invalid_permissions    90
    Denied(404)    inconclusive           35
    Denied(404)    invalid_permissions    90
    Forbidden      inconclusive           16
    Forbidden      invalid_permissions   109
    Good           inconclusive           28
    Good           verified               97
    NoApps         inconclusive           21
    NoApps         no_resources          104
    Rejected       inconclusive            8
    Rejected       invalid_credentials   117
    RevokedMidway  inconclusive           45
    RevokedMidway  invalid_credentials    80
    ");
}

//! Runs over one app or thousands: what is asked, and what the report says of each.

use crate::schema::{self, Report};
use crate::support::server::{Act, Server, healthy, json};
use bitrise_dx::api::{Client, RetryPolicy, Settings};
use bitrise_dx::plan::{AppSlug, BaseUrl, Plan};
use bitrise_dx::report::{Target, TokenSource};
use bitrise_dx::token::{Token, TokenKind};
use bitrise_dx::verdict::Signal;
use bitrise_dx::verify::{Preface, verify};
use std::cell::Cell;
use std::time::Duration;

/// A time that no test is meant to reach.
const AMPLE: Duration = Duration::from_secs(60);

fn settings(base_url: &str) -> Settings {
    Settings {
        base_url: BaseUrl::parse(base_url).unwrap(),
        token: Token::parse("bitwat_coverage-test").unwrap().token,
        timeout: AMPLE,
        max_time: AMPLE,
        retry: RetryPolicy {
            retries: 0,
            base: Duration::ZERO,
            cap: Duration::ZERO,
        },
        ca_cert: None,
        on_pause: Box::new(|_| {}),
    }
}

/// Runs a plan inside of this process until it ends or `stop` completes.
fn run(settings: Settings, plan: &Plan, stop: impl Future<Output = Signal>) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let report = runtime.block_on(async {
        let client = Client::new(settings).unwrap();
        let preface = Preface::begin(Target::default());
        let token = (TokenKind::Workspace, TokenSource::File, Vec::new());
        verify(&client, plan, preface, token, stop, &|_| {}).await
    });
    schema::read(&bitrise_dx::render::json(&report).unwrap())
}

/// Completes with a signal when the server got so many requests, and wakes itself until then.
async fn at_request(server: &Server, count: usize, signal: Signal) -> Signal {
    while server.requests().len() < count {
        tokio::task::yield_now().await;
    }
    signal
}

fn chosen(slugs: &[&str]) -> Plan {
    Plan {
        apps: slugs.iter().map(|s| AppSlug::parse(s).unwrap()).collect(),
        details: false,
    }
}

#[test]
fn a_signal_ends_a_run_with_what_is_known() {
    let page = r#"{"data":[{"slug":"a"},{"slug":"b"},{"slug":"c"}]}"#;
    // The app that is asked for when the signal comes, what app a answers, and what is then known.
    let cases = [
        (
            "apps?",
            200,
            Signal::Interrupt,
            130,
            "inconclusive",
            "interrupted",
        ),
        (
            "apps/a",
            200,
            Signal::Interrupt,
            130,
            "inconclusive",
            "interrupted",
        ),
        (
            "apps/b",
            200,
            Signal::Terminate,
            143,
            "inconclusive",
            "interrupted",
        ),
        (
            "apps/b",
            500,
            Signal::Interrupt,
            130,
            "inconclusive",
            "interrupted",
        ),
        (
            "apps/b",
            404,
            Signal::Terminate,
            143,
            "invalid_permissions",
            "pipelines_denied",
        ),
    ];
    for (held, status, signal, code, verdict, reason) in cases {
        let server = Server::start(move |request, _| match request.target.as_str() {
            target if target.contains(held) => Act::SendAndHold(Vec::new()),
            target if target.contains("pipelines") => json(status, r#"{"data":[]}"#),
            _ => json(200, page),
        });
        let asked = match held {
            "apps?" => 1,
            "apps/a" => 2,
            _ => 3,
        };
        let stop = at_request(&server, asked, signal);
        let report = run(
            settings(&server.base_url()),
            &chosen(&["a", "b", "c"]),
            stop,
        );
        let found = (
            report.exit_code,
            report.verdict.as_str(),
            report.reason.as_deref(),
        );
        assert_eq!(found, (code, verdict, Some(reason)), "{held} {status}");
        if asked > 1 {
            let done = u64::try_from(asked - 2).unwrap();
            assert_eq!(
                (report.apps.checked, report.apps.not_reached),
                (done, 3 - done)
            );
        }
        let told = report
            .not_proven
            .iter()
            .any(|line| line.contains(signal.as_str()));
        assert!(told, "{:?}", report.not_proven);
    }
}

#[test]
fn a_signal_after_the_end_changes_nothing() {
    let server = healthy();
    let polled = Cell::new(false);
    let stop = async {
        polled.set(true);
        at_request(&server, usize::MAX, Signal::Interrupt).await
    };
    let report = run(settings(&server.base_url()), &chosen(&[]), stop);
    assert_eq!((report.exit_code, report.verdict.as_str()), (0, "verified"));
    assert!(polled.get());
}

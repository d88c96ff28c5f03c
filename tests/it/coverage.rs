//! Runs over one app or thousands: what is asked, and what the report says of each.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a server's answers that differ from the usual ones are few"
)]

use crate::schema::{self, AppItem, Report};
use crate::support::bitrise::{Answer, Asked, Bitrise};
use crate::support::server::{Act, Server, healthy, json};
use bitrise_dx::api::{Client, RetryPolicy, Settings};
use bitrise_dx::plan::{AppSlug, BaseUrl, Choice, Plan};
use bitrise_dx::report::{Target, TokenSource};
use bitrise_dx::token::{Token, TokenKind};
use bitrise_dx::verdict::Signal;
use bitrise_dx::verify::{Preface, verify};
use std::cell::Cell;
use std::collections::HashSet;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex};
use std::time::{Duration, Instant};

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
    plan(match slugs {
        [] => Choice::First,
        slugs => Choice::Named(slugs.iter().map(|s| AppSlug::parse(s).unwrap()).collect()),
    })
}

/// Checks every app of a server, with so many requests under way at once.
fn all(server: &Bitrise, concurrency: usize) -> Report {
    let plan = Plan {
        concurrency,
        ..plan(Choice::All)
    };
    run(settings(&server.base_url()), &plan, pending())
}

fn verdict(report: &Report) -> (&str, Option<&str>) {
    (&report.verdict, report.reason.as_deref())
}

/// Returns the numbers of the apps that a report has in a state.
fn numbers(report: &Report, status: &str) -> Vec<usize> {
    let items = report.apps.items.iter().filter(|app| app.status == status);
    items.map(number).collect()
}

fn number(app: &AppItem) -> usize {
    app.slug.strip_prefix("app-").unwrap().parse().unwrap()
}

fn plan(apps: Choice) -> Plan {
    Plan {
        apps,
        details: false,
        concurrency: 1,
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

#[test]
fn every_app_of_every_page_is_checked_once() {
    for count in [1, 50, 51, 10_000] {
        let server = Bitrise::with(count);
        let report = all(&server, 8);
        assert_eq!(verdict(&report), ("verified", None), "{count}");
        assert_eq!(report.apps.total, Some(count as u64));
        assert_eq!(numbers(&report, "readable"), (0..count).collect::<Vec<_>>());
        let asked = server.asked();
        assert_eq!(asked.len(), count + count.div_ceil(50), "{count}");
        assert_eq!(asked.iter().collect::<HashSet<_>>().len(), asked.len());
        if count > 1 {
            let message = format!("{count} of {count} apps can be read");
            assert_eq!(report.checks[2].message, message);
        }
    }
    let none = all(&Bitrise::with(0), 8);
    assert_eq!(verdict(&none), ("no_resources", Some("no_apps")));
    assert_eq!((none.apps.total, none.apps.items.len()), (Some(0), 0));
}

#[test]
fn what_each_of_many_apps_answers_is_told() {
    const APPS: usize = 137;
    let status = |app: usize| match app {
        app if app % 7 == 3 => 404,
        app if app % 11 == 5 => 403,
        app if app % 13 == 6 => 503,
        // Gone: not found, and no longer in the list when that is read again.
        app if app % 17 == 9 => 410,
        _ => 200,
    };
    let first_page = AtomicUsize::new(0);
    let server = Bitrise::start(move |asked, _| {
        let reread = match asked {
            Asked::Page(0) => first_page.fetch_add(1, Ordering::SeqCst) > 0,
            _ => first_page.load(Ordering::SeqCst) > 1,
        };
        match asked {
            Asked::Page(first) if reread => {
                let end = APPS.min(first + 50);
                let left = (first..end).filter(|app| status(*app) != 410);
                Answer::page(left, (end < APPS).then_some(end))
            }
            Asked::Runs(app) if status(app) == 410 => Answer::status(404),
            Asked::Runs(app) if status(app) != 200 => Answer::status(status(app)),
            _ => Answer::fine(asked, APPS),
        }
    });
    let report = all(&server, 8);
    let truth = |wanted: &[u16]| -> Vec<usize> {
        (0..APPS)
            .filter(|app| wanted.contains(&status(*app)))
            .collect()
    };
    assert_eq!(
        verdict(&report),
        ("invalid_permissions", Some("pipelines_denied"))
    );
    assert_eq!(numbers(&report, "readable"), truth(&[200]));
    assert_eq!(numbers(&report, "denied"), truth(&[403, 404]));
    assert_eq!(numbers(&report, "unknown"), truth(&[503]));
    assert_eq!(numbers(&report, "gone"), truth(&[410]));
    let apps = &report.apps;
    assert_eq!(apps.total, Some((APPS - truth(&[410]).len()) as u64));
    assert_eq!(apps.total, Some(apps.checked));
    for app in &apps.items {
        let expected = match status(number(app)) {
            410 => 404,
            status => status,
        };
        assert_eq!(app.http_status, Some(expected), "{app:?}");
    }
    // The evidence is that of the first app in the list that decides.
    let evidence = report.checks[2].request.as_ref().unwrap();
    let first = truth(&[403, 404])[0];
    assert!(
        evidence.url.contains(&format!("/app-{first}/")),
        "{}",
        evidence.url
    );
    assert!(
        report
            .not_proven
            .iter()
            .any(|line| line.contains("left the list"))
    );
}

#[test]
fn one_app_that_is_gone_is_nobodys_refusal() {
    let listed_again = AtomicUsize::new(0);
    let server = Bitrise::start(move |asked, _| match asked {
        Asked::Page(_) if listed_again.fetch_add(1, Ordering::SeqCst) > 0 => {
            Answer::page([0, 2], None)
        }
        Asked::Runs(1) => Answer::status(404),
        _ => Answer::fine(asked, 3),
    });
    let report = all(&server, 2);
    assert_eq!(verdict(&report), ("verified", None));
    assert_eq!((report.apps.total, report.apps.gone), (Some(2), 1));
    let vanished = AtomicUsize::new(0);
    let server = Bitrise::start(move |asked, _| match asked {
        Asked::Page(_) if vanished.fetch_add(1, Ordering::SeqCst) > 0 => Answer::page([], None),
        Asked::Runs(_) => Answer::status(404),
        _ => Answer::fine(asked, 1),
    });
    let report = all(&server, 2);
    assert_eq!(verdict(&report), ("no_resources", Some("no_apps")));
}

#[test]
fn a_list_that_goes_wrong_is_said_and_what_it_named_is_checked() {
    // How the second page answers, the apps that are known by then, and the reason.
    type Second = fn() -> Answer;
    let cases: [(Second, usize, &str, &str); 7] = [
        (
            || Answer::page(50..60, Some(50)),
            60,
            "unexpected_response",
            "round in circles",
        ),
        (
            || Answer::page(0..50, Some(100)),
            50,
            "unexpected_response",
            "round in circles",
        ),
        (
            || Answer::page([], Some(100)),
            50,
            "unexpected_response",
            "round in circles",
        ),
        (
            || Answer::status(500),
            50,
            "server_error",
            "fault of its own (500)",
        ),
        (
            || Answer::status(404),
            50,
            "unexpected_status",
            "unusual status (404)",
        ),
        (
            || Answer::status(400),
            50,
            "unexpected_status",
            "unusual status (400)",
        ),
        (|| Answer::page([], None), 50, "", ""),
    ];
    for (second, known, reason, words) in cases {
        for refused in [false, true] {
            let server = Bitrise::start(move |asked, _| match asked {
                Asked::Page(50..) => second(),
                Asked::Runs(7) if refused => Answer::status(403),
                _ => Answer::fine(asked, 1000),
            });
            let report = all(&server, 8);
            assert_eq!(report.apps.checked, known as u64, "{words}");
            let complete = reason.is_empty();
            let total = complete.then_some(known as u64);
            assert_eq!(report.apps.total, total, "{words}");
            let expected = match (refused, complete) {
                (true, _) => ("invalid_permissions", Some("pipelines_denied")),
                (false, false) => ("inconclusive", Some(reason)),
                (false, true) => ("verified", None),
            };
            assert_eq!(verdict(&report), expected, "{words}");
            let list = &report.checks[1].message;
            assert!(list.contains(words), "{list}");
            assert_eq!(report.checks[1].status == "pass", complete);
        }
    }
}

#[test]
fn an_app_that_is_listed_twice_is_checked_once() {
    let server = Bitrise::start(|asked, _| match asked {
        Asked::Page(0) => Answer::page(0..50, Some(48)),
        Asked::Page(48) => Answer::page(48..60, None),
        _ => Answer::fine(asked, 60),
    });
    let report = all(&server, 8);
    assert_eq!(verdict(&report), ("verified", None));
    assert_eq!((report.apps.total, report.apps.checked), (Some(60), 60));
    assert_eq!(server.count(), 62);
}

#[test]
fn checks_begin_with_the_first_page_and_paging_runs_ahead() {
    // The second page waits for a check of the first, and the last check for the second page.
    let seen = Arc::new((Mutex::new((false, false)), Condvar::new()));
    let state = Arc::clone(&seen);
    let server = Bitrise::start(move |asked, _| {
        let (lock, changed) = &*state;
        let mut now = lock.lock().unwrap();
        match asked {
            Asked::Page(50) => {
                now = changed.wait_while(now, |now| !now.0).unwrap();
                now.1 = true;
            }
            Asked::Runs(49) => now = changed.wait_while(now, |now| !now.1).unwrap(),
            Asked::Runs(_) => now.0 = true,
            _ => {}
        }
        drop(now);
        changed.notify_all();
        Answer::fine(asked, 60)
    });
    assert_eq!(verdict(&all(&server, 4)), ("verified", None));
}

#[test]
fn as_many_requests_are_under_way_as_may_be_and_no_more() {
    // Each waits until five are there; with fewer at once the run would not end.
    let (barrier, most) = (Barrier::new(5), Arc::new(AtomicUsize::new(0)));
    let (now, kept) = (AtomicUsize::new(0), Arc::clone(&most));
    let server = Bitrise::start(move |asked, _| {
        if matches!(asked, Asked::Runs(_)) {
            kept.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            barrier.wait();
            now.fetch_sub(1, Ordering::SeqCst);
        }
        Answer::fine(asked, 50)
    });
    assert_eq!(verdict(&all(&server, 5)), ("verified", None));
    assert_eq!(most.load(Ordering::SeqCst), 5);
}

#[test]
fn one_rejected_token_stops_the_run_after_one_second_look() {
    for rejected in [false, true] {
        let server = Bitrise::start(move |asked, number| match asked {
            Asked::Runs(60..) => Answer::status(401),
            Asked::Page(0) if number > 0 && rejected => Answer::status(401),
            _ => Answer::fine(asked, 300),
        });
        let report = all(&server, 8);
        let asked = server.asked();
        let looks = asked.iter().filter(|a| **a == Asked::Page(0)).count() - 1;
        if rejected {
            assert_eq!(
                verdict(&report),
                ("invalid_credentials", Some("token_rejected"))
            );
            assert_eq!(looks, 1);
            assert_eq!((report.apps.readable, report.apps.denied), (60, 0));
            assert!(report.apps.not_reached > 200, "{}", report.apps.not_reached);
            assert!(asked.len() < 60 + 8 + 6 + 2, "{}", asked.len());
        } else {
            assert_eq!(
                verdict(&report),
                ("invalid_permissions", Some("pipelines_denied"))
            );
            assert_eq!((report.apps.readable, report.apps.denied), (60, 240));
            assert!(looks <= 240, "{looks}");
        }
    }
}

#[test]
fn a_limit_of_requests_loses_no_app() {
    const APPS: usize = 200;
    const EACH: usize = 20;
    let window = Duration::from_millis(100);
    let state = Mutex::new((Instant::now(), 0));
    let server = Bitrise::start(move |asked, _| {
        let mut state = state.lock().unwrap();
        if state.0.elapsed() >= window {
            *state = (Instant::now(), 0);
        }
        state.1 += 1;
        if state.1 > EACH {
            Answer::status(429)
        } else {
            Answer::fine(asked, APPS)
        }
    });
    let pauses = Arc::new(AtomicUsize::new(0));
    let told = Arc::clone(&pauses);
    let settings = Settings {
        retry: RetryPolicy {
            retries: 2,
            base: window,
            cap: window,
        },
        on_pause: Box::new(move |_| {
            told.fetch_add(1, Ordering::SeqCst);
        }),
        ..settings(&server.base_url())
    };
    let plan = Plan {
        concurrency: 8,
        ..plan(Choice::All)
    };
    let report = run(settings, &plan, pending());
    assert_eq!(verdict(&report), ("verified", None));
    assert_eq!(report.apps.readable, APPS as u64);
    let (needed, sent) = (APPS + APPS / 50, server.count());
    let pauses = pauses.load(Ordering::SeqCst);
    assert!(
        sent - needed <= 8 * pauses,
        "{sent} requests, {pauses} pauses"
    );
    assert!(sent - needed <= needed / 2, "{sent} requests for {needed}");
}

//! Runs over one app or thousands: what is asked, and what the report says of each.

use crate::schema::{self, AppItem, Report};
use crate::support::bitrise::{Answer, Asked, Bitrise};
use crate::support::client::{block_on, settings, started};
use crate::support::process::{Program, Served};
use crate::support::server::{Act, Server, healthy, healthy_response, json, response};
use crate::support::{has, in_time, lacks, rows};
use bitrise_dx::api::{Client, RetryPolicy, Settings};
use bitrise_dx::app::Slug;
use bitrise_dx::diagnosis::{Known, diagnose};
use bitrise_dx::plan::{Plan, RunOptions, Selection};
use bitrise_dx::sandbox::TOKEN;
use bitrise_dx::verdict::{Reason, Signal};
use bitrise_dx::verify::verify;
use std::cell::Cell;
use std::collections::HashSet;
use std::fs;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// Runs a plan inside of this process until it ends or `stop` completes.
fn run(settings: Settings, plan: &Plan, stop: impl Future<Output = Signal>) -> Report {
    schema::read(&render(found(settings, plan, stop)))
}

/// Returns a report in JSON.
fn render(report: bitrise_dx::report::Report) -> String {
    bitrise_dx::render::json(&diagnose(report, &Known::default())).unwrap()
}

fn found(
    settings: Settings,
    plan: &Plan,
    stop: impl Future<Output = Signal>,
) -> bitrise_dx::report::Report {
    block_on(async {
        let client = Client::new(settings).unwrap();
        verify(&client, plan, started(), stop, &|_| {}).await
    })
}

/// Runs a plan against a server to its end.
fn checked(base_url: &str, plan: &Plan) -> Report {
    run(settings(base_url), plan, pending())
}

/// Completes with a signal when the server got so many requests, and wakes itself until then.
async fn at_request(server: &Server, count: usize, signal: Signal) -> Signal {
    while server.requests().len() < count {
        tokio::task::yield_now().await;
    }
    signal
}

fn chosen(slugs: &[&str]) -> Plan {
    let slugs = slugs
        .iter()
        .map(|slug| Slug::try_from((*slug).to_owned()).unwrap());
    Plan {
        apps: slugs.collect(),
        ..plan(Selection::Named, 1)
    }
}

fn plan(selection: Selection, concurrency: usize) -> Plan {
    Plan {
        options: RunOptions {
            selection,
            ..RunOptions::default()
        },
        apps: Vec::new(),
        concurrency,
    }
}

fn with_details(selection: Selection, concurrency: usize) -> Plan {
    let mut plan = plan(selection, concurrency);
    plan.options.details = true;
    plan
}

/// Checks the first app, as DX does.
fn first(base_url: &str) -> Report {
    checked(base_url, &plan(Selection::First, 1))
}

/// Checks every app of a server, with so many requests in flight at once.
fn all(server: &Bitrise, concurrency: usize) -> Report {
    checked(&server.base_url(), &plan(Selection::All, concurrency))
}

/// A server that gives the same list to whoever asks for it, and this to who asks for runs.
fn listing(page: &str, status: u16, runs: &'static str) -> Server {
    let page = page.to_owned();
    Server::start(move |request, _| {
        if request.target.contains("pipelines") {
            json(status, runs)
        } else {
            json(200, &page)
        }
    })
}

/// Returns the numbers of the apps that a report has in a state.
fn numbers(report: &Report, status: &str) -> Vec<usize> {
    let items = report.apps.items.iter().filter(|app| app.status == status);
    items.map(number).collect()
}

fn number(app: &AppItem) -> usize {
    app.slug.strip_prefix("app-").unwrap().parse().unwrap()
}

#[test]
fn a_signal_ends_a_run_with_what_is_known() {
    let page = r#"{"data":[{"slug":"a"},{"slug":"b"},{"slug":"c"}]}"#;
    // The app that is asked for when the signal comes, what app a answers, and what is then known.
    for (held, status, signal, outcome) in [
        ("apps?", 200, Signal::Interrupt, "interrupted"),
        ("apps/a", 200, Signal::Interrupt, "interrupted"),
        ("apps/b", 200, Signal::Terminate, "interrupted"),
        ("apps/b", 500, Signal::Interrupt, "interrupted"),
        ("apps/b", 404, Signal::Terminate, "pipelines_denied"),
    ] {
        let server = Server::start(move |request, _| match request.target.as_str() {
            target if target.contains(held) => Act::SendAndHold(Vec::new()),
            target if target.contains("pipelines") => json(status, r#"{"data":[],"message":"no"}"#),
            _ => json(200, page),
        });
        let asked = match held {
            "apps?" => 1,
            "apps/a" => 2,
            _ => 3,
        };
        let stop = at_request(&server, asked, signal);
        let plan = chosen(&["a", "b", "c"]);
        let report = run(settings(&server.base_url()), &plan, stop);
        assert_eq!(report.outcome(), outcome, "{held} {status}");
        assert_eq!(report.exit_code, i32::from(signal.exit_code()));
        if asked > 1 {
            let done = u64::try_from(asked - 2).unwrap();
            let apps = &report.apps;
            assert_eq!((apps.checked, apps.not_reached), (done, 3 - done));
        }
        has(&report.not_checked.join("\n"), "the run ended before");
        assert!(outcome != "interrupted" || report.message.contains(signal.as_str()));
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
    let plan = plan(Selection::First, 1);
    let report = run(settings(&server.base_url()), &plan, stop);
    assert_eq!((report.exit_code, report.verdict.as_str()), (0, "verified"));
    assert!(polled.get());
}

#[test]
fn every_app_of_every_page_is_checked_once() {
    for count in [1, 50, 51, 501] {
        let server = Bitrise::with(count);
        let report = all(&server, 8);
        assert_eq!(report.outcome(), "verified", "{count}");
        assert_eq!(report.apps.total, Some(count as u64));
        assert_eq!(numbers(&report, "readable"), (0..count).collect::<Vec<_>>());
        let asked = server.asked();
        assert_eq!(asked.len(), count + count.div_ceil(50), "{count}");
        assert_eq!(asked.iter().collect::<HashSet<_>>().len(), asked.len());
        if count > 1 {
            let message = &report.checks[2].message;
            assert_eq!(*message, format!("{count} apps: {count} readable"));
        }
    }
    let none = all(&Bitrise::with(0), 8);
    assert_eq!(none.outcome(), "no_apps");
    assert_eq!((none.apps.total, none.apps.items.len()), (Some(0), 0));
}

#[test]
fn what_each_of_many_apps_answers_is_told() {
    const APPS: usize = 137;
    let status = |app: usize| match app {
        app if app % 7 == 3 => 404,
        app if app % 11 == 5 => 403,
        app if app % 13 == 6 => 503,
        _ => 200,
    };
    let server = Bitrise::start(move |asked, _| match asked {
        Asked::Runs(app) if status(app) != 200 => Answer::status(status(app)),
        _ => Answer::fine(asked, APPS),
    });
    let report = all(&server, 8);
    let truth = |wanted: &[u16]| -> Vec<usize> {
        (0..APPS)
            .filter(|app| wanted.contains(&status(*app)))
            .collect()
    };
    assert_eq!(report.outcome(), "pipelines_denied");
    assert_eq!(numbers(&report, "readable"), truth(&[200]));
    assert_eq!(numbers(&report, "denied"), truth(&[403, 404]));
    assert_eq!(numbers(&report, "unknown"), truth(&[503]));
    let apps = &report.apps;
    assert_eq!(apps.total, Some(apps.checked));
    for app in &apps.items {
        assert_eq!(app.http_status, Some(status(number(app))), "{app:?}");
    }
    // The evidence is that of the first app in the list that decides.
    let evidence = report.checks[2].request.as_ref().unwrap();
    let first = truth(&[403, 404])[0];
    has(&evidence.url, &format!("/app-{first}/"));
}

#[test]
fn a_recheck_settles_only_what_came_before_it() {
    // App 0 answers 401; while the recheck of that is in flight, the token is revoked and app 1
    // answers 401 too. The recheck's 200 tells nothing of app 1: only another one does.
    let seen = Arc::new((Mutex::new((0, false)), Condvar::new()));
    let server = Bitrise::start(move |asked, _| {
        let (state, changed) = &*seen;
        let mut state = state.lock().unwrap();
        match asked {
            Asked::Page(_) => {
                state.0 += 1;
                changed.notify_all();
                match state.0 {
                    1 => Answer::page([0, 1], None),
                    2 => {
                        drop(changed.wait_while(state, |(_, revoked)| !*revoked));
                        Answer::page([0, 1], None)
                    }
                    _ => Answer::status(401),
                }
            }
            Asked::Runs(1) => {
                let mut state = changed.wait_while(state, |(pages, _)| *pages < 2).unwrap();
                state.1 = true;
                changed.notify_all();
                Answer::status(401)
            }
            _ => Answer::status(401),
        }
    });
    let report = all(&server, 3);
    assert_eq!(report.outcome(), "token_rejected");
}

#[test]
fn what_a_list_says_of_itself_decides_what_it_can_tell() {
    // The page; an app that is asked for; the status of its runs; what follows, with its warnings.
    for [page, app, status, expected] in rows(
        r#"{"data":[{"slug":"app-0"}]}                                      | app-9 | 404 | app_not_accessible
           {"data":[{"slug":"app-0"}],"paging":{"total_item_count":2}}      | app-9 | 404 | pipelines_denied
           {"data":[{"slug":"app-0"},{"title":"no slug"}]}                  | app-9 | 404 | pipelines_denied
           {"data":[{"slug":"app-0"}]}                                      | app-9 | 200 | verified app_not_listed
           {"data":[{"slug":"app-9"}]}                                      | app-9 | 200 | verified
           {"data":[{"slug":"app-0"}],"paging":{"next":"app-1"}}            | app-9 | 200 | verified
           {"data":[]}                                                      |       | 200 | no_apps
           {"data":null,"paging":{"total_item_count":0}}                    |       | 200 | no_apps
           {"data":[],"paging":{"next":"b"}}                                |       | 200 | unexpected_response
           {"data":[],"paging":{"total_item_count":3}}                      |       | 200 | unexpected_response"#,
    ) {
        let runs = r#"{"data":[],"message":"Not Found"}"#;
        let server = listing(page, status.parse().unwrap(), runs);
        let report = match app {
            "" => first(&server.base_url()),
            app => checked(&server.base_url(), &chosen(&[app])),
        };
        let found = [&[report.outcome()], &report.warned()[..]].concat();
        assert_eq!(found.join(" "), expected, "{page}");
    }
}

#[test]
fn an_identifier_that_holds_the_token_is_never_asked_for() {
    let token = crate::support::client::TOKEN;
    let paged = format!(r#"{{"data":[{{"slug":"a"}}],"paging":{{"next":"x{token}"}}}}"#);
    for (page, requests) in [
        (format!(r#"{{"data":[{{"slug":"{token}"}}]}}"#), 1),
        (paged, 1),
        (r#"{"data":[{"slug":"a"}]}"#.to_owned(), 2),
    ] {
        let runs = format!(r#"{{"data":[{{"slug":"{token}","is_pipeline":true}}]}}"#);
        let server = listing(&page, 200, runs.leak());
        let report = checked(&server.base_url(), &with_details(Selection::All, 1));
        assert_eq!(report.outcome(), "unexpected_response");
        assert_eq!(server.requests().len(), requests);
    }
}

#[test]
fn a_list_that_goes_wrong_is_said_and_what_it_named_is_checked() {
    // How the second page answers, the apps that are known by then, and the reason.
    type Second = fn() -> Answer;
    let (odd, back) = ("unexpected_response", "the pages lead back");
    let cases: [(Second, usize, &str, &str); 7] = [
        (|| Answer::page(50..60, Some(50)), 60, odd, back),
        (|| Answer::page(0..50, Some(100)), 50, odd, back),
        (|| Answer::page([], Some(100)), 50, odd, back),
        (|| Answer::status(500), 50, "server_error", "then 500"),
        (|| Answer::status(404), 50, "unexpected_status", "then 404"),
        (|| Answer::status(400), 50, "unexpected_status", "then 400"),
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
                (true, _) => "pipelines_denied",
                (false, false) => reason,
                (false, true) => "verified",
            };
            assert_eq!(report.outcome(), expected, "{words}");
            has(&report.checks[1].message, words);
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
    assert_eq!(report.outcome(), "verified");
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
    assert_eq!(all(&server, 4).outcome(), "verified");
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
    assert_eq!(all(&server, 5).outcome(), "verified");
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
            assert_eq!(report.outcome(), "token_rejected");
            assert_eq!(looks, 1);
            // Those in flight with the rejected one may not have been waited for.
            let readable = report.apps.readable;
            assert!((60 - 8..=60).contains(&readable), "{readable}");
            assert_eq!(report.apps.denied, 0);
            // How much of the list was read by then is open.
            let (listed, left) = (report.apps.items.len() as u64, report.apps.not_reached);
            assert!(left + 60 + 8 >= listed, "{left} of {listed}");
            assert!(asked.len() < 60 + 8 + 6 + 2, "{}", asked.len());
        } else {
            assert_eq!(report.outcome(), "pipelines_denied");
            assert_eq!((report.apps.readable, report.apps.denied), (60, 240));
            assert!(looks <= 240, "{looks}");
        }
    }
}

#[test]
fn a_401_to_the_runs_is_looked_at_twice() {
    for (again, reason) in [
        (401, "token_rejected"),
        (200, "pipelines_denied"),
        (500, "server_error"),
        (403, "unexpected_status"),
    ] {
        let server = Bitrise::start(move |asked, number| match asked {
            Asked::Page(_) if number == 0 || again == 200 => Answer::fine(asked, 1),
            Asked::Page(_) => Answer::status(again),
            _ => Answer::status(401),
        });
        let report = first(&server.base_url());
        assert_eq!(report.outcome(), reason);
        // Every request that decided has its entry.
        let status = |id| report.check(id).request.as_ref().unwrap().http_status;
        let statuses = ["apps.list", "apps.recheck", "pipelines.list"].map(status);
        assert_eq!(statuses, [200, again, 401].map(Some));
        assert_eq!(server.count(), 3);
    }
}

#[test]
fn a_token_that_ends_before_the_details_is_not_the_apps_refusal() {
    // How the list answers when it is asked for again, and what that means.
    for (again, expected, of_app) in [
        (401, "token_rejected", ("unknown", Some("unknown"))),
        (200, "pipeline_details_denied", ("denied", Some("fail"))),
        (500, "server_error", ("unknown", Some("unknown"))),
    ] {
        for choice in [Selection::First, Selection::All] {
            let server = Bitrise::start(move |asked, number| match asked {
                Asked::Run(_) => Answer::status(401),
                Asked::Page(0) if number > 0 && again != 200 => Answer::status(again),
                _ => Answer::fine(asked, 30),
            });
            let every = choice == Selection::All;
            let report = checked(&server.base_url(), &with_details(choice, 4));
            assert_eq!(report.outcome(), expected, "{again}");
            let mut apps = report.apps.items.iter();
            let app = apps.find(|app| app.details.is_some()).unwrap();
            assert_eq!((app.status.as_str(), app.details.as_deref()), of_app);
            assert_eq!(app.pipelines.as_deref(), Some("seen"));
            let asked = server.asked();
            let looks = asked.iter().filter(|a| **a == Asked::Page(0)).count() - 1;
            if again == 401 {
                // One look for all, and nothing behind those in flight.
                assert_eq!(looks, 1);
                assert!(asked.len() <= 2 + 2 * 4, "{asked:?}");
            }
            if !every {
                assert_eq!(looks, 1);
                has(&report.check("pipelines.show").message, ": 401");
                let recheck = report.check("apps.recheck").request.as_ref();
                assert_eq!(recheck.unwrap().http_status, Some(again));
            }
        }
    }
}

#[test]
fn a_limit_of_requests_loses_no_app() {
    const APPS: usize = 200;
    const EACH: usize = 20;
    // So many are answered, and then none until the client pauses.
    let (in_window, pauses) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&in_window);
    let server = Bitrise::start(move |asked, _| {
        if counted.fetch_add(1, Ordering::SeqCst) < EACH {
            Answer::fine(asked, APPS)
        } else {
            Answer::status(429)
        }
    });
    let told = Arc::clone(&pauses);
    let settings = Settings {
        retry: RetryPolicy {
            base: Duration::ZERO,
            ..RetryPolicy::new(2)
        },
        on_pause: Box::new(move |_| {
            told.fetch_add(1, Ordering::SeqCst);
            in_window.store(0, Ordering::SeqCst);
        }),
        ..settings(&server.base_url())
    };
    let report = run(settings, &plan(Selection::All, 8), pending());
    assert_eq!(report.outcome(), "verified");
    assert_eq!(report.apps.readable, APPS as u64);
    let (needed, sent) = (APPS + APPS / 50, server.count());
    let pauses = pauses.load(Ordering::SeqCst);
    assert!(sent - needed <= 8 * pauses, "{sent} with {pauses} pauses");
    assert!(sent - needed <= needed / 2, "{sent} requests for {needed}");
}

#[test]
fn a_limit_that_never_ends_ends_the_run() {
    for (headers, wait) in [("", None), ("Retry-After: 3600\r\n", Some(3600))] {
        let server = Bitrise::start(move |asked, _| match asked {
            Asked::Runs(20..) => Answer {
                headers,
                ..Answer::status(429)
            },
            _ => Answer::fine(asked, 50),
        });
        let report = all(&server, 4);
        assert_eq!(report.outcome(), "rate_limited");
        assert_eq!(report.retry_after_s, wait);
        let apps = &report.apps;
        assert!(apps.readable >= 17 && apps.readable <= 20, "{apps:?}");
        assert_eq!(apps.total, Some(50));
        assert_eq!(apps.checked + apps.not_reached, 50);
        assert!(server.count() <= 20 + 1 + 4, "{}", server.count());
    }
}

#[test]
fn a_limit_on_the_list_is_no_apps() {
    let server = Bitrise::start(|asked, _| match asked {
        // So that it is the list that meets the limit.
        Asked::Page(50..) => Answer {
            headers: "Retry-After: 3600\r\n",
            ..Answer::status(429)
        },
        _ => Answer::fine(asked, 100),
    });
    let report = all(&server, 4);
    assert_eq!(report.outcome(), "rate_limited");
    let pipelines = &report.checks[2];
    assert!(report.apps.not_reached > 0, "{:?}", report.apps);
    assert!(pipelines.app.is_none(), "{pipelines:?}");
    assert!(pipelines.message.ends_with(" not reached"), "{pipelines:?}");
}

#[test]
fn a_look_that_tells_nothing_is_what_decided() {
    // With and without a page of the list that is still to be read.
    for (apps, list) in [
        (
            3,
            "3 apps in Team 0, Team 1 and Team 2: App number 0, App number 1, App number 2",
        ),
        (100, "50 apps, then rate limited"),
    ] {
        let server = Bitrise::start(move |asked, number| match asked {
            Asked::Runs(_) => Answer::status(401),
            Asked::Page(0) if number > 0 => Answer {
                headers: "Retry-After: 3600\r\n",
                ..Answer::status(429)
            },
            Asked::Page(50) => {
                // Nobody else comes, so this waits for ever.
                Barrier::new(2).wait();
                Answer::fine(asked, apps)
            }
            _ => Answer::fine(asked, apps),
        });
        let report = all(&server, 4);
        assert_eq!(report.outcome(), "rate_limited");
        assert_eq!(report.retry_after_s, Some(3600));
        has(&report.message, "rate limit reached (429)");
        assert_eq!(report.check("apps.list").message, list);
        has(&report.check("apps.recheck").message, "429");
    }
}

#[test]
fn an_app_that_ends_a_run_is_what_decided_with_pages_still_to_read() {
    let server = Bitrise::start(|asked, _| match asked {
        Asked::Runs(_) => Answer {
            headers: "Retry-After: 3600\r\n",
            ..Answer::status(429)
        },
        Asked::Page(50) => {
            // Nobody else comes, so this waits for ever.
            Barrier::new(2).wait();
            Answer::fine(asked, 100)
        }
        _ => Answer::fine(asked, 100),
    });
    let report = all(&server, 4);
    assert_eq!(report.outcome(), "rate_limited");
    assert_eq!(report.retry_after_s, Some(3600));
    has(&report.message, "rate limit reached (429)");
    let list = &report.check("apps.list").message;
    assert_eq!(list, "50 apps, then rate limited");
}

#[test]
fn a_token_that_was_accepted_is_not_left_open() {
    // What answers 500, and what is then said of the token.
    let (accepted, open) = ("accepted", "not_tested");
    for (choice, failing, words) in [
        (Selection::First, Asked::Page(0), open),
        (Selection::First, Asked::Runs(0), accepted),
        (Selection::All, Asked::Runs(7), accepted),
        (Selection::All, Asked::Page(50), accepted),
    ] {
        let server = Bitrise::refusing(60, 500, move |asked| asked == failing);
        let report = checked(&server.base_url(), &plan(choice, 8));
        assert_eq!(report.outcome(), "server_error");
        assert_eq!(report.token.state, words);
    }
    // Accepted at first, then not, and then it could not be told.
    let server = Bitrise::start(|asked, number| match asked {
        Asked::Runs(_) => Answer::status(401),
        Asked::Page(0) if number > 0 => Answer::status(500),
        _ => Answer::fine(asked, 1),
    });
    let report = first(&server.base_url());
    assert_eq!(report.outcome(), "server_error");
    assert_eq!(report.token.state, open);
    // A list that is refused says nothing of it.
    let report = all(&Bitrise::start(|_, _| Answer::status(403)), 1);
    assert_eq!(report.outcome(), "apps_forbidden");
    assert_eq!(report.token.state, "undecided");
}

/// Returns what is made of a run in a format, had Bitrise itself answered: of another host's answers
/// nothing is foretold.
fn as_bitrises(server: &Bitrise, args: &[&str], format: &str) -> String {
    let program = Program::verify(&server.base_url()).args(["-o", "json"]);
    let report = args.iter().fold(program, Program::arg).run().stdout;
    let report = report.replace(&server.base_url(), "https://api.bitrise.io/v0.1");
    let report = report.replace(r#""is_bitrise": false"#, r#""is_bitrise": true"#);
    let folder = tempfile::tempdir().unwrap();
    let [saved, page] = ["r.json", "r.html"].map(|name| folder.path().join(name));
    fs::write(&saved, report).unwrap();
    let read = Program::new(["diagnose"]).arg(&saved);
    if format == "html" {
        let _ = read.arg("--report").arg(&page).run();
        fs::read_to_string(&page).unwrap()
    } else {
        read.args(["-o", format]).run().stdout
    }
}

#[test]
fn an_error_is_foretold_for_the_app_that_dx_looks_at() {
    let server = Bitrise::refusing(3, 404, |asked| matches!(asked, Asked::Runs(_)));
    for (args, sure) in [
        (&[][..], true),
        (&["--all-apps"], true),
        (&["--app", "app-2", "--app", "app-0"], true),
        (&["--app", "app-2"], false),
        (&["--app", "app-9"], false),
    ] {
        let text = as_bitrises(&server, args, "markdown");
        let is_foretold = text.contains("DX will show invalid_permissions: ");
        assert_eq!(is_foretold, sure, "{args:?}: {text}");
    }
}

#[test]
fn every_format_says_what_dx_may_not_notice() {
    let server = Bitrise::refusing(3, 404, |asked| matches!(asked, Asked::Runs(1)));
    for format in ["human", "markdown", "junit", "github", "html"] {
        let text = as_bitrises(&server, &["--all-apps"], format);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        has(&text, "may connect: it probably tests the first app");
        lacks(&text, "DX will show");
    }
}

#[test]
fn time_that_is_over_leaves_the_rest_unreached() {
    let wait = |held: Asked| {
        let plan = plan(Selection::All, 1);
        let report = in_time(|time| {
            let server = Bitrise::start(move |asked, _| {
                if asked == held {
                    // Nobody else comes, so this waits for ever.
                    Barrier::new(2).wait();
                }
                Answer::fine(asked, 100)
            });
            let mut settings = settings(&server.base_url());
            settings.max_time = time;
            let report = run(settings, &plan, pending());
            let apps = &report.apps;
            let found = (apps.total, apps.readable, apps.unknown, apps.not_reached);
            let expected = match held {
                Asked::Page(_) => (None, 0, 0, 50),
                _ => (Some(100), 30, 1, 69),
            };
            (found == expected)
                .then_some(report)
                .ok_or(format!("{found:?}"))
        });
        assert_eq!(report.outcome(), "max_time_reached");
        has(&report.not_checked.join("\n"), "the run ended before");
    };
    thread::scope(|scope| {
        scope.spawn(|| wait(Asked::Runs(30)));
        wait(Asked::Page(50));
    });
}

#[test]
fn details_are_looked_at_for_every_app() {
    let server = Bitrise::start(|asked, _| match asked {
        Asked::Runs(1) => Answer::ok(r#"{"data":null}"#),
        Asked::Run(2) => Answer::status(404),
        Asked::Run(3) => Answer::status(500),
        _ => Answer::fine(asked, 60),
    });
    let report = checked(&server.base_url(), &with_details(Selection::All, 8));
    assert_eq!(report.outcome(), "pipeline_details_denied");
    let details = { report.apps.items.iter().take(4) }.map(|app| {
        let [runs, details] = [&app.pipelines, &app.details].map(|it| it.as_deref().unwrap());
        [app.status.as_str(), runs, details].join(" ")
    });
    let expected = "readable seen pass, readable none skip, denied seen fail, unknown seen unknown";
    assert_eq!(details.collect::<Vec<_>>().join(", "), expected);
    assert_eq!(report.checks[2].message, "60 apps: 60 readable");
    let words = "60 apps: 57 readable, 1 refused, 1 unknown, 1 skipped";
    has(&report.checks[3].message, words);
    // Nobody asked for them.
    assert_eq!(all(&server, 8).outcome(), "verified");
}

#[test]
fn named_apps_are_told_apart_by_as_many_pages_as_it_takes() {
    // The named apps, those that are refused, the requests for further pages, and the reason.
    let cases: [(&[&str], &[usize], &[usize], _); 5] = [
        (&["app-3", "app-120"], &[], &[], ""),
        (&["app-3"], &[3], &[], "pipelines_denied"),
        (&["app-70"], &[70], &[50], "pipelines_denied"),
        (
            &["app-70", "app-999"],
            &[70, 999],
            &[50, 100],
            "pipelines_denied",
        ),
        (&["app-999"], &[999], &[50, 100], "app_not_accessible"),
    ];
    for (named, refused, further, reason) in cases {
        let server = Bitrise::refusing(
            130,
            404,
            move |asked| matches!(asked, Asked::Runs(app) if refused.contains(&app)),
        );
        let report = checked(&server.base_url(), &chosen(named));
        assert_eq!(report.reason.as_deref().unwrap_or_default(), reason);
        assert_eq!(numbers(&report, "denied"), refused);
        let mut asked = server.asked();
        asked.retain(|asked| matches!(asked, Asked::Page(1..)));
        let further: Vec<_> = further.iter().copied().map(Asked::Page).collect();
        assert_eq!(asked, further, "{named:?}");
    }
    // Where the list can't be read on, the app gets the benefit of the doubt.
    let server = Bitrise::start(|asked, _| match asked {
        Asked::Runs(_) => Answer::status(404),
        Asked::Page(50..) => Answer::status(500),
        _ => Answer::fine(asked, 130),
    });
    let report = checked(&server.base_url(), &chosen(&["app-999"]));
    assert_eq!(report.outcome(), "pipelines_denied");
    assert_eq!(report.checks[1].status, "unknown");
    assert_eq!(report.checks[1].reason.as_deref(), Some("server_error"));
}

#[test]
fn a_page_that_fails_is_told_whatever_was_asked_for() {
    for (second, status, reason, words) in [
        (500, "unknown", "server_error", "then 500"),
        (403, "fail", "apps_forbidden", "50 apps, then 403"),
    ] {
        let server = Bitrise::start(move |asked, _| match asked {
            Asked::Runs(500) => Answer::status(404),
            Asked::Page(50..) => Answer::status(second),
            _ => Answer::fine(asked, 120),
        });
        for (plan, of_runs) in [
            (chosen(&["app-500"]), Some("pipelines_denied")),
            (plan(Selection::All, 1), None),
        ] {
            let report = checked(&server.base_url(), &plan);
            let list = &report.checks[1];
            assert_eq!(list.status, status);
            assert_eq!(list.reason.as_deref(), Some(reason));
            assert_eq!(report.checks[2].reason.as_deref(), of_runs);
            has(&list.message, words);
            has(&list.request.as_ref().unwrap().url, "next=app-50");
            has(&report.not_checked.join("\n"), "of the list");
            if second == 403 {
                let words = "refused the next page of the list (403), after 50 apps";
                has(&report.message, words);
            }
        }
    }
}

#[test]
fn an_app_that_is_in_no_list_is_none_of_the_tokens() {
    let server = Bitrise::start(|asked, _| match asked {
        Asked::Page(_) => Answer::fine(asked, 120).counting(120),
        Asked::Runs(500) => Answer::status(404),
        _ => Answer::fine(asked, 120),
    });
    for (slugs, line) in [
        (&["app-500"][..], "the 120 apps"),
        (&["app-1", "app-500"], "119 of the 120 apps"),
    ] {
        let report = checked(&server.base_url(), &chosen(slugs));
        assert_eq!(report.apps.total, Some(120));
        assert_eq!(report.apps.checked, slugs.len() as u64);
        has(&report.not_checked.join("\n"), line);
    }
    let program = Program::verify(&server.base_url());
    let args = ["-o", "junit", "--app", "app-1", "--app", "app-500"];
    let text = program.args(args).run().stdout;
    for (name, count) in [("readable", 1), ("denied", 1), ("not-checked", 119)] {
        has(&text, &format!("name=\"{name}\" value=\"{count}\""));
    }
}

#[test]
fn the_largest_count_that_any_page_gives_is_believed() {
    // What the first page counts, what the last one is, and how many apps there are.
    let empty = r#"{"data":[]}"#;
    let null = r#"{"data":null,"paging":null}"#;
    let of = |count| Answer::page(50..60, None).counting(count).body;
    for (first, last, total) in [
        (100, empty, Some(100)),
        (100, null, Some(100)),
        (100, &of(60), Some(100)),
        (60, &of(100), Some(100)),
        (60, &of(3), Some(60)),
        (0, &of(60), Some(60)),
        (3, &of(3), Some(60)),
    ] {
        let last = last.to_owned();
        let server = Bitrise::start(move |asked, _| match asked {
            Asked::Page(0) => Answer::page(0..50, Some(50)).counting(first),
            Asked::Page(_) => Answer::ok(&last),
            _ => Answer::fine(asked, 60),
        });
        let report = all(&server, 8);
        assert_eq!(report.apps.total, total, "{first}");
        if total == Some(report.apps.checked) {
            assert_eq!(report.outcome(), "verified", "{first}");
        } else {
            assert_eq!(report.outcome(), "unexpected_response", "{first}");
            lacks(&report.message, "all");
        }
    }
}

#[test]
fn paging_of_another_shape_is_no_end_of_the_list() {
    for paging in [
        r#"{"next":7}"#,
        r#"{"next":["app-50"]}"#,
        r#"{"next":{"slug":"app-50"}}"#,
        r#"{"next":true}"#,
        "[]",
        r#""app-50""#,
    ] {
        let body = Answer::page(0..50, None).body;
        let (data, _) = body.split_once(r#","paging""#).unwrap();
        let body = format!(r#"{data},"paging":{paging}}}"#);
        let server = Bitrise::start(move |asked, _| match asked {
            Asked::Page(_) => Answer::ok(&body),
            _ => Answer::fine(asked, 50),
        });
        let found = all(&server, 8);
        assert_eq!(found.outcome(), "unexpected_response", "{paging}");
        assert_eq!((found.apps.total, found.apps.checked), (None, 50));
        // One app is one app, whatever else there is.
        let first = first(&server.base_url());
        assert_eq!(first.outcome(), "verified", "{paging}");
        assert_eq!(first.apps.total, None);
    }
}

#[test]
fn a_page_of_apps_for_every_path_is_no_page_of_runs() {
    // What answers each of the three kinds of request, and the apps to check.
    let (apps, runs) = (Asked::Page(0), Asked::Runs(0));
    for (answers, choice, details) in [
        ([apps, apps, apps], Selection::First, false),
        ([apps, apps, apps], Selection::First, true),
        ([runs, runs, runs], Selection::All, false),
        // Nor is a list the details of one run.
        ([apps, runs, runs], Selection::First, true),
    ] {
        let server = Bitrise::start(move |asked, _| match asked {
            Asked::Page(_) => Answer::fine(answers[0], 3),
            Asked::Runs(_) => Answer::fine(answers[1], 3),
            _ => Answer::fine(answers[2], 3),
        });
        let mut plan = plan(choice, 1);
        plan.options.details = details;
        let report = checked(&server.base_url(), &plan);
        assert_eq!(report.outcome(), "unexpected_response", "{answers:?}");
    }
}

#[test]
fn a_disabled_app_that_is_refused_decides_only_if_dx_looks_at_it_or_nothing_else_is_readable() {
    // The disabled apps, the refused ones, the apps that are asked for, and what follows.
    for (disabled, refused, named, expected) in [
        (1, &[1][..], None, "verified"),
        (1, &[1], Some(&["app-2", "app-1"][..]), "verified"),
        (1, &[1], Some(&["app-1"]), "pipelines_denied"),
        (0, &[0], None, "pipelines_denied"),
        (1, &[0, 1, 2], None, "pipelines_denied"),
        (1, &[1, 2], None, "pipelines_denied"),
        (1, &[2], None, "pipelines_denied"),
    ] {
        let server = Bitrise::start(move |asked, _| match asked {
            Asked::Page(_) => Answer::fine(asked, 3).disabling(disabled),
            Asked::Runs(app) if refused.contains(&app) => Answer::status(404),
            _ => Answer::fine(asked, 3),
        });
        let case = format!("{disabled} {refused:?} {named:?}");
        let plan = named.map_or_else(|| plan(Selection::All, 1), chosen);
        let report = checked(&server.base_url(), &plan);
        assert_eq!(report.outcome(), expected, "{case}");
        let is_aside = expected == "verified" || refused.len() == 2;
        let is_warned = report.warned().contains(&"disabled_app");
        assert_eq!(is_warned, is_aside, "{case}");
        let is_passed = report.check("pipelines.list").status == "pass";
        assert_eq!(is_passed, expected == "verified", "{case}");
    }
}

#[test]
fn what_could_not_be_asked_is_shown_before_a_disabled_app_that_is_refused() {
    let server = Bitrise::start(|asked, _| match asked {
        Asked::Page(_) => Answer::fine(asked, 3).disabling(1),
        Asked::Runs(1) => Answer::status(404),
        Asked::Runs(2) => Answer::status(409),
        _ => Answer::fine(asked, 3),
    });
    let report = all(&server, 1);
    assert_eq!(report.outcome(), "unexpected_status");
    assert_eq!(report.check("pipelines.list").reason, report.reason);
}

#[test]
fn nobody_is_the_app_that_dx_looks_at_if_the_first_item_is_none() {
    for (item, is_first) in [
        (r#"{"title":"No slug"}"#, false),
        (r#"{"slug":"app-7"}"#, true),
    ] {
        let body = Answer::page(0..3, None).body;
        let body = body.replacen('[', &format!("[{item},"), 1);
        let server = Bitrise::start(move |asked, _| match asked {
            Asked::Page(_) => Answer::ok(&body),
            Asked::Runs(_) => Answer::status(404),
            _ => Answer::fine(asked, 8),
        });
        for plan in [
            plan(Selection::First, 1),
            plan(Selection::All, 1),
            chosen(&["app-0"]),
        ] {
            let report = found(settings(&server.base_url()), &plan, pending());
            assert_eq!(report.reason(), Some(Reason::PipelinesDenied));
            assert_eq!(report.list.begins_with_app, Some(is_first));
            let is_asked = plan.options.selection != Selection::Named;
            assert_eq!(report.apps[0].is_first, is_first && is_asked);
            let said = render(report);
            schema::read(&said);
            let again = render(bitrise_dx::diagnosis::read(&said).unwrap());
            for json in [said, again] {
                assert!(is_first || !json.contains("first app"), "{json}");
            }
        }
    }
}

#[test]
fn a_gateways_own_refusal_blames_nobody() {
    let basic = "WWW-Authenticate: Basic realm=\"gate\"\r\n";
    let windows = "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\n";
    let (html, page) = ("Content-Type: text/html\r\n", "<html>no");
    let xml = "<?xml version=\"1.0\"?><Error>AccessDenied</Error>";
    let utf_16 = "\u{feff}{\0\"\0m\0\"\0}\0";
    let of_gateway = r#"{"error":{"code":401,"message":"no"}}"#;
    let of_another = r#"{"fault":"no route"}"#;
    let whole = [
        (401, "", ["Unauthorized", "{}", of_gateway, utf_16]),
        (401, basic, ["", "{}", page, xml]),
        (401, windows, ["", "{}", page, xml]),
        (403, "", ["Forbidden", "{}", "", "[]"]),
        (403, "", [page, xml, "no", "{"]),
        (404, "", ["Not Found", "{}", "[]", of_another]),
        (404, "", [page, xml, "no", "{"]),
        (404, html, [page, xml, "no", "{"]),
        (403, html, [page, xml, "no", ""]),
        (401, html, [page, xml, "no", "{"]),
    ];
    let whole = whole
        .into_iter()
        .flat_map(|(status, headers, bodies)| bodies.map(|body| response(status, headers, body)));
    let cut = "HTTP/1.1 404 X\r\nContent-Length: 99\r\n\r\n<html><h1>Gone";
    for refusal in whole.chain([cut.into()]) {
        for path in ["/apps?", "/pipelines"] {
            let shown = String::from_utf8_lossy(&refusal).into_owned();
            let refusal = refusal.clone();
            let server = Server::start(move |request, _| {
                if request.target.contains(path) {
                    Act::Send(refusal.clone())
                } else {
                    healthy_response(request)
                }
            });
            let report = first(&server.base_url());
            assert_eq!(report.outcome(), "intercepted", "{path} {shown}");
        }
    }
}

#[test]
fn a_file_names_the_apps() {
    let server = Bitrise::refusing(5, 404, |asked| matches!(asked, Asked::Runs(2 | 7)));
    let list = "\u{feff}# what DX must see\r\napp-1\r\n\r\napp-2 # hidden\napp-7\napp-1\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apps.txt");
    fs::write(&path, list).unwrap();
    let program = |format| Program::verify(&server.base_url()).args(["-o", format, "--apps-file"]);
    let file = program("json").arg(&path).run();
    let input = program("json").arg("-").run_with_input(list.as_bytes());
    for finished in [file, input] {
        let report = finished.report();
        assert_eq!((finished.code, report.exit_code), (Some(5), 5));
        let of = |app: &AppItem| {
            (
                number(app),
                app.reason.as_ref().unwrap_or(&app.status).clone(),
            )
        };
        let apps: Vec<_> = report.apps.items.iter().map(of).collect();
        let expected = [
            (1, "readable"),
            (2, "pipelines_denied"),
            (7, "app_not_accessible"),
        ];
        assert_eq!(apps, expected.map(|(app, what)| (app, what.to_owned())));
    }
    let human = program("human").arg(&path).run().stdout;
    for row in [
        "  App number 2  Team 2               app-2  404",
        "  (no title)    (unknown workspace)  app-7  404, not in the list",
    ] {
        assert!(human.lines().any(|line| line == row), "{human}");
    }
}

#[test]
fn the_sandbox_can_be_large_and_far_away() {
    let args = "sandbox --scenario partial-permissions --apps 130 --latency 20ms";
    let served = Served::start(Program::new(args.split(' ')));
    let verify = |args: &[&str]| {
        let program = Program::verify(&served.base_url).args(["-o", "json"]);
        let program = args.iter().fold(program, Program::arg);
        program.env("BITRISE_TOKEN", TOKEN).run().report()
    };
    let (every, one) = (verify(&["--all-apps", "--concurrency", "64"]), verify(&[]));
    assert_eq!(every.outcome(), "pipelines_denied");
    let is_refused = |app: &u64| matches!(app % 12, 1 | 4 | 7 | 8 | 10);
    let refused = (0..130).filter(is_refused).count() as u64;
    assert_eq!((every.apps.total, every.apps.denied), (Some(130), refused));
    assert_eq!(one.verdict, "verified");
    assert!(one.duration_ms >= Some(40), "{one:?}");
    let inside = Program::new(["verify", "--sandbox", "partial-permissions", "--all-apps"]).run();
    assert_eq!(inside.code, Some(5));
}

#[test]
fn people_see_twenty_apps_by_workspace_and_how_many_more() {
    let server = Bitrise::start(|asked, _| match asked {
        Asked::Runs(app) if app < 36 && app % 2 == 1 => Answer::status(403),
        Asked::Runs(2 | 4 | 40 | 42) => Answer::status(500),
        _ => Answer::fine(asked, 60),
    });
    let program = Program::verify(&server.base_url()).args(["--all-apps", "--retries", "0"]);
    let text = program.env("LANG", "C.UTF-8").run().stdout;
    let from = text.find("Apps that could not be read").unwrap();
    let to = text.find("\nThe token sees").unwrap();
    insta::assert_snapshot!(&text[from..to], @r"
    Apps that could not be read (22 of the 60 checked)
      App number 1   Team 1  app-1   403
      App number 3   Team 0  app-3   403
      App number 5   Team 2  app-5   403
      App number 7   Team 1  app-7   403
      App number 9   Team 0  app-9   403
      App number 11  Team 2  app-11  403
      App number 13  Team 1  app-13  403
      App number 15  Team 0  app-15  403
      App number 17  Team 2  app-17  403
      App number 19  Team 1  app-19  403
      App number 21  Team 0  app-21  403
      App number 23  Team 2  app-23  403
      App number 25  Team 1  app-25  403
      App number 27  Team 0  app-27  403
      App number 29  Team 2  app-29  403
      App number 31  Team 1  app-31  403
      App number 33  Team 0  app-33  403
      App number 35  Team 2  app-35  403
      App number 2   Team 2  app-2   server_error (500)
      App number 4   Team 1  app-4   server_error (500)
      and 2 more: the report in JSON has them all
    ");
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_by_more_than_a_report_needs() {
    let measure = |apps: usize| {
        let server = Bitrise::with(apps);
        let program = Program::verify(&server.base_url()).args(["-o", "json", "--all-apps"]);
        let (peak, finished) = crate::support::process::peak_of(program);
        assert_eq!(finished.report().apps.readable, apps as u64);
        assert_eq!(server.count(), apps + apps / 50);
        peak
    };
    let (few, many) = (measure(500), measure(3_500));
    let each = many.saturating_sub(few) * 1024 / 3_000;
    assert!(each <= 1024, "{each} bytes an app");
}

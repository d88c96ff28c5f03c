//! The client on real sockets: what it sends, and what it makes of what comes back.

use crate::support::bitrise::Answer;
use crate::support::client::{TOKEN, block_on, settings};
use crate::support::in_time;
use crate::support::process::Program;
use crate::support::server::{
    Act, NO_RUNS, ONE_APP, Server, healthy, http2, json, response, unused,
};
use crate::support::tls::{GOOD, TlsServer};
use bitrise_dx::api::{Client, Pause, Settings};
use bitrise_dx::app::Slug;
use bitrise_dx::exchange::{Body, Exchange, FaultKind, Responder, Response};
use bitrise_dx::proxy::{ProxyUrl, Route};
use bitrise_dx::text::Untrusted;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

fn with_retries(base_url: &str, retries: u32) -> Settings {
    let mut settings = settings(base_url);
    settings.retry.retries = retries;
    settings
}

fn apps(settings: Settings) -> Exchange {
    block_on(async { Client::new(settings).unwrap().apps(None).await })
}

/// Returns after how many attempts which status was the last one.
fn attempts(settings: Settings) -> (u32, Option<u16>) {
    let seen = apps(settings);
    (seen.attempts, seen.outcome.unwrap().status)
}

/// Returns the response to a request for the apps.
fn response_of(server: &Server) -> Response {
    apps(settings(&server.base_url())).outcome.unwrap()
}

fn sending(bytes: impl Into<Vec<u8>>) -> Server {
    let bytes = bytes.into();
    Server::always(move || Act::Send(bytes.clone()))
}

#[test]
fn the_requests_are_those_that_dx_makes() {
    let server = healthy();
    let slug = Slug::try_from("a/b c".to_owned()).unwrap();
    let http_version = block_on(async {
        let client = Client::new(settings(&server.base_url())).unwrap();
        client.apps(None).await;
        client.pipelines(&slug, 1).await;
        let run = client
            .pipeline(&slug, &Slug::try_from("run".to_owned()).unwrap())
            .await;
        run.outcome.unwrap().http_version
    });
    assert_eq!(http_version.as_deref(), Some("HTTP/1.1"));
    let requests = server.requests();
    let starts = [
        "GET /v0.1/apps?limit=50 ",
        "GET /v0.1/apps/a%2Fb%20c/pipelines?limit=1 ",
        "GET /v0.1/apps/a%2Fb%20c/pipelines/run ",
    ];
    assert_eq!(requests.len(), starts.len());
    for (request, start) in requests.iter().zip(starts) {
        assert!(request.head.starts_with(start), "{}", request.head);
        assert_eq!(request.header("authorization"), Some(TOKEN));
        assert_eq!(request.header("accept"), Some("application/json"));
        let agent = request.header("user-agent").unwrap();
        let name = concat!("bitrise-dx/", env!("CARGO_PKG_VERSION"), " (+https://");
        assert!(agent.starts_with(name), "{agent}");
        assert_eq!(request.head.matches(TOKEN).count(), 1, "{}", request.head);
    }
}

#[test]
fn a_response_that_came_before_its_request_is_no_response_to_it() {
    let whole = |status: u16, body: &str| {
        let response = String::from_utf8(response(status, "", body)).unwrap();
        response.replace("Connection: close\r\n", "")
    };
    let server = Server::start(move |request, _| {
        let early = if request.target.contains("pipelines") {
            return json(404, "{}");
        } else {
            whole(200, ONE_APP) + &whole(200, NO_RUNS)
        };
        Act::SendAndHold(early.into_bytes())
    });
    let slug = Slug::try_from("app-one".to_owned()).unwrap();
    let seen = block_on(async {
        let client = Client::new(settings(&server.base_url())).unwrap();
        assert_eq!(client.apps(None).await.outcome.unwrap().status, Some(200));
        client.pipelines(&slug, 1).await
    });
    assert_eq!(seen.outcome.unwrap().status, Some(404));
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn transient_failures_are_tried_again_and_told() {
    let server = Server::start(|_, number| match number {
        0 => Act::Send(response(503, "Retry-After: 0\r\n", "<html>")),
        1 => Act::Send(Vec::new()),
        2 => json(429, "{}"),
        _ => json(200, ONE_APP),
    });
    let pauses = Rc::new(RefCell::new(Vec::new()));
    let told = Rc::clone(&pauses);
    let mut settings = with_retries(&server.base_url(), 5);
    settings.on_pause = Box::new(move |pause: &Pause| told.borrow_mut().push(pause.clone()));
    assert_eq!(attempts(settings), (4, Some(200)));
    let pauses = pauses.borrow();
    let after = pauses
        .iter()
        .map(|pause| pause.after.as_ref().ok().copied());
    let after: Vec<_> = after.collect();
    assert_eq!(after, [Some(Some(503)), None, Some(Some(429))]);
    assert!(pauses.iter().all(|pause| pause.most == 6));
}

#[test]
fn an_answer_is_not_asked_for_twice_and_a_fault_until_attempts_end() {
    let wait = "Retry-After: 0\r\n";
    // A 403 with `Retry-After` is a rate limit.
    let refused = [("", 403), ("X-RateLimit-Remaining: 1\r\n", 403)];
    let answers = [200, 302, 400, 401, 404, 418].map(|status| (wait, status));
    let faults = [("", 502, 6)].into_iter();
    let answers = { answers.into_iter().chain(refused) }.map(|(wait, status)| (wait, status, 1));
    for (headers, status, made) in answers.chain(faults) {
        let server = sending(response(status, headers, "{}"));
        let seen = attempts(with_retries(&server.base_url(), 5));
        assert_eq!(seen, (made, Some(status)), "{headers}");
        assert_eq!(server.requests().len(), made as usize);
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let other = healthy();
    let location = format!("Location: {}/apps?secret=1\r\n", other.base_url());
    let server = sending(response(307, &location, ""));
    let response = response_of(&server);
    assert_eq!(response.status, Some(307));
    assert_eq!(response.location_host, Some(Untrusted::new("127.0.0.1")));
    assert_eq!(other.requests().len(), 0);
}

#[test]
fn silence_ends_with_the_time_for_an_attempt_or_for_the_run() {
    let server = Server::always(|| Act::SendAndHold(Vec::new()));
    // On a busy machine it may already be the connection that takes too long.
    let seen = in_time(|time| {
        let mut once = with_retries(&server.base_url(), 1);
        once.timeout = time;
        let seen = apps(once);
        let is_late = matches!(&seen.outcome, Err(fault) if fault.kind == FaultKind::Timeout);
        is_late
            .then_some(seen.attempts)
            .ok_or(format!("{:?}", seen.outcome))
    });
    assert_eq!(seen, 2);
    let mut whole = with_retries(&server.base_url(), 100);
    whole.max_time = Duration::from_millis(50);
    let seen = apps(whole);
    assert_eq!(seen.outcome.unwrap_err().kind, FaultKind::MaxTime);
    assert_eq!(seen.attempts, 1);
}

#[test]
fn a_status_stands_even_where_its_body_does_not_come() {
    for status in [200, 401] {
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: 100\r\n\r\n{{\"data\"");
        let response = response_of(&sending(head.clone()));
        assert_eq!(response.status, Some(status));
        assert!(matches!(&response.body, Body::Cut(error) if error.kind == FaultKind::Closed));

        let silent = Server::always(move || Act::SendAndHold(head.clone().into_bytes()));
        let response = in_time(|time| {
            let mut hurried = settings(&silent.base_url());
            hurried.timeout = time;
            apps(hurried).outcome.map_err(|fault| format!("{fault:?}"))
        });
        assert_eq!(response.status, Some(status));
        assert!(matches!(&response.body, Body::Cut(error) if error.kind == FaultKind::Timeout));
    }
}

#[test]
fn bodies_are_told_apart_by_what_they_hold() {
    let kind = |headers: &str, body: &str| match response_of(&sending(response(200, headers, body)))
        .body
    {
        Body::Json(_) => "json",
        Body::Html => "html",
        Body::Word => "word",
        Body::Other => "other",
        Body::Empty => "empty",
        Body::TooLarge => "too large",
        Body::Cut(_) => "cut",
    };
    let as_json = "Content-Type: application/json\r\n";
    let as_html = "Content-Type: text/html\r\n";
    let large = format!("[\"{}\"]", "x".repeat(1024 * 1024));
    for (headers, body, expected) in [
        (as_html, "{}", "json"),
        (as_json, "\n <!DOCTYPE html><title>Log in</title>", "html"),
        (as_html, "Log in, please", "html"),
        ("", "<HTML>", "html"),
        (as_json, "{\"data\": [", "other"),
        ("", "Blocked.", "other"),
        (as_json, "", "empty"),
        (as_json, &large, "too large"),
    ] {
        assert_eq!(kind(headers, body), expected, "{headers}{body:.80}");
    }
}

#[test]
fn a_token_that_comes_back_is_not_kept() {
    let body = format!(r#"{{"message":"bad {TOKEN}","data":[{{"slug":"s","title":"{TOKEN}"}}]}}"#);
    let headers = format!("X-Request-Id: {TOKEN}\r\nLocation: http://{TOKEN}.example/\r\n");
    let server = sending(response(403, &headers, &body));
    let exchange = apps(settings(&server.base_url()));
    let kept = format!("{exchange:?}");
    assert!(!kept.contains(TOKEN), "{kept}");
    assert!(kept.contains("bad bitwat_[token]"), "{kept}");
}

#[test]
fn who_answered_is_told_where_it_was_not_bitrise() {
    let page = format!("<html><TITLE>Access &amp; {TOKEN}\n denied</TITLE>");
    let page = page + &"x".repeat(100_000);
    let headers = format!(
        "Server: squid/6.1\r\nVia: 1.1 gate-1\r\nVia: 1.1 gate-2\r\nX-Squid-Error: {TOKEN}\r\n\
         Set-Cookie: a=b\r\nX-Zscaler-Policy: block\r\n"
    );
    for (status, act) in [(403, true), (200, true), (403, false)] {
        let bytes = response(status, &headers, &page);
        let cut = bytes.len() - usize::from(!act) * 90_000;
        let response = response_of(&sending(&bytes[..cut]));
        assert!(matches!(response.body, Body::Html));
        let title = response.responder.title.as_ref().map(Untrusted::raw);
        assert_eq!(title, Some("Access & bitwat_[token] denied"));
        let named = response.responder.headers.iter();
        let named = named.map(|header| (header.name.raw(), header.value.raw()));
        let named: Vec<_> = named.collect();
        let expected = [
            ("Server", "squid/6.1"),
            ("Via", "1.1 gate-1, 1.1 gate-2"),
            ("X-Squid-Error", "bitwat_[token]"),
            ("X-Zscaler-*", "block"),
        ];
        assert_eq!(named, expected);
    }
    let server = |body| sending(response(200, "Server: nginx\r\n", body));
    let bitrises = response_of(&server(ONE_APP));
    assert_eq!(bitrises.responder, Responder::default());
    let another = response_of(&server(r#"{"result":[1]}"#));
    assert_eq!(another.responder.headers.len(), 1);
}

#[test]
fn a_challenge_is_kept_in_the_servers_own_words() {
    let headers = format!(
        "WWW-Authenticate: Basic realm=\"x\"\r\n\
         WWW-Authenticate: Bearer error_description=\"The token {TOKEN} \\\"expired\\\"\"\r\n"
    );
    let response = response_of(&sending(response(401, &headers, "{}")));
    let words = response.challenge.as_ref().map(Untrusted::raw);
    assert_eq!(words, Some("The token bitwat_[token] \"expired\""));
}

#[test]
fn the_address_of_the_other_side_is_told_with_every_outcome() {
    let at = |base_url: &str| apps(settings(base_url)).remote_address;
    let server = healthy();
    let address = server.address();
    assert_eq!(at(&server.base_url()), Some(address));
    let by_name = format!("http://localhost:{}/v0.1", address.port());
    assert_eq!(at(&by_name), Some(address));
    let closed = sending("");
    assert_eq!(at(&closed.base_url()), Some(closed.address()));

    let unused = unused();
    assert_eq!(at(&format!("http://{unused}/v0.1")), Some(unused));
    // By its name it may have several addresses, of which the first is told.
    let tried = at(&format!("http://localhost:{}/v0.1", unused.port())).unwrap();
    assert!(tried.ip().is_loopback() && tried.port() == unused.port());
    let nowhere = format!("https://{}.example/v0.1", "a".repeat(64));
    assert_eq!(at(&nowhere), None);

    let tls = TlsServer::start(healthy());
    let mut trusting = settings(&tls.base_url());
    trusting.roots.extra = Some(tls.ca_pem.clone().into_bytes());
    assert_eq!(apps(trusting).remote_address, Some(tls.address));
    assert_eq!(at(&tls.base_url()).unwrap().port(), tls.address.port());
}

#[test]
fn a_403_that_is_a_rate_limit_is_waited_for() {
    let limits = [
        ("Retry-After: 0\r\n", "{}"),
        ("X-RateLimit-Remaining: 0\r\n", r#"{"message":"slow down"}"#),
        ("RateLimit-Remaining: 0\r\n", ""),
        ("", r#"{"message":"API rate limit exceeded"}"#),
    ];
    for (headers, body) in limits {
        let server = Server::start(move |_, number| match number {
            0 => Act::Send(response(403, headers, body)),
            _ => json(200, ONE_APP),
        });
        let seen = attempts(with_retries(&server.base_url(), 1));
        assert_eq!(seen, (2, Some(200)), "{headers}{body}");
    }
}

#[test]
fn behind_a_proxy_the_address_is_the_proxys_and_its_words_are_kept() {
    const DENIED: &str = "HTTP/1.1 403 Forbidden\r\nServer: squid\r\nX-Squid-Error: ERR_ACCESS_DENIED\r\n\
        Content-Length: 27\r\n\r\n<html><title>Denied</title>";
    let server = TlsServer::start(healthy());
    let through = |proxy: &Server| {
        let mut settings = settings(&server.base_url());
        settings.roots.extra = Some(server.ca_pem.clone().into_bytes());
        let url = format!("http://{}", proxy.address());
        settings.route = Route::Proxy(ProxyUrl::parse(&url).unwrap());
        apps(settings)
    };
    let open = Server::always(|| Act::Open);
    let seen = through(&open);
    assert_eq!(seen.remote_address, Some(open.address()));
    assert_eq!(seen.outcome.unwrap().status, Some(200));

    let closed = Server::always(|| Act::SendAndHold(DENIED.into()));
    let seen = through(&closed);
    assert_eq!(seen.remote_address, Some(closed.address()));
    let fault = seen.outcome.unwrap_err();
    assert_eq!(fault.kind, FaultKind::ProxyRefused);
    let words = fault.proxy.unwrap();
    assert_eq!((words.status, words.had_credentials), (403, false));
    let title = words.responder.title.as_ref().map(Untrusted::raw);
    assert_eq!(title, Some("Denied"));
    assert_eq!(words.responder.headers.len(), 2);
}

#[test]
fn large_bodies_over_one_connection_do_not_wait_for_each_other() {
    const RUN: &str = r#",{"id":"run","is_pipeline":true,"env":"%25"}"#;
    let apps = Answer::page(0..12, None).body;
    let runs = format!(r#"{{"data":[{{}}{}]}}"#, RUN.repeat(500_000 / RUN.len()));
    let plain = http2(move |target| {
        let is_list = !target.contains("pipelines");
        if is_list { &apps } else { &runs }.clone()
    });
    let mut identity = GOOD;
    identity.http2 = true;
    let server = TlsServer::with(identity, plain);
    let program = Program::verify(&server.base_url()).args(["--all-apps", "-o", "json"]);
    let program = program.args(["--concurrency", "12", "--retries", "0"]);
    let report = program.arg("--ca-cert").arg(&server.ca).run().report();
    assert_eq!(report.verdict, "verified", "{}", report.message);
}

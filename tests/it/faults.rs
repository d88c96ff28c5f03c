//! Nothing that happens on the way is blamed on the token, whatever it is, and every run ends.
//!
//! Each case is the program as a process, against something real that misbehaves.

use crate::formats::OUTPUTS;
use crate::schema::{self, Report};
use crate::support::process::{Finished, Program};
use crate::support::server::{
    Act, Request, Server, deaf, healthy, resetting, response, speaking_first, unused,
};
use crate::support::tls::{GOOD, Identity, TlsServer};
use crate::support::{as_argument, has, in_time, lacks};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::thread;

/// A time that is to be over, for what never comes.
const SHORT: [&str; 2] = ["--timeout", "200ms"];

/// Prepares a run that asks once.
fn once(base_url: &str) -> Program {
    Program::verify(base_url).args(["--retries", "0"])
}

/// Runs the program for scripts and for people, and returns the report and what people read, in
/// one line.
fn both(program: impl Fn() -> Program) -> (Report, String) {
    let json = program().args(["-o", "json"]);
    let human = program().env("LANG", "C.UTF-8");
    // Side by side, since some wait until their time is over.
    let (json, human) = thread::scope(|scope| {
        let human = scope.spawn(|| human.run());
        (json.run(), human.join().unwrap())
    });
    assert_eq!(json.code, Some(4), "{}", json.everything());
    assert_eq!(json.stderr, "");
    assert_eq!(human.code, Some(4));
    (schema::read(&json.stdout), one_line(&human))
}

fn one_line(finished: &Finished) -> String {
    let words: Vec<_> = finished.stdout.split_whitespace().collect();
    words.join(" ")
}

/// Asserts that a fault which the list of apps met has its reason, its parts of sentences in the result,
/// in the check and in the place of the failure, and is not blamed on the token.
fn told(program: impl Fn() -> Program, reason: &str, [result, words, place]: [&str; 3]) {
    let (report, text) = both(program);
    assert_eq!(report.outcome(), reason, "{text}");
    assert_eq!(report.dx_error, None);
    assert_eq!(report.token.state, "not_tested");
    let mut tried = report.checks.iter().filter(|check| check.request.is_some());
    let check = tried.next().unwrap();
    assert_eq!(tried.next(), None, "one request decides");
    let what = (check.id.as_str(), check.status.as_str(), &check.reason);
    assert_eq!(what, ("apps.list", "unknown", &report.reason));
    let request = check.request.as_ref().unwrap();
    let point = request.failure_point.as_deref().unwrap();
    has(&report.message, result);
    has(&check.message, words);
    has(&request.outcome, words);
    has(point, place);
    // The same for people, and that the token had no part in it.
    for part in [&report.message, &check.message, point, "not tested"] {
        has(&text, part);
    }
}

fn url(scheme: &str, address: SocketAddr) -> String {
    format!("{scheme}://{address}/v0.1")
}

#[test]
fn a_connection_that_fails_or_breaks_is_told_by_where_it_broke() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n";
    const AFTER: &str = "failed at: the response of 127.0.0.1";
    const CLOSED: &str = "connection was closed before the response was complete";
    let failed = |base_url: &str, words: &str| {
        told(
            || once(base_url),
            "connection_failed",
            [words, words, AFTER],
        );
    };
    let refused = [
        "refused the connection",
        "connection was refused",
        "the connection to 127.0.0.1",
    ];
    let nobody = url("http", unused());
    told(|| once(&nobody), "connection_failed", refused);
    failed(&url("http", resetting()), CLOSED);
    for head in ["", "HTTP/1.1 2", HEAD, &format!("{HEAD}\r\n{{\"data\":")] {
        for act in [Act::Send, Act::SendAndReset] {
            let head = head.to_owned();
            let server = Server::always(move || act(head.clone().into()));
            failed(&server.base_url(), CLOSED);
        }
    }
    let server = Server::always(|| Act::Send("SSH-2.0-OpenSSH_9.6\r\n\r\n".into()));
    failed(&server.base_url(), "what came back is not HTTP");
    let gzip = "Content-Encoding: gzip\r\n";
    let server = Server::always(move || Act::Send(response(200, gzip, "{\"data\": []}")));
    failed(&server.base_url(), "body could not be decoded");
}

#[test]
fn a_name_that_leads_nowhere_is_no_connection() {
    let name = format!("https://{}.example/v0.1", "a".repeat(64));
    let expected = [
        "was not found (DNS)",
        "could not be resolved",
        "failed at: the look-up of ",
    ];
    told(|| once(&name), "dns_failure", expected);
}

/// What a proxy does with the bytes that it says.
type Answer = fn(Vec<u8>) -> Act;

/// What is to be wrong with a certificate.
type Change = fn(&mut Identity);

#[test]
fn each_fault_of_tls_has_its_own_words_and_names_the_issuer() {
    const PLACE: &str = "failed at: the TLS handshake with ";
    let plain = speaking_first(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let told_once = |address, words: &str| {
        let report = once(&url("https", address)).report();
        assert_eq!(report.outcome(), "tls_failure");
        has(&report.message, words);
    };
    told_once(plain, "does not speak TLS");
    // The alert by which a server refuses our version of TLS.
    let alert = speaking_first(b"\x15\x03\x01\x00\x02\x02\x46");
    told_once(alert, "no common TLS version");

    let elsewhere = "for another host name (for elsewhere.example)";
    let changes: [(Change, &str); 6] = [
        (|it| it.issuer = None, "is self-signed"),
        (|it| it.years = (2001, 2002), "has expired (on 2002-12-31)"),
        (|it| it.is_authority = true, "an authority's own (CA:TRUE)"),
        (|it| it.years = (3000, 3001), "not valid yet"),
        (|it| it.name = "elsewhere.example", elsewhere),
        (
            |it| it.wants_clients = true,
            "asks for a client certificate",
        ),
    ];
    for (change, words) in changes {
        let mut identity = GOOD;
        change(&mut identity);
        let server = TlsServer::with(identity, healthy());
        let program = || once(&server.base_url()).arg("--ca-cert").arg(&server.ca);
        told(program, "tls_failure", [words, words, PLACE]);
        let (_, text) = both(program);
        let names_issuer = text.contains("it was issued by “Loopback Test CA”");
        let has_other_issuer = identity.issuer.is_none() || identity.wants_clients;
        assert_eq!(names_issuer, !has_other_issuer, "{text}");
        assert_eq!(server.plain.requests().len(), 0);
    }
}

#[test]
fn an_inspecting_proxy_is_recognised_by_its_authority() {
    const INSPECTOR: &str = "Corp \u{1b}[31mInspection CA";
    let inspector = Identity {
        issuer: Some(INSPECTOR),
        ..GOOD
    };
    let server = TlsServer::with(inspector, healthy());
    // One trusted root is there, so that every machine has some, but it is not this one's.
    let trusted = TlsServer::start(healthy());
    let program = || once(&server.base_url()).arg("--ca-cert").arg(&trusted.ca);
    let (report, text) = both(program);
    assert_eq!(report.outcome(), "tls_failure");
    has(&report.message, "this machine does not trust");
    has(&report.message, "“Corp \\u{1b}[31mInspection CA”");
    has(
        &text,
        "The certificate of --ca-cert is not the one that signed this",
    );
    assert_eq!(server.plain.requests().len(), 0);
}

#[test]
fn a_connection_cut_at_the_handshake_is_not_a_fault_of_the_certificate() {
    let words = "closed while its encryption was being agreed on";
    let base_url = url("https", resetting());
    let expected = [words, words, "failed at: the TLS handshake with "];
    told(|| once(&base_url), "connection_failed", expected);
}

#[test]
fn http2_that_is_broken_off_is_a_broken_connection() {
    const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
    const RST_STREAM: &[u8] = b"\0\0\x04\x03\0\0\0\0\x01\0\0\0\x02";
    const GOAWAY: &[u8] = b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x02";
    for frame in [RST_STREAM, GOAWAY] {
        let plain = Server::always(move || Act::SendAndHold([SETTINGS, frame].concat()));
        let mut identity = GOOD;
        identity.http2 = true;
        let server = TlsServer::with(identity, plain);
        let program = || once(&server.base_url()).arg("--ca-cert").arg(&server.ca);
        let (report, text) = both(program);
        assert_eq!(report.outcome(), "connection_failed", "{text}");
        has(&report.message, "was closed before");
    }
}

#[test]
fn each_fault_of_a_proxy_has_its_own_words() {
    const AT: &str = "the proxy PROXY, asked to connect to localhost";
    const TO: &str = "the connection to the proxy PROXY; the token was not sent";
    const BEHIND: &str = "the TLS handshake with localhost";
    const SOMEWHERE: &str = "the connection to or behind the proxy PROXY";
    let server = TlsServer::start(healthy());
    let via = |address: SocketAddr, scheme: &str, reason: &str, words: &str, place: &str| {
        let proxy = format!("{scheme}://{address}");
        let base_url = server.base_url();
        let times: &[&str] = if reason == "timeout" { &SHORT } else { &[] };
        let program = || {
            let program = once(&base_url).arg("--ca-cert").arg(&server.ca);
            let program = program.env("HTTPS_PROXY", &proxy);
            times.iter().fold(program, Program::arg)
        };
        let (report, text) = both(program);
        assert_eq!(report.outcome(), reason, "{text}");
        has(&text, words);
        has(
            &text,
            &format!("failed at: {}", place.replace("PROXY", &proxy)),
        );
    };
    let to_proxy = "no connection to the proxy could be made";
    let failed = "proxy_failure";
    via(unused(), "http", failed, to_proxy, TO);
    via(unused(), "socks5", failed, to_proxy, TO);
    let (refused, closed) = ("did not open a connection", "proxy closed the connection");
    let (late, torn) = ("the connection timed out", "encryption was being agreed on");
    let (login, broken) = ("authentication (407)", "connection_failed");
    let mail = b"220 mail ready\r\n\r\n".to_vec();
    let open = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let cases: [(Answer, _, _, _, _); 8] = [
        (Act::Send, response(407, "", ""), failed, login, AT),
        (Act::Send, response(403, "", ""), failed, refused, AT),
        (Act::Send, response(502, "", ""), failed, refused, AT),
        (Act::Send, Vec::new(), failed, closed, AT),
        (Act::SendAndReset, Vec::new(), failed, closed, AT),
        (Act::Send, mail, failed, refused, AT),
        (Act::SendAndHold, Vec::new(), "timeout", late, SOMEWHERE),
        (Act::SendAndHold, open, broken, torn, BEHIND),
    ];
    for (act, bytes, reason, words, place) in cases {
        let proxy = Server::always(move || act(bytes.clone()));
        via(proxy.address(), "http", reason, words, place);
        for request in proxy.requests() {
            assert!(
                request.head.starts_with("CONNECT localhost:"),
                "{request:?}"
            );
            lacks(&request.head, "CANARY");
        }
    }
    assert_eq!(server.plain.requests().len(), 0);
}

/// Runs through a proxy, and returns the report.
fn through(proxy: &str, base_url: &str) -> Report {
    let program = once(base_url).env("HTTPS_PROXY", proxy);
    program.report()
}

#[test]
fn a_proxy_that_says_the_password_again_is_quoted_without_it() {
    const REFUSAL: &str = "HTTP/1.1 403 Forbidden\r\nServer: box for dana\r\nVia: 1.1 hunter2\r\n\
        X-Squid-Error: ERR dana-Long-User!7 DANA-LONG-USER!7 LONG-PASSW0RD\r\n\
        X-Cache: ZGFuYTpodW50ZXIy ZGFuYS1Mb25nLVVzZXIhNzpMb25nLVBhc3NXMHJk\r\nContent-Length: 71\r\n\r\n\
        <title>Denied: dana, Hunter2, dana-Long-User%217, Long-PassW0rd</title>";
    let base_url = url("https", unused());
    let long = "dana-Long-User%217:Long-PassW0rd";
    for (credentials, secrets) in [
        ("dana:hunter2", ["dana", "hunter2", "zgfuytpodw50zxiy"]),
        (long, ["long-user", "long-passw0rd", "zgfuys1mb25nlv"]),
    ] {
        let proxy = Server::always(|| Act::SendAndHold(REFUSAL.into()));
        let address = format!("http://{credentials}@{}", proxy.address());
        for format in OUTPUTS {
            let program = once(&base_url).env("HTTPS_PROXY", &address);
            let finished = program.args(["-v", "-o", format]).run();
            let shown = finished.everything();
            has(&shown, "[token]");
            for secret in secrets {
                lacks(&shown.to_lowercase(), secret);
            }
        }
    }
}

#[test]
fn a_short_or_foreign_password_of_a_proxy_is_shown_nowhere() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let base_url = url("https", unused());
    let mut quoted = 0;
    for (user, password, written) in [
        ("al", "x9", "al:x9"),
        ("ann", "pw1", "ann:pw1"),
        ("émile", "pÄss-wört", "%C3%A9mile:p%C3%84ss-w%C3%B6rt"),
    ] {
        let both = format!("{user}:{password}");
        let others = format!("guest:{password}");
        let encoded = [&both, &others, &password.to_owned()].map(|text| STANDARD.encode(text));
        let mut said = vec![both, password.to_uppercase(), password.to_lowercase()];
        said.extend(encoded.clone());
        let said = said.join(" Basic ");
        for status in [407, 403, 502] {
            let page = format!("<title>No: {said}</title>");
            let answer = format!(
                "HTTP/1.1 {status} No\r\nServer: {said}\r\nVia: 1.1 {said}\r\n\
                 X-Squid-Error: {said}\r\nContent-Length: {}\r\n\r\n{page}",
                page.len()
            );
            let proxy = Server::always(move || Act::SendAndHold(answer.clone().into()));
            for scheme in ["http://", ""] {
                let address = format!("{scheme}{written}@{}", proxy.address());
                let program = once(&base_url).env("HTTPS_PROXY", &address);
                let shown = program.args(["-v", "-o", "json"]).run().everything();
                // A busy machine may have no time to ask the proxy for its words.
                quoted += usize::from(shown.contains("[token]"));
                let lower = shown.to_lowercase();
                let words: Vec<_> = lower.split(|c: char| !c.is_alphanumeric()).collect();
                for secret in [user, password].map(str::to_lowercase) {
                    assert!(!words.contains(&&*secret), "{secret}: {shown}");
                    assert!(secret.len() <= 2 || !lower.contains(&secret), "{shown}");
                }
                for secret in &encoded {
                    lacks(&lower, &secret.trim_end_matches('=').to_lowercase());
                }
            }
        }
    }
    assert!(quoted > 0);
}

#[test]
fn a_proxy_that_refuses_is_quoted() {
    const NTLM: &str = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Negotiate\r\n\
        Proxy-Authenticate: NTLM\r\nVia: 1.1 gate\r\nContent-Length: 5\r\n\r\n<html";
    const SQUID: &str = "HTTP/1.1 403 Forbidden\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\n\r\n";
    let base_url = url("https", unused());
    for (answer, words) in [
        (NTLM, "authentication (407; it offers Negotiate, NTLM)"),
        (SQUID, "did not open a connection to the host (403)"),
    ] {
        let proxy = Server::always(move || Act::SendAndHold(answer.into()));
        let report = through(&format!("http://user:word@{}", proxy.address()), &base_url);
        assert_eq!(report.outcome(), "proxy_failure");
        has(&report.message, words);
        // It is asked twice, and the second time with the same lines, or without the password.
        let lines = |it: &Request| it.head.lines().map(str::to_lowercase).collect();
        let heads: Vec<BTreeSet<String>> = proxy.requests().iter().map(lines).collect();
        let password = "proxy-authorization: basic dxnlcjp3b3jk".to_owned();
        assert!(heads[0].contains(&password), "{heads:?}");
        let mut expected = heads[0].clone();
        if answer == NTLM {
            expected.remove(&password);
        }
        assert_eq!(heads[1..], [expected]);
    }
    let endless = || Act::SendForEver("HTTP/1.1 403 No\r\nX: ".into(), "x".into());
    let proxy = Server::always(endless);
    let report = through(&format!("http://{}", proxy.address()), &base_url);
    has(
        &report.message,
        "the proxy's response is larger than any real one",
    );
}

#[test]
fn a_fault_of_the_proxys_own_encryption_is_the_proxys() {
    let base_url = url("https", unused());
    let secure = TlsServer::start(healthy());
    let plain = speaking_first(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    for (address, words) in [
        (secure.address, "itself: the certificate was"),
        (plain, "the proxy does not speak TLS"),
        (resetting(), "the proxy closed the connection"),
    ] {
        let report = through(&format!("https://localhost:{}", address.port()), &base_url);
        assert_eq!(report.outcome(), "proxy_failure");
        has(&report.message, words);
    }
}

#[test]
fn a_name_is_looked_up_for_the_proxy_or_for_the_host() {
    let nowhere = format!("{}.example", "a".repeat(64));
    let host = format!("https://{nowhere}/v0.1");
    let report = through(&format!("socks5://{}", unused()), &host);
    assert_eq!(report.outcome(), "dns_failure");
    for scheme in ["http", "https", "socks5", "socks5h"] {
        let proxy = format!("{scheme}://{nowhere}:3128");
        let report = through(&proxy, &url("https", unused()));
        assert_eq!(report.outcome(), "proxy_failure", "{scheme}");
        has(
            &report.message,
            "the proxy's host name could not be resolved",
        );
    }
}

#[test]
fn a_socks_proxy_that_wants_a_password_is_told_from_one_that_refuses() {
    let refusal = b"\x05\x00\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00";
    for (answer, words) in [
        (b"\x05\xff".as_slice(), "the proxy asks for authentication"),
        (refusal, "did not open a connection"),
    ] {
        let proxy = speaking_first(answer);
        let report = through(&format!("socks5h://{proxy}"), &url("https", unused()));
        assert_eq!(report.outcome(), "proxy_failure");
        has(&report.message, words);
    }
}

#[test]
fn foreign_replies_are_never_a_verdict_on_the_token() {
    const PORTAL: &str = "<!DOCTYPE html><title>Sign in</title><p>secret-of-the-portal";
    const HTML: &str = "Content-Type: text/html\r\n";
    const XHTML: &str = "Content-Type: application/xhtml+xml\r\n";
    const JSON: &str = "Content-Type: application/json\r\n";
    const PLAIN: &str = "Content-Type: text/plain\r\n";
    const GZIP: &str = "Content-Encoding: gzip\r\nContent-Type: text/html\r\n";
    const ELSEWHERE: &str = "Location: https://login.corp.example/?t=1\r\n";
    const OTHER_SERVICE: &str = r#"{"status":"ok","result":[1]}"#;
    let large = format!("<html>{}", "x".repeat(11 * 1024 * 1024)).leak();
    let xml = "<Error><Code>AccessDenied</Code></Error>";
    for (status, headers, body, reason) in [
        (200, HTML, PORTAL, "intercepted"),
        (200, JSON, PORTAL, "intercepted"),
        (200, JSON, "", "intercepted"),
        (200, "", "Blocked by policy.", "intercepted"),
        (200, JSON, OTHER_SERVICE, "unexpected_response"),
        (200, JSON, "[]", "unexpected_response"),
        (401, HTML, PORTAL, "intercepted"),
        (403, HTML, PORTAL, "intercepted"),
        (403, "", "Forbidden by firewall", "intercepted"),
        (403, JSON, "[\"denied\"]", "intercepted"),
        (404, HTML, PORTAL, "intercepted"),
        (302, ELSEWHERE, "", "redirected"),
        (302, "", "", "redirected"),
        (511, HTML, PORTAL, "server_error"),
        (418, JSON, OTHER_SERVICE, "unexpected_status"),
        (401, "", large, "intercepted"),
        (401, GZIP, PORTAL, "intercepted"),
        (401, XHTML, "x", "intercepted"),
        (401, "", "<?xml version=\"1.0\"?><html>", "intercepted"),
        (403, "", xml, "intercepted"),
        (401, PLAIN, "<h1>Sign in</h1>", "intercepted"),
    ] {
        let server = Server::always(move || Act::Send(response(status, headers, body)));
        let (report, text) = both(|| once(&server.base_url()).arg("-v"));
        assert_eq!(report.outcome(), reason, "{status} {headers}{body:.80}");
        lacks(&text, "secret-of-the-portal");
        lacks(&text, "?t=1");
    }
}

#[test]
fn a_refusal_in_markup_is_foreign_though_it_never_ends() {
    let head = "HTTP/1.1 401 X\r\nContent-Type: text/html\r\nContent-Length: 9999\r\n\r\n<html>";
    for act in [Act::Send, Act::SendAndHold, Act::SendAndReset] {
        let server = Server::always(move || act(head.into()));
        in_time(|time| {
            let program = once(&server.base_url()).args(["-o", "json"]);
            let finished = program.args(["--timeout", &as_argument(time)]).run();
            let report = schema::read(&finished.stdout);
            let is_told = report.reason.as_deref() == Some("intercepted");
            is_told.then_some(()).ok_or(finished.stdout)
        });
    }
}

/// Peers that would keep a client for ever, and what each of them is.
#[test]
fn every_run_ends_whatever_the_peer_does() {
    const OK: &str = "HTTP/1.1 200 OK\r\n";
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk: &str = format!("40000\r\n{}\r\n", "[".repeat(0x40000)).leak();
    let forever = |first: &'static str, then: &'static str| {
        Server::always(move || Act::SendForEver(first.into(), then.into()))
    };
    let drip = |first: &'static str, then: &'static str| {
        Server::always(move || Act::Drip(first.into(), then.into()))
    };
    let servers = [
        (forever("", "HTTP/1.1 100 Continue\r\n\r\n"), "timeout"),
        (Server::always(|| Act::SendAndHold(Vec::new())), "timeout"),
        (Server::always(|| Act::SendAndHold(OK.into())), "timeout"),
        (drip("", OK), "timeout"),
        (drip(CHUNKED, "1\r\n[\r\n"), "timeout"),
        (forever(OK, "X-A: b\r\n"), "connection_failed"),
        (forever("HTTP/1.1 200 OK\r\nX: ", "b"), "connection_failed"),
        (forever(CHUNKED, chunk), "unexpected_response"),
    ];
    let run = |index: usize, limit: &'static str| {
        let (server, reason) = &servers[index];
        // What ends by itself has all the time.
        let time = if *reason == "timeout" { "200ms" } else { "60s" };
        let program = once(&server.base_url()).args(["-o", "json"]);
        let finished = program.args([limit, time]).run();
        let report = schema::read(&finished.stdout);
        let reason = match (*reason, limit) {
            ("timeout", "--max-time") => "max_time_reached",
            (reason, _) => reason,
        };
        assert_eq!(report.outcome(), reason, "{index} {limit}");
        assert_eq!(finished.code, Some(4));
    };
    // They need not wait for each other.
    thread::scope(|scope| {
        for (index, (_, reason)) in servers.iter().enumerate() {
            // The first one, a flood, keeps a core busy until then: once is enough.
            if index > 0 {
                scope.spawn(move || run(index, "--timeout"));
            }
            // What ends by itself has no part in the other time.
            if *reason == "timeout" {
                scope.spawn(move || run(index, "--max-time"));
            }
        }
    });
}

#[test]
fn a_connection_that_never_comes_about_ends_in_time() {
    // A tenth of the time is left for what does not respond, and on a busy machine that has to be seen.
    const LONG: [&str; 2] = ["--timeout", "1s"];
    let words = "the connection timed out";
    let (address, _kept) = deaf();
    let base_url = url("http", address);
    let expected = [
        "within 1s (--timeout)",
        words,
        "failed at: the connection to 127.0.0.1",
    ];
    thread::scope(|scope| {
        scope.spawn(|| told(|| once(&base_url).args(LONG), "timeout", expected));
        let silent = url("https", speaking_first(b""));
        let report = once(&silent).args(LONG).report();
        assert_eq!(report.checks[1].message, format!("{words} (--timeout)"));
    });
}

#[test]
fn a_long_wait_is_not_begun() {
    for wait in [
        "86400",
        "999999999999999999999",
        "Wed, 21 Oct 2099 07:28:00 GMT",
    ] {
        let header = format!("Retry-After: {wait}\r\n");
        let server = Server::always(move || Act::Send(response(429, &header, "{}")));
        let program = Program::verify(&server.base_url());
        let report = program.args(["--retries", "100"]).report();
        assert_eq!((report.outcome(), report.retryable), ("rate_limited", true));
        assert!(report.retry_after_s > Some(3600), "{wait}");
        assert_eq!(
            report.check("apps.list").request.as_ref().unwrap().attempts,
            1
        );
        assert_eq!(server.requests().len(), 1);
    }
}

//! Whatever a server sends costs little memory: what is held is how much more than a small response.
//! Peaks are read where the system tells them.

#![cfg(target_os = "linux")]

use crate::support::bitrise::Answer;
use crate::support::has;
use crate::support::process::{Program, ended, peak_kib, peak_of};
use crate::support::server::{Act, NO_RUNS, Server, json, response};
use bitrise_dx::evidence::MAX_TEXT;
use flate2::{Compress, Compression, FlushCompress};
use std::fs;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, LazyLock, Mutex};

/// The maximum number of bytes of a body, in KiB.
const LIMIT: u64 = 1024;

/// How many bodies at the limit any one response may cost more than a small one.
const BODIES: u64 = 6;

/// Runs against a server that gives `first` to the first request, and returns the reason for the
/// verdict and the peak memory by the second request, which comes only after the first response was
/// read.
fn peak_after(first: impl Fn() -> Act + Send + Sync + 'static) -> (Option<String>, u64) {
    let (told, pid): (_, Receiver<u32>) = channel();
    let pid = Mutex::new(pid);
    let peak = Arc::new(Mutex::new(None));
    let found = Arc::clone(&peak);
    let server = Server::start(move |_, number| {
        if number == 0 {
            return first();
        }
        if number == 1 {
            let pid = pid.lock().unwrap().recv().unwrap();
            *found.lock().unwrap() = peak_kib(pid);
        }
        json(200, NO_RUNS)
    });
    let program = Program::verify(&server.base_url()).args(["-o", "json", "--retries", "1"]);
    let child = program.start();
    told.send(child.id()).unwrap();
    let report = ended(child).report();
    let peak = peak.lock().unwrap().expect("a second request");
    (report.reason, peak)
}

/// Returns how much more memory a response costs than the smallest one, in KiB.
fn cost(first: impl Fn() -> Act + Send + Sync + 'static) -> u64 {
    // A server fault is asked about again, and that is the second request.
    static SMALL: LazyLock<u64> = LazyLock::new(|| peak_after(|| json(503, "{}")).1);
    let (_, peak) = peak_after(first);
    peak.saturating_sub(*SMALL)
}

#[test]
fn a_body_without_end_costs_no_more_than_its_limit() {
    const START: &str = "HTTP/1.1 503 X\r\nContent-Length: 200000000\r\n\r\n";
    let cost = cost(|| Act::SendForEver(START.into(), vec![b'[']));
    assert!(cost < BODIES * LIMIT, "{cost} KiB");
}

/// Returns a gzip stream of that many MiB. Its end is missing, which nobody is to get to.
fn bomb(mib: usize) -> Vec<u8> {
    const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let mut blocks = Vec::with_capacity(64 * 1024);
    let mut deflate = Compress::new(Compression::best(), false);
    // After a full flush the stream goes on as if it had just started, so it can be repeated.
    let zeros = vec![0; 1024 * 1024];
    let flush = FlushCompress::Full;
    deflate.compress_vec(&zeros, &mut blocks, flush).unwrap();
    [HEADER.as_slice(), &blocks.repeat(mib)].concat()
}

#[test]
fn a_small_body_that_unpacks_to_a_large_one_costs_no_more_either() {
    let bomb = bomb(200);
    assert!(bomb.len() < 1024 * 1024);
    let cost = cost(move || {
        let head = "HTTP/1.1 503 X\r\nContent-Encoding: gzip\r\n\r\n";
        Act::Send([head.as_bytes(), &bomb].concat())
    });
    assert!(cost < BODIES * LIMIT, "{cost} KiB");
}

#[test]
fn a_body_at_the_limit_is_read_in_little_memory() {
    const NEARLY: usize = 1024 * 1024 - 1024;
    let filled = |item: &str| {
        let items = item.repeat(NEARLY / item.len());
        format!(r#"{{"data":[{{"slug":"first"}}{items}]}}"#)
    };
    let bodies = [
        filled(r#",{"slug":"another-app","title":"t","owner":{"name":"w"}}"#),
        filled(",{}"),
        r#"{"data":[{"slug":"first","title":"X"}]}"#.replace('X', &"%25".repeat(NEARLY / 3)),
        r#"{"x":"X","data":[{"slug":"first"}]}"#.replace('X', &"\\ud800".repeat(NEARLY / 6)),
    ];
    for body in bodies {
        let start: String = body.chars().take(80).collect();
        let cost = cost(move || json(200, &body));
        assert!(cost < BODIES * LIMIT, "{start}: {cost} KiB");
    }
    let (start, end) = (br#"{"data":[{"slug":"first","title":"\n"#, b"\"}]}");
    let head = b"HTTP/1.1 200 X\r\n\r\n".as_slice();
    let odd = [head, start.as_slice(), &vec![0xff; NEARLY], end].concat();
    let cost = cost(move || Act::Send(odd.clone()));
    assert!(cost < BODIES * LIMIT, "bytes that are no text: {cost} KiB");
}

#[test]
fn bodies_in_flight_cost_no_more_than_their_limits() {
    const APPS: usize = 96;
    let peak = |size: usize| {
        let (told, pid): (_, Receiver<u32>) = channel();
        let pid = Mutex::new((pid, None));
        let peak = Arc::new(Mutex::new(0));
        let found = Arc::clone(&peak);
        let runs = "x".repeat(size);
        let runs = format!(r#"{{"data":[{{"id":"run","env":"{runs}"}}]}}"#);
        let server = Server::start(move |request, _| {
            if !request.target.contains("pipelines") {
                return json(200, &Answer::page(0..APPS, None).body);
            }
            // The last of them come when most of the bodies were read.
            let mut pid = pid.lock().unwrap();
            let (receiver, known) = &mut *pid;
            let pid = *known.get_or_insert_with(|| receiver.recv().unwrap());
            let mut peak = found.lock().unwrap();
            *peak = peak_kib(pid).unwrap_or_default().max(*peak);
            json(200, &runs)
        });
        let program = Program::verify(&server.base_url()).args(["--all-apps", "-o", "json"]);
        let program = program.args(["--concurrency", "64"]);
        let child = program.start();
        told.send(child.id()).unwrap();
        let report = ended(child).report();
        assert_eq!(report.verdict, "verified", "{}", report.message);
        *peak.lock().unwrap()
    };
    let (small, large) = (peak(0), peak(1024 * 1024 - 1024));
    let cost = large.saturating_sub(small);
    // A body grows by doubling, and is copied once then.
    assert!(cost < (BODIES + 2 * 64) * LIMIT, "{cost} KiB");
}

#[test]
fn the_time_ends_a_body_that_unpacks_to_nothing_for_ever() {
    const EMPTY_BLOCK: [u8; 5] = [0, 0, 0, 0xff, 0xff];
    let header = bomb(0);
    let server = Server::always(move || {
        let headers = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n";
        let start = [headers.as_bytes(), &header].concat();
        Act::SendForEver(start, EMPTY_BLOCK.to_vec())
    });
    let program = Program::verify(&server.base_url());
    let report = program.args(["--max-time", "200ms"]).report();
    assert_eq!(report.outcome(), "max_time_reached");
}

#[test]
fn many_headers_are_refused_in_little_memory() {
    let headers = "X-A: b\r\n".repeat(100_000);
    let server = Server::always(move || Act::Send(response(200, &headers, "{}")));
    let program = Program::verify(&server.base_url());
    let report = program.args(["--retries", "0"]).report();
    assert_eq!(report.outcome(), "connection_failed");
    has(&report.message, "headers are larger");
}

#[test]
fn what_a_text_repeats_costs_about_as_much_as_its_lines() {
    let folder = tempfile::tempdir().unwrap();
    let peak = |start: &str, part: &str| {
        // So much is shown of these that the program waits for its reader.
        let refused = (0..400).map(|app| {
            format!("curl https://api.bitrise.io/v0.1/apps/{app}/pipelines\n{{\"message\":\"Forbidden\"}}\n")
        });
        let refused: String = refused.collect();
        let parts = part.repeat(MAX_TEXT / 8 / part.len());
        let text = format!("{refused}{start}{parts}");
        fs::write(folder.path().join("t"), text).unwrap();
        let program = Program::new(["diagnose", "t", "-o", "json"]).dir(folder.path());
        peak_of(program).0
    };
    let lines = peak("", "ab\n");
    for (start, part) in [
        ("", "{}\n"),
        ("", "{\"a\":1}\n"),
        ("", "[{\"slug\":\"x\"}]\n"),
        ("[", "{\"a\":1},"),
        ("[", "{\"status\":401},"),
        ("", "step 1 gave 401\nstep 2 gave 403\n"),
    ] {
        let peak = peak(start, part);
        assert!(peak < 2 * lines, "{part}: {peak} KiB, {lines} for lines");
    }
}

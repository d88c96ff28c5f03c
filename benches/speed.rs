//! How long a run takes beside what the network's distance alone demands.
//!
//! A TLS server on loopback stands behind a proxy that delays every byte by half a round trip.
//! Every figure is a ratio within one run of this program; `.github/PERFORMANCE.md` explains the
//! method and holds the figures.
//!
//! `cargo bench --bench speed -- [start] [verify] [apps] [large] [memory] [--rounds N]
//! [--program PATH]…`; without a part's name, all but `large`. Several programs run in turn.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement that fails ends, and its table is what it is for"
)]

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// The program that is measured.
const PROGRAM: &str = env!("CARGO_BIN_EXE_bitrise-dx");

/// The builds of it that are to be measured instead, if any.
static OTHERS: OnceLock<Vec<String>> = OnceLock::new();

/// The parts of the measurement.
const PARTS: [&str; 5] = ["start", "verify", "apps", "large", "memory"];

/// The token; the server doesn't look at it.
const TOKEN: &str = "bitwat_measuring_1_and_not_a_secret";

/// What DX's page does by hand: two requests, and a look at the first answer between them.
const CURL: &str = r#"
    get() { curl -sS --cacert "$CA" -H "Authorization: $BITRISE_TOKEN" "$URL$1"; }
    slug=$(get '/apps?limit=1' | jq -r '.data[0].slug')
    get "/apps/$slug/pipelines?limit=1" | jq -e .data > /dev/null
"#;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = args.iter().position(|arg| arg == name)?;
        args.get(at + 1)
    };
    let rounds: usize = value("--rounds").map_or(11, |rounds| rounds.parse().unwrap());
    let named = args.windows(2).filter(|pair| pair[0] == "--program");
    let others = named.map(|pair| pair[1].clone()).collect();
    OTHERS.set(others).unwrap();
    let parts: Vec<&str> = args.iter().map(String::as_str).collect();
    let all = !PARTS.iter().any(|part| parts.contains(part));
    let wanted = |part: &str| (all && part != "large") || parts.contains(&part);
    let folder = tempfile::tempdir().unwrap();
    if wanted("start") {
        start(rounds.max(101));
    }
    if wanted("verify") {
        verify(folder.path(), rounds);
    }
    if wanted("apps") {
        all_apps(folder.path(), 500, rounds);
    }
    if wanted("large") {
        all_apps(folder.path(), 5_000, rounds.min(3));
    }
    if wanted("memory") {
        for path in programs() {
            memory(folder.path(), path);
        }
    }
}

/// Measures what needs no network against a program that does nothing.
fn start(rounds: usize) {
    let mut peers = vec![Peer::new("true", Command::new("true"))];
    peers.extend(builds("--version", |path| program(path, &["--version"])));
    let explain = |path: &str| program(path, &["explain", "timeout"]);
    peers.extend(builds("explain timeout", explain));
    take_turns(&mut peers, rounds);
    let unit = peers[0].median();
    table(&peers, "start", "× true", unit);
}

/// Measures one verification against the floor and against the requests made by hand.
fn verify(folder: &Path, rounds: usize) {
    for millis in [0, 20, 50] {
        let distance = Duration::from_millis(millis);
        let site = Site::open(folder, 120, distance);
        let mut peers = vec![Peer::bare(4, site.echo)];
        peers.extend(builds("verify", |path| site.verify(path, &[])));
        if has("curl") && has("jq") {
            let mut curl = Command::new("sh");
            curl.args(["-c", CURL])
                .envs([("CA", site.ca.as_str()), ("URL", &site.base_url)]);
            curl.env("BITRISE_TOKEN", TOKEN);
            peers.push(Peer::new("two curl and jq", curl));
        }
        take_turns(&mut peers, rounds);
        let floor = 4 * distance;
        if floor.is_zero() {
            let unit = peers[1].median();
            table(&peers, "verify, r = 0 ms", "× verify", unit);
        } else {
            let title = format!("verify, r = {millis} ms");
            table(&peers, &title, "× 4 r", floor);
        }
    }
}

/// Measures a run over many apps against the floor for so many requests at once.
fn all_apps(folder: &Path, apps: usize, rounds: usize) {
    let distance = Duration::from_millis(50);
    let site = Site::open(folder, apps, distance);
    for concurrency in [8, 16, 32] {
        let args = ["--all-apps", "--concurrency", &concurrency.to_string()];
        let name = format!("{apps} apps, c = {concurrency}");
        // TCP, TLS and the first page; then the further pages and the checks, side by side. The
        // pages alone follow each other.
        let further = apps.div_ceil(50) - 1;
        let beside = further.max((apps + further).div_ceil(concurrency));
        let trips = u32::try_from(3 + beside).unwrap();
        let mut peers = vec![Peer::bare(trips, site.echo)];
        peers.extend(builds(&name, |path| site.verify(path, &args)));
        take_turns(&mut peers, rounds);
        let what = format!("× {trips} r");
        table(&peers, "all apps, r = 50 ms", &what, trips * distance);
        for peer in &peers[1..] {
            let each = peer.cpu.as_secs_f64() * 1e6 / f64::from(u32::try_from(apps).unwrap());
            println!("    {}: {each:.0} µs of CPU an app\n", peer.name);
        }
    }
}

/// Shows the peak of resident memory, read while the process still runs (Linux).
fn memory(folder: &Path, path: &str) {
    println!("peak of resident memory, {path}");
    let distance = Duration::ZERO;
    let one = Site::open(folder, 120, distance);
    let peak = |site: &Site, args: &[&str]| {
        site.peak.store(0, Ordering::SeqCst);
        let mut command = site.verify(path, args);
        // Larger than a pipe holds: until it is read, the process waits with all its work done.
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        site.pid.store(child.id().into(), Ordering::SeqCst);
        let mut out = child.stdout.take().unwrap();
        out.read_exact(&mut [0]).unwrap();
        let last = high_water(child.id().into());
        std::io::copy(&mut out, &mut std::io::sink()).unwrap();
        child.wait().unwrap();
        let kib = last.max(site.peak.load(Ordering::SeqCst));
        println!("    {:<44} {} KiB", args.join(" "), kib);
        kib
    };
    peak(&one, &["-o", "json"]);
    let every = ["-o", "json", "--all-apps"];
    let few = peak(&Site::open(folder, 500, distance), &every);
    let many = peak(&Site::open(folder, 10_000, distance), &every);
    let each = many.saturating_sub(few) * 1024 / 9_500;
    println!("    {each} bytes an app, from 500 to 10,000\n");
}

/// Returns the peak of a process's resident memory in KiB, or 0 where that can't be read.
fn high_water(pid: u64) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    number.unwrap_or_default()
}

/// Tells whether a program is there.
fn has(name: &str) -> bool {
    let mut command = Command::new(name);
    command
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok()
}

/// Returns the builds that are measured.
fn programs() -> Vec<&'static str> {
    let others = OTHERS.get().unwrap().iter().map(String::as_str);
    let others: Vec<_> = others.collect();
    if others.is_empty() {
        vec![PROGRAM]
    } else {
        others
    }
}

/// Returns a peer for each of them.
fn builds(what: &str, run: impl Fn(&str) -> Command) -> Vec<Peer> {
    let programs = programs().into_iter();
    let peer = |path: &str| {
        let name = Path::new(path).file_name().unwrap().display();
        Peer::new(&format!("{name} {what}"), run(path))
    };
    programs.map(peer).collect()
}

fn program(path: &str, args: &[&str]) -> Command {
    let mut command = Command::new(path);
    command.args(args);
    command
}

/// One of those that are measured in turn.
struct Peer {
    name: String,
    command: Command,
    /// How many bare round trips are made in place of a command, and to where.
    bare: Option<(u32, SocketAddr)>,
    walls: Vec<Duration>,
    /// The processor time of one run, on average.
    cpu: Duration,
}

impl Peer {
    fn new(name: &str, mut command: Command) -> Self {
        command.stdout(Stdio::null());
        Self {
            name: name.to_owned(),
            command,
            bare: None,
            walls: Vec::new(),
            cpu: Duration::ZERO,
        }
    }

    /// So many round trips with nothing else: what the distance demands on this machine now.
    fn bare(trips: u32, to: SocketAddr) -> Self {
        Self {
            bare: Some((trips, to)),
            ..Self::new(&format!("{trips} bare round trips"), Command::new(""))
        }
    }

    /// Runs once, and returns how long it took.
    fn run(&mut self) -> Duration {
        let started = Instant::now();
        match self.bare {
            Some((trips, to)) => round_trips(trips, to),
            None => assert!(self.command.status().unwrap().success(), "{}", self.name),
        }
        started.elapsed()
    }

    fn median(&self) -> Duration {
        let mut walls = self.walls.clone();
        walls.sort_unstable();
        walls[walls.len() / 2]
    }
}

/// Connects, which is one round trip, and sends a byte and awaits its echo for each further one.
fn round_trips(trips: u32, to: SocketAddr) {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_nodelay(true).unwrap();
    for _ in 1..trips {
        stream.write_all(b"x").unwrap();
        stream.read_exact(&mut [0]).unwrap();
    }
}

/// Runs all peers in turn, so many rounds after one that doesn't count.
fn take_turns(peers: &mut [Peer], rounds: usize) {
    for round in 0..=rounds {
        for peer in &mut *peers {
            let before = children_cpu();
            let wall = peer.run();
            if round > 0 {
                peer.walls.push(wall);
                peer.cpu += children_cpu().saturating_sub(before) / u32::try_from(rounds).unwrap();
            }
        }
    }
}

/// Returns the processor time of all child processes that have ended (Linux), in steps of 10 ms:
/// over many runs the average is finer.
fn children_cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    let ticks: u64 = fields
        .skip(13)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}

/// Prints the medians as ratios to a unit, with the spread.
fn table(peers: &[Peer], title: &str, what: &str, unit: Duration) {
    let mut text = format!(
        "{title:<32} {:>9} {what:>10} {:>15} {:>9}\n",
        "wall ms", "spread", "CPU ms"
    );
    for peer in peers {
        let ratio = |wall: Duration| wall.as_secs_f64() / unit.as_secs_f64();
        let (least, most) = (peer.walls.iter().min(), peer.walls.iter().max());
        let spread = format!("{:.3}-{:.3}", ratio(*least.unwrap()), ratio(*most.unwrap()));
        let wall = peer.median();
        let (ms, cpu) = (wall.as_secs_f64() * 1e3, peer.cpu.as_secs_f64() * 1e3);
        let times = ratio(wall);
        writeln!(
            text,
            "    {:<28} {ms:>9.2} {times:>10.3} {spread:>15} {cpu:>9.2}",
            peer.name
        )
        .unwrap();
    }
    println!("{text}");
}

/// A TLS server with so many apps, behind a delay.
struct Site {
    base_url: String,
    ca: String,
    /// A listener behind the same delay that sends back what it gets.
    echo: SocketAddr,
    /// The process whose memory is read at each request, and its peak so far.
    pid: Arc<AtomicU64>,
    peak: Arc<AtomicU64>,
}

impl Site {
    fn open(folder: &Path, apps: usize, distance: Duration) -> Self {
        let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let ca = folder.join("ca.pem");
        fs::write(&ca, certified.cert.pem()).unwrap();
        let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key);
        let mut config = config.unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let (pid, peak) = (Arc::default(), Arc::default());
        let server = serve(config, apps, (Arc::clone(&pid), Arc::clone(&peak)));
        let address = delay(server, distance);
        Self {
            base_url: format!("https://{address}/v0.1"),
            ca: ca.to_str().unwrap().to_owned(),
            echo: delay(echo(), distance),
            pid,
            peak,
        }
    }

    /// Returns a run of the program against this server, trusting its certificate and, as always,
    /// the system's.
    fn verify(&self, path: &str, args: &[&str]) -> Command {
        let mut command = program(path, &["verify", "--base-url", &self.base_url, "--ca-cert"]);
        command.arg(&self.ca).args(args).env("BITRISE_TOKEN", TOKEN);
        command
    }
}

/// Starts the server on a thread of its own.
fn serve(config: ServerConfig, apps: usize, watch: (Arc<AtomicU64>, Arc<AtomicU64>)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let (acceptor, watch) = (TlsAcceptor::from(Arc::new(config)), Arc::new(watch));
    thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap().block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, watch) = (acceptor.clone(), Arc::clone(&watch));
                tokio::spawn(async move {
                    stream.set_nodelay(true).unwrap();
                    // A client that doesn't agree to the handshake goes without an answer.
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    let service = service_fn(move |request: Request<Incoming>| {
                        let answer = answer(&request, apps);
                        let pid = watch.0.load(Ordering::SeqCst);
                        if pid > 0 {
                            watch.1.fetch_max(high_water(pid), Ordering::SeqCst);
                        }
                        async move { Ok::<_, hyper::Error>(answer) }
                    });
                    let io = TokioIo::new(stream);
                    if is_http2 {
                        let server = http2::Builder::new(TokioExecutor::new());
                        let _ = server.serve_connection(io, service).await;
                    } else {
                        let _ = http1::Builder::new().serve_connection(io, service).await;
                    }
                });
            }
        });
    });
    address
}

fn answer(request: &Request<Incoming>, apps: usize) -> Response<Full<Bytes>> {
    let body = if request.uri().path().ends_with("/apps") {
        page(request.uri().query().unwrap_or_default(), apps)
    } else {
        r#"{"data":[{"slug":"6f1c","is_pipeline":true,"status":1}],"paging":{}}"#.to_owned()
    };
    Response::new(Full::from(body))
}

/// Returns a page of apps with the fields and sizes of Bitrise's own.
fn page(query: &str, apps: usize) -> String {
    let value = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let limit: usize = value("limit").and_then(|limit| limit.parse().ok()).unwrap();
    let next = value("next").and_then(|slug| usize::from_str_radix(slug, 16).ok());
    let first = next.unwrap_or(0);
    let end = apps.min(first + limit);
    let items: Vec<String> = (first..end)
        .map(|n| {
            format!(
                r#"{{"slug":"{n:016x}","title":"Application number {n}","project_type":"ios","provider":"github","repo_owner":"workspace","repo_url":"git@github.com:workspace/application-{n}.git","repo_slug":"application-{n}","is_disabled":false,"status":1,"is_public":false,"owner":{{"account_type":"organization","name":"Workspace","slug":"5a0d5a0d5a0d5a0d"}},"avatar_url":null}}"#
            )
        })
        .collect();
    let next = (end < apps).then(|| format!(r#","next":"{end:016x}""#));
    format!(
        r#"{{"data":[{}],"paging":{{"total_item_count":{apps},"page_item_limit":{limit}{}}}}}"#,
        items.join(","),
        next.unwrap_or_default()
    )
}

/// Starts a listener that sends back what it gets.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                stream.set_nodelay(true).unwrap();
                let _ = std::io::copy(&mut &stream, &mut &stream);
            });
        }
    });
    address
}

/// Starts a proxy that forwards every byte half a round trip later, and returns its address. The
/// handshake of TCP, which loopback makes at once, is delayed too: what the client sends within
/// the first round trip counts as sent after it.
fn delay(server: SocketAddr, distance: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let open = Instant::now() + distance;
            let Ok(server) = TcpStream::connect(server) else {
                continue;
            };
            let clones = (client.try_clone().unwrap(), server.try_clone().unwrap());
            for stream in [&client, &server] {
                stream.set_nodelay(true).unwrap();
            }
            forward(client, server, distance / 2, open);
            forward(clones.1, clones.0, distance / 2, open);
        }
    });
    address
}

fn forward(mut from: TcpStream, to: TcpStream, by: Duration, open: Instant) {
    let (sender, receiver): (Sender<(Instant, Vec<u8>)>, _) = mpsc::channel();
    thread::spawn(move || deliver(to, &receiver));
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let due = Instant::now().max(open) + by;
            if sender.send((due, buffer[..count].to_vec())).is_err() {
                return;
            }
        }
    });
}

fn deliver(mut to: TcpStream, receiver: &Receiver<(Instant, Vec<u8>)>) {
    while let Ok((due, bytes)) = receiver.recv() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            return;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}

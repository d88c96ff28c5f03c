//! A server that answers with exactly the bytes that a test wants.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request as Request2, Response as Response2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use socket2::{Domain, SockRef, Socket, Type};
use std::convert::Infallible;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::iter;
use std::mem;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What the server does with a request.
pub(crate) enum Act {
    /// Sends these bytes and closes the connection.
    Send(Vec<u8>),
    /// Sends these bytes and waits for another request on the same connection.
    SendAndKeep(Vec<u8>),
    /// Sends these bytes and then nothing, until the client leaves or says more.
    SendAndHold(Vec<u8>),
    /// Sends these bytes and resets the connection.
    SendAndReset(Vec<u8>),
    /// Sends these bytes, and then these again and again, until the client leaves.
    SendForEver(Vec<u8>, Vec<u8>),
    /// Sends these bytes, and then these one by one with a long pause after each.
    Drip(Vec<u8>, Vec<u8>),
    /// Opens the way to the target, as a proxy does.
    Open,
}

/// A request's head, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) target: String,
    pub(crate) head: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A port of its own, each connection to which is served by a thread of its own; it ends with the
/// value.
pub(crate) struct Port {
    pub(crate) address: SocketAddr,
    is_over: Arc<AtomicBool>,
}

impl Port {
    pub(crate) fn open(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, serve) = (Arc::clone(&is_over), Arc::new(serve));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let (Ok(stream), serve) = (stream, Arc::clone(&serve)) else {
                    continue;
                };
                thread::spawn(move || serve(stream));
            }
        });
        Self { address, is_over }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v0.1", self.address)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

/// A server, or a proxy, on a port of its own.
pub(crate) struct Server {
    port: Port,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Starts a server; `act` gets each request and the number of those before it.
    pub(crate) fn start(act: impl Fn(&Request, usize) -> Act + Send + Sync + 'static) -> Self {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let port = Port::open(move |stream| serve(&stream, &seen, &act));
        Self { port, requests }
    }

    /// Starts a server that does the same with every request.
    pub(crate) fn always(act: impl Fn() -> Act + Send + Sync + 'static) -> Self {
        Self::start(move |_, _| act())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address
    }

    pub(crate) fn base_url(&self) -> String {
        self.port.base_url()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

/// Starts a server that speaks HTTP/2, for a TLS server in front of it; `answer` gets each request's
/// target and returns the JSON for it.
pub(crate) fn http2(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Server {
    let answer = Arc::new(answer);
    let port = Port::open(move |stream| {
        let answer = Arc::clone(&answer);
        let service = service_fn(move |request: Request2<Incoming>| {
            let body = answer(&request.uri().to_string());
            async move { Ok::<_, Infallible>(Response2::new(Full::<Bytes>::from(body))) }
        });
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        stream.set_nonblocking(true).unwrap();
        runtime.block_on(async {
            let stream = tokio::net::TcpStream::from_std(stream).unwrap();
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    });
    Server {
        port,
        requests: Arc::default(),
    }
}

/// Starts a server that never answers. It says when a request is there, and when the client has left.
pub(crate) fn telling() -> (Port, Receiver<()>) {
    let (sender, receiver) = channel();
    let port = Port::open(move |mut stream| {
        read_head(&mut BufReader::new(&stream)).unwrap();
        sender.send(()).unwrap();
        let _ = stream.read(&mut [0]);
        let _ = sender.send(());
    });
    (port, receiver)
}

fn serve(mut stream: &TcpStream, seen: &Mutex<Vec<Request>>, act: &dyn Fn(&Request, usize) -> Act) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_head(&mut reader) {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        match act(&request, number) {
            Act::Send(bytes) => {
                let _ = stream.write_all(&bytes);
            }
            Act::SendAndKeep(bytes) => {
                if stream.write_all(&bytes).is_ok() {
                    continue;
                }
            }
            Act::SendAndHold(bytes) => {
                let _ = stream.write_all(&bytes);
                let _ = stream.read(&mut [0]);
            }
            Act::SendAndReset(bytes) => {
                let _ = stream.write_all(&bytes);
                reset(stream);
            }
            Act::SendForEver(first, then) => {
                let _ = stream.write_all(&first);
                let many = then.repeat(1 + 64 * 1024 / then.len());
                while stream.write_all(&many).is_ok() {}
            }
            Act::Drip(first, then) => {
                let _ = stream.write_all(&first);
                // Waiting for a client that says nothing is the pause.
                let _ = stream.set_read_timeout(Some(Duration::from_millis(50)));
                let mut bytes = then.iter().cycle();
                while stream.write_all(&[*bytes.next().unwrap()]).is_ok()
                    && !matches!(stream.read(&mut [0]), Ok(0))
                {}
            }
            Act::Open => {
                if let Ok(server) = TcpStream::connect(request.target) {
                    let _ = write!(stream, "HTTP/1.1 200 OK\r\n\r\n");
                    relay(stream, &server);
                }
            }
        }
        return;
    }
}

/// Copies bytes in both directions until both sides are done.
fn relay(client: &TcpStream, server: &TcpStream) {
    let copy = |mut from: &TcpStream, mut to: &TcpStream| {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    };
    thread::scope(|scope| {
        scope.spawn(|| copy(client, server));
        copy(server, client);
    });
}

/// Has a connection end as with a firewall: with RST in place of FIN.
fn reset(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// Starts a listener that resets each connection before anything is said, and returns its address.
pub(crate) fn resetting() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            reset(&stream);
        }
    });
    address
}

/// Returns an address where nobody listens, nor will: its port is kept by a socket that only has it.
pub(crate) fn unused() -> SocketAddr {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    mem::forget(socket);
    address
}

/// Returns the address of a listener that takes no connection at all: its queue is full. It stays
/// so as long as the value lives.
pub(crate) fn deaf() -> (SocketAddr, impl Sized) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let patience = Duration::from_millis(200);
    let connect = |_| TcpStream::connect_timeout(&address, patience).ok();
    // One alone that fails may only have been slow.
    let waiting: Vec<_> = iter::from_fn(|| (0..3).find_map(connect)).collect();
    (address, (socket, waiting))
}

/// Reads a request up to the empty line after its headers.
fn read_head(from: &mut impl BufRead) -> Option<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if from.read_until(b'\n', &mut head).ok()? == 0 {
            return None;
        }
    }
    let head = String::from_utf8(head).ok()?;
    let target = head.split(' ').nth(1)?.to_owned();
    Some(Request { target, head })
}

/// Returns a complete response.
pub(crate) fn response(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}

/// Returns a response in JSON.
pub(crate) fn json(status: u16, body: &str) -> Act {
    Act::Send(response(status, "Content-Type: application/json\r\n", body))
}

/// One app, as the smallest list of apps.
pub(crate) const ONE_APP: &str = r#"{"data":[{"slug":"app-one","title":"One"}],"paging":{}}"#;

/// A list without runs.
pub(crate) const NO_RUNS: &str = r#"{"data":[],"paging":{}}"#;

/// Starts a server that plays a Bitrise where everything is fine.
pub(crate) fn healthy() -> Server {
    Server::start(|request, _| healthy_response(request))
}

/// Answers as a Bitrise where everything is fine.
pub(crate) fn healthy_response(request: &Request) -> Act {
    json(
        200,
        if request.target.contains("pipelines") {
            NO_RUNS
        } else {
            ONE_APP
        },
    )
}

/// Starts a listener that says something as soon as somebody connects, as no HTTP server does,
/// and returns its address. It serves one connection.
pub(crate) fn speaking_first(words: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        if let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.write_all(words);
            let _ = io::copy(&mut stream, &mut io::sink());
        }
    });
    address
}

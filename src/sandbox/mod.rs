//! A simulated Bitrise API on loopback.
//!
//! It serves the three endpoints that DX reads (`app-list`, `pipeline-list` and `pipeline-show` in
//! Bitrise's specification) with made-up data, so that the whole program can be tried without an
//! account and without the network. The bodies are written by hand from the specification and from
//! recorded responses, not serialised from the client's own types: a misreading on one side then
//! shows as a difference.
//!
//! Invariant: imports nothing of the client, the wire reader or the classification.
//! Invariant: listens on loopback only and sends nothing anywhere.
//! Invariant: no clock and no randomness; the same requests in the same order get the same responses.

mod scenario;
mod server;
mod world;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;

pub use scenario::Scenario;
use server::Server;
use world::World;

/// The made-up workspace token, the one that the sandbox accepts.
pub const TOKEN: &str = "bitwat_sandbox_made_up_and_not_a_secret";

/// How long to wait after a failed `accept`: such a failure (no file descriptor left) often lasts,
/// and an immediate retry would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How late a response of the slow scenario starts.
const SLOW_START: Duration = Duration::from_secs(2);

/// What the sandbox plays.
#[derive(Clone, Copy, Default)]
pub struct Config {
    /// The situation to play.
    pub scenario: Scenario,
    /// How much later each response starts, on top of what the scenario does.
    pub latency: Duration,
    /// How many apps there are, where the scenario lists any; `None` for its own number.
    pub apps: Option<usize>,
}

/// A simulated Bitrise API that is bound to a port and not yet serving.
pub struct Sandbox {
    /// The socket, already listening: a client may connect before `serve` is polled.
    listener: TcpListener,
    /// The address in use, with the port that the system chose where 0 was asked for.
    address: SocketAddr,
    /// What answers the requests, for all connections.
    server: Arc<Server>,
}

impl Sandbox {
    /// Binds the sandbox to a loopback address; port 0 lets the system choose.
    ///
    /// # Errors
    ///
    /// Returns `InvalidInput` for an address that is not loopback, `InvalidData` if the embedded
    /// bodies can't be parsed, and otherwise the error of the socket.
    pub async fn bind(listen: SocketAddr, config: Config) -> io::Result<Self> {
        if !listen.ip().is_loopback() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the sandbox listens on loopback addresses only",
            ));
        }
        let slow_start = match config.scenario {
            Scenario::Slow => SLOW_START,
            _ => Duration::ZERO,
        };
        let server = Arc::new(Server {
            scenario: config.scenario,
            world: World::new(config.scenario, config.apps)?,
            latency: slow_start.saturating_add(config.latency),
            responses: AtomicU64::new(0),
        });
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        Ok(Self {
            listener,
            address,
            server,
        })
    }

    /// Returns the URL to use in place of `https://api.bitrise.io/v0.1`.
    pub fn base_url(&self) -> String {
        format!("http://{}{}", self.address, server::BASE_PATH)
    }

    /// Serves until the future is dropped, which also ends the open connections.
    ///
    /// It needs a Tokio runtime with I/O and time enabled; a current-thread one is enough.
    pub async fn serve(self) {
        let mut connections = JoinSet::new();
        loop {
            // Without this the set would keep every finished connection for the whole run.
            while connections.try_join_next().is_some() {}
            let Ok((stream, _)) = self.listener.accept().await else {
                sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let server = Arc::clone(&self.server);
            let service = service_fn(move |request: Request<Incoming>| {
                let server = Arc::clone(&server);
                async move {
                    if !server.latency.is_zero() {
                        sleep(server.latency).await;
                    }
                    Ok::<_, Infallible>(server.answer(&request))
                }
            });
            let connection = http1::Builder::new()
                // Hyper would read the clock for it.
                .auto_date_header(false)
                .serve_connection(TokioIo::new(stream), service);
            // A connection that breaks concerns its client alone; there is nobody to tell.
            connections.spawn(async { drop(connection.await) });
        }
    }
}

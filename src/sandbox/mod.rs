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

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use scenario::Scenario;
use server::Server;

/// The made-up workspace token, the one that the sandbox accepts.
pub const TOKEN: &str = "bitwat_sandbox_made_up_and_not_a_secret";

/// How long to wait after a failed `accept`: such a failure (no file descriptor left) often lasts,
/// and an immediate retry would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

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
        let server = Arc::new(Server::new(config)?);
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
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    connections.spawn(server::converse(Arc::clone(&self.server), stream));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
            // Without this the set would keep every finished connection for the whole run.
            while connections.try_join_next().is_some() {}
        }
    }
}

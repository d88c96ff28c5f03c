//! Real TLS and a real proxy in front of the plain server.

use super::server::{Server, read_head};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A TLS server for a host name, with the certificate of the authority that signed for it.
pub(crate) struct TlsServer {
    pub(crate) address: SocketAddr,
    pub(crate) ca_pem: String,
    /// The plain server behind it.
    pub(crate) plain: Server,
}

impl TlsServer {
    /// Starts a TLS server whose certificate is for `name`, in front of `plain`.
    pub(crate) fn start(name: &str, plain: Server) -> Self {
        let (config, ca_pem) = config(name);
        let inner = plain.address();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let acceptor = TlsAcceptor::from(config);
                while let Ok((stream, _)) = listener.accept().await {
                    let acceptor = acceptor.clone();
                    tokio::spawn(async move {
                        let Ok(mut outer) = acceptor.accept(stream).await else {
                            return;
                        };
                        let Ok(mut inner) = tokio::net::TcpStream::connect(inner).await else {
                            return;
                        };
                        let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
                    });
                }
            });
        });
        Self {
            address,
            ca_pem,
            plain,
        }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("https://localhost:{}/v0.1", self.address.port())
    }

    /// Writes the authority's certificate to a file of its own.
    pub(crate) fn ca_file(&self) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, &self.ca_pem).unwrap();
        (folder, path)
    }
}

fn config(name: &str) -> (Arc<ServerConfig>, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &authority).unwrap();
    let chain: Vec<CertificateDer<'static>> = vec![leaf.der().clone()];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    (Arc::new(config), authority.pem())
}

/// What a proxy says to a CONNECT.
#[derive(Clone, Copy)]
pub(crate) enum ProxyAnswer {
    /// Opens the way.
    Open,
    /// Answers with this status.
    Status(u16),
    /// Closes the connection without a word.
    Close,
}

/// A proxy that speaks CONNECT, and keeps what it was told.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub(crate) fn start(answer: ProxyAnswer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || connect(stream, answer, &kept));
            }
        });
        Self { address, heads }
    }

    /// Returns the heads of all requests that the proxy got.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn connect(mut client: TcpStream, answer: ProxyAnswer, heads: &Mutex<Vec<String>>) {
    let Some(request) = read_head(&mut client) else {
        return;
    };
    heads.lock().unwrap().push(request.head.clone());
    match answer {
        ProxyAnswer::Close => {}
        ProxyAnswer::Status(status) => {
            let _ = write!(client, "HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n");
        }
        ProxyAnswer::Open => {
            let Ok(server) = TcpStream::connect(request.target) else {
                return;
            };
            let _ = write!(client, "HTTP/1.1 200 OK\r\n\r\n");
            relay(client, server);
        }
    }
}

/// Copies bytes in both directions until both sides are done.
fn relay(client: TcpStream, server: TcpStream) {
    let (mut from_client, mut to_server) =
        (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(std::net::Shutdown::Write);
    });
    let (mut server, mut client) = (server, client);
    let _ = io::copy(&mut server, &mut client);
    let _ = client.shutdown(std::net::Shutdown::Write);
}

//! Real TLS and a real proxy in front of the plain server.

use super::server::{Server, read_head, reset};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    date_time_ymd,
};
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// A TLS server for a host name, with the certificate of the authority that signed for it.
pub(crate) struct TlsServer {
    pub(crate) address: SocketAddr,
    pub(crate) ca_pem: String,
    /// The plain server behind it.
    pub(crate) plain: Server,
}

/// What a server's certificate says, and how the server speaks.
#[derive(Clone, Copy)]
pub(crate) struct Identity {
    /// The host that the certificate is for.
    pub(crate) name: &'static str,
    /// What its issuer calls itself; without one, the certificate vouches for itself.
    pub(crate) issuer: Option<&'static str>,
    /// The first and the last year in which it is valid.
    pub(crate) years: (i32, i32),
    /// Whether the certificate is one that signs others.
    pub(crate) is_authority: bool,
    /// Whether HTTP/2 is spoken, if the client can.
    pub(crate) http2: bool,
    /// Whether clients must have a certificate too.
    pub(crate) wants_clients: bool,
}

/// A certificate for this machine that nothing is wrong with.
pub(crate) const GOOD: Identity = Identity {
    name: "localhost",
    issuer: Some("Loopback Test CA"),
    years: (2020, 4000),
    is_authority: false,
    http2: false,
    wants_clients: false,
};

impl TlsServer {
    /// Starts a TLS server whose certificate is for this machine, in front of `plain`.
    pub(crate) fn start(plain: Server) -> Self {
        Self::with(GOOD, plain)
    }

    /// Starts a TLS server in front of `plain`.
    pub(crate) fn with(identity: Identity, plain: Server) -> Self {
        let (config, ca_pem) = config(identity);
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

fn config(identity: Identity) -> (Arc<ServerConfig>, String) {
    let authority = issuer(identity.issuer.unwrap_or(identity.name));
    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(vec![identity.name.to_owned()]).unwrap();
    leaf.distinguished_name
        .push(DnType::CommonName, identity.name);
    leaf.not_before = date_time_ymd(identity.years.0, 1, 1);
    leaf.not_after = date_time_ymd(identity.years.1, 12, 31);
    if identity.is_authority {
        leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let leaf = match identity.issuer {
        Some(_) => leaf.signed_by(&key, &authority).unwrap(),
        None => leaf.self_signed(&key).unwrap(),
    };
    let chain: Vec<CertificateDer<'static>> = vec![leaf.der().clone()];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if identity.wants_clients {
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).unwrap();
        let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
        builder.with_client_cert_verifier(clients.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder.with_single_cert(chain, key).unwrap();
    if identity.http2 {
        config.alpn_protocols = vec![b"h2".to_vec()];
    }
    (Arc::new(config), authority.pem())
}

fn issuer(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.distinguished_name = DistinguishedName::new();
    authority.distinguished_name.push(DnType::CommonName, name);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap()
}

/// What a proxy says to a CONNECT.
#[derive(Clone, Copy)]
pub(crate) enum ProxyAnswer {
    /// Opens the way.
    Open,
    /// Answers with this status.
    Status(u16),
    /// Answers with these bytes and leaves the connection open.
    Send(&'static str),
    /// Answers with a status and headers that never end.
    Endless,
    /// Closes the connection without a word.
    Close,
    /// Resets the connection.
    Reset,
    /// Says nothing, until the client leaves.
    Hold,
    /// Answers with something that is no HTTP.
    Babble,
    /// Opens the way, and closes it as soon as something is sent.
    Cut,
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
        ProxyAnswer::Reset => reset(client),
        ProxyAnswer::Hold => {
            let _ = client.read(&mut [0]);
        }
        ProxyAnswer::Babble => {
            let _ = client.write_all(b"220 mail ready\r\n\r\n");
        }
        ProxyAnswer::Send(bytes) => {
            let _ = client.write_all(bytes.as_bytes());
            let _ = client.read(&mut [0]);
        }
        ProxyAnswer::Endless => {
            let _ = client.write_all(b"HTTP/1.1 403 No\r\nX: ");
            while client.write_all(&[b'x'; 1024]).is_ok() {}
        }
        ProxyAnswer::Cut => {
            let _ = client.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            let _ = client.read(&mut [0]);
        }
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

//! Real TLS in front of the plain server.

use super::server::Server;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    date_time_ymd,
};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// A TLS server for a host name, with the certificate of the authority that signed for it.
pub(crate) struct TlsServer {
    pub(crate) address: SocketAddr,
    pub(crate) ca_pem: String,
    /// A file with that certificate, in a folder of its own that is there as long as the value.
    pub(crate) ca: PathBuf,
    _folder: TempDir,
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
        let folder = tempfile::tempdir().unwrap();
        let ca = folder.path().join("ca.pem");
        fs::write(&ca, &ca_pem).unwrap();
        Self {
            address,
            ca_pem,
            ca,
            _folder: folder,
            plain,
        }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("https://localhost:{}/v0.1", self.address.port())
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

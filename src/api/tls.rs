//! TLS: the system's trusted roots, and one more where the user names it.

use crate::plan::PlanError;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore,
    SignatureScheme,
};
use rustls_platform_verifier::Verifier;
use std::sync::{Arc, LazyLock};
use std::thread;

/// States that this machine's store of root certificates is empty or unreadable.
#[derive(Debug, thiserror::Error)]
#[error("no root certificates")]
pub(super) struct NoRoots;

/// Makes the TLS set-up: TLS 1.2 at least, the system's roots, and those of `ca_cert`. Where
/// nothing is to be encrypted, no roots are loaded, and no certificate would be trusted.
///
/// # Errors
/// Returns [`PlanError::CaCertInvalid`] where `ca_cert` holds no usable certificate.
pub(super) fn client_config(
    encrypted: bool,
    ca_cert: Option<&[u8]>,
) -> Result<ClientConfig, PlanError> {
    let extra = ca_cert.map(extra_roots).transpose()?.unwrap_or_default();
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|_| PlanError::Client)?;
    if !encrypted {
        return Ok(builder
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth());
    }
    let verifier = Arc::new(SystemVerifier::load(extra, provider));
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn extra_roots(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, PlanError> {
    let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let roots = roots.map_err(|_| PlanError::CaCertInvalid)?;
    let mut store = RootCertStore::empty();
    let all_usable = roots.iter().all(|root| store.add(root.clone()).is_ok());
    if roots.is_empty() || !all_usable {
        return Err(PlanError::CaCertInvalid);
    }
    Ok(roots)
}

type Loaded = Result<Verifier, Error>;

/// Checks certificates as the platform does.
///
/// Loading the system's roots takes longer than everything else before the first byte, so it is
/// done on a thread of its own while the connection is being made, and waited for at the
/// handshake.
struct SystemVerifier {
    loading: LazyLock<Loaded, Box<dyn FnOnce() -> Loaded + Send>>,
    provider: Arc<CryptoProvider>,
}

impl SystemVerifier {
    fn load(extra: Vec<CertificateDer<'static>>, provider: Arc<CryptoProvider>) -> Self {
        let for_thread = Arc::clone(&provider);
        let thread = thread::Builder::new().spawn(move || {
            let loaded = Verifier::new_with_extra_roots(extra, for_thread);
            // The one error that loading has by itself is an empty store.
            loaded.map_err(|_| Error::Other(OtherError(Arc::new(NoRoots))))
        });
        let join = move || {
            let joined = thread.ok().and_then(|thread| thread.join().ok());
            joined.unwrap_or_else(|| Err(Error::General("the roots were not loaded".into())))
        };
        Self {
            loading: LazyLock::new(Box::new(join)),
            provider,
        }
    }
}

impl std::fmt::Debug for SystemVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SystemVerifier")
    }
}

impl ServerCertVerifier for SystemVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verifier = LazyLock::force(&self.loading)
            .as_ref()
            .map_err(Clone::clone)?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Tells what a TLS error means.
pub(super) fn fault(error: &Error) -> crate::exchange::TlsFault {
    use crate::exchange::TlsFault;
    use rustls::{AlertDescription as Alert, InvalidMessage};
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "rustls may add errors at any time"
    )]
    match error {
        Error::InvalidCertificate(error) => certificate_fault(error),
        Error::PeerIncompatible(_)
        | Error::AlertReceived(
            Alert::ProtocolVersion | Alert::HandshakeFailure | Alert::InsufficientSecurity,
        ) => TlsFault::NoCommonProtocol,
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => TlsFault::NotTls,
        Error::Other(OtherError(error)) if error.is::<NoRoots>() => TlsFault::NoRoots,
        _ => TlsFault::Other,
    }
}

fn certificate_fault(error: &CertificateError) -> crate::exchange::TlsFault {
    use crate::exchange::TlsFault;
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "rustls may add errors at any time"
    )]
    match error {
        CertificateError::UnknownIssuer => TlsFault::UnknownIssuer,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsFault::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            TlsFault::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsFault::WrongName
        }
        _ => TlsFault::BadCertificate,
    }
}

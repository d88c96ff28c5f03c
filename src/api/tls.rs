//! TLS: which certificates are trusted, and what a fault means.

use super::certificate::Certificate;
use super::roots::{self, Roots, Trust};
use crate::exchange::Fault;
use crate::exchange::FaultKind::{
    self, TlsAuthorityAsServer, TlsBadCertificate, TlsClientCertificateWanted, TlsExpired,
    TlsFailed, TlsNoCommonProtocol, TlsNoRoots, TlsNotSpoken, TlsNotYetValid, TlsSelfSigned,
    TlsUnknownIssuer, TlsWrongName,
};
use crate::plan::NotRun;
use crate::report::shown_time;
use crate::text::{Clean, Untrusted};
use rustls::client::VerifierBuilderError;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{
    AlertDescription as Alert, CertificateError, ClientConfig, DigitallySignedStruct, Error,
    InvalidMessage, OtherError, RootCertStore, SignatureScheme,
};
use std::sync::{Arc, LazyLock, mpsc};
use std::thread;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// How many of a certificate's names are worth telling; some have a hundred.
const NAMES: usize = 3;

/// Makes the TLS configuration: TLS 1.2 at least, and the roots, which are waited for until `deadline`. If
/// nothing is to be encrypted, no roots are loaded, and no certificate would be trusted.
///
/// # Errors
/// Returns so if the extra roots hold no usable certificate.
pub(super) fn client_config(
    encrypted: bool,
    roots: &Roots,
    deadline: Instant,
) -> Result<ClientConfig, NotRun> {
    let extra = roots.extra().ok_or_else(|| {
        NotRun::options(
            "the file of --ca-cert holds no certificate; it takes PEM (-----BEGIN CERTIFICATE-----) \
             or DER",
        )
    })?;
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_details(Arc::clone(&provider), Arc::new(Clock))
        .with_safe_default_protocol_versions()
        .map_err(NotRun::machine)?;
    if !encrypted {
        return Ok(builder
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth());
    }
    let load = |extra, rest| {
        let (roots, provider) = (roots.clone(), Arc::clone(&provider));
        move || roots::load(extra, &roots, rest, provider)
    };
    let rest = load(Vec::new(), true);
    let verifier = SystemVerifier {
        first: LazyLock::new(loading(deadline, load(extra, false))),
        rest: LazyLock::new(Box::new(move || loading(deadline, rest)())),
        provider,
    };
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The system's clock. One that is before 1970 shows 1970: the library's own panics.
#[derive(Debug)]
struct Clock;

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Some(UnixTime::since_unix_epoch(since.unwrap_or_default()))
    }
}

/// Roots that are waited for once they are needed.
type Loaded = LazyLock<Result<Trust, Error>, Box<dyn FnOnce() -> Result<Trust, Error> + Send>>;

/// Checks certificates as the platform does.
///
/// Loading the system's roots takes longer than everything else before the first byte, so it is
/// done on a thread of its own while the connection is being made, and waited for at the
/// handshake. Roots outside of the system's bundle are loaded once a certificate needs them.
#[derive(Debug)]
struct SystemVerifier {
    first: Loaded,
    rest: Loaded,
    provider: Arc<CryptoProvider>,
}

/// Starts to load roots on a thread, and returns what waits for them.
fn loading(
    deadline: Instant,
    load: impl FnOnce() -> Result<Trust, Error> + Send + 'static,
) -> Box<dyn FnOnce() -> Result<Trust, Error> + Send> {
    let (sender, loaded) = mpsc::sync_channel(1);
    // Nobody may wait any more, and there may be no thread.
    let on_thread = move || drop(sender.send(load()));
    drop(thread::Builder::new().spawn(on_thread));
    Box::new(move || {
        let left = deadline.saturating_duration_since(Instant::now());
        let late = |_| Err(Error::General("the roots were not loaded".into()));
        loaded.recv_timeout(left).unwrap_or_else(late)
    })
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
        let verify = |trust: &Trust| {
            let verifier = &trust.verifier;
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        let first = self.first.as_ref().map_err(Clone::clone)?;
        let mut verified = verify(first);
        // Also for a bad signature: the bundle may hold an older root of the same name.
        if let Err(error) = &verified
            && !first.is_whole
            && let Ok(rest) = &*self.rest
        {
            let lacks_root = matches!(
                error,
                Error::InvalidCertificate(CertificateError::UnknownIssuer)
            );
            let second = verify(rest);
            if second.is_ok() || lacks_root {
                verified = second;
            }
        }
        verified.map_err(|error| {
            let (kind, instead) = meaning(&error);
            let read = Certificate::read(end_entity);
            let is_authority = read.as_ref().is_some_and(|read| read.is_authority);
            let is_self_signed = read.as_ref().is_some_and(|read| read.is_self_signed);
            let rejected = Arc::new(Rejected {
                kind: match kind {
                    TlsBadCertificate if is_authority => TlsAuthorityAsServer,
                    TlsBadCertificate | TlsUnknownIssuer if is_self_signed => TlsSelfSigned,
                    kind => kind,
                },
                error,
                issuer: read.and_then(|read| read.issuer),
                instead,
            });
            Error::InvalidCertificate(CertificateError::Other(OtherError(rejected)))
        })
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

/// Why a certificate was not trusted, with what it says of itself: the library's error
/// alone doesn't name the issuer.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
struct Rejected {
    error: Error,
    kind: FaultKind,
    issuer: Option<String>,
    instead: Option<String>,
}

/// Tells what a TLS error means; `clean` is applied to every text of the certificate.
pub(super) fn fault(error: &Error, clean: Clean<'_>) -> Fault {
    if let Error::InvalidCertificate(CertificateError::Other(OtherError(error))) = error
        && let Some(rejected) = error.downcast_ref::<Rejected>()
    {
        let cleaned = |text: &String| Untrusted::cleaned(text, clean);
        return Fault {
            issuer: rejected.issuer.as_ref().map(cleaned),
            instead: rejected.instead.as_ref().map(cleaned),
            ..rejected.kind.into()
        };
    }
    meaning(error).0.into()
}

/// Tells what a TLS error means, and what a certificate holds in place of what was wanted.
fn meaning(error: &Error) -> (FaultKind, Option<String>) {
    let day = |time: &UnixTime| {
        let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time.as_secs()))?;
        let text = humantime::format_rfc3339_seconds(shown_time(time)).to_string();
        Some(text.split_once('T')?.0.to_owned())
    };
    let kind = match error {
        Error::InvalidCertificate(error) => match error {
            CertificateError::UnknownIssuer => TlsUnknownIssuer,
            CertificateError::ExpiredContext { not_after, .. } => {
                return (TlsExpired, day(not_after).map(|day| format!("on {day}")));
            }
            CertificateError::NotValidYetContext { not_before, .. } => {
                let instead = day(not_before).map(|day| format!("before {day}"));
                return (TlsNotYetValid, instead);
            }
            CertificateError::NotValidForNameContext { presented, .. } => {
                // The library's text for one is `DnsName("host")`.
                let names = presented.iter();
                let names = names.map(|name| name.split('"').nth(1).unwrap_or(name));
                let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
                let first = names.get(..NAMES).unwrap_or(&names).join(", ");
                let instead = match names.len() {
                    0 => None,
                    1..=NAMES => Some(format!("for {first}")),
                    all => Some(format!("for {first} and {} more", all - NAMES)),
                };
                return (TlsWrongName, instead);
            }
            CertificateError::Expired => TlsExpired,
            CertificateError::NotValidYet => TlsNotYetValid,
            CertificateError::NotValidForName => TlsWrongName,
            _ => TlsBadCertificate,
        },
        Error::AlertReceived(Alert::CertificateRequired) => TlsClientCertificateWanted,
        Error::PeerIncompatible(_)
        | Error::AlertReceived(
            Alert::ProtocolVersion | Alert::HandshakeFailure | Alert::InsufficientSecurity,
        ) => TlsNoCommonProtocol,
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => TlsNotSpoken,
        Error::Other(OtherError(error)) if error.is::<VerifierBuilderError>() => TlsNoRoots,
        _ => TlsFailed,
    };
    (kind, None)
}

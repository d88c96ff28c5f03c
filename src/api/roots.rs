//! Root certificates: those that the user names, and the system's.

use crate::plan::PlanError;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{Error, RootCertStore};
use std::path::PathBuf;
use std::sync::Arc;
use x509_cert::der::{Reader as _, SliceReader};

/// Which root certificates are trusted.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    /// Certificates that are trusted besides the system's, in PEM or DER.
    pub extra: Option<Vec<u8>>,
    /// The file of `SSL_CERT_FILE`, if that is set and not empty. Systems with a store of their
    /// own (macOS, Windows) don't ask for it.
    pub file: Option<PathBuf>,
    /// The folders of `SSL_CERT_DIR`.
    pub folders: Vec<PathBuf>,
}

impl Roots {
    /// Reads the extra certificates.
    ///
    /// # Errors
    /// Returns [`PlanError::CaCertInvalid`] unless there is at least one, and all are usable.
    pub(super) fn extra(&self) -> Result<Vec<CertificateDer<'static>>, PlanError> {
        let Some(bytes) = &self.extra else {
            return Ok(Vec::new());
        };
        let roots = certificates(bytes).ok_or(PlanError::CaCertInvalid)?;
        let mut store = RootCertStore::empty();
        let all_usable = roots.iter().all(|root| store.add(root.clone()).is_ok());
        if roots.is_empty() || !all_usable {
            return Err(PlanError::CaCertInvalid);
        }
        Ok(roots)
    }
}

/// Reads the certificates of a file, which is text in PEM or one certificate in DER. Returns
/// nothing if the text breaks off or one of them is not base64.
///
/// OpenSSL's `TRUSTED CERTIFICATE` is a certificate with remarks for OpenSSL behind it.
fn certificates(bytes: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Some(vec![first_value(bytes)?]);
    };
    let text = text.trim_start_matches('\u{feff}');
    let mut text = text.to_owned();
    for label in ["TRUSTED CERTIFICATE-----", "X509 CERTIFICATE-----"] {
        if text.contains(label) {
            text = text.replace(label, "CERTIFICATE-----");
        }
    }
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    let found = found.ok()?;
    found.iter().map(|bytes| first_value(bytes)).collect()
}

/// Returns the first value of a text in DER, without what stands behind it.
fn first_value(bytes: &[u8]) -> Option<CertificateDer<'static>> {
    let value = SliceReader::new(bytes).ok()?.tlv_bytes().ok()?;
    Some(CertificateDer::from(value.to_vec()))
}

/// Makes what checks certificates as the system does, with its roots and some more.
///
/// # Errors
/// Returns [`super::tls::NoRoots`] if there is no root at all.
#[cfg(all(unix, not(target_vendor = "apple")))]
pub(super) fn verifier(
    extra: Vec<CertificateDer<'static>>,
    roots: &Roots,
    provider: Arc<CryptoProvider>,
) -> Result<Verifier, Error> {
    use super::tls::NoRoots;
    use rustls::OtherError;
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(extra.into_iter().chain(files::certificates(roots)));
    if store.is_empty() {
        return Err(Error::Other(OtherError(Arc::new(NoRoots))));
    }
    let builder = Verifier::builder_with_provider(store.into(), provider);
    let verifier = builder.build();
    let verifier = verifier.map_err(|error| Error::Other(OtherError(Arc::new(error))))?;
    Arc::into_inner(verifier).ok_or_else(|| Error::General("the roots are in use".into()))
}

/// What checks certificates.
#[cfg(all(unix, not(target_vendor = "apple")))]
pub(super) type Verifier = rustls::client::WebPkiServerVerifier;

/// What checks certificates.
#[cfg(not(all(unix, not(target_vendor = "apple"))))]
pub(super) type Verifier = rustls_platform_verifier::Verifier;

/// Makes what checks certificates as the system does, with its roots and some more.
///
/// # Errors
/// Returns the system's error; it is none about missing roots.
#[cfg(not(all(unix, not(target_vendor = "apple"))))]
pub(super) fn verifier(
    extra: Vec<CertificateDer<'static>>,
    _: &Roots,
    provider: Arc<CryptoProvider>,
) -> Result<Verifier, Error> {
    Verifier::new_with_extra_roots(extra, provider)
}

/// The system's roots, where they are files.
#[cfg(all(unix, not(target_vendor = "apple")))]
mod files {
    use super::{CertificateDer, PathBuf, Roots};
    use rustls::pki_types::pem::PemObject as _;
    use std::collections::HashSet;
    use std::fs::{self, File};
    use std::io::Read as _;
    use std::os::unix::fs::MetadataExt as _;

    /// The maximum number of bytes that are read of a file; all roots of the web have 300 KiB.
    const MAX_FILE: u64 = 8 * 1024 * 1024;

    /// Reads the roots of the variables' files and folders; without such, of those places where
    /// systems have them. What is no file with certificates in PEM is skipped.
    pub(super) fn certificates(roots: &Roots) -> Vec<CertificateDer<'static>> {
        let (file, folders) = if roots.file.is_none() && roots.folders.is_empty() {
            let found = openssl_probe::probe();
            (found.cert_file, found.cert_dir)
        } else {
            (roots.file.clone(), roots.folders.clone())
        };
        let entries = folders.iter().flat_map(fs::read_dir).flatten().flatten();
        let paths = file.into_iter().chain(entries.map(|entry| entry.path()));
        // A folder has the same file under several names.
        let mut seen = HashSet::new();
        paths
            .filter_map(|path| read(&path, &mut seen))
            .flat_map(|bytes| {
                let found = CertificateDer::pem_slice_iter(&bytes).flatten();
                found.collect::<Vec<_>>()
            })
            .collect()
    }

    /// Reads a file that was not seen before. A pipe or a device, which may never end, is none.
    fn read(path: &PathBuf, seen: &mut HashSet<(u64, u64)>) -> Option<Vec<u8>> {
        let found = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        if !seen.insert((found.dev(), found.ino())) {
            return None;
        }
        let mut bytes = Vec::new();
        let file = File::open(path).ok()?;
        file.take(MAX_FILE).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }
}

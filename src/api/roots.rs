//! Root certificates: those that the user names, and the system's.

use super::certificate::values;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{Error, RootCertStore};
use std::path::PathBuf;
use std::sync::Arc;
#[cfg(all(unix, not(target_vendor = "apple")))]
use {
    base64::{Engine as _, engine::general_purpose::STANDARD},
    rustls::{OtherError, client::WebPkiServerVerifier},
    std::{collections::HashSet, fs, path::Path},
};

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
    /// Reads the extra certificates of a file, which is text in PEM or one certificate in DER; nothing
    /// unless there is at least one and all are usable, and if the text breaks off or one of them is
    /// not base64.
    ///
    /// OpenSSL's `TRUSTED CERTIFICATE` is a certificate with remarks for OpenSSL behind it.
    pub(super) fn extra(&self) -> Option<Vec<CertificateDer<'static>>> {
        const LABEL: &str = "CERTIFICATE-----";
        let Some(bytes) = &self.extra else {
            return Some(Vec::new());
        };
        let first = |bytes: &[u8]| {
            let first = values(bytes).next()?.whole;
            Some(CertificateDer::from(first.to_vec()))
        };
        let roots: Vec<_> = if let Ok(text) = std::str::from_utf8(bytes) {
            let text = text.replace("TRUSTED CERTIFICATE-----", LABEL);
            let text = text.replace("X509 CERTIFICATE-----", LABEL);
            let found = CertificateDer::pem_slice_iter(text.as_bytes());
            found
                .map(|bytes| first(&bytes.ok()?))
                .collect::<Option<_>>()?
        } else {
            vec![first(bytes)?]
        };
        let mut store = RootCertStore::empty();
        let all_usable = roots.iter().all(|root| store.add(root.clone()).is_ok());
        (all_usable && !roots.is_empty()).then_some(roots)
    }
}

/// Reads the certificates of a bundle that can be read. The TLS library's own reader decodes each as
/// if it were a secret, which took a quarter of a run's instructions.
#[cfg(all(unix, not(target_vendor = "apple")))]
fn bundled(text: &str) -> Vec<CertificateDer<'static>> {
    let text = format!("\n{text}");
    let sections = text.split("\n-----BEGIN CERTIFICATE-----").skip(1);
    let read = |section: &str| {
        let (body, _) = section.split_once('-')?;
        let body: String = body.lines().map(str::trim).collect();
        Some(STANDARD.decode(body).ok()?.into())
    };
    sections.filter_map(read).collect()
}

/// What checks certificates by some of the roots.
#[derive(Debug)]
pub(super) struct Trust {
    pub(super) verifier: Verifier,
    /// Whether these are all roots that there are.
    pub(super) is_whole: bool,
}

/// What checks certificates.
#[cfg(all(unix, not(target_vendor = "apple")))]
pub(super) type Verifier = Arc<WebPkiServerVerifier>;

/// What checks certificates.
#[cfg(not(all(unix, not(target_vendor = "apple"))))]
pub(super) type Verifier = rustls_platform_verifier::Verifier;

/// Trusts the system's roots and some more.
///
/// As OpenSSL does, the folders of single certificates are left for when the bundle has not the
/// root that is wanted, which is asked for by `rest`: they hold the same ones on most systems, in
/// hundreds of files.
///
/// # Errors
/// Returns a [`rustls::client::VerifierBuilderError`] if there is no root at all.
#[cfg(all(unix, not(target_vendor = "apple")))]
pub(super) fn load(
    extra: Vec<CertificateDer<'static>>,
    roots: &Roots,
    rest: bool,
    provider: Arc<CryptoProvider>,
) -> Result<Trust, Error> {
    use std::os::unix::fs::MetadataExt as _;
    /// The maximum number of bytes of a file; all roots of the web have 300 KiB.
    const MAX_FILE: u64 = 8 * 1024 * 1024;
    let (bundle, folders) = if roots.file.is_none() && roots.folders.is_empty() {
        let found = openssl_probe::probe();
        (found.cert_file, found.cert_dir)
    } else {
        (roots.file.clone(), roots.folders.clone())
    };
    let (mut store, mut seen) = (RootCertStore::empty(), HashSet::new());
    // A folder has the same file under several names, and often the bundle, too. What is no such
    // file is skipped, and so are pipes and devices, which may never end.
    let mut add = |store: &mut RootCertStore, path: &Path, is_wanted| {
        let Ok(found) = fs::metadata(path) else {
            return;
        };
        let is_bounded = found.is_file() && found.len() <= MAX_FILE;
        if is_bounded && seen.insert((found.dev(), found.ino())) && is_wanted {
            let bytes = fs::read(path).unwrap_or_default();
            let text = String::from_utf8(bytes);
            let text = text.unwrap_or_else(|no| String::from_utf8_lossy(no.as_bytes()).into());
            store.add_parsable_certificates(bundled(&text));
        }
    };
    if let Some(path) = bundle {
        add(&mut store, &path, !rest);
    }
    let is_whole = store.is_empty();
    if is_whole {
        let entries = folders.iter().flat_map(fs::read_dir).flatten().flatten();
        entries.for_each(|entry| add(&mut store, &entry.path(), true));
    }
    store.add_parsable_certificates(extra);
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider).build();
    Ok(Trust {
        verifier: verifier.map_err(|error| Error::Other(OtherError(Arc::new(error))))?,
        is_whole: is_whole || folders.is_empty(),
    })
}

/// Trusts the system's roots and some more.
///
/// # Errors
/// Returns the system's error; it is none about missing roots.
#[cfg(not(all(unix, not(target_vendor = "apple"))))]
pub(super) fn load(
    extra: Vec<CertificateDer<'static>>,
    _: &Roots,
    _: bool,
    provider: Arc<CryptoProvider>,
) -> Result<Trust, Error> {
    let verifier = Verifier::new_with_extra_roots(extra, provider)?;
    Ok(Trust {
        verifier,
        is_whole: true,
    })
}

#[cfg(test)]
mod tests {
    #[cfg(all(unix, not(target_vendor = "apple")))]
    #[test]
    fn a_bundle_is_read_as_the_library_reads_it() {
        use super::*;
        let certified = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
        let (pem, key) = (certified.cert.pem(), certified.signing_key.serialize_pem());
        let lines = pem.replace('\n', "\r\n");
        let trusted = pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE");
        let broken = pem.replacen("\nM", "\n!", 1);
        let text = format!(
            "# a\n{pem}\n# émile\n{broken}{key}{lines}{trusted}x{pem}{}",
            &pem[..99]
        );
        let expected: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes())
            .flatten()
            .collect();
        assert_eq!(expected.len(), 2);
        assert_eq!(bundled(&text), expected);
    }
}

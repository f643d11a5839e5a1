//! A server's certificate and its private key, read from files and checked against each other. Whom clients trust is not known here.

mod expiry;

pub(super) use expiry::{Expiry, Left, ends_soon};

use super::secret_file;
use crate::nts::Validity;
use crate::time::{ClockTime, Date};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, InconsistentKeys};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::BasicConstraints;
use zeroize::Zeroizing;

/// What a TLS server shows, and proves to be its own.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    /// The server's certificate, those that lead to a root, and the key.
    pub(crate) certified: Arc<CertifiedKey>,
    /// Of the server's certificate.
    pub(crate) validity: Validity,
}

/// The certificate of a server and those that lead to a root, without a key.
#[derive(Debug)]
pub(super) struct Chain {
    path: PathBuf,
    certificates: Vec<CertificateDer<'static>>,
    validity: Validity,
}

/// A chain has some kB, a key less.
const LONGEST: usize = 1 << 20;

/// Reads both files (PEM).
///
/// # Errors
/// `file: what is wrong; what to do`.
pub(crate) fn read(chain_path: &Path, key_path: &Path) -> Result<Certificate, String> {
    Chain::read(chain_path)?.with_key(key_path)
}

impl Chain {
    /// Reads the file of certificates alone.
    ///
    /// # Errors
    /// `file: what is wrong; what to do`.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let certificates = read_chain(path)?;
        let validity = certificates.first().and_then(validity).ok_or_else(|| {
            let name = path.display();
            format!("{name}: the first certificate cannot be understood; have it issued again")
        })?;
        Ok(Self { path: path.to_owned(), certificates, validity })
    }

    /// With its key, if it is that.
    ///
    /// # Errors
    /// `file: what is wrong; what to do`.
    pub(super) fn with_key(self, key_path: &Path) -> Result<Certificate, String> {
        let key = read_key(key_path)?;
        let (chain_name, key_name) = (self.path.display(), key_path.display());
        let certified = CertifiedKey::from_der(self.certificates, key, &provider()).map_err(|error| match error {
            TlsError::InconsistentKeys(InconsistentKeys::KeyMismatch) => format!(
                "{key_name}: this is not the key of the first certificate in {chain_name}; name the two that were made together, the \
                 server's own certificate first in its file"
            ),
            TlsError::InvalidCertificate(error) => {
                format!("{chain_name}: the first certificate cannot be used: {error}; have it issued again")
            }
            error => format!("{key_name}: the private key cannot be used: {error}; RSA, ECDSA and Ed25519 can"),
        })?;
        Ok(Certificate { certified: Arc::new(certified), validity: self.validity })
    }

    /// Why clients refuse it now, if they do by this clock, with what to do.
    pub(super) fn trouble(&self, now: ClockTime) -> Option<String> {
        trouble(self.validity, now)
    }

    /// How long clients still take it, if that is not long.
    pub(super) fn ends_soon(&self, now: ClockTime) -> Option<String> {
        match Expiry::default().due(self.validity, now)? {
            Left::Expired => None,
            left @ Left::Seconds(_) => Some(ends_soon(self.validity.not_after, left)),
        }
    }
}

/// The one protocol of key exchanges (RFC 8915 §4), on either side.
pub(crate) const ALPN: &[u8] = b"ntske/1";

/// The cryptography of all TLS of ours, named and not found.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// When a certificate is valid; `None` if it cannot be understood.
pub(crate) fn validity(certificate: &CertificateDer<'_>) -> Option<Validity> {
    let parsed = x509_cert::Certificate::from_der(certificate).ok()?;
    let validity = parsed.tbs_certificate().validity();
    let time = |time: x509_cert::time::Time| {
        // Certificates without an end name the year 9999; a clock's time ends in 2262.
        ClockTime::from_unix_secs(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
    };
    Some(Validity { not_before: time(validity.not_before), not_after: time(validity.not_after) })
}

/// Whether it may sign others (RFC 5280 §4.2.1.9); not if it cannot be understood.
pub(crate) fn is_authority(certificate: &CertificateDer<'_>) -> bool {
    let parsed = x509_cert::Certificate::from_der(certificate).ok();
    let constraints =
        parsed.and_then(|parsed| parsed.tbs_certificate().get_extension::<BasicConstraints>().ok()?);
    constraints.is_some_and(|(_, constraints)| constraints.ca)
}

impl Certificate {
    /// Why clients refuse it now, if they do by this clock, with what to do.
    pub(crate) fn trouble(&self, now: ClockTime) -> Option<String> {
        trouble(self.validity, now)
    }
}

fn trouble(Validity { not_before, not_after }: Validity, now: ClockTime) -> Option<String> {
    if now > not_after {
        return Some(format!(
            "the certificate has expired on {}: clients refuse it; renew it",
            Date::of(not_after)
        ));
    }
    (now < not_before).then(|| {
        let (from, today) = (Date::of(not_before), Date::of(now));
        format!("the certificate is not valid before {from}, and this machine's clock shows {today}: clients refuse it until then; look at the clock")
    })
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let name = path.display();
    let bytes = read_file(path, "certificate chain", "certificate-chain-path")?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let chain = chain.map_err(|error| not_pem(path, &error))?;
    if chain.is_empty() {
        return Err(format!(
            "{name}: there is no certificate in it; it must be PEM (-----BEGIN CERTIFICATE-----), the server's own certificate first"
        ));
    }
    Ok(chain)
}

/// Reads a private key that belongs to no chain yet.
///
/// # Errors
/// `file: what is wrong; what to do`.
pub(super) fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let name = path.display();
    let bytes = read_file(path, "private key", "private-key-path")?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| match error {
        PemError::NoItemsFound if is_encrypted(&bytes) => {
            format!("{name}: the private key is encrypted, and nobody is asked for a passphrase; `openssl pkey` writes it without")
        }
        PemError::NoItemsFound => {
            format!("{name}: there is no private key in it; it must be PEM (-----BEGIN PRIVATE KEY-----)")
        }
        error => not_pem(path, &error),
    })
}

/// Without a word of what is in the file: it may be a secret.
fn not_pem(path: &Path, error: &PemError) -> String {
    let what = match error {
        PemError::MissingSectionEnd { .. } => "a section has no end (-----END …-----)",
        PemError::IllegalSectionStart { .. } => "a line that begins a section is not whole",
        PemError::Base64Decode(_) => "a section is not base64",
        _ => "it cannot be understood",
    };
    format!("{}: this is no PEM: {what}; have it written again", path.display())
}

fn is_encrypted(bytes: &[u8]) -> bool {
    const LABEL: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY-----";
    bytes.windows(LABEL.len()).any(|window| window == LABEL)
}

fn read_file(path: &Path, what: &str, setting: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let name = path.display();
    let (bytes, _) = secret_file::read(path, LONGEST).map_err(|error| {
        format!(
            "{name}: the {what} cannot be read: {error}; write the path of a PEM file that the daemon's user may read for {setting} in \
             [[nts-ke-server]]"
        )
    })?;
    if bytes.len() > LONGEST {
        return Err(format!("{name}: this is longer than any {what}; check {setting} in [[nts-ke-server]]"));
    }
    Ok(bytes)
}

#[cfg(test)]
pub(super) mod tests;

//! Who is trusted, and the TLS configuration that follows. Judges no certificate of a server.

use super::verifier::Verifier;
use crate::daemon::certificate::{ALPN, provider};
use crate::daemon::secret_file;
use crate::nts::CertificateTime;
use crate::time::ClockTime;
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Those who are trusted.
#[derive(Debug)]
pub(super) struct Trusted {
    /// Whom certificates may lead to.
    pub(super) roots: Arc<RootCertStore>,
    /// The certificates of the file, which a server may show for its own as well.
    pub(super) named: BTreeSet<Vec<u8>>,
}

/// The system's roots and those of the file. Read for every exchange, so that a renewed file needs no restart, and memory is not kept for them.
///
/// # Errors
/// Names the file, or says that there is nobody to trust.
pub(super) async fn roots(file: Option<PathBuf>) -> Result<Arc<Trusted>, String> {
    let read = tokio::task::spawn_blocking(move || read(file.as_deref()));
    read.await.map_err(|error| error.to_string())?
}

fn read(file: Option<&Path>) -> Result<Arc<Trusted>, String> {
    let (mut roots, named) =
        file.map_or_else(|| Ok((RootCertStore::empty(), BTreeSet::new())), roots_of_file)?;
    let system = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(system.certs);
    if roots.is_empty() {
        let because = system.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
        return Err(format!(
            "the system has no trusted certificates{because}: install them (often the package ca-certificates) or name a \
             certificate-authority"
        ));
    }
    Ok(Arc::new(Trusted { roots: Arc::new(roots), named }))
}

/// Those of a file (`certificate-authority`), and its certificates as they are.
///
/// # Errors
/// Names the file, and says what to do.
pub(in crate::daemon) fn roots_of_file(path: &Path) -> Result<(RootCertStore, BTreeSet<Vec<u8>>), String> {
    let refused = |what: String| format!("certificate-authority {} {what}", path.display());
    let (text, _) = secret_file::read(path, LONGEST).map_err(|error| {
        refused(format!("cannot be read: {error}; correct the path, or let the daemon's user read it"))
    })?;
    if text.len() > LONGEST {
        return Err(refused(format!("has more than {} MiB; name a PEM file of certificates", LONGEST >> 20)));
    }
    let (mut roots, mut named) = (RootCertStore::empty(), BTreeSet::new());
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate =
            certificate.map_err(|error| refused(format!("is not PEM: {error}; have it written again")))?;
        named.insert(certificate.to_vec());
        roots.add(certificate).map_err(|error| {
            refused(format!(
                "has a certificate that is none of an authority: {error}; name that of the issuer"
            ))
        })?;
    }
    if roots.is_empty() {
        return Err(refused(
            "has no certificate in it; it must be PEM (-----BEGIN CERTIFICATE-----)".to_owned(),
        ));
    }
    Ok((roots, named))
}

/// Everybody whom a system trusts takes less than 1 MB.
const LONGEST: usize = 4 << 20;

/// TLS 1.3 (RFC 8915 §3), nothing resumed: two exchanges cannot be told to be of one client.
///
/// # Errors
/// None that a person could cause.
pub(super) fn configuration(verifier: Arc<Verifier>, time: CertificateTime) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_details(provider(), Arc::new(Told(unix_time(instant(time)))));
    let builder =
        builder.with_protocol_versions(&[&rustls::version::TLS13]).map_err(|error| error.to_string())?;
    let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// The clock is the engine's to read.
#[derive(Debug)]
struct Told(UnixTime);

impl TimeProvider for Told {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.0)
    }
}

const fn instant(time: CertificateTime) -> ClockTime {
    match time {
        CertificateTime::Clock(now) => now,
        CertificateTime::Unknown { not_before } => not_before,
    }
}

/// A clock before 1970 is in 1970.
pub(super) fn unix_time(time: ClockTime) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(time.unix_secs()).unwrap_or(0)))
}

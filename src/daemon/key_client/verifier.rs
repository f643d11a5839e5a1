//! Which certificates are good at which time (RFC 8915 §9.3 leaves it to the client where the clock is wrong). Trusts nobody by itself.
//!
//! With a clock that can be believed, this is what every TLS client does. Where the clock is known to be wrong, no date can be
//! compared with it: every time is accepted at which the whole chain was or is good, and not before a moment that has surely passed. The
//! engine compares that period with the time that it then measures. Until it has, an attacker who has the key of an expired certificate
//! gains what its owner had: he can pose as the server and tell a time within that certificate's life and after that moment, if he also is on
//! the path to it. Without such a key he gains nothing: names, signatures and issuers are checked as ever.

use super::trust::{self, Trusted};
use super::words;
use crate::daemon::certificate;
use crate::nts::{CertificateTime, Validity};
use crate::time::{ClockTime, Span};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

/// For one connection.
#[derive(Debug)]
pub(super) struct Verifier {
    inner: Arc<WebPkiServerVerifier>,
    trusted: Arc<Trusted>,
    time: CertificateTime,
    validity: OnceLock<Validity>,
}

/// In a chain; public ones have three. Each costs three verifications where the time is unknown.
const CERTIFICATES: usize = 6;

impl Verifier {
    pub(super) fn new(trusted: Arc<Trusted>, time: CertificateTime) -> Result<Self, String> {
        let roots = Arc::clone(&trusted.roots);
        let inner = WebPkiServerVerifier::builder_with_provider(roots, certificate::provider());
        let inner = inner.build().map_err(|error| error.to_string())?;
        Ok(Self { inner, trusted, time, validity: OnceLock::new() })
    }

    /// When the chain that was accepted is good; `None` before.
    pub(super) fn validity(&self) -> Option<Validity> {
        self.validity.get().copied()
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if others.len() >= CERTIFICATES {
            return Err(Error::General(format!("its chain has more than {CERTIFICATES} certificates")));
        }
        let of_leaf = period(leaf)?;
        let is_named = self.trusted.named.contains(leaf.as_ref());
        let mut periods = vec![of_leaf];
        for other in others.iter().filter(|_| !is_named) {
            periods.push(period(other)?);
        }
        let is_good = |time: ClockTime| match is_named {
            true => verify_named(leaf, of_leaf, name, time),
            false => {
                let verified =
                    self.inner.verify_server_cert(leaf, others, name, ocsp, trust::unix_time(time));
                verified.map(|_| ()).map_err(|error| explained(error, leaf))
            }
        };
        let validity = match self.time {
            CertificateTime::Clock(now) => {
                is_good(now)?;
                common(&periods, now)
            }
            CertificateTime::Unknown { not_before } => {
                longest(&instants(&periods, of_leaf, not_before), is_good)?
            }
        };
        // A second chain in one connection does not exist in TLS 1.3 without renegotiation.
        let _ = self.validity.set(validity);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// The server shows a certificate that the administrator has named, most often one that it signed itself: whom else it may lead to does
/// not matter. Whose it is, and when, does; and that the server has its key, as ever.
fn verify_named(
    leaf: &CertificateDer<'_>,
    period: Validity,
    name: &ServerName<'_>,
    time: ClockTime,
) -> Result<(), Error> {
    let time = trust::unix_time(time);
    let (not_before, not_after) = (trust::unix_time(period.not_before), trust::unix_time(period.not_after));
    if time < not_before {
        return Err(CertificateError::NotValidYetContext { time, not_before }.into());
    }
    if time > not_after {
        return Err(CertificateError::ExpiredContext { time, not_after }.into());
    }
    verify_server_name(&ParsedCertificate::try_from(leaf)?, name)
}

/// The library has no word of its own for a server that shows the certificate of an authority.
fn explained(error: Error, leaf: &CertificateDer<'_>) -> Error {
    match error {
        Error::InvalidCertificate(CertificateError::Other(_)) if certificate::is_authority(leaf) => {
            Error::General(words::AUTHORITY.to_owned())
        }
        error => error,
    }
}

fn period(certificate: &CertificateDer<'_>) -> Result<Validity, Error> {
    certificate::validity(certificate).ok_or(CertificateError::BadEncoding.into())
}

/// Of those that are valid now: one that is not was not needed.
fn common(periods: &[Validity], now: ClockTime) -> Validity {
    // The verifier knows whole seconds.
    let second = ClockTime::from_unix_secs(now.unix_secs());
    let all = Validity {
        not_before: ClockTime::from_unix_nanos(i64::MIN),
        not_after: ClockTime::from_unix_nanos(i64::MAX),
    };
    periods.iter().filter(|period| period.contains(second)).fold(all, |common, period| Validity {
        not_before: common.not_before.max(period.not_before),
        not_after: common.not_after.min(period.not_after),
    })
}

/// The times at which the answer may change, in order: between two of them it does not. At least one.
fn instants(periods: &[Validity], leaf: Validity, floor: ClockTime) -> BTreeSet<ClockTime> {
    let floor = floor.max(leaf.not_before);
    let second = Span::from_millis(1000);
    let changes =
        periods.iter().flat_map(|period| [period.not_before, period.not_after, period.not_after + second]);
    let possible = floor..=leaf.not_after;
    let mut instants: BTreeSet<ClockTime> = changes.filter(|time| possible.contains(time)).collect();
    // Also where nothing is possible any more: it says why.
    instants.insert(floor);
    instants
}

/// The longest run of neighbours at which the chain is good.
fn longest(
    instants: &BTreeSet<ClockTime>,
    is_good: impl Fn(ClockTime) -> Result<(), Error>,
) -> Result<Validity, Error> {
    let (mut run, mut best): (Option<Validity>, Option<Validity>) = (None, None);
    let mut failure = None;
    let length = |validity: Validity| validity.not_after - validity.not_before;
    for instant in instants.iter().copied() {
        match is_good(instant) {
            Ok(()) => {
                let not_before = run.map_or(instant, |run| run.not_before);
                let longer = Validity { not_before, not_after: instant };
                run = Some(longer);
                if best.is_none_or(|best| length(longer) > length(best)) {
                    best = run;
                }
            }
            Err(error) => {
                run = None;
                failure = failure.or(Some(error));
            }
        }
    }
    best.ok_or(failure.unwrap_or(CertificateError::ApplicationVerificationFailure.into()))
}

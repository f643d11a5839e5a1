//! What went wrong in a key exchange, for people: each text is read after the server's name. Decides nothing.

use crate::nts::CertificateTime;
use crate::time::{ClockTime, Date};
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error};
use std::io;

/// Something answers, and speaks something else.
pub(super) const NO_KEY_EXCHANGE: &str =
    "it is no NTS key exchange server (TLS 1.3 with ntske/1): is the port right?";
/// Before its answer was whole.
pub(super) const CLOSED: &str = "it closed the connection before its answer was whole";
/// Which no other client would accept either, unless it is named.
pub(super) const AUTHORITY: &str = "it shows the certificate of an authority as its own, perhaps one that signed itself: if it is right, name \
                                    this very certificate as certificate-authority";

/// Of a connection to `port`.
pub(super) fn of_io(error: &io::Error, port: u16, time: CertificateTime) -> String {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        return of_tls(error, time);
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            format!("the connection to port {port} was refused: does it exchange keys there?")
        }
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            CLOSED.to_owned()
        }
        _ => error.to_string(),
    }
}

fn of_tls(error: &Error, time: CertificateTime) -> String {
    match error {
        Error::InvalidCertificate(error) => of_certificate(error, time),
        Error::AlertReceived(AlertDescription::NoApplicationProtocol | AlertDescription::ProtocolVersion)
        | Error::NoApplicationProtocol
        | Error::PeerIncompatible(_)
        | Error::InvalidMessage(_) => NO_KEY_EXCHANGE.to_owned(),
        Error::AlertReceived(alert) => format!("it ended the TLS connection: {alert:?}"),
        Error::General(text) => text.clone(),
        other => format!("TLS failed: {other}"),
    }
}

fn of_certificate(error: &CertificateError, time: CertificateTime) -> String {
    match error {
        CertificateError::ExpiredContext { not_after, .. } => match time {
            CertificateTime::Clock(now) => format!(
                "its certificate expired on {}, and the clock says {}: it must be renewed there, unless the clock is wrong",
                date(*not_after),
                Date::of(now)
            ),
            CertificateTime::Unknown { not_before } => format!(
                "its certificate expired on {}, and it is surely later than {}: it must be renewed there",
                date(*not_after),
                Date::of(not_before)
            ),
        },
        CertificateError::NotValidYetContext { not_before, time: at } => format!(
            "its certificate is valid from {}, and the clock says {}: is the clock wrong?",
            date(*not_before),
            date(*at)
        ),
        CertificateError::UnknownIssuer => {
            "nobody who is trusted here issued its certificate: if it is right, name its \
             issuer's certificate as certificate-authority"
                .to_owned()
        }
        CertificateError::BadSignature => {
            "its certificate is not signed by the issuer that it names: if that issuer has a new key, \
             certificate-authority must name its new certificate"
                .to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            of_names(&expected.to_str(), presented)
        }
        CertificateError::BadEncoding => "its certificate cannot be read".to_owned(),
        other => format!("its certificate is not accepted: {other}"),
    }
}

/// More names are no help.
const NAMES: usize = 5;

fn of_names(expected: &str, presented: &[String]) -> String {
    let shown: Vec<String> = presented.iter().take(NAMES).map(|name| plain(name)).collect();
    let more = if presented.len() > NAMES { " and others" } else { "" };
    if shown.is_empty() {
        format!("its certificate is valid for no name at all, not for {expected}")
    } else {
        format!("its certificate is not valid for {expected}, only for {}{more}", shown.join(", "))
    }
}

/// `DnsName("time.example")` and `IpAddress(192.0.2.1)` without their wrapping.
fn plain(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    inner.trim_matches('"').chars().filter(|c| !c.is_control()).collect()
}

fn date(time: UnixTime) -> Date {
    Date::of(ClockTime::from_unix_secs(i64::try_from(time.as_secs()).unwrap_or(i64::MAX)))
}

//! What test servers for key exchanges do wrong, by name. How each looks on the wire is `connection`'s, `message`'s and `packets`' matter.

use std::fmt;
use std::str::FromStr;

/// What a key exchange server does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyExchangeBehaviour {
    /// Nothing.
    Honest,
    /// Accepts the connection and says nothing.
    StallBeforeTls,
    /// Half of what a server says first, and nothing more.
    StallInTls,
    /// Reads the request and says nothing.
    StallAfterTls,
    /// Closes the connection when it is made.
    CloseAtOnce,
    /// Closes it when the request was read.
    CloseAfterRequest,
    /// The greeting of a mail server.
    NoTls,
    /// TLS 1.2.
    OldTls,
    /// Of the application protocols it knows another one only.
    OtherProtocol,
    /// It chooses no application protocol.
    NoProtocol,
    /// The certificate is for another name.
    WrongName,
    /// The certificate has expired.
    Expired,
    /// The certificate is not valid yet.
    NotYetValid,
    /// The certificate has signed itself.
    SelfSigned,
    /// Fifty certificates.
    LongChain,
    /// A cookie without a byte.
    EmptyCookie,
    /// A cookie as long as a record can be.
    LongCookie,
    /// A thousand cookies.
    ThousandCookies,
    /// No cookie.
    NoCookie,
    /// Cookies without end.
    EndlessCookies,
    /// Records without end that may be ignored.
    EndlessUnknown,
    /// A critical record that nobody knows.
    UnknownCritical,
    /// It closes the connection within a record.
    TruncatedRecord,
    /// An error.
    Error,
    /// A warning.
    Warning,
    /// Two records that name the protocol.
    TwoProtocols,
    /// An algorithm that was not offered.
    NotOffered,
    /// The name of the NTP server has no byte.
    EmptyName,
    /// It is as long as a record can be.
    LongName,
    /// It has letters outside ASCII.
    ForeignName,
    /// It has a zero byte.
    ZeroInName,
    /// It is `localhost`.
    Localhost,
    /// It is an address of nobody's (192.0.2.1).
    Elsewhere,
    /// The NTP server's port is 0.
    PortZero,
    /// One byte in 200 ms.
    Trickle,
    /// The message does not end.
    NoEnd,
    /// Something follows the end of the message.
    AfterEnd,
    /// Keys of algorithm 30 as the RFC says, without telling so as chrony and we do: the client has others.
    SilentExporter,
}

/// What somebody on the path to the NTP server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tampering {
    /// Nothing.
    None,
    /// Says in the server's name that the cookie does not open (NTSN).
    Nak,
    /// Shortens the authenticator.
    Truncated,
    /// Cuts the packet within its last field.
    Cut,
    /// Puts the fields of the reply before behind the header.
    Replayed,
    /// Changes the header's transmit timestamp.
    Changed,
    /// Takes all fields away.
    Bare,
}

impl KeyExchangeBehaviour {
    /// Every behaviour with its word for the command line.
    pub const ALL: [(Self, &str); 38] = [
        (Self::Honest, "honest"),
        (Self::StallBeforeTls, "stall-before-tls"),
        (Self::StallInTls, "stall-in-tls"),
        (Self::StallAfterTls, "stall-after-tls"),
        (Self::CloseAtOnce, "close-at-once"),
        (Self::CloseAfterRequest, "close-after-request"),
        (Self::NoTls, "no-tls"),
        (Self::OldTls, "old-tls"),
        (Self::OtherProtocol, "other-protocol"),
        (Self::NoProtocol, "no-protocol"),
        (Self::WrongName, "wrong-name"),
        (Self::Expired, "expired"),
        (Self::NotYetValid, "not-yet-valid"),
        (Self::SelfSigned, "self-signed"),
        (Self::LongChain, "long-chain"),
        (Self::EmptyCookie, "empty-cookie"),
        (Self::LongCookie, "long-cookie"),
        (Self::ThousandCookies, "thousand-cookies"),
        (Self::NoCookie, "no-cookie"),
        (Self::EndlessCookies, "endless-cookies"),
        (Self::EndlessUnknown, "endless-unknown"),
        (Self::UnknownCritical, "unknown-critical"),
        (Self::TruncatedRecord, "truncated-record"),
        (Self::Error, "error"),
        (Self::Warning, "warning"),
        (Self::TwoProtocols, "two-protocols"),
        (Self::NotOffered, "not-offered"),
        (Self::EmptyName, "empty-name"),
        (Self::LongName, "long-name"),
        (Self::ForeignName, "foreign-name"),
        (Self::ZeroInName, "zero-in-name"),
        (Self::Localhost, "localhost"),
        (Self::Elsewhere, "elsewhere"),
        (Self::PortZero, "port-zero"),
        (Self::Trickle, "trickle"),
        (Self::NoEnd, "no-end"),
        (Self::AfterEnd, "after-end"),
        (Self::SilentExporter, "silent-exporter"),
    ];
}

impl Tampering {
    /// Each with its word for the command line.
    pub const ALL: [(Self, &str); 7] = [
        (Self::None, "none"),
        (Self::Nak, "nak"),
        (Self::Truncated, "truncated"),
        (Self::Cut, "cut"),
        (Self::Replayed, "replayed"),
        (Self::Changed, "changed"),
        (Self::Bare, "bare"),
    ];
}

fn word<T: PartialEq>(table: &[(T, &'static str)], value: &T) -> &'static str {
    table.iter().find(|(known, _)| known == value).map_or("", |(_, word)| word)
}

fn meaning<T: Copy>(table: &[(T, &str)], text: &str) -> Result<T, String> {
    let words = || table.iter().map(|(_, word)| *word).collect::<Vec<_>>().join(", ");
    let found = table.iter().find(|(_, word)| *word == text);
    found.map(|(known, _)| *known).ok_or_else(|| format!("no such word; there are {}", words()))
}

impl fmt::Display for KeyExchangeBehaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(word(&Self::ALL, self))
    }
}

impl fmt::Display for Tampering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(word(&Self::ALL, self))
    }
}

impl FromStr for KeyExchangeBehaviour {
    type Err = String;

    /// # Errors
    /// A sentence that names every behaviour.
    fn from_str(text: &str) -> Result<Self, String> {
        meaning(&Self::ALL, text)
    }
}

impl FromStr for Tampering {
    type Err = String;

    /// # Errors
    /// A sentence that names every one.
    fn from_str(text: &str) -> Result<Self, String> {
        meaning(&Self::ALL, text)
    }
}

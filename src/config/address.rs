//! Reading addresses as people write them: `host`, `host:port`, bare IPv6, `[v6]:port`. Resolves no name.

use super::HostPort;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Of NTP (RFC 5905 §7.2).
pub const NTP_PORT: u16 = 123;
/// Of NTS key exchange (RFC 8915 §7.1).
pub const KEY_EXCHANGE_PORT: u16 = 4460;
/// The longest host name in text (RFC 1035 §2.3.4), without the final dot.
const LONGEST_NAME: usize = 253;

impl HostPort {
    /// Reads an address; `default_port` if it names none.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn parse(text: &str, default_port: u16) -> Result<Self, String> {
        if text.contains("://") {
            return Err(format!("`{text}` is a URL; write only the host, and the port if it is another"));
        }
        let (host, port) = split(text)?;
        check_host(host)?;
        Ok(Self { host: host.to_owned(), port: port.map_or(Ok(default_port), parse_port)? })
    }
}

impl FromStr for HostPort {
    type Err = String;

    /// With port 123 unless said.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text, NTP_PORT)
    }
}

impl std::fmt::Display for HostPort {
    /// As it can be read again; port 123 is left out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.host.contains(':'), self.port) {
            (_, NTP_PORT) => write!(f, "{}", self.host),
            (true, port) => write!(f, "[{}]:{port}", self.host),
            (false, port) => write!(f, "{}:{port}", self.host),
        }
    }
}

/// A literal address to listen on; port 123 unless said.
///
/// # Errors
/// What is wrong, for people.
pub fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    listen_address(text, NTP_PORT)
}

/// A literal address to listen on; `default_port` if it names none.
pub(super) fn listen_address(text: &str, default_port: u16) -> Result<SocketAddr, String> {
    let (host, port) = split(text)?;
    let port = port.map_or(Ok(default_port), parse_port)?;
    let address: IpAddr = host.parse().map_err(|_| {
        let (v4, v6) = (format!("\"0.0.0.0:{default_port}\""), format!("\"[::]:{default_port}\""));
        format!("`{text}` is no address to listen on; write an IP address and a port, like {v4} or {v6}")
    })?;
    Ok(SocketAddr::new(address, port))
}

/// A name or an address without a port.
pub(super) fn host_alone(text: &str) -> Result<&str, String> {
    match split(text)? {
        (_, Some(_)) => Err(format!("`{text}` names a port; write the host alone")),
        (host, None) => check_host(host).map(|()| host),
    }
}

/// Host without brackets, and the port if there is one.
fn split(text: &str) -> Result<(&str, Option<&str>), String> {
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, after) = rest
            .split_once(']')
            .ok_or_else(|| format!("`{text}` has no closing bracket; write \"[address]:port\""))?;
        if inside.parse::<Ipv6Addr>().is_err() {
            return Err(format!("`{inside}` is no IPv6 address; only IPv6 addresses stand in brackets"));
        }
        return match after.strip_prefix(':') {
            Some(port) => Ok((inside, Some(port))),
            None if after.is_empty() => Ok((inside, None)),
            None => Err(format!("`{text}` goes on after the bracket; write \"[address]:port\"")),
        };
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok((text, None));
    }
    match text.split_once(':') {
        Some((_, port)) if port.contains(':') => Err(format!(
            "`{text}` is neither an IPv6 address nor a host with a port; write \"[address]:port\""
        )),
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((text, None)),
    }
}

fn parse_port(text: &str) -> Result<u16, String> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => Err(format!("`{text}` is no port; write a number from 1 to 65535")),
    }
}

fn check_host(host: &str) -> Result<(), String> {
    if host.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    if name.is_empty() {
        return Err("there is no host; write a name or an IP address".to_owned());
    }
    if !name.is_ascii() {
        return Err(format!("`{host}` is not ASCII; write the name in its xn-- form"));
    }
    if let Some(odd) = name.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.')) {
        return Err(format!("`{host}` contains `{odd}`; write only a name or an IP address"));
    }
    let labels = || name.split('.');
    if name.len() > LONGEST_NAME || labels().any(|label| label.is_empty() || label.len() > 63) {
        return Err(format!("`{host}` is no host name: a part of it is empty or too long"));
    }
    // A top-level domain is never numeric (RFC 1123 §2.1), so this was meant as an address.
    if labels().next_back().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit())) {
        return Err(format!("`{host}` is no valid IPv4 address; write four numbers from 0 to 255"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, host: &str, port: u16) {
        assert_eq!(text.parse(), Ok(HostPort { host: host.to_owned(), port }), "{text}");
    }

    #[test]
    fn every_documented_form_is_read() {
        check("time.example.org", "time.example.org", 123);
        check("time.example.org.:1123", "time.example.org.", 1123);
        check("192.0.2.1", "192.0.2.1", 123);
        check("192.0.2.1:4123", "192.0.2.1", 4123);
        check("2001:db8::1", "2001:db8::1", 123);
        check("[2001:db8::1]", "2001:db8::1", 123);
        check("[2001:db8::1]:4123", "2001:db8::1", 4123);
        assert_eq!(HostPort::parse("ke.example.org", KEY_EXCHANGE_PORT).map(|a| a.port), Ok(4460));
    }

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        let cases = [
            ("", "no host"),
            (":123", "no host"),
            ("host:", "no port"),
            ("host:0", "no port"),
            ("host:65536", "no port"),
            ("host:+1", "no port"),
            ("[2001:db8::1", "closing bracket"),
            ("[2001:db8::1]123", "after the bracket"),
            ("[192.0.2.1]:123", "no IPv6 address"),
            ("a:b:c", "neither an IPv6"),
            ("ntp://host", "is a URL"),
            ("host/path", "contains `/`"),
            ("two hosts", "contains ` `"),
            ("fe80::1%eth0", "neither an IPv6"),
            ("192.0.2.300", "no valid IPv4"),
            ("a..b", "empty or too long"),
            ("zürich.example", "xn--"),
        ];
        for (text, reason) in cases {
            let error = text.parse::<HostPort>().unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_printed_can_be_read_again() {
        for text in ["h", "h:1", "192.0.2.1", "2001:db8::1", "[2001:db8::1]:4123"] {
            assert_eq!(text.parse::<HostPort>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_host_alone_has_no_port_and_no_brackets() {
        for (text, host) in [("a.example", "a.example"), ("2001:db8::1", "2001:db8::1"), ("[::1]", "::1")] {
            assert_eq!(host_alone(text), Ok(host));
        }
        for text in ["a.example:123", "[::1]:123", "192.0.2.1:123"] {
            assert!(host_alone(text).unwrap_err().contains("the host alone"), "{text}");
        }
    }

    #[test]
    fn listeners_need_literal_addresses() {
        assert_eq!(parse_listen("[::]:123"), Ok("[::]:123".parse().unwrap()));
        assert_eq!(parse_listen("0.0.0.0"), Ok("0.0.0.0:123".parse().unwrap()));
        assert_eq!(parse_listen("::1"), Ok("[::1]:123".parse().unwrap()));
        assert!(parse_listen("localhost:123").unwrap_err().contains("IP address and a port"));
        assert_eq!(listen_address("::", KEY_EXCHANGE_PORT), Ok("[::]:4460".parse().unwrap()));
        assert!(listen_address("here", KEY_EXCHANGE_PORT).unwrap_err().contains("\"[::]:4460\""));
    }
}

//! The NTP server that a key exchange names: an address or a fully qualified host name (RFC 8915 §4.1.7). Resolves nothing.

use std::fmt;
use std::net::IpAddr;

/// Checked: a literal address without zone, or a host name of letters, digits, hyphens, underscores and dots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerName(String);

/// Of a name in DNS, as text without the final dot (RFC 1035 §2.3.4).
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

impl ServerName {
    /// `None` if it is neither. A final dot is accepted.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = str::from_utf8(bytes).ok()?;
        (text.parse::<IpAddr>().is_ok() || is_host_name(text)).then(|| Self(text.to_owned()))
    }

    /// As it was sent: what an [`super::Offer`] denies must be the same byte by byte.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address, if it is one.
    pub fn address(&self) -> Option<IpAddr> {
        self.0.parse().ok()
    }

    /// The name with a final dot, so that a resolver adds no domain of its own; `None` for an address.
    pub fn fully_qualified(&self) -> Option<String> {
        self.address().is_none().then(|| format!("{}.", self.0.trim_end_matches('.')))
    }
}

/// Digits and dots alone are an address that went wrong, and are refused.
fn is_host_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        (1..=LONGEST_LABEL).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last_is_a_number =
        name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    name.len() <= LONGEST_NAME && name.split('.').all(is_label) && !last_is_a_number
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_host_names_are_servers_and_nothing_else_is() {
        let good = [
            "192.0.2.1",
            "2001:db8::1",
            "time.example.org",
            "time.example.org.",
            "a_b",
            "xn--zrich-kva.example",
        ];
        for text in good {
            assert_eq!(ServerName::parse(text.as_bytes()).unwrap().as_str(), text);
        }
        for text in
            ["", ".", "a..b", "fe80::1%eth0", "[2001:db8::1]", "host:123", "1.2.3", "a b", "a\0", "zürich"]
        {
            assert_eq!(ServerName::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(ServerName::parse(&[b'a'; 64]), None);
    }

    #[test]
    fn a_name_is_looked_up_as_it_stands() {
        let name = |text: &str| ServerName::parse(text.as_bytes()).unwrap().fully_qualified();
        assert_eq!(name("time.example").as_deref(), Some("time.example."));
        assert_eq!(name("time.example.").as_deref(), Some("time.example."));
        assert_eq!(name("192.0.2.1"), None);
    }
}

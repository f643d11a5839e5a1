//! Networks as people write them: an address, a slash, and how many bits count. Decides nothing about them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Addresses that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    /// Its bits after the first `bits` are zero.
    pub address: IpAddr,
    /// At most 32 or 128, by family.
    pub bits: u8,
}

/// In front of IPv4 addresses that are written as IPv6 (RFC 4291 §2.5.5.2).
const MAPPED_BITS: u8 = 96;

impl Network {
    /// The network of so many bits that `address` is in; more than it has are all.
    pub fn around(address: IpAddr, bits: u8) -> Self {
        match address {
            IpAddr::V4(v4) => {
                let bits = bits.min(32);
                let host = u32::MAX.checked_shr(bits.into()).unwrap_or(0);
                Self { address: Ipv4Addr::from_bits(v4.to_bits() & !host).into(), bits }
            }
            IpAddr::V6(v6) => {
                let bits = bits.min(128);
                let host = u128::MAX.checked_shr(bits.into()).unwrap_or(0);
                Self { address: Ipv6Addr::from_bits(v6.to_bits() & !host).into(), bits }
            }
        }
    }
}

impl FromStr for Network {
    type Err = String;

    /// Bits of the address that do not count may be set, as 1.x has it. IPv4 mapped into IPv6 becomes IPv4.
    fn from_str(text: &str) -> Result<Self, String> {
        let Some((address, length)) = text.split_once('/') else {
            return Err(match text.parse() {
                Ok(IpAddr::V4(_)) => format!("write \"{text}/32\" for one address"),
                Ok(IpAddr::V6(_)) => format!("write \"{text}/128\" for one address"),
                Err(_) => FORMS.to_owned(),
            });
        };
        let address: IpAddr = address.parse().map_err(|_| FORMS.to_owned())?;
        let digits = length.bytes().all(|b| b.is_ascii_digit());
        let bits: Option<u8> = length.parse().ok().filter(|_| digits);
        let (longest, hint) = match address {
            IpAddr::V4(_) => (32, "at most 32 bits of an IPv4 address can count"),
            IpAddr::V6(_) => (128, "at most 128 bits of an IPv6 address can count"),
        };
        let bits = bits.filter(|bits| *bits <= longest).ok_or(hint)?;
        match (address, address.to_canonical()) {
            (IpAddr::V6(_), v4 @ IpAddr::V4(_)) => {
                let bits = bits.checked_sub(MAPPED_BITS).ok_or("write it as an IPv4 network")?;
                Ok(Self::around(v4, bits))
            }
            _ => Ok(Self::around(address, bits)),
        }
    }
}

const FORMS: &str = "write networks like \"192.0.2.0/24\" or \"2001:db8::/32\"";

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, network: &str) {
        assert_eq!(text.parse::<Network>().map(|n| n.to_string()), Ok(network.to_owned()), "{text}");
    }

    #[test]
    fn networks_are_read_with_what_counts_of_them() {
        check("192.0.2.0/24", "192.0.2.0/24");
        check("192.168.1.1/24", "192.168.1.0/24");
        check("255.255.255.255/0", "0.0.0.0/0");
        check("192.0.2.1/32", "192.0.2.1/32");
        check("2001:db8:1::1/32", "2001:db8::/32");
        check("::1/128", "::1/128");
        check("ffff::/0", "::/0");
    }

    #[test]
    fn ipv4_in_ipv6_is_ipv4() {
        check("::ffff:192.0.2.1/120", "192.0.2.0/24");
        check("::ffff:192.0.2.1/96", "0.0.0.0/0");
        let error = "::ffff:192.0.2.1/95".parse::<Network>().unwrap_err();
        assert!(error.contains("as an IPv4 network"), "{error}");
    }

    #[test]
    fn nonsense_is_refused_with_what_to_write() {
        let rows = [
            ("192.0.2.1", "\"192.0.2.1/32\" for one address"),
            ("::1", "\"::1/128\" for one address"),
            ("example.org/24", "write networks like"),
            ("192.0.2.0/33", "at most 32"),
            ("::/129", "at most 128"),
            ("192.0.2.0/", "at most 32"),
            ("192.0.2.0/+8", "at most 32"),
            ("192.0.2.0/8/8", "at most 32"),
            ("192.0.2/24", "write networks like"),
        ];
        for (text, hint) in rows {
            let error = text.parse::<Network>().unwrap_err();
            assert!(error.contains(hint), "{text}: {error}");
        }
    }
}

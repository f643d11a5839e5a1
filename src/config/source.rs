//! What one source is called, how many servers it stands for, and when two are the same. Reads nothing.

use super::{HostPort, KEY_EXCHANGE_PORT, NTP_PORT, SourceConfig, SourceKind};

impl SourceConfig {
    /// As a person would write it: the port only where it is not the usual one.
    pub fn name(&self) -> String {
        let (HostPort { host, port }, usual_port) = match &self.kind {
            SourceKind::Server { address } | SourceKind::Pool { address, .. } => (address, NTP_PORT),
            SourceKind::Nts(with) | SourceKind::NtsPool { key_exchange: with, .. } => {
                (&with.address, KEY_EXCHANGE_PORT)
            }
        };
        match (*port, host.contains(':')) {
            (port, _) if port == usual_port => host.clone(),
            (port, true) => format!("[{host}]:{port}"),
            (port, false) => format!("{host}:{port}"),
        }
    }

    /// How many servers it stands for.
    pub const fn wanted(&self) -> usize {
        match self.kind {
            SourceKind::Server { .. } | SourceKind::Nts(_) => 1,
            SourceKind::Pool { count, .. } | SourceKind::NtsPool { count, .. } => count,
        }
    }

    /// Whether the same is asked in the same way: what was measured of one is true of the other. What selection may do with it, and who
    /// wants it asked, changes nothing of that.
    pub fn is_asked_like(&self, other: &Self) -> bool {
        let Self { kind, poll, marks: _, origin: _, interleaved, family } = self;
        let theirs = (&other.kind, &other.poll, &other.interleaved, &other.family);
        (kind, poll, interleaved, family) == theirs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PollLimits;
    use crate::time::Poll;
    use crate::verdict::SourceOrigin;

    fn server(address: &str) -> SourceConfig {
        SourceConfig::server(address.parse().unwrap(), PollLimits::default())
    }

    #[test]
    fn a_name_tells_the_port_only_where_it_is_not_the_usual_one() {
        for (address, name) in
            [("a", "a"), ("a:123", "a"), ("a:4460", "a:4460"), ("::1", "::1"), ("[::1]:5", "[::1]:5")]
        {
            assert_eq!(server(address).name(), name);
        }
    }

    #[test]
    fn marks_and_origin_do_not_change_who_is_asked_and_how_often_does() {
        let plain = server("a");
        let mut other = plain.clone();
        other.marks.prefer = true;
        other.origin = SourceOrigin::Link;
        assert!(plain.is_asked_like(&other));
        other.poll.max = Poll::new(6);
        assert!(!plain.is_asked_like(&other));
        assert!(!plain.is_asked_like(&server("b")));
    }
}

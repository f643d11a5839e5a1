//! What the command line puts in the place of the file's lists. Reads no command line.

use super::{Config, Family, HostPort, PollLimits, ServerConfig, SourceConfig, SourceKind};
use crate::verdict::{Marks, SourceOrigin};
use std::net::SocketAddr;

impl SourceConfig {
    /// A plain server.
    pub fn server(address: HostPort, poll: PollLimits) -> Self {
        Self {
            kind: SourceKind::Server { address },
            poll,
            marks: Marks::default(),
            origin: SourceOrigin::Configuration,
            interleaved: false,
            family: Family::Any,
        }
    }
}

impl Config {
    /// Replaces the configured sources by plain servers (`-p`), unless there are none to put there.
    pub fn override_sources(&mut self, addresses: &[HostPort]) {
        if !addresses.is_empty() {
            let source = |address: &HostPort| SourceConfig::server(address.clone(), self.source_defaults);
            self.sources = addresses.iter().map(source).collect();
        }
    }

    /// Replaces the configured listeners (`-s`), unless there are none to put there.
    pub fn override_servers(&mut self, listen: &[SocketAddr]) {
        if !listen.is_empty() {
            self.servers = listen.iter().copied().map(ServerConfig::new).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_on_the_command_line_replace_those_of_the_file() {
        let mut config = Config::default();
        config.override_sources(&["a".parse().unwrap(), "b:1".parse().unwrap()]);
        config.override_servers(&["127.0.0.1:1123".parse().unwrap()]);
        config.override_sources(&[]);
        assert_eq!(config.sources.len(), 2);
        assert_eq!(config.selectable_sources(), 2);
        assert_eq!(config.servers.first().map(|s| s.listen.port()), Some(1123));
    }
}

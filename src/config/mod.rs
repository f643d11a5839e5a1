//! A configuration that cannot be wrong: ranges checked, defaults resolved. Where it was written is `file`'s.

mod address;
mod diagnostic;
mod drop_ins;
mod early;
mod file;
mod key_exchange;
mod keys;
mod log_filter;
mod merge;
mod mounts;
mod named_file;
mod network;
mod overrides;
mod reader;
mod resolve;
mod section;
mod sections;
mod server;
mod source;
mod texts;

pub use address::{KEY_EXCHANGE_PORT, NTP_PORT, parse_listen};
pub use diagnostic::{Diagnostic, Position, Severity};
pub use file::{DEFAULT_PATH, LoadError, Loaded, load, parse};
pub use key_exchange::{KeyExchange, KeyExchangeServerConfig, KeyOrigin, KeysetConfig, NtsBootstrap};
pub use log_filter::check_log_filter;
pub use named_file::NamedFile;
pub use network::Network;
pub use section::parse_source;
pub use server::{FilterAction, FilterList, LeapSmear, RateLimit, ServerConfig, SmearShape};

use crate::packet::ReferenceId;
use crate::time::{Poll, Span};
use crate::verdict::{Marks, SourceOrigin};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Where state is kept when neither the configuration nor systemd names a directory.
pub const DEFAULT_STATE_DIRECTORY: &str = "/var/lib/ntpd-rs";
/// Where programs look for the observation socket when the configuration does not say.
pub const DEFAULT_OBSERVATION_PATH: &str = "/run/ntpd-rs/observe";

/// Everything the daemon needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// In the order of the file.
    pub sources: Vec<SourceConfig>,
    /// `[source-defaults]`, for sources that the file does not name.
    pub source_defaults: PollLimits,
    /// In the order of the file.
    pub servers: Vec<ServerConfig>,
    /// In the order of the file.
    pub key_exchange_servers: Vec<KeyExchangeServerConfig>,
    /// The master keys of all of them, or of others that clients exchanged keys with.
    pub keyset: KeysetConfig,
    /// When the clock may be set.
    pub synchronization: Synchronization,
    /// Knobs of the algorithm.
    pub algorithm: Algorithm,
    /// Logs and the observation socket.
    pub observability: Observability,
    /// The socket that takes commands.
    pub control: Control,
    /// Whether the daemon ends if it cannot have these two sockets: somebody asked for them.
    pub sockets_required: bool,
    /// Whether the clock is ours to steer.
    pub clock_control: ClockControl,
    /// How packets are stamped.
    pub timestamp_mode: TimestampMode,
    /// `[clock] state-directory`: where the drift file lives. Without it the daemon takes `$STATE_DIRECTORY`, or
    /// [`DEFAULT_STATE_DIRECTORY`].
    pub state_directory: Option<PathBuf>,
}

/// One `[[source]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceConfig {
    /// What is asked.
    pub kind: SourceKind,
    /// How often.
    pub poll: PollLimits,
    /// What selection may do with it.
    pub marks: Marks,
    /// Who says that it is to be asked.
    pub origin: SourceOrigin,
    /// Ask for true transmit timestamps (RFC 9769).
    pub interleaved: bool,
    /// Restrict names to one address family.
    pub family: Family,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceKind {
    /// One server.
    Server {
        /// Where.
        address: HostPort,
    },
    /// Several servers behind one name.
    Pool {
        /// Where.
        address: HostPort,
        /// How many.
        count: usize,
        /// Never these.
        ignore: Vec<IpAddr>,
    },
    /// One server, with NTS.
    Nts(KeyExchange),
    /// Several servers, with NTS, from several key exchanges.
    NtsPool {
        /// Where.
        key_exchange: KeyExchange,
        /// How many.
        count: usize,
    },
}

/// A name or literal address, with a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPort {
    /// Name, or address without brackets.
    pub host: String,
    /// 123 unless said.
    pub port: u16,
}

/// Which addresses of a name are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Family {
    /// Both.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

/// `poll-interval-limits` and `initial-poll-interval`; min ≤ initial ≤ max.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollLimits {
    /// Shortest.
    pub min: Poll,
    /// Longest.
    pub max: Poll,
    /// After the initial burst.
    pub initial: Poll,
}

/// `[synchronization]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Synchronization {
    /// At least 1.
    pub minimum_agreeing_sources: usize,
    /// A single step above it ends the daemon.
    pub single_step_panic: StepLimits,
    /// The same for the first correction after start.
    pub startup_step_panic: StepLimits,
    /// The sum of all steps but the first above it ends the daemon.
    pub accumulated_step_panic: Option<Span>,
    /// Served while not synchronized: 16 is sent as 0 with leap 3.
    pub local_stratum: u8,
    /// Served while not synchronized.
    pub reference_id: ReferenceId,
    /// Steps are allowed in the first corrections only; unlimited without.
    pub step_limit: Option<u32>,
    /// The daemon's own steps are warnings in the log, and otherwise information.
    pub warn_on_jump: bool,
    /// Of the group of servers that keep one time among themselves where there is no other; below 15, for its children serve one more.
    pub orphan_stratum: Option<u8>,
    /// How long no proper source must have been usable before that group keeps its own time.
    pub orphan_wait: Span,
    /// A table of leap seconds, which goes before what sources announce.
    pub leap_seconds_file: Option<PathBuf>,
    /// Servers that networks give out are sources too; see [`Config::takes_link_servers`].
    pub use_link_servers: bool,
    /// What sources with NTS may do for a clock that is known to be wrong.
    pub nts_bootstrap: NtsBootstrap,
}

/// Largest step each way; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepLimits {
    /// A positive magnitude.
    pub forward: Option<Span>,
    /// A positive magnitude.
    pub backward: Option<Span>,
}

/// `[synchronization.algorithm]`, the knobs that our algorithm has a use for.
#[derive(Debug, Clone, PartialEq)]
pub struct Algorithm {
    /// Seconds: offsets below it are never stepped.
    pub step_threshold: f64,
    /// Largest rate of a slew, s/s.
    pub slew_maximum_frequency_offset: f64,
    /// Seconds: the shortest slew.
    pub slew_minimum_duration: f64,
    /// Largest total rate correction, s/s.
    pub maximum_frequency_steer: f64,
    /// One standard deviation of an unknown oscillator, s/s.
    pub initial_frequency_uncertainty: f64,
    /// Prior random-walk frequency noise, as 1.x defines it: variance growth (s/s)² per second.
    pub initial_wander: f64,
    /// Seconds: sources less certain are not used.
    pub maximum_source_uncertainty: f64,
    /// Do not add what servers say of their dispersion.
    pub ignore_server_dispersion: bool,
}

/// `[observability]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observability {
    /// A tracing filter.
    pub log_level: Option<String>,
    /// Instead of standard error; reopened on SIGHUP.
    pub log_path: Option<PathBuf>,
    /// The same for `ntp-metrics-exporter`.
    pub log_path_metrics_exporter: Option<PathBuf>,
    /// Colour, where standard error is a terminal.
    pub ansi_colors: bool,
    /// The observation socket.
    pub observation_path: Option<PathBuf>,
    /// Its permission bits.
    pub observation_permissions: u32,
    /// Where the metrics exporter listens.
    pub metrics_exporter_listen: SocketAddr,
}

/// `[control]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// The control socket: `control` beside the observation socket unless said; none without either.
    pub path: Option<PathBuf>,
    /// Its permission bits.
    pub permissions: u32,
    /// Whether the daemon is on the system bus.
    pub d_bus: bool,
}

/// Whose the clock is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockControl {
    /// Ours: start-up fails without the right to set it.
    Yes,
    /// Not ours: measure and serve.
    No,
    /// Ours if we have the right.
    Auto,
}

/// `[clock] timestamp-mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampMode {
    /// This program stamps.
    Software,
    /// The kernel stamps what arrives.
    KernelRecv,
    /// The kernel stamps what arrives and what leaves.
    KernelAll,
}

impl Config {
    /// What is in force where there is no file: no sources, and the sockets where `ntp-ctl` looks for them, if they can be had.
    pub fn without_file() -> Self {
        let observation = PathBuf::from(DEFAULT_OBSERVATION_PATH);
        let control = Control { path: Some(observation.with_file_name("control")), ..Control::default() };
        let observability = Observability { observation_path: Some(observation), ..Observability::default() };
        Self { observability, control, sockets_required: false, ..Self::default() }
    }

    /// Sources that can come to agree: a pool counts as its `count`, a `noselect` source not at all.
    pub fn selectable_sources(&self) -> usize {
        self.sources.iter().filter(|source| !source.marks.noselect).map(SourceConfig::wanted).sum()
    }

    /// Whether servers that networks give out are asked: not beside sources with NTS, for nobody vouches for them, and enough of them
    /// would outvote those who are authenticated.
    pub fn takes_link_servers(&self) -> bool {
        let with_nts =
            |source: &SourceConfig| matches!(source.kind, SourceKind::Nts(_) | SourceKind::NtsPool { .. });
        self.synchronization.use_link_servers && !self.sources.iter().any(with_nts)
    }

    /// Why the clock can never be set with these sources, and what to do, if that is so.
    pub fn quorum_problem(&self) -> Option<String> {
        let (configured, needed) = (self.selectable_sources(), self.synchronization.minimum_agreeing_sources);
        if self.sources.is_empty() {
            return Some(
                "no sources are configured, so the clock will not be set; add a [[source]] section \
                 (`mode = \"pool\"`, `address = \"…\"`)"
                    .to_owned(),
            );
        }
        (configured < needed && !self.synchronization.is_in_a_group()).then(|| {
            format!(
                "only {configured} source(s) can agree and {needed} must, so the clock will not be set; \
                 add sources, or lower `minimum-agreeing-sources` in [synchronization]"
            )
        })
    }
}

impl Synchronization {
    /// Whether it keeps one time with other servers where there is no other.
    pub const fn is_in_a_group(&self) -> bool {
        self.orphan_stratum.is_some()
    }
}

impl Default for PollLimits {
    /// 16 s to 1024 s (log2 4 and 10), starting at 16 s, as ntpd-rs 1.x.
    fn default() -> Self {
        Self { min: Poll::new(4), max: Poll::new(10), initial: Poll::new(4) }
    }
}

impl Default for Synchronization {
    fn default() -> Self {
        Self {
            minimum_agreeing_sources: 3,
            single_step_panic: StepLimits {
                forward: Some(Span::from_secs(1000)),
                backward: Some(Span::from_secs(1000)),
            },
            startup_step_panic: StepLimits { forward: None, backward: Some(Span::from_secs(86400)) },
            accumulated_step_panic: None,
            local_stratum: 16,
            reference_id: ReferenceId::from_bytes(*b"XNON"),
            step_limit: None,
            warn_on_jump: true,
            orphan_stratum: None,
            orphan_wait: Span::from_secs(300),
            leap_seconds_file: None,
            use_link_servers: false,
            nts_bootstrap: NtsBootstrap::Auto,
        }
    }
}

impl Default for Algorithm {
    fn default() -> Self {
        Self {
            step_threshold: 0.010,
            slew_maximum_frequency_offset: 200e-6,
            slew_minimum_duration: 8.0,
            maximum_frequency_steer: 495e-6,
            initial_frequency_uncertainty: 100e-6,
            initial_wander: 1e-8,
            maximum_source_uncertainty: 0.25,
            ignore_server_dispersion: false,
        }
    }
}

impl Default for Observability {
    fn default() -> Self {
        Self {
            log_level: None,
            log_path: None,
            log_path_metrics_exporter: None,
            ansi_colors: true,
            observation_path: None,
            observation_permissions: 0o666,
            metrics_exporter_listen: SocketAddr::from(([127, 0, 0, 1], 9975)),
        }
    }
}

impl Default for Control {
    fn default() -> Self {
        Self { path: None, permissions: 0o660, d_bus: true }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            source_defaults: PollLimits::default(),
            servers: Vec::new(),
            key_exchange_servers: Vec::new(),
            keyset: KeysetConfig::default(),
            synchronization: Synchronization::default(),
            algorithm: Algorithm::default(),
            observability: Observability::default(),
            control: Control::default(),
            sockets_required: true,
            clock_control: ClockControl::Yes,
            timestamp_mode: TimestampMode::KernelAll,
            state_directory: None,
        }
    }
}

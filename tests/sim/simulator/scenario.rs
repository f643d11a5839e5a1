//! What a run is made of: a crystal, a first error, servers and the ways to them. The table of runs is `catalogue`'s.

use super::link::{Jitter, LinkSpec};
use super::oscillator::OscillatorSpec;
use super::server::ServerSpec;
use ntpd_rs::config::{Config, HostPort, PollLimits, SourceConfig, Synchronization};
use ntpd_rs::time::{ClockTime, Span};
use std::net::SocketAddr;

/// One computer and its network.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// True time at the beginning.
    pub(crate) epoch: ClockTime,
    /// The clock's first error; positive is ahead of true time.
    pub(crate) error: Span,
    pub(crate) oscillator: OscillatorSpec,
    pub(crate) servers: Vec<SiteSpec>,
    /// What happens to the computer on the way, in the order of true time.
    pub(crate) disturbances: Vec<(f64, Disturbance)>,
    /// How often the client may ask, where the table does not choose.
    pub(crate) poll: Option<PollLimits>,
    /// When the client was built: it knows that no true time is before it.
    pub(crate) built: ClockTime,
    /// True time at which the client starts, seconds.
    pub(crate) start: f64,
    /// True time at which the run ends, seconds.
    pub(crate) end: f64,
}

/// Something that happens to the computer while its client runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Disturbance {
    /// Something shifts the clock's phase, and nobody says so.
    Shift(Span),
    /// The machine sleeps for so many seconds, and the clock was kept with this error meanwhile.
    Sleep(f64, Span),
}

impl Disturbance {
    /// When it is over, if it begins at true time `t`.
    pub(crate) fn end(self, t: f64) -> f64 {
        match self {
            Self::Shift(_) => t,
            Self::Sleep(seconds, _) => t + seconds,
        }
    }
}

/// A server and both directions of the way to it.
#[derive(Debug, Clone)]
pub(crate) struct SiteSpec {
    pub(crate) server: ServerSpec,
    pub(crate) up: LinkSpec,
    pub(crate) down: LinkSpec,
}

impl SiteSpec {
    /// A good server with the same law in both directions, seconds.
    pub(crate) fn new(base: f64, jitter: Jitter) -> Self {
        Self {
            server: ServerSpec::default(),
            up: LinkSpec::new(base, jitter),
            down: LinkSpec::new(base, jitter),
        }
    }

    /// The same with a server that is wrong by this many seconds (positive is ahead).
    pub(crate) fn wrong_by(mut self, seconds: f64) -> Self {
        self.server.error = Span::from_seconds(seconds);
        self
    }

    /// The same with the way up longer and the way down shorter, seconds.
    pub(crate) fn skewed(mut self, seconds: f64) -> Self {
        self.up.base += seconds;
        self.down.base -= seconds;
        self
    }

    /// The same, losing packets with this probability in each direction.
    pub(crate) fn lossy(mut self, loss: f64) -> Self {
        self.up.loss = loss;
        self.down.loss = loss;
        self
    }

    /// The same, with nothing passing between these true times.
    pub(crate) fn cut(mut self, from: f64, until: f64) -> Self {
        self.up.outages.push((from, until));
        self.down.outages.push((from, until));
        self
    }
}

impl Scenario {
    /// The defaults of every scenario: 10 ms ahead, 20 ppm fast, wander 1e-9, 40 000 s, client from 10 s on.
    pub(crate) fn new(name: &'static str, servers: Vec<SiteSpec>) -> Self {
        Self {
            name,
            // 2026-11-01 00:00 UTC: any date in the present era.
            epoch: ClockTime::from_unix_secs(1_793_491_200),
            // 2026-01-01 00:00 UTC.
            built: ClockTime::from_unix_secs(1_767_225_600),
            error: Span::from_millis(10),
            oscillator: OscillatorSpec::default(),
            servers,
            disturbances: Vec::new(),
            poll: None,
            start: 10.0,
            end: 40_000.0,
        }
    }

    /// The same, where this happens at true time `t` too; to be called in the order of time.
    pub(crate) fn disturbed(mut self, t: f64, disturbance: Disturbance) -> Self {
        self.disturbances.push((t, disturbance));
        self
    }

    /// Both directions of every path.
    pub(crate) fn links(&self) -> impl Iterator<Item = &LinkSpec> {
        self.servers.iter().flat_map(|site| [&site.up, &site.down])
    }

    /// When the clock's phase is moved from outside, and nobody says so.
    pub(crate) fn shifts(&self) -> impl Iterator<Item = f64> {
        let shift = |(t, what): &(f64, Disturbance)| matches!(what, Disturbance::Shift(_)).then_some(*t);
        self.disturbances.iter().filter_map(shift)
    }

    /// The same with another wander, 1/√s.
    pub(crate) fn wandering(mut self, wander: f64) -> Self {
        self.oscillator.wander = wander;
        self
    }
}

/// The address of the server with this index.
pub(crate) fn address(index: usize) -> SocketAddr {
    let last = u8::try_from(index + 1).unwrap_or(u8::MAX);
    SocketAddr::from(([192, 0, 2, last], 123))
}

/// Every server of the scenario by its address; at most three have to agree.
pub(crate) fn configuration(scenario: &Scenario, poll: PollLimits) -> Config {
    let source = |index| {
        let host = address(index).ip().to_string();
        SourceConfig::server(HostPort { host, port: address(index).port() }, poll)
    };
    let count = scenario.servers.len();
    Config {
        sources: (0..count).map(source).collect(),
        synchronization: Synchronization {
            minimum_agreeing_sources: count.clamp(1, 3),
            ..Synchronization::default()
        },
        ..Config::default()
    }
}

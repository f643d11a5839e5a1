//! One direction of a path through a network: how long a packet takes, and whether it arrives. Not what is in it.

use super::random::Stream;

/// The law of the delay above the base, seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Jitter {
    /// Exponential of this mean: a sharp lower edge.
    Exponential(f64),
    /// The product of three exponentials, of this mean: standard deviation 2.65 and median 0.22 of it.
    Heavy(f64),
    /// Normal around the base with this standard deviation, redrawn where it would be below half the base: no edge at all.
    Gaussian(f64),
    /// Gamma of shape 4 with this mean (standard deviation half of it): an edge that is seldom seen.
    Gamma(f64),
    /// A queue that comes and goes for minutes, whatever is sent.
    Bursty {
        /// Mean of the exponential jitter that is always there.
        idle: f64,
        /// Mean depth of a queue; each has a depth of its own.
        depth: f64,
        /// Mean seconds without a queue.
        quiet_seconds: f64,
        /// Mean seconds with one.
        busy_seconds: f64,
    },
}

impl Jitter {
    /// Its variance, s²; of the Gaussian without the cut.
    pub(crate) fn variance(self) -> f64 {
        match self {
            Self::Exponential(mean) => mean * mean,
            Self::Heavy(mean) => 7.0 * mean * mean,
            Self::Gaussian(deviation) => deviation * deviation,
            Self::Gamma(mean) => mean * mean / 4.0,
            Self::Bursty { idle, depth, quiet_seconds, busy_seconds } => {
                let busy = busy_seconds / (busy_seconds + quiet_seconds);
                // The place in the queue is uniform on [1/2, 1]: mean 3/4, mean square 7/12. The depth's mean square is 2 depth².
                idle * idle + depth * depth * (busy * 7.0 / 6.0 - busy * busy * 9.0 / 16.0)
            }
        }
    }
}

/// What one direction is like.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LinkSpec {
    /// The smallest delay, seconds.
    pub(crate) base: f64,
    /// Above it.
    pub(crate) jitter: Jitter,
    /// Probability that a packet is lost.
    pub(crate) loss: f64,
    /// Added to the base, from a true time on: a change of route.
    pub(crate) route: Vec<(f64, f64)>,
    /// From and until, true time: everything is lost.
    pub(crate) outages: Vec<(f64, f64)>,
}

impl LinkSpec {
    pub(crate) fn new(base: f64, jitter: Jitter) -> Self {
        Self { base, jitter, loss: 0.0, route: Vec::new(), outages: Vec::new() }
    }
}

/// One direction at work.
#[derive(Debug)]
pub(crate) struct Link {
    spec: LinkSpec,
    noise: Stream,
    loss: Stream,
    queue: Queue,
}

impl Link {
    /// `name` says which direction of which path: each has streams of its own.
    pub(crate) fn new(spec: LinkSpec, seed: u64, name: &str) -> Self {
        Self {
            spec,
            noise: Stream::new(seed, name),
            loss: Stream::new(seed, &format!("{name} loss")),
            queue: Queue {
                noise: Stream::new(seed, &format!("{name} queue")),
                until: 0.0,
                depth: 0.0,
                busy: true,
            },
        }
    }

    /// Seconds until a packet sent at true time `t` arrives; `None` if it never does.
    pub(crate) fn carry(&mut self, t: f64) -> Option<f64> {
        let delay = self.spec.base + self.jitter(t) + self.detour(t);
        let lost = self.loss.chance(self.spec.loss);
        let down = self.spec.outages.iter().any(|(from, until)| (*from..*until).contains(&t));
        (!lost && !down).then_some(delay)
    }

    /// Nothing passes in this interval of true time.
    pub(crate) fn cut(&mut self, from: f64, until: f64) {
        self.spec.outages.push((from, until));
    }

    fn detour(&self, t: f64) -> f64 {
        self.spec.route.iter().filter(|(from, _)| t >= *from).map(|(_, longer)| longer).sum()
    }

    fn jitter(&mut self, t: f64) -> f64 {
        let noise = &mut self.noise;
        match self.spec.jitter {
            Jitter::Exponential(mean) => mean * noise.exponential(),
            Jitter::Heavy(mean) => mean * noise.exponential() * noise.exponential() * noise.exponential(),
            Jitter::Gaussian(deviation) => loop {
                let jitter = deviation * noise.normal();
                if jitter >= -self.spec.base / 2.0 {
                    break jitter;
                }
            },
            Jitter::Gamma(mean) => (0..4).map(|_| noise.exponential()).sum::<f64>() * mean / 4.0,
            Jitter::Bursty { idle, depth, quiet_seconds, busy_seconds } => {
                let own = idle * noise.exponential();
                let place = 0.5 + 0.5 * noise.uniform();
                own + place * self.queue.depth_at(t, depth, quiet_seconds, busy_seconds)
            }
        }
    }
}

/// A queue that is there or not, by the time alone, so that asking more often changes nothing.
#[derive(Debug)]
struct Queue {
    noise: Stream,
    /// True time until which the present state lasts.
    until: f64,
    depth: f64,
    busy: bool,
}

impl Queue {
    fn depth_at(&mut self, t: f64, mean_depth: f64, quiet_seconds: f64, busy_seconds: f64) -> f64 {
        while self.until <= t {
            self.busy = !self.busy;
            let mean_seconds = if self.busy { busy_seconds } else { quiet_seconds };
            self.until += mean_seconds * self.noise.exponential();
            self.depth = if self.busy { mean_depth * self.noise.exponential() } else { 0.0 };
        }
        self.depth
    }
}

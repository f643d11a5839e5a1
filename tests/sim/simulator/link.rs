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
    /// Gamma of this shape with this mean (standard deviation: the mean over √shape): an edge that is seldom seen.
    Gamma(u8, f64),
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
    /// Somebody fills the buffer of a slow link now and then: it fills and empties in seconds, and all packets meet the same queue.
    Bloat {
        /// Mean of the exponential jitter that is always there.
        idle: f64,
        /// The deepest queue; each fills to a half of it at least.
        depth: f64,
        /// Mean seconds from one to the next.
        quiet_seconds: f64,
        /// Mean seconds of one.
        busy_seconds: f64,
        /// Time constant of filling and emptying, seconds.
        memory: f64,
    },
}

impl Jitter {
    /// How far it usually goes above the base, seconds: its mean, and of the Gaussian the deviation.
    pub(crate) fn usual(self) -> f64 {
        match self {
            Self::Exponential(mean) | Self::Heavy(mean) | Self::Gamma(_, mean) => mean,
            Self::Gaussian(deviation) => deviation,
            Self::Bursty { idle, .. } | Self::Bloat { idle, .. } => idle,
        }
    }

    /// How far it goes above the base for long, seconds; hardly anything goes farther.
    pub(crate) fn large(self) -> f64 {
        match self {
            Self::Exponential(mean) | Self::Gamma(_, mean) => 5.0 * mean,
            Self::Heavy(mean) => 10.0 * mean,
            Self::Gaussian(deviation) => 4.0 * deviation,
            Self::Bursty { idle, depth, .. } => 5.0 * (idle + depth),
            Self::Bloat { idle, depth, .. } => 5.0 * idle + depth,
        }
    }

    /// Its variance, s²; of the Gaussian without the cut; NaN of what has a memory.
    pub(crate) fn variance(self) -> f64 {
        match self {
            Self::Exponential(mean) => mean * mean,
            Self::Heavy(mean) => 7.0 * mean * mean,
            Self::Gaussian(deviation) => deviation * deviation,
            Self::Gamma(shape, mean) => mean * mean / f64::from(shape),
            Self::Bursty { idle, depth, quiet_seconds, busy_seconds } => {
                let busy = busy_seconds / (busy_seconds + quiet_seconds);
                // The place in the queue is uniform on [1/2, 1]: mean 3/4, mean square 7/12. The depth's mean square is 2 depth².
                idle * idle + depth * depth * (busy * 7.0 / 6.0 - busy * busy * 9.0 / 16.0)
            }
            Self::Bloat { .. } => f64::NAN,
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
                since: 0.0,
                until: 0.0,
                target: 0.0,
                level: 0.0,
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

    /// The least delay at true time `t`, seconds.
    pub(crate) fn base_at(&self, t: f64) -> f64 {
        self.spec.base + self.detour(t)
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
            Jitter::Gamma(shape, mean) => {
                (0..shape).map(|_| noise.exponential()).sum::<f64>() * mean / f64::from(shape)
            }
            Jitter::Bursty { idle, depth, quiet_seconds, busy_seconds } => {
                let own = idle * noise.exponential();
                let place = 0.5 + 0.5 * noise.uniform();
                let target = |noise: &mut Stream| depth * noise.exponential();
                self.queue.follow(t, [quiet_seconds, busy_seconds], 0.0, target);
                own + place * self.queue.target
            }
            Jitter::Bloat { idle, depth, quiet_seconds, busy_seconds, memory } => {
                let own = idle * noise.exponential();
                let target = |noise: &mut Stream| depth * (0.5 + 0.5 * noise.uniform());
                self.queue.follow(t, [quiet_seconds, busy_seconds], memory, target);
                own + self.queue.level_at(t, memory)
            }
        }
    }
}

/// A queue that is there or not, by the time alone, so that asking more often changes nothing.
#[derive(Debug)]
struct Queue {
    noise: Stream,
    /// True times between which the present state lasts.
    since: f64,
    until: f64,
    /// Where the depth goes in this state, seconds.
    target: f64,
    /// What it was at `since`.
    level: f64,
    busy: bool,
}

impl Queue {
    /// Forward to true time `t`; mean seconds of both states, quiet and busy. `target` draws how deep a queue will be.
    fn follow(&mut self, t: f64, seconds: [f64; 2], memory: f64, target: impl Fn(&mut Stream) -> f64) {
        while self.until <= t {
            self.level = self.level_at(self.until, memory);
            self.since = self.until;
            self.busy = !self.busy;
            let [quiet_seconds, busy_seconds] = seconds;
            let mean_seconds = if self.busy { busy_seconds } else { quiet_seconds };
            self.until += mean_seconds * self.noise.exponential();
            self.target = if self.busy { target(&mut self.noise) } else { 0.0 };
        }
    }

    /// At a time of the present state.
    fn level_at(&self, t: f64, memory: f64) -> f64 {
        let left = if memory > 0.0 { (-(t - self.since) / memory).exp() } else { 0.0 };
        self.target + (self.level - self.target) * left
    }
}

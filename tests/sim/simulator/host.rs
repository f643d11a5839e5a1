//! A computer's clocks: the crystal counted by a kernel that can be told to run faster or to jump. No client and no network.

use super::oscillator::Oscillator;
use super::recorder::Recorder;
use ntpd_rs::time::{Adjustment, Applied, ClockStatus, ClockTime, Frequency, Leap, Mono, Now, Span};

/// What the kernel does to `maxerror` each second: `MAXFREQ`, 500 µs (Linux `second_overflow`).
const MAXERROR_GROWTH: Span = Span::from_micros(500);
/// Where the kernel stops calling the clock synchronized (`NTP_PHASE_LIMIT`).
const MAXERROR_LIMIT: Span = Span::from_secs(16);
/// What the kernel says at boot and after a step.
const UNKNOWN: ClockStatus = ClockStatus {
    leap: Leap::Unsynchronized,
    estimated_error: MAXERROR_LIMIT,
    maximum_error: MAXERROR_LIMIT,
};
/// The largest rate correction of `ADJ_FREQUENCY`, ppm.
const MAXIMUM_PPM: f64 = 500.0;

/// A computer in virtual time.
#[derive(Debug)]
pub(crate) struct Host {
    /// True time, seconds since the scenario's beginning.
    t: f64,
    /// The next whole second.
    second: i64,
    /// True time at the beginning, since 1970.
    epoch: ClockTime,
    /// The clock's jumps so far, with the initial error: exact, and so large ones cost no resolution.
    jumps: Span,
    /// What the rate errors have added up to, seconds; both clocks share it.
    drift: f64,
    /// True time during which the monotonic clock stood still.
    stood: Span,
    /// The crystal's present error.
    crystal: f64,
    oscillator: Oscillator,
    kernel: Kernel,
    /// While suspended the clock follows true time and the monotonic clock is not read.
    suspended: bool,
    pub(crate) recorder: Recorder,
}

/// The kernel's controls of rate and quality (adjtimex(2)).
#[derive(Debug)]
struct Kernel {
    /// `timex.freq`, 2⁻¹⁶ ppm.
    frequency: i64,
    /// `ADJ_OFFSET` under `STA_PLL`, when some client uses it.
    pll: Option<Pll>,
    status: ClockStatus,
    /// `STA_INS` and `STA_DEL`, which stay when `STA_UNSYNC` comes.
    announced: Leap,
    /// After a step the announcement has no effect until it was withdrawn (Linux `ntp_clear`).
    forgotten: bool,
    /// `timex.tai`; 0 when nobody told.
    tai_offset: i32,
}

/// The kernel's own loop (RFC 1589; Linux `ntp_update_offset`).
#[derive(Debug)]
struct Pll {
    constant: i32,
    /// What is left to correct, seconds.
    residual: f64,
    /// This second's share of it: a rate.
    rate: f64,
    last_call: f64,
}

impl Host {
    /// A clock wrong by `error` at true time `epoch`.
    pub(crate) fn new(epoch: ClockTime, error: Span, oscillator: Oscillator) -> Self {
        Self {
            t: 0.0,
            second: 1,
            epoch,
            jumps: error,
            drift: 0.0,
            stood: Span::ZERO,
            crystal: oscillator.initial(),
            oscillator,
            kernel: Kernel {
                frequency: 0,
                pll: None,
                status: UNKNOWN,
                announced: Leap::NoWarning,
                forgotten: false,
                tai_offset: 0,
            },
            suspended: false,
            recorder: Recorder::default(),
        }
    }

    /// True time, seconds.
    pub(crate) fn t(&self) -> f64 {
        self.t
    }

    /// True time since 1970 at `t` seconds.
    pub(crate) fn true_time(&self, t: f64) -> ClockTime {
        self.epoch + Span::from_seconds(t)
    }

    /// Clock minus true time, seconds.
    pub(crate) fn error(&self) -> f64 {
        self.jumps.seconds() + self.drift
    }

    /// Both clocks.
    pub(crate) fn now(&self) -> Now {
        let counted = Span::from_seconds(self.t + self.drift);
        Now { mono: Mono::default() + (counted - self.stood), clock: self.epoch + self.jumps + counted }
    }

    /// The rate of both clocks against true time.
    pub(crate) fn rate(&self) -> f64 {
        let pll = self.kernel.pll.as_ref().map_or(0.0, |pll| pll.rate);
        (1.0 + self.crystal) * (1.0 + Frequency::from_kernel(self.kernel.frequency).ratio() + pll)
    }

    /// The rate correction in force.
    pub(crate) fn frequency(&self) -> Frequency {
        Frequency::from_kernel(self.kernel.frequency)
    }

    /// What `adjtimex` would say of the clock's quality.
    pub(crate) fn status(&self) -> ClockStatus {
        self.kernel.status
    }

    /// The leap second that the kernel was told of, synchronized or not.
    pub(crate) fn announced(&self) -> Leap {
        self.kernel.announced
    }

    /// What the kernel takes TAI − UTC to be, seconds.
    pub(crate) fn tai_offset(&self) -> i32 {
        self.kernel.tai_offset
    }

    /// The true time at which the monotonic clock shows `mono`, if nothing changes before the next whole second; never before now.
    pub(crate) fn when(&self, mono: Mono) -> f64 {
        self.t + ((mono - self.now().mono).seconds() / self.rate()).max(0.0)
    }

    /// The next instant at which rates change by themselves.
    pub(crate) fn next_second(&self) -> f64 {
        self.second as f64
    }

    /// Forward to true time `t`; refreshes and records at every whole second on the way, that at `t` included.
    pub(crate) fn advance(&mut self, t: f64) {
        while self.next_second() <= t {
            self.count(self.next_second());
            self.refresh();
        }
        self.count(t);
    }

    fn count(&mut self, t: f64) {
        if !self.suspended {
            self.drift += (t - self.t) * (self.rate() - 1.0);
        }
        self.t = t;
    }

    fn refresh(&mut self) {
        self.crystal = self.oscillator.refresh(self.second);
        self.second += 1;
        if let Some(pll) = &mut self.kernel.pll {
            pll.rate = pll.residual / f64::from(1_u32 << (2 + pll.constant));
            pll.residual -= pll.rate;
        }
        let status = &mut self.kernel.status;
        status.maximum_error = (status.maximum_error + MAXERROR_GROWTH).min(MAXERROR_LIMIT);
        if status.maximum_error == MAXERROR_LIMIT {
            status.leap = Leap::Unsynchronized;
        }
        let (error, rate) = (self.error(), self.rate() - 1.0);
        if self.suspended {
            self.recorder.sample(f64::NAN, rate);
            return;
        }
        let status = self.kernel.status;
        if status.leap != Leap::Unsynchronized {
            let (estimated, maximum) = (status.estimated_error.seconds(), status.maximum_error.seconds());
            self.recorder.claim(self.second - 1, error, estimated, maximum);
        }
        self.recorder.sample(error, rate);
    }

    /// What the daemon's clock does with an adjustment: applied as the kernel would, and read back.
    pub(crate) fn apply(&mut self, adjustment: Adjustment) -> Applied {
        let done = match adjustment {
            Adjustment::Step(by) => {
                self.jump(by);
                adjustment
            }
            Adjustment::Frequency(wanted) => {
                self.recorder.largest_rate = self.recorder.largest_rate.max(wanted.ratio().abs());
                self.kernel.frequency = wanted.clamp(Frequency::from_ppm(MAXIMUM_PPM)).to_kernel();
                Adjustment::Frequency(self.frequency())
            }
            Adjustment::Status(status) => {
                self.kernel.status = status;
                self.kernel.announced = status.leap;
                self.kernel.forgotten &= is_leap_second(status.leap);
                adjustment
            }
            Adjustment::TaiOffset(seconds) => {
                self.kernel.tai_offset = i32::from(seconds);
                adjustment
            }
        };
        let now = self.now();
        Applied { adjustment: done, mono: now.mono, clock: now.clock }
    }

    /// What a client does that corrects by `ADJ_TICK` and `ADJ_FREQUENCY` together: up to 10 %, rounded as the kernel rounds, and read back.
    pub(crate) fn run_faster_by(&mut self, wanted: Frequency) -> Frequency {
        self.kernel.frequency = wanted.clamp(Frequency::from_ratio(0.1)).to_kernel();
        self.frequency()
    }

    /// Hands an offset to the kernel's own loop (`ADJ_OFFSET` with `STA_PLL`), seconds; no frequency-locked mode.
    pub(crate) fn adjust_offset(&mut self, offset: f64, constant: i32) {
        let mut pll =
            self.kernel.pll.take().unwrap_or(Pll { constant, residual: 0.0, rate: 0.0, last_call: self.t });
        let period = 16.0 * f64::from(1_u32 << constant);
        let correction = offset * (self.t - pll.last_call) / (period * period);
        let frequency = self.frequency() + Frequency::from_ratio(correction);
        self.kernel.frequency = frequency.clamp(Frequency::from_ppm(MAXIMUM_PPM)).to_kernel();
        pll = Pll { constant, residual: offset, last_call: self.t, ..pll };
        self.kernel.pll = Some(pll);
    }

    /// The clock is set: it jumps, and the kernel forgets how good it was (Linux `ntp_clear`).
    pub(crate) fn jump(&mut self, by: Span) {
        self.jumps += by;
        self.kernel.status = UNKNOWN;
        self.kernel.forgotten |= is_leap_second(self.kernel.announced);
    }

    /// True time is one second less from now on; the clock follows if its kernel was told (Linux `second_overflow`, `STA_INS`).
    pub(crate) fn leap_second(&mut self) {
        self.epoch = self.epoch - Span::from_secs(1);
        if self.kernel.announced == Leap::AddSecond && !self.kernel.forgotten {
            self.kernel.tai_offset += 1;
        } else {
            self.jumps += Span::from_secs(1);
        }
    }

    /// Something shifts the clock's phase, and nothing notices.
    pub(crate) fn shift(&mut self, by: Span) {
        self.jumps += by;
    }

    /// The machine falls asleep: the monotonic clock stands still, and something else keeps the time of day.
    pub(crate) fn suspend(&mut self) {
        self.suspended = true;
    }

    /// It wakes after `span` of true time; the time of day was kept with this error.
    pub(crate) fn resume(&mut self, span: Span, error: Span) {
        self.suspended = false;
        self.stood += span;
        self.jumps += error;
    }
}

const fn is_leap_second(leap: Leap) -> bool {
    matches!(leap, Leap::AddSecond | Leap::DeleteSecond)
}

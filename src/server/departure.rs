//! When a reply will leave: learned from the kernel's stamps of replies that did. Asks nobody for a stamp.

use crate::time::Span;

/// What a worker has learned of the time between reading the clock and the leaving of each reply of a batch.
///
/// T3 stands in a reply before it is sent (RFC 5905 §8), and all replies of a batch are sent by one call: the clock is read once, and
/// the rest is foretold. Too slow a memory would serve yesterday's load, too quick a one the last preemption.
#[derive(Debug, Clone)]
pub struct Departure {
    /// To answer one request.
    answering: Estimate,
    /// From the call to the first reply's leaving: after a sleep, when caches are cold, and without one.
    first: [Estimate; 2],
    /// From each reply to the next.
    next: Estimate,
}

/// Whether the worker slept before the batch came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// It did.
    Sleep,
    /// It was at work.
    Work,
}

/// For one batch, counted from the reading of the clock before its first request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// When the first reply leaves.
    pub first: Span,
    /// How long after it each further one does.
    pub next: Span,
}

impl Departure {
    /// Knows what is usual on machines of our day.
    pub const fn new() -> Self {
        let first = Estimate::guess(Span::from_micros(4));
        Self {
            answering: Estimate::guess(Span::from_nanos(100)),
            first: [first; 2],
            next: Estimate::guess(Span::from_micros(2)),
        }
    }

    /// For so many requests.
    pub fn forecast(&self, requests: usize, before: Before) -> Forecast {
        let first = self.answering.value * whole(requests) + self.first(before).value;
        Forecast { first, next: self.next.value }
    }

    /// So many requests were answered in this time.
    pub fn on_answered(&mut self, requests: usize, took: Span) {
        if requests > 0 && is_plausible(took) {
            self.answering.learn(took / whole(requests));
        }
    }

    /// The reply at this place of its batch left so long after the call that sent it began.
    pub fn on_left(&mut self, place: usize, before: Before, after: Span) {
        if !is_plausible(after) {
            return;
        }
        if place == 0 {
            let [sleep, work] = &mut self.first;
            match before {
                Before::Sleep => sleep.learn(after),
                Before::Work => work.learn(after),
            }
        } else {
            let first = self.first(before).value;
            self.next.learn(((after - first) / whole(place)).max(Span::ZERO));
        }
    }

    const fn first(&self, before: Before) -> &Estimate {
        let [sleep, work] = &self.first;
        match before {
            Before::Sleep => sleep,
            Before::Work => work,
        }
    }
}

impl Default for Departure {
    fn default() -> Self {
        Self::new()
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A clock that was set meanwhile, and a machine that stood still, say nothing of sending.
fn is_plausible(time: Span) -> bool {
    !time.is_negative() && time <= LONGEST
}

const LONGEST: Span = Span::from_millis(10);

/// An average that single outliers move by little.
#[derive(Debug, Clone, Copy)]
struct Estimate {
    value: Span,
    /// The usual distance from it.
    deviation: Span,
    samples: i64,
}

/// Each sample counts for one of so many, once there are as many.
const MEMORY: i64 = 16;
/// Further away than so many usual distances, a sample says nothing of how far they usually are.
const FURTHEST: i64 = 4;

impl Estimate {
    const fn guess(value: Span) -> Self {
        Self { value, deviation: value, samples: 0 }
    }

    fn learn(&mut self, sample: Span) {
        if self.samples == 0 {
            self.deviation = self.deviation.max(sample / 2);
        }
        let error = sample - self.value;
        let distance = error.abs().min(self.deviation * FURTHEST + Span::from_nanos(1));
        // No single sample moves it further than a usual one does: that makes it nearly the median, which is what most replies are
        // close to. The mean is later, for a thread that is preempted is late by any time, and never early.
        let limit = self.deviation + Span::from_nanos(1);
        self.samples = (self.samples + 1).min(MEMORY);
        self.value += error.max(-limit).min(limit) / self.samples;
        // Not from the very first sample, whose distance is that of a guess.
        self.deviation += (distance - self.deviation) / self.samples.max(4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn nanos(nanos: i64) -> Span {
        Span::from_nanos(nanos)
    }

    /// Batches of 20 whose first reply leaves after `first` and each next one `next` later, with a preemption now and then.
    fn taught(first: i64, next: i64, samples: i64) -> Departure {
        let mut departure = Departure::new();
        for sample in 0..samples {
            let noise = (sample * 7919) % 401 - 200;
            let preempted = if sample % 11 == 10 { 3_000_000 } else { 0 };
            departure.on_left(0, Before::Work, nanos(first + noise + preempted));
            departure.on_left(19, Before::Work, nanos(first + 19 * next + noise + preempted));
            departure.on_answered(20, nanos(20 * 80));
        }
        departure
    }

    #[track_caller]
    fn check_close(found: Span, wanted: i64, tolerance: i64) {
        assert!((found - nanos(wanted)).abs() <= nanos(tolerance), "{found:?}, not {wanted} ns");
    }

    #[test]
    fn it_learns_the_first_and_the_next_whatever_preempted_samples_say() {
        for (first, next) in [(1_500, 900), (8_000, 2_500), (30_000, 6_000)] {
            let forecast = taught(first, next, 200).forecast(20, Before::Work);
            check_close(forecast.first, 20 * 80 + first, first / 10 + 300);
            check_close(forecast.next, next, next / 10 + 50);
        }
    }

    #[test]
    fn the_first_reply_after_a_sleep_is_learned_apart() {
        let mut departure = taught(2_000, 1_000, 50);
        for _ in 0..50 {
            departure.on_left(0, Before::Sleep, nanos(20_000));
        }
        check_close(departure.forecast(1, Before::Sleep).first, 80 + 20_000, 500);
        check_close(departure.forecast(1, Before::Work).first, 80 + 2_000, 500);
    }

    #[test]
    fn a_few_samples_are_enough_to_be_about_right_and_a_new_load_is_learned() {
        let mut departure = taught(12_000, 3_000, 4);
        check_close(departure.forecast(0, Before::Work).first, 12_000, 2_000);
        for _ in 0..100 {
            departure.on_left(0, Before::Work, nanos(3_000));
        }
        check_close(departure.forecast(0, Before::Work).first, 3_000, 300);
    }

    #[test]
    fn a_clock_that_was_set_meanwhile_teaches_nothing() {
        let mut departure = taught(2_000, 1_000, 50);
        let before = departure.forecast(20, Before::Work);
        for wrong in [-1, -1_000_000_000, 11_000_000, i64::MAX] {
            departure.on_left(0, Before::Work, nanos(wrong));
            departure.on_left(5, Before::Work, nanos(wrong));
            departure.on_answered(5, nanos(wrong));
        }
        departure.on_answered(0, nanos(5));
        assert_eq!(departure.forecast(20, Before::Work), before);
    }
}

//! Two clients from the textbook over the simulated host, link and server: their figures are known beforehand.

use crate::simulator::catalogue;
use crate::simulator::host::Host;
use crate::simulator::limit::Kalman;
use crate::simulator::link::Link;
use crate::simulator::oscillator::Oscillator;
use crate::simulator::random::Stream;
use crate::simulator::recorder::WINDOW;
use crate::simulator::scenario::Scenario;
use ntpd_rs::time::{Adjustment, Frequency, Span};

/// A computer and one path, asked at fixed times.
struct Bench {
    host: Host,
    up: Link,
    down: Link,
}

impl Bench {
    fn new(scenario: &Scenario, seed: u64) -> Self {
        let oscillator = Oscillator::new(scenario.oscillator, Stream::new(seed, "oscillator"));
        let site = scenario.servers.first().unwrap();
        Self {
            host: Host::new(scenario.epoch, scenario.error, oscillator),
            up: Link::new(site.up.clone(), seed, "0 up"),
            down: Link::new(site.down.clone(), seed, "0 down"),
        }
    }

    /// One exchange that begins at true time `t`; the measured offset, seconds, positive when the clock is behind.
    fn measure(&mut self, t: f64) -> f64 {
        self.host.advance(t);
        let t1 = self.host.now().clock;
        let arrival = t + self.up.carry(t).unwrap();
        let t2 = self.host.true_time(arrival);
        self.host.advance(arrival + self.down.carry(arrival).unwrap());
        let t4 = self.host.now().clock;
        ((t2 - t1).seconds() + (t2 - t4).seconds()) / 2.0
    }
}

fn kalman_rms(scenario: &Scenario, interval: f64, noise: f64, seed: u64) -> f64 {
    let mut bench = Bench::new(scenario, seed);
    let mut filter = Kalman::new(interval, scenario.oscillator.wander, noise);
    let mut t = scenario.start;
    while t < scenario.end {
        let offset = bench.measure(t);
        let (k1, k2) = filter.update();
        bench.host.apply(Adjustment::Step(Span::from_seconds(k1 * offset)));
        let frequency = bench.host.frequency() + Frequency::from_ratio(k2 * offset);
        bench.host.apply(Adjustment::Frequency(frequency));
        t += interval;
    }
    bench.host.recorder.rms(WINDOW)
}

#[track_caller]
fn check_kalman(name: &str, interval: f64, jitter_variance: f64) {
    let scenario = catalogue::find(name).unwrap();
    let noise = jitter_variance / 2.0;
    let limit = Kalman::new(interval, scenario.oscillator.wander, noise).limit();
    let seeds = 40;
    let mean_square =
        (0..seeds).map(|seed| kalman_rms(&scenario, interval, noise, seed).powi(2)).sum::<f64>()
            / seeds as f64;
    let ratio = mean_square.sqrt() / limit;
    assert!(
        (ratio - 1.0).abs() < 0.05,
        "{name} at {interval} s: {ratio:.3} of the limit {:.1} us",
        limit * 1e6
    );
}

#[test]
fn a_textbook_kalman_client_meets_the_limit_of_linear_filters() {
    check_kalman("lan", 64.0, 4e-10);
    check_kalman("lan_w8", 16.0, 4e-10);
    check_kalman("inet1", 64.0, 1e-6);
    check_kalman("inet1_w8", 64.0, 1e-6);
}

#[test]
fn the_kernel_loop_as_timesyncd_uses_it_settles_and_does_not_ring() {
    let scenario = catalogue::find("lan").unwrap();
    for seed in 0..5 {
        let mut bench = Bench::new(&scenario, seed);
        for poll in 0..300 {
            let offset = bench.measure(10.0 + 64.0 * f64::from(poll));
            bench.host.adjust_offset(offset, 2);
        }
        let recorder = &bench.host.recorder;
        assert!(
            recorder.max(10..1000) < 12e-3,
            "never above the first error and what the crystal adds in a poll"
        );
        assert!(recorder.settles(100e-6, 1) < 800.0, "settles at {} s", recorder.settles(100e-6, 1));
        assert!(recorder.rms(5_000..19_000) < 60e-6, "{:e}", recorder.rms(5_000..19_000));
        assert!((bench.host.frequency().ppm() + 20.0).abs() < 1.0, "{} ppm", bench.host.frequency().ppm());
    }
}

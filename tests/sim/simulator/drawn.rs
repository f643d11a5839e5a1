//! Scenarios drawn at random: everything that a computer and its network can be, within what a client can be right about. Runs nothing.
//!
//! Falsetickers are a minority and lie outside everybody's bounds, for one within them nobody can find; and nothing happens to the
//! crystal while there is no network that its tolerance (15 ppm) would not cover.

use super::figures::PollMode;
use super::link::{Jitter, LinkSpec};
use super::random::Stream;
use super::scenario::{Disturbance, Scenario, SiteSpec};
use ntpd_rs::time::Span;

/// How far a crystal may walk while there is no network, s/s, and how large a step of its frequency may be.
const UNWATCHED: f64 = 3e-6;

/// A scenario, how often its client may ask, and what its error may be.
#[derive(Debug)]
pub(crate) struct Drawn {
    pub(crate) scenario: Scenario,
    pub(crate) mode: PollMode,
    pub(crate) explained: Explained,
}

/// How large the error may be at what time, seconds.
#[derive(Debug, Default)]
pub(crate) struct Explained {
    /// Always.
    usual: f64,
    /// From and until, and how much more; infinite when nothing is asked.
    more: Vec<(f64, f64, f64)>,
}

impl Explained {
    /// At true time `t`.
    pub(crate) fn at(&self, t: f64) -> f64 {
        let more = self.more.iter().filter(|(from, until, _)| (*from..*until).contains(&t));
        more.map(|(.., more)| more).fold(self.usual, |sum, more| sum + more)
    }
}

/// The scenario of this number.
pub(crate) fn scenario(seed: u64) -> Drawn {
    let mut dice = Dice(Stream::new(seed, "scenario"));
    let mode = match dice.0.uniform() {
        ..0.4 => PollMode::Def,
        ..0.8 => PollMode::P6,
        _ => PollMode::P4,
    };
    let mut scenario = Scenario::new("random", Vec::new());
    let mut explained = Explained::default();
    explained.more.push((0.0, scenario.start + 900.0, f64::INFINITY));
    sites(&mut dice, &mut scenario, &mut explained);
    lies(&mut dice, &mut scenario);
    let unwatched = outages(&mut dice, &mut scenario, &mut explained);
    crystal(&mut dice, &mut scenario, mode, unwatched, &mut explained);
    disturbances(&mut dice, &mut scenario, &mut explained);
    Drawn { scenario, mode, explained }
}

/// One to seven servers, any distance, any law of delay, routes that change.
fn sites(dice: &mut Dice, scenario: &mut Scenario, explained: &mut Explained) {
    let (mut asymmetry, mut jitter) = (0.0_f64, 0.0_f64);
    for _ in 0..dice.up_to(7) {
        let base = dice.decades(50e-6, 0.1);
        let lean = base * dice.between(-0.3, 0.3);
        let up = dice.link(base + lean);
        let mut down = dice.link(base - lean);
        if dice.0.chance(0.5) {
            down.jitter = up.jitter;
        }
        let mut site = SiteSpec { up, down, ..SiteSpec::new(base, Jitter::Exponential(0.0)) };
        let mut longer = 0.0;
        if dice.0.chance(0.2) {
            longer = dice.decades(1e-4, 2e-2);
            let link = if dice.0.chance(0.5) { &mut site.up } else { &mut site.down };
            link.route.push((dice.between(5_000.0, 35_000.0), longer));
        }
        if dice.0.chance(0.5) {
            site = site.lossy(0.4 * dice.0.uniform().powi(2));
        }
        asymmetry = asymmetry.max(lean.abs() + longer / 2.0);
        jitter = jitter.max(site.up.jitter.large() + site.down.jitter.large());
        scenario.servers.push(site);
    }
    explained.usual = asymmetry + jitter / 2.0 + 20e-6;
}

/// Fewer than half, and no more than leave three that agree.
fn lies(dice: &mut Dice, scenario: &mut Scenario) {
    let count = scenario.servers.len();
    let most = ((count - 1) / 2).min(count.saturating_sub(count.clamp(1, 3)));
    let reach = |site: &SiteSpec| {
        let links = [&site.up, &site.down];
        links
            .iter()
            .map(|link| {
                link.base + link.jitter.large() + link.route.iter().map(|(_, longer)| longer).sum::<f64>()
            })
            .sum::<f64>()
    };
    let farthest = scenario.servers.iter().map(reach).fold(0.0, f64::max);
    for site in scenario.servers.iter_mut().take(most) {
        if dice.0.chance(0.4) {
            let error = dice.sign() * farthest * dice.decades(3.0, 100.0);
            site.server.error = Span::from_seconds(error);
            if dice.0.chance(0.3) {
                site.server.drift = 1e-6_f64.copysign(error);
            }
        }
    }
}

/// One server is away, or all of them are; the longest time without any, seconds.
fn outages(dice: &mut Dice, scenario: &mut Scenario, explained: &mut Explained) -> f64 {
    for site in &mut scenario.servers {
        if dice.0.chance(0.2) {
            let from = dice.between(5_000.0, 35_000.0);
            *site = site.clone().cut(from, from + dice.decades(60.0, 10_000.0));
        }
    }
    let alone = scenario.servers.len() == 1;
    let mut longest = 0.0_f64;
    if dice.0.chance(0.25) || alone {
        let (from, seconds) = (dice.between(5_000.0, 30_000.0), dice.decades(60.0, 10_000.0));
        for site in &mut scenario.servers {
            *site = site.clone().cut(from, from + seconds);
        }
    }
    // Whatever the reason: a few servers that are away at once may leave too few.
    for site in &scenario.servers {
        for (from, until) in &site.up.outages {
            longest = longest.max(until - from);
            explained.more.push((*from, until + 3_600.0, (until - from) * 2.0 * UNWATCHED + 1e-3));
        }
    }
    longest
}

fn crystal(
    dice: &mut Dice,
    scenario: &mut Scenario,
    mode: PollMode,
    unwatched: f64,
    explained: &mut Explained,
) {
    let oscillator = &mut scenario.oscillator;
    let poll = mode.limits().max.interval().seconds();
    let most = (UNWATCHED / 3.0 / unwatched.max(1.0).sqrt()).min(1e-7);
    oscillator.frequency = dice.between(-1e-4, 1e-4);
    oscillator.wander = dice.decades(1e-11, most);
    if dice.0.chance(0.3) {
        oscillator.white = dice.decades(1e-11, 1e-8);
    }
    if dice.0.chance(0.25) {
        let (amplitude, period) = (dice.decades(1e-8, 1e-6), dice.between(1_800.0, 86_400.0));
        oscillator.sine = Some((amplitude, period));
        explained.usual += amplitude * poll * (4.0 * poll * std::f64::consts::TAU / period).min(2.0);
    }
    if dice.0.chance(0.3) {
        let by = dice.sign() * dice.decades(1e-8, UNWATCHED);
        #[expect(clippy::cast_possible_truncation, reason = "whole seconds of a run")]
        let second = dice.between(5_000.0, 35_000.0) as i64;
        oscillator.step = Some((by, second));
        let from = second as f64;
        explained.more.push((from, from + 6.0 * poll + 3_600.0, by.abs() * 4.0 * poll));
    }
    explained.usual += 6.0 * (oscillator.wander * poll.powf(1.5) + oscillator.white * poll.sqrt());
}

/// The clock is wrong at first, is shifted, or sleeps.
fn disturbances(dice: &mut Dice, scenario: &mut Scenario, explained: &mut Explained) {
    scenario.error = Span::from_seconds(dice.sign() * dice.decades(1e-5, 10.0));
    let (shift, sleep) = (dice.0.chance(0.3), dice.0.chance(0.15));
    if shift {
        let at = dice.between(5_000.0, 20_000.0).floor();
        let by = dice.sign() * dice.decades(1e-4, 0.1);
        scenario.disturbances.push((at, Disturbance::Shift(Span::from_seconds(by))));
        explained.more.push((at, found(scenario, at) + 5_400.0, f64::INFINITY));
    }
    if sleep {
        let at = dice.between(25_000.0, 35_000.0).floor();
        let seconds = dice.decades(10.0, 3_600.0);
        let error = Span::from_seconds(dice.sign() * dice.decades(1e-3, 1.0));
        scenario.disturbances.push((at, Disturbance::Sleep(seconds, error)));
        explained.more.push((at, found(scenario, at + seconds) + 3_600.0, f64::INFINITY));
    }
}

/// Nobody can find out that the clock was moved while no server answers.
fn found(scenario: &Scenario, moved: f64) -> f64 {
    let outages = scenario.servers.iter().flat_map(|site| &site.up.outages);
    outages
        .filter(|(from, until)| (*from..*until).contains(&moved))
        .fold(moved, |found, (_, until)| found.max(*until))
}

/// For people: one line.
pub(crate) fn describe(drawn: &Drawn) -> String {
    let Drawn { scenario, mode, .. } = drawn;
    let liars = scenario.servers.iter().filter(|site| site.server.error != Span::ZERO).count();
    let mut text = format!("{} servers", scenario.servers.len());
    if liars > 0 {
        text += &format!(" ({liars} lie)");
    }
    let oscillator = &scenario.oscillator;
    text += &format!(", {}, wander {:.0e}", mode.name(), oscillator.wander);
    let routes = scenario.links().any(|link| !link.route.is_empty());
    let cut = scenario.links().any(|link| !link.outages.is_empty());
    let parts = [
        (oscillator.white > 0.0, "white noise"),
        (oscillator.sine.is_some(), "sine"),
        (oscillator.step.is_some(), "frequency step"),
        (!scenario.disturbances.is_empty(), "disturbed"),
        (routes, "route"),
        (cut, "outage"),
    ];
    for (_, part) in parts.iter().filter(|(is, _)| *is) {
        text += &format!(", {part}");
    }
    let first = scenario.links().next();
    let law = |link: &LinkSpec| {
        format!("{:?}", link.jitter).split([' ', '(']).next().unwrap_or_default().to_lowercase()
    };
    text +=
        &first.map_or_else(String::new, |link| format!("; first: {:.1} ms, {}", link.base * 1e3, law(link)));
    text
}

/// What everything is drawn with.
struct Dice(Stream);

impl Dice {
    fn between(&mut self, least: f64, most: f64) -> f64 {
        least + (most - least) * self.0.uniform()
    }

    /// Every factor is as likely as every other.
    fn decades(&mut self, least: f64, most: f64) -> f64 {
        (self.between(least.ln(), most.ln())).exp()
    }

    fn sign(&mut self) -> f64 {
        if self.0.chance(0.5) { -1.0 } else { 1.0 }
    }

    fn up_to(&mut self, most: u64) -> u64 {
        self.0.bits() % most + 1
    }

    fn link(&mut self, base: f64) -> LinkSpec {
        let scale = base * self.decades(0.01, 0.5);
        let jitter = match self.up_to(6) {
            1 => Jitter::Exponential(scale),
            2 => Jitter::Heavy(scale),
            3 => Jitter::Gaussian(scale.min(base / 6.0)),
            4 => Jitter::Gamma(if self.0.chance(0.5) { 2 } else { 5 }, scale),
            5 => Jitter::Bursty {
                idle: scale,
                depth: scale * self.decades(1.0, 20.0),
                quiet_seconds: self.decades(60.0, 3_000.0),
                busy_seconds: self.decades(10.0, 600.0),
            },
            _ => Jitter::Bloat {
                idle: scale,
                depth: self.decades(5e-3, 0.1),
                quiet_seconds: self.decades(100.0, 3_000.0),
                busy_seconds: self.decades(5.0, 100.0),
                memory: self.decades(1.0, 20.0),
            },
        };
        LinkSpec::new(base, jitter)
    }
}

//! Requests and replies of the regression client in virtual time: the same host, links and streams of noise as the client under test has.

use super::client::Client;
use super::clock::Clock;
use super::register::Sample;
use crate::simulator::host::Host;
use crate::simulator::link::Link;
use crate::simulator::oscillator::Oscillator;
use crate::simulator::queue::Queue;
use crate::simulator::random::Stream;
use crate::simulator::recorder::Recorder;
use crate::simulator::scenario::{Disturbance, Scenario, SiteSpec};
use crate::simulator::server::ServerSpec;
use ntpd_rs::config::PollLimits;
use ntpd_rs::time::{ClockTime, Span};

/// The initial burst: so many good samples are wanted, at most so many requests are sent, so many seconds apart.
const GOOD_SAMPLES: u32 = 4;
const REQUESTS: u32 = 8;
const APART: f64 = 2.0;

/// One computer and its servers.
#[derive(Debug)]
pub(super) struct Network {
    client: Client,
    sites: Vec<Site>,
    queue: Queue<Happening>,
    /// What was on its way or planned before this is void: the machine slept.
    epoch: u32,
    pub(super) packets: u64,
}

#[derive(Debug)]
struct Site {
    server: ServerSpec,
    up: Link,
    down: Link,
    good: u32,
    requests: u32,
}

#[derive(Debug)]
struct Happening {
    epoch: u32,
    site: usize,
    what: What,
}

#[derive(Debug)]
enum What {
    Ask,
    AtServer(Exchange),
    AtClient(Exchange),
}

/// Times by their clocks, and what the client's clock was ahead of the timescale that nobody steers when it was read.
#[derive(Debug, Clone, Copy)]
struct Exchange {
    sent: ClockTime,
    sent_at: f64,
    sent_correction: f64,
    server: ClockTime,
}

impl Network {
    pub(super) fn new(scenario: &Scenario, limits: PollLimits, seed: u64) -> Self {
        let oscillator = Oscillator::new(scenario.oscillator, Stream::new(seed, "oscillator"));
        let mut host = Host::new(scenario.epoch, scenario.error, oscillator);
        host.advance(scenario.start);
        let site = |(index, spec): (usize, &SiteSpec)| Site {
            server: spec.server.clone(),
            up: Link::new(spec.up.clone(), seed, &format!("{index} up")),
            down: Link::new(spec.down.clone(), seed, &format!("{index} down")),
            good: 0,
            requests: 0,
        };
        let sites: Vec<Site> = scenario.servers.iter().enumerate().map(site).collect();
        let client = Client::new(Clock::new(host), sites.len(), limits);
        let mut network = Self { client, sites, queue: Queue::default(), epoch: 0, packets: 0 };
        network.begin();
        network
    }

    pub(super) fn recorder(&self) -> &Recorder {
        &self.client.clock.host.recorder
    }

    pub(super) fn steps(&self) -> u32 {
        self.client.clock.steps
    }

    /// To the scenario's end.
    pub(super) fn run(&mut self, scenario: &Scenario) {
        for (t, disturbance) in &scenario.disturbances {
            self.run_until(*t);
            match *disturbance {
                Disturbance::Shift(by) => self.client.clock.host.shift(by),
                Disturbance::Sleep(seconds, error) => self.sleep(seconds, error),
            }
        }
        self.run_until(scenario.end);
    }

    fn sleep(&mut self, seconds: f64, error: Span) {
        let host = &mut self.client.clock.host;
        host.suspend();
        host.advance(host.t() + seconds);
        host.resume(Span::from_seconds(seconds), error);
        self.client.forget();
        self.begin();
    }

    /// A burst to every server, now.
    fn begin(&mut self) {
        self.epoch += 1;
        for index in 0..self.sites.len() {
            if let Some(site) = self.sites.get_mut(index) {
                (site.good, site.requests) = (0, 0);
            }
            self.plan(self.client.clock.host.t(), index, What::Ask);
        }
    }

    fn plan(&mut self, t: f64, site: usize, what: What) {
        self.queue.push(t, Happening { epoch: self.epoch, site, what });
    }

    fn run_until(&mut self, end: f64) {
        loop {
            let clock = &mut self.client.clock;
            let timer = clock.slew_end.map_or(f64::INFINITY, |slew_end| clock.host.when(slew_end));
            let next = timer.min(self.queue.next());
            // Rates change at whole seconds, and with them the moment at which the slew ends.
            let second = clock.host.next_second();
            if second <= next.min(end) {
                clock.host.advance(second);
            } else if next > end {
                clock.host.advance(end);
                return;
            } else {
                clock.host.advance(next);
                if timer <= next {
                    clock.rest();
                } else if let Some(happening) = self.queue.pop().filter(|it| it.epoch == self.epoch) {
                    self.happen(happening);
                }
            }
        }
    }

    fn happen(&mut self, Happening { site, what, .. }: Happening) {
        let t = self.client.clock.host.t();
        match what {
            What::Ask => self.ask(t, site),
            What::AtServer(exchange) => {
                let true_time = self.client.clock.host.true_time(t);
                let Some(there) = self.sites.get_mut(site) else { return };
                let wrong = there.server.error + Span::from_seconds(there.server.drift * t);
                let exchange = Exchange { server: true_time + wrong, ..exchange };
                if let Some(delay) = there.down.carry(t) {
                    self.plan(t + delay, site, What::AtClient(exchange));
                }
            }
            What::AtClient(exchange) => self.receive(site, exchange),
        }
    }

    fn ask(&mut self, t: f64, index: usize) {
        let Some(site) = self.sites.get_mut(index) else { return };
        site.requests += 1;
        self.packets += 1;
        let arrival = site.up.carry(t).map(|delay| t + delay);
        let in_burst = site.good < GOOD_SAMPLES && site.requests < REQUESTS;
        let (sent_at, sent_correction) = self.client.clock.now();
        let sent = self.client.clock.host.now().clock;
        if let Some(arrival) = arrival {
            let exchange = Exchange { sent, sent_at, sent_correction, server: sent };
            self.plan(arrival, index, What::AtServer(exchange));
        }
        let interval = if in_burst { APART } else { self.client.interval(index) };
        self.plan(t + interval, index, What::Ask);
    }

    fn receive(&mut self, index: usize, exchange: Exchange) {
        let (received_at, correction) = self.client.clock.now();
        let received = self.client.clock.host.now().clock;
        let up = (exchange.server - exchange.sent).seconds() + exchange.sent_correction;
        let down = (received - exchange.server).seconds() - correction;
        let Some(site) = self.sites.get_mut(index) else { return };
        let sample = Sample {
            time: (exchange.sent_at + received_at) / 2.0,
            offset: (up - down) / 2.0,
            delay: up + down,
            root_distance: site.server.root_delay.seconds() / 2.0 + site.server.root_dispersion.seconds(),
        };
        if self.client.take(index, sample)
            && let Some(site) = self.sites.get_mut(index)
        {
            site.good += 1;
        }
    }
}

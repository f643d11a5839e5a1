//! The world around one engine: performs its actions and tells it what happens, in virtual time. Decides nothing about time itself.

use super::host::Host;
use super::key_exchange::{EXCHANGE_SECONDS, KeyServer, protect};
use super::link::Link;
use super::nts_servers::NtsServers;
use super::oscillator::Oscillator;
use super::queue::{Happening, Queue};
use super::random::Stream;
use super::scenario::{Disturbance, Scenario, SiteSpec, address};
use super::server::Server;
use ntpd_rs::command::Command;
use ntpd_rs::config::Config;
use ntpd_rs::discipline::Drift;
use ntpd_rs::engine::{Action, Engine, Event, Notice, Start};
use ntpd_rs::nts::{KeyRequest, SavedSession};
use ntpd_rs::snapshot::Snapshot;
use ntpd_rs::source::Request;
use ntpd_rs::time::{ClockTime, Mono, Span, Stamp, StampSource};
use ntpd_rs::verdict::SourceId;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// How long a name lookup takes, seconds.
const LOOKUP_SECONDS: f64 = 0.02;
/// An engine that asks to be woken this often without time passing is stuck.
const MOST_WAKEUPS_AT_ONCE: u32 = 1000;

/// One computer, its network, and the client under test.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) host: Host,
    pub(crate) sites: Vec<Site>,
    /// What the resolver says; names that are not here fail.
    pub(crate) names: BTreeMap<String, Vec<IpAddr>>,
    /// By name.
    pub(crate) key_servers: BTreeMap<String, KeyServer>,
    /// With them every server opens real cookies only; without, replies are sealed whatever is asked.
    pub(crate) nts_servers: Option<NtsServers>,
    /// What key exchanges were asked for, and when.
    pub(crate) exchanges: Vec<(f64, KeyRequest)>,
    /// Without it every send fails at once.
    pub(crate) network: bool,
    /// What people were told, and when.
    pub(crate) notices: Vec<(f64, Notice)>,
    /// The engine asked to stop, and why.
    pub(crate) stopped: Option<String>,
    /// Requests sent.
    pub(crate) packets: u64,
    /// When a site answered so that the answer arrives, and which.
    pub(crate) answered: Vec<(f64, usize)>,
    /// What will happen to the computer, by true time.
    disturbances: VecDeque<(f64, Disturbance)>,
    config: Config,
    randomness: Stream,
    engine: Engine,
    wakeup: Option<Mono>,
    wakeups_at_once: u32,
    queue: Queue<Happening>,
    /// The one open socket of each source, and who may be behind it.
    sockets: BTreeMap<SourceId, u64>,
    /// Suspended or paused: nothing reaches the client, and it does nothing.
    away: bool,
}

/// A server and both directions of the way to it.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) server: Server,
    pub(crate) up: Link,
    pub(crate) down: Link,
}

impl World {
    /// The scenario at the instant at which its client starts.
    pub(crate) fn new(scenario: &Scenario, config: Config, seed: u64) -> Self {
        Self::build(scenario, config, seed, true)
    }

    /// The same with a client that may not touch the clock.
    pub(crate) fn without_control(scenario: &Scenario, config: Config, seed: u64) -> Self {
        Self::build(scenario, config, seed, false)
    }

    fn build(scenario: &Scenario, config: Config, seed: u64, controls_clock: bool) -> Self {
        let oscillator = Oscillator::new(scenario.oscillator, Stream::new(seed, "oscillator"));
        let mut host = Host::new(scenario.epoch, scenario.error, oscillator);
        host.advance(scenario.start);
        let site = |(index, spec): (usize, &SiteSpec)| Site {
            address: address(index),
            server: Server::new(spec.server.clone(), Stream::new(seed, &format!("{index} server"))),
            up: Link::new(spec.up.clone(), seed, &format!("{index} up")),
            down: Link::new(spec.down.clone(), seed, &format!("{index} down")),
        };
        let mut randomness = Stream::new(seed, "client");
        let begin = Start { controls_clock, ..start(&host, scenario.built, None) };
        let engine = Engine::new(config.clone(), randomness.seed(), begin);
        Self {
            sites: scenario.servers.iter().enumerate().map(site).collect(),
            names: BTreeMap::new(),
            key_servers: BTreeMap::new(),
            nts_servers: None,
            exchanges: Vec::new(),
            network: true,
            notices: engine.opening_notices().into_iter().map(|notice| (host.t(), notice)).collect(),
            stopped: None,
            packets: 0,
            answered: Vec::new(),
            disturbances: scenario.disturbances.iter().copied().collect(),
            config,
            randomness,
            wakeup: Some(host.now().mono),
            wakeups_at_once: 0,
            engine,
            host,
            queue: Queue::default(),
            sockets: BTreeMap::new(),
            away: false,
        }
    }

    /// Until true time `end`, seconds; everything due at `end` has happened.
    pub(crate) fn run_until(&mut self, end: f64) {
        while let Some((t, disturbance)) = self.disturbances.front().copied()
            && t <= end
        {
            self.disturbances.pop_front();
            self.run_undisturbed_until(t);
            match disturbance {
                Disturbance::Shift(by) => self.host.shift(by),
                Disturbance::Sleep(seconds, error) => self.sleep(seconds, error),
            }
        }
        self.run_undisturbed_until(end);
    }

    fn run_undisturbed_until(&mut self, end: f64) {
        loop {
            let timer = self.due();
            let arrival = self.queue.next();
            let next = timer.min(arrival);
            // A rate may change at every whole second, and with it the moment at which the timer is due.
            let second = self.host.next_second();
            if second <= next.min(end) {
                self.host.advance(second);
            } else if next > end {
                self.host.advance(end);
                return;
            } else {
                self.host.advance(next);
                self.happen(arrival <= timer);
            }
        }
    }

    /// For this many seconds more.
    pub(crate) fn run_for(&mut self, seconds: f64) {
        self.run_until(self.host.t() + seconds);
    }

    /// Somebody sets the clock, and the daemon notices as it does through its timer.
    pub(crate) fn set_clock(&mut self, by: Span) {
        self.host.jump(by);
        self.tell(Event::ClockStepped(by));
    }

    /// UTC has one second more, and the kernel that was told so repeats it: both it and the servers are a second back.
    pub(crate) fn leap_second(&mut self) {
        self.host.leap_second();
        self.tell(Event::ClockStepped(Span::from_secs(-1)));
    }

    /// The machine sleeps; the clock is kept by something that is wrong by `error` afterwards.
    pub(crate) fn sleep(&mut self, seconds: f64, error: Span) {
        self.away_for(seconds, error);
        self.tell(Event::Slept(Span::from_seconds(seconds)));
    }

    /// A virtual machine is paused: both clocks stand still, and nobody says so.
    pub(crate) fn pause(&mut self, seconds: f64) {
        self.away_for(seconds, Span::from_seconds(-seconds));
    }

    fn away_for(&mut self, seconds: f64, error: Span) {
        self.away = true;
        self.host.suspend();
        self.run_for(seconds);
        self.host.resume(Span::from_seconds(seconds), error);
        self.away = false;
    }

    /// The daemon is started again, with what it had kept of the oscillator.
    pub(crate) fn restart(&mut self, drift: Option<Drift>) {
        self.sockets.clear();
        self.engine = Engine::new(
            self.config.clone(),
            self.randomness.seed(),
            start(&self.host, self.host.true_time(0.0), drift),
        );
        self.tell(Event::Timer);
    }

    /// The daemon ends, and starts again so much later with the keys that it had kept, and with nothing else.
    pub(crate) fn off_for(&mut self, seconds: f64) {
        let sessions = self.engine.take_sessions();
        self.sockets.clear();
        self.wakeup = None;
        self.run_for(seconds);
        let start = start(&self.host, self.host.true_time(0.0), None);
        self.engine = Engine::new(self.config.clone(), self.randomness.seed(), start);
        self.engine.restore_sessions(sessions);
        self.tell(Event::Timer);
    }

    /// Tells the engine something and performs what it asks for.
    pub(crate) fn tell(&mut self, event: Event<'_>) {
        let actions = self.engine.handle(self.host.now(), event);
        self.perform_all(actions);
    }

    /// Asks it something from outside, performs what it does about it, and gives its answer.
    pub(crate) fn ask(&mut self, command: Command) -> Result<(), String> {
        let (actions, answer) = self.engine.obey(self.host.now(), command);
        self.perform_all(actions);
        answer
    }

    fn perform_all(&mut self, actions: Vec<Action>) {
        let mut pending = VecDeque::from(actions);
        while let Some(action) = pending.pop_front() {
            if let Some(event) = self.perform(action) {
                pending.extend(self.engine.handle(self.host.now(), event));
            }
        }
        self.wakeup = self.engine.next_wakeup();
    }

    /// The daemon found keys of an earlier run.
    pub(crate) fn restore_sessions(&mut self, sessions: Vec<SavedSession>) {
        self.engine.restore_sessions(sessions);
    }

    /// What the outside would see now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.engine.snapshot(self.host.now())
    }

    /// What the daemon would keep for its next run.
    pub(crate) fn drift(&self) -> Option<Drift> {
        self.engine.drift()
    }

    /// Largest error of the clock since true time `since`, seconds.
    pub(crate) fn worst_since(&self, since: f64) -> f64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole seconds of a run")]
        self.host.recorder.max(since.ceil() as usize..usize::MAX)
    }

    /// Whether a notice of this kind was told at or after true time `since`.
    pub(crate) fn told(&self, since: f64, kind: impl Fn(&Notice) -> bool) -> bool {
        self.notices.iter().any(|(t, notice)| *t >= since && kind(notice))
    }

    fn due(&self) -> f64 {
        match self.wakeup {
            Some(wakeup) if !self.away && self.stopped.is_none() => self.host.when(wakeup),
            _ => f64::INFINITY,
        }
    }

    fn happen(&mut self, from_queue: bool) {
        if from_queue {
            self.wakeups_at_once = 0;
            if let Some(what) = self.queue.pop() {
                self.arrive(what);
            }
        } else {
            let before = self.wakeup;
            self.tell(Event::Timer);
            self.wakeups_at_once = if self.wakeup > before { 0 } else { self.wakeups_at_once + 1 };
            assert!(
                self.wakeups_at_once < MOST_WAKEUPS_AT_ONCE,
                "the engine is stuck at {} s",
                self.host.t()
            );
        }
    }

    fn arrive(&mut self, what: Happening) {
        let t = self.host.t();
        match what {
            Happening::AtServer { site, socket, bytes } => {
                let Some(there) = self.sites.get_mut(site) else { return };
                let clock = self.host.true_time(t);
                let replies = match &mut self.nts_servers {
                    Some(servers) => {
                        let clock = clock + there.server.spec.error;
                        let answer = servers.answer((&bytes, client()), there.address, t, clock);
                        answer.into_iter().collect()
                    }
                    None => {
                        let replies = there.server.answer(&bytes, t, clock).into_iter();
                        replies.map(|reply| protect(&bytes, reply)).collect::<Vec<_>>()
                    }
                };
                for reply in replies {
                    let Some(there) = self.sites.get_mut(site) else { return };
                    let left = t + there.server.wrote_for;
                    if let Some(delay) = there.down.carry(left) {
                        let from = there.address;
                        self.answered.push((t, site));
                        self.queue.push(left + delay, Happening::AtClient { socket, from, bytes: reply });
                    }
                }
            }
            Happening::AtClient { socket: (source, number), from, bytes } => {
                let open = self.sockets.get(&source) == Some(&number);
                if open && !self.away && self.stopped.is_none() {
                    let stamp = self.stamp();
                    let local = Some(client().ip());
                    self.tell(Event::Datagram { source, from, local, bytes: &bytes, stamp });
                }
            }
            Happening::LookedUp { query, host } => {
                let found = self.names.get(&host).filter(|_| self.network);
                let result = found.cloned().ok_or_else(|| "no such name".to_owned());
                if !self.away {
                    self.tell(Event::Resolved { query, result });
                }
            }
            Happening::KeysExchanged { query, request } => {
                let server = self.key_servers.get(&request.host).filter(|_| self.network);
                let unreachable = || Err("the host is unreachable".to_owned());
                let mut result = server.map_or_else(unreachable, |server| server.exchange(&request));
                if let (Ok(established), Some(servers)) = (&mut result, &mut self.nts_servers)
                    && let Some(session) = servers.exchange(t)
                {
                    established.session = session;
                }
                if !self.away {
                    self.tell(Event::KeysExchanged { query, result });
                }
            }
        }
    }

    /// Does it; what the engine has to be told of it.
    fn perform(&mut self, action: Action) -> Option<Event<'static>> {
        match action {
            Action::Send(request) => return Some(self.send(request)),
            Action::Adjust(adjustment) => return Some(Event::Applied(self.host.apply(adjustment))),
            Action::Close(source) => drop(self.sockets.remove(&source)),
            Action::Resolve { query, host } => {
                self.queue.push(self.host.t() + LOOKUP_SECONDS, Happening::LookedUp { query, host });
            }
            Action::Notice(notice) => self.notices.push((self.host.t(), notice)),
            Action::ExchangeKeys { query, request } => {
                self.exchanges.push((self.host.t(), request.clone()));
                let end = self.host.t() + EXCHANGE_SECONDS;
                self.queue.push(end, Happening::KeysExchanged { query, request });
            }
            Action::Publish => {}
            Action::Panic(reason) => self.stopped = Some(reason),
        }
        None
    }

    fn send(&mut self, request: Request) -> Event<'static> {
        let Request { to, bytes, token } = request;
        if !self.network {
            return Event::SendFailed { token, reason: "network is unreachable".to_owned() };
        }
        self.packets += 1;
        let t = self.host.t();
        let socket = (token.source(), self.packets);
        self.sockets.insert(socket.0, socket.1);
        let there = self.sites.iter_mut().position(|site| site.address == to);
        if let Some((index, site)) = there.and_then(|index| Some((index, self.sites.get_mut(index)?)))
            && let Some(delay) = site.up.carry(t)
        {
            self.queue.push(t + delay, Happening::AtServer { site: index, socket, bytes });
        }
        Event::Sent { token, stamp: self.stamp() }
    }

    fn stamp(&self) -> Stamp {
        Stamp { time: self.host.now().clock, source: StampSource::Kernel }
    }
}

/// Where the client asks from.
fn client() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(198, 51, 100, 1), 40_000))
}

fn start(host: &Host, built: ClockTime, drift: Option<Drift>) -> Start {
    Start {
        now: host.now(),
        drift,
        kernel_frequency: host.frequency(),
        controls_clock: true,
        build_time: built,
        was_moved: false,
        moved: Span::ZERO,
        precision: -23,
    }
}

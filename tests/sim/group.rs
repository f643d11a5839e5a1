//! Several daemons that ask and answer each other in one virtual time, each with a crystal of its own; and a proper server that may
//! be out of reach. Decides nothing.

use crate::simulator::host::Host;
use crate::simulator::oscillator::{Oscillator, OscillatorSpec};
use crate::simulator::queue::Queue;
use crate::simulator::random::Stream;
use crate::simulator::server::{Server, ServerSpec};
use ntpd_rs::config::{Config, HostPort, PollLimits, ServerConfig, SourceConfig, Synchronization};
use ntpd_rs::engine::{Action, Engine, Event, Notice, Start};
use ntpd_rs::server::{REPLY_CAPACITY, Request, Responder, SystemVariables};
use ntpd_rs::snapshot::Snapshot;
use ntpd_rs::time::{ClockTime, Mono, Poll, Span, Stamp, StampSource};
use ntpd_rs::verdict::SourceId;
use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};

/// One way between any two, seconds.
const DELAY: f64 = 100e-6;
/// Every 16 to 64 s.
const POLL: PollLimits = PollLimits { min: Poll::new(4), max: Poll::new(6), initial: Poll::new(4) };

/// The whole network.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) daemons: Vec<Daemon>,
    /// Of true time, at 10.0.0.1.
    proper: Server,
    /// The part of the network that can reach the proper server, if any.
    pub(crate) proper_for: Option<u8>,
    epoch: ClockTime,
    t: f64,
    queue: Queue<Datagram>,
}

/// One computer.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) host: Host,
    pub(crate) address: SocketAddr,
    /// Those with the same number reach each other.
    pub(crate) part: u8,
    pub(crate) notices: Vec<(f64, Notice)>,
    /// It asked to stop.
    pub(crate) stopped: Option<String>,
    config: Config,
    random: Stream,
    engine: Engine,
    responder: Responder,
    is_up: bool,
    wakeup: Option<Mono>,
    requests: u64,
    sockets: BTreeMap<SourceId, u64>,
}

/// On its way.
#[derive(Debug)]
struct Datagram {
    from: SocketAddr,
    to: SocketAddr,
    /// Whose request it is or answers.
    socket: (SourceId, u64),
    is_reply: bool,
    bytes: Vec<u8>,
}

/// Where the proper server is.
pub(crate) fn proper_address() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 123))
}

/// The address of a member, by the last number of its address.
pub(crate) fn address(last: u8) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(192, 0, 2, last), 123))
}

impl Group {
    /// Members with these last numbers of their addresses and these first errors (seconds). All ask each other and the proper server,
    /// which only those in `proper_for` reach. `change` may change what the nth has in `[synchronization]`.
    pub(crate) fn new(
        members: &[(u8, f64)],
        proper_for: Option<u8>,
        seed: u64,
        change: impl Fn(usize, &mut Synchronization),
    ) -> Self {
        Self::at(ClockTime::from_unix_secs(1_793_491_200), members, proper_for, seed, change)
    }

    /// The same beginning then.
    pub(crate) fn at(
        epoch: ClockTime,
        members: &[(u8, f64)],
        proper_for: Option<u8>,
        seed: u64,
        change: impl Fn(usize, &mut Synchronization),
    ) -> Self {
        let addresses: Vec<SocketAddr> = members.iter().map(|(last, _)| address(*last)).collect();
        let daemon = |(index, (last, error)): (usize, &(u8, f64))| {
            let mut config = configuration(address(*last), &addresses);
            change(index, &mut config.synchronization);
            Daemon::new(config, address(*last), *error, epoch, seed)
        };
        let spec = ServerSpec::default();
        Self {
            daemons: members.iter().enumerate().map(daemon).collect(),
            proper: Server::new(spec, Stream::new(seed, "proper")),
            proper_for,
            epoch,
            t: 0.0,
            queue: Queue::default(),
        }
    }

    pub(crate) fn t(&self) -> f64 {
        self.t
    }

    /// For this many seconds more.
    pub(crate) fn run_for(&mut self, seconds: f64) {
        let end = self.t + seconds;
        loop {
            let timer = (0..self.daemons.len())
                .map(|index| (self.daemons[index].due(), index))
                .min_by(|a, b| a.0.total_cmp(&b.0));
            let (due, who) = timer.unwrap_or((f64::INFINITY, 0));
            let second = self.daemons[who].host.next_second();
            let next = due.min(self.queue.next()).min(second);
            if next > end {
                self.advance(end);
                return;
            }
            self.advance(next);
            if next >= self.queue.next() {
                if let Some(datagram) = self.queue.pop() {
                    self.arrive(datagram);
                }
            } else if next >= due {
                self.tell(who, Event::Timer);
            }
        }
    }

    /// A computer that is switched off, or on: it starts anew, and its clock has run on.
    pub(crate) fn switch(&mut self, who: usize, on: bool) {
        let epoch = self.epoch;
        let daemon = &mut self.daemons[who];
        daemon.is_up = on;
        daemon.sockets.clear();
        if on {
            daemon.engine =
                Engine::new(daemon.config.clone(), daemon.random.seed(), start(&daemon.host, epoch));
            daemon.wakeup = Some(daemon.host.now().mono);
            daemon.serve();
        }
    }

    /// Somebody sets a computer's clock, and its daemon notices.
    pub(crate) fn set_clock(&mut self, who: usize, by: Span) {
        self.daemons[who].host.jump(by);
        self.tell(who, Event::ClockStepped(by));
    }

    /// UTC has one second more; daemons take a jump of their clock then for what it is.
    pub(crate) fn leap_second(&mut self) {
        self.epoch = self.epoch - Span::from_secs(1);
        for daemon in &mut self.daemons {
            daemon.host.leap_second();
        }
    }

    /// The largest difference between two clocks of a part of the network, seconds.
    pub(crate) fn spread(&self, part: u8) -> f64 {
        let errors = self.daemons.iter().filter(|d| d.is_up && d.part == part).map(|d| d.host.error());
        let (low, high) =
            errors.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), e| (low.min(e), high.max(e)));
        high - low
    }

    fn advance(&mut self, t: f64) {
        self.t = t;
        for daemon in &mut self.daemons {
            daemon.host.advance(t);
        }
    }

    fn arrive(&mut self, datagram: Datagram) {
        let Datagram { from, to, socket, is_reply, bytes } = datagram;
        if to == proper_address() {
            let true_time = self.epoch + Span::from_seconds(self.t);
            for bytes in self.proper.answer(&bytes, self.t, true_time) {
                self.send(Datagram { from: to, to: from, socket, is_reply: true, bytes });
            }
            return;
        }
        let Some(who) = self.daemons.iter().position(|daemon| daemon.address == to && daemon.is_up) else {
            return;
        };
        if !is_reply {
            if let Some(bytes) = self.daemons[who].answer(&bytes, from) {
                self.send(Datagram { from: to, to: from, socket, is_reply: true, bytes });
            }
        } else if self.daemons[who].sockets.get(&socket.0) == Some(&socket.1) {
            let stamp = self.daemons[who].stamp();
            let local = Some(to.ip());
            self.tell(who, Event::Datagram { source: socket.0, from, local, bytes: &bytes, stamp });
        }
    }

    /// Tells a daemon something, and performs what it asks for.
    pub(crate) fn tell(&mut self, who: usize, event: Event<'_>) {
        let daemon = &mut self.daemons[who];
        let mut pending: VecDeque<Action> = daemon.engine.handle(daemon.host.now(), event).into();
        let mut sent = Vec::new();
        while let Some(action) = pending.pop_front() {
            if let Some(event) = daemon.perform(action, self.t, &mut sent) {
                pending.extend(daemon.engine.handle(daemon.host.now(), event));
            }
        }
        daemon.wakeup = daemon.engine.next_wakeup();
        for datagram in sent {
            self.send(datagram);
        }
    }

    fn send(&mut self, datagram: Datagram) {
        let part = |address: SocketAddr| match address == proper_address() {
            true => self.proper_for,
            false => self.daemons.iter().find(|d| d.address == address && d.is_up).map(|d| d.part),
        };
        if part(datagram.from).is_some() && part(datagram.from) == part(datagram.to) {
            self.queue.push(self.t + DELAY, datagram);
        }
    }
}

impl Daemon {
    fn new(config: Config, address: SocketAddr, error: f64, epoch: ClockTime, seed: u64) -> Self {
        let mut random = Stream::new(seed, &format!("{address} daemon"));
        let spec =
            OscillatorSpec { frequency: (random.uniform() - 0.5) * 100e-6, ..OscillatorSpec::default() };
        let oscillator = Oscillator::new(spec, Stream::new(seed, &format!("{address} oscillator")));
        let host = Host::new(epoch, Span::from_seconds(error), oscillator);
        let engine = Engine::new(config.clone(), random.seed(), start(&host, epoch));
        let variables = SystemVariables::new(&engine.snapshot(host.now()), &config.synchronization);
        Self {
            responder: Responder::new(&ServerConfig::new(address), 1, variables, [0; 16]),
            wakeup: Some(host.now().mono),
            host,
            address,
            part: 0,
            notices: Vec::new(),
            stopped: None,
            config,
            random,
            engine,
            is_up: true,
            requests: 0,
            sockets: BTreeMap::new(),
        }
    }

    /// What the outside would see now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.engine.snapshot(self.host.now())
    }

    /// What clients are told now.
    pub(crate) fn served(&self) -> SystemVariables {
        SystemVariables::new(&self.snapshot(), &self.config.synchronization)
    }

    fn due(&self) -> f64 {
        match self.wakeup {
            Some(wakeup) if self.is_up && self.stopped.is_none() => self.host.when(wakeup),
            _ => f64::INFINITY,
        }
    }

    fn serve(&mut self) {
        self.responder.set_variables(self.served());
    }

    fn answer(&mut self, bytes: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
        let now = self.host.now();
        let request = Request { bytes, from, received: now.clock, transmit: now.clock, mono: now.mono };
        let mut reply = [0; REPLY_CAPACITY];
        let answer = self.responder.answer(&request, &mut reply).ok()?;
        Some(reply[..answer.length].to_vec())
    }

    fn perform(&mut self, action: Action, t: f64, sent: &mut Vec<Datagram>) -> Option<Event<'static>> {
        match action {
            Action::Send(request) => {
                self.requests += 1;
                let socket = (request.token.source(), self.requests);
                self.sockets.insert(socket.0, socket.1);
                let (from, to, bytes) = (self.address, request.to, request.bytes);
                sent.push(Datagram { from, to, socket, is_reply: false, bytes });
                return Some(Event::Sent { token: request.token, stamp: self.stamp() });
            }
            Action::Adjust(adjustment) => return Some(Event::Applied(self.host.apply(adjustment))),
            Action::Close(source) => drop(self.sockets.remove(&source)),
            Action::Notice(notice) => self.notices.push((t, notice)),
            Action::Publish => self.serve(),
            Action::Panic(reason) => self.stopped = Some(reason),
            Action::Resolve { .. } | Action::ExchangeKeys { .. } => {}
        }
        None
    }

    fn stamp(&self) -> Stamp {
        Stamp { time: self.host.now().clock, source: StampSource::Kernel }
    }
}

fn start(host: &Host, built: ClockTime) -> Start {
    Start {
        now: host.now(),
        drift: None,
        kernel_frequency: host.frequency(),
        controls_clock: true,
        build_time: built,
        was_moved: false,
        moved: Span::ZERO,
        precision: -23,
    }
}

fn configuration(own: SocketAddr, members: &[SocketAddr]) -> Config {
    let others = members.iter().filter(|address| **address != own);
    let source = |address: &SocketAddr| {
        SourceConfig::server(HostPort { host: address.ip().to_string(), port: address.port() }, POLL)
    };
    Config {
        sources: others.chain([&proper_address()]).map(source).collect(),
        synchronization: Synchronization {
            minimum_agreeing_sources: 1,
            orphan_stratum: Some(10),
            ..Synchronization::default()
        },
        ..Config::default()
    }
}

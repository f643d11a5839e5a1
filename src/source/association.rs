//! The association: events in, outcomes out. Its parts are in the neighbouring files.

mod judgement;

use super::exchange::{Exchange, Reply};
use super::interleaved::{Cookies, Memory, Mode};
use super::polling::Polling;
use super::protection::Protection;
use super::{Advice, Context, Counters, Outcome, Reach, Request, RequestToken, TimerOutcome};
use super::{arithmetic, checks};
use crate::config::PollLimits;
use crate::measurement::{Pending, ServerVariables};
use crate::nts::{Protected, Session};
use crate::packet::Header;
use crate::time::{Mono, Now, Poll, Span, Stamp};
use crate::verdict::{Discard, SourceId};
use judgement::Answer;
use rand_core::Rng;
use std::net::SocketAddr;

/// How long a reply is waited for. Later ones are of little use: half their delay is their error bound.
const REPLY_TIMEOUT: Span = Span::from_secs(8);

/// Says nothing of our clock's precision (draft-ietf-ntp-data-minimization).
const UNSAID_PRECISION: i8 = 32;

/// What an association is mobilized with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The server.
    pub address: SocketAddr,
    /// How often it may be asked.
    pub poll: PollLimits,
    /// Replies of servers further than this from their primary source are discarded.
    pub maximum_root_distance: Span,
    /// Ask for true transmit timestamps (RFC 9769); a server that has none is measured as ever.
    pub interleaved: bool,
}

impl Settings {
    /// In basic mode, with MAXDISP (16 s, RFC 5905 §7.2) as the largest root distance; selection has a tighter limit of its own.
    pub const fn new(address: SocketAddr, poll: PollLimits) -> Self {
        let maximum_root_distance = checks::MAXIMUM_ROOT_DISTANCE;
        Self { address, poll, maximum_root_distance, interleaved: false }
    }
}

/// One association with one server (RFC 5905 §9): asks, judges replies, knows when to ask again.
///
/// It is told the time with every event and reads no clock. Only a genuine reply with usable times, the next request, the timeout,
/// a failure to send or demobilizing ends an exchange: whatever else arrives, the genuine reply still counts.
#[derive(Debug)]
pub struct Association {
    id: SourceId,
    settings: Settings,
    state: State,
    polling: Polling,
    reach: Reach,
    /// Polls since the last usable reply.
    unanswered: u32,
    /// Polls since the last usable reply that brought `DENY` or `RSTR`.
    refusals: u32,
    sequence: u64,
    /// Of the exchange before: a second reply to it is a duplicate.
    answered: Option<Cookies>,
    memory: Memory,
    server: Option<ServerVariables>,
    /// Why the last genuine reply was not usable.
    refusal: Option<Discard>,
    last_measurement: Option<Mono>,
    counters: Counters,
    /// With it every packet is protected, and nothing unprotected is believed.
    protection: Option<Protection>,
}

#[derive(Debug)]
enum State {
    Idle,
    Waiting(Exchange),
    Demobilized,
}

impl Association {
    /// Mobilizes it; the first request is due at `start`.
    pub fn new(id: SourceId, settings: Settings, start: Mono) -> Self {
        Self {
            id,
            settings,
            state: State::Idle,
            polling: Polling::new(settings.poll, start),
            reach: Reach::default(),
            unanswered: 0,
            refusals: 0,
            sequence: 0,
            answered: None,
            memory: Memory::new(settings.interleaved),
            server: None,
            refusal: None,
            last_measurement: None,
            counters: Counters::default(),
            protection: None,
        }
    }

    /// The same with NTS: nothing is ever sent or believed without protection.
    pub fn secured(id: SourceId, settings: Settings, session: Session, start: Mono) -> Self {
        Self { protection: Some(Protection::new(session)), ..Self::new(id, settings, start) }
    }

    /// When `on_timer` is due; `None` once demobilized.
    pub fn next_wakeup(&self) -> Option<Mono> {
        match &self.state {
            State::Idle => Some(self.polling.next()),
            State::Waiting(exchange) => Some(self.polling.next().min(exchange.deadline)),
            State::Demobilized => None,
        }
    }

    /// The time has come, or may have. `random` gives cookie and jitter.
    pub fn on_timer(&mut self, now: Now, random: &mut impl Rng) -> TimerOutcome {
        let is_due = self.polling.next() <= now.mono;
        match &self.state {
            State::Demobilized => TimerOutcome::Nothing,
            _ if is_due => {
                self.give_up_exchange();
                self.ask(now, random).map_or(TimerOutcome::Expired, TimerOutcome::Send)
            }
            State::Waiting(exchange) if exchange.deadline <= now.mono => {
                self.give_up_exchange();
                TimerOutcome::Expired
            }
            State::Idle | State::Waiting(_) => TimerOutcome::Nothing,
        }
    }

    /// The request left, at T1 = `stamp`.
    pub fn on_sent(&mut self, token: RequestToken, stamp: Stamp, now: Now, context: &Context<'_>) -> Outcome {
        match &mut self.state {
            State::Waiting(exchange) if token.is_for(self.id, exchange.sequence) => {
                exchange.transmit_stamp = Some(stamp);
                self.polling.on_sent();
                self.finish(now.mono, context)
            }
            _ => Outcome::Held,
        }
    }

    /// The request did not leave: no route, no address, refused by a firewall of ours.
    pub fn on_send_failed(&mut self, token: RequestToken, now: Now) {
        if let State::Waiting(exchange) = &self.state
            && token.is_for(self.id, exchange.sequence)
        {
            if let Some(protection) = &mut self.protection {
                protection.on_send_failed(exchange);
            }
            self.state = State::Idle;
            self.counters.uncount_request();
            if self.polling.on_send_failed(now.mono) {
                self.record_silence();
            }
        }
    }

    /// A datagram arrived on the socket of the last request, at T4 = `stamp`.
    pub fn on_datagram(
        &mut self,
        now: Now,
        from: SocketAddr,
        bytes: &[u8],
        stamp: Stamp,
        context: &Context<'_>,
    ) -> Outcome {
        match self.judge(from, bytes, context) {
            Ok(Answer::Kiss(code, poll)) => self.on_kiss(code, poll),
            Ok(Answer::Time(mode, header)) => {
                if let State::Waiting(exchange) = &mut self.state {
                    exchange.reply = Some(Reply {
                        mode,
                        receive_timestamp: header.receive_timestamp,
                        transmit_timestamp: header.transmit_timestamp,
                        stamp,
                        arrived: now,
                        server: arithmetic::server_variables(&header),
                    });
                }
                self.finish(now.mono, context)
            }
            Err(discard) => self.discard(discard),
        }
    }

    /// We stepped our own clock: an exchange on its way has lost its meaning.
    pub fn on_clock_stepped(&mut self) {
        self.memory.forget();
        if let State::Waiting(exchange) = &mut self.state {
            exchange.void = true;
            self.polling.on_void();
        }
    }

    /// Fresh keys and cookies from the same server. Where it refuses those before, what is on its way is given up, and if they ever
    /// worked, the next request comes soon. Otherwise it waits its turn: a server that refuses all keys must not make us ask without end.
    pub fn set_session(&mut self, session: Session) {
        let is_naked = matches!(&self.state, State::Waiting(exchange) if exchange.nak && !exchange.authentic);
        let Some(protection) = &mut self.protection else { return };
        let is_refused = is_naked || protection.is_refused();
        if protection.replace(session) && is_refused {
            self.polling.on_void();
        }
        if is_refused && !self.is_demobilized() {
            self.state = State::Idle;
        }
    }

    /// Puts half of the cookies by, for a run after a crash.
    pub fn reserve_session(&mut self) -> Option<Session> {
        self.protection.as_mut()?.reserve()
    }

    /// Gives keys and cookies away, for the next run; nothing can be asked any more.
    pub fn take_session(&mut self) -> Option<Session> {
        self.state = State::Demobilized;
        self.protection.take().map(Protection::into_session)
    }

    /// Somebody else stepped the clock, the machine slept, or the network changed: measure afresh at once.
    pub fn restart(&mut self, now: Mono) {
        if let State::Waiting(exchange) = &mut self.state {
            exchange.void = true;
        }
        self.memory.forget();
        self.polling.restart(now);
    }

    /// It is left alone until `restart`: nothing on its way counts, and it is not called reachable.
    pub fn suspend(&mut self) {
        self.memory.forget();
        self.reach = Reach::default();
        if let State::Waiting(exchange) = &mut self.state {
            exchange.void = true;
            self.give_up_exchange();
        }
    }

    /// Measures several times now, because somebody asks for it.
    ///
    /// # Errors
    /// Why not, as what is said of the source.
    pub fn burst(&mut self, now: Mono) -> Result<(), &'static str> {
        if self.is_demobilized() {
            return Err("has refused service");
        }
        self.polling.on_demand(now)
    }

    /// Interfaces, addresses or routes changed: the next request does not say who we were.
    pub fn on_network_changed(&mut self) {
        self.memory.forget();
    }

    /// What the discipline thinks of the last measurement.
    pub fn advise(&mut self, advice: Advice, now: Mono) {
        self.polling.on_advice(advice, now);
    }

    /// `None` if it cannot be protected: then nothing is sent.
    fn ask(&mut self, now: Now, random: &mut impl Rng) -> Option<Request> {
        if self.protection.as_ref().is_some_and(|protection| !protection.has_cookie()) {
            self.polling.on_request(now.mono, random.next_u64());
            if self.polling.on_send_failed(now.mono) {
                self.record_silence();
            }
            return None;
        }
        self.sequence = self.sequence.saturating_add(1);
        let (origin_timestamp, cookies) = self.memory.ask(now.mono, random);
        self.polling.on_request(now.mono, random.next_u64());
        self.counters.count_request();
        let header = Header {
            precision: UNSAID_PRECISION,
            origin_timestamp,
            receive_timestamp: cookies.receive(),
            transmit_timestamp: cookies.transmit(),
            ..Header::default()
        };
        let mut exchange = Exchange::new(self.sequence, cookies, now, now.mono + REPLY_TIMEOUT);
        let bytes = match &mut self.protection {
            None => header.emit().to_vec(),
            Some(protection) => {
                let Protected { bytes, unique_identifier } = protection.protect(&header, random)?;
                exchange.unique_identifier = Some(unique_identifier);
                bytes
            }
        };
        self.state = State::Waiting(exchange);
        let token = RequestToken::new(self.id, self.sequence);
        Some(Request { to: self.settings.address, bytes, token })
    }

    /// Completes the exchange if both T1 and the reply are there.
    fn finish(&mut self, now: Mono, context: &Context<'_>) -> Outcome {
        let State::Waiting(exchange) = &mut self.state else { return Outcome::Held };
        let (Some(reply), Some(sent)) = (exchange.reply, exchange.transmit_stamp) else {
            return Outcome::Held;
        };
        let measured = match reply.mode {
            _ if exchange.is_void(&reply) => Err(Discard::ClockStepped),
            Mode::Basic => arithmetic::measure(sent, &reply, context.pivot).map(Some),
            Mode::Interleaved => self.memory.complete(sent, &reply, context.pivot),
        };
        match measured {
            Ok(measurement) => {
                self.answered = Some(exchange.cookies);
                self.state = State::Idle;
                self.memory.remember(sent, reply);
                self.record_answer(now, reply.mode);
                measurement.map_or(Outcome::Answered, Outcome::Measurement)
            }
            Err(Discard::ClockStepped) => {
                // The genuine reply was here; no other one can be of use.
                self.answered = Some(exchange.cookies);
                self.state = State::Idle;
                self.memory.on_contradiction();
                if reply.mode == Mode::Interleaved {
                    self.polling.on_void();
                }
                self.discard(Discard::ClockStepped)
            }
            Err(discard) => {
                exchange.reply = None;
                exchange.impossible |= reply.mode == Mode::Interleaved;
                self.discard(discard)
            }
        }
    }

    fn discard(&mut self, reason: Discard) -> Outcome {
        self.counters.count_discard(reason);
        Outcome::Discarded(reason)
    }

    fn record_answer(&mut self, now: Mono, mode: Mode) {
        let was_unreachable = !self.reach.is_reachable();
        self.reach = self.reach.after(true);
        self.unanswered = 0;
        self.refusals = 0;
        self.refusal = None;
        self.last_measurement = Some(now);
        self.counters.count_reply();
        if mode == Mode::Interleaved {
            self.counters.count_interleaved();
        }
        self.polling.on_answer(now, was_unreachable);
    }

    fn record_silence(&mut self) {
        self.reach = self.reach.after(false);
        self.unanswered = self.unanswered.saturating_add(1);
        self.polling.on_silence(self.reach.is_reachable());
    }

    /// Ends the waiting without a measurement. A void exchange says nothing about the server.
    fn give_up_exchange(&mut self) {
        if let (State::Waiting(exchange), Some(protection)) = (&self.state, &mut self.protection) {
            protection.on_end(exchange);
        }
        if let State::Waiting(exchange) = &self.state
            && !exchange.void
        {
            if exchange.reply.is_some() {
                self.counters.count_discard(Discard::NoTransmitStamp);
            }
            self.refusal = exchange.refusal;
            if exchange.impossible {
                self.memory.on_contradiction();
            }
            self.record_silence();
        }
        self.state = State::Idle;
    }
}

/// Getters.
impl Association {
    /// Its identity.
    pub const fn id(&self) -> SourceId {
        self.id
    }

    /// The server.
    pub const fn address(&self) -> SocketAddr {
        self.settings.address
    }

    /// Whether a reply may still come; if not, the request's socket can be closed.
    pub const fn awaits_reply(&self) -> bool {
        matches!(self.state, State::Waiting(_))
    }

    /// Whether the server refused service for good: it is not asked any more.
    pub const fn is_demobilized(&self) -> bool {
        matches!(self.state, State::Demobilized)
    }

    /// Which of the last eight polls were answered.
    pub const fn reach(&self) -> Reach {
        self.reach
    }

    /// Polls since the last usable reply, without the one on its way.
    pub const fn unanswered_polls(&self) -> u32 {
        self.unanswered
    }

    /// The poll interval; bursts are faster.
    pub const fn poll(&self) -> Poll {
        self.polling.poll()
    }

    /// What the server last said about itself, whether or not its time was usable.
    pub const fn server(&self) -> Option<&ServerVariables> {
        self.server.as_ref()
    }

    /// Why its last reply to us was not usable; `None` if it was, or if the last poll brought nothing genuine.
    pub const fn refusal(&self) -> Option<Discard> {
        self.refusal
    }

    /// The exchange that waits for its true T3: its stamps are to be put on the undisciplined timescale now.
    pub fn pending(&self) -> Option<Pending> {
        self.memory.pending()
    }

    /// Whether only another key exchange can keep it going: it has no cookie left, or the server opens them no more.
    pub fn wants_keys(&self) -> bool {
        let is_spent = |protection: &Protection| !protection.has_cookie() && !self.awaits_reply();
        let wants = |protection: &Protection| protection.is_refused() || is_spent(protection);
        !self.is_demobilized() && self.protection.as_ref().is_some_and(wants)
    }

    /// Whether the server opens no cookie of these keys any more.
    pub fn refuses_keys(&self) -> bool {
        self.protection.as_ref().is_some_and(Protection::is_refused)
    }

    /// Keys and cookies, with NTS.
    pub fn session(&self) -> Option<&Session> {
        self.protection.as_ref().map(Protection::session)
    }

    /// When the last exchange was completed.
    pub const fn last_measurement(&self) -> Option<Mono> {
        self.last_measurement
    }

    /// Requests, replies and discards so far.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }
}

//! When to ask: bursts, the way from them to the poll interval, and back-off. Knows no packet.

use super::outcome::Advice;
use crate::config::PollLimits;
use crate::time::{Mono, Poll, Span};

/// Requests of the initial burst, and of the one after the network or the clock changed.
///
/// Fewer leave the first correction to chance; more, or faster on the way from the burst to the poll interval, would meet
/// the rate limit that public servers commonly have: eight requests at once, and one each 8 s on average.
const INITIAL_BURST: u8 = 8;
/// Requests that confirm a measurement outside its bound, or greet a server that answers again.
const SHORT_BURST: u8 = 4;
/// Between the requests of a burst: what servers' rate limits commonly allow.
const BURST_POLL: Poll = Poll::new(1);
/// Polls between two bursts for surprises.
const POLLS_BETWEEN_BURSTS: u32 = 8;
/// Bursts that events outside (networks, clocks, servers that come back) may cause in a row, and how long until one more is allowed.
const BURST_ALLOWANCE: u8 = 4;
const ALLOWANCE_PERIOD: Span = Span::from_secs(256);
/// The longest wait for another attempt when requests cannot even leave: such attempts cost the network nothing.
const LONGEST_SEND_RETRY: Poll = Poll::new(6);
/// A server that asks for fewer requests is heard beyond the configured maximum, up to here.
const LONGEST_FOR_RATE: Poll = Poll::new(10);
/// How much intervals are lengthened at random, at most. Never shortened, so that no rate limit is missed by a hair.
const JITTER: f64 = 0.05;

/// What the next interval is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// So many more requests, [`BURST_POLL`] apart, then on as `after` says.
    Burst { remaining: u8, ramp: bool },
    /// After the initial burst: this interval, doubled until the poll interval is reached. Each comes twice: the frequency is
    /// hardly known yet, and one unlucky reply would be all that a doubled interval has to go by.
    Ramp { poll: Poll, again: bool },
    /// The poll interval.
    Steady,
}

#[derive(Debug)]
pub(super) struct Polling {
    limits: PollLimits,
    poll: Poll,
    pace: Pace,
    /// `pace` and `polls` before the last request, should it turn out not to have left.
    before_request: (Pace, u32),
    next: Mono,
    last_request: Option<Mono>,
    /// Factor on intervals, 1 to 1 + [`JITTER`]; drawn for each request.
    jitter: f64,
    /// Set by the server's kiss `RATE`: no shorter interval, and no bursts, ever again.
    rate_floor: Option<Poll>,
    /// Polls since the last burst.
    polls: u32,
    /// Whether the interval was already lengthened after this request.
    lengthened: bool,
    /// Requests in a row that could not leave.
    failures: i8,
    /// When such a one was last counted as an unanswered poll.
    failure_counted: Mono,
    allowance: u8,
    allowance_since: Mono,
}

impl Polling {
    pub(super) const fn new(limits: PollLimits, start: Mono) -> Self {
        let pace = Pace::Burst { remaining: INITIAL_BURST, ramp: true };
        Self {
            limits,
            poll: limits.initial,
            pace,
            before_request: (pace, 0),
            next: start,
            last_request: None,
            jitter: 1.0,
            rate_floor: None,
            polls: 0,
            lengthened: false,
            failures: 0,
            failure_counted: start,
            allowance: BURST_ALLOWANCE,
            allowance_since: start,
        }
    }

    /// When the next request is due.
    pub(super) const fn next(&self) -> Mono {
        self.next
    }

    /// The poll interval, apart from bursts.
    pub(super) const fn poll(&self) -> Poll {
        self.poll
    }

    /// A request leaves now; `random` decides how much later than planned the one after it does.
    #[expect(clippy::cast_precision_loss, reason = "a fraction needs no 64 bits")]
    pub(super) fn on_request(&mut self, now: Mono, random: u64) {
        self.before_request = (self.pace, self.polls);
        if self.pace == Pace::Steady {
            self.polls = self.polls.saturating_add(1);
        }
        self.pace = self.pace_after_request();
        self.jitter = 1.0 + JITTER * (random as f64 / u64::MAX as f64);
        self.lengthened = false;
        self.last_request = Some(now);
        self.schedule();
    }

    /// The request did not leave. A burst waits until one does.
    ///
    /// Gives whether this counts as a poll: retries are faster than polls, and do not.
    pub(super) fn on_send_failed(&mut self, now: Mono) -> bool {
        (self.pace, self.polls) = self.before_request;
        let counts = self.failures == 0 || now - self.failure_counted >= self.poll.interval();
        if counts {
            self.failure_counted = now;
        }
        self.failures = self.failures.saturating_add(1);
        let retry = Poll::new(self.failures).min(LONGEST_SEND_RETRY).interval() * self.jitter;
        self.next = now + retry;
        counts
    }

    /// The request left after all.
    pub(super) const fn on_sent(&mut self) {
        self.failures = 0;
    }

    /// A usable reply; `was_unreachable` when the eight polls before it went unanswered.
    pub(super) fn on_answer(&mut self, now: Mono, was_unreachable: bool) {
        if was_unreachable && !matches!(self.pace, Pace::Burst { .. }) {
            self.poll = self.limited(self.poll.min(self.limits.initial));
            self.burst(now, SHORT_BURST, true);
        }
    }

    /// The poll went unanswered. Only a server that is out of reach is asked less often: a lossy path needs more requests, not fewer.
    pub(super) fn on_silence(&mut self, reachable: bool) {
        if !reachable && self.polls > 0 && self.failures == 0 {
            self.lengthen();
        }
    }

    /// The discipline's wish: shorter at once, longer by one step for each request.
    pub(super) fn on_advice(&mut self, advice: Advice, now: Mono) {
        let wanted = self.limited(advice.poll);
        if wanted < self.poll {
            self.poll = wanted;
            self.schedule_not_before(now);
        } else if wanted > self.poll && self.pace == Pace::Steady {
            self.lengthen();
        }
        let may_burst = self.pace == Pace::Steady && self.polls >= POLLS_BETWEEN_BURSTS;
        if advice.surprise && may_burst && self.rate_floor.is_none() {
            self.start_burst(now, SHORT_BURST, false);
        }
    }

    /// The server's kiss `RATE`, with the header's poll field (log2 s). Gives the new interval.
    pub(super) fn on_rate_kiss(&mut self, server_poll: i8) -> Poll {
        let longest = self.limits.max.max(LONGEST_FOR_RATE);
        let floor = self.poll.longer().max(Poll::new(server_poll)).min(longest);
        self.rate_floor = self.rate_floor.max(Some(floor));
        self.poll = self.limited(self.poll);
        self.pace = Pace::Steady;
        self.before_request.0 = Pace::Steady;
        self.schedule();
        self.poll
    }

    /// Our clock moved under an exchange: ask again soon.
    pub(super) fn on_void(&mut self) {
        if let (Some(last), None) = (self.last_request, self.rate_floor) {
            self.next = self.next.min(last + BURST_POLL.interval() * self.jitter);
        }
    }

    /// The clock or the network changed: measure afresh at once.
    pub(super) fn restart(&mut self, now: Mono) {
        self.failures = 0;
        self.poll = self.limited(self.poll.min(self.limits.initial));
        if !self.burst(now, INITIAL_BURST, true) {
            self.schedule_not_before(now);
        }
    }

    /// Somebody asks for measurements now.
    pub(super) fn on_demand(&mut self, now: Mono) -> Result<(), &'static str> {
        if self.rate_floor.is_some() {
            return Err("has asked for fewer requests");
        }
        let ramp = matches!(self.pace, Pace::Burst { ramp: true, .. } | Pace::Ramp { .. });
        self.burst(now, SHORT_BURST, ramp).then_some(()).ok_or("had several bursts in the last minutes")
    }

    /// Starts a burst if the server has not forbidden it and the allowance is not used up.
    fn burst(&mut self, now: Mono, requests: u8, ramp: bool) -> bool {
        if matches!(self.pace, Pace::Burst { remaining, .. } if remaining >= requests) {
            // The one before has not begun yet: a step and a sleep are often told of together.
            self.schedule_not_before(now);
            return true;
        }
        while self.allowance < BURST_ALLOWANCE && now - self.allowance_since >= ALLOWANCE_PERIOD {
            self.allowance = self.allowance.saturating_add(1);
            self.allowance_since += ALLOWANCE_PERIOD;
        }
        if self.rate_floor.is_some() || self.allowance == 0 {
            return false;
        }
        if self.allowance == BURST_ALLOWANCE {
            self.allowance_since = now;
        }
        self.allowance = self.allowance.saturating_sub(1);
        self.start_burst(now, requests, ramp);
        true
    }

    fn start_burst(&mut self, now: Mono, requests: u8, ramp: bool) {
        self.pace = Pace::Burst { remaining: requests, ramp };
        self.polls = 0;
        self.before_request = (self.pace, self.polls);
        self.schedule_not_before(now);
    }

    fn pace_after_request(&self) -> Pace {
        let ramp_from = |poll| if poll < self.poll { Pace::Ramp { poll, again: true } } else { Pace::Steady };
        match self.pace {
            Pace::Burst { remaining, ramp } if remaining > 1 => {
                Pace::Burst { remaining: remaining.saturating_sub(1), ramp }
            }
            Pace::Burst { ramp: true, .. } => ramp_from(BURST_POLL.longer()),
            Pace::Ramp { poll, again: true } => Pace::Ramp { poll, again: false },
            Pace::Ramp { poll, again: false } => ramp_from(poll.longer()),
            Pace::Burst { ramp: false, .. } | Pace::Steady => Pace::Steady,
        }
    }

    fn lengthen(&mut self) {
        if !self.lengthened {
            self.lengthened = true;
            self.poll = self.limited(self.poll.longer());
            self.schedule();
        }
    }

    /// Within the configured limits, except that the server's own wish counts more.
    fn limited(&self, poll: Poll) -> Poll {
        let floor = self.rate_floor.unwrap_or(Poll::MIN);
        poll.min(self.limits.max).max(self.limits.min).max(floor)
    }

    fn interval(&self) -> Span {
        let poll = match self.pace {
            Pace::Burst { .. } => BURST_POLL.min(self.poll),
            Pace::Ramp { poll, .. } => poll,
            Pace::Steady => self.poll,
        };
        poll.interval() * self.jitter
    }

    fn schedule(&mut self) {
        if let Some(last) = self.last_request {
            self.next = last + self.interval();
        }
    }

    fn schedule_not_before(&mut self, now: Mono) {
        self.next = self.last_request.map_or(now, |last| now.max(last + self.interval()));
    }
}

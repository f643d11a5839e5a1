//! The closed and the open loop, and waiting for a server that is starting. What a reply is worth is `wire`'s.

use crate::flight::{Flight, slot_of};
use crate::key_exchange;
use crate::link::Link;
use crate::options::Options;
use crate::report::{Outcome, Tally};
use crate::sealed::Sealed;
use crate::server_process;
use crate::wire::{self, Judgement};
use ntpd_rs::sys::batch::Batch;
use ntpd_rs::sys::clock::monotonic;
use ntpd_rs::time::{Mono, Span};
use std::io;
use std::thread;

/// Datagrams sent or received with one system call.
pub(crate) const BATCH: usize = 32;

/// Warm-up, the measured time, and time for the last replies.
pub(crate) fn run(options: &Options) -> io::Result<Outcome> {
    let mut clients = Clients::open(options)?;
    let mut pace = Pace::of(options);
    let begin = monotonic() + Span::from_seconds(options.warm_up);
    clients.ask_until(begin, &mut pace)?;
    let (before, cpu_before) = (clients.tally, server_cpu(options)?);
    clients.ask_until(begin + Span::from_seconds(options.seconds), &mut pace)?;
    let cpu = server_cpu(options)?;
    let seconds = (monotonic() - begin).seconds();
    let load = clients.tally.since(&before);
    clients.wait_for_the_rest()?;
    let lost = clients.tally.lost - before.lost;
    let server_cpu_seconds = cpu.zip(cpu_before).map(|(after, before)| after - before);
    Ok(Outcome { seconds, load: Tally { lost, ..load }, honest: None, server_cpu_seconds })
}

pub(crate) fn server_cpu(options: &Options) -> io::Result<Option<f64>> {
    options.server_pid.map(server_process::cpu_seconds).transpose()
}

/// Asks every 50 ms until there is a reply with time.
pub(crate) fn wait_for_server(options: &Options, seconds: f64) -> io::Result<()> {
    let one = Options {
        sockets: 1,
        outstanding: 1,
        timeout: 0.05,
        addresses: options.addresses.min(1),
        rate: None,
        nts: None,
        ..options.clone()
    };
    let mut clients = Clients::open(&one)?;
    let end = monotonic() + Span::from_seconds(seconds);
    while clients.tally.answered == 0 {
        if monotonic() > end {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("{} gave no time within {seconds} s", options.server),
            ));
        }
        clients.ask_until(monotonic() + Span::from_millis(50), &mut Pace::Closed)?;
    }
    Ok(())
}

/// When a request is due.
#[derive(Debug)]
pub(crate) enum Pace {
    /// As soon as another one is answered or lost.
    Closed,
    /// So many a second.
    Open(Schedule),
}

/// At 100 000 requests a second a burst of 200, which a server's queue holds.
pub(crate) const LOAD_PAUSE_SECONDS: f64 = 0.002;

impl Pace {
    fn of(options: &Options) -> Self {
        options.rate.map_or(Self::Closed, |rate| Self::Open(Schedule::new(rate, LOAD_PAUSE_SECONDS)))
    }

    /// How many more to send now, at most `most`.
    fn due(&mut self, now: Mono, most: usize) -> usize {
        match self {
            Self::Closed => most,
            Self::Open(schedule) => schedule.due(now, most),
        }
    }
}

/// A fixed rate.
#[derive(Debug)]
pub(crate) struct Schedule {
    per_second: f64,
    /// What was not sent for longer than this is never made up for, which would be a burst that no network shows: it is
    /// the generator's failure, and shows as a rate that was not reached.
    longest_pause_seconds: f64,
    last: Option<Mono>,
    owed: f64,
}

impl Schedule {
    pub(crate) fn new(per_second: f64, longest_pause_seconds: f64) -> Self {
        Self { per_second, longest_pause_seconds, last: None, owed: 0.0 }
    }

    /// How many are due now, at most `most`; they count as sent.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and `most`")]
    #[expect(clippy::cast_precision_loss, reason = "a batch is small")]
    pub(crate) fn due(&mut self, now: Mono, most: usize) -> usize {
        let elapsed = self.last.map_or(0.0, |last| (now - last).seconds());
        self.last = Some(now);
        let debt = (self.per_second * self.longest_pause_seconds).max(1.0);
        self.owed = (self.owed + elapsed * self.per_second).min(debt);
        let count = self.owed.floor().clamp(0.0, most as f64);
        self.owed -= count;
        count as usize
    }
}

/// A socket with its requests on the way.
pub(crate) struct Station {
    link: Link,
    flight: Flight,
    /// With NTS, the requests.
    sealed: Option<Sealed>,
}

impl Station {
    pub(crate) fn plain(link: Link, flight: Flight) -> Self {
        Self { link, flight, sealed: None }
    }

    /// With keys of its own, where NTS is wanted.
    fn open(link: Link, capacity: u16, options: &Options) -> io::Result<Self> {
        let (Some(at), Some(authority)) = (&options.nts, &options.ca) else {
            return Ok(Self::plain(link, Flight::new(capacity)));
        };
        let established = key_exchange::establish(at, authority, options.nts_algorithm)?;
        let (flight, timestamps) = Flight::with_fixed_cookies(capacity);
        let sealed = Sealed::new(established, &timestamps, options.placeholders.into());
        let sealed = Some(sealed.ok_or_else(|| io::Error::other("the server's cookies are too long"))?);
        Ok(Self { link, flight, sealed })
    }
}

/// The sockets.
pub(crate) struct Clients {
    stations: Vec<Station>,
    batch: Batch,
    version: u8,
    timeout: Span,
    next_check: Mono,
    pub(crate) tally: Tally,
}

impl Clients {
    fn open(options: &Options) -> io::Result<Self> {
        let capacity = match options.rate {
            None => options.outstanding,
            Some(rate) => capacity(rate / f64::from(options.sockets), options.timeout),
        };
        let links = Link::open_all(options)?.into_iter();
        let stations: io::Result<_> = links.map(|link| Station::open(link, capacity, options)).collect();
        Ok(Self::new(options, stations?))
    }

    pub(crate) fn new(options: &Options, stations: Vec<Station>) -> Self {
        Self {
            stations,
            batch: Batch::new(BATCH),
            version: options.ntp_version,
            timeout: options.timeout_span(),
            next_check: monotonic(),
            tally: Tally::default(),
        }
    }

    fn ask_until(&mut self, end: Mono, pace: &mut Pace) -> io::Result<()> {
        loop {
            let now = monotonic();
            if now >= end {
                return Ok(());
            }
            let heard = self.listen(now)?;
            let asked = self.ask(now, |most| pace.due(now, most));
            if heard + asked == 0 {
                // Somebody else may need this CPU: the server itself, if there is only one.
                thread::yield_now();
            }
        }
    }

    /// Takes the replies that have come, and gives up what waited too long.
    pub(crate) fn listen(&mut self, now: Mono) -> io::Result<usize> {
        let mut heard = 0;
        for Station { link, flight, sealed } in &mut self.stations {
            let count = link.receive(&mut self.batch)?;
            heard += count;
            for datagram in self.batch.datagrams() {
                let on_its_way = match judge(sealed.as_mut(), datagram.bytes(), self.version) {
                    Judgement::Time(cookie) => flight.end(cookie).then_some(&mut self.tally.answered),
                    Judgement::NoTime(cookie) => flight.end(cookie).then_some(&mut self.tally.without_time),
                    Judgement::Nonsense => None,
                };
                *on_its_way.unwrap_or(&mut self.tally.nonsense) += 1;
            }
        }
        if now >= self.next_check {
            self.next_check = now + Span::from_millis(20);
            let given_up = self.stations.iter_mut().map(|station| station.flight.give_up(now, self.timeout));
            self.tally.lost += given_up.sum::<u64>();
        }
        Ok(heard)
    }

    /// Sends as many requests as `due` says, which is told how many there may be, on each socket.
    pub(crate) fn ask(&mut self, now: Mono, mut due: impl FnMut(usize) -> usize) -> usize {
        let mut asked = 0;
        for Station { link, flight, sealed } in &mut self.stations {
            for _ in 0..due(self.batch.capacity()) {
                let Some(cookie) = flight.begin(now) else { break };
                match sealed {
                    None => link.push(&mut self.batch, &wire::request(self.version, cookie)),
                    Some(sealed) => link.push(&mut self.batch, sealed.request(slot_of(cookie).into())),
                }
            }
            let queued = self.batch.queued();
            if queued > 0 {
                // Those that did not leave are found lost in time.
                self.tally.unsent += link.send(&mut self.batch).0;
                self.tally.sent += u64::try_from(queued).unwrap_or_default();
                asked += queued;
            }
        }
        asked
    }

    /// Listens until everything is answered or lost.
    pub(crate) fn wait_for_the_rest(&mut self) -> io::Result<()> {
        while !self.stations.iter().all(|station| station.flight.is_empty()) {
            if self.listen(monotonic())? == 0 {
                thread::yield_now();
            }
        }
        Ok(())
    }
}

fn judge(sealed: Option<&mut Sealed>, bytes: &[u8], version: u8) -> Judgement {
    let Some(sealed) = sealed else { return wire::judge(bytes, version) };
    let Some((header, _)) = bytes.split_at_checked(wire::LENGTH) else { return Judgement::Nonsense };
    match wire::judge(header, version) {
        Judgement::Time(cookie) if !sealed.is_reply(slot_of(cookie).into(), bytes) => Judgement::Nonsense,
        judgement => judgement,
    }
}

/// Slots for twice what is on its way at this rate.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
pub(crate) fn capacity(per_second: f64, timeout: f64) -> u16 {
    (per_second * timeout * 2.0 + 64.0).clamp(1.0, f64::from(u16::MAX)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_keeps_its_rate_and_forgets_long_pauses() {
        let mut schedule = Schedule::new(1000.0, 0.01);
        let mut due = |milliseconds| schedule.due(Mono::default() + Span::from_millis(milliseconds), 100);
        assert_eq!([due(0), due(3), due(4), due(4)], [0, 3, 1, 0]);
        assert_eq!(due(1000), 10);
        let mut slow = Schedule::new(0.5, 0.01);
        let at = |seconds| Mono::default() + Span::from_secs(seconds);
        assert_eq!([0, 1, 2, 3, 4].map(|seconds| slow.due(at(seconds), 100)), [0, 0, 1, 0, 1]);
    }
}

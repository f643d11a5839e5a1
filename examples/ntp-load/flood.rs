//! Floods: requests or garbage that nobody waits for, and honest clients beside them. The clients' loop is `run`'s.

use crate::flight::Flight;
use crate::link::{Link, Sources};
use crate::options::{Flood, Options};
use crate::random::Random;
use crate::report::{Outcome, Tally};
use crate::run::{Clients, LOAD_PAUSE_SECONDS, Schedule, Station, capacity, server_cpu};
use crate::wire;
use ntpd_rs::sys::batch::Batch;
use ntpd_rs::sys::clock::monotonic;
use ntpd_rs::time::{Mono, Span};
use std::io;
use std::thread;

/// Longer than any request, so that some garbage is.
const LONGEST_GARBAGE: usize = 256;
const BATCH: usize = 64;

/// Warm-up and the measured time, with both.
pub(crate) fn run(options: &Options) -> io::Result<Outcome> {
    let mut both = Both { flood: Source::open(options)?, honest: Honest::open(options)? };
    let begin = monotonic() + Span::from_seconds(options.warm_up);
    both.go_on_until(begin)?;
    let (flood, honest, cpu) = (both.flood.tally, both.honest.clients.tally, server_cpu(options)?);
    both.go_on_until(begin + Span::from_seconds(options.seconds))?;
    let server_cpu_seconds = server_cpu(options)?.zip(cpu).map(|(after, before)| after - before);
    let (load, seconds) = (both.flood.tally.since(&flood), (monotonic() - begin).seconds());
    // The replies to the last honest requests are waited for while the flood goes on.
    both.honest.schedule = None;
    both.go_on_until(monotonic() + Span::from_seconds(PATIENCE_SECONDS))?;
    let honest = Some(both.honest.clients.tally.since(&honest));
    Ok(Outcome { seconds, load, honest, server_cpu_seconds })
}

struct Both {
    flood: Source,
    honest: Honest,
}

impl Both {
    fn go_on_until(&mut self, end: Mono) -> io::Result<()> {
        loop {
            let now = monotonic();
            if now >= end {
                return Ok(());
            }
            self.honest.turn(now)?;
            if self.flood.turn(now) == 0 {
                thread::yield_now();
            }
        }
    }
}

/// Where the flood comes from. Its replies are never read: its sockets' queues fill up and the kernel drops the rest.
struct Source {
    links: Vec<Link>,
    next: usize,
    batch: Batch,
    schedule: Option<Schedule>,
    kind: Option<Flood>,
    version: u8,
    random: Random,
    tally: Tally,
}

impl Source {
    fn open(options: &Options) -> io::Result<Self> {
        Ok(Self {
            links: Link::open_all(options)?,
            next: 0,
            batch: Batch::new(BATCH),
            schedule: options.rate.map(|rate| Schedule::new(rate, LOAD_PAUSE_SECONDS)),
            kind: options.flood,
            version: options.ntp_version,
            random: Random::new(),
            tally: Tally::default(),
        })
    }

    /// Sends what is due through the next socket.
    fn turn(&mut self, now: Mono) -> usize {
        let most = self.batch.capacity();
        let due = self.schedule.as_mut().map_or(most, |schedule| schedule.due(now, most));
        self.next = (self.next + 1) % self.links.len().max(1);
        let Some(link) = self.links.get_mut(self.next) else { return 0 };
        for _ in 0..due {
            match self.kind {
                Some(Flood::Garbage) => link.push(&mut self.batch, garbage(&mut self.random).as_bytes()),
                _ => link.push(&mut self.batch, &wire::request(self.version, self.random.next() | 1)),
            }
        }
        self.tally.sent += u64::try_from(self.batch.queued()).unwrap_or_default();
        self.tally.unsent += link.send(&mut self.batch).0;
        due
    }
}

struct Garbage {
    bytes: [u8; LONGEST_GARBAGE],
    length: usize,
}

impl Garbage {
    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }
}

fn garbage(random: &mut Random) -> Garbage {
    let mut bytes = [0; LONGEST_GARBAGE];
    let [length, ..] = random.next().to_be_bytes();
    for chunk in bytes.chunks_exact_mut(8).take(usize::from(length).div_ceil(8)) {
        chunk.copy_from_slice(&random.next().to_ne_bytes());
    }
    Garbage { bytes, length: length.into() }
}

/// Clients that ask once a second each, spread evenly over it.
struct Honest {
    clients: Clients,
    /// None when no more are to be asked.
    schedule: Option<Schedule>,
}

/// An honest client waits this long for its reply. Clients know nothing of each other, so after a pause of the generator all of
/// them ask.
const PATIENCE_SECONDS: f64 = 1.0;

impl Honest {
    fn open(options: &Options) -> io::Result<Self> {
        let sources = Sources { first: options.first_honest, count: options.honest, step: 1, next: 0 };
        let link = Link::with_sources(options.server, sources)?;
        let rate = f64::from(options.honest);
        let patient = Options { timeout: PATIENCE_SECONDS, ..options.clone() };
        let flight = Flight::new(capacity(rate, PATIENCE_SECONDS));
        Ok(Self {
            clients: Clients::new(&patient, vec![Station::plain(link, flight)]),
            schedule: Some(Schedule::new(rate, PATIENCE_SECONDS)),
        })
    }

    fn turn(&mut self, now: Mono) -> io::Result<()> {
        self.clients.listen(now)?;
        if let Some(schedule) = &mut self.schedule {
            self.clients.ask(now, |most| schedule.due(now, most));
        }
        Ok(())
    }
}

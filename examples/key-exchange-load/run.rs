//! Exchanges until it is enough, in as many threads as there are to be connections at once, and what came of them.

use crate::exchange::{Agreed, Client};
use crate::options::Options;
use ntpd_rs::sys::Waker;
use ntpd_rs::sys::clock::monotonic;
use ntpd_rs::time::{Mono, Span};
use rustls::HandshakeKind;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// What a run found.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) seconds: f64,
    pub(crate) completed: u64,
    pub(crate) failed: u64,
    pub(crate) cookies: u64,
    /// The first failure of a thread.
    pub(crate) failure: Option<String>,
}

/// What is still to be done, by all threads together.
#[derive(Debug)]
struct Work {
    end: Option<Mono>,
    left: AtomicU64,
}

const PAUSE: Duration = Duration::from_millis(50);

/// Waits if that is wanted, and measures.
pub(crate) fn run(options: &Options) -> io::Result<Outcome> {
    let client = Client::new(&options.server, &options.ca, options.algorithm, options.group.provider())?;
    if let Some(seconds) = options.wait {
        wait_for_server(&client, seconds)?;
    }
    let begin = monotonic();
    let end = options.count.is_none().then(|| begin + Span::from_seconds(options.seconds));
    let work = Work { end, left: AtomicU64::new(options.count.unwrap_or(u64::MAX)) };
    let mut outcome = Outcome::default();
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..options.connections).map(|_| scope.spawn(|| exchange_all(&client, &work))).collect();
        for thread in threads {
            outcome.add(thread.join().map_err(|_| io::Error::other("a thread has panicked"))?);
        }
        Ok::<_, io::Error>(())
    })?;
    outcome.seconds = (monotonic() - begin).seconds();
    Ok(outcome)
}

fn wait_for_server(client: &Client, seconds: f64) -> io::Result<()> {
    let waker = Waker::new()?;
    let end = monotonic() + Span::from_seconds(seconds);
    loop {
        match exchange(client) {
            Ok(_) => return Ok(()),
            Err(error) if monotonic() > end => {
                return Err(io::Error::new(error.kind(), format!("not once within {seconds} s: {error}")));
            }
            Err(_) => waker.sleep(None, Some(PAUSE))?,
        }
    }
}

fn exchange_all(client: &Client, work: &Work) -> Outcome {
    let mut outcome = Outcome::default();
    while work.take() {
        match exchange(client) {
            Ok(cookies) => {
                outcome.completed += 1;
                outcome.cookies += cookies;
            }
            Err(error) => {
                outcome.failed += 1;
                outcome.failure.get_or_insert_with(|| error.to_string());
            }
        }
    }
    outcome
}

/// The number of cookies; an error too if less was done than is to be measured.
fn exchange(client: &Client) -> io::Result<u64> {
    let Agreed { answer, tls } = client.exchange()?;
    match tls.handshake_kind() {
        Some(HandshakeKind::Full) => Ok(answer.cookies.len() as u64),
        other => Err(io::Error::other(format!("not a full handshake at the first attempt: {other:?}"))),
    }
}

impl Work {
    /// One more, if there is to be one.
    fn take(&self) -> bool {
        let one_less = |left: u64| left.checked_sub(1);
        self.end.is_none_or(|end| monotonic() < end)
            && self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok()
    }
}

impl Outcome {
    fn add(&mut self, other: Self) {
        self.completed += other.completed;
        self.failed += other.failed;
        self.cookies += other.cookies;
        self.failure = self.failure.take().or(other.failure);
    }

    #[expect(clippy::cast_precision_loss, reason = "exact to 2^53, and for print")]
    fn figures(&self) -> [(&'static str, f64); 5] {
        [
            ("seconds", self.seconds),
            ("completed", self.completed as f64),
            ("failed", self.failed as f64),
            ("cookies", self.cookies as f64),
            ("exchanges_per_second", self.completed as f64 / self.seconds),
        ]
    }

    /// One JSON object.
    pub(crate) fn json(&self) -> String {
        let figures = self.figures().into_iter().map(|(name, value)| (name.to_owned(), value.into()));
        serde_json::Value::Object(figures.collect()).to_string()
    }

    /// One figure a line.
    pub(crate) fn text(&self) -> String {
        let lines = self.figures().map(|(name, value)| format!("{name:20} {value:.3}"));
        lines.join("\n")
    }
}

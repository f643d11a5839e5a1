//! NTP servers with NTS as the crate's own: its responder, its cookies, and master keys that all of them have and that rotate in virtual
//! time, as those of a server or a fleet do. No TLS.

use super::random::Stream;
use ntpd_rs::config::ServerConfig;
use ntpd_rs::nts::{Algorithm, Key, KeyFile, KeySet, MasterKey, Session, SessionKeys};
use ntpd_rs::packet::ReferenceId;
use ntpd_rs::server::{REPLY_CAPACITY, Request, Responder, SystemVariables};
use ntpd_rs::time::{ClockTime, Leap, Mono, Span};
use ntpd_rs::verdict::Refusal;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// All servers of a world.
#[derive(Debug)]
pub(crate) struct NtsServers {
    file: KeyFile,
    keys: KeySet,
    /// Between two rotations, seconds.
    interval: f64,
    stale: usize,
    next: f64,
    responders: BTreeMap<SocketAddr, Responder>,
    random: Stream,
    pub(crate) counts: Counts,
}

/// Since the beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) rotations: u64,
    pub(crate) exchanges: u64,
    /// Requests that were authentic.
    pub(crate) accepted: u64,
    /// Requests whose cookie no key opened.
    pub(crate) naks: u64,
    /// Everything else.
    pub(crate) refused: u64,
}

impl NtsServers {
    /// With a first key, made now.
    pub(crate) fn new(interval: f64, stale: usize, seed: u64) -> Option<Self> {
        let mut random = Stream::new(seed, "master keys");
        let file = KeyFile::of_one(MasterKey { id: 0, key: key(&mut random)? }, 0);
        Some(Self {
            keys: set(&file)?,
            file,
            interval,
            stale,
            next: interval,
            responders: BTreeMap::new(),
            random,
            counts: Counts::default(),
        })
    }

    /// Another first key: the others were stored nowhere, or lost.
    pub(crate) fn lose_keys(&mut self) -> Option<()> {
        let id = self.file.keys.last().map_or(0, |last| last.id + 1000);
        self.file = KeyFile::of_one(MasterKey { id, key: key(&mut self.random)? }, 0);
        self.publish()
    }

    /// What a key exchange at true time `t` brings.
    pub(crate) fn exchange(&mut self, t: f64) -> Option<Session> {
        self.rotate(t)?;
        self.counts.exchanges += 1;
        let (c2s, s2c) = (self.random.seed(), self.random.seed());
        let keys = SessionKeys::new(Algorithm::AesSivCmac256, &c2s, &s2c)?;
        let cookies: Option<Vec<_>> = (0..8).map(|_| self.cookie(&keys)).collect();
        Some(Session::new(keys, cookies?))
    }

    fn cookie(&mut self, keys: &SessionKeys) -> Option<Vec<u8>> {
        let mut cookie = vec![0; KeySet::cookie_len(keys.algorithm())];
        let nonce = *self.random.seed().first_chunk()?;
        self.keys.seal(keys, nonce, &mut cookie)?;
        Some(cookie)
    }

    /// What the server at this address says to `from` at true time `t`, by its clock, if anything.
    pub(crate) fn answer(
        &mut self,
        (bytes, from): (&[u8], SocketAddr),
        at: SocketAddr,
        t: f64,
        clock: ClockTime,
    ) -> Option<Vec<u8>> {
        self.rotate(t)?;
        let seed = self.random.seed();
        let responder = self.responders.entry(at).or_insert_with(|| {
            Responder::new(&ServerConfig::new(at), 1, variables(clock), [0; 16])
                .with_keys(self.keys.clone(), seed)
        });
        responder.set_variables(variables(clock));
        let mono = Mono::default() + Span::from_seconds(t);
        let request = Request { bytes, from, received: clock, transmit: clock, mono };
        let mut reply = [0; REPLY_CAPACITY];
        let answer = responder.answer(&request, &mut reply);
        let count = match &answer {
            Ok(answer) if answer.nts && answer.kiss.is_none() => &mut self.counts.accepted,
            Ok(answer) if answer.kiss == Some(Refusal::NotAuthentic) => &mut self.counts.naks,
            _ => &mut self.counts.refused,
        };
        *count += 1;
        reply.get(..answer.ok()?.length).map(<[u8]>::to_vec)
    }

    fn rotate(&mut self, t: f64) -> Option<()> {
        while self.next <= t {
            self.next += self.interval;
            self.counts.rotations += 1;
            self.file = self.file.rotated(key(&mut self.random)?, self.stale, 0);
            self.publish()?;
        }
        Some(())
    }

    fn publish(&mut self) -> Option<()> {
        self.keys = set(&self.file)?;
        for responder in self.responders.values_mut() {
            responder.set_keys(self.keys.clone());
        }
        Some(())
    }
}

fn key(random: &mut Stream) -> Option<Key> {
    Key::new(Algorithm::AesSivCmac512, &[random.seed(), random.seed()].concat())
}

fn set(file: &KeyFile) -> Option<KeySet> {
    KeySet::new(file.keys.clone(), file.primary)
}

/// Of a primary server that is right now.
fn variables(clock: ClockTime) -> SystemVariables {
    SystemVariables {
        leap: Leap::NoWarning,
        stratum: 1,
        precision: -23,
        root_delay: Span::ZERO,
        root_dispersion: Span::ZERO,
        dispersion_rate: 0.0,
        reference_id: ReferenceId::from_bytes(*b"GPS\0"),
        reference_timestamp: Some(clock - Span::from_secs(1)),
        updated: clock,
        leap_second: None,
    }
}

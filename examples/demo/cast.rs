//! The four servers of the demo: who they are and what is wrong with them.

use ntpd_rs::snapshot::Source;
use ntpd_rs::testserver::{Options, TestServer, host_clock};
use ntpd_rs::time::Span;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

/// One server and its part.
struct Player {
    server: TestServer,
    part: &'static str,
    lies: bool,
}

/// The servers, running until they are dropped.
pub(crate) struct Cast {
    players: Vec<Player>,
}

/// Part, round trip in milliseconds, offset in milliseconds.
const PARTS: [(&str, i64, i64); 4] = [
    ("good, 2 ms away", 2, 0),
    ("good, 15 ms away", 15, 0),
    ("good, 60 ms away", 60, 0),
    ("wrong by 0.3 s", 5, 300),
];

impl Cast {
    /// Starts them on loopback and free ports.
    pub(crate) fn start() -> io::Result<Self> {
        let players: io::Result<Vec<Player>> =
            (1..).zip(PARTS).map(|(seed, part)| play(seed, part)).collect();
        Ok(Self { players: players? })
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.players.iter().map(|player| player.server.address())
    }

    fn player(&self, source: &Source) -> Option<&Player> {
        self.players.iter().find(|player| source.address == Some(player.server.address()))
    }

    /// Its part, for people.
    pub(crate) fn part(&self, source: &Source) -> &'static str {
        self.player(source).map_or("not of the cast", |player| player.part)
    }

    pub(crate) fn lies(&self, source: &Source) -> bool {
        self.player(source).is_some_and(|player| player.lies)
    }
}

fn play(seed: u64, (part, round_trip, offset): (&'static str, i64, i64)) -> io::Result<Player> {
    let one_way = Span::from_millis(round_trip) / 2;
    let options = Options {
        offset: Span::from_millis(offset),
        upward_delay: one_way,
        downward_delay: one_way,
        // A twentieth of the way: further servers are noisier, as on real networks.
        jitter: one_way / 20,
        seed,
        ..Options::default()
    };
    let server = TestServer::start((Ipv4Addr::LOCALHOST, 0), options, host_clock())?;
    Ok(Player { server, part, lies: offset != 0 })
}

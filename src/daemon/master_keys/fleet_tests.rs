//! Three whole servers on loopback with keys in common, and clients that ask each of them in turn while keys rotate. Real sockets and
//! real workers; key exchanges are not here.

use super::tests::{config, write};
use crate::config::{Config, KeyOrigin, ServerConfig};
use crate::daemon::clock::{Clock, Opened};
use crate::daemon::{Daemon, PassedSockets};
use crate::nts::field::FieldType;
use crate::nts::{Algorithm, Key, KeyFile, KeySet, MasterKey, RatchetState};
use crate::packet::Header;
use crate::server::nts_client::{Draft, open};
use crate::sys;
use crate::time::Frequency;
use sha2::{Digest, Sha512};
use std::net::SocketAddr;
use std::path::Path;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Duration, timeout};
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_secs(20);

/// Servers with their own time, until dropped.
struct Fleet {
    addresses: Vec<SocketAddr>,
    files: Vec<watch::Sender<()>>,
    _running: JoinSet<()>,
}

impl Fleet {
    async fn start(configs: impl IntoIterator<Item = Config>) -> Self {
        let mut this = Self { addresses: Vec::new(), files: Vec::new(), _running: JoinSet::new() };
        for mut config in configs {
            config.key_exchange_servers.clear();
            config.servers = vec![ServerConfig::new("127.0.0.1:0".parse().unwrap())];
            config.synchronization.local_stratum = 1;
            let opened = Opened { clock: Clock::None, frequency: Frequency::ZERO, refusal: None };
            let daemon = Daemon::start(config, PassedSockets::default(), |_| Ok(opened)).await.unwrap();
            this.addresses.push(daemon.snapshots().borrow().servers[0].address);
            this.files.push(daemon.files());
            this._running.spawn(async move { daemon.run(CancellationToken::new()).await.unwrap() });
        }
        this
    }

    fn hang_up(&self) {
        self.files.iter().for_each(|files| {
            files.send_replace(());
        });
    }
}

/// One client with one cookie.
struct Client {
    draft: Draft,
    asked: usize,
}

impl Client {
    fn new(set: &KeySet) -> Self {
        let draft = Draft::new(Header::default(), &mut set.clone(), Algorithm::AesSivCmac256, 0);
        Self { draft, asked: 0 }
    }

    /// Asks the next server of the fleet and keeps the fresh cookie: whose key sealed that. None if the old one was refused.
    async fn ask(&mut self, fleet: &Fleet) -> Option<u32> {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let to = fleet.addresses[self.asked % fleet.addresses.len()];
        self.asked += 1;
        socket.send_to(&self.draft.bytes(), to).await.unwrap();
        let mut buffer = [0; 2048];
        let length = timeout(DEADLINE, socket.recv(&mut buffer)).await.expect("it is answered").unwrap();
        let [cookie] =
            <[Vec<u8>; 1]>::try_from(open(&buffer[..length], &self.draft.keys.s2c)?.cookies).unwrap();
        let id = u32::from_be_bytes(*cookie.first_chunk().unwrap());
        let place = self.draft.fields.iter_mut().find(|(kind, _)| *kind == FieldType::Cookie).unwrap();
        place.1 = cookie;
        Some(id)
    }

    /// Goes on until every server has sealed by a key from this one on; every request on the way must be answered.
    #[track_caller]
    fn ask_until(&mut self, fleet: &Fleet, id: u32) -> impl Future<Output = ()> {
        let all = async move {
            let mut in_a_row = 0;
            while in_a_row < fleet.addresses.len() {
                let sealed_by = self.ask(fleet).await.expect("no cookie is refused");
                in_a_row = if sealed_by >= id { in_a_row + 1 } else { 0 };
            }
        };
        async move { timeout(DEADLINE, all).await.expect("they rotate") }
    }
}

/// Keys with these identifiers, of which the one with `primary` seals.
fn file(ids: std::ops::RangeInclusive<u32>, primary: u32) -> KeyFile {
    let place = usize::try_from(primary - ids.start()).unwrap();
    let key = |id: u32| {
        let [.., fill] = (id + 1).to_be_bytes();
        MasterKey { id, key: Key::new(Algorithm::AesSivCmac512, &[fill; 64]).unwrap() }
    };
    KeyFile { made: 1_800_000_000, keys: ids.map(key).collect(), primary: place }
}

fn set(file: &KeyFile) -> KeySet {
    KeySet::new(file.keys.clone(), file.primary).unwrap()
}

#[tokio::test]
async fn servers_that_follow_one_file_honour_each_others_cookies_across_a_rotation_that_is_distributed_in_steps()
 {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a", "b", "c"].map(|name| folder.path().join(name));
    let distribute = |file: KeyFile| paths.iter().for_each(|path| write(path, &file.emit()));
    distribute(file(1..=2, 2));
    let fleet =
        Fleet::start(paths.iter().map(|path| config(KeyOrigin::Shared { path: path.clone() }, 86_400, 7)))
            .await;
    let mut client = Client::new(&set(&file(1..=2, 1)));
    client.ask_until(&fleet, 2).await;

    distribute(file(1..=3, 2));
    fleet.hang_up();
    // Everybody has it once everybody opens what it seals.
    let everybody = async {
        let mut in_a_row = 0;
        while in_a_row < 3 {
            let mut early = Client { asked: in_a_row, ..Client::new(&set(&file(3..=3, 3))) };
            in_a_row = if early.ask(&fleet).await.is_some() { in_a_row + 1 } else { 0 };
        }
    };
    timeout(DEADLINE, everybody).await.expect("they take it");
    // One after the other, as it is where something distributes files.
    for (path, files) in paths.iter().zip(&fleet.files) {
        write(path, &file(1..=3, 3).emit());
        files.send_replace(());
        client.ask(&fleet).await.expect("no cookie is refused");
    }
    client.ask_until(&fleet, 3).await;
    distribute(file(3..=3, 3));
    fleet.hang_up();
    client.ask_until(&fleet, 3).await;
    let forgotten = async { while Client::new(&set(&file(1..=2, 2))).ask(&fleet).await.is_some() {} };
    timeout(DEADLINE, forgotten).await.expect("what is removed is refused");
}

/// A state at this epoch with a value of nobody's secret: from 2026 to now it would be millions of steps of a second.
fn state(interval: u64, epoch: u64) -> Vec<u8> {
    let mut bytes = b"NTS-RAT1".to_vec();
    for number in [interval, epoch, epoch] {
        bytes.extend(number.to_be_bytes());
    }
    bytes.extend([0x5E; 16 + 64]);
    let hash = Sha512::digest(&bytes);
    bytes.extend(&hash[..16]);
    bytes
}

#[tokio::test]
async fn servers_with_one_secret_honour_each_others_cookies_while_they_turn_by_the_clock() {
    let now = u64::try_from(sys::clock::realtime().unix_secs()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let server = |name: &str| {
        write(&place(name), &state(1, now - 100));
        config(KeyOrigin::Derived { secret: place("secret"), state: place(name) }, 1, 60)
    };
    let fleet = Fleet::start(["a", "b", "c"].map(server)).await;
    let ratchet = RatchetState::parse(&state(1, now - 100)).unwrap().oldest;
    let mut turned = ratchet.clone();
    turned.advance(now).unwrap();
    let mut client = Client::new(&KeySet::new(turned.keys(now).unwrap(), 0).unwrap());
    let [.., a, b, c, d] = (now + 2).to_be_bytes();
    // The first are refused until the servers know that their clock is right.
    let right = async { while client.ask(&fleet).await.is_none() {} };
    timeout(DEADLINE, right).await.expect("they turn");
    client.ask_until(&fleet, u32::from_be_bytes([a, b, c, d])).await;
    assert!(!Path::new(&place("secret")).exists(), "the state is enough");
}

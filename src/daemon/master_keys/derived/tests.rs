//! Servers that share a secret, over days, restarts and wrong clocks. The clock and its ways are `tests`'.

use super::super::tests::{Bench, DAY, START, config, refused, write};
use super::*;
use crate::config::{Config, KeyOrigin};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const SECRET: &[u8] = b"the secret of a fleet of servers\n";
/// The day of `START`, of which eight hours are over.
const TODAY: u32 = 20_833;
const HOUR: i64 = 3600;
const DAYS: i64 = DAY.cast_signed();

/// One server with a folder of its own.
struct Server {
    folder: tempfile::TempDir,
}

impl Server {
    fn new() -> Self {
        let this = Self { folder: tempfile::tempdir().unwrap() };
        write(&this.secret(), SECRET);
        this
    }

    fn secret(&self) -> PathBuf {
        self.folder.path().join("secret")
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn config(&self, interval: u64, stale: usize) -> Config {
        config(KeyOrigin::Derived { secret: self.secret(), state: self.state() }, interval, stale)
    }

    fn stored(&self) -> RatchetState {
        RatchetState::parse(&fs::read(self.state()).unwrap()).unwrap()
    }

    /// Its state is written, and its secret removed.
    async fn settle(&self) {
        let bench = Bench::start(&self.config(DAY, 2), 0);
        bench.wait(1).await;
        bench.end().await;
        fs::remove_file(self.secret()).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn every_server_honours_the_cookies_of_every_other_across_rotations_and_with_skewed_clocks() {
    let servers = [Server::new(), Server::new(), Server::new()];
    let benches: Vec<Bench> = servers
        .iter()
        .zip([0, 5 * HOUR, -5 * HOUR])
        .map(|(s, skew)| Bench::start(&s.config(DAY, 2), skew))
        .collect();
    for hour in 0..60 {
        for giver in &benches {
            let cookie = giver.cookie();
            assert!(benches.iter().all(|taker| taker.opens(&cookie)), "hour {hour}");
        }
        benches[0].wait(3600).await;
    }
    assert_eq!(benches[0].ids(), ((TODAY..=TODAY + 3).collect(), TODAY + 2));
    assert_eq!(benches[0].report.accepted(), 4, "two stale ones, today's and tomorrow's");
    assert_eq!(benches[0].report.since(), time_at(u64::from(TODAY + 2) * DAY));
}

#[tokio::test(start_paused = true)]
async fn the_state_is_all_that_a_restart_needs_and_has_nothing_older_than_what_is_accepted() {
    let server = Server::new();
    server.settle().await;
    assert_eq!(fs::metadata(server.state()).unwrap().permissions().mode() & 0o777, 0o600);
    let bench = Bench::start(&server.config(DAY, 2), 0);
    let cookie = bench.cookie();
    for day in 0..5_u32 {
        assert_eq!(bench.ids(), ((TODAY + day - 2..=TODAY + day + 1).collect(), TODAY + day));
        let stored = server.stored();
        assert_eq!(
            (stored.oldest.epoch(), stored.sealing),
            (u64::from(TODAY + day) - 2, u64::from(TODAY + day))
        );
        assert_eq!(bench.opens(&cookie), day <= 2, "day {day}");
        bench.wait(DAY).await;
    }
    bench.end().await;
    let bench = Bench::start(&server.config(DAY, 2), 5 * DAYS);
    assert_eq!(bench.ids(), ((TODAY + 3..=TODAY + 6).collect(), TODAY + 5));
    let names: Vec<_> = fs::read_dir(server.folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["state"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_turns_before_the_clock_is_right() {
    let server = Server::new();
    server.settle().await;
    let before = fs::read(server.state()).unwrap();
    let bench = Bench::start_with(&server.config(DAY, 2), 1000 * DAYS, false);
    for _ in 0..3 {
        assert_eq!(bench.ids().1, TODAY, "where the state says");
        bench.wait(DAY).await;
        bench.publish(false).await;
    }
    assert_eq!(fs::read(server.state()).unwrap(), before);
    bench.set_clock(-2 * DAYS).await;
    assert_eq!(bench.ids().1, TODAY + 1, "three days and two back");
}

#[tokio::test(start_paused = true)]
async fn without_a_state_a_wrong_clock_is_followed_in_memory_only() {
    let server = Server::new();
    let bench = Bench::start_with(&server.config(DAY, 2), 1000 * DAYS, false);
    assert_eq!(bench.ids().1, TODAY + 1000);
    bench.wait(10).await;
    assert!(!server.state().exists());
    bench.set_clock(0).await;
    assert_eq!(bench.ids(), ((TODAY - 2..=TODAY + 1).collect(), TODAY));
    assert!(server.state().exists());
    bench.end().await;
    // A clock of before the first epoch: the first that there is.
    let server = Server::new();
    let bench = Bench::start_with(&server.config(DAY, 2), -START, false);
    assert_eq!(bench.ids().1, 20_454);
    bench.set_clock(0).await;
    assert_eq!(bench.ids().1, TODAY);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_epochs_ahead_is_followed_at_once_and_believed_for_good_an_hour_later() {
    let server = Server::new();
    server.settle().await;
    let bench = Bench::start(&server.config(DAY, 2), 0);
    bench.set_clock(100 * DAYS).await;
    assert_eq!(bench.ids().1, TODAY + 100);
    bench.wait(1800).await;
    assert_eq!(server.stored().sealing, u64::from(TODAY));
    bench.set_clock(0).await;
    assert_eq!(bench.ids(), ((TODAY - 2..=TODAY + 1).collect(), TODAY), "it was wrong, and nothing is lost");
    bench.set_clock(100 * DAYS).await;
    bench.wait(3700).await;
    assert_eq!(server.stored().sealing, u64::from(TODAY) + 100);
    bench.set_clock(0).await;
    assert_eq!(bench.ids().1, TODAY + 100, "never back");
}

#[test]
fn an_epoch_that_takes_too_long_to_reach_is_not_reached() {
    let server = Server::new();
    let config = server.config(DAY, 2);
    let now = ClockTime::from_unix_secs(START);
    let (keys, _) = DerivedKeys::open(&server.secret(), &server.state(), &config.keyset, now).unwrap();
    let last = keys.oldest.epoch() + MOST_STEPS;
    assert_eq!([last, last + 1, 0].map(|epoch| keys.reachable(epoch)), [Some(last), None, Some(20_454)]);
}

#[tokio::test(start_paused = true)]
async fn a_state_that_cannot_be_written_is_written_later_and_keys_go_on() {
    let server = Server::new();
    // Five minutes before midnight.
    let bench = Bench::start_with(&server.config(DAY, 2), 16 * HOUR - 300, false);
    let (there, lost) = (server.folder.path().to_owned(), server.folder.path().with_extension("lost"));
    fs::rename(&there, &lost).unwrap();
    bench.publish(true).await;
    assert_eq!(bench.ids().1, TODAY);
    bench.wait(600).await;
    assert_eq!(bench.ids().1, TODAY + 1);
    fs::rename(&lost, &there).unwrap();
    bench.wait(RETRY.as_secs() + 1).await;
    assert_eq!(server.stored().sealing, u64::from(TODAY) + 1);
}

#[tokio::test(start_paused = true)]
async fn another_secret_or_interval_starts_anew_and_without_the_secret_is_refused() {
    let server = Server::new();
    server.settle().await;
    let other = "another interval belongs to it";
    assert!(
        refused(&server.config(DAY + 1, 2)).contains("key-rotation-interval = 86400, and not to 86401"),
        "{other}"
    );
    write(&server.secret(), SECRET);
    let bench = Bench::start(&server.config(DAY, 2), 0);
    let cookie = bench.cookie();
    bench.end().await;
    write(&server.secret(), b"the secret of another fleet, no?");
    let bench = Bench::start(&server.config(DAY, 2), 0);
    assert!(!bench.opens(&cookie));
    bench.wait(1).await;
    let cookie = bench.cookie();
    bench.end().await;
    fs::remove_file(server.secret()).unwrap();
    let bench = Bench::start(&server.config(DAY, 2), 0);
    assert!(bench.opens(&cookie), "its state is stored");
    bench.end().await;
    write(&server.secret(), SECRET);
    let bench = Bench::start(&server.config(DAY + 1, 2), 0);
    bench.wait(1).await;
    assert_eq!(server.stored().oldest.interval(), DAY + 1);
}

#[test]
fn what_cannot_be_used_is_refused_with_its_place_and_a_remedy() {
    let server = Server::new();
    let config = server.config(DAY, 2);
    let says = |text: &str| {
        let message = refused(&config);
        assert!(message.contains(text), "{message}");
    };
    write(&server.secret(), b"too short to be guessed by nobody\n".split_at(20).0);
    says("secret: at byte 20: the shared secret ends; it must have 32 bytes or more");
    write(&server.secret(), &vec![b'a'; LONGEST_SECRET + 1]);
    says("this is no shared secret");
    fs::remove_file(server.secret()).unwrap();
    says("there is neither");
    fs::create_dir(server.secret()).unwrap();
    says("secret: the shared secret cannot be read: it is no regular file");
    fs::remove_dir(server.secret()).unwrap();
    write(&server.secret(), SECRET);
    write(&server.state(), b"NTS-RAT1 is how it begins");
    says("state: this is no state of derived keys (key-storage-path): at byte 25: the file ends");
    fs::remove_file(server.state()).unwrap();
    let short = refused(&server.config(1, 2));
    assert!(short.contains("key-rotation-interval = 1 is too short"), "{short}");
    let state = PathBuf::from("/proc/none/state");
    let nowhere = super::super::tests::config(KeyOrigin::Derived { secret: server.secret(), state }, DAY, 2);
    assert!(refused(&nowhere).contains("/proc/none/state: the state of derived keys cannot be written"));
}

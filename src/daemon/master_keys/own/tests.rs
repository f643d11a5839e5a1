//! A server's own keys over days, restarts and accidents. The clock and its ways are `tests`'.

use super::super::tests::{Bench, DAY, START, config, refused};
use super::*;
use crate::config::{Config, KeyOrigin};
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn stored_at(path: &Path, interval: u64, stale: usize) -> Config {
    config(KeyOrigin::Own { storage: Some(path.to_owned()) }, interval, stale)
}

fn on_disk(path: &Path) -> KeyFile {
    KeyFile::parse(&fs::read(path).unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_cookie_is_good_for_as_many_rotations_as_there_are_stale_keys() {
    let bench = Bench::start(&config(KeyOrigin::Own { storage: None }, DAY, 2), 0);
    let (cookie, (first, sealing)) = (bench.cookie(), bench.ids());
    assert_eq!((first.as_slice(), bench.report.accepted()), (&[sealing][..], 1));
    bench.wait(DAY - 10).await;
    assert_eq!(bench.ids().1, sealing, "not yet");
    for rotation in 1..=2 {
        bench.wait(if rotation == 1 { 20 } else { DAY }).await;
        assert_eq!(bench.ids().1, sealing.wrapping_add(rotation));
        assert!(bench.opens(&cookie), "after {rotation} rotations");
        let days = i64::from(rotation) * DAY.cast_signed();
        let since = bench.report.since().unwrap() - ClockTime::from_unix_secs(START + days);
        assert!(since.abs().seconds() < 5.0, "{since:?}");
    }
    assert_eq!(bench.report.accepted(), 3);
    bench.wait(DAY).await;
    assert!(!bench.opens(&cookie));
    assert_eq!(bench.ids().0.len(), 3);
    bench.wait(7 * DAY).await;
    assert_eq!(bench.ids().1, sealing.wrapping_add(10), "a week later it still rotates daily");
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_cookies_are_good_and_the_key_goes_on_ageing() {
    let folder = tempfile::tempdir().unwrap();
    let config = stored_at(&folder.path().join("keys"), DAY, 7);
    let bench = Bench::start(&config, 0);
    bench.wait(DAY + DAY / 2).await;
    let (cookie, (_, sealing)) = (bench.cookie(), bench.ids());
    bench.end().await;
    let path = folder.path().join("keys");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(on_disk(&path).keys.len(), 2);

    let bench = Bench::start(&config, (DAY + DAY / 2).cast_signed());
    assert!(bench.opens(&cookie));
    bench.wait(DAY / 2 - 10).await;
    assert_eq!(bench.ids().1, sealing);
    bench.wait(20).await;
    assert_eq!(bench.ids().1, sealing.wrapping_add(1), "half a day after the restart");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[tokio::test(start_paused = true)]
async fn who_was_off_for_a_month_has_no_key_of_before_and_rotates_on_time() {
    let folder = tempfile::tempdir().unwrap();
    let config = stored_at(&folder.path().join("keys"), DAY, 2);
    let bench = Bench::start(&config, 0);
    let (cookie, (_, sealing)) = (bench.cookie(), bench.ids());
    bench.end().await;
    // 30 days and 6 hours later; the clock is not right at once, and the keys stay until it is.
    let bench = Bench::start_with(&config, (30 * DAY + DAY / 4).cast_signed(), false);
    bench.wait(60).await;
    assert_eq!(bench.ids().1, sealing);
    bench.publish(true).await;
    assert_eq!(bench.ids().1, sealing.wrapping_add(3), "as often as there are keys to replace");
    assert!(!bench.opens(&cookie));
    bench.wait(DAY * 3 / 4 - 80).await;
    assert_eq!(bench.ids().1, sealing.wrapping_add(3));
    bench.wait(40).await;
    assert_eq!(bench.ids().1, sealing.wrapping_add(4), "30 days and 24 hours after the first");
}

#[tokio::test(start_paused = true)]
async fn a_stored_time_in_the_future_is_taken_for_now() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let config = stored_at(&path, DAY, 2);
    let key = MasterKey { id: 4, key: new_key().unwrap() };
    for made in [u64::try_from(START).unwrap() + 1_000_000, u64::MAX] {
        fs::write(&path, KeyFile::of_one(key.clone(), made).emit()).unwrap();
        let bench = Bench::start(&config, 0);
        bench.wait(DAY - 10).await;
        assert_eq!(bench.ids(), (vec![4], 4));
        bench.wait(20).await;
        assert_eq!(bench.ids(), (vec![4, 5], 5));
        bench.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_while_we_run_changes_no_rotation() {
    let bench = Bench::start(&config(KeyOrigin::Own { storage: None }, DAY, 2), 0);
    let (_, sealing) = bench.ids();
    bench.wait(DAY / 2).await;
    for ahead in [1_000_000_000, -1_000_000_000] {
        bench.set_clock(ahead).await;
        bench.wait(60).await;
        assert_eq!(bench.ids().1, sealing);
    }
    bench.wait(DAY / 2).await;
    assert_eq!(bench.ids().1, sealing.wrapping_add(1));
}

#[tokio::test(start_paused = true)]
async fn a_fresh_key_of_a_clock_that_was_wrong_is_stored_with_the_right_time_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let bench = Bench::start_with(&stored_at(&path, DAY, 2), -START, false);
    assert_eq!(on_disk(&path).made, 0, "1970");
    bench.wait(30).await;
    bench.set_clock(0).await;
    let made = on_disk(&path).made.cast_signed() - START;
    assert!((0..=3).contains(&made), "{made} s after the start");
    assert_eq!(bench.ids().0.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_be_stored_seals_nothing_until_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let (lost, path) = (folder.path().join("lost"), folder.path().join("there").join("keys"));
    fs::create_dir(path.parent().unwrap()).unwrap();
    let bench = Bench::start(&stored_at(&path, DAY, 2), 0);
    let (_, sealing) = bench.ids();
    fs::rename(path.parent().unwrap(), &lost).unwrap();
    bench.wait(DAY + 600).await;
    assert_eq!(bench.ids(), (vec![sealing], sealing));
    fs::rename(&lost, path.parent().unwrap()).unwrap();
    bench.wait(RETRY.as_secs() + 1).await;
    assert_eq!(bench.ids().1, sealing.wrapping_add(1));
    assert_eq!(on_disk(&path).keys.len(), 2);
}

#[test]
fn a_file_of_ntpd_rs_1_goes_on_and_fewer_stale_keys_are_fewer_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let mut file = KeyFile::of_one(MasterKey { id: 0, key: new_key().unwrap() }, 1_700_000_000);
    for _ in 0..20 {
        file = file.rotated(new_key().unwrap(), 7, 1_700_000_000);
    }
    fs::write(&path, file.emit()).unwrap();
    let ids = |stale| {
        let config = stored_at(&path, DAY, stale);
        let (keys, _) = OwnKeys::open(Some(&path), &config.keyset, ClockTime::from_unix_secs(START)).unwrap();
        keys.file.keys.iter().map(|key| key.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(7), [13, 14, 15, 16, 17, 18, 19, 20]);
    assert_eq!(ids(1), [19, 20]);
}

#[test]
fn a_link_to_the_file_stays_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let (path, target) = (folder.path().join("keys"), folder.path().join("target"));
    fs::write(&target, KeyFile::of_one(MasterKey { id: 4, key: new_key().unwrap() }, 0).emit()).unwrap();
    std::os::unix::fs::symlink(&target, &path).unwrap();
    let config = stored_at(&path, DAY, 7);
    OwnKeys::open(Some(&path), &config.keyset, ClockTime::from_unix_secs(START)).unwrap();
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_is_stored_and_cannot_be_used_is_refused_with_its_place_and_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let config = stored_at(&path, DAY, 7);
    fs::write(&path, b"no keys").unwrap();
    let message = refused(&config);
    assert!(message.contains("keys: this is no file of master keys: at byte 7: the file ends"), "{message}");
    fs::write(&path, vec![1; KeyFile::LONGEST + 100]).unwrap();
    assert!(refused(&config).contains("at byte 16"));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(refused(&config).contains("it is no regular file"));
    let message = refused(&stored_at(Path::new("/proc/none/keys"), DAY, 7));
    assert!(message.contains("/proc/none/keys: master keys cannot be stored"), "{message}");
}

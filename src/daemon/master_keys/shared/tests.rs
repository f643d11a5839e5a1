//! Keys that others write, as they change. The clock and its ways are `tests`'.

use super::super::tests::{Bench, DAY, START, config, refused, write};
use super::*;
use crate::config::{Config, KeyOrigin};
use crate::nts::{Algorithm, Key, MasterKey};
use std::fs;
use std::os::unix::fs::symlink;

fn following(path: &Path) -> Config {
    config(KeyOrigin::Shared { path: path.to_owned() }, DAY, 7)
}

/// Keys with these identifiers, of which the one at `primary` seals.
fn file(ids: std::ops::Range<u32>, primary: usize) -> KeyFile {
    let key = |id: u32| {
        let [.., fill] = (id + 1).to_be_bytes();
        MasterKey { id, key: Key::new(Algorithm::AesSivCmac512, &[fill; 64]).unwrap() }
    };
    KeyFile { made: START.cast_unsigned() - 100, keys: ids.map(key).collect(), primary }
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_accepted_first_and_seals_later_and_every_cookie_is_good_all_the_while() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    write(&path, &file(3..5, 1).emit());
    let bench = Bench::start(&following(&path), 0);
    assert_eq!(bench.ids(), (vec![3, 4], 4));
    let made = Some(ClockTime::from_unix_secs(START - 100));
    assert_eq!((bench.report.accepted(), bench.report.since()), (2, made));
    let mut cookies = vec![bench.cookie()];
    write(&path, &file(3..6, 1).emit());
    bench.wait(6).await;
    assert_eq!((bench.ids(), bench.report.since()), ((vec![3, 4, 5], 4), made));
    cookies.push(bench.cookie());
    write(&path, &file(3..6, 2).emit());
    bench.wait(6).await;
    assert_eq!(bench.ids(), (vec![3, 4, 5], 5));
    assert!(bench.report.since() > Some(ClockTime::from_unix_secs(START)));
    cookies.push(bench.cookie());
    write(&path, &file(4..6, 1).emit());
    bench.wait(6).await;
    assert!(cookies.iter().all(|cookie| bench.opens(cookie)));
    assert_eq!(bench.ids(), (vec![4, 5], 5));
}

#[tokio::test(start_paused = true)]
async fn a_bad_file_or_none_changes_nothing_and_a_good_one_is_in_force_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    write(&path, &file(3..5, 1).emit());
    let bench = Bench::start(&following(&path), 0);
    let good = file(3..6, 2).emit();
    for bad in [&good[..100], &good[..0], b"<html>"] {
        write(&path, bad);
        bench.wait(20).await;
        assert_eq!(bench.ids(), (vec![3, 4], 4));
    }
    fs::remove_file(&path).unwrap();
    bench.wait(20).await;
    assert_eq!(bench.ids(), (vec![3, 4], 4));
    write(&path, &good);
    bench.wait(6).await;
    assert_eq!(bench.ids(), (vec![3, 4, 5], 5));
}

#[tokio::test(start_paused = true)]
async fn links_that_are_swapped_are_followed_as_kubernetes_does_it() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    for (name, primary) in [("first", 0), ("second", 1)] {
        fs::create_dir(place(name)).unwrap();
        fs::write(place(name).join("keys"), file(3..5, primary).emit()).unwrap();
    }
    symlink("first", place("..data")).unwrap();
    symlink("..data/keys", place("keys")).unwrap();
    let bench = Bench::start(&following(&place("keys")), 0);
    assert_eq!(bench.ids(), (vec![3, 4], 3));
    symlink("second", place("..new")).unwrap();
    fs::rename(place("..new"), place("..data")).unwrap();
    bench.wait(6).await;
    assert_eq!(bench.ids(), (vec![3, 4], 4));
}

#[tokio::test(start_paused = true)]
async fn a_hangup_has_the_file_read_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    write(&path, &file(3..5, 1).emit());
    let bench = Bench::start(&following(&path), 0);
    write(&path, &file(3..6, 2).emit());
    bench.hang_up().await;
    assert_eq!(bench.ids(), (vec![3, 4, 5], 5));
}

#[test]
fn a_file_that_is_half_written_when_it_is_looked_at_is_told_of_only_if_it_stays_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let now = ClockTime::from_unix_secs(START);
    let told = |keys: &SharedKeys| keys.problem.as_ref().is_some_and(|problem| problem.told);
    write(&path, &file(3..5, 1).emit());
    let (mut keys, _) = SharedKeys::open(&path, now).unwrap();
    write(&path, &file(3..6, 2).emit()[..100]);
    assert!(keys.look(false, now).is_none() && !told(&keys));
    write(&path, &file(3..6, 2).emit());
    assert!(keys.look(false, now).is_some() && keys.problem.is_none());
    write(&path, b"bad");
    assert!(keys.look(false, now).is_none() && !told(&keys));
    assert!(keys.look(false, now).is_none() && told(&keys));
    write(&path, b"worse");
    assert!(keys.look(true, now).is_none() && told(&keys), "whoever asks is told at once");
}

#[test]
fn a_key_from_the_future_has_no_age() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    write(&path, &file(3..5, 1).emit());
    let (_, in_force) = SharedKeys::open(&path, ClockTime::from_unix_secs(START - 101)).unwrap();
    assert_eq!(in_force.since, None);
}

#[test]
fn what_is_no_file_of_keys_is_refused_at_start_with_its_place_and_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let message = refused(&following(&path));
    assert!(message.contains("keys: shared master keys cannot be read: No such file"), "{message}");
    write(&path, &file(3..5, 2).emit());
    let message = refused(&following(&path));
    assert!(message.contains("at byte 12: the key that seals is said to be number 2"), "{message}");
    assert!(refused(&following(folder.path())).contains("no regular file"));
}

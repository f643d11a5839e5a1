//! The story of a key that is removed: it is gone from the daemon's memory, whether or not anybody asks.

use super::certificates;
use super::ours::server_with;
use crate::lab::Lab;
use crate::process::Process;
use crate::wait::{poll, seconds};
use ntpd_rs::nts::{Algorithm, Key, KeyFile, MasterKey};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A key that is like nothing else in any memory.
fn key(id: u32) -> MasterKey {
    let bytes: Vec<u8> =
        (0..64_u32).map(|n| (n * 89 + id * 57 + (n * n * id) % 251).to_le_bytes()[0]).collect();
    MasterKey { id, key: Key::new(Algorithm::AesSivCmac512, &bytes).unwrap() }
}

fn write(path: &Path, keys: Vec<MasterKey>) {
    let new = path.with_extension("new");
    let primary = keys.len() - 1;
    fs::write(&new, &*KeyFile { made: 1_800_000_000, keys, primary }.emit()).unwrap();
    fs::rename(new, path).unwrap();
}

/// Places in the memory of a process at which either half of this key is found, as it is or as the first of its round keys.
fn copies(process: &Process, key: &MasterKey) -> Vec<u64> {
    let folder = Path::new("/proc").join(process.id().to_string());
    let memory = File::open(folder.join("mem")).unwrap();
    let mut found = Vec::new();
    for line in fs::read_to_string(folder.join("maps")).unwrap().lines().filter(|line| line.contains(" rw")) {
        let range = line.split_whitespace().next().unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let [from, to] = [from, to].map(|number| u64::from_str_radix(number, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        // What is gone since, or is none of the process's.
        if memory.read_exact_at(&mut bytes, from).is_err() {
            continue;
        }
        found.extend(places(&bytes, key).into_iter().map(|at| from + at));
    }
    found
}

fn places(bytes: &[u8], key: &MasterKey) -> Vec<u64> {
    const PAGE: usize = 4096;
    let halves = key.key.bytes().as_chunks::<32>().0;
    let mut found = Vec::new();
    for (page, at) in bytes.chunks(PAGE).zip((0..).step_by(PAGE)) {
        // Most are.
        if page == &[0; PAGE][..page.len()] {
            continue;
        }
        let end = (at + PAGE + 31).min(bytes.len());
        let here = bytes[at..end]
            .windows(32)
            .zip(at..)
            .filter(|(window, _)| halves.iter().any(|half| half == window));
        found.extend(here.map(|(_, at)| u64::try_from(at).unwrap()));
    }
    found
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn a_key_that_is_removed_is_nowhere_in_the_memory_of_a_server_that_nobody_asks() {
    let lab = Lab::new();
    let folder = certificates(&lab);
    let file = folder.join("keys");
    // As many as a server has by default, and more than one growth of a vector.
    let keys = |first: u32| (first..first + 9).map(key).collect::<Vec<_>>();
    write(&file, keys(1));
    let server = server_with(&lab, &folder, &format!("shared-keys-path = \"{}\"", file.display()));
    assert!(!copies(&server.process, &key(1)).is_empty() && !copies(&server.process, &key(9)).is_empty());
    for first in 2..=3 {
        write(&file, keys(first));
        server.process.signal("HUP");
        let taken = || server.process.output().matches("accepted from now on").count() >= first as usize - 1;
        assert!(poll(seconds(5), || taken().then_some(())).is_some());
        let removed = key(first - 1);
        let gone = poll(seconds(5), || copies(&server.process, &removed).is_empty().then_some(()));
        assert!(gone.is_some(), "{:x?}\n{}", copies(&server.process, &removed), server.process.output());
    }
    assert!(!copies(&server.process, &key(9)).is_empty(), "that one is in use");
}

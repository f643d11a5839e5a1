//! What comes to a journal, and what happens without one.

use super::*;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing::subscriber::with_default;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Registry, registry};

/// A journal that listens, and what the lines were that it did not get.
struct Bench {
    listener: Option<UnixDatagram>,
    path: PathBuf,
    _directory: tempfile::TempDir,
    elsewhere: Arc<Mutex<Vec<String>>>,
}

struct Elsewhere(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Elsewhere {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut entry = Entry(Vec::new());
        event.record(&mut entry);
        self.0.lock().unwrap().push(fields(&entry.0)[0].1.clone());
    }
}

/// Name and value of everything in an entry.
fn fields(mut entry: &[u8]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while !entry.is_empty() {
        let end = entry.iter().position(|byte| *byte == b'\n').unwrap();
        let name = String::from_utf8(entry[..end].to_vec()).unwrap();
        let (length, rest) = entry[end + 1..].split_first_chunk::<8>().unwrap();
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap();
        found.push((name, String::from_utf8(rest[..length].to_vec()).unwrap()));
        assert_eq!(rest[length], b'\n');
        entry = &rest[length + 1..];
    }
    found
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let listener = UnixDatagram::bind(&path).unwrap();
        listener.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Self { listener: Some(listener), path, _directory: directory, elsewhere: Arc::default() }
    }

    fn journal(&self) -> Journal<Registry> {
        Journal::new(&self.path, "ntp-daemon", Box::new(Elsewhere(Arc::clone(&self.elsewhere)))).unwrap()
    }

    fn log(&self, what: impl FnOnce()) {
        with_default(registry().with(self.journal()), what);
    }

    fn read(&self) -> Vec<(String, String)> {
        let mut buffer = vec![0; 1 << 16];
        let length = self.listener.as_ref().unwrap().recv(&mut buffer).unwrap();
        fields(&buffer[..length])
    }

    /// Takes what waits there; how many that were.
    fn drain(&self) -> usize {
        let listener = self.listener.as_ref().unwrap();
        listener.set_nonblocking(true).unwrap();
        let waited = std::iter::repeat_with(|| listener.recv(&mut [0])).take_while(Result::is_ok).count();
        listener.set_nonblocking(false).unwrap();
        waited
    }

    fn elsewhere(&self) -> Vec<String> {
        self.elsewhere.lock().unwrap().clone()
    }
}

fn value<'a>(entry: &'a [(String, String)], name: &str) -> Option<&'a str> {
    entry.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}

#[test]
fn a_line_comes_with_its_fields_and_the_journals_own() {
    let bench = Bench::new();
    let nothing: Option<&str> = None;
    bench.log(|| {
        tracing::warn!(
            journal.message_id = "ab",
            ntpd_rs.offset_usec = -5_i64,
            ntpd_rs.reason = nothing,
            other.field = true,
            "two\nlines {}",
            1
        );
    });
    let entry = bench.read();
    for (name, expected) in [
        ("PRIORITY", "4"),
        ("SYSLOG_IDENTIFIER", "ntp-daemon"),
        ("SYSLOG_FACILITY", "3"),
        ("TARGET", module_path!()),
        ("MESSAGE", "two\nlines 1"),
        ("MESSAGE_ID", "ab"),
        ("NTPD_RS_OFFSET_USEC", "-5"),
        ("NTPD_RS_OTHER_FIELD", "true"),
    ] {
        assert_eq!(value(&entry, name), Some(expected), "{name}");
    }
    assert_eq!(entry.len(), 8, "{entry:?}");
    assert!(bench.elsewhere().is_empty());
}

#[test]
fn every_level_has_its_priority() {
    let bench = Bench::new();
    bench.log(|| {
        tracing::error!("e");
        tracing::warn!("w");
        tracing::info!("i");
        tracing::debug!("d");
    });
    let priorities: Vec<String> = (0..4).map(|_| bench.read()[0].1.clone()).collect();
    assert_eq!(priorities, ["3", "4", "6", "7"]);
}

#[test]
fn a_field_of_somebody_else_cannot_pose_as_one_of_the_journals_own() {
    for (field, expected) in [
        ("priority", "NTPD_RS_PRIORITY"),
        ("_pid", "NTPD_RS__PID"),
        ("a\nb=c", "NTPD_RS_A_B_C"),
        ("ntpd_rs.source", "NTPD_RS_SOURCE"),
        ("journal.message_id", "MESSAGE_ID"),
    ] {
        assert_eq!(journal_name(field), expected);
    }
    assert_eq!(journal_name(&"x".repeat(100)).len(), 64);
}

#[test]
fn without_a_journal_every_line_goes_elsewhere_and_comes_back_with_it() {
    let mut bench = Bench::new();
    bench.listener = None;
    fs::remove_file(&bench.path).unwrap();
    let journal = bench.journal();
    let path = bench.path.clone();
    let mut later = None;
    with_default(registry().with(journal), || {
        tracing::info!("one");
        tracing::info!("two");
        later = Some(UnixDatagram::bind(&path).unwrap());
        tracing::info!("three");
    });
    assert_eq!(bench.elsewhere(), ["one", "two"]);
    bench.listener = later;
    assert_eq!(value(&bench.read(), "MESSAGE"), Some("three"));
}

#[test]
fn a_journal_that_takes_no_more_is_not_waited_for_and_hears_of_what_it_lost() {
    let bench = Bench::new();
    with_default(registry().with(bench.journal()), || {
        for _ in 0..10_000 {
            tracing::info!("a flood");
        }
        let taken = bench.drain();
        assert!((1..10_000).contains(&taken), "{taken}");
        tracing::info!("after it");
        let confession = format!("{} line(s) are missing here: the journal took no more", 10_000 - taken);
        assert_eq!(value(&bench.read(), "MESSAGE"), Some(confession.as_str()));
        assert_eq!(value(&bench.read(), "MESSAGE"), Some("after it"));
    });
    assert!(bench.elsewhere().is_empty());
}

#[test]
fn only_the_very_stream_that_is_named_leads_to_the_journal() {
    assert!(is_stream("8:4711", 8, 4711));
    for other in ["", "8", "8:", "9:4711", "8:4712", "8:4711:1", "x:y", " 8:4711"] {
        assert!(!is_stream(other, 8, 4711), "{other}");
    }
}

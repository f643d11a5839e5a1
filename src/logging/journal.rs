//! Lines to the systemd journal in its native protocol, with their fields. Never waits for it: a time daemon that stands still
//! because its log does is worse than a line that is missing.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Where journald listens.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";

/// Whether what is written to standard error comes to the journal, as its environment variable says (systemd.exec(5)).
pub(super) fn has_standard_error() -> bool {
    let file = io::stderr().as_fd().try_clone_to_owned().map(std::fs::File::from);
    let Ok(metadata) = file.and_then(|file| file.metadata()) else { return false };
    let stream = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    is_stream(&stream, metadata.dev(), metadata.ino())
}

/// The variable is inherited by whoever is started with another standard error: only a match says something.
fn is_stream(stream: &str, device: u64, inode: u64) -> bool {
    let named = stream.split_once(':').map(|(device, inode)| (device.parse(), inode.parse()));
    named == Some((Ok(device), Ok(inode)))
}

/// The journal, and standard error for what it cannot be given.
pub(super) struct Journal<S> {
    socket: UnixDatagram,
    path: PathBuf,
    program: &'static str,
    /// Lines that were lost because its queue was full, and that it has not been told of.
    lost: AtomicU64,
    /// Whether people were told that it is not there.
    told: AtomicBool,
    instead: Box<dyn Layer<S> + Send + Sync>,
}

impl<S> Journal<S> {
    /// The journal that listens at `path`, now or later.
    pub(super) fn new(
        path: &Path,
        program: &'static str,
        instead: Box<dyn Layer<S> + Send + Sync>,
    ) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        let (lost, told) = (AtomicU64::new(0), AtomicBool::new(false));
        Ok(Self { socket, path: path.to_owned(), program, lost, told, instead })
    }

    /// Whether the line need not go elsewhere.
    fn take(&self, entry: &Entry) -> bool {
        self.confess();
        match self.socket.send_to(&entry.0, &self.path) {
            Ok(_) => true,
            // Standard error ends in the same journal, and would block.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.lost.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(error) => {
                if !self.told.swap(true, Ordering::Relaxed) {
                    let (program, path) = (self.program, self.path.display());
                    // Who cannot read this either cannot be told.
                    let _ = writeln!(
                        io::stderr(),
                        "{program}: the journal cannot be reached at {path} ({error}): lines go to standard error"
                    );
                }
                false
            }
        }
    }

    /// Says that lines are missing, as soon as there is room for it.
    fn confess(&self) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost == 0 {
            return;
        }
        let mut entry = Entry::new(Level::WARN, self.program, module_path!());
        entry.put("MESSAGE", &format!("{lost} line(s) are missing here: the journal took no more"));
        if self.socket.send_to(&entry.0, &self.path).is_err() {
            self.lost.fetch_add(lost, Ordering::Relaxed);
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Journal<S> {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut entry = Entry::new(*metadata.level(), self.program, metadata.target());
        event.record(&mut entry);
        if !self.take(&entry) {
            self.instead.on_event(event, context);
        }
    }
}

/// One entry as the journal takes it: name, newline, length, value, newline.
struct Entry(Vec<u8>);

impl Entry {
    fn new(level: Level, program: &str, target: &str) -> Self {
        let mut entry = Self(Vec::with_capacity(512));
        entry.put("PRIORITY", priority(level));
        entry.put("SYSLOG_IDENTIFIER", program);
        entry.put("SYSLOG_FACILITY", DAEMON);
        entry.put("TARGET", target);
        entry
    }

    fn put(&mut self, name: &str, value: &str) {
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(b'\n');
        self.0.extend_from_slice(&(value.len() as u64).to_le_bytes());
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(b'\n');
    }
}

impl Visit for Entry {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(&journal_name(field.name()), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        // A value that cannot be told is told as far as it can.
        let _ = write!(text, "{value:?}");
        self.put(&journal_name(field.name()), &text);
    }
}

/// `LOG_DAEMON` of syslog(3).
const DAEMON: &str = "3";

/// After syslog(3). Notices (5) are no level of ours.
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        _ => "7",
    }
}

/// The journal's own fields are written `journal.x`; all others get our name before theirs, so that no library's can be taken for
/// them.
fn journal_name(field: &str) -> String {
    let own = field == "message" || field.starts_with(OWN);
    let name = field.strip_prefix(OWN).or_else(|| field.strip_prefix(OURS)).unwrap_or(field);
    let prefix = if own { "" } else { "NTPD_RS_" };
    let legal = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    prefix.chars().chain(name.chars().map(legal)).take(LONGEST_NAME).collect()
}

const OWN: &str = "journal.";
const OURS: &str = "ntpd_rs.";
/// The journal takes no longer one.
const LONGEST_NAME: usize = 64;

/// Whether the words of a line say it already, so that lines for people leave it out.
pub(super) fn is_said_in_words(field: &str) -> bool {
    field.starts_with(OWN) || field.starts_with(OURS)
}

#[cfg(test)]
mod tests;

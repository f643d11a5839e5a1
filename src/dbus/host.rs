//! What the machine says of itself, its time zone and its hardware clock. Read when asked for; sets nothing.

use crate::time::{Mono, Span};
use std::cell::Cell;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Where the machine says it, and what the hardware clock said last.
#[derive(Debug)]
pub(super) struct Host {
    root: PathBuf,
    rtc: Cell<Option<(Mono, u64)>>,
    log_target: &'static str,
}

/// Reading the hardware clock may take milliseconds of the loop's time, and anybody may ask for it.
const RTC_LASTS: Span = Span::from_secs(1);
/// Of a file that has one line or three.
const LONGEST_FILE: u64 = 4096;

impl Host {
    /// `root` is `/`, save in tests; `log_target` is where the log goes, in systemd's words.
    pub(super) fn new(root: &Path, log_target: &'static str) -> Self {
        Self { root: root.to_owned(), rtc: Cell::new(None), log_target }
    }

    /// Where the log goes.
    pub(super) const fn log_target(&self) -> &'static str {
        self.log_target
    }

    /// By its name; UTC where nothing is set.
    pub(super) fn time_zone(&self) -> String {
        let link = fs::read_link(self.root.join("etc/localtime")).ok();
        let name = link.as_ref().and_then(|link| link.to_str()?.rsplit_once("zoneinfo/"));
        name.map_or_else(|| "UTC".to_owned(), |(_, name)| name.to_owned())
    }

    /// Whether the hardware clock is said to keep local time: the third line of `/etc/adjtime`.
    pub(super) fn hardware_clock_is_local(&self) -> bool {
        self.read("etc/adjtime").is_some_and(|text| text.lines().nth(2).map(str::trim) == Some("LOCAL"))
    }

    /// What the hardware clock says, in whole seconds since 1970 as microseconds; 0 without one. A second old at most.
    pub(super) fn hardware_clock_micros(&self, now: Mono) -> u64 {
        match self.rtc.get() {
            Some((at, micros)) if now >= at && now - at < RTC_LASTS => micros,
            _ => {
                let text = self.read("sys/class/rtc/rtc0/since_epoch");
                let seconds: u64 = text.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
                let micros = seconds.saturating_mul(1_000_000);
                self.rtc.set(Some((now, micros)));
                micros
            }
        }
    }

    /// 128 bits as 32 digits.
    pub(super) fn machine_id(&self) -> Option<String> {
        let text = self.read("etc/machine-id")?;
        let id = text.trim();
        (id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())).then(|| id.to_owned())
    }

    fn read(&self, path: &str) -> Option<String> {
        let mut text = String::new();
        let file = fs::File::open(self.root.join(path)).ok()?;
        file.take(LONGEST_FILE).read_to_string(&mut text).ok()?;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let host = Host::new(folder.path(), "console");
        (folder, host)
    }

    #[test]
    fn a_machine_that_says_nothing_is_in_utc_and_has_no_hardware_clock() {
        let (_folder, host) = machine(&[]);
        assert_eq!(host.time_zone(), "UTC");
        assert!(!host.hardware_clock_is_local());
        assert_eq!(host.hardware_clock_micros(Mono::default()), 0);
        assert_eq!(host.machine_id(), None);
    }

    #[test]
    fn what_the_machine_says_is_read() {
        let id = "0123456789abcdef0123456789abcdef";
        let (folder, host) = machine(&[
            ("etc/adjtime", "0.0 0 0.0\n0\nLOCAL\n"),
            ("etc/machine-id", &format!("{id}\n")),
            ("sys/class/rtc/rtc0/since_epoch", "1800000000\n"),
        ]);
        symlink("../usr/share/zoneinfo/Europe/Berlin", folder.path().join("etc/localtime")).unwrap();
        assert_eq!(host.time_zone(), "Europe/Berlin");
        assert!(host.hardware_clock_is_local());
        assert_eq!(host.hardware_clock_micros(Mono::default()), 1_800_000_000_000_000);
        assert_eq!(host.machine_id().as_deref(), Some(id));
    }

    #[test]
    fn the_hardware_clock_is_read_once_a_second_at_most() {
        let file = "sys/class/rtc/rtc0/since_epoch";
        let (folder, host) = machine(&[(file, "5\n")]);
        let start = Mono::from_nanos(7_000_000_000);
        let at = |millis| host.hardware_clock_micros(start + Span::from_millis(millis));
        assert_eq!(at(0), 5_000_000);
        fs::write(folder.path().join(file), "6\n").unwrap();
        assert_eq!(at(999), 5_000_000);
        assert_eq!(at(1000), 6_000_000);
    }
}

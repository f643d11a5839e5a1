//! A child process whose output is collected and which never outlives its owner. Knows nothing of NTP.

use crate::wait::{poll, seconds};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Running, or ended and not yet forgotten. Killed when dropped.
pub(crate) struct Process {
    name: String,
    child: Child,
    output: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts it with no input; both its outputs are collected, line by line.
    #[track_caller]
    pub(crate) fn start(name: &str, mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}: {command:?}"));
        let output = Arc::new(Mutex::new(String::new()));
        let readers = vec![
            collect(child.stdout.take().unwrap(), Arc::clone(&output)),
            collect(child.stderr.take().unwrap(), Arc::clone(&output)),
        ];
        Self { name: name.to_owned(), child, output, readers }
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// One of the figures of its memory, `VmRSS` say. What it was started by (`ip netns exec`, `setpriv`) has become it.
    pub(crate) fn kilobytes(&self, figure: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'));
        let value = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        value.unwrap_or_else(|| panic!("no {figure}: {status}"))
    }

    /// What it has written so far.
    pub(crate) fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    /// Waits until it has written `text`.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str, within: Duration) {
        let seen = poll(within, || self.output().contains(text).then_some(()));
        assert!(seen.is_some(), "{} did not write {text:?} within {within:?}:\n{}", self.name, self.output());
    }

    /// Waits until it ends by itself.
    #[track_caller]
    pub(crate) fn wait(&mut self, within: Duration) -> ExitStatus {
        let ended = poll(within, || self.child.try_wait().unwrap());
        let Some(status) = ended else {
            panic!("{} still runs after {within:?}:\n{}", self.name, self.output());
        };
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        status
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends a signal by name, such as `TERM`.
    #[track_caller]
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(status.unwrap().success(), "kill -{name} {}", self.name);
    }

    /// Asks it to end and waits.
    #[track_caller]
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait(seconds(5))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Neither can fail in a way that matters: it has ended already, or it ends now.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("---- {} wrote ----\n{}", self.name, self.output());
        }
    }
}

fn collect(from: impl Read + Send + 'static, into: Arc<Mutex<String>>) -> JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            let Ok(line) = line else { break };
            let mut text = into.lock().unwrap();
            text.push_str(&line);
            text.push('\n');
        }
    })
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn run(name: &str, command: Command, within: Duration) -> (ExitStatus, String) {
    let mut process = Process::start(name, command);
    let status = process.wait(within);
    (status, process.output())
}

#[test]
fn a_process_is_heard_ends_when_asked_and_is_gone_when_dropped() {
    let shell = |script: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::start("sh", command)
    };
    let mut polite = shell("trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.05; done");
    polite.wait_for("ready", seconds(5));
    assert!(polite.is_running());
    assert_eq!(polite.terminate().code(), Some(3));
    assert_eq!(polite.output(), "ready\nbye\n");

    let deaf = shell("trap '' TERM; echo ready; while :; do sleep 0.05; done");
    deaf.wait_for("ready", seconds(5));
    let entry = format!("/proc/{}", deaf.child.id());
    assert!(std::path::Path::new(&entry).exists());
    drop(deaf);
    assert!(!std::path::Path::new(&entry).exists());
}

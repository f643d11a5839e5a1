//! What the process does when it is asked: log filters and reloads.

use super::*;
use crate::logging::{Format, Settings};
use clap::Parser;
use std::fs;
use std::path::Path;
use tokio::sync::oneshot;
use tracing::subscriber::set_default;

/// A service whose configuration has this filter, and the file that it logs to.
struct Logging {
    service: Service,
    /// While it is there, what this thread logs goes to the file.
    _subscriber: tracing::subscriber::DefaultGuard,
    directory: tempfile::TempDir,
}

fn configure(directory: &Path, level: &str) {
    let text =
        format!("[[source]]\nmode = \"pool\"\naddress = \"a\"\n[observability]\nlog-level = \"{level}\"\n");
    fs::write(directory.join("ntp.toml"), text).unwrap();
}

fn logging(more: &[&str]) -> Logging {
    let directory = tempfile::tempdir().unwrap();
    configure(directory.path(), "info");
    let config = directory.path().join("ntp.toml");
    let line = ["ntp-daemon", "-c", config.to_str().unwrap()].into_iter().chain(more.iter().copied());
    let args = Args::try_parse_from(line).unwrap();
    let loaded = startup::load(&args).unwrap();
    let configured_filter = startup::filter(&args, &loaded.config).to_owned();
    let log = directory.path().join("log");
    let settings = Settings {
        filter: &configured_filter,
        program: "ntp-daemon",
        format: Some(Format::Compact),
        path: Some(&log),
        ansi_colors: false,
    };
    let (subscriber, logging) = logging::subscriber(&settings).unwrap();
    let (configure, mut configurations) = Door::new();
    tokio::spawn(async move {
        while let Some(asked) = configurations.recv().await {
            asked.answer_with().1(Ok(()));
        }
    });
    let files = watch::Sender::new(());
    let service = Service { args, logging, configured_filter, configure, files, manager: Manager::default() };
    Logging { service, _subscriber: set_default(subscriber), directory }
}

impl Logging {
    async fn ask(&mut self, order: ServiceOrder) -> Answer {
        let (door, mut orders) = Door::new();
        let (answer, answered) = oneshot::channel();
        tokio::spawn(async move { answer.send(door.ask(order).await) });
        self.service.obey(orders.recv().await.unwrap()).await;
        answered.await.unwrap()
    }

    async fn set(&mut self, filter: Option<&str>) -> Answer {
        self.ask(ServiceOrder::LogFilter(filter.map(str::to_owned))).await
    }

    /// Which levels leave a line.
    fn levels(&self) -> String {
        let log = self.directory.path().join("log");
        fs::write(&log, "").unwrap();
        tracing::warn!("w");
        tracing::info!("i");
        tracing::debug!("d");
        let lines = fs::read_to_string(&log).unwrap();
        lines.lines().filter_map(|line| line.chars().last()).collect()
    }
}

#[tokio::test]
async fn a_filter_that_is_asked_for_holds_until_it_is_taken_back() {
    let mut logging = logging(&[]);
    assert_eq!(logging.levels(), "wi");
    assert_eq!(logging.set(Some("debug")).await, Ok(()));
    assert_eq!(logging.levels(), "wid");
    assert_eq!(logging.set(Some("warn")).await, Ok(()));
    assert_eq!(logging.levels(), "w");
    assert_eq!(logging.set(None).await, Ok(()));
    assert_eq!(logging.levels(), "wi");
}

#[tokio::test]
async fn a_filter_with_a_typing_error_changes_nothing_and_says_what_is_wrong() {
    let mut logging = logging(&[]);
    for wrong in ["inof", "", "info,ntpd rs=debug"] {
        assert!(logging.set(Some(wrong)).await.is_err(), "{wrong}");
    }
    let error = logging.set(Some("inof")).await.unwrap_err();
    assert!(error.contains("`inof` is no log level; write one of off, error"), "{error}");
    assert_eq!(logging.levels(), "wi");
}

#[tokio::test]
async fn a_reload_puts_the_filter_of_the_configuration_in_force() {
    let mut logging = logging(&[]);
    logging.set(Some("debug")).await.unwrap();
    configure(logging.directory.path(), "warn");
    assert_eq!(logging.ask(ServiceOrder::Reload).await, Ok(()));
    assert_eq!(logging.levels(), "w");
    logging.set(Some("debug")).await.unwrap();
    logging.set(None).await.unwrap();
    assert_eq!(logging.levels(), "w");
}

#[tokio::test]
async fn a_reload_that_fails_leaves_the_filter_that_was_asked_for() {
    let mut logging = logging(&[]);
    logging.set(Some("debug")).await.unwrap();
    configure(logging.directory.path(), "inof");
    assert!(logging.ask(ServiceOrder::Reload).await.is_err());
    assert_eq!(logging.levels(), "wid");
}

#[tokio::test]
async fn the_filter_of_the_command_line_goes_before_that_of_the_configuration() {
    let mut logging = logging(&["-l", "debug"]);
    assert_eq!(logging.levels(), "wid");
    logging.set(Some("warn")).await.unwrap();
    logging.set(None).await.unwrap();
    assert_eq!(logging.levels(), "wid");
    logging.set(Some("warn")).await.unwrap();
    assert_eq!(logging.ask(ServiceOrder::Reload).await, Ok(()));
    assert_eq!(logging.levels(), "wid");
}

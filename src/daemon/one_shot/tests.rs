//! A virtual clock is set by real servers on loopback; what cannot be set says why.

use super::super::clock::VirtualClock;
use super::*;
use crate::config::{HostPort, PollLimits, ServerConfig, SourceConfig};
use crate::time::Frequency;

fn opened(clock: Clock) -> Opened {
    Opened { clock, frequency: Frequency::ZERO, refusal: None }
}

/// Two that serve the host's clock as their own reference, until the token ends them; and a configuration that asks them.
async fn servers(directory: &std::path::Path, stop: &CancellationToken) -> Config {
    let mut sources = Vec::new();
    for _ in 0..2 {
        let listen = ServerConfig::new("127.0.0.1:0".parse().unwrap());
        let mut config = Config {
            servers: vec![listen],
            state_directory: Some(directory.to_owned()),
            ..Config::default()
        };
        config.synchronization.local_stratum = 1;
        let server =
            Daemon::start(config, PassedSockets::default(), |_| Ok(opened(Clock::None))).await.unwrap();
        let port = server.snapshots().borrow().servers[0].address.port();
        let address = HostPort { host: "127.0.0.1".to_owned(), port };
        sources.push(SourceConfig::server(address, PollLimits::default()));
        tokio::spawn(server.run(stop.clone()));
    }
    let mut config = Config { sources, state_directory: Some(directory.to_owned()), ..Config::default() };
    config.synchronization.minimum_agreeing_sources = 2;
    config
}

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_wrong_clock_is_stepped_once_and_the_line_says_by_how_much() {
    let directory = tempfile::tempdir().unwrap();
    let stop = CancellationToken::new();
    let config = servers(directory.path(), &stop).await;
    let clock = VirtualClock::new(Span::from_millis(-2_500), Frequency::ZERO);
    let done = set_clock(config, LIMIT, std::future::pending(), |_| Ok(opened(Clock::Virtual(clock)))).await;
    stop.cancel();
    let line = done.unwrap();
    assert!(line.starts_with("the clock was stepped: it was 2.50 s behind, ± "), "{line}");
    assert!(line.ends_with("; 2 sources agree"), "{line}");
}

#[tokio::test]
async fn a_step_above_the_panic_threshold_is_not_made() {
    let directory = tempfile::tempdir().unwrap();
    let stop = CancellationToken::new();
    let mut config = servers(directory.path(), &stop).await;
    let limit = Some(Span::from_secs(1));
    config.synchronization.startup_step_panic = crate::config::StepLimits { forward: limit, backward: limit };
    let clock = VirtualClock::new(Span::from_millis(-2_500), Frequency::ZERO);
    let done = set_clock(config, LIMIT, std::future::pending(), |_| Ok(opened(Clock::Virtual(clock)))).await;
    stop.cancel();
    assert_eq!(done.unwrap_err().exit_code.code(), 70);
}

#[tokio::test]
async fn a_clock_that_is_not_ours_is_only_measured() {
    let directory = tempfile::tempdir().unwrap();
    let stop = CancellationToken::new();
    let config = servers(directory.path(), &stop).await;
    let done = set_clock(config, LIMIT, std::future::pending(), |_| Ok(opened(Clock::None))).await;
    stop.cancel();
    let line = done.unwrap();
    assert!(
        line.starts_with("the clock was only measured: it is ") && line.contains("2 sources agree"),
        "{line}"
    );
}

#[tokio::test]
async fn without_answers_the_reason_is_told_after_the_limit() {
    // Bound, and nobody reads it.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = HostPort { host: "127.0.0.1".to_owned(), port: silent.local_addr().unwrap().port() };
    let mut config =
        Config { sources: vec![SourceConfig::server(address, PollLimits::default())], ..Config::default() };
    config.clock_control = ClockControl::No;
    let few = set_clock(config.clone(), LIMIT, std::future::pending(), |_| Ok(opened(Clock::None))).await;
    assert_eq!(few.unwrap_err().exit_code.code(), 78, "one source, and three must agree");
    config.synchronization.minimum_agreeing_sources = 1;
    let none =
        set_clock(config, Duration::from_millis(300), std::future::pending(), |_| Ok(opened(Clock::None)))
            .await;
    let error = none.unwrap_err();
    let message =
        "the clock was not set within 300 ms: not synchronized: waiting for measurements; sources: waiting 1";
    assert_eq!((error.message.as_str(), error.exit_code.code()), (message, 1));
}

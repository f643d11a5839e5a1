//! `ntp-metrics-exporter`: the observation socket over HTTP, for Prometheus and for browsers.

mod history;
mod http;
mod page;
mod site;

use super::{complain, exit_code, sockets};
use crate::config::Config;
use crate::daemon::args::parse;
use crate::daemon::startup_error::StartupError;
use crate::logging;
use clap::Parser;
use history::History;
use site::Site;
use std::ffi::OsString;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Serves the NTP daemon's metrics to Prometheus, and a status page to browsers
#[derive(Debug, Parser)]
#[command(name = "ntp-metrics-exporter", version, disable_version_flag = true)]
pub(super) struct Args {
    /// Configuration file, to find the daemon's socket [default: /etc/ntpd-rs/ntp.toml]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The daemon's observation socket [default: as configured]
    #[arg(short, long, value_name = "SOCKET")]
    observation: Option<PathBuf>,
    /// Where to serve [default: as configured]
    #[arg(short, long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Print version
    #[arg(short = 'v', long, short_alias = 'V', action = clap::ArgAction::Version)]
    version: Option<bool>,
}

/// Runs `ntp-metrics-exporter` with this command line until a signal ends it.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match parse::<Args>(arguments) {
        Ok(args) => exit_code(start(&args)),
        Err(code) => code,
    }
}

fn start(args: &Args) -> Result<(), StartupError> {
    let config = sockets::configuration(args.config.as_deref())?;
    let socket = args.observation.clone().unwrap_or_else(|| sockets::observation(&config));
    let listen = args.listen.unwrap_or(config.observability.metrics_exporter_listen);
    let logging = start_logging(&config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| StartupError::other(format!("cannot start: {error}")))?;
    runtime.block_on(async {
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            StartupError::other(format!(
                "cannot serve at {listen}: {error}; change `metrics-exporter-listen`, or give -l"
            ))
        })?;
        let at = listener.local_addr().unwrap_or(listen);
        tracing::info!(
            "Serving a status page at http://{at}/ and metrics at http://{at}/metrics, from {}",
            socket.display()
        );
        tokio::spawn(reopen_on_hangup(logging));
        serve(listener, socket, ended()?).await;
        Ok(())
    })
}

fn start_logging(config: &Config) -> Result<logging::Handle, StartupError> {
    let seen = &config.observability;
    let settings = logging::Settings {
        filter: seen.log_level.as_deref().unwrap_or("info"),
        program: "ntp-metrics-exporter",
        format: None,
        path: seen.log_path_metrics_exporter.as_deref(),
        ansi_colors: seen.ansi_colors,
    };
    logging::init(&settings).map_err(StartupError::configuration)
}

async fn reopen_on_hangup(logging: logging::Handle) {
    let Ok(mut hangups) = signal(SignalKind::hangup()) else { return };
    while hangups.recv().await.is_some() {
        if let Err(error) = logging.reopen() {
            complain(&error);
        }
    }
}

/// Completes when somebody wants the program to end.
fn ended() -> Result<impl Future<Output = ()> + Send + 'static, StartupError> {
    let listen =
        |kind| signal(kind).map_err(|error| StartupError::other(format!("cannot receive signals: {error}")));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

async fn serve(listener: TcpListener, socket: PathBuf, end: impl Future<Output = ()> + Send + 'static) {
    let (samples, history) = watch::channel(History::default());
    let sampler = tokio::spawn(history::sample(socket.clone(), samples));
    let site = Arc::new(Site::new(socket, host_name(), history));
    http::serve(listener, site, end).await;
    sampler.abort();
}

/// For the page's title; nothing where it cannot be read.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
    name.map(|name| name.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests;

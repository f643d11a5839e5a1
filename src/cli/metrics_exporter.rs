//! `ntp-metrics-exporter`: the observation socket over HTTP, for Prometheus and for browsers. Keeps nothing.

use super::{complain, exit_code, sockets, status};
use crate::config::Config;
use crate::daemon::args::parse;
use crate::daemon::startup_error::StartupError;
use crate::logging;
use crate::metrics;
use crate::observation::{self, State};
use axum::Router;
use axum::extract;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use clap::Parser;
use std::ffi::OsString;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Serves the NTP daemon's metrics to Prometheus
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
        tracing::info!("Serving metrics at http://{listen}/metrics, from {}", socket.display());
        tokio::spawn(reopen_on_hangup(logging));
        serve(listener, socket, ended()?).await
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

async fn serve(
    listener: TcpListener,
    socket: PathBuf,
    end: impl Future<Output = ()> + Send + 'static,
) -> Result<(), StartupError> {
    let pages = Router::new()
        .route("/", get(status_page))
        .route("/metrics", get(metrics_page))
        .with_state(Arc::new(socket));
    let served = axum::serve(listener, pages).with_graceful_shutdown(end).await;
    served.map_err(|error| StartupError::other(format!("cannot serve: {error}")))
}

type Socket = extract::State<Arc<PathBuf>>;

async fn status_page(extract::State(socket): Socket) -> Response {
    page(socket, "text/plain; charset=utf-8", |state| {
        Some(format!("{}\nMetrics for Prometheus: /metrics\n", status::page(state)))
    })
    .await
}

async fn metrics_page(extract::State(socket): Socket, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let format = metrics::Format::preferred(accept.unwrap_or_default());
    page(socket, format.content_type(), |state| metrics::render(state, format).ok()).await
}

/// 503 without a daemon, so that Prometheus counts the target as down.
async fn page(
    socket: Arc<PathBuf>,
    content: &'static str,
    show: impl Fn(&State) -> Option<String>,
) -> Response {
    match observation::ask(&socket).await {
        Ok(state) => match show(&state) {
            Some(text) => ([(header::CONTENT_TYPE, content)], text).into_response(),
            None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        },
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests;

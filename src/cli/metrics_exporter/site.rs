//! What is at which path, and what is said where there is nothing. Makes no page itself.

use super::history::History;
use super::http::{NOTHING_ELSE, Reply, reply};
use super::page;
use crate::metrics;
use crate::observation::{self, ReadError, State};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_SECURITY_POLICY, HeaderValue};
use hyper::{Method, Request, StatusCode};
use std::path::PathBuf;
use tokio::sync::watch;

/// The pages, and where they come from.
#[derive(Debug)]
pub(super) struct Site {
    socket: PathBuf,
    host: String,
    history: watch::Receiver<History>,
}

const TEXT: &str = "text/plain; charset=utf-8";

/// For who has lost his way.
const PATHS: &str = "/             the status page\n/metrics      for Prometheus\n/status.json  the daemon's state, as ntp-ctl status -f json shows it\n";

impl Site {
    pub(super) const fn new(socket: PathBuf, host: String, history: watch::Receiver<History>) -> Self {
        Self { socket, host, history }
    }

    /// Whatever was asked; a body is never read.
    pub(super) async fn answer(&self, request: &Request<Incoming>) -> Reply {
        let path = request.uri().path();
        if !["/", "/metrics", "/status.json"].contains(&path) {
            return reply(StatusCode::NOT_FOUND, TEXT, format!("There is nothing here. There is:\n{PATHS}"));
        }
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            let text = "This can be read (GET, HEAD), and nothing else.\n".to_owned();
            let mut refused = reply(StatusCode::METHOD_NOT_ALLOWED, TEXT, text);
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        let state = observation::ask(&self.socket).await;
        match path {
            "/metrics" => with(state, metrics::CONTENT_TYPE, |state| metrics::render(state).ok()),
            "/status.json" => with(state, "application/json", |state| {
                serde_json::to_string_pretty(state).ok().map(|text| text + "\n")
            }),
            _ => self.page(&state),
        }
    }

    /// 503 without a daemon here too, for those who look at the code only; people are told on the page.
    fn page(&self, state: &Result<State, ReadError>) -> Reply {
        let status = if state.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let Some(nonce) = nonce() else { return broken() };
        let text = page::render(state.as_ref(), &self.history.borrow(), &self.host, &nonce);
        let mut reply = reply(status, "text/html; charset=utf-8", text);
        let allowed = format!(
            "{NOTHING_ELSE}; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src data:; connect-src 'self'"
        );
        match HeaderValue::from_str(&allowed) {
            Ok(allowed) => reply.headers_mut().insert(CONTENT_SECURITY_POLICY, allowed),
            Err(_) => return broken(),
        };
        reply
    }
}

/// 503 without a daemon, so that Prometheus counts the target as down.
fn with(
    state: Result<State, ReadError>,
    content: &'static str,
    show: impl FnOnce(&State) -> Option<String>,
) -> Reply {
    match state {
        Ok(state) => match show(&state) {
            Some(text) => reply(StatusCode::OK, content, text),
            None => broken(),
        },
        Err(error) => reply(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{error}\n")),
    }
}

fn broken() -> Reply {
    reply(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "This cannot be shown.\n".to_owned())
}

/// Says which style and script are the page's own; whatever else somebody may get into it is not obeyed.
fn nonce() -> Option<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

//! HTTP/1.1 within bounds: one request for each connection, so many connections, so long. Knows no page.

use super::site::Site;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

/// What a page is sent as.
pub(super) type Reply = Response<Full<Bytes>>;

/// Open at the same time; one more, and the one that has been open longest makes room. A request takes milliseconds, so whoever really
/// asks is hardly ever the one.
pub(super) const CONNECTIONS: usize = 64;
/// A request's first line and fields must be there by then.
const HEADER_PATIENCE: Duration = Duration::from_secs(5);
/// And the reply taken by then; the daemon may be silent for five seconds of it.
const PATIENCE: Duration = Duration::from_secs(20);
/// Of a request; a browser's may have cookies of others on the same host.
const LONGEST_REQUEST: usize = 16 << 10;
/// After a failed accept, most likely for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);
/// At the end, for replies that are on their way.
const LAST_REPLIES: Duration = Duration::from_secs(1);

/// Answers every connection until the end.
pub(super) async fn serve(listener: TcpListener, site: Arc<Site>, end: impl Future<Output = ()>) {
    let mut end = pin!(end);
    let mut connections = JoinSet::new();
    let mut open = VecDeque::new();
    loop {
        tokio::select! {
            () = &mut end => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    make_room(&mut open);
                    open.push_back(connections.spawn(converse(stream, Arc::clone(&site))));
                }
                Err(error) => {
                    tracing::debug!("Cannot accept a connection: {error}");
                    sleep(PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let replies = async { while connections.join_next().await.is_some() {} };
    if timeout(LAST_REPLIES, replies).await.is_err() {
        tracing::debug!("Ended with connections open");
    }
}

/// For one more.
fn make_room(open: &mut VecDeque<AbortHandle>) {
    if open.len() >= CONNECTIONS {
        open.retain(|connection| !connection.is_finished());
    }
    if open.len() >= CONNECTIONS
        && let Some(oldest) = open.pop_front()
    {
        oldest.abort();
    }
}

/// One request and its reply. Nobody waits long for the next on an open connection: Prometheus and browsers simply connect again.
async fn converse(stream: TcpStream, site: Arc<Site>) {
    let answer = service_fn(|request| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(site.answer(&request).await) }
    });
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .max_buf_size(LONGEST_REQUEST)
        .keep_alive(false)
        // Who has said all and waits for the reply may say so.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), answer);
    match timeout(PATIENCE, conversation).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!("A client went wrong: {error}"),
        Err(_) => tracing::debug!("A client was too slow"),
    }
}

/// A reply that nobody keeps, shows inside another page, or takes for something else than it says.
pub(super) fn reply(status: hyper::StatusCode, content_type: &'static str, body: String) -> Reply {
    let mut reply = Response::new(Full::from(body));
    *reply.status_mut() = status;
    let fields = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, NOTHING_ELSE),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fields {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    reply
}

/// No script, no style, no form, no frame around it; the page allows itself a little more.
pub(super) const NOTHING_ELSE: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

//! One connection of a client or pool, from TCP to its end, within its time. What is answered is `crate::nts`'s.

use super::cookies::Sealer;
use super::places::{Places, Stage};
use crate::daemon::certificate::ALPN;
use crate::nts::{ErrorCode, Policy, Progress, Request, RequestError, SessionKeys};
use crate::snapshot::{KeyExchangeCounters, KeyExchangeEnd};
use rustls::ServerConfig;
use rustls::server::Acceptor;
use std::cell::RefCell;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use tokio::task::yield_now;
use tokio::time::{Duration, Instant, timeout, timeout_at};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use zeroize::Zeroizing;

/// What all connections of one listener have in common.
pub(super) struct Service {
    pub(super) policy: Policy,
    /// For a whole connection, or for each further request of a pool.
    pub(super) timeout: Duration,
    /// Of the whole thread.
    pub(super) sealer: Rc<RefCell<Sealer>>,
    pub(super) places: RefCell<Places>,
    /// Connections that may stay for more requests.
    pub(super) longlived: Semaphore,
    pub(super) counters: Arc<KeyExchangeCounters>,
}

/// One client's or pool's. It leaves its place when it is dropped.
pub(super) struct Connection {
    service: Rc<Service>,
    place: u64,
    shed: Option<oneshot::Receiver<()>>,
    deadline: Instant,
}

type Tls<'a> = TlsStream<&'a mut TcpStream>;

/// Why there is no request to answer.
enum NoRequest {
    /// The client has gone.
    Gone,
    Refused(RequestError),
    /// It went before its request was whole.
    CutOff,
}

/// A pool asks again within minutes, or connects again; a peer that has vanished is not kept for ever.
const IDLE: Duration = Duration::from_secs(600);
/// A refused client gets so long to take the reason.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Read and thrown away of what a refused client still sends, bytes: closing before would make its kernel throw the reason away.
const MOST_DRAINED: u64 = 16 * 1024;
const CHUNK: usize = 1024;

impl Connection {
    /// `None` if there is no room for it.
    pub(super) fn admit(service: &Rc<Service>, now: Instant) -> Option<Self> {
        let admitted = service.places.borrow_mut().admit(now)?;
        service.counters.count_opened();
        let service = Rc::clone(service);
        let deadline = now + service.timeout;
        Some(Self { service, place: admitted.id, shed: Some(admitted.shed), deadline })
    }

    /// To its end, which is counted.
    pub(super) async fn serve(mut self, tls: Arc<ServerConfig>, mut stream: TcpStream, peer: SocketAddr) {
        let shed = told(self.shed.take());
        let service = Rc::clone(&self.service);
        let end = tokio::select! {
            biased;
            end = self.exchange(tls, &mut stream, peer) => end,
            () = shed => Some(KeyExchangeEnd::Shed),
        };
        if matches!(end, Some(KeyExchangeEnd::Shed | KeyExchangeEnd::TimedOut)) {
            reset(&stream);
        }
        if let Some(end) = end {
            tracing::debug!("Key exchange with {peer}: {end}");
            service.counters.count(end);
        }
    }

    /// How it ended, if that is not counted yet.
    async fn exchange(
        &mut self,
        tls: Arc<ServerConfig>,
        stream: &mut TcpStream,
        peer: SocketAddr,
    ) -> Option<KeyExchangeEnd> {
        // A kernel that does not know it sends the answer a little later.
        let _ = stream.set_nodelay(true);
        let mut stream = match timeout_at(self.deadline, self.handshake(tls, stream)).await {
            Err(_) => return Some(KeyExchangeEnd::TimedOut),
            Ok(Err(error)) => {
                tracing::debug!("Key exchange with {peer}: no TLS: {error}");
                return Some(if is_tls(&error) { KeyExchangeEnd::TlsFailed } else { KeyExchangeEnd::Broken });
            }
            Ok(Ok(stream)) => stream,
        };
        // A client that offers another protocol is refused by TLS; one that offers none (RFC 8915 §4 demands it), here.
        if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
            self.enter(Stage::Refused);
            self.close(&mut stream).await;
            return Some(KeyExchangeEnd::TlsFailed);
        }
        self.enter(Stage::Asking);
        self.answer_requests(&mut stream, peer).await
    }

    async fn handshake<'a>(&self, tls: Arc<ServerConfig>, stream: &'a mut TcpStream) -> io::Result<Tls<'a>> {
        let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        self.enter(Stage::Handshaking);
        // Our part of the handshake takes longer than reading what all others have sent, and nobody is to be shed for want of that.
        yield_now().await;
        hello.into_stream(tls).await
    }

    async fn answer_requests(&mut self, stream: &mut Tls<'_>, peer: SocketAddr) -> Option<KeyExchangeEnd> {
        let service = Rc::clone(&self.service);
        // With room for all of it at once: a pool's request has keys in it, and growing would leave copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(crate::nts::LONGEST_REQUEST + CHUNK));
        let mut stays = None;
        loop {
            let request = match self.request(stream, &mut bytes, peer).await {
                Ok(request) => request,
                Err(end) => return Some(end),
            };
            self.enter(Stage::Served);
            let stay = request.keeps_alive() && may_stay(&service, &mut stays);
            let Some(answer) = self.answer(stream, &request, stay) else {
                self.refuse(stream, ErrorCode::InternalServerError).await;
                return Some(KeyExchangeEnd::Broken);
            };
            match timeout_at(self.deadline, send(stream, &answer, !stay)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Some(KeyExchangeEnd::Broken),
                Err(_) => return Some(KeyExchangeEnd::TimedOut),
            }
            let end = match request {
                Request::NothingInCommon(_) => KeyExchangeEnd::NothingInCommon,
                _ => KeyExchangeEnd::Completed,
            };
            if !stay {
                self.close(stream).await;
                return Some(end);
            }
            service.counters.count(end);
            if bytes.is_empty() && !matches!(timeout(IDLE, read_some(stream, &mut bytes)).await, Ok(Ok(1..)))
            {
                self.deadline = Instant::now() + service.timeout;
                self.close(stream).await;
                return None;
            }
            self.deadline = Instant::now() + service.timeout;
        }
    }

    /// The next request; or how the connection ended, and a client that is still there knows why.
    async fn request(
        &self,
        stream: &mut Tls<'_>,
        bytes: &mut Vec<u8>,
        peer: SocketAddr,
    ) -> Result<Request, KeyExchangeEnd> {
        let read = timeout_at(self.deadline, read_request(stream, bytes, &self.service.policy)).await;
        let (code, end) = match read {
            Ok(Ok(request)) => return Ok(request),
            Ok(Err(NoRequest::Gone)) => return Err(KeyExchangeEnd::Broken),
            Ok(Err(NoRequest::CutOff)) => (ErrorCode::BadRequest, KeyExchangeEnd::BadRequest),
            Ok(Err(NoRequest::Refused(error))) => {
                tracing::debug!("Key exchange with {peer}: {error}");
                let end = match error {
                    RequestError::NotAuthorized => KeyExchangeEnd::NotAuthorized,
                    _ => KeyExchangeEnd::BadRequest,
                };
                (error.code(), end)
            }
            // RFC 8915 §4.1.3.
            Err(_) => (ErrorCode::BadRequest, KeyExchangeEnd::TimedOut),
        };
        self.refuse(stream, code).await;
        Err(end)
    }

    /// `None` if TLS gives no keys, or there are none to seal cookies with.
    fn answer(&self, stream: &Tls<'_>, request: &Request, stay: bool) -> Option<Vec<u8>> {
        let own;
        let keys: Option<&SessionKeys> = match request {
            Request::Keys(exporter) => {
                let connection = stream.get_ref().1;
                let export = |to: &mut [u8], label: &[u8], context: &[u8]| {
                    connection.export_keying_material(to, label, Some(context)).map(drop)
                };
                own = exporter.keys(export).ok()??;
                Some(&own)
            }
            Request::FixedKeys { keys, .. } => Some(keys),
            Request::Support { .. } | Request::NothingInCommon(_) => None,
        };
        let cookies = match keys {
            Some(keys) => self.service.sealer.borrow_mut().cookies(keys, request.cookies())?,
            None => Vec::new(),
        };
        Some(self.service.policy.answer(request, cookies.iter().map(Vec::as_slice), stay))
    }

    /// With close_notify, so that the client knows that nothing was cut off.
    async fn close(&self, stream: &mut Tls<'_>) {
        // The answer was sent; a client that does not take this is none of our business any more.
        let _ = timeout_at(self.deadline, stream.shutdown()).await;
    }

    /// Says why, and waits a little until the client has taken it.
    async fn refuse(&self, stream: &mut Tls<'_>, code: ErrorCode) {
        self.enter(Stage::Refused);
        let refuse = async {
            send(stream, &code.emit(), true).await?;
            stream.shutdown().await?;
            let rest = stream.get_mut().0;
            tokio::io::copy(&mut rest.take(MOST_DRAINED), &mut tokio::io::sink()).await
        };
        // It is refused whether or not it knows why.
        let _ = timeout(LAST_WORDS, refuse).await;
    }

    fn enter(&self, stage: Stage) {
        self.service.places.borrow_mut().enter(self.place, stage, Instant::now());
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.service.places.borrow_mut().leave(self.place);
        self.service.counters.count_closed();
    }
}

/// Nothing of it stays in the kernel, neither a queue nor a state: the client asked for none of that.
pub(super) fn reset(stream: &TcpStream) {
    // Otherwise it is closed as any other.
    let _ = stream.set_zero_linger();
}

/// When somebody else gets the place.
async fn told(shed: Option<oneshot::Receiver<()>>) {
    let shed = match shed {
        Some(shed) => shed.await.is_ok(),
        None => false,
    };
    if !shed {
        std::future::pending().await
    }
}

/// One permit is enough for all requests of a connection.
fn may_stay<'a>(service: &'a Service, stays: &mut Option<SemaphorePermit<'a>>) -> bool {
    if stays.is_none() {
        *stays = service.longlived.try_acquire().ok();
    }
    stays.is_some()
}

/// What TLS itself refused, as opposed to a connection that broke.
fn is_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}

/// The next request, taken off `bytes`, which may hold more already. No more is kept than [`Policy::judge`] allows and one chunk.
async fn read_request(
    stream: &mut Tls<'_>,
    bytes: &mut Vec<u8>,
    policy: &Policy,
) -> Result<Request, NoRequest> {
    loop {
        if let Progress::Done { value, length } = policy.judge(bytes).map_err(NoRequest::Refused)? {
            bytes.drain(..length.min(bytes.len()));
            return Ok(value);
        }
        match read_some(stream, bytes).await {
            Ok(1..) => {}
            Ok(0) if !bytes.is_empty() => return Err(NoRequest::CutOff),
            Ok(0) | Err(_) => return Err(NoRequest::Gone),
        }
    }
}

/// How many bytes were added; none at the end.
async fn read_some(stream: &mut Tls<'_>, bytes: &mut Vec<u8>) -> io::Result<usize> {
    let mut chunk = Zeroizing::new([0; CHUNK]);
    let length = stream.read(chunk.as_mut_slice()).await?;
    bytes.extend(chunk.iter().take(length));
    Ok(length)
}

/// The `last` with close_notify in the same segment.
async fn send(stream: &mut Tls<'_>, message: &[u8], last: bool) -> io::Result<()> {
    let connection = stream.get_mut().1;
    connection.writer().write_all(message)?;
    if last {
        connection.send_close_notify();
    }
    stream.flush().await
}

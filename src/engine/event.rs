//! What the engine is told and what it asks for. No behaviour.

use crate::config::Config;
use crate::engine::notice::Notice;
use crate::nts::{Established, KeyRequest};
use crate::source::{Request, RequestToken};
use crate::time::{Adjustment, Applied, LeapTable, Span, Stamp};
use crate::verdict::SourceId;
use std::net::{IpAddr, SocketAddr};

/// Something happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// `next_wakeup()` has come, or may have.
    Timer,
    /// A datagram arrived on the socket that this source's last request was sent from.
    Datagram {
        /// Whose socket.
        source: SourceId,
        /// The sender.
        from: SocketAddr,
        /// The local address it was sent to, where known: a server that names it as its reference follows us.
        local: Option<IpAddr>,
        /// The whole datagram.
        bytes: &'a [u8],
        /// When it arrived (T4).
        stamp: Stamp,
    },
    /// The request left (T1). Reported once for each request that was sent.
    Sent {
        /// Which request.
        token: RequestToken,
        /// When.
        stamp: Stamp,
    },
    /// The request could not be sent: no route, no address, refused.
    SendFailed {
        /// Which request.
        token: RequestToken,
        /// Why, for people.
        reason: String,
    },
    /// An `Action::Resolve` has ended.
    Resolved {
        /// Which one.
        query: QueryId,
        /// Every address in the resolver's order, or why there is none, for people.
        result: Result<Vec<IpAddr>, String>,
    },
    /// An `Action::ExchangeKeys` has ended.
    KeysExchanged {
        /// Which one.
        query: QueryId,
        /// What it brought, or why it failed, for people.
        result: Result<Box<Established>, String>,
    },
    /// An `Action::Adjust` took effect.
    Applied(Applied),
    /// Somebody else set the clock: it moved by this much (forward positive), apart from our own adjustments.
    ClockStepped(Span),
    /// The machine slept this long; the monotonic clock stood still meanwhile.
    Slept(Span),
    /// Interfaces, addresses or routes changed.
    NetworkChanged,
    /// Another configuration is in force: unchanged sources keep their history.
    Configured(Box<Config>),
    /// Another table of leap seconds is in force, or none any more.
    LeapTable(Option<LeapTable>),
}

/// Names one name resolution or key exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueryId(pub u64);

/// Something to do, in order.
#[derive(Debug)]
pub enum Action {
    /// Send from a fresh ephemeral port; the source's earlier socket is closed by it.
    Send(Request),
    /// No reply is waited for any more: close the source's socket.
    Close(SourceId),
    /// Look the host up; every answer comes back as `Event::Resolved`.
    Resolve {
        /// To match the answer.
        query: QueryId,
        /// The name; never a literal address.
        host: String,
    },
    /// Exchange keys (RFC 8915 §4); the outcome comes back as `Event::KeysExchanged`.
    ExchangeKeys {
        /// To match the outcome.
        query: QueryId,
        /// With whom and how.
        request: KeyRequest,
    },
    /// Do this to the clock and report `Event::Applied`.
    Adjust(Adjustment),
    /// Tell people.
    Notice(Notice),
    /// `snapshot()` has news.
    Publish,
    /// Stop now: the clock may not be corrected. Exit code 70.
    Panic(String),
}

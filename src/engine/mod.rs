//! Events in, actions out: everything that a source of time and a clock need, told the time. Knows nothing of Linux.

mod event;
mod notice;

pub use event::{Action, Event, QueryId};
pub use notice::Notice;

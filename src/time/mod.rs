//! Units of time: instants, spans and rates as values. Reads no clock.
//!
//! Everything inside is integer nanoseconds or an `f64` that says its unit; the wire formats are
//! converted at the edge ([`NtpTimestamp`], [`NtpShort`]).

mod adjustment;
mod clock_time;
mod date;
mod frequency;
mod leap;
mod leap_table;
mod mono;
mod ntp_format;
mod poll;
pub mod quantity;
mod span;
mod stamp;

pub use adjustment::{Adjustment, Applied, ClockStatus};
pub use clock_time::{ClockTime, Now};
pub use date::Date;
pub use frequency::Frequency;
pub use leap::Leap;
pub use leap_table::{LeapTable, LeapTableError};
pub use mono::Mono;
pub use ntp_format::{NtpShort, NtpTimestamp};
pub use poll::Poll;
pub use span::Span;
pub use stamp::{Stamp, StampSource};

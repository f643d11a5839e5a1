//! The one door to the kernel: clock, sockets, timestamps. All unsafe code; knows only time.
//!
//! One system call per wrapper, by libc's symbols; what the kernel writes is parsed by safe code.

mod address;
pub mod adjtime;
#[cfg(test)]
pub(crate) mod allocations;
pub mod batch;
pub mod clock;
pub mod clock_watch;
mod cmsg;
pub mod directory_watch;
mod error;
pub mod file_limit;
mod message;
pub mod netlink;
pub mod own_code;
#[cfg(test)]
mod own_namespace;
mod packet_info;
pub mod passed_sockets;
pub mod receive_queue;
pub mod scheduling;
mod socket;
mod steering;
pub mod tcp;
pub mod timer;
mod timer_descriptor;
mod timestamping;
pub mod udp;
mod waker;

pub use error::{errno, is_not_permitted};
pub use packet_info::PacketInfo;
pub use timestamping::Stamping;
pub use waker::Waker;

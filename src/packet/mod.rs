//! Bytes and values of NTP on the wire, versions 3 and 4. Judges nothing: refusing is `source`'s and `server`'s.

mod reference_id;

pub use reference_id::{KissCode, ReferenceId};

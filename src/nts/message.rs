//! One message of a key exchange: records up to End of Message, within bounds (RFC 8915 §4). What its records mean is not known here.

use super::record::{RECORD_HEADER_LEN, Record, RecordType};
use std::fmt;

/// How far the reading of a message has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress<T> {
    /// Its end is not here yet.
    NeedMore,
    /// It is whole.
    Done {
        /// What it says.
        value: T,
        /// Bytes up to and with its End of Message record.
        length: usize,
    },
}

/// Why bytes are no message, whoever sent them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MalformedMessage {
    /// Longer than allowed, or about to be.
    TooLong {
        /// The most, bytes.
        longest: usize,
    },
    /// More records than allowed.
    TooManyRecords,
    /// An End of Message record with a body (RFC 8915 §4.1.1).
    EndWithBody,
    /// Something follows the End of Message record, where nothing may.
    BytesAfterEnd,
}

impl fmt::Display for MalformedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { longest } => write!(f, "a message longer than {longest} bytes"),
            Self::TooManyRecords => write!(f, "a message of more than {MOST_RECORDS} records"),
            Self::EndWithBody => f.write_str("an End of Message record that is not empty"),
            Self::BytesAfterEnd => f.write_str("something after the End of Message record"),
        }
    }
}

impl std::error::Error for MalformedMessage {}

/// Before its End of Message. What is good has some ten, and a pool's client denies some tens of servers at most.
const MOST_RECORDS: usize = 256;

/// The records of the message that `bytes` begin with, without its End of Message.
///
/// `bytes` are all that have arrived so far, each time: no state is kept between, and so few records are gone through
/// again at little cost, even if every byte comes alone. A record that announces more than the bound is refused at once, not when it has
/// arrived.
pub(super) fn find(bytes: &[u8], longest: usize) -> Result<Progress<Records<'_>>, MalformedMessage> {
    let too_long = MalformedMessage::TooLong { longest };
    let (mut at, mut count): (usize, usize) = (0, 0);
    while let Some(header) = bytes.get(at..).and_then(|rest| rest.first_chunk::<RECORD_HEADER_LEN>()) {
        let [_, _, c, d] = header;
        let next = at.saturating_add(RECORD_HEADER_LEN).saturating_add(u16::from_be_bytes([*c, *d]).into());
        if next > longest {
            return Err(too_long);
        }
        let Some((record, _)) = bytes.get(at..).and_then(Record::parse) else {
            return Ok(Progress::NeedMore);
        };
        if record.kind == RecordType::EndOfMessage {
            let rest = bytes.get(..at).unwrap_or_default();
            return match record.body {
                [] => Ok(Progress::Done { value: Records { rest }, length: next }),
                _ => Err(MalformedMessage::EndWithBody),
            };
        }
        count += 1;
        if count > MOST_RECORDS {
            return Err(MalformedMessage::TooManyRecords);
        }
        at = next;
    }
    if at.saturating_add(RECORD_HEADER_LEN) > longest { Err(too_long) } else { Ok(Progress::NeedMore) }
}

/// Records, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let (record, rest) = Record::parse(self.rest)?;
        self.rest = rest;
        Some(record)
    }
}

#[cfg(test)]
mod tests;

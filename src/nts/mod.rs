//! Network Time Security (RFC 8915) without a socket, clock or randomness of its own: bytes, keys and rules. Whose turn it is to ask is not known here.
//!
//! | file | holds |
//! |---|---|
//! | `algorithm` | the AEAD algorithms by their numbers |
//! | `key` | secret keys, erased when dropped |
//! | `cipher` | one key ready to seal and open with |
//! | `siv` | the SIV mode of AES |
//! | `keyset` | a server's master keys, and the cookies that they seal |
//! | `key_file` | the file of master keys |
//! | `ratchet` | master keys that a fleet derives from one secret |
//! | `field` | the extension fields in NTP packets |
//! | `session` | what a client keeps of a key exchange: keys and cookies |
//! | `record`, `message` | a key exchange's bytes: records, and messages made of them |
//! | `negotiation` | protocols and error codes |
//! | `answer`, `server_name` | the client's side: its offer, and its judgement of the answer |
//! | `request` | the server's side: its judgement of a request, and its answer |
//! | `exporter` | which secrets the TLS connection is asked for |
//! | `established` | what one key exchange is asked for and brings, as the engine sees it |

mod algorithm;
mod answer;
mod cipher;
mod established;
mod exporter;
pub mod field;
mod key;
mod key_file;
mod keyset;
mod message;
mod negotiation;
mod ratchet;
pub mod record;
mod request;
mod server_name;
mod session;
mod siv;

pub use algorithm::Algorithm;
pub use answer::{Answer, AnswerError, LONGEST_ANSWER, Offer};
pub use cipher::{Cipher, LONGEST_NONCE, TAG_LEN};
pub use established::{CertificateTime, Established, KeyRequest, NtpServer, Origin, SavedSession, Validity};
pub use exporter::{Direction, Exporter};
pub use key::{Key, SessionKeys, clear_stack};
pub use key_file::{KeyFile, KeyFileError, KeyFileProblem};
pub use keyset::{KeySet, MasterKey};
pub use message::{MalformedMessage, Progress};
pub use negotiation::{ErrorCode, Protocol};
pub use ratchet::{Fingerprint, Ratchet, RatchetState, RatchetStateError, SharedSecret, epoch_at};
pub use request::{LONGEST_REQUEST, Policy, Request, RequestError};
pub use server_name::ServerName;
pub use session::{LONGEST_COOKIE, NotAuthentic, Protected, Session, UniqueIdentifier};

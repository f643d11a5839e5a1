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
//! | `established` | what one key exchange is asked for and brings, as the engine sees it |

mod algorithm;
mod cipher;
mod established;
pub mod field;
mod key;
mod key_file;
mod keyset;
mod ratchet;
mod session;
mod siv;

pub use algorithm::Algorithm;
pub use cipher::{Cipher, LONGEST_NONCE, TAG_LEN};
pub use established::{CertificateTime, Established, KeyRequest, SavedSession, Validity};
pub use key::{Key, SessionKeys};
pub use key_file::{KeyFile, KeyFileError, KeyFileProblem};
pub use keyset::{KeySet, MasterKey};
pub use ratchet::{Fingerprint, Ratchet, RatchetState, RatchetStateError, SharedSecret, epoch_at};
pub use session::{Session, UniqueIdentifier};

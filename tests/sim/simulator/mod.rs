//! A deterministic world in virtual time for the real client core: crystal, kernel clock, network, servers. Uses the crate's public seams only.
//!
//! | file | what |
//! |---|---|
//! | `random` | one stream of noise per name |
//! | `oscillator`, `host` | the computer's crystal and its kernel's clocks |
//! | `link`, `server` | the way there, and who answers |
//! | `key_exchange` | who gives keys, by what certificate |
//! | `nts_servers` | servers whose master keys rotate |
//! | `scenario`, `catalogue` | what a run is made of; the table's rows |
//! | `drawn` | scenarios drawn at random, and what each explains |
//! | `queue` | what is still to come |
//! | `world` | performs what the engine asks for, and tells it what happens |
//! | `honesty` | what the client claims of its clock, beside what is true |
//! | `recorder`, `figures` | each second written down, and the figures made of it |
//! | `reference`, `limit` | what others reached, and what can be reached |
//!
//! Included by path from `tests/sim` and from `benches/accuracy.rs`.

pub(crate) mod catalogue;
pub(crate) mod drawn;
pub(crate) mod figures;
pub(crate) mod honesty;
pub(crate) mod host;
pub(crate) mod key_exchange;
pub(crate) mod limit;
pub(crate) mod link;
pub(crate) mod nts_servers;
pub(crate) mod oscillator;
pub(crate) mod queue;
pub(crate) mod random;
pub(crate) mod recorder;
pub(crate) mod reference;
pub(crate) mod scenario;
pub(crate) mod server;
pub(crate) mod world;

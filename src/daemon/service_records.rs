//! Service records of key exchange servers, `_ntske._tcp` (RFC 2782; the service's name is RFC 8915 §7.1's), asked of the system's name
//! servers and authenticated by DNSSEC. Looks up no address and exchanges no keys.
//!
//! | file | holds |
//! |---|---|
//! | `answer` | what an answer means, and how far it can be believed |
//! | `order` | which target is tried first |
//! | `runtime` | the library's surroundings: the time that it is told, and no log |

mod answer;
mod order;
mod runtime;

use super::random::random;
use crate::nts::ServerName;
use crate::time::ClockTime;
use answer::Step;
use hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::dnssec::DnssecDnsHandle;
use hickory_resolver::net::xfer::{DnsHandle, FirstAnswer, RetryDnsHandle};
use hickory_resolver::proto::dnssec::TrustAnchors;
use hickory_resolver::proto::op::{DnsRequestOptions, Query};
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{NameServerPool, PoolContext, TlsConfig};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use runtime::Runtime;
use std::fmt;
use std::sync::Arc;
use tokio::time::{Duration, timeout};

/// The system's name servers and their options, or a stand-in for them; blocks.
pub(super) type NameServers = Arc<dyn Fn() -> Result<(ResolverConfig, ResolverOpts), String> + Send + Sync>;

/// Looks service records up. Remembers none: the name servers do, and key exchanges are rare.
#[derive(Clone)]
pub(super) struct ServiceRecords {
    name_servers: NameServers,
    anchors: Arc<TrustAnchors>,
}

/// What the service records of a host say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Services {
    /// There are none: the host itself is the server.
    None,
    /// These are the servers.
    At(Targets),
}

/// Where a service is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Targets {
    /// The one to be tried first comes first; at least one, and a few at most.
    pub(super) targets: Vec<Target>,
    /// By DNSSEC, from the root to each of them. Without, whoever is on the way may have written them.
    pub(super) authenticated: bool,
}

/// One server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// Its name, in lower case and without a final dot. Never an address.
    pub(super) host: String,
    /// Never 0.
    pub(super) port: u16,
}

/// Why nothing is known. Each text is read after the host's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The records say that there is no such service, or nothing that could be asked.
    NoService,
    /// There are signatures, and they prove nothing.
    Bogus,
    /// No name server gave an answer.
    NoAnswer(String),
}

/// Of one look-up; each link costs a question at most.
const LONGEST_CHAIN: usize = 8;
/// Verified sets of records, of one look-up.
const VERIFIED: usize = 256;
/// More are no use: the time is up before they are tried.
const TARGETS: usize = 8;
/// For one question to all name servers; the caller waits for all of them together.
const QUESTION: Duration = Duration::from_secs(3);

impl ServiceRecords {
    /// The name servers of `/etc/resolv.conf`, read for every look-up, and the root's keys.
    pub(super) fn of_the_system() -> Self {
        let read = || hickory_resolver::system_conf::read_system_conf().map_err(|error| error.to_string());
        Self::with(Arc::new(read), TrustAnchors::default())
    }

    fn with(name_servers: NameServers, anchors: TrustAnchors) -> Self {
        Self { name_servers, anchors: Arc::new(anchors) }
    }

    /// Ends within `patience`. The name is taken as it stands: no search domain is added. Targets in `used` come last. Without a time
    /// that signatures can be judged by nothing is authenticated.
    ///
    /// # Errors
    /// [`Failure`], for people.
    pub(super) async fn look_up(
        &self,
        host: &str,
        used: &[&str],
        now: Option<ClockTime>,
        patience: Duration,
    ) -> Result<Services, Failure> {
        let asked = timeout(patience, runtime::quietly(now, self.ask(host, now.is_some())));
        let records = match asked.await {
            Ok(Ok(Some(records))) => records,
            Ok(Ok(None)) => return Ok(Services::None),
            Ok(Err(failure)) => return Err(failure),
            Err(_) => return Err(Failure::NoAnswer("no name server answers in time".to_owned())),
        };
        let seed = random().map_err(|error| Failure::NoAnswer(error.to_string()))?;
        let mut targets = order::ordered(records.servers, &mut ChaCha20Rng::from_seed(seed));
        targets.sort_by_key(|target| used.contains(&target.host.as_str()));
        targets.truncate(TARGETS);
        let authenticated = records.authenticated;
        if targets.is_empty() {
            Err(Failure::NoService)
        } else {
            Ok(Services::At(Targets { targets, authenticated }))
        }
    }

    /// Follows aliases that the name servers have not followed.
    async fn ask(&self, host: &str, validates: bool) -> Result<Option<answer::Records>, Failure> {
        let wrong = |_| Failure::NoAnswer("its name is too long for them".to_owned());
        let mut name =
            Name::from_ascii(format!("_ntske._tcp.{}.", host.trim_end_matches('.'))).map_err(wrong)?;
        let mut authenticated = true;
        let name_servers = Arc::clone(&self.name_servers);
        let read = tokio::task::spawn_blocking(move || name_servers()).await;
        let read = read.unwrap_or_else(|error| Err(error.to_string()));
        let (config, options) = read.map_err(Failure::NoAnswer)?;
        let pool = pool(config, options)?;
        let validator = DnssecDnsHandle::with_trust_anchor(pool.clone(), Arc::clone(&self.anchors))
            .validation_cache_size(VERIFIED);
        for _ in 0..LONGEST_CHAIN {
            let query = Query::query(name.clone(), RecordType::SRV);
            let response = match validates {
                true => validator.lookup(query, DnsRequestOptions::default()).first_answer().await,
                false => pool.lookup(query, DnsRequestOptions::default()).first_answer().await,
            };
            match answer::judge(&name, response)? {
                Step::End(records) => {
                    return Ok(records.map(|records| answer::Records {
                        authenticated: authenticated && records.authenticated,
                        ..records
                    }));
                }
                Step::Alias { of, authenticated: link } => {
                    name = of;
                    authenticated &= link;
                }
            }
        }
        Err(Failure::of_aliases())
    }
}

type Pool = RetryDnsHandle<NameServerPool<Runtime>>;

fn pool(config: ResolverConfig, mut options: ResolverOpts) -> Result<Pool, Failure> {
    options.timeout = QUESTION;
    options.attempts = 1;
    let servers: Vec<NameServerConfig> = config.into_parts().2;
    let tls = TlsConfig::new().map_err(|error| Failure::NoAnswer(error.to_string()))?;
    let context = Arc::new(PoolContext::new(options, tls));
    Ok(RetryDnsHandle::new(NameServerPool::from_config(servers, context, Runtime::default()), 1))
}

impl Target {
    /// `None` for what is no host name.
    fn new(name: &Name, port: u16) -> Option<Self> {
        let text = name.to_ascii().to_ascii_lowercase();
        let host = ServerName::parse(text.trim_end_matches('.').as_bytes())?;
        (host.address().is_none() && port != 0).then(|| Self { host: host.as_str().to_owned(), port })
    }
}

impl Failure {
    fn of_aliases() -> Self {
        Self::NoAnswer("they are behind too many aliases".to_owned())
    }
}

impl fmt::Debug for ServiceRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("ServiceRecords")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoService => f.write_str("its service records say that it exchanges no keys"),
            Self::Bogus => f.write_str(
                "its service records cannot be believed: their DNSSEC signatures are wrong or expired, or the keys are missing that they \
                 were made with",
            ),
            Self::NoAnswer(reason) => write!(f, "its service records are not found: {reason}"),
        }
    }
}

#[cfg(test)]
pub(in crate::daemon) mod tests;

//! `ntp-ctl query`: asks servers for the time once, by the daemon's own engine, and shows what they say. Sets no clock.

mod answer;

use super::args::ListFormat;
use super::print;
use crate::config::{
    Config, Family, HostPort, KEY_EXCHANGE_PORT, KeyExchange, NTP_PORT, PollLimits, SourceConfig, SourceKind,
};
use crate::daemon::args::duration;
use crate::daemon::one_shot;
use crate::daemon::startup_error::StartupError;
use crate::snapshot::Snapshot;
use crate::verdict::Verdict;
use answer::{Answer, Best};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Of one name; those of a pool are many more.
const MOST_ADDRESSES: usize = 4;
/// At once.
const MOST_HOSTS: usize = 32;

/// What is asked, and how.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Query {
    /// Names or addresses, with a port if it is not 123 (4460 with --nts); of a name up to four addresses are asked
    #[arg(required = true, value_name = "HOST", num_args = 1..=MOST_HOSTS)]
    hosts: Vec<String>,
    /// With NTS: exchange keys first, and take authentic answers only
    #[arg(long)]
    nts: bool,
    /// With --nts: trust these certificates beside the system's (PEM)
    #[arg(long, value_name = "FILE", requires = "nts")]
    certificate_authority: Option<PathBuf>,
    /// So many exchanges with each, 2 s apart; the one with the shortest way is shown
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=8))]
    samples: u8,
    /// Give up after this long
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = duration, allow_negative_numbers = true)]
    timeout: Duration,
    /// Looks of the output
    #[arg(short, long, value_enum, default_value_t)]
    format: ListFormat,
}

/// Asks, and shows: 0 all answered, 1 some did not.
///
/// # Errors
/// A host that is none (78), or what keeps this from asking at all.
pub(super) fn run(query: &Query) -> Result<ExitCode, StartupError> {
    let config = query.config()?;
    // Nobody listens to what a daemon would log: the answers tell it.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(8).build();
    let runtime = runtime.map_err(|error| StartupError::other(format!("cannot start: {error}")))?;
    let answers = runtime.block_on(query.ask(config));
    // A resolver that hangs must not keep the process.
    runtime.shutdown_timeout(Duration::ZERO);
    let answers = answers?;
    print(&answer::show(&answers, query.format)?)?;
    Ok(if answers.iter().all(Answer::is_given) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Query {
    async fn ask(&self, config: Config) -> Result<Vec<Answer>, StartupError> {
        let samples = u64::from(self.samples);
        let mut best = Best::default();
        let last = one_shot::measure(config, self.timeout, |snapshot| {
            best.note(snapshot);
            is_over(snapshot, samples)
        });
        let last = last.await?;
        best.note(&last);
        Ok(last.sources.iter().map(|source| Answer::new(source, &best, last.clock, self.timeout)).collect())
    }

    /// Each host a source of its own, asked as seldom as any.
    fn config(&self) -> Result<Config, StartupError> {
        let mut addresses = Vec::new();
        for host in &self.hosts {
            let port = if self.nts { KEY_EXCHANGE_PORT } else { NTP_PORT };
            let address = HostPort::parse(host, port).map_err(StartupError::configuration)?;
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        let sources = addresses.into_iter().map(|address| self.source(address)).collect();
        let mut config = Config { sources, ..Config::default() };
        config.synchronization.minimum_agreeing_sources = 1;
        Ok(config)
    }

    /// A name may have several addresses, of which each is asked.
    fn source(&self, address: HostPort) -> SourceConfig {
        let kind = match address.host.parse::<IpAddr>() {
            _ if self.nts => SourceKind::Nts(KeyExchange {
                address,
                certificate_authority: self.certificate_authority.clone(),
                enable_srv_resolution: false,
            }),
            Ok(_) => SourceKind::Server { address },
            Err(_) => SourceKind::Pool { address, count: MOST_ADDRESSES, ignore: Vec::new() },
        };
        let plain = HostPort { host: String::new(), port: NTP_PORT };
        SourceConfig { kind, family: Family::Any, ..SourceConfig::server(plain, PollLimits::default()) }
    }
}

/// Whoever cannot be asked, or will not answer, is not waited for.
fn is_over(snapshot: &Snapshot, samples: u64) -> bool {
    snapshot.sources.iter().all(|source| {
        source.replies >= samples || source.problem.is_some() || source.verdict == Verdict::Demobilized
    })
}

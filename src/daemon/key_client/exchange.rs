//! One key exchange: the addresses of its server one after the other, and one deadline for all. What is said to an address is `connection`'s.

use super::super::resolver::Names;
use super::connection::{self, Agreed};
use super::trust;
use crate::nts::{Established, KeyRequest, NtpServer, Offer, Origin, Session};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use tokio::time::{Duration, Instant, timeout_at};

/// How long is waited.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For everything, from the look-up of the name to the addresses of the NTP server.
    pub(super) whole: Duration,
    /// For one address at most, while there are others: one that swallows everything must not hide those that work.
    pub(super) address: Duration,
}

/// Of a key exchange server, and of an NTP server; more are left.
const ADDRESSES: usize = 8;
/// Where a key exchange server names no port (RFC 8915 §4.1.8).
const NTP_PORT: u16 = 123;

impl Default for Patience {
    fn default() -> Self {
        Self { whole: Duration::from_secs(10), address: Duration::from_secs(3) }
    }
}

/// Ends within `patience`.
///
/// # Errors
/// For people, to be read after the server's name.
pub(super) async fn run(
    request: &KeyRequest,
    names: &Names,
    patience: Patience,
) -> Result<Established, String> {
    let end = Instant::now() + patience.whole;
    let too_late = |what: &str| format!("{what} within {}", seconds(patience.whole));
    let host = request.host.trim_end_matches('.');
    let found = timeout_at(end, look_up(request, names));
    let addresses = found.await.map_err(|_| too_late("its name is not resolved"))??;
    let trusted = timeout_at(end, trust::roots(request.certificate_authority.clone()));
    let roots = trusted.await.map_err(|_| too_late("the trusted certificates are not read"))??;
    let mut failures: Vec<(IpAddr, String)> = Vec::new();
    for (tried, address) in addresses.iter().enumerate() {
        let until = share(end, addresses.len().saturating_sub(tried), patience.address);
        let waited = seconds(until.saturating_duration_since(Instant::now()));
        let attempt = async {
            let server = SocketAddr::new(*address, request.port);
            let offer = offer(request);
            let agreed = connection::agree(server, host, request.certificate_time, &roots, &offer).await?;
            establish(request, *address, agreed, names).await
        };
        match timeout_at(until, attempt).await {
            Ok(Ok(established)) => return Ok(established),
            Ok(Err(reason)) => failures.push((*address, reason)),
            Err(_) => failures.push((*address, format!("it does not answer within {waited}"))),
        }
    }
    Err(summary(&failures))
}

/// Servers that were asked already come last: a pool's name has others perhaps.
async fn look_up(request: &KeyRequest, names: &Names) -> Result<Vec<IpAddr>, String> {
    let mut addresses = match request.host.parse() {
        Ok(literal) => vec![literal],
        Err(_) => names.addresses(request.host.clone()).await?,
    };
    addresses.sort_by_key(|address| is_denied(request, *address));
    addresses.truncate(ADDRESSES);
    Ok(addresses)
}

fn is_denied(request: &KeyRequest, address: IpAddr) -> bool {
    request.denied.iter().any(|denied| denied.address.ip().to_canonical() == address.to_canonical())
}

/// Denies servers by the names that key exchanges gave them; those that none named, by address.
pub(super) fn offer(request: &KeyRequest) -> Offer {
    let mut denied: Vec<String> = Vec::new();
    for NtpServer { address, origin } in &request.denied {
        let name = origin.name.as_ref().map(|name| name.as_str().to_owned());
        let name = name.unwrap_or_else(|| address.ip().to_canonical().to_string());
        if !denied.contains(&name) {
            denied.push(name);
        }
    }
    Offer { denied, algorithms: request.algorithms.clone(), ..Offer::default() }
}

/// The last one has all the time that is left.
fn share(end: Instant, left: usize, most: Duration) -> Instant {
    let now = Instant::now();
    let remaining = end.saturating_duration_since(now);
    match u32::try_from(left) {
        Ok(left @ 2..) => now + (remaining / left).min(most),
        _ => end,
    }
}

async fn establish(
    request: &KeyRequest,
    address: IpAddr,
    agreed: Agreed,
    names: &Names,
) -> Result<Established, String> {
    let Agreed { keys, answer, validity } = agreed;
    let port = answer.port.unwrap_or(NTP_PORT);
    let ntp = match &answer.server {
        None => vec![address],
        Some(server) => match (server.address(), server.fully_qualified()) {
            (Some(literal), _) => vec![literal],
            (None, Some(name)) => names
                .addresses(name)
                .await
                .map_err(|reason| format!("its NTP server {server} is not resolved: {reason}"))?,
            (None, None) => Vec::new(),
        },
    };
    let servers: Vec<SocketAddr> =
        ntp.into_iter().take(ADDRESSES).map(|address| SocketAddr::new(address, port)).collect();
    if servers.iter().all(|server| request.denied.iter().any(|denied| denied.address == *server)) {
        return Err("it gives only servers that are asked already".to_owned());
    }
    let session = Session::new(keys, answer.cookies);
    let origin = Origin { name: answer.server, target: None };
    Ok(Established { session, servers, origin, validity, certificate_time: request.certificate_time })
}

/// One reason if there is only one; otherwise which address has which.
fn summary(failures: &[(IpAddr, String)]) -> String {
    let reasons: BTreeSet<&str> = failures.iter().map(|(_, reason)| reason.as_str()).collect();
    match (reasons.first(), reasons.len()) {
        (Some(reason), 1) => (*reason).to_owned(),
        _ => {
            let all: Vec<String> =
                failures.iter().map(|(address, reason)| format!("{address}: {reason}")).collect();
            all.join("; ")
        }
    }
}

/// Rounded up to a tenth.
fn seconds(time: Duration) -> String {
    let tenths = time.as_millis().div_ceil(100);
    match tenths % 10 {
        0 => format!("{} s", tenths / 10),
        rest => format!("{}.{rest} s", tenths / 10),
    }
}

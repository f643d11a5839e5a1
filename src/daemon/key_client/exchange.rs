//! One key exchange: the addresses of its servers one after the other, and one deadline for all. What is said to an address is `connection`'s,
//! and which servers there are is `places`'.

use super::super::resolver::Names;
use super::super::service_records::ServiceRecords;
use super::connection::{self, Agreed};
use super::places::{self, Place};
use super::trust::{self, Trusted};
use crate::nts::{Established, KeyRequest, NtpServer, Offer, Origin, Session};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
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
    services: &ServiceRecords,
    patience: Patience,
) -> Result<Established, String> {
    let end = Instant::now() + patience.whole;
    let found = places::of(request, services, patience.whole / 2).await?;
    let trusted = timeout_at(end, trust::roots(request.certificate_authority.clone()));
    let late = |_| format!("the trusted certificates are not read within {}", seconds(patience.whole));
    let trusted = trusted.await.map_err(late)??;
    let mut attempt = Attempt { request, names, patience, trusted, failures: Vec::new() };
    for (tried, place) in found.places.iter().enumerate() {
        let until = share(end, found.places.len().saturating_sub(tried), patience.whole);
        if let Some(established) = attempt.at(place, until).await {
            return Ok(established);
        }
    }
    let reason = summary(&attempt.failures);
    Err(found.note.map_or_else(|| reason.clone(), |note| format!("{reason}; {note}")))
}

/// What every server is tried with, and where it failed.
struct Attempt<'a> {
    request: &'a KeyRequest,
    names: &'a Names,
    patience: Patience,
    trusted: Arc<Trusted>,
    /// Which address or name, and why.
    failures: Vec<(String, String)>,
}

impl Attempt<'_> {
    /// Tries one server's addresses.
    async fn at(&mut self, place: &Place, end: Instant) -> Option<Established> {
        let waited = seconds(end.saturating_duration_since(Instant::now()));
        let found = timeout_at(end, look_up(self.request, place, self.names)).await;
        let addresses = match found.unwrap_or(Err(format!("its name is not resolved within {waited}"))) {
            Ok(addresses) => addresses,
            Err(reason) => {
                let shown = place.target.as_ref().unwrap_or(&place.host);
                self.failures.push((shown.clone(), reason));
                return None;
            }
        };
        for (tried, address) in addresses.iter().enumerate() {
            let until = share(end, addresses.len().saturating_sub(tried), self.patience.address);
            let waited = seconds(until.saturating_duration_since(Instant::now()));
            let reason = match timeout_at(until, self.exchange(place, *address)).await {
                Ok(Ok(established)) => return Some(established),
                Ok(Err(reason)) => reason,
                Err(_) => format!("it does not answer within {waited}"),
            };
            let shown = match &place.target {
                Some(target) => format!("{target} ({address})"),
                None => address.to_string(),
            };
            self.failures.push((shown, reason));
        }
        None
    }

    async fn exchange(&self, place: &Place, address: IpAddr) -> Result<Established, String> {
        let Self { request, names, trusted, .. } = self;
        let server = SocketAddr::new(address, place.port);
        let offer = offer(request);
        let agreed =
            connection::agree(server, &place.name, request.certificate_time, trusted, &offer).await?;
        establish(request, place, address, agreed, names).await
    }
}

/// Servers that were asked already come last: a pool's name has others perhaps.
async fn look_up(request: &KeyRequest, place: &Place, names: &Names) -> Result<Vec<IpAddr>, String> {
    let mut addresses = match place.host.parse() {
        Ok(literal) => vec![literal],
        Err(_) => names.addresses(place.host.clone()).await?,
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
    place: &Place,
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
    let origin = Origin { name: answer.server, target: place.target.clone() };
    Ok(Established { session, servers, origin, validity, certificate_time: request.certificate_time })
}

/// One reason if there is only one; otherwise which address has which.
fn summary(failures: &[(String, String)]) -> String {
    let reasons: BTreeSet<&str> = failures.iter().map(|(_, reason)| reason.as_str()).collect();
    match (reasons.first(), reasons.len()) {
        (Some(reason), 1) => (*reason).to_owned(),
        _ => {
            let all: Vec<String> =
                failures.iter().map(|(shown, reason)| format!("{shown}: {reason}")).collect();
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

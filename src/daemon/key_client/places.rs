//! With whom keys may be exchanged: the configured host, or those that its service records name. Connects to nobody.
//!
//! A certificate proves who somebody is, and not who was meant. That must come from the configuration, or from records that DNSSEC
//! authenticates; whoever forges others may choose the server, but not the name that its certificate must bear.

use super::super::service_records::{Failure, ServiceRecords, Services, Target, Targets};
use crate::nts::{CertificateTime, KeyRequest};
use std::net::IpAddr;
use tokio::time::Duration;

/// One server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// To be looked up, or an address.
    pub(super) host: String,
    pub(super) port: u16,
    /// What its certificate must be for.
    pub(super) name: String,
    /// If a service record named it.
    pub(super) target: Option<String>,
}

/// In the order in which they are tried.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Places {
    /// At least one.
    pub(super) places: Vec<Place>,
    /// What people should know if all of them fail.
    pub(super) note: Option<String>,
}

/// Ends within `patience`. A look-up without an answer leads to the configured host: nobody gains by preventing it.
///
/// # Errors
/// For people: the service records are forged, or say that there is no service.
pub(super) async fn of(
    request: &KeyRequest,
    services: &ServiceRecords,
    patience: Duration,
) -> Result<Places, String> {
    let host = request.host.trim_end_matches('.');
    if !request.enable_srv_resolution || host.parse::<IpAddr>().is_ok() {
        return Ok(itself(request, None));
    }
    let used: Vec<&str> =
        request.denied.iter().filter_map(|server| server.origin.target.as_deref()).collect();
    let now = match request.certificate_time {
        CertificateTime::Clock(now) => Some(now),
        CertificateTime::Unknown { .. } => None,
    };
    match services.look_up(host, &used, now, patience).await {
        Ok(Services::None) => Ok(itself(request, None)),
        Ok(Services::At(targets)) => Ok(named(host, targets)),
        Err(failure @ Failure::NoAnswer(_)) => Ok(itself(request, Some(failure.to_string()))),
        Err(failure @ (Failure::NoService | Failure::Bogus)) => Err(failure.to_string()),
    }
}

fn itself(request: &KeyRequest, note: Option<String>) -> Places {
    let name = request.host.trim_end_matches('.').to_owned();
    Places {
        places: vec![Place { host: request.host.clone(), port: request.port, name, target: None }],
        note,
    }
}

fn named(host: &str, Targets { targets, authenticated }: Targets) -> Places {
    let place = |target: Target| Place {
        // No search domain is added.
        host: format!("{}.", target.host),
        port: target.port,
        name: if authenticated { target.host.clone() } else { host.to_owned() },
        target: Some(target.host),
    };
    let note = (!authenticated).then(|| {
        format!("DNSSEC does not authenticate the service records that name it, so its certificate must be for {host}")
    });
    Places { places: targets.into_iter().map(place).collect(), note }
}

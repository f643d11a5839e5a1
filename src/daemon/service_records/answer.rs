//! What an answer means, and how far it can be believed. Asks nobody.
//!
//! Records without a signature are used, as not authenticated, wherever they should have one: many name servers on the way to the root
//! do not pass signatures on, and who can forge an answer can leave them out. So nothing is gained by more than that: with such records
//! a certificate must be for the name that is configured, as without any. Signatures that prove nothing, on the other hand, are a
//! mistake or an attempt that somebody should hear of.

use super::order::Server;
use super::{Failure, LONGEST_CHAIN, Target};
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::dnssec::Proof;
use hickory_resolver::proto::dnssec::rdata::{DNSSECRData, SigInput};
use hickory_resolver::proto::op::DnsResponse;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

/// How far one answer leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// To service records, or to none.
    End(Option<Records>),
    /// To another name, whose records the answer does not have.
    Alias { of: Name, authenticated: bool },
}

/// Those that could be asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Records {
    pub(super) servers: Vec<Server>,
    pub(super) authenticated: bool,
}

/// # Errors
/// [`Failure::Bogus`], or [`Failure::NoAnswer`].
pub(super) fn judge(name: &Name, response: Result<DnsResponse, NetError>) -> Result<Step, Failure> {
    match response {
        Ok(response) => follow(name, &response),
        Err(NetError::Dns(DnsError::NoRecordsFound(_))) => Ok(Step::End(None)),
        // Of records that a wildcard made, or of there being none.
        Err(NetError::Dns(DnsError::Nsec { response, proof, .. })) => {
            let signed = response.all_sections().any(|record| signature(record).is_some());
            if proof.is_bogus() && signed {
                return Err(Failure::Bogus);
            }
            Ok(match follow(name, &response)? {
                Step::End(records) => {
                    Step::End(records.map(|records| Records { authenticated: false, ..records }))
                }
                Step::Alias { of, .. } => Step::Alias { of, authenticated: false },
            })
        }
        Err(error) => Err(Failure::NoAnswer(plain(&error))),
    }
}

fn follow(name: &Name, response: &DnsResponse) -> Result<Step, Failure> {
    let mut current = name;
    let mut authenticated = true;
    for _ in 0..LONGEST_CHAIN {
        let services = of(response, current, RecordType::SRV);
        if services.clone().next().is_some() {
            authenticated &= is_proven(response, current, RecordType::SRV)?;
            let servers = services.filter_map(server).collect();
            return Ok(Step::End(Some(Records { servers, authenticated })));
        }
        let alias = of(response, current, RecordType::CNAME).next();
        let Some(RData::CNAME(next)) = alias.map(|record| &record.data) else {
            return Ok(match current == name {
                true => Step::End(None),
                false => Step::Alias { of: current.clone(), authenticated },
            });
        };
        authenticated &= is_proven(response, current, RecordType::CNAME)?;
        current = &next.0;
    }
    Err(Failure::of_aliases())
}

fn of<'a>(
    response: &'a DnsResponse,
    name: &'a Name,
    kind: RecordType,
) -> impl Iterator<Item = &'a Record> + Clone {
    response.answers.iter().filter(move |record| record.record_type() == kind && record.name == *name)
}

/// Whether all records of that name and type are authenticated.
fn is_proven(response: &DnsResponse, name: &Name, kind: RecordType) -> Result<bool, Failure> {
    let mut signatures = of(response, name, RecordType::RRSIG)
        .filter_map(signature)
        .filter(|signature| signature.type_covered == kind)
        .peekable();
    let is_bogus = of(response, name, kind).any(|record| record.proof == Proof::Bogus);
    if is_bogus && signatures.peek().is_some() {
        return Err(Failure::Bogus);
    }
    // A wildcard's records prove little: that no others are nearer is a proof of its own.
    let is_of_a_wildcard = signatures.any(|signature| signature.num_labels < name.num_labels());
    Ok(of(response, name, kind).all(|record| record.proof == Proof::Secure) && !is_of_a_wildcard)
}

fn signature(record: &Record) -> Option<&SigInput> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => Some(signature.input()),
        _ => None,
    }
}

fn server(record: &Record) -> Option<Server> {
    let RData::SRV(service) = &record.data else { return None };
    let target = Target::new(&service.target, service.port)?;
    Some(Server { priority: service.priority, weight: service.weight, target })
}

fn plain(error: &NetError) -> String {
    match error {
        NetError::Dns(DnsError::ResponseCode(code)) => {
            format!("the name server says \"{}\"", code.to_str())
        }
        NetError::Timeout => "no name server answers".to_owned(),
        NetError::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

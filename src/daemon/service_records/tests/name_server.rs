//! A name server on loopback, over UDP and TCP, with a root zone that it signs, well or badly. Proves nothing by itself.

use hickory_resolver::proto::dnssec::crypto::Ed25519SigningKey;
use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DNSSECRData, NSEC, RRSIG, SigInput};
use hickory_resolver::proto::dnssec::{DnssecSigner, SigningKey, TBS, TrustAnchors};
use hickory_resolver::proto::op::{Message, MessageType, Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::{CNAME, NS, SOA, SRV};
use hickory_resolver::proto::rr::{DNSClass, Name, RData, Record, RecordType, SerialNumber};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

/// How the root is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signs {
    Well,
    /// All but its keys, ten days ago and for nine days.
    Expired,
    /// All but its keys, with a signature of something else.
    Wrongly,
    /// What it should have, as a name server on the way that knows nothing of signatures.
    Never,
}

/// What it does with a question.
#[derive(Clone)]
pub(crate) enum Manner {
    Answers(Signs),
    Silent,
    Says(ResponseCode),
    /// Any bytes, made of a good answer.
    Mangles(fn(Vec<u8>) -> Vec<u8>),
}

/// The root zone, which knows everything.
pub(crate) struct Zone {
    records: Vec<Record>,
    /// Zones below it without signatures.
    unsigned: Vec<Name>,
    /// Aliases are told without what they lead to.
    pub(crate) leaves_aliases: bool,
    signer: DnssecSigner,
    /// Unix seconds, by which signatures are made.
    now: u32,
}

pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    pub(crate) anchors: TrustAnchors,
    _tasks: JoinSet<()>,
}

const TTL: u32 = 300;
const DAY: u32 = 86_400;
/// Over UDP (RFC 9715).
const LONGEST_DATAGRAM: usize = 1232;

pub(crate) fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

impl Zone {
    pub(crate) fn new(now: i64) -> Self {
        let key = Ed25519SigningKey::from_pkcs8(&Ed25519SigningKey::generate_pkcs8().unwrap()).unwrap();
        let dnskey = DNSKEY::from_key(&key.to_public_key().unwrap());
        let signer = DnssecSigner::new(dnskey, Box::new(key), Name::root(), Duration::ZERO);
        let now = u32::try_from(now).unwrap();
        Self { records: Vec::new(), unsigned: Vec::new(), leaves_aliases: false, signer, now }
    }

    fn with(mut self, at: &str, data: RData) -> Self {
        self.records.push(Record::from_rdata(name(at), TTL, data));
        self
    }

    /// A service record of key exchanges.
    pub(crate) fn service(self, host: &str, priority: u16, weight: u16, port: u16, target: &str) -> Self {
        let service = SRV::new(priority, weight, port, name(target));
        self.with(&format!("_ntske._tcp.{host}."), RData::SRV(service))
    }

    pub(crate) fn alias(self, at: &str, of: &str) -> Self {
        self.with(at, RData::CNAME(CNAME(name(of))))
    }

    /// From here on nothing is signed, and that is.
    pub(crate) fn unsigned(mut self, zone: &str) -> Self {
        self.unsigned.push(name(zone));
        self.with(zone, RData::NS(NS(name("ns.example."))))
    }

    fn answer(&self, query: &Query, signs: Signs) -> Message {
        let (answers, authorities, code) = self.sections(query);
        let mut message = Message::response(0, hickory_resolver::proto::op::OpCode::Query);
        message.metadata.response_code = code;
        message.metadata.recursion_available = true;
        message.add_query(query.clone());
        message.insert_answers(self.signed(answers, signs));
        message.insert_authorities(self.signed(authorities, signs));
        message
    }

    fn sections(&self, query: &Query) -> (Vec<Record>, Vec<Record>, ResponseCode) {
        let (mut at, kind) = (query.name().clone(), query.query_type());
        if at.is_root() && kind == RecordType::DNSKEY {
            return (
                vec![self.own(RData::DNSSEC(DNSSECRData::DNSKEY(self.signer.to_dnskey())))],
                Vec::new(),
                ResponseCode::NoError,
            );
        }
        let mut answers = Vec::new();
        for _ in 0..20 {
            let here = self.records.iter().filter(|record| record.name == at);
            let found: Vec<Record> =
                here.clone().filter(|record| record.record_type() == kind).cloned().collect();
            if !found.is_empty() {
                answers.extend(found);
                break;
            }
            let Some((record, RData::CNAME(alias))) =
                here.map(|record| (record, &record.data)).find(|(_, data)| matches!(data, RData::CNAME(_)))
            else {
                break;
            };
            answers.push(record.clone());
            at = alias.0.clone();
            if self.leaves_aliases {
                break;
            }
        }
        match answers.is_empty() {
            false => (answers, Vec::new(), ResponseCode::NoError),
            true => self.denial(query.name()),
        }
    }

    fn denial(&self, at: &Name) -> (Vec<Record>, Vec<Record>, ResponseCode) {
        let soa = SOA::new(name("ns."), name("nobody."), 1, 3600, 600, 86_400, 60);
        let soa = self.own(RData::SOA(soa));
        let deny = |owner: &Name, next: &Name, kinds: &[RecordType]| {
            let nsec = NSEC::new_cover_self(next.clone(), kinds.iter().copied());
            Record::from_rdata(owner.clone(), TTL, RData::DNSSEC(DNSSECRData::NSEC(nsec)))
        };
        if self.unsigned.contains(at) {
            let nsec = deny(at, &name("zzz."), &[RecordType::NS]);
            return (Vec::new(), vec![soa, nsec], ResponseCode::NoError);
        }
        if self.is_unsigned(at) {
            return (Vec::new(), Vec::new(), ResponseCode::NXDomain);
        }
        let nsec = deny(&Name::root(), &name("zzz."), &[RecordType::SOA, RecordType::NS, RecordType::DNSKEY]);
        (Vec::new(), vec![soa, nsec], ResponseCode::NXDomain)
    }

    fn own(&self, data: RData) -> Record {
        Record::from_rdata(Name::root(), TTL, data)
    }

    fn is_unsigned(&self, at: &Name) -> bool {
        self.unsigned.iter().any(|zone| zone.zone_of(at) && zone != at)
    }

    /// With a signature for each set.
    fn signed(&self, records: Vec<Record>, signs: Signs) -> Vec<Record> {
        let is_sent = |record: &Record| signs != Signs::Never || record.record_type() != RecordType::NSEC;
        let mut all: Vec<Record> = records.into_iter().filter(is_sent).collect();
        if signs == Signs::Never {
            return all;
        }
        let mut sets: Vec<(Name, RecordType)> =
            all.iter().map(|record| (record.name.clone(), record.record_type())).collect();
        sets.dedup();
        for (at, kind) in sets {
            if !self.is_unsigned(&at) && kind != RecordType::NS {
                all.push(self.signature(&at, kind, &all, signs));
            }
        }
        all
    }

    fn signature(&self, at: &Name, kind: RecordType, records: &[Record], signs: Signs) -> Record {
        let is_expired = signs == Signs::Expired && kind != RecordType::DNSKEY;
        let (from, to) = match is_expired {
            true => (self.now - 10 * DAY, self.now - DAY),
            false => (self.now - DAY, self.now + DAY),
        };
        let input = SigInput {
            type_covered: kind,
            algorithm: self.signer.key().algorithm(),
            num_labels: at.num_labels(),
            original_ttl: TTL,
            sig_expiration: SerialNumber::new(to),
            sig_inception: SerialNumber::new(from),
            key_tag: self.signer.calculate_key_tag().unwrap(),
            signer_name: Name::root(),
        };
        let covered = records.iter().filter(|record| record.name == *at && record.record_type() == kind);
        let text = TBS::from_input(at, DNSClass::IN, &input, covered).unwrap();
        let mut signature = self.signer.sign(&text).unwrap();
        if signs == Signs::Wrongly && kind != RecordType::DNSKEY {
            signature[0] ^= 1;
        }
        let data = RData::DNSSEC(DNSSECRData::RRSIG(RRSIG::from_sig(input, signature)));
        Record::from_rdata(at.clone(), TTL, data)
    }

    fn anchors(&self) -> TrustAnchors {
        let mut anchors = TrustAnchors::empty();
        anchors.insert(self.signer.dnskey().public_key());
        anchors
    }
}

impl NameServer {
    /// On a port that is free for both protocols.
    pub(crate) async fn start(zone: Zone, manner: Manner) -> Self {
        Self::start_at(IpAddr::from([127, 0, 0, 1]), 0, zone, manner).await
    }

    pub(crate) async fn start_at(ip: IpAddr, port: u16, zone: Zone, manner: Manner) -> Self {
        let (tcp, udp) = loop {
            let tcp = TcpListener::bind((ip, port)).await.unwrap();
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
                break (tcp, udp);
            }
        };
        let address = tcp.local_addr().unwrap();
        let anchors = zone.anchors();
        let zone = Arc::new(zone);
        let mut tasks = JoinSet::new();
        tasks.spawn(datagrams(udp, Arc::clone(&zone), manner.clone()));
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((connection, _)) = tcp.accept().await {
                connections.spawn(stream(connection, Arc::clone(&zone), manner.clone()));
            }
        });
        Self { address, anchors, _tasks: tasks }
    }
}

async fn datagrams(socket: UdpSocket, zone: Arc<Zone>, manner: Manner) {
    let mut question = [0; 4096];
    while let Ok((length, from)) = socket.recv_from(&mut question).await {
        let Some(reply) = reply(&question[..length], &zone, &manner, LONGEST_DATAGRAM) else { continue };
        // Who asked may be gone.
        let _ = socket.send_to(&reply, from).await;
    }
}

async fn stream(mut connection: TcpStream, zone: Arc<Zone>, manner: Manner) {
    while let Ok(length) = connection.read_u16().await {
        let mut question = vec![0; length.into()];
        if connection.read_exact(&mut question).await.is_err() {
            return;
        }
        let Some(reply) = reply(&question, &zone, &manner, usize::from(u16::MAX)) else { continue };
        let length = u16::try_from(reply.len()).unwrap();
        if connection.write_u16(length).await.is_err() || connection.write_all(&reply).await.is_err() {
            return;
        }
    }
}

fn reply(question: &[u8], zone: &Zone, manner: &Manner, most: usize) -> Option<Vec<u8>> {
    let question = Message::from_vec(question).ok()?;
    let query = question.queries.first()?;
    let signs = match manner {
        Manner::Silent => return None,
        Manner::Answers(signs) => *signs,
        Manner::Mangles(_) | Manner::Says(_) => Signs::Well,
    };
    let mut message = zone.answer(query, signs);
    if let Manner::Says(code) = manner {
        message = Message::error_msg(0, message.metadata.op_code, *code);
        message.add_query(query.clone());
    }
    message.metadata.id = question.metadata.id;
    message.metadata.message_type = MessageType::Response;
    let mut bytes = message.to_vec().unwrap();
    if bytes.len() > most {
        let mut short = message.truncate();
        short.metadata.truncation = true;
        bytes = short.to_vec().unwrap();
    }
    match manner {
        Manner::Mangles(mangle) => Some(mangle(bytes)),
        _ => Some(bytes),
    }
}

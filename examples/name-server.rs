//! A name server that knows a few records, signs none of them, and denies all others. For tests in a network of their own.

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record};
use std::error::Error;
use std::net::UdpSocket;
use std::{env, process::ExitCode};

const USAGE: &str = "usage: name-server --listen ADDRESS:PORT [RECORD]…, each as one argument, such as
  \"A ke1.example. 192.0.2.1\" or \"SRV _ntske._tcp.time.example. 10 60 4460 ke1.example.\" (priority, weight, port, target)";
const TTL: u32 = 60;

fn record(text: &str) -> Result<Record, Box<dyn Error>> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (name, data) = match words.as_slice() {
        ["A", name, address] => (name, RData::A(A(address.parse()?))),
        ["SRV", name, priority, weight, port, target] => {
            let target = Name::from_ascii(target)?;
            (name, RData::SRV(SRV::new(priority.parse()?, weight.parse()?, port.parse()?, target)))
        }
        _ => return Err(format!("{text}: what kind of record is that?\n{USAGE}").into()),
    };
    Ok(Record::from_rdata(Name::from_ascii(name)?, TTL, data))
}

fn answer(question: &[u8], records: &[Record]) -> Option<Vec<u8>> {
    let question = Message::from_vec(question).ok()?;
    let query = question.queries.first()?.clone();
    let mut reply = Message::new(question.id, MessageType::Response, question.op_code);
    reply.metadata.recursion_available = true;
    let named = records.iter().filter(|record| record.name == *query.name());
    if named.clone().next().is_none() {
        reply.metadata.response_code = ResponseCode::NXDomain;
    }
    reply
        .insert_answers(named.filter(|record| record.record_type() == query.query_type()).cloned().collect());
    reply.add_query(query);
    reply.to_vec().ok()
}

fn serve() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some("--listen"), Some(listen)) = (arguments.next().as_deref(), arguments.next()) else {
        return Err(USAGE.into());
    };
    let records = arguments.map(|text| record(&text)).collect::<Result<Vec<_>, _>>()?;
    let socket = UdpSocket::bind(&listen)?;
    println!("listening on {}", socket.local_addr()?);
    let mut question = [0; 4096];
    loop {
        let (length, from) = socket.recv_from(&mut question)?;
        if let Some(reply) = question.get(..length).and_then(|question| answer(question, &records)) {
            socket.send_to(&reply, from)?;
        }
    }
}

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

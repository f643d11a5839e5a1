//! Any bytes as a request, at any moment: a reply is well-formed, of mode 4, and not longer; modes other than 3 get none.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ntpd_rs::config::ServerConfig;
use ntpd_rs::packet::{Header, Mode, Packet, ReferenceId};
use ntpd_rs::server::{REPLY_CAPACITY, Request, Responder, SystemVariables};
use ntpd_rs::time::{ClockTime, Leap, Mono, Span};

fuzz_target!(|data: &[u8]| {
    // The request comes first, so that short inputs reach it; the server's side is taken from the end where there is one.
    let (request, rest) = data.split_at_checked(Header::LEN + 28).unwrap_or((data, &[]));
    let mut bytes = rest.iter().copied().chain(std::iter::repeat(0));
    let mut next = || bytes.next().unwrap_or_default();
    let received = i64::from_be_bytes(std::array::from_fn(|_| next()));
    let transmit = i64::from_be_bytes(std::array::from_fn(|_| next()));
    let dispersion_rate = f64::from_be_bytes(std::array::from_fn(|_| next()));
    let (stratum, precision) = (next(), i8::from_be_bytes([next()]));
    let variables = SystemVariables {
        leap: Leap::from_bits(stratum >> 6),
        stratum,
        precision,
        root_delay: Span::from_nanos(transmit),
        root_dispersion: Span::from_nanos(received),
        dispersion_rate,
        reference_id: ReferenceId::NONE,
        reference_timestamp: (stratum & 1 == 0).then(|| ClockTime::from_unix_nanos(transmit)),
        updated: ClockTime::from_unix_nanos(0),
        leap_second: None,
    };
    let received = ClockTime::from_unix_nanos(received);
    let transmit = ClockTime::from_unix_nanos(transmit);
    let config = ServerConfig::new("[::]:123".parse().expect("an address"));
    let mut responder = Responder::new(&config, 1, variables, [0; 16]);
    let from = "192.0.2.1:123".parse().expect("an address");
    let mut reply = [0; REPLY_CAPACITY];
    let asked = Request { bytes: request, from, received, transmit, mono: Mono::from_nanos(0) };
    let Ok(answer) = responder.answer(&asked, &mut reply) else { return };
    let reply = &reply[..answer.length];
    assert_eq!(request[0] & 7, Mode::Client.bits());
    assert!(reply.len() <= request.len());
    let header = Packet::parse(reply).expect("a reply is well-formed").header;
    assert_eq!(header.mode, Mode::Server);
    assert!(header.stratum < 16 && (header.stratum == 0) == (header.leap == Leap::Unsynchronized));
});

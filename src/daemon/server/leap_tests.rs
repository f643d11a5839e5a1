//! Smeared time through a leap second of a real kernel.

use crate::config::{LeapSmear, ServerConfig, SmearShape};
use crate::packet::{Header, Packet, ReferenceId};
use crate::server::{REPLY_CAPACITY, Request, Responder, SystemVariables};
use crate::sys::{adjtime, clock};
use crate::time::{ClockStatus, ClockTime, Leap, Now, NtpTimestamp, Span};

/// 2017-01-01 00:00 UTC.
const MIDNIGHT: ClockTime = ClockTime::from_unix_secs(1_483_228_800);

/// As the publisher makes them, announced at `now`.
fn announced(now: Now) -> SystemVariables {
    SystemVariables {
        leap: Leap::AddSecond,
        stratum: 1,
        precision: -20,
        root_delay: Span::ZERO,
        root_dispersion: Span::ZERO,
        dispersion_rate: 0.0,
        reference_id: ReferenceId::from_bytes(*b"GPS\0"),
        reference_timestamp: None,
        updated: now.clock,
        leap_second: None,
    }
    .remembering(None, now.mono)
}

/// T2 and T3, for a request that came with the clock's last reading and is answered now.
fn served(responder: &mut Responder, received: ClockTime, now: Now) -> (ClockTime, ClockTime) {
    let asked = Header::default().emit();
    let from = "192.0.2.7:123".parse().unwrap();
    let request = Request { bytes: &asked, from, received, transmit: now.clock, mono: now.mono };
    let mut reply = [0; REPLY_CAPACITY];
    let length = responder.answer(&request, &mut reply).unwrap().length;
    let told = Packet::parse(&reply[..length]).unwrap().header;
    assert_eq!((told.leap, told.reference_id), (Leap::NoWarning, ReferenceId::SMEARED));
    let time = |stamp: NtpTimestamp| stamp.near(MIDNIGHT);
    (time(told.receive_timestamp), time(told.transmit_timestamp))
}

#[test]
#[ignore = "sets the kernel's clock: for a node of User-mode Linux (vm-tests/kernel-clock), and refused elsewhere"]
fn through_a_real_kernels_leap_second_the_served_time_goes_on() {
    let refused = "refused: this machine's clock is not a test node's";
    assert!(adjtime::in_user_mode_linux(), "{refused}");
    adjtime::step(MIDNIGHT - Span::from_millis(1_200) - clock::realtime()).unwrap();
    let error = Span::from_micros(7);
    let status = |leap| ClockStatus { leap, estimated_error: error, maximum_error: error };
    adjtime::set_status(&status(Leap::AddSecond)).unwrap();
    let smear = LeapSmear { shape: SmearShape::Linear, window: Span::from_secs(7200) };
    let config = ServerConfig { leap_smear: Some(smear), ..ServerConfig::new("[::]:123".parse().unwrap()) };
    let first = clock::now();
    let mut responder = Responder::new(&config, 1, announced(first), [0; 16]);
    let (_, begin) = served(&mut responder, first.clock, first);
    let (mut last, mut went_back, mut worst) = (first, 0, Span::ZERO);
    while last.mono - first.mono < Span::from_millis(3_400) {
        let now = clock::now();
        let (received, transmit) = served(&mut responder, last.clock, now);
        went_back += usize::from(now.clock < last.clock);
        let rate = 1.0 - 1.0 / 7201.0;
        let went = |to: Now| (to.mono - first.mono) * rate;
        worst =
            worst.max(((transmit - begin) - went(now)).abs()).max(((received - begin) - went(last)).abs());
        last = now;
    }
    adjtime::set_status(&status(Leap::NoWarning)).unwrap();
    assert_eq!(went_back, 1, "the kernel inserted it");
    // Reading two clocks of a node takes so long.
    assert!(worst < Span::from_millis(1), "{worst:?}");
    println!("the served time was never farther than {worst:?} from steady");
}

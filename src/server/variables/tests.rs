//! Tests of what is served: the engine's word while synchronized, the configuration's otherwise.

use super::*;
use crate::snapshot::{SyncState, System};
use crate::time::{Frequency, Mono, Poll};

fn snapshot(leap: Leap, stratum: u8) -> Snapshot {
    let system = System {
        state: SyncState::Synchronized,
        controls_clock: true,
        leap,
        stratum,
        reference_id: ReferenceId::from_bytes([192, 0, 2, 1]),
        system_peer: None,
        reference_timestamp: Some(ClockTime::from_unix_secs(1_700_000_000)),
        root_delay: Span::from_millis(20),
        root_dispersion: Span::from_millis(3),
        dispersion_rate: 15e-6,
        precision: -23,
        last_correction: None,
        offset: Span::ZERO,
        offset_uncertainty: Span::ZERO,
        slew_remaining: None,
        frequency: Frequency::ZERO,
        frequency_uncertainty: Frequency::ZERO,
        poll: Poll::new(6),
        poll_limits: (Poll::new(4), Poll::new(10)),
        root_distance_limit: Span::from_secs(16),
        steps: 0,
        accumulated_steps: Span::ZERO,
        accumulated_steps_threshold: None,
        agreeing_sources: 3,
        minimum_agreeing_sources: 3,
        leap_table_expires: None,
        tai_offset: None,
    };
    Snapshot {
        at: Mono::from_nanos(0),
        clock: ClockTime::from_unix_secs(1_700_000_010),
        started: Mono::from_nanos(0),
        system,
        sources: Vec::new(),
        servers: Vec::new(),
        key_exchange_servers: Vec::new(),
        master_keys: None,
        offered: std::collections::BTreeMap::new(),
    }
}

fn local_gps() -> Synchronization {
    let reference_id = ReferenceId::from_bytes(*b"GPS\0");
    Synchronization { local_stratum: 1, reference_id, ..Synchronization::default() }
}

#[test]
fn a_synchronized_clock_is_served_as_the_engine_says() {
    for synchronization in [Synchronization::default(), local_gps()] {
        let variables = SystemVariables::new(&snapshot(Leap::AddSecond, 3), &synchronization);
        assert!(variables.is_synchronized());
        assert_eq!((variables.leap, variables.stratum), (Leap::AddSecond, 3));
        assert_eq!(variables.reference_id.bytes(), [192, 0, 2, 1]);
        assert_eq!(variables.updated, ClockTime::from_unix_secs(1_700_000_010));
    }
}

#[test]
fn local_stratum_1_with_reference_id_gps_serves_stratum_1_that_id_and_leap_0() {
    for snapshot in [snapshot(Leap::Unsynchronized, 16), snapshot(Leap::Unsynchronized, 2)] {
        let variables = SystemVariables::new(&snapshot, &local_gps());
        assert!(variables.is_synchronized());
        assert_eq!((variables.leap, variables.stratum), (Leap::NoWarning, 1));
        assert_eq!(variables.reference_id.bytes(), *b"GPS\0");
        assert_eq!(variables.root_delay, Span::ZERO);
        let in_a_day = variables.updated + Span::from_secs(86_400);
        assert!(variables.root_dispersion_at(in_a_day) < Span::from_micros(1));
    }
}

#[test]
fn without_local_stratum_an_unsynchronized_clock_is_served_as_such() {
    for snapshot in [snapshot(Leap::Unsynchronized, 16), snapshot(Leap::NoWarning, 16)] {
        let variables = SystemVariables::new(&snapshot, &Synchronization::default());
        assert!(!variables.is_synchronized());
        assert_eq!((variables.leap, variables.stratum), (Leap::Unsynchronized, 16));
        assert_eq!(variables.reference_id.bytes(), *b"XNON");
    }
}

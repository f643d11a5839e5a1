//! Measurements that come a poll interval after their exchange (RFC 9769).

use crate::config::{Algorithm, Synchronization};
use crate::discipline::{Discipline, Settings};
use crate::measurement::{Measurement, Pending, ServerVariables};
use crate::time::{Adjustment, Applied, ClockTime, Frequency, Leap, Mono, Now, NtpTimestamp, Poll, Span};
use crate::verdict::{Marks, SourceId};

const SOURCE: SourceId = SourceId(1);

fn now(elapsed: Span) -> Now {
    Now { mono: Mono::default() + elapsed, clock: ClockTime::from_unix_secs(1_800_000_000) + elapsed }
}

fn discipline() -> Discipline {
    let settings = Settings { synchronization: Synchronization::default(), algorithm: Algorithm::default() };
    let mut discipline = Discipline::new(settings, None, Frequency::ZERO, true, now(Span::ZERO));
    discipline.add(SOURCE, Marks::default());
    discipline
}

/// An exchange of 200 µs, sent at `sent`, with a server that is right as our clock is.
fn exchange(sent: Span) -> Measurement {
    let at = |micros| now(sent + Span::from_micros(micros)).clock;
    Measurement {
        origin_timestamp: at(0),
        receive_timestamp: at(100),
        transmit_timestamp: at(100),
        destination_timestamp: at(200),
        mono: now(sent + Span::from_micros(200)).mono,
        stamp_uncertainty_seconds: 1e-6,
        server: ServerVariables {
            leap: Leap::NoWarning,
            version: 4,
            stratum: 1,
            precision: -23,
            root_delay: Span::ZERO,
            root_dispersion: Span::ZERO,
            reference_id: Default::default(),
            reference_timestamp: NtpTimestamp::ZERO,
        },
    }
}

fn pending(measurement: &Measurement) -> Pending {
    let Measurement { origin_timestamp, destination_timestamp, .. } = *measurement;
    Pending { origin_timestamp, destination_timestamp }
}

#[test]
fn slews_between_an_exchange_and_its_measurement_are_known_for_what_they_were() {
    let mut discipline = discipline();
    let measurement = exchange(Span::ZERO);
    discipline.hold(SOURCE, pending(&measurement));
    // 200 ppm for 30 s, as a slew does.
    for (seconds, ppm) in [(1, 200.0), (31, 0.0)] {
        let Now { mono, clock } = now(Span::from_secs(seconds));
        let adjustment = Adjustment::Frequency(Frequency::from_ppm(ppm));
        discipline.on_applied(&Applied { adjustment, mono, clock });
    }
    let later = now(Span::from_secs(64));
    discipline.measure(later, SOURCE, &measurement);
    let offset = discipline.estimate(SOURCE, Poll::new(6), later).unwrap().offset;
    // The clock was right, and then it was moved: by 6 ms, on a clock that ran 200 ppm fast meanwhile.
    assert!((offset + Span::from_micros(5999)).abs() < Span::from_micros(1), "{offset:?}");
}

#[test]
fn what_is_old_when_it_comes_is_asked_for_more_often() {
    let polls = [false, true].map(|held| {
        let mut discipline = discipline();
        let advice = (0..60).map(|poll| {
            let measurement = exchange(Span::from_secs(64 * poll));
            if held {
                discipline.hold(SOURCE, pending(&measurement));
            }
            discipline.measure(now(Span::from_secs(64 * (poll + 1))), SOURCE, &measurement).poll
        });
        advice.last().unwrap()
    });
    assert_eq!(polls[1], polls[0].shorter());
}

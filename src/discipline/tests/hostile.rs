//! Whatever a server says, steering stays bounded and numbers stay numbers.

use super::lab::{LAN, Lab, Site, WAN, variables};
use crate::discipline::Decision;
use crate::measurement::Measurement;
use crate::time::{Adjustment, ClockTime, Mono, Span};
use proptest::prelude::*;

fn feed(lab: &mut Lab, times: [i64; 4], uncertainty: f64) {
    let id = lab.sites[0].0;
    let [origin, receive, transmit, destination] = times.map(ClockTime::from_unix_nanos);
    let measurement = Measurement {
        origin_timestamp: origin,
        receive_timestamp: receive,
        transmit_timestamp: transmit,
        destination_timestamp: destination,
        mono: Mono::default(),
        stamp_uncertainty_seconds: uncertainty,
        server: variables(&Site { root_dispersion: 0.1, ..LAN }),
    };
    lab.discipline.set_reachable(id, true, false);
    lab.discipline.measure(lab.now(), id, &measurement);
    for decision in lab.discipline.update(lab.now()) {
        if let Decision::Adjust(Adjustment::Frequency(frequency)) = decision {
            assert!(frequency.ppm().abs() <= 495.001, "{frequency:?}");
        }
    }
    let system = lab.system();
    assert!(system.frequency.ratio().is_finite() && system.dispersion_rate.is_finite());
    assert!(system.root_dispersion >= Span::ZERO && system.maximum_error >= Span::ZERO, "{system:?}");
}

proptest! {
    #[test]
    fn any_sequence_of_timestamps_is_survived(
        times in prop::collection::vec((any::<[i64; 4]>(), any::<f64>()), 1..40)
    ) {
        let mut lab = Lab::new(0.0, 0.0);
        lab.add(LAN);
        for (times, uncertainty) in times {
            feed(&mut lab, times, uncertainty);
        }
    }

    #[test]
    fn after_nonsense_a_good_source_is_believed_again(
        times in prop::collection::vec(any::<[i64; 4]>(), 1..20)
    ) {
        let mut lab = Lab::with_all(0.0, 20.0, None, false, |_| {});
        lab.add(WAN);
        for times in times {
            feed(&mut lab, times, 1e-6);
        }
        lab.discipline.restart(lab.now());
        lab.settle();
        let system = lab.system();
        let allowed = 2e-3 + 4.0 * system.offset_uncertainty.seconds();
        prop_assert!((system.offset.seconds() + lab.error()).abs() < allowed, "{} {system:?}", lab.error());
    }

    #[test]
    fn random_worlds_do_not_diverge(
        error in -0.1_f64..0.1, crystal in -300.0_f64..300.0, delay in 1e-4_f64..0.2, noise in 0.0_f64..0.5, rounds in 10_u32..40
    ) {
        let mut lab = Lab::new(error, crystal);
        lab.add(Site { delay, jitter: noise * delay, ..LAN });
        lab.poll(6, 2.0);
        lab.poll(rounds, 64.0);
        prop_assert!(lab.error().abs() < delay / 2.0 + 4.0 * noise * delay + 1e-3, "{}", lab.error());
    }
}

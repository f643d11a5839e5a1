//! Routes that change, and steps that are not believed yet.

use super::lab::{LAN, Lab, Site, WAN};
use crate::verdict::SourceId;

/// One direction takes so much longer, seconds: half of it looks like an offset.
const LONGER: f64 = 5e-3;

fn detour(site: &mut Site) {
    site.delay += LONGER;
    site.error += LONGER / 2.0;
}

/// The worst error of so many polls of 64 s.
fn worst(lab: &mut Lab, polls: u32) -> f64 {
    eprintln!("from here");
    (0..polls).fold(0.0, |worst: f64, _| {
        lab.poll(1, 64.0);
        eprintln!("err {:.0} bound {:?}", lab.error() * 1e6, lab.system().root_delay);
        worst.max(lab.error().abs())
    })
}

/// Five hours on a path through the internet.
fn settled() -> (Lab, SourceId) {
    let mut lab = Lab::new(0.0, 10.0);
    let id = lab.add(WAN);
    lab.poll(6, 2.0);
    lab.poll(280, 64.0);
    (lab, id)
}

#[test]
fn a_route_that_becomes_longer_in_one_direction_does_not_move_the_clock() {
    let (mut lab, id) = settled();
    detour(lab.site(id));
    let worst = worst(&mut lab, 400);
    assert!(worst < 0.1 * LONGER, "{worst}");
}

#[test]
fn neither_does_the_way_back_to_the_route_before() {
    let (mut lab, id) = settled();
    detour(lab.site(id));
    lab.poll(400, 64.0);
    *lab.site(id) = WAN;
    let worst = worst(&mut lab, 400);
    assert!(worst < 0.1 * LONGER, "{worst}");
}

#[test]
fn on_a_longer_route_the_bound_is_that_of_the_longer_route() {
    let (mut lab, id) = settled();
    let before = lab.system().root_delay.seconds();
    detour(lab.site(id));
    lab.poll(100, 64.0);
    assert!(lab.system().root_delay.seconds() > before + 0.9 * LONGER, "{:?}", lab.system().root_delay);
}

#[test]
fn a_step_that_is_not_believed_yet_is_within_the_bound_and_the_estimate() {
    let mut lab = Lab::new(0.0, 10.0);
    let id = lab.add(LAN);
    lab.settle();
    let before = lab.system();
    lab.jump(5e-3);
    assert!(lab.exchange(id));
    let after = lab.system();
    assert!(before.maximum_error.seconds() < 1e-3 && after.maximum_error.seconds() > 5e-3, "{after:?}");
    assert!(after.estimated_error.seconds() > 2.5e-3, "{after:?}");
}

//! Without sources: bounds that grow, and a claim that ends. Leap announcements and what the kernel is told.

use super::lab::{LAN, Lab, Site};
use crate::discipline::State;
use crate::time::{Leap, Span};

fn settled() -> Lab {
    let mut lab = Lab::new(0.02, 10.0);
    lab.add(LAN);
    lab.poll(6, 2.0);
    lab.poll(60, 64.0);
    lab
}

fn lose(lab: &mut Lab) {
    let id = lab.sites[0].0;
    lab.discipline.set_reachable(id, false, false);
    lab.update();
}

#[test]
fn the_kernel_is_told_nothing_before_the_clock_is_right() {
    let mut lab = Lab::new(0.02, 10.0);
    lab.add(LAN);
    lab.poll(2, 2.0);
    assert!(lab.status.is_none());
    lab.poll(4, 2.0);
    let status = lab.status.unwrap();
    assert_eq!(status.leap, Leap::NoWarning);
    assert!(
        status.maximum_error < Span::from_millis(1),
        "{status:?}: what was true before the step is not told"
    );
}

#[test]
fn the_true_error_is_within_the_bounds() {
    let mut lab = settled();
    for _ in 0..100 {
        lab.poll(1, 64.0);
        let system = lab.system();
        assert!(lab.error().abs() < system.maximum_error.seconds());
        assert!(lab.error().abs() < 4.0 * system.estimated_error.seconds(), "{} {system:?}", lab.error());
    }
}

#[test]
fn root_dispersion_grows_between_updates() {
    let mut lab = settled();
    let mut last = lab.system();
    for _ in 0..100 {
        lab.pass(10.0);
        let system = lab.system();
        assert!(system.root_dispersion > last.root_dispersion);
        let grown = (system.root_dispersion - last.root_dispersion).seconds();
        assert!(grown < 10.0 * 20e-6, "{grown}");
        last = system;
    }
}

#[test]
fn when_its_sources_are_lost_the_clock_holds_over_and_the_claim_ends_within_a_day() {
    let mut lab = settled();
    let synchronized = lab.system();
    lose(&mut lab);
    assert_eq!(lab.system().state, State::Holdover);
    assert_eq!(lab.system().stratum, synchronized.stratum);
    let mut last = lab.status.unwrap();
    let mut hours = 0;
    while lab.status.unwrap().leap != Leap::Unsynchronized {
        lab.pass(3600.0);
        hours += 1;
        assert!(hours <= 24, "{:?}", lab.status);
        let status = lab.status.unwrap();
        assert!(status.maximum_error > last.maximum_error && status.estimated_error >= last.estimated_error);
        assert!(lab.error().abs() < status.maximum_error.seconds());
        last = status;
    }
    assert!(hours > 6, "{hours}");
    let system = lab.system();
    assert_eq!((system.leap, system.stratum, system.state), (Leap::Unsynchronized, 16, State::Waiting));
    assert_eq!(lab.discipline.next_wakeup(), None, "nothing is left to tell");
}

#[test]
fn a_source_that_returns_ends_the_holdover() {
    let mut lab = settled();
    lose(&mut lab);
    lab.pass(10_000.0);
    lab.poll(4, 16.0);
    assert_eq!(lab.system().state, State::Synchronized);
    assert!(lab.error().abs() < 50e-6, "{}", lab.error());
}

#[test]
fn the_kernel_s_own_growing_bound_is_replaced_in_time() {
    let lab = settled();
    let wakeup = lab.discipline.next_wakeup().unwrap() - lab.now().mono;
    assert!(wakeup <= Span::from_secs(16), "{wakeup:?}");
}

#[test]
fn a_leap_second_is_announced_by_the_majority_and_withdrawn_with_it() {
    let mut lab = Lab::new(0.0, 10.0);
    let ids = [0; 3].map(|_| lab.add(LAN));
    lab.settle();
    lab.site(ids[0]).leap = Leap::AddSecond;
    lab.poll(2, 64.0);
    assert_eq!(lab.system().leap, Leap::NoWarning, "one of three");
    lab.site(ids[1]).leap = Leap::AddSecond;
    lab.poll(2, 64.0);
    assert_eq!((lab.system().leap, lab.status.unwrap().leap), (Leap::AddSecond, Leap::AddSecond));
    for id in ids {
        lab.site(id).leap = Leap::NoWarning;
    }
    lab.poll(2, 64.0);
    assert_eq!((lab.system().leap, lab.status.unwrap().leap), (Leap::NoWarning, Leap::NoWarning));
}

#[test]
fn in_holdover_an_announcement_ends_with_its_day() {
    let mut lab = Lab::new(0.0, 10.0);
    let id = lab.add(LAN);
    lab.settle();
    lab.site(id).leap = Leap::DeleteSecond;
    lab.poll(1, 64.0);
    lose(&mut lab);
    assert_eq!(lab.system().leap, Leap::DeleteSecond);
    let day = lab.now().clock.unix_secs() % 86_400;
    lab.pass(86_400.0 - day as f64 + 1.0);
    assert!(lab.system().leap != Leap::DeleteSecond);
}

#[test]
fn a_step_makes_the_kernel_forget_a_leap_second_so_it_is_withdrawn_and_announced_again() {
    let mut lab = Lab::new(0.0, 10.0);
    let id = lab.add(Site { leap: Leap::AddSecond, ..LAN });
    lab.settle();
    assert_eq!(lab.status.unwrap().leap, Leap::AddSecond);
    let steps = lab.steps().len();
    lab.jump(0.5);
    while lab.steps().len() == steps {
        lab.exchange(id);
        lab.pass(0.1);
    }
    assert_eq!((lab.system().leap, lab.status.unwrap().leap), (Leap::AddSecond, Leap::NoWarning));
    lab.pass(2.1);
    assert_eq!(lab.status.unwrap().leap, Leap::AddSecond);
}

#[test]
fn after_somebody_set_the_clock_it_is_not_claimed_to_be_right() {
    let mut lab = settled();
    lab.jump(10.0);
    lab.discipline.restart(lab.now());
    lab.update();
    assert_eq!(lab.status.unwrap().leap, Leap::Unsynchronized);
    lab.poll(4, 2.0);
    assert_eq!(lab.status.unwrap().leap, Leap::NoWarning);
}

#[test]
fn a_claim_that_most_contradict_ends_even_without_a_quorum() {
    let mut lab = Lab::with(0.0, 10.0, |settings| settings.synchronization.minimum_agreeing_sources = 3);
    let ids = [0; 3].map(|_| lab.add(LAN));
    lab.settle();
    lab.discipline.set_reachable(ids[0], false, false);
    lab.poll_only(&ids[1..], 2, 64.0);
    assert_eq!(lab.system().state, State::Holdover, "two of three, and they agree with us");
    lab.jump(0.4);
    lab.poll_only(&ids[1..], 4, 64.0);
    assert_eq!((lab.system().state, lab.system().leap), (State::NoQuorum, Leap::Unsynchronized));
    assert_eq!(lab.status.unwrap().leap, Leap::Unsynchronized);
    lab.poll(8, 64.0);
    assert_eq!((lab.system().state, lab.system().leap), (State::Synchronized, Leap::NoWarning));
    assert!(lab.error().abs() < 1e-4, "{}", lab.error());
}

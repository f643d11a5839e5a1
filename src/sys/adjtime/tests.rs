//! Requests as the kernel wants them. No test here writes to the clock of the machine it runs on.

use super::*;
use crate::sys::{errno, is_not_permitted, own_namespace};

#[track_caller]
fn check_step(nanos: i64, seconds: i64, fraction: i64) {
    let timex = step_request(Span::from_nanos(nanos));
    assert_eq!(timex.modes, libc::ADJ_SETOFFSET | libc::ADJ_NANO);
    assert_eq!((wide(timex.time.tv_sec), wide(timex.time.tv_usec)), (seconds, fraction));
}

#[test]
fn a_backward_step_keeps_its_fraction_positive() {
    check_step(1_500_000_000, 1, 500_000_000);
    check_step(-1, -1, 999_999_999);
    check_step(-300_000_000, -1, 700_000_000);
    check_step(-2_000_000_000, -2, 0);
    check_step(0, 0, 0);
}

#[test]
fn status_clamps_errors_and_never_lets_the_kernel_steer() {
    let status = ClockStatus {
        leap: Leap::AddSecond,
        estimated_error: Span::from_nanos(1),
        maximum_error: Span::from_secs(900),
    };
    let timex = status_request(&status);
    assert_eq!(timex.status, libc::STA_INS);
    assert_eq!((wide(timex.esterror), wide(timex.maxerror)), (1, 16_000_000));
    let negative = ClockStatus { estimated_error: Span::from_secs(-1), leap: Leap::DeleteSecond, ..status };
    let timex = status_request(&negative);
    assert_eq!((timex.status, wide(timex.esterror)), (libc::STA_DEL, 0));
}

#[test]
fn an_unsynchronized_clock_has_no_bound() {
    let tight = Span::from_micros(5);
    let timex = status_request(&ClockStatus {
        leap: Leap::Unsynchronized,
        estimated_error: tight,
        maximum_error: tight,
    });
    assert_eq!((timex.status, wide(timex.maxerror)), (libc::STA_UNSYNC, 16_000_000));
}

#[test]
fn frequencies_are_limited_to_the_kernels_range() {
    assert_eq!(kernel_units(Frequency::from_ppm(1.0)), 65536);
    assert_eq!(kernel_units(Frequency::from_ppm(-9000.0)), -500 * 65536);
}

#[test]
fn the_state_is_read_without_any_right() {
    let state = read().unwrap();
    assert!(state.frequency.ppm().abs() <= 500.0);
    assert!(state.maximum_error >= Span::ZERO);
}

#[test]
fn the_probe_is_refused_in_a_user_namespace() {
    let name = "sys::adjtime::tests::the_probe_is_refused_in_a_user_namespace";
    own_namespace::run("-Ur", name, || {
        let error = probe().unwrap_err();
        assert!(is_not_permitted(&error), "{error}");
        assert_eq!(errno(&error), Some(libc::EPERM), "{error}");
        assert!(error.to_string().starts_with("clock_adjtime: "), "{error}");
    });
}

/// Whether the kernel is a test node's own, whose clock is nobody else's.
pub(crate) fn in_user_mode_linux() -> bool {
    std::fs::read_to_string("/proc/cpuinfo").is_ok_and(|text| text.contains("User Mode Linux"))
}

/// How far `CLOCK_REALTIME` moves against `CLOCK_MONOTONIC` while `change` is made.
fn moved_by(change: impl FnOnce()) -> Span {
    use crate::sys::clock::now;
    let before = now();
    change();
    let after = now();
    (after.clock - before.clock) - (after.mono - before.mono)
}

#[test]
#[ignore = "sets the kernel's clock: for a node of User-mode Linux (vm-tests/kernel-clock), and refused elsewhere"]
fn a_real_kernel_obeys() {
    assert!(in_user_mode_linux(), "refused: this machine's clock is not a test node's");
    probe().unwrap();
    for by in [
        Span::from_millis(2_750),
        Span::from_millis(-1_300),
        Span::from_nanos(-1),
        Span::from_secs(-40_000_000),
    ] {
        let moved = moved_by(|| step(by).unwrap());
        assert!((moved - by).abs() < Span::from_millis(1), "{by:?}: moved {moved:?}");
        assert!(!read().unwrap().synchronized, "a step forgets the status");
    }

    let wanted = Frequency::from_ppm(-123.456_789);
    let applied = set_frequency(wanted).unwrap();
    assert_eq!(applied.to_kernel(), wanted.to_kernel());
    assert_eq!(read().unwrap().frequency, applied);
    let too_much = set_frequency(Frequency::from_ppm(700.0)).unwrap();
    assert!((too_much.ppm() - MAXIMUM_FREQUENCY_PPM).abs() < 1e-9);

    let status = ClockStatus {
        leap: Leap::AddSecond,
        estimated_error: Span::from_micros(7),
        maximum_error: Span::from_millis(3),
    };
    set_status(&status).unwrap();
    let state = read().unwrap();
    assert_eq!((state.synchronized, state.leap), (true, Leap::AddSecond));
    assert_eq!(state.estimated_error, Span::from_micros(7));
    assert!(state.maximum_error < Span::from_millis(10), "{state:?}");
    set_status(&ClockStatus { leap: Leap::NoWarning, ..status }).unwrap();
    assert_eq!(read().unwrap().leap, Leap::NoWarning);
    set_tai_offset(37).unwrap();
    assert_eq!(read().unwrap().tai_offset, 37);
}

#[test]
#[ignore = "sets the kernel's clock: for a node of User-mode Linux (vm-tests/kernel-clock), and refused elsewhere"]
fn what_an_earlier_daemon_left_behind_is_ended() {
    assert!(in_user_mode_linux(), "refused: this machine's clock is not a test node's");
    // As ntpd (kernel loop, a fast tick) and ntpdate -B (adjtime) leave it.
    let mut timex = request(
        libc::ADJ_STATUS | libc::ADJ_OFFSET | libc::ADJ_TICK | libc::ADJ_FREQUENCY | libc::ADJ_MAXERROR,
    );
    (timex.status, timex.offset, timex.tick, timex.freq) =
        (libc::STA_PLL, 100_000, nominal_tick() + 2, 5 * 65536);
    call(timex).unwrap();
    let mut timex = request(libc::ADJ_OFFSET_SINGLESHOT);
    timex.offset = 400_000;
    call(timex).unwrap();
    assert!(read().unwrap().synchronized);
    assert_ne!(call(request(0)).unwrap().offset, 0);

    // The loop itself may have moved its frequency a little meanwhile.
    let frequency = take_over().unwrap();
    assert!((frequency.ppm() - 205.0).abs() < 1.0, "{frequency:?}");
    let left = call(request(0)).unwrap();
    assert_eq!((left.offset, left.tick, left.status & libc::STA_PLL), (0, nominal_tick(), 0));
    assert_eq!(call(request(libc::ADJ_OFFSET_SS_READ)).unwrap().offset, 0);
    let state = read().unwrap();
    assert!(!state.synchronized && state.maximum_error >= MAXIMUM_ERROR, "{state:?}");
}

/// While this much time passes; the kernel looks at announcements at every full second.
fn pass(time: Span) {
    let end = crate::sys::clock::now().mono + time;
    while crate::sys::clock::now().mono < end {
        std::hint::spin_loop();
    }
}

/// Sets the clock to so long before 2016-12-31 ended.
fn go_before_the_end_of_2016(by: Span) {
    let midnight = crate::time::ClockTime::from_unix_secs(1_483_228_800);
    step(midnight - by - crate::sys::clock::now().clock).unwrap();
}

#[test]
#[ignore = "sets the kernel's clock: for a node of User-mode Linux (vm-tests/kernel-clock), and refused elsewhere"]
fn an_announced_leap_second_is_the_kernels_to_insert_and_to_count_even_when_it_is_not_synchronized() {
    assert!(in_user_mode_linux(), "refused: this machine's clock is not a test node's");
    let second = Span::from_secs(1);
    for (leap, error, synchronized, inserted) in [
        (Leap::AddSecond, Span::from_micros(7), true, second),
        (Leap::AddSecond, MAXIMUM_ERROR, false, second),
        (Leap::NoWarning, Span::from_micros(7), true, Span::ZERO),
    ] {
        let status = ClockStatus { leap, estimated_error: error, maximum_error: error };
        go_before_the_end_of_2016(Span::from_millis(1_200));
        set_tai_offset(36).unwrap();
        set_status(&status).unwrap();
        let moved = moved_by(|| pass(Span::from_millis(3_400)));
        assert!((moved + inserted).abs() < Span::from_millis(1), "{status:?}: moved {moved:?}");
        let state = read().unwrap();
        let tai_offset = if inserted == second { 37 } else { 36 };
        assert_eq!((state.tai_offset, state.synchronized), (tai_offset, synchronized), "{status:?}");
        // It takes no other one until it has seen that this one is over.
        set_status(&ClockStatus { leap: Leap::NoWarning, ..status }).unwrap();
        pass(Span::from_millis(1_100));
    }
}

#[test]
#[ignore = "sets the kernel's clock: for a node of User-mode Linux (vm-tests/kernel-clock), and refused elsewhere"]
fn after_a_step_the_kernel_forgets_a_leap_second_until_it_was_withdrawn_for_a_second() {
    assert!(in_user_mode_linux(), "refused: this machine's clock is not a test node's");
    let error = Span::from_micros(7);
    let status = |leap| ClockStatus { leap, estimated_error: error, maximum_error: error };
    for (withdrawn, inserted) in [(false, Span::ZERO), (true, Span::from_secs(1))] {
        go_before_the_end_of_2016(Span::from_millis(10_000));
        set_status(&status(Leap::AddSecond)).unwrap();
        pass(Span::from_millis(1_200));
        go_before_the_end_of_2016(Span::from_millis(2_800));
        if withdrawn {
            set_status(&status(Leap::NoWarning)).unwrap();
            pass(Span::from_millis(1_100));
        }
        set_status(&status(Leap::AddSecond)).unwrap();
        let moved = moved_by(|| pass(Span::from_millis(3_900)));
        assert!((moved + inserted).abs() < Span::from_millis(1), "withdrawn: {withdrawn}, moved {moved:?}");
        set_status(&status(Leap::NoWarning)).unwrap();
        pass(Span::from_millis(1_100));
    }
}

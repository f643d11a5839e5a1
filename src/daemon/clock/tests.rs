//! Who may steer what. The kernel's clock is never written here: probe and taking over are stand-ins.

use super::*;

fn refused() -> io::Result<()> {
    Err(io::Error::from_raw_os_error(libc::EPERM))
}

fn untouched() -> io::Result<Frequency> {
    panic!("the clock is not ours")
}

#[test]
fn without_control_the_clock_is_not_even_probed() {
    let probe = || panic!("the clock is not ours");
    let opened = Clock::open_with(ClockControl::No, probe, untouched).unwrap();
    assert!(!opened.clock.is_controlled());
    assert_eq!(opened.refusal, None);
}

#[test]
fn a_missing_right_is_exit_code_77_and_names_both_remedies() {
    let error = Clock::open_with(ClockControl::Yes, refused, untouched).unwrap_err();
    assert_eq!(error.exit_code.code(), 77);
    let text = error.to_string();
    for remedy in ["root", "CAP_SYS_TIME", "--no-clock-control", "clock-control = \"auto\""] {
        assert!(text.contains(remedy), "{text}");
    }
}

#[test]
fn auto_measures_with_one_warning_where_the_right_is_missing() {
    let opened = Clock::open_with(ClockControl::Auto, refused, untouched).unwrap();
    assert!(!opened.clock.is_controlled());
    assert!(opened.refusal.is_some());
}

#[test]
fn auto_steers_where_it_may() {
    let found = Frequency::from_ppm(3.0);
    let opened = Clock::open_with(ClockControl::Auto, || Ok(()), || Ok(found)).unwrap();
    assert!(opened.clock.is_controlled());
    assert_eq!((opened.frequency, opened.refusal), (found, None));
}

#[test]
fn another_failure_is_not_a_missing_right() {
    let failed = || Err(io::Error::from_raw_os_error(libc::EINVAL));
    assert_eq!(Clock::open_with(ClockControl::Yes, failed, untouched).unwrap_err().exit_code.code(), 70);
}

#[test]
fn a_measured_clock_refuses_adjustments() {
    let error = Clock::None.apply(&Adjustment::Step(Span::ZERO)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
}

#[test]
fn a_reader_follows_the_virtual_clock() {
    let mut clock = Clock::Virtual(VirtualClock::new(Span::from_secs(100), Frequency::ZERO));
    let reader = clock.reader();
    assert_eq!(reader.ahead_of_host(), Span::from_secs(100));
    clock.apply(&Adjustment::Step(Span::from_secs(-40))).unwrap();
    assert_eq!(reader.ahead_of_host(), Span::from_secs(60));
    let stamp = crate::sys::clock::realtime();
    assert_eq!(clock.to_local(stamp), reader.to_local(stamp));
}

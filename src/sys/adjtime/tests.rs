//! Requests as the kernel wants them. No test here writes to the clock of the machine it runs on.

use super::*;

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

/// Set for the inner run of the next test.
const INSIDE: &str = "NTPD_RS_TEST_INSIDE_USER_NAMESPACE";

/// The identity map of the initial user namespace: there, a write would reach the machine's own clock.
fn in_initial_user_namespace() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap();
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

#[test]
fn the_probe_is_refused_in_a_user_namespace() {
    if std::env::var_os(INSIDE).is_some() {
        assert!(!in_initial_user_namespace(), "refusing to touch this machine's clock");
        let error = probe().unwrap_err();
        assert_eq!(super::super::errno(&error), Some(libc::EPERM), "{error}");
        assert!(error.to_string().starts_with("clock_adjtime: "), "{error}");
        println!("refused as it should be");
        return;
    }
    let me = std::env::current_exe().unwrap();
    let name = "sys::adjtime::tests::the_probe_is_refused_in_a_user_namespace";
    let inner = std::process::Command::new("unshare")
        .args(["-Ur", "--"])
        .arg(me)
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .output();
    match inner {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(text.contains("refused as it should be"), "{text}");
        }
        Ok(output) if String::from_utf8_lossy(&output.stderr).contains("unshare failed") => {
            println!("skipped: user namespaces are not allowed here");
        }
        Ok(output) => {
            panic!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
        }
        Err(error) => println!("skipped: unshare: {error}"),
    }
}

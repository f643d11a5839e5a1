//! Steering `CLOCK_REALTIME` with `clock_adjtime`. What to steer it to is not decided here.

use super::error::check;
use crate::time::{ClockStatus, Frequency, Leap, Span};
use std::io;

/// The largest rate correction that the kernel accepts (`MAXFREQ`).
pub const MAXIMUM_FREQUENCY_PPM: f64 = 500.0;
/// The largest error that the kernel keeps (`NTP_PHASE_LIMIT`): "no idea", and not synchronized for `timedatectl`.
pub const MAXIMUM_ERROR: Span = Span::from_secs(16);

/// The kernel's clock discipline as it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KernelState {
    /// The rate correction in force, without `tick`.
    pub frequency: Frequency,
    /// What `ADJ_TICK` adds to it; zero unless another program uses it.
    pub tick: Frequency,
    /// Whether `STA_UNSYNC` is clear.
    pub synchronized: bool,
    /// `Unsynchronized` with `STA_UNSYNC`, otherwise as announced.
    pub leap: Leap,
    /// The bound; grows by 500 µs every second.
    pub maximum_error: Span,
    /// One standard deviation.
    pub estimated_error: Span,
    /// International atomic time minus UTC, whole seconds; 0 when nobody told the kernel.
    pub tai_offset: i32,
}

/// Reads the state; changes nothing and needs no right.
pub fn read() -> io::Result<KernelState> {
    let timex = call(request(0))?;
    Ok(KernelState {
        frequency: Frequency::from_kernel(wide(timex.freq)),
        tick: tick_frequency(&timex),
        synchronized: timex.status & libc::STA_UNSYNC == 0,
        leap: leap_of(timex.status),
        maximum_error: Span::from_micros(wide(timex.maxerror)),
        estimated_error: Span::from_micros(wide(timex.esterror)),
        tai_offset: timex.tai,
    })
}

/// Writes back the length of a tick as it is: changes nothing, and fails where the clock may not be set.
///
/// The capability bit does not tell: in a user namespace it is there, and the write is refused.
pub fn probe() -> io::Result<()> {
    let present = call(request(0))?;
    let mut timex = request(libc::ADJ_TICK);
    timex.tick = present.tick;
    call(timex).map(drop)
}

/// Ends what an earlier daemon left behind: a pending offset, a changed tick, a claim to be synchronized.
///
/// What its tick corrected goes on as frequency, as far as that reaches. Returns the frequency in force.
pub fn take_over() -> io::Result<Frequency> {
    let before = read()?;
    // An offset being slewed by the kernel's own loop ends when the loop, on for this one call, gets a zero.
    let mut timex = request(libc::ADJ_STATUS | libc::ADJ_OFFSET);
    timex.status = libc::STA_PLL | libc::STA_UNSYNC;
    call(timex)?;
    // So does adjtime(3)'s, which is kept apart from it.
    call(request(libc::ADJ_OFFSET_SINGLESHOT))?;
    let mut timex = request(libc::ADJ_STATUS | libc::ADJ_TICK | libc::ADJ_FREQUENCY);
    timex.status = libc::STA_UNSYNC;
    timex.tick = nominal_tick();
    timex.freq = kernel_units(before.frequency + before.tick);
    let frequency = Frequency::from_kernel(wide(call(timex)?.freq));
    set_status(&ClockStatus {
        leap: Leap::Unsynchronized,
        estimated_error: MAXIMUM_ERROR,
        maximum_error: MAXIMUM_ERROR,
    })?;
    Ok(frequency)
}

/// Moves the clock at once, forward if positive; exact to the nanosecond.
///
/// The kernel forgets its status with it: `STA_UNSYNC` is set and both errors are at their limit until they are written again.
pub fn step(by: Span) -> io::Result<()> {
    call(step_request(by)).map(drop)
}

/// Sets the rate correction, limited to ±500 ppm, and returns it as the kernel keeps it (2⁻¹⁶ ppm).
pub fn set_frequency(frequency: Frequency) -> io::Result<Frequency> {
    let mut timex = request(libc::ADJ_FREQUENCY);
    timex.freq = kernel_units(frequency);
    Ok(Frequency::from_kernel(wide(call(timex)?.freq)))
}

/// Says how good the clock is. Turns off every way in which the kernel would steer by itself.
///
/// An unsynchronized clock has no bound: its errors are written as [`MAXIMUM_ERROR`], whatever `status` says,
/// because readers such as systemd-timedated look at the bound alone.
pub fn set_status(status: &ClockStatus) -> io::Result<()> {
    call(status_request(status)).map(drop)
}

/// Tells the kernel International atomic time minus UTC, whole seconds (`CLOCK_TAI`).
pub fn set_tai_offset(seconds: u16) -> io::Result<()> {
    let mut timex = request(libc::ADJ_TAI);
    timex.constant = seconds.into();
    call(timex).map(drop)
}

fn step_request(by: Span) -> libc::timex {
    let mut timex = request(libc::ADJ_SETOFFSET | libc::ADJ_NANO);
    // The kernel wants the fraction positive: −0.3 s is −1 s and 700 000 000 ns.
    timex.time.tv_sec = narrow(by.nanos().div_euclid(1_000_000_000));
    timex.time.tv_usec = narrow(by.nanos().rem_euclid(1_000_000_000));
    timex
}

fn status_request(status: &ClockStatus) -> libc::timex {
    let mut timex = request(libc::ADJ_STATUS | libc::ADJ_MAXERROR | libc::ADJ_ESTERROR);
    // Every bit that can be written is ours; the read-only ones (STA_NANO, STA_CLOCKERR …) the kernel keeps.
    timex.status = match status.leap {
        Leap::NoWarning => 0,
        Leap::AddSecond => libc::STA_INS,
        Leap::DeleteSecond => libc::STA_DEL,
        Leap::Unsynchronized => libc::STA_UNSYNC,
    };
    let error = |span| if status.leap == Leap::Unsynchronized { MAXIMUM_ERROR } else { span };
    timex.maxerror = micros(error(status.maximum_error));
    timex.esterror = micros(error(status.estimated_error));
    timex
}

/// Rounded up, so that a bound stays one; 0 ..= 16 s.
fn micros(error: Span) -> libc::c_long {
    let nanos = error.nanos().clamp(0, MAXIMUM_ERROR.nanos());
    narrow((nanos + 999) / 1000)
}

fn kernel_units(frequency: Frequency) -> libc::c_long {
    narrow(frequency.clamp(Frequency::from_ppm(MAXIMUM_FREQUENCY_PPM)).to_kernel())
}

fn leap_of(status: libc::c_int) -> Leap {
    if status & libc::STA_UNSYNC != 0 {
        Leap::Unsynchronized
    } else if status & libc::STA_INS != 0 {
        Leap::AddSecond
    } else if status & libc::STA_DEL != 0 {
        Leap::DeleteSecond
    } else {
        Leap::NoWarning
    }
}

/// Microseconds from one tick of 1/`USER_HZ` to the next.
fn nominal_tick() -> libc::c_long {
    // SAFETY: sysconf takes no pointer.
    let ticks_per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    1_000_000 / ticks_per_second.max(1)
}

#[expect(clippy::cast_precision_loss, reason = "the kernel keeps it within 10 % of 10 000 or less")]
fn tick_frequency(timex: &libc::timex) -> Frequency {
    let nominal = nominal_tick();
    Frequency::from_ratio((timex.tick - nominal) as f64 / nominal as f64)
}

fn request(modes: libc::c_uint) -> libc::timex {
    // SAFETY: a timex is integers only, and all of them may be zero.
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    timex.modes = modes;
    timex
}

fn call(mut timex: libc::timex) -> io::Result<libc::timex> {
    // SAFETY: the pointer is to a timex that is ours and writable during the call.
    let result = unsafe { libc::clock_adjtime(libc::CLOCK_REALTIME, &raw mut timex) };
    check("clock_adjtime", result)?;
    Ok(timex)
}

#[allow(clippy::useless_conversion, reason = "c_long has 32 bits on some targets")]
fn wide(value: libc::c_long) -> i64 {
    i64::from(value)
}

/// Saturates where `c_long` has 32 bits.
#[allow(clippy::unnecessary_fallible_conversions, clippy::useless_conversion, reason = "as above")]
pub(super) fn narrow(value: i64) -> libc::c_long {
    libc::c_long::try_from(value).unwrap_or(if value < 0 { libc::c_long::MIN } else { libc::c_long::MAX })
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::in_user_mode_linux;

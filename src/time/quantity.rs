//! Seconds as people read them: three digits and the unit that fits. No other quantities.

/// `12.3 µs`, `1.50 s`, `86400 s`, `365 d`; the sign is left to the caller.
pub fn magnitude(seconds: f64) -> String {
    let size = seconds.abs();
    let (value, unit) = match size {
        _ if size == 0.0 => return "0 s".to_owned(),
        _ if size < 1e-6 => (size * 1e9, "ns"),
        _ if size < 1e-3 => (size * 1e6, "µs"),
        _ if size < 1.0 => (size * 1e3, "ms"),
        _ if size < 1e5 => (size, "s"),
        _ => (size / 86400.0, "d"),
    };
    let decimals = match value {
        _ if value < 9.995 => 2,
        _ if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

/// With its sign.
pub fn signed(seconds: f64) -> String {
    let sign = if seconds < 0.0 { '-' } else { '+' };
    format!("{sign}{}", magnitude(seconds))
}

/// `12.3 µs behind`; positive is behind.
pub fn behind(offset: f64) -> String {
    format!("{} {}", magnitude(offset), if offset < 0.0 { "ahead" } else { "behind" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_the_unit_that_fits() {
        for (seconds, text) in [
            (0.0, "0 s"),
            (5e-9, "5.00 ns"),
            (12.34e-6, "12.3 µs"),
            (0.001, "1.00 ms"),
            (0.25, "250 ms"),
            (9.999, "10.0 s"),
            (-86400.0, "86400 s"),
            (31_536_000.0, "365 d"),
        ] {
            assert_eq!(magnitude(seconds), text);
        }
        assert_eq!((signed(-0.5), signed(0.5)), ("-500 ms".to_owned(), "+500 ms".to_owned()));
        assert_eq!((behind(-0.5), behind(0.5)), ("500 ms ahead".to_owned(), "500 ms behind".to_owned()));
    }
}

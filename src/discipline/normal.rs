//! The normal distribution's tail, as a queue behind a blurred edge needs it. Knows no measurement.

/// Chebyshev series of ln(erfcx(z) / t) in 2t - 1, where t = 1 / (1 + z/2) and z ≥ 0. Fitted here; the error is below 2e-7.
const SERIES: [f64; 10] = [
    -0.651_326_859_891,
    0.641_969_792_356,
    0.019_476_473_204_2,
    -0.009_561_514_786_81,
    -0.000_946_595_344_483,
    0.000_366_839_497_964,
    4.252_332_449_74e-5,
    -2.027_857_901_23e-5,
    -1.624_283_112_43e-6,
    1.303_653_435_22e-6,
];

/// So many standard deviations above the mean nothing is beyond, and the density is none: 4e-11 and 3e-10.
const ALL: f64 = 6.5;

/// φ(0) = 1 / √(2π).
const DENSITY_AT_0: f64 = 0.398_942_280_401_432_7;

/// ln(erfcx(z)) for z ≥ 0, where erfcx(z) = exp(z²) erfc(z).
fn ln_erfcx(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.5 * z);
    let y = 4.0 * t - 2.0;
    let (mut b, mut c) = (0.0, 0.0);
    for coefficient in SERIES.iter().skip(1).rev() {
        (b, c) = (y * b - c + coefficient, b);
    }
    0.5 * y * b - c + SERIES[0] + t.ln()
}

/// Of Φ, the standard normal distribution: ln Φ(s), but for s < 0 without its -s²/2; and φ(s) / Φ(s).
///
/// Far out the square cancels in what it is needed for, and everything else would be lost in it.
pub(super) fn tail(s: f64) -> (f64, f64) {
    if s > ALL {
        return (0.0, 0.0);
    }
    let scaled = ln_erfcx(s.abs() * std::f64::consts::FRAC_1_SQRT_2) - std::f64::consts::LN_2;
    if s <= 0.0 {
        return (scaled, DENSITY_AT_0 * (-scaled).exp());
    }
    let square = 0.5 * s * s;
    let beyond = (scaled - square).exp();
    ((-beyond).ln_1p(), DENSITY_AT_0 * (-square).exp() / (1.0 - beyond))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(s: f64, ln_distribution: f64, ratio: f64) {
        let (scaled, found) = tail(s);
        let square = if s < 0.0 { 0.5 * s * s } else { 0.0 };
        assert!(
            (scaled - square - ln_distribution).abs() < 2e-7 * ln_distribution.abs().max(1.0),
            "{scaled}"
        );
        assert!((found / ratio - 1.0).abs() < 3e-7, "{found}");
    }

    #[test]
    fn it_is_the_normal_distribution() {
        // Abramowitz and Stegun 1964, tables 26.1 and 26.2.
        check(0.0, 0.5_f64.ln(), 0.797_884_560_8);
        check(1.0, 0.841_344_746_1_f64.ln(), 0.241_970_724_5 / 0.841_344_746_1);
        check(-1.0, 0.158_655_253_9_f64.ln(), 0.241_970_724_5 / 0.158_655_253_9);
        check(-5.0, 2.866_515_719e-7_f64.ln(), 1.486_719_515e-6 / 2.866_515_719e-7);
    }

    #[test]
    fn far_out_it_is_still_a_number() {
        for s in [-1e8, -1e4, -40.0, 40.0, 1e4] {
            let (scaled, ratio) = tail(s);
            assert!(scaled.is_finite() && ratio.is_finite() && ratio >= 0.0, "{s}: {scaled} {ratio}");
        }
        // Mills: φ/Φ tends to -s.
        assert!((tail(-1e4).1 / 1e4 - 1.0).abs() < 1e-6);
    }
}

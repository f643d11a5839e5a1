//! The limit of linear clients against the figures published with the scenarios.

use crate::simulator::catalogue;
use crate::simulator::limit::linear;

#[track_caller]
fn check(name: &str, interval: f64, published_us: f64) {
    let limit = linear(&catalogue::find(name).unwrap(), interval) * 1e6;
    let tolerance = 0.51 * if published_us < 20.0 { 0.1 } else { 1.0 };
    assert!(
        (limit - published_us).abs() <= tolerance,
        "{name} at {interval} s: {limit:.2} us, not {published_us}"
    );
}

#[test]
fn the_limit_of_linear_clients_is_the_published_one() {
    check("lan", 16.0, 4.4);
    check("lan", 64.0, 7.4);
    check("lan", 256.0, 12.6);
    check("lan_w8", 64.0, 13.4);
    check("lan4", 64.0, 8.7);
    check("inet1", 16.0, 82.0);
    check("inet1", 64.0, 138.0);
    check("inet1", 1024.0, 392.0);
    check("inet1_w8", 64.0, 245.0);
    check("inet1_w10", 64.0, 78.0);
    check("inet4", 64.0, 82.0);
    check("wifi", 64.0, 286.0);
    check("asymjit", 64.0, 179.0);
}

#[test]
fn there_is_no_such_limit_where_more_than_wander_and_jitter_is_at_work() {
    for name in ["asymstat4", "false5", "loss30", "hvac", "step50", "fstep1", "holdout", "dst-route", "tcxo"]
    {
        assert!(linear(&catalogue::find(name).unwrap(), 64.0).is_nan(), "{name}");
    }
}

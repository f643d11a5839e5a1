//! Random scenarios against what is promised of them.

use crate::simulator::drawn::{describe, scenario};
use crate::simulator::scenario::configuration;
use ntpd_rs::time::Span;

#[test]
fn a_random_scenario_leaves_enough_servers_that_tell_the_truth() {
    let mut liars = 0;
    for seed in 0..500 {
        let drawn = scenario(seed).scenario;
        let lying = drawn.servers.iter().filter(|site| site.server.error != Span::ZERO).count();
        let honest = drawn.servers.len() - lying;
        let needed = configuration(&drawn, scenario(seed).mode.limits()).synchronization;
        assert!(honest > lying && honest >= needed.minimum_agreeing_sources, "seed {seed}");
        liars += lying;
    }
    assert!(liars > 50, "{liars} liars in 500 scenarios");
}

#[test]
fn a_random_scenario_is_the_same_each_time_and_another_with_another_seed() {
    assert_eq!(describe(&scenario(7)), describe(&scenario(7)));
    assert_ne!(describe(&scenario(7)), describe(&scenario(8)));
}

#[test]
fn nothing_explains_an_error_of_seconds_once_the_clock_is_set() {
    for seed in 0..500 {
        let explained = scenario(seed).explained;
        let (at_first, later) = (explained.at(20.0), explained.at(4_000.0));
        assert!(at_first.is_infinite() && later > 0.0 && later < 2.0, "seed {seed}: {later}");
    }
}

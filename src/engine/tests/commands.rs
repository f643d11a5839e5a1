//! What people ask while the engine runs: done, or refused with the reason.

use super::*;
use crate::command::Command;

#[test]
fn a_step_that_cannot_come_is_refused_with_the_reason() {
    let few = vec![server("192.0.2.1")];
    for (sources, controls_clock, reason) in [
        (few.clone(), false, "does not control the clock"),
        (Vec::new(), true, "no sources"),
        (few, true, "`minimum-agreeing-sources` = 3"),
    ] {
        let mut bench = Bench::new(sources);
        bench.engine.start.controls_clock = controls_clock;
        let (_, answer) = bench.engine.obey(bench.now(), Command::ForceSync);
        let told = answer.unwrap_err();
        assert!(told.contains(reason), "{told}");
    }
}

#[test]
fn a_step_that_may_come_is_accepted() {
    let mut bench = Bench::new(vec![pool("pool.example", 4)]);
    let (_, answer) = bench.engine.obey(bench.now(), Command::ForceSync);
    assert_eq!(answer, Ok(()));
}

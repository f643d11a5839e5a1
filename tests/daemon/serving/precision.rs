//! How true the served times are. Both ends of the cable have this machine's clock, and a veth pair takes no time, so the
//! kernel's stamps at the other end are the truth.

use super::{listening_at, start_server};
use crate::lab::{Host, Lab};
use crate::process::run;
use crate::programs::example;
use crate::wait::seconds;
use serde_json::Value;

/// Microseconds either way. A build for debugging takes ten times as long for everything between reading the clock and
/// sending, and as much more or less from reply to reply.
const TRANSMIT: f64 = if cfg!(debug_assertions) { 50.0 } else { 5.0 };
const RECEIVE: f64 = 5.0;

#[test]
#[ignore = "needs root: ./test runs it"]
fn served_times_are_those_of_the_cable() {
    let lab = Lab::new();
    let _server = start_server(&lab, &listening_at(&["10.77.0.100:123"]));
    // What else this machine does may disturb one run, and hardly all.
    let mut reports = Vec::new();
    for _ in 0..3 {
        let report = measure(&lab);
        println!("{report}");
        let median = |of: &str| report[of]["median"].as_f64().unwrap();
        if median("receive").abs() < RECEIVE && median("transmit").abs() < TRANSMIT {
            return;
        }
        reports.push(report);
    }
    panic!("{reports:#?}");
}

fn measure(lab: &Lab) -> Value {
    let mut command = lab.command(Host::Servers, example("served-time"));
    command.args(["--server", "10.77.0.100:123", "--count", "200", "--interval", "10"]);
    let (status, output) = run("served-time", command, seconds(60));
    assert!(status.success(), "{output}");
    serde_json::from_str(&output).unwrap()
}

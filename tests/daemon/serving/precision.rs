//! How true the served times are. Both ends of the cable have this machine's clock, and a veth pair takes no time, so the
//! kernel's stamps at the other end are the truth.

use super::{listening_at, start_server};
use crate::lab::{Host, Lab};
use crate::process::run;
use crate::programs::example;
use crate::wait::seconds;
use serde_json::Value;

#[test]
#[ignore = "needs root: ./test runs it"]
fn served_times_are_those_of_the_cable() {
    let lab = Lab::new();
    let _server = start_server(&lab, &listening_at(&["10.77.0.100:123"]));
    let mut command = lab.command(Host::Servers, example("served-time"));
    command.args(["--server", "10.77.0.100:123", "--count", "200", "--interval", "10"]);
    let (status, output) = run("served-time", command, seconds(30));
    assert!(status.success(), "{output}");
    println!("{output}");
    let report: Value = serde_json::from_str(&output).unwrap();
    let median = |of: &str| report[of]["median"].as_f64().unwrap();
    assert!(median("receive").abs() < 5.0, "{output}");
}

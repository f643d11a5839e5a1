//! Tests of the generator against servers that answer, lose, lie and refuse: what it counts must be what they did.

use super::execute;
use super::options::Options;
use clap::Parser;
use ntpd_rs::testserver::{Behaviour, Options as Wrong, TestServer, host_clock};
use serde_json::Value;

fn run(wrong: Wrong, arguments: &[&str]) -> Value {
    let server = TestServer::start("127.0.0.1:0", wrong, host_clock()).unwrap();
    let address = server.address().to_string();
    let common = ["ntp-load", &address, "--json", "--seconds=0.15", "--warm-up=0.05"];
    let options = Options::parse_from(common.iter().chain(arguments));
    options.check().unwrap();
    serde_json::from_str(&execute(&options).unwrap()).unwrap()
}

fn of(behaviour: Behaviour) -> Wrong {
    Wrong { behaviour, ..Wrong::default() }
}

fn figure(found: &Value, name: &str) -> f64 {
    found[name].as_f64().unwrap_or_else(|| panic!("no {name}: {found}"))
}

#[test]
fn a_closed_loop_counts_every_answer() {
    let pid = format!("--server-pid={}", std::process::id());
    let found = run(Wrong::default(), &["--wait=5", "--sockets=3", "--outstanding=4", "--addresses=2", &pid]);
    assert!(figure(&found, "answered") > 0.0, "{found}");
    assert!(figure(&found, "answered") <= figure(&found, "sent") + 12.0, "{found}");
    assert!(figure(&found, "cpu_us_per_reply") > 0.0, "{found}");
    assert!(["without_time", "nonsense", "unsent"].iter().all(|name| found[*name] == 0.0), "{found}");
}

#[test]
fn an_open_loop_keeps_below_its_rate_and_sees_the_loss() {
    let lossy = Wrong { loss: 0.5, ..Wrong::default() };
    let found = run(lossy, &["--rate=1000", "--addresses=20", "--sockets=4"]);
    let (sent, lost) = (figure(&found, "sent"), figure(&found, "lost"));
    assert!(sent > 10.0 && sent <= 160.0, "{found}");
    assert!(lost > 0.1 * sent && lost < sent, "{found}");
}

#[test]
fn what_is_no_answer_with_time_is_not_counted_as_one() {
    for (behaviour, column) in [
        (Behaviour::Deny, "without_time"),
        (Behaviour::Unsynchronized, "without_time"),
        (Behaviour::WrongOrigin, "nonsense"),
        (Behaviour::Broadcast, "nonsense"),
        (Behaviour::WrongVersion, "nonsense"),
        (Behaviour::InvalidTimestamps, "nonsense"),
        (Behaviour::Short, "nonsense"),
        (Behaviour::TrailingGarbage, "nonsense"),
        (Behaviour::Silent, "lost"),
    ] {
        let found = run(of(behaviour), &["--timeout=0.05"]);
        assert!(figure(&found, column) > 0.0, "{behaviour}: {found}");
        assert_eq!(found["answered"], 0.0, "{behaviour}: {found}");
    }
    let found = run(of(Behaviour::Duplicate), &[]);
    assert!(figure(&found, "answered") > 0.0 && figure(&found, "nonsense") > 0.0, "{found}");
}

#[test]
fn a_flood_reports_what_its_honest_clients_got() {
    let arguments = ["--flood=garbage", "--rate=2000", "--honest=100"];
    let found = run(Wrong::default(), &arguments);
    assert!(figure(&found, "sent") > 20.0 && figure(&found, "honest_sent") > 2.0, "{found}");
    assert!(figure(&found, "honest_answered") > 0.0, "{found}");
    let found = run(of(Behaviour::Silent), &arguments);
    assert_eq!(found["honest_share"], 0.0, "{found}");
}

#[test]
fn a_server_that_never_answers_is_not_waited_for_forever() {
    let silent = TestServer::start("127.0.0.1:0", of(Behaviour::Silent), host_clock()).unwrap();
    let address = silent.address().to_string();
    let options = Options::parse_from(["ntp-load", &address, "--wait=0.2"]);
    assert!(execute(&options).unwrap_err().to_string().contains("gave no time within 0.2 s"));
}

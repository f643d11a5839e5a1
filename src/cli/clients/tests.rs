//! The list, line by line.

use super::*;
use crate::verdict::Refusal;
use std::collections::BTreeMap;

fn known(address: &str) -> Client {
    Client {
        address: address.parse().unwrap(),
        requests: 1234,
        answered: 1230,
        refused: BTreeMap::new(),
        version: Some(4),
        interleaved: false,
        interval_seconds: Some(16.2),
        last_seconds_ago: 3.21,
        since_seconds_ago: 20_000.0,
        recent: 400.0,
        recent_at_most: 400.0,
    }
}

fn at(address: &str, remembered: usize, clients: Vec<Client>) -> ListenerClients {
    ListenerClients { address: address.parse().unwrap(), remembered, silent_workers: 0, clients }
}

const PAGE: &str = "\
Serving [::]:123
Client                                   Requests  Answered   Every    Last NTP
192.0.2.7                                    1234      1230  16.2 s  3.21 s  v4
    refused: malformed 1, rate-limited 3
2001:db8:1234:5678:9abc:def0:1234:5678       1234      1230  16.2 s  3.21 s  v3
    interleaved mode
198.51.100.1                                    1         0       -  3.21 s   -
    refused: wrong-mode 1; perhaps 41 more before it was listed

Serving 192.0.2.1:1123
    clients are not remembered: `client-statistics` is not set here

Serving 192.0.2.2:123
    nobody has asked yet
";

#[test]
fn each_listener_has_its_clients_with_what_is_special_about_them() {
    let limited =
        Client { refused: [(Refusal::Malformed, 1), (Refusal::RateLimited, 3)].into(), ..known("192.0.2.7") };
    let interleaved =
        Client { version: Some(3), interleaved: true, ..known("2001:db8:1234:5678:9abc:def0:1234:5678") };
    let once = Client {
        requests: 1,
        answered: 0,
        refused: [(Refusal::WrongMode, 1)].into(),
        version: None,
        interval_seconds: None,
        recent: 1.0,
        recent_at_most: 41.2,
        ..known("198.51.100.1")
    };
    let listeners = [
        at("[::]:123", 100, vec![limited, interleaved, once]),
        at("192.0.2.1:1123", 0, vec![]),
        at("192.0.2.2:123", 100, vec![]),
    ];
    assert_eq!(show(&listeners, ListFormat::Plain).unwrap(), PAGE);
}

#[test]
fn no_line_is_longer_than_80_columns() {
    let worst = Client {
        requests: u64::MAX,
        answered: u64::MAX - 1,
        refused: Refusal::ALL.map(|reason| (reason, u64::MAX)).into(),
        interleaved: true,
        interval_seconds: Some(99_999.4),
        last_seconds_ago: 99_999.4,
        recent: 1.0,
        recent_at_most: 1e15,
        ..known("2001:db8:1234:5678:9abc:def0:1234:5678")
    };
    let address = "[2001:db8:1234:5678:9abc:def0:1234:5678]:65535";
    let all = ListenerClients { silent_workers: 1000, ..at(address, 100, vec![worst]) };
    for line in show(&[all], ListFormat::Plain).unwrap().lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn a_worker_that_is_silent_is_told() {
    let silent = ListenerClients { silent_workers: 1, ..at("[::]:123", 100, vec![known("192.0.2.7")]) };
    let page = show(&[silent], ListFormat::Plain).unwrap();
    assert!(page.contains("\n    1 worker(s) did not answer in time"), "{page}");
    assert!(page.contains("\n192.0.2.7 "), "{page}");
}

#[test]
fn where_nothing_is_remembered_the_remedy_is_named() {
    for (listeners, remedy) in
        [(vec![], "[[server]]"), (vec![at("[::]:123", 0, vec![])], "client-statistics")]
    {
        let error = show(&listeners, ListFormat::Plain).unwrap_err();
        assert!(error.message.contains(remedy), "{error}");
        assert_eq!(error.exit_code.code(), 1);
    }
}

#[test]
fn json_is_what_the_daemon_told() {
    let listeners = [at("[::]:123", 100, vec![known("192.0.2.7")]), at("192.0.2.1:123", 0, vec![])];
    let json = show(&listeners, ListFormat::Json).unwrap();
    assert_eq!(serde_json::from_str::<Vec<ListenerClients>>(&json).unwrap(), listeners);
}

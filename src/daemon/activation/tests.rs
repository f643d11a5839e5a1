//! The environment as text, and sockets of this process in place of passed ones: the real thing is in `tests/daemon`.

use super::*;
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;

#[track_caller]
fn read(process: &str, count: &str, fd_names: Option<&str>) -> Result<Vec<String>, String> {
    let owned = |text: &str| Some(text.to_owned());
    names(owned(process), owned(count), fd_names.map(str::to_owned), 77).map_err(|error| error.to_string())
}

#[test]
fn descriptors_have_names_and_those_of_another_process_are_not_ours() {
    assert_eq!(read("77", "2", Some("ntp:control")).unwrap(), ["ntp", "control"]);
    assert_eq!(read("77", "2", None).unwrap(), ["", ""]);
    assert_eq!(read("77", "0", None).unwrap(), [""; 0]);
    assert_eq!(read("77", "0", Some("")).unwrap(), [""; 0]);
    assert_eq!(read("78", "nonsense", Some("ntp")).unwrap(), [""; 0]);
    assert!(names(None, Some("1".to_owned()), None, 77).unwrap().is_empty());
    assert!(names(Some("77".to_owned()), None, None, 77).unwrap().is_empty());
}

#[test]
fn an_environment_that_nobody_could_have_meant_is_one_clear_error() {
    for (process, count, names, named) in [
        ("self", "1", None, "LISTEN_PID is `self`, no number"),
        ("77", "two", None, "LISTEN_FDS is `two`, no number"),
        ("77", "-1", None, "LISTEN_FDS is `-1`, no number"),
        ("77", "70000", None, "LISTEN_FDS is too large"),
        ("77", "2", Some("ntp"), "LISTEN_FDS is 2, and LISTEN_FDNAMES has 1 names"),
    ] {
        let error = read(process, count, names).unwrap_err();
        assert!(error.contains(named), "{error}");
        assert!(error.contains("service manager's to set"), "{error}");
    }
}

fn passed(sockets: Vec<(&str, OwnedFd)>) -> PassedSockets {
    PassedSockets { sockets: sockets.into_iter().map(|(name, socket)| (name.to_owned(), socket)).collect() }
}

#[test]
fn only_sockets_named_ntp_are_taken_and_the_others_are_left() {
    let sockets = [0; 3].map(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
    let address = sockets[1].local_addr().unwrap();
    let [first, second, third] = sockets.map(OwnedFd::from);
    let mut passed = passed(vec![("control", first), ("ntp", second), ("", third)]);
    let taken = passed.time_sockets().unwrap();
    assert_eq!(taken.iter().map(|socket| socket.address).collect::<Vec<_>>(), [address]);
    assert_eq!(passed.left().as_deref(), Some("`control`, ``"));
    assert!(passed.time_sockets().unwrap().is_empty());
}

#[test]
fn a_socket_of_another_kind_names_the_mistake_in_its_unit() {
    let stream = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = stream.local_addr().unwrap().to_string();
    let unbound = crate::sys::udp::UdpSocket::keep_stamping(crate::sys::Stamping::None).unwrap();
    let unbound = std::os::fd::AsFd::as_fd(&unbound).try_clone_to_owned().unwrap();
    for (socket, named) in [
        (stream.into(), [address.as_str(), "instead of ListenStream="]),
        (UnixDatagram::unbound().unwrap().into(), ["not of IP", "ListenDatagram="]),
        (tempfile::tempfile().unwrap().into(), ["no socket", "ListenDatagram="]),
        (unbound, ["bound to no port", "ListenDatagram="]),
    ] {
        let error = passed(vec![("ntp", socket)]).time_sockets().unwrap_err();
        assert!(named.iter().all(|text| error.message.contains(text)), "{error}");
        assert!(error.message.contains(".socket unit"), "{error}");
        assert_eq!(error.exit_code.code(), 78);
    }
}

/// A descriptor that claims to be bound there.
fn at(address: &str) -> TimeSocket {
    let descriptor = tempfile::tempfile().unwrap().into();
    TimeSocket { descriptor, address: address.parse().unwrap() }
}

/// Each section's address, whether it is as configured, and how many sockets it has.
fn shares(configured: &[&str], passed: &[&str]) -> Vec<(String, bool, usize)> {
    let server =
        |listen: &&str| ServerConfig { threads: Some(9), ..ServerConfig::new(listen.parse().unwrap()) };
    let servers: Vec<_> = configured.iter().map(server).collect();
    let sections = share_out(&servers, passed.iter().map(|address| at(address)).collect());
    let row = |section: Section| {
        (section.config.listen.to_string(), section.config.threads == Some(9), section.sockets.len())
    };
    sections.into_iter().map(row).collect()
}

#[test]
fn sockets_serve_the_section_of_their_address_and_the_others_form_sections_of_their_own() {
    let configured = ["0.0.0.0:123", "[::]:123", "192.0.2.1:1123"];
    let passed = ["[::]:123", "[::1]:123", "[::]:123", "192.0.2.1:123", "[::1]:123"];
    let expected = [
        ("0.0.0.0:123", true, 0),
        ("[::]:123", true, 2),
        ("192.0.2.1:1123", true, 0),
        ("[::1]:123", false, 2),
        ("192.0.2.1:123", false, 1),
    ];
    let expected = expected.map(|(address, configured, sockets)| (address.to_owned(), configured, sockets));
    assert_eq!(shares(&configured, &passed), expected);
    assert_eq!(shares(&[], &[]), []);
}

#[test]
fn link_local_sockets_are_told_apart_by_interface_unless_a_section_names_none() {
    let apart = shares(&[], &["[fe80::1%2]:123", "[fe80::1%3]:123"]);
    assert_eq!(apart.iter().map(|share| share.2).collect::<Vec<_>>(), [1, 1]);
    let together = shares(&["[fe80::1]:123"], &["[fe80::1%2]:123", "[fe80::1%3]:123"]);
    assert_eq!(together.iter().map(|share| share.2).collect::<Vec<_>>(), [2]);
}

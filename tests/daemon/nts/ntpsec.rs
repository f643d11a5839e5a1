//! ntpsec's ntpd on the other side: its server, and its client with each algorithm that both of us have.

use super::{certificates, ours};
use crate::lab::{Host, Lab};
use crate::peers::{ntpq, peer};
use crate::process::Process;
use crate::wait::{poll, seconds};
use ntpd_rs::nts::Algorithm;
use std::fs;

/// ntpd with these lines of configuration. It lacks the right to set the clock, says so and goes on; ntpq may ask it anything.
#[track_caller]
fn ntpd(lab: &Lab, host: Host, lines: &[String]) -> Process {
    let file = lab.folder().join("ntpd.conf");
    let fixed = "disable ntp\ndisable kernel\nunrestrict default noquery limited\n";
    fs::write(&file, format!("{fixed}{}\n", lines.join("\n"))).unwrap();
    let mut command = peer(lab, host, "usr/sbin/ntpd");
    command.args(["-n", "-c"]).arg(&file).arg("-p").arg(lab.folder().join("ntpd.pid"));
    Process::start("ntpd", command)
}

/// One line of `ntpq -c ntsinfo`.
#[track_caller]
fn count(table: &str, name: &str) -> u64 {
    let line = table.lines().find_map(|line| line.trim().strip_prefix(name)?.trim().strip_prefix(':'));
    line.and_then(|count| count.trim().parse().ok()).unwrap_or_else(|| panic!("no {name:?}: {table}"))
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn we_get_keys_and_protected_time_from_ntpsec() {
    let lab = Lab::new();
    let folder = certificates(&lab);
    let lines = [
        // Stratum 1 by its own word, a second after it started.
        "tos orphan 1 orphanwait 1".to_owned(),
        "nts enable".to_owned(),
        format!("nts cert {}/certificate.pem", folder.display()),
        format!("nts key {}/key.pem", folder.display()),
        format!("nts cookie {}", lab.folder().join("cookie-keys").display()),
    ];
    let server = ntpd(&lab, Host::Servers, &lines);
    let serves = || ntpq(&lab, Host::Servers, "rv").contains("leap=00, stratum=1").then_some(());
    assert!(poll(seconds(20), serves).is_some(), "it has no time:\n{}", server.output());

    let client = ours::client(&lab, &folder);
    let status = ours::got_time_with_nts(&client, 8);
    let table = ntpq(&lab, Host::Servers, "ntsinfo");
    println!("{table}");
    assert_eq!((count(&table, "NTS KE serves good"), count(&table, "NTS KE serves bad")), (1, 0), "{table}");
    let (requests, replies) = (count(&table, "NTS server recvs good"), count(&table, "NTS server sends"));
    assert!(requests >= 8 && replies == requests, "{table}");
    assert_eq!(count(&table, "NTS server recvs w error"), 0, "{table}");
    assert_eq!(count(&table, "NTS make cookies"), 8 + replies, "{table}");

    let known = ours::algorithms_of_the_server(&lab, &folder);
    assert_eq!(known, [Algorithm::AesSivCmac256, Algorithm::AesSivCmac512]);
    assert_eq!(ours::algorithm(&status), ours::preferred(&known));
}

/// ntpd asks for this algorithm, and its requests are answered.
#[track_caller]
fn check_client(algorithm: Algorithm, name: &str) {
    let lab = Lab::new();
    let folder = certificates(&lab);
    let server = ours::server(&lab, &folder);
    // It knows no certificates for addresses.
    lab.write_etc("10.77.0.1 time.example\n", "");
    let line = format!(
        "server time.example nts ca {}/ca.pem aead {name} iburst minpoll 0 maxpoll 0",
        folder.display()
    );
    let client = ntpd(&lab, Host::Client, &[line]);
    client.wait_for(&format!("aead={}.", algorithm.id()), seconds(10));
    // It takes a server for good after four replies, two seconds apart.
    let synchronized = poll(seconds(30), || {
        let association = ntpq(&lab, Host::Client, "rv &1");
        association.contains("sel_sys.peer").then_some(association)
    });
    let association = synchronized.unwrap_or_else(|| panic!("not synchronized:\n{}", client.output()));
    println!("{association}");
    assert!(
        association.contains("authenb, auth, reach") && association.contains("flash=00 ok"),
        "{association}"
    );
    assert!(association.contains("ntscookies=8"), "{association}");
    let table = ntpq(&lab, Host::Client, "ntsinfo");
    println!("{table}");
    let exchanges = ["NTS KE client probes good", "NTS KE client probes bad"].map(|name| count(&table, name));
    assert_eq!(exchanges, [1, 0], "{table}");
    let replies = count(&table, "NTS client recvs good");
    assert!(replies >= 4 && count(&table, "NTS client recvs w error") == 0, "{table}");
    ours::gave_time_with_nts(&server, replies);
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn ntpsec_gets_keys_and_protected_time_from_us() {
    check_client(Algorithm::AesSivCmac256, "AES_SIV_CMAC_256");
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn ntpsec_gets_keys_twice_as_long_and_protected_time_from_us() {
    check_client(Algorithm::AesSivCmac512, "AES_SIV_CMAC_512");
}

//! Stories of NTS (RFC 8915) with other people's programs on the other side: each gets keys and time from us, and we from it, with every
//! algorithm that both have. chronyd is here, the others below, and master keys over time, and servers that service records name. Certificates are made for each story.
//!
//! Last seen with chrony 4.3 (algorithm 15) and 4.6.1 (30 and 15), ntpsec 1.2.2 (15 and 17) and ntpd-rs 1.9.0 (15 and 17; its client
//! prefers 17).

mod earlier;
mod memory;
mod ntpsec;
mod ours;
mod rotation;
mod service_records;

use crate::lab::{Host, Lab};
use crate::peers::Chrony;
use crate::process::run;
use crate::programs::example;
use crate::wait::seconds;
use ntpd_rs::nts::Algorithm;
use std::path::PathBuf;

/// The folder with `ca.pem`, and `certificate.pem` with `key.pem` for the first server.
#[track_caller]
pub(crate) fn certificates(lab: &Lab) -> PathBuf {
    certificates_for(lab, &Lab::server(1))
}

/// The same for the server at this address.
#[track_caller]
pub(crate) fn certificates_for(lab: &Lab, address: &str) -> PathBuf {
    let folder = lab.folder().join("certificates");
    std::fs::create_dir_all(&folder).unwrap();
    let mut command = lab.command(Host::Servers, example("throwaway-certificate"));
    command.arg(&folder).args([address, "time.example"]);
    let (status, output) = run("throwaway-certificate", command, seconds(10));
    assert!(status.success(), "{output}");
    folder
}

/// One column of chronyc's only row.
fn column(table: &str, column: usize) -> String {
    let row = table.lines().next().unwrap_or_default();
    row.split(',').nth(column).unwrap_or_else(|| panic!("no column {column}: {table}")).to_owned()
}

/// Columns of `chronyc -c authdata`.
const MODE: usize = 1;
const ALGORITHM: usize = 3;
const ATTEMPTS: usize = 6;
const NAKS: usize = 7;
const COOKIES: usize = 8;
/// Of `chronyc -c ntpdata`: of the last reply.
const AUTHENTICATED: usize = 27;

/// chronyd gets keys for this algorithm, and time.
#[track_caller]
fn check_client(chrony: Chrony, lines: &[&str], algorithm: Algorithm) {
    let lab = Lab::new();
    let folder = certificates(&lab);
    let server = ours::server(&lab, &folder);
    let trusted = format!("ntstrustedcerts {}/ca.pem", folder.display());
    let fixed = [&trusted, "nosystemcert", "server 10.77.0.1 nts minpoll 0 maxpoll 0"];
    let _client = chrony.chronyd(&lab, Host::Client, "client", &[&fixed, lines].concat());
    ours::gave_time_with_nts(&server, 12);
    let authdata = chrony.chronyc(&lab, Host::Client, "client", &["authdata"]);
    println!("authdata: {authdata}");
    assert_eq!([MODE, NAKS, ATTEMPTS].map(|at| column(&authdata, at)), ["NTS", "0", "0"], "{authdata}");
    assert_eq!(column(&authdata, ALGORITHM), algorithm.id().to_string(), "{authdata}");
    assert!(column(&authdata, COOKIES).parse::<u32>().unwrap() >= 7, "{authdata}");
    let ntpdata = chrony.chronyc(&lab, Host::Client, "client", &["ntpdata"]);
    assert_eq!(column(&ntpdata, AUTHENTICATED), "Yes", "{ntpdata}");
}

/// chronyd gives us keys for the first of these algorithms, and time; asked for each alone it has these and no others.
#[track_caller]
fn check_server(chrony: Chrony, lines: &[&str], algorithms: &[Algorithm]) {
    let lab = Lab::new();
    let folder = certificates(&lab);
    let [certificate, key] = ["certificate", "key"].map(|name| folder.join(name).with_extension("pem"));
    let certificate = format!("ntsservercert {}", certificate.display());
    let key = format!("ntsserverkey {}", key.display());
    let fixed = ["bindaddress 10.77.0.1", "allow", "local stratum 1", &certificate, &key];
    let _server = chrony.chronyd(&lab, Host::Servers, "server", &[&fixed, lines].concat());
    let client = ours::client(&lab, &folder);
    let status = ours::got_time_with_nts(&client, 12);
    // Authenticated NTP packets, by the server's own count.
    let statistics = chrony.chronyc(&lab, Host::Servers, "server", &["serverstats"]);
    println!("serverstats: {statistics}");
    let counts: Vec<u64> = statistics.trim().split(',').map(|count| count.parse().unwrap_or(0)).collect();
    // NTP received, dropped, commands received, dropped, client log drops, NTS-KE accepted, dropped, authenticated.
    assert_eq!((counts[5], counts[6]), (1, 0), "{statistics}");
    assert!(counts[7] >= 12 && counts[7] == counts[0], "{statistics}");

    let known = ours::algorithms_of_the_server(&lab, &folder);
    assert_eq!(known, algorithms);
    assert_eq!(ours::algorithm(&status), ours::preferred(&known));
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn chronyd_gets_keys_and_protected_time_from_us() {
    check_client(Chrony::Packaged, &[], Algorithm::AesSivCmac256);
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn a_later_chronyd_gets_keys_half_as_long_and_protected_time_from_us() {
    check_client(Chrony::Later, &[], Algorithm::Aes128GcmSiv);
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn a_later_chronyd_without_short_keys_gets_protected_time_from_us() {
    check_client(Chrony::Later, &["ntsaeads 15"], Algorithm::AesSivCmac256);
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn we_get_keys_and_protected_time_from_chronyd() {
    check_server(Chrony::Packaged, &[], &[Algorithm::AesSivCmac256]);
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn we_get_keys_half_as_long_and_protected_time_from_a_later_chronyd() {
    check_server(Chrony::Later, &[], &[Algorithm::Aes128GcmSiv, Algorithm::AesSivCmac256]);
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn we_get_protected_time_from_a_later_chronyd_without_short_keys() {
    check_server(Chrony::Later, &["ntsaeads 15"], &[Algorithm::AesSivCmac256]);
}

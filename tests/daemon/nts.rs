//! Stories of NTS (RFC 8915) with chronyd on the other side: it gets keys and time from us, and we from it. Certificates are made for each story.

use crate::lab::{Host, Lab};
use crate::peers::{chronyc, chronyd};
use crate::process::run;
use crate::programs::{Daemon, example};
use crate::wait::{poll, seconds};
use std::path::PathBuf;

/// The folder with `ca.pem`, and `certificate.pem` with `key.pem` for the first server.
#[track_caller]
fn certificates(lab: &Lab) -> PathBuf {
    let folder = lab.folder().join("certificates");
    std::fs::create_dir_all(&folder).unwrap();
    let mut command = lab.command(Host::Servers, example("throwaway-certificate"));
    command.arg(&folder).args(["10.77.0.1", "time.example"]);
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

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn chronyd_gets_keys_and_protected_time_from_us() {
    let lab = Lab::new();
    let folder = certificates(&lab);
    let toml = format!(
        "[[server]]\nlisten = \"10.77.0.1:123\"\nrequire-nts = \"ignore\"\n
         [[nts-ke-server]]\nlisten = \"10.77.0.1:4460\"\ncertificate-chain-path = \"{0}/certificate.pem\"
         private-key-path = \"{0}/key.pem\"\n
         [synchronization]\nlocal-stratum = 1\nreference-id = \"GPS\"\n",
        folder.display()
    );
    let daemon = Daemon::start_on(&lab, Host::Servers, &toml, &[]);
    daemon.wait_until("answering status", seconds(5), |_| true);
    let trusted = format!("ntstrustedcerts {}/ca.pem", folder.display());
    let server = "server 10.77.0.1 nts minpoll 0 maxpoll 0";
    let _client = chronyd(&lab, Host::Client, "client", &[&trusted, "nosystemcert", server]);
    daemon
        .wait_until("asked with NTS", seconds(30), |status| status.0.servers[0].stats.accepted_packets >= 12);
    let authdata = chronyc(&lab, Host::Client, "client", &["authdata"]);
    assert_eq!([MODE, NAKS, ATTEMPTS].map(|at| column(&authdata, at)), ["NTS", "0", "0"], "{authdata}");
    assert!(["15", "30"].contains(&column(&authdata, ALGORITHM).as_str()), "{authdata}");
    assert!(column(&authdata, COOKIES).parse::<u32>().unwrap() >= 7, "{authdata}");
    let ntpdata = chronyc(&lab, Host::Client, "client", &["ntpdata"]);
    assert_eq!(column(&ntpdata, AUTHENTICATED), "Yes", "{ntpdata}");
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn we_get_keys_and_protected_time_from_chronyd() {
    let lab = Lab::new();
    let folder = certificates(&lab);
    let lines = [
        "bindaddress 10.77.0.1".to_owned(),
        "allow".to_owned(),
        "local stratum 1".to_owned(),
        format!("ntsservercert {}/certificate.pem", folder.display()),
        format!("ntsserverkey {}/key.pem", folder.display()),
    ];
    let _server = chronyd(&lab, Host::Servers, "server", &lines.each_ref().map(String::as_str));
    let toml = format!(
        "[[source]]\nmode = \"nts\"\naddress = \"10.77.0.1\"\ncertificate-authority = \"{}/ca.pem\"
         poll-interval-limits = {{ min = 0, max = 0 }}\ninitial-poll-interval = 0\n
         [synchronization]\nminimum-agreeing-sources = 1\n",
        folder.display()
    );
    let daemon = Daemon::start_on(&lab, Host::Client, &toml, &[]);
    let status = daemon.wait_until("synchronized with NTS", seconds(30), |status| {
        status.is_synchronized() && status.replies("10.77.0.1:123") >= 12
    });
    assert!(status.error() < 0.001, "{status:#?}");
    let source = status.source("10.77.0.1:123").unwrap();
    assert_eq!(source.nts_cookies, Some(8), "{status:#?}");
    assert!(source.discards.is_empty(), "{status:#?}");
    // Authenticated NTP packets, by the server's own count.
    let counted = poll(seconds(5), || {
        let statistics = chronyc(&lab, Host::Servers, "server", &["serverstats"]);
        println!("serverstats: {statistics}");
        Some(statistics)
    });
    let statistics = counted.unwrap();
    let counts: Vec<u64> = statistics.trim().split(',').map(|count| count.parse().unwrap_or(0)).collect();
    // NTP received, dropped, commands received, dropped, client log drops, NTS-KE accepted, dropped, authenticated.
    assert_eq!((counts[5], counts[6]), (1, 0), "{statistics}");
    assert!(counts[7] >= 12 && counts[7] == counts[0], "{statistics}");
}

//! Stories of key exchange servers that service records name. The lab's name server signs nothing, so certificates are for the configured name;
//! what DNSSEC authenticates is proven in `src/daemon/service_records`.

use super::certificates;
use crate::lab::{Host, Lab};
use crate::process::Process;
use crate::programs::{Daemon, NTP_DAEMON, example_server, write_config};
use crate::wait::seconds;
use std::path::Path;

/// An NTP server that exchanges keys at this port.
#[track_caller]
fn server(lab: &Lab, n: u8, port: u16, certificates: &Path) -> Daemon {
    let folder = lab.folder().join(format!("server-{n}"));
    std::fs::create_dir_all(&folder).unwrap();
    let address = Lab::server(n);
    let toml = format!(
        "[[server]]\nlisten = \"{address}:123\"\n
         [[nts-ke-server]]\nlisten = \"{address}:{port}\"\ncertificate-chain-path = \"{0}/certificate.pem\"
         private-key-path = \"{0}/key.pem\"\n
         [synchronization]\nlocal-stratum = 1\nreference-id = \"GPS\"\n",
        certificates.display()
    );
    let config = write_config(&folder, &toml);
    let mut command = lab.command(Host::Servers, NTP_DAEMON);
    command.arg("-c").arg(&config).arg("--no-clock-control");
    let daemon = Daemon { process: Process::start(&format!("server {n}"), command), config };
    daemon.wait_until("answering status", seconds(5), |_| true);
    daemon
}

/// `count` servers that `time.example` stands for.
#[track_caller]
fn client(lab: &Lab, count: usize, certificates: &Path) -> Daemon {
    let toml = format!(
        "[[source]]\nmode = \"nts-pool\"\naddress = \"time.example\"\ncount = {count}\nenable-srv-resolution = true
         certificate-authority = \"{}/ca.pem\"\npoll-interval-limits = {{ min = 0, max = 0 }}\ninitial-poll-interval = 0\n
         [synchronization]\nminimum-agreeing-sources = {count}\n",
        certificates.display()
    );
    Daemon::start_on(lab, Host::Client, &toml, &[])
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn a_pool_is_the_servers_that_service_records_name() {
    let lab = Lab::new();
    let certificates = certificates(&lab);
    let _servers = [server(&lab, 1, 4461, &certificates), server(&lab, 2, 4462, &certificates)];
    let records = [
        "SRV _ntske._tcp.time.example. 0 0 4461 ke1.example.",
        "SRV _ntske._tcp.time.example. 0 0 4462 ke2.example.",
        "A ke1.example. 10.77.0.1",
        "A ke2.example. 10.77.0.2",
    ];
    let _names = example_server(&lab, "name-server", "10.77.0.9:53", &records);
    lab.write_etc("", "nameserver 10.77.0.9\n");
    let daemon = client(&lab, 2, &certificates);
    let both = ["10.77.0.1:123", "10.77.0.2:123"];
    let status = daemon.wait_until("synchronized with both", seconds(40), |status| {
        status.is_synchronized() && status.uses(&both)
    });
    assert!(both.iter().all(|address| status.source(address).unwrap().nts_cookies == Some(8)), "{status:#?}");
    let log = daemon.process.output();
    assert!(!log.contains("hickory") && !log.contains("WARN hickory"), "{log}");
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn without_a_name_server_that_answers_the_configured_host_is_asked() {
    let lab = Lab::new();
    let certificates = certificates(&lab);
    let _server = server(&lab, 1, 4460, &certificates);
    // Nobody is at the name server's address.
    lab.write_etc("10.77.0.1 time.example\n", "nameserver 10.77.0.250\n");
    let daemon = client(&lab, 1, &certificates);
    daemon.wait_until("synchronized", seconds(40), |status| {
        status.is_synchronized() && status.replies("10.77.0.1:123") >= 4
    });
}

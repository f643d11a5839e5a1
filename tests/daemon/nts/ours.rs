//! Our side of the stories of NTS, the same whoever is on the other one. What the peers are asked is not here.

use crate::lab::{Host, Lab};
use crate::process::run;
use crate::programs::{Daemon, Status, example};
use crate::wait::seconds;
use ntpd_rs::nts::Algorithm;
use std::path::Path;

/// Our client's only source.
pub(super) const SERVER: &str = "10.77.0.1:123";

/// Our server, which answers nobody without NTS.
#[track_caller]
pub(super) fn server(lab: &Lab, certificates: &Path) -> Daemon {
    server_with(lab, certificates, "")
}

/// The same with this `[keyset]`; its log tells of rotations.
#[track_caller]
pub(super) fn server_with(lab: &Lab, certificates: &Path, keyset: &str) -> Daemon {
    let toml = format!(
        "[[server]]\nlisten = \"{SERVER}\"\nrequire-nts = \"ignore\"\n
         [[nts-ke-server]]\nlisten = \"10.77.0.1:4460\"\ncertificate-chain-path = \"{0}/certificate.pem\"
         private-key-path = \"{0}/key.pem\"\n
         [keyset]\n{keyset}\n
         [synchronization]\nlocal-stratum = 1\nreference-id = \"GPS\"\n",
        certificates.display()
    );
    let arguments = ["-l", "info,ntpd_rs::daemon::master_keys=debug"];
    let daemon = Daemon::start_on(lab, Host::Servers, &toml, &arguments);
    daemon.wait_until("answering status", seconds(5), |_| true);
    daemon
}

/// Our client, which asks every second.
#[track_caller]
pub(super) fn client(lab: &Lab, certificates: &Path) -> Daemon {
    let toml = format!(
        "[[source]]\nmode = \"nts\"\naddress = \"10.77.0.1\"\ncertificate-authority = \"{}/ca.pem\"
         poll-interval-limits = {{ min = 0, max = 0 }}\ninitial-poll-interval = 0\n
         [synchronization]\nminimum-agreeing-sources = 1\n",
        certificates.display()
    );
    Daemon::start(lab, &toml, &[])
}

/// Every request that our server got so far, which is at least `least`, was protected and answered with time.
#[track_caller]
pub(super) fn gave_time_with_nts(server: &Daemon, least: u64) {
    let status = server.wait_until("asked with NTS", seconds(30), |status| {
        status.0.servers[0].stats.nts_accepted_packets >= least
    });
    let stats = &status.0.servers[0].stats;
    let counts = [stats.received_packets, stats.accepted_packets, stats.nts_received_packets];
    assert_eq!(counts, [stats.nts_accepted_packets; 3], "{stats:#?}");
    assert_eq!((stats.nts_denied_packets, stats.nts_nak_packets), (0, 0), "{stats:#?}");
}

/// Our client is right, by at least `least` replies with NTS, none of which was refused or cost more than the cookie that it brought.
#[track_caller]
pub(super) fn got_time_with_nts(client: &Daemon, least: u64) -> Status {
    let status = client.wait_until("synchronized with NTS", seconds(30), |status| {
        status.is_synchronized() && status.replies(SERVER) >= least
    });
    assert!(status.error() < 0.001, "{status:#?}");
    let source = status.source(SERVER).unwrap();
    assert_eq!(source.nts_cookies, Some(8), "{status:#?}");
    assert!(source.discards.is_empty(), "{status:#?}");
    status
}

/// What protects the requests of our client.
pub(super) fn algorithm(status: &Status) -> Option<Algorithm> {
    let name = &status.source(SERVER)?.nts.as_ref()?.algorithm;
    Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name)
}

/// The algorithms, of ours, that the server has: offered one at a time, and a few requests sent with each.
#[track_caller]
pub(super) fn algorithms_of_the_server(lab: &Lab, certificates: &Path) -> Vec<Algorithm> {
    Algorithm::ALL.into_iter().filter(|algorithm| answers_with(lab, certificates, *algorithm)).collect()
}

/// Whether the server takes the algorithm; then it answers every request.
#[track_caller]
fn answers_with(lab: &Lab, certificates: &Path, algorithm: Algorithm) -> bool {
    let mut command = lab.command(Host::Client, example("ntp-load"));
    command.args([SERVER, "--my-server", "--nts=10.77.0.1:4460", "--ca"]).arg(certificates.join("ca.pem"));
    command.arg(format!("--nts-algorithm={}", algorithm.id()));
    command.args(["--warm-up=0", "--seconds=0.5", "--rate=20", "--sockets=1", "--timeout=5", "--json"]);
    let (status, output) = run("ntp-load", command, seconds(10));
    println!("{algorithm}: {output}");
    if !status.success() {
        assert!(output.contains("AEAD algorithm") || output.contains("no cookie"), "{output}");
        return false;
    }
    let report: serde_json::Value = serde_json::from_str(&output).unwrap();
    let count = |name: &str| report[name].as_f64().unwrap();
    // The last reply may come when counting has ended; none may be lost or bad.
    let bad: f64 = ["lost", "nonsense", "without_time", "unsent"].into_iter().map(count).sum();
    assert!(count("answered") >= 4.0 && bad < 1.0, "{algorithm}: {output}");
    true
}

/// What our client takes of several.
pub(super) fn preferred(known: &[Algorithm]) -> Option<Algorithm> {
    Algorithm::ALL.into_iter().find(|algorithm| known.contains(algorithm))
}

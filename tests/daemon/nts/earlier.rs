//! ntpd-rs 1.9 on the other side.

use super::{certificates, ours};
use crate::lab::{Host, Lab, without_the_right_to_set_a_clock};
use crate::peers::earlier;
use crate::process::{Process, run};
use crate::wait::{poll, seconds};
use ntpd_rs::nts::{Algorithm, KeySet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::str::FromStr;

/// A daemon, and its configuration.
struct Earlier {
    process: Process,
    config: PathBuf,
}

impl Earlier {
    #[track_caller]
    fn start(lab: &Lab, mut command: Command, toml: &str) -> Self {
        let config = lab.folder().join("earlier.toml");
        let socket = lab.folder().join("earlier-observe");
        fs::write(&config, format!("{toml}\n[observability]\nobservation-path = {socket:?}\n")).unwrap();
        command.arg("-c").arg(&config);
        let this = Self { process: Process::start("ntpd-rs 1.9", command), config };
        let answers = poll(seconds(10), || this.metrics().contains("ntp_uptime_seconds").then_some(()));
        assert!(answers.is_some(), "it does not answer:\n{}", this.process.output());
        this
    }

    /// What its ntp-ctl prints for Prometheus.
    fn metrics(&self) -> String {
        let mut command = Command::new(earlier("ntp-ctl"));
        command.arg("-c").arg(&self.config).args(["-f", "prometheus", "status"]);
        run("ntp-ctl 1.9", command, seconds(10)).1
    }
}

/// The only one of this name.
#[track_caller]
fn metric<T: FromStr>(metrics: &str, name: &str) -> T {
    let line = metrics.lines().find(|line| line.starts_with(name) && !line.contains('#'));
    let value = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
    value.unwrap_or_else(|| panic!("no {name}: {metrics}"))
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn we_get_keys_and_protected_time_from_1_9() {
    let lab = Lab::new();
    let folder = certificates(&lab);
    let toml = format!(
        "[[server]]\nlisten = \"{1}\"\nrequire-nts = \"ignore\"\n
         [[nts-ke-server]]\nlisten = \"10.77.0.1:4460\"\ncertificate-chain-path = \"{0}/certificate.pem\"
         private-key-path = \"{0}/key.pem\"\n
         [synchronization]\nlocal-stratum = 1\n",
        folder.display(),
        ours::SERVER
    );
    // Without sources it never touches the clock.
    let server = Earlier::start(&lab, lab.command(Host::Servers, earlier("ntp-daemon")), &toml);
    let client = ours::client(&lab, &folder);
    let status = ours::got_time_with_nts(&client, 8);
    let metrics = server.metrics();
    let count = |name: &str| -> u64 { metric(&metrics, &format!("ntp_server_{name}_packets_total")) };
    assert!(count("nts_accepted") >= 8, "{metrics}");
    assert_eq!(["received", "nts_received"].map(count), [count("nts_accepted"); 2], "{metrics}");
    assert_eq!(["nts_denied", "nts_nak"].map(count), [0; 2], "{metrics}");

    let known = ours::algorithms_of_the_server(&lab, &folder);
    assert_eq!(known, [Algorithm::AesSivCmac256, Algorithm::AesSivCmac512]);
    assert_eq!(ours::algorithm(&status), ours::preferred(&known));
}

/// A client of 1.9 takes the clock over when it starts, and ends if it may not. It lacks the right; so its calls are answered by
/// strace, never reach the kernel, and it believes that they worked.
fn client_command(lab: &Lab) -> Command {
    let calls = "adjtimex,clock_adjtime,clock_settime,settimeofday";
    let mut command = lab.command(Host::Client, "strace");
    command.args(["-f", "-qq", "-s", "0", "-e", &format!("trace={calls},sendto")]);
    command.args(["-e", &format!("inject={calls}:retval=0"), "--"]);
    // Nor does it outlive strace.
    command.args(without_the_right_to_set_a_clock()).arg(earlier("ntp-daemon"));
    command
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn earlier_versions_get_keys_and_protected_time_from_us() {
    let lab = Lab::new();
    let folder = certificates(&lab);
    let server = ours::server(&lab, &folder);
    // One source of three that would have to agree: it measures and never steers.
    let toml = format!(
        "[[source]]\nmode = \"nts\"\naddress = \"10.77.0.1\"\ncertificate-authority = \"{}/ca.pem\"\n
         [source-defaults]\npoll-interval-limits = {{ min = 0, max = 0 }}\ninitial-poll-interval = 0\n
         [synchronization]\nminimum-agreeing-sources = 3\n",
        folder.display()
    );
    let client = Earlier::start(&lab, client_command(&lab), &toml);
    ours::gave_time_with_nts(&server, 8);
    let metrics = client.metrics();
    println!("{metrics}");
    // A reply that it refuses brings no cookie, and no measurement.
    let counts = ["nts_cookies_available", "unanswered_polls"];
    let counts = counts.map(|name| metric::<u64>(&metrics, &format!("ntp_source_{name}")));
    assert_eq!(counts, [8, 0], "{metrics}");
    let [offset, delay] =
        ["offset", "delay"].map(|name| metric::<f64>(&metrics, &format!("ntp_source_{name}_seconds")));
    assert!(offset.abs() < 0.001 && delay > 0.0, "{metrics}");
    // It prefers the longer keys, and says so nowhere but in the length of its requests.
    let requests = client.process.output();
    let with = |algorithm| {
        let end = format!(" = {}", request_length(algorithm));
        requests.lines().filter(|line| line.contains("sendto(") && line.ends_with(&end)).count()
    };
    assert!(with(Algorithm::AesSivCmac512) >= 8 && with(Algorithm::AesSivCmac256) == 0);
}

/// Of a request that brings a cookie of ours and wants one, bytes.
fn request_length(algorithm: Algorithm) -> usize {
    let (header, unique_identifier, authenticator) = (48, 4 + 32, 4 + 4 + 16 + 16);
    header + unique_identifier + 4 + KeySet::cookie_len(algorithm) + authenticator
}

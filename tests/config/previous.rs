//! Configurations as people write them after the documentation of ntpd-rs 1.x, in our own words.

use super::good;
use ntpd_rs::config::{FilterAction, SourceKind, StepLimits, parse};
use ntpd_rs::time::Span;

/// The packaged client configuration of 1.x, with its usual changes.
const CLIENT: &str = r#"
[observability]
log-level = "info"
observation-path = "/var/run/ntpd-rs/observe"

[[source]]
mode = "pool"
address = "zone.pool.example"
count = 4

[synchronization]
single-step-panic-threshold = 1800
startup-step-panic-threshold = { forward="inf", backward = 86400 }
accumulated-step-panic-threshold = "inf"
minimum-agreeing-sources = 3
"#;

#[test]
fn the_usual_client_loads_and_means_the_same() {
    let config = good("client", CLIENT);
    let limit = |seconds| Some(Span::from_secs(seconds));
    let sync = &config.synchronization;
    assert_eq!(sync.single_step_panic, StepLimits { forward: limit(1800), backward: limit(1800) });
    assert_eq!(sync.startup_step_panic, StepLimits { forward: None, backward: limit(86400) });
    assert_eq!(sync.accumulated_step_panic, None);
    assert_eq!(config.observability.observation_path, Some("/var/run/ntpd-rs/observe".into()));
}

#[test]
fn servers_that_came_from_an_ntp_conf_load() {
    let config = good(
        "ntpd",
        r#"
[[source]]
mode = "server"
address = "0.pool.example"
[[source]]
mode = "server"
address = "1.pool.example"
[[source]]
mode = "pool"
address = "pool.example"
count = 2
[source-defaults]
poll-interval-limits = { min = 6, max = 10 }
initial-poll-interval = 6
[synchronization]
local-stratum = 10
"#,
    );
    let pools = config.sources.iter().filter(|s| matches!(s.kind, SourceKind::Pool { count: 2, .. })).count();
    assert_eq!((config.sources.len(), pools, config.source_defaults.min.log2()), (3, 1, 6));
}

#[test]
fn a_server_on_all_addresses_and_its_exporter_load() {
    let server =
        "[[server]]\nlisten = \"0.0.0.0:123\"\n[observability]\nmetrics-exporter-listen = \"[::]:9975\"\n";
    let config = good("server", server);
    assert_eq!(
        config.servers.first().map(|s| (s.listen.port(), s.versions.clone())),
        Some((123, vec![3, 4]))
    );
    good(
        "old server",
        "[[server]]\nlisten = \"[::]:123\"\nrate-limiting-cutoff-ms = 0\nrate-limiting-cache-size = 0\n",
    );
}

/// A server for some networks, after the manual's sections on access and rate limits.
const RESTRICTED: &str = r#"
[[server]]
listen = "0.0.0.0:123"
rate-limiting-cache-size = 1024
rate-limiting-cutoff-ms = 1000
require-nts = false
[server.allowlist]
filter = ["10.0.0.0/8", "192.168.1.0/24", "2001:db8::/32"]
action = "deny"
[server.denylist]
filter = ["10.7.0.0/16"]
action = "ignore"
"#;

#[test]
fn a_restricted_server_loads_and_means_the_same() {
    let config = good("restricted", RESTRICTED);
    let server = config.servers.first().unwrap();
    let lists = [&server.allowlist, &server.denylist].map(|list| list.as_ref().unwrap());
    assert_eq!(lists.map(|list| list.networks.len()), [3, 1]);
    assert_eq!(lists.map(|list| list.action), [FilterAction::Deny, FilterAction::Ignore]);
    let limit = server.rate_limit.unwrap();
    assert_eq!((limit.cache_size, limit.cutoff, limit.burst), (1024, Span::from_secs(1), 1));
    assert_eq!(server.require_nts, None);
}

#[test]
fn every_knob_of_the_algorithm_is_taken_with_one_warning() {
    let text = "\
[synchronization.algorithm]\nprecision-low-probability = 0.333\nprecision-high-probability = 0.667\n\
precision-hysteresis = 16\nprecision-minimum-weight = 0.1\npoll-interval-low-weight = 0.4\n\
poll-interval-high-weight = 0.6\npoll-interval-hysteresis = 16\npoll-interval-step-threshold = 1e-6\n\
delay-outlier-threshold = 5.0\ninitial-wander = 1e-8\ninitial-frequency-uncertainty = 100e-6\n\
maximum-source-uncertainty = 0.25\nrange-statistical-weight = 2.0\nrange-delay-weight = 0.25\n\
steer-offset-threshold = 2.0\nsteer-offset-leftover = 1.0\nsteer-frequency-threshold = 0.0\n\
steer-frequency-leftover = 0.0\nstep-threshold = 0.010\nslew-maximum-frequency-offset = 200e-6\n\
slew-minimum-duration = 8.0\nmaximum-frequency-steer = 495e-6\nignore-server-dispersion = false\n\
meddling-threshold = 5\n";
    let (config, warnings) = parse("knobs", text).unwrap();
    assert_eq!(config.algorithm, ntpd_rs::config::Algorithm::default());
    let [warning] = warnings.as_slice() else { panic!("{warnings:#?}") };
    assert!(warning.message.contains("`meddling-threshold`"), "{warning}");
}

#[test]
fn nts_is_read_as_1_x_writes_it() {
    let text = "[[source]]\nmode = \"nts\"\naddress = \"localhost\"\ncertificate-authority = \"/etc/ca.pem\"\n\
                [[source]]\nmode = \"nts-pool\"\naddress = \"pool.example:4461\"\ncount = 2\n\
                enable-srv-resolution = true\n[[server]]\nlisten = \"[::]:123\"\n[[nts-ke-server]]\nlisten = \"[::]:4460\"\n\
                certificate-chain-path = \"/c.pem\"\nprivate-key-path = \"/k\"\n";
    let (config, warnings) = parse("f", text).unwrap();
    assert_eq!((config.selectable_sources(), config.key_exchange_servers.len()), (3, 1));
    assert!(warnings.is_empty(), "{warnings:#?}");
}

#[test]
fn what_1_x_can_and_we_cannot_yet_is_refused_by_name() {
    let rows = [
        (
            "[[source]]\nmode = \"sock\"\npath = \"/run/ntpd-rs/chrony.ttyS0.sock\"\nprecision = 1e-3\n",
            "reference clock",
        ),
        (
            "[[source]]\nmode = \"pps\"\npath = \"/dev/pps0\"\nprecision = 1e-7\nperiod = 0.1\n",
            "reference clock",
        ),
        ("[[source]]\nmode = \"server\"\naddress = \"a.example\"\nntp-version = \"auto\"\n", "version 5"),
        ("[[server]]\nlisten = \"0.0.0.0:123\"\naccept-ntp-versions = [3, 4, 5]\n", "version 5"),
        ("[clock]\ntimestamp-mode = \"hardware\"\n", "hardware timestamping"),
    ];
    for (text, what) in rows {
        let errors = parse("f", text).unwrap_err();
        let [error] = errors.as_slice() else { panic!("{text} gives {errors:#?}") };
        assert!(error.message.contains(what) && error.message.contains("not supported yet"), "{error}");
        assert!(error.position.is_some());
    }
}

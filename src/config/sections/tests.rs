//! What is read, what is refused, and where the refusal points. One row for each rule.

mod clients;
mod nts;

use crate::config::diagnostic::Severity;
use crate::config::file::{LoadError, parse};
use crate::config::{ClockControl, Config, Family, SourceKind, StepLimits, TimestampMode};
use crate::packet::ReferenceId;
use crate::time::{Poll, Span};

#[track_caller]
fn good(text: &str) -> Config {
    match parse("ntp.toml", text) {
        Ok((config, warnings)) => {
            assert!(warnings.is_empty(), "{warnings:?}");
            config
        }
        Err(wrong) => panic!("{}", LoadError::Content(wrong)),
    }
}

fn diagnostics(text: &str, severity: Severity) -> Vec<String> {
    let all = parse("f", text).map_or_else(|wrong| wrong, |(_, warnings)| warnings);
    all.iter().filter(|d| d.severity == severity).map(ToString::to_string).collect()
}

/// One error, at this place, with this text, and with a hint after a semicolon or a question mark.
#[track_caller]
fn check(text: &str, place: &str, message: &str) {
    let errors = diagnostics(text, Severity::Error);
    let [error] = errors.as_slice() else { panic!("{text}\ngives {errors:#?}") };
    assert!(error.starts_with(&format!("f:{place}: ")), "{error}");
    assert!(error.contains(message), "{error}\ndoes not contain {message}");
    assert!(error.contains([';', '?']), "{error}\nhas no hint");
}

#[test]
fn an_empty_file_is_the_default_configuration() {
    assert_eq!(good(""), Config::default());
}

#[test]
fn sources_are_read_with_their_defaults() {
    let config = good(
        "[source-defaults]\npoll-interval-limits = { min = 5, max = 9 }\ninitial-poll-interval = 6\n\
         [[source]]\nmode = \"server\"\naddress = \"a\"\nprefer = true\nfamily = \"ipv6\"\n\
         [[source]]\nmode = \"pool\"\naddress = \"b:1\"\ncount = 7\nignore = [\"192.0.2.1\", \"::1\"]\n\
         poll-interval-limits.min = 7\nntp-version = 4\n\
         [[source]]\nmode = \"server\"\naddress = \"c\"\nnoselect = true\ninterleaved = true\n",
    );
    let [a, b, c] = config.sources.as_slice() else { panic!("{:?}", config.sources) };
    assert_eq!(a.kind, SourceKind::Server { address: "a".parse().unwrap() });
    assert_eq!(
        (a.marks.prefer, a.family, a.poll.min, a.poll.max),
        (true, Family::V6, Poll::new(5), Poll::new(9))
    );
    assert_eq!(a.poll.initial, Poll::new(6));
    let ignore = vec!["192.0.2.1".parse().unwrap(), "::1".parse().unwrap()];
    assert_eq!(b.kind, SourceKind::Pool { address: "b:1".parse().unwrap(), count: 7, ignore });
    // An inherited initial interval below the source's own minimum is moved there.
    assert_eq!((b.poll.min, b.poll.max, b.poll.initial), (Poll::new(7), Poll::new(9), Poll::new(7)));
    assert!(c.marks.noselect);
    assert_eq!([a, b, c].map(|source| source.interleaved), [false, false, true]);
    assert_eq!(config.selectable_sources(), 8);
    assert_eq!(config.source_defaults, a.poll);
}

#[test]
fn synchronization_is_read() {
    let config = good(
        "[synchronization]\nminimum-agreeing-sources = 1\nsingle-step-panic-threshold = 10\n\
         startup-step-panic-threshold = { forward = \"inf\", backward = 0.5 }\n\
         accumulated-step-panic-threshold = 20\nlocal-stratum = 1\nreference-id = \"GPS\"\n\
         warn-on-jump = false\nstep-limit = 3\n\
         leap-seconds-file = \"/z/leap-seconds.list\"\norphan-wait = 20\n[synchronization.algorithm]\nstep-threshold = 1\n",
    );
    let sync = config.synchronization;
    assert_eq!((sync.minimum_agreeing_sources, sync.local_stratum, sync.step_limit), (1, 1, Some(3)));
    let ten = Some(Span::from_secs(10));
    assert_eq!(sync.single_step_panic, StepLimits { forward: ten, backward: ten });
    assert_eq!(sync.startup_step_panic, StepLimits { forward: None, backward: Some(Span::from_millis(500)) });
    assert_eq!(sync.accumulated_step_panic, Some(Span::from_secs(20)));
    assert_eq!(sync.reference_id, ReferenceId::from_bytes(*b"GPS\0"));
    assert!(!sync.warn_on_jump);
    assert_eq!((sync.orphan_stratum, sync.orphan_wait), (None, Span::from_secs(20)));
    let orphan = |more| {
        good(&format!("[synchronization]\n{more}orphan-stratum = 10\n")).synchronization.orphan_stratum
    };
    assert_eq!([orphan(""), orphan("local-stratum = 16\n")], [Some(10); 2]);
    assert_eq!(sync.leap_seconds_file, Some("/z/leap-seconds.list".into()));
    assert!((config.algorithm.step_threshold - 1.0).abs() < 1e-12);
}

#[test]
fn servers_of_networks_are_taken_where_that_is_wanted_and_never_beside_nts() {
    let takes = |text: &str| good(text).takes_link_servers();
    assert!(!takes("[synchronization]\n"));
    assert!(takes("[synchronization]\nuse-link-servers = true\n"));
    for (mode, taken) in [("server", true), ("pool", true), ("nts", false), ("nts-pool", false)] {
        let source = format!("[[source]]\nmode = \"{mode}\"\naddress = \"a\"\n");
        assert_eq!(takes(&format!("[synchronization]\nuse-link-servers = true\n{source}")), taken, "{mode}");
    }
}

#[test]
fn no_limit_is_written_as_inf_and_an_accumulated_limit_of_zero_is_none() {
    for off in ["0", "0.0", "\"inf\"", "inf"] {
        let config = good(&format!("[synchronization]\naccumulated-step-panic-threshold = {off}\n"));
        assert_eq!(config.synchronization.accumulated_step_panic, None, "{off}");
    }
    let config = good("[synchronization]\nsingle-step-panic-threshold = \"inf\"\n");
    assert_eq!(config.synchronization.single_step_panic, StepLimits { forward: None, backward: None });
    let config = good("[synchronization]\nsingle-step-panic-threshold = { forward = 0 }\n");
    let none_forward = StepLimits { forward: Some(Span::ZERO), backward: None };
    assert_eq!(config.synchronization.single_step_panic, none_forward);
}

#[test]
fn observability_clock_server_and_control_are_read() {
    let config = good(
        "[observability]\nlog-level = \"debug\"\nlog-path = \"/l\"\nlog-path-metrics-exporter = \"/m\"\n\
         ansi-colors = false\nobservation-path = \"/run/x/observe\"\nobservation-permissions = 0o600\n\
         metrics-exporter-listen = \"[::]:9975\"\n\
         [clock]\nclock-control = \"auto\"\ntimestamp-mode = \"kernel-recv\"\nstate-directory = \"/s\"\n\
         [[server]]\nlisten = \"[::]:123\"\naccept-ntp-versions = [4, 4]\nclient-statistics = 100\n\
         threads = 4\n[[server]]\nlisten = \"192.0.2.1\"\n[control]\nd-bus = false\n",
    );
    let seen = &config.observability;
    assert_eq!((seen.log_level.as_deref(), seen.observation_permissions), (Some("debug"), 0o600));
    assert_eq!(
        (config.clock_control, config.timestamp_mode),
        (ClockControl::Auto, TimestampMode::KernelRecv)
    );
    assert_eq!(config.state_directory, Some("/s".into()));
    assert_eq!(config.control.path, Some("/run/x/control".into()));
    assert!(!config.control.d_bus && Config::default().control.d_bus);
    let listed: Vec<_> = config.servers.iter().map(|s| s.client_statistics).collect();
    assert_eq!(listed, [100, 0]);
    let threads: Vec<_> = config.servers.iter().map(|s| s.threads).collect();
    assert_eq!(threads, [Some(4), None]);
    let versions: Vec<_> = config.servers.iter().map(|s| (s.listen.port(), s.versions.clone())).collect();
    assert_eq!(versions, [(123, vec![4]), (123, vec![3, 4])]);
}

#[test]
fn a_configuration_language_without_octal_numbers_can_write_permissions() {
    for (decimal, mode) in [(438, 0o666), (432, 0o660), (384, 0o600), (511, 0o777)] {
        let config = good(&format!("[observability]\nobservation-permissions = {decimal}\n"));
        assert_eq!(config.observability.observation_permissions, mode);
    }
}

/// In sections that need nothing else: text, place, message.
const RANGES: &[(&str, &str, &str)] = &[
    ("[source-defaults]\ninitial-poll-interval = 18", "2:25", "is 18; write a whole number from 0 to 17"),
    ("[source-defaults]\npoll-interval-limits = { min = -1 }", "2:32", "`min` is -1; write a whole number"),
    ("[source-defaults]\npoll-interval-limits = { min = 9, max = 4 }", "2:24", "min 9 above max 4"),
    ("[source-defaults]\npoll-interval-limits = { max = 3 }", "2:24", "min 4 above max 3"),
    (
        "[source-defaults]\npoll-interval-limits = 4",
        "2:24",
        "is a whole number; write a table with min and max",
    ),
    ("[synchronization]\nminimum-agreeing-sources = 0", "2:28", "is 0; write a whole number from 1 to 1000"),
    ("[synchronization]\nminimum-agreeing-sources = 1.5", "2:28", "a number with a fraction"),
    (
        "[synchronization]\nminimum-agreeing-sources = 99999999999999999999",
        "2:28",
        "is 99999999999999999999;",
    ),
    (
        "[synchronization]\nsingle-step-panic-threshold = -1",
        "2:31",
        "is -1; write a number of seconds, not neg",
    ),
    ("[synchronization]\nsingle-step-panic-threshold = nan", "2:31", "is NaN"),
    ("[synchronization]\nsingle-step-panic-threshold = \"1\"", "2:31", "is \"1\"; write a number of seconds"),
    ("[synchronization]\nstartup-step-panic-threshold = { backward = -2.5 }", "2:45", "is -2.5"),
    ("[synchronization]\nstartup-step-panic-threshold = { up = 1 }", "2:34", "unknown key `up`"),
    ("[synchronization]\naccumulated-step-panic-threshold = -1", "2:36", "is -1"),
    ("[synchronization]\nlocal-stratum = 0", "2:17", "is 0; write a whole number from 1 to 16"),
    ("[synchronization]\nlocal-stratum = 17", "2:17", "is 17"),
    (
        "[synchronization]\nreference-id = \"GPSDO\"",
        "2:16",
        "is \"GPSDO\"; write one to four printable ASCII",
    ),
    ("[synchronization]\nreference-id = \"µs\"", "2:16", "is \"µs\""),
    ("[synchronization]\nreference-id = \"\"", "2:16", "is empty"),
    ("[synchronization]\norphan-stratum = 1", "2:18", "is 1; write a whole number from 2 to 14"),
    ("[synchronization]\norphan-wait = -1", "2:15", "is -1; write a whole number from 0 to 86400"),
    ("[synchronization]\norphan-stratum = 15", "2:18", "is 15"),
    ("[synchronization]\nlocal-stratum = 1\norphan-stratum = 10", "3:18", "does not go with `local-stratum`"),
    ("[synchronization]\nleap-seconds-file = 3", "2:21", "is a whole number; write a path in quotes"),
    ("[synchronization]\nwarn-on-jump = \"yes\"", "2:16", "is a text in quotes; write true or false"),
    ("[synchronization]\nstep-limit = -1", "2:14", "is -1"),
    ("[synchronization.algorithm]\nstep-threshold = -0.1", "2:18", "is -0.1; write a number, not negative"),
    ("[synchronization.algorithm]\nstep-threshold = inf", "2:18", "is inf"),
    ("[synchronization.algorithm]\nslew-maximum-frequency-offset = 1e-3", "2:33", "is 0.001; write a rate"),
    ("[synchronization.algorithm]\nmaximum-frequency-steer = 501e-6", "2:27", "is 0.000501; write a rate"),
    ("[synchronization.algorithm]\nslew-minimum-duration = 0", "2:25", "is 0; write a number above 0"),
    (
        "[synchronization.algorithm]\nprecision-low-probability = 1.1",
        "2:29",
        "is 1.1; write a number from 0 to 1",
    ),
    ("[synchronization.algorithm]\npoll-interval-hysteresis = 0", "2:28", "is 0; write a whole number"),
    ("[observability]\nobservation-permissions = 666", "2:27", "is the decimal number 666; write 0o666"),
    ("[observability]\nobservation-permissions = 440", "2:27", "is the decimal number 440; write 0o440"),
    (
        "[observability]\nobservation-permissions = 0o1777",
        "2:27",
        "is 0o1777; write a whole number from 0 to 511",
    ),
    ("[observability]\nlog-level = \"inof\"", "2:13", "`inof` is no log level; write one of off, error"),
    ("[observability]\nlog-path = \"\"", "2:12", "is empty"),
    ("[observability]\nmetrics-exporter-listen = \"127.0.0.1\"", "2:27", "write the port too"),
    ("[observability]\nmetrics-exporter-listen = \"here:80\"", "2:27", "write an IP address and a port"),
    ("[control]\npath = \"/c\"\npermissions = 0o662", "3:15", "lets everybody control the daemon"),
    ("[clock]\nclock-control = \"no\"", "2:17", "something else than true, false or \"auto\""),
    ("[clock]\ntimestamp-mode = \"kernel\"", "2:18", "is \"kernel\"; write one of \"software\""),
];

#[test]
fn every_range_is_checked_at_its_place() {
    for (text, place, message) in RANGES {
        check(text, place, message);
    }
}

#[test]
fn every_rule_of_sources_is_checked_at_its_place() {
    let rows = [
        ("", "1:1", "`mode` is missing"),
        ("mode = 4", "2:8", "is a whole number; write one of \"server\", \"pool\""),
        ("mode = \"sevrer\"", "2:8", "is \"sevrer\"; write one of"),
        ("mode = \"server\"", "1:1", "`address` is missing"),
        ("mode = \"server\"\naddress = \"\"", "3:11", "is empty"),
        ("mode = \"server\"\naddress = \"a:0\"", "3:11", "is no port"),
        ("mode = \"server\"\naddress = \"a\"\nadress = \"b\"", "4:1", "did you mean `address`?"),
        (
            "mode = \"server\"\naddress = \"a\"\ncount = 3",
            "4:1",
            "belongs in [[source]] with mode = \"pool\"",
        ),
        ("mode = \"server\"\naddress = \"a\"\nprefer = 1", "4:10", "write true or false"),
        (
            "mode = \"server\"\naddress = \"a\"\nprefer = true\nnoselect = true",
            "5:12",
            "contradicts `prefer`",
        ),
        (
            "mode = \"server\"\naddress = \"a\"\nnoselect = true\nrequire = true",
            "4:12",
            "contradicts `require`",
        ),
        ("mode = \"server\"\naddress = \"a\"\ntrust = \"yes\"", "4:9", "write true or false"),
        (
            "mode = \"server\"\naddress = \"a\"\nfamily = 4",
            "4:10",
            "write one of \"any\", \"ipv4\", \"ipv6\"",
        ),
        (
            "mode = \"server\"\naddress = \"a\"\nntp-version = 3",
            "4:15",
            "something else than 4, 5 or \"auto\"",
        ),
        ("mode = \"server\"\naddress = \"a\"\npoll-interval-limits.min = 11", "4:1", "min 11 above max 10"),
        ("mode = \"pool\"\naddress = \"a\"\ncount = 0", "4:9", "is 0; write a whole number from 1 to 255"),
        ("mode = \"pool\"\naddress = \"a\"\nignore = \"::1\"", "4:10", "write a list of IP addresses"),
        ("mode = \"pool\"\naddress = \"a\"\nignore = [\"::1\", \"b\"]", "4:18", "contains \"b\""),
    ];
    for (text, place, message) in rows {
        check(&format!("[[source]]\n{text}"), place, message);
    }
}

#[test]
fn every_rule_of_servers_is_checked_at_its_place() {
    let rows = [
        ("", "1:1", "`listen` is missing in [[server]]; add"),
        ("listen = 123", "2:10", "is a whole number; write an IP address"),
        ("listen = \"localhost:123\"", "2:10", "no address to listen on"),
        ("listen = \"::\"\nrate-limiting-cache-size = -1", "3:28", "is -1"),
        ("listen = \"::\"\naccept-ntp-versions = [2]", "3:24", "is 2; write a whole number from 3 to 5"),
        ("listen = \"::\"\naccept-ntp-versions = []", "3:23", "nothing would be answered"),
        (
            "listen = \"::\"\nallowlist = { filter = [\"::/129\"], action = \"deny\" }",
            "3:25",
            "contains \"::/129\"",
        ),
        ("listen = \"::\"\nallowlist = { filter = [\"::/0\"], action = \"drop\" }", "3:43", "is \"drop\""),
        ("listen = \"::\"\nallowlist = { filter = [\"::/0\"] }", "3:13", "`action` is missing"),
        ("listen = \"::\"\nrequire-nts = 1", "3:15", "something else than true"),
        ("listen = \"::\"\nthreads = 0", "3:11", "is 0"),
        ("listen = \"::\"\nthreads = 1025", "3:11", "write a whole number from 1 to 1024"),
        ("listen = \"::\"\nthreads = \"2\"", "3:11", "write a whole number from 1 to 1024"),
        ("listen = \"::\"\nclient-statistics = true", "3:21", "write a whole number from 0 to 100000"),
        ("listen = \"::\"\nclient-statistics = 100_001", "3:21", "write a whole number from 0 to 100000"),
        ("listen = \"::\"\nclient-statistics = -1", "3:21", "write a whole number from 0 to 100000"),
        ("listen = \"::\"\n[[server]]\nlisten = \"[::]:123\"", "4:10", "the address of another [[server]]"),
    ];
    for (text, place, message) in rows {
        check(&format!("[[server]]\n{text}"), place, message);
    }
}

#[test]
fn what_comes_later_is_refused_and_not_ignored() {
    let source = "[[source]]\nmode = \"server\"\naddress = \"a\"\n";
    let server = "[[server]]\nlisten = \"[::]:123\"\n";
    let rows = [
        (
            "[[source]]\nmode = \"sock\"\npath = \"/s\"\nprecision = 1e-3",
            "2:8",
            "reference clock is not supported",
        ),
        (
            "[[source]]\nmode = \"pps\"\npath = \"/s\"\nprecision = 1e-7\nperiod = 1",
            "2:8",
            "reference clock is not",
        ),
        (&format!("{source}ntp-version = 5"), "4:15", "NTP version 5 is not supported yet"),
        (&format!("{source}ntp-version = \"auto\""), "4:15", "upgrade to NTP version 5 is not supported yet"),
        (&format!("{source}interface = \"eth0\""), "4:13", "`interface` is not supported yet"),
        (&format!("{source}local-address = \"::1\""), "4:17", "`local-address` is not supported yet"),
        (&format!("{server}accept-ntp-versions = [3, 4, 5]"), "3:30", "NTP version 5 is not supported yet"),
        ("[clock]\ntimestamp-mode = \"hardware\"", "2:18", "hardware timestamping is not supported yet"),
        ("[clock]\nclock = \"/dev/ptp0\"", "2:9", "another clock than the system's is not supported yet"),
        ("[clock]\ninterface = \"eth0\"", "2:13", "binding to an interface is not supported yet"),
        ("[observability]\nstatistics-path = \"/s\"", "2:19", "writing statistics is not supported yet"),
    ];
    for (text, place, message) in rows {
        check(text, place, message);
    }
}

#[test]
fn unsupported_parts_are_still_checked() {
    let errors =
        diagnostics("[[source]]\nmode = \"pps\"\npath = \"/p\"\nprecision = 1\nperiods = 1", Severity::Error);
    assert!(
        errors.iter().any(|e| e.contains("f:5:1: ") && e.contains("did you mean `period`?")),
        "{errors:#?}"
    );
    let errors = diagnostics("[[source]]\nmode = \"pps\"\nprecision = 0\nperiod = -1", Severity::Error);
    assert_eq!(errors.len(), 4, "{errors:#?}");
    let errors =
        diagnostics("[keyset]\nkey-rotation-interval = 0\n[[nts-ke-server]]\nntp-port = 0", Severity::Error);
    assert_eq!(errors.len(), 5, "{errors:#?}");
}

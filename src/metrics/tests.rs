//! The names and values that dashboards of 1.x look for.

use super::*;
use crate::observation::State;
use crate::snapshot::example::{later, snapshot, with_nts};
use std::collections::BTreeSet;

fn text() -> String {
    let snapshot = snapshot();
    render(&State::new(&snapshot, later(&snapshot, 100))).unwrap()
}

#[test]
fn every_name_of_1_x_is_there() {
    let text = text();
    let names = "ntp_uptime_seconds ntp_system_poll_interval_seconds ntp_system_accumulated_steps_seconds \
        ntp_system_accumulated_steps_threshold_seconds ntp_system_leap_indicator ntp_system_root_delay_seconds \
        ntp_system_root_dispersion_seconds ntp_system_stratum ntp_source_poll_interval_seconds \
        ntp_source_unanswered_polls ntp_source_offset_seconds ntp_source_delay_seconds \
        ntp_source_uncertainty_seconds ntp_source_root_delay_seconds ntp_source_root_dispersion_seconds \
        ntp_server_received_packets_total ntp_server_accepted_packets_total ntp_server_denied_packets_total \
        ntp_server_ignored_packets_total ntp_server_rate_limited_packets_total \
        ntp_server_response_send_errors_total ntp_server_nts_received_packets_total \
        ntp_server_nts_accepted_packets_total ntp_server_nts_denied_packets_total \
        ntp_server_nts_rate_limited_packets_total ntp_server_nts_nak_packets_total";
    for name in names.split_whitespace() {
        let there =
            text.lines().any(|l| l.starts_with(&format!("{name} ")) || l.starts_with(&format!("{name}{{")));
        assert!(there, "{name} is missing in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn values_and_labels_are_those_of_the_state() {
    let text = text();
    for line in [
        "ntp_system_stratum 2.0",
        "ntp_system_synchronized 1.0",
        "ntp_system_poll_interval_seconds 64.0",
        "ntp_system_accumulated_steps_threshold_seconds -1.0",
        "ntp_system_steps_total 1",
        "ntp_system_state{state=\"synchronized\"} 1.0",
        "ntp_system_last_correction_age_seconds 110.0",
        "ntp_source_reach{name=\"ntp1.example.org:123\",address=\"192.0.2.1:123\",id=\"1\"} 255.0",
        "ntp_source_interleaved_replies_total{name=\"ntp1.example.org:123\",address=\"192.0.2.1:123\",id=\"1\"} 14",
        "ntp_server_ignored_packets_total{listen_address=\"[::]:123\"} 3",
        "ntp_server_interleaved_packets_total{listen_address=\"[::]:123\"} 1",
        "ntp_server_dropped_packets_total{listen_address=\"[::]:123\"} 5",
        "ntp_server_requests_by_version_total{listen_address=\"[::]:123\",version=\"4\"} 2",
        "ntp_server_refused_packets_total{listen_address=\"[::]:123\",reason=\"wrong-mode\"} 1",
        "ntp_server_kisses_total{listen_address=\"[::]:123\",reason=\"rate-limited\"} 1",
        "ntp_server_worker_received_packets_total{listen_address=\"[::]:123\",worker=\"1\"} 2",
        "ntp_server_recent_clients{listen_address=\"[::]:123\"} 2.0",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
    }
    for (name, low, high) in [
        ("ntp_system_last_correction_seconds", -2.2e-5, -2.1e-5),
        ("ntp_system_jitter_seconds", 3.1e-5, 3.2e-5),
        ("ntp_system_frequency_ppm", -12.35, -12.34),
    ] {
        let value = text.lines().find_map(|l| l.strip_prefix(name)?.trim().parse::<f64>().ok());
        assert!(value.is_some_and(|value| (low..=high).contains(&value)), "{name} {value:?}\n{text}");
    }
    assert!(text.contains("id=\"2\",verdict=\"falseticker\"} 1.0"));
    assert!(text.contains("id=\"2\",reason=\"wrong-origin\"} 3"));
}

#[test]
fn a_source_without_a_measurement_has_no_offset() {
    let text = text();
    let offsets = text.lines().filter(|l| l.starts_with("ntp_source_offset_seconds{")).count();
    let polls = text.lines().filter(|l| l.starts_with("ntp_source_poll_interval_seconds{")).count();
    assert_eq!((offsets, polls), (2, 3));
}

#[test]
fn a_table_of_leap_seconds_is_shown_where_there_is_one() {
    assert!(!text().contains("tai_offset") && !text().contains("leap_table"));
    let mut snapshot = snapshot();
    snapshot.system.tai_offset = Some(37);
    snapshot.system.leap_table_expires = Some(snapshot.clock);
    let text = render(&State::new(&snapshot, later(&snapshot, 100))).unwrap();
    for line in ["ntp_system_tai_offset_seconds 37.0", "ntp_system_leap_table_remaining_seconds -100.0"] {
        assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
    }
}

#[test]
fn nts_is_shown_where_there_is_any() {
    let plain = text();
    for name in ["ntp_source_nts_cookies_available{", "ntp_key_exchange_ended_total{", "master_key"] {
        assert!(!plain.contains(name), "{plain}");
    }
    let snapshot = with_nts(snapshot());
    let text = render(&State::new(&snapshot, later(&snapshot, 100))).unwrap();
    let source = "{name=\"ntp1.example.org:123\",address=\"192.0.2.1:123\",id=\"1\"}";
    let (server, listener) = ("{listen_address=\"[::]:123\"}", "{listen_address=\"[::]:4460\"}");
    for line in [
        format!("ntp_source_nts_cookies_available{source} 7.0"),
        format!("ntp_source_nts_certificate_remaining_seconds{source} 3455900.0"),
        format!("ntp_source_nts_provisional{source} 0.0"),
        format!("ntp_server_nts_received_packets_total{server} 5"),
        format!("ntp_server_nts_accepted_packets_total{server} 2"),
        format!("ntp_server_nts_denied_packets_total{server} 1"),
        format!("ntp_server_nts_rate_limited_packets_total{server} 1"),
        format!("ntp_server_nts_nak_packets_total{server} 1"),
        "ntp_key_exchange_ended_total{listen_address=\"[::]:4460\",end=\"tls-failed\"} 1".to_owned(),
        format!("ntp_key_exchange_open_connections{listener} 1.0"),
        format!("ntp_key_exchange_certificate_remaining_seconds{listener} 5183900.0"),
        "ntp_server_nts_master_keys 8.0".to_owned(),
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
    }
    // Seconds since then, as far as a fraction can say.
    for start in [
        format!("ntp_source_nts_keys_age_seconds{source} 400.0"),
        "ntp_server_nts_master_key_age_seconds 3700.0".to_owned(),
    ] {
        assert!(text.lines().any(|l| l.starts_with(&start)), "{start} is missing in\n{text}");
    }
}

#[test]
fn names_are_unique_and_have_the_form_that_is_asked_for() {
    let names: Vec<String> = all().map(Metric::name).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    for metric in all() {
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        assert!(metric.name.starts_with("ntp_") && plain(metric.name), "{metric:?}");
        assert!(metric.labels.iter().all(|label| plain(label)), "{metric:?}");
        for suffix in ["_total", "_info", "_count", "_sum", "_bucket", "_created"] {
            assert!(!metric.name.ends_with(suffix), "{metric:?}");
        }
        let first = metric.help.chars().next().unwrap();
        assert!(first.is_uppercase() || first.is_ascii_digit(), "{metric:?}");
        assert!(!metric.help.contains(['\\', '\n', '"']) && !metric.help.ends_with('.'), "{metric:?}");
    }
}

#[test]
fn every_row_has_a_value_for_each_label_and_all_metrics_can_be_told() {
    let mut snapshot = with_nts(snapshot());
    snapshot.system.tai_offset = Some(37);
    snapshot.system.leap_table_expires = Some(snapshot.clock);
    snapshot.system.slew_remaining = Some(crate::time::Span::from_secs(200));
    let state = State::new(&snapshot, later(&snapshot, 100));
    for metric in all() {
        let rows = (metric.rows)(&state);
        assert!(!rows.is_empty(), "{metric:?}");
        for (values, value) in rows {
            assert_eq!(values.len(), metric.labels.len(), "{metric:?}");
            assert_eq!(matches!(value, Value::Count(_)), metric.kind == Kind::Counter, "{metric:?}");
        }
    }
}

#[test]
fn a_family_has_its_help_its_type_and_its_unit() {
    let snapshot = snapshot();
    let text = render(&State::new(&snapshot, later(&snapshot, 100))).unwrap();
    let steps = "# HELP ntp_system_steps Steps made since start.\n# TYPE ntp_system_steps counter\nntp_system_steps_total 1\n";
    assert!(text.contains(steps), "{text}");
    assert!(text.contains("\n# UNIT ntp_system_frequency_ppm ppm\n"), "{text}");
    assert!(text.ends_with("\n# EOF\n"), "{text}");
}

#[test]
fn names_cannot_break_out_of_their_quotes_and_no_series_comes_twice() {
    let mut snapshot = snapshot();
    snapshot.sources[0].name = "a\"} 1\nntp_system_stratum 99\\".to_owned();
    snapshot.sources[1] = snapshot.sources[2].clone();
    let text = render(&State::new(&snapshot, later(&snapshot, 100))).unwrap();
    assert!(text.contains("{name=\"a\\\"} 1\\nntp_system_stratum 99\\\\\",address="), "{text}");
    let series: Vec<&str> = text.lines().map(|line| line.rsplit_once(' ').unwrap().0).collect();
    assert_eq!(series.iter().collect::<BTreeSet<_>>().len(), series.len());
}

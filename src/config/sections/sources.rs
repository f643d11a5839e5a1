//! `[source-defaults]` and `[[source]]`. Resolves no name.

use crate::config::address::{KEY_EXCHANGE_PORT, NTP_PORT};
use crate::config::diagnostic::Report;
use crate::config::early;
use crate::config::keys::{self, Schema};
use crate::config::reader::{Item, Section};
use crate::config::{Family, HostPort, KeyExchange, PollLimits, SourceConfig, SourceKind};
use crate::time::Poll;
use crate::verdict::{Marks, SourceOrigin};
use std::net::IpAddr;
use toml::de::{DeTable, DeValue};

const MOST_OF_A_POOL: i64 = 255;
const DEFAULT_COUNT: usize = 4;

/// `[source-defaults]`, before limits and initial interval are brought together.
#[derive(Clone, Copy)]
pub(in crate::config) struct Defaults {
    min: Poll,
    max: Poll,
    initial: Poll,
}

impl Default for Defaults {
    fn default() -> Self {
        PollLimits::default().into()
    }
}

impl From<PollLimits> for Defaults {
    fn from(PollLimits { min, max, initial }: PollLimits) -> Self {
        Self { min, max, initial }
    }
}

impl Defaults {
    /// An initial interval outside the limits is moved to the nearer one, as in 1.x.
    pub(in crate::config) fn resolved(self) -> PollLimits {
        let initial = self.initial.max(self.min).min(self.max);
        PollLimits { min: self.min, max: self.max, initial }
    }
}

/// Reads `[source-defaults]`.
pub(in crate::config) fn defaults(section: &Section<'_>) -> Defaults {
    poll(section, Defaults::default())
}

fn poll(section: &Section<'_>, inherited: Defaults) -> Defaults {
    let limits = section.get("poll-interval-limits");
    let table = limits.and_then(|item| item.section(&keys::LIMITS));
    let bound = |key| table.and_then(|table| exponent(&table.get(key)?));
    let min = bound("min").unwrap_or(inherited.min);
    let max = bound("max").unwrap_or(inherited.max);
    if let Some(limits) = limits.filter(|_| min > max) {
        let (min, max) = (min.log2(), max.log2());
        limits.refuse(&format!("has min {min} above max {max}"), "write a min that is not above max");
    }
    let initial = section.get("initial-poll-interval");
    let written = initial.and_then(|item| exponent(&item));
    if let (Some(item), Some(written)) = (initial, written)
        && min <= max
        && !(min..=max).contains(&written)
    {
        let (min, max) = (min.log2(), max.log2());
        let message =
            format!("`initial-poll-interval` is outside the limits {min} to {max}; the nearer limit is used");
        section.report.warning(item.start, message);
    }
    Defaults { min, max, initial: written.unwrap_or(inherited.initial) }
}

fn exponent(item: &Item<'_>) -> Option<Poll> {
    let range = i64::from(Poll::MIN.log2())..=i64::from(Poll::MAX.log2());
    let log2 = item.integer(range)?;
    i8::try_from(log2).ok().map(Poll::new)
}

#[derive(Clone, Copy)]
enum Mode {
    Server,
    Pool,
    Nts,
    NtsPool,
    Sock,
    Pps,
}

const MODES: [(&str, Mode); 6] = [
    ("server", Mode::Server),
    ("pool", Mode::Pool),
    ("nts", Mode::Nts),
    ("nts-pool", Mode::NtsPool),
    ("sock", Mode::Sock),
    ("pps", Mode::Pps),
];

impl Mode {
    const fn schema(self) -> &'static Schema {
        match self {
            Self::Server => &keys::SERVER_SOURCE,
            Self::Pool => &keys::POOL_SOURCE,
            Self::Nts => &keys::NTS_SOURCE,
            Self::NtsPool => &keys::NTS_POOL_SOURCE,
            Self::Sock => &keys::SOCK_SOURCE,
            Self::Pps => &keys::PPS_SOURCE,
        }
    }
}

/// Reads one `[[source]]`; `None` if it is wrong or not supported yet.
pub(in crate::config) fn source(
    table: &DeTable<'_>,
    start: usize,
    defaults: Defaults,
    report: &Report,
) -> Option<SourceConfig> {
    let (mode, written) = mode(table, start, report)?;
    let section = Section::open(table, start, mode.schema(), report);
    let marks = marks(&section);
    let kind = match mode {
        Mode::Server => SourceKind::Server { address: address(&section, NTP_PORT)? },
        Mode::Pool => pool(&section)?,
        Mode::Nts => SourceKind::Nts(key_exchange(&section)?),
        Mode::NtsPool => {
            let count = count(&section);
            SourceKind::NtsPool { key_exchange: key_exchange(&section)?, count }
        }
        Mode::Sock | Mode::Pps => {
            reference_clock(&section, mode);
            written.not_supported_yet("a reference clock", "remove this source");
            return None;
        }
    };
    let Network { poll, interleaved, family } = network_keys(&section, defaults);
    let origin = SourceOrigin::Configuration;
    Some(SourceConfig { kind, poll, marks, origin, interleaved, family })
}

fn marks(section: &Section<'_>) -> Marks {
    let on = |key| section.boolean(key, false);
    let marks =
        Marks { prefer: on("prefer"), noselect: on("noselect"), trust: on("trust"), require: on("require") };
    if let (Some(other), Some(item)) = (marks.contradiction(), section.get("noselect")) {
        item.refuse(&format!("contradicts `{other}`"), "remove one of the two");
    }
    marks
}

fn mode<'a>(table: &'a DeTable<'a>, start: usize, report: &'a Report) -> Option<(Mode, Item<'a>)> {
    let Some((key, value)) = table.get_key_value("mode") else {
        report.error(start, "`mode` is missing in [[source]]; add `mode = \"server\"` or `mode = \"pool\"`");
        return None;
    };
    let item = Item {
        name: key.get_ref(),
        key_start: key.span().start,
        start: value.span().start,
        value: value.get_ref(),
        report,
    };
    if let DeValue::String(word) = item.value
        && let Some(now) = early::renamed_mode(word)
    {
        let hint = format!("`ntp-ctl migrate` is for such files; write \"{now}\"");
        item.refuse(&format!("is \"{word}\", an early spelling (2023)"), &hint);
        return None;
    }
    Some((item.choice(&MODES)?, item))
}

fn address(section: &Section<'_>, port: u16) -> Option<HostPort> {
    let item = section.require("address", "`address = \"…\"`")?;
    let text = item.text("a name or an IP address in quotes")?;
    HostPort::parse(text, port).map_err(|wrong| item.report.error(item.start, wrong)).ok()
}

fn pool(section: &Section<'_>) -> Option<SourceKind> {
    let count = count(section);
    let ignore = section.get("ignore").map(|item| ignore(&item)).unwrap_or_default();
    Some(SourceKind::Pool { address: address(section, NTP_PORT)?, count, ignore })
}

fn count(section: &Section<'_>) -> usize {
    let count = section.integer("count", 1..=MOST_OF_A_POOL);
    count.and_then(|count| usize::try_from(count).ok()).unwrap_or(DEFAULT_COUNT)
}

fn ignore(item: &Item<'_>) -> Vec<IpAddr> {
    let wanted = "a list of IP addresses like [\"192.0.2.1\"]";
    let parse = |element: &Item<'_>| {
        let text = element.text("IP addresses in quotes")?;
        let address = text.parse().ok();
        if address.is_none() {
            element.refuse(&format!("contains \"{text}\""), &format!("write {wanted}"));
        }
        address
    };
    item.list(wanted).unwrap_or_default().iter().filter_map(parse).collect()
}

/// What every source that is asked by packets has.
struct Network {
    poll: PollLimits,
    interleaved: bool,
    family: Family,
}

fn network_keys(section: &Section<'_>, defaults: Defaults) -> Network {
    ntp_version(section);
    for (key, hint) in [
        ("interface", "remove the key: the routing table decides"),
        ("local-address", "remove the key: the kernel chooses the address"),
    ] {
        if let Some(item) = section.get(key).filter(|item| item.text("a text in quotes").is_some()) {
            item.not_supported_yet(&format!("`{key}`"), hint);
        }
    }
    let families = [("any", Family::Any), ("ipv4", Family::V4), ("ipv6", Family::V6)];
    let family = section.get("family").and_then(|item| item.choice(&families)).unwrap_or_default();
    let interleaved = section.boolean("interleaved", false);
    Network { poll: poll(section, defaults).resolved(), interleaved, family }
}

fn ntp_version(section: &Section<'_>) {
    let Some(item) = section.get("ntp-version") else { return };
    match item.value {
        DeValue::Integer(version) if version.as_str() == "4" => {}
        DeValue::Integer(version) if version.as_str() == "5" => {
            item.not_supported_yet("NTP version 5", "write 4, or remove the key");
        }
        DeValue::String(word) if word == "auto" => {
            item.not_supported_yet("the upgrade to NTP version 5", "write 4, or remove the key");
        }
        _ => item.refuse("is something else than 4, 5 or \"auto\"", "write 4"),
    }
}

fn key_exchange(section: &Section<'_>) -> Option<KeyExchange> {
    let certificate_authority = section.path("certificate-authority");
    let enable_srv_resolution = section.boolean("enable-srv-resolution", false);
    let address = address(section, KEY_EXCHANGE_PORT)?;
    if enable_srv_resolution
        && address.host.parse::<IpAddr>().is_ok()
        && let Some(item) = section.get("enable-srv-resolution")
    {
        item.refuse(
            "stands beside an address, which has no service records",
            "write a name as `address`, or remove the key",
        );
    }
    Some(KeyExchange { address, certificate_authority, enable_srv_resolution })
}

fn reference_clock(section: &Section<'_>, mode: Mode) {
    section.require("path", "`path = \"…\"`").and_then(|item| item.path());
    let positive = |item: Item<'_>| item.number("a number of seconds above 0", |v| v > 0.0);
    if let Some(variance) = section.get("measurement_noise_estimate") {
        if let Some(item) = section.both("measurement_noise_estimate", "precision") {
            item.refuse("stands beside `precision`", "keep only `precision`");
        }
        let message = "`measurement_noise_estimate` is deprecated; write `precision`, its square root";
        section.report.warning(variance.key_start, message);
        variance.number("a variance in s² above 0", |v| v > 0.0);
    } else {
        section.require("precision", "`precision = 1e-3` (s, one standard deviation)").and_then(positive);
    }
    section.get("accuracy").and_then(|item| item.number("a number of seconds, not negative", |v| v >= 0.0));
    if matches!(mode, Mode::Pps) {
        section.get("period").and_then(positive);
    }
}

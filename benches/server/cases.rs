//! The ways that a request can go: what the server is told, who asks, and what must come of it. Measures nothing.

use crate::nts;
use ntpd_rs::config::{FilterAction, FilterList, LeapSmear, Network, RateLimit, ServerConfig, SmearShape};
use ntpd_rs::nts::Algorithm;
use ntpd_rs::nts::field::FIELD_HEADER_LEN;
use ntpd_rs::packet::Header;
use ntpd_rs::server::Answer;
use ntpd_rs::time::{NtpTimestamp, Span};
use ntpd_rs::verdict::Refusal;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// One row of the table.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) config: ServerConfig,
    /// Before each request is made another one.
    pub(crate) request: Vec<u8>,
    pub(crate) each: Each,
    /// Addresses that ask in turn, counted from [`FIRST`].
    pub(crate) clients: u32,
    /// From one request to the next.
    pub(crate) step: Span,
    /// Whether it went the way that the row is about.
    pub(crate) expected: fn(&Result<Answer, Refusal>) -> bool,
}

/// What is different in each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Each {
    /// Its transmit timestamp.
    Asks,
    /// That too, and each client's origin timestamp asks when the reply before left (RFC 9769).
    AsksInterleaved,
    /// Nothing: it is protected.
    Protected,
}

/// The first client.
pub(crate) const FIRST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// The nth client.
pub(crate) fn client(n: u32) -> SocketAddr {
    (Ipv4Addr::from_bits(FIRST.to_bits().wrapping_add(n)), 40_000).into()
}

fn plain() -> Case {
    Case {
        name: "plain",
        config: ServerConfig::new((Ipv4Addr::LOCALHOST, 123).into()),
        request: request(),
        each: Each::Asks,
        clients: 1000,
        step: Span::from_micros(4),
        expected: is_time,
    }
}

/// Every row.
pub(crate) fn all() -> Vec<Case> {
    let mut all = vec![plain()];
    all.extend(refused_by_form());
    all.extend(with_lists());
    all.extend(with_rate_limiting());
    all.extend(with_statistics());
    all.extend(with_other_times());
    all.extend(with_nts());
    all
}

fn with_other_times() -> [Case; 2] {
    [
        Case {
            each: Each::AsksInterleaved,
            expected: |result| result.as_ref().is_ok_and(|answer| answer.interleaved),
            ..with_config("interleaved, 1000 clients", |_| {})
        },
        with_config("smeared", |config| {
            config.leap_smear =
                Some(LeapSmear { shape: SmearShape::Cosine, window: Span::from_secs(86_400) });
        }),
    ]
}

fn with_nts() -> Vec<Case> {
    let of = |name, algorithm, placeholders| Case {
        // A case without a request would not go its way.
        request: nts::request(&request(), algorithm, placeholders).unwrap_or_default(),
        each: Each::Protected,
        expected: |result| result.as_ref().is_ok_and(|answer| answer.nts && answer.kiss.is_none()),
        ..with_config(name, |_| {})
    };
    let damaged = |name, at: usize| {
        let mut case = of(name, Algorithm::AesSivCmac256, 0);
        case.request.get_mut(at..).and_then(<[u8]>::first_mut).into_iter().for_each(|byte| *byte ^= 1);
        Case { expected: |result| refused_or_told(result, Refusal::NotAuthentic), ..case }
    };
    let (header, identifier) = (Header::LEN, FIELD_HEADER_LEN + 32);
    let (siv, long, gcm) = (Algorithm::AesSivCmac256, Algorithm::AesSivCmac512, Algorithm::Aes128GcmSiv);
    vec![
        of("NTS, AES-SIV-CMAC-256 (15), 1 cookie", siv, 0),
        of("NTS, AES-SIV-CMAC-256 (15), 8 cookies", siv, 7),
        of("NTS, AES-SIV-CMAC-512 (17), 1 cookie", long, 0),
        of("NTS, AES-SIV-CMAC-512 (17), 8 cookies", long, 7),
        of("NTS, AES-128-GCM-SIV (30), 1 cookie", gcm, 0),
        of("NTS, AES-128-GCM-SIV (30), 8 cookies", gcm, 7),
        damaged("refused: NTS, cookie of an unknown key", header + identifier + FIELD_HEADER_LEN),
        damaged("refused: NTS, cookie that does not open", header + identifier + FIELD_HEADER_LEN + 30),
        damaged("refused: NTS, not authentic", header - 1),
    ]
}

fn with_statistics() -> [Case; 2] {
    let listed = |name, clients| with_config(name, |config| config.client_statistics = clients);
    [
        listed("1000 clients, all of them remembered by name", 4096),
        listed("1000 clients, 64 of them remembered by name", 64),
    ]
}

/// What a firewall would call garbage.
fn refused_by_form() -> [Case; 3] {
    let of = |name, change: fn(&mut Vec<u8>), expected| {
        let mut case = Case { name, expected, ..plain() };
        change(&mut case.request);
        case
    };
    [
        of(
            "refused: another mode",
            |bytes| set_first(bytes, 0x24),
            |result| refused(result, Refusal::WrongMode),
        ),
        of(
            "refused: another version",
            |bytes| set_first(bytes, 0x0B),
            |result| refused(result, Refusal::WrongVersion),
        ),
        of("refused: too short", |bytes| bytes.truncate(47), |result| refused(result, Refusal::Malformed)),
    ]
}

fn with_lists() -> [Case; 4] {
    [
        with_config("denylist of 10 networks", |config| {
            config.denylist = Some(list(Ipv4Addr::new(20, 0, 0, 0), 10))
        }),
        with_config("denylist of 1000 networks", |config| {
            config.denylist = Some(list(Ipv4Addr::new(20, 0, 0, 0), 1000));
        }),
        with_config("allowlist of 1000 networks", |config| config.allowlist = Some(list(FIRST, 1000))),
        Case {
            expected: |result| refused(result, Refusal::Ignored),
            ..with_config("refused: on a denylist of 1000 networks", |config| {
                config.denylist = Some(list(FIRST, 1000));
            })
        },
    ]
}

/// A client may ask once in 4 s, and 8 times at once.
fn limit(cache_size: usize) -> RateLimit {
    RateLimit { cache_size, cutoff: Span::from_secs(4), burst: 8 }
}

fn with_rate_limiting() -> [Case; 4] {
    let limited = |name, cache_size| with_config(name, |config| config.rate_limit = Some(limit(cache_size)));
    [
        Case { step: Span::from_millis(5), ..limited("rate limiting, 1000 known clients", 4096) },
        Case {
            clients: 1 << 20,
            step: Span::from_micros(4),
            ..limited("rate limiting, a million clients for 4096 places", 4096)
        },
        Case {
            clients: 1 << 20,
            step: Span::from_micros(4),
            ..limited("rate limiting, a million clients for 65536 places", 65_536)
        },
        Case {
            clients: 8,
            expected: |result| over_budget(result),
            ..limited("refused: 8 clients that ask too often", 4096)
        },
    ]
}

fn with_config(name: &'static str, change: impl FnOnce(&mut ServerConfig)) -> Case {
    let mut case = Case { name, ..plain() };
    change(&mut case.config);
    case
}

/// /24 networks, one after another.
fn list(first: Ipv4Addr, count: u32) -> FilterList {
    let networks = (0..count).map(|n| Network {
        address: IpAddr::V4(Ipv4Addr::from_bits((first.to_bits() & !0xFF).wrapping_add(n << 8))),
        bits: 24,
    });
    FilterList { networks: networks.collect(), action: FilterAction::Ignore }
}

fn request() -> Vec<u8> {
    let transmit_timestamp = NtpTimestamp::from_bits(1);
    Header { poll: 6, transmit_timestamp, ..Header::default() }.emit().to_vec()
}

fn set_first(bytes: &mut [u8], value: u8) {
    if let Some(first) = bytes.first_mut() {
        *first = value;
    }
}

fn is_time(result: &Result<Answer, Refusal>) -> bool {
    result.as_ref().is_ok_and(|answer| answer.kiss.is_none())
}

fn refused(result: &Result<Answer, Refusal>, reason: Refusal) -> bool {
    *result == Err(reason)
}

/// Most get nothing; now and then one is told why, and as often as the budget allows one gets time.
fn over_budget(result: &Result<Answer, Refusal>) -> bool {
    refused_or_told(result, Refusal::RateLimited)
}

fn refused_or_told(result: &Result<Answer, Refusal>, reason: Refusal) -> bool {
    match result {
        Ok(answer) => answer.kiss == Some(reason),
        Err(refusal) => *refusal == reason,
    }
}

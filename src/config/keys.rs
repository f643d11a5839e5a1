//! The names of all sections and keys of `ntp.toml`, and what to say of a name that is none. Reads no values.

/// One kind of table in the file, with the keys that it may hold.
#[derive(Debug)]
pub(super) struct Schema {
    /// As people write it.
    pub(super) title: &'static str,
    /// Every key.
    pub(super) keys: &'static [&'static str],
}

pub(super) const TOP: Schema = Schema {
    title: "the file",
    keys: &[
        "source-defaults",
        "source",
        "server",
        "nts-ke-server",
        "keyset",
        "synchronization",
        "observability",
        "control",
        "clock",
    ],
};

pub(super) const SOURCE_DEFAULTS: Schema =
    Schema { title: "[source-defaults]", keys: &["poll-interval-limits", "initial-poll-interval"] };

/// Of every source that is asked by packets, after its own keys.
macro_rules! network_source {
    ($($key:literal),*) => {
        &[
            "mode", $($key,)* "poll-interval-limits", "initial-poll-interval", "ntp-version", "prefer", "noselect",
            "trust", "require", "interleaved", "family", "interface", "local-address",
        ]
    };
}

pub(super) const SERVER_SOURCE: Schema =
    Schema { title: "[[source]] with mode = \"server\"", keys: network_source!("address") };
pub(super) const POOL_SOURCE: Schema =
    Schema { title: "[[source]] with mode = \"pool\"", keys: network_source!("address", "count", "ignore") };
pub(super) const NTS_SOURCE: Schema = Schema {
    title: "[[source]] with mode = \"nts\"",
    keys: network_source!("address", "certificate-authority", "enable-srv-resolution"),
};
pub(super) const NTS_POOL_SOURCE: Schema = Schema {
    title: "[[source]] with mode = \"nts-pool\"",
    keys: network_source!("address", "certificate-authority", "enable-srv-resolution", "count"),
};
pub(super) const SOCK_SOURCE: Schema = Schema {
    title: "[[source]] with mode = \"sock\"",
    keys: &[
        "mode",
        "path",
        "precision",
        "accuracy",
        "measurement_noise_estimate",
        "prefer",
        "noselect",
        "trust",
        "require",
    ],
};
pub(super) const PPS_SOURCE: Schema = Schema {
    title: "[[source]] with mode = \"pps\"",
    keys: &[
        "mode",
        "path",
        "precision",
        "accuracy",
        "measurement_noise_estimate",
        "period",
        "prefer",
        "noselect",
        "trust",
        "require",
    ],
};

pub(super) const LIMITS: Schema = Schema { title: "poll-interval-limits", keys: &["min", "max"] };
pub(super) const STEP_THRESHOLD: Schema =
    Schema { title: "a step threshold", keys: &["forward", "backward"] };
pub(super) const LEAP_SMEAR: Schema = Schema { title: "leap-smear", keys: &["shape", "window"] };
pub(super) const FILTER_LIST: Schema = Schema { title: "a filter list", keys: &["filter", "action"] };

pub(super) const SERVER: Schema = Schema {
    title: "[[server]]",
    keys: &[
        "listen",
        "rate-limiting-cache-size",
        "rate-limiting-cutoff-ms",
        "rate-limiting-burst",
        "allowlist",
        "denylist",
        "require-nts",
        "accept-ntp-versions",
        "threads",
        "client-statistics",
        "leap-smear",
    ],
};

pub(super) const NTS_KE_SERVER: Schema = Schema {
    title: "[[nts-ke-server]]",
    keys: &[
        "listen",
        "certificate-chain-path",
        "private-key-path",
        "key-exchange-timeout-ms",
        "concurrent-connections",
        "longlived-connections",
        "ntp-port",
        "ntp-server",
        "accept-ntp-versions",
        "accepted-pool-authentication-tokens",
    ],
};

pub(super) const KEYSET: Schema = Schema {
    title: "[keyset]",
    keys: &[
        "stale-key-count",
        "key-rotation-interval",
        "key-storage-path",
        "shared-keys-path",
        "shared-secret-path",
    ],
};

pub(super) const SYNCHRONIZATION: Schema = Schema {
    title: "[synchronization]",
    keys: &[
        "minimum-agreeing-sources",
        "single-step-panic-threshold",
        "startup-step-panic-threshold",
        "accumulated-step-panic-threshold",
        "local-stratum",
        "orphan-stratum",
        "orphan-wait",
        "reference-id",
        "warn-on-jump",
        "step-limit",
        "leap-seconds-file",
        "nts-bootstrap",
        "use-link-servers",
        "algorithm",
    ],
};

pub(super) const ALGORITHM: Schema = Schema {
    title: "[synchronization.algorithm]",
    keys: &[
        "step-threshold",
        "slew-maximum-frequency-offset",
        "slew-minimum-duration",
        "maximum-frequency-steer",
        "initial-frequency-uncertainty",
        "initial-wander",
        "maximum-source-uncertainty",
        "ignore-server-dispersion",
        "precision-low-probability",
        "precision-high-probability",
        "precision-hysteresis",
        "precision-minimum-weight",
        "poll-interval-low-weight",
        "poll-interval-high-weight",
        "poll-interval-hysteresis",
        "poll-interval-step-threshold",
        "delay-outlier-threshold",
        "range-statistical-weight",
        "range-delay-weight",
        "steer-offset-threshold",
        "steer-offset-leftover",
        "steer-frequency-threshold",
        "steer-frequency-leftover",
        "meddling-threshold",
    ],
};

pub(super) const OBSERVABILITY: Schema = Schema {
    title: "[observability]",
    keys: &[
        "log-level",
        "log-path",
        "log-path-metrics-exporter",
        "ansi-colors",
        "observation-path",
        "observation-permissions",
        "metrics-exporter-listen",
        "statistics-path",
    ],
};

pub(super) const CONTROL: Schema = Schema { title: "[control]", keys: &["path", "permissions", "d-bus"] };

pub(super) const CLOCK: Schema = Schema {
    title: "[clock]",
    keys: &["clock", "interface", "timestamp-mode", "clock-control", "state-directory"],
};

/// Every table that has keys of its own.
pub(super) const ALL: [&Schema; 16] = [
    &SOURCE_DEFAULTS,
    &SERVER_SOURCE,
    &POOL_SOURCE,
    &NTS_SOURCE,
    &NTS_POOL_SOURCE,
    &SOCK_SOURCE,
    &PPS_SOURCE,
    &SERVER,
    &NTS_KE_SERVER,
    &KEYSET,
    &SYNCHRONIZATION,
    &ALGORITHM,
    &OBSERVABILITY,
    &CONTROL,
    &CLOCK,
    &TOP,
];

/// What to say of a key that `schema` does not have.
pub(super) fn unknown_key(key: &str, schema: &Schema) -> String {
    let title = schema.title;
    if let Some(now) = super::early::renamed(key, schema) {
        return format!("`{key}` is an early spelling (2023), which `ntp-ctl migrate` is for; write `{now}`");
    }
    let start = format!("unknown key `{key}` in {title}");
    if let Some(near) = nearest(key, schema.keys) {
        return format!("{start}; did you mean `{near}`?");
    }
    let elsewhere: Vec<_> = ALL.iter().filter(|s| s.keys.contains(&key)).map(|s| s.title).collect();
    match elsewhere.first() {
        Some(home) if schema.title != TOP.title || elsewhere.len() == 1 => {
            format!("{start}; it belongs in {home}")
        }
        Some(_) => format!("{start}; it belongs in one of {}", elsewhere.join(", ")),
        None => format!("{start}; known keys: {}", schema.keys.join(", ")),
    }
}

/// The known name that was most probably meant, if any is near.
pub(super) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = name.to_ascii_lowercase().replace('_', "-");
    let distance = |candidate: &str| strsim::damerau_levenshtein(&plain, &candidate.replace('_', "-"));
    let best = known.iter().min_by_key(|candidate| distance(candidate))?;
    (distance(best) <= (plain.chars().count() / 3).max(1)).then_some(*best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_names_the_key_that_was_meant() {
        assert_eq!(nearest("adress", SERVER_SOURCE.keys), Some("address"));
        assert_eq!(
            nearest("Minimum_Agreeing_Source", SYNCHRONIZATION.keys),
            Some("minimum-agreeing-sources")
        );
        assert_eq!(nearest("frobnicate", SYNCHRONIZATION.keys), None);
    }

    #[test]
    fn a_key_of_another_section_is_sent_there() {
        assert!(unknown_key("log-level", &CLOCK).contains("belongs in [observability]"));
        assert!(unknown_key("count", &SERVER_SOURCE).contains("mode = \"pool\""));
        assert!(unknown_key("frobnicate", &CLOCK).contains("known keys: clock, interface"));
    }

    /// Named in the text of the packaged file, since a setting of them would be refused.
    const NAMED: [&str; 5] = ["clock", "interface", "local-address", "statistics-path", "shared-keys-path"];

    #[test]
    fn the_packaged_file_shows_every_key() {
        let file = include_str!("../../packaging/ntp.toml");
        let shown = |key: &str| {
            let setting = format!("{key} = ");
            file.lines().any(|line| line.strip_prefix('#').unwrap_or(line).starts_with(&setting))
        };
        let unused = |key: &str| super::super::sections::synchronization::is_unused(key);
        let schemas = [
            &SOURCE_DEFAULTS,
            &SERVER_SOURCE,
            &POOL_SOURCE,
            &NTS_SOURCE,
            &NTS_POOL_SOURCE,
            &SERVER,
            &NTS_KE_SERVER,
            &KEYSET,
            &SYNCHRONIZATION,
            &ALGORITHM,
            &OBSERVABILITY,
            &CONTROL,
            &CLOCK,
        ];
        for (schema, key) in schemas.iter().flat_map(|s| s.keys.iter().map(move |key| (s.title, *key))) {
            let named = NAMED.contains(&key) && file.contains(&format!("`{key}`"));
            assert!(shown(key) || named || unused(key) || key == "algorithm", "{key} of {schema}");
        }
        for section in TOP.keys {
            assert!(file.contains(&format!("[{section}]")), "{section}");
        }
    }
}

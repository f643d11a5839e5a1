//! What other clients reached on the same scenarios: root mean square errors in microseconds, medians over seeds. None of it is measured here.
//!
//! Measured with the unmodified daemons in an independent simulator with the same parameters: chrony 4.8, ntpd-rs 1.9, NTPsec 1.2.2, systemd-timesyncd.

/// One scenario's figures. `NaN` where there is none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reference {
    pub(crate) name: &'static str,
    /// Polling every 64 s.
    pub(crate) chrony_p6: f64,
    pub(crate) ntpd_rs_p6: f64,
    pub(crate) ntpsec_p6: f64,
    /// Polling as they like between 64 and 1024 s, and how many packets that took.
    pub(crate) chrony_def: (f64, f64),
    pub(crate) ntpd_rs_def: (f64, f64),
    pub(crate) timesyncd: f64,
    /// The limit that knowing every parameter allows at 16 s and 64 s (a particle filter).
    pub(crate) optimum: (f64, f64),
}

/// The figures of the scenario of this name.
pub(crate) fn find(name: &str) -> Option<&'static Reference> {
    TABLE.iter().find(|reference| reference.name == name)
}

type Row = (&'static str, [f64; 3], (f64, f64), (f64, f64), f64, (f64, f64));

const fn reference(row: Row) -> Reference {
    let (name, [chrony_p6, ntpd_rs_p6, ntpsec_p6], chrony_def, ntpd_rs_def, timesyncd, optimum) = row;
    Reference { name, chrony_p6, ntpd_rs_p6, ntpsec_p6, chrony_def, ntpd_rs_def, timesyncd, optimum }
}

const NONE: f64 = f64::NAN;
const UNKNOWN: (f64, f64) = (NONE, NONE);

/// Of step50 the error long after the step.
static TABLE: [Reference; 16] = [
    reference(("lan", [9.0, 11.5, 16.1], (33.0, 118.0), (11.5, 607.0), 53.0, (1.3, 4.0))),
    reference(("lan_w8", [18.7, 17.5, 162.0], (41.0, 446.0), (17.5, 607.0), 486.0, (4.3, 9.8))),
    reference(("lan4", [15.3, 11.2, 18.7], (83.0, 346.0), (12.2, 2250.0), 87.0, (1.2, 2.7))),
    reference(("inet1", [101.0, 197.0, 152.0], (353.0, 65.0), (372.0, 131.0), 1303.0, (12.0, 35.0))),
    reference(("inet1_w8", [228.0, 291.0, 218.0], (1191.0, 65.0), (649.0, 131.0), 1371.0, (47.0, 94.0))),
    reference(("inet1_w10", [94.0, 197.0, 151.0], (170.0, 65.0), (370.0, 131.0), 1310.0, (7.0, 13.0))),
    reference(("inet4", [67.0, 111.0, 102.0], (431.0, 262.0), (231.0, 536.0), 1307.0, (7.0, 17.0))),
    reference(("wifi", [60.0, 214.0, 47.0], (351.0, 67.0), (566.0, 134.0), 2118.0, (4.3, 14.0))),
    reference(("asymjit", [68.0, 817.0, 182.0], (181.0, 71.0), (1113.0, 131.0), 1700.0, (6.0, 14.0))),
    reference(("asymstat4", [377.0, 697.0, 578.0], (535.0, 262.0), (830.0, 668.0), 2124.0, UNKNOWN)),
    reference(("false5", [67.0, 121.0, 105.0], (423.0, 327.0), (237.0, 665.0), 1307.0, UNKNOWN)),
    reference(("loss30", [118.0, 276.0, 274.0], (464.0, 78.0), (403.0, 230.0), 1562.0, UNKNOWN)),
    reference(("hvac", [60.0, 68.0, 51.0], (60.0, 65.0), (108.0, 228.0), 283.0, UNKNOWN)),
    reference(("cold", [101.0, 197.0, 152.0], (353.0, 65.0), (346.0, 131.0), 1394.0, UNKNOWN)),
    reference(("step50", [107.0, 273.0, 400.0], (333.0, NONE), UNKNOWN, 1061.0, UNKNOWN)),
    reference(("fstep1", [135.0, 238.0, 178.0], (1153.0, 65.0), (522.0, 131.0), 1533.0, UNKNOWN)),
];

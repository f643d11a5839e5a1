//! `[clock]`. Opens no clock.

use crate::config::reader::Section;
use crate::config::{ClockControl, TimestampMode};
use std::path::PathBuf;
use toml::de::DeValue;

/// What `[clock]` says.
pub(in crate::config) struct Clock {
    pub(in crate::config) control: ClockControl,
    pub(in crate::config) timestamp_mode: TimestampMode,
    pub(in crate::config) state_directory: Option<PathBuf>,
}

impl Default for Clock {
    fn default() -> Self {
        Self { control: ClockControl::Yes, timestamp_mode: TimestampMode::KernelAll, state_directory: None }
    }
}

/// Reads the section.
pub(in crate::config) fn read(section: &Section<'_>) -> Clock {
    let defaults = Clock::default();
    if let Some(item) = section.get("clock").filter(|item| item.path().is_some()) {
        item.not_supported_yet(
            "another clock than the system's",
            "remove `clock`: the system clock is steered",
        );
    }
    if let Some(item) =
        section.get("interface").filter(|item| item.text("the name of a network interface").is_some())
    {
        item.not_supported_yet("binding to an interface", "remove `interface`: the routing table decides");
    }
    Clock {
        control: control(section).unwrap_or(defaults.control),
        timestamp_mode: timestamp_mode(section).unwrap_or(defaults.timestamp_mode),
        state_directory: section.path("state-directory"),
    }
}

fn control(section: &Section<'_>) -> Option<ClockControl> {
    let item = section.get("clock-control")?;
    match item.value {
        DeValue::Boolean(true) => Some(ClockControl::Yes),
        DeValue::Boolean(false) => Some(ClockControl::No),
        DeValue::String(text) if text == "auto" => Some(ClockControl::Auto),
        _ => {
            item.refuse("is something else than true, false or \"auto\"", "write one of these three");
            None
        }
    }
}

fn timestamp_mode(section: &Section<'_>) -> Option<TimestampMode> {
    let item = section.get("timestamp-mode")?;
    let choices = [
        ("software", Some(TimestampMode::Software)),
        ("kernel-recv", Some(TimestampMode::KernelRecv)),
        ("kernel-all", Some(TimestampMode::KernelAll)),
        ("hardware", None),
    ];
    let mode = item.choice(&choices)?;
    if mode.is_none() {
        item.not_supported_yet("hardware timestamping", "write \"kernel-all\", the best there is so far");
    }
    mode
}

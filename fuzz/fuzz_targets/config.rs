//! Any text as an ntp.toml: it is read or every error is told, without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(errors) = ntpd_rs::config::parse("ntp.toml", text) {
        assert!(!errors.is_empty());
    }
});

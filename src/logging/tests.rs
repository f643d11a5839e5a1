//! Formats and files. The process-wide subscriber is never set here: tests run side by side.

use super::*;
use std::fs;
use tracing::subscriber::with_default;

/// What one informational and one debug event leave in a file.
fn logged(format: Format, filter: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let file = LogFile::open(&path).unwrap();
    let layers = parse_filter(filter).unwrap();
    with_default(tracing_subscriber::registry().with(layers).with(lines(format, false, file)), || {
        tracing::info!(offset = 1.5, "seen");
        tracing::debug!("hidden");
    });
    fs::read_to_string(&path).unwrap()
}

#[test]
fn every_format_writes_the_message_and_its_fields_without_colour() {
    for (name, format) in FORMATS {
        let text = logged(format, "info");
        assert!(text.contains("seen") && text.contains("offset") && text.contains("1.5"), "{name}: {text}");
        assert!(!text.contains("hidden") && !text.contains('\x1b'), "{name}: {text}");
        assert_eq!((name.parse(), format.to_string()), (Ok(format), name.to_owned()));
    }
    let json = logged(Format::Json, "info");
    assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
}

#[test]
fn a_filter_can_name_a_module() {
    assert!(logged(Format::Full, "warn,ntpd_rs::logging=debug").contains("hidden"));
    assert_eq!(logged(Format::Full, "info,ntpd_rs::logging=off"), "");
}

#[test]
fn a_rotated_file_is_opened_again_under_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let (path, rotated) = (directory.path().join("log"), directory.path().join("log.1"));
    let file = LogFile::open(&path).unwrap();
    let write = |text: &str| file.make_writer().write_all(text.as_bytes()).unwrap();
    write("one\n");
    fs::rename(&path, &rotated).unwrap();
    write("two\n");
    file.reopen().unwrap();
    write("three\n");
    assert_eq!(fs::read_to_string(&rotated).unwrap(), "one\ntwo\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
}

#[test]
fn what_was_logged_before_is_kept_and_a_bad_path_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    fs::write(&path, "old\n").unwrap();
    LogFile::open(&path).unwrap().make_writer().write_all(b"new\n").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "old\nnew\n");
    let error = LogFile::open(&directory.path().join("missing/log")).unwrap_err();
    assert!(error.contains("missing/log") && error.contains("log-path"), "{error}");
}

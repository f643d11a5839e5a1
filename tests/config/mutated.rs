//! Broken files never end the program: every error has a place inside the text.

use super::{repository, uncommented};
use ntpd_rs::config::{Config, Diagnostic, LoadError, Severity, load, parse};
use proptest::prelude::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn check(text: &str) {
    let parsed = parse("f", text);
    check_as_drop_in(text, &parsed);
    let Err(found) = parsed else { return };
    assert!(found.iter().any(|d| d.severity == Severity::Error));
    let lines: Vec<_> = text.split('\n').collect();
    for diagnostic in found {
        let position = diagnostic.position.unwrap();
        let line = lines.get(position.line - 1).unwrap_or_else(|| panic!("{diagnostic}"));
        assert!(position.column <= line.chars().count() + 1, "{diagnostic}");
        assert!(diagnostic.message.len() > 10, "{diagnostic}");
    }
}

/// After an empty file the same is said of the same places.
fn check_as_drop_in(text: &str, alone: &Result<(Config, Vec<Diagnostic>), Vec<Diagnostic>>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ntp.toml");
    fs::create_dir(folder.path().join("ntp.toml.d")).unwrap();
    for (path, text) in [(&path, "# Empty.\n"), (&folder.path().join("ntp.toml.d/f.toml"), text)] {
        fs::write(path, text).unwrap();
        // Whatever the umask of the tester is.
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    }
    fs::set_permissions(folder.path().join("ntp.toml.d"), fs::Permissions::from_mode(0o755)).unwrap();
    let places = |found: &[Diagnostic]| {
        found.iter().map(|d| (d.position, d.severity, d.message.clone())).collect::<Vec<_>>()
    };
    match (alone, load(Some(&path))) {
        (Ok((config, warnings)), Ok(loaded)) => {
            assert!(format!("{config:?}") == format!("{:?}", loaded.config), "{text}");
            assert_eq!(places(warnings), places(&loaded.warnings), "{text}");
        }
        (Err(found), Err(LoadError::Content(as_drop_in))) => {
            assert_eq!(places(found), places(&as_drop_in), "{text}");
        }
        (alone, as_drop_in) => panic!("{alone:?} alone, {as_drop_in:?} as a drop-in of {text}"),
    }
}

/// Pieces that mean something in TOML or in ours.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,4}",
        "[\\[\\]{}=\"',.#\n]{1,3}",
        "-?[0-9]{1,25}",
        "-?[0-9]{1,3}\\.[0-9]{1,3}(e-?[0-9]{1,4})?",
        prop::sample::select(vec![
            "true",
            "nan",
            "-inf",
            "0o666",
            "1979-05-27",
            "[[source]]",
            "[]",
            "{}",
            "\"\""
        ])
        .prop_map(str::to_owned),
    ]
}

proptest! {
    #[test]
    fn a_file_with_pieces_replaced_is_taken_or_refused_with_places(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..12, piece()), 1..6)
    ) {
        let packaged = fs::read_to_string(repository().join("packaging/ntp.toml")).unwrap();
        let settings = uncommented(&packaged);
        let mut text: Vec<char> = settings.lines().filter(|l| !l.starts_with('#')).flat_map(|l| l.chars().chain(['\n'])).collect();
        for (at, length, piece) in changes {
            let start = at.index(text.len());
            let end = (start + length).min(text.len());
            text.splice(start..end, piece.chars());
        }
        check(&text.into_iter().collect::<String>());
    }

    #[test]
    fn any_value_of_any_type_is_taken_or_refused_with_its_place(
        key in prop::sample::select(settings()), value in piece()
    ) {
        let (section, key) = key;
        check(&format!("{section}\n{key} = {value}\n"));
    }
}

/// Every section with every key that the packaged file shows.
fn settings() -> Vec<(String, String)> {
    let text = uncommented(&fs::read_to_string(repository().join("packaging/ntp.toml")).unwrap());
    let (mut section, mut all) = (String::new(), Vec::new());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match line.split_once(" = ") {
            Some((key, _)) => all.push((section.clone(), key.to_owned())),
            None if line.starts_with('[') => section = line.to_owned(),
            None => {}
        }
    }
    assert!(all.len() > 40);
    all
}

#[test]
fn depth_and_length_without_end_are_refused() {
    let many = |text: &str| text.repeat(20_000);
    for text in [
        format!("a = {}", many("[")),
        format!("a = {}", many("{a=")),
        format!("[{}]", many("a.") + "a"),
        format!("{} = 1", many("a.") + "a"),
        many("[[source]]\n"),
    ] {
        let parsed = parse("f", &text);
        assert!(parsed.is_err());
        check_as_drop_in(&text, &parsed);
    }
}

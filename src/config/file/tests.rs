//! Whole files: on disk, in an early spelling, broken in several places.

use super::*;
use std::fs::{self, Permissions};
use std::io::Write;

const SOURCE: &str = "[[source]]\nmode = \"pool\"\naddress = \"pool.example\"\n";

#[track_caller]
fn refused(text: &str) -> Vec<String> {
    parse("f", text).unwrap_err().iter().map(ToString::to_string).collect()
}

fn written(content: &[u8], mode: u32) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    fs::set_permissions(file.path(), Permissions::from_mode(mode)).unwrap();
    file
}

#[track_caller]
fn not_loaded(path: &Path) -> String {
    load(Some(path)).unwrap_err().to_string()
}

#[test]
fn everything_that_is_wrong_is_told_at_once_in_the_order_of_the_text() {
    let errors = refused(
        "[observability]\nlog-levle = \"info\"\n\n[[source]]\nmode = \"pool\"\naddress = \"a\"\ncount = 0\n\n\
         [clock]\nclock-control = 7\n[frobnicate]\n",
    );
    let starts = ["f:2:1: ", "f:7:9: ", "f:10:17: ", "f:11:2: "];
    assert_eq!(errors.len(), starts.len(), "{errors:#?}");
    for (error, start) in errors.iter().zip(starts) {
        assert!(error.starts_with(start), "{error}");
    }
}

#[test]
fn what_is_no_toml_is_told_with_its_place() {
    let errors = refused("[observability]\nlog-level = info\n[clock\n");
    assert!(errors.first().is_some_and(|e| e.starts_with("f:2:13: this is no TOML: ")), "{errors:#?}");
    assert!(errors.iter().any(|e| e.starts_with("f:3:7: ")), "{errors:#?}");
    let errors = refused("[clock]\nclock-control = true\nclock-control = false\n");
    assert!(
        errors.first().is_some_and(|e| e.starts_with("f:3:1: ") && e.contains("duplicate key")),
        "{errors:#?}"
    );
}

#[test]
fn early_spellings_are_named_with_what_to_write_now() {
    let rows = [
        ("peers = [\"a\", \"b\"]", "f:1:1: `peers` is an early spelling (2023)", "[[source]]"),
        ("[[peers]]\nmode = \"pool\"\naddr = \"a\"\nmax-peers = 4", "f:1:3: `peers`", "[[source]]"),
        ("[system]\npanic-threshold = 10", "f:1:2: `system`", "[synchronization]"),
        ("[observe]\npath = \"/o\"", "f:1:2: `observe`", "`observation-path`"),
        ("[configure]\npath = \"/o\"", "f:1:2: `configure`", "[control]"),
        ("log-filter = \"info\"", "f:1:1: `log-filter`", "`log-level`"),
        ("[nts-ke-server]\naddr = \"[::]:4460\"", "f:1:2: a single [nts-ke-server]", "[[nts-ke-server]]"),
        ("[[server]]\nlisten = \"::\"\naddr = \"::\"", "f:3:1: `addr`", "write `listen`"),
        (
            "[[source]]\nmode = \"nts-server\"\nke-addr = \"a\"",
            "f:2:8: `mode` is \"nts-server\"",
            "write \"nts\"",
        ),
        (
            "[[source]]\nmode = \"pool\"\naddress = \"a\"\nmax-peers = 4",
            "f:4:1: `max-peers`",
            "write `count`",
        ),
        (
            "[synchronization]\nstartup-panic-threshold = 10",
            "f:2:1: `startup-panic-threshold`",
            "write `startup-step-panic-threshold`",
        ),
    ];
    for (text, start, now) in rows {
        let errors = refused(text);
        let [error] = errors.as_slice() else { panic!("{text} gives {errors:#?}") };
        assert!(error.starts_with(start) && error.contains(now), "{error}");
        assert!(error.contains("ntp-ctl migrate"), "{error}");
    }
}

#[test]
fn unknown_sections_name_the_nearest() {
    for (text, hint) in [
        ("[syncronization]", "did you mean `synchronization`?"),
        ("[[sources]]\n", "did you mean `source`?"),
        ("[[pool]]\naddress = \"a\"", "write [[source]] with mode = \"pool\""),
        ("log-level = \"info\"", "it belongs in [observability]"),
        ("[[clock]]", "write [clock], once"),
        ("clock = true", "write [clock] on a line of its own"),
        ("source = [1]", "write [[source]] for each"),
        ("server = \"a\"", "write [[server]] for each"),
    ] {
        let errors = refused(text);
        assert!(errors.iter().any(|e| e.contains(hint)), "{text} gives {errors:#?}");
    }
}

#[test]
fn what_can_be_used_all_the_same_is_a_warning() {
    let rows = [
        (
            format!(
                "{SOURCE}[synchronization.algorithm]\nmeddling-threshold = 5\nsteer-offset-leftover = 1\n"
            ),
            "f:5:1: warning: `steer-offset-leftover`, `meddling-threshold` have no effect",
        ),
        (
            format!("{SOURCE}poll-interval-limits.min = 6\ninitial-poll-interval = 5\n"),
            "f:5:25: warning: `initial-poll-interval` is outside the limits 6 to 10",
        ),
        (
            format!("{SOURCE}[[server]]\nlisten = \"::\"\nrate-limiting-cutoff-ms = 1\n"),
            "f:6:1: warning: rate limiting stays off",
        ),
    ];
    for (text, start) in rows {
        let (_, warnings) = parse("f", &text).unwrap();
        let [warning] = warnings.as_slice() else { panic!("{text} gives {warnings:#?}") };
        assert!(warning.to_string().starts_with(start), "{warning}");
    }
}

#[test]
fn a_file_that_everybody_may_write_to_is_refused() {
    let file = written(SOURCE.as_bytes(), 0o646);
    let error = not_loaded(file.path());
    assert!(error.contains("everybody may write") && error.contains("chmod o-w"), "{error}");
    fs::set_permissions(file.path(), Permissions::from_mode(0o660)).unwrap();
    let loaded = load(Some(file.path())).unwrap();
    assert_eq!(loaded.path.as_deref(), Some(file.path()));
    assert_eq!(loaded.config.sources.len(), 1);
}

#[test]
fn what_cannot_be_read_is_told_with_its_path() {
    let directory = tempfile::tempdir().unwrap();
    let error = not_loaded(directory.path());
    assert!(error.contains("is a directory"), "{error}");
    let missing = directory.path().join("ntp.toml");
    let error = not_loaded(&missing);
    assert!(error.starts_with(missing.to_str().unwrap()), "{error}");
    assert!(error.contains("No such file") && error.contains("-c"), "{error}");
    let error = not_loaded(Path::new("/dev/zero"));
    assert!(error.contains("larger than 4 MiB"), "{error}");
}

#[test]
fn what_is_no_utf8_is_told_with_its_place() {
    let file = written(b"[clock]\n# \xc3\xbc \xff\n", 0o600);
    let error = not_loaded(file.path());
    assert!(error.contains(":2:5: is no UTF-8 here"), "{error}");
}

#[test]
fn without_any_file_the_default_has_no_sources_and_says_how_to_add_them() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ntp.toml");
    let loaded = load_default(&path).unwrap();
    assert_eq!((loaded.config, loaded.path), (Config::without_file(), None));
    let [warning] = loaded.warnings.as_slice() else { panic!("{:?}", loaded.warnings) };
    let text = warning.to_string();
    assert!(text.contains("[[source]]") && text.contains("-p"), "{text}");
    // A file that is there is never passed over.
    fs::write(&path, "nonsense").unwrap();
    assert!(load_default(&path).is_err());
}

#[test]
fn fewer_sources_than_must_agree_is_told_with_the_remedy() {
    let problem = |text: &str| parse("f", text).unwrap().0.quorum_problem();
    assert_eq!(problem(SOURCE), None);
    let one = problem(&format!("{SOURCE}count = 2\n")).unwrap();
    assert!(one.contains("only 2 source(s)") && one.contains("`minimum-agreeing-sources`"), "{one}");
    assert_eq!(
        problem(&format!("{SOURCE}count = 2\n[synchronization]\nminimum-agreeing-sources = 2\n")),
        None
    );
    assert!(problem("").unwrap().contains("[[source]]"));
}

#[test]
fn drop_ins_without_their_file_are_not_passed_over_in_silence() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ntp.toml");
    fs::create_dir(directory.path().join("ntp.toml.d")).unwrap();
    let loaded = load_default(&path).unwrap();
    let [warning] = loaded.warnings.as_slice() else { panic!("{:?}", loaded.warnings) };
    assert!(warning.message.contains("ntp.toml.d is read only after this file"), "{warning}");
}

//! Directories on disk: what is read from them, in which order, and what is refused.

use super::*;
use crate::config::{Config, Diagnostic, Loaded, load};
use std::fs::Permissions;
use std::os::unix::fs::symlink;
use tempfile::TempDir;

/// A folder with an `ntp.toml`.
struct Bench(TempDir);

impl Bench {
    fn new(main: &str) -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        bench.write("ntp.toml", main);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Whatever the umask of the tester is.
    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), Permissions::from_mode(0o644)).unwrap();
    }

    fn directory(self) -> Self {
        fs::create_dir(self.path("ntp.toml.d")).unwrap();
        fs::set_permissions(self.path("ntp.toml.d"), Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn with(main: &str, drop_ins: &[(&str, &str)]) -> Self {
        let bench = Self::new(main).directory();
        drop_ins.iter().for_each(|(name, text)| bench.write(&format!("ntp.toml.d/{name}"), text));
        bench
    }

    fn load(&self) -> Result<Loaded, LoadError> {
        load(Some(&self.path("ntp.toml")))
    }

    #[track_caller]
    fn config(&self) -> Config {
        let loaded = self.load().unwrap_or_else(|wrong| panic!("{wrong}"));
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
        loaded.config
    }

    /// The file names of what was read after the main file.
    fn read(&self) -> Vec<String> {
        let drop_ins = self.load().unwrap().drop_ins;
        drop_ins.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    }

    /// What is wrong, one line each, without the name of the folder.
    #[track_caller]
    fn refused(&self) -> Vec<String> {
        let told = self.load().unwrap_err().to_string();
        let folder = format!("{}/", self.0.path().display());
        told.lines().map(|line| line.replacen(&folder, "", 1)).collect()
    }

    /// There is one complaint; it begins with the first and contains the second.
    #[track_caller]
    fn check(&self, begins: &str, contains: &str) {
        let told = self.refused();
        let [line] = told.as_slice() else { panic!("{told:#?}") };
        assert!(line.starts_with(begins) && line.contains(contains), "{line}");
    }
}

const ONE: &str = "[[source]]\nmode = \"server\"\naddress = \"one.example\"\n";
const TWO: &str = "[[source]]\nmode = \"server\"\naddress = \"two.example\"\n";

fn listen(port: u16) -> String {
    format!("[[server]]\nlisten = \"127.0.0.1:{port}\"\n")
}

#[test]
fn without_a_directory_the_file_is_alone() {
    let bench = Bench::new(ONE);
    assert!(bench.load().unwrap().drop_ins.is_empty());
    assert!(bench.directory().load().unwrap().drop_ins.is_empty());
}

#[test]
fn files_that_end_in_toml_and_are_not_hidden_are_read_in_the_byte_order_of_their_names() {
    let names = [
        "b.toml",
        "B.toml",
        "10-a.toml",
        "9.toml",
        "é.toml",
        ".h.toml",
        ".toml",
        "c.toml~",
        "d.TOML",
        "toml",
    ];
    let bench = Bench::with("", &names.map(|name| (name, "")));
    assert_eq!(bench.read(), ["10-a.toml", "9.toml", "B.toml", "b.toml", "é.toml"]);
}

#[test]
fn lists_of_sections_add_in_the_order_of_reading() {
    let config =
        Bench::with(ONE, &[("2.toml", &listen(1)), ("1.toml", &[TWO, &listen(2)].concat())]).config();
    let alone = crate::config::parse("f", &[ONE, TWO, &listen(2), &listen(1)].concat()).unwrap().0;
    assert_eq!((config.sources.len(), config.servers.len()), (2, 2));
    assert_eq!(config, alone);
}

#[test]
fn a_later_key_goes_before_an_earlier_one_and_the_others_stay() {
    let main = "[synchronization]\nlocal-stratum = 5\nminimum-agreeing-sources = 2\n\
                single-step-panic-threshold = { forward = 1, backward = 2 }\n\
                [synchronization.algorithm]\nstep-threshold = 1.0\n";
    let drop_ins = [
        ("1.toml", "synchronization.local-stratum = 6\n[clock]\nclock-control = false\n"),
        (
            "2.toml",
            "[synchronization]\nlocal-stratum = 7\nsingle-step-panic-threshold.forward = 3\n\
             [synchronization.algorithm]\nslew-minimum-duration = 9.0\n",
        ),
    ];
    let whole = "[synchronization]\nlocal-stratum = 7\nminimum-agreeing-sources = 2\n\
                 single-step-panic-threshold = { forward = 3, backward = 2 }\n\
                 [synchronization.algorithm]\nstep-threshold = 1.0\nslew-minimum-duration = 9.0\n\
                 [clock]\nclock-control = false\n";
    assert_eq!(Bench::with(main, &drop_ins).config(), crate::config::parse("f", whole).unwrap().0);
}

#[test]
fn a_later_value_of_another_type_replaces_the_earlier_one() {
    let threshold = |value: &str| format!("[synchronization]\nsingle-step-panic-threshold = {value}\n");
    for (earlier, later) in [("{ forward = 1 }", "5"), ("5", "{ forward = 1 }")] {
        let config = Bench::with(&threshold(earlier), &[("a.toml", &threshold(later))]).config();
        assert_eq!(config, crate::config::parse("f", &threshold(later)).unwrap().0);
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_its_place_in_its_own_file() {
    let drop_ins = [
        ("1.toml", "# ü\n\n[[source]]\nmode = \"server\"\naddress = 7\n"),
        ("2.toml", "[synchronization]\nlocal-stratum = 17\n[frobnicate]"),
        (
            "3.toml",
            "[[server]]\nlisten = \"127.0.0.1:1\"\nallowlist = { filter = [\"x\"], action = \"deny\" }\n",
        ),
    ];
    let told = Bench::with("[clock]\nclock-contrl = true\n", &drop_ins).refused();
    let begins = [
        "ntp.toml:2:1: unknown key `clock-contrl`",
        "ntp.toml.d/1.toml:5:11: `address` is a whole number",
        "ntp.toml.d/2.toml:2:17: `local-stratum` is 17",
        "ntp.toml.d/2.toml:3:2: unknown",
        "ntp.toml.d/3.toml:3:1: warning: `allowlist`",
        "ntp.toml.d/3.toml:3:25: ",
    ];
    assert_eq!(told.len(), begins.len(), "{told:#?}");
    for (line, begin) in told.iter().zip(begins) {
        assert!(line.starts_with(begin), "{line} and not {begin}");
    }
}

#[test]
fn keys_that_do_not_fit_together_are_told_at_the_later_one() {
    let main = "[source-defaults]\npoll-interval-limits = { min = 6, max = 8 }\n";
    let bench = Bench::with(main, &[("a.toml", "\n[source-defaults]\npoll-interval-limits.max = 5\n")]);
    bench.check("ntp.toml.d/a.toml:3:", "has min 6 above max 5");
    let bench = Bench::with(&listen(1), &[("a.toml", &listen(1))]);
    bench.check("ntp.toml.d/a.toml:2:10: ", "is the address of another [[server]]");
}

#[test]
fn a_section_of_the_wrong_kind_is_told_in_whichever_file_it_is() {
    let (list, single) = (listen(1), "[server]\nlisten = \"127.0.0.1:2\"\n");
    Bench::with(&list, &[("a.toml", single)]).check("ntp.toml.d/a.toml:1:2: ", "a single [server]");
    Bench::with(single, &[("a.toml", &list)]).check("ntp.toml:1:2: ", "a single [server]");
    Bench::with("[clock]\n", &[("a.toml", "[[clock]]\n")])
        .check("ntp.toml.d/a.toml:1:3: ", "write [clock], once");
    Bench::with("[[clock]]\n", &[("a.toml", "[clock]\n")]).check("ntp.toml:1:3: ", "write [clock], once");
}

#[test]
fn what_is_no_toml_or_no_utf8_is_told_in_its_own_file() {
    let bench = Bench::with("[clock\n", &[("a.toml", ""), ("b.toml", "\n[clock]\nclock-control = yes\n")]);
    let told = bench.refused();
    assert!(told.first().is_some_and(|line| line.starts_with("ntp.toml:1:7: this is no TOML")), "{told:#?}");
    assert!(told.iter().any(|line| line.starts_with("ntp.toml.d/b.toml:3:17: this is no TOML")), "{told:#?}");
    let bench = Bench::with("", &[("a.toml", "")]);
    fs::write(bench.path("ntp.toml.d/a.toml"), b"\n# \xff").unwrap();
    bench.check("ntp.toml.d/a.toml:2:3: ", "is no UTF-8");
}

#[test]
fn files_that_drop_ins_name_know_where_they_are_named_and_are_sorted_by_file() {
    let main = "\n\n\n[observability]\nlog-path = \"/main\"\nobservation-path = \"/observe\"\n";
    let loaded = Bench::with(main, &[("a.toml", "[observability]\nlog-path = \"/a\"\n")]).load().unwrap();
    let named = loaded
        .files
        .iter()
        .map(|file| (file.path.to_str().unwrap(), file.file.rsplit('/').next().unwrap(), file.position.line));
    assert_eq!(named.collect::<Vec<_>>(), [("/observe", "ntp.toml", 6), ("/a", "a.toml", 2)]);
    let diagnostic = |file: &crate::config::NamedFile| Diagnostic {
        severity: crate::config::Severity::Warning,
        file: file.file.clone(),
        position: Some(file.position),
        message: String::new(),
    };
    let mut found: Vec<_> = loaded.files.iter().rev().map(diagnostic).collect();
    loaded.sort(&mut found);
    assert_eq!(found, loaded.files.iter().map(diagnostic).collect::<Vec<_>>());
}

#[test]
fn who_can_write_is_judged_as_for_the_main_file() {
    let bench = Bench::with("", &[("a.toml", "")]);
    fs::set_permissions(bench.path("ntp.toml.d/a.toml"), Permissions::from_mode(0o646)).unwrap();
    bench.check("ntp.toml.d/a.toml: everybody may write", "chmod o-w");
    fs::set_permissions(bench.path("ntp.toml.d/a.toml"), Permissions::from_mode(0o660)).unwrap();
    assert_eq!(bench.read(), ["a.toml"]);
    fs::set_permissions(bench.path("ntp.toml.d"), Permissions::from_mode(0o1777)).unwrap();
    bench.check("ntp.toml.d: everybody may write", "chmod o-w");
}

#[test]
fn a_directory_of_somebody_else_is_refused() {
    let bench = Bench::with("", &[("a.toml", "")]);
    if std::os::unix::fs::chown(bench.path("ntp.toml.d"), Some(65534), None).is_err() {
        eprintln!("left out: only root can give a directory away");
        return;
    }
    bench.check("ntp.toml.d: belongs to user 65534", "chown root");
    std::os::unix::fs::chown(bench.path("ntp.toml"), Some(65534), None).unwrap();
    assert_eq!(bench.read(), ["a.toml"], "the author of the configuration may");
}

#[test]
fn what_cannot_be_read_is_told_with_its_path_and_the_remedy() {
    let link = |from: &str, to: &str| {
        let bench = if to.contains('/') { Bench::new("").directory() } else { Bench::new("") };
        symlink(from, bench.path(to)).unwrap();
        bench
    };
    link("/nonexistent", "ntp.toml.d").check("ntp.toml.d: cannot be read: No such file", "or remove it");
    link("/nonexistent", "ntp.toml.d/a.toml").check("ntp.toml.d/a.toml: cannot be read: No such file", HINT);
    link("/dev/zero", "ntp.toml.d/a.toml").check("ntp.toml.d/a.toml: is no regular file", HINT);
    link("/", "ntp.toml.d/a.toml").check("ntp.toml.d/a.toml: is no regular file", HINT);
    let bench = Bench::new("");
    bench.write("ntp.toml.d", "");
    bench.check("ntp.toml.d: is no directory", "remove it");
}

#[test]
fn files_without_end_are_refused() {
    let bench = Bench::with("", &[("a.toml", "")]);
    fs::File::options().write(true).open(bench.path("ntp.toml.d/a.toml")).unwrap().set_len(5 << 20).unwrap();
    bench.check("ntp.toml.d/a.toml: is larger than 4 MiB", HINT);
    let bench = Bench::with("", &[]);
    (0..MOST_FILES).for_each(|n| bench.write(&format!("ntp.toml.d/{n}.toml"), ""));
    assert_eq!(bench.read().len(), MOST_FILES);
    bench.write("ntp.toml.d/more.toml", "");
    bench.check("ntp.toml.d: has more than 100 files", "put some of them together");
}

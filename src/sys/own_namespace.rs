//! For tests: the same test once more, as root of namespaces of its own. Not in the library.

use std::process::Command;

/// Set for the inner run.
const INSIDE: &str = "NTPD_RS_TEST_INSIDE_NAMESPACE";

/// Runs `inside` in fresh user (and, as `flags` say, other) namespaces, in a new process that runs the test `name` only.
/// Skipped, aloud, where namespaces are not allowed.
#[track_caller]
pub(super) fn run(flags: &str, name: &str, inside: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        assert!(!in_initial_user_namespace(), "refused: this would reach the machine's own clock or network");
        inside();
        println!("{DONE}");
        return;
    }
    let me = std::env::current_exe().unwrap();
    let mut command = Command::new("unshare");
    command.args([flags, "--"]).arg(me).args(["--exact", name, "--nocapture"]).env(INSIDE, "1");
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return println!("skipped: unshare: {error}"),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (said, errors) = (text(&output.stdout), text(&output.stderr));
    if errors.contains("unshare failed") {
        return println!("skipped: {errors}");
    }
    assert!(output.status.success() && said.contains(DONE), "{said}{errors}");
}

const DONE: &str = "done in namespaces of its own";

/// By its identity map.
fn in_initial_user_namespace() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap();
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

//! Who may name whom. The table is the map of `src/lib.rs` in full; files are read elsewhere.

use crate::code::Source;

/// A module and the modules that it may use. `*` is every module but `cli` and `testserver`.
pub(crate) const FLOORS: &[(&str, &[&str])] = &[
    ("time", &[]),
    ("sys", &["time"]),
    ("packet", &["time"]),
    ("nts", &["time", "packet"]),
    ("verdict", &["time", "packet"]),
    ("measurement", &["time", "packet"]),
    ("path_model", &[]),
    ("snapshot", &["time", "packet", "verdict", "measurement", "path_model"]),
    ("config", &["time", "packet", "nts", "verdict"]),
    ("command", &["time", "packet", "config", "verdict"]),
    ("discipline", &["time", "measurement", "verdict", "path_model", "config"]),
    ("source", &["time", "packet", "nts", "measurement", "verdict", "config"]),
    ("server", &["time", "packet", "nts", "config", "snapshot", "verdict"]),
    (
        "engine",
        &[
            "time",
            "packet",
            "nts",
            "verdict",
            "measurement",
            "snapshot",
            "config",
            "command",
            "discipline",
            "source",
        ],
    ),
    ("logging", &["time", "packet", "verdict", "snapshot", "command"]),
    ("unix_socket", &[]),
    ("asking", &["command"]),
    ("notify", &["time", "snapshot", "observation"]),
    ("dbus", &["time", "packet", "verdict", "measurement", "snapshot", "command", "asking", "logging"]),
    ("observation", &["time", "packet", "verdict", "path_model", "snapshot", "command", "unix_socket"]),
    ("control", &["time", "packet", "verdict", "snapshot", "command", "config", "unix_socket", "asking"]),
    ("metrics", &["time", "packet", "verdict", "path_model", "snapshot", "command", "observation"]),
    ("daemon", &["*"]),
    (
        "cli",
        &[
            "time",
            "packet",
            "verdict",
            "path_model",
            "measurement",
            "snapshot",
            "command",
            "config",
            "observation",
            "control",
            "unix_socket",
            "asking",
            "metrics",
            "logging",
            "daemon",
        ],
    ),
    ("testserver", &["time", "packet", "nts"]),
    ("bin", &["logging", "daemon", "cli", "metrics"]),
];

/// Modules that may name tokio and may touch the outside world: floor 4 and up.
pub(crate) const UPPER: &[&str] = &[
    "logging",
    "unix_socket",
    "asking",
    "notify",
    "dbus",
    "metrics",
    "observation",
    "control",
    "daemon",
    "cli",
    "testserver",
    "bin",
];

/// What the core must not name: it is told everything (invariant 1).
const OUTSIDE: &[&str] = &[
    "tokio",
    "Instant",
    "SystemTime",
    "UdpSocket",
    "TcpStream",
    "TcpListener",
    "UnixStream",
    "UnixListener",
    "Mutex",
    "RwLock",
    "OnceLock",
    "LazyLock",
    "thread_local",
    "getrandom",
    "tracing",
    "libc",
];

/// Complaints about modules of ours that the file names and may not, `path:line: what`.
pub(crate) fn floors(file: &Source) -> Vec<String> {
    let Some(module) = file.module() else { return Vec::new() };
    let Some(own) = module.first().copied() else { return Vec::new() };
    let Some((_, allowed)) = FLOORS.iter().find(|(name, _)| *name == own) else {
        return vec![format!("{}:1: `{own}` has no floor in tests/tidy/floors.rs", file.path)];
    };
    named_modules(file, &module)
        .into_iter()
        .filter(|(_, name)| name != own && !may_use(allowed, name))
        .map(|(line, name)| format!("{}:{line}: `{own}` may not use `{name}`", file.path))
        .collect()
}

fn may_use(allowed: &[&str], name: &str) -> bool {
    allowed.contains(&name) || allowed.contains(&"*") && !["cli", "testserver", "bin"].contains(&name)
}

/// Complaints about clocks, sockets, locks, globals and tokio in the core.
pub(crate) fn core_is_told(file: &Source) -> Vec<String> {
    let Some(own) = file.module().and_then(|m| m.first().copied().map(str::to_owned)) else {
        return Vec::new();
    };
    if UPPER.contains(&own.as_str()) {
        return Vec::new();
    }
    let forbidden = if own == "sys" { &["tokio", "tracing"] } else { OUTSIDE };
    file.words()
        .filter(|(_, word)| forbidden.contains(word))
        .map(|(line, word)| format!("{}:{line}: `{word}` in `{own}`, below floor 4", file.path))
        .collect()
}

/// Every module of ours that the code names, by `crate::`, `ntpd_rs::` or enough `super::`, with its line.
fn named_modules(file: &Source, module: &[&str]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for root in ["crate::", "ntpd_rs::"] {
        for (at, _) in file.code.match_indices(root) {
            let names = first_segments(&file.code[at + root.len()..]);
            found.extend(names.into_iter().map(|name| (line_of(&file.code, at), name)));
        }
    }
    let up = "super::".repeat(module.len());
    for (at, _) in file.code.match_indices(&up) {
        let names = first_segments(&file.code[at + up.len()..]);
        found.extend(names.into_iter().map(|name| (line_of(&file.code, at), name)));
    }
    found.retain(|(_, name)| FLOORS.iter().any(|(known, _)| known == name));
    found
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// The first identifier of a path, or of each path of a braced group.
fn first_segments(path: &str) -> Vec<String> {
    let word = |s: &str| s.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = path.strip_prefix('{') else { return vec![word(path)] };
    let (mut depth, mut names, mut start) = (0_usize, Vec::new(), true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            c if start && !c.is_whitespace() => {
                names.push(word(&group[at..]));
                start = false;
            }
            _ => {}
        }
    }
    names
}

#[track_caller]
fn check(rule: fn(&Source) -> Vec<String>, path: &str, text: &str, complaints: usize) {
    let found = rule(&Source::new(path, text));
    assert_eq!(found.len(), complaints, "{path}: {text}\n{found:?}");
}

#[test]
fn a_lower_floor_that_names_a_higher_one_is_found() {
    check(floors, "src/time/span.rs", "use crate::packet::Packet;", 1);
    check(floors, "src/source/mod.rs", "use crate::{time::{Span, Mono}, engine::Event,\n discipline};", 2);
    check(floors, "src/discipline/filter.rs", "fn f(p: super::super::packet::Packet) {}", 1);
    check(floors, "src/daemon/mod.rs", "use crate::testserver::X;", 1);
    check(floors, "src/bin/ntp-ctl.rs", "use ntpd_rs::engine::Engine;", 1);
    check(floors, "src/nowhere/mod.rs", "", 1);
}

#[test]
fn what_the_table_allows_is_let_through() {
    check(floors, "src/source/mod.rs", "// crate::engine\nuse crate::packet::Packet;", 0);
    check(floors, "src/daemon/main_loop.rs", "use crate::engine::Engine; use crate::sys;", 0);
    check(floors, "src/time/span.rs", "use super::Mono; use crate::time::Poll;", 0);
    check(floors, "src/bin/ntp-ctl.rs", "fn main() { ntpd_rs::cli::main() }", 0);
}

#[test]
fn a_core_that_reads_a_clock_or_names_tokio_is_found() {
    check(core_is_told, "src/engine/mod.rs", "use tokio::time;", 1);
    check(core_is_told, "src/source/mod.rs", "let now = std::time::Instant::now();", 1);
    check(core_is_told, "src/config/file.rs", "static A: Mutex<u8> = Mutex::new(0);", 2);
    check(core_is_told, "src/packet/mod.rs", "use libc::c_int;", 1);
}

#[test]
fn the_upper_floors_and_sys_may_touch_the_world() {
    check(core_is_told, "src/daemon/mod.rs", "use tokio::time::Instant;", 0);
    check(core_is_told, "src/sys/udp.rs", "use libc::timex; use std::net::UdpSocket;", 0);
    check(core_is_told, "src/sys/udp.rs", "use tokio::net;", 1);
    check(core_is_told, "src/engine/mod.rs", "//! Names no tokio, reads no Instant.", 0);
}

//! What people type and read in shells and pipes. Exit codes for programs are `health`'s.

use crate::{CTL, run};
use std::io::Write;
use std::process::{Command, Stdio};

/// What bash offers for the last of these words, by the completions of `program`.
fn offered(program: &str, words: &str) -> String {
    let ran = run(CTL, &["completions", "bash", "--program", program]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let last = words.rsplit(' ').next().unwrap();
    let ask = format!(
        "COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
         asked=$(complete -p {program}); asked=${{asked#*-F }}\n\
         ${{asked%% *}} {program} \"{last}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"\necho \"${{COMPREPLY[@]}}\"\n"
    );
    let mut shell = Command::new("bash")
        .args(["--norc", "-s"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    shell.stdin.take().unwrap().write_all((ran.out + &ask).as_bytes()).unwrap();
    let output = shell.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn bash_completes_commands_flags_and_values() {
    for (program, words, offer) in [
        ("ntp-ctl", "ntp-ctl stat", "status"),
        ("ntp-ctl", "ntp-ctl status --max", "--max-error"),
        ("ntp-ctl", "ntp-ctl status --format pro", "prometheus"),
        ("ntp-ctl", "ntp-ctl completions ba", "bash"),
        ("ntp-daemon", "ntp-daemon --no-c", "--no-clock-control"),
        ("ntp-metrics-exporter", "ntp-metrics-exporter --lis", "--listen"),
    ] {
        assert_eq!(offered(program, words), offer, "{words}");
    }
}

#[test]
fn a_shell_that_nobody_knows_is_told_with_those_that_are_known() {
    let ran = run(CTL, &["completions", "tcsh"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(78), ""));
    assert!(ran.err.contains("bash") && ran.err.contains("zsh") && ran.err.contains("fish"), "{}", ran.err);
}

#[test]
fn watch_without_a_terminal_says_what_to_take_instead() {
    let ran = run(CTL, &["watch"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    assert!(ran.err.contains("no terminal") && ran.err.contains("`ntp-ctl status`"), "{}", ran.err);
}

/// Bound, and silent.
fn nobody() -> (std::net::UdpSocket, String) {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    (socket, address)
}

#[test]
fn a_query_that_nobody_answers_ends_with_1_and_says_so() {
    let (_socket, address) = nobody();
    let ran = run(CTL, &["query", &address, "--timeout", "0.3"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""), "{}", ran.out);
    assert!(
        ran.out.contains("no time") && ran.out.contains("no answer to 1 request(s) within 300 ms"),
        "{}",
        ran.out
    );
    let ran = run(CTL, &["query", &address, "--timeout", "0.3", "-f", "json"]);
    let answers: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &answers[0]["address"]), (Some(1), &serde_json::Value::from(address)));
}

#[test]
fn once_without_answers_ends_with_1_and_the_reason() {
    let (_socket, address) = nobody();
    let directory = tempfile::tempdir().unwrap();
    let path = crate::configuration(directory.path(), "[synchronization]\nminimum-agreeing-sources = 1\n");
    let words =
        ["-c", &path, "--once", "--no-clock-control", "-p", &address, "--timeout", "0.3", "-l", "off"];
    let ran = run(crate::DAEMON, &words);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{}", ran.err);
    assert!(
        ran.err.contains("the clock was not set within 300 ms: not synchronized: waiting"),
        "{}",
        ran.err
    );
}

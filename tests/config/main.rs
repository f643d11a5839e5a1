//! Every configuration that we show to people is one that the program takes, commented settings included; and what
//! people bring along from ntpd-rs 1.x loads, or is refused by name.
#![cfg(test)]

mod mutated;
mod previous;

use ntpd_rs::config::{Config, SourceKind, parse};
use std::fs;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Takes a configuration that must be good, without as much as a warning.
#[track_caller]
fn good(name: &str, text: &str) -> Config {
    let lines = |found: &[ntpd_rs::config::Diagnostic]| {
        found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    match parse(name, text) {
        Ok((config, warnings)) => {
            assert!(warnings.is_empty(), "{}", lines(&warnings));
            config
        }
        Err(wrong) => panic!("{}", lines(&wrong)),
    }
}

/// Removes the `#` from every line that is a commented setting: nothing stands between it and the setting.
fn uncommented(text: &str) -> String {
    let setting = |line: &str| line.starts_with(|c: char| c.is_ascii_lowercase() || c == '[');
    text.lines()
        .map(|line| line.strip_prefix('#').filter(|rest| setting(rest)).unwrap_or(line))
        .fold(String::new(), |all, line| all + line + "\n")
}

/// The `toml` blocks of a document, each with its line.
fn toml_blocks(text: &str) -> Vec<(usize, String)> {
    let (mut blocks, mut open) = (Vec::new(), None);
    for (index, line) in text.lines().enumerate() {
        match (line.trim_start().starts_with("```"), &mut open) {
            (true, None) if line.trim() == "```toml" => open = Some((index + 2, String::new())),
            (true, None) => open = Some((0, String::new())),
            (true, Some(_)) => blocks.extend(open.take().filter(|(line, _)| *line > 0)),
            (false, Some((_, block))) => *block += &format!("{line}\n"),
            (false, None) => {}
        }
    }
    blocks
}

fn files(directory: &str, ending: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(repository().join(directory)) else { return Vec::new() };
    let all = entries.map(|entry| entry.unwrap().path());
    all.filter(|path| path.extension().is_some_and(|e| e == ending)).collect()
}

fn read(path: &Path) -> (String, String) {
    (path.display().to_string(), fs::read_to_string(path).unwrap())
}

#[test]
fn the_packaged_configuration_is_good_and_sets_the_clock() {
    let (name, text) = read(&repository().join("packaging/ntp.toml"));
    assert_eq!(good(&name, &text).quorum_problem(), None);
}

#[test]
fn every_commented_setting_of_the_packaged_configuration_is_good_and_is_the_default() {
    let (name, text) = read(&repository().join("packaging/ntp.toml"));
    let (plain, full) = (good(&name, &text), good(&name, &uncommented(&text)));
    // What is commented as a default must be the default; these are examples.
    let leap_seconds_file = Some("/usr/share/zoneinfo/leap-seconds.list".into());
    assert_eq!(
        full.synchronization,
        ntpd_rs::config::Synchronization {
            step_limit: Some(3),
            leap_seconds_file,
            orphan_stratum: Some(10),
            ..plain.synchronization
        }
    );
    assert_eq!((&full.algorithm, full.source_defaults), (&plain.algorithm, plain.source_defaults));
    assert_eq!((full.timestamp_mode, &full.control), (plain.timestamp_mode, &plain.control));
    let (mut seen, default) = (full.observability.clone(), plain.observability);
    (seen.log_path, seen.log_path_metrics_exporter) = (None, None);
    assert_eq!(seen, default);
    assert_eq!((full.sources.len(), full.servers.len()), (3, 1));
    let [pool, server, nts] = full.sources.as_slice() else { panic!("{:?}", full.sources) };
    assert!(matches!(&nts.kind, SourceKind::Nts(with) if with.address.port == 4460), "{nts:?}");
    assert_eq!(
        (pool.poll, pool.marks.prefer, pool.marks.noselect, pool.family),
        (server.poll, false, false, server.family)
    );
}

#[test]
fn every_example_is_good() {
    let examples = files("docs/examples", "toml");
    assert!(examples.len() >= 5, "{examples:?}");
    for path in examples {
        let (name, text) = read(&path);
        let config = good(&name, &text);
        let serves_only = config.sources.is_empty() && !config.servers.is_empty();
        assert!(serves_only || config.quorum_problem().is_none(), "{name}: {:?}", config.quorum_problem());
    }
}

#[test]
fn every_configuration_that_the_nixos_module_writes_is_good() {
    let scenarios = fs::read_dir(repository().join("nixos-module/golden")).unwrap();
    let written = scenarios.map(|entry| entry.unwrap().path().join("ntp.toml"));
    let written: Vec<_> = written.filter(|path| path.exists()).collect();
    assert!(written.len() >= 5, "{written:?}");
    for path in written {
        let (name, text) = read(&path);
        good(&name, &text);
    }
}

#[test]
fn every_configuration_in_the_documents_is_good() {
    let mut documents = files(".", "md");
    documents.extend(files("docs", "md"));
    assert!(!documents.is_empty());
    for path in documents {
        let (name, text) = read(&path);
        for (line, block) in toml_blocks(&text) {
            // Fragments may leave out what stands elsewhere; what they say must be right.
            if let Err(wrong) = parse(&format!("{name} (block at line {line})"), &uncommented(&block)) {
                panic!("{wrong:#?}");
            }
        }
    }
}

#[test]
fn the_checks_above_can_fail() {
    assert_eq!(uncommented("# text\n#key = 1\n#[a]\nb = 2\n"), "# text\nkey = 1\n[a]\nb = 2\n");
    let text = "a\n```toml\nx = 1\n```\n```sh\nls\n```\n```toml\ny = 2\n```\n";
    assert_eq!(toml_blocks(text), [(3, "x = 1\n".to_owned()), (9, "y = 2\n".to_owned())]);
}

//! The `[[source]]` section that a command line means. Whether it is a good one, the daemon says.

use crate::cli::args::New;
use crate::daemon::startup_error::StartupError;
use std::fmt::Write;
use toml::de::DeTable;

/// Its keys as in the file.
///
/// # Errors
/// A `--set` that is no key and value.
pub(super) fn of(new: &New) -> Result<String, StartupError> {
    let mode = match (new.pool, new.nts, new.nts_pool) {
        (true, ..) => "pool",
        (_, true, _) => "nts",
        (.., true) => "nts-pool",
        _ => "server",
    };
    let mut section = format!("mode = \"{mode}\"\naddress = {}\n", quoted(&new.address));
    if let Some(count) = new.count {
        let _ = writeln!(section, "count = {count}");
    }
    let marks =
        [("prefer", new.prefer), ("noselect", new.noselect), ("trust", new.trust), ("require", new.require)];
    for (mark, _) in marks.iter().filter(|(_, on)| *on) {
        let _ = writeln!(section, "{mark} = true");
    }
    for pair in &new.set {
        let (key, value) = pair.split_once('=').ok_or_else(|| {
            StartupError::configuration(format!("`{pair}` is no key with a value; write --set key=value"))
        })?;
        let _ = writeln!(section, "{} = {}", key.trim(), literal(value.trim()));
    }
    Ok(section)
}

/// What is no TOML by itself is a text that a shell has taken the quotes from.
fn literal(value: &str) -> String {
    let is_toml = DeTable::parse(&format!("key = {value}")).is_ok();
    if is_toml { value.to_owned() } else { quoted(value) }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Args, Command, SourceCommand};
    use crate::config::{PollLimits, SourceConfig, SourceKind, parse_source};
    use clap::Parser;

    fn read(line: &str) -> Result<SourceConfig, String> {
        let words = ["ntp-ctl", "source", "add"].into_iter().chain(line.split(' '));
        let args = Args::try_parse_from(words).map_err(|error| error.to_string())?;
        let Command::Source { command: SourceCommand::Add(new) } = args.command else { panic!("{line}") };
        parse_source(&of(&new).map_err(|error| error.message)?, PollLimits::default())
    }

    #[test]
    fn a_command_line_means_a_section_of_the_file() {
        let server = read("a.example --prefer --set family=ipv4 --set poll-interval-limits={max=6}").unwrap();
        assert_eq!(
            (server.name().as_str(), server.marks.prefer, server.poll.max.log2()),
            ("a.example", true, 6)
        );
        let pool = read("a.example --pool --count 2").unwrap();
        assert!(matches!(pool.kind, SourceKind::Pool { count: 2, .. }), "{pool:?}");
        assert!(matches!(read("a.example --nts").unwrap().kind, SourceKind::Nts(_)));
        assert!(matches!(read("a.example --nts-pool").unwrap().kind, SourceKind::NtsPool { .. }));
    }

    #[test]
    fn what_makes_no_sense_is_refused_here_or_by_the_reader() {
        for (line, reason) in [
            ("a.example --nts --pool", "cannot be used with"),
            ("a.example --set family", "--set key=value"),
            ("a.example --set familie=ipv4", "`family`"),
            ("a.example --count 2", "`count`"),
            ("a\"b", "contains"),
            ("a.example --prefer --noselect", "contradicts"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(reason), "{line}: {error}");
        }
    }
}

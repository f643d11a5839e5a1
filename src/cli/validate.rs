//! `ntp-ctl validate`: is this configuration good? Starts nothing.

use super::{Outcome, complain, print};
use crate::config::{self, DEFAULT_PATH, Diagnostic, Loaded, Severity};
use crate::daemon::named_files;
use crate::daemon::startup_error::StartupError;
use std::path::Path;

/// Tells everything that is wrong; exit code 78 if the daemon would not start with it, or could not do what it says. With `text_only`
/// the files that it names are left alone.
pub(super) fn run(path: Option<&Path>, text_only: bool) -> Outcome {
    let loaded = config::load(path).map_err(|wrong| StartupError::configuration(wrong.to_string()))?;
    let files = if text_only { Vec::new() } else { named_files::judge(&loaded) };
    let (advice, good) = judge(&loaded, files)?;
    for line in advice {
        complain(&line);
    }
    print(&good)
}

/// Lines that deserve reading, and the verdict.
fn judge(loaded: &Loaded, files: Vec<Diagnostic>) -> Result<(Vec<String>, String), StartupError> {
    let Loaded { config, path: Some(path), drop_ins, warnings, .. } = loaded else {
        return Err(StartupError::configuration(format!(
            "{DEFAULT_PATH} does not exist; create it, or name another with -c"
        )));
    };
    let path = path.display();
    let is_bad = files.iter().any(|found| found.severity == Severity::Error);
    let mut found: Vec<_> = warnings.iter().cloned().chain(files).collect();
    loaded.sort(&mut found);
    let mut advice: Vec<_> = found.iter().map(ToString::to_string).collect();
    if is_bad {
        return Err(StartupError::configuration(advice.join("\n")));
    }
    advice.extend(config.quorum_problem().map(|problem| format!("{path}: warning: {problem}")));
    let (sources, servers) = (config.sources.len(), config.servers.len());
    let exchanges = config.key_exchange_servers.len();
    let exchanges = if exchanges > 0 { format!(", [[nts-ke-server]]: {exchanges}") } else { String::new() };
    let mut good = format!("{path}: good ([[source]]: {sources}, [[server]]: {servers}{exchanges})\n");
    for drop_in in drop_ins {
        good.push_str(&format!("read after it: {}\n", drop_in.display()));
    }
    Ok((advice, good))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn judged(text: &str) -> (Vec<String>, String) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        judge(&config::load(Some(file.path())).unwrap(), Vec::new()).unwrap()
    }

    #[test]
    fn a_good_file_is_good() {
        let (advice, good) = judged("[[source]]\nmode = \"pool\"\naddress = \"a\"\n");
        assert!(advice.is_empty(), "{advice:?}");
        assert!(good.contains("good ([[source]]: 1, [[server]]: 0)"), "{good}");
    }

    #[test]
    fn a_file_that_will_not_set_the_clock_is_good_with_a_warning() {
        let (advice, _) = judged("[[source]]\nmode = \"server\"\naddress = \"a\"\n");
        assert!(
            advice.first().is_some_and(|a| a.contains("warning: only 1 source(s) can agree")),
            "{advice:?}"
        );
    }

    #[test]
    fn a_bad_file_ends_with_78() {
        let error = run(Some(Path::new("/nonexistent.toml")), true).unwrap_err();
        assert_eq!(error.exit_code.code(), 78);
    }

    #[test]
    fn no_file_is_not_a_good_file() {
        let config = config::Config::default();
        let loaded = Loaded { config, path: None, drop_ins: vec![], warnings: vec![], files: vec![] };
        assert!(judge(&loaded, Vec::new()).unwrap_err().message.contains("does not exist"));
    }
}

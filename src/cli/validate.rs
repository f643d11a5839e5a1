//! `ntp-ctl validate`: is this configuration good? Starts nothing.

use super::{Outcome, complain, print};
use crate::config::{self, DEFAULT_PATH, Loaded};
use crate::daemon::leap_file;
use crate::daemon::startup_error::StartupError;
use std::path::Path;

/// Tells everything that is wrong; exit code 78 if the daemon would not start with it.
pub(super) fn run(path: Option<&Path>) -> Outcome {
    let loaded = config::load(path).map_err(|wrong| StartupError::configuration(wrong.to_string()))?;
    let (advice, good) = judge(&loaded)?;
    for line in advice {
        complain(&line);
    }
    print(&good)
}

/// Lines that deserve reading, and the verdict.
fn judge(loaded: &Loaded) -> Result<(Vec<String>, String), StartupError> {
    let Loaded { config, path: Some(path), warnings } = loaded else {
        return Err(StartupError::configuration(format!(
            "{DEFAULT_PATH} does not exist; create it, or name another with -c"
        )));
    };
    let path = path.display();
    let mut advice: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    if let Some(file) = &config.synchronization.leap_seconds_file {
        leap_file::read(file).map_err(StartupError::configuration)?;
    }
    advice.extend(config.quorum_problem().map(|problem| format!("{path}: warning: {problem}")));
    let (sources, servers) = (config.sources.len(), config.servers.len());
    Ok((advice, format!("{path}: good ([[source]]: {sources}, [[server]]: {servers})\n")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn judged(text: &str) -> (Vec<String>, String) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        judge(&config::load(Some(file.path())).unwrap()).unwrap()
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
        let error = run(Some(Path::new("/nonexistent.toml"))).unwrap_err();
        assert_eq!(error.exit_code.code(), 78);
    }

    #[test]
    fn no_file_is_not_a_good_file() {
        let loaded = Loaded { config: config::Config::default(), path: None, warnings: vec![] };
        assert!(judge(&loaded).unwrap_err().message.contains("does not exist"));
    }
}

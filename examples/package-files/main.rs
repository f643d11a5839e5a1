//! Writes what packages need besides the programs: manual pages, and completions of three shells. Installs nothing.
//!
//! `cargo run --example package-files -- DIR`, with `SOURCE_DATE_EPOCH` in the environment for the date of the pages.

mod manual;
mod markdown;

use clap_complete::Shell;
use ntpd_rs::cli::Program;
use ntpd_rs::time::{ClockTime, Date};
use std::error::Error;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let folder =
        env::args_os().nth(1).ok_or("usage: package-files DIR, which writes DIR/man and DIR/completions")?;
    for (path, text) in files(&date()?)? {
        let path = Path::new(&folder).join(path);
        fs::create_dir_all(path.parent().ok_or("a file without a folder")?)?;
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// Everything, by its path from the folder.
fn files(date: &str) -> std::io::Result<Vec<(String, String)>> {
    let mut files = vec![("man/ntp.toml.5".to_owned(), manual::configuration(date))];
    for program in Program::ALL {
        let name = program.name();
        files.push((format!("man/{name}.8"), manual::program(program, date)?));
        for (shell, path) in [
            (Shell::Bash, format!("bash/{name}")),
            (Shell::Zsh, format!("zsh/_{name}")),
            (Shell::Fish, format!("fish/{name}.fish")),
        ] {
            files.push((format!("completions/{path}"), program.completions(shell)?));
        }
    }
    Ok(files)
}

/// The day of the sources, so that everybody makes the same files; none if nobody says.
fn date() -> Result<String, Box<dyn Error>> {
    let Ok(seconds) = env::var("SOURCE_DATE_EPOCH") else { return Ok(String::new()) };
    let seconds = seconds.parse().map_err(|_| "SOURCE_DATE_EPOCH is no number of seconds")?;
    Ok(Date::of(ClockTime::from_unix_secs(seconds)).to_string())
}

#[test]
fn packages_find_every_file_under_its_name() {
    let names: Vec<_> = files("").unwrap().into_iter().map(|(path, _)| path).collect();
    assert_eq!(names.len(), 13, "{names:?}");
    for name in ["man/ntp-ctl.8", "man/ntp.toml.5", "completions/bash/ntp-daemon", "completions/zsh/_ntp-ctl"]
    {
        assert!(names.iter().any(|path| path == name), "{name}: {names:?}");
    }
}

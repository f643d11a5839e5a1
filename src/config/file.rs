//! Reads `ntp.toml` from where it lies. What stands in it is `resolve`'s.

use super::diagnostic::{Diagnostic, Position, Report, Severity};
use super::{Config, NamedFile, resolve};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// Where the configuration lies unless said otherwise.
pub const DEFAULT_PATH: &str = "/etc/ntpd-rs/ntp.toml";
/// Far more than any configuration needs; `-c /dev/zero` ends.
const LARGEST_FILE: u64 = 4 << 20;
const OTHERS_CAN_WRITE: u32 = 0o002;

/// A configuration that can be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// Where it was read; `None` for the built-in default.
    pub path: Option<PathBuf>,
    /// What its author should know.
    pub warnings: Vec<Diagnostic>,
    /// What it names, in the order of the text.
    pub files: Vec<NamedFile>,
}

/// Why a configuration cannot be used.
#[derive(Debug)]
pub enum LoadError {
    /// The file cannot be read, or must not be.
    File {
        /// As it was named.
        path: PathBuf,
        /// What is wrong; how to fix it.
        message: String,
    },
    /// What is written there is wrong: everything that was found, in the order of the text, warnings included.
    Content(Vec<Diagnostic>),
}

impl fmt::Display for LoadError {
    /// One line for each thing that is wrong.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, message } => write!(f, "{}: {message}", path.display()),
            Self::Content(diagnostics) => {
                let lines: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
                write!(f, "{}", lines.join("\n"))
            }
        }
    }
}

impl std::error::Error for LoadError {}

/// Loads `path`, or the file at [`DEFAULT_PATH`], or, when nothing is there, the built-in default without sources.
///
/// # Errors
/// Everything that is wrong, each with its place.
pub fn load(path: Option<&Path>) -> Result<Loaded, LoadError> {
    match path {
        Some(path) => load_file(path),
        None => load_default(Path::new(DEFAULT_PATH)),
    }
}

fn load_default(path: &Path) -> Result<Loaded, LoadError> {
    if matches!(path.try_exists(), Ok(false)) {
        return Ok(Loaded {
            config: Config::without_file(),
            path: None,
            warnings: vec![no_configuration(path)],
            files: Vec::new(),
        });
    }
    load_file(path)
}

/// Distributed software must not default to the plain public pool, so somebody has to name servers.
fn no_configuration(path: &Path) -> Diagnostic {
    Diagnostic {
        severity: Severity::Warning,
        file: path.display().to_string(),
        position: None,
        message: "there is no configuration, so there are no sources and the clock will not be set; create the file \
                  with a [[source]] section (`mode = \"pool\"`, `address = \"…\"`), or name servers with -p"
            .to_owned(),
    }
}

fn load_file(path: &Path) -> Result<Loaded, LoadError> {
    let text = read(path).map_err(|message| LoadError::File { path: path.to_owned(), message })?;
    let name = path.display().to_string();
    let text = String::from_utf8(text).map_err(|wrong| not_utf8(&name, &wrong))?;
    let loaded = parse_named(&name, &text).map_err(LoadError::Content)?;
    Ok(Loaded { path: Some(path.to_owned()), ..loaded })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| cannot_read(&error))?;
    let metadata = file.metadata().map_err(|error| cannot_read(&error))?;
    if metadata.is_dir() {
        return Err("is a directory; name the file, like ntp.toml in it".to_owned());
    }
    if metadata.is_file() && metadata.permissions().mode() & OTHERS_CAN_WRITE != 0 {
        return Err(
            "everybody may write to this file, so everybody could set the clock; run `chmod o-w` on it"
                .to_owned(),
        );
    }
    let mut text = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut text).map_err(|error| cannot_read(&error))?;
    if u64::try_from(text.len()).is_ok_and(|length| length <= LARGEST_FILE) {
        return Ok(text);
    }
    Err(format!("is larger than {} MiB, so it is no configuration; name an ntp.toml", LARGEST_FILE >> 20))
}

fn cannot_read(error: &io::Error) -> String {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "create it, or name another with -c",
        io::ErrorKind::PermissionDenied => "let this user read it, or name another with -c",
        _ => "name another with -c",
    };
    format!("cannot be read: {error}; {hint}")
}

fn not_utf8(name: &str, wrong: &std::string::FromUtf8Error) -> LoadError {
    let position = Position::of(wrong.as_bytes(), wrong.utf8_error().valid_up_to());
    LoadError::Content(vec![Diagnostic {
        severity: Severity::Error,
        file: name.to_owned(),
        position: Some(position),
        message: "is no UTF-8 here; save the file as UTF-8".to_owned(),
    }])
}

/// Reads the text of a configuration; `name` is what diagnostics call it.
///
/// # Errors
/// Everything that is wrong, warnings included.
pub fn parse(name: &str, text: &str) -> Result<(Config, Vec<Diagnostic>), Vec<Diagnostic>> {
    parse_named(name, text).map(|loaded| (loaded.config, loaded.warnings))
}

fn parse_named(name: &str, text: &str) -> Result<Loaded, Vec<Diagnostic>> {
    let report = Report::default();
    let (top, syntax_errors) = DeTable::parse_recoverable(text);
    // What stands in a broken text is guesswork: its content is judged once it can be read.
    let config = syntax_errors.is_empty().then(|| resolve::resolve(top.get_ref(), &report));
    for error in syntax_errors {
        let start = error.span().map_or(0, |span| span.start);
        report.error(start, format!("this is no TOML: {}", error.message().replace('\n', ", ")));
    }
    let files = report.named_files(text);
    let warnings = report.into_diagnostics(name, text);
    match config {
        Some(config) if warnings.iter().all(|d| d.severity == Severity::Warning) => {
            Ok(Loaded { config, path: None, warnings, files })
        }
        _ => Err(warnings),
    }
}

#[cfg(test)]
mod tests;

//! Reads `ntp.toml` and its drop-ins from where they lie. What stands in it is `resolve`'s.

use super::diagnostic::{Diagnostic, Position, Report, Severity};
use super::texts::Texts;
use super::{Config, NamedFile, drop_ins, merge, resolve};
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
pub(super) const OTHERS_CAN_WRITE: u32 = 0o002;
const HINT: &str = "name another with -c";

/// A configuration that can be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// Where it was read; `None` for the built-in default.
    pub path: Option<PathBuf>,
    /// What was read after it, in this order.
    pub drop_ins: Vec<PathBuf>,
    /// What its author should know.
    pub warnings: Vec<Diagnostic>,
    /// What it names, in the order of the text.
    pub files: Vec<NamedFile>,
}

impl Loaded {
    /// Sorts by file, in the order of reading, and by place.
    pub fn sort(&self, diagnostics: &mut [Diagnostic]) {
        let names: Vec<_> =
            self.path.iter().chain(&self.drop_ins).map(|path| path.display().to_string()).collect();
        diagnostics.sort_by_key(|found| (names.iter().position(|name| *name == found.file), found.position));
    }
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
            drop_ins: Vec::new(),
            warnings: vec![no_configuration(path)],
            files: Vec::new(),
        });
    }
    load_file(path)
}

/// Distributed software must not default to the plain public pool, so somebody has to name servers.
fn no_configuration(path: &Path) -> Diagnostic {
    let mut message = "there is no configuration, so there are no sources and the clock will not be set; create the file \
                       with a [[source]] section (`mode = \"pool\"`, `address = \"…\"`), or name servers with -p"
        .to_owned();
    let drop_ins = drop_ins::directory(path);
    if drop_ins.exists() {
        let told = format!(" ({} is read only after this file, which may be empty)", drop_ins.display());
        message.push_str(&told);
    }
    Diagnostic { severity: Severity::Warning, file: path.display().to_string(), position: None, message }
}

fn load_file(path: &Path) -> Result<Loaded, LoadError> {
    let (name, text) = decoded(path, read(path, HINT))?;
    let mut texts = Texts::new(&name, text);
    let drop_ins = drop_ins::list(path)?;
    for drop_in in &drop_ins {
        let (name, text) = decoded(drop_in, drop_ins::read(drop_in))?;
        texts.push(&name, text);
    }
    let loaded = parse_texts(&texts).map_err(LoadError::Content)?;
    Ok(Loaded { path: Some(path.to_owned()), drop_ins, ..loaded })
}

/// What diagnostics call the file, and its text.
fn decoded(path: &Path, read: Result<Vec<u8>, String>) -> Result<(String, String), LoadError> {
    let bytes = read.map_err(|message| LoadError::File { path: path.to_owned(), message })?;
    let name = path.display().to_string();
    let text = String::from_utf8(bytes).map_err(|wrong| not_utf8(&name, &wrong))?;
    Ok((name, text))
}

/// The content of a file; `otherwise` is what to do with one that cannot be had.
///
/// # Errors
/// What is wrong; how to fix it.
pub(super) fn read(path: &Path, otherwise: &str) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| cannot_read(&error, otherwise))?;
    let metadata = file.metadata().map_err(|error| cannot_read(&error, otherwise))?;
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
    file.take(LARGEST_FILE + 1).read_to_end(&mut text).map_err(|error| cannot_read(&error, otherwise))?;
    if u64::try_from(text.len()).is_ok_and(|length| length <= LARGEST_FILE) {
        return Ok(text);
    }
    Err(format!("is larger than {} MiB, so it is no configuration; {otherwise}", LARGEST_FILE >> 20))
}

fn cannot_read(error: &io::Error, otherwise: &str) -> String {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "create it, or ",
        io::ErrorKind::PermissionDenied => "let this user read it, or ",
        _ => "",
    };
    format!("cannot be read: {error}; {hint}{otherwise}")
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
    parse_texts(&Texts::new(name, text.to_owned())).map(|loaded| (loaded.config, loaded.warnings))
}

fn parse_texts(texts: &Texts) -> Result<Loaded, Vec<Diagnostic>> {
    let report = Report::default();
    // What stands in a broken text is guesswork: the content is judged once all of it can be read.
    let config = tables(texts, &report).map(|top| resolve::resolve(&top, &report));
    let files = report.named_files(texts);
    let warnings = report.into_diagnostics(texts);
    match config {
        Some(config) if warnings.iter().all(|d| d.severity == Severity::Warning) => {
            Ok(Loaded { config, path: None, drop_ins: Vec::new(), warnings, files })
        }
        _ => Err(warnings),
    }
}

/// All texts as one, unless one of them is no TOML.
fn tables<'a>(texts: &'a Texts, report: &Report) -> Option<DeTable<'a>> {
    let (mut all, mut is_good) = (DeTable::new(), true);
    for (start, text) in texts.iter() {
        let (top, syntax_errors) = DeTable::parse_recoverable(text);
        is_good &= syntax_errors.is_empty();
        for error in syntax_errors {
            let offset = start + error.span().map_or(0, |span| span.start);
            report.error(offset, format!("this is no TOML: {}", error.message().replace('\n', ", ")));
        }
        if is_good {
            merge::add(&mut all, merge::moved(top.into_inner(), start));
        }
    }
    is_good.then_some(all)
}

#[cfg(test)]
mod tests;

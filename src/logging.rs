//! Logging set-up: filter, format, colour, file, journal. Logs nothing itself.

mod journal;

use journal::Journal;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};
use tracing::Subscriber;
use tracing::field::Field;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Time, level, module, message, fields.
    #[default]
    Full,
    /// The same, shorter.
    Compact,
    /// Several lines each, for reading while developing.
    Pretty,
    /// One JSON object for each line.
    Json,
}

/// Everything there is to choose.
#[derive(Debug, Clone)]
pub struct Settings<'a> {
    /// A filter that the configuration's check has passed.
    pub filter: &'a str,
    /// What the journal calls this program.
    pub program: &'static str,
    /// How a line looks. Without, and without a path, lines go to the journal with their fields where standard error does.
    pub format: Option<Format>,
    /// Instead of standard error.
    pub path: Option<&'a Path>,
    /// Colour, if standard error is a terminal; never in a file.
    pub ansi_colors: bool,
}

/// What can be changed while logging goes on.
#[derive(Debug, Clone)]
pub struct Handle {
    filter: reload::Handle<Targets, Registry>,
    file: Option<LogFile>,
}

/// Starts logging for the whole process; only once.
///
/// # Errors
/// What is wrong, for people: the file, the filter, or that somebody else logs already.
pub fn init(settings: &Settings<'_>) -> Result<Handle, String> {
    let (subscriber, handle) = subscriber(settings)?;
    subscriber.try_init().map_err(|error| format!("logging cannot be started: {error}"))?;
    Ok(handle)
}

/// What takes in what is logged, and the handle to change it.
pub(crate) fn subscriber(settings: &Settings<'_>) -> Result<(impl Subscriber + use<>, Handle), String> {
    let (filter, filter_handle) = reload::Layer::new(parse_filter(settings.filter)?);
    let registry = tracing_subscriber::registry();
    let file = settings.path.map(LogFile::open).transpose()?;
    let format = settings.format.unwrap_or_default();
    let lines = match file.clone() {
        Some(file) => lines(format, false, file),
        None if settings.format.is_none() && journal::has_standard_error() => {
            let journal =
                Journal::new(Path::new(journal::SOCKET), settings.program, lines(format, false, io::stderr));
            journal.map_err(|error| format!("no socket for the journal: {error}"))?.boxed()
        }
        None => lines(format, settings.ansi_colors && io::stderr().is_terminal(), io::stderr),
    };
    // The filter comes first, so that its handle knows a plain registry below it.
    Ok((registry.with(filter).with(lines), Handle { filter: filter_handle, file }))
}

impl Handle {
    /// Opens the log file again, as log rotation wants on SIGHUP; the old one stays in use if that fails.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn reopen(&self) -> Result<(), String> {
        self.file.as_ref().map_or(Ok(()), LogFile::reopen)
    }

    /// Puts another filter in the place of the present one.
    ///
    /// # Errors
    /// What is wrong, for people; the present filter stays.
    pub fn set_filter(&self, filter: &str) -> Result<(), String> {
        let filter = parse_filter(filter)?;
        self.filter.reload(filter).map_err(|error| format!("the log filter cannot be changed: {error}"))
    }
}

fn parse_filter(filter: &str) -> Result<Targets, String> {
    filter.parse().map_err(|error| format!("`{filter}` is no log filter: {error}"))
}

fn lines<S, W>(format: Format, colour: bool, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_ansi(colour).with_writer(writer);
    match format {
        Format::Full => layer.fmt_fields(debug_fn(for_people)).boxed(),
        Format::Compact => layer.compact().fmt_fields(debug_fn(for_people)).boxed(),
        Format::Pretty => layer.pretty().fmt_fields(debug_fn(for_people)).boxed(),
        Format::Json => layer.json().boxed(),
    }
}

/// The fields of a line after its words, without those that are only for programs.
fn for_people(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    match field.name() {
        "message" => write!(writer, "{value:?}"),
        name if journal::is_said_in_words(name) => Ok(()),
        name => write!(writer, " {name}={value:?}"),
    }
}

/// A log file that can be opened again under its name. Locked for reading only, save while it is replaced.
#[derive(Debug, Clone)]
struct LogFile {
    path: Arc<PathBuf>,
    file: Arc<RwLock<Arc<File>>>,
}

impl LogFile {
    fn open(path: &Path) -> Result<Self, String> {
        let file = open_for_appending(path)?;
        Ok(Self { path: Arc::new(path.to_owned()), file: Arc::new(RwLock::new(Arc::new(file))) })
    }

    fn reopen(&self) -> Result<(), String> {
        let file = open_for_appending(&self.path)?;
        *self.file.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(file);
        Ok(())
    }
}

fn open_for_appending(path: &Path) -> Result<File, String> {
    let opened = OpenOptions::new().append(true).create(true).open(path);
    opened.map_err(|error| {
        let path = path.display();
        format!("the log file {path} cannot be opened: {error}; create its directory, or change `log-path`")
    })
}

/// The file as it was when a line was begun; a line is one write.
struct LogWriter(Arc<File>);

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        (&*self.0).write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self.0).flush()
    }
}

impl<'a> MakeWriter<'a> for LogFile {
    type Writer = LogWriter;

    fn make_writer(&'a self) -> LogWriter {
        LogWriter(Arc::clone(&self.file.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// The names of the formats, as they are written.
const FORMATS: [(&str, Format); 4] = [
    ("full", Format::Full),
    ("compact", Format::Compact),
    ("pretty", Format::Pretty),
    ("json", Format::Json),
];

impl FromStr for Format {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = FORMATS.iter().find(|(name, _)| *name == word);
        found.map(|(_, format)| *format).ok_or_else(|| "write full, compact, pretty or json".to_owned())
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = FORMATS.iter().find(|(_, format)| format == self).map_or("full", |(name, _)| name);
        f.write_str(name)
    }
}

#[cfg(test)]
mod tests;

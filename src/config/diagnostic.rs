//! What is wrong with a configuration, and where. Finding it is `resolve`'s.

use super::NamedFile;
use super::texts::Texts;
use std::cell::RefCell;
use std::fmt;
use std::path::PathBuf;

/// More than anybody corrects at once; finding the place of each takes time.
const MOST_DIAGNOSTICS: usize = 100;

/// Whether the configuration can be used all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, and somebody should read this.
    Warning,
}

/// One thing that is wrong, with a hint how to put it right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the configuration can be used all the same.
    pub severity: Severity,
    /// The file as it was named, or how the text came to us.
    pub file: String,
    /// From 1; `None` when it concerns the configuration as a whole.
    pub position: Option<Position>,
    /// What is wrong; how to fix it.
    pub message: String,
}

/// A place in a text, both from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

impl Position {
    /// Of a byte offset into `text`; an offset past the end is the end's.
    pub(super) fn of(text: &[u8], offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |newline| newline + 1);
        let line = 1 + before.iter().filter(|b| **b == b'\n').count();
        // Bytes that do not begin a UTF-8 character continue one.
        let begins = |b: &&u8| (**b & 0xC0) != 0x80;
        let column = 1 + before.get(line_start..).unwrap_or_default().iter().filter(begins).count();
        Self { line, column }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(Position { line, column }) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        match self.severity {
            Severity::Error => write!(f, ": {}", self.message),
            Severity::Warning => write!(f, ": warning: {}", self.message),
        }
    }
}

/// Collects what is found while the texts of a configuration are read, so that everything is told at once.
#[derive(Debug, Default)]
pub(super) struct Report {
    found: RefCell<Vec<(usize, Severity, String)>>,
    files: RefCell<Vec<(usize, String, PathBuf)>>,
}

impl Report {
    /// The configuration cannot be used because of what stands at this byte offset.
    pub(super) fn error(&self, offset: usize, message: impl Into<String>) {
        self.found.borrow_mut().push((offset, Severity::Error, message.into()));
    }

    /// Something to read at this byte offset.
    pub(super) fn warning(&self, offset: usize, message: impl Into<String>) {
        self.found.borrow_mut().push((offset, Severity::Warning, message.into()));
    }

    /// A path stands at this byte offset.
    pub(super) fn file(&self, offset: usize, key: &str, path: PathBuf) {
        self.files.borrow_mut().push((offset, key.to_owned(), path));
    }

    /// Every path, in the order of the texts.
    pub(super) fn named_files(&self, texts: &Texts) -> Vec<NamedFile> {
        let mut files = self.files.borrow().clone();
        files.sort_by_key(|(offset, ..)| *offset);
        let named = |(offset, key, path)| {
            let (file, position) = texts.place(offset);
            NamedFile { key, path, file, position }
        };
        files.into_iter().map(named).collect()
    }

    /// What was found, in the order of the texts: the errors first where there are too many to read.
    pub(super) fn into_diagnostics(self, texts: &Texts) -> Vec<Diagnostic> {
        let mut found = self.found.into_inner();
        let left_out = found.len().saturating_sub(MOST_DIAGNOSTICS);
        if left_out > 0 {
            found.sort_by_key(|(offset, severity, _)| (*severity, *offset));
            found.truncate(MOST_DIAGNOSTICS);
        }
        found.sort_by_key(|(offset, ..)| *offset);
        let diagnostic = |(offset, severity, message)| {
            let (file, position) = texts.place(offset);
            Diagnostic { severity, file, position: Some(position), message }
        };
        let mut all: Vec<_> = found.into_iter().map(diagnostic).collect();
        let rest = all.last().filter(|_| left_out > 0).map(|last| Diagnostic {
            message: format!("{left_out} more are not told; correct these first"),
            ..last.clone()
        });
        all.extend(rest);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_without_end_are_told_to_a_bound_and_warnings_give_way() {
        let report = Report::default();
        for offset in 0..150 {
            report.warning(offset, "w");
            report.error(offset, "e");
        }
        let told = report.into_diagnostics(&Texts::new("f", "\n".repeat(200)));
        assert_eq!(told.len(), MOST_DIAGNOSTICS + 1);
        assert!(told.iter().all(|d| d.severity == Severity::Error));
        assert_eq!(told.last().unwrap().to_string(), "f:100:1: 200 more are not told; correct these first");
    }

    #[test]
    fn columns_count_characters_and_lines_start_at_one() {
        let text = "ab\nµ = ü x\n";
        assert_eq!(Position::of(text.as_bytes(), 0), Position { line: 1, column: 1 });
        assert_eq!(Position::of(text.as_bytes(), 3), Position { line: 2, column: 1 });
        let x = text.find('x').unwrap();
        assert_eq!(Position::of(text.as_bytes(), x), Position { line: 2, column: 7 });
        assert_eq!(Position::of(text.as_bytes(), 999), Position { line: 3, column: 1 });
    }
}

//! A file that a configuration names. Opening it is others'.

use super::diagnostic::Position;
use std::path::PathBuf;

/// One path, and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFile {
    /// The setting, such as `private-key-path`.
    pub key: String,
    /// What is named.
    pub path: PathBuf,
    /// The file where it is named, as diagnostics call it.
    pub file: String,
    /// Of the value.
    pub position: Position,
}

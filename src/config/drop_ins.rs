//! The directory of drop-ins beside a configuration file: which files lie there. What stands in them is others'.

use super::file::{self, LoadError};
use super::mounts;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// More than anybody keeps apart; each may be as large as a configuration.
const MOST_FILES: usize = 100;
const HINT: &str = "move it out of this directory";

/// The directory: `ntp.toml.d` for `ntp.toml`.
pub(super) fn directory(configuration: &Path) -> PathBuf {
    let mut name = configuration.as_os_str().to_owned();
    name.push(".d");
    PathBuf::from(name)
}

/// The drop-ins of a configuration, in the byte order of their names; none without a directory.
///
/// # Errors
/// A directory that cannot be read, or in which somebody could put a file who may not set the clock.
pub(super) fn list(configuration: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let path = directory(configuration);
    // A link to nowhere was meant to be something, and is an error below.
    if fs::symlink_metadata(&path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Ok(Vec::new());
    }
    let names = check(&path, configuration).and_then(|()| names(&path));
    let names = names.map_err(|message| LoadError::File { path: path.clone(), message })?;
    Ok(names.into_iter().map(|name| path.join(name)).collect())
}

fn check(directory: &Path, configuration: &Path) -> Result<(), String> {
    let metadata = fs::metadata(directory).map_err(|error| cannot_read(&error))?;
    if !metadata.is_dir() {
        return Err("is no directory; make one of it, for files that end in .toml, or remove it".to_owned());
    }
    // Kubernetes mounts what it hands to containers with all permissions, and for reading only.
    let is_open = metadata.permissions().mode() & file::OTHERS_CAN_WRITE != 0;
    if is_open && !mounts::is_read_only(directory) {
        return Err(
            "everybody may write to this directory, so everybody could set the clock; run `chmod o-w` on it"
                .to_owned(),
        );
    }
    // In a directory like /tmp anybody can make it beside somebody's file.
    let owner = fs::metadata(configuration).map_err(|error| cannot_read(&error))?.uid();
    if metadata.uid() != 0 && metadata.uid() != owner {
        return Err(format!(
            "belongs to user {}, and the configuration does not, so another than its author could set the clock; run `chown root` on it",
            metadata.uid()
        ));
    }
    Ok(())
}

fn names(directory: &Path) -> Result<Vec<OsString>, String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(|error| cannot_read(&error))? {
        let name = entry.map_err(|error| cannot_read(&error))?.file_name();
        if is_drop_in(&name) {
            names.push(name);
        }
        if names.len() > MOST_FILES {
            return Err(format!(
                "has more than {MOST_FILES} files that end in .toml; put some of them together"
            ));
        }
    }
    names.sort();
    Ok(names)
}

/// What editors and package managers leave behind is hidden, or ends otherwise.
fn is_drop_in(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.ends_with(b".toml") && !name.starts_with(b".")
}

fn cannot_read(error: &io::Error) -> String {
    format!("cannot be read: {error}; let this user read and search this directory, or remove it")
}

/// Its content, by the rules for the configuration itself. Nothing else than a file is opened: a pipe would be waited for.
///
/// # Errors
/// What is wrong; how to fix it.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(format!("is no regular file; {HINT}"));
    }
    file::read(path, HINT)
}

#[cfg(test)]
mod tests;

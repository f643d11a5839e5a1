//! Files that are read bounded and replaced whole or not at all; secrets for their owner alone. What they say is not known here.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// One state of a file: somebody puts another file in its place, or writes into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Version {
    /// Of what is found there, through links.
    pub(super) fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|found| Self::of(&found))
    }

    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// The whole file, if it is not longer than `longest`; otherwise its beginning, one byte longer than that.
///
/// # Errors
/// What the file system says; and that it is no regular file, whose reading might never end.
pub(super) fn read(path: &Path, longest: usize) -> io::Result<(Zeroizing<Vec<u8>>, Version)> {
    // Opening a pipe would wait for somebody to write to it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let file = File::open(path)?;
    let version = Version::of(&file.metadata()?);
    // Never filled beyond its room, so that no copy of a secret stays behind.
    let room = usize::try_from(version.length).unwrap_or(usize::MAX).min(longest) + 1;
    let mut bytes = Zeroizing::new(vec![0; room]);
    let (mut limited, mut length) = (file.take(u64::try_from(room).unwrap_or(u64::MAX)), 0);
    while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match limited.read(rest) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(length);
    Ok((bytes, version))
}

/// Says so in the log if others than its owner's group may read it.
pub(super) fn warn_if_public(path: &Path) {
    if let Some(warning) = publicity(path) {
        tracing::warn!("{}: {warning}", path.display());
    }
}

/// Why a secret is none there, if others than its owner's group may read it.
pub(super) fn publicity(path: &Path) -> Option<&'static str> {
    let is_public = fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o007 != 0);
    is_public.then_some("everybody on this machine may read or change these keys: chmod o= it")
}

/// What the file system says to who may not read it.
pub(super) fn forbidden(path: &Path) -> Option<io::Error> {
    // Opening a pipe would wait for somebody to write to it.
    let opened = fs::metadata(path)
        .and_then(|found| if found.is_file() { File::open(path).map(drop) } else { Ok(()) });
    opened.err().filter(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

/// Replaces the file as a whole, for its owner alone (0600), and overwrites what was there before.
///
/// # Errors
/// What the file system says; the file is as it was then.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A link stays one: what it points at may be the only place that lasts.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let before = OpenOptions::new().write(true).open(&path).ok();
    write_whole(&path, bytes, FOR_OWNER)?;
    if let Some(before) = before {
        // As far as it can be done: disks and file systems may have copies of their own.
        let _ = overwrite(before);
    }
    Ok(())
}

/// Puts another file in its place, in one moment.
///
/// # Errors
/// What the file system says; the file is as it was then.
pub(super) fn write_whole(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let temporary = temporary(path);
    write_new(&temporary, bytes, mode)?;
    fs::rename(&temporary, path)?;
    // Only after this does the new name outlive a power cut.
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

/// Whether [`replace`] would work, without doing it.
///
/// # Errors
/// What the file system says.
pub(super) fn check_replaceable(path: &Path) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let temporary = temporary(&path);
    write_new(&temporary, &[], FOR_OWNER)?;
    fs::remove_file(&temporary)
}

/// The mode of a secret.
const FOR_OWNER: u32 = 0o600;

fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    // What a crash left behind may have another mode.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn overwrite(mut file: File) -> io::Result<()> {
    let found = file.metadata()?;
    if found.nlink() == 0 {
        let length = usize::try_from(found.len()).unwrap_or_default();
        file.write_all(&vec![0; length])?;
        file.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_replaced_is_overwritten_where_nobody_else_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, copy) = (folder.path().join("keys"), folder.path().join("copy"));
        replace(&path, b"an old secret").unwrap();
        let mut old = File::open(&path).unwrap();
        replace(&path, b"a new one").unwrap();
        let mut text = String::new();
        old.read_to_string(&mut text).unwrap();
        assert_eq!(text, "\0".repeat(13));
        fs::hard_link(&path, &copy).unwrap();
        replace(&path, b"newer still").unwrap();
        assert_eq!(fs::read(&copy).unwrap(), b"a new one", "somebody keeps that");
        assert_eq!(fs::read(&path).unwrap(), b"newer still");
    }

    #[test]
    fn what_a_crash_left_behind_does_not_make_the_file_public() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        fs::write(temporary(&path), b"half").unwrap();
        replace(&path, b"whole").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn no_more_is_read_than_could_be_right() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        for (length, found) in [(0, 0), (9, 9), (10, 10), (11, 11), (1000, 11)] {
            fs::write(&path, vec![7; length]).unwrap();
            assert_eq!(*read(&path, 10).unwrap().0, vec![7; found]);
        }
        assert!(read(Path::new("/dev/zero"), 10).is_err(), "no regular file");
        assert!(check_replaceable(Path::new("/proc/none/keys")).is_err());
        check_replaceable(&path).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

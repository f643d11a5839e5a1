//! Notices that something in directories changed (inotify), also in those that are not there yet. What it is, is for others to look at.

use super::error::{check, check_length};
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Becomes readable when something changed. Good for one change: then look, having made another one first.
#[derive(Debug)]
pub struct DirectoryWatch {
    descriptor: OwnedFd,
}

/// A file is there, whole, or is gone; the directory itself is.
const CONTENTS: u32 = libc::IN_CLOSE_WRITE
    | libc::IN_MOVED_TO
    | libc::IN_MOVED_FROM
    | libc::IN_DELETE
    | libc::IN_DELETE_SELF
    | libc::IN_MOVE_SELF;
/// The next directory on the way is there.
const ARRIVAL: u32 = libc::IN_CREATE | libc::IN_MOVED_TO | libc::IN_DELETE_SELF | libc::IN_MOVE_SELF;

impl DirectoryWatch {
    /// Watches these from now on. In place of one that is missing, the nearest directory above it in which it may appear.
    pub fn new(directories: &[PathBuf]) -> io::Result<Self> {
        // SAFETY: inotify_init1 takes no pointer.
        let result = unsafe { libc::inotify_init1(libc::IN_NONBLOCK | libc::IN_CLOEXEC) };
        let descriptor = check("inotify_init1", result)?;
        // SAFETY: the call above just opened this descriptor, and nobody else knows it.
        let watch = Self { descriptor: unsafe { OwnedFd::from_raw_fd(descriptor) } };
        directories.iter().try_for_each(|directory| watch.watch(directory))?;
        Ok(watch)
    }

    /// Directories may appear while this looks for them: only one that is still the nearest when it is watched will do.
    fn watch(&self, directory: &Path) -> io::Result<()> {
        for _ in 0..ATTEMPTS {
            let nearest = nearest(directory);
            match self.add(nearest, if nearest == directory { CONTENTS } else { ARRIVAL }) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
                Ok(()) if self::nearest(directory) == nearest => return Ok(()),
                Ok(()) => {}
            }
        }
        Err(io::Error::other(format!("{} comes and goes", directory.display())))
    }

    fn add(&self, directory: &Path, mask: u32) -> io::Result<()> {
        let path = CString::new(directory.as_os_str().as_bytes())?;
        let mask = mask | libc::IN_ONLYDIR;
        // SAFETY: the pointer is to a string that ends in zero and lives during the call.
        let result = unsafe { libc::inotify_add_watch(self.descriptor.as_raw_fd(), path.as_ptr(), mask) };
        check("inotify_add_watch", result).map(drop)
    }

    /// Forgets what has happened so far. `WouldBlock` when nothing has.
    pub fn changed(&mut self) -> io::Result<()> {
        let mut buffer = [0_u8; 4096];
        let (pointer, length) = (buffer.as_mut_ptr().cast(), buffer.len());
        // SAFETY: the pointer is to a buffer of the length given, ours and writable during the call.
        let result = unsafe { libc::read(self.descriptor.as_raw_fd(), pointer, length) };
        check_length("read (inotify)", result).map(drop)
    }
}

/// Far more often than any service makes its directories anew while it starts.
const ATTEMPTS: usize = 16;

fn nearest(directory: &Path) -> &Path {
    directory.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/"))
}

impl AsFd for DirectoryWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl AsRawFd for DirectoryWatch {
    fn as_raw_fd(&self) -> i32 {
        self.descriptor.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Whether this is noticed by a watch of `a/b` under a temporary directory where `first` was done.
    fn notices(first: impl FnOnce(&Path), change: impl FnOnce(&Path)) -> bool {
        let directory = tempfile::tempdir().unwrap();
        first(directory.path());
        let mut watch = DirectoryWatch::new(&[directory.path().join("a/b")]).unwrap();
        assert_eq!(watch.changed().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        change(directory.path());
        watch.changed().is_ok()
    }

    #[test]
    fn a_file_that_appears_changes_or_goes_is_noticed() {
        let with_file = |root: &Path| {
            fs::create_dir_all(root.join("a/b")).unwrap();
            fs::write(root.join("a/b/2"), "x").unwrap();
            fs::write(root.join("a/new"), "x").unwrap();
        };
        assert!(notices(with_file, |root| fs::write(root.join("a/b/3"), "y").unwrap()));
        assert!(notices(with_file, |root| fs::write(root.join("a/b/2"), "y").unwrap()));
        assert!(notices(with_file, |root| fs::rename(root.join("a/new"), root.join("a/b/2")).unwrap()));
        assert!(notices(with_file, |root| fs::remove_file(root.join("a/b/2")).unwrap()));
        assert!(notices(with_file, |root| fs::remove_dir_all(root.join("a/b")).unwrap()));
        assert!(!notices(with_file, |root| drop(fs::read(root.join("a/b/2")).unwrap())));
        assert!(!notices(with_file, |root| fs::write(root.join("a/other"), "y").unwrap()));
    }

    #[test]
    fn the_next_directory_on_the_way_is_noticed_when_it_comes() {
        assert!(notices(|_| (), |root| fs::create_dir(root.join("a")).unwrap()));
        let half = |root: &Path| fs::create_dir(root.join("a")).unwrap();
        assert!(notices(half, |root| fs::create_dir(root.join("a/b")).unwrap()));
    }
}

//! The file by which `systemd-time-wait-sync` learns that the clock is right, and with it what waits for `time-sync.target`. Judges nothing.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// `/run/systemd/timesync/synchronized`: that it is there is all that it says.
#[derive(Debug)]
pub(super) struct SynchronizedFile {
    path: PathBuf,
    is_made: bool,
}

impl SynchronizedFile {
    /// In the directory that the unit has for it (`RuntimeDirectory=`, a list separated by colons); another daemon's is left alone. What
    /// an earlier run left there is taken away, or it would release who waits at once.
    pub(super) fn find(runtime_directories: Option<OsString>) -> Option<Self> {
        let list = runtime_directories?;
        let directory = list.to_str()?.split(':').map(Path::new).find(|path| path.ends_with(DIRECTORY))?;
        let path = directory.join("synchronized");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!("{}: cannot be removed: {error}", path.display());
            }
            _ => {}
        }
        Some(Self { path, is_made: false })
    }

    /// The clock is right. Only the first time counts.
    pub(super) fn make(&mut self) {
        if !std::mem::replace(&mut self.is_made, true)
            && let Err(error) = make(&self.path)
        {
            tracing::warn!("{}: cannot be made, so time-sync.target waits: {error}", self.path.display());
        }
    }
}

/// For everybody to see, whatever the unit's `UMask=` is.
fn make(path: &Path) -> io::Result<()> {
    File::create(path)?.set_permissions(Permissions::from_mode(0o644))
}

const DIRECTORY: &str = "systemd/timesync";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_where_the_unit_has_a_place_for_it_and_not_left_from_before() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (folder.path().join("ntpd-rs"), folder.path().join(DIRECTORY));
        fs::create_dir_all(&ours).unwrap();
        fs::create_dir_all(&theirs).unwrap();
        let path = theirs.join("synchronized");
        fs::write(&path, "").unwrap();
        assert!(SynchronizedFile::find(Some(ours.clone().into())).is_none());
        assert!(SynchronizedFile::find(None).is_none());
        assert!(path.exists(), "another daemon's was taken away");
        let list = format!("{}:{}", ours.display(), theirs.display());
        let mut file = SynchronizedFile::find(Some(list.into())).unwrap();
        assert!(!path.exists());
        file.make();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        // Whoever removes it has a reason.
        fs::remove_file(&path).unwrap();
        file.make();
        assert!(!path.exists());
    }
}

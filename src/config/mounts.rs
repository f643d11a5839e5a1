//! Which file system a path is on, by the kernel's table of mounts (proc(5), mountinfo). Mounts nothing.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Whether nobody can write there by this mount, whatever the permissions are; not where that cannot be known.
pub(super) fn is_read_only(path: &Path) -> bool {
    let known = fs::canonicalize(path).and_then(|path| Ok((path, fs::read("/proc/self/mountinfo")?)));
    known.is_ok_and(|(path, table)| is_read_only_by(&table, &path))
}

/// The innermost mount counts, and of several at one place the last.
fn is_read_only_by(table: &[u8], path: &Path) -> bool {
    let mut innermost = (0, false);
    for line in table.split(|byte| *byte == b'\n') {
        let mut fields = line.split(|byte| *byte == b' ').skip(4);
        let (Some(point), Some(options)) = (fields.next(), fields.next()) else { continue };
        let point = unescaped(point);
        if path.starts_with(OsStr::from_bytes(&point)) && point.len() >= innermost.0 {
            innermost = (point.len(), options.split(|byte| *byte == b',').any(|option| option == b"ro"));
        }
    }
    innermost.1
}

/// What separates fields is written as a backslash and three octal digits.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after.get(..3).filter(|_| first == b'\\').and_then(octal);
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { after.get(3..).unwrap_or_default() } else { after };
    }
    bytes
}

fn octal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
        60 22 0:50 / /etc/ntpd-rs/ntp.toml.d ro,relatime - ext4 /dev/vda rw\n\
        61 22 0:51 / /a\\040b\\134c ro - tmpfs tmpfs rw\n\
        62 22 0:52 / /twice ro - tmpfs tmpfs rw\n\
        63 22 0:53 / /twice rw - tmpfs tmpfs rw\n\
        nonsense\n\n";

    #[test]
    fn the_innermost_mount_says_whether_one_can_write() {
        for (path, expected) in [
            ("/", false),
            ("/etc/ntpd-rs", false),
            ("/etc/ntpd-rs/ntp.toml.d", true),
            ("/etc/ntpd-rs/ntp.toml.d/..data", true),
            ("/etc/ntpd-rs/ntp.toml.d2", false),
            ("/a b\\c/d", true),
            ("/twice", false),
        ] {
            assert_eq!(is_read_only_by(TABLE, Path::new(path)), expected, "{path}");
        }
        assert!(!is_read_only_by(b"", Path::new("/")));
        assert!(!is_read_only(Path::new("/no such file")) && !is_read_only(&std::env::temp_dir()));
    }
}

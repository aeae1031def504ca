//! Files that another process reads appear by rename: whole or not at all.
//! Chooses no names; the caller gives the path.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes a file of mode 0600 by rename. What stood there before stays until the new one is whole. There is no
/// fsync: after a power loss a run is repeated, and a kill cannot take back what the kernel holds.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = unfinished(path);
    let result = create(&unfinished)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&unfinished, path));
    if result.is_err() {
        // The first error is the one to tell; a leftover is overwritten by the next attempt.
        let _ = fs::remove_file(&unfinished);
    }
    result
}

/// A new file of mode 0600 for writing. A leftover of the same name is removed, never written through: it might
/// be a link.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let open = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match open() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            open()
        }
        result => result,
    }
}

/// A name beside a path that no other thread and no other otto uses at this time, for a file that several may write at
/// once and that is renamed when it is whole.
pub(crate) fn own_name(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    PathBuf::from(name)
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, symlink};

    #[test]
    fn a_file_is_private_and_replaced_whole() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("output.a.json");
        write(&path, b"{}").expect("written");
        write(&path, b"{\"a\": 1}").expect("written again");
        assert_eq!(fs::read(&path).expect("there"), b"{\"a\": 1}");
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).expect("there").count(), 1);
    }

    #[test]
    fn names_of_ones_own_are_never_given_twice() {
        let names: std::collections::HashSet<_> = (0..9).map(|_| own_name(Path::new("/x/library"))).collect();
        assert_eq!(names.len(), 9);
    }

    #[test]
    fn a_planted_link_is_never_written_through() {
        let dir = tempfile::tempdir().expect("a directory");
        let victim = dir.path().join("victim");
        fs::write(&victim, "precious").expect("written");
        symlink(&victim, dir.path().join("output.a.json.new")).expect("linked");
        write(&dir.path().join("output.a.json"), b"{}").expect("written");
        assert_eq!(fs::read(&victim).expect("there"), b"precious");
    }

    #[test]
    fn an_error_leaves_the_old_file_and_no_rest() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("taken");
        fs::create_dir(&path).expect("made");
        assert!(write(&path, b"x").is_err());
        assert_eq!(fs::read_dir(dir.path()).expect("there").count(), 1);
    }
}

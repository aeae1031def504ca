//! The files that every language writes before an attempt: private, and never through a link that stands in their place.

use super::{CannotPrepare, Script};
use crate::store::{atomic, layout, regular};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Where otto keeps what it loads and what comes back.
pub(super) fn private(script: &Script) -> PathBuf {
    layout::private(script.dir)
}

/// Makes a folder, and those above it, unless it is there.
pub(super) fn make_dir(path: &Path) -> Result<(), CannotPrepare> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| CannotPrepare::writing(path, &error))
}

/// Writes a file in place of the one from an earlier attempt.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), CannotPrepare> {
    let written = atomic::create(path).and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| CannotPrepare::writing(path, &error))
}

/// Writes a file that a user may also run by hand.
pub(super) fn write_program(path: &Path, bytes: &[u8]) -> Result<(), CannotPrepare> {
    let written = atomic::create(path).and_then(|mut file| {
        file.set_permissions(fs::Permissions::from_mode(0o700))?;
        file.write_all(bytes)
    });
    written.map_err(|error| CannotPrepare::writing(path, &error))
}

/// Makes a link in place of the one from an earlier attempt.
pub(super) fn link(target: &Path, path: &Path) -> Result<(), CannotPrepare> {
    let linked = match symlink(target, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path).and_then(|()| symlink(target, path))
        }
        result => result,
    };
    linked.map_err(|error| CannotPrepare::writing(path, &error))
}

pub(super) fn is_installed(path: &Path, bytes: &[u8]) -> bool {
    regular::read(path).is_ok_and(|there| there == bytes)
}

/// Puts a file where all runs find it, unless it is there. It appears whole; of two who write it, either may win.
pub(super) fn install(path: &Path, bytes: &[u8]) -> Result<(), CannotPrepare> {
    if is_installed(path, bytes) {
        return Ok(());
    }
    make_dir(path.parent().unwrap_or(Path::new("/")))?;
    let unfinished = atomic::own_name(path);
    write(&unfinished, bytes)?;
    fs::rename(&unfinished, path).map_err(|error| CannotPrepare::writing(path, &error))
}

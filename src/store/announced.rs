//! Reads what a body says is secret, also where one write was not enough: such an entry is a file of its own, and what is
//! read has its name.

use super::regular;
use crate::secret::{self, Secret};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The values with their keys, and how many of the bytes these are. `folder` has the files.
pub(crate) fn announced(folder: &Path, bytes: &[u8]) -> (Vec<(String, Secret)>, usize) {
    let (found, length) = secret::announced(bytes);
    let whole = found.into_iter().flat_map(|(key, secret)| match file(folder, &key, &secret) {
        // What cannot be read has been read before, or is lost.
        Some(path) => secret::announced(&regular::read(&path).unwrap_or_default()).0,
        None => vec![(key, secret)],
    });
    (whole.collect(), length)
}

/// The files that have entries.
pub(crate) fn files(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let found = secret::announced(bytes).0;
    found.iter().filter_map(|(key, secret)| file(folder, key, secret)).collect()
}

/// Only a name of otto's own making leads to a file.
fn file(folder: &Path, key: &str, name: &Secret) -> Option<PathBuf> {
    let name = name.expose();
    let is_own = key.is_empty() && name.starts_with(b"v.") && !name.contains(&b'/');
    is_own.then(|| folder.join(OsStr::from_bytes(name)))
}

//! The file in which a body says what is secret while it runs. It is read before each piece of output is shown, so what was
//! written to it before that piece counts.

use crate::secret::{self, Secret};
use crate::store::announced::announced;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

pub(super) struct Announced {
    path: PathBuf,
    file: Option<File>,
    /// The beginning of what is not there whole.
    rest: Vec<u8>,
}

impl Announced {
    pub(super) fn new(path: PathBuf) -> Announced {
        Announced { path, file: None, rest: Vec::new() }
    }

    /// What was announced since the last time.
    pub(super) fn news(&mut self) -> Vec<Secret> {
        if self.file.is_none() {
            // A task may have put anything there; nobody waits for the other end of a pipe.
            let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
            self.file = File::options().read(true).custom_flags(flags).open(&self.path).ok();
        }
        let Some(file) = &mut self.file else { return Vec::new() };
        let before = self.rest.len();
        // What cannot be read now is read with the next piece, or when the task has ended.
        let _ = file.take(secret::MOST_ANNOUNCED).read_to_end(&mut self.rest);
        if self.rest.len() == before {
            return Vec::new();
        }
        let folder = self.path.parent().unwrap_or(&self.path);
        let (found, length) = announced(folder, &self.rest);
        let news = found.into_iter().flat_map(|(_, secret)| secret.leaves()).collect();
        self.rest.drain(..length);
        news
    }
}

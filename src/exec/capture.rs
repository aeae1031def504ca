//! One of a task's two streams: out of the pipe, into the log, and from there to whoever shows it.
//! Every byte is in the log before anybody sees it; when the log cannot be written, the task goes on all the same.

use super::native::plain;
use crate::secret::{Masker, Passage};
use rustix::buffer::spare_capacity;
use std::fs::File;
use std::io::{PipeReader, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The most that is read at once. Pipes hold 64 KiB unless they are widened.
pub(super) const CHUNK: usize = 256 << 10;

pub(super) struct Capture {
    /// `None` at end of file.
    pipe: Option<PipeReader>,
    is_widened: bool,
    log: LogFile,
    bytes: u64,
    passage: Passage,
}

/// A file that holds what the task wrote, from its first byte on.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    /// `None` once writing has failed: a log with a hole would look whole.
    file: Option<File>,
    error: Option<String>,
}

impl Capture {
    pub(super) fn new(pipe: PipeReader, log: LogFile) -> Capture {
        Capture { pipe: Some(pipe), is_widened: false, log, bytes: 0, passage: Passage::default() }
    }

    pub(super) fn pipe(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Names the pipe among all pipes of the machine.
    pub(super) fn pipe_inode(&self) -> Option<u64> {
        rustix::fs::fstat(self.pipe.as_ref()?).ok().map(|stat| stat.st_ino)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn log_error(&self) -> Option<&str> {
        self.log.error.as_deref()
    }

    /// Reads once into `buffer`, which is emptied first. To be called when the pipe is readable; an empty buffer afterwards
    /// means end of file.
    pub(super) fn read(&mut self, buffer: &mut Vec<u8>) {
        buffer.clear();
        buffer.reserve(CHUNK);
        let Some(pipe) = &self.pipe else { return };
        match rustix::io::retry_on_intr(|| rustix::io::read(pipe, spare_capacity(buffer))) {
            Ok(0) => self.pipe = None,
            Ok(count) => {
                // A full pipe has a writer who waits. One system call, once, and it waits less.
                if count >= 64 << 10 && !self.is_widened {
                    self.widen();
                }
            }
            // No read from a pipe of one's own fails for any reason that would go away.
            Err(error) => {
                self.log.give_up(&format!("cannot read the output: {}", plain(&error.into())));
                self.pipe = None;
            }
        }
    }

    /// Logs what was read, and leaves in `buffer` what was logged: no secret, and nothing that may be the beginning of one.
    pub(super) fn keep(&mut self, buffer: &mut Vec<u8>, masker: Option<&Arc<Masker>>) {
        if let Some(masker) = masker {
            self.passage.pass(masker, buffer);
        }
        self.bytes += buffer.len() as u64;
        self.log.append(buffer);
    }

    /// The stream has ended: logs what was held back, and returns it.
    pub(super) fn finish(&mut self, masker: Option<&Arc<Masker>>) -> Vec<u8> {
        let rest = self.passage.finish(masker);
        self.bytes += rest.len() as u64;
        if !rest.is_empty() {
            self.log.append(&rest);
        }
        rest
    }

    fn widen(&mut self) {
        self.is_widened = true;
        #[cfg(target_os = "linux")]
        if let Some(pipe) = &self.pipe {
            // Refused when this user has very many pipes; then it stays as it is.
            let _ = rustix::pipe::fcntl_setpipe_size(pipe, CHUNK);
        }
    }

    /// Reads no more, whoever still writes.
    pub(super) fn close(&mut self) {
        self.pipe = None;
    }
}

impl LogFile {
    /// Made before the process, so that a task finds its logs when it looks.
    pub(super) fn open(path: &Path) -> LogFile {
        // Neither opening nor writing waits for the other end of a pipe that a task has put there.
        let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        let opened = File::options().append(true).create(true).mode(0o600).custom_flags(flags).open(path);
        let (file, error) = match opened {
            Ok(file) => (Some(file), None),
            Err(error) => (None, Some(format!("cannot create `{}`: {}", path.display(), plain(&error)))),
        };
        LogFile { path: path.to_owned(), file, error }
    }

    fn append(&mut self, bytes: &[u8]) {
        let Some(file) = &mut self.file else { return };
        if let Err(error) = file.write_all(bytes) {
            let reason = format!("cannot write `{}`: {}", self.path.display(), plain(&error));
            self.give_up(&reason);
        }
    }

    fn give_up(&mut self, reason: &str) {
        let kept =
            self.file.take().and_then(|file| file.metadata().ok()).map_or(0, |metadata| metadata.len());
        self.error = Some(format!("{reason}; only the first {kept} bytes were kept"));
    }
}

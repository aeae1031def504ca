//! Opens records as what they are: regular files. Where something else has taken the place of one, such as a named pipe
//! or a device, that is an error at once; a plain `open` would wait for the pipe's other end.

use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// How much of the end of a log is searched for the reason of a failure.
const TAIL_BYTES: u64 = 64 * 1024;

/// For reading.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    opened(OpenOptions::new().read(true), path)
}

/// All of it.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    let mut bytes = Vec::with_capacity(file.metadata().map_or(0, |metadata| metadata.len() as usize));
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// All of it, as UTF-8.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8"))
}

/// The end of a log, at most [`TAIL_BYTES`]; empty if it cannot be read.
pub(crate) fn tail(path: &Path) -> Vec<u8> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = open(path)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(TAIL_BYTES)))?;
        let mut tail = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut tail)?;
        Ok(tail)
    };
    read().unwrap_or_default()
}

/// For writing at its end; made with mode 0600 if it is missing.
pub(crate) fn append(path: &Path) -> io::Result<File> {
    opened(OpenOptions::new().append(true).create(true).mode(0o600), path)
}

/// For locking or touching: made with mode 0600 if it is missing, and otherwise left as it is.
pub(crate) fn update(path: &Path) -> io::Result<File> {
    opened(OpenOptions::new().write(true).create(true).truncate(false).mode(0o600), path)
}

fn opened(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let not_regular = || io::Error::other("it is not a regular file");
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = options.custom_flags(flags.bits() as i32).open(path).map_err(|error| {
        // A pipe that nobody reads, or a socket.
        match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
            Some(rustix::io::Errno::NXIO) => not_regular(),
            _ => error,
        }
    })?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(not_regular()),
    }
}

/// Makes a named pipe, by the program that every system has for it.
#[cfg(test)]
pub(crate) fn named_pipe(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo starts").success());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::plain;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        named_pipe(&at("pipe"));
        let _listener = UnixListener::bind(at("socket")).expect("a socket");
        std::fs::create_dir(at("folder")).expect("a folder");
        symlink("pipe", at("link")).expect("a link");
        symlink("/dev/zero", at("device")).expect("a link");
        for name in ["pipe", "socket", "folder", "link", "device"] {
            let path = at(name);
            for result in [open(&path), append(&path), update(&path)] {
                let reason = plain(&result.expect_err(name));
                assert!(
                    ["it is not a regular file", "is a directory"].contains(&reason.as_str()),
                    "{reason}"
                );
            }
        }
        symlink("nowhere", at("dangling")).expect("a link");
        assert_eq!(read(&at("dangling")).expect_err("missing").kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_regular_file_is_read_appended_to_and_kept() {
        use std::io::Write;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger");
        append(&path).and_then(|mut file| file.write_all(b"one\n")).expect("written");
        append(&path).and_then(|mut file| file.write_all(b"two\n")).expect("written");
        update(&path).expect("opened");
        assert_eq!(read_text(&path).expect("read"), "one\ntwo\n");
    }
}

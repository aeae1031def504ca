//! The content of a task's stream on disk: written at its end, read from any place while it grows.
//! Knows no pipes and no tasks.

use crate::host::plain;
use crate::store::regular;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Default size limit of one stream.
pub(crate) const LIMIT: u64 = 1 << 30;
/// Share of the disk, in percent, that streams leave free.
const SPARED_PERCENT: u64 = 5;
/// How much a spool takes without looking at the disk, and between two looks.
const LOOK_EVERY: u64 = 64 << 20;

/// The recorded stream of one attempt. Every byte below `length` is in the file and never changes.
/// Keeps no file open: it exists as long as a job may read it, and there may be thousands.
#[derive(Debug)]
pub(crate) struct Spool {
    path: PathBuf,
    length: AtomicU64,
    end: AtomicU8,
    limit: u64,
    is_full: AtomicBool,
    failure: OnceLock<String>,
}

/// The end of a spool that is appended to.
#[derive(Debug)]
pub(crate) struct SpoolWriter {
    spool: Arc<Spool>,
    file: File,
}

/// Whether more will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Open,
    /// This is all that there was.
    Complete,
    /// There should have been more.
    Broken,
}

/// Why a spool takes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    Limit(u64),
    Disk,
}

impl Spool {
    /// An empty one, to be appended to.
    pub(crate) fn create(path: &Path, limit: u64) -> io::Result<SpoolWriter> {
        let file = File::options().append(true).create_new(true).mode(0o600).open(path)?;
        Ok(SpoolWriter { spool: Arc::new(Spool::of(path, 0, End::Open, limit)), file })
    }

    /// The complete stream that an earlier run recorded.
    pub(crate) fn recorded(path: &Path) -> io::Result<Spool> {
        let length = regular::open(path)?.metadata()?.len();
        Ok(Spool::of(path, length, End::Complete, u64::MAX))
    }

    /// A stream that another machine writes. Its length is set at the end, by [`Spool::was_filled`].
    pub(crate) fn elsewhere(path: &Path, limit: u64) -> Spool {
        Spool::of(path, 0, End::Open, limit)
    }

    /// Another machine has recorded so much, and would take no more if it is full.
    pub(crate) fn was_filled(&self, length: u64, is_full: bool) {
        self.length.store(length, Ordering::Release);
        self.is_full.store(is_full, Ordering::Release);
    }

    fn of(path: &Path, length: u64, end: End, limit: u64) -> Spool {
        Spool {
            path: path.to_owned(),
            length: AtomicU64::new(length),
            end: AtomicU8::new(end as u8),
            limit,
            is_full: AtomicBool::new(false),
            failure: OnceLock::new(),
        }
    }

    /// Why nothing more can be appended.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    /// Why nothing more should be appended.
    pub(crate) fn full(&self) -> Option<Full> {
        self.is_full.load(Ordering::Acquire).then(|| match self.length() >= self.limit {
            true => Full::Limit(self.limit),
            false => Full::Disk,
        })
    }

    /// The file, to be read.
    pub(crate) fn open(&self) -> io::Result<File> {
        regular::open(&self.path)
    }

    /// Reads once from `offset` on; 0 where nothing is yet. `file` is what [`Spool::open`] gave.
    pub(crate) fn read_at(&self, file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let there = self.length().saturating_sub(offset).min(buffer.len() as u64) as usize;
        file.read_at(&mut buffer[..there], offset)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn length(&self) -> u64 {
        self.length.load(Ordering::Acquire)
    }

    pub(crate) fn end(&self) -> End {
        match self.end.load(Ordering::Acquire) {
            0 => End::Open,
            1 => End::Complete,
            _ => End::Broken,
        }
    }

    /// Nothing more will be appended. The first word stands.
    pub(crate) fn close(&self, end: End) {
        // Fails when it was closed before.
        let _ = self.end.compare_exchange(End::Open as u8, end as u8, Ordering::AcqRel, Ordering::Acquire);
    }
}

impl SpoolWriter {
    pub(crate) fn spool(&self) -> &Arc<Spool> {
        &self.spool
    }

    /// Two threads may append at a time: the system does one write after the other. Once it has failed it always
    /// fails: a spool with a hole would look whole.
    pub(crate) fn append(&self, bytes: &[u8]) -> Result<(), String> {
        let failure = &self.spool.failure;
        if let Some(failure) = failure.get() {
            return Err(failure.clone());
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            match (&self.file).write(rest) {
                // Also a part: a disk takes that before it is full, and what is in the file is in the stream.
                Ok(count) if count > 0 => {
                    self.grew(count as u64);
                    rest = &rest[count..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => {
                    let error = written.err().unwrap_or(io::ErrorKind::WriteZero.into());
                    let message = format!("cannot write `{}`: {}", self.spool.path.display(), plain(&error));
                    return Err(failure.get_or_init(|| message).clone());
                }
            }
        }
        Ok(())
    }

    /// Records that this many bytes were added to the file.
    fn grew(&self, bytes: u64) {
        let spool = &self.spool;
        // After the write: a write that came first in the file has come to its end, so all below is there.
        let before = spool.length.fetch_add(bytes, Ordering::AcqRel);
        let length = before + bytes;
        if length >= spool.limit || before / LOOK_EVERY != length / LOOK_EVERY && self.is_disk_scarce() {
            spool.is_full.store(true, Ordering::Release);
        }
    }

    fn is_disk_scarce(&self) -> bool {
        rustix::fs::fstatvfs(&self.file).is_ok_and(|disk| {
            disk.f_bavail.saturating_mul(100) < disk.f_blocks.saturating_mul(SPARED_PERCENT)
        })
    }
}

/// Makes room for the stream of another attempt: that of the failed one gets another name.
pub(crate) fn set_aside(spool: &Path, failed: &Path) -> io::Result<()> {
    match std::fs::rename(spool, failed) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// `1 GiB` for 1073741824.
pub(crate) fn shown_size(bytes: u64) -> String {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.into_iter().find(|(shift, _)| bytes >= 1 << shift && bytes.trailing_zeros() >= *shift) {
        Some((shift, unit)) => format!("{} {unit}", bytes >> shift),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::parse_size;

    fn writer(limit: u64) -> (tempfile::TempDir, SpoolWriter) {
        let folder = tempfile::tempdir().expect("a directory");
        let writer = Spool::create(&folder.path().join("stream.a.log"), limit).expect("created");
        (folder, writer)
    }

    #[test]
    fn it_is_read_from_any_place_while_it_grows() {
        let (folder, writer) = writer(LIMIT);
        let spool = writer.spool();
        let file = spool.open().expect("there");
        let read = |offset| {
            let mut buffer = [0; 4];
            let count = spool.read_at(&file, &mut buffer, offset).expect("read");
            String::from_utf8_lossy(&buffer[..count]).into_owned()
        };
        assert_eq!(read(0), "");
        writer.append(b"one ").expect("appended");
        writer.append(b"two").expect("appended");
        assert_eq!(
            (read(0), read(2), read(4), read(7), read(9)),
            ("one ".into(), "e tw".into(), "two".into(), "".into(), "".into())
        );
        assert_eq!(spool.end(), End::Open);
        spool.close(End::Broken);
        spool.close(End::Complete);
        assert_eq!(spool.end(), End::Broken);
        let again = Spool::recorded(&folder.path().join("stream.a.log")).expect("there");
        assert_eq!((again.length(), again.end()), (7, End::Complete));
    }

    #[test]
    fn it_says_when_it_is_full_and_loses_nothing_then() {
        let (_folder, writer) = writer(5);
        let spool = writer.spool();
        writer.append(b"1234").expect("appended");
        assert_eq!(spool.full(), None);
        writer.append(b"56").expect("appended");
        assert_eq!((spool.full(), spool.length()), (Some(Full::Limit(5)), 6));
    }

    #[test]
    fn what_two_threads_append_is_whole() {
        let (_folder, writer) = writer(LIMIT);
        let spool = writer.spool();
        std::thread::scope(|scope| {
            for letter in [b'a', b'b'] {
                let writer = &writer;
                scope.spawn(move || (0..500).for_each(|_| writer.append(&[letter; 1000]).expect("appended")));
            }
        });
        let mut all = vec![0; 1_000_000];
        spool.open().expect("there").read_exact_at(&mut all, 0).expect("all of it");
        assert_eq!(spool.length(), 1_000_000);
        assert!(all.chunks(1000).all(|chunk| chunk.iter().all(|byte| *byte == chunk[0])));
    }

    #[test]
    fn sizes_are_read_and_shown() {
        assert_eq!(
            (parse_size("512M"), parse_size("10"), parse_size(" 2 GiB ")),
            (Some(512 << 20), Some(10), Some(2 << 30))
        );
        assert_eq!(
            (parse_size(""), parse_size("M"), parse_size("1X"), parse_size("99999999T"), parse_size("-1")),
            (None, None, None, None, None)
        );
        assert_eq!(
            (shown_size(1 << 30), shown_size(1536 << 10), shown_size(1000)),
            ("1 GiB".into(), "1536 KiB".into(), "1000 bytes".into())
        );
    }
}

//! The ledger of a project: the ids of its runs, each added when the run begins. Read from where the last reading
//! ended.

use crate::name::RunId;
use crate::store::layout::ProjectDir;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

pub(crate) struct Ledger {
    file: Option<File>,
    /// In bytes.
    pub(crate) length: u64,
}

impl Ledger {
    pub(crate) fn open(project: &ProjectDir) -> Ledger {
        // Without one, the project has no runs yet or its directory is listed.
        let file = crate::store::regular::open(&project.ledger()).ok();
        let length = file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |metadata| metadata.len());
        Ledger { file, length }
    }

    /// The ids after the first `from` bytes, and the end of the last complete line in bytes.
    pub(crate) fn since(mut self, from: u64) -> (Vec<RunId>, u64) {
        let mut added = Vec::new();
        let read = self.file.as_mut().map_or(Ok(0), |file| {
            file.seek(SeekFrom::Start(from))?;
            file.take(self.length - from).read_to_end(&mut added)
        });
        let whole = match read {
            Ok(_) => added.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1),
            Err(_) => 0,
        };
        let ids = added[..whole].split(|byte| *byte == b'\n').filter_map(|line| {
            // A line that was cut short by a full disk continues in the next one.
            let start = line.len().saturating_sub(RunId::LENGTH);
            RunId::parse(std::str::from_utf8(line.get(start..)?).ok()?)
        });
        (ids.collect(), from + whole as u64)
    }
}

//! Output of one attempt that is kept until the attempt is over, in memory while it is small.
//! What is large is read back from the logs, stdout first, so memory stays bounded whatever a task writes.

use super::{Logs, place};
use crate::event::Stream;
use crate::name::JobName;
use std::io::{self, ErrorKind};

/// Bytes of one attempt that are kept in memory.
const MOST: usize = 1024 * 1024;

#[derive(Debug, Default)]
pub(crate) struct HeldOutput {
    /// In the order in which it came; neighbours are of different streams.
    pieces: Vec<(Stream, Vec<u8>)>,
    /// Bytes in `pieces`.
    length: usize,
    /// It was too much; `pieces` is empty and the logs have it.
    is_in_logs: bool,
}

impl HeldOutput {
    pub(crate) fn push(&mut self, stream: Stream, bytes: &[u8]) {
        if self.is_in_logs {
            return;
        }
        if self.length + bytes.len() > MOST {
            *self = HeldOutput { is_in_logs: true, ..HeldOutput::default() };
            return;
        }
        self.length += bytes.len();
        match self.pieces.last_mut() {
            Some((last, held)) if *last == stream => held.extend_from_slice(bytes),
            Some(_) | None => self.pieces.push((stream, bytes.to_vec())),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty() && !self.is_in_logs
    }

    /// All of it, piece by piece. Fails if a log cannot be read back.
    pub(crate) fn release(
        self,
        logs: &dyn Logs,
        job: &JobName,
        attempt: u32,
        mut show: impl FnMut(Stream, &[u8]),
    ) -> io::Result<()> {
        for (stream, bytes) in self.pieces {
            show(stream, &bytes);
        }
        if self.is_in_logs {
            copy_log(logs, job, attempt, Stream::Stdout, &mut show)?;
            copy_log(logs, job, attempt, Stream::Stderr, &mut show)?;
        }
        Ok(())
    }
}

/// Reads a log in pieces, to be shown. One that is not there is empty: logs are made when there is something in them.
pub(crate) fn copy_log(
    logs: &dyn Logs,
    job: &JobName,
    attempt: u32,
    stream: Stream,
    show: &mut dyn FnMut(Stream, &[u8]),
) -> io::Result<()> {
    let mut log = match logs.open(job, attempt, stream) {
        Ok(log) => log,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match log.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(length) => show(stream, &place::shortened(stream, &chunk[..length])),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::script::{FakeLogs, name};

    fn released(held: HeldOutput, log: &'static str) -> Vec<(Stream, String)> {
        let mut shown = Vec::new();
        let result = held.release(&FakeLogs(log), &name("a"), 1, |stream, bytes| {
            shown.push((stream, String::from_utf8_lossy(bytes).into_owned()));
        });
        assert!(result.is_ok());
        shown
    }

    #[test]
    fn little_is_kept_in_order_and_much_is_read_back() {
        let mut held = HeldOutput::default();
        assert!(held.is_empty());
        for (stream, text) in
            [(Stream::Stdout, "a"), (Stream::Stdout, "b"), (Stream::Stderr, "c"), (Stream::Stdout, "d")]
        {
            held.push(stream, text.as_bytes());
        }
        let expected = [(Stream::Stdout, "ab"), (Stream::Stderr, "c"), (Stream::Stdout, "d")];
        assert_eq!(released(held, ""), expected.map(|(stream, text)| (stream, text.to_owned())));

        let mut held = HeldOutput::default();
        for _ in 0..=1024 {
            held.push(Stream::Stdout, &[b'x'; 1024]);
        }
        assert!(!held.is_empty() && held.pieces.is_empty());
        assert_eq!(released(held, "from the log"), [(Stream::Stdout, "from the log".to_owned())]);
    }
}

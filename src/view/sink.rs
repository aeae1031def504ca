//! Where a view writes: stdout or stderr, or a buffer in a test.
//! Ends quietly when the reader is gone, and remembers anything else that went wrong.

use crate::exec::native;
use std::cell::Cell;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::rc::Rc;
use std::time::Duration;

/// How long to wait for a reader whose pipe is full, when a task made the pipe non-blocking.
const PAUSE: Duration = Duration::from_millis(2);

/// stdout. To write to one that was closed when otto started is an error: the standard library would take it for `/dev/null`.
pub(crate) struct Stdout(io::Stdout);

impl Stdout {
    pub(crate) fn new(stdout: io::Stdout) -> Stdout {
        Stdout(stdout)
    }

    pub(crate) fn is_terminal(&self) -> bool {
        self.0.is_terminal()
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match native::stdout_was_open() {
            true => self.0.write(bytes),
            false => Err(io::Error::other("it is closed")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Takes everything, and lets it through as soon as it is open.
pub(crate) struct Gate {
    inner: Box<dyn Write>,
    is_open: Rc<Cell<bool>>,
}

impl Gate {
    pub(crate) fn new(inner: Box<dyn Write>, is_open: &Rc<Cell<bool>>) -> Gate {
        Gate { inner, is_open: is_open.clone() }
    }
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_open.get() { self.inner.write(bytes) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

pub(crate) struct Sink {
    writer: Box<dyn Write>,
    state: SinkState,
}

#[derive(Debug)]
enum SinkState {
    Open,
    /// The reader has gone, as in `otto x | head -1`.
    Closed,
    Failed(String),
}

impl Sink {
    pub(crate) fn new(writer: Box<dyn Write>) -> Sink {
        Sink { writer, state: SinkState::Open }
    }

    /// Writes all of it and flushes. After a failure nothing more is written.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) {
        while matches!(self.state, SinkState::Open) && !bytes.is_empty() {
            match self.writer.write(bytes) {
                Ok(0) => self.state = SinkState::Failed("it accepts no more data".to_owned()),
                Ok(written) => bytes = &bytes[written..],
                Err(error) => self.note(&error),
            }
        }
        while matches!(self.state, SinkState::Open) {
            match self.writer.flush() {
                Ok(()) => break,
                Err(error) => self.note(&error),
            }
        }
    }

    fn note(&mut self, error: &std::io::Error) {
        match error.kind() {
            ErrorKind::Interrupted => {}
            // A task that shares our terminal or pipe may have made it non-blocking for everybody.
            ErrorKind::WouldBlock => std::thread::sleep(PAUSE),
            ErrorKind::BrokenPipe => self.state = SinkState::Closed,
            _ => self.state = SinkState::Failed(crate::host::plain(error)),
        }
    }

    /// Why not everything could be written, told once; a reader that is gone is no reason.
    pub(crate) fn take_failure(&mut self) -> Option<String> {
        match std::mem::replace(&mut self.state, SinkState::Closed) {
            SinkState::Failed(reason) => Some(reason),
            other => {
                self.state = other;
                None
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::io;
    use std::rc::Rc;

    /// A writer whose bytes a test can look at.
    #[derive(Clone, Default)]
    pub(crate) struct SharedWriter(pub(crate) Rc<RefCell<Vec<u8>>>);

    impl SharedWriter {
        pub(crate) fn text(&self) -> String {
            String::from_utf8_lossy(&self.0.borrow()).into_owned()
        }
    }

    impl Write for SharedWriter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Answers with these, one a call, and takes everything when there are none left.
    struct Scripted(Vec<io::Result<usize>>, SharedWriter);

    impl Write for Scripted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let most = if self.0.is_empty() { bytes.len() } else { self.0.remove(0)? };
            self.1.write(&bytes[..most.min(bytes.len())])
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(answers: Vec<io::Result<usize>>) -> (String, Option<String>) {
        let shared = SharedWriter::default();
        let mut sink = Sink::new(Box::new(Scripted(answers, shared.clone())));
        sink.write(b"one ");
        sink.write(b"two");
        (shared.text(), sink.take_failure())
    }

    #[test]
    fn short_and_interrupted_writes_go_on() {
        let answers =
            vec![Ok(1), Err(ErrorKind::Interrupted.into()), Err(ErrorKind::WouldBlock.into()), Ok(2)];
        assert_eq!(written(answers), ("one two".to_owned(), None));
    }

    #[test]
    fn a_reader_that_is_gone_is_no_failure() {
        assert_eq!(written(vec![Ok(2), Err(ErrorKind::BrokenPipe.into())]), ("on".to_owned(), None));
    }

    #[test]
    fn a_full_disk_is_remembered() {
        let (text, failure) = written(vec![Ok(4), Err(ErrorKind::StorageFull.into())]);
        assert_eq!((text.as_str(), failure.as_deref()), ("one ", Some("no storage space")));
    }
}

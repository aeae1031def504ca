//! The threads that carry streams: a producer's named pipe into its spool, and the spool into a pipe of each consumer.
//! Knows no tasks: who reads whom, and what the end of a process means for a stream, is the run's.
//!
//! A pipe alone would share its bytes out among its readers, make the writer wait for the slowest, and forget what
//! nobody read. With a file between them each reader has all of it, at its own speed, from the beginning.

use super::native::{make_fifo, plain};
use crate::store::stream::{End, Full, Spool, SpoolWriter, shown_size};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

/// How long after a producer ends its children may still write to its pipe.
pub(crate) const GRACE: Duration = Duration::from_secs(2);
/// How long a full spool waits for readers that make no progress.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a full spool is looked at.
const TICK: Duration = Duration::from_millis(20);
/// A gap longer than this means that the machine slept; don't count it.
const ABSENCE: Duration = Duration::from_millis(200);
/// The most that is read or written at once, and the size that pipes are widened to.
const CHUNK: usize = 256 << 10;
/// How much a spool may exceed its limit for a producer that has ended: the capacity of its pipe.
const LAST_BYTES: u64 = 2 << 20;

// ── from the producer into the spool ─────────────────────────────────────────────────────────────────────────────

/// A producer's named pipe, open and being read into its spool.
#[derive(Debug)]
pub(crate) struct Intake {
    writer: Arc<SpoolWriter>,
    line: Arc<IntakeBell>,
    orders: Sender<Order>,
}

/// What an intake tells the run.
#[derive(Debug)]
pub(crate) enum IntakeReport {
    /// No more can be recorded, and the producer waits at its pipe: it must be ended.
    Stuck(String),
    /// The last report: all that was written is in the spool.
    Drained {
        /// A process still had the pipe open, and may have written more.
        was_cut: bool,
    },
}

#[derive(Debug)]
enum Order {
    /// A new reader of the spool.
    Reader(Thread, Arc<Meter>),
    /// No reader is left.
    Close,
    /// The producer has ended. Other processes may write for this long.
    Finish(Duration),
}

/// The state that an intake shares with its owner and with the reader of the producer's stdout.
#[derive(Debug)]
struct IntakeBell {
    bell: PipeWriter,
    is_rung: AtomicBool,
    is_closed: AtomicBool,
    /// There is more of the producer's stdout than was taken.
    has_more_stdout: AtomicBool,
}

impl IntakeBell {
    fn ring(&self) {
        // One ring at a time, so the pipe of rings is never full. It fails when the intake has ended.
        if !self.is_rung.swap(true, Ordering::SeqCst) {
            let _ = (&self.bell).write(&[0]);
        }
    }
}

impl Intake {
    /// Makes the named pipe and opens it, so that a producer that opens it never waits.
    pub(crate) fn open(
        path: &Path,
        writer: Arc<SpoolWriter>,
        report: impl Fn(IntakeReport) + Send + 'static,
    ) -> io::Result<Intake> {
        remake_fifo(path)?;
        let pipe = rustix::fs::open(path, OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
        widen(&pipe);
        let (bell_end, bell) = io::pipe()?;
        let (sender, orders) = channel();
        let line = Arc::new(IntakeBell {
            bell,
            is_rung: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            has_more_stdout: AtomicBool::new(false),
        });
        let worker = Worker {
            pipe: Some(pipe),
            path: path.to_owned(),
            writer: writer.clone(),
            line: line.clone(),
            bell: bell_end,
            orders,
            readers: Vec::new(),
            woken_at: 0,
            is_stuck: false,
            finish_by: None,
            last_bytes: 0,
            was_cut: false,
            watch: None,
            closed: None,
        };
        std::thread::Builder::new()
            .name("stream intake".to_owned())
            .stack_size(256 << 10)
            .spawn(move || worker.run(&report))?;
        Ok(Intake { writer, line, orders: sender })
    }

    /// What the launch of the producer needs to copy into this stream.
    pub(crate) fn tap(&self, copies_stdout: bool) -> Tap {
        Tap { writer: self.writer.clone(), line: self.line.clone(), copies_stdout }
    }

    pub(crate) fn attach(&self, outlet: &Outlet) {
        self.order(Order::Reader(outlet.thread.thread().clone(), outlet.meter.clone()));
    }

    /// Closes the stream because no reader is left: writers get SIGPIPE from now on.
    pub(crate) fn close(&self) {
        self.order(Order::Close);
    }

    /// The producer has ended; [`IntakeReport::Drained`] follows. Asked again, the shorter patience counts.
    pub(crate) fn finish(&self, patience: Duration) {
        self.order(Order::Finish(patience));
    }

    /// The pipe was closed before the producer had ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.line.is_closed.load(Ordering::SeqCst)
    }

    fn order(&self, order: Order) {
        // Fails when the intake has ended; then the order has no effect anyway.
        if self.orders.send(order).is_ok() {
            self.line.ring();
        }
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        // Most often it has ended already; if its producer never came to be, it does now.
        self.finish(Duration::ZERO);
    }
}

/// The task's own end of its stream, as its launch has it.
#[derive(Clone, Debug)]
pub(crate) struct Tap {
    writer: Arc<SpoolWriter>,
    line: Arc<IntakeBell>,
    /// Its stdout is part of the stream, too.
    pub(crate) copies_stdout: bool,
}

impl Tap {
    /// Adds what was read from stdout. The intake reports if the spool cannot be written.
    pub(super) fn take(&self, bytes: &[u8]) {
        // The spool knows that it failed, and the intake asks it.
        let _ = self.writer.append(bytes);
        self.line.ring();
    }

    /// No reader needs more of it.
    pub(super) fn is_closed(&self) -> bool {
        self.line.is_closed.load(Ordering::SeqCst)
    }

    /// No more should be read for the moment.
    pub(super) fn is_full(&self) -> bool {
        self.writer.spool().full().is_some()
    }

    pub(super) fn has_more(&self, has_more: bool) {
        if has_more != self.line.has_more_stdout.swap(has_more, Ordering::SeqCst) {
            self.line.ring();
        }
    }
}

/// The intake's thread.
struct Worker {
    /// `None` when nothing more is read.
    pipe: Option<OwnedFd>,
    path: PathBuf,
    writer: Arc<SpoolWriter>,
    line: Arc<IntakeBell>,
    bell: PipeReader,
    orders: Receiver<Order>,
    readers: Vec<(Thread, Arc<Meter>)>,
    /// The length of the spool that readers know of.
    woken_at: u64,
    is_stuck: bool,
    /// The producer has ended; until then others may write.
    finish_by: Option<Instant>,
    /// The bytes read since then.
    last_bytes: u64,
    was_cut: bool,
    /// While the spool is full: when readers last made progress, and how far they were.
    watch: Option<(Instant, u64)>,
    /// Another name for the pipe, once it has no reader.
    closed: Option<PathBuf>,
}

impl Worker {
    fn run(mut self, report: &dyn Fn(IntakeReport)) {
        let mut buffer = vec![0; CHUNK];
        loop {
            let begun = Instant::now();
            let is_watched = self.finish_by.is_some() || self.watch.is_some();
            let (has_rung, is_readable) = self.wait();
            if is_watched {
                self.forgive(begun.elapsed());
            }
            if has_rung {
                self.take_orders();
            }
            if is_readable && self.takes() {
                self.read(&mut buffer, report);
            }
            self.wake_readers();
            if let Some(failure) = self.writer.spool().failure() {
                self.get_stuck(failure.to_owned(), report);
            }
            self.watch_limit(report);
            self.let_in();
            if self.is_over() {
                break;
            }
        }
        if let Some(closed) = &self.closed {
            // If it cannot be removed, it is deleted with its folder.
            let _ = std::fs::remove_file(closed);
        }
        self.wake_readers();
        report(IntakeReport::Drained { was_cut: self.was_cut });
    }

    /// Whether there is a pipe that should be read now.
    fn takes(&self) -> bool {
        self.pipe.is_some()
            && !self.is_stuck
            && (self.finish_by.is_some() || self.writer.spool().full().is_none())
    }

    fn wait(&self) -> (bool, bool) {
        let mut fds = vec![PollFd::new(&self.bell, PollFlags::IN)];
        if self.takes()
            && let Some(pipe) = &self.pipe
        {
            fds.push(PollFd::new(pipe, PollFlags::IN));
        }
        let is_watched =
            self.finish_by.is_some() || self.closed.is_some() || self.writer.spool().full().is_some();
        let timeout = is_watched.then(|| Timespec::try_from(TICK).expect("bug: 20 ms are no time"));
        // Interrupted by a signal: the same as nothing seen. Any other error would be a bug of ours.
        if rustix::event::poll(&mut fds, timeout.as_ref()).is_err() {
            return (false, false);
        }
        let is_ready = |fd: Option<&PollFd>| fd.is_some_and(|fd| !fd.revents().is_empty());
        // A pipe whose writers were gone before it was opened anew does not say so; a read does.
        (is_ready(fds.first()), is_ready(fds.get(1)) || self.finish_by.is_some())
    }

    /// Otto was halted, or the machine too busy to let anybody go on: nobody's patience has run out by that. At least
    /// a tick is counted for each look, so in the end it always does.
    fn forgive(&mut self, waited: Duration) {
        let absence = waited.saturating_sub(TICK);
        if absence > ABSENCE {
            self.finish_by = self.finish_by.map(|by| by + absence);
            self.watch = self.watch.map(|(since, read)| (since + absence, read));
        }
    }

    fn take_orders(&mut self) {
        // First the ring is taken, then it is quiet, then orders are looked at: who rings after that rings again. Taken
        // after it was quiet, a new ring would go with the old one, and nobody could ring any more.
        let mut rings = [0; 64];
        // Cannot fail, and the number of rings does not matter.
        let _ = (&self.bell).read(&mut rings);
        self.line.is_rung.store(false, Ordering::SeqCst);
        while let Ok(order) = self.orders.try_recv() {
            match order {
                Order::Reader(thread, meter) => {
                    thread.unpark();
                    self.readers.push((thread, meter));
                }
                Order::Close => self.close(),
                Order::Finish(patience) => self.finish(patience),
            }
        }
    }

    fn finish(&mut self, patience: Duration) {
        let by = Instant::now() + patience;
        if let Some(earlier) = self.finish_by {
            self.finish_by = Some(earlier.min(by));
            return;
        }
        self.finish_by = Some(by);
        // otto's own end was a writer too; without it the pipe says when there is none left.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let reopened = rustix::fs::open(&self.path, flags, Mode::empty());
        match reopened {
            Ok(pipe) if !self.is_stuck && self.pipe.is_some() => self.pipe = Some(pipe),
            // The task removed its pipe. What is in it is read; other writers cannot be detected.
            Err(_) if !self.is_stuck && self.pipe.is_some() => self.finish_by = Some(Instant::now()),
            Ok(_) | Err(_) => self.pipe = None,
        }
    }

    fn read(&mut self, buffer: &mut [u8], report: &dyn Fn(IntakeReport)) {
        let Some(pipe) = &self.pipe else { return };
        let is_late = self.finish_by.is_some_and(|by| by <= Instant::now());
        match rustix::io::retry_on_intr(|| rustix::io::read(pipe, &mut *buffer)) {
            Ok(0) => self.pipe = None,
            Ok(count) => {
                // A failure to write is reported when the spool is queried.
                let _ = self.writer.append(&buffer[..count]);
                if self.finish_by.is_some() {
                    self.last_bytes += count as u64;
                    if self.last_bytes > LAST_BYTES && (is_late || self.writer.spool().full().is_some()) {
                        self.cut();
                    }
                }
            }
            Err(Errno::AGAIN) if is_late => self.cut(),
            Err(Errno::AGAIN) => {}
            Err(error) => self.get_stuck(format!("cannot read the stream: {}", plain(&error.into())), report),
        }
    }

    /// The producer has ended, but another process keeps its pipe open for too long.
    fn cut(&mut self) {
        self.pipe = None;
        self.was_cut = true;
    }

    fn get_stuck(&mut self, reason: String, report: &dyn Fn(IntakeReport)) {
        if !std::mem::replace(&mut self.is_stuck, true) {
            report(IntakeReport::Stuck(reason));
        }
        if self.finish_by.is_some() {
            self.pipe = None;
        }
    }

    /// Stops reading and closes the pipe, so that writers notice.
    fn close(&mut self) {
        if self.pipe.is_none() || self.finish_by.is_some() {
            return;
        }
        // A process that opens the pipe from now on would wait for a reader forever, so the name leads elsewhere first.
        let (closed, aside) = (self.path.with_extension("closed"), self.path.with_extension("null"));
        let replaced = std::fs::hard_link(&self.path, &closed)
            .and_then(|()| std::os::unix::fs::symlink("/dev/null", &aside))
            .and_then(|()| std::fs::rename(&aside, &self.path));
        if replaced.is_err() {
            // It stays open and is read to the end, which costs disk space but loses nothing.
            return;
        }
        self.closed = Some(closed);
        self.line.is_closed.store(true, Ordering::SeqCst);
        self.pipe = None;
    }

    /// Some open a closed pipe all the same: those who were between finding its name and opening it, and those who need
    /// no name, as by `/dev/stdout`. They would wait for a reader, so there is one for a moment.
    fn let_in(&self) {
        if let Some(closed) = &self.closed {
            // Fails when the task has removed it, and nothing would make up for that.
            drop(rustix::fs::open(
                closed,
                OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC,
                Mode::empty(),
            ));
        }
    }

    fn wake_readers(&mut self) {
        let length = self.writer.spool().length();
        if length == self.woken_at {
            return;
        }
        self.woken_at = length;
        self.readers.retain(|(_, meter)| !meter.is_stopped.load(Ordering::Acquire));
        self.readers.iter().for_each(|(thread, _)| thread.unpark());
    }

    /// A full spool waits as long as a reader makes progress, for when all have seen enough the producer may end well.
    fn watch_limit(&mut self, report: &dyn Fn(IntakeReport)) {
        let Some(full) = self
            .writer
            .spool()
            .full()
            .filter(|_| self.finish_by.is_none() && !self.is_stuck && self.pipe.is_some())
        else {
            self.watch = None;
            return;
        };
        let now = Instant::now();
        self.readers.retain(|(_, meter)| !meter.is_stopped.load(Ordering::Acquire));
        let read: u64 = self.readers.iter().map(|(_, meter)| meter.taken()).sum();
        let (since, before) = *self.watch.get_or_insert((now, read));
        if read != before {
            self.watch = Some((now, read));
            return;
        }
        if now < since + PATIENCE || !self.has_more() {
            return;
        }
        let reason = match full {
            Full::Limit(limit) => format!("the stream reached its limit of {}", shown_size(limit)),
            Full::Disk => format!("the disk of `{}` is almost full", self.writer.spool().path().display()),
        };
        self.get_stuck(reason, report);
    }

    /// Whether the producer has written what was not taken.
    fn has_more(&self) -> bool {
        if self.line.has_more_stdout.load(Ordering::SeqCst) {
            return true;
        }
        let Some(pipe) = &self.pipe else { return false };
        let mut fds = [PollFd::new(pipe, PollFlags::IN)];
        rustix::event::poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0)
    }

    fn is_over(&self) -> bool {
        self.finish_by.is_some() && self.pipe.is_none()
    }
}

// ── from the spool to a consumer ─────────────────────────────────────────────────────────────────────────────────

/// One pipe of one consumer, which its own thread fills from a spool.
#[derive(Debug)]
pub(crate) struct Outlet {
    meter: Arc<Meter>,
    thread: JoinHandle<()>,
}

/// How far a consumer has come.
#[derive(Debug, Default)]
struct Meter {
    position: AtomicU64,
    is_stopped: AtomicBool,
    /// What was put into the pipe and not taken out: at the last look while the spool is full, and in the end.
    unread: AtomicU64,
    has_failed: AtomicBool,
}

impl Meter {
    fn taken(&self) -> u64 {
        self.position.load(Ordering::Acquire).saturating_sub(self.unread.load(Ordering::Acquire))
    }
}

/// What a consumer read of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fed {
    pub(crate) bytes: u64,
    /// The recorded stream could not be read, so the consumer has not seen all of it.
    pub(crate) has_failed: bool,
}

impl Outlet {
    /// Creates a named pipe at `path`. Each time a process opens it, the stream is written into it.
    pub(crate) fn fifo(path: &Path, spool: Arc<Spool>, is_lenient: bool) -> io::Result<Outlet> {
        remake_fifo(path)?;
        Outlet::start(Some(path.to_owned()), None, spool, is_lenient)
    }

    /// Feeds a pipe whose other end is for the consumer's stdin.
    pub(crate) fn pipe(spool: Arc<Spool>, is_lenient: bool) -> io::Result<(Outlet, OwnedFd)> {
        let (reader, writer) = io::pipe()?;
        let writer = OwnedFd::from(writer);
        rustix::io::ioctl_fionbio(&writer, true)?;
        widen(&writer);
        Ok((Outlet::start(None, Some(writer), spool, is_lenient)?, reader.into()))
    }

    fn start(
        path: Option<PathBuf>,
        pipe: Option<OwnedFd>,
        spool: Arc<Spool>,
        is_lenient: bool,
    ) -> io::Result<Outlet> {
        let meter = Arc::new(Meter::default());
        let feeder = Feeder {
            path,
            pipe,
            spool,
            file: None,
            is_lenient,
            meter: meter.clone(),
            position: 0,
            pause: SHORTEST,
            buffer: Vec::new(),
            buffered: 0..0,
            #[cfg(target_os = "linux")]
            splices: true,
        };
        let thread = std::thread::Builder::new()
            .name("stream outlet".to_owned())
            .stack_size(256 << 10)
            .spawn(move || feeder.run())?;
        Ok(Outlet { meter, thread })
    }

    /// There is something new about the spool.
    pub(crate) fn wake(&self) {
        self.thread.thread().unpark();
    }

    /// The consumer has ended. Waits for the thread, which waits for nothing any more.
    pub(crate) fn stop(self) -> Fed {
        self.meter.is_stopped.store(true, Ordering::Release);
        self.wake();
        let is_whole = self.thread.join().is_ok();
        Fed {
            bytes: self.meter.taken(),
            has_failed: !is_whole || self.meter.has_failed.load(Ordering::Acquire),
        }
    }
}

/// Pause between two checks whether a pipe has been opened; it grows each time.
const SHORTEST: Duration = Duration::from_micros(100);
const LONGEST: Duration = Duration::from_millis(20);

/// An outlet's thread.
struct Feeder {
    /// Path of a named pipe, to open it.
    path: Option<PathBuf>,
    pipe: Option<OwnedFd>,
    spool: Arc<Spool>,
    /// The spool's, while somebody reads and there is something to be read.
    file: Option<File>,
    is_lenient: bool,
    meter: Arc<Meter>,
    position: u64,
    pause: Duration,
    /// Read from the spool and not yet written; only where the kernel cannot do it by itself.
    buffer: Vec<u8>,
    buffered: std::ops::Range<usize>,
    #[cfg(target_os = "linux")]
    splices: bool,
}

impl Feeder {
    fn run(mut self) {
        let mut is_done = false;
        while !self.is_stopped() {
            if is_done {
                is_done = self.end_again();
                continue;
            }
            if self.pipe.is_none() && !self.open() {
                self.rest();
                continue;
            }
            let is_full = self.spool.full().is_some();
            if is_full {
                self.meter.unread.store(self.unread(), Ordering::Release);
            }
            // First the end, then the length: what is appended before the end is seen.
            let end = self.spool.end();
            if self.position < self.spool.length() {
                match self.feed() {
                    Ok(()) => {}
                    Err(Errno::AGAIN) => self.wait_for_room(),
                    // Another one is closed sooner or later.
                    Err(Errno::MFILE | Errno::NFILE) => self.rest(),
                    // The reader has gone. Another one may come, and finds what is left in the pipe.
                    Err(Errno::PIPE) if self.path.is_some() => self.rest(),
                    Err(Errno::PIPE) => std::thread::park(),
                    Err(_) => {
                        self.meter.has_failed.store(true, Ordering::Release);
                        (self.pipe, self.file) = (None, None);
                        is_done = true;
                    }
                }
                continue;
            }
            match end {
                // The producer waits for as long as the pipe is being emptied.
                End::Open if is_full => self.rest(),
                End::Open => std::thread::park(),
                // It must not look complete, so a reader that is about to be stopped sees no end of file.
                End::Broken if !self.is_lenient => std::thread::park(),
                End::Complete | End::Broken => match self.unread() {
                    // If a named pipe without a reader were closed now, its content would be lost.
                    0 => {
                        (self.pipe, self.file) = (None, None);
                        self.pause = SHORTEST;
                        is_done = true;
                    }
                    _ => self.rest(),
                },
            }
        }
        self.meter.unread.store(self.unread(), Ordering::Release);
    }

    fn is_stopped(&self) -> bool {
        self.meter.is_stopped.load(Ordering::Acquire)
    }

    fn rest(&mut self) {
        std::thread::park_timeout(self.pause);
        self.pause = (self.pause * 2).min(LONGEST);
    }

    /// Opens the named pipe if it has a reader.
    fn open(&mut self) -> bool {
        let Some(pipe) = self.path.as_deref().and_then(open_for_writing) else { return false };
        widen(&pipe);
        self.pipe = Some(pipe);
        self.pause = SHORTEST;
        true
    }

    /// After the end: a process that opens the pipe again sees the end too, instead of waiting for a writer.
    fn end_again(&mut self) -> bool {
        match self.path.as_deref() {
            Some(path) => {
                drop(open_for_writing(path));
                self.rest();
            }
            None => std::thread::park(),
        }
        true
    }

    fn feed(&mut self) -> Result<(), Errno> {
        let moved = self.push()?;
        self.position += moved as u64;
        self.meter.position.store(self.position, Ordering::Release);
        self.pause = SHORTEST;
        Ok(())
    }

    fn push(&mut self) -> Result<usize, Errno> {
        let Some(pipe) = &self.pipe else { return Err(Errno::PIPE) };
        let file = match &self.file {
            Some(file) => file,
            None => {
                let opened =
                    self.spool.open().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO));
                &*self.file.insert(opened?)
            }
        };
        #[cfg(target_os = "linux")]
        if self.splices {
            use rustix::pipe::{SpliceFlags, splice};
            let mut offset = self.position;
            let length = (self.spool.length() - self.position).min(CHUNK as u64) as usize;
            match splice(file, Some(&mut offset), pipe, None, length, SpliceFlags::NONBLOCK) {
                // Not every file system can.
                Err(Errno::INVAL) => self.splices = false,
                // The file was truncated.
                Ok(0) => return Err(Errno::IO),
                moved => return moved,
            }
        }
        if self.buffered.is_empty() {
            self.buffer.resize(CHUNK, 0);
            let read = self.spool.read_at(file, &mut self.buffer, self.position);
            let count = read.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
            if count == 0 {
                return Err(Errno::IO);
            }
            self.buffered = 0..count;
        }
        let written =
            rustix::io::retry_on_intr(|| rustix::io::write(pipe, &self.buffer[self.buffered.clone()]))?;
        self.buffered.start += written;
        Ok(written)
    }

    /// Until the reader has taken something, or is gone.
    fn wait_for_room(&self) {
        let Some(pipe) = &self.pipe else { return };
        // Stopping this outlet does not wake a poll; the end of the consumer does.
        let at_most = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        // Ignores the result: the next write reports the error.
        let _ = rustix::event::poll(&mut [PollFd::new(pipe, PollFlags::OUT)], Some(&at_most));
    }

    /// The bytes in the pipe that were not read.
    fn unread(&self) -> u64 {
        self.pipe.as_ref().and_then(|pipe| rustix::io::ioctl_fionread(pipe).ok()).unwrap_or(0)
    }
}

// ── pipes ────────────────────────────────────────────────────────────────────────────────────────────────────────

/// An earlier attempt may have left one there.
fn remake_fifo(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => make_fifo(path),
    }
}

/// `None` while it has no reader.
fn open_for_writing(path: &Path) -> Option<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let pipe = rustix::fs::open(path, flags, Mode::empty()).ok()?;
    // A task may have put something else in its place.
    let kind = rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(&pipe).ok()?.st_mode);
    (kind == rustix::fs::FileType::Fifo).then_some(pipe)
}

fn widen(pipe: impl AsFd) {
    // Refused when this user has very many pipes; then it stays as it is.
    #[cfg(target_os = "linux")]
    let _ = rustix::pipe::fcntl_setpipe_size(pipe, CHUNK);
    #[cfg(not(target_os = "linux"))]
    let _ = pipe;
}

//! Serves one attempt after another, each from its first process to the last one that it left behind.
//! One thread does all of it: starting, reading both streams, watching for the end, stopping, clearing away.
//! Knows nothing of retries. Others tell it when to stop an attempt; only the time limit is enforced here.

use super::announced::Announced;
use super::capture::{Capture, LogFile};
use super::census::{Belongings, Census, Process, reap_adopted, reap_group};
use super::spawn::{self, HeldOpen, PAUSES_MS, SpawnError, Spawner, Wiring};
use super::stream::{self, Tap};
use super::terminal::Loan;
use super::{
    Assignment, AttemptId, Ended, Launch, LaunchIo, Leftover, Plumbing, Repeat, Report, ReportSink, Stop,
};
use crate::event::{Exit, Stream};
use crate::mask::Masks;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus};
use std::collections::VecDeque;
use std::io::{PipeReader, PipeWriter, Read, Write};
#[cfg(target_os = "linux")]
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the output of an ended task may be silent before the processes that hold it open count as leaked.
const SILENCE: Duration = Duration::from_millis(100);
/// Grace period for leaked processes after SIGTERM.
const LEAK_GRACE: Duration = Duration::from_secs(1);
/// How long to wait for killed processes. Only processes of other users, or stuck in the kernel, take longer.
const KILL_PATIENCE: Duration = Duration::from_secs(2);
/// How often adopted processes that have ended are reaped while an attempt runs.
const SWEEP: Duration = Duration::from_secs(5);

/// How long a census is used. Younger processes are found by the next one.
const CENSUS_AGE: Duration = Duration::from_millis(5);

/// The state that all attendants share.
pub(super) struct Shared {
    pub(super) sink: ReportSink,
    /// Time between SIGTERM and SIGKILL, and the longest time that leaked processes may go on writing.
    pub(super) grace: Duration,
    pub(super) masks: Masks,
    pub(super) spawner: Spawner,
    /// The process groups of all attempts that have a process.
    pub(super) attended: Mutex<Vec<i32>>,
    /// The last census. When many attempts are stopped at once, each would take its own.
    pub(super) census: Mutex<Option<(Instant, Arc<Census>)>>,
    /// Nothing may run: what is started now is halted at once.
    pub(super) is_suspended: AtomicBool,
    pub(super) begun: Instant,
    /// When adopted processes were last reaped, in milliseconds since `begun`.
    pub(super) swept_ms: AtomicU64,
}

impl Shared {
    /// The processes of this machine, as they were a moment ago.
    fn census(&self) -> Arc<Census> {
        let mut last = self.census.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, census)) = &*last
            && at.elapsed() < CENSUS_AGE
        {
            return census.clone();
        }
        let census = Arc::new(Census::take());
        *last = Some((Instant::now(), census.clone()));
        census
    }

    fn attended(&self) -> MutexGuard<'_, Vec<i32>> {
        self.attended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn report(&self, report: Report) {
        wait_if_over();
        (self.sink)(report);
    }
}

/// Waits forever while otto is being torn down, because the exits of tasks are then no results.
fn wait_if_over() {
    while spawn::is_over() {
        std::thread::park();
    }
}

/// The last of an attempt.
pub(super) fn tell(assignment: Box<dyn Assignment>, ended: Ended) {
    wait_if_over();
    assignment.tell(ended);
}

/// Placeholder for a process group whose number is not known yet.
pub(super) const BEING_CREATED: i32 = -1;

/// A command of the executor to an attendant.
pub(super) enum Instruction {
    /// If it is busy, it does this one next.
    Start(AttemptId, Box<dyn Assignment>),
    Stop(AttemptId, Stop),
    /// The clock stood still for this long.
    Resumed(Duration),
    /// The task's own process ended; from the thread that waits for it where the kernel has no pidfd.
    Exited(AttemptId, Exit),
    /// The task's own process was stopped by this signal.
    Halted(AttemptId, i32),
    /// The executor is gone: kill what runs, and end.
    Leave,
}

/// Carries commands to an attendant, also while it waits for its attempt's output.
#[derive(Clone)]
pub(super) struct InstructionSender {
    pub(super) commands: Sender<Instruction>,
    pub(super) bell: Arc<PipeWriter>,
}

impl InstructionSender {
    /// For an attendant that waits for commands and nothing else.
    pub(super) fn send_quietly(&self, command: Instruction) {
        // Fails only when the attendant is gone, and it does not leave before its executor.
        let _ = self.commands.send(command);
    }

    pub(super) fn send(&self, command: Instruction) {
        // Fails only when the attendant is gone; then neither the command nor the ring matters.
        if self.commands.send(command).is_ok() {
            let _ = (&*self.bell).write(&[0]);
        }
    }
}

/// An attendant's end of its connection to the executor.
pub(super) struct Desk {
    pub(super) commands: Receiver<Instruction>,
    pub(super) bell: PipeReader,
    /// Sends this attendant commands; for threads that help it.
    pub(super) line: InstructionSender,
    /// The process group that it attends, 0 if none, [`BEING_CREATED`] in between.
    pub(super) group: Arc<AtomicI32>,
    /// True until the executor gives it an attempt, and again from just before the run hears of its end.
    pub(super) is_free: Arc<AtomicBool>,
    /// Attempts that it got while it was busy, because no other attendant could be started.
    pub(super) backlog: VecDeque<(AttemptId, Box<dyn Assignment>)>,
    pub(super) is_leaving: bool,
}

/// The body of an attendant's thread; ends when the executor is gone.
pub(super) fn attend(shared: &Shared, mut desk: Desk) {
    // Children inherit the mask of the thread that creates them.
    super::native::unblock_all_signals();
    let mut buffer = Vec::new();
    while !desk.is_leaving {
        let Some((attempt, mut assignment)) = desk.backlog.pop_front() else {
            match desk.commands.recv() {
                Ok(command) => drop(desk.sort(command, None)),
                Err(_) => return,
            }
            continue;
        };
        let launched = assignment.launch();
        let ended = match launched {
            Ok(launch) => serve(shared, &mut desk, attempt, launch, assignment.plumbing(), &mut buffer),
            Err(exit) => Ended::without_process(attempt, exit),
        };
        desk.group.store(0, Ordering::SeqCst);
        wait_if_over();
        assignment.collect(&ended);
        // Before the run hears of it: it may start the next attempt then, and should find this attendant free.
        desk.is_free.store(desk.backlog.is_empty(), Ordering::SeqCst);
        tell(assignment, ended);
    }
}

/// What a command means for the current attempt.
enum AttemptNews {
    Stop(Stop),
    Exited(Exit),
    Halted(i32),
    Resumed(Duration),
}

impl Desk {
    /// Does what a command asks for, unless it is for the current attempt. Commands for attempts that have ended are
    /// dropped: they came too late.
    fn sort(&mut self, command: Instruction, current: Option<AttemptId>) -> Option<AttemptNews> {
        match command {
            Instruction::Start(attempt, assignment) => self.backlog.push_back((attempt, assignment)),
            Instruction::Stop(attempt, how) if Some(attempt) == current => {
                return Some(AttemptNews::Stop(how));
            }
            Instruction::Stop(attempt, how) => {
                let place = self.backlog.iter().position(|(waiting, _)| *waiting == attempt);
                if let Some((_, assignment)) = place.and_then(|place| self.backlog.remove(place)) {
                    tell(assignment, Ended::without_process(attempt, how.exit()));
                }
            }
            Instruction::Exited(attempt, exit) if Some(attempt) == current => {
                return Some(AttemptNews::Exited(exit));
            }
            Instruction::Halted(attempt, signal) if Some(attempt) == current => {
                return Some(AttemptNews::Halted(signal));
            }
            Instruction::Exited(..) | Instruction::Halted(..) => {}
            Instruction::Resumed(paused) => return Some(AttemptNews::Resumed(paused)),
            Instruction::Leave => {
                self.is_leaving = true;
                return current.map(|_| AttemptNews::Stop(Stop::Kill));
            }
        }
        None
    }
}

fn serve(
    shared: &Shared,
    desk: &mut Desk,
    attempt: AttemptId,
    launch: Launch,
    plumbing: Plumbing,
    buffer: &mut Vec<u8>,
) -> Ended {
    let (wiring, shows, logs) = match &launch.io {
        LaunchIo::Captured { stdin, stdout_log, stderr_log, shows } => (
            Wiring::Piped(*stdin, &plumbing),
            *shows,
            Some([LogFile::open(stdout_log), LogFile::open(stderr_log)]),
        ),
        LaunchIo::Terminal => (Wiring::Inherited, false, None),
    };
    let spawned = match start(shared, desk, attempt, &launch, wiring) {
        Ok(spawned) => spawned,
        Err(exit) => return Ended::without_process(attempt, exit),
    };
    let captures = match (spawned.pipes, logs) {
        (Some((stdout, stderr)), Some([stdout_log, stderr_log])) => vec![
            (Stream::Stdout, Capture::new(stdout, stdout_log)),
            (Stream::Stderr, Capture::new(stderr, stderr_log)),
        ],
        _ => Vec::new(),
    };
    let pid = Pid::from_child(&spawned.child);
    desk.group.store(pid.as_raw_nonzero().get(), Ordering::SeqCst);
    // Suspended while it was being created.
    if shared.is_suspended.load(Ordering::SeqCst) {
        signal_group(pid, Signal::STOP);
    }
    let is_interactive = captures.is_empty();
    let loan = if is_interactive { Loan::to(pid) } else { None };
    let watch = Watch::over(pid, attempt, desk, is_interactive);
    let marker = marker(&launch);
    // A limit beyond what a clock can tell is none.
    let limit_at = launch.limit.and_then(|limit| Instant::now().checked_add(limit));
    let Plumbing { tap, .. } = plumbing;
    let hand_over = launch.hands_over.folder;
    let announced = launch.secrets.map(Announced::new);
    let mut attendance = Attendance {
        shared,
        desk,
        attempt,
        hand_over,
        announced,
        group: pid,
        marker,
        shows,
        tap,
        watch,
        loan,
        captures,
        held_open: Some(spawned.held_open),
        exit: None,
        ended_at: None,
        quiet_since: Instant::now(),
        ending: Ending::NotAsked,
        limit_at,
        stop: None,
        leaked: Vec::new(),
        survivors: 0,
        tick: Duration::ZERO,
        is_given_up: false,
        is_group_gone: false,
    };
    let number = pid.as_raw_nonzero().get();
    shared.attended().push(number);
    attendance.run(buffer);
    attendance.show_held();
    shared.attended().retain(|attended| *attended != number);
    attendance.ended()
}

/// Creates the process, waiting for room if the machine has none.
fn start(
    shared: &Shared,
    desk: &mut Desk,
    attempt: AttemptId,
    launch: &Launch,
    wiring: Wiring,
) -> Result<spawn::Spawned, Exit> {
    let mut begun = Instant::now();
    let mut pauses = PAUSES_MS.iter().copied().map(Duration::from_millis);
    loop {
        if let Some(exit) = stopped_before_start(desk, attempt, Duration::ZERO) {
            return Err(exit);
        }
        // First announce, then check: suspending does it in the opposite order, so one of the two notices.
        desk.group.store(BEING_CREATED, Ordering::SeqCst);
        if shared.is_suspended.load(Ordering::SeqCst) {
            desk.group.store(0, Ordering::SeqCst);
            if let Some(exit) = stopped_before_start(desk, attempt, Duration::MAX) {
                return Err(exit);
            }
            continue;
        }
        let error = match spawn::spawn(launch, wiring, shared.spawner) {
            Ok(spawned) => return Ok(spawned),
            Err(SpawnError::Never(exit)) => return Err(exit),
            Err(SpawnError::Busy(error)) => error,
        };
        desk.group.store(0, Ordering::SeqCst);
        let pause = match pauses.next() {
            Some(pause) => pause,
            // When one of the others ends there will be room.
            None if !shared.attended().is_empty() => {
                begun = Instant::now();
                Duration::from_millis(100)
            }
            None => return Err(spawn::no_room(&error, begun.elapsed())),
        };
        if let Some(exit) = stopped_before_start(desk, attempt, pause) {
            return Err(exit);
        }
    }
}

/// The exit of an attempt that is asked to stop within `patience`, before it has a process. To be resumed ends the
/// patience.
fn stopped_before_start(desk: &mut Desk, attempt: AttemptId, patience: Duration) -> Option<Exit> {
    let begun = Instant::now();
    loop {
        let command = match patience {
            Duration::ZERO => desk.commands.try_recv().ok()?,
            _ => desk.commands.recv_timeout(patience.saturating_sub(begun.elapsed())).ok()?,
        };
        match desk.sort(command, Some(attempt)) {
            Some(AttemptNews::Stop(how)) => return Some(how.exit()),
            Some(AttemptNews::Resumed(_)) if patience > Duration::ZERO => return None,
            Some(AttemptNews::Resumed(_) | AttemptNews::Exited(_) | AttemptNews::Halted(_)) | None => {}
        }
    }
}

/// The variable by which a task's processes are known even after they have left its process group.
fn marker(launch: &Launch) -> Option<Vec<u8>> {
    use std::os::unix::ffi::OsStrExt;
    let (name, value) = launch.env.iter().find(|(name, _)| name == "OTTO_TASK_DIR")?;
    Some([name.as_bytes(), b"=", value.as_bytes()].concat())
}

/// How the end of the task's own process is noticed.
enum Watch {
    #[cfg(target_os = "linux")]
    PidFd(OwnedFd),
    /// A separate thread waits and sends [`Instruction::Exited`], and before that [`Instruction::Halted`] if it is stopped.
    Thread,
    /// By asking again and again: there is neither a descriptor nor a thread left for it.
    Asking,
}

impl Watch {
    fn over(pid: Pid, attempt: AttemptId, desk: &Desk, is_interactive: bool) -> Watch {
        // A pidfd tells of the end only.
        #[cfg(target_os = "linux")]
        if !is_interactive
            && let Ok(fd) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())
        {
            return Watch::PidFd(fd);
        }
        let options = match is_interactive {
            true => WaitIdOptions::EXITED | WaitIdOptions::STOPPED,
            false => WaitIdOptions::EXITED,
        };
        let line = desk.line.clone();
        let wait = move || loop {
            match wait(pid, options) {
                Some(WaitChange::Halted(signal)) => line.send(Instruction::Halted(attempt, signal)),
                Some(WaitChange::Ended(exit)) => return line.send(Instruction::Exited(attempt, exit)),
                None => return line.send(Instruction::Exited(attempt, Exit::Lost)),
            }
        };
        let thread = std::thread::Builder::new().name("waiter".to_owned()).stack_size(256 << 10).spawn(wait);
        thread.map_or(Watch::Asking, |_| Watch::Thread)
    }
}

/// A change of state of a child.
enum WaitChange {
    Ended(Exit),
    Halted(i32),
}

/// Waits for a child, and reaps it if it has ended. `None` if nothing has happened and `NOHANG` is given, or if it is
/// no child.
fn wait(pid: Pid, options: WaitIdOptions) -> Option<WaitChange> {
    let status: WaitIdStatus =
        rustix::io::retry_on_intr(|| rustix::process::waitid(WaitId::Pid(pid), options)).ok()??;
    if let Some(signal) = status.stopping_signal() {
        return Some(WaitChange::Halted(signal));
    }
    Some(WaitChange::Ended(match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Lost,
    }))
}

/// How far an attempt's processes have been asked to end.
#[derive(Clone, Copy, Debug)]
enum Ending {
    NotAsked,
    Asked { kill_at: Instant },
    Killed { give_up_at: Instant },
}

/// Why an attempt is stopped.
#[derive(Clone, Copy, Debug)]
enum Cause {
    Asked(Stop),
    /// Its time was up.
    Limit,
}

/// An attempt that has a process.
struct Attendance<'a> {
    shared: &'a Shared,
    desk: &'a mut Desk,
    attempt: AttemptId,
    hand_over: PathBuf,
    /// Where its body says what is secret.
    announced: Option<Announced>,
    /// The process group, named like the task's own process.
    group: Pid,
    marker: Option<Vec<u8>>,
    shows: bool,
    tap: Option<Tap>,
    watch: Watch,
    /// Set if the task has or needs the terminal.
    loan: Option<Loan>,
    captures: Vec<(Stream, Capture)>,
    /// Until the task's own process has ended.
    held_open: Option<HeldOpen>,
    /// Exit status of the task's own process, once it has been reaped.
    exit: Option<Exit>,
    ended_at: Option<Instant>,
    /// When there was last something to read, or the process ended.
    quiet_since: Instant,
    ending: Ending,
    /// When the time of the task's own process is up.
    limit_at: Option<Instant>,
    /// Why the task's own process was first stopped while it ran.
    stop: Option<Cause>,
    leaked: Vec<Leftover>,
    survivors: u32,
    /// How long to wait before looking again whether leftovers are gone; grows.
    tick: Duration,
    is_given_up: bool,
    /// Set only after the task's own process has been reaped.
    is_group_gone: bool,
}

impl Attendance<'_> {
    fn run(&mut self, buffer: &mut Vec<u8>) {
        while !self.is_over() {
            let seen = self.wait();
            for place in 0..self.captures.len() {
                if seen.readable[place] {
                    self.read(place, buffer);
                } else if seen.at_end[place] {
                    self.captures[place].1.close();
                }
            }
            if seen.has_ended || matches!(self.watch, Watch::Asking) {
                self.reap(seen.has_ended);
            }
            if seen.has_rung {
                self.take_commands();
            }
            self.act_on_time(!seen.readable.contains(&true));
        }
    }

    /// The process is reaped, its output has ended, and its group is empty.
    fn is_over(&mut self) -> bool {
        if self.is_given_up {
            return true;
        }
        if self.exit.is_none() || self.captures.iter().any(|(_, capture)| capture.pipe().is_some()) {
            return false;
        }
        if self.has_group() {
            return false;
        }
        // Processes that left the group have been signalled too.
        self.stop.is_none() || {
            let attended = self.shared.attended().clone();
            self.shared.census().belonging_to(&self.belongings(&[], &attended)).is_empty()
        }
    }

    /// Whether the process group has members. Once it has none, its number may be given to others.
    fn has_group(&mut self) -> bool {
        if self.exit.is_some() && !self.is_group_gone {
            self.is_group_gone = !is_group_alive(self.group) || {
                // Perhaps only zombies that were left to otto.
                reap_group(self.group);
                !is_group_alive(self.group)
            };
        }
        !self.is_group_gone
    }

    fn wait(&self) -> Observation {
        let mut fds = Vec::with_capacity(4);
        fds.push(PollFd::new(&self.desk.bell, PollFlags::IN));
        let is_full = self.is_stream_full();
        for (stream, capture) in &self.captures {
            if let Some(pipe) = capture.pipe() {
                let waits = is_full && *stream == Stream::Stdout;
                let flags = if waits { PollFlags::empty() } else { PollFlags::IN };
                fds.push(PollFd::from_borrowed_fd(pipe, flags));
            }
        }
        #[cfg(target_os = "linux")]
        if let (Watch::PidFd(fd), None) = (&self.watch, &self.exit) {
            fds.push(PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN));
        }
        let timeout = self.patience().and_then(|patience| Timespec::try_from(patience).ok());
        let mut seen = Observation::default();
        // Interrupted by a signal: the same as nothing seen. Any other error would be a bug of ours.
        if rustix::event::poll(&mut fds, timeout.as_ref()).is_err() {
            return seen;
        }
        let mut events = fds.iter().map(PollFd::revents);
        seen.has_rung = events.next().is_some_and(|events| !events.is_empty());
        for (place, (_, capture)) in self.captures.iter().enumerate() {
            let events = if capture.pipe().is_some() { events.next() } else { None };
            let events = events.unwrap_or(PollFlags::empty());
            seen.readable[place] = events.contains(PollFlags::IN);
            // Nothing to read and no writer left: a read would only confirm that.
            seen.at_end[place] = !is_full && !events.is_empty() && !events.contains(PollFlags::IN);
        }
        seen.has_ended = events.next().is_some_and(|events| !events.is_empty());
        seen
    }

    /// How long nothing needs to be done unless something happens.
    fn patience(&self) -> Option<Duration> {
        let now = Instant::now();
        let mut next = now + SWEEP;
        if let (Watch::Asking, None) = (&self.watch, &self.exit) {
            next = now + Duration::from_millis(20);
        }
        if self.exit.is_some() {
            next = next.min(now + self.tick);
        } else if let Some(limit_at) = self.limit_at {
            next = next.min(limit_at);
        }
        if self.is_stream_full() {
            next = next.min(now + Duration::from_millis(20));
        }
        match self.ending {
            Ending::NotAsked => {}
            Ending::Asked { kill_at } => next = next.min(kill_at),
            Ending::Killed { give_up_at } => next = next.min(give_up_at).min(now + self.tick),
        }
        Some(next.saturating_duration_since(now))
    }

    /// Whether stdout must wait, for it flows into a stream that takes no more just now. What a task that has ended
    /// left in its pipe is little, and taken.
    fn is_stream_full(&self) -> bool {
        let is_full = |tap: &Tap| tap.copies_stdout && tap.is_full() && !tap.is_closed();
        if self.exit.is_some() || !self.tap.as_ref().is_some_and(is_full) {
            return false;
        }
        if let (Some(tap), Some(pipe)) =
            (&self.tap, self.captures.first().and_then(|(_, capture)| capture.pipe()))
        {
            let mut fds = [PollFd::from_borrowed_fd(pipe, PollFlags::IN)];
            let has_more = rustix::event::poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
            tap.has_more(has_more.is_ok_and(|ready| ready > 0));
        }
        true
    }

    fn read(&mut self, place: usize, buffer: &mut Vec<u8>) {
        let (stream, capture) = &mut self.captures[place];
        capture.read(buffer);
        if let Some(tap) = self.tap.as_ref().filter(|tap| tap.copies_stdout && *stream == Stream::Stdout) {
            tap.take(buffer);
            if tap.is_closed() {
                capture.close();
            }
        }
        // What was written before this was read is secret in it.
        if let Some(announced) = &mut self.announced {
            self.shared.masks.add(announced.news());
        }
        capture.keep(buffer, self.shared.masks.masker().as_ref());
        if !buffer.is_empty() && self.shows {
            self.shared.report(Report::Output {
                attempt: self.attempt,
                stream: *stream,
                bytes: buffer.as_slice().to_vec(),
            });
        }
        // Now, and not before: to report may take long.
        self.quiet_since = Instant::now();
    }

    /// Both streams have ended, so what was held back because it could have been a secret is none, or is one.
    fn show_held(&mut self) {
        let masker = self.shared.masks.masker();
        for (stream, capture) in &mut self.captures {
            let bytes = capture.finish(masker.as_ref());
            if !bytes.is_empty() && self.shows {
                self.shared.report(Report::Output { attempt: self.attempt, stream: *stream, bytes });
            }
        }
    }

    fn reap(&mut self, has_ended: bool) {
        if self.exit.is_some() {
            return;
        }
        match wait(self.group, WaitIdOptions::EXITED | WaitIdOptions::NOHANG) {
            Some(WaitChange::Ended(exit)) => self.has_ended(exit),
            Some(WaitChange::Halted(_)) => {}
            // Another thread has reaped it, so its status is unknown.
            None if has_ended => self.has_ended(Exit::Lost),
            None => {}
        }
    }

    /// Only heard of tasks that have the terminal.
    fn has_halted(&mut self, signal: i32) {
        let wants_terminal = signal == libc::SIGTTIN || signal == libc::SIGTTOU;
        if wants_terminal && self.loan.as_ref().is_some_and(Loan::is_lent) {
            // It was faster than the loan.
            return signal_group(self.group, Signal::CONT);
        }
        let Some(loan) = &mut self.loan else { return };
        loan.take_back();
        // If everything is being suspended anyway, this is no news.
        if !self.shared.is_suspended.load(Ordering::SeqCst) {
            self.shared.report(Report::Halted);
        }
    }

    fn lend_terminal(&mut self) {
        if let Some(loan) = &mut self.loan {
            loan.lend();
            signal_group(self.group, Signal::CONT);
        }
    }

    fn has_ended(&mut self, exit: Exit) {
        self.exit = Some(exit);
        self.has_group();
        self.held_open = None;
        self.ended_at = Some(Instant::now());
        self.quiet_since = Instant::now();
    }

    fn take_commands(&mut self) {
        let mut rings = [0; 64];
        // Cannot fail, and the number of rings does not matter.
        let _ = (&self.desk.bell).read(&mut rings);
        while let Ok(command) = self.desk.commands.try_recv() {
            match self.desk.sort(command, Some(self.attempt)) {
                Some(AttemptNews::Stop(how)) => self.stop(how),
                Some(AttemptNews::Exited(exit)) => self.has_ended(exit),
                Some(AttemptNews::Halted(signal)) => self.has_halted(signal),
                Some(AttemptNews::Resumed(paused)) => {
                    self.shift(paused);
                    self.lend_terminal();
                }
                None => {}
            }
        }
    }

    fn stop(&mut self, how: Stop) {
        if self.stop.is_none() && self.exit.is_none() {
            self.stop = Some(Cause::Asked(how));
        } else if let Stop::Polite { .. } = how
            && let Some(Cause::Asked(Stop::Polite { .. })) = self.stop
        {
            return self.kill();
        }
        match how {
            Stop::Kill => self.kill(),
            Stop::Polite { signal } => self.ask(Signal::from_named_raw(signal).unwrap_or(Signal::TERM)),
        }
    }

    /// The time of the task's own process is up. Whoever asks for a polite stop after that does not kill yet.
    fn stop_over_time(&mut self) {
        self.limit_at = None;
        self.stop.get_or_insert(Cause::Limit);
        self.ask(Signal::TERM);
    }

    fn ask(&mut self, signal: Signal) {
        let latest = Instant::now() + self.shared.grace;
        match self.ending {
            Ending::NotAsked => self.ending = Ending::Asked { kill_at: latest },
            Ending::Asked { kill_at } => self.ending = Ending::Asked { kill_at: kill_at.min(latest) },
            Ending::Killed { .. } => return,
        }
        // Suspended processes cannot handle SIGTERM.
        self.signal_all(&[signal, Signal::CONT]);
    }

    fn kill(&mut self) {
        if let Ending::Killed { .. } = self.ending {
            return;
        }
        self.ending = Ending::Killed { give_up_at: Instant::now() + KILL_PATIENCE };
        self.tick = Duration::ZERO;
        let killed = self.signal_all(&[Signal::KILL]);
        if self.stop.is_some() {
            self.survivors = killed.iter().filter(|pid| **pid != self.group).count() as u32;
        }
    }

    /// What becomes due by itself. `is_quiet`: there was nothing to read just now.
    fn act_on_time(&mut self, is_quiet: bool) {
        let now = Instant::now();
        self.has_group();
        if self.exit.is_none() && self.limit_at.is_some_and(|limit_at| now >= limit_at) {
            self.stop_over_time();
        }
        match (self.ending, self.ended_at) {
            (Ending::NotAsked, Some(ended_at)) => {
                let silence = if self.tap.is_some() { stream::GRACE } else { SILENCE };
                let is_silent = is_quiet && now >= self.quiet_since + silence;
                if is_silent || now >= ended_at + self.shared.grace {
                    self.clear_leak(now);
                }
            }
            (Ending::NotAsked, None) => sweep(self.shared, now),
            (Ending::Asked { kill_at }, _) if now >= kill_at => self.kill(),
            (Ending::Asked { .. }, _) => {}
            (Ending::Killed { give_up_at }, _) if now >= give_up_at => self.give_up(),
            // Catches processes created while the others were being killed.
            (Ending::Killed { .. }, _) => drop(self.signal_all(&[Signal::KILL])),
        }
        if self.exit.is_some() || matches!(self.ending, Ending::Killed { .. }) {
            self.tick = (self.tick * 2).clamp(Duration::from_millis(1), Duration::from_millis(20));
        }
    }

    /// The task ended by itself and something of it goes on.
    fn clear_leak(&mut self, now: Instant) {
        let (pipes, attended) = (self.open_pipes(), self.shared.attended().clone());
        let belongings = self.belongings(&pipes, &attended);
        self.leaked = Census::take().belonging_to(&belongings).iter().map(|it| it.leftover()).collect();
        self.ending = Ending::Asked { kill_at: now + LEAK_GRACE };
        self.tick = Duration::ZERO;
        self.signal_all(&[Signal::TERM, Signal::CONT]);
        if self.leaked.is_empty() && !self.has_group() {
            // A process that otto can neither see nor kill holds the output open.
            self.close_streams();
        }
    }

    fn give_up(&mut self) {
        self.close_streams();
        self.is_given_up = true;
    }

    fn close_streams(&mut self) {
        for (_, capture) in &mut self.captures {
            capture.close();
        }
    }

    /// To the group as a whole, so that nobody is missed who is being created just now, and to those who have left it.
    fn signal_all(&self, signals: &[Signal]) -> Vec<Pid> {
        let (pipes, attended) = (self.open_pipes(), self.shared.attended().clone());
        let census = self.shared.census();
        let to = self.belongings(&pipes, &attended);
        let found: Vec<&Process> = census.belonging_to(&to);
        for signal in signals.iter().filter(|_| to.group.is_some()) {
            signal_group(self.group, *signal);
        }
        let pids = found.iter().filter_map(|process| Some((Pid::from_raw(process.pid)?, process.group)));
        let mut reached = Vec::new();
        for (pid, group) in pids {
            if Some(group) != to.group {
                for signal in signals {
                    // It may have ended already, which is fine.
                    let _ = rustix::process::kill_process(pid, *signal);
                }
            }
            reached.push(pid);
        }
        reached
    }

    fn belongings<'a>(&'a self, pipes: &'a [u64], attended: &'a [i32]) -> Belongings<'a> {
        // A task that ended by itself may have left a daemon running on purpose; the end of the run will end it.
        let marker = self.stop.and(self.marker.as_deref());
        let group = (!self.is_group_gone).then(|| self.group.as_raw_nonzero().get());
        Belongings { group, pipes, marker, attended }
    }

    fn open_pipes(&self) -> Vec<u64> {
        self.captures.iter().filter_map(|(_, capture)| capture.pipe_inode()).collect()
    }

    /// The clock stood still.
    fn shift(&mut self, paused: Duration) {
        self.quiet_since += paused;
        self.ended_at = self.ended_at.map(|at| at + paused);
        self.limit_at = self.limit_at.map(|at| at + paused);
        match &mut self.ending {
            Ending::NotAsked => {}
            Ending::Asked { kill_at: at } | Ending::Killed { give_up_at: at } => *at += paused,
        }
    }

    fn ended(self) -> Ended {
        let mut bytes = self.captures.iter().map(|(_, capture)| capture.bytes());
        let errors: Vec<&str> = self.captures.iter().filter_map(|(_, capture)| capture.log_error()).collect();
        Ended {
            attempt: self.attempt,
            exit: match self.stop {
                Some(Cause::Limit) => Exit::Timeout,
                _ => self.exit.unwrap_or(Exit::Lost),
            },
            cause: None,
            repeat: Repeat::AsTaskSays,
            hand_over: Some(self.hand_over),
            leaked: self.leaked,
            survivors: self.survivors,
            stdout_bytes: bytes.next().unwrap_or(0),
            stderr_bytes: bytes.next().unwrap_or(0),
            log_error: (!errors.is_empty()).then(|| errors.join("; ")),
            streamed: None,
        }
    }
}

/// The result of waiting for events.
#[derive(Default)]
struct Observation {
    has_rung: bool,
    readable: [bool; 2],
    at_end: [bool; 2],
    has_ended: bool,
}

/// Reaps adopted processes, unless that was done recently.
fn sweep(shared: &Shared, now: Instant) {
    let now_ms = (now - shared.begun).as_millis() as u64;
    let swept_ms = shared.swept_ms.load(Ordering::Relaxed);
    let is_due = now_ms >= swept_ms + SWEEP.as_millis() as u64;
    let is_mine =
        || shared.swept_ms.compare_exchange(swept_ms, now_ms, Ordering::Relaxed, Ordering::Relaxed).is_ok();
    if is_due && is_mine() {
        reap_adopted();
    }
}

pub(super) fn signal_group(group: Pid, signal: Signal) {
    // It may be gone by now; or there is none of it that may be signalled, and the count of survivors will tell.
    let _ = rustix::process::kill_process_group(group, signal);
}

fn is_group_alive(group: Pid) -> bool {
    rustix::process::test_kill_process_group(group) != Err(rustix::io::Errno::SRCH)
}

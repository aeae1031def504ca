//! Runs launches as processes of this machine, each attended by a thread of its own.
//! Threads are made when they are first needed and used again; there are never more than attempts at one time.

use super::attendant::{
    BEING_CREATED, Desk, Instruction, InstructionSender, Shared, attend, signal_group, tell,
};
use super::census::{self, Belongings, Census, Process, reap_adopted};
use super::native;
use super::processes;
use super::{Assignment, AttemptId, Ended, Executor, Leftover, ReportSink, Spared, Stop};
use crate::mask::Masks;
use rustix::process::{Pid, Resource, Signal, WaitId, WaitIdOptions};
use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Default time between SIGTERM and SIGKILL.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// Descriptors that an attempt needs at the worst moment: two pipes, two logs, a pidfd, the bell, and the ends that
/// the child gets.
const DESCRIPTORS_PER_JOB: u64 = 11;
/// Descriptors for everything else: the journal, the index, the terminal, files being read.
const DESCRIPTORS_OF_OTTO: u64 = 48;

/// Those that a stream of its own needs: its pipe, the bell, the spool.
const DESCRIPTORS_PER_WRITER: u64 = 4;
/// For each stream that it reads: a named pipe and its stdin, and the spool for both.
const DESCRIPTORS_PER_READER: u64 = 4;
/// A reader of more streams than that reads them one after the other, most likely.
const MOST_READ_AT_ONCE: u64 = 8;

/// How many attempts can run at once without running out of descriptors, when `wanted` would like to. `streams`: how many
/// streams a job reads at most, in a plan that has any. The soft limit is raised if that is needed and allowed. Tasks get
/// the one that otto was started with: programs that use `select` break above 1024.
pub(crate) fn room_for(wanted: usize, streams: Option<usize>) -> usize {
    let of_streams = streams.map_or(0, |read| {
        DESCRIPTORS_PER_WRITER + (read as u64).min(MOST_READ_AT_ONCE) * DESCRIPTORS_PER_READER
    });
    let each = DESCRIPTORS_PER_JOB + of_streams;
    let most = |limit: u64| (limit.saturating_sub(DESCRIPTORS_OF_OTTO) / each).max(1) as usize;
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let Some(soft) = limit.current else { return usize::MAX };
    let needed = (wanted as u64).saturating_mul(each).saturating_add(DESCRIPTORS_OF_OTTO);
    let raised = needed.min(limit.maximum.unwrap_or(u64::MAX));
    match raised > soft && native::raise_descriptors(raised) {
        true => most(raised),
        false => most(soft),
    }
}

pub(crate) struct LocalExecutor {
    shared: Arc<Shared>,
    attendants: Vec<Attendant>,
    suspended_at: Option<Instant>,
}

/// The executor's end of its connection to an attendant.
struct Attendant {
    line: InstructionSender,
    group: Arc<AtomicI32>,
    is_free: Arc<AtomicBool>,
    /// All attempts that it was given; the attendant knows which of these have ended.
    attempts: Vec<AttemptId>,
}

impl LocalExecutor {
    /// Makes no thread and no process yet. From now on, what this process starts gets descriptors 0, 1 and 2 only, and
    /// default dispositions of all signals.
    pub(crate) fn new(sink: ReportSink, grace: Duration, masks: Masks) -> LocalExecutor {
        super::guard::stand_aside();
        super::native::seal_descriptors();
        super::native::stop_ignoring_for_children();
        LocalExecutor {
            shared: Arc::new(Shared {
                sink,
                grace,
                masks,
                spawner: std::process::Command::spawn,
                attended: Mutex::default(),
                census: Mutex::default(),
                is_suspended: AtomicBool::new(false),
                begun: Instant::now(),
                swept_ms: AtomicU64::new(0),
            }),
            attendants: Vec::new(),
            suspended_at: None,
        }
    }

    /// One that is free, made if there is none; a busy one if none can be made.
    fn attendant(&mut self) -> std::io::Result<&mut Attendant> {
        let free = self.attendants.iter().position(|attendant| attendant.is_free.load(Ordering::SeqCst));
        let place = match free {
            Some(place) => place,
            None => match Attendant::hire(self.shared.clone()) {
                Ok(attendant) => {
                    self.attendants.push(attendant);
                    self.attendants.len() - 1
                }
                Err(error) => {
                    let load = |place: &usize| self.attendants[*place].attempts.len();
                    (0..self.attendants.len()).min_by_key(load).ok_or(error)?
                }
            },
        };
        Ok(&mut self.attendants[place])
    }

    /// Like `start`, but returns an attempt that cannot start, with its end, which the caller must report.
    pub(super) fn try_start(
        &mut self,
        attempt: AttemptId,
        assignment: Box<dyn Assignment>,
    ) -> Option<(Box<dyn Assignment>, Ended)> {
        match self.attendant() {
            Ok(attendant) => {
                attendant.give(attempt, assignment);
                None
            }
            Err(error) => {
                let exit = super::spawn::no_room(&error, Duration::ZERO);
                Some((assignment, Ended::without_process(attempt, exit)))
            }
        }
    }

    /// The process group of an attempt that has a process.
    pub(super) fn group(&self, attempt: AttemptId) -> Option<i32> {
        // One that was given another attempt since has seen the end of this one.
        let attends = |attendant: &&Attendant| attendant.attempts.last() == Some(&attempt);
        let group = self.attendants.iter().find(attends).map(|it| it.group.load(Ordering::SeqCst));
        group.filter(|group| *group != BEING_CREATED && *group != 0)
    }

    fn groups(&self) -> impl Iterator<Item = Pid> {
        let numbers = self.attendants.iter().map(|attendant| attendant.group.load(Ordering::SeqCst));
        numbers.filter(|number| *number != BEING_CREATED).filter_map(Pid::from_raw)
    }

    fn is_all_halted(&self) -> bool {
        let is_creating = |it: &Attendant| it.group.load(Ordering::SeqCst) == BEING_CREATED;
        !self.attendants.iter().any(is_creating) && self.groups().all(is_halted)
    }
}

impl Executor for LocalExecutor {
    fn start(&mut self, attempt: AttemptId, assignment: Box<dyn Assignment>) {
        if let Some((assignment, ended)) = self.try_start(attempt, assignment) {
            // Nothing runs, so the inbox cannot be full and this cannot block.
            tell(assignment, ended);
        }
    }

    fn stop(&mut self, attempt: AttemptId, how: Stop) {
        for attendant in self.attendants.iter().filter(|attendant| attendant.attempts.contains(&attempt)) {
            attendant.line.send(Instruction::Stop(attempt, how));
        }
    }

    fn is_alive(&self, attempt: AttemptId) -> bool {
        let Some(pid) = self.group(attempt).and_then(Pid::from_raw) else { return false };
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        matches!(rustix::process::waitid(WaitId::Pid(pid), look), Ok(None))
    }

    fn suspend(&mut self) {
        self.suspended_at.get_or_insert_with(Instant::now);
        // First the flag, then the groups: what is created in between is seen by one of the two.
        self.shared.is_suspended.store(true, Ordering::SeqCst);
        // The polite form first. It lets an otto inside a task halt its own tasks.
        for group in self.groups() {
            signal_group(group, Signal::TSTP);
        }
        let until = Instant::now() + Duration::from_millis(200);
        while Instant::now() < until && !self.is_all_halted() {
            std::thread::sleep(Duration::from_millis(2));
        }
        for group in self.groups() {
            signal_group(group, Signal::STOP);
        }
    }

    fn resume(&mut self) {
        let Some(suspended_at) = self.suspended_at.take() else { return };
        self.shared.is_suspended.store(false, Ordering::SeqCst);
        for attendant in &self.attendants {
            attendant.line.send(Instruction::Resumed(suspended_at.elapsed()));
        }
        for group in self.groups() {
            signal_group(group, Signal::CONT);
        }
    }

    fn finish(&mut self, spared: &[Spared]) -> Vec<Leftover> {
        end_descendants(spared)
    }
}

impl Attendant {
    fn hire(shared: Arc<Shared>) -> std::io::Result<Attendant> {
        let (bell_end, bell) = std::io::pipe()?;
        let (sender, commands) = mpsc::channel();
        let line = InstructionSender { commands: sender, bell: Arc::new(bell) };
        let group = Arc::new(AtomicI32::new(0));
        let is_free = Arc::new(AtomicBool::new(true));
        let desk = Desk {
            commands,
            bell: bell_end,
            line: line.clone(),
            group: group.clone(),
            is_free: is_free.clone(),
            backlog: VecDeque::new(),
            is_leaving: false,
        };
        std::thread::Builder::new()
            .name("attendant".to_owned())
            .stack_size(512 << 10)
            .spawn(move || attend(&shared, desk))?;
        Ok(Attendant { line, group, is_free, attempts: Vec::new() })
    }

    fn give(&mut self, attempt: AttemptId, assignment: Box<dyn Assignment>) {
        self.is_free.store(false, Ordering::SeqCst);
        self.attempts.push(attempt);
        self.line.send_quietly(Instruction::Start(attempt, assignment));
    }
}

impl Drop for Attendant {
    fn drop(&mut self) {
        self.line.send(Instruction::Leave);
    }
}

/// Whether the first process of a group is halted or gone.
fn is_halted(group: Pid) -> bool {
    if !processes::is_at_hand() {
        return true;
    }
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", group.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, rest)| !rest.starts_with(['R', 'S', 'D']))
}

/// Ends all processes that are still alive, including those that left their task's process group and closed its streams.
/// They get a second to end by themselves.
fn end_descendants(spared: &[Spared]) -> Vec<Leftover> {
    const POLITE: Duration = Duration::from_secs(1);
    const PATIENCE: Duration = Duration::from_secs(3);
    let begun = Instant::now();
    let mut found: Vec<Leftover> = Vec::new();
    let mut asked: Vec<i32> = Vec::new();
    let mut pause = Duration::from_millis(1);
    loop {
        reap_adopted();
        let any = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let has_children = rustix::process::waitid(WaitId::All, any).is_ok();
        if !has_children || begun.elapsed() > PATIENCE {
            return found;
        }
        let own = native::group_of(None);
        let (census, asked_for) = match processes::is_at_hand() {
            true => (Census::take(), Vec::new()),
            false => (Census::default(), census::children()),
        };
        let left = census.descendants().into_iter().chain(&asked_for);
        let spared = spared_in(&census, spared);
        let is_left = |it: &&Process| Some(it.group) != own && !spared.contains(&it.pid);
        let alive: Vec<&Process> = left.filter(is_left).collect();
        if alive.is_empty() {
            return found;
        }
        for process in alive {
            let Some(pid) = Pid::from_raw(process.pid) else { continue };
            let signal = match begun.elapsed() < POLITE {
                true if asked.contains(&process.pid) => continue,
                true => Signal::TERM,
                false => Signal::KILL,
            };
            if !asked.contains(&process.pid) {
                asked.push(process.pid);
                found.push(process.leftover());
            }
            // It may be gone by now; that is what is wanted.
            let _ = rustix::process::kill_process(pid, signal);
            let _ = rustix::process::kill_process(pid, Signal::CONT);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

fn spared_in(census: &Census, spared: &[Spared]) -> HashSet<i32> {
    let belonging = |spared: &Spared| {
        let to =
            Belongings { group: spared.group, pipes: &[], marker: spared.marker.as_deref(), attended: &[] };
        census.belonging_to(&to).into_iter().map(|process| process.pid).collect::<Vec<_>>()
    };
    spared.iter().flat_map(belonging).collect()
}

#[cfg(test)]
mod tests;

//! The processes that tasks leave behind. Taken only when there is a reason to.
//! Where the kernel does not tell of them (no `/proc`, or one of another namespace) a census is empty: process groups do
//! the work then, and at the end of the run [`children`].

use super::processes::{self, Traits};
use super::{Leftover, native};
use rustix::process::{Pid, WaitId, WaitIdOptions};
use std::collections::HashSet;
use std::fs;

/// A process, as it was when the census was taken. Zombies are not counted.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) pid: i32,
    pub(super) parent: i32,
    pub(super) group: i32,
    /// Where its stack begins: chosen at random for each program that is started, 0 where it is kept secret.
    image: u64,
    name: String,
}

/// Sorted by pid.
#[derive(Debug, Default)]
pub(super) struct Census {
    processes: Vec<Process>,
}

/// Which processes belong to an attempt.
#[derive(Clone, Debug)]
pub(super) struct Belongings<'a> {
    /// Its process group, if that still has members. The number may belong to somebody else when it has none.
    pub(super) group: Option<i32>,
    /// Inodes of the pipes that only its processes can write to.
    pub(super) pipes: &'a [u64],
    /// `NAME=value` of an environment variable that no other attempt has, if there is one.
    pub(super) marker: Option<&'a [u8]>,
    /// Process groups of attempts; what is in another's is not this one's.
    pub(super) attended: &'a [i32],
}

impl Census {
    pub(super) fn take() -> Census {
        if !processes::is_at_hand() {
            return Census::default();
        }
        let this = std::process::id() as i32;
        let image = Process::read(this).map_or(0, |process| process.image);
        // A child that has not come to its program yet still has all files of ours, pipes of other attempts too.
        let is_unborn = |process: &Process| process.parent == this && process.image == image && image != 0;
        let mut processes: Vec<Process> = processes::numbers()
            .into_iter()
            .filter_map(Process::read)
            .filter(|process| !is_unborn(process))
            .collect();
        processes.sort_by_key(|process| process.pid);
        Census { processes }
    }

    /// Members of the process group and children of its first process, whoever can still write to the pipes, whoever
    /// carries the marker, and all of their descendants. Never this process itself.
    pub(super) fn belonging_to(&self, to: &Belongings<'_>) -> Vec<&Process> {
        let this = std::process::id() as i32;
        // Below a subreaper nobody can get out; elsewhere the parent of who escapes is lost.
        let all_descend = is_subreaper();
        let belongs = |process: &&Process| {
            if process.pid == this {
                return false;
            }
            if to.group.is_some_and(|group| process.group == group || process.parent == group) {
                return true;
            }
            if to.attended.contains(&process.group) || all_descend && !self.descends_from(process, this) {
                return false;
            }
            (!to.pipes.is_empty() && processes::can_write_to(process.pid, to.pipes))
                || to.marker.is_some_and(|marker| process.carries(marker))
        };
        let mut found: Vec<&Process> = self.processes.iter().filter(belongs).collect();
        let mut pids: HashSet<i32> = found.iter().map(|process| process.pid).collect();
        // A pid says nothing about who came first, hence rounds.
        loop {
            let before = found.len();
            for process in &self.processes {
                if pids.contains(&process.parent) && pids.insert(process.pid) {
                    found.push(process);
                }
            }
            if found.len() == before {
                return found;
            }
        }
    }

    /// Children of this process and all below them.
    pub(super) fn descendants(&self) -> Vec<&Process> {
        let this = std::process::id() as i32;
        self.processes.iter().filter(|process| self.descends_from(process, this)).collect()
    }

    fn descends_from(&self, process: &Process, ancestor: i32) -> bool {
        let mut parent = process.parent;
        // As many steps as there are processes: a census is not taken in one instant, so it could contain a loop.
        for _ in 0..self.processes.len() {
            if parent == ancestor {
                return true;
            }
            match self.processes.binary_search_by_key(&parent, |process| process.pid) {
                Ok(place) => parent = self.processes[place].parent,
                Err(_) => return false,
            }
        }
        false
    }
}

fn is_subreaper() -> bool {
    #[cfg(target_os = "linux")]
    return rustix::process::child_subreaper().is_ok_and(|reaper| reaper.is_some());
    #[cfg(not(target_os = "linux"))]
    false
}

impl Process {
    fn read(pid: i32) -> Option<Process> {
        let Traits { parent, group, image, name } = processes::traits(pid)?;
        Some(Process { pid, parent, group, image, name })
    }

    pub(super) fn leftover(&self) -> Leftover {
        let words = match processes::is_at_hand() {
            true => processes::arguments(self.pid),
            false => Vec::new(),
        };
        let text = String::from_utf8_lossy(&words);
        let text = text.trim_end_matches('\0').replace('\0', " ");
        let full = if text.is_empty() { &self.name } else { &text };
        let mut command: String = full
            .chars()
            .take(80)
            .map(|letter| if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter })
            .collect();
        if full.chars().nth(80).is_some() {
            command.push('…');
        }
        Leftover { pid: self.pid, command }
    }

    fn carries(&self, marker: &[u8]) -> bool {
        processes::environment(self.pid).split(|byte| *byte == 0).any(|variable| variable == marker)
    }
}

/// The children of this process, found by asking the kernel of each number whether it is one; those that have ended are
/// reaped. It takes a fraction of a second, so it is for the end and for where `/proc` cannot tell. Below a subreaper all that
/// is left becomes a child when its parent ends.
pub(super) fn children() -> Vec<Process> {
    /// No Linux has larger ones.
    const LARGEST: i32 = 1 << 22;
    let this = std::process::id() as i32;
    let child = |number| {
        let pid = Pid::from_raw(number)?;
        // Costs less than the next question, and most numbers are nobody's.
        let group = native::group_of(Some(pid))?;
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        let is_alive = matches!(rustix::process::waitid(WaitId::Pid(pid), options), Ok(None));
        let name = "a process without a name".to_owned();
        is_alive.then_some(Process { pid: number, parent: this, group, image: 0, name })
    };
    (1..=LARGEST).filter_map(child).collect()
}

/// Processes without a parent that the kernel gave to this process (a subreaper). The kernel hangs them below the
/// main thread, and attendants, not the main thread, start tasks: so a task's own process is never among them.
fn adopted() -> Vec<Pid> {
    if !processes::is_at_hand() {
        return Vec::new();
    }
    let this = std::process::id();
    let list = fs::read_to_string(format!("/proc/self/task/{this}/children")).unwrap_or_default();
    list.split_ascii_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

/// Reaps processes of a group that have ended. Not for a group whose first process somebody waits for.
pub(super) fn reap_group(group: Pid) {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    while matches!(rustix::process::waitid(WaitId::Pgid(Some(group)), options), Ok(Some(_))) {}
}

/// Reaps adopted processes that have ended, so that they do not fill the process table.
pub(super) fn reap_adopted() {
    for pid in adopted() {
        // What otto's main thread started for itself has otto's own group, and somebody who waits for it.
        if native::group_of(Some(pid)) == native::group_of(None) {
            continue;
        }
        // Another attendant may have been faster; then there is nothing to reap.
        let _ = rustix::process::waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
    }
}

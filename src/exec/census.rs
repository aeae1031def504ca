//! What `/proc` knows of the processes that tasks leave behind. Read only when there is a reason to.
//! Where there is no `/proc`, or one of another namespace, it knows nothing: process groups do the work then, and at the end
//! of the run [`children`].

use super::{Leftover, native};
use rustix::process::{Pid, WaitId, WaitIdOptions};
use std::collections::HashSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::sync::OnceLock;

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
        if !is_at_hand() {
            return Census::default();
        }
        let Ok(entries) = fs::read_dir("/proc") else { return Census::default() };
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let this = std::process::id() as i32;
        let image = Process::read(this).map_or(0, |process| process.image);
        // A child that has not come to its program yet still has all files of ours, pipes of other attempts too.
        let is_unborn = |process: &Process| process.parent == this && process.image == image && image != 0;
        let mut processes: Vec<Process> =
            pids.filter_map(Process::read).filter(|process| !is_unborn(process)).collect();
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
            process.holds_one_of(to.pipes) || to.marker.is_some_and(|marker| process.carries(marker))
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
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        // `pid (name) state parent group …`; the name may contain anything, parentheses too.
        let name_start = stat.iter().position(|byte| *byte == b'(')? + 1;
        let name_end = stat.iter().rposition(|byte| *byte == b')')?;
        let name = String::from_utf8_lossy(stat.get(name_start..name_end)?).into_owned();
        let rest = std::str::from_utf8(&stat[name_end + 1..]).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        // `startstack`, the 28th of all fields.
        let image = fields.nth(22)?.parse().ok()?;
        (!matches!(state, "Z" | "X")).then_some(Process { pid, parent, group, image, name })
    }

    pub(super) fn leftover(&self) -> Leftover {
        let words = match is_at_hand() {
            true => fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default(),
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

    /// Whether it can write to one of these pipes. Somebody who only looks on, by reading `/proc/…/fd/1`, cannot.
    fn holds_one_of(&self, pipes: &[u64]) -> bool {
        if pipes.is_empty() {
            return false;
        }
        // Not allowed for processes of other users; then it is none that could be ended either.
        let Ok(entries) = fs::read_dir(format!("/proc/{}/fd", self.pid)) else { return false };
        entries.flatten().any(|entry| {
            let target = fs::read_link(entry.path()).unwrap_or_default();
            let bytes = target.as_os_str().as_bytes();
            let inode = bytes.strip_prefix(b"pipe:[").and_then(|rest| rest.strip_suffix(b"]"));
            let inode = inode.and_then(|inode| std::str::from_utf8(inode).ok()?.parse().ok());
            inode.is_some_and(|inode: u64| pipes.contains(&inode)) && self.may_write(&entry.file_name())
        })
    }

    fn may_write(&self, fd: &std::ffi::OsStr) -> bool {
        let mut path = std::path::PathBuf::from(format!("/proc/{}/fdinfo", self.pid));
        path.push(fd);
        let info = fs::read_to_string(path).unwrap_or_default();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
        flags.and_then(|flags| i64::from_str_radix(flags.trim(), 8).ok()).is_some_and(|flags| flags & 3 != 0)
    }

    fn carries(&self, marker: &[u8]) -> bool {
        let environment = fs::read(format!("/proc/{}/environ", self.pid)).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == marker)
    }
}

/// Whether there is a `/proc` whose numbers mean here what they say. In a container that was given the `/proc` of its
/// host they are those of the host's processes, and to signal them would hit others.
pub(super) fn is_at_hand() -> bool {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    *KNOWN.get_or_init(|| {
        let this = std::process::id().to_string();
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        match status.lines().find_map(|line| line.strip_prefix("NSpid:")) {
            // The number of this process in each namespace, from that of `/proc` to its own.
            Some(numbers) => numbers.split_ascii_whitespace().eq([this.as_str()]),
            // Linux before 4.1.
            None => fs::read_link("/proc/self").is_ok_and(|number| number.as_os_str() == this.as_str()),
        }
    })
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
    if !is_at_hand() {
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

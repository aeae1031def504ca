//! Two processes watch over each other so that nothing outlives otto, not even after `kill -9`.
//!
//! The visible process is a thin *guard*; its only child, the *engine*, does the work. Both are subreapers: a process
//! below them that loses its parent becomes their child, whatever it does (setsid, nohup, double fork). So when the
//! engine dies, everything it started hangs below the guard; when the guard dies, everything hangs below the engine,
//! which notices because the *lifeline*, a pipe between them, breaks. Either kills until it has no children left.
//!
//! What this cannot survive is the death of both in the same instant. So that nobody kills both by mistake, the engine
//! is neither in the guard's process group (`kill -9 -GROUP`, `timeout -s KILL`) nor called otto (`pkill -9 -f otto`).
//!
//! Knows nothing of runs. Elsewhere than on Linux there is no guard, and process groups have to do.

use super::{native, terminal};
use std::io::PipeReader;

/// The engine's end of the pipe from its guard. Each byte is the number of a signal that the guard received; the end
/// of the file is the guard's death. `None`: there is no guard.
pub(crate) struct Lifeline(pub(crate) Option<PipeReader>);

/// Runs `engine` below a guard. Returns its status, in the guard as in the engine, so that both processes end in the
/// same way; or does not return, in the guard, if the engine died by a signal. To be called while this process has
/// only one thread, and last: what follows happens twice.
pub(crate) fn run(engine: impl FnOnce(Lifeline) -> i32) -> i32 {
    #[cfg(target_os = "linux")]
    return linux::run(engine);
    #[cfg(not(target_os = "linux"))]
    engine(Lifeline(None))
}

/// To be called by the engine's main thread before it starts tasks: it gets a process group of its own. Not earlier, for
/// what planning starts may want to ask the user something, and would be stopped for that in a group without terminal.
pub(super) fn stand_aside() {
    if !terminal::has_job_group() {
        return;
    }
    // Fails for the leader of a session only, and no engine is one.
    let _ = rustix::process::setpgid(None, None);
    // The engine shows what tasks write, and under `stty tostop` it would be stopped for that. Tasks are started by other
    // threads, with an empty mask.
    let _ = native::PendingSignals::hold(&[libc::SIGTTOU]);
}

/// To be called by the engine when its lifeline has broken: ends everything below it and the engine itself.
pub(crate) fn follow() -> ! {
    #[cfg(target_os = "linux")]
    linux::follow();
    #[cfg(not(target_os = "linux"))]
    native::exit_now(1)
}

#[cfg(target_os = "linux")]
mod linux {
    use super::Lifeline;
    use crate::exec::census;
    use crate::exec::native::{self, Fork, PendingSignals};
    use crate::exec::processes;
    use crate::exec::spawn;
    use crate::exec::terminal::{self, Keepsake};
    use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};
    use std::io::{PipeWriter, Write};
    use std::time::{Duration, Instant};

    /// How long to try to end leftover processes. Only processes of other users, or stuck in the kernel, take longer.
    const PATIENCE: Duration = Duration::from_secs(5);

    pub(super) fn run(engine: impl FnOnce(Lifeline) -> i32) -> i32 {
        // What is left after the engine's death would go to init otherwise. Without it there is no point in a guard; and
        // where there is none, otto finds with it what its tasks leave behind.
        let is_reaper = rustix::process::set_child_subreaper(Some(rustix::process::getpid())).is_ok();
        let (true, Ok((reader, writer))) = (is_reaper, std::io::pipe()) else {
            return engine(Lifeline(None));
        };
        // The guard wants to see these one at a time; the engine does with them what it likes. Those that the caller
        // ignores are none of otto's business.
        let held = PendingSignals::hold(&guarded_signals());
        match native::fork() {
            Ok(Fork::Parent { child }) => {
                drop(reader);
                guard(child, writer, held)
            }
            Ok(Fork::Child) => {
                drop(writer);
                become_engine();
                held.release();
                engine(Lifeline(Some(reader)))
            }
            Err(_) => {
                held.release();
                engine(Lifeline(None))
            }
        }
    }

    fn guarded_signals() -> Vec<i32> {
        let ignored = native::ignored_at_start();
        let all = native::STOPPING.iter().copied().chain([libc::SIGTSTP, libc::SIGCONT]);
        let wanted = all.filter(|signal| ignored & 1 << signal == 0);
        wanted.chain([libc::SIGCHLD]).collect()
    }

    fn become_engine() {
        // Asked only here, so it is not set yet.
        terminal::keep_job_group();
        // Neither can fail on a kernel that has the calls, and the guard has just used one of them.
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
        // An engine that is halted would not notice that the lifeline breaks.
        let _ = rustix::process::set_parent_process_death_signal(Some(Signal::CONT));
        // Not `otto`, so that `killall otto` and `pkill -f otto` hit the guard alone, and the engine can clear up.
        let _ = rustix::thread::set_name(c"run-engine");
        native::retitle(b"run-engine");
    }

    fn guard(engine: Pid, mut lifeline: PipeWriter, held: PendingSignals) -> i32 {
        // The engine has only just started and has not lent the terminal yet.
        let terminal = Keepsake::take();
        loop {
            match rustix::process::waitpid(Some(engine), WaitOptions::NOHANG | WaitOptions::UNTRACED) {
                Ok(Some((_, status))) if status.stopped() => {
                    // For the shell, the guard is the job.
                    native::halt();
                    // Without a shell with job control, the guard was not stopped and has to do this itself.
                    pass_on(Signal::CONT, engine);
                    continue;
                }
                Ok(Some((_, status))) => return end_like(status, terminal.as_ref()),
                Ok(None) => {}
                // Not our child any more: nothing is known of its end.
                Err(_) => {
                    end_children();
                    return 125;
                }
            }
            match held.next() {
                libc::SIGCHLD => {}
                // Harmless if it comes twice, and it must work on an engine that is halted.
                libc::SIGCONT => pass_on(Signal::CONT, engine),
                // Through the pipe, because somebody may send these to both of us: the engine takes the guard's word
                // for how often.
                signal => {
                    let _ = lifeline.write(&[signal as u8]);
                }
            }
        }
    }

    fn pass_on(signal: Signal, engine: Pid) {
        // A dead engine is noticed by the next wait.
        let _ = rustix::process::kill_process(engine, signal);
    }

    fn end_like(status: WaitStatus, terminal: Option<&Keepsake>) -> i32 {
        end_children();
        if status.terminating_signal().is_some()
            && let Some(terminal) = terminal
        {
            terminal.restore();
        }
        match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => code,
            (None, Some(signal)) => native::die_by(signal),
            (None, None) => 125,
        }
    }

    /// Kills all children of this process until there are none. Killing a child makes its children ours, so this
    /// reaches everything below, and no process can have got the number of another meanwhile, for our children keep
    /// theirs until they are waited for.
    fn end_children() {
        let begun = Instant::now();
        let mut pause = Duration::from_micros(200);
        loop {
            loop {
                match rustix::process::wait(WaitOptions::NOHANG) {
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(_) => return,
                }
            }
            if begun.elapsed() > PATIENCE {
                return;
            }
            for child in children() {
                // It may have ended already.
                let _ = rustix::process::kill_process(child, Signal::KILL);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(5));
        }
    }

    /// The children of all threads of this process.
    fn children() -> Vec<Pid> {
        if !processes::is_at_hand() {
            return census::children().iter().filter_map(|child| Pid::from_raw(child.pid)).collect();
        }
        let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
        let lists = threads.flatten().map(|thread| std::fs::read_to_string(thread.path().join("children")));
        let pids = lists.flatten().flat_map(|list| {
            list.split_ascii_whitespace()
                .filter_map(|pid| Pid::from_raw(pid.parse().ok()?))
                .collect::<Vec<_>>()
        });
        pids.collect()
    }

    pub(super) fn follow() -> ! {
        spawn::never_again();
        end_children();
        terminal::restore_after_death();
        native::exit_now(128 + libc::SIGKILL)
    }
}

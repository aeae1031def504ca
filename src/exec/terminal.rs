//! otto's terminal, lent to a task that wants to talk to the user: as its foreground process group the task receives
//! the keyboard, ^C and ^Z, and otto does not. Whatever the task does to the terminal is undone afterwards.

use super::native::PendingSignals;
use rustix::process::Pid;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr, tcsetpgrp};
use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};

/// Leaves the other screen of the terminal, with a cursor and no colours. Source: xterm's "ctlseqs", DECSET 25 and 1049.
pub(super) const LEAVE_SCREEN: &[u8] = b"\x1b[0m\x1b[?25h\x1b[?1049l";

/// The process group that the shell knows as otto, and that has the terminal when otto is in the foreground. `None`: it
/// has no number here, see [`super::native::group_of`].
pub(super) fn job_group() -> Option<Pid> {
    JOB_GROUP.get().copied().unwrap_or_else(own_group)
}

/// To be called by an engine before it gets a process group of its own.
#[cfg(target_os = "linux")]
pub(super) fn keep_job_group() {
    // Set once: an engine is made once.
    let _ = JOB_GROUP.set(own_group());
}

/// Whether this process is an engine.
pub(super) fn has_job_group() -> bool {
    JOB_GROUP.get().is_some()
}

/// Set in an engine.
static JOB_GROUP: std::sync::OnceLock<Option<Pid>> = std::sync::OnceLock::new();

pub(super) fn own_group() -> Option<Pid> {
    Pid::from_raw(super::native::group_of(None)?)
}

/// The terminal as it was before any task had it. Only Linux has a guard that can restore it after a violent death.
#[cfg(target_os = "linux")]
pub(super) struct Keepsake {
    terminal: File,
    /// The process group that the terminal belongs to while nothing is lent. `None`: one without a number here.
    ours: Option<Pid>,
    attributes: Termios,
}

/// Of an engine that has lent its terminal.
#[cfg(target_os = "linux")]
static KEPT: std::sync::OnceLock<Keepsake> = std::sync::OnceLock::new();

/// In a guard: its engine may show the run on the whole screen.
static MAY_BE_WHOLE: AtomicBool = AtomicBool::new(false);

/// In an engine: the whole screen shows the run now.
static IS_WHOLE: AtomicBool = AtomicBool::new(false);

/// To be called before there is a guard, if the run will be shown on the whole screen.
pub(crate) fn announce_screen() {
    MAY_BE_WHOLE.store(true, Ordering::SeqCst);
}

pub(super) fn set_whole_screen(is_whole: bool) {
    IS_WHOLE.store(is_whole, Ordering::SeqCst);
}

#[cfg(target_os = "linux")]
impl Keepsake {
    /// `None` if there is no controlling terminal.
    pub(super) fn take() -> Option<Keepsake> {
        let terminal = File::options().read(true).write(true).open("/dev/tty").ok()?;
        let attributes = tcgetattr(&terminal).ok()?;
        Some(Keepsake { terminal, ours: job_group(), attributes })
    }

    /// After a violent death, when nobody of the borrower's is left. Where a shell has taken the terminal back by
    /// itself, it is the shell's.
    pub(super) fn restore(&self) {
        if IS_WHOLE.load(Ordering::SeqCst) || MAY_BE_WHOLE.load(Ordering::SeqCst) && self.is_raw() {
            // Fails only if the terminal is gone.
            unstopped(|| drop(std::io::Write::write_all(&mut &self.terminal, LEAVE_SCREEN)));
        }
        let holder = foreground(&self.terminal);
        let is_ours = holder == self.ours || holder == own_group();
        if has_members(&self.terminal) && !is_ours {
            return;
        }
        unstopped(|| {
            // Each fails only if there is nothing left to restore.
            let _ = self.ours.map(|group| tcsetpgrp(&self.terminal, group));
            let _ = tcsetattr(&self.terminal, OptionalActions::Drain, &self.attributes);
        });
    }

    /// Whether somebody has left the terminal without lines, as one does who draws on the whole of it.
    fn is_raw(&self) -> bool {
        tcgetattr(&self.terminal)
            .is_ok_and(|now| !now.local_modes.contains(rustix::termios::LocalModes::ICANON))
    }
}

/// To be called when this engine ends because its guard has died, and nothing of the run is alive any more.
#[cfg(target_os = "linux")]
pub(super) fn restore_after_death() {
    if let Some(keepsake) = KEPT.get() {
        keepsake.restore();
    }
}

pub(super) struct Loan {
    terminal: File,
    /// The process group that the terminal belongs to while nothing is lent. `None`: one without a number here.
    ours: Option<Pid>,
    /// The settings before the first loan.
    attributes: Termios,
    /// The borrower, and its attributes if it has given the terminal back for a while.
    group: Pid,
    borrowed: Option<Termios>,
    is_lent: bool,
}

impl Loan {
    /// `None` if there is no controlling terminal.
    pub(super) fn to(group: Pid) -> Option<Loan> {
        let terminal = File::options().read(true).write(true).open("/dev/tty").ok()?;
        let attributes = tcgetattr(&terminal).ok()?;
        let ours = job_group();
        #[cfg(target_os = "linux")]
        if let (None, Some(keepsake)) = (KEPT.get(), Keepsake::take()) {
            // Tasks that want the terminal run one at a time, so nobody else sets it.
            let _ = KEPT.set(keepsake);
        }
        let mut loan = Loan { terminal, ours, attributes, group, borrowed: None, is_lent: false };
        loan.lend();
        Some(loan)
    }

    /// Only if otto has it: from the background, it is not otto's to give.
    pub(super) fn lend(&mut self) {
        let holder = foreground(&self.terminal);
        if self.is_lent || holder != self.ours && holder != self.taken_back_by() {
            return;
        }
        unstopped(|| {
            if let Some(attributes) = self.borrowed.take() {
                // A terminal that hangs up meanwhile is noticed by who reads it.
                let _ = tcsetattr(&self.terminal, OptionalActions::Now, &attributes);
            }
            self.is_lent = tcsetpgrp(&self.terminal, self.group).is_ok();
        });
    }

    /// A group without a number cannot be given the terminal; ^C then goes to this process alone.
    fn taken_back_by(&self) -> Option<Pid> {
        self.ours.or_else(own_group)
    }

    pub(super) fn is_lent(&self) -> bool {
        self.is_lent
    }

    /// Takes the terminal back, as it was. If somebody else has it now, a shell for one, it stays there.
    pub(super) fn take_back(&mut self) {
        if !std::mem::take(&mut self.is_lent) {
            return;
        }
        unstopped(|| {
            if foreground(&self.terminal) == Some(self.group) || !has_members(&self.terminal) {
                self.borrowed = tcgetattr(&self.terminal).ok();
                // Fails only if the terminal is gone.
                let _ = self.taken_back_by().map(|group| tcsetpgrp(&self.terminal, group));
                let _ = tcsetattr(&self.terminal, OptionalActions::Drain, &self.attributes);
            }
        });
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.take_back();
    }
}

/// The process group that has the terminal. `None` if it has no number here.
fn foreground(terminal: &File) -> Option<Pid> {
    tcgetpgrp(terminal).ok()
}

/// Whether the terminal's foreground process group has members; it has none when the borrower is dead.
fn has_members(terminal: &File) -> bool {
    let group = tcgetpgrp(terminal);
    group.is_ok_and(|group| rustix::process::test_kill_process_group(group) != Err(rustix::io::Errno::SRCH))
}

/// While the terminal is lent otto is in the background, and who changes a terminal from there is stopped by SIGTTOU
/// unless it is blocked.
fn unstopped(change: impl FnOnce()) {
    let held = PendingSignals::hold(&[libc::SIGTTOU]);
    change();
    held.release();
}

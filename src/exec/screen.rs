//! otto's terminal as one whole screen with keys: the other screen of the terminal, no echo, no line by line. Given back it
//! is as it was, with what stood on it; also after a violent death.
//! Knows nothing of what is shown and what the keys mean.

use super::native::{self, PendingSignals};
use super::terminal::{self, LEAVE_SCREEN, Loan};
use rustix::termios::{OptionalActions, tcgetattr, tcgetwinsize, tcsetattr};
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;

pub(crate) use super::terminal::announce_screen;

/// The other screen of the terminal, empty and without a cursor; undone by `LEAVE_SCREEN`.
const ENTER_SCREEN: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[2J";

pub(crate) struct WholeScreen {
    terminal: File,
    loan: Loan,
    /// Tells the thread that reads the keys whether they are ours; its end ends the thread.
    bell: Option<PipeWriter>,
}

impl WholeScreen {
    /// `None` if there is no terminal, or if otto runs in the background of it. From here on the terminal belongs to this
    /// process alone, but it looks as before.
    pub(crate) fn open() -> Option<WholeScreen> {
        let terminal = File::options().read(true).write(true).open("/dev/tty").ok()?;
        let loan = Loan::to(terminal::own_group()?)?;
        loan.is_lent().then_some(WholeScreen { terminal, loan, bell: None })
    }

    /// Sends what is typed, as it comes, until `sink` says that nobody wants it any more.
    pub(crate) fn listen(&mut self, sink: impl Fn(Vec<u8>) -> bool + Send + 'static) -> io::Result<()> {
        let (bell_end, bell) = io::pipe()?;
        let terminal = self.terminal.try_clone()?;
        std::thread::Builder::new()
            .name("keys".to_owned())
            .stack_size(256 << 10)
            .spawn(move || read_keys(terminal, bell_end, sink))?;
        self.bell = Some(bell);
        Ok(())
    }

    pub(crate) fn take(&mut self) -> io::Result<()> {
        self.loan.lend();
        if !self.loan.is_lent() {
            return Err(io::Error::other("otto is in the background of its terminal"));
        }
        let mut raw = tcgetattr(&self.terminal)?;
        raw.make_raw();
        tcsetattr(&self.terminal, OptionalActions::Now, &raw)?;
        terminal::set_whole_screen(true);
        self.terminal.write_all(ENTER_SCREEN)?;
        self.ring(b'1');
        Ok(())
    }

    pub(crate) fn give_back(&mut self) {
        self.ring(b'0');
        // Each fails only if the terminal is gone.
        let _ = self.terminal.write_all(LEAVE_SCREEN);
        self.loan.take_back();
        terminal::set_whole_screen(false);
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.terminal.write_all(bytes)
    }

    /// Columns and lines.
    pub(crate) fn size(&self) -> (u16, u16) {
        tcgetwinsize(&self.terminal)
            .ok()
            .filter(|size| size.ws_col > 0 && size.ws_row > 0)
            .map_or((80, 24), |size| (size.ws_col, size.ws_row))
    }

    fn ring(&mut self, word: u8) {
        if let Some(bell) = &mut self.bell {
            // The thread reads until this end is gone.
            let _ = bell.write_all(&[word]);
        }
    }
}

/// Reads keys while they are ours.
fn read_keys(mut terminal: File, mut bell: PipeReader, sink: impl Fn(Vec<u8>) -> bool) {
    // Reading a terminal from its background would halt otto; so it just fails.
    let _held = PendingSignals::hold(&[libc::SIGTTIN]);
    let mut is_ours = false;
    loop {
        let both = [bell.as_fd(), terminal.as_fd()];
        let ready = native::wait_for_input(if is_ours { &both } else { &both[..1] });
        if !ready.contains(&true) {
            continue;
        }
        if ready[0] {
            let mut word = [0];
            match bell.read(&mut word) {
                Ok(1) => is_ours = word == *b"1",
                Ok(_) | Err(_) => return,
            }
            continue;
        }
        let mut typed = [0; 256];
        match terminal.read(&mut typed) {
            Ok(count) if count > 0 => {
                if !sink(typed[..count].to_vec()) {
                    return;
                }
            }
            // Hung up, or not ours any more.
            Ok(_) | Err(_) => is_ours = false,
        }
    }
}

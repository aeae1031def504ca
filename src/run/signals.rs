//! Signals that otto receives, as numbers in somebody's inbox; and the two things that are done with them in the end,
//! to die of one and to halt.
//!
//! Below a guard a signal comes by two ways: the terminal and `kill -- -GROUP` send it to both processes, `kill PID`
//! to the guard alone. The guard passes on whatever it receives, so its word counts. A signal that nobody confirms was
//! meant for the engine alone, and counts after a while.

use crate::exec::guard::{self, Lifeline};
use crate::exec::native::ignored_at_start;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::Signal;
use std::collections::VecDeque;
use std::io::{PipeReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel};
use std::time::{Duration, Instant};

pub(crate) use crate::exec::native::{STOPPING, die_by, halt};

/// Those that the engine receives itself: from the terminal, which sends them to all that is in the foreground; and from
/// the kernel, which counts the time of each process. The others come to otto's visible process, which is the guard.
const TO_ENGINE: [i32; 5] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGXCPU];

/// Asked to halt, as ^Z does.
pub(crate) const SUSPENDING: i32 = libc::SIGTSTP;

/// How long the guard may take to confirm a signal. It takes microseconds, unless the machine is very busy. Within this time
/// one that comes again is the same.
pub(crate) const CONFIRMATION: Duration = Duration::from_millis(500);

/// While the inbox is full, it is tried again so often. The listener must not wait for it: the guard may die meanwhile.
const RETRY: Duration = Duration::from_millis(10);

/// Listens. Until somebody subscribes, signals do what they do to any program.
pub(crate) struct Signals {
    subscriptions: Sender<SignalSink>,
}

/// Offers a signal to an inbox.
type SignalSink = Box<dyn Fn(i32) -> Offered + Send>;

enum Offered {
    Taken,
    Full,
    /// The inbox is closed.
    Gone,
}

impl Signals {
    /// From now on the [`STOPPING`] ones and SIGTSTP (unless otto's caller ignores them), SIGCONT and SIGWINCH go to this
    /// inbox, until nobody reads it any more: then to the one before.
    pub(crate) fn subscribe<M: Send + 'static>(&self, inbox: SyncSender<M>, message: fn(i32) -> M) {
        let sink = move |signal| match inbox.try_send(message(signal)) {
            Ok(()) => Offered::Taken,
            Err(TrySendError::Full(_)) => Offered::Full,
            Err(TrySendError::Disconnected(_)) => Offered::Gone,
        };
        // The listener lives as long as the process.
        let _ = self.subscriptions.send(Box::new(sink));
    }
}

/// Runs `engine` below a guard and with signals listened to. See [`guard::run`]: it returns twice.
pub(crate) fn guarded(engine: impl FnOnce(Signals) -> i32) -> i32 {
    guard::run(|lifeline| match listen(lifeline) {
        Ok(signals) => engine(signals),
        // Without descriptors or threads no run would come far either; signals then just end this process.
        Err(_) => engine(Signals { subscriptions: channel().0 }),
    })
}

/// Starts the thread that listens.
fn listen(lifeline: Lifeline) -> std::io::Result<Signals> {
    let (bell_end, bell) = std::io::pipe()?;
    let mut caught = Vec::new();
    let stopping = if lifeline.0.is_some() { &TO_ENGINE[..] } else { STOPPING };
    for signal in stopping.iter().copied().chain([libc::SIGTSTP, libc::SIGCONT, libc::SIGWINCH]) {
        if ignored_at_start() & 1 << signal != 0 {
            continue;
        }
        let flag = Arc::new(AtomicBool::new(false));
        // In this order: when the bell has rung, the flag is up.
        signal_hook::flag::register(signal, flag.clone())?;
        signal_hook::low_level::pipe::register(signal, bell.try_clone()?)?;
        caught.push(Caught { signal, flag, unconfirmed_since: None, confirmed_at: None });
    }
    let (subscriptions, incoming) = channel();
    let listener = Listener {
        lifeline: lifeline.0,
        bell: bell_end,
        caught,
        incoming,
        sinks: Vec::new(),
        undelivered: VecDeque::new(),
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .stack_size(256 << 10)
        .spawn(move || listener.listen())?;
    Ok(Signals { subscriptions })
}

struct Listener {
    lifeline: Option<PipeReader>,
    bell: PipeReader,
    caught: Vec<Caught>,
    incoming: Receiver<SignalSink>,
    /// The latest is the last.
    sinks: Vec<SignalSink>,
    undelivered: VecDeque<i32>,
}

/// A signal that otto handles, and how far it has got.
struct Caught {
    signal: i32,
    /// Set by the signal's handler.
    flag: Arc<AtomicBool>,
    /// It came, and the guard has not said so yet.
    unconfirmed_since: Option<Instant>,
    confirmed_at: Option<Instant>,
}

impl Caught {
    /// Whether the guard receives it too, so that its word is waited for.
    fn is_shared(&self) -> bool {
        !matches!(self.signal, libc::SIGCONT | libc::SIGWINCH)
    }
}

impl Listener {
    fn listen(mut self) {
        loop {
            let seen = self.wait();
            if seen.has_word {
                self.hear_the_guard();
            }
            if seen.has_rung {
                let mut rings = [0; 64];
                // Cannot fail, and the number of rings does not matter.
                let _ = self.bell.read(&mut rings);
            }
            self.look_at_flags();
            while let Some(signal) = self.undelivered.front().copied()
                && self.deliver(signal)
            {
                self.undelivered.pop_front();
            }
        }
    }

    fn wait(&self) -> Seen {
        let mut fds = vec![PollFd::new(&self.bell, PollFlags::IN)];
        fds.extend(self.lifeline.iter().map(|lifeline| PollFd::new(lifeline, PollFlags::IN)));
        let due = self.caught.iter().filter_map(|caught| caught.unconfirmed_since).min();
        let patience = match self.undelivered.is_empty() {
            true => due.map(|since| CONFIRMATION.saturating_sub(since.elapsed())),
            false => Some(RETRY),
        };
        let timeout = patience.and_then(|patience| Timespec::try_from(patience).ok());
        // Interrupted, by the very signals that are waited for: the flags will tell.
        if rustix::event::poll(&mut fds, timeout.as_ref()).is_err() {
            return Seen::default();
        }
        let mut ready = fds.iter().map(|fd| !fd.revents().is_empty());
        Seen { has_rung: ready.next().unwrap_or(false), has_word: ready.next().unwrap_or(false) }
    }

    fn hear_the_guard(&mut self) {
        let mut numbers = [0; 64];
        let count = match self.lifeline.as_mut().map(|lifeline| lifeline.read(&mut numbers)) {
            Some(Ok(count)) if count > 0 => count,
            // An error here is as final as the end.
            Some(_) => guard::follow(),
            None => return,
        };
        for number in &numbers[..count] {
            let signal = i32::from(*number);
            if let Some(caught) = self.caught.iter_mut().find(|caught| caught.signal == signal) {
                caught.unconfirmed_since = None;
                caught.confirmed_at = Some(Instant::now());
            }
            self.undelivered.push_back(signal);
        }
    }

    fn look_at_flags(&mut self) {
        let is_guarded = self.lifeline.is_some();
        let mut due = Vec::new();
        for caught in &mut self.caught {
            let is_raised = caught.flag.swap(false, Ordering::SeqCst);
            let is_confirmed = caught.confirmed_at.is_some_and(|at| at.elapsed() < CONFIRMATION);
            match (is_raised, is_guarded && caught.is_shared()) {
                (true, false) => due.push(caught.signal),
                (true, true) if !is_confirmed => {
                    caught.unconfirmed_since.get_or_insert_with(Instant::now);
                }
                (true, true) | (false, _) => {}
            }
            if caught.unconfirmed_since.is_some_and(|since| since.elapsed() >= CONFIRMATION) {
                caught.unconfirmed_since = None;
                due.push(caught.signal);
            }
        }
        if due.contains(&libc::SIGCONT) {
            // Time stood still, and whatever asked for that has been answered.
            due.retain(|signal| *signal != libc::SIGTSTP);
            for caught in self.caught.iter_mut().filter(|caught| caught.signal == libc::SIGTSTP) {
                caught.unconfirmed_since = None;
            }
        }
        self.undelivered.extend(due);
    }

    /// False if it has to be tried again.
    fn deliver(&mut self, signal: i32) -> bool {
        // The latest subscriber that is still there counts.
        self.sinks.extend(self.incoming.try_iter());
        while let Some(sink) = self.sinks.last() {
            match sink(signal) {
                Offered::Taken => return true,
                Offered::Full => return false,
                Offered::Gone => drop(self.sinks.pop()),
            }
        }
        match signal {
            libc::SIGTSTP => halt(),
            libc::SIGCONT | libc::SIGWINCH => {}
            deadly => die_by(deadly),
        }
        true
    }
}

/// Lets it come again, to whoever listens by then.
pub(crate) fn send_to_self(signal: i32) {
    if let Some(signal) = Signal::from_named_raw(signal) {
        // There is no permission to lack.
        let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
    }
}

#[derive(Default)]
struct Seen {
    has_rung: bool,
    /// The guard has spoken, or is dead.
    has_word: bool,
}

#[cfg(all(test, target_os = "linux"))]
mod tests;

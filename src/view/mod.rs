//! Whatever shows events: the console, the whole screen, JSON lines, GitHub Actions. Live and replayed runs look the same, for a view
//! sees nothing but events and output.
//! A view knows no process and no clock; whoever drives it brings the time.

pub(crate) mod console;
pub(crate) mod filter;
pub(crate) mod github;
mod held;
pub(crate) mod json;
mod lines;
mod place;
mod progress;
pub(crate) mod replay;
#[cfg(test)]
mod script;
pub(crate) mod sink;
pub(crate) mod style;
pub(crate) mod table;
mod tail;
mod turns;
pub(crate) mod tui;
pub(crate) mod wording;
pub(crate) mod time;

use crate::event::{Stamped, Stream};
use crate::name::JobName;
use std::io::{self, Read};

/// Shows a run while it happens. Calls come in the order of the run's events; times are microseconds since the run began
/// and never go back.
pub(crate) trait View {
    fn event(&mut self, stamped: &Stamped);

    /// What a job wrote, cut anywhere. All of an attempt's output comes before its `AttemptEnded`.
    fn output(&mut self, job: &JobName, stream: Stream, bytes: &[u8], mono_us: u64);

    /// Lets time pass: draws the progress line, or says after a silence that something still runs.
    fn tick(&mut self, mono_us: u64);

    /// When `tick` would do something, if nothing else happens before.
    fn next_tick(&self) -> Option<u64>;

    /// The terminal goes to somebody else (a `tty` task, or the shell after ^Z): nothing of ours may be left on it.
    fn suspend(&mut self);

    fn resume(&mut self, mono_us: u64);

    /// What was typed, where the view has a terminal of its own for that; answers what the user wants of the run.
    fn typed(&mut self, _bytes: &[u8], _mono_us: u64) -> Wish {
        Wish::Nothing
    }

    /// Whether somebody looks at the run that has ended; what is typed is still for the view then.
    fn is_looked_at(&self) -> bool {
        false
    }

    /// The last call, also when no `RunEnded` came: what is held back is shown now.
    fn finish(&mut self, mono_us: u64);
}

/// What a view asks for in the name of who looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Nothing,
    /// Stops the run, like ^C.
    Stop,
    /// Suspends the run, like ^Z.
    Halt,
}

/// The logs of the run that is shown, for output that is not kept in memory.
pub(crate) trait Logs {
    fn open(&self, job: &JobName, attempt: u32, stream: Stream) -> io::Result<Box<dyn Read>>;
}

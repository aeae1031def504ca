//! Where launches run. The run loop asks and never waits; what happens comes back as [`Report`]s.

use crate::event::{Exit, Stream};
use crate::plan::JobId;
use std::ffi::OsString;
use std::path::PathBuf;

/// One try at one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct AttemptId {
    pub(crate) job: JobId,
    /// From 1.
    pub(crate) number: u32,
}

/// All that an executor needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    /// The whole environment; nothing else is inherited.
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) workdir: PathBuf,
    pub(crate) io: LaunchIo,
}

#[derive(Clone, Debug)]
pub(crate) enum LaunchIo {
    /// stdout and stderr through pipes into these files, and as [`Report::Output`] if `shows` is set.
    Captured { stdin: Stdin, stdout_log: PathBuf, stderr_log: PathBuf, shows: bool },
    /// otto's own terminal, foreground process group included; nothing is captured.
    Terminal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stdin {
    Null,
    /// otto's own stdin, when it is not a terminal.
    Inherit,
}

/// What an executor tells the run.
#[derive(Debug)]
pub(crate) enum Report {
    Started(AttemptId),
    /// Bytes as they came, already in the log.
    Output {
        attempt: AttemptId,
        stream: Stream,
        bytes: Vec<u8>,
    },
    /// The last report of an attempt: ended, all output read, nothing of its process group alive.
    Ended {
        attempt: AttemptId,
        exit: Exit,
        leaked: u32,
        survivors: u32,
        stdout_bytes: u64,
        stderr_bytes: u64,
        log_error: Option<String>,
    },
}

/// What the run asks of an attempt that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Send this signal to its process group; after the grace period, kill.
    Polite {
        signal: i32,
    },
    /// As `Polite` with SIGTERM, and report [`Exit::Timeout`].
    Timeout,
    Kill,
}

pub(crate) trait Executor {
    /// Begins an attempt. Never blocks and never fails: what goes wrong is the `exit` of a `Report::Ended`.
    fn start(&mut self, attempt: AttemptId, launch: Launch);
    /// Ends an attempt. One that has ended already is left alone.
    fn stop(&mut self, attempt: AttemptId, how: Stop);
}

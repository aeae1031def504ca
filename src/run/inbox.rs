//! All that can happen to a run, in one channel.

use super::attempt::Attempt;
use super::fresh::Look;
use super::launch::Started;
use super::service::Probe;
use crate::diagnostic::Diagnostic;
use crate::exec::keep::Adopted;
use crate::exec::stream::IntakeReport;
use crate::exec::{AttemptId, Ended, Report};
use crate::plan::{Extension, JobId};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Enough that short bursts of output do not stop their readers, little enough that memory stays small: a
/// message holds at most one read.
const MESSAGES: usize = 64;

pub(crate) enum Message {
    Report(Report),
    /// The look at what this job would be made from is over. The flag is that by which it could be stopped.
    Looked(JobId, Look, Arc<AtomicBool>),
    /// The files of an attempt are made, with these warnings; its process is next.
    Launching(AttemptId, Vec<Diagnostic>),
    /// The files of a service are made, and its process is next.
    Serving(AttemptId, Arc<Started>),
    /// A service was asked whether it is ready.
    Probed(Box<Probe>),
    /// An attempt has ended, or what it handed over has been read.
    Ended(Box<Attempt>, Ended),
    /// This attempt starts no service: one that the run before has left goes on.
    Adopted(AttemptId, Adopted),
    /// Such a service has ended.
    ServiceEnded(Ended),
    /// The jobs of a foreach task, made from data; or what is wrong with that.
    Grown(JobId, Result<Extension, Vec<Diagnostic>>),
    /// A thread of ours has panicked, and what the run waits for may never come.
    Bug,
    /// News of the stream of this job.
    Stream(JobId, IntakeReport),
    /// Files have changed, and another run is to follow this one.
    Changed,
    /// otto itself received this signal.
    Signal(i32),
    /// Bytes that somebody typed into a view that has the terminal.
    Typed(Vec<u8>),
}

pub(crate) fn inbox() -> (SyncSender<Message>, Receiver<Message>) {
    sync_channel(MESSAGES)
}

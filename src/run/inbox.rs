//! All that can happen to a run, in one channel.

use crate::exec::Report;
use crate::exec::stream::IntakeReport;
use crate::plan::JobId;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Enough that short bursts of output do not stop their readers, little enough that memory stays small: a
/// message holds at most one read.
const MESSAGES: usize = 64;

#[derive(Debug)]
pub(crate) enum Message {
    Report(Report),
    /// News of the stream of this job.
    Stream(JobId, IntakeReport),
    /// otto itself received this signal.
    Signal(i32),
    /// Bytes that somebody typed into a view that has the terminal.
    Typed(Vec<u8>),
}

pub(crate) fn inbox() -> (SyncSender<Message>, Receiver<Message>) {
    sync_channel(MESSAGES)
}

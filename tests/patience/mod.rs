//! Waits for a program, and ends one that hangs.

use rustix::process::{Pid, Signal, kill_process};
use std::process::{Child, Output};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// What a program printed and how it ended. One that takes longer is killed, and so seen by the test: a run that hangs has failed.
pub fn output_within(patience: Duration, child: Child) -> Output {
    let pid = Pid::from_child(&child);
    let (done, is_done) = channel::<()>();
    let watchdog = std::thread::spawn(move || {
        if is_done.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::KILL);
        }
    });
    let output = child.wait_with_output().expect("it can be waited for");
    drop(done);
    watchdog.join().expect("the watchdog ends");
    output
}

//! An executor for tests: no processes, and everything happens in the order that the test says.

use super::{AttemptId, Ended, Executor, Launch, Leftover, Report, ReportSink, Stop};
use crate::event::{Exit, Stream};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

/// What the run asked for, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Start(AttemptId),
    Stop(AttemptId, Stop),
    Suspend,
    Resume,
    Finish,
}

/// Reports from within `start` and `stop`, so its inbox must have room for all that comes of one call.
pub(crate) struct FakeExecutor {
    sink: ReportSink,
    /// Attempts end in this order, each as soon as it has been started and those before it have ended.
    order: VecDeque<(AttemptId, Exit)>,
    /// What an attempt prints to stdout when it ends.
    output: HashMap<AttemptId, Vec<u8>>,
    running: Vec<AttemptId>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl FakeExecutor {
    /// An attempt that is not in `order` succeeds at once.
    pub(crate) fn new(sink: ReportSink, order: impl IntoIterator<Item = (AttemptId, Exit)>) -> FakeExecutor {
        let order = order.into_iter().collect();
        FakeExecutor { sink, order, output: HashMap::new(), running: Vec::new(), asked: Arc::default() }
    }

    pub(crate) fn prints(mut self, attempt: AttemptId, bytes: &[u8]) -> FakeExecutor {
        self.output.insert(attempt, bytes.to_vec());
        self
    }

    /// For the test to look at when the run is over and has dropped the executor.
    pub(crate) fn asked(&self) -> Arc<Mutex<Vec<Asked>>> {
        self.asked.clone()
    }

    fn note(&self, asked: Asked) {
        self.asked.lock().expect("a test that has not panicked").push(asked);
    }

    fn end(&mut self, attempt: AttemptId, exit: Exit) {
        self.running.retain(|running| *running != attempt);
        let bytes = self.output.remove(&attempt).unwrap_or_default();
        let mut ended = Ended::without_process(attempt, exit);
        ended.stdout_bytes = bytes.len() as u64;
        if !bytes.is_empty() {
            (self.sink)(Report::Output { attempt, stream: Stream::Stdout, bytes });
        }
        (self.sink)(Report::Ended(ended));
    }

    /// Ends whatever may end by now.
    fn go_on(&mut self) {
        while let Some((attempt, exit)) = self.order.front().cloned()
            && self.running.contains(&attempt)
        {
            self.order.pop_front();
            self.end(attempt, exit);
        }
    }
}

impl Executor for FakeExecutor {
    fn start(&mut self, attempt: AttemptId, _launch: Launch) {
        self.note(Asked::Start(attempt));
        self.running.push(attempt);
        if self.order.iter().all(|(ordered, _)| *ordered != attempt) {
            self.end(attempt, Exit::Code(0));
        }
        self.go_on();
    }

    fn stop(&mut self, attempt: AttemptId, how: Stop) {
        self.note(Asked::Stop(attempt, how));
        if self.running.contains(&attempt) {
            self.order.retain(|(ordered, _)| *ordered != attempt);
            self.end(attempt, how.exit());
            self.go_on();
        }
    }

    fn suspend(&mut self) {
        self.note(Asked::Suspend);
    }

    fn resume(&mut self) {
        self.note(Asked::Resume);
    }

    fn finish(&mut self) -> Vec<Leftover> {
        self.note(Asked::Finish);
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::LaunchIo;
    use crate::plan::JobId;
    use std::sync::mpsc::channel;

    #[test]
    fn attempts_end_in_the_order_given() {
        let attempt = |job| AttemptId { job: JobId(job), number: 1 };
        let launch = || Launch {
            program: "x".into(),
            args: Vec::new(),
            env: Vec::new(),
            workdir: "/".into(),
            io: LaunchIo::Terminal,
        };
        let (sender, inbox) = channel();
        let sink: ReportSink = Arc::new(move |report| drop(sender.send(report)));
        let order = [(attempt(2), Exit::Code(2)), (attempt(1), Exit::Code(1)), (attempt(4), Exit::Code(0))];
        let mut executor = FakeExecutor::new(sink, order).prints(attempt(1), b"one");
        let asked = executor.asked();
        for job in [1, 2, 3, 4] {
            executor.start(attempt(job), launch());
        }
        executor.start(attempt(5), launch());
        executor.stop(attempt(5), Stop::Kill);
        drop(executor);
        let ended: Vec<String> = inbox
            .iter()
            .filter_map(|report| match report {
                Report::Ended(ended) => Some(format!("{} {}", ended.attempt.job.0, ended.exit)),
                Report::Output { bytes, .. } => Some(String::from_utf8_lossy(&bytes).into_owned()),
                Report::Halted => None,
            })
            .collect();
        assert_eq!(ended, ["2 exit 2", "one", "1 exit 1", "3 exit 0", "4 exit 0", "5 exit 0"]);
        assert_eq!(asked.lock().expect("not poisoned").last(), Some(&Asked::Stop(attempt(5), Stop::Kill)));
    }
}

//! An executor for tests: no processes. A *world* says which attempt ends next and how, whenever the run waits.

use super::{
    Assignment, AttemptId, Ended, Executor, Launch, Leftover, Plumbing, Report, ReportSink, Spared, Stop,
};
use crate::event::{Exit, Stream};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the run asked for, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Start(AttemptId),
    Stop(AttemptId, Stop),
    Suspend,
    Resume,
    Finish,
}

/// An attempt with nothing to do before and after its process.
pub(crate) struct Plain {
    launch: Option<Launch>,
    tell: Box<dyn FnOnce(Ended) + Send>,
}

impl Plain {
    pub(crate) fn boxed(launch: Launch, tell: impl FnOnce(Ended) + Send + 'static) -> Box<dyn Assignment> {
        Box::new(Plain { launch: Some(launch), tell: Box::new(tell) })
    }
}

impl Assignment for Plain {
    fn launch(&mut self) -> Result<Launch, Exit> {
        Ok(self.launch.take().expect("asked once"))
    }

    fn plumbing(&mut self) -> Plumbing {
        Plumbing::default()
    }

    fn collect(&mut self, _ended: &Ended) {}

    fn tell(self: Box<Self>, ended: Ended) {
        (self.tell)(ended);
    }
}

/// A caller that has asked for nothing for this long waits for something to happen.
const QUIET: Duration = Duration::from_micros(500);

/// Of those that run, the place of the one that ends now, with its exit; `None` lets time pass.
pub(crate) type World = Box<dyn FnMut(&[AttemptId]) -> Option<(usize, Exit)> + Send>;

/// An attempt that is asked to stop obeys at once.
pub(crate) struct FakeExecutor {
    orders: Sender<(Asked, Option<Box<dyn Assignment>>)>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl FakeExecutor {
    pub(crate) fn new(sink: ReportSink, world: World) -> FakeExecutor {
        let (orders, incoming) = channel();
        std::thread::spawn(move || play(&incoming, &sink, world));
        FakeExecutor { orders, asked: Arc::default() }
    }

    /// For the test to look at when the run is over and has dropped the executor.
    pub(crate) fn asked(&self) -> Arc<Mutex<Vec<Asked>>> {
        self.asked.clone()
    }

    fn ask(&self, asked: Asked, assignment: Option<Box<dyn Assignment>>) {
        self.asked.lock().expect("a test that has not panicked").push(asked);
        assert!(self.orders.send((asked, assignment)).is_ok(), "the thread ends after its executor");
    }
}

fn play(incoming: &Receiver<(Asked, Option<Box<dyn Assignment>>)>, sink: &ReportSink, mut world: World) {
    type Running = (AttemptId, Box<dyn Assignment>, Option<PathBuf>);
    let mut running: Vec<Running> = Vec::new();
    let end = |(attempt, mut assignment, hand_over): Running, exit: Exit| {
        let mut ended = Ended { hand_over, ..Ended::without_process(attempt, exit) };
        let bytes = b"a line\n".to_vec();
        ended.stdout_bytes = bytes.len() as u64;
        sink(Report::Output { attempt, stream: Stream::Stdout, bytes });
        assignment.collect(&ended);
        assignment.tell(ended);
    };
    loop {
        match incoming.recv_timeout(QUIET) {
            Ok((Asked::Start(attempt), assignment)) => {
                let mut assignment = assignment.expect("bug: a start without an assignment");
                match assignment.launch() {
                    Ok(launch) => running.push((attempt, assignment, Some(launch.hands_over.folder))),
                    Err(exit) => end((attempt, assignment, None), exit),
                }
            }
            Ok((Asked::Stop(attempt, how), _)) => {
                if let Some(place) = running.iter().position(|(it, ..)| *it == attempt) {
                    end(running.remove(place), how.exit());
                }
            }
            Ok((Asked::Suspend | Asked::Resume | Asked::Finish, _)) => {}
            Err(RecvTimeoutError::Timeout) => {
                let attempts: Vec<AttemptId> = running.iter().map(|(attempt, ..)| *attempt).collect();
                if let Some((place, exit)) = world(&attempts) {
                    end(running.remove(place), exit);
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

impl Executor for FakeExecutor {
    fn start(&mut self, attempt: AttemptId, assignment: Box<dyn Assignment>) {
        self.ask(Asked::Start(attempt), Some(assignment));
    }

    fn stop(&mut self, attempt: AttemptId, how: Stop) {
        self.ask(Asked::Stop(attempt, how), None);
    }

    fn is_alive(&self, _attempt: AttemptId) -> bool {
        true
    }

    fn suspend(&mut self) {
        self.ask(Asked::Suspend, None);
    }

    fn resume(&mut self) {
        self.ask(Asked::Resume, None);
    }

    fn finish(&mut self, _spared: &[Spared]) -> Vec<Leftover> {
        self.ask(Asked::Finish, None);
        Vec::new()
    }
}

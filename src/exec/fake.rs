//! An executor for tests: no processes. A *world* says which attempt ends next and how, whenever the run waits.

use super::{AttemptId, Ended, Executor, Launch, Leftover, Report, ReportSink, Stop};
use crate::event::{Exit, Stream};
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

/// Who has asked for nothing for so long waits for something to happen.
const QUIET: Duration = Duration::from_micros(500);

/// Of those that run, the place of the one that ends now, with its exit; `None` lets time pass.
pub(crate) type World = Box<dyn FnMut(&[AttemptId]) -> Option<(usize, Exit)> + Send>;

/// An attempt that is asked to stop obeys at once.
pub(crate) struct FakeExecutor {
    orders: Sender<Asked>,
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

    fn ask(&self, asked: Asked) {
        self.asked.lock().expect("a test that has not panicked").push(asked);
        self.orders.send(asked).expect("the thread ends after its executor");
    }
}

fn play(incoming: &Receiver<Asked>, sink: &ReportSink, mut world: World) {
    let mut running: Vec<AttemptId> = Vec::new();
    let end = |attempt: AttemptId, exit: Exit| {
        let mut ended = Ended::without_process(attempt, exit);
        let bytes = b"a line\n".to_vec();
        ended.stdout_bytes = bytes.len() as u64;
        sink(Report::Output { attempt, stream: Stream::Stdout, bytes });
        sink(Report::Ended(ended));
    };
    loop {
        match incoming.recv_timeout(QUIET) {
            Ok(Asked::Start(attempt)) => running.push(attempt),
            Ok(Asked::Stop(attempt, how)) => {
                if let Some(place) = running.iter().position(|it| *it == attempt) {
                    end(running.remove(place), how.exit());
                }
            }
            Ok(Asked::Suspend | Asked::Resume | Asked::Finish) => {}
            Err(RecvTimeoutError::Timeout) => {
                if let Some((place, exit)) = world(&running) {
                    end(running.remove(place), exit);
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

impl Executor for FakeExecutor {
    fn start(&mut self, attempt: AttemptId, _launch: Launch) {
        self.ask(Asked::Start(attempt));
    }

    fn stop(&mut self, attempt: AttemptId, how: Stop) {
        self.ask(Asked::Stop(attempt, how));
    }

    fn suspend(&mut self) {
        self.ask(Asked::Suspend);
    }

    fn resume(&mut self) {
        self.ask(Asked::Resume);
    }

    fn finish(&mut self) -> Vec<Leftover> {
        self.ask(Asked::Finish);
        Vec::new()
    }
}

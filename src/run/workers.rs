//! A few threads for slow work that belongs to no process, so that the run loop need not wait for it.
//! They answer through the run's inbox, and end with otto, even in the middle of their work.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

pub(super) type BackgroundWork = Box<dyn FnOnce() + Send>;

/// Starts a thread when work arrives and no thread is free.
pub(super) struct Workers {
    work: Sender<BackgroundWork>,
    shared: Arc<WorkQueue>,
    hired: usize,
    most: usize,
}

struct WorkQueue {
    work: Mutex<Receiver<BackgroundWork>>,
    /// Work that has not started yet.
    unfinished: AtomicUsize,
}

impl Workers {
    pub(super) fn new(most: usize) -> Workers {
        let (sender, receiver) = channel();
        let shared = WorkQueue { work: Mutex::new(receiver), unfinished: AtomicUsize::new(0) };
        Workers { work: sender, shared: Arc::new(shared), hired: 0, most: most.max(1) }
    }

    pub(super) fn give(&mut self, work: BackgroundWork) {
        let before = self.shared.unfinished.fetch_add(1, Ordering::SeqCst);
        // Fails only without a receiver, and `shared` keeps that alive.
        let _ = self.work.send(work);
        if before >= self.hired && self.hired < self.most {
            let shared = self.shared.clone();
            let thread = std::thread::Builder::new().name("worker".to_owned()).stack_size(1 << 20);
            self.hired += usize::from(thread.spawn(move || while shared.work_once() {}).is_ok());
        }
        // The machine has no room for another thread: do the work here.
        if self.hired == 0 {
            self.shared.work_once();
        }
    }
}

impl WorkQueue {
    /// Waits for work and does it. False: there will be no more work.
    fn work_once(&self) -> bool {
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = work else { return false };
        work();
        self.unfinished.fetch_sub(1, Ordering::SeqCst);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each piece of work waits for the next one, so that none ends unless all run at the same time.
    #[test]
    fn what_is_given_is_done_at_the_same_time_as_far_as_threads_are_allowed() {
        let mut workers = Workers::new(3);
        let (done, all) = channel();
        let barrier = Arc::new(std::sync::Barrier::new(3));
        for number in 0..9 {
            let (done, barrier) = (done.clone(), barrier.clone());
            workers.give(Box::new(move || {
                barrier.wait();
                done.send(number).expect("the test waits");
            }));
        }
        let mut numbers: Vec<i32> = all.iter().take(9).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..9).collect::<Vec<_>>());
        assert_eq!(workers.hired, 3);
    }
}

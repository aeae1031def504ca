//! Services that stay up from one run of a watch to the next: an executor that all its runs have in common, and what is
//! known of the processes there. Does not decide which of them a run can go on with.

use super::census::{Belongings, Census};
use super::local::LocalExecutor;
use super::processes;
use super::{Assignment, AttemptId, Ended, Executor, Leftover, Report, ReportSink, Spared, Stop};
use crate::event::Stream;
use crate::mask::Masks;
use crate::name::{JobName, RunId};
use crate::plan::JobId;
use crate::store::claim::RunLock;
use crate::store::outputs::Outputs;
use crate::store::share::{Guesthood, Ownership};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// The services of a watch. All clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Keep(Arc<Shelf>);

#[derive(Default)]
struct Shelf {
    state: Mutex<Stock>,
    /// One of them has ended.
    ended: Condvar,
}

#[derive(Default)]
struct Stock {
    /// Made for the first service.
    executor: Option<LocalExecutor>,
    started: u32,
    kept: Vec<KeptService>,
    /// Of runs that are over, and whose folders are in use.
    locks: Vec<(RunId, RunLock)>,
}

/// A service that has begun and not ended.
struct KeptService {
    /// By which the executor of the keep knows it.
    id: AttemptId,
    /// The run and the attempt that started it.
    origin: (RunId, AttemptId),
    /// What is known of it once it is prepared.
    label: Option<KeepLabel>,
    /// What it had set when it was up.
    outputs: Option<Arc<Outputs>>,
    user: Option<KeepUser>,
    /// It was asked to end.
    is_stopped: bool,
}

/// What tells whether the next run can go on with a service.
#[derive(Clone)]
pub(crate) struct KeepLabel {
    pub(crate) job: JobName,
    /// A hash of all that it is started with. `None`: no run can go on with it.
    pub(crate) print: Option<String>,
    /// That of its processes: `$OTTO_TASK_DIR`.
    pub(crate) task_dir: PathBuf,
    /// Other runs may use it too.
    pub(crate) ownership: Option<Arc<Ownership>>,
}

/// The run that a service works for.
#[derive(Clone)]
struct KeepUser {
    attempt: AttemptId,
    report: ReportSink,
    shows: bool,
    /// Of one that did not start it.
    guest: Option<Guest>,
}

/// How a run that did not start a service hears of it.
#[derive(Clone)]
struct Guest {
    /// What the service writes from now on goes here too.
    logs: Arc<[Option<File>; 2]>,
    ended: Arc<dyn Fn(Ended) + Send + Sync>,
}

/// A service that is up already.
pub(crate) struct Adopted {
    pub(crate) since: RunId,
    pub(crate) outputs: Arc<Outputs>,
    /// It belongs to a run that goes on elsewhere.
    pub(crate) guest: Option<Guesthood>,
}

/// What a process has to do with files.
pub(crate) struct ProcessFiles {
    /// The words of its command line, each ended by a NUL.
    pub(crate) words: Vec<u8>,
    /// Its program and the files that it has open.
    pub(crate) files: Vec<PathBuf>,
}

impl Keep {
    fn stock(&self) -> MutexGuard<'_, Stock> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(
        &self,
        origin: (RunId, AttemptId),
        masks: &Masks,
        user: KeepUser,
        assignment: Box<dyn Assignment>,
    ) {
        let mut stock = self.stock();
        let id = AttemptId { job: JobId(stock.started), number: 1 };
        stock.started += 1;
        stock.kept.push(KeptService {
            id,
            origin,
            label: None,
            outputs: None,
            user: Some(user),
            is_stopped: false,
        });
        let shelf = Arc::downgrade(&self.0);
        let sink: ReportSink = Arc::new(move |report| pass_on(&shelf, report));
        let new = || LocalExecutor::new(sink, super::local::GRACE, masks.clone());
        let failed = stock.executor.get_or_insert_with(new).try_start(id, assignment);
        drop(stock);
        if let Some((assignment, ended)) = failed {
            assignment.tell(ended);
        }
    }

    /// Whether this attempt, which is prepared, is to start its service: `None`. Otherwise one that is up already works for
    /// its run from now on, writes to these logs too, and its end is told to `ended`. Others of its name are stopped first,
    /// except those that other runs use.
    pub(crate) fn claim(
        &self,
        run: &RunId,
        attempt: AttemptId,
        label: KeepLabel,
        logs: &[PathBuf; 2],
        ended: Arc<dyn Fn(Ended) + Send + Sync>,
    ) -> Option<Adopted> {
        let mut stock = self.stock();
        let is_own = |kept: &KeptService| (&kept.origin.0, kept.origin.1) == (run, attempt);
        let is_other = |kept: &KeptService| {
            !is_own(kept) && kept.label.as_ref().is_some_and(|known| known.job == label.job)
        };
        let is_same = |kept: &KeptService| {
            let known = kept.label.as_ref().and_then(|known| known.print.as_ref());
            let is_free = kept.user.is_none() && !kept.is_stopped;
            is_other(kept) && is_free && known.is_some() && known == label.print.as_ref()
        };
        if let Some(place) = stock.kept.iter().position(is_same)
            && let Some(outputs) = stock.kept[place].outputs.clone()
            && stock.is_alive(stock.kept[place].id)
        {
            let since = stock.kept[place].origin.0.clone();
            let user = stock.kept.iter_mut().find(|kept| is_own(kept)).and_then(|own| own.user.take());
            let logs = logs.each_ref().map(|log| File::options().append(true).create(true).open(log).ok());
            let guest = Some(Guest { logs: Arc::new(logs), ended });
            stock.kept[place].user = user.map(|user| KeepUser { guest, ..user });
            stock.kept.retain(|kept| !is_own(kept));
            return Some(Adopted { since, outputs, guest: None });
        }
        let mut stock = self.end_unused(stock, is_other);
        if let Some(own) = stock.kept.iter_mut().find(|kept| is_own(kept)) {
            own.label = Some(label);
        }
        None
    }

    /// The attempt starts no service after all.
    pub(crate) fn forget(&self, run: &RunId, attempt: AttemptId) {
        self.stock().kept.retain(|kept| (&kept.origin.0, kept.origin.1) != (run, attempt));
    }

    /// A service that this attempt starts belongs to other runs too.
    pub(crate) fn share(&self, attempt: AttemptId, ownership: &Arc<Ownership>) {
        if let Some(KeptService { label: Some(label), .. }) = self.stock().used_by(attempt) {
            label.ownership = Some(Arc::clone(ownership));
        }
    }

    /// The service of this attempt is up.
    pub(crate) fn up(&self, attempt: AttemptId, outputs: &Arc<Outputs>) {
        if let Some(kept) = self.stock().used_by(attempt) {
            kept.outputs = Some(Arc::clone(outputs));
        }
    }

    /// The run needs this service no longer. Answers whether it stays up for the next one, as far as `may_stay` does not
    /// object to what its processes are.
    pub(crate) fn release(&self, attempt: AttemptId, may_stay: impl FnOnce(&[ProcessFiles]) -> bool) -> bool {
        let mut stock = self.stock();
        let Some(kept) = stock.used_by(attempt) else { return false };
        let id = kept.id;
        let Some(label) = kept.label.clone().filter(|label| label.print.is_some()) else { return false };
        if kept.outputs.is_none() || !stock.is_alive(id) {
            return false;
        }
        // Where processes cannot be looked at, nobody knows what they use.
        let files = if processes::is_at_hand() { stock.files_of(id, &label) } else { None };
        if !files.is_some_and(|files| may_stay(&files)) {
            return false;
        }
        if let Some(kept) = stock.used_by(attempt) {
            kept.user = None;
        }
        true
    }

    /// An attempt that started a service has ended. Given back if it is the run's of that attempt to hear of it.
    pub(crate) fn ended(&self, run: &RunId, attempt: AttemptId, ended: Ended) -> Option<Ended> {
        let mut stock = self.stock();
        let own = stock.kept.iter().position(|kept| (&kept.origin.0, kept.origin.1) == (run, attempt));
        let Some(own) = own else { return Some(ended) };
        let kept = stock.kept.remove(own);
        let Stock { kept: others, locks, .. } = &mut *stock;
        locks.retain(|(run, _)| others.iter().any(|other| other.origin.0 == *run));
        drop(stock);
        self.0.ended.notify_all();
        match kept.user {
            None => None,
            Some(KeepUser { guest: None, .. }) => Some(ended),
            Some(KeepUser { guest: Some(guest), attempt, .. }) => {
                (guest.ended)(Ended { attempt, ..ended });
                None
            }
        }
    }

    /// The run is over. Its folder stays as long as a service works there.
    pub(crate) fn hold(&self, run: &RunId, lock: RunLock) {
        let mut stock = self.stock();
        if stock.kept.iter().any(|kept| kept.origin.0 == *run) {
            stock.locks.push((run.clone(), lock));
        }
    }

    /// The services that are up, sorted.
    pub(crate) fn names(&self) -> Vec<JobName> {
        self.stock().names(|_| true)
    }

    /// Ends those that are not among these, except those that other runs use, and waits for that.
    pub(crate) fn retain(&self, is_wanted: impl Fn(&JobName) -> bool) {
        let is_left = |kept: &KeptService| kept.label.as_ref().is_none_or(|label| !is_wanted(&label.job));
        drop(self.end_unused(self.stock(), is_left));
    }

    fn end_unused<'a>(
        &'a self,
        mut stock: MutexGuard<'a, Stock>,
        is_meant: impl Fn(&KeptService) -> bool,
    ) -> MutexGuard<'a, Stock> {
        loop {
            stock.stop(&is_meant);
            if !stock.kept.iter().any(|kept| is_meant(kept) && kept.is_stopped) {
                return stock;
            }
            stock = self.wait(stock);
        }
    }

    /// Waits a while for one to end.
    fn wait<'a>(&'a self, stock: MutexGuard<'a, Stock>) -> MutexGuard<'a, Stock> {
        const PAUSE: Duration = Duration::from_millis(20);
        let waited = self.0.ended.wait_timeout(stock, PAUSE);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Ends all, also those that other runs use, once these are done; of them `tell` is told, once. `is_hurried` is asked again
    /// and again: then they are killed.
    pub(crate) fn end(&self, is_hurried: &dyn Fn() -> bool, tell: &dyn Fn(&[JobName])) {
        let mut stock = self.stock();
        let mut is_told = false;
        while !stock.kept.is_empty() {
            if is_hurried() {
                stock.kill();
            }
            stock.stop(|_| true);
            let used = stock.names(|kept| !kept.is_stopped);
            if !used.is_empty() && !std::mem::replace(&mut is_told, true) {
                tell(&used);
            }
            stock = self.wait(stock);
        }
    }

    /// Halts them, until `resume`.
    pub(crate) fn suspend(&self) {
        if let Some(executor) = &mut self.stock().executor {
            executor.suspend();
        }
    }

    pub(crate) fn resume(&self) {
        if let Some(executor) = &mut self.stock().executor {
            executor.resume();
        }
    }
}

impl Stock {
    fn used_by(&mut self, attempt: AttemptId) -> Option<&mut KeptService> {
        let is_used =
            |kept: &&mut KeptService| kept.user.as_ref().is_some_and(|user| user.attempt == attempt);
        self.kept.iter_mut().find(is_used)
    }

    fn is_alive(&self, id: AttemptId) -> bool {
        self.executor.as_ref().is_some_and(|executor| executor.is_alive(id))
    }

    /// The names of these, sorted.
    fn names(&self, is_meant: impl Fn(&KeptService) -> bool) -> Vec<JobName> {
        let labels = self.kept.iter().filter(|kept| is_meant(kept)).filter_map(|kept| kept.label.as_ref());
        let mut names: Vec<JobName> = labels.map(|label| label.job.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Asks these to end, once, and not before other runs are done with them.
    fn stop(&mut self, is_meant: impl Fn(&KeptService) -> bool) {
        let Stock { executor: Some(executor), kept, .. } = self else { return };
        for kept in kept.iter_mut().filter(|kept| !kept.is_stopped && is_meant(kept)) {
            let ownership = kept.label.as_ref().and_then(|label| label.ownership.as_ref());
            if ownership.is_none_or(|ownership| ownership.is_unused()) {
                kept.is_stopped = true;
                executor.stop(kept.id, Stop::Polite { signal: libc::SIGTERM });
            }
        }
    }

    fn kill(&mut self) {
        let Stock { executor: Some(executor), kept, .. } = self else { return };
        kept.iter().for_each(|kept| executor.stop(kept.id, Stop::Kill));
    }

    fn files_of(&self, id: AttemptId, label: &KeepLabel) -> Option<Vec<ProcessFiles>> {
        let marker = marker(&label.task_dir);
        let group = self.executor.as_ref().and_then(|executor| executor.group(id));
        let census = Census::take();
        let all =
            census.belonging_to(&Belongings { group, pipes: &[], marker: Some(&marker), attended: &[] });
        let files =
            |pid| Some(ProcessFiles { words: processes::arguments(pid), files: processes::files(pid)? });
        all.into_iter().map(|process| files(process.pid)).collect()
    }
}

fn marker(task_dir: &Path) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    [b"OTTO_TASK_DIR=", task_dir.as_os_str().as_bytes()].concat()
}

/// What a service writes is told to the run that it works for.
fn pass_on(shelf: &Weak<Shelf>, report: Report) {
    let Report::Output { attempt, stream, bytes } = report else { return };
    let Some(keep) = shelf.upgrade().map(Keep) else { return };
    let user = keep.stock().kept.iter().find(|kept| kept.id == attempt).and_then(|kept| kept.user.clone());
    // The log of the run that started it has it.
    let Some(user) = user else { return };
    if let Some(guest) = &user.guest {
        let log = match stream {
            Stream::Stdout => &guest.logs[0],
            Stream::Stderr => &guest.logs[1],
        };
        // What is missing here is in the log of the run that started it.
        let _ = log.as_ref().map(|mut log| log.write_all(&bytes));
    }
    if user.shows {
        (user.report)(Report::Output { attempt: user.attempt, stream, bytes });
    }
}

/// The executor of a run that leaves its services to the next one.
pub(crate) struct KeepingExecutor<'a> {
    pub(crate) inner: Box<dyn Executor + 'a>,
    pub(crate) keep: Keep,
    pub(crate) run: RunId,
    pub(crate) masks: Masks,
    pub(crate) report: ReportSink,
    /// The run wants to see what services write.
    pub(crate) shows: bool,
}

impl KeepingExecutor<'_> {
    fn id(&self, stock: &mut Stock, attempt: AttemptId) -> Option<AttemptId> {
        stock.used_by(attempt).map(|kept| kept.id)
    }
}

impl Executor for KeepingExecutor<'_> {
    fn start(&mut self, attempt: AttemptId, assignment: Box<dyn Assignment>) {
        if !assignment.may_be_kept() {
            return self.inner.start(attempt, assignment);
        }
        let user = KeepUser { attempt, report: self.report.clone(), shows: self.shows, guest: None };
        self.keep.start((self.run.clone(), attempt), &self.masks, user, assignment);
    }

    fn stop(&mut self, attempt: AttemptId, how: Stop) {
        let mut stock = self.keep.stock();
        match (self.id(&mut stock, attempt), &mut stock.executor) {
            (Some(id), Some(executor)) => executor.stop(id, how),
            (Some(_), None) | (None, _) => self.inner.stop(attempt, how),
        }
    }

    fn is_alive(&self, attempt: AttemptId) -> bool {
        let mut stock = self.keep.stock();
        match (self.id(&mut stock, attempt), &stock.executor) {
            (Some(id), Some(executor)) => executor.is_alive(id),
            (Some(_), None) | (None, _) => self.inner.is_alive(attempt),
        }
    }

    fn adopt(&mut self, attempt: AttemptId, assignment: Box<dyn Assignment>, known: super::KnownAttempt) {
        self.inner.adopt(attempt, assignment, known);
    }

    fn forget(&mut self, attempt: AttemptId) {
        self.inner.forget(attempt);
    }

    fn leave(&mut self) {
        self.inner.leave();
    }

    fn suspend(&mut self) {
        self.inner.suspend();
        self.keep.suspend();
    }

    fn resume(&mut self) {
        self.keep.resume();
        self.inner.resume();
    }

    fn finish(&mut self, spared: &[Spared]) -> Vec<Leftover> {
        let stock = self.keep.stock();
        let one = |kept: &KeptService| Spared {
            group: stock.executor.as_ref().and_then(|executor| executor.group(kept.id)),
            marker: kept.label.as_ref().map(|label| marker(&label.task_dir)),
        };
        let all: Vec<Spared> = stock.kept.iter().map(one).chain(spared.iter().cloned()).collect();
        drop(stock);
        self.inner.finish(&all)
    }
}

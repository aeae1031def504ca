//! Notices when files change that a run is made from. A thread of its own is told by the system that something happened,
//! and finds out what by looking at the files: at those that it named if it has seen them before, else at all of them. So
//! nothing is missed, whatever the system tells. Knows nothing of what is run.

mod scope;
#[cfg(test)]
mod tests;

pub(crate) use scope::WatchScope;

use crate::run::Message;
use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use scope::Sight;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel};
use std::time::{Duration, Instant};

/// Changes that follow each other within this time are one: many programs write a file in several steps.
const QUIET: Duration = Duration::from_millis(50);

/// Under constant changes it is looked so often at least.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// How often to look where the system does not tell.
const POLL: Duration = Duration::from_secs(1);

/// A look may take this part of the time at most.
const SHARE: u32 = 4;

/// Files that changed.
#[derive(Debug)]
pub(crate) struct FileChange {
    /// From 1.
    number: u64,
    /// When it was noticed.
    pub(crate) at: Instant,
    pub(crate) paths: Vec<PathBuf>,
}

/// The thread, and what it found.
pub(crate) struct FileWatch {
    orders: Sender<WatchOrder>,
    changes: Receiver<FileChange>,
    /// The number of the last one that was asked for.
    heard: Cell<u64>,
}

/// Lets a run be told of changes while it runs.
pub(crate) struct ChangeBell {
    orders: Sender<WatchOrder>,
    heard: u64,
}

enum WatchOrder {
    /// Something happened to these files, or somewhere.
    Look(Vec<PathBuf>),
    /// These files count from now on.
    Attend(Box<WatchScope>, SyncSender<Attending>),
    /// Tell this run of the next change, or of one after the change of this number.
    Ring(SyncSender<Message>, u64),
    /// Runs change this file themselves, so they are not told of it.
    Mute(PathBuf),
}

/// What is watched.
pub(crate) struct Attending {
    pub(crate) files: usize,
    /// Why the system does not tell what happens everywhere, so that all files are looked at every second.
    pub(crate) trouble: Option<String>,
}

impl FileWatch {
    pub(crate) fn start() -> FileWatch {
        let (orders, incoming) = channel();
        let (outgoing, changes) = channel();
        let told = orders.clone();
        let notices = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let paths = match event {
                Ok(event) if event.need_rescan() => Vec::new(),
                Ok(event) if may_change(event.kind) => event.paths,
                Ok(_) => return,
                Err(_) => Vec::new(),
            };
            // The thread ends with the watch.
            let _ = told.send(WatchOrder::Look(paths));
        });
        let (notices, trouble) = match notices {
            Ok(notices) => (Some(notices), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let attendant = Observer {
            orders: incoming,
            postponed: VecDeque::new(),
            changes: outgoing,
            sent: 0,
            notices,
            watched: BTreeSet::new(),
            trouble,
            scope: None,
            sight: Sight::default(),
            told: Told::default(),
            muted: BTreeSet::new(),
            run: None,
            rests_until: Instant::now(),
        };
        std::thread::spawn(move || attendant.attend());
        FileWatch { orders, changes, heard: Cell::new(0) }
    }

    /// From now on these files count. What changes after this returns is noticed; so is what has changed, among files that
    /// counted before, since it was last looked at.
    pub(crate) fn attend(&self, scope: WatchScope) -> Attending {
        let (sender, answer) = std::sync::mpsc::sync_channel(1);
        let ended = "bug: the thread that watches has ended";
        self.orders.send(WatchOrder::Attend(Box::new(scope), sender)).expect(ended);
        answer.recv().expect(ended)
    }

    pub(crate) fn bell(&self) -> ChangeBell {
        ChangeBell { orders: self.orders.clone(), heard: self.heard.get() }
    }

    pub(crate) fn mute(&self, path: &Path) {
        // The thread lives as long as this.
        let _ = self.orders.send(WatchOrder::Mute(path.to_owned()));
    }

    /// What has changed, each file once; waits until something has.
    pub(crate) fn wait(&self) -> Vec<FileChange> {
        let first = self.changes.recv().expect("bug: the thread that watches has ended");
        self.heard(std::iter::once(first).chain(self.changes.try_iter()).collect())
    }

    /// What changes in this time.
    pub(crate) fn wait_for(&self, time: Duration) -> Vec<FileChange> {
        std::thread::sleep(time);
        self.heard(self.changes.try_iter().collect())
    }

    fn heard(&self, changes: Vec<FileChange>) -> Vec<FileChange> {
        let latest = changes.iter().map(|change| change.number).max().unwrap_or_default();
        self.heard.set(self.heard.get().max(latest));
        changes
    }
}

impl ChangeBell {
    /// This run is told of changes that came after those that started it.
    pub(crate) fn ring(&self, run: SyncSender<Message>) {
        // The thread ends only with the watch, and nobody is told then.
        let _ = self.orders.send(WatchOrder::Ring(run, self.heard));
    }
}

/// Whether what happened may have changed a file; most of what happens is reading.
fn may_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => true,
    }
}

/// What the system has told since the last look.
#[derive(Default)]
struct Told {
    paths: BTreeSet<PathBuf>,
    /// Something happened, and nobody knows where.
    is_unknown: bool,
}

impl Told {
    fn add(&mut self, paths: Vec<PathBuf>) {
        self.is_unknown |= paths.is_empty();
        self.paths.extend(paths);
    }
}

struct Observer {
    orders: Receiver<WatchOrder>,
    /// Those that came while it waited for quiet.
    postponed: VecDeque<WatchOrder>,
    changes: Sender<FileChange>,
    sent: u64,
    notices: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    trouble: Option<String>,
    scope: Option<WatchScope>,
    sight: Sight,
    told: Told,
    muted: BTreeSet<PathBuf>,
    run: Option<SyncSender<Message>>,
    rests_until: Instant,
}

impl Observer {
    fn attend(mut self) {
        while let Some(order) = self.next() {
            match order {
                WatchOrder::Look(paths) => {
                    self.told.add(paths);
                    self.wait_for_quiet();
                    self.compare();
                }
                WatchOrder::Attend(scope, answer) => {
                    self.start(*scope);
                    let attending =
                        Attending { files: self.sight.files.len(), trouble: self.trouble.clone() };
                    // Fails only when otto is about to end.
                    let _ = answer.send(attending);
                }
                WatchOrder::Ring(run, heard) if self.sent > heard => ring(&run),
                WatchOrder::Ring(run, _) => self.run = Some(run),
                WatchOrder::Mute(path) => {
                    self.muted.insert(path);
                }
            }
        }
    }

    /// `None`: nobody asks any more.
    fn next(&mut self) -> Option<WatchOrder> {
        if let Some(order) = self.postponed.pop_front() {
            return Some(order);
        }
        if self.trouble.is_none() {
            return self.orders.recv().ok();
        }
        match self.orders.recv_timeout(POLL) {
            Ok(order) => Some(order),
            Err(RecvTimeoutError::Timeout) => Some(WatchOrder::Look(Vec::new())),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    fn wait_for_quiet(&mut self) {
        let latest = Instant::now() + LONGEST_WAIT;
        while self.hear_until((Instant::now() + QUIET).min(latest)) {}
    }

    /// Says whether something happened before this time.
    fn hear_until(&mut self, until: Instant) -> bool {
        loop {
            match self.orders.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(WatchOrder::Look(paths)) => {
                    self.told.add(paths);
                    return Instant::now() < until;
                }
                Err(_) => return false,
                Ok(other) => self.postponed.push_back(other),
            }
        }
    }

    fn start(&mut self, scope: WatchScope) {
        if self.scope.as_ref() == Some(&scope) {
            return;
        }
        let earlier = std::mem::take(&mut self.sight);
        self.scope = Some(scope);
        self.sight = self.look();
        let mut is_other = false;
        for (path, stamp) in earlier.files {
            if let Some(known) = self.sight.files.get_mut(&path) {
                is_other |= *known != stamp;
                *known = stamp;
            }
        }
        if is_other {
            // What has changed meanwhile is still to be told.
            self.postponed.push_back(WatchOrder::Look(Vec::new()));
        }
    }

    fn compare(&mut self) {
        if self.scope.is_none() {
            return;
        }
        let mut changed = BTreeSet::new();
        if !self.glance(&mut changed) {
            while self.hear_until(self.rests_until) {}
            let told = scope::stamps(&std::mem::take(&mut self.told).paths);
            let mut sight = self.look();
            sight.pass_over(&told);
            changed.extend(sight.changed_since(&self.sight));
            self.sight = sight;
        }
        let paths: Vec<PathBuf> = changed.into_iter().collect();
        if paths.is_empty() {
            return;
        }
        let is_by_run = paths.iter().all(|path| self.muted.contains(path));
        self.sent += u64::from(!is_by_run);
        // Fails only when otto is about to end.
        let _ = self.changes.send(FileChange { number: self.sent, at: Instant::now(), paths });
        if !is_by_run && let Some(run) = self.run.take() {
            ring(&run);
        }
    }

    /// Finds out what has changed from the files that the system named; `false` if all have to be looked at.
    fn glance(&mut self, changed: &mut BTreeSet<PathBuf>) -> bool {
        let Some(scope) = self.scope.as_ref().filter(|_| !self.told.is_unknown) else { return false };
        let mut paths = self.told.paths.clone();
        loop {
            let Some(found) = self.sight.glance(scope, &paths) else { return false };
            changed.extend(found);
            // What is made in a new folder before it is watched would be missed, so it is looked at again.
            paths = self.sight.folders.difference(&self.watched).cloned().collect();
            if !follow(self.notices.as_mut(), &mut self.watched, &self.sight.folders, &mut self.trouble) {
                self.told = Told::default();
                return true;
            }
        }
    }

    /// Looks at all files, until no folder is new: what is made in it before it is watched would be missed.
    fn look(&mut self) -> Sight {
        let scope = self.scope.as_ref().expect("bug: nothing to look at");
        let mut begin = Instant::now();
        let mut sight = scope.look();
        while follow(self.notices.as_mut(), &mut self.watched, &sight.folders, &mut self.trouble) {
            begin = Instant::now();
            sight = scope.look();
        }
        self.rests_until = Instant::now() + begin.elapsed() * (SHARE - 1);
        sight
    }
}

fn ring(run: &SyncSender<Message>) {
    // A run that has ended hears nothing, and need not.
    let _ = run.send(Message::Changed);
}

/// Watches these folders and no others; says whether one is new.
fn follow(
    notices: Option<&mut RecommendedWatcher>,
    watched: &mut BTreeSet<PathBuf>,
    folders: &BTreeSet<PathBuf>,
    trouble: &mut Option<String>,
) -> bool {
    let Some(notices) = notices else { return false };
    if watched == folders {
        return false;
    }
    let mut paths = notices.paths_mut();
    // First, for a folder with a new name is still the same one to the system.
    for gone in watched.difference(folders) {
        // The system forgets those that no longer exist by itself.
        let _ = paths.remove(gone);
    }
    let mut is_new = false;
    let mut followed = BTreeSet::new();
    for folder in folders {
        let is_known = watched.contains(folder);
        if !is_known && let Err(error) = paths.add(folder, RecursiveMode::NonRecursive) {
            // One that is gone again is no trouble.
            if folder.is_dir() {
                trouble.get_or_insert(plain(&error));
            }
            continue;
        }
        is_new |= !is_known;
        followed.insert(folder.clone());
    }
    if let Err(error) = paths.commit() {
        trouble.get_or_insert(plain(&error));
    }
    *watched = followed;
    is_new
}

fn plain(error: &notify::Error) -> String {
    match error.kind {
        notify::ErrorKind::MaxFilesWatch => {
            "the system watches no more folders (`sysctl fs.inotify.max_user_watches`)".to_owned()
        }
        notify::ErrorKind::Generic(_)
        | notify::ErrorKind::Io(_)
        | notify::ErrorKind::PathNotFound
        | notify::ErrorKind::WatchNotFound
        | notify::ErrorKind::InvalidConfig(_) => error.to_string(),
    }
}

/// How often in a row a file must start a run, each time after the same time, until the next runs are put off.
const SUSPECT: usize = 3;

/// By how much the runs after these are put off. A run that writes the file does so that much later; nobody else does.
const DELAYS: [Duration; 4] = [
    Duration::from_millis(600),
    Duration::from_millis(1500),
    Duration::from_millis(300),
    Duration::from_millis(1100),
];

/// What may lie between the times after which a run writes the file.
const JITTER: Duration = Duration::from_millis(200);

/// What changes within this time after a run may be its doing.
const AFTERGLOW: Duration = Duration::from_secs(1);

/// Finds the files that the runs write themselves, and passes over what runs do to these. A person who saves a file at even intervals, or a program that does,
/// knows nothing of when a run starts: where runs are put off, the time from their start to the change differs by as much.
#[derive(Default)]
pub(crate) struct Habits {
    /// For each file that started every one of the last runs: how long after the start of the run before it changed.
    since_start: BTreeMap<PathBuf, Vec<Duration>>,
    /// Those that each run changes.
    by_runs: BTreeSet<PathBuf>,
}

/// When a run was on.
#[derive(Clone, Copy)]
pub(crate) struct RunTime {
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
}

/// What is to be done before the next run.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Habit {
    /// Found now: each run changes these files.
    pub(crate) by_runs: Vec<PathBuf>,
    /// The next run is put off by so much.
    pub(crate) delay: Duration,
}

impl Habits {
    /// Takes changes, and leaves those that start the next run.
    pub(crate) fn note(&mut self, run: RunTime, changes: &mut [FileChange]) -> Habit {
        let is_by_run = |at: Instant| at < run.ended + AFTERGLOW;
        for change in changes.iter_mut().filter(|change| is_by_run(change.at)) {
            change.paths.retain(|path| !self.by_runs.contains(path));
        }
        let mut since_start = BTreeMap::new();
        for change in changes.iter().filter(|change| is_by_run(change.at)) {
            let since = change.at.saturating_duration_since(run.began);
            for path in &change.paths {
                let mut times = self.since_start.get(path).cloned().unwrap_or_default();
                if times.iter().any(|time| time.abs_diff(since) > JITTER) {
                    times.clear();
                }
                times.push(since);
                since_start.entry(path.clone()).or_insert(times);
            }
        }
        let is_certain = |times: &Vec<Duration>| times.len() > SUSPECT + DELAYS.len();
        let by_runs = since_start.iter().filter(|(_, times)| is_certain(times));
        let by_runs: Vec<PathBuf> = by_runs.map(|(path, _)| path.clone()).collect();
        since_start.retain(|_, times| !is_certain(times));
        let longest = since_start.values().map(Vec::len).max().unwrap_or_default();
        let delay = longest.checked_sub(SUSPECT).and_then(|place| DELAYS.get(place));
        for change in changes {
            change.paths.retain(|path| !by_runs.contains(path));
        }
        self.since_start = since_start;
        self.by_runs.extend(by_runs.iter().cloned());
        Habit { by_runs, delay: delay.copied().unwrap_or_default() }
    }

    /// Takes changes that came while the next run was put off: nothing ran that could have made them.
    pub(crate) fn acquit(&mut self, changes: &[FileChange]) {
        for path in changes.iter().flat_map(|change| &change.paths) {
            self.since_start.remove(path);
        }
    }
}

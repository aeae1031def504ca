//! Which runs are kept, and the pruning of the others: by `otto Clean`, and by itself after a run.

use crate::history::past;
use crate::history::record::{Keeping, RunRecord};
use crate::name::RunId;
use crate::ottofile::spec::Retention;
use crate::store::layout::ProjectDir;
use crate::store::lock::{self, Tried};
use crate::store::prune::{self, Removal};
use crate::store::regular;
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

const DAY_US: i64 = 86_400_000_000;

/// Why a run is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Reason {
    Last,
    Young,
    Failed,
    Running,
    /// Inputs of a run that is kept point into it, or the freshness of a task rests on it.
    Needed,
    /// A newer otto made it: what it needs, and what needs it, is not known here.
    Newer,
}

/// What is to become of the runs of a project, newest first; `None`: to be deleted.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    pub(crate) runs: Vec<(RunId, Option<Reason>)>,
}

impl Judgement {
    pub(crate) fn doomed(&self) -> impl DoubleEndedIterator<Item = &RunId> {
        self.runs.iter().filter(|(_, reason)| reason.is_none()).map(|(id, _)| id)
    }

    pub(crate) fn kept(&self, wanted: Reason) -> usize {
        self.runs.iter().filter(|(_, reason)| *reason == Some(wanted)).count()
    }
}

/// What must be known of runs beside their ids, asked only where it matters.
pub(crate) trait RunFacts {
    fn is_running(&self, id: &RunId) -> bool;
    fn is_failure(&self, id: &RunId) -> bool;
    fn is_newer(&self, id: &RunId) -> bool;
    /// One of many with `--watch`.
    fn is_watch(&self, id: &RunId) -> bool;
    /// When it began by the clock, where that is known.
    fn started_us(&self, id: &RunId) -> Option<i64>;
    /// Other runs that this one needs.
    fn references(&self, id: &RunId) -> HashSet<RunId>;
    /// Runs that are needed by what is no run.
    fn pinned(&self) -> HashSet<RunId>;
}

pub(crate) fn judge(mut ids: Vec<RunId>, keeping: Keeping, now_us: i64, facts: &dyn RunFacts) -> Judgement {
    ids.sort();
    ids.reverse();
    let began_us = |id: &RunId| match past::began_us(id) {
        // After a clock was set back, ids are ahead of it.
        ahead if ahead > now_us => facts.started_us(id).unwrap_or(ahead),
        began => began,
    };
    let is_younger = |id: &RunId, days: u32| {
        now_us.saturating_sub(began_us(id)).max(0) < i64::from(days).saturating_mul(DAY_US)
    };
    // How many runs are newer: of those with `--watch`, which are gone first, and of the others.
    let mut newer = [0, 0];
    let mut reason = |id: &RunId| {
        let may_be_kept = newer.iter().any(|newer| *newer < keeping.keep_last)
            || is_younger(id, keeping.keep_days.max(keeping.keep_failed_days));
        let is_watch = may_be_kept && facts.is_watch(id);
        let place = newer[usize::from(is_watch)];
        newer[usize::from(is_watch)] += 1;
        if place < keeping.keep_last {
            Some(Reason::Last)
        } else if !is_watch && is_younger(id, keeping.keep_days) {
            Some(Reason::Young)
        } else if facts.is_running(id) {
            Some(Reason::Running)
        } else if !is_watch && is_younger(id, keeping.keep_failed_days) && facts.is_failure(id) {
            Some(Reason::Failed)
        } else if facts.is_newer(id) {
            Some(Reason::Newer)
        } else {
            None
        }
    };
    let mut runs: Vec<(RunId, Option<Reason>)> = ids.iter().map(|id| (id.clone(), reason(id))).collect();
    if runs.iter().all(|(_, reason)| reason.is_some()) {
        return Judgement { runs };
    }
    // A run that is kept only because another one needs it may itself need a third.
    let mut needed: Vec<RunId> = facts.pinned().into_iter().collect();
    let mut kept: Vec<RunId> =
        runs.iter().filter(|(_, reason)| reason.is_some()).map(|(id, _)| id.clone()).collect();
    loop {
        needed.extend(kept.drain(..).flat_map(|id| facts.references(&id)));
        let Some(next) = needed.pop() else { return Judgement { runs } };
        // Sorted from the newest down.
        if let Ok(place) = runs.binary_search_by(|(id, _)| next.cmp(id))
            && runs[place].1.is_none()
        {
            runs[place].1 = Some(Reason::Needed);
            kept.push(next);
        }
    }
}

/// The runs of a project as they are on disk.
struct OnDisk<'a> {
    project: &'a ProjectDir,
}

impl OnDisk<'_> {
    fn record(&self, id: &RunId) -> Option<RunRecord> {
        let json = regular::read(&self.project.run(id).record()).ok()?;
        RunRecord::parse(&json).ok()
    }

    fn origin(&self, id: &RunId) -> Option<RunId> {
        self.record(id)?.origin
    }
}

impl RunFacts for OnDisk<'_> {
    fn is_running(&self, id: &RunId) -> bool {
        crate::store::claim::is_open(&self.project.run(id))
    }

    fn is_failure(&self, id: &RunId) -> bool {
        past::standing(&self.project.run(id)).is_failure()
    }

    fn is_newer(&self, id: &RunId) -> bool {
        regular::read(&self.project.run(id).record()).is_ok_and(|json| RunRecord::is_newer(&json))
    }

    fn is_watch(&self, id: &RunId) -> bool {
        self.record(id).is_some_and(|record| record.is_watch)
    }

    fn started_us(&self, id: &RunId) -> Option<i64> {
        Some(self.record(id)?.started.as_microsecond())
    }

    fn references(&self, id: &RunId) -> HashSet<RunId> {
        let mut needed = prune::references(&self.project.run(id), id);
        // A rerun that goes on, or that can be repeated as it did not succeed, has yet to link what its later tasks will
        // read, here or further back.
        let mut origin = self.origin(id).filter(|_| self.is_running(id) || self.is_failure(id));
        let mut run = id.clone();
        while let Some(before) = origin.filter(|origin| *origin < run) {
            needed.insert(before.clone());
            origin = self.origin(&before);
            run = before;
        }
        needed
    }

    fn pinned(&self) -> HashSet<RunId> {
        prune::named_by_freshness(self.project)
    }
}

pub(crate) fn judge_project(project: &ProjectDir, keeping: Keeping, now_us: i64) -> Judgement {
    judge(past::list(project), keeping, now_us, &OnDisk { project })
}

/// Deletes one doomed run.
pub(crate) fn remove(project: &ProjectDir, id: &RunId) -> io::Result<Removal> {
    prune::remove(project, id)
}

/// What deleting it would come to.
pub(crate) fn look(project: &ProjectDir, id: &RunId) -> Removal {
    prune::look(project, id)
}

/// Deletes what processes that died left behind.
pub(crate) fn sweep(project: &ProjectDir, now: jiff::Timestamp) {
    prune::sweep(project, now.as_microsecond(), past::began_us);
    let hash = |id: &RunId| {
        let json = regular::read(&project.run(id).record()).ok()?;
        let record = RunRecord::parse(&json).ok()?;
        let included = record.included.into_iter().map(|file| file.hash);
        Some(included.chain([record.ottofile_hash]).collect::<Vec<_>>())
    };
    let hashes: HashSet<String> = past::list(project).iter().filter_map(hash).flatten().collect();
    prune::sweep_ottofiles(project, &hashes, system_time(now));
}

/// A pruning beside a run, on a thread of its own. What it cannot do before the run ends it leaves for the next time.
#[derive(Debug)]
pub(crate) struct Background {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Background {
    /// Begins if pruning is wanted, due, and not being done by another otto. One system call when it is not due.
    pub(crate) fn start(
        project: &ProjectDir,
        retention: &Retention,
        now: jiff::Timestamp,
    ) -> Option<Background> {
        if !retention.is_auto_prune {
            return None;
        }
        let interval = Duration::from_secs(u64::from(retention.prune_interval_hours) * 3600);
        let stamp = project.prune_stamp();
        let is_due = match std::fs::metadata(&stamp).and_then(|metadata| metadata.modified()) {
            // A stamp from the future, as after a clock was set back, means nothing.
            Ok(last) => system_time(now).duration_since(last).map_or(true, |age| age >= interval),
            Err(_) => true,
        };
        if !is_due {
            return None;
        }
        // Pruning is a courtesy: where it cannot be done it is not.
        let stamp = regular::update(&stamp).ok()?;
        let touched = stamp.try_clone().ok()?;
        // Without locks two may prune at once, and each run goes once.
        let held = match lock::try_lock(stamp).ok()? {
            Tried::Held(held) => Some(held),
            Tried::NoLocks => None,
            Tried::Busy => return None,
        };
        let is_over = Arc::new(AtomicBool::new(false));
        let (project, keeping) = (project.clone(), Keeping::from(retention));
        let told = is_over.clone();
        let work = move || {
            prune_until(&project, keeping, now, &touched, &told);
            drop(held);
        };
        let thread = std::thread::Builder::new().name("prune".to_owned()).spawn(work).ok()?;
        Some(Background { is_over, thread })
    }

    /// The run has ended. Waits at most for the run that is just being deleted.
    pub(crate) fn finish(self) {
        self.is_over.store(true, Ordering::Relaxed);
        if self.thread.join().is_err() {
            unreachable!("bug: the pruning of old runs panicked");
        }
    }
}

fn system_time(time: jiff::Timestamp) -> SystemTime {
    // No run is of a time before the epoch.
    SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(time.as_microsecond()).unwrap_or(0))
}

fn prune_until(
    project: &ProjectDir,
    keeping: Keeping,
    now: jiff::Timestamp,
    stamp: &File,
    is_over: &AtomicBool,
) {
    let verdict = judge_project(project, keeping, now.as_microsecond());
    // Oldest first, so that what is left over is what is wanted most.
    for id in verdict.doomed().rev() {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        // What cannot be deleted stays; `otto Clean` says why.
        let _ = remove(project, id);
    }
    sweep(project, now);
    // Without the time the next run prunes again.
    let _ = stamp.set_modified(system_time(now));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::RunResult;
    use crate::history::fixture::Sandbox;
    use insta::assert_snapshot;
    use proptest::prelude::*;
    use std::collections::HashMap;

    const NOON: &str = "2026-11-23T12:00:00Z";

    fn noon() -> jiff::Timestamp {
        NOON.parse().expect("a time")
    }

    /// Letters of ids, of which there is no `i`, `l` and `o`.
    const RUNS: &str = "abcdefghjkmnp";

    /// Runs whose ids end in `a00000`, `b00000`, …, each a day older than the one before.
    #[derive(Default)]
    struct Told {
        running: &'static str,
        failed: &'static str,
        needs: HashMap<char, &'static str>,
        pinned: &'static str,
        newer: &'static str,
        watch: &'static str,
        /// The clock was set back by so many days after all runs were made.
        back_days: i64,
    }

    fn letter(id: &RunId) -> char {
        id.tail().chars().next().expect("six of them")
    }

    fn aged(letter: char) -> RunId {
        let days = letter as i64 - 'a' as i64;
        let began =
            jiff::Timestamp::from_microsecond(noon().as_microsecond() - days * DAY_US).expect("in range");
        let text = format!("{}-{letter}00000", began.strftime("%Y%m%d-%H%M%S.%6f"));
        RunId::parse(&text).expect("an id")
    }

    impl RunFacts for Told {
        fn is_running(&self, id: &RunId) -> bool {
            self.running.contains(letter(id))
        }
        fn is_failure(&self, id: &RunId) -> bool {
            self.failed.contains(letter(id))
        }
        fn is_newer(&self, id: &RunId) -> bool {
            self.newer.contains(letter(id))
        }
        fn is_watch(&self, id: &RunId) -> bool {
            self.watch.contains(letter(id))
        }
        fn started_us(&self, id: &RunId) -> Option<i64> {
            (letter(id) != 'a').then(|| past::began_us(id) - self.back_days * DAY_US)
        }
        fn references(&self, id: &RunId) -> HashSet<RunId> {
            self.needs.get(&letter(id)).map_or_else(HashSet::new, |others| others.chars().map(aged).collect())
        }
        fn pinned(&self) -> HashSet<RunId> {
            self.pinned.chars().map(aged).collect()
        }
    }

    fn judged(runs: &str, keeping: [u32; 3], facts: &Told) -> String {
        let [keep_days, keep_last, keep_failed_days] = keeping;
        let keeping = Keeping { keep_days, keep_last, keep_failed_days };
        let now_us = noon().as_microsecond() - facts.back_days * DAY_US;
        let verdict = judge(runs.chars().map(aged).collect(), keeping, now_us, facts);
        let told = verdict.runs.iter().map(|(id, reason)| match reason {
            Some(reason) => format!("{}:{reason:?}", letter(id)),
            None => letter(id).to_string(),
        });
        told.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn runs_are_kept_by_number_by_age_and_longer_when_they_failed() {
        let facts = Told { failed: "df", ..Told::default() };
        assert_snapshot!(judged("fedcba", [2, 1, 4], &facts), @"a:Last b:Young c d:Failed e f");
        assert_snapshot!(judged("fedcba", [0, 0, 0], &facts), @"a b c d e f");
        assert_snapshot!(judged("fedcba", [0, 9, 0], &facts), @"a:Last b:Last c:Last d:Last e:Last f:Last");
    }

    #[test]
    fn runs_of_a_watch_are_gone_first_and_take_no_place_of_others() {
        let facts = Told { watch: "abcdf", failed: "cd", running: "d", ..Told::default() };
        assert_snapshot!(judged("abcdefgh", [99, 2, 99], &facts), @"a:Last b:Last c d:Running e:Last f g:Last h:Young");
        assert_snapshot!(judged("abcdefgh", [0, 2, 0], &facts), @"a:Last b:Last c d:Running e:Last f g:Last h");
        let needs = HashMap::from([('d', "c")]);
        let facts = Told { watch: "abc", needs, ..Told::default() };
        assert_snapshot!(judged("abcde", [0, 1, 0], &facts), @"a:Last b c:Needed d:Last e");
    }

    #[test]
    fn runs_of_a_newer_otto_are_kept_with_what_they_are_seen_to_need() {
        let facts = Told { newer: "bd", needs: HashMap::from([('d', "c")]), ..Told::default() };
        assert_snapshot!(judged("abcde", [0, 0, 0], &facts), @"a b:Newer c:Needed d:Newer e");
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_run_immortal() {
        let facts = Told { back_days: 365, ..Told::default() };
        // Of `a` nothing but its id is known.
        assert_snapshot!(judged("abcde", [2, 0, 0], &facts), @"a:Young b:Young c d e");
    }

    #[test]
    fn running_runs_and_those_that_kept_ones_need_are_kept() {
        let facts = Told {
            running: "c",
            needs: HashMap::from([('a', "d"), ('d', "e"), ('f', "b"), ('c', "c")]),
            pinned: "gz",
            ..Told::default()
        };
        assert_snapshot!(judged("abcdefgh", [0, 1, 0], &facts), @"a:Last b c:Running d:Needed e:Needed f g:Needed h");
    }

    #[test]
    fn the_disk_is_pruned_and_swept_and_the_stamp_is_set() {
        let sandbox = Sandbox::new();
        let old = sandbox.good("2026-01-01T12:00:00Z", "0d0000", &["a"]);
        let mut failed = sandbox.begin("2026-10-01T12:00:00Z", "fa1000", "a");
        failed.plan(&[("a", &[])]);
        failed.fail("a", 1, 1);
        let failed = failed.end(RunResult::Failed { status: 1 });
        let crashed = sandbox.begin("2026-10-02T12:00:00Z", "crash0", "a").id.clone();
        let running = sandbox.begin("2026-01-02T12:00:00Z", "r00000", "a");
        let young = sandbox.good("2026-11-22T12:00:00Z", "y00000", &["a"]);
        let retention = Retention { keep_last: 0, ..Retention::default() };

        Background::start(&sandbox.project, &retention, noon())
            .expect("it is due")
            .thread
            .join()
            .expect("fine");
        assert_eq!(past::list(&sandbox.project), [running.id.clone(), failed, crashed, young]);
        assert!(!sandbox.project.run(&old).path.exists());
        let later = |hours: i64| noon() + jiff::SignedDuration::from_hours(hours);
        assert!(Background::start(&sandbox.project, &retention, later(23)).is_none());
        let off = Retention { is_auto_prune: false, ..retention.clone() };
        assert!(Background::start(&sandbox.project, &off, later(24)).is_none());
        let due = Background::start(&sandbox.project, &retention, later(24)).expect("it is due");
        due.finish();
        let set_back =
            Background::start(&sandbox.project, &retention, later(-1)).expect("the stamp is of the future");
        set_back.finish();
    }

    #[test]
    fn what_a_rerun_may_still_read_is_kept_until_it_succeeds() {
        let sandbox = Sandbox::new();
        let first = sandbox.good("2026-01-01T12:00:00Z", "f00000", &["a"]);
        let again = |at: &str, tail: &str, origin: &RunId| {
            sandbox.begin_with(at, tail, "Rerun", |record| record.origin = Some(origin.clone()))
        };
        let mut second = again("2026-01-02T12:00:00Z", "s00000", &first);
        second.plan(&[("b", &[])]);
        let second = second.end(RunResult::Succeeded);
        let mut third = again("2026-01-03T12:00:00Z", "t00000", &second);
        third.plan(&[("b", &[])]);
        let mut keeping = Keeping { keep_days: 0, keep_last: 0, keep_failed_days: 0 };
        let kept = |keeping: Keeping| {
            let verdict = judge_project(&sandbox.project, keeping, noon().as_microsecond());
            verdict.runs.into_iter().map(|(_, reason)| reason).collect::<Vec<_>>()
        };
        let all = |newest: Reason| [newest, Reason::Needed, Reason::Needed].map(Some);
        assert_eq!(kept(keeping), all(Reason::Running));
        let journal = third.dir.journal();
        let before = std::fs::read(&journal).expect("there");
        third.end(RunResult::Interrupted { signal: 2 });
        assert_eq!(kept(keeping), [None, None, None]);
        keeping.keep_last = 1;
        assert_eq!(kept(keeping), all(Reason::Last));
        std::fs::write(&journal, &before).expect("ours");
        assert_eq!(kept(keeping), all(Reason::Last), "it crashed");
    }

    #[test]
    fn ottofiles_are_kept_as_long_as_a_run_was_made_from_them() {
        let sandbox = Sandbox::new();
        sandbox.good("2026-11-22T12:00:00Z", "y00000", &["a"]);
        let [used, unused, new] = ["0123abcd", "feedbeef", "cafe"].map(|hash| {
            crate::store::claim::keep_ottofile(&sandbox.project, hash, "tasks: {}\n");
            sandbox.project.ottofile(hash)
        });
        for old in [&used, &unused] {
            let file = File::options().write(true).open(old).expect("kept");
            file.set_modified(system_time(noon()) - Duration::from_secs(3601)).expect("ours");
        }
        File::options()
            .write(true)
            .open(&new)
            .and_then(|file| file.set_modified(system_time(noon())))
            .expect("ours");
        sweep(&sandbox.project, noon());
        assert_eq!([used.exists(), unused.exists(), new.exists()], [true, false, true]);
    }

    #[test]
    fn only_one_otto_prunes_at_a_time() {
        let sandbox = Sandbox::new();
        sandbox.good("2026-01-01T12:00:00Z", "0d0000", &["a"]);
        let stamp = File::create(sandbox.project.prune_stamp()).expect("made");
        stamp.set_modified(SystemTime::UNIX_EPOCH).expect("ours");
        stamp.lock().expect("free");
        assert!(Background::start(&sandbox.project, &Retention::default(), noon()).is_none());
    }

    proptest! {
        #[test]
        fn nothing_that_a_kept_run_needs_is_ever_deleted(
            needs in proptest::collection::hash_map(
                proptest::sample::select(RUNS.chars().collect::<Vec<char>>()),
                "[abcdefghjkmnp]{0,3}",
                0..12,
            ),
            days in 0u32..16,
            last in 0u32..5,
        ) {
            let needs: HashMap<char, &'static str> =
                needs.into_iter().map(|(from, to)| (from, &*to.leak())).collect();
            let facts = Told { needs, pinned: "p", ..Told::default() };
            let keeping = Keeping { keep_days: days, keep_last: last, keep_failed_days: 0 };
            let verdict = judge(RUNS.chars().map(aged).collect(), keeping, noon().as_microsecond(), &facts);
            let doomed: HashSet<&RunId> = verdict.doomed().collect();
            prop_assert!(!doomed.contains(&aged('p')));
            for (id, reason) in &verdict.runs {
                let needed = facts.references(id);
                prop_assert!(reason.is_none() || needed.iter().all(|other| !doomed.contains(other)));
            }
        }
    }
}

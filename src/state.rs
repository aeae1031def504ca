//! Where a run stands, folded from its events: which jobs wait, run and are settled, how long they took, what
//! held the run up longest.
//! Knows no words and no output.

use crate::diagnostic::Notice;
use crate::event::{Event, Exit, Outcome, PlannedJob, RunResult, Skip, Stamped};
use crate::name::{JobName, RunId};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// A run as its events so far tell it.
#[derive(Debug, Default)]
pub(crate) struct RunState {
    pub(crate) run: Option<RunId>,
    pub(crate) slots: usize,
    /// In plan order, and then those that were added during the run; [`RunState::in_order`] has all in their places.
    pub(crate) jobs: Vec<JobState>,
    places: HashMap<JobName, usize>,
    /// The places in plan order, where jobs were added: those stand at the end of `jobs`.
    order: Option<Vec<usize>>,
    /// When the running jobs' attempts began, and the jobs' places; without services that are up.
    running: BTreeSet<(u64, usize)>,
    /// The places of services that are up.
    up: BTreeSet<usize>,
    /// Jobs with a body; the others are groups, which nobody waits for by name.
    pub(crate) bodies: usize,
    /// Jobs with a body that are settled.
    pub(crate) settled: usize,
    pub(crate) began_us: u64,
    pub(crate) stopping: Option<Stopping>,
    pub(crate) result: Option<RunResult>,
    pub(crate) ended_us: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stopping {
    pub(crate) signal: i32,
    pub(crate) is_forced: bool,
}

#[derive(Debug)]
pub(crate) struct JobState {
    pub(crate) planned: Arc<PlannedJob>,
    /// Attempts begun.
    pub(crate) attempts: u32,
    /// Result of the last attempt that ended.
    pub(crate) exit: Option<Exit>,
    pub(crate) leaked: u32,
    pub(crate) line: Option<usize>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) keys: Vec<String>,
    /// What the last attempt that ended wrote.
    pub(crate) stdout_bytes: u64,
    pub(crate) stderr_bytes: u64,
    /// When the first attempt began.
    started_us: Option<u64>,
    /// When the last attempt ended.
    ended_us: Option<u64>,
    running_since_us: Option<u64>,
    /// None: as [`NOTHING_MORE`]. There may be very many jobs.
    more: Option<Box<More>>,
}

/// What there is to know of few jobs.
#[derive(Debug, Default)]
pub(crate) struct More {
    /// Why it runs, if it could have been fresh.
    pub(crate) stale: Option<String>,
    /// Why the last attempt failed, as far as it is known.
    pub(crate) hints: Vec<Notice>,
    /// How long its service took to get ready.
    pub(crate) ready_us: Option<u64>,
    /// The earlier run that started the service.
    pub(crate) up_since: Option<RunId>,
    /// What the last attempt that ended streamed.
    pub(crate) stream_bytes: u64,
    /// What it streamed may be the beginning of more.
    pub(crate) is_stream_short: bool,
    /// Where its last attempt is, if that was handed to a cluster.
    pub(crate) remote: Option<RemoteState>,
}

static NOTHING_MORE: More = More {
    stale: None,
    hints: Vec::new(),
    ready_us: None,
    up_since: None,
    stream_bytes: 0,
    is_stream_short: false,
    remote: None,
};

/// An attempt on a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemoteState {
    /// The number of its job.
    pub(crate) id: String,
    /// Why it waits; empty until that is known.
    pub(crate) reason: String,
    /// The machine on which it has begun.
    pub(crate) host: Option<String>,
    /// When it was handed over.
    queued_us: u64,
    /// How long it waited.
    pub(crate) waited_us: Option<u64>,
}

impl JobState {
    fn new(planned: &Arc<PlannedJob>) -> JobState {
        JobState {
            planned: planned.clone(),
            attempts: 0,
            exit: None,
            leaked: 0,
            line: None,
            outcome: None,
            keys: Vec::new(),
            stdout_bytes: 0,
            stderr_bytes: 0,
            started_us: None,
            ended_us: None,
            running_since_us: None,
            more: None,
        }
    }

    pub(crate) fn more(&self) -> &More {
        self.more.as_deref().unwrap_or(&NOTHING_MORE)
    }

    fn more_mut(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    fn queued(&mut self, id: &str, reason: &str, now_us: u64) {
        let queued_us = self.running_since_us.unwrap_or(now_us);
        match &mut self.more_mut().remote {
            Some(remote) => {
                id.clone_into(&mut remote.id);
                reason.clone_into(&mut remote.reason);
            }
            remote @ None => {
                let (id, reason) = (id.to_owned(), reason.to_owned());
                *remote = Some(RemoteState { id, reason, host: None, queued_us, waited_us: None });
            }
        }
    }

    /// What it waited is not what it took.
    fn began(&mut self, host: &str, now_us: u64) {
        let queued_us = self.running_since_us.unwrap_or(now_us);
        let remote = self.more_mut().remote.get_or_insert_with(|| RemoteState {
            id: String::new(),
            reason: String::new(),
            host: None,
            queued_us,
            waited_us: None,
        });
        remote.host = Some(host.to_owned());
        remote.waited_us = Some(now_us.saturating_sub(remote.queued_us));
        if self.attempts <= 1 {
            self.started_us = Some(now_us);
        }
        self.running_since_us = Some(now_us);
    }

    /// When its first attempt began; `None` if it was never started.
    pub(crate) fn started_us(&self) -> Option<u64> {
        self.started_us
    }

    /// When the attempt began that runs now.
    pub(crate) fn running_since_us(&self) -> Option<u64> {
        self.running_since_us
    }

    /// From the beginning of its first attempt to the end of its last; `None` if it was never started.
    pub(crate) fn took_us(&self) -> Option<u64> {
        Some(self.ended_us?.saturating_sub(self.started_us?))
    }

    /// A service that is ready and has not ended.
    pub(crate) fn is_up(&self) -> bool {
        self.more().ready_us.is_some() && self.exit.is_none() && self.outcome.is_none()
    }

    /// When others could go on: when it ended, or for a service when it was ready.
    fn done_us(&self) -> Option<u64> {
        match (self.more().ready_us, self.started_us) {
            (Some(ready_us), Some(started_us)) => Some(started_us + ready_us),
            (Some(_), None) | (None, _) => self.ended_us,
        }
    }

    /// How long those waited that needed it.
    fn worked_us(&self) -> Option<u64> {
        Some(self.done_us()?.saturating_sub(self.started_us?))
    }

    /// Left out, and nothing went wrong: this is not its system, its `if` is false, or it waits for a run of such a job.
    pub(crate) fn is_left_out(&self) -> bool {
        self.outcome.as_ref().is_some_and(Outcome::is_harmless_skip)
    }

    /// Settled without being needed: it waited for a failure, or a success, that did not come.
    pub(crate) fn is_not_called_for(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Skipped(Skip::NotCalledFor(_))))
    }
}

/// How many jobs with a body came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) ok: usize,
    /// How many of `ok` left processes behind.
    pub(crate) leaking: usize,
    pub(crate) fresh: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
    pub(crate) interrupted: usize,
    pub(crate) not_started: usize,
    /// Not settled at all, as after a crash.
    pub(crate) unsettled: usize,
}

impl Counts {
    pub(crate) fn total(&self) -> usize {
        self.ok
            + self.fresh
            + self.failed
            + self.skipped
            + self.interrupted
            + self.not_started
            + self.unsettled
    }

    pub(crate) fn is_all_well(&self) -> bool {
        self.ok + self.fresh == self.total()
    }
}

impl RunState {
    /// Folds one event in.
    pub(crate) fn apply(&mut self, stamped: &Stamped) {
        let now = stamped.mono_us;
        match &stamped.event {
            Event::RunStarted { format: _, run, slots, jobs, changed: _ } => {
                self.run = Some(run.clone());
                self.slots = *slots;
                self.began_us = now;
                self.jobs = jobs.iter().map(JobState::new).collect();
                self.places = jobs.iter().enumerate().map(|(place, job)| (job.name.clone(), place)).collect();
                self.bodies = jobs.iter().filter(|job| job.has_body).count();
            }
            Event::JobsAdded { group, from: _, jobs } => self.add(group, jobs),
            Event::Stale { job, why } => {
                if let Some(place) = self.place(job) {
                    self.jobs[place].more_mut().stale = Some(why.clone());
                }
            }
            Event::Hint { job, attempt: _, notice } => {
                if let Some(place) = self.place(job) {
                    self.jobs[place].more_mut().hints.push(notice.clone());
                }
            }
            Event::AttemptStarted { job, attempt } => {
                if let Some(place) = self.place(job) {
                    let state = &mut self.jobs[place];
                    state.attempts = *attempt;
                    state.exit = None;
                    if let Some(more) = &mut state.more {
                        more.hints.clear();
                        more.remote = None;
                    }
                    state.started_us.get_or_insert(now);
                    state.running_since_us = Some(now);
                    self.running.insert((now, place));
                }
            }
            Event::AttemptQueued { job, attempt: _, id, reason } => {
                if let Some(place) = self.place(job) {
                    self.jobs[place].queued(id, reason, now);
                }
            }
            Event::AttemptBegan { job, attempt: _, host } => {
                if let Some(place) = self.place(job) {
                    self.stop(place);
                    self.jobs[place].began(host, now);
                    self.running.insert((now, place));
                }
            }
            Event::AttemptEnded {
                job,
                attempt: _,
                exit,
                leaked,
                line,
                stdout_bytes,
                stderr_bytes,
                stream_bytes,
                is_stream_short,
            } => {
                if let Some(place) = self.place(job) {
                    self.stop(place);
                    let state = &mut self.jobs[place];
                    state.exit = Some(exit.clone());
                    state.leaked = *leaked;
                    state.line = *line;
                    state.stdout_bytes = *stdout_bytes;
                    state.stderr_bytes = *stderr_bytes;
                    if state.more.is_some() || *stream_bytes > 0 || *is_stream_short {
                        let more = state.more_mut();
                        more.stream_bytes = *stream_bytes;
                        more.is_stream_short = *is_stream_short;
                    }
                    state.ended_us = Some(now);
                }
            }
            Event::JobSettled { job, outcome, keys } => {
                if let Some(place) = self.place(job) {
                    self.stop(place);
                    let state = &mut self.jobs[place];
                    // A foreach task whose data is wrong has failed itself, and counts like any other task.
                    if matches!(outcome, Outcome::Failed { code: Some(_), .. }) && !state.planned.has_body {
                        Arc::make_mut(&mut state.planned).has_body = true;
                        self.bodies += 1;
                    }
                    if state.outcome.is_none() && state.planned.has_body {
                        self.settled += 1;
                    }
                    if state.started_us.is_some() {
                        state.ended_us.get_or_insert(now);
                    }
                    state.outcome = Some(outcome.clone());
                    state.keys.clone_from(keys);
                }
            }
            Event::Stopping { signal, is_forced } => {
                self.stopping = Some(Stopping { signal: *signal, is_forced: *is_forced });
            }
            Event::RunEnded { result } => {
                self.result = Some(result.clone());
                self.ended_us = Some(now);
            }
            Event::ServiceUp { job, attempt, keys, since } => {
                if let Some(place) = self.place(job) {
                    let began = self.jobs[place].running_since_us.unwrap_or(now);
                    self.running.remove(&(began, place));
                    self.up.insert(place);
                    let state = &mut self.jobs[place];
                    state.attempts = *attempt;
                    state.keys.clone_from(keys);
                    let more = state.more_mut();
                    more.ready_us = Some(now.saturating_sub(began));
                    more.up_since.clone_from(since);
                }
            }
            Event::RetryPlanned { .. }
            | Event::RunResumed { .. }
            | Event::RunLeft { .. }
            | Event::Warning { .. } => {}
        }
    }

    /// Takes in jobs of a foreach task, which stand before their group.
    fn add(&mut self, group: &JobName, jobs: &[Arc<PlannedJob>]) {
        let first = self.jobs.len();
        // There may be very many, and room for twice as many would be wasted.
        self.jobs.reserve_exact(jobs.len());
        self.places.reserve(jobs.len());
        for planned in jobs {
            self.places.insert(planned.name.clone(), self.jobs.len());
            self.jobs.push(JobState::new(planned));
        }
        self.bodies += jobs.iter().filter(|job| job.has_body).count();
        let place = self.place(group);
        if let Some(place) = place {
            let planned = Arc::make_mut(&mut self.jobs[place].planned);
            planned.awaits = None;
            if !jobs.is_empty() {
                planned.needs = jobs.iter().map(|job| job.name.clone()).collect();
            }
        }
        let order = self.order.get_or_insert_with(|| (0..first).collect());
        let at =
            place.and_then(|place| order.iter().position(|known| *known == place)).unwrap_or(order.len());
        order.splice(at..at, first..first + jobs.len());
    }

    /// All jobs in plan order: each after those that it needs.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = usize> + Clone + '_ {
        let order = self.order.as_deref();
        (0..self.jobs.len()).map(move |place| order.map_or(place, |order| order[place]))
    }

    /// Puts the jobs of a run that is over into plan order. Their places change.
    pub(crate) fn put_in_order(&mut self) {
        let Some(order) = self.order.take() else { return };
        let mut jobs: Vec<Option<JobState>> = self.jobs.drain(..).map(Some).collect();
        self.jobs = order.iter().filter_map(|place| jobs[*place].take()).collect();
        self.places =
            self.jobs.iter().enumerate().map(|(place, job)| (job.planned.name.clone(), place)).collect();
        let running = |(place, job): (usize, &JobState)| Some((job.running_since_us?, place));
        self.running = self.jobs.iter().enumerate().filter_map(running).collect();
    }

    /// Whether jobs will come that are not known yet.
    pub(crate) fn is_growing(&self) -> bool {
        self.jobs.iter().any(|job| job.planned.awaits.is_some() && job.outcome.is_none())
    }

    /// The place of a job in `jobs`. `None` for one that the plan does not have, which only a damaged record brings.
    pub(crate) fn place(&self, job: &JobName) -> Option<usize> {
        self.places.get(job).copied()
    }

    pub(crate) fn job(&self, job: &JobName) -> Option<&JobState> {
        self.place(job).map(|place| &self.jobs[place])
    }

    /// The jobs that run, longest first, with when they began.
    pub(crate) fn running(&self) -> impl ExactSizeIterator<Item = (u64, &JobState)> {
        self.running.iter().map(|(since, place)| (*since, &self.jobs[*place]))
    }

    /// Services that are up, in plan order.
    pub(crate) fn up(&self) -> impl ExactSizeIterator<Item = &JobState> {
        self.up.iter().map(|place| &self.jobs[*place])
    }

    fn stop(&mut self, place: usize) {
        self.up.remove(&place);
        if let Some(since) = self.jobs[place].running_since_us.take() {
            self.running.remove(&(since, place));
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        let counts_here =
            |job: &&JobState| job.planned.has_body && !job.is_not_called_for() && !job.is_left_out();
        for job in self.jobs.iter().filter(counts_here) {
            match &job.outcome {
                Some(Outcome::Succeeded) => {
                    counts.ok += 1;
                    counts.leaking += usize::from(job.leaked > 0);
                }
                Some(Outcome::Fresh { .. }) => counts.fresh += 1,
                Some(Outcome::Failed { .. }) => counts.failed += 1,
                Some(Outcome::Skipped(_)) => counts.skipped += 1,
                Some(Outcome::Interrupted { .. }) => counts.interrupted += 1,
                Some(Outcome::Cancelled) => counts.not_started += 1,
                None => counts.unsettled += 1,
            }
        }
        counts
    }

    /// The chain of jobs, each needing the one before it, that took longest together, and how long that was. Groups and jobs
    /// that were not started are left out of it; the chain is empty if nothing was started. While a job reads what another
    /// still streams, both run, and that time counts once.
    pub(crate) fn slowest_chain(&self) -> (Vec<&JobName>, u64) {
        // Plan order has needs before those who need them, so one pass is enough.
        let mut longest: Vec<(u64, Option<usize>)> = vec![(0, None); self.jobs.len()];
        let mut is_known = vec![false; self.jobs.len()];
        for place in self.in_order() {
            let job = &self.jobs[place];
            let until_it_began = |need: usize| {
                let both_ran = match (self.jobs[need].done_us(), job.started_us) {
                    (Some(ended), Some(started)) => ended.saturating_sub(started),
                    _ => 0,
                };
                longest[need].0.saturating_sub(both_ran)
            };
            let needs = job.planned.needs.iter().filter_map(|need| self.place(need));
            let before = needs.filter(|place| is_known[*place]).map(|place| (until_it_began(place), place));
            let (until_then, before) =
                before.max().map_or((0, None), |(until_then, place)| (until_then, Some(place)));
            longest[place] = (until_then.saturating_add(job.worked_us().unwrap_or(0)), before);
            is_known[place] = true;
        }
        let last = (0..longest.len()).max_by_key(|place| (longest[*place].0, std::cmp::Reverse(*place)));
        let mut chain = Vec::new();
        let mut next = last;
        while let Some(place) = next {
            if self.jobs[place].planned.has_body && self.jobs[place].took_us().is_some() {
                chain.push(&self.jobs[place].planned.name);
            }
            next = longest[place].1;
        }
        chain.reverse();
        (chain, last.map_or(0, |place| longest[place].0))
    }

    pub(crate) fn is_stopped_by_signal(&self) -> bool {
        self.stopping.is_some()
    }
}

/// Whether the plan lets at most one job run at a time: one slot, one body, or a chain without streams, of which the jobs of a
/// serial foreach task may be links. How many jobs data makes is not known. `jobs` are in plan order.
pub(crate) fn is_one_at_a_time<'a>(slots: usize, jobs: impl Iterator<Item = &'a PlannedJob> + Clone) -> bool {
    if slots > 1 && jobs.clone().any(|job| job.awaits.is_some()) {
        return false;
    }
    if slots <= 1 || jobs.clone().filter(|job| job.has_body).count() <= 1 {
        return true;
    }
    // A service writes while the others run.
    if jobs.clone().any(|job| job.is_service) {
        return false;
    }
    // In an order that respects the edges, neighbours are ordered by the graph only if there is an edge between them.
    jobs.clone().zip(jobs.skip(1)).all(|(first, second)| {
        let is_after = second.needs.contains(&first.name) && !second.reads.contains(&first.name);
        is_after || first.is_serial && second.is_serial && first.task == second.task
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::FORMAT;
    use proptest::prelude::*;

    fn name(place: usize) -> JobName {
        JobName::recorded(&format!("job{place}")).expect("not empty")
    }

    fn run_of(jobs: &[(Vec<usize>, bool)]) -> (RunState, Stamped) {
        let planned = |(place, (needs, has_body)): (usize, &(Vec<usize>, bool))| {
            Arc::new(PlannedJob {
                has_body: *has_body,
                needs: needs.iter().map(|need| name(*need)).collect(),
                ..PlannedJob::plain(name(place))
            })
        };
        let jobs = jobs.iter().enumerate().map(planned).collect();
        let run = RunId::new("20261124-091400.000000", 0);
        let event = Event::RunStarted { format: FORMAT, run, slots: 4, jobs, changed: Vec::new() };
        let stamped = Stamped { seq: 0, wall_us: 0, mono_us: 0, event };
        let mut state = RunState::default();
        state.apply(&stamped);
        (state, stamped)
    }

    fn ended(job: JobName) -> Event {
        let (attempt, exit, leaked) = (1, Exit::Code(0), 0);
        Event::AttemptEnded {
            job,
            attempt,
            exit,
            leaked,
            stdout_bytes: 0,
            stderr_bytes: 0,
            stream_bytes: 0,
            is_stream_short: false,
            line: None,
        }
    }

    #[test]
    fn the_longest_running_come_first_and_leave_when_they_end() {
        let (mut state, mut stamped) = run_of(&[(vec![], true), (vec![], true), (vec![], true)]);
        for place in [2, 0, 1] {
            stamped.mono_us += 10;
            stamped.event = Event::AttemptStarted { job: name(place), attempt: 1 };
            state.apply(&stamped);
        }
        stamped.event = ended(name(0));
        state.apply(&stamped);
        let running: Vec<(u64, &JobName)> =
            state.running().map(|(since, job)| (since, &job.planned.name)).collect();
        assert_eq!(running, [(10, &name(2)), (30, &name(1))]);
        assert_eq!(state.jobs[0].took_us(), Some(10));
    }

    #[test]
    fn jobs_that_the_plan_does_not_have_change_nothing() {
        let (mut state, mut stamped) = run_of(&[(vec![], true)]);
        for event in [Event::AttemptStarted { job: name(7), attempt: 1 }, ended(name(7))] {
            stamped.event = event;
            state.apply(&stamped);
        }
        assert_eq!((state.running().len(), state.settled, state.counts().unsettled), (0, 0, 1));
    }

    #[test]
    fn time_in_which_a_job_reads_what_another_streams_counts_once() {
        let (mut state, mut stamped) =
            run_of(&[(vec![], true), (vec![0], true), (vec![0], true), (vec![1, 2], true)]);
        let mut at = |mono_us, event| {
            (stamped.mono_us, stamped.event) = (mono_us, event);
            state.apply(&stamped);
        };
        let started = |place| Event::AttemptStarted { job: name(place), attempt: 1 };
        for place in [0, 1, 2] {
            at(10, started(place));
        }
        // One reader leaves early, the other has the rest to do when the producer has ended.
        at(30, ended(name(1)));
        at(100, ended(name(0)));
        at(120, ended(name(2)));
        at(120, started(3));
        at(125, ended(name(3)));
        assert_eq!(state.slowest_chain(), (vec![&name(0), &name(2), &name(3)], 115));
    }

    #[test]
    fn a_chain_runs_one_at_a_time_and_so_does_a_serial_foreach() {
        let one_at_a_time = |jobs: &[(Vec<usize>, bool)], serial: &[usize]| {
            let (state, _) = run_of(jobs);
            let mut planned: Vec<PlannedJob> =
                state.jobs.into_iter().map(|job| (*job.planned).clone()).collect();
            for place in serial {
                planned[*place].is_serial = true;
                planned[*place].task = JobName::recorded("each").expect("not empty");
            }
            is_one_at_a_time(4, planned.iter())
        };
        let (task, group) = (|needs: &[usize]| (needs.to_vec(), true), (vec![0, 1], false));
        assert!(one_at_a_time(&[task(&[]), task(&[0])], &[]));
        assert!(!one_at_a_time(&[task(&[]), task(&[])], &[]));
        assert!(one_at_a_time(&[task(&[]), task(&[]), group.clone(), task(&[2])], &[0, 1]));
        assert!(!one_at_a_time(&[task(&[]), task(&[]), group, task(&[])], &[0, 1]));
    }

    /// The longest way to a job, found the slow way.
    fn longest_to(jobs: &[(Vec<usize>, bool)], took: &[u64], place: usize) -> u64 {
        took[place] + jobs[place].0.iter().map(|need| longest_to(jobs, took, *need)).max().unwrap_or(0)
    }

    proptest! {
        #[test]
        fn the_slowest_chain_is_a_chain_and_none_is_slower(
            edges in prop::collection::vec((prop::collection::vec(any::<prop::sample::Index>(), 0..3), any::<bool>(), 0..100_u64), 1..10),
        ) {
            let needs = |place: usize, all: &[prop::sample::Index]| match place {
                0 => vec![],
                _ => all.iter().map(|need| need.index(place)).collect(),
            };
            let jobs: Vec<(Vec<usize>, bool)> =
                edges.iter().enumerate().map(|(place, edge)| (needs(place, &edge.0), edge.1)).collect();
            // Groups take no time, and neither do jobs that were not started.
            let took: Vec<u64> = edges.iter().map(|edge| if edge.1 { edge.2 } else { 0 }).collect();
            let (mut state, mut stamped) = run_of(&jobs);
            for (place, took) in took.iter().enumerate().filter(|(_, took)| **took > 0) {
                stamped.event = Event::AttemptStarted { job: name(place), attempt: 1 };
                state.apply(&stamped);
                stamped.mono_us += took;
                stamped.event = ended(name(place));
                state.apply(&stamped);
            }
            let (chain, length) = state.slowest_chain();
            let expected = (0..jobs.len()).map(|place| longest_to(&jobs, &took, place)).max().unwrap_or(0);
            prop_assert_eq!(length, expected);
            let places: Vec<usize> = chain.iter().filter_map(|job| state.place(job)).collect();
            prop_assert_eq!(places.iter().map(|place| took[*place]).sum::<u64>(), length);
            prop_assert!(places.is_sorted());
        }
    }
}

//! Chooses the next job and settles outcomes.
//! Knows no clock, no process and no file; the run loop supplies those.

mod held;
mod pool;
mod service;

use crate::event::{Outcome, Skip};
use crate::ottofile::spec::When;
use crate::plan::{Flow, Job, JobId, Lane, LaneId, Need, Plan, Work, graph};
use held::Held;
use pool::Pool;
use serde::{Deserialize, Serialize};
use service::Services;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;

pub(crate) use pool::Demand;

/// The pools of this machine and of the cluster.
const HERE: usize = 0;
const AWAY: usize = 1;

/// The state of all jobs of one plan, which may grow. Every job is settled exactly once.
#[derive(Debug)]
pub(crate) struct Scheduler {
    plan: Arc<Plan>,
    states: Vec<State>,
    /// For each job, the length of the longest chain of jobs that depend on it.
    heights: Vec<u32>,
    /// For each job, those that need it.
    dependants: Vec<Vec<JobId>>,
    /// The dependents that may start as soon as the job has started. Once they are told, they no longer wait for it.
    readers: Vec<Vec<JobId>>,
    /// Jobs whose stream or service others may use while they run.
    streams: Vec<bool>,
    services: Services,
    /// Jobs that may start, by priority: the longest chain that depends on them first, then plan order.
    /// One queue for each pool.
    ready: [BinaryHeap<Queued>; 2],
    /// Ready jobs of lanes to which `-j` does not apply.
    unbound: VecDeque<JobId>,
    lanes: Vec<LaneState>,
    /// This machine, and the cluster.
    pools: [Pool; 2],
    /// What each job takes; empty: a slot of this machine.
    demands: Vec<Demand>,
    /// How many jobs may run at a time, including those without a slot.
    most: usize,
    /// Of the running jobs, those on the cluster.
    away: usize,
    /// Does not count services that are up.
    running: usize,
    unsettled: usize,
    policy: Policy,
    phase: Phase,
    /// Jobs that were started and were not up to date, and groups with such a job.
    has_begun: Vec<bool>,
    terminal_runs: bool,
    /// Groups whose needs are settled and whose jobs can now be created.
    growing: VecDeque<JobId>,
    /// Jobs that are or were held.
    held: HashMap<JobId, Held>,
    /// Groups without needs, which are settled before anything runs. [`Scheduler::begin`] returns them.
    early: Vec<JobId>,
}

/// A job in the queue: its priority, its place in plan order, and the job.
type Queued = (u32, Reverse<((u32, u32), JobId)>);

/// What a failure means for jobs that do not need the failed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Policy {
    KeepGoing,
    /// Start only jobs that run on failure or always; let running jobs finish.
    FailFast,
    /// The same, and ask running jobs to end.
    FailNow,
}

/// What may still be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Going,
    /// A task failed under `--fail-fast`: only jobs that run on failure or always, after a task that had started.
    Failing,
    /// The run was stopped: only jobs that run always, after a task that had started.
    Stopping,
    Over,
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    Waiting {
        missing: u32,
    },
    /// May start, and is in a queue.
    Ready,
    /// A group whose jobs are being created.
    Growing,
    Running,
    /// Need not run unless a job that depends on it does.
    Held,
    /// Failed an attempt and waits for the next; holds no slot.
    Pausing,
    Settled(Outcome),
}

#[derive(Debug)]
struct LaneState {
    kind: Lane,
    /// In plan order.
    members: Vec<JobId>,
    running: usize,
    /// Ready, but the lane is full or an earlier member comes first.
    parked: Vec<JobId>,
    /// Serial lanes: the first member that is not settled.
    front: usize,
}

impl Scheduler {
    /// `slots` is the number of jobs that may run at a time, at least 1.
    pub(crate) fn new(plan: &Arc<Plan>, slots: usize, policy: Policy) -> Scheduler {
        let lane = |kind: &Lane| LaneState {
            kind: *kind,
            members: Vec::new(),
            running: 0,
            parked: Vec::new(),
            front: 0,
        };
        let mut scheduler = Scheduler {
            plan: plan.clone(),
            states: Vec::new(),
            heights: Vec::new(),
            dependants: Vec::new(),
            readers: Vec::new(),
            streams: Vec::new(),
            services: Services::new(plan),
            ready: [BinaryHeap::new(), BinaryHeap::new()],
            unbound: VecDeque::new(),
            lanes: plan.lanes.iter().map(lane).collect(),
            pools: [Pool::new(slots, u64::MAX), Pool::away(1)],
            demands: Vec::new(),
            most: usize::MAX,
            away: 0,
            running: 0,
            unsettled: 0,
            policy,
            phase: Phase::Going,
            has_begun: Vec::new(),
            terminal_runs: false,
            growing: VecDeque::new(),
            held: HashMap::new(),
            early: Vec::new(),
        };
        let free = scheduler.take_in(&[]);
        scheduler.early = scheduler.settle_released(free);
        scheduler
    }

    /// Adds the new jobs of the plan and updates changed groups. Returns those that wait for nothing.
    fn take_in(&mut self, changed: &[JobId]) -> Vec<JobId> {
        let (known, count) = (self.states.len(), self.plan.jobs.len());
        self.dependants.resize_with(count, Vec::new);
        self.readers.resize_with(count, Vec::new);
        self.streams.resize(count, false);
        self.has_begun.resize(count, false);
        self.states.resize(count, State::Waiting { missing: 0 });
        // Known jobs keep their priority, because they may be in a queue.
        self.heights.extend(graph::heights(&self.plan).into_iter().skip(known));
        self.unsettled += count - known;
        let mut taken: Vec<JobId> = self.plan.ids().skip(known).chain(changed.iter().copied()).collect();
        taken.sort_by_key(|id| self.plan.place(*id));
        let plan = self.plan.clone();
        for id in &taken {
            let job = plan.job(*id);
            let mut missing = 0;
            for need in &job.needs {
                if matches!(self.states[need.job.index()], State::Settled(_)) {
                    continue;
                }
                let dependants = &mut self.dependants[need.job.index()];
                // Two edges to one job (`success` and `always`, say) are one wait.
                if dependants.last() != Some(id) {
                    dependants.push(*id);
                    // No job waits for a service that is already up.
                    missing += u32::from(need.flow == Flow::AtEnd || !self.streams[need.job.index()]);
                }
                if need.flow != Flow::AtEnd {
                    self.readers[need.job.index()].push(*id);
                }
            }
            self.states[id.index()] = State::Waiting { missing };
            if let Some(LaneId(lane)) = job.lane {
                self.lanes[lane as usize].members.push(*id);
            }
        }
        taken.retain(|id| self.states[id.index()] == State::Waiting { missing: 0 });
        taken
    }

    /// Returns a group whose jobs can be created now, because the tasks that provide its items are settled.
    pub(crate) fn next_growth(&mut self) -> Option<JobId> {
        loop {
            let group = self.growing.pop_front()?;
            if self.states[group.index()] == State::Growing {
                return Some(group);
            }
        }
    }

    /// Whether the jobs of this group are still needed.
    pub(crate) fn is_growing(&self, group: JobId) -> bool {
        self.states[group.index()] == State::Growing
    }

    /// Continues with a larger plan, in which these groups know their jobs. Returns the jobs that this settles.
    pub(crate) fn grow(&mut self, plan: &Arc<Plan>, groups: &[JobId]) -> Vec<(JobId, Outcome)> {
        for group in groups {
            assert!(
                matches!(self.states[group.index()], State::Growing | State::Waiting { .. }),
                "bug: group {group:?} grows after it was settled"
            );
            for need in &self.plan.job(*group).needs {
                self.dependants[need.job.index()].retain(|dependant| dependant != group);
            }
        }
        self.plan = plan.clone();
        let states = &self.states;
        let is_settled = |id: JobId| matches!(states.get(id.index()), Some(State::Settled(_)));
        self.services.grow(plan, is_settled);
        let released = self.take_in(groups);
        let settled = self.settle_released(released);
        self.with_outcomes(settled)
    }

    /// Limits the number of jobs at a time to what the machine can hold, whatever was asked for.
    pub(crate) fn limited_to(mut self, most: usize) -> Scheduler {
        self.most = most.max(1);
        self
    }

    /// Each job takes what `demands` says, either from this machine, which has this much memory, or from the cluster, which
    /// takes at most `away` jobs at a time.
    pub(crate) fn with_demands(mut self, demands: Vec<Demand>, memory_mib: u64, away: usize) -> Scheduler {
        self.demands = demands;
        self.pools[HERE].memory_mib = memory_mib;
        self.pools[AWAY] = Pool::away(away);
        // Jobs without needs were queued before their place was known.
        let queued: Vec<JobId> =
            self.ready.iter_mut().flat_map(|queue| queue.drain()).map(|(_, Reverse((_, job)))| job).collect();
        queued.into_iter().for_each(|job| self.enqueue(job));
        self
    }

    /// Adds what the new jobs of a larger plan take.
    pub(crate) fn more_demands(&mut self, demands: impl IntoIterator<Item = Demand>) {
        self.demands.extend(demands);
    }

    fn demand(&self, job: JobId) -> Demand {
        self.demands.get(job.index()).copied().unwrap_or_default()
    }

    fn pool(&self, job: JobId) -> usize {
        if self.demand(job).is_away { AWAY } else { HERE }
    }

    /// These services stay up until the run is stopped, even if no job uses them.
    pub(crate) fn with_lasting(mut self, services: &[JobId]) -> Scheduler {
        services.iter().for_each(|job| self.services.set_lasting(*job));
        self
    }

    /// Returns the jobs that were settled before any ran, with their outcomes. Call it once, first.
    pub(crate) fn begin(&mut self) -> Vec<(JobId, Outcome)> {
        let early = std::mem::take(&mut self.early);
        self.with_outcomes(early)
    }

    /// Returns the job to start now, which then counts as running; None while nothing may start.
    pub(crate) fn next(&mut self) -> Option<JobId> {
        if self.phase == Phase::Over || self.running >= self.most {
            return None;
        }
        if let Some(job) =
            self.unbound.front().copied().filter(|job| !self.terminal_runs || self.demand(*job).is_away)
        {
            self.unbound.pop_front();
            self.start(job);
            return Some(job);
        }
        let here = if self.terminal_runs { None } else { self.next_of(HERE) };
        here.or_else(|| self.next_of(AWAY))
    }

    fn next_of(&mut self, pool: usize) -> Option<JobId> {
        loop {
            let (priority, Reverse((_, job))) = *self.ready[pool].peek()?;
            // The first job waits until there is room for it, even if smaller ones would fit; otherwise it might never start.
            if !self.pools[pool].has_room(self.demand(job)) {
                return None;
            }
            if self.plan.job(job).work == Work::Terminal && self.running > self.away {
                // It runs alone on this machine: let the others end first.
                return None;
            }
            self.ready[pool].pop();
            if !self.may_enter_lane(job) {
                let LaneId(lane) =
                    self.plan.job(job).lane.expect("bug: a job without a lane was held back by one");
                self.lanes[lane as usize].parked.push(job);
                continue;
            }
            debug_assert_eq!(priority, self.priority(job));
            self.start(job);
            return Some(job);
        }
    }

    fn start(&mut self, job: JobId) {
        debug_assert_eq!(self.states[job.index()], State::Ready);
        self.states[job.index()] = State::Running;
        self.has_begun[job.index()] = true;
        self.running += 1;
        let (demand, pool) = (self.demand(job), self.pool(job));
        self.away += usize::from(demand.is_away);
        if self.holds_slot(job) {
            self.pools[pool].take(demand);
        }
        self.terminal_runs |= self.plan.job(job).work == Work::Terminal;
        if let Some(LaneId(lane)) = self.plan.job(job).lane {
            self.lanes[lane as usize].running += 1;
        }
    }

    /// Counts a job that another otto started as running, even if there is no room for it. Returns false if this plan cannot
    /// have started it yet. Call [`Scheduler::forget_started`] after the last of them.
    pub(crate) fn start_known(&mut self, job: JobId) -> bool {
        match self.states[job.index()] {
            State::Ready => {}
            State::Pausing => self.states[job.index()] = State::Ready,
            State::Waiting { .. } | State::Growing | State::Running | State::Held | State::Settled(_) => {
                return false;
            }
        }
        self.start(job);
        true
    }

    /// Whether the jobs of this group are about to be created, or the run has this job.
    pub(crate) fn is_under_way(&self, job: JobId) -> bool {
        matches!(self.states[job.index()], State::Growing | State::Running | State::Pausing)
    }

    /// Removes the jobs that [`Scheduler::start_known`] started from the queues.
    pub(crate) fn forget_started(&mut self) {
        self.forget_settled();
    }

    fn holds_slot(&self, job: JobId) -> bool {
        !self.is_unbound(job)
    }

    fn is_unbound(&self, job: JobId) -> bool {
        self.lane_kind(job) == Some(Lane::All) || self.plan.job(job).work == Work::Service
    }

    fn lane_kind(&self, job: JobId) -> Option<Lane> {
        self.plan.job(job).lane.map(|LaneId(lane)| self.lanes[lane as usize].kind)
    }

    fn may_enter_lane(&self, job: JobId) -> bool {
        let Some(LaneId(lane)) = self.plan.job(job).lane else { return true };
        let lane = &self.lanes[lane as usize];
        match lane.kind {
            Lane::All => true,
            Lane::Most(most) => lane.running < most,
            Lane::Serial => lane.running == 0 && lane.members.get(lane.front) == Some(&job),
        }
    }

    /// From now on the stream of this running job can be read, so its readers no longer wait for its end. Returns the readers
    /// that this settles, because another job that they need has failed.
    pub(crate) fn stream(&mut self, job: JobId) -> Vec<(JobId, Outcome)> {
        assert_eq!(self.states[job.index()], State::Running, "bug: a job that does not run cannot stream");
        let is_stopping = matches!(self.phase, Phase::Stopping | Phase::Over);
        if is_stopping { Vec::new() } else { self.open(job) }
    }

    /// This running service is ready: the jobs that use it no longer wait for it, and it no longer counts as running. Returns
    /// the jobs that this settles.
    pub(crate) fn up(&mut self, job: JobId) -> Vec<(JobId, Outcome)> {
        assert_eq!(self.states[job.index()], State::Running, "bug: a service that does not run is not up");
        assert!(!self.services.is_up(job), "bug: a service is up twice");
        self.services.set_up(job, true);
        self.running -= 1;
        self.open(job)
    }

    /// Returns the services that no job uses any more and that should end, each once.
    pub(crate) fn idle_services(&mut self) -> Vec<JobId> {
        let states = &self.states;
        self.services.idle(|job| states[job.index()] == State::Running)
    }

    /// Whether a job still needs this service.
    pub(crate) fn is_used(&self, service: JobId) -> bool {
        self.services.has_users(service)
    }

    /// Returns the running jobs that need this service to succeed, directly or through other jobs.
    pub(crate) fn running_users(&self, service: JobId) -> Vec<JobId> {
        let bound = self.services.bound_to(service).iter().copied();
        bound.filter(|job| self.states[job.index()] == State::Running).collect()
    }

    /// The dependents that may start while the job runs no longer wait for it.
    fn open(&mut self, job: JobId) -> Vec<(JobId, Outcome)> {
        if std::mem::replace(&mut self.streams[job.index()], true) {
            return Vec::new();
        }
        let released = self.no_longer_missing(&self.readers[job.index()].clone());
        let settled = self.settle_released(released);
        self.with_outcomes(settled)
    }

    /// Marks one need of each of these jobs as met. Returns those that wait for no other.
    fn no_longer_missing(&mut self, jobs: &[JobId]) -> Vec<JobId> {
        let mut released = Vec::new();
        for job in jobs {
            if let State::Waiting { missing } = &mut self.states[job.index()] {
                *missing -= 1;
                if *missing == 0 {
                    released.push(*job);
                }
            }
        }
        released
    }

    /// Puts a job that counts as running, but has not begun, back into its queue.
    pub(crate) fn put_back(&mut self, job: JobId) {
        assert_eq!(
            self.states[job.index()],
            State::Running,
            "bug: a job that does not run cannot be put back"
        );
        self.has_begun[job.index()] = false;
        self.leave(job);
        self.states[job.index()] = State::Ready;
        self.enqueue(job);
    }

    /// The attempt of a running job failed and another will follow; until [`Scheduler::resume`] it holds no slot.
    /// It keeps its place in its lane.
    pub(crate) fn pause(&mut self, job: JobId) {
        assert_eq!(self.states[job.index()], State::Running, "bug: a job that does not run cannot pause");
        self.states[job.index()] = State::Pausing;
        self.leave(job);
    }

    /// The pause is over: the job may start again.
    pub(crate) fn resume(&mut self, job: JobId) {
        if self.states[job.index()] == State::Pausing {
            self.states[job.index()] = State::Ready;
            self.enqueue(job);
        }
    }

    /// Releases what a running job holds.
    fn leave(&mut self, job: JobId) {
        self.running -= usize::from(!self.services.is_up(job));
        self.services.set_up(job, false);
        let (demand, pool) = (self.demand(job), self.pool(job));
        self.away -= usize::from(demand.is_away);
        if self.holds_slot(job) {
            self.pools[pool].give_back(demand);
        }
        self.terminal_runs &= self.plan.job(job).work != Work::Terminal;
        if let Some(LaneId(lane)) = self.plan.job(job).lane {
            let lane = &mut self.lanes[lane as usize];
            lane.running -= 1;
            for parked in std::mem::take(&mut lane.parked) {
                self.push(parked);
            }
        }
    }

    /// Starting the longest chain first keeps several slots busy. With a single slot there is nothing to gain, so the order is
    /// that of the plan, as `--dry-run` lists it.
    fn priority(&self, job: JobId) -> u32 {
        if self.pools[self.pool(job)].is_single() { 0 } else { self.heights[job.index()] }
    }

    fn push(&mut self, job: JobId) {
        let entry = (self.priority(job), Reverse((self.plan.place(job), job)));
        self.ready[self.pool(job)].push(entry);
    }

    fn enqueue(&mut self, job: JobId) {
        if self.is_unbound(job) {
            self.unbound.push_back(job);
        } else {
            self.push(job);
        }
    }

    /// Settles a running (or pausing) job and all jobs whose outcome follows from it. Returns all that were settled, this one
    /// first.
    pub(crate) fn finish(&mut self, job: JobId, outcome: Outcome) -> Vec<(JobId, Outcome)> {
        match self.states[job.index()] {
            State::Running => self.leave(job),
            State::Pausing | State::Growing => {}
            State::Waiting { .. } | State::Ready | State::Held | State::Settled(_) => {
                unreachable!("bug: job {job:?} finished without running")
            }
        }
        let has_failed = outcome.is_failure();
        self.set(job, outcome);
        let mut settled = vec![job];
        if has_failed {
            settled.extend(self.fail_users(job));
        }
        if has_failed && self.policy != Policy::KeepGoing && self.phase == Phase::Going {
            self.phase = Phase::Failing;
            settled.extend(self.settle_rest(&Outcome::Skipped(Skip::FailFast)));
        }
        settled.extend(self.settle_after(settled.clone()));
        self.with_outcomes(settled)
    }

    /// From now on starts only jobs that clean up: those that run always, after one that had started. Returns the jobs that
    /// this settles: all others that do not run.
    pub(crate) fn stop(&mut self) -> Vec<(JobId, Outcome)> {
        self.end(Phase::Stopping)
    }

    /// Starts nothing more at all. Returns the jobs that this settles: all that do not run.
    pub(crate) fn stop_all(&mut self) -> Vec<(JobId, Outcome)> {
        self.end(Phase::Over)
    }

    /// Prevents jobs that need a failed service from starting, even if the jobs between the two succeeded.
    fn fail_users(&mut self, service: JobId) -> Vec<JobId> {
        let mut failed = self.services.bound_to(service).to_vec();
        failed.retain(|job| {
            let is_due =
                matches!(self.states[job.index()], State::Waiting { .. } | State::Ready | State::Pausing);
            // A group has the outcome of its needs.
            is_due && self.plan.job(*job).work.has_body()
        });
        let name = self.plan.job(service).name.clone();
        for job in &failed {
            self.set(*job, Outcome::Skipped(Skip::Needs(name.clone())));
        }
        if !failed.is_empty() {
            self.forget_settled();
        }
        failed
    }

    fn end(&mut self, phase: Phase) -> Vec<(JobId, Outcome)> {
        self.phase = phase;
        self.services.last_no_longer();
        let mut settled = self.settle_rest(&Outcome::Cancelled);
        settled.extend(self.settle_after(settled.clone()));
        self.with_outcomes(settled)
    }

    /// Whether a job cleans up, so that it continues although the run was stopped.
    pub(crate) fn tidies_up(&self, job: JobId) -> bool {
        self.is_called_for(self.plan.job(job), &self.has_begun)
    }

    /// Nothing runs and nothing is left to run.
    pub(crate) fn is_done(&self) -> bool {
        self.unsettled == 0
    }

    #[cfg(test)]
    pub(crate) fn running(&self) -> usize {
        self.running
    }

    pub(crate) fn outcome(&self, job: JobId) -> Option<&Outcome> {
        match &self.states[job.index()] {
            State::Settled(outcome) => Some(outcome),
            State::Waiting { .. }
            | State::Ready
            | State::Growing
            | State::Running
            | State::Held
            | State::Pausing => None,
        }
    }

    fn with_outcomes(&self, jobs: Vec<JobId>) -> Vec<(JobId, Outcome)> {
        let outcome =
            |job: JobId| self.outcome(job).expect("bug: a job counts as settled without an outcome").clone();
        jobs.into_iter().map(|job| (job, outcome(job))).collect()
    }

    /// Gives this outcome to every job that neither runs nor is settled, except those that may still be started.
    fn settle_rest(&mut self, outcome: &Outcome) -> Vec<JobId> {
        let mut settled = Vec::new();
        // For each job: whether it has begun or may still do so.
        let mut may_begin = self.has_begun.clone();
        for id in self.plan.in_order() {
            let job = self.plan.job(id);
            match self.states[id.index()] {
                State::Running | State::Settled(_) => continue,
                State::Waiting { .. } | State::Ready | State::Growing | State::Held | State::Pausing => {}
            }
            let is_called_for = match job.work.has_body() || job.awaits_data() {
                true => self.is_called_for(job, &may_begin),
                false => job.needs.iter().any(|need| may_begin[need.job.index()]),
            };
            if is_called_for && self.phase != Phase::Over {
                may_begin[id.index()] = true;
            } else {
                settled.push(id);
            }
        }
        for job in &settled {
            self.set(*job, outcome.clone());
        }
        self.forget_settled();
        let also: Vec<JobId> = settled.iter().flat_map(|job| self.no_longer_held(*job)).collect();
        settled.extend(also);
        settled
    }

    /// Whether a job still starts although the run was stopped.
    fn is_called_for(&self, job: &Job, has_begun: &[bool]) -> bool {
        job.needs.iter().any(|need| {
            has_begun[need.job.index()]
                && match need.when {
                    When::Success | When::Ran => false,
                    When::Failure => matches!(self.phase, Phase::Going | Phase::Failing),
                    When::Always => true,
                }
        })
    }

    fn set(&mut self, job: JobId, outcome: Outcome) {
        let state = &mut self.states[job.index()];
        assert!(!matches!(state, State::Settled(_)), "bug: job {job:?} settled twice");
        // A job that was up to date, or whose `if` was false, did not start.
        self.has_begun[job.index()] &= !matches!(outcome, Outcome::Fresh { .. } | Outcome::Skipped(Skip::If));
        *state = State::Settled(outcome);
        self.services.settled(job);
        self.unsettled -= 1;
        let about = self.plan.job(job);
        if !about.work.has_body() {
            self.has_begun[job.index()] = about.needs.iter().any(|need| self.has_begun[need.job.index()]);
        }
    }

    /// Follows the consequences of settled jobs; returns what else was settled.
    fn settle_after(&mut self, mut open: Vec<JobId>) -> Vec<JobId> {
        let mut settled = Vec::new();
        while let Some(job) = open.pop() {
            let mut dependants = self.dependants[job.index()].clone();
            let mut also = Vec::new();
            if self.streams[job.index()] {
                let readers = std::mem::take(&mut self.readers[job.index()]);
                dependants.retain(|dependant| !readers.contains(dependant));
                also.extend(self.withdraw(&readers));
            }
            let released = self.no_longer_missing(&dependants);
            also.extend(self.release(released));
            also.extend(self.end_group(job));
            also.extend(self.advance_lane(job));
            if !self.held.is_empty() {
                let plan = self.plan.clone();
                also.extend(self.settle_unwanted(plan.job(job).needs.iter().map(|need| need.job)));
            }
            open.extend(&also);
            settled.extend(also);
        }
        settled
    }

    /// As `settle_after`, for jobs that wait for nothing.
    fn settle_released(&mut self, released: Vec<JobId>) -> Vec<JobId> {
        let mut settled = self.release(released);
        settled.extend(self.settle_after(settled.clone()));
        settled
    }

    /// Queues or settles jobs whose needs are all settled.
    fn release(&mut self, released: Vec<JobId>) -> Vec<JobId> {
        let mut settled = Vec::new();
        for job in released {
            match self.decide(self.plan.job(job)) {
                Some(outcome) => {
                    self.set(job, outcome);
                    settled.push(job);
                }
                None if self.plan.job(job).awaits_data() => {
                    self.states[job.index()] = State::Growing;
                    self.growing.push_back(job);
                }
                None => {
                    self.states[job.index()] = State::Ready;
                    self.enqueue(job);
                }
            }
        }
        settled
    }

    /// A job that others could read while it ran has ended: settles the readers that have not started and no longer may.
    fn withdraw(&mut self, readers: &[JobId]) -> Vec<JobId> {
        let mut settled = Vec::new();
        for job in readers {
            if self.states[job.index()] == State::Ready
                && let Some(outcome) = self.decide(self.plan.job(*job))
            {
                self.set(*job, outcome);
                settled.push(*job);
            }
        }
        if !settled.is_empty() {
            self.forget_settled();
        }
        settled
    }

    /// Removes jobs that must no longer start from the queues.
    fn forget_settled(&mut self) {
        let states = &self.states;
        let is_ready = |job: &JobId| states[job.index()] == State::Ready;
        self.ready.iter_mut().for_each(|queue| queue.retain(|(_, Reverse((_, job)))| is_ready(job)));
        self.unbound.retain(is_ready);
        self.lanes.iter_mut().for_each(|lane| lane.parked.retain(is_ready));
    }

    /// After a failure with `fail_fast`, no further job of the group starts.
    fn end_group(&mut self, job: JobId) -> Vec<JobId> {
        let plan = self.plan.clone();
        let failed = plan.job(job);
        let Some(group) = failed.group.filter(|_| failed.ends_group) else { return Vec::new() };
        if !self.outcome(job).is_some_and(Outcome::is_failure) {
            return Vec::new();
        }
        let is_open =
            |member: &JobId| matches!(self.states[member.index()], State::Waiting { .. } | State::Ready);
        let members = plan.job(group).members().unwrap_or_default();
        let skipped: Vec<JobId> = members.iter().copied().filter(is_open).collect();
        for member in &skipped {
            self.set(*member, Outcome::Skipped(Skip::SerialPredecessor(failed.name.clone())));
        }
        if !skipped.is_empty() {
            self.forget_settled();
        }
        skipped
    }

    /// After a member of a serial lane was settled: releases the next one, or skips all of them after a failure.
    fn advance_lane(&mut self, job: JobId) -> Vec<JobId> {
        let Some(LaneId(lane)) = self.plan.job(job).lane else { return Vec::new() };
        let lane = lane as usize;
        if self.lanes[lane].kind != Lane::Serial {
            return Vec::new();
        }
        let mut skipped = Vec::new();
        if self.outcome(job).is_some_and(Outcome::is_failure) {
            let predecessor = self.plan.job(job).name.clone();
            for index in 0..self.lanes[lane].members.len() {
                let member = self.lanes[lane].members[index];
                let is_open = matches!(self.states[member.index()], State::Waiting { .. } | State::Ready);
                if member > job && is_open {
                    self.set(member, Outcome::Skipped(Skip::SerialPredecessor(predecessor.clone())));
                    skipped.push(member);
                }
            }
            self.forget_settled();
            self.lanes[lane].parked.clear();
        }
        let lane = &mut self.lanes[lane];
        while lane
            .members
            .get(lane.front)
            .is_some_and(|member| matches!(self.states[member.index()], State::Settled(_)))
        {
            lane.front += 1;
        }
        for parked in std::mem::take(&mut lane.parked) {
            self.push(parked);
        }
        skipped
    }

    /// The outcome of a job that its needs alone decide; None if it is to run.
    fn decide(&self, job: &Job) -> Option<Outcome> {
        let outcome = |need: &Need| match (self.outcome(need.job), need.flow) {
            (None, Flow::Stream { .. } | Flow::Up) if self.streams[need.job.index()] => None,
            // It started, so its stream exists up to where it failed.
            (Some(Outcome::Failed { .. }), Flow::Stream { is_lenient: true })
                if self.streams[need.job.index()] =>
            {
                None
            }
            (Some(outcome), _) => Some(outcome),
            (None, _) => match self.held_outcome(need.job) {
                Some(outcome) => Some(outcome),
                None => unreachable!("bug: a job was released before its needs were met"),
            },
        };
        if job.members().is_some_and(|members| !members.is_empty()) {
            return Some(self.group_outcome(job));
        }
        if matches!(job.work, Work::Group | Work::Condition)
            && let Some(failed) = self.failed_member(job)
        {
            return Some(failed);
        }
        let mut not_called_for = None;
        let mut not_ran = None;
        for need in &job.needs {
            let name = || self.plan.job(need.job).name.clone();
            let Some(outcome) = outcome(need) else { continue };
            match (need.when, outcome) {
                (When::Always, _)
                | (When::Success | When::Ran, Outcome::Succeeded | Outcome::Fresh { .. })
                | (When::Failure, Outcome::Failed { .. }) => {}
                // Its stream was opened, and ended empty.
                (When::Success, Outcome::Skipped(Skip::If)) => {}
                // A job that does not run never becomes ready; a stream that was never written has no end.
                (When::Success, Outcome::Skipped(skip)) if skip.is_harmless() && need.flow == Flow::AtEnd => {
                }
                (When::Ran, Outcome::Skipped(skip)) if skip.is_harmless() => {
                    not_ran.get_or_insert_with(name);
                }
                (_, Outcome::Cancelled | Outcome::Interrupted { .. }) => return Some(Outcome::Cancelled),
                (When::Success | When::Ran, Outcome::Skipped(Skip::NotCalledFor(_))) | (When::Failure, _) => {
                    not_called_for.get_or_insert_with(name);
                }
                (When::Success | When::Ran, Outcome::Failed { .. } | Outcome::Skipped(_)) => {
                    return Some(Outcome::Skipped(Skip::Needs(name())));
                }
            }
        }
        if let Some(job) = not_called_for {
            return Some(Outcome::Skipped(Skip::NotCalledFor(job)));
        }
        if let Some(job) = not_ran {
            return Some(Outcome::Skipped(Skip::NotRan(job)));
        }
        if let Some(systems) = &job.elsewhere {
            return Some(Outcome::Skipped(Skip::Os(systems.to_string())));
        }
        match (job.work.has_body() || job.awaits_data(), self.phase) {
            (false, _) => Some(Outcome::Succeeded),
            (true, Phase::Going) => None,
            (true, _) if self.is_called_for(job, &self.has_begun) => None,
            (true, Phase::Failing) => Some(Outcome::Skipped(Skip::FailFast)),
            (true, Phase::Stopping | Phase::Over) => Some(Outcome::Cancelled),
        }
    }

    /// A task without a body groups its dependencies, so it fails if one fails that it needs to succeed. Otherwise jobs that
    /// wait for its failure would never run.
    fn failed_member(&self, group: &Job) -> Option<Outcome> {
        let wanted = group.needs.iter().filter(|need| need.when.is_success());
        wanted.filter_map(|need| self.outcome(need.job)).find_map(|outcome| match outcome {
            Outcome::Failed { exit, .. } => {
                Some(Outcome::Failed { exit: exit.clone(), reason: None, code: None })
            }
            Outcome::Succeeded
            | Outcome::Fresh { .. }
            | Outcome::Skipped(_)
            | Outcome::Interrupted { .. }
            | Outcome::Cancelled => None,
        })
    }

    /// A foreach group fails if one of its jobs failed. It is skipped if one was skipped because something went wrong, or if all
    /// were skipped for another reason. Otherwise it succeeded.
    fn group_outcome(&self, group: &Job) -> Outcome {
        let outcomes = || group.needs.iter().filter_map(|need| self.outcome(need.job));
        if let Some(Outcome::Failed { exit, .. }) = outcomes().find(|outcome| outcome.is_failure()) {
            return Outcome::Failed { exit: exit.clone(), reason: None, code: None };
        }
        let other = outcomes().find(|outcome| !outcome.is_success() && !outcome.is_harmless_skip());
        let are_all_skipped = outcomes().all(Outcome::is_harmless_skip);
        let other = other.or_else(|| outcomes().next().filter(|_| are_all_skipped));
        other.cloned().map_or(Outcome::Succeeded, |outcome| match outcome {
            Outcome::Interrupted { .. } => Outcome::Cancelled,
            other => other,
        })
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod service_tests;
#[cfg(test)]
mod growing;

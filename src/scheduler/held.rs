//! Jobs that are up to date as far as their own files tell, but whose values are secret and so were not kept. They run only
//! if a job that depends on them runs. Until that is known, their dependents are checked with what was recorded.

use super::{Scheduler, State};
use crate::event::Outcome;
use crate::ottofile::spec::When;
use crate::plan::{Flow, Job, JobId, Lane, LaneId, Work};
use std::collections::HashSet;

/// A job that is or was held.
#[derive(Debug)]
pub(super) struct Held {
    /// Its outcome if it need not run.
    outcome: Outcome,
    /// The dependents that may start before it is decided.
    readers: Vec<JobId>,
}

impl Scheduler {
    /// Whether a running job can be held. Dependents that need more than its success wait for its end, and so do their own
    /// dependents: none of its other dependents may be among those.
    pub(crate) fn can_hold(&self, job: JobId) -> bool {
        let dependants = &self.dependants[job.index()];
        let is_known = |dependant: &JobId| !matches!(self.plan.job(*dependant).work, Work::ForeachGroup(_));
        let about = self.plan.job(job);
        // No job reads its stream, and it reads no stream and uses no service.
        let is_alone = about.lane.is_none()
            && self.readers[job.index()].is_empty()
            && about.needs.iter().all(|need| need.flow == Flow::AtEnd);
        if !is_alone || !dependants.iter().all(is_known) {
            return false;
        }
        let (readers, others): (Vec<JobId>, Vec<JobId>) =
            dependants.iter().partition(|dependant| may_start(self.plan.job(**dependant), job));
        let held = self.plan.ids().filter(|id| self.states[id.index()] == State::Held);
        let mut open: Vec<JobId> = held.flat_map(|held| &self.dependants[held.index()]).copied().collect();
        open.extend(others);
        let mut waiting: HashSet<JobId> = open.iter().copied().collect();
        while let Some(other) = open.pop() {
            // Jobs of a serial lane wait for each other.
            let lane = self.plan.job(other).lane.map(|LaneId(lane)| &self.lanes[lane as usize]);
            let lane = lane.filter(|lane| lane.kind == Lane::Serial);
            let later = lane.into_iter().flat_map(|lane| &lane.members).filter(|member| **member > other);
            let all = self.dependants[other.index()].iter().chain(later).copied();
            open.extend(all.filter(|dependant| waiting.insert(*dependant)));
        }
        readers.iter().all(|reader| !waiting.contains(reader))
    }

    /// Holds a running job, which runs only if a dependent does; the dependents may start and be checked. Returns the jobs that
    /// this settles.
    pub(crate) fn hold(&mut self, job: JobId, outcome: Outcome) -> Vec<(JobId, Outcome)> {
        assert_eq!(self.states[job.index()], State::Running, "bug: a job that does not run cannot be held");
        self.has_begun[job.index()] = false;
        self.leave(job);
        let dependants = std::mem::take(&mut self.dependants[job.index()]);
        let (readers, others): (Vec<JobId>, Vec<JobId>) =
            dependants.into_iter().partition(|dependant| may_start(self.plan.job(*dependant), job));
        self.dependants[job.index()] = others;
        self.states[job.index()] = State::Held;
        self.held.insert(job, Held { outcome, readers: readers.clone() });
        let released = self.no_longer_missing(&readers);
        let mut settled = self.settle_released(released);
        let unwanted = self.settle_unwanted([job]);
        settled.extend(&unwanted);
        settled.extend(self.settle_after(unwanted));
        self.with_outcomes(settled)
    }

    /// A job that counts as running must run, and so must the held jobs that it needs. Returns whether it waits for any; if so,
    /// it is started again when they have ended.
    pub(crate) fn waits_for_held(&mut self, job: JobId) -> bool {
        let needs: HashSet<JobId> = self.unsettled_needs(job).collect();
        if needs.is_empty() {
            return false;
        }
        self.has_begun[job.index()] = false;
        self.leave(job);
        self.states[job.index()] = State::Waiting { missing: needs.len() as u32 };
        for need in needs {
            self.dependants[need.index()].push(job);
            if self.states[need.index()] == State::Held {
                self.run_held(need);
            }
        }
        true
    }

    /// Whether a job was started although a job that it needs is held and may still have to run.
    pub(crate) fn needs_held(&self, job: JobId) -> bool {
        self.unsettled_needs(job).next().is_some()
    }

    fn unsettled_needs(&self, job: JobId) -> impl Iterator<Item = JobId> + '_ {
        let needs = self.plan.job(job).needs.iter().filter(|need| need.flow == Flow::AtEnd);
        needs.map(|need| need.job).filter(|need| !matches!(self.states[need.index()], State::Settled(_)))
    }

    /// Runs a held job after all. Its dependents that have not started wait for it again.
    fn run_held(&mut self, job: JobId) {
        let held = self.held.get_mut(&job).expect("bug: a job is held without an outcome");
        for reader in std::mem::take(&mut held.readers) {
            match &mut self.states[reader.index()] {
                State::Waiting { missing } if !self.dependants[job.index()].contains(&reader) => {
                    *missing += 1
                }
                state @ State::Ready => *state = State::Waiting { missing: 1 },
                // It waits already, is being checked, or has ended.
                State::Waiting { .. }
                | State::Growing
                | State::Running
                | State::Held
                | State::Pausing
                | State::Settled(_) => continue,
            }
            self.dependants[job.index()].push(reader);
        }
        self.forget_settled();
        self.states[job.index()] = State::Ready;
        self.enqueue(job);
    }

    /// Settles the held jobs among these that no dependent needs any more.
    pub(super) fn settle_unwanted(&mut self, jobs: impl IntoIterator<Item = JobId>) -> Vec<JobId> {
        let mut settled = Vec::new();
        for job in jobs {
            if self.states[job.index()] != State::Held {
                continue;
            }
            let held = &self.held[&job];
            let is_over = |reader: &JobId| matches!(self.states[reader.index()], State::Settled(_));
            if held.readers.iter().all(is_over) {
                let outcome = held.outcome.clone();
                self.set(job, outcome);
                settled.push(job);
            }
        }
        settled
    }

    /// The run was stopped, so a job that was held will not run: decides again about its dependents that were about to start.
    /// Returns those that this settles.
    pub(super) fn no_longer_held(&mut self, job: JobId) -> Vec<JobId> {
        let readers = self.held.get_mut(&job).map(|held| std::mem::take(&mut held.readers));
        self.withdraw(&readers.unwrap_or_default())
    }

    /// The outcome of a job that is or was held, as far as its own files tell.
    pub(super) fn held_outcome(&self, job: JobId) -> Option<&Outcome> {
        self.held.get(&job).map(|held| &held.outcome)
    }
}

/// Whether a job may start while one that it needs is held: it needs that job's success or its end, and can be checked.
fn may_start(dependant: &Job, held: JobId) -> bool {
    let mut needs = dependant.needs.iter().filter(|need| need.job == held);
    dependant.work.has_body() && needs.all(|need| need.when != When::Failure && need.flow == Flow::AtEnd)
}

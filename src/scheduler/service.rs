//! Which services are up, and which jobs still use them.
//! Knows no queues, and only the outcomes that it is told; the scheduler decides what happens to a service.

use crate::plan::service::{Reliance, edges, reliance};
use crate::plan::{JobId, Plan, Work};

/// The services of one plan.
#[derive(Debug, Default)]
pub(super) struct Services {
    all: Vec<Upkeep>,
    /// For each job that uses services, their places in `all`.
    used: Vec<Vec<u32>>,
}

#[derive(Debug)]
struct Upkeep {
    job: JobId,
    /// Jobs that depend on it, directly or through others, and are not settled.
    users: usize,
    /// The users that need it to succeed, directly or through others: they fail with it.
    bound: Vec<JobId>,
    had_users: bool,
    /// Stays up until the run is stopped.
    is_lasting: bool,
    is_up: bool,
    /// It is known to be unused, or it has ended.
    is_over: bool,
}

impl Services {
    pub(super) fn new(plan: &Plan) -> Services {
        let mut services = Services::default();
        let edges = edges(plan);
        let order = plan.in_order();
        for id in plan.ids().filter(|id| plan.job(*id).work == Work::Service) {
            let place = services.all.len() as u32;
            services.used.resize(plan.jobs.len(), Vec::new());
            let (mut users, mut bound) = (0, Vec::new());
            for (user, reliance) in plan.ids().zip(reliance(&edges, &order, id)) {
                let Reliance::Uses { is_bound } = reliance else { continue };
                users += 1;
                services.used[user.index()].push(place);
                if is_bound {
                    bound.push(user);
                }
            }
            services.all.push(Upkeep {
                job: id,
                users,
                bound,
                had_users: users > 0,
                is_lasting: false,
                is_up: false,
                is_over: false,
            });
        }
        services
    }

    /// Continues with a larger plan, in which some jobs are already settled.
    pub(super) fn grow(&mut self, plan: &Plan, is_settled: impl Fn(JobId) -> bool) {
        if self.all.is_empty() {
            return;
        }
        let mut larger = Services::new(plan);
        for job in plan.ids().filter(|id| is_settled(*id)) {
            for place in &larger.used[job.index()] {
                larger.all[*place as usize].users -= 1;
            }
        }
        for (new, old) in larger.all.iter_mut().zip(&self.all) {
            (new.is_lasting, new.is_up, new.is_over) = (old.is_lasting, old.is_up, old.is_over);
            new.had_users |= old.had_users;
        }
        *self = larger;
    }

    fn find(&self, job: JobId) -> Option<&Upkeep> {
        self.all.iter().find(|service| service.job == job)
    }

    fn find_mut(&mut self, job: JobId) -> Option<&mut Upkeep> {
        self.all.iter_mut().find(|service| service.job == job)
    }

    pub(super) fn set_lasting(&mut self, job: JobId) {
        if let Some(service) = self.find_mut(job) {
            service.is_lasting = true;
        }
    }

    /// The run is stopped: services that would stay up end as well.
    pub(super) fn last_no_longer(&mut self) {
        for service in &mut self.all {
            service.had_users |= std::mem::take(&mut service.is_lasting);
        }
    }

    pub(super) fn is_up(&self, job: JobId) -> bool {
        self.find(job).is_some_and(|service| service.is_up)
    }

    pub(super) fn set_up(&mut self, job: JobId, is_up: bool) {
        if let Some(service) = self.find_mut(job) {
            service.is_up = is_up;
        }
    }

    /// A settled job no longer uses a service, and no longer is one.
    pub(super) fn settled(&mut self, job: JobId) {
        for place in self.used.get(job.index()).into_iter().flatten() {
            self.all[*place as usize].users -= 1;
        }
        if let Some(service) = self.find_mut(job) {
            (service.is_over, service.is_up) = (true, false);
        }
    }

    pub(super) fn has_users(&self, job: JobId) -> bool {
        self.find(job).is_some_and(|service| service.users > 0)
    }

    /// The jobs that fail with a service.
    pub(super) fn bound_to(&self, job: JobId) -> &[JobId] {
        self.find(job).map_or(&[], |service| &service.bound)
    }

    /// Returns the services that no job uses any more, each once.
    pub(super) fn idle(&mut self, has_begun: impl Fn(JobId) -> bool) -> Vec<JobId> {
        let is_idle = |service: &&mut Upkeep| {
            service.users == 0
                && !service.is_lasting
                && !service.is_over
                && (service.is_up || service.had_users)
                && has_begun(service.job)
        };
        let idle = self.all.iter_mut().filter(is_idle).map(|service| {
            service.is_over = true;
            service.job
        });
        idle.collect()
    }
}

//! Continues a run whose otto was killed: replays its events without running anything again, and takes over the jobs that
//! are on the cluster.

use super::{Finished, Run, Setting, StartedJob, Timer, Trial};
use crate::diagnostic::Diagnostic;
use crate::event::{Event, Exit, Outcome, Stamped, Stream};
use crate::exec::slurm::SiteRules;
use crate::exec::{AttemptId, KnownAttempt, Stop};
use crate::history::order;
use crate::name::JobName;
use crate::plan::{JobId, JobPlace, Plan};
use crate::resources::Resources;
use crate::scheduler::Policy;
use crate::store::outputs::{self, Outputs};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Everything that another otto needs to continue a run, besides the ottofile and the journal. The environment is that of
/// the otto that continues. Borrowed from the run when written, owned when read.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WrittenPlan<'a> {
    /// The version of otto. Another version may have another format of plans.
    pub(crate) otto: Cow<'a, str>,
    /// The names of the tasks in the ottofile: the plan refers to their places.
    pub(crate) tasks: Vec<Cow<'a, str>>,
    pub(crate) plan: Cow<'a, Plan>,
    pub(crate) places: Cow<'a, [JobPlace]>,
    #[serde(with = "shared")]
    pub(crate) resources: Cow<'a, [Arc<Resources>]>,
    pub(crate) slots: usize,
    pub(crate) local_slots: usize,
    pub(crate) policy: Policy,
    pub(crate) ignores_freshness: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) run_timeout: Option<Duration>,
    pub(crate) lost_retries: u32,
    pub(crate) rules: Cow<'a, SiteRules>,
}

/// The resources that most jobs share.
mod shared {
    use crate::resources::Resources;
    use serde::{Deserialize, Deserializer, Serializer};
    use std::borrow::Cow;
    use std::sync::Arc;

    pub(super) fn serialize<S: Serializer>(all: &[Arc<Resources>], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(all.iter().map(|one| &**one))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Cow<'static, [Arc<Resources>]>, D::Error> {
        let mut all: Vec<Arc<Resources>> = Vec::new();
        for one in Vec::<Resources>::deserialize(from)? {
            let same = all.last().filter(|last| ***last == one).cloned();
            all.push(same.unwrap_or_else(|| Arc::new(one)));
        }
        Ok(all.into())
    }
}

/// Reads the plan of a run of another otto.
pub(crate) fn written(setting: &Setting, rules: &SiteRules) -> Vec<u8> {
    let begun = WrittenPlan {
        otto: env!("CARGO_PKG_VERSION").into(),
        tasks: setting.ottofile.tasks.iter().map(|task| task.name.as_str().into()).collect(),
        plan: Cow::Borrowed(&*setting.plan),
        places: Cow::Borrowed(&setting.places),
        resources: Cow::Borrowed(&setting.resources),
        slots: setting.slots,
        local_slots: setting.local_slots,
        policy: setting.policy,
        ignores_freshness: setting.ignores_freshness,
        timeout: setting.timeout,
        run_timeout: setting.run_timeout,
        lost_retries: setting.lost_retries,
        rules: Cow::Borrowed(rules),
    };
    serde_json::to_vec(&begun).expect("bug: a plan is plain data")
}

/// Collects, while the journal is replayed, the events that follow from it and are not in it.
pub(super) struct Recalled {
    settled: HashSet<JobName>,
    groups: HashSet<JobName>,
    missing: Vec<Event>,
}

impl Recalled {
    fn of(past: &[Stamped]) -> Recalled {
        let (mut settled, mut groups) = (HashSet::new(), HashSet::new());
        for stamped in past {
            match &stamped.event {
                Event::JobSettled { job, .. } => drop(settled.insert(job.clone())),
                Event::JobsAdded { group, .. } => drop(groups.insert(group.clone())),
                _ => {}
            }
        }
        Recalled { settled, groups, missing: Vec::new() }
    }

    pub(super) fn keep(&mut self, event: Event) {
        let is_missing = match &event {
            Event::JobSettled { job, .. } => !self.settled.contains(job),
            Event::JobsAdded { group, .. } => !self.groups.contains(group),
            // The previous otto has reported everything else that it knew.
            _ => false,
        };
        if is_missing {
            self.missing.push(event);
        }
    }
}

/// An attempt that started and has no result yet.
#[derive(Clone, Copy, Debug)]
struct Flight {
    number: u32,
    has_begun: bool,
    has_ended: bool,
    is_pausing: bool,
}

type Misfit = String;

impl Run<'_> {
    /// Continues the run that recorded these events; the error says why they do not fit its plan.
    /// `show` is called when the view has seen them.
    pub(crate) fn resume(
        mut self,
        past: Vec<Stamped>,
        host: String,
        show: impl FnOnce(),
    ) -> Result<Finished, Misfit> {
        let Some(last) = past.last() else { return Err("its journal is empty".to_owned()) };
        self.seq = last.seq + 1;
        // No otto was running meanwhile, so only the wall clock tells how long it was.
        let away_us = (jiff::Timestamp::now().as_microsecond() - last.wall_us).max(0) as u64;
        let passed = Duration::from_micros(last.mono_us + away_us);
        self.begin = Instant::now().checked_sub(passed).unwrap_or(self.begin);
        for stamped in &past {
            self.outcomes.apply(stamped);
            self.view.event(stamped);
        }
        self.recalled = Some(Recalled::of(&past));
        let flights = self.recall(past)?;
        self.scheduler.forget_started();
        let recalled = self.recalled.take().expect("bug: it was set above");
        show();
        self.emit(Event::RunResumed { host });
        recalled.missing.into_iter().for_each(|event| self.emit(event));
        if let Some(limit) = self.setting.run_timeout {
            self.set_timer(limit.saturating_sub(passed), Timer::Run);
        }
        self.take_over(flights);
        Ok(self.go_on())
    }

    /// Brings scheduler and outputs to the state after these events.
    fn recall(&mut self, past: Vec<Stamped>) -> Result<BTreeMap<JobId, Flight>, Misfit> {
        let mut ids: HashMap<JobName, JobId> = self.names_from(0);
        let mut flights: BTreeMap<JobId, Flight> = BTreeMap::new();
        let early = self.scheduler.begin();
        self.settled(early);
        for stamped in past {
            let id = |name: &JobName| {
                ids.get(name).copied().ok_or_else(|| format!("`{name}` is no task of its plan"))
            };
            match stamped.event {
                Event::JobsAdded { group, jobs, .. } => {
                    let known = self.setting.plan.jobs.len();
                    let place = id(&group)?;
                    // Groups that follow another group are added with it.
                    if self.job(place).awaited().is_some() {
                        self.make_jobs_again(place).map_err(|wrong| first_of(&wrong))?;
                    }
                    ids.extend(self.names_from(known));
                    if let Some(missing) = jobs.iter().find(|job| !ids.contains_key(&job.name)) {
                        return Err(format!("`{}` is no longer a task of it", missing.name));
                    }
                }
                Event::AttemptStarted { job, attempt } => {
                    let id = id(&job)?;
                    if !self.scheduler.start_known(id) {
                        return Err(format!("`{job}` could not have started"));
                    }
                    let flight =
                        Flight { number: attempt, has_begun: false, has_ended: false, is_pausing: false };
                    flights.insert(id, flight);
                }
                Event::AttemptBegan { job, .. } => {
                    flights.entry(id(&job)?).and_modify(|flight| flight.has_begun = true);
                }
                Event::AttemptEnded { job, .. } => {
                    flights.entry(id(&job)?).and_modify(|flight| flight.has_ended = true);
                }
                Event::RetryPlanned { job, is_uncharged, .. } => {
                    let id = id(&job)?;
                    if let Some(flight) = flights.get_mut(&id) {
                        flight.is_pausing = true;
                        self.scheduler.pause(id);
                    }
                    *self.uncharged.entry(id).or_insert(0) += u32::from(is_uncharged);
                }
                Event::JobSettled { job, outcome, .. } => {
                    let id = id(&job)?;
                    flights.remove(&id);
                    self.settle_again(id, outcome)?;
                }
                Event::RunStarted { .. }
                | Event::Stale { .. }
                | Event::AttemptQueued { .. }
                | Event::Hint { .. }
                | Event::ServiceUp { .. }
                | Event::Warning { .. }
                | Event::RunResumed { .. }
                | Event::RunLeft { .. }
                | Event::Stopping { .. }
                | Event::RunEnded { .. } => {}
            }
        }
        Ok(flights)
    }

    fn names_from(&self, first: usize) -> HashMap<JobName, JobId> {
        let plan = &self.setting.plan;
        plan.ids().skip(first).map(|id| (plan.job(id).name.clone(), id)).collect()
    }

    fn settle_again(&mut self, id: JobId, outcome: Outcome) -> Result<(), Misfit> {
        if let Some(known) = self.scheduler.outcome(id) {
            return if *known == outcome { Ok(()) } else { Err(self.misfit(id)) };
        }
        let name = self.job(id).name.clone();
        let dir = self.setting.run_dir.job(&name);
        let read = match outcome {
            Outcome::Succeeded | Outcome::Fresh { .. } => outputs::read(&dir).map(Some),
            Outcome::Failed { .. } => outputs::read_recorded(&dir).map(Some),
            Outcome::Skipped(_) | Outcome::Interrupted { .. } | Outcome::Cancelled => Ok(None),
        };
        let outputs: Option<Outputs> = read.map_err(|error| error.to_string())?;
        // Jobs that were up to date were settled without an attempt.
        if !self.scheduler.is_under_way(id) && !self.scheduler.start_known(id) {
            return Err(self.misfit(id));
        }
        if let Some(outputs) = outputs {
            self.outputs[id.index()] = Some(Arc::new(outputs));
        }
        self.finish(id, outcome);
        Ok(())
    }

    fn misfit(&self, id: JobId) -> Misfit {
        format!("`{}` could not have ended so", self.job(id).name)
    }

    /// Continues the attempts that had started.
    fn take_over(&mut self, flights: BTreeMap<JobId, Flight>) {
        let mut told: HashMap<(usize, u32), [u64; 2]> = HashMap::new();
        for piece in order::read(&self.setting.run_dir) {
            let told = told.entry((piece.place, piece.attempt)).or_default();
            told[usize::from(piece.stream == Stream::Stderr)] += piece.bytes;
        }
        for (job, flight) in flights {
            let id = AttemptId { job, number: flight.number };
            if flight.is_pausing {
                self.states.insert(job, StartedJob::Pausing { number: flight.number + 1, evidence: None });
                self.set_timer(Duration::ZERO, Timer::Retry(job));
            } else if self.setting.places[job.index()] == JobPlace::Cluster {
                if flight.has_ended {
                    self.ended_before.insert(job);
                }
                let attempt = self.attempt(id, None);
                self.states.insert(job, StartedJob::Running(Trial { attempt: id, is_stopped: false }));
                let told = told.get(&(job.index(), id.number)).copied().unwrap_or_default();
                self.executor.adopt(
                    id,
                    Box::new(attempt),
                    KnownAttempt { has_begun: flight.has_begun, told },
                );
            } else {
                self.lost_here(id, flight);
            }
        }
        let has_failed =
            |id: JobId| matches!(self.scheduler.outcome(id), Some(outcome) if outcome.is_failure());
        if self.setting.policy == Policy::FailNow && self.setting.plan.ids().any(has_failed) {
            self.end_attempts(Stop::Polite { signal: super::SIGTERM });
        }
    }

    /// Attempts on the machine of the lost otto ended with it; repeats them without using up a retry.
    fn lost_here(&mut self, id: AttemptId, flight: Flight) {
        if !flight.has_ended {
            let name = self.job(id.job).name.clone();
            self.emit(Event::AttemptEnded {
                job: name,
                attempt: id.number,
                exit: Exit::Lost,
                leaked: 0,
                stdout_bytes: 0,
                stderr_bytes: 0,
                stream_bytes: 0,
                is_stream_short: false,
                line: None,
            });
        }
        *self.uncharged.entry(id.job).or_insert(0) += 1;
        self.plan_retry(id, Duration::ZERO, None, true);
    }
}

fn first_of(wrong: &[Diagnostic]) -> Misfit {
    wrong.first().map_or_else(String::new, |first| first.message.clone())
}

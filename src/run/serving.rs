//! What the run does about services: asks whether they are ready, ends those that no job uses any more, and fails the jobs
//! that used a service which ended by itself.

use super::launch::Started;
use super::service::{PROBE, Probe, Readiness, Serving, Stopped};
use super::{Run, SIGTERM, StartedJob, Timer, Trial, upkeep};
use crate::diagnostic::{Code, Diagnostic, Notice};
use crate::event::{Event, Exit, Outcome, Skip, Stream};
use crate::exec::keep::Adopted;
use crate::exec::local::GRACE;
use crate::exec::{AttemptId, Ended, Stop};
use crate::fate::last_lines;
use crate::host::plain;
use crate::plan::{Flow, JobId, Need};
use crate::store::regular;
use crate::store::share::Guesthood;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How many of its last lines are shown with the failure of a job that used a service which ended.
const SHOWN_LINES: usize = 8;

/// How often other runs are asked whether they still use a service.
const OFTEN: Duration = Duration::from_millis(100);

/// What the end of a service means.
pub(super) enum ServiceEnd {
    /// It has ended.
    Settled(Outcome),
    /// It failed before it was up, so another attempt may follow; if none does, this is its outcome.
    NeverUp(Outcome),
}

impl ServiceEnd {
    pub(super) fn is_failure(&self) -> bool {
        match self {
            ServiceEnd::Settled(outcome) | ServiceEnd::NeverUp(outcome) => outcome.is_failure(),
        }
    }
}

impl Run<'_> {
    /// Its process starts next; from now on it is probed.
    pub(super) fn serving(&mut self, attempt: AttemptId, started: Arc<Started>) {
        let probe = Box::new(Probe::new(&self.setting, attempt, started.clone()));
        if let Some(serving) = self.begun(attempt) {
            serving.begin(started, probe);
            self.probe(attempt);
        }
    }

    fn begun(&mut self, attempt: AttemptId) -> Option<&mut Serving> {
        self.services.get_mut(&attempt.job).filter(|serving| serving.attempt == attempt)
    }

    /// Asks a service whether it is ready.
    pub(super) fn probe(&mut self, attempt: AttemptId) {
        let is_asked = |serving: &&mut Serving| !serving.is_up && serving.stopped.is_none();
        if let Some(probe) = self.begun(attempt).filter(is_asked).and_then(|serving| serving.probe.take()) {
            self.executor.start(probe.id(), probe);
        }
    }

    pub(super) fn probed(&mut self, mut probe: Box<Probe>) {
        let attempt = probe.attempt;
        // Another program may have answered unless the service is alive: the report of its end may be on its way.
        let is_alive = self.executor.is_alive(attempt);
        let is_asked = |serving: &&mut Serving| !serving.is_up && serving.stopped.is_none();
        let Some(serving) = self.begun(attempt).filter(is_asked) else { return };
        match std::mem::replace(&mut probe.answer, Readiness::NotYet(String::new())) {
            Readiness::Ready(outputs, warnings) if is_alive => {
                serving.is_up = true;
                serving.keys = outputs.values.iter().map(|(key, _)| key.clone()).collect();
                let keys = serving.keys.clone();
                let ownership = serving.ownership().cloned();
                let published = ownership.map_or(Ok(()), |own| own.publish(&self.setting.run_id));
                self.service_keys.insert(attempt.job, keys.clone());
                let outputs = Arc::new(outputs);
                if let Some(keep) = &self.setting.keep {
                    keep.up(attempt, &outputs);
                }
                self.outputs[attempt.job.index()] = Some(outputs);
                for warning in warnings {
                    self.warn_about(attempt.job, &warning);
                }
                if let Err(error) = published {
                    let message = format!("other runs cannot share it: {}", plain(&error));
                    self.warn(Some(attempt.job), None, message);
                }
                let job = self.setting.plan.job(attempt.job).name.clone();
                self.emit(Event::ServiceUp { job, attempt: attempt.number, keys, since: None });
                let settled = self.scheduler.up(attempt.job);
                self.settled(settled);
            }
            Readiness::Broken(diagnostic) => {
                serving.stopped = Some(Stopped::Broken {
                    reason: diagnostic.message.clone(),
                    code: diagnostic.code.to_string(),
                });
                self.hint(attempt, vec![Notice::of(&diagnostic)]);
                self.executor.stop(attempt, Stop::Polite { signal: SIGTERM });
            }
            answer => {
                if let Readiness::NotYet(lack) = answer {
                    serving.lack = lack;
                }
                let pause = probe.pause();
                serving.probe = Some(probe);
                self.set_timer(pause, Timer::Probe(attempt));
            }
        }
    }

    /// The time in which a service had to become ready is over.
    pub(super) fn service_late(&mut self, attempt: AttemptId) {
        let is_starting = |serving: &&mut Serving| !serving.is_up && serving.stopped.is_none();
        if let Some(serving) = self.begun(attempt).filter(is_starting) {
            serving.stopped = Some(Stopped::Late);
            serving.gives_up.store(true, Ordering::Relaxed);
            self.executor.stop(attempt, Stop::Polite { signal: SIGTERM });
        }
    }

    /// A service that the previous run left running is adopted.
    pub(super) fn adopted(&mut self, attempt: AttemptId, adopted: Adopted) {
        let is_stopped = self
            .states
            .get_mut(&attempt.job)
            .and_then(StartedJob::trial)
            .is_some_and(|trial| trial.is_stopped);
        let Some(serving) = self.begun(attempt) else { return };
        if is_stopped || serving.stopped.is_some() {
            // No job needs it any more, and it was not ours before.
            serving.guest = adopted.guest;
            if serving.guest.is_some() {
                return self.leave_guest(attempt);
            }
            self.executor.stop(attempt, Stop::Polite { signal: SIGTERM });
            return;
        }
        serving.is_up = true;
        let Adopted { since, outputs, guest } = adopted;
        let is_guest = guest.is_some();
        serving.guest = guest;
        let keys: Vec<String> = outputs.values.iter().map(|(key, _)| key.clone()).collect();
        serving.keys.clone_from(&keys);
        self.service_keys.insert(attempt.job, keys.clone());
        self.outputs[attempt.job.index()] = Some(outputs);
        let job = self.setting.plan.job(attempt.job).name.clone();
        self.emit(Event::ServiceUp { job, attempt: attempt.number, keys, since: Some(since) });
        if is_guest {
            self.set_timer(OFTEN, Timer::Guest(attempt));
        }
        let settled = self.scheduler.up(attempt.job);
        self.settled(settled);
    }

    /// Whether the service of another run is still up.
    pub(super) fn look_after_guest(&mut self, attempt: AttemptId) {
        let guest = self.begun(attempt).and_then(|serving| serving.guest.as_ref());
        match guest.map(Guesthood::is_over) {
            Some(true) => self.service_ended(Ended::without_process(attempt, Exit::Lost)),
            Some(false) => self.set_timer(OFTEN, Timer::Guest(attempt)),
            None => {}
        }
    }

    /// This run stops using the service of another run.
    pub(super) fn leave_guest(&mut self, attempt: AttemptId) {
        self.service_ended(Ended::without_process(attempt, Exit::Signal(SIGTERM)));
    }

    /// Ends a service unless other runs use it; that is checked repeatedly.
    pub(super) fn stop_unless_awaited(&mut self, attempt: AttemptId) {
        let Some(serving) = self.begun(attempt).filter(|serving| serving.stopped.is_none()) else { return };
        if serving.is_up && serving.ownership().is_some_and(|ownership| !ownership.is_unused()) {
            let is_told = std::mem::replace(&mut serving.is_awaited, true);
            if !is_told {
                self.warn(Some(attempt.job), None, "stays up for other runs that use it".to_owned());
            }
            return self.set_timer(OFTEN, Timer::Awaited(attempt));
        }
        serving.stopped = Some(Stopped::Idle);
        serving.gives_up.store(true, Ordering::Relaxed);
        self.executor.stop(attempt, Stop::Polite { signal: SIGTERM });
    }

    /// A service that the previous run left running has ended.
    pub(super) fn service_ended(&mut self, mut ended: Ended) {
        let id = ended.attempt.job;
        let (Some(StartedJob::Running(trial)), Some(serving)) =
            (self.states.remove(&id), self.services.remove(&id))
        else {
            unreachable!("bug: `{}` ended without being up", self.job(id).name);
        };
        let (ServiceEnd::Settled(outcome) | ServiceEnd::NeverUp(outcome)) =
            self.service_over(serving, trial, &mut ended);
        if let Some(failed_by) = self.failed_by.remove(&id).filter(|_| !trial.is_stopped) {
            self.hint(trial.attempt, vec![Notice::of(&failed_by)]);
        }
        for leftover in &ended.leaked {
            self.warn(Some(id), None, format!("left a process running, which was killed: {leftover}"));
        }
        let job = self.job(id).name.clone();
        let dir = self.setting.run_dir.job(&job);
        // The logs of the run that started it are longer.
        let length = |stream| dir.log(stream, trial.attempt.number).metadata().map_or(0, |meta| meta.len());
        self.emit(Event::AttemptEnded {
            job,
            attempt: trial.attempt.number,
            exit: ended.exit.clone(),
            leaked: ended.leaked.len() as u32,
            stdout_bytes: length(Stream::Stdout),
            stderr_bytes: length(Stream::Stderr),
            stream_bytes: 0,
            is_stream_short: false,
            line: None,
        });
        self.finish(id, outcome);
        self.executor.forget(trial.attempt);
    }

    /// Leaves a service running for the next run, if that may adopt it.
    fn leave_service(&mut self, attempt: AttemptId) -> bool {
        let ends_with_run = self.stopping.is_some() && !self.is_superseded && !self.is_over_time;
        let Some(keep) = self.setting.keep.as_ref().filter(|_| !ends_with_run) else { return false };
        let is_end = |need: &Need| need.job == attempt.job && need.flow != Flow::Up;
        if self.setting.plan.jobs.iter().any(|job| job.needs.iter().any(is_end)) {
            // A job waits for its end.
            return false;
        }
        let job = self.setting.plan.job(attempt.job);
        keep.release(attempt, |processes| upkeep::is_independent(&self.setting, job, processes))
    }

    /// Ends the services that no job uses any more, or leaves them running for the next run. Returns whether any was left.
    pub(super) fn stop_idle_services(&mut self) -> bool {
        let mut has_left = false;
        let mut idle = self.scheduler.idle_services();
        let is_due = |serving: &&mut Serving| serving.is_idle && !serving.is_prepared_for();
        for serving in self.services.values_mut().filter(is_due) {
            serving.is_idle = false;
            idle.push(serving.attempt.job);
        }
        for job in idle {
            let is_up = |serving: &&Serving| serving.is_up && serving.stopped.is_none();
            let up = self.services.get(&job).filter(is_up).map(|serving| serving.attempt);
            let is_guest = self.services.get(&job).is_some_and(|serving| serving.guest.is_some());
            if is_guest || up.is_some_and(|attempt| self.leave_service(attempt)) {
                self.services.remove(&job);
                self.states.remove(&job);
                self.finish(job, Outcome::Succeeded);
                has_left = true;
                continue;
            }
            let Some(serving) = self.services.get_mut(&job) else { continue };
            if self.is_superseded && self.setting.keep.is_some() && serving.is_prepared_for() {
                // It may be about to take one that is up already, which is for the next run.
                serving.is_idle = true;
                serving.gives_up.store(true, Ordering::Relaxed);
                continue;
            }
            let attempt = serving.attempt;
            self.stop_unless_awaited(attempt);
        }
        has_left
    }

    /// What became of a service that has ended.
    pub(super) fn service_over(&mut self, serving: Serving, trial: Trial, ended: &mut Ended) -> ServiceEnd {
        let id = trial.attempt.job;
        // The answer of a running probe is no longer needed.
        self.executor.stop(AttemptId { number: PROBE, ..trial.attempt }, Stop::Kill);
        if matches!((serving.is_up, &serving.stopped), (false, Some(Stopped::Late))) {
            ended.exit = Exit::Timeout;
        }
        let ended = &*ended;
        let failed = |reason: String, code: Option<String>| {
            let code = code.or_else(|| Some(Code::ServiceFailed.to_string()));
            Outcome::Failed { exit: ended.exit.clone(), reason: Some(reason), code }
        };
        let interrupted = || Outcome::Interrupted { exit: ended.exit.clone(), survivors: ended.survivors };
        let last_lack = || serving.last_lack(&self.setting);
        match (serving.is_up, &serving.stopped) {
            // otto itself ended it, so the exit says nothing.
            (_, Some(Stopped::Broken { reason, code })) => ServiceEnd::Settled(Outcome::Failed {
                exit: Exit::Code(0),
                reason: Some(reason.clone()),
                code: Some(code.clone()),
            }),
            (true, Some(Stopped::Idle)) => {
                if ended.exit == Exit::Signal(libc::SIGKILL) {
                    let grace = GRACE.as_secs();
                    let message = format!("did not end within {grace} s after SIGTERM, and was killed");
                    self.warn(Some(id), None, message);
                }
                ServiceEnd::Settled(Outcome::Succeeded)
            }
            (true, _) if trial.is_stopped => ServiceEnd::Settled(Outcome::Succeeded),
            (true, _) if ended.exit.is_success() && !self.scheduler.is_used(id) => {
                ServiceEnd::Settled(Outcome::Succeeded)
            }
            (true, _) => {
                let reason = match self.scheduler.is_used(id) {
                    true => "ended while it was used",
                    false => "ended by itself",
                };
                ServiceEnd::Settled(failed(reason.to_owned(), None))
            }
            (false, Some(Stopped::Late)) => {
                let timeout = seconds(self.setting.service(self.setting.plan.job(id)).timeout);
                let reason = format!("not ready within {timeout}: {}", serving.lack);
                ServiceEnd::NeverUp(failed(reason, None))
            }
            (false, Some(Stopped::Idle)) => ServiceEnd::Settled(interrupted()),
            (false, None) if trial.is_stopped => ServiceEnd::Settled(interrupted()),
            (false, None) => {
                let reason = match last_lack() {
                    Some(lack) => format!("ended before it was ready: {lack}"),
                    None => "ended as soon as it was ready, before it could be used".to_owned(),
                };
                ServiceEnd::NeverUp(failed(reason, None))
            }
        }
    }

    /// Stops the jobs that need a service which has failed; they fail and show its last lines.
    pub(super) fn fail_users(&mut self, service: JobId, outcome: &Outcome) {
        let job = self.job(service);
        let exit = match outcome {
            Outcome::Failed { exit, .. } => exit.to_string(),
            Outcome::Succeeded
            | Outcome::Fresh { .. }
            | Outcome::Skipped(_)
            | Outcome::Interrupted { .. }
            | Outcome::Cancelled => unreachable!("bug: a service that has not failed fails nobody"),
        };
        let users = self.scheduler.running_users(service);
        if users.is_empty() {
            return;
        }
        let message = format!("the service `{}` ended: {exit}", job.name);
        let mut diagnostic = Diagnostic::error(Code::ServiceFailed, message);
        let dir = self.setting.run_dir.job(&job.name);
        for stream in [Stream::Stderr, Stream::Stdout] {
            // If a service is retried, its first log says most.
            let text = last_lines(&regular::tail(&dir.log(stream, 1)));
            let lines: Vec<&str> = text.lines().collect();
            let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
            if !shown.is_empty() {
                diagnostic = diagnostic.note(format!("its last lines:\n{}", shown.join("\n")));
                break;
            }
        }
        for user in users {
            match self.states.get_mut(&user) {
                Some(StartedJob::Running(trial)) if !trial.is_stopped => {
                    let attempt = trial.attempt;
                    self.failed_by.insert(user, diagnostic.clone());
                    let mut is_guest = false;
                    if let Some(serving) = self.services.get_mut(&user) {
                        is_guest = serving.guest.is_some();
                        serving.gives_up.store(true, Ordering::Relaxed);
                        // A service that uses this one.
                        serving.stopped.get_or_insert(Stopped::Broken {
                            reason: diagnostic.message.clone(),
                            code: diagnostic.code.to_string(),
                        });
                    }
                    if is_guest {
                        self.leave_guest(attempt);
                    } else {
                        self.executor.stop(attempt, Stop::Polite { signal: SIGTERM });
                    }
                }
                Some(StartedJob::Looking { stop, .. }) => {
                    stop.store(true, Ordering::Relaxed);
                    self.states.remove(&user);
                    let skip = Outcome::Skipped(Skip::Needs(job.name.clone()));
                    let settled = self.scheduler.finish(user, skip);
                    self.settled(settled);
                }
                // It has ended already.
                Some(_) | None => {}
            }
        }
    }
}

/// `60 s`, `1.5 s`.
fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

//! What the run does about services: asks whether they are ready, ends those that nobody uses any more, and fails those
//! who used one that ended by itself.

use super::attempt::read_tail;
use super::launch::Started;
use super::service::{PROBE, Probe, Readiness, Serving, Stopped};
use super::{Run, SIGTERM, State, Timer, Trial};
use crate::diagnostic::{Code, Diagnostic, Notice};
use crate::event::{Event, Exit, Outcome, Skip, Stream};
use crate::exec::local::GRACE;
use crate::exec::{AttemptId, Ended, Stop};
use crate::fate::last_lines;
use crate::plan::JobId;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How many of its last lines those are shown who used a service that ended.
const SHOWN_LINES: usize = 8;

/// What the end of a service means.
pub(super) enum ServiceEnd {
    /// It is over.
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
    /// Its process is next: from now on it is asked.
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
        // What answers may be a stranger, unless the service lives: its end may be on its way.
        let is_alive = self.executor.is_alive(attempt);
        let is_asked = |serving: &&mut Serving| !serving.is_up && serving.stopped.is_none();
        let Some(serving) = self.begun(attempt).filter(is_asked) else { return };
        match std::mem::replace(&mut probe.answer, Readiness::NotYet(String::new())) {
            Readiness::Ready(outputs, warnings) if is_alive => {
                serving.is_up = true;
                serving.keys = outputs.values.iter().map(|(key, _)| key.clone()).collect();
                let keys = serving.keys.clone();
                self.service_keys.insert(attempt.job, keys.clone());
                self.outputs[attempt.job.index()] = Some(Arc::new(outputs));
                for warning in warnings {
                    self.warn_about(attempt.job, &warning);
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

    /// The time is up in which a service had to get ready.
    pub(super) fn service_late(&mut self, attempt: AttemptId) {
        let is_starting = |serving: &&mut Serving| !serving.is_up && serving.stopped.is_none();
        if let Some(serving) = self.begun(attempt).filter(is_starting) {
            serving.stopped = Some(Stopped::Late);
            self.executor.stop(attempt, Stop::Polite { signal: SIGTERM });
        }
    }

    /// Ends the services that nobody uses any more.
    pub(super) fn stop_idle_services(&mut self) {
        for job in self.scheduler.idle_services() {
            if let Some(serving) = self.services.get_mut(&job)
                && serving.stopped.is_none()
            {
                serving.stopped = Some(Stopped::Idle);
                self.executor.stop(serving.attempt, Stop::Polite { signal: SIGTERM });
            }
        }
    }

    /// What became of a service that has ended.
    pub(super) fn service_over(&mut self, serving: Serving, trial: Trial, ended: &mut Ended) -> ServiceEnd {
        let id = trial.attempt.job;
        // A question that is out is no longer of interest.
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
            // How it ended then is otto's doing.
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

    /// Stops those who need a service that has failed: they fail with its last lines.
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
            // Of a service that is tried again the first log has most to say.
            let text = last_lines(&read_tail(&dir.log(stream, 1)));
            let lines: Vec<&str> = text.lines().collect();
            let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
            if !shown.is_empty() {
                diagnostic = diagnostic.note(format!("its last lines:\n{}", shown.join("\n")));
                break;
            }
        }
        for user in users {
            match self.states.get_mut(&user) {
                Some(State::Running(trial)) if !trial.is_stopped => {
                    let attempt = trial.attempt;
                    self.failed_by.insert(user, diagnostic.clone());
                    if let Some(serving) = self.services.get_mut(&user) {
                        // A service that uses this one.
                        serving.stopped.get_or_insert(Stopped::Broken {
                            reason: diagnostic.message.clone(),
                            code: diagnostic.code.to_string(),
                        });
                    }
                    self.executor.stop(attempt, Stop::Polite { signal: SIGTERM });
                }
                Some(State::Looking { stop, .. }) => {
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

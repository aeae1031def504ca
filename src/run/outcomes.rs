//! What jobs learn about how the jobs before them ended. Folds the events of the run, if a body asks.

use super::Setting;
use crate::body;
use crate::event::{Stamped, Stream};
use crate::fate::Fate;
use crate::name::JobName;
use crate::ottofile::spec::Body;
use crate::plan::{FanIn, JobId, Told, told};
use crate::state::RunState;
use crate::store::layout::JobDir;
use crate::store::regular;
use crate::value::Value;
use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;

/// For a rerun: what jobs that run again may know of those that do not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Earlier {
    /// For each job that runs again and asks: the jobs that it may ask about and that the plan no longer has.
    pub(crate) told: HashMap<JobName, Vec<Told>>,
    pub(crate) fates: HashMap<JobName, Fate>,
    /// For each job that runs again: the foreach tasks on which it depends, with the jobs that do not run again.
    pub(crate) fan_ins: HashMap<JobName, Vec<FanIn>>,
}

/// The run so far, if a body may ask about it.
pub(super) struct Outcomes(Option<RunState>);

impl Outcomes {
    pub(super) fn new(setting: &Setting) -> Outcomes {
        let is_asked = setting.plan.ids().any(|id| asks(setting, id));
        Outcomes(is_asked.then(RunState::default))
    }

    pub(super) fn apply(&mut self, stamped: &Stamped) {
        if let Some(state) = &mut self.0 {
            state.apply(stamped);
        }
    }

    /// What a job may know, if it asks.
    pub(super) fn of(&self, setting: &Setting, id: JobId) -> Option<Vec<Fate>> {
        let state = self.0.as_ref().filter(|_| asks(setting, id))?;
        let earlier = &setting.earlier;
        let one = |name: &JobName, is_streamed: bool| match state.job(name) {
            Some(_) if is_streamed => Fate::running(name.clone()),
            Some(job) => Fate::of(job),
            None => earlier.fates.get(name).cloned().unwrap_or_else(|| Fate::unknown(name.clone())),
        };
        let told = match earlier.told.get(&setting.plan.job(id).name) {
            Some(told) => told.clone(),
            None => told(&setting.plan, id),
        };
        let mut fates = Vec::new();
        for Told { job, is_streamed, jobs } in told {
            let Some(jobs) = jobs else {
                fates.push(one(&job, is_streamed));
                continue;
            };
            let members: Vec<(Value, Fate)> = jobs
                .into_iter()
                .map(|(name, item)| (Value::from_bytes(item.as_bytes().to_vec()), one(&name, is_streamed)))
                .collect();
            let parts: Vec<(Value, &Fate)> =
                members.iter().map(|(item, fate)| (item.clone(), fate)).collect();
            fates.push(Fate::sum(job, &parts));
            fates.extend(members.into_iter().map(|(_, fate)| fate));
        }
        Some(fates)
    }
}

/// Whether the body of a job may ask how others ended. If it depends on none, code that it loads does not count.
fn asks(setting: &Setting, id: JobId) -> bool {
    let job = setting.plan.job(id);
    let is_told = !job.needs.is_empty() || setting.earlier.told.contains_key(&job.name);
    let body = setting.ottofile.tasks[job.task].body.as_ref().filter(|_| job.work.has_body());
    let condition = setting.ottofile.tasks[job.task].condition.as_deref();
    let may_ask = |body: &Body| {
        if is_told { body::may_read_outcomes(body) } else { body::mentions_outcomes(&body.text) }
    };
    body.into_iter().chain(condition).any(may_ask)
}

/// Adds the log of a job's last attempt: stderr, which has the reason; if that is empty, stdout.
pub(crate) fn add_log(fate: &mut Fate, dir: &JobDir) {
    let Some(attempt) = fate.attempts else { return };
    let logs = [Stream::Stderr, Stream::Stdout].map(|stream| dir.log(stream, attempt));
    let is_filled = |path: &&std::path::PathBuf| path.metadata().is_ok_and(|metadata| metadata.len() > 0);
    if let Some(path) = logs.iter().find(is_filled) {
        fate.add_log(path.as_os_str().as_bytes().to_vec(), &regular::tail(path));
    }
}

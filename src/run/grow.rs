//! Jobs that are added during the run, because a value gives the items of a foreach task.

use super::{Message, OnBug, Run, Setting, planned_job, told_by};
use crate::diagnostic::{Code, Diagnostic, Notice};
use crate::event::{Event, Exit, Outcome};
use crate::host::HostFacts;
use crate::ottofile::spec::DataPath;
use crate::plan::{Extension, JobId, extend, secret};
use crate::store::outputs::Outputs;
use crate::value;
use std::cell::Cell;
use std::sync::Arc;

/// Jobs are named by their items, and names are shown.
fn secret_items(setting: &Setting, group: JobId) -> Diagnostic {
    let job = setting.plan.job(group);
    let wrong = Diagnostic::error(Code::ForeachFailed, format!("the items of `{}` are secret", job.name));
    let wrong = match &setting.ottofile.tasks[job.task].foreach {
        Some(foreach) => {
            wrong.at(&setting.ottofile.sources, foreach.span, "the names of its jobs would show them")
        }
        None => wrong,
    };
    wrong.help("pass a list of names that are not secret, and read the secrets by them")
}

/// Makes the jobs of a group from the values of the jobs before it.
fn extension(
    setting: &Setting,
    group: JobId,
    values: &[(String, Arc<Outputs>)],
) -> Result<Extension, Vec<Diagnostic>> {
    let facts =
        HostFacts { environment: &setting.environment, folder: &setting.folder, may_run_commands: true };
    let has_secret = Cell::new(false);
    let value = |path: &DataPath| {
        let (_, outputs) = values.iter().find(|(task, _)| *task == path.task)?;
        let is_in = |key: &String| {
            path.key.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        has_secret.set(has_secret.get() || outputs.secrets.iter().any(is_in));
        value::lookup(&outputs.values, &path.key).map(|found| found.into_owned())
    };
    let grown = extend(&setting.ottofile, &setting.plan, group, &value, &facts);
    if has_secret.get() { Err(vec![secret_items(setting, group)]) } else { grown }
}

impl Run<'_> {
    /// Lets a worker make the jobs of a group from the values that the jobs before it have set.
    pub(super) fn make_jobs(&mut self, group: JobId) {
        let setting = self.setting.clone();
        let values = self.values_for(group);
        self.workers.give(Box::new(move || {
            let bug = OnBug(setting.sink.clone());
            let grown = extension(&setting, group, &values);
            (setting.sink)(Message::Grown(group, grown));
            drop(bug);
        }));
    }

    /// Takes over the jobs of a group that another otto made.
    pub(super) fn make_jobs_again(&mut self, group: JobId) -> Result<(), Vec<Diagnostic>> {
        let values = self.values_for(group);
        let extension = extension(&self.setting, group, &values)?;
        self.take_in(extension);
        Ok(())
    }

    /// The outputs of the tasks that give the items of a group; in a rerun some of them are recorded ones.
    fn values_for(&self, group: JobId) -> Vec<(String, Arc<Outputs>)> {
        let setting = &self.setting;
        let job = setting.plan.job(group);
        let sources = job.awaited().map_or(&[][..], |awaited| &awaited.sources);
        let live = sources.iter().filter_map(|source| {
            let outputs = self.outputs[source.index()].clone()?;
            let task = &setting.ottofile.tasks[setting.plan.job(*source).task].name;
            Some((task.as_str().to_owned(), outputs))
        });
        let recorded = setting.recorded.get(&group).into_iter().flatten();
        let recorded = recorded.map(|input| (input.job.as_str().to_owned(), input.outputs.clone()));
        live.chain(recorded).collect()
    }

    pub(super) fn grown(&mut self, group: JobId, grown: Result<Extension, Vec<Diagnostic>>) {
        // The run may have been stopped meanwhile.
        if !self.scheduler.is_growing(group) {
            return;
        }
        match grown {
            Ok(extension) => self.take_in(extension),
            Err(diagnostics) => self.refuse_items(group, &diagnostics),
        }
    }

    fn take_in(&mut self, mut extension: Extension) {
        let warnings = std::mem::take(&mut extension.warnings);
        let groups: Vec<JobId> = extension.groups.iter().map(|(group, _)| *group).collect();
        let before = self.setting.clone();
        let plan = Arc::new(before.plan.with(extension));
        let first = before.plan.jobs.len();
        self.readers.resize(plan.jobs.len(), 0);
        self.outputs.resize(plan.jobs.len(), None);
        for id in plan.ids().skip(first) {
            plan.job(id).inputs.iter().for_each(|input| self.readers[input.index()] += 1);
        }
        let mut setting = Setting { plan, ..(*before).clone() };
        for id in setting.plan.ids().skip(first) {
            let whole = setting.plan.job(id).group.expect("bug: an added job has no group");
            setting.places.push(setting.places[whole.index()]);
            setting.resources.push(setting.resources[whole.index()].clone());
            if let Some(inputs) = setting.recorded.get(&whole).cloned() {
                setting.recorded.insert(id, inputs);
            }
        }
        setting
            .masks
            .add(secret::planned(&setting.ottofile, &setting.plan).into_iter().map(|named| named.secret));
        self.setting = Arc::new(setting);
        for group in &groups {
            for input in &before.plan.job(*group).inputs {
                self.readers[input.index()] -= 1;
                self.let_go(*input);
            }
        }
        for group in &groups {
            let job = self.job(*group);
            let members = job.members().unwrap_or_default();
            let foreach = self.setting.ottofile.tasks[job.task].foreach.as_ref();
            let event = Event::JobsAdded {
                group: job.name.clone(),
                from: foreach.map(|foreach| told_by(&foreach.source)).unwrap_or_default(),
                jobs: members.iter().map(|id| planned_job(&self.setting, *id)).collect(),
            };
            self.emit(event);
        }
        for warning in warnings {
            self.warn_about(groups[0], &warning);
        }
        let plan = self.setting.plan.clone();
        self.scheduler.more_demands(plan.ids().skip(first).map(|id| super::demand(&self.setting, id)));
        let settled = self.scheduler.grow(&plan, &groups);
        self.settled(settled);
    }

    /// The data is not valid as items, so the task fails.
    fn refuse_items(&mut self, group: JobId, diagnostics: &[Diagnostic]) {
        let name = self.job(group).name.clone();
        for diagnostic in diagnostics {
            let notice = Notice::of(diagnostic);
            self.emit(Event::Hint { job: name.clone(), attempt: 1, notice });
        }
        let (message, code) = match diagnostics.first() {
            Some(first) => (first.message.clone(), first.code.to_string()),
            None => unreachable!("bug: a refusal without a reason"),
        };
        let exit = Exit::NotStarted { code: 1, reason: message };
        self.finish(group, Outcome::Failed { exit, reason: None, code: Some(code) });
    }
}

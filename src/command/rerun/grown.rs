//! Reruns of runs in which data made jobs: the recorded values make the same jobs again, unless what set them is run again.

use super::{Inputs, like};
use crate::command::Context;
use crate::host::HostFacts;
use crate::name::{JobName, TaskName};
use crate::ottofile::Ottofile;
use crate::ottofile::spec::DataPath;
use crate::plan::facts::{CommandFailure, Facts, RecordedValue};
use crate::plan::{GroupMembers, JobId, Plan, Work};
use crate::store::outputs;
use crate::value::{self, Value};
use clap::ArgMatches;
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::Path;

/// The facts of today, and the recorded values that tell items, by their paths.
pub(super) struct RerunFacts<'a> {
    pub(super) today: HostFacts<'a>,
    pub(super) values: HashMap<String, RecordedValue>,
}

impl Facts for RerunFacts<'_> {
    fn variable(&self, name: &str) -> Option<OsString> {
        self.today.variable(name)
    }

    fn glob(&self, pattern: &str) -> Result<Vec<OsString>, String> {
        self.today.glob(pattern)
    }

    fn file(&self, path: &str) -> Result<Option<String>, String> {
        self.today.file(path)
    }

    fn command(&self, command: &str, variables: &[(String, OsString)]) -> Result<Vec<u8>, CommandFailure> {
        self.today.command(command, variables)
    }

    fn within<'f>(&'f self, folder: Option<&'f Path>) -> Box<dyn Facts + 'f> {
        let HostFacts { environment, may_run_commands, folder: own } = self.today;
        let today = HostFacts { environment, folder: folder.unwrap_or(own), may_run_commands };
        Box::new(RerunFacts { today, values: self.values.clone() })
    }

    fn recorded(&self, path: &DataPath) -> Option<RecordedValue> {
        self.values.get(&path.text.value).cloned()
    }

    fn may_run_commands(&self) -> bool {
        self.today.may_run_commands()
    }
}

/// What `--set` and `--set-json` give to the keys of one task, and whether it is the string of `--set`.
fn given(matches: &ArgMatches, task: &TaskName) -> Vec<(String, Value, bool)> {
    let of = |option: &str| matches.get_many::<String>(option).into_iter().flatten();
    let prefix = format!("{task}.");
    let of_task = |pair: &'_ String| {
        let (name, text) = pair.split_once('=')?;
        Some((name.strip_prefix(&prefix)?.to_owned(), text.to_owned()))
    };
    let plain = of("set").filter_map(of_task).map(|(key, text)| (key, Value::String(text), true));
    // What is no JSON is told where all changes are made.
    let json = of("set-json").filter_map(of_task);
    let json = json.filter_map(|(key, text)| Some((key, value::parse_output(text.as_bytes()).ok()?, false)));
    plain.chain(json).collect()
}

impl Inputs<'_> {
    /// The values that tell items and are not made again, with the changes that the command line makes.
    pub(super) fn values_of_items(
        &mut self,
        context: &mut Context,
        ottofile: &Ottofile,
        selected: &HashSet<JobName>,
        matches: &ArgMatches,
    ) -> HashMap<String, RecordedValue> {
        let foreach = ottofile.tasks.iter().filter_map(|task| task.foreach.as_ref());
        let mut values = HashMap::new();
        for path in foreach.flat_map(|foreach| foreach.source.paths()) {
            let Some(task) = ottofile.task(&path.task) else { continue };
            let job = JobName::of_task(&task.name);
            let changes = given(matches, &task.name);
            let is_kept =
                |outcome: &crate::event::Outcome| outcome.is_success() || outcome.is_harmless_skip();
            let dir = self.changed_in(&job).or_else(|| self.dir_of(context, &job, is_kept));
            let recorded = dir.and_then(|dir| outputs::read_recorded(&dir).ok());
            if selected.contains(&job) || recorded.is_none() && changes.is_empty() {
                continue;
            }
            let mut recorded = recorded.unwrap_or_default().values;
            for (key, value, is_text) in changes {
                match value::lookup_mut(&mut recorded, &key) {
                    Some(known) => *known = if is_text { like(known, value) } else { value },
                    None => recorded.push((key, value)),
                }
            }
            let found = value::lookup(&recorded, &path.key).map(|value| value.into_owned());
            values.insert(path.text.value.clone(), found);
        }
        values
    }

    /// Puts the jobs of foreach tasks in the place of those that were selected as a whole, because data never told their
    /// items or told wrong ones, and adds those that `--set` makes. Returns whether any were added.
    pub(super) fn expand_groups(
        &mut self,
        context: &mut Context,
        ottofile: &Ottofile,
        plan: &Plan,
        selected: &mut HashSet<JobName>,
        matches: &ArgMatches,
    ) -> bool {
        let named: Vec<&String> = matches.get_many("tasks").into_iter().flatten().collect();
        let mut is_any_added = false;
        for job in &plan.jobs {
            let Work::ForeachGroup(GroupMembers::Known(members)) = &job.work else { continue };
            let task = &ottofile.tasks[job.task];
            let Some((_, foreach)) = ottofile.source_of_items(task) else { continue };
            let mut sources = foreach.source.paths().filter_map(|path| ottofile.task(&path.task)).peekable();
            if sources.peek().is_none() {
                continue;
            }
            let is_whole = selected.remove(&job.name);
            let is_changed = sources.any(|source| !given(matches, &source.name).is_empty());
            let is_meant = named.is_empty() || named.iter().any(|name| *name == job.name.as_str());
            for member in members.iter().map(|member| &plan.job(*member).name) {
                let mut is_new = || is_changed && is_meant && self.last(context, member, |_| true).is_none();
                if !selected.contains(member) && (is_whole || is_new()) {
                    is_any_added |= selected.insert(member.clone());
                }
            }
        }
        is_any_added
    }
}

/// Leaves out selected jobs that data will tell anew: their foreach task is selected in their place. Jobs of items that
/// `--set` has taken away are left out too.
pub(super) fn leave_to_data(
    ottofile: &Ottofile,
    plan: &Plan,
    selected: &mut HashSet<JobName>,
    matches: &ArgMatches,
) {
    let present: HashSet<&JobName> = plan.jobs.iter().map(|job| &job.name).collect();
    for id in plan.ids().rev() {
        let job = plan.job(id);
        let Work::ForeachGroup(members) = &job.work else { continue };
        let task = &ottofile.tasks[job.task];
        let is_of_it = |name: &JobName| {
            name.as_str().strip_prefix(task.name.as_str()).is_some_and(|rest| rest.starts_with(':'))
        };
        let paths = ottofile.source_of_items(task).map(|(_, foreach)| foreach.source.paths());
        let mut sources = paths.into_iter().flatten().filter_map(|path| ottofile.task(&path.task));
        let before = selected.len();
        match members {
            GroupMembers::Awaited(awaited) => {
                selected.retain(|name| !is_of_it(name));
                if selected.len() < before {
                    selected.insert(job.name.clone());
                }
                let followed: Option<JobId> = awaited.each.map(|each| each.group);
                if let Some(followed) = followed.filter(|_| selected.contains(&job.name)) {
                    selected.insert(plan.job(followed).name.clone());
                }
            }
            GroupMembers::Known(_) if sources.any(|source| !given(matches, &source.name).is_empty()) => {
                selected.retain(|name| !is_of_it(name) || present.contains(name));
            }
            GroupMembers::Known(_) | GroupMembers::Unknown => {}
        }
    }
}

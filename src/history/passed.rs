//! The values that passed between the jobs of a past run, as its folders have them.

use super::past::PastRun;
use crate::event::Outcome;
use crate::host::plain;
use crate::name::{JobName, RunId};
use crate::state::JobState;
use crate::store::layout::JobDir;
use crate::store::{inputs as links, outputs, regular};
use crate::value::{self, Map, Value};
use std::collections::HashMap;
use std::path::PathBuf;

/// What a job saw and what it set.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    pub(crate) inputs: Vec<PassedInput>,
    pub(crate) outputs: Map,
    /// By attempt: what failed attempts set.
    pub(crate) failed: Vec<(u32, Map)>,
    /// The tasks that got these values because the job failed, and the attempt that set them; no others did.
    pub(crate) given: Vec<(u32, JobName)>,
    pub(crate) problems: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct PassedInput {
    pub(crate) job: JobName,
    /// The run whose data it is, where that is another one.
    pub(crate) origin: Option<RunId>,
    pub(crate) values: Map,
}

/// Reads what a job saw and set.
pub(crate) fn passed(run: &PastRun, job: &JobState) -> Passed {
    let dir = run.job_dir(&job.planned.name);
    let mut passed = Passed::default();
    match outputs::read(&dir) {
        Ok(outputs) => passed.outputs = outputs.values,
        Err(error) => passed.problems.push(error.to_string()),
    }
    for attempt in 1..=job.attempts {
        let path = dir.failed_output(attempt);
        // Most attempts have none.
        let Ok(bytes) = regular::read(&path) else { continue };
        match value::parse(&bytes) {
            Ok(Value::Map(values)) => passed.failed.push((attempt, values)),
            Ok(_) | Err(_) => passed.problems.push(format!("`{}` is not a JSON object", path.display())),
        }
    }
    passed.given = given(run, job).into_iter().map(|(attempt, name)| (attempt, name.clone())).collect();
    passed.inputs = inputs(run, &dir, &mut passed.problems);
    passed
}

/// The jobs that were given what a failed attempt of this one set, each with the attempt. The links of a job tell what it was
/// given.
pub(crate) fn given<'a>(run: &'a PastRun, job: &JobState) -> Vec<(u32, &'a JobName)> {
    let name = &job.planned.name;
    if !job.outcome.as_ref().is_some_and(Outcome::is_failure) {
        return Vec::new();
    }
    let dir = run.job_dir(name);
    let jobs = run.state.jobs.iter().map(|other| &other.planned.name);
    jobs.filter_map(|other| {
        let attempt = links::failed_attempt(&run.job_dir(other), name, &dir, job.attempts)?;
        Some((attempt, other))
    })
    .collect()
}

/// The `input.*.json` of a job, in plan order.
pub(crate) fn inputs(run: &PastRun, dir: &JobDir, problems: &mut Vec<String>) -> Vec<PassedInput> {
    let jobs = &run.state.jobs;
    let names = jobs.iter().map(|job| &job.planned.name).enumerate();
    // A rerun sees jobs that are not among its own.
    let needs = jobs.iter().flat_map(|job| &job.planned.needs).map(|name| (usize::MAX, name));
    let mut by_file: HashMap<PathBuf, (usize, &JobName)> = HashMap::new();
    for (place, name) in names.chain(needs) {
        by_file.entry(dir.input(name)).or_insert((place, name));
    }
    let Ok(entries) = std::fs::read_dir(&dir.path) else { return Vec::new() };
    let mut found: Vec<(usize, PassedInput)> = Vec::new();
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let Some(file) = name.to_str().and_then(|name| name.strip_prefix("input.")?.strip_suffix(".json"))
        else {
            continue;
        };
        // For other files, only the name is known.
        let known = by_file.get(&entry.path()).map(|(place, job)| (*place, (*job).clone()));
        let Some((place, job)) = known.or_else(|| Some((usize::MAX, JobName::recorded(file)?))) else {
            continue;
        };
        let origin = std::fs::read_link(entry.path()).ok().and_then(|target| {
            let mut parts = target.components().filter_map(|part| RunId::parse(part.as_os_str().to_str()?));
            parts.find(|id| *id != run.id)
        });
        let values = match regular::read(&entry.path()).map_err(|error| plain(&error)) {
            Ok(bytes) => match value::parse(&bytes) {
                Ok(Value::Map(values)) => values,
                Ok(_) | Err(_) => {
                    problems.push(format!("`{}` is not a JSON object", entry.path().display()));
                    continue;
                }
            },
            Err(error) => {
                problems.push(format!("`{}`: {error}", entry.path().display()));
                continue;
            }
        };
        found.push((place, PassedInput { job, origin, values }));
    }
    found.sort_by(|a, b| (a.0, &a.1.job).cmp(&(b.0, &b.1.job)));
    found.into_iter().map(|(_, input)| input).collect()
}

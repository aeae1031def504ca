//! What will happen: the jobs of a run, every choice made, as a graph without cycles.
//! A function of (ottofile, request, facts); starts nothing and writes nothing.

use crate::name::{JobName, ParamName};
use crate::ottofile::spec::When;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

/// A job of one [`Plan`]: its place in `Plan::jobs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct JobId(pub(crate) u32);

impl JobId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The jobs of a run and the order between them. Acyclic and complete because it exists: every edge names a
/// job of the plan, and a job stands after all that it needs.
#[derive(Debug)]
pub(crate) struct Plan {
    /// In plan order: a job stands after all its needs; otherwise the order of the request and the document.
    pub(crate) jobs: Vec<Job>,
    /// Rules about several jobs of one foreach task.
    pub(crate) lanes: Vec<Lane>,
    /// Variables for every job: `envs-command`, `dotenv` and `otto.envs`, the later over the earlier.
    pub(crate) envs: Arc<Vec<(String, OsString)>>,
}

impl Plan {
    pub(crate) fn job(&self, id: JobId) -> &Job {
        &self.jobs[id.index()]
    }

    pub(crate) fn ids(&self) -> impl DoubleEndedIterator<Item = JobId> + use<> {
        (0..self.jobs.len() as u32).map(JobId)
    }
}

/// A task with every choice made.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) name: JobName,
    /// Place of the task in `Ottofile::tasks`.
    pub(crate) task: usize,
    pub(crate) work: Work,
    pub(crate) item: Option<Item>,
    /// In the order of the document, with those that have no value as `None`.
    pub(crate) params: Vec<(ParamName, Option<OsString>)>,
    /// What must be settled first, in plan order, each job once.
    pub(crate) needs: Vec<Need>,
    /// The jobs whose outputs this one sees, in plan order: its needs, with foreach groups replaced by their
    /// jobs.
    pub(crate) inputs: Vec<JobId>,
    /// The task's own `envs`, resolved.
    pub(crate) envs: Vec<(String, OsString)>,
    /// `input` and `output` globs, resolved; both empty: never fresh.
    pub(crate) input_globs: Vec<String>,
    pub(crate) output_globs: Vec<String>,
    pub(crate) lane: Option<LaneId>,
    /// Longest chain of jobs that depend on this one, itself included, each counted 1.
    pub(crate) height: u32,
    pub(crate) timeout: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Runs the task's body.
    Body,
    /// Runs the task's body with the terminal, alone.
    Terminal,
    /// A task without a body: succeeds when its needs did.
    Group,
    /// The group of a foreach task's jobs.
    ForeachGroup,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) job: JobId,
    pub(crate) when: When,
}

/// The item of a foreach job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// The variable it is bound to.
    pub(crate) variable: String,
    pub(crate) value: OsString,
    /// From 0, in the order of the source.
    pub(crate) index: usize,
}

/// A lane of one [`Plan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LaneId(pub(crate) u32);

/// How the jobs of one foreach task share the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// One at a time in plan order; after a failure the rest is skipped.
    Serial,
    /// At most so many at a time, and within `-j`.
    Most(usize),
    /// As many as there are, whatever `-j` says.
    All,
}

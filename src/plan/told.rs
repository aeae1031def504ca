//! Of which jobs a job may know how they ended: its direct dependencies, and of a foreach task each of its jobs.

use super::{Flow, JobId, Plan};
use crate::name::JobName;
use std::ffi::OsString;

/// A job that another one may know the outcome of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) job: JobName,
    /// Its stream is read while it runs, so that its outcome is not known yet.
    pub(crate) is_streamed: bool,
    /// For a foreach task, its jobs with their items.
    pub(crate) jobs: Option<Vec<(JobName, OsString)>>,
}

/// In plan order.
pub(crate) fn told(plan: &Plan, id: JobId) -> Vec<Told> {
    let need = |need: &super::Need| {
        let job = plan.job(need.job);
        let item = |member: &JobId| {
            let member = plan.job(*member);
            Some((member.name.clone(), member.item.as_ref()?.value.clone()))
        };
        Told {
            job: job.name.clone(),
            is_streamed: matches!(need.flow, Flow::Stream { .. }),
            jobs: job.members().map(|members| members.iter().filter_map(item).collect()),
        }
    };
    plan.job(id).needs.iter().map(need).collect()
}

//! Foreach tasks on which another task depends as a whole: it can read the data of all their jobs together.

use super::{JobId, Plan};
use crate::name::JobName;

/// The jobs of a foreach task, as one of its dependents sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FanIn {
    /// The name of the task's group.
    pub(crate) group: JobName,
    /// In the order of the items.
    pub(crate) jobs: Vec<JobName>,
}

/// The fan-ins of a job whose items are known, in plan order.
pub(crate) fn fan_ins(plan: &Plan, id: JobId) -> Vec<FanIn> {
    let inputs = plan.job(id).inputs.iter().map(|input| plan.job(*input));
    let known = inputs.filter(|input| input.awaited().is_none());
    let of_group = |members: &[JobId]| members.iter().map(|member| plan.job(*member).name.clone()).collect();
    known
        .filter_map(|input| Some(FanIn { group: input.name.clone(), jobs: of_group(input.members()?) }))
        .collect()
}

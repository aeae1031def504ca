//! A part of a plan: what a rerun runs of it. The data of what is left out comes from elsewhere.

use super::{Awaited, EachJob, Flow, GroupMembers, Job, JobId, Need, Plan, Work};
use crate::name::JobName;
use crate::ottofile::spec::When;
use std::collections::HashMap;
use std::sync::Arc;

/// A part of a plan, and what it lacks.
#[derive(Debug)]
pub(crate) struct PartialPlan {
    pub(crate) plan: Plan,
    /// For jobs of the part: those whose data they would see and that are not in it, in the order of the whole plan, and
    /// how it would reach them.
    pub(crate) missing: HashMap<JobId, Vec<(JobName, Flow)>>,
}

/// The jobs that `is_wanted`, and the groups through which they wait for each other. Edges to jobs that are left out are
/// as if those had been settled well, but a service is up for all that depend on it through them.
pub(crate) fn restrict(plan: Plan, is_wanted: impl Fn(&Job) -> bool) -> PartialPlan {
    let mut places: Vec<Option<JobId>> = Vec::with_capacity(plan.jobs.len());
    let mut count = 0;
    for job in &plan.jobs {
        let connects = || job.needs.iter().any(|need| places[need.job.index()].is_some());
        // Of jobs that are not known yet all are wanted, or none.
        let is_kept =
            if job.work.has_body() || job.awaited().is_some() { is_wanted(job) } else { connects() };
        places.push(is_kept.then_some(JobId(count)));
        count += u32::from(is_kept);
    }
    let mut missing = HashMap::new();
    let services = services_through(&plan, &places);
    for id in plan.ids() {
        let Some(place) = places[id.index()] else { continue };
        let needs = &plan.job(id).needs;
        let flow =
            |input: JobId| needs.iter().find(|need| need.job == input).map_or(Flow::AtEnd, |need| need.flow);
        let left_out = plan.inputs(plan.job(id)).into_iter().filter(|input| places[input.index()].is_none());
        let lacks: Vec<_> = left_out.map(|input| (plan.job(input).name.clone(), flow(input))).collect();
        if !lacks.is_empty() {
            missing.insert(place, lacks);
        }
    }
    let place = |id: &JobId| places[id.index()];
    let kept = plan.ids().zip(plan.jobs).filter(|(id, _)| places[id.index()].is_some());
    let kept_need = |need: &Need| Some(Need { job: place(&need.job)?, ..*need });
    let jobs = kept.map(|(id, job)| {
        let job = Arc::unwrap_or_clone(job);
        let work = match job.work {
            Work::ForeachGroup(GroupMembers::Known(members)) => {
                Work::ForeachGroup(GroupMembers::Known(members.iter().filter_map(place).collect()))
            }
            Work::ForeachGroup(GroupMembers::Awaited(awaited)) => {
                Work::ForeachGroup(GroupMembers::Awaited(Box::new(Awaited {
                    sources: awaited.sources.iter().filter_map(place).collect(),
                    each: awaited.each.and_then(|each| Some(EachJob { group: place(&each.group)?, ..each })),
                    needs: awaited.needs.iter().filter_map(kept_need).collect(),
                    inputs: awaited.inputs.iter().filter_map(place).collect(),
                    ..*awaited
                })))
            }
            work => work,
        };
        let up = |service: &JobId| Some(Need { job: place(service)?, when: When::Success, flow: Flow::Up });
        let mut needs: Vec<Need> = job.needs.iter().filter_map(kept_need).collect();
        needs.extend(services[id.index()].iter().filter_map(up));
        needs.sort_by_key(|need| need.job);
        // The edge of the ottofile stands first.
        needs.dedup_by_key(|need| need.job);
        Arc::new(Job {
            work,
            group: job.group.as_ref().and_then(place),
            needs: needs.into(),
            inputs: job.inputs.iter().filter_map(place).collect(),
            ..job
        })
    });
    let plan =
        Plan { jobs: jobs.collect(), lanes: plan.lanes, globals: plan.globals, warnings: plan.warnings };
    PartialPlan { plan, missing }
}

/// For each job: the services in the part on which it depends through jobs that are left out.
fn services_through(plan: &Plan, places: &[Option<JobId>]) -> Vec<Vec<JobId>> {
    let is_kept = |id: JobId| places[id.index()].is_some();
    let mut through: Vec<Vec<JobId>> = Vec::with_capacity(plan.jobs.len());
    for job in &plan.jobs {
        let mut used: Vec<JobId> = Vec::new();
        for need in job.needs.iter().filter(|need| !is_kept(need.job)) {
            used.extend(&through[need.job.index()]);
            let behind = plan.job(need.job).needs.iter().filter(|behind| behind.flow == Flow::Up);
            used.extend(behind.map(|behind| behind.job).filter(|service| is_kept(*service)));
        }
        used.sort_unstable();
        used.dedup();
        through.push(used);
    }
    through
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::TaskName;
    use crate::plan::graph;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn plan(jobs: &[(&str, Work, &[u32], &[u32])]) -> Plan {
        let job = |(name, work, needs, inputs): &(&str, Work, &[u32], &[u32])| Job {
            name: JobName::of_task(&TaskName::new(name).expect("a name")),
            task: 0,
            work: work.clone(),
            item: None,
            group: None,
            ends_group: false,
            params: Vec::new(),
            needs: needs
                .iter()
                .map(|need| Need { job: JobId(*need), when: When::Success, flow: Flow::AtEnd })
                .collect(),
            inputs: inputs.iter().copied().map(JobId).collect(),
            aliases: Box::default(),
            envs: Box::default(),
            input_globs: Box::default(),
            output_globs: Box::default(),
            lane: None,
            timeout: None,
            confirm: None,
            refusal: None,
            elsewhere: None,
        };
        Plan {
            jobs: jobs.iter().map(job).map(Arc::new).collect(),
            lanes: Vec::new(),
            globals: Arc::default(),
            warnings: Vec::new(),
        }
    }

    fn told(part: &PartialPlan) -> String {
        let name = |id: JobId| part.plan.job(id).name.to_string();
        let heights = graph::heights(&part.plan);
        let line = |id: JobId| {
            let job = part.plan.job(id);
            let needs: Vec<String> = job.needs.iter().map(|need| name(need.job)).collect();
            let inputs: Vec<String> = part.plan.inputs(job).into_iter().map(name).collect();
            let missing: Vec<&str> =
                part.missing.get(&id).into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            format!(
                "{} needs {needs:?} sees {inputs:?} lacks {missing:?} height {}",
                job.name,
                heights[id.index()]
            )
        };
        part.plan.ids().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_part_keeps_its_order_and_says_what_it_lacks() {
        let whole = || {
            plan(&[
                ("fetch", Work::Body, &[], &[]),
                ("build:a", Work::Body, &[0], &[0]),
                ("build:b", Work::Body, &[0], &[0]),
                ("build", Work::ForeachGroup(GroupMembers::Known(vec![JobId(1), JobId(2)])), &[1, 2], &[]),
                ("test", Work::Body, &[3], &[3]),
                ("ci", Work::Group, &[4], &[]),
            ])
        };
        let wanted = |names: &'static [&str]| move |job: &Job| names.contains(&job.name.as_str());
        insta::assert_snapshot!(told(&restrict(whole(), wanted(&["build:b", "test"]))), @r#"
        build:b needs [] sees [] lacks ["fetch"] height 4
        build needs ["build:b"] sees [] lacks [] height 3
        test needs ["build"] sees ["build:b"] lacks ["build:a"] height 2
        ci needs ["test"] sees [] lacks [] height 1
        "#);
        insta::assert_snapshot!(told(&restrict(whole(), wanted(&["test"]))), @r#"
        test needs [] sees [] lacks ["build:a", "build:b"] height 2
        ci needs ["test"] sees [] lacks [] height 1
        "#);
        insta::assert_snapshot!(told(&restrict(whole(), wanted(&[]))), @"");
    }

    proptest! {
        #[test]
        fn every_edge_of_a_part_leads_back_and_nothing_wanted_is_lost(
            edges in proptest::collection::vec(proptest::collection::vec(0u32..12, 0..4), 12),
            groups in proptest::collection::vec(any::<bool>(), 12),
            wanted in proptest::collection::vec(any::<bool>(), 12),
        ) {
            let names: Vec<String> = (0..12).map(|place| format!("t{place}")).collect();
            let needs: Vec<Vec<u32>> = edges
                .into_iter()
                .enumerate()
                .map(|(place, needs)| {
                    let earlier: BTreeSet<u32> = needs.into_iter().filter(|need| (*need as usize) < place).collect();
                    earlier.into_iter().collect()
                })
                .collect();
            let work = |place: usize| if groups[place] { Work::Group } else { Work::Body };
            let jobs: Vec<(&str, Work, &[u32], &[u32])> =
                (0..12).map(|place| (names[place].as_str(), work(place), &needs[place][..], &needs[place][..])).collect();
            let is_wanted = |job: &Job| wanted[names.iter().position(|name| name == job.name.as_str()).expect("there")];
            let part = restrict(plan(&jobs), is_wanted);
            for id in part.plan.ids() {
                let job = part.plan.job(id);
                prop_assert!(job.needs.iter().all(|need| need.job < id));
                prop_assert!(job.inputs.iter().all(|input| *input < id));
                let lost = part.missing.get(&id).map_or(0, Vec::len);
                let place = names.iter().position(|name| name == job.name.as_str()).expect("there");
                prop_assert_eq!(job.inputs.len() + lost, needs[place].len());
            }
            let kept = |place: usize| part.plan.jobs.iter().any(|job| job.name.as_str() == names[place]);
            for place in (0..12).filter(|place| !groups[*place]) {
                prop_assert_eq!(kept(place), wanted[place]);
            }
        }
    }
}

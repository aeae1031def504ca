//! What holds for services on every graph.

use super::tests::{failed, need};
use super::*;
use crate::event::Exit;
use crate::name::JobName;
use proptest::prelude::*;
use std::sync::Arc;

fn job(place: usize, work: Work, needs: Vec<Need>) -> Job {
    tests::job(place, work, needs, None)
}

fn plan(jobs: Vec<Job>) -> Arc<Plan> {
    let jobs = jobs.into_iter().map(Arc::new).collect();
    Arc::new(Plan { jobs, lanes: Vec::new(), globals: Arc::default(), warnings: Vec::new() })
}

fn up(job: u32) -> Need {
    Need { job: JobId(job), when: When::Success, flow: Flow::Up }
}

#[test]
fn a_service_is_idle_when_the_last_of_those_that_depend_on_it_has_ended() {
    let plan = plan(vec![
        job(0, Work::Service, vec![]),
        job(1, Work::Body, vec![up(0)]),
        job(2, Work::Body, vec![need(1, When::Success)]),
        job(3, Work::Body, vec![need(2, When::Always)]),
    ]);
    let mut scheduler = Scheduler::new(&plan, 1, Policy::KeepGoing);
    assert_eq!(scheduler.next(), Some(JobId(0)));
    assert_eq!((scheduler.next(), scheduler.idle_services()), (None, vec![]));
    scheduler.up(JobId(0));
    for user in 1..4 {
        assert_eq!(scheduler.next(), Some(JobId(user)), "it holds no slot");
        assert_eq!(scheduler.idle_services(), []);
        scheduler.finish(JobId(user), if user == 2 { failed() } else { Outcome::Succeeded });
    }
    assert_eq!(scheduler.idle_services(), [JobId(0)]);
    assert_eq!(scheduler.idle_services(), [], "told once");
    scheduler.finish(JobId(0), Outcome::Succeeded);
    assert!(scheduler.is_done());
}

#[test]
fn what_waits_for_the_end_of_a_service_keeps_it_up_for_nobody() {
    let plan = plan(vec![
        job(0, Work::Service, vec![]),
        job(1, Work::Body, vec![need(0, When::Always)]),
        job(2, Work::Body, vec![up(0), need(1, When::Success)]),
    ]);
    let mut scheduler = Scheduler::new(&plan, 4, Policy::KeepGoing);
    assert_eq!(scheduler.next(), Some(JobId(0)));
    assert_eq!(scheduler.idle_services(), [], "first it gets ready");
    scheduler.up(JobId(0));
    assert_eq!(scheduler.next(), None);
    assert_eq!(scheduler.idle_services(), [JobId(0)]);
    scheduler.finish(JobId(0), Outcome::Succeeded);
    assert_eq!(scheduler.next(), Some(JobId(1)));
    scheduler.finish(JobId(1), Outcome::Succeeded);
    assert_eq!(scheduler.next(), Some(JobId(2)));
}

#[test]
fn those_who_need_a_service_fail_with_it_also_through_others() {
    let plan = plan(vec![
        job(0, Work::Service, vec![]),
        job(1, Work::Body, vec![up(0)]),
        job(2, Work::Body, vec![need(1, When::Success)]),
        job(3, Work::Body, vec![need(1, When::Success)]),
        job(4, Work::Body, vec![need(3, When::Always)]),
    ]);
    let mut scheduler = Scheduler::new(&plan, 1, Policy::KeepGoing);
    scheduler.next();
    scheduler.up(JobId(0));
    scheduler.next();
    scheduler.finish(JobId(1), Outcome::Succeeded);
    let running = scheduler.next().expect("2 or 3");
    let other = JobId(5 - running.0);
    assert_eq!(scheduler.running_users(JobId(0)), [running]);
    let needs = || Outcome::Skipped(Skip::Needs(JobName::recorded("t0").expect("not empty")));
    assert_eq!(scheduler.finish(JobId(0), failed()), [(JobId(0), failed()), (other, needs())]);
    scheduler.finish(running, failed());
    assert_eq!(scheduler.next(), Some(JobId(4)), "it needs the other's end, not its success");
}

#[test]
fn a_service_that_was_asked_for_stays_up_until_the_run_is_stopped() {
    let plan = plan(vec![job(0, Work::Service, vec![]), job(1, Work::Body, vec![up(0)])]);
    for is_up in [true, false] {
        let mut scheduler = Scheduler::new(&plan, 1, Policy::KeepGoing).with_lasting(&[JobId(0)]);
        scheduler.next();
        if is_up {
            scheduler.up(JobId(0));
            scheduler.next();
            scheduler.finish(JobId(1), Outcome::Succeeded);
        }
        assert_eq!(scheduler.idle_services(), []);
        scheduler.stop();
        assert_eq!(scheduler.idle_services(), [JobId(0)]);
    }
}

#[test]
fn a_task_with_the_terminal_runs_alone_but_for_services_that_are_up() {
    let plan = plan(vec![job(0, Work::Service, vec![]), job(1, Work::Terminal, vec![up(0)])]);
    let mut scheduler = Scheduler::new(&plan, 4, Policy::KeepGoing).limited_to(1);
    scheduler.next();
    scheduler.up(JobId(0));
    assert_eq!(scheduler.next(), Some(JobId(1)));
}

/// A random plan with services, how each job ends, and what happens next.
#[derive(Debug, Clone)]
struct World {
    kinds: Vec<u8>,
    edges: Vec<(u32, u32, u8)>,
    ends: Vec<u8>,
    lasting: Vec<bool>,
    picks: Vec<u8>,
    slots: usize,
    policy: u8,
    stop_after: Option<usize>,
}

fn world() -> impl Strategy<Value = World> {
    (1usize..16).prop_flat_map(|count| {
        let lists = (
            proptest::collection::vec(0u8..10, count),
            proptest::collection::vec((0..count as u32, 0..count as u32, 0u8..6), 0..3 * count),
            proptest::collection::vec(0u8..10, count),
            proptest::collection::vec(proptest::bool::weighted(0.2), count),
            proptest::collection::vec(any::<u8>(), 6 * count),
        );
        let rest = (1usize..4, 0u8..3, proptest::option::weighted(0.3, 0..count));
        (lists, rest).prop_map(|((kinds, edges, ends, lasting, picks), (slots, policy, stop_after))| World {
            kinds,
            edges,
            ends,
            lasting,
            picks,
            slots,
            policy,
            stop_after,
        })
    })
}

impl World {
    fn plan(&self) -> Arc<Plan> {
        let work = |place: usize| match self.kinds[place] {
            0..4 => Work::Service,
            4 => Work::Group,
            _ => Work::Body,
        };
        let jobs = (0..self.kinds.len()).map(|place| {
            let edges = self.edges.iter();
            let edges = edges.filter(|(to, from, _)| *to as usize == place && (*from as usize) < place);
            let mut needs: Vec<Need> = edges
                .map(|(_, from, kind)| match kind {
                    0 => need(*from, When::Always),
                    1 => need(*from, When::Failure),
                    _ if work(*from as usize) == Work::Service => up(*from),
                    _ => need(*from, When::Success),
                })
                .collect();
            needs.sort_by_key(|need| need.job);
            needs.dedup_by_key(|need| need.job);
            job(place, work(place), needs)
        });
        plan(jobs.collect())
    }
}

/// Whether a job depends on the service, also through others, and on nothing that waits for its end.
fn uses(plan: &Plan, job: JobId, service: JobId) -> bool {
    fn reaches(plan: &Plan, job: JobId, service: JobId, is_wanted: &dyn Fn(&Need) -> bool) -> bool {
        plan.job(job)
            .needs
            .iter()
            .any(|need| need.job == service && is_wanted(need) || reaches(plan, need.job, service, is_wanted))
    }
    reaches(plan, job, service, &|need| need.flow == Flow::Up)
        && !reaches(plan, job, service, &|need| need.flow != Flow::Up)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, ..ProptestConfig::default() })]
    #[test]
    fn services_are_up_for_their_users_and_for_nobody_else(world in world()) {
        let plan = world.plan();
        prop_assume!(crate::plan::service::contradiction(&crate::plan::service::edges(&plan)).is_none());
        let policy = [Policy::KeepGoing, Policy::FailFast, Policy::FailNow][usize::from(world.policy)];
        let lasting: Vec<JobId> = plan.ids().filter(|job| world.lasting[job.index()]).collect();
        let mut scheduler = Scheduler::new(&plan, world.slots, policy).with_lasting(&lasting);
        let mut settled: Vec<Option<Outcome>> = vec![None; plan.jobs.len()];
        let note = |list: Vec<(JobId, Outcome)>, settled: &mut Vec<Option<Outcome>>| {
            for (job, outcome) in list {
                assert!(settled[job.index()].replace(outcome).is_none(), "settled twice");
            }
        };
        note(scheduler.begin(), &mut settled);
        let (mut running, mut up, mut idle): (Vec<JobId>, Vec<JobId>, Vec<JobId>) = Default::default();
        let mut picks = world.picks.iter().copied();
        let (mut finished, mut has_stopped) = (0, false);
        loop {
            while let Some(job) = scheduler.next() {
                for need in plan.job(job).needs.iter().filter(|need| need.flow == Flow::Up) {
                    let is_there = up.contains(&need.job)
                        || settled[need.job.index()].as_ref().is_some_and(Outcome::is_success);
                    prop_assert!(is_there, "started before its service was up");
                }
                running.push(job);
                let bodies = running.iter().filter(|job| plan.job(**job).work == Work::Body).count();
                prop_assert!(bodies <= world.slots, "over the limit");
            }
            for service in scheduler.idle_services() {
                for user in plan.ids().filter(|job| uses(&plan, *job, service)) {
                    prop_assert!(settled[user.index()].is_some(), "told idle while it was used");
                }
                prop_assert!(has_stopped || !lasting.contains(&service));
                prop_assert!(running.contains(&service));
                idle.push(service);
            }
            // What can happen: a body ends, a service gets up or ends by itself, or ends because it is idle.
            if running.is_empty() {
                break;
            }
            let only_lasting = running.iter().all(|job| up.contains(job) && !idle.contains(job));
            if only_lasting {
                prop_assert!(!has_stopped && running.iter().any(|job| lasting.contains(job)), "nobody would end it");
                has_stopped = true;
                note(scheduler.stop(), &mut settled);
                continue;
            }
            let pick = usize::from(picks.next().unwrap_or(0));
            let job = running[pick % running.len()];
            let is_service = plan.job(job).work == Work::Service;
            let end = world.ends[job.index()];
            if is_service && !idle.contains(&job) && !up.contains(&job) && end != 0 {
                up.push(job);
                note(scheduler.up(job), &mut settled);
                continue;
            }
            if is_service && !idle.contains(&job) && up.contains(&job) && end != 1 {
                // It stays up; something else happens, or nothing is left to happen but this.
                let others = running.iter().any(|other| !up.contains(other) || idle.contains(other));
                if others {
                    running.rotate_left(1);
                    continue;
                }
            }
            let outcome = match (is_service, end) {
                (true, _) if idle.contains(&job) && up.contains(&job) => Outcome::Succeeded,
                (true, _) if idle.contains(&job) => Outcome::Interrupted { exit: Exit::Signal(15), survivors: 0 },
                (true, _) => failed(),
                (false, 0 | 1) => failed(),
                (false, _) => Outcome::Succeeded,
            };
            running.retain(|other| *other != job);
            up.retain(|other| *other != job);
            if outcome.is_failure() && is_service {
                for user in scheduler.running_users(job) {
                    prop_assert!(running.contains(&user));
                }
            }
            note(scheduler.finish(job, outcome), &mut settled);
            finished += 1;
            if world.stop_after == Some(finished) && !has_stopped {
                has_stopped = true;
                note(scheduler.stop(), &mut settled);
            }
        }
        prop_assert!(scheduler.is_done(), "jobs were left over: {:?}", settled);
        prop_assert!(settled.iter().all(Option::is_some), "a job has no outcome");
        prop_assert_eq!(scheduler.running(), 0);
    }
}

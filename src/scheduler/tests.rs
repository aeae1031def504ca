//! What a state machine of jobs must hold on every graph, and how outcomes settle others.

use super::*;
use crate::event::Exit;
use crate::name::JobName;
use proptest::prelude::*;
use std::sync::Arc;

pub(super) fn failed() -> Outcome {
    Outcome::Failed { exit: Exit::Code(1), reason: None, code: None }
}

pub(super) fn job(place: usize, work: Work, needs: Vec<Need>, lane: Option<LaneId>) -> Job {
    Job {
        name: JobName::recorded(&format!("t{place}")).expect("not empty"),
        task: place,
        work,
        item: None,
        group: None,
        ends_group: false,
        params: Vec::new(),
        needs: needs.into(),
        inputs: Box::default(),
        aliases: Box::default(),
        envs: Box::default(),
        input_globs: Box::default(),
        output_globs: Box::default(),
        lane,
        timeout: None,
        confirm: None,
        refusal: None,
        elsewhere: None,
    }
}

fn plan(jobs: Vec<Job>, lanes: Vec<Lane>) -> Arc<Plan> {
    Arc::new(Plan {
        jobs: jobs.into_iter().map(Arc::new).collect(),
        lanes,
        globals: Arc::default(),
        warnings: Vec::new(),
    })
}

pub(super) fn need(job: u32, when: When) -> Need {
    Need { job: JobId(job), when, flow: Flow::AtEnd }
}

fn stream_of(job: u32, is_lenient: bool) -> Need {
    Need { job: JobId(job), when: When::Success, flow: Flow::Stream { is_lenient } }
}

/// Runs a plan to its end with given outcomes; answers each job's outcome as a word.
fn run(plan: &Arc<Plan>, slots: usize, policy: Policy, outcome: impl Fn(JobId) -> Outcome) -> Vec<String> {
    let mut scheduler = Scheduler::new(plan, slots, policy);
    scheduler.begin();
    let mut running = VecDeque::new();
    loop {
        while let Some(job) = scheduler.next() {
            running.push_back(job);
        }
        let Some(job) = running.pop_front() else { break };
        scheduler.finish(job, outcome(job));
    }
    assert!(scheduler.is_done());
    let word = |job| match scheduler.outcome(job).expect("settled") {
        Outcome::Succeeded => "ok".to_owned(),
        Outcome::Fresh { .. } => "fresh".to_owned(),
        Outcome::Failed { .. } => "FAIL".to_owned(),
        Outcome::Skipped(Skip::Needs(job)) => format!("needs {job}"),
        Outcome::Skipped(Skip::NotCalledFor(job)) => format!("not triggered by {job}"),
        Outcome::Skipped(Skip::SerialPredecessor(job)) => format!("after {job}"),
        Outcome::Skipped(Skip::Os(_)) => "elsewhere".to_owned(),
        Outcome::Skipped(Skip::If) => "if".to_owned(),
        Outcome::Skipped(Skip::NotRan(job)) => format!("{job} did not run"),
        Outcome::Skipped(Skip::FailFast) => "fail-fast".to_owned(),
        Outcome::Interrupted { .. } => "INT".to_owned(),
        Outcome::Cancelled => "cancelled".to_owned(),
    };
    plan.ids().map(word).collect()
}

proptest! {
    /// A task that does not run on this system changes nothing for those after it, but for those that want its failure.
    #[test]
    fn a_job_of_another_system_is_to_the_others_as_one_that_succeeded(
        shape in prop::collection::vec(any::<(bool, u8)>(), 1..12),
        slots in 1..4_usize,
    ) {
        let jobs = |marks: bool| {
            let job = |(place, (is_elsewhere, needs)): (usize, &(bool, u8))| {
                let needs: Vec<u32> = (0..place.min(8) as u32).filter(|need| needs >> need & 1 == 1).collect();
                let when = |of: u32| if of % 3 == 2 { When::Failure } else { When::Success };
                let needs = needs.into_iter().map(|of| need(of, when(of)));
                let mut job = job(place, Work::Body, needs.collect(), None);
                job.elsewhere = (*is_elsewhere && marks).then(|| "plan9".into());
                job
            };
            shape.iter().enumerate().map(job).collect::<Vec<_>>()
        };
        let [marked, plain] = [true, false].map(|marks| {
            run(&plan(jobs(marks), Vec::new()), slots, Policy::KeepGoing, |_| Outcome::Succeeded)
        });
        for ((marked, plain), (is_elsewhere, _)) in marked.iter().zip(&plain).zip(&shape) {
            let expected = if *is_elsewhere && plain == "ok" { "elsewhere" } else { plain };
            prop_assert_eq!(marked, expected);
        }
    }
}

#[test]
fn a_failure_skips_its_dependants_and_nothing_else() {
    let jobs = vec![
        job(0, Work::Body, vec![], None),
        job(1, Work::Body, vec![], None),
        job(2, Work::Body, vec![need(0, When::Success)], None),
        job(3, Work::Group, vec![need(1, When::Success), need(2, When::Success)], None),
        job(4, Work::Body, vec![need(1, When::Success)], None),
    ];
    let plan = plan(jobs, vec![]);
    let outcome = |job: JobId| if job.0 == 0 { failed() } else { Outcome::Succeeded };
    assert_eq!(run(&plan, 2, Policy::KeepGoing, outcome), ["FAIL", "ok", "needs t0", "needs t2", "ok"]);
}

#[test]
fn a_group_fails_with_what_it_wants_to_succeed() {
    let jobs = vec![
        job(0, Work::Body, vec![], None),
        job(1, Work::Body, vec![], None),
        job(2, Work::Group, vec![need(0, When::Success), need(1, When::Success)], None),
        job(3, Work::Body, vec![need(2, When::Failure)], None),
        job(4, Work::Body, vec![need(2, When::Success)], None),
        job(5, Work::Group, vec![need(0, When::Always), need(1, When::Success)], None),
        job(6, Work::Body, vec![need(5, When::Success)], None),
    ];
    let plan = plan(jobs, vec![]);
    let failing = |wanted: u32| move |job: JobId| if job.0 == wanted { failed() } else { Outcome::Succeeded };
    let run = |wanted: u32| run(&plan, 2, Policy::KeepGoing, failing(wanted));
    assert_eq!(run(0), ["FAIL", "ok", "FAIL", "ok", "needs t2", "ok", "ok"]);
    assert_eq!(run(1), ["ok", "FAIL", "FAIL", "ok", "needs t2", "FAIL", "needs t5"]);
    assert_eq!(run(9), ["ok", "ok", "ok", "not triggered by t2", "ok", "ok", "ok"]);
}

#[test]
fn after_a_stop_only_what_runs_always_and_had_a_reason_to_is_started() {
    let jobs = vec![
        job(0, Work::Body, vec![], None),
        job(1, Work::Body, vec![need(0, When::Success)], None),
        job(2, Work::Group, vec![need(0, When::Success), need(1, When::Success)], None),
        job(3, Work::Body, vec![need(2, When::Always)], None),
        job(4, Work::Body, vec![need(1, When::Always)], None),
        job(5, Work::Body, vec![need(3, When::Always), need(4, When::Always)], None),
        job(6, Work::Body, vec![need(0, When::Failure)], None),
        job(7, Work::Body, vec![need(0, When::Always), need(1, When::Success)], None),
    ];
    let plan = plan(jobs, vec![]);
    let started = |is_paused: bool, again: bool| {
        let mut scheduler = Scheduler::new(&plan, 4, Policy::KeepGoing);
        scheduler.begin();
        assert_eq!(scheduler.next(), Some(JobId(0)));
        if is_paused {
            scheduler.pause(JobId(0));
        }
        scheduler.stop();
        if again {
            scheduler.stop_all();
        }
        if !is_paused {
            scheduler.finish(JobId(0), Outcome::Interrupted { exit: Exit::Signal(2), survivors: 0 });
        }
        let mut started = Vec::new();
        while let Some(job) = scheduler.next() {
            started.push(job.0);
            scheduler.finish(job, Outcome::Succeeded);
        }
        assert!(scheduler.is_done());
        started
    };
    assert_eq!(started(false, false), [3, 5]);
    assert_eq!(started(true, false), [3, 5], "a pause between two attempts is no reason not to tidy up");
    assert_eq!(started(false, true), [0; 0]);
}

#[test]
fn edges_follow_the_outcome_they_ask_for() {
    let with = |work: Outcome| {
        let jobs = vec![
            job(0, Work::Body, vec![], None),
            job(1, Work::Body, vec![need(0, When::Failure)], None),
            job(2, Work::Body, vec![need(0, When::Always)], None),
            job(3, Work::Body, vec![need(0, When::Success)], None),
            job(4, Work::Body, vec![need(1, When::Success)], None),
            job(5, Work::Body, vec![need(3, When::Always)], None),
        ];
        run(&plan(jobs, vec![]), 4, Policy::KeepGoing, move |job| {
            if job.0 == 0 { work.clone() } else { Outcome::Succeeded }
        })
    };
    assert_eq!(
        with(Outcome::Succeeded),
        ["ok", "not triggered by t0", "ok", "ok", "not triggered by t1", "ok"]
    );
    assert_eq!(with(failed()), ["FAIL", "ok", "ok", "needs t0", "ok", "ok"]);
}

#[test]
fn a_serial_lane_keeps_its_order_and_ends_with_a_failure() {
    let mut jobs: Vec<Job> = (0..4).map(|place| job(place, Work::Body, vec![], Some(LaneId(0)))).collect();
    // The last one is the most urgent, and still comes last.
    jobs.push(job(4, Work::Group, vec![need(3, When::Always)], None));
    let plan = plan(jobs, vec![Lane::Serial]);
    let mut scheduler = Scheduler::new(&plan, 8, Policy::KeepGoing);
    let mut order = Vec::new();
    while let Some(job) = scheduler.next() {
        assert_eq!(scheduler.next(), None, "one at a time");
        order.push(job.0);
        scheduler.finish(job, Outcome::Succeeded);
    }
    assert_eq!(order, [0, 1, 2, 3]);
    let outcome = |job: JobId| if job.0 == 1 { failed() } else { Outcome::Succeeded };
    assert_eq!(run(&plan, 8, Policy::KeepGoing, outcome), ["ok", "FAIL", "after t1", "after t1", "ok"]);
}

#[test]
fn an_unbound_lane_does_not_count_against_the_slots() {
    let mut jobs: Vec<Job> = (0..3).map(|place| job(place, Work::Body, vec![], Some(LaneId(0)))).collect();
    jobs.push(job(3, Work::Body, vec![], None));
    jobs.push(job(4, Work::Body, vec![], None));
    let plan = plan(jobs, vec![Lane::All]);
    let mut scheduler = Scheduler::new(&plan, 1, Policy::KeepGoing);
    let started: Vec<u32> = std::iter::from_fn(|| scheduler.next()).map(|job| job.0).collect();
    assert_eq!(started, [0, 1, 2, 3]);
}

#[test]
fn a_terminal_job_runs_alone() {
    let plan = plan(
        vec![
            job(0, Work::Body, vec![], None),
            job(1, Work::Terminal, vec![], None),
            job(2, Work::Body, vec![], None),
        ],
        vec![],
    );
    let mut scheduler = Scheduler::new(&plan, 3, Policy::KeepGoing);
    assert_eq!(scheduler.next(), Some(JobId(0)));
    assert_eq!(scheduler.next(), None);
    scheduler.finish(JobId(0), Outcome::Succeeded);
    assert_eq!(scheduler.next(), Some(JobId(1)));
    assert_eq!(scheduler.next(), None);
    scheduler.finish(JobId(1), Outcome::Succeeded);
    assert_eq!(scheduler.next(), Some(JobId(2)));
}

#[test]
fn a_pause_gives_the_slot_to_another_job() {
    let plan = plan(vec![job(0, Work::Body, vec![], None), job(1, Work::Body, vec![], None)], vec![]);
    let mut scheduler = Scheduler::new(&plan, 1, Policy::KeepGoing);
    assert_eq!(scheduler.next(), Some(JobId(0)));
    scheduler.pause(JobId(0));
    assert_eq!(scheduler.next(), Some(JobId(1)));
    scheduler.resume(JobId(0));
    assert_eq!(scheduler.next(), None);
    scheduler.finish(JobId(1), Outcome::Succeeded);
    assert_eq!(scheduler.next(), Some(JobId(0)));
    scheduler.finish(JobId(0), Outcome::Succeeded);
    assert!(scheduler.is_done());
}

#[test]
fn a_reader_starts_as_soon_as_what_it_reads_and_waits_for_all_else() {
    let jobs = vec![
        job(0, Work::Body, vec![], None),
        job(1, Work::Body, vec![], None),
        job(2, Work::Body, vec![stream_of(0, false), need(1, When::Success)], None),
        job(3, Work::Body, vec![stream_of(0, false)], None),
        job(4, Work::Body, vec![stream_of(3, false)], None),
    ];
    let plan = plan(jobs, vec![]);
    let mut scheduler = Scheduler::new(&plan, 9, Policy::KeepGoing);
    let all = |scheduler: &mut Scheduler| {
        std::iter::from_fn(|| scheduler.next()).map(|job| job.0).collect::<Vec<_>>()
    };
    assert_eq!(all(&mut scheduler), [0, 1]);
    assert_eq!(scheduler.stream(JobId(0)), []);
    assert_eq!(all(&mut scheduler), [3]);
    assert_eq!(scheduler.stream(JobId(3)), []);
    assert_eq!(all(&mut scheduler), [4]);
    assert_eq!(scheduler.finish(JobId(1), Outcome::Succeeded).len(), 1);
    assert_eq!(all(&mut scheduler), [2]);
}

#[test]
fn jobs_that_hold_no_slot_are_no_more_than_the_machine_takes() {
    let jobs = (0..5).map(|place| job(place, Work::Body, vec![], Some(LaneId(0)))).collect();
    let plan = plan(jobs, vec![Lane::All]);
    let mut scheduler = Scheduler::new(&plan, 1, Policy::KeepGoing).limited_to(3);
    let all = |scheduler: &mut Scheduler| {
        std::iter::from_fn(|| scheduler.next()).map(|job| job.0).collect::<Vec<_>>()
    };
    assert_eq!(all(&mut scheduler), [0, 1, 2]);
    assert_eq!(scheduler.finish(JobId(1), Outcome::Succeeded).len(), 1);
    assert_eq!(all(&mut scheduler), [3]);
}

#[test]
fn with_one_slot_the_producer_runs_to_its_end_first() {
    let chain = |is_lenient| {
        plan(
            vec![
                job(0, Work::Body, vec![], None),
                job(1, Work::Body, vec![stream_of(0, is_lenient)], None),
                job(2, Work::Body, vec![stream_of(1, is_lenient)], None),
            ],
            vec![],
        )
    };
    let ends = |is_lenient, first: Outcome| {
        let plan = chain(is_lenient);
        let mut scheduler = Scheduler::new(&plan, 1, Policy::KeepGoing);
        let mut settled = Vec::new();
        while let Some(job) = scheduler.next() {
            settled.extend(scheduler.stream(job));
            assert_eq!(scheduler.next(), None);
            let outcome = if job.0 == 0 { first.clone() } else { Outcome::Succeeded };
            settled.extend(scheduler.finish(job, outcome));
        }
        assert!(scheduler.is_done());
        settled
    };
    let needs =
        |job: u32| Outcome::Skipped(Skip::Needs(JobName::recorded(&format!("t{job}")).expect("not empty")));
    let ok = Outcome::Succeeded;
    assert_eq!(
        ends(false, ok.clone()),
        [(JobId(0), ok.clone()), (JobId(1), ok.clone()), (JobId(2), ok.clone())]
    );
    assert_eq!(ends(false, failed()), [(JobId(0), failed()), (JobId(1), needs(0)), (JobId(2), needs(1))]);
    assert_eq!(ends(true, failed()), [(JobId(0), failed()), (JobId(1), ok.clone()), (JobId(2), ok)]);
}

/// A random plan, how each job ends, and in which order running jobs end.
#[derive(Debug, Clone)]
struct World {
    kinds: Vec<u8>,
    edges: Vec<(u32, u32, u8)>,
    lanes: Vec<u8>,
    ends: Vec<u8>,
    /// 0: its stream can be read only at its end.
    lates: Vec<u8>,
    picks: Vec<u8>,
    /// 0: up to date, without values: held, if it can be. 1: it has to run although a job that it needs is held, as far as
    /// looking at it tells; of the others that are looked at, it need not.
    looks: Vec<u8>,
    slots: usize,
    is_fail_fast: bool,
    stop_after: Option<usize>,
}

fn world() -> impl Strategy<Value = World> {
    (1usize..24)
        .prop_flat_map(|count| {
            (
                proptest::collection::vec(0u8..10, count),
                proptest::collection::vec((0..count as u32, 0..count as u32, 0u8..9), 0..3 * count),
                proptest::collection::vec(0u8..8, count),
                proptest::collection::vec(0u8..10, count),
                proptest::collection::vec(0u8..4, count),
                proptest::collection::vec(any::<u8>(), 4 * count),
                proptest::collection::vec(0u8..6, count),
                1usize..6,
                proptest::bool::weighted(0.2),
                proptest::option::weighted(0.2, 0..count),
            )
        })
        .prop_map(|(kinds, edges, lanes, ends, lates, picks, looks, slots, is_fail_fast, stop_after)| World {
            kinds,
            edges,
            lanes,
            ends,
            lates,
            picks,
            looks,
            slots,
            is_fail_fast,
            stop_after,
        })
}

impl World {
    fn plan(&self) -> Arc<Plan> {
        let lanes = vec![Lane::Serial, Lane::Most(2), Lane::All];
        let jobs = self.kinds.iter().enumerate().map(|(place, kind)| {
            let work = match kind {
                0 => Work::Terminal,
                1 => Work::Group,
                _ => Work::Body,
            };
            let mut needs: Vec<Need> = self
                .edges
                .iter()
                .filter(|(to, from, _)| *to as usize == place && (*from as usize) < place)
                .map(|(_, from, kind)| {
                    let can_flow = |place: usize| !matches!(self.kinds[place], 0 | 1);
                    match kind {
                        0..4 => need(*from, When::Success),
                        4 => need(*from, When::Failure),
                        5 => need(*from, When::Always),
                        _ if can_flow(place) && can_flow(*from as usize) => stream_of(*from, *kind == 8),
                        _ => need(*from, When::Success),
                    }
                })
                .collect();
            needs.sort_by_key(|need| need.job);
            needs.dedup_by_key(|need| need.job);
            let lane =
                (self.lanes[place] < 3 && work == Work::Body).then(|| LaneId(u32::from(self.lanes[place])));
            job(place, work, needs, lane)
        });
        plan(jobs.collect(), lanes)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]
    #[test]
    fn every_job_is_settled_once_and_none_starts_early(world in world()) {
        let plan = world.plan();
        let policy = if world.is_fail_fast { Policy::FailFast } else { Policy::KeepGoing };
        let mut scheduler = Scheduler::new(&plan, world.slots, policy);
        let mut settled: Vec<Option<Outcome>> = vec![None; plan.jobs.len()];
        // Held once; looked at, for a job that it needs is held or it may be held itself.
        let mut was_held = vec![false; plan.jobs.len()];
        let mut is_looked_at = vec![false; plan.jobs.len()];
        let mut has_run = vec![false; plan.jobs.len()];
        let mut note = |list: Vec<(JobId, Outcome)>| {
            for (job, outcome) in list {
                assert!(settled[job.index()].replace(outcome).is_none(), "settled twice");
            }
        };
        note(scheduler.begin());
        let mut running: Vec<JobId> = Vec::new();
        let mut started = vec![false; plan.jobs.len()];
        // Started, and not up to date.
        let mut begun = vec![false; plan.jobs.len()];
        let mut streams = vec![false; plan.jobs.len()];
        let mut picks = world.picks.iter().copied();
        let mut finished = 0;
        let mut has_stopped = false;
        loop {
            while let Some(job) = scheduler.next() {
                let has_begun = |job: JobId| begun[job.index()] || !plan.job(job).work.has_body();
                // A job to tidy up after another may be held; what tidies up after it is looked at meanwhile.
                let may_begin = |job: JobId| has_begun(job) || was_held[job.index()] && scheduler.outcome(job).is_none();
                let tidies_up =
                    plan.job(job).needs.iter().any(|need| need.when == When::Always && may_begin(need.job));
                prop_assert!(!has_stopped || tidies_up, "started after the stop");
                prop_assert!(!std::mem::replace(&mut started[job.index()], true), "started twice");
                prop_assert!(plan.job(job).work.has_body());
                for need in &plan.job(job).needs {
                    match (need.flow, scheduler.outcome(need.job)) {
                        (Flow::AtEnd, outcome) => {
                            prop_assert!(outcome.is_some() || scheduler.needs_held(job), "started early");
                        }
                        (Flow::Up, _) => unreachable!("no services here"),
                        (Flow::Stream { .. }, None) => prop_assert!(streams[need.job.index()], "started before its producer"),
                        (Flow::Stream { is_lenient }, Some(outcome)) => prop_assert!(
                            outcome.is_success() || is_lenient && outcome.is_failure() && streams[need.job.index()],
                            "started after its producer failed"
                        ),
                    }
                }
                prop_assert!(plan.job(job).needs.iter().all(|need| {
                    world.slots > 1 || plan.job(job).lane == Some(LaneId(2)) || plan.job(need.job).lane == Some(LaneId(2))
                        || scheduler.outcome(need.job).is_some() || was_held[need.job.index()]
                }), "with one slot, the producer ends first");
                prop_assert!(plan.job(job).work != Work::Terminal || running.is_empty(), "a terminal job was not alone");
                running.push(job);
                let may_be_held = world.looks[job.index()] == 0 && !was_held[job.index()];
                is_looked_at[job.index()] = may_be_held || scheduler.needs_held(job);
                begun[job.index()] = world.ends[job.index()] != 2 && !is_looked_at[job.index()];
                // A fresh job ends without having streamed.
                if begun[job.index()] && world.lates[job.index()] > 0 {
                    streams[job.index()] = true;
                    note(scheduler.stream(job));
                }
                let bound = running.iter().filter(|job| plan.job(**job).lane != Some(LaneId(2))).count();
                prop_assert!(bound <= world.slots, "over the limit");
                let in_lane = |lane| running.iter().filter(|job| plan.job(**job).lane == Some(LaneId(lane))).count();
                prop_assert!(in_lane(0) <= 1 && in_lane(1) <= 2, "a lane is over its limit");
            }
            prop_assert_eq!(scheduler.running(), running.len());
            if running.is_empty() {
                break;
            }
            let pick = usize::from(picks.next().unwrap_or(0)) % running.len();
            let job = running.swap_remove(pick);
            let fresh = || Outcome::Fresh { run: crate::name::RunId::new("20260101-000000.000000", 0) };
            let is_new = !std::mem::replace(&mut was_held[job.index()], true);
            if world.looks[job.index()] == 0 && is_new && !streams[job.index()] && scheduler.can_hold(job) {
                started[job.index()] = false;
                note(scheduler.hold(job, fresh()));
                continue;
            }
            was_held[job.index()] &= !is_new;
            let is_provisional = scheduler.needs_held(job);
            if is_provisional && (world.looks[job.index()] == 1 || was_held[job.index()]) {
                prop_assert!(scheduler.waits_for_held(job));
                started[job.index()] = false;
                continue;
            }
            let outcome = match world.ends[job.index()] {
                _ if is_provisional => fresh(),
                0 | 1 => failed(),
                2 if !was_held[job.index()] => fresh(),
                _ => Outcome::Succeeded,
            };
            has_run[job.index()] = !matches!(outcome, Outcome::Fresh { .. });
            begun[job.index()] |= has_run[job.index()];
            let is_unread = !streams[job.index()] && world.ends[job.index()] != 2;
            if (world.lates[job.index()] == 0 || is_looked_at[job.index()]) && is_unread && !is_provisional && !has_stopped {
                streams[job.index()] = true;
                note(scheduler.stream(job));
            }
            is_looked_at[job.index()] = false;
            if outcome.is_failure() && world.is_fail_fast {
                put_back(&mut scheduler, &mut running, &is_looked_at, &mut started);
            }
            note(scheduler.finish(job, outcome));
            finished += 1;
            if world.stop_after == Some(finished) {
                has_stopped = true;
                put_back(&mut scheduler, &mut running, &is_looked_at, &mut started);
                note(scheduler.stop());
            }
        }
        prop_assert!(scheduler.is_done(), "jobs were left over");
        prop_assert!(settled.iter().all(Option::is_some), "a job has no outcome");
        for job in plan.ids() {
            let ran = settled[job.index()].as_ref().is_some_and(|outcome| outcome.is_success() || outcome.is_failure());
            let is_held = was_held[job.index()] && matches!(settled[job.index()], Some(Outcome::Fresh { .. }));
            prop_assert_eq!(started[job.index()] || is_held, ran && plan.job(job).work.has_body(), "outcome without a run");
            let needs = plan.job(job).needs.iter().filter(|need| need.flow == Flow::AtEnd);
            let is_fresh = |need: JobId| matches!(settled[need.index()], Some(Outcome::Fresh { .. }));
            let unkept = needs.filter(|need| was_held[need.job.index()] && is_fresh(need.job)).count();
            prop_assert!(!has_run[job.index()] || unkept == 0, "ran without the values of a job that was held");
        }
    }
}

/// Jobs that are looked at wait for their turn again.
fn put_back(
    scheduler: &mut Scheduler,
    running: &mut Vec<JobId>,
    is_looked_at: &[bool],
    started: &mut [bool],
) {
    running.retain(|job| {
        if is_looked_at[job.index()] {
            started[job.index()] = false;
            scheduler.put_back(*job);
        }
        !is_looked_at[job.index()]
    });
}

#[test]
fn a_held_job_runs_only_if_one_that_depends_on_it_does() {
    let jobs = vec![
        job(0, Work::Body, vec![], None),
        job(1, Work::Body, vec![need(0, When::Success)], None),
        job(2, Work::Body, vec![need(0, When::Success)], None),
        job(3, Work::Group, vec![need(0, When::Success), need(2, When::Success)], None),
    ];
    let plan = plan(jobs, vec![]);
    let fresh = || Outcome::Fresh { run: crate::name::RunId::new("20260101-000000.000000", 0) };
    for has_to_run in [false, true] {
        let mut scheduler = Scheduler::new(&plan, 4, Policy::KeepGoing);
        assert_eq!(scheduler.next(), Some(JobId(0)));
        assert!(scheduler.can_hold(JobId(0)));
        assert_eq!(scheduler.hold(JobId(0), fresh()), []);
        assert_eq!((scheduler.next(), scheduler.next()), (Some(JobId(2)), Some(JobId(1))));
        assert_eq!(scheduler.finish(JobId(1), fresh()), [(JobId(1), fresh())]);
        assert!(scheduler.needs_held(JobId(2)));
        if !has_to_run {
            let settled = [(JobId(2), fresh()), (JobId(0), fresh()), (JobId(3), Outcome::Succeeded)];
            assert_eq!(scheduler.finish(JobId(2), fresh()), settled);
            continue;
        }
        assert!(scheduler.waits_for_held(JobId(2)));
        assert_eq!((scheduler.next(), scheduler.next()), (Some(JobId(0)), None));
        scheduler.finish(JobId(0), Outcome::Succeeded);
        assert_eq!(scheduler.next(), Some(JobId(2)));
        assert!(!scheduler.waits_for_held(JobId(2)));
        let settled = [(JobId(2), Outcome::Succeeded), (JobId(3), Outcome::Succeeded)];
        assert_eq!(scheduler.finish(JobId(2), Outcome::Succeeded), settled);
    }
    let waits = vec![
        job(0, Work::Body, vec![], None),
        job(1, Work::Group, vec![need(0, When::Success)], None),
        job(2, Work::Body, vec![need(0, When::Success), need(1, When::Success)], None),
    ];
    let plan = self::plan(waits, vec![]);
    let mut scheduler = Scheduler::new(&plan, 4, Policy::KeepGoing);
    scheduler.next();
    assert!(!scheduler.can_hold(JobId(0)), "`t2` waits for a group, and that for the end of `t0`");
}

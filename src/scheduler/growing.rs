//! Random ottofiles in which data makes jobs at random moments, run to their end by the scheduler alone.

use super::*;
use crate::event::Exit;
use crate::ottofile::spec::DataPath;
use crate::plan::facts::{CommandFailure, Facts};
use crate::plan::{self, extend};
use crate::request::{self, Parsed};
use crate::source::SourceFile;
use crate::value::Value;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

/// A world without anything in it.
struct Nothing;

impl Facts for Nothing {
    fn variable(&self, _: &str) -> Option<OsString> {
        None
    }

    fn glob(&self, _: &str) -> Result<Vec<OsString>, String> {
        Ok(Vec::new())
    }

    fn file(&self, _: &str) -> Result<Option<String>, String> {
        Ok(None)
    }

    fn command(&self, _: &str, _: &[(String, OsString)]) -> Result<Vec<u8>, CommandFailure> {
        unreachable!("bug: nothing asks for a command")
    }

    fn within<'f>(&'f self, _: Option<&'f Path>) -> Box<dyn Facts + 'f> {
        Box::new(Nothing)
    }

    fn may_run_commands(&self) -> bool {
        true
    }
}

/// A task: what kind it is, what it needs, and how many items its value has.
#[derive(Debug, Clone)]
struct WantedTask {
    kind: u8,
    needs: Vec<(usize, bool)>,
    source: usize,
    items: usize,
}

#[derive(Debug, Clone)]
struct GrowingWorld {
    tasks: Vec<WantedTask>,
    slots: usize,
    /// 0: fails.
    ends: Vec<u8>,
    picks: Vec<u8>,
    stop_after: Option<usize>,
    is_fail_fast: bool,
}

fn world() -> impl Strategy<Value = GrowingWorld> {
    let task = (0u8..6, proptest::collection::vec((0usize..12, any::<bool>()), 0..3), 0usize..12, 0usize..5)
        .prop_map(|(kind, needs, source, items)| WantedTask { kind, needs, source, items });
    (
        proptest::collection::vec(task, 1..12),
        1usize..6,
        prop_oneof![proptest::collection::vec(0u8..8, 40), proptest::collection::vec(1u8..8, 40)],
        proptest::collection::vec(any::<u8>(), 200),
        proptest::option::weighted(0.2, 0usize..20),
        proptest::bool::weighted(0.2),
    )
        .prop_map(|(tasks, slots, ends, picks, stop_after, is_fail_fast)| GrowingWorld {
            tasks,
            slots,
            ends,
            picks,
            stop_after,
            is_fail_fast,
        })
}

impl GrowingWorld {
    /// The foreach of each task, if it has one: a task can follow an earlier one that has jobs, or read an earlier one that
    /// has none.
    fn foreach(&self, place: usize) -> Option<String> {
        let wanted = &self.tasks[place];
        let earlier: Vec<usize> = (0..place).collect();
        let of_kind = |has_jobs: bool| {
            let fit: Vec<usize> =
                earlier.iter().copied().filter(|other| self.foreach(*other).is_some() == has_jobs).collect();
            (!fit.is_empty()).then(|| fit[wanted.source % fit.len()])
        };
        match wanted.kind {
            0 | 1 => of_kind(false).map(|source| format!("{{from: t{source}.v, max_items: 50}}")),
            2 | 3 => of_kind(true).map(|source| format!("{{each: t{source}}}")),
            4 => Some("{items: [x, y], fail_fast: true}".to_owned()),
            _ => None,
        }
    }

    fn text(&self) -> String {
        let mut text = "tasks:\n".to_owned();
        for (place, wanted) in self.tasks.iter().enumerate() {
            let earlier = wanted.needs.iter().filter(|(need, _)| *need < place);
            let needs: BTreeSet<(usize, bool)> = earlier.copied().collect();
            let mut seen = BTreeSet::new();
            let needs: Vec<String> = needs
                .iter()
                .filter(|(need, _)| seen.insert(*need))
                .map(|(need, is_always)| {
                    format!("{{task: t{need}, when: {}}}", if *is_always { "always" } else { "success" })
                })
                .collect();
            let foreach =
                self.foreach(place).map_or(String::new(), |foreach| format!("foreach: {foreach}, "));
            text += &format!("  t{place}: {{needs: [{}], {foreach}bash: ':'}}\n", needs.join(", "));
        }
        text
    }

    /// What a task has set: the items of those that read it.
    fn value(&self, path: &DataPath) -> Option<Value> {
        let place: usize = path.task[1..].parse().expect("a name of ours");
        let item = |number| Value::String(format!("i{number}"));
        Some(Value::List((0..self.tasks[place].items).map(item).collect()))
    }
}

/// Runs it to its end. Answers the names of all jobs in plan order.
fn run(world: &GrowingWorld, picks: &[u8]) -> Vec<String> {
    let source = SourceFile::new("otto.yml", world.text());
    let (ottofile, _) = crate::ottofile::read(&source).unwrap_or_else(|_| panic!("{}", world.text()));
    let words: Vec<OsString> = (0..world.tasks.len()).map(|place| format!("t{place}").into()).collect();
    let Ok(Parsed::Run { request, .. }) = request::parse(&words, &ottofile, &|_: &str| None) else {
        panic!("{}", world.text())
    };
    let mut plan =
        Arc::new(plan::make(&ottofile, &request, &Nothing).unwrap_or_else(|_| panic!("{}", world.text())));
    let policy = if world.is_fail_fast { Policy::FailFast } else { Policy::KeepGoing };
    let mut scheduler = Scheduler::new(&plan, world.slots, policy);
    let mut settled: Vec<JobId> = Vec::new();
    settled.extend(scheduler.begin().into_iter().map(|(job, _)| job));
    let (mut running, mut growing): (Vec<JobId>, Vec<JobId>) = (Vec::new(), Vec::new());
    let mut started = BTreeSet::new();
    let mut picks = picks.iter().copied();
    let mut finished = 0;
    loop {
        growing.extend(std::iter::from_fn(|| scheduler.next_growth()));
        while let Some(job) = scheduler.next() {
            assert!(started.insert(job), "started twice");
            for need in &plan.job(job).needs {
                assert!(scheduler.outcome(need.job).is_some(), "started early");
            }
            running.push(job);
            assert!(running.len() <= world.slots, "over the limit");
        }
        // Chains never wait: what has all that it needs, and a slot, runs.
        if running.len() < world.slots && finished < world.stop_after.unwrap_or(usize::MAX) {
            for id in
                plan.ids().filter(|id| plan.job(*id).work.has_body() && scheduler.outcome(*id).is_none())
            {
                let is_due = plan.job(id).needs.iter().all(|need| scheduler.outcome(need.job).is_some());
                assert!(!is_due || running.contains(&id), "`{}` waits for nothing", plan.job(id).name);
            }
        }
        let open = running.len() + growing.len();
        if open == 0 {
            break;
        }
        let pick = usize::from(picks.next().unwrap_or(0)) % open;
        let news = if pick < running.len() {
            let job = running.swap_remove(pick);
            finished += 1;
            let outcome = match world.ends[job.index() % world.ends.len()] {
                0 => Outcome::Failed { exit: Exit::Code(1), reason: None, code: None },
                _ => Outcome::Succeeded,
            };
            scheduler.finish(job, outcome)
        } else {
            let group = growing.swap_remove(pick - running.len());
            if !scheduler.is_growing(group) {
                continue;
            }
            let extension = extend(&ottofile, &plan, group, &|path| world.value(path), &Nothing);
            let extension = extension.unwrap_or_else(|_| panic!("{}", world.text()));
            let groups: Vec<JobId> = extension.groups.iter().map(|(group, _)| *group).collect();
            plan = Arc::new(plan.with(extension));
            scheduler.grow(&plan, &groups)
        };
        settled.extend(news.into_iter().map(|(job, _)| job));
        if world.stop_after == Some(finished) && !running.is_empty() {
            settled.extend(scheduler.stop().into_iter().map(|(job, _)| job));
        }
    }
    assert!(scheduler.is_done(), "jobs were left over");
    let once: BTreeSet<JobId> = settled.iter().copied().collect();
    assert_eq!((once.len(), settled.len()), (plan.jobs.len(), plan.jobs.len()), "settled not exactly once");
    let names: Vec<String> = plan.in_order().iter().map(|id| plan.job(*id).name.to_string()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "a name stands for two jobs");
    for id in plan.ids() {
        let job = plan.job(id);
        assert!(
            job.needs.iter().all(|need| plan.place(need.job) < plan.place(id)),
            "a need stands after its job"
        );
    }
    names
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]
    #[test]
    fn a_plan_that_grows_ends_and_its_jobs_start_when_they_may(world in world()) {
        let names = run(&world, &world.picks);
        let mut other = world.clone();
        other.picks.reverse();
        // Whatever comes first: the same values make the same jobs in the same order. What is not reached adds none.
        if world.ends.iter().all(|end| *end > 0) && world.stop_after.is_none() {
            prop_assert_eq!(names, run(&other, &other.picks));
        }
    }
}

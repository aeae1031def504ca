//! What holds for each run, whatever its graph, however its attempts end and whenever it is stopped.

use super::*;
use crate::exec::ReportSink;
use crate::exec::fake::{Asked, FakeExecutor, World};
use crate::history::journal;
use crate::host::HostFacts;
use crate::ottofile::spec::When;
use crate::plan::Need;
use crate::plan::Work;
use crate::request::{self, Parsed};
use crate::source::SourceFile;
use crate::state::RunState;
use crate::store::claim::{claim_run, open_home};
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// One task, and how its attempts end.
#[derive(Clone, Debug)]
struct Drawn {
    /// Earlier tasks, and 0, 1 or 2 for `success`, `failure` and `always`.
    edges: Vec<(usize, usize)>,
    is_group: bool,
    is_terminal: bool,
    /// 0: no foreach; else so many items, one at a time if that is odd.
    items: usize,
    retries: u32,
    is_short_of_time: bool,
    /// It has `input` and `output`, so that it is looked at before it begins.
    is_looked_at: bool,
    exits: Vec<Exit>,
}

/// When the run is stopped, as the number of attempts that have ended, and by which signals.
#[derive(Clone, Debug)]
struct Stops {
    after: Vec<(usize, i32)>,
}

fn exit() -> impl Strategy<Value = Exit> {
    prop_oneof![
        6 => Just(Exit::Code(0)),
        2 => (1..256).prop_map(Exit::Code),
        1 => Just(Exit::Signal(libc::SIGKILL)),
        1 => Just(Exit::Signal(libc::SIGINT)),
        1 => Just(Exit::Lost),
        1 => Just(Exit::NotStarted { code: 127, reason: "none".into() }),
    ]
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let edges = proptest::collection::vec((any::<prop::sample::Index>(), 0..3_usize), 0..4);
    let kinds = (
        proptest::bool::weighted(0.1),
        proptest::bool::weighted(0.1),
        prop_oneof![4 => Just(0_usize), 1 => 1..4_usize],
    );
    let ends = (
        0..3_u32,
        proptest::bool::weighted(0.1),
        proptest::bool::weighted(0.4),
        proptest::collection::vec(exit(), 3),
    );
    (edges, kinds, ends).prop_map(
        |(edges, (is_group, is_terminal, items), (retries, is_short_of_time, is_looked_at, exits))| Drawn {
            edges: edges.into_iter().map(|(place, when)| (place.index(1000), when)).collect(),
            is_group,
            is_terminal,
            items,
            retries,
            is_short_of_time,
            is_looked_at,
            exits,
        },
    )
}

fn stops() -> impl Strategy<Value = Stops> {
    let stop = (0..12_usize, prop::sample::select(signals::STOPPING.to_vec()));
    prop_oneof![2 => Just(Vec::new()), 1 => proptest::collection::vec(stop, 1..3)]
        .prop_map(|after| Stops { after })
}

/// The ottofile of these tasks; `all` needs all of them, whatever becomes of them.
fn ottofile(tasks: &[Drawn]) -> String {
    let mut text = "tasks:\n".to_owned();
    let mut all = Vec::new();
    for (place, task) in tasks.iter().enumerate() {
        let when = ["success", "failure", "always"];
        let mut targets = BTreeMap::new();
        for (target, kind) in task.edges.iter().filter(|_| place > 0) {
            targets.insert(target % place, when[*kind]);
        }
        let before: Vec<String> =
            targets.iter().map(|(target, when)| format!("{{task: t{target}, when: {when}}}")).collect();
        text.push_str(&format!("  t{place}:\n    before: [{}]\n", before.join(", ")));
        all.push(format!("{{task: t{place}, when: always}}"));
        if task.is_group && !before.is_empty() {
            continue;
        }
        // For `cat` a hand-over is no duty, and nobody hands over anything here.
        text.push_str("    action: |\n      #!/bin/cat\n      text\n");
        text.push_str(&format!("    retries: {{count: {}, delay: 0s}}\n", task.retries));
        match (task.items, task.is_terminal) {
            (0, true) => text.push_str("    tty: true\n"),
            (0, false) => {}
            (items, _) => {
                let list: Vec<String> = (0..items).map(|item| item.to_string()).collect();
                let is_parallel = items % 2 == 0;
                text.push_str(&format!(
                    "    foreach: {{items: [{}], parallel: {is_parallel}}}\n",
                    list.join(", ")
                ));
            }
        }
        if task.is_looked_at {
            text.push_str("    input: [file]\n    output: [file]\n");
        }
        if task.is_short_of_time {
            text.push_str("    timeout: 1ms\n");
        }
    }
    text.push_str(&format!("  all: {{before: [{}]}}\n", all.join(", ")));
    text
}

/// Keeps what it was shown.
struct Witness(Rc<RefCell<Vec<Stamped>>>);

impl View for Witness {
    fn event(&mut self, stamped: &Stamped) {
        self.0.borrow_mut().push(stamped.clone());
    }
    fn output(&mut self, _: &JobName, _: crate::event::Stream, _: &[u8], _: u64) {}
    fn tick(&mut self, _: u64) {}
    fn next_tick(&self) -> Option<u64> {
        None
    }
    fn suspend(&mut self) {}
    fn resume(&mut self, _: u64) {}
    fn finish(&mut self, _: u64) {}
}

/// What was seen of a run.
struct Seen {
    plan: Arc<Plan>,
    events: Vec<Stamped>,
    journal: Vec<Stamped>,
    asked: Vec<Asked>,
    result: RunResult,
}

fn run(tasks: &[Drawn], stops: Stops, slots: usize, policy: Policy, mut dice: u64) -> Seen {
    let text = ottofile(tasks);
    let (ottofile, _) = crate::ottofile::read(&SourceFile::new("otto.yml", text.clone()))
        .unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{text}"));
    let Ok(Parsed::Run { request, .. }) = request::parse(&["all".into()], &ottofile, &|_| None) else {
        panic!("not a request for `all`:\n{text}");
    };
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("file"), "").expect("a file");
    let environment = Environment::from([("PATH", "/usr/bin:/bin")]);
    let facts = HostFacts { environment: &environment, folder: folder.path(), may_run_commands: false };
    let plan = crate::plan::make(&ottofile, &request, &facts).unwrap_or_else(|why| panic!("{why:?}\n{text}"));
    let plan = Arc::new(plan);
    let home = open_home(folder.path().join("home")).expect("a home");
    let project = home.project(folder.path());
    let (run_dir, run_id, _lock) =
        claim_run(&project, jiff::Timestamp::now(), dice, |_| b"{}".to_vec()).expect("a run");
    let (sender, receiver) = inbox();
    let answers = sender.clone();
    let setting = Arc::new(Setting {
        ottofile: Arc::new(ottofile),
        plan: plan.clone(),
        resources: vec![std::sync::Arc::default(); plan.jobs.len()],
        local_slots: slots,
        memory_mib: u64::MAX,
        places: vec![crate::plan::JobPlace::Here; plan.jobs.len()],
        environment: environment.clone(),
        folder: folder.path().to_owned(),
        project,
        run_dir: run_dir.clone(),
        run_id,
        runtime: home.runtime(),
        user: "somebody".into(),
        slots,
        most: usize::MAX,
        policy,
        ignores_freshness: false,
        timeout: None,
        run_timeout: None,
        inherits_stdin: Vec::new(),
        changed: Vec::new(),
        lasting: Vec::new(),
        keep: None,
        recorded: HashMap::new(),
        earlier: outcomes::Earlier::default(),
        shows_output: true,
        streams: StreamSetting { limit: 1 << 20, sink: Arc::new(|_, _| {}) },
        sink: Arc::new(move |message| drop(answers.send(message))),
        tells_colour: false,
        lost_retries: 3,
        may_be_left: false,
        masks: Masks::default(),
        sealer: Arc::new(Sealer::default()),
        vault: Arc::new(Vault::new(&[], &home.root, "run")),
        hashes: super::KnownHashes::default(),
    });
    let reports = sender.clone();
    let sink: ReportSink = Arc::new(move |report| drop(reports.send(Message::Report(report))));
    let ends: Vec<Vec<Exit>> =
        plan.jobs.iter().map(|job| tasks.get(job.task).map_or(Vec::new(), |it| it.exits.clone())).collect();
    let mut ended = 0;
    let mut stops = stops.after;
    let world: World = Box::new(move |running| {
        stops.retain(|(after, signal)| {
            let is_due = *after <= ended;
            if is_due {
                // The run may be over.
                let _ = sender.send(Message::Signal(*signal));
            }
            !is_due
        });
        dice = dice.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        let place = (dice >> 33) as usize % running.len().max(1);
        let attempt = running.get(place)?;
        ended += 1;
        Some((place, ends[attempt.job.index()][attempt.number as usize - 1].clone()))
    });
    let executor = FakeExecutor::new(sink, world);
    let asked = executor.asked();
    let events = Rc::new(RefCell::new(Vec::new()));
    let view = Box::new(Witness(events.clone()));
    let finished = Run::new(&setting, Box::new(executor), receiver, Journal::create(&run_dir), view).run();
    drop(setting);
    let asked = asked.lock().expect("nobody panicked").clone();
    let journal = journal::read(&run_dir).expect("a journal");
    Seen { plan, events: events.take(), journal, asked, result: finished.result }
}

/// Whether a job was started, or a job of a group.
fn has_begun(plan: &Plan, id: JobId, attempts: &BTreeMap<JobId, u32>) -> bool {
    let job = plan.job(id);
    match job.work.has_body() {
        true => attempts.contains_key(&id),
        false => job.needs.iter().any(|need| has_begun(plan, need.job, attempts)),
    }
}

/// Everything that must hold of a run, whatever happened in it.
fn check(seen: &Seen, slots: usize) {
    let Seen { plan, events, journal, asked, result } = seen;
    // The journal is the run: what was shown, whole and in order.
    assert_eq!(events, journal);
    assert!(events.iter().zip(0..).all(|(stamped, seq)| stamped.seq == seq));
    assert!(events.is_sorted_by_key(|stamped| stamped.mono_us));
    assert!(matches!(events.first().map(|it| &it.event), Some(Event::RunStarted { .. })));
    assert_eq!(events.last().map(|it| &it.event), Some(&Event::RunEnded { result: result.clone() }));

    let place: HashMap<&JobName, JobId> = plan.ids().map(|id| (&plan.job(id).name, id)).collect();
    let mut outcomes: BTreeMap<JobId, Outcome> = BTreeMap::new();
    let mut running: BTreeSet<JobId> = BTreeSet::new();
    let mut attempts: BTreeMap<JobId, u32> = BTreeMap::new();
    let mut stopped_by = None;
    let mut is_killing = false;
    for Stamped { event, .. } in events {
        match event {
            Event::AttemptStarted { job, attempt } => {
                let id = place[job];
                let job = plan.job(id);
                let begun = |need: &Need| need.when == When::Always && has_begun(plan, need.job, &attempts);
                let tidies_up = job.needs.iter().any(begun);
                assert!(stopped_by.is_none() || tidies_up, "{} began after the stop", job.name);
                assert!(!is_killing, "{} began although everything was to end", job.name);
                assert_eq!(*attempt, attempts.get(&id).copied().unwrap_or(0) + 1);
                attempts.insert(id, *attempt);
                for need in &job.needs {
                    assert!(outcomes.contains_key(&need.job), "{} began too early", job.name);
                }
                assert!(running.insert(id) && !outcomes.contains_key(&id));
                assert!(running.len() <= slots, "{} is one too many", job.name);
                let has_terminal = running.iter().any(|id| plan.job(*id).work == Work::Terminal);
                assert!(!has_terminal || running.len() == 1, "{} is not alone", job.name);
            }
            Event::AttemptEnded { job, attempt, .. } => {
                assert!(running.remove(&place[job]));
                assert_eq!(attempts.get(&place[job]), Some(attempt));
            }
            Event::JobSettled { job, outcome, .. } => {
                assert!(!running.contains(&place[job]));
                let before = outcomes.insert(place[job], outcome.clone());
                assert_eq!(before, None, "{job} was settled twice");
            }
            Event::Stopping { signal, is_forced } => {
                stopped_by = stopped_by.or(Some(*signal));
                is_killing |= *is_forced;
            }
            Event::Warning { message, .. } => panic!("a warning: {message}"),
            Event::RunStarted { .. }
            | Event::JobsAdded { .. }
            | Event::Stale { .. }
            | Event::Hint { .. }
            | Event::ServiceUp { .. }
            | Event::RetryPlanned { .. }
            | Event::AttemptQueued { .. }
            | Event::AttemptBegan { .. }
            | Event::RunResumed { .. }
            | Event::RunLeft { .. }
            | Event::RunEnded { .. } => {}
        }
    }
    assert_eq!(running, BTreeSet::new());
    assert_eq!(outcomes.len(), plan.jobs.len(), "not every job has an outcome");

    let failed = outcomes.values().find_map(|outcome| match outcome {
        Outcome::Failed { exit, .. } => Some(exit.status()),
        _ => None,
    });
    let expected = match (stopped_by, failed) {
        (Some(signal), _) => RunResult::Interrupted { signal },
        (None, Some(status)) => RunResult::Failed { status },
        (None, None) => RunResult::Succeeded,
    };
    assert_eq!(*result, expected);
    let is_of_a_stop =
        |outcome: &Outcome| matches!(outcome, Outcome::Interrupted { .. } | Outcome::Cancelled);
    assert!(stopped_by.is_some() || !outcomes.values().any(is_of_a_stop));

    // A later reader of the journal sees the same.
    let mut state = RunState::default();
    journal.iter().for_each(|stamped| state.apply(stamped));
    let told: Vec<Option<&Outcome>> = state.jobs.iter().map(|job| job.outcome.as_ref()).collect();
    assert_eq!(told, plan.ids().map(|id| outcomes.get(&id)).collect::<Vec<_>>());
    assert_eq!(state.result.as_ref(), Some(result));

    let started: Vec<AttemptId> = asked
        .iter()
        .filter_map(|asked| if let Asked::Start(attempt) = asked { Some(*attempt) } else { None })
        .collect();
    assert_eq!(started.len() as u32, attempts.values().sum::<u32>());
    assert_eq!(started.iter().collect::<BTreeSet<_>>().len(), started.len(), "started twice");
    assert_eq!(asked.last(), Some(&Asked::Finish));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn every_run_settles_each_job_once_and_its_journal_tells_all(
        tasks in proptest::collection::vec(drawn(), 1..9),
        stops in stops(),
        slots in 1..5_usize,
        is_fail_fast in any::<bool>(),
        dice in any::<u64>(),
    ) {
        let policy = if is_fail_fast { Policy::FailFast } else { Policy::KeepGoing };
        check(&run(&tasks, stops, slots, policy, dice), slots);
    }
}

/// A task that just runs.
fn plain_task() -> Drawn {
    Drawn {
        edges: Vec::new(),
        is_group: false,
        is_terminal: false,
        items: 0,
        retries: 0,
        is_short_of_time: false,
        is_looked_at: false,
        exits: vec![Exit::Code(0); 3],
    }
}

/// Otto does not hear the ^C of a task that has the terminal.
#[test]
fn a_task_with_the_terminal_that_dies_of_an_interrupt_stops_the_run() {
    let interrupt = || vec![Exit::Signal(libc::SIGINT); 3];
    let with_terminal = Drawn { is_terminal: true, retries: 2, exits: interrupt(), ..plain_task() };
    let none = || Stops { after: Vec::new() };
    let seen = run(&[with_terminal, plain_task()], none(), 1, Policy::KeepGoing, 1);
    check(&seen, 1);
    assert_eq!(seen.result, RunResult::Interrupted { signal: libc::SIGINT });
    let settled = seen.events.iter().find_map(|it| match &it.event {
        Event::JobSettled { job, outcome, .. } if job.as_str() == "t0" => Some(outcome.clone()),
        _ => None,
    });
    assert_eq!(settled, Some(Outcome::Interrupted { exit: Exit::Signal(libc::SIGINT), survivors: 0 }));
    // Without the terminal it is a failure like any other.
    let seen = run(&[Drawn { exits: interrupt(), ..plain_task() }], none(), 1, Policy::KeepGoing, 1);
    assert_eq!(seen.result, RunResult::Failed { status: 130 });
}

/// The outcome of each task, in order.
fn outcomes(seen: &Seen) -> Vec<String> {
    let settled = seen.events.iter().filter_map(|stamped| match &stamped.event {
        Event::JobSettled { job, outcome, .. } => Some((job.to_string(), outcome.clone())),
        _ => None,
    });
    let word = |outcome| match outcome {
        Outcome::Succeeded => "ok",
        Outcome::Failed { .. } => "failed",
        Outcome::Interrupted { .. } => "interrupted",
        Outcome::Cancelled => "cancelled",
        Outcome::Skipped(_) => "skipped",
        Outcome::Fresh { .. } => "fresh",
    };
    let mut words: Vec<String> = settled.map(|(job, outcome)| format!("{job} {}", word(outcome))).collect();
    words.retain(|line| !line.starts_with("all "));
    words.sort();
    words
}

#[test]
fn what_runs_always_still_runs_after_an_interrupt_if_its_predecessor_had_started() {
    let always = |of: usize| Drawn { edges: vec![(of, 2)], ..plain_task() };
    let failing = || Drawn { exits: vec![Exit::Signal(libc::SIGINT); 3], ..plain_task() };
    // t3 tidies up after t0, which runs when ^C comes; t4 after t2, which does not.
    let tasks = || {
        let waiting = Drawn { edges: vec![(1, 0)], ..failing() };
        vec![failing(), Drawn { edges: vec![(0, 0)], ..failing() }, waiting, always(0), always(2)]
    };
    let once = Stops { after: vec![(0, libc::SIGINT)] };
    let seen = run(&tasks(), once, 1, Policy::KeepGoing, 1);
    check(&seen, 1);
    assert_eq!(outcomes(&seen), ["t0 interrupted", "t1 cancelled", "t2 cancelled", "t3 ok", "t4 cancelled"]);
    assert_eq!(seen.result, RunResult::Interrupted { signal: libc::SIGINT });
    let twice = Stops { after: vec![(0, libc::SIGINT), (0, libc::SIGTERM)] };
    let seen = run(&tasks(), twice, 1, Policy::KeepGoing, 1);
    check(&seen, 1);
    assert_eq!(outcomes(&seen)[3], "t3 cancelled");
}

#[test]
fn fail_fast_still_runs_what_tidies_up() {
    let failing = Drawn { exits: vec![Exit::Code(3); 3], ..plain_task() };
    let after = |when| Drawn { edges: vec![(0, when)], ..plain_task() };
    let seen =
        run(&[failing, after(0), after(1), after(2)], Stops { after: Vec::new() }, 1, Policy::FailFast, 1);
    check(&seen, 1);
    assert_eq!(outcomes(&seen), ["t0 failed", "t1 skipped", "t2 ok", "t3 ok"]);
}

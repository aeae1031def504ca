//! What jobs cost that data makes, beside jobs that the ottofile lists; what reading all of their data costs; steps:
//! `cargo bench --bench jobs`. `OTTO_BENCH_JOBS` sets how many jobs there are, 10,000 otherwise.
#![allow(clippy::print_stdout)]

mod measure;

use measure::{Group, Limit, Sandbox, Unit, peak_kib, verdict};
use std::fs;
use std::path::Path;
use std::process::ExitCode;

/// The most memory that a run of so many jobs may take, in KiB.
const MOST_KIB: u64 = 25 << 10;

fn main() -> ExitCode {
    let jobs = std::env::var("OTTO_BENCH_JOBS").ok().and_then(|jobs| jobs.parse().ok()).unwrap_or(10_000);
    verdict([from_data(jobs), expansion(jobs), memory(jobs), fan_in(jobs), steps(1_000)])
}

/// A foreach task whose items data tells.
fn dynamic(count: u32, job: &str) -> Sandbox {
    Sandbox::new(&format!(
        "tasks:\n  list: {{bash: 'otto.set --list n $(seq {count})'}}\n  work: {{foreach: {{from: list.n, max_items: {count}}}, {job}}}\n"
    ))
}

/// The same, listed in the ottofile.
fn listed(count: u32, job: &str) -> Sandbox {
    Sandbox::new(&format!(
        "tasks:\n  list: {{bash: 'otto.set --list n $(seq {count})'}}\n  \
         work: {{needs: [list], foreach: {{range: 1..{count}, max_items: {count}}}, {job}}}\n"
    ))
}

fn from_data(count: u32) -> bool {
    let (listed, dynamic) = (listed(count, "bash: ':'"), dynamic(count, "bash: ':'"));
    Group::new("a job from data", Unit::Cpu, "a job that is listed", count, || listed.run(["-q", "work"]))
        .case("from data", Limit::Ratio(1.1), count, || dynamic.run(["-q", "work"]))
        .run()
}

/// The jobs of a task without a script are made and settled, and no process is started: what the plan itself costs.
const NO_SCRIPT: &str = "help: nothing runs";

fn expansion(count: u32) -> bool {
    let (tenth, whole) = (dynamic(count / 10, NO_SCRIPT), dynamic(count, NO_SCRIPT));
    Group::new("expansion, a job", Unit::Cpu, "of a tenth of the jobs", count / 10, || {
        tenth.run(["-q", "work"])
    })
    .case("of all jobs", Limit::Ratio(1.3), count, || whole.run(["-q", "work"]))
    .run()
}

fn memory(count: u32) -> bool {
    println!("\nmemory at its peak, {count} jobs");
    let peaks = [
        ("listed", listed(count, NO_SCRIPT)),
        ("from data", dynamic(count, NO_SCRIPT)),
        ("from data, run", dynamic(count, "bash: ':'")),
    ];
    let mut is_kept = true;
    for (name, sandbox) in peaks {
        let peak = peak_kib(&mut sandbox.otto(["-q", "work"]));
        let verdict = if peak <= MOST_KIB { "" } else { ": MISSED" };
        println!("  {name:14}  {:>5.1} MiB   at most {} MiB{verdict}", peak as f64 / 1024.0, MOST_KIB / 1024);
        is_kept &= peak <= MOST_KIB;
    }
    is_kept
}

/// One task that reads what all jobs have set.
fn fan_in(count: u32) -> bool {
    let readers = [
        ("bash, a list", "bash: ': \"${INPUT[work.*.k]}\"'"),
        (
            "bash, each value",
            "bash: 'otto.items -v all work; for i in \"${all[@]}\"; do : \"${INPUT[work:$i.k]}\"; done'",
        ),
        ("python, a list", "python: 'sum(INPUT[\"work.*.k\"])'"),
        ("python, each value", "python: 'sum(data[\"k\"] for data in INPUT[\"work\"].values())'"),
    ];
    let project = |count: u32, reader: &str| {
        let sandbox = Sandbox::new(&format!(
            "tasks:\n  work: {{foreach: {{range: 1..{count}, max_items: {count}}}, outputs: {{k: int}}, bash: 'OUTPUT[k]=$item'}}\n  \
             read: {{needs: [work], {reader}}}\n"
        ));
        sandbox.run(["-q", "read"]);
        let projects = fs::read_dir(sandbox.home()).expect("a home").map(|entry| entry.expect("read").path());
        let run =
            projects.filter_map(|project| fs::read_link(project.join("latest")).ok()).next().expect("a run");
        (sandbox, run)
    };
    let mut is_kept = true;
    for (name, reader) in readers {
        let (tenth, first) = project(count / 10, reader);
        let (whole, second) = project(count, reader);
        let again = |sandbox: &Sandbox, run: &Path| {
            sandbox.run(["Rerun".as_ref(), "-q".as_ref(), run.as_os_str(), "read".as_ref()])
        };
        let title = format!("reading the values of all jobs, {name}, a job");
        is_kept &= Group::new(&title, Unit::Cpu, "of a tenth", count / 10, || again(&tenth, &first))
            .case("of all", Limit::Ratio(1.5), count, || again(&whole, &second))
            .run();
    }
    is_kept
}

/// A list of steps beside a chain of tasks.
fn steps(count: u32) -> bool {
    let tasks: String = (1..=count).map(|task| format!("  t{task}: {{bash: ':'}}\n")).collect();
    let names: Vec<String> = (1..=count).map(|task| format!("t{task}")).collect();
    let steps = Sandbox::new(&format!("tasks:\n  all: {{steps: [{}]}}\n{tasks}", names.join(", ")));
    let chain: String =
        (2..=count).map(|task| format!("  t{task}: {{needs: [t{}], bash: ':'}}\n", task - 1)).collect();
    let chain = Sandbox::new(&format!("tasks:\n  t1: {{bash: ':'}}\n{chain}"));
    let last = format!("t{count}");
    Group::new("a step", Unit::Cpu, "a task of a chain", count, || chain.run(["-q", &last]))
        .case("a step of a list", Limit::Ratio(1.1), count, || steps.run(["-q", "all"]))
        .run()
}

//! What large ottofiles cost, beside peers that read files of the same tasks: `cargo bench --bench ottofile`.
//! ninja and just are measured where they are on the `PATH`.
#![allow(clippy::print_stdout)]

mod measure;

use measure::{Group, Limit, Sandbox, Unit, peak_kib, succeed, verdict};
use std::fmt::Write as _;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

fn main() -> ExitCode {
    verdict([
        list(1_000),
        list(10_000),
        help(10_000),
        one_task(),
        independent_tasks(),
        plan(10_000),
        included(500, 20),
    ])
}

/// Tasks in layers of a hundred, each with three dependencies in the layer above.
fn tasks(count: usize) -> impl Iterator<Item = (String, Vec<String>)> {
    (0..count).map(|task| {
        let above = task.checked_sub(100);
        let depends = above.map_or(Vec::new(), |above| {
            (0..3).map(|next| format!("t{}", above - above % 100 + (above + next * 7) % 100)).collect()
        });
        (format!("t{task}"), depends)
    })
}

fn ottofile(count: usize) -> String {
    let mut text = "otto:\n  api: 1\ntasks:\n".to_owned();
    for (name, depends) in tasks(count) {
        writeln!(text, "  {name}:").expect("text");
        if !depends.is_empty() {
            writeln!(text, "    before: [{}]", depends.join(", ")).expect("text");
        }
        text.push_str("    bash: |\n      true\n");
    }
    text
}

/// A project with the same tasks for otto and for its peers.
fn project(count: usize) -> Sandbox {
    let sandbox = Sandbox::new(&ottofile(count));
    let mut ninja = "rule run\n  command = true\n".to_owned();
    let mut just = String::new();
    for (name, depends) in tasks(count) {
        writeln!(ninja, "build {name}: run {}", depends.join(" ")).expect("text");
        write!(just, "{name}: {}\n    @true\n", depends.join(" ")).expect("text");
    }
    sandbox.write("build.ninja", ninja);
    sandbox.write("justfile", just);
    sandbox
}

fn is_there(program: &str) -> bool {
    let asked = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

fn bash_that_does_nothing(times: u32) {
    for _ in 0..times {
        succeed(Command::new("bash").args(["-c", ":"]));
    }
}

fn list(count: usize) -> bool {
    let sandbox = project(count);
    let in_project = |program: &str, words: &[&str]| {
        succeed(Command::new(program).args(words).current_dir(sandbox.project()));
    };
    let title = format!("a list of {count} tasks");
    let mut group = match is_there("ninja") {
        true => Group::new(&title, Unit::Cpu, "ninja -t targets all", 1, || {
            in_project("ninja", &["-t", "targets", "all"]);
        })
        .case("otto List", Limit::Ratio(2.0), 1, || sandbox.run(["List"])),
        false => Group::new(&title, Unit::Cpu, "bash -c :", 1, || bash_that_does_nothing(1)).case(
            "otto List",
            Limit::None,
            1,
            || sandbox.run(["List"]),
        ),
    };
    if is_there("just") {
        group = group.case("just --list", Limit::None, 1, || in_project("just", &["--list"]));
    }
    group.run()
}

fn help(count: usize) -> bool {
    let sandbox = project(count);
    Group::new(&format!("help in a file of {count} tasks"), Unit::Cpu, "otto List", 1, || {
        sandbox.run(["List"]);
    })
    .case("otto --help", Limit::Ratio(1.5), 1, || sandbox.run(["--help"]))
    .case("otto t5 --help", Limit::Ratio(1.5), 1, || sandbox.run(["t5", "--help"]))
    .run()
}

fn one_task() -> bool {
    let files = [1, 1_000, 10_000].map(project);
    let mut group = Group::new("one task that does nothing", Unit::Cpu, "bash -c :", 1, || {
        bash_that_does_nothing(1);
    });
    for (count, sandbox) in [1, 1_000, 10_000].iter().zip(&files) {
        let goal = if *count == 1_000 { Limit::Goal(2.0) } else { Limit::None };
        group = group.case(&format!("otto, of a file of {count}"), goal, 1, || sandbox.run(["t0"]));
    }
    group.run()
}

/// Each with its own directory, script, logs and records.
fn independent_tasks() -> bool {
    const JOBS: u32 = 100;
    let sandbox = project(JOBS as usize);
    let names: Vec<String> = tasks(JOBS as usize).map(|(name, _)| name).collect();
    Group::new("100 independent tasks", Unit::Cpu, "bash -c :", JOBS, || bash_that_does_nothing(JOBS))
        .case("otto -j2", Limit::Ratio(1.5), JOBS, || {
            sandbox.run([&["-j2".to_owned()], &names[..]].concat());
        })
        .run()
}

/// A file that includes one from each of many folders.
fn included(folders: usize, count: usize) -> bool {
    let file = |folder: usize| {
        let mut text = "tasks:\n".to_owned();
        for task in 0..count {
            writeln!(text, "  t{task}:\n    bash: |\n      if true; then OUTPUT[k]={folder}.{task}; fi")
                .expect("text");
        }
        text
    };
    let alone = Sandbox::new(&file(7));
    let all = Sandbox::new("otto: {include: ['s/*']}\ntasks: {all: {bash: 'true'}}\n");
    for folder in 0..folders {
        let name = format!("s/f{folder}");
        std::fs::create_dir_all(all.project().join(&name)).expect("made");
        all.write(&format!("{name}/otto.yml"), file(folder));
    }
    let title = format!("{folders} included files of {count} tasks");
    Group::new(&title, Unit::Cpu, "one task of one file", 1, || alone.run(["t0"]))
        .case("one task of one of them", Limit::Ratio(2.0), 1, || all.run(["s/f7/t0"]))
        .case("otto List", Limit::Time(Duration::from_millis(150)), 1, || all.run(["List"]))
        .case("otto Check", Limit::None, 1, || all.run(["Check"]))
        .run()
}

fn plan(count: usize) -> bool {
    const MOST_KIB: u64 = 100 << 10;
    let sandbox = project(count);
    let last = format!("t{}", count - 1);
    let is_kept = Group::new(&format!("a plan over {count} tasks"), Unit::Cpu, "otto List", 1, || {
        sandbox.run(["List"])
    })
    .case("otto --dry-run of the last", Limit::None, 1, || sandbox.run(["--dry-run", &last]))
    .run();
    let peak = peak_kib(&mut sandbox.otto(["--dry-run", &last]));
    println!("  memory at its peak: {:.1} MiB   at most 100, goal 25", peak as f64 / 1024.0);
    is_kept && peak <= MOST_KIB
}

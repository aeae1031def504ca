//! What passing data costs, beside what the shells and Python cost without otto: `cargo bench --bench data`.
#![allow(clippy::print_stdout)]

mod measure;

use measure::{Group, Limit, Sandbox, Unit, succeed, verdict};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

/// Enough jobs that what otto costs once is little, few enough that a round is short.
const JOBS: u32 = 200;
const PYTHON_JOBS: u32 = 30;

fn main() -> ExitCode {
    verdict([ten_by_bash(), ten_by_python(), ten_thousand_keys(), ten_mebibytes()])
}

/// An ottofile with a task `start` of ten outputs, and `jobs` jobs of a task `work` that depend on it.
fn ten(language: &str, jobs: u32, start: &str, work: &str) -> String {
    let items: Vec<String> = (0..jobs).map(|item| item.to_string()).collect();
    format!(
        "tasks:\n  start:\n    {language}: |\n{}\n  work:\n    before: [start]\n    foreach: {{items: [{}]}}\n    {language}: |\n{}\n",
        indented(start),
        items.join(", "),
        indented(work)
    )
}

fn indented(body: &str) -> String {
    body.lines().map(|line| format!("      {line}")).collect::<Vec<_>>().join("\n")
}

fn each_of_ten(line: &str) -> String {
    (0..10).map(|number| line.replace('#', &number.to_string())).collect::<Vec<_>>().join("\n")
}

/// A task with its own directory, script, logs, JSON and links, against a bash that does nothing.
fn ten_by_bash() -> bool {
    let start = each_of_ten("OUTPUT[key#]=\"value #\"");
    let without = Sandbox::new(&ten("bash", JOBS, &start, ":").replace("    before: [start]\n", ""));
    let arrays = Sandbox::new(&ten("bash", JOBS, &start, &each_of_ten("OUTPUT[copy#]=${INPUT[start.key#]}")));
    let functions = Sandbox::new(&ten(
        "bash",
        JOBS,
        &start,
        &each_of_ten("otto.get -v value start.key#; otto.set copy# \"$value\""),
    ));
    let at_most = Limit::Ratio(1.25);
    let floor = format!("for ((i = 0; i < {JOBS}; i++)); do bash -c :; done");
    Group::new("a bash task", Unit::Cpu, "bash -c : in a loop of bash", JOBS, || {
        succeed(Command::new("bash").args(["-c", &floor]));
    })
    // A loop of bash forks all of bash for each; this one starts it as a small program can.
    .case("bash -c : without that fork", Limit::None, JOBS, || {
        for _ in 0..JOBS {
            succeed(Command::new("bash").args(["-c", ":"]));
        }
    })
    .case("otto, a task without data", Limit::None, JOBS, || without.run(["-j1", "work"]))
    .case("otto, 10 in and 10 out", at_most, JOBS, || arrays.run(["-j1", "work"]))
    .case("otto, 10 in and 10 out, -j2", Limit::None, JOBS, || arrays.run(["-j2", "work"]))
    .case("otto, otto.get and otto.set", Limit::None, JOBS, || functions.run(["-j1", "work"]))
    .run()
}

fn ten_by_python() -> bool {
    // A version manager's `python3` is a script that costs more than Python: the program behind it is measured.
    let asked = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
    let python = PathBuf::from(String::from_utf8_lossy(&asked.expect("python3").stdout).trim());
    let arrays = Sandbox::new(&ten(
        "python",
        PYTHON_JOBS,
        &each_of_ten("OUTPUT['key#'] = 'value #'"),
        &each_of_ten("OUTPUT['copy#'] = INPUT['start.key#']"),
    ))
    .with_path(python.parent().expect("a folder"));
    Group::new("a python task", Unit::Cpu, "python3 -c ''", PYTHON_JOBS, || {
        for _ in 0..PYTHON_JOBS {
            succeed(Command::new(&python).args(["-c", ""]));
        }
    })
    .case("otto, 10 in and 10 out", Limit::None, PYTHON_JOBS, || arrays.run(["-j1", "work"]))
    .run()
}

/// From one task to the next, everything counted.
fn ten_thousand_keys() -> bool {
    let bash = "tasks:\n  many:\n    bash: |\n      for ((i = 0; i < 10000; i++)); do OUTPUT[key$i]=value$i; done\n  all:\n    before: [many]\n    bash: |\n      [ ${#INPUT[@]} = 10000 ]\n";
    let python = "tasks:\n  many:\n    python: |\n      for i in range(10000): OUTPUT[f'key{i}'] = f'value{i}'\n  all:\n    before: [many]\n    python: |\n      assert len(INPUT) == 10000\n";
    let bash = Sandbox::new(bash);
    let python = Sandbox::new(python);
    let at_most = Limit::Time(Duration::from_secs(1));
    Group::new("10,000 keys from task to task", Unit::Clock, "the same loop in bash, kept", 1, || {
        succeed(Command::new("bash").args([
            "-c",
            "declare -A OUTPUT; for ((i = 0; i < 10000; i++)); do OUTPUT[key$i]=value$i; done",
        ]));
    })
    .case("otto, bash to bash", at_most, 1, || bash.run(["all"]))
    .case("otto, Python to Python", at_most, 1, || python.run(["all"]))
    .run()
}

fn ten_mebibytes() -> bool {
    let sandbox = Sandbox::new(
        "tasks:\n  big:\n    bash: |\n      OUTPUT[value]=$(cat value)\n  next:\n    before: [big]\n    bash: |\n      printf '%s' \"${INPUT[big.value]}\" > last\n",
    );
    let line = "a line of some length, with a ' and a \\ in it, as text has them\n";
    let value = line.repeat((10 << 20) / line.len());
    sandbox.write("value", value.trim_end());
    let by_hand = |script: &str| {
        succeed(Command::new("bash").args(["-c", script]).current_dir(sandbox.project()));
    };
    Group::new("10 MiB from bash to bash", Unit::Cpu, "cat through two files, by hand", 1, || {
        by_hand("x=$(cat value); printf '%s' \"$x\" > between");
        by_hand("x=$(cat between); printf '%s' \"$x\" > last");
    })
    .case("cat value > between; cat between > last", Limit::None, 1, || {
        by_hand("cat value > between; cat between > last");
    })
    .case("otto", Limit::Ratio(3.0), 1, || sandbox.run(["next"]))
    .run()
}

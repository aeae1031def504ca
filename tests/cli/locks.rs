//! A home on a file system that has no locks: runs are not refused, and whether one lives is known all the same.

use crate::Project;
use std::fs;
use std::process::Command;

/// Answers every `flock` as Lustre does without `-o flock`.
const NO_LOCKS: &str = "#include <errno.h>\nint flock(int file, int how) { (void)file; (void)how; errno = ENOSYS; return -1; }\n";

/// A project in which no file can be locked.
fn without_locks(ottofile: &str) -> Project {
    let project = Project::new(ottofile);
    project.write("no_locks.c", NO_LOCKS);
    let library = project.path("no_locks.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(project.path("no_locks.c"));
    assert!(compiler.status().expect("the compiler that links this test").success());
    project.with("LD_PRELOAD", &library.to_string_lossy())
}

#[test]
fn a_run_is_recorded_where_files_cannot_be_locked() {
    let project = without_locks("tasks: {build: {bash: 'OUTPUT[version]=1; echo built'}}");
    let ran = project.run("build");
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "built\n"), "{}", ran.all());
    assert_eq!(ran.stderr.matches("warning").count(), 0, "{}", ran.all());
    let beat = fs::canonicalize(project.task("build").join("../../.beat"));
    assert!(beat.is_err(), "a run that is over has no beat: {beat:?}");
    let history = project.run("History");
    assert_eq!(history.status, 0, "{}", history.all());
    assert!(history.stdout.contains("ok    1 ok  otto build"), "{}", history.all());
    assert!(!history.stderr.contains("warning"), "{}", history.all());
}

#[test]
fn a_run_that_lives_is_known_to_where_files_cannot_be_locked() {
    let project = without_locks("tasks: {build: {bash: 'touch up; until [ -e go ]; do sleep 0.02; done'}}");
    let mut command = project.command(env!("CARGO_BIN_EXE_otto"));
    let child = command.arg("build").spawn().expect("started");
    while !project.path("up").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let said = |words: &str| project.run(words).all();
    let running = r#""result": "running""#;
    assert!(said("History --json").contains(running), "{}", said("History --json"));
    let cleaned = said("Clean --keep-days 0 --keep-last 0 --keep-failed 0");
    let run = fs::canonicalize(project.task("build")).unwrap_or_else(|error| panic!("{error}: {cleaned}"));
    project.write("go", "");
    assert_eq!(project.end(child).status, 0);
    assert!(!said("History --json").contains(running), "{}", said("History --json"));
    let cleaned = said("Clean --keep-days 0 --keep-last 0 --keep-failed 0");
    assert!(!run.exists(), "{cleaned}");
}

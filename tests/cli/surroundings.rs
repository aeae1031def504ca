//! What otto is started in: limits, masks, signals, namespaces and a home in which something is not what it should be.
//! Nobody hangs, nobody is killed, nothing is left behind without a word.

// What is skipped is said where people look for it.
#![allow(clippy::print_stderr)]

use crate::Project;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const PIPELINE: &str = "
tasks:
  build: {input: [otto.yml], output: [made], bash: 'echo built; echo >made; OUTPUT[tag]=v1'}
  test: {before: [build], python: 'print(INPUT[\"build.tag\"]); OUTPUT[\"n\"] = 1'}
  broken: {before: [test], bash: 'OUTPUT[k]=1; echo no >&2; exit 3'}
";

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let kind = entry.file_type().expect("known");
        if kind.is_dir() {
            found.extend(files_below(&entry.path()));
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    found
}

/// Puts something else in the place of each record in turn, and asks otto for everything there is to ask.
fn with_each_record_replaced(what: &str, words: &str, replace: impl Fn(&Path)) {
    let project = Project::new(PIPELINE);
    assert_eq!(project.run("broken").status, 3);
    // The index is made by whoever asks about the past first.
    project.run("History").ok();
    let home = project.task_home();
    let kept = home.with_extension("kept");
    assert!(Command::new("cp").arg("-a").arg(&home).arg(&kept).status().expect("cp starts").success());
    let is_ours = |path: &PathBuf| !path.ends_with("source") && path.extension().is_none_or(|it| it != "pyc");
    let records: Vec<PathBuf> = files_below(&home).into_iter().filter(is_ours).collect();
    assert!(records.len() > 15, "{records:?}");
    for record in records {
        let shown = record.strip_prefix(&home).expect("below").display().to_string();
        fs::remove_file(&record).expect("ours");
        replace(&record);
        let begun = Instant::now();
        let asked = project.shell(&format!(
            "for words in {words}; do timeout -k 1 20 otto $words 2>&1; echo \"status $? of $words\"; done"
        ));
        let all = asked.all();
        assert!(!all.contains("panicked"), "{what} for {shown}: {all}");
        for hung in ["status 124", "status 137"] {
            assert!(!all.contains(hung), "{what} for {shown} ({:?}): {all}", begun.elapsed());
        }
        // Or an error that names the place.
        let runs = all.contains("status 3 of broken") || all.contains(&format!("{shown}`: is a directory"));
        assert!(runs, "{what} for {shown}: {all}");
        fs::remove_dir_all(&home).expect("ours");
        assert!(Command::new("cp").arg("-a").arg(&kept).arg(&home).status().expect("cp starts").success());
    }
}

const ALL: &str = "History 'History -v' Show 'Show --json' Data 'Data test' 'Data why test.n' 'Logs test' 'Logs broken' \
                   Replay Stats 'Rerun latest' 'Rerun latest --recorded-script' broken 'Clean --dry-run' Clean";
const SOME: &str = "Show Data 'Logs broken' Replay broken Clean";

#[test]
fn a_pipe_in_the_place_of_a_record_hangs_nobody() {
    with_each_record_replaced("a pipe", ALL, |path| {
        assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo starts").success());
    });
}

#[test]
fn a_device_in_the_place_of_a_record_is_not_read() {
    with_each_record_replaced("a device", SOME, |path| symlink("/dev/zero", path).expect("a link"));
}

#[test]
fn a_folder_a_socket_or_a_link_to_nothing_in_the_place_of_a_record_breaks_nothing() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    with_each_record_replaced("a folder, a socket or a link to nothing", SOME, |path| {
        match count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 3 {
            0 => fs::create_dir(path).expect("a folder"),
            // The path of a socket may be too long; then the record is just missing.
            1 => drop(UnixListener::bind(path)),
            _ => symlink("nowhere", path).expect("a link"),
        }
    });
}

#[test]
fn a_home_that_others_may_write_to_is_refused_and_left_as_it_is() {
    let project = Project::new("tasks: {a: {bash: echo ran}}");
    let home = project.task_home();
    fs::create_dir(&home).expect("a folder");
    let set = |mode: &str| {
        assert!(Command::new("chmod").arg(mode).arg(&home).status().expect("chmod starts").success());
        u32::from_str_radix(mode, 8).expect("octal")
    };
    let mode = || fs::metadata(&home).expect("there").mode() & 0o7777;
    let shared = set("1777");
    let refused = project.run("a");
    insta::assert_snapshot!(refused.all(), @"
    ── stderr
    error[E0807]: other users can write to `/you/home` (mode 1777) and could change otto's records
    help: if only otto uses it, run `chmod go-w /you/home`; otherwise set OTTO_HOME to a new folder, which otto creates
    ── exit 75
    ");
    assert_eq!(project.run("History").status, 75);
    assert_eq!(mode(), shared);
    let open = set("0755");
    assert_eq!(project.run("a").ok(), "ran\n");
    assert_eq!(mode(), open);
    for path in files_below(&home) {
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o077, 0, "{}", path.display());
    }
}

#[test]
fn tasks_have_the_callers_umask_although_otto_could_not_work_with_it() {
    for umask in ["0777", "0400", "0277", "0000"] {
        let project =
            Project::new("tasks: {a: {bash: 'umask'}, b: {before: [a], python: 'OUTPUT[\"k\"] = 1'}}");
        let ran = project.shell(&format!("umask {umask}; otto a b"));
        assert_eq!(ran.ok(), format!("{umask}\n"), "{}", ran.all());
        // What Python keeps compiled is its own.
        let is_ours = |path: &PathBuf| path.extension().is_none_or(|it| it != "pyc");
        for path in files_below(&project.task_home()).into_iter().filter(is_ours) {
            let mode = fs::metadata(&path).expect("there").mode() & 0o777;
            assert!([0o600, 0o700].contains(&mode), "{umask}: {mode:o} {}", path.display());
        }
    }
}

#[test]
fn a_limit_of_file_sizes_costs_the_log_and_not_the_run() {
    let project = Project::new(
        "tasks: {log: {bash: 'for i in {1..3000}; do echo line $i; done'}, after: {before: [log], bash: echo after}}",
    );
    let ran = project.shell("ulimit -f 8; otto after");
    assert!(ran.ok().ends_with("after\n"), "{}", ran.all());
    assert!(
        ran.stderr.contains("stdout.log`: file too large; only the first 8192 bytes were kept"),
        "{}",
        ran.stderr
    );
    // A task that reaches it is ended as it would be without otto.
    let project = Project::new("tasks: {big: {bash: 'exec head -c 100000 /dev/zero >big'}}");
    let ran = project.shell("ulimit -f 64; otto big");
    assert_eq!(ran.status, 128 + 25, "{}", ran.all());
}

/// Starts a task that waits, and sends otto a signal.
fn interrupted_by(signal: &str) -> (i32, String, String) {
    let project = Project::new("tasks: {long: {bash: 'echo $$ >started; exec sleep 60'}}");
    // Some ancestors of tests ignore signals; `env` gives them their effects back.
    let mut command = project.command("env");
    command.args(["--default-signal", env!("CARGO_BIN_EXE_otto"), "long"]);
    let child = command.spawn().expect("otto starts");
    let begun = Instant::now();
    while !project.read("started").ends_with('\n') {
        assert!(begun.elapsed() < Duration::from_secs(30), "the task does not start");
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-s", signal, &pid]).status().expect("kill starts").success());
    let ran = project.end(child);
    let task = project.read("started");
    let lives = Path::new("/proc").join(task.trim()).exists();
    assert!(!lives, "{signal}: the task lives on");
    let seen = project.run("Show").all();
    (ran.status, ran.stderr, seen)
}

#[test]
fn whatever_signal_ends_a_run_its_end_is_recorded() {
    for (signal, number) in [
        ("INT", 2),
        ("QUIT", 3),
        ("USR1", 10),
        ("USR2", 12),
        ("ALRM", 14),
        ("TERM", 15),
        ("XCPU", 24),
        ("VTALRM", 26),
        ("PROF", 27),
        ("IO", 29),
        ("PWR", 30),
    ] {
        let (status, stderr, seen) = interrupted_by(signal);
        assert_eq!(status, 128 + number, "{signal}: {stderr}");
        let is_recorded =
            seen.contains(&format!("interrupted by SIG{signal}")) || seen.contains("interrupted");
        assert!(is_recorded && !seen.contains("ended without a result"), "{signal}: {seen}");
    }
}

/// Whether this user may make namespaces.
fn may_unshare(flags: &str) -> bool {
    let may =
        Command::new("unshare").args([flags, "true"]).output().is_ok_and(|output| output.status.success());
    if !may {
        eprintln!("skipped: `unshare {flags}` is not here or not allowed");
    }
    may
}

const LEAVES_SOMETHING: &str =
    "tasks: {a: {bash: '(trap \"\" TERM; setsid sleep 47.12$LABEL) & sleep 0.2; echo hi'}}";

fn alive(label: &str) -> bool {
    Command::new("pgrep")
        .args(["-f", &format!("sleep 47.12{label}")])
        .status()
        .is_ok_and(|status| status.success())
}

#[test]
fn what_tasks_leave_behind_is_ended_without_proc_too() {
    if !may_unshare("-m") {
        return;
    }
    let label = std::process::id().to_string();
    let project = Project::new(LEAVES_SOMETHING).with("LABEL", &label);
    let ran = project.shell("unshare -m sh -c 'mount -t tmpfs none /proc && exec otto a'");
    assert_eq!(ran.ok(), "hi\n");
    assert!(!alive(&label));
    assert!(ran.stderr.contains("a process without a name"), "{}", ran.stderr);
}

#[test]
fn a_proc_of_another_namespace_is_not_believed() {
    if !may_unshare("-pf") {
        return;
    }
    let label = std::process::id().to_string() + "1";
    let project = Project::new(LEAVES_SOMETHING).with("LABEL", &label);
    let ran = project.shell("unshare -pf otto a");
    assert_eq!(ran.ok(), "hi\n");
    assert!(!alive(&label));
}

#[test]
fn an_answer_that_nobody_can_get_is_no_success() {
    let project = Project::new("tasks:\n  build: {bash: echo built}\n");
    for words in ["List", "Check --json", "--help", "--version", "Graph", "build --help"] {
        let ran = project.shell(&format!("otto {words} >&-"));
        assert_eq!(
            (ran.status, ran.stderr.as_str()),
            (75, "error: cannot write to stdout: it is closed\n"),
            "{words}"
        );
    }
    // A task has its log.
    let ran = project.shell("otto build >&-");
    assert_eq!(ran.status, 0, "{}", ran.all());
    let warning = "warning: cannot write to stdout: it is closed; the task logs are complete\n";
    assert!(ran.stderr.contains(warning), "{}", ran.all());
    for closed in ["2>&-", "<&-", "</dev/null >/dev/null"] {
        assert_eq!(project.shell(&format!("otto List {closed}")).status, 0, "{closed}");
    }
}

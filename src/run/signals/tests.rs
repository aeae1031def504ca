//! Guard, listener and executor together, in processes of their own: what remains after signals and `kill -9`.
//!
//! The test binary starts itself again. A function that runs before `main` sees a variable, and plays a small otto
//! with one task instead of running tests: a guard must be forked before there is a second thread.

use super::*;
use crate::event::Exit;
use crate::exec::fake::Plain;
use crate::exec::local::LocalExecutor;
use crate::exec::{AttemptId, Ended, Executor, HandsOver, Launch, LaunchIo, Report, ReportSink, Stdin, Stop};
use crate::mask::Masks;
use crate::plan::JobId;
use rustix::process::{Pid, Signal};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::sync_channel;

const SCRIPT: &str = "OTTO_TEST_SCRIPT";
const GRACE_MS: &str = "OTTO_TEST_GRACE_MS";
/// Set if otto shall ignore what its caller ignores; who runs these tests may do so (`nohup`, `&`).
const INHERITS: &str = "OTTO_TEST_INHERITS";
/// Set if attach the task to the terminal.
const TERMINAL: &str = "OTTO_TEST_TERMINAL";

// SAFETY: the loader calls it before `main` with the arguments of `main`, which it ignores; it does not unwind, and the
// standard library works there as far as it is used here.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = before_main;

#[expect(clippy::exit, reason = "instead of the main function, which would run tests")]
extern "C" fn before_main() {
    if std::env::var_os(SCRIPT).is_some() {
        // SAFETY: takes integers. Rust does this before it calls `main`.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
        if std::env::var_os(INHERITS).is_none() {
            for signal in STOPPING.iter().copied().chain([libc::SIGTSTP, libc::SIGCONT]) {
                // SAFETY: takes integers.
                unsafe { libc::signal(signal, libc::SIG_DFL) };
            }
        }
        std::process::exit(guarded(small_otto));
    }
}

enum Message {
    Report(Report),
    Ended(Ended),
    Signal(i32),
}

/// Runs one task, and does with signals what otto does.
fn small_otto(signals: Signals) -> i32 {
    let (sender, inbox) = sync_channel(16);
    let reports = sender.clone();
    let sink: ReportSink = Arc::new(move |report| drop(reports.send(Message::Report(report))));
    let grace = std::env::var(GRACE_MS).ok().and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let mut executor = LocalExecutor::new(sink, Duration::from_millis(grace), Masks::default());
    signals.subscribe(sender.clone(), Message::Signal);
    let attempt = AttemptId { job: JobId(0), number: 1 };
    let folder = std::env::current_dir().unwrap_or_default();
    let tell = move |ended| drop(sender.send(Message::Ended(ended)));
    executor.start(
        attempt,
        Plain::boxed(
            Launch {
                program: "/bin/bash".into(),
                named: "bash".into(),
                level: None,
                args: vec!["-c".into(), std::env::var_os(SCRIPT).unwrap_or_default()],
                env: std::env::vars_os().filter(|(name, _)| name != SCRIPT).collect(),
                io: match std::env::var_os(TERMINAL).filter(|text| !text.is_empty()) {
                    Some(_) => LaunchIo::Terminal,
                    None => LaunchIo::Captured {
                        stdin: Stdin::Null,
                        stdout_log: folder.join("stdout.log"),
                        stderr_log: folder.join("stderr.log"),
                        shows: true,
                    },
                },
                workdir: folder,
                hands_over: HandsOver::default(),
                secrets: None,
                limit: None,
                streams: None,
            },
            tell,
        ),
    );
    let mut stopped_by = None;
    for message in inbox {
        match message {
            Message::Signal(libc::SIGTSTP) | Message::Report(Report::Halted) => {
                executor.suspend();
                halt();
                executor.resume();
            }
            Message::Signal(signal) if STOPPING.contains(&signal) => {
                stopped_by.get_or_insert(signal);
                executor.stop(attempt, Stop::Polite { signal });
            }
            Message::Signal(_) | Message::Report(_) => {}
            Message::Ended(ended) => {
                executor.finish(&[]);
                match (stopped_by, ended.exit) {
                    (Some(signal), _) => die_by(signal),
                    (None, exit) => return exit.status(),
                }
            }
        }
    }
    70
}

/// A small otto that runs, and what can be seen of it.
struct Otto {
    guard: Child,
    folder: tempfile::TempDir,
    /// In the environment of everything that it starts.
    marker: String,
}

const PATIENCE: Duration = Duration::from_secs(30);

impl Otto {
    fn start(script: &str) -> Otto {
        Otto::start_with(script, |_| {})
    }

    fn start_with(script: &str, change: impl FnOnce(&mut Command)) -> Otto {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let marker = format!("OTTO_RUN_ID={}", folder.path().display());
        let mut command = Command::new(std::env::current_exe().expect("this test binary"));
        command
            .env(SCRIPT, script)
            .env("OTTO_RUN_ID", folder.path())
            .current_dir(folder.path())
            .process_group(0);
        change(&mut command);
        Otto { guard: command.spawn().expect("to start"), folder, marker }
    }

    /// Waits until the script has made this file.
    fn await_file(&self, name: &str) -> String {
        await_some(|| {
            std::fs::read_to_string(self.folder.path().join(name)).ok().filter(|text| text.ends_with('\n'))
        })
    }

    fn engine(&self) -> Pid {
        let pid = self.guard.id();
        let children = format!("/proc/{pid}/task/{pid}/children");
        await_some(|| Pid::from_raw(std::fs::read_to_string(&children).ok()?.trim().parse().ok()?))
    }

    fn guard(&self) -> Pid {
        Pid::from_child(&self.guard)
    }

    fn kill(&self, who: Pid, signal: Signal) {
        rustix::process::kill_process(who, signal).expect("to signal");
    }

    /// Signals the guard and the engine at once.
    fn kill_both(&self, signal: Signal) {
        let engine = self.engine();
        self.kill_group(signal);
        self.kill(engine, signal);
    }

    /// Signals what the shell knows as otto, as the terminal does.
    fn kill_group(&self, signal: Signal) {
        rustix::process::kill_process_group(self.guard(), signal).expect("to signal");
    }

    fn end(&mut self) -> ExitStatus {
        self.guard.wait().expect("to wait")
    }

    /// Everything that otto started and itself, without zombies.
    fn survivors(&self) -> Vec<String> {
        survivors_with(&self.marker)
    }

    fn expect_no_survivors(&self, within: Duration) {
        let begun = Instant::now();
        while !self.survivors().is_empty() {
            assert!(begun.elapsed() < within, "alive after {within:?}: {:#?}", self.survivors());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Otto {
    /// Leaves nothing behind, even if the test fails.
    fn drop(&mut self) {
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        for pid in self.survivors().iter().filter_map(|process| pid_of(process)) {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }
}

/// What has this in its environment, as a path and a command line.
fn survivors_with(marker: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        if environment.split(|byte| *byte == 0).any(|variable| variable == marker.as_bytes()) {
            let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            found.push(format!("{} {}", entry.path().display(), String::from_utf8_lossy(&words)));
        }
    }
    found
}

/// Of a survivor.
fn pid_of(process: &str) -> Option<Pid> {
    Pid::from_raw(process.trim_start_matches("/proc/").split(' ').next()?.parse().ok()?)
}

fn await_some<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited too long");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn state_of(pid: Pid) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or('-')
}

/// How often each case is tried: a few times, or as often as `OTTO_TEST_ROUNDS` says.
fn rounds() -> u32 {
    std::env::var("OTTO_TEST_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3)
}

#[test]
fn a_signal_goes_to_the_latest_who_is_still_there() {
    let (subscriptions, incoming) = channel();
    let signals = Signals { subscriptions };
    let mut listener = Listener {
        lifeline: None,
        bell: std::io::pipe().expect("a pipe").0,
        caught: Vec::new(),
        incoming,
        sinks: Vec::new(),
        undelivered: VecDeque::new(),
    };
    let (between, of_between) = sync_channel(1);
    signals.subscribe(between, |signal| signal);
    for _ in 0..2 {
        let (run, of_run) = sync_channel(1);
        signals.subscribe(run, |signal| signal);
        assert!(listener.deliver(libc::SIGINT));
        assert_eq!((of_run.try_recv(), of_between.try_recv().ok()), (Ok(libc::SIGINT), None));
        drop(of_run);
        assert!(listener.deliver(libc::SIGTERM));
        assert_eq!(of_between.try_recv(), Ok(libc::SIGTERM));
    }
    assert!(listener.deliver(libc::SIGINT) && !listener.deliver(libc::SIGINT), "it waits for its turn");
}

#[test]
fn the_status_is_that_of_the_engine() {
    assert_eq!(Otto::start("exit 0").end().code(), Some(0));
    assert_eq!(Otto::start("exit 7").end().code(), Some(7));
}

/// Ways to get out of sight of whoever started one.
const ESCAPES: [(&str, &str); 5] = [
    ("plain", "sleep 1000 & "),
    ("setsid", "setsid sleep 1000 & "),
    ("nohup", "nohup sleep 1000 >/dev/null 2>&1 & "),
    ("double fork", "( ( setsid sleep 1000 >/dev/null 2>&1 & ) & ) ; (sleep 1000 &) ; "),
    ("deaf", "trap '' INT TERM HUP; (trap '' INT TERM HUP; setsid bash -c 'sleep 1000; sleep 1000') & "),
];

#[test]
fn nothing_outlives_the_violent_death_of_the_guard_or_the_engine() {
    for (name, escape) in ESCAPES {
        for round in 0..rounds() {
            for kills_guard in [true, false] {
                let mut otto = Otto::start(&format!("{escape} echo up > up; while :; do sleep 0.05; done"));
                otto.await_file("up");
                let victim = if kills_guard { otto.guard() } else { otto.engine() };
                otto.kill(victim, Signal::KILL);
                otto.expect_no_survivors(Duration::from_secs(2));
                assert_eq!(
                    otto.end().signal(),
                    Some(libc::SIGKILL),
                    "{name}, round {round}, guard {kills_guard}"
                );
            }
        }
    }
}

/// What a shell, `timeout -s KILL` and a build machine do, and somebody who wants to be rid of otto.
#[test]
fn nothing_outlives_the_violent_death_of_the_group_or_of_all_that_are_called_otto() {
    for (name, escape) in ESCAPES {
        for round in 0..rounds() {
            for kills_group in [true, false] {
                let mut otto = Otto::start(&format!("{escape} echo up > up; while :; do sleep 0.05; done"));
                otto.await_file("up");
                if kills_group {
                    otto.kill_group(Signal::KILL);
                } else {
                    // As `pkill -9 -f otto` does, which would reach others that run here.
                    let called_otto: Vec<Pid> = otto
                        .survivors()
                        .iter()
                        .filter(|it| it.contains("otto"))
                        .filter_map(|process| pid_of(process))
                        .collect();
                    assert!(called_otto.contains(&otto.guard()) && !called_otto.contains(&otto.engine()));
                    for pid in called_otto {
                        otto.kill(pid, Signal::KILL);
                    }
                }
                otto.expect_no_survivors(Duration::from_secs(2));
                let status = otto.end();
                assert_eq!(status.signal(), Some(libc::SIGKILL), "{name}, {round}, group {kills_group}");
            }
        }
    }
}

#[test]
fn nothing_outlives_a_violent_death_at_any_moment() {
    let script =
        "for i in 1 2 3 4 5 6 7 8 9; do (setsid sleep 1000 &); sleep 1000 & done; (true; true); sleep 1000";
    for round in 0..rounds() * 4 {
        let mut otto = Otto::start(script);
        // Spread over the time in which everything gets going.
        std::thread::sleep(Duration::from_micros(u64::from(round) * 7919 % 25_000));
        match round % 2 {
            0 => otto.kill(otto.guard(), Signal::KILL),
            _ => otto.kill(otto.engine(), Signal::KILL),
        }
        otto.expect_no_survivors(Duration::from_secs(2));
        assert_eq!(otto.end().signal(), Some(libc::SIGKILL));
    }
}

#[test]
fn a_normal_end_leaves_no_daemon_behind() {
    let mut otto = Otto::start("setsid sleep 1000 >/dev/null 2>&1 & sleep 0.1");
    let status = otto.end();
    assert_eq!(status.code(), Some(0), "{status}");
    assert_eq!(otto.survivors(), Vec::<String>::new());
}

#[test]
fn signals_are_passed_on_once_and_otto_dies_of_them() {
    // It counts what it gets, and would be killed by a second request.
    let script = "trap 'echo got >> got' INT TERM HUP; echo up > up; while [ ! -e got ]; do sleep 0.02; done; sleep 0.2";
    for (signal, number) in
        [(Signal::INT, libc::SIGINT), (Signal::TERM, libc::SIGTERM), (Signal::HUP, libc::SIGHUP)]
    {
        for whom in ["guard", "engine", "both"] {
            let mut otto = Otto::start(script);
            otto.await_file("up");
            match whom {
                "guard" => otto.kill(otto.guard(), signal),
                "engine" => otto.kill(otto.engine(), signal),
                _ => otto.kill_both(signal),
            }
            assert_eq!(otto.end().signal(), Some(number), "{signal:?} to {whom}");
            assert_eq!(otto.await_file("got"), "got\n", "{signal:?} to {whom}");
            assert_eq!(otto.survivors(), Vec::<String>::new());
        }
    }
}

#[test]
fn the_deaf_are_killed_after_the_grace_period() {
    let script = "trap '' INT; setsid sleep 1000 & echo up > up; while :; do sleep 0.1; done";
    let mut otto = Otto::start_with(script, |command| {
        command.env(GRACE_MS, "300");
    });
    otto.await_file("up");
    otto.kill_both(Signal::INT);
    assert_eq!(otto.end().signal(), Some(libc::SIGINT));
    assert_eq!(otto.survivors(), Vec::<String>::new());
}

#[test]
fn a_second_interrupt_ends_within_a_second() {
    let mut otto = Otto::start("trap '' INT; echo up > up; while :; do sleep 0.1; done");
    otto.await_file("up");
    otto.kill_both(Signal::INT);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(otto.guard.try_wait().expect("to wait"), None);
    let begun = Instant::now();
    otto.kill_both(Signal::INT);
    assert_eq!(otto.end().signal(), Some(libc::SIGINT));
    // A second is promised; on a machine that does other things too, it must only be no grace period.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn what_the_caller_ignores_stays_ignored_by_otto_and_works_in_tasks() {
    let mut otto = Otto::start_with("trap", |command| {
        // As nohup does it.
        let exe = std::env::current_exe().expect("this test binary");
        let script = "exec \"$0\"";
        let before = std::mem::replace(command, Command::new("bash"));
        command.args(["-c", &format!("trap '' HUP; {script}")]).arg(exe).env(INHERITS, "yes");
        for (name, value) in before.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command.current_dir(before.get_current_dir().expect("a folder")).process_group(0);
        command.env(SCRIPT, "echo up > up; while [ ! -e go ]; do sleep 0.02; done; kill -HUP $$; sleep 10");
    });
    otto.await_file("up");
    otto.kill_both(Signal::HUP);
    std::fs::write(otto.folder.path().join("go"), "").expect("to write");
    let status = otto.end();
    assert_eq!(status.code(), Some(Exit::Signal(libc::SIGHUP).status()), "{status}");
}

#[test]
fn suspended_it_stands_still_and_continues() {
    for whom in ["guard", "both"] {
        let script = "echo $$ > up; while [ ! -e go ]; do echo . >> dots; sleep 0.01; done; exit 3";
        let mut otto = Otto::start(script);
        let task = Pid::from_raw(otto.await_file("up").trim().parse().expect("a pid")).expect("a pid");
        let engine = otto.engine();
        match whom {
            "guard" => otto.kill(otto.guard(), Signal::TSTP),
            _ => otto.kill_both(Signal::TSTP),
        }
        for pid in [task, engine, otto.guard()] {
            await_some(|| (state_of(pid) == 'T').then_some(()));
        }
        let dots = |otto: &Otto| std::fs::read(otto.folder.path().join("dots")).map_or(0, |dots| dots.len());
        let before = dots(&otto);
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(dots(&otto), before);
        match whom {
            "guard" => otto.kill(otto.guard(), Signal::CONT),
            _ => otto.kill_both(Signal::CONT),
        }
        await_some(|| (dots(&otto) > before).then_some(()));
        // Longer than an unconfirmed signal takes: it does not stop a second time.
        std::thread::sleep(CONFIRMATION + Duration::from_millis(200));
        assert_ne!(state_of(engine), 'T');
        std::fs::write(otto.folder.path().join("go"), "").expect("to write");
        assert_eq!(otto.end().code(), Some(3));
    }
}

#[test]
fn a_suspended_engine_notices_the_death_of_its_guard() {
    let mut otto = Otto::start("setsid sleep 1000 & echo up > up; sleep 1000");
    otto.await_file("up");
    // As in `otto | cat`. Alone in its group, the engine would be woken by the kernel for want of a shell.
    let mut cat = Command::new("cat");
    cat.process_group(otto.guard.id() as i32).stdin(std::process::Stdio::piped());
    // It ends when this end of the pipe is closed, whatever becomes of the test.
    let mut cat = cat.spawn().expect("to start");
    otto.kill(otto.guard(), Signal::TSTP);
    for pid in [otto.engine(), otto.guard()] {
        await_some(|| (state_of(pid) == 'T').then_some(()));
    }
    otto.kill(otto.guard(), Signal::KILL);
    otto.expect_no_survivors(Duration::from_secs(2));
    otto.end();
    cat.wait().expect("to wait");
}

#[test]
fn by_name_only_the_guard_is_killed() {
    let otto = Otto::start("echo up > up; sleep 1000");
    otto.await_file("up");
    for file in ["comm", "cmdline"] {
        let name = |pid: Pid| {
            std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join(file)).expect("a name")
        };
        assert!(name(otto.guard()).contains("otto"));
        assert!(name(otto.engine()).starts_with("run-engine"), "{}", name(otto.engine()));
    }
}

#[test]
fn output_of_any_size_takes_little_memory() {
    // A gigabyte where all rounds are asked for.
    let bytes = u64::from(rounds().min(200)) * 5_000_000;
    let script = format!("head -c {bytes} /dev/zero; grep VmHWM /proc/$PPID/status > peak");
    let mut otto = Otto::start_with(&script, |command| {
        let folder = command.get_current_dir().expect("a folder");
        std::os::unix::fs::symlink("/dev/null", folder.join("stdout.log")).expect("a link");
    });
    assert_eq!(otto.end().code(), Some(0));
    let peak = otto.await_file("peak");
    let kilobytes: u64 = peak.split_whitespace().nth(1).and_then(|text| text.parse().ok()).expect("a number");
    assert!(kilobytes < 40_000, "{peak}");
}

/// A shell with job control on a terminal of its own, and somebody who types.
struct Terminal {
    /// Until it is closed.
    master: Option<std::os::fd::OwnedFd>,
    shell: Child,
    shown: String,
    folder: tempfile::TempDir,
}

impl Terminal {
    fn open() -> Terminal {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("a terminal");
        let name = ptsname(&master, Vec::new()).expect("its name").into_string().expect("its name");
        let open = || std::fs::File::options().read(true).write(true).open(&name).expect("the terminal");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new("setsid");
        command
            .args(["--ctty", "bash", "--norc", "--noprofile", "--noediting", "-i"])
            .stdin(open())
            .stdout(open())
            .stderr(open());
        command.env("PS1", "$ ").env("EXE", std::env::current_exe().expect("this test binary"));
        command.env("OTTO_RUN_ID", folder.path()).current_dir(folder.path());
        let mut terminal = Terminal {
            master: Some(master),
            shell: command.spawn().expect("a shell"),
            shown: String::new(),
            folder,
        };
        terminal.await_text("$ ");
        terminal.type_line(
            "otto() { OTTO_TEST_SCRIPT=$1 OTTO_TEST_TERMINAL=$2 $EXE; }; unset HISTFILE; stty -echo",
        );
        terminal.type_line("echo ready");
        terminal.await_text("ready\r\n$ ");
        terminal
    }

    fn master(&self) -> &std::os::fd::OwnedFd {
        self.master.as_ref().expect("an open terminal")
    }

    /// As a window is closed.
    fn close(&mut self) {
        self.master = None;
    }

    /// Waits until the script has made this file.
    fn await_file(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        await_some(|| std::fs::read_to_string(&path).ok().filter(|text| text.ends_with('\n')))
    }

    fn type_keys(&self, keys: &str) {
        rustix::io::write(self.master(), keys.as_bytes()).expect("to type");
    }

    fn type_line(&self, line: &str) {
        self.type_keys(&format!("{line}\n"));
    }

    /// Waits for this text, after what was waited for before.
    fn await_text(&mut self, text: &str) {
        let begun = Instant::now();
        loop {
            if let Some(place) = self.shown.find(text) {
                self.shown.drain(..place + text.len());
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "no {text:?} in {:?}", self.shown);
            let timeout = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
            let mut fds = [PollFd::new(self.master(), PollFlags::IN)];
            if rustix::event::poll(&mut fds, Some(&timeout)).expect("to poll") > 0 {
                let mut bytes = [0; 4096];
                let count = rustix::io::read(self.master(), &mut bytes).unwrap_or(0);
                self.shown.push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
        let marker = format!("OTTO_RUN_ID={}", self.folder.path().display());
        for pid in survivors_with(&marker).iter().filter_map(|process| pid_of(process)) {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }
}

#[test]
fn in_a_terminal_an_interrupt_counts_once_and_the_shell_sees_it() {
    let mut terminal = Terminal::open();
    terminal
        .type_line("otto 'trap \"echo got >> got; exit 5\" INT; echo up > up; while :; do sleep 0.02; done'");
    await_some(|| std::fs::read_to_string(terminal.folder.path().join("up")).ok());
    terminal.type_keys("\x03");
    terminal.await_text("$ ");
    terminal.type_line("echo status $? $(cat got)");
    terminal.await_text("status 130 got\r\n");
}

#[test]
fn in_a_terminal_it_stops_and_goes_on_like_any_job() {
    let mut terminal = Terminal::open();
    terminal.type_line("otto 'echo up > up; while [ ! -e go ]; do echo . >> dots; sleep 0.01; done; exit 3'");
    await_some(|| std::fs::read_to_string(terminal.folder.path().join("up")).ok());
    terminal.type_keys("\x1a");
    terminal.await_text("Stopped");
    terminal.await_text("$ ");
    terminal.type_line("n=$(wc -l < dots); sleep 0.2; [ $n = $(wc -l < dots) ] && echo stands still");
    terminal.await_text("stands still\r\n");
    terminal.type_line("fg");
    let dots = || std::fs::read(terminal.folder.path().join("dots")).map_or(0, |dots| dots.len());
    let before = dots();
    await_some(|| (dots() > before + 20).then_some(()));
    std::fs::write(terminal.folder.path().join("go"), "").expect("to write");
    terminal.await_text("$ ");
    terminal.type_line("echo status $?");
    terminal.await_text("status 3\r\n");
}

#[test]
fn a_task_that_has_the_terminal_reads_keys_and_gets_the_interrupt_alone() {
    let mut terminal = Terminal::open();
    terminal.type_line(
        "otto 'trap \"echo got\" INT; read -p \"name: \" name; echo hello $name; read x; exit 6' yes",
    );
    terminal.await_text("name: ");
    terminal.type_line("you");
    terminal.await_text("hello you\r\n");
    terminal.type_keys("\x03");
    terminal.await_text("got\r\n");
    terminal.type_line("");
    terminal.await_text("$ ");
    terminal.type_line("echo status $?");
    terminal.await_text("status 6\r\n");
}

#[test]
fn a_task_that_has_the_terminal_stops_with_otto_and_gets_it_back() {
    let mut terminal = Terminal::open();
    terminal.type_line(
        "otto 'stty -icanon; echo raw; read -n 1 x; echo first $x; read -n 1 y; echo second $y; exit 6' yes",
    );
    terminal.await_text("raw\r\n");
    terminal.type_keys("a");
    terminal.await_text("first a\r\n");
    terminal.type_keys("\x1a");
    terminal.await_text("Stopped");
    terminal.await_text("$ ");
    terminal.type_line("fg");
    terminal.await_text("\r\n");
    // In the state that the task made: a key counts without the end of the line.
    terminal.type_keys("b");
    terminal.await_text("second b\r\n");
    terminal.await_text("$ ");
    terminal.type_line("echo status $?; stty -a | grep -o -- '-\\?icanon'");
    terminal.await_text("status 6\r\nicanon\r\n");
}

#[test]
fn a_task_that_is_killed_leaves_the_terminal_as_it_was() {
    let mut terminal = Terminal::open();
    terminal.type_line("otto 'stty raw -echo; echo $$ > up; kill -KILL $$' yes");
    terminal.await_text("$ ");
    terminal.type_line("echo status $?; stty -a | grep -oE -- '-?(icanon|isig|opost)'");
    terminal.await_text("status 137\r\nopost\r\nisig\r\nicanon\r\n");
}

#[test]
fn a_task_that_wants_the_terminal_from_the_background_waits_for_it() {
    let mut terminal = Terminal::open();
    terminal.type_line(
        "OTTO_TEST_SCRIPT='read -p \"name: \" name; echo hello $name' OTTO_TEST_TERMINAL=yes $EXE &",
    );
    terminal.await_text("$ ");
    terminal.type_line("until jobs | grep Stopped; do sleep 0.02; done");
    terminal.await_text("Stopped");
    terminal.await_text("$ ");
    terminal.type_line("fg");
    terminal.type_line("you");
    terminal.await_text("hello you\r\n");
}

#[test]
fn in_a_terminal_a_second_interrupt_kills_at_once() {
    let mut terminal = Terminal::open();
    terminal.type_line("otto 'trap \"echo got >> got\" INT; echo up > up; while :; do sleep 0.02; done'");
    terminal.await_file("up");
    terminal.type_keys("\x03");
    terminal.await_file("got");
    let begun = Instant::now();
    terminal.type_keys("\x03");
    terminal.await_text("$ ");
    // The grace period is ten seconds.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    terminal.type_line("echo status $? $(cat got)");
    terminal.await_text("status 130 got\r\n");
}

#[test]
fn a_terminal_that_is_closed_ends_otto_and_all_it_started() {
    for task_has_terminal in ["", "yes"] {
        let mut terminal = Terminal::open();
        terminal.type_line(&format!(
            "otto '(setsid sleep 1000 &); echo up > up; while :; do sleep 0.02; done' {task_has_terminal}"
        ));
        terminal.await_file("up");
        let folder = terminal.folder.path().to_owned();
        terminal.close();
        let marker = format!("OTTO_RUN_ID={}", folder.display());
        let begun = Instant::now();
        // The shell itself may live: what it does on a hangup is its own business.
        let is_ours = |it: &String| it.contains("otto") || it.contains("run-engine") || it.contains("sleep");
        while survivors_with(&marker).iter().any(is_ours) {
            assert!(begun.elapsed() < Duration::from_secs(30), "{:#?}", survivors_with(&marker));
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// `sh -c` has no job control, so nobody but otto does it.
#[test]
fn after_a_violent_death_the_terminal_is_as_it_was() {
    for kills_guard in [false, true] {
        let mut terminal = Terminal::open();
        let script = "stty raw -echo; echo $PPID > up; while :; do sleep 0.02; done";
        terminal.type_line(&format!(
            "export OTTO_TEST_SCRIPT='{script}'; OTTO_TEST_TERMINAL=yes sh -c '$EXE; sleep 0.3; stty -a > after; echo over'"
        ));
        let engine: i32 = terminal.await_file("up").trim().parse().expect("a pid");
        let victim = if kills_guard { parent_of(engine) } else { engine };
        rustix::process::kill_process(Pid::from_raw(victim).expect("a pid"), Signal::KILL).expect("to kill");
        let settings = terminal.await_file("after");
        let is_on = |word: &str| settings.split_whitespace().any(|setting| setting == word);
        for setting in ["icanon", "isig", "opost"] {
            assert!(is_on(setting), "guard {kills_guard}: not {setting}: {settings}");
        }
        terminal.await_text("over");
    }
}

fn parent_of(pid: i32) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let (_, fields) = stat.rsplit_once(") ").expect("a name");
    fields.split(' ').nth(1).and_then(|parent| parent.parse().ok()).expect("a parent")
}

/// In the group of a shell without job control, which nobody could continue, ^Z must not stop anything for good.
#[test]
fn where_nobody_could_continue_it_nothing_halts() {
    let script = "echo up > up; while [ ! -e go ]; do echo . >> dots; sleep 0.01; done; exit 3";
    let mut otto = Otto::start_with(script, |command| {
        let exe = std::env::current_exe().expect("this test binary");
        let before = std::mem::replace(command, Command::new("bash"));
        // A session of its own has no shell.
        command.args(["-c", "exec setsid \"$0\""]).arg(exe);
        for (name, value) in before.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command.current_dir(before.get_current_dir().expect("a folder"));
    });
    otto.await_file("up");
    otto.kill(otto.guard(), Signal::TSTP);
    std::thread::sleep(Duration::from_millis(300));
    let dots = |otto: &Otto| std::fs::read(otto.folder.path().join("dots")).map_or(0, |dots| dots.len());
    let before = dots(&otto);
    await_some(|| (dots(&otto) > before).then_some(()));
    std::fs::write(otto.folder.path().join("go"), "").expect("to write");
    assert_eq!(otto.end().code(), Some(3));
}

/// Not a promise but a measurement.
#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stderr, reason = "this is what it is for")]
fn measured_cost_of_the_guard() {
    for _ in 0..3 {
        let begun = Instant::now();
        for _ in 0..200 {
            assert!(Otto::start("exit 0").end().success());
        }
        eprintln!("{:?} for a small otto", begun.elapsed() / 200);
    }
}

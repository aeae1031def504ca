//! What real processes do to the executor.

use super::super::native::cpu_seconds;
use super::*;
use crate::event::{Exit, Stream};
use crate::exec::fake::Plain;
use crate::exec::{HandsOver, Launch, LaunchIo, Report, Stdin};
use crate::mask::Masks;
use crate::plan::JobId;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// What the run would hear.
enum Heard {
    Report(Report),
    Ended(Ended),
}

/// An executor with a folder for logs and an inbox.
struct Room {
    folder: tempfile::TempDir,
    executor: LocalExecutor,
    inbox: Receiver<Heard>,
    sender: SyncSender<Heard>,
    started: u32,
}

const PATIENCE: Duration = Duration::from_secs(60);

impl Room {
    fn new() -> Room {
        Room::with(1024, GRACE, std::process::Command::spawn)
    }

    fn with(inbox_size: usize, grace: Duration, spawner: super::super::spawn::Spawner) -> Room {
        let (sender, inbox) = sync_channel(inbox_size);
        let reports = sender.clone();
        let sink: ReportSink = Arc::new(move |report| drop(reports.send(Heard::Report(report))));
        let mut executor = LocalExecutor::new(sink, grace, Masks::default());
        if let Some(shared) = Arc::get_mut(&mut executor.shared) {
            shared.spawner = spawner;
        }
        Room { folder: tempfile::tempdir().expect("a temporary folder"), executor, inbox, sender, started: 0 }
    }

    fn launch(&self, script: &str) -> Launch {
        let log = |name: &str| self.folder.path().join(format!("{name}-{}.log", self.started));
        Launch {
            program: PathBuf::from("bash"),
            named: "bash".into(),
            level: None,
            args: vec!["-c".into(), script.into()],
            env: vec![
                ("PATH".into(), std::env::var_os("PATH").unwrap_or_default()),
                ("OTTO_TASK_DIR".into(), self.folder.path().join(self.started.to_string()).into()),
            ],
            workdir: self.folder.path().to_owned(),
            io: LaunchIo::Captured {
                stdin: Stdin::Null,
                stdout_log: log("stdout"),
                stderr_log: log("stderr"),
                shows: true,
            },
            hands_over: HandsOver::default(),
            secrets: None,
            limit: None,
            streams: None,
        }
    }

    fn start(&mut self, script: &str) -> AttemptId {
        let launch = self.launch(script);
        self.start_launch(launch)
    }

    fn start_launch(&mut self, launch: Launch) -> AttemptId {
        let attempt = AttemptId { job: JobId(self.started), number: 1 };
        self.started += 1;
        let sender = self.sender.clone();
        // The test may be over.
        let tell = move |ended| drop(sender.send(Heard::Ended(ended)));
        self.executor.start(attempt, Plain::boxed(launch, tell));
        attempt
    }

    /// All output and the end of one attempt.
    fn end(&self, attempt: AttemptId) -> (Vec<u8>, Vec<u8>, Ended) {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        loop {
            match self.inbox.recv_timeout(PATIENCE).expect("a report") {
                Heard::Report(Report::Output { attempt: which, stream, bytes }) if which == attempt => {
                    match stream {
                        Stream::Stdout => stdout.extend(bytes),
                        Stream::Stderr => stderr.extend(bytes),
                    }
                }
                Heard::Ended(ended) if ended.attempt == attempt => return (stdout, stderr, ended),
                Heard::Ended(_) | Heard::Report(_) => {}
            }
        }
    }

    fn end_of_any(&self) -> (AttemptId, Exit) {
        loop {
            if let Heard::Ended(ended) = self.inbox.recv_timeout(PATIENCE).expect("a report") {
                return (ended.attempt, ended.exit);
            }
        }
    }

    fn run(&mut self, script: &str) -> (Vec<u8>, Vec<u8>, Ended) {
        let attempt = self.start(script);
        self.end(attempt)
    }

    /// Waits until the attempt has written `text` to stdout.
    fn await_output(&self, text: &str) {
        let mut all = Vec::new();
        while !String::from_utf8_lossy(&all).contains(text) {
            match self.inbox.recv_timeout(PATIENCE).expect("a report") {
                Heard::Report(Report::Output { bytes, .. }) => all.extend(bytes),
                Heard::Report(_) => {}
                Heard::Ended(ended) => panic!("ended early: {ended:?}"),
            }
        }
    }

    fn log(&self, stream: &str, attempt: AttemptId) -> Vec<u8> {
        std::fs::read(self.folder.path().join(format!("{stream}-{}.log", attempt.job.0))).expect("a log")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether a process exists and is no zombie.
fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

#[test]
fn streams_are_told_apart_logged_and_counted() {
    let mut room = Room::new();
    let attempt = room.start("echo out; echo err >&2; exit 3");
    let (stdout, stderr, ended) = room.end(attempt);
    assert_eq!((text(&stdout), text(&stderr)), ("out\n".into(), "err\n".into()));
    assert_eq!((room.log("stdout", attempt), room.log("stderr", attempt)), (stdout, stderr));
    assert_eq!(ended.exit, Exit::Code(3));
    assert_eq!((ended.stdout_bytes, ended.stderr_bytes, ended.survivors), (4, 4, 0));
    assert_eq!((ended.leaked, ended.log_error), (vec![], None));
}

#[test]
fn death_by_a_signal_is_told_from_an_exit_code() {
    let mut room = Room::new();
    assert_eq!(room.run("kill -USR1 $$").2.exit, Exit::Signal(libc::SIGUSR1));
    assert_eq!(room.run("exit 138").2.exit, Exit::Code(138));
}

#[test]
fn a_task_starts_with_a_clean_slate() {
    let mut room = Room::new();
    // A descriptor that otto's caller left open.
    let leaky = std::fs::File::open("/dev/null").expect("/dev/null");
    rustix::io::fcntl_setfd(&leaky, rustix::io::FdFlags::empty()).expect("to clear close-on-exec");
    super::super::native::seal_descriptors();
    // The fourth is the one that `ls` reads the folder with.
    let (stdout, ..) =
        room.run("ls -l /proc/self/fd | awk '{print $9}' | sort -n | tr '\\n' ' '; readlink /proc/self/fd/0");
    assert_eq!(text(&stdout).trim(), "0 1 2 3 /dev/null");
    let mine = "umask; ulimit -Sn; nice";
    let theirs = std::process::Command::new("bash").args(["-c", mine]).output().expect("bash").stdout;
    let (stdout, ..) = room
        .run(&format!("{mine}; [ $(ps -o pgid= $$) = $$ ] && echo own group; exec cat /proc/self/status"));
    let status = text(&stdout);
    let (before, _) = status.split_once("Name:").expect("a status");
    assert_eq!(before, format!("{}own group\n", text(&theirs)));
    for (field, expected) in [("SigBlk", 0), ("SigIgn", 0), ("SigCgt", 0)] {
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("a field");
        let mask = u64::from_str_radix(line.trim_start_matches([':', '\t']), 16).expect("a mask");
        // glibc ignores two signals of its own in everything that it spawns, 32 and 33.
        assert_eq!(mask & !(3 << 31), expected, "{field}");
    }
}

#[test]
fn the_environment_is_the_one_given_and_no_more() {
    let mut room = Room::new();
    let mut launch = room.launch("");
    launch.program = "/usr/bin/env".into();
    launch.args.clear();
    launch.env = vec![("B".into(), "two words\n$(id)".into()), ("A".into(), "".into())];
    let attempt = room.start_launch(launch);
    assert_eq!(text(&room.end(attempt).0), "A=\nB=two words\n$(id)\n");
}

#[test]
fn both_logs_exist_when_the_task_looks() {
    let (stdout, ..) = Room::new().run("ls std*.log | wc -l");
    assert_eq!(text(&stdout).trim(), "2");
}

#[test]
fn the_log_is_what_was_written_whatever_it_was() {
    let mut room = Room::new();
    let mut bytes: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    bytes.extend(b"\r\n\r 50%\r100%\0\xff\xfe");
    bytes.extend(vec![b'x'; 10 << 20]);
    std::fs::write(room.folder.path().join("data"), &bytes).expect("to write");
    let attempt = room.start("cat data; cat data >&2");
    let (stdout, stderr, ended) = room.end(attempt);
    for copy in [stdout, stderr, room.log("stdout", attempt), room.log("stderr", attempt)] {
        assert!(copy == bytes, "{} bytes instead of {}", copy.len(), bytes.len());
    }
    assert_eq!((ended.stdout_bytes, ended.stderr_bytes), (bytes.len() as u64, bytes.len() as u64));
}

#[test]
fn a_full_disk_costs_the_log_and_not_the_task() {
    let mut room = Room::new();
    let mut launch = room.launch("seq 100000; echo end >&2");
    if let LaunchIo::Captured { stdout_log, .. } = &mut launch.io {
        *stdout_log = "/dev/full".into();
    }
    let attempt = room.start_launch(launch);
    let (stdout, stderr, ended) = room.end(attempt);
    assert_eq!((stdout.len(), text(&stderr), ended.exit), (588_895, "end\n".into(), Exit::Code(0)));
    insta::assert_snapshot!(ended.log_error.expect("an error"), @"cannot write `/dev/full`: no space left on device; only the first 0 bytes were kept");
}

#[test]
fn what_cannot_be_started_says_why() {
    let mut room = Room::new();
    let folder = room.folder.path().to_owned();
    std::fs::write(folder.join("plain"), "not a program").expect("to write");
    let script = |name: &str, content: &str| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(folder.join(name), content).expect("to write");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.join(name), mode).expect("to make executable");
    };
    script("orphan", "#!/no/such/interpreter -x\n");
    script("data", "\x01\x02\x03");
    let here = |name: &str| folder.join(name).into_os_string();
    let mut lines = Vec::new();
    let mut try_out = |room: &mut Room, change: &dyn Fn(&mut Launch)| {
        let mut launch = room.launch("true");
        change(&mut launch);
        let attempt = room.start_launch(launch);
        match room.end(attempt).2.exit {
            Exit::NotStarted { code, reason } => lines.push(format!("{code} {reason}")),
            other => lines.push(other.to_string()),
        }
    };
    let bin = || ("PATH".into(), "/usr/bin:/bin".into());
    try_out(&mut room, &|it| (it.program, it.env) = ("no-such-program".into(), vec![bin()]));
    try_out(&mut room, &|it| it.program = here("absent").into());
    try_out(&mut room, &|it| it.program = here("plain").into());
    try_out(&mut room, &|it| (it.program, it.env) = ("plain".into(), vec![("PATH".into(), here("."))]));
    try_out(&mut room, &|it| it.program = here("orphan").into());
    try_out(&mut room, &|it| it.program = here("data").into());
    try_out(&mut room, &|it| it.program = here(".").into());
    try_out(&mut room, &|it| it.workdir = here("gone").into());
    try_out(&mut room, &|it| it.env.push(("BIG".into(), "x".repeat(200_000).into())));
    try_out(&mut room, &|it| it.args.push("x".repeat(131_072).into()));
    try_out(&mut room, &|it| {
        it.program = "/bin/true".into();
        it.env = (0..60).map(|n| (format!("V{n}").into(), "x".repeat(100_000).into())).collect();
    });
    try_out(&mut room, &|it| it.env.push(("NUL".into(), "a\0b".into())));
    let text = lines.join("\n").replace(&text(folder.as_os_str().as_bytes()), "DIR");
    insta::assert_snapshot!(text, @r"
    127 `no-such-program` was not found in PATH (/usr/bin:/bin)
    127 `DIR/absent` was not found
    126 cannot execute `DIR/plain`: permission denied
    126 `DIR/./plain` is not executable
    127 `DIR/orphan` exists, but its interpreter (`#!/no/such/interpreter -x`) was not found
    126 cannot execute `DIR/data`: it is neither a program for this machine nor a script that starts with `#!`
    126 cannot execute `DIR/.`: permission denied
    125 the working directory `DIR/gone` does not exist
    125 the environment variable `BIG` is 200000 bytes long, but the system allows at most 131072; write it to a file and pass its path
    125 argument 3 is 131072 bytes long, but the system allows at most 131072; write it to a file and pass its path
    125 environment (6000290 bytes) and arguments (8 bytes) together exceed the system's limit; the largest variables are `V10` (100000 bytes), `V11` (100000 bytes), `V12` (100000 bytes); write large values to files and pass their paths
    125 the environment variable `NUL` contains a NUL byte, which is not allowed; write the value to a file and pass its path
    ");
}

#[test]
fn a_silent_leak_is_named_and_ended_at_once() {
    let mut room = Room::new();
    let begun = Instant::now();
    let (stdout, _, ended) = room.run("sleep 61 & echo $!");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(ended.exit, Exit::Code(0));
    let pid = text(&stdout).trim().to_owned();
    assert_eq!(
        ended.leaked.iter().map(Leftover::to_string).collect::<Vec<_>>(),
        [format!("sleep 61 (pid {pid})")]
    );
    assert!(!is_alive(&pid));
}

#[test]
fn a_leak_without_a_stream_is_ended_too() {
    let mut room = Room::new();
    let (stdout, _, ended) = room.run("sleep 62 >/dev/null 2>&1 & echo $!");
    assert_eq!((ended.exit, ended.leaked.len()), (Exit::Code(0), 1));
    assert!(!is_alive(&text(&stdout)));
}

#[test]
fn a_leak_that_left_the_group_is_found_by_its_stream() {
    let mut room = Room::new();
    let (stdout, _, ended) =
        room.run("setsid bash -c 'trap \"\" TERM; echo $$; sleep 63 & wait; sleep 63' & sleep 0.3");
    assert_eq!((ended.exit, ended.leaked.len()), (Exit::Code(0), 2));
    assert!(!is_alive(&text(&stdout)));
}

#[test]
fn a_leak_that_writes_on_loses_nothing() {
    let mut room = Room::new();
    // One pause only: each could grow too long on a busy machine.
    let attempt = room.start("(sleep 0.02; seq 20000) & exit 4");
    let (stdout, _, ended) = room.end(attempt);
    let all: String = (1..=20_000).map(|number| format!("{number}\n")).collect();
    assert!(text(&stdout) == all, "{} bytes instead of {}", stdout.len(), all.len());
    assert_eq!(room.log("stdout", attempt), stdout);
    assert_eq!((ended.exit, ended.leaked), (Exit::Code(4), vec![]));
}

#[test]
fn a_leak_that_never_falls_silent_is_ended_after_the_grace_period() {
    let mut room = Room::with(1024, Duration::from_millis(300), std::process::Command::spawn);
    let (_, _, ended) = room.run("(while :; do echo x; sleep 0.01; done) & exit 0");
    assert_eq!(ended.exit, Exit::Code(0));
    assert!(!ended.leaked.is_empty());
}

#[test]
fn a_polite_stop_lets_the_task_clean_up() {
    let mut room = Room::new();
    let attempt = room.start("trap 'echo bye; exit 7' TERM; echo up; sleep 64 & wait");
    room.await_output("up");
    room.executor.stop(attempt, Stop::Polite { signal: libc::SIGTERM });
    let (stdout, _, ended) = room.end(attempt);
    assert_eq!((text(&stdout).as_str(), ended.exit, ended.survivors), ("bye\n", Exit::Code(7), 0));
    assert_eq!(ended.leaked, vec![]);
}

#[test]
fn an_interrupt_reaches_the_whole_pipeline() {
    let mut room = Room::new();
    let attempt = room.start("echo up; sleep 65 | cat");
    room.await_output("up");
    room.executor.stop(attempt, Stop::Polite { signal: libc::SIGINT });
    assert_eq!(room.end(attempt).2.exit, Exit::Signal(libc::SIGINT));
}

#[test]
fn the_deaf_are_killed_after_the_grace_period_and_counted() {
    let mut room = Room::with(1024, Duration::from_millis(200), std::process::Command::spawn);
    let attempt =
        room.start("trap '' TERM; (sleep 66) & (sleep 66) & setsid sleep 66 & echo up; wait; wait; wait");
    room.await_output("up");
    std::thread::sleep(Duration::from_millis(100));
    room.executor.stop(attempt, Stop::Polite { signal: libc::SIGTERM });
    let ended = room.end(attempt).2;
    assert_eq!((ended.exit, ended.survivors), (Exit::Signal(libc::SIGKILL), 3));
}

#[test]
fn a_second_polite_stop_kills() {
    let mut room = Room::new();
    let attempt = room.start("trap '' INT; echo up; while :; do sleep 0.1; done");
    room.await_output("up");
    let begun = Instant::now();
    room.executor.stop(attempt, Stop::Polite { signal: libc::SIGINT });
    room.executor.stop(attempt, Stop::Polite { signal: libc::SIGINT });
    assert_eq!(room.end(attempt).2.exit, Exit::Signal(libc::SIGKILL));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_halted_task_can_be_stopped() {
    let mut room = Room::new();
    let attempt = room.start("echo up; kill -STOP $$");
    room.await_output("up");
    room.executor.stop(attempt, Stop::Polite { signal: libc::SIGTERM });
    assert_eq!(room.end(attempt).2.exit, Exit::Signal(libc::SIGTERM));
}

#[test]
fn a_stop_that_comes_too_late_changes_nothing() {
    let mut room = Room::new();
    let attempt = room.start("exit 5");
    assert_eq!(room.end(attempt).2.exit, Exit::Code(5));
    room.executor.stop(attempt, Stop::Kill);
    let next = room.start("sleep 0.2; exit 6");
    room.executor.stop(attempt, Stop::Kill);
    assert_eq!(room.end(next).2.exit, Exit::Code(6));
}

#[test]
fn a_full_inbox_slows_the_task_but_not_its_stop() {
    let mut room = Room::with(1, GRACE, std::process::Command::spawn);
    let attempt = room.start("yes");
    room.await_output("y");
    std::thread::sleep(Duration::from_millis(50));
    room.executor.stop(attempt, Stop::Polite { signal: libc::SIGTERM });
    let begun = Instant::now();
    assert_eq!(room.end(attempt).2.exit, Exit::Signal(libc::SIGTERM));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

fn never(_: &mut std::process::Command) -> std::io::Result<std::process::Child> {
    Err(rustix::io::Errno::AGAIN.into())
}

#[test]
fn a_machine_without_room_is_given_time_and_then_blamed() {
    fn seldom(command: &mut std::process::Command) -> std::io::Result<std::process::Child> {
        static CALLS: AtomicU64 = AtomicU64::new(0);
        match CALLS.fetch_add(1, Ordering::SeqCst) {
            0..3 => never(command),
            _ => command.spawn(),
        }
    }
    assert_eq!(Room::with(9, GRACE, seldom).run("exit 8").2.exit, Exit::Code(8));
    let Exit::NotStarted { code: 125, reason } = Room::with(9, GRACE, never).run("true").2.exit else {
        panic!("started");
    };
    assert!(reason.starts_with("could not create another process for 2."), "{reason}");
    assert!(reason.ends_with(" s: resource temporarily unavailable"), "{reason}");
}

#[test]
fn while_others_run_there_is_hope_for_room() {
    fn only_one(command: &mut std::process::Command) -> std::io::Result<std::process::Child> {
        static FIRST: std::sync::Mutex<Option<u32>> = std::sync::Mutex::new(None);
        let mut first = FIRST.lock().expect("a lock");
        match *first {
            Some(pid) if is_alive(&pid.to_string()) => never(command),
            _ => command.spawn().inspect(|child| *first = Some(child.id())),
        }
    }
    let mut room = Room::with(9, GRACE, only_one);
    let first = room.start("echo up; sleep 3.5; exit 1");
    room.await_output("up");
    let second = room.start("exit 2");
    let mut exits = [room.end_of_any(), room.end_of_any()];
    exits.sort_by_key(|(attempt, _)| *attempt);
    assert_eq!(exits, [(first, Exit::Code(1)), (second, Exit::Code(2))]);
}

#[test]
fn an_attempt_stopped_before_it_has_a_process_never_starts() {
    for (how, exit) in [
        (Stop::Polite { signal: libc::SIGINT }, Exit::Signal(libc::SIGINT)),
        (Stop::Kill, Exit::Signal(libc::SIGKILL)),
    ] {
        let mut room = Room::with(9, GRACE, never);
        let attempt = room.start("touch started");
        room.executor.stop(attempt, how);
        assert_eq!(room.end(attempt).2.exit, exit);
    }
}

#[test]
fn attendants_are_used_again() {
    let mut room = Room::new();
    for _ in 0..20 {
        room.run("true");
    }
    room.start("sleep 0.2");
    room.start("sleep 0.2");
    assert_eq!(room.executor.attendants.len(), 2);
}

#[test]
fn what_is_suspended_stands_still_until_it_is_resumed() {
    let mut room = Room::new();
    let attempt = room.start("echo up; while :; do echo -n .; sleep 0.01; done");
    room.await_output("up");
    room.executor.suspend();
    while room.inbox.recv_timeout(Duration::from_millis(100)).is_ok() {}
    let before = room.log("stdout", attempt).len();
    let late = room.start("echo late");
    assert!(room.inbox.recv_timeout(Duration::from_millis(300)).is_err());
    assert_eq!(room.log("stdout", attempt).len(), before);
    room.executor.resume();
    assert_eq!(text(&room.end(late).0), "late\n");
    room.await_output("...");
    room.executor.stop(attempt, Stop::Kill);
    assert_eq!(room.end(attempt).2.exit, Exit::Signal(libc::SIGKILL));
    assert!(room.log("stdout", attempt).len() > before + 2);
}

#[test]
fn tasks_die_with_their_executor() {
    let mut room = Room::new();
    room.start("echo $$; sleep 67");
    let mut pid = String::new();
    while pid.is_empty() {
        if let Heard::Report(Report::Output { bytes, .. }) =
            room.inbox.recv_timeout(PATIENCE).expect("a report")
        {
            pid = text(&bytes);
        }
    }
    let Room { executor, inbox, .. } = room;
    drop(executor);
    let ended = inbox.iter().find_map(|report| match report {
        Heard::Ended(ended) => Some(ended),
        Heard::Report(_) => None,
    });
    assert_eq!(ended.map(|ended| ended.exit), Some(Exit::Signal(libc::SIGKILL)));
    assert!(!is_alive(&pid));
}

/// Not a promise but a measurement: `cargo test --release -- --ignored --nocapture --test-threads 1 measured`.
#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stderr, reason = "this is what it is for")]
fn measured_cost_of_an_attempt() {
    const TASKS: u32 = 300;
    let environment: Vec<(std::ffi::OsString, std::ffi::OsString)> = std::env::vars_os().collect();
    let bare = || {
        for _ in 0..TASKS {
            let mut bare = std::process::Command::new("/bin/bash");
            bare.args(["-c", "true"]).stdin(std::process::Stdio::null());
            bare.spawn().expect("to spawn").wait().expect("to wait");
        }
    };
    let attended = |at_once: u32| {
        let mut room = Room::new();
        let (mut running, mut ended) = (0, 0);
        while ended < TASKS {
            while running < at_once && running + ended < TASKS {
                let mut launch = room.launch("true");
                launch.program = "/bin/bash".into();
                launch.env = environment.clone();
                room.start_launch(launch);
                running += 1;
            }
            if let Heard::Ended(_) = room.inbox.recv().expect("a report") {
                (running, ended) = (running - 1, ended + 1);
            }
        }
    };
    let measure = |work: &dyn Fn()| {
        let begun = cpu_seconds();
        work();
        (cpu_seconds() - begun) / f64::from(TASKS) * 1e6
    };
    // In turn, and the best of each: the machine has other things to do.
    let mut best = [f64::MAX; 3];
    for _ in 0..15 {
        let costs = [measure(&bare), measure(&|| attended(1)), measure(&|| attended(2))];
        best = std::array::from_fn(|place| best[place].min(costs[place]));
    }
    eprintln!(
        "CPU per `bash -c true`: bare {:.0} µs; attended {:.0} µs one by one ({:.3}), {:.0} µs two at once ({:.3})",
        best[0],
        best[1],
        best[1] / best[0],
        best[2],
        best[2] / best[0]
    );
}

#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stderr, reason = "this is what it is for")]
fn measured_output() {
    const BYTES: usize = 400 << 20;
    for shows in [true, false, true, false] {
        let mut room = Room::new();
        let mut launch = room.launch(&format!("head -c {BYTES} /dev/zero"));
        if let LaunchIo::Captured { shows: it, .. } = &mut launch.io {
            *it = shows;
        }
        let begun = (Instant::now(), cpu_seconds());
        let attempt = room.start_launch(launch);
        loop {
            if let Heard::Ended(ended) = room.inbox.recv().expect("a report") {
                assert_eq!(ended.stdout_bytes, BYTES as u64);
                break;
            }
        }
        let speed = BYTES as f64 / 1e6 / begun.0.elapsed().as_secs_f64();
        eprintln!(
            "shows {shows}: {speed:.0} MB/s, {:.2} s CPU, attempt {attempt:?}",
            cpu_seconds() - begun.1
        );
    }
}

#[test]
fn the_time_limit_ends_the_attempt_and_everything_below_it() {
    let mut room = Room::with(1024, Duration::from_millis(100), std::process::Command::spawn);
    let mut launch = room.launch("trap '' TERM; (sleep 66) & setsid sleep 66 & echo up; wait; wait");
    launch.limit = Some(Duration::from_millis(300));
    let attempt = room.start_launch(launch);
    let (stdout, _, ended) = room.end(attempt);
    assert_eq!((text(&stdout).as_str(), ended.exit, ended.survivors), ("up\n", Exit::Timeout, 2));
}

#[test]
fn the_time_limit_asks_politely() {
    let mut room = Room::new();
    let mut launch = room.launch("trap 'echo bye; exit 0' TERM; echo up; sleep 64 & wait");
    launch.limit = Some(Duration::from_millis(300));
    let attempt = room.start_launch(launch);
    let (stdout, _, ended) = room.end(attempt);
    assert_eq!((text(&stdout).as_str(), ended.exit, ended.survivors), ("up\nbye\n", Exit::Timeout, 0));
}

#[test]
fn waiting_for_room_does_not_count_against_the_time_limit() {
    fn late(command: &mut std::process::Command) -> std::io::Result<std::process::Child> {
        static BEGUN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        match BEGUN.get_or_init(Instant::now).elapsed() > Duration::from_millis(600) {
            true => command.spawn(),
            false => Err(rustix::io::Errno::AGAIN.into()),
        }
    }
    let mut room = Room::with(9, GRACE, late);
    let mut launch = room.launch("exit 3");
    launch.limit = Some(Duration::from_millis(500));
    let attempt = room.start_launch(launch);
    assert_eq!(room.end(attempt).2.exit, Exit::Code(3));
}

//! `--watch` in a real terminal: what starts a run again, and what does not.

use crate::Project;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// otto in a terminal of its own, and somebody in front of it.
struct Screen {
    child: Child,
    keys: ChildStdin,
    shown: Receiver<Vec<u8>>,
    text: String,
}

impl Screen {
    fn open(project: &Project, words: &str) -> Screen {
        let words = words.split_whitespace();
        Screen::of(project, std::iter::once(env!("CARGO_BIN_EXE_otto")).chain(words))
    }

    /// With this program in place of otto.
    fn of<'w>(project: &Project, words: impl IntoIterator<Item = &'w str>) -> Screen {
        let mut command = project.command("python3");
        let program =
            "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])) % 256)";
        command.args(["-c", program]).args(words);
        let mut child = command.stdin(Stdio::piped()).spawn().expect("python3 starts");
        let mut output = child.stdout.take().expect("piped");
        let (sender, shown) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        let keys = child.stdin.take().expect("piped");
        Screen { child, keys, shown, text: String::new() }
    }

    /// Waits until this is shown, and answers what was until then.
    #[track_caller]
    fn until(&mut self, wanted: &str) -> String {
        loop {
            if let Some(place) = self.text.find(wanted) {
                let rest = self.text.split_off(place + wanted.len());
                return std::mem::replace(&mut self.text, rest);
            }
            match self.shown.recv_timeout(Duration::from_secs(60)) {
                Ok(bytes) => self.text += &String::from_utf8_lossy(&bytes).replace('\r', ""),
                Err(error) => panic!("`{wanted}` was not shown ({error}):\n{}", self.text),
            }
        }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("somebody reads");
    }

    /// Types ^C and answers the status and what was shown.
    fn interrupt(mut self) -> (i32, String) {
        self.press("\x03");
        self.end()
    }

    fn end(mut self) -> (i32, String) {
        let status = self.child.wait().expect("it ends").code().unwrap_or(-1);
        let rest: String =
            self.shown.iter().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect();
        (status, std::mem::take(&mut self.text) + &rest)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Of a test that failed: without its terminal otto ends too.
        let _ = self.child.kill();
    }
}

/// Of a process that SIGINT ended, as python says it.
const BY_SIGINT: i32 = 254;

#[test]
fn files_that_change_start_the_task_again_until_ctrl_c() {
    let project = Project::new("tasks: {show: {bash: 'cat src/* || true'}}\n");
    project.write(".gitignore", "*.log\n");
    project.write("src/a", "one\n");
    let mut screen = Screen::open(&project, "--watch show");
    let first = screen.until("Ctrl-C ends\n");
    assert!(first.starts_with("one\n") && !first.contains("changed"), "{first}");
    project.write("src/a", "two\n");
    assert!(screen.until("Ctrl-C ends\n").starts_with("changed: src/a\ntwo\n"));
    // What git ignores does not count, and several files are one change.
    project.write("made.log/b", "three\n");
    project.write("made.log/c", "four\n");
    std::fs::rename(project.path("made.log"), project.path("src/more")).expect("renamed");
    assert!(screen.until("Ctrl-C ends\n").starts_with("changed: src/more/b, src/more/c\ntwo\n"));
    // A folder that is new, gets another name, and is gone.
    project.write("new/deep/file", "");
    screen.until("changed: new/deep/file\n");
    screen.until("Ctrl-C ends\n");
    std::fs::rename(project.path("new"), project.path("old")).expect("renamed");
    screen.until("changed: new/deep/file, old/deep/file\n");
    screen.until("Ctrl-C ends\n");
    project.write("old/deep/file", "changed");
    screen.until("changed: old/deep/file\n");
    screen.until("Ctrl-C ends\n");
    std::fs::remove_dir_all(project.path("old")).expect("removed");
    screen.until("changed: old/deep/file\n");
    screen.until("Ctrl-C ends\n");
    // An ottofile with a mistake is waited out.
    project.write("otto.yml", "tasks: {show: {bash: [}}\n");
    screen.until("otto.yml: 1 error");
    project.write("otto.yml", "tasks: {show: {bash: echo mended}}\n");
    screen.until("changed: otto.yml\nmended\n");
    screen.until("Ctrl-C ends\n");
    let (status, rest) = screen.interrupt();
    assert_eq!(status, BY_SIGINT, "{rest}");
}

#[test]
fn what_is_made_in_an_ignored_folder_that_a_task_names_as_input_starts_it() {
    let project = Project::new(
        "tasks: {show: {input: ['build/gen/*.txt', 'out/**/*.txt', '!out/tmp/**'], bash: 'cat build/gen/*.txt || true'}}\n",
    );
    project.write(".gitignore", "build/\nout\n");
    std::fs::create_dir_all(project.path("out/deep")).expect("made");
    let mut screen = Screen::open(&project, "--watch show");
    screen.until("Ctrl-C ends\n");
    // Neither folder exists yet.
    project.write("build/gen/a.txt", "one\n");
    assert!(screen.until("Ctrl-C ends\n").starts_with("changed: build/gen/a.txt\none\n"));
    // The folder was there, and had no file that counts.
    project.write("out/tmp/left-out.txt", "");
    project.write("out/deep/b.txt", "");
    assert!(screen.until("Ctrl-C ends\n").starts_with("changed: out/deep/b.txt\n"));
    project.write("out/deep/.gitignore", "*\n");
    project.write("out/deep/c.txt", "");
    assert!(screen.until("Ctrl-C ends\n").starts_with("changed: out/deep/c.txt\n"));
    // The folder is gone, and made anew.
    std::fs::remove_dir_all(project.path("build")).expect("removed");
    assert!(screen.until("Ctrl-C ends\n").starts_with("changed: build/gen/a.txt\n"));
    std::fs::create_dir_all(project.path("build/gen")).expect("made");
    std::thread::sleep(Duration::from_millis(200));
    project.write("build/gen/a.txt", "two\n");
    assert!(screen.until("Ctrl-C ends\n").starts_with("changed: build/gen/a.txt\ntwo\n"));
    std::fs::rename(project.path("build"), project.path("other")).expect("renamed");
    assert!(screen.until("Ctrl-C ends\n").starts_with("changed: build/gen/a.txt\n"));
    std::fs::rename(project.path("other"), project.path("build")).expect("renamed");
    assert!(screen.until("Ctrl-C ends\n").starts_with("changed: build/gen/a.txt\ntwo\n"));
    let (status, rest) = screen.interrupt();
    assert_eq!(status, BY_SIGINT, "{rest}");
}

#[test]
fn a_file_of_variables_that_git_ignores_and_is_made_later_starts_the_task() {
    let project = Project::new(
        "otto: {dotenv: [{path: .env, optional: true}]}\ntasks: {show: {bash: 'echo \"value ${NAME:-none}\"'}}\n",
    );
    project.write(".gitignore", ".env\n");
    let mut screen = Screen::open(&project, "--watch show");
    assert!(screen.until("Ctrl-C ends\n").starts_with("value none\n"));
    project.write(".env", "NAME=one\n");
    assert!(screen.until("Ctrl-C ends\n").starts_with("changed: .env\nvalue one\n"));
    std::fs::remove_file(project.path(".env")).expect("removed");
    assert!(screen.until("Ctrl-C ends\n").starts_with("changed: .env\nvalue none\n"));
    project.write(".env", "NAME=two\n");
    assert!(screen.until("Ctrl-C ends\n").starts_with("changed: .env\nvalue two\n"));
    let (status, rest) = screen.interrupt();
    assert_eq!(status, BY_SIGINT, "{rest}");
}

#[test]
fn among_twenty_thousand_files_each_change_is_noticed() {
    let project = Project::new("tasks: {show: {bash: echo ran}}\n");
    for folder in 0..100 {
        for file in 0..200 {
            project.write(&format!("src/{folder}/{file}"), "");
        }
    }
    let mut screen = Screen::open(&project, "--watch show");
    screen.until("watching 20001 files; Ctrl-C ends\n");
    project.write("src/7/7", "saved");
    screen.until("changed: src/7/7\nran\n");
    screen.until("Ctrl-C ends\n");
    project.write("src/new/1", "");
    screen.until("changed: src/new/1\nran\n");
    screen.until("watching 20002 files; Ctrl-C ends\n");
    std::fs::rename(project.path("src/99"), project.path("src/100")).expect("renamed");
    let told = screen.until("Ctrl-C ends\n");
    // 200 files are gone and 200 are there.
    assert!(told.contains("changed: ") && told.contains("watching 20002 files"), "{told}");
    let (status, rest) = screen.interrupt();
    assert_eq!(status, BY_SIGINT, "{rest}");
}

#[test]
fn a_change_during_a_run_starts_it_anew_or_waits_for_its_end() {
    let ottofile = "tasks:
  slow:
    input: ['in*']
    output: [out]
    bash: |
      trap 'echo ended >> told; exit 1' TERM
      cat in >> told; echo begun; echo > out
      until [ -e go ]; do sleep 0.05; done
      echo done >> told
";
    let project = Project::new(ottofile);
    project.write("in", "1\n");
    let mut screen = Screen::open(&project, "-w slow");
    screen.until("begun\n");
    project.write("other", "no input");
    project.write("in", "2\n");
    screen.until("changed: in\nbegun\n");
    project.write("go", "");
    screen.until("Ctrl-C ends\n");
    assert_eq!(project.read("told"), "1\nended\n2\ndone\n");
    assert_eq!(screen.interrupt().0, BY_SIGINT);

    let project = Project::new(ottofile);
    project.write("in", "1\n");
    let mut screen = Screen::open(&project, "--watch=queue slow");
    screen.until("begun\n");
    project.write("in", "2\n");
    project.write("in2", "");
    // Noticed before the run ends.
    std::thread::sleep(Duration::from_millis(700));
    project.write("go", "");
    screen.until("Ctrl-C ends\n");
    screen.until("changed: in, in2\nbegun\n");
    screen.until("Ctrl-C ends\n");
    assert_eq!(project.read("told"), "1\ndone\n2\ndone\n");
    assert_eq!(screen.interrupt().0, BY_SIGINT);
}

#[test]
fn a_file_that_each_run_writes_is_named_and_counts_only_between_runs() {
    let project = Project::new("tasks: {log: {bash: 'date +%N >> log; echo run'}}\n");
    let mut screen = Screen::open(&project, "--watch log");
    screen.until("warning: each run changes `log`, so these changes no longer start one");
    project.write("by-hand", "");
    screen.until("changed: by-hand\nrun\n");
    screen.until("Ctrl-C ends\n");
    // Longer than what may be the doing of the run.
    std::thread::sleep(Duration::from_millis(1500));
    project.write("log", "by hand");
    screen.until("changed: log\nrun\n");
    screen.until("Ctrl-C ends\n");
    assert_eq!(screen.interrupt().0, BY_SIGINT);
}

#[test]
fn a_file_that_somebody_saves_again_and_again_always_counts() {
    let project = Project::new("tasks: {show: {input: [src], bash: 'cat src'}}\n");
    project.write("src", "0\n");
    let mut screen = Screen::open(&project, "--watch show");
    screen.until("0\n");
    for save in 1..=14 {
        std::thread::sleep(Duration::from_millis(300));
        project.write("src", &format!("{save}\n"));
    }
    let shown = screen.until("\n14\n");
    assert!(!shown.contains("warning"), "{shown}");
    assert_eq!(screen.interrupt().0, BY_SIGINT);
}

/// A project with a service that tells its process to those who need it, and beside the project when it starts and ends.
fn with_service(more: &str) -> Project {
    let project = Project::new(&format!(
        "tasks:
  db:
    service: true{more}
    bash: |
      trap 'echo end $$ >> ../told; exit 0' TERM
      echo begin $$ >> ../told
      otto.set process $$
      otto.ready
      for (( i = 0; ; i++ )); do
        if [ -e ../say ]; then mv ../say ../said; echo still here; fi
        sleep 0.02
      done
  test: {{ needs: [db], bash: 'echo \"$(cat text) ${{INPUT[db.process]}}\"' }}
"
    ));
    project.write("text", "one");
    project.write("other", "");
    project
}

/// The process of which a line tells that begins with this text.
fn process_after(shown: &str, text: &str) -> String {
    let line =
        shown.lines().find_map(|line| line.trim_start().trim_start_matches("test │ ").strip_prefix(text));
    line.unwrap_or_else(|| panic!("no line begins with `{text}`:\n{shown}")).trim().to_owned()
}

fn begun(project: &Project) -> usize {
    project.read("../told").lines().filter(|line| line.starts_with("begin ")).count()
}

#[test]
fn a_service_stays_up_from_run_to_run_and_ends_with_the_watch() {
    for words in ["--watch test", "--watch=queue test"] {
        let project = with_service("");
        let mut screen = Screen::open(&project, words);
        let first = screen.until(", db is up; Ctrl-C ends\n");
        let process = process_after(&first, "one");
        assert!(first.contains(" up  db") && !first.contains("since run"), "{first}");
        project.write("text", "two");
        let second = screen.until(", db is up; Ctrl-C ends\n");
        assert_eq!(process_after(&second, "two"), process, "{second}");
        assert!(second.contains(" up  db") && second.contains("since run"), "{second}");
        // Its data belongs to this run too, and so does what it wrote meanwhile.
        assert_eq!(project.run("Data db.process").stdout.trim(), process);
        project.write("text", "three");
        screen.until(", db is up; Ctrl-C ends\n");
        let history = project.run("History").stdout;
        assert_eq!(history.trim().lines().count(), 4, "{history}");
        assert_eq!(project.read("../told"), format!("begin {process}\n"));
        let (status, rest) = screen.interrupt();
        assert_eq!(status, BY_SIGINT, "{rest}");
        assert_eq!(project.read("../told"), format!("begin {process}\nend {process}\n"));
    }
}

#[test]
fn what_a_service_writes_in_a_later_run_is_in_the_record_of_that_run() {
    let project = with_service("");
    project.write("text", "one");
    let ottofile = project.read("otto.yml").replace(
        "cat text",
        "touch ../say; until [ -e ../said ]; do sleep 0.01; done; sleep 0.1; rm ../said; cat text",
    );
    project.write("otto.yml", &ottofile);
    let mut screen = Screen::open(&project, "--watch test");
    let first = screen.until("db is up; Ctrl-C ends\n");
    assert!(first.contains("still here"), "{first}");
    project.write("text", "two");
    let second = screen.until("db is up; Ctrl-C ends\n");
    assert!(second.contains("still here"), "{second}");
    let shown = project.run("Logs latest db").stdout;
    assert_eq!(shown.matches("still here").count(), 1, "{shown}");
    let replayed = project.run("Replay latest");
    assert_eq!(replayed.all().matches("still here").count(), 1, "{}", replayed.all());
    assert!(replayed.all().contains("since run"), "{}", replayed.all());
    assert_eq!(screen.interrupt().0, BY_SIGINT);
}

#[test]
fn a_service_is_started_again_when_it_has_ended_or_is_made_from_something_else() {
    let project = with_service("\n    envs: {KIND: small}\n    input: [conf, text]");
    project.write("conf", "1");
    let mut screen = Screen::open(&project, "--watch test");
    let mut processes = Vec::new();
    let mut next = |screen: &mut Screen, text: &str| {
        let shown = screen.until("db is up; Ctrl-C ends\n");
        processes.push(process_after(&shown, text));
        processes.len() >= 2 && processes[processes.len() - 1] == processes[processes.len() - 2]
    };
    assert!(!next(&mut screen, "one"));
    // Its `input`.
    project.write("conf", "2");
    assert!(!next(&mut screen, "one"));
    // A part of the ottofile that is not about it, and one that is.
    let ottofile = project.read("otto.yml");
    project.write("otto.yml", &format!("{ottofile}  another: {{bash: 'true'}}\n"));
    assert!(next(&mut screen, "one"));
    project.write("otto.yml", &ottofile.replace("small", "large"));
    assert!(!next(&mut screen, "one"));
    project.write(
        "otto.yml",
        &ottofile
            .replace("small", "large")
            .replace("service: true", "service: {log: still, timeout: 5s}")
            .replace("otto.ready", "otto.ready; echo still"),
    );
    assert!(!next(&mut screen, "one"));
    // It dies between two runs.
    let told = project.read("../told");
    let process = told.lines().last().and_then(|line| line.strip_prefix("begin ")).expect("it lives");
    assert!(
        std::process::Command::new("kill").args(["-KILL", process]).status().expect("kill runs").success()
    );
    project.write("conf", "3");
    assert!(!next(&mut screen, "one"));
    // Nobody needs it any more.
    project.write("otto.yml", "tasks: {test: {input: [conf], bash: echo alone}}\n");
    let alone = screen.until("; Ctrl-C ends\n");
    assert!(alone.contains("alone") && !alone.contains("db"), "{alone}");
    let told = project.read("../told");
    assert_eq!((begun(&project), told.matches("end ").count()), (5, 4), "{told}");
    assert_eq!(screen.interrupt().0, BY_SIGINT);
}

#[test]
fn a_service_that_has_to_do_with_files_of_the_folder_is_started_again_for_each_run() {
    // What the script names, what it has open, and what a process of it was given; of these each by itself.
    for body in
        ["cat other; ", "N=oth; exec 9< \"${N}er\"; ", "N=oth; bash -c 'sleep 1000; true' \"./${N}er\" & "]
    {
        let project = with_service("");
        let ottofile =
            project.read("otto.yml").replace("otto.set process", &format!("{body}\n      otto.set process"));
        project.write("otto.yml", &ottofile);
        let mut screen = Screen::open(&project, "--watch test");
        let first = screen.until("; Ctrl-C ends\n");
        assert!(!first.contains("is up;"), "{body}: {first}");
        project.write("text", "two");
        let second = screen.until("; Ctrl-C ends\n");
        assert_ne!(process_after(&first, "one"), process_after(&second, "two"), "{body}");
        assert_eq!(screen.interrupt().0, BY_SIGINT);
        assert_eq!(project.read("../told").matches("end ").count(), 2, "{body}");
    }
}

#[test]
fn a_service_that_dies_in_a_later_run_fails_those_who_use_it() {
    let project = with_service("");
    let ottofile = project.read("otto.yml").replace(
        "cat text)",
        "cat text)\"; if [ -e kill ]; then kill -KILL ${INPUT[db.process]}; sleep 100; fi; echo \"",
    );
    project.write("otto.yml", &ottofile);
    let mut screen = Screen::open(&project, "--watch test");
    screen.until("db is up; Ctrl-C ends\n");
    project.write("kill", "");
    let shown = screen.until("; Ctrl-C ends\n");
    assert!(
        shown.contains("the service `db` ended: killed by SIGKILL") && !shown.contains("is up;"),
        "{shown}"
    );
    std::fs::remove_file(project.path("kill")).expect("removed");
    screen.until("db is up; Ctrl-C ends\n");
    assert_eq!(begun(&project), 2);
    assert_eq!(screen.interrupt().0, BY_SIGINT);
}

#[test]
fn a_change_while_the_watch_ends_starts_no_run() {
    let project = with_service("");
    let ottofile = project.read("otto.yml").replace("told; exit 0'", "told; sleep 0.5; exit 0'");
    project.write("otto.yml", &ottofile);
    let mut screen = Screen::open(&project, "--watch test");
    screen.until("db is up; Ctrl-C ends\n");
    screen.press("\x03");
    until(|| project.read("../told").contains("end "), "the service ends");
    project.write("text", "two");
    let (status, rest) = screen.end();
    assert!(status == BY_SIGINT && !rest.contains("changed"), "{status}: {rest}");
    assert_eq!(begun(&project), 1);
}

#[track_caller]
fn until(mut is_so: impl FnMut() -> bool, what: &str) {
    let latest = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < latest, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// `T` for a process that is halted.
fn state(process: &str) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("it is there");
    stat.rsplit(") ").next().and_then(|rest| rest.chars().next()).expect("a state")
}

#[test]
fn between_two_runs_ctrl_z_halts_otto_and_the_services_that_stay_up() {
    let project = with_service("");
    let mut screen = Screen::of(&project, ["bash", "--norc", "--noprofile", "-i"]);
    screen.press(&format!("{} --watch test\n", env!("CARGO_BIN_EXE_otto")));
    let process = process_after(&screen.until(", db is up; Ctrl-C ends\n"), "one");
    screen.press("\x1a");
    screen.until("Stopped");
    until(|| state(&process) == 'T', "it halts");
    project.write("text", "two");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(project.run("History").stdout.trim().lines().count(), 2);
    screen.press("fg\n");
    let second = screen.until(", db is up; Ctrl-C ends\n");
    assert_eq!(process_after(&second, "two"), process, "{second}");
    assert_ne!(state(&process), 'T');
    screen.press("\x03");
    screen.press("echo status $?\n");
    screen.until("status 130\n");
    assert_eq!(project.read("../told"), format!("begin {process}\nend {process}\n"));
}

#[test]
fn other_runs_share_a_service_that_stays_up_for_a_watch() {
    let project = Project::new(
        "tasks:
  db:
    service: {share: true}
    bash: |
      trap 'echo end $$ >> ../told; exit 0' TERM
      echo begin $$ >> ../told
      otto.set process $$
      otto.ready
      while :; do sleep 0.02; done
  test: { needs: [db], bash: 'echo \"$(cat text) ${INPUT[db.process]}\"' }
  other: { needs: [db], bash: 'echo \"other ${INPUT[db.process]}\"; until [ -e ../go ]; do sleep 0.02; done' }
",
    );
    project.write("text", "one");
    let mut screen = Screen::open(&project, "--watch test");
    let process = process_after(&screen.until("db is up; Ctrl-C ends\n"), "one");
    let start = || {
        let mut other = Screen::open(&project, "other");
        let shown = other.until("other ") + &other.until("\n");
        assert!(shown.contains("since run") && shown.ends_with(&format!("{process}\n")), "{shown}");
        other
    };
    // While another run uses it, the watch goes on with it too.
    let other = start();
    project.write("text", "two");
    assert_eq!(process_after(&screen.until("db is up; Ctrl-C ends\n"), "two"), process);
    // A run that does not need it any more, or needs another one, does not wait for those who use it.
    let ottofile = project.read("otto.yml");
    project.write(
        "otto.yml",
        &ottofile.replace("test: { needs: [db],", "test: {").replace("${INPUT[db.process]}", ""),
    );
    screen.until("two \n");
    screen.until("db is up; Ctrl-C ends\n");
    project.write("otto.yml", &ottofile.replace("share: true", "share: true, timeout: 9s"));
    let second = process_after(&screen.until("db is up; Ctrl-C ends\n"), "two");
    assert_ne!(second, process);
    // The watch ends when the others are done.
    screen.press("\x03");
    screen.until("warning: db: stays up for other runs that use it\n");
    project.write("../go", "");
    let (status, rest) = other.end();
    assert_eq!(status, 0, "{rest}");
    let (status, rest) = screen.end();
    assert_eq!(status, BY_SIGINT, "{rest}");
    let told = project.read("../told");
    assert_eq!(told.matches("begin ").count(), 2, "{told}");
    assert!(
        told.contains(&format!("end {second}\n")) && told.ends_with(&format!("end {process}\n")),
        "{told}"
    );
}

#[test]
fn a_run_that_is_given_up_for_the_next_one_leaves_it_the_service() {
    let project = with_service("\n    input: [large]");
    let ottofile = project.read("otto.yml").replace("test: { needs", "test: { input: [text], needs");
    project.write("otto.yml", &ottofile);
    // What it is made from takes a while to be read.
    let large = std::fs::File::create(project.path("large")).expect("made");
    large.set_len(600 << 20).expect("its length");
    let mut screen = Screen::open(&project, "--watch test");
    let process = process_after(&screen.until("db is up; Ctrl-C ends\n"), "one");
    project.write("text", "two");
    screen.until("changed: text\n");
    screen.until("otto · run ");
    project.write("text", "three");
    let shown = screen.until("db is up; Ctrl-C ends\n");
    assert!(shown.contains("stopping"), "the run was over too soon to be given up: {shown}");
    assert_eq!(process_after(&shown, "three"), process);
    assert_eq!(screen.interrupt().0, BY_SIGINT);
    assert_eq!(project.read("../told"), format!("begin {process}\nend {process}\n"));
}

#[test]
fn a_second_ctrl_c_between_two_runs_kills_a_service_that_does_not_end() {
    let project = with_service("");
    let ottofile = project.read("otto.yml").replace("told; exit 0'", "told'");
    project.write("otto.yml", &ottofile);
    let mut screen = Screen::open(&project, "--watch test");
    screen.until("db is up; Ctrl-C ends\n");
    screen.press("\x03");
    until(|| project.read("../told").contains("end "), "the service is asked to end");
    let asked = Instant::now();
    let (status, rest) = screen.interrupt();
    assert_eq!(status, BY_SIGINT, "{rest}");
    // Otherwise it is killed after ten seconds.
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
}

#[test]
fn the_folder_of_the_run_that_started_a_service_stays_as_long_as_it_is_up() {
    let project = with_service("");
    let ottofile = project
        .read("otto.yml")
        .replace("otto.set process $$", "otto.set process $$; echo $OTTO_TASK_DIR > ../folder");
    project.write("otto.yml", &ottofile);
    let mut screen = Screen::open(&project, "--watch test");
    screen.until("db is up; Ctrl-C ends\n");
    let folder = project.read("../folder").trim().to_owned();
    for text in ["two", "three"] {
        project.write("text", text);
        screen.until("db is up; Ctrl-C ends\n");
    }
    assert!(std::path::Path::new(&folder).is_dir(), "{folder}");
    let clean = "Clean --keep-days 0 --keep-last 1 --keep-failed 0";
    let cleaned = project.run(clean);
    assert!(std::path::Path::new(&folder).is_dir(), "{folder}: {}", cleaned.all());
    // Of the three runs one is the latest, and one has the service.
    assert_eq!(project.run("History").stdout.trim().lines().count(), 3);
    assert_eq!(screen.interrupt().0, BY_SIGINT);
    project.run(clean).ok();
    assert!(!std::path::Path::new(&folder).exists());
}

#[test]
fn a_service_whose_end_a_task_waits_for_ends_with_each_run() {
    let project = with_service("");
    let ottofile = project.read("otto.yml");
    let report = "  report: { needs: [{task: db, when: always}], bash: 'echo reported' }\n";
    project.write("otto.yml", &format!("{ottofile}{report}"));
    let mut screen = Screen::open(&project, "--watch test report");
    for count in 1..=2 {
        let shown = screen.until("Ctrl-C ends\n");
        assert!(shown.contains("reported") && !shown.contains("is up;"), "{shown}");
        assert_eq!((begun(&project), project.read("../told").matches("end ").count()), (count, count));
        project.write("text", "two");
    }
    assert_eq!(screen.interrupt().0, BY_SIGINT);
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let project = Project::new("tasks: {a: {confirm: sure?, bash: 'true'}}\n");
    let refused = project.run("--watch a");
    assert_eq!(refused.status, 2, "{}", refused.all());
    assert!(refused.stderr.contains("`a` must be confirmed, and with `--watch` nobody is asked"));
    assert_eq!(project.run("--watch nothing").status, 2);
    assert_eq!(project.run("--watch --tui a").status, 2);
    let dry = project.run("--watch -n a");
    assert_eq!((dry.status, dry.stdout.as_str()), (0, "  1  a  (otto.yml:1)\n"));
}

//! `--watch` in a real terminal: what starts a run again, and what does not.

use crate::Project;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// otto in a terminal of its own, and somebody in front of it.
struct Screen {
    child: Child,
    keys: ChildStdin,
    shown: Receiver<Vec<u8>>,
    text: String,
}

impl Screen {
    fn open(project: &Project, words: &str) -> Screen {
        let mut command = project.command("python3");
        let program =
            "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])) % 256)";
        command.args(["-c", program, env!("CARGO_BIN_EXE_otto")]).args(words.split_whitespace());
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

    /// Types ^C and answers the status and what was shown.
    fn interrupt(mut self) -> (i32, String) {
        self.keys.write_all(b"\x03").expect("somebody reads");
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

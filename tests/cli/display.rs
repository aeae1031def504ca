//! How a run looks: display modes, colours, JSON, terminals, other programs around otto.

use crate::Project;
use insta::assert_snapshot;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};

const TALK: &str = "
otto: {jobs: 1}
tasks:
  one: {bash: 'echo out; echo err >&2; printf tail; OUTPUT[key]=1'}
  two: {before: [one], bash: 'echo two'}
";

#[test]
fn every_display_mode_shows_the_same_run_in_its_way() {
    let project = Project::new(TALK);
    assert_snapshot!(project.run("--display stream two").all(), @"
    ── stdout
    out
    tailtwo
    ── stderr
    otto · run RUN · 2 tasks
    err
         ok  one     TIME  set key
         ok  two     TIME
    2 ok in TIME
    ── exit 0
    ");
    assert_snapshot!(project.run("--display prefix two").all(), @"
    ── stdout
        one │ out
        one │ tail
        two │ two
    ── stderr
    otto · run RUN · 2 tasks
        one │ err
         ok  one     TIME  set key
         ok  two     TIME
    2 ok in TIME
    ── exit 0
    ");
    assert_snapshot!(project.run("--display group two").all(), @"
    ── stdout
    out
    tail
    two
    ── stderr
    otto · run RUN · 2 tasks
    ── one
    err
         ok  one     TIME  set key
    ── two
         ok  two     TIME
    2 ok in TIME
    ── exit 0
    ");
    assert_snapshot!(project.run("--display quiet two").all(), @"── exit 0");
    assert_snapshot!(project.run("-v two").all(), @"
    ── stdout
    out
    tailtwo
    ── stderr
    otto · run RUN · 2 tasks
      start  one
    err
         ok  one     TIME  set key
      start  two
         ok  two     TIME
    2 ok in TIME
    ── exit 0
    ");
    assert_eq!(project.run("-qq two").all(), project.run("--display quiet two").all());
}

#[test]
fn the_variable_chooses_the_mode_and_the_flag_beats_it() {
    let project = Project::new(TALK).with("OTTO_DISPLAY", "group");
    assert_eq!(project.run("two").all(), project.run("--display group two").all());
    assert_eq!(project.run("--display stream two").stdout, "out\ntailtwo\n");
}

#[test]
fn a_quiet_run_shows_what_failed() {
    let project =
        Project::new("otto: {jobs: 1}\ntasks: {good: {bash: echo good}, bad: {bash: 'echo why; exit 3'}}");
    assert_snapshot!(project.run("-qq good bad").all(), @"
    ── stderr
       FAIL  bad      TIME  exit 3

    FAIL bad · exit 3 · TIME · otto.yml:2
      │ why
      1 line · full log: otto Logs RUN bad

    2 tasks in TIME: 1 ok, 1 failed
    rerun failed:  otto Rerun RUN
    ── exit 3
    ");
    assert_eq!(project.run("-qq good").all(), "── exit 0");
}

#[test]
fn quiet_once_leaves_just_what_tasks_write() {
    let project = Project::new(
        "tasks: {a: {bash: 'OUTPUT[v]=1; echo a'}, b: {before: [a], bash: 'echo b; echo c >&2'}}",
    );
    assert_snapshot!(project.run("-q b").all(), @"
    ── stdout
    a
    b
    ── stderr
    c
    ── exit 0
    ");
    assert_eq!(project.run("--quiet b").all(), project.run("-q b").all());
    assert_eq!(project.run("--silent b").all(), project.run("-q b").all());
    assert_eq!(project.run("--silent --quiet b").all(), "── exit 0");
    assert_snapshot!(project.run("--display prefix -q b").all(), @"
    ── stdout
          a │ a
          b │ b
    ── stderr
          b │ c
    ── exit 0
    ");
}

#[test]
fn several_at_a_time_are_told_apart_by_their_names() {
    let project = Project::new("tasks: {a: {bash: 'echo from a'}, b: {bash: 'echo from b'}}");
    let ran = project.run("-j2 a b");
    let mut lines: Vec<&str> = ran.ok().lines().map(str::trim_start).collect();
    lines.sort_unstable();
    assert_eq!(lines, ["a │ from a", "b │ from b"]);
}

#[test]
fn json_is_valid_lines_on_stdout_and_nothing_else() {
    let project = Project::new(
        "otto: {jobs: 1}\ntasks: {a: {bash: 'printf \"\\\"q\\\" \\xff\\e[31m\\n\"; echo err >&2; OUTPUT[k]=v'}, b: {before: [a], bash: exit 3}, c: {before: [b], bash: x}}",
    );
    for words in ["--json c", "c --json"] {
        let ran = project.run(words);
        assert_eq!((ran.status, ran.stderr.as_str()), (3, ""), "otto {words}");
        let mut kinds: Vec<String> = Vec::new();
        for line in ran.stdout.lines() {
            let value: serde_json::Value = serde_json::from_str(line).expect(line);
            let kind = value["event"].as_str().expect("a kind");
            let task = value["task"].as_str().map(|task| format!(" {task}")).unwrap_or_default();
            kinds.push(format!("{kind}{task}"));
        }
        kinds.retain(|kind| kind != "output a");
        assert_eq!(
            kinds.join(", "),
            "run_started, attempt_started a, attempt_ended a, task_settled a, attempt_started b, attempt_ended b, \
             task_settled b, task_settled c, run_ended"
        );
    }
}

#[test]
fn colours_follow_the_flag_then_the_variables() {
    let colours = |variables: &[(&str, &str)], words: &str| {
        let project = Project::new(TALK);
        let project = variables.iter().fold(project, |project, (name, value)| project.with(name, value));
        project.run(words).stderr.contains('\x1b')
    };
    assert!(!colours(&[], "two"));
    assert!(colours(&[], "--color always two"));
    assert!(colours(&[], "two --color=always"));
    assert!(colours(&[("NO_COLOR", "1")], "--color always two"));
    assert!(colours(&[("CLICOLOR_FORCE", "1")], "two"));
    assert!(colours(&[("FORCE_COLOR", "1"), ("NO_COLOR", "")], "two"));
    assert!(!colours(&[("FORCE_COLOR", "1"), ("NO_COLOR", "1")], "two"));
    assert!(!colours(&[("FORCE_COLOR", "1")], "--color never two"));
}

#[test]
fn control_characters_are_kept_from_the_terminal_but_not_from_the_log() {
    let project =
        Project::new("tasks: {t: {bash: 'printf \"a\\033]0;title\\007b\\033[31mred\\033[0m\\033[2Jc\\n\"'}}");
    assert_eq!(
        project.run("--display prefix t").ok(),
        "      t │ a\\x1b]0;title\\x07b\u{1b}[31mred\u{1b}[0m\\x1b[2Jc\n"
    );
    let log = std::fs::read_to_string(project.task("t").join("stdout.log")).expect("a log");
    assert_eq!(log, "a\u{1b}]0;title\u{7}b\u{1b}[31mred\u{1b}[0m\u{1b}[2Jc\n");
}

#[test]
fn a_dry_run_shows_the_plan_and_starts_nothing() {
    let project = Project::new(
        "tasks:
  a: {params: {--mode: {default: fast}}, bash: touch RAN}
  e: {before: [a], foreach: {items: [x, y]}, bash: touch RAN}
  s: {streaming: true, bash: touch RAN}
  r: {before: [s, e], bash: touch RAN}
",
    );
    assert_snapshot!(project.run("--dry-run r").all(), @"
    ── stdout
      1  s  (otto.yml:4)
      2  a  mode=fast  (otto.yml:2)
      3  e:x  after a  (otto.yml:3)
      4  e:y  after a  (otto.yml:3)
      5  r  after s, e  (otto.yml:5)
    ── stderr
    dry run: 5 tasks would run; nothing was started
    ── exit 0
    ");
    project.run("r -n").ok();
    assert_eq!(project.read("RAN"), "-");
    assert!(!project.task_home().exists());
}

#[test]
fn a_verbose_dry_run_shows_scripts_and_variables_as_they_are_written() {
    let project = Project::new(
        "otto: {include: [{path: in, envs: {LEVEL: entry}}], envs: {LEVEL: root, NOW: '$(touch RAN)'}}
tasks:
  group: {needs: [in/t]}
",
    );
    project.write(
        "in/otto.yml",
        "otto: {envs: {KEY: {value: abcdef, secret: true}}}
tasks:
  t:
    envs: {NOW: later}
    bash: |
      touch RAN
        echo $NOW
",
    );
    assert_snapshot!(project.run("-n -v group").all(), @"
    ── stdout
      1  in/t  (in/otto.yml:3)
         LEVEL=entry
         KEY=***
         NOW=later
         │ touch RAN
         │   echo $NOW
    ── stderr
    dry run: 1 task would run; nothing was started
    ── exit 0
    ");
    assert_snapshot!(project.run("in/t group --script").all(), @"
    ── stdout
    touch RAN
      echo $NOW
    ── stderr
    `group` has no script of its own
    ── exit 0
    ");
    assert_eq!(project.run("--script in/t").ok(), "touch RAN\n  echo $NOW\n");
    assert!(!project.path("RAN").exists() && !project.path("in/RAN").exists());
}

#[test]
fn a_dry_run_as_json_is_json_and_nothing_else() {
    let project = Project::new(
        "tasks: {a: {params: {--x: {default: d}, --password: {}}, bash: x}, b: {before: [a, c], bash: x}, c: {foreach: {command: ls}, bash: x}}",
    );
    assert_snapshot!(project.run("b a --x 1 --password hush -n --json").ok(), @r#"
    {
      "tasks": [
        {
          "file": "otto.yml",
          "is_expanded": true,
          "line": 1,
          "name": "a",
          "needs": [],
          "params": {
            "password": "***",
            "x": "1"
          },
          "task": "a",
          "words": {}
        },
        {
          "file": "otto.yml",
          "is_expanded": false,
          "line": 1,
          "name": "c",
          "needs": [],
          "params": {},
          "task": "c",
          "words": {}
        },
        {
          "file": "otto.yml",
          "is_expanded": true,
          "line": 1,
          "name": "b",
          "needs": [
            {
              "stream": false,
              "task": "a"
            },
            {
              "stream": false,
              "task": "c"
            }
          ],
          "params": {},
          "task": "b",
          "words": {}
        }
      ]
    }
    "#);
    assert_eq!(project.run("--json --dry-run b").stderr, "");
}

#[cfg(target_os = "linux")]
#[test]
fn an_answer_that_cannot_be_written_is_an_error_and_a_run_is_none() {
    let project = Project::new("tasks: {t: {bash: 'echo x; OUTPUT[a]=1'}}\n");
    let ran = project.shell("otto t > /dev/full");
    assert_eq!(
        (ran.status, ran.stderr.lines().next()),
        (0, Some("warning: cannot write to stdout: no space left on device; the task logs are complete"))
    );
    for words in [
        "List",
        "History --json",
        "Data t.a",
        "Logs latest t",
        "Show",
        "Graph",
        "--help",
        "--version",
        "-n t",
    ] {
        let ran = project.shell(&format!("otto {words} > /dev/full"));
        assert_eq!(ran.status, 75, "{words}: {}", ran.all());
        let last = ran.stderr.lines().last();
        assert_eq!(last, Some("error: cannot write to stdout: no space left on device"), "{words}");
        let ran = project.shell(&format!("otto {words} | true; echo ${{PIPESTATUS[0]}}"));
        assert_eq!(ran.stdout, "0\n", "{words}: {}", ran.all());
    }
}

#[test]
fn a_closed_stdout_ends_quietly() {
    let project =
        Project::new("tasks: {t: {bash: 'for i in {1..20000}; do echo line $i of many; done; touch ended'}}");
    for mode in ["stream", "prefix", "group"] {
        let ran = project.shell(&format!("otto --display {mode} t | head -1; exit ${{PIPESTATUS[0]}}"));
        assert_eq!(ran.stdout.lines().count(), 1, "{mode}");
        assert!(!ran.stderr.contains("panic") && !ran.stderr.contains("roken pipe"), "{mode}: {}", ran.all());
        assert!([0, 141].contains(&ran.status), "{mode}: {}", ran.all());
    }
    for words in
        ["List", "--help", "Schema", "Man", "Completions bash", "--json t", "History", "Graph", "t --help"]
    {
        let ran = project.shell(&format!("otto {words} | head -c1 > /dev/null"));
        assert!(
            !ran.stderr.contains("panic") && !ran.stderr.contains("roken pipe"),
            "{words}: {}",
            ran.all()
        );
        let ran = project.shell(&format!("otto {words} >&-"));
        assert!(!ran.stderr.contains("panic"), "{words}: {}", ran.all());
    }
    assert!(!project.shell("otto t 2>&-").stderr.contains("panic"));
}

#[test]
fn what_is_piped_into_otto_is_for_its_task() {
    let project = Project::new("tasks: {t: {bash: 'cat'}}");
    assert_eq!(project.feed("t", "hello\n").ok(), "hello\n");
    assert_eq!(project.run("t").ok(), "");
}

#[test]
fn otto_runs_within_otto() {
    let project = Project::new(
        "tasks: {outer: {bash: 'otto inner; OUTPUT[a]=1'}, inner: {bash: 'echo inner $OTTO_TASK; OUTPUT[b]=2; exit 0'}, bad: {bash: 'otto five'}, five: {bash: exit 5}}",
    );
    let ran = project.run("outer");
    assert_eq!(
        (ran.ok(), ran.outcomes().as_str()),
        ("inner inner\n", "inner: ok, outer: ok"),
        "{}",
        ran.all()
    );
    assert_eq!(project.run("bad").status, 5);
}

#[test]
fn github_actions_get_groups_and_annotations() {
    let project = Project::new(
        "otto: {jobs: 1}
tasks:
  good: {bash: echo good}
  bad: {bash: 'echo why; exit 3'}
",
    )
    .with("GITHUB_ACTIONS", "true");
    assert_snapshot!(project.run("good bad").all(), @"
    ── stdout
    ::group::ok  good     TIME
    good
    ::endgroup::
    why
    ── stderr
    otto · run RUN · 2 tasks
    ── bad
       FAIL  bad      TIME  exit 3

    FAIL bad · exit 3 · TIME · otto.yml:4
      │ why
      1 line · full log: otto Logs RUN bad

    2 tasks in TIME: 1 ok, 1 failed
    rerun failed:  otto Rerun RUN
    ::error file=/you/project/otto.yml,line=4,title=bad::FAIL bad · exit 3 · TIME · otto.yml:4%0Awhy
    ── exit 3
    ");
}

#[test]
fn a_path_with_blanks_and_quotes_is_a_path_like_others() {
    let project = Project::empty("it's \"a\" $(touch RAN) `b` dir ü");
    project.write(
        "otto.yml",
        "otto: {envs: {A: '$(pwd)'}}\ntasks: {a: {bash: 'OUTPUT[v]=1; pwd'}, b: {before: [a], input: ['s*'], output: [o], bash: 'touch o; echo ${INPUT[a.v]} \"$A\"'}, p: {before: [a], python: 'print(INPUT[\"a.v\"])'}}",
    );
    project.write("src", "");
    let here = "/you/it's \"a\" $(touch RAN) `b` dir ü";
    assert_eq!(project.run("-j1 b").ok(), format!("{here}\n1 {here}\n"));
    assert_eq!(project.run("-j1 b").outcomes(), "a: ok, b: fresh");
    assert_eq!(project.run("-j1 p").ok(), format!("{here}\n1\n"));
    assert_eq!(project.read("RAN"), "-");
}

#[test]
fn a_relative_home_is_relative_to_where_otto_was_called() {
    let project = Project::new("tasks: {a: {bash: 'OUTPUT[v]=1; cd /; ls \"$OTTO_TASK_DIR\" > /dev/null'}, b: {before: [a], dir: sub, bash: 'echo ${INPUT[a.v]}'}}")
        .with("OTTO_HOME", "state");
    project.write("sub/file", "");
    assert_eq!(project.run("-j1 b").ok(), "1\n");
    assert!(project.path("state").exists());
    assert_eq!(project.run("History").status, 0);
}

/// Runs a line with a terminal of its own as stdin, stdout and stderr; answers all that was shown.
pub(crate) fn in_terminal(project: &Project, words: &[&str]) -> String {
    let (status, shown) = typed_in_terminal(project, words, &[]);
    assert!(status.success(), "{shown}");
    shown
}

/// The same, and types each of `keys` as soon as the text before it is shown.
pub(crate) fn typed_in_terminal(
    project: &Project,
    words: &[&str],
    keys: &[(&str, &str)],
) -> (ExitStatus, String) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&ours).expect("granted");
    unlockpt(&ours).expect("unlocked");
    let name = ptsname(&ours, Vec::new()).expect("a name").into_string().expect("a path");
    let open = || {
        let file = File::options().read(true).write(true).open(&name).expect("the other side");
        Stdio::from(OwnedFd::from(file))
    };
    let mut command = project.command("setsid");
    command.args(["-c", env!("CARGO_BIN_EXE_otto")]).args(words).env("TERM", "xterm");
    let mut child = command.stdin(open()).stdout(open()).stderr(open()).spawn().expect("setsid starts");
    // It held the other side open.
    drop(command);
    let mut shown = Vec::new();
    let mut ours = File::from(ours);
    let mut buffer = [0; 4096];
    // The end of the other side shows as an error.
    let (mut keys, mut seen) = (keys.iter(), 0);
    let mut next = keys.next();
    while let Ok(count @ 1..) = ours.read(&mut buffer) {
        shown.extend_from_slice(&buffer[..count]);
        while let Some((text, typed)) = next
            && let Some(place) = String::from_utf8_lossy(&shown[seen..]).find(text)
        {
            seen += place + text.len();
            ours.write_all(typed.as_bytes()).expect("to type");
            next = keys.next();
        }
    }
    let status = child.wait().expect("it ends");
    (status, String::from_utf8_lossy(&shown).replace("\r\n", "\n"))
}

#[test]
fn a_tty_task_gets_the_terminal_and_others_do_not() {
    let project = Project::new(
        "tasks:
  alone: {tty: true, bash: '[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo has a terminal > said; : < /dev/tty'}
  other: {bash: 'if [ -t 0 ] || [ -t 1 ]; then echo terminal; else echo none; fi > said'}
  asks: {bash: '{ read -r x < /dev/tty; } 2>/dev/null && echo asked > said || echo nobody to ask > said'}
  each: {tty: true, foreach: {items: [a, b]}, bash: '[ -t 0 ] && echo $item >> each'}
",
    );
    in_terminal(&project, &["alone"]);
    assert_eq!(project.read("said"), "has a terminal\n");
    in_terminal(&project, &["other"]);
    assert_eq!(project.read("said"), "none\n");
    // Nobody can be asked for a passphrase behind otto's back: it is an error, not a task that waits for ever.
    in_terminal(&project, &["asks"]);
    assert_eq!(project.read("said"), "nobody to ask\n");
    in_terminal(&project, &["each"]);
    let mut items: Vec<String> = project.read("each").lines().map(ToOwned::to_owned).collect();
    items.sort();
    assert_eq!(items, ["a", "b"]);
}

#[test]
fn the_log_of_a_tty_task_says_why_it_is_empty() {
    let project = Project::new("tasks: {t: {tty: true, bash: echo shown}}");
    in_terminal(&project, &["t"]);
    assert_eq!(project.run("Logs t").stderr, "otto: tty task, output not captured\n");
}

#[test]
fn the_progress_line_is_cleared_before_anything_else() {
    let project = Project::new("tasks: {a: {bash: sleep 0.5; echo done}, b: {bash: sleep 0.6}}");
    let shown = in_terminal(&project, &["-j2", "a", "b"]);
    let drawn: Vec<&str> = shown.split("\r").filter(|part| part.contains("[0/2]")).collect();
    assert!(!drawn.is_empty(), "{shown:?}");
    for line in drawn {
        assert!(line.ends_with("\x1b[K"), "{line:?} in {shown:?}");
    }
    assert!(shown.contains("\r\x1b[K"), "{shown:?}");
    assert!(!in_terminal(&project, &["-q", "a", "b"]).contains("[0/2]"));
    assert!(!project.run("a b").stderr.contains("[0/2]"));
}

#[test]
fn the_end_of_a_failed_task_is_as_long_as_it_is_asked_for() {
    let project = Project::new("tasks: {a: {bash: 'seq 30; exit 3'}, b: {bash: 'true'}}");
    let tail = |words: &str| {
        let ran = project.run(words);
        assert_eq!(ran.status, 3, "{}", ran.all());
        let lines = ran.stderr.lines().filter(|line| line.starts_with("  │ ") || line.starts_with("  last "));
        lines.map(str::trim).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(tail("--tail 2 a b"), "│ 29; │ 30; last 2 of 30 lines · full log: otto Logs RUN a");
    assert_eq!(tail("a --tail=1 b"), "│ 30; last 1 of 30 lines · full log: otto Logs RUN a");
    assert_eq!(tail("-q --tail 2 a b"), "│ 29; │ 30; last 2 of 30 lines · full log: otto Logs RUN a");
    assert_eq!(tail("a b").matches('│').count(), 20);
    assert!(project.run("--tail many a").refused().contains("--tail"));
}

#[test]
fn buffered_jobs_are_blocks_in_the_order_of_the_items() {
    let project = Project::new(
        "tasks:
  t:
    foreach: {items: [a, b, c], buffer: true, jobs: all}
    bash: |
      echo $item begins
      if [ $item = a ]; then until [ -e last ]; do sleep 0.01; done; fi
      echo $item ends
      if [ $item = c ]; then touch last; fi
",
    );
    let blocks = "    t:a │ a begins\n    t:a │ a ends\n    t:b │ b begins\n    t:b │ b ends\n    t:c │ c begins\n    t:c │ c ends\n";
    assert_eq!(project.run("-j2 t").ok(), blocks);
}

#[test]
fn what_has_the_terminal_cannot_be_one_of_several() {
    for foreach in ["{items: [a], jobs: 2}", "{items: [a], jobs: all}", "{items: [a], buffer: true}"] {
        let project = Project::new(&format!("tasks: {{t: {{tty: true, foreach: {foreach}, bash: x}}}}"));
        assert!(project.run("t").refused().starts_with("error[E0112]: task `t` has `tty`, but"), "{foreach}");
    }
}

#[test]
fn tasks_are_told_of_a_colour_terminal() {
    let project = Project::new("tasks: {t: {bash: 'echo \"${FORCE_COLOR-}${CLICOLOR_FORCE-}\" > said'}}");
    in_terminal(&project, &["t"]);
    assert_eq!(project.read("said"), "11\n");
    in_terminal(&project.with("NO_COLOR", "1"), &["t"]);
}

/// What a terminal is told when the whole of it is taken, and when it is given back.
const TAKEN: &str = "\x1b[?1049h";
const GIVEN_BACK: &str = "\x1b[?1049l";

/// What was shown on the whole screen, and what after it was given back.
fn on_and_after_the_screen(shown: &str) -> (&str, &str) {
    let (before, rest) = shown.split_once(TAKEN).unwrap_or_else(|| panic!("never taken: {shown:?}"));
    let (on, after) = rest.split_once(GIVEN_BACK).unwrap_or_else(|| panic!("never given back: {shown:?}"));
    assert!(before.is_empty() && !after.contains(TAKEN), "{shown:?}");
    (on, after)
}

#[test]
fn a_run_on_the_whole_screen_is_told_when_the_screen_is_given_back() {
    let project =
        Project::new("tasks: {a: {bash: 'echo hello; sleep 0.5; OUTPUT[k]=1'}, b: {bash: sleep 0.6}}");
    let shown = in_terminal(&project, &["--tui", "--color", "never", "-j2", "a", "b"]);
    let (on, after) = on_and_after_the_screen(&shown);
    assert!(on.contains("hello") && on.contains("▸"), "{on:?}");
    let ends: Vec<&str> = after.lines().filter(|line| line.starts_with("     ok")).collect();
    assert!(ends.len() == 2 && ends[0].ends_with("set k"), "{after:?}");
    assert!(after.contains("2 ok in") && !after.contains("hello"), "{after:?}");
}

#[test]
fn keys_leave_the_whole_screen_and_stop_a_run() {
    let project =
        Project::new("tasks: {a: {bash: 'echo one; while [ ! -e go ]; do sleep 0.01; done; echo two'}}");
    let (ended, shown) = typed_in_terminal(&project, &["--tui", "--color", "never", "a"], &[("one", "\x03")]);
    let (_, after) = on_and_after_the_screen(&shown);
    assert_eq!(ended.signal(), Some(2), "{shown:?}");
    assert!(after.contains("INT  a") && after.contains("SIGINT"), "{after:?}");

    // Left alone, the console has the rest of the run; and a run that somebody looks at stays until they leave.
    let project = Project::new(
        "tasks: {a: {bash: 'echo one; while [ ! -e go ]; do sleep 0.01; done; echo two'}, b: {bash: 'sleep 0.3; touch go'}}",
    );
    let (ended, shown) =
        typed_in_terminal(&project, &["--tui", "--color", "never", "a", "b"], &[("one", "q")]);
    assert!(ended.success(), "{shown:?}");
    assert!(on_and_after_the_screen(&shown).1.contains("│ two"), "{shown:?}");
    let (ended, shown) = typed_in_terminal(
        &project,
        &["--tui", "--color", "never", "a", "b"],
        &[("one", "j"), ("2 ok", "\r")],
    );
    assert!(ended.success(), "{shown:?}");
    assert!(!on_and_after_the_screen(&shown).1.contains("│ two"), "{shown:?}");
}

#[test]
fn the_whole_screen_is_given_back_after_a_violent_death() {
    let project = Project::new("tasks: {a: {bash: 'echo one; sleep 0.3; kill -9 $PPID; sleep 5'}}");
    let (ended, shown) = typed_in_terminal(&project, &["--tui", "a"], &[]);
    assert_eq!(ended.signal(), Some(9), "{shown:?}");
    assert_eq!(on_and_after_the_screen(&shown).1, "");
}

#[test]
fn the_run_goes_on_without_the_whole_screen_where_there_is_none_or_a_task_needs_it() {
    let project = Project::new("tasks: {t: {tty: true, bash: 'echo ran'}, u: {before: [t]}}");
    assert_snapshot!(project.run("-t u").all(), @"
    ── stdout
    ran
    ── stderr
    warning[E0006]: `--tui` needs a full-screen terminal, but stdout is not a terminal
      = note: showing the run as without `--tui`
         ok  t     TIME
    ── exit 0
    ");
    let (ended, shown) = typed_in_terminal(&project, &["--tui", "--color", "never", "u"], &[]);
    assert_eq!(ended.code(), Some(0));
    assert_snapshot!(project.neutral(shown.as_bytes()), @"
    warning[E0006]: `--tui` and task `t` both need the terminal
      ╭▸ otto.yml:1:9
    1 │ tasks: {t: {tty: true, bash: 'echo ran'}, u: {before: [t]}}
      ╰╴        ━ this task has `tty: true`
      = note: showing the run as without `--tui`
    ran
         ok  t     TIME
    ");
}

#[test]
fn a_warning_of_a_body_is_said_once_per_task() {
    let project = Project::new(
        "otto: {jobs: 1}
tasks:
  t: {foreach: {items: [x, y, z]}, bash: 'echo a | while read -r l; do OUTPUT[k]=$l; done'}
",
    );
    assert_snapshot!(project.run("t").all(), @"
    ── stderr
    warning[E0706]: `OUTPUT[k]` is set in a pipeline in task `t`: the value will be lost
      ╭▸ otto.yml:3:72
    3 │ …ad -r l; do OUTPUT[k]=$l; done'}
      ╰╴             ━━━━━━━━━━━━ bash runs this in a copy of the shell
    help: use `otto.set k VALUE`, which works everywhere, or `while …; done < <(command)` instead of the pipe
    otto · run RUN · 3 tasks
         ok  t:x     TIME
         ok  t:y     TIME
         ok  t:z     TIME
    3 ok in TIME
    ── exit 0
    ");
}

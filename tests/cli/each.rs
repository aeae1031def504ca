//! Tasks that are done for each of many items.

use crate::Project;
use insta::assert_snapshot;

fn each(foreach: &str) -> Project {
    Project::new(&format!(
        "otto: {{jobs: 1}}\ntasks: {{t: {{foreach: {{{foreach}}}, bash: 'echo $item $OTTO_FOREACH_ITEM $OTTO_FOREACH_INDEX'}}}}"
    ))
}

#[test]
fn items_come_from_a_list_a_range_a_command_or_files() {
    assert_eq!(each("items: [b, a, 007]").run("t").ok(), "b b 0\na a 1\n007 007 2\n");
    assert_eq!(each("range: 9..11").run("t").ok(), "9 9 0\n10 10 1\n11 11 2\n");
    assert_eq!(each("range: 1-2").run("t").ok(), "1 1 0\n2 2 1\n");
    assert_eq!(each("command: 'echo x; echo y z'").run("t").ok(), "x x 0\ny z y z 1\n");
    let project = each("glob: 'src/*.txt'");
    project.write("src/b.txt", "");
    project.write("src/a.txt", "");
    assert_eq!(project.run("t").ok(), "src/a.txt src/a.txt 0\nsrc/b.txt src/b.txt 1\n");
    assert_eq!(project.run("t:b.txt").ok(), "src/b.txt src/b.txt 1\n");
}

#[test]
fn names_of_a_range_are_padded_and_values_are_not() {
    let project = each("range: 9..10");
    assert_eq!(project.run("t:09").ok(), "9 9 0\n");
    assert_snapshot!(project.run("--list-subtasks").all(), @"
    ── stdout
    t (2 items):
      t:09
      t:10
    ── exit 0
    ");
    project.run("t:9x").refused();
}

#[test]
fn a_job_may_be_asked_for_alone_and_depended_upon() {
    let project = Project::new(
        "otto: {jobs: 1}\ntasks: {t: {foreach: {items: [a, b], as: svc}, bash: 'echo $svc'}, one: {before: ['t:b'], bash: echo one}, \
         all: {before: [t], bash: echo all}}",
    );
    assert_eq!(project.run("t:a").ok(), "a\n");
    assert_eq!(project.run("one").ok(), "b\none\n");
    assert_eq!(project.run("all").ok(), "a\nb\nall\n");
    assert_snapshot!(project.run("t:c").all(), @"
    ── stderr
    error[E0304]: `t:c` does not exist: the foreach of `t` has no item `c`
      ╭▸ command line:1:6
    1 │ otto t:c
      ╰╴     ━━━ unknown item
      = note: it has a, b
    otto: 1 error. For details: `otto Explain E0304`
    ── exit 2
    ");
}

#[test]
fn values_go_to_all_jobs() {
    let project = Project::new(
        "otto: {jobs: 1}\ntasks: {t: {params: {-m: {default: d}}, foreach: {items: [a, b]}, bash: 'echo $item $m'}, top: {before: [t], params: {-m: {default: x}}, bash: 'true'}}",
    );
    assert_eq!(project.run("t -m v").ok(), "a v\nb v\n");
    assert_eq!(project.run("t:a -m v t:b").ok(), "a v\nb d\n");
    assert_eq!(project.run("top -m v").ok(), "a v\nb v\n");
}

#[test]
fn no_items_are_a_success_with_a_notice() {
    assert_snapshot!(each("items: []").run("t").all(), @"
    ── stderr
    nothing to run
    ── exit 0
    ");
    assert_snapshot!(each("glob: '*.none'").run("t").all(), @"
    ── stderr
    note: t has no items: nothing matches `*.none`
    nothing to run
    ── exit 0
    ");
    assert_snapshot!(each("command: 'true'").run("t").all(), @"
    ── stderr
    note: t has no items: its command printed nothing
    nothing to run
    ── exit 0
    ");
}

#[test]
fn one_item_is_one_job() {
    assert_snapshot!(each("items: [only]").run("t").all(), @"
    ── stdout
    only only 0
    ── stderr
         ok  t:only     TIME
    ── exit 0
    ");
}

#[test]
fn wrong_items_are_refused() {
    for foreach in [
        "items: [a, a]",
        "items: [a], range: 1..2",
        "as: x",
        "range: 5..1",
        "range: many",
        "range: 1..2000",
        "range: 1..99999999999999999999",
        "items: [a, b, c], max_items: 2",
        "items: [a], as: '1x'",
        "items: [a], jobs: 0",
        "items: [a], parallell: false",
        "command: exit 3",
    ] {
        each(foreach).run("t").refused();
    }
}

#[test]
fn serial_jobs_run_one_at_a_time_and_stop_at_a_failure() {
    let project = Project::new(
        "tasks: {t: {foreach: {items: [a, b, c, d], parallel: false}, bash: 'mkdir alone; sleep 0.02; rmdir alone; echo $item; [ $item != c ] || exit 4'}}",
    );
    let ran = project.run("-j4 t");
    assert_eq!(
        (ran.status, ran.outcomes().as_str()),
        (4, "t:a: ok, t:b: ok, t:c: FAIL, t:d: skip"),
        "{}",
        ran.all()
    );
    assert!(project.run("-j4 t:d").ok().ends_with("d\n"));
}

#[test]
fn a_word_makes_jobs_serial() {
    let project = Project::new(
        "tasks: {t: {foreach: {items: [a, b, c, d]}, bash: 'mkdir alone; sleep 0.05; rmdir alone'}, plain: {bash: x}}",
    );
    project.run("-j4 t --Serial").ok();
    project.run("plain --Serial").refused();
    assert!(project.run("t --help").ok().contains("--Serial"));
}

#[test]
fn jobs_all_runs_all_at_once() {
    // Each waits for the others; two slots would never let them meet.
    let body = "touch $item; while [ ! -e a ] || [ ! -e b ] || [ ! -e c ] || [ ! -e d ]; do sleep 0.02; done";
    let project = Project::new(&format!(
        "tasks: {{t: {{timeout: 30s, foreach: {{items: [a, b, c, d], jobs: all}}, bash: '{body}'}}}}"
    ));
    project.run("-j2 t").ok();
}

#[test]
fn foreach_jobs_limits_only_its_own() {
    let project = Project::new(
        "tasks: {t: {foreach: {items: [a, b, c], jobs: 1}, bash: 'mkdir alone; sleep 0.05; rmdir alone'}}",
    );
    project.run("-j4 t").ok();
}

#[test]
fn items_with_blanks_slashes_and_quotes_are_data() {
    let project = each("items: ['a b', \"it's\", 'x/y', '$(touch RAN)', '..']");
    let ran = project.run("t");
    assert_eq!(ran.ok(), "a b a b 0\nit's it's 1\nx/y x/y 2\n$(touch RAN) $(touch RAN) 3\n.. .. 4\n");
    assert_eq!(project.read("RAN"), "-");
    for name in ["t:a_b", "t:a b"] {
        assert_eq!(project.run_words(&[name]).ok(), "a b a b 0\n");
    }
}

#[test]
fn a_failed_job_fails_what_needs_the_task() {
    let project = Project::new(
        "otto: {jobs: 1}\ntasks: {t: {foreach: {items: [a, b, c]}, bash: '[ $item != b ] || exit 6'}, next: {before: [t], bash: echo next}}",
    );
    let ran = project.run("next");
    assert_eq!((ran.status, ran.stdout.as_str()), (6, ""));
    assert_snapshot!(ran.stderr, @"
    otto · run RUN · 4 tasks
         ok  t:a      TIME
       FAIL  t:b      TIME  exit 6
         ok  t:c      TIME
       skip  next           needs t

    FAIL t:b · exit 6 · TIME · otto.yml:2
      no output · full log: otto Logs RUN t:b

    4 tasks in TIME: 2 ok, 1 failed, 1 skipped
    rerun failed and skipped:  otto Rerun RUN
    ");
}

/// One mistake is one error: what names the jobs of a foreach that is wrong is not wrong for that.
#[test]
fn a_foreach_that_is_wrong_is_the_only_error() {
    for wrong in [
        "{items: a}",
        "{item: [a]}",
        "[a]",
        "{range: a..b}",
        "{range: 3..1}",
        "{command: [x]}",
        "{from: list}",
        "{matrix: [a]}",
        "{matrix: {}}",
        "{items: [a], range: 1..2}",
        "{matrix: a, exclude: [{on: a}]}",
    ] {
        let project = Project::new(&format!(
            "tasks:\n  list: {{bash: otto.set --list n a b}}\n  u: {{foreach: {wrong}, bash: ':'}}\n  \
             v: {{foreach: {{each: u}}, bash: ':'}}\n  w: {{needs: ['u:a', u], bash: 'echo ${{INPUT[u:a.k]}}'}}\n"
        ));
        let told = project.run("Check").stderr;
        let errors: Vec<&str> = told.lines().filter(|line| line.starts_with("error")).collect();
        let is_of_it = |line: &&str| line.contains("task `u`");
        assert!(!errors.is_empty() && errors.iter().all(is_of_it), "{wrong}: {told}");
    }
}

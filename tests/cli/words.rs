//! How the command line is taken apart; what is refused before anything runs.

use crate::Project;
use insta::assert_snapshot;

const FILE: &str = "
otto: {jobs: 1}
tasks:
  build: {params: {-m|--msg: {default: none}, -v|--verbose: {default: false}}, bash: 'echo build $msg $verbose'}
  test: {params: {-n|--num: {default: 3}, what: {default: all}}, bash: 'echo test $num $what'}
  lint: {bash: echo lint}
  sum: {params: {a: {type: int}, b: {type: float, default: 0}}, bash: 'echo $a $b'}
";

#[test]
fn each_task_takes_its_own_words() {
    let project = Project::new(FILE);
    let ran = project.run("build -m hi -v test -n 7 unit lint");
    assert_eq!(ran.ok(), "build hi true\ntest 7 unit\nlint\n");
    assert_eq!(project.run("build -vm hi").ok(), "build hi true\n");
    assert_eq!(project.run("build -mhi test -n=4").ok(), "build hi false\ntest 4 all\n");
    assert_eq!(project.run("lint lint lint").ok(), "lint\n");
}

#[test]
fn options_of_otto_may_stand_between_tasks() {
    let project = Project::new(FILE);
    for words in ["-j 1 lint build", "lint -j 1 build", "lint build -j1", "lint --fail-fast build --jobs=1"] {
        assert_eq!(project.run(words).ok(), "lint\nbuild none false\n", "otto {words}");
    }
    // `-n` is the task's own where the task takes it.
    assert_eq!(project.run("test -n 5").ok(), "test 5 all\n");
    assert!(project.run("lint -n").stderr.contains("nothing was started"));
}

#[test]
fn an_option_that_chooses_the_ottofile_stands_before_the_tasks() {
    let project = Project::new(FILE);
    project.write("other.yml", FILE);
    assert_snapshot!(project.run("lint -o other.yml").all(), @"
    ── stderr
    error[E0005]: `-o` stands after a task, where the ottofile is already chosen
    help: `otto -o other.yml TASK`
    otto: 1 error. `otto Explain E0005` says more.
    ── exit 2
    ");
    project.run("lint -C / build").refused();
    assert_eq!(project.run("lint --version").ok(), project.run("--version").ok());
    assert_eq!(project.run("lint --list-subtasks").ok(), project.run("--list-subtasks").ok());
}

#[test]
fn a_word_that_a_param_waits_for_is_its_value() {
    let project = Project::new(FILE);
    assert_eq!(project.run("build --msg lint").ok(), "build lint false\n");
    assert_eq!(project.run("build --msg=lint").ok(), "build lint false\n");
    assert_eq!(project.run("test -- lint").ok(), "test 3 lint\n");
    assert_eq!(project.run("test -- --num").ok(), "test 3 --num\n");
    assert_eq!(project.run_words(&["build", "--msg", ""]).ok(), "build false\n");
}

#[test]
fn negative_numbers_are_values() {
    let project = Project::new(FILE);
    assert_eq!(project.run("sum -5 -2.5").ok(), "-5 -2.5\n");
    assert_eq!(project.run("test -n -1").ok(), "test -1 all\n");
    assert_eq!(project.run("test --num=-1 -- -x").ok(), "test -1 -x\n");
}

#[test]
fn bad_words_are_refused_and_nothing_runs() {
    let project = Project::new(FILE);
    for words in [
        "lint --bogus",
        "--bogus lint",
        "lint extra",
        "lint build --msg",
        "lint -j many",
        "-j 0 lint",
        "lint --display pretty",
        "lint --timeout soon",
        "--tail x lint",
        "--color sometimes lint",
        "lint List",
        "List lint",
        "lint sum 1.5",
        "lint build --verbose=maybe",
        "lint biuld",
        "nothing lint",
        "lint -o",
        "lint lint:one",
    ] {
        project.run(words).refused();
    }
    // Not even a run directory is left.
    assert!(!project.task_home().exists());
}

#[test]
fn a_word_that_is_not_understood_is_shown_with_what_is_near() {
    let project = Project::new(FILE);
    assert_snapshot!(project.run("biuld").all(), @"
    ── stderr
    error[E0003]: no task is called `biuld`
      ╭▸ command line:1:6
    1 │ otto biuld
      ╰╴     ━━━━━ not in otto.yml
    help: did you mean `build`?
    usage: otto [OPTIONS] [TASK [WORDS]]...
    otto: 1 error. `otto Explain E0003` says more.
    ── exit 2
    ");
    assert_snapshot!(project.run("build --mgs x").all(), @"
    ── stderr
    error[E0401]: `build` has no option `--mgs`
      ╭▸ command line:1:12
    1 │ otto build --mgs x
      ╰╴           ━━━━━ not declared in its `params`
    help: did you mean `--msg`?
    usage: otto build [OPTIONS]
    otto: 1 error. `otto Explain E0401` says more.
    ── exit 2
    ");
    assert_snapshot!(project.run("test one two").all(), @"
    ── stderr
    error[E0005]: `two` is neither a task nor an argument of `test`
      ╭▸ command line:1:15
    1 │ otto test one two
      ╰╴              ━━━ all its positional parameters have their value
    help: `otto test --help` shows what it takes
    usage: otto test [OPTIONS] [what]
    otto: 1 error. `otto Explain E0005` says more.
    ── exit 2
    ");
    assert_snapshot!(project.run("lint List").all(), @"
    ── stderr
    error[E0004]: `List` is a built-in and cannot run together with the task `lint`
      ╭▸ command line:1:11
    1 │ otto lint List
      ╰╴          ━━━━ a built-in stands alone
    help: run `otto List` by itself
    otto: 1 error. `otto Explain E0004` says more.
    ── exit 2
    ");
}

#[test]
fn many_mistakes_are_said_at_once() {
    let project = Project::new(FILE);
    assert_snapshot!(project.run("build --x --y test one two").all(), @"
    ── stderr
    error[E0401]: `build` has no option `--x`
      ╭▸ command line:1:12
    1 │ otto build --x --y test one two
      ╰╴           ━━━ not declared in its `params`
    help: it has `--msg`, `-m`, `--verbose`, `-v`
    error[E0401]: `build` has no option `--y`
      ╭▸ command line:1:16
    1 │ otto build --x --y test one two
      ╰╴               ━━━ not declared in its `params`
    help: it has `--msg`, `-m`, `--verbose`, `-v`
    error[E0005]: `two` is neither a task nor an argument of `test`
      ╭▸ command line:1:29
    1 │ otto build --x --y test one two
      ╰╴                            ━━━ all its positional parameters have their value
    help: `otto test --help` shows what it takes
    usage: otto build [OPTIONS]
    usage: otto test [OPTIONS] [what]
    otto: 3 errors. `otto Explain E0005` says more.
    ── exit 2
    ");
}

#[test]
fn a_word_that_is_no_utf8_is_refused_or_taken_but_never_a_panic() {
    let project = Project::new(FILE);
    let ran = project.shell("otto $'\\xff'");
    assert_eq!(ran.status, 2, "{}", ran.all());
    let ran = project.shell("otto build -m $'a\\xffb' | od -An -tx1");
    assert_eq!(ran.stdout, " 62 75 69 6c 64 20 61 ff 62 20 66 61 6c 73 65 0a\n");
}

#[test]
fn names_with_blanks_and_quotes_are_tasks_like_others() {
    let project = Project::new(
        "tasks: {\"a b\": {bash: echo A}, \"it's\": {before: ['a b'], bash: 'echo \"$OTTO_TASK\"'}}",
    );
    let ran = project.run_words(&["it's"]);
    assert_eq!(ran.ok(), "A\nit's\n");
    assert_eq!(ran.outcomes(), "a b: ok, it's: ok");
}

#[test]
fn a_very_long_name_is_refused_or_runs() {
    let name = "n".repeat(300);
    let project = Project::new(&format!("tasks: {{{name}: {{bash: echo ran}}}}"));
    let ran = project.run(&name);
    assert!(ran.status == 0 && ran.stdout == "ran\n" || ran.status == 2, "{}", ran.all());
}

#[test]
fn numbers_and_truths_are_names_as_they_are_spelled() {
    let project = Project::new(
        "otto: {jobs: 1}\ntasks: {2024: {bash: echo y}, true: {bash: echo t}, 1.50: {bash: echo f}}",
    );
    assert_eq!(project.run("2024 true 1.50").ok(), "y\nt\nf\n");
}

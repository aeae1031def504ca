//! What otto says about mistakes that the pages of the codes do not show: each code has many messages.

use crate::Project;
use insta::assert_snapshot;

const FILE: &str = "
tasks:
  build: {params: {--release: {default: false}, --pair: {nargs: 2}}, bash: 'true'}
  none: {params: {--x: {choices-command: 'true'}}, bash: 'true'}
  away: {dir: nowhere, bash: 'true'}
";

fn said(words: &str) -> String {
    Project::new(FILE).run(words).all()
}

#[test]
fn words_that_nobody_takes() {
    assert_snapshot!(said("help build none"), @"
    ── stderr
    error[E0005]: `help` takes only one task, but `none` was given too
      ╭▸ command line:1:17
    1 │ otto help build none
      ╰╴                ━━━━ unexpected
    otto: 1 error. For details: `otto Explain E0005`
    ── exit 2
    ");
    assert_snapshot!(said("-C otto.yml build"), @"
    ── stderr
    error[E0002]: cannot change to `/you/project/otto.yml`: it is not a directory
    otto: 1 error. For details: `otto Explain E0002`
    ── exit 2
    ");
    assert_snapshot!(said("--bogus build"), @"
    ── stderr
    error[E0001]: unknown option or argument `--bogus`
    help: `otto --help` shows all options
    usage: otto [OPTIONS] [TASK [ARGS]]...
    otto: 1 error. For details: `otto Explain E0001`
    ── exit 2
    ");
    assert_snapshot!(said("build -- more"), @"
    ── stderr
    error[E0005]: `build` takes no more arguments
      ╭▸ command line:1:15
    1 │ otto build -- more
      ╰╴              ━━━━ extra argument after `--`
    otto: 1 error. For details: `otto Explain E0005`
    ── exit 2
    ");
}

#[test]
fn values_that_an_option_does_not_take() {
    assert_snapshot!(said("build --release=maybe"), @"
    ── stderr
    error[E0405]: invalid value `maybe` for the flag `--release`
      ╭▸ command line:1:12
    1 │ otto build --release=maybe
      ╰╴           ━━━━━━━━━━━━━━━ flags are `true` or `false`
    otto: 1 error. For details: `otto Explain E0405`
    ── exit 2
    ");
    assert_snapshot!(said("build --pair one"), @"
    ── stderr
    error[E0402]: `--pair` of `build` needs 2 values
      ╭▸ command line:1:12
    1 │ otto build --pair one
      ╰╴           ━━━━━━ only 1 follow
    otto: 1 error. For details: `otto Explain E0402`
    ── exit 2
    ");
    assert_snapshot!(said("build --pair=one"), @"
    ── stderr
    error[E0402]: `--pair` of `build` needs 2 values
      ╭▸ command line:1:12
    1 │ otto build --pair=one
      ╰╴           ━━━━━━━━━━ only one follows the `=`
    help: write them after it, separated by spaces: `--pair …`
    otto: 1 error. For details: `otto Explain E0402`
    ── exit 2
    ");
    assert_snapshot!(Project::new(FILE).with("OTTO_DISPLAY", "loud").run("build").all(), @"
    ── stderr
    warning[E0002]: invalid value `loud` for the variable `OTTO_DISPLAY`
    help: expected auto, stream, prefix, group, quiet
         ok  build     TIME
    ── exit 0
    ");
}

#[test]
fn commands_that_do_not_give_what_is_asked_of_them() {
    assert_snapshot!(said("none --x 1"), @"
    ── stderr
    error[E0505]: the choices command of `--x` of `none` printed nothing
      ╭▸ otto.yml:4:42
    4 │   none: {params: {--x: {choices-command: 'true'}}, bash: 'true'}
      ╰╴                                         ━━━━━━ no choices
    otto.yml: 1 error. For details: `otto Explain E0505`
    ── exit 2
    ");
    let project = Project::new("otto: {envs: {A: $(printf 'a\\0b')}}\ntasks: {t: {bash: 'true'}}");
    assert_snapshot!(project.run("t").all(), @r"
    ── stderr
    warning[E0501]: the command in `A` printed a NUL byte, which variables cannot contain
      ╭▸ otto.yml:1:18
    1 │ otto: {envs: {A: $(printf 'a\0b')}}
      ╰╴                 ━━━━━━━━━━━━━━━━
      = note: tasks whose text does not mention `A` run without it
         ok  t     TIME
    ── exit 0
    ");
    let project = Project::new("otto: {envs-command: echo nothing}\ntasks: {t: {bash: 'true'}}");
    assert_snapshot!(project.run("t").all(), @"
    ── stderr
    error[E0505]: `envs-command` printed a line that is not `KEY=VALUE`
      ╭▸ otto.yml:1:22
    1 │ otto: {envs-command: echo nothing}
      ╰╴                     ━━━━━━━━━━━━ this command
      = note: the line is `nothing`
    otto.yml: 1 error. For details: `otto Explain E0505`
    ── exit 2
    ");
}

#[test]
fn files_and_folders_that_are_not_there() {
    assert_snapshot!(said("away"), @"
    ── stderr

    FAIL away · not started: the `dir` of `away` is not a directory: `/you/project/nowhere` · TIME · otto.yml:5
      no output · full log: otto Logs RUN away
    error[E0604]: the `dir` of `away` is not a directory: `/you/project/nowhere`

    rerun:  otto Rerun RUN
    ── exit 125
    ");
    assert_snapshot!(Project::new("tasks: {t: {dir: sub/$x, bash: 'true'}}").run("t").all(), @"
    ── stderr

    FAIL t · not started: the `dir` of `t` is not a directory: `/you/project/sub/$x` · TIME · otto.yml:1
      no output · full log: otto Logs RUN t
    error[E0604]: the `dir` of `t` is not a directory: `/you/project/sub/$x`
    help: `dir` cannot contain variables; use `cd` in the script instead

    rerun:  otto Rerun RUN
    ── exit 125
    ");
    assert_snapshot!(said("Graph --output nowhere/g.svg"), @"
    ── stderr
    error[E0203]: cannot write `/you/project/nowhere/g.svg`: no such file or directory
    ── exit 2
    ");
    assert_snapshot!(said("Convert nowhere"), @"
    ── stderr
    error[E0203]: cannot read `nowhere`: no such file or directory
    ── exit 2
    ");
}

#[test]
fn under_github_actions_a_mistake_is_shown_at_its_line() {
    let project =
        Project::new("tasks:\n  a: {bsh: x}\n  b: {before: [c, '100%']}\n").with("GITHUB_ACTIONS", "true");
    assert_snapshot!(project.run("Check").all(), @"
    ── stderr
    error[E0104]: unknown key `bsh` in task `a`
      ╭▸ otto.yml:2:7
    2 │   a: {bsh: x}
      ╰╴      ━━━ unknown key
    help: did you mean `bash`?
    error[E0301]: task `b` depends on an unknown task `c`
      ╭▸ otto.yml:3:16
    3 │   b: {before: [c, '100%']}
      ╰╴               ━ unknown task
    error[E0301]: task `b` depends on an unknown task `100%`
      ╭▸ otto.yml:3:19
    3 │   b: {before: [c, '100%']}
      ╰╴                  ━━━━━━ unknown task
    otto.yml: 3 errors. For details: `otto Explain E0301`
    ::error file=/you/project/otto.yml,line=2,title=E0104::unknown key `bsh` in task `a`
    ::error file=/you/project/otto.yml,line=3,title=E0301::task `b` depends on an unknown task `c`
    ::error file=/you/project/otto.yml,line=3,title=E0301::task `b` depends on an unknown task `100%25`
    ── exit 2
    ");
    // What is wrong with the command line has no line in a file.
    assert_snapshot!(Project::new(FILE).with("GITHUB_ACTIONS", "true").run("nope").all(), @"
    ── stderr
    error[E0003]: unknown task `nope`
      ╭▸ command line:1:6
    1 │ otto nope
      ╰╴     ━━━━ not in otto.yml
    help: did you mean `none`?
    usage: otto [OPTIONS] [TASK [ARGS]]...
    otto: 1 error. For details: `otto Explain E0003`
    ── exit 2
    ");
}

#[test]
fn a_foreach_task_without_items_is_told() {
    let file = "
tasks:
  files: {foreach: {glob: '*.nothing'}, bash: 'true'}
  lines: {foreach: {command: 'true'}, bash: 'true'}
  listed: {foreach: {items: []}, bash: 'true'}
  all: {before: [files, lines, listed], bash: echo done}
";
    assert_snapshot!(Project::new(file).run("all").all(), @"
    ── stdout
    done
    ── stderr
    note: files has no items: nothing matches `*.nothing`
    note: lines has no items: its command printed nothing
         ok  all     TIME
    ── exit 0
    ");
    assert_snapshot!(Project::new(file).run("-q files").all(), @"── exit 0");
}

#[test]
fn a_rerun_that_is_asked_for_what_is_not_there() {
    let project = Project::new("tasks: {t: {params: {--token: {}}, bash: exit 1}}");
    project.run("t --token x");
    assert_snapshot!(project.run("Rerun").all(), @"
    ── stderr
    error[E0806]: the value of `token` of `t` was not recorded because it looks like a secret
    help: supply it: `--param t.token=VALUE`
    otto: 1 error. For details: `otto Explain E0806`
    ── exit 2
    ");
    assert_snapshot!(project.run("Rerun --param t.nope=1").all(), @"
    ── stderr
    error[E0806]: the value of `token` of `t` was not recorded because it looks like a secret
    help: supply it: `--param t.token=VALUE`
    error[E0401]: no task of the run has a parameter `t.nope`
    otto: 2 errors. For details: `otto Explain E0401`
    ── exit 2
    ");
    assert_snapshot!(project.run("Rerun --param nope").all(), @"
    ── stderr
    error[E0002]: invalid value `nope` for `--param`
    help: write `--param NAME=VALUE`
    otto: 1 error. For details: `otto Explain E0002`
    ── exit 2
    ");
}

//! Each diagnostic about ottofiles, with the smallest file that raises it.

use super::{check, check_task, check_with_summary};
use insta::assert_snapshot;

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    assert_snapshot!(check_with_summary(r"tasks:
  build:
    bash: make
  test:
    help: run the tests
    retry: 2
    before: [biuld, lint]
  lint:
    bsh: ruff check
"), @"
    error[E0104]: unknown key `retry` in task `test`
      ╭▸ otto.yml:6:5
    6 │     retry: 2
      ╰╴    ━━━━━ unknown key
    help: in otto this is `retries`: the number of retries
    error[E0301]: task `test` depends on an unknown task `biuld`
      ╭▸ otto.yml:7:14
    2 │   build:
      │   ───── a task with a similar name is defined here
      ┆
    7 │     before: [biuld, lint]
      ╰╴             ━━━━━ unknown task
    help: did you mean `build`?
    error[E0104]: unknown key `bsh` in task `lint`
      ╭▸ otto.yml:9:5
    9 │     bsh: ruff check
      ╰╴    ━━━ unknown key
    help: did you mean `bash`?
    otto.yml: 3 errors. For details: `otto Explain E0104`
    ");
}

#[test]
fn another_version_of_the_form_is_told_before_anything_else() {
    assert_snapshot!(check(r"otto: {api: 2, frobnicate: yes}
tasks: {a: {bsh: x}}
"), @"
    error[E0108]: this ottofile uses format version `2`
      ╭▸ otto.yml:1:13
    1 │ otto: {api: 2, frobnicate: yes}
      ╰╴            ━ this otto reads only version `1`
    help: use a newer otto, or write `api: 1`
    ");
    assert_snapshot!(check(r"otto: {api: [1]}
"), @"
    error[E0108]: `otto.api` must be a format version, not a list
      ╭▸ otto.yml:1:13
    1 │ otto: {api: [1]}
      ╰╴            ━━━ this otto reads only version `1`
    help: use a newer otto, or write `api: 1`
    ");
}

#[test]
fn values_of_the_wrong_type_say_what_would_be_right() {
    assert_snapshot!(check_task("before: 7"), @"
    error[E0103]: `before` of task `a` must be a list of task names, not a number
      ╭▸ otto.yml:1:21
    1 │ tasks: {a: {before: 7}}
      ╰╴                    ━ this is a number
    help: write a list: `before: [NAME]`
    ");
    assert_snapshot!(check_task("before: build"), @"
    error[E0103]: `before` of task `a` must be a list of task names, not a string
      ╭▸ otto.yml:1:21
    1 │ tasks: {a: {before: build}}
      ╰╴                    ━━━━━ this is a string
    help: write a list: `before: [build]`
    ");
    assert_snapshot!(check_task(r#"after: "build, test""#), @r#"
    error[E0103]: `after` of task `a` must be a list of task names, not a string
      ╭▸ otto.yml:1:20
    1 │ tasks: {a: {after: "build, test"}}
      ╰╴                   ━━━━━━━━━━━━━ this is a string
    help: write a list: `after: [NAME]`
    "#);
    assert_snapshot!(check_task("before: [[b]]"), @"
    error[E0103]: each entry of `before` of task `a` must be a task name, not a list
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {before: [[b]]}}
      ╰╴                     ━━━ this is a list
    ");
    assert_snapshot!(check_task("before: [~]"), @"
    error[E0301]: task `a` depends on an unknown task `~`
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {before: [~]}}
      ╰╴                     ━ unknown task
    ");
    assert_snapshot!(check_task("bash: [1, 2]"), @"
    error[E0103]: `bash` of task `a` must be a string, not a list
      ╭▸ otto.yml:1:19
    1 │ tasks: {a: {bash: [1, 2]}}
      ╰╴                  ━━━━━━ this is a list
    help: write one block: `bash: |`, then the lines below it, indented
    ");
    assert_snapshot!(check_task("help: {a: b}"), @"
    error[E0103]: `help` of task `a` must be a string, not a map
      ╭▸ otto.yml:1:19
    1 │ tasks: {a: {help: {a: b}}}
      ╰╴                  ━━━━━━ this is a map
    help: write `help: STRING`
    ");
    assert_snapshot!(check_task("hidden: yes"), @"
    error[E0103]: `hidden` of task `a` must be `true` or `false`, not `yes`
      ╭▸ otto.yml:1:21
    1 │ tasks: {a: {hidden: yes}}
      ╰╴                    ━━━ neither `true` nor `false`
    help: write `true`
    ");
    assert_snapshot!(check_task("hidden: 0"), @"
    error[E0103]: `hidden` of task `a` must be `true` or `false`, not `0`
      ╭▸ otto.yml:1:21
    1 │ tasks: {a: {hidden: 0}}
      ╰╴                    ━ neither `true` nor `false`
    help: write `false`
    ");
    assert_snapshot!(check_task("hidden: maybe"), @"
    error[E0103]: `hidden` of task `a` must be `true` or `false`, not `maybe`
      ╭▸ otto.yml:1:21
    1 │ tasks: {a: {hidden: maybe}}
      ╰╴                    ━━━━━ neither `true` nor `false`
    help: write `true` or `false`
    ");
    assert_snapshot!(check_task("timeout: soon"), @"
    error[E0109]: `timeout` of task `a` must be a duration, such as `30s`, `5m` or `1h30m`
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {timeout: soon}}
      ╰╴                     ━━━━ not a duration
      = note: units are `ms`, `s`, `m`, `h` and `d`; a plain number means seconds
    ");
    assert_snapshot!(check_task("retries: often"), @"
    error[E0109]: `retries` of task `a` must be a whole number, at least 0
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {retries: often}}
      ╰╴                     ━━━━━ not a valid number
    ");
    assert_snapshot!(check_task("retries: -1"), @"
    error[E0109]: `retries` of task `a` must be a whole number, at least 0
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {retries: -1}}
      ╰╴                     ━━ not a valid number
    ");
    assert_snapshot!(check_task("retries: [2]"), @"
    error[E0103]: `retries` of task `a` must be a number or a map, not a list
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {retries: [2]}}
      ╰╴                     ━━━ this is a list
    help: write `retries: 2` or `retries: {count: 2, delay: 5s}`
    ");
    assert_snapshot!(check_task("envs: [A=1]"), @"
    error[E0103]: `envs` of task `a` must be a map, not a list
      ╭▸ otto.yml:1:19
    1 │ tasks: {a: {envs: [A=1]}}
      ╰╴                  ━━━━━ this is a list
    help: write `envs:`, then lines `  NAME: VALUE`
    ");
    assert_snapshot!(check_task("envs: {A: [1]}"), @"
    error[E0103]: the variable `A` of task `a` must be a string, not a list
      ╭▸ otto.yml:1:23
    1 │ tasks: {a: {envs: {A: [1]}}}
      ╰╴                      ━━━ this is a list
    ");
    assert_snapshot!(check_task("params: [msg]"), @"
    error[E0103]: `params` of task `a` must be a map, not a list
      ╭▸ otto.yml:1:21
    1 │ tasks: {a: {params: [msg]}}
      ╰╴                    ━━━━━ this is a list
    help: write `params:`, then a line such as `  -m|--msg:` for each parameter
    ");
    assert_snapshot!(check_task("params: {--msg: hello}"), @"
    error[E0103]: parameter `--msg` of task `a` must be a map, not a string
      ╭▸ otto.yml:1:29
    1 │ tasks: {a: {params: {--msg: hello}}}
      ╰╴                            ━━━━━ this is a string
    help: write `--msg: {default: VALUE, help: TEXT}`
    ");
    assert_snapshot!(check_task("foreach: [a, b]"), @"
    error[E0103]: `foreach` of task `a` must be a map, not a list
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {foreach: [a, b]}}
      ╰╴                     ━━━━━━ this is a list
    help: write `foreach: {items: [a, b]}`
    ");
    assert_snapshot!(check_task("dir: [x]"), @"
    error[E0103]: `dir` of task `a` must be a string, not a list
      ╭▸ otto.yml:1:18
    1 │ tasks: {a: {dir: [x]}}
      ╰╴                 ━━━ this is a list
    help: write `dir: STRING`
    ");
    assert_snapshot!(check_task("input: src/*.rs"), @"
    error[E0103]: `input` of task `a` must be a list of file names or patterns, not a string
      ╭▸ otto.yml:1:20
    1 │ tasks: {a: {input: src/*.rs}}
      ╰╴                   ━━━━━━━━ this is a string
    help: write a list: `input: [src/*.rs]`
    ");
    assert_snapshot!(check(r"tasks: [a]
"), @"
    error[E0103]: `tasks` must be a map, not a list
      ╭▸ otto.yml:1:8
    1 │ tasks: [a]
      ╰╴       ━━━ this is a list
    help: write `tasks:`, then a line `  NAME:` for each task
    ");
    assert_snapshot!(check(r"tasks: {a: make}
"), @"
    error[E0103]: task `a` must be a map, not a string
      ╭▸ otto.yml:1:12
    1 │ tasks: {a: make}
      ╰╴           ━━━━ this is a string
    help: write `a:`, then on the next line, indented, `bash: make`
    ");
    assert_snapshot!(check(r"otto: 1
"), @"
    error[E0103]: `otto` must be a map, not a number
      ╭▸ otto.yml:1:7
    1 │ otto: 1
      ╰╴      ━ this is a number
    help: write `otto:`, then its keys below, indented
    ");
    assert_snapshot!(check(r"hello
"), @"
    error[E0103]: an ottofile must be a map with `otto` and `tasks`, not a string
      ╭▸ otto.yml:1:1
    1 │ hello
      ╰╴━━━━━ this is a string
    help: start with `tasks:`, then a line `  NAME:`, then a line `    bash: COMMAND`
    ");
    assert_snapshot!(check(r"- a
"), @"
    error[E0103]: an ottofile must be a map with `otto` and `tasks`, not a list
      ╭▸ otto.yml:1:1
    1 │ - a
      ╰╴━━━ this is a list
    help: start with `tasks:`, then a line `  NAME:`, then a line `    bash: COMMAND`
    ");
}

#[test]
fn unknown_keys_come_with_what_otto_calls_them() {
    assert_snapshot!(check_task("bsh: x"), @"
    error[E0104]: unknown key `bsh` in task `a`
      ╭▸ otto.yml:1:13
    1 │ tasks: {a: {bsh: x}}
      ╰╴            ━━━ unknown key
    help: did you mean `bash`?
    ");
    assert_snapshot!(check_task("parallell: 2"), @"
    error[E0104]: unknown key `parallell` in task `a`
      ╭▸ otto.yml:1:13
    1 │ tasks: {a: {parallell: 2}}
      ╰╴            ━━━━━━━━━ unknown key
      = note: valid keys are `action`, `after`, `aliases`, `bash`, `before`, `confirm`, `dir`, `dotenv`, `envs`, `executor`, `foreach`, `group`, `help`, `hidden`, `if`, `input`, `interactive`, `needs`, `on-failure`, `os`, `output`, `outputs`, `params`, `python`, `python3`, `resources`, `retries`, `service`, `steps`, `stream-errors`, `streaming`, `timeout` and `tty`
    ");
    assert_snapshot!(check_task("deps: [b]"), @"
    error[E0104]: unknown key `deps` in task `a`
      ╭▸ otto.yml:1:13
    1 │ tasks: {a: {deps: [b]}}
      ╰╴            ━━━━ unknown key
    help: in otto this is `needs`: tasks that run before this one
    ");
    assert_snapshot!(check_task("when: failure"), @"
    error[E0104]: unknown key `when` in task `a`
      ╭▸ otto.yml:1:13
    1 │ tasks: {a: {when: failure}}
      ╰╴            ━━━━ unknown key
    help: of a task, `if: COMMAND` decides whether it runs; `when` stands at a dependency: `before: [{task: NAME, when: failure}]`
    ");
    assert_snapshot!(check_task("cmds: [make]"), @"
    error[E0104]: unknown key `cmds` in task `a`
      ╭▸ otto.yml:1:13
    1 │ tasks: {a: {cmds: [make]}}
      ╰╴            ━━━━ unknown key
    help: in otto this is `bash`: the script, as a block: `bash: |` followed by its lines
    ");
    assert_snapshot!(check_task("desc: x"), @"
    error[E0104]: unknown key `desc` in task `a`
      ╭▸ otto.yml:1:13
    1 │ tasks: {a: {desc: x}}
      ╰╴            ━━━━ unknown key
    help: in otto this is `help`: the description shown in listings
    ");
    assert_snapshot!(check_task("env: {A: 1}"), @"
    error[E0104]: unknown key `env` in task `a`
      ╭▸ otto.yml:1:13
    1 │ tasks: {a: {env: {A: 1}}}
      ╰╴            ━━━ unknown key
    help: in otto this is `envs`: variables of this task
    ");
    assert_snapshot!(check_task("sources: [x]"), @"
    error[E0104]: unknown key `sources` in task `a`
      ╭▸ otto.yml:1:13
    1 │ tasks: {a: {sources: [x]}}
      ╰╴            ━━━━━━━ unknown key
    help: in otto this is `input`: globs of the files it reads
    ");
    assert_snapshot!(check_task("on_failure: [b]"), @"
    error[E0104]: unknown key `on_failure` in task `a`
      ╭▸ otto.yml:1:13
    1 │ tasks: {a: {on_failure: [b]}}
      ╰╴            ━━━━━━━━━━ unknown key
    help: did you mean `on-failure`?
    ");
    assert_snapshot!(check_task("frobnicate: 1"), @"
    error[E0104]: unknown key `frobnicate` in task `a`
      ╭▸ otto.yml:1:13
    1 │ tasks: {a: {frobnicate: 1}}
      ╰╴            ━━━━━━━━━━ unknown key
      = note: valid keys are `action`, `after`, `aliases`, `bash`, `before`, `confirm`, `dir`, `dotenv`, `envs`, `executor`, `foreach`, `group`, `help`, `hidden`, `if`, `input`, `interactive`, `needs`, `on-failure`, `os`, `output`, `outputs`, `params`, `python`, `python3`, `resources`, `retries`, `service`, `steps`, `stream-errors`, `streaming`, `timeout` and `tty`
    ");
    assert_snapshot!(check(r"envs: {A: 1}
"), @"
    error[E0104]: unknown key `envs`
      ╭▸ otto.yml:1:1
    1 │ envs: {A: 1}
      ╰╴━━━━ unknown key
    help: it belongs under `otto`: `otto: { envs: … }`
    ");
    assert_snapshot!(check(r"version: 3
"), @"
    error[E0104]: unknown key `version`
      ╭▸ otto.yml:1:1
    1 │ version: 3
      ╰╴━━━━━━━ unknown key
    help: in otto this is `api`, under `otto`: `otto: { api: 1 }`
    ");
    assert_snapshot!(check(r"build: {bash: make}
"), @"
    error[E0104]: unknown key `build`
      ╭▸ otto.yml:1:1
    1 │ build: {bash: make}
      ╰╴━━━━━ unknown key
    help: tasks go under `tasks`: `tasks: { build: … }`
    ");
    assert_snapshot!(check(r"task: {}
"), @"
    error[E0104]: unknown key `task`
      ╭▸ otto.yml:1:1
    1 │ task: {}
      ╰╴━━━━ unknown key
    help: did you mean `tasks`?
    ");
    assert_snapshot!(check(r"otto: {task: [a], envvs: {}, home: x, default: a, retention: {keep: 1}}
"), @"
    error[E0104]: unknown key `task` in `otto`
      ╭▸ otto.yml:1:8
    1 │ otto: {task: [a], envvs: {}, home: x, default: a, retention: {keep: 1}}
      ╰╴       ━━━━ unknown key
    help: did you mean `tasks`?
    error[E0104]: unknown key `envvs` in `otto`
      ╭▸ otto.yml:1:19
    1 │ otto: {task: [a], envvs: {}, home: x, default: a, retention: {keep: 1}}
      ╰╴                  ━━━━━ unknown key
    help: did you mean `envs`?
    error[E0104]: unknown key `home` in `otto`
      ╭▸ otto.yml:1:30
    1 │ otto: {task: [a], envvs: {}, home: x, default: a, retention: {keep: 1}}
      ╰╴                             ━━━━ unknown key
    help: set the environment variable OTTO_HOME to choose where runs are stored
    error[E0104]: unknown key `default` in `otto`
      ╭▸ otto.yml:1:39
    1 │ otto: {task: [a], envvs: {}, home: x, default: a, retention: {keep: 1}}
      ╰╴                                      ━━━━━━━ unknown key
    help: in otto this is `tasks`: the default tasks
    error[E0104]: unknown key `keep` in `otto.retention`
      ╭▸ otto.yml:1:63
    1 │ otto: {task: [a], envvs: {}, home: x, default: a, retention: {keep: 1}}
      ╰╴                                                              ━━━━ unknown key
    help: did you mean `keep_days` or `keep_last` or `keep_failed`?
    ");
    assert_snapshot!(check_task("params: {--msg: {defualt: x, dest: y, values: [1]}}"), @"
    error[E0104]: unknown key `defualt` in parameter `--msg` of task `a`
      ╭▸ otto.yml:1:30
    1 │ tasks: {a: {params: {--msg: {defualt: x, dest: y, values: [1]}}}}
      ╰╴                             ━━━━━━━ unknown key
    help: did you mean `default`?
    error[E0104]: unknown key `dest` in parameter `--msg` of task `a`
      ╭▸ otto.yml:1:42
    1 │ tasks: {a: {params: {--msg: {defualt: x, dest: y, values: [1]}}}}
      ╰╴                                         ━━━━ unknown key
    help: the name comes from the key: `-m|--msg` is called `msg`
    error[E0104]: unknown key `values` in parameter `--msg` of task `a`
      ╭▸ otto.yml:1:51
    1 │ tasks: {a: {params: {--msg: {defualt: x, dest: y, values: [1]}}}}
      ╰╴                                                  ━━━━━━ unknown key
    help: in otto this is `choices`: the allowed values
    ");
    assert_snapshot!(check_task("foreach: {items: [a], var: x, maxitems: 3}"), @"
    error[E0104]: unknown key `var` in `foreach` of task `a`
      ╭▸ otto.yml:1:35
    1 │ tasks: {a: {foreach: {items: [a], var: x, maxitems: 3}}}
      ╰╴                                  ━━━ unknown key
    help: in otto this is `as`: the variable that holds the item
    error[E0104]: unknown key `maxitems` in `foreach` of task `a`
      ╭▸ otto.yml:1:43
    1 │ tasks: {a: {foreach: {items: [a], var: x, maxitems: 3}}}
      ╰╴                                          ━━━━━━━━ unknown key
    help: did you mean `max_items`?
    ");
    assert_snapshot!(check_task("retries: {max: 2}"), @"
    error[E0106]: `retries` of task `a` has no `count`
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {retries: {max: 2}}}
      ╰╴                     ━━━━━━━━ `count` is missing
    help: write `retries: {count: 2, …}` for two retries
    error[E0104]: unknown key `max` in `retries` of task `a`
      ╭▸ otto.yml:1:23
    1 │ tasks: {a: {retries: {max: 2}}}
      ╰╴                      ━━━ unknown key
    help: in otto this is `count`: the number of retries
    ");
    assert_snapshot!(check_task("before: [{name: b}]"), @"
    error[E0106]: an entry of `before` of task `a` has no task name
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {before: [{name: b}]}}
      ╰╴                     ━━━━━━━━━ `task` is missing
    help: write `{task: NAME, when: success}`
    error[E0104]: unknown key `name` in a dependency of task `a`
      ╭▸ otto.yml:1:23
    1 │ tasks: {a: {before: [{name: b}]}}
      ╰╴                      ━━━━ unknown key
    help: in otto this is `task`: the task's name
    ");
}

#[test]
fn keys_that_are_written_twice_show_both_places() {
    assert_snapshot!(check(r"tasks:
  a:
    bash: one
  b:
    bash: two
  a:
    bash: three
"), @"
    error[E0105]: duplicate key `a`
      ╭▸ otto.yml:6:3
    2 │   a:
      │   ─ first written here
      ┆
    6 │   a:
      ╰╴  ━ written again here
    help: keep one of them
    ");
    assert_snapshot!(check_task("help: x, bash: y, help: z"), @"
    error[E0105]: duplicate key `help`
      ╭▸ otto.yml:1:31
    1 │ tasks: {a: {help: x, bash: y, help: z}}
      │             ┬───              ━━━━ written again here
      │             │
      ╰╴            first written here
    help: keep one of them
    ");
    assert_snapshot!(check_task("tty: true, interactive: true"), @"
    error[E0105]: `interactive` of task `a` is written twice, with different spellings
      ╭▸ otto.yml:1:24
    1 │ tasks: {a: {tty: true, interactive: true}}
      │             ┬──        ━━━━━━━━━━━ written again here
      │             │
      ╰╴            first written here
    help: keep one of them
    ");
    assert_snapshot!(check(r"otto:
  retention:
    keep_days: 1
    keep-days: 2
"), @"
    error[E0105]: `otto.retention.keep-days` is written twice, with different spellings
      ╭▸ otto.yml:4:5
    3 │     keep_days: 1
      │     ───────── first written here
    4 │     keep-days: 2
      ╰╴    ━━━━━━━━━ written again here
    help: keep one of them
    ");
}

#[test]
fn missing_keys_are_named() {
    assert_snapshot!(check_task("before: [{when: always}]"), @"
    error[E0106]: an entry of `before` of task `a` has no task name
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {before: [{when: always}]}}
      ╰╴                     ━━━━━━━━━━━━━━ `task` is missing
    help: write `{task: NAME, when: success}`
    ");
    assert_snapshot!(check_task("foreach: {as: x}"), @"
    error[E0106]: `foreach` of task `a` has no items
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {foreach: {as: x}}}
      ╰╴                     ━━━━━━━ one of `items`, `glob`, `range`, `command`, `from`, `each` or `matrix` is missing
    help: write `items: [a, b]`, `glob: PATTERN`, `range: 1..10`, `command: COMMAND` or `from: TASK.KEY`
    ");
    assert_snapshot!(check_task("retries: {delay: 1s}"), @"
    error[E0106]: `retries` of task `a` has no `count`
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {retries: {delay: 1s}}}
      ╰╴                     ━━━━━━━━━━━ `count` is missing
    help: write `retries: {count: 2, …}` for two retries
    ");
}

#[test]
fn names_that_cannot_be_used_say_why() {
    assert_snapshot!(check(r"tasks: {-x: {bash: y}}
"), @"
    error[E0107]: the task name `-x` starts with `-`, so it would be read as an option
      ╭▸ otto.yml:1:9
    1 │ tasks: {-x: {bash: y}}
      ╰╴        ━━ choose another name
    ");
    assert_snapshot!(check(r#"tasks: {"": {bash: y}}
"#), @r#"
    error[E0107]: the task name `` is empty
      ╭▸ otto.yml:1:9
    1 │ tasks: {"": {bash: y}}
      ╰╴        ━━ choose another name
    "#);
    assert_snapshot!(check(r#"tasks: {"a\nb": {bash: y}}
"#), @r#"
    error[E0107]: the task name `a␊b` contains a control character
      ╭▸ otto.yml:1:9
    1 │ tasks: {"a\nb": {bash: y}}
      ╰╴        ━━━━━━ choose another name
    "#);
    assert_snapshot!(check(r"tasks: {Clean: {bash: echo}}
"), @"
    error[E0303]: the task name `Clean` is a built-in command
      ╭▸ otto.yml:1:9
    1 │ tasks: {Clean: {bash: echo}}
      ╰╴        ━━━━━ choose another name
    help: use lower case: `clean`
    ");
    assert_snapshot!(check_task("params: {--path: {}, --PATH: {}}"), @"
    error[E0107]: the name `PATH` of parameter `--PATH` of task `a` is reserved: bash, Python, the loader or otto itself uses it
      ╭▸ otto.yml:1:34
    1 │ tasks: {a: {params: {--path: {}, --PATH: {}}}}
      ╰╴                                 ━━━━━━ choose another name
    ");
    assert_snapshot!(check_task("params: {--2x: {}}"), @"
    error[E0107]: the name `2x` of parameter `--2x` of task `a` is not a valid name: use letters, digits, `-` and `_`, and do not start with a digit
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {params: {--2x: {}}}}
      ╰╴                     ━━━━ choose another name
    ");
    assert_snapshot!(check_task("params: {-1: {}}"), @"
    error[E0107]: the name `1` of parameter `-1` of task `a` is not a valid name: use letters, digits, `-` and `_`, and do not start with a digit
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {params: {-1: {}}}}
      ╰╴                     ━━ choose another name
    ");
    assert_snapshot!(check_task("params: {--help: {}}"), @"
    error[E0303]: task `a` cannot declare `--help`: every task has this option
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {params: {--help: {}}}}
      ╰╴                     ━━━━━━ choose another name
    ");
    assert_snapshot!(check_task("foreach: {items: [a], as: a-b}"), @"
    error[E0107]: `as` of `foreach` of task `a` must be a variable name, which cannot contain `-`
      ╭▸ otto.yml:1:39
    1 │ tasks: {a: {foreach: {items: [a], as: a-b}}}
      ╰╴                                      ━━━ not a variable name
    help: write `as: a_b`
    ");
    assert_snapshot!(check_task("foreach: {items: [a], as: PATH}"), @"
    error[E0107]: the variable `PATH` in `foreach` of task `a` is reserved: bash, Python, the loader or otto itself uses it
      ╭▸ otto.yml:1:39
    1 │ tasks: {a: {foreach: {items: [a], as: PATH}}}
      ╰╴                                      ━━━━ choose another name
    ");
    assert_snapshot!(check_task("envs: {a.b: 1, BASH_ENV: x, LD_PRELOAD: y, OTTO_TASK: z, LD_LIBRARY_PATH: fine, PATH: fine, PYTHONPATH: fine}"), @"
    error[E0107]: the variable `a.b` is not a valid name: use letters, digits and `_`, and do not start with a digit
      ╭▸ otto.yml:1:20
    1 │ tasks: {a: {envs: {a.b: 1, BASH_ENV: x, LD_PRELOAD: y, OTTO_TASK: z, LD_LIBRARY_PATH: fine, PAT…
      ╰╴                   ━━━ cannot be set here
      = note: it is in `envs` of task `a`
    error[E0107]: the variable `BASH_ENV` changes how the shell or the loader works; set it in the script, where it is needed
      ╭▸ otto.yml:1:28
    1 │ tasks: {a: {envs: {a.b: 1, BASH_ENV: x, LD_PRELOAD: y, OTTO_TASK: z, LD_LIBRARY_PATH: fine, PAT…
      ╰╴                           ━━━━━━━━ cannot be set here
      = note: it is in `envs` of task `a`
    error[E0107]: the variable `LD_PRELOAD` changes how the shell or the loader works; set it in the script, where it is needed
      ╭▸ otto.yml:1:41
    1 │ tasks: {a: {envs: {a.b: 1, BASH_ENV: x, LD_PRELOAD: y, OTTO_TASK: z, LD_LIBRARY_PATH: fine, PAT…
      ╰╴                                        ━━━━━━━━━━ cannot be set here
      = note: it is in `envs` of task `a`
    error[E0107]: the variable `OTTO_TASK` is set by otto for each job
      ╭▸ otto.yml:1:56
    1 │ tasks: {a: {envs: {a.b: 1, BASH_ENV: x, LD_PRELOAD: y, OTTO_TASK: z, LD_LIBRARY_PATH: fine, PAT…
      ╰╴                                                       ━━━━━━━━━ cannot be set here
      = note: it is in `envs` of task `a`
    ");
}

#[test]
fn values_outside_what_is_allowed() {
    assert_snapshot!(check(r"otto: {jobs: 0}
"), @"
    error[E0109]: `otto.jobs` must be at least 1
      ╭▸ otto.yml:1:14
    1 │ otto: {jobs: 0}
      ╰╴             ━ too small
    ");
    assert_snapshot!(check(r"otto: {jobs: 99999999999}
"), @"
    error[E0109]: `otto.jobs` must be at most 4294967295
      ╭▸ otto.yml:1:14
    1 │ otto: {jobs: 99999999999}
      ╰╴             ━━━━━━━━━━━ too large
    ");
    assert_snapshot!(check(r"otto: {jobs: 1.5}
"), @"
    error[E0109]: `otto.jobs` must be a whole number, at least 1
      ╭▸ otto.yml:1:14
    1 │ otto: {jobs: 1.5}
      ╰╴             ━━━ not a valid number
    ");
    assert_snapshot!(check_task("timeout: 0"), @"
    error[E0109]: a `timeout` of zero would stop task `a` before it starts
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {timeout: 0}}
      ╰╴                     ━ zero
    help: remove it for no limit
    ");
    assert_snapshot!(check_task("timeout: 5x"), @"
    error[E0109]: `timeout` of task `a` must be a duration, such as `30s`, `5m` or `1h30m`
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {timeout: 5x}}
      ╰╴                     ━━ not a duration
      = note: units are `ms`, `s`, `m`, `h` and `d`; a plain number means seconds
    ");
    assert_snapshot!(check_task("streaming: both"), @"
    error[E0109]: `streaming` of task `a` must be `true`, `false` or `stdout`
      ╭▸ otto.yml:1:24
    1 │ tasks: {a: {streaming: both}}
      ╰╴                       ━━━━ not one of them
    ");
    assert_snapshot!(check_task("streaming: true, stream-errors: maybe"), @"
    error[E0109]: `stream-errors` of task `a` must be `fail` or `ignore`
      ╭▸ otto.yml:1:45
    1 │ tasks: {a: {streaming: true, stream-errors: maybe}}
      ╰╴                                            ━━━━━ not one of them
    ");
    assert_snapshot!(check_task("before: [{task: a, when: sometimes}]"), @"
    error[E0302]: task `a` depends on itself
      ╭▸ otto.yml:1:29
    1 │ tasks: {a: {before: [{task: a, when: sometimes}]}}
      ╰╴                            ━ the task itself
    help: remove it from `before`
    error[E0109]: `when` of a dependency of task `a` must be `success`, `ran`, `failure` or `always`
      ╭▸ otto.yml:1:38
    1 │ tasks: {a: {before: [{task: a, when: sometimes}]}}
      ╰╴                                     ━━━━━━━━━ not one of them
    ");
    assert_snapshot!(check_task("retries: {count: 1, backoff: 0.5}"), @"
    error[E0109]: `backoff` of `retries` of task `a` must be a number from 1 to 1000
      ╭▸ otto.yml:1:42
    1 │ tasks: {a: {retries: {count: 1, backoff: 0.5}}}
      ╰╴                                         ━━━ not a valid number
    ");
    assert_snapshot!(check_task("foreach: {range: 5..1}"), @"
    error[E0109]: `range` of `foreach` of task `a` counts down, but ranges count up
      ╭▸ otto.yml:1:30
    1 │ tasks: {a: {foreach: {range: 5..1}}}
      ╰╴                             ━━━━ 5 is greater than 1
    help: write `1..5`, or list the `items` in the order you want
    ");
    assert_snapshot!(check_task("foreach: {range: 1..x}"), @"
    error[E0109]: `range` of `foreach` of task `a` must be two whole numbers, such as `1..10`
      ╭▸ otto.yml:1:30
    1 │ tasks: {a: {foreach: {range: 1..x}}}
      ╰╴                             ━━━━ not a valid range
      = note: both ends are included; `1-10` means the same
    ");
    assert_snapshot!(check_task("foreach: {items: [a], jobs: 0}"), @"
    error[E0109]: `jobs` of `foreach` of task `a` must be at least 1
      ╭▸ otto.yml:1:41
    1 │ tasks: {a: {foreach: {items: [a], jobs: 0}}}
      ╰╴                                        ━ too small
    ");
    assert_snapshot!(check_task("foreach: {items: [a], max_items: 0}"), @"
    error[E0109]: `max_items` of `foreach` of task `a` must be at least 1
      ╭▸ otto.yml:1:46
    1 │ tasks: {a: {foreach: {items: [a], max_items: 0}}}
      ╰╴                                             ━ too small
    ");
    assert_snapshot!(check_task("params: {--n: {nargs: 3:2}}"), @"
    error[E0109]: `nargs` of parameter `--n` of task `a` must be a number, `N:M`, `?` (0 or 1), `*` (any number) or `+` (1 or more)
      ╭▸ otto.yml:1:35
    1 │ tasks: {a: {params: {--n: {nargs: 3:2}}}}
      ╰╴                                  ━━━ not a valid number of arguments
    ");
    assert_snapshot!(check_task("params: {--n: {type: integer}}"), @"
    error[E0109]: `type` of parameter `--n` of task `a` must be `str`, `int`, `float`, `bool` or `path`
      ╭▸ otto.yml:1:34
    1 │ tasks: {a: {params: {--n: {type: integer}}}}
      ╰╴                                 ━━━━━━━ not one of them
    help: write `type: int`
    ");
    assert_snapshot!(check_task("params: {--n: {choices: []}}"), @"
    error[E0109]: `choices` of parameter `--n` of task `a` must be a list with at least one value
      ╭▸ otto.yml:1:37
    1 │ tasks: {a: {params: {--n: {choices: []}}}}
      ╰╴                                    ━━ the list is empty
    ");
    assert_snapshot!(check_task("params: {--n: {env: $HOME}}"), @"
    error[E0109]: `env` of parameter `--n` of task `a` must be a variable name, without `$`
      ╭▸ otto.yml:1:33
    1 │ tasks: {a: {params: {--n: {env: $HOME}}}}
      ╰╴                                ━━━━━ not a variable name
    ");
    assert_snapshot!(check_task(r#"dir: """#), @r#"
    error[E0109]: `dir` of task `a` must be a non-empty string
      ╭▸ otto.yml:1:18
    1 │ tasks: {a: {dir: ""}}
      ╰╴                 ━━ this is empty
    "#);
}

#[test]
fn a_task_has_one_body() {
    assert_snapshot!(check(r"tasks:
  a:
    bash: echo b
    python: print(1)
"), @"
error[E0110]: task `a` has two scripts
  ╭▸ otto.yml:4:5
3 │     bash: echo b
  │     ──── the first script
4 │     python: print(1)
  ╰╴    ━━━━━━ the second script
help: keep one of them, or make two tasks and connect them with `needs`
");
    assert_snapshot!(check_task("python: x, python3: y, action: z"), @"
    error[E0110]: task `a` has two scripts
      ╭▸ otto.yml:1:24
    1 │ tasks: {a: {python: x, python3: y, action: z}}
      │             ┬─────     ━━━━━━━ the second script
      │             │
      ╰╴            the first script
    help: keep one of them, or make two tasks and connect them with `needs`
    error[E0110]: task `a` has two scripts
      ╭▸ otto.yml:1:36
    1 │ tasks: {a: {python: x, python3: y, action: z}}
      │             ┬─────                 ━━━━━━ the second script
      │             │
      ╰╴            the first script
    help: keep one of them, or make two tasks and connect them with `needs`
    ");
}

#[test]
fn parameter_forms_that_cannot_be_read() {
    assert_snapshot!(check_task(r#"params: {"-verbose": {}}"#), @r#"
    error[E0111]: the parameter `-verbose` of task `a` has a long name after a single `-`
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {params: {"-verbose": {}}}}
      ╰╴                     ━━━━━━━━━━ invalid format
      = note: write `-m|--msg`, `--msg` or `-m` for an option, a plain name for a positional argument
    help: write `--verbose`
    "#);
    assert_snapshot!(check_task(r#"params: {"-v|-x": {}}"#), @r#"
    error[E0111]: the parameter `-v|-x` of task `a` has two letters
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {params: {"-v|-x": {}}}}
      ╰╴                     ━━━━━━━ invalid format
      = note: write `-m|--msg`, `--msg` or `-m` for an option, a plain name for a positional argument
    help: declare one parameter for each
    "#);
    assert_snapshot!(check_task(r#"params: {"--foo|--bar": {}}"#), @r#"
    error[E0111]: the parameter `--foo|--bar` of task `a` has two long forms
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {params: {"--foo|--bar": {}}}}
      ╰╴                     ━━━━━━━━━━━━━ invalid format
      = note: write `-m|--msg`, `--msg` or `-m` for an option, a plain name for a positional argument
    help: declare one parameter for each
    "#);
    assert_snapshot!(check_task(r#"params: {"foo|--bar": {}}"#), @r#"
    error[E0111]: the parameter `foo|--bar` of task `a` combines a positional argument with an option
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {params: {"foo|--bar": {}}}}
      ╰╴                     ━━━━━━━━━━━ invalid format
      = note: write `-m|--msg`, `--msg` or `-m` for an option, a plain name for a positional argument
    help: write `--foo` for an option
    "#);
    assert_snapshot!(check_task(r#"params: {"-v|--verbose|--loud": {}}"#), @r#"
    error[E0111]: the parameter `-v|--verbose|--loud` of task `a` has more than two parts
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {params: {"-v|--verbose|--loud": {}}}}
      ╰╴                     ━━━━━━━━━━━━━━━━━━━━━ invalid format
      = note: write `-m|--msg`, `--msg` or `-m` for an option, a plain name for a positional argument
    "#);
    assert_snapshot!(check_task(r#"params: {"--": {}}"#), @r#"
    error[E0111]: the parameter `--` of task `a` is not `--` followed by letters, digits, `-` and `_`
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {params: {"--": {}}}}
      ╰╴                     ━━━━ invalid format
      = note: write `-m|--msg`, `--msg` or `-m` for an option, a plain name for a positional argument
    "#);
    assert_snapshot!(check_task(r#"params: {"-": {}}"#), @r#"
    error[E0111]: the parameter `-` of task `a` is not `-` followed by one letter
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {params: {"-": {}}}}
      ╰╴                     ━━━ invalid format
      = note: write `-m|--msg`, `--msg` or `-m` for an option, a plain name for a positional argument
    "#);
    assert_snapshot!(check_task(r#"params: {"--a.b": {}}"#), @r#"
    error[E0111]: the parameter `--a.b` of task `a` is not `--` followed by letters, digits, `-` and `_`
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {params: {"--a.b": {}}}}
      ╰╴                     ━━━━━━━ invalid format
      = note: write `-m|--msg`, `--msg` or `-m` for an option, a plain name for a positional argument
    "#);
    assert_snapshot!(check_task(r#"params: {"": {}}"#), @r#"
    error[E0111]: the parameter `` of task `a` may contain only letters, digits, `-` and `_`
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {params: {"": {}}}}
      ╰╴                     ━━ invalid format
      = note: write `-m|--msg`, `--msg` or `-m` for an option, a plain name for a positional argument
    "#);
    assert_snapshot!(check_task(r#"params: {"-é": {}}"#), @r#"
    error[E0111]: the parameter `-é` of task `a` is not `-` followed by one letter
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {params: {"-é": {}}}}
      ╰╴                     ━━━━ invalid format
      = note: write `-m|--msg`, `--msg` or `-m` for an option, a plain name for a positional argument
    "#);
    assert_snapshot!(check_task(r#"params: {"a b": {}}"#), @r#"
    error[E0111]: the parameter `a b` of task `a` may contain only letters, digits, `-` and `_`
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {params: {"a b": {}}}}
      ╰╴                     ━━━━━ invalid format
      = note: write `-m|--msg`, `--msg` or `-m` for an option, a plain name for a positional argument
    "#);
}

#[test]
fn settings_that_exclude_each_other() {
    assert_snapshot!(check(r#"otto: {tasks: [a, "*"]}
tasks: {a: {}}
"#), @r#"
    error[E0112]: `*` in `otto.tasks` means every task, but other tasks are listed too
      ╭▸ otto.yml:1:19
    1 │ otto: {tasks: [a, "*"]}
      ╰╴                  ━━━ every task
    help: write `tasks: ["*"]`, or only the names
    "#);
    assert_snapshot!(check_task("params: {-v|--verbose: {default: false, required: true}}"), @"
    error[E0112]: parameter `-v|--verbose` of task `a` is `required`, but also optional
      ╭▸ otto.yml:1:53
    1 │ tasks: {a: {params: {-v|--verbose: {default: false, required: true}}}}
      │                      ┬───────────                   ━━━━━━━━ required
      │                      │
      ╰╴                     a flag always has a value
    help: remove one of them
    ");
    assert_snapshot!(check_task("params: {svc: {default: w, required: true}}"), @"
    error[E0112]: parameter `svc` of task `a` is `required`, but also optional
      ╭▸ otto.yml:1:40
    1 │ tasks: {a: {params: {svc: {default: w, required: true}}}}
      │                                     ┬  ━━━━━━━━ required
      │                                     │
      ╰╴                                    the value if none is given
    help: remove one of them
    ");
    assert_snapshot!(check_task(r#"params: {svc: {nargs: "?", required: true}}"#), @r#"
    error[E0112]: parameter `svc` of task `a` is `required`, but also optional
      ╭▸ otto.yml:1:40
    1 │ tasks: {a: {params: {svc: {nargs: "?", required: true}}}}
      │                                   ┬──  ━━━━━━━━ required
      │                                   │
      ╰╴                                  accepts no arguments
    help: remove one of them
    "#);
    assert_snapshot!(check_task("params: {svc: {nargs: 0}}"), @"
    error[E0112]: parameter `svc` of task `a` takes no arguments, so it can never get a value
      ╭▸ otto.yml:1:35
    1 │ tasks: {a: {params: {svc: {nargs: 0}}}}
      ╰╴                                  ━ no arguments
    help: make it an option: `--NAME`
    ");
    assert_snapshot!(check_task("params: {--x: {nargs: 0, default: y}}"), @"
    error[E0112]: parameter `--x` of task `a` is a flag, so its default must be `true` or `false`
      ╭▸ otto.yml:1:47
    1 │ tasks: {a: {params: {--x: {nargs: 0, default: y}}}}
      │                                   ┬           ━ neither `true` nor `false`
      │                                   │
      ╰╴                                  takes no word
    ");
    assert_snapshot!(check_task("params: {--x: {default: true, choices: [a, b]}}"), @"
    error[E0112]: parameter `--x` of task `a` is a flag, so its choices can only be `true` and `false`
      ╭▸ otto.yml:1:53
    1 │ tasks: {a: {params: {--x: {default: true, choices: [a, b]}}}}
      ╰╴                                                    ━ cannot be chosen
    help: give it a default that is one of the choices, or `nargs: 1`
    ");
    assert_snapshot!(check_task("params: {--x: {choices: [a], choices-command: ls}}"), @"
    error[E0112]: parameter `--x` of task `a` has both `choices` and `choices-command`
      ╭▸ otto.yml:1:59
    1 │ tasks: {a: {params: {--x: {choices: [a], choices-command: ls}}}}
      ╰╴                           ─────── choices from a list    ━━ choices from a command
    help: keep one of them
    ");
    assert_snapshot!(check_task("params: {one: {}, two: {required: true}}"), @"
    error[E0112]: `two` of task `a` is required but follows `one`, which is optional
      ╭▸ otto.yml:1:31
    1 │ tasks: {a: {params: {one: {}, two: {required: true}}}}
      │                      ┬──      ━━━ required
      │                      │
      ╰╴                     optional
    help: put required arguments first
    ");
    assert_snapshot!(check_task(r#"params: {one: {nargs: "*"}, two: {nargs: +}}"#), @r#"
    error[E0112]: `two` of task `a` can never get a value: `one` takes all arguments
      ╭▸ otto.yml:1:41
    1 │ tasks: {a: {params: {one: {nargs: "*"}, two: {nargs: +}}}}
      │                      ┬──                ━━━ takes any number of arguments
      │                      │
      ╰╴                     also takes any number of arguments
    help: make one of them an option: `--NAME`
    "#);
    assert_snapshot!(check_task("foreach: {items: [a], parallel: false, jobs: 2}"), @"
    error[E0112]: `foreach` of task `a` has both `parallel: false` and `jobs`
      ╭▸ otto.yml:1:52
    1 │ tasks: {a: {foreach: {items: [a], parallel: false, jobs: 2}}}
      │                                   ┬───────         ━━━━ several at a time
      │                                   │
      ╰╴                                  one at a time
    help: remove one of them
    ");
    assert_snapshot!(check_task("foreach: {items: [a], glob: x}"), @"
    error[E0112]: `foreach` of task `a` has more than one source: `items` and `glob`
      ╭▸ otto.yml:1:23
    1 │ tasks: {a: {foreach: {items: [a], glob: x}}}
      │                       ┯━━━━       ──── another source
      │                       │
      ╰╴                      one source
    help: keep one of them
    ");
    assert_snapshot!(check_task("tty: true, foreach: {items: [x], jobs: 2}"), @"
    error[E0112]: task `a` has `tty`, but `foreach.jobs` would run several at a time
      ╭▸ otto.yml:1:13
    1 │ tasks: {a: {tty: true, foreach: {items: [x], jobs: 2}}}
      │             ┯━━                 ───────────────────── the foreach is here
      │             │
      ╰╴            only one job can use the terminal
    ");
    assert_snapshot!(check_task("tty: true, foreach: {items: [x], buffer: true}"), @"
    error[E0112]: task `a` has `tty`, but `foreach.buffer` would hold back its output
      ╭▸ otto.yml:1:13
    1 │ tasks: {a: {tty: true, foreach: {items: [x], buffer: true}}}
      │             ┯━━                 ────────────────────────── the foreach is here
      │             │
      ╰╴            only one job can use the terminal
    ");
    assert_snapshot!(check_task("tty: true, streaming: stdout"), @"
    error[E0112]: task `a` has both `tty` and `streaming`
      ╭▸ otto.yml:1:35
    1 │ tasks: {a: {tty: true, streaming: stdout}}
      │             ┬──                   ━━━━━━ streaming tasks run alongside others
      │             │
      ╰╴            runs while nothing else runs
    help: remove one of them; tasks with a terminal can pass data through files
    ");
    assert_snapshot!(check_task("stream-errors: ignore"), @"
    error[E0112]: `stream-errors` of task `a` has no effect without `streaming`
      ╭▸ otto.yml:1:13
    1 │ tasks: {a: {stream-errors: ignore}}
      ╰╴            ━━━━━━━━━━━━━ applies only to streams
    help: add `streaming: true`, or remove this key
    ");
}

#[test]
fn yaml_that_ottofiles_do_not_use() {
    assert_snapshot!(check_task("help: !!str x"), @"
    error[E0113]: YAML tags such as `!!str` are not supported
      ╭▸ otto.yml:1:19
    1 │ tasks: {a: {help: !!str x}}
      ╰╴                  ━━━━━ a tag
    help: remove the tag, values are read exactly as written; or quote the string if the `!` is part of it
    ");
    assert_snapshot!(check(r"tasks: {}
---
tasks: {}
"), @"
    error[E0113]: an ottofile must be a single YAML document, but a second one starts here
      ╭▸ otto.yml:2:1
    2 │ ---
      ╰╴━━━ here
    help: remove this line, or move the rest to another file
    ");
    assert_snapshot!(check_task("? [x] : y"), @r#"
    error[E0113]: a key must be a string
      ╭▸ otto.yml:1:15
    1 │ tasks: {a: {? [x] : y}}
      ╰╴              ━━━ this is a key
    help: quote it to make it a string: `"[a]": …`
    "#);
}

#[test]
fn edges_to_tasks_that_do_not_exist() {
    assert_snapshot!(check(r"tasks:
  build:
    bash: make
  test:
    before: [biuld]
    after: [{task: biuld, when: always}]
    on-failure: [biuld]
"), @"
    error[E0301]: task `test` depends on an unknown task `biuld`
      ╭▸ otto.yml:5:14
    2 │   build:
      │   ───── a task with a similar name is defined here
      ┆
    5 │     before: [biuld]
      ╰╴             ━━━━━ unknown task
    help: did you mean `build`?
    error[E0301]: `after` of task `test` lists an unknown task `biuld`
      ╭▸ otto.yml:6:20
    2 │   build:
      │   ───── a task with a similar name is defined here
      ┆
    6 │     after: [{task: biuld, when: always}]
      ╰╴                   ━━━━━ unknown task
    help: did you mean `build`?
    error[E0301]: `on-failure` of task `test` lists an unknown task `biuld`
      ╭▸ otto.yml:7:18
    2 │   build:
      │   ───── a task with a similar name is defined here
      ┆
    7 │     on-failure: [biuld]
      ╰╴                 ━━━━━ unknown task
    help: did you mean `build`?
    ");
    assert_snapshot!(check_task("before: [zip]"), @"
    error[E0301]: task `a` depends on an unknown task `zip`
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {before: [zip]}}
      ╰╴                     ━━━ unknown task
    ");
    assert_snapshot!(check(r"tasks: {-x: {bash: y}, b: {before: [-x]}}
"), @"
    error[E0107]: the task name `-x` starts with `-`, so it would be read as an option
      ╭▸ otto.yml:1:9
    1 │ tasks: {-x: {bash: y}, b: {before: [-x]}}
      ╰╴        ━━ choose another name
    ");
    assert_snapshot!(check(r"otto: {tasks: [bild]}
tasks: {build: {bash: make}}
"), @"
    error[E0301]: `otto.tasks` lists an unknown task `bild`
      ╭▸ otto.yml:1:16
    1 │ otto: {tasks: [bild]}
      │                ━━━━ unknown task
    2 │ tasks: {build: {bash: make}}
      ╰╴        ───── a task with a similar name is defined here
    help: did you mean `build`?
    ");
}

#[test]
fn edges_to_jobs_that_do_not_exist() {
    assert_snapshot!(check(r#"otto:
  tasks: [deploy:stagging]
tasks:
  deploy:
    foreach:
      items: [staging, production]
    bash: ship
  nums:
    foreach: {range: 8..11}
  globbed:
    foreach: {glob: "*.txt"}
  after:
    before: [deploy:stagging, deploy:staging, nums:08, nums:8, nums:12, globbed:anything, after:x]
"#), @"
    error[E0304]: `otto.tasks` lists an unknown job `deploy:stagging`
      ╭▸ otto.yml:2:11
    2 │   tasks: [deploy:stagging]
      │           ━━━━━━━━━━━━━━━ unknown job
      ┆
    6 │       items: [staging, production]
      ╰╴      ──────────────────────────── its items are defined here
    help: did you mean `deploy:staging`?
    error[E0304]: task `after` depends on an unknown job `deploy:stagging`
       ╭▸ otto.yml:13:14
     6 │       items: [staging, production]
       │       ──────────────────────────── its items are defined here
       ┆
    13 │     before: [deploy:stagging, deploy:staging, nums:08, nums:8, nums:12, globbed:anything, afte…
       ╰╴             ━━━━━━━━━━━━━━━ unknown job
    help: did you mean `deploy:staging`?
    error[E0304]: task `after` depends on an unknown job `nums:8`
       ╭▸ otto.yml:13:56
     9 │     foreach: {range: 8..11}
       │                      ───── its items are defined here
       ┆
    13 │     before: [deploy:stagging, deploy:staging, nums:08, nums:8, nums:12, globbed:anything, afte…
       ╰╴                                                       ━━━━━━ unknown job
    help: did you mean `nums:08`?
    error[E0304]: task `after` depends on an unknown job `nums:12`
       ╭▸ otto.yml:13:64
     9 │     foreach: {range: 8..11}
       │                      ───── its items are defined here
       ┆
    13 │     before: [deploy:stagging, deploy:staging, nums:08, nums:8, nums:12, globbed:anything, afte…
       ╰╴                                                               ━━━━━━━ unknown job
    help: did you mean `nums:10` or `nums:11`?
    error[E0301]: task `after` depends on an unknown job `after:x`
       ╭▸ otto.yml:13:91
    12 │   after:
       │   ───── this task has no `foreach`, so it has no items
    13 │     before: [deploy:stagging, deploy:staging, nums:08, nums:8, nums:12, globbed:anything, after:x]
       ╰╴                                                                                          ━━━━━━━ unknown job
    help: use the whole task: `after`
    ");
}

#[test]
fn a_task_cannot_wait_for_itself() {
    assert_snapshot!(check_task("before: [a]"), @"
    error[E0302]: task `a` depends on itself
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {before: [a]}}
      ╰╴                     ━ the task itself
    help: remove it from `before`
    ");
    assert_snapshot!(check_task("on-failure: [a]"), @"
    error[E0302]: task `a` cannot be its own `on-failure`
      ╭▸ otto.yml:1:26
    1 │ tasks: {a: {on-failure: [a]}}
      ╰╴                         ━ the task itself
    help: remove it from `on-failure`
    ");
}

#[test]
fn names_that_mean_two_things() {
    assert_snapshot!(check_task("params: {-f|--foo: {}, --foo: {}}"), @"
    error[E0303]: task `a` has two parameters called `foo`
      ╭▸ otto.yml:1:36
    1 │ tasks: {a: {params: {-f|--foo: {}, --foo: {}}}}
      │                      ┬───────      ━━━━━ the second
      │                      │
      ╰╴                     the first
      = note: the name is the long option with `_` for `-`, or the letter if there is no long option
    ");
    assert_snapshot!(check_task("params: {--dry-run: {}, --dry_run: {}}"), @"
    error[E0303]: task `a` has two parameters called `dry_run`
      ╭▸ otto.yml:1:37
    1 │ tasks: {a: {params: {--dry-run: {}, --dry_run: {}}}}
      │                      ┬────────      ━━━━━━━━━ the second
      │                      │
      ╰╴                     the first
      = note: the name is the long option with `_` for `-`, or the letter if there is no long option
    ");
    assert_snapshot!(check_task("params: {-m|--msg: {}, -m|--more: {}}"), @"
    error[E0303]: task `a` has two parameters with the letter `-m`
      ╭▸ otto.yml:1:36
    1 │ tasks: {a: {params: {-m|--msg: {}, -m|--more: {}}}}
      │                      ┬───────      ━━━━━━━━━ the second
      │                      │
      ╰╴                     the first
    ");
    assert_snapshot!(check_task("params: {--item: {}}, foreach: {items: [x]}"), @"
    error[E0303]: task `a` has two variables called `item`: a parameter and the item
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {params: {--item: {}}, foreach: {items: [x]}}}
      ╰╴                     ━━━━━━ the parameter  ──────────── the item is in `item`
    help: give the item another name: `as: NAME`
    ");
    assert_snapshot!(check_task("params: {--Serial: {}}, foreach: {items: [x]}"), @"
    error[E0303]: task `a` cannot declare `--Serial`, which is an option of otto
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {params: {--Serial: {}}, foreach: {items: [x]}}}
      ╰╴                     ━━━━━━━━ choose another name
      = note: it runs the jobs of a foreach task one at a time
    ");
    assert_snapshot!(check(r#"tasks: {each: {foreach: {items: [x]}}, "each:x": {bash: y}, "each:z": {bash: y}}
"#), @r#"
    error[E0303]: `each:x` is both a task and a job
      ╭▸ otto.yml:1:40
    1 │ tasks: {each: {foreach: {items: [x]}}, "each:x": {bash: y}, "each:z": {bash: y}}
      │                         ┬───────────   ━━━━━━━━ the task
      │                         │
      ╰╴                        creates a job of task `each` with this name
    help: rename one of them
    "#);
}

#[test]
fn edges_that_exclude_each_other() {
    assert_snapshot!(check(r"tasks:
  work:
    bash: make
    after: [next]
    on-failure: [next, fix]
  fix:
    before: [{task: work, when: always}]
  next:
    bash: echo
"), @"
    error[E0306]: task `next` would run only if `work` both succeeds and fails, so never
      ╭▸ otto.yml:5:18
    4 │     after: [next]
      │             ──── if it succeeds
    5 │     on-failure: [next, fix]
      ╰╴                 ━━━━ if it fails
    help: keep one of them, or write `when: always`
    ");
}

#[test]
fn an_edge_to_a_whole_task_is_one_to_each_of_its_items() {
    assert_snapshot!(check(r#"tasks:
  each: {foreach: {items: [x, y]}, before: [make]}
  make: {after: [{task: "each:x", when: failure}]}
  two: {before: [{task: "each:x", when: failure}, each]}
  fine: {before: [{task: "each:x", when: failure}, "each:y", {task: each, when: always}]}
  fails-by-another: {before: [{task: each, when: failure}, "each:x"]}
"#), @r#"
    error[E0306]: task `each` would run only if `make` both succeeds and fails, so never
      ╭▸ otto.yml:3:25
    2 │   each: {foreach: {items: [x, y]}, before: [make]}
      │                                             ──── if it succeeds
    3 │   make: {after: [{task: "each:x", when: failure}]}
      ╰╴                        ━━━━━━━━ if it fails
    help: keep one of them, or write `when: always`
    error[E0306]: task `two` would run only if `each:x` both succeeds and fails, so never
      ╭▸ otto.yml:4:25
    4 │   two: {before: [{task: "each:x", when: failure}, each]}
      ╰╴                        ━━━━━━━━ if it fails      ──── if it succeeds
    help: keep one of them, or write `when: always`
    "#);
}

#[test]
fn defaults_outside_the_choices() {
    assert_snapshot!(check_task("params: {--e: {default: qa, choices: [dev, prod]}}"), @"fine");
    assert_snapshot!(check_task("params: {--e: {nargs: +, default: dev qa, choices: [dev, prod]}}"), @"fine");
    assert_snapshot!(check_task("params: {--e: {default: PROD, choices: [dev, prod]}}"), @"fine");
    assert_snapshot!(check_task(r#"params: {--e: {default: "", choices: [dev, prod]}}"#), @"fine");
}

#[test]
fn defaults_and_choices_of_the_wrong_type() {
    assert_snapshot!(check_task("params: {--n: {type: int, default: many}}"), @"
    error[E0405]: the default of parameter `--n` of task `a` must be a whole number
      ╭▸ otto.yml:1:48
    1 │ tasks: {a: {params: {--n: {type: int, default: many}}}}
      ╰╴                                               ━━━━ `many` is not a whole number
    ");
    assert_snapshot!(check_task("params: {--n: {type: float, choices: [1.5, x]}}"), @"
    error[E0405]: a choice of parameter `--n` of task `a` must be a number
      ╭▸ otto.yml:1:56
    1 │ tasks: {a: {params: {--n: {type: float, choices: [1.5, x]}}}}
      ╰╴                                                       ━ not a number
    ");
    assert_snapshot!(check_task("params: {--n: {type: int, default: true}}"), @"
    error[E0405]: the default of parameter `--n` of task `a` must be a whole number
      ╭▸ otto.yml:1:48
    1 │ tasks: {a: {params: {--n: {type: int, default: true}}}}
      ╰╴                                               ━━━━ `true` is not a whole number
    ");
}

#[test]
fn patterns_of_files_that_are_none() {
    assert_snapshot!(check_task(r#"input: ["src/[z-a]", "$DIR/[z-a]", fine], output: [""]"#), @r#"
    error[E0114]: invalid file pattern in `input` of task `a`
      ╭▸ otto.yml:1:21
    1 │ tasks: {a: {input: ["src/[z-a]", "$DIR/[z-a]", fine], output: [""]}}
      ╰╴                    ━━━━━━━━━━━ invalid range; 'z' > 'a'
    error[E0114]: invalid file pattern in `output` of task `a`
      ╭▸ otto.yml:1:64
    1 │ tasks: {a: {input: ["src/[z-a]", "$DIR/[z-a]", fine], output: [""]}}
      ╰╴                                                               ━━ it is empty
    "#);
    assert_snapshot!(check_task(r#"foreach: {glob: "{a"}"#), @r#"
    error[E0114]: invalid file pattern in `glob` of `foreach` of task `a`
      ╭▸ otto.yml:1:29
    1 │ tasks: {a: {foreach: {glob: "{a"}}}
      ╰╴                            ━━━━ unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)
    "#);
}

#[test]
fn lines_that_are_joined_into_one() {
    assert_snapshot!(check("tasks:\n  a:\n    bash:\n      echo one\n      echo two\n"), @"
    fine
    warning[E0115]: YAML joins the lines of `bash` of task `a` into one line
      ╭▸ otto.yml:4:7
    4 │       echo one
      ╰╴      ━━━━━━━━ continues on the next line without a `|`
    help: write `bash: |` to keep the lines, `bash: >` to join them
    ");
    for fine in [
        "cargo test\n      --all",
        "a |\n      b",
        "'a\n      b'",
        "|\n      a\n      b",
        ">\n      a\n      b",
    ] {
        assert_eq!(check(&format!("tasks:\n  a:\n    bash: {fine}\n")), "fine\n");
    }
}

#[test]
fn a_nul_byte_stands_nowhere() {
    assert_snapshot!(check_task(r#"params: {--x: {default: "a\0b"}}, bash: 'printf "\0"'"#), @r#"
    error[E0113]: a NUL byte is not allowed in scripts, variables and paths
      ╭▸ otto.yml:1:37
    1 │ tasks: {a: {params: {--x: {default: "a\0b"}}, bash: 'printf "\0"'}}
      ╰╴                                    ━━━━━━ this string contains `\0`
    help: remove it; scripts can print one with `printf '\0'`
    "#);
    for keys in [
        r#"bash: "\0""#,
        r#"envs: {A: "\0"}"#,
        r#"input: ["\x00"]"#,
        r#"dir: "\u0000""#,
        r#"foreach: {items: ["\0"]}"#,
    ] {
        assert!(check_task(keys).starts_with("error[E0113]: a NUL byte"), "{keys}");
    }
}

#[test]
fn needs_twice_and_names_twice_are_refused() {
    assert_snapshot!(check_task("needs: [a], before: [b]"), @"
    error[E0302]: task `a` depends on itself
      ╭▸ otto.yml:1:21
    1 │ tasks: {a: {needs: [a], before: [b]}}
      ╰╴                    ━ the task itself
    help: remove it from `before`
    error[E0105]: task `a` has both `needs` and `before`, which mean the same
      ╭▸ otto.yml:1:25
    1 │ tasks: {a: {needs: [a], before: [b]}}
      │             ┬────       ━━━━━━ the second one
      │             │
      ╰╴            the first one
    help: keep only `needs`
    error[E0301]: task `a` depends on an unknown task `b`
      ╭▸ otto.yml:1:34
    1 │ tasks: {a: {needs: [a], before: [b]}}
      ╰╴                                 ━ unknown task
    ");
    assert_snapshot!(check("tasks: {a: {aliases: [b, a, x y]}, b: {needs: [c]}}"), @"
    error[E0303]: the alias `b` of task `a` is a name of task `b`
      ╭▸ otto.yml:1:23
    1 │ tasks: {a: {aliases: [b, a, x y]}, b: {needs: [c]}}
      ╰╴                      ━ choose another name
    error[E0303]: the alias `a` of task `a` is listed twice
      ╭▸ otto.yml:1:26
    1 │ tasks: {a: {aliases: [b, a, x y]}, b: {needs: [c]}}
      ╰╴                         ━ choose another name
    error[E0301]: task `b` depends on an unknown task `c`
      ╭▸ otto.yml:1:48
    1 │ tasks: {a: {aliases: [b, a, x y]}, b: {needs: [c]}}
      ╰╴                                               ━ unknown task
    ");
    assert_snapshot!(check_task("params: {--Serial: {}}"), @"
    error[E0303]: task `a` cannot declare `--Serial`, which is an option of otto
      ╭▸ otto.yml:1:22
    1 │ tasks: {a: {params: {--Serial: {}}}}
      ╰╴                     ━━━━━━━━ choose another name
      = note: it runs the jobs of a foreach task one at a time
    ");
    assert_snapshot!(check("otto: {dotenv: [{optional: true}, {path: x, maybe: 1}]}"), @"
    error[E0106]: an entry of `otto.dotenv` has no file name
      ╭▸ otto.yml:1:17
    1 │ otto: {dotenv: [{optional: true}, {path: x, maybe: 1}]}
      ╰╴                ━━━━━━━━━━━━━━━━ no `path`
    help: write `{path: .env, optional: true}`
    error[E0104]: unknown key `maybe` in `otto`
      ╭▸ otto.yml:1:45
    1 │ otto: {dotenv: [{optional: true}, {path: x, maybe: 1}]}
      ╰╴                                            ━━━━━ unknown key
      = note: valid keys are `optional` and `path`
    ");
}

//! `steps`, `in-order`, `with` and `as`.

use super::{check, sound};
use crate::ottofile::spec::{Edge, OrderedList, Task};
use insta::assert_snapshot;

/// A task's dependencies, one per line, with their places and values.
fn told(task: &Task) -> String {
    let line = |edge: &Edge| {
        let turn = edge.turn.map(|turn| match turn.list {
            OrderedList::Steps => format!(" step {}", turn.place),
            OrderedList::InOrder(list) => format!(" list {list} place {}", turn.place),
        });
        let with = edge.with.as_ref();
        let values = with.into_iter().flat_map(|with| &with.values).map(|value| {
            let words: Vec<&str> = value.words.iter().map(|word| word.value.as_str()).collect();
            format!(" {}={}", value.param.value, words.join("|"))
        });
        let alias = with.and_then(|with| with.alias.as_ref()).map(|alias| format!(" as {}", alias.value));
        let parts = [turn.unwrap_or_default(), values.collect(), alias.unwrap_or_default()];
        format!("{}{}", edge.task.value, parts.concat())
    };
    task.before.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_step_is_a_task_a_task_with_values_or_a_script() {
    let file = sound(
        "
tasks:
  flow:
    needs: [setup]
    envs: {A: 1}
    dir: sub
    params: {--to: {default: test}}
    steps:
      - clean
      - jobs:b
      - my task
      - {task: push, with: {to: prod, --dry-run: true, files: [a, b c]}, as: p}
      - echo done
      - bash: make
      - python: print(1)
      - |
        echo one
        echo two
  setup:
  clean:
  my task:
  jobs: {foreach: {items: [a, b]}, bash: x}
  push: {params: {files: {nargs: '*'}, --to: , --dry-run: {default: false}}, bash: x}
",
    );
    let flow = file.task("flow").expect("the task");
    assert_snapshot!(told(flow), @"
    setup
    clean step 1
    jobs:b step 2
    my task step 3
    push step 4 to=prod dry_run=true files=a|b c as p
    flow[5] step 5
    flow[6] step 6
    flow[7] step 7
    flow[8] step 8
    ");
    assert_eq!(file.written_tasks().count(), 6);
    let script = file.task("flow[8]").expect("a step");
    let body = script.body.as_ref().expect("a script");
    assert_eq!((body.text.as_str(), body.first_line), ("echo one\necho two\n", 17));
    assert!(script.is_hidden && script.step_of == file.position("flow"));
    assert_eq!((script.envs.len(), script.params.len(), script.dir.is_some()), (1, 1, true));
}

#[test]
fn an_ordered_list_may_stand_among_needs_and_hold_patterns() {
    let file = sound(
        "
tasks:
  all: {needs: [lint, {in-order: [clean, 'build:*']}, {in-order: [{task: a, with: {x: 1}}, lint]}]}
  lint:
  clean:
  build:b:
  build:a:
  a: {params: {--x: }, bash: x}
",
    );
    assert_snapshot!(told(file.task("all").expect("the task")), @"
    lint
    clean list 0 place 1
    build:b list 0 place 2
    build:a list 0 place 2
    a list 1 place 1 x=1
    lint list 1 place 2
    ");
}

#[test]
fn a_pattern_never_means_a_script_among_steps() {
    let file = sound("tasks: {all: {needs: ['*', '_*']}, _f: {steps: [echo 1]}, b: }");
    assert_snapshot!(told(file.task("all").expect("the task")), @"
    b
    _f
    ");
}

#[test]
fn steps_that_are_no_tasks() {
    assert_snapshot!(check("tasks: {a: {steps: [biuld, nonsense, 'lint:*', 'jobs:c', make]}, build: , jobs: {foreach: {items: [a]}, bash: x}}"), @"
    error[E0301]: `steps` of task `a` lists an unknown task `biuld`
      ╭▸ otto.yml:1:21
    1 │ …ks: {a: {steps: [biuld, nonsense, 'lint:*', 'jobs:c', make]}, build: , jobs: {foreach: {items:…
      ╰╴                  ━━━━━ unknown task                           ───── a task with a similar name is defined here
    help: did you mean `build`?
    help: to run a command: `{bash: biuld}`
    error[E0301]: `steps` of task `a` lists an unknown task `nonsense`
      ╭▸ otto.yml:1:28
    1 │ tasks: {a: {steps: [biuld, nonsense, 'lint:*', 'jobs:c', make]}, build: , jobs: {foreach: {item…
      ╰╴                           ━━━━━━━━ unknown task
    help: to run a command: `{bash: nonsense}`
    error[E0301]: no task matches `lint:*`, which task `a` depends on
      ╭▸ otto.yml:1:38
    1 │ tasks: {a: {steps: [biuld, nonsense, 'lint:*', 'jobs:c', make]}, build: , jobs: {foreach: {item…
      ╰╴                                     ━━━━━━━━ matches nothing
    help: `*` stands for any characters but `/`
    error[E0304]: `steps` of task `a` lists an unknown job `jobs:c`
      ╭▸ otto.yml:1:48
    1 │ …t:*', 'jobs:c', make]}, build: , jobs: {foreach: {items: [a]}, bash: x}}
      ╰╴       ━━━━━━━━ unknown job                       ──────────── its items are defined here
    error[E0301]: `steps` of task `a` lists an unknown task `make`
      ╭▸ otto.yml:1:58
    1 │ tasks: {a: {steps: [biuld, nonsense, 'lint:*', 'jobs:c', make]}, build: , jobs: {foreach: {item…
      ╰╴                                                         ━━━━ unknown task
    help: to run a command: `{bash: make}`
    ");
    assert_snapshot!(check("tasks: {a: {needs: [{in-order: [npm run build, 'a[1]', 'b[1]']}]}, b: {steps: [echo 1]}}"), @"
    error[E0301]: `in-order` of task `a` lists an unknown task `npm run build`
      ╭▸ otto.yml:1:33
    1 │ tasks: {a: {needs: [{in-order: [npm run build, 'a[1]', 'b[1]']}]}, b: {steps: [echo 1]}}
      ╰╴                                ━━━━━━━━━━━━━ unknown task
    help: scripts can only be `steps` of a task of their own
    error[E0301]: `in-order` of task `a` lists an unknown task `a[1]`
      ╭▸ otto.yml:1:48
    1 │ tasks: {a: {needs: [{in-order: [npm run build, 'a[1]', 'b[1]']}]}, b: {steps: [echo 1]}}
      ╰╴                                               ━━━━━━ unknown task
    error[E0301]: `in-order` of task `a` lists an unknown task `b[1]`
      ╭▸ otto.yml:1:56
    1 │ tasks: {a: {needs: [{in-order: [npm run build, 'a[1]', 'b[1]']}]}, b: {steps: [echo 1]}}
      ╰╴                                                       ━━━━━━ unknown task
    ");
    assert_snapshot!(check("tasks: {a: {needs: ['b[1]']}, b: {steps: [echo 1]}}"), @"
    error[E0301]: task `a` depends on an unknown task `b[1]`
      ╭▸ otto.yml:1:21
    1 │ tasks: {a: {needs: ['b[1]']}, b: {steps: [echo 1]}}
      ╰╴                    ━━━━━━ unknown task
    ");
}

#[test]
fn steps_of_the_wrong_form() {
    assert_snapshot!(check("tasks: {a: {steps: b}, b: }"), @"
    error[E0103]: `steps` of task `a` must be a list of tasks and scripts, not a string
      ╭▸ otto.yml:1:20
    1 │ tasks: {a: {steps: b}, b: }
      ╰╴                   ━ this is a string
    help: write a list: `steps: [b]`
    ");
    assert_snapshot!(check("tasks: {a: {steps: []}}"), @"
    error[E0109]: `steps` of task `a` must be a list of at least one step
      ╭▸ otto.yml:1:20
    1 │ tasks: {a: {steps: []}}
      ╰╴                   ━━ this is empty
    ");
    assert_snapshot!(check("tasks: {a: {steps: [[b], '', {}, {bash: ' '}, {bash: x, task: b}, {run: x}, {cmd: x, bash: y}]}, b: }"), @"
    error[E0103]: each entry of `steps` of task `a` must be a task or a script, not a list
      ╭▸ otto.yml:1:21
    1 │ tasks: {a: {steps: [[b], '', {}, {bash: ' '}, {bash: x, task: b}, {run: x}, {cmd: x, bash: y}]}…
      ╰╴                    ━━━ this is a list
    error[E0103]: each entry of `steps` of task `a` must be a task or a script, not a string
      ╭▸ otto.yml:1:26
    1 │ tasks: {a: {steps: [[b], '', {}, {bash: ' '}, {bash: x, task: b}, {run: x}, {cmd: x, bash: y}]}…
      ╰╴                         ━━ this is a string
    error[E0106]: an entry of `steps` of task `a` has no task and no script
      ╭▸ otto.yml:1:30
    1 │ tasks: {a: {steps: [[b], '', {}, {bash: ' '}, {bash: x, task: b}, {run: x}, {cmd: x, bash: y}]}…
      ╰╴                             ━━ `task` is missing
    help: write `{task: NAME}` or `{bash: SCRIPT}`
    error[E0109]: `bash` of a step of task `a` must be a script
      ╭▸ otto.yml:1:41
    1 │ tasks: {a: {steps: [[b], '', {}, {bash: ' '}, {bash: x, task: b}, {run: x}, {cmd: x, bash: y}]}…
      ╰╴                                        ━━━ this is empty
    error[E0112]: a step of task `a` has both `bash` and `task`
      ╭▸ otto.yml:1:57
    1 │ tasks: {a: {steps: [[b], '', {}, {bash: ' '}, {bash: x, task: b}, {run: x}, {cmd: x, bash: y}]}…
      │                                                ┬───     ━━━━ the second one
      │                                                │
      ╰╴                                               the first one
    help: a step is either a task or a script
    error[E0106]: an entry of `steps` of task `a` has no task and no script
      ╭▸ otto.yml:1:67
    1 │ … {bash: ' '}, {bash: x, task: b}, {run: x}, {cmd: x, bash: y}]}, b: }
      ╰╴                                   ━━━━━━━━ `task` is missing
    help: write `{task: NAME}` or `{bash: SCRIPT}`
    error[E0104]: unknown key `run` in a step of task `a`
      ╭▸ otto.yml:1:68
    1 │ tasks: {a: {steps: [[b], '', {}, {bash: ' '}, {bash: x, task: b}, {run: x}, {cmd: x, bash: y}]}…
      ╰╴                                                                   ━━━ unknown key
    help: in otto this is `bash`: a script
    error[E0104]: unknown key `cmd` in a step of task `a`
      ╭▸ otto.yml:1:78
    1 │ …: ' '}, {bash: x, task: b}, {run: x}, {cmd: x, bash: y}]}, b: }
      ╰╴                                        ━━━ unknown key
    help: in otto this is `bash`: a script
    ");
    assert_snapshot!(check("tasks: {a: {steps: [{task: b, when: always}, {in-order: [b]}]}, b: }"), @"
    error[E0104]: unknown key `when` in a step of task `a`
      ╭▸ otto.yml:1:31
    1 │ tasks: {a: {steps: [{task: b, when: always}, {in-order: [b]}]}, b: }
      ╰╴                              ━━━━ unknown key
    help: tasks in a list that runs in order wait for success
    error[E0106]: an entry of `steps` of task `a` has no task and no script
      ╭▸ otto.yml:1:46
    1 │ tasks: {a: {steps: [{task: b, when: always}, {in-order: [b]}]}, b: }
      ╰╴                                             ━━━━━━━━━━━━━━━ `task` is missing
    help: write `{task: NAME}` or `{bash: SCRIPT}`
    error[E0104]: unknown key `in-order` in a step of task `a`
      ╭▸ otto.yml:1:47
    1 │ tasks: {a: {steps: [{task: b, when: always}, {in-order: [b]}]}, b: }
      ╰╴                                              ━━━━━━━━ unknown key
      = note: valid keys are `action`, `as`, `bash`, `python`, `python3`, `task` and `with`
    ");
    assert_snapshot!(check("tasks: {a: {needs: [{in-order: b}, {in-order: [{bash: x}, [b]], when: always}]}, b: }"), @"
    error[E0103]: `in-order` of a dependency of task `a` must be a list of task names, not a string
      ╭▸ otto.yml:1:32
    1 │ tasks: {a: {needs: [{in-order: b}, {in-order: [{bash: x}, [b]], when: always}]}, b: }
      ╰╴                               ━ this is a string
    help: write a list: `in-order: [b]`
    error[E0106]: an entry of `in-order` of a dependency of task `a` has no task name
      ╭▸ otto.yml:1:48
    1 │ tasks: {a: {needs: [{in-order: b}, {in-order: [{bash: x}, [b]], when: always}]}, b: }
      ╰╴                                               ━━━━━━━━━ `task` is missing
    help: write `{task: NAME}`
    error[E0104]: unknown key `bash` in a dependency of task `a`
      ╭▸ otto.yml:1:49
    1 │ tasks: {a: {needs: [{in-order: b}, {in-order: [{bash: x}, [b]], when: always}]}, b: }
      ╰╴                                                ━━━━ unknown key
      = note: valid keys are `as`, `task` and `with`
    error[E0103]: each entry of `in-order` of a dependency of task `a` must be a task name, not a list
      ╭▸ otto.yml:1:59
    1 │ tasks: {a: {needs: [{in-order: b}, {in-order: [{bash: x}, [b]], when: always}]}, b: }
      ╰╴                                                          ━━━ this is a list
    error[E0104]: unknown key `when` in a dependency of task `a`
      ╭▸ otto.yml:1:65
    1 │ tasks: {a: {needs: [{in-order: b}, {in-order: [{bash: x}, [b]], when: always}]}, b: }
      ╰╴                                                                ━━━━ unknown key
      = note: valid keys are `in-order`
    ");
    assert_snapshot!(check("tasks: {a: {after: [{task: b, with: {x: 1}}, {task: b, as: c}, {in-order: [b]}]}, b: }"), @"
    error[E0104]: unknown key `with` in a dependency of task `a`
      ╭▸ otto.yml:1:31
    1 │ tasks: {a: {after: [{task: b, with: {x: 1}}, {task: b, as: c}, {in-order: [b]}]}, b: }
      ╰╴                              ━━━━ unknown key
    help: `with` works only in `needs` and `steps`
    error[E0104]: unknown key `as` in a dependency of task `a`
      ╭▸ otto.yml:1:56
    1 │ tasks: {a: {after: [{task: b, with: {x: 1}}, {task: b, as: c}, {in-order: [b]}]}, b: }
      ╰╴                                                       ━━ unknown key
    help: `as` works only in `needs` and `steps`
    error[E0106]: an entry of `after` of task `a` has no task name
      ╭▸ otto.yml:1:64
    1 │ tasks: {a: {after: [{task: b, with: {x: 1}}, {task: b, as: c}, {in-order: [b]}]}, b: }
      ╰╴                                                               ━━━━━━━━━━━━━━━ `task` is missing
    help: write `{task: NAME, when: success}`
    error[E0104]: unknown key `in-order` in a dependency of task `a`
      ╭▸ otto.yml:1:65
    1 │ tasks: {a: {after: [{task: b, with: {x: 1}}, {task: b, as: c}, {in-order: [b]}]}, b: }
      ╰╴                                                                ━━━━━━━━ unknown key
      = note: valid keys are `task` and `when`
    ");
}

#[test]
fn a_list_has_each_task_once() {
    assert_snapshot!(check("tasks: {a: {steps: [b, echo 1, echo 1, b]}, b: }"), @"
    error[E0112]: `steps` of task `a` lists `b` twice
      ╭▸ otto.yml:1:40
    1 │ tasks: {a: {steps: [b, echo 1, echo 1, b]}, b: }
      ╰╴                    ─ listed first     ━ listed again
    help: a task runs once per run; with other values it can run again: `{task: NAME, with: …}`
    ");
    assert_snapshot!(check("tasks: {a: {steps: [other, b]}, b: {aliases: [other]}}"), @"
    error[E0112]: `steps` of task `a` lists `b` twice
      ╭▸ otto.yml:1:28
    1 │ tasks: {a: {steps: [other, b]}, b: {aliases: [other]}}
      │                     ┬────  ━ listed again
      │                     │
      ╰╴                    listed first
    help: a task runs once per run; with other values it can run again: `{task: NAME, with: …}`
    ");
    assert_snapshot!(check("tasks: {a: {needs: [{in-order: [b, 'b:x']}]}, b: {foreach: {items: [x, y]}, bash: x}}"), @"
    error[E0112]: `in-order` of task `a` lists `b:x` twice
      ╭▸ otto.yml:1:36
    1 │ tasks: {a: {needs: [{in-order: [b, 'b:x']}]}, b: {foreach: {items: [x, y]}, bash: x}}
      │                                 ┬  ━━━━━ listed again
      │                                 │
      ╰╴                                listed first
    help: a task runs once per run; with other values it can run again: `{task: NAME, with: …}`
    ");
    let different = "tasks: {a: {steps: ['b:x', c, 'b:y', {task: c, with: {p: 1}}, {task: c, with: {p: 2}}]}, b: {foreach: {items: [x, y]}, bash: x}, c: {params: {--p: }, bash: x}}";
    assert_snapshot!(check(different), @"fine");
    let same = "tasks: {a: {steps: [{task: c, with: {p: 1}}, {task: c, with: {-p: '1'}, as: d}]}, c: {params: {--p: }, bash: x}}";
    assert_snapshot!(check(same), @"
    error[E0112]: `steps` of task `a` lists `c` twice
      ╭▸ otto.yml:1:53
    1 │ tasks: {a: {steps: [{task: c, with: {p: 1}}, {task: c, with: {-p: '1'}, as: d}]}, c: {params: {…
      ╰╴                           ─ listed first           ━ listed again
    help: a task runs once per run; with other values it can run again: `{task: NAME, with: …}`
    ");
    assert_snapshot!(check("tasks: {a: {steps: [a]}, b: {steps: [{task: b, with: {p: 1}}], params: {p: }}}"), @"
    error[E0302]: task `a` depends on itself
      ╭▸ otto.yml:1:21
    1 │ tasks: {a: {steps: [a]}, b: {steps: [{task: b, with: {p: 1}}], params: {p: }}}
      ╰╴                    ━ the task itself
    help: remove it from `steps`
    error[E0302]: task `b` depends on itself
      ╭▸ otto.yml:1:45
    1 │ tasks: {a: {steps: [a]}, b: {steps: [{task: b, with: {p: 1}}], params: {p: }}}
      ╰╴                                            ━ the task itself
    help: remove it from `steps`
    ");
}

#[test]
fn what_applies_to_a_script_cannot_stand_beside_steps() {
    assert_snapshot!(check("tasks: {a: {steps: [echo 1], bash: x}}"), @"
    error[E0110]: task `a` has both `steps` and a script
      ╭▸ otto.yml:1:30
    1 │ tasks: {a: {steps: [echo 1], bash: x}}
      ╰╴            ───── the steps  ━━━━ the script
    help: make the script one of the steps: `{bash: …}`
    ");
    assert_snapshot!(check("tasks: {a: {steps: [echo 1], foreach: {items: [1]}, timeout: 5s, retries: 1, tty: true, input: [x], output: [y], streaming: true, outputs: {k: str}}}"), @"
    error[E0112]: task `a` has both `steps` and `foreach`
      ╭▸ otto.yml:1:39
    1 │ tasks: {a: {steps: [echo 1], foreach: {items: [1]}, timeout: 5s, retries: 1, tty: true, input: …
      │             ┬────                     ━━━━━━━━━━━━ applies to a script
      │             │
      ╰╴            this task has steps instead
    help: set `foreach` in the tasks that are its steps
    error[E0112]: task `a` has both `steps` and `timeout`
      ╭▸ otto.yml:1:62
    1 │ tasks: {a: {steps: [echo 1], foreach: {items: [1]}, timeout: 5s, retries: 1, tty: true, input: …
      ╰╴            ───── this task has steps instead                ━━ applies to a script
    help: set `timeout` in the tasks that are its steps
    error[E0112]: task `a` has both `steps` and `retries`
      ╭▸ otto.yml:1:75
    1 │ …{a: {steps: [echo 1], foreach: {items: [1]}, timeout: 5s, retries: 1, tty: true, input: [x], o…
      ╰╴      ───── this task has steps instead                             ━ applies to a script
    help: set `retries` in the tasks that are its steps
    error[E0112]: task `a` has both `steps` and `tty`
      ╭▸ otto.yml:1:78
    1 │ tasks: {a: {steps: [echo 1], foreach: {items: [1]}, timeout: 5s, retries: 1, tty: true, input: …
      ╰╴            ───── this task has steps instead                                ━━━ applies to a script
    help: set `tty` in the tasks that are its steps
    error[E0112]: task `a` has both `steps` and `input`
      ╭▸ otto.yml:1:97
    1 │ …{a: {steps: [echo 1], foreach: {items: [1]}, timeout: 5s, retries: 1, tty: true, input: [x], ou…
      ╰╴      ───── this task has steps instead                                                   ━ applies to a script
    help: set `input` in the tasks that are its steps
    error[E0112]: task `a` has both `steps` and `output`
      ╭▸ otto.yml:1:110
    1 │ …{a: {steps: [echo 1], foreach: {items: [1]}, timeout: 5s, retries: 1, tty: true, input: [x], output: [y], st…
      ╰╴      ───── this task has steps instead                                                                ━ applies to a script
    help: set `output` in the tasks that are its steps
    error[E0112]: task `a` has both `steps` and `streaming`
      ╭▸ otto.yml:1:125
    1 │ …{a: {steps: [echo 1], foreach: {items: [1]}, timeout: 5s, retries: 1, tty: true, input: [x], output: [y], streaming: true, out…
      ╰╴      ───── this task has steps instead                                                                               ━━━━ applies to a script
    help: set `streaming` in the tasks that are its steps
    error[E0112]: task `a` has both `tty` and `streaming`
      ╭▸ otto.yml:1:125
    1 │ … 5s, retries: 1, tty: true, input: [x], output: [y], streaming: true, outputs: {k: str}}}
      ╰╴                  ─── runs while nothing else runs               ━━━━ streaming tasks run alongside others
    help: remove one of them; tasks with a terminal can pass data through files
    error[E0112]: task `a` declares `outputs` but has no script to set them
      ╭▸ otto.yml:1:131
    1 │ …output: [y], streaming: true, outputs: {k: str}}}
      ╰╴                               ━━━━━━━ nothing sets these values
    help: add a script, or declare them in the task that sets them
    ");
    assert_snapshot!(check("tasks: {a: {steps: [echo 1]}, 'a[1]': {bash: x}}"), @"
    error[E0303]: `a[1]` is both a task and a step of `a`
      ╭▸ otto.yml:1:31
    1 │ tasks: {a: {steps: [echo 1]}, 'a[1]': {bash: x}}
      │                     ┬─────    ━━━━━━ the task
      │                     │
      ╰╴                    the step
    help: rename the task
    ");
    let long = "x".repeat(253);
    assert_snapshot!(check(&format!("tasks: {{{long}: {{steps: [echo 1]}}}}")).replace(&long, "LONG"), @"
    error[E0107]: the name `LONG[1]` of a step is longer than 255 bytes
      ╭▸ otto.yml:1:273
    1 │ …ks: {xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: {steps: [echo 1]}}
      │       ┬───────────────────────────────…────────────────────────────────           ━━━━━━ this step
      │       │
      ╰╴      the task needs a shorter name
    ");
}

#[test]
fn values_are_for_parameters_that_exist() {
    assert_snapshot!(check("tasks: {a: {needs: [{task: b, with: {profil: x, z: 1}}, {task: c, with: {x: 1}}]}, b: {params: {--profile: }, bash: x}, c: }"), @"
    error[E0401]: task `b` has no parameter `profil`, which `with` of task `a` sets
      ╭▸ otto.yml:1:38
    1 │ … b, with: {profil: x, z: 1}}, {task: c, with: {x: 1}}]}, b: {params: {--profile: }, bash: x}, …
      ╰╴            ━━━━━━ unknown parameter                      ─ the task is defined here
    help: did you mean `profile`?
    error[E0401]: task `b` has no parameter `z`, which `with` of task `a` sets
      ╭▸ otto.yml:1:49
    1 │ …th: {profil: x, z: 1}}, {task: c, with: {x: 1}}]}, b: {params: {--profile: }, bash: x}, c: }
      ╰╴                 ━ unknown parameter                ─ the task is defined here
      = note: it has `profile`
    error[E0401]: task `c` has no parameter `x`, which `with` of task `a` sets
      ╭▸ otto.yml:1:74
    1 │ …c, with: {x: 1}}]}, b: {params: {--profile: }, bash: x}, c: }
      ╰╴           ━ unknown parameter                            ─ the task is defined here
      = note: it has no parameters
    ");
    assert_snapshot!(check("tasks: {a: {needs: [{task: b, with: {x: [1], y: [], z: [1, 2, 3], f: {a: b}, d-e: 1, d_e: 2}}]}, b: {params: {--x: , y: {nargs: '+'}, --z: {nargs: 2}, --f: , --d-e: }, bash: x}}"), @"
    error[E0103]: `x` of task `b` takes one value, not a list, in `with` of task `a`
      ╭▸ otto.yml:1:41
    1 │ …ith: {x: [1], y: [], z: [1, 2, 3], f: {a: b}, d-e: 1, d_e: 2}}]}, b: {params: {--x: , y: {narg…
      ╰╴          ━━━ this value                                                        ─── the parameter is declared here
    error[E0406]: `y` of task `b` takes a list of at least 1 values, in `with` of task `a`
      ╭▸ otto.yml:1:49
    1 │ … [1], y: [], z: [1, 2, 3], f: {a: b}, d-e: 1, d_e: 2}}]}, b: {params: {--x: , y: {nargs: '+'},…
      ╰╴          ━━ this value                                                        ─ the parameter is declared here
    error[E0406]: `z` of task `b` takes a list of 2 values, in `with` of task `a`
      ╭▸ otto.yml:1:56
    1 │ …, z: [1, 2, 3], f: {a: b}, d-e: 1, d_e: 2}}]}, b: {params: {--x: , y: {nargs: '+'}, --z: {narg…
      ╰╴      ━━━━━━━━━ this value                                                           ─── the parameter is declared here
    error[E0103]: the value of `f` in `with` of a dependency of task `a` must be a string or a list
      ╭▸ otto.yml:1:70
    1 │ tasks: {a: {needs: [{task: b, with: {x: [1], y: [], z: [1, 2, 3], f: {a: b}, d-e: 1, d_e: 2}}]}…
      ╰╴                                                                     ━━━━━━ this is a map
    error[E0105]: `with` of a dependency of task `a` sets `d_e` twice
      ╭▸ otto.yml:1:86
    1 │ …y: [], z: [1, 2, 3], f: {a: b}, d-e: 1, d_e: 2}}]}, b: {params: {--x: , y: {nargs: '+'}, --z: …
      │                                  ┬──     ━━━ written again here
      │                                  │
      ╰╴                                 first written here
    help: keep one of them
    ");
    assert_snapshot!(check("tasks: {a: {needs: [{task: b, with: [x]}, {task: b, with: {}}]}, b: }"), @"
    error[E0103]: `with` of a dependency of task `a` must be a map, not a list
      ╭▸ otto.yml:1:37
    1 │ tasks: {a: {needs: [{task: b, with: [x]}, {task: b, with: {}}]}, b: }
      ╰╴                                    ━━━ this is a list
    help: write `with: {PARAMETER: VALUE}`
    ");
    assert_snapshot!(check("tasks: {a: {needs: [{task: b, vars: {x: 1}}, {task: b, alias: x}]}, b: }"), @"
    error[E0104]: unknown key `vars` in a dependency of task `a`
      ╭▸ otto.yml:1:31
    1 │ tasks: {a: {needs: [{task: b, vars: {x: 1}}, {task: b, alias: x}]}, b: }
      ╰╴                              ━━━━ unknown key
    help: in otto this is `with`: values of the task's parameters
    error[E0104]: unknown key `alias` in a dependency of task `a`
      ╭▸ otto.yml:1:56
    1 │ tasks: {a: {needs: [{task: b, vars: {x: 1}}, {task: b, alias: x}]}, b: }
      ╰╴                                                       ━━━━━ unknown key
    help: in otto this is `as`: the name by which its data is read
    ");
}

#[test]
fn data_has_one_name_each() {
    assert_snapshot!(check("tasks: {a: {needs: [{task: b, as: x}, {task: c, as: x}, {task: b, as: c}, c]}, b: , c: }"), @"
    error[E0303]: task `a` has two dependencies called `x`
      ╭▸ otto.yml:1:53
    1 │ tasks: {a: {needs: [{task: b, as: x}, {task: c, as: x}, {task: b, as: c}, c]}, b: , c: }
      ╰╴                                  ─ the first one   ━ the second one
    help: choose another name in `as`
    error[E0303]: task `a` has two dependencies called `c`
      ╭▸ otto.yml:1:71
    1 │ tasks: {a: {needs: [{task: b, as: x}, {task: c, as: x}, {task: b, as: c}, c]}, b: , c: }
      │                                                                       ┯   ─ the first one
      │                                                                       │
      ╰╴                                                                      the second one
    help: choose another name in `as`
    ");
    assert_snapshot!(check("tasks: {a: {needs: [{task: 'b*', as: x}]}, b1: , b2: }"), @"
    error[E0303]: `b*` matches 2 tasks, but only one can be called `x`
      ╭▸ otto.yml:1:38
    1 │ tasks: {a: {needs: [{task: 'b*', as: x}]}, b1: , b2: }
      │                            ┬───      ━ the name
      │                            │
      ╰╴                           the tasks
    help: remove `as`, or list the tasks one by one
    ");
    assert_snapshot!(check("tasks: {a: {needs: [{task: b, as: x.y}, {task: b, as: ''}]}, b: }"), @"
    error[E0109]: `as` of a dependency of task `a` must be a name of letters, digits, `-` and `_`
      ╭▸ otto.yml:1:35
    1 │ tasks: {a: {needs: [{task: b, as: x.y}, {task: b, as: ''}]}, b: }
      ╰╴                                  ━━━ contains another character
    error[E0109]: `as` of a dependency of task `a` must be a non-empty string
      ╭▸ otto.yml:1:55
    1 │ tasks: {a: {needs: [{task: b, as: x.y}, {task: b, as: ''}]}, b: }
      ╰╴                                                      ━━ this is empty
    ");
    assert_snapshot!(check("tasks: {a: {needs: [{task: b, with: {p: 1}, as: b}]}, b: {params: {--p: }, bash: x}}"), @"fine");
}

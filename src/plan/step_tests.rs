//! Plans of lists that run in order, and of tasks that are needed with other values.

use super::tests::{Table, planned, planned_with};
use insta::assert_snapshot;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const VALUES: &str = "
tasks:
  rel:
    needs: [{task: build, with: {profile: release}, as: rel}, build]
    bash: x
  other:
    needs: [{task: build, with: {profile: release, target: x86}}, {task: build, with: {profile: debug}}]
    bash: x
  build:
    needs: [compile, fetch]
    params: {--profile: {default: debug, choices: [debug, release]}, --target: {default: x86}}
    bash: x
  compile: {params: {--profile: {default: debug}}, bash: x}
  fetch: {bash: x}
";

#[test]
fn what_a_step_needs_waits_for_the_step_before() {
    let file = "
tasks:
  all: {needs: [lint, {in-order: [clean, build, push]}], bash: x}
  lint: {needs: [deps], bash: x}
  build: {needs: [gen], bash: x}
  gen: {needs: [deps], bash: x}
  deps: {bash: x}
  push: {needs: [build, login], bash: x}
  login: {bash: x}
  clean: {bash: x}
";
    assert_snapshot!(planned(file, "all"), @"
    clean
    deps <clean
    lint <deps sees deps
    gen <deps sees deps
    build <clean <gen sees gen
    login <build
    push <build <login sees build,login
    all <clean <lint <build <push sees clean,lint,build,push
    ");
    assert_snapshot!(planned(file, "push"), @"
    deps
    gen <deps sees deps
    build <gen sees gen
    login
    push <build <login sees build,login
    ");
}

#[test]
fn what_the_step_before_needs_too_does_not_wait_for_it() {
    let file = "
tasks:
  flow: {steps: [build, test]}
  build: {needs: [deps], bash: x}
  test: {needs: [deps, build, data], bash: x}
  deps: {bash: x}
  data: {bash: x}
";
    assert_snapshot!(planned(file, "flow"), @"
    deps
    build <deps sees deps
    data <build
    test <deps <build <data sees deps,build,data
    flow (group) <build <test sees build,test
    ");
}

#[test]
fn steps_begin_when_all_needs_are_done() {
    let file = "
tasks:
  flow: {needs: [a, b], steps: [b, echo 1, {bash: x}, c]}
  a: {bash: x}
  b: {bash: x}
  c: {needs: [d], bash: x}
  d: {bash: x}
";
    assert_snapshot!(planned(file, "flow"), @"
    a
    b
    flow[2] <b
    flow[3] <flow[2]
    d <flow[3]
    c <flow[3] <d sees d
    flow (group) <a <b <flow[2] <flow[3] <c sees a,b,flow[2],flow[3],c
    ");
    let indirect = "tasks: {flow: {needs: [test], steps: [build, push]}, test: {needs: [build], bash: x}, build: {bash: x}, push: {bash: x}}";
    assert_snapshot!(planned(indirect, "flow"), @"
    build
    test <build sees build
    push <build
    flow (group) <build <test <push sees build,test,push
    ");
}

#[test]
fn lists_of_lists_and_of_items_keep_their_order() {
    let file = "
tasks:
  release: {steps: [check, 'deploy:test', smoke, 'deploy:prod', empty]}
  check: {steps: [lint, unit]}
  lint: {bash: x}
  unit: {bash: x}
  smoke: {bash: x}
  deploy: {foreach: {items: [prod, test]}, needs: [login], bash: x}
  login: {bash: x}
  empty: {foreach: {glob: none/*}, bash: x}
";
    assert_snapshot!(planned(file, "release"), @"
    lint
    unit <lint
    check (group) <lint <unit sees lint,unit
    login <check
    deploy:test <check <login item[1]=test sees login
    smoke <deploy:test
    deploy:prod <login <smoke item[0]=prod sees login
    deploy (group) <~deploy:test <~deploy:prod
    empty (group) <deploy:prod
    release (group) <check <deploy:test <smoke <deploy:prod <empty sees deploy:test,smoke,deploy:prod
    ");
    assert_snapshot!(planned("tasks: {a: {steps: ['b:x', c, b]}, b: {foreach: {items: [x, y, z]}, bash: x}, c: {bash: x}}", "a"), @"
    b:x item[0]=x
    c <b:x
    b:y <c item[1]=y
    b:z <c item[2]=z
    b (group) <~b:x <c <~b:y <~b:z
    a (group) <b:x <c <b sees b:x,c,b:y,b:z
    ");
}

#[test]
fn a_step_of_two_lists_runs_once() {
    let file = "
tasks:
  a: {steps: [clean, build]}
  b: {steps: [clean, test, build]}
  clean: {bash: x}
  build: {bash: x}
  test: {bash: x}
";
    assert_snapshot!(planned(file, "a b"), @"
    clean
    test <clean
    build <clean <test
    a (group) <clean <build sees clean,build
    b (group) <clean <test <build sees clean,test,build
    ");
}

#[test]
fn lists_that_contradict_each_other_or_what_tasks_need_are_errors() {
    let two = "
tasks:
  up: {steps: [db, web]}
  down: {steps: [web, db]}
  db: {bash: x}
  web: {bash: x}
";
    assert_snapshot!(planned(two, "up"), @"
    db
    web <db
    up (group) <db <web sees db,web
    ");
    assert_snapshot!(planned(two, "up down"), @"
    error[E0302]: contradicting order: `db` waits for `web` waits for `db`
      ╭▸ otto.yml:4:23
    3 │   up: {steps: [db, web]}
      │                    ─── `web` runs after `db` in `steps` of `up`
    4 │   down: {steps: [web, db]}
      ╰╴                      ━━ `db` runs after `web` in `steps` of `down`
    help: change the order in one of these lists, or split a task
    ");
    let backwards = "tasks: {a: {steps: [test, build]}, test: {needs: [build], bash: x}, build: {bash: x}}";
    assert_snapshot!(planned(backwards, "a"), @"
    error[E0302]: contradicting order: `build` waits for `test` waits for `build`
      ╭▸ otto.yml:1:27
    1 │ tasks: {a: {steps: [test, build]}, test: {needs: [build], bash: x}, build: {bash: x}}
      │                           ┯━━━━                   ───── `test` needs `build`
      │                           │
      ╰╴                          `build` runs after `test` in `steps` of `a`
    help: change the order in one of these lists, or split a task
    ");
    let through = "
tasks:
  a: {needs: [{in-order: [x, y]}]}
  b: {steps: [y, echo 1, z]}
  x: {needs: [z], bash: x}
  y: {bash: x}
  z: {bash: x}
";
    assert_snapshot!(planned(through, "a b"), @"
    error[E0302]: contradicting order: `z` waits for `b[2]` waits for `y` waits for `x` waits for `z`
      ╭▸ otto.yml:4:26
    3 │   a: {needs: [{in-order: [x, y]}]}
      │                              ─ `y` runs after `x` in `in-order` of `a`
    4 │   b: {steps: [y, echo 1, z]}
      │                  ┬─────  ━ `z` runs after `b[2]` in `steps` of `b`
      │                  │
      │                  `b[2]` runs after `y` in `steps` of `b`
    5 │   x: {needs: [z], bash: x}
      ╰╴              ─ `x` needs `z`
    help: change the order in one of these lists, or split a task
    ");
}

#[test]
fn a_task_twice_in_a_list_with_the_values_that_it_has_anyway_is_an_error() {
    let file = "tasks: {a: {steps: [b, {task: b, with: {x: 1}}]}, b: {params: {--x: {default: 1}}, bash: x}}";
    assert_snapshot!(planned(file, "a"), @"
    error[E0112]: `steps` of task `a` lists `b` twice
      ╭▸ otto.yml:1:31
    1 │ tasks: {a: {steps: [b, {task: b, with: {x: 1}}]}, b: {params: {--x: {default: 1}}, bash: x}}
      │                     ┬         ━ listed again, with the values that it has anyway
      │                     │
      ╰╴                    listed first
    help: a task runs once per run, unless its values differ
    ");
    let differing =
        "tasks: {a: {steps: [b, {task: b, with: {x: 2}}]}, b: {params: {--x: {default: 1}}, bash: x}}";
    assert_snapshot!(planned(differing, "a"), @"
    b x=1
    b[x=2] <b x=2
    a (group) <b <b[x=2] sees b,b[x=2]
    ");
}

#[test]
fn a_set_of_values_is_one_job_and_none_of_its_own_where_they_are_those_of_the_task() {
    assert_snapshot!(planned(VALUES, "rel other"), @"
    compile profile=debug
    compile[profile=release] profile=release
    fetch
    build <compile <fetch profile=debug target=x86 sees compile,fetch
    build[profile=release] <compile[profile=release] <fetch profile=release target=x86 sees compile[profile=release],fetch
    rel <build <build[profile=release] sees build,build[profile=release]
    other <build <build[profile=release] sees build,build[profile=release]
    ");
    assert_snapshot!(planned(VALUES, "other"), @"
    compile profile=debug
    compile[profile=release] profile=release
    fetch
    build <compile <fetch profile=debug target=x86 sees compile,fetch
    build[profile=release] <compile[profile=release] <fetch profile=release target=x86 sees compile[profile=release],fetch
    other <build <build[profile=release] sees build,build[profile=release]
    ");
}

#[test]
fn values_from_the_command_line_are_those_that_a_task_has_anyway() {
    assert_snapshot!(planned(VALUES, "rel build --profile release"), @"
    compile profile=release
    fetch
    build <compile <fetch profile=release target=x86 sees compile,fetch
    rel <build sees build
    ");
    assert_snapshot!(planned(VALUES, "rel build --target arm"), @"
    compile profile=debug
    compile[profile=release] profile=release
    fetch
    build <compile <fetch profile=debug target=arm sees compile,fetch
    build[profile=release] <compile[profile=release] <fetch profile=release target=arm sees compile[profile=release],fetch
    rel <build <build[profile=release] sees build,build[profile=release]
    ");
}

#[test]
fn values_may_mention_what_the_task_that_sets_them_has() {
    let file = "
otto: {envs: {TAG: $(tag)}}
tasks:
  test:
    foreach: {items: [linux, mac]}
    params: {--env: {default: dev}}
    envs: {OWN: mine}
    needs: [{task: build, with: {os: $item, note: \"$env $OWN $$x\", tag: $TAG}, as: b}]
    bash: x
  build: {params: {--os: , --note: , --tag: }, bash: x}
";
    let facts =
        |forbids_commands| Table { commands: vec![("tag", "v1\n")], forbids_commands, ..Table::default() };
    assert_snapshot!(planned_with(file, "test --env prod", &facts(false)), @"
    build[os=linux,note=#ff8f9334,tag=v1] os=linux note=prod mine $x tag=v1 $TAG=v1
    build[os=mac,note=#ff8f9334,tag=v1] os=mac note=prod mine $x tag=v1 $TAG=v1
    test:linux <build[os=linux,note=#ff8f9334,tag=v1] item[0]=linux env=prod $TAG=v1 $OWN=mine sees build[os=linux,note=#ff8f9334,tag=v1]
    test:mac <build[os=mac,note=#ff8f9334,tag=v1] item[1]=mac env=prod $TAG=v1 $OWN=mine sees build[os=mac,note=#ff8f9334,tag=v1]
    test (group) <~test:linux <~test:mac env=prod
    ");
    assert_snapshot!(planned_with(file, "test", &facts(true)), @"
    build[os=linux,note=#65c21beb,tag=#4fc744a4] os=linux note=dev mine $x tag=$TAG
    build[os=mac,note=#65c21beb,tag=#4fc744a4] os=mac note=dev mine $x tag=$TAG
    test:linux <build[os=linux,note=#65c21beb,tag=#4fc744a4] item[0]=linux env=dev sees build[os=linux,note=#65c21beb,tag=#4fc744a4]
    test:mac <build[os=mac,note=#65c21beb,tag=#4fc744a4] item[1]=mac env=dev sees build[os=mac,note=#65c21beb,tag=#4fc744a4]
    test (group) <~test:linux <~test:mac env=dev
    ");
    let unknown =
        "tasks: {a: {needs: [{task: b, with: {x: $nothing}}], bash: x}, b: {params: {--x: }, bash: x}}";
    assert_snapshot!(planned(unknown, "a"), @"
    error[E0503]: `x` refers to `nothing`, which is not set
      ╭▸ otto.yml:1:41
    1 │ tasks: {a: {needs: [{task: b, with: {x: $nothing}}], bash: x}, b: {params: {--x: }, bash: x}}
      ╰╴                                        ━━━━━━━━ neither in `envs` nor in the environment
    help: `${nothing:-}` is empty if it is not set; write `$$` for a literal `$`
    ");
}

#[test]
fn values_have_the_type_that_the_parameter_declares() {
    let file = "
tasks:
  a: {needs: [{task: b, with: {n: many, e: prd, f: 'yes', l: [1, 2]}}, {task: b, with: {n: 7, e: PROD, f: 'true', l: [a b]}}], bash: x}
  b: {params: {--n: {type: int}, --e: {choices: [test, prod]}, --f: {default: false}, l: {nargs: '*', type: int}}, bash: x}
";
    assert_snapshot!(planned(file, "a"), @"
    error[E0405]: invalid value `many` for `--n` of `b`, set in `with` of `a`
      ╭▸ otto.yml:3:35
    3 │   a: {needs: [{task: b, with: {n: many, e: prd, f: 'yes', l: [1, 2]}}, {task: b, with: {n: 7, e…
      │                                   ━━━━ not a whole number
    4 │   b: {params: {--n: {type: int}, --e: {choices: [test, prod]}, --f: {default: false}, l: {nargs…
      ╰╴               ─── declared as a whole number
    error[E0404]: `prd` is not one of the choices for `--e` of `b`, set in `with` of `a`
      ╭▸ otto.yml:3:44
    3 │   a: {needs: [{task: b, with: {n: many, e: prd, f: 'yes', l: [1, 2]}}, {task: b, with: {n: 7, e…
      ╰╴                                           ━━━ the choices are: test, prod
    help: did you mean `prod`?
    error[E0405]: invalid value `a b` for `l` of `b`, set in `with` of `a`
      ╭▸ otto.yml:3:118
    3 │ …}}, {task: b, with: {n: 7, e: PROD, f: 'true', l: [a b]}}], bash: x}
      │                                                    ━━━━━ not a whole number
    4 │ … {default: false}, l: {nargs: '*', type: int}}, bash: x}
      ╰╴                    ─ declared as a whole number
    ");
    let fine = "
tasks:
  a: {needs: [{task: b, with: {n: 7, e: PROD, f: 'yes', l: [a, b c]}}], bash: x}
  b: {params: {--n: {type: int}, --e: {choices: [test, prod]}, --f: {default: false}, l: {nargs: '*'}}, bash: x}
";
    assert_snapshot!(planned(fine, "a"), @"
    b[n=7,e=prod,f=true,l=#1a0dad76] n=7 e=prod f=true l=a b c
    a <b[n=7,e=prod,f=true,l=#1a0dad76] sees b[n=7,e=prod,f=true,l=#1a0dad76]
    ");
}

#[test]
fn a_foreach_task_has_its_jobs_for_each_set_of_values() {
    let file = "
tasks:
  a: {needs: [{task: b, with: {x: 1}, as: one}, {task: 'b:q', with: {x: 2}, as: two}, c], bash: x}
  b: {foreach: {items: [p, q], parallel: false}, params: {--x: {default: 0}}, needs: [d], bash: x}
  c: {needs: ['b:p'], bash: x}
  d: {bash: x}
";
    assert_snapshot!(planned(file, "a"), @"
    d
    b:p <d item[0]=p x=0 sees d Serial
    b[x=1]:p <d item[0]=p x=1 sees d Serial
    b[x=1]:q <d item[1]=q x=1 sees d Serial
    b[x=2]:q <d item[1]=q x=2 sees d Serial
    b[x=1] (group) <~b[x=1]:p <~b[x=1]:q x=1
    c <b:p sees b:p
    a <b[x=2]:q <b[x=1] <c sees b[x=1]:p,b[x=1]:q,b[x=2]:q,c
    ");
    assert_snapshot!(planned(file, "a b"), @"
    d
    b:p <d item[0]=p x=0 sees d Serial
    b[x=1]:p <d item[0]=p x=1 sees d Serial
    b:q <d item[1]=q x=0 sees d Serial
    b[x=1]:q <d item[1]=q x=1 sees d Serial
    b[x=2]:q <d item[1]=q x=2 sees d Serial
    b (group) <~b:p <~b:q x=0
    b[x=1] (group) <~b[x=1]:p <~b[x=1]:q x=1
    c <b:p sees b:p
    a <b[x=2]:q <b[x=1] <c sees b[x=1]:p,b[x=1]:q,b[x=2]:q,c
    ");
}

#[test]
fn what_follows_a_task_follows_all_its_versions() {
    let file = "
tasks:
  a: {needs: [{task: b, with: {x: 1}}, {task: b, with: {x: 2}}], bash: x}
  b: {params: {--x: }, bash: x, after: [{task: tidy, when: always}], on-failure: [alarm]}
  tidy: {bash: x}
  alarm: {bash: x}
";
    assert_snapshot!(planned(file, "a"), @"
    b[x=1] x=1
    b[x=2] x=2
    a <b[x=1] <b[x=2] sees b[x=1],b[x=2]
    tidy <~b[x=1] <~b[x=2] sees b[x=1],b[x=2]
    alarm <!b[x=1] <!b[x=2] sees b[x=1],b[x=2]
    ");
}

#[test]
fn a_value_that_is_set_flows_on_like_one_that_is_given() {
    let file = "
tasks:
  a: {needs: [{task: b, with: {x: 1}}, {task: b, with: {x: 2}}], bash: x}
  b: {params: {--x: {default: 0}}, needs: [c, {task: e, with: {x: fixed}}], bash: x}
  c: {needs: [d], bash: x}
  d: {params: {--x: {default: 0}}, bash: x}
  e: {params: {--x: }, bash: x}
";
    assert_snapshot!(planned(file, "a"), @"
    d x=0
    c <d sees d
    e[x=fixed] x=fixed
    b[x=1] <c <e[x=fixed] x=1 sees c,e[x=fixed]
    b[x=2] <c <e[x=fixed] x=2 sees c,e[x=fixed]
    a <b[x=1] <b[x=2] sees b[x=1],b[x=2]
    ");
    let direct = "
tasks:
  a: {needs: [{task: b, with: {x: 1}}], bash: x}
  b: {params: {--x: {default: 0}}, needs: [d], bash: x}
  d: {params: {--x: {default: 0}}, bash: x}
";
    assert_snapshot!(planned(direct, "a"), @"
    d[x=1] x=1
    b[x=1] <d[x=1] x=1 sees d[x=1]
    a <b[x=1] sees b[x=1]
    ");
    assert_snapshot!(planned(direct, "a d --x 9"), @"
    d x=9
    b[x=1] <d x=1 sees d
    a <b[x=1] sees b[x=1]
    ");
}

#[test]
fn a_parameter_that_is_set_inherits_nothing() {
    let file = "
tasks:
  a: {params: {--x: }, needs: [{task: b, with: {x: fixed}}, c], bash: x}
  b: {params: {--x: {default: 0}}, bash: x}
  c: {params: {--x: {default: 0}}, bash: x}
";
    assert_snapshot!(planned(file, "a --x given"), @"
    b[x=fixed] x=fixed
    c x=given
    a <b[x=fixed] <c x=given sees b[x=fixed],c
    ");
}

#[test]
fn a_script_among_steps_has_the_values_of_its_task() {
    let file = "
tasks:
  flow:
    params: {--to: {default: test}, args: {nargs: '*'}}
    envs: {A: \"to $to\"}
    steps: [build, echo $A, {python: print(to)}]
  build: {params: {--to: }, bash: x}
";
    assert_snapshot!(planned(file, "flow --to prod x y"), @"
    build to=prod
    flow[2] <build to=prod args=x y $A=to prod
    flow[3] <flow[2] to=prod args=x y $A=to prod sees build,flow[2]
    flow (group) <build <flow[2] <flow[3] to=prod args=x y sees build,flow[2],flow[3]
    ");
    assert_snapshot!(planned(file, "flow[2]"), @"
    error[E0003]: unknown task `flow[2]`
      ╭▸ command line:1:6
    1 │ otto 'flow[2]'
      ╰╴     ━━━━━━━━━ not in otto.yml
    help: run its task: `otto flow`
    help: to repeat one of its jobs: `otto Rerun RUN 'flow[2]'`
    ");
}

#[test]
fn a_thousand_steps_are_planned_at_once() {
    let steps: Vec<String> = (0..1000).map(|step| format!("    - echo {step}\n")).collect();
    let file = format!("tasks:\n  flow:\n    steps:\n{}", steps.concat());
    let plan = planned(&file, "flow");
    assert_eq!(plan.lines().count(), 1001);
    assert!(plan.contains("\nflow[1000] <flow[999]"));
}

/// A task of a random file: what it needs by number, and its steps by number.
#[derive(Debug)]
struct Random {
    needs: Vec<usize>,
    lists: Vec<Vec<usize>>,
}

fn random() -> impl Strategy<Value = Vec<Random>> {
    let task = |place: usize| {
        let lower = 0..place.max(1);
        let needs = prop::collection::vec(lower.clone(), 0..3);
        let list = prop::collection::vec(lower, 2..5);
        (needs, prop::collection::vec(list, 0..2)).prop_map(move |(needs, lists)| {
            let once = |list: Vec<usize>| {
                let mut seen = BTreeSet::new();
                list.into_iter().filter(|task| *task < place && seen.insert(*task)).collect::<Vec<_>>()
            };
            Random { needs: once(needs), lists: lists.into_iter().map(once).collect() }
        })
    };
    (0..9usize).map(task).collect::<Vec<_>>()
}

proptest! {
    /// Either the lists contradict each other, or each job comes after everything that it needs, and after the entry before
    /// in each list, with all that it needs and that one does not.
    #[test]
    fn the_order_of_lists_holds_or_is_refused(tasks in random()) {
        let name = |task: &usize| format!("t{task}");
        let names = |tasks: &[usize]| tasks.iter().map(name).collect::<Vec<_>>().join(", ");
        let lines = tasks.iter().enumerate().map(|(place, task)| {
            let lists = task.lists.iter().map(|list| format!(", {{in-order: [{}]}}", names(list)));
            let needs = [vec![names(&task.needs)], lists.collect()].concat().concat();
            let needs = needs.trim_start_matches(", ");
            format!("  t{place}: {{needs: [{needs}], bash: x}}\n")
        });
        let file = format!("tasks:\n{}", lines.collect::<String>());
        let plan = planned(&file, "t8");
        if plan.starts_with("error[E0302]") {
            return Ok(());
        }
        let number = |word: &str| word.trim_start_matches(['t', '<']).parse::<usize>().expect("a number");
        // For each task of the plan all that it waits for.
        let mut waits: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for line in plan.lines() {
            let words: Vec<&str> = line.split(' ').take_while(|word| *word != "sees").collect();
            let direct: BTreeSet<usize> = words[1..].iter().map(|word| number(word)).collect();
            let indirect = direct.iter().flat_map(|job| waits[job].clone()).collect::<Vec<_>>();
            waits.insert(number(words[0]), direct.into_iter().chain(indirect).collect());
        }
        let all_needs = |task: usize| {
            let mut found = vec![task];
            let mut next = 0;
            while let Some(task) = found.get(next).copied() {
                next += 1;
                let listed = tasks[task].lists.iter().flatten();
                let needs = tasks[task].needs.iter().chain(listed).filter(|need| !found.contains(need));
                let new: BTreeSet<usize> = needs.copied().collect();
                found.extend(new);
            }
            found
        };
        for (place, task) in tasks.iter().enumerate().filter(|(place, _)| waits.contains_key(place)) {
            prop_assert!(task.needs.iter().all(|need| waits[&place].contains(need)), "{file}{plan}");
            for list in &task.lists {
                let mut earlier: Vec<usize> = Vec::new();
                for pair in list.windows(2) {
                    earlier.extend(all_needs(pair[0]));
                    for job in all_needs(pair[1]).into_iter().filter(|job| !earlier.contains(job)) {
                        prop_assert!(waits[&job].contains(&pair[0]), "{} before {job}\n{file}{plan}", pair[0]);
                    }
                }
            }
        }
    }
}

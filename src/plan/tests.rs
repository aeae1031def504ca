//! Plans of whole ottofiles, as a line for each job, and what stands in the way of one.

use super::*;
use crate::diagnostic::render;
use crate::plan::facts::CommandFailure;
use crate::request::{self, Parsed, Takes};
use crate::source::{SourceFile, Span};
use insta::assert_snapshot;
use std::cell::RefCell;
use std::path::Path;

/// A world that is a table.
#[derive(Default)]
pub(super) struct Table {
    pub(super) variables: Vec<(&'static str, &'static str)>,
    pub(super) files: Vec<&'static str>,
    /// Commands and what they print.
    pub(super) commands: Vec<(&'static str, &'static str)>,
    pub(super) forbids_commands: bool,
    pub(super) asked: RefCell<Vec<String>>,
}

impl Facts for Table {
    fn variable(&self, name: &str) -> Option<OsString> {
        self.variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into())
    }

    fn glob(&self, pattern: &str) -> Result<Vec<OsString>, String> {
        let (before, after) = pattern.split_once('*').ok_or("no star")?;
        Ok(self
            .files
            .iter()
            .filter(|file| file.starts_with(before) && file.ends_with(after))
            .map(|file| (*file).into())
            .collect())
    }

    fn file(&self, path: &str) -> Result<Option<String>, String> {
        match path {
            ".env" => Ok(Some("FROM_FILE=1\nexport QUOTED=\"a b\"\n# note\n".into())),
            "secret" => Err("permission denied".into()),
            _ => Ok(None),
        }
    }

    fn command(&self, command: &str, variables: &[(String, OsString)]) -> Result<Vec<u8>, CommandFailure> {
        // What names the command itself depends on the hash of the file.
        let own = variables.iter().filter(|(name, _)| name != "OTTO_ENVS_COMMAND");
        let seen: Vec<String> =
            own.map(|(name, value)| format!("{name}={}", value.to_string_lossy())).collect();
        self.asked.borrow_mut().push(format!("{command} [{}]", seen.join(" ")));
        let found = self.commands.iter().find(|(known, _)| *known == command);
        found
            .map(|(_, printed)| printed.as_bytes().to_vec())
            .ok_or(CommandFailure { how: "exit 3".into(), stderr: "oh no\n".into() })
    }

    fn within<'f>(&'f self, folder: Option<&'f Path>) -> Box<dyn Facts + 'f> {
        Box::new(TableFolder(self, folder))
    }

    fn may_run_commands(&self) -> bool {
        !self.forbids_commands
    }
}

/// The table as seen from a folder, which commands and files show.
struct TableFolder<'t>(&'t Table, Option<&'t Path>);

impl TableFolder<'_> {
    fn named(&self, text: &str) -> String {
        self.1.map_or_else(|| text.to_owned(), |folder| format!("{}: {text}", folder.display()))
    }
}

impl Facts for TableFolder<'_> {
    fn variable(&self, name: &str) -> Option<OsString> {
        self.0.variable(name)
    }

    fn glob(&self, pattern: &str) -> Result<Vec<OsString>, String> {
        self.0.glob(&self.named(pattern))
    }

    fn file(&self, path: &str) -> Result<Option<String>, String> {
        self.0.file(&self.named(path))
    }

    fn command(&self, command: &str, variables: &[(String, OsString)]) -> Result<Vec<u8>, CommandFailure> {
        self.0.command(&self.named(command), variables)
    }

    fn within<'f>(&'f self, folder: Option<&'f Path>) -> Box<dyn Facts + 'f> {
        Box::new(TableFolder(self.0, folder.or(self.1)))
    }

    fn may_run_commands(&self) -> bool {
        self.0.may_run_commands()
    }
}

/// The jobs of `otto WORDS`, a line each, or what stands in the way.
pub(super) fn planned_with(yaml: &str, words: &str, facts: &Table) -> String {
    let source = SourceFile::new("otto.yml", yaml);
    let shown = |diagnostics: Vec<Diagnostic>| render(&diagnostics, false, 100);
    let (ottofile, _) = match crate::ottofile::read(&source) {
        Ok(read) => read,
        Err(diagnostics) => return shown(diagnostics),
    };
    let words: Vec<OsString> = words.split_whitespace().map(|word| word.replace('_', " ").into()).collect();
    let option = |word: &str| match word {
        "-j" | "--jobs" => Some(Takes::Value),
        "-k" | "--force" => Some(Takes::Nothing),
        _ => None,
    };
    let request = match request::parse(&words, &ottofile, &option) {
        Ok(Parsed::Run { request, .. }) => request,
        Ok(Parsed::Help { task }) => return format!("help of {}", ottofile.tasks[task].name),
        Ok(other) => return format!("{other:?}"),
        Err(diagnostics) => return shown(diagnostics),
    };
    match make(&ottofile, &request, facts) {
        Err(diagnostics) => shown(diagnostics),
        Ok(plan) => {
            for id in plan.ids() {
                for need in &plan.job(id).needs {
                    assert!(
                        plan.place(need.job) < plan.place(id),
                        "{} stands before its need",
                        plan.job(id).name
                    );
                }
            }
            plan.jobs.iter().map(|job| line(&plan, job)).collect()
        }
    }
}

pub(super) fn planned(yaml: &str, words: &str) -> String {
    planned_with(yaml, words, &Table { files: vec!["ex/a.sh", "ex/b c.sh", "ex/z.txt"], ..Table::default() })
}

fn line(plan: &Plan, job: &Job) -> String {
    let mut text = job.name.to_string();
    match job.work {
        Work::Body => {}
        Work::Terminal => text.push_str(" (terminal)"),
        Work::Service => text.push_str(" (service)"),
        Work::Condition => text.push_str(" (group, if)"),
        Work::Group | Work::ForeachGroup(_) => text.push_str(" (group)"),
    }
    for need in &job.needs {
        let when = match need.when {
            When::Success => "",
            When::Ran => "+",
            When::Failure => "!",
            When::Always => "~",
        };
        let flow = match need.flow {
            Flow::AtEnd => "",
            Flow::Up => "^",
            Flow::Stream { is_lenient: false } => "=",
            Flow::Stream { is_lenient: true } => "=?",
        };
        text.push_str(&format!(" <{when}{flow}{}", plan.job(need.job).name));
    }
    if let Some(item) = &job.item {
        text.push_str(&format!(" {}[{}]={}", item.variable, item.index, item.value.to_string_lossy()));
    }
    for (name, value) in &job.params {
        text.push_str(
            &value.as_ref().map_or(format!(" {name} unset"), |value| {
                format!(" {name}={}", value.text().to_string_lossy())
            }),
        );
    }
    for (name, value) in plan.globals.of_root().iter().chain(&job.envs).filter(|_| job.work.has_body()) {
        text.push_str(&format!(" ${name}={}", value.to_string_lossy()));
    }
    let inputs: Vec<&str> = plan.inputs(job).iter().map(|input| plan.job(*input).name.as_str()).collect();
    if !inputs.is_empty() {
        text.push_str(&format!(" sees {}", inputs.join(",")));
    }
    if let Some(LaneId(lane)) = job.lane {
        text.push_str(&format!(" {:?}", plan.lanes[lane as usize]));
    }
    text + "\n"
}

#[test]
fn a_task_brings_what_it_needs_and_what_follows_it() {
    let yaml = "
tasks:
  cov: {after: [report], bash: echo}
  report: {bash: echo}
  lint: {bash: echo}
  ci: {before: [lint, cov]}
  other: {bash: echo}
";
    assert_snapshot!(planned(yaml, "ci"), @"
    lint
    cov
    ci (group) <lint <cov sees lint,cov
    report <cov sees cov
    ");
    assert_snapshot!(planned(yaml, "report"), @"
    cov
    report <cov sees cov
    ");
}

#[test]
fn what_follows_a_task_brings_nobody_elses_predecessors() {
    let yaml = "
tasks:
  test: {after: [{task: cleanup, when: always}, report], bash: echo}
  deploy: {after: [{task: cleanup, when: always}, report], bash: echo}
  report: {before: [login], bash: echo}
  cleanup: {bash: echo}
  login: {bash: echo}
  setup: {after: [login], bash: echo}
  all: {before: [report]}
";
    assert_snapshot!(planned(yaml, "test"), @"
    test
    cleanup <~test sees test
    setup
    login <setup sees setup
    report <test <login sees test,login
    ");
    assert_snapshot!(planned(yaml, "cleanup"), @"cleanup");
    // Asked for or needed, it waits for all that it follows.
    for words in ["report", "all", "test report"] {
        let plan = planned(yaml, words);
        let report = plan.lines().find(|line| line.starts_with("report ")).expect("it is in the run");
        assert!(report.contains("<test") && report.contains("<deploy"), "{words}: {plan}");
    }
}

#[test]
fn a_remedy_asked_for_by_name_does_not_bring_the_failure() {
    let yaml = "
tasks:
  deploy: {on-failure: [rollback], after: [{task: notify, when: always}], bash: echo}
  rollback: {bash: echo}
  notify: {bash: echo}
";
    assert_snapshot!(planned(yaml, "rollback"), @"rollback");
    assert_snapshot!(planned(yaml, "deploy"), @"
    deploy
    rollback <!deploy sees deploy
    notify <~deploy sees deploy
    ");
}

#[test]
fn a_circle_is_named_whole() {
    assert_snapshot!(planned("tasks:\n  a: {before: [b], bash: x}\n  b: {before: [c], bash: x}\n  c: {after: [b], before: [a], bash: x}\n", "a"), @"
    error[E0302]: dependency cycle: `a` needs `b` needs `c` needs `a`
      ╭▸ otto.yml:2:16
    2 │   a: {before: [b], bash: x}
      │                ━ `a` needs `b`
    3 │   b: {before: [c], bash: x}
      │                ─ `b` needs `c`
    4 │   c: {after: [b], before: [a], bash: x}
      ╰╴                           ─ `c` needs `a`
    help: remove one of these dependencies, or split a task
    ");
}

#[test]
fn foreach_tasks_become_jobs_and_a_group() {
    let yaml = "
tasks:
  pre: {bash: echo}
  up: {foreach: {items: [x, y], as: svc, parallel: false}, before: [pre], bash: echo}
  files: {foreach: {glob: 'ex/*.sh'}, bash: echo}
  nums: {foreach: {range: 9..10, jobs: all}, bash: echo}
  all: {before: [up, 'nums:09'], bash: echo}
";
    assert_snapshot!(planned(yaml, "all"), @"
    pre
    up:x <pre svc[0]=x sees pre Serial
    up:y <pre svc[1]=y sees pre Serial
    up (group) <~up:x <~up:y
    nums:09 item[0]=9 All
    nums (group) <~nums:09
    all <up <nums:09 sees up:x,up:y,nums:09
    ");
    assert_snapshot!(planned(yaml, "files up:y"), @"
    files:a.sh item[0]=ex/a.sh
    files:b_c.sh item[1]=ex/b c.sh
    files (group) <~files:a.sh <~files:b_c.sh
    pre
    up:y <pre svc[1]=y sees pre Serial
    up (group) <~up:y
    ");
}

#[test]
fn items_that_cannot_be_jobs_are_refused() {
    assert_snapshot!(planned("tasks:\n  up: {foreach: {items: [a b, a_b]}, bash: x}\n", "up"), @"
    error[E0305]: two items of `up` would both be called `up:a_b`
      ╭▸ otto.yml:2:17
    2 │   up: {foreach: {items: [a b, a_b]}, bash: x}
      ╰╴                ━━━━━━━━━━━━━━━━━━━ has both items
      = note: items 1 and 2
    ");
    assert_snapshot!(planned("tasks:\n  up: {foreach: {items: [alpha, beta]}, bash: x}\n", "up:alpah"), @"
    error[E0304]: `up:alpah` does not exist: the foreach of `up` has no item `alpah`
      ╭▸ command line:1:6
    1 │ otto up:alpah
      ╰╴     ━━━━━━━━ unknown item
    help: did you mean `up:alpha`?
    ");
}

const PASSING: &str = "
tasks:
  build: {params: {-e|--env: {default: dev, choices: [dev, Prod, qa]}}, bash: echo}
  mid: {before: [build], params: {-e|--env: {default: qa}}, bash: echo}
  deploy: {before: [mid], params: {-e|--env: {default: dev}}, bash: echo}
  other: {before: [build], params: {-e|--env: {default: zz}}, bash: echo}
";

#[test]
fn values_from_the_command_line_flow_to_dependencies_and_defaults_do_not() {
    assert_snapshot!(planned(PASSING, "deploy"), @"
    build env=dev
    mid <build env=qa sees build
    deploy <mid env=dev sees mid
    ");
    assert_snapshot!(planned(PASSING, "deploy -e prod"), @"
    build env=Prod
    mid <build env=prod sees build
    deploy <mid env=prod sees mid
    ");
    assert_snapshot!(planned(PASSING, "deploy -e prod build --env=qa"), @"
    build env=qa
    mid <build env=prod sees build
    deploy <mid env=prod sees mid
    ");
}

#[test]
fn two_dependants_that_disagree_are_both_named() {
    assert_snapshot!(planned(PASSING, "deploy -e prod other -e qa"), @"
    error[E0407]: `build` would inherit two values of `env`: `prod` from `mid` and `qa` from `other`
      ╭▸ command line:1:16
    1 │ otto deploy -e prod other -e qa
      │                ┯━━━          ── passed on by `other`
      │                │
      ╰╴               passed on by `mid`
    help: give `build` its own value: `otto … build --env VALUE`
    help: to run it once for each value: `needs: [{task: build, with: {env: $env}}]`
    ");
}

#[test]
fn an_inherited_value_outside_the_choices_names_both_tasks() {
    assert_snapshot!(planned(PASSING, "deploy -e live"), @"
    error[E0404]: `live` is not one of the choices for `--env` of `build`, inherited from `mid`
      ╭▸ command line:1:16
    1 │ otto deploy -e live
      ╰╴               ━━━━ the choices are: dev, Prod, qa
    ");
}

#[test]
fn values_come_from_the_command_line_then_the_environment_then_the_default() {
    let yaml = "
tasks:
  t:
    params:
      --count: {type: int, env: COUNT, default: 1}
      --who: {required: true}
      -v|--verbose: {default: false}
      --tags: {nargs: '*'}
      where: {}
    bash: echo
";
    let facts = Table { variables: vec![("COUNT", "7")], ..Table::default() };
    assert_snapshot!(planned_with(yaml, "t --who me", &facts), @"t count=7 who=me verbose=false tags unset where unset");
    assert_snapshot!(planned_with(yaml, "t --who=me -v --count -3 here --tags a b_c", &facts), @"t count=-3 who=me verbose=true tags=a b c where=here");
    let facts = Table { variables: vec![("COUNT", "many")], ..Table::default() };
    assert_snapshot!(planned_with(yaml, "t", &facts), @"
    error[E0403]: `t` needs a value for `--who`
      ╭▸ command line:1:6
    1 │ otto t
      ╰╴     ━ requested here
      ╭▸ otto.yml:6:7
    6 │       --who: {required: true}
      ╰╴      ━━━━━ declared as required
    help: `otto t --who <who>`
    error[E0405]: invalid value `many` from `$COUNT` for `--count` of `t`
      ╭▸ otto.yml:5:33
    5 │       --count: {type: int, env: COUNT, default: 1}
      ╰╴                                ━━━━━ not a whole number
    ");
}

#[test]
fn variables_refer_to_each_other_in_any_order_and_run_each_command_once() {
    let yaml = "
otto:
  dotenv: .env
  envs-command: list
  envs:
    FULL: '${NAME}-$VER/${OUTER}:${NONE:-d}'
    NAME: app
    VER: $(echo $NAME)
    COST: $$5 and $5
tasks:
  a: {envs: {OUT: 'build/${item}/$NAME'}, foreach: {items: [x, y]}, bash: echo}
";
    let facts = Table {
        variables: vec![("OUTER", "out")],
        commands: vec![("list", "A=1\nB=two words\n"), ("echo $NAME", " $FIVE\n\n")],
        ..Table::default()
    };
    assert_snapshot!(planned_with(yaml, "a", &facts), @"
    a:x item[0]=x $FROM_FILE=1 $QUOTED=a b $A=1 $B=two words $FULL=app-$FIVE/out:d $NAME=app $VER=$FIVE $COST=$5 and $5 $OUT=build/x/app
    a:y item[1]=y $FROM_FILE=1 $QUOTED=a b $A=1 $B=two words $FULL=app-$FIVE/out:d $NAME=app $VER=$FIVE $COST=$5 and $5 $OUT=build/y/app
    a (group) <~a:x <~a:y
    ");
    assert_snapshot!(facts.asked.borrow().join("\n"), @"
    list [FROM_FILE=1 QUOTED=a b]
    echo $NAME [FROM_FILE=1 QUOTED=a b A=1 B=two words NAME=app COST=$5 and $5]
    ");
}

/// What the plan says of variables without a value.
fn told_of_failures(yaml: &str, words: &str, facts: &Table) -> String {
    let source = SourceFile::new("otto.yml", yaml);
    let (ottofile, _) = crate::ottofile::read(&source).expect("well formed");
    let names: Vec<(String, Span)> = words.split(' ').map(|word| (word.into(), Span::default())).collect();
    let request = request::of_names(&names, &ottofile.sources, &ottofile).expect("tasks");
    let plan = make(&ottofile, &request, facts).expect("a plan");
    let refused = |job: &Arc<Job>| {
        let places = |why: &Diagnostic| {
            let labels = why.labels.iter().map(|label| label.text.as_str());
            format!("{}: {}", why.message, labels.collect::<Vec<_>>().join("; "))
        };
        job.refusal.as_ref().map(|why| format!("{} fails: {}\n", job.name, places(why)))
    };
    let refused: String = plan.jobs.iter().filter_map(refused).collect();
    refused + &render(&plan.warnings, false, 100)
}

#[test]
fn a_variable_without_a_value_hurts_only_those_whose_text_mentions_it() {
    let yaml = "
otto: {envs: {BAD: v$(exit 3), URL: 'http://$BAD/${NONE:-}', N: $((1 / 0)), SAID: '$(echo BAD)', GOOD: fine}}
tasks:
  uses: {bash: 'echo \"$BAD\"'}
  default: {bash: 'echo ${BAD:-none}'}
  through: {bash: echo $URL}
  said: {bash: echo $SAID}
  number: {bash: echo $N}
  python: {python: 'print(os.environ[\"BAD\"])'}
  pattern: {input: [x], output: ['$BAD/x'], bash: 'true'}
  entry: {envs: {MINE: '$BAD'}, bash: echo $MINE}
  unused: {envs: {MINE: '$BAD'}, bash: echo}
  own: {envs: {BAD: mine}, bash: echo $BAD}
  param: {params: {BAD: {default: x}}, bash: echo $BAD}
  item: {foreach: {items: [a], as: BAD}, bash: echo $BAD}
  other: {bash: 'echo $GOOD $BADLY $A_BAD'}
  group: {before: [other]}
";
    let facts = Table::default();
    let tasks = "uses default through said number python pattern entry unused own param item other group";
    assert_snapshot!(told_of_failures(yaml, tasks, &facts), @"
    uses fails: the command in `BAD` failed: exit 3: exit 3; `uses` mentions `BAD`
    default fails: the command in `BAD` failed: exit 3: exit 3; `default` mentions `BAD`
    through fails: the command in `BAD` failed: exit 3: exit 3; `through` mentions `URL`
    said fails: the command in `BAD` failed: exit 3: exit 3; `said` mentions `SAID`
    number fails: cannot compute the arithmetic in `N`: it divides by zero: in this value; `number` mentions `N`
    python fails: the command in `BAD` failed: exit 3: exit 3; `python` mentions `BAD`
    pattern fails: the command in `BAD` failed: exit 3: exit 3; needed for `output`
    entry fails: the command in `BAD` failed: exit 3: exit 3; `entry` mentions `MINE`
    warning[E0501]: the command in `BAD` failed: exit 3
      ╭▸ otto.yml:2:21
    2 │ otto: {envs: {BAD: v$(exit 3), URL: 'http://$BAD/${NONE:-}', N: $((1 / 0)), SAID: '$(echo BAD)'…
      ╰╴                    ━━━━━━━━━ exit 3
      = note: it printed: oh no
      = note: tasks whose text mentions none of these run without them: `BAD`, `URL`, `SAID`, `MINE`
    help: add a fallback: `$(command || echo default)`
    warning[E0501]: cannot compute the arithmetic in `N`: it divides by zero
      ╭▸ otto.yml:2:65
    2 │ otto: {envs: {BAD: v$(exit 3), URL: 'http://$BAD/${NONE:-}', N: $((1 / 0)), SAID: '$(echo BAD)'…
      ╰╴                                                                ━━━━━━━━━━ in this value
      = note: tasks whose text does not mention `N` run without it
    ");
    // Each command is asked for once, and with it nothing that has no value.
    assert_snapshot!(facts.asked.borrow().join("\n"), @"exit 3 [GOOD=fine]");
    assert_snapshot!(told_of_failures(yaml, "uses through number said", &Table::default()), @"
    uses fails: the command in `BAD` failed: exit 3: exit 3; `uses` mentions `BAD`
    through fails: the command in `BAD` failed: exit 3: exit 3; `through` mentions `URL`
    number fails: cannot compute the arithmetic in `N`: it divides by zero: in this value; `number` mentions `N`
    said fails: the command in `BAD` failed: exit 3: exit 3; `said` mentions `SAID`
    ");
    assert_snapshot!(told_of_failures(yaml, "group", &Table::default()), @"
    warning[E0501]: the command in `BAD` failed: exit 3
      ╭▸ otto.yml:2:21
    2 │ otto: {envs: {BAD: v$(exit 3), URL: 'http://$BAD/${NONE:-}', N: $((1 / 0)), SAID: '$(echo BAD)'…
      ╰╴                    ━━━━━━━━━ exit 3
      = note: it printed: oh no
      = note: tasks whose text mentions none of these run without them: `BAD`, `URL`, `SAID`
    help: add a fallback: `$(command || echo default)`
    warning[E0501]: cannot compute the arithmetic in `N`: it divides by zero
      ╭▸ otto.yml:2:65
    2 │ otto: {envs: {BAD: v$(exit 3), URL: 'http://$BAD/${NONE:-}', N: $((1 / 0)), SAID: '$(echo BAD)'…
      ╰╴                                                                ━━━━━━━━━━ in this value
      = note: tasks whose text does not mention `N` run without it
    ");
}

#[test]
fn a_command_of_the_ottofile_that_mentions_a_variable_without_a_value_is_refused() {
    let yaml = "
otto: {envs: {BAD: v$(exit 3)}}
tasks:
  each: {foreach: {command: list $BAD}, bash: echo}
  fine: {foreach: {command: list}, bash: echo $item}
";
    let facts = Table { commands: vec![("list", "a")], ..Table::default() };
    assert_snapshot!(planned_with(yaml, "each", &facts), @"
    error[E0501]: the command in `BAD` failed: exit 3
      ╭▸ otto.yml:2:21
    2 │ otto: {envs: {BAD: v$(exit 3)}}
      ╰╴                    ━━━━━━━━━ exit 3
      = note: it printed: oh no
    help: add a fallback: `$(command || echo default)`
    ");
    assert_snapshot!(planned_with(yaml, "fine", &facts), @"
    fine:a item[0]=a
    fine (group) <~fine:a
    ");
}

#[test]
fn variables_that_cannot_be_resolved_stop_the_run_and_are_named() {
    let yaml = |envs: &str| format!("otto:\n  envs:\n{envs}tasks: {{a: {{bash: echo}}}}\n");
    assert_snapshot!(planned(&yaml("    AA: ${BB}\n    BB: $(echo $AA)\n"), "a"), @"
    error[E0502]: circular `envs` entries: `AA` needs `BB` needs `AA`
      ╭▸ otto.yml:3:9
    3 │     AA: ${BB}
      │         ━━━━━ part of the cycle
    4 │     BB: $(echo $AA)
      ╰╴        ─────────── part of the cycle
    ");
    assert_snapshot!(planned(&yaml("    URL: http://$HSOT/\n    HOST: h\n"), "a"), @"
    error[E0503]: `URL` refers to `HSOT`, which is not set
      ╭▸ otto.yml:3:17
    3 │     URL: http://$HSOT/
      ╰╴                ━━━━━ neither in `envs` nor in the environment
    help: did you mean `HOST`?
    help: `${HSOT:-}` is empty if it is not set; write `$$` for a literal `$`
    ");
}

#[test]
#[cfg(target_os = "linux")]
fn values_that_grow_without_bound_are_refused() {
    let doubled: String = (0..60).map(|n| format!("    V{n}: $V{}$V{}\n", n + 1, n + 1)).collect();
    let yaml = format!(
        "otto:\n  envs:\n{doubled}    V60: x\ntasks: {{a: {{bash: echo $V43}}, b: {{bash: echo $V44}}, c: {{bash: echo $V0}}}}\n"
    );
    let told = told_of_failures(&yaml, "a b c", &Table::default());
    assert_snapshot!(told, @"
    a fails: the value of `V43` is too large for a variable: 131072 bytes: the limit is 131072 bytes; `a` mentions `V43`
    c fails: the value of `V43` is too large for a variable: 131072 bytes: the limit is 131072 bytes; `c` mentions `V0`
    warning[E0603]: the value of `V43` is too large for a variable: 131072 bytes
       ╭▸ otto.yml:46:10
    46 │     V43: $V44$V44
       ╰╴         ━━━━━━━━ the limit is 131072 bytes
      = note: tasks whose text mentions none of these run without them: `V43`, `V42`, `V41`, `V40`, `V39`, `V38`, `V37`, `V36` and 36 more
    help: pass large values with OUTPUT, or in a file
    ");
}

#[test]
fn nothing_is_asked_of_commands_that_nobody_needs_or_that_may_not_run() {
    let yaml = "
otto: {envs: {X: $(now)}}
tasks:
  up: {foreach: {command: items}, params: {--svc: {choices-command: list}}, bash: echo}
  next: {before: [up], bash: echo}
  group: {}
";
    let facts = Table { forbids_commands: true, ..Table::default() };
    assert_snapshot!(planned_with(yaml, "next up --svc a", &facts), @"
    up (group) svc=a
    next <up
    ");
    assert_snapshot!(planned(yaml, "group"), @"group (group)");
    assert_eq!(*facts.asked.borrow(), Vec::<String>::new());
    let facts =
        Table { commands: vec![("now", "1"), ("items", "b\n\na\n"), ("list", "a\nb")], ..Table::default() };
    assert_snapshot!(planned_with(yaml, "up --svc B", &facts), @"
    up:b item[0]=b svc=b $X=1
    up:a item[1]=a svc=b $X=1
    up (group) <~up:b <~up:a svc=b
    ");
    assert_eq!(facts.asked.borrow().len(), 3);
}

#[test]
fn words_go_to_the_parameters_that_wait_for_them() {
    let yaml = "
tasks:
  build: {params: {-m|--msg: {default: none}, -v: {default: false}, -q: {default: false}}, bash: echo}
  test: {params: {what: {}, more: {default: d}}, bash: echo}
  lint: {bash: echo}
";
    assert_snapshot!(planned(yaml, "build --msg lint -vq test lint lint"), @"
    build msg=lint v=true q=true
    test what=lint more=lint
    ");
    assert_snapshot!(planned(yaml, "build -mhi -j 4 --force test -- -x lint"), @"
    build msg=hi v=false q=false
    test what=-x more=lint
    ");
    assert_snapshot!(planned(yaml, "lint --help"), @"help of lint");
}

#[test]
fn types_and_choices_are_about_each_word() {
    // An underscore on this command line is a blank within a word.
    let yaml = "
tasks:
  a:
    params:
      -d: {default: false}
      -c: {}
      --two: {nargs: 2, type: int}
      --few: {nargs: +, choices: [x, Y z], default: y z x}
      --maybe: {nargs: '?', type: int, choices: [1, 2]}
    bash: x
";
    assert_snapshot!(planned(yaml, "a"), @"a d=false c unset two unset few=Y z x maybe unset");
    assert_snapshot!(planned(yaml, "a --two 1 -2 --few X y_Z x --maybe -dcv"), @"a d=true c=v two=1 -2 few=x Y z x maybe=");
    assert_snapshot!(planned(yaml, "a -dc=v --maybe 2 --few=y_z"), @"a d=true c=v two unset few=Y z maybe=2");
    assert_snapshot!(planned(yaml, "a --two 1 x --few x z"), @"
    error[E0405]: invalid value `x` for `--two` of `a`
      ╭▸ command line:1:14
    1 │ otto a --two 1 x --few x z
      ╰╴             ━━━ not a whole number
      ╭▸ otto.yml:7:7
    7 │       --two: {nargs: 2, type: int}
      ╰╴      ━━━━━ declared as a whole number
    error[E0404]: `x z` is not one of the choices for `--few` of `a`
      ╭▸ command line:1:24
    1 │ otto a --two 1 x --few x z
      ╰╴                       ━━━ the choices are: x, Y z
    help: did you mean `Y z`?
    ");
    assert_snapshot!(planned(yaml, "a --two=1 -c --"), @"
    error[E0402]: `--two` of `a` needs 2 values
      ╭▸ command line:1:8
    1 │ otto a --two=1 -c --
      ╰╴       ━━━━━━━ only one follows the `=`
    help: write them after it, separated by spaces: `--two …`
    error[E0402]: `-c` of `a` needs a value
      ╭▸ command line:1:16
    1 │ otto a --two=1 -c --
      ╰╴               ━━ no value follows
    ");
}

#[test]
fn every_word_that_nobody_takes_is_an_error_in_its_place() {
    let yaml = "
tasks:
  build: {params: {-m|--msg: {default: none}, -v|--verbose: {default: false}}, bash: echo}
  lint: {bash: echo}
";
    assert_snapshot!(planned(yaml, "build --mgs x"), @"
    error[E0401]: `build` has no option `--mgs`
      ╭▸ command line:1:12
    1 │ otto build --mgs x
      ╰╴           ━━━━━ not declared in its `params`
    help: did you mean `--msg`?
    ");
    let yaml_of_needs = "
tasks:
  ci: {needs: [test], bash: echo}
  test: {needs: [build], params: {--proper: {default: x}}, bash: echo}
  build: {params: {-p|--profile: {default: debug}, -q: {default: false}}, bash: echo}
";
    assert_snapshot!(planned(yaml_of_needs, "ci --profile=release"), @"
    error[E0401]: `ci` has no option `--profile`
      ╭▸ command line:1:9
    1 │ otto ci --profile=release
      ╰╴        ━━━━━━━━━━━━━━━━━ not declared in its `params`
      ╭▸ otto.yml:5:20
    5 │   build: {params: {-p|--profile: {default: debug}, -q: {default: false}}, bash: echo}
      ╰╴                   ━━━━━━━━━━━━ an option of `build`
    help: `build` takes it, which `ci` depends on: `otto build --profile VALUE ci`
    ");
    assert_snapshot!(planned(yaml_of_needs, "test -q"), @"
    error[E0401]: `test` has no option `-q`
      ╭▸ command line:1:11
    1 │ otto test -q
      ╰╴          ━━ not declared in its `params`
      ╭▸ otto.yml:5:52
    5 │   build: {params: {-p|--profile: {default: debug}, -q: {default: false}}, bash: echo}
      ╰╴                                                   ━━ an option of `build`
    help: `build` takes it, which `test` depends on: `otto build -q test`
    ");
    assert_snapshot!(planned(yaml_of_needs, "build --profile release ci"), @"
    build profile=release q=false
    test <build proper=x sees build
    ci <test sees test
    ");
    assert_snapshot!(planned(yaml, "build --msg --verbose"), @"
    error[E0402]: `--msg` of `build` needs a value
      ╭▸ command line:1:12
    1 │ otto build --msg --verbose
      ╰╴           ━━━━━ no value follows
    help: write a value that starts with `-` as `--msg=--verbose`
    ");
    assert_snapshot!(planned(yaml, "lint Clean"), @"
    error[E0004]: the built-in command `Clean` cannot be combined with the task `lint`
      ╭▸ command line:1:11
    1 │ otto lint Clean
      ╰╴          ━━━━━ a built-in command must be used alone
    help: run `otto Clean` by itself
    ");
    assert_snapshot!(planned(yaml, "build -m a build -m b"), @"
    error[E0407]: `build` is requested twice with different values of `msg`
      ╭▸ command line:1:26
    1 │ otto build -m a build -m b
      │               ┬          ━ the second value
      │               │
      ╰╴              the first value
      = note: a task runs only once per run
    ");
}

#[test]
fn a_stream_flows_between_two_streaming_tasks() {
    let yaml = "
tasks:
  logs: {streaming: stdout, bash: echo}
  each: {streaming: true, foreach: {items: [a, b]}, before: [logs], bash: echo}
  sum: {streaming: true, stream-errors: ignore, before: [each, plain], bash: echo}
  one: {streaming: true, before: ['each:a'], bash: echo}
  plain: {before: [logs], bash: echo}
  on-end: {streaming: true, before: [{task: logs, when: always}], bash: echo}
  twice: {streaming: true, before: [logs, {task: logs, when: always}], bash: echo}
";
    assert_snapshot!(planned(yaml, "sum one on-end twice"), @"
    logs
    each:a <=logs item[0]=a sees logs
    each:b <=logs item[1]=b sees logs
    each (group) <~each:a <~each:b
    plain <logs sees logs
    sum <=?each:a <=?each:b <plain sees each:a,each:b,plain
    one <=each:a sees each:a
    on-end <~logs sees logs
    twice <logs <~logs sees logs
    ");
}

#[test]
fn streams_that_would_begin_again_or_share_a_name_are_refused() {
    assert_snapshot!(planned("
tasks:
  logs: {streaming: true, retries: 2, bash: echo}
  sum: {streaming: true, before: [logs], retries: 2, bash: echo}
", "sum"), @"
    error[E0901]: `logs` has retries, but `sum` reads its stream while it runs
      ╭▸ otto.yml:3:36
    3 │   logs: {streaming: true, retries: 2, bash: echo}
      │                                    ━ a second attempt would start the stream again
    4 │   sum: {streaming: true, before: [logs], retries: 2, bash: echo}
      ╰╴  ─── has already read what the first attempt wrote
    help: remove `retries`, or `streaming` from one of the two
    ");
    assert_snapshot!(planned("
tasks:
  a-b: {streaming: true, bash: echo}
  a_b: {streaming: true, bash: echo}
  sum: {streaming: true, before: [a-b, a_b], bash: echo}
", "sum"), @"
    error[E0902]: `sum` reads the streams of `a-b` and `a_b`, but both would be `$OTTO_INPUT_PIPE_A_B`
      ╭▸ otto.yml:3:3
    3 │   a-b: {streaming: true, bash: echo}
      │   ━━━ the first one
    4 │   a_b: {streaming: true, bash: echo}
      ╰╴  ─── the second one
    help: rename one of them
    ");
    assert_snapshot!(planned("
tasks:
  logs: {streaming: true, bash: echo}
  all: {streaming: true, before: [logs]}
", "all"), @"
    error[E0112]: `all` is streaming but has no script
      ╭▸ otto.yml:4:20
    4 │   all: {streaming: true, before: [logs]}
      ╰╴                   ━━━━ this task only groups others
    help: set `streaming` in the tasks that it groups
    ");
}

#[test]
fn mistakes_in_variables_are_found_without_working_them_out() {
    let yaml = "otto: {envs: {A: '$B', B: '$(echo $A)'}}
tasks: {t: {envs: {C: '${D'}, input: ['$(x'], output: ['$OUT'], bash: x}}";
    let facts = Table { forbids_commands: true, ..Table::default() };
    assert_snapshot!(planned_with(yaml, "t", &facts), @"
    error[E0502]: circular `envs` entries: `A` needs `B` needs `A`
      ╭▸ otto.yml:1:18
    1 │ otto: {envs: {A: '$B', B: '$(echo $A)'}}
      │                  ┯━━━     ──────────── part of the cycle
      │                  │
      ╰╴                 part of the cycle
    error[E0504]: invalid value of `C`
      ╭▸ otto.yml:2:24
    2 │ tasks: {t: {envs: {C: '${D'}, input: ['$(x'], output: ['$OUT'], bash: x}}
      ╰╴                       ━━━ `${` without `}`
    help: write `$$` for a literal `$`
    error[E0504]: invalid value of `input`
      ╭▸ otto.yml:2:40
    2 │ tasks: {t: {envs: {C: '${D'}, input: ['$(x'], output: ['$OUT'], bash: x}}
      ╰╴                                       ━━━ `$(` without `)`
    help: write `$$` for a literal `$`
    ");
    assert_eq!(facts.asked.into_inner(), Vec::<String>::new());
}

#[test]
fn patterns_take_the_item_and_a_mistake_in_them_is_told_once() {
    let facts = Table { files: vec!["a[1].c", "b.c"], variables: vec![("DIR", "[o")], ..Table::default() };
    let globs =
        |plan: &Plan, job: &Job| format!("{:?} {:?}\n", job.input_globs, job.output_globs) + &line(plan, job);
    let yaml = "tasks: {t: {foreach: {glob: '*.c', as: f}, input: [$f], output: ['out/$OTTO_FOREACH_ITEM.$OTTO_FOREACH_INDEX', out/$OTTO_TASK], bash: x}}";
    let source = SourceFile::new("otto.yml", yaml);
    let (ottofile, _) = crate::ottofile::read(&source).expect("well formed");
    let request =
        request::of_names(&[("t".into(), Span::default())], &ottofile.sources, &ottofile).expect("a task");
    let plan = make(&ottofile, &request, &facts).expect("a plan");
    let shown: String =
        plan.jobs.iter().filter(|job| job.item.is_some()).map(|job| globs(&plan, job)).collect();
    assert_snapshot!(shown, @r#"
    ["a[[]1[]].c"] ["out/a[[]1[]].c.0", "out/t:a[1].c"]
    t:a[1].c f[0]=a[1].c
    ["b.c"] ["out/b.c.1", "out/t:b.c"]
    t:b.c f[1]=b.c
    "#);
    assert_snapshot!(planned_with("tasks: {t: {foreach: {items: [a, b]}, input: [$DIR/*], output: [$NOWHERE], bash: x}}", "t", &facts), @"
    error[E0114]: invalid file pattern in `input`
      ╭▸ otto.yml:1:47
    1 │ tasks: {t: {foreach: {items: [a, b]}, input: [$DIR/*], output: [$NOWHERE], bash: x}}
      ╰╴                                              ━━━━━━ unclosed character class; missing ']'
      = note: with its variables expanded it is `[o/*`
    error[E0503]: `output` refers to `NOWHERE`, which is not set
      ╭▸ otto.yml:1:65
    1 │ tasks: {t: {foreach: {items: [a, b]}, input: [$DIR/*], output: [$NOWHERE], bash: x}}
      ╰╴                                                                ━━━━━━━━ neither in `envs` nor in the environment
    help: `${NOWHERE:-}` is empty if it is not set; write `$$` for a literal `$`
    ");
}

#[test]
fn a_pattern_in_needs_stands_for_the_tasks_that_match_it() {
    let yaml = "
tasks:
  all: {needs: ['lint:*', 'test-*', build], bash: echo}
  jobs: {needs: ['each:*'], bash: echo}
  every: {needs: ['*']}
  hidden: {needs: ['_*'], bash: echo}
  below: {needs: ['web/*'], bash: echo}
  always: {needs: [{task: 'test-*', when: always}], bash: echo}
  'test-*': {bash: echo}
  'test-b': {bash: echo}
  'lint:js': {bash: echo}
  build: {aliases: ['lint:other'], bash: echo}
  'lint:css': {bash: echo}
  'lint:secret': {hidden: true, bash: echo}
  'web/a': {bash: echo}
  'web/a/b': {bash: echo}
  _one: {bash: echo}
  each: {foreach: {items: [x, y]}, bash: echo}
";
    let yaml = yaml.replace("  'test-*': {bash: echo}\n", "  test-a: {bash: echo}\n");
    assert_snapshot!(planned(&yaml, "all"), @"
    lint:js
    lint:css
    test-a
    test-b
    build
    all <lint:js <lint:css <test-a <test-b <build sees lint:js,lint:css,test-a,test-b,build
    ");
    assert_snapshot!(planned(&yaml, "jobs"), @"
    each:x item[0]=x
    each:y item[1]=y
    each (group) <~each:x <~each:y
    jobs <each sees each:x,each:y
    ");
    assert_snapshot!(planned(&yaml, "hidden below always"), @"
    _one
    hidden <_one sees _one
    web/a
    below <web/a sees web/a
    test-a
    test-b
    always <~test-a <~test-b sees test-a,test-b
    ");
    let every = planned(&yaml, "every");
    assert!(every.contains("every (group) <") && !every.contains("secret"), "{every}");
    // A task of that very name is meant by it.
    assert_snapshot!(planned("tasks: {a: {needs: ['b*'], bash: x}, 'b*': {bash: x}, bc: {bash: x}}", "a"), @"
    b*
    a <b* sees b*
    ");
    assert_snapshot!(planned("tasks: {a: {needs: ['b*'], bash: x}, ba: {hidden: true, bash: x}}", "a"), @"
    error[E0301]: no task matches `b*`, which task `a` depends on
      ╭▸ otto.yml:1:21
    1 │ tasks: {a: {needs: ['b*'], bash: x}, ba: {hidden: true, bash: x}}
      ╰╴                    ━━━━ matches nothing
    help: `ba` is hidden, and only a pattern that starts with `_` matches it
    ");
    assert_snapshot!(planned("tasks: {a: {needs: ['a*'], bash: x}}", "a"), @"
    error[E0301]: no task matches `a*`, which task `a` depends on
      ╭▸ otto.yml:1:21
    1 │ tasks: {a: {needs: ['a*'], bash: x}}
      ╰╴                    ━━━━ matches nothing
    help: `*` stands for any characters but `/`
    ");
}

#[test]
fn a_question_is_asked_with_the_values_of_its_job() {
    let yaml = "
otto: {envs: {APP: shop, BAD: $(exit 3)}}
tasks:
  deploy:
    confirm: Deploy $APP to $env as ${OTTO_TASK}?
    params: {env: {default: test}}
    bash: echo
  each: {foreach: {items: [a, b], as: host}, confirm: 'Wipe ${host%a}?', bash: echo}
  plain: {confirm: true, bash: echo}
  never: {confirm: false, bash: echo}
  bad: {confirm: 'Now $BAD?', bash: echo}
";
    let source = SourceFile::new("otto.yml", yaml);
    let (ottofile, _) = crate::ottofile::read(&source).expect("well formed");
    let names: Vec<(String, Span)> =
        ["deploy", "each", "plain", "never", "bad"].map(|name| (name.into(), Span::default())).into();
    let request = request::of_names(&names, &ottofile.sources, &ottofile).expect("tasks");
    let plan = make(&ottofile, &request, &Table::default()).expect("a plan");
    let shown = |job: &Arc<Job>| {
        let question = job.confirm.as_deref().unwrap_or("-");
        format!("{}: {question}{}\n", job.name, if job.refusal.is_some() { " refused" } else { "" })
    };
    assert_snapshot!(plan.jobs.iter().map(shown).collect::<String>(), @"
    deploy: Deploy shop to test as deploy?
    each:a: Wipe ?
    each:b: Wipe b?
    each: -
    plain: Run plain?
    never: -
    bad: - refused
    ");
}

#[test]
fn words_that_must_be_there_are_missed_where_the_task_is_named() {
    let yaml = "
tasks:
  a: {params: {files: {nargs: +}}, bash: echo}
  b: {params: {files: {nargs: '2:3'}}, bash: echo}
  c: {params: {files: {nargs: +, default: x}, env: {}}, bash: echo}
  d: {params: {files: {nargs: +, env: FILES}}, bash: echo}
  e: {params: {files: {nargs: '*'}}, bash: echo}
  all: {needs: [a, b], bash: echo}
";
    assert_snapshot!(planned(yaml, "a"), @"
    error[E0403]: `a` needs a value for `files`
      ╭▸ command line:1:6
    1 │ otto a
      ╰╴     ━ requested here
      ╭▸ otto.yml:3:16
    3 │   a: {params: {files: {nargs: +}}, bash: echo}
      ╰╴               ━━━━━ takes at least one value
    help: `otto a <files>`
    ");
    assert_snapshot!(planned(yaml, "b"), @"
    error[E0403]: `b` needs a value for `files`
      ╭▸ command line:1:6
    1 │ otto b
      ╰╴     ━ requested here
      ╭▸ otto.yml:4:16
    4 │   b: {params: {files: {nargs: '2:3'}}, bash: echo}
      ╰╴               ━━━━━ takes at least 2 values
    help: `otto b <files>`
    ");
    assert_snapshot!(planned(yaml, "b x"), @"
    error[E0406]: `files` of `b` needs 2 values, 1 given
      ╭▸ command line:1:8
    1 │ otto b x
      ╰╴       ━ too few
    ");
    assert_snapshot!(planned(yaml, "c e all"), @"c files=e all env unset");
    let facts = Table { variables: vec![("FILES", "x y")], ..Table::default() };
    assert_snapshot!(planned_with(yaml, "d", &facts), @"d files=x y");
}

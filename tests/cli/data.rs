//! Mistakes with the data that tasks pass: the whole of what a user sees, and that each code has its page.

use crate::Project;
use insta::assert_snapshot;
use regex::Regex;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::LazyLock;

/// Runs a task of a project in which `build` hands over `version` and `artifact`, and `silent` nothing.
fn told(project: &Project, task: &str) -> String {
    // One at a time, so that the tasks end in order.
    let said = project.run(&format!("-j1 {task}")).all();
    let mut rest = &*said;
    while let Some(place) = rest.find("[E") {
        rest = &rest[place + 1..];
        let Some((code, _)) = rest.split_once(']') else { break };
        let page = project.run_words(&["Explain", code]);
        assert!(page.status == 0 && page.stdout.contains(code), "{code}: {}", page.all());
    }
    RUN_FOLDER.replace_all(&said, "project-ID/RUN/").into_owned()
}

static RUN_FOLDER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("project-[0-9a-f]+/[0-9]+-[0-9.]+-[a-z0-9]+/").expect("a pattern"));

fn reading(body: &str) -> Project {
    Project::new(&format!(
        "tasks:
  build: {{bash: 'OUTPUT[version]=1.2.3; OUTPUT[artifact]=app.tar'}}
  silent: {{bash: ':'}}
  deploy:
    before: [build, silent]
{body}"
    ))
}

fn setting(body: &str) -> Project {
    Project::new(&format!("tasks:\n  build:\n{body}"))
}

#[test]
fn a_key_that_is_not_there_is_told_with_those_that_are() {
    let project = reading("    bash: |\n      echo start\n      echo \"${INPUT[build.verison]}\"\n");
    assert_snapshot!(told(&project, "deploy"), @r#"
    ── stdout
    start
    ── stderr
    warning[E0704]: task `build` never sets `verison`
      ╭▸ otto.yml:8:15
    2 │   build: {bash: 'OUTPUT[version]=1.2.3; OUTPUT[artifact]=app.tar'}
      │                  ───────────────────── `build` sets `version`, `artifact`
      ┆
    8 │       echo "${INPUT[build.verison]}"
      ╰╴              ━━━━━━━━━━━━━━━━━━━━ `deploy` reads it here
    help: did you mean `build.version`?
    otto · run RUN · 3 tasks
         ok  build      TIME  set artifact, version
         ok  silent     TIME
    otto.yml:8: INPUT[build.verison]: unbound variable
       FAIL  deploy     TIME  exit 1

    FAIL deploy · exit 1 · TIME · otto.yml:8
      │ start
      │ otto.yml:8: INPUT[build.verison]: unbound variable
      2 lines · full log: otto Logs RUN deploy
    error[E0704]: task `build` has no output `verison`
      ╭▸ otto.yml:8:21
    8 │       echo "${INPUT[build.verison]}"
      ╰╴                    ━━━━━━━━━━━━━ this input does not exist
      = note: `build` has `artifact`, `version`
    help: did you mean `build.version`?

    3 tasks in TIME: 2 ok, 1 failed
    rerun failed:  otto Rerun RUN
    ── exit 1
    "#);
    let project = reading("    bash: |\n      x=$(otto.get build.verison)\n");
    assert_snapshot!(told(&project, "deploy"), @"
    ── stderr
    warning[E0704]: task `build` never sets `verison`
      ╭▸ otto.yml:7:11
    2 │   build: {bash: 'OUTPUT[version]=1.2.3; OUTPUT[artifact]=app.tar'}
      │                  ───────────────────── `build` sets `version`, `artifact`
      ┆
    7 │       x=$(otto.get build.verison)
      ╰╴          ━━━━━━━━━━━━━━━━━━━━━━ `deploy` reads it here
    help: did you mean `build.version`?
    otto · run RUN · 3 tasks
         ok  build      TIME  set artifact, version
         ok  silent     TIME
    otto: no input 'build.verison': task 'build' has no output 'verison'; it has: artifact, version
       FAIL  deploy     TIME  exit 1

    FAIL deploy · exit 1 · TIME · otto.yml:7
      │ otto: no input 'build.verison': task 'build' has no output 'verison'; it has: artifact, version
      1 line · full log: otto Logs RUN deploy
    error[E0704]: task `build` has no output `verison`
      ╭▸ otto.yml:7:20
    7 │       x=$(otto.get build.verison)
      ╰╴                   ━━━━━━━━━━━━━ this input does not exist
      = note: `build` has `artifact`, `version`
    help: did you mean `build.version`?

    3 tasks in TIME: 2 ok, 1 failed
    rerun failed:  otto Rerun RUN
    ── exit 1
    ");
    let project = reading("    python: |\n      print(INPUT[\"build.verison\"])\n");
    assert_snapshot!(told(&project, "deploy"), @r#"
    ── stderr
    warning[E0704]: task `build` never sets `verison`
      ╭▸ otto.yml:7:13
    2 │   build: {bash: 'OUTPUT[version]=1.2.3; OUTPUT[artifact]=app.tar'}
      │                  ───────────────────── `build` sets `version`, `artifact`
      ┆
    7 │       print(INPUT["build.verison"])
      ╰╴            ━━━━━━━━━━━━━━━━━━━━━━ `deploy` reads it here
    help: did you mean `build.version`?
    otto · run RUN · 3 tasks
         ok  build      TIME  set artifact, version
         ok  silent     TIME
    Traceback (most recent call last):
      File "otto.yml:deploy", line 7, in <module>
        print(INPUT["build.verison"])
              ~~~~~^^^^^^^^^^^^^^^^^
    KeyError: `build` has no output 'verison'; it has artifact, version; did you mean 'version'?
       FAIL  deploy     TIME  exit 1

    FAIL deploy · exit 1 · TIME · otto.yml:7
      │ Traceback (most recent call last):
      │   File "otto.yml:deploy", line 7, in <module>
      │     print(INPUT["build.verison"])
      │           ~~~~~^^^^^^^^^^^^^^^^^
      │ KeyError: `build` has no output 'verison'; it has artifact, version; did you mean 'version'?
      5 lines · full log: otto Logs RUN deploy
    error[E0704]: `build` has no output 'verison'; it has artifact, version
      ╭▸ otto.yml:7:7
    7 │       print(INPUT["build.verison"])
      ╰╴      ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ this input does not exist
    help: did you mean 'version'?

    3 tasks in TIME: 2 ok, 1 failed
    rerun failed:  otto Rerun RUN
    ── exit 1
    "#);
}

#[test]
fn a_task_that_is_no_dependency_is_told_with_those_that_are() {
    let project = reading("    bash: echo \"${INPUT[bild.version]}\"\n");
    assert_snapshot!(told(&project, "deploy"), @r#"
    ── stderr
    error[E0705]: there is no task `bild`
      ╭▸ otto.yml:6:19
    4 │   deploy:
      │   ────── depends on `build`, `silent`
    5 │     before: [build, silent]
    6 │     bash: echo "${INPUT[bild.version]}"
      ╰╴                  ━━━━━━━━━━━━━━━━━━━ `deploy` reads it here
    help: did you mean `build.version`?
    otto.yml: 1 error. For details: `otto Explain E0705`
    ── exit 2
    "#);
    let project = reading("    bash: otto.get bild.version\n");
    assert_snapshot!(told(&project, "deploy"), @"
    ── stderr
    error[E0705]: there is no task `bild`
      ╭▸ otto.yml:6:11
    4 │   deploy:
      │   ────── depends on `build`, `silent`
    5 │     before: [build, silent]
    6 │     bash: otto.get bild.version
      ╰╴          ━━━━━━━━━━━━━━━━━━━━━ `deploy` reads it here
    help: did you mean `build.version`?
    otto.yml: 1 error. For details: `otto Explain E0705`
    ── exit 2
    ");
    let project = reading("    python: INPUT[\"bild\"][\"version\"]\n");
    assert_snapshot!(told(&project, "deploy"), @r#"
    ── stderr
    error[E0705]: there is no task `bild`
      ╭▸ otto.yml:6:13
    4 │   deploy:
      │   ────── depends on `build`, `silent`
    5 │     before: [build, silent]
    6 │     python: INPUT["bild"]["version"]
      ╰╴            ━━━━━━━━━━━━━━━━━━━━━━━━ `deploy` reads it here
    help: did you mean `build.version`?
    otto.yml: 1 error. For details: `otto Explain E0705`
    ── exit 2
    "#);
}

#[test]
fn a_dependency_that_handed_over_nothing_is_told_as_such() {
    let project = reading("    bash: echo \"${INPUT[silent.version]}\"\n");
    assert_snapshot!(told(&project, "deploy"), @r#"
    ── stderr
    warning[E0704]: task `silent` never sets `version`
      ╭▸ otto.yml:6:19
    3 │   silent: {bash: ':'}
      │            ──── `silent` sets nothing
      ┆
    6 │     bash: echo "${INPUT[silent.version]}"
      ╰╴                  ━━━━━━━━━━━━━━━━━━━━━ `deploy` reads it here
    help: set `version` in `silent`, or read another key
    otto · run RUN · 3 tasks
         ok  build      TIME  set artifact, version
         ok  silent     TIME
    otto.yml:6: INPUT[silent.version]: unbound variable
       FAIL  deploy     TIME  exit 1

    FAIL deploy · exit 1 · TIME · otto.yml:6
      │ otto.yml:6: INPUT[silent.version]: unbound variable
      1 line · full log: otto Logs RUN deploy
    error[E0704]: task `silent` has no output `version`
      ╭▸ otto.yml:6:25
    6 │     bash: echo "${INPUT[silent.version]}"
      ╰╴                        ━━━━━━━━━━━━━━ this input does not exist
      = note: `silent` set no outputs

    3 tasks in TIME: 2 ok, 1 failed
    rerun failed:  otto Rerun RUN
    ── exit 1
    "#);
    let project = reading("    bash: otto.get silent.version\n");
    assert_snapshot!(told(&project, "deploy"), @"
    ── stderr
    warning[E0704]: task `silent` never sets `version`
      ╭▸ otto.yml:6:11
    3 │   silent: {bash: ':'}
      │            ──── `silent` sets nothing
      ┆
    6 │     bash: otto.get silent.version
      ╰╴          ━━━━━━━━━━━━━━━━━━━━━━━ `deploy` reads it here
    help: set `version` in `silent`, or read another key
    otto · run RUN · 3 tasks
         ok  build      TIME  set artifact, version
         ok  silent     TIME
    otto: no input 'silent.version': task 'silent' has no output 'version'; it has: nothing
       FAIL  deploy     TIME  exit 1

    FAIL deploy · exit 1 · TIME · otto.yml:4
      │ otto: no input 'silent.version': task 'silent' has no output 'version'; it has: nothing
      1 line · full log: otto Logs RUN deploy
    error[E0704]: task `silent` has no output `version`
      ╭▸ otto.yml:6:20
    6 │     bash: otto.get silent.version
      ╰╴                   ━━━━━━━━━━━━━━ this input does not exist
      = note: `silent` set no outputs

    3 tasks in TIME: 2 ok, 1 failed
    rerun failed:  otto Rerun RUN
    ── exit 1
    ");
    let project = reading("    python: INPUT[\"silent.version\"]\n");
    assert_snapshot!(told(&project, "deploy"), @r#"
    ── stderr
    warning[E0704]: task `silent` never sets `version`
      ╭▸ otto.yml:6:13
    3 │   silent: {bash: ':'}
      │            ──── `silent` sets nothing
      ┆
    6 │     python: INPUT["silent.version"]
      ╰╴            ━━━━━━━━━━━━━━━━━━━━━━━ `deploy` reads it here
    help: set `version` in `silent`, or read another key
    otto · run RUN · 3 tasks
         ok  build      TIME  set artifact, version
         ok  silent     TIME
    Traceback (most recent call last):
      File "otto.yml:deploy", line 6, in <module>
        INPUT["silent.version"]
        ~~~~~^^^^^^^^^^^^^^^^^^
    KeyError: `silent` recorded no outputs, so there is no 'version'
       FAIL  deploy     TIME  exit 1

    FAIL deploy · exit 1 · TIME · otto.yml:6
      │ Traceback (most recent call last):
      │   File "otto.yml:deploy", line 6, in <module>
      │     INPUT["silent.version"]
      │     ~~~~~^^^^^^^^^^^^^^^^^^
      │ KeyError: `silent` recorded no outputs, so there is no 'version'
      5 lines · full log: otto Logs RUN deploy

    3 tasks in TIME: 2 ok, 1 failed
    rerun failed:  otto Rerun RUN
    ── exit 1
    "#);
}

#[test]
fn too_many_words_are_answered_with_usage() {
    let project = setting("    bash: otto.set name two words\n");
    assert_snapshot!(told(&project, "build"), @r#"
    ── stderr
    otto: usage: otto.set KEY VALUE | --json KEY JSON | --list KEY [ITEM...] | --secret KEY VALUE (got 3 words: quote the value?)

    FAIL build · exit 2 · TIME · otto.yml:2
      │ otto: usage: otto.set KEY VALUE | --json KEY JSON | --list KEY [ITEM...] | --secret KEY VALUE (got 3 words: quote the value?)
      1 line · full log: otto Logs RUN build
    error[E0715]: `otto.set` takes a key and one value
      ╭▸ otto.yml:3:11
    3 │     bash: otto.set name two words
      ╰╴          ━━━━━━━━━━━━━━━━━━━━━━━ 3 words
    help: quote the value: `KEY "$value"`

    rerun:  otto Rerun RUN
    ── exit 2
    "#);
    let project = Project::new(
        "tasks:\n  all: {foreach: {items: [a]}, bash: ':'}\n  read: {needs: [all], bash: otto.items -v names}\n",
    );
    assert_snapshot!(told(&project, "read"), @"
    ── stderr
    otto · run RUN · 2 tasks
         ok  all:a     TIME
    otto: usage: otto.items [-v ARRAY] TASK
       FAIL  read      TIME  exit 2

    FAIL read · exit 2 · TIME · otto.yml:3
      │ otto: usage: otto.items [-v ARRAY] TASK
      1 line · full log: otto Logs RUN read
    error[E0715]: `otto.items` takes the name of a foreach task, and before it `-v ARRAY` to fill an array
    help: name the task, as in `-v names TASK`

    2 tasks in TIME: 1 ok, 1 failed
    rerun failed:  otto Rerun RUN
    ── exit 2
    ");
    let project = setting("    bash: otto_set_output name two words\n");
    assert_snapshot!(told(&project, "build"), @r#"
    ── stderr
    otto: usage: otto_set_output KEY VALUE (got 3 words: quote the value?)

    FAIL build · exit 2 · TIME · otto.yml:2
      │ otto: usage: otto_set_output KEY VALUE (got 3 words: quote the value?)
      1 line · full log: otto Logs RUN build
    error[E0715]: `otto_set_output` takes a key and one value
      ╭▸ otto.yml:3:11
    3 │     bash: otto_set_output name two words
      ╰╴          ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 3 words
    help: quote the value: `KEY "$value"`

    rerun:  otto Rerun RUN
    ── exit 2
    "#);
}

#[test]
fn an_output_that_is_no_more_is_told() {
    let project = setting("    bash: |\n      OUTPUT[a]=1\n      unset OUTPUT\n");
    assert_snapshot!(told(&project, "build"), @"
    ── stderr

    FAIL build · OUTPUT was replaced or unset in `build` · TIME · otto.yml:2
      no output · full log: otto Logs RUN build
    error[E0709]: OUTPUT was replaced or unset in `build`
    help: otto can read OUTPUT only if it stays an associative array; use another name for your variable

    rerun:  otto Rerun RUN
    ── exit 1
    ");
    let project = setting("    bash: |\n      OUTPUT[a]=1\n      unset OUTPUT\n      OUTPUT=plain\n");
    assert_snapshot!(told(&project, "build"), @"
    ── stderr
    warning[E0715]: build: `OUTPUT=…` in `build` sets the key `0` of OUTPUT; write `OUTPUT[key]=value`

    FAIL build · OUTPUT was replaced or unset in `build` · TIME · otto.yml:2
      no output · full log: otto Logs RUN build
    error[E0709]: OUTPUT was replaced or unset in `build`
    help: otto can read OUTPUT only if it stays an associative array; use another name for your variable

    rerun:  otto Rerun RUN
    ── exit 1
    ");
    let project = setting(
        "    bash: |\n      collect() {\n        local -A OUTPUT\n        OUTPUT[a]=1\n        exit 0\n      }\n      collect\n",
    );
    assert_snapshot!(told(&project, "build"), @"
    ── stderr
    warning[E0706]: `collect` in task `build` has a variable `OUTPUT` of its own: `OUTPUT[a]` will be lost
      ╭▸ otto.yml:5:18
    5 │         local -A OUTPUT
      ╰╴                 ━━━━━━ ends with the function
    help: leave out the declaration, or use `otto.set a VALUE`, which works everywhere

    FAIL build · `build` ended inside `collect`, which has its own variable OUTPUT · TIME · otto.yml:2
      no output · full log: otto Logs RUN build
    error[E0709]: `build` ended inside `collect`, which has its own variable OUTPUT
    help: exit outside that function, or do not declare OUTPUT in it

    rerun:  otto Rerun RUN
    ── exit 1
    ");
    let project = setting("    python: |\n      OUTPUT = [1]\n");
    assert_snapshot!(told(&project, "build"), @"
    ── stderr

    FAIL build · OUTPUT is a list now: write OUTPUT['key'] = value · TIME · otto.yml:2
      no output · full log: otto Logs RUN build
    error[E0709]: OUTPUT is a list now: write OUTPUT['key'] = value

    rerun:  otto Rerun RUN
    ── exit 1
    ");
}

#[test]
fn what_is_no_json_is_told_with_its_place() {
    let project = setting("    bash: |\n      otto.set --json size '{oops'\n");
    assert_snapshot!(told(&project, "build"), @"
    ── stderr

    FAIL build · `otto.set --json size` got invalid JSON: line 1, column 2: expected a key in double quotes, found `o` · TIME · otto.yml:2
      no output · full log: otto Logs RUN build
    error[E0707]: `otto.set --json size` got invalid JSON: line 1, column 2: expected a key in double quotes, found `o`
      = note: the text is `{oops`

    rerun:  otto Rerun RUN
    ── exit 1
    ");
    let project = setting("");
    project.write("program", "#!/bin/sh\nprintf '{\"a\": 1}\\na=1\\n' > \"$OTTO_OUTPUT_JSON\"\n");
    let program = project.path("program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
    project.write("otto.yml", &format!("tasks:\n  build:\n    bash: |\n      #!{}\n", program.display()));
    assert_snapshot!(told(&project, "build"), @r#"
    ── stderr

    FAIL build · `$OTTO_OUTPUT_JSON` is not valid JSON: line 2, column 1: expected a JSON object, found `a` · TIME · otto.yml:2
      no output · full log: otto Logs RUN build
    error[E0707]: `$OTTO_OUTPUT_JSON` is not valid JSON: line 2, column 1: expected a JSON object, found `a`
      = note: line 2 is `a=1`
    help: write JSON objects one after another: `{"key": "value"}`

    rerun:  otto Rerun RUN
    ── exit 1
    "#);
    let project = setting(
        "    python: |\n      import datetime\n      OUTPUT[\"a\"] = {\"when\": [datetime.date(2026, 1, 1)]}\n      OUTPUT[\"b\"] = {1, 2}\n      OUTPUT[\"c\"] = 1\n",
    );
    assert_snapshot!(told(&project, "build"), @r#"
    ── stderr

    FAIL build · OUTPUT['a']['when'][0] is a date: use .isoformat() · TIME · otto.yml:2
      no output · full log: otto Logs RUN build
    error[E0703]: OUTPUT['a']['when'][0] is a date: use .isoformat()
      ╭▸ otto.yml:5:7
    5 │       OUTPUT["a"] = {"when": [datetime.date(2026, 1, 1)]}
      ╰╴      ━━━━━━━━━━━ set here
    error[E0703]: OUTPUT['b'] is a set: use sorted(…) or list(…)
      ╭▸ otto.yml:6:7
    6 │       OUTPUT["b"] = {1, 2}
      ╰╴      ━━━━━━━━━━━ set here

    rerun:  otto Rerun RUN
    ── exit 1
    "#);
}

/// A limit on the size of files is what a full disk looks like to a script.
#[test]
fn outputs_that_do_not_fit_are_told() {
    let project = setting(
        "    bash: |\n      OUTPUT[log]=$(head -c 100000 /dev/zero | tr '\\0' x)\n      trap '' XFSZ\n      ulimit -f 8\n",
    );
    assert_snapshot!(told(&project, "build"), @"
    ── stderr

    FAIL build · exit 1 · TIME · otto.yml:2
      no output · full log: otto Logs RUN build
    error[E0702]: the outputs of `build` were written only in part
      = note: they were being written to `/you/home/project-ID/RUN/tasks/build/.otto`; is the disk full?

    rerun:  otto Rerun RUN
    ── exit 1
    ");
    let project = setting(
        "    python: |\n      import resource\n      OUTPUT[\"log\"] = \"x\" * 100000\n      resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))\n",
    );
    assert_snapshot!(told(&project, "build"), @"
    ── stderr
    otto: cannot save the outputs in /you/home/project-ID/RUN/tasks/build/.otto/dump: File too large

    FAIL build · `build` ended with status 0, but its outputs were never saved · TIME · otto.yml:2
      │ otto: cannot save the outputs in /you/home/project-ID/RUN/tasks/build/.otto/dump: File too large
      1 line · full log: otto Logs RUN build
    error[E0701]: `build` ended with status 0, but its outputs were never saved
      = note: the process was replaced (`os.exec…`), exited with `os._exit`, or could not write
    help: exit with `sys.exit()`, or call `otto_serialize_output()` first

    rerun:  otto Rerun RUN
    ── exit 1
    ");
}

#[test]
fn outputs_that_were_never_handed_over_are_told() {
    let project = setting("    bash: |\n      OUTPUT[a]=1\n      exec true\n");
    assert_snapshot!(told(&project, "build"), @"
    ── stderr

    FAIL build · `build` ended with status 0, but its outputs were never saved · TIME · otto.yml:2
      no output · full log: otto Logs RUN build
    error[E0701]: `build` ended with status 0, but its outputs were never saved
      = note: `exec` replaces the shell, so everything that was set is lost
    help: call `otto.save` before `exec`

    rerun:  otto Rerun RUN
    ── exit 1
    ");
    let project = setting("    python: |\n      import os\n      OUTPUT[\"a\"] = 1\n      os._exit(0)\n");
    assert_snapshot!(told(&project, "build"), @"
    ── stderr

    FAIL build · `build` ended with status 0, but its outputs were never saved · TIME · otto.yml:2
      no output · full log: otto Logs RUN build
    error[E0701]: `build` ended with status 0, but its outputs were never saved
      = note: the process was replaced (`os.exec…`), exited with `os._exit`, or could not write
    help: exit with `sys.exit()`, or call `otto_serialize_output()` first

    rerun:  otto Rerun RUN
    ── exit 1
    ");
}

#[test]
fn what_a_failed_task_handed_over_is_there_for_who_runs_after_it() {
    let project = Project::new(
        "tasks:
  build: {bash: 'OUTPUT[log]=half; exit 3'}
  report:
    before: [{task: build, when: failure}]
    bash: echo \"${INPUT[build.log]}\" > said
",
    );
    assert_eq!(project.run("report").status, 3);
    assert_eq!(project.read("said"), "half\n");
}

#[test]
fn the_jobs_of_a_foreach_task_are_inputs_of_their_own() {
    let project = Project::new(
        "tasks:
  build: {foreach: {items: [x86, arm]}, bash: 'OUTPUT[of]=$item'}
  pack:
    before: [build]
    bash: echo \"${INPUT[build:x86.of]} ${INPUT[build:arm.of]}\" > said
  list:
    before: [build]
    python: print(sorted(INPUT), file=open('said', 'w'))
",
    );
    assert_eq!((project.run("pack").status, project.read("said").as_str()), (0, "x86 arm\n"));
    assert_eq!(project.run("list").status, 0);
    assert_eq!(project.read("said"), "['build:arm.of', 'build:x86.of']\n");
}

#[test]
fn an_otto_inside_a_task_has_outputs_of_its_own() {
    let project = Project::new(
        "tasks:
  outer:
    bash: |
      export OTTO_OUT=1
      OTTO_HOME=$PWD/inside otto -q inner
  inner:
    bash: |
      export OTTO_IN=2
      OUTPUT[x]=$OTTO_TASK
",
    );
    let ran = project.run("outer");
    assert_eq!(ran.status, 0, "{}", ran.all());
    let outer = fs::read_to_string(project.task("outer").join("output.outer.json")).expect("recorded");
    assert_eq!(outer, "{\n  \"OTTO_OUT\": \"1\"\n}\n");
    let inside = fs::read_dir(project.path("inside")).expect("a home").flatten();
    let inner = inside.map(|entry| entry.path().join("latest/tasks/inner/output.inner.json"));
    let inner = inner.filter_map(|path| fs::read_to_string(path).ok()).collect::<String>();
    assert_eq!(inner, "{\n  \"OTTO_IN\": \"2\",\n  \"x\": \"inner\"\n}\n");
}

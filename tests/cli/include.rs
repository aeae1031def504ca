//! Several ottofiles: namespaces, what is read, where tasks run, what they see of each other.

use crate::Project;
use insta::assert_snapshot;

/// A repository with two services, tools and a file for releases.
fn shop() -> Project {
    let project = Project::new(
        "
otto:
  envs: {REGION: us, LEVEL: root}
  include:
    - services/*
    - {path: ci/release.yml, as: release}
    - {path: tools, envs: {REGION: eu, FROM: '$LEVEL'}}
    - {path: nowhere, optional: true}
tasks:
  build: {bash: 'OUTPUT[version]=1.2.3'}
  test: {needs: ['services/*/test']}
  a/b: {bash: 'echo slash'}
",
    );
    project.write(
        "services/api/otto.yml",
        "
otto: {tasks: [test], about: The API, envs: {NAME: 'api-${REGION:-alone}'}}
tasks:
  build:
    needs: [/build]
    bash: 'OUTPUT[binary]=\"api-${INPUT[/build.version]}-${INPUT[build.version]}\"'
  test:
    needs: [build]
    bash: 'echo \"api: ${INPUT[build.binary]} ${INPUT[services/api/build.binary]}\"'
  env: {bash: 'echo \"${PWD##*/project} ${OTTO_WORKSPACE##*/project} $OTTO_TASK $NAME ${LEVEL-}\"'}
",
    );
    project.write(
        "services/web/otto.yml",
        "
tasks:
  test:
    needs: [/services/api/build]
    bash: 'echo \"web: ${INPUT[/services/api/build.binary]}\"'
",
    );
    project.write(
        "ci/release.yml",
        "
otto: {envs: {LEVEL: own}}
tasks:
  publish: {needs: [/services/api/test], bash: 'echo \"publish in ${PWD##*/project} $LEVEL\"'}
",
    );
    project.write(
        "tools/otto.yml",
        "tasks: {env: {dir: sub, bash: 'echo \"${PWD##*/project} $REGION $FROM\"'}}\n",
    );
    project.write("tools/sub/x", "");
    project
}

#[test]
fn tasks_of_included_files_have_their_namespace_in_front() {
    let project = shop();
    assert_snapshot!(project.run("List").stdout, @"
    project · otto.yml · 3 tasks · 6 tasks in 4 included ottofiles

      build 
      test     needs services/*/test
      a/b   

    services/api
      services/api/build    needs /build
      services/api/test     needs build
      services/api/env   

    services/web
      services/web/test    needs /services/api/build

    release
      release/publish    needs /services/api/test

    tools
      tools/env 

    otto TASK --help · otto History · otto Graph
    ");
    assert_snapshot!(project.run("-j1 test").stdout, @"
    api: api-1.2.3-1.2.3 api-1.2.3-1.2.3
    web: api-1.2.3-1.2.3
    ");
    assert_snapshot!(project.run("release/publish").stdout, @"
    api: api-1.2.3-1.2.3 api-1.2.3-1.2.3
    publish in /ci own
    ");
    assert_eq!(project.run("a/b").ok(), "slash\n");
}

#[test]
fn a_namespace_runs_its_default_tasks_or_lists_its_tasks() {
    let project = shop();
    assert_eq!(project.run("services/api").ok(), "api: api-1.2.3-1.2.3 api-1.2.3-1.2.3\n");
    assert_snapshot!(project.run("services/web").all(), @"
    ── stdout
    services/web · services/web/otto.yml · 1 task

      services/web/test    needs /services/api/build

    otto TASK --help · otto History · otto Graph
    ── exit 0
    ");
    assert_snapshot!(project.run("services/web a/b").all(), @"
    ── stderr
    error[E0003]: the namespace `services/web` has no default tasks
      ╭▸ command line:1:6
    1 │ otto services/web a/b
      ╰╴     ━━━━━━━━━━━━ a namespace
    help: its task is `services/web/test`
    otto: 1 error. For details: `otto Explain E0003`
    ── exit 2
    ");
    assert_eq!(project.run("List services/web").stdout, project.run("services/web").stdout);
    for words in ["services/web -h", "services/web --help", "services/web/"] {
        assert_eq!(project.run(words).stdout, project.run("services/web").stdout, "{words}");
    }
    assert_eq!(project.run("services/api --help").stdout, project.run("List services/api").stdout);
    assert_snapshot!(project.run("services").all(), @"
    ── stdout
    services · 4 tasks in 2 included ottofiles

    services/api
      services/api/build    needs /build
      services/api/test     needs build
      services/api/env   

    services/web
      services/web/test    needs /services/api/build

    otto TASK --help · otto History · otto Graph
    ── exit 0
    ");
    assert_eq!(project.run("List services").stdout, project.run("services").stdout);
    assert_snapshot!(project.run("build services").all(), @"
    ── stderr
    error[E0003]: `services` is a folder of namespaces, not a task
      ╭▸ command line:1:12
    1 │ otto build services
      ╰╴           ━━━━━━━━ a namespace
    help: its namespaces are `services/api`, `services/web`
    otto: 1 error. For details: `otto Explain E0003`
    ── exit 2
    ");
    assert_snapshot!(project.run("List service").all(), @"
    ── stderr
    error[E0003]: unknown namespace `service`
    help: did you mean `services/api` or `services/web`?
    help: `otto List` lists all tasks
    otto: 1 error. For details: `otto Explain E0003`
    ── exit 2
    ");
}

#[test]
fn a_task_runs_in_the_folder_of_its_own_ottofile_with_its_variables_on_top() {
    let project = shop();
    assert_eq!(
        project.run("services/api/env").ok(),
        "/services/api /services/api services/api/env api-us root\n"
    );
    assert_eq!(project.run("tools/env").ok(), "/tools/sub eu root\n");
    project.write("tools/.env", "REGION=file\nOTHER=1\n");
    project.write(
        "tools/otto.yml",
        "otto: {dotenv: [.env]}\ntasks: {env: {bash: 'echo \"$REGION $OTHER $FROM\"', foreach: {glob: '*.yml'}}}\n",
    );
    assert_eq!(project.run("tools/env").ok(), "file 1 root\n");
    assert_eq!(project.run("tools/env:otto.yml").ok(), "file 1 root\n");
}

#[test]
fn every_language_knows_a_dependency_as_it_is_written_and_by_its_whole_name() {
    let project = Project::new("otto: {include: [a], jobs: 1}\ntasks: {top: {bash: 'OUTPUT[k]=root'}}\n");
    project.write(
        "a/otto.yml",
        "
tasks:
  top: {bash: 'OUTPUT[k]=own'}
  each: {foreach: {items: [x]}, bash: 'OUTPUT[k]=item'}
  failing: {bash: exit 3}
  bash:
    needs: [top, /top, each]
    bash: 'echo ${INPUT[top.k]} ${INPUT[/top.k]} ${INPUT[a/top.k]} ${INPUT[each:x.k]} ${INPUT[a/each:x.k]}'
  sh:
    needs: [top, /top, each]
    action: |
      #!/bin/sh
      echo $(otto_get_input top.k) $(otto_get_input /top.k) $(otto_get_input a/top.k) $(otto_get_input each:x.k)
  python:
    needs: [top, /top, each]
    python: 'print(INPUT[\"top.k\"], INPUT[\"/top.k\"], INPUT[\"a/top.k\"], INPUT[\"each:x.k\"])'
  perl:
    needs: [top, /top]
    action: |
      #!/usr/bin/env perl
      use JSON::PP;
      open my $file, '<', $ENV{OTTO_INPUT_JSON};
      my $input = decode_json(join '', <$file>);
      print \"$input->{top}{k} $input->{'/top'}{k} $input->{'a/top'}{k}\\n\";
  outcome:
    needs: [{task: failing, when: always}]
    bash: 'echo ${OUTCOME[failing]} ${OUTCOME[a/failing]} ${OUTCOME[failing.exit]}'
  only-root: {needs: [/top], bash: 'echo ${INPUT[top.k]}'}
",
    );
    assert_eq!(project.run("-q a/bash").stdout, "own root own item item\n");
    assert_eq!(project.run("-q a/sh").stdout, "own root own item\n");
    assert_eq!(project.run("-q a/python").stdout, "own root own item\n");
    assert_eq!(project.run("-q a/perl").stdout, "own root own\n");
    assert_eq!(project.run("-q a/only-root").stdout, "root\n");
    let outcome = project.run("a/outcome");
    assert!(outcome.stdout.contains("failed failed 3"), "{}", outcome.all());
    // The folder of the run has both names too.
    project.run("-q a/bash").ok();
    let folder = project.task("a%2Fbash");
    assert!(folder.join("input.top.json").exists() && folder.join("input.a%2Ftop.json").exists());
}

#[test]
fn a_missing_key_of_another_file_is_told_with_the_names_that_the_file_uses() {
    let project = shop();
    project.write(
        "services/web/otto.yml",
        "tasks: {test: {needs: [/services/api/build], bash: 'echo ${INPUT[/services/api/build.binry]}'}}\n",
    );
    let failed = project.run("services/web/test").stderr;
    let told = failed.find("error[").map_or("", |place| &failed[place..]);
    assert_snapshot!(told, @"
    error[E0704]: task `/services/api/build` has no output `binry`
      ╭▸ services/web/otto.yml:1:66
    1 │ …ho ${INPUT[/services/api/build.binry]}'}}
      ╰╴            ━━━━━━━━━━━━━━━━━━━━━━━━━ this input does not exist
      = note: `/services/api/build` has `binary`
    help: did you mean `/services/api/build.binary`?

    3 tasks in TIME: 2 ok, 1 failed
    rerun failed:  otto Rerun RUN
    ");
}

#[test]
fn only_the_files_that_are_needed_are_read() {
    let project = shop();
    project.write("services/web/otto.yml", "tasks: {test: {bsh: x}}\n");
    assert_eq!(project.run("-q services/api/test").status, 0);
    assert_snapshot!(project.run("test").all(), @"
    ── stderr
    error[E0104]: unknown key `bsh` in task `test`
      ╭▸ services/web/otto.yml:1:16
    1 │ tasks: {test: {bsh: x}}
      ╰╴               ━━━ unknown key
    help: did you mean `bash`?
    services/web/otto.yml: 1 error. For details: `otto Explain E0104`
    ── exit 2
    ");
    let listed = project.run("List");
    assert!(listed.stdout.contains("services/api/build") && listed.status == 2, "{}", listed.all());
    assert_snapshot!(project.run("Check").all(), @"
    ── stderr
    error[E0104]: unknown key `bsh` in task `test`
      ╭▸ services/web/otto.yml:1:16
    1 │ tasks: {test: {bsh: x}}
      ╰╴               ━━━ unknown key
    help: did you mean `bash`?
    services/web/otto.yml: 1 error. For details: `otto Explain E0104`
    ── exit 2
    ");
    assert_snapshot!(project.run("Check --json").stdout, @r#"
    {
      "diagnostics": [
        {
          "code": "E0104",
          "helps": [
            "did you mean `bash`?"
          ],
          "message": "unknown key `bsh` in task `test`",
          "notes": [],
          "places": [
            {
              "column": 16,
              "end_column": 19,
              "end_line": 1,
              "file": "services/web/otto.yml",
              "line": 1,
              "text": "unknown key"
            }
          ],
          "quotes": [
            {
              "file": "services/web/otto.yml",
              "line": 1,
              "text": "tasks: {test: {bsh: x}}"
            }
          ],
          "severity": "error"
        }
      ],
      "ottofile": "otto.yml",
      "tasks": 8
    }
    "#);
}

#[test]
fn a_word_that_is_a_value_leads_to_no_file() {
    let project = shop();
    project.write("services/web/otto.yml", "tasks: [\n");
    project.write(
        "otto.yml",
        "otto: {include: ['services/*']}\ntasks: {fmt: {params: {args: {nargs: '*'}}, bash: 'echo \"$@\"'}, one: {params: {x: {}}, bash: 'echo $x'}}\n",
    );
    assert_eq!(project.run("fmt services/web services/api").ok(), "services/web services/api\n");
    assert_eq!(project.run("one services/web").ok(), "services/web\n");
}

#[test]
fn from_inside_a_file_is_a_project_of_its_own_unless_it_mentions_the_root() {
    let project = shop();
    let inside = |words: &str| project.run(&format!("-C services/api {words}"));
    assert_eq!(inside("env").ok(), "/services/api /services/api env api-alone \n");
    assert_eq!(inside("test").ok(), "api: api-1.2.3-1.2.3 api-1.2.3-1.2.3\n");
    assert_eq!(inside("").ok(), "api: api-1.2.3-1.2.3 api-1.2.3-1.2.3\n");
    assert_eq!(inside("/services/web/test").ok(), "web: api-1.2.3-1.2.3\n");
    assert_eq!(
        inside("-j1 /a/b env").ok(),
        "slash\n/services/api /services/api services/api/env api-us root\n"
    );
    assert_eq!(inside("-r a/b").ok(), "slash\n");
    let commands = |ran: crate::Ran| {
        let lines =
            ran.stdout.lines().filter_map(|line| line.split_once("otto ")).map(|(_, words)| words.to_owned());
        lines.filter(|line| line.contains("-C")).collect::<Vec<_>>()
    };
    assert_eq!(commands(inside("History")), ["-C services/api env"]);
    assert_eq!(commands(inside("History -r")).len(), 5);
    assert_snapshot!(inside("/services/web/tset").all(), @"
    ── stderr
    error[E0003]: unknown task `/services/web/tset`
      ╭▸ command line:1:6
    1 │ otto /services/web/tset
      ╰╴     ━━━━━━━━━━━━━━━━━━ not in ../web/otto.yml
    help: did you mean `/services/web` or `/services/web/test`?
    usage: otto [OPTIONS] [TASK [ARGS]]...
    otto: 1 error. For details: `otto Explain E0003`
    ── exit 2
    ");
    assert_snapshot!(inside("tset").all(), @"
    ── stderr
    error[E0003]: unknown task `tset`
      ╭▸ command line:1:6
    1 │ otto tset
      ╰╴     ━━━━ not in otto.yml
    help: did you mean `test`?
    usage: otto [OPTIONS] [TASK [ARGS]]...
    otto: 1 error. For details: `otto Explain E0003`
    ── exit 2
    ");
    assert_snapshot!(inside("env -r").all(), @"
    ── stderr
    error[E0005]: `-r` must come before the task
    help: write `otto -r TASK`
    otto: 1 error. For details: `otto Explain E0005`
    ── exit 2
    ");
}

#[test]
fn the_topmost_ottofile_that_includes_a_file_is_its_root() {
    let project = Project::new("otto: {include: [mid]}\ntasks: {t: {bash: echo top}}\n");
    project.write("mid/otto.yml", "otto: {include: [low]}\ntasks: {t: {bash: echo mid}}\n");
    project.write("mid/low/otto.yml", "tasks: {t: {needs: [/t], bash: echo low}}\n");
    assert_eq!(project.run("-q -C mid/low t").ok(), "top\nlow\n");
    assert_eq!(project.run("-q mid/low/t").ok(), "top\nlow\n");
    // One further up that does not include it is not its root.
    project.write("otto.yml", "tasks: {t: {bash: echo top}}\n");
    assert_eq!(project.run("-q -C mid/low t").ok(), "mid\nlow\n");
    project.write("mid/otto.yml", "tasks: {}\n");
    assert_snapshot!(project.run("-C mid/low t").all(), @"
    ── stderr
    error[E0302]: dependency cycle: `t` needs `t`
      ╭▸ otto.yml:1:21
    1 │ tasks: {t: {needs: [/t], bash: echo low}}
      ╰╴                    ━━ `t` needs `t`
    help: remove one of these dependencies, or split a task
    otto.yml: 1 error. For details: `otto Explain E0302`
    ── exit 2
    ");
}

/// A file further up that cannot be read might be the root; without it nobody knows which task is meant.
#[test]
fn a_file_further_up_that_cannot_be_read_is_an_error_where_it_is_needed() {
    let top = "otto: {include: [mid]}\ntasks: {t: {bash: echo top}}\n";
    let mid = "otto: {include: [low]}\ntasks: {t: {bash: echo mid}}\n";
    let low = "tasks: {t: {bash: echo low}, u: {needs: [/t], bash: echo low}}\n";
    let needs_root = ["/t", "-r t", "u", "-r List", "-r History", "Graph u", "Check", "help /t", "-n /t"];
    let wrong: [(&str, &str, &str); 6] = [
        ("otto.yml", "otto: {include: [mid]}\ntasks: {t: {bsh: echo top}}\n", "../../otto.yml:2:13"),
        ("otto.yml", "otto: {include: [mid]\n", "../../otto.yml:"),
        ("otto.yml", "otto: {include: [mid, nowhere]}\ntasks: {}\n", "../../otto.yml:1:23"),
        ("otto.yml", "otto: {\"\\x69nclude\": [mid]}\ntasks: {t: {bsh: x}}\n", "../../otto.yml:2:13"),
        ("mid/otto.yml", "otto: {include: [low]}\ntasks: {t: {bsh: echo mid}}\n", "../otto.yml:2:13"),
        (
            "mid/low/otto.yml",
            "tasks: {t: {bash: echo low}, u: {needs: [/t]}, /v: {bash: echo}}\n",
            "otto.yml:1:",
        ),
    ];
    for (name, text, place) in wrong {
        let project = Project::new(top);
        project.write("mid/otto.yml", mid);
        project.write("mid/low/otto.yml", low);
        project.write(name, text);
        for words in needs_root {
            let ran = project.run(&format!("-C mid/low {words}"));
            assert!(ran.status == 2 && ran.stderr.contains(place), "{name}, {words}: {}", ran.all());
            assert_eq!(ran.stdout, "", "{name}, {words}");
        }
        // What needs nothing from above is not disturbed.
        assert_eq!(project.run("-q -C mid/low t").ok(), "low\n", "{name}");
    }
    // One that includes nothing is in nobody's way.
    let project = Project::new("tasks: {t: {bsh: echo top}}\n");
    project.write("mid/otto.yml", mid);
    project.write("mid/low/otto.yml", low);
    assert_eq!(project.run("-q -C mid/low /t").ok(), "mid\n");
    assert_eq!(project.run("-q -C mid/low -r t").ok(), "mid\n");
    assert_eq!(project.run("-q -C mid/low u").ok(), "mid\nlow\n");
    project.write("otto.yml", "otto: {include: [mid]}\ntasks: {t: {bsh: echo top}}\n");
    assert_snapshot!(project.run("-C mid/low /t").all(), @"
    ── stderr
    error[E0104]: unknown key `bsh` in task `t`
      ╭▸ ../../otto.yml:2:13
    2 │ tasks: {t: {bsh: echo top}}
      ╰╴            ━━━ unknown key
      = note: otto needs this file to find the topmost ottofile that includes otto.yml
    help: did you mean `bash`?
    ../../otto.yml: 1 error. For details: `otto Explain E0104`
    ── exit 2
    ");
    std::fs::write(project.path("otto.yml"), b"otto: {include: [mid], name: \xff}\n").expect("written");
    assert_snapshot!(project.run("-C mid/low -r t").all(), @"
    ── stderr
    error[E0202]: `../../otto.yml` is not UTF-8
      ╭▸ ../../otto.yml:1:30
    1 │ otto: {include: [mid], name: �}
      ╰╴                             ━ this byte is not UTF-8
      = note: otto needs this file to find the topmost ottofile that includes otto.yml
    help: save the file as UTF-8
    ../../otto.yml: 1 error. For details: `otto Explain E0202`
    ── exit 2
    ");
}

#[test]
fn a_name_with_a_slash_in_front_is_never_that_of_the_file_below() {
    let project = Project::new("otto: {include: [a]}\ntasks: {t: {bash: echo top}}\n");
    project.write("a/otto.yml", "tasks: {own: {bash: echo own}}\n");
    assert_snapshot!(project.run("-C a /own").all(), @"
    ── stderr
    error[E0003]: unknown task `/own`
      ╭▸ command line:1:6
    1 │ otto /own
      ╰╴     ━━━━ not in ../otto.yml
    help: did you mean `own`?
    usage: otto [OPTIONS] [TASK [ARGS]]...
    otto: 1 error. For details: `otto Explain E0003`
    ── exit 2
    ");
    // Where no file includes it, it is the root itself.
    project.write("otto.yml", "tasks: {t: {bash: echo top}}\n");
    assert_eq!(project.run("-q -C a /own").ok(), "own\n");
}

#[test]
fn what_is_missing_stops_every_run() {
    let with = |include: &str| {
        let project =
            Project::new(&format!("otto: {{include: [{include}]}}\ntasks: {{t: {{bash: echo}}}}\n"));
        project.write("empty/x", "");
        project.run("t").all()
    };
    assert_snapshot!(with("nowhere, empty, 'e*'"), @"
    ── stderr
    error[E0204]: `nowhere` does not exist
      ╭▸ otto.yml:1:18
    1 │ otto: {include: [nowhere, empty, 'e*']}
      ╰╴                 ━━━━━━━ not found
    help: if it may be missing: `{path: nowhere, optional: true}`
    error[E0204]: there is no ottofile in `empty`
      ╭▸ otto.yml:1:27
    1 │ otto: {include: [nowhere, empty, 'e*']}
      ╰╴                          ━━━━━ no ottofile there
    help: if it may be missing: `{path: empty, optional: true}`
    error[E0204]: no ottofile matches `e*`
      ╭▸ otto.yml:1:34
    1 │ otto: {include: [nowhere, empty, 'e*']}
      ╰╴                                 ━━━━ matches nothing
    help: if it may be missing: `{path: e*, optional: true}`
    otto.yml: 3 errors. For details: `otto Explain E0204`
    ── exit 2
    ");
    assert_snapshot!(with("{path: nowhere, optional: true}, {path: 'e*', optional: true}"), @"
    ── stdout

    ── stderr
         ok  t     TIME
    ── exit 0
    ");
}

#[test]
fn what_cannot_be_included_is_refused_with_its_place() {
    let with = |include: &str, files: &[(&str, &str)], words: &str| {
        let project = Project::new(&format!(
            "otto:\n  include: [{include}]\ntasks: {{t: {{bash: echo}}, a/x: {{bash: echo}}}}\n"
        ));
        files.iter().for_each(|(name, text)| project.write(name, text));
        project.run(words).all()
    };
    let one = "tasks: {x: {bash: echo}}\n";
    assert_snapshot!(with("b, {path: c.yml, as: b}", &[("b/otto.yml", one), ("c.yml", one)], "t"), @"
    ── stderr
    error[E0303]: two ottofiles have the namespace `b`
      ╭▸ otto.yml:2:23
    2 │   include: [b, {path: c.yml, as: b}]
      │             ┬         ━━━━━ the second one
      │             │
      ╰╴            the first one
    help: give one of them another name: `{path: …, as: NAME}`
    otto.yml: 1 error. For details: `otto Explain E0303`
    ── exit 2
    ");
    assert_snapshot!(with("a", &[("a/otto.yml", one)], "t"), @"
    ── stderr
    error[E0303]: the task `a/x` is not in the file of the namespace `a`
      ╭▸ otto.yml:3:26
    2 │   include: [a]
      │             ─ the namespace is included here
    3 │ tasks: {t: {bash: echo}, a/x: {bash: echo}}
      ╰╴                         ━━━ the task
    help: rename the task, or include the file under another name: `{path: …, as: NAME}`
    otto.yml: 1 error. For details: `otto Explain E0303`
    ── exit 2
    ");
    assert_snapshot!(with("{path: c.yml, as: t}", &[("c.yml", one)], "t"), @"
    ── stderr
    error[E0303]: `t` is both a task and a namespace
      ╭▸ otto.yml:3:9
    2 │   include: [{path: c.yml, as: t}]
      │                    ───── the namespace is included here
    3 │ tasks: {t: {bash: echo}, a/x: {bash: echo}}
      ╰╴        ━ the task
    help: rename the task, or include the file under another name: `{path: …, as: NAME}`
    otto.yml: 1 error. For details: `otto Explain E0303`
    ── exit 2
    ");
    assert_snapshot!(with("b", &[("b/otto.yml", "otto: {include: [{path: .., as: up}]}")], "Check"), @"
    ── stderr
    error[E0205]: `otto.yml` includes itself
      ╭▸ b/otto.yml:1:25
    1 │ otto: {include: [{path: .., as: up}]}
      ╰╴                        ━━ leads back to it
      ╭▸ otto.yml:2:13
    2 │   include: [b]
      ╰╴            ━ includes the next file
    help: remove one of these entries
    b/otto.yml: 1 error. For details: `otto Explain E0205`
    ── exit 2
    ");
    assert_snapshot!(with("{path: ., as: me}", &[], "me/t"), @"
    ── stderr
    error[E0205]: `otto.yml` includes itself
      ╭▸ otto.yml:2:20
    2 │   include: [{path: ., as: me}]
      ╰╴                   ━ leads to this file
    help: remove one of these entries
    otto.yml: 1 error. For details: `otto Explain E0205`
    ── exit 2
    ");
    assert_snapshot!(with("..", &[("../otto.yml", one)], "t"), @"
    ── stderr
    error[E0107]: `/you` is not below this ottofile, so its tasks have no namespace
      ╭▸ otto.yml:2:13
    2 │   include: [..]
      ╰╴            ━━ included here
    help: name it: `{path: …, as: NAME}`
    otto.yml: 1 error. For details: `otto Explain E0107`
    ── exit 2
    ");
    assert_snapshot!(with("'https://example.com/otto.yml', {as: x}, {path: 'b*', as: x}, {path: b, as: /x, envs: {OTTO_TASK: 1}, into: x}", &[], "t"), @"
    ── stderr
    error[E0109]: `https://example.com/otto.yml` is not on this machine
      ╭▸ otto.yml:2:13
    2 │   include: ['https://example.com/otto.yml', {as: x}, {path: 'b*', as: x}, {…
      ╰╴            ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ a remote file
      = note: otto reads no ottofiles over the network: an ottofile is code, and code must not change unseen
    help: keep a copy in this repository, or a submodule, and include its path
    error[E0106]: an entry of `otto.include` has no path
      ╭▸ otto.yml:2:45
    2 │   include: ['https://example.com/otto.yml', {as: x}, {path: 'b*', as: x}, {…
      ╰╴                                            ━━━━━━━ `path` is missing
    help: write `{path: FOLDER}`
    error[E0112]: `b*` may match several ottofiles, but only one can be called `x`
      ╭▸ otto.yml:2:71
    2 │ …otto.yml', {as: x}, {path: 'b*', as: x}, {path: b, as: /x, envs: {OTTO_TAS…
      │                             ┬───      ━ one name
      │                             │
      ╰╴                            a pattern
    help: remove `as`, or list the folders one by one
    error[E0107]: the namespace `/x` has an empty part
      ╭▸ otto.yml:2:89
    2 │ …*', as: x}, {path: b, as: /x, envs: {OTTO_TASK: 1}, into: x}]
      ╰╴                           ━━ choose another name
    error[E0107]: the variable `OTTO_TASK` is set by otto for each job
      ╭▸ otto.yml:2:100
    2 │ …ath: b, as: /x, envs: {OTTO_TASK: 1}, into: x}]
      ╰╴                        ━━━━━━━━━ cannot be set here
      = note: it is in `envs` of an entry of `otto.include`
    error[E0104]: unknown key `into` in an entry of `otto.include`
      ╭▸ otto.yml:2:115
    2 │ …s: /x, envs: {OTTO_TASK: 1}, into: x}]
      ╰╴                              ━━━━ unknown key
      = note: valid keys are `as`, `envs`, `optional` and `path`
    otto.yml: 6 errors. For details: `otto Explain E0104`
    ── exit 2
    ");
    assert_snapshot!(with("b", &[("b/otto.yml", "tasks: {/x: {bash: echo}}\n")], "b/x"), @"
    ── stderr
    error[E0107]: the name of the task `/x` in the namespace `b` starts with `/`, and such names are those of tasks of the root ottofile
      ╭▸ b/otto.yml:1:9
    1 │ tasks: {/x: {bash: echo}}
      ╰╴        ━━ choose another name
    b/otto.yml: 1 error. For details: `otto Explain E0107`
    ── exit 2
    ");
}

#[test]
fn a_dependency_that_another_file_does_not_have_is_told_where_it_is_written() {
    let project = shop();
    project.write(
        "services/web/otto.yml",
        "tasks:\n  one: {needs: [/biuld], bash: echo}\n  two: {needs: [/services/api/tset], bash: echo}\n  three: {needs: [/services/api], bash: echo}\n  four: {needs: ['/services/*/deploy'], bash: echo}\n",
    );
    for task in ["one", "two", "three", "four"] {
        let refused = project.run(&format!("services/web/{task}"));
        assert_eq!(refused.status, 2, "{}", refused.all());
        assert!(refused.stderr.contains("services/web/otto.yml:"), "{}", refused.all());
    }
    assert_snapshot!(project.run("Check").all(), @"
    ── stderr
    error[E0301]: task `services/web/one` depends on an unknown task `/biuld`
      ╭▸ services/web/otto.yml:2:17
    2 │   one: {needs: [/biuld], bash: echo}
      ╰╴                ━━━━━━ unknown task
    help: did you mean `/build`?
    error[E0301]: task `services/web/two` depends on an unknown task `/services/api/tset`
      ╭▸ services/web/otto.yml:3:17
    3 │   two: {needs: [/services/api/tset], bash: echo}
      ╰╴                ━━━━━━━━━━━━━━━━━━ unknown task
    help: did you mean `/services/api` or `/services/api/test` or `/services/api/env`?
    error[E0301]: task `services/web/three` depends on an unknown task `/services/api`
      ╭▸ services/web/otto.yml:4:19
    4 │   three: {needs: [/services/api], bash: echo}
      ╰╴                  ━━━━━━━━━━━━━ a namespace, not a task
      ╭▸ otto.yml:5:7
    5 │     - services/*
      ╰╴      ━━━━━━━━━━ included here
    help: its tasks are `/services/api/build`, `/services/api/test`, `/services/api/env`
    error[E0301]: no task matches `/services/*/deploy`, which task `services/web/four` depends on
      ╭▸ services/web/otto.yml:5:18
    5 │   four: {needs: ['/services/*/deploy'], bash: echo}
      ╰╴                 ━━━━━━━━━━━━━━━━━━━━ matches nothing
    help: `*` stands for any characters but `/`
    services/web/otto.yml: 4 errors. For details: `otto Explain E0301`
    ── exit 2
    ");
}

#[test]
fn settings_that_only_the_root_decides_are_ignored_and_check_says_so() {
    let project = Project::new("otto: {include: [a]}\ntasks: {}\n");
    project.write(
        "a/otto.yml",
        "otto: {name: x, jobs: 1, fail-fast: true, retention: {keep_last: 1}}\ntasks: {t: {bash: echo}}\n",
    );
    assert!(!project.run("a/t").stderr.contains("warning"));
    assert_snapshot!(project.run("Check").all(), @"
    ── stdout
    otto.yml: 1 task is valid
    ── stderr
    warning[E0206]: `otto.name` has no effect when this ottofile is included
      ╭▸ a/otto.yml:1:8
    1 │ otto: {name: x, jobs: 1, fail-fast: true, retention: {keep_last: 1}}
      ╰╴       ━━━━ otto.yml decides this
    help: if it is meant for runs from this folder only, keep it; else set it in otto.yml
    warning[E0206]: `otto.jobs` has no effect when this ottofile is included
      ╭▸ a/otto.yml:1:17
    1 │ otto: {name: x, jobs: 1, fail-fast: true, retention: {keep_last: 1}}
      ╰╴                ━━━━ otto.yml decides this
    help: if it is meant for runs from this folder only, keep it; else set it in otto.yml
    warning[E0206]: `otto.fail-fast` has no effect when this ottofile is included
      ╭▸ a/otto.yml:1:26
    1 │ otto: {name: x, jobs: 1, fail-fast: true, retention: {keep_last: 1}}
      ╰╴                         ━━━━━━━━━ otto.yml decides this
    help: if it is meant for runs from this folder only, keep it; else set it in otto.yml
    warning[E0206]: `otto.retention` has no effect when this ottofile is included
      ╭▸ a/otto.yml:1:43
    1 │ otto: {name: x, jobs: 1, fail-fast: true, retention: {keep_last: 1}}
      ╰╴                                          ━━━━━━━━━ otto.yml decides this
    help: if it is meant for runs from this folder only, keep it; else set it in otto.yml
    ── exit 0
    ");
    assert_eq!(project.run("-C a Check").stderr, "");
}

#[test]
fn cycles_across_files_are_dependency_cycles() {
    let project = Project::new("otto: {include: [a]}\ntasks: {t: {needs: [a/t], bash: echo}}\n");
    project.write("a/otto.yml", "tasks:\n  t: {needs: [/t], bash: echo}\n");
    assert_snapshot!(project.run("t").all(), @"
    ── stderr
    error[E0302]: dependency cycle: `t` needs `a/t` needs `t`
      ╭▸ otto.yml:2:21
    2 │ tasks: {t: {needs: [a/t], bash: echo}}
      ╰╴                    ━━━ `t` needs `a/t`
      ╭▸ a/otto.yml:2:15
    2 │   t: {needs: [/t], bash: echo}
      ╰╴              ━━ `a/t` needs `t`
    help: remove one of these dependencies, or split a task
    otto.yml: 1 error. For details: `otto Explain E0302`
    ── exit 2
    ");
}

#[test]
fn after_across_files_counts_where_its_own_task_runs() {
    let project = Project::new(
        "otto: {include: [a], jobs: 1}\ntasks: {clean: {bash: echo clean}, first: {after: [a/t], bash: echo first}}\n",
    );
    project.write(
        "a/otto.yml",
        "tasks: {t: {after: [/clean], bash: echo t}, own: {after: [t], bash: echo own}}\n",
    );
    // The root is always read, so what it declares always counts; a file that need not be read pulls in nothing.
    assert_eq!(project.run("-q clean").ok(), "clean\n");
    assert_eq!(project.run("-q a/t").ok(), "first\nown\nt\nclean\n");
    // As in one file: what only follows brings along no more.
    assert_eq!(project.run("-q a/own clean").ok(), "own\nt\nclean\n");
}

#[test]
fn commands_know_all_files() {
    let project = shop();
    assert_snapshot!(project.run("Graph release/publish").stdout, @"
    release/publish
    └─ services/api/test
       └─ services/api/build
          └─ build
    ");
    assert_snapshot!(project.run("-n services/web/test").stdout, @"
    1  build  (otto.yml:10)
    2  services/api/build  after build  (services/api/otto.yml:4)
    3  services/web/test  after services/api/build  (services/web/otto.yml:3)
    ");
    assert_snapshot!(project.run("services/api/build --help").stdout, @"
    Usage: otto services/api/build

    Options:
      -h, --help  show this help

    needs    build
    sets     binary
    defined  services/api/otto.yml:4
    ");
    assert_eq!(
        project.run("help services/api/build").stdout,
        project.run("services/api/build --help").stdout
    );
    project.run("-q -j1 test").ok();
    assert_snapshot!(project.run("Data services/api/build.binary").stdout, @"api-1.2.3-1.2.3");
    assert_snapshot!(project.run("Data services/web/test").stdout, @"");
    assert!(project.run("Show latest services/api/test").stdout.contains("services/api/otto.yml:7"));
    assert_snapshot!(project.run("Replay").stdout, @"
    api: api-1.2.3-1.2.3 api-1.2.3-1.2.3
    web: api-1.2.3-1.2.3
    ");
}

#[test]
fn a_failure_is_told_in_the_file_of_the_task() {
    let project = shop();
    project.write("services/web/otto.yml", "tasks:\n  test:\n    bash: |\n      echo one\n      false\n");
    assert_snapshot!(project.run("services/web/test").all(), @"
    ── stdout
    one
    ── stderr

    FAIL services/web/test · exit 1 · TIME · services/web/otto.yml:5
      │ one
      1 line · full log: otto Logs RUN services/web/test
    error[E0715]: services/web/otto.yml:5: `false` ended with 1

    rerun:  otto Rerun RUN
    ── exit 1
    ");
}

#[test]
fn a_graph_shows_the_tasks_of_a_namespace() {
    let project = shop();
    assert_snapshot!(project.run("Graph services/api tools").ok(), @"
    services/api/test
    └─ services/api/build
       └─ build
    services/api/env
    tools/env
    ");
    assert_eq!(project.run("Graph services/api/").stdout, project.run("Graph services/api").stdout);
    let level: Vec<_> = project.run("Graph services --json").stdout.matches("\"name\"").map(drop).collect();
    assert_eq!(level.len(), 5, "four tasks and the one they need");
    assert_eq!(
        project.run("-C services/api Graph /services/web").stdout,
        project.run("Graph services/web").stdout
    );
}

#[test]
fn items_come_from_tasks_of_other_files() {
    let project = Project::new(
        "
otto: {include: [a, {path: b.yml, as: b.1}], jobs: 1}
tasks:
  list: {bash: 'otto.set --list k x y; otto.set --list n 1 2'}
  list.v2: {bash: 'otto.set --list k z'}
  down: {foreach: {from: a/own.k}, bash: echo $item}
",
    );
    project.write(
        "a/otto.yml",
        "
tasks:
  own: {bash: 'otto.set --list k 1 2'}
  each: {foreach: {from: /list.k}, bash: 'echo $item; OUTPUT[k]=$item'}
  dotted: {foreach: {from: /list.v2.k}, bash: echo $item}
  grid: {foreach: {matrix: {x: {from: /list.k}, y: {from: /b.1/list.k}, z: {from: own.k}}}, bash: echo $x$y$z}
  then: {foreach: {each: each}, bash: 'echo ${INPUT[each.k]}'}
  both: {needs: [/list], foreach: {from: /list.k}, bash: 'echo $item ${INPUT[/list.n.0]}'}
",
    );
    project.write("b.yml", "tasks: {list: {bash: 'otto.set --list k b'}}\n");
    for folder in ["", "-C a "] {
        let name = |name: &str| if folder.is_empty() { format!("a/{name}") } else { name.to_owned() };
        let run = |task: &str| project.run(&format!("{folder}-q {}", name(task))).ok().to_owned();
        assert_eq!(run("each"), "x\ny\n");
        assert_eq!(run("each:y"), "y\n");
        assert_eq!(run("then"), "x\ny\nx\ny\n");
        assert_eq!(run("dotted"), "z\n");
        assert_eq!(run("grid"), "xb1\nxb2\nyb1\nyb2\n");
        assert_eq!(run("both"), "x 1\ny 1\n");
    }
    assert_eq!(project.run("-q down").ok(), "1\n2\n");
    assert_eq!(project.run("-q -C a then").ok(), "x\ny\nx\ny\n");
    assert_eq!(project.run("-q Rerun latest a/then --recorded-script").ok(), "x\ny\n");
    assert_eq!(project.run("Check").all(), "── stdout\notto.yml: 10 tasks are valid\n── exit 0");
    assert_eq!(project.run("-C a Check").all(), project.run("-C a -r Check").all());
    project.write(
        "a/otto.yml",
        "
tasks:
  one: {foreach: {from: /lst.k}, bash: echo}
  two: {foreach: {from: /b.1/lost.k}, bash: echo}
  three: {foreach: {from: /down.k}, bash: echo}
",
    );
    assert_snapshot!(project.run("Check").all(), @"
    ── stderr
    error[E0301]: the foreach of `a/one` reads `/lst.k`, but there is no task `/lst`
      ╭▸ a/otto.yml:3:25
    3 │   one: {foreach: {from: /lst.k}, bash: echo}
      ╰╴                        ━━━━━━ unknown task
    help: did you mean `/list`?
    error[E0301]: the foreach of `a/two` reads `/b.1/lost.k`, but there is no task `/b.1/lost`
      ╭▸ a/otto.yml:4:25
    4 │   two: {foreach: {from: /b.1/lost.k}, bash: echo}
      ╰╴                        ━━━━━━━━━━━ unknown task
    help: did you mean `/b.1/list`?
    error[E0305]: the foreach of `a/three` cannot read `/down.k`
      ╭▸ a/otto.yml:5:27
    5 │   three: {foreach: {from: /down.k}, bash: echo}
      ╰╴                          ━━━━━━━ the items come from here
      ╭▸ otto.yml:6:3
    6 │   down: {foreach: {from: a/own.k}, bash: echo $item}
      ╰╴  ━━━━ this task runs once per item, so it has no single value
    error[E0301]: the foreach of `down` reads `a/own.k`, but there is no task `a/own`
      ╭▸ otto.yml:6:26
    6 │   down: {foreach: {from: a/own.k}, bash: echo $item}
      ╰╴                         ━━━━━━━ unknown task
    2 ottofiles: 4 errors. For details: `otto Explain E0301`
    ── exit 2
    ");
    project.write(
        "a/otto.yml",
        "tasks:\n  one: {foreach: {each: /list}, bash: echo}\n  two: {foreach: {each: /lst}, bash: echo}\n",
    );
    assert_snapshot!(project.run("a/one").all(), @"
    ── stderr
    error[E0305]: `each` of task `a/one` needs a task with `foreach`
      ╭▸ a/otto.yml:2:25
    2 │   one: {foreach: {each: /list}, bash: echo}
      ╰╴                        ━━━━━ it has no items
      ╭▸ otto.yml:4:3
    4 │   list: {bash: 'otto.set --list k x y; otto.set --list n 1 2'}
      ╰╴  ━━━━ this task has no `foreach`
    help: write it under `needs`, without `foreach`
    a/otto.yml: 1 error. For details: `otto Explain E0305`
    ── exit 2
    ");
    assert_snapshot!(project.run("a/two").all(), @"
    ── stderr
    error[E0301]: task `a/two` depends on an unknown task `/lst`
      ╭▸ a/otto.yml:3:25
    3 │   two: {foreach: {each: /lst}, bash: echo}
      ╰╴                        ━━━━ unknown task
    help: did you mean `/list`?
    a/otto.yml: 1 error. For details: `otto Explain E0301`
    ── exit 2
    ");
}

#[test]
fn jobs_of_another_file_are_followed_one_by_one() {
    let project = Project::new(
        "otto: {include: [a, b]}\ntasks:\n  shards:\n    foreach: {items: [x, y], as: shard}\n    bash: OUTPUT[name]=$shard\n  late: {foreach: {each: b/again}, bash: 'echo \"late $shard ${INPUT[b/again.twice]}\"'}\n",
    );
    project.write(
        "a/otto.yml",
        "tasks: {use: {foreach: {each: /shards}, bash: 'echo \"use $shard ${INPUT[/shards.name]}\"; OUTPUT[twice]=$shard$shard'}}\n",
    );
    project.write(
        "b/otto.yml",
        "tasks: {again: {foreach: {each: /a/use}, bash: 'echo \"again $shard ${INPUT[/a/use.twice]}\"; OUTPUT[twice]=$shard'}}\n",
    );
    assert_snapshot!(project.run("-j1 -q late").all(), @"
    ── stdout
    use x x
    use y y
    again x xx
    again y yy
    late x x
    late y y
    ── exit 0
    ");
    assert_snapshot!(project.run("-C a -j1 -q use:y").all(), @"
    ── stdout
    use y y
    ── exit 0
    ");
    assert_snapshot!(project.run("Check").all(), @"
    ── stdout
    otto.yml: 4 tasks are valid
    ── exit 0
    ");
    project.write(
        "a/otto.yml",
        "tasks: {use: {foreach: {each: /shards}, params: {--shard: {default: z}}, bash: echo}}\n",
    );
    assert_snapshot!(project.run("a/use").all(), @"
    ── stderr
    error[E0303]: task `a/use` has two variables called `shard`: a parameter and the item
      ╭▸ a/otto.yml:1:50
    1 │ tasks: {use: {foreach: {each: /shards}, params: {--shard: {default: z}}, ba…
      ╰╴                                                 ━━━━━━━ the parameter
      ╭▸ otto.yml:4:34
    4 │     foreach: {items: [x, y], as: shard}
      ╰╴                                 ━━━━━ the item is in `shard`
    help: give the item another name: `as: NAME`
    a/otto.yml: 1 error. For details: `otto Explain E0303`
    ── exit 2
    ");
}

#[test]
fn a_file_that_cannot_be_read_is_told_with_the_place_that_includes_it() {
    let project = Project::new("otto: {include: [a]}\ntasks: {}\n");
    project.write("a/otto.yml", "");
    std::fs::write(project.path("a/otto.yml"), b"tasks: {t: \xff}\n").expect("written");
    assert_snapshot!(project.run("a/t").all(), @"
    ── stderr
    error[E0202]: `a/otto.yml` is not UTF-8
      ╭▸ a/otto.yml:1:12
    1 │ tasks: {t: �}
      ╰╴           ━ this byte is not UTF-8
      ╭▸ otto.yml:1:18
    1 │ otto: {include: [a]}
      ╰╴                 ━ included here
    help: save the file as UTF-8
    a/otto.yml: 1 error. For details: `otto Explain E0202`
    ── exit 2
    ");
}

#[test]
fn completion_goes_level_by_level() {
    let project = shop();
    project.write("tools/otto.yml", "tasks: {x/deep: {aliases: [d, x/d], bash: echo}, y: {bash: echo}}\n");
    project.write("services/broken/otto.yml", "tasks: [");
    let words = |current: &str| {
        let ran = project.run_words(&["--complete", current]);
        ran.stdout
            .lines()
            .skip(1)
            .map(|line| line.split('\t').next().unwrap_or("").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(words("s"), ["services/"]);
    assert_eq!(words("services/"), ["services/api/", "services/broken/", "services/web/"]);
    assert_eq!(words("services/api/"), ["services/api/build", "services/api/test", "services/api/env"]);
    assert_eq!(words("services/broken/"), Vec::<String>::new());
    assert_eq!(words("tools/"), ["tools/x/deep", "tools/d", "tools/x/d", "tools/y"]);
    assert_eq!(words("tools/x/"), ["tools/x/deep", "tools/x/d"]);
    assert_eq!(words("/tools/x/"), Vec::<String>::new());
    let above = project.shell("cd services/api && otto --complete /tools/");
    let above: Vec<_> = above.stdout.lines().map(|line| line.split('\t').next().unwrap_or("")).collect();
    assert_eq!(above, ["words", "/tools/x/deep", "/tools/d", "/tools/x/d", "/tools/y"]);
    let inside = project.run_words(&["-C", "services/api", "--complete", "/services/w"]);
    assert_eq!(inside.status, 2);
}

#[test]
fn a_rerun_uses_the_files_of_the_run() {
    let project = shop();
    project.run("-q -j1 test").ok();
    assert_eq!(project.run("-q Rerun latest services/web/test").ok(), "web: api-1.2.3-1.2.3\n");
    project.write("services/web/otto.yml", "tasks: {other: {bash: echo}}\n");
    project.write("otto.yml", "otto: {include: [services/api]}\n");
    assert_eq!(
        project.run("-q Rerun latest services/web/test --recorded-script").ok(),
        "web: api-1.2.3-1.2.3\n"
    );
}

#[test]
fn what_is_up_to_date_is_so_across_files() {
    let project = Project::new("otto: {include: [a], envs: {V: 1}}\ntasks: {gen: {bash: 'OUTPUT[k]=1'}}\n");
    project.write(
        "a/otto.yml",
        "tasks: {t: {needs: [/gen], input: ['*.txt'], output: [out], bash: 'cat *.txt > out'}}\n",
    );
    project.write("a/x.txt", "one");
    let fresh = |project: &Project| project.run("a/t").stderr.contains("fresh");
    assert!(!fresh(&project));
    assert!(fresh(&project));
    project.write("a/x.txt", "two");
    assert!(!fresh(&project));
    assert_eq!(project.read("a/out"), "two");
    project.write(
        "otto.yml",
        "otto: {include: [{path: a, envs: {V: 2}}], envs: {V: 1}}\ntasks: {gen: {bash: 'OUTPUT[k]=1'}}\n",
    );
    assert!(!fresh(&project));
}

#[test]
fn many_namespaces_are_counted_instead_of_listed() {
    let project = Project::new("otto: {include: ['s/*']}\ntasks: {t: {bash: echo}}\n");
    for place in 0..4 {
        let tasks: String = (0..20).map(|task| format!("  t{task}: {{bash: echo}}\n")).collect();
        project.write(
            &format!("s/s{place}/otto.yml"),
            &format!("otto: {{about: Service {place}}}\ntasks:\n{tasks}"),
        );
    }
    assert_snapshot!(project.run("List").stdout, @"
    project · otto.yml · 1 task · 80 tasks in 4 included ottofiles

      t 

      s/s0  20 tasks  Service 0
      s/s1  20 tasks  Service 1
      s/s2  20 tasks  Service 2
      s/s3  20 tasks  Service 3

    otto List NAMESPACE · otto TASK --help · otto History · otto Graph
    ");
}

#[test]
fn what_a_run_would_surely_not_find_is_told_with_the_names_that_the_file_uses() {
    let project = shop();
    assert_eq!(project.run("Check").all(), "── stdout\notto.yml: 9 tasks are valid\n── exit 0");
    project.write(
        "services/web/otto.yml",
        "
tasks:
  build: {bash: 'OUTPUT[page]=1'}
  one: {needs: [/build, build], bash: 'echo ${INPUT[/build.versoin]} ${INPUT[build.pgae]}'}
  two: {needs: [build], bash: 'echo ${INPUT[/build.version]}'}
  each: {foreach: {items: [x, y]}, bash: 'OUTPUT[k]=$ITEM'}
  three: {needs: [each], bash: 'echo ${INPUT[each:z.k]} ${INPUT[each.k]} ${INPUT[services/web/each:x.k]}'}
  four: {needs: [/services/api/build], bash: 'echo ${INPUT[services/api/build.binray]}'}
",
    );
    assert_snapshot!(project.run("Check").all(), @r#"
    ── stderr
    warning[E0704]: task `/build` never sets `versoin`
      ╭▸ services/web/otto.yml:4:47
    4 │ …: 'echo ${INPUT[/build.versoin]} ${INPUT[build.pgae]}'}
      ╰╴           ━━━━━━━━━━━━━━━━━━━━━ `services/web/one` reads it here
       ╭▸ otto.yml:10:18
    10 │   build: {bash: 'OUTPUT[version]=1.2.3'}
       ╰╴                 ━━━━━━━━━━━━━━━━━━━━━ `build` sets `version`
    help: did you mean `/build.version`?
    warning[E0704]: task `build` never sets `pgae`
      ╭▸ services/web/otto.yml:4:72
    3 │ …sh: 'OUTPUT[page]=1'}
      │       ────────────── `services/web/build` sets `page`
    4 │ …s: [/build, build], bash: 'echo ${INPUT[/build.versoin]} ${INPUT[build.pgae]}'}
      ╰╴                                                            ━━━━━━━━━━━━━━━━━ `services/web/one` reads it here
    help: did you mean `build.page`?
    error[E0705]: `/build` is not a dependency of `services/web/two`
      ╭▸ services/web/otto.yml:5:39
    5 │   two: {needs: [build], bash: 'echo ${INPUT[/build.version]}'}
      ╰╴                                      ━━━━━━━━━━━━━━━━━━━━━ `services/web/two` reads it here
       ╭▸ otto.yml:10:3
    10 │   build: {bash: 'OUTPUT[version]=1.2.3'}
       ╰╴  ━━━━━ not a dependency
    help: add `/build` to `needs` of `services/web/two`
    warning[E0507]: nothing sets the variable `ITEM` that task `services/web/each` reads
      ╭▸ services/web/otto.yml:6:53
    6 │   each: {foreach: {items: [x, y]}, bash: 'OUTPUT[k]=$ITEM'}
      ╰╴                                                    ━━━━━ neither in the ottofile nor in the environment
    help: did you mean `item`?
    help: if it may be missing, say so: `${ITEM:-}`
    error[E0705]: `each:z` does not exist: no item of `each` has this name
      ╭▸ services/web/otto.yml:7:40
    6 │   each: {foreach: {items: [x, y]}, bash: 'OUTPUT[k]=$ITEM'}
      │   ──── its items here are `x`, `y`
    7 │   three: {needs: [each], bash: 'echo ${INPUT[each:z.k]} ${INPUT[each.k]} ${…
      ╰╴                                       ━━━━━━━━━━━━━━━ `services/web/three` reads it here
    help: did you mean `each:x` or `each:y`?
    error[E0705]: `each` is a foreach task; its values belong to `each:x`, `each:y`
      ╭▸ services/web/otto.yml:7:59
    6 │   each: {foreach: {items: [x, y]}, bash: 'OUTPUT[k]=$ITEM'}
      │   ──── has `foreach`
    7 │   three: {needs: [each], bash: 'echo ${INPUT[each:z.k]} ${INPUT[each.k]} ${I…
      ╰╴                                                          ━━━━━━━━━━━━━ `services/web/three` reads it here
    help: name the item, as in `each:x.k`
    warning[E0704]: task `/services/api/build` never sets `binray`
      ╭▸ services/web/otto.yml:8:54
    8 │ …], bash: 'echo ${INPUT[services/api/build.binray]}'}
      ╰╴                  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ `services/web/four` reads it here
      ╭▸ services/api/otto.yml:6:12
    6 │ …sh: 'OUTPUT[binary]="api-${INPUT[/build.version]}-${INPUT[build.version]}"'
      ╰╴      ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ `services/api/build` sets `binary`
    help: did you mean `/services/api/build.binary`?
    services/web/otto.yml: 3 errors and 4 warnings. For details: `otto Explain E0704`
    ── exit 2
    "#);
}

#[test]
fn foreach_in_an_included_file_follows_tasks_of_its_own_file() {
    let project =
        Project::new("otto: {include: [a], envs: {V: root}, jobs: 1}\ntasks: {list: {bash: echo}}\n");
    project.write(
        "a/otto.yml",
        "
otto: {envs: {W: own}}
tasks:
  list: {bash: 'otto.set --list all x y'}
  each: {foreach: {from: list.all, as: one}, bash: 'echo $one $V $W; OUTPUT[k]=$one'}
  then: {foreach: {each: each}, bash: 'echo ${INPUT[each.k]}'}
",
    );
    assert_snapshot!(project.run("-q a/then").all(), @"
    ── stdout
    x root own
    y root own
    x
    y
    ── exit 0
    ");
}

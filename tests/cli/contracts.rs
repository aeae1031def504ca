//! Contracts: declared outputs arrive with their types, and broken ones never arrive.

use crate::Project;
use insta::assert_snapshot;

/// The JSON that a task handed over, or nothing.
fn recorded(project: &Project, task: &str) -> String {
    project.run_words(&["Data", "--json", task]).stdout
}

const TYPES: &str = "
    outputs:
      version: str
      count: int
      ratio: float
      ok: bool
      files: list[str]
      sizes: list[int]
      meta: {type: object, keys: {name: str, \"tags?\": \"list[str]\"}}
      channel: {type: str, choices: [stable, beta], default: stable}
      note: str?
";

#[test]
fn strings_of_every_shell_become_what_was_declared() {
    let body = "
      otto_set version 007
      otto_set count 42
      otto_set ratio 1.10
      otto_set ok true
      otto_set --list files 'a b' c
      otto_set --list sizes 1 22
      otto_set meta '{\"name\": \"shop\"}'
";
    for interpreter in ["bash", "sh", "dash", "ksh", "zsh"] {
        let project = Project::new(&format!(
            "tasks:\n  build:{TYPES}    action: |\n      #!/usr/bin/env {interpreter}{body}"
        ));
        let ran = project.run("build");
        assert_eq!(ran.status, 0, "{interpreter}: {}", ran.all());
        let json: serde_json::Value = serde_json::from_str(&recorded(&project, "build")).expect("JSON");
        let expected = serde_json::json!({
            "version": "007", "count": 42, "ratio": 1.10, "ok": true, "files": ["a b", "c"], "sizes": [1, 22],
            "meta": {"name": "shop"}, "channel": "stable"
        });
        assert_eq!(json, expected, "{interpreter}");
    }
}

#[test]
fn typed_languages_must_set_what_was_declared() {
    let python = "    python: |\n      OUTPUT.update(version='1', count='42', ratio=1, ok=1, files=('a',), sizes=[1.0], meta={'nmae': 1})\n";
    let node = "    action: |\n      #!/usr/bin/env node\n      Object.assign(OUTPUT, {version: '1', count: '42', ratio: 1, ok: 1, files: ['a'], sizes: [1.5], meta: {nmae: 1}})\n";
    let file = "    action: |\n      #!/usr/bin/env -S awk -f\n      BEGIN { print \"{\\\"version\\\": \\\"1\\\", \\\"count\\\": \\\"42\\\", \\\"ratio\\\": 1, \\\"ok\\\": 1, \\\"files\\\": [\\\"a\\\"], \\\"sizes\\\": [1.5], \\\"meta\\\": {\\\"nmae\\\": 1}}\" > ENVIRON[\"OTTO_OUTPUT_JSON\"] }\n";
    for (name, body) in [("python", python), ("node", node), ("file", file)] {
        let project = Project::new(&format!("tasks:\n  build:{TYPES}{body}"));
        let ran = project.run("build");
        assert_eq!(ran.status, 1, "{name}: {}", ran.all());
        let faults = ran.stderr.lines().filter(|line| line.starts_with("error[E0717]"));
        let faults: Vec<&str> = faults.map(|line| line.split('`').nth(1).unwrap_or_default()).collect();
        assert_eq!(faults, ["count", "ok", "sizes.0", "meta.nmae", "meta.name"], "{name}: {}", ran.stderr);
    }
}

#[test]
fn all_faults_are_reported_at_once_with_their_declarations() {
    let project = Project::new(
        "tasks:
  build:
    dir: sub
    outputs:
      version: str
      count: {type: int, max: 9}
      archive: file
      log: file
    bash: |
      key=vresion
      OUTPUT[$key]=1.2.3
      OUTPUT[count]=$((9 + 1))
      OUTPUT[archive]=a.tar; touch a.tar
      OUTPUT[log]=../sub
",
    );
    std::fs::create_dir(project.path("sub")).expect("made");
    assert_snapshot!(project.run("build").all(), @"
    ── stderr

    FAIL build · output `count` of `build` is 10, more than the maximum 9 · TIME · otto.yml:2
      no output · full log: otto Logs RUN build
    error[E0717]: output `vresion` of `build` is not declared
      ╭▸ otto.yml:4:5
    4 │     outputs:
      ╰╴    ━━━━━━━ the declared outputs
    help: did you mean `version`? To add the key, declare it
    error[E0717]: output `version` of `build` is declared but was not set
      ╭▸ otto.yml:5:7
    5 │       version: str
      ╰╴      ━━━━━━━ declared as `str`
    help: set it, give it a `default`, or make it optional with a `?` after its type
    error[E0717]: output `count` of `build` is 10, more than the maximum 9
       ╭▸ otto.yml:6:7
     6 │       count: {type: int, max: 9}
       │       ━━━━━ declared as `int`
       ┆
    12 │       OUTPUT[count]=$((9 + 1))
       ╰╴      ──────────────────────── `build` sets it here
    error[E0717]: output `archive` of `build` is `a.tar`, which exists only below the task's `dir`
       ╭▸ otto.yml:7:7
     7 │       archive: file
       │       ━━━━━━━ declared as `file`
       ┆
    13 │       OUTPUT[archive]=a.tar; touch a.tar
       ╰╴      ───────────────────── `build` sets it here
    help: paths are relative to the ottofile's folder: `sub/a.tar`
    error[E0717]: output `log` of `build` is `../sub`, which does not exist
       ╭▸ otto.yml:8:7
     8 │       log: file
       │       ━━━ declared as `file`
       ┆
    14 │       OUTPUT[log]=../sub
       ╰╴      ────────────────── `build` sets it here
    help: it must exist when the task ends; paths are relative to the ottofile's folder

    rerun:  otto Rerun RUN
    ── exit 1
    ");
}

#[test]
fn what_kept_the_contract_reaches_the_tasks_that_run_because_it_was_broken() {
    let project = Project::new(
        "tasks:
  build:
    outputs: {good: int, bad: int}
    bash: |
      OUTPUT[good]=1
      bad=x
      OUTPUT[bad]=$bad
    on-failure: [report]
  report:
    bash: echo \"good ${INPUT[build.good]}, bad ${INPUT[build.bad]-withheld}\"
",
    );
    let ran = project.run("build");
    assert_eq!((ran.status, ran.stdout.as_str()), (1, "good 1, bad withheld\n"), "{}", ran.all());
}

#[test]
fn a_failed_attempt_is_not_checked_and_a_broken_contract_is_retried() {
    let project = Project::new(
        "tasks:
  fails: {outputs: {n: int}, bash: 'OUTPUT[n]=x; exit 7'}
  again:
    outputs: {n: int}
    retries: 1
    bash: |
      [ -e tried ] && OUTPUT[n]=1 || OUTPUT[n]=x
      touch tried
",
    );
    let ran = project.run("fails");
    assert!(ran.status == 7 && !ran.stderr.contains("E0717"), "{}", ran.all());
    assert_eq!(project.run("again").status, 0);
    assert_eq!(recorded(&project, "again").replace(char::is_whitespace, ""), "{\"n\":1}");
}

#[test]
fn exported_variables_need_no_declaration_and_may_have_one() {
    let project = Project::new(
        "tasks:
  build:
    outputs: {OTTO_N: int}
    bash: |
      export OTTO_N=42 OTTO_OTHER=text
  use: {before: [build], python: 'print(INPUT[\"build.OTTO_N\"] + 1, INPUT[\"build.OTTO_OTHER\"])'}
",
    );
    let ran = project.run("use");
    assert_eq!(ran.stdout, "43 text\n", "{}", ran.all());
}

#[test]
fn another_contract_makes_an_up_to_date_task_run_again() {
    let with = |kind: &str| {
        format!(
            "tasks:\n  build: {{input: [in], output: [out], outputs: {{n: {kind}}}, bash: 'touch out; OUTPUT[n]=1'}}\n"
        )
    };
    let project = Project::new(&with("str"));
    std::fs::write(project.path("in"), "").expect("written");
    project.run("build");
    assert!(project.run("build").stderr.contains("fresh"));
    std::fs::write(project.path("otto.yml"), with("int")).expect("written");
    let ran = project.run("-v build");
    assert!(ran.stderr.contains("its `outputs` changed"), "{}", ran.all());
    assert_eq!(recorded(&project, "build").replace(char::is_whitespace, ""), "{\"n\":1}");
}

#[test]
fn the_help_of_a_task_shows_its_contract() {
    let project = Project::new(&format!("tasks:\n  build:{TYPES}    bash: ':'\n"));
    assert_snapshot!(project.run("build --help").stdout, @r#"
    Usage: otto build

    Options:
      -h, --help  show this help

    Outputs:
      version: str
      count: int
      ratio: float
      ok: bool
      files: list[str]
      sizes: list[int]
      meta: object      ({name: str, tags: list[str]?})
      channel: str      (one of "stable", "beta")  ["stable"]
      note: str?

    defined  otto.yml:2
    "#);
}

#[test]
fn a_contract_is_inferred_from_recorded_values_and_passes_at_once() {
    let body = "    python: |
      OUTPUT[\"version\"] = \"1.2\"
      OUTPUT[\"count\"] = 42
      OUTPUT[\"ratio\"] = 1 if first else 0.5
      OUTPUT[\"files\"] = [\"a\", \"b\"] if first else []
      OUTPUT[\"mixed\"] = [1, \"x\", None]
      OUTPUT[\"meta\"] = {\"name\": \"x\", \"true\": True, \"tags\": [{\"a\": 1}]}
      if not first:
          OUTPUT[\"note\"] = \"x\"
          del OUTPUT[\"meta\"][\"tags\"]
      import os
      os.environ[\"OTTO_MODE\"] = \"fast\"
";
    let file = |outputs: &str| {
        format!(
            "tasks:\n  build:\n    params: {{--first: {{default: false}}}}\n{outputs}{}",
            body.replace("first", "(first == \"true\")")
        )
    };
    let project = Project::new(&file(""));
    project.run("build --first").ok();
    let one = project.run("Data contract latest build").ok().to_owned();
    assert_snapshot!(one, @r#"
    outputs:
      version: str
      count: int
      ratio: int
      files: list[str]
      mixed: list[any]
      meta:
        type: object
        keys:
          name: str
          "true": bool
          tags: list[map[any]]
    "#);
    project.run("build").ok();
    let all = project.run("Data contract build").ok().to_owned();
    assert_snapshot!(all, @r#"
    outputs:
      version: str
      count: int
      ratio: float
      files: list[str]
      mixed: list[any]
      meta:
        type: object
        keys:
          name: str
          "true": bool
          "tags?": list[map[any]]
      note: str?
    "#);
    assert_snapshot!(project.run("--json Data contract build").ok(), @r#"
    {
      "outputs": {
        "count": "int",
        "files": "list[str]",
        "meta": {
          "keys": {
            "name": "str",
            "tags?": "list[map[any]]",
            "true": "bool"
          },
          "type": "object"
        },
        "mixed": "list[any]",
        "note": "str?",
        "ratio": "float",
        "version": "str"
      }
    }
    "#);
    let indented: String = all.lines().map(|line| format!("    {line}\n")).collect();
    project.write("otto.yml", &file(&indented));
    for line in ["build --first", "build"] {
        assert_eq!(project.run(line).status, 0, "{}", project.run(line).all());
    }
    let script = std::fs::read_to_string(project.task("build").join("script.py")).expect("a script");
    assert!(script.contains("# Declared outputs: version: str, count: int, ratio: float"), "{script}");
    let unknown = project.run("Data contract nothing");
    assert!(unknown.refused().starts_with("error[E0803]: run `"), "{}", unknown.all());
    assert_snapshot!(project.run("Data contract").all(), @"
    ── stderr
    error[E0005]: `otto Data contract` takes a task
    help: see `otto Data --help`
    otto: 1 error. For details: `otto Explain E0005`
    ── exit 2
    ");
}

#[test]
fn a_listing_as_json_has_the_declared_outputs() {
    let project = Project::new(
        "tasks:
  a: {outputs: {channel: {type: str, choices: [x, y], default: x, help: Where}, n: 'int?', '*': any}, bash: 'true'}
  b: {bash: 'true'}
",
    );
    let json: serde_json::Value = serde_json::from_str(project.run("--json List").ok()).expect("JSON");
    assert_snapshot!(format!("{:#} {}", json[0]["outputs"], json[1]["outputs"]), @r#"
    [
      {
        "choices": [
          "x",
          "y"
        ],
        "default": "x",
        "help": "Where",
        "key": "channel",
        "keys": null,
        "max": null,
        "min": null,
        "optional": false,
        "pattern": null,
        "secret": false,
        "type": "str"
      },
      {
        "choices": [],
        "default": null,
        "help": null,
        "key": "n",
        "keys": null,
        "max": null,
        "min": null,
        "optional": true,
        "pattern": null,
        "secret": false,
        "type": "int?"
      },
      {
        "choices": [],
        "default": null,
        "help": null,
        "key": "*",
        "keys": null,
        "max": null,
        "min": null,
        "optional": true,
        "pattern": null,
        "secret": false,
        "type": "any"
      }
    ] null
    "#);
}

#[test]
fn the_contracts_that_are_inferred_for_the_release_example_hold_at_once() {
    let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/release");
    let read = |name: &str| std::fs::read_to_string(example.join(name)).expect("a file of the example");
    let mut file = read("otto.yml");
    let project = Project::new(&file);
    for name in ["VERSION", "app.toml", "commits.txt"] {
        project.write(&format!("project/{name}"), &read(&format!("project/{name}")));
    }
    project.run("-q").ok();
    for task in ["history", "plan", "changelog", "bump"] {
        let contract = project.run(&format!("Data contract {task}")).ok().to_owned();
        let block: String = contract.lines().map(|line| format!("    {line}\n")).collect();
        let key = format!("\n  {task}:\n");
        assert!(contract.starts_with("outputs:\n") && file.contains(&key), "{contract}");
        file = file.replacen(&key, &format!("{key}{block}"), 1);
    }
    project.write("otto.yml", &file);
    project.run("Check --strict").ok();
    project.run("-q").ok();
    project.write("otto.yml", &file.replace("commits: list[str]", "commits: list[int]"));
    assert_eq!(project.run("-q").status, 1);
}

#[test]
fn a_broken_contract_is_told_with_the_line_that_set_the_value_and_what_would_be_right() {
    let project = Project::new(
        r#"tasks:
  shell:
    outputs: {count: int, file: file, folder: dir, one: {type: "list[str]", min: 2}, level: {type: str, choices: [a, b]}}
    bash: |
      number=many
      OUTPUT[count]=$number
      otto.set file "$(printf '')"
      OUTPUT+=([folder]=$OTTO_WORKSPACE/otto.yml)
      otto.set --list one "$number"
      if [ -e otto.yml ]; then OUTPUT[level]=${number:0:1}; else OUTPUT[level]=$number; fi
  python:
    outputs: {count: int, flag: bool, name: str, files: "list[str]", note: str, meta: {type: object, keys: {id: int}}, gone: file}
    python: |
      number = 42
      OUTPUT["count"] = str(number)
      OUTPUT.update(flag=str(number == 42), name=number)
      OUTPUT["files"] = "{}.csv".format(number)
      OUTPUT["note"] = None if number else ""
      OUTPUT["meta"] = {"id": None}
      OUTPUT["gone"] = "nowhere/{}".format(number)
"#,
    );
    assert_snapshot!(project.run("-q shell").all(), @r#"
    ── stderr

    FAIL shell · output `count` of `shell` is `"many"`, not an `int` · TIME · otto.yml:2
      no output · full log: otto Logs RUN shell
    error[E0717]: output `count` of `shell` is `"many"`, not an `int`
      ╭▸ otto.yml:3:15
    3 │     outputs: {count: int, file: file, folder: dir, one: {type: "list[str]",…
      │               ━━━━━ declared as `int`
      ┆
    6 │       OUTPUT[count]=$number
      ╰╴      ───────────────────── `shell` sets it here
    help: numbers are written as in JSON
    error[E0717]: output `file` of `shell` is empty, so it names no `file`
      ╭▸ otto.yml:3:27
    3 │     outputs: {count: int, file: file, folder: dir, one: {type: "list[str]",…
      │                           ━━━━ declared as `file`
      ┆
    7 │       otto.set file "$(printf '')"
      ╰╴      ──────────────────────────── `shell` sets it here
    error[E0717]: output `folder` of `shell` is `/you/project/otto.yml`, which is not a `dir`
      ╭▸ otto.yml:3:39
    3 │     outputs: {count: int, file: file, folder: dir, one: {type: "list[str]",…
      │                                       ━━━━━━ declared as `dir`
      ┆
    8 │       OUTPUT+=([folder]=$OTTO_WORKSPACE/otto.yml)
      ╰╴      ─────────────────────────────────────────── `shell` sets it here
    help: declare it as `file`
    error[E0717]: output `one` of `shell` has 1 item, less than the minimum 2
      ╭▸ otto.yml:3:52
    3 │     outputs: {count: int, file: file, folder: dir, one: {type: "list[str]",…
      │                                                    ━━━ declared as `list[str]`
      ┆
    9 │       otto.set --list one "$number"
      ╰╴      ───────────────────────────── `shell` sets it here
    error[E0717]: output `level` of `shell` is `"m"`, not one of the choices
       ╭▸ otto.yml:3:86
     3 │ …file: file, folder: dir, one: {type: "list[str]", min: 2}, level: {type: …
       │                                                             ━━━━━ declared as `str`
       ┆
    10 │ …then OUTPUT[level]=${number:0:1}; else OUTPUT[level]=$number; fi
       │       ┬──────────────────────────       ───────────────────── `shell` sets it here
       │       │
       ╰╴      `shell` sets it here
    help: the choices are `"a"`, `"b"`

    rerun:  otto Rerun RUN
    ── exit 1
    "#);
    assert_snapshot!(project.run("-q python").all(), @r#"
    ── stderr

    FAIL python · output `count` of `python` is `"42"`, not an `int` · TIME · otto.yml:11
      no output · full log: otto Logs RUN python
    error[E0717]: output `count` of `python` is `"42"`, not an `int`
       ╭▸ otto.yml:12:15
    12 │     outputs: {count: int, flag: bool, name: str, files: "list[str]", note:…
       │               ━━━━━ declared as `int`
       ┆
    15 │       OUTPUT["count"] = str(number)
       ╰╴      ─────────────── `python` sets it here
    help: set the number, not a string of its digits
    error[E0717]: output `flag` of `python` is `"True"`, not a `bool`
       ╭▸ otto.yml:12:27
    12 │     outputs: {count: int, flag: bool, name: str, files: "list[str]", note:…
       │                           ━━━━ declared as `bool`
       ┆
    16 │       OUTPUT.update(flag=str(number == 42), name=number)
       ╰╴                    ──── `python` sets it here
    help: set the truth value, not a string
    error[E0717]: output `name` of `python` is `42`, not a `str`
       ╭▸ otto.yml:12:39
    12 │ …t: int, flag: bool, name: str, files: "list[str]", note: str, meta: {type…
       │                      ━━━━ declared as `str`
       ┆
    16 │ …e(flag=str(number == 42), name=number)
       ╰╴                           ──── `python` sets it here
    help: convert it to a string, or declare an `int`
    error[E0717]: output `files` of `python` is `"42.csv"`, not a `list[str]`
       ╭▸ otto.yml:12:50
    12 │     outputs: {count: int, flag: bool, name: str, files: "list[str]", note:…
       │                                                  ━━━━━ declared as `list[str]`
       ┆
    17 │       OUTPUT["files"] = "{}.csv".format(number)
       ╰╴      ─────────────── `python` sets it here
    help: set a list, also for a single item
    error[E0717]: output `note` of `python` is `null`, not a `str`
       ╭▸ otto.yml:12:70
    12 │     outputs: {count: int, flag: bool, name: str, files: "list[str]", note: str…
       │                                                                      ━━━━ declared as `str`
       ┆
    18 │       OUTPUT["note"] = None if number else ""
       ╰╴      ────────────── `python` sets it here
    help: if it may be missing, declare `str?`
    error[E0717]: output `meta.id` of `python` is `null`, not an `int`
       ╭▸ otto.yml:12:81
    12 │     outputs: {count: int, flag: bool, name: str, files: "list[str]", note: str, meta: {ty…
       │                                                                                 ━━━━ declared as `object`
       ┆
    19 │       OUTPUT["meta"] = {"id": None}
       ╰╴      ────────────── `python` sets it here
    help: if it may be missing, declare `int?`
    error[E0717]: output `gone` of `python` is `nowhere/42`, which does not exist
       ╭▸ otto.yml:12:120
    12 │     outputs: {count: int, flag: bool, name: str, files: "list[str]", note: str, meta: {type: object, keys: {id: int}}, gone: fil…
       │                                                                                                                        ━━━━ declared as `file`
       ┆
    20 │       OUTPUT["gone"] = "nowhere/{}".format(number)
       ╰╴      ────────────── `python` sets it here
    help: it must exist when the task ends; paths are relative to the ottofile's folder

    rerun:  otto Rerun RUN
    ── exit 1
    "#);
}

/// A language without support of its own has the JSON files alone, and they bring contracts, defaults, conditions, outcomes
/// and secrets.
#[test]
fn the_json_files_bring_all_that_the_arrays_bring() {
    let project = Project::new(
        r##"
tasks:
  make:
    outputs:
      n: int
      big: int
      ratio: float
      note: str?
      channel: {type: str, default: stable}
      token: {type: str, secret: true}
    action: |
      #!/usr/bin/env -S awk -f
      BEGIN {
        json = "{\"n\": 42, \"big\": 123456789012345678901234567890, \"ratio\": 1.10, \"note\": null, \"token\": \"hunter2hunter2\"}"
        print json > ENVIRON["OTTO_OUTPUT_JSON"]
      }
  left-out:
    if: "false"
    outputs: {v: {type: int, default: 7}}
    action: |
      #!/usr/bin/env -S awk -f
      BEGIN { exit 9 }
  fails:
    action: |
      #!/usr/bin/env -S awk -f
      BEGIN { print "no luck" > "/dev/stderr"; exit 3 }
  read:
    needs: [make, left-out, {task: fails, when: always}]
    if: '[ "${INPUT[make.n]}" = 42 ]'
    action: |
      #!/usr/bin/env -S awk -f
      BEGIN {
        while ((getline line < ENVIRON["OTTO_INPUT_JSON"]) > 0) {
          print line
          if (line ~ /token/) print "this line has", length(line), "characters"
        }
        while ((getline line < ENVIRON["OTTO_OUTCOME_JSON"]) > 0) if (line !~ /seconds|log/) print line
      }
"##,
    );
    let ran = project.run("-j1 -q read");
    assert_eq!(ran.status, 3, "{}", ran.all());
    assert_snapshot!(ran.stdout, @r#"
    {
      "make": {
        "n": 42,
        "big": 123456789012345678901234567890,
        "ratio": 1.10,
        "token": "***",
    this line has 30 characters
        "channel": "stable"
      },
      "left-out": {
        "v": 7
      },
      "fails": {}
    }
    {
      "make": {
        "outcome": "ok",
        "exit": 0,
        "attempts": 1
      },
      "left-out": {
        "outcome": "skipped",
        "reason": "if",
        "attempts": 1
      },
      "fails": {
        "outcome": "failed",
        "exit": 3,
        "reason": "exit",
        "attempts": 1,
        "error": "no luck"
      }
    }
    "#);
    assert_snapshot!(recorded(&project, "make"), @r#"
    {
      "n": 42,
      "big": 123456789012345678901234567890,
      "ratio": 1.10,
      "token": "***",
      "channel": "stable"
    }
    "#);
}

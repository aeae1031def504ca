//! The flow of data is known before the run: what is found, at which severity, and what stays silent.

use crate::Project;
use insta::assert_snapshot;
use std::fs;
use std::path::{Path, PathBuf};

/// What Check and a run say, each with its exit code.
fn both(project: &Project, task: &str) -> String {
    format!("{}\n\n{}", project.run("Check").all(), project.run(&format!("-q {task}")).all())
}

const RELEASE: &str = "tasks:
  version:
    bash: OUTPUT[tag]=v1
  build:
    needs: [version]
    outputs:
      archive: path
      size: int
      note: str?
      meta: {type: object, keys: {os: str}}
      files: list[str]
    bash: |
      OUTPUT[archive]=app.tar
      OUTPUT[size]=$(wc -c < otto.yml)
      otto.set --json meta '{\"os\": \"linux\"}'
      otto.set --list files a b
  publish:
    needs: [build]
    bash: |
";

fn publish(lines: &str) -> Project {
    let lines: String = lines.lines().map(|line| format!("      {line}\n")).collect();
    Project::new(&format!("{RELEASE}{lines}"))
}

#[test]
fn a_key_that_a_contract_excludes_is_refused_before_anything_runs() {
    assert_snapshot!(both(&publish("touch started\necho \"${INPUT[build.archiv]}\""), "publish"), @r#"
    ── stderr
    error[E0704]: task `build` has no output `archiv`
       ╭▸ otto.yml:21:15
     6 │     outputs:
       │     ─────── `build` declares `archive`, `size`, `note`, `meta`, `files`
       ┆
    21 │       echo "${INPUT[build.archiv]}"
       ╰╴              ━━━━━━━━━━━━━━━━━━━ `publish` reads it here
    help: did you mean `build.archive`?
    otto.yml: 1 error. For details: `otto Explain E0704`
    ── exit 2

    ── stderr
    error[E0704]: task `build` has no output `archiv`
       ╭▸ otto.yml:21:15
     6 │     outputs:
       │     ─────── `build` declares `archive`, `size`, `note`, `meta`, `files`
       ┆
    21 │       echo "${INPUT[build.archiv]}"
       ╰╴              ━━━━━━━━━━━━━━━━━━━ `publish` reads it here
    help: did you mean `build.archive`?
    otto.yml: 1 error. For details: `otto Explain E0704`
    ── exit 2
    "#);
    let project = publish("touch started; echo \"${INPUT[build.archiv]}\"");
    for words in ["publish", "-n publish", "--json publish"] {
        assert_eq!(project.run(words).status, 2, "{words}");
    }
    assert!(!project.path("started").exists());
}

#[test]
fn a_task_that_is_no_dependency_is_named_with_the_way_that_leads_to_it() {
    assert_snapshot!(both(&publish("echo \"${INPUT[version.tag]} ${INPUT[biuld.size]}\""), "publish"), @r#"
    ── stderr
    error[E0705]: `version` is not a dependency of `publish`
       ╭▸ otto.yml:20:15
     2 │   version:
       │   ─────── not a dependency
       ┆
    20 │       echo "${INPUT[version.tag]} ${INPUT[biuld.size]}"
       ╰╴              ━━━━━━━━━━━━━━━━━━ `publish` reads it here
      = note: `publish` → `build` → `version` leads there, but a task reads only from its direct dependencies
    help: add `version` to `needs` of `publish`
    error[E0705]: there is no task `biuld`
       ╭▸ otto.yml:20:37
    17 │   publish:
       │   ─────── depends on `build`
       ┆
    20 │       echo "${INPUT[version.tag]} ${INPUT[biuld.size]}"
       ╰╴                                    ━━━━━━━━━━━━━━━━━ `publish` reads it here
    help: did you mean `build.size`?
    otto.yml: 2 errors. For details: `otto Explain E0705`
    ── exit 2

    ── stderr
    error[E0705]: `version` is not a dependency of `publish`
       ╭▸ otto.yml:20:15
     2 │   version:
       │   ─────── not a dependency
       ┆
    20 │       echo "${INPUT[version.tag]} ${INPUT[biuld.size]}"
       ╰╴              ━━━━━━━━━━━━━━━━━━ `publish` reads it here
      = note: `publish` → `build` → `version` leads there, but a task reads only from its direct dependencies
    help: add `version` to `needs` of `publish`
    error[E0705]: there is no task `biuld`
       ╭▸ otto.yml:20:37
    17 │   publish:
       │   ─────── depends on `build`
       ┆
    20 │       echo "${INPUT[version.tag]} ${INPUT[biuld.size]}"
       ╰╴                                    ━━━━━━━━━━━━━━━━━ `publish` reads it here
    help: did you mean `build.size`?
    otto.yml: 2 errors. For details: `otto Explain E0705`
    ── exit 2
    "#);
}

#[test]
fn what_the_body_may_not_get_to_is_a_warning_and_runs() {
    let lines = "if [ -n \"${1-}\" ]; then\n  echo \"${INPUT[build.nope]}\"\nfi\necho \"${INPUT[build.gone]-none}\"\nfalse && echo \"${INPUT[version.tag]}\" || true";
    assert_snapshot!(both(&publish(lines), "publish"), @r#"
    ── stdout
    otto.yml: 3 tasks are valid
    ── stderr
    warning[E0704]: task `build` has no output `nope`
       ╭▸ otto.yml:21:17
     6 │     outputs:
       │     ─────── `build` declares `archive`, `size`, `note`, `meta`, `files`
       ┆
    21 │         echo "${INPUT[build.nope]}"
       ╰╴                ━━━━━━━━━━━━━━━━━ `publish` reads it here
    help: did you mean `build.note`?
    warning[E0704]: task `build` has no output `gone`
       ╭▸ otto.yml:23:15
     6 │     outputs:
       │     ─────── `build` declares `archive`, `size`, `note`, `meta`, `files`
       ┆
    23 │       echo "${INPUT[build.gone]-none}"
       ╰╴              ━━━━━━━━━━━━━━━━━ `publish` reads it here
    help: set `gone` in `build`, or read another key
    warning[E0705]: `version` is not a dependency of `publish`
       ╭▸ otto.yml:24:24
     2 │   version:
       │   ─────── not a dependency
       ┆
    24 │       false && echo "${INPUT[version.tag]}" || true
       ╰╴                       ━━━━━━━━━━━━━━━━━━ `publish` reads it here
      = note: `publish` → `build` → `version` leads there, but a task reads only from its direct dependencies
    help: add `version` to `needs` of `publish`
    ── exit 0

    ── stdout
    none
    ── stderr
    warning[E0704]: task `build` has no output `nope`
       ╭▸ otto.yml:21:17
     6 │     outputs:
       │     ─────── `build` declares `archive`, `size`, `note`, `meta`, `files`
       ┆
    21 │         echo "${INPUT[build.nope]}"
       ╰╴                ━━━━━━━━━━━━━━━━━ `publish` reads it here
    help: did you mean `build.note`?
    warning[E0705]: `version` is not a dependency of `publish`
       ╭▸ otto.yml:24:24
     2 │   version:
       │   ─────── not a dependency
       ┆
    24 │       false && echo "${INPUT[version.tag]}" || true
       ╰╴                       ━━━━━━━━━━━━━━━━━━ `publish` reads it here
      = note: `publish` → `build` → `version` leads there, but a task reads only from its direct dependencies
    help: add `version` to `needs` of `publish`
    ── exit 0
    "#);
}

#[test]
fn parts_of_values_are_held_against_their_types() {
    let lines = "echo \"${INPUT[build.meta.os]} ${INPUT[build.files.0]} ${INPUT[build.files.#]}\"\necho \"${INPUT[build.meta.arch]} ${INPUT[build.size.x]} ${INPUT[build.files.first]} ${INPUT[build]}\"";
    assert_snapshot!(publish(lines).run("Check").all(), @r#"
    ── stderr
    error[E0704]: output `meta` of task `build` has no key `arch`; it has `os`
       ╭▸ otto.yml:21:15
    10 │       meta: {type: object, keys: {os: str}}
       │       ──── declared as `object`
       ┆
    21 │       echo "${INPUT[build.meta.arch]} ${INPUT[build.size.x]} ${INPUT[build…
       ╰╴              ━━━━━━━━━━━━━━━━━━━━━━ `publish` reads it here
    error[E0704]: output `size` of task `build` has no parts, so there is no `x` in it
       ╭▸ otto.yml:21:41
     8 │       size: int
       │       ──── declared as `int`
       ┆
    21 │       echo "${INPUT[build.meta.arch]} ${INPUT[build.size.x]} ${INPUT[build…
       ╰╴                                        ━━━━━━━━━━━━━━━━━━━ `publish` reads it here
    error[E0704]: output `files` of task `build` is a list, whose items are numbered: there is no `first` in it
       ╭▸ otto.yml:21:64
    11 │       files: list[str]
       │       ───── declared as `list[str]`
       ┆
    21 │       echo "${INPUT[build.meta.arch]} ${INPUT[build.size.x]} ${INPUT[build.files.first]} ${I…
       ╰╴                                                               ━━━━━━━━━━━━━━━━━━━━━━━━ `publish` reads it here
    error[E0704]: `build` is a task, not one of its outputs
       ╭▸ otto.yml:21:92
     6 │     outputs:
       │     ─────── `build` declares `archive`, `size`, `note`, `meta`, `files`
       ┆
    21 │       echo "${INPUT[build.meta.arch]} ${INPUT[build.size.x]} ${INPUT[build.files.first]} ${INPUT[build]}"
       ╰╴                                                                                           ━━━━━━━━━━━━ `publish` reads it here
    help: did you mean `build.archive` or `build.size` or `build.note`?
    otto.yml: 4 errors. For details: `otto Explain E0704`
    ── exit 2
    "#);
}

#[test]
fn a_key_that_nobody_sets_is_a_warning_and_with_strict_an_error() {
    let project = Project::new(
        "tasks:
  build:
    bash: OUTPUT[version]=1
  all: {needs: [build]}
  each: {foreach: {items: [a, b]}, bash: 'OUTPUT[n]=1'}
  show:
    needs: [build, all, each]
    python: |
      print(INPUT.get(\"build.verison\"), \"build.size\" in INPUT)
      for name in INPUT[\"each:c\"]:
          print(INPUT[\"each\"], INPUT[\"each.n\"], INPUT[\"build\"][\"nothing\"])
      print(INPUT[\"all.x\"])
",
    );
    assert_snapshot!(project.run("Check").all(), @r#"
    ── stderr
    warning[E0704]: task `build` never sets `verison`
      ╭▸ otto.yml:9:13
    3 │     bash: OUTPUT[version]=1
      │           ───────────────── `build` sets `version`
      ┆
    9 │       print(INPUT.get("build.verison"), "build.size" in INPUT)
      ╰╴            ━━━━━━━━━━━━━━━━━━━━━━━━━ `show` reads it here
    help: did you mean `build.version`?
    warning[E0704]: task `build` never sets `size`
      ╭▸ otto.yml:9:41
    3 │     bash: OUTPUT[version]=1
      │           ───────────────── `build` sets `version`
      ┆
    9 │       print(INPUT.get("build.verison"), "build.size" in INPUT)
      ╰╴                                        ━━━━━━━━━━━━━━━━━━━━━ `show` reads it here
    help: set `size` in `build`, or read another key
    error[E0705]: `each:c` does not exist: no item of `each` has this name
       ╭▸ otto.yml:10:19
     5 │   each: {foreach: {items: [a, b]}, bash: 'OUTPUT[n]=1'}
       │   ──── its items here are `a`, `b`
       ┆
    10 │       for name in INPUT["each:c"]:
       ╰╴                  ━━━━━━━━━━━━━━━ `show` reads it here
    help: did you mean `each:a` or `each:b`?
    warning[E0705]: `each` is a foreach task; its values belong to `each:a`, `each:b`
       ╭▸ otto.yml:11:32
     5 │   each: {foreach: {items: [a, b]}, bash: 'OUTPUT[n]=1'}
       │   ──── has `foreach`
       ┆
    11 │           print(INPUT["each"], INPUT["each.n"], INPUT["build"]["nothing"])
       ╰╴                               ━━━━━━━━━━━━━━━ `show` reads it here
    help: name the item, as in `each:a.n`
    warning[E0704]: task `build` never sets `nothing`
       ╭▸ otto.yml:11:49
     3 │     bash: OUTPUT[version]=1
       │           ───────────────── `build` sets `version`
       ┆
    11 │           print(INPUT["each"], INPUT["each.n"], INPUT["build"]["nothing"])
       ╰╴                                                ━━━━━━━━━━━━━━━━━━━━━━━━━ `show` reads it here
    help: set `nothing` in `build`, or read another key
    error[E0704]: task `all` has no outputs
       ╭▸ otto.yml:12:13
     4 │   all: {needs: [build]}
       │   ─── a task without a script has no outputs
       ┆
    12 │       print(INPUT["all.x"])
       ╰╴            ━━━━━━━━━━━━━━ `show` reads it here
    otto.yml: 2 errors and 4 warnings. For details: `otto Explain E0704`
    ── exit 2
    "#);
    let strict =
        Project::new("tasks: {a: {bash: 'OUTPUT[k]=1'}, b: {needs: [a], bash: 'echo ${INPUT[a.j]}'}}");
    assert_eq!((strict.run("Check").status, strict.run("Check --strict").status), (0, 2));
}

#[test]
fn outputs_are_held_against_their_contract_as_far_as_they_are_written_down() {
    let project = Project::new(
        "tasks:
  shell:
    outputs: {version: str, count: int, mode: {type: str, choices: [fast, slow]}, note: str}
    bash: |
      OUTPUT[version]=1
      OUTPUT[count]=many
      if [ -e x ]; then OUTPUT[mode]=medium; fi
      OUTPUT[vresion]=1
      export OTTO_FREE=1
  python:
    outputs: {count: int, ratio: float, name: str}
    python: |
      OUTPUT[\"count\"] = \"42\"
      OUTPUT.update(ratio=1, nmae=2)
  fails: {outputs: {n: int}, bash: 'OUTPUT[n]=x; exit 7'}
  open: {outputs: {n: int, m: int}, bash: '. ./set.sh'}
  later: {outputs: {n: int}, bash: 'OUTPUT[n]=x; OUTPUT[n]=1'}
",
    );
    assert_snapshot!(project.run("Check").all(), @r#"
    ── stderr
    warning[E0717]: output `note` of `shell` is declared, but its script never sets it
      ╭▸ otto.yml:3:83
    3 │     outputs: {version: str, count: int, mode: {type: str, choices: [fast, slow]}, note: str}
      │                                                                                   ━━━━ declared as `str`
    4 │     bash: |
      ╰╴    ──── the script
    help: set it, give it a `default`, or make it optional with a `?` after its type
    error[E0717]: output `count` of `shell` is `"many"`, not an `int`
      ╭▸ otto.yml:6:7
    3 │     outputs: {version: str, count: int, mode: {type: str, choices: [fast, s…
      │                             ───── declared as `int`
      ┆
    6 │       OUTPUT[count]=many
      ╰╴      ━━━━━━━━━━━━━━━━━━ `shell` sets it here
    help: numbers are written as in JSON
    error[E0717]: output `mode` of `shell` is `"medium"`, not one of the choices
      ╭▸ otto.yml:7:25
    3 │     outputs: {version: str, count: int, mode: {type: str, choices: [fast, s…
      │                                         ──── declared as `str`
      ┆
    7 │       if [ -e x ]; then OUTPUT[mode]=medium; fi
      ╰╴                        ━━━━━━━━━━━━━━━━━━━ `shell` sets it here
    help: the choices are `"fast"`, `"slow"`
    error[E0717]: output `vresion` of `shell` is not declared
      ╭▸ otto.yml:8:7
    3 │     outputs: {version: str, count: int, mode: {type: str, choices: [fast, s…
      │     ─────── the declared outputs
      ┆
    8 │       OUTPUT[vresion]=1
      ╰╴      ━━━━━━━━━━━━━━━━━ `shell` sets it here
    help: did you mean `version`?
    warning[E0717]: output `name` of `python` is declared, but its script never sets it
       ╭▸ otto.yml:11:41
    11 │     outputs: {count: int, ratio: float, name: str}
       │                                         ━━━━ declared as `str`
    12 │     python: |
       ╰╴    ────── the script
    help: the script sets `nmae`
    error[E0717]: output `count` of `python` is `"42"`, not an `int`
       ╭▸ otto.yml:13:7
    11 │     outputs: {count: int, ratio: float, name: str}
       │               ───── declared as `int`
    12 │     python: |
    13 │       OUTPUT["count"] = "42"
       ╰╴      ━━━━━━━━━━━━━━━ `python` sets it here
    help: set the number, not a string of its digits
    error[E0717]: output `nmae` of `python` is not declared
       ╭▸ otto.yml:14:30
    11 │     outputs: {count: int, ratio: float, name: str}
       │     ─────── the declared outputs
       ┆
    14 │       OUTPUT.update(ratio=1, nmae=2)
       ╰╴                             ━━━━ `python` sets it here
    help: did you mean `name`?
    error[E0717]: output `n` of `fails` is `"x"`, not an `int`
       ╭▸ otto.yml:15:37
    15 │   fails: {outputs: {n: int}, bash: 'OUTPUT[n]=x; exit 7'}
       │                     ┬               ━━━━━━━━━━━ `fails` sets it here
       │                     │
       ╰╴                    declared as `int`
    help: numbers are written as in JSON
    otto.yml: 6 errors and 2 warnings. For details: `otto Explain E0717`
    ── exit 2
    "#);
    assert_eq!(project.run("python").status, 2);
    assert_eq!(project.run("fails").status, 7);
}

#[test]
fn a_comment_allows_a_finding_on_its_line_above_it_and_above_the_command() {
    let lines = "echo \"${INPUT[build.a]}\" # otto: allow E0704
# otto: allow E0704, E0705
echo \"${INPUT[build.b]} ${INPUT[version.tag]}\"
# otto: allow E0704
cat <<END
  text
  ${INPUT[build.c]}
END
# otto: allow E0705
echo \"${INPUT[build.d]}\"";
    let told = publish(lines).run("Check").all();
    let places: Vec<&str> =
        told.lines().filter(|line| line.contains("otto.yml:") || line.starts_with("error")).collect();
    assert_snapshot!(places.join("\n"), @"
    error[E0704]: task `build` has no output `d`
       ╭▸ otto.yml:29:15
    otto.yml: 1 error. For details: `otto Explain E0704`
    ");
    let python = Project::new(
        "tasks:
  a: {outputs: {k: str}, bash: 'OUTPUT[k]=1'}
  b:
    needs: [a]
    python: |
      # otto: allow E0704
      print(f\"\"\"
        {INPUT['a.j']}
      \"\"\")
",
    );
    assert_eq!(python.run("Check").ok(), "otto.yml: 2 tasks are valid\n");
}

#[test]
fn a_rerun_counts_what_was_recorded_instead_of_the_text() {
    let file = |key: &str| {
        format!(
            "tasks: {{a: {{outputs: {{{key}: str}}, bash: 'OUTPUT[{key}]=1'}}, b: {{needs: [a], bash: 'echo ${{INPUT[a.k]}}; [ ! -e fail ]'}}}}"
        )
    };
    let project = Project::new(&file("k"));
    project.write("fail", "");
    assert_eq!(project.run("b").status, 1);
    // Now the text says otherwise, but `a` does not run.
    project.write("otto.yml", &file("other"));
    fs::remove_file(project.path("fail")).expect("there");
    assert_eq!(project.run("-q Rerun latest").stdout, "1\n");
    assert_eq!(project.run("b").status, 2);
    project.write("otto.yml", &file("k").replace("a.k", "a.j"));
    let refused = project.run("Rerun latest b");
    assert!(refused.status == 2 && refused.stderr.contains("in its recorded data"), "{}", refused.all());
}

/// Every ottofile that people read: the examples, and the blocks of the guide that are whole.
fn corpus() -> Vec<(PathBuf, String)> {
    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            match entry.path() {
                path if path.is_dir() && !path.ends_with("errors") => files(&path, found),
                path if path.extension().is_some_and(|end| end == "md" || end == "yml") => found.push(path),
                _ => {}
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = vec![root.join("README.md")];
    files(&root.join("docs"), &mut found);
    files(&root.join("examples"), &mut found);
    let mut all = Vec::new();
    for path in found {
        let text = fs::read_to_string(&path).expect("readable");
        if path.extension().is_some_and(|end| end == "yml") {
            all.push((path, text));
            continue;
        }
        let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split_once("```"));
        let whole = blocks.filter(|(block, _)| block.lines().any(|line| line == "tasks:"));
        all.extend(whole.map(|(block, _)| (path.clone(), block.to_owned())));
    }
    all
}

#[test]
fn correct_ottofiles_provoke_no_alarm() {
    let all = corpus();
    assert!(all.len() > 30, "only {} ottofiles", all.len());
    let project = Project::empty("project");
    let mut alarms = String::new();
    for (path, text) in all {
        // These show a mistake on purpose.
        let mistakes = [
            "INPUT[build.verison]",
            "INPUT[build.vresion]",
            "INPUT[build.binray]",
            "deploying ${INPUT[build.version]}",
        ];
        if mistakes.iter().any(|mistake| text.contains(mistake)) {
            continue;
        }
        project.write("otto.yml", &text);
        let checked = project.run("Check");
        let is_alarm = |line: &&str| line.contains("[E07") || line.contains("[E0116]");
        for line in checked.stderr.lines().filter(is_alarm) {
            alarms.push_str(&format!("{}: {line}\n", path.display()));
        }
    }
    assert_eq!(alarms, "");
}

#[test]
fn the_if_of_a_task_is_read_like_its_script_and_makes_the_script_uncertain() {
    let file = "tasks:
  build: {outputs: {size: int}, bash: 'OUTPUT[size]=1'}
  asks:
    needs: [build]
    if: '[ \"${INPUT[build.siez]}\" -gt 0 ]'
    bash: touch started
  group:
    needs: [build]
    if: '[ \"${INPUT[build.gone]}\" = 1 ]'
  python:
    needs: [build]
    if: INPUT[\"build.siez\"] > 0
    python: print(1)
  maybe:
    needs: [build]
    if: '[ -e nowhere ]'
    bash: echo \"${INPUT[build.nope]}\"
  prepared:
    needs: [build]
    if: '[[ -v INPUT[build.more] ]]'
    bash: echo \"${INPUT[build.more]}\"
  clean:
    needs: [{task: build, when: failure}]
    bash: echo \"${INPUT[build.log]}\"
";
    let project = Project::new(file);
    assert_snapshot!(project.run("Check").all(), @r#"
    ── stderr
    error[E0704]: task `build` has no output `siez`
      ╭▸ otto.yml:5:15
    2 │   build: {outputs: {size: int}, bash: 'OUTPUT[size]=1'}
      │           ─────── `build` declares `size`
      ┆
    5 │     if: '[ "${INPUT[build.siez]}" -gt 0 ]'
      ╰╴              ━━━━━━━━━━━━━━━━━ `asks` reads it here
    help: did you mean `build.size`?
    error[E0704]: task `build` has no output `gone`
      ╭▸ otto.yml:9:15
    2 │   build: {outputs: {size: int}, bash: 'OUTPUT[size]=1'}
      │           ─────── `build` declares `size`
      ┆
    9 │     if: '[ "${INPUT[build.gone]}" = 1 ]'
      ╰╴              ━━━━━━━━━━━━━━━━━ `group` reads it here
    help: set `gone` in `build`, or read another key
    error[E0704]: task `build` has no output `siez`
       ╭▸ otto.yml:12:9
     2 │   build: {outputs: {size: int}, bash: 'OUTPUT[size]=1'}
       │           ─────── `build` declares `size`
       ┆
    12 │     if: INPUT["build.siez"] > 0
       ╰╴        ━━━━━━━━━━━━━━━━━━━ `python` reads it here
    help: did you mean `build.size`?
    warning[E0704]: task `build` has no output `nope`
       ╭▸ otto.yml:17:19
     2 │   build: {outputs: {size: int}, bash: 'OUTPUT[size]=1'}
       │           ─────── `build` declares `size`
       ┆
    17 │     bash: echo "${INPUT[build.nope]}"
       ╰╴                  ━━━━━━━━━━━━━━━━━ `maybe` reads it here
    help: set `nope` in `build`, or read another key
    warning[E0704]: task `build` has no output `more`
       ╭▸ otto.yml:20:16
     2 │   build: {outputs: {size: int}, bash: 'OUTPUT[size]=1'}
       │           ─────── `build` declares `size`
       ┆
    20 │     if: '[[ -v INPUT[build.more] ]]'
       ╰╴               ━━━━━━━━━━━━━━━━━ `prepared` reads it here
    help: set `more` in `build`, or read another key
    warning[E0704]: task `build` has no output `log`
       ╭▸ otto.yml:24:19
     2 │   build: {outputs: {size: int}, bash: 'OUTPUT[size]=1'}
       │           ─────── `build` declares `size`
       ┆
    24 │     bash: echo "${INPUT[build.log]}"
       ╰╴                  ━━━━━━━━━━━━━━━━ `clean` reads it here
    help: set `log` in `build`, or read another key
    otto.yml: 3 errors and 3 warnings. For details: `otto Explain E0704`
    ── exit 2
    "#);
    for (task, status) in
        [("asks", 2), ("group", 2), ("python", 2), ("maybe", 0), ("prepared", 0), ("clean", 0)]
    {
        assert_eq!(project.run(task).status, status, "{task}");
    }
    assert_eq!(project.run("-q prepared").stderr, "");
    assert!(!project.path("started").exists());
}

#[test]
fn check_finds_syntax_errors_of_bash_and_python_at_their_lines() {
    let project = Project::new(
        "tasks:
  quote:
    bash: |
      echo one
      echo \"two
  word:
    bash: |
      if true; then
        echo one
      fi )
  extglob: {bash: 'case $1 in !(a|b)) echo ;; esac'}
  data:
    bash: |
      tail -n +4 \"$0\"
      exit 0
      \"this is ( data
  indent:
    python: |
      if True:
          print(1)
        print(2)
  call: {python: 'print((1)'}
  outside: {python: 'return 1'}
  await: {python: 'x = lambda: 1'}
  node: {action: \"#!/usr/bin/env node\\nif (\"}
  sh: {action: \"#!/bin/sh\\nif (\"}
  asks: {if: 'while true', bash: echo}
  asks_python: {if: 'x = 1', python: 'print(1)'}
",
    );
    assert_snapshot!(project.run("Check").all(), @r#"
    ── stderr
    error[E0605]: the script of `quote` is not valid bash
      ╭▸ otto.yml:5:7
    5 │       echo "two
      ╰╴      ━━━━━━━━━ unexpected EOF while looking for matching `"'
    error[E0605]: the script of `word` is not valid bash
       ╭▸ otto.yml:10:7
    10 │       fi )
       ╰╴      ━━━━ syntax error near unexpected token `)'
    error[E0605]: the script of `indent` is not valid Python
       ╭▸ otto.yml:21:9
    21 │         print(2)
       ╰╴        ━━━━━━━━ unindent does not match any outer indentation level
    error[E0605]: the script of `call` is not valid Python
       ╭▸ otto.yml:22:24
    22 │   call: {python: 'print((1)'}
       ╰╴                       ━━━━ '(' was never closed
    error[E0605]: the script of `outside` is not valid Python
       ╭▸ otto.yml:23:22
    23 │   outside: {python: 'return 1'}
       ╰╴                     ━━━━━━━━ 'return' outside function
    error[E0605]: the `if` of `asks` is not valid bash
       ╭▸ otto.yml:27:15
    27 │   asks: {if: 'while true', bash: echo}
       ╰╴              ━━━━━━━━━━ syntax error: unexpected end of file
    error[E0605]: the `if` of `asks_python` is not valid Python
       ╭▸ otto.yml:28:24
    28 │   asks_python: {if: 'x = 1', python: 'print(1)'}
       ╰╴                       ━━━ invalid syntax
    otto.yml: 7 errors. For details: `otto Explain E0605`
    ── exit 2
    "#);
}

#[test]
fn an_if_that_decides_nothing_or_sets_outputs_is_a_warning_of_check() {
    let project = Project::new(
        "tasks:
  test: {bash: 'OUTPUT[verdict]=ok'}
  dollar: {needs: [test], if: '[ INPUT[test.verdict] = ok ]', bash: echo}
  never: {if: 'false', bash: echo}
  python: {if: '\"x\" == \"x\"', python: 'print(1)'}
  sets: {needs: [test], if: 'OUTPUT[x]=1; [ \"${INPUT[test.verdict]}\" = ok ]', bash: echo}
  # otto: allow E0719
  allowed: {if: 'false', bash: echo}
",
    );
    assert_snapshot!(project.run("Check").all(), @r#"
    ── stdout
    otto.yml: 6 tasks are valid
    ── stderr
    warning[E0719]: the `if` of `dollar` is always the same
      ╭▸ otto.yml:3:32
    3 │   dollar: {needs: [test], if: '[ INPUT[test.verdict] = ok ]', bash: echo}
      ╰╴                               ━━━━━━━━━━━━━━━━━━━━━━━━━━━━ nothing in it can change
    help: to read the value, write `"${INPUT[test.verdict]}"`
    warning[E0719]: the `if` of `never` is always the same
      ╭▸ otto.yml:4:16
    4 │   never: {if: 'false', bash: echo}
      ╰╴               ━━━━━ nothing in it can change
    help: read a value, as in `[ "${INPUT[task.key]}" = yes ]`
    warning[E0719]: the `if` of `python` is always the same
      ╭▸ otto.yml:5:17
    5 │   python: {if: '"x" == "x"', python: 'print(1)'}
      ╰╴                ━━━━━━━━━━ nothing in it can change
    help: read a value, as in `INPUT["task.key"] == "yes"`
    warning[E0706]: `OUTPUT[x]` is set in the `if` of `sets`: the value will be lost
      ╭▸ otto.yml:6:30
    6 │   sets: {needs: [test], if: 'OUTPUT[x]=1; [ "${INPUT[test.verdict]}" = ok ]…
      ╰╴                             ━━━━━━━━━━━ this is not recorded
    help: an `if` only decides; set outputs in the script
    ── exit 0
    "#);
    assert_eq!(project.run("-q dollar never python").stderr, "");
}

const TRAFFIC: &str = "tasks:
  build:
    outputs: {version: str, size: int, note: 'str?'}
    bash: |
      OUTPUT[version]=1
      OUTPUT[size]=1
  each: {foreach: {items: [a, b.c]}, bash: 'OUTPUT[n]=1; export OTTO_MODE=fast; OUTPUT[$RANDOM]=x'}
  test:
    needs: [build, each]
    bash: |
      echo \"${INPUT[build.version]} ${INPUT[build.note]-} ${INPUT[each:b.c.n]}\"
      echo \"${INPUT[build.version]} $OTTO_MODE\"
  all:
    needs: [build, each]
    python: |
      print(INPUT[\"build\"])
      for key in INPUT: print(INPUT[key])
  asks: {needs: [build], if: '[ \"${INPUT[build.size]}\" = 1 ]', bash: 'echo \"${INPUT[build.typo]-}\"'}
  clean: {needs: [build, test], bash: 'true'}
";

#[test]
fn check_shows_the_keys_of_each_task_and_who_reads_them() {
    let project = Project::new(TRAFFIC);
    assert_snapshot!(project.run("Check --data").all(), @r#"
    ── stdout
    build (line 2)
      version  str   line 3   read by test (lines 11, 12)
      size     int   line 3   read by asks (line 18)
      note     str?  line 3   read by test (line 11 with a default)
      typo           not set  read by asks (line 18 with a default)
      all values read by all (line 16)
      may be read by all
      no values read by clean

    each (line 7)
      n          line 7  read by test (line 11)
      OTTO_MODE  line 7  read by test (line 12)
      may set other keys
      may be read by all

    test (line 8)
      no values read by clean
    ── stderr
    warning[E0704]: task `build` has no output `typo`
       ╭▸ otto.yml:18:79
     3 │     outputs: {version: str, size: int, note: 'str?'}
       │     ─────── `build` declares `version`, `size`, `note`
       ┆
    18 │   asks: {needs: [build], if: '[ "${INPUT[build.size]}" = 1 ]', bash: 'echo "${INPUT[build.typo]-}"'}
       ╰╴                                                                              ━━━━━━━━━━━━━━━━━ `asks` reads it here
    help: set `typo` in `build`, or read another key
    ── exit 0
    "#);
    let json: serde_json::Value =
        serde_json::from_str(&project.run("--json Check --data").stdout).expect("JSON");
    assert_snapshot!(format!("{:#}", json["data"][1]), @r#"
    {
      "keys": [
        {
          "key": "n",
          "line": 7,
          "readers": [
            {
              "line": 11,
              "optional": false,
              "task": "test"
            }
          ],
          "type": null
        },
        {
          "key": "OTTO_MODE",
          "line": 7,
          "readers": [
            {
              "line": 12,
              "optional": false,
              "task": "test"
            }
          ],
          "type": null
        }
      ],
      "line": 7,
      "may_be_read_by": [
        "all"
      ],
      "may_set_others": true,
      "not_read_by": [],
      "read_whole_by": [],
      "task": "each"
    }
    "#);
    let wrong = Project::new(&TRAFFIC.replace("build.note]-}", "build.nope]}"));
    let ran = wrong.run("Check --data");
    assert!(ran.status == 2 && ran.stdout.contains("nope     "), "{}", ran.all());
}

#[test]
fn the_graph_writes_the_keys_on_the_dependencies() {
    let project = Project::new(TRAFFIC);
    assert_snapshot!(project.run("Graph --data").ok(), @"
    all
    ├─ build: *, …
    └─ each [2 items]: …
    asks
    └─ build: size, typo
    clean
    ├─ build
    └─ test
       ├─ build: version, note
       └─ each [2 items]: n, OTTO_MODE
    ");
    assert_snapshot!(project.run("Graph --data --format mermaid").ok(), @r#"
    flowchart LR
      t0["build"]
      t1["each [2 items]"]
      t2["test"]
      t3["all"]
      t4["asks"]
      t5["clean"]
      t0 -->|"version, note"| t2
      t1 -->|"n, OTTO_MODE"| t2
      t0 -->|"*, …"| t3
      t1 -->|"…"| t3
      t0 -->|"size, typo"| t4
      t0 --> t5
      t2 --> t5
    "#);
    assert_snapshot!(project.run("Graph --data --format dot test").ok(), @r#"
    digraph otto {
      rankdir=LR;
      node [shape=box, style=rounded];
      "build" [label="build"];
      "each" [label="each [2 items]"];
      "test" [label="test"];
      "build" -> "test" [label="version, note"];
      "each" -> "test" [label="n, OTTO_MODE"];
    }
    "#);
    let svg = project.run("Graph --data --format svg test").ok().to_owned();
    let labels: Vec<&str> = svg.lines().filter(|line| line.contains("\"keys\"")).collect();
    assert_snapshot!(labels.join("\n"), @r#"
    <text class="keys" x="205" y="21">version, note</text>
    <text class="keys" x="205" y="41">n, OTTO_MODE</text>
    "#);
    let json: serde_json::Value =
        serde_json::from_str(&project.run("--json Graph --data clean").stdout).expect("JSON");
    let clean = json["tasks"].as_array().and_then(|tasks| tasks.last()).expect("tasks");
    assert_snapshot!(format!("{:#}", clean["needs"]), @r#"
    [
      {
        "item": null,
        "keys": [],
        "stream": false,
        "task": "build",
        "when": "success"
      },
      {
        "item": null,
        "keys": [],
        "stream": false,
        "task": "test",
        "when": "success"
      }
    ]
    "#);
}

#[test]
fn jobs_that_follow_others_read_their_own_item_by_the_name_of_the_task() {
    let project = Project::new(
        "tasks:
  list: {bash: 'otto.set --list files a b'}
  convert: {foreach: {items: [a, b]}, bash: 'OUTPUT[rows]=1'}
  upload: {foreach: {each: convert}, bash: 'echo \"${INPUT[convert.rows]}\"'}
  wrong: {foreach: {each: convert}, bash: 'echo \"${INPUT[convert.row]}\"'}
  made: {foreach: {from: list.files}, bash: 'OUTPUT[n]=1; echo \"${INPUT[list.files]}\"'}
  sent: {foreach: {each: made}, bash: 'echo \"${INPUT[made.n]} ${OUTCOME[made]}\"'}
  report: {needs: [made, convert], bash: 'echo \"${INPUT[made:a.n]} ${INPUT[convert:b.rows]} ${OUTCOME[convert]}\"'}
  all: {needs: [upload, sent, report]}
",
    );
    assert_snapshot!(project.run("Check").all(), @r#"
    ── stdout
    otto.yml: 8 tasks are valid
    ── stderr
    warning[E0704]: task `convert` never sets `row`
      ╭▸ otto.yml:5:52
    3 │   convert: {foreach: {items: [a, b]}, bash: 'OUTPUT[rows]=1'}
      │                                              ────────────── `convert` sets `rows`
    4 │   upload: {foreach: {each: convert}, bash: 'echo "${INPUT[convert.rows]}"'}
    5 │   wrong: {foreach: {each: convert}, bash: 'echo "${INPUT[convert.row]}"'}
      ╰╴                                                   ━━━━━━━━━━━━━━━━━━ `wrong` reads it here
    help: did you mean `convert.rows`?
    ── exit 0
    "#);
    let ran = project.run("-q all");
    assert!(ran.status == 0 && !ran.stderr.contains("E07"), "{}", ran.all());
    assert_snapshot!(project.run("Check --data").stdout, @r"
    list (line 2)
      files  line 2  read by made (lines 6, 6)

    convert (line 3)
      rows  line 3   read by upload (line 4), report (line 8)
      row   not set  read by wrong (line 5)

    made (line 6)
      n  line 6  read by sent (line 7), report (line 8)
    ");
}

#[test]
fn a_comment_silences_any_finding_about_a_script() {
    let file = "
otto:
  # otto: allow E0508
  envs: {KEY: {value: s3cr3t-key, secret: true}}
tasks:
  lost:
    bash: |
      # otto: allow E0706
      echo x | while read -r x; do OUTPUT[x]=$x; done
  wrong:
    bash: |
      # otto: allow E0605
      fi
  wrong-python:
    python: |
      x = = 1 # otto: allow E0605
  unset:
    bash: |
      echo \"$NOWHERE\" # otto: allow E0507
  shown:
    bash: |
      # otto: allow E0510, E0706
      echo \"$KEY\"
  constant:
    # otto: allow E0719
    if: 'true'
    bash: echo
";
    let project = Project::new(file);
    assert_snapshot!(project.run("Check --strict").all(), @"
    ── stdout
    otto.yml: 6 tasks are valid
    ── exit 0
    ");
    project.write("otto.yml", &file.replace("otto: allow", "allow"));
    let told = project.run("Check").stderr;
    let codes: Vec<&str> = told.match_indices("[E0").map(|(start, _)| &told[start + 1..start + 6]).collect();
    assert_eq!(codes.join(" "), "E0508 E0706 E0605 E0605 E0507 E0510 E0719");
}

#[test]
fn a_name_that_is_composed_may_be_that_of_exit() {
    let severity = |call: &str| {
        let file = format!(
            "tasks: {{p: {{bash: x}}, c: {{needs: [p], python: 'import sys; {call}; INPUT[\"p.a\"]'}}}}"
        );
        let file = file.replace("p: {bash: x}", "p: {outputs: {b: int}, bash: \"OUTPUT[b]=1\"}");
        let told = Project::new(&file).run("Check").stderr;
        told.split('[').next().unwrap_or_default().to_owned()
    };
    assert_eq!(severity("getattr(sys, \"path\", None)"), "error");
    for call in ["getattr(sys, \"ex\" + \"it\")(0)", "getattr(sys, \"exit\")(0)", "getattr(sys, name)(0)"] {
        assert_eq!(severity(call), "warning", "{call}");
    }
}

/// A task whose jobs data tells, or a command, is read like any other, and so are those that read from its jobs. Nothing is
/// certain: there may be no items.
#[test]
fn jobs_that_are_not_known_yet_are_read_too() {
    let project = Project::new(
        r#"
tasks:
  list: {bash: 'otto.set --list files a b'}
  convert:
    foreach: {from: list.files, as: file}
    outputs: {rows: int}
    bash: |
      OUTPUT[rows]=many
      echo "${INPUT[list.fiels]}"
  upload:
    foreach: {each: convert}
    bash: echo "${INPUT[convert.rows]} ${INPUT[convert.rosw]}"
  sizes:
    foreach: {command: ls}
    needs: [list]
    python: |
      OUTPUT["size"] = 1
      print(INPUT["list.files"], INPUT["lits.files"])
  none:
    foreach: {glob: "nothing/*"}
    outputs: {n: int}
    bash: OUTPUT[m]=1
  report:
    needs: [convert, sizes]
    bash: |
      echo "${INPUT[convert:a.rows]} ${INPUT[convert:data/a.csv.rows]} ${INPUT[convert.*.rows]}"
      echo "${INPUT[convert:a.rosw]}"
      echo "${INPUT[convert:data/a.csv.rosw]}"
      echo "${INPUT[convert.*.rwos]}"
      echo "${INPUT[convert.rows]}"
      echo "${INPUT[sizes:x.sizes]}"
      otto.items -v names convert
  python:
    needs: [convert]
    python: |
      print(INPUT["convert"]["a"]["rows"], INPUT["convert"]["b.c"]["rows"], INPUT["convert:a"]["rows"])
      print(INPUT["convert"]["a"]["rosw"])
"#,
    );
    assert_snapshot!(project.run("Check").all(), @r#"
    ── stderr
    error[E0717]: output `rows` of `convert` is `"many"`, not an `int`
      ╭▸ otto.yml:8:7
    6 │     outputs: {rows: int}
      │               ──── declared as `int`
    7 │     bash: |
    8 │       OUTPUT[rows]=many
      ╰╴      ━━━━━━━━━━━━━━━━━ `convert` sets it here
    help: numbers are written as in JSON
    warning[E0704]: task `list` never sets `fiels`
      ╭▸ otto.yml:9:15
    3 │   list: {bash: 'otto.set --list files a b'}
      │                 ───────────────────────── `list` sets `files`
      ┆
    9 │       echo "${INPUT[list.fiels]}"
      ╰╴              ━━━━━━━━━━━━━━━━━ `convert` reads it here
    help: did you mean `list.files`?
    warning[E0704]: task `convert` has no output `rosw`
       ╭▸ otto.yml:12:42
     6 │     outputs: {rows: int}
       │     ─────── `convert` declares `rows`
       ┆
    12 │     bash: echo "${INPUT[convert.rows]} ${INPUT[convert.rosw]}"
       ╰╴                                         ━━━━━━━━━━━━━━━━━━━ `upload` reads it here
    help: did you mean `convert.rows`?
    warning[E0705]: there is no task `lits`
       ╭▸ otto.yml:18:34
    13 │   sizes:
       │   ───── depends on `list`
       ┆
    18 │       print(INPUT["list.files"], INPUT["lits.files"])
       ╰╴                                 ━━━━━━━━━━━━━━━━━━━ `sizes` reads it here
    help: did you mean `list.files`?
    warning[E0717]: output `n` of `none` is declared, but its script never sets it
       ╭▸ otto.yml:21:15
    21 │     outputs: {n: int}
       │               ━ declared as `int`
    22 │     bash: OUTPUT[m]=1
       ╰╴    ──── the script
    help: set it, give it a `default`, or make it optional with a `?` after its type
    error[E0717]: output `m` of `none` is not declared
       ╭▸ otto.yml:22:11
    21 │     outputs: {n: int}
       │     ─────── the declared outputs
    22 │     bash: OUTPUT[m]=1
       ╰╴          ━━━━━━━━━━━ `none` sets it here
    help: declare it, or allow further keys with `"*": any`
    error[E0704]: task `convert:a` has no output `rosw`
       ╭▸ otto.yml:27:15
     6 │     outputs: {rows: int}
       │     ─────── `convert` declares `rows`
       ┆
    27 │       echo "${INPUT[convert:a.rosw]}"
       ╰╴              ━━━━━━━━━━━━━━━━━━━━━ `report` reads it here
    help: did you mean `convert:a.rows`?
    error[E0704]: task `convert:data/a.csv` has no output `rosw`
       ╭▸ otto.yml:28:15
     6 │     outputs: {rows: int}
       │     ─────── `convert` declares `rows`
       ┆
    28 │       echo "${INPUT[convert:data/a.csv.rosw]}"
       ╰╴              ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ `report` reads it here
    help: did you mean `convert:data/a.csv.rows`?
    warning[E0704]: task `convert` has no output `rwos`
       ╭▸ otto.yml:29:15
     6 │     outputs: {rows: int}
       │     ─────── `convert` declares `rows`
       ┆
    29 │       echo "${INPUT[convert.*.rwos]}"
       ╰╴              ━━━━━━━━━━━━━━━━━━━━━ `report` reads it here
    help: did you mean `convert.*.rows`?
    error[E0705]: `convert` is a foreach task; its values belong to its items
       ╭▸ otto.yml:30:15
     4 │   convert:
       │   ─────── has `foreach`
       ┆
    30 │       echo "${INPUT[convert.rows]}"
       ╰╴              ━━━━━━━━━━━━━━━━━━━ `report` reads it here
    help: name the item, as in `convert:ITEM.rows`, or read all of them: `convert.*.rows`
    warning[E0704]: task `sizes:x` never sets `sizes`
       ╭▸ otto.yml:31:15
    17 │       OUTPUT["size"] = 1
       │       ────────────── `sizes` sets `size`
       ┆
    31 │       echo "${INPUT[sizes:x.sizes]}"
       ╰╴              ━━━━━━━━━━━━━━━━━━━━ `report` reads it here
    help: did you mean `sizes:x.size`?
    error[E0704]: task `convert:a` has no output `rosw`
       ╭▸ otto.yml:37:13
     6 │     outputs: {rows: int}
       │     ─────── `convert` declares `rows`
       ┆
    37 │       print(INPUT["convert"]["a"]["rosw"])
       ╰╴            ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ `python` reads it here
    help: did you mean `convert:a.rows`?
    otto.yml: 6 errors and 6 warnings. For details: `otto Explain E0704`
    ── exit 2
    "#);
    assert_snapshot!(project.run("-q report").all(), @r#"
    ── stderr
    warning[E0704]: task `list` never sets `fiels`
      ╭▸ otto.yml:9:15
    3 │   list: {bash: 'otto.set --list files a b'}
      │                 ───────────────────────── `list` sets `files`
      ┆
    9 │       echo "${INPUT[list.fiels]}"
      ╰╴              ━━━━━━━━━━━━━━━━━ `convert` reads it here
    help: did you mean `list.files`?
    error[E0705]: there is no task `lits`
       ╭▸ otto.yml:18:34
    13 │   sizes:
       │   ───── depends on `list`
       ┆
    18 │       print(INPUT["list.files"], INPUT["lits.files"])
       ╰╴                                 ━━━━━━━━━━━━━━━━━━━ `sizes` reads it here
    help: did you mean `list.files`?
    error[E0704]: task `convert:a` has no output `rosw`
       ╭▸ otto.yml:27:15
     6 │     outputs: {rows: int}
       │     ─────── `convert` declares `rows`
       ┆
    27 │       echo "${INPUT[convert:a.rosw]}"
       ╰╴              ━━━━━━━━━━━━━━━━━━━━━ `report` reads it here
    help: did you mean `convert:a.rows`?
    error[E0704]: task `convert:data/a.csv` has no output `rosw`
       ╭▸ otto.yml:28:15
     6 │     outputs: {rows: int}
       │     ─────── `convert` declares `rows`
       ┆
    28 │       echo "${INPUT[convert:data/a.csv.rosw]}"
       ╰╴              ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ `report` reads it here
    help: did you mean `convert:data/a.csv.rows`?
    warning[E0704]: task `convert` has no output `rwos`
       ╭▸ otto.yml:29:15
     6 │     outputs: {rows: int}
       │     ─────── `convert` declares `rows`
       ┆
    29 │       echo "${INPUT[convert.*.rwos]}"
       ╰╴              ━━━━━━━━━━━━━━━━━━━━━ `report` reads it here
    help: did you mean `convert.*.rows`?
    error[E0705]: `convert` is a foreach task; its values belong to its items
       ╭▸ otto.yml:30:15
     4 │   convert:
       │   ─────── has `foreach`
       ┆
    30 │       echo "${INPUT[convert.rows]}"
       ╰╴              ━━━━━━━━━━━━━━━━━━━ `report` reads it here
    help: name the item, as in `convert:ITEM.rows`, or read all of them: `convert.*.rows`
    error[E0705]: `sizes:x` does not exist: no item of `sizes` has this name
       ╭▸ otto.yml:31:15
    13 │   sizes:
       │   ───── its items here are `otto.yml`
       ┆
    31 │       echo "${INPUT[sizes:x.sizes]}"
       ╰╴              ━━━━━━━━━━━━━━━━━━━━ `report` reads it here
    otto.yml: 5 errors and 2 warnings. For details: `otto Explain E0705`
    ── exit 2
    "#);
}

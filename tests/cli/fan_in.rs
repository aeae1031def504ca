//! The data of all jobs of a foreach task, in the tasks after it.

use crate::Project;
use insta::assert_snapshot;

const REPORT: &str = r#"
tasks:
  list: {bash: 'otto.set --json files "$FILES"'}
  convert:
    foreach: {from: list.files, as: file}
    bash: |
      OUTPUT[rows]=${#file}
      [ "$file" != bad ]
  known:
    foreach: {items: [x, y.z]}
    python: OUTPUT["n"] = len("HERE")
  report:
    needs: [convert, known]
    python: |
      for name, data in INPUT["convert"].items():
          print(name, data["rows"])
      print(INPUT["convert.*.rows"], INPUT["known.*.n"], *INPUT["known"])
  shell:
    needs: [convert, known]
    bash: |
      otto.items -v names convert
      for name in ${names[@]+"${names[@]}"}; do echo "$name ${INPUT[convert:$name.rows]}"; done
      echo "${INPUT[convert.*.rows]} $(otto.get 'known.*.n')"
  anyhow:
    needs: [{task: convert, when: always}]
    python: |
      print(list(INPUT["convert"]), INPUT["convert.*.rows"], sorted(INPUT), OUTCOME["convert.failed"])
"#;

fn report(files: &str) -> Project {
    Project::new(REPORT).with("FILES", files)
}

#[test]
fn jobs_from_data_and_from_lists_are_read_together() {
    let project = report(r#"["b", "data/a.csv", "x y", "*"]"#);
    assert_eq!(
        project.run("-j1 -q report").ok(),
        "b 1\ndata/a.csv 10\nx_y 3\n* 1\n['1', '10', '3', '1'] [4, 4] x y.z\n"
    );
    assert_eq!(
        project.run("-j1 -q shell").ok(),
        "b 1\ndata/a.csv 10\nx_y 3\n* 1\n[\"1\",\"10\",\"3\",\"1\"] [4,4]\n"
    );
    assert_eq!(project.run("Check").ok(), "otto.yml: 6 tasks are valid\n");
}

#[test]
fn without_items_there_is_nothing_to_read() {
    let project = report("[]");
    assert_eq!(project.run("-j1 -q report").ok(), "[] [4, 4] x y.z\n");
    assert_eq!(project.run("-j1 -q shell").ok(), "[] [4,4]\n");
    // Again, with what was recorded.
    assert_eq!(project.run("Rerun -1 -q shell").ok(), "[] [4,4]\n");
}

#[test]
fn of_a_failed_job_there_is_what_it_left_under_its_own_name() {
    let project = report(r#"["a", "bad", "c"]"#);
    let wanted = "['a', 'c'] ['1', '1'] ['convert:a.rows', 'convert:bad.rows', 'convert:c.rows'] ['bad']\n";
    let ran = project.run("-j1 -q anyhow");
    assert_eq!((ran.status, ran.stdout.as_str()), (1, wanted), "{}", ran.stderr);
    // Once more alone, and together with the one that failed: in the order of the items.
    assert_eq!(project.run("Rerun -q latest anyhow").stdout, wanted);
    let again = project.run("-j1 Rerun -q -2 anyhow convert:a convert:bad");
    assert_eq!(again.stdout, wanted, "{}", again.stderr);
}

#[test]
fn a_rerun_of_a_report_reads_the_recorded_jobs() {
    let project = report(r#"["b", "a"]"#);
    let first = project.run("-j1 -q shell report").ok().to_owned();
    assert_eq!(project.run("Rerun -q -j1 -1 report shell").ok(), first);
    let changed = project.run_words(&["Rerun", "-q", "-2", "report", "--set", "convert:a.rows=7"]);
    assert_eq!(changed.ok(), "b 1\na 7\n['1', '7'] [4, 4] x y.z\n");
}

#[test]
fn names_that_are_read_together_are_checked() {
    let check = |tasks: &str| {
        let project = Project::new(&format!("tasks:\n{tasks}"));
        project.run("Check").all()
    };
    assert_snapshot!(
        check("  c: {foreach: {items: [x]}, bash: 'OUTPUT[rows]=1'}\n  r: {needs: [c], bash: 'echo ${INPUT[c.*.rosw]} ${INPUT[c]}'}"),
        @"
    ── stderr
    warning[E0704]: task `c` never sets `rosw`
      ╭▸ otto.yml:3:33
    2 │   c: {foreach: {items: [x]}, bash: 'OUTPUT[rows]=1'}
      │                                     ────────────── `c` sets `rows`
    3 │   r: {needs: [c], bash: 'echo ${INPUT[c.*.rosw]} ${INPUT[c]}'}
      ╰╴                                ━━━━━━━━━━━━━━━ `r` reads it here
    help: did you mean `c.*.rows`?
    error[E0704]: `c` is a foreach task, not one of its outputs
      ╭▸ otto.yml:3:52
    2 │   c: {foreach: {items: [x]}, bash: 'OUTPUT[rows]=1'}
      │   ─ has `foreach`
    3 │   r: {needs: [c], bash: 'echo ${INPUT[c.*.rosw]} ${INPUT[c]}'}
      ╰╴                                                   ━━━━━━━━ `r` reads it here
    help: `c.*.KEY` reads a key of all its jobs; `otto.items c` lists the items
    otto.yml: 1 error and 1 warning. For details: `otto Explain E0704`
    ── exit 2
    "
    );
    assert_snapshot!(
        check("  l: {bash: otto.set --list n 1}\n  c: {foreach: {from: l.n}, outputs: {rows: str}, bash: 'OUTPUT[rows]=1'}\n  \
               r: {needs: [c], python: 'print(INPUT[\"c.*.row\"], INPUT.get(\"c.*.rows\"))'}"),
        @r#"
    ── stdout
    otto.yml: 3 tasks are valid
    ── stderr
    warning[E0704]: task `c` has no output `row`
      ╭▸ otto.yml:4:34
    3 │   c: {foreach: {from: l.n}, outputs: {rows: str}, bash: 'OUTPUT[rows]=1'}
      │                             ─────── `c` declares `rows`
    4 │   r: {needs: [c], python: 'print(INPUT["c.*.row"], INPUT.get("c.*.rows"))'}
      ╰╴                                 ━━━━━━━━━━━━━━━━ `r` reads it here
    help: did you mean `c.*.rows`?
    ── exit 0
    "#
    );
    assert_snapshot!(
        check("  c: {foreach: {items: [x, y]}, bash: 'OUTPUT[rows]=1'}\n  r: {needs: ['c:x'], python: 'print(INPUT[\"c.*.rows\"])'}"),
        @r#"
    ── stderr
    error[E0705]: `c` is a foreach task; its values belong to `c:x`
      ╭▸ otto.yml:3:38
    2 │   c: {foreach: {items: [x, y]}, bash: 'OUTPUT[rows]=1'}
      │   ─ has `foreach`
    3 │   r: {needs: ['c:x'], python: 'print(INPUT["c.*.rows"])'}
      ╰╴                                     ━━━━━━━━━━━━━━━━━ `r` reads it here
    help: name the item, as in `c:x.rows`
    otto.yml: 1 error. For details: `otto Explain E0705`
    ── exit 2
    "#
    );
    let fine = check(
        "  l: {bash: otto.set --list n 1}\n  c: {foreach: {from: l.n}, bash: 'OUTPUT[rows]=1; otto.set --json meta \"{}\"'}\n  \
         r: {needs: [{task: c, as: all}], python: 'print(INPUT[\"all.*.rows\"], INPUT[\"c.*.meta.k\"], len(INPUT[\"all\"]), INPUT[\"c\"][\"1\"][\"rows\"])'}",
    );
    assert_snapshot!(fine, @"
    ── stdout
    otto.yml: 3 tasks are valid
    ── exit 0
    ");
}

#[test]
fn a_task_of_an_included_file_reads_its_jobs_by_its_own_names() {
    let project = Project::new(
        "otto: {include: [sub]}\ntasks:\n  all: {needs: [sub/convert], python: 'print(INPUT[\"sub/convert.*.k\"])'}",
    );
    project.write(
        "sub/otto.yml",
        "tasks:\n  list: {bash: otto.set --list n 2 1}\n  convert: {foreach: {from: list.n}, bash: 'OUTPUT[k]=$item'}\n  \
         report: {needs: [{task: convert, as: c}], python: 'print(INPUT[\"convert.*.k\"], list(INPUT[\"c\"]), INPUT[\"sub/convert.*.k\"])'}",
    );
    assert_eq!(project.run("-j1 -q sub/report all").ok(), "['2', '1'] ['2', '1'] ['2', '1']\n['2', '1']\n");
}

#[test]
fn a_job_skipped_by_its_if_is_read_only_where_a_default_is_declared() {
    let project = Project::new(
        r#"
tasks:
  plain: {foreach: {items: [a, b]}, if: '[ $item = a ]', bash: 'OUTPUT[k]=$item'}
  declared: {foreach: {items: [a, b]}, outputs: {k: {type: str, default: none}}, if: '[ $item = a ]', bash: 'OUTPUT[k]=$item'}
  report: {needs: [plain, declared], python: 'print(INPUT["plain.*.k"], INPUT["declared.*.k"])'}
"#,
    );
    assert_eq!(project.run("-j1 -q report").ok(), "['a'] ['a', 'none']\n");
}

#[test]
fn of_a_list_the_own_item_counts_for_freshness() {
    let body = "touch \"$file.out\"; OUTPUT[at]=$file";
    let ottofile = |body: &str, needs: &str| {
        format!(
            "tasks:\n  list: {{bash: 'otto.set --json files \"$FILES\"'}}\n  convert:\n    {needs}\n    foreach: {{from: list.files, as: file}}\n    \
             input: [$file]\n    output: [$file.out]\n    bash: |\n      {body}\n"
        )
    };
    let project = |body: &str, needs: &str| {
        let project = Project::new(&ottofile(body, needs));
        ["a", "b", "c"].iter().for_each(|name| project.write(name, "x"));
        project
    };
    let outcomes = |project: &Project, files: &str| {
        let mut command = project.command(env!("CARGO_BIN_EXE_otto"));
        command.args(["-j1", "convert"]).env("FILES", files);
        project.end(command.spawn().expect("otto starts")).outcomes()
    };
    let one = project(body, "help: x");
    assert_eq!(outcomes(&one, r#"["a", "b"]"#), "convert:a: ok, convert:b: ok, list: ok");
    // A new item, and another order, leave the others as they are.
    assert_eq!(
        outcomes(&one, r#"["c", "b", "a"]"#),
        "convert:a: fresh, convert:b: fresh, convert:c: ok, list: ok"
    );
    // Who reads the list, or names it in `needs`, is made from all of it.
    let loads = "touch \"$file.out\"; . ./lib.sh";
    let composes = "touch \"$file.out\"; n=IN; n+='PUT[list.files]'; : \"${!n}\"";
    for (body, needs) in [
        ("touch \"$file.out\"; : \"${INPUT[list.files]}\"", "help: x"),
        (loads, "help: x"),
        (composes, "help: x"),
        (body, "needs: [list]"),
    ] {
        let project = project(body, needs);
        project.write("lib.sh", ": \"${INPUT[list.files]}\"\n");
        assert_eq!(outcomes(&project, r#"["a"]"#), "convert:a: ok, list: ok");
        assert_eq!(outcomes(&project, r#"["a"]"#), "convert:a: fresh, list: ok");
        assert_eq!(outcomes(&project, r#"["a", "b"]"#), "convert:a: ok, convert:b: ok, list: ok");
    }
    // What `include` adds to a combination counts too.
    let matrix = |fast: &str| {
        format!(
            "tasks:\n  t:\n    foreach:\n      matrix: {{on: [x]}}\n      include: [{{on: x, fast: {fast}}}]\n    input: [a]\n    output: [out]\n    \
             bash: echo $fast > out\n"
        )
    };
    let project = Project::new(&matrix("one"));
    project.write("a", "");
    assert_eq!(project.run("t").outcomes(), "t:x: ok");
    assert_eq!(project.run("t").outcomes(), "t:x: fresh");
    project.write("otto.yml", &matrix("two"));
    assert_eq!(project.run("t").outcomes(), "t:x: ok");
}

#[test]
fn an_item_that_is_an_object_has_fields() {
    let project = Project::new(
        r#"
tasks:
  list: {bash: 'otto.set --json hosts "[{\"name\": \"a\", \"port\": 80}, {\"name\": \"b\", \"port\": 90}]"'}
  bash: {foreach: {from: list.hosts, key: name, as: host}, bash: 'echo "${ITEM[name]} ${ITEM[port]} $host"'}
  follows: {foreach: {each: bash}, python: 'print(ITEM["name"], ITEM["port"] + 1)'}
  listed: {foreach: {items: [7]}, python: 'print(repr(ITEM))'}
"#,
    );
    assert_eq!(
        project.run("-j1 -q bash").ok(),
        "a 80 {\"name\":\"a\",\"port\":80}\nb 90 {\"name\":\"b\",\"port\":90}\n"
    );
    assert_eq!(project.run("-j1 -q follows:b").ok(), "b 90 {\"name\":\"b\",\"port\":90}\nb 91\n");
    assert_eq!(project.run("-q listed").ok(), "'7'\n");
    let old = project.with("OTTO_BASH_LEVEL", "3.2").run("-j1 bash:a");
    assert_ne!(old.status, 0, "{}", old.all());
}

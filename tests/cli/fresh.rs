//! When a task is up to date, and what it still hands on.

use crate::Project;
use insta::assert_snapshot;

const FILE: &str = "
otto: {jobs: 1}
tasks:
  source: {params: {--value: {default: one}}, bash: 'OUTPUT[value]=$value'}
  build:
    before: [source]
    params: {--mode: {default: debug}}
    envs: {LEVEL: '${LEVEL_OUTSIDE}'}
    input: ['src/*']
    output: [out/x]
    bash: |
      mkdir -p out; cat src/* > out/x; OUTPUT[size]=$(wc -c < out/x | tr -d ' '); echo built
  user: {before: [build], bash: 'echo size ${INPUT[build.size]}'}
";

fn built() -> Project {
    let project = Project::new(FILE).with("LEVEL_OUTSIDE", "1");
    project.write("src/a", "12345");
    assert_eq!(project.run("build").ok(), "built\n");
    project
}

#[test]
fn nothing_changed_and_nothing_runs() {
    let project = built();
    let ran = project.run("build");
    assert_eq!((ran.ok(), ran.outcomes().as_str()), ("", "build: fresh, source: ok"));
}

#[test]
fn a_fresh_task_hands_on_its_data() {
    let project = built();
    for _ in 0..2 {
        let ran = project.run("user");
        assert_eq!((ran.ok(), ran.outcomes().as_str()), ("size 5\n", "build: fresh, source: ok, user: ok"));
    }
}

#[test]
fn force_runs_it_again() {
    let project = built();
    assert_eq!(project.run("--force build").ok(), "built\n");
    assert_eq!(project.run("build --force").ok(), "built\n");
    assert_eq!(project.run("build").ok(), "");
}

/// Changes one thing; the task must run again, and then not again.
#[track_caller]
fn runs_again(change: impl FnOnce(&Project), words: &str) {
    let project = built();
    change(&project);
    assert_eq!(project.run(words).ok(), "built\n");
    assert_eq!(project.run(words).ok(), "");
}

#[test]
fn a_changed_input_runs_it_again() {
    runs_again(|project| project.write("src/a", "123456"), "build");
}

#[test]
fn a_new_input_runs_it_again() {
    runs_again(|project| project.write("src/b", "6"), "build");
}

#[test]
fn a_removed_input_runs_it_again() {
    let project = built();
    project.write("src/b", "6");
    assert_eq!(project.run("build").ok(), "built\n");
    std::fs::remove_file(project.path("src/b")).expect("removed");
    assert_eq!(project.run("build").ok(), "built\n");
}

#[test]
fn a_missing_output_runs_it_again() {
    runs_again(|project| std::fs::remove_file(project.path("out/x")).expect("removed"), "build");
}

#[test]
fn a_changed_script_runs_it_again() {
    runs_again(|project| project.write("otto.yml", &FILE.replace("echo built", "echo built # now")), "build");
}

#[test]
fn a_changed_param_runs_it_again() {
    runs_again(|_| (), "build --mode release");
}

#[test]
fn changed_data_of_a_dependency_runs_it_again() {
    runs_again(|_| (), "source --value two build");
}

#[test]
fn a_changed_variable_runs_it_again() {
    let project = built().with("LEVEL_OUTSIDE", "2");
    assert_eq!(project.run("build").ok(), "built\n");
    assert_eq!(project.run("build").ok(), "");
}

/// `make` and the like read variables that the script does not mention.
#[test]
fn a_changed_variable_for_all_tasks_runs_it_again() {
    let file = |flags: &str, dir: &str| {
        format!(
            "otto: {{envs: {{FLAGS: '{flags}'}}}}\ntasks: {{t: {{dir: {dir}, input: [in], output: [out], bash: 'touch $OTTO_WORKSPACE/out; env | grep ^FLA'}}}}"
        )
    };
    let project = Project::new(&file("-O2", "."));
    project.write("in", "");
    project.write("sub/x", "");
    assert_eq!((project.run("t").ok(), project.run("t").ok()), ("FLAGS=-O2\n", ""));
    project.write("otto.yml", &file("-O3", "."));
    assert_eq!((project.run("t").ok(), project.run("t").ok()), ("FLAGS=-O3\n", ""));
    project.write("otto.yml", &file("-O3", "sub"));
    assert_eq!((project.run("t").ok(), project.run("t").ok()), ("FLAGS=-O3\n", ""), "another folder");
}

/// A date and a revision are found out anew each time.
#[test]
fn what_a_command_found_out_counts_where_the_script_mentions_it() {
    let project = Project::new(
        "
otto: {envs: {N: '$(echo x >> count; wc -l < count | tr -d \" \")', TAG: 'v$N'}}
tasks:
  without: {input: [in], output: [out1], bash: touch out1; echo ran}
  with: {input: [in], output: [out2], bash: touch out2; echo $TAG}
  own: {input: [in], output: [out3], envs: {MINE: $TAG}, bash: touch out3; echo ran}
",
    );
    project.write("in", "");
    assert_eq!((project.run("without").ok(), project.run("without").ok()), ("ran\n", ""));
    assert_eq!((project.run("with").ok(), project.run("with").ok()), ("v3\n", "v4\n"));
    assert_eq!((project.run("own").ok(), project.run("own").ok()), ("ran\n", "ran\n"));
    let ran = project.run("-v with");
    assert!(ran.stderr.contains("the variable `TAG` changed"), "{}", ran.all());
}

#[test]
fn a_job_that_another_item_moves_runs_again_if_it_speaks_of_its_place() {
    let file = |items: &str| {
        format!(
            "
otto: {{jobs: 1}}
tasks:
  place: {{foreach: {{items: [{items}]}}, input: [in], output: [p.$item], bash: 'echo $OTTO_FOREACH_INDEX > p.$item'}}
  other: {{foreach: {{items: [{items}]}}, input: [in], output: [o.$item], bash: 'echo > o.$item'}}
"
        )
    };
    let project = Project::new(&file("a"));
    project.write("in", "");
    project.run("place other").ok();
    project.write("otto.yml", &file("b, a"));
    assert_eq!(
        project.run("place other").outcomes(),
        "other:a: fresh, other:b: ok, place:a: ok, place:b: ok"
    );
    assert_eq!(project.read("p.a"), "1\n");
}

#[test]
fn one_of_many_outputs_that_is_gone_is_made_again() {
    let project = Project::new(
        "tasks: {t: {input: [in], output: ['made/*.txt'], bash: mkdir -p made; touch made/1.txt made/2.txt; echo ran}}",
    );
    project.write("in", "");
    assert_eq!((project.run("t").ok(), project.run("t").ok()), ("ran\n", ""));
    std::fs::remove_file(project.path("made/2.txt")).expect("removed");
    assert_eq!((project.run("t").ok(), project.run("t").ok()), ("ran\n", ""));
    project.write("made/of-somebody-else.txt", "");
    assert_eq!(project.run("t").ok(), "");
}

#[test]
fn an_input_that_matches_nothing_at_all_is_told_and_never_fresh() {
    let project =
        Project::new("tasks: {t: {input: ['scr/*.c', 'none/**'], output: [o], bash: touch o; echo ran}}");
    for _ in 0..2 {
        let ran = project.run("t");
        assert_eq!(ran.ok(), "ran\n");
        assert!(
            ran.stderr.contains("nothing matches the `input` of `t`, so `t` is never up to date"),
            "{}",
            ran.all()
        );
    }
    project.write("scr/main.c", "");
    assert_eq!((project.run("t").ok(), project.run("t").ok()), ("ran\n", ""));
}

#[test]
fn an_earlier_output_that_was_put_back_runs_it_again() {
    let project = built();
    std::fs::rename(project.path("out/x"), project.path("kept")).expect("kept");
    project.write("src/a", "123456");
    assert_eq!(project.run("build").ok(), "built\n");
    std::fs::rename(project.path("kept"), project.path("out/x")).expect("put back");
    assert_eq!((project.run("build").ok(), project.run("build").ok()), ("built\n", ""));
    assert_eq!(project.read("out/x"), "123456");
}

#[test]
fn with_v_it_is_said_why_it_runs_again() {
    let project = built();
    let why = |words: &str| {
        let ran = project.run(&format!("-v {words}"));
        let line = ran.stderr.lines().find(|line| line.contains("stale")).unwrap_or_default();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(why("build"), "");
    assert_eq!(why("build --force"), "stale build fresh or not");
    assert_eq!(why("build --mode release"), "stale build its parameter `mode` changed");
    assert_eq!(why("source --value two build --mode release"), "stale build the values of `source` changed");
    project.write("src/b", "6");
    assert_eq!(why("source --value two build --mode release"), "stale build `src/b` is new");
    std::fs::remove_file(project.path("out/x")).expect("removed");
    assert_eq!(why("source --value two build --mode release"), "stale build its output `out/x` is missing");
}

#[test]
fn a_task_that_failed_is_never_fresh() {
    let project =
        Project::new("tasks: {t: {input: [in], output: [out], bash: 'touch out; echo try; exit 1'}}");
    project.write("in", "");
    for _ in 0..2 {
        let ran = project.run("t");
        assert_eq!((ran.status, ran.stdout.as_str()), (1, "try\n"));
    }
}

/// What a run that did not succeed left behind is not what the success before it made.
#[test]
fn a_success_counts_no_more_once_the_task_has_begun_again() {
    let project = Project::new(
        "
tasks:
  t:
    input: [in]
    output: [out]
    bash: |
      cat in > out 2>/dev/null || echo none > out
      case $(cat out) in
        fail) exit 1 ;;
        kill) until [ -s otto ]; do sleep 0.01; done; kill -9 $(cat otto); sleep 60 ;;
      esac
",
    );
    let run = || project.shell("rm -f otto; otto t & echo $! > otto; wait $!");
    let with = |content: &str| {
        project.write("in", content);
        (run().outcomes(), project.read("out"))
    };
    let made = ("t: ok".to_owned(), "good".to_owned());
    assert_eq!(with("good"), made);
    assert_eq!((with("fail").1.as_str(), with("good")), ("fail", made.clone()), "it failed");
    assert_eq!((with("kill").1.as_str(), with("good")), ("kill", made.clone()), "otto was killed");
    std::fs::remove_file(project.path("in")).expect("removed");
    run();
    assert_eq!((project.read("out").as_str(), with("good")), ("none\n", made), "the input was not there");
    assert_eq!(with("good").0, "t: fresh");
}

#[test]
fn only_inputs_or_only_outputs_always_run() {
    let project = Project::new(
        "tasks: {in: {input: [a], bash: echo ran}, out: {output: [b], bash: 'touch b; echo ran'}}",
    );
    project.write("a", "");
    for task in ["in", "in", "out", "out"] {
        assert_eq!(project.run(task).ok(), "ran\n", "{task}");
    }
}

#[test]
fn what_depends_on_a_task_that_ran_runs_by_its_own_files() {
    let project = Project::new(
        "otto: {jobs: 1}\ntasks: {a: {input: [s], output: [m], bash: 'cp s m; echo A'}, b: {before: [a], input: [m], output: [o], bash: 'cp m o; echo B'}}",
    );
    project.write("s", "1");
    assert_eq!(project.run("b").ok(), "A\nB\n");
    assert_eq!(project.run("b").ok(), "");
    project.write("s", "22");
    assert_eq!(project.run("b").ok(), "A\nB\n");
    assert_eq!(project.read("o"), "22");
}

#[test]
fn a_dry_run_leaves_freshness_as_it_was() {
    let project = built();
    project.write("src/a", "123456");
    project.run("--dry-run build").ok();
    assert_eq!(project.run("build").ok(), "built\n");
}

#[test]
fn a_subfolder_makes_no_difference() {
    let project = built();
    assert_eq!(project.run("-C src build").ok(), "");
}

#[test]
fn a_folder_named_as_input_is_what_is_in_it() {
    let project = Project::new("tasks: {t: {input: [src/, 'a b'], output: [o], bash: touch o; echo ran}}");
    project.write("src/deep/file", "1");
    project.write("a b/file", "1");
    assert_eq!((project.run("t").ok(), project.run("t").ok()), ("ran\n", ""));
    for file in ["src/deep/file", "src/new", "a b/file", "src/.env", "src/.config/file"] {
        project.write(file, "2");
        assert_eq!((project.run("t").ok(), project.run("t").ok()), ("ran\n", ""), "{file}");
    }
    project.write("src/.git/index", "1");
    assert_eq!(project.run("t").ok(), "");
}

#[test]
fn an_input_that_is_not_there_is_told_and_never_fresh() {
    let project =
        Project::new("tasks: {t: {input: [scr/main.c, 'none/*'], output: [o], bash: touch o; echo ran}}");
    for _ in 0..2 {
        let ran = project.run("t");
        assert_eq!(ran.ok(), "ran\n");
        assert!(
            ran.stderr.contains("the input `scr/main.c` is missing, so `t` is never up to date"),
            "{}",
            ran.all()
        );
    }
    project.write("scr/main.c", "");
    assert_eq!((project.run("t").ok(), project.run("t").ok()), ("ran\n", ""));
}

#[test]
fn each_job_is_fresh_for_itself_whatever_its_file_is_called() {
    let project = Project::new(
        "otto: {jobs: 1}
tasks:
  each:
    foreach: {glob: 'src/*', as: file}
    input: [$file]
    output: ['out/$(basename \"$file\")', 'out/$OTTO_FOREACH_INDEX']
    bash: mkdir -p out; cp \"$file\" \"out/$(basename \"$file\")\"; cp \"$file\" out/$OTTO_FOREACH_INDEX; echo $file
",
    );
    project.write("src/a[1].c", "1");
    project.write("src/b {x}*.c", "2");
    assert_eq!(project.run("each").ok(), "src/a[1].c\nsrc/b {x}*.c\n");
    assert_eq!(project.run("each").ok(), "");
    project.write("src/a[1].c", "3");
    assert_eq!(project.run("each").ok(), "src/a[1].c\n");
}

/// Runs the task, changes something, and runs it twice more: it ran, ran again, and was fresh then.
#[track_caller]
fn notices(file: &str, files: &[(&str, &str)], change: impl FnOnce(&Project)) {
    let project = Project::new(file);
    for (path, content) in files {
        project.write(path, content);
    }
    assert_eq!((project.run("t").ok(), project.run("t").ok()), ("ran\n", ""), "before the change");
    change(&project);
    assert_eq!((project.run("t").ok(), project.run("t").ok()), ("ran\n", ""), "after the change");
}

#[test]
fn a_file_whose_name_is_a_glob_counts_as_itself() {
    let files = [("pages/[id].ts", "1"), ("pages/i.ts", "1")];
    let file = "tasks: {t: {input: ['pages/[id].ts'], output: ['o[u]t'], bash: 'touch \"o[u]t\"; echo ran'}}";
    notices(file, &files, |project| project.write("pages/[id].ts", "2"));
    notices(file, &files, |project| project.write("pages/i.ts", "2"));
    notices(file, &files, |project| std::fs::remove_file(project.path("o[u]t")).expect("removed"));
}

#[test]
fn a_folder_among_the_outputs_stands_for_its_files() {
    for output in ["dist", "dist/", "di*", "dist/*", "{dist,dist}", "dist/**"] {
        let file = format!(
            "tasks: {{t: {{input: [in], output: ['{output}'], bash: 'mkdir -p dist/d; touch dist/a dist/d/b; echo ran'}}}}"
        );
        let remove = |file: &'static str| {
            move |project: &Project| std::fs::remove_file(project.path(file)).expect("removed")
        };
        notices(&file, &[("in", "")], remove("dist/a"));
        notices(&file, &[("in", "")], remove("dist/d/b"));
        notices(&file, &[("in", "")], |project| {
            std::fs::remove_dir_all(project.path("dist")).expect("removed")
        });
        // Another file in its place is not what the task made.
        notices(&file, &[("in", "")], |project| {
            std::fs::rename(project.path("dist/a"), project.path("dist/z")).expect("renamed");
        });
    }
}

#[test]
fn files_behind_links_count() {
    let project = Project::new("tasks: {t: {input: [src, 'glob/**'], output: [o], bash: touch o; echo ran}}");
    for file in ["lib/x", "far/y", "src/a", "glob/b", "one", "two"] {
        project.write(file, "1");
    }
    project.shell("ln -s ../lib src/lib; ln -s ../far glob/far; ln -s ../one src/one; ln -s nowhere src/none; ln -s . src/loop");
    let ran = |why: &str| assert_eq!((project.run("t").ok(), project.run("t").ok()), ("ran\n", ""), "{why}");
    ran("first");
    for file in ["lib/x", "lib/new", "far/y", "far/deep/new", "one", "src/nowhere"] {
        project.write(file, "2");
        ran(file);
    }
    project.write("elsewhere", "3");
    project.shell("ln -sfn ../elsewhere src/one");
    ran("a link to a file leads elsewhere");
    project.shell("ln -sfn ../src src/lib");
    ran("a link to a folder leads elsewhere");
}

#[test]
fn what_is_left_out_does_not_count_and_all_else_does() {
    let project = Project::new(
        "tasks: {t: {input: [src, '!src/gen/**', 'src/gen/keep'], output: [o], bash: touch o; echo ran}}",
    );
    for file in ["src/a", "src/gen/g", "src/gen/keep"] {
        project.write(file, "1");
    }
    assert_eq!((project.run("t").ok(), project.run("t").ok()), ("ran\n", ""));
    project.write("src/gen/g", "2");
    assert_eq!(project.run("t").ok(), "");
    for file in ["src/a", "src/gen/keep", "src/general"] {
        project.write(file, "3");
        assert_eq!((project.run("t").ok(), project.run("t").ok()), ("ran\n", ""), "{file}");
    }
}

/// The warnings of a run.
fn warnings(ran: &crate::Ran) -> Vec<String> {
    let lines = ran.stderr.lines().filter_map(|line| line.split_once("warning: "));
    lines.map(|(_, text)| text.to_owned()).collect()
}

#[test]
fn a_pattern_without_a_match_is_a_warning_each_time() {
    let project = Project::new(
        "tasks: {t: {input: ['!src/x', 'src/**', 'cofnig/*.toml'], output: [o], bash: touch o; echo ran}}",
    );
    project.write("src/a", "");
    for stdout in ["ran\n", ""] {
        let ran = project.run("t");
        assert_eq!(ran.ok(), stdout);
        assert_eq!(
            warnings(&ran),
            [
                "t: `cofnig/*.toml` in `input` matches nothing",
                "t: `!src/x` in `input` excludes nothing: `!` applies to the patterns before it",
            ],
            "{}",
            ran.all()
        );
    }
}

#[test]
fn an_output_that_was_not_made_is_a_warning_each_time() {
    let project = Project::new(
        "
tasks:
  both: {input: [in], output: [dits/app, 'b*', made], bash: touch made; echo ran}
  alone: {output: [dits/app], bash: echo ran}
  each: {foreach: {items: [x]}, output: ['$item.o', '$item.d'], bash: touch $item.o; echo ran}
  fails: {output: [none], bash: exit 3}
",
    );
    project.write("in", "");
    for _ in 0..2 {
        let ran = project.run("both");
        assert_eq!(ran.ok(), "ran\n");
        assert_eq!(
            warnings(&ran),
            ["both: did not create its output `dits/app`", "both: did not create its output `b*`"]
        );
        assert_eq!(warnings(&project.run("alone")), ["alone: did not create its output `dits/app`"]);
        assert_eq!(warnings(&project.run("each")), ["each:x: did not create its output `x.d`"]);
        assert_eq!(warnings(&project.run("fails")), Vec::<String>::new());
    }
}

#[test]
fn what_cannot_be_read_is_never_fresh_and_told() {
    let project = Project::new("tasks: {t: {input: [src], output: [o], bash: touch o; echo ran}}");
    project.write("src/a", "");
    for (change, why) in [
        ("mkfifo src/pipe", "t: the input `src/pipe` is not a regular file, so `t` is never up to date"),
        (
            "rm src/pipe; mkdir src/closed; chmod 0 src/closed",
            "t: cannot read the folder `src/closed`: permission denied, so `t` is never up to date",
        ),
        (
            "chmod 700 src/closed; echo > src/b; chmod 0 src/b",
            "t: cannot read the input `src/b`: permission denied, so `t` is never up to date",
        ),
    ] {
        project.shell(change);
        // Nothing is closed to root.
        if change.contains("chmod 0") && rustix::process::geteuid().is_root() {
            continue;
        }
        for _ in 0..2 {
            let ran = project.run("t");
            assert_eq!(ran.ok(), "ran\n");
            assert_eq!(warnings(&ran), [why], "{}", ran.all());
        }
    }
}

#[test]
fn a_foreach_over_a_name_that_exists_is_that_name() {
    let project = Project::new("tasks: {t: {foreach: {glob: 'pages/[id].ts'}, bash: 'echo \"$item\"'}}");
    project.write("pages/[id].ts", "");
    project.write("pages/i.ts", "");
    assert_eq!(project.run("t").ok(), "pages/[id].ts\n");
}

/// The run goes on while a file is read that is far too large to be read within the test: other tasks start and end, and
/// a signal is answered. A task that is only looked at has not begun.
#[test]
fn nothing_waits_for_a_large_input_to_be_read() {
    let project = Project::new(
        "
otto: {jobs: 3}
tasks:
  large: {input: [large], output: [out], bash: touch out}
  after: {before: [large], bash: echo no}
  tidy: {before: [{task: large, when: always}], bash: echo tidied}
  first: {bash: echo first}
  second: {before: [first], bash: 'echo second; until [ -s otto ]; do sleep 0.01; done; kill -TERM $(cat otto); sleep 60'}
",
    );
    let large = std::fs::File::create(project.path("large")).expect("made");
    large.set_len(1 << 40).expect("a file with nothing in it");
    let ran = project.shell("otto large after tidy second & echo $! > otto; wait $!");
    assert_eq!(
        (ran.status, ran.stdout.as_str()),
        (143, "  first │ first\n second │ second\n"),
        "{}",
        ran.all()
    );
    assert_eq!(ran.outcomes(), "first: ok, second: INT");
    assert!(ran.stderr.contains("5 tasks in TIME: 1 ok, 1 interrupted, 3 not started"), "{}", ran.all());
}

#[test]
fn a_record_that_became_a_link_to_nothing_makes_the_task_run_again() {
    let project = Project::new(
        "tasks:
  build: {input: [in], output: [out], bash: 'cp in out; OUTPUT[tag]=v1'}
  test: {needs: [build], bash: 'echo \"${INPUT[build.tag]}\"'}
",
    );
    project.write("in", "1");
    assert_eq!(project.run("test").ok(), "v1\n");
    let record = project.task("build").join("output.build.json");
    std::fs::remove_file(&record).expect("there");
    std::os::unix::fs::symlink("nowhere", &record).expect("a link");
    let ran = project.run("test");
    assert_eq!(ran.ok(), "v1\n", "{}", ran.all());
    assert!(!ran.stderr.contains("fresh"), "{}", ran.all());
}

#[test]
fn a_dry_run_marks_what_is_up_to_date_without_running_anything() {
    let project = Project::new(
        "otto: {jobs: 1}
tasks:
  gen: {input: [src], output: [gen.txt], bash: 'cp src gen.txt; OUTPUT[n]=$(wc -c < src | tr -d \" \")'}
  each: {needs: [gen], foreach: {items: [a, b]}, input: [gen.txt], output: ['$item.txt'], bash: 'echo \"${INPUT[gen.n]}\" > $item.txt'}
  all: {needs: [each]}
  stamp: {bash: 'OUTPUT[t]=1'}
  pack: {needs: [all, stamp], input: ['*.txt'], output: [pack], bash: 'echo > pack'}
",
    );
    project.write("src", "123");
    project.run("pack").ok();
    assert_snapshot!(project.run("-n pack").all(), @"
    ── stdout
      1  gen  up to date  (otto.yml:3)
      2  each:a  after gen  up to date  (otto.yml:4)
      3  each:b  after gen  up to date  (otto.yml:4)
      4  stamp  (otto.yml:6)
      5  pack  after all, stamp  (otto.yml:7)
    ── stderr
    dry run: 2 tasks would run; 3 are up to date; nothing was started
    ── exit 0
    ");
    assert_snapshot!(project.run("-n --force all").all(), @"
    ── stdout
      1  gen  (otto.yml:3)
      2  each:a  after gen  (otto.yml:4)
      3  each:b  after gen  (otto.yml:4)
    ── stderr
    dry run: 3 tasks would run; nothing was started
    ── exit 0
    ");
    project.write("src", "1234");
    assert_snapshot!(project.run("-n all").all(), @"
    ── stdout
      1  gen  (otto.yml:3)
      2  each:a  after gen  (otto.yml:4)
      3  each:b  after gen  (otto.yml:4)
    ── stderr
    dry run: 3 tasks would run; nothing was started
    ── exit 0
    ");
    project.run("all").ok();
    std::fs::remove_file(project.path("b.txt")).expect("removed");
    let plan: serde_json::Value = serde_json::from_str(project.run("-n all --json").ok()).expect("JSON");
    let fresh = plan["tasks"].as_array().expect("a list").iter().filter(|task| task["fresh"] == true);
    assert_eq!(fresh.map(|task| task["name"].as_str().unwrap_or("")).collect::<Vec<_>>(), ["gen", "each:a"]);
}

/// Files that values lead to by their contract count by what is in them: for the task that made them, and for those that
/// read the values.
#[test]
fn declared_files_count_by_their_content() {
    let project = Project::new(
        r#"
tasks:
  build:
    input: [source]
    output: [stamp]
    outputs: {report: file, parts: dir, more: "list[file]", note: str, empty: dir?}
    bash: |
      mkdir -p 'parts [x]' none; OUTPUT[empty]=none; cp source 'parts [x]/one'; cp source report.txt; touch stamp extra
      OUTPUT[report]=report.txt; OUTPUT[parts]='parts [x]'; otto.set --list more extra; OUTPUT[note]=same
  use:
    needs: [build]
    input: [app]
    output: [used]
    bash: cat "${INPUT[build.report]}" > used
"#,
    );
    project.write("source", "1");
    project.write("app", "a");
    let outcomes = || project.run("use").outcomes();
    let why = || {
        let said = project.run("-v use").stderr;
        let stale = said.lines().filter(|line| line.trim_start().starts_with("stale"));
        stale.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(outcomes(), "build: ok, use: ok");
    assert_eq!([outcomes(), outcomes()], ["build: fresh, use: fresh", "build: fresh, use: fresh"]);
    project.write("report.txt", "by somebody else");
    assert_eq!(why(), "stale build `report.txt` changed");
    assert_eq!(outcomes(), "build: fresh, use: fresh");
    project.write("parts [x]/two", "new");
    // It is no part of what was made, and stays.
    assert_eq!(why(), "stale build `parts [x]/two` is new\nstale use `parts [x]/two` is new");
    assert_eq!(outcomes(), "build: fresh, use: fresh");
    std::fs::remove_file(project.path("extra")).expect("removed");
    assert_eq!(why(), "stale build `extra` is missing");
    project.write("source", "2");
    assert_eq!(why(), "stale build `source` changed\nstale use `parts [x]/one` changed");
    assert_eq!((project.read("used").as_str(), outcomes().as_str()), ("2", "build: fresh, use: fresh"));
    project.write("none/any", "");
    assert_eq!(why(), "stale build `none/any` is new\nstale use `none/any` is new");
    // What only looks finds the same.
    project.write("report.txt", "x");
    assert!(
        project.run("-n use").stdout.lines().all(|line| !line.contains("up to date")),
        "{}",
        project.run("-n use").all()
    );
}

/// Of tasks that look at the same file one after the other, the first reads it. What a task changes in between is read again.
#[test]
fn a_file_that_many_tasks_look_at_is_read_once_and_again_after_a_change() {
    let project = Project::new(
        r#"
tasks:
  make:
    outputs: {parts: dir}
    # What was changed just now may change again without a trace, so it would be read again.
    bash: sleep 0.1; OUTPUT[parts]=parts
  first: {needs: [make], input: [app], output: [first], bash: 'cat "${INPUT[make.parts]}/one" > first'}
  second: {needs: [make, first], input: [app], output: [second], bash: 'cat "${INPUT[make.parts]}/one" > second'}
  change: {needs: [second], bash: printf 2 > parts/one}
  last: {needs: [make, change], input: [app], output: [last], bash: 'cat "${INPUT[make.parts]}/one" > last'}
"#,
    );
    project.write("app", "a");
    project.write("parts/one", "1");
    project.run("last").ok();
    assert_eq!(["first", "second", "last"].map(|name| project.read(name)), ["1", "1", "2"]);
    // The same content, which only its hash can tell.
    project.write("parts/one", "2");
    assert_eq!(project.run("last").outcomes(), "change: ok, first: ok, last: fresh, make: ok, second: ok");
    project.write("parts/one", "3");
    let strace =
        "strace -f -qq -e trace=openat -o trace otto -q second && grep -c '\"[^\"]*/parts/one\"' trace";
    let has_strace = std::process::Command::new("strace").args(["-qq", "true"]).output();
    if has_strace.is_ok_and(|ran| ran.status.success()) {
        assert_eq!(project.shell(strace).stdout, "1\n");
    }
}

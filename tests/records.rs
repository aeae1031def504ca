//! What otto promises about its records, asked of the binary: reruns, runs that are killed, many runs at once, who may read
//! what, and what is never written down.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const OTTO: &str = env!("CARGO_BIN_EXE_otto");

struct Project {
    root: tempfile::TempDir,
}

struct Said {
    out: String,
    err: String,
    code: Option<i32>,
}

impl Project {
    fn new(ottofile: &str) -> Project {
        let project = Project { root: tempfile::tempdir().expect("a folder") };
        fs::create_dir(project.folder()).expect("made");
        project.write(ottofile);
        project
    }

    fn folder(&self) -> PathBuf {
        self.root.path().canonicalize().expect("there").join("shop")
    }

    fn home(&self) -> PathBuf {
        self.root.path().canonicalize().expect("there").join("home")
    }

    fn write(&self, ottofile: &str) {
        fs::write(self.folder().join("otto.yml"), ottofile).expect("written");
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(OTTO);
        command
            .args(line.split_whitespace())
            .current_dir(self.folder())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.root.path())
            .env("OTTO_HOME", self.home())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn otto(&self, line: &str) -> Said {
        said(self.command(line).output().expect("otto starts"))
    }

    /// As [`Project::otto`], and it must have gone well.
    fn well(&self, line: &str) -> Said {
        let said = self.otto(line);
        assert_eq!(said.code, Some(0), "otto {line}\n{}{}", said.out, said.err);
        said
    }

    fn json(&self, line: &str) -> serde_json::Value {
        serde_json::from_str(&self.well(line).out).expect("JSON")
    }

    /// The folders of runs, oldest first.
    fn runs(&self) -> Vec<PathBuf> {
        let Ok(projects) = fs::read_dir(self.home()) else { return Vec::new() };
        let mut runs: Vec<PathBuf> = projects
            .filter_map(|entry| fs::read_dir(entry.expect("read").path()).ok())
            .flatten()
            .map(|entry| entry.expect("read").path())
            .filter(|path| !path.is_symlink() && path.join("run.json").is_file())
            // One that never appeared under its own name was never a run.
            .filter(|path| path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.')))
            .collect();
        runs.sort();
        runs
    }
}

fn said(output: Output) -> Said {
    Said {
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
        code: output.status.code(),
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::yield_now();
    }
}

const SHOP: &str = r#"
tasks:
  fetch:
    bash: OUTPUT[tag]=v1
  build:
    before: [fetch]
    params:
      --env: {default: dev}
      --api-token: {}
    bash: |
      OUTPUT[version]="1.2-${INPUT[fetch.tag]}-$env"
      echo "token ${api_token-none}" > token.txt
  test:
    before: [build]
    bash: |
      OUTPUT[seen]="${INPUT[build.version]}"
      [ -e fixed ]
  pack:
    before: [test]
    bash: OUTPUT[tar]="pack of ${INPUT[test.seen]}"
  tidy:
    before: [{task: test, when: failure}]
    bash: echo tidy
"#;

// ── reruns ───────────────────────────────────────────────────────────────────────────────────────────────────

fn results(project: &Project) -> String {
    let jobs = project.json("Show --json")["jobs"].clone();
    let jobs = jobs.as_array().expect("a list").iter();
    let told = jobs.map(|job| {
        format!("{} {}", job["name"].as_str().expect("text"), job["outcome"].as_str().expect("text"))
    });
    told.collect::<Vec<_>>().join(", ")
}

#[test]
fn a_rerun_runs_what_was_left_undone_with_the_data_of_then() {
    let project = Project::new(SHOP);
    let first = project.otto("pack tidy build --env prod");
    assert_eq!(first.code, Some(1), "{}", first.err);
    assert_eq!(
        results(&project),
        "fetch succeeded, build succeeded, test failed, pack skipped, tidy succeeded"
    );
    fs::write(project.folder().join("fixed"), "").expect("written");
    let again = project.well("Rerun");
    assert!(again.err.contains(": test, pack\n"), "{}", again.err);
    assert_eq!(results(&project), "test succeeded, pack succeeded");
    assert_eq!(project.well("Data pack.tar").out, "pack of 1.2-v1-prod\n");

    let runs = project.runs();
    let link = fs::read_link(runs[1].join("tasks/test/input.build.json")).expect("a link");
    let name = runs[0].file_name().expect("named").to_string_lossy().into_owned();
    assert_eq!(link, Path::new(&format!("../../../{name}/tasks/build/output.build.json")));
    let list = project.json("History --json");
    assert_eq!(list[0]["origin"], name.as_str());
    assert!(project.well("History").out.contains(" └"));
    let why = project.well("Data why pack.tar").out;
    assert!(
        why.contains("fetch.tag = \"v1\"") && why.contains(&format!("in run {}", &name[23..27])),
        "{why}"
    );

    // Nothing is left to do, and that is no error.
    assert!(project.well("Rerun").err.contains("nothing to rerun"));
    // The data of a run that another one stands on stays.
    project.well("Clean --keep-days 0 --keep-failed 0 --keep-last 1");
    assert_eq!(project.runs().len(), 2);
}

#[test]
fn a_rerun_of_a_rerun_finds_the_data_of_the_first() {
    let project = Project::new(SHOP);
    project.otto("pack");
    assert_eq!(project.otto("Rerun").code, Some(1));
    fs::write(project.folder().join("fixed"), "").expect("written");
    project.well("Rerun");
    assert_eq!(project.well("Data pack.tar").out, "pack of 1.2-v1-dev\n");
    assert_eq!(results(&project), "test succeeded, pack succeeded");
}

#[test]
fn values_and_parameters_can_be_changed_for_a_rerun() {
    let project = Project::new(SHOP);
    fs::write(project.folder().join("fixed"), "").expect("written");
    project.well("pack build --env prod --api-token s3cret");
    assert_eq!(fs::read_to_string(project.folder().join("token.txt")).expect("there"), "token s3cret\n");
    project.well("Rerun latest test --set build.version=by_hand");
    assert_eq!(project.well("Data test.seen").out, "by_hand\n");
    assert_eq!(results(&project), "test succeeded");
    project.well("Rerun -2 test --set-json build.version=[1,2]");
    assert_eq!(project.well("Data test.seen").out, "[1,2]\n");

    // A secret is not recorded, so it has to be given again.
    let refused = project.otto("Rerun -3 build");
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("--param build.api_token=VALUE"), "{}", refused.err);
    project.well("Rerun -3 build --param api-token=other --param build.env=stage");
    assert_eq!(project.well("Data build.version").out, "1.2-v1-stage\n");
    assert_eq!(fs::read_to_string(project.folder().join("token.txt")).expect("there"), "token other\n");
    let recorded = fs::read_to_string(project.runs()[3].join("run.json")).expect("there");
    assert!(recorded.contains("api-token=***") && !recorded.contains("other"), "{recorded}");
    assert!(recorded.contains("build.env=stage"), "{recorded}");

    let wrong = project.otto("Rerun -1 build --param api-token=x --set pack.x=1 --set-json fetch.tag={");
    assert_eq!(wrong.code, Some(2));
    assert!(
        wrong.err.contains("none of the tasks to rerun reads `pack.x`")
            && wrong.err.contains("is not valid JSON"),
        "{}",
        wrong.err
    );
}

#[test]
fn what_is_set_replaces_what_is_there_and_a_key_that_is_not_is_told() {
    let project = Project::new(
        "
tasks:
  a:
    python: |
      OUTPUT['meta'] = {'name': 'x', 'sizes': [1, 2]}
      OUTPUT['version'] = '1'
  b:
    before: [a]
    python: |
      OUTPUT['meta'] = INPUT['a']['meta']
      OUTPUT['keys'] = sorted(INPUT['a'])
",
    );
    project.well("b");
    let inside = project.well("Rerun -1 b --set a.meta.name=y --set-json a.meta.sizes.1={\"w\":7}");
    assert!(!inside.err.contains("warning"), "{}", inside.err);
    assert_eq!(
        project.json("Data b --json"),
        serde_json::json!({"meta": {"name": "y", "sizes": [1, {"w": 7}]}, "keys": ["meta", "version"]})
    );
    let typo = project.well("Rerun -2 b --set a.verison=2 --set a.verison=3");
    let warning = "warning: `a` did not set `verison`; it is added; did you mean `version`?\n";
    assert_eq!(typo.err.matches("warning").count(), 1, "{}", typo.err);
    assert!(typo.err.contains(warning), "{}", typo.err);
    assert_eq!(project.json("Data b.keys --json"), serde_json::json!(["meta", "verison", "version"]));
    let nothing = project.otto("Rerun -3 b --set a.=2");
    assert_eq!(nothing.code, Some(2), "{}", nothing.err);
    assert!(
        nothing.err.contains("invalid value `a.=2` for `--set`\nhelp: write `--set TASK.KEY=VALUE`"),
        "{}",
        nothing.err
    );
    let no_run = project.otto("Rerun b");
    assert_eq!(
        no_run.err,
        "error[E0801]: `b` is too short to identify the run\n\
         help: give at least 4 characters of its ID, or `latest`, `latest-failed` or `-1`; `otto History` lists the runs\n\
         otto: 1 error. For details: `otto Explain E0801`\n"
    );
}

#[test]
fn a_dependency_that_the_ottofile_came_to_have_since_is_run_too() {
    let project =
        Project::new("tasks: {a: {bash: 'OUTPUT[k]=1'}, b: {before: [a], bash: 'n=n; echo ${INPUT[$n.k]}'}}");
    assert_eq!(project.otto("b").code, Some(1));
    project.write(
        "
tasks:
  a: {bash: 'OUTPUT[k]=1'}
  deep: {bash: 'OUTPUT[k]=deep'}
  n: {before: [deep], foreach: {items: [x]}, bash: 'OUTPUT[k]=${INPUT[deep.k]}'}
  b: {before: [a, n], bash: 'a=a x=n:x; OUTPUT[seen]=\"${INPUT[$a.k]} ${INPUT[$x.k]}\"'}
",
    );
    project.well("Rerun latest");
    assert_eq!(results(&project), "deep succeeded, n:x succeeded, b succeeded");
    assert_eq!(project.well("Data b.seen").out, "1 deep\n");
    // Just those that are named; and what is given need not be made.
    project.well("Rerun -2 --set n:x.k=given");
    assert_eq!(results(&project), "b succeeded");
    assert_eq!(project.well("Data b.seen").out, "1 given\n");
    let named = project.otto("Rerun -3 b");
    assert_eq!(named.code, Some(1));
    let told: Vec<&str> = named.err.lines().filter(|line| line.contains("n:x")).collect();
    assert_eq!(
        told[0],
        format!("warning: `n:x` did not exist in run {}, so it has no values", id(&project, 0))
    );
    assert!(named.err.contains("error[E0704]: unknown input `$x.k`"), "{}", named.err);

    // A run that is gone says no more about whether it had the task.
    let origin = project.runs()[0].clone();
    let short = id(&project, 0);
    let kept = origin.with_file_name("kept");
    fs::rename(&origin, &kept).expect("ours");
    let removed = project.otto("Rerun -1");
    assert_eq!(removed.code, Some(1), "{}", removed.err);
    let warning = format!("warning: `n:x` comes from run {short}, which was removed, so it has no values");
    assert!(removed.err.contains(&warning), "{}", removed.err);
    fs::rename(&kept, &origin).expect("ours");

    project.write("tasks: {b: {params: {--who: {required: true}}, bash: 'echo $who'}}");
    let asked = project.otto("Rerun -5");
    assert!(asked.err.contains("help: `--param TASK.NAME=VALUE` supplies a value\n"), "{}", asked.err);
    project.well("Rerun -5 --param b.who=me");
}

#[test]
fn what_the_ottofile_has_no_more_is_left_out_unless_it_was_named() {
    let project = Project::new(
        "
tasks:
  a: {bash: 'OUTPUT[k]=1'}
  b: {before: [a], bash: 'exit 3'}
  c: {before: [b], bash: 'echo c'}
  each: {foreach: {glob: '*.txt', as: file}, bash: 'exit 3'}
  made: {foreach: {command: 'ls *.txt', as: file}, bash: 'exit 3'}
",
    );
    for file in ["x.txt", "y.txt"] {
        fs::write(project.folder().join(file), "").expect("written");
    }
    project.otto("c each made");
    project.write(
        "
tasks:
  a: {bash: 'OUTPUT[k]=2'}
  bb: {before: [a], bash: 'OUTPUT[k]=${INPUT[a.k]}'}
  c: {before: [bb], bash: 'OUTPUT[k]=${INPUT[bb.k]}'}
  each: {foreach: {glob: '*.txt', as: file}, bash: ':'}
  made: {foreach: {command: 'ls *.txt', as: file}, bash: ':'}
",
    );
    fs::remove_file(project.folder().join("x.txt")).expect("ours");
    let dry = project.well("Rerun latest -n");
    assert_eq!(
        dry.out,
        "  1  bb  (otto.yml:4)\n  2  c  after bb  (otto.yml:5)\n  3  each:y.txt  (otto.yml:6)\n"
    );
    let warnings = |said: &Said| {
        let lines = said.err.lines().filter(|line| line.starts_with("warning: "));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    assert_eq!(
        warnings(&dry),
        "warning: the items of `made:x.txt` come from a command, which a dry run does not run\n\
         warning: the items of `made:y.txt` come from a command, which a dry run does not run\n\
         warning: `b` is no longer a task of otto.yml; skipped\n\
         warning: `each:x.txt` is no longer a task of otto.yml; skipped\n"
    );
    let again = project.well("Rerun latest");
    assert_eq!(
        warnings(&again),
        "warning: `b` is no longer a task of otto.yml; skipped\n\
         warning: `each:x.txt` is no longer a task of otto.yml; skipped\n\
         warning: `made:x.txt` is no longer a task of otto.yml; skipped\n"
    );
    assert_eq!(results(&project), "bb succeeded, c succeeded, each:y.txt succeeded, made:y.txt succeeded");
    assert_eq!(project.well("Data c.k").out, "1\n");
    let named = project.otto("Rerun -2 each");
    assert_eq!(
        named.err,
        "error[E0806]: `each:x.txt` is no longer a task of otto.yml\n  \
         = note: foreach items come from files or a command as they are now\n\
         otto: 1 error. For details: `otto Explain E0806`\n"
    );
}

/// The short id of a run, counted from the oldest.
fn id(project: &Project, place: usize) -> String {
    project.runs()[place].file_name().expect("named").to_string_lossy()[23..27].to_owned()
}

const PIPELINE: &str = r#"
tasks:
  fetch:
    bash: |
      echo run >> fetch.runs
      OUTPUT[tag]="v$(wc -l < fetch.runs)"
      OUTPUT[size]=10
  build:
    before: [fetch]
    python: |
      open("build.runs", "a").write("run\n")
      OUTPUT["version"] = "1.2-" + INPUT["fetch.tag"]
      OUTPUT["parts"] = [{"name": "a", "weight": 1.10}, None]
  test:
    before: [build]
    bash: |
      OUTPUT[seen]="${INPUT[build.version]}"
      false # mended later
  pack:
    before: [test, fetch]
    python: OUTPUT["tar"] = f"{INPUT['test.seen']} {INPUT['fetch.tag']}"
  ship:
    before: [pack]
    bash: OUTPUT[to]="shelf of ${INPUT[pack.tar]}"
"#;

#[test]
fn a_pipeline_that_failed_goes_on_after_its_ottofile_is_mended() {
    let project = Project::new(PIPELINE);
    assert_eq!(project.otto("ship").code, Some(1));
    assert_eq!(
        results(&project),
        "fetch succeeded, build succeeded, test failed, pack skipped, ship skipped"
    );
    let mended = PIPELINE.replace("false # mended later", "true");
    // What the first two would do today is of no matter.
    project.write(&mended.replace("OUTPUT[size]=10", "exit 9").replace("\"1.2-\"", "\"9.9-\""));
    let again = project.well("Rerun latest");
    assert!(again.err.contains(": test, pack, ship\n"), "{}", again.err);
    assert_eq!(results(&project), "test succeeded, pack succeeded, ship succeeded");
    assert_eq!(project.well("Data ship.to").out, "shelf of 1.2-v1 v1\n");
    for task in ["fetch", "build"] {
        let runs = fs::read_to_string(project.folder().join(format!("{task}.runs"))).expect("there");
        assert_eq!(runs, "run\n", "{task} ran once, in the first run");
    }
    let seen = project.json("Show latest test --json")["inputs"]["build"].clone();
    assert_eq!(seen["parts"], serde_json::json!([{"name": "a", "weight": 1.1}, null]));

    // One value replaced, the others as they were.
    project.well("Rerun -2 --set fetch.tag=v77");
    assert_eq!(project.well("Data ship.to").out, "shelf of 1.2-v1 v77\n");
    project.well("Rerun -3 --from pack --set test.seen=by_hand");
    assert_eq!(results(&project), "pack succeeded, ship succeeded");
    assert_eq!(project.well("Data ship.to").out, "shelf of by_hand v1\n");

    // A rerun stands on what it repeats, so only what it did itself is a difference.
    let diff = project.json("Data diff -4 -3 --json");
    let differing: Vec<String> = diff
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| format!("{}.{}", one["task"].as_str().expect("text"), one["key"].as_str().expect("text")))
        .collect();
    assert_eq!(differing, ["test.seen", "pack.tar", "ship.to"]);
    let set = project.json("Data diff -3 -2 --json");
    assert_eq!(set[0], serde_json::json!({"task": "fetch", "key": "tag", "from": "v1", "to": "v77"}));
    let other = project.otto("Data build.version");
    assert!(other.err.contains("it is a partial rerun of run"), "{}", other.err);
}

#[test]
fn what_a_task_recorded_before_it_failed_is_for_those_who_asked_for_the_failure() {
    let project = Project::new(
        "
tasks:
  test: {retries: 1, bash: 'echo try >> tries; OUTPUT[why]=broken_$(wc -l < tries); false'}
  tidy:
    before: [{task: test, when: failure}]
    bash: OUTPUT[seen]=\"$(cat $OTTO_TASK_DIR/input.test.json | tr -d '[:space:]') ${INPUT[test.why]}\"
  pack: {before: [test], bash: 'OUTPUT[seen]=${INPUT[test.why]-nothing}'}
",
    );
    project.otto("tidy pack");
    assert_eq!(results(&project), "test failed, tidy succeeded, pack skipped");
    let seen = "{\"why\":\"broken_2\"} broken_2\n";
    assert_eq!(project.well("Data tidy.seen").out, seen);
    assert_eq!(project.json("Show latest tidy --json")["inputs"]["test"]["why"], "broken_2");
    assert!(project.well("Data why tidy.seen").out.contains("test.why = \"broken_2\""));
    project.well("Rerun latest tidy");
    assert_eq!(project.well("Data tidy.seen").out, seen);
    // Nobody else gets it.
    let pack = project.otto("Rerun -2 pack");
    assert!(pack.err.contains("`test` did not succeed"), "{}", pack.err);
    assert_eq!(project.well("Data pack.seen").out, "nothing\n");
}

#[test]
fn what_a_failed_task_handed_to_those_who_asked_for_it_is_known_and_given_again_and_again() {
    let project = Project::new(
        "
tasks:
  up:
    foreach: {items: [x, y], as: i}
    retries: 1
    bash: |
      echo try >> tries.$i; OUTPUT[stage]=$i$(wc -l < tries.$i); exit 3
  report: {before: [{task: up, when: failure}], bash: 'OUTPUT[saw]=\"${INPUT[up:x.stage]} ${INPUT[up:y.stage]}\"'}
  alone: {bash: 'OUTPUT[k]=lone; false', on-failure: [told]}
  told: {bash: 'OUTPUT[saw]=${INPUT[alone.k]}'}
  tidy: {before: [{task: alone, when: always}], bash: 'OUTPUT[saw]=${INPUT[alone.k]}'}
  unread: {bash: 'OUTPUT[k]=1; false'}
",
    );
    project.otto("report tidy unread");
    assert_eq!(project.well("Data up:x.stage").out, "x2\n");
    assert_eq!(project.well("Data alone.k").out, "lone\n");
    assert_eq!(project.json("Data up:y --json"), serde_json::json!({"stage": "y2"}));
    assert_eq!(
        project.well("Data").out,
        "up:x.stage = \"x2\"\nup:y.stage = \"y2\"\nreport.saw = \"x2 y2\"\nalone.k = \"lone\"\ntidy.saw = \"lone\"\ntold.saw = \"lone\"\n"
    );
    assert!(project.well("Data why up:x.stage").out.contains("up:x.stage = \"x2\""));
    let shown = project.well("Show latest up:x").out;
    assert!(shown.contains("attempt 2, which failed; passed on to `report`\n  stage = \"x2\""), "{shown}");
    assert!(shown.contains("attempt 1, which failed; not passed on\n  stage = \"x1\""), "{shown}");
    let unread = project.otto("Data unread.k");
    assert!(unread.err.contains("attempt 1 set it but failed, so no task received it"), "{}", unread.err);

    // Whose rerun is run again, and that one's.
    for _ in 0..3 {
        project.well("Rerun latest report");
        assert_eq!(project.well("Data report.saw").out, "x2 y2\n");
        assert_eq!(project.json("Show latest report --json")["inputs"]["up:x"]["stage"], "x2");
        assert_eq!(project.json("Data diff -2 -1 --json"), serde_json::json!([]));
    }
    project.well("Rerun latest report --set up:x.stage=by_hand");
    project.well("Rerun latest report");
    assert_eq!(project.well("Data report.saw").out, "by_hand y2\n");
    // What it was given last is what counts, whatever it was given before.
    project.otto("up:x report");
    assert_eq!(project.well("Data report.saw").out, "x4 y4\n");
    project.otto("Rerun latest --from up:x");
    project.well("Rerun latest report");
    assert_eq!(project.well("Data report.saw").out, "x6 y4\n");
}

#[test]
fn tasks_whose_names_differ_in_case_alone_have_folders_of_their_own_and_older_runs_stay_readable() {
    let project = Project::new(
        "tasks: {Build: {bash: 'OUTPUT[k]=1'}, build: {bash: 'OUTPUT[k]=2'}, all: {before: [Build, build], bash: 'OUTPUT[k]=${INPUT[Build.k]}${INPUT[build.k]}'}}",
    );
    project.well("all");
    assert_eq!(project.well("Data all.k").out, "12\n");
    let tasks = project.runs()[0].join("tasks");
    let mut names: Vec<String> = fs::read_dir(&tasks)
        .expect("there")
        .map(|entry| entry.expect("read").file_name().to_string_lossy().to_lowercase())
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 3, "{names:?}");
    // As it was named before.
    let mut folders = fs::read_dir(&tasks).expect("there").map(|entry| entry.expect("read").path());
    let now = folders.find(|path| path.to_string_lossy().contains("/Build")).expect("a folder");
    let name = now.file_name().expect("named").to_string_lossy().into_owned();
    fs::rename(now.join(format!("output.{name}.json")), now.join("output.Build.json")).expect("renamed");
    fs::rename(&now, tasks.join("Build")).expect("renamed");
    assert_eq!(project.well("Data Build.k").out, "1\n");
}

#[test]
fn parameters_of_tasks_that_are_not_run_again_are_of_no_matter() {
    let ottofile = "
tasks:
  a: {params: {--token: {choices: [x, y], required: true}, --api-key: {type: int}, --level: {choices: [lo, hi]}}, \
      bash: 'OUTPUT[k]=$token$level'}
  b: {before: [a], bash: 'OUTPUT[k]=${INPUT[a.k]}; [ -e fixed ]'}
";
    let project = Project::new(ottofile);
    assert_eq!(project.otto("b a --token x --api-key 7 --level lo").code, Some(1));
    fs::write(project.folder().join("fixed"), "").expect("written");
    project.well("Rerun -1 --recorded-script");
    project.write(&ottofile.replace("lo, hi", "low, high").replace("type: int", "required: true, type: int"));
    project.well("Rerun -2");
    assert_eq!(
        (results(&project), project.well("Data b.k").out),
        ("b succeeded".to_owned(), "xlo\n".to_owned())
    );
    // Of those that are run they are what was declared, as ever.
    let refused = project.otto("Rerun -3 a --param token=x --param api-key=seven");
    assert_eq!(refused.code, Some(2));
    for mistake in [
        "invalid value `seven` for `--api-key` of `a`",
        "`lo` is not one of the choices for `--level` of `a`",
        "help: `--param TASK.NAME=VALUE` supplies a value\n",
    ] {
        assert!(refused.err.contains(mistake), "{}", refused.err);
    }
}

#[test]
fn runs_are_found_by_a_task_without_a_body_too() {
    let project = Project::new("tasks: {a: {bash: ':'}, b: {bash: 'exit 3'}, ci: {before: [a, b]}}");
    project.otto("ci");
    project.well("a");
    let found = |line: &str| project.json(&format!("{line} --json")).as_array().expect("a list").len();
    assert_eq!((found("History ci"), found("History a"), found("History")), (1, 2, 2));
    assert_eq!((found("History ci --status failed"), found("History ci --status ok")), (1, 0));
    let none = project.otto("Logs -2 ci");
    let message = "has no script, so it has no log and no values\n  = note: it groups `a`, `b`\n";
    assert!(none.err.contains(message), "{}", none.err);
    let stats = project.json("Stats --json");
    let tasks: Vec<&str> =
        stats.as_array().expect("a list").iter().filter_map(|one| one["task"].as_str()).collect();
    assert_eq!(tasks, ["a", "b"]);
}

#[test]
fn runs_and_keys_are_completed() {
    let project = Project::new("tasks: {a: {bash: 'OUTPUT[k]=1'}, b: {bash: ':'}}");
    project.well("a");
    let words = |words: &[&str]| {
        let said = said(project.command("--complete").args(words).output().expect("otto starts"));
        let lines = said.out.lines().skip(1).map(|line| line.split('\t').next().expect("a word").to_owned());
        lines.collect::<Vec<_>>().join(" ")
    };
    let id = id(&project, 0);
    assert_eq!(words(&["Show", ""]), format!("latest latest-failed {id}"));
    assert_eq!(words(&["Show", "latest", ""]), "a b");
    assert_eq!(words(&["Logs", ""]), format!("a b latest latest-failed {id}"));
    assert_eq!(words(&["Rerun", &id[..2]]), id);
    // The name of the run may begin with an `a` too.
    assert_eq!(words(&["Data", "a"]).trim_end_matches(&format!(" {id}")), "a a.k");
    assert_eq!(words(&["Data", "wh"]), "why");
    assert_eq!(words(&["Data", "why", "a."]), "a.k");
    assert_eq!(words(&["Data", "diff", "latest", "latest"]), "latest latest-failed");
}

#[test]
fn from_a_task_everything_after_it_is_run_again() {
    let project = Project::new(SHOP);
    fs::write(project.folder().join("fixed"), "").expect("written");
    project.well("pack");
    project.well("Rerun latest --from test");
    assert_eq!(results(&project), "test succeeded, pack succeeded");
}

#[test]
fn the_ottofile_of_then_can_be_taken_instead_of_that_of_today() {
    let project = Project::new(
        "tasks: {a: {bash: 'OUTPUT[k]=then'}, b: {before: [a], bash: 'OUTPUT[k]=${INPUT[a.k]}'}}",
    );
    project.well("b");
    project.write("tasks: {a: {bash: 'OUTPUT[k]=now'}}");
    project.well("Rerun latest a");
    assert_eq!(project.well("Data a.k").out, "now\n");
    let gone = project.otto("Rerun -2 b");
    assert_eq!(gone.code, Some(2));
    assert!(
        gone.err.contains("`b` is no longer a task of otto.yml") && gone.err.contains("--recorded-script"),
        "{}",
        gone.err
    );
    project.well("Rerun -2 b --recorded-script");
    assert_eq!(project.well("Data b.k").out, "then\n");
    fs::remove_file(project.folder().join("otto.yml")).expect("ours");
    project.well("Rerun -1 b --recorded-script");
}

#[test]
fn jobs_of_a_foreach_are_run_again_one_by_one_or_together() {
    let project = Project::new(
        "tasks: {each: {foreach: {items: [one, two]}, bash: 'OUTPUT[k]=$item; [ $item = one ] || [ -e fixed ]'}, \
         after: {before: [each], bash: 'OUTPUT[all]=\"${INPUT[each:one.k]} ${INPUT[each:two.k]}\"'}}",
    );
    project.otto("after");
    assert_eq!(results(&project), "each:one succeeded, each:two failed, after skipped");
    fs::write(project.folder().join("fixed"), "").expect("written");
    project.well("Rerun");
    assert_eq!(results(&project), "each:two succeeded, after succeeded");
    assert_eq!(project.well("Data after.all").out, "one two\n");
    project.well("Rerun -2 each");
    assert_eq!(results(&project), "each:one succeeded, each:two succeeded");
    project.well("Rerun -3 each:one");
    assert_eq!(results(&project), "each:one succeeded");
}

#[test]
fn who_reads_a_stream_is_run_again_with_the_one_recorded() {
    let project = Project::new(
        "tasks: {source: {streaming: stdout, bash: 'echo one; echo two'}, \
         sink: {before: [source], streaming: true, bash: 'OUTPUT[lines]=$(wc -l); [ -e fixed ]'}}",
    );
    project.otto("sink");
    assert_eq!(results(&project), "source succeeded, sink failed");
    fs::write(project.folder().join("fixed"), "").expect("written");
    project.well("Rerun");
    assert_eq!(results(&project), "sink succeeded");
    assert_eq!(project.well("Data sink.lines").out.trim(), "2");

    assert_eq!(project.well("Logs -2 source --stream").out, "one\ntwo\n");
    let source = project.json("Show -2 source --json");
    assert_eq!((&source["stream_bytes"], &source["stdout_bytes"]), (&8.into(), &8.into()));
    let none = project.otto("Logs -1 sink --stream");
    assert!(none.code == Some(0) && none.out.is_empty(), "{}", none.err);
}

#[test]
fn items_that_ran_one_at_a_time_do_so_again() {
    let project = Project::new(
        "tasks: {each: {foreach: {items: [one, two, three]}, bash: '[ $item = one ] || [ -e fixed ]'}}",
    );
    project.otto("-j3 each --Serial");
    assert_eq!(results(&project), "each:one succeeded, each:two failed, each:three skipped");
    // Side by side the third would be tried, whatever became of the second.
    assert_eq!(project.otto("Rerun -j3").code, Some(1));
    assert_eq!(results(&project), "each:two failed, each:three skipped");
}

#[test]
fn a_parameter_that_is_not_utf_8_is_given_again_as_it_was() {
    let project = Project::new(
        "tasks: {a: {params: {--name: {}, --api-token: {}}, bash: 'printf %s \"$name$api_token\" >> got'}}",
    );
    let name = OsStr::from_bytes(b"--name=caf\xe9");
    let mut first = project.command("a");
    first.arg(name).arg(OsStr::from_bytes(b"--api-token=\xfe"));
    assert!(first.output().expect("otto starts").status.success());
    project.well("Rerun latest a --param api-token=x");
    project.well("Rerun latest a --param api-token=x --param name=tea");
    assert_eq!(fs::read(project.folder().join("got")).expect("there"), b"caf\xe9\xfecaf\xe9xteax");
    assert_eq!(project.json("Show -2 --json")["jobs"][0]["params"]["name"], "caf\u{fffd}");
    let journal = fs::read_to_string(project.runs()[0].join("events.jsonl")).expect("there");
    assert!(journal.contains(r#""raw_params":{"name":"636166e9"}"#), "{journal}");
}

#[test]
fn a_shell_opens_with_the_data_of_the_task() {
    let project = Project::new(
        "tasks: {a: {bash: 'OUTPUT[k]=v1'}, b: {before: [a], bash: 'exit 3'}, \
         p: {before: [a], python: 'raise SystemExit(3)'}}",
    );
    project.otto("b p");
    let shell = |task: &str, input: &str| {
        let mut child = project
            .command(&format!("Rerun latest-failed {task} --shell"))
            .env("TERM", "dumb")
            .stdin(Stdio::piped())
            .spawn()
            .expect("otto starts");
        std::io::Write::write_all(&mut child.stdin.take().expect("piped"), input.as_bytes()).expect("read");
        said(child.wait_with_output().expect("it ends"))
    };
    let bash = shell("b", "echo \"k is ${INPUT[a.k]}\"\nOUTPUT[hand]=made\nexit\n");
    assert!(bash.out.contains("k is v1\n"), "{}{}", bash.out, bash.err);
    assert_eq!(project.well("Data b.hand").out, "made\n");
    let python = shell("p", "print('k is', INPUT['a.k'])\nOUTPUT['hand'] = [1]\n");
    assert!(python.out.contains("k is v1\n"), "{}{}", python.out, python.err);
    let both = project.otto("Rerun latest-failed --shell");
    assert!(
        both.code == Some(2) && both.err.starts_with("error[E0806]: `--shell` opens a shell for one task\n"),
        "{}",
        both.err
    );
}

// ── crashes and company ──────────────────────────────────────────────────────────────────────────────────────

/// Pseudo-random pauses, the same in each test run.
fn pauses() -> impl Iterator<Item = Duration> {
    let mut state = 7u64;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_micros((state >> 40) % 30_000)
    })
}

fn children_of(process: &Child) -> Vec<i32> {
    let path = format!("/proc/{0}/task/{0}/children", process.id());
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

#[test]
fn a_run_that_is_killed_at_any_moment_leaves_a_history_that_opens() {
    let project = Project::new(
        "tasks: {a: {bash: 'OUTPUT[k]=v; sleep 0.005'}, b: {before: [a], bash: 'sleep 0.005'}, c: {bash: 'sleep 0.01'}}",
    );
    for (round, pause) in pauses().take(30).enumerate() {
        let mut child = project.command("b c").spawn().expect("otto starts");
        // No event to wait for: any moment is meant.
        std::thread::sleep(pause);
        let engine = children_of(&child).first().copied();
        match engine.filter(|_| round % 2 == 1).and_then(rustix::process::Pid::from_raw) {
            // It may have ended by itself.
            Some(engine) => drop(rustix::process::kill_process(engine, rustix::process::Signal::KILL)),
            None => drop(child.kill()),
        }
        drop(child.wait());
        for file in json_files(&project.home()) {
            // An engine that outlives its otto takes the plan of its run away when it ends.
            let Ok(text) = fs::read(&file) else { continue };
            assert!(
                serde_json::from_slice::<serde_json::Value>(&text).is_ok(),
                "half of `{}`",
                file.display()
            );
        }
    }
    project.well("b c");
    wait_until("all processes are gone", || {
        let runs = project.json("History --limit 0 --json");
        let runs = runs.as_array().expect("a list");
        assert_eq!(runs.len(), project.runs().len());
        runs.iter().all(|run| run["result"] != "running")
    });
    let text = project.well("History --limit 0").out;
    assert!(text.lines().nth(1).is_some_and(|line| line.contains("ok    3 ok")), "{text}");
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => left.push(entry.path()),
                Ok(kind) if kind.is_file() && entry.path().extension().is_some_and(|end| end == "json") => {
                    files.push(entry.path());
                }
                _ => {}
            }
        }
    }
    files
}

#[test]
fn twenty_at_once_are_all_recorded_and_latest_is_valid_at_each_moment() {
    let project = Project::new("tasks: {a: {bash: 'OUTPUT[k]=v'}, b: {before: [a], bash: ':'}}");
    project.well("b");
    let latest = project.runs()[0].parent().expect("a project").join("latest");
    for _ in 0..2 {
        let mut running: Vec<Child> =
            (0..20).map(|_| project.command("b").spawn().expect("otto starts")).collect();
        let mut looks = 0;
        while running.iter_mut().any(|child| child.try_wait().expect("ours").is_none()) {
            assert!(latest.join("run.json").is_file(), "`latest` leads nowhere");
            looks += 1;
            if looks % 64 == 0 {
                let history = project.otto("History");
                assert_eq!(history.code, Some(0), "{}", history.err);
                assert!(!history.err.contains("warning"), "{}", history.err);
            }
        }
        for child in running {
            let said = said(child.wait_with_output().expect("ours"));
            assert_eq!(said.code, Some(0), "{}", said.err);
            assert!(!said.err.contains("busy") && !said.err.contains("warning"), "{}", said.err);
        }
    }
    let runs = project.json("History --limit 0 --json");
    let ids: HashSet<&str> =
        runs.as_array().expect("a list").iter().map(|run| run["id"].as_str().expect("text")).collect();
    assert_eq!(ids.len(), 41);
}

#[test]
fn what_ran_last_is_the_latest_although_the_clock_was_set_back() {
    let project = Project::new("tasks: {a: {bash: 'OUTPUT[k]=\"$(cat value)\"; [ -e fixed ]'}}");
    fs::write(project.folder().join("value"), "first").expect("written");
    assert_eq!(project.otto("a").code, Some(1));
    // As if the clock had been ahead by far, and was then set right.
    let run = project.runs().remove(0);
    let (place, id) = (run.parent().expect("a project"), run.file_name().expect("named").to_string_lossy());
    let ahead = format!("2099{}", &id[4..]);
    for file in [run.join("run.json"), run.join("events.jsonl"), place.join("ledger")] {
        let text = fs::read_to_string(&file).expect("there");
        let started = format!("\"started\": \"{}", &id[..4]);
        let text = text.replace(&*id, &ahead).replace(&started, "\"started\": \"2099");
        fs::write(&file, text).expect("written");
    }
    fs::rename(&run, place.join(&ahead)).expect("moved");
    fs::remove_file(place.join("latest")).expect("there");
    std::os::unix::fs::symlink(&ahead, place.join("latest")).expect("made");

    fs::write(project.folder().join("value"), "second").expect("written");
    assert_eq!(project.otto("a").code, Some(1));
    let runs = project.json("History --json");
    let (second, first) = (&runs[0], &runs[1]);
    assert_eq!(first["id"], ahead.as_str());
    assert!(first["started"].as_str().expect("text").starts_with("2099"), "{first}");
    assert!(!second["started"].as_str().expect("text").starts_with("2099"), "{second}");
    assert!(second["took_ms"].as_u64().is_some_and(|took| took < 60_000), "{second}");
    let failed =
        |run: &str| project.json(&format!("Show {run} a --json"))["failed_outputs"]["1"]["k"].clone();
    assert_eq!([failed("latest"), failed("latest-failed"), failed("-2")], ["second", "second", "first"]);
    fs::write(project.folder().join("fixed"), "").expect("written");
    project.well("Rerun");
    assert_eq!(project.json("History --json")[0]["origin"], second["id"]);
    // By its record the second is of today, and the first of a day to come.
    project.well("Clean --keep-days 0 --keep-failed 0 --keep-last 1");
    assert_eq!(project.runs().len(), 1);
}

#[test]
fn a_run_that_died_before_it_had_a_plan_cannot_be_repeated_and_says_how_to_start_it() {
    let project = Project::new("tasks: {a: {bash: ':'}}");
    project.well("-j1 a");
    fs::write(project.runs()[0].join("events.jsonl"), "").expect("ours");
    let said = project.otto("Rerun");
    assert_eq!(said.code, Some(2));
    assert!(
        said.err.contains("recorded no tasks") && said.err.contains("start a new run: `otto -j1 a`"),
        "{}",
        said.err
    );
}

#[test]
fn a_run_that_goes_on_is_shown_as_running_and_never_cleaned() {
    let project = Project::new("tasks: {a: {bash: 'until [ -e stop ]; do sleep 0.01; done'}}");
    let child = project.command("a").spawn().expect("otto starts");
    wait_until("the run begins", || !project.runs().is_empty());
    wait_until("the task runs", || project.otto("Show").out.contains("still running"));
    assert_eq!(project.json("History --json")[0]["result"], "running");
    project.well("Clean --keep-days 0 --keep-last 0 --keep-failed 0");
    let again = project.otto("Rerun");
    assert!(again.code == Some(2) && again.err.contains("still running"), "{}", again.err);
    assert_eq!(project.runs().len(), 1);
    fs::write(project.folder().join("stop"), "").expect("written");
    assert_eq!(said(child.wait_with_output().expect("ours")).code, Some(0));
    assert_eq!(project.json("History --json")[0]["result"], "succeeded");
    project.well("Clean --keep-days 0 --keep-last 0 --keep-failed 0");
    assert_eq!(project.runs().len(), 0);
}

// ── who may read what ────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn everything_recorded_is_closed_to_others_whatever_the_umask() {
    for umask in ["000", "077"] {
        let project = Project::new(&format!(
            "{SHOP}
  loads: {{bash: '. ./lib.sh; OUTPUT[k]=v'}}
  terminal: {{tty: true, bash: 'OUTPUT[k]=v'}}
  python: {{python: 'OUTPUT[\"k\"] = 1'}}
"
        ));
        fs::write(project.folder().join("lib.sh"), "").expect("written");
        let line =
            format!("umask {umask}; '{OTTO}' pack loads terminal python; '{OTTO}' Rerun; '{OTTO}' History");
        let mut command = project.command("");
        let environment: Vec<_> =
            command.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
        command = Command::new("sh");
        command.args(["-c", &line]).current_dir(project.folder()).env_clear();
        for (name, value) in environment {
            command.env(name, value.unwrap_or_default());
        }
        command.output().expect("sh starts");
        assert_eq!(project.runs().len(), 2);
        let mut left = vec![project.home()];
        while let Some(path) = left.pop() {
            let metadata = fs::symlink_metadata(&path).expect("there");
            if metadata.is_symlink() {
                continue;
            }
            assert_eq!(metadata.mode() & 0o077, 0, "umask {umask}: `{}`", path.display());
            if metadata.is_dir() {
                left.extend(fs::read_dir(&path).expect("ours").map(|entry| entry.expect("read").path()));
            }
        }
    }
}

#[test]
fn the_environment_and_secrets_are_not_written_down() {
    let project = Project::new(SHOP);
    fs::write(project.folder().join("fixed"), "").expect("written");
    let mut command = project.command("pack build --api-token tok3n-canary --env prod");
    command.env("CANARY", "env-canary");
    assert!(command.output().expect("otto starts").status.success());
    project.well("Rerun -1 test");
    project.well("History");
    let run = project.runs().remove(0);
    let told = fs::read_to_string(run.join("run.json")).expect("there");
    assert!(told.contains("\"CANARY\"") && told.contains("***"), "{told}");
    for file in all_files(&project.home()) {
        let bytes = fs::read(&file).expect("ours");
        let has = |word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
        assert!(!has("env-canary"), "`{}`", file.display());
        // Beside a script stands what it needs to be run by hand, parameters included.
        let is_by_hand = file.components().any(|part| part.as_os_str() == ".otto");
        assert!(!has("tok3n-canary") || is_by_hand, "`{}`", file.display());
    }
}

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(&folder).expect("ours").flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => left.push(entry.path()),
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files
}

#[test]
fn a_home_of_somebody_else_is_refused_and_one_that_cannot_be_used_is_replaced_for_the_run() {
    let project = Project::new("tasks: {a: {bash: 'echo fine'}}");
    let with_home =
        |home: &Path| said(project.command("a").env("OTTO_HOME", home).output().expect("otto starts"));
    let file = project.root.path().join("file");
    fs::write(&file, "").expect("written");
    let spare = with_home(&file.join("below"));
    assert!(spare.code == Some(0) && spare.out == "fine\n", "{}{}", spare.out, spare.err);
    assert_eq!(spare.err.matches("warning").count(), 1, "{}", spare.err);
    let kept = spare.err.split('`').find(|part| part.contains("/otto-")).expect("it is named");
    assert_eq!(fs::metadata(kept).expect("there").mode() & 0o777, 0o700);
    fs::remove_dir_all(kept).expect("ours");

    let mut homeless = project.command("a");
    homeless.env_remove("OTTO_HOME").env_remove("HOME");
    let homeless = said(homeless.output().expect("otto starts"));
    assert!(
        homeless.code == Some(0) && homeless.err.contains("neither OTTO_HOME nor HOME is set"),
        "{}",
        homeless.err
    );
    let kept = homeless.err.split('`').find(|part| part.contains("/otto-")).expect("it is named");
    fs::remove_dir_all(kept).expect("ours");

    let theirs = project.root.path().join("theirs");
    fs::create_dir(&theirs).expect("made");
    fs::set_permissions(&theirs, fs::Permissions::from_mode(0o777)).expect("ours");
    // Only root can give things away.
    if std::os::unix::fs::chown(&theirs, Some(12_345), None).is_ok() {
        for line in ["a", "History", "Show", "Clean"] {
            let refused =
                said(project.command(line).env("OTTO_HOME", &theirs).output().expect("otto starts"));
            assert_eq!(refused.code, Some(75), "{line}: {}", refused.err);
            assert!(refused.err.contains("belongs to another user (uid 12345)"), "{}", refused.err);
        }
        assert_eq!(fs::read_dir(&theirs).expect("ours").count(), 0);
    }
}

// ── what a run showed ────────────────────────────────────────────────────────────────────────────────────────

/// Fails in many ways, of most of which otto knows why.
const FAILURES: &str = r#"
tasks:
  source: {bash: "OUTPUT[version]=1; echo warm"}
  made: {input: [otto.yml], output: [made], bash: "echo >made"}
  missing:
    before: [source]
    bash: |
      echo "one"
      k=versoin; echo "${INPUT[source.$k]}"
  absent: {before: [source], python: 'print(INPUT["source." + "nothing"])'}
  torn: {bash: "OUTPUT[k]=1; exec true"}
  slip:
    retries: 1
    bash: |
      printf '\033[31mred\n'
      OUTPUT[x] = 1
  json: {bash: "otto.set --json size '{oops'"}
  pipe: {bash: "kill -PIPE $$"}
  plain: {bash: "echo no >&2; exit 7"}
  after: {before: [plain], bash: "true"}
"#;

const FAILING: &str = "made missing absent torn slip json pipe plain after";

#[test]
fn a_replay_shows_a_failing_run_as_it_was() {
    let project = Project::new(FAILURES);
    for (run, replay) in [
        (format!("-k {FAILING}"), "Replay"),
        (format!("-k -v -j1 {FAILING}"), "Replay -v"),
        (format!("-k --display group {FAILING}"), "Replay --display group"),
        (format!("-k --display quiet {FAILING}"), "Replay --display quiet"),
        ("missing".to_owned(), "Replay"),
    ] {
        let ran = project.otto(&run);
        let replayed = project.well(replay);
        let (first, rest) = replayed.err.split_once('\n').expect("a line");
        assert!(first.starts_with("replaying run "), "{first}");
        assert_eq!((rest, replayed.out), (ran.err.as_str(), ran.out), "{run}");
        assert!(ran.err.contains("error[E0704]"), "{}", ran.err);
    }
}

#[test]
fn json_of_a_failing_run_and_of_its_replay_are_the_same_events() {
    let project = Project::new(FAILURES);
    let ran = project.otto(&format!("--json -k {FAILING}"));
    let replayed = project.well("Replay --json");
    let events = |said: &Said| -> Vec<String> {
        said.out.lines().filter(|line| line.contains("\"seq\":")).map(str::to_owned).collect()
    };
    assert_eq!(events(&ran), events(&replayed));
    let lines = events(&ran);
    let lines = lines.iter().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let hints: Vec<String> = lines
        .filter(|line| line["event"] == "hint")
        .map(|line| {
            format!("{} {}", line["task"].as_str().expect("text"), line["code"].as_str().expect("text"))
        })
        .collect();
    for hint in ["missing E0704", "torn E0701", "slip E0715", "json E0707", "pipe E0715"] {
        assert!(hints.iter().any(|known| known == hint), "{hint}: {hints:?}");
    }
}

#[test]
fn a_task_is_shown_with_the_reason_of_its_failure_after_the_ottofile_has_changed() {
    let project = Project::new(FAILURES);
    let ran = project.otto("missing");
    let hint = &ran.err[ran.err.find("error[E0704]").expect("a hint")..];
    let hint = &hint[..hint.find("\n\n").expect("an end")];
    project.write("tasks: {missing: {bash: 'true'}}");
    let shown = project.well("Show latest missing").out;
    assert!(shown.contains(hint), "{shown}\n--- lacks\n{hint}");
    assert!(hint.contains("│       k=versoin; echo \"${INPUT[source.$k]}\""), "{hint}");
    assert_eq!(project.json("Show latest missing --json")["hints"][0]["code"], "E0704");
    assert_eq!(project.json("Show --json")["jobs"][1]["hints"][0]["places"][0]["file"], "otto.yml");
    // What was right in the end is shown without what was wrong before.
    project.write("tasks: {late: {retries: 1, bash: '[ -e again ] || { touch again; OUTPUT[x] = 1; }'}}");
    assert!(!project.well("late").err.contains("E0715"));
    assert!(!project.well("Show latest late").out.contains("E0715"));
}

/// The fields that docs/events.md has for each kind of event, and for each object in one (`hint.places`).
fn documented() -> std::collections::HashMap<String, HashSet<String>> {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/events.md")).expect("a page");
    let mut fields: std::collections::HashMap<String, HashSet<String>> = Default::default();
    let (mut event, mut table) = (String::new(), String::new());
    let quoted =
        |text: &str| -> Vec<String> { text.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            event = quoted(heading).pop().expect("a kind of event");
            table.clone_from(&event);
        } else if let Some(head) = line.strip_prefix("| Field of ") {
            table = quoted(head).pop().expect("a field");
        } else if line.starts_with("| Field ") {
            table.clone_from(&event);
        } else if let Some(row) = line.strip_prefix("| `") {
            let names = row.split('|').next().expect("a cell");
            fields.entry(table.clone()).or_default().extend(quoted(&format!("`{names}")));
        }
    }
    fields
}

#[test]
fn each_field_of_each_event_of_a_run_is_documented() {
    let project = Project::new(FAILURES);
    let mut lines = project.otto(&format!("--json -k {FAILING}")).out;
    lines.push_str(&project.otto("--json made").out);
    fs::write(project.folder().join("lib.yml"), "tasks: {other: {bash: 'true'}}").expect("written");
    project.write(
        "otto: {include: [lib.yml]}
tasks:
  numbers: {streaming: true, bash: 'echo 1 >\"$OTTO_OUTPUT_PIPE\"'}
  reader: {streaming: true, before: [numbers], bash: 'cat \"$OTTO_INPUT_PIPE\"'}
  unmade: {input: [otto.yml], output: [nothing], bash: 'true'}
  stop: {bash: 'kill -INT $PPID; sleep 60'}
  gone: {bash: 'printf \"\\377\"; exit 3'}
  last: {before: [gone], bash: 'true'}
  up: {service: true, bash: 'otto.ready; exec sleep 100'}
  list: {needs: [up], bash: 'otto.set --list names a'}
  each: {foreach: {from: list.names}, bash: 'true'}
",
    );
    for line in ["--json -k reader unmade last each lib/other", "--json each:a", "--json stop"] {
        lines.push_str(&project.otto(line).out);
    }
    let documented = documented();
    // Names that the user gave.
    let free = ["params", "raw_params", "words"];
    let mut seen = HashSet::new();
    for line in lines.lines() {
        let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let kind = event["event"].as_str().expect("a kind").to_owned();
        let mut open = vec![(kind.clone(), event)];
        while let Some((table, value)) = open.pop() {
            for (name, value) in value.as_object().expect("an object") {
                let is_of_all = table == kind && documented[""].contains(name);
                let known = documented.get(&table).is_some_and(|fields| fields.contains(name));
                assert!(known || is_of_all, "`{name}` of `{table}` is not documented: {line}");
                seen.insert(format!("{table}.{name}"));
                match value {
                    serde_json::Value::Object(_) if !free.contains(&name.as_str()) => {
                        open.push((name.clone(), value.clone()));
                    }
                    serde_json::Value::Array(items) => {
                        let objects = items.iter().filter(|item| item.is_object());
                        open.extend(objects.map(|item| (name.clone(), item.clone())));
                    }
                    _ => {}
                }
            }
        }
    }
    // What the page tells of happens: all but what only odd bytes and odd moments bring, and what only a cluster does.
    let rare = [
        "run_started.changed",
        "service_up.since",
        "tasks.raw_params",
        "tasks.words",
        "tasks.is_serial",
        "tasks.is_buffered",
        "quotes.column",
        "quotes.is_cut",
        "attempt_ended.is_stream_short",
        "exit.reason",
        "warning.code",
        "retry_planned.is_uncharged",
    ];
    let is_meant =
        |table: &str| !matches!(table, "" | "attempt_queued" | "attempt_began" | "run_left" | "run_resumed");
    for (table, fields) in documented.iter().filter(|(table, _)| is_meant(table)) {
        for field in fields.iter().filter(|field| !rare.contains(&format!("{table}.{field}").as_str())) {
            assert!(seen.contains(&format!("{table}.{field}")), "no event has `{field}` of `{table}`");
        }
    }
}

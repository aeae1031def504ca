//! `os`: a task that does not run on this system is left out, and that is no failure.

use crate::Project;
use insta::assert_snapshot;

/// The system of the tests, and one that it is not.
const HERE: &str = std::env::consts::OS;
const ELSEWHERE: &str = if cfg!(target_os = "netbsd") { "openbsd" } else { "netbsd" };

fn project(ottofile: &str) -> Project {
    Project::new(&ottofile.replace("ELSEWHERE", ELSEWHERE).replace("HERE", HERE))
}

#[test]
fn a_task_for_another_system_is_left_out_and_those_after_it_run() {
    let project = project(
        "tasks:
  sign: {os: ELSEWHERE, bash: exit 3}
  ship: {needs: [sign], bash: echo shipped}
  here: {os: [ELSEWHERE, HERE], bash: echo here}
  mourn: {needs: [{task: sign, when: failure}], bash: echo never}
",
    );
    let ran = project.run("-j1 ship here mourn");
    assert_snapshot!(ran.all().replace(ELSEWHERE, "ELSEWHERE"), @"
    ── stdout
    shipped
    here
    ── stderr
    otto · run RUN · 4 tasks
       skip  sign            only on ELSEWHERE
         ok  ship      TIME
         ok  here      TIME
    2 ok, 1 not triggered, 1 not for this system in TIME
    ── exit 0
    ");
    assert_snapshot!(project.run("sign").all().replace(ELSEWHERE, "ELSEWHERE"), @"
    ── stderr
       skip  sign           only on ELSEWHERE
    ── exit 0
    ");
}

#[test]
fn groups_and_jobs_of_a_foreach_task_are_left_out_alike() {
    let project = project(
        "tasks:
  sign: {os: ELSEWHERE, foreach: {items: [a, b]}, bash: exit 3}
  all: {os: ELSEWHERE, needs: [sign]}
  report:
    needs: [{task: sign, when: always}, {task: all, when: always}]
    bash: echo \"${OUTCOME[sign]} ${OUTCOME[sign:a]} ${OUTCOME[sign:a.reason]} ${OUTCOME[all]} ${OUTCOME[all.reason]}\"
",
    );
    let ran = project.run("-q report");
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "skipped skipped os skipped os\n"));
}

#[test]
fn defaults_of_its_contract_are_what_others_read() {
    let project = project(
        "tasks:
  sign:
    os: ELSEWHERE
    outputs: {signature: {type: str, default: none}, time: int?}
    bash: exit 3
  ship: {needs: [sign], bash: 'echo \"${INPUT[sign.signature]} ${INPUT[sign.time]-unset}\"'}
",
    );
    assert_eq!(project.run("-q ship").stdout, "none unset\n");
    assert_eq!(project.run("Rerun latest ship").stdout, "none unset\n");
    assert_eq!(project.run("-q ship").stdout, "none unset\n");
    assert_eq!(
        project.run("Data --json sign").stdout.split_whitespace().collect::<String>(),
        "{\"signature\":\"none\"}"
    );
}

#[test]
fn records_say_for_which_system_it_is() {
    let project =
        project("tasks: {sign: {os: [ELSEWHERE], bash: exit 3}, ship: {needs: [sign], bash: 'false'}}");
    assert_eq!(project.run("ship").status, 1);
    let shown = project.run("Show").stdout;
    assert!(shown.contains(&format!("skip  sign           only on {ELSEWHERE}")), "{shown}");
    let replayed = project.run("Replay").all();
    assert!(replayed.contains(&format!("only on {ELSEWHERE}")), "{replayed}");
    let json = project.run("--json ship").stdout;
    assert!(json.contains("\"because\":\"os\""), "{json}");
    // What was left out is not run again.
    assert!(!project.run("Rerun").all().contains("sign"));
}

#[test]
fn a_dry_run_says_that_it_would_be_skipped() {
    let project = project("tasks: {sign: {os: ELSEWHERE, bash: x}, ship: {needs: [sign], bash: x}}");
    let ran = project.run("--dry-run ship").all().replace(ELSEWHERE, "ELSEWHERE");
    assert_snapshot!(ran, @"
    ── stdout
      1  sign  skipped: only on ELSEWHERE  (otto.yml:1)
      2  ship  after sign  (otto.yml:1)
    ── stderr
    dry run: 1 task would run; nothing was started
    ── exit 0
    ");
    let json: serde_json::Value =
        serde_json::from_str(project.run("--dry-run --json ship").ok()).expect("JSON");
    let skipped = |place: usize| json["tasks"][place].get("skipped").cloned();
    assert_eq!((skipped(0), skipped(1)), (Some("os".into()), None));
}

#[test]
fn no_interpreter_is_looked_for_where_the_task_does_not_run() {
    let project = project("tasks: {sign: {os: ELSEWHERE, action: \"#!/no/such/pwsh\\nx\"}}");
    assert_eq!(project.run("sign").status, 0);
}

#[test]
fn other_names_are_refused_with_the_right_one() {
    let project =
        Project::new("tasks: {a: {os: darwin, bash: x}, b: {os: [linx, {}], bash: x}, c: {os: '', bash: x}}");
    assert_snapshot!(project.run("a").refused(), @"
    error[E0109]: `darwin` is not an operating system that `os` of task `a` knows
      ╭▸ otto.yml:1:17
    1 │ tasks: {a: {os: darwin, bash: x}, b: {os: [linx, {}], bash: x}, c: {os: '',…
      ╰╴                ━━━━━━ not one of them
      = note: it knows linux, macos, freebsd, netbsd, openbsd, windows
    help: did you mean `macos`?
    error[E0109]: `linx` is not an operating system that `os` of task `b` knows
      ╭▸ otto.yml:1:44
    1 │ tasks: {a: {os: darwin, bash: x}, b: {os: [linx, {}], bash: x}, c: {os: '',…
      ╰╴                                           ━━━━ not one of them
      = note: it knows linux, macos, freebsd, netbsd, openbsd, windows
    help: did you mean `linux`?
    error[E0103]: `os` of task `b` must be a string, not a map
      ╭▸ otto.yml:1:50
    1 │ tasks: {a: {os: darwin, bash: x}, b: {os: [linx, {}], bash: x}, c: {os: '',…
      ╰╴                                                 ━━ this is a map
    help: write `os: STRING`
    error[E0109]: `os` of task `c` must be a non-empty string
      ╭▸ otto.yml:1:73
    1 │ …linx, {}], bash: x}, c: {os: '', bash: x}}
      ╰╴                              ━━ this is empty
    otto.yml: 4 errors. For details: `otto Explain E0109`
    ");
}

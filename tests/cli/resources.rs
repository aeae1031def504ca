//! What tasks ask of this machine.

use crate::Project;

/// Tasks that note how many of them run at a time.
fn counted(resources: &str) -> Project {
    Project::new(&format!(
        "
tasks:
  all: {{needs: [each]}}
  each:
    foreach: {{range: 1..6}}
    resources: {resources}
    bash: |
      echo + >> log; sleep 0.2; echo - >> log
"
    ))
}

/// The most tasks that ran at a time.
fn most(project: &Project) -> usize {
    let mut running: usize = 0;
    let mut most = 0;
    for line in project.read("log").lines() {
        if line == "+" {
            running += 1;
        } else {
            running -= 1;
        }
        most = most.max(running);
    }
    most
}

#[test]
fn a_task_takes_as_many_slots_as_it_has_processors() {
    let project = counted("{cpus: 3}");
    assert_eq!(project.run("-j4 all").status, 0);
    assert_eq!(most(&project), 1);
    let project = counted("{cpus: 2}");
    assert_eq!(project.run("-j4 all").status, 0);
    assert_eq!(most(&project), 2);
    let project = counted("{cpus: 8}");
    assert_eq!(project.run("-j4 all").status, 0);
    assert_eq!(most(&project), 1);
}

#[test]
fn a_task_that_wants_more_memory_than_there_is_runs_alone() {
    let project = counted("{memory: 1000T}");
    assert_eq!(project.run("-j4 all").status, 0);
    assert_eq!(most(&project), 1);
}

#[test]
fn a_task_knows_what_it_may_use() {
    let project = Project::new(
        "
tasks:
  plain: {bash: 'echo \"$OTTO_CPUS $OTTO_GPUS ${OTTO_MEMORY-none} $OTTO_ATTEMPT\"'}
  large: {resources: {cpus: 3, memory: 2G, gpus: 'a100:2'}, bash: 'echo \"$OTTO_CPUS $OTTO_GPUS $OTTO_MEMORY\"'}
",
    )
    .with("OTTO_MEMORY", "7");
    assert_eq!(project.run("-j1 plain large").ok(), "1 0 none 1\n3 2 2048\n");
    assert_eq!(project.run("--resource l*:cpus=9 large").ok(), "9 2 2048\n");
}

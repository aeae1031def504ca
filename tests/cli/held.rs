//! Up-to-date tasks that set secrets, which run only if a task that depends on them does: random graphs of them, run with a
//! running otto, and held against a model of what has to run.

use crate::{Project, Ran};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone)]
struct Node {
    /// It has inputs and outputs, so it may be up to date.
    is_looked_at: bool,
    is_secret: bool,
    /// Earlier nodes, and whether their success is not asked for.
    needs: BTreeMap<usize, bool>,
    /// Its file changes before the second run.
    is_changed: bool,
    /// It fails in the third run, if it runs.
    fails: bool,
}

#[derive(Debug, Clone)]
struct World {
    nodes: Vec<Node>,
    slots: usize,
    /// Named on the command line, beside the last one.
    asked: Vec<usize>,
}

fn world() -> impl Strategy<Value = World> {
    let node = (
        prop::bool::weighted(0.85),
        prop::bool::weighted(0.6),
        prop::collection::btree_map(0usize..12, prop::bool::weighted(0.2), 0..4),
        prop::bool::weighted(0.15),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(is_looked_at, is_secret, needs, is_changed, fails)| Node {
            is_looked_at,
            is_secret,
            needs,
            is_changed,
            fails,
        });
    (prop::collection::vec(node, 2..10), 1usize..5, prop::collection::vec(0usize..10, 0..3)).prop_map(
        |(mut nodes, slots, asked)| {
            for (place, node) in nodes.iter_mut().enumerate() {
                node.needs.retain(|need, _| *need < place);
            }
            let asked = asked.into_iter().map(|place| place % nodes.len()).collect();
            World { nodes, slots, asked }
        },
    )
}

impl World {
    /// Each task hands over what is in its own file, and fails with 9 if what it reads is not what is in those of the others.
    fn ottofile(&self) -> String {
        let mut text = "tasks:\n".to_owned();
        for (place, node) in self.nodes.iter().enumerate() {
            let needs: Vec<String> = node
                .needs
                .iter()
                .map(|(need, is_always)| {
                    format!("{{task: t{need}, when: {}}}", if *is_always { "always" } else { "success" })
                })
                .collect();
            text += &format!("  t{place}:\n    needs: [{}]\n", needs.join(", "));
            let secret = if node.is_secret { "{type: str, secret: true}" } else { "str" };
            text += &format!("    outputs: {{k: {secret}}}\n");
            if node.is_looked_at {
                text += &format!("    input: [in{place}]\n    output: [out{place}]\n");
            }
            text +=
                &format!("    bash: |\n      echo t{place} >> ran\n      [ ! -e fail{place} ] || exit 3\n");
            for need in node.needs.keys() {
                let read = format!("${{INPUT[t{need}.k]-}}");
                text +=
                    &format!("      [ -e fail{need} ] || [ \"{read}\" = \"$(cat in{need})\" ] || exit 9\n");
            }
            text += &format!("      touch out{place}\n      OUTPUT[k]=$(cat in{place})\n");
        }
        text
    }

    fn words(&self) -> String {
        let asked = self.asked.iter().map(|place| format!(" t{place}"));
        format!("-j{} t{}{}", self.slots, self.nodes.len() - 1, asked.collect::<String>())
    }

    /// The tasks of the run.
    fn planned(&self) -> BTreeSet<usize> {
        let mut open: Vec<usize> = self.asked.iter().copied().chain([self.nodes.len() - 1]).collect();
        let mut planned = BTreeSet::new();
        while let Some(place) = open.pop() {
            if planned.insert(place) {
                open.extend(self.nodes[place].needs.keys());
            }
        }
        planned
    }

    /// Those that have to run after files have changed: for their own sake, or for their secret that another one reads.
    fn must_run(&self) -> BTreeSet<usize> {
        let planned = self.planned();
        let is_changed = |place: &usize| self.nodes[*place].is_changed;
        let is_stale = |place: &usize| {
            !self.nodes[*place].is_looked_at
                || is_changed(place)
                || self.nodes[*place].needs.keys().any(is_changed)
        };
        let mut runs: BTreeSet<usize> = planned.iter().copied().filter(is_stale).collect();
        for place in planned.iter().rev() {
            let is_read = runs.iter().any(|reader| self.nodes[*reader].needs.contains_key(place));
            if self.nodes[*place].is_secret && is_read {
                runs.insert(*place);
            }
        }
        runs
    }
}

/// The tasks that wrote that they ran, each once.
fn ran(project: &Project, world: &World, said: &Ran) -> BTreeSet<usize> {
    let text = project.read("ran");
    let lines: Vec<usize> = text.lines().filter_map(|line| line.strip_prefix('t')?.parse().ok()).collect();
    let once: BTreeSet<usize> = lines.iter().copied().collect();
    assert_eq!(lines.len(), once.len(), "twice: {text}\n{}\n{}", world.ottofile(), said.all());
    assert!(!said.stderr.contains("exit 9"), "a wrong value: {}\n{}", world.ottofile(), said.all());
    project.write("ran", "");
    once
}

fn hold(world: &World) {
    let project = Project::new(&world.ottofile());
    for place in 0..world.nodes.len() {
        project.write(&format!("in{place}"), &format!("value {place} before"));
    }
    project.write("ran", "");
    let first = project.run(&world.words());
    assert_eq!((ran(&project, world, &first), first.status), (world.planned(), 0), "{}", first.all());
    let changed = world.nodes.iter().enumerate().filter(|(_, node)| node.is_changed);
    for (place, _) in changed {
        project.write(&format!("in{place}"), &format!("value {place} after"));
    }
    let second = project.run(&world.words());
    assert_eq!(
        (ran(&project, world, &second), second.status),
        (world.must_run(), 0),
        "{}\n{}",
        world.ottofile(),
        second.all()
    );
    // Some fail: whatever comes first, it ends, nothing runs twice, and a failure is one.
    let failing = world.nodes.iter().enumerate().filter(|(_, node)| node.fails);
    let failing: BTreeSet<usize> = failing.map(|(place, _)| place).collect();
    failing.iter().for_each(|place| project.write(&format!("fail{place}"), ""));
    let third = project.run(&world.words());
    let has_failed = !ran(&project, world, &third).is_disjoint(&failing);
    assert_eq!(third.status, if has_failed { 3 } else { 0 }, "{}\n{}", world.ottofile(), third.all());
    failing
        .iter()
        .for_each(|place| std::fs::remove_file(project.path(&format!("fail{place}"))).expect("removed"));
    let last = project.run(&world.words());
    ran(&project, world, &last);
    assert_eq!(last.status, 0, "{}\n{}", world.ottofile(), last.all());
}

/// Eight graphs, or as many more as `PROPTEST_CASES` asks for.
#[test]
fn what_sets_a_secret_runs_exactly_if_it_is_stale_or_read() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|number| number.parse().ok()).unwrap_or(8_u32);
    let mut runner = TestRunner::default();
    let worlds = world();
    for _ in 0..cases.clamp(8, 10_000) {
        hold(&worlds.new_tree(&mut runner).expect("a graph").current());
    }
}

//! Which tasks take part: those asked for, what they need, what follows them; and in which order.

use super::graph;
use crate::diagnostic::{Code, Diagnostic};
use crate::ottofile::Ottofile;
use crate::ottofile::spec::{Edge, When};
use crate::request::{Request, find};
use crate::source::Span;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet, VecDeque};

/// A task of the plan with its edges, before foreach tasks are expanded.
#[derive(Debug)]
pub(crate) struct Selected {
    /// Place in `Ottofile::tasks`.
    pub(crate) task: usize,
    pub(crate) items: Items,
    pub(crate) needs: Vec<TaskNeed>,
}

/// Which jobs of a foreach task take part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Items {
    All,
    /// These only, by name, with where they were named.
    Only(Vec<(String, Mention)>),
}

/// Where a name was mentioned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mention {
    CommandLine(Span),
    Ottofile(Span),
}

#[derive(Clone, Debug)]
pub(crate) struct TaskNeed {
    /// Place in the list of selected tasks.
    pub(crate) selected: usize,
    pub(crate) item: Option<String>,
    pub(crate) when: When,
    /// The place of the edge in `before` of the task; `None` for one that is written at its other end.
    pub(crate) edge: Option<usize>,
}

/// An edge that a later task declares upon an earlier one: `after` seen from the task that runs after.
struct Reverse<'a> {
    source: usize,
    edge: &'a Edge,
}

/// Why a task takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    /// A task of the run lists it in its `after`. Other tasks that do so too stay out of the run.
    Follows,
    /// It was requested or is needed, so the tasks before it take part.
    Wanted,
}

/// The tasks found so far.
#[derive(Default)]
struct Members {
    /// In order of discovery.
    members: Vec<(usize, Items)>,
    standings: Vec<Role>,
    /// Finds a task's entry.
    place: HashMap<usize, usize>,
    /// The tasks whose edges have to be followed.
    open: VecDeque<Added>,
}

/// A task that is new in the run, or has a higher standing than before.
struct Added {
    task: usize,
    standing: Role,
    is_new: bool,
}

impl Members {
    fn add(&mut self, task: usize, item: Option<(String, Mention)>, standing: Role) {
        let entry = self.enter(task, standing);
        let items = &mut self.members[entry].1;
        match (items, item) {
            (Items::All, _) => {}
            (items, None) => *items = Items::All,
            (Items::Only(only), Some(item)) => {
                if only.iter().all(|(known, _)| *known != item.0) {
                    only.push(item);
                }
            }
        }
    }

    /// Adds a task without any of its items. Returns its entry.
    fn enter(&mut self, task: usize, standing: Role) -> usize {
        let is_new = !self.place.contains_key(&task);
        let entry = *self.place.entry(task).or_insert(self.members.len());
        if is_new {
            self.members.push((task, Items::Only(Vec::new())));
            self.standings.push(standing);
        }
        if is_new || self.standings[entry] < standing {
            self.standings[entry] = standing;
            self.open.push_back(Added { task, standing, is_new });
        }
        entry
    }

    /// Adds to the task that an `each` follows the items that are wanted of the follower. `order` has followers last.
    fn follow(&mut self, ottofile: &Ottofile, order: &[usize]) {
        for member in order.iter().rev() {
            let (task, items) = &self.members[*member];
            let Some(target) = ottofile.followed(*task) else { continue };
            let mentions = match items {
                Items::All => vec![None],
                Items::Only(only) => only.iter().cloned().map(Some).collect(),
            };
            mentions.into_iter().for_each(|item| self.add(target, item, Role::Follows));
        }
    }
}

/// The tasks of a run in an order in which each stands after its needs.
pub(crate) fn select(ottofile: &Ottofile, request: &Request) -> Result<Vec<Selected>, Vec<Diagnostic>> {
    let mut reverse: HashMap<usize, Vec<Reverse>> = HashMap::new();
    for (source, task) in ottofile.tasks.iter().enumerate() {
        for edge in &task.after {
            // A task that is not in a file that was read is not in the run.
            let Some((target, _)) = find(ottofile, &edge.task.value) else { continue };
            reverse.entry(target).or_default().push(Reverse { source, edge });
        }
    }

    let mut run = Members::default();
    for asked in &request.tasks {
        let item = asked.item.clone().map(|item| (item, Mention::CommandLine(asked.span)));
        run.add(asked.task, item, Role::Wanted);
    }
    while let Some(Added { task, standing, is_new }) = run.open.pop_front() {
        if is_new {
            let each = ottofile.followed(task);
            for (target, item) in targets(ottofile, &ottofile.tasks[task].before) {
                match item {
                    // Which of its items are needed shows when all that is wanted is known.
                    None if each == Some(target) => drop(run.enter(target, Role::Wanted)),
                    item => run.add(target, item, Role::Wanted),
                }
            }
            for (target, item) in targets(ottofile, &ottofile.tasks[task].after) {
                run.add(target, item, Role::Follows);
            }
        }
        if standing == Role::Wanted {
            // A request for a remedy or a cleanup task by name means only that task.
            let pulling = reverse.get(&task).into_iter().flatten();
            let pulls =
                |edge: &&Reverse<'_>| edge.edge.when.is_success() && ottofile.pulls(edge.source, task);
            for edge in pulling.filter(pulls) {
                run.add(edge.source, None, Role::Wanted);
            }
        }
    }
    let needs = edges(ottofile, &run, &reverse);
    let plain: Vec<Vec<usize>> =
        needs.iter().map(|needs| needs.iter().map(|need| need.selected).collect()).collect();
    let order = graph::topological(needs.len(), |member| &plain[member])
        .map_err(|cycle| vec![circle(ottofile, &run.members, &cycle)])?;
    run.follow(ottofile, &order);

    let mut new_place = vec![0; order.len()];
    for (place, member) in order.iter().enumerate() {
        new_place[*member] = place;
    }
    let mut members: Vec<Option<(usize, Items)>> = run.members.into_iter().map(Some).collect();
    let mut needs: Vec<Option<Vec<TaskNeed>>> = needs.into_iter().map(Some).collect();
    let selected = order.into_iter().map(|member| {
        let (task, items) = members[member].take().expect("bug: a task stands twice in the order");
        let mut needs = needs[member].take().expect("bug: a task stands twice in the order");
        needs.iter_mut().for_each(|need| need.selected = new_place[need.selected]);
        Selected { task, items, needs }
    });
    Ok(selected.collect())
}

/// For each task of the run what it needs, as places among the members.
fn edges(ottofile: &Ottofile, run: &Members, reverse: &HashMap<usize, Vec<Reverse>>) -> Vec<Vec<TaskNeed>> {
    let Members { members, place, .. } = run;
    members
        .iter()
        .map(|(task, _)| {
            let mut needs: Vec<TaskNeed> = Vec::new();
            let before = &ottofile.tasks[*task].before;
            let is_special = |edge: &Edge| edge.turn.is_some() || edge.with.is_some();
            let mut known: HashSet<(usize, Option<String>, When)> = HashSet::new();
            let mut add = |selected: usize, item: Option<String>, when: When, edge: Option<usize>| {
                // The same edge written from both ends is one edge. One that sets values leads to another job.
                let edge_at = edge.map(|edge| &before[edge]);
                let sets_values =
                    edge_at.and_then(|edge| edge.with.as_ref()).is_some_and(|with| !with.values.is_empty());
                let is_new = !sets_values && known.insert((selected, item.clone(), when));
                if is_new || edge_at.is_some_and(is_special) {
                    needs.push(TaskNeed { selected, item, when, edge });
                }
            };
            for (edge_place, edge) in before.iter().enumerate() {
                let (target, item) = resolve(ottofile, edge);
                add(place[&target], item, edge.when, Some(edge_place));
            }
            for edge in reverse.get(task).into_iter().flatten() {
                if let Some(source) = place.get(&edge.source) {
                    add(*source, None, edge.edge.when, None);
                }
            }
            needs
        })
        .collect()
}

/// The task an edge names, and which of its items.
pub(super) fn resolve(ottofile: &Ottofile, edge: &Edge) -> (usize, Option<String>) {
    find(ottofile, &edge.task.value).expect("bug: an ottofile has an edge to no task")
}

/// The tasks that these edges name, each with its item and where that is written.
fn targets<'a>(
    ottofile: &'a Ottofile,
    edges: &'a [Edge],
) -> impl Iterator<Item = (usize, Option<(String, Mention)>)> + 'a {
    edges.iter().map(|edge| {
        let (task, item) = resolve(ottofile, edge);
        (task, item.map(|item| (item, Mention::Ottofile(edge.task.span))))
    })
}

/// Names a whole dependency cycle, with the place of each edge.
fn circle(ottofile: &Ottofile, members: &[(usize, Items)], cycle: &[usize]) -> Diagnostic {
    let names: Vec<&str> =
        cycle.iter().map(|member| ottofile.tasks[members[*member].0].name.as_str()).collect();
    let (chain, whole) = graph::circle_in_words(&names, "needs");
    let mut diagnostic = Diagnostic::error(Code::Cycle, format!("dependency cycle: {chain}"));
    for (place, member) in cycle.iter().enumerate().take(graph::CIRCLE_SHOWN) {
        let next = cycle[(place + 1) % cycle.len()];
        if let Some((span, text)) = edge_place(ottofile, members[*member].0, members[next].0) {
            diagnostic = diagnostic.at(&ottofile.sources, span, text);
        }
    }
    diagnostic.notes.extend(whole);
    diagnostic.help("remove one of these dependencies, or split a task")
}

/// Where it is written that `task` needs `need`.
pub(super) fn edge_place(ottofile: &Ottofile, task: usize, need: usize) -> Option<(Span, String)> {
    let names = |edge: &&Edge, wanted: usize| resolve(ottofile, edge).0 == wanted;
    let (task_name, need_name) = (&ottofile.tasks[task].name, &ottofile.tasks[need].name);
    let before = ottofile.tasks[task].before.iter().find(|edge| names(edge, need));
    let before = before.map(|edge| (edge.task.span, format!("`{task_name}` needs `{need_name}`")));
    before.or_else(|| {
        let after = ottofile.tasks[need].after.iter().find(|edge| names(edge, task))?;
        Some((after.task.span, format!("`{task_name}` runs after `{need_name}`")))
    })
}

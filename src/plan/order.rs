//! Lists that run in order: `steps`, and `in-order` in `needs`. What an entry itself needs waits for the entry before too,
//! unless that needs it as well. Works on the graph of jobs, and puts it in a new order where that is needed.

use super::draft::Draft;
use super::version::Valued;
use super::{Flow, GroupMembers, JobId, Need, Work, graph, select};
use crate::body;
use crate::diagnostic::{Code, Diagnostic};
use crate::ottofile::Ottofile;
use crate::ottofile::spec::{OrderedList, When};
use crate::source::Span;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Why a job waits for one that it does not need.
struct Wait {
    place: Span,
    text: String,
}

/// A list of one job: what runs first, what runs then. The jobs of one place run together.
struct Sequence {
    owner: usize,
    key: &'static str,
    /// The first place is what the task with the steps needs itself.
    has_needs: bool,
    places: Vec<Vec<SequenceEntry>>,
}

#[derive(Clone, Copy)]
struct SequenceEntry {
    job: usize,
    span: Span,
}

/// With which words an error of lists that contradict each other begins.
const CONTRADICTION: &str = "contradicting order";

/// Whether an error is about lists that contradict each other. They may do so if their tasks never run together.
pub(crate) fn is_contradiction(diagnostic: &Diagnostic) -> bool {
    diagnostic.code == Code::Cycle && diagnostic.message.starts_with(CONTRADICTION)
}

/// Adds the order of all lists, or says which of them contradict each other or what tasks need. `is_outline`: the tasks do not
/// run together, so a list that contradicts those before it is left out.
pub(super) fn arrange(
    ottofile: &Ottofile,
    mut valued: Valued,
    is_outline: bool,
) -> Result<Valued, Vec<Diagnostic>> {
    let lists: Vec<Sequence> =
        (0..valued.drafts.len()).flat_map(|owner| lists(ottofile, &valued.drafts, owner)).collect();
    let waits = match waits_of(ottofile, &valued.drafts, &lists.iter().collect::<Vec<_>>()) {
        Ok(waits) => waits,
        Err(wrong) if is_outline && wrong.iter().all(is_contradiction) => {
            let mut kept: Vec<&Sequence> = Vec::new();
            for list in &lists {
                kept.push(list);
                if waits_of(ottofile, &valued.drafts, &kept).is_err() {
                    kept.pop();
                }
            }
            waits_of(ottofile, &valued.drafts, &kept)?
        }
        Err(wrong) => return Err(wrong),
    };
    for list in lists.iter().filter(|list| list.key == OrderedList::Steps.key()) {
        pass_data(ottofile, &mut valued.drafts, list);
    }
    let mut added: Vec<(usize, usize)> = waits.keys().copied().collect();
    added.sort_unstable();
    for (job, earlier) in added {
        // A service is done with when it is ready.
        let is_service = valued.drafts[earlier].work == Work::Service;
        let flow = if is_service { Flow::Up } else { Flow::AtEnd };
        let draft = &mut valued.drafts[job];
        let job = JobId(earlier as u32);
        let need = Need { job, when: When::Success, flow };
        draft.needs.push(need);
        // Its jobs are still to come, and wait too.
        if let Work::ForeachGroup(GroupMembers::Awaited(awaited)) = &mut draft.work {
            awaited.needs.push(need);
        }
        draft.edges.push(None);
    }
    let needs: Vec<Vec<usize>> =
        valued.drafts.iter().map(|draft| draft.needs.iter().map(|need| need.job.index()).collect()).collect();
    let order = graph::topological(needs.len(), |job| &needs[job])
        .map_err(|cycle| vec![contradiction(ottofile, &valued.drafts, &waits, &cycle)])?;
    Ok(reordered(valued, &order))
}

/// Which jobs wait for which because of these lists, if that is possible.
fn waits_of(
    ottofile: &Ottofile,
    drafts: &[Draft],
    lists: &[&Sequence],
) -> Result<HashMap<(usize, usize), Wait>, Vec<Diagnostic>> {
    let mut waits = HashMap::new();
    let mut diagnostics = Vec::new();
    for list in lists {
        add_waits(ottofile, drafts, list, &mut waits, &mut diagnostics);
    }
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    let mut needs: Vec<Vec<usize>> =
        drafts.iter().map(|draft| draft.needs.iter().map(|need| need.job.index()).collect()).collect();
    let mut added: Vec<_> = waits.keys().copied().collect();
    added.sort_unstable();
    for (job, earlier) in added {
        needs[job].push(earlier);
    }
    match graph::topological(needs.len(), |job| &needs[job]) {
        Ok(_) => Ok(waits),
        Err(cycle) => Err(vec![contradiction(ottofile, drafts, &waits, &cycle)]),
    }
}

/// The lists of one job. `steps` begin when everything in `needs` is done.
fn lists(ottofile: &Ottofile, drafts: &[Draft], owner: usize) -> Vec<Sequence> {
    let draft = &drafts[owner];
    let task = &ottofile.tasks[draft.task];
    if task.before.iter().all(|edge| edge.turn.is_none()) {
        return Vec::new();
    }
    let mut found: BTreeMap<OrderedList, BTreeMap<usize, Vec<SequenceEntry>>> = BTreeMap::new();
    for (need, edge) in draft.needs.iter().zip(&draft.edges) {
        let Some(edge) = edge.map(|edge| &task.before[edge]) else { continue };
        let entry = SequenceEntry { job: need.job.index(), span: edge.task.span };
        if let Some(turn) = edge.turn {
            found.entry(turn.list).or_default().entry(turn.place).or_default().push(entry);
        }
        let is_before_steps =
            task.steps.is_some() && edge.turn.is_none_or(|turn| turn.list != OrderedList::Steps);
        if is_before_steps {
            found.entry(OrderedList::Steps).or_default().entry(0).or_default().push(entry);
        }
    }
    let list = |(list, places): (OrderedList, BTreeMap<usize, Vec<SequenceEntry>>)| Sequence {
        owner,
        key: list.key(),
        has_needs: places.contains_key(&0),
        places: places.into_values().collect(),
    };
    found.into_iter().map(list).collect()
}

/// Works out which jobs wait for which because of a list.
fn add_waits(
    ottofile: &Ottofile,
    drafts: &[Draft],
    list: &Sequence,
    waits: &mut HashMap<(usize, usize), Wait>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    // What the entries before are and need.
    let mut earlier: HashSet<usize> = HashSet::new();
    let mut listed: HashMap<usize, SequenceEntry> = HashMap::new();
    let mut needed: HashSet<usize> = HashSet::new();
    let mut previous: &[SequenceEntry] = &[];
    for (number, place) in list.places.iter().enumerate() {
        let mut own: HashSet<usize> = HashSet::new();
        for entry in place {
            if needed.contains(&entry.job) {
                continue;
            }
            if let Some(first) = listed.insert(entry.job, *entry) {
                diagnostics.push(twice(ottofile, drafts, list, &first, entry));
                continue;
            }
            let found = reached(drafts, entry.job, &earlier, &own);
            let is_new: HashSet<usize> = found.iter().copied().collect();
            for job in found {
                // A job that needs the success of one that waits need not wait itself.
                let is_held = drafts[job].needs.iter().any(|need| {
                    need.when == When::Success
                        && (is_new.contains(&need.job.index()) || own.contains(&need.job.index()))
                });
                if is_held && job != entry.job {
                    continue;
                }
                for previous in previous.iter().filter(|previous| previous.job != job) {
                    let names = [job, entry.job, previous.job].map(|job| &drafts[job].name);
                    let [name, step, before] = names;
                    let (key, owner) = (list.key, &drafts[list.owner].name);
                    let text = match name == step {
                        true => format!("`{name}` runs after `{before}` in `{key}` of `{owner}`"),
                        false => {
                            format!(
                                "`{step}`, which needs `{name}`, runs after `{before}` in `{key}` of `{owner}`"
                            )
                        }
                    };
                    waits.entry((job, previous.job)).or_insert(Wait { place: entry.span, text });
                }
            }
            own.extend(is_new);
        }
        if list.has_needs && number == 0 {
            needed.clone_from(&own);
        }
        earlier.extend(own);
        previous = place;
    }
}

/// A job and all that it needs, directly or through others, but for those that are known.
fn reached(drafts: &[Draft], job: usize, earlier: &HashSet<usize>, own: &HashSet<usize>) -> Vec<usize> {
    let mut seen: HashSet<usize> = HashSet::from([job]);
    let mut found = vec![job];
    let mut next = 0;
    while let Some(job) = found.get(next).copied() {
        next += 1;
        for need in &drafts[job].needs {
            let need = need.job.index();
            if !earlier.contains(&need) && !own.contains(&need) && seen.insert(need) {
                found.push(need);
            }
        }
    }
    found
}

fn twice(
    ottofile: &Ottofile,
    drafts: &[Draft],
    list: &Sequence,
    first: &SequenceEntry,
    second: &SequenceEntry,
) -> Diagnostic {
    let message = format!(
        "`{}` of task `{}` lists `{}` twice",
        list.key, drafts[list.owner].name, drafts[second.job].name
    );
    Diagnostic::error(Code::Contradiction, message)
        .at(&ottofile.sources, second.span, "listed again, with the values that it has anyway")
        .at(&ottofile.sources, first.span, "listed first")
        .help("a task runs once per run, unless its values differ")
}

/// A script among steps reads the data of everything before it.
fn pass_data(ottofile: &Ottofile, drafts: &mut [Draft], list: &Sequence) {
    let owner = &drafts[list.owner];
    let (inputs, aliases) = (owner.inputs.clone(), owner.aliases.clone());
    let owner_task = owner.task;
    let mut earlier: HashSet<JobId> = HashSet::new();
    for place in &list.places {
        for entry in place {
            let task = &ottofile.tasks[drafts[entry.job].task];
            let body = task.body.as_ref().filter(|_| task.step_of == Some(owner_task));
            if body.is_some_and(body::may_read_inputs) {
                let seen = |input: &&JobId| earlier.contains(*input);
                let draft = &mut drafts[entry.job];
                draft.inputs.extend(inputs.iter().filter(seen));
                draft.inputs.sort_unstable();
                draft.inputs.dedup();
                draft.aliases.extend(aliases.iter().cloned());
            }
        }
        earlier.extend(place.iter().map(|entry| JobId(entry.job as u32)));
    }
}

/// The graph in a new order, each job after all that it needs.
fn reordered(valued: Valued, order: &[usize]) -> Valued {
    let mut new = vec![JobId(0); order.len()];
    for (place, job) in order.iter().enumerate() {
        new[*job] = JobId(place as u32);
    }
    let id = |job: JobId| new[job.index()];
    let Valued { drafts, params, lanes } = valued;
    let mut parts: Vec<Option<_>> = drafts.into_iter().zip(params).map(Some).collect();
    let (mut drafts, mut params) = (Vec::with_capacity(order.len()), Vec::with_capacity(order.len()));
    for job in order {
        let (draft, values) = parts[*job].take().expect("bug: a job stands twice in the order");
        let mut needs: Vec<Need> =
            draft.needs.iter().map(|need| Need { job: id(need.job), ..*need }).collect();
        needs.sort_by_key(|need| (need.job, need.when, need.flow != Flow::AtEnd));
        // Where a second edge waits for the end, the first one need not hurry.
        needs.dedup_by_key(|need| (need.job, need.when));
        let mut inputs: Vec<JobId> = draft.inputs.iter().map(|input| id(*input)).collect();
        inputs.sort_unstable();
        inputs.dedup();
        let work = match draft.work {
            Work::ForeachGroup(GroupMembers::Known(members)) => {
                Work::ForeachGroup(GroupMembers::Known(members.into_iter().map(id).collect()))
            }
            Work::ForeachGroup(GroupMembers::Awaited(awaited)) => {
                Work::ForeachGroup(GroupMembers::Awaited(Box::new(awaited.moved(&|job| vec![id(job)]))))
            }
            work => work,
        };
        let group = draft.group.map(id);
        drafts.push(Draft { work, group, needs, inputs, edges: Vec::new(), ..draft });
        params.push(values);
    }
    Valued { drafts, params, lanes }
}

/// Names a cycle to which a list belongs.
fn contradiction(
    ottofile: &Ottofile,
    drafts: &[Draft],
    waits: &HashMap<(usize, usize), Wait>,
    cycle: &[usize],
) -> Diagnostic {
    let names: Vec<&str> = cycle.iter().map(|job| drafts[*job].name.as_str()).collect();
    let (chain, whole) = graph::circle_in_words(&names, "waits for");
    let mut diagnostic = Diagnostic::error(Code::Cycle, format!("{CONTRADICTION}: {chain}"));
    for (place, job) in cycle.iter().enumerate().take(graph::CIRCLE_SHOWN) {
        let next = cycle[(place + 1) % cycle.len()];
        let label = match waits.get(&(*job, next)) {
            Some(wait) => Some((wait.place, wait.text.clone())),
            None => select::edge_place(ottofile, drafts[*job].task, drafts[next].task),
        };
        if let Some((span, text)) = label {
            diagnostic = diagnostic.at(&ottofile.sources, span, text);
        }
    }
    diagnostic.notes.extend(whole);
    diagnostic.help("change the order in one of these lists, or split a task")
}

//! `otto Data diff`: which values differ between two runs, the first divergence in plan order first.

use super::{in_line, outputs_of};
use crate::command::Context;
use crate::command::pick::{Picked, Records};
use crate::history::passed::inputs;
use crate::name::JobName;
use crate::store::layout::file_name;
use crate::value::{self, Map, Value};
use crate::view::filter::shown;
use crate::view::wording::counted;
use std::collections::HashMap;
use std::fmt::Write as _;

/// One value of one job, as the two runs have it.
#[derive(Debug, PartialEq)]
struct Difference {
    job: JobName,
    key: String,
    from: Option<Value>,
    to: Option<Value>,
}

pub(super) fn run(context: &mut Context, records: &Records, from: &str, to: &str) -> Result<(), i32> {
    let from = records.read(context, from)?;
    let to = records.read(context, to)?;
    let (before, after) = (all(context, records, &from), all(context, records, &to));
    let compared = compare(&before, &after);
    if context.is_json {
        context.print(&json(&compared.differences));
        return Ok(());
    }
    let names = (from.found.short.as_str(), to.found.short.as_str());
    let text = text(&compared.differences, names);
    context.print(&text);
    let values = counted(compared.values, "value", "values");
    let end = match compared.differences.first() {
        None => format!("{} → {}: identical, {values}", names.0, names.1),
        Some(first) => format!(
            "{} → {}: {} of {values} differ, first in {}",
            names.0,
            names.1,
            compared.differences.len(),
            shown(first.job.as_str())
        ),
    };
    // If stderr is closed, there is nobody to tell.
    let _ = writeln!(context.stderr, "{end}");
    Ok(())
}

/// What each job of a run handed on, in plan order. A rerun stands on the run that it repeats: of jobs that it did not run
/// it has the values of that one, as far as it saw no others (`--set`).
fn all(context: &mut Context, records: &Records, picked: &Picked) -> Vec<(JobName, Map)> {
    let origin = picked.run.record.as_ref().ok().and_then(|record| record.origin.clone());
    // Older than its rerun, so this comes to an end, and it may have been cleaned away.
    let origin = origin.filter(|id| *id < picked.run.id && picked.found.project.run(id).path.is_dir());
    let mut values = match origin.and_then(|id| records.read(context, id.as_str()).ok()) {
        Some(origin) => all(context, records, &origin),
        None => Vec::new(),
    };
    let mut put = |name: &JobName, handed_on: Map| match values
        .iter_mut()
        .find(|(known, _)| known == name || file_name(known) == name.as_str())
    {
        Some((_, known)) => *known = handed_on,
        None => values.push((name.clone(), handed_on)),
    };
    let bodies = || picked.run.state.jobs.iter().filter(|job| job.planned.has_body);
    for job in bodies() {
        // What cannot be read is told where it is asked for.
        for input in inputs(&picked.run, &picked.run.job_dir(&job.planned.name), &mut Vec::new()) {
            if picked.run.state.job(&input.job).is_none() {
                put(&input.job, input.values);
            }
        }
    }
    for job in bodies() {
        put(&job.planned.name, outputs_of(context, picked, job));
    }
    values
}

struct Compared {
    /// In the plan order of the first run; what only the second one has comes last.
    differences: Vec<Difference>,
    /// How many values there are in either.
    values: usize,
}

fn compare(before: &[(JobName, Map)], after: &[(JobName, Map)]) -> Compared {
    let empty = Map::new();
    let [by_name_before, by_name_after] = [before, after]
        .map(|jobs| jobs.iter().map(|(name, values)| (name, values)).collect::<HashMap<&JobName, &Map>>());
    let only_after = after.iter().filter(|(name, _)| !by_name_before.contains_key(name));
    let mut compared = Compared { differences: Vec::new(), values: 0 };
    for (name, _) in before.iter().chain(only_after) {
        let from = by_name_before.get(name).copied().unwrap_or(&empty);
        let to = by_name_after.get(name).copied().unwrap_or(&empty);
        let only_to = to.iter().filter(|(key, _)| value::get(from, key).is_none());
        for (key, _) in from.iter().chain(only_to) {
            compared.values += 1;
            let (from, to) = (value::get(from, key), value::get(to, key));
            if from != to {
                compared.differences.push(Difference {
                    job: name.clone(),
                    key: key.clone(),
                    from: from.cloned(),
                    to: to.cloned(),
                });
            }
        }
    }
    compared
}

fn text(differences: &[Difference], (from, to): (&str, &str)) -> String {
    let mut text = String::new();
    for Difference { job, key, from: before, to: after } in differences {
        let name = shown(&format!("{job}.{key}")).into_owned();
        // A `String` takes everything.
        let _ = match (before, after) {
            (Some(before), Some(after)) => {
                writeln!(text, "{name}\n  {from:>6}  {}\n  {to:>6}  {}", in_line(before), in_line(after))
            }
            (Some(before), None) => {
                writeln!(text, "{name}\n  {from:>6}  {}\n  {to:>6}  not set", in_line(before))
            }
            (None, Some(after)) => {
                writeln!(text, "{name}\n  {from:>6}  not set\n  {to:>6}  {}", in_line(after))
            }
            (None, None) => Ok(()),
        };
    }
    text
}

/// `[{"task", "key", "from", "to"}]`; a value that is not set is left out.
fn json(differences: &[Difference]) -> String {
    let one = |difference: &Difference| {
        let mut map: Map = vec![
            ("task".to_owned(), Value::String(difference.job.to_string())),
            ("key".to_owned(), Value::String(difference.key.clone())),
        ];
        map.extend(difference.from.clone().map(|value| ("from".to_owned(), value.masked().into_owned())));
        map.extend(difference.to.clone().map(|value| ("to".to_owned(), value.masked().into_owned())));
        Value::Map(map)
    };
    value::indented(&Value::List(differences.iter().map(one).collect()))
}

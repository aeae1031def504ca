//! What a body sees of all jobs of a foreach task together: `INPUT["convert"]`, the list `INPUT["convert.*.rows"]`, and the
//! items. Only jobs that set all they were to set count; what a failed one left has its own name, `convert:b.rows`.

use super::Script;
use super::quote::{Charset, push_word};
use crate::name::JobName;
use crate::store::outputs::Outputs;
use crate::value;
use std::collections::HashMap;
use std::sync::Arc;

/// A foreach task on which a job depends as a whole.
#[derive(Clone, Debug)]
pub(crate) struct FanInData {
    pub(crate) name: JobName,
    /// In the order of the items.
    pub(crate) jobs: Vec<FanInJob>,
}

#[derive(Clone, Debug)]
pub(crate) struct FanInJob {
    /// What follows the colon in the name of the job.
    pub(crate) item: String,
    pub(crate) outputs: Arc<Outputs>,
}

/// Between the name of a foreach task and the key that is read of all its jobs.
const ALL: &str = ".*.";

/// The functions that tell the items.
const CALLS: [&str; 2] = ["otto.items", "otto_items"];

/// What a shell body reads of foreach tasks as a whole, by its own words: a list that nobody asks for would be one more key to
/// a body that goes through all of them.
pub(super) struct AskedLists<'a> {
    fan_ins: &'a [FanInData],
    text: &'a str,
    is_opaque: bool,
}

impl<'a> AskedLists<'a> {
    pub(super) fn by(script: &'a Script<'_>, text: &'a str, is_opaque: bool) -> AskedLists<'a> {
        AskedLists { fan_ins: script.fan_ins, text, is_opaque }
    }

    /// Whether it may want to know the items.
    pub(super) fn has_items(&self) -> bool {
        let calls = CALLS.iter().chain([&ALL]);
        self.is_opaque || calls.into_iter().any(|call| self.text.contains(call))
    }

    /// Every list that it may read, as JSON: `convert.*.rows`. All jobs have set its key; of a task without jobs it is empty.
    /// Keys inside of values count too, as for single jobs.
    pub(super) fn each_list(&self, take: &mut dyn FnMut(&str, &[u8])) {
        let mentions: Vec<(&str, &str)> = self
            .text
            .match_indices(ALL)
            .map(|(at, _)| (&self.text[..at], &self.text[at + ALL.len()..]))
            .collect();
        if mentions.is_empty() {
            return;
        }
        // A key that the shell composes may be any.
        let is_meant = |key: &str| {
            let fits =
                |rest: &str| rest.starts_with(key) || rest.starts_with(['$', '{', '`', '"', '\'', '\\']);
            mentions.iter().any(|(_, rest)| fits(rest))
        };
        for fan_in in self.fan_ins {
            let name = &fan_in.name;
            let Some((first, others)) = fan_in.jobs.split_first() else {
                let of_it = mentions.iter().filter(|(before, _)| before.ends_with(name.as_str()));
                of_it.for_each(|(before, rest)| {
                    take(&format!("{name}{ALL}{}", written_key(before, rest)), b"[]")
                });
                continue;
            };
            let mut lists: Vec<(String, String, usize)> = Vec::new();
            value::each_key(&first.outputs.values, &mut |key, item| {
                if is_meant(key) {
                    lists.push((key.to_owned(), format!("[{}", value::compact(item)), 1));
                }
            });
            let places: HashMap<String, usize> =
                lists.iter().enumerate().map(|(place, (key, ..))| (key.clone(), place)).collect();
            for job in others {
                value::each_key(&job.outputs.values, &mut |key, item| {
                    if let Some((_, list, count)) = places.get(key).map(|place| &mut lists[*place]) {
                        list.push(',');
                        list.push_str(&value::compact(item));
                        *count += 1;
                    }
                });
            }
            for (key, list, _) in lists.into_iter().filter(|(_, _, count)| *count == fan_in.jobs.len()) {
                take(&format!("{name}{ALL}{key}"), format!("{list}]").as_bytes());
            }
        }
    }

    /// `otto__items TASK COMMAND…`: calls the command with the items as its last arguments; status 1 if there is no such
    /// foreach task. `otto__foreach` names all.
    pub(super) fn push_items(&self, text: &mut Vec<u8>, charset: Charset) {
        if !self.has_items() {
            text.extend_from_slice(b"otto__items() { return 1; }\n");
            return;
        }
        text.extend_from_slice(b"otto__items() {\ncase $1 in\n");
        for FanInData { name, jobs } in self.fan_ins {
            push_word(text, name.as_str().as_bytes(), charset);
            text.extend_from_slice(b") shift; \"$@\"");
            for job in jobs {
                text.push(b' ');
                push_word(text, job.item.as_bytes(), charset);
            }
            text.extend_from_slice(b" ;;\n");
        }
        text.extend_from_slice(b"*) return 1 ;;\nesac\n}\notto__foreach=");
        let names: Vec<&str> = self.fan_ins.iter().map(|fan_in| fan_in.name.as_str()).collect();
        push_word(text, names.join(", ").as_bytes(), charset);
        text.push(b'\n');
    }
}

/// The key that a text reads, from what stands before and after `.*.`.
fn written_key<'t>(before: &str, rest: &'t str) -> &'t str {
    let word = before.rsplit(|c: char| c.is_whitespace() || "[\"'".contains(c)).next().unwrap_or_default();
    let is_enclosed = before[..before.len() - word.len()].ends_with(['[', '"', '\'']);
    let ends = |c: char| match is_enclosed {
        true => c == ']' || c == '"' || c == '\'' || c == '\n',
        false => c.is_whitespace() || ";|&()<>}".contains(c),
    };
    rest.split(ends).next().unwrap_or_default()
}

/// Why a list cannot be read: the foreach task, the item of the first job that did not set the key, and the key. `None`: all
/// set it, or no foreach task is meant.
pub(super) fn lacking<'s>(script: &Script<'s>, key: &str) -> Option<(&'s JobName, &'s str, String)> {
    let fits = |fan_in: &&FanInData| {
        key.strip_prefix(fan_in.name.as_str()).is_some_and(|rest| rest.starts_with(ALL))
    };
    let fan_in = script.fan_ins.iter().filter(fits).max_by_key(|fan_in| fan_in.name.as_str().len())?;
    let path = &key[fan_in.name.as_str().len() + ALL.len()..];
    let lacks = |job: &&FanInJob| value::lookup(&job.outputs.values, path).is_none();
    let job = fan_in.jobs.iter().find(lacks)?;
    Some((&fan_in.name, &job.item, path.to_owned()))
}

//! Reads of inputs and outcomes that find nothing.

use super::{DataFlow, Moment, listed};
use crate::body::Language;
use crate::body::uses::{Force, Read, What};
use crate::contract::{Contract, Shape};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::fate::FIELDS;
use crate::name::{JobName, similar};
use crate::ottofile::spec::{Body, Task, When};
use crate::plan::{Job, JobId, Work};
use crate::value::{self, Map};
use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;

/// What a job can read from, by the names that the ottofile of its task uses.
struct Dependencies {
    /// Other names of some of the jobs, with the names below.
    aliases: Vec<(String, String)>,
    /// Jobs of this run, by name, with the place of their task.
    jobs: Vec<(String, usize)>,
    /// What is read from an earlier run.
    recorded: Vec<(String, Rc<Map>)>,
    /// Foreach tasks whose jobs it sees together, by each of their names.
    together: Vec<Together>,
    /// Foreach tasks whose items are not known yet.
    unknown: Vec<usize>,
    /// Tasks without a body.
    groups: Vec<usize>,
    /// All that the ottofile says, whether or not it takes part in this run.
    declared: Vec<usize>,
}

struct Together {
    name: String,
    task: usize,
    /// There are jobs, and the data of each is there when this one runs.
    is_filled: bool,
}

/// What reading a path comes to.
enum Lookup {
    /// It may be there.
    Perhaps,
    /// It cannot be there. The label is for the other place.
    Missing { diagnostic: Diagnostic, is_sure: bool },
}

impl DataFlow<'_> {
    /// Findings about what the task of a job reads.
    pub(super) fn reads(&self, job: JobId, moment: Moment) -> Vec<Diagnostic> {
        let task = self.task(self.plan.job(job).task);
        let texts = self.texts(job);
        if texts.iter().all(|text| text.uses.reads.is_empty()) {
            return Vec::new();
        }
        let dependencies = self.dependencies(job);
        let mut told: HashMap<String, Force> = HashMap::new();
        // What the `if` asks for, the script may find missing.
        let mut asked: Vec<(What, &str)> = Vec::new();
        let mut found = Vec::new();
        for text in &texts {
            let takes_whole = Language::of(&text.body) == Language::Python;
            for read in &text.uses.reads {
                let force = match read.force {
                    Force::Optional => Force::Optional,
                    _ if asked.contains(&(read.what, &read.path)) => Force::Optional,
                    Force::Certain if text.is_conditional => Force::Uncertain,
                    force => force,
                };
                let read = Read { force, path: dependencies.path(&read.path), ..read.clone() };
                let answer = match read.what {
                    What::Input => self.input(task, &dependencies, &read, takes_whole),
                    What::Outcome => self.outcome(task, &dependencies, &read),
                };
                found.extend(self.missing(task, &text.body, &read, answer, moment, &mut told));
            }
            let optional = text.uses.reads.iter().filter(|read| read.force == Force::Optional);
            asked.extend(optional.map(|read| (read.what, read.path.as_str())));
        }
        found
    }

    /// What to say about a read, unless it was said before.
    fn missing(
        &self,
        task: &Task,
        body: &Body,
        read: &Read,
        answer: Lookup,
        moment: Moment,
        told: &mut HashMap<String, Force>,
    ) -> Option<Diagnostic> {
        let Lookup::Missing { diagnostic, is_sure } = answer else { return None };
        let is_of_task = diagnostic.code == Code::NotADependency;
        if read.force == Force::Optional && !is_of_task && moment == Moment::Run {
            return None;
        }
        // The same read again, no more certain than before.
        if told.get(&diagnostic.message).is_some_and(|before| *before >= read.force) {
            return None;
        }
        told.insert(diagnostic.message.clone(), read.force);
        let is_error = is_sure && read.force == Force::Certain;
        let severity = if is_error { Severity::Error } else { Severity::Warning };
        let diagnostic = Diagnostic { severity, ..diagnostic };
        let label = format!("`{}` reads it here", task.name);
        self.finding(diagnostic, body, &read.range, read.anchor, label)
    }

    fn dependencies(&self, job: JobId) -> Dependencies {
        let whole = self.plan.job(job);
        let inputs = self.plan.inputs(whole);
        let recorded = self.outside.recorded(job);
        let jobs: Vec<_> = inputs.iter().map(|input| self.plan.job(*input)).collect();
        let seen: Vec<&str> = recorded.iter().map(|(name, _)| name.as_str()).collect();
        let seen: HashSet<&str> =
            seen.into_iter().chain(jobs.iter().map(|input| input.name.as_str())).collect();
        let mut aliases = Vec::new();
        let mut named = |name: &str| {
            let mut names = self.ottofile.names_in(self.task(whole.task), name, &seen).into_iter();
            let first = names.next().unwrap_or_default();
            aliases.extend(names.map(|name| (name, first.clone())));
            first
        };
        let other_names: Vec<(String, &str)> = jobs
            .iter()
            .flat_map(|input| self.names(whole, input).into_iter().map(|name| (name, input.name.as_str())))
            .collect();
        let seen_as = |input: &Job| whole.name_of_input(self.ottofile, &input.name);
        let mut jobs: Vec<(String, usize)> =
            jobs.iter().map(|input| (named(seen_as(input).as_str()), input.task)).collect();
        // A job that follows another task item by item knows its own item by the name of that task.
        let followed = whole.members().and_then(|_| self.ottofile.followed(whole.task));
        jobs.extend(followed.map(|task| (self.name_for(self.task(whole.task), self.task(task)), task)));
        // A recorded input is that of the own item too.
        let seen_before = |name: &str| {
            let job = JobName::recorded(name).map(|job| whole.name_of_input(self.ottofile, &job));
            job.map_or_else(|| name.to_owned(), |job| job.as_str().to_owned())
        };
        let known: Vec<(String, Rc<Map>)> =
            recorded.iter().map(|(name, values)| (named(&seen_before(name)), Rc::clone(values))).collect();
        let mut others: Vec<(String, String)> =
            other_names.into_iter().map(|(other, name)| (other, named(name))).collect();
        for (name, _) in &recorded {
            let other_names = JobName::recorded(name).map(|name| whole.other_names(&name));
            for other in other_names.unwrap_or_default() {
                others.push((other.as_str().to_owned(), named(name)));
            }
        }
        aliases.extend(others);
        let recorded = known;
        let foreach = whole.inputs.iter().map(|input| self.plan.job(*input));
        let foreach = foreach.filter(|input| matches!(input.work, Work::ForeachGroup(_)));
        let together = foreach.flat_map(|group| {
            let task = self.task(group.task);
            let has_jobs = group.members().is_some_and(|members| !members.is_empty());
            let needs = whole.needs.iter().filter(|need| self.plan.job(need.job).name == group.name);
            let is_filled = has_jobs
                && task.condition.is_none()
                && needs.clone().next().is_some()
                && needs.clone().all(|need| matches!(need.when, When::Success | When::Ran));
            let names = self.ottofile.names_in(self.task(whole.task), group.name.as_str(), &seen);
            let others = whole.other_names(&group.name).into_iter().map(|name| name.as_str().to_owned());
            let task = group.task;
            names.into_iter().chain(others).map(move |name| Together { name, task, is_filled })
        });
        let together = together.collect();
        let groups = |is_meant: fn(&Work) -> bool| {
            let needs = whole.needs.iter().map(|need| self.plan.job(need.job));
            needs.filter(|need| is_meant(&need.work)).map(|need| need.task).collect::<Vec<_>>()
        };
        let has_items = |task: &usize| inputs.iter().any(|input| self.plan.job(*input).task == *task);
        let unknown = groups(|work| matches!(work, Work::ForeachGroup(_)))
            .into_iter()
            .filter(|task| !has_items(task))
            .collect();
        let declared = self.declared(whole.task);
        let groups = groups(|work| *work == Work::Group);
        Dependencies { aliases, jobs, recorded, together, unknown, groups, declared }
    }

    /// The names by which a job reads the data of another one. One with values of its own may turn out to be the plain one,
    /// where the values are not known yet.
    fn names(&self, reader: &Job, input: &Job) -> Vec<String> {
        let task = self.task(input.task).name.as_str();
        let item = input.name.as_str().strip_prefix(task).filter(|rest| rest.starts_with('['));
        let plain = item.map(|rest| format!("{task}{}", rest.rsplit_once(']').map_or("", |(_, item)| item)));
        let others = reader.other_names(&input.name).into_iter().map(|other| other.as_str().to_owned());
        others.chain(plain).collect()
    }

    /// The tasks on which a task depends by what is written at it and at them.
    pub(super) fn declared(&self, place: usize) -> Vec<usize> {
        let before = self.task(place).before.iter();
        let mut all: Vec<usize> = before.filter_map(|edge| self.named(&edge.task.value)).collect();
        for follower in self.followers.get(&place).into_iter().flatten() {
            if !all.contains(follower) {
                all.push(*follower);
            }
        }
        all
    }

    /// The task of `task` or `task:item`.
    pub(super) fn named(&self, name: &str) -> Option<usize> {
        let whole = self.ottofile.position(name);
        whole
            .or_else(|| name.match_indices(':').find_map(|(colon, _)| self.ottofile.position(&name[..colon])))
    }

    /// What the ottofile of one task calls another one.
    pub(super) fn name_for(&self, reader: &Task, task: &Task) -> String {
        self.ottofile.name_in(reader.name_span.source, task.name.as_str())
    }

    fn input(&self, reader: &Task, dependencies: &Dependencies, read: &Read, takes_whole: bool) -> Lookup {
        let path = read.path.as_str();
        if let Some(answer) = self.together(dependencies, read, takes_whole) {
            return answer;
        }
        let recorded = dependencies.recorded.iter().map(|(name, _)| name.as_str());
        let names = dependencies.jobs.iter().map(|(name, _)| name.as_str()).chain(recorded);
        let found = names.filter(|name| after(path, name).is_some()).max_by_key(|name| name.len());
        let Some(name) = found else {
            return self.not_a_dependency(reader, dependencies, read, takes_whole);
        };
        let rest = after(path, name).unwrap_or("");
        if rest.is_empty() {
            return self.whole(name, dependencies, takes_whole);
        }
        if let Some((_, values)) = dependencies.recorded.iter().find(|(known, _)| known == name) {
            return recorded_key(name, values, rest);
        }
        match dependencies.jobs.iter().find(|(known, _)| known == name) {
            Some((_, place)) => match rest.strip_prefix("*.") {
                Some(key) if self.is_followed(reader, *place) => self.of_all(reader, *place, name, key),
                Some(_) | None => self.key(name, *place, rest, read.force),
            },
            None => Lookup::Perhaps,
        }
    }

    /// A read from all jobs of a task that the reader follows item by item.
    fn of_all(&self, reader: &Task, place: usize, name: &str, key: &str) -> Lookup {
        let message = format!("`{}` reads only its own item of `{name}`, which it follows", reader.name);
        let task = self.task(place);
        let foreach = task.foreach.as_ref().map_or(task.name_span, |foreach| foreach.span);
        let diagnostic = Diagnostic::warning(Code::NoSuchInput, message)
            .at(
                &self.ottofile.sources,
                foreach,
                format!("each job of `{}` follows one of these", reader.name),
            )
            .help(format!("`{name}.{key}` is that of its own item"))
            .help(format!(
                "to read them all, depend on `{name}` in a task that does not follow it with `each`"
            ));
        Lookup::Missing { diagnostic, is_sure: true }
    }

    fn is_followed(&self, reader: &Task, place: usize) -> bool {
        let reader = self.ottofile.position(reader.name.as_str());
        reader.and_then(|reader| self.ottofile.followed(reader)) == Some(place)
    }

    /// A read of all jobs of a foreach task: `convert`, or `convert.*.rows`.
    fn together(&self, dependencies: &Dependencies, read: &Read, takes_whole: bool) -> Option<Lookup> {
        let rest = |all: &&Together| {
            let rest = read.path.strip_prefix(&*all.name)?;
            (rest.is_empty() || rest.starts_with(".*.")).then_some(rest)
        };
        let fitting = dependencies.together.iter().filter(|all| rest(all).is_some());
        let all = fitting.max_by_key(|all| all.name.len())?;
        if let Some(key) = rest(&all)?.strip_prefix(".*.") {
            return Some(match self.key(&format!("{}.*", all.name), all.task, key, read.force) {
                // Of no jobs the list is empty.
                Lookup::Missing { diagnostic, is_sure } => {
                    Lookup::Missing { diagnostic, is_sure: is_sure && all.is_filled }
                }
                Lookup::Perhaps => Lookup::Perhaps,
            });
        }
        let is_taken = dependencies.jobs.iter().any(|(name, _)| *name == all.name);
        if takes_whole || is_taken {
            return (!is_taken).then_some(Lookup::Perhaps);
        }
        let name = &all.name;
        let diagnostic = Diagnostic::warning(
            Code::NoSuchInput,
            format!("`{name}` is a foreach task, not one of its outputs"),
        )
        .at(&self.ottofile.sources, self.task(all.task).name_span, "has `foreach`")
        .help(format!("`{name}.*.KEY` reads a key of all its jobs; `otto.items {name}` lists the items"));
        Some(Lookup::Missing { diagnostic, is_sure: true })
    }

    /// A read of all that a task set.
    fn whole(&self, name: &str, dependencies: &Dependencies, takes_whole: bool) -> Lookup {
        if takes_whole {
            return Lookup::Perhaps;
        }
        let place = dependencies.jobs.iter().find(|(known, _)| known == name).map(|(_, place)| *place);
        let message = format!("`{name}` is a task, not one of its outputs");
        let diagnostic = Diagnostic::warning(Code::NoSuchInput, message);
        let diagnostic = match place {
            Some(place) => {
                let keys = self.keys(place);
                let first: Vec<String> = keys.iter().take(3).map(|key| format!("{name}.{key}")).collect();
                let first: Vec<&str> = first.iter().map(String::as_str).collect();
                self.with_writer(diagnostic, place).did_you_mean(&first)
            }
            None => diagnostic,
        };
        Lookup::Missing { diagnostic, is_sure: true }
    }

    /// The keys that a task declares or sets.
    pub(super) fn keys(&self, place: usize) -> Vec<String> {
        let declared = self.task(place).outputs.as_ref();
        let declared = declared.iter().flat_map(|contract| &contract.value.keys).map(|key| key.name.clone());
        let mut keys: Vec<String> = declared.collect();
        let is_closed =
            self.task(place).outputs.as_ref().is_some_and(|contract| contract.value.others.is_none());
        for key in self.uses(place).keys().into_iter().filter(|_| !is_closed) {
            if !keys.iter().any(|known| known == key) {
                keys.push(key.to_owned());
            }
        }
        keys
    }

    fn key(&self, name: &str, place: usize, rest: &str, force: Force) -> Lookup {
        let task = self.task(place);
        let uses = self.uses(place);
        let prefixes = || {
            let dots = rest.match_indices('.').map(|(dot, _)| &rest[..dot]);
            dots.chain([rest])
        };
        let is_set = prefixes().any(|key| uses.may_set(key));
        let contract = task.outputs.as_ref().map(|contract| &contract.value);
        let declared = contract.and_then(|contract| {
            let known = prefixes().filter_map(|key| contract.get(key));
            known.max_by_key(|declared| declared.name.len())
        });
        if let Some(declared) = declared {
            if let Some(inner) = rest.get(declared.name.len() + 1..)
                && let Some(why) = excluded(&declared.promise.shape, inner)
            {
                let message = format!("output `{}` of task `{name}` {why}", declared.name);
                let diagnostic = Diagnostic::warning(Code::NoSuchInput, message).at(
                    &self.ottofile.sources,
                    declared.span,
                    format!("declared as `{}`", declared.promise),
                );
                return Lookup::Missing { diagnostic, is_sure: true };
            }
            let is_given = !declared.promise.is_optional || declared.promise.default.is_some();
            // A read with a default is prepared for an unset key.
            if is_given || force == Force::Optional || uses.may_set(&declared.name) {
                return Lookup::Perhaps;
            }
        }
        let allows_more = contract.is_none_or(|contract| contract.others.is_some());
        let is_export = rest.starts_with("OTTO_");
        if declared.is_none() && (allows_more || is_export) && is_set {
            return Lookup::Perhaps;
        }
        let is_sure = declared.is_none() && !allows_more && !is_export || task.body.is_none();
        let key = rest.split('.').next().unwrap_or(rest);
        let owner = name.strip_suffix(".*").unwrap_or(name);
        let message = match is_sure {
            true => format!("task `{owner}` has no output `{key}`"),
            false => format!("task `{owner}` never sets `{key}`"),
        };
        let keys = self.keys(place);
        let near = similar(rest, keys.iter().map(String::as_str), 3);
        let near: Vec<String> = near.iter().map(|key| format!("{name}.{key}")).collect();
        let near: Vec<&str> = near.iter().map(String::as_str).collect();
        let diagnostic =
            self.with_writer(Diagnostic::warning(Code::NoSuchInput, message), place).did_you_mean(&near);
        let diagnostic = match (near.is_empty(), declared) {
            (true, Some(_)) => diagnostic.help(format!("read it with a default, or set `{key}` in `{name}`")),
            (true, None) => diagnostic.help(format!("set `{key}` in `{name}`, or read another key")),
            (false, _) => diagnostic,
        };
        Lookup::Missing { diagnostic, is_sure }
    }

    /// Shows what a task sets, and where.
    fn with_writer(&self, diagnostic: Diagnostic, place: usize) -> Diagnostic {
        let task = self.task(place);
        let source = &self.ottofile.sources;
        if let Some(contract) = &task.outputs {
            let names = contract.value.keys.iter().map(|key| key.name.as_str());
            return diagnostic.at(
                source,
                contract.span,
                format!("`{}` declares {}", task.name, listed(names)),
            );
        }
        let uses = self.uses(place);
        let keys = uses.keys();
        match (&task.body, uses.sets.first()) {
            (Some(body), Some(set)) => {
                let span = crate::body::uses::places(body, source.of(body.span), &set.range, set.anchor).0;
                diagnostic.at(source, span, format!("`{}` sets {}", task.name, listed(keys)))
            }
            (Some(body), None) => {
                diagnostic.at(source, body.key_span, format!("`{}` sets nothing", task.name))
            }
            (None, _) => diagnostic.at(source, task.name_span, "a task without a script has no outputs"),
        }
    }

    /// A path that belongs to none of the dependencies.
    fn not_a_dependency(
        &self,
        reader: &Task,
        dependencies: &Dependencies,
        read: &Read,
        takes_whole: bool,
    ) -> Lookup {
        let (path, what) = (read.path.as_str(), read.what);
        let tasks = self.ottofile.tasks.iter().enumerate();
        let owner = tasks
            .flat_map(|(place, task)| {
                let names = [self.name_for(reader, task), task.name.as_str().to_owned()];
                names.map(|name| (place, task, name))
            })
            .filter(|(_, _, name)| {
                let rest = path.strip_prefix(name.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', ':']))
            })
            .max_by_key(|(_, _, name)| name.len());
        let known: Vec<&str> = dependencies.jobs.iter().map(|(name, _)| name.as_str()).collect();
        let Some((place, task, name)) = owner else {
            // A job with values, which are not all known before a run.
            let has_values = |place: &usize| {
                let rest = path.strip_prefix(self.task(*place).name.as_str());
                rest.is_some_and(|rest| rest.starts_with('['))
            };
            let together = dependencies.together.iter().map(|all| &all.task);
            if dependencies.jobs.iter().map(|(_, place)| place).chain(together).any(has_values) {
                return Lookup::Perhaps;
            }
            let aliases = dependencies.aliases.iter().map(|(alias, _)| alias.as_str());
            let mut told = HashSet::new();
            let known: Vec<&str> =
                known.into_iter().chain(aliases).filter(|name| told.insert(*name)).collect();
            return self.unknown_task(reader, dependencies, path, &known);
        };
        let rest = &path[name.len()..];
        let is_here = |(_, known): &&(String, usize)| *known == place;
        if let Some((first, _)) = dependencies.jobs.iter().find(is_here).filter(|_| task.foreach.is_some()) {
            return match rest.strip_prefix(':') {
                Some(rest) => self.unknown_item(reader, task, rest, &known),
                None if rest.is_empty() || what == What::Outcome => Lookup::Perhaps,
                // `INPUT["convert"]["a"]`: those of one item.
                None if known.iter().any(|name| has_item(name, task.name.as_str(), &rest[1..])) => {
                    Lookup::Perhaps
                }
                None => {
                    let key = rest[1..].trim_start_matches("*.");
                    // `INPUT["convert"]["z"]["rows"]`, unless it begins with a key.
                    let keys = self.keys(place);
                    let item =
                        key.split_once('.').filter(|_| keys.iter().all(|known| after(key, known).is_none()));
                    let key = item.map_or(key, |(_, key)| key);
                    let items = dependencies.jobs.iter().filter(|(_, known)| *known == place);
                    let items = listed(items.map(|(name, _)| name.as_str()));
                    let message = format!("`{name}` is a foreach task; its values belong to {items}");
                    let diagnostic = Diagnostic::warning(Code::NotADependency, message)
                        .at(&self.ottofile.sources, task.name_span, "has `foreach`")
                        .help(format!("name the item, as in `{first}.{key}`"));
                    let diagnostic = match item {
                        Some((item, _)) => diagnostic.note(format!("`{item}` is not one of its items")),
                        None => diagnostic,
                    };
                    Lookup::Missing { diagnostic, is_sure: true }
                }
            };
        }
        if dependencies.unknown.contains(&place) {
            return match what {
                What::Input => self.unknown_items(&name, place, rest, read.force, takes_whole),
                What::Outcome => Lookup::Perhaps,
            };
        }
        if self.is_left_out(dependencies, place) {
            return Lookup::Perhaps;
        }
        if dependencies.groups.contains(&place) {
            if what == What::Outcome {
                return Lookup::Perhaps;
            }
            let message = format!("task `{name}` has no outputs");
            let diagnostic = self.with_writer(Diagnostic::warning(Code::NoSuchInput, message), place);
            return Lookup::Missing { diagnostic, is_sure: true };
        }
        let message = format!("`{name}` is not a dependency of `{}`", reader.name);
        let mut diagnostic = Diagnostic::warning(Code::NotADependency, message).at(
            &self.ottofile.sources,
            task.name_span,
            "not a dependency",
        );
        if let Some(way) = self.way(reader, place) {
            let named = |task: &usize| format!("`{}`", self.name_for(reader, self.task(*task)));
            let way: Vec<String> = way.iter().map(named).collect();
            diagnostic = diagnostic.note(format!(
                "{} leads there, but a task reads only from its direct dependencies",
                way.join(" → ")
            ));
        }
        let diagnostic =
            diagnostic.help(format!("add `{name}` to `{}` of `{}`", reader.needs_key, reader.name));
        Lookup::Missing { diagnostic, is_sure: true }
    }

    /// A read from a job of a foreach task whose items are not known: `:item.key`, or in Python `["item"]["key"]`.
    fn unknown_items(&self, name: &str, place: usize, rest: &str, force: Force, takes_whole: bool) -> Lookup {
        // An item may have dots, so any of them may be the end of its name.
        let dots = rest.match_indices('.').map(|(dot, _)| dot).filter(|dot| *dot > 0);
        let mut keys: Vec<&str> = dots.map(|dot| &rest[dot + 1..]).filter(|key| !key.is_empty()).collect();
        if keys.is_empty() {
            if takes_whole || rest.len() < 2 || rest.starts_with(':') {
                return Lookup::Perhaps;
            }
            let key = &rest[1..];
            let message = format!("`{name}` is a foreach task; its values belong to its items");
            let diagnostic = Diagnostic::warning(Code::NotADependency, message)
                .at(&self.ottofile.sources, self.task(place).name_span, "has `foreach`")
                .help(format!(
                    "name the item, as in `{name}:ITEM.{key}`, or read all of them: `{name}.*.{key}`"
                ));
            return Lookup::Missing { diagnostic, is_sure: true };
        }
        // What begins with a key that the task has is meant as that.
        let known = self.keys(place);
        let is_known = |key: &&str| known.iter().any(|known| after(key, known).is_some());
        keys.sort_by_key(|key| (!is_known(key), key.len()));
        let mut answers = keys.iter().map(|key| {
            let item = &rest[1..rest.len() - key.len() - 1];
            self.key(&format!("{name}:{item}"), place, key, force)
        });
        let first = answers.next().unwrap_or(Lookup::Perhaps);
        match answers.any(|answer| matches!(answer, Lookup::Perhaps)) {
            true => Lookup::Perhaps,
            false => first,
        }
    }

    fn is_left_out(&self, dependencies: &Dependencies, place: usize) -> bool {
        dependencies.declared.contains(&place) && !dependencies.groups.contains(&place)
    }

    /// The shortest chain of dependencies from a task to another one.
    fn way(&self, from: &Task, to: usize) -> Option<Vec<usize>> {
        let start = self.ottofile.position(from.name.as_str())?;
        let mut before: HashMap<usize, usize> = HashMap::new();
        let mut open = VecDeque::from([start]);
        while let Some(task) = open.pop_front() {
            if task == to {
                let mut way = vec![to];
                while let Some(previous) = way.last().and_then(|task| before.get(task)) {
                    way.push(*previous);
                }
                way.reverse();
                return Some(way);
            }
            for next in self.declared(task) {
                if next != start && !before.contains_key(&next) {
                    before.insert(next, task);
                    open.push_back(next);
                }
            }
        }
        None
    }

    fn unknown_item(&self, reader: &Task, task: &Task, rest: &str, known: &[&str]) -> Lookup {
        let item = rest.split('.').next().unwrap_or(rest);
        let name = self.name_for(reader, task);
        let wanted = format!("{name}:{item}");
        let of_items = format!("{name}:");
        let of_whole_items = format!("{}:", task.name);
        if reader.before.iter().any(|edge| edge.task.value.starts_with(&of_whole_items)) {
            let items = known.iter().copied().filter(|name| name.starts_with(&of_items));
            let message =
                format!("`{}` does not depend on `{wanted}`, only on {}", reader.name, listed(items));
            let diagnostic = Diagnostic::warning(Code::NotADependency, message).help(format!(
                "add `{wanted}` to `{}` of `{}`, or `{name}` for all items",
                reader.needs_key, reader.name
            ));
            return Lookup::Missing { diagnostic, is_sure: true };
        }
        let near = similar(&wanted, known.iter().copied(), 3);
        let items = known.iter().filter_map(|name| name.strip_prefix(&of_items));
        let message = format!("`{wanted}` does not exist: no item of `{name}` has this name");
        let diagnostic = Diagnostic::warning(Code::NotADependency, message)
            .at(&self.ottofile.sources, task.name_span, format!("its items here are {}", listed(items)))
            .did_you_mean(&near);
        Lookup::Missing { diagnostic, is_sure: true }
    }

    fn unknown_task(&self, reader: &Task, dependencies: &Dependencies, path: &str, known: &[&str]) -> Lookup {
        let (name, key) = path.split_once('.').unwrap_or((path, ""));
        if key.is_empty() {
            // `INPUT[version]`
            let with_key =
                dependencies.jobs.iter().filter(|(_, place)| self.keys(*place).iter().any(|key| key == path));
            let meant: Vec<String> = with_key.map(|(job, _)| format!("{job}.{path}")).collect();
            if !meant.is_empty() {
                let meant: Vec<&str> = meant.iter().take(3).map(String::as_str).collect();
                let message = format!("`{path}` has no task name: inputs are `TASK.KEY`");
                let diagnostic = Diagnostic::warning(Code::NoSuchInput, message).did_you_mean(&meant);
                return Lookup::Missing { diagnostic, is_sure: true };
            }
        }
        let all: Vec<String> = self.ottofile.tasks.iter().map(|task| self.name_for(reader, task)).collect();
        let mut near = similar(name, known.iter().copied(), 3);
        if near.is_empty() {
            near = similar(name, all.iter().map(String::as_str), 3);
        }
        let near: Vec<String> = near
            .iter()
            .map(|near| if key.is_empty() { (*near).to_owned() } else { format!("{near}.{key}") })
            .collect();
        let near: Vec<&str> = near.iter().map(String::as_str).collect();
        let message = format!("there is no task `{name}`");
        let those = match known {
            [] => "no task".to_owned(),
            known => listed(known.iter().copied()),
        };
        let diagnostic = Diagnostic::warning(Code::NotADependency, message)
            .at(&self.ottofile.sources, reader.name_span, format!("depends on {those}"))
            .did_you_mean(&near);
        Lookup::Missing { diagnostic, is_sure: true }
    }

    fn outcome(&self, reader: &Task, dependencies: &Dependencies, read: &Read) -> Lookup {
        let path = read.path.as_str();
        let recorded = dependencies.recorded.iter().map(|(name, _)| name.as_str());
        let names = dependencies.jobs.iter().map(|(name, _)| name.as_str()).chain(recorded);
        let declared: Vec<String> =
            dependencies.declared.iter().map(|place| self.name_for(reader, self.task(*place))).collect();
        let declared = declared.iter().map(String::as_str);
        let found =
            names.chain(declared).filter(|name| after(path, name).is_some()).max_by_key(|name| name.len());
        let Some(name) = found else {
            return self.not_a_dependency(reader, dependencies, read, false);
        };
        let field = after(path, name).unwrap_or("");
        if field.is_empty() || FIELDS.contains(&field) {
            return Lookup::Perhaps;
        }
        let near: Vec<String> =
            similar(field, FIELDS, 3).iter().map(|field| format!("{name}.{field}")).collect();
        let near: Vec<&str> = near.iter().map(String::as_str).collect();
        let message = format!("the outcome of `{name}` has no field `{field}`");
        let diagnostic = Diagnostic::warning(Code::NoSuchInput, message)
            .note(format!("it has {}", listed(FIELDS)))
            .did_you_mean(&near);
        Lookup::Missing { diagnostic, is_sure: true }
    }
}

impl Dependencies {
    /// A path that starts with the name that the ottofile uses, whichever of its names the job was given.
    fn path(&self, path: &str) -> String {
        let names = self.jobs.iter().map(|(name, _)| name).chain(self.recorded.iter().map(|(name, _)| name));
        let names = names.map(|name| (name, name));
        let all = names.chain(self.aliases.iter().map(|(alias, name)| (alias, name)));
        let found =
            all.filter_map(|(alias, name)| Some((alias.len(), name, path.strip_prefix(alias.as_str())?)));
        let found = found.filter(|(.., rest)| rest.is_empty() || rest.starts_with('.'));
        let longest = found.max_by_key(|(length, ..)| *length);
        longest.map_or_else(|| path.to_owned(), |(_, name, rest)| format!("{name}{rest}"))
    }
}

/// What follows the name of a job in a path: empty for the job as a whole.
pub(super) fn after<'a>(path: &'a str, name: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(name)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') }
}

/// Whether a path begins with the item of this job of a foreach task.
fn has_item(job: &str, task: &str, path: &str) -> bool {
    let item = job.strip_prefix(task).and_then(|rest| rest.strip_prefix(':'));
    item.is_some_and(|item| after(path, item).is_some())
}

fn recorded_key(name: &str, values: &Map, rest: &str) -> Lookup {
    if value::lookup(values, rest).is_some() {
        return Lookup::Perhaps;
    }
    let names: Vec<&str> = values.iter().map(|(name, _)| name.as_str()).collect();
    let near: Vec<String> =
        similar(rest, names.iter().copied(), 3).iter().map(|key| format!("{name}.{key}")).collect();
    let near: Vec<&str> = near.iter().map(String::as_str).collect();
    let message = format!("task `{name}` has no output `{rest}` in its recorded data");
    let diagnostic = Diagnostic::warning(Code::NoSuchInput, message)
        .note(format!("it set {}", listed(names)))
        .did_you_mean(&near);
    Lookup::Missing { diagnostic, is_sure: true }
}

/// Why a value of this shape has nothing at a path inside it. Continues "output `k` of task `t` …".
fn excluded(shape: &Shape, path: &str) -> Option<String> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let deeper = |shape: &Shape| rest.and_then(|rest| excluded(shape, rest));
    match shape {
        Shape::Any => None,
        Shape::Str | Shape::Int | Shape::Float | Shape::Bool | Shape::Path | Shape::File | Shape::Dir => {
            Some(format!("has no parts, so there is no `{path}` in it"))
        }
        Shape::List(item) => match first {
            "#" => None,
            _ if first.bytes().all(|byte| byte.is_ascii_digit()) => deeper(item),
            _ => Some(format!("is a list, whose items are numbered: there is no `{first}` in it")),
        },
        // A key of a map may have dots.
        Shape::Map(_) => None,
        Shape::Object(contract) => of_object(contract, path),
    }
}

fn of_object(contract: &Contract, path: &str) -> Option<String> {
    let keys = contract.keys.iter();
    let is_start =
        |name: &str| path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let known = keys.clone().filter(|key| is_start(&key.name)).max_by_key(|key| key.name.len());
    match known {
        Some(key) => path.get(key.name.len() + 1..).and_then(|rest| excluded(&key.promise.shape, rest)),
        None if contract.others.is_some() => None,
        None => Some(format!("has no key `{path}`; it has {}", listed(keys.map(|key| key.name.as_str())))),
    }
}

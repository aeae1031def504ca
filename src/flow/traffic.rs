//! Where the values of an ottofile go: which keys each task sets, and who reads them.

use super::DataFlow;
use crate::body::Language;
use crate::body::uses::{self, Force, Uses, What};
use crate::ottofile::spec::Body;
use crate::source::Span;
use std::ops::Range;

/// What one task gives to others.
#[derive(Debug)]
pub(crate) struct TaskFlow {
    /// Place of the task in `Ottofile::tasks`.
    pub(crate) task: usize,
    /// Declared ones first, then those that the script sets, then those that others only read.
    pub(crate) keys: Vec<KeyFlow>,
    /// It may set keys that its script does not show.
    pub(crate) is_open: bool,
    /// Places that read all its values together.
    pub(crate) whole: Vec<Reading>,
    /// Dependent tasks that may read any key: their scripts do not show which.
    pub(crate) perhaps: Vec<usize>,
    /// Dependent tasks that read none of its values.
    pub(crate) idle: Vec<usize>,
}

#[derive(Debug)]
pub(crate) struct KeyFlow {
    pub(crate) name: String,
    /// As declared.
    pub(crate) kind: Option<String>,
    /// Where it is declared, else where it is first set. `None`: neither, as far as the script shows.
    pub(crate) span: Option<Span>,
    pub(crate) readers: Vec<Reading>,
}

/// A place that reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) task: usize,
    pub(crate) span: Span,
    /// It has something else where there is no value.
    pub(crate) is_optional: bool,
}

impl TaskFlow {
    /// Whether a task may read a key, as far as its script shows.
    pub(crate) fn may_read(&self, reader: usize, key: &str) -> bool {
        let of_key = self.keys.iter().filter(|known| known.name == key).flat_map(|known| &known.readers);
        self.perhaps.contains(&reader)
            || self.whole.iter().chain(of_key).any(|reading| reading.task == reader)
    }
}

impl DataFlow<'_> {
    /// What each task gives, in the order of the ottofile; tasks that have no values and nobody who waits are left out.
    pub(crate) fn traffic(&self) -> Vec<TaskFlow> {
        let mut all: Vec<TaskFlow> = (0..self.ottofile.tasks.len()).map(|place| self.given(place)).collect();
        for reader in 0..self.ottofile.tasks.len() {
            self.take(reader, &mut all);
        }
        all.retain(|given| {
            !(given.keys.is_empty()
                && given.whole.is_empty()
                && given.perhaps.is_empty()
                && given.idle.is_empty())
        });
        all
    }

    /// The keys of a task, without readers.
    fn given(&self, place: usize) -> TaskFlow {
        let task = self.task(place);
        let uses = self.uses(place);
        let contract = task.outputs.as_ref().map(|contract| &contract.value);
        let declared = contract.into_iter().flat_map(|contract| &contract.keys).map(|key| KeyFlow {
            name: key.name.clone(),
            kind: Some(key.promise.to_string()),
            span: Some(key.span),
            readers: Vec::new(),
        });
        let mut keys: Vec<KeyFlow> = declared.collect();
        for set in &uses.sets {
            if !keys.iter().any(|key| key.name == set.key) {
                let span = task.body.as_ref().map(|body| self.span(body, &set.range, set.anchor));
                keys.push(KeyFlow { name: set.key.clone(), kind: None, span, readers: Vec::new() });
            }
        }
        let is_closed = contract.is_some_and(|contract| contract.others.is_none());
        TaskFlow {
            task: place,
            keys,
            is_open: uses.is_open && !is_closed,
            whole: Vec::new(),
            perhaps: Vec::new(),
            idle: Vec::new(),
        }
    }

    /// Adds what one task reads to what the others give.
    fn take(&self, reader: usize, all: &mut [TaskFlow]) {
        let sources = self.declared(reader);
        let mut is_used = vec![false; sources.len()];
        let mut may_read_more = false;
        for (body, uses, _) in self.scripts(reader) {
            may_read_more |= may_read_more_than(&body, &uses);
            for read in uses.reads.iter().filter(|read| read.what == What::Input) {
                let Some((number, rest)) = self.source(reader, &sources, &read.path) else { continue };
                is_used[number] = true;
                let span = self.span(&body, &read.range, read.anchor);
                let place = Reading { task: reader, span, is_optional: read.force == Force::Optional };
                add(&mut all[sources[number]], rest, place);
            }
        }
        // Items that data tells.
        for path in self.task(reader).foreach.iter().flat_map(|foreach| foreach.source.paths()) {
            let is_its = |source: &usize| self.ottofile.position(&path.task) == Some(*source);
            let Some(number) = sources.iter().position(is_its) else { continue };
            is_used[number] = true;
            let reading = Reading { task: reader, span: path.text.span, is_optional: false };
            add(&mut all[sources[number]], &format!(".{}", path.key), reading);
        }
        if let Some(body) = &self.task(reader).body {
            for (number, source) in sources.iter().enumerate() {
                is_used[number] |= self.exports(&mut all[*source], reader, body);
            }
        }
        for (number, source) in sources.into_iter().enumerate() {
            match (is_used[number], may_read_more) {
                (_, true) => all[source].perhaps.push(reader),
                // A group only groups.
                (false, false) if self.task(reader).body.is_some() => all[source].idle.push(reader),
                (false | true, false) => {}
            }
        }
    }

    /// Adds the exported variables of a task that a body names. Says whether there are any.
    fn exports(&self, given: &mut TaskFlow, reader: usize, body: &Body) -> bool {
        let mut is_used = false;
        for key in given.keys.iter_mut().filter(|key| key.name.starts_with("OTTO_")) {
            let Some(start) = word(&body.text, &key.name) else { continue };
            let range = start..start + key.name.len();
            let span = self.span(body, &range, start);
            key.readers.push(Reading { task: reader, span, is_optional: false });
            is_used = true;
        }
        is_used
    }

    /// Which of these tasks a path belongs to, and what follows its name, with the `.` or `:` that ends it.
    fn source<'p>(&self, reader: usize, sources: &[usize], path: &'p str) -> Option<(usize, &'p str)> {
        let sources = || sources.iter().map(|source| self.task(*source)).enumerate();
        // A name that the reader's own file uses comes before the same whole name.
        let names = sources().map(|(number, task)| (number, self.name_for(self.task(reader), task)));
        let names = names.chain(sources().map(|(number, task)| (number, task.name.as_str().to_owned())));
        let fits = names.filter_map(|(number, name)| {
            let rest = path.strip_prefix(name.as_str())?;
            (rest.is_empty() || rest.starts_with(['.', ':'])).then_some((number, rest))
        });
        fits.min_by_key(|(_, rest)| rest.len())
    }

    fn span(&self, body: &Body, range: &Range<usize>, anchor: usize) -> Span {
        uses::places(body, self.ottofile.sources.of(body.span), range, anchor).0
    }
}

/// Adds a place that reads to the key that `rest` names: `.version`, `:item.version`, `.*.version`, or all of them.
fn add(given: &mut TaskFlow, rest: &str, reader: Reading) {
    let is_item = rest.starts_with(':') || rest.starts_with(".*");
    let names = given.keys.iter().map(|key| key.name.as_str());
    let name = match rest.strip_prefix('.').filter(|_| !is_item) {
        Some(path) => {
            let known = names.filter(|name| {
                path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            });
            known.max_by_key(|name| name.len()).or_else(|| path.split('.').next())
        }
        None => {
            // An item may have dots.
            let known = names.filter(|name| format!("{rest}.").contains(&format!(".{name}.")));
            let last =
                rest[1.min(rest.len())..].rsplit_once('.').map(|(_, last)| last).filter(|last| *last != "*");
            known.max_by_key(|name| name.len()).or(last)
        }
    };
    let readers = match name.map(str::to_owned) {
        None => &mut given.whole,
        Some(name) => {
            let place = given.keys.iter().position(|key| key.name == name).unwrap_or(given.keys.len());
            if place == given.keys.len() {
                given.keys.push(KeyFlow { name, kind: None, span: None, readers: Vec::new() });
            }
            &mut given.keys[place].readers
        }
    };
    if !readers.contains(&reader) {
        readers.push(reader);
    }
}

/// Whether a script may read values that `uses` does not know.
fn may_read_more_than(body: &Body, uses: &Uses) -> bool {
    let mentions: usize = ["INPUT", "otto.get", "otto_get", "OTTO_INPUT_JSON", "OTTO_INPUT_DIR"]
        .iter()
        .map(|name| body.text.match_indices(name).count())
        .sum();
    match Language::of(body) {
        Language::Other => mentions > 0 || body.text.contains("input."),
        Language::Bash | Language::Posix | Language::Python => {
            mentions > uses.reads.iter().filter(|read| read.what == What::Input).count()
        }
    }
}

/// Where a text has a word.
fn word(text: &str, name: &str) -> Option<usize> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(name)
        .map(|(start, _)| start)
        .find(|start| !text[..*start].ends_with(is_part) && !text[start + name.len()..].starts_with(is_part))
}

//! Several ottofiles as one: the namespaces that files are included under, and how the names of one file become names of
//! all. Reads no file; whoever reads them adds what an `include` leads to, and each file once it is needed.

use super::limit;
use super::spec::*;
use crate::diagnostic::{Code, Diagnostic};
use crate::name::{self, TaskName};
use crate::source::{SourceId, Span, Spanned};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

/// An ottofile that an entry of `include` leads to.
#[derive(Clone, Debug)]
pub(crate) struct Included {
    /// As the including file knows it.
    pub(crate) namespace: String,
    /// Absolute.
    pub(crate) path: PathBuf,
}

/// What a walk along the edges of tasks came to.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// Namespaces that have to be read before the walk can go on.
    pub(crate) unread: BTreeSet<usize>,
    pub(crate) wrong: Vec<Diagnostic>,
    /// A task of the root ottofile names a task with `/` in front.
    pub(crate) mentions_root: bool,
}

/// What a word stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A namespace, which has been read.
    Namespace(usize),
    /// Something in a namespace that has to be read first.
    Unread(usize),
}

/// The name of a task of a file in `namespace`, as all files know it. A name that starts with `/` is one of the root's.
fn whole(namespace: &str, name: &str) -> String {
    match name.strip_prefix('/') {
        Some(of_root) => of_root.to_owned(),
        None if namespace.is_empty() => name.to_owned(),
        None => format!("{namespace}/{name}"),
    }
}

/// What an included folder or file is called where its entry has no `as`; or why it has no name.
pub(crate) fn namespace_of(path: &Path, is_folder: bool) -> Result<String, &'static str> {
    let text = path.to_str().ok_or("is not UTF-8")?;
    if is_folder {
        return match text {
            "" => Err("is the folder of this ottofile"),
            _ if path.is_absolute() || text.starts_with("..") => Err("is not below this ottofile"),
            _ => Ok(text.to_owned()),
        };
    }
    path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned).ok_or("has no name")
}

impl Ottofile {
    /// The file of a task; `None` for the root.
    pub(crate) fn part_of(&self, task: &Task) -> Option<&Part> {
        self.part(task.name_span.source)
    }

    /// The folder of a file, absolute; `None` for the root's, which only the caller knows.
    pub(crate) fn folder_of(&self, source: SourceId) -> Option<&Path> {
        self.part(source).map(|part| part.folder.as_path())
    }

    pub(crate) fn part(&self, source: SourceId) -> Option<&Part> {
        source.included().map(|place| &self.parts[place])
    }

    /// A file, the one that includes it, and so on up to the root.
    pub(crate) fn line_of(&self, source: SourceId) -> impl Iterator<Item = SourceId> {
        std::iter::successors(Some(source), |source| Some(self.part(*source)?.parent))
    }

    /// The settings of one of the files.
    pub(crate) fn settings_of(&self, source: SourceId) -> &Settings {
        self.part(source).map_or(&self.settings, |part| &part.settings)
    }

    /// What stands before the names of the tasks of a file; empty for the root.
    pub(crate) fn namespace(&self, source: SourceId) -> &str {
        self.part(source).map_or("", |part| &part.namespace)
    }

    /// The tasks of one file.
    pub(crate) fn tasks_of(&self, source: SourceId) -> impl Iterator<Item = &Task> {
        self.written_tasks().filter(move |task| task.name_span.source == source)
    }

    /// The tasks of the files of a namespace and of those inside it.
    pub(crate) fn tasks_inside(&self, level: &str) -> Vec<usize> {
        let is_inside = |(_, task): &(usize, &Task)| {
            let namespace = self.namespace(task.name_span.source);
            !namespace.is_empty() && is_in(namespace, level) && task.step_of.is_none()
        };
        self.tasks.iter().enumerate().filter(is_inside).map(|(place, _)| place).collect()
    }

    /// The file in which names on the command line are looked up first.
    pub(crate) fn base(&self) -> SourceId {
        let base = &self.namespaces.base;
        let namespace = self.namespaces.position(base).map(|place| &self.namespaces.list[place]);
        namespace.and_then(|namespace| namespace.part).unwrap_or_default()
    }

    /// The file of a namespace that has been read.
    pub(crate) fn source_of(&self, namespace: usize) -> Option<SourceId> {
        self.namespaces.list[namespace].part
    }

    /// The other whole names of a task.
    pub(crate) fn aliases_of<'t>(&self, task: &'t Task) -> impl Iterator<Item = String> + use<'t, '_> {
        let namespace = self.namespace(task.name_span.source);
        task.aliases.iter().map(move |alias| whole(namespace, &alias.value))
    }

    /// The whole name that a word on the command line means.
    pub(crate) fn whole_name<'w>(&self, word: &'w str) -> Cow<'w, str> {
        if self.index.contains_key(word) && self.namespaces.base.is_empty() {
            return Cow::Borrowed(word);
        }
        match (word.strip_prefix('/'), self.namespaces.base.as_str()) {
            (Some(of_root), _) => Cow::Borrowed(of_root),
            (None, "") => Cow::Borrowed(word),
            (None, base) => Cow::Owned(format!("{base}/{word}")),
        }
    }

    /// A name of a task as it is written on the command line.
    pub(crate) fn shown_name<'n>(&self, name: &'n str) -> Cow<'n, str> {
        let base = self.namespaces.base.as_str();
        if base.is_empty() {
            return Cow::Borrowed(name);
        }
        let inside = name.strip_prefix(base).and_then(|rest| rest.strip_prefix('/'));
        inside.map_or_else(|| Cow::Owned(format!("/{name}")), Cow::Borrowed)
    }

    /// The namespace that has to be read before it is known what a whole name stands for.
    pub(crate) fn unread(&self, name: &str) -> Option<usize> {
        match self.named(name)? {
            Address::Unread(namespace) if self.target(name).is_none() => Some(namespace),
            Address::Unread(_) | Address::Namespace(_) => None,
        }
    }

    /// The file in which a task of this name would be.
    pub(crate) fn file_of(&self, name: &str) -> SourceId {
        let around = self.namespaces.around(name).and_then(|place| self.namespaces.list[place].part);
        around.unwrap_or_default()
    }

    /// What a whole name that is no task stands for.
    pub(crate) fn named(&self, name: &str) -> Option<Address> {
        let place = self.namespaces.around(name)?;
        let namespace = &self.namespaces.list[place];
        match namespace.is_read() {
            false => Some(Address::Unread(place)),
            true => (namespace.name == name).then_some(Address::Namespace(place)),
        }
    }

    /// What to write instead of a level that is no task: its tasks, or else the namespaces in it.
    pub(crate) fn help_on(&self, level: &str, shown: impl Fn(&str) -> String) -> String {
        const MOST: usize = 5;
        let own = self.namespaces.position(level).and_then(|place| self.source_of(place));
        let tasks = own.into_iter().flat_map(|own| self.tasks_of(own)).filter(|task| !task.is_hidden);
        let mut names: Vec<String> = tasks.map(|task| shown(task.name.as_str())).collect();
        let what = if names.is_empty() { "namespace" } else { "task" };
        if names.is_empty() {
            let inside = self.namespaces.inside(level).map(|place| self.namespaces.list[place].name.as_str());
            names.extend(inside.filter(|name| *name != level).map(shown));
        }
        let more = names.len().saturating_sub(MOST);
        names.truncate(MOST);
        let listed = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        match names.len() {
            0 => "it has no tasks".to_owned(),
            1 => format!("its {what} is {listed}"),
            _ if more > 0 => format!("its {what}s are {listed} and {more} more"),
            _ => format!("its {what}s are {listed}"),
        }
    }

    /// The place where a namespace is included.
    pub(crate) fn written(&self, namespace: &Namespace) -> Span {
        self.settings_of(namespace.parent).includes[namespace.include].path.span
    }

    // ── reading ──

    /// Takes what the entries of a file's `include` lead to, each with the number of its entry. Answers what is wrong.
    pub(crate) fn add_namespaces(
        &mut self,
        parent: SourceId,
        found: Vec<(usize, Included)>,
    ) -> Vec<Diagnostic> {
        let mut wrong = Vec::new();
        let first = self.namespaces.list.len();
        for (include, member) in found {
            let name = whole(self.namespace(parent), &member.namespace);
            let namespace = Namespace { name, path: member.path, parent, include, part: None };
            match self.refusal(&namespace) {
                Some(why) => wrong.push(why),
                None => {
                    self.namespaces.index.insert(namespace.name.clone(), self.namespaces.list.len());
                    self.namespaces.list.push(namespace);
                }
            }
        }
        if self.namespaces.list.len() > first {
            let all: Vec<usize> = (0..self.tasks.len()).collect();
            wrong.extend(self.clashes(&all));
        }
        wrong
    }

    /// Why a namespace cannot be added.
    fn refusal(&self, namespace: &Namespace) -> Option<Diagnostic> {
        let span = self.written(namespace);
        let name = &namespace.name;
        if let Err(why) = TaskName::new(name) {
            let message = format!("the namespace `{name}` {why}");
            return Some(
                Diagnostic::error(Code::BadName, message)
                    .at(&self.sources, span, "included here")
                    .help("choose another name: `{path: …, as: NAME}`"),
            );
        }
        if let Some(other) = self.namespaces.position(name) {
            let other = self.written(&self.namespaces.list[other]);
            let message = format!("two ottofiles have the namespace `{name}`");
            let wrong = Diagnostic::error(Code::NameClash, message).at(&self.sources, span, "the second one");
            let wrong = match other == span {
                true => wrong,
                false => wrong.at(&self.sources, other, "the first one"),
            };
            return Some(wrong.help("give one of them another name: `{path: …, as: NAME}`"));
        }
        if self.namespaces.list.len() >= limit::MOST_FILES {
            let message = format!("more than {} ottofiles are included", limit::MOST_FILES);
            return Some(Diagnostic::error(Code::YamlLimit, message).at(
                &self.sources,
                span,
                "too many with these",
            ));
        }
        None
    }

    /// A file that includes itself, directly or through others. `is_same` says whether a path leads to the file of the
    /// namespace.
    pub(crate) fn cycle(&self, namespace: usize, is_same: impl Fn(&Path) -> bool) -> Option<Diagnostic> {
        let namespace = &self.namespaces.list[namespace];
        let mut places = vec![self.written(namespace)];
        let mut at = Some(namespace.parent);
        while let Some(source) = at {
            let part = self.part(source);
            if is_same(part.map_or(&self.namespaces.root, |part| &part.path)) {
                let file = self.sources.file(source).name();
                let message = format!("`{file}` includes itself");
                let mut wrong = Diagnostic::error(Code::IncludeCycle, message);
                let last = places.len() - 1;
                for (place, span) in places.into_iter().enumerate() {
                    let label = if place == 0 { "leads back to it" } else { "includes the next file" };
                    let label = if last == 0 { "leads to this file" } else { label };
                    wrong = wrong.at(&self.sources, span, label);
                }
                return Some(wrong.help("remove one of these entries"));
            }
            at = part.map(|part| {
                let include = &self.settings_of(part.parent).includes[part.include];
                places.push(include.path.span);
                part.parent
            });
        }
        None
    }

    /// Adds the file of a namespace. Its names become names of all. Answers what is wrong with them.
    pub(crate) fn adopt(&mut self, place: usize, file: Ottofile) -> Vec<Diagnostic> {
        let source = self.sources.push(file.sources.root().clone());
        let namespace = &mut self.namespaces.list[place];
        namespace.part = Some(source);
        let (name, parent, include) = (namespace.name.clone(), namespace.parent, namespace.include);
        let path = namespace.path.clone();
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        let Ottofile { mut settings, tasks, index, .. } = file;
        if let DefaultTasks::Named(tasks) = &mut settings.default_tasks {
            tasks.iter_mut().for_each(|task| task.value = whole(&name, &task.value));
        }
        self.parts.push(Part { namespace: name.clone(), path, folder, settings, parent, include });

        let first = self.tasks.len();
        let mut wrong = Vec::new();
        let mut refuse = |written: &TaskName, span: Span, why: &str| {
            let message = format!("the name of the task `{written}` in the namespace `{name}` {why}");
            wrong.push(Diagnostic::error(Code::BadName, message).at(
                &self.sources,
                span,
                "choose another name",
            ));
        };
        for mut task in tasks {
            task.name = match TaskName::new(&format!("{name}/{}", task.name)) {
                Ok(whole) => {
                    if task.name.as_str().starts_with('/') {
                        let why = "starts with `/`, and such names are those of tasks of the root ottofile";
                        refuse(&task.name, task.name_span, why);
                    }
                    whole
                }
                Err(why) => {
                    refuse(&task.name, task.name_span, &why.to_string());
                    task.name
                }
            };
            task.step_of = task.step_of.map(|owner| first + owner);
            task.before.iter_mut().chain(&mut task.after).for_each(|edge| edge.move_to(&name));
            if let Some(foreach) = &mut task.foreach {
                for source in foreach.source.tasks_mut() {
                    *source = whole(&name, source);
                }
            }
            self.tasks.push(task);
        }
        for (written, place) in index {
            let own = &self.tasks[first + place].name;
            let is_own = own.as_str().strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix('/'))
                == Some(written.as_str());
            let whole = if is_own { Ok(own.clone()) } else { TaskName::new(&format!("{name}/{written}")) };
            if let Ok(whole) = whole {
                self.index.insert(whole, first + place);
            }
        }
        let new: Vec<usize> = (first..self.tasks.len()).collect();
        wrong.extend(self.clashes(&new));
        wrong
    }

    /// Names of these tasks that lie in the namespace of another file.
    fn clashes(&self, tasks: &[usize]) -> Vec<Diagnostic> {
        let mut wrong = Vec::new();
        for place in tasks {
            let task = &self.tasks[*place];
            let Some(around) = self.namespaces.around(task.name.as_str()) else { continue };
            let namespace = &self.namespaces.list[around];
            let is_namespace = namespace.name == task.name.as_str();
            if !is_namespace && namespace.name == self.namespace(task.name_span.source) {
                continue;
            }
            let message = match is_namespace {
                true => format!("`{}` is both a task and a namespace", task.name),
                false => format!(
                    "the task `{}` is not in the file of the namespace `{}`",
                    task.name, namespace.name
                ),
            };
            wrong.push(
                Diagnostic::error(Code::NameClash, message)
                    .at(&self.sources, task.name_span, "the task")
                    .at(&self.sources, self.written(namespace), "the namespace is included here")
                    .help("rename the task, or include the file under another name: `{path: …, as: NAME}`"),
            );
        }
        wrong
    }

    // ── edges from file to file ──

    /// Follows the edges of these tasks to all that they need and to what follows them.
    pub(crate) fn follow(&mut self, tasks: impl IntoIterator<Item = usize>) -> Links {
        let mut links = Links::default();
        let mut open: Vec<usize> = tasks.into_iter().collect();
        let mut seen: BTreeSet<usize> = open.iter().copied().collect();
        let pulled_by = self.pulled_by();
        while let Some(task) = open.pop() {
            self.expand(task, &mut links);
            self.find_items(task, &mut links);
            let edges = self.tasks[task].before.iter().chain(&self.tasks[task].after);
            let mut next: Vec<usize> = pulled_by.get(&task).cloned().unwrap_or_default();
            for edge in edges {
                let is_of_root = edge.known_as.as_ref().is_some_and(|name| name.starts_with('/'));
                links.mentions_root |= is_of_root && self.tasks[task].name_span.source == SourceId::default();
                match self.target(&edge.task.value) {
                    Some(target) => next.push(target),
                    // It waits for files to be read, or one of them is wrong.
                    None if edge.is_pattern_of_files => {}
                    None => match self.named(&edge.task.value) {
                        Some(Address::Unread(namespace)) => drop(links.unread.insert(namespace)),
                        Some(Address::Namespace(_)) | None => links.wrong.push(self.unknown(task, edge)),
                    },
                }
            }
            open.extend(next.into_iter().filter(|next| seen.insert(*next)));
        }
        seen.into_iter().for_each(|task| links.wrong.extend(self.name_items(task)));
        links
    }

    /// The task that a whole name, or the name of one of its jobs, stands for.
    pub(crate) fn target(&self, name: &str) -> Option<usize> {
        self.position(name).or_else(|| {
            name.match_indices(':').rev().find_map(|(colon, _)| {
                self.position(&name[..colon]).filter(|task| self.tasks[*task].foreach.is_some())
            })
        })
    }

    /// For each task, those that have to run before it because their `after` says so.
    fn pulled_by(&self) -> HashMap<usize, Vec<usize>> {
        let mut pulled: HashMap<usize, Vec<usize>> = HashMap::new();
        for (source, task) in self.tasks.iter().enumerate() {
            for edge in task.after.iter().filter(|edge| edge.when.is_success()) {
                let Some(target) = self.target(&edge.task.value) else { continue };
                if self.pulls(source, target) {
                    pulled.entry(target).or_default().push(source);
                }
            }
        }
        pulled
    }

    /// Whether the `after` of a task makes it run whenever its target does. A file is read only when something leads to
    /// it, so that the `after` of a task counts for tasks of its own file and of files that this one includes; for those
    /// of other files it counts where its own task runs.
    pub(crate) fn pulls(&self, task: usize, target: usize) -> bool {
        let source = self.tasks[task].name_span.source;
        self.line_of(self.tasks[target].name_span.source).any(|including| including == source)
    }

    /// An edge that leads nowhere.
    fn unknown(&self, task: usize, edge: &Edge) -> Diagnostic {
        let name = edge.task.value.as_str();
        let owner = &self.tasks[task];
        let written = edge.known_as.as_deref().unwrap_or(name);
        let message = format!("task `{}` depends on an unknown task `{written}`", owner.name);
        let wrong = Diagnostic::error(Code::UnknownDependency, message);
        if let Some(first) = self.namespaces.inside(name).next() {
            let file = self.written(&self.namespaces.list[first]);
            let source = owner.name_span.source;
            return wrong
                .at(&self.sources, edge.task.span, "a namespace, not a task")
                .at(&self.sources, file, "included here")
                .help(self.help_on(name, |name| match written.starts_with('/') {
                    true => self.as_written_in(source, name),
                    false => self.name_in(source, name),
                }));
        }
        let wrong = wrong.at(&self.sources, edge.task.span, "unknown task");
        let namespaces = self.namespaces.list.iter().map(|namespace| namespace.name.as_str());
        let known = self.tasks.iter().map(|task| task.name.as_str()).chain(namespaces);
        let similar = name::similar(name, known, 3);
        let from_root = written.starts_with('/') || owner.name_span.source != SourceId::default();
        let similar: Vec<String> = similar
            .into_iter()
            .map(|near| match from_root {
                true => self.as_written_in(owner.name_span.source, near),
                false => near.to_owned(),
            })
            .collect();
        wrong.did_you_mean(&similar.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The names by which a task knows a job that it has data or an outcome of, the first of them as its own file has it.
    /// `others` are all that it knows. A name of its own file is not another's whole name.
    pub(crate) fn names_in(&self, task: &Task, job: &str, others: &HashSet<&str>) -> Vec<String> {
        let source = task.name_span.source;
        let mut names = vec![self.name_in(source, job)];
        for edge in &task.before {
            let Some(known_as) = &edge.known_as else { continue };
            let item = job.strip_prefix(edge.task.value.as_str());
            let item = item.filter(|rest| rest.is_empty() || rest.starts_with(':'));
            names.extend(item.map(|item| format!("{known_as}{item}")));
        }
        let own = format!("{}/{job}", self.namespace(source));
        let is_of_another =
            || others.contains(own.as_str()) || job.strip_prefix('/').is_some_and(|job| others.contains(job));
        if self.part(source).is_some() && !is_of_another() {
            names.push(job.to_owned());
        }
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names
    }

    /// How the tasks of a file call a task or a job, given by its whole name.
    pub(crate) fn name_in(&self, source: SourceId, name: &str) -> String {
        match self.part(source) {
            Some(_) => self.as_written_in(source, name),
            None => name.to_owned(),
        }
    }

    /// The settings of all files that were read.
    pub(crate) fn all_settings(&self) -> impl Iterator<Item = &Settings> {
        std::iter::once(&self.settings).chain(self.parts.iter().map(|part| &part.settings))
    }

    /// The variables that the files and a task itself set for it, as written, each once: where several set one, the last.
    pub(crate) fn variables_of<'o>(&'o self, task: &'o Task) -> Vec<&'o EnvEntry> {
        let line: Vec<SourceId> = self.line_of(task.name_span.source).collect();
        let of_file = |source: &SourceId| {
            let part = self.part(*source);
            let entry = part.map(|part| &self.settings_of(part.parent).includes[part.include].envs);
            entry.into_iter().flatten().chain(&self.settings_of(*source).envs)
        };
        let mut entries: Vec<&EnvEntry> = Vec::new();
        for entry in line.iter().rev().flat_map(of_file).chain(&task.envs) {
            entries.retain(|earlier| earlier.name.value != entry.name.value);
            entries.push(entry);
        }
        entries
    }

    /// The variables for all tasks of the files that were read.
    pub(crate) fn variables_of_files(&self) -> impl Iterator<Item = &EnvEntry> {
        self.all_settings().flat_map(|settings| {
            settings.envs.iter().chain(settings.includes.iter().flat_map(|include| &include.envs))
        })
    }

    /// How a file writes the whole name of a task.
    fn as_written_in(&self, source: SourceId, name: &str) -> String {
        let namespace = self.namespace(source);
        let own = name.strip_prefix(namespace).and_then(|rest| rest.strip_prefix('/'));
        own.filter(|_| !namespace.is_empty()).map_or_else(|| format!("/{name}"), str::to_owned)
    }

    /// Puts the tasks that a pattern stands for in its place, if it reaches into other files and those are read.
    fn expand(&mut self, task: usize, links: &mut Links) {
        let is_pattern =
            |edge: &Edge| edge.is_pattern_of_files && !self.index.contains_key(edge.task.value.as_str());
        if !self.tasks[task].before.iter().any(is_pattern) {
            return;
        }
        let mut edges = Vec::new();
        let mut unread = BTreeSet::new();
        for edge in &self.tasks[task].before {
            if !is_pattern(edge) {
                edges.push(edge.clone());
                continue;
            }
            let before = unread.len();
            let meant = self.meant(task, &edge.task.value, &mut unread);
            if unread.len() > before {
                continue;
            }
            if meant.is_empty() {
                let written = edge.known_as.as_ref().unwrap_or(&edge.task.value);
                let message =
                    format!("no task matches `{written}`, which task `{}` depends on", self.tasks[task].name);
                let wrong = Diagnostic::error(Code::UnknownDependency, message)
                    .at(&self.sources, edge.task.span, "matches nothing")
                    .help("`*` stands for any characters but `/`");
                links.wrong.push(wrong);
            }
            let source = self.tasks[task].name_span.source;
            edges.extend(meant.into_iter().map(|meant| {
                let name = self.tasks[meant].name.as_str();
                let known_as = edge.known_as.as_ref().map(|_| self.as_written_in(source, name));
                let target = Spanned::new(name.to_owned(), edge.task.span);
                Edge { task: target, known_as, is_pattern_of_files: false, ..edge.clone() }
            }));
        }
        match unread.is_empty() {
            true => self.tasks[task].before = edges,
            false => links.unread.extend(unread),
        }
    }

    /// Finds the task of another file whose jobs a task follows, and adds the dependency on it.
    fn find_followed(&mut self, task: usize, links: &mut Links) {
        let own = &self.tasks[task];
        let source = own.name_span.source;
        let Some(ForeachSource::Each(followed)) = own.foreach.as_ref().map(|foreach| &foreach.source) else {
            return;
        };
        let span = followed.span;
        links.mentions_root |= followed.value.starts_with('/') && source == SourceId::default();
        let target = match (self.position(&followed.value), self.named(&followed.value)) {
            (Some(target), _) => target,
            (None, Some(Address::Unread(namespace))) => {
                links.unread.insert(namespace);
                return;
            }
            (None, Some(Address::Namespace(_)) | None) => {
                let edge = Edge {
                    known_as: Some(self.as_written_in(source, &followed.value)),
                    ..Edge::new(followed.clone(), When::Success)
                };
                return links.wrong.push(self.unknown(task, &edge));
            }
        };
        if own.before.iter().any(|edge| self.target(&edge.task.value) == Some(target)) {
            return;
        }
        if self.tasks[target].foreach.is_none() {
            let wrong = super::check::has_no_jobs(own, &self.tasks[target], span, &self.sources);
            return links.wrong.push(wrong);
        }
        let name = self.tasks[target].name.as_str().to_owned();
        let known_as = Some(self.name_in(source, &name));
        let edge = Edge { known_as, ..Edge::new(Spanned::new(name, span), When::Success) };
        self.tasks[task].before.push(edge);
    }

    /// The variable of a task that follows the jobs of another one: that of the first task of a chain of `each`, if it has
    /// none of its own.
    fn name_items(&mut self, task: usize) -> Option<Diagnostic> {
        let mut seen = vec![task];
        let mut at = task;
        while let Some(Foreach { source: ForeachSource::Each(name), has_own_variable: false, .. }) =
            self.tasks[at].foreach.as_deref()
            && let Some(next) = self.position(&name.value).filter(|next| !seen.contains(next))
        {
            seen.push(next);
            at = next;
        }
        let variable = self.tasks[at].foreach.as_ref()?.variable.clone();
        let foreach = self.tasks[task].foreach.as_mut()?;
        if foreach.variable.value == variable.value {
            return None;
        }
        foreach.variable = variable;
        let own = &self.tasks[task];
        super::check::is_parameter_too(own, &own.foreach.as_ref()?.variable, &self.sources)
    }

    /// Finds the tasks of other files that tell the items of a task, and adds the dependencies on them.
    fn find_items(&mut self, task: usize, links: &mut Links) {
        self.find_followed(task, links);
        let Some(mut foreach) = self.tasks[task].foreach.take() else { return };
        for path in foreach.source.paths_mut().into_iter().filter(|path| path.is_of_files) {
            let source = self.tasks[task].name_span.source;
            let text = path.text.value.clone();
            links.mentions_root |= text.starts_with('/') && source == SourceId::default();
            // Names of tasks may have dots in them; the longest that exists is meant.
            let found = text.match_indices('.').rev().find_map(|(dot, _)| {
                let name = whole(self.namespace(source), &text[..dot]);
                match (self.position(&name), self.named(&name)) {
                    (Some(place), _) => Some(Ok((dot, place))),
                    (None, Some(Address::Unread(namespace))) => Some(Err(namespace)),
                    (None, Some(Address::Namespace(_)) | None) => None,
                }
            });
            let (dot, place) = match found {
                Some(Ok(found)) => found,
                Some(Err(namespace)) => {
                    links.unread.insert(namespace);
                    continue;
                }
                None => {
                    links.wrong.push(self.unknown_items(task, &text, path.text.span));
                    continue;
                }
            };
            let (own, told_by) = (&self.tasks[task], &self.tasks[place]);
            if let Some(wrong) = super::check::tells_no_items(own, told_by, path, &self.sources) {
                links.wrong.push(wrong);
                continue;
            }
            path.task = told_by.name.as_str().to_owned();
            path.key = text[dot + 1..].to_owned();
            path.is_of_files = false;
            if !own.before.iter().any(|edge| self.target(&edge.task.value) == Some(place)) {
                let target = Spanned::new(path.task.clone(), path.text.span);
                let known_as = Some(text[..dot].to_owned());
                let edge = Edge { known_as, ..Edge::new(target, When::Success) };
                self.tasks[task].before.push(edge);
            }
        }
        self.tasks[task].foreach = Some(foreach);
    }

    /// A foreach whose items are those of a task that does not exist.
    fn unknown_items(&self, task: usize, path: &str, span: Span) -> Diagnostic {
        let owner = &self.tasks[task];
        let source = owner.name_span.source;
        let slash = path.rfind('/').map_or(0, |slash| slash + 1);
        let dot = path[slash..].find('.').map_or(path.len(), |dot| slash + dot);
        let message = format!(
            "the foreach of `{}` reads `{path}`, but there is no task `{}`",
            owner.name,
            &path[..dot]
        );
        let whole = whole(self.namespace(source), &path[..dot]);
        let near = name::similar(&whole, self.tasks.iter().map(|task| task.name.as_str()), 3);
        let near: Vec<String> = near.into_iter().map(|near| self.as_written_in(source, near)).collect();
        Diagnostic::error(Code::UnknownDependency, message)
            .at(&self.sources, span, "unknown task")
            .did_you_mean(&near.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The tasks of all files that a pattern stands for, in the order of the files. Namespaces that may have some and are
    /// not read yet are added to `unread`.
    fn meant(&self, own: usize, pattern: &str, unread: &mut BTreeSet<usize>) -> Vec<usize> {
        let levels: Vec<(usize, &str)> = pattern.match_indices('/').collect();
        for (place, namespace) in self.namespaces.list.iter().enumerate().filter(|(_, it)| !it.is_read()) {
            // The files that this one includes may be meant too.
            let depth = namespace.name.matches('/').count();
            let Some((slash, _)) = levels.get(depth) else { continue };
            if super::check::is_match(&pattern[..*slash], &namespace.name) {
                unread.insert(place);
            }
        }
        let is_meant = |(place, task): &(usize, &Task)| {
            let namespace = self.namespace(task.name_span.source);
            let depth = if namespace.is_empty() { 0 } else { namespace.matches('/').count() + 1 };
            let local = pattern.splitn(depth + 1, '/').last().unwrap_or(pattern);
            let may_be_hidden = !task.is_hidden || local.starts_with('_');
            *place != own && may_be_hidden && super::check::is_match(pattern, task.name.as_str())
        };
        self.tasks.iter().enumerate().filter(is_meant).map(|(place, _)| place).collect()
    }

    /// Whether a task of the root is said to need or precede one with `/` in front of its name, or to take its items from it.
    pub(crate) fn mentions_root(&self) -> bool {
        let of_root = |edge: &Edge| edge.known_as.as_ref().is_some_and(|name| name.starts_with('/'));
        let is_path_of_root = |path: &DataPath| path.is_of_files && path.text.value.starts_with('/');
        self.tasks_of(SourceId::default()).any(|task| {
            let mut sources = task.foreach.iter().map(|foreach| &foreach.source);
            let is_source_of_root = |source: &ForeachSource| match source {
                ForeachSource::Each(followed) => followed.value.starts_with('/'),
                other => other.paths().any(is_path_of_root),
            };
            task.before.iter().chain(&task.after).any(of_root) || sources.any(is_source_of_root)
        })
    }

    /// Default tasks that are not there. All files have been read.
    pub(crate) fn wrong_defaults(&self) -> Vec<Diagnostic> {
        let sources = (0..=self.parts.len()).map(|place| self.sources.id(place));
        let names = sources.flat_map(|source| match &self.settings_of(source).default_tasks {
            DefaultTasks::Named(names) => names.as_slice(),
            DefaultTasks::None | DefaultTasks::All => &[],
        });
        let wrong = names.filter(|name| self.target(&name.value).is_none());
        wrong.map(|name| self.unknown_default(name)).collect()
    }

    /// An entry of `otto.tasks` that names a task of another file, which is not there.
    pub(crate) fn unknown_default(&self, name: &Spanned<String>) -> Diagnostic {
        let message = format!("`otto.tasks` lists an unknown task `{}`", name.value);
        let known = self.tasks.iter().map(|task| task.name.as_str());
        Diagnostic::error(Code::UnknownDependency, message)
            .at(&self.sources, name.span, "unknown task")
            .did_you_mean(&name::similar(&name.value, known, 3))
    }

    /// Warns of settings of included files that only the root decides.
    pub(crate) fn ignored_settings(&self) -> Vec<Diagnostic> {
        let keys = self.parts.iter().flat_map(|part| &part.settings.root_keys);
        let warning = |key: &Spanned<&'static str>| {
            let file = self.sources.root().name();
            let message = format!("`otto.{}` has no effect when this ottofile is included", key.value);
            Diagnostic::warning(Code::IgnoredSetting, message)
                .at(&self.sources, key.span, format!("{file} decides this"))
                .help(format!(
                    "if it is meant for runs from this folder only, keep it; else set it in {file}"
                ))
        };
        keys.map(warning).collect()
    }

    /// The edges and default tasks of the root that name a task with `/` in front mean its own.
    pub(super) fn settle_root(&mut self) {
        let index = &self.index;
        let is_own = |name: &str| index.contains_key(name);
        for task in &mut self.tasks {
            for edge in task.before.iter_mut().chain(&mut task.after) {
                if edge.task.value.starts_with('/') && !is_own(&edge.task.value) {
                    edge.move_to("");
                }
            }
        }
        if let DefaultTasks::Named(names) = &mut self.settings.default_tasks {
            for name in names.iter_mut().filter(|name| name.value.starts_with('/') && !is_own(&name.value)) {
                name.value.remove(0);
            }
        }
    }
}

impl Edge {
    fn move_to(&mut self, namespace: &str) {
        let name = whole(namespace, &self.task.value);
        self.known_as = Some(std::mem::replace(&mut self.task.value, name));
    }
}

//! Which files start a watched run again, and how they are now.
//! Starts nothing and waits for nothing.

use crate::ottofile::Ottofile;
use crate::ottofile::spec::DotenvFile;
use crate::plan::{Job, Plan};
use crate::run::files::{self, FoundFiles, Within};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Which files count.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WatchScope {
    /// Of the ottofile.
    pub(crate) folder: PathBuf,
    /// The `input` of each task that has some. Where no task has, all files count that git does not ignore.
    pub(crate) inputs: BTreeSet<Patterns>,
    /// The `output` of each task: never counts, for the run makes it.
    pub(crate) outputs: BTreeSet<Patterns>,
    /// The ottofile and the files of variables: always count. Absolute.
    pub(crate) always: BTreeSet<PathBuf>,
    /// Where otto keeps its records: never counts.
    pub(crate) home: Option<PathBuf>,
}

/// The patterns of a task, and the folder to which they are relative.
pub(crate) type Patterns = (PathBuf, Vec<String>);

/// What tells a file from how it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileStamp {
    bytes: u64,
    modified: (i64, i64),
    inode: u64,
    /// It is a link to one.
    is_folder: bool,
}

/// The files of a scope at one time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sight {
    pub(crate) files: BTreeMap<PathBuf, FileStamp>,
    /// The folders in which something may happen to them.
    pub(crate) folders: BTreeSet<PathBuf>,
    /// Files that are there and do not count, as far as something was heard of them.
    others: BTreeSet<PathBuf>,
    /// For each name of a file that has several, all of them: links, and what they lead to.
    names: HashMap<PathBuf, Vec<PathBuf>>,
    /// Links to folders, which change when something is made in these.
    linked_folders: Vec<PathBuf>,
    /// Something may have names that are not known yet.
    has_links: bool,
    /// Of these, those in which any new file may count: folders that git does not ignore, or where `input` is looked for.
    tree: BTreeSet<PathBuf>,
}

impl WatchScope {
    pub(crate) fn new(plan: &Plan, ottofile: &Ottofile, path: &Path, home: Option<PathBuf>) -> WatchScope {
        let root = path.parent().unwrap_or(path);
        let folder_of = |job: &Job| {
            let source = ottofile.tasks[job.task].name_span.source;
            ottofile.folder_of(source).unwrap_or(root).to_owned()
        };
        let jobs = || plan.jobs.iter().filter(|job| job.elsewhere.is_none());
        let lists = |patterns: fn(&Job) -> &[String]| {
            let jobs = jobs().filter(|job| !patterns(job).is_empty());
            jobs.map(|job| (folder_of(job), patterns(job).to_vec())).collect()
        };
        let mut always = BTreeSet::from([path.to_owned()]);
        always.extend(ottofile.parts.iter().map(|part| part.path.clone()));
        let dotenv = |folder: &Path, files: &[DotenvFile]| {
            files.iter().map(|file| folder.join(&file.path.value)).collect::<Vec<_>>()
        };
        always.extend(dotenv(root, &ottofile.settings.dotenv));
        for part in &ottofile.parts {
            always.extend(dotenv(&part.folder, &part.settings.dotenv));
        }
        for job in jobs() {
            always.extend(dotenv(&folder_of(job), &ottofile.tasks[job.task].dotenv));
        }
        WatchScope {
            folder: root.to_owned(),
            inputs: lists(|job| &job.input_globs),
            outputs: lists(|job| &job.output_globs),
            always,
            home,
        }
    }

    /// Looks at all of them.
    pub(crate) fn look(&self) -> Sight {
        let mut sight = Sight::default();
        let mut paths = match self.inputs.is_empty() {
            true => self.tree(&mut sight),
            false => {
                let found = self.find_inputs(Within::Everywhere);
                sight.has_links = found.has_links;
                sight.tree = found.folders;
                found.paths
            }
        };
        sight.folders.extend(sight.tree.iter().cloned());
        for output in find(&self.outputs, Within::Everywhere, &mut sight.has_links) {
            paths.remove(&output);
        }
        sight.folders.extend(self.always.iter().flat_map(|path| self.way_to(path)));
        paths.extend(self.always.iter().cloned());
        for path in paths {
            if let Some(stamp) = FileStamp::of(&path) {
                sight.files.insert(path, stamp);
            }
        }
        let mut by_inode: HashMap<u64, Vec<PathBuf>> = HashMap::new();
        for (path, stamp) in &sight.files {
            sight.linked_folders.extend(stamp.is_folder.then(|| path.clone()));
            by_inode.entry(stamp.inode).or_default().push(path.clone());
        }
        for names in by_inode.into_values().filter(|names| names.len() > 1) {
            sight.names.extend(names.iter().map(|name| (name.clone(), names.clone())));
        }
        sight
    }

    /// The files of `input`, and the folders in which such a file may appear, whether git ignores them or not: those that
    /// the patterns look through, and those on the way there, which may be made or get other names.
    fn find_inputs(&self, within: Within<'_>) -> FoundInputs {
        let mut inputs = FoundInputs::default();
        for (folder, list) in &self.inputs {
            let found = find_in(folder, list, within);
            inputs.has_links |= found.has_links;
            inputs.folders.extend(found.folders);
            inputs.paths.extend(found.paths.into_iter().map(|path| folder.join(path)));
            for folder in list.iter().flat_map(|pattern| self.way_to(&folder.join(pattern))) {
                inputs.has_links |= folder.is_symlink();
                inputs.folders.insert(folder);
            }
        }
        inputs
    }

    /// The folders that exist on the way to a path; of one that is not below the ottofile's folder, the last of them.
    fn way_to(&self, path: &Path) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> =
            path.ancestors().skip(1).filter(|folder| folder.is_dir()).map(Path::to_owned).collect();
        match path.starts_with(&self.folder) {
            true => folders.retain(|folder| folder.starts_with(&self.folder)),
            false => folders.truncate(1),
        }
        folders
    }

    /// The files in one of the folders that count, without those in folders inside it. Only files that are always to count
    /// may be missing.
    fn look_into(&self, folder: &Path) -> BTreeSet<PathBuf> {
        let mut paths = match self.inputs.is_empty() {
            true => self
                .entries(folder)
                .filter(|entry| !is_folder(entry))
                .map(ignore::DirEntry::into_path)
                .collect(),
            false => self.find_inputs(Within::Folder(folder)).paths,
        };
        for output in find(&self.outputs, Within::Folder(folder), &mut false) {
            paths.remove(&output);
        }
        paths
    }

    /// What is in a folder and not ignored by git, and the folder itself.
    fn entries(&self, folder: &Path) -> impl Iterator<Item = ignore::DirEntry> + use<> {
        self.walk(folder).max_depth(Some(1)).build().flatten()
    }

    /// What counts below a folder, which need not exist, if that can be told from what lies there.
    fn look_below(&self, folder: &Path) -> Option<Below> {
        let mut below = match self.inputs.is_empty() {
            true => self.tree_below(folder)?,
            false => {
                let found = self.find_inputs(Within::Below(folder));
                let mut folders = found.folders;
                folders.retain(|inner| inner.starts_with(folder));
                let mut files = found.paths;
                let mut has_links = found.has_links;
                for output in find(&self.outputs, Within::Below(folder), &mut has_links) {
                    files.remove(&output);
                }
                if has_links {
                    return None;
                }
                Below { files, folders, ..Below::default() }
            }
        };
        for path in self.always.iter().filter(|path| path.starts_with(folder)) {
            below.files.extend(path.exists().then(|| path.clone()));
            below.way.extend(self.way_to(path).into_iter().filter(|inner| inner.starts_with(folder)));
        }
        let has_one_name =
            |path: &PathBuf| path.symlink_metadata().is_ok_and(|meta| meta.is_file() && meta.nlink() == 1);
        below.files.iter().all(has_one_name).then_some(below)
    }

    /// The same where no task has `input`.
    fn tree_below(&self, folder: &Path) -> Option<Below> {
        const MOST_FOLDERS: usize = 64;
        let mut below = Below::default();
        // What git ignores has to be told by its parent: a walk takes the folder where it begins for one that counts.
        let is_counted = |entry: ignore::DirEntry| entry.path() == folder && is_folder(&entry);
        if self.entries(folder.parent()?).any(is_counted) {
            for entry in self.walk(folder).build().flatten() {
                if entry.path_is_symlink() {
                    return None;
                }
                if is_folder(&entry) {
                    below.folders.insert(entry.into_path());
                }
                if below.folders.len() > MOST_FOLDERS {
                    return None;
                }
            }
        }
        below.files = below.folders.iter().flat_map(|folder| self.look_into(folder)).collect();
        Some(below)
    }

    /// The files below the folder that git does not ignore; also collects the folders.
    fn tree(&self, sight: &mut Sight) -> BTreeSet<PathBuf> {
        let mut files = BTreeSet::new();
        // What cannot be read has nothing in it that could change.
        for entry in self.walk(&self.folder).build().flatten() {
            sight.has_links |= entry.path_is_symlink();
            if is_folder(&entry) {
                sight.tree.insert(entry.into_path());
            } else {
                files.insert(entry.into_path());
            }
        }
        files
    }

    fn walk(&self, folder: &Path) -> ignore::WalkBuilder {
        let home = self.home.clone();
        let mut walk = ignore::WalkBuilder::new(folder);
        walk.standard_filters(false)
            .parents(true)
            .git_ignore(true)
            .git_exclude(true)
            .git_global(true)
            // The file says what is not worth a look, whether git is used or not.
            .require_git(false)
            .filter_entry(move |entry| {
                entry.file_name() != OsStr::new(".git") && Some(entry.path()) != home.as_deref()
            });
        walk
    }

    /// As in messages.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).display().to_string()
    }
}

/// What counts below one folder.
#[derive(Default)]
struct Below {
    files: BTreeSet<PathBuf>,
    /// With the folder itself, if it is there and counts.
    folders: BTreeSet<PathBuf>,
    /// Folders on the way to files that always count.
    way: BTreeSet<PathBuf>,
}

fn is_folder(entry: &ignore::DirEntry) -> bool {
    entry.file_type().is_some_and(|kind| kind.is_dir())
}

/// What counts where tasks have `input`.
#[derive(Default)]
struct FoundInputs {
    paths: BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
    has_links: bool,
}

/// The files of these patterns.
fn find(lists: &BTreeSet<Patterns>, within: Within<'_>, has_links: &mut bool) -> BTreeSet<PathBuf> {
    let mut paths = BTreeSet::new();
    for (folder, list) in lists {
        let found = find_in(folder, list, within);
        *has_links |= found.has_links;
        paths.extend(found.paths.into_iter().map(|path| folder.join(path)));
    }
    paths
}

fn find_in(folder: &Path, list: &[String], within: Within<'_>) -> FoundFiles {
    // A pattern that cannot be used is told by the task that has it.
    files::find_within(folder, list, within, &AtomicBool::new(false)).unwrap_or_default()
}

impl Sight {
    /// Looks only at these paths, for files that are new in their folders, and at all that lies below those that are folders.
    /// Answers what is not as it was; `None` if all files have to be looked at, and nothing is changed then.
    pub(crate) fn glance(&mut self, scope: &WatchScope, paths: &BTreeSet<PathBuf>) -> Option<Vec<PathBuf>> {
        const MOST_FOLDERS: usize = 8;
        let mut seen: BTreeSet<PathBuf> = self.linked_folders.iter().cloned().collect();
        let (mut new, mut new_in) = (Vec::new(), BTreeSet::new());
        let mut below: BTreeMap<&PathBuf, Below> = BTreeMap::new();
        for path in paths {
            // What it says may make other files count.
            if path.file_name().is_some_and(|name| name == OsStr::new(".gitignore")) {
                return None;
            }
            let meta = path.symlink_metadata().ok();
            let is_folder = meta.as_ref().is_some_and(std::fs::Metadata::is_dir);
            if is_folder || self.folders.contains(path) {
                if below.keys().any(|folder| path.starts_with(folder)) {
                    continue;
                }
                let is_inside = path.parent().is_some_and(|folder| self.tree.contains(folder));
                if self.has_links || !is_inside || below.len() == MOST_FOLDERS {
                    return None;
                }
                below.insert(path, scope.look_below(path)?);
                if is_folder {
                    continue;
                }
            }
            if below.keys().any(|folder| path.starts_with(folder) && path != *folder) {
                continue;
            }
            let is_known = self.files.contains_key(path);
            if is_known {
                seen.extend(self.names.get(path).into_iter().flatten().cloned());
                seen.insert(path.clone());
                continue;
            }
            let Some(meta) = meta else {
                // It has come and gone since, and another one may come.
                self.others.remove(path);
                continue;
            };
            if self.others.contains(path) {
                continue;
            }
            let folder = path.parent()?;
            let has_one_name = meta.is_file() && meta.nlink() == 1 && !self.has_links;
            if !has_one_name || !self.tree.contains(folder) {
                return None;
            }
            new.push((path, FileStamp::of(path)));
            new_in.insert(folder);
        }
        if new_in.len() > MOST_FOLDERS {
            return None;
        }
        let found: BTreeSet<PathBuf> =
            new_in.into_iter().flat_map(|folder| scope.look_into(folder)).collect();
        for (path, stamp) in new {
            if found.contains(path) || scope.always.contains(path) {
                seen.insert(path.clone());
            } else if stamp.is_some() && FileStamp::of(path) == stamp {
                self.others.insert(path.clone());
            }
        }
        let mut changed = Vec::new();
        for (folder, below) in below {
            changed.extend(self.replace(folder, &below));
            seen.extend(below.files);
        }
        for path in seen {
            let now = FileStamp::of(&path);
            if self.files.get(&path) != now.as_ref() {
                match now {
                    Some(stamp) => drop(self.files.insert(path.clone(), stamp)),
                    None => drop(self.files.remove(&path)),
                }
                changed.push(path);
            }
        }
        Some(changed)
    }

    /// What lies below a folder is this now. Answers the files that no longer count, or are gone.
    fn replace(&mut self, folder: &Path, below: &Below) -> Vec<PathBuf> {
        fn inside<'a>(
            set: &'a BTreeSet<PathBuf>,
            folder: &'a Path,
        ) -> impl Iterator<Item = PathBuf> + use<'a> {
            set.range(folder.to_owned()..).take_while(move |path| path.starts_with(folder)).cloned()
        }
        let known = self.files.range(folder.to_owned()..).map(|(path, _)| path);
        let known = known.take_while(|path| path.starts_with(folder));
        let gone: Vec<PathBuf> = known.filter(|path| !below.files.contains(*path)).cloned().collect();
        for path in &gone {
            self.files.remove(path);
        }
        for set in [&mut self.folders, &mut self.tree, &mut self.others] {
            let old: Vec<PathBuf> = inside(set, folder).collect();
            for path in &old {
                set.remove(path);
            }
        }
        self.folders.extend(below.folders.iter().chain(&below.way).cloned());
        self.tree.extend(below.folders.iter().cloned());
        gone
    }

    /// Remembers which of these files, as they were before it, a look at all has not found, so that they need not be looked
    /// for again. One that has changed since may have been made after the look.
    pub(crate) fn pass_over(&mut self, files: &BTreeMap<PathBuf, FileStamp>) {
        let is_other = |(path, stamp): &(&PathBuf, &FileStamp)| {
            !stamp.is_folder && !self.files.contains_key(*path) && FileStamp::of(path) == Some(**stamp)
        };
        let others: Vec<PathBuf> = files.iter().filter(is_other).map(|(path, _)| path.clone()).collect();
        self.others.extend(others);
    }

    /// The files that are not as they were.
    pub(crate) fn changed_since(&self, earlier: &Sight) -> Vec<PathBuf> {
        let is_other = |path: &&PathBuf| self.files.get(*path) != earlier.files.get(*path);
        let all: BTreeSet<&PathBuf> = self.files.keys().chain(earlier.files.keys()).collect();
        all.into_iter().filter(is_other).cloned().collect()
    }
}

/// These files as they are now, as far as they exist.
pub(crate) fn stamps(paths: &BTreeSet<PathBuf>) -> BTreeMap<PathBuf, FileStamp> {
    paths.iter().filter_map(|path| Some((path.clone(), FileStamp::of(path)?))).collect()
}

impl FileStamp {
    /// Of what a link leads to, if it leads anywhere.
    fn of(path: &Path) -> Option<FileStamp> {
        let meta = path.metadata().or_else(|_| path.symlink_metadata()).ok()?;
        let is_folder = meta.is_dir();
        let bytes = if is_folder { 0 } else { meta.len() };
        Some(FileStamp { bytes, modified: (meta.mtime(), meta.mtime_nsec()), inode: meta.ino(), is_folder })
    }
}

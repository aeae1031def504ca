//! Which files the patterns of `input` and `output` stand for.
//! Follows links, so that nothing a task may read is missed; knows nothing of what is in the files.

use crate::host::plain;
use crate::ottofile::glob::{Matcher, is_pattern, matcher};
use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use walkdir::{DirEntry, WalkDir};

/// The files of a list of patterns.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct FoundFiles {
    /// All but folders, sorted by bytes; relative to the ottofile's folder unless their pattern is not. A link is there
    /// under its own name, whether it leads anywhere or not.
    pub(crate) paths: BTreeSet<OsString>,
    /// Names that do not exist.
    pub(crate) missing: Vec<String>,
    /// Globs that match nothing.
    pub(crate) unmatched: Vec<String>,
    /// Patterns with `!` that come before all others, so that there is nothing that they could leave out.
    pub(crate) idle: Vec<String>,
    /// There is a link among what was looked through.
    pub(crate) has_links: bool,
    /// The folders that were looked through: what is made there may count.
    pub(crate) folders: Vec<PathBuf>,
}

/// A part of the files.
#[derive(Clone, Copy)]
pub(crate) enum Within<'a> {
    Everywhere,
    /// Those in this folder, which is absolute, and not in folders inside it.
    Folder(&'a Path),
    /// Those below this folder, at any depth.
    Below(&'a Path),
}

/// Why the files are not known.
#[derive(Debug, PartialEq)]
pub(crate) enum Unknown {
    /// The answer is no longer needed.
    Stopped,
    Failed(String),
}

/// Finds the files. What a pattern adds, a later one with `!` leaves out, and one that comes still later adds again.
pub(crate) fn find(folder: &Path, patterns: &[String], stop: &AtomicBool) -> Result<FoundFiles, Unknown> {
    find_within(folder, patterns, Within::Everywhere, stop)
}

/// The same for a part of the files.
pub(crate) fn find_within(
    folder: &Path,
    patterns: &[String],
    within: Within<'_>,
    stop: &AtomicBool,
) -> Result<FoundFiles, Unknown> {
    let rules = patterns.iter().map(|pattern| Rule::read(folder, pattern));
    let rules = rules.collect::<Result<Vec<_>, _>>()?;
    let mut found = FoundFiles::default();
    for (place, (rule, written)) in rules.iter().zip(patterns).enumerate() {
        let Rule::Adds { name, glob } = rule else {
            if !rules[..place].iter().any(|earlier| matches!(earlier, Rule::Adds { .. })) {
                found.idle.push(written.clone());
            }
            continue;
        };
        let left_out: Vec<&Exclusion> = rules[place..].iter().filter_map(Rule::exclusion).collect();
        let mut is_there = false;
        if let Some(name) = name {
            let walk = Walk::of_name(folder, name, &left_out, stop);
            is_there |= Walk { within, ..walk }.run(&mut found)?;
        }
        if let Some(glob) = glob {
            let walk = Walk::of_glob(folder, glob, &left_out, stop);
            is_there |= Walk { within, ..walk }.run(&mut found)?;
        }
        match glob {
            _ if is_there => {}
            Some(_) => found.unmatched.push(written.clone()),
            None => found.missing.push(written.clone()),
        }
    }
    Ok(found)
}

/// Finds the file of this name, or all files of this folder.
pub(crate) fn named(folder: &Path, name: &Path, stop: &AtomicBool) -> Result<BTreeSet<OsString>, Unknown> {
    let mut found = FoundFiles::default();
    Walk::of_name(folder, name, &[], stop).run(&mut found)?;
    Ok(found.paths)
}

/// What a pattern does.
enum Rule {
    /// `name` is a path as written: of what is no glob, and of what is one but exists under that very name.
    Adds {
        name: Option<PathBuf>,
        glob: Option<Glob>,
    },
    LeavesOut(Exclusion),
}

enum Exclusion {
    Name(PathBuf),
    Glob(Matcher),
}

struct Glob {
    matcher: Matcher,
    /// The part before the first component with a special character.
    fixed: PathBuf,
    /// How many components follow, unless that depends on what is found.
    depth: Option<usize>,
    /// It names a leading dot.
    sees_hidden: bool,
    /// `fixed/**`, or that and one more component: what is below a folder matches or does not whatever path led there.
    is_local: bool,
}

impl Rule {
    fn read(folder: &Path, written: &str) -> Result<Rule, Unknown> {
        let exists = |path: &str| folder.join(path).symlink_metadata().is_ok();
        let glob = |path: &str| Glob::read(path).map_err(|reason| unusable(written, &reason));
        match written.strip_prefix('!').filter(|_| !exists(written)) {
            Some(rest) => {
                let rest = normal(rest);
                // Chooses the reading that excludes less.
                match is_pattern(&rest) && !exists(&rest) {
                    true => Ok(Rule::LeavesOut(Exclusion::Glob(glob(&rest)?.matcher))),
                    false => Ok(Rule::LeavesOut(Exclusion::Name(rest.into()))),
                }
            }
            None => {
                let path = normal(written);
                let is_glob = is_pattern(&path);
                // Keeps both readings: a file may be named like a glob by accident.
                let name = (!is_glob || exists(&path)).then(|| PathBuf::from(&path));
                Ok(Rule::Adds { name, glob: is_glob.then(|| glob(&path)).transpose()? })
            }
        }
    }

    fn exclusion(&self) -> Option<&Exclusion> {
        match self {
            Rule::Adds { .. } => None,
            Rule::LeavesOut(exclusion) => Some(exclusion),
        }
    }
}

fn unusable(pattern: &str, reason: &str) -> Unknown {
    Unknown::Failed(format!("invalid glob `{pattern}`: {reason}"))
}

/// Without what makes no difference to a path: `./` at its start, `//`, `/` at its end. Nothing is left of `.`.
fn normal(path: &str) -> String {
    let mut path = path.to_owned();
    while let Some(rest) = path.strip_prefix("./").filter(|rest| !rest.is_empty()) {
        path = rest.trim_start_matches('/').to_owned();
    }
    while path.contains("//") {
        path = path.replace("//", "/");
    }
    if path.len() > 1 && path.ends_with('/') {
        path.pop();
    }
    if path == "." { String::new() } else { path }
}

impl Glob {
    fn read(pattern: &str) -> Result<Glob, String> {
        let path = Path::new(pattern);
        let is_special = |part: &OsStr| part.as_bytes().iter().any(|byte| b"*?[{\\".contains(byte));
        let fixed: PathBuf = path.components().take_while(|part| !is_special(part.as_os_str())).collect();
        let tail = path.strip_prefix(&fixed).unwrap_or(path);
        let parts = tail.components().count();
        // A `/` in braces is not one between components.
        let is_plain = !pattern.contains('{');
        Ok(Glob {
            matcher: matcher(pattern)?,
            depth: (is_plain && !pattern.contains("**")).then_some(parts),
            sees_hidden: pattern.contains("/.") || pattern.starts_with('.') && !pattern.starts_with(".."),
            is_local: is_plain && parts <= 2 && tail.starts_with("**") && pattern.matches("**").count() == 1,
            fixed,
        })
    }
}

impl Within<'_> {
    /// Whether this is a part of it, or a walk comes by here on its way there.
    fn is_on_the_way(self, path: &Path, is_folder: bool) -> bool {
        match (self, is_folder) {
            (Within::Everywhere, _) => true,
            (Within::Folder(folder), true) => folder.starts_with(path),
            (Within::Folder(folder), false) => path.parent() == Some(folder),
            (Within::Below(folder), true) => folder.starts_with(path) || path.starts_with(folder),
            (Within::Below(folder), false) => path.starts_with(folder),
        }
    }
}

impl Exclusion {
    /// Whether it matches this very path.
    fn matches(&self, path: &Path) -> bool {
        match self {
            Exclusion::Name(name) => name == path,
            Exclusion::Glob(glob) => glob.is_match(path),
        }
    }
}

/// One pass through a folder.
struct Walk<'a> {
    folder: &'a Path,
    /// Where it begins, relative to `folder` or absolute.
    root: &'a Path,
    /// None: all that is below `root`, and itself.
    glob: Option<&'a Glob>,
    left_out: &'a [&'a Exclusion],
    /// The files that are wanted.
    within: Within<'a>,
    stop: &'a AtomicBool,
}

impl<'a> Walk<'a> {
    fn of_name(
        folder: &'a Path,
        name: &'a Path,
        left_out: &'a [&'a Exclusion],
        stop: &'a AtomicBool,
    ) -> Self {
        Walk { folder, root: name, glob: None, left_out, within: Within::Everywhere, stop }
    }

    fn of_glob(
        folder: &'a Path,
        glob: &'a Glob,
        left_out: &'a [&'a Exclusion],
        stop: &'a AtomicBool,
    ) -> Self {
        Walk { folder, root: &glob.fixed, glob: Some(glob), left_out, within: Within::Everywhere, stop }
    }

    /// Adds what it finds. Returns whether there is anything, be it an empty folder.
    fn run(&self, found: &mut FoundFiles) -> Result<bool, Unknown> {
        let start = self.folder.join(self.root);
        if start.symlink_metadata().is_err() {
            return Ok(false);
        }
        if self.root.ancestors().any(|path| self.is_left_out(path)) {
            return Ok(self.glob.is_none());
        }
        let mut is_there = false;
        // The depth of the folder that matches and whose files are being found.
        let mut matched_depth: Option<usize> = None;
        // A folder that several links lead to is looked into once, where the path makes no difference: links among
        // folders can make more paths than anybody could follow.
        let is_local = self.left_out.is_empty() && self.glob.is_none_or(|glob| glob.is_local);
        let mut seen = HashSet::new();
        let mut walk = WalkDir::new(&start).follow_links(true).sort_by_file_name().into_iter();
        while let Some(entry) = walk.next() {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Unknown::Stopped);
            }
            let (path, depth, is_folder) = match &entry {
                Ok(entry) => (entry.path(), entry.depth(), entry.file_type().is_dir()),
                Err(error) => match error.path() {
                    Some(path) => (path, error.depth(), false),
                    None => continue,
                },
            };
            if !self.within.is_on_the_way(path, is_folder) {
                if is_folder && entry.is_ok() {
                    walk.skip_current_dir();
                }
                continue;
            }
            found.has_links |= entry.as_ref().is_ok_and(DirEntry::path_is_symlink);
            let shown = self.shown(&start, path);
            matched_depth = matched_depth.filter(|matched| depth > *matched);
            if self.is_hidden(path, depth) || self.is_left_out(&shown) {
                if is_folder && entry.is_ok() {
                    walk.skip_current_dir();
                }
                continue;
            }
            if let Err(error) = &entry {
                // A link back to a folder that it is in: what is there is found without it.
                if error.loop_ancestor().is_some() {
                    continue;
                }
                let is_link = path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
                if !is_link {
                    let Some(error) = error.io_error() else { continue };
                    // One that has just gone is none.
                    if error.kind() == std::io::ErrorKind::NotFound {
                        continue;
                    }
                    let why = format!("cannot read the folder `{}`: {}", shown.display(), plain(error));
                    return Err(Unknown::Failed(why));
                }
            }
            let matches = match self.glob {
                None => true,
                Some(glob) => matched_depth.is_some() || depth > 0 && glob.matcher.is_match(&shown),
            };
            is_there |= matches;
            if !is_folder {
                if matches {
                    found.paths.insert(shown.into_os_string());
                }
                continue;
            }
            if matches {
                matched_depth.get_or_insert(depth);
            }
            let is_too_deep = self.glob.and_then(|glob| glob.depth).is_some_and(|most| depth >= most);
            let is_seen = is_local
                && entry.as_ref().ok().and_then(identity).is_some_and(|id| !seen.insert((id, matches)));
            if is_seen || is_too_deep && matched_depth.is_none() {
                walk.skip_current_dir();
            } else {
                found.folders.extend(entry.ok().map(DirEntry::into_path));
            }
        }
        Ok(is_there)
    }

    /// The path as its pattern would name it.
    fn shown(&self, start: &Path, path: &Path) -> PathBuf {
        match path.strip_prefix(start) {
            Ok(inside) if !inside.as_os_str().is_empty() => self.root.join(inside),
            Ok(_) | Err(_) => self.root.to_owned(),
        }
    }

    /// What a glob finds only where it names the dot, and in a folder that is named, what git keeps for itself, which
    /// changes with nothing else.
    fn is_hidden(&self, path: &Path, depth: usize) -> bool {
        let name = path.file_name().unwrap_or_default();
        depth > 0
            && match self.glob {
                Some(glob) => !glob.sees_hidden && name.as_bytes().starts_with(b"."),
                None => name == ".git",
            }
    }

    fn is_left_out(&self, path: &Path) -> bool {
        self.left_out.iter().any(|exclusion| exclusion.matches(path))
    }
}

fn identity(entry: &DirEntry) -> Option<(u64, u64)> {
    let metadata = entry.metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests;

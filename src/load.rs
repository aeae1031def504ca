//! Reads ottofiles: the root, and of those that it includes each one when something leads to it.
//! What the names in them mean is for `ottofile::parts`.

use crate::diagnostic::{Code, Diagnostic};
use crate::host::{self, Found};
use crate::ottofile::parts::{Included, Links, namespace_of};
use crate::ottofile::spec::Include;
use crate::ottofile::{self, Ottofile, glob};
use crate::source::{SourceFile, SourceId, Span};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The root ottofile, and as much of the others as has been read.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) found: Found,
    pub(crate) ottofile: Ottofile,
    /// Warnings about the files, each once.
    pub(crate) warnings: Vec<Diagnostic>,
    /// From where the names of files are shown.
    cwd: PathBuf,
}

impl Loaded {
    /// Reads the root. What it includes must be there, but is not read yet.
    pub(crate) fn root(found: Found, cwd: &Path) -> Result<Loaded, Vec<Diagnostic>> {
        let source = host::read_ottofile(&found).map_err(|diagnostic| vec![diagnostic])?;
        let (ottofile, warnings) = ottofile::read(&source)?;
        Loaded::of(found, ottofile, warnings, cwd)
    }

    /// The same for a root that has been read.
    pub(crate) fn of(
        found: Found,
        mut ottofile: Ottofile,
        warnings: Vec<Diagnostic>,
        cwd: &Path,
    ) -> Result<Loaded, Vec<Diagnostic>> {
        if !ottofile.settings.includes.is_empty() {
            ottofile.namespaces.root.clone_from(&found.path);
        }
        let mut loaded = Loaded { found, ottofile, warnings, cwd: cwd.to_owned() };
        let wrong = loaded.find_included(SourceId::default());
        if wrong.is_empty() { Ok(loaded) } else { Err(wrong) }
    }

    /// The same for files that a run recorded, in the order in which they were read.
    pub(crate) fn recorded(
        found: Found,
        ottofile: Ottofile,
        files: Vec<RecordedFile>,
        cwd: &Path,
    ) -> Result<Loaded, Vec<Diagnostic>> {
        let mut loaded = Loaded { found, ottofile, warnings: Vec::new(), cwd: cwd.to_owned() };
        for RecordedFile { namespace, path, parent, entry, text } in files {
            let ottofile = &mut loaded.ottofile;
            let parent = match ottofile.namespaces.position(&parent) {
                Some(place) => ottofile.source_of(place).unwrap_or_default(),
                None => SourceId::default(),
            };
            // A record that was changed by hand may name an entry that is not there.
            if entry >= ottofile.settings_of(parent).includes.len() {
                continue;
            }
            let outer = ottofile.namespace(parent);
            let inner = namespace.strip_prefix(outer).map(|rest| rest.trim_start_matches('/'));
            let member = Included { namespace: inner.unwrap_or(&namespace).to_owned(), path: path.clone() };
            let mut wrong = ottofile.add_namespaces(parent, vec![(entry, member)]);
            if let Some(place) = ottofile.namespaces.position(&namespace) {
                let shown = host::relative(&path, cwd);
                let source = SourceFile::numbered(ottofile.sources.next(), shown, text);
                let (file, _) = ottofile::read_included(&source)?;
                wrong.extend(ottofile.adopt(place, file));
            }
            if !wrong.is_empty() {
                return Err(wrong);
            }
        }
        loaded.ottofile.namespaces.is_topmost = true;
        Ok(loaded)
    }

    /// The folder of one of the files.
    fn folder(&self, source: SourceId) -> &Path {
        self.ottofile.part(source).map_or_else(|| self.found.folder(), |part| &part.folder)
    }

    /// Finds what one of the files includes.
    fn find_included(&mut self, source: SourceId) -> Vec<Diagnostic> {
        let (mut found, mut wrong) = (Vec::new(), Vec::new());
        for (entry, include) in self.ottofile.settings_of(source).includes.iter().enumerate() {
            match members(self.folder(source), include) {
                Ok(members) => found.extend(members.into_iter().map(|member| (entry, member))),
                Err(Trouble { code, message, label, help }) => {
                    let diagnostic = Diagnostic::error(code, message);
                    let diagnostic = diagnostic.at(&self.ottofile.sources, include.path.span, label);
                    wrong.push(diagnostic.help(help));
                }
            }
        }
        wrong.extend(self.ottofile.add_namespaces(source, found));
        wrong
    }

    /// Reads the files of these namespaces.
    pub(crate) fn read(
        &mut self,
        namespaces: impl IntoIterator<Item = usize>,
    ) -> Result<(), Vec<Diagnostic>> {
        let mut wrong = Vec::new();
        for namespace in namespaces {
            wrong.extend(self.read_one(namespace));
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// The place where a namespace is included.
    fn included_at(&self, namespace: usize) -> Span {
        self.ottofile.written(&self.ottofile.namespaces.list()[namespace])
    }

    fn read_one(&mut self, namespace: usize) -> Vec<Diagnostic> {
        let path = self.ottofile.namespaces.list()[namespace].path.clone();
        let own = identity(&path);
        // A file with several names is another one under each, unless it is a link that leads there.
        let is_same = |other: &Path| other == path || identity(other) == own && real(other) == real(&path);
        if let Some(cycle) = self.ottofile.cycle(namespace, is_same) {
            return vec![cycle];
        }
        let found = Found { shown: host::relative(&path, &self.cwd), path };
        let read = host::read_source(&found, self.ottofile.sources.next())
            .map_err(|wrong| {
                vec![wrong.at(&self.ottofile.sources, self.included_at(namespace), "included here")]
            })
            .and_then(|source| ottofile::read_included(&source));
        let (file, warnings) = match read {
            Ok(read) => read,
            Err(wrong) => return wrong,
        };
        self.warnings.extend(warnings);
        let source = self.ottofile.sources.next();
        let mut wrong = self.ottofile.adopt(namespace, file);
        wrong.extend(self.find_included(source));
        wrong
    }

    /// Reads all files, also after one that is wrong.
    pub(crate) fn read_all(&mut self) -> Vec<Diagnostic> {
        let mut wrong = Vec::new();
        let mut next = 0;
        while next < self.ottofile.namespaces.list().len() {
            if !self.ottofile.namespaces.list()[next].is_read() {
                wrong.extend(self.read_one(next));
            }
            next += 1;
        }
        wrong
    }

    /// The same for the files of a namespace and of those inside it.
    pub(crate) fn read_all_in(&mut self, namespace: &str) -> Vec<Diagnostic> {
        if namespace.is_empty() {
            return self.read_all();
        }
        let mut wrong = Vec::new();
        let mut next = 0;
        while let Some(other) = self.ottofile.namespaces.list().get(next) {
            let is_inside = |inner: &str, outer: &str| {
                inner == outer || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
            };
            // A file on the way to it may include it.
            let is_meant = is_inside(&other.name, namespace) || is_inside(namespace, &other.name);
            if is_meant && !other.is_read() {
                wrong.extend(self.read_one(next));
            }
            next += 1;
        }
        wrong
    }

    /// Reads what is needed to complete a word whose part up to the last `/` is `level`. What cannot be read is left out.
    pub(crate) fn read_level(&mut self, word: &str, level: &str) {
        if word.starts_with('/') && self.go_up().is_err() {
            return;
        }
        let inside = format!("{}/", self.ottofile.whole_name(level));
        // The level may be that of a folder with namespaces in it, which needs no reading.
        let _is_read = self.read_towards(&inside);
    }

    /// The namespaces at a level, or what their names have in common there: `services/` for five of these.
    pub(crate) fn level(&self, level: &str) -> Vec<String> {
        let mut levels: Vec<String> = Vec::new();
        for namespace in self.ottofile.namespaces.list() {
            let name = self.ottofile.shown_name(&namespace.name);
            let outside = level.len() + usize::from(!level.is_empty() || name.starts_with('/'));
            let is_inside = name.starts_with(level) && name[level.len()..].starts_with('/');
            if !level.is_empty() && !is_inside {
                continue;
            }
            let end = name[outside..].find('/').map_or(name.len(), |slash| outside + slash);
            let word = format!("{}/", &name[..end]);
            if !levels.contains(&word) {
                levels.push(word);
            }
        }
        levels
    }

    /// The task that a word names, read if it has to be.
    pub(crate) fn find(&mut self, word: &str) -> Result<Option<usize>, Vec<Diagnostic>> {
        if word.starts_with('/') && self.ottofile.whole_name(word) != word {
            self.go_up_for([word])?;
        }
        let name = self.ottofile.whole_name(word).into_owned();
        self.read_towards(&name)?;
        Ok(self.ottofile.target(&name))
    }

    /// Reads the files on the way to a whole name.
    pub(crate) fn read_towards(&mut self, name: &str) -> Result<(), Vec<Diagnostic>> {
        while let Some(namespace) = self.ottofile.unread(name) {
            self.read([namespace])?;
        }
        Ok(())
    }

    /// Whether a name with `/` in front is that of a task or a namespace, or of something in a namespace.
    pub(crate) fn leads_to(&self, name: &str) -> bool {
        let name = name.strip_prefix('/').unwrap_or(name);
        self.ottofile.target(name).is_some() || self.ottofile.namespaces.around(name).is_some()
    }

    /// Makes the topmost ottofile that includes this one the root; if there is none, this one stays the root.
    pub(crate) fn go_up(&mut self) -> Result<(), Vec<Diagnostic>> {
        self.go_up_if(|_, _| true)
    }

    /// The same if one of these words with `/` in front is a name there, or would be taken for one here.
    pub(crate) fn go_up_for<'w>(
        &mut self,
        words: impl IntoIterator<Item = &'w str>,
    ) -> Result<(), Vec<Diagnostic>> {
        let words: Vec<&str> = words.into_iter().collect();
        self.go_up_if(|this, above| words.iter().any(|word| above.leads_to(word) || this.leads_to(word)))
    }

    fn go_up_if(&mut self, is_meant: impl FnOnce(&Loaded, &Loaded) -> bool) -> Result<(), Vec<Diagnostic>> {
        if !self.ottofile.namespaces.is_topmost
            && let Some((mut above, namespace)) = topmost(&self.found, &self.cwd)?
            && is_meant(self, &above)
        {
            above.ottofile.namespaces.base = above.ottofile.namespaces.list()[namespace].name.clone();
            // What was said about this file was said.
            above.warnings.retain(|warning| {
                warning.labels.first().is_none_or(|label| label.source.name() != self.found.shown)
            });
            *self = above;
        }
        self.ottofile.namespaces.is_topmost = true;
        Ok(())
    }

    /// Reads what these tasks lead to, through any number of files.
    pub(crate) fn follow(&mut self, tasks: &[usize]) -> Result<Links, Vec<Diagnostic>> {
        loop {
            let links = self.ottofile.follow(tasks.iter().copied());
            if links.unread.is_empty() {
                return Ok(links);
            }
            self.read(links.unread)?;
        }
    }
}

/// The file that a path leads to: its device and inode.
fn identity(path: &Path) -> Option<(u64, u64)> {
    path.metadata().ok().map(|meta| (meta.dev(), meta.ino()))
}

/// The file without symlinks; where that cannot be known, as it is.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// An included file as a run recorded it.
pub(crate) struct RecordedFile {
    pub(crate) namespace: String,
    pub(crate) path: PathBuf,
    /// The namespace of the file that includes it.
    pub(crate) parent: String,
    pub(crate) entry: usize,
    pub(crate) text: String,
}

/// Why an entry leads to nothing.
struct Trouble {
    code: Code,
    message: String,
    label: &'static str,
    help: String,
}

/// The ottofiles that an entry leads to, sorted by path.
fn members(folder: &Path, include: &Include) -> Result<Vec<Included>, Trouble> {
    let written = include.path.value.as_str();
    let is_pattern = glob::is_pattern(written) && !folder.join(written).exists();
    let missing = |message: String, label: &'static str| Trouble {
        code: Code::IncludeMissing,
        message,
        label,
        help: format!("if it may be missing: `{{path: {written}, optional: true}}`"),
    };
    if !is_pattern {
        let path = host::normal(&folder.join(written));
        let file = match path.is_dir() {
            true => host::in_folder(&path, &path).ok().flatten().map(|found| found.path),
            false => path.is_file().then(|| path.clone()),
        };
        return match file {
            Some(file) => Ok(vec![member(folder, file, include)?]),
            None if include.is_optional => Ok(Vec::new()),
            None if path.is_dir() => {
                Err(missing(format!("there is no ottofile in `{written}`"), "no ottofile there"))
            }
            None => Err(missing(format!("`{written}` does not exist"), "not found")),
        };
    }
    let paths = host::glob(folder, written).map_err(|why| Trouble {
        code: Code::BadGlob,
        message: format!("cannot look for `{written}`: {why}"),
        label: "this pattern",
        help: "write the folders one by one".to_owned(),
    })?;
    let wants_files = Path::new(written).extension().is_some_and(|end| end == "yml" || end == "yaml");
    let mut members = Vec::new();
    for path in paths {
        let path = host::normal(&folder.join(path));
        let file = match wants_files {
            true => path.is_file().then_some(path),
            false => host::in_folder(&path, &path).ok().flatten().map(|found| found.path),
        };
        if let Some(file) = file {
            members.push(member(folder, file, include)?);
        }
    }
    match members.is_empty() && !include.is_optional {
        true => Err(missing(format!("no ottofile matches `{written}`"), "matches nothing")),
        false => Ok(members),
    }
}

fn member(folder: &Path, path: PathBuf, include: &Include) -> Result<Included, Trouble> {
    if let Some(alias) = &include.alias {
        return Ok(Included { namespace: alias.value.clone(), path });
    }
    // An ottofile with a usual name is named by its folder.
    let is_usual = path.file_name().is_some_and(|name| host::NAMES.iter().any(|usual| name == *usual));
    let subject = if is_usual { path.parent().unwrap_or(&path) } else { &path };
    let below = subject.strip_prefix(folder).unwrap_or(subject);
    match namespace_of(below, is_usual) {
        Ok(namespace) => Ok(Included { namespace, path }),
        Err(why) => Err(Trouble {
            code: Code::BadName,
            message: format!("`{}` {why}, so its tasks have no namespace", subject.display()),
            label: "included here",
            help: "name it: `{path: …, as: NAME}`".to_owned(),
        }),
    }
}

/// The topmost ottofile above a file that includes it, directly or through others, and under which namespace. One above
/// that cannot be read is an error, unless it surely includes nothing.
pub(crate) fn topmost(found: &Found, cwd: &Path) -> Result<Option<(Loaded, usize)>, Vec<Diagnostic>> {
    let wanted = real(&found.path);
    let folders: Vec<&Path> = found.folder().ancestors().skip(1).collect();
    for folder in folders.into_iter().rev() {
        // Where the path is too long to look, no ottofile can be read.
        let Some(above) = host::in_folder(folder, cwd).ok().flatten() else { continue };
        let includes_nothing = includes_nothing(&above.path);
        let search = Loaded::root(above, cwd)
            .and_then(|mut loaded| Ok(including(&mut loaded, &wanted)?.map(|namespace| (loaded, namespace))));
        match search {
            Ok(None) => {}
            Err(_) if includes_nothing => {}
            Ok(Some(above)) => return Ok(Some(above)),
            Err(mut wrong) => {
                if let Some(first) = wrong.first_mut() {
                    first.notes.push(format!(
                        "otto needs this file to find the topmost ottofile that includes {}",
                        found.shown
                    ));
                }
                return Err(wrong);
            }
        }
    }
    Ok(None)
}

/// Whether a file surely has no `include`, whatever is wrong in it: the word is not in its text, not even escaped.
fn includes_nothing(path: &Path) -> bool {
    let bytes = host::read_bounded(path);
    bytes.is_ok_and(|bytes| !bytes.contains(&b'\\') && !bytes.windows(7).any(|word| word == b"include"))
}

/// The namespace of a file, read along with those that lead there.
fn including(loaded: &mut Loaded, wanted: &Path) -> Result<Option<usize>, Vec<Diagnostic>> {
    let mut next = 0;
    let mut wrong = Vec::new();
    let lineage: Vec<(u64, u64)> = wanted.ancestors().filter_map(identity).collect();
    while let Some(namespace) = loaded.ottofile.namespaces.list().get(next) {
        let path = namespace.path.clone();
        // Of hundreds of files only one is worth the way along its whole path.
        if identity(&path) == lineage.first().copied() && real(&path) == wanted {
            loaded.read([next])?;
            return Ok(Some(next));
        }
        // Only an ottofile in a folder above may include it.
        let is_above = path.parent().and_then(identity).is_some_and(|folder| lineage.contains(&folder));
        if is_above {
            let trouble = loaded.read_one(next);
            if !trouble.is_empty() && !includes_nothing(&path) {
                wrong.extend(trouble);
            }
        }
        next += 1;
    }
    if wrong.is_empty() { Ok(None) } else { Err(wrong) }
}

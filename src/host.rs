//! The world as planning sees it: where the ottofile is, the environment, and the answers to `Facts`.
//! Knows no run.

use crate::diagnostic::{Code, Diagnostic};
use crate::ottofile::glob::{is_pattern, matcher};
use crate::ottofile::limit;
use crate::plan::facts::{CommandFailure, Facts};
use crate::source::{SourceFile, SourceId};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

/// The names of an ottofile; the first that exists is used.
pub(crate) const NAMES: [&str; 6] =
    ["otto.yml", ".otto.yml", "otto.yaml", ".otto.yaml", "Ottofile", "OTTOFILE"];

/// The environment otto was started with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    variables: BTreeMap<OsString, OsString>,
}

impl Environment {
    pub(crate) fn of_process() -> Environment {
        Environment { variables: std::env::vars_os().collect() }
    }

    pub(crate) fn get(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        self.variables.get(name.as_ref()).map(OsString::as_os_str)
    }

    /// Tells tasks and the commands of the ottofile where otto was called.
    pub(crate) fn set_invocation_dir(&mut self, dir: &Path) {
        self.variables.insert("OTTO_INVOCATION_DIR".into(), dir.into());
    }

    /// A variable that is set and not empty.
    pub(crate) fn filled(&self, name: &str) -> Option<&OsStr> {
        self.get(name).filter(|value| !value.is_empty())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Environment {
        Environment {
            variables: variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        }
    }
}

/// An ottofile on disk.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Absolute.
    pub(crate) path: PathBuf,
    /// As the user knows it: relative to where otto was called, where that is shorter.
    pub(crate) shown: String,
}

impl Found {
    /// The folder that tasks run in and globs are relative to; absolute.
    pub(crate) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }
}

/// Finds the ottofile: `named` (`-o`, `OTTOFILE`: a file, or a directory to search), or the nearest one upwards.
pub(crate) fn find_ottofile(cwd: &Path, named: Option<&OsStr>) -> Result<Found, Diagnostic> {
    if let Some(named) = named {
        let path = cwd.join(named);
        if path.is_dir() {
            return in_folder(&path, cwd)?.ok_or_else(|| {
                Diagnostic::error(
                    Code::NoOttofile,
                    format!("no ottofile found in `{}`", named.to_string_lossy()),
                )
                .note(format!("looked for {}", NAMES.join(", ")))
            });
        }
        if !path.exists() {
            return Err(Diagnostic::error(
                Code::NoOttofile,
                format!("no ottofile found: `{}` does not exist", named.to_string_lossy()),
            )
            .note(format!("set by `-o` or the variable OTTOFILE, relative to `{}`", cwd.display())));
        }
        return Ok(Found { shown: named.to_string_lossy().into_owned(), path: normal(&path) });
    }
    let mut searched = Vec::new();
    for folder in cwd.ancestors() {
        if let Some(found) = in_folder(folder, cwd)? {
            return Ok(found);
        }
        searched.push(folder.display().to_string());
    }
    Err(Diagnostic::error(Code::NoOttofile, "no ottofile found")
        .note(format!(
            "looked for {} in {} (stopped at the filesystem root)",
            NAMES.join(", "),
            searched.join(", ")
        ))
        .help("`otto Init` writes a commented otto.yml here"))
}

/// An error if the folder's path is too long to look there: what stands above is not what the user means.
pub(crate) fn in_folder(folder: &Path, cwd: &Path) -> Result<Option<Found>, Diagnostic> {
    for name in NAMES {
        match folder.join(name).metadata() {
            Ok(metadata) if metadata.is_file() => {
                let path = normal(&folder.join(name));
                let shown = relative(&path, cwd);
                return Ok(Some(Found { path, shown }));
            }
            Err(error) if error.kind() == std::io::ErrorKind::InvalidFilename => {
                let length = folder.as_os_str().len();
                let message =
                    format!("cannot look for an ottofile here: the folder's path is {length} bytes long");
                return Err(Diagnostic::error(Code::NoOttofile, message)
                    .help("the system allows paths of about 4000 bytes; use a shorter one"));
            }
            Ok(_) | Err(_) => {}
        }
    }
    Ok(None)
}

/// The path without `.` and `..`; symlinks are left as the user sees them.
pub(crate) fn normal(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                parts.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => parts.push(part),
        }
    }
    parts
}

/// `path` as seen from `from`, both absolute: `otto.yml`, `../otto.yml`, or the whole path where that is shorter.
pub(crate) fn relative(path: &Path, from: &Path) -> String {
    let from = normal(from);
    let shared = path.components().zip(from.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().count() - shared;
    let mut shown: PathBuf = std::iter::repeat_n("..", up).collect();
    shown.extend(path.components().skip(shared));
    let whole = path.display().to_string();
    let shown = shown.display().to_string();
    if shown.len() <= whole.len() { shown } else { whole }
}

/// Reads a root ottofile as text.
pub(crate) fn read_ottofile(found: &Found) -> Result<SourceFile, Diagnostic> {
    read_source(found, SourceId::default())
}

/// Reads an ottofile as text, as the source with this number.
pub(crate) fn read_source(found: &Found, id: SourceId) -> Result<SourceFile, Diagnostic> {
    let cannot = |why: String| {
        Diagnostic::error(Code::UnreadableOttofile, format!("cannot read `{}`: {why}", found.shown))
    };
    let file = std::fs::File::open(&found.path).map_err(|error| cannot(plain(&error)))?;
    let size = size_of(&file);
    if size > limit::MOST_BYTES as u64 {
        return Err(Diagnostic::error(
            Code::YamlLimit,
            format!("`{}` has {size} bytes; ottofiles can have at most 16 MiB", found.shown),
        ));
    }
    let bytes = bounded_into(room_for(size), file).map_err(|error| cannot(plain(&error)))?;
    String::from_utf8(bytes).map(|text| SourceFile::numbered(id, &found.shown, text)).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let source = SourceFile::new(&found.shown, text);
        Diagnostic::error(Code::UnreadableOttofile, format!("`{}` is not UTF-8", found.shown))
            .at(&source, source.span(valid, valid + 3), "this byte is not UTF-8")
            .help("save the file as UTF-8")
    })
}

/// The bytes of a file that the user names. Of a device, whose size says nothing, no more than an ottofile may have.
pub(crate) fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = std::fs::File::open(path)?;
    let size = size_of(&file);
    bounded_into(room_for(size), file)
}

fn size_of(file: &std::fs::File) -> u64 {
    file.metadata().map_or(0, |about| about.len())
}

fn room_for(size: u64) -> Vec<u8> {
    Vec::with_capacity((size as usize).min(limit::MOST_BYTES) + 1)
}

/// Reads everything, unless it is larger than an ottofile may be.
pub(crate) fn bounded(from: impl Read) -> std::io::Result<Vec<u8>> {
    bounded_into(Vec::new(), from)
}

fn bounded_into(mut bytes: Vec<u8>, from: impl Read) -> std::io::Result<Vec<u8>> {
    from.take(limit::MOST_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    match bytes.len() > limit::MOST_BYTES {
        true => Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, "larger than 16 MiB")),
        false => Ok(bytes),
    }
}

/// An error of the system in its own words, without the number.
pub(crate) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    let mut letters = text[..end].chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}

/// Answers the questions of planning, for the ottofile in one folder.
pub(crate) struct HostFacts<'a> {
    pub(crate) environment: &'a Environment,
    /// The ottofile's folder, absolute.
    pub(crate) folder: &'a Path,
    pub(crate) may_run_commands: bool,
}

impl Facts for HostFacts<'_> {
    fn variable(&self, name: &str) -> Option<OsString> {
        // As in bodies, which run there.
        if name == "PWD" {
            return Some(self.folder.into());
        }
        self.environment.get(name).map(OsStr::to_owned)
    }

    fn glob(&self, pattern: &str) -> Result<Vec<OsString>, String> {
        glob(self.folder, pattern)
    }

    fn file(&self, path: &str) -> Result<Option<String>, String> {
        match read_bounded(&self.folder.join(path)) {
            Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| "not UTF-8".to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(plain(&error)),
        }
    }

    fn command(&self, command: &str, variables: &[(String, OsString)]) -> Result<Vec<u8>, CommandFailure> {
        let failure = |how: String| CommandFailure { how, stderr: String::new() };
        let mut child = Command::new("sh");
        child.arg("-c").arg(command).current_dir(self.folder).stdin(Stdio::null()).env_clear();
        child.envs(self.environment.iter().filter(|(name, _)| !is_shell_trap(name)));
        child.envs(variables.iter().map(|(name, value)| (name, value)));
        let output =
            child.output().map_err(|error| failure(format!("cannot run `sh`: {}", plain(&error))))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let how = match (output.status.code(), output.status.signal()) {
            (Some(code), _) => format!("exit {code}"),
            (None, Some(signal)) => format!("killed by {}", crate::event::signal_name(signal)),
            (None, None) => "it ended without an exit status".to_owned(),
        };
        let stderr = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = stderr.lines().collect();
        Err(CommandFailure { how, stderr: lines[lines.len().saturating_sub(5)..].join("\n") })
    }

    fn within<'f>(&'f self, folder: Option<&'f Path>) -> Box<dyn Facts + 'f> {
        let HostFacts { environment, may_run_commands, .. } = *self;
        Box::new(HostFacts { environment, folder: folder.unwrap_or(self.folder), may_run_commands })
    }

    fn may_run_commands(&self) -> bool {
        self.may_run_commands
    }
}

/// The same as if every command failed: what depends on none is known.
pub(crate) struct FactsWithoutCommands<'a>(pub(crate) HostFacts<'a>);

impl Facts for FactsWithoutCommands<'_> {
    fn variable(&self, name: &str) -> Option<OsString> {
        self.0.variable(name)
    }

    fn glob(&self, pattern: &str) -> Result<Vec<OsString>, String> {
        self.0.glob(pattern)
    }

    fn file(&self, path: &str) -> Result<Option<String>, String> {
        self.0.file(path)
    }

    fn command(&self, _command: &str, _variables: &[(String, OsString)]) -> Result<Vec<u8>, CommandFailure> {
        Err(CommandFailure { how: "not run".to_owned(), stderr: String::new() })
    }

    fn within<'f>(&'f self, folder: Option<&'f Path>) -> Box<dyn Facts + 'f> {
        let HostFacts { environment, may_run_commands, .. } = self.0;
        let folder = folder.unwrap_or(self.0.folder);
        Box::new(FactsWithoutCommands(HostFacts { environment, folder, may_run_commands }))
    }

    fn may_run_commands(&self) -> bool {
        true
    }
}

/// Variables with which a caller's shell would change what a script means without a word of it in the ottofile.
/// ENV is none of them: shells read the file that it names only when they are interactive.
pub(crate) fn is_shell_trap(name: &OsStr) -> bool {
    let name = name.as_bytes();
    matches!(name, b"BASH_ENV" | b"SHELLOPTS" | b"BASHOPTS" | b"PS4" | b"CDPATH" | b"GLOBIGNORE")
        || name.starts_with(b"BASH_FUNC_")
}

/// Paths that match, relative to `folder`, sorted by bytes. As in a shell, `*` stays within one folder and a
/// leading dot must be written; `**` is any number of folders; `{a,b}` and `[a-z]` work. A name that exists is that
/// name, whatever characters are in it.
pub(crate) fn glob(folder: &Path, pattern: &str) -> Result<Vec<OsString>, String> {
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
    if folder.join(pattern).symlink_metadata().is_ok() {
        return Ok(vec![pattern.into()]);
    }
    if !is_pattern(pattern) {
        return Ok(Vec::new());
    }
    let matcher = matcher(pattern)?;
    let fixed: PathBuf = Path::new(pattern)
        .components()
        .take_while(|part| !part.as_os_str().as_bytes().iter().any(|byte| b"*?[{".contains(byte)))
        .collect();
    let variable_parts = Path::new(pattern).components().count() - fixed.components().count();
    let mut walk = walkdir::WalkDir::new(folder.join(&fixed)).min_depth(1);
    if !pattern.contains("**") && !pattern.contains('{') {
        walk = walk.max_depth(variable_parts);
    }
    let wants_hidden = pattern.contains("/.") || pattern.starts_with('.') && !pattern.starts_with("..");
    let is_hidden =
        |entry: &walkdir::DirEntry| entry.depth() > 0 && entry.file_name().as_bytes().starts_with(b".");
    let mut matches = Vec::new();
    for entry in walk.into_iter().filter_entry(|entry| wants_hidden || !is_hidden(entry)) {
        // What cannot be read does not match, as in a shell.
        let Ok(entry) = entry else { continue };
        let Ok(inside) = entry.path().strip_prefix(folder.join(&fixed)) else { continue };
        let path = fixed.join(inside);
        if matcher.is_match(&path) {
            matches.push(path.into_os_string());
        }
    }
    matches.sort_unstable_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    Ok(matches)
}

/// Where otto was called, absolute.
pub(crate) fn working_directory() -> PathBuf {
    // A deleted working directory has no name; `PWD` may still say what it was.
    std::env::current_dir()
        .or_else(|error| {
            std::env::var_os("PWD").map(PathBuf::from).filter(|path| path.is_absolute()).ok_or(error)
        })
        .unwrap_or_else(|_| PathBuf::from("/"))
}

/// Bytes from the system's generator; from the clock and the process where there is none.
pub(crate) fn random() -> u64 {
    let mut bytes = [0; 8];
    let read = std::fs::File::open("/dev/urandom")
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut bytes));
    if read.is_err() {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos() as u64);
        return now ^ (u64::from(std::process::id()) << 32);
    }
    u64::from_ne_bytes(bytes)
}

/// Where systems keep their time zones, each a file under its name.
const ZONE_FOLDERS: [&str; 3] = ["/usr/share/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo"];

/// The zone of TZ, or that of the system.
pub(crate) fn time_zone(environment: &Environment) -> TimeZone {
    named_zone(environment).unwrap_or_else(TimeZone::system)
}

/// `TZ=Asia/Tokyo`: jiff knows rules (`JST-9`) and paths by itself, names only after a walk through all that there are.
fn named_zone(environment: &Environment) -> Option<TimeZone> {
    let name = environment.filled("TZ")?.to_str()?;
    let name = name.strip_prefix(':').unwrap_or(name);
    if !Path::new(name).components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let own = environment.filled("TZDIR").map(Path::new);
    let mut folders = own.into_iter().chain(ZONE_FOLDERS.iter().map(Path::new));
    let bytes = folders.find_map(|folder| std::fs::read(folder.join(name)).ok())?;
    TimeZone::tzif(name, &bytes).ok()
}

/// Whether stdin has no input for a task: it is a terminal, `/dev/null`, an empty file or closed.
pub(crate) fn is_stdin_empty() -> bool {
    let kind = |stat: &rustix::fs::Stat| rustix::fs::FileType::from_raw_mode(stat.st_mode);
    let (Ok(stdin), Ok(null)) = (rustix::fs::fstat(rustix::stdio::stdin()), rustix::fs::stat("/dev/null"))
    else {
        return true;
    };
    match kind(&stdin) {
        rustix::fs::FileType::CharacterDevice => {
            stdin.st_rdev == null.st_rdev || std::io::IsTerminal::is_terminal(&std::io::stdin())
        }
        rustix::fs::FileType::RegularFile => stdin.st_size == 0,
        _ => false,
    }
}

/// The memory of this machine in MiB, where it is known.
pub(crate) fn memory_mib() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib >> 10)
}

/// The name of this machine.
pub(crate) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The name of the user, as the environment has it, else the number.
pub(crate) fn user_name(environment: &Environment) -> OsString {
    let named = environment.filled("USER").or_else(|| environment.filled("LOGNAME"));
    named.map_or_else(|| rustix::process::getuid().as_raw().to_string().into(), OsStr::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_read_to_the_limit_only() {
        let read = |bytes: u64| bounded(std::io::repeat(b'x').take(bytes)).map(|read| read.len());
        assert_eq!(read(16 << 20).ok(), Some(16 << 20));
        let refused = bounded(std::io::repeat(b'x')).map_err(|error| plain(&error));
        assert_eq!(refused, Err("larger than 16 MiB".to_owned()));
    }

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary directory");
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().expect("inside")).expect("a folder");
            std::fs::write(path, "").expect("a file");
        }
        folder
    }

    #[test]
    fn globs_match_as_in_a_shell() {
        let folder =
            folder(&["a.sh", "b.sh", ".h.sh", "sub/c.sh", "sub/deep/d.sh", "c d.sh", "x.txt", ".git/e.sh"]);
        let found = |pattern: &str| -> Vec<String> {
            let paths = glob(folder.path(), pattern).expect("a pattern");
            paths.into_iter().map(|path| path.into_string().expect("UTF-8")).collect()
        };
        assert_eq!(found("*.sh"), ["a.sh", "b.sh", "c d.sh"]);
        assert_eq!(found("./*.sh"), ["a.sh", "b.sh", "c d.sh"]);
        assert_eq!(found(".*.sh"), [".h.sh"]);
        assert_eq!(found("**/*.sh"), ["a.sh", "b.sh", "c d.sh", "sub/c.sh", "sub/deep/d.sh"]);
        assert_eq!(found("sub/*"), ["sub/c.sh", "sub/deep"]);
        assert_eq!(found("{a,b}.sh"), ["a.sh", "b.sh"]);
        assert_eq!(found("a.sh"), ["a.sh"]);
        assert_eq!(found("none/*.sh"), Vec::<String>::new());
        assert_eq!(found("[ab].sh"), ["a.sh", "b.sh"]);
        std::fs::write(folder.path().join("[ab].sh"), "").expect("a file");
        assert_eq!(found("[ab].sh"), ["[ab].sh"]);
        assert!(glob(folder.path(), "[z-a").is_err());
    }

    #[test]
    fn the_nearest_ottofile_upwards_is_found_in_the_order_of_names() {
        let folder = folder(&["Ottofile", "a/otto.yaml", "a/.otto.yml", "a/b/x", "a/b/otto.yml/x"]);
        let found = find_ottofile(&folder.path().join("a/b"), None).expect("found");
        assert_eq!(found.shown, "../.otto.yml");
        assert_eq!(found.folder(), folder.path().join("a"));
        let named = find_ottofile(&folder.path().join("a"), Some(OsStr::new(".."))).expect("found");
        assert_eq!(named.shown, "../Ottofile");
    }
    /// A file of a zone that has been nine hours ahead since ever.
    fn zone_file() -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..2 {
            bytes.extend(b"TZif2");
            bytes.extend([0; 15]);
            // Nothing but one kind of time and four bytes of its name.
            for count in [0_u32, 0, 0, 0, 1, 4] {
                bytes.extend(count.to_be_bytes());
            }
            bytes.extend((9 * 3600_u32).to_be_bytes());
            bytes.extend([0, 0]);
            bytes.extend(b"JST\0");
        }
        bytes.extend(b"\nJST-9\n");
        bytes
    }

    #[test]
    fn a_time_zone_may_be_named() {
        let folder = folder(&["Asia/Nowhere"]);
        std::fs::write(folder.path().join("Asia/Here"), zone_file()).expect("a file");
        let zones = folder.path().to_str().expect("UTF-8");
        let named = |name: &str| named_zone(&Environment::from([("TZ", name), ("TZDIR", zones)]));
        for name in ["Asia/Here", ":Asia/Here"] {
            let zone = named(name).expect("a zone");
            assert_eq!(zone.to_offset(jiff::Timestamp::UNIX_EPOCH), jiff::tz::offset(9), "{name}");
        }
        // The last one is a rule, which needs no file.
        for name in ["Asia/Nowhere", "Asia", "Asia/../Asia/Here", "/dev/null", "", "JST-9"] {
            assert_eq!(named(name), None, "{name}");
        }
    }
}

//! Which program runs a body: what its `#!` line says, and where that program is.
//! Finds a program by looking, and asks none but a script that stands in the place of bash.

use super::{CannotPrepare, Program, Script};
use crate::diagnostic::{Code, Diagnostic};
use rustix::fs::Access;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The file that `program` means on this machine, for a launch that was made on another.
pub(crate) fn find_here(
    workdir: &Path,
    search: Option<&OsStr>,
    program: &OsStr,
) -> Result<PathBuf, CannotPrepare> {
    match program.as_encoded_bytes().contains(&b'/') {
        true => at_path(workdir, program),
        false => search_path(workdir, program, search.unwrap_or(OsStr::new(STANDARD_PATH))),
    }
}

/// The file that `program` means under the environment of the launch: a path (relative ones start at the working
/// directory), or a name that is looked up in `PATH`.
pub(crate) fn find(script: &Script, program: &OsStr) -> Result<Program, CannotPrepare> {
    let path = match path(script, program) {
        // The other machine looks for itself.
        Err(_) if script.is_remote => PathBuf::from(program),
        found => found?,
    };
    Ok(Program { path, named: program.to_owned() })
}

fn path(script: &Script, program: &OsStr) -> Result<PathBuf, CannotPrepare> {
    let is_path = program.as_encoded_bytes().contains(&b'/');
    if is_path {
        return at_path(script.workdir, program);
    }
    let search = (script.env)("PATH").map(OsStr::to_owned).unwrap_or_else(|| OsString::from(STANDARD_PATH));
    // Most jobs run bash, and nobody installs another one in the middle of a run; a Python or node may well come from a
    // job before this one.
    if program != "bash" {
        return search_path(script.workdir, program, &search);
    }
    /// Where bash was found, by `PATH` and the folder that relative entries of it start at.
    type Question = (OsString, PathBuf);
    thread_local! {
        static FOUND: RefCell<HashMap<Question, PathBuf>> = RefCell::default();
    }
    let question = (search.clone(), script.workdir.to_owned());
    if let Some(path) = FOUND.with_borrow(|found| found.get(&question).cloned()) {
        return Ok(path);
    }
    let path = search_path(script.workdir, program, &search)?;
    FOUND.with_borrow_mut(|found| found.insert(question, path.clone()));
    Ok(path)
}

fn at_path(workdir: &Path, program: &OsStr) -> Result<PathBuf, CannotPrepare> {
    let path = workdir.join(program);
    match rustix::fs::access(&path, Access::EXEC_OK) {
        Ok(()) if !path.is_dir() => Ok(path),
        _ => Err(missing(program, path.exists(), None)),
    }
}

fn search_path(workdir: &Path, program: &OsStr, search: &OsStr) -> Result<PathBuf, CannotPrepare> {
    let mut denied = false;
    for folder in std::env::split_paths(search) {
        // An empty entry of PATH is the working directory.
        let path = workdir.join(folder).join(program);
        match rustix::fs::access(&path, Access::EXEC_OK) {
            Ok(()) if !path.is_dir() => return Ok(path),
            _ => denied |= path.is_file(),
        }
    }
    Err(missing(program, denied, Some(search)))
}

/// What is searched when `PATH` is not set.
const STANDARD_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

fn missing(program: &OsStr, is_denied: bool, searched: Option<&OsStr>) -> CannotPrepare {
    let shown = Path::new(program).display();
    let (code, number, what) = match is_denied {
        true => (Code::InterpreterDenied, 126, "is not an executable file"),
        false => (Code::NoInterpreter, 127, "was not found"),
    };
    let mut diagnostic = Diagnostic::error(code, format!("the interpreter `{shown}` {what}"));
    if let Some(path) = searched {
        diagnostic = diagnostic.note(format!("PATH is `{}`", Path::new(path).display()));
    }
    CannotPrepare { diagnostic, code: number }
}

/// The version of a bash, read out of its own file, which holds `@(#)Bash version 5.2.15(1) release`. Nothing is
/// started, except where the file is a script that starts the real one: that has to be asked. `None`: the file is none of
/// bash.
pub(super) fn bash_version(program: &Path) -> Option<String> {
    thread_local! {
        static KNOWN: RefCell<HashMap<PathBuf, Option<String>>> = RefCell::default();
    }
    KNOWN.with_borrow_mut(|known| {
        if let Some(version) = known.get(program) {
            return version.clone();
        }
        let version = version_in(program);
        known.entry(program.to_owned()).or_insert(version).clone()
    })
}

fn version_in(program: &Path) -> Option<String> {
    /// Bytes that are looked through at once, and how far into the ones behind them a version may reach.
    const STEP: u64 = 128 << 10;
    const REACH: u64 = 64;
    let file = File::open(program).ok()?;
    let length = file.metadata().ok()?.len();
    let mut first = [0; 2];
    file.read_exact_at(&mut first, 0).ok()?;
    if first == *b"#!" {
        return version_told(program);
    }
    // Texts stand near the end of a program.
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(STEP);
        let mut bytes = vec![0; usize::try_from((end + REACH).min(length) - start).ok()?];
        file.read_exact_at(&mut bytes, start).ok()?;
        if let Some(version) = version_among(&bytes) {
            return Some(version);
        }
        end = start;
    }
    None
}

fn version_among(bytes: &[u8]) -> Option<String> {
    const MARK: &[u8] = b"@(#)Bash version ";
    /// Pieces of which most can be passed over at a look, which is quicker than to compare at each byte.
    const PIECE: usize = 512;
    let pieces = bytes.chunks(PIECE).enumerate().filter(|(_, piece)| piece.contains(&MARK[0]));
    let mut places =
        pieces.flat_map(|(number, piece)| (0..piece.len()).map(move |place| number * PIECE + place));
    let start = places.find(|place| bytes[*place..].starts_with(MARK))? + MARK.len();
    let end = bytes[start..].iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.')?;
    String::from_utf8(bytes[start..start + end].to_vec()).ok()
}

/// What a script in the place of bash says of the bash that it starts.
fn version_told(program: &Path) -> Option<String> {
    let mut command = Command::new(program);
    command.args(["-c", "echo \"$BASH_VERSION\""]).stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok()?;
    let told = String::from_utf8(output.stdout).ok()?;
    let version = told.trim().split('(').next()?.to_owned();
    version.starts_with(|first: char| first.is_ascii_digit()).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_a_bash_is_read_from_its_file() {
        let bash = super::super::harness::needed("bash");
        let told =
            std::process::Command::new(&bash).args(["-c", "echo $BASH_VERSION"]).output().expect("started");
        let told = String::from_utf8(told.stdout).expect("text");
        let read = version_in(&bash).expect("a version");
        assert!(told.starts_with(&format!("{read}(")), "{told} {read}");
        assert_eq!(version_in(Path::new("/etc/passwd")), None);
    }

    #[test]
    fn the_version_is_found_wherever_it_stands() {
        let folder = tempfile::tempdir().expect("a directory");
        let program = folder.path().join("bash");
        let step = 128 << 10;
        for (place, length) in [
            (0, 64),
            (0, 3 * step),
            (step - 40, 2 * step),
            (step - 17, 2 * step),
            (step - 1, 2 * step),
            (step, 2 * step + 7),
            (2 * step - 30, 2 * step),
            (510, 1024),
        ] {
            let mut bytes = b"@(#)@Bash ".repeat(length / 10 + 1);
            bytes.truncate(length);
            let text = b"@(#)Bash version 3.2.57(1) re";
            bytes[place..place + text.len()].copy_from_slice(text);
            std::fs::write(&program, bytes).expect("written");
            assert_eq!(version_in(&program).as_deref(), Some("3.2.57"), "at {place} of {length}");
        }
    }

    #[test]
    fn a_script_in_the_place_of_bash_is_asked() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a directory");
        let script = folder.path().join("bash");
        let version = |text: &str| {
            std::fs::write(&script, text).expect("written");
            std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).expect("set");
            version_in(&script)
        };
        assert_eq!(
            version("#!/bin/sh\nBASH_VERSION='3.2.57(1)-release'; eval \"$2\"\n").as_deref(),
            Some("3.2.57")
        );
        assert_eq!(version("#!/bin/sh\nexit 1\n"), None);
        assert_eq!(version("#!/bin/sh\necho error\n"), None);
    }
}

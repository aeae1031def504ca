//! Which program runs a body: what its `#!` line says, and where that program is.
//! Starts nothing: a program is found by looking, never by asking it.

use super::{CannotPrepare, Script};
use crate::diagnostic::{Code, Diagnostic};
use rustix::fs::Access;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// A body's first line, taken apart: `#!/usr/bin/env -S node --no-warnings` is `node` by `PATH` with one
/// argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shebang {
    /// A path, or a bare name to be looked up in `PATH`.
    pub(crate) program: String,
    pub(crate) args: Vec<String>,
}

impl Shebang {
    pub(crate) fn of(text: &str) -> Option<Shebang> {
        let line = text.strip_prefix("#!")?.lines().next()?;
        let mut words = line.split_whitespace().map(str::to_owned).peekable();
        let first = words.next()?;
        if !(first == "env" || first.ends_with("/env")) {
            return Some(Shebang { program: first, args: words.collect() });
        }
        // `env` alone passes one word on; `-S` splits. Everybody who writes options after it means `-S`.
        while words.next_if(|word| word == "-S" || word == "--" || word == "-").is_some() {}
        let program = words.next()?;
        let program = program.strip_prefix("-S").map(str::to_owned).unwrap_or(program);
        Some(Shebang { program, args: words.collect() })
    }

    /// The program's name without its folder: `python3.11` of `/usr/bin/python3.11`.
    pub(crate) fn name(&self) -> &str {
        self.program.rsplit('/').next().unwrap_or(&self.program)
    }
}

/// The file that `program` means under the environment of the launch: a path (relative ones start at the working
/// directory), or a name that is looked up in `PATH`.
pub(crate) fn find(script: &Script, program: &OsStr) -> Result<PathBuf, CannotPrepare> {
    let is_path = program.as_encoded_bytes().contains(&b'/');
    if is_path {
        let path = script.workdir.join(program);
        return match rustix::fs::access(&path, Access::EXEC_OK) {
            Ok(()) if !path.is_dir() => Ok(path),
            _ => Err(missing(program, path.exists(), None)),
        };
    }
    let search = (script.env)("PATH").map(OsStr::to_owned).unwrap_or_else(|| OsString::from(STANDARD_PATH));
    let mut denied = false;
    for folder in std::env::split_paths(&search) {
        // An empty entry of PATH is the working directory.
        let path = script.workdir.join(folder).join(program);
        match rustix::fs::access(&path, Access::EXEC_OK) {
            Ok(()) if !path.is_dir() => return Ok(path),
            _ => denied |= path.is_file(),
        }
    }
    Err(missing(program, denied, Some(&search)))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn shebang(text: &str) -> Option<(String, Vec<String>)> {
        Shebang::of(text).map(|shebang| (shebang.program, shebang.args))
    }

    #[test]
    fn env_is_looked_through() {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(shebang("#!/bin/bash -e\nx"), Some(("/bin/bash".into(), words(&["-e"]))));
        assert_eq!(shebang("#! /usr/bin/env python3\n"), Some(("python3".into(), vec![])));
        assert_eq!(shebang("#!/usr/bin/env -S node --flag"), Some(("node".into(), words(&["--flag"]))));
        assert_eq!(shebang("#!/usr/bin/env -Snode --flag"), Some(("node".into(), words(&["--flag"]))));
        assert_eq!(shebang("#!/usr/bin/env"), None);
        assert_eq!(shebang("#!"), None);
        assert_eq!(shebang("# no\n#!/bin/sh"), None);
        assert_eq!(shebang("#!/usr/bin/env bash\r\necho"), Some(("bash".into(), vec![])));
    }
}

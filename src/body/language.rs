//! What a body is written in: its `#!` line, or the key under which it stands.

use crate::ottofile::spec::{Body, BodyKey};

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

/// What a body is written in. Its `#!` line decides, under whichever key it stands; without one the key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Bash,
    /// `sh`, `dash`, `zsh` and their kin.
    Posix,
    Python,
    /// Any other program; files are the contract.
    Other,
}

impl Language {
    pub(crate) fn of(body: &Body) -> Language {
        let Some(shebang) = Shebang::of(&body.text) else {
            return match body.key {
                BodyKey::Bash | BodyKey::Action | BodyKey::Nothing => Language::Bash,
                BodyKey::Python => Language::Python,
            };
        };
        let name = shebang.name();
        // `python3.11`, `bash-5.2`: what follows the letters is a version.
        let stem =
            name.trim_end_matches(|character: char| character.is_ascii_digit() || ".-".contains(character));
        match stem {
            "bash" | "rbash" => Language::Bash,
            "sh" | "dash" | "ash" | "ksh" | "mksh" | "pdksh" | "oksh" | "loksh" | "yash" | "zsh"
            | "busybox" => Language::Posix,
            "python" | "pypy" => Language::Python,
            _ => Language::Other,
        }
    }
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

//! What a Makefile finds in its folder and its environment, for reading it. Changes nothing.

use super::make::World;
use crate::host::{self, Environment};
use std::path::PathBuf;
use std::process::{Command, Stdio};

pub(super) struct Folder<'e> {
    pub(super) path: PathBuf,
    pub(super) environment: &'e Environment,
}

/// Commands that tell of the machine, change nothing and are the same wherever they are asked.
const HARMLESS: &[&str] = &["uname", "arch", "nproc", "pwd"];

impl World for Folder<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        self.environment.get(name).map(|value| value.to_string_lossy().into_owned())
    }

    fn matches(&self, pattern: &str) -> Vec<String> {
        if !pattern.contains(['*', '?', '[']) {
            let exists = self.path.join(pattern).exists();
            return if exists { vec![pattern.to_owned()] } else { Vec::new() };
        }
        let found = host::glob(&self.path, pattern).unwrap_or_default();
        let mut found: Vec<String> =
            found.into_iter().map(|path| path.to_string_lossy().into_owned()).collect();
        found.sort_unstable();
        found
    }

    fn exists(&self, path: &str) -> bool {
        self.path.join(path).exists()
    }

    fn is_plain(&self, path: &str) -> bool {
        let joined = self.path.join(path);
        joined.exists()
            && joined.canonicalize().is_ok_and(|real| real.starts_with(self.folder()) && real.ends_with(path))
    }

    fn read(&self, path: &str) -> Option<String> {
        let bytes = host::read_bounded(&self.path.join(path)).ok()?;
        String::from_utf8(bytes).ok()
    }

    fn answer(&self, command: &str) -> Option<String> {
        let command =
            command.trim().trim_end_matches("2>/dev/null").trim_end_matches("2> /dev/null").trim_end();
        let words: Vec<&str> = command.split_whitespace().collect();
        let (program, options) = words.split_first()?;
        let is_option = |word: &&str| {
            word.starts_with('-') && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !HARMLESS.contains(program) || !options.iter().all(is_option) {
            return None;
        }
        let path = self.environment.get("PATH").unwrap_or_default();
        let answered = Command::new("/bin/sh")
            .args(["-c", command])
            .env("PATH", path)
            .current_dir(&self.path)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        let answer = String::from_utf8(answered.stdout).ok()?;
        Some(answer.trim_end_matches('\n').replace('\n', " "))
    }

    fn folder(&self) -> String {
        self.path.canonicalize().unwrap_or_else(|_| self.path.clone()).to_string_lossy().into_owned()
    }
}

/// A folder with nothing in it, and no environment.
pub(in crate::command) struct Nowhere;

impl World for Nowhere {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }
    fn matches(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
    fn exists(&self, _: &str) -> bool {
        false
    }
    fn is_plain(&self, _: &str) -> bool {
        false
    }
    fn read(&self, _: &str) -> Option<String> {
        None
    }
    fn answer(&self, _: &str) -> Option<String> {
        None
    }
    fn folder(&self) -> String {
        "/nowhere".to_owned()
    }
}

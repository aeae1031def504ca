//! Where the tests of commands take place: a sandbox of recorded runs, a fixed clock, and what was written.

use super::{Context, find};
use crate::history::fixture::Sandbox;
use crate::host::Environment;
use crate::mask::Masks;
use std::ffi::OsString;

/// Noon of the day on which the tests look back.
pub(super) const NOW: &str = "2026-11-23T12:00:00Z";

pub(super) struct Stage {
    pub(super) sandbox: Sandbox,
    pub(super) is_json: bool,
    pub(super) is_terminal: bool,
    pub(super) width: usize,
}

impl Stage {
    /// The project of the sandbox has an ottofile.
    pub(super) fn new() -> Stage {
        let sandbox = Sandbox::new();
        std::fs::write(sandbox.folder().join("otto.yml"), "tasks: {}\n").expect("written");
        Stage { sandbox, is_json: false, is_terminal: false, width: 80 }
    }

    /// What `otto LINE` answers: its stdout, its stderr, and its exit code unless that is 0. Paths of this machine are replaced.
    pub(super) fn otto(&self, line: &str) -> String {
        let (out, err, code) = self.run(line);
        let mut text = String::from_utf8_lossy(&out).into_owned();
        if !err.is_empty() {
            text.push_str(&format!("--- stderr\n{}", String::from_utf8_lossy(&err)));
        }
        if code != 0 {
            text.push_str(&format!("--- exit {code}\n"));
        }
        let root = self.sandbox.dir.path().canonicalize().expect("there");
        let project = self.sandbox.project.path.file_name().expect("named").to_string_lossy().into_owned();
        text.replace(&root.display().to_string(), "/sandbox").replace(&project, "shop-HASH")
    }

    /// [`Stage::otto`] with `SIZE` for sizes, which depend on the paths of the machine, and columns two blanks apart.
    pub(super) fn otto_without_sizes(&self, line: &str) -> String {
        let mut shown = String::new();
        for line in self.otto(line).lines() {
            let mut words: Vec<String> = Vec::new();
            for word in line.split(' ') {
                let is_unit = matches!(word.trim_end_matches(','), "B" | "kB");
                match words.last_mut() {
                    Some(number) if is_unit && number.starts_with(|first: char| first.is_ascii_digit()) => {
                        *number = word.replace("kB", "SIZE").replace('B', "SIZE");
                    }
                    _ => words.push(word.to_owned()),
                }
            }
            let line = words.join(" ");
            let columns: Vec<&str> =
                line.split("  ").map(str::trim).filter(|text| !text.is_empty()).collect();
            shown.push_str(&format!("{}\n", columns.join("  ")));
        }
        shown
    }

    pub(super) fn run(&self, line: &str) -> (Vec<u8>, Vec<u8>, i32) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let built_in = find(&OsString::from(words[0])).expect("a command");
        let matches = (built_in.command)()
            .no_binary_name(true)
            .try_get_matches_from(&words[1..])
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        let mut code = 0;
        let (stdout, stderr) = self.within(|context| code = (built_in.run)(context, &matches));
        (stdout, stderr, code)
    }

    /// What `act` wrote to stderr, for acts that write the rest elsewhere.
    pub(super) fn with_context(&self, act: impl FnOnce(&mut Context)) -> String {
        String::from_utf8(self.within(act).1).expect("text")
    }

    fn within(&self, act: impl FnOnce(&mut Context)) -> (Vec<u8>, Vec<u8>) {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let home = self.sandbox.home.root.to_str().expect("text");
        act(&mut Context {
            masks: Masks::default(),
            environment: Environment::from([("OTTO_HOME", home)]),
            cwd: self.sandbox.folder(),
            ottofile: None,
            is_at_root: false,
            stdout: &mut stdout,
            stderr: &mut stderr,
            colours_stdout: false,
            colours_stderr: false,
            stdout_is_terminal: self.is_terminal,
            width: self.width,
            now: NOW.parse().expect("a time"),
            zone: jiff::tz::TimeZone::fixed(jiff::tz::offset(1)),
            is_json: self.is_json,
            options: || clap::Command::new("otto"),
        });
        (stdout, stderr)
    }
}

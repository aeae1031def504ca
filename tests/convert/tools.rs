//! Files of other tools than make, run by the tool and, converted, by otto. A tool that is not installed is skipped, with a
//! message; what a converted file looks like is checked in any case, beside the code.

use super::project::{Project, Verdict};
use std::path::PathBuf;

/// A command line: a task and its arguments.
type Line = &'static [&'static str];

struct Sample {
    tool: &'static str,
    name: &'static str,
    text: &'static str,
    /// What stands before the task, and between the task and its arguments.
    before: &'static [&'static str],
    between: &'static [&'static str],
    /// Runs the same commands with the same words.
    same: &'static [Line],
    /// Says at its start what was not taken over.
    refused: &'static [Line],
}

const FILES: &[(&str, &str)] = &[("VERSION", "1.2.3\n"), ("src/main.c", ""), ("web/x", ""), ("key", "")];

const SAMPLES: &[Sample] = &[
    Sample {
        tool: "npm",
        name: "package.json",
        text: include_str!("package.json"),
        before: &["run"],
        between: &["--"],
        same: &[
            &["clean"],
            &["build"],
            &["build", "--watch", "two words", ""],
            &["test"],
            &["test", "-t", "it's $HOME"],
            &["ci"],
            &["all"],
            &["serve"],
            &["quotes", "a b"],
            &["event"],
            &["fails"],
        ],
        refused: &[&["version-of"]],
    },
    Sample {
        tool: "task",
        name: "Taskfile.yml",
        text: include_str!("Taskfile.yml"),
        before: &[],
        between: &["--"],
        same: &[
            &["default"],
            &["build"],
            &["test", "-k", "two words"],
            &["test"],
            &["release"],
            &["guarded"],
            &["checked"],
            &["looped"],
            &["several"],
            &["fails"],
        ],
        refused: &[&["odd"], &["twice"]],
    },
    Sample {
        tool: "just",
        name: "justfile",
        text: include_str!("justfile"),
        before: &[],
        between: &[],
        same: &[
            &["default"],
            &["build"],
            &["build", "release mode"],
            &["test", "-k", "two words"],
            &["test"],
            &["publish", "v1"],
            &["b"],
            &["notify"],
            &["quoted", "it is"],
            &["script"],
            &["deploy", "prod"],
            &["fails"],
        ],
        refused: &[&["odd"]],
    },
    Sample {
        tool: "mise",
        name: "mise.toml",
        text: include_str!("mise.toml"),
        before: &["run"],
        between: &["--"],
        same: &[
            &["build"],
            &["test", "-k", "two words"],
            &["test"],
            &["lint"],
            &["fmt"],
            &["all"],
            &["fails"],
        ],
        refused: &[&["odd"]],
    },
];

fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found =
        std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())?;
    found.canonicalize().ok()
}

#[test]
fn what_other_tools_run_is_run_or_refused() {
    let mut different = Vec::new();
    for sample in SAMPLES {
        let Some(program) = installed(sample.tool) else {
            eprintln!("skipped: {} is not installed", sample.tool);
            continue;
        };
        let mut real = vec![(sample.tool, program)];
        for name in ["sh", "bash", "mkdir", "cat", "rm", "dirname", "env", "test", "false", "true"] {
            real.extend(installed(name).map(|path| (name, path)));
        }
        if sample.tool == "npm" {
            real.extend(installed("node").map(|path| ("node", path)));
        }
        let project = Project::of(sample.name, sample.text, FILES, &real);
        let converted = project.convert();
        let all = sample.same.iter().map(|line| (line, true));
        let all = all.chain(sample.refused.iter().map(|line| (line, false)));
        for (line, is_same) in all {
            let (task, arguments) = line.split_first().expect("a task");
            let mut tool = vec![sample.tool];
            tool.extend(sample.before);
            tool.push(task);
            if !arguments.is_empty() {
                tool.extend(sample.between);
            }
            tool.extend(arguments);
            let path = project.program(sample.tool);
            tool[0] = path.to_str().expect("text");
            let verdict = project.compare(&converted.ottofile, &tool, line);
            match (verdict, is_same) {
                (Verdict::Same, true) => {}
                (Verdict::Refused(_), false) => {
                    assert!(converted.has_remark(task), "{} {line:?}: no remark", sample.tool);
                }
                (verdict, _) => {
                    different.push(format!("{} {line:?}: {verdict:?}", sample.tool).replace("\\n", "\n"))
                }
            }
        }
        eprintln!("{}: {} command lines the same", sample.tool, sample.same.len());
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

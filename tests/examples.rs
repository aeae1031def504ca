//! Every folder of `examples/` does what its `expected.txt` shows. `UPDATE_EXAMPLES=1` rewrites what differs.
//! The examples run in copies, so that the sources stay as they are.

// What is skipped is said where people look for it.
#![allow(clippy::print_stderr)]

mod transcript;

use std::fs;
use std::path::{Path, PathBuf};
use transcript::{Sandbox, copy, neutral, settled, steps, written};

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .expect("examples/")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

/// What differs between an example and its `expected.txt`, or nothing.
fn difference(example: &Path) -> Option<String> {
    let name = example.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let file = example.join("expected.txt");
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) => return Some(format!("{name}/expected.txt: {error}")),
    };
    // `# needs: node` in the first line: what a machine may lack.
    let needs = text.lines().next().and_then(|line| line.strip_prefix("# needs: "));
    if let Some(absent) = needs.and_then(|needs| needs.split(' ').find(|program| !is_there(program))) {
        eprintln!("skipped: the example {name} needs {absent}");
        return None;
    }
    let (head, body) =
        text.split_at(if needs.is_some() { text.find('\n').map_or(0, |end| end + 1) } else { 0 });
    let wanted = match steps(body) {
        Ok(steps) => steps,
        Err(error) => return Some(format!("{name}/expected.txt: {error}")),
    };
    assert!(!wanted.is_empty(), "{name}/expected.txt runs nothing");
    let sandbox = match name.as_str() {
        "slurm" => Sandbox::new().with_cluster(),
        _ => Sandbox::new(),
    };
    copy(example, &sandbox.project());
    let got = sandbox.run(&wanted);
    let result = written(&settled(&wanted, &got));
    if result == written(&wanted) {
        return None;
    }
    if std::env::var_os("UPDATE_EXAMPLES").is_some() {
        fs::write(&file, format!("{head}{result}")).expect("expected.txt");
    }
    Some(format!("{name}: expected\n{}\n{name}: got\n{result}", written(&wanted)))
}

fn is_there(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

#[test]
fn every_example_does_what_it_shows() {
    let examples = examples();
    assert!(examples.len() > 5, "the examples were not found");
    let differences: Vec<String> = examples.iter().filter_map(|example| difference(example)).collect();
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

#[test]
fn check_has_nothing_to_say_about_any_example() {
    for example in examples() {
        let sandbox = Sandbox::new();
        copy(&example, &sandbox.project());
        let checked = steps("$ otto Check --strict 2>&1 >/dev/null; echo $?\n").expect("a step");
        let got = sandbox.run(&checked);
        assert_eq!(
            written(&got),
            "$ otto Check --strict 2>&1 >/dev/null; echo $?\n0\n",
            "{}",
            example.display()
        );
    }
}

#[test]
fn what_differs_from_run_to_run_counts_as_equal_and_nothing_else() {
    assert_eq!(neutral("    ok  build       8.4s  set a\n"), neutral("    ok  build      14.4s  set a\n"));
    assert_eq!(neutral("otto · run 7f3k · 5 tasks"), neutral("otto · run 9c2m · 5 tasks"));
    assert_eq!(neutral("otto · run 761s · 5 tasks"), neutral("otto · run 9c2m · 5 tasks"));
    assert_eq!(neutral("5 ok in 1m02s"), neutral("5 ok in 0.9s"));
    assert_eq!(neutral("92c7  26 s ago  0.0s  ok    1 ok"), neutral("k3fz  1 min ago  12.0s  ok    1 ok"));
    assert_eq!(neutral(" └fdbt  0 s ago  0.0s  ok"), neutral(" └92c7  26 s ago  1.2s  ok"));
    assert_eq!(neutral("run   when     took"), neutral("run   when      took"));
    assert_eq!(neutral("error: run `92c7` has no task `a`"), neutral("error: run `abcd` has no task `a`"));
    assert_ne!(neutral("error: run `92c7` has no task `a`"), neutral("error: run `92c7` has no task `b`"));
    assert_eq!(
        neutral("  started     2026-11-23 23:28:09 (0 s ago)"),
        neutral("  started     2027-01-02 03:04:05 (9 s ago)")
    );
    assert_eq!(
        neutral("  by          you on vm, otto 0.1.0"),
        neutral("  by          you on host.example, otto 0.1.0")
    );
    assert_eq!(neutral("2 of 2 runs · 7.7 kB"), neutral("2 of 2 runs · 912 B"));
    assert_ne!(neutral("2 of 2 runs · 7.7 kB"), neutral("2 of 3 runs · 7.7 kB"));
    assert_ne!(neutral("5 ok in 1m02s"), neutral("4 ok in 1m02s"));
    assert_ne!(neutral("build 1.2.3"), neutral("build 1.2.4"));
    assert_ne!(neutral("a  b"), neutral("a b"));
    assert_eq!(
        neutral("~/.otto/project-0123456789ab/20261123-215400.123456-abcdef/tasks"),
        neutral("~/.otto/project-ba9876543210/20261124-215400.123456-fedcba/tasks")
    );
}

#[test]
fn transcripts_are_taken_apart_and_put_together() {
    let text = "$ cat <<X\n> one\n>\n> X\none\n\n$ otto\n> is output here\n";
    let taken = steps(text).expect("a transcript");
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0].command, "cat <<X\none\n\nX");
    assert_eq!(taken[1].command, "otto\nis output here");
    assert_eq!(written(&taken), "$ cat <<X\n> one\n>\n> X\none\n\n$ otto\n> is output here\n");
    assert_eq!(steps("otto").map_err(|error| error.is_empty()), Err(false));
}

//! What counts for a watch, and which files are no longer believed.

use super::*;
use std::fs;

fn scope(folder: &Path, inputs: &[&[&str]], outputs: &[&[&str]]) -> WatchScope {
    let lists = |lists: &[&[&str]]| {
        let texts = |list: &[&str]| list.iter().map(|pattern| (*pattern).to_owned()).collect();
        lists.iter().map(|list| (folder.to_owned(), texts(list))).collect()
    };
    WatchScope {
        folder: folder.to_owned(),
        inputs: lists(inputs),
        outputs: lists(outputs),
        always: BTreeSet::from([folder.join("otto.yml")]),
        home: Some(folder.join("home")),
    }
}

fn files(scope: &WatchScope) -> String {
    scope.look().files.keys().map(|path| scope.shown(path)).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_counts_is_the_input_or_else_what_git_does_not_ignore() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = root.path();
    for path in [
        ".git/index",
        ".gitignore",
        ".env",
        "a.c",
        "deep/.gitignore",
        "deep/b.c",
        "deep/b.o",
        "home/x",
        "log",
    ] {
        fs::create_dir_all(folder.join(path).parent().expect("a folder")).expect("made");
        fs::write(folder.join(path), "").expect("written");
    }
    fs::write(folder.join("otto.yml"), "").expect("written");
    fs::write(folder.join(".gitignore"), "log\n").expect("written");
    fs::write(folder.join("deep/.gitignore"), "*.o\n").expect("written");
    assert_eq!(
        files(&scope(folder, &[], &[])),
        ".env .gitignore a.c deep/.gitignore deep/b.c otto.yml",
        "without `input`"
    );
    assert_eq!(files(&scope(folder, &[], &[&["deep"], &["*.c"]])), ".env .gitignore otto.yml");
    assert_eq!(files(&scope(folder, &[&["**/*.c", "!a.c"], &["log"]], &[])), "deep/b.c log otto.yml");
    assert_eq!(files(&scope(folder, &[&["**/*.c"]], &[&["a.c", "otto.yml"]])), "deep/b.c otto.yml");
}

#[test]
fn a_file_that_each_run_writes_is_found_and_one_that_is_saved_by_hand_is_not() {
    let began = Instant::now();
    let mut habits = Habits::default();
    let mut note = |ms: &[(u64, &str)]| {
        let change = |(ms, path): &(u64, &str)| FileChange {
            number: 1,
            at: began + Duration::from_millis(*ms),
            paths: vec![PathBuf::from(path)],
        };
        habits.note(began, &ms.iter().map(change).collect::<Vec<_>>())
    };
    let nothing: Vec<PathBuf> = Vec::new();
    for _ in 0..3 {
        assert_eq!(note(&[(300, "log"), (300, "src")]), nothing);
    }
    // Saved while the run was longer than that of the others.
    assert_eq!(note(&[(420, "log"), (900, "src")]), [PathBuf::from("log")]);
    // A run between them that it did not start.
    for round in [&[(10, "a")][..], &[(10, "a")], &[(10, "a")], &[(10, "b")], &[(10, "a")]] {
        assert_eq!(note(round), nothing);
    }
}

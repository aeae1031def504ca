//! What counts for a watch, and which files are no longer believed.

use super::*;
use proptest::prelude::*;
use proptest::sample::select;
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

/// Runs of 300 ms, each started by the change of one file that is noticed so long after the start of a run; or, without one,
/// so long after the change before. Answers how many runs there were before the file was taken for one that runs write.
fn runs_until_found(since_start: Option<u64>, since_change: u64, most: usize) -> Option<usize> {
    let ms = Duration::from_millis;
    let mut habits = Habits::default();
    let mut began = Instant::now();
    let mut changed = began;
    for runs in 1..=most {
        changed = since_start.map_or(changed + ms(since_change), |since| began + ms(since));
        let mut changes = [FileChange { number: 1, at: changed, paths: vec![PathBuf::from("file")] }];
        let habit = habits.note(RunTime { began, ended: began + ms(300) }, &mut changes);
        if !habit.by_runs.is_empty() {
            return Some(runs);
        }
        began = changed + ms(10) + habit.delay;
        if since_start.is_none() && changed + ms(since_change) < began {
            // It is saved before the run begins that was put off.
            changed += ms(since_change);
            habits.acquit(&[FileChange { number: 1, at: changed, paths: vec![PathBuf::from("file")] }]);
        }
    }
    None
}

#[test]
fn a_file_that_each_run_writes_is_found_and_one_that_is_saved_evenly_is_not() {
    for since_start in [10, 150, 300, 450, 1200] {
        assert_eq!(runs_until_found(Some(since_start), 0, 20), Some(8), "{since_start}");
    }
    // A person, or a program, that saves it as evenly as can be.
    for since_change in (50..4000).step_by(50) {
        assert_eq!(runs_until_found(None, since_change, 200), None, "{since_change}");
    }
}

#[test]
fn what_runs_do_to_a_file_that_they_write_is_passed_over_and_what_others_do_counts() {
    let began = Instant::now();
    let ended = began + Duration::from_millis(300);
    let mut habits = Habits { by_runs: BTreeSet::from([PathBuf::from("log")]), ..Habits::default() };
    let mut note = |ms: u64, paths: &[&str]| {
        let paths = paths.iter().map(PathBuf::from).collect();
        let mut changes = [FileChange { number: 1, at: began + Duration::from_millis(ms), paths }];
        assert_eq!(habits.note(RunTime { began, ended }, &mut changes), Habit::default());
        changes[0].paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(note(200, &["log"]), "");
    assert_eq!(note(400, &["log", "src"]), "src");
    assert_eq!(note(2000, &["log"]), "log");
}

#[test]
fn a_glance_at_files_that_were_told_finds_what_a_look_at_all_does() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = root.path();
    for path in ["a", "b", "deep/c", "x.log", "otto.yml"] {
        fs::create_dir_all(folder.join(path).parent().expect("a folder")).expect("made");
        fs::write(folder.join(path), "").expect("written");
    }
    fs::write(folder.join(".gitignore"), "*.log\n").expect("written");
    fs::write(folder.join("x.log"), "").expect("written");
    let inputs: [&[&str]; 1] = [&["**/*", "!**/*.o"]];
    for inputs in [&[][..], &inputs] {
        let scope = scope(folder, inputs, &[&["made"]]);
        let mut sight = scope.look();
        let mut glance = |told: &[&str]| {
            let told: BTreeSet<PathBuf> = told.iter().map(|path| folder.join(path)).collect();
            let changed = sight.glance(&scope, &told).expect("a glance is enough");
            assert_eq!(scope.look().files, sight.files, "{told:?}");
            changed.iter().map(|path| scope.shown(path)).collect::<Vec<_>>().join(" ")
        };
        fs::write(folder.join("new"), "1").expect("written");
        fs::write(folder.join("deep/new"), "1").expect("written");
        fs::write(folder.join("made"), "1").expect("written");
        fs::write(folder.join("new.o"), "1").expect("written");
        let own = if inputs.is_empty() { "deep/new new new.o" } else { "deep/new new" };
        assert_eq!(glance(&["new", "deep/new", "made", "new.o"]), own);
        assert_eq!(glance(&["new", "deep/new", "made", "new.o"]), "");
        for path in ["new", "deep/new", "made", "new.o"] {
            fs::remove_file(folder.join(path)).expect("removed");
        }
        assert_eq!(glance(&["new", "deep/new", "made", "new.o"]), own);
    }
    std::os::unix::fs::symlink("b", folder.join("link")).expect("linked");
    std::os::unix::fs::symlink("deep", folder.join("folder")).expect("linked");
    let scope = scope(folder, &[], &[]);
    let mut sight = scope.look();
    let glance = |sight: &mut Sight, told: &[&str]| {
        let told: BTreeSet<PathBuf> = told.iter().map(|path| folder.join(path)).collect();
        let earlier = sight.clone();
        let found = sight.glance(&scope, &told);
        let shown = |paths: &[PathBuf]| {
            let names = paths.iter().map(|path| scope.shown(path));
            names.collect::<Vec<_>>().join(" ")
        };
        let Some(changed) = found else {
            let told = super::scope::stamps(&told);
            *sight = scope.look();
            sight.pass_over(&told);
            return format!("all: {}", shown(&sight.changed_since(&earlier)));
        };
        assert_eq!(scope.look().files, sight.files, "{told:?}");
        shown(&changed)
    };
    assert_eq!(glance(&mut sight, &["a"]), "");
    fs::write(folder.join("a"), "1").expect("written");
    assert_eq!(glance(&mut sight, &["a", "gone"]), "a");
    // A link is another name of what it leads to.
    fs::write(folder.join("b"), "1").expect("written");
    assert_eq!(glance(&mut sight, &["b"]), "b link");
    fs::write(folder.join("new"), "1").expect("written");
    fs::rename(folder.join("new"), folder.join("b")).expect("renamed");
    assert_eq!(glance(&mut sight, &["new", "b"]), "b link");
    fs::write(folder.join("b"), "12").expect("written");
    assert_eq!(glance(&mut sight, &["b"]), "b link");
    // What does not count is looked for once.
    fs::write(folder.join("x.log"), "1").expect("written");
    assert_eq!(glance(&mut sight, &["x.log"]), "all: ");
    assert_eq!(glance(&mut sight, &["x.log"]), "");
    fs::write(folder.join("new"), "1").expect("written");
    assert_eq!(glance(&mut sight, &["new"]), "all: new");
    fs::write(folder.join("deep/d"), "1").expect("written");
    assert_eq!(glance(&mut sight, &["deep/d"]), "all: deep/d folder");
    fs::remove_file(folder.join("deep/d")).expect("removed");
    assert_eq!(glance(&mut sight, &["deep/d"]), "deep/d folder");
    fs::remove_file(folder.join("new")).expect("removed");
    assert_eq!(glance(&mut sight, &["new"]), "new");
    fs::rename(folder.join("deep"), folder.join("other")).expect("renamed");
    assert_eq!(glance(&mut sight, &["deep", "other"]), "all: deep/c folder other/c");
    fs::write(folder.join(".gitignore"), "a\n").expect("written");
    assert_eq!(glance(&mut sight, &[".gitignore"]), "all: .gitignore a x.log");
    fs::remove_dir_all(folder.join("other")).expect("removed");
    assert_eq!(glance(&mut sight, &["other/c", "other"]), "all: other/c");
}

/// Something that is done to files and folders.
#[derive(Clone, Debug)]
enum Deed {
    Write(&'static str, &'static str),
    Remove(&'static str, &'static str),
    Make(&'static str),
    Destroy(&'static str),
    Rename(&'static str, &'static str),
}

impl Deed {
    /// Does it, if it can be done; answers the paths that the system names, which watches these folders.
    fn done(&self, folder: &Path, watched: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
        let mut told = BTreeSet::new();
        let mut tell = |path: PathBuf| {
            if path.parent().is_some_and(|parent| watched.contains(parent)) {
                told.insert(path);
            }
        };
        match self {
            Deed::Write(inside, name) => {
                let path = folder.join(inside).join(name);
                if fs::write(&path, "x").is_ok() {
                    tell(path);
                }
            }
            Deed::Remove(inside, name) => {
                let path = folder.join(inside).join(name);
                if fs::remove_file(&path).is_ok() {
                    tell(path);
                }
            }
            Deed::Make(path) => {
                let all: Vec<PathBuf> = folder.join(path).ancestors().map(Path::to_owned).collect();
                let new: Vec<PathBuf> = all.into_iter().filter(|path| !path.exists()).collect();
                fs::create_dir_all(folder.join(path)).expect("made");
                new.into_iter().for_each(tell);
            }
            Deed::Destroy(path) => {
                let inside = walkdir::WalkDir::new(folder.join(path)).into_iter().flatten();
                let inside: Vec<PathBuf> = inside.map(walkdir::DirEntry::into_path).collect();
                if fs::remove_dir_all(folder.join(path)).is_ok() {
                    inside.into_iter().for_each(tell);
                }
            }
            Deed::Rename(from, to) => {
                let (from, to) = (folder.join(from), folder.join(to));
                if !to.exists() && fs::rename(&from, &to).is_ok() {
                    tell(from);
                    tell(to);
                }
            }
        }
        told
    }
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let folder =
        || select(vec!["a", "a/b", "a/b/c", "d", "d/e", "skipped", "skipped/deep", "a/skipped", "kept"]);
    let name = || select(vec!["x.c", "y.c", "z.o", ".env"]);
    let deed = prop_oneof![
        4 => (folder(), name()).prop_map(|(folder, name)| Deed::Write(folder, name)),
        1 => (folder(), name()).prop_map(|(folder, name)| Deed::Remove(folder, name)),
        3 => folder().prop_map(Deed::Make),
        1 => folder().prop_map(Deed::Destroy),
        2 => (folder(), folder()).prop_map(|(from, to)| Deed::Rename(from, to)),
    ];
    proptest::collection::vec(deed, 1..30)
}

/// The `input` of all tasks; without one, what git does not ignore.
fn inputs() -> impl Strategy<Value = &'static [&'static [&'static str]]> {
    select(vec![
        &[],
        &[&["**/*.c"] as &[&str]] as &[&[&str]],
        &[&["a/b/*.c"]],
        &[&["skipped/deep/*.c", "a/skipped"]],
        &[&["skipped/**/x.c", "!skipped/deep/**"], &["d/e/z.o"]],
        &[&["*/b/**", "!**/*.c", "**/x.c"]],
        &[&["d"], &["skipped/deep/x.c"]],
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// What happens in a folder that is not watched is not told, so what counts and was missed shows, too.
    #[test]
    fn a_glance_at_folders_finds_what_a_look_at_all_does(deeds in deeds(), inputs in inputs()) {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path();
        fs::write(folder.join("otto.yml"), "").expect("written");
        fs::write(folder.join(".gitignore"), "skipped\n*.o\n.env\n").expect("written");
        fs::create_dir(folder.join("kept")).expect("made");
        fs::write(folder.join("kept/.gitignore"), "*\n!y.c\n").expect("written");
        let mut scope = scope(folder, inputs, &[&["d/y.c"]]);
        scope.always.extend(["a/.env", "skipped/deep/.env"].map(|path| folder.join(path)));
        let mut sight = scope.look();
        for deed in &deeds {
            let before = sight.clone();
            let mut paths = deed.done(folder, &sight.folders);
            let mut changed = BTreeSet::new();
            while !paths.is_empty() {
                let watched = sight.folders.clone();
                match sight.glance(&scope, &paths) {
                    Some(found) => changed.extend(found),
                    None => {
                        let earlier = sight;
                        let told = super::scope::stamps(&paths);
                        sight = scope.look();
                        sight.pass_over(&told);
                        changed.extend(sight.changed_since(&earlier));
                    }
                }
                paths = sight.folders.difference(&watched).cloned().collect();
            }
            let all = scope.look();
            prop_assert_eq!(&all.files, &sight.files, "{:?}", deed);
            prop_assert_eq!(&all.folders, &sight.folders, "{:?}", deed);
            let told: Vec<PathBuf> = changed.into_iter().collect();
            prop_assert_eq!(all.changed_since(&before), told, "{:?}", deed);
        }
    }
}

#[test]
fn what_a_task_names_as_input_is_watched_whether_git_ignores_it_or_not() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = root.path();
    fs::write(folder.join("otto.yml"), "").expect("written");
    fs::write(folder.join(".gitignore"), "build/\n").expect("written");
    let watched = |inputs: &[&[&str]]| {
        let sight = scope(folder, inputs, &[]).look();
        let shown = sight.folders.iter().map(|path| path.strip_prefix(folder).expect("inside").to_owned());
        shown.map(|path| format!("/{}", path.display())).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(watched(&[&["build/gen/*.txt"]]), "/");
    fs::create_dir_all(folder.join("build/gen/deep")).expect("made");
    fs::create_dir_all(folder.join("src/deep")).expect("made");
    assert_eq!(watched(&[]), "/ /src /src/deep", "without `input`");
    assert_eq!(watched(&[&["build/gen/*.txt"]]), "/ /build /build/gen");
    assert_eq!(watched(&[&["build/**/*.txt"]]), "/ /build /build/gen /build/gen/deep");
    assert_eq!(
        watched(&[&["build/**/*.txt", "!build/gen/deep"], &["src"]]),
        "/ /build /build/gen /src /src/deep"
    );
    assert_eq!(watched(&[&["build/*/x.txt"]]), "/ /build /build/gen");
    assert_eq!(watched(&[&["build/gen/x.txt"]]), "/ /build /build/gen");
}

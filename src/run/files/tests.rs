//! A folder of files and links, and what patterns stand for in it.

use super::*;
use insta::assert_snapshot;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;

/// `a/b` is a file, `a/` an empty folder, `a -> ../b` a link.
fn folder(entries: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary directory");
    for entry in entries {
        let (name, target) = entry.split_once(" -> ").map_or((*entry, None), |(name, to)| (name, Some(to)));
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("inside")).expect("a folder");
        match target {
            Some(target) => symlink(target, path).expect("a link"),
            None if name.ends_with('/') => std::fs::create_dir_all(path).expect("a folder"),
            None => std::fs::write(path, "").expect("a file"),
        }
    }
    folder
}

/// The files, and what there is to say of the patterns.
fn found(folder: &tempfile::TempDir, patterns: &[&str]) -> String {
    let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
    match find(folder.path(), &patterns, &AtomicBool::new(false)) {
        Ok(found) => {
            let mut words: Vec<String> = found.paths.iter().map(|path| path.display().to_string()).collect();
            words.extend(found.missing.iter().map(|name| format!("(missing {name})")));
            words.extend(found.unmatched.iter().map(|glob| format!("(unmatched {glob})")));
            words.extend(found.idle.iter().map(|glob| format!("(idle {glob})")));
            words.join(" ")
        }
        Err(unknown) => format!("{unknown:?}"),
    }
}

#[test]
fn globs_match_as_in_a_shell_and_folders_stand_for_their_files() {
    let tree =
        folder(&["a.c", ".h.c", "src/b.c", "src/.x/c.c", "src/deep/d.c", "src/deep/.e", "none/", ".git/f"]);
    let all = |patterns: &[&str]| found(&tree, patterns);
    assert_snapshot!(all(&["*.c"]), @"a.c");
    assert_snapshot!(all(&[".*.c"]), @".h.c");
    assert_snapshot!(all(&["**/*.c"]), @"a.c src/b.c src/deep/d.c");
    assert_snapshot!(all(&["src"]), @"src/.x/c.c src/b.c src/deep/.e src/deep/d.c");
    assert_snapshot!(all(&["./src//"]), @"src/.x/c.c src/b.c src/deep/.e src/deep/d.c");
    assert_snapshot!(all(&["src/**"]), @"src/b.c src/deep/d.c");
    assert_snapshot!(all(&["src/*"]), @"src/b.c src/deep/d.c");
    assert_snapshot!(all(&["{src,none}"]), @"src/b.c src/deep/d.c");
    assert_snapshot!(all(&["s*/deep/"]), @"src/deep/d.c");
    assert_snapshot!(all(&["none"]), @"");
    assert_snapshot!(all(&["a.c", "b.c", "*.h"]), @"a.c (missing b.c) (unmatched *.h)");
    assert_snapshot!(all(&["."]), @".h.c a.c src/.x/c.c src/b.c src/deep/.e src/deep/d.c");
    assert_snapshot!(all(&[".git"]), @".git/f");
    assert_snapshot!(all(&["[z-a]"]), @r#"Failed("invalid glob `[z-a]`: invalid range; 'z' > 'a'")"#);
}

#[test]
fn a_name_that_exists_counts_as_itself() {
    let tree = folder(&["[id].ts", "i.ts", "{a,b}", "a", "!x", "x", "[d]/file", "d/file", "e*/f", "ee/f"]);
    let all = |patterns: &[&str]| found(&tree, patterns);
    assert_snapshot!(all(&["[id].ts"]), @"[id].ts i.ts");
    assert_snapshot!(all(&["{a,b}"]), @"a {a,b}");
    assert_snapshot!(all(&["[d]"]), @"[d]/file d/file");
    assert_snapshot!(all(&["e*"]), @"e*/f ee/f");
    assert_snapshot!(all(&["x", "!x"]), @"!x x");
    assert_snapshot!(all(&["*.ts", "![id].ts"]), @"i.ts");
}

#[test]
fn what_a_later_pattern_leaves_out_is_left_out() {
    let tree = folder(&["src/a", "src/gen/g", "src/gen/.h", "src/gen/deep/i", "src/b.tmp"]);
    let all = |patterns: &[&str]| found(&tree, patterns);
    for exclusion in ["!src/gen/**", "!src/gen", "!src/gen/", "!./src/gen/*", "!src/g*", "!**/gen"] {
        assert_eq!(all(&["src", exclusion]), "src/a src/b.tmp", "{exclusion}");
        assert_eq!(all(&["src/**", exclusion]), "src/a src/b.tmp", "{exclusion}");
    }
    assert_snapshot!(all(&["src", "!src/gen", "src/gen/g"]), @"src/a src/b.tmp src/gen/g");
    assert_snapshot!(all(&["src/gen/g", "src", "!src/gen"]), @"src/a src/b.tmp");
    assert_snapshot!(all(&["src/gen/*", "src/a", "!src/gen"]), @"src/a (unmatched src/gen/*)");
    assert_snapshot!(all(&["src/**", "!**/*.tmp", "!nothing"]), @"src/a src/gen/deep/i src/gen/g");
    assert_snapshot!(all(&["!src/gen", "src"]), @"src/a src/b.tmp src/gen/.h src/gen/deep/i src/gen/g (idle !src/gen)");
    assert_snapshot!(all(&["!src"]), @"(idle !src)");
}

#[test]
fn links_are_followed() {
    let tree = folder(&[
        "lib/x",
        "lib/sub/y",
        "src/a",
        "src/lib -> ../lib",
        "src/one -> ../lib/x",
        "src/none -> nowhere",
        "src/self -> self",
        "src/back -> .",
        "src/.hidden -> ../lib",
        "named -> lib",
        "none -> nowhere",
    ]);
    let all = |patterns: &[&str]| found(&tree, patterns);
    assert_snapshot!(all(&["src/**"]), @"src/a src/lib/sub/y src/lib/x src/none src/one src/self");
    assert_snapshot!(all(&["src/*/x"]), @"src/lib/x");
    assert_snapshot!(all(&["src/l*"]), @"src/lib/sub/y src/lib/x");
    assert_snapshot!(all(&["named", "none"]), @"named/sub/y named/x none");
    assert_snapshot!(all(&["named/**"]), @"named/sub/y named/x");
    assert_snapshot!(all(&["n*"]), @"named/sub/y named/x none");
    // `.hidden` leads there first, and what is there need not be found twice.
    assert_snapshot!(all(&["src"]), @"src/.hidden/sub/y src/.hidden/x src/a src/none src/one src/self");
}

/// A workspace in which each package links to all others has more paths than anybody could follow.
#[test]
fn each_folder_is_looked_into_once_however_many_links_lead_to_it() {
    let names: Vec<String> = (0..12).map(|number| format!("p{number:02}")).collect();
    let links = names.iter().flat_map(|from| {
        let others = names.iter().filter(move |to| *to != from);
        others.map(move |to| format!("packages/{from}/deps/{to} -> ../../{to}"))
    });
    let entries: Vec<String> =
        names.iter().map(|name| format!("packages/{name}/main.ts")).chain(links).collect();
    let tree = folder(&entries.iter().map(String::as_str).collect::<Vec<_>>());
    for pattern in ["packages", "packages/**", "packages/**/*.ts"] {
        assert_eq!(found(&tree, &[pattern]).split(' ').count(), names.len(), "{pattern}");
    }
}

#[test]
fn names_that_are_not_text_are_names() {
    let tree = folder(&["src/a"]);
    let name = OsString::from_vec(b"src/\xff.c".to_vec());
    std::fs::write(tree.path().join(&name), "").expect("a file");
    let patterns = ["src/*.c".to_owned()];
    let found = find(tree.path(), &patterns, &AtomicBool::new(false)).expect("found");
    assert_eq!(found.paths, BTreeSet::from([name]));
}

#[test]
fn a_look_that_nobody_waits_for_ends() {
    let tree = folder(&["src/a"]);
    assert_eq!(find(tree.path(), &["src".to_owned()], &AtomicBool::new(true)), Err(Unknown::Stopped));
}

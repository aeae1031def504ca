//! Whether a task is up to date: what it was made from is what it would be made from now.
//! Compares evidence. Knows no files; `run::fresh` collects the evidence.

use serde::{Deserialize, Serialize};

/// What a job's result depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Evidence {
    /// Hash of script, parameters, variables, globs and the data of dependencies; hex.
    pub(crate) recipe: String,
    /// The parts of the recipe in the user's words, each with the beginning of its hash: enough to say which of them
    /// changed, too little to tell what a secret was.
    pub(crate) parts: Vec<(String, String)>,
    /// The files that `input` matches, and those that values of dependencies lead to by their contracts; sorted by path.
    pub(crate) files: Vec<FileEvidence>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileEvidence {
    pub(crate) path: String,
    /// Hash of the content; hex.
    pub(crate) hash: String,
    /// What the file system says; as long as it is the same, so is the content. None when the file was changed so
    /// shortly before it was looked at that a further change might not show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stamp: Option<Stamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) size: u64,
    pub(crate) modified_ns: i128,
    pub(crate) changed_ns: i128,
    pub(crate) inode: u64,
}

/// The change since then, in a few words; None if there is none.
pub(crate) fn difference(then: &Evidence, now: &Evidence) -> Option<String> {
    if then.recipe != now.recipe {
        let is_known = |one: &Evidence, part| one.parts.contains(part);
        let changed = now.parts.iter().find(|part| !is_known(then, part));
        let changed = changed.or_else(|| then.parts.iter().find(|part| !is_known(now, part)));
        return Some(match changed {
            Some((what, _)) => format!("{what} changed"),
            None => "its inputs changed".to_owned(),
        });
    }
    difference_of_files(&then.files, &now.files)
}

/// The first change among files, which are sorted by path.
pub(crate) fn difference_of_files(then: &[FileEvidence], now: &[FileEvidence]) -> Option<String> {
    let (mut old, mut new) = (then.iter().peekable(), now.iter().peekable());
    loop {
        match (old.peek(), new.peek()) {
            (None, None) => return None,
            (Some(gone), None) => return Some(format!("`{}` is missing", gone.path)),
            (None, Some(added)) => return Some(format!("`{}` is new", added.path)),
            (Some(a), Some(b)) if a.path == b.path => {
                if a.hash != b.hash {
                    return Some(format!("`{}` changed", a.path));
                }
                old.next();
                new.next();
            }
            (Some(a), Some(b)) if a.path < b.path => return Some(format!("`{}` is missing", a.path)),
            (Some(_), Some(b)) => return Some(format!("`{}` is new", b.path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(files: &[(&str, &str)]) -> Evidence {
        let file = |(path, hash): &(&str, &str)| FileEvidence {
            path: (*path).into(),
            hash: (*hash).into(),
            stamp: None,
        };
        Evidence { recipe: "r".into(), parts: Vec::new(), files: files.iter().map(file).collect() }
    }

    #[test]
    fn a_changed_new_or_missing_file_is_a_difference() {
        let then = evidence(&[("a", "1"), ("b", "2")]);
        assert_eq!(difference(&then, &then), None);
        let against = |files: &[(&str, &str)]| difference(&then, &evidence(files)).unwrap_or_default();
        assert_eq!(against(&[("a", "1"), ("b", "9")]), "`b` changed");
        assert_eq!(against(&[("a", "1")]), "`b` is missing");
        assert_eq!(against(&[("b", "2")]), "`a` is missing");
        assert_eq!(against(&[("a", "1"), ("aa", "1"), ("b", "2")]), "`aa` is new");
    }

    #[test]
    fn the_part_of_the_recipe_that_changed_is_named() {
        let evidence = |recipe: &str, parts: &[(&str, &str)]| {
            let parts = parts.iter().map(|(what, hash)| ((*what).into(), (*hash).into())).collect();
            Evidence { recipe: recipe.into(), parts, files: Vec::new() }
        };
        let then = evidence("r", &[("its script", "1"), ("the variable `X`", "2")]);
        let against = |parts: &[(&str, &str)]| difference(&then, &evidence("s", parts)).unwrap_or_default();
        assert_eq!(against(&[("its script", "9"), ("the variable `X`", "2")]), "its script changed");
        assert_eq!(against(&[("its script", "1"), ("the variable `X`", "9")]), "the variable `X` changed");
        assert_eq!(against(&[("its script", "1")]), "the variable `X` changed");
        assert_eq!(
            against(&then.parts.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect::<Vec<_>>()),
            "its inputs changed"
        );
    }
}

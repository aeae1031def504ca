//! What ottofiles say, and what otto says about those that are wrong.

use super::*;
use crate::diagnostic::{render, summary};
use crate::source::SourceFile;

fn check(text: &str) -> String {
    let source = SourceFile::new("otto.yml", text);
    match read(&source) {
        Ok((_, warnings)) => format!("fine\n{}", render(&warnings, false, 100)),
        Err(errors) => render(&errors, false, 100) + &summary("otto.yml", &errors),
    }
}

#[test]
fn walk() {
    insta::assert_snapshot!(check("tasks:\n  lint:\n    bsh: x\n  build:\n    bash: make\n  test:\n    help: t\n    before: [biuld, lint]\n"), @"
    error[E0104]: unknown key `bsh` in task `lint`
      ╭▸ otto.yml:3:5
    3 │     bsh: x
      ╰╴    ━━━ otto does not know this key
    help: did you mean `bash`?
    error[E0301]: task `test` depends on an unknown task `biuld`
      ╭▸ otto.yml:8:14
    4 │   build:
      │   ───── a task with a similar name is defined here
      ┆
    8 │     before: [biuld, lint]
      ╰╴             ━━━━━ no task has this name
    help: did you mean `build`?
    otto.yml: 2 errors. `otto Explain E0301` says more.
    ");
    insta::assert_snapshot!(check("tasks: {a: {before: 7, bash: echo}}"), @"
    error[E0103]: `before` of task `a` must be a list, each entry the name of a task, not a number
      ╭▸ otto.yml:1:21
    1 │ tasks: {a: {before: 7, bash: echo}}
      ╰╴                    ━ this is a number
    help: write a list: `before: [NAME]`
    otto.yml: 1 error. `otto Explain E0103` says more.
    ");
    insta::assert_snapshot!(check("tasks:\n  a:\n\tbash: x\n"), @"
    error[E0101]: a tab in the indentation
      ╭▸ otto.yml:3:1
    3 │     bash: x
      ╰╴━━━━ this is a tab
    help: YAML indents with blanks only: replace each tab by two blanks
    otto.yml: 1 error. `otto Explain E0101` says more.
    ");
    insta::assert_snapshot!(check("tasks:\n  a:\n    bash: x\n   python: x\n"), @"
    error[E0101]: a line that is not indented like its neighbours
      ╭▸ otto.yml:4:4
    2 │   a:
      │   ─ the keys of this map start in column 3
    3 │     bash: x
    4 │    python: x
      ╰╴   ━━━━━━━ no key is expected in this column
    help: give it the indentation of the lines that it belongs to
    otto.yml: 1 error. `otto Explain E0101` says more.
    ");
}

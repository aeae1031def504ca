//! What ottofiles say, and what otto says about those that are wrong.

mod hostile;
mod mistakes;
mod outputs;
mod properties;
mod reading;
mod steps;
mod syntax;

use super::spec::Task;
use super::{Ottofile, read};
use crate::diagnostic::{render, summary};
use crate::source::SourceFile;

/// Everything that a user sees of a wrong ottofile; for a sound one, that it is.
fn check(text: &str) -> String {
    let source = SourceFile::new("otto.yml", text);
    match read(&source) {
        Ok((_, warnings)) => format!("fine\n{}", render(&warnings, false, 100)),
        Err(errors) => render(&errors, false, 100),
    }
}

/// The last line as well.
fn check_with_summary(text: &str) -> String {
    let source = SourceFile::new("otto.yml", text);
    let errors = read(&source).expect_err("the ottofile should be wrong");
    render(&errors, false, 100) + &summary("otto.yml", &errors)
}

/// A sound ottofile.
fn sound(text: &str) -> Ottofile {
    let source = SourceFile::new("otto.yml", text);
    match read(&source) {
        Ok((ottofile, _)) => ottofile,
        Err(errors) => panic!("not sound:\n{}", render(&errors, false, 100)),
    }
}

/// The only task of a sound ottofile whose keys are these, in one line.
fn task(keys: &str) -> Task {
    let ottofile = sound(&format!("tasks: {{a: {{{keys}}}}}"));
    assert_eq!(ottofile.tasks.len(), 1);
    ottofile.tasks.into_iter().next().expect("counted")
}

/// What a user sees when the only task `a` has these keys, in one line.
fn check_task(keys: &str) -> String {
    check(&format!("tasks: {{a: {{{keys}}}}}"))
}

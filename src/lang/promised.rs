//! Holds what a task set to its contract when it has succeeded, before anyone reads it.

use super::{HandOver, Script};
use crate::body::uses::{self, Uses};
use crate::contract::{Contract, Fault, Kept, PathClaim, Typing};
use crate::diagnostic::{Code, Diagnostic};
use crate::secret;
use crate::source::{Span, Spanned};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Converts the values to their declared types and adds defaults. Values that break the contract are taken out, and
/// each is a problem.
pub(super) fn keep(script: &Script, contract: &Spanned<Contract>, found: &mut HandOver) {
    let values = std::mem::take(&mut found.outputs.values);
    // One that breaks the contract is no output, and a secret all the same.
    let secret = values.iter().filter(|(key, _)| contract.value.is_secret(key));
    found.announced.extend(secret.flat_map(|(_, value)| secret::leaves(value)));
    let exports = &found.outputs.exports;
    let typing = |key: &str| match found.texts.contains(key) || exports.iter().any(|name| name == key) {
        true => Typing::Text,
        false => Typing::Typed,
    };
    let is_exported = |key: &str| exports.iter().any(|name| name == key);
    let set_keys: Vec<String> = values.iter().map(|(key, _)| key.clone()).collect();
    let Kept { mut values, claims, mut faults } = contract.value.check(values, typing, is_exported);
    faults.extend(claims.iter().filter_map(|claim| missing_path(script, claim)));
    values.retain(|(key, _)| faults.iter().all(|fault| fault.key != *key));
    found.outputs.values = values;
    if faults.is_empty() {
        return;
    }
    let uses = Uses::of(script.body);
    let problem = |fault: &Fault| {
        let sets = match set_keys.contains(&fault.key) {
            true => places_that_set(script, &uses, &fault.key),
            false => Vec::new(),
        };
        problem(script, contract, fault, &sets)
    };
    found.problems.extend(faults.iter().map(problem));
}

/// Where the script sets a key, if it shows a few places: the ones that a reader looks at.
fn places_that_set(script: &Script, uses: &Uses, key: &str) -> Vec<Span> {
    const MOST: usize = 3;
    let sets = uses.sets.iter().filter(|set| set.key == key);
    let mut spans: Vec<Span> =
        sets.map(|set| uses::places(script.body, script.ottofile, &set.range, set.anchor).0).collect();
    spans.dedup();
    if spans.len() > MOST { Vec::new() } else { spans }
}

fn problem(script: &Script, contract: &Spanned<Contract>, fault: &Fault, sets: &[Span]) -> Diagnostic {
    // What is wrong with a secret value would show it, or a part of it.
    let is_hidden = contract.value.is_secret(&fault.key) && !fault.what.starts_with("is declared ");
    let what = if is_hidden { "does not have its declared form" } else { &fault.what };
    let message = format!("output `{}` of `{}` {what}", fault.path, script.job);
    let found = Diagnostic::error(Code::BrokenContract, message);
    let found = match contract.value.get(&fault.key) {
        Some(declared) => {
            let declares = format!("declared as `{}`", declared.promise);
            found.at(script.ottofile, declared.span, declares)
        }
        None => found.at(script.ottofile, contract.span, "the declared outputs"),
    };
    // The line may have the secret in it.
    let sets = if is_hidden { &[] } else { sets };
    let sets_it = |found: Diagnostic, span: &Span| {
        found.at(script.ottofile, *span, format!("`{}` sets it here", script.job))
    };
    let found = sets.iter().fold(found, sets_it);
    match &fault.help {
        _ if is_hidden => found.note("the value is secret"),
        Some(help) => found.help(help.clone()),
        None => found,
    }
}

/// What is wrong with a path that the contract says leads to a file or a folder.
fn missing_path(script: &Script, claim: &PathClaim) -> Option<Fault> {
    let bytes = claim.value.as_bytes()?;
    let path = Path::new(OsStr::from_bytes(&bytes));
    let kind = if claim.is_dir { "dir" } else { "file" };
    let is_there = |path: &Path| if claim.is_dir { path.is_dir() } else { path.is_file() };
    let whole = script.folder.join(path);
    if is_there(&whole) {
        return None;
    }
    let shown = String::from_utf8_lossy(&bytes).into_owned();
    let (what, help) = if bytes.is_empty() {
        (format!("is empty, so it names no `{kind}`"), None)
    } else if whole.is_dir() {
        (format!("is `{shown}`, which is a folder, not a `file`"), Some("declare it as `dir`".to_owned()))
    } else if whole.exists() {
        let help = whole.is_file().then(|| "declare it as `file`".to_owned());
        (format!("is `{shown}`, which is not a `{kind}`"), help)
    } else if script.workdir != script.folder && is_there(&script.workdir.join(path)) {
        let dir = script.workdir.strip_prefix(script.folder).unwrap_or(script.workdir);
        let right = dir.join(path);
        (
            format!("is `{shown}`, which exists only below the task's `dir`"),
            Some(format!("paths are relative to the ottofile's folder: `{}`", right.display())),
        )
    } else {
        let help = "it must exist when the task ends; paths are relative to the ottofile's folder";
        (format!("is `{shown}`, which does not exist"), Some(help.to_owned()))
    };
    Some(Fault { key: claim.key.clone(), path: claim.place.clone(), what, help })
}

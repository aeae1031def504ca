//! Secrets that a task has set: which of its outputs they are, and what they mean for what was kept before that was known.

use super::Setting;
use crate::diagnostic::{Code, Diagnostic};
use crate::event::Stream;
use crate::exec::Ended;
use crate::lang::HandOver;
use crate::mask::Masks;
use crate::plan::Job;
use crate::secret::{self, Masker, Passage};
use crate::store::layout::JobDir;
use crate::store::outputs::Outputs;
use crate::store::{atomic, regular};
use crate::value::{self, Value};
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::sync::Arc;

const MASKED_AT_ONCE: usize = 256 << 10;

/// Finds out which outputs are secret: what the body or the contract says, and all that has a secret in it. From then on
/// nothing shows them. Returns whether something became secret that the logs of the task may have.
pub(super) fn keep(setting: &Setting, job: &Job, hand_over: &mut HandOver) -> bool {
    let contract = setting.ottofile.tasks[job.task].outputs.as_deref();
    let Outputs { values, secrets, .. } = &mut hand_over.outputs;
    if let Some(contract) = contract {
        let declared = values.iter().map(|(key, _)| key).filter(|key| contract.value.is_secret(key));
        secrets.extend(declared.cloned());
    }
    let mut leaves = Vec::new();
    for (key, value) in values.iter().filter(|(key, _)| secrets.contains(key)) {
        let found = secret::leaves(value);
        if found.iter().any(|leaf| leaf.is_short() && !leaf.expose().is_empty()) {
            let what = format!("output `{key}` of task `{}`", job.name);
            hand_over.problems.push(secret::too_short(&what));
        }
        leaves.extend(found);
    }
    let is_new = setting.masks.add(leaves.into_iter().chain(hand_over.announced.drain(..)));
    let Some(masker) = setting.masks.masker() else { return false };
    let has_secret = |(key, value): &&(String, Value)| {
        !secrets.contains(key) && masker.finds(value::compact(value).as_bytes())
    };
    let others: Vec<String> = values.iter().filter(has_secret).map(|(key, _)| key.clone()).collect();
    secrets.extend(others);
    let has_secret_name = |(key, _): &(String, Value)| masker.finds(key.as_bytes());
    if values.iter().any(has_secret_name) {
        values.retain(|value| !has_secret_name(value));
        let message = format!("the name of an output of `{}` has a secret in it", job.name);
        hand_over.problems.push(Diagnostic::error(Code::BadOutput, message).help("secrets are values"));
    }
    // A service may have saved it long ago, and its logs are gone over at its end.
    is_new || contract.is_some_and(|contract| contract.value.has_secret())
}

/// Goes over the logs of an attempt once more, for something in them is known as secret only now. Returns their lengths.
pub(super) fn mask_logs(masks: &Masks, dir: &JobDir, attempt: u32, ended: &Ended) -> Option<[u64; 2]> {
    let masker = masks.masker()?;
    let mut bytes = [ended.stdout_bytes, ended.stderr_bytes];
    for (stream, length) in [Stream::Stdout, Stream::Stderr].into_iter().zip(&mut bytes) {
        let path = dir.log(stream, attempt);
        match mask_file(&path, &masker) {
            Ok(masked) => *length = masked.unwrap_or(*length),
            // Rather no log than one with a secret in it.
            Err(_) => {
                let _ = fs::remove_file(&path);
                *length = 0;
            }
        }
    }
    Some(bytes)
}

/// Masks what is in a file. Returns its new length; none if there is no such file.
fn mask_file(path: &Path, masker: &Arc<Masker>) -> io::Result<Option<u64>> {
    let mut file = match regular::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let unfinished = atomic::own_name(path);
    let mut masked = atomic::create(&unfinished)?;
    let mut passage = Passage::default();
    let mut length = 0;
    loop {
        let mut piece = Vec::with_capacity(MASKED_AT_ONCE);
        let read = Read::by_ref(&mut file).take(MASKED_AT_ONCE as u64).read_to_end(&mut piece)?;
        match read {
            0 => piece = passage.finish(Some(masker)),
            _ => passage.pass(masker, &mut piece),
        }
        length += piece.len() as u64;
        masked.write_all(&piece)?;
        if read == 0 {
            break;
        }
    }
    fs::rename(&unfinished, path)?;
    Ok(Some(length))
}

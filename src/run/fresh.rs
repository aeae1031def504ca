//! Gathers the evidence that `plan::fresh` compares, and keeps that of the last success.

use super::Setting;
use crate::host::{glob, plain};
use crate::name::RunId;
use crate::ottofile::glob::{escaped, is_pattern};
use crate::plan::Job;
use crate::plan::fresh::{Evidence, FileEvidence, Stamp, difference};
use crate::store::layout::file_name;
use crate::store::outputs::{self, Outputs};
use crate::store::{atomic, inputs};
use crate::value;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// A file changed less than this before it was looked at may be changed again within the same tick of the file
/// system's clock.
const RACY_NS: i128 = 50_000_000;

/// The data that a fresh job hands on, and the run it is from.
pub(crate) struct Fresh {
    pub(crate) run: RunId,
    pub(crate) outputs: Outputs,
}

/// What is kept of a job's last success.
#[derive(Serialize, Deserialize)]
struct Success {
    format: u32,
    run: RunId,
    has_outputs: bool,
    evidence: Evidence,
}

/// What a look at a job's inputs found.
pub(crate) enum Verdict {
    Fresh(Fresh),
    /// To be kept if the job succeeds: what it was about to be made from.
    Stale(Evidence),
}

/// Looks whether a job is fresh. `Err` is a warning: the job runs, and will run the next time too.
///
/// `streams` are the jobs whose streams it reads, and the runs that these are from: two runs may have streamed anything.
pub(crate) fn check(
    setting: &Setting,
    job: &Job,
    data: &[(&Job, Arc<Outputs>)],
    streams: &[(&Job, RunId)],
) -> Result<Verdict, String> {
    let last = last_success(setting, job);
    let evidence = gather(setting, job, data, streams, last.as_ref().map(|last| &last.evidence))?;
    let Some(last) = last.filter(|_| !setting.ignores_freshness) else { return Ok(Verdict::Stale(evidence)) };
    if difference(&last.evidence, &evidence).is_some() || !has_outputs(setting, job)? {
        return Ok(Verdict::Stale(evidence));
    }
    match hand_on(setting, job, &last) {
        Some(outputs) => Ok(Verdict::Fresh(Fresh { run: last.run, outputs })),
        None => Ok(Verdict::Stale(evidence)),
    }
}

/// Keeps the evidence of a success.
pub(crate) fn remember(
    setting: &Setting,
    job: &Job,
    evidence: Evidence,
    has_outputs: bool,
) -> Result<(), String> {
    let success = Success { format: 1, run: setting.run_id.clone(), has_outputs, evidence };
    let path = success_path(setting, job);
    let json = serde_json::to_vec(&success).expect("bug: evidence is plain data");
    let write = || {
        let folder = setting.project.fresh();
        if !folder.is_dir() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        }
        atomic::write(&path, &json)
    };
    write().map_err(|error| {
        format!("cannot keep what `{}` was made from in `{}`: {}", job.name, path.display(), plain(&error))
    })
}

fn success_path(setting: &Setting, job: &Job) -> PathBuf {
    setting.project.fresh().join(format!("{}.json", file_name(&job.name)))
}

/// None where there is none, and where what is there cannot be read: the job runs then.
fn last_success(setting: &Setting, job: &Job) -> Option<Success> {
    let json = std::fs::read(success_path(setting, job)).ok()?;
    serde_json::from_slice(&json).ok().filter(|success: &Success| success.format == 1)
}

/// Every pattern of `output` matches something.
fn has_outputs(setting: &Setting, job: &Job) -> Result<bool, String> {
    for pattern in &job.output_globs {
        if matches(setting, job, pattern)?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn matches(setting: &Setting, job: &Job, pattern: &str) -> Result<Vec<OsString>, String> {
    glob(&setting.folder, pattern)
        .map_err(|reason| format!("the glob `{pattern}` of `{}` cannot be used: {reason}", job.name))
}

/// The outputs that the last success recorded, linked into this run; None if they are gone.
fn hand_on(setting: &Setting, job: &Job, last: &Success) -> Option<Outputs> {
    let is_streaming = setting.ottofile.tasks[job.task].streaming.is_some();
    if !last.has_outputs && !is_streaming {
        return Some(Outputs::default());
    }
    let earlier = setting.project.run(&last.run).job(&job.name);
    let dir = setting.run_dir.job(&job.name);
    std::fs::DirBuilder::new().mode(0o700).create(&dir.path).ok()?;
    let outputs = match last.has_outputs {
        true if inputs::adopt(&dir, &earlier).ok()? => outputs::read(&dir).ok()?,
        true => return None,
        false => Outputs::default(),
    };
    // Last, so that nothing is in the way of a stream of its own.
    if is_streaming && !inputs::hand_on(&earlier.stream(), &dir.stream()).ok()? {
        return None;
    }
    Some(outputs)
}

fn gather(
    setting: &Setting,
    job: &Job,
    data: &[(&Job, Arc<Outputs>)],
    streams: &[(&Job, RunId)],
    known: Option<&Evidence>,
) -> Result<Evidence, String> {
    let mut paths = Vec::new();
    for pattern in &job.input_globs {
        paths.extend(input_files(setting, job, pattern)?);
    }
    paths.sort_unstable_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    paths.dedup();
    let known: HashMap<&str, &FileEvidence> = known
        .into_iter()
        .flat_map(|evidence| &evidence.files)
        .map(|file| (file.path.as_str(), file))
        .collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i128);
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        if let Some(file) = look_at(&setting.folder, &path, &known, now)? {
            files.push(file);
        }
    }
    Ok(Evidence { recipe: recipe(setting, job, data, streams), files })
}

/// What a pattern of `input` stands for. A folder that is named stands for the files below it; a path without anything
/// there is likely to be mistyped, and would make the task fresh for ever.
fn input_files(setting: &Setting, job: &Job, pattern: &str) -> Result<Vec<OsString>, String> {
    let found = matches(setting, job, pattern)?;
    if is_pattern(pattern) {
        return Ok(found);
    }
    if found.is_empty() {
        return Err(format!("the input `{pattern}` is not there, so `{}` is never up to date", job.name));
    }
    let path = pattern.trim_end_matches('/');
    if setting.folder.join(path).is_dir() {
        return matches(setting, job, &format!("{}/**", escaped(path)));
    }
    Ok(found)
}

/// None for what is no file: a folder that a glob matches says nothing by itself.
fn look_at(
    folder: &Path,
    path: &OsStr,
    known: &HashMap<&str, &FileEvidence>,
    now: i128,
) -> Result<Option<FileEvidence>, String> {
    let whole = folder.join(path);
    let cannot = |error: std::io::Error| {
        format!("cannot look at the input `{}`: {}", path.to_string_lossy(), plain(&error))
    };
    let metadata = std::fs::metadata(&whole).map_err(cannot)?;
    if !metadata.is_file() {
        return Ok(None);
    }
    let ns = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
    let stamp = Stamp {
        size: metadata.size(),
        modified_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
        changed_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
        inode: metadata.ino(),
    };
    let shown = shown(path);
    let hash = match known.get(shown.as_str()) {
        Some(file) if file.stamp == Some(stamp) => file.hash.clone(),
        _ => {
            let mut hasher = blake3::Hasher::new();
            let mut file = std::fs::File::open(&whole).map_err(cannot)?;
            std::io::copy(&mut file, &mut hasher).map_err(cannot)?;
            hasher.finalize().to_hex().to_string()
        }
    };
    let is_settled = now - stamp.changed_ns.max(stamp.modified_ns) > RACY_NS;
    Ok(Some(FileEvidence { path: shown, hash, stamp: is_settled.then_some(stamp) }))
}

/// A path as text, one text for each path: bytes that are not UTF-8, and `%`, are escaped.
fn shown(path: &OsStr) -> String {
    let mut text = String::new();
    for chunk in path.as_bytes().utf8_chunks() {
        text.push_str(&chunk.valid().replace('%', "%25"));
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("%{byte:02X}")));
    }
    text
}

/// Everything but files: each part with its length before it, so that no two lists of parts look alike.
fn recipe(setting: &Setting, job: &Job, data: &[(&Job, Arc<Outputs>)], streams: &[(&Job, RunId)]) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    let body = setting.body(job);
    part(format!("{:?}", body.key).as_bytes());
    part(body.text.as_bytes());
    part(&job.item.as_ref().map_or(Vec::new(), |item| item.value.as_bytes().to_vec()));
    for (name, value) in &job.params {
        part(name.as_str().as_bytes());
        part(&[u8::from(value.is_some())]);
        part(value.as_ref().map_or(&[], |value| value.as_bytes()));
    }
    for (name, value) in &job.envs {
        part(name.as_bytes());
        part(value.as_bytes());
    }
    // Of the variables for all tasks, those that this one mentions: a date in one of them need not rebuild the rest.
    for (name, value) in setting.plan.envs.iter().filter(|(name, _)| body.text.contains(name.as_str())) {
        part(name.as_bytes());
        part(value.as_bytes());
    }
    for glob in job.input_globs.iter().chain(&job.output_globs) {
        part(glob.as_bytes());
    }
    for (dependency, outputs) in data {
        part(dependency.name.as_str().as_bytes());
        for (key, value) in &outputs.values {
            part(key.as_bytes());
            part(value::compact(value).as_bytes());
        }
    }
    for (producer, run) in streams {
        part(producer.name.as_str().as_bytes());
        part(run.as_str().as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

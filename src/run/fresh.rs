//! Gathers the evidence that `plan::fresh` compares, and keeps that of the last success.

use super::Setting;
use crate::host::{below, glob, plain};
use crate::name::RunId;
use crate::ottofile::glob::is_pattern;
use crate::plan::fresh::{Evidence, FileEvidence, Stamp, difference};
use crate::plan::{Job, envs};
use crate::store::layout::file_name;
use crate::store::outputs::{self, Outputs};
use crate::store::{atomic, inputs, regular};
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
    made: Made,
    evidence: Evidence,
}

/// What `output` matched after it.
#[derive(Serialize, Deserialize)]
struct Made {
    count: usize,
    /// When the oldest of the files was changed; None without files.
    oldest_ns: Option<i128>,
}

/// The form of what is kept; with any other the job runs.
const FORMAT: u32 = 2;

/// What a look at a job's inputs found.
pub(crate) enum Verdict {
    Fresh(Fresh),
    /// The evidence is to be kept if the job succeeds: what it was about to be made from. And why it runs.
    Stale(Evidence, String),
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
    let Some(last) = last else { return Ok(Verdict::Stale(evidence, "no success of it is known".into())) };
    if setting.ignores_freshness {
        return Ok(Verdict::Stale(evidence, "fresh or not".into()));
    }
    if let Some(why) = difference(&last.evidence, &evidence) {
        return Ok(Verdict::Stale(evidence, why));
    }
    let why = match made(setting, job)? {
        Err(why) => Some(why),
        Ok(made) if made.count < last.made.count => Some("an output is gone".into()),
        // Somebody put back what had been made earlier, from something else.
        Ok(made) if made.oldest_ns < last.made.oldest_ns => {
            Some("an output is older than the one it made".into())
        }
        Ok(_) => None,
    };
    if let Some(why) = why {
        return Ok(Verdict::Stale(evidence, why));
    }
    match hand_on(setting, job, &last) {
        Some(outputs) => Ok(Verdict::Fresh(Fresh { run: last.run, outputs })),
        None => Ok(Verdict::Stale(evidence, "what it set is not there any more".into())),
    }
}

/// Keeps the evidence of a success.
pub(crate) fn remember(
    setting: &Setting,
    job: &Job,
    evidence: Evidence,
    has_outputs: bool,
) -> Result<(), String> {
    let made = made(setting, job)?.unwrap_or(Made { count: 0, oldest_ns: None });
    let run = setting.run_id.clone();
    let success = Success { format: FORMAT, run, has_outputs, made, evidence };
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

/// Forgets the job's last success, for what that made is about to be made anew: if this does not come to its end, what it
/// leaves behind is nobody's success.
pub(crate) fn forget(setting: &Setting, job: &Job) -> Result<(), String> {
    let path = success_path(setting, job);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!(
            "cannot remove what `{}` was made from in `{}`: {}",
            job.name,
            path.display(),
            plain(&error)
        )),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn success_path(setting: &Setting, job: &Job) -> PathBuf {
    setting.project.fresh().join(format!("{}.json", file_name(&job.name)))
}

/// None where there is none, and where what is there cannot be read: the job runs then.
fn last_success(setting: &Setting, job: &Job) -> Option<Success> {
    let json = regular::read(&success_path(setting, job)).ok()?;
    serde_json::from_slice(&json).ok().filter(|success: &Success| success.format == FORMAT)
}

/// What there is of its outputs; the inner `Err` is why it has to run: a pattern of `output` matches nothing.
fn made(setting: &Setting, job: &Job) -> Result<Result<Made, String>, String> {
    let mut all = Made { count: 0, oldest_ns: None };
    for pattern in &job.output_globs {
        let found = matches(setting, job, pattern)?;
        if found.is_empty() {
            return Ok(Err(format!("its output `{pattern}` is not there")));
        }
        all.count += found.len();
        // One that has just gone is none.
        let files = found.iter().filter_map(|path| std::fs::metadata(setting.folder.join(path)).ok());
        let changed = files.filter(std::fs::Metadata::is_file).map(|metadata| modified_ns(&metadata)).min();
        all.oldest_ns = all.oldest_ns.into_iter().chain(changed).min();
    }
    Ok(Ok(all))
}

fn modified_ns(metadata: &std::fs::Metadata) -> i128 {
    nanoseconds(metadata.mtime(), metadata.mtime_nsec())
}

fn nanoseconds(seconds: i64, rest: i64) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(rest)
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
    if files.is_empty() {
        return Err(format!("nothing matches the `input` of `{}`, so it is never up to date", job.name));
    }
    let (recipe, parts) = recipe(setting, job, data, streams);
    Ok(Evidence { recipe, parts, files })
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
        return Ok(below(&setting.folder, path));
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
    let stamp = Stamp {
        size: metadata.size(),
        modified_ns: modified_ns(&metadata),
        changed_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
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

/// Everything but files: the hash of all of it, and the parts that it is made of.
fn recipe(
    setting: &Setting,
    job: &Job,
    data: &[(&Job, Arc<Outputs>)],
    streams: &[(&Job, RunId)],
) -> (String, Vec<(String, String)>) {
    let body = setting.body(job);
    let mut recipe = Recipe::default();
    recipe.part("its script", &[format!("{:?}", body.key).as_bytes(), body.text.as_bytes()]);
    let dir = setting.ottofile.tasks[job.task].dir.as_ref().map_or("", |dir| dir.value.as_str());
    recipe.part("its `dir`", &[dir.as_bytes()]);
    if let Some(item) = &job.item {
        recipe.part("its item", &[item.value.as_bytes()]);
        // An item that is put before it moves it, which matters to few scripts.
        if body.text.contains("OTTO_FOREACH_INDEX") {
            recipe.part("its place among the items", &[item.index.to_string().as_bytes()]);
        }
    }
    for (name, value) in job.params.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        recipe.part(&format!("its parameter `{name}`"), &[value.as_bytes()]);
    }
    // Those for all tasks too, whether the script mentions them or not: what it calls may read them. But a date or a
    // revision that a command finds out changes by itself, and need not rebuild what does not speak of it.
    let settings = &setting.ottofile.settings;
    let computed = envs::computed(&settings.envs, &setting.ottofile.source);
    let is_meant = |name: &str| !computed.contains(name) || body.text.contains(name);
    let for_all = setting.plan.envs.iter().filter(|(name, _)| is_meant(name));
    for (name, value) in for_all.chain(&job.envs) {
        recipe.part(&format!("the variable `{name}`"), &[value.as_bytes()]);
    }
    let globs = |globs: &[String]| globs.iter().map(|glob| glob.as_bytes().to_vec()).collect::<Vec<_>>();
    recipe.part("its `input`", &globs(&job.input_globs));
    recipe.part("its `output`", &globs(&job.output_globs));
    for (dependency, outputs) in data {
        let values = outputs.values.iter();
        let values = values.flat_map(|(key, value)| [key.as_bytes().to_vec(), value::compact(value).into()]);
        recipe.part(&format!("what `{}` set", dependency.name), &values.collect::<Vec<_>>());
    }
    for (producer, run) in streams {
        recipe.part(&format!("the stream of `{}`", producer.name), &[run.as_str().as_bytes()]);
    }
    (recipe.whole.finalize().to_hex().to_string(), recipe.parts)
}

#[derive(Default)]
struct Recipe {
    whole: blake3::Hasher,
    parts: Vec<(String, String)>,
}

impl Recipe {
    /// Each piece with its length before it, so that no two lists of pieces look alike.
    fn part<P: AsRef<[u8]>>(&mut self, what: &str, pieces: &[P]) {
        let mut hasher = blake3::Hasher::new();
        for piece in std::iter::once(what.as_bytes()).chain(pieces.iter().map(AsRef::as_ref)) {
            hasher.update(&(piece.len() as u64).to_le_bytes());
            hasher.update(piece);
        }
        let hash = hasher.finalize();
        self.whole.update(hash.as_bytes());
        self.parts.push((what.to_owned(), hash.to_hex()[..8].to_owned()));
    }
}

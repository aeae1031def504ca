//! Collects the evidence that `plan::fresh` compares, and keeps that of the last success.

use super::files::{self, Unknown};
use super::{Ground, Setting};
use crate::body::{condition_of, may_read_values, mentions_outcomes};
use crate::host::plain;
use crate::name::RunId;
use crate::ottofile::Ottofile;
use crate::ottofile::spec::{DataPath, Edge, Task, When};
use crate::plan::fresh::{Evidence, FileEvidence, Stamp, difference, difference_of_files};
use crate::plan::{Flow, GroupMembers, Job, JobId, Need, Work, envs};
use crate::request::Argument;
use crate::store::layout::file_name;
use crate::store::outputs::{self, Outputs};
use crate::store::{atomic, inputs, regular};
use crate::value;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// A file that was changed less than this long before it was checked may change again within the same tick of the file
/// system's clock.
const RACY_NS: i128 = 50_000_000;

/// Files are hashed in pieces of this size: large enough for the hash to run at full speed, and read within a millisecond.
const PIECE: usize = 1 << 20;

/// The data that an up-to-date job passes on, and the run it is from.
pub(crate) struct Fresh {
    pub(crate) run: RunId,
    pub(crate) outputs: Outputs,
}

/// The record of a job's last success.
#[derive(Serialize, Deserialize)]
struct Success {
    format: u32,
    run: RunId,
    has_outputs: bool,
    made: Made,
    /// The files that its values name according to its contract, sorted by path.
    promised: Vec<FileEvidence>,
    evidence: Evidence,
}

/// The files of its `output` after the success, and when each was changed.
type Made = BTreeMap<String, i128>;

/// The format of the record; with any other the job runs.
const FORMAT: u32 = 4;

/// The hashes of the files that were read, each by its path with the stamp as long as which it holds. Many jobs look at the same
/// files, and read them once.
#[derive(Clone, Default)]
pub(crate) struct KnownHashes(Arc<Mutex<HashMap<PathBuf, (Stamp, String)>>>);

impl KnownHashes {
    fn get(&self, path: &Path, stamp: Stamp) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(path).filter(|(then, _)| *then == stamp).map(|(_, hash)| hash.clone())
    }

    fn insert(&self, path: PathBuf, stamp: Stamp, hash: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(path, (stamp, hash));
    }
}

/// The result of checking a job's inputs.
pub(crate) struct Look {
    pub(crate) verdict: Verdict,
    pub(crate) warnings: Vec<String>,
}

pub(crate) enum Verdict {
    Fresh(Fresh),
    /// It would be up to date, but its secret values were not kept: it runs if a dependent does.
    Sealed(Fresh, Evidence),
    /// It runs: the evidence to keep if it succeeds, and the reason.
    Stale(Evidence, String),
    /// The job runs, and will run the next time too; a warning says why.
    Unknown,
}

/// The reason of a job that runs because of its secret outputs.
pub(crate) const SEALED: &str = "its secret outputs are not kept";

/// Checks whether a job is up to date. If not, forgets its last success: its outputs are about to be made again, and if that
/// fails, what is left is no success. None: the check was stopped.
///
/// `streams` are the jobs whose streams it reads, and the runs that recorded them: another run may have streamed other data.
pub(crate) fn look(
    setting: &Setting,
    job: &Job,
    data: &[(&Job, Arc<Outputs>)],
    streams: &[(&Job, RunId)],
    stop: &AtomicBool,
) -> Option<Look> {
    let mut warnings = Vec::new();
    let verdict = match check(setting, job, data, streams, stop, &mut warnings) {
        Ok(verdict) => verdict,
        Err(Unknown::Stopped) => return None,
        Err(Unknown::Failed(warning)) => {
            warnings.push(format!("{warning}, so `{}` is never up to date", job.name));
            Verdict::Unknown
        }
    };
    if !matches!(verdict, Verdict::Fresh(_) | Verdict::Sealed(..)) {
        warnings.extend(forget(setting, job).err());
    }
    Some(Look { verdict, warnings })
}

fn check(
    setting: &Setting,
    job: &Job,
    data: &[(&Job, Arc<Outputs>)],
    streams: &[(&Job, RunId)],
    stop: &AtomicBool,
    warnings: &mut Vec<String>,
) -> Result<Verdict, Unknown> {
    let ground = setting.ground();
    let last = last_success(&ground, job);
    let known = last.as_ref().map(|last| &last.evidence);
    let evidence = Evidence {
        files: input_files(&ground, job, known, data, stop, warnings)?,
        ..recipe(&ground, job, data, streams)
    };
    let Some(mut last) = last else {
        return Ok(Verdict::Stale(evidence, "it has not succeeded yet".into()));
    };
    if setting.ignores_freshness {
        return Ok(Verdict::Stale(evidence, "fresh or not".into()));
    }
    let promised = match changed(&ground, job, &last, &evidence, stop)? {
        Ok(promised) => promised,
        Err(why) => return Ok(Verdict::Stale(evidence, why)),
    };
    // Files that had just been changed can be recognised by their stamps from now on.
    if promised != last.promised || evidence != last.evidence {
        (last.promised, last.evidence) = (promised, evidence.clone());
        // Otherwise they are read again the next time.
        let _ = keep(setting, job, &last);
    }
    match hand_on(setting, job, &last) {
        Some(outputs) if outputs.lost_secrets().next().is_some() => {
            Ok(Verdict::Sealed(Fresh { run: last.run, outputs }, evidence))
        }
        Some(outputs) => Ok(Verdict::Fresh(Fresh { run: last.run, outputs })),
        None => Ok(Verdict::Stale(evidence, "the values it set are missing".into())),
    }
}

/// Why a job has to run although it has succeeded; otherwise the files that its values name, as they are now.
fn changed(
    ground: &Ground<'_>,
    job: &Job,
    last: &Success,
    evidence: &Evidence,
    stop: &AtomicBool,
) -> Result<Result<Vec<FileEvidence>, String>, Unknown> {
    if !job.needs.is_empty() && mentions_outcomes(&ground.body(job).text) {
        return Ok(Err("its script asks how other tasks ended".into()));
    }
    if let Some(why) = difference(&last.evidence, evidence) {
        return Ok(Err(why));
    }
    if let Some(why) = changed_output(ground, job, &last.made, stop)? {
        return Ok(Err(why));
    }
    let contract = ground.ottofile.tasks[job.task].outputs.as_ref();
    // A folder that was empty may have files now.
    if !contract.is_some_and(|contract| contract.value.has_paths()) {
        return Ok(Ok(Vec::new()));
    }
    let outputs = outputs::read(&ground.project.run(&last.run).job(&job.name)).unwrap_or_default();
    let now = promised_files(ground, job, job, &outputs, &last.promised, stop)?;
    Ok(difference_of_files(&last.promised, &now).map_or(Ok(now), Err))
}

/// Whether a job can be up to date at all, and so is checked.
pub(crate) fn is_looked_at(job: &Job) -> bool {
    !job.input_globs.is_empty() && !job.output_globs.is_empty() && job.refusal.is_none()
}

/// Returns the jobs that are up to date now, each with the values it would pass on. Leaves out jobs after one that would
/// run, because that may set other values. Changes nothing.
pub(crate) fn up_to_date(ground: &Ground<'_>) -> HashMap<JobId, Arc<Outputs>> {
    let mut known: HashMap<JobId, Arc<Outputs>> = HashMap::new();
    for id in ground.plan.in_order() {
        let job = ground.plan.job(id);
        let is_settled = |need: &Need| {
            need.flow == Flow::AtEnd && need.when == When::Success && known.contains_key(&need.job)
        };
        if job.elsewhere.is_some() || !job.needs.iter().all(is_settled) {
            continue;
        }
        let outputs = match &job.work {
            // A group is up to date with its jobs.
            Work::Group | Work::ForeachGroup(GroupMembers::Known(_)) => Some(Outputs::default()),
            Work::Body | Work::Terminal if is_looked_at(job) => {
                let data = ground.plan.inputs(job).into_iter();
                let data: Option<Vec<_>> =
                    data.map(|input| Some((ground.plan.job(input), known.get(&input)?.clone()))).collect();
                data.and_then(|data| outputs_now(ground, job, &data))
            }
            Work::Body
            | Work::Terminal
            | Work::Service
            | Work::Condition
            | Work::ForeachGroup(GroupMembers::Awaited(_) | GroupMembers::Unknown) => None,
        };
        known.extend(outputs.map(|outputs| (id, Arc::new(outputs))));
    }
    known
}

/// The values that a job would pass on if it is up to date now. `data` is what it would see. Changes nothing.
fn outputs_now(ground: &Ground<'_>, job: &Job, data: &[(&Job, Arc<Outputs>)]) -> Option<Outputs> {
    let never = AtomicBool::new(false);
    // First, because without a success nothing else need be read.
    let last = last_success(ground, job)?;
    let files = input_files(ground, job, Some(&last.evidence), data, &never, &mut Vec::new()).ok()?;
    let evidence = Evidence { files, ..recipe(ground, job, data, &[]) };
    changed(ground, job, &last, &evidence, &never).ok()?.ok()?;
    if !last.has_outputs {
        return Some(Outputs::default());
    }
    let outputs = outputs::read(&ground.project.run(&last.run).job(&job.name)).ok()?;
    (!outputs.values.is_empty() && outputs.lost_secrets().next().is_none()).then_some(outputs)
}

/// Checks what a success made and keeps its evidence, if there is any. Returns warnings.
pub(crate) fn succeeded(
    setting: &Setting,
    job: &Job,
    evidence: Option<Evidence>,
    outputs: &Outputs,
) -> Vec<String> {
    let never = AtomicBool::new(false);
    let found = made(&setting.ground(), job, &never).and_then(|found| {
        let promised = promised_files(&setting.ground(), job, job, outputs, &[], &never)?;
        Ok((found, promised))
    });
    let ((made, nowhere), promised) = match found {
        Ok(found) => found,
        Err(Unknown::Stopped) => unreachable!("bug: nobody stops this look"),
        Err(Unknown::Failed(why)) => return vec![format!("{why}, so `{}` is never up to date", job.name)],
    };
    let mut warnings: Vec<String> =
        nowhere.into_iter().map(|pattern| format!("did not create its output `{pattern}`")).collect();
    if let Some(evidence) = evidence {
        let (run, has_outputs) = (setting.run_id.clone(), !outputs.values.is_empty());
        let success = Success { format: FORMAT, run, has_outputs, made, promised, evidence };
        warnings.extend(keep(setting, job, &success).err());
    }
    warnings
}

/// Keeps the evidence of a success.
fn keep(setting: &Setting, job: &Job, success: &Success) -> Result<(), String> {
    let path = success_path(&setting.ground(), job);
    let json = serde_json::to_vec(success).expect("bug: evidence is plain data");
    let write = || {
        let folder = setting.project.fresh();
        if !folder.is_dir() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        }
        atomic::write(&path, &json)
    };
    write().map_err(|error| {
        format!("cannot save the state of `{}` in `{}`: {}", job.name, path.display(), plain(&error))
    })
}

/// A job that was [`Verdict::Sealed`] runs after all. Returns warnings.
pub(crate) fn let_go(setting: &Setting, job: &Job) -> Vec<String> {
    // The values that it passed on so far are not those it will set.
    let dir = setting.run_dir.job(&job.name);
    for path in [dir.output(), dir.exports()] {
        let _ = std::fs::remove_file(path);
    }
    forget(setting, job).err().into_iter().collect()
}

/// Forgets the job's last success.
fn forget(setting: &Setting, job: &Job) -> Result<(), String> {
    let path = success_path(&setting.ground(), job);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!(
            "cannot remove the state of `{}` in `{}`: {}",
            job.name,
            path.display(),
            plain(&error)
        )),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn success_path(ground: &Ground<'_>, job: &Job) -> PathBuf {
    ground.project.fresh().join(format!("{}.json", file_name(&job.name)))
}

/// None if there is none or it cannot be read; then the job runs.
fn last_success(ground: &Ground<'_>, job: &Job) -> Option<Success> {
    let json = regular::read(&success_path(ground, job)).ok()?;
    serde_json::from_slice(&json).ok().filter(|success: &Success| success.format == FORMAT)
}

/// The files of its `output`, and the patterns that match nothing.
fn made(ground: &Ground<'_>, job: &Job, stop: &AtomicBool) -> Result<(Made, Vec<String>), Unknown> {
    let found = files::find(ground.folder_of(job), &job.output_globs, stop)?;
    // A file that was just removed, or a dangling link, has no time of change.
    let changed = |path: &OsString| {
        std::fs::metadata(ground.folder_of(job).join(path)).map_or(0, |it| modified_ns(&it))
    };
    let made = found.paths.iter().map(|path| (shown(path), changed(path))).collect();
    Ok((made, found.missing.into_iter().chain(found.unmatched).collect()))
}

/// Why its outputs differ from those of its last success.
fn changed_output(
    ground: &Ground<'_>,
    job: &Job,
    last: &Made,
    stop: &AtomicBool,
) -> Result<Option<String>, Unknown> {
    let (now, nowhere) = made(ground, job, stop)?;
    if let Some(pattern) = nowhere.first() {
        return Ok(Some(format!("its output `{pattern}` is missing")));
    }
    Ok(last.iter().find_map(|(path, changed)| match now.get(path) {
        None => Some(format!("its output `{path}` is missing")),
        // An older version of the file was put back.
        Some(now) if now < changed => Some(format!("its output `{path}` is older than the one it created")),
        Some(_) => None,
    }))
}

fn modified_ns(metadata: &std::fs::Metadata) -> i128 {
    nanoseconds(metadata.mtime(), metadata.mtime_nsec())
}

fn nanoseconds(seconds: i64, rest: i64) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(rest)
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
        // There were outputs, so an empty result means a dangling link.
        true if inputs::adopt(&dir, &earlier).ok()? => {
            outputs::read(&dir).ok().filter(|outputs| !outputs.values.is_empty())?
        }
        true => return None,
        false => Outputs::default(),
    };
    // Last, so that it cannot conflict with a stream of this run.
    if is_streaming && !inputs::hand_on(&earlier.stream(), &dir.stream()).ok()? {
        return None;
    }
    Some(outputs)
}

/// The files of a job's `input` and those that its data names, and the hash of each; whether it has an `output` or not.
pub(super) fn hashes(
    setting: &Setting,
    job: &Job,
    data: &[(JobId, Arc<Outputs>)],
    stop: &AtomicBool,
) -> Option<Vec<(String, String)>> {
    let ground = setting.ground();
    let data: Vec<(&Job, Arc<Outputs>)> =
        data.iter().map(|(id, outputs)| (setting.plan.job(*id), outputs.clone())).collect();
    let mut files = Vec::new();
    if !job.input_globs.is_empty() {
        files = input_files(&ground, job, None, &data, stop, &mut Vec::new()).ok()?;
    } else {
        for (dependency, outputs) in &data {
            files.extend(promised_files(&ground, job, dependency, outputs, &[], stop).ok()?);
        }
    }
    Some(files.into_iter().map(|file| (file.path, file.hash)).collect())
}

/// The files that its `input` matches and that the values of its dependencies name, sorted by path.
fn input_files(
    ground: &Ground<'_>,
    job: &Job,
    known: Option<&Evidence>,
    data: &[(&Job, Arc<Outputs>)],
    stop: &AtomicBool,
    warnings: &mut Vec<String>,
) -> Result<Vec<FileEvidence>, Unknown> {
    let found = files::find(ground.folder_of(job), &job.input_globs, stop)?;
    // It is probably a typo, and the task would stay up to date forever.
    if let Some(name) = found.missing.first() {
        return Err(Unknown::Failed(format!("the input `{name}` is missing")));
    }
    if found.paths.is_empty() {
        return Err(Unknown::Failed(format!("nothing matches the `input` of `{}`", job.name)));
    }
    warnings.extend(found.unmatched.iter().map(|glob| format!("`{glob}` in `input` matches nothing")));
    let idle = |glob| format!("`{glob}` in `input` excludes nothing: `!` applies to the patterns before it");
    warnings.extend(found.idle.iter().map(idle));
    let known = known.map_or(&[][..], |evidence| &evidence.files);
    let mut files = look_at_all(ground, ground.folder_of(job), &found.paths, known, stop)?;
    for (dependency, outputs) in data {
        if !only_tells_items(ground, job, dependency, outputs) {
            files.extend(promised_files(ground, job, dependency, outputs, known, stop)?);
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files.dedup_by(|one, other| one.path == other.path);
    Ok(files)
}

/// The files that values of `producer` name according to its contract, as they are now; for a folder, all files in it.
/// Sorted by path, which is absolute or relative to the folder of the job that reads them.
fn promised_files(
    ground: &Ground<'_>,
    job: &Job,
    producer: &Job,
    outputs: &Outputs,
    known: &[FileEvidence],
    stop: &AtomicBool,
) -> Result<Vec<FileEvidence>, Unknown> {
    let Some(contract) = &ground.ottofile.tasks[producer.task].outputs else { return Ok(Vec::new()) };
    let (folder, own_folder) = (ground.folder_of(producer), ground.folder_of(job));
    let masker = ground.masks.masker();
    let mut paths: BTreeSet<OsString> = BTreeSet::new();
    for claim in contract.value.paths(&outputs.values) {
        let Some(bytes) = claim.value.as_bytes() else { continue };
        // A path that contains a secret is not kept.
        if outputs.secrets.contains(&claim.key) || masker.as_ref().is_some_and(|masker| masker.finds(&bytes))
        {
            continue;
        }
        let name = PathBuf::from(OsString::from_vec(bytes.into_owned()));
        let name = if folder == own_folder { name } else { folder.join(name) };
        paths.extend(files::named(own_folder, &name, stop)?);
    }
    let mut files = look_at_all(ground, own_folder, &paths, known, stop)?;
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

fn look_at_all(
    ground: &Ground<'_>,
    folder: &Path,
    paths: &BTreeSet<OsString>,
    known: &[FileEvidence],
    stop: &AtomicBool,
) -> Result<Vec<FileEvidence>, Unknown> {
    let known: HashMap<&str, &FileEvidence> = known.iter().map(|file| (file.path.as_str(), file)).collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i128);
    paths.iter().map(|path| look_at(ground, folder, path, &known, now, stop)).collect()
}

fn look_at(
    ground: &Ground<'_>,
    folder: &Path,
    path: &OsStr,
    known: &HashMap<&str, &FileEvidence>,
    now: i128,
    stop: &AtomicBool,
) -> Result<FileEvidence, Unknown> {
    let whole = folder.join(path);
    let shown = shown(path);
    let cannot = |error: std::io::Error| {
        Unknown::Failed(format!("cannot read the input `{shown}`: {}", plain(&error)))
    };
    let metadata = match std::fs::metadata(&whole) {
        Ok(metadata) => metadata,
        // All that is known of a dangling link is its target.
        Err(error) => {
            let target = std::fs::read_link(&whole).map_err(|_| cannot(error))?;
            let hash = blake3::hash(target.as_os_str().as_bytes()).to_hex();
            return Ok(FileEvidence { path: shown, hash: format!("link {hash}"), stamp: None });
        }
    };
    let special = || Unknown::Failed(format!("the input `{shown}` is not a regular file"));
    let mut stamp = stamp(&metadata).ok_or_else(special)?;
    let recorded = known.get(shown.as_str()).filter(|file| file.stamp == Some(stamp));
    let recorded = recorded.map(|file| file.hash.clone()).or_else(|| ground.hashes.get(&whole, stamp));
    if let Some(hash) = recorded {
        return Ok(FileEvidence { path: shown, hash, stamp: Some(stamp) });
    }
    // It may be a named pipe by now; do not wait for its other end.
    let file = std::fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&whole);
    let file = file.map_err(cannot)?;
    let metadata = file.metadata().map_err(cannot)?;
    stamp = self::stamp(&metadata).ok_or_else(special)?;
    let hash = hash_of(file, metadata.size(), stop).map_err(cannot)?.ok_or(Unknown::Stopped)?;
    let is_settled = now - stamp.changed_ns.max(stamp.modified_ns) > RACY_NS;
    if is_settled {
        ground.hashes.insert(whole, stamp, hash.clone());
    }
    Ok(FileEvidence { path: shown, hash, stamp: is_settled.then_some(stamp) })
}

/// None if it is not a regular file.
fn stamp(metadata: &std::fs::Metadata) -> Option<Stamp> {
    metadata.is_file().then(|| Stamp {
        size: metadata.size(),
        modified_ns: modified_ns(metadata),
        changed_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        inode: metadata.ino(),
    })
}

/// The hash of a file's content; None if it was stopped, which is checked after each piece.
fn hash_of(mut file: impl Read, size: u64, stop: &AtomicBool) -> std::io::Result<Option<String>> {
    let mut hasher = blake3::Hasher::new();
    let mut piece = vec![0; usize::try_from(size).unwrap_or(usize::MAX).clamp(1 << 10, PIECE)];
    while !stop.load(Ordering::Relaxed) {
        match file.read(&mut piece) {
            Ok(0) => return Ok(Some(hasher.finalize().to_hex().to_string())),
            Ok(count) => drop(hasher.update(&piece[..count])),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// A path as text, different for each path: `%` and bytes that are not UTF-8 are escaped.
fn shown(path: &OsStr) -> String {
    let mut text = String::new();
    for chunk in path.as_bytes().utf8_chunks() {
        text.push_str(&chunk.valid().replace('%', "%25"));
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("%{byte:02X}")));
    }
    text
}

/// Everything except files: the hash of all of it, and its parts.
fn recipe(
    ground: &Ground<'_>,
    job: &Job,
    data: &[(&Job, Arc<Outputs>)],
    streams: &[(&Job, RunId)],
) -> Evidence {
    let body = ground.body(job);
    let mut recipe = SignatureHasher::default();
    recipe.part("its script", &[format!("{:?}", body.key).as_bytes(), body.text.as_bytes()]);
    let dir = ground.ottofile.tasks[job.task].dir.as_ref().map_or("", |dir| dir.value.as_str());
    recipe.part("its `dir`", &[dir.as_bytes()]);
    if let Some(condition) = &ground.ottofile.tasks[job.task].condition {
        recipe.part("its `if`", &[condition.text.as_bytes()]);
    }
    if let Some(contract) = &ground.ottofile.tasks[job.task].outputs {
        recipe.part("its `outputs`", &[contract.value.to_string().as_bytes()]);
    }
    if let Some(item) = &job.item {
        recipe.part("its item", &[item.value.as_bytes()]);
        // `include` may give a combination values that its name does not show.
        for (name, value) in item.axes.iter() {
            recipe.part(&format!("its `{name}`"), &[value.as_bytes()]);
        }
        // Inserting an item before it changes the index, which matters to few scripts.
        if body.text.contains("OTTO_FOREACH_INDEX") {
            recipe.part("its position among the items", &[item.index.to_string().as_bytes()]);
        }
    }
    for (name, value) in job.params.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        let words: Vec<&[u8]> = match value {
            Argument::Text(text) => vec![text.as_bytes()],
            Argument::Words(words) => words.iter().map(|word| word.as_bytes()).collect(),
        };
        let words: Vec<Vec<u8>> = words.into_iter().map(|word| unguessable(ground, word)).collect();
        recipe.part(&format!("its parameter `{name}`"), &words);
    }
    // The variables for all tasks too, even if the script does not mention them: programs that it calls may read them. But
    // a date or a revision that a command computes changes by itself, and rebuilds only tasks that mention it.
    let task = &ground.ottofile.tasks[job.task];
    let computed = computed_for_all(ground.ottofile, task);
    let is_meant = |name: &str| !computed.contains(name) || body.text.contains(name);
    let for_all = ground.plan.globals.of_root().iter().filter(|(name, _)| is_meant(name));
    // The variables of an included file come before those of the task.
    let own = |name: &str| task.envs.iter().any(|entry| entry.name.value == name);
    let for_job = job.envs.iter().filter(|(name, _)| own(name) || is_meant(name));
    for (name, value) in for_all.chain(for_job) {
        recipe.part(&format!("the variable `{name}`"), &[unguessable(ground, value.as_bytes())]);
    }
    let globs = |globs: &[String]| globs.iter().map(|glob| glob.as_bytes().to_vec()).collect::<Vec<_>>();
    recipe.part("its `input`", &globs(&job.input_globs));
    recipe.part("its `output`", &globs(&job.output_globs));
    for (dependency, outputs) in data {
        // Of a list that only gives the items, only this job's item counts; it is added above.
        if only_tells_items(ground, job, dependency, outputs) {
            continue;
        }
        let sealed = ground.sealer.seal(&outputs.values, &outputs.secrets);
        let values = sealed.iter();
        let values = values.flat_map(|(key, value)| [key.as_bytes().to_vec(), value::compact(value).into()]);
        recipe.part(&format!("the values of `{}`", dependency.name), &values.collect::<Vec<_>>());
    }
    for (producer, run) in streams {
        recipe.part(&format!("the stream of `{}`", producer.name), &[run.as_str().as_bytes()]);
    }
    let whole = recipe.whole.finalize().to_hex().to_string();
    Evidence { recipe: whole, parts: recipe.parts, files: Vec::new() }
}

/// Whether a job has this dependency only for its item: `needs` does not list it, and the scripts read none of its values.
fn only_tells_items(ground: &Ground<'_>, job: &Job, dependency: &Job, outputs: &Outputs) -> bool {
    let task = &ground.ottofile.tasks[job.task];
    let source = ground.ottofile.tasks[dependency.task].name.as_str();
    let paths: Vec<&DataPath> = task.foreach.iter().flat_map(|foreach| foreach.source.paths()).collect();
    let is_source = paths.iter().any(|path| path.task == source);
    // The dependency that `from` adds has the place of its path.
    let is_added = |edge: &Edge| paths.iter().any(|path| path.text.span == edge.task.span);
    let names = |edge: &Edge| edge.task.value == source || edge.task.value.contains('*');
    let is_needed = || task.before.iter().any(|edge| names(edge) && !is_added(edge));
    let may_read = || condition_of(task).iter().chain([ground.body(job)]).any(may_read_values);
    job.item.is_some() && is_source && !is_needed() && outputs.exports.is_empty() && !may_read()
}

/// The form of a value that goes into a stored hash. Values could be guessed by trying, so a value that contains a secret is
/// replaced by its keyed hash.
fn unguessable(ground: &Ground<'_>, value: &[u8]) -> Vec<u8> {
    match ground.masks.masker() {
        Some(masker) if masker.finds(value) => ground.sealer.hash(value).into_bytes(),
        Some(_) | None => value.to_vec(),
    }
}

/// The variables for all tasks of a file whose values come from a command, even in part.
fn computed_for_all<'o>(ottofile: &'o Ottofile, task: &Task) -> HashSet<&'o str> {
    let mut computed = HashSet::new();
    for source in ottofile.line_of(task.name_span.source) {
        let entries = |entries| envs::computed(entries, &ottofile.sources);
        computed.extend(entries(&ottofile.settings_of(source).envs));
        if let Some(part) = ottofile.part(source) {
            computed.extend(entries(&ottofile.settings_of(part.parent).includes[part.include].envs));
        }
    }
    computed
}

#[derive(Default)]
struct SignatureHasher {
    whole: blake3::Hasher,
    parts: Vec<(String, String)>,
}

impl SignatureHasher {
    /// Adds each piece with its length before it, so that different lists never hash the same bytes.
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

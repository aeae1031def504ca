//! The only file that joins the parts of a path in the store.
//!
//! ```text
//! $OTTO_HOME/                        default ~/.otto, mode 0700
//!   index.sqlite  index.sqlite.lock
//!   secret.key                       for the seals of secrets
//!   runtime/<version>/               script libraries
//!   <project>-<hash>/                one per ottofile directory
//!     latest -> <run-id>
//!     ledger                         the ids of all its runs, in the order in which they began
//!     ottofiles/<hash>.yml           the ottofiles that runs were made from
//!     pruned                         its time is that of the last automatic pruning
//!     <run-id>/
//!       run.json  events.jsonl  output.order  .lock
//!       plan.json                    the plan of a run with tasks on a cluster, while that goes on
//!       .beat                        while it runs, if other machines may have this file system too
//!       tasks/<job>/
//!         script.sh  stdout.log  stderr.log  input.<dep>.json  output.<job>.json
//!         stream.<job>.log           what flowed through its pipe
//!         output.pipe  input.<dep>.pipe    named pipes, there only while it runs
//!         attempt-<n>/               script.sh and what it hands over, of a later attempt
//!       slurm/                       of a run with tasks on a cluster
//!         nonce                      what a node must read here to know that it sees the same folder
//!         drivers/<n>                empty: the n-th otto of the run
//!         driver  driver.log         of `--detach`: the number of the job that drives the run, and what it says
//!         bells/<place>.<n>          empty: attempt n of the job at this place of the plan began, or ended
//!         <place>.<n>/               what otto and the node tell each other about an attempt
//!           launch  kept.json  begun/begun.json  ended/end.json  ended/…  collected/…  cancel  slurm.log
//! ```

use crate::name::{JobName, RunId};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The longest name of a job's directory, in bytes. With `output.` and `.json` round it, it stays below the 255
/// bytes that file systems allow.
const LONGEST: usize = 200;

/// `$OTTO_HOME`, absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Home {
    pub(crate) root: PathBuf,
}

impl Home {
    pub(crate) fn new(root: PathBuf) -> Home {
        Home { root }
    }

    /// The index, unless the user moved it to `moved` (`$OTTO_DB_PATH`).
    pub(crate) fn index_file(&self, moved: Option<&Path>) -> IndexFile {
        match moved {
            Some(path) => IndexFile { path: path.to_owned(), is_moved: true },
            None => IndexFile { path: self.root.join("index.sqlite"), is_moved: false },
        }
    }

    /// With which the seals of secrets are made.
    pub(crate) fn secret_key(&self) -> PathBuf {
        self.root.join("secret.key")
    }

    pub(crate) fn runtime(&self) -> PathBuf {
        self.root.join("runtime").join(env!("CARGO_PKG_VERSION"))
    }

    /// The script that starts an attempt on a node of a cluster.
    pub(crate) fn node_script(&self) -> PathBuf {
        self.runtime().join("job.sh")
    }

    /// The script of a job that drives a run.
    pub(crate) fn driver_script(&self) -> PathBuf {
        self.runtime().join("driver.sh")
    }

    /// The folder of a job that tries a cluster.
    pub(crate) fn trial(&self, name: &str) -> TrialDir {
        TrialDir { path: self.runtime().join(format!("check-{name}")) }
    }

    /// A copy of otto for the nodes of a cluster.
    pub(crate) fn node_binary(&self, identity: &str) -> PathBuf {
        self.runtime().join(format!("otto-{identity}"))
    }

    /// The project of a directory in here; `None` if the name is not that of a project.
    pub(crate) fn recorded_project(&self, name: &str) -> Option<ProjectDir> {
        is_project_name(name).then(|| ProjectDir { path: self.root.join(name) })
    }

    /// The project of the ottofiles in `folder` (absolute).
    pub(crate) fn project(&self, folder: &Path) -> ProjectDir {
        ProjectDir { path: self.root.join(project_name(folder)) }
    }
}

/// The files of a job that tests a cluster.
#[derive(Clone, Debug)]
pub(crate) struct TrialDir {
    pub(crate) path: PathBuf,
}

impl TrialDir {
    pub(crate) fn nonce(&self) -> PathBuf {
        self.path.join("nonce")
    }

    pub(crate) fn script(&self) -> PathBuf {
        self.path.join("trial.sh")
    }

    pub(crate) fn answer(&self) -> PathBuf {
        self.path.join("answer")
    }
}

/// Where the index of all runs is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IndexFile {
    pub(crate) path: PathBuf,
    /// The user chose the path, so another file may be there.
    pub(crate) is_moved: bool,
}

impl IndexFile {
    /// Locked shared by every process that has the index open, and exclusively by one that replaces it.
    pub(crate) fn lock(&self) -> PathBuf {
        self.beside(".lock")
    }

    /// All files that SQLite may make of the index.
    pub(crate) fn parts(&self) -> [PathBuf; 4] {
        ["", "-wal", "-shm", "-journal"].map(|suffix| self.beside(suffix))
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    }
}

/// `<project>-<hash>`: the folder's name for people, the hash of its path for identity.
pub(crate) fn project_name(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or(OsStr::new("root"));
    let mut label = encode(name.as_bytes());
    label.truncate(floor_boundary(&label, 64));
    let hash = blake3::hash(folder.as_os_str().as_bytes()).to_hex();
    format!("{label}-{}", &hash.as_str()[..PROJECT_HASH])
}

/// Hex digits of a path's hash in the name of a project.
const PROJECT_HASH: usize = 12;

/// The runs of one folder of ottofiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProjectDir {
    pub(crate) path: PathBuf,
}

impl ProjectDir {
    pub(crate) fn latest(&self) -> PathBuf {
        self.path.join("latest")
    }

    /// State of tasks that is not tied to a run: what freshness compares with.
    pub(crate) fn fresh(&self) -> PathBuf {
        self.path.join("fresh")
    }

    /// One line for each run that began here, so that the index need not list a large directory.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.path.join("ledger")
    }

    /// The texts of ottofiles that runs were made from, each once.
    pub(crate) fn ottofiles(&self) -> PathBuf {
        self.path.join("ottofiles")
    }

    /// `hash` is that of `run.json`.
    pub(crate) fn ottofile(&self, hash: &str) -> PathBuf {
        self.ottofiles().join(format!("{hash}.yml"))
    }

    /// Touched by each automatic pruning.
    pub(crate) fn prune_stamp(&self) -> PathBuf {
        self.path.join("pruned")
    }

    /// Of a service that several runs use, known by a hash of all that it is made from.
    pub(crate) fn share(&self, print: &str) -> ShareDir {
        ShareDir { path: self.path.join("shared").join(print) }
    }

    pub(crate) fn run(&self, id: &RunId) -> RunDir {
        RunDir { path: self.path.join(id.as_str()) }
    }

    /// Where the directory of a run is made, before it appears whole under its own name.
    pub(crate) fn arriving(&self, id: &RunId) -> RunDir {
        RunDir { path: self.path.join(format!("{ARRIVING}{id}")) }
    }

    /// Where a run is moved before it is deleted, so that it disappears whole.
    pub(crate) fn leaving(&self, id: &RunId) -> RunDir {
        RunDir { path: self.path.join(format!("{LEAVING}{id}")) }
    }

    /// The next `latest`, before it is renamed over the old one.
    pub(crate) fn next_latest(&self, id: &RunId) -> PathBuf {
        self.path.join(format!("{NEXT_LATEST}{id}"))
    }
}

const ARRIVING: &str = ".new-";
const LEAVING: &str = ".gone-";
const NEXT_LATEST: &str = ".latest-";

/// What a process that died may have left in a project's folder, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StaleEntry {
    /// A run's directory that never appeared, or that was being deleted.
    Run,
    Link,
}

pub(crate) fn leftover(name: &str) -> Option<(StaleEntry, RunId)> {
    let kinds = [(ARRIVING, StaleEntry::Run), (LEAVING, StaleEntry::Run), (NEXT_LATEST, StaleEntry::Link)];
    kinds.into_iter().find_map(|(prefix, kind)| Some((kind, RunId::parse(name.strip_prefix(prefix)?)?)))
}

/// Whether a directory in `$OTTO_HOME` has the form of [`project_name`].
fn is_project_name(name: &str) -> bool {
    name.rsplit_once('-').is_some_and(|(label, hash)| {
        !label.is_empty()
            && hash.len() == PROJECT_HASH
            && hash.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunDir {
    pub(crate) path: PathBuf,
}

impl RunDir {
    pub(crate) fn record(&self) -> PathBuf {
        self.path.join("run.json")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.path.join("events.jsonl")
    }

    /// All that another otto needs to go on with the run.
    pub(crate) fn plan(&self) -> PathBuf {
        self.path.join("plan.json")
    }

    /// In which order tasks wrote what is in their logs.
    pub(crate) fn order(&self) -> PathBuf {
        self.path.join("output.order")
    }

    /// Locked for as long as the run lives.
    pub(crate) fn lock(&self) -> PathBuf {
        self.path.join(".lock")
    }

    /// The sign of life of a run whose lock is not enough.
    pub(crate) fn beat(&self) -> PathBuf {
        self.path.join(".beat")
    }

    pub(crate) fn tasks(&self) -> PathBuf {
        self.path.join("tasks")
    }

    /// What otto and the nodes of a cluster tell each other.
    pub(crate) fn exchange(&self) -> ExchangeDir {
        ExchangeDir { path: self.path.join("slurm") }
    }

    pub(crate) fn job(&self, job: &JobName) -> JobDir {
        self.job_named(job, file_name)
    }

    /// The same in a run that an otto recorded which named directories as jobs are written, also where the case of a letter
    /// was all that told two apart.
    pub(crate) fn job_as_written(&self, job: &JobName) -> JobDir {
        self.job_named(job, file_name_as_written)
    }

    fn job_named(&self, job: &JobName, naming: fn(&JobName) -> String) -> JobDir {
        let name = naming(job);
        JobDir { path: self.tasks().join(&name), name, naming }
    }
}

/// By which several runs agree on a service that they share.
#[derive(Clone, Debug)]
pub(crate) struct ShareDir {
    pub(crate) path: PathBuf,
}

impl ShareDir {
    pub(crate) fn make(&self) -> std::io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path)
    }

    /// Locked by the run that started it.
    pub(crate) fn owner(&self) -> PathBuf {
        self.path.join("owner")
    }

    /// Locked by the other runs that use it.
    pub(crate) fn users(&self) -> PathBuf {
        self.path.join("users")
    }

    /// The run that started it, once it is up.
    pub(crate) fn run(&self) -> PathBuf {
        self.path.join("run")
    }
}

/// What otto and the nodes of a cluster tell each other about a run.
#[derive(Clone, Debug)]
pub(crate) struct ExchangeDir {
    pub(crate) path: PathBuf,
}

impl ExchangeDir {
    pub(crate) fn nonce(&self) -> PathBuf {
        self.path.join("nonce")
    }

    pub(crate) fn bells(&self) -> PathBuf {
        self.path.join("bells")
    }

    pub(crate) fn bell(&self, name: &str) -> PathBuf {
        self.bells().join(name)
    }

    pub(crate) fn drivers(&self) -> PathBuf {
        self.path.join("drivers")
    }

    /// Made by the n-th otto of the run; only one can make it.
    pub(crate) fn driver(&self, number: u32) -> PathBuf {
        self.drivers().join(number.to_string())
    }

    /// The number of the job that drives the run.
    pub(crate) fn driver_job(&self) -> PathBuf {
        self.path.join("driver")
    }

    /// The output of that job.
    pub(crate) fn driver_log(&self) -> PathBuf {
        self.path.join("driver.log")
    }

    /// The members of an array of jobs: names of their folders, a line each.
    pub(crate) fn array(&self, number: u32) -> PathBuf {
        self.path.join(format!("a{number}"))
    }

    /// The output of Slurm and the script for a member.
    pub(crate) fn array_log(&self, number: u32, element: usize) -> PathBuf {
        self.path.join(format!("a{number}.{element}.log"))
    }

    /// The attempts that share one job, in their order: names of their folders, a line each.
    pub(crate) fn bundle(&self, number: u32) -> PathBuf {
        self.path.join(format!("b{number}"))
    }

    /// The output of Slurm and the script for that job.
    pub(crate) fn bundle_log(&self, number: u32) -> PathBuf {
        self.path.join(format!("b{number}.log"))
    }

    /// `place` is that of the job in the plan.
    pub(crate) fn attempt(&self, place: usize, number: u32) -> AttemptDir {
        AttemptDir { path: self.path.join(format!("{place}.{number}")) }
    }
}

/// The named pipes of attempts that stream to each other, on the machine that they run on.
pub(crate) struct PipesDir {
    pub(crate) path: PathBuf,
}

impl PipesDir {
    /// In a folder for temporary files.
    pub(crate) fn new(temporary: &Path, who: &str) -> PipesDir {
        PipesDir { path: temporary.join(format!("otto-pipes-{who}")) }
    }

    /// To which the job at this place of the plan writes.
    pub(crate) fn output(&self, place: u32) -> PathBuf {
        self.path.join(format!("{place}.pipe"))
    }

    /// From which it reads its n-th source.
    pub(crate) fn input(&self, place: u32, source: usize) -> PathBuf {
        self.path.join(format!("{place}.input.{source}.pipe"))
    }
}

/// What otto and a node tell each other about one attempt. Each name appears once, whole, by a rename.
#[derive(Clone, Debug)]
pub(crate) struct AttemptDir {
    pub(crate) path: PathBuf,
}

impl AttemptDir {
    pub(crate) fn launch(&self) -> PathBuf {
        self.path.join("launch")
    }

    /// What another otto must know to read the outputs.
    pub(crate) fn kept(&self) -> PathBuf {
        self.path.join("kept.json")
    }

    /// Makes the attempt end, or never begin.
    pub(crate) fn cancel(&self) -> PathBuf {
        self.path.join("cancel")
    }

    /// The output of Slurm and the job's script.
    pub(crate) fn slurm_log(&self) -> PathBuf {
        self.path.join("slurm.log")
    }

    /// The process that creates this folder owns the start of the attempt.
    pub(crate) fn begun(&self) -> PathBuf {
        self.path.join("begun")
    }

    /// The process that creates this folder owns the end of the attempt. Its outputs are in it.
    pub(crate) fn ended(&self) -> PathBuf {
        self.path.join("ended")
    }

    /// A copy of the outputs, because reading removes the files.
    pub(crate) fn collected(&self) -> PathBuf {
        self.path.join("collected")
    }

    /// Where a claim is made before it is renamed to `begun` or `ended`.
    pub(crate) fn claim(&self, claimed: &Path, who: &str) -> PathBuf {
        let name = claimed.file_name().unwrap_or_default().to_string_lossy();
        self.path.join(format!("{name}.{who}"))
    }

    /// In `begun`, or in its claim.
    pub(crate) fn begun_record(folder: &Path) -> PathBuf {
        folder.join("begun.json")
    }

    /// In `ended`, or in its claim.
    pub(crate) fn end_record(folder: &Path) -> PathBuf {
        folder.join("end.json")
    }

    /// The exchange folder that this is in.
    pub(crate) fn exchange(&self) -> ExchangeDir {
        ExchangeDir { path: self.path.parent().unwrap_or(&self.path).to_owned() }
    }

    /// The place of its job in the plan.
    pub(crate) fn place(&self) -> Option<u32> {
        self.name().split_once('.')?.0.parse().ok()
    }

    /// `<place>.<n>`, by which the attempt's bells are known.
    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// The folder in which the vaults of a user's runs are: below one that is in memory, or in the home.
pub(crate) fn vaults(below: &Path, user: u32) -> PathBuf {
    below.join(format!("otto-{user}"))
}

/// The vault of a run: a folder for each attempt that has secrets.
#[derive(Clone, Debug)]
pub(crate) struct VaultDir {
    pub(crate) path: PathBuf,
}

impl VaultDir {
    pub(crate) fn new(vaults: &Path, run: &str) -> VaultDir {
        VaultDir { path: vaults.join(run) }
    }

    /// Locked for as long as the run lives.
    pub(crate) fn lock(&self) -> PathBuf {
        self.path.join(".lock")
    }

    pub(crate) fn room(&self, number: u64) -> PathBuf {
        self.path.join(number.to_string())
    }
}

/// The home where `$OTTO_HOME` names none. `user` is the user's own folder.
pub(crate) fn default_home(user: &Path) -> PathBuf {
    user.join(".otto")
}

/// The user's site file, in `$XDG_CONFIG_HOME` or in the user's own folder.
pub(crate) fn user_site(config: Option<PathBuf>, user: Option<PathBuf>) -> Option<PathBuf> {
    Some(config.or_else(|| Some(user?.join(".config")))?.join("otto/config.yml"))
}

/// The folder of what otto and its script libraries keep for themselves, in the directory of a job or of an attempt.
pub(crate) fn private(directory: &Path) -> PathBuf {
    directory.join(".otto")
}

/// In the directory of an attempt at a service: a copy of what it has saved while it runs.
pub(crate) fn early(attempt: &Path) -> PathBuf {
    private(attempt).join("early")
}

/// In the directory of an attempt: what a body says is secret while it runs.
pub(crate) fn announced(attempt: &Path) -> PathBuf {
    private(attempt).join("secrets")
}

/// One job's own directory, `$OTTO_TASK_DIR`.
#[derive(Clone, Debug)]
pub(crate) struct JobDir {
    pub(crate) path: PathBuf,
    name: String,
    /// From a dependency to its name in here.
    naming: fn(&JobName) -> String,
}

impl JobDir {
    /// The script of a job, in any language.
    pub(crate) fn script(&self) -> Option<PathBuf> {
        let entries = std::fs::read_dir(&self.path).ok()?;
        let mut scripts: Vec<PathBuf> = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
            .map(|entry| entry.path())
            .filter(|path| path.file_stem().is_some_and(|stem| stem == "script"))
            .collect();
        scripts.sort();
        scripts.into_iter().next()
    }

    /// The log of an attempt's stream: the first attempt's is `stdout.log`, the third one's `stdout.3.log`.
    pub(crate) fn log(&self, stream: crate::event::Stream, attempt: u32) -> PathBuf {
        let stem = match stream {
            crate::event::Stream::Stdout => "stdout",
            crate::event::Stream::Stderr => "stderr",
        };
        match attempt {
            1 => self.path.join(format!("{stem}.log")),
            later => self.path.join(format!("{stem}.{later}.log")),
        }
    }

    pub(crate) fn output(&self) -> PathBuf {
        self.path.join(format!("output.{}.json", self.name))
    }

    /// The symlink to a dependency's outputs.
    pub(crate) fn input(&self, dependency: &JobName) -> PathBuf {
        self.path.join(format!("input.{}.json", (self.naming)(dependency)))
    }

    /// Outputs of an attempt that failed: for people, and for those who asked for the failure; never for other dependants.
    pub(crate) fn failed_output(&self, attempt: u32) -> PathBuf {
        self.path.join(format!("output.{}.failed-{attempt}.json", self.name))
    }

    /// What the latest attempt streamed.
    pub(crate) fn stream(&self) -> PathBuf {
        self.path.join(format!("stream.{}.log", self.name))
    }

    /// What an attempt streamed that failed and was repeated.
    pub(crate) fn failed_stream(&self, attempt: u32) -> PathBuf {
        self.path.join(format!("stream.{}.failed-{attempt}.log", self.name))
    }

    /// The named pipe that the job writes its stream to.
    pub(crate) fn output_pipe(&self) -> PathBuf {
        self.path.join("output.pipe")
    }

    /// The named pipe that the job reads a dependency's stream from.
    pub(crate) fn input_pipe(&self, dependency: &JobName) -> PathBuf {
        self.path.join(format!("input.{}.pipe", (self.naming)(dependency)))
    }

    /// What otto and its script libraries keep for themselves.
    pub(crate) fn private(&self) -> PathBuf {
        private(&self.path)
    }

    /// Where an attempt has its script and hands over: the first one in here, so that people find it, each later one in a
    /// directory of its own. What is left of an earlier one, here or on another machine, cannot disturb it.
    pub(crate) fn attempt(&self, number: u32) -> PathBuf {
        match number {
            1 => self.path.clone(),
            later => self.path.join(format!("attempt-{later}")),
        }
    }

    /// Made by a service that is ready, `$OTTO_READY`.
    pub(crate) fn ready(&self) -> PathBuf {
        self.path.join("ready")
    }

    /// What the command writes that asks whether a service is ready.
    pub(crate) fn ready_log(&self, stream: crate::event::Stream) -> PathBuf {
        self.path.join(match stream {
            crate::event::Stream::Stdout => "ready.stdout.log",
            crate::event::Stream::Stderr => "ready.stderr.log",
        })
    }

    /// The names of the outputs that were exported, a line each; there only if some were.
    pub(crate) fn exports(&self) -> PathBuf {
        self.private().join("exports")
    }
}

/// The name of a job's directory: readable, never `.` or `..`, without a slash, at most 200 bytes, and
/// different for different jobs, also on a file system that takes `Build` for `build`, `ß` for `SS` or one way to
/// write `é` for another: a name that has capitals, or letters beyond ASCII, ends with `%~` and eight digits of its hash.
pub(crate) fn file_name(job: &JobName) -> String {
    let name = encode(job.as_str().as_bytes());
    let may_be_another = job.as_str().bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii());
    match may_be_another && name.len() + 2 + SHORT_HASH <= LONGEST {
        true => format!("{name}%~{}", &hash(job)[..SHORT_HASH]),
        false => cut(job, name, if may_be_another { 0 } else { LONGEST }),
    }
}

/// [`file_name`] as it was: names that differ in the case of a letter met where the file system ignores it.
fn file_name_as_written(job: &JobName) -> String {
    cut(job, encode(job.as_str().as_bytes()), LONGEST)
}

/// What is longer than `most` ends with its hash. `%~` is never made by the encoding, so a cut name cannot meet a whole
/// one.
fn cut(job: &JobName, name: String, most: usize) -> String {
    if name.len() <= most {
        return name;
    }
    let kept = floor_boundary(&name, LONGEST - 34);
    format!("{}%~{}", &name[..kept], &hash(job)[..32])
}

/// Digits of a job's hash behind a name that a file system could take for another.
const SHORT_HASH: usize = 8;

fn hash(job: &JobName) -> String {
    blake3::hash(job.as_str().as_bytes()).to_hex().to_string()
}

/// ASCII letters, digits, `._:@+-` and every non-ASCII letter stay; any other byte, and a leading dot, becomes `%XX`.
fn encode(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            let is_leading_dot = encoded.is_empty() && character == '.';
            let stays = character.is_ascii_alphanumeric()
                || "._:@+-".contains(character)
                || !character.is_ascii() && character.is_alphanumeric();
            if stays && !is_leading_dot {
                encoded.push(character);
            } else {
                let mut buffer = [0; 4];
                escape(&mut encoded, character.encode_utf8(&mut buffer).as_bytes());
            }
        }
        escape(&mut encoded, chunk.invalid());
    }
    encoded
}

fn escape(encoded: &mut String, bytes: &[u8]) {
    for byte in bytes {
        encoded.push_str(&format!("%{byte:02X}"));
    }
}

/// The largest character boundary at or below `most`.
fn floor_boundary(text: &str, most: usize) -> usize {
    (0..=most.min(text.len())).rev().find(|place| text.is_char_boundary(*place)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn named(text: &str) -> String {
        file_name(&JobName::recorded(text).expect("not empty"))
    }

    #[test]
    fn plain_names_stay_readable_and_wild_ones_stay_inside() {
        assert_eq!(named("deploy:staging"), "deploy:staging");
        assert_eq!(named(".."), "%2E.");
        assert_eq!(named("a/b c"), "a%2Fb%20c");
        assert_eq!(named("żółw"), "żółw%~7ecf727d");
        assert_eq!(named("Build"), "Build%~f5658251");
        assert_eq!(named("100%"), "100%25");
    }

    proptest! {
        #[test]
        fn different_jobs_have_different_directories(a in "\\PC{1,300}", b in "\\PC{1,300}") {
            prop_assert_eq!(a == b, named(&a) == named(&b));
            prop_assert!(named(&a).len() <= LONGEST);
            prop_assert!(!named(&a).contains('/') && !named(&a).starts_with('.'));
        }

        #[test]
        fn directories_differ_whatever_the_file_system_takes_for_the_same(
            parts in prop::collection::vec(prop::sample::select(vec![
                "b", "B", "ß", "ss", "SS", "ẞ", "ſ", "s", "k", "K", "é", "e\u{301}", "E\u{301}", "ı", "i", "İ", "I", "ﬀ", "ff", "/", "%2f", "%2F",
            ]), 1..40),
            others in prop::collection::vec(prop::sample::select(vec!["b", "B", "ß", "ss", "SS", "K", "/", "%2f"]), 1..40),
            times in 1..12usize,
        ) {
            // What no file system changes: lower-case ASCII. All that it could take for something else is left out.
            let certain = |name: &str| -> String {
                name.to_ascii_lowercase().chars().filter(char::is_ascii).collect()
            };
            let (one, other) = (parts.concat().repeat(times), others.concat());
            for other in [other, one.to_lowercase(), one.to_uppercase(), one.to_ascii_uppercase()] {
                prop_assert_eq!(one == other, certain(&named(&one)) == certain(&named(&other)), "{} {}", one, other);
            }
        }
    }
}

//! Runs launches as jobs of Slurm. Between otto and the nodes there are files in the run's folder (`store::exchange`): an
//! attempt has ended when its record is there, and Slurm is asked only to learn that a record will never come.
//!
//! The *clerk* is a thread that runs Slurm's commands, the *watch* one that owns everything that is under way.

mod clerk;
mod command;
mod states;
mod watch;

use super::local::LocalExecutor;
use super::{Assignment, AttemptId, ClusterJob, Executor, Leftover, ReportSink, Stop};
use crate::host::Environment;
use crate::name::RunId;
use crate::resources::OptionStyle;
use crate::store::layout::{ExchangeDir, Home, RunDir};
use crate::store::{atomic, exchange};
use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

const NODE_SCRIPT: &str = include_str!("job.sh");

/// How otto treats the cluster.
#[derive(Clone, Debug)]
pub(crate) struct SiteRules {
    pub(crate) submit_per_second: u32,
    /// So many jobs of one task, ready together and alike, become one array; 0: never.
    pub(crate) array: u32,
    pub(crate) ask_every: Duration,
    /// A job that is over, or that Slurm does not know any more, may take so long to show its record.
    pub(crate) lost_after: Duration,
    /// A job that waits for something that never comes is given up after this.
    pub(crate) never_after: Duration,
    pub(crate) style: OptionStyle,
    /// Lines of bash that each node runs before a task.
    pub(crate) before: String,
}

impl Default for SiteRules {
    fn default() -> SiteRules {
        SiteRules {
            submit_per_second: 20,
            array: 10,
            ask_every: Duration::from_secs(10),
            lost_after: Duration::from_secs(60),
            never_after: Duration::from_secs(120),
            style: OptionStyle::default(),
            before: String::new(),
        }
    }
}

/// What all jobs of a run have in common.
pub(crate) struct ClusterSetting {
    /// The environment of Slurm's commands, which they pass on.
    env: BTreeMap<OsString, OsString>,
    /// otto's own.
    own: BTreeMap<OsString, OsString>,
    exchange: ExchangeDir,
    nonce: String,
    script: PathBuf,
    otto: PathBuf,
    run: RunId,
    rules: SiteRules,
}

impl ClusterSetting {
    /// Makes what the nodes need: the run's exchange folder, the script of the jobs, a copy of this otto.
    pub(crate) fn prepare(
        home: &Home,
        run_dir: &RunDir,
        run: &RunId,
        environment: &Environment,
        rules: SiteRules,
    ) -> io::Result<ClusterSetting> {
        let own: BTreeMap<OsString, OsString> =
            environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let nonce = format!("{:016x}{:016x}", crate::host::random(), crate::host::random());
        let exchange = run_dir.exchange();
        exchange::open(&exchange, &nonce)?;
        std::fs::create_dir_all(home.runtime())?;
        let script = home.node_script();
        if std::fs::read(&script).ok().as_deref() != Some(NODE_SCRIPT.as_bytes()) {
            atomic::write(&script, NODE_SCRIPT.as_bytes())?;
        }
        let otto = match environment.filled("OTTO_NODE_BINARY") {
            Some(named) => PathBuf::from(named),
            None => own_copy(home)?,
        };
        let env = command::environment(own.clone().into_iter());
        Ok(ClusterSetting { env, own, exchange, nonce, script, otto, run: run.clone(), rules })
    }

    /// The name by which Slurm and otto know an attempt: run, place in the plan and attempt stand behind the last `@`.
    fn job_name(&self, key: &str, job: &ClusterJob) -> String {
        const LONGEST: usize = 80;
        let plain = |character: char| match character {
            character if character.is_ascii_graphic() && !"%|@".contains(character) => character,
            _ => '_',
        };
        let shown: String = job.name.as_str().chars().map(plain).take(LONGEST).collect();
        format!("{shown}@{key}")
    }

    /// For the elements of an array, which have one name: that and the number of the element.
    fn array_key(&self, array: u32) -> String {
        format!("{}.a{array}", self.run)
    }

    fn key(&self, attempt: AttemptId) -> String {
        format!("{}.{}.{}", self.run, attempt.job.0, attempt.number)
    }
}

/// This very otto under a name that another build does not have, so that an upgrade does not change what jobs run that
/// wait.
fn own_copy(home: &Home) -> io::Result<PathBuf> {
    const OWN: &str = "/proc/self/exe";
    let metadata = std::fs::metadata(OWN)?;
    let identity = (metadata.dev(), metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec());
    let identity = blake3::hash(format!("{identity:?}").as_bytes()).to_hex();
    let copy = home.node_binary(&identity.as_str()[..16]);
    if !copy.exists() {
        let unfinished = atomic::own_name(&copy);
        std::fs::copy(OWN, &unfinished)?;
        std::fs::set_permissions(&unfinished, std::fs::Permissions::from_mode(0o700))?;
        std::fs::rename(&unfinished, &copy)?;
    }
    Ok(copy)
}

/// Whether `sbatch` is in PATH.
pub(crate) fn is_at_hand(environment: &Environment) -> bool {
    let path = environment.get("PATH").unwrap_or(OsStr::new(""));
    std::env::split_paths(path)
        .any(|folder| rustix::fs::access(folder.join("sbatch"), rustix::fs::Access::EXEC_OK).is_ok())
}

/// Jobs of a run that Slurm knows and that are not over.
pub(crate) enum LeftJobs {
    None,
    Some(usize),
    /// Why Slurm does not say it.
    Unknown(String),
}

/// Cancels the jobs of a run that nobody drives.
pub(crate) fn cancel_left(environment: &Environment, run: &RunId, is_forced: bool) -> LeftJobs {
    let own = environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let env = command::environment(own);
    let rows = match command::queue(&env) {
        Ok(rows) => rows,
        Err(said) => return LeftJobs::Unknown(said),
    };
    let of_run = format!("{run}.");
    let is_left = |row: &command::QueueRow| {
        let is_its = row.name.rsplit_once('@').is_some_and(|(_, key)| key.starts_with(&of_run));
        is_its && states::may_go_on(&row.state)
    };
    let numbers: Vec<String> = rows.into_iter().filter(is_left).map(|row| row.number).collect();
    if numbers.is_empty() {
        return LeftJobs::None;
    }
    command::cancel(&env, &numbers, is_forced);
    LeftJobs::Some(numbers.len())
}

/// What the watch is told.
enum ClusterOrder {
    Start(AttemptId, Box<ClusterJob>, Box<dyn Assignment>),
    Stop(AttemptId, Stop),
    /// From the clerk.
    Done(clerk::ErrandDone),
    /// Nothing is under way any more; what was cancelled should be gone before the answer.
    Finish(Sender<()>),
}

/// Sends each launch where its job belongs: to this machine, or to the cluster.
pub(crate) struct Dispatcher {
    local: LocalExecutor,
    /// Attempts that were given to the cluster.
    remote: HashSet<AttemptId>,
    orders: Sender<ClusterOrder>,
}

impl Dispatcher {
    pub(crate) fn new(
        local: LocalExecutor,
        setting: ClusterSetting,
        sink: ReportSink,
    ) -> io::Result<Dispatcher> {
        let setting = Arc::new(setting);
        let (orders, incoming) = mpsc::channel();
        let (errands, to_do) = mpsc::channel();
        let (of_clerk, done) = (setting.clone(), orders.clone());
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        thread("clerk").spawn(move || clerk::work(&of_clerk, &to_do, &done))?;
        thread("watch").spawn(move || watch::ClusterWatch::new(setting, errands, sink).work(&incoming))?;
        Ok(Dispatcher { local, remote: HashSet::new(), orders })
    }

    fn is_remote(&self, attempt: AttemptId) -> bool {
        self.remote.contains(&attempt)
    }

    fn order(&self, order: ClusterOrder) {
        // The watch ends after its executor.
        assert!(self.orders.send(order).is_ok(), "bug: the watch of the cluster has ended");
    }
}

impl Executor for Dispatcher {
    fn start(&mut self, attempt: AttemptId, assignment: Box<dyn Assignment>) {
        match assignment.cluster_job() {
            Some(job) => {
                self.remote.insert(attempt);
                self.order(ClusterOrder::Start(attempt, Box::new(job), assignment));
            }
            None => self.local.start(attempt, assignment),
        }
    }

    fn stop(&mut self, attempt: AttemptId, how: Stop) {
        match self.is_remote(attempt) {
            true => self.order(ClusterOrder::Stop(attempt, how)),
            false => self.local.stop(attempt, how),
        }
    }

    fn is_alive(&self, attempt: AttemptId) -> bool {
        self.is_remote(attempt) || self.local.is_alive(attempt)
    }

    /// Jobs on the cluster go on.
    fn suspend(&mut self) {
        self.local.suspend();
    }

    fn resume(&mut self) {
        self.local.resume();
    }

    fn finish(&mut self) -> Vec<Leftover> {
        let (sender, answer) = mpsc::channel();
        self.order(ClusterOrder::Finish(sender));
        // An error means that the watch has ended, and there is nothing to wait for.
        let _ = answer.recv();
        self.local.finish()
    }
}

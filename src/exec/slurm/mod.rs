//! Runs launches as jobs of Slurm. Between otto and the nodes there are files in the run's folder (`store::exchange`): an
//! attempt has ended when its record is there, and Slurm is asked only to learn that a record will never come.
//!
//! The *clerk* is a thread that runs Slurm's commands, the *watch* one that owns everything that is under way.

mod clerk;
mod command;
mod states;
mod trial;
mod watch;

pub(crate) use trial::{ClusterTrial, NoAnswer, NodeAnswer};

use super::local::LocalExecutor;
use super::{Assignment, AttemptId, ClusterJob, Executor, KnownAttempt, Leftover, ReportSink, Spared, Stop};
use crate::host::Environment;
use crate::name::RunId;
use crate::resources::OptionStyle;
use crate::store::layout::{ExchangeDir, Home, RunDir};
use crate::store::{atomic, exchange};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

const NODE_SCRIPT: &str = include_str!("job.sh");
const DRIVER_SCRIPT: &str = include_str!("driver.sh");
/// The program of this process.
const OWN: &str = "/proc/self/exe";

/// How otto treats the cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SiteRules {
    pub(crate) submit_per_second: u32,
    /// So many jobs of one task, ready together and alike, become one array; 0: never.
    pub(crate) array: u32,
    pub(crate) ask_every: Duration,
    /// A job that is over, or that Slurm does not know any more, may take so long to show its record.
    pub(crate) lost_after: Duration,
    /// A job that waits for something that never comes is given up after this.
    pub(crate) never_after: Duration,
    /// How long a file may need to be seen on another machine.
    pub(crate) visible_after: Duration,
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
            visible_after: Duration::from_secs(60),
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
    /// How many jobs may be in the queue at a time.
    jobs: usize,
    /// Which otto of the run this is.
    driver: u32,
}

impl ClusterSetting {
    /// Makes what the nodes need: the run's exchange folder, the script of the jobs, a copy of this otto.
    pub(crate) fn prepare(
        home: &Home,
        run_dir: &RunDir,
        run: &RunId,
        environment: &Environment,
        rules: SiteRules,
        jobs: usize,
    ) -> io::Result<ClusterSetting> {
        let own: BTreeMap<OsString, OsString> =
            environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let nonce = format!("{:016x}{:016x}", crate::host::random(), crate::host::random());
        let exchange = run_dir.exchange();
        let nonce = exchange::open(&exchange, &nonce)?;
        std::fs::create_dir_all(home.runtime())?;
        let script = home.node_script();
        if std::fs::read(&script).ok().as_deref() != Some(NODE_SCRIPT.as_bytes()) {
            atomic::write(&script, NODE_SCRIPT.as_bytes())?;
        }
        let otto = node_binary(home, environment)?;
        let env = command::environment(own.clone().into_iter());
        let driver = exchange::latest_driver(&exchange);
        Ok(ClusterSetting { env, own, exchange, nonce, script, otto, run: run.clone(), rules, jobs, driver })
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

    /// For the attempts that share a job.
    fn bundle_key(&self, bundle: u32) -> String {
        format!("{}.b{bundle}", self.run)
    }

    /// By what Slurm's answers name the job of a member that was submitted with others, and where the job's own words are.
    fn member_job(&self, together: clerk::Sharing, place: usize) -> (String, PathBuf) {
        match together {
            clerk::Sharing::Array(array) => {
                (format!("{}_{place}", self.array_key(array)), self.exchange.array_log(array, place))
            }
            clerk::Sharing::Bundle(bundle) => (self.bundle_key(bundle), self.exchange.bundle_log(bundle)),
        }
    }

    fn key(&self, attempt: AttemptId) -> String {
        format!("{}.{}.{}", self.run, attempt.job.0, attempt.number)
    }
}

/// The otto that nodes run.
fn node_binary(home: &Home, environment: &Environment) -> io::Result<PathBuf> {
    if let Some(named) = environment.filled("OTTO_NODE_BINARY") {
        return Ok(PathBuf::from(named));
    }
    // The job that drives a run is such a copy itself.
    let own = std::fs::read_link(OWN)?;
    if own.parent() == Some(&home.runtime()) && own.exists() { Ok(own) } else { own_copy(home) }
}

/// This very otto under a name that another build does not have, so that an upgrade does not change what jobs run that
/// wait.
fn own_copy(home: &Home) -> io::Result<PathBuf> {
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

/// Has another otto drive a run, in a job of its own; answers the number of the job, or what was said against it.
pub(crate) fn submit_driver(
    home: &Home,
    run_dir: &RunDir,
    run: &RunId,
    ottofile: &Path,
    environment: &Environment,
    options: &[String],
) -> Result<String, String> {
    let made = || -> io::Result<(PathBuf, PathBuf)> {
        std::fs::create_dir_all(home.runtime())?;
        let script = home.driver_script();
        atomic::write(&script, DRIVER_SCRIPT.as_bytes())?;
        Ok((script, node_binary(home, environment)?))
    };
    let (script, otto) = made().map_err(|error| crate::host::plain(&error))?;
    let own = environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut env = command::environment(own);
    // The job is in another folder.
    env.insert("OTTO_HOME".into(), home.root.clone().into());
    let request = command::JobRequest {
        name: &format!("otto@{}", driver_key(run)),
        log: &run_dir.exchange().driver_log(),
        array: None,
        options,
        script: &script,
        words: &[otto.as_os_str(), ottofile.as_os_str(), run.as_str().as_ref()],
    };
    let number = command::submit(&env, &request)?;
    // Only to say that there is one.
    let _ = atomic::write(&run_dir.exchange().driver_job(), number.as_bytes());
    Ok(number)
}

/// By what Slurm's answers name the job of a driver.
fn driver_key(run: &RunId) -> String {
    format!("{run}.driver")
}

/// Cancels the job that drives a run; whether there is one.
pub(crate) fn cancel_driver(environment: &Environment, run: &RunId) -> Result<bool, String> {
    let own = environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let env = command::environment(own);
    let key = driver_key(run);
    let is_it = |row: &command::QueueRow| {
        row.name.rsplit_once('@').is_some_and(|(_, known)| known == key) && states::may_go_on(&row.state)
    };
    let numbers: Vec<String> =
        command::queue(&env)?.into_iter().filter(is_it).map(|row| row.number).collect();
    command::cancel(&env, &numbers, false);
    Ok(!numbers.is_empty())
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
    Adopt(AttemptId, Box<ClusterJob>, Box<dyn Assignment>, KnownAttempt),
    Forget(AttemptId),
    Stop(AttemptId, Stop),
    /// From the clerk.
    Done(clerk::ErrandDone),
    /// Nothing is under way any more; what was cancelled should be gone before the answer.
    Finish(Sender<()>),
    /// What is under way goes on by itself.
    Leave(Sender<()>),
}

/// Sends each launch where its job belongs: to this machine, or to the cluster.
pub(crate) struct Dispatcher {
    local: LocalExecutor,
    /// Attempts that were given to the cluster.
    remote: HashSet<AttemptId>,
    orders: Sender<ClusterOrder>,
    has_left: bool,
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
        Ok(Dispatcher { local, remote: HashSet::new(), orders, has_left: false })
    }

    fn is_remote(&self, attempt: AttemptId) -> bool {
        self.remote.contains(&attempt)
    }

    fn order(&self, order: ClusterOrder) {
        if self.has_left {
            return;
        }
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

    fn adopt(&mut self, attempt: AttemptId, assignment: Box<dyn Assignment>, known: KnownAttempt) {
        let job = assignment.cluster_job().expect("bug: what ran on this machine is not adopted");
        self.remote.insert(attempt);
        self.order(ClusterOrder::Adopt(attempt, Box::new(job), assignment, known));
    }

    fn forget(&mut self, attempt: AttemptId) {
        if self.remote.remove(&attempt) {
            self.order(ClusterOrder::Forget(attempt));
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

    fn leave(&mut self) {
        let (sender, answer) = mpsc::channel();
        self.order(ClusterOrder::Leave(sender));
        // As below.
        let _ = answer.recv();
        self.has_left = true;
    }

    fn finish(&mut self, spared: &[Spared]) -> Vec<Leftover> {
        let (sender, answer) = mpsc::channel();
        self.order(ClusterOrder::Finish(sender));
        // An error means that the watch has ended, and there is nothing to wait for.
        let _ = answer.recv();
        self.local.finish(spared)
    }
}

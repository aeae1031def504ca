//! One small job that tries a cluster: what its node is, and what it sees.

use super::command::{self, JobRequest};
use super::{node_binary, states};
use crate::host::{Environment, plain};
use crate::store::atomic;
use crate::store::layout::{Home, TrialDir};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const SCRIPT: &str = include_str!("trial.sh");

/// Between two looks for the answer, and between two questions to Slurm.
const LOOK: Duration = Duration::from_millis(50);
const ASK: Duration = Duration::from_secs(2);
/// A job that is over may take so long to show its answer.
const LATE: Duration = Duration::from_secs(10);

/// What is found out before a job is asked for.
pub(crate) struct SiteAnswer {
    pub(crate) version: String,
    pub(crate) asked: Duration,
    /// Settings of Slurm, by their names.
    pub(crate) settings: BTreeMap<String, String>,
}

/// What the node said, by names; which job it was, and how long all of it took.
pub(crate) struct NodeAnswer {
    pub(crate) number: String,
    pub(crate) said: BTreeMap<String, String>,
    pub(crate) took: Duration,
}

/// Why there is no answer.
pub(crate) enum NoAnswer {
    /// The files of the trial cannot be made.
    Files(String),
    /// sbatch says so.
    Refused(String),
    /// It is over, and what it wrote is not here: the state of the job, and its node.
    Unseen { number: String, state: String, node: String },
    /// It still waits, for this reason; it was cancelled.
    Waits { number: String, reason: String },
}

/// The word and the folder of a trial, and the commands' environment.
pub(crate) struct ClusterTrial {
    environment: Environment,
    env: BTreeMap<OsString, OsString>,
}

impl ClusterTrial {
    pub(crate) fn new(environment: &Environment) -> ClusterTrial {
        let own = environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        ClusterTrial { environment: environment.clone(), env: command::environment(own) }
    }

    /// Asks Slurm's commands; the error is what they say.
    pub(crate) fn site(&self) -> Result<SiteAnswer, String> {
        let begun = Instant::now();
        let version = command::version(&self.env)?;
        let settings = command::settings(&self.env)?;
        Ok(SiteAnswer { version, asked: begun.elapsed(), settings })
    }

    /// Runs the job and waits for its answer, and while it waits in the queue at most `patience`.
    pub(crate) fn node(
        &self,
        home: &Home,
        project: &Path,
        options: &[String],
        patience: Duration,
        waits: &mut dyn FnMut(&str, &str),
    ) -> Result<NodeAnswer, NoAnswer> {
        let nonce = format!("{:016x}{:016x}", crate::host::random(), crate::host::random());
        let folder = home.trial(&nonce[..8]);
        let made = prepare(home, &self.environment, &folder, &nonce);
        let answer = made.map_err(|error| NoAnswer::Files(plain(&error))).and_then(|(otto, script)| {
            let answer = folder.answer();
            let request = JobRequest {
                name: "otto-check",
                log: &answer,
                array: None,
                options,
                script: &script,
                words: &[otto.as_os_str(), folder.path.as_os_str(), nonce.as_ref(), project.as_os_str()],
            };
            let number = command::submit(&self.env, &request).map_err(NoAnswer::Refused)?;
            self.wait(&number, &answer, patience, waits)
        });
        // What stays says only what was printed.
        let _ = std::fs::remove_dir_all(&folder.path);
        answer
    }

    fn wait(
        &self,
        number: &str,
        answer: &Path,
        patience: Duration,
        waits: &mut dyn FnMut(&str, &str),
    ) -> Result<NodeAnswer, NoAnswer> {
        let begun = Instant::now();
        let (mut asked_at, mut over_since) = (begun, None);
        let mut told = String::new();
        loop {
            if let Some(said) = read(answer) {
                return Ok(NodeAnswer { number: number.to_owned(), said, took: begun.elapsed() });
            }
            if asked_at.elapsed() >= ASK {
                asked_at = Instant::now();
                // No answer is no news.
                let row =
                    command::queue(&self.env).map(|rows| rows.into_iter().find(|row| row.number == number));
                let (state, node, reason) = match row {
                    Ok(Some(row)) => (row.state, row.node, row.reason),
                    Ok(None) => ("unknown".to_owned(), String::new(), String::new()),
                    Err(_) => continue,
                };
                if state == "PENDING" && reason != told && reason != "None" {
                    waits(number, &reason);
                    told.clone_from(&reason);
                }
                if state == "PENDING" && (begun.elapsed() > patience || states::waits_for_ever(&reason)) {
                    command::cancel(&self.env, &[number.to_owned()], false);
                    return Err(NoAnswer::Waits { number: number.to_owned(), reason });
                }
                if state == "unknown" || !states::may_go_on(&state) {
                    let since: Instant = *over_since.get_or_insert_with(Instant::now);
                    if since.elapsed() > LATE {
                        return Err(NoAnswer::Unseen { number: number.to_owned(), state, node });
                    }
                }
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// Makes what the job needs: its folder, a copy of otto, its script.
fn prepare(
    home: &Home,
    environment: &Environment,
    folder: &TrialDir,
    nonce: &str,
) -> std::io::Result<(PathBuf, PathBuf)> {
    std::fs::create_dir_all(&folder.path)?;
    atomic::write(&folder.nonce(), nonce.as_bytes())?;
    let script = folder.script();
    atomic::write(&script, SCRIPT.as_bytes())?;
    Ok((node_binary(home, environment)?, script))
}

/// What the job said, when it has come to its end.
fn read(answer: &Path) -> Option<BTreeMap<String, String>> {
    // Listed first: a name that was looked up in vain may stay so for a while.
    let _ = answer.parent().map(std::fs::read_dir).map(|listing| listing.map(Iterator::count));
    let text = std::fs::read_to_string(answer).ok()?;
    let is_whole = text.lines().any(|line| line == "end");
    let pair =
        |line: &str| line.split_once(' ').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
    is_whole.then(|| text.lines().filter_map(pair).collect())
}

//! `otto Check --executor slurm`: tries the cluster with one small job.

use super::cluster::{ClusterWish, site, style};
use super::{Context, check};
use crate::diagnostic::{Code, Diagnostic};
use crate::exec::slurm::{ClusterTrial, NoAnswer, NodeAnswer};
use crate::resources::Resources;
use crate::view::time;
use clap::{ArgMatches, Command};
use std::time::Duration;

/// How long the job may wait in the queue.
const PATIENCE: Duration = Duration::from_secs(600);
/// Of Slurm's settings, those that matter to a run.
const SETTINGS: [&str; 5] = ["MaxArraySize", "MaxJobCount", "KillWait", "MinJobAge", "SlurmctldTimeout"];

pub(super) fn command() -> Command {
    check::command().args([
        super::run_option("executor").help("slurm: try the cluster with one small job"),
        super::run_option("profile"),
    ])
}

/// `otto Check`, and with a cluster the trial if nothing is wrong with the ottofile.
pub(super) fn run(context: &mut Context, matches: &ArgMatches) -> i32 {
    let status = check::run(context, matches);
    let is_cluster = matches.get_one::<String>("executor").is_some_and(|name| name == "slurm");
    if status != 0 || !is_cluster || context.is_json {
        return status;
    }
    match tried(context, matches) {
        Ok(()) => 0,
        Err(code) => code,
    }
}

fn tried(context: &mut Context, matches: &ArgMatches) -> Result<(), i32> {
    let wish =
        ClusterWish { profile: matches.get_one::<String>("profile").cloned(), ..ClusterWish::default() };
    let site = site(context, &wish)?;
    context.need_slurm("otto needs Slurm's commands here")?;
    let found = context.found().map_err(|wrong| context.refuse(&wrong))?;
    let home = context.open_home()?;
    let trial = ClusterTrial::new(&context.environment);
    let asked = trial.site().map_err(|said| {
        context.show(&[Diagnostic::error(Code::ClusterSilent, format!("Slurm does not answer: {said}"))]);
        1
    })?;
    let took = |time: Duration| time::duration(time.as_micros() as u64);
    context.print(&format!("Slurm     {}, answered in {}\n", asked.version, took(asked.asked)));
    let known = SETTINGS.iter().filter_map(|name| Some(format!("{name} {}", asked.settings.get(*name)?)));
    context.print(&format!("settings  {}\n", known.collect::<Vec<_>>().join(", ")));
    // As a task would have it, and little of it.
    let small = Resources {
        cpus: vec![1],
        memory_mib: vec![100],
        time: vec![Duration::from_secs(60)],
        gpus: Vec::new(),
        ..site.defaults.clone()
    };
    let options = small.options(1, None, 1, style(&site));
    let folder = found.folder().to_owned();
    let mut waits = |number: &str, reason: &str| {
        context.say(&format!("job {number} waits: {reason}"));
    };
    let answer = trial.node(&home, &folder, &options, PATIENCE, &mut waits);
    let NodeAnswer { number, said, took: whole } = answer.map_err(|why| refused(context, why, &home.root))?;
    let get = |name: &str| said.get(name).map_or("", String::as_str);
    let node = get("node").to_owned();
    context.print(&format!("job       {number} on {node} ({}), after {}\n", get("machine"), took(whole)));
    context.print(&format!("node      {}, bash {}\n", get("otto"), get("bash")));
    let is_seen = |what: &str| if get(what) == "yes" { "seen" } else { "not seen" };
    context.print(&format!("home      {}: {}\n", home.root.display(), is_seen("home")));
    context.print(&format!("project   {}: {}\n", folder.display(), is_seen("project")));
    let mut wrong = Vec::new();
    for (what, path) in [("home", &home.root), ("project", &folder)] {
        if get(what) != "yes" {
            let message = format!("the node {node} does not see `{}`", path.display());
            wrong.push(Diagnostic::error(Code::NodeSeesNothing, message).help(
                "OTTO_HOME and the project must be on a file system that all nodes have under the same path",
            ));
        }
    }
    if wrong.is_empty() && !get("otto").starts_with("otto ") {
        let message = format!("the node {node} cannot run otto: {}", get("otto"));
        let help = "OTTO_NODE_BINARY names an otto that was built for the nodes";
        wrong.push(Diagnostic::error(Code::NodeCannotRun, message).help(help));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    context.show(&wrong);
    Err(1)
}

fn refused(context: &mut Context, why: NoAnswer, home: &std::path::Path) -> i32 {
    let wrong = match why {
        NoAnswer::Files(said) => {
            Diagnostic::error(Code::NoRecords, format!("cannot write in `{}`: {said}", home.display()))
        }
        NoAnswer::Refused(said) => {
            Diagnostic::error(Code::ClusterRefuses, format!("the cluster refused the job: {said}")).help(
                "`slurm: {defaults: {account: NAME, partition: NAME}}` in the site file is for all jobs",
            )
        }
        NoAnswer::Unseen { number, state, node } => {
            let at = if node.is_empty() { String::new() } else { format!(" on {node}") };
            let message = format!(
                "job {number}{at} is over ({state}), and what it wrote is not in `{}`",
                home.display()
            );
            Diagnostic::error(Code::NodeSeesNothing, message)
                .help("OTTO_HOME must be on a file system that all nodes have under the same path")
        }
        NoAnswer::Waits { number, reason } => {
            let message = format!("job {number} waits for `{reason}`, and was cancelled");
            Diagnostic::error(Code::ClusterRefuses, message).help("`squeue --start` says when jobs may begin")
        }
    };
    context.show(&[wrong]);
    1
}

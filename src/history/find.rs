//! Which run a user means. Works from the names of directories, so that it needs no index and writes nothing.

use crate::history::past;
use crate::history::past::list;
use crate::name::{RunId, similar};
use crate::store::layout::{Home, ProjectDir};

/// How a user names a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selector {
    Latest,
    /// The latest that neither succeeded nor still runs.
    LatestFailed,
    /// `-1` is the latest.
    Back(usize),
    /// The beginning of an id, or of its last part.
    Start(String),
}

impl Selector {
    pub(crate) fn parse(text: &str) -> Selector {
        match text {
            "latest" => Selector::Latest,
            "latest-failed" => Selector::LatestFailed,
            _ => match text.strip_prefix('-').and_then(|number| number.parse().ok()) {
                Some(number @ 1..) => Selector::Back(number),
                Some(0) | None => Selector::Start(text.to_owned()),
            },
        }
    }
}

/// How much of an id must be given where a run is to be repeated: less may be a typing error.
pub(crate) const LEAST_START: usize = 4;

/// A run that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FoundRun {
    pub(crate) project: ProjectDir,
    pub(crate) id: RunId,
    /// The shortest beginning of its id's last part that names no other run of the project, at least 4 characters.
    pub(crate) short: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotFound {
    NoRuns,
    NoFailedRun,
    /// There are only so many.
    TooFarBack(usize),
    /// Last parts of ids that look alike.
    Unknown(Vec<String>),
    /// Newest first.
    Ambiguous(Vec<RunId>),
}

/// Looks in `near` first, and for an id, if it is not there, in all projects.
pub(crate) fn find(
    selector: &Selector,
    near: &[ProjectDir],
    all: impl FnOnce() -> Vec<ProjectDir>,
) -> Result<FoundRun, NotFound> {
    let runs = runs(near);
    let newest_first = || runs.iter().rev();
    let found = match selector {
        Selector::Latest => newest_first().next().ok_or(NotFound::NoRuns)?,
        Selector::Back(number) => newest_first().nth(number - 1).ok_or(match runs.len() {
            0 => NotFound::NoRuns,
            count => NotFound::TooFarBack(count),
        })?,
        Selector::LatestFailed => newest_first()
            .find(|(id, project)| past::standing(&project.run(id)).is_failure())
            .ok_or(if runs.is_empty() { NotFound::NoRuns } else { NotFound::NoFailedRun })?,
        Selector::Start(start) => {
            let matches = starting(&runs, start);
            match matches[..] {
                [one] => one,
                [] => return find_anywhere(start, &runs, &all()),
                _ => return Err(ambiguous(&matches)),
            }
        }
    };
    Ok(found_run(found, &runs))
}

/// All projects in a home, by name.
pub(crate) fn projects(home: &Home) -> Vec<ProjectDir> {
    let Ok(entries) = std::fs::read_dir(&home.root) else { return Vec::new() };
    let mut projects: Vec<ProjectDir> = entries
        .filter_map(Result::ok)
        // A link is no project: what it leads to may be anything.
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| home.recorded_project(entry.file_name().to_str()?))
        .collect();
    projects.sort_by(|a, b| a.path.cmp(&b.path));
    projects
}

type RunEntry<'a> = (RunId, &'a ProjectDir);

fn find_anywhere(start: &str, near: &[RunEntry<'_>], all: &[ProjectDir]) -> Result<FoundRun, NotFound> {
    let everywhere = runs(all);
    let matches = starting(&everywhere, start);
    match matches[..] {
        [one] => Ok(found_run(one, &everywhere)),
        [] if near.is_empty() && everywhere.is_empty() => Err(NotFound::NoRuns),
        [] => {
            let tails = near.iter().chain(&everywhere).map(|(id, _)| id.tail());
            Err(NotFound::Unknown(similar(start, tails, 3).into_iter().map(str::to_owned).collect()))
        }
        _ => Err(ambiguous(&matches)),
    }
}

/// Oldest first.
fn runs(projects: &[ProjectDir]) -> Vec<RunEntry<'_>> {
    let of_one = |project| list(project).into_iter().map(move |id| (id, project));
    let mut runs: Vec<RunEntry<'_>> = projects.iter().flat_map(of_one).collect();
    if projects.len() > 1 {
        runs.sort_by(|a, b| a.0.cmp(&b.0));
    }
    runs
}

fn starting<'a, 'b>(runs: &'a [RunEntry<'b>], start: &str) -> Vec<&'a RunEntry<'b>> {
    let is_meant =
        |id: &RunId| !start.is_empty() && (id.tail().starts_with(start) || id.as_str().starts_with(start));
    runs.iter().filter(|(id, _)| is_meant(id)).collect()
}

fn ambiguous(matches: &[&RunEntry<'_>]) -> NotFound {
    NotFound::Ambiguous(matches.iter().rev().map(|(id, _)| id.clone()).collect())
}

fn found_run((id, project): &RunEntry<'_>, runs: &[RunEntry<'_>]) -> FoundRun {
    let short = shortest(id, |start| {
        runs.iter().filter(|(other, _)| other.tail().starts_with(start)).nth(1).is_some()
    });
    FoundRun { project: (*project).clone(), id: id.clone(), short }
}

/// The shortest beginning of the last part of an id, at least 4 characters, that is not `is_shared` with another.
pub(crate) fn shortest(id: &RunId, mut is_shared: impl FnMut(&str) -> bool) -> String {
    let tail = id.tail();
    let length = (id.short().len()..tail.len()).find(|length| !is_shared(&tail[..*length]));
    tail[..length.unwrap_or(tail.len())].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::RunResult;
    use crate::history::fixture::Sandbox;
    use std::path::Path;

    #[test]
    fn a_run_is_meant_by_its_place_its_outcome_or_its_beginning() {
        let sandbox = Sandbox::new();
        let first = sandbox.good("2026-11-20T10:00:00Z", "abcd00", &["a"]);
        let mut run = sandbox.begin("2026-11-21T10:00:00Z", "abcd11", "a");
        run.plan(&[("a", &[])]);
        run.fail("a", 1, 1);
        let failed = run.end(RunResult::Failed { status: 1 });
        let crashed = sandbox.begin("2026-11-22T10:00:00Z", "f00000", "a").id.clone();
        let running = sandbox.begin("2026-11-23T10:00:00Z", "f11111", "a");
        let other = sandbox.home.project(Path::new("/work/other"));
        let noon = "2026-11-23T12:00:00Z".parse().expect("a time");
        let (_, elsewhere, _) =
            crate::store::claim::claim_run(&other, noon, 5, |_| Vec::new()).expect("a run");

        let look = |text: &str| {
            let near = std::slice::from_ref(&sandbox.project);
            find(&Selector::parse(text), near, || vec![sandbox.project.clone(), other.clone()])
        };
        let id = |text: &str| look(text).map(|found| found.id);
        assert_eq!(id("latest"), Ok(running.id.clone()));
        assert_eq!(id("-1"), Ok(running.id.clone()));
        assert_eq!(id("-4"), Ok(first.clone()));
        assert_eq!(id("-5"), Err(NotFound::TooFarBack(4)));
        assert_eq!(id("latest-failed"), Ok(crashed.clone()));
        assert_eq!(id("f1"), Ok(running.id.clone()));
        assert_eq!(id("20261120"), Ok(first.clone()));
        assert_eq!(id("abcd"), Err(NotFound::Ambiguous(vec![failed.clone(), first.clone()])));
        assert_eq!(id("abcd1"), Ok(failed));
        assert_eq!(id("5"), Ok(elsewhere), "ids are looked for in all projects");
        assert_eq!(id("abdc00"), Err(NotFound::Unknown(vec!["abcd00".into()])));
        assert_eq!(id(""), Err(NotFound::Unknown(vec![])));
        assert_eq!(look("-4").map(|found| found.short), Ok("abcd0".into()));
        assert_eq!(look("-1").map(|found| found.short), Ok("f111".into()));
        assert_eq!(find(&Selector::Latest, &[], Vec::new), Err(NotFound::NoRuns));
    }
}

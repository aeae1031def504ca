//! `otto History`: the runs, newest first, reruns under what they repeat.

use super::Context;
use super::describe::{self, RunJson};
use super::pick::Records;
use crate::diagnostic::Code;
use crate::event::RunResult;
use crate::history::find::shortest;
use crate::history::index::{Index, project_name, reason};
use crate::history::past::{PastRun, Standing};
use crate::history::query;
use crate::history::row::{RunFilter, RunRow};
use crate::name::RunId;
use crate::state::Counts;
use crate::store::layout::ProjectDir;
use crate::view::filter::shown;
use crate::view::style::{self, Paint};
use crate::view::table::{Align, Cell, Table};
use crate::view::time;
use crate::view::wording::{counted, counts, quoted};
use anstyle::Style;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use std::collections::{HashMap, HashSet};

/// What `--status` takes: results of runs, and with a task its outcomes.
const STATUSES: [&str; 10] = [
    "succeeded",
    "failed",
    "interrupted",
    "crashed",
    "running",
    "fresh",
    "skipped",
    "cancelled",
    "unsettled",
    "ok",
];

pub(super) fn command() -> Command {
    Command::new("History")
        .arg(Arg::new("task").value_name("TASK").help("only runs that include this task"))
        .arg(
            Arg::new("task-option")
                .long("task")
                .value_name("TASK")
                .conflicts_with("task")
                .help("same as TASK"),
        )
        .arg(
            Arg::new("limit")
                .short('n')
                .long("limit")
                .value_name("N")
                .value_parser(value_parser!(u32))
                .default_value("20")
                .help("at most N runs, 0 for all"),
        )
        .arg(
            Arg::new("status")
                .long("status")
                .value_name("STATUS")
                .action(ArgAction::Append)
                .value_delimiter(',')
                .value_parser(STATUSES)
                .help("only runs with this result; with TASK, only runs in which the task had it"),
        )
        .arg(
            Arg::new("failed")
                .long("failed")
                .action(ArgAction::SetTrue)
                .conflicts_with("status")
                .help("only runs that failed, were interrupted or crashed"),
        )
        .arg(
            Arg::new("all-projects")
                .long("all-projects")
                .action(ArgAction::SetTrue)
                .help("include all projects"),
        )
        .after_help("`otto History --json` prints a list of objects, newest first.")
}

/// A run in the list. What is running is not in the index, but has the same columns.
struct ListedRun {
    row: RunRow,
    short: String,
    /// Under how many others it stands.
    depth: usize,
}

pub(super) fn run(context: &mut Context, matches: &ArgMatches) -> i32 {
    let records = match Records::open(context) {
        Ok(records) => records,
        Err(code) => return code,
    };
    let is_everywhere = matches.get_flag("all-projects") || records.folder.is_none();
    let projects = records.projects(is_everywhere);
    let filter = filter(matches, (!is_everywhere).then(|| projects.first()).flatten());
    let Some(mut index) = index(context, &records) else {
        return empty(context, &filter);
    };
    let listed = list(&mut index, &projects, &filter);
    if let Some(warning) = index.take_warning() {
        // If stderr is closed, there is nobody to tell.
        let _ = writeln!(context.stderr, "warning: {}", shown(&warning));
    }
    let Listed { entries, count, bytes, unreadable } = match listed {
        Ok(listed) => listed,
        Err(error) => {
            let message = format!("cannot read the index of runs: {}", shown(&reason(&error)));
            return context.fail(Code::UnreadableRun, message, 75);
        }
    };
    for problem in &unreadable {
        // If stderr is closed, there is nobody to tell.
        let _ = writeln!(context.stderr, "warning: {}", shown(problem));
    }
    if context.is_json {
        let runs: Vec<RunJson> =
            entries.iter().map(|entry| RunJson::of_row(&entry.row, &entry.short, &context.zone)).collect();
        context.print(&describe::text(&runs));
        return 0;
    }
    if entries.is_empty() {
        return empty(context, &filter);
    }
    let entries = as_tree(entries);
    let text = table(context, &entries, is_everywhere);
    context.print(&text);
    let footer = [
        format!("{} of {}", entries.len(), counted(count, "run", "runs")),
        time::size(bytes),
        format!("otto Show {}", entries[0].short),
        "otto History --task TASK --failed --json".to_owned(),
    ];
    let _ = writeln!(context.stderr, "{}", footer.join(" · "));
    0
}

fn filter(matches: &ArgMatches, project: Option<&ProjectDir>) -> RunFilter {
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    let task = text("task").or_else(|| text("task-option"));
    let mut statuses: Vec<String> = matches.get_many("status").into_iter().flatten().cloned().collect();
    for status in &mut statuses {
        if status == "ok" {
            "succeeded".clone_into(status);
        }
    }
    if matches.get_flag("failed") {
        let failed: &[&str] = match task {
            Some(_) => &["failed", "interrupted", "unsettled"],
            None => &["failed", "interrupted", "crashed"],
        };
        statuses = failed.iter().map(|status| (*status).to_owned()).collect();
    }
    let limit = matches.get_one::<u32>("limit").map_or(20, |limit| *limit as usize);
    RunFilter { project: project.map(project_name), task, statuses, limit: (limit > 0).then_some(limit) }
}

/// None where nothing was ever recorded: then no index is made.
pub(super) fn index(context: &Context, records: &Records) -> Option<Index> {
    let moved = context.environment.filled("OTTO_DB_PATH").map(|path| context.cwd.join(path));
    Some(Index::open(records.home.as_ref()?.index_file(moved.as_deref())))
}

fn empty(context: &mut Context, filter: &RunFilter) -> i32 {
    if context.is_json {
        context.print("[]\n");
        return 0;
    }
    let is_narrowed = filter.task.is_some() || !filter.statuses.is_empty();
    let text = if is_narrowed { "no matching runs" } else { "no runs yet · `otto TASK` runs a task" };
    // If stderr is closed, there is nobody to tell.
    let _ = writeln!(context.stderr, "{text}");
    0
}

struct Listed {
    /// Newest first.
    entries: Vec<ListedRun>,
    /// Totals over all runs of these projects.
    count: usize,
    bytes: u64,
    /// Runs of which nothing is known, and why.
    unreadable: Vec<String>,
}

fn list(
    index: &mut Index,
    projects: &[ProjectDir],
    filter: &RunFilter,
) -> crate::history::index::Result<Listed> {
    loop {
        let mut rows = index.ask(projects, |db| query::runs(db, filter))?;
        // The directories are the truth: what somebody deleted by hand is no run any more.
        let is_there = |row: &RunRow| {
            let project = projects.iter().find(|project| project_name(project) == row.project);
            project.is_none_or(|project| project.run(&row.id).path.is_dir())
        };
        let gone: Vec<RunId> = rows.iter().filter(|row| !is_there(row)).map(|row| row.id.clone()).collect();
        if !gone.is_empty() {
            index.forget(&gone)?;
            continue;
        }
        let (running, unreadable) = running(index, projects, filter)?;
        let open: HashSet<RunId> = running.iter().map(|row| row.id.clone()).collect();
        let project = filter.project.as_deref();
        let (count, bytes) = index.ask(&[], |db| query::totals(db, project))?;
        let count = count + index.ask(&[], |db| query::open_runs(db, project))?.len();
        rows.extend(running);
        rows.sort_by(|a, b| b.id.cmp(&a.id));
        rows.truncate(filter.limit.unwrap_or(usize::MAX));
        let mut entries = Vec::with_capacity(rows.len());
        for row in rows {
            let mut failure = None;
            let short = shortest(&row.id, |start| {
                let closed = index.ask(&[], |db| query::tails(db, start)).unwrap_or_else(|error| {
                    failure = Some(error);
                    Vec::new()
                });
                let mut others = closed.iter().chain(&open).filter(|id| **id != row.id);
                others.any(|id| id.tail().starts_with(start))
            });
            match failure {
                Some(error) => return Err(error),
                None => entries.push(ListedRun { row, short, depth: 0 }),
            }
        }
        return Ok(Listed { entries, count, bytes, unreadable });
    }
}

/// Runs that are not over, as far as the filter lets them through, and what is to be said of those that cannot be read.
fn running(
    index: &mut Index,
    projects: &[ProjectDir],
    filter: &RunFilter,
) -> crate::history::index::Result<(Vec<RunRow>, Vec<String>)> {
    let is_wanted = filter.task.is_none() && filter.statuses.is_empty()
        || filter.statuses.iter().any(|word| word == "running");
    let (mut rows, mut unreadable) = (Vec::new(), Vec::new());
    for (project, id) in index.ask(&[], |db| query::open_runs(db, filter.project.as_deref()))? {
        let Some(dir) = projects.iter().find(|dir| project_name(dir) == project) else { continue };
        let run = match PastRun::read(dir.run(&id), id.clone()) {
            Ok(run) => run,
            // Most likely written by a newer otto.
            Err(error) => {
                unreadable.push(format!("run {} is not listed: {error}", id.short()));
                continue;
            }
        };
        let has_task = filter.task.as_ref().is_none_or(|task| {
            let mut jobs = run.state.jobs.iter();
            jobs.any(|job| job.planned.task.as_str() == task || job.planned.name.as_str() == task)
        });
        if is_wanted && has_task && dir.run(&run.id).path.is_dir() {
            rows.push(RunRow::of(&project, &run, 0));
        }
    }
    Ok((rows, unreadable))
}

/// Reruns under the run that they repeat, as far as it is in the list. What somebody worked on last comes first.
fn as_tree(entries: Vec<ListedRun>) -> Vec<ListedRun> {
    let places: HashMap<RunId, usize> =
        entries.iter().enumerate().map(|(place, entry)| (entry.row.id.clone(), place)).collect();
    // A rerun is younger than its origin, so it stands before it and this is no circle.
    let parent = |place: usize| {
        let origin = entries[place].row.origin.as_ref()?;
        places.get(origin).copied().filter(|origin| *origin > place)
    };
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); entries.len()];
    let mut newest: Vec<usize> = (0..entries.len()).collect();
    let mut roots = Vec::new();
    for place in 0..entries.len() {
        match parent(place) {
            Some(origin) => {
                children[origin].push(place);
                newest[origin] = newest[origin].min(newest[place]);
            }
            None => roots.push(place),
        }
    }
    roots.sort_by_key(|root| newest[*root]);
    let mut order: Vec<(usize, usize)> = Vec::with_capacity(entries.len());
    let mut left: Vec<(usize, usize)> = roots.into_iter().rev().map(|root| (root, 0)).collect();
    while let Some((place, depth)) = left.pop() {
        order.push((place, depth));
        // Oldest first, as they came about.
        left.extend(children[place].iter().map(|child| (*child, depth + 1)));
    }
    let mut entries: Vec<Option<ListedRun>> = entries.into_iter().map(Some).collect();
    let take = |(place, depth): (usize, usize)| {
        let entry: ListedRun = entries[place].take()?;
        Some(ListedRun { depth, ..entry })
    };
    order.into_iter().filter_map(take).collect()
}

fn table(context: &Context, entries: &[ListedRun], shows_project: bool) -> String {
    let mut table = Table::default().column("run", Align::Left).column("when", Align::Left);
    table = table.column("took", Align::Right).elastic("result");
    if shows_project {
        table = table.elastic("project");
    }
    table = table.elastic("command");
    for ListedRun { row, short, depth } in entries {
        let branch = match depth {
            0 => String::new(),
            depth => format!("{}└", " ".repeat(*depth)),
        };
        let mut cells = vec![
            Cell::new(format!("{branch}{short}")),
            Cell::new(when(row.started_us, context)),
            Cell::new(took(row, context)),
            Cell::styled(result(row), result_style(&row.standing)),
        ];
        if shows_project {
            cells.push(Cell::new(folder_of(&row.ottofile)));
        }
        cells.push(Cell::new(command_line(&row.command)));
        table.row(cells);
    }
    let width = context.stdout_is_terminal.then_some(context.width);
    table.render(Paint { is_on: context.colours_stdout }, width)
}

pub(super) fn when(started_us: i64, context: &Context) -> String {
    match jiff::Timestamp::from_microsecond(started_us) {
        Ok(started) => time::relative(started, context.now, &context.zone),
        // Only a damaged record says so.
        Err(_) => "?".to_owned(),
    }
}

fn took(row: &RunRow, context: &Context) -> String {
    match (&row.standing, row.took_us) {
        (_, Some(took)) => time::duration(took),
        (Standing::Running, None) => {
            let passed = context.now.as_microsecond().saturating_sub(row.started_us);
            time::whole_seconds(u64::try_from(passed).unwrap_or(0))
        }
        (Standing::Ended(_) | Standing::Crashed, None) => "—".to_owned(),
    }
}

/// `FAIL  3 ok, 1 failed`
fn result(row: &RunRow) -> String {
    // The whole cell has the colour of the result.
    let plain = Paint { is_on: false };
    let counts = match &row.standing {
        Standing::Crashed => "ended without a result".to_owned(),
        Standing::Running => {
            let left = row.counts.unsettled;
            let done = counts(&Counts { unsettled: 0, ..row.counts }, plain);
            let left = (left > 0).then(|| format!("{left} to go"));
            let parts: Vec<String> =
                Some(done).filter(|done| !done.is_empty()).into_iter().chain(left).collect();
            parts.join(", ")
        }
        Standing::Ended(_) => counts(&row.counts, plain),
    };
    format!("{:<4}  {counts}", row.standing.word()).trim_end().to_owned()
}

pub(super) fn result_style(standing: &Standing) -> Style {
    match standing {
        Standing::Ended(RunResult::Succeeded) => style::OK,
        Standing::Ended(RunResult::Failed { .. }) => style::BAD,
        Standing::Ended(RunResult::Interrupted { .. }) | Standing::Crashed => style::ODD,
        Standing::Running => Style::new(),
    }
}

/// The folder of an ottofile, as people tell projects apart.
fn folder_of(ottofile: &str) -> String {
    let folder = std::path::Path::new(ottofile).parent().and_then(std::path::Path::file_name);
    folder.map_or_else(|| "?".to_owned(), |name| name.to_string_lossy().into_owned())
}

pub(super) fn command_line(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    [vec!["otto".to_owned()], words].concat().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use crate::event::{Exit, Outcome, RunResult};
    use crate::history::fixture::Run;
    use insta::assert_snapshot;

    /// A good run, one that crashed, one that failed, a rerun of it that was interrupted, and one that still runs.
    fn shop() -> (Stage, Run) {
        let stage = Stage::new();
        let sandbox = &stage.sandbox;
        let crashed = sandbox.begin("2026-11-20T15:58:00Z", "1b0d00", "ci");
        drop(crashed);
        let mut good = sandbox.begin("2026-11-23T08:14:00Z", "7f3k00", "ci --env 'two");
        good.plan(&[("fetch", &[]), ("build", &["fetch"])]);
        good.ok("fetch", 1200, &[]);
        good.ok("build", 13_400, &["version"]);
        good.end(RunResult::Succeeded);
        let mut failed = sandbox.begin("2026-11-23T11:58:00Z", "9c2m00", "ci");
        failed.plan(&[("build", &[]), ("test", &["build"]), ("pack", &["test"])]);
        failed.ok("build", 100, &["version"]);
        failed.fail("test", 14_000, 3);
        failed.skip("pack", "test");
        let origin = failed.end(RunResult::Failed { status: 3 });
        let mut rerun = sandbox.begin_with("2026-11-23T11:59:00Z", "4x1q00", "Rerun 9c2m", |record| {
            record.origin = Some(origin.clone());
        });
        rerun.plan(&[("test", &[]), ("pack", &["test"])]);
        rerun.attempt("test", 13_400, Exit::Signal(2));
        rerun.settle("test", Outcome::Interrupted { exit: Exit::Signal(2), survivors: 0 }, &[]);
        rerun.settle("pack", Outcome::Cancelled, &[]);
        rerun.end(RunResult::Interrupted { signal: 2 });
        let mut running = sandbox.begin("2026-11-23T11:59:51Z", "zzzz00", "deploy");
        running.plan(&[("build", &[]), ("deploy", &["build"])]);
        running.ok("build", 100, &[]);
        (stage, running)
    }

    /// Sizes depend on the machine's paths.
    fn without_sizes(text: &str) -> String {
        let is_size = |part: &str| part.ends_with(" B") || part.ends_with(" kB");
        let line =
            |line: &str| line.split(" · ").filter(|part| !is_size(part)).collect::<Vec<_>>().join(" · ");
        text.lines().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn history_shows_runs_newest_first_with_reruns_below_their_origin() {
        let (stage, _running) = shop();
        assert_snapshot!(without_sizes(&stage.otto("History")), @r#"
        run     when          took  result                              command
        zzzz    9 s ago         9s  run   1 ok, 1 to go                 otto deploy
        9c2m    2 min ago    14.1s  FAIL  1 ok, 1 failed, 1 skipped     otto ci
         └4x1q  1 min ago    13.4s  INT   1 interrupted, 1 not started  otto Rerun 9c2m
        7f3k    today 09:14  14.6s  ok    2 ok                          otto ci --env ''\''two'
        1b0d    Fri 16:58        —  ?     ended without a result        otto ci
        --- stderr
        5 of 5 runs · otto Show zzzz · otto History --task TASK --failed --json
        "#);
        assert_snapshot!(without_sizes(&stage.otto("History --limit 2")), @"
        run   when        took  result                              command
        zzzz  9 s ago       9s  run   1 ok, 1 to go                 otto deploy
        4x1q  1 min ago  13.4s  INT   1 interrupted, 1 not started  otto Rerun 9c2m
        --- stderr
        2 of 5 runs · otto Show zzzz · otto History --task TASK --failed --json
        ");
    }

    #[test]
    fn a_narrow_terminal_cuts_what_is_long_and_keeps_the_names_of_runs() {
        let (mut stage, _running) = shop();
        stage.is_terminal = true;
        stage.width = 50;
        let shown = stage.otto("History");
        let table = shown.split("--- stderr").next().expect("a table");
        assert!(table.lines().all(|line| line.chars().count() <= 50), "{table}");
        assert_snapshot!(table, @"
        run     when          took  result      command
        zzzz    9 s ago         9s  run   1 o…  otto depl…
        9c2m    2 min ago    14.1s  FAIL  1 o…  otto ci
         └4x1q  1 min ago    13.4s  INT   1 i…  otto Reru…
        7f3k    today 09:14  14.6s  ok    2 ok  otto ci -…
        1b0d    Fri 16:58        —  ?     end…  otto ci
        ");
    }

    #[test]
    fn history_can_be_narrowed() {
        let (stage, _running) = shop();
        assert_snapshot!(without_sizes(&stage.otto("History --failed")), @"
        run     when        took  result                              command
        9c2m    2 min ago  14.1s  FAIL  1 ok, 1 failed, 1 skipped     otto ci
         └4x1q  1 min ago  13.4s  INT   1 interrupted, 1 not started  otto Rerun 9c2m
        1b0d    Fri 16:58      —  ?     ended without a result        otto ci
        --- stderr
        3 of 5 runs · otto Show 9c2m · otto History --task TASK --failed --json
        ");
        assert_snapshot!(without_sizes(&stage.otto("History build")), @r#"
        run   when          took  result                           command
        9c2m  2 min ago    14.1s  FAIL  1 ok, 1 failed, 1 skipped  otto ci
        7f3k  today 09:14  14.6s  ok    2 ok                       otto ci --env ''\''two'
        --- stderr
        2 of 5 runs · otto Show 9c2m · otto History --task TASK --failed --json
        "#);
        assert_snapshot!(without_sizes(&stage.otto("History --task test --failed")), @"
        run     when        took  result                              command
        9c2m    2 min ago  14.1s  FAIL  1 ok, 1 failed, 1 skipped     otto ci
         └4x1q  1 min ago  13.4s  INT   1 interrupted, 1 not started  otto Rerun 9c2m
        --- stderr
        2 of 5 runs · otto Show 9c2m · otto History --task TASK --failed --json
        ");
        assert_snapshot!(without_sizes(&stage.otto("History --status running,ok")), @r#"
        run   when          took  result               command
        zzzz  9 s ago         9s  run   1 ok, 1 to go  otto deploy
        7f3k  today 09:14  14.6s  ok    2 ok           otto ci --env ''\''two'
        --- stderr
        2 of 5 runs · otto Show zzzz · otto History --task TASK --failed --json
        "#);
        assert_snapshot!(without_sizes(&stage.otto("History nope")), @"
        --- stderr
        no matching runs
        ");
    }

    #[test]
    fn an_empty_history_is_no_error_and_leaves_nothing_behind() {
        let mut stage = Stage::new();
        assert_snapshot!(stage.otto("History"), @"
        --- stderr
        no runs yet · `otto TASK` runs a task
        ");
        std::fs::remove_dir_all(&stage.sandbox.home.root).expect("ours");
        assert_snapshot!(stage.otto("History"), @"
        --- stderr
        no runs yet · `otto TASK` runs a task
        ");
        stage.is_json = true;
        assert_snapshot!(stage.otto("History"), @"[]");
        assert!(!stage.sandbox.home.root.exists());
    }

    #[test]
    fn without_an_ottofile_the_runs_of_all_projects_are_listed() {
        let (stage, _running) = shop();
        std::fs::remove_file(stage.sandbox.folder().join("otto.yml")).expect("ours");
        assert_snapshot!(without_sizes(&stage.otto("History --limit 2")), @"
        run   when        took  result                              project  command
        zzzz  9 s ago       9s  run   1 ok, 1 to go                 shop     otto deploy
        4x1q  1 min ago  13.4s  INT   1 interrupted, 1 not started  shop     otto Rerun 9c2m
        --- stderr
        2 of 5 runs · otto Show zzzz · otto History --task TASK --failed --json
        ");
        assert!(stage.otto("History --limit 0 --all-projects").contains("1b0d"));
    }

    #[test]
    fn history_as_json_has_stable_fields() {
        let (mut stage, _running) = shop();
        stage.is_json = true;
        let text = stage.otto("History --status failed");
        let text: Vec<&str> = text.lines().filter(|line| !line.contains("\"bytes\"")).collect();
        assert_snapshot!(text.join("\n"), @r#"
        [
          {
            "id": "20261123-115800.000000-9c2m00",
            "short": "9c2m",
            "started": "2026-11-23T12:58:00.000+01:00",
            "took_ms": 14100,
            "result": "failed",
            "status": 3,
            "signal": null,
            "tasks": {
              "ok": 1,
              "fresh": 0,
              "failed": 1,
              "skipped": 1,
              "interrupted": 0,
              "not_started": 0,
              "unsettled": 0
            },
            "command": [
              "ci"
            ],
            "ottofile": "/sandbox/shop/otto.yml",
            "origin": null,
          }
        ]
        "#);
        let all: serde_json::Value = serde_json::from_str(&stage.otto("History")).expect("JSON");
        assert_eq!(all.as_array().map(Vec::len), Some(5));
        assert_eq!(all[0]["result"], "running");
    }

    #[test]
    fn short_names_are_as_long_as_they_must_be() {
        let stage = Stage::new();
        stage.sandbox.good("2026-11-23T08:00:00Z", "abcd00", &["a"]);
        stage.sandbox.good("2026-11-23T09:00:00Z", "abcd10", &["a"]);
        let _running = stage.sandbox.begin("2026-11-23T10:00:00Z", "abcd1z", "a");
        stage.sandbox.good("2026-11-23T11:00:00Z", "f00d10", &["a"]);
        let text = stage.otto("History");
        let names: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(names[..4], ["f00d", "abcd1z", "abcd10", "abcd0"]);
    }

    #[test]
    fn a_run_whose_folder_somebody_deleted_is_no_longer_listed() {
        let (stage, running) = shop();
        stage.otto("History");
        let folder = stage.sandbox.project.path.clone();
        for entry in std::fs::read_dir(folder).expect("there") {
            let entry = entry.expect("read");
            if entry.file_name().to_string_lossy().contains("9c2m") {
                std::fs::remove_dir_all(entry.path()).expect("ours");
            }
        }
        assert!(!stage.otto("History").contains("9c2m  "));
        std::fs::remove_dir_all(&running.dir.path).expect("ours");
        assert!(!stage.otto("History").contains("zzzz"));
    }

    #[test]
    fn a_run_that_a_newer_otto_recorded_is_not_passed_over_in_silence() {
        let (stage, running) = shop();
        std::fs::write(running.dir.journal(), r#"{"event":{"run_started":{"format":7}}}"#).expect("ours");
        let text = stage.otto("History --limit 1");
        assert!(
            text.contains(
                "warning: run zzzz is not listed: its journal has format 7, but this otto reads only up to 2\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn names_and_words_of_others_cannot_speak_to_the_terminal() {
        let stage = Stage::new();
        stage.sandbox.good("2026-11-23T08:00:00Z", "abcd00", &["a\x1b[2Jb", "\u{202e}c"]);
        let text = stage.otto("History");
        assert!(
            text.contains(r"a\x1b[2Jb") && !text.contains('\x1b') && !text.contains('\u{202e}'),
            "{text}"
        );
    }
}

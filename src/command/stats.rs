//! `otto Stats`: how often tasks ran, how that ended, how long it took, and whether that changes.

use super::Context;
use super::describe;
use super::history::index;
use super::pick::Records;
use crate::diagnostic::{Code, Diagnostic};
use crate::history::find::{self, Selector};
use crate::history::index::{project_name, reason};
use crate::history::past::PastRun;
use crate::history::query;
use crate::history::row::{JobRow, RunFilter};
use crate::name::similar;
use crate::view::filter::shown;
use crate::view::style::Paint;
use crate::view::table::{Align, Cell, Table};
use crate::view::time;
use crate::view::wording::slowest;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde::Serialize;
use std::collections::HashMap;

/// How many of the latest durations are held against those before.
const RECENT: usize = 10;
/// With fewer before, nothing is said of a trend.
const LEAST_BEFORE: usize = 5;

pub(super) fn command() -> Command {
    Command::new("Stats")
        .arg(Arg::new("task").value_name("TASK").help("only this task; for a foreach task, each of its jobs"))
        .arg(
            Arg::new("all-projects")
                .long("all-projects")
                .action(ArgAction::SetTrue)
                .help("include all projects; tasks with the same name are counted together"),
        )
        .after_help("`otto Stats --json` prints a list of objects; times are in milliseconds.")
}

/// What is known of a task over all runs. In JSON, times are in milliseconds.
#[derive(Debug, Default, PartialEq, Serialize)]
struct TaskStats {
    task: String,
    /// How often it was started.
    runs: usize,
    succeeded: usize,
    failed: usize,
    interrupted: usize,
    /// Runs that ended without a result while it ran.
    unsettled: usize,
    /// Not started: nothing had changed, a dependency failed, the run was stopped.
    fresh: usize,
    skipped: usize,
    cancelled: usize,
    /// Succeeded, of those that succeeded or failed; null without any.
    success_rate: Option<f64>,
    /// Durations of successful jobs.
    median_ms: Option<u64>,
    p95_ms: Option<u64>,
    /// How much longer (or, negative, shorter) the median of the last 10 successes is than that of those before, in percent; null
    /// where there are too few.
    trend_percent: Option<i64>,
    #[serde(skip)]
    took_us: Vec<u64>,
}

impl TaskStats {
    fn add(&mut self, row: &JobRow) {
        let is_started =
            row.took_us.is_some() || matches!(row.outcome.as_str(), "succeeded" | "failed" | "interrupted");
        self.runs += usize::from(is_started);
        match row.outcome.as_str() {
            "succeeded" => {
                self.succeeded += 1;
                self.took_us.extend(row.took_us);
            }
            "failed" => self.failed += 1,
            "interrupted" => self.interrupted += 1,
            "fresh" => self.fresh += 1,
            "skipped" => self.skipped += 1,
            "cancelled" => self.cancelled += 1,
            _ => self.unsettled += 1,
        }
    }

    fn finish(&mut self) {
        let judged = self.succeeded + self.failed;
        self.success_rate = (judged > 0).then(|| self.succeeded as f64 / judged as f64);
        self.median_ms = percentile(&self.took_us, 50).map(|us| us / 1000);
        self.p95_ms = percentile(&self.took_us, 95).map(|us| us / 1000);
        let (before, recent) = self.took_us.split_at(self.took_us.len().saturating_sub(RECENT));
        if before.len() >= LEAST_BEFORE
            && let (Some(before), Some(recent)) = (percentile(before, 50), percentile(recent, 50))
            && before > 0
        {
            self.trend_percent = Some(((recent as f64 / before as f64 - 1.0) * 100.0).round() as i64);
        }
    }
}

/// The smallest of the durations that at least `percent` of them do not exceed.
fn percentile(took_us: &[u64], percent: usize) -> Option<u64> {
    let mut sorted = took_us.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

pub(super) fn run(context: &mut Context, matches: &ArgMatches) -> i32 {
    match answer(context, matches) {
        Ok(()) => 0,
        Err(code) => code,
    }
}

fn answer(context: &mut Context, matches: &ArgMatches) -> Result<(), i32> {
    let records = Records::open(context)?;
    let is_everywhere = matches.get_flag("all-projects") || records.folder.is_none();
    let projects = records.projects(is_everywhere);
    let task = matches.get_one::<String>("task").cloned();
    let project = if is_everywhere { None } else { projects.first().map(project_name) };
    let filter = RunFilter { project, task: task.clone(), ..RunFilter::default() };
    let Some(mut index) = index(context, &records) else {
        return nothing(context, task.as_deref(), &[]);
    };
    let asked = index.ask(&projects, |db| {
        let mut stats = Gathered::default();
        query::jobs(db, &filter, |row| stats.add(&row, task.is_some()))?;
        Ok(stats.finish())
    });
    if let Some(warning) = index.take_warning() {
        // If stderr is closed, there is nobody to tell.
        let _ = writeln!(context.stderr, "warning: {}", shown(&warning));
    }
    let stats = match asked {
        Ok(stats) => stats,
        Err(error) => {
            let message = format!("cannot read the index of runs: {}", shown(&reason(&error)));
            return Err(context.fail(Code::UnreadableRun, message, 75));
        }
    };
    if stats.is_empty() {
        let whole = RunFilter { task: None, ..filter };
        let mut names = Vec::new();
        let known = index.ask(&[], |db| {
            let mut stats = Gathered::default();
            query::jobs(db, &whole, |row| stats.add(&row, false))?;
            Ok(stats.finish())
        });
        names.extend(known.unwrap_or_default().into_iter().map(|stats| stats.task));
        return nothing(context, task.as_deref(), &names);
    }
    if context.is_json {
        context.print(&describe::text(&stats));
        return Ok(());
    }
    let text = table(context, &stats);
    context.print(&text);
    if let Ok(latest) = find::find(&Selector::Latest, &projects, Vec::new)
        && task.is_none()
        && let Ok(run) = PastRun::read(latest.project.run(&latest.id), latest.id.clone())
    {
        let chain = slowest(&run.state);
        if !chain.is_empty() {
            let _ = writeln!(context.stderr, "latest run {}{chain}", latest.short);
        }
    }
    Ok(())
}

fn nothing(context: &mut Context, task: Option<&str>, known: &[String]) -> Result<(), i32> {
    match task {
        Some(task) if !known.is_empty() => {
            let unknown = Diagnostic::error(Code::NotInRun, format!("no run has a task `{task}`"));
            let near = similar(task, known.iter().map(String::as_str), 3);
            let unknown = match near[..] {
                [] => {
                    let named: Vec<String> = known.iter().take(10).map(|name| format!("`{name}`")).collect();
                    let more = if known.len() > 10 { ", …" } else { "" };
                    unknown.note(format!("tasks that ran: {}{more}", named.join(", ")))
                }
                _ => unknown.did_you_mean(&near),
            };
            Err(context.refuse(&[unknown]))
        }
        Some(_) | None => {
            if context.is_json {
                context.print("[]\n");
            } else {
                // If stderr is closed, there is nobody to tell.
                let _ = writeln!(context.stderr, "no runs yet · `otto TASK` runs a task");
            }
            Ok(())
        }
    }
}

/// Tasks in the order in which they first ran.
#[derive(Debug, Default)]
struct Gathered {
    tasks: Vec<TaskStats>,
    places: HashMap<String, usize>,
}

impl Gathered {
    fn add(&mut self, row: &JobRow, by_job: bool) {
        let name = if by_job { &row.name } else { &row.task };
        let place = match self.places.get(name) {
            Some(place) => *place,
            None => {
                self.tasks.push(TaskStats { task: name.clone(), ..TaskStats::default() });
                self.places.insert(name.clone(), self.tasks.len() - 1);
                self.tasks.len() - 1
            }
        };
        self.tasks[place].add(row);
    }

    fn finish(mut self) -> Vec<TaskStats> {
        self.tasks.iter_mut().for_each(TaskStats::finish);
        self.tasks
    }
}

fn table(context: &Context, stats: &[TaskStats]) -> String {
    let mut table = Table::default()
        .elastic("task")
        .column("runs", Align::Right)
        .column("ok", Align::Right)
        .column("median", Align::Right)
        .column("p95", Align::Right)
        .column("trend", Align::Right)
        .elastic("beside");
    for task in stats {
        let time = |ms: Option<u64>| ms.map_or_else(|| "—".to_owned(), |ms| time::duration(ms * 1000));
        let beside = [
            (task.failed, "failed"),
            (task.interrupted, "interrupted"),
            (task.unsettled, "without a result"),
            (task.fresh, "fresh"),
            (task.skipped, "skipped"),
            (task.cancelled, "not started"),
        ];
        let beside: Vec<String> = beside
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        table.row([
            Cell::new(task.task.clone()),
            Cell::new(task.runs.to_string()),
            Cell::new(
                task.success_rate.map_or_else(|| "—".to_owned(), |rate| format!("{:.0} %", rate * 100.0)),
            ),
            Cell::new(time(task.median_ms)),
            Cell::new(time(task.p95_ms)),
            Cell::new(task.trend_percent.map_or_else(String::new, |percent| format!("{percent:+} %"))),
            Cell::new(beside.join(", ")),
        ]);
    }
    let width = context.stdout_is_terminal.then_some(context.width);
    table.render(Paint { is_on: context.colours_stdout }, width)
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::*;
    use crate::event::RunResult;
    use insta::assert_snapshot;

    fn shop() -> Stage {
        let stage = Stage::new();
        for day in 1..=16 {
            let mut run =
                stage.sandbox.begin(&format!("2026-11-{day:02}T10:00:00Z"), &format!("{day:02}0000"), "ci");
            run.plan(&[("build", &[]), ("deploy:a", &["build"]), ("deploy:b", &["build"])]);
            run.ok("build", if day > 6 { 2000 } else { 1000 + day }, &[]);
            if day % 4 == 0 {
                run.fail("deploy:a", 100, 1);
                run.skip("deploy:b", "deploy:a");
                run.end(RunResult::Failed { status: 1 });
            } else {
                run.ok("deploy:a", 300, &[]);
                run.ok("deploy:b", 500, &[]);
                run.end(RunResult::Succeeded);
            }
        }
        stage
    }

    #[test]
    fn stats_count_tasks_and_say_how_long_they_take() {
        let stage = shop();
        assert_snapshot!(stage.otto("Stats"), @"
        task    runs     ok  median   p95  trend  beside
        build     16  100 %    2.0s  2.0s  +99 %
        deploy    28   86 %    0.3s  0.5s   +0 %  4 failed, 4 skipped
        --- stderr
        latest run 1600 · slowest chain build → deploy:a 2.1s
        ");
        assert_snapshot!(stage.otto("Stats deploy"), @"
        task      runs     ok  median   p95  trend  beside
        deploy:a    16   75 %    0.3s  0.3s         4 failed
        deploy:b    12  100 %    0.5s  0.5s         4 skipped
        ");
        assert_snapshot!(stage.otto("Stats deplay"), @"
        --- stderr
        error[E0803]: no run has a task `deplay`
        help: did you mean `deploy`?
        otto: 1 error. For details: `otto Explain E0803`
        --- exit 2
        ");
        assert_snapshot!(stage.otto("Stats zzz"), @"
        --- stderr
        error[E0803]: no run has a task `zzz`
          = note: tasks that ran: `build`, `deploy`
        otto: 1 error. For details: `otto Explain E0803`
        --- exit 2
        ");
        assert_snapshot!(Stage::new().otto("Stats"), @"
        --- stderr
        no runs yet · `otto TASK` runs a task
        ");
        assert_snapshot!(Stage::new().otto("Stats deploy"), @"
        --- stderr
        no runs yet · `otto TASK` runs a task
        ");
    }

    #[test]
    fn stats_as_json_have_stable_fields() {
        let mut stage = shop();
        stage.is_json = true;
        assert_snapshot!(stage.otto("Stats deploy:a"), @r#"
        [
          {
            "task": "deploy:a",
            "runs": 16,
            "succeeded": 12,
            "failed": 4,
            "interrupted": 0,
            "unsettled": 0,
            "fresh": 0,
            "skipped": 0,
            "cancelled": 0,
            "success_rate": 0.75,
            "median_ms": 300,
            "p95_ms": 300,
            "trend_percent": null
          }
        ]
        "#);
        assert_eq!(Stage { is_json: true, ..Stage::new() }.otto("Stats"), "[]\n");
    }

    #[test]
    fn percentiles_are_durations_that_there_were() {
        assert_eq!(percentile(&[], 50), None);
        assert_eq!(percentile(&[7], 50), Some(7));
        assert_eq!(percentile(&[3, 1, 2, 4], 50), Some(2));
        let hundred: Vec<u64> = (1..=100).rev().collect();
        assert_eq!((percentile(&hundred, 50), percentile(&hundred, 95)), (Some(50), Some(95)));
    }
}

//! `otto Clean`: removes the runs that nobody needs, by the ottofile's retention or the rules given.

use super::Context;
use super::describe;
use super::history::{index, when};
use super::pick::Records;
use crate::diagnostic::{Code, Diagnostic};
use crate::history::past::disk_bytes;
use crate::history::past::{self, PastRun};
use crate::history::record::{Keeping, RunRecord};
use crate::history::retention::{self, Judgement, Reason};
use crate::host::plain;
use crate::name::RunId;
use crate::ottofile::spec::Retention;
use crate::store::layout::ProjectDir;
use crate::store::prune::Removal;
use crate::view::filter::shown;
use crate::view::style::Paint;
use crate::view::table::{Align, Cell, Table};
use crate::view::time;
use crate::view::wording::counted;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde::Serialize;

pub(super) fn command() -> Command {
    let number = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("N").value_parser(value_parser!(u32)).help(help)
    };
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    Command::new("Clean")
        .arg(number("keep-days", "keep runs of the last N days"))
        .arg(number("keep-last", "keep the N newest runs of a project"))
        .arg(number("keep-failed", "keep failed runs of the last N days"))
        .arg(flag("all-projects").help("include all projects"))
        .arg(flag("dry-run").short('n').help("show what would be removed, without removing it"))
        .after_help(
            "Options that are not given default to `otto.retention` in the ottofile. A run is removed if none of the three\n\
             rules keeps it, it is not running, and no kept run needs its data.\n\
             `otto Clean --keep-days 0 --keep-last 5 --keep-failed 0` keeps only the last five runs. `--json` lists the\n\
             removed runs as objects.",
        )
}

/// What became of a project's runs.
struct Cleaned {
    verdict: Judgement,
    removed: Vec<Removed>,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct Removed {
    id: String,
    /// The folder of the ottofile, where it is known.
    project: Option<String>,
    bytes: u64,
    #[serde(skip)]
    run: RunId,
    #[serde(skip)]
    started_us: i64,
    #[serde(skip)]
    word: &'static str,
}

pub(super) fn run(context: &mut Context, matches: &ArgMatches) -> i32 {
    let records = match Records::open(context) {
        Ok(records) => records,
        Err(code) => return code,
    };
    let is_everywhere = matches.get_flag("all-projects") || records.folder.is_none();
    let is_dry = matches.get_flag("dry-run");
    // The rules of the ottofile at hand are those of today; what another project wants is known from its last run.
    let own = match (&records.folder, &records.home) {
        (Some(folder), Some(home)) => match context.load() {
            Ok(loaded) => Some((home.project(folder), Keeping::from(&loaded.ottofile.settings.retention))),
            Err(diagnostics) => return context.refuse(&diagnostics),
        },
        _ => None,
    };
    let mut all = Vec::new();
    for project in records.projects(is_everywhere) {
        let keeping = match &own {
            Some((own, keeping)) if *own == project => *keeping,
            Some(_) | None => recorded_keeping(&project),
        };
        all.push(clean(&project, given(matches, keeping), context.now, is_dry));
    }
    let removed: Vec<&Removed> = all.iter().flat_map(|one| &one.removed).collect();
    // Without an index there is nothing to correct: it lists no run whose folder is gone.
    if !is_dry
        && !removed.is_empty()
        && let Some(mut index) = index(context, &records)
    {
        let gone: Vec<RunId> = removed.iter().map(|one| one.run.clone()).collect();
        let _ = index.forget(&gone);
    }
    for problem in all.iter().flat_map(|one| &one.problems) {
        context.show(&[Diagnostic::error(Code::NoRecords, shown(problem))]);
    }
    if context.is_json {
        let text = describe::text(&removed);
        context.print(&text);
    } else {
        let text = table(context, &removed, is_dry);
        context.print(&text);
        let _ = writeln!(context.stderr, "{}", summary(&all, is_dry));
    }
    if all.iter().any(|one| !one.problems.is_empty()) { 75 } else { 0 }
}

fn given(matches: &ArgMatches, keeping: Keeping) -> Keeping {
    let number = |name: &str, otherwise: u32| matches.get_one::<u32>(name).copied().unwrap_or(otherwise);
    Keeping {
        keep_days: number("keep-days", keeping.keep_days),
        keep_last: number("keep-last", keeping.keep_last),
        keep_failed_days: number("keep-failed", keeping.keep_failed_days),
    }
}

fn recorded_keeping(project: &ProjectDir) -> Keeping {
    let runs = crate::history::past::list(project);
    let record = |id: &RunId| {
        let json = crate::store::regular::read(&project.run(id).record()).ok()?;
        RunRecord::parse(&json).ok()?.retention
    };
    runs.iter().rev().find_map(record).unwrap_or_else(|| Keeping::from(&Retention::default()))
}

fn clean(project: &ProjectDir, keeping: Keeping, now: jiff::Timestamp, is_dry: bool) -> Cleaned {
    let now_us = now.as_microsecond();
    let verdict = retention::judge_project(project, keeping, now_us);
    let (mut removed, mut problems) = (Vec::new(), Vec::new());
    for id in verdict.doomed().rev() {
        let dir = project.run(id);
        // Asked before it is gone.
        let bytes = disk_bytes(&dir);
        let word = past::standing(&dir).word();
        let read = PastRun::read(dir.clone(), id.clone());
        let folder = read.ok().and_then(|run| Some(run.record.ok()?.folder().display().to_string()));
        let outcome = if is_dry { Ok(retention::look(project, id)) } else { retention::remove(project, id) };
        match outcome {
            Ok(Removal::Removed) => removed.push(Removed {
                id: id.to_string(),
                project: folder,
                bytes,
                run: id.clone(),
                started_us: past::began_us(id),
                word,
            }),
            // Begun, or removed by another otto, since it was judged.
            Ok(Removal::Gone | Removal::Locked) => {}
            Ok(Removal::NotARun) => {
                problems.push(format!("`{}` was not created by otto; not removed", dir.path.display()));
            }
            Err(error) => problems.push(format!("cannot remove `{}`: {}", dir.path.display(), plain(&error))),
        }
    }
    if !is_dry {
        retention::sweep(project, now);
    }
    Cleaned { verdict, removed, problems }
}

fn table(context: &Context, removed: &[&Removed], is_dry: bool) -> String {
    if removed.is_empty() {
        return String::new();
    }
    let title = if is_dry { "would be removed" } else { "removed" };
    let mut table = Table::default()
        .column(title, Align::Left)
        .column("when", Align::Left)
        .column("result", Align::Left)
        .column("size", Align::Right);
    for one in removed {
        table.row([
            Cell::new(one.run.tail()),
            Cell::new(when(one.started_us, context)),
            Cell::new(one.word),
            Cell::new(time::size(one.bytes)),
        ]);
    }
    let width = context.stdout_is_terminal.then_some(context.width);
    table.render(Paint { is_on: context.colours_stdout }, width)
}

/// `removed 12 runs, 29 MB · kept 30: 10 the last, 20 young`
fn summary(all: &[Cleaned], is_dry: bool) -> String {
    let removed: usize = all.iter().map(|one| one.removed.len()).sum();
    let bytes = all.iter().flat_map(|one| &one.removed).map(|one| one.bytes).sum();
    let reasons = [
        (Reason::Last, "newest"),
        (Reason::Young, "young"),
        (Reason::Failed, "failed"),
        (Reason::Running, "running"),
        (Reason::Needed, "needed by other runs"),
        (Reason::Newer, "from a newer otto"),
    ];
    let kept = |reason| all.iter().map(|one| one.verdict.kept(reason)).sum::<usize>();
    let parts: Vec<String> = reasons
        .into_iter()
        .map(|(reason, word)| (kept(reason), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let verb = if is_dry { "would remove" } else { "removed" };
    let first = match removed {
        0 => format!("{verb} nothing"),
        count => format!("{verb} {}, {}", counted(count, "run", "runs"), time::size(bytes)),
    };
    let total: usize = reasons.iter().map(|(reason, _)| kept(*reason)).sum();
    if total == 0 { first } else { format!("{first} · keeping {total}: {}", parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::super::stage::Stage;
    use super::*;
    use crate::event::RunResult;
    use insta::assert_snapshot;

    /// An old run, one that a newer one needs, an old failure, a young run, one that runs.
    fn shop() -> (Stage, crate::history::fixture::Run) {
        let stage = Stage::new();
        let sandbox = &stage.sandbox;
        sandbox.good("2026-01-01T10:00:00Z", "0d0000", &["build"]);
        let needed = sandbox.good("2026-01-02T10:00:00Z", "need00", &["build"]);
        let mut failed = sandbox.begin("2026-10-10T10:00:00Z", "fa1000", "build");
        failed.plan(&[("build", &[])]);
        failed.fail("build", 1, 1);
        failed.end(RunResult::Failed { status: 1 });
        let mut young = sandbox.begin("2026-11-22T10:00:00Z", "y00000", "Rerun need");
        young.plan(&[("test", &[])]);
        young.input("test", "own");
        let target = format!("../../../{needed}/tasks/build/output.build.json");
        std::os::unix::fs::symlink(target, young.dir.path.join("tasks/test/input.build.json")).expect("ours");
        young.ok("test", 1, &[]);
        young.end(RunResult::Succeeded);
        let running = sandbox.begin("2026-01-03T10:00:00Z", "r00000", "build");
        (stage, running)
    }

    #[test]
    fn clean_removes_what_no_rule_keeps() {
        let (stage, running) = shop();
        std::fs::write(
            stage.sandbox.folder().join("otto.yml"),
            "otto: {retention: {keep_last: 0}}\ntasks: {}\n",
        )
        .expect("ours");
        stage.otto("History");
        assert_snapshot!(stage.otto_without_sizes("Clean --dry-run"), @"
        would be removed  when  result  size
        0d0000  1 Jan 11:00  ok  SIZE
        --- stderr
        would remove 1 run, SIZE · keeping 4: 1 young, 1 failed, 1 running, 1 needed by other runs
        ");
        assert!(stage.otto("History").contains("0d00"));
        assert_snapshot!(stage.otto_without_sizes("Clean"), @"
        removed  when  result  size
        0d0000  1 Jan 11:00  ok  SIZE
        --- stderr
        removed 1 run, SIZE · keeping 4: 1 young, 1 failed, 1 running, 1 needed by other runs
        ");
        assert!(!stage.otto("History").contains("0d00"));
        assert_snapshot!(stage.otto_without_sizes("Clean"), @"
        --- stderr
        removed nothing · keeping 4: 1 young, 1 failed, 1 running, 1 needed by other runs
        ");
        drop(running);
        let left = crate::history::past::list(&stage.sandbox.project);
        assert_eq!(left.len(), 4);
    }

    #[test]
    fn rules_can_be_given() {
        let (stage, _running) = shop();
        assert_snapshot!(stage.otto_without_sizes("Clean --keep-days 0 --keep-last 1 --keep-failed 0"), @"
        removed  when  result  size
        0d0000  1 Jan 11:00  ok  SIZE
        fa1000  10 Oct 11:00  FAIL  SIZE
        --- stderr
        removed 2 runs, SIZE · keeping 3: 1 newest, 1 running, 1 needed by other runs
        ");
    }

    #[test]
    fn without_an_ottofile_each_project_is_cleaned_by_what_it_last_wanted() {
        let stage = Stage::new();
        let keeping = Keeping { keep_days: 0, keep_last: 1, keep_failed_days: 0 };
        for (at, tail) in [("2026-11-22T10:00:00Z", "aaaa00"), ("2026-11-23T10:00:00Z", "bbbb00")] {
            let mut run =
                stage.sandbox.begin_with(at, tail, "build", |record| record.retention = Some(keeping));
            run.plan(&[]);
            run.end(RunResult::Succeeded);
        }
        std::fs::remove_file(stage.sandbox.folder().join("otto.yml")).expect("ours");
        let mut stage = stage;
        stage.is_json = true;
        let json: serde_json::Value = serde_json::from_str(&stage.otto("Clean")).expect("JSON");
        assert_eq!(json.as_array().map(Vec::len), Some(1));
        assert_eq!(json[0]["id"], "20261122-100000.000000-aaaa00");
        assert!(json[0]["project"].as_str().is_some_and(|folder| folder.ends_with("/shop")));
    }

    #[test]
    fn what_is_not_ours_is_left_and_said() {
        let (stage, _running) = shop();
        let old = stage.sandbox.project.run(&crate::history::past::list(&stage.sandbox.project)[0]);
        std::fs::write(old.lock(), "").expect("ours");
        for words in ["Clean --dry-run", "Clean"] {
            let text = stage.otto(&format!("{words} --keep-days 0 --keep-last 0 --keep-failed 0"));
            assert!(text.contains("was not created by otto; not removed\n"), "{text}");
            assert!(
                text.ends_with("--- exit 75\n") && !text.contains("0d0000  ") && old.path.is_dir(),
                "{text}"
            );
        }
    }

    #[test]
    fn without_any_record_there_is_nothing_to_clean() {
        let stage = Stage::new();
        std::fs::remove_dir_all(&stage.sandbox.home.root).expect("ours");
        assert_snapshot!(stage.otto("Clean --dry-run"), @"
        --- stderr
        would remove nothing
        ");
        assert!(!stage.sandbox.home.root.exists());
    }
}

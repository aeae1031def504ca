//! Questions to the index. Each is one pass over rows; what the answers look like is for the commands.

use crate::event::RunResult;
use crate::history::index::{Result, damaged, run_id};
use crate::history::past::Standing;
use crate::history::row::{JobRow, RunFilter, RunRow};
use crate::name::RunId;
use crate::state::Counts;
use rusqlite::{Connection, Row, ToSql};

/// Newest first.
pub(crate) fn runs(db: &Connection, filter: &RunFilter) -> Result<Vec<RunRow>> {
    let (conditions, values) = conditions(filter);
    let limit = filter.limit.map_or(-1, |most| i64::try_from(most).unwrap_or(i64::MAX));
    let sql = format!(
        "SELECT project.dir, run.id, started_us, took_us, result, number, ok, leaking, fresh, failed, skipped,
             interrupted, not_started, unsettled, ottofile, command, origin, bytes, seal
         FROM run JOIN project ON project.key = run.project
         WHERE {conditions} ORDER BY run.id DESC LIMIT {limit}"
    );
    let values: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
    db.prepare(&sql)?.query_map(&values[..], run_row)?.collect()
}

/// Conditions over `run` and `project`, and the values of their `?`.
fn conditions(filter: &RunFilter) -> (String, Vec<&str>) {
    let mut conditions = vec!["1".to_owned()];
    let mut values: Vec<&str> = Vec::new();
    let marks = |count: usize| vec!["?"; count].join(", ");
    if let Some(project) = &filter.project {
        conditions.push("run.project = (SELECT key FROM project WHERE dir = ?)".to_owned());
        values.push(project);
    }
    let statuses = filter.statuses.iter().map(String::as_str);
    if let Some(task) = &filter.task {
        let outcomes = match filter.statuses.len() {
            0 => String::new(),
            count => format!(" AND job.outcome IN ({})", marks(count)),
        };
        conditions.push(format!(
            "EXISTS (SELECT 1 FROM job WHERE job.run = run.key AND (job.task = ? OR job.name = ?){outcomes})"
        ));
        values.extend([task.as_str(), task.as_str()]);
        values.extend(statuses);
    } else if !filter.statuses.is_empty() {
        conditions.push(format!("result IN ({})", marks(filter.statuses.len())));
        values.extend(statuses);
    }
    (conditions.join(" AND "), values)
}

fn run_row(row: &Row<'_>) -> Result<RunRow> {
    let number = |column: usize| -> Result<usize> {
        let number: i64 = row.get(column)?;
        usize::try_from(number).map_err(|_| damaged(column, format!("{number} is no count")))
    };
    let result: String = row.get(4)?;
    let status: Option<i32> = row.get(5)?;
    let standing = match (result.as_str(), status) {
        ("succeeded", None) => Standing::Ended(RunResult::Succeeded),
        ("failed", Some(status)) => Standing::Ended(RunResult::Failed { status }),
        ("interrupted", Some(signal)) => Standing::Ended(RunResult::Interrupted { signal }),
        ("crashed", None) => Standing::Crashed,
        _ => return Err(damaged(4, format!("`{result}` is no result"))),
    };
    let command: String = row.get(15)?;
    let origin: Option<String> = row.get(16)?;
    let run = RunRow {
        project: row.get(0)?,
        id: run_id(row, 1)?,
        started_us: row.get(2)?,
        took_us: row.get::<_, Option<i64>>(3)?.map(i64::unsigned_abs),
        standing,
        counts: Counts {
            ok: number(6)?,
            leaking: number(7)?,
            fresh: number(8)?,
            failed: number(9)?,
            skipped: number(10)?,
            interrupted: number(11)?,
            not_started: number(12)?,
            unsettled: number(13)?,
        },
        ottofile: row.get(14)?,
        command: serde_json::from_str(&command).map_err(|error| damaged(15, error.to_string()))?,
        origin: origin
            .map(|text| RunId::parse(&text).ok_or_else(|| damaged(16, format!("`{text}` is no run"))))
            .transpose()?,
        bytes: number(17)? as u64,
    };
    if run.seal() != row.get::<_, i64>(18)? {
        return Err(damaged(18, format!("its entry for run {} has changed unexpectedly", run.id)));
    }
    Ok(run)
}

/// Runs that were not over when they were last looked at, with their projects.
pub(crate) fn open_runs(db: &Connection, project: Option<&str>) -> Result<Vec<(String, RunId)>> {
    db.prepare(
        "SELECT project.dir, open_run.id FROM open_run JOIN project ON project.key = open_run.project
         WHERE ?1 IS NULL OR project.dir = ?1",
    )?
    .query_map([project], |row| Ok((row.get(0)?, run_id(row, 1)?)))?
    .collect()
}

/// How many runs that are over there are and how large they are together, in a project or in all.
pub(crate) fn totals(db: &Connection, project: Option<&str>) -> Result<(usize, u64)> {
    db.query_row(
        "SELECT coalesce(sum(run_count), 0), coalesce(sum(run_bytes), 0) FROM project WHERE ?1 IS NULL OR dir = ?1",
        [project],
        |row| {
            let (count, bytes): (i64, i64) = (row.get(0)?, row.get(1)?);
            Ok((count.unsigned_abs() as usize, bytes.unsigned_abs()))
        },
    )
}

/// The runs whose last part begins with `start`, in whatever project.
pub(crate) fn tails(db: &Connection, start: &str) -> Result<Vec<RunId>> {
    // A range, for which the index on `tail` serves; `LIKE` would not use it.
    let end = format!("{start}~");
    db.prepare_cached("SELECT id FROM run WHERE tail >= ?1 AND tail < ?2")?
        .query_map([start, &end], |row| run_id(row, 0))?
        .collect()
}

/// Calls `each` for all jobs with a body of the runs that are meant, oldest run first.
pub(crate) fn jobs(db: &Connection, filter: &RunFilter, mut each: impl FnMut(JobRow)) -> Result<()> {
    let mut conditions = vec!["job.has_body"];
    let mut values: Vec<&dyn ToSql> = Vec::new();
    if let Some(task) = &filter.task {
        conditions.push("(job.task = ? OR job.name = ?)");
        values.extend([task as &dyn ToSql, task]);
    }
    if let Some(project) = &filter.project {
        conditions.push("run.project = (SELECT key FROM project WHERE dir = ?)");
        values.push(project);
    }
    let sql = format!(
        "SELECT job.name, job.task, job.outcome, job.took_us FROM job JOIN run ON run.key = job.run
         WHERE {} ORDER BY run.id, job.place",
        conditions.join(" AND ")
    );
    let mut statement = db.prepare(&sql)?;
    let mut rows = statement.query(&values[..])?;
    while let Some(row) = rows.next()? {
        each(JobRow {
            name: row.get(0)?,
            task: row.get(1)?,
            outcome: row.get(2)?,
            took_us: row.get::<_, Option<i64>>(3)?.map(i64::unsigned_abs),
        });
    }
    Ok(())
}

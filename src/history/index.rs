//! The index: SQLite over all journals, so that `History` and `Stats` are fast. It is derived: on any doubt it is made
//! again from the run directories.
//!
//! A run writes nothing here. Each project has a ledger, to which a run adds its id when it begins, and the index knows how
//! much of it is accounted for: a question first brings in what was added since. Both are in one transaction, so an index
//! that lost its last writes merely repeats them. One otto at a time has the index, by a lock beside it.

use crate::event::RunResult;
use crate::history::journal::ReadError;
use crate::history::ledger::Ledger;
use crate::history::past::{PastRun, Standing, disk_bytes, list};
use crate::history::row::{RunRow, exit_words, outcome_word, skip_words};
use crate::host::plain;
use crate::name::RunId;
use crate::store::layout::{IndexFile, ProjectDir};
use crate::store::lock::{self, LockedFile, Tried};
use crate::store::regular;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, params};
use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const SCHEMA: &str = include_str!("schema.sql");

/// The version of the schema. An index of another version is made again.
const VERSION: i64 = 3;

/// `otto` in ASCII: marks a database as ours.
const APPLICATION: i32 = 0x6f74_746f;

/// How long to wait for another otto before doing without the file.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs in one transaction.
const BATCH: usize = 200;

pub(crate) type Result<T> = std::result::Result<T, rusqlite::Error>;

#[derive(Debug)]
pub(crate) struct Index {
    db: Connection,
    place: IndexPlace,
    /// The projects that were brought in: again, if the index has to be made again.
    projects: Vec<ProjectDir>,
    /// What the user should be told, once.
    warning: Option<String>,
}

#[derive(Debug)]
enum IndexPlace {
    /// The file, and the lock by which no other otto has it.
    File(IndexFile, LockedFile),
    Memory,
}

impl Index {
    /// Opens the index, or makes it. Never fails: where no file can be used, an index in memory serves for this once.
    pub(crate) fn open(file: IndexFile) -> Index {
        let opened = lock(&file).and_then(|held| match (held, open_database(&file)) {
            // SQLite would not have locks either, and what it holds can be made again.
            (None, _) => Ok(Index::new(memory(), IndexPlace::Memory, None)),
            (Some(held), Ok(db)) => Ok(Index::new(db, IndexPlace::File(file.clone(), held), None)),
            (Some(held), Err(unfit)) => Index::replace(&file, held, &unfit),
        });
        opened.unwrap_or_else(|reason| Index::in_memory(&file, &reason))
    }

    fn new(db: Connection, place: IndexPlace, warning: Option<String>) -> Index {
        Index { db, place, projects: Vec::new(), warning }
    }

    fn in_memory(file: &IndexFile, reason: &str) -> Index {
        let warning = format!("continuing without the index of runs `{}`: {reason}", file.path.display());
        Index::new(memory(), IndexPlace::Memory, Some(warning))
    }

    /// Deletes an index that cannot be used and makes it again.
    fn replace(file: &IndexFile, held: LockedFile, unfit: &Unfit) -> std::result::Result<Index, String> {
        if file.is_moved && !has_mark(&file.path) {
            return Err(format!("{unfit}; it was not created by otto, so it is left unchanged"));
        }
        for part in file.parts() {
            match std::fs::remove_file(&part) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(format!("cannot remove `{}`: {}", part.display(), plain(&error))),
            }
        }
        let db = open_database(file).map_err(|unfit| unfit.to_string())?;
        let warning = match unfit {
            Unfit::Older => None,
            Unfit::Broken(reason) => Some(format!(
                "cannot use the index of runs `{}` ({reason}); rebuilding it",
                file.path.display()
            )),
        };
        Ok(Index::new(db, IndexPlace::File(file.clone(), held), warning))
    }

    pub(crate) fn take_warning(&mut self) -> Option<String> {
        self.warning.take()
    }

    /// Brings in the runs of `projects` that are not accounted for, then asks. A database that turns out to be damaged is made
    /// again.
    pub(crate) fn ask<T>(
        &mut self,
        projects: &[ProjectDir],
        question: impl Fn(&Connection) -> Result<T>,
    ) -> Result<T> {
        let attempt = |index: &mut Index, projects: &[ProjectDir]| {
            for project in projects {
                index.catch_up(project)?;
            }
            question(&index.db)
        };
        let new = projects.iter().filter(|project| !self.projects.contains(project)).cloned();
        let all: Vec<ProjectDir> = self.projects.iter().cloned().chain(new).collect();
        let answer = match attempt(self, projects) {
            Err(error) if matches!(self.place, IndexPlace::File(..)) => {
                self.start_again(&error);
                attempt(self, &all)
            }
            answer => answer,
        };
        self.projects = all;
        answer
    }

    fn start_again(&mut self, error: &rusqlite::Error) {
        let Index { db, place, .. } = std::mem::replace(self, Index::new(memory(), IndexPlace::Memory, None));
        let IndexPlace::File(file, held) = place else {
            unreachable!("bug: an index in memory has no file to make again");
        };
        // Closed first: SQLite may still write to the files that are about to be removed.
        drop(db);
        let reason = reason(error);
        let again = match is_damage(error) {
            true => Index::replace(&file, held, &Unfit::Broken(reason)),
            false => Err(reason),
        };
        *self = again.unwrap_or_else(|reason| Index::in_memory(&file, &reason));
    }

    /// Accounts for the runs of a project that began since the last time, and for those that were open then.
    fn catch_up(&mut self, project: &ProjectDir) -> Result<()> {
        let name = project_name(project);
        let ledger = Ledger::open(project);
        let accounted: Option<i64> = optional(self.db.query_row(
            "SELECT ledger_bytes FROM project WHERE dir = ?1",
            [&name],
            |row| row.get(0),
        ))?
        .flatten();
        let open = self.open_runs(&name)?;
        let (added, until) = match accounted.and_then(|bytes| u64::try_from(bytes).ok()) {
            Some(from) if from == ledger.length && open.is_empty() => return Ok(()),
            Some(from) if from <= ledger.length => ledger.since(from),
            // New here, or not the ledger that was read before.
            _ => {
                let (noted, until) = ledger.since(0);
                (self.unknown(project, &name, noted)?, until)
            }
        };
        let mut wanted: Vec<RunId> = added.into_iter().chain(open).collect();
        wanted.sort();
        wanted.dedup();
        let mut batches = wanted.chunks(BATCH).peekable();
        loop {
            let batch = batches.next().unwrap_or(&[]);
            // Read first, so that nobody waits for the database meanwhile.
            let looks: Vec<(&RunId, RunLook)> = batch.iter().map(|id| (id, look(project, id))).collect();
            let is_last = batches.peek().is_none();
            let change = self.db.transaction()?;
            let key = project_key(&change, &name)?;
            for (id, look) in looks {
                write_look(&change, key, id, look)?;
            }
            if is_last {
                change.execute(
                    "UPDATE project SET ledger_bytes = ?2 WHERE key = ?1",
                    params![key, integer(until)],
                )?;
            }
            change.commit()?;
            if is_last {
                return Ok(());
            }
        }
    }

    /// The runs of a project that are not in the index: those in its directory, and those which are just arriving there
    /// and stand only in the ledger, that is in `noted`. Runs of which the index knows and the directory does not are
    /// dropped.
    fn unknown(&mut self, project: &ProjectDir, name: &str, noted: Vec<RunId>) -> Result<Vec<RunId>> {
        let mut statement = self
            .db
            .prepare("SELECT id FROM run JOIN project ON project.key = run.project WHERE project.dir = ?1")?;
        let known = statement.query_map([name], |row| run_id(row, 0))?.collect::<Result<HashSet<RunId>>>()?;
        drop(statement);
        // Listed after the question, so that a run which another otto brings in meanwhile is not taken for gone.
        let mut present: HashSet<RunId> = list(project).into_iter().collect();
        let gone: Vec<RunId> = known.difference(&present).cloned().collect();
        if !gone.is_empty() {
            self.forget(&gone)?;
        }
        present.extend(noted);
        Ok(present.into_iter().filter(|id| !known.contains(id)).collect())
    }

    fn open_runs(&self, project: &str) -> Result<Vec<RunId>> {
        let mut statement = self.db.prepare(
            "SELECT id FROM open_run JOIN project ON project.key = open_run.project WHERE project.dir = ?1",
        )?;
        let rows = statement.query_map([project], |row| run_id(row, 0))?;
        rows.collect()
    }

    /// Drops runs whose directories are gone.
    pub(crate) fn forget(&mut self, gone: &[RunId]) -> Result<()> {
        let change = self.db.transaction()?;
        for id in gone {
            change.execute("DELETE FROM run WHERE id = ?1", [id.as_str()])?;
            change.execute("DELETE FROM open_run WHERE id = ?1", [id.as_str()])?;
        }
        change.commit()
    }
}

/// The id in a column; one that is none is damage.
pub(crate) fn run_id(row: &rusqlite::Row<'_>, column: usize) -> Result<RunId> {
    let text: String = row.get(column)?;
    RunId::parse(&text).ok_or_else(|| damaged(column, format!("`{text}` is not a run ID")))
}

/// What a column holds cannot be.
pub(crate) fn damaged(column: usize, what: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, what.into())
}

fn is_damage(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => {
            matches!(failure.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown)
        }
        // A value of another type than the schema has, or a table that is not there.
        _ => true,
    }
}

/// In one line, without the question.
pub(crate) fn reason(error: &rusqlite::Error) -> String {
    let text = match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn optional<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The name of a project in the index: that of its directory.
pub(crate) fn project_name(project: &ProjectDir) -> String {
    project.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn project_key(change: &Transaction<'_>, name: &str) -> Result<i64> {
    change.execute("INSERT OR IGNORE INTO project (dir) VALUES (?1)", [name])?;
    change.query_row("SELECT key FROM project WHERE dir = ?1", [name], |row| row.get(0))
}

/// What is found in place of a run.
enum RunLook {
    Closed(Box<(PastRun, RunRow)>),
    /// Still running, or not to be read by this otto.
    Open,
    Gone,
}

fn look(project: &ProjectDir, id: &RunId) -> RunLook {
    let dir = project.run(id);
    // A run that is in the ledger appears a moment later.
    if !dir.path.is_dir() && !project.arriving(id).path.is_dir() && !dir.path.is_dir() {
        return RunLook::Gone;
    }
    match PastRun::read(dir.clone(), id.clone()) {
        Ok(run) if run.standing == Standing::Running => RunLook::Open,
        Ok(_) if !dir.path.is_dir() => RunLook::Open,
        Ok(run) => {
            let row = RunRow::of(&project_name(project), &run, disk_bytes(&dir));
            RunLook::Closed(Box::new((run, row)))
        }
        Err(ReadError::Newer { .. } | ReadError::Io(_)) => RunLook::Open,
    }
}

fn write_look(change: &Transaction<'_>, project: i64, id: &RunId, look: RunLook) -> Result<()> {
    match look {
        RunLook::Open => {
            change
                .prepare_cached("INSERT OR IGNORE INTO open_run (project, id) VALUES (?1, ?2)")?
                .execute(params![project, id.as_str()])?;
            return Ok(());
        }
        RunLook::Gone => {}
        RunLook::Closed(run) => write_run(change, project, &run.0, &run.1)?,
    }
    change
        .prepare_cached("DELETE FROM open_run WHERE project = ?1 AND id = ?2")?
        .execute(params![project, id.as_str()])?;
    Ok(())
}

fn write_run(change: &Transaction<'_>, project: i64, run: &PastRun, row: &RunRow) -> Result<()> {
    let number = match &row.standing {
        Standing::Ended(RunResult::Failed { status }) => Some(*status),
        Standing::Ended(RunResult::Interrupted { signal }) => Some(*signal),
        Standing::Ended(RunResult::Succeeded) | Standing::Crashed => None,
        Standing::Running => unreachable!("bug: a run that is not over is not indexed"),
    };
    // Another otto may have been faster.
    let inserted = change
        .prepare_cached(
            "INSERT OR IGNORE INTO run (project, id, tail, started_us, took_us, result, number, ok, leaking, fresh,
                 failed, skipped, interrupted, not_started, unsettled, ottofile, command, origin, bytes, seal)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
        )?
        .execute(params![
            project,
            row.id.as_str(),
            row.id.tail(),
            row.started_us,
            row.took_us.map(integer),
            row.standing.json(),
            number,
            row.counts.ok as i64,
            row.counts.leaking as i64,
            row.counts.fresh as i64,
            row.counts.failed as i64,
            row.counts.skipped as i64,
            row.counts.interrupted as i64,
            row.counts.not_started as i64,
            row.counts.unsettled as i64,
            row.ottofile,
            serde_json::to_string(&row.command).expect("bug: words are plain data"),
            row.origin.as_ref().map(RunId::as_str),
            integer(row.bytes),
            row.seal(),
        ])?;
    if inserted == 0 {
        return Ok(());
    }
    let key = change.last_insert_rowid();
    let mut insert = change.prepare_cached(
        "INSERT INTO job (run, place, name, task, outcome, exit, number, attempts, started_us, took_us,
             stdout_bytes, stderr_bytes, skip, skip_job, has_body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?;
    for (place, job) in run.state.jobs.iter().enumerate() {
        let (exit, number) = exit_words(job);
        let (skip, skip_job) = skip_words(job);
        insert.execute(params![
            key,
            place as i64,
            job.planned.name.as_str(),
            job.planned.task.as_str(),
            outcome_word(job.outcome.as_ref()),
            exit,
            number,
            job.attempts,
            job.started_us().map(integer),
            job.took_us().map(integer),
            integer(job.stdout_bytes),
            integer(job.stderr_bytes),
            skip,
            skip_job,
            job.planned.has_body,
        ])?;
    }
    Ok(())
}

/// SQLite's integers end at 2^63; what is beyond is damage, and is shown as too large as it can be.
fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn memory() -> Connection {
    let db = Connection::open_in_memory().expect("bug: SQLite has no memory for an empty database");
    create(&db).expect("bug: the schema is not SQL");
    db
}

/// Why a database cannot be used as it is.
enum Unfit {
    /// An older otto made it.
    Older,
    Broken(String),
}

impl From<rusqlite::Error> for Unfit {
    fn from(error: rusqlite::Error) -> Unfit {
        Unfit::Broken(reason(&error))
    }
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unfit::Older => f.write_str("it was created by an older otto"),
            Unfit::Broken(reason) => f.write_str(reason),
        }
    }
}

/// Takes the lock beside the index, after waiting for other ottos. `None`: the file system has no locks.
fn lock(index: &IndexFile) -> std::result::Result<Option<LockedFile>, String> {
    let lock = index.lock();
    let failed = |what: &'static str| {
        let path = lock.display();
        move |error: io::Error| format!("cannot {what} `{path}`: {}", plain(&error))
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        let file = regular::update(&lock).map_err(failed("open"))?;
        match lock::try_lock(file).map_err(failed("lock"))? {
            Tried::Held(held) => return Ok(Some(held)),
            Tried::NoLocks => return Ok(None),
            Tried::Busy if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            Tried::Busy => return Err("it is in use by another otto".to_owned()),
        }
    }
}

fn open_database(index: &IndexFile) -> std::result::Result<Connection, Unfit> {
    // SQLite opens the files beside this one by itself, and would wait for the other end of a pipe. `stat` opens nothing.
    let is_other = |part: &PathBuf| std::fs::metadata(part).is_ok_and(|metadata| !metadata.is_file());
    if let Some(part) = index.parts().into_iter().find(is_other) {
        let name = part.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Err(Unfit::Broken(format!("`{name}` is not a regular file")));
    }
    // SQLite gives its other files the mode of this one, whatever the umask.
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&index.path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(Unfit::Broken(plain(&error))),
    }
    let db = Connection::open_with_flags(
        &index.path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        // A new database is made without waiting for the disk; what a power failure takes away is made again.
        db.pragma_update(None, "synchronous", "off")?;
        create(&db)?;
    }
    let number = |name| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if number("application_id")? != i64::from(APPLICATION) {
        return Err(Unfit::Broken("it is not an otto index".to_owned()));
    }
    match number("user_version")? {
        VERSION => {}
        newer if newer > VERSION => return Err(Unfit::Broken("it was created by a newer otto".to_owned())),
        _ => return Err(Unfit::Older),
    }
    db.pragma_update(None, "foreign_keys", true)?;
    // Works on a file system of several hosts too, where the shared memory of `wal` does not.
    db.pragma_update(None, "journal_mode", "truncate")?;
    db.pragma_update(None, "synchronous", "normal")?;
    Ok(db)
}

/// Makes the tables of an empty database.
fn create(db: &Connection) -> Result<()> {
    let change = db.unchecked_transaction()?;
    change.execute_batch(SCHEMA)?;
    change.pragma_update(None, "application_id", APPLICATION)?;
    change.pragma_update(None, "user_version", VERSION)?;
    change.commit()
}

/// Whether the header of the file says that it is an index of otto, however damaged the rest may be.
fn has_mark(path: &Path) -> bool {
    let mut header = [0; 72];
    let read = regular::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header.starts_with(b"SQLite format 3\0") && header[68..] == APPLICATION.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::RunResult;
    use crate::history::fixture::Sandbox;
    use crate::history::query;
    use crate::history::row::RunFilter;
    use insta::assert_snapshot;

    fn open(sandbox: &Sandbox) -> Index {
        Index::open(sandbox.home.index_file(None))
    }

    /// What the index says of all runs, one a line, newest first; a warning before them.
    fn told(sandbox: &Sandbox) -> String {
        let mut index = open(sandbox);
        tell(&mut index, sandbox)
    }

    fn tell(index: &mut Index, sandbox: &Sandbox) -> String {
        let ask = |index: &mut Index| {
            let rows = index
                .ask(std::slice::from_ref(&sandbox.project), |db| query::runs(db, &RunFilter::default()));
            let rows = rows.expect("an answer");
            let line = |row: RunRow| {
                format!(
                    "{} {} {:?} {} ok {} failed {} skipped `{}` {:?}",
                    row.id.tail(),
                    row.standing.json(),
                    row.took_us,
                    row.counts.ok,
                    row.counts.failed,
                    row.counts.skipped,
                    row.command.join(" "),
                    row.origin.map(|origin| origin.tail().to_owned()),
                )
            };
            rows.into_iter().map(line).collect::<Vec<String>>()
        };
        let mut lines = ask(index);
        if let Some(warning) = index.take_warning() {
            let root = sandbox.home.root.display().to_string();
            lines.insert(0, format!("warning: {}", warning.replace(&root, "HOME")));
        }
        lines.join("\n")
    }

    fn three_runs() -> Sandbox {
        let sandbox = Sandbox::new();
        sandbox.good("2026-11-20T16:58:00Z", "1b0d00", &["build"]);
        let mut failing = sandbox.begin("2026-11-23T09:14:00Z", "9c2m00", "ci --fast");
        failing.plan(&[("build", &[]), ("test", &["build"]), ("pack", &["test"])]);
        failing.ok("build", 100, &["version"]);
        failing.fail("test", 20, 3);
        failing.skip("pack", "test");
        let origin = failing.end(RunResult::Failed { status: 3 });
        let rerun = sandbox.begin_with("2026-11-23T09:15:00Z", "4x1q00", "Rerun 9c2m", |record| {
            record.origin = Some(origin.clone());
        });
        drop(rerun);
        sandbox
    }

    const THREE: &str = "\
4x1q00 crashed None 0 ok 0 failed 0 skipped `Rerun 9c2m` Some(\"9c2m00\")
9c2m00 failed Some(120000) 1 ok 1 failed 1 skipped `ci --fast` None
1b0d00 succeeded Some(1000) 1 ok 0 failed 0 skipped `build` None";

    #[test]
    fn an_index_tells_what_the_journals_say() {
        let sandbox = three_runs();
        assert_eq!(told(&sandbox), THREE);
        assert_eq!(told(&sandbox), THREE);
    }

    #[test]
    fn a_run_is_brought_in_when_it_is_over() {
        let sandbox = three_runs();
        let mut index = open(&sandbox);
        let mut running = sandbox.begin("2026-11-24T08:00:00Z", "zzzz00", "build");
        assert_eq!(tell(&mut index, &sandbox), THREE);
        running.plan(&[("build", &[])]);
        running.ok("build", 5, &[]);
        assert_eq!(tell(&mut index, &sandbox), THREE);
        running.end(RunResult::Succeeded);
        let four = format!("zzzz00 succeeded Some(5000) 1 ok 0 failed 0 skipped `build` None\n{THREE}");
        assert_eq!(tell(&mut index, &sandbox), four);
        drop(index);
        assert_eq!(told(&sandbox), four);
    }

    #[test]
    fn questions_can_be_narrowed() {
        let sandbox = three_runs();
        let mut index = open(&sandbox);
        let mut tails = |filter: RunFilter| {
            let rows = index.ask(std::slice::from_ref(&sandbox.project), |db| query::runs(db, &filter));
            rows.expect("an answer").iter().map(|row| row.id.tail().to_owned()).collect::<Vec<_>>().join(" ")
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(tails(RunFilter { limit: Some(2), ..RunFilter::default() }), "4x1q00 9c2m00");
        assert_eq!(tails(RunFilter { task: text("build"), ..RunFilter::default() }), "9c2m00 1b0d00");
        assert_eq!(tails(RunFilter { task: text("nope"), ..RunFilter::default() }), "");
        let failed = vec!["failed".to_owned(), "crashed".to_owned()];
        assert_eq!(tails(RunFilter { statuses: failed.clone(), ..RunFilter::default() }), "4x1q00 9c2m00");
        assert_eq!(
            tails(RunFilter { statuses: failed.clone(), task: text("build"), ..RunFilter::default() }),
            ""
        );
        assert_eq!(
            tails(RunFilter { statuses: failed, task: text("test"), ..RunFilter::default() }),
            "9c2m00"
        );
        assert_eq!(tails(RunFilter { project: text("other-0123456789ab"), ..RunFilter::default() }), "");
        let found = index.ask(&[], |db| query::tails(db, "9c2")).expect("an answer");
        assert_eq!(found.len(), 1);
        let (count, bytes) = index.ask(&[], |db| query::totals(db, None)).expect("an answer");
        assert_eq!(count, 3);
        assert!(bytes > 1000, "{bytes}");
        index.forget(&list(&sandbox.project)[..2]).expect("written");
        let (count, less) = index.ask(&[], |db| query::totals(db, None)).expect("an answer");
        assert!(count == 1 && less > 300 && less < bytes, "{count} of {less} bytes");
    }

    #[test]
    fn a_lost_index_is_made_again_in_silence() {
        let sandbox = three_runs();
        told(&sandbox);
        for part in sandbox.home.index_file(None).parts() {
            let _ = std::fs::remove_file(part);
        }
        assert_eq!(told(&sandbox), THREE);
    }

    #[test]
    fn a_file_that_is_no_database_is_replaced_with_one_warning() {
        let sandbox = three_runs();
        std::fs::write(sandbox.home.index_file(None).path, "my notes, rather long ".repeat(50))
            .expect("ours");
        assert_snapshot!(told(&sandbox).lines().next().expect("a warning"), @"warning: cannot use the index of runs `HOME/index.sqlite` (file is not a database); rebuilding it");
        assert_eq!(told(&sandbox), THREE);
    }

    #[test]
    fn an_index_of_an_older_otto_is_made_again_silently() {
        let sandbox = three_runs();
        let path = sandbox.home.index_file(None).path;
        let db = Connection::open(&path).expect("a database");
        db.execute_batch("CREATE TABLE run (id TEXT)").expect("SQL");
        db.pragma_update(None, "application_id", APPLICATION).expect("ours");
        db.pragma_update(None, "user_version", VERSION - 1).expect("ours");
        drop(db);
        assert_eq!(told(&sandbox), THREE);
    }

    #[test]
    fn an_index_of_a_newer_otto_is_replaced_with_one_warning() {
        let sandbox = three_runs();
        told(&sandbox);
        let path = sandbox.home.index_file(None).path;
        let db = Connection::open(&path).expect("a database");
        db.pragma_update(None, "user_version", 99).expect("ours");
        drop(db);
        assert_snapshot!(told(&sandbox).lines().next().expect("a warning"), @"warning: cannot use the index of runs `HOME/index.sqlite` (it was created by a newer otto); rebuilding it");
        assert_eq!(told(&sandbox), THREE);
    }

    #[test]
    fn a_moved_index_never_replaces_what_is_not_ours() {
        let sandbox = three_runs();
        let path = sandbox.dir.path().join("mine");
        for text in ["my notes, rather long ".repeat(50).into_bytes(), {
            let other = sandbox.dir.path().join("other.sqlite");
            let db = Connection::open(&other).expect("a database");
            db.execute_batch("CREATE TABLE mine (a); INSERT INTO mine VALUES (1)").expect("SQL");
            drop(db);
            std::fs::read(other).expect("there")
        }] {
            std::fs::write(&path, &text).expect("ours");
            let mut index = Index::open(sandbox.home.index_file(Some(&path)));
            let told = tell(&mut index, &sandbox);
            assert!(told.ends_with(THREE), "{told}");
            assert!(told.contains("left unchanged"), "{told}");
            drop(index);
            assert!(std::fs::read(&path).expect("there") == text);
        }
    }

    #[test]
    fn where_no_file_can_be_made_the_index_is_in_memory() {
        let sandbox = three_runs();
        let nowhere = sandbox.dir.path().join("no/such/folder/index.sqlite");
        let mut index = Index::open(sandbox.home.index_file(Some(&nowhere)));
        let told = tell(&mut index, &sandbox);
        assert!(
            told.starts_with("warning: continuing without the index of runs") && told.ends_with(THREE),
            "{told}"
        );
    }

    #[test]
    fn an_index_that_is_damaged_between_two_questions_knows_the_runs_again() {
        let sandbox = three_runs();
        let mut index = open(&sandbox);
        assert_eq!(tell(&mut index, &sandbox), THREE);
        index.db.execute_batch("DROP TABLE job; DELETE FROM run;").expect("SQL");
        let broken =
            |db: &Connection| db.query_row("SELECT count(*) FROM job", [], |row| row.get::<_, i64>(0));
        assert_eq!(index.ask(&[], broken).expect("an answer"), 4);
        assert!(index.take_warning().is_some_and(|warning| warning.contains("rebuilding it")));
        assert_eq!(tell(&mut index, &sandbox), THREE);
    }

    #[test]
    fn a_truncated_index_is_made_again() {
        let sandbox = three_runs();
        told(&sandbox);
        let path = sandbox.home.index_file(None).path;
        let whole = std::fs::read(&path).expect("an index");
        for length in (0..whole.len()).step_by(509) {
            std::fs::write(&path, &whole[..length]).expect("ours");
            let told = told(&sandbox);
            assert!(told.ends_with(THREE), "cut at {length}: {told}");
        }
    }

    #[test]
    fn runs_that_an_index_lost_are_brought_in_again() {
        let sandbox = three_runs();
        told(&sandbox);
        let path = sandbox.home.index_file(None).path;
        let old = std::fs::read(&path).expect("an index");
        sandbox.good("2026-11-24T08:00:00Z", "zzzz00", &["build"]);
        assert_ne!(told(&sandbox), THREE);
        // As after a power failure, or when `-wal` was deleted.
        for part in sandbox.home.index_file(None).parts() {
            // Not all of them are there at each time.
            let _ = std::fs::remove_file(part);
        }
        std::fs::write(&path, old).expect("ours");
        assert!(told(&sandbox).starts_with("zzzz00"));
    }

    #[test]
    fn a_ledger_that_is_lost_or_torn_hides_no_run() {
        let sandbox = three_runs();
        told(&sandbox);
        std::fs::remove_file(sandbox.project.ledger()).expect("there");
        sandbox.good("2026-11-24T08:00:00Z", "zzzz00", &["build"]);
        assert!(told(&sandbox).starts_with("zzzz00"));
        // A full disk: the run goes on without its line, and without the ledger.
        told(&sandbox);
        std::fs::remove_file(sandbox.project.ledger()).expect("there");
        std::os::unix::fs::symlink("/dev/full", sandbox.project.ledger()).expect("made");
        sandbox.good("2026-11-24T08:30:00Z", "vvvv00", &["build"]);
        assert!(!sandbox.project.ledger().exists());
        assert!(told(&sandbox).starts_with("vvvv00"));
        sandbox.good("2026-11-24T08:31:00Z", "vvvv11", &["build"]);
        assert!(told(&sandbox).starts_with("vvvv11"));
        use std::io::Write;
        let mut ledger = OpenOptions::new().append(true).open(sandbox.project.ledger()).expect("there");
        ledger.write_all(b"20261124-08").expect("written");
        sandbox.good("2026-11-24T09:00:00Z", "yyyy00", &["build"]);
        ledger.write_all(b"20261124-08").expect("written");
        assert!(told(&sandbox).starts_with("yyyy00"));
        ledger.write_all(b"garbage\n\n\xff\n").expect("written");
        sandbox.good("2026-11-24T10:00:00Z", "xxxx00", &["build"]);
        assert!(told(&sandbox).starts_with("xxxx00"));
    }

    #[test]
    fn runs_whose_directories_are_gone_can_be_dropped() {
        let sandbox = three_runs();
        let mut index = open(&sandbox);
        tell(&mut index, &sandbox);
        let gone = list(&sandbox.project).remove(1);
        std::fs::remove_dir_all(sandbox.project.run(&gone).path).expect("ours");
        index.forget(&[gone]).expect("written");
        assert_eq!(tell(&mut index, &sandbox).lines().count(), 2);
    }

    #[test]
    fn many_at_once_agree_and_nobody_sees_a_busy_database() {
        let sandbox = Sandbox::new();
        let stamp = |place: usize| format!("2026-11-23T09:{:02}:{:02}Z", place / 60, place % 60);
        let tail = |place: usize| format!("{:02}{:02}00", place / 60, place % 60);
        std::thread::scope(|scope| {
            for one in 0..10 {
                let (sandbox, stamp, tail) = (&sandbox, &stamp, &tail);
                scope.spawn(move || {
                    for other in 0..10 {
                        let place = one * 10 + other;
                        sandbox.good(&stamp(place), &tail(place), &["build"]);
                        let told = told(sandbox);
                        assert!(told.contains(&tail(place)) && !told.contains("warning"), "{told}");
                    }
                });
            }
        });
        assert_eq!(told(&sandbox).lines().count(), 100);
    }

    #[test]
    fn many_at_once_make_a_damaged_index_again_together() {
        let sandbox = three_runs();
        let path = sandbox.home.index_file(None).path;
        for _ in 0..5 {
            std::fs::write(&path, "my notes, rather long ".repeat(50)).expect("ours");
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        let told = told(&sandbox);
                        assert!(told.ends_with(THREE), "{told}");
                    });
                }
            });
            assert_eq!(told(&sandbox), THREE);
        }
    }

    #[test]
    fn a_pipe_in_the_place_of_a_file_of_sqlite_makes_nobody_wait() {
        let sandbox = three_runs();
        for part in sandbox.home.index_file(None).parts() {
            told(&sandbox);
            // Not all of them are there at each time.
            let _ = std::fs::remove_file(&part);
            crate::store::regular::named_pipe(&part);
            let name = part.file_name().expect("a name").to_string_lossy().into_owned();
            let told = told(&sandbox);
            assert!(
                told.contains(&format!("(`{name}` is not a regular file)")) && told.ends_with(THREE),
                "{told}"
            );
        }
    }

    #[test]
    fn flipped_bytes_never_make_an_index_say_what_is_not_so() {
        let sandbox = three_runs();
        told(&sandbox);
        let path = sandbox.home.index_file(None).path;
        let whole = std::fs::read(&path).expect("an index");
        let (mut tried, mut exact) = (0, 0);
        for place in (0..whole.len()).filter(|place| whole[*place] != 0).step_by(11) {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x5a;
            for part in sandbox.home.index_file(None).parts() {
                // Not all of them are there at each time.
                let _ = std::fs::remove_file(part);
            }
            std::fs::write(&path, bytes).expect("ours");
            let told = told(&sandbox);
            let mut lines = told.lines().filter(|line| !line.starts_with("warning: "));
            assert!(lines.all(|line| THREE.contains(line)), "at {place}: {told}");
            tried += 1;
            exact += usize::from(told.ends_with(THREE));
        }
        // A byte in a search tree can hide a row; nothing short of reading all of it would notice.
        assert!(exact * 100 >= tried * 99, "{exact} of {tried}");
    }
}

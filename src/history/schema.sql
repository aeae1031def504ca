-- What the journals say of all runs, in a form that answers questions fast. All of it can be made again from the
-- run directories.

CREATE TABLE project (
    key INTEGER PRIMARY KEY,
    -- Name of its directory in $OTTO_HOME.
    dir TEXT NOT NULL UNIQUE,
    -- Bytes of its ledger that are accounted for here. NULL: its directory was never listed as a whole.
    ledger_bytes INTEGER,
    -- Of its runs that are over, together.
    run_count INTEGER NOT NULL DEFAULT 0,
    run_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE run (
    key INTEGER PRIMARY KEY,
    project INTEGER NOT NULL REFERENCES project (key),
    id TEXT NOT NULL,
    -- The end of the id, by which users name it.
    tail TEXT NOT NULL,
    started_us INTEGER NOT NULL,
    took_us INTEGER,
    -- succeeded, failed, interrupted, crashed
    result TEXT NOT NULL,
    -- Exit status of a failed run, signal of an interrupted one.
    number INTEGER,
    -- Jobs with a body, by what they came to.
    ok INTEGER NOT NULL,
    leaking INTEGER NOT NULL,
    fresh INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    skipped INTEGER NOT NULL,
    interrupted INTEGER NOT NULL,
    not_started INTEGER NOT NULL,
    unsettled INTEGER NOT NULL,
    -- The ottofile's path, for people.
    ottofile TEXT NOT NULL,
    -- JSON: the words after `otto`, without secrets.
    command TEXT NOT NULL,
    -- Id of the run that this one repeats.
    origin TEXT,
    -- Size of the run's directory.
    bytes INTEGER NOT NULL,
    -- Hash of the columns above, against damage that the database does not notice.
    seal INTEGER NOT NULL,
    UNIQUE (project, id)
) STRICT;

CREATE TRIGGER run_comes AFTER INSERT ON run BEGIN
    UPDATE project SET run_count = run_count + 1, run_bytes = run_bytes + new.bytes WHERE key = new.project;
END;

CREATE TRIGGER run_goes AFTER DELETE ON run BEGIN
    UPDATE project SET run_count = run_count - 1, run_bytes = run_bytes - old.bytes WHERE key = old.project;
END;

CREATE INDEX run_by_id ON run (id);
CREATE INDEX run_by_tail ON run (tail);

CREATE TABLE job (
    run INTEGER NOT NULL REFERENCES run (key) ON DELETE CASCADE,
    -- In plan order.
    place INTEGER NOT NULL,
    name TEXT NOT NULL,
    task TEXT NOT NULL,
    -- succeeded, fresh, failed, skipped, interrupted, cancelled, unsettled
    outcome TEXT NOT NULL,
    -- How the last attempt ended: code, signal, timeout, lost, not_started.
    exit TEXT,
    -- Its exit code or signal.
    number INTEGER,
    attempts INTEGER NOT NULL,
    -- Since the run began.
    started_us INTEGER,
    took_us INTEGER,
    stdout_bytes INTEGER NOT NULL,
    stderr_bytes INTEGER NOT NULL,
    -- Why it was skipped: needs, not_called_for, serial_predecessor, fail_fast.
    skip TEXT,
    -- The job that was the reason.
    skip_job TEXT,
    -- Tasks without a body of their own are asked for by name too.
    has_body INTEGER NOT NULL,
    PRIMARY KEY (run, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX job_by_task ON job (task, run);

-- Runs that had not ended when they were last looked at.
CREATE TABLE open_run (
    project INTEGER NOT NULL REFERENCES project (key),
    id TEXT NOT NULL,
    PRIMARY KEY (project, id)
) STRICT, WITHOUT ROWID;

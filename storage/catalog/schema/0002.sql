-- SPDX-License-Identifier: MIT
-- Backups begun by hand, the documents and final figures of all backups, and checkpoints that are
-- kept until somebody deletes them.
-- Runs while foreign keys are off (see db_open.c): dropping a table must not take its children along.

CREATE TABLE job_2 (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    kind        TEXT NOT NULL CHECK (kind IN ('backup', 'prune', 'backup-begin')),
    host        TEXT NOT NULL,
    domain      TEXT NOT NULL,
    policy      TEXT NOT NULL,
    repository  TEXT NOT NULL,
    asked       TEXT NOT NULL CHECK (asked IN ('full', 'incremental')),
    level       TEXT NOT NULL CHECK (level IN ('full', 'incremental')),
    state       TEXT NOT NULL CHECK (state IN ('queued', 'running', 'ended')),
    step        TEXT,
    outcome     TEXT NOT NULL DEFAULT '' CHECK (outcome IN ('', 'success', 'failed', 'aborted', 'skipped')),
    error       TEXT NOT NULL DEFAULT 'none',
    reason      TEXT,
    why         TEXT,
    due         INTEGER NOT NULL DEFAULT 0,
    created     INTEGER NOT NULL,
    started     INTEGER NOT NULL DEFAULT 0,
    ended       INTEGER NOT NULL DEFAULT 0,
    bytes_done  INTEGER NOT NULL DEFAULT 0,
    bytes_total INTEGER NOT NULL DEFAULT 0,
    -- The plan of a backup: what it will make.
    point       TEXT,
    parent      TEXT,
    point_time  INTEGER NOT NULL DEFAULT 0,
    checkpoint  TEXT,
    mode        TEXT NOT NULL DEFAULT 'push' CHECK (mode IN ('push', 'pull')),
    -- What the hypervisor was asked for, every default filled in; NULL: not begun.
    document    TEXT,
    -- 1: the targets or scratch files are the caller's.
    reuse       INTEGER NOT NULL DEFAULT 0 CHECK (reuse IN (0, 1)),
    elapsed_ms  INTEGER NOT NULL DEFAULT 0,
    temp_used   INTEGER NOT NULL DEFAULT 0,
    temp_total  INTEGER NOT NULL DEFAULT 0,
    CHECK ((state = 'ended') = (outcome <> ''))
) STRICT;

INSERT INTO job_2 (id, kind, host, domain, policy, repository, asked, level, state, step, outcome,
                   error, reason, why, due, created, started, ended, bytes_done, bytes_total, point,
                   parent, point_time, checkpoint, mode)
SELECT id, kind, host, domain, policy, repository, asked, level, state, step, outcome, error, reason,
       why, due, created, started, ended, bytes_done, bytes_total, point, parent, point_time,
       checkpoint, mode FROM job;

-- No number is ever used again, those of jobs whose rows are gone neither.
DELETE FROM sqlite_sequence WHERE name = 'job_2';
INSERT INTO sqlite_sequence (name, seq) SELECT 'job_2', seq FROM sqlite_sequence WHERE name = 'job';
DROP TABLE job;
ALTER TABLE job_2 RENAME TO job;

CREATE UNIQUE INDEX job_running ON job (host, domain)
    WHERE state = 'running' AND kind IN ('backup', 'backup-begin');
CREATE INDEX job_open ON job (state) WHERE state <> 'ended';
CREATE INDEX job_due ON job (host, domain, policy, kind, due);
CREATE INDEX job_ended ON job (ended) WHERE state = 'ended';

-- People choose names: two domains may have a checkpoint of one name.
-- The order of rowid is that of creation.
CREATE TABLE checkpoint_2 (
    name        TEXT NOT NULL,
    host        TEXT NOT NULL,
    domain      TEXT NOT NULL,
    policy      TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('provisional', 'current', 'dropping', 'kept')),
    created     INTEGER NOT NULL,
    parent      TEXT,
    description TEXT,
    UNIQUE (host, domain, name)
) STRICT;

INSERT INTO checkpoint_2 (name, host, domain, policy, state, created)
SELECT name, host, domain, policy, state, created FROM checkpoint ORDER BY created, name;
DROP TABLE checkpoint;
ALTER TABLE checkpoint_2 RENAME TO checkpoint;

CREATE UNIQUE INDEX checkpoint_current ON checkpoint (host, domain, policy) WHERE state = 'current';
CREATE INDEX checkpoint_name ON checkpoint (name);

CREATE TABLE checkpoint_disk (
    host       TEXT NOT NULL,
    domain     TEXT NOT NULL,
    checkpoint TEXT NOT NULL,
    position   INTEGER NOT NULL,
    name       TEXT NOT NULL,
    capacity   INTEGER NOT NULL CHECK (capacity >= 0),
    PRIMARY KEY (host, domain, checkpoint, position),
    UNIQUE (host, domain, checkpoint, name),
    FOREIGN KEY (host, domain, checkpoint) REFERENCES checkpoint (host, domain, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Why a copy of the domain's disks could harm the guest; NULL: it could not, or nobody knows.
ALTER TABLE seen ADD COLUMN unsafe TEXT;

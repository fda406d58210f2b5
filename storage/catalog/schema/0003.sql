-- SPDX-License-Identifier: MIT
-- Who made a point, and what is known of its files.

CREATE TABLE point_3 (
    id         TEXT PRIMARY KEY,
    host       TEXT NOT NULL,
    domain     TEXT NOT NULL,
    policy     TEXT NOT NULL,
    repository TEXT NOT NULL,
    level      TEXT NOT NULL CHECK (level IN ('full', 'incremental')),
    parent     TEXT REFERENCES point_3 (id) CHECK (parent <> id),
    created    INTEGER NOT NULL,
    checkpoint TEXT,
    mode       TEXT NOT NULL CHECK (mode IN ('push', 'pull')),
    state      TEXT NOT NULL CHECK (state IN ('good', 'damaged', 'missing', 'deleting')),
    quiesced   INTEGER NOT NULL CHECK (quiesced IN (0, 1)),
    why        TEXT,
    keep       TEXT,
    -- The order of making, whatever the clock said; 0, NULL: made before this was recorded.
    job        INTEGER NOT NULL DEFAULT 0 CHECK (job >= 0),
    catalog    TEXT,
    -- Why it is damaged or missing; and what a read of its images has found, as long as no other read
    -- finds them whole.
    problem    TEXT,
    damage     TEXT,
    CHECK (level = 'incremental' OR parent IS NULL)
) STRICT;

INSERT INTO point_3 (id, host, domain, policy, repository, level, parent, created, checkpoint, mode,
                     state, quiesced, why, keep, job)
SELECT p.id, p.host, p.domain, p.policy, p.repository, p.level, p.parent, p.created, p.checkpoint,
       p.mode, p.state, p.quiesced, p.why, p.keep, coalesce(j.id, 0)
FROM point AS p LEFT JOIN
     (SELECT point, max(id) AS id FROM job WHERE point IS NOT NULL AND kind = 'backup' GROUP BY point)
     AS j ON j.point = p.id;
DROP TABLE point;
ALTER TABLE point_3 RENAME TO point;

-- The order in which points are listed; and all that is asked of the points of many domains at once.
CREATE INDEX point_of ON point (host, domain, created, job, policy, state, catalog);
CREATE INDEX point_in ON point (repository);
CREATE INDEX point_parent ON point (parent);

-- Checkpoints made by hand that were let go of.  A bitmap of such a name that is still there, or comes
-- back (its metadata alone went, or its disk was not attached), is known by it as vmkeep's own.
CREATE TABLE checkpoint_gone (
    host    TEXT NOT NULL,
    domain  TEXT NOT NULL,
    name    TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (host, domain, name)
) STRICT, WITHOUT ROWID;

-- 1: redefined beside the line that goes on: it is no new checkpoint's parent.
ALTER TABLE checkpoint ADD COLUMN aside INTEGER NOT NULL DEFAULT 0 CHECK (aside IN (0, 1));

CREATE INDEX checkpoint_parent ON checkpoint (parent);

-- The domain's other disks when a checkpoint was made: those that it does not take in.
CREATE TABLE checkpoint_left_out (
    host       TEXT NOT NULL,
    domain     TEXT NOT NULL,
    checkpoint TEXT NOT NULL,
    position   INTEGER NOT NULL,
    name       TEXT NOT NULL,
    PRIMARY KEY (host, domain, checkpoint, position),
    FOREIGN KEY (host, domain, checkpoint) REFERENCES checkpoint (host, domain, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Which kinds of jobs there are is the program's to know; what the catalog has to know of them is whether
-- they make a backup of a guest, of which one runs at a time.
CREATE TABLE job_3 (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    kind        TEXT NOT NULL CHECK (kind <> ''),
    guest       INTEGER NOT NULL CHECK (guest IN (0, 1)),
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
    -- How long the machine had been up when the job was made, and which boot that was: by these it is
    -- known how long ago that is, whatever was done to the clock.  0, NULL: not recorded.
    uptime      INTEGER NOT NULL DEFAULT 0,
    boot        TEXT,
    -- 1: the job came as far as publishing its point: what undoes it may find one that it made.
    publishing  INTEGER NOT NULL DEFAULT 0 CHECK (publishing IN (0, 1)),
    CHECK ((state = 'ended') = (outcome <> ''))
) STRICT;

INSERT INTO job_3 (id, kind, guest, host, domain, policy, repository, asked, level, state, step, outcome,
                   error, reason, why, due, created, started, ended, bytes_done, bytes_total, point,
                   parent, point_time, checkpoint, mode, document, reuse, elapsed_ms, temp_used, temp_total)
SELECT id, kind, kind <> 'prune', host, domain, policy, repository, asked, level, state, step, outcome,
       error, reason, why, due, created, started, ended, bytes_done, bytes_total, point, parent,
       point_time, checkpoint, mode, document, reuse, elapsed_ms, temp_used, temp_total FROM job;

-- No number is ever used again, those of jobs whose rows are gone neither.
DELETE FROM sqlite_sequence WHERE name = 'job_3';
INSERT INTO sqlite_sequence (name, seq) SELECT 'job_3', seq FROM sqlite_sequence WHERE name = 'job';
DROP TABLE job;
ALTER TABLE job_3 RENAME TO job;

CREATE UNIQUE INDEX job_running ON job (host, domain) WHERE state = 'running' AND guest;
CREATE INDEX job_open ON job (state) WHERE state <> 'ended';
CREATE INDEX job_due ON job (host, domain, policy, kind, due);
CREATE INDEX job_ended ON job (ended) WHERE state = 'ended';
-- Behind its columns, as in every index, comes id: the order of making.
CREATE INDEX job_of ON job (host, domain, policy, kind);

-- What a backup begun by hand has made outside of repositories: only this is removed again.
CREATE TABLE made (
    job    INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    what   TEXT NOT NULL CHECK (what IN ('target', 'scratch', 'socket')),
    path   TEXT NOT NULL,
    -- Of the file when it was made; of a socket, of what was there before. 0, 0: nothing.
    device INTEGER NOT NULL,
    inode  INTEGER NOT NULL,
    born   INTEGER NOT NULL
) STRICT;

CREATE INDEX made_job ON made (job);

-- Guests whose file systems we have frozen, and perhaps not thawed.
CREATE TABLE frozen (
    host   TEXT NOT NULL,
    domain TEXT NOT NULL,
    since  INTEGER NOT NULL,
    PRIMARY KEY (host, domain)
) STRICT, WITHOUT ROWID;

-- Backups whose instant was that of a frozen guest: known as soon as they have begun, kept for who goes
-- on with them.
CREATE TABLE quiesced (
    job INTEGER PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE
) STRICT;

-- Which repository a name means: another disk under the same path is another repository.
CREATE TABLE repository (
    name  TEXT PRIMARY KEY,
    id    TEXT NOT NULL,
    path  TEXT NOT NULL,
    since INTEGER NOT NULL,
    seen  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The one that holds the point; NULL: it was not looked at since this is recorded.
ALTER TABLE point ADD COLUMN repository_id TEXT;
-- What a disk was when a point, or a checkpoint, was made of it: see base/model.h. NULL: not known.
ALTER TABLE point_disk ADD COLUMN image TEXT;
ALTER TABLE point_disk ADD COLUMN identity TEXT;
ALTER TABLE point_disk ADD COLUMN device TEXT;
ALTER TABLE point_disk ADD COLUMN bitmap TEXT;
ALTER TABLE job_disk ADD COLUMN image TEXT;
ALTER TABLE job_disk ADD COLUMN identity TEXT;
ALTER TABLE job_disk ADD COLUMN device TEXT;
ALTER TABLE job_disk ADD COLUMN bitmap TEXT;
ALTER TABLE checkpoint_disk ADD COLUMN image TEXT;
ALTER TABLE checkpoint_disk ADD COLUMN identity TEXT;
ALTER TABLE checkpoint_disk ADD COLUMN device TEXT;
ALTER TABLE checkpoint_disk ADD COLUMN bitmap TEXT;

-- Disks that an older point has and this one lacks; written with the job that plans the point.
CREATE TABLE missing_disk (
    point TEXT NOT NULL,
    name  TEXT NOT NULL,
    PRIMARY KEY (point, name)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER missing_disk_of_point AFTER DELETE ON point
BEGIN DELETE FROM missing_disk WHERE point = old.id; END;

-- What else was attached when a point was made, and why it is not in it; written likewise.
CREATE TABLE left_out_disk (
    point TEXT NOT NULL,
    name  TEXT NOT NULL,
    why   TEXT NOT NULL,
    PRIMARY KEY (point, name)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER left_out_disk_of_point AFTER DELETE ON point
BEGIN DELETE FROM left_out_disk WHERE point = old.id; END;

-- What was attached to a domain when it ran last, and since when.  aside: what it is, if it is in no
-- scheduled backup by its nature ("a read-only disk of /images/ro.raw"); NULL: a disk like any other.
CREATE TABLE seen_disk (
    host     TEXT NOT NULL,
    domain   TEXT NOT NULL,
    name     TEXT NOT NULL,
    since    INTEGER NOT NULL,
    identity TEXT,
    aside    TEXT,
    PRIMARY KEY (host, domain, name)
) STRICT, WITHOUT ROWID;

-- Where the disks of checkpoints made by hand held data then; an increment is held against it.
CREATE TABLE allocation (
    host       TEXT NOT NULL,
    domain     TEXT NOT NULL,
    checkpoint TEXT NOT NULL,
    disk       TEXT NOT NULL,
    map        TEXT NOT NULL,
    PRIMARY KEY (host, domain, checkpoint, disk),
    FOREIGN KEY (host, domain, checkpoint) REFERENCES checkpoint (host, domain, name) ON DELETE CASCADE
) STRICT;

-- Of a domain: the one that it had when it ran last; NULL: none.
ALTER TABLE seen ADD COLUMN uuid TEXT;

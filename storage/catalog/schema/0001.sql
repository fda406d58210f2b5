-- SPDX-License-Identifier: MIT
-- Times are seconds since the epoch, UTC; 0: not yet. Words are those of base/model.h.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: a job's number is part of names at the hypervisor, so none is ever used again.
CREATE TABLE job (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    kind        TEXT NOT NULL CHECK (kind IN ('backup', 'prune')),
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
    CHECK ((state = 'ended') = (outcome <> ''))
) STRICT;

-- One backup job a domain at a time.
CREATE UNIQUE INDEX job_running ON job (host, domain) WHERE state = 'running' AND kind = 'backup';
CREATE INDEX job_open ON job (state) WHERE state <> 'ended';
CREATE INDEX job_due ON job (host, domain, policy, kind, due);
CREATE INDEX job_ended ON job (ended) WHERE state = 'ended';

CREATE TABLE job_disk (
    job      INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name     TEXT NOT NULL,
    path     TEXT NOT NULL,
    format   TEXT NOT NULL,
    backing  TEXT,
    capacity INTEGER NOT NULL CHECK (capacity >= 0),
    PRIMARY KEY (job, position),
    UNIQUE (job, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE point (
    id         TEXT PRIMARY KEY,
    host       TEXT NOT NULL,
    domain     TEXT NOT NULL,
    policy     TEXT NOT NULL,
    repository TEXT NOT NULL,
    level      TEXT NOT NULL CHECK (level IN ('full', 'incremental')),
    parent     TEXT REFERENCES point (id) CHECK (parent <> id),
    created    INTEGER NOT NULL,
    checkpoint TEXT,
    mode       TEXT NOT NULL CHECK (mode IN ('push', 'pull')),
    state      TEXT NOT NULL CHECK (state IN ('good', 'damaged', 'deleting')),
    quiesced   INTEGER NOT NULL CHECK (quiesced IN (0, 1)),
    why        TEXT,
    keep       TEXT,
    CHECK (level = 'incremental' OR parent IS NULL)
) STRICT;

CREATE INDEX point_of ON point (host, domain, policy, created);
CREATE INDEX point_parent ON point (parent);

CREATE TABLE point_disk (
    point    TEXT NOT NULL REFERENCES point (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name     TEXT NOT NULL,
    path     TEXT NOT NULL,
    format   TEXT NOT NULL,
    backing  TEXT REFERENCES point (id) CHECK (backing <> point),
    capacity INTEGER NOT NULL CHECK (capacity >= 0),
    bytes    INTEGER NOT NULL CHECK (bytes >= 0),
    length   INTEGER NOT NULL CHECK (length >= 0),
    digest   TEXT,
    PRIMARY KEY (point, position),
    UNIQUE (point, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX point_disk_backing ON point_disk (backing);

CREATE TABLE checkpoint (
    name    TEXT PRIMARY KEY,
    host    TEXT NOT NULL,
    domain  TEXT NOT NULL,
    policy  TEXT NOT NULL,
    state   TEXT NOT NULL CHECK (state IN ('provisional', 'current', 'dropping')),
    created INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX checkpoint_current ON checkpoint (host, domain, policy) WHERE state = 'current';
CREATE INDEX checkpoint_of ON checkpoint (host, domain);

CREATE TABLE coverage (
    host   TEXT NOT NULL,
    domain TEXT NOT NULL,
    policy TEXT NOT NULL,
    since  INTEGER NOT NULL,
    PRIMARY KEY (host, domain, policy)
) STRICT, WITHOUT ROWID;

CREATE TABLE seen (
    kind    TEXT NOT NULL,
    name    TEXT NOT NULL,
    state   TEXT NOT NULL,
    problem TEXT,
    at      INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

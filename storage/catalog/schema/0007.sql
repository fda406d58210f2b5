-- SPDX-License-Identifier: MIT
-- What was read of points, and what is never let go.

-- When all of it was read last and found whole; 0: it was not, since this is recorded.
ALTER TABLE point ADD COLUMN proven INTEGER NOT NULL DEFAULT 0;
-- The last read of it: when, which slice of how many (1: all of it), by which job (0: by none), and what
-- was found: whole, unproven, unread, missing, damaged.
ALTER TABLE point ADD COLUMN read_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE point ADD COLUMN read_slice INTEGER NOT NULL DEFAULT 0;
ALTER TABLE point ADD COLUMN read_slices INTEGER NOT NULL DEFAULT 0;
ALTER TABLE point ADD COLUMN read_job INTEGER NOT NULL DEFAULT 0;
ALTER TABLE point ADD COLUMN read_result TEXT;

-- What status asks of the points of all domains stands in the index.
DROP INDEX point_of;
CREATE INDEX point_of ON point (host, domain, created, job, policy, state, proven, catalog);

-- Since when it is pinned; 0: it is not.  Until when; 0: for ever.
ALTER TABLE point ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE point ADD COLUMN pin_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE point ADD COLUMN pin_note TEXT;

-- Of a verification: so many percent of each point; 0: as its policy says.
ALTER TABLE job ADD COLUMN sample INTEGER NOT NULL DEFAULT 0 CHECK (sample BETWEEN 0 AND 100);

-- How far a verification has come: that disk of that point has been read up to there.
CREATE TABLE job_reading (
    job    INTEGER PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    point  TEXT NOT NULL,
    disk   TEXT NOT NULL,
    offset INTEGER NOT NULL,
    slice  INTEGER NOT NULL,
    slices INTEGER NOT NULL,
    result TEXT NOT NULL
) STRICT;

-- What a policy has done by the calendar, besides backups: since when it is to, and when it did last.
CREATE TABLE schedule (
    policy TEXT NOT NULL,
    what   TEXT NOT NULL,
    since  INTEGER NOT NULL,
    last   INTEGER NOT NULL,
    PRIMARY KEY (policy, what)
) STRICT, WITHOUT ROWID;

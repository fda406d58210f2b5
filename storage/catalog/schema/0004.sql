-- SPDX-License-Identifier: MIT
-- Points deleted by name, policies that are away, domains that come and go.

-- What a deletion is about, from the moment that it was asked for; and whether the last good point may
-- go, too.
CREATE TABLE job_point (
    job      INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    point    TEXT NOT NULL,
    PRIMARY KEY (job, position)
) STRICT, WITHOUT ROWID;
ALTER TABLE job ADD COLUMN force INTEGER NOT NULL DEFAULT 0 CHECK (force IN (0, 1));

-- Since when the policy does not select the domain any more; 0: it does.
ALTER TABLE coverage ADD COLUMN away INTEGER NOT NULL DEFAULT 0;

-- Since when its host has no such domain any more, which a policy covers when it is back; NULL: it has.
ALTER TABLE coverage ADD COLUMN gone INTEGER;
CREATE INDEX coverage_gone ON coverage (gone) WHERE gone IS NOT NULL;

-- How a job is known again at a host whose hypervisor bears no tags: by the first place that it writes
-- to; and one that keeps no ended job: until when it was seen running, by the time since that boot.
CREATE TABLE job_at_host (
    job   INTEGER PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    place TEXT,
    boot  TEXT,
    ran   INTEGER
) STRICT;
CREATE INDEX job_at_place ON job_at_host (place);

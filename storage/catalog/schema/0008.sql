-- SPDX-License-Identifier: MIT
-- Copies of points in second repositories: points of their own, that count for no rule of the first.
ALTER TABLE point ADD COLUMN copy_of TEXT;
CREATE INDEX point_copy ON point (copy_of) WHERE copy_of IS NOT NULL;
-- Of a copy job: the point that it is copying.
ALTER TABLE job ADD COLUMN copy_of TEXT;

-- What status asks of the points of all domains stands in the index.
DROP INDEX point_of;
CREATE INDEX point_of ON point (host, domain, created, job, policy, state, proven, catalog, copy_of);

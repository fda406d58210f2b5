-- SPDX-License-Identifier: MIT
-- What all jobs have come to, counted as each ends: rows of jobs go after a time, and these never fall.
CREATE TABLE job_total (
    kind    TEXT NOT NULL,
    outcome TEXT NOT NULL,
    jobs    INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    PRIMARY KEY (kind, outcome)
) STRICT, WITHOUT ROWID;

-- Of those that had begun: how many took no longer than so many seconds, and longer than the bound
-- before; bound 0: longer than any.
CREATE TABLE job_duration (
    kind    TEXT NOT NULL,
    bound   INTEGER NOT NULL,
    jobs    INTEGER NOT NULL,
    seconds INTEGER NOT NULL,
    PRIMARY KEY (kind, bound)
) STRICT, WITHOUT ROWID;

CREATE VIEW job_counted AS
SELECT id, kind, outcome, bytes_done AS bytes, started > 0 AS began, max(0, ended - started) AS seconds,
       CASE WHEN ended - started <= 10 THEN 10 WHEN ended - started <= 60 THEN 60
            WHEN ended - started <= 300 THEN 300 WHEN ended - started <= 900 THEN 900
            WHEN ended - started <= 3600 THEN 3600 WHEN ended - started <= 14400 THEN 14400
            WHEN ended - started <= 43200 THEN 43200 ELSE 0 END AS bound
FROM job WHERE state = 'ended';

INSERT INTO job_total (kind, outcome, jobs, bytes)
SELECT kind, outcome, count(*), sum(bytes) FROM job_counted GROUP BY kind, outcome;
INSERT INTO job_duration (kind, bound, jobs, seconds)
SELECT kind, bound, count(*), sum(seconds) FROM job_counted WHERE began GROUP BY kind, bound;

CREATE TRIGGER job_ends AFTER UPDATE OF state ON job WHEN NEW.state = 'ended' AND OLD.state <> 'ended' BEGIN
    INSERT INTO job_total (kind, outcome, jobs, bytes)
    SELECT kind, outcome, 1, bytes FROM job_counted WHERE id = NEW.id
    ON CONFLICT DO UPDATE SET jobs = jobs + 1, bytes = bytes + excluded.bytes;
    INSERT INTO job_duration (kind, bound, jobs, seconds)
    SELECT kind, bound, 1, seconds FROM job_counted WHERE id = NEW.id AND began
    ON CONFLICT DO UPDATE SET jobs = jobs + 1, seconds = seconds + excluded.seconds;
END;

-- One that is skipped has ended from the beginning.
CREATE TRIGGER job_never_began AFTER INSERT ON job WHEN NEW.state = 'ended' BEGIN
    INSERT INTO job_total (kind, outcome, jobs, bytes) VALUES (NEW.kind, NEW.outcome, 1, NEW.bytes_done)
    ON CONFLICT DO UPDATE SET jobs = jobs + 1, bytes = bytes + excluded.bytes;
END;

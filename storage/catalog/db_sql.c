/* SPDX-License-Identifier: MIT
 *
 * All SQL of the catalog on one page.
 *
 * Columns that are never NULL come first in each list, so that db_row can tell a damaged row. */
#include "storage/catalog/db.h"

#define JOB_COLUMNS                                                                                \
    "id, kind, host, domain, policy, repository, level, state, outcome, error, due, created,"      \
    " started, ended, bytes_done, bytes_total, mode, point_time, reuse, elapsed_ms, temp_used,"    \
    " temp_total, step, reason, why, point, parent,"                                               \
    " checkpoint, document, publishing, guest, force, sample, copy_of"
#define POINT_COLUMNS                                                                              \
    "id, host, domain, policy, repository, level, mode, state, created, quiesced, job, proven,"    \
    " read_at, read_slice, read_slices, read_job, pinned, pin_until, parent, checkpoint, why,"     \
    " keep, catalog, problem, damage, repository_id, read_result, pin_note, copy_of"
#define CHECKPOINT_COLUMNS "name, host, domain, policy, state, created, parent, description"
/* Those that are not NULL.  No index serves such a condition: it stands behind one that has its
 * own, or where all rows are read anyhow. */
#define JOB_FILTER                                                                                 \
    " (?1 IS NULL OR host = ?1) AND (?2 IS NULL OR domain = ?2) AND (?3 IS NULL OR policy = ?3)"
#define POINT_FILTER                                                                               \
    " (?1 IS NULL OR host = ?1) AND (?2 IS NULL OR domain = ?2) AND (?3 IS NULL OR policy = ?3)"   \
    " AND (?4 IS NULL OR repository = ?4) AND (?5 OR copy_of IS NULL)"
#define POINT_ORDER " ORDER BY host, domain, created, job, policy"

/* The next ?4 of those that ended before ?1, behind job ?3, which ended at ?2. Of those that ended
 * in that second SQLite seeks the next only where that is the one thing asked. */
#define EXPIRED                                                                                    \
    "(SELECT ended, id FROM job WHERE state = 'ended' AND ended = ?2 AND id > ?3 AND ?2 < ?1"      \
    " UNION ALL SELECT ended, id FROM job WHERE state = 'ended' AND ended > ?2 AND ended < ?1"     \
    " ORDER BY ended, id LIMIT ?4)"

/* Each (host, domain) once, by one step in the index to the next: there are many rows of each. */
#define DOMAINS_OF(table)                                                                          \
    ("WITH RECURSIVE d (row) AS (SELECT (SELECT rowid FROM " table                                 \
     " ORDER BY host, domain LIMIT 1) UNION ALL SELECT coalesce("                                  \
     " (SELECT rowid FROM " table " WHERE host = t.host AND domain > t.domain"                     \
     "  ORDER BY domain LIMIT 1), (SELECT rowid FROM " table " WHERE host > t.host"                \
     "  ORDER BY host, domain LIMIT 1)) FROM d JOIN " table " t ON t.rowid = d.row)"               \
     " SELECT host, domain FROM d JOIN " table " ON " table ".rowid = d.row")

/* So many messages wait for a target that takes none. */
#define CROWD                                                                                      \
    " FROM message WHERE target = ?1 AND began = 0 AND id <="                                      \
    " (SELECT id FROM message WHERE target = ?1 ORDER BY id DESC LIMIT 1 OFFSET 200)"

const char *const db_sql[ST_COUNT] = {
    [ST_META_GET] = "SELECT value FROM meta WHERE key = ?1",
    [ST_META_PUT] = "INSERT INTO meta (key, value) VALUES (?1, ?2)",
    [ST_META_SET] = "INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)",

    [ST_JOB_FIRST] = ("INSERT INTO sqlite_sequence (name, seq) SELECT 'job', 0 WHERE NOT EXISTS"
                      " (SELECT 1 FROM sqlite_sequence WHERE name = 'job')"),
    [ST_JOB_RAISE] = "UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'job' AND seq < ?1",
    [ST_JOB_ADD] = ("INSERT INTO job (kind, host, domain, policy, repository, asked, level, state,"
                    " outcome, reason, why, due, created, ended, uptime, boot, guest,"
                    " force, sample) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, ?9, ?10, ?11,"
                    " ?12, ?13, ?14, ?15, ?16, ?17, ?18)"),
    [ST_JOB_BEGIN] =
        ("UPDATE job SET state = 'running', started = ?2, asked = ?3, level = ?3, step = ?4,"
         " checkpoint = ?5, mode = ?6, document = ?7, reuse = ?8"
         " WHERE id = ?1 AND state = 'queued'"),
    [ST_JOB_REMOVE] = "DELETE FROM job WHERE id = ?1 AND state = 'queued'",
    [ST_JOB_START] = ("UPDATE job SET state = 'running', started = ?2, level = ?3, why = ?4,"
                      " point = ?5, parent = ?6, point_time = ?7, checkpoint = ?8, mode = ?9"
                      " WHERE id = ?1 AND state = 'queued'"),
    [ST_JOB_COPY] = ("UPDATE job SET level = ?2, point = ?3, parent = ?4, point_time = ?5,"
                     " mode = ?6, copy_of = ?7, publishing = 0"
                     " WHERE id = ?1 AND state = 'running'"),
    [ST_JOB_DISK_CLEAR] = "DELETE FROM job_disk WHERE job = ?1",
    [ST_JOB_STEP] = ("UPDATE job SET step = ?2, publishing = max(publishing, ?2 = 'publishing')"
                     " WHERE id = ?1 AND state = 'running'"),
    [ST_JOB_PROGRESS] = ("UPDATE job SET bytes_done = ?2, bytes_total = ?3, elapsed_ms = ?4,"
                         " temp_used = ?5, temp_total = ?6 WHERE id = ?1 AND state = 'running'"),
    [ST_JOB_DOCUMENT] = "UPDATE job SET document = ?2 WHERE id = ?1 AND state = 'running'",
    [ST_JOB_END] = ("UPDATE job SET state = 'ended', ended = ?2, outcome = ?3, error = ?4,"
                    " reason = ?5 WHERE id = ?1 AND state <> 'ended'"),
    [ST_JOB_STATE] = "SELECT state FROM job WHERE id = ?1",
    /* Oldest first. */
    [ST_JOB_GET] = "SELECT " JOB_COLUMNS " FROM job WHERE id = ?4 AND" JOB_FILTER,
    [ST_JOB_LIST] = "SELECT " JOB_COLUMNS " FROM job WHERE" JOB_FILTER " ORDER BY id",
    [ST_JOB_LIST_NEWEST] =
        ("SELECT " JOB_COLUMNS " FROM job WHERE id IN"
         " (SELECT id FROM job WHERE" JOB_FILTER "  ORDER BY id DESC LIMIT ?5) ORDER BY id"),
    [ST_JOB_LIST_OF] = ("SELECT " JOB_COLUMNS " FROM job WHERE id IN"
                        " (SELECT id FROM job INDEXED BY job_of WHERE host = ?1 AND domain = ?2"
                        "  AND (?3 IS NULL OR policy = ?3) ORDER BY id DESC LIMIT ?5) ORDER BY id"),
    [ST_JOB_LIST_OPEN] = ("SELECT " JOB_COLUMNS " FROM job WHERE id IN"
                          " (SELECT id FROM job INDEXED BY job_open WHERE state <> 'ended'"
                          "  AND (?4 = 0 OR id = ?4)"
                          "  AND" JOB_FILTER " ORDER BY id DESC LIMIT ?5) ORDER BY id"),
    [ST_JOB_LAST_BACKUP] =
        ("SELECT id, outcome, ended, reason, started FROM job INDEXED BY job_of WHERE host = ?1"
         " AND domain = ?2 AND policy = ?3 AND kind = 'backup' AND state = 'ended'"
         " ORDER BY id DESC LIMIT 1"),
    /* What the planner needs stays: of each (host, domain, policy) the last scheduled backup; and,
     * for people, the last one of each kind that was asked for by hand. */
    [ST_JOB_EXPIRE_TO] = "SELECT ended, id FROM " EXPIRED " LIMIT 1 OFFSET ?4 - 1",
    [ST_JOB_EXPIRE] = ("DELETE FROM job WHERE id IN (SELECT id FROM " EXPIRED ") AND EXISTS"
                       " (SELECT 1 FROM job n WHERE n.host = job.host AND n.domain = job.domain"
                       "  AND n.policy = job.policy AND n.kind = job.kind"
                       "  AND n.id > job.id AND (n.due = 0) = (job.due = 0))"),
    [ST_JOB_POINT_ADD] = "INSERT INTO job_point (job, position, point) VALUES (?1, ?2, ?3)",
    [ST_JOB_POINT_LIST] = "SELECT point FROM job_point WHERE job = ?1 ORDER BY position",
    [ST_JOB_LAST_OF_KIND] =
        ("SELECT id, outcome, ended, reason, started FROM job INDEXED BY job_of WHERE host = ?1"
         " AND domain = ?2 AND policy = ?3 AND kind = ?4 AND outcome <> 'skipped'"
         " AND state = 'ended' ORDER BY id DESC LIMIT 1"),
    [ST_JOB_DISK_ADD] =
        ("INSERT INTO job_disk (job, position, name, path, format, backing, capacity, image,"
         " identity, device, bitmap) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"),
    [ST_JOB_DISK_LIST] = ("SELECT name, path, format, capacity, 0, 0, backing, NULL, image,"
                          " identity, device, bitmap, NULL FROM job_disk"
                          " WHERE job = ?1 ORDER BY position"),
    [ST_JOB_NEXT] =
        ("SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'job'), 0) + 1"),
    [ST_JOB_LAST] = ("SELECT id FROM job WHERE host = ?1 AND domain = ?2 AND state = 'ended'"
                     " AND started <> 0 AND guest"
                     " ORDER BY ended DESC, id DESC LIMIT 1"),

    [ST_POINT_ADD] = ("INSERT INTO point (id, host, domain, policy, repository, level, parent,"
                      " created, checkpoint, mode, state, quiesced, why, keep, job, catalog,"
                      " problem, damage, pinned, pin_until, pin_note, copy_of, repository_id)"
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
                      " ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22,"
                      " (SELECT r.id FROM repository r WHERE r.name = ?5))"
                      " ON CONFLICT (id) DO NOTHING"),
    [ST_POINT_LIST] = "SELECT " POINT_COLUMNS " FROM point WHERE" POINT_FILTER POINT_ORDER,
    [ST_POINT_LIST_OF] = ("SELECT " POINT_COLUMNS " FROM point WHERE host = ?1 AND domain = ?2"
                          " AND" POINT_FILTER POINT_ORDER),
    [ST_POINT_LIST_IN] =
        ("SELECT " POINT_COLUMNS " FROM point INDEXED BY point_in WHERE repository = ?4"
         " AND" POINT_FILTER POINT_ORDER),
    [ST_POINT_SKETCH] = ("SELECT created, job, policy, state, proven, catalog FROM point"
                         " WHERE host = ?1 AND domain = ?2 AND copy_of IS NULL"
                         " ORDER BY created, job, policy"),
    /* Of each policy. */
    [ST_POINT_NEWEST] =
        ("SELECT p.id, p.repository, d.name, d.path, d.length, d.backing FROM coverage c"
         " JOIN point p ON p.id ="
         " (SELECT n.id FROM point n WHERE n.host = ?1 AND n.domain = ?2 AND n.policy = c.policy"
         "  AND n.state = 'good' AND n.copy_of IS NULL ORDER BY n.created DESC LIMIT 1)"
         " JOIN point_disk d ON d.point = p.id WHERE c.host = ?1 AND c.domain = ?2"
         " ORDER BY c.policy, d.position"),
    /* What it stands on, the next below it first. */
    [ST_POINT_BELOW] =
        ("WITH RECURSIVE below (id, n) AS (SELECT parent, 1 FROM point WHERE id = ?1"
         "  UNION ALL SELECT p.parent, b.n + 1 FROM below b JOIN point p ON p.id = b.id"
         "  WHERE p.parent IS NOT NULL)"
         " SELECT p.id, p.repository, d.name, d.path, d.length, d.backing FROM below b"
         " JOIN point p ON p.id = b.id JOIN point_disk d ON d.point = p.id"
         " WHERE p.state = 'good' ORDER BY b.n, d.position"),
    [ST_POINT_SIZE] =
        ("SELECT coalesce(sum(bytes), 0) FROM point_disk WHERE point ="
         " (SELECT id FROM point WHERE host = ?1 AND domain = ?2 AND policy = ?3 AND level = ?4"
         "  AND copy_of IS NULL ORDER BY created DESC LIMIT 1)"),
    [ST_POINT_CHAIN] =
        ("SELECT id, level FROM point WHERE host = ?1 AND domain = ?2"
         " AND policy = ?3 AND copy_of IS NULL AND state = 'good' ORDER BY created DESC, job DESC"),
    [ST_POINT_BYTES] = "SELECT coalesce(sum(bytes), 0) FROM point_disk WHERE point = ?1",
    [ST_JOB_BACKUPS_SINCE] = ("SELECT host, domain, outcome, level, ended FROM job"
                              " WHERE state = 'ended' AND ended >= ?1 AND guest ORDER BY ended"),
    [ST_SEEN_ONE] = "SELECT CAST(state AS INTEGER), at FROM seen WHERE kind = ?1 AND name = ?2",
    [ST_SEEN_STATE] = "SELECT state FROM seen WHERE kind = ?1 AND name = ?2",
    [ST_JOB_ENDED_SINCE] = ("SELECT id, kind, guest, host, domain, policy, repository, outcome,"
                            " ended, bytes_done, reason FROM job"
                            " WHERE state = 'ended' AND ended >= ?1 ORDER BY ended, id"),
    [ST_JOB_TOTALS] = "SELECT kind, outcome, jobs, bytes FROM job_total",
    [ST_JOB_DURATIONS] = "SELECT kind, bound, jobs, seconds FROM job_duration",
    [ST_POINT_OF_TIME] = "SELECT id, host, domain FROM point WHERE created = ?1",
    [ST_POINT_GOING] = ("SELECT DISTINCT host, domain, policy, repository FROM point WHERE rowid IN"
                        " (SELECT rowid FROM point INDEXED BY point_of WHERE state = 'deleting')"),
    [ST_POINT_DOMAINS] = DOMAINS_OF("point"),
    [ST_JOB_DOMAINS] = DOMAINS_OF("job"),
    /* The one made last; among those that no job's number tells of, the newest. */
    [ST_POINT_LAST_GOOD] = ("SELECT " POINT_COLUMNS " FROM point"
                            " WHERE host = ?1 AND domain = ?2 AND (?3 IS NULL OR policy = ?3)"
                            " AND copy_of IS NULL AND state = 'good'"
                            " ORDER BY job DESC, created DESC, policy DESC LIMIT 1"),
    [ST_POINT_STATE] = "UPDATE point SET state = ?2, problem = ?3 WHERE id = ?1",
    [ST_POINT_DAMAGE] = ("UPDATE point SET damage = ?2, problem = ?2,"
                         " state = CASE WHEN ?2 IS NULL THEN 'good' ELSE 'damaged' END"
                         " WHERE id = ?1 AND state <> 'deleting'"),
    [ST_POINT_KEEP] = "UPDATE point SET keep = ?2 WHERE id = ?1",
    [ST_POINT_READ] = ("UPDATE point SET read_at = ?2, read_slice = ?3, read_slices = ?4,"
                       " read_job = ?5, read_result = ?6,"
                       " proven = CASE WHEN ?7 THEN ?2 ELSE proven END WHERE id = ?1"),
    [ST_POINT_PIN] = ("UPDATE point SET pinned = ?2, pin_until = ?3, pin_note = ?4"
                      " WHERE id = ?1"),
    [ST_JOB_READING_PUT] = ("INSERT OR REPLACE INTO job_reading (job, point, disk, offset, slice,"
                            " slices, result) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
    [ST_JOB_READING] = ("SELECT point, disk, offset, slice, slices, result FROM job_reading"
                        " WHERE job = ?1"),
    [ST_SCHEDULE_GET] = "SELECT since, last FROM schedule WHERE policy = ?1 AND what = ?2",
    [ST_SCHEDULE_ADD] = "INSERT INTO schedule (policy, what, since, last) VALUES (?1, ?2, ?3, ?3)",
    [ST_SCHEDULE_RAN] = "UPDATE schedule SET last = ?3 WHERE policy = ?1 AND what = ?2",
    [ST_SCHEDULE_FORGET] = "DELETE FROM schedule WHERE policy = ?1 AND what = ?2",
    [ST_POINT_NEEDED] = ("SELECT id FROM point WHERE parent = ?1 UNION"
                         " SELECT point FROM point_disk WHERE backing = ?1 LIMIT 1"),
    [ST_POINT_DELETE] = "DELETE FROM point WHERE id = ?1",
    [ST_POINT_DISK_ADD] = ("INSERT INTO point_disk (point, position, name, path, format, backing,"
                           " capacity, bytes, length, digest, image, identity, device, bitmap,"
                           " content)"
                           " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
                           " ?15)"),
    [ST_POINT_DISK_LIST] = ("SELECT name, path, format, capacity, bytes, length, backing, digest,"
                            " image, identity, device, bitmap, content"
                            " FROM point_disk WHERE point = ?1 ORDER BY position"),
    /* While images are merged their lengths change. */
    [ST_POINT_MERGING] = ("UPDATE point_disk SET length = 0, digest = NULL"
                          " WHERE point = ?1 AND backing = ?2"),
    [ST_POINT_MERGED] = "UPDATE point SET level = ?2, parent = ?3 WHERE id = ?1",
    [ST_POINT_DISK_MERGED] = ("UPDATE point_disk SET backing = ?3, bytes = ?4, length = ?5,"
                              " digest = ?6 WHERE point = ?1 AND name = ?2"),

    /* The parent: the newest that is no more provisional. */
    [ST_CHECKPOINT_ADD] =
        ("INSERT INTO checkpoint (name, host, domain, policy, state, created, description, parent)"
         " VALUES (?1, ?2, ?3, ?4, 'provisional', ?5, ?6, (SELECT name FROM checkpoint"
         " WHERE host = ?2 AND domain = ?3 AND state IN ('current', 'kept') AND NOT aside"
         " ORDER BY rowid DESC LIMIT 1))"),
    [ST_CHECKPOINT_NAMED] = ("SELECT 1 FROM checkpoint WHERE host = ?1 AND domain = ?2"
                             " AND name = ?3"),
    [ST_CHECKPOINT_DISK_ADD] =
        ("INSERT INTO checkpoint_disk (host, domain, checkpoint, position, name, capacity, image,"
         " identity, device, bitmap) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"),
    [ST_CHECKPOINT_DISK_LIST] = ("SELECT name, capacity, image, identity, device, bitmap"
                                 " FROM checkpoint_disk WHERE host = ?1"
                                 " AND domain = ?2 AND checkpoint = ?3 ORDER BY position"),
    [ST_CHECKPOINT_LIST] = ("SELECT " CHECKPOINT_COLUMNS " FROM checkpoint"
                            " WHERE (?1 IS NULL OR host = ?1) AND (?2 IS NULL OR domain = ?2)"
                            " ORDER BY rowid"),
    [ST_CHECKPOINT_LIST_OF] = ("SELECT " CHECKPOINT_COLUMNS " FROM checkpoint"
                               " WHERE host = ?1 AND domain = ?2 ORDER BY rowid"),
    [ST_CHECKPOINT_DROP] = "UPDATE checkpoint SET state = 'dropping' WHERE name = ?1",
    [ST_CHECKPOINT_GIVE_UP] = ("UPDATE checkpoint SET state = 'dropping' WHERE host = ?1"
                               " AND domain = ?2 AND name = ?3 AND state = 'provisional'"),
    [ST_CHECKPOINT_DROP_CURRENT] = ("UPDATE checkpoint SET state = 'dropping' WHERE host = ?1"
                                    " AND domain = ?2 AND policy = ?3 AND state = 'current'"),
    /* With the point whose it is. */
    [ST_CHECKPOINT_DROP_OF_POINT] =
        ("UPDATE checkpoint SET state = 'dropping' WHERE state = 'current'"
         " AND (host, domain, policy, name) ="
         " (SELECT host, domain, policy, checkpoint FROM point WHERE id = ?1)"),
    [ST_CHECKPOINT_DROP_OF_JOB] = ("UPDATE checkpoint SET state = 'dropping' WHERE state ="
                                   " 'provisional' AND (host, domain, name) ="
                                   " (SELECT host, domain, checkpoint FROM job WHERE id = ?1)"),
    [ST_CHECKPOINT_DROP_ORPHANS] =
        ("UPDATE checkpoint SET state = 'dropping' WHERE state = 'provisional' AND NOT EXISTS"
         " (SELECT 1 FROM job j WHERE j.state <> 'ended' AND j.host = checkpoint.host"
         "  AND j.domain = checkpoint.domain AND j.checkpoint = checkpoint.name)"),
    /* One that is dropping already may be gone at the hypervisor: it never comes back. */
    [ST_CHECKPOINT_MAKE_CURRENT] = ("UPDATE checkpoint SET state = 'current' WHERE name = ?1"
                                    " AND state = 'provisional'"),
    [ST_CHECKPOINT_KEEP] = ("UPDATE checkpoint SET state = 'kept' WHERE host = ?1 AND domain = ?2"
                            " AND name = ?3 AND state = 'provisional'"),
    [ST_CHECKPOINT_KEEP_OF_JOB] =
        ("UPDATE checkpoint SET state = 'kept' WHERE state = 'provisional'"
         " AND (host, domain, name) = (SELECT host, domain, checkpoint"
         " FROM job WHERE id = ?1 AND kind = 'backup-begin')"),
    /* Of one domain, or (NULL) of whichever has it: names of our own making are unique. */
    [ST_CHECKPOINT_REPARENT] =
        ("UPDATE checkpoint SET parent = (SELECT p.parent FROM checkpoint p WHERE p.name = ?1"
         "  AND p.host = checkpoint.host AND p.domain = checkpoint.domain)"
         " WHERE parent = ?1 AND (?2 IS NULL OR host = ?2) AND (?3 IS NULL OR domain = ?3)"),
    [ST_CHECKPOINT_FORGET] = ("DELETE FROM checkpoint WHERE name = ?1 AND (?2 IS NULL OR host = ?2)"
                              " AND (?3 IS NULL OR domain = ?3)"),
    /* Names of our own making are known by themselves. */
    [ST_CHECKPOINT_REMEMBER] =
        ("INSERT OR REPLACE INTO checkpoint_gone (host, domain, name, created)"
         " SELECT host, domain, name, created FROM checkpoint WHERE name = ?1 AND policy = ''"
         " AND (?2 IS NULL OR host = ?2) AND (?3 IS NULL OR domain = ?3)"),
    [ST_CHECKPOINT_GONE] = ("SELECT name FROM checkpoint_gone WHERE host = ?1 AND domain = ?2"
                            " ORDER BY name"),
    [ST_CHECKPOINT_REDEFINE] =
        ("UPDATE checkpoint SET created = ?4, description = ?5, parent = ?6"
         " WHERE host = ?1 AND domain = ?2 AND name = ?3 AND state = 'kept'"),
    /* It goes on the line if its parent is the line's end, or if there is no line yet. */
    [ST_CHECKPOINT_REDEFINE_NEW] =
        ("INSERT INTO checkpoint (name, host, domain, policy, state, created, description, parent,"
         " aside) VALUES (?3, ?1, ?2, '', 'kept', ?4, ?5, ?6, coalesce((SELECT name IS NOT ?6"
         " FROM checkpoint WHERE host = ?1 AND domain = ?2 AND state IN ('current', 'kept')"
         " AND NOT aside ORDER BY rowid DESC LIMIT 1), 0))"),
    [ST_CHECKPOINT_DISK_CLEAR] = ("DELETE FROM checkpoint_disk WHERE host = ?1 AND domain = ?2"
                                  " AND checkpoint = ?3"),

    [ST_CHECKPOINT_LEFT_OUT_ADD] =
        ("INSERT INTO checkpoint_left_out (host, domain, checkpoint, position, name)"
         " VALUES (?1, ?2, ?3, ?4, ?5)"),
    [ST_CHECKPOINT_LEFT_OUT_LIST] = ("SELECT name FROM checkpoint_left_out WHERE host = ?1"
                                     " AND domain = ?2 AND checkpoint = ?3 ORDER BY position"),
    [ST_CHECKPOINT_LEFT_OUT_CLEAR] =
        ("DELETE FROM checkpoint_left_out WHERE host = ?1 AND domain = ?2 AND checkpoint = ?3"),

    [ST_MISSING_ADD] = "INSERT OR IGNORE INTO missing_disk (point, name) VALUES (?1, ?2)",
    [ST_MISSING_OF] = ("SELECT name FROM missing_disk WHERE point = (SELECT id FROM point"
                       " WHERE host = ?1 AND domain = ?2 AND created = ?3 AND job = ?4"
                       " AND policy = ?5) ORDER BY name"),
    [ST_MISSING_LIST] = "SELECT name FROM missing_disk WHERE point = ?1 ORDER BY name",
    [ST_LEFT_OUT_ADD] =
        "INSERT OR IGNORE INTO left_out_disk (point, name, why) VALUES (?1, ?2, ?3)",
    [ST_LEFT_OUT_LIST] = "SELECT name, why FROM left_out_disk WHERE point = ?1 ORDER BY name",

    [ST_COVER] = ("INSERT INTO coverage (host, domain, policy, since) VALUES (?1, ?2, ?3, ?4)"
                  " ON CONFLICT DO UPDATE SET gone = NULL, away = 0,"
                  " since = CASE away WHEN 0 THEN since ELSE ?4 END"
                  " WHERE gone IS NOT NULL OR away <> 0"),
    [ST_COVER_GONE] = ("UPDATE coverage SET gone = ?3 WHERE host = ?1 AND domain = ?2"
                       " AND gone IS NULL"),
    [ST_COVER_EXPIRE] = "DELETE FROM coverage WHERE gone < ?1 AND away = 0",
    [ST_COVERED] = ("SELECT DISTINCT domain FROM coverage WHERE host = ?1 AND gone IS NULL"
                    " AND away = 0 ORDER BY domain"),
    [ST_AT_HOST] = "SELECT place, boot, ran FROM job_at_host WHERE job = ?1",
    [ST_AT_HOST_PLACE] = ("INSERT INTO job_at_host (job, place) VALUES (?1, ?2)"
                          " ON CONFLICT DO UPDATE SET place = excluded.place"),
    [ST_AT_HOST_RAN] = ("INSERT INTO job_at_host (job, boot, ran) VALUES (?1, ?2, ?3)"
                        " ON CONFLICT DO UPDATE SET boot = excluded.boot, ran = excluded.ran"),
    [ST_AT_HOST_FIND] = ("SELECT max(a.job) FROM job_at_host a JOIN job j ON j.id = a.job"
                         " WHERE a.place = ?3 AND j.host = ?1 AND j.domain = ?2"),
    [ST_UNCOVER] = ("INSERT INTO coverage (host, domain, policy, since, away)"
                    " VALUES (?1, ?2, ?3, ?4, ?4)"
                    " ON CONFLICT DO UPDATE SET away = ?4 WHERE away = 0"),
    [ST_COVER_LIST] = "SELECT host, domain, policy, since, away FROM coverage",
    [ST_COVER_FORGET] = ("DELETE FROM coverage WHERE host = ?1 AND domain = ?2 AND policy = ?3"
                         " AND away <> 0"),
    [ST_COVER_SINCE] = "SELECT since FROM coverage WHERE host = ?1 AND domain = ?2 AND policy = ?3",
    /* The job made last: what it came to, and how many of that due time failed. */
    [ST_HISTORY] =
        ("SELECT due, state, outcome, error, ended, asked,"
         " (SELECT count(*) FROM job f WHERE f.host = j.host AND f.domain = j.domain"
         "  AND f.policy = j.policy AND f.kind = 'backup' AND f.due = j.due AND f.due <> 0"
         "  AND f.outcome = 'failed'), created, uptime, boot"
         " FROM job j INDEXED BY job_of WHERE host = ?1 AND domain = ?2 AND policy = ?3"
         " AND kind = 'backup' AND due <> 0 ORDER BY id DESC LIMIT 1"),
    [ST_SINCE_FULL] =
        ("WITH b AS (SELECT id, level, point_time FROM job INDEXED BY job_of WHERE host = ?1"
         "  AND domain = ?2 AND policy = ?3 AND kind = 'backup' AND outcome = 'success'),"
         " f AS (SELECT coalesce(max(id), 0) AS id FROM b WHERE level = 'full')"
         " SELECT (SELECT count(*) FROM b WHERE id > f.id), coalesce("
         "  (SELECT point_time FROM b WHERE id = f.id), (SELECT min(point_time) FROM b), 0)"
         " FROM f"),
    [ST_DUE_BEFORE] = ("SELECT max(due) FROM job WHERE host = ?1 AND domain = ?2 AND policy = ?3"
                       " AND kind = 'backup' AND due <> 0 AND due <= ?4"),
    [ST_DUES_AFTER] = ("SELECT DISTINCT due FROM job WHERE host = ?1 AND domain = ?2"
                       " AND policy = ?3 AND kind = 'backup' AND due > ?4 ORDER BY due LIMIT 1000"),

    [ST_QUIESCED] = "SELECT job FROM quiesced WHERE job = ?1",
    [ST_QUIESCED_ADD] = "INSERT OR REPLACE INTO quiesced (job) VALUES (?1)",
    [ST_ALLOCATION] = ("SELECT map FROM allocation WHERE host = ?1 AND domain = ?2"
                       " AND checkpoint = ?3 AND disk = ?4"),
    [ST_ALLOCATION_PUT] = ("INSERT OR REPLACE INTO allocation (host, domain, checkpoint, disk, map)"
                           " VALUES (?1, ?2, ?3, ?4, ?5)"),
    [ST_FROZEN] = "SELECT since FROM frozen WHERE host = ?1 AND domain = ?2",
    [ST_FROZEN_ADD] = "INSERT INTO frozen (host, domain, since) VALUES (?1, ?2, ?3)",
    [ST_FROZEN_DELETE] = "DELETE FROM frozen WHERE host = ?1 AND domain = ?2",

    [ST_MADE_ADD] = ("INSERT INTO made (job, what, path, device, inode, born)"
                     " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
    [ST_MADE_LIST] =
        "SELECT what, path, device, inode, born FROM made WHERE job = ?1 ORDER BY rowid",

    [ST_REPOSITORY_GET] = "SELECT name, id, path, since, seen FROM repository WHERE name = ?1",
    [ST_REPOSITORY_OF_ID] = "SELECT name FROM repository WHERE id = ?1",
    [ST_REPOSITORY_FORGET] = "DELETE FROM repository WHERE name = ?1",
    /* A new id: since now. */
    [ST_REPOSITORY_PUT] = ("INSERT OR REPLACE INTO repository (name, id, path, since, seen)"
                           " VALUES (?1, ?2, ?3, ?4, ?4)"),
    [ST_REPOSITORY_SEEN] = "UPDATE repository SET path = ?2, seen = ?3 WHERE name = ?1",
    [ST_REPOSITORY_POINTS] = ("UPDATE point SET repository_id = ?2 WHERE repository = ?1"
                              " AND repository_id IS NULL"),
    /* What is half removed stays so: it is finished when its repository is back. */
    [ST_REPOSITORY_AWAY] =
        ("UPDATE point SET state = 'missing',"
         " problem = 'it is in repository ' || repository_id || ', and ' || ?2 || ' took its place'"
         " WHERE repository = ?1 AND repository_id <> ?2 AND state IN ('good', 'damaged')"),
    /* Not one that is good under another name: that is a copy of this one. */
    [ST_REPOSITORY_BACK] =
        ("UPDATE point SET state = CASE state WHEN 'missing' THEN 'good' ELSE state END,"
         " problem = CASE state WHEN 'missing' THEN NULL ELSE problem END,"
         " repository = ?2, repository_id = ?3"
         " WHERE id = ?1 AND (repository = ?2 OR state = 'missing')"),
    [ST_SEEN_FORGET_OLD] = "DELETE FROM seen WHERE kind = ?1 AND at < ?2",
    [ST_SEEN_FORGET] = "DELETE FROM seen WHERE kind = ?1 AND name = ?2",
    [ST_SEEN_PUT] =
        ("INSERT INTO seen (kind, name, state, problem, at, unsafe) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
         " ON CONFLICT (kind, name) DO UPDATE SET state = ?3, problem = ?4, at = ?5, unsafe = ?6"),
    [ST_SEEN_UUID] = "UPDATE seen SET uuid = ?2 WHERE kind = 'domain' AND name = ?1",
    [ST_SEEN_LIST] = ("SELECT kind, name, state, at, problem, unsafe, uuid FROM seen"
                      " WHERE kind = ?1 ORDER BY name"),
    [ST_SEEN_DISK_ADD] = ("INSERT OR IGNORE INTO seen_disk (host, domain, name, since, identity,"
                          " aside) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
    [ST_SEEN_DISK_CLEAR] = "DELETE FROM seen_disk WHERE host = ?1 AND domain = ?2",
    [ST_SEEN_DISK_LIST] = ("SELECT name, since, identity, aside FROM seen_disk WHERE host = ?1"
                           " AND domain = ?2 ORDER BY name"),

    [ST_TOLD_LIST] = ("SELECT condition, facts, since, times, again FROM told WHERE target = ?1"
                      " ORDER BY condition"),
    [ST_TOLD_PUT] = ("INSERT OR REPLACE INTO told (target, condition, facts, since, times, again)"
                     " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
    [ST_TOLD_DELETE] = "DELETE FROM told WHERE target = ?1 AND condition = ?2",
    [ST_TOLD_FORGET] = "DELETE FROM told WHERE target = ?1",
    [ST_MESSAGE_ADD] = ("INSERT INTO message (target, kind, subject, body, created, expires, next)"
                        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
    [ST_MESSAGE_FIRST] =
        ("SELECT id, target, kind, subject, body, created, expires, next, tries, problem"
         " FROM message WHERE target = ?1 ORDER BY id LIMIT 1"),
    [ST_MESSAGE_LIST] =
        ("SELECT id, target, kind, subject, '', created, expires, next, tries, problem"
         " FROM message ORDER BY id"),
    /* It was being sent when somebody died. */
    [ST_MESSAGE_UNSURE] = "SELECT unsure + (began <> 0) FROM message WHERE id = ?1",
    [ST_MESSAGE_BEGIN] =
        "UPDATE message SET unsure = unsure + (began <> 0), began = ?2 WHERE id = ?1",
    /* What came before the newest, but for what is being sent. */
    [ST_MESSAGE_LOSE] =
        ("UPDATE target SET n_lost = n_lost + (SELECT count(*)" CROWD ") WHERE name = ?1"),
    [ST_MESSAGE_DROP] = ("DELETE" CROWD),
    [ST_MESSAGE_FAILED] =
        ("UPDATE message SET began = 0, unsure = 0, tries = tries + 1, problem = ?3,"
         " next = ?4 WHERE id = ?1"),
    [ST_MESSAGE_DELETE] = "DELETE FROM message WHERE id = ?1",
    [ST_MESSAGE_FORGET] = "DELETE FROM message WHERE target = ?1",
    [ST_MESSAGE_HURRY] = "UPDATE message SET next = 0 WHERE target = ?1",
    [ST_TARGET_LIST] =
        ("SELECT name, sent, tested, failed, problem, n_sent, n_failed, n_lost,"
         " (SELECT count(*) FROM message WHERE target = name) FROM target ORDER BY name"),
    [ST_TARGET_ADD] = "INSERT OR IGNORE INTO target (name) VALUES (?1)",
    [ST_TARGET_SENT] = ("INSERT INTO target (name, sent, n_sent)"
                        " SELECT target, ?2, 1 FROM message WHERE id = ?1"
                        " ON CONFLICT (name) DO UPDATE SET sent = ?2, problem = NULL,"
                        " n_sent = n_sent + 1"),
    /* next 0: it is given up. */
    [ST_TARGET_FAILED] = ("INSERT INTO target (name, failed, problem, n_failed, n_lost)"
                          " SELECT target, ?2, ?3, 1, ?4 = 0 FROM message WHERE id = ?1"
                          " ON CONFLICT (name) DO UPDATE SET failed = ?2, problem = ?3,"
                          " n_failed = n_failed + 1, n_lost = n_lost + (?4 = 0)"),
    [ST_TARGET_TRIED] =
        ("INSERT INTO target (name, sent, tested, failed, problem, n_sent, n_failed)"
         " VALUES (?1, iif(?3 IS NULL, ?2, 0), iif(?4, ?2, 0), iif(?3 IS NULL, 0, ?2), ?3,"
         "  ?3 IS NULL, ?3 IS NOT NULL)"
         " ON CONFLICT (name) DO UPDATE SET sent = max(sent, excluded.sent),"
         " tested = max(tested, excluded.tested), failed = max(failed, excluded.failed),"
         " problem = excluded.problem, n_sent = n_sent + excluded.n_sent,"
         " n_failed = n_failed + excluded.n_failed"),
    [ST_TARGET_FORGET] = "DELETE FROM target WHERE name = ?1",
    [ST_RUN_GET] = "SELECT began, ended FROM policy_run WHERE policy = ?1",
    [ST_RUN_PUT] = ("INSERT OR REPLACE INTO policy_run (policy, began, ended) VALUES (?1, ?2, ?3)"),
};

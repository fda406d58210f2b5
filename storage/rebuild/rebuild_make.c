/* SPDX-License-Identifier: MIT
 *
 * Rebuilding a catalog, second part: making the file, and giving it its name.
 *
 * Order: points first, so that what a catalog says of them finds them; then each catalog, the
 * former file before copies, later copies before earlier ones, rows that are there already
 * staying as they are; then what follows from both: the current checkpoints, the next number. */
#include "storage/rebuild/rebuild.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/mark.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "storage/catalog/catalog_priv.h"
#include "storage/rebuild/rebuild_debris.h"

#define DIGITS_MAX 1000 /* of names for the former file within one second */

/* What only the newest catalog can tell of points: those that retention has given up, or that a
 * read has found damaged, are that still.  (What a look at files has found is looked at anew.)  But
 * one that was put back undoes jobs that ended well after it
 * was saved, and what it could not remove of them is there as a point without disks: that is none
 * to be removed, and neither is what another one stands on. */
static const char points_sql[] =
    "UPDATE main.point SET keep = (SELECT keep FROM was.point w WHERE w.id = point.id)"
    " WHERE id IN (SELECT id FROM was.point);"
    "UPDATE main.point SET (state, problem, damage) ="
    " (SELECT 'damaged', damage, damage FROM was.point w WHERE w.id = point.id)"
    " WHERE state = 'good' AND id IN (SELECT id FROM was.point WHERE damage IS NOT NULL);"
    "UPDATE main.point SET state = 'deleting'"
    " WHERE state = 'good' AND id IN (SELECT id FROM was.point WHERE state = 'deleting')"
    "  AND id IN (SELECT point FROM was.point_disk)"
    "  AND id NOT IN (SELECT backing FROM main.point_disk WHERE backing IS NOT NULL);"
    "INSERT OR IGNORE INTO main.meta SELECT * FROM was.meta WHERE key <> '" BEHIND_KEY "';";

/* A point is no better than what it stands on, and names the one that is bad by itself. */
static const char chains_sql[] =
    "WITH RECURSIVE bad(id, why) AS"
    " (SELECT id, 'it stands on ' || id || ', which is ' || state || ': ' || problem FROM point"
    "   WHERE state IN ('damaged', 'missing')"
    "  UNION SELECT d.point, bad.why FROM bad JOIN point_disk d ON d.backing = bad.id)"
    " UPDATE point SET (state, problem) ="
    "  (SELECT 'damaged', why FROM bad WHERE bad.id = point.id LIMIT 1)"
    "  WHERE state = 'good' AND id IN (SELECT id FROM bad)";

/* One job is one number, whichever catalog tells of it; how it ended is told by whoever saw it. */
static const char jobs_sql[] =
    "DELETE FROM main.job WHERE state <> 'ended'"
    " AND id IN (SELECT id FROM was.job WHERE state = 'ended');"
    "INSERT OR IGNORE INTO main.job SELECT * FROM was.job;"
    "INSERT OR IGNORE INTO main.job_disk SELECT * FROM was.job_disk WHERE job IN"
    " (SELECT id FROM main.job);";

/* A copy is of an instant: the jobs that were open then have ended since, and were they taken up
 * again, what they made would be undone.  Their points tell which ended well. */
static const char settle_sql[] =
    "UPDATE was.job SET state = 'ended', error = 'none', outcome = 'success', step = 'done',"
    " ended = max(created, started),"
    " reason = 'its point was found when the catalog was rebuilt'"
    " WHERE state <> 'ended' AND EXISTS (SELECT 1 FROM main.point p, main.meta m"
    "  WHERE m.key = 'id' AND p.catalog = m.value AND p.job = job.id);"
    "UPDATE was.job SET state = 'ended', error = 'remote', outcome = 'failed',"
    " ended = max(created, started),"
    " reason = 'how it ended is not known: the catalog was lost before it did'"
    " WHERE state <> 'ended';";

/* When the clock was right for the last time, and that it is in doubt: who lost this would let
 * go of points by a clock that has gone ahead.  Of several catalogs the latest word counts; what
 * else was seen is looked at again. */
static const char clock_sql[] =
    "DELETE FROM main.seen WHERE kind = 'clock' AND EXISTS (SELECT 1 FROM was.seen w"
    " WHERE w.kind = seen.kind AND w.name = seen.name AND w.at > seen.at);"
    "INSERT OR IGNORE INTO main.seen SELECT * FROM was.seen WHERE kind = 'clock';";

/* Where no catalog tells it: the clock was right, as far as is known, when the last point was
 * made. */
static const char clock_of_points_sql[] =
    "INSERT OR IGNORE INTO seen (kind, name, state, at) SELECT 'clock', 'believed', 'not known',"
    " max(created) FROM point WHERE created <= %lld HAVING max(created) IS NOT NULL";

/* ---- points ---- */

static const struct rebuild_source *newest(const struct rebuild *r)
{
    const struct rebuild_source *ret = NULL;

    for (size_t i = 0; i < r->sources.n; i++) {
        const struct rebuild_source *s = &r->sources.items[i];

        if (!s->problem && (!ret || s->last_job > ret->last_job))
            ret = s;
    }
    return ret;
}

static bool was_read(const struct rebuild *r, const char *repository)
{
    for (size_t i = 0; i < r->places.n; i++)
        if (str_eq(r->places.items[i].name, repository))
            return true;
    return false;
}

/* Of repositories that were left out this time. */
static int add_unread(struct rebuild *r, struct db *db, const struct point_list *known,
                      struct err *err)
{
    size_t n = 0;

    for (size_t i = 0; i < known->n; i++) {
        if (was_read(r, known->items[i].repository))
            continue;
        if (catalog_insert_point(db, &known->items[i], err) < 0)
            return -1;
        n++;
    }
    if (n > 0) {
        CLEANUP_FREE char *text =
            xasprintf("%zu point%s of repositories that were not read: as %s knows them", n,
                      plural_s(n), newest(r)->path);

        strlist_add(&r->notes, text);
    }
    return 0;
}

/* What a point stands on and nobody has: it keeps its place in the chain. */
static int add_missing(struct rebuild *r, struct db *db, const struct point *above, const char *id,
                       const struct point_list *known, struct err *err)
{
    const struct point *was = point_list_find(known, id);
    struct point p = was ? *was : *above;

    MARK("a rebuilt catalog has a point that is missing");
    p.id = (char *)id;
    p.state = POINT_MISSING;
    p.problem = (char *)"its directory is not in the repository";
    if (!was) {
        p.level = LEVEL_FULL;
        p.parent = p.why = p.keep = p.checkpoint = p.catalog = NULL;
        p.job = 0;
        p.created = above->created - 1;
        p.disks.n = 0;
    }
    if (!strlist_has(&r->missing, id))
        strlist_add(&r->missing, id);
    if (catalog_insert_point(db, &p, err) < 0)
        return -1;
    return p.parent && !point_list_find(&r->points, p.parent)
               ? add_missing(r, db, &p, p.parent, known, err)
               : 0;
}

static int add_below(struct rebuild *r, struct db *db, const struct point_list *known,
                     struct err *err)
{
    for (size_t i = 0; i < r->points.n; i++) {
        const struct point *p = &r->points.items[i];

        if (p->parent && !point_list_find(&r->points, p->parent) &&
            add_missing(r, db, p, p->parent, known, err) < 0)
            return -1;
        for (size_t k = 0; k < p->disks.n; k++) {
            const char *backing = p->disks.items[k].backing;

            if (backing && !point_list_find(&r->points, backing) &&
                add_missing(r, db, p, backing, known, err) < 0)
                return -1;
        }
    }
    return 0;
}

struct building {
    struct rebuild *r;
    const struct point_list *known; /* to the newest catalog */
};

static int points_body(struct db *db, void *arg, struct err *err)
{
    const struct building *b = arg;

    if (catalog_exec(db, ST_META_PUT, (const char *const[]){"id", b->r->id}, 2, err) < 0 ||
        db_exec(db, "PRAGMA defer_foreign_keys = ON", err) < 0)
        return -1;
    for (size_t i = 0; i < b->r->points.n; i++)
        if (catalog_insert_point(db, &b->r->points.items[i], err) < 0)
            return -1;
    if (add_below(b->r, db, b->known, err) < 0)
        return -1;
    return add_unread(b->r, db, b->known, err);
}

/* ---- catalogs ---- */

/* Tables that are taken whole from the newest catalog: all but these. */
static bool is_taken_elsewhere(const char *table)
{
    static const char *const names[] = {"meta", "point", "point_disk", "job", "job_disk", "seen"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(table, names[i]))
            return true;
    return starts_with(table, "sqlite_");
}

static int take_tables(struct rebuild *r, struct db *db, struct err *err)
{
    sqlite3_stmt *st = NULL;
    struct strlist tables = {0};
    int rc;

    if (db_prepare(db, "SELECT name FROM was.sqlite_schema WHERE type = 'table' ORDER BY rowid", 0,
                   &st, err) < 0)
        return -1;
    while ((rc = db_row(db, st, 1, err)) > 0)
        strlist_add(&tables, (const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    for (size_t i = 0; i < tables.n && rc == 0; i++) {
        CLEANUP_FREE char *text =
            xasprintf("INSERT OR IGNORE INTO main.\"%s\" SELECT * FROM was.\"%s\"", tables.items[i],
                      tables.items[i]);
        struct err why = ERR_INIT;

        /* What speaks of points that are gone has nothing to say. */
        if (!is_taken_elsewhere(tables.items[i]) && db_exec(db, text, &why) < 0) {
            CLEANUP_FREE char *about = xasprintf("%s: left out: %s", tables.items[i], why.msg);

            strlist_add(&r->notes, about);
        }
    }
    strlist_done(&tables);
    return rc;
}

static int attach(struct db *db, const struct rebuild_source *s, struct err *err)
{
    sqlite3_backup *backup;

    if (db_exec(db, "ATTACH ':memory:' AS was", err) < 0)
        return -1;
    backup = sqlite3_backup_init(db->h, "was", s->catalog->db.h, "main");
    if (backup)
        sqlite3_backup_step(backup, -1);
    return backup && sqlite3_backup_finish(backup) == SQLITE_OK ? 0 : db_fail(db, err);
}

static int take(struct rebuild *r, struct db *db, const struct rebuild_source *s, struct err *err)
{
    if (attach(db, s, err) < 0 || db_exec(db, "BEGIN IMMEDIATE", err) < 0)
        return -1;
    if ((!s->is_catalog && db_exec(db, settle_sql, err) < 0) || db_exec(db, jobs_sql, err) < 0 ||
        db_exec(db, clock_sql, err) < 0 ||
        (s == newest(r) && (db_exec(db, points_sql, err) < 0 || take_tables(r, db, err) < 0)))
        return -1;
    if (db_exec(db, "COMMIT", err) < 0)
        return -1;
    return db_exec(db, "DETACH was", err);
}

/* ---- what follows ---- */

static bool same_chain(const struct point *a, const struct point *b)
{
    return str_eq(a->host, b->host) && str_eq(a->domain, b->domain) && str_eq(a->policy, b->policy);
}

static bool is_last(const struct rebuild *r, const struct point *p)
{
    for (size_t i = 0; i < r->points.n; i++)
        if (same_chain(&r->points.items[i], p) && point_made_after(&r->points.items[i], p, r->id))
            return false;
    return true;
}

static int drop_current(struct db *db, const struct point *p, struct err *err)
{
    return catalog_exec(db, ST_CHECKPOINT_DROP_CURRENT,
                        (const char *const[]){p->host, p->domain, p->policy}, 3, err);
}

/* The last point of a chain has the checkpoint that the next increment starts from. */
static int add_checkpoint(struct db *db, const struct point *p, struct err *err)
{
    struct checkpoint k = {
        .name = p->checkpoint,
        .host = p->host,
        .domain = p->domain,
        .policy = p->policy,
        .created = p->created,
    };
    struct err why = ERR_INIT;
    int rc;

    for (size_t i = 0; i < p->disks.n; i++)
        *VEC_ADD(&k.disks) = (struct checkpoint_disk){
            p->disks.items[i].name, p->disks.items[i].capacity, p->disks.items[i].origin};
    rc = catalog_insert_checkpoint(db, &k, &why);
    free(k.disks.items);
    /* One that is there was provisional when the copy was made; any other state says what became
     * of it. */
    if (rc < 0 && why.code != ERR_EXISTS) {
        *err = why;
        return -1;
    }
    MARK("a rebuilt catalog makes a checkpoint current that no catalog knew as that");
    if (drop_current(db, p, err) < 0)
        return -1;
    return catalog_exec(db, ST_CHECKPOINT_MAKE_CURRENT, (const char *const[]){p->checkpoint}, 1,
                        err);
}

/* What it could not remove of a point that it took for none (points_sql) it does not know. */
static bool is_known(const struct building *b, const struct point *p)
{
    const struct point *was = point_list_find(b->known, p->id);

    return was && (was->state != POINT_DELETING || was->disks.n > 0);
}

static int checkpoints_body(struct db *db, void *arg, struct err *err)
{
    const struct building *b = arg;

    for (size_t i = 0; i < b->r->points.n; i++) {
        const struct point *p = &b->r->points.items[i];

        if (is_known(b, p) || !is_last(b->r, p))
            continue;
        if ((p->checkpoint ? add_checkpoint : drop_current)(db, p, err) < 0)
            return -1;
    }
    if (rebuild_add_debris(b->r, db, b->known, err) < 0 || db_exec(db, chains_sql, err) < 0)
        return -1;
    return catalog_exec(db, ST_CHECKPOINT_DROP_ORPHANS, NULL, 0, err);
}

static size_t count(struct db *db, const char *text)
{
    sqlite3_stmt *st = NULL;
    struct err ignored = ERR_INIT;
    size_t ret = 0;

    if (db_prepare(db, text, 0, &st, &ignored) == 0 && sqlite3_step(st) == SQLITE_ROW)
        ret = (size_t)sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return ret;
}

static int believe_points(struct db *db, int64_t now, struct err *err)
{
    CLEANUP_FREE char *text = xasprintf(clock_of_points_sql, (long long)now);

    return db_exec(db, text, err);
}

static int fill(struct rebuild *r, struct catalog *c, int64_t now, struct err *err)
{
    static const struct point_filter all = {.copies = true};
    const struct rebuild_source *best = newest(r);
    CLEANUP(point_list_done) struct point_list known = {0};
    struct building b = {r, &known};

    if (best && catalog_points(best->catalog, &all, &known, err) < 0)
        return -1;
    if (db_tx(&c->db, points_body, &b, err) < 0)
        return -1;
    for (size_t i = 0; i < r->sources.n; i++)
        if (!r->sources.items[i].problem && take(r, &c->db, &r->sources.items[i], err) < 0)
            return err_wrap(err, "%s", r->sources.items[i].path);
    if (db_tx(&c->db, checkpoints_body, &b, err) < 0 || believe_points(&c->db, now, err) < 0 ||
        catalog_set_last_job(c, r->last_job, err) < 0)
        return -1;
    r->jobs = count(&c->db, "SELECT count(*) FROM job");
    r->checkpoints = count(&c->db, "SELECT count(*) FROM checkpoint");
    return 0;
}

static int build(struct rebuild *r, const char *path, int64_t now, struct err *err)
{
    struct catalog *c = xcalloc(1, sizeof(*c));
    bool made;
    int version = 0, rc = -1;

    c->db = (struct db){.path = xstrdup(path), .lock = -1};
    snprintf(c->id, sizeof(c->id), "%s", r->id);
    unlink(path); /* of an attempt that was killed */
    if (db_create_file(path, &made, err) == 0 &&
        db_open_handle(&c->db, path, SQLITE_OPEN_READWRITE, err) == 0 &&
        db_exec(&c->db, "PRAGMA synchronous = FULL", err) == 0 && db_migrate(&c->db, 0, err) == 0 &&
        db_exec(&c->db, "PRAGMA foreign_keys = ON", err) == 0)
        rc = fill(r, c, now, err);
    if (rc == 0)
        rc = db_examine(&c->db, &version, err);
    catalog_close(c);
    if (rc < 0)
        unlink(path);
    return rc;
}

/* ---- its name ---- */

/* What waits in the former file's log goes into the file, if that can be. */
static void settle_log(const struct rebuild *r)
{
    struct db former = {.path = r->path, .lock = -1};
    struct err ignored = ERR_INIT;

    if (r->sources.n > 0 && r->sources.items[0].is_catalog && r->sources.items[0].catalog &&
        db_open_handle(&former, r->path, SQLITE_OPEN_READWRITE, &ignored) == 0)
        sqlite3_wal_checkpoint_v2(former.h, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_close(former.h);
}

/* A second name, so that the first is never without a catalog. */
static int keep_former(struct rebuild *r, int64_t now, struct err *err)
{
    static const char *const beside[] = {"", "-wal"};
    bool damaged =
        r->sources.n > 0 && r->sources.items[0].is_catalog && !r->sources.items[0].catalog;
    char when[TIMEFMT_MAX];
    struct stat st;

    if (lstat(r->path, &st) < 0)
        return errno == ENOENT ? 0 : err_errno(err, errno, "%s", r->path);
    time_filename(now, when);
    for (int i = 0; i < DIGITS_MAX; i++) {
        CLEANUP_FREE char *number = i ? xasprintf("-%d", i) : xstrdup("");
        char *kept = xasprintf("%s.%s%s.%s", r->path, when, number, damaged ? "damaged" : "former");

        if (link(r->path, kept) == 0) {
            r->kept = kept;
            break;
        }
        free(kept);
        if (errno != EEXIST)
            return err_errno(err, errno, "keep %s under another name", r->path);
    }
    for (size_t i = 1; i < ARRAY_LEN(beside); i++) {
        CLEANUP_FREE char *from = xasprintf("%s%s", r->path, beside[i]);
        CLEANUP_FREE char *to = xasprintf("%s%s", r->kept ? r->kept : "", beside[i]);

        if (r->kept && link(from, to) < 0 && errno != ENOENT)
            return err_errno(err, errno, "keep %s under another name", from);
    }
    return r->kept ? 0
                   : err_set(err, ERR_EXISTS, "%s: no name is left for the former file", r->path);
}

static int remove_beside(const struct rebuild *r, const char *suffix, struct err *err)
{
    CLEANUP_FREE char *name = xasprintf("%s%s", r->path, suffix);

    return unlink(name) < 0 && errno != ENOENT ? err_errno(err, errno, "remove %s", name) : 0;
}

static int like_former(const struct rebuild *r, const char *made, struct err *err)
{
    struct stat st;

    if (stat(r->path, &st) < 0)
        return errno == ENOENT ? 0 : err_errno(err, errno, "%s", r->path);
    if (chmod(made, st.st_mode & 07777) < 0 ||
        (geteuid() == 0 && chown(made, st.st_uid, st.st_gid) < 0))
        return err_errno(err, errno, "%s", made);
    return 0;
}

/* A log that lies beside the name would be taken for the new file's: it goes before that comes. */
int rebuild_make(struct rebuild *r, int64_t now, struct err *err)
{
    CLEANUP_FREE char *made = xasprintf("%s.rebuilt", r->path);
    CLEANUP_FREE char *dir = path_dirname(r->path);

    if (build(r, made, now, err) < 0)
        return err_wrap(err, "rebuild the catalog");
    settle_log(r);
    if (like_former(r, made, err) < 0 || keep_former(r, now, err) < 0 || sync_dir(dir, err) < 0 ||
        remove_beside(r, "-wal", err) < 0 || remove_beside(r, "-shm", err) < 0 ||
        rename_durably(made, r->path, err) < 0) {
        unlink(made);
        return -1;
    }
    return 0;
}

/* SPDX-License-Identifier: MIT */
#include "tests/unit/catalog_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

int scratch_make(void **state)
{
    struct scratch *s = xcalloc(1, sizeof(*s));

    s->dir = xstrdup("/dev/shm/vmkeep-catalog-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    s->path = xasprintf("%s/catalog.db", s->dir);
    *state = s;
    return 0;
}

int scratch_remove(void **state)
{
    struct scratch *s = *state;

    test_remove_dir(s->dir);
    free(s->dir);
    free(s->path);
    free(s);
    return 0;
}

static struct catalog *open_as(const struct scratch *s, enum catalog_access access)
{
    struct catalog *c = NULL;

    OK(catalog_open(s->path, access, &c, &err));
    return c;
}

struct catalog *open_writer(const struct scratch *s)
{
    return open_as(s, CATALOG_WRITE);
}

struct catalog *open_reader(const struct scratch *s)
{
    return open_as(s, CATALOG_READ);
}

int64_t add_job(struct catalog *c, const char *domain, const char *policy, int64_t due)
{
    struct job j = {
        .kind = JOB_BACKUP,
        .guest = true,
        .host = (char *)"h",
        .domain = (char *)domain,
        .policy = (char *)policy,
        .repository = (char *)"main",
        .level = LEVEL_INCREMENTAL,
        .state = JOB_QUEUED,
        .why = (char *)"scheduled",
        .due = due,
        .created = due ? due : 50,
    };

    OK(catalog_job_add(c, &j, &err));
    assert_true(j.id > 0);
    return j.id;
}

static void add_disk(struct point *p, const char *name, const char *backing)
{
    struct point_disk *d = VEC_ADD(&p->disks);

    d->name = xstrdup(name);
    d->path = xasprintf("%s.qcow2", name);
    d->format = xstrdup("qcow2");
    d->backing = xstrdup(backing);
    d->capacity = UINT64_C(5) << 40;
    d->bytes = UINT64_C(3) << 32;
    d->length = (UINT64_C(3) << 32) + 7;
    d->digest = xasprintf("blake3:%s", name);
    d->content = xasprintf("sha256-tree:%064d", name[2]);
}

struct point sample_point(const char *id, const char *domain, const char *policy, int64_t created,
                          const char *parent, const char *checkpoint)
{
    struct point p = {
        .id = xstrdup(id),
        .host = xstrdup("h"),
        .domain = xstrdup(domain),
        .policy = xstrdup(policy),
        .repository = xstrdup("main"),
        .level = parent ? LEVEL_INCREMENTAL : LEVEL_FULL,
        .parent = xstrdup(parent),
        .created = created,
        .checkpoint = xstrdup(checkpoint),
        .mode = MODE_PULL,
        .quiesced = true,
        .why = xstrdup("it's \"due\"; \xc5\xbelu\xc5\xa5ou\xc4\x8dk\xc3\xbd"),
    };

    add_disk(&p, "vda", parent);
    add_disk(&p, "vdb", NULL);
    return p;
}

int64_t backup(struct catalog *c, const struct point *p)
{
    int64_t id = add_job(c, p->domain, p->policy, p->created);

    OK(catalog_job_start(c, id, p->created, p->level, p->why, p, &err));
    OK(catalog_publish(c, id, p->created + 10, p, ERR_NONE, "done", &err));
    return id;
}

void add_points(struct catalog *c, int n)
{
    for (int i = 0; i < n; i++) {
        CLEANUP_FREE char *id = xasprintf("a%d", i), *checkpoint = xasprintf("cp%d", i);
        CLEANUP(point_done) struct point p = sample_point(id, "d", "n", 100 + i, NULL, checkpoint);

        backup(c, &p);
    }
}

void make_catalog(const struct scratch *s, int points)
{
    struct catalog *c = open_writer(s);

    add_points(c, points);
    catalog_close(c);
}

int try_open(const struct scratch *s, enum catalog_access access, struct err *err)
{
    struct catalog *c = NULL;
    int rc = catalog_open(s->path, access, &c, err);

    if (rc == 0)
        catalog_close(c);
    return rc;
}

struct job get_job(struct catalog *c, int64_t id)
{
    const struct job_filter f = {.id = id};
    struct job_list l = {0};
    struct job ret;

    OK(catalog_jobs(c, &f, &l, &err));
    assert_int_equal(l.n, 1);
    ret = l.items[0];
    free(l.items);
    return ret;
}

char *checkpoints_text(struct catalog *c, const char *domain)
{
    static const char *const states[] = {"provisional", "current", "dropping", "kept"};
    struct checkpoint_list l = {0};
    char *ret = xstrdup("");

    OK(catalog_checkpoints(c, "h", domain, &l, &err));
    for (size_t i = 0; i < l.n; i++) {
        char *old = ret;

        ret = xasprintf("%s%s%s %s", old, i ? ", " : "", l.items[i].name, states[l.items[i].state]);
        free(old);
    }
    checkpoint_list_done(&l);
    return ret;
}

static void dump_rows(sqlite3 *h, const char *query, FILE *out)
{
    sqlite3_stmt *st = NULL;
    int rc;

    if (sqlite3_prepare_v2(h, query, -1, &st, NULL) != SQLITE_OK)
        fail_msg("%s: %s", query, sqlite3_errmsg(h));
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(st); i++) {
            const unsigned char *text = sqlite3_column_text(st, i);

            fprintf(out, "%s|", text ? (const char *)text : "NULL");
        }
        fputc('\n', out);
    }
    if (rc != SQLITE_DONE)
        fail_msg("%s: %s", query, sqlite3_errmsg(h));
    sqlite3_finalize(st);
}

static char *dump_queries(sqlite3 *h, const char *const *queries, size_t n)
{
    char *ret = NULL;
    size_t len;
    FILE *out = open_memstream(&ret, &len);

    for (size_t i = 0; i < n; i++)
        dump_rows(h, queries[i], out);
    fclose(out);
    return ret;
}

char *dump(sqlite3 *h)
{
    static const char *const queries[] = {
        "SELECT 'job', * FROM job ORDER BY id",
        "SELECT 'job_disk', * FROM job_disk ORDER BY job, position",
        "SELECT 'point', * FROM point ORDER BY id",
        "SELECT 'point_disk', * FROM point_disk ORDER BY point, position",
        "SELECT 'checkpoint', * FROM checkpoint ORDER BY name",
        "SELECT 'checkpoint_disk', * FROM checkpoint_disk ORDER BY checkpoint, position",
        "SELECT 'coverage', * FROM coverage ORDER BY host, domain, policy",
        "SELECT 'seen', * FROM seen ORDER BY kind, name",
    };

    return dump_queries(h, queries, ARRAY_LEN(queries));
}

char *dump_schema(sqlite3 *h)
{
    static const char *const queries[] = {
        "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name",
        "PRAGMA user_version",
        "PRAGMA application_id",
    };

    return dump_queries(h, queries, ARRAY_LEN(queries));
}

void sql(sqlite3 *h, const char *text)
{
    if (sqlite3_exec(h, text, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", text, sqlite3_errmsg(h));
}

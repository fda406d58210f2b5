/* SPDX-License-Identifier: MIT
 *
 * The catalog's file: versions, files that are no catalog, damage. */
#include "tests/unit/catalog_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "storage/catalog/catalog_figures.h"
#include "storage/catalog/schema.h"

/* ---- versions, and what is no catalog ---- */

static void versions(void **state)
{
    static const struct {
        const char *change;
        enum err_code code;
        const char *text;
    } cases[] = {
        {"PRAGMA user_version = 99", ERR_UNSUPPORTED, "has schema 99, this program knows up to 10"},
        {"PRAGMA user_version = 0", ERR_CORRUPT, "not a vmkeep catalog"},
        {"PRAGMA user_version = -3", ERR_CORRUPT, "not a vmkeep catalog"},
        {"PRAGMA application_id = 7", ERR_CORRUPT, "not a vmkeep catalog"},
        {"PRAGMA application_id = 0", ERR_CORRUPT, "not a vmkeep catalog"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scratch *s = *state;
        struct catalog *c;
        CLEANUP_FREE char *before = NULL, *after = NULL;
        size_t n = 0, m = 0;

        unlink(s->path);
        c = open_writer(s);
        sql(c->db.h, cases[i].change);
        catalog_close(c);
        OK(read_file(s->path, 1 << 20, &before, &n, &err));
        FAILS(cases[i].code, cases[i].text, try_open(s, CATALOG_WRITE, &err));
        FAILS(cases[i].code, cases[i].text, try_open(s, CATALOG_READ, &err));
        OK(read_file(s->path, 1 << 20, &after, &m, &err));
        assert_int_equal(n, m);
        assert_memory_equal(before, after, n); /* it is left as it was */
    }
}

static void somebody_elses(void **state)
{
    struct scratch *s = *state;
    sqlite3 *h = NULL;

    assert_int_equal(sqlite3_open(s->path, &h), SQLITE_OK);
    sql(h, "CREATE TABLE recipes (name)");
    sqlite3_close(h);
    FAILS(ERR_CORRUPT, "not a vmkeep catalog", try_open(s, CATALOG_WRITE, &err));
    FAILS(ERR_CORRUPT, "not a vmkeep catalog", try_open(s, CATALOG_READ, &err));
}

static void garbage(void **state)
{
    static const char text[] = "policies:\n  - name: nightly\n    domains: ['*']\n# and so on, no "
                               "database at all, however long one reads on in it, to the very end.";
    struct scratch *s = *state;
    CLEANUP_FREE char *more = xcalloc(1, 65536);

    OK(write_file_durably(s->path, text, sizeof(text), 0640, &err));
    FAILS(ERR_CORRUPT, "not a vmkeep catalog", try_open(s, CATALOG_WRITE, &err));
    FAILS(ERR_CORRUPT, s->path, try_open(s, CATALOG_READ, &err));
    memset(more, 0xa5, 65536);
    OK(write_file_durably(s->path, more, 65536, 0640, &err));
    FAILS(ERR_CORRUPT, "not a vmkeep catalog", try_open(s, CATALOG_WRITE, &err));
    FAILS(ERR_CORRUPT, s->path, try_open(s, CATALOG_READ, &err));
}

/* A catalog that says it is one, but lacks a table. */
static void lacks_a_table(void **state)
{
    struct scratch *s = *state;
    struct seen_list l = {0};
    struct catalog *c = open_writer(s);

    sql(c->db.h, "DROP TABLE seen");
    FAILS(ERR_CORRUPT, "damaged", catalog_seen(c, "domain", &l, &err));
    catalog_close(c);
}

/* Rows that our schema would not have let in. */
static void impossible_rows(void **state)
{
    struct scratch *s = *state;
    struct seen_list seen = {0};
    struct checkpoint_list checkpoints = {0};
    struct catalog *c = open_writer(s);

    sql(c->db.h,
        "DROP TABLE seen; CREATE TABLE seen (kind, name, state, problem, at, unsafe, uuid);"
        "INSERT INTO seen VALUES ('domain', 'a', 'ok', NULL, 1, NULL, NULL),"
        " ('domain', 'b', NULL, '', 1, '', NULL);"
        "DROP TABLE checkpoint; CREATE TABLE checkpoint (name, host, domain, policy, state,"
        " created, parent, description);"
        "INSERT INTO checkpoint VALUES ('cp', 'h', 'd', 'n', 'lost', 1, NULL, NULL)");
    FAILS(ERR_CORRUPT, "a row has no state", catalog_seen(c, "domain", &seen, &err));
    assert_int_equal(seen.n, 0);
    FAILS(ERR_CORRUPT, "unknown state 'lost'",
          catalog_checkpoints(c, "h", "d", &checkpoints, &err));
    assert_int_equal(checkpoints.n, 0);
    catalog_close(c);
}

/* ---- migrations ---- */

/* A catalog as that version made it, but for the data. */
static void make_version(const struct scratch *s, int version)
{
    CLEANUP_FREE char *marks = xasprintf("PRAGMA user_version = %d; PRAGMA application_id = %d;"
                                         "INSERT INTO meta VALUES ('id', '0123abcd')",
                                         version, DB_APPLICATION_ID);
    sqlite3 *h = NULL;

    assert_int_equal(sqlite3_open(s->path, &h), SQLITE_OK);
    for (int v = 1; v <= version; v++)
        sql(h, schema_step(v));
    sql(h, marks);
    sqlite3_close(h);
}

static char *schema_of(const struct scratch *s)
{
    struct catalog *c = open_writer(s);
    char *ret = dump_schema(c->db.h);

    catalog_close(c);
    return ret;
}

static void migrated_is_fresh(void **state)
{
    struct scratch *s = *state;
    CLEANUP_FREE char *fresh = schema_of(s);

    for (int v = 1; v <= DB_SCHEMA_VERSION; v++) {
        CLEANUP_FREE char *migrated = NULL;

        unlink(s->path);
        make_version(s, v);
        migrated = schema_of(s);
        assert_string_equal(migrated, fresh);
    }
}

#define RELEASED 2

/* Catalogs as they were once released: catalog/vN.sql, never changed again. */
static void released_versions(void **state)
{
    struct scratch *s = *state;
    CLEANUP_FREE char *fresh = schema_of(s);

    for (int v = 1; v <= RELEASED; v++) {
        CLEANUP_FREE char *name = xasprintf("catalog/v%d.sql", v);
        CLEANUP_FREE char *text = NULL, *schema = NULL;
        CLEANUP(point_done) struct point last = {0};
        CLEANUP(job_totals_done) struct job_totals totals = {0};
        struct catalog *c;
        sqlite3 *h = NULL;
        bool found = false;

        unlink(s->path);
        OK(read_file(name, 1 << 20, &text, NULL, &err));
        assert_int_equal(sqlite3_open(s->path, &h), SQLITE_OK);
        sql(h, text);
        sqlite3_close(h);
        c = open_writer(s);
        schema = dump_schema(c->db.h);
        assert_string_equal(schema, fresh);
        assert_string_equal(catalog_id(c), "0123abcd");
        OK(catalog_last_good(c, "local", "web01", "nightly", &last, &found, &err));
        assert_true(found);
        assert_string_equal(last.id, "local/web01/2026-11-24T02-30-00Z.nightly");
        assert_int_equal(last.disks.n, 2);
        OK(catalog_totals(c, &totals, &err)); /* as if they had been counted as they ended */
        assert_int_equal(totals.by_outcome.n, v == 1 ? 3 : 4);
        assert_int_equal(totals.by_outcome.items[1].outcome, OUTCOME_SUCCESS);
        assert_int_equal(totals.by_outcome.items[1].jobs, 2);
        catalog_close(c);
    }
}

/* ---- damage ---- */

/* Everything that reads; a damaged catalog may fail each of them, in one way. */
static void read_all(struct catalog *c, int *failures)
{
    const struct job_filter jobs = {0}, open = {.active = true};
    const struct point_filter points = {0};
    struct job_list jl = {0}, ol = {0};
    struct point_list pl = {0};
    struct checkpoint_list cl = {0};
    struct seen_list sl = {0};
    struct catalog_history h;
    struct point last = {0};
    bool found;
    struct job_totals totals = {0};
    struct err errs[8] = {ERR_INIT, ERR_INIT, ERR_INIT, ERR_INIT,
                          ERR_INIT, ERR_INIT, ERR_INIT, ERR_INIT};

    catalog_jobs(c, &jobs, &jl, &errs[0]);
    catalog_jobs(c, &open, &ol, &errs[1]);
    catalog_points(c, &points, &pl, &errs[2]);
    catalog_checkpoints(c, "h", "d", &cl, &errs[3]);
    catalog_seen(c, "domain", &sl, &errs[4]);
    catalog_history(c, "h", "d", "n", &h, &errs[5]);
    catalog_last_good(c, "h", "d", "n", &last, &found, &errs[6]);
    catalog_totals(c, &totals, &errs[7]);
    for (size_t i = 0; i < pl.n; i++)
        assert_non_null(pl.items[i].policy);
    for (size_t i = 0; i < jl.n; i++)
        assert_non_null(jl.items[i].repository);
    job_list_done(&jl);
    job_list_done(&ol);
    point_list_done(&pl);
    checkpoint_list_done(&cl);
    seen_list_done(&sl);
    job_totals_done(&totals);
    point_done(&last);
    for (size_t i = 0; i < ARRAY_LEN(errs); i++) {
        if (errs[i].code == ERR_NONE)
            continue;
        if (errs[i].code != ERR_CORRUPT)
            fail_msg("%zu: %s: %s", i, err_code_name(errs[i].code), errs[i].msg);
        ++*failures;
    }
}

static void assert_fit_error(const struct err *err, const char *path)
{
    bool fit = err->code == ERR_CORRUPT || err->code == ERR_UNSUPPORTED ||
               err->code == ERR_NOTFOUND /* its header says it is empty */ ||
               err->code == ERR_DENIED /* ... or made by a SQLite that we may only read */;

    if (!fit || !strstr(err->msg, path))
        fail_msg("%s: %s", err_code_name(err->code), err->msg);
}

/* Returns whether anybody noticed. */
static bool judge_damaged(const struct scratch *s, const char *data, size_t len)
{
    static const enum catalog_access accesses[] = {CATALOG_READ, CATALOG_WRITE};
    bool noticed = false;

    for (size_t i = 0; i < ARRAY_LEN(accesses); i++) {
        struct catalog *c = NULL;
        struct err why = ERR_INIT;
        int failures = 0;

        OK(write_file_durably(s->path, data, len, 0640, &err));
        if (catalog_open(s->path, accesses[i], &c, &why) < 0) {
            assert_fit_error(&why, s->path);
            noticed = true;
            continue;
        }
        read_all(c, &failures);
        noticed = noticed || failures > 0;
        catalog_close(c);
    }
    return noticed;
}

static void flipped_bytes(void **state)
{
    struct scratch *s = *state;
    CLEANUP_FREE char *data = NULL;
    size_t len = 0, noticed = 0, tried = 0;

    make_catalog(s, 20);
    OK(read_file(s->path, 1 << 20, &data, &len, &err));
    for (size_t at = 0; at < len; at += at < 100 ? 1 : 499) {
        char old = data[at];

        data[at] = (char)~old;
        noticed += judge_damaged(s, data, len);
        data[at] = old;
        tried++;
    }
    /* A flipped letter in a name is nobody's to notice; but pages that make no sense are. */
    if (noticed < tried / 10)
        fail_msg("%zu of %zu noticed", noticed, tried);
    assert_false(judge_damaged(s, data, len));
}

static char *contents(const struct scratch *s)
{
    struct catalog *c = open_writer(s);
    char *ret = dump(c->db.h);

    catalog_close(c);
    return ret;
}

/* The end of the last page may well be empty: what is not noticed has lost nothing. */
static void truncated(void **state)
{
    struct scratch *s = *state;
    CLEANUP_FREE char *data = NULL, *whole = NULL;
    size_t len = 0;

    make_catalog(s, 20);
    whole = contents(s);
    OK(read_file(s->path, 1 << 20, &data, &len, &err));
    for (size_t n = 1; n < len; n += n < 100 ? 33 : 1777) {
        CLEANUP_FREE char *left = NULL;

        if (judge_damaged(s, data, n))
            continue;
        left = contents(s);
        assert_string_equal(left, whole);
        assert_true(n > len - 4096);
    }
}

static void zeroed_page(void **state)
{
    struct scratch *s = *state;
    CLEANUP_FREE char *data = NULL;
    size_t len = 0;

    make_catalog(s, 60);
    OK(read_file(s->path, 1 << 22, &data, &len, &err));
    for (size_t page = 0; page + 4096 <= len; page += 4096) {
        CLEANUP_FREE char *torn = xcalloc(1, len);

        memcpy(torn, data, len);
        memset(torn + page, 0, 4096);
        if (!judge_damaged(s, torn, len))
            fail_msg("page %zu of zeroes was not noticed", page / 4096);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(versions),          TEST(somebody_elses),  TEST(garbage),
        TEST(lacks_a_table),     TEST(impossible_rows), TEST(migrated_is_fresh),
        TEST(released_versions), TEST(flipped_bytes),   TEST(truncated),
        TEST(zeroed_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

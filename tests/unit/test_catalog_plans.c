/* SPDX-License-Identifier: MIT
 *
 * Every statement finds its rows by an index: what it costs depends on what is asked for, not on
 * how much there is. */
#include "tests/unit/catalog_support.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Those that read a table from end to end, or begin to. */
static const struct {
    enum db_stmt st;
    const char *table, *why;
} may_scan[] = {
    {ST_JOB_FIRST, "sqlite_sequence", "SQLite's own, of one row"},
    {ST_JOB_RAISE, "sqlite_sequence", "SQLite's own, of one row"},
    {ST_JOB_NEXT, "sqlite_sequence", "SQLite's own, of one row"},
    {ST_JOB_LIST, "job", "all jobs are asked for"},
    {ST_JOB_LIST_NEWEST, "job", "by id from the end, as far as the limit"},
    {ST_JOB_LIST_OPEN, "job", "an index of open jobs alone"},
    {ST_JOB_DOMAINS, "job", "the first of an index"},
    {ST_POINT_LIST, "point", "all points are asked for"},
    {ST_POINT_GOING, "point", "once a start, of an index alone"},
    {ST_POINT_DOMAINS, "point", "the first of an index"},
    {ST_CHECKPOINT_LIST, "checkpoint", "all checkpoints are asked for"},
    {ST_CHECKPOINT_DROP_ORPHANS, "checkpoint", "once a start: there are some a domain"},
    {ST_JOB_TOTALS, "job_total", "a row a kind of job and outcome"},
    {ST_JOB_DURATIONS, "job_duration", "some rows a kind of job"},
    {ST_COVER_LIST, "coverage", "all that policies cover is asked for"},
    {ST_MESSAGE_LIST, "message", "all that waits to be sent is asked for"},
    {ST_TARGET_LIST, "target", "one row a target of the configuration"},
    {ST_REPOSITORY_OF_ID, "repository", "one row a repository of the configuration"},
};

static const char *reason(enum db_stmt st, const char *table)
{
    for (size_t i = 0; i < ARRAY_LEN(may_scan); i++)
        if (may_scan[i].st == st && strcmp(may_scan[i].table, table) == 0)
            return may_scan[i].why;
    return NULL;
}

/* A line of a plan: "SCAN point AS p USING INDEX ..." is about a table of ours, "SCAN d" is about
 * rows that the statement made itself. */
static bool is_table(sqlite3 *h, const char *name)
{
    sqlite3_stmt *st;
    bool ret;

    assert_int_equal(sqlite3_prepare_v2(h,
                                        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND"
                                        " name = ?1",
                                        -1, &st, NULL),
                     SQLITE_OK);
    sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
    ret = sqlite3_step(st) == SQLITE_ROW;
    sqlite3_finalize(st);
    return ret;
}

/* The table that the line reads from end to end; NULL: none. Caller frees. */
static char *scanned(sqlite3 *h, const char *line)
{
    char *ret;

    if (strncmp(line, "SCAN ", 5) != 0)
        return NULL;
    ret = xasprintf("%.*s", (int)strcspn(line + 5, " "), line + 5);
    if (is_table(h, ret))
        return ret;
    free(ret);
    return NULL;
}

/* *ret_used: the reasons that were needed. */
static size_t check(sqlite3 *h, enum db_stmt id, bool *ret_used)
{
    CLEANUP_FREE char *text = xasprintf("EXPLAIN QUERY PLAN %s", db_sql[id]);
    sqlite3_stmt *st;
    size_t bad = 0;

    if (sqlite3_prepare_v2(h, text, -1, &st, NULL) != SQLITE_OK)
        fail_msg("%s: %s", db_sql[id], sqlite3_errmsg(h));
    while (sqlite3_step(st) == SQLITE_ROW) {
        const char *line = (const char *)sqlite3_column_text(st, 3);
        CLEANUP_FREE char *table = scanned(h, line);

        if (!table)
            continue;
        if (reason(id, table)) {
            ret_used[id] = true;
            continue;
        }
        print_error("%s\n    %s\n", db_sql[id], line);
        bad++;
    }
    sqlite3_finalize(st);
    return bad;
}

static void every_statement_uses_an_index(void **state)
{
    struct catalog *c = open_writer(*state);
    bool used[ST_COUNT] = {false};
    size_t bad = 0;

    for (int i = 0; i < ST_COUNT; i++)
        bad += check(c->db.h, (enum db_stmt)i, used);
    for (size_t i = 0; i < ARRAY_LEN(may_scan); i++)
        if (!used[may_scan[i].st]) {
            print_error("needs no reason any more: %s\n", db_sql[may_scan[i].st]);
            bad++;
        }
    catalog_close(c);
    assert_int_equal(bad, 0);
}

/* What is listed for one domain comes in order from the index: no sorting, whatever there is. */
static void lists_of_a_domain_are_not_sorted(void **state)
{
    static const enum db_stmt lists[] = {ST_POINT_LIST_OF, ST_POINT_SKETCH, ST_JOB_LAST_BACKUP,
                                         ST_HISTORY, ST_POINT_LIST};
    struct catalog *c = open_writer(*state);

    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        CLEANUP_FREE char *text = xasprintf("EXPLAIN QUERY PLAN %s", db_sql[lists[i]]);
        sqlite3_stmt *st;

        assert_int_equal(sqlite3_prepare_v2(c->db.h, text, -1, &st, NULL), SQLITE_OK);
        while (sqlite3_step(st) == SQLITE_ROW)
            if (strstr((const char *)sqlite3_column_text(st, 3), "ORDER BY"))
                fail_msg("%s: %s", db_sql[lists[i]], sqlite3_column_text(st, 3));
        sqlite3_finalize(st);
    }
    catalog_close(c);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(every_statement_uses_an_index),
        TEST(lists_of_a_domain_are_not_sorted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

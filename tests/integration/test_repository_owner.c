/* SPDX-License-Identifier: MIT
 *
 * Nobody touches what somebody else has made: neighbours in one repository, undoing, another
 * disk. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "storage/repository/repository.h"
#include "tests/integration/repo_support.h"

/* Another daemon with the same names of host, domain and policy. */
static const struct owner neighbour = {.catalog = (char *)"ffffffff",
                                       .machine = (char *)"backup2",
                                       .machine_id = (char *)"m2",
                                       .catalog_path = (char *)"/srv/catalog.db"};
static const struct repository_access other = {.self = &neighbour, .now = T0};
#define OTHER (&other)

static enum point_presence presence(const char *id)
{
    enum point_presence p = POINT_ABSENT;

    WORKS(repository_find(repo_path, id, &p, NULL, err));
    return p;
}

static struct point plan_of(const char *catalog, int64_t job)
{
    struct point plan = plan_make(0, NULL);

    free(plan.catalog);
    free(plan.id);
    free(plan.checkpoint);
    plan.catalog = xstrdup(catalog);
    plan.job = job;
    plan.checkpoint = xasprintf("vmkeep-%s-%lld", catalog, (long long)job);
    plan.id = point_id_make(&plan);
    return plan;
}

static char *inside(const struct point *plan, const char *suffix, const char *file)
{
    return xasprintf("%s/%s%s/%s", repo_path, plan->id, suffix, file);
}

/* ---- neighbours ---- */

static void second_owner_is_refused(void **state)
{
    CLEANUP(point_done) struct point ours = plan_of("0123abcd", 1), theirs = plan_of("ffffffff", 1);
    CLEANUP(point_done) struct point p = {0};
    struct err e = ERR_INIT;

    (void)state;
    WORKS(repository_prepare(repo_path, AS, &ours, NULL, err));
    FAILS(repository_prepare(repo_path, OTHER, &theirs, NULL, err), ERR_DENIED);
    WORKS(repository_discard(repo_path, OTHER, &theirs, MADE_PARTIAL, err));
    assert_int_equal(presence(ours.id), POINT_PARTIAL);
    assert_int_equal(presence(theirs.id), POINT_ABSENT);
    FAILS(repository_publish(repo_path, OTHER, &ours, NULL, &p, err), ERR_DENIED);
    WORKS(repository_publish(repo_path, AS, &ours, NULL, &p, err));
    assert_int_equal(repository_remove(repo_path, OTHER, ours.id, &e), -1);
    assert_int_equal(e.code, ERR_DENIED);
    assert_non_null(strstr(e.msg, "backup1"));
    assert_non_null(strstr(e.msg, "0123abcd"));
    assert_int_equal(presence(ours.id), POINT_PUBLISHED);
}

static void other_domains_are_other_owners(void **state)
{
    CLEANUP(point_done) struct point ours = plan_of("0123abcd", 1), theirs = plan_of("ffffffff", 1);
    CLEANUP(point_done) struct point a = {0}, b = {0};

    (void)state;
    free(theirs.domain);
    theirs.domain = xstrdup("db02");
    free(theirs.id);
    theirs.id = point_id_make(&theirs);
    WORKS(repository_prepare(repo_path, AS, &ours, NULL, err));
    WORKS(repository_prepare(repo_path, OTHER, &theirs, NULL, err));
    WORKS(repository_publish(repo_path, AS, &ours, NULL, &a, err));
    WORKS(repository_publish(repo_path, OTHER, &theirs, NULL, &b, err));
    WORKS(repository_remove(repo_path, OTHER, theirs.id, err));
    assert_int_equal(presence(ours.id), POINT_PUBLISHED);
}

/* Taken over while the job was at work: nothing is published, its own leavings go, nothing else. */
static void adopted_under_way(void **state)
{
    CLEANUP(point_done) struct point first = plan_of("0123abcd", 1), ours = plan_of("0123abcd", 2);
    CLEANUP(point_done) struct point p = {0};
    CLEANUP_FREE char *file = xasprintf("%s/local/web01/owner.json", repo_path);

    (void)state;
    WORKS(repository_prepare(repo_path, AS, &first, NULL, err));
    WORKS(repository_publish(repo_path, AS, &first, NULL, &p, err));
    WORKS(repository_prepare(repo_path, AS, &ours, NULL, err));
    put("local/web01/owner.json",
        "{\"format\": 1, \"catalog\": \"ffffffff\", \"machine\": \"backup2\", \"machine_id\": \"\","
        " \"catalog_path\": \"/x\", \"since\": \"2026-11-23T02:31:00Z\","
        " \"used\": \"2026-11-23T02:31:00Z\"}");
    FAILS(repository_publish(repo_path, AS, &ours, NULL, &p, err), ERR_DENIED);
    WORKS(repository_discard(repo_path, AS, &ours, MADE_POINT, err));
    assert_int_equal(presence(ours.id), POINT_ABSENT);
    WORKS(repository_discard(repo_path, AS, &first, MADE_POINT, err));
    assert_int_equal(presence(first.id), POINT_PUBLISHED);
    FAILS(repository_remove(repo_path, AS, first.id, err), ERR_DENIED);
    assert_int_equal(presence(first.id), POINT_PUBLISHED);
}

/* ---- undoing ---- */

/* A point, or one in the making, of the job's name that is not the job's: it gives way, and its
 * undo too. */
static void gives_way(void **state)
{
    CLEANUP(point_done) struct point plan = plan_of("0123abcd", 7), p = {0};
    CLEANUP_FREE char *partial = xasprintf("%s/%s.partial", repo_path, plan.id);
    CLEANUP_FREE char *there = xasprintf("%s/%s", repo_path, plan.id);

    (void)state;
    WORKS(repository_prepare(repo_path, AS, &plan, NULL, err));
    FAILS(repository_prepare(repo_path, AS, &plan, NULL, err), ERR_EXISTS);
    WORKS(repository_discard(repo_path, AS, &plan, MADE_NOTHING, err));
    assert_int_equal(presence(plan.id), POINT_PARTIAL);
    WORKS(repository_publish(repo_path, AS, &plan, NULL, &p, err));
    FAILS(repository_prepare(repo_path, AS, &plan, NULL, err), ERR_EXISTS);
    WORKS(repository_discard(repo_path, AS, &plan, MADE_NOTHING, err));
    /* A job that had not come to publishing has published nothing, whatever the manifest says. */
    WORKS(repository_discard(repo_path, AS, &plan, MADE_PARTIAL, err));
    assert_int_equal(presence(plan.id), POINT_PUBLISHED);
    WORKS(repository_discard(repo_path, AS, &plan, MADE_POINT, err));
    assert_int_equal(presence(plan.id), POINT_ABSENT);
    assert_false(path_exists(partial));
    assert_false(path_exists(there));
}

/* Of older versions' points nobody knows which job made them: no undo takes them. */
static void points_without_maker(void **state)
{
    CLEANUP(point_done) struct point plan = plan_of("0123abcd", 7), p = {0}, old = {0};
    CLEANUP_FREE char *manifest = NULL, *text = NULL, *from = NULL, *to = NULL, *named = NULL;
    char *at;

    (void)state;
    WORKS(repository_prepare(repo_path, AS, &plan, NULL, err));
    WORKS(repository_publish(repo_path, AS, &plan, NULL, &p, err));
    point_copy(&old, &plan);
    free(old.catalog);
    free(old.id);
    old.catalog = NULL;
    old.job = 0;
    old.id = point_id_make(&old);
    from = inside(&plan, "", "");
    to = inside(&old, "", "");
    from[strlen(from) - 1] = to[strlen(to) - 1] = '\0';
    assert_int_equal(rename(from, to), 0);
    manifest = inside(&old, "", "point.json");
    WORKS(read_file(manifest, 100000, &text, NULL, err));
    at = strstr(text, "@0123abcd-7");
    memmove(at, at + strlen("@0123abcd-7"), strlen(at + strlen("@0123abcd-7")) + 1);
    at = strstr(text, "\"catalog\": \"0123abcd\"");
    memcpy(at, "\"catalog\": null      ", strlen("\"catalog\": \"0123abcd\""));
    at = strstr(text, "\"job\": 7");
    at[strlen("\"job\": ")] = '0';
    WORKS(write_file_durably(manifest, text, strlen(text), 0600, err));
    assert_int_equal(presence(old.id), POINT_PUBLISHED);
    WORKS(repository_discard(repo_path, AS, &old, MADE_POINT, err));
    assert_int_equal(presence(old.id), POINT_PUBLISHED);
    WORKS(repository_remove(repo_path, AS, old.id, err));
    assert_int_equal(presence(old.id), POINT_ABSENT);
}

/* ---- directories without owner ---- */

static void unowned_directories(void **state)
{
    CLEANUP(point_done) struct point ours = plan_of("0123abcd", 1), more = plan_of("0123abcd", 2);
    CLEANUP(point_done) struct point theirs = plan_of("ffffffff", 1), p = {0};
    CLEANUP_FREE char *file = xasprintf("%s/local/web01/owner.json", repo_path);

    (void)state;
    WORKS(repository_prepare(repo_path, AS, &ours, NULL, err));
    WORKS(repository_publish(repo_path, AS, &ours, NULL, &p, err));
    assert_int_equal(unlink(file), 0);
    FAILS(repository_prepare(repo_path, OTHER, &theirs, NULL, err), ERR_DENIED);
    FAILS(repository_remove(repo_path, OTHER, ours.id, err), ERR_DENIED);
    assert_false(path_exists(file));
    WORKS(repository_prepare(repo_path, AS, &more, NULL, err));
    assert_true(path_exists(file));
    WORKS(repository_remove(repo_path, AS, more.id, err));
    WORKS(repository_remove(repo_path, AS, ours.id, err));
    assert_int_equal(unlink(file), 0);
    WORKS(repository_prepare(repo_path, OTHER, &theirs, NULL, err));
}

/* ---- another disk ---- */

static void refused_by_name(void **state)
{
    CLEANUP(point_done) struct point plan = plan_of("0123abcd", 1);
    CLEANUP_FREE char *empty = xasprintf("%s/empty", repo_tmp);
    struct repository_access access = *AS;
    char id[REPOSITORY_ID_MAX];
    struct err e = ERR_INIT;

    (void)state;
    WORKS(repository_identify(repo_path, NULL, true, id, err));
    WORKS(repository_identify(repo_path, id, false, NULL, err));
    access.id = "00000000000003ab";
    assert_int_equal(repository_prepare(repo_path, &access, &plan, NULL, &e), -1);
    assert_int_equal(e.code, ERR_NOTFOUND);
    assert_non_null(strstr(e.msg, id));
    assert_non_null(strstr(e.msg, "not 00000000000003ab"));
    assert_int_equal(presence(plan.id), POINT_ABSENT);
    assert_int_equal(mkdir(empty, 0700), 0);
    FAILS(repository_identify(empty, id, true, NULL, err), ERR_NOTFOUND);
    assert_int_equal(rmdir(empty), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPO_TEST(second_owner_is_refused), REPO_TEST(other_domains_are_other_owners),
        REPO_TEST(adopted_under_way),       REPO_TEST(gives_way),
        REPO_TEST(points_without_maker),    REPO_TEST(unowned_directories),
        REPO_TEST(refused_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

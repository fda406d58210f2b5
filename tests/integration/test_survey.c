/* SPDX-License-Identifier: MIT
 *
 * What one look at a repository tells, directly and through the store's child process. */
#include "tests/support/test.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "storage/merge/merge.h"
#include "storage/store/store.h"
#include "tests/integration/repo_support.h"

static struct point chain[3];

static int setup(void **state)
{
    repo_setup(state);
    make_chain(chain);
    return 0;
}

static int teardown(void **state)
{
    done_all(chain);
    return repo_teardown(state);
}

static struct survey look_at(const char *host, const char *domain, size_t n_known)
{
    const struct point_list known = {.items = chain, .n = n_known};
    const struct survey_scope scope = {.host = host, .domain = domain, .known = &known};
    struct survey ret = {0};

    WORKS(repository_survey(repo_path, &scope, NULL, &ret, err));
    return ret;
}

static char *file_of(size_t point, const char *file)
{
    return xasprintf("%s/%s/%s", repo_path, chain[point].id, file);
}

static void assert_loss(const struct survey *s, size_t point, enum point_state state,
                        const char *why)
{
    const struct survey_loss *loss = survey_loss_find(s, chain[point].id);

    if (!loss)
        fail_msg("%s: no loss", chain[point].id);
    assert_int_equal(loss->state, state);
    if (!strstr(loss->problem, why))
        fail_msg("'%s' does not say '%s'", loss->problem, why);
}

static void all_is_there(void **state)
{
    CLEANUP(survey_done) struct survey s = look_at(NULL, NULL, 3);

    (void)state;
    assert_int_equal(s.losses.n, 0);
    assert_int_equal(s.unknown.n, 0);
    assert_int_equal(s.unfinished.n, 0);
    assert_true(s.free > 0 && s.free <= s.total);
}

static void what_is_lost(void **state)
{
    CLEANUP_FREE char *directory = file_of(0, ""), *image = file_of(1, "vdb.qcow2"),
                      *manifest = file_of(2, "point.json");
    CLEANUP(survey_done) struct survey s = {0};

    (void)state;
    MUST_RUN("rm", "-r", directory);
    MUST_RUN("truncate", "-s", "1000", image);
    MUST_RUN("rm", manifest);
    s = look_at(NULL, NULL, 3);
    assert_int_equal(s.losses.n, 3);
    assert_loss(&s, 0, POINT_MISSING, "its directory is not there");
    assert_loss(&s, 1, POINT_DAMAGED, "its file vdb.qcow2 is 1000 bytes long, and was ");
    assert_loss(&s, 2, POINT_MISSING, "its file point.json is not there");
}

static void lost_images_and_links(void **state)
{
    CLEANUP_FREE char *image = file_of(0, "vda.qcow2"), *other = file_of(1, "vda.qcow2"),
                      *kept = file_of(1, "vda.kept");
    CLEANUP(survey_done) struct survey s = {0};

    (void)state;
    MUST_RUN("rm", image);
    MUST_RUN("mv", other, kept);
    MUST_RUN("ln", "-s", "vda.kept", other);
    s = look_at("local", "web01", 3);
    assert_int_equal(s.losses.n, 2);
    assert_loss(&s, 0, POINT_MISSING, "its file vda.qcow2 is not there");
    assert_loss(&s, 1, POINT_MISSING, "its file vda.qcow2 is not there");
}

/* Without it, the point cannot be restored: nobody knows what its images are. */
static void broken_manifests(void **state)
{
    CLEANUP_FREE char *first = file_of(0, "point.json"), *second = file_of(1, "point.json"),
                      *third = file_of(2, "point.json");
    CLEANUP(survey_done) struct survey s = {0};

    (void)state;
    MUST_RUN("cp", second, third);
    MUST_RUN("truncate", "-s", "100", first);
    MUST_RUN("truncate", "-s", "0", second);
    s = look_at("local", "web01", 3);
    assert_int_equal(s.losses.n, 3);
    assert_loss(&s, 0, POINT_DAMAGED, "its manifest cannot be read: ");
    assert_loss(&s, 1, POINT_DAMAGED, "point.json:1: ");
    assert_loss(&s, 2, POINT_DAMAGED, "is the manifest of another point");
}

/* What a newer version wrote is no damage: that one reads it. */
static void manifest_of_a_newer_version(void **state)
{
    CLEANUP_FREE char *manifest = file_of(0, "point.json");
    CLEANUP(survey_done) struct survey s = {0};

    (void)state;
    MUST_RUN("sed", "-i", "s/\"format\": 1,/\"format\": 99,/", manifest);
    s = look_at("local", "web01", 3);
    assert_int_equal(s.losses.n, 0);
}

/* Of those that are named, and nothing else is read. */
static void a_glance(void **state)
{
    const struct point_list known = {.items = chain + 1, .n = 2};
    const struct survey_scope scope = {.known = &known, .glance_ms = 60000};
    CLEANUP_FREE char *manifest = file_of(1, "point.json"), *image = file_of(0, "vda.qcow2"),
                      *directory = file_of(2, "");
    CLEANUP(survey_done) struct survey s = {0};

    (void)state;
    MUST_RUN("rm", "-r", image, directory);
    MUST_RUN("truncate", "-s", "100", manifest);
    WORKS(repository_survey(repo_path, &scope, NULL, &s, err));
    assert_int_equal(s.losses.n, 2);
    assert_loss(&s, 1, POINT_DAMAGED, "its manifest cannot be read: ");
    assert_loss(&s, 2, POINT_MISSING, "its directory cannot be opened: ");
    assert_int_equal(s.unknown.n, 0);
}

/* A point that retention has let go, or that is of another domain, is nobody's loss. */
static void what_does_not_count(void **state)
{
    CLEANUP_FREE char *directory = file_of(0, "");
    CLEANUP(survey_done) struct survey s = {0};

    (void)state;
    MUST_RUN("rm", "-r", directory);
    chain[0].state = POINT_DELETING;
    s = look_at(NULL, NULL, 3);
    assert_int_equal(s.losses.n, 0);
}

static void what_nobody_knows(void **state)
{
    CLEANUP_FREE char *from = file_of(2, ""), *made = xasprintf("%s/%s.partial", repo_path,
                                                                "local/web01/2026-12-01T00-00-00Z"
                                                                ".nightly@0123abcd-7");
    CLEANUP(survey_done) struct survey s = {0}, other = {0};

    (void)state;
    MUST_RUN("mkdir", made);
    put("local/web01/notes.txt", "not ours");
    put("local/notes.txt", "not ours");
    put("notes.txt", "not ours");
    s = look_at(NULL, NULL, 2);
    assert_int_equal(s.losses.n, 0);
    assert_int_equal(s.unknown.n, 1);
    assert_string_equal(s.unknown.items[0], chain[2].id);
    assert_int_equal(s.unfinished.n, 1);
    assert_string_equal(s.unfinished.items[0],
                        "local/web01/2026-12-01T00-00-00Z.nightly@0123abcd-7");
    other = look_at("local", "db01", 0);
    assert_int_equal(other.unknown.n, 0);
}

/* A catalog that was put back to before a merge: what that has made of the files is no loss. */
static void what_was_merged(void **state)
{
    const struct merge_request r = {.point = chain[0].id, .into = chain[1].id};
    CLEANUP(point_done) struct point now = {0};
    CLEANUP_FREE char *image = file_of(1, "vda.qcow2");
    CLEANUP(survey_done) struct survey s = {0}, torn = {0};

    (void)state;
    WORKS(repository_merge(repo_path, AS, &r, &now, err));
    s = look_at(NULL, NULL, 3);
    assert_int_equal(s.losses.n, 1);
    assert_loss(&s, 0, POINT_MISSING, "its directory is not there");
    assert_int_equal(s.merged.n, 1);
    assert_string_equal(s.merged.items[0].id, chain[1].id);
    assert_null(s.merged.items[0].disks.items[0].backing);
    assert_int_equal(s.merged.items[0].disks.items[0].length, now.disks.items[0].length);
    MUST_RUN("truncate", "-s", "1000", image);
    torn = look_at(NULL, NULL, 3);
    assert_loss(&torn, 1, POINT_DAMAGED, "its file vda.qcow2 is 1000 bytes long, and was ");
}

/* And to before one that is under way. */
static void what_is_being_merged(void **state)
{
    CLEANUP_FREE char *journal = xasprintf("%s.merging", chain[0].id),
                      *image = file_of(0, "vda.qcow2"),
                      *text = xasprintf("{\"format\": 1, \"point\": \"%s\", \"into\": \"%s\","
                                        " \"disks\": [{\"name\": \"vda\"}, {\"name\": \"vdb\"}]}",
                                        chain[0].id, chain[1].id);
    CLEANUP(survey_done) struct survey s = {0};

    (void)state;
    put(journal, text);
    MUST_RUN("truncate", "-s", "+65536", image);
    s = look_at(NULL, NULL, 3);
    assert_int_equal(s.losses.n, 0);
    assert_int_equal(s.merging.n, 1);
    assert_string_equal(s.merging.items[0], chain[0].id);
    assert_int_equal(s.merged.n, 1);
    assert_int_equal(s.merged.items[0].state, POINT_DELETING);
}

/* A repository that is not there tells nothing of its points. */
static void no_repository(void **state)
{
    const struct point_list known = {.items = chain, .n = 3};
    const struct survey_scope scope = {.known = &known};
    CLEANUP_FREE char *marker = xasprintf("%s/repository.json", repo_path);
    CLEANUP(survey_done) struct survey s = {0};

    (void)state;
    MUST_RUN("rm", marker);
    FAILS(repository_survey(repo_path, &scope, NULL, &s, err), ERR_INVALID);
    MUST_RUN("rm", "-r", repo_path);
    FAILS(repository_survey(repo_path, &scope, NULL, &s, err), ERR_NOTFOUND);
    MUST_RUN("mkdir", repo_path);
    FAILS(repository_survey(repo_path, &scope, NULL, &s, err), ERR_NOTFOUND);
}

static void on_done(void *ctx, const struct err *err)
{
    if (err)
        fail_msg("%s", err->msg);
    ++*(int *)ctx;
}

static void through_the_store(void **state)
{
    struct store *store = store_new(EV_DEFAULT, repo_path, AS->self);
    const struct point_list known = {.items = chain, .n = 2};
    const struct survey_scope scope = {.known = &known};
    CLEANUP_FREE char *image = file_of(1, "vda.qcow2");
    CLEANUP(survey_done) struct survey s = {0};
    struct err err = ERR_INIT;
    int ended = 0;

    (void)state;
    MUST_RUN("truncate", "-s", "+1", image);
    assert_non_null(store->ops->survey(store, &scope, &s, on_done, &ended, &err));
    ev_run(EV_DEFAULT, 0);
    assert_int_equal(ended, 1);
    assert_int_equal(s.losses.n, 1);
    assert_loss(&s, 1, POINT_DAMAGED, "its file vda.qcow2 is ");
    assert_int_equal(s.unknown.n, 1);
    assert_true(s.total > 0);
    store->ops->free(store);
}

int main(void)
{
#define SURVEY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        SURVEY_TEST(all_is_there),
        SURVEY_TEST(what_is_lost),
        SURVEY_TEST(lost_images_and_links),
        SURVEY_TEST(what_does_not_count),
        SURVEY_TEST(broken_manifests),
        SURVEY_TEST(manifest_of_a_newer_version),
        SURVEY_TEST(a_glance),
        SURVEY_TEST(what_nobody_knows),
        SURVEY_TEST(what_was_merged),
        SURVEY_TEST(what_is_being_merged),
        SURVEY_TEST(no_repository),
        SURVEY_TEST(through_the_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

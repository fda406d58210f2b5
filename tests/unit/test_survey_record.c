/* SPDX-License-Identifier: MIT
 *
 * What a look at a repository comes to in the catalog, when that has changed while it went on. */
#include "tests/unit/catalog_support.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "jobs/survey.h"
#include "storage/store/store.h"

static struct {
    struct catalog *catalog;
    struct job_env env;
    struct repo repo;
    struct survey_look look;
} t;

static int answer; /* stands for an op */

static struct op *survey(struct store *s, const struct survey_scope *scope, struct survey *ret,
                         op_done done, void *ctx, struct err *err)
{
    (void)s, (void)done, (void)ctx, (void)err;
    assert_int_equal(scope->known->n, 3);
    assert_ptr_equal(ret, &t.look.found);
    return (struct op *)&answer;
}

/* a0 <- a1 <- a2, and a look at them that has begun. */
static void begin(void **state)
{
    static const struct store_ops store_ops = {.survey = survey};
    static struct store store = {.ops = &store_ops, .id = ""};
    const char *below = NULL;
    struct err err = ERR_INIT;

    memset(&t, 0, sizeof(t));
    t.catalog = open_writer(*state);
    t.env = (struct job_env){.catalog = t.catalog};
    t.repo = (struct repo){.env = &t.env, .name = (char *)"main", .store = &store};
    for (int i = 0; i < 3; i++) {
        static const char *const ids[] = {"a0", "a1", "a2"};
        CLEANUP(point_done)
        struct point p = sample_point(ids[i], "d", "n", 100 + i, below, NULL);

        backup(t.catalog, &p);
        below = ids[i];
    }
    assert_non_null(survey_start(&t.env, &t.repo, NULL, NULL, &t.look, NULL, NULL, &err));
}

static void record(void)
{
    OK(survey_record(&t.env, &t.repo, NULL, NULL, &t.look, &err));
    survey_look_done(&t.look);
}

static void end(void)
{
    catalog_close(t.catalog);
}

static struct point get(const char *id)
{
    const struct point_filter f = {0};
    CLEANUP(point_list_done) struct point_list l = {0};
    struct point ret = {0};

    OK(catalog_points(t.catalog, &f, &l, &err));
    if (!point_list_find(&l, id))
        fail_msg("%s is not there", id);
    point_copy(&ret, point_list_find(&l, id));
    return ret;
}

static void assert_state(const char *id, enum point_state state)
{
    CLEANUP(point_done) struct point p = get(id);

    if (p.state != state)
        fail_msg("%s is %s: %s", id, point_state_name(p.state), p.problem ? p.problem : "-");
}

static void found_loss(const char *id, enum point_state state)
{
    struct survey_loss *l = VEC_ADD(&t.look.found.losses);

    *l = (struct survey_loss){xstrdup(id), state, xstrdup("its files are others")};
}

/* The point as it is when what it stood on was merged into it. */
static struct point merged(const char *id, const char *onto, uint64_t length)
{
    struct point ret = get(id);

    free(ret.parent);
    ret.parent = xstrdup(onto);
    ret.level = onto ? LEVEL_INCREMENTAL : LEVEL_FULL;
    for (size_t i = 0; i < ret.disks.n; i++) {
        free(ret.disks.items[i].backing);
        ret.disks.items[i].backing = xstrdup(onto);
        ret.disks.items[i].length = length;
    }
    return ret;
}

static void nothing_has_changed(void **state)
{
    begin(state);
    found_loss("a1", POINT_DAMAGED);
    record();
    assert_state("a0", POINT_GOOD);
    assert_state("a1", POINT_DAMAGED);
    assert_state("a2", POINT_DAMAGED); /* it stands on that */
    end();
}

/* The look met the files in the midst of the first merge; two are over when it ends. */
static void merges_went_on(void **state)
{
    CLEANUP(point_done) struct point first = {0}, second = {0}, now = {0};

    begin(state);
    first = merged("a2", "a0", 1000);
    second = merged("a2", NULL, 2000);
    point_copy(VEC_ADD(&t.look.found.merged), &first);
    found_loss("a1", POINT_MISSING);
    found_loss("a2", POINT_DAMAGED);
    OK(catalog_point_merging(t.catalog, "a1", "a2", &err));
    OK(catalog_point_merged(t.catalog, "a1", &first, &err));
    OK(catalog_point_merging(t.catalog, "a0", "a2", &err));
    OK(catalog_point_merged(t.catalog, "a0", &second, &err));
    record();
    now = get("a2");
    assert_int_equal(now.state, POINT_GOOD);
    assert_null(now.disks.items[0].backing);
    assert_int_equal(now.disks.items[0].length, 2000);
    end();
}

/* One of a point that is being merged, and was whole when the look began. */
static void a_merge_has_begun(void **state)
{
    begin(state);
    found_loss("a1", POINT_MISSING);
    found_loss("a2", POINT_DAMAGED);
    OK(catalog_point_merging(t.catalog, "a1", "a2", &err));
    record();
    assert_state("a1", POINT_DELETING);
    assert_state("a2", POINT_GOOD);
    end();
}

/* Somebody else has looked later, and ends first. */
static void a_later_look(void **state)
{
    begin(state);
    OK(catalog_point_set_state(t.catalog, "a2", POINT_MISSING, "its directory is not there", &err));
    record();
    assert_state("a2", POINT_MISSING);
    end();
}

/* What was published meanwhile was looked at by who has made it. */
static void a_point_was_published(void **state)
{
    CLEANUP(point_done) struct point p = sample_point("a3", "d", "n", 200, "a2", NULL);

    begin(state);
    backup(t.catalog, &p);
    record();
    assert_state("a3", POINT_GOOD);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_has_changed, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(merges_went_on, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(a_merge_has_begun, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(a_later_look, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(a_point_was_published, scratch_make, scratch_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policies/soundness.h"

/* A point with disks on the given points ("" for none), separated by spaces. */
static struct point *add(struct point_list *l, const char *id, enum point_state state,
                         const char *problem, const char *below)
{
    struct point *p = VEC_ADD(l);
    CLEANUP_FREE char *copy = xstrdup(below);
    char *rest = copy;

    p->id = xstrdup(id);
    p->state = state;
    p->problem = xstrdup(problem);
    do {
        const char *word = strsep(&rest, " ");
        struct point_disk *d = VEC_ADD(&p->disks);

        d->name = xasprintf("vd%zu", p->disks.n);
        d->backing = *word ? xstrdup(word) : NULL;
    } while (rest);
    return p;
}

static void assert_is(const struct point_list *l, const char *id, enum point_state state,
                      const char *problem)
{
    const struct point *p = point_list_find(l, id);

    assert_non_null(p);
    assert_string_equal(point_state_name(p->state), point_state_name(state));
    if (problem)
        assert_string_equal(p->problem, problem);
    else
        assert_null(p->problem);
}

static void all_good(void **state)
{
    CLEANUP(point_list_done) struct point_list l = {0};

    (void)state;
    add(&l, "a", POINT_GOOD, NULL, "");
    add(&l, "b", POINT_GOOD, NULL, "a a");
    soundness_judge(&l);
    assert_is(&l, "a", POINT_GOOD, NULL);
    assert_is(&l, "b", POINT_GOOD, NULL);
}

/* In whichever order they are listed, all above a bad one are bad, and name the root of it. */
static void what_stands_on_a_bad_one(void **state)
{
    CLEANUP(point_list_done) struct point_list l = {0};

    (void)state;
    add(&l, "d", POINT_GOOD, NULL, "c");
    add(&l, "c", POINT_GOOD, NULL, "b b");
    add(&l, "b", POINT_MISSING, "its directory is not there", "a");
    add(&l, "a", POINT_GOOD, NULL, "");
    add(&l, "e", POINT_GOOD, NULL, " a");
    soundness_judge(&l);
    assert_is(&l, "a", POINT_GOOD, NULL);
    assert_is(&l, "b", POINT_MISSING, "its directory is not there");
    assert_is(&l, "c", POINT_DAMAGED,
              "it stands on b, which is missing: its directory is not there");
    assert_is(&l, "d", POINT_DAMAGED,
              "it stands on b, which is missing: its directory is not there");
    assert_is(&l, "e", POINT_GOOD, NULL);
}

/* One that is let go while others stand on it is being merged: nothing of it is missing, and what
 * is below it counts. */
static void what_stands_on_one_that_is_merged(void **state)
{
    CLEANUP(point_list_done) struct point_list l = {0};

    (void)state;
    add(&l, "d", POINT_GOOD, NULL, "c");
    add(&l, "c", POINT_GOOD, NULL, "b b");
    add(&l, "b", POINT_DELETING, NULL, "a");
    add(&l, "a", POINT_GOOD, NULL, "");
    soundness_judge(&l);
    assert_is(&l, "b", POINT_DELETING, NULL);
    assert_is(&l, "c", POINT_GOOD, NULL);
    assert_is(&l, "d", POINT_GOOD, NULL);
    l.items[3].state = POINT_MISSING;
    soundness_judge(&l);
    assert_is(&l, "b", POINT_DELETING, NULL);
    assert_is(&l, "c", POINT_DAMAGED, "it stands on a, which is missing");
    assert_is(&l, "d", POINT_DAMAGED, "it stands on a, which is missing");
}

/* One disk of two is enough; a point's own damage is told rather than what it stands on. */
static void one_disk_and_own_damage(void **state)
{
    CLEANUP(point_list_done) struct point_list l = {0};

    (void)state;
    add(&l, "a", POINT_DAMAGED, "torn", "");
    add(&l, "b", POINT_GOOD, NULL, " a");
    add(&l, "c", POINT_DAMAGED, "its own", "a");
    soundness_judge(&l);
    assert_is(&l, "b", POINT_DAMAGED, "it stands on a, which is damaged: torn");
    assert_is(&l, "c", POINT_DAMAGED, "its own");
}

static void what_a_damaged_catalog_may_say(void **state)
{
    CLEANUP(point_list_done) struct point_list l = {0};

    (void)state;
    add(&l, "a", POINT_GOOD, NULL, "b");
    add(&l, "b", POINT_GOOD, NULL, "a");
    add(&l, "c", POINT_GOOD, NULL, "nowhere");
    add(&l, "d", POINT_DELETING, NULL, "e");
    add(&l, "e", POINT_GOOD, NULL, "d");
    soundness_judge(&l);
    assert_int_equal(point_list_find(&l, "a")->state, POINT_DAMAGED);
    assert_int_equal(point_list_find(&l, "b")->state, POINT_DAMAGED);
    assert_is(&l, "c", POINT_DAMAGED, "it stands on nowhere, which nothing is known of");
    assert_is(&l, "d", POINT_DELETING, NULL);
    assert_is(&l, "e", POINT_DAMAGED, "its chain goes in a circle at e");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_good),
        cmocka_unit_test(what_stands_on_a_bad_one),
        cmocka_unit_test(what_stands_on_one_that_is_merged),
        cmocka_unit_test(one_disk_and_own_damage),
        cmocka_unit_test(what_a_damaged_catalog_may_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <string.h>

#include "base/cleanup.h"
#include "policies/verification.h"

#define DAY INT64_C(86400)
#define NOW (20000 * DAY)

static const struct config_verify tenth = {.sample = 10, .max_age = 30 * DAY};

/* Of days ago: made; all of it read; some of it read. -1: never. */
static void add(struct point_list *l, const char *id, int created, int proven, int read)
{
    struct point *p = VEC_ADD(l);

    *p = (struct point){.id = xstrdup(id), .policy = xstrdup("nightly")};
    p->created = NOW - created * DAY;
    p->read.proven = proven < 0 ? 0 : NOW - proven * DAY;
    p->read.at = read < 0 ? 0 : NOW - read * DAY;
}

/* What would be too old before the next run is read whole by this one. */
static void shares(void **state)
{
    CLEANUP(point_list_done) struct point_list l = {0};
    const struct config_verify whole = {.sample = 100}, sample = {.sample = 10};

    (void)state;
    add(&l, "new", 1, -1, -1);
    add(&l, "due", 25, -1, 3);
    add(&l, "read", 400, 5, 3);
    add(&l, "late", 400, 31, 3);
    assert_int_equal(verification_share(&tenth, &l.items[0], NOW, NOW + 7 * DAY), 10);
    assert_int_equal(verification_share(&tenth, &l.items[1], NOW, NOW + 7 * DAY), 100);
    assert_int_equal(verification_share(&tenth, &l.items[1], NOW, NOW + DAY), 10);
    assert_int_equal(verification_share(&tenth, &l.items[2], NOW, NOW + 7 * DAY), 10);
    assert_int_equal(verification_share(&tenth, &l.items[3], NOW, 0), 100);
    assert_int_equal(verification_share(&sample, &l.items[3], NOW, NOW + 7 * DAY), 10);
    assert_int_equal(verification_share(&whole, &l.items[0], NOW, NOW + 7 * DAY), 100);
    /* Whether damage is there still only all of it tells. */
    l.items[0].damage = xstrdup("a bit");
    assert_int_equal(verification_share(&sample, &l.items[0], NOW, NOW + 7 * DAY), 100);
}

static void order(void **state)
{
    CLEANUP(point_list_done) struct point_list l = {0};
    CLEANUP(strlist_done) struct strlist got = {0};
    const char *want[] = {"late", "due", "old", "read", "new"};

    (void)state;
    add(&l, "new", 1, -1, -1);
    add(&l, "due", 25, -1, 3);
    add(&l, "gone", 300, -1, -1);
    add(&l, "read", 400, 5, 3);
    add(&l, "late", 400, 31, 3);
    add(&l, "away", 300, -1, -1);
    add(&l, "old", 20, -1, -1);
    l.items[2].state = POINT_DELETING;
    l.items[5].state = POINT_MISSING;
    verification_plan(&tenth, &l, NOW, NOW + 7 * DAY, &got);
    assert_int_equal(got.n, ARRAY_LEN(want));
    for (size_t i = 0; i < got.n; i++)
        assert_string_equal(got.items[i], want[i]);
}

/* A policy that has begun to read is given the time that it promises. */
static void overdue(void **state)
{
    CLEANUP(point_list_done) struct point_list l = {0};
    const struct config_verify none = {.sample = 10};
    size_t n;

    (void)state;
    add(&l, "new", 1, -1, -1);
    add(&l, "late", 400, 31, 3);
    add(&l, "later", 400, -1, 3);
    add(&l, "bad", 400, -1, 3);
    l.items[3].state = POINT_DAMAGED;
    assert_ptr_equal(verification_overdue(&tenth, &l, "nightly", NOW - 31 * DAY, NOW, &n),
                     &l.items[2]);
    assert_int_equal(n, 2);
    assert_null(verification_overdue(&tenth, &l, "nightly", NOW - 29 * DAY, NOW, &n));
    assert_null(verification_overdue(&tenth, &l, "weekly", NOW - 31 * DAY, NOW, &n));
    assert_null(verification_overdue(&none, &l, "nightly", NOW - 31 * DAY, NOW, &n));
    assert_int_equal(n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares),
        cmocka_unit_test(order),
        cmocka_unit_test(overdue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

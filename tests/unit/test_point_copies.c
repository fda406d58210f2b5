/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "report/point_copies.h"

static void add(struct point_list *points, const char *id, const char *copy_of)
{
    *VEC_ADD(points) = (struct point){.id = (char *)id, .copy_of = (char *)copy_of};
}

static void those_of_each_in_their_order(void **state)
{
    CLEANUP(point_copies_done) struct point_copies copies = {0};
    const struct point *const *of;
    struct point_list points = {0};
    size_t n;

    (void)state;
    add(&points, "b", NULL);
    add(&points, "b@2", "b");
    add(&points, "a", NULL);
    add(&points, "a@1", "a");
    add(&points, "b@1", "b");
    add(&points, "c", NULL);
    point_copies_init(&copies, &points);
    of = point_copies_of(&copies, "b", &n);
    assert_int_equal(n, 2);
    assert_string_equal(of[0]->id, "b@2");
    assert_string_equal(of[1]->id, "b@1");
    of = point_copies_of(&copies, "a", &n);
    assert_int_equal(n, 1);
    assert_string_equal(of[0]->id, "a@1");
    point_copies_of(&copies, "c", &n);
    assert_int_equal(n, 0);
    free(points.items);
}

static void of_none(void **state)
{
    CLEANUP(point_copies_done) struct point_copies copies = {0};
    struct point_list points = {0};
    size_t n = 1;

    (void)state;
    point_copies_init(&copies, &points);
    point_copies_of(&copies, "a", &n);
    assert_int_equal(n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_of_each_in_their_order),
        cmocka_unit_test(of_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

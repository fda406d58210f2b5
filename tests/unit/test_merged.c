/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "policies/merged.h"

/* A point with disks vda, vdb on the given points; NULL: on nothing. */
static struct point *add(struct point_list *l, const char *id, const char *vda, const char *vdb)
{
    static const char *const names[] = {"vda", "vdb"};
    const char *const below[] = {vda, vdb};
    struct point *p = VEC_ADD(l);

    p->id = xstrdup(id);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct point_disk *d = VEC_ADD(&p->disks);

        d->name = xstrdup(names[i]);
        d->backing = xstrdup(below[i]);
    }
    return p;
}

/* a <- b <- c <- d; vdb begins anew with b. */
static void make(struct point_list *l)
{
    add(l, "a", NULL, NULL);
    add(l, "b", "a", NULL);
    add(l, "c", "b", "b");
    add(l, "d", "c", "c");
}

static bool believed(const char *vda, const char *vdb, const char *gone1, const char *gone2,
                     struct strlist *into)
{
    CLEANUP(point_list_done) struct point_list known = {0}, is = {0};
    CLEANUP(strlist_done) struct strlist gone = {0};

    make(&known);
    add(&is, "c", vda, vdb);
    strlist_add(&gone, gone1);
    strlist_add(&gone, gone2);
    return merged_is_believed(&known, &is.items[0], &gone, into);
}

static void one_went(void **state)
{
    CLEANUP(strlist_done) struct strlist into = {0};

    (void)state;
    assert_true(believed("a", NULL, "b", "x", &into));
    assert_int_equal(into.n, 1);
    assert_string_equal(into.items[0], "b");
}

static void several_went(void **state)
{
    CLEANUP(strlist_done) struct strlist into = {0};

    (void)state;
    assert_true(believed(NULL, NULL, "a", "b", &into));
    assert_int_equal(into.n, 2);
    assert_string_equal(into.items[0], "b");
    assert_string_equal(into.items[1], "a");
}

/* A merge goes disk by disk. */
static void under_way(void **state)
{
    CLEANUP(strlist_done) struct strlist into = {0};

    (void)state;
    assert_true(believed("a", "b", "b", "x", &into));
    assert_int_equal(into.n, 1);
}

static void what_no_merge_did(void **state)
{
    CLEANUP(strlist_done) struct strlist into = {0};
    CLEANUP(point_list_done) struct point_list known = {0}, other = {0};

    (void)state;
    assert_false(believed("a", NULL, "x", "y", &into));  /* b is there */
    assert_false(believed(NULL, NULL, "b", "x", &into)); /* a is */
    assert_false(believed("z", NULL, "a", "b", &into));
    make(&known);
    add(&other, "e", NULL, NULL);
    assert_false(merged_is_believed(&known, &other.items[0], &into, &into));
    free(TAKE_PTR(other.items[0].disks.items[1].name));
    other.items[0].disks.items[1].name = xstrdup("vdc");
    free(TAKE_PTR(other.items[0].id));
    other.items[0].id = xstrdup("c");
    assert_false(merged_is_believed(&known, &other.items[0], &into, &into));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_went),
        cmocka_unit_test(several_went),
        cmocka_unit_test(under_way),
        cmocka_unit_test(what_no_merge_did),
    };

    return cmocka_run_group_tests_name("merged", tests, NULL, NULL);
}

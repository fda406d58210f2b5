/* SPDX-License-Identifier: MIT
 *
 * What the catalog keeps of disks: those that were attached, and what a point leaves out. */
#include "tests/unit/catalog_support.h"

#include <string.h>

static struct catalog *c;

static int setup(void **state)
{
    scratch_make(state);
    c = open_writer(*state);
    return 0;
}

static int teardown(void **state)
{
    catalog_close(c);
    return scratch_remove(state);
}

/* Pairs of name and identity. */
static void see(const char *const (*disks)[2], size_t n, bool whole, int64_t now)
{
    struct seen_disk_list l = {0};

    for (size_t i = 0; i < n; i++)
        seen_disk_add(&l, disks[i][0], disks[i][1], NULL);
    OK(catalog_seen_disks_put(c, "h", "d", &l, whole, now, &err));
    seen_disk_list_done(&l);
}

static void expect(const char *want)
{
    struct seen_disk_list l = {0};
    char got[256] = "";

    OK(catalog_seen_disks(c, "h", "d", &l, &err));
    for (size_t i = 0; i < l.n; i++)
        snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s@%d", i > 0 ? " " : "",
                 l.items[i].name, (int)l.items[i].since);
    seen_disk_list_done(&l);
    assert_string_equal(got, want);
}

static void what_was_attached(void **state)
{
    static const char *const two[][2] = {{"vda", "1"}, {"vdb", "2"}};
    static const char *const other[][2] = {{"sda", "1"}, {"vdc", NULL}};

    (void)state;
    expect("");
    see(two, 2, true, 10);
    expect("vda@10 vdb@10");
    see(two, 2, true, 20);
    expect("vda@10 vdb@10");
    /* shut off, one may be there that is not known now */
    see(two, 1, false, 30);
    expect("vda@10 vdb@10");
    /* it runs again without it; what is called otherwise is known by what it is */
    see(other, 2, true, 40);
    expect("sda@10 vdc@40");
    see(NULL, 0, true, 50);
    expect("");
}

static void what_a_point_leaves_out(void **state)
{
    const struct point_filter all = {0};
    struct point p = sample_point("h/d/p", "d", "n", 100, NULL, NULL);
    struct point_list l = {0};

    (void)state;
    strlist_add(&p.missing, "vdz");
    left_out_add(&p.left_out, "cd0", "an empty drive");
    left_out_add(&p.left_out, "vdy", "the policy's disks leave it out");
    backup(c, &p);
    OK(catalog_points(c, &all, &l, &err));
    assert_int_equal(l.n, 1);
    assert_string_equal(l.items[0].missing.items[0], "vdz");
    assert_int_equal(l.items[0].left_out.n, 2);
    assert_string_equal(l.items[0].left_out.items[0].name, "cd0");
    assert_string_equal(l.items[0].left_out.items[1].why, "the policy's disks leave it out");
    point_list_done(&l);
    point_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_attached, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_point_leaves_out, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

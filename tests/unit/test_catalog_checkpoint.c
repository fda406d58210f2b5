/* SPDX-License-Identifier: MIT
 *
 * What the catalog keeps of checkpoints by hand that are gone, or told again. */
#include "tests/unit/catalog_support.h"

#include <string.h>

#include "base/cleanup.h"

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

static struct checkpoint_disk one_disk[] = {{.name = (char *)"vda", .capacity = 4096}};

static struct checkpoint named(const char *domain, const char *name, const char *parent)
{
    return (struct checkpoint){.name = (char *)name,
                               .host = (char *)"h",
                               .domain = (char *)domain,
                               .parent = (char *)parent,
                               .created = 100,
                               .disks = {one_disk, 1, 1}};
}

static void make(const char *domain, const char *name)
{
    const struct checkpoint k = named(domain, name, NULL);

    OK(catalog_checkpoint_add(c, &k, &err));
    OK(catalog_checkpoint_keep(c, "h", domain, name, &err));
}

static void assert_gone(const char *domain, const char *want)
{
    char text[200] = "";
    struct strlist l = {0};

    OK(catalog_checkpoints_gone(c, "h", domain, &l, &err));
    for (size_t i = 0; i < l.n; i++) {
        strcat(text, i ? " " : "");
        strcat(text, l.items[i]);
    }
    strlist_done(&l);
    assert_string_equal(text, want);
}

static void assert_parent(const char *name, const char *want)
{
    struct checkpoint_list l = {0};
    const struct checkpoint *k;

    OK(catalog_checkpoints(c, "h", "d", &l, &err));
    k = checkpoint_list_find(&l, name);
    assert_non_null(k);
    assert_string_equal(k->parent ? k->parent : "none", want);
    checkpoint_list_done(&l);
}

static void what_was_deleted_is_remembered(void **state)
{
    (void)state;
    make("d", "two");
    make("d", "one");
    make("e", "three");
    assert_gone("d", "");
    OK(catalog_checkpoint_delete(c, "h", "d", "two", &err));
    OK(catalog_checkpoint_delete(c, "h", "d", "one", &err));
    assert_gone("d", "one two");
    assert_gone("e", "");
    make("d", "one");
    OK(catalog_checkpoint_delete(c, "h", "d", "one", &err));
    OK(catalog_checkpoint_delete(c, "h", "d", "never", &err));
    assert_gone("d", "one two");
}

/* Its name may be that of a bitmap of somebody else. */
static void what_never_was_is_not(void **state)
{
    const struct checkpoint k = named("d", "one", NULL);

    (void)state;
    OK(catalog_checkpoint_add(c, &k, &err));
    OK(catalog_checkpoint_unmake(c, "h", "d", "one", &err));
    assert_gone("d", "");
}

/* Its name says whose it is. */
static void nor_is_a_scheduled_one(void **state)
{
    CLEANUP_FREE char *mine = xasprintf("vmkeep-%s-7", catalog_id(c));
    CLEANUP(point_done) struct point p = sample_point("a1", "d", "n", 1000, NULL, mine);

    (void)state;
    backup(c, &p);
    OK(catalog_checkpoint_forget(c, mine, &err));
    assert_gone("d", "");
    assert_true(catalog_checkpoint_is_ours(c, mine));
    assert_false(catalog_checkpoint_is_ours(c, "vmkeep-00000000-7"));
    assert_false(catalog_checkpoint_is_ours(c, "vmkeep-"));
    assert_false(catalog_checkpoint_is_ours(c, "one"));
}

/* libvirt's rule: what is redefined on the line's end is its new end; beside it, it is not. */
static void redefined_ones_and_the_line(void **state)
{
    struct checkpoint k = named("d", "one", NULL);

    (void)state;
    OK(catalog_checkpoint_redefine(c, &k, &err));
    k = named("d", "two", "one");
    OK(catalog_checkpoint_redefine(c, &k, &err));
    make("d", "three");
    assert_parent("three", "two");
    k = named("d", "aside", "one");
    OK(catalog_checkpoint_redefine(c, &k, &err));
    k = named("d", "root", NULL);
    OK(catalog_checkpoint_redefine(c, &k, &err));
    make("d", "four");
    assert_parent("aside", "one");
    assert_parent("four", "three");
}

static void redefined_again(void **state)
{
    struct checkpoint k = named("d", "one", NULL);
    struct checkpoint_list l = {0};

    (void)state;
    make("d", "one");
    k.description = (char *)"told again";
    k.created = 200;
    strlist_add(&k.left_out, "cd0");
    strlist_add(&k.left_out, "iso");
    one_disk[0].name = (char *)"vdb";
    OK(catalog_checkpoint_redefine(c, &k, &err));
    one_disk[0].name = (char *)"vda";
    OK(catalog_checkpoints(c, "h", "d", &l, &err));
    assert_int_equal(l.n, 1);
    assert_int_equal(l.items[0].state, CHECKPOINT_KEPT);
    assert_int_equal(l.items[0].created, 200);
    assert_string_equal(l.items[0].description, "told again");
    assert_int_equal(l.items[0].disks.n, 1);
    assert_string_equal(l.items[0].disks.items[0].name, "vdb");
    assert_int_equal(l.items[0].left_out.n, 2);
    assert_string_equal(l.items[0].left_out.items[1], "iso");
    checkpoint_list_done(&l);
    OK(catalog_checkpoint_redefine(c, &k, &err));
    strlist_done(&k.left_out);
    OK(catalog_checkpoint_delete(c, "h", "d", "one", &err));

    k.name = (char *)"new";
    OK(catalog_checkpoint_add(c, &k, &err));
    FAILS(ERR_EXISTS, "'new' already", catalog_checkpoint_redefine(c, &k, &err));
}

/* Others are being made meanwhile, of this domain and of another one of that name. */
static void one_that_failed_is_given_up_alone(void **state)
{
    const struct checkpoint making[] = {named("d", "a", NULL), named("d", "b", NULL),
                                        named("other", "a", NULL)};
    struct checkpoint_list l = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(making); i++)
        OK(catalog_checkpoint_add(c, &making[i], &err));
    OK(catalog_checkpoint_give_up(c, "h", "d", "a", &err));
    OK(catalog_checkpoints(c, "h", "d", &l, &err));
    assert_int_equal(checkpoint_list_find(&l, "a")->state, CHECKPOINT_DROPPING);
    assert_int_equal(checkpoint_list_find(&l, "b")->state, CHECKPOINT_PROVISIONAL);
    checkpoint_list_done(&l);
    OK(catalog_checkpoints(c, "h", "other", &l, &err));
    assert_int_equal(checkpoint_list_find(&l, "a")->state, CHECKPOINT_PROVISIONAL);
    checkpoint_list_done(&l);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_that_failed_is_given_up_alone),
        TEST(what_was_deleted_is_remembered),
        TEST(what_never_was_is_not),
        TEST(nor_is_a_scheduled_one),
        TEST(redefined_ones_and_the_line),
        TEST(redefined_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * New images in the place of old ones: all or none, whatever fails, and after a crash at any
 * moment.
 */
#include "tests/support/test.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fsutil.h"
#include "storage/images/swap.h"

static char dir[PATH_MAX];
static char *images[2], *staged[2];
static struct swap items[2];

static void put_file(const char *path, const char *text)
{
    struct err err = ERR_INIT;

    unlink(path);
    if (write_file_durably(path, text, strlen(text), 0640, &err) < 0)
        fail_msg("%s", err.msg);
}

static bool holds(const char *path, const char *text)
{
    CLEANUP_FREE char *there = NULL;
    struct err err = ERR_INIT;

    return read_file(path, 100, &there, NULL, &err) == 0 && strcmp(there, text) == 0;
}

static int setup(void **state)
{
    (void)state;
    test_make_dir(dir, sizeof(dir));
    for (size_t i = 0; i < 2; i++) {
        images[i] = xasprintf("%s/vd%c", dir, (char)('a' + i));
        staged[i] = xasprintf("%s/new-%zu", dir, i);
        items[i] = (struct swap){images[i], staged[i]};
        put_file(images[i], "old");
        put_file(staged[i], "new");
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        free(images[i]);
        free(staged[i]);
    }
    return test_remove_dir(dir);
}

static void assert_both(const char *text)
{
    for (size_t i = 0; i < 2; i++)
        assert_true(holds(images[i], text));
}

static void all_are_new(void **state)
{
    struct err err = ERR_INIT;
    struct stat st;
    size_t n;

    (void)state;
    assert_int_equal(chmod(images[0], 0604), 0);
    assert_int_equal(swap_run(items, 2, &err), 0);
    assert_both("new");
    assert_int_equal(stat(images[0], &st), 0);
    assert_int_equal(st.st_mode & 0777, 0604);
    for (size_t i = 0; i < 2; i++) {
        CLEANUP_FREE char *kept = swap_kept(images[i]);

        assert_true(holds(kept, "old"));
    }
    assert_int_equal(swap_finish(items, 2, &err), 0);
    assert_int_equal(swap_undo(items, 2, &n, &err), 0);
    assert_int_equal(n, 0);
    assert_both("new");
}

static void one_that_fails_costs_none(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    unlink(staged[1]);
    assert_int_equal(swap_run(items, 2, &err), -1);
    assert_both("old");
    put_file(staged[0], "new");
    put_file(staged[1], "new");
    err = ERR_INIT;
    assert_int_equal(swap_run(items, 2, &err), 0);
    assert_both("new");
}

static void one_that_was_lost(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    unlink(images[0]);
    assert_int_equal(swap_run(items, 2, &err), 0);
    assert_both("new");
    assert_int_equal(swap_finish(items, 2, &err), 0);
}

/* What an interrupted one has kept is not taken for ours. */
static void an_interrupted_one_first(void **state)
{
    CLEANUP_FREE char *kept = swap_kept(images[1]);
    struct err err = ERR_INIT;
    size_t n;

    (void)state;
    put_file(kept, "older");
    assert_int_equal(swap_run(items, 2, &err), -1);
    assert_int_equal(err.code, ERR_EXISTS);
    assert_both("old");
    assert_true(holds(kept, "older"));
    err = ERR_INIT;
    assert_int_equal(swap_undo(items, 2, &n, &err), 0);
    assert_int_equal(n, 1);
    assert_true(holds(images[0], "old"));
    assert_true(holds(images[1], "older"));
}

/* What a kill can leave, and what becomes of it: the calls are made in this order. */
static void killed_at_any_call(void **state)
{
    static const struct {
        const char *vda, *kept_a, *vdb, *kept_b; /* NULL: not there; "=": the image's second name */
        const char *mark_a, *mark_b;
        const char *both; /* in the end */
    } left[] = {
        {"old", "=", "old", NULL, NULL, NULL, "old"},
        {"old", "=", "old", "=", NULL, NULL, "old"},
        {"new", "old", "old", "=", NULL, NULL, "old"},
        {"new", "old", "new", "old", NULL, NULL, "old"},
        {"new", "old", "new", "old", "", NULL, "new"},
        {"new", "old", "new", "old", "", "", "new"},
        {"new", NULL, "new", "old", "", "", "new"},
        {"new", NULL, "new", NULL, "", "", "new"},
        {"new", NULL, "new", NULL, NULL, "", "new"},
    };
    struct err err = ERR_INIT;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(left); i++) {
        const char *texts[2][3] = {{left[i].vda, left[i].kept_a, left[i].mark_a},
                                   {left[i].vdb, left[i].kept_b, left[i].mark_b}};
        size_t n;

        for (size_t k = 0; k < 2; k++) {
            CLEANUP_FREE char *kept = swap_kept(images[k]);
            CLEANUP_FREE char *mark = xasprintf("%s-done", kept);

            put_file(images[k], texts[k][0]);
            if (texts[k][1] && *texts[k][1] == '=')
                assert_int_equal(link(images[k], kept), 0);
            else if (texts[k][1])
                put_file(kept, texts[k][1]);
            if (texts[k][2])
                put_file(mark, "");
        }
        assert_int_equal(swap_undo(items, 2, &n, &err), 0);
        assert_both(left[i].both);
        for (size_t k = 0; k < 2; k++) {
            CLEANUP_FREE char *kept = swap_kept(images[k]);
            CLEANUP_FREE char *mark = xasprintf("%s-done", kept);

            assert_false(path_exists(kept));
            assert_false(path_exists(mark));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_are_new, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_fails_costs_none, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_was_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(an_interrupted_one_first, setup, teardown),
        cmocka_unit_test_setup_teardown(killed_at_any_call, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

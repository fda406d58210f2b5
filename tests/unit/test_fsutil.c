/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fsutil.h"

static char *tmp;

static int setup(void **state)
{
    char dir[512];

    (void)state;
    test_make_dir(dir, sizeof(dir));
    tmp = xstrdup(dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(rmdir(tmp), 0);
    free(tmp);
    return 0;
}

static void directories(void **state)
{
    char *path = xasprintf("%s/a/b", tmp), *above = path_dirname(path);
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(mkdir_all(path, 0700, &err), 0);
    assert_int_equal(mkdir_all(path, 0700, &err), 0);
    assert_int_equal(sync_dir(path, &err), 0);
    rmdir(path);
    rmdir(above);
    assert_int_equal(sync_dir(path, &err), -1);
    assert_int_equal(err.code, ERR_NOTFOUND);
    free(path);
    free(above);
}

/* Whoever may write in the directory must not lead us to a file that he may not. */
static void no_link_is_followed(void **state)
{
    char *path = xasprintf("%s/f", tmp), *link = xasprintf("%s/f.tmp", tmp);
    char *victim = xasprintf("%s/victim", tmp), *text = NULL;
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(write_file_durably(victim, "mine", 4, 0600, &err), 0);
    assert_int_equal(symlink(victim, link), 0);
    assert_int_equal(write_file_durably(path, "new", 3, 0600, &err), 0);
    assert_int_equal(read_file(victim, 100, &text, NULL, &err), 0);
    assert_string_equal(text, "mine");
    unlink(path);
    unlink(victim);
    free(text);
    free(victim);
    free(link);
    free(path);
}

static void files(void **state)
{
    char *path = xasprintf("%s/f", tmp), *under = xasprintf("%s/f/x", tmp), *text = NULL;
    struct err err = ERR_INIT;
    size_t len;

    (void)state;
    assert_int_equal(write_file_durably(path, "one", 3, 0600, &err), 0);
    assert_int_equal(write_file_durably(path, "two!", 4, 0600, &err), 0);
    assert_int_equal(read_file(path, 100, &text, &len, &err), 0);
    assert_string_equal(text, "two!");
    assert_int_equal(len, 4);
    free(text);
    assert_int_equal(read_file(path, 3, &text, &len, &err), -1);
    assert_int_equal(mkdir_all(under, 0700, &err), -1);
    assert_int_equal(mkdir_all(path, 0700, &err), -1);
    unlink(path);
    free(path);
    free(under);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(directories, setup, teardown),
        cmocka_unit_test_setup_teardown(no_link_is_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(files, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

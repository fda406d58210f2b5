/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <errno.h>
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

/* QEMU's user has to pass, and root's umask may be 077. */
static void a_directory_is_as_open_as_is_asked_for(void **state)
{
    char *upper = xasprintf("%s/a", tmp), *path = xasprintf("%s/a/b", tmp);
    mode_t ours = umask(077);
    struct err err = ERR_INIT;
    struct stat st;

    (void)state;
    assert_int_equal(mkdir_all(path, 0711, &err), 0);
    assert_int_equal(umask(ours), 077);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0711);
    assert_int_equal(stat(upper, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0711);
    rmdir(path);
    rmdir(upper);
    free(path);
    free(upper);
}

static void what_a_unit_closes_is_told_with_what_opens_it(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    errno = EROFS;
    assert_int_equal(cannot_create("/srv/a/x.qcow2", &err), -1);
    assert_int_equal(err.code, ERR_DENIED);
    assert_string_equal(err.msg,
                        "create /srv/a/x.qcow2: Read-only file system; if it is not mounted so, "
                        "vmkeepd's unit closes it to vmkeepd: add `ReadWritePaths=/srv/a` under "
                        "[Service] by `systemctl edit vmkeepd`, and restart it");
    errno = ENOENT;
    assert_int_equal(cannot_create("/srv/a/x.qcow2", &err), -1);
    assert_string_equal(err.msg, "create /srv/a/x.qcow2: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(directories, setup, teardown),
        cmocka_unit_test_setup_teardown(no_link_is_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(files, setup, teardown),
        cmocka_unit_test_setup_teardown(a_directory_is_as_open_as_is_asked_for, setup, teardown),
        cmocka_unit_test(what_a_unit_closes_is_told_with_what_opens_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

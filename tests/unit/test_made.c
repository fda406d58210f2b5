/* SPDX-License-Identifier: MIT
 *
 * What a backup has made is removed; what is found under its names is not.
 */
#include "tests/unit/catalog_support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "storage/catalog/catalog_made.h"

#define TAG "vmkeep-0a1b2c3d-7"

static char *in_dir(const struct scratch *s, const char *name)
{
    CLEANUP_FREE char *dir = path_dirname(s->path);

    return xasprintf("%s/%s", dir, name);
}

static void add(const struct scratch *s, struct made_list *l, enum made_what what, const char *name)
{
    CLEANUP_FREE char *path = in_dir(s, name);

    made_add(l, what, path);
}

static int create(struct made_list *l, struct err *err)
{
    struct made_list now = {0};

    if (made_create(l, TAG, geteuid(), getegid(), &now, err) < 0)
        return -1;
    made_list_done(l);
    *l = now;
    for (size_t i = 0; i < l->n; i++) /* none has its name yet */
        assert_true(l->items[i].what == MADE_SOCKET || l->items[i].inode != 0);
    return made_name(l, TAG, err);
}

static bool is_there(const struct made_list *l, size_t i)
{
    return path_exists(l->items[i].path);
}

static void touch(const char *path)
{
    CLEANUP_CLOSE int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
}

/* A socket that somebody has listened on; the descriptor. */
static int make_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static void what_was_made_goes(void **state)
{
    CLEANUP(made_list_done) struct made_list l = {0};

    add(*state, &l, MADE_TARGET, "a");
    add(*state, &l, MADE_SCRATCH, "b");
    OK(create(&l, &err));
    assert_true(is_there(&l, 0) && is_there(&l, 1));
    OK(made_clear(&l, TAG, false, &err));
    assert_true(is_there(&l, 0) && !is_there(&l, 1));
    OK(made_clear(&l, TAG, true, &err));
    assert_false(is_there(&l, 0));
    OK(made_clear(&l, TAG, true, &err));
}

static void nothing_is_overwritten(void **state)
{
    CLEANUP(made_list_done) struct made_list l = {0};

    add(*state, &l, MADE_TARGET, "a");
    add(*state, &l, MADE_TARGET, "b");
    touch(l.items[1].path);
    FAILS(ERR_EXISTS, "File exists", create(&l, &err));
    assert_true(is_there(&l, 1));
    FAILS(ERR_EXISTS, "is left: it is not the target that was made",
          made_clear(&l, TAG, true, &err));
    assert_true(!is_there(&l, 0) && is_there(&l, 1));
    unlink(l.items[1].path);
}

static size_t in_the_folder(const struct scratch *s)
{
    CLEANUP_FREE char *dir = path_dirname(s->path);
    DIR *d = opendir(dir);
    size_t n = 0;

    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* Whoever makes them dies before it is written down which they are: none has its name, and those
 * that somebody makes meanwhile are not taken for ours. */
static void what_has_no_name_yet_goes(void **state)
{
    CLEANUP(made_list_done) struct made_list l = {0}, now = {0};
    size_t before = in_the_folder(*state);

    add(*state, &l, MADE_TARGET, "a");
    add(*state, &l, MADE_SCRATCH, "b");
    OK(made_create(&l, TAG, geteuid(), getegid(), &now, &err));
    assert_int_equal(in_the_folder(*state), before + 2);
    assert_true(!is_there(&l, 0) && !is_there(&l, 1));
    touch(l.items[0].path);
    OK(made_clear(&l, TAG, true, &err));
    assert_true(is_there(&l, 0) && !is_there(&l, 1));
    assert_int_equal(in_the_folder(*state), before + 1);
    unlink(l.items[0].path);
}

static void another_file_of_the_name_stays(void **state)
{
    CLEANUP(made_list_done) struct made_list l = {0};
    CLEANUP_FREE char *aside = in_dir(*state, "aside");

    add(*state, &l, MADE_TARGET, "a");
    OK(create(&l, &err));
    assert_int_equal(rename(l.items[0].path, aside), 0);
    touch(l.items[0].path);
    FAILS(ERR_EXISTS, "is left: it is not the target that was made",
          made_clear(&l, TAG, true, &err));
    assert_true(is_there(&l, 0));
    unlink(l.items[0].path);
    assert_int_equal(symlink(aside, l.items[0].path), 0);
    FAILS(ERR_EXISTS, "is left", made_clear(&l, TAG, true, &err));
    assert_true(path_exists(aside));
    unlink(l.items[0].path);
    unlink(aside);
}

static void sockets(void **state)
{
    CLEANUP(made_list_done) struct made_list l = {0};
    int fd;

    add(*state, &l, MADE_SOCKET, "s");
    OK(create(&l, &err));
    assert_false(is_there(&l, 0));
    OK(made_clear(&l, TAG, false, &err));
    fd = make_socket(l.items[0].path);
    FAILS(ERR_EXISTS, "it is not the socket that was made", made_clear(&l, TAG, false, &err));
    assert_true(is_there(&l, 0));
    close(fd);
    OK(made_clear(&l, TAG, false, &err));
    assert_false(is_there(&l, 0));

    /* One that was there before stays until the hypervisor has made its own. */
    close(make_socket(l.items[0].path));
    OK(create(&l, &err));
    FAILS(ERR_EXISTS, "is left", made_clear(&l, TAG, false, &err));
    unlink(l.items[0].path);
    touch(l.items[0].path);
    FAILS(ERR_EXISTS, "is left", made_clear(&l, TAG, false, &err));
    unlink(l.items[0].path);
    close(make_socket(l.items[0].path));
    OK(made_clear(&l, TAG, false, &err));
    assert_false(is_there(&l, 0));
}

static void written_down(void **state)
{
    CLEANUP(made_list_done) struct made_list l = {0};
    CLEANUP(made_list_done) struct made_list read = {0};
    struct catalog *c = open_writer(*state);
    struct job j = {.kind = JOB_BACKUP_BEGIN,
                    .guest = true,
                    .host = (char *)"lab",
                    .domain = (char *)"vm1",
                    .policy = (char *)"",
                    .repository = (char *)"",
                    .step = (char *)"placing",
                    .started = 1};

    OK(catalog_job_add(c, &j, &err));
    OK(catalog_job_begin(c, &j, NULL, &err));
    add(*state, &l, MADE_TARGET, "a");
    add(*state, &l, MADE_SOCKET, "s");
    l.items[0].device = UINT64_MAX;
    l.items[0].inode = 2;
    l.items[0].born = 3;
    OK(catalog_made_put(c, j.id, &l, &err));
    OK(catalog_made(c, j.id, &read, &err));
    assert_int_equal(read.n, 2);
    assert_int_equal(read.items[1].what, MADE_SOCKET);
    assert_string_equal(read.items[0].path, l.items[0].path);
    assert_true(read.items[0].device == UINT64_MAX && read.items[0].inode == 2 &&
                read.items[0].born == 3);
    made_list_done(&read);
    OK(catalog_made(c, j.id + 1, &read, &err));
    assert_int_equal(read.n, 0);
    catalog_close(c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_made_goes),
        TEST(nothing_is_overwritten),
        TEST(what_has_no_name_yet_goes),
        TEST(another_file_of_the_name_stays),
        TEST(sockets),
        TEST(written_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

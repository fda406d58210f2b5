/* SPDX-License-Identifier: MIT
 *
 * The end of a restore.  Killed when its images are whole, and have their names or not yet: the
 * next one into the same place goes on from there.  And what is read while it is on its way to the
 * disk counts for nothing, if that does not take it.
 */
#include "tests/support/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "storage/repository/repository.h"
#include "storage/restore/restore.h"
#include "tests/integration/repo_support.h"

static struct point points[3];
static char *to;

static int setup(void **state)
{
    repo_setup(state);
    make_chain(points);
    to = xasprintf("%s/to", repo_tmp);
    return 0;
}

static int teardown(void **state)
{
    done_all(points);
    free(to);
    return repo_teardown(state);
}

static struct restore_request request(int day)
{
    return (struct restore_request){
        .repository = repo_path, .point_id = points[day].id, .to = to, .format = "qcow2"};
}

static size_t count_files(const char *dir)
{
    CLEANUP_CLOSEDIR DIR *d = opendir(dir);
    size_t n = 0;

    while (d && readdir(d))
        n++;
    return n ? n - 2 : 0;
}

static int kill_at; /* 0: never */

static void step(void)
{
    if (kill_at && --kill_at == 0)
        kill(getpid(), SIGKILL);
}

static const char *sync_fails; /* of this file */
static int syncs_failed;

int fsync(int fd)
{
    CLEANUP_FREE char *link = xasprintf("/proc/self/fd/%d", fd);
    char path[PATH_MAX];
    ssize_t n = readlink(link, path, sizeof(path) - 1);

    step();
    path[n > 0 ? n : 0] = '\0';
    if (sync_fails && strstr(path, sync_fails)) {
        syncs_failed++;
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

int link(const char *from, const char *name)
{
    step();
    return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, name, 0);
}

int unlink(const char *name)
{
    step();
    return (int)syscall(SYS_unlinkat, AT_FDCWD, name, 0);
}

int rename(const char *from, const char *name)
{
    step();
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, name, 0);
}

/* false: it ended before. */
static bool is_killed_at(const struct restore_request *r, int n)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        CLEANUP(restore_result_done) struct restore_result res = {0};
        struct err err = ERR_INIT;

        kill_at = n;
        _exit(restore_run(r, &res, &err) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

/* What was whole is found so: nothing is asked for. */
static void goes_on_after(const struct restore_request *r, int n)
{
    CLEANUP(restore_result_done) struct restore_result res = {0};
    struct err err = ERR_INIT;
    const char *const files[] = {"vda.qcow2", "vdb.qcow2", "nvram.fd", "domain.xml"};

    /* Killed when all was done: that it is there is then the truth. */
    if (restore_run(r, &res, &err) < 0 && err.code != ERR_EXISTS)
        fail_msg("killed at step %d: %s", n, err.msg);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        CLEANUP_FREE char *file = xasprintf("%s/%s", to, files[i]);
        CLEANUP_FREE char *ref = i < 2 ? reference_name(1, i) : NULL;

        if (!path_exists(file))
            fail_msg("killed at step %d: no %s: %s", n, files[i], err.msg);
        if (ref)
            assert_same_content(file, "qcow2", ref, "raw");
    }
    if (err.code == ERR_NONE)
        assert_int_equal(count_files(to), ARRAY_LEN(files));
}

static void killed_at_any_step(void **state)
{
    static const char xml[] = "<domain><name>vm</name><os><nvram template='/t'>/n.fd</nvram></os>"
                              "</domain>";
    CLEANUP_FREE char *kept_xml = xasprintf("%s/%s/domain.xml", repo_path, points[1].id);
    CLEANUP_FREE char *kept = xasprintf("%s/%s/nvram.fd", repo_path, points[1].id);
    const struct restore_request r = request(1);
    int n = 1;

    (void)state;
    WORKS(write_file_durably(kept_xml, xml, strlen(xml), 0600, err));
    WORKS(write_file_durably(kept, "a\0\xff", 3, 0600, err));
    for (; is_killed_at(&r, n); n++) {
        goes_on_after(&r, n);
        MUST_RUN("rm", "-rf", to);
    }
    assert_in_range(n, 12, 100); /* syncs, names, the definition, names that go */
}

/* A finished one that somebody has written to since is not taken for what it was. */
static void finished_and_written_to(void **state)
{
    struct restore_request r = request(1);
    CLEANUP(restore_result_done) struct restore_result a = {0};
    CLEANUP(restore_result_done) struct restore_result b = {0};
    CLEANUP_FREE char *partial = NULL;

    (void)state;
    WORKS(restore_run(&r, &a, err));
    partial = xasprintf("%s.partial-%.16s", a.disks.items[0].path,
                        points[1].disks.items[0].content + strlen("sha256-tree:"));
    assert_int_equal(link(a.disks.items[0].path, partial), 0);
    unlink(a.disks.items[1].path);
    image_write(a.disks.items[0].path, 0, 65536, 0x77);
    FAILS(restore_run(&r, &b, err), ERR_EXISTS);
    MUST_RUN("qemu-io", "-r", "-f", "qcow2", "-c", "read -P 0x77 0 65536", a.disks.items[0].path);
    assert_true(path_exists(partial));
    assert_false(path_exists(a.disks.items[1].path));
    r.force = true;
    WORKS(restore_run(&r, &b, err));
    assert_int_equal(b.disks.items[0].kept, 0);
    assert_int_equal(count_files(to), 3);
    for (size_t k = 0; k < 2; k++) {
        CLEANUP_FREE char *ref = reference_name(1, k);

        assert_same_content(b.disks.items[k].path, "qcow2", ref, "raw");
    }
}

/* All of it is right in the page cache, and is not on the disk. */
static void the_disk_does_not_take_it(void **state)
{
    CLEANUP(restore_result_done) struct restore_result res = {0};
    struct restore_request r = request(1);
    struct err err = ERR_INIT;
    int rc;

    (void)state;
    sync_fails = "/vdb.qcow2.partial-";
    rc = restore_run(&r, &res, &err);
    sync_fails = NULL;
    if (rc == 0 || err.code != ERR_IO || !strstr(err.msg, "disk vdb") || syncs_failed != 1)
        fail_msg("%d, after %d syncs: %s", rc, syncs_failed, err.msg);
    assert_null(res.bad_point);
    assert_false(path_exists(to));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(killed_at_any_step),
        TEST(finished_and_written_to),
        TEST(the_disk_does_not_take_it),
    };

    return cmocka_run_group_tests_name("restore_kill", tests, NULL, NULL);
}

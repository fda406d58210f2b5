/* SPDX-License-Identifier: MIT
 *
 * Copies, and restores of more than memory holds, are read back from the medium: the file system
 * lies in a file, in which data change as soon as they are durable, behind the back of its page
 * cache.  Who finds the difference has read it.
 */
#include "tests/support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/memory.h"
#include "base/proc.h"
#include "base/text.h"
#include "storage/repository/bring.h"
#include "storage/restore/restore.h"
#include "tests/integration/repo_support.h"

#define MEDIUM (UINT64_C(96) << 20)
#define PATTERN 0x13 /* of the first point alone, at the end of vda */

static char *medium, *mounted;
static bool armed;
static int changed;

/* Every place that holds the pattern; one byte of each. */
static void change_medium(void)
{
    CLEANUP_FREE char *data = xcalloc(1, MEDIUM);
    CLEANUP_CLOSE int fd = open(medium, O_RDWR | O_CLOEXEC);
    static char want[4096];

    memset(want, PATTERN, sizeof(want));
    assert_int_equal(pread(fd, data, MEDIUM, 0), MEDIUM);
    for (size_t at = 0; at < MEDIUM; at += sizeof(want)) {
        if (memcmp(data + at, want, sizeof(want)) != 0)
            continue;
        assert_int_equal(pwrite(fd, "!", 1, (off_t)at + 7), 1);
        changed++;
    }
}

static bool is_of_disk(int fd)
{
    CLEANUP_FREE char *link = xasprintf("/proc/self/fd/%d", fd);
    char path[4096];
    ssize_t n = readlink(link, path, sizeof(path) - 1);

    path[n > 0 ? n : 0] = '\0';
    return starts_with(path, mounted) && strstr(path, "/vda.") && !strstr(path, ".tree");
}

/* Of restores: none holds anything. */
uint64_t memory_available(void)
{
    return 0;
}

int fsync(int fd)
{
    int rc = (int)syscall(SYS_fsync, fd);

    if (rc == 0 && armed && is_of_disk(fd))
        change_medium();
    return rc;
}

static int setup(void **state)
{
    struct err err = ERR_INIT;
    CLEANUP_FREE char *size = xasprintf("%llu", (unsigned long long)MEDIUM);

    repo_setup(state);
    medium = xasprintf("%s/medium", repo_tmp);
    mounted = xasprintf("%s/mounted", repo_tmp);
    armed = false;
    changed = 0;
    assert_int_equal(mkdir(mounted, 0700), 0);
    MUST_RUN("truncate", "-s", size, medium);
    MUST_RUN("mkfs.ext4", "-q", "-F", medium);
    if (proc_run((const char *[]){"mount", "-o", "loop", medium, mounted, NULL}, NULL, &err) < 0) {
        print_message("a file system in a file cannot be mounted here: %s\n", err.msg);
        free(TAKE_PTR(mounted));
    }
    return 0;
}

static int teardown(void **state)
{
    if (mounted)
        MUST_RUN("umount", mounted);
    free(TAKE_PTR(mounted));
    free(TAKE_PTR(medium));
    return repo_teardown(state);
}

static void restore(const char *format, bool changes)
{
    struct point points[3] = {0};
    CLEANUP(restore_result_done) struct restore_result res = {0};
    CLEANUP_FREE char *to = NULL;
    struct restore_request r = {.repository = repo_path, .format = format};
    struct err err = ERR_INIT;
    int rc;

    if (!mounted)
        skip();
    make_chain(points);
    to = xasprintf("%s/to", mounted);
    r.point_id = points[0].id;
    r.to = to;
    armed = changes;
    rc = restore_run(&r, &res, &err);
    armed = false;
    if (changes && (rc == 0 || !strstr(err.msg, "does not hold what was written to it")))
        fail_msg("%d: %s", rc, err.msg);
    if (!changes && rc < 0)
        fail_msg("%s", err.msg);
    assert_true(!changes || changed > 0);
    done_all(points);
}

static void qcow2_is_read_back(void **state)
{
    (void)state;
    restore("qcow2", true);
}

static void raw_is_read_back(void **state)
{
    (void)state;
    restore("raw", true);
}

static void nothing_changes(void **state)
{
    (void)state;
    restore("qcow2", false);
}

static int copy_first(const struct point *source, const char *path, struct err *err)
{
    CLEANUP(point_done) struct point plan = plan_make(0, NULL), made = {0};
    const struct bring_request r = {.path = path, .from = repo_path, .plan = &plan};

    plan.copy_of = xstrdup(source->id);
    plan.job += 100; /* another id than its source's */
    free(plan.id);
    plan.id = point_id_make(&plan);
    for (size_t i = 0; i < plan.disks.n; i++)
        plan.disks.items[i].content = xstrdup(source->disks.items[i].content);
    if (repository_open(path, true, err) < 0 ||
        repository_prepare(path, AS, &plan, NULL, err) < 0 || repository_bring(&r, err) < 0)
        return -1;
    return repository_publish(path, AS, &plan, NULL, &made, err);
}

static void a_copy_is_read_back(void **state)
{
    struct point points[3] = {0};
    CLEANUP_FREE char *first = NULL, *second = NULL;
    struct err why = ERR_INIT;

    (void)state;
    if (!mounted)
        skip();
    first = xasprintf("%s/first", mounted);
    second = xasprintf("%s/second", mounted);
    assert_int_equal(mkdir(first, 0700), 0);
    assert_int_equal(mkdir(second, 0700), 0);
    make_chain(points);
    WORKS(copy_first(&points[0], first, err));
    armed = true;
    if (copy_first(&points[0], second, &why) == 0 || !strstr(why.msg, "does not read as"))
        fail_msg("%s", why.msg);
    armed = false;
    assert_true(changed > 0);
    done_all(points);
}

#define MEDIUM_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MEDIUM_TEST(nothing_changes),
        MEDIUM_TEST(qcow2_is_read_back),
        MEDIUM_TEST(raw_is_read_back),
        MEDIUM_TEST(a_copy_is_read_back),
    };

    return cmocka_run_group_tests_name("medium", tests, NULL, NULL);
}

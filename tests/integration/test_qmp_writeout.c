/* SPDX-License-Identifier: MIT
 *
 * What a push writes reaches its disk while it goes on, and QEMU flushes nothing meanwhile; what
 * the guest has written does before QEMU flushes it: so a guest's writes never wait for all of
 * it. */
#include "tests/support/test.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/integration/shield_support.h"
#include "tests/integration/unwritten.h"

#define PATIENCE_S 20 /* the kernel itself writes out after 30 */
#define RATE MIB      /* 8 MiB of data */

static int64_t unwritten_of(const char *path)
{
    CLEANUP_CLOSE int fd = open(path, O_RDONLY);

    assert_true(fd >= 0);
    return unwritten(fd);
}

static int64_t size_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static bool is_unflushed(struct shield_lab *s, const char *node)
{
    json_t *nodes = test_qemu_command(&s->lab.qemu, "query-named-block-nodes", NULL);
    bool found = false, ret = false;
    json_t *n;
    size_t i;

    json_array_foreach(nodes, i, n) {
        if (strcmp(json_string_value(json_object_get(n, "node-name")), node) != 0)
            continue;
        found = true;
        ret = json_is_true(json_object_get(json_object_get(n, "cache"), "no-flush"));
    }
    json_decref(nodes);
    assert_true(found);
    return ret;
}

static void slow_push(struct shield_lab *s)
{
    shield_start(s, 1);
    want_push(s, "slow", NULL, NULL);
    s->req.r.bandwidth = RATE;
    begin(s);
}

/* At its end that is made up for: QEMU's errors in writing it out count. */
static void flushes_wait_for_the_end(void **state)
{
    struct hv_job_stats stats;
    struct shield_lab s;

    (void)state;
    slow_push(&s);
    assert_true(is_unflushed(&s, "vk-slow-0f"));
    assert_true(is_unflushed(&s, "vk-slow-0g"));
    test_qemu_do(&s.lab.qemu, "block-job-set-speed",
                 json_pack("{s:s, s:i}", "device", "vmkeep-slow-0.d0", "speed", 0));
    stats = lab_wait_end(&s.lab, "slow");
    assert_ok(&stats.err);
    assert_true(unwritten_of(s.req.targets[0]) <= 0);
    assert_clean(&s);
    assert_guest_unharmed(&s);
    shield_done(&s);
}

/* A disk that fails only when it is to be flushed: the backup is not good then. */
static void an_error_in_flushing_the_target_counts(void **state)
{
    struct hv_job_stats stats;
    struct shield_lab s;

    (void)state;
    setenv("SYNC_FAILS", "/lossy", 1);
    setenv("LD_PRELOAD", SYNC_FAILS_LIBRARY, 1);
    shield_start(&s, 1);
    unsetenv("LD_PRELOAD");
    unsetenv("SYNC_FAILS");
    want_push(&s, "lossy", NULL, NULL);
    assert_non_null(strstr(s.req.targets[0], "/lossy"));
    begin(&s);
    stats = lab_wait_end(&s.lab, "lossy");
    assert_int_equal(stats.err.code, ERR_IO);
    assert_non_null(strstr(stats.err.msg, strerror(EIO)));
    assert_guest_unharmed(&s);
    shield_done(&s);
}

static void is_written_out_as_it_grows(void **state)
{
    const time_t until = time(NULL) + PATIENCE_S;
    struct hv_job_stats stats;
    struct shield_lab s;
    bool even = false;

    (void)state;
    slow_push(&s);
    if (unwritten_of(s.req.targets[0]) < 0) {
        shield_done(&s);
        skip();
    }
    do {
        stats = lab_stats(&s.lab, "slow");
        even = size_of(s.req.targets[0]) >= (int64_t)(5 * MIB) &&
               unwritten_of(s.req.targets[0]) < (int64_t)(3 * MIB);
    } while (!even && stats.state == HVJOB_RUNNING && time(NULL) < until);
    assert_int_equal(stats.state, HVJOB_RUNNING);
    assert_true(even);
    shield_done(&s);
}

/* The most that QEMU's flushes of the guest's disk had to write since the last call. */
static int64_t most_flushed(FILE *f)
{
    int64_t ret = -1, one;

    rewind(f);
    while (fscanf(f, "%" SCNd64, &one) == 1)
        ret = one > ret ? one : ret;
    assert_int_equal(ftruncate(fileno(f), 0), 0);
    return ret;
}

/* QEMU flushes a disk in its main loop when what is above it is swapped. */
static void the_guests_own_writes_are_out_before_qemu_flushes_them(void **state)
{
    CLEANUP_FCLOSE FILE *told = tmpfile();
    CLEANUP_FREE char *path = xasprintf("/proc/%d/fd/%d", (int)getpid(), fileno(told));
    struct hv_job_stats stats;
    struct shield_lab s;

    (void)state;
    setenv("SYNC_TELLS", "/d0.qcow2", 1);
    setenv("SYNC_TOLD", path, 1);
    setenv("LD_PRELOAD", SYNC_FAILS_LIBRARY, 1);
    shield_start(&s, 1);
    unsetenv("LD_PRELOAD");
    if (unwritten_of(s.lab.qemu.images[0]) < 0) {
        shield_done(&s);
        skip();
    }
    test_qemu_write(&s.lab.qemu, 0, 1, 0, 6 * MIB);
    want_push(&s, "slow", NULL, NULL);
    s.req.r.bandwidth = RATE;
    begin(&s);
    assert_in_range(most_flushed(told), 0, MIB);
    test_qemu_write(&s.lab.qemu, 0, 2, 0, 6 * MIB);
    test_qemu_do(&s.lab.qemu, "block-job-set-speed",
                 json_pack("{s:s, s:i}", "device", "vmkeep-slow-0.d0", "speed", 0));
    stats = lab_wait_end(&s.lab, "slow");
    assert_ok(&stats.err);
    assert_in_range(most_flushed(told), 0, MIB);
    assert_clean(&s);
    assert_guest_unharmed(&s);
    shield_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flushes_wait_for_the_end),
        cmocka_unit_test(an_error_in_flushing_the_target_counts),
        cmocka_unit_test(is_written_out_as_it_grows),
        cmocka_unit_test(the_guests_own_writes_are_out_before_qemu_flushes_them),
    };

    own_mounts();
    ev_default_loop(0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * What a push writes reaches its disk while it goes on, and QEMU flushes nothing meanwhile: so a
 * guest's writes never wait for all of it. */
#include "tests/support/test.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/integration/shield_support.h"

#ifndef SYS_cachestat
#define SYS_cachestat 451 /* Linux 6.5; headers may be older */
#endif
#define PATIENCE_S 20 /* the kernel itself writes out after 30 */
#define RATE MIB      /* 8 MiB of data */

struct range {
    uint64_t offset, len;
};
struct pages {
    uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

/* Bytes that are in the page cache alone; -1: the kernel does not tell. */
static int64_t unwritten(const char *path)
{
    CLEANUP_CLOSE int fd = open(path, O_RDONLY);
    struct range all = {0};
    struct pages p = {0};

    assert_true(fd >= 0);
    if (syscall(SYS_cachestat, fd, &all, &p, 0) < 0)
        return -1;
    return (int64_t)((p.dirty + p.writeback) * (uint64_t)sysconf(_SC_PAGESIZE));
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
    assert_true(unwritten(s.req.targets[0]) <= 0);
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
    if (unwritten(s.req.targets[0]) < 0) {
        shield_done(&s);
        skip();
    }
    do {
        stats = lab_stats(&s.lab, "slow");
        even = size_of(s.req.targets[0]) >= (int64_t)(5 * MIB) &&
               unwritten(s.req.targets[0]) < (int64_t)(3 * MIB);
    } while (!even && stats.state == HVJOB_RUNNING && time(NULL) < until);
    assert_int_equal(stats.state, HVJOB_RUNNING);
    assert_true(even);
    shield_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flushes_wait_for_the_end),
        cmocka_unit_test(an_error_in_flushing_the_target_counts),
        cmocka_unit_test(is_written_out_as_it_grows),
    };

    own_mounts();
    ev_default_loop(0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

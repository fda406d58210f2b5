/* SPDX-License-Identifier: MIT
 *
 * Guest-safe full pushes copy what the disks hold, and nothing else, on a real QEMU. */
#include "tests/support/test.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "tests/integration/shield_support.h"

#define TIB (UINT64_C(1) << 40)
#define GIB (UINT64_C(1) << 30)
#define CLUSTER UINT64_C(65536)

static struct hv_job_stats push(struct shield_lab *s, const char *tag, const char *base,
                                const char *checkpoint)
{
    struct hv_job_stats stats;
    struct err err;

    want_push(s, tag, base, checkpoint);
    begin(s);
    stats = lab_wait_end(&s->lab, tag);
    assert_ok(&stats.err);
    assert_int_equal(stats.state, HVJOB_COMPLETED);
    assert_clean(s);
    err = lab_forget(&s->lab, tag);
    assert_ok(&err);
    return stats;
}

static uint64_t bytes_on_disk(const char *file)
{
    struct stat st;

    assert_int_equal(stat(file, &st), 0);
    return (uint64_t)st.st_blocks * 512;
}

static void only_data(void **state)
{
    struct hv_job_stats stats;
    struct shield_lab s;

    (void)state;
    shield_start(&s, 2);
    stats = push(&s, "full", NULL, "cp");
    assert_int_equal(stats.bytes_total, 2 * 8 * MIB);
    for (size_t i = 0; i < 2; i++)
        assert_true(test_same_contents(s.lab.qemu.refs[i], s.req.targets[i]));
    assert_guest_unharmed(&s);
    shield_done(&s);
}

/* The tables of a whole TiB are 128 MiB. */
static void nearly_empty(void **state)
{
    const struct test_qemu_disk disk = {.format = "qcow2", .size = TIB};
    struct hv_job_stats stats;
    struct shield_lab s = {0};

    (void)state;
    lab_prepare(&s.lab, &disk, 1);
    lab_launch(&s.lab);
    shield_launched(&s);
    test_qemu_write(&s.lab.qemu, 0, 5, 700 * GIB + 512, 512);
    stats = push(&s, "full", NULL, NULL);
    assert_int_equal(stats.bytes_total, 8 * MIB + CLUSTER);
    assert_true(bytes_on_disk(s.req.targets[0]) < 10 * MIB);
    assert_true(test_same_contents(s.lab.qemu.refs[0], s.req.targets[0]));
    shield_done(&s);
}

static void empty(void **state)
{
    const struct test_qemu_disk disk = {.format = "qcow2", .size = SMALL};
    struct hv_job_stats stats;
    struct shield_lab s = {0};

    (void)state;
    lab_prepare(&s.lab, &disk, 1);
    lab_launch(&s.lab);
    shield_launched(&s);
    test_qemu_write(&s.lab.qemu, 0, 0, 0, 8 * MIB); /* what shield_launched has written */
    test_qemu_zero(&s.lab.qemu, 0, 0, 8 * MIB);
    stats = push(&s, "full", NULL, NULL);
    assert_true(stats.bytes_total <= 8 * MIB);
    assert_true(bytes_on_disk(s.req.targets[0]) < MIB);
    assert_true(test_same_contents(s.lab.qemu.refs[0], s.req.targets[0]));
    assert_guest_unharmed(&s);
    shield_done(&s);
}

/* ---- the guest writes all the time while a push begins ---- */

struct busy_guest {
    struct shield_lab *s;
    uint64_t next; /* the cluster that it writes next, where nothing was before */
    ev_timer timer;
};

static void on_write(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct busy_guest *g = w->data;

    (void)revents;
    if (g->next * CLUSTER < SMALL)
        test_qemu_write(&g->s->lab.qemu, 0, 9, g->next++ * CLUSTER, CLUSTER);
    ev_timer_set(w, 0.002, 0);
    ev_timer_start(loop, w);
}

/* What it has written is in the full, or in the increment on it. */
static void busy_guest(void **state)
{
    struct shield_lab s;
    struct busy_guest g = {.s = &s, .next = 8 * MIB / CLUSTER};
    CLEANUP_FREE char *full = NULL;
    uint64_t since;

    (void)state;
    shield_start(&s, 1);
    ev_timer_init(&g.timer, on_write, 0, 0);
    g.timer.data = &g;
    since = g.next;
    ev_timer_start(EV_DEFAULT, &g.timer);
    push(&s, "full", NULL, "cp");
    assert_true(g.next > since + 5);
    full = xstrdup(s.req.targets[0]);
    lab_request_done(&s.req);
    ev_timer_stop(EV_DEFAULT, &g.timer);
    push(&s, "inc", "cp", NULL);
    TEST_RUN("qemu-img", "rebase", "-u", "-F", "qcow2", "-b", full, s.req.targets[0]);
    assert_true(test_same_contents(s.lab.qemu.refs[0], s.req.targets[0]));
    assert_guest_unharmed(&s);
    shield_done(&s);
}

/* ---- backing files ---- */

static struct hv_job_stats push_layered(struct shield_lab *s, const char *base_size)
{
    const struct test_qemu_disk disk = {.format = "qcow2", .size = SMALL};
    CLEANUP_FREE char *below = NULL;
    struct hv_job_stats stats;

    *s = (struct shield_lab){0};
    lab_prepare(&s->lab, &disk, 1);
    below = test_qemu_path(&s->lab.qemu, "below.qcow2");
    TEST_RUN("qemu-img", "create", "-q", "-f", "qcow2", below, base_size);
    TEST_RUN("qemu-io", "-f", "qcow2", "-c", "write -q -P 7 7M 3M", below);
    TEST_RUN("qemu-io", "-f", "raw", "-c", "write -q -P 7 7M 3M", s->lab.qemu.refs[0]);
    TEST_RUN("qemu-img", "rebase", "-q", "-u", "-F", "qcow2", "-b", below, s->lab.qemu.images[0]);
    lab_launch(&s->lab);
    shield_launched(s);
    stats = push(s, "full", NULL, "cp");
    assert_true(test_same_contents(s->lab.qemu.refs[0], s->req.targets[0]));
    return stats;
}

static void on_backing_file(void **state)
{
    struct shield_lab s;

    (void)state;
    assert_int_equal(push_layered(&s, "16M").bytes_total, 10 * MIB);
    shield_done(&s);
}

/* Then QEMU cannot make one bitmap of both, and all is copied. */
static void on_smaller_backing_file(void **state)
{
    struct shield_lab s;

    (void)state;
    assert_int_equal(push_layered(&s, "11M").bytes_total, SMALL);
    shield_done(&s);
}

/* ---- what goes wrong ---- */

/* A name that it needs is taken: all is copied, as guest-safe as ever. */
static void cannot_look(void **state, const char *node)
{
    struct hv_job_stats stats;
    struct shield_lab s;

    (void)state;
    shield_start(&s, 2);
    test_qemu_do(&s.lab.qemu, "blockdev-add",
                 json_pack("{s:s, s:s, s:i}", "driver", "null-co", "node-name", node, "size", 512));
    stats = push(&s, "u", NULL, "cp");
    assert_int_equal(stats.bytes_total, SMALL + 8 * MIB);
    for (size_t i = 0; i < 2; i++)
        assert_true(test_same_contents(s.lab.qemu.refs[i], s.req.targets[i]));
    assert_guest_unharmed(&s);
    shield_done(&s);
}

static void no_second_look(void **state)
{
    cannot_look(state, "vk-u-1p");
}

static void no_dud(void **state)
{
    cannot_look(state, "vk-u-0d");
}

/* The daemon dies while QEMU looks: what is left is found by its names, and goes. */
static void dies_while_it_looks(void **state)
{
    struct shield_lab s;
    struct err err;

    (void)state;
    shield_start(&s, 1);
    for (const char *const *image = (const char *const[]){"d0", NULL}; *image; image++) {
        test_qemu_do(&s.lab.qemu, "blockdev-add",
                     json_pack("{s:s, s:s, s:{s:s, s:I}, s:[{s:s, s:s, s:i}]}", "driver",
                               "blkdebug", "node-name", "vk-dead-0d", "image", "driver", "null-co",
                               "size", (json_int_t)SMALL, "inject-error", "event", "none", "iotype",
                               "write", "errno", 1));
        test_qemu_do(&s.lab.qemu, "blockdev-add",
                     json_pack("{s:s, s:s, s:s, s:b, s:b}", "driver", "raw", "node-name",
                               "vk-dead-0p", "file", *image, "read-only", 1, "force-share", 1));
        test_qemu_do(&s.lab.qemu, "blockdev-backup",
                     json_pack("{s:s, s:s, s:s, s:s, s:i}", "job-id", "vmkeep-dead-0.d0", "device",
                               "vk-dead-0p", "target", "vk-dead-0d", "sync", "full", "speed", 1));
    }
    lab_restart_driver(&s.lab);
    err = lab_abort(&s.lab, "dead");
    assert_ok(&err);
    err = lab_forget(&s.lab, "dead");
    assert_ok(&err);
    assert_clean(&s);
    push(&s, "next", NULL, "cp");
    assert_guest_unharmed(&s);
    shield_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_data),
        cmocka_unit_test(nearly_empty),
        cmocka_unit_test(empty),
        cmocka_unit_test(busy_guest),
        cmocka_unit_test(on_backing_file),
        cmocka_unit_test(on_smaller_backing_file),
        cmocka_unit_test(no_second_look),
        cmocka_unit_test(no_dud),
        cmocka_unit_test(dies_while_it_looks),
    };

    ev_default_loop(0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * A disk is held against what it was, so that a bitmap that forgot is not believed. */
#include "tests/support/test.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "tests/integration/qmp_support.h"

#define M (UINT64_C(1) << 20)

static char *map_of(struct lab *lab, const char *disk)
{
    struct allocation a = {.disk = disk};
    struct err err = lab_allocation(lab, "9-0", &a, 1);

    assert_ok(&err);
    assert_null(a.contradiction);
    assert_null(a.unknown);
    assert_non_null(a.map);
    return a.map;
}

/* Caller frees; NULL: it fits. */
static char *contradiction(struct lab *lab, const char *disk, const char *was_image,
                           const char *was_map)
{
    CLEANUP_FREE char *bitmap = checkpoint_bitmap("cp1", disk);
    struct allocation a = {
        .disk = disk, .bitmap = bitmap, .was_image = was_image, .was_map = was_map};
    struct err err = lab_allocation(lab, "9-1", &a, 1);

    assert_ok(&err);
    assert_null(a.map);
    assert_null(a.unknown);
    return a.contradiction;
}

static void assert_fits(struct lab *lab, const char *was_image, const char *was_map)
{
    CLEANUP_FREE char *why = contradiction(lab, "d0", was_image, was_map);

    if (why)
        fail_msg("%s", why);
}

static void assert_contradicts(struct lab *lab, const char *was_image, const char *was_map,
                               const char *text)
{
    CLEANUP_FREE char *why = contradiction(lab, "d0", was_image, was_map);

    assert_non_null(why);
    if (!strstr(why, text))
        fail_msg("no \"%s\" in: %s", text, why);
}

static void resize(struct lab *lab, uint64_t size)
{
    if (lab->qemu.pid) {
        test_qemu_do(&lab->qemu, "block_resize",
                     json_pack("{s:s, s:I}", "node-name", "d0", "size", (json_int_t)size));
    } else {
        CLEANUP_FREE char *text = xasprintf("%llu", (unsigned long long)size);

        TEST_RUN("qemu-img", "resize", "-q", "--shrink", lab->qemu.images[0], text);
    }
}

static void start(struct lab *lab, bool offline)
{
    struct err err;

    if (offline)
        lab_start_offline(lab, 1);
    else
        lab_start(lab, 1);
    if (offline) {
        TEST_RUN("qemu-io", "-c", "write -z -u 8M 8M", "-c", "write -P 1 0 4M", "-c",
                 "write -P 2 10M 2M", lab->qemu.images[0]);
    } else {
        test_qemu_write(&lab->qemu, 0, 1, 0, 4 * M);
        test_qemu_write(&lab->qemu, 0, 2, 10 * M, 2 * M);
    }
    err = lab_checkpoint_create(lab, "cp1", "d0", NULL);
    assert_ok(&err);
}

/* What the guest does is in the bitmap, QEMU's memory or not. */
static void what_the_guest_does_fits(void **state)
{
    CLEANUP_FREE char *map = NULL;
    struct lab lab;

    (void)state;
    start(&lab, false);
    map = map_of(&lab, "d0");
    assert_string_equal(map, "0 4194304\n10485760 2097152\ntotal 2 6291456\n");
    assert_fits(&lab, NULL, map);
    test_qemu_zero(&lab.qemu, 0, 1 * M, 1 * M);
    test_qemu_write(&lab.qemu, 0, 3, 12 * M, 1 * M);
    assert_fits(&lab, NULL, map);
    assert_int_equal(lab_count_nodes(&lab), 2);
    lab_done(&lab);
}

static void what_was_cut_off_is_found(void **state)
{
    static const char ranges[] = "it reads as zeroes where it held data, and no change was "
                                 "recorded there: 11534336+1048576 (1.00 MiB)";
    CLEANUP_FREE char *map = NULL, *copy = NULL;
    struct lab lab;

    for (int offline = 0; offline < 2; offline++) {
        start(&lab, offline);
        map = map_of(&lab, "d0");
        copy = test_qemu_path(&lab.qemu, "copy.qcow2");
        TEST_RUN("qemu-img", "convert", "-U", "-O", "qcow2", lab.qemu.images[0], copy);
        resize(&lab, 11 * M);
        resize(&lab, SMALL);
        assert_contradicts(&lab, NULL, map, ranges);
        assert_contradicts(&lab, copy, NULL, ranges);
        if (!offline)
            assert_int_equal(lab_count_nodes(&lab), 2);
        /* Written to since: then it is in the bitmap. */
        if (!offline) {
            test_qemu_write(&lab.qemu, 0, 4, 11 * M, 512 << 10);
            test_qemu_zero(&lab.qemu, 0, 11 * M + (512 << 10), 512 << 10);
            assert_fits(&lab, NULL, map);
        }
        free(TAKE_PTR(map));
        free(TAKE_PTR(copy));
        lab_done(&lab);
    }
    (void)state;
}

static void of_many_ranges_the_first_are_named(void **state)
{
    CLEANUP_FREE char *map = NULL, *bitmap = checkpoint_bitmap("cp1", "d0");
    struct lab lab;

    (void)state;
    start(&lab, false);
    for (int i = 0; i < 6; i++)
        test_qemu_write(&lab.qemu, 0, 5, (12 * 16 + i * 2) * (M >> 4), 65536);
    test_qemu_do(&lab.qemu, "block-dirty-bitmap-clear",
                 json_pack("{s:s, s:s}", "node", "d0", "name", bitmap));
    map = map_of(&lab, "d0");
    resize(&lab, 12 * M);
    resize(&lab, SMALL);
    assert_contradicts(&lab, NULL, map,
                       ": 12582912+65536, 12713984+65536, 12845056+65536, ... (384 KiB)");
    lab_done(&lab);
}

/* What cannot be compared is not trusted. */
static void doubt_is_a_contradiction(void **state)
{
    CLEANUP_FREE char *cut = xstrdup("0 4194304\n");
    struct lab lab;

    (void)state;
    start(&lab, false);
    assert_contradicts(&lab, "/nowhere/vda.qcow2", NULL, "No such file or directory");
    assert_contradicts(&lab, NULL, cut, "its end is missing");
    lab_done(&lab);
}

static void a_qemu_that_is_gone_is_an_error(void **state)
{
    struct allocation a = {.disk = "d0"};
    struct lab lab;
    struct err err;

    (void)state;
    start(&lab, false);
    test_qemu_kill(&lab.qemu);
    err = lab_allocation(&lab, "9-0", &a, 1);
    assert_int_equal(err.code, ERR_REMOTE);
    lab_done(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_guest_does_fits),
        cmocka_unit_test(what_was_cut_off_is_found),
        cmocka_unit_test(of_many_ranges_the_first_are_named),
        cmocka_unit_test(doubt_is_a_contradiction),
        cmocka_unit_test(a_qemu_that_is_gone_is_an_error),
    };

    ev_default_loop(0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Backups that succeed, against a real QEMU: what is in the images is compared byte by byte. */
#include "tests/support/test.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/integration/qmp_support.h"

static void set_backing(const char *image, const char *backing)
{
    TEST_RUN("qemu-img", "rebase", "-u", "-F", "qcow2", "-b", backing, image);
}

static void facts(void **state)
{
    struct lab lab;
    struct domain_facts *f;

    (void)state;
    lab_start(&lab, 2);
    f = lab_look(&lab);
    assert_int_equal(f->state, DOMAIN_PAUSED);
    assert_int_equal(f->disks.n, 2);
    assert_string_equal(f->disks.items[0].name, "d0");
    assert_string_equal(f->disks.items[0].image, lab.qemu.images[0]);
    assert_string_equal(f->disks.items[0].format, "qcow2");
    assert_int_equal(f->disks.items[0].capacity, SMALL);
    assert_true(f->disks.items[0].trackable);
    assert_false(f->disks.items[0].busy);
    assert_null(f->job_tag);
    assert_null(f->foreign_job);
    assert_string_equal(f->definitions.items[0].name, "qemu.args");
    assert_non_null(strstr(f->definitions.items[0].text, "-blockdev\n"));
    domain_facts_free(f);
    lab_done(&lab);
}

static void full_and_increments(void **state)
{
    struct lab lab;
    char *target[3][2], *ref[3][2];

    (void)state;
    lab_start(&lab, 2);
    test_qemu_write(&lab.qemu, 0, 0x11, 0, 4 << 20);
    test_qemu_write(&lab.qemu, 1, 0x22, 1 << 20, 1 << 20);
    for (int point = 0; point < 3; point++) {
        const char *const tags[] = {"1-0", "2-0", "3-0"}, *const names[] = {"cp1", "cp2", "cp3"};

        for (size_t disk = 0; disk < 2; disk++) {
            CLEANUP_FREE char *name = xasprintf("ref-%d-%zu", point, disk);

            ref[point][disk] = test_qemu_reference(&lab.qemu, disk, name);
            target[point][disk] = lab_target(&lab, tags[point], disk);
        }
        lab_backup(&lab, tags[point], point ? names[point - 1] : NULL, names[point]);
        test_qemu_write(&lab.qemu, 0, (unsigned char)(0x30 + point), 3 << 20, 128 << 10);
        test_qemu_write(&lab.qemu, 1, 0, (1 << 20) + 4096, 8192);
    }
    for (int point = 0; point < 3; point++)
        for (size_t disk = 0; disk < 2; disk++) {
            if (point)
                set_backing(target[point][disk], target[point - 1][disk]);
            assert_true(test_same_contents(ref[point][disk], target[point][disk]));
        }
    for (int i = 0; i < 6; i++) {
        free(ref[i / 2][i % 2]);
        free(target[i / 2][i % 2]);
    }
    lab_done(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts),
        cmocka_unit_test(full_and_increments),
    };

    ev_default_loop(0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

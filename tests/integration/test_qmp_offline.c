/* SPDX-License-Identifier: MIT
 *
 * Backups of a domain that does not run, by its images; and what becomes of them when it starts. */
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/integration/qmp_support.h"
#include "tests/support/test.h"

/* A guest's write while the domain is shut off: by a QEMU that comes and goes. */
static void write_online(struct lab *lab, size_t disk, unsigned char pattern, uint64_t offset)
{
    test_qemu_start(&lab->qemu);
    test_qemu_write(&lab->qemu, disk, pattern, offset, 65536);
    test_qemu_quit(&lab->qemu);
}

/* The chain's image, put on its parent (NULL: none), holds what the reference does now. */
static void assert_point(struct lab *lab, const char *tag, const char *parent, size_t disk)
{
    CLEANUP_FREE char *target = lab_target(lab, tag, disk);
    CLEANUP_FREE char *below = parent ? lab_target(lab, parent, disk) : NULL;

    if (below)
        TEST_RUN("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", below, target);
    assert_true(test_same_contents(lab->qemu.refs[disk], target));
}

static const struct bitmap_facts *bitmap_of(struct lab *lab, const char *disk, const char *name,
                                            struct domain_facts **ret)
{
    *ret = lab_look(lab);
    assert_non_null(domain_facts_disk(*ret, disk));
    return disk_facts_bitmap(domain_facts_disk(*ret, disk), name);
}

static bool has_bitmap(struct lab *lab, const char *disk, const char *name)
{
    struct domain_facts *f;
    bool ret = bitmap_of(lab, disk, name, &f) != NULL;

    domain_facts_free(f);
    return ret;
}

static void facts(void **state)
{
    struct domain_facts *f;
    const struct disk_facts *disk;
    struct lab lab;

    (void)state;
    lab_start_offline(&lab, 2);
    f = lab_look(&lab);
    assert_int_equal(f->state, DOMAIN_SHUTOFF);
    assert_null(f->problem);
    assert_int_equal(f->disks.n, 2);
    disk = domain_facts_disk(f, "d1");
    assert_string_equal(disk->image, lab.qemu.images[1]);
    assert_string_equal(disk->format, "qcow2");
    assert_int_equal(disk->capacity, SMALL);
    assert_true(disk->trackable);
    assert_int_equal(disk->bitmaps.n, 0);
    assert_int_equal(f->uid, geteuid());
    domain_facts_free(f);
    lab_done(&lab);
}

static void full_and_increments(void **state)
{
    struct domain_facts *f;
    struct lab lab;

    (void)state;
    lab_start_offline(&lab, 2);
    write_online(&lab, 0, 1, 0);
    write_online(&lab, 1, 2, 1 << 20);
    lab_backup(&lab, "full", NULL, "cp1");
    assert_point(&lab, "full", NULL, 0);
    assert_point(&lab, "full", NULL, 1);
    assert_true(bitmap_of(&lab, "d0", "cp1", &f)->recording);
    domain_facts_free(f);

    /* Nothing has changed: an increment of nothing. */
    lab_backup(&lab, "none", "cp1", "cp2");
    assert_point(&lab, "none", "full", 0);

    write_online(&lab, 0, 3, 65536);
    lab_backup(&lab, "inc", "cp2", "cp3");
    assert_point(&lab, "inc", "none", 0);
    lab_done(&lab);
}

static void checkpoints(void **state)
{
    struct lab lab;
    struct err err;

    (void)state;
    lab_start_offline(&lab, 2);
    err = lab_checkpoint_create(&lab, "one", "d0", "d1");
    assert_ok(&err);
    assert_true(has_bitmap(&lab, "d0", "one") && has_bitmap(&lab, "d1", "one"));

    /* All or nothing. */
    TEST_RUN("qemu-img", "bitmap", "--add", lab.qemu.images[1], "two");
    err = lab_checkpoint_create(&lab, "two", "d0", "d1");
    assert_err(&err, ERR_EXISTS, "disk d1: checkpoint 'two' exists already");
    assert_false(has_bitmap(&lab, "d0", "two"));
    err = lab_checkpoint_create(&lab, "three", "d0", "d7");
    assert_err(&err, ERR_NOTFOUND, "no disk 'd7'");
    assert_false(has_bitmap(&lab, "d0", "three"));

    err = lab_checkpoint_delete(&lab, "two");
    assert_ok(&err);
    assert_false(has_bitmap(&lab, "d1", "two"));
    err = lab_checkpoint_delete(&lab, "one");
    assert_ok(&err);
    assert_false(has_bitmap(&lab, "d0", "one") || has_bitmap(&lab, "d1", "one"));
    err = lab_checkpoint_delete(&lab, "one");
    assert_ok(&err);
    lab_done(&lab);
}

static int run_all(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts),
        cmocka_unit_test(full_and_increments),
        cmocka_unit_test(checkpoints),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return run_all();
}

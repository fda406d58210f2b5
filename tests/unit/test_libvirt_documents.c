/* SPDX-License-Identifier: MIT
 *
 * What libvirt is asked for, as documents, and what is refused before it is asked; by the words of
 * libvirt 9.0's schemas.
 */
#include "engine/libvirt/documents.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "engine/libvirt/compare_place.h"
#include "tests/support/test.h"

static struct backup_request push(const struct backup_disk *disks, size_t n)
{
    return (struct backup_request){.domain = "vm1",
                                   .tag = "c-1",
                                   .checkpoint = "vmkeep-c-1",
                                   .mode = MODE_PUSH,
                                   .disks = disks,
                                   .n_disks = n,
                                   .reuse_external = true};
}

/* So that it can be compared with what is easy to read. */
static char *single_quoted(char *xml)
{
    for (char *c = xml; *c; c++)
        if (*c == '"')
            *c = '\'';
    return xml;
}

static void test_a_push_names_the_disks_that_take_part_and_no_others(void **state)
{
    const struct backup_disk disks[] = {
        {.name = "vda",
         .base = "vmkeep-c-0",
         .format = "qcow2",
         .place = {.type = PLACE_FILE, .path = "/r/vda.qcow2"},
         .track = true},
        {.name = "vdb", .format = "raw", .place = {.type = PLACE_BLOCK, .path = "/dev/x"}},
    };
    const struct strlist listed = {0};
    struct backup_request r = push(disks, 2);
    CLEANUP_FREE char *xml = NULL, *checkpoint = NULL;

    (void)state;
    r.listed = &listed;
    xml = single_quoted(libvirt_backup_xml(&r));
    checkpoint = single_quoted(libvirt_checkpoint_xml(&r));
    assert_string_equal(xml,
                        "<domainbackup mode='push'>\n"
                        "  <incremental>vmkeep-c-0</incremental>\n"
                        "  <disks>\n"
                        "    <disk name='vda' backup='yes' type='file' backupmode='incremental'"
                        " incremental='vmkeep-c-0'>\n"
                        "      <driver type='qcow2'/>\n"
                        "      <target file='/r/vda.qcow2'/>\n"
                        "    </disk>\n"
                        "    <disk name='vdb' backup='yes' type='block' backupmode='full'>\n"
                        "      <driver type='raw'/>\n"
                        "      <target dev='/dev/x'/>\n"
                        "    </disk>\n"
                        "  </disks>\n"
                        "</domainbackup>\n");
    assert_string_equal(checkpoint, "<domaincheckpoint>\n"
                                    "  <name>vmkeep-c-1</name>\n"
                                    "  <disks>\n"
                                    "    <disk name='vda' checkpoint='bitmap'/>\n"
                                    "  </disks>\n"
                                    "</domaincheckpoint>\n");
}

static void test_no_tracked_disk_no_checkpoint(void **state)
{
    const struct backup_disk disk = {
        .name = "vda", .format = "qcow2", .place = {.type = PLACE_FILE, .path = "/r/vda.qcow2"}};
    const struct backup_request r = push(&disk, 1);

    (void)state;
    assert_null(libvirt_checkpoint_xml(&r));
}

static void assert_refused(const struct backup_request *r, enum err_code code, const char *why)
{
    struct err err = ERR_INIT;

    assert_int_equal(libvirt_check_request(r, &err), -1);
    assert_string_equal(err.msg, why);
    assert_int_equal(err.code, code);
}

static void test_what_libvirt_never_can_is_refused(void **state)
{
    struct backup_disk disk = {
        .name = "vda", .format = "raw", .place = {.type = PLACE_NETWORK, .peer = {.host = "h"}}};
    struct backup_request r = push(&disk, 1);

    (void)state;
    assert_refused(&r, ERR_UNSUPPORTED,
                   "disk vda: libvirt cannot push to an NBD server: give a file or a block device");
    disk.place = (struct backup_place){.type = PLACE_FILE, .path = "/r/vda.raw"};
    disk.base = "vmkeep-c-0";
    assert_refused(&r, ERR_UNSUPPORTED, "disk vda: an incremental backup needs format qcow2");
    r.n_disks = 0;
    assert_refused(&r, ERR_INVALID, "no disk is to be backed up");
}

static int check(const struct backup_request *r, struct domain_facts *f, struct err *err)
{
    *err = ERR_INIT;
    return libvirt_check_domain(r, f, err);
}

static void test_the_domain_is_held_against_it(void **state)
{
    struct bitmap_facts bitmap = {.name = (char *)"vmkeep-c-0", .recording = true};
    struct disk_facts of = {.name = (char *)"vda", .format = (char *)"qcow2", .trackable = true};
    struct backup_disk disk = {.name = "vda",
                               .format = "qcow2",
                               .base = "vmkeep-c-0",
                               .track = true,
                               .place = {.type = PLACE_FILE, .path = "/r/vda.qcow2"}};
    const struct backup_request r = push(&disk, 1);
    struct domain_facts f = {.state = DOMAIN_RUNNING};
    struct err err;

    (void)state;
    of.bitmaps.items = &bitmap;
    of.bitmaps.n = 1;
    f.disks.items = &of;
    f.disks.n = 1;
    assert_int_equal(check(&r, &f, &err), 0);
    bitmap.inconsistent = true;
    assert_int_equal(check(&r, &f, &err), -1);
    assert_int_equal(err.code, ERR_CORRUPT);
    of.bitmaps.n = 0;
    assert_int_equal(check(&r, &f, &err), -1);
    assert_string_equal(err.msg, "disk vda: checkpoint 'vmkeep-c-0' is not there");
    assert_int_equal(err.code, ERR_NOTFOUND);
    disk.name = "vdz";
    assert_int_equal(check(&r, &f, &err), -1);
    assert_string_equal(err.msg, "no disk 'vdz'");
    f.job_place = (char *)"/elsewhere";
    assert_int_equal(check(&r, &f, &err), -1);
    assert_int_equal(err.code, ERR_BUSY);
    f.job_place = NULL;
    f.job_tag = (char *)"c-0-1";
    assert_int_equal(check(&r, &f, &err), -1);
    assert_int_equal(err.code, ERR_BUSY);
    f.state = DOMAIN_SHUTOFF;
    f.problem = (char *)"disk vda: /dev/vg/a is no regular file";
    assert_int_equal(check(&r, &f, &err), -1);
    assert_int_equal(err.code, ERR_BUSY); /* its images are being copied */
    f.job_tag = NULL;
    assert_int_equal(check(&r, &f, &err), -1);
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    assert_string_equal(err.msg, f.problem);
}

static void test_a_running_backup_is_known_by_its_places(void **state)
{
    /* libvirt 9.0, backup-dumpxml */
    static const char xml[] =
        "<domainbackup mode='pull'>\n"
        "  <server transport='tcp' name='localhost' port='10999'/>\n"
        "  <disks>\n"
        "    <disk name='vda' backup='yes' type='file' backupmode='full' exportname='vda'"
        " index='13'>\n"
        "      <driver type='qcow2'/>\n"
        "      <scratch file='/s/1'/>\n"
        "    </disk>\n"
        "    <disk name='vdb' backup='no'/>\n"
        "  </disks>\n"
        "</domainbackup>\n";
    struct libvirt_running r;
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(libvirt_running_read(xml, &r, &err), 0);
    assert_int_equal(r.mode, MODE_PULL);
    assert_int_equal(r.port, 10999);
    assert_int_equal(r.disks.n, 1);
    assert_int_equal(r.disks.items[0].index, 13);
    assert_true(libvirt_running_is(&r, "/s/1"));
    assert_false(libvirt_running_is(&r, "/s/2"));
    assert_false(libvirt_running_is(&r, NULL));
    libvirt_running_done(&r);
    assert_int_equal(libvirt_running_read("<nonsense/>", &r, &err), -1);
}

static void assert_tag(const char *place, const char *tag)
{
    CLEANUP_FREE char *is = libvirt_compare_tag(place);

    if (tag)
        assert_string_equal(is, tag);
    else
        assert_null(is);
}

static void test_a_comparison_is_known_by_its_place(void **state)
{
    CLEANUP_FREE char *dir = NULL, *again = NULL, *file = NULL;
    struct err err = ERR_INIT;

    (void)state;
    assert_tag("/run/vmkeep/vmkeep-compare-c-0-12-8b5d1b1e/0", "c-0-12");
    assert_tag("/run/vmkeep/vmkeep-compare-c-0-12-8b5d1b1e", NULL);
    assert_tag("/run/vmkeep/vmkeep-compare--8b5d1b1e/0", NULL);
    assert_tag("/run/vmkeep/vmkeep-compare-8b5d1b1e/0", NULL);
    assert_tag("/images/vda.scratch", NULL);
    assert_tag(NULL, NULL);
    dir = libvirt_compare_make("8b5d1b1e-0c4c-4d0a-9d0e-2f5b0f6d7a10", "c-0-12", getuid(), getgid(),
                               &err);
    assert_non_null(dir);
    file = xasprintf("%s/0", dir);
    assert_tag(file, "c-0-12");
    assert_int_equal(write_file_durably(file, "", 0, 0600, &err), 0);
    again = libvirt_compare_make("8b5d1b1e-0c4c-4d0a-9d0e-2f5b0f6d7a10", "c-0-12", getuid(),
                                 getgid(), &err);
    assert_string_equal(again, dir);
    assert_false(path_exists(file));
    libvirt_compare_remove("8b5d1b1e-0c4c-4d0a-9d0e-2f5b0f6d7a10", "c-0-12");
    assert_false(path_exists(dir));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_push_names_the_disks_that_take_part_and_no_others),
        cmocka_unit_test(test_no_tracked_disk_no_checkpoint),
        cmocka_unit_test(test_what_libvirt_never_can_is_refused),
        cmocka_unit_test(test_the_domain_is_held_against_it),
        cmocka_unit_test(test_a_running_backup_is_known_by_its_places),
        cmocka_unit_test(test_a_comparison_is_known_by_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

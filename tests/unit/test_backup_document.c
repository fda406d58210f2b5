/* SPDX-License-Identifier: MIT
 *
 * A <domainbackup> held against a domain: what is filled in, and what is found wrong.
 */
#include "tests/support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/xml/backup_xml.h"
#include "tests/support/backup_request.h"
#include "tests/support/domain_facts.h"

#define NOW 1525889631
#define ALL "<domainbackup/>"
#define PUSH(disks) "<domainbackup><disks>" disks "</disks></domainbackup>"
#define PULL(disks) "<domainbackup mode='pull'><disks>" disks "</disks></domainbackup>"

/* In the tests' own folder: the images vda.qcow2, vdb.raw and vdc.qcow2 of the domain, and what
 * tests make. All names in documents are relative to it: "@" stands for it. */
static char dir[512];

static char *in_dir(const char *text)
{
    char *ret = NULL;
    size_t len;
    FILE *f = open_memstream(&ret, &len);

    assert_non_null(f);
    for (; *text; text++)
        *text == '@' ? fputs(dir, f) : fputc(*text, f);
    assert_int_equal(fclose(f), 0);
    return ret;
}

static void touch(const char *name)
{
    CLEANUP_FREE char *path = in_dir(name);
    CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
}

static int set_up(void **state)
{
    (void)state;
    test_make_dir(dir, sizeof(dir));
    touch("@/vda.qcow2");
    touch("@/vdb.raw");
    touch("@/vdc.qcow2");
    touch("@/there");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return test_remove_dir(dir);
}

/* vda: qcow2, with checkpoints cp1 (good), bad (inconsistent) and idle (not recording); vdb: raw;
 * vdc: qcow2 with cp2; vdd: on the network.  Aside: iso, read-only, and cd, an empty drive. */
static struct domain_facts *facts(void)
{
    CLEANUP_FREE char *a = in_dir("@/vda.qcow2"), *b = in_dir("@/vdb.raw");
    CLEANUP_FREE char *c = in_dir("@/vdc.qcow2"), *d = in_dir("@/iso.raw");
    struct domain_facts *f = xcalloc(1, sizeof(*f));

    add_bitmap(add_disk(f, "vda", a, "qcow2"), "cp1", true, false);
    add_bitmap(&f->disks.items[0], "bad", true, true);
    add_bitmap(&f->disks.items[0], "idle", false, false);
    add_disk(f, "vdb", b, "raw");
    add_bitmap(add_disk(f, "vdc", c, "qcow2"), "cp2", true, false);
    add_disk(f, "vdd", NULL, "qcow2");
    add_aside(f, "iso", d, false);
    add_aside(f, "cd", NULL, true);
    return f;
}

struct options {
    const char *checkpoint; /* of this disk */
    bool reuse;
    const char *scratch_dir, *domain;
};

static int complete(const char *xml, const struct options *o, struct backup_document **ret,
                    struct err *err)
{
    CLEANUP(domain_facts_freep) struct domain_facts *f = facts();
    CLEANUP_FREE char *text = in_dir(xml);
    CLEANUP_FREE char *scratch_dir = o->scratch_dir ? in_dir(o->scratch_dir) : NULL;
    const struct backup_defaults defaults = {.now = NOW, .scratch_dir = scratch_dir};
    struct strlist tracked = {0};
    int rc;

    if (o->checkpoint)
        strlist_add(&tracked, o->checkpoint);
    if (backup_document_parse(text, strlen(text), ret, err) < 0)
        fail_msg("%s\n%s", text, err->msg);
    (*ret)->request.reuse_external = o->reuse;
    (*ret)->request.domain = o->domain;
    rc = backup_document_complete(*ret, f, o->checkpoint ? &tracked : NULL, &defaults, err);
    strlist_done(&tracked);
    return rc;
}

static void assert_completed(const char *xml, const struct options *o, const char *expected)
{
    CLEANUP(backup_document_freep) struct backup_document *d = NULL;
    CLEANUP(backup_document_freep) struct backup_document *again = NULL;
    CLEANUP_FREE char *text = NULL, *wanted = in_dir(expected);
    struct err err = ERR_INIT;

    if (complete(xml, o, &d, &err) < 0)
        fail_msg("%s\n%s", xml, err.msg);
    text = backup_document_format(&d->request);
    assert_string_equal(text, wanted);
    assert_int_equal(backup_document_parse(text, strlen(text), &again, &err), 0);
    assert_requests_equal(&again->request, &d->request);
}

static void everything_is_filled_in(void **state)
{
    (void)state;
    assert_completed(PUSH("<disk name='vda'/><disk name='vdb'/><disk name='vdc' backup='no'/>"),
                     &(struct options){0},
                     "<domainbackup mode=\"push\">\n"
                     "  <disks>\n"
                     "    <disk name=\"vda\" backup=\"yes\" type=\"file\" backupmode=\"full\" "
                     "index=\"1\">\n"
                     "      <driver type=\"qcow2\"/>\n"
                     "      <target file=\"@/vda.qcow2.1525889631\"/>\n"
                     "    </disk>\n"
                     "    <disk name=\"vdb\" backup=\"yes\" type=\"file\" backupmode=\"full\" "
                     "index=\"2\">\n"
                     "      <driver type=\"qcow2\"/>\n"
                     "      <target file=\"@/vdb.raw.1525889631\"/>\n"
                     "    </disk>\n"
                     "    <disk name=\"vdc\" backup=\"no\"/>\n"
                     "    <disk name=\"vdd\" backup=\"no\"/>\n"
                     "    <disk name=\"iso\" backup=\"no\"/>\n"
                     "    <disk name=\"cd\" backup=\"no\"/>\n"
                     "  </disks>\n"
                     "</domainbackup>\n");
}

static void a_pull_gets_exports_and_scratch_files(void **state)
{
    (void)state;
    assert_completed("<domainbackup mode='pull'><disks><disk name='vda' incremental='cp1'/>"
                     "<disk name='vdd' exportname='d'/></disks></domainbackup>",
                     &(struct options){.scratch_dir = "@/s", .domain = "web/01"},
                     "<domainbackup mode=\"pull\">\n"
                     "  <incremental>cp1</incremental>\n"
                     "  <server transport=\"tcp\" name=\"localhost\"/>\n"
                     "  <disks>\n"
                     "    <disk name=\"vda\" backup=\"yes\" type=\"file\" "
                     "backupmode=\"incremental\" incremental=\"cp1\" exportname=\"vda\" "
                     "exportbitmap=\"backup-vda\" index=\"1\">\n"
                     "      <driver type=\"qcow2\"/>\n"
                     "      <scratch file=\"@/s/web%2F01.vda.1525889631\"/>\n"
                     "    </disk>\n"
                     "    <disk name=\"vdd\" backup=\"yes\" type=\"file\" backupmode=\"full\" "
                     "exportname=\"d\" index=\"2\">\n"
                     "      <driver type=\"qcow2\"/>\n"
                     "      <scratch file=\"@/s/web%2F01.vdd.1525889631\"/>\n"
                     "    </disk>\n"
                     "    <disk name=\"vdb\" backup=\"no\"/>\n"
                     "    <disk name=\"vdc\" backup=\"no\"/>\n"
                     "    <disk name=\"iso\" backup=\"no\"/>\n"
                     "    <disk name=\"cd\" backup=\"no\"/>\n"
                     "  </disks>\n"
                     "</domainbackup>\n");
    assert_completed(PULL("<disk name='vda'/>"), &(struct options){0},
                     "<domainbackup mode=\"pull\">\n"
                     "  <server transport=\"tcp\" name=\"localhost\"/>\n"
                     "  <disks>\n"
                     "    <disk name=\"vda\" backup=\"yes\" type=\"file\" backupmode=\"full\" "
                     "exportname=\"vda\" index=\"1\">\n"
                     "      <driver type=\"qcow2\"/>\n"
                     "      <scratch file=\"@/vda.qcow2.1525889631\"/>\n"
                     "    </disk>\n"
                     "    <disk name=\"vdb\" backup=\"no\"/>\n"
                     "    <disk name=\"vdc\" backup=\"no\"/>\n"
                     "    <disk name=\"vdd\" backup=\"no\"/>\n"
                     "    <disk name=\"iso\" backup=\"no\"/>\n"
                     "    <disk name=\"cd\" backup=\"no\"/>\n"
                     "  </disks>\n"
                     "</domainbackup>\n");
}

static void a_read_only_disk_is_backed_up_by_name(void **state)
{
    (void)state;
    assert_completed(PUSH("<disk name='cd' backup='no'/><disk name='iso'/>"), &(struct options){0},
                     "<domainbackup mode=\"push\">\n"
                     "  <disks>\n"
                     "    <disk name=\"cd\" backup=\"no\"/>\n"
                     "    <disk name=\"iso\" backup=\"yes\" type=\"file\" backupmode=\"full\" "
                     "index=\"1\">\n"
                     "      <driver type=\"qcow2\"/>\n"
                     "      <target file=\"@/iso.raw.1525889631\"/>\n"
                     "    </disk>\n"
                     "    <disk name=\"vda\" backup=\"no\"/>\n"
                     "    <disk name=\"vdb\" backup=\"no\"/>\n"
                     "    <disk name=\"vdc\" backup=\"no\"/>\n"
                     "    <disk name=\"vdd\" backup=\"no\"/>\n"
                     "  </disks>\n"
                     "</domainbackup>\n");
}

static void without_disks_all_take_part(void **state)
{
    CLEANUP(backup_document_freep) struct backup_document *d = NULL;
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(complete("<domainbackup mode='pull'/>",
                              &(struct options){.scratch_dir = "@", .checkpoint = "vdc"}, &d, &err),
                     0);
    assert_int_equal(d->request.n_disks, 4);
    assert_int_equal(d->disks.n, 4);
    assert_int_equal(d->marks.n, 4);
    for (size_t i = 0; i < d->request.n_disks; i++) {
        assert_int_equal(d->request.disks[i].index, i + 1);
        assert_int_equal(d->request.disks[i].track, i == 2);
        assert_null(d->request.disks[i].base);
    }
}

static void places_that_exist_are_used_when_asked(void **state)
{
    CLEANUP(backup_document_freep) struct backup_document *d = NULL;
    CLEANUP(backup_document_freep) struct backup_document *n = NULL;
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(complete(PUSH("<disk name='vda'><target file='@/there'/></disk>"),
                              &(struct options){.reuse = true}, &d, &err),
                     0);
    assert_int_equal(complete(PUSH("<disk name='vda' type='network' incremental='cp1'>"
                                   "<driver type='qcow2'/><target protocol='nbd'>"
                                   "<host name='h'/></target></disk>"),
                              &(struct options){.reuse = true}, &n, &err),
                     0);
}

/* ---- refused ---- */

static const struct {
    const char *xml;
    struct options options;
    enum err_code code;
    const char *said;
} refused[] = {
    {PUSH("<disk name='vdz'/>"),
     {0},
     ERR_NOTFOUND,
     "disk 'vdz': the domain has no such disk; it has vda, vdb, vdc, vdd, iso, cd"},
    {PUSH("<disk name='vda'/><disk name='cd'/>"),
     {0},
     ERR_INVALID,
     "disk 'cd': it has no medium; backup='no' says so"},
    {PUSH("<disk name='iso' incremental='cp1'/>"),
     {0},
     ERR_UNSUPPORTED,
     "disk 'iso': incremental='cp1': a read-only disk cannot hold checkpoints; backupmode='full' "
     "backs it up"},
    {PUSH("<disk name='vda'/><disk name='vdz' backup='no'/>"),
     {0},
     ERR_NOTFOUND,
     "disk 'vdz': the domain has no such disk; it has vda, vdb, vdc, vdd, iso, cd"},

    /* checkpoints */
    {PUSH("<disk name='vda' incremental='nope'/>"),
     {0},
     ERR_NOTFOUND,
     "disk 'vda': incremental='nope': the disk has no such checkpoint"},
    {"<domainbackup><incremental>cp2</incremental></domainbackup>",
     {0},
     ERR_NOTFOUND,
     "disk 'vda': incremental='cp2': the disk has no such checkpoint"},
    {PUSH("<disk name='vdb' incremental='cp1'/>"),
     {0},
     ERR_UNSUPPORTED,
     "disk 'vdb': incremental='cp1': its image (raw) cannot hold checkpoints, only qcow2 version 3 "
     "can; backupmode='full' backs it up"},
    {PUSH("<disk name='vda' incremental='bad'/>"),
     {0},
     ERR_CORRUPT,
     "disk 'vda': incremental='bad': the checkpoint is inconsistent, for QEMU was not shut down "
     "properly; only a full backup can follow"},
    {PUSH("<disk name='vda' incremental='idle'/>"),
     {0},
     ERR_CORRUPT,
     "disk 'vda': incremental='idle': the checkpoint does not record changes; only a full backup "
     "can follow"},
    {PUSH("<disk name='vdb'/>"),
     {.checkpoint = "vdb"},
     ERR_UNSUPPORTED,
     "disk 'vdb': its image (raw) cannot hold a checkpoint, only qcow2 version 3 can; "
     "checkpoint='no' leaves it out"},
    {PUSH("<disk name='vda'/>"),
     {.checkpoint = "vdc"},
     ERR_INVALID,
     "disk 'vdc': the checkpoint takes it in, but it is not backed up"},

    /* places */
    {ALL,
     {0},
     ERR_INVALID,
     "disk 'vdd': its image is not a file that a name could be made of: <target file='/...'/> is "
     "needed"},
    {PULL("<disk name='vdd'/>"),
     {0},
     ERR_INVALID,
     "disk 'vdd': its image is not a file that a name could be made of: <scratch file='/...'/> is "
     "needed"},
    {PUSH("<disk name='vda' type='network' incremental='cp1'><driver type='qcow2'/>"
          "<target protocol='nbd'><host name='h'/></target></disk>"),
     {0},
     ERR_UNSUPPORTED,
     "disk 'vda': an NBD server's export is not made into a qcow2 image: it must be one already "
     "(reuse-external)"},

    /* exports */
    {PULL("<disk name='vda' exportname='vdb'/><disk name='vdb'/>"),
     {0},
     ERR_INVALID,
     "disk 'vdb': exportname='vdb' is that of disk 'vda' too"},
};

static void what_the_domain_does_not_bear(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        CLEANUP(backup_document_freep) struct backup_document *d = NULL;
        CLEANUP_FREE char *said = in_dir(refused[i].said);
        struct err err = ERR_INIT;

        if (complete(refused[i].xml, &refused[i].options, &d, &err) == 0)
            fail_msg("accepted: %s", refused[i].xml);
        if (!str_eq(err.msg, said))
            print_error("%s\n", refused[i].xml);
        assert_string_equal(err.msg, said);
        assert_int_equal(err.code, refused[i].code);
    }
}

static void a_domain_without_disks(void **state)
{
    CLEANUP(backup_document_freep) struct backup_document *d = NULL;
    const struct domain_facts none = {0};
    const struct backup_defaults defaults = {.now = NOW};
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(backup_document_parse(ALL, strlen(ALL), &d, &err), 0);
    assert_int_equal(backup_document_complete(d, &none, NULL, &defaults, &err), -1);
    assert_string_equal(err.msg, "the domain has no disks");
    assert_int_equal(err.code, ERR_NOTFOUND);
}

/* Where a name would be made in /dev, which is no place for one. */
static void an_image_on_a_device_gets_no_name(void **state)
{
    CLEANUP(backup_document_freep) struct backup_document *d = NULL;
    CLEANUP(domain_facts_freep) struct domain_facts *f = xcalloc(1, sizeof(*f));
    const struct backup_defaults defaults = {.now = NOW};
    struct err err = ERR_INIT;

    (void)state;
    add_disk(f, "vda", "/dev/sdb", "raw")->special = true;
    assert_int_equal(backup_document_parse(ALL, strlen(ALL), &d, &err), 0);
    assert_int_equal(backup_document_complete(d, f, NULL, &defaults, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_filled_in),
        cmocka_unit_test(a_pull_gets_exports_and_scratch_files),
        cmocka_unit_test(a_read_only_disk_is_backed_up_by_name),
        cmocka_unit_test(without_disks_all_take_part),
        cmocka_unit_test(places_that_exist_are_used_when_asked),
        cmocka_unit_test(what_the_domain_does_not_bear),
        cmocka_unit_test(a_domain_without_disks),
        cmocka_unit_test(an_image_on_a_device_gets_no_name),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

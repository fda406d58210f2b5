/* SPDX-License-Identifier: MIT
 *
 * Places that were there before: block devices are made into empty images, whatever they held;
 * images that the caller has made must be empty, and of the disk's size. */
#include "tests/support/test.h"

#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "tests/integration/shield_support.h"

/* A block device on a file. */
struct device {
    char *image, *path;
};

static void device_make(struct device *d, struct shield_lab *s, const char *name, const char *size)
{
    CLEANUP_FREE char *line = NULL;
    char path[64] = "";
    FILE *p;

    d->image = test_qemu_path(&s->lab.qemu, name);
    TEST_RUN("truncate", "-s", size, d->image);
    line = xasprintf("losetup -f --show %s", d->image);
    p = popen(line, "r");
    assert_non_null(fgets(path, sizeof(path), p));
    pclose(p);
    path[strcspn(path, "\n")] = '\0';
    d->path = xstrdup(path);
}

static void device_done(struct device *d)
{
    TEST_RUN("losetup", "-d", d->path);
    free(d->path);
    free(d->image);
}

static void on_device(struct shield_lab *s, const struct device *d)
{
    s->req.disks[0].place = (struct backup_place){.type = PLACE_BLOCK, .path = d->path};
}

static void end(struct shield_lab *s, const char *tag, bool abort)
{
    struct err err = abort ? lab_abort(&s->lab, tag) : ERR_INIT;

    assert_ok(&err);
    err = lab_forget(&s->lab, tag);
    assert_ok(&err);
    assert_clean(s);
    lab_request_done(&s->req);
}

/* What a first pull has left in it is nothing to the second one. */
static void scratch_device_used_twice(void **state)
{
    static const char *const tags[] = {"one", "two"};
    struct shield_lab s;
    struct device d;

    (void)state;
    if (geteuid() != 0)
        skip();
    shield_start(&s, 1);
    device_make(&d, &s, "scratch.img", "64M");
    for (unsigned i = 0; i < 2; i++) {
        CLEANUP_FREE char *reference = NULL, *where = uri(&s, 0);

        want_pull(&s, tags[i], NULL, NULL);
        on_device(&s, &d);
        begin(&s);
        reference = references(&s, 0, tags[i]);
        guest_writes(&s, (unsigned char)(40 + i)); /* what was there goes to the scratch space */
        assert_export_is(&s, where, reference);
        end(&s, tags[i], true);
        test_qemu_write(&s.lab.qemu, 0, (unsigned char)(50 + i), 0, 4 * MIB);
    }
    assert_guest_unharmed(&s);
    device_done(&d);
    s.req.r.n_disks = 0;
    shield_done(&s);
}

static void push_to_device(struct shield_lab *s, struct device *d, const char *tag,
                           const char *format)
{
    CLEANUP_FREE char *reference = NULL, *line = NULL;
    struct hv_job_stats stats;

    want_push(s, tag, NULL, NULL);
    on_device(s, d);
    s->req.disks[0].format = format;
    begin(s);
    reference = references(s, 0, tag);
    stats = lab_wait_end(&s->lab, tag);
    assert_ok(&stats.err);
    end(s, tag, false);
    line = strcmp(format, "raw") == 0
               ? xasprintf("cmp -n 16777216 %s %s", d->path, reference)
               : xasprintf("qemu-img compare -q -f raw -F qcow2 %s %s", reference, d->path);
    TEST_RUN("sh", "-c", line);
}

/* Formatted by us, over whatever was there; a raw one may be larger than the disk. */
static void target_devices(void **state)
{
    CLEANUP_FREE char *of = NULL;
    struct shield_lab s;
    struct device d;

    (void)state;
    if (geteuid() != 0)
        skip();
    shield_start(&s, 1);
    device_make(&d, &s, "target.img", "40M");
    of = xasprintf("of=%s", d.path);
    TEST_RUN("dd", "if=/dev/urandom", "bs=1M", "count=40", "status=none", "oflag=direct", of);
    push_to_device(&s, &d, "q", "qcow2");
    test_qemu_write(&s.lab.qemu, 0, 60, 2 * MIB, MIB);
    push_to_device(&s, &d, "again", "qcow2");
    push_to_device(&s, &d, "r", "raw");
    device_done(&d);
    s.req.r.n_disks = 0;
    shield_done(&s);
}

static void refused(struct shield_lab *s, enum err_code code, const char *text)
{
    struct err err = lab_begin(&s->lab, &s->req.r, &s->begun);

    assert_err(&err, code, text);
    assert_clean(s);
}

static void device_in_use(void **state)
{
    struct shield_lab s;
    struct device d;

    (void)state;
    if (geteuid() != 0)
        skip();
    shield_start(&s, 1);
    device_make(&d, &s, "used.img", "40M");
    TEST_RUN("mkfs.ext4", "-q", "-F", d.path);
    TEST_RUN("mount", d.path, s.scratch);
    want_push(&s, "q", NULL, NULL);
    on_device(&s, &d);
    {
        struct err err = lab_begin(&s.lab, &s.req.r, &s.begun);

        assert_err(&err, ERR_BUSY, " is in use (mounted");
    }
    TEST_RUN("umount", s.scratch);
    device_done(&d);
    shield_done(&s);
}

/* A file, made by the caller: write NULL for an empty one. */
static void given(const char *path, const char *size, const char *write)
{
    unlink(path);
    TEST_RUN("qemu-img", "create", "-q", "-f", "qcow2", path, size);
    if (write)
        TEST_RUN("qemu-io", "-f", "qcow2", "-c", write, path);
}

static void images_that_are_not_empty(void **state)
{
    CLEANUP_FREE char *backing = NULL;
    struct shield_lab s;

    (void)state;
    shield_start(&s, 1);
    want_pull(&s, "p", NULL, NULL);
    s.req.r.reuse_external = true;
    given(s.req.targets[0], "16M", "write -q 1M 64k");
    refused(&s, ERR_EXISTS, "disk d0: scratch: ");
    refused(&s, ERR_EXISTS, "p-0.qcow2 is not empty: it holds data at offset 1048576");
    given(s.req.targets[0], "16M", "write -q -z 2M 64k"); /* zeroes hide, too */
    refused(&s, ERR_EXISTS, "p-0.qcow2 is not empty: it holds data at offset 2097152");
    given(s.req.targets[0], "8M", NULL);
    refused(&s, ERR_INVALID, "p-0.qcow2 is an image of 8388608 bytes, the disk has 16777216");
    given(s.req.targets[0], "16M", NULL);
    begin(&s);
    end(&s, "p", true);

    want_push(&s, "t", NULL, NULL);
    s.req.r.reuse_external = true;
    given(s.req.targets[0], "16M", "write -q 0 64k");
    refused(&s, ERR_EXISTS, "disk d0: target: ");
    TEST_RUN("truncate", "-s", "0", s.req.targets[0]);
    refused(&s, ERR_INVALID, "t-0.qcow2 is not a qcow2 image");
    s.req.disks[0].format = "raw";
    TEST_RUN("truncate", "-s", "15M", s.req.targets[0]);
    refused(&s, ERR_INVALID, "t-0.qcow2 has 15728640 bytes, the disk 16777216");
    s.req.disks[0].format = "qcow2";
    unlink(s.req.targets[0]); /* a backing file is the caller's business, as it is with libvirt */
    backing = test_qemu_path(&s.lab.qemu, "backing.qcow2");
    given(backing, "16M", "write -q 0 64k");
    TEST_RUN("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", backing,
             s.req.targets[0]);
    begin(&s);
    assert_int_equal(lab_wait_end(&s.lab, "t").state, HVJOB_COMPLETED);
    end(&s, "t", false);
    s.req.r.n_disks = 0;
    shield_done(&s);
}

/* Into an export that holds a qcow2 image: it is one when the server has gone. */
static void push_over_nbd(struct shield_lab *s, const char *tag, const char *base,
                          const char *checkpoint, char **ret)
{
    CLEANUP_FREE char *where = NULL;
    struct hv_job_stats stats;
    struct server server;

    serve(&server, s, "24M");
    where = xasprintf("nbd://127.0.0.1:%u/vm/d0", server.port);
    TEST_RUN("qemu-img", "create", "-q", "-f", "qcow2", where, "16M");
    want_push_to(s, &server, tag);
    s->req.r.checkpoint = checkpoint;
    s->req.r.reuse_external = true;
    s->req.disks[0].format = "qcow2";
    s->req.disks[0].track = checkpoint != NULL;
    s->req.disks[0].base = base;
    begin(s);
    stats = lab_wait_end(&s->lab, tag);
    assert_ok(&stats.err);
    end(s, tag, false);
    *ret = test_qemu_path(&s->lab.qemu, tag);
    TEST_RUN("mv", server.image, *ret);
    server_done(&server, SIGTERM);
}

static void increments_over_nbd(void **state)
{
    CLEANUP_FREE char *full = NULL, *increment = NULL, *reference = NULL;
    struct shield_lab s;

    (void)state;
    shield_start(&s, 1);
    push_over_nbd(&s, "full", NULL, "cp1", &full);
    guest_writes(&s, 70);
    push_over_nbd(&s, "inc", "cp1", "cp2", &increment);
    reference = references(&s, 0, "inc");
    TEST_RUN("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", full, increment);
    assert_true(test_same_contents(reference, increment));
    s.req.r.n_disks = 0;
    shield_done(&s);
}

static void disk_of_no_size(void **state)
{
    const struct test_qemu_disk disk = {.format = "qcow2", .size = 0};
    struct shield_lab s = {0};

    (void)state;
    lab_prepare(&s.lab, &disk, 1);
    lab_launch(&s.lab);
    s.scratch = test_qemu_path(&s.lab.qemu, "scratch");
    s.socket = test_qemu_path(&s.lab.qemu, "nbd.sock");
    TEST_RUN("mkdir", s.scratch);
    s.nodes = lab_count_nodes(&s.lab);
    want_pull(&s, "p", NULL, NULL);
    begin(&s);
    assert_int_equal(lab_stats(&s.lab, "p").state, HVJOB_RUNNING);
    end(&s, "p", true);
    want_push(&s, "t", NULL, NULL);
    begin(&s);
    assert_int_equal(lab_wait_end(&s.lab, "t").state, HVJOB_COMPLETED);
    end(&s, "t", false);
    s.req.r.n_disks = 0;
    shield_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scratch_device_used_twice),
        cmocka_unit_test(target_devices),
        cmocka_unit_test(device_in_use),
        cmocka_unit_test(images_that_are_not_empty),
        cmocka_unit_test(disk_of_no_size),
        cmocka_unit_test(increments_over_nbd),
    };

    own_mounts();
    ev_default_loop(0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Guest-safe copies for every kind of device that a disk can be on.  The guest is a boot sector
 * (tests/support/boot_guest.h), which writes through the device's real emulation; none of its writes may
 * fail, and none may wait, whatever becomes of the backup.
 *
 * A new device is a row. */
#include "tests/support/test.h"

#include <ev.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "tests/integration/shield_support.h"
#include "tests/support/boot_guest.h"

#define PATIENCE_S 30
#define MORE_WRITES 100 /* all of the guest's blocks */

static const struct device {
    const char *name;
    const char *machine;
    const char *controller; /* a -device of its own, or NULL */
    const char *device;
} devices[] = {
    {"virtio-blk", "q35", NULL, "virtio-blk-pci"},
    {"scsi-hd on virtio-scsi", "q35", "virtio-scsi-pci", "scsi-hd"},
    {"scsi-hd on lsi53c895a", "q35", "lsi53c895a", "scsi-hd"},
    {"scsi-hd on megasas", "q35", "megasas", "scsi-hd"},
    {"ide-hd", "pc", NULL, "ide-hd"},
    {"ide-hd on ahci", "pc", "ahci,id=sata", "ide-hd,bus=sata.0"},
    {"nvme", "q35", NULL, "nvme,serial=1"},
    {"usb-storage", "q35", "qemu-xhci", "usb-storage"},
};

/* A guest that writes, with its disk on that device. */
struct device_lab {
    struct shield_lab s;
    char *log, *chardev, *small;
    const char *more[16];
};

static void add(struct device_lab *d, const char *arg)
{
    size_t n = 0;

    while (d->more[n])
        n++;
    assert_true(n + 1 < ARRAY_LEN(d->more));
    d->more[n] = arg;
}

static size_t writes(const struct device_lab *d)
{
    struct boot_guest_writes w = boot_guest_writes(d->log);

    assert_int_equal(w.failed, 0);
    return w.good;
}

/* The guest goes on writing. */
static void wait_for_writes(const struct device_lab *d)
{
    size_t until = writes(d) + MORE_WRITES;
    time_t end = time(NULL) + PATIENCE_S;

    while (writes(d) < until) {
        if (time(NULL) > end)
            fail_msg("the guest's writes hang: %zu of %zu", writes(d), until);
        usleep(5000);
    }
}

static void device_start(struct device_lab *d, const struct device *device, bool no_ids)
{
    const struct test_qemu_disk disk = {.format = "raw", .size = SMALL};
    struct err err;

    *d = (struct device_lab){0};
    lab_prepare(&d->s.lab, &disk, 1);
    boot_guest_write(d->s.lab.qemu.images[0]);
    d->log = test_qemu_path(&d->s.lab.qemu, "writes");
    d->chardev = boot_guest_chardev(d->log);
    d->small = test_qemu_path(&d->s.lab.qemu, "small");
    assert_int_equal(mkdir_all(d->small, 0700, &err), 0);
    d->s.scratch = test_qemu_path(&d->s.lab.qemu, "scratch");
    assert_int_equal(mkdir_all(d->s.scratch, 0700, &err), 0);
    add(d, "-M");
    add(d, device->machine);
    add(d, "-chardev");
    add(d, d->chardev);
    add(d, "-device");
    add(d, BOOT_GUEST_DEVICE);
    if (device->controller) {
        add(d, "-device");
        add(d, device->controller);
    }
    d->s.lab.qemu.more = d->more;
    d->s.lab.qemu.device = device->device;
    d->s.lab.qemu.no_ids = no_ids;
    lab_launch(&d->s.lab);
    d->s.nodes = lab_count_nodes(&d->s.lab);
    test_qemu_do(&d->s.lab.qemu, "cont", NULL);
    wait_for_writes(d);
}

static void device_done(struct device_lab *d)
{
    lab_stop_driver(&d->s.lab);
    test_qemu_done(&d->s.lab.qemu);
    free(d->s.scratch);
    free(d->log);
    free(d->chardev);
    free(d->small);
}

static void forget(struct device_lab *d, const char *tag)
{
    struct err err = lab_forget(&d->s.lab, tag);

    assert_ok(&err);
    lab_request_done(&d->s.req);
    assert_clean(&d->s);
    wait_for_writes(d);
}

/* What was on the disk at the instant, although the guest overwrites all of it. */
static void copies_the_instant(struct device_lab *d)
{
    CLEANUP_FREE char *reference = test_qemu_path(&d->s.lab.qemu, "reference.raw");
    struct hv_job_stats stats;

    want_push(&d->s, "good", NULL, NULL);
    d->s.req.r.bandwidth = MIB;
    test_qemu_do(&d->s.lab.qemu, "stop", NULL);
    begin(&d->s);
    TEST_RUN("cp", d->s.lab.qemu.images[0], reference);
    test_qemu_do(&d->s.lab.qemu, "cont", NULL);
    wait_for_writes(d);
    test_qemu_do(&d->s.lab.qemu, "block-job-set-speed",
                 json_pack("{s:s, s:i}", "device", "vmkeep-good-0.d0", "speed", 0));
    stats = lab_wait_end(&d->s.lab, "good");
    assert_ok(&stats.err);
    assert_true(test_same_contents(reference, d->s.req.targets[0]));
    forget(d, "good");
}

static void target_hangs(struct device_lab *d)
{
    struct server server;
    struct err err;

    serve(&server, &d->s);
    want_push_to(&d->s, &server, "hang");
    begin(&d->s);
    kill(server.pid, SIGSTOP);
    wait_for_writes(d);
    assert_int_equal(lab_stats(&d->s.lab, "hang").state, HVJOB_RUNNING);
    err = lab_abort(&d->s.lab, "hang");
    assert_ok(&err);
    forget(d, "hang");
    server_done(&server, SIGKILL);
}

static void fails_for_space(struct device_lab *d, const char *tag, const char *text)
{
    struct hv_job_stats stats;

    d->s.req.r.bandwidth = 16 * MIB;
    begin(&d->s);
    wait_for_writes(d);
    stats = lab_wait_end(&d->s.lab, tag);
    assert_int_equal(stats.state, HVJOB_FAILED);
    assert_err(&stats.err, ERR_NOSPACE, text);
    assert_int_equal(umount2(tag[0] == 't' ? d->small : d->s.scratch, MNT_DETACH), 0);
    forget(d, tag);
}

static void target_fills_up(struct device_lab *d)
{
    CLEANUP_FREE char *target = xasprintf("%s/t.qcow2", d->small);

    mount_small(d->small);
    want_push(&d->s, "target", NULL, NULL);
    d->s.req.disks[0].place.path = target;
    fails_for_space(d, "target", "disk d0: No space left on device");
}

static void scratch_fills_up(struct device_lab *d)
{
    mount_small(d->s.scratch);
    want_push(&d->s, "scratch", NULL, NULL);
    fails_for_space(d, "scratch", "disk d0: the scratch space is full or too slow");
}

static void is_safe(const struct device *device, bool no_ids)
{
    struct device_lab d;

    device_start(&d, device, no_ids);
    copies_the_instant(&d);
    target_hangs(&d);
    target_fills_up(&d);
    scratch_fills_up(&d);
    device_done(&d);
}

static void with_id(void **state)
{
    is_safe(*state, false);
}

static void without_id(void **state)
{
    is_safe(*state, true);
}

int main(void)
{
    struct CMUnitTest tests[2 * ARRAY_LEN(devices)];
    char names[ARRAY_LEN(tests)][64];

    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        bool no_id = i % 2 == 1;

        snprintf(names[i], sizeof(names[i]), "%s %s id", devices[i / 2].name,
                 no_id ? "without" : "with");
        tests[i] = (struct CMUnitTest){.name = names[i],
                                       .test_func = no_id ? without_id : with_id,
                                       .initial_state = (void *)&devices[i / 2]};
    }
    own_mounts();
    ev_default_loop(0);
    return cmocka_run_group_tests_name("qmp_devices", tests, NULL, NULL);
}

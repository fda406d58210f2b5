/* SPDX-License-Identifier: MIT
 *
 * Guest-safe copies for every kind of device that a disk can be on.  The guest is a boot sector
 * (tests/support/boot_guest.h), which writes through the device's real emulation; none of its
 * writes may fail, and none may wait, whatever becomes of the backup.
 *
 * A new device is a row. */
#include "tests/support/test.h"

#include <ev.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "tests/integration/shield_support.h"
#include "tests/support/boot_guest.h"

#define PATIENCE_S 90
#define SOME_WRITES (BOOT_GUEST_BLOCKS / 2) /* more than the small file systems hold */

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
static void wait_for_writes(const struct device_lab *d, size_t n)
{
    size_t until = writes(d) + n;
    time_t end = time(NULL) + PATIENCE_S;

    while (writes(d) < until) {
        if (time(NULL) > end)
            fail_msg("the guest's writes hang: %zu of %zu", writes(d), until);
        usleep(5000);
    }
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Between two writes of the guest, in the next seconds. */
static double longest_pause(const struct device_lab *d, double seconds)
{
    double begun = now(), last = begun, longest = 0;
    size_t seen = writes(d);

    while (now() - begun < seconds) {
        size_t n = writes(d);

        if (n > seen)
            last = now();
        seen = n;
        longest = now() - last > longest ? now() - last : longest;
        usleep(5000);
    }
    return longest;
}

/* A small file system of its own, on a loop device. */
struct frozen {
    char *image, *dir;
    pid_t guard; /* thaws it when we die, or after a while */
    int pipe;
};

static void frozen_mount(struct frozen *f, const char *dir, const char *where)
{
    f->image = xasprintf("%s/fs.img", dir);
    f->dir = xstrdup(where);
    TEST_RUN("truncate", "-s", "32M", f->image);
    TEST_RUN("mkfs.ext4", "-q", "-F", f->image);
    TEST_RUN("mount", "-o", "loop", f->image, f->dir);
}

static void frozen_freeze(struct frozen *f)
{
    int ends[2], fd = open(f->dir, O_RDONLY | O_CLOEXEC);

    assert_int_equal(pipe(ends), 0);
    f->guard = fork();
    assert_true(f->guard >= 0);
    if (f->guard == 0) {
        struct pollfd p = {.fd = ends[0], .events = POLLIN};

        close(ends[1]);
        poll(&p, 1, 60000);
        ioctl(fd, FITHAW, 0);
        _exit(0);
    }
    close(ends[0]);
    f->pipe = ends[1];
    assert_int_equal(ioctl(fd, FIFREEZE, 0), 0);
    close(fd);
}

static void frozen_thaw(struct frozen *f)
{
    close(f->pipe);
    waitpid(f->guard, NULL, 0);
}

static void frozen_done(struct frozen *f)
{
    umount2(f->dir, MNT_DETACH);
    free(f->image);
    free(f->dir);
}

/* A file that a server of ours is asked for, by FUSE. */
struct fuse {
    char *image, *path;
    pid_t pid;
};

static void fuse_serve(struct fuse *f, const char *path)
{
    CLEANUP_FREE char *blockdev = NULL, *export = NULL;
    struct stat before, now_;

    f->image = xasprintf("%s.behind", path);
    f->path = xstrdup(path);
    TEST_RUN("truncate", "-s", "16M", f->image);
    TEST_RUN("touch", path);
    assert_int_equal(stat(path, &before), 0);
    blockdev = xasprintf("driver=file,filename=%s,node-name=f", f->image);
    export = xasprintf("type=fuse,id=e,node-name=f,mountpoint=%s,writable=on", path);
    f->pid = fork();
    assert_true(f->pid >= 0);
    if (f->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("qemu-storage-daemon", "qemu-storage-daemon", "--blockdev", blockdev, "--export",
               export, NULL);
        _exit(127);
    }
    for (int i = 0; i < 2000 && stat(path, &now_) == 0 && now_.st_dev == before.st_dev; i++)
        usleep(10000);
}

/* Until the kernel has forgotten what it knew of the file. */
static void wait_until_dead(const char *path)
{
    CLEANUP_FREE char *line = xasprintf("while timeout 2 stat '%s' >/dev/null; do "
                                        "sleep 0.2; done",
                                        path);

    TEST_RUN("timeout", "30", "sh", "-c", line);
}

static void fuse_done(struct fuse *f)
{
    kill(f->pid, SIGTERM);
    waitpid(f->pid, NULL, 0);
    umount2(f->path, MNT_DETACH);
    free(f->image);
    free(f->path);
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
    d->s.lab.images = no_ids; /* what gives the disk its name else */
    lab_launch(&d->s.lab);
    d->s.nodes = lab_count_nodes(&d->s.lab);
    test_qemu_do(&d->s.lab.qemu, "cont", NULL);
    wait_for_writes(d, BOOT_GUEST_BLOCKS);
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
    wait_for_writes(d, 8);
}

/* What was on the disk at the instant, although the guest overwrites all of it: the copy is let go
 * only then, and would take minutes. */
static void copies_the_instant(struct device_lab *d)
{
    CLEANUP_FREE char *reference = test_qemu_path(&d->s.lab.qemu, "reference.raw");
    struct hv_job_stats stats;

    want_push(&d->s, "good", NULL, NULL);
    d->s.req.r.bandwidth = 65536;
    test_qemu_do(&d->s.lab.qemu, "stop", NULL);
    begin(&d->s);
    TEST_RUN("cp", d->s.lab.qemu.images[0], reference);
    test_qemu_do(&d->s.lab.qemu, "cont", NULL);
    wait_for_writes(d, BOOT_GUEST_BLOCKS);
    test_qemu_do(&d->s.lab.qemu, "block-job-set-speed",
                 json_pack("{s:s, s:i}", "device", "vmkeep-good-0.d0", "speed", 0));
    stats = lab_wait_end(&d->s.lab, "good");
    assert_ok(&stats.err);
    assert_true(test_same_contents(reference, d->s.req.targets[0]));
    forget(d, "good");
}

/* The target takes nothing more, and so the scratch space fills up, too. */
static void target_hangs(struct device_lab *d)
{
    struct server server;
    struct err err;

    serve(&server, &d->s, "16M");
    mount_small(d->s.scratch);
    want_push_to(&d->s, &server, "hang");
    d->s.req.r.bandwidth = 65536;
    begin(&d->s);
    kill(server.pid, SIGSTOP);
    wait_for_writes(d, SOME_WRITES);
    err = lab_abort(&d->s.lab, "hang");
    assert_ok(&err);
    err = lab_forget(&d->s.lab, "hang");
    assert_ok(&err);
    assert_int_equal(umount2(d->s.scratch, MNT_DETACH), 0);
    forget(d, "hang");
    server_done(&server, SIGKILL);
}

static void target_fills_up(struct device_lab *d)
{
    CLEANUP_FREE char *target = xasprintf("%s/t.qcow2", d->small);
    struct hv_job_stats stats;

    mount_small(d->small);
    want_push(&d->s, "full", NULL, NULL);
    d->s.req.disks[0].place.path = target;
    d->s.req.r.bandwidth = 0;
    begin(&d->s);
    stats = lab_wait_end(&d->s.lab, "full");
    assert_int_equal(stats.state, HVJOB_FAILED);
    assert_err(&stats.err, ERR_NOSPACE, "disk d0: No space left on device");
    assert_int_equal(umount2(d->small, MNT_DETACH), 0);
    forget(d, "full");
}

static void is_safe(const struct device *device, bool no_ids)
{
    struct device_lab d;

    device_start(&d, device, no_ids);
    target_hangs(&d);
    if (!no_ids) {
        copies_the_instant(&d);
        target_fills_up(&d);
    }
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

/* Scratch space that takes no writes any more, and does not say so: a file system that is
 * frozen.  The guest waits until the snapshot breaks, no longer; and nothing of the backup is
 * closed before the scratch space answers, for QEMU would wait for it, and the guest with it. */
static void scratch_hangs(void **state)
{
    struct hv_job_stats stats;
    struct device_lab d;
    struct frozen f;
    struct err err;

    (void)state;
    if (geteuid() != 0)
        skip();
    device_start(&d, &devices[1], false);
    frozen_mount(&f, d.s.lab.qemu.dir, d.s.scratch);
    want_push(&d.s, "hang", NULL, NULL);
    d.s.req.r.bandwidth = 65536;
    begin(&d.s);
    frozen_freeze(&f);
    assert_true(longest_pause(&d, 7) < 6);
    err = lab_try_stats(&d.s.lab, "hang", &stats);
    assert_err(&err, ERR_TIMEOUT, "0.qcow2 does not answer");
    assert_true(longest_pause(&d, 1) < 1);
    frozen_thaw(&f);
    stats = lab_stats(&d.s.lab, "hang");
    assert_int_equal(stats.state, HVJOB_FAILED);
    assert_err(&stats.err, ERR_NOSPACE, "disk d0: the scratch space is full or too slow");
    err = lab_forget(&d.s.lab, "hang");
    assert_ok(&err);
    frozen_done(&f);
    wait_for_writes(&d, SOME_WRITES);
    lab_request_done(&d.s.req);
    device_done(&d);
}

/* A target on a file system that does not even tell a file's size: QEMU is not asked for it. */
static void target_tells_nothing(void **state)
{
    struct hv_job_stats stats;
    struct device_lab d;
    struct fuse fuse;
    struct err err;

    (void)state;
    if (geteuid() != 0)
        skip();
    device_start(&d, &devices[1], false);
    want_push(&d.s, "dead", NULL, NULL);
    fuse_serve(&fuse, d.s.req.targets[0]);
    d.s.req.disks[0].format = "raw";
    d.s.req.r.reuse_external = true;
    d.s.req.r.bandwidth = 65536;
    begin(&d.s);
    kill(fuse.pid, SIGSTOP);
    wait_until_dead(d.s.req.targets[0]);
    err = lab_try_stats(&d.s.lab, "dead", &stats);
    assert_err(&err, ERR_TIMEOUT, "dead-0.qcow2 does not answer");
    wait_for_writes(&d, SOME_WRITES);
    kill(fuse.pid, SIGCONT);
    err = lab_abort(&d.s.lab, "dead");
    assert_ok(&err);
    forget(&d, "dead");
    fuse_done(&fuse);
    device_done(&d);
}

#define OTHERS 2

int main(void)
{
    struct CMUnitTest tests[OTHERS + 2 * ARRAY_LEN(devices)] = {
        cmocka_unit_test(scratch_hangs), cmocka_unit_test(target_tells_nothing)};
    char names[2 * ARRAY_LEN(devices)][64];

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct device *device = &devices[i / 2];
        bool no_id = i % 2 == 1;

        snprintf(names[i], sizeof(names[i]), "%s %s id", device->name, no_id ? "without" : "with");
        tests[OTHERS + i] = (struct CMUnitTest){.name = names[i],
                                                .test_func = no_id ? without_id : with_id,
                                                .initial_state = (void *)device};
    }
    own_mounts();
    ev_default_loop(0);
    return cmocka_run_group_tests_name("qmp_devices", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Backups of a domain that does not run, by its images; and what becomes of them when it starts. */
#include <ev.h>
#include <signal.h>
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

/* The domain is shut down, and the driver has seen it. */
static void shut_down(struct lab *lab)
{
    test_qemu_quit(&lab->qemu);
    domain_facts_free(lab_look(lab));
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

/* ---- with a running domain in between ---- */

static void partly_online(void **state)
{
    struct lab lab;

    (void)state;
    lab_start_offline(&lab, 1);
    test_qemu_start(&lab.qemu);
    test_qemu_write(&lab.qemu, 0, 1, 0, 1 << 20);
    lab_backup(&lab, "a", NULL, "cpa");
    assert_point(&lab, "a", NULL, 0);
    test_qemu_write(&lab.qemu, 0, 2, 65536, 65536);
    shut_down(&lab);

    lab_backup(&lab, "b", "cpa", "cpb");
    assert_point(&lab, "b", "a", 0);

    test_qemu_start(&lab.qemu);
    test_qemu_write(&lab.qemu, 0, 3, 3 << 20, 65536);
    lab_backup(&lab, "c", "cpb", "cpc");
    assert_point(&lab, "c", "b", 0);
    test_qemu_write(&lab.qemu, 0, 4, 5 << 20, 200000);
    shut_down(&lab);

    lab_backup(&lab, "d", "cpc", "cpd");
    assert_point(&lab, "d", "c", 0);
    lab_done(&lab);
}

static void in_use(void **state)
{
    struct domain_facts *f;
    struct lab_request req;
    struct lab lab;
    struct err err;

    (void)state;
    lab_start_offline(&lab, 1);
    /* A QEMU that has the image, but not the domain's socket. */
    test_qemu_start(&lab.qemu);
    unlink(lab.qemu.qmp);
    f = lab_look(&lab);
    assert_int_equal(f->state, DOMAIN_SHUTOFF);
    assert_non_null(strstr(f->problem, lab.qemu.images[0]));
    assert_non_null(strstr(f->problem, "in use by another process"));
    assert_non_null(f->foreign_job);
    assert_int_equal(f->disks.n, 0);
    domain_facts_free(f);
    lab_request_init(&req, &lab, "u", NULL, "cp");
    err = lab_begin(&lab, &req.r, NULL);
    assert_err(&err, ERR_BUSY, "in use by another process");
    err = lab_checkpoint_create(&lab, "cp", "d0", NULL);
    assert_err(&err, ERR_BUSY, "in use by another process");
    test_qemu_quit(&lab.qemu);
    assert_false(has_bitmap(&lab, "d0", "cp"));
    err = lab_begin(&lab, &req.r, NULL);
    assert_ok(&err);
    assert_int_equal(lab_wait_end(&lab, "u").state, HVJOB_COMPLETED);
    lab_request_done(&req);
    lab_done(&lab);
}

static void begin_slowly(struct lab *lab, const char *tag, const char *base, const char *checkpoint,
                         uint64_t bandwidth)
{
    struct lab_request req;
    struct err err;

    lab_request_init(&req, lab, tag, base, checkpoint);
    req.r.bandwidth = bandwidth;
    err = lab_begin(lab, &req.r, NULL);
    assert_ok(&err);
    lab_request_done(&req);
    assert_int_equal(lab_stats(lab, tag).state, HVJOB_RUNNING);
}

static void started_in_the_middle(void **state)
{
    struct hv_job_stats stats;
    struct domain_facts *f;
    struct lab lab;
    struct err err;

    (void)state;
    lab_start_offline(&lab, 1);
    lab_backup(&lab, "base", NULL, "old");
    begin_slowly(&lab, "slow", NULL, "new", 65536);

    /* Nobody turns it away, and it says that the copy is worth nothing any more. */
    test_qemu_start(&lab.qemu);
    test_qemu_write(&lab.qemu, 0, 7, 1 << 20, 1 << 20);
    stats = lab_wait_end(&lab, "slow");
    assert_int_equal(stats.state, HVJOB_FAILED);
    assert_err(&stats.err, ERR_BUSY, "the domain was started while its images were being copied");
    stats = lab_stats(&lab, "slow"); /* asked again, it says the same */
    assert_err(&stats.err, ERR_BUSY, "was started");
    f = lab_look(&lab);
    assert_int_equal(f->state, DOMAIN_PAUSED);
    assert_string_equal(f->job_tag, "slow");
    domain_facts_free(f);
    err = lab_abort(&lab, "slow");
    assert_ok(&err);
    err = lab_forget(&lab, "slow");
    assert_ok(&err);
    assert_int_equal(lab_stats(&lab, "slow").state, HVJOB_NONE);

    /* Both checkpoints live on in the QEMU that runs now. */
    assert_true(has_bitmap(&lab, "d0", "new"));
    err = lab_checkpoint_delete(&lab, "new");
    assert_ok(&err);
    lab_backup(&lab, "next", "old", "newer");
    assert_point(&lab, "next", "base", 0);
    shut_down(&lab);
    TEST_RUN("qemu-img", "check", "-q", lab.qemu.images[0]);
    assert_true(test_same_contents(lab.qemu.refs[0], lab.qemu.images[0]));
    assert_false(has_bitmap(&lab, "d0", "new"));
    lab_backup(&lab, "last", "newer", NULL);
    assert_point(&lab, "last", "next", 0);
    lab_done(&lab);
}

static void qemu_was_killed(void **state)
{
    CLEANUP_FREE char *target = NULL;
    struct lab_request req;
    struct domain_facts *f;
    struct lab lab;
    struct err err;

    (void)state;
    lab_start_offline(&lab, 1);
    lab_backup(&lab, "base", NULL, "old");
    test_qemu_start(&lab.qemu);
    test_qemu_write(&lab.qemu, 0, 7, 1 << 20, 1 << 20);
    test_qemu_kill(&lab.qemu);
    assert_true(bitmap_of(&lab, "d0", "old", &f)->inconsistent);
    domain_facts_free(f);
    lab_request_init(&req, &lab, "inc", "old", "new");
    err = lab_begin(&lab, &req.r, NULL);
    assert_err(&err, ERR_CORRUPT, "disk d0: checkpoint 'old' is inconsistent");
    lab_request_done(&req);
    lab_backup(&lab, "full", NULL, "new");
    /* Not the reference: what a dead QEMU had not written out is lost. */
    target = lab_target(&lab, "full", 0);
    TEST_RUN("qemu-img", "compare", "-q", target, lab.qemu.images[0]);
    err = lab_checkpoint_delete(&lab, "old");
    assert_ok(&err);
    assert_false(has_bitmap(&lab, "d0", "old"));
    assert_true(has_bitmap(&lab, "d0", "new"));
    lab_done(&lab);
}

static void started_and_only_reading(void **state)
{
    struct hv_job_stats stats;
    struct lab lab;

    (void)state;
    lab_start_offline(&lab, 1);
    write_online(&lab, 0, 1, 4 << 20);
    begin_slowly(&lab, "read", NULL, NULL, 8 << 20);
    test_qemu_start(&lab.qemu);
    stats = lab_wait_end(&lab, "read");
    assert_ok(&stats.err);
    assert_int_equal(stats.state, HVJOB_COMPLETED);
    /* Once good, always good. */
    test_qemu_write(&lab.qemu, 0, 9, 0, 65536);
    assert_int_equal(lab_stats(&lab, "read").state, HVJOB_COMPLETED);
    lab_done(&lab);
}

/* ---- the storage daemon ---- */

/* The pid of our child of that name, or 0. */
static pid_t storage_daemon(void)
{
    CLEANUP_FREE char *path = xasprintf("/proc/%d/task/%d/children", getpid(), getpid());
    CLEANUP_FCLOSE FILE *children = fopen(path, "re");
    int pid;

    assert_non_null(children);
    while (fscanf(children, "%d", &pid) == 1) {
        CLEANUP_FREE char *comm_path = xasprintf("/proc/%d/comm", pid);
        CLEANUP_FCLOSE FILE *comm = fopen(comm_path, "re");
        char name[32] = "";

        if (comm && fscanf(comm, "%31s", name) == 1 && strcmp(name, "qemu-storage-da") == 0)
            return pid;
    }
    return 0;
}

static void assert_whole(struct lab *lab, const char *checkpoint)
{
    struct domain_facts *f;
    const struct bitmap_facts *b = bitmap_of(lab, "d0", checkpoint, &f);

    assert_non_null(b);
    assert_true(b->recording);
    assert_false(b->inconsistent);
    domain_facts_free(f);
}

static void daemon_killed(void **state)
{
    struct hv_job_stats stats;
    struct lab lab;
    struct err err;

    (void)state;
    lab_start_offline(&lab, 1);
    lab_backup(&lab, "base", NULL, "old");
    assert_int_equal(storage_daemon(), 0);
    begin_slowly(&lab, "k", NULL, "new", 65536);
    assert_int_equal(kill(storage_daemon(), SIGKILL), 0);
    stats = lab_wait_end(&lab, "k");
    assert_int_equal(stats.state, HVJOB_FAILED);
    assert_err(&stats.err, ERR_REMOTE, "qemu-storage-daemon");
    err = lab_abort(&lab, "k");
    assert_ok(&err);
    err = lab_forget(&lab, "k");
    assert_ok(&err);
    assert_int_equal(lab_stats(&lab, "k").state, HVJOB_NONE);
    assert_whole(&lab, "old");
    err = lab_checkpoint_delete(&lab, "new");
    assert_ok(&err);
    lab_backup(&lab, "next", "old", NULL);
    assert_point(&lab, "next", "base", 0);
    lab_done(&lab);
}

static void aborted(void **state)
{
    struct lab_request req;
    struct domain_facts *f;
    struct lab lab;
    struct err err;

    (void)state;
    lab_start_offline(&lab, 1);
    begin_slowly(&lab, "x", NULL, "new", 65536);
    f = lab_look(&lab);
    assert_string_equal(f->job_tag, "x");
    assert_int_equal(f->disks.n, 1);
    domain_facts_free(f);
    lab_request_init(&req, &lab, "y", NULL, NULL);
    err = lab_begin(&lab, &req.r, NULL);
    assert_err(&err, ERR_BUSY, "backup job x");
    err = lab_checkpoint_create(&lab, "other", "d0", NULL);
    assert_err(&err, ERR_BUSY, "backup job x");
    err = lab_forget(&lab, "x");
    assert_err(&err, ERR_BUSY, "still runs");
    err = lab_abort(&lab, "x");
    assert_ok(&err);
    assert_int_equal(lab_stats(&lab, "x").state, HVJOB_CANCELED);
    err = lab_forget(&lab, "x");
    assert_ok(&err);
    assert_int_equal(storage_daemon(), 0);
    err = lab_checkpoint_delete(&lab, "new");
    assert_ok(&err);
    err = lab_begin(&lab, &req.r, NULL);
    assert_ok(&err);
    assert_int_equal(lab_wait_end(&lab, "y").state, HVJOB_COMPLETED);
    lab_request_done(&req);
    lab_done(&lab);
}

static void driver_freed(void **state)
{
    struct lab lab;

    (void)state;
    lab_start_offline(&lab, 1);
    lab_backup(&lab, "base", NULL, "old");
    begin_slowly(&lab, "f", NULL, "new", 65536);
    assert_true(storage_daemon() > 0);
    lab_stop_driver(&lab);
    while (storage_daemon() > 0)
        ev_run(EV_DEFAULT, EVRUN_ONCE);
    lab_start_driver(&lab);
    assert_int_equal(lab_stats(&lab, "f").state, HVJOB_NONE);
    assert_whole(&lab, "old");
    assert_whole(&lab, "new");
    lab_done(&lab);
}

/* ---- refusals, and what is left of them ---- */

static void refused(void **state)
{
    struct lab_request req;
    struct lab lab;
    struct err err;

    (void)state;
    lab_start_offline(&lab, 2);
    lab_request_init(&req, &lab, "r", "nope", "cp");
    err = lab_begin(&lab, &req.r, NULL);
    assert_err(&err, ERR_NOTFOUND, "disk d0: checkpoint 'nope' is not there");
    lab_request_done(&req);

    /* Refused by the storage daemon itself, after the bitmaps were made. */
    lab_request_init(&req, &lab, "s", NULL, "cp");
    req.r.reuse_external = req.r.made_empty = true;
    TEST_RUN("truncate", "-s", "1M", req.targets[0]);
    TEST_RUN("truncate", "-s", "1M", req.targets[1]);
    err = lab_begin(&lab, &req.r, NULL);
    assert_err(&err, ERR_REMOTE, "disk d0: open");
    lab_request_done(&req);
    assert_int_equal(storage_daemon(), 0);
    assert_false(has_bitmap(&lab, "d0", "cp") || has_bitmap(&lab, "d1", "cp"));
    lab_backup(&lab, "good", NULL, "cp");

    /* An image is missing. */
    TEST_RUN("mv", lab.qemu.images[1], lab.qemu.refs[1]);
    lab_request_init(&req, &lab, "m", NULL, "cp2");
    err = lab_begin(&lab, &req.r, NULL);
    assert_err(&err, ERR_NOTFOUND, lab.qemu.images[1]);
    lab_request_done(&req);
    {
        struct domain_facts *f = lab_look(&lab);

        assert_non_null(strstr(f->problem, lab.qemu.images[1]));
        assert_int_equal(f->disks.n, 0);
        domain_facts_free(f);
    }
    lab_done(&lab);
}

static void not_configured(void **state)
{
    struct lab_request req;
    struct domain_facts *f;
    struct lab lab;
    struct err err;

    (void)state;
    lab_start_offline(&lab, 1);
    lab.images = false;
    lab_restart_driver(&lab);
    f = lab_look(&lab);
    assert_int_equal(f->state, DOMAIN_SHUTOFF);
    assert_non_null(f->problem);
    domain_facts_free(f);
    lab_request_init(&req, &lab, "n", NULL, NULL);
    err = lab_begin(&lab, &req.r, NULL);
    assert_err(&err, ERR_UNSUPPORTED, "key disks");
    lab_request_done(&req);
    lab_done(&lab);
}

/* ---- other images ---- */

static void raw(void **state)
{
    const struct test_qemu_disk disks[] = {{.format = "raw", .size = SMALL},
                                           {.format = "qcow2", .size = SMALL}};
    struct domain_facts *f;
    struct lab_request req;
    struct lab lab;
    struct err err;

    (void)state;
    lab_prepare(&lab, disks, 2);
    lab.images = true;
    lab_start_driver(&lab);
    write_online(&lab, 0, 5, 1 << 20);
    f = lab_look(&lab);
    assert_false(domain_facts_disk(f, "d0")->trackable);
    domain_facts_free(f);
    lab_backup(&lab, "raw", NULL, NULL);
    assert_point(&lab, "raw", NULL, 0);
    lab_request_init(&req, &lab, "no", NULL, "cp");
    err = lab_begin(&lab, &req.r, NULL);
    assert_err(&err, ERR_UNSUPPORTED, "disk d0: its format (raw) cannot hold a checkpoint");
    lab_request_done(&req);

    /* A guest's raw disk is never taken for what its content says. */
    TEST_RUN("qemu-img", "create", "-q", "-f", "qcow2", "-o",
             "backing_file=/etc/hostname,backing_fmt=raw", "-u", lab.qemu.images[0], "1M");
    TEST_RUN("truncate", "-s", "16M", lab.qemu.images[0]);
    f = lab_look(&lab);
    assert_int_equal(domain_facts_disk(f, "d0")->capacity, SMALL);
    domain_facts_free(f);
    lab_done(&lab);
}

static void wrong_format(void **state)
{
    const struct test_qemu_disk disks[] = {{.format = "raw", .size = SMALL}};
    struct domain_facts *f;
    struct lab lab;

    (void)state;
    lab_prepare(&lab, disks, 1);
    lab.images = true;
    lab.qemu.disks[0].format = "qcow2";
    lab_start_driver(&lab);
    f = lab_look(&lab);
    if (!f->problem || !strstr(f->problem, "is not in format qcow2"))
        fail_msg("%s", f->problem);
    domain_facts_free(f);
    lab_done(&lab);
}

static void backing_chain(void **state)
{
    CLEANUP_FREE char *base = NULL;
    struct hv_job_stats stats;
    struct lab lab;

    (void)state;
    lab_start_offline(&lab, 1);
    write_online(&lab, 0, 1, 0);
    base = test_qemu_path(&lab.qemu, "base.qcow2");
    TEST_RUN("mv", lab.qemu.images[0], base);
    TEST_RUN("qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2",
             lab.qemu.images[0]);
    write_online(&lab, 0, 2, 65536);
    lab_backup(&lab, "full", NULL, "cp");
    assert_point(&lab, "full", NULL, 0);

    /* A write to what lies below is one too. */
    begin_slowly(&lab, "slow", NULL, NULL, 65536);
    TEST_RUN("qemu-io", "-f", "qcow2", "-c", "write -q -P 9 8M 64k", base);
    stats = lab_wait_end(&lab, "slow");
    assert_err(&stats.err, ERR_BUSY, "base.qcow2");
    lab_done(&lab);
}

/* Begins a pull of the one disk over the lab's socket. */
static void begin_pull(struct lab *lab, const char *tag, const char *base, const char *checkpoint,
                       const char *socket)
{
    struct lab_request req;
    struct backup_begun begun;
    struct err err;

    lab_request_init(&req, lab, tag, base, checkpoint);
    req.r.mode = MODE_PULL;
    req.r.server = (struct backup_address){.transport = TRANSPORT_UNIX, .socket = socket};
    err = lab_begin(lab, &req.r, &begun);
    assert_ok(&err);
    assert_true(begun.guest_safe);
    assert_int_equal(access(req.targets[0], F_OK), -1); /* no scratch space is needed */
    lab_request_done(&req);
    assert_int_equal(lab_stats(lab, tag).state, HVJOB_RUNNING);
    assert_int_equal(lab_stats(lab, tag).mode, MODE_PULL);
}

static void end_pull(struct lab *lab, const char *tag)
{
    struct err err = lab_abort(lab, tag);

    assert_ok(&err);
    assert_int_equal(lab_stats(lab, tag).state, HVJOB_NONE);
    assert_int_equal(storage_daemon(), 0);
}

static void pull(void **state)
{
    CLEANUP_FREE char *socket = NULL, *where = NULL, *map = NULL;
    struct hv_job_stats stats;
    struct lab lab;
    struct err err;

    (void)state;
    lab_start_offline(&lab, 1);
    socket = test_qemu_path(&lab.qemu, "nbd.sock");
    where = xasprintf("nbd:unix:%s:exportname=d0", socket);
    write_online(&lab, 0, 1, 0);
    begin_pull(&lab, "full", NULL, "cp1", socket);
    TEST_RUN("qemu-img", "compare", "-q", "-f", "raw", "-F", "raw", lab.qemu.refs[0], where);
    end_pull(&lab, "full");

    write_online(&lab, 0, 2, 1 << 20);
    begin_pull(&lab, "inc", "cp1", "cp2", socket);
    TEST_RUN("qemu-img", "compare", "-q", "-f", "raw", "-F", "raw", lab.qemu.refs[0], where);
    map = xasprintf("nbdinfo --map=qemu:dirty-bitmap:backup-d0 'nbd+unix:///d0?socket=%s' | "
                    "awk '$3 == 1 { print $1, $2 }' | grep -qx '1048576 65536'",
                    socket);
    TEST_RUN("sh", "-c", map);
    end_pull(&lab, "inc");
    assert_true(has_bitmap(&lab, "d0", "cp1") && has_bitmap(&lab, "d0", "cp2"));
    assert_false(has_bitmap(&lab, "d0", "backup-d0"));

    /* The domain is started meanwhile: whoever reads is told that it is worth nothing. */
    begin_pull(&lab, "torn", NULL, NULL, socket);
    test_qemu_start(&lab.qemu);
    stats = lab_wait_end(&lab, "torn");
    assert_int_equal(stats.state, HVJOB_FAILED);
    assert_err(&stats.err, ERR_BUSY, "the domain was started");
    err = lab_abort(&lab, "torn");
    assert_ok(&err);
    err = lab_forget(&lab, "torn");
    assert_ok(&err);
    assert_int_equal(storage_daemon(), 0);
    lab_done(&lab);
}

static void other_owner(void **state)
{
    struct lab lab;

    (void)state;
    if (geteuid() != 0)
        skip();
    lab_start_offline(&lab, 1);
    TEST_RUN("chown", "nobody", lab.qemu.images[0]);
    TEST_RUN("chmod", "600", lab.qemu.images[0]);
    lab_backup(&lab, "full", NULL, "cp");
    assert_point(&lab, "full", NULL, 0);
    TEST_RUN("sh", "-c", "[ \"$(stat -c %U:%a \"$0\")\" = nobody:600 ]", lab.qemu.images[0]);
    lab_done(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts),
        cmocka_unit_test(full_and_increments),
        cmocka_unit_test(checkpoints),
        cmocka_unit_test(partly_online),
        cmocka_unit_test(in_use),
        cmocka_unit_test(started_in_the_middle),
        cmocka_unit_test(qemu_was_killed),
        cmocka_unit_test(started_and_only_reading),
        cmocka_unit_test(daemon_killed),
        cmocka_unit_test(aborted),
        cmocka_unit_test(driver_freed),
        cmocka_unit_test(refused),
        cmocka_unit_test(not_configured),
        cmocka_unit_test(raw),
        cmocka_unit_test(wrong_format),
        cmocka_unit_test(backing_chain),
        cmocka_unit_test(pull),
        cmocka_unit_test(other_owner),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

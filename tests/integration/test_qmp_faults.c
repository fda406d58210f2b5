/* SPDX-License-Identifier: MIT
 *
 * Backups that are refused, fail, or are interrupted, against a real QEMU. */
#include "tests/support/test.h"

#include <errno.h>
#include <ev.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/stream.h"
#include "tests/integration/qmp_support.h"

#define SLOW 65536 /* bytes a second: does not end before the test wants it */

static void begin_slowly(struct lab *lab, const char *tag, const char *checkpoint)
{
    struct lab_request req;
    struct err err;

    lab_request_init(&req, lab, tag, NULL, checkpoint);
    req.r.bandwidth = SLOW;
    err = lab_begin(lab, &req.r, NULL);
    assert_ok(&err);
    lab_request_done(&req);
}

/* Takes off the limit: the jobs end now. */
static void speed_up(struct lab *lab)
{
    json_t *jobs = test_qemu_command(&lab->qemu, "query-jobs", NULL), *job;
    size_t i;

    assert_true(json_array_size(jobs) > 0);
    json_array_foreach(jobs, i, job)
        test_qemu_do(&lab->qemu, "block-job-set-speed",
                     json_pack("{s:O, s:i}", "device", json_object_get(job, "id"), "speed", 0));
    json_decref(jobs);
}

/* Until all jobs have ended, and QEMU keeps them. */
static void wait_concluded(struct lab *lab)
{
    size_t running = 1, i;

    while (running > 0) {
        json_t *jobs = test_qemu_command(&lab->qemu, "query-jobs", NULL), *job;

        assert_true(json_array_size(jobs) > 0);
        running = 0;
        json_array_foreach(jobs, i, job)
            running += strcmp(json_string_value(json_object_get(job, "status")), "concluded") != 0;
        json_decref(jobs);
    }
}

static void add_bitmap(struct lab *lab, const char *node, const char *name, bool disabled)
{
    test_qemu_do(&lab->qemu, "block-dirty-bitmap-add",
                 json_pack("{s:s, s:s, s:b, s:b}", "node", node, "name", name, "persistent", 1,
                           "disabled", disabled));
}

static bool has_bitmap(struct lab *lab, const char *disk, const char *name)
{
    struct domain_facts *f = lab_look(lab);
    bool ret = disk_facts_bitmap(domain_facts_disk(f, disk), name) != NULL;

    domain_facts_free(f);
    return ret;
}

/* The request must be refused, and leave nothing behind. */
static void refused(struct lab *lab, struct lab_request *req, enum err_code code, const char *text)
{
    size_t nodes = lab_count_nodes(lab);
    struct err err = lab_begin(lab, &req->r, NULL);

    assert_err(&err, code, text);
    assert_int_equal(lab_count_nodes(lab), nodes);
    for (size_t i = 0; i < lab->qemu.n_disks; i++)
        assert_false(path_exists(req->targets[i]));
    lab_request_done(req);
}

static void refusals(void **state)
{
    const struct test_qemu_disk disks[] = {
        {.format = "qcow2", .size = SMALL},
        {.format = "raw", .size = SMALL},
        {.format = "qcow2", .size = SMALL, .options = "compat=0.10"}};
    struct lab_request req;
    struct lab lab;

    (void)state;
    lab_prepare(&lab, disks, 3);
    lab_launch(&lab);
    add_bitmap(&lab, "d0", "there", false);
    add_bitmap(&lab, "d0", "off", true);

    lab_request_init(&req, &lab, "t", NULL, "cp");
    refused(&lab, &req, ERR_UNSUPPORTED, "disk d1: its format (raw) cannot hold a checkpoint");
    lab_request_init(&req, &lab, "t", NULL, "cp");
    req.disks[1].track = false;
    refused(&lab, &req, ERR_UNSUPPORTED, "disk d2: its format (qcow2) cannot hold a checkpoint");
    lab_request_init(&req, &lab, "t", NULL, "there");
    refused(&lab, &req, ERR_EXISTS, "disk d0: checkpoint 'there' exists already");
    lab_request_init(&req, &lab, "t", "nope", NULL);
    refused(&lab, &req, ERR_NOTFOUND, "disk d0: checkpoint 'nope' is not there");
    lab_request_init(&req, &lab, "t", "off", NULL);
    refused(&lab, &req, ERR_CORRUPT, "disk d0: checkpoint 'off' does not record");
    lab_request_init(&req, &lab, "t", NULL, NULL);
    req.disks[2].name = "vdz";
    refused(&lab, &req, ERR_NOTFOUND, "no disk 'vdz'");
    lab_request_init(&req, &lab, "t", NULL, NULL);
    req.disks[2].name = "d0";
    refused(&lab, &req, ERR_INVALID, "disk d0 is named twice");
    lab_request_init(&req, &lab, "t", NULL, NULL);
    req.r.mode = MODE_PULL;
    req.r.server = (struct backup_address){.transport = TRANSPORT_UNIX, .socket = "nbd.sock"};
    refused(&lab, &req, ERR_INVALID, "server: socket 'nbd.sock' is not an absolute path");
    lab_request_init(&req, &lab, "not/a/tag", NULL, NULL);
    req.targets[0][0] = 'x';
    refused(&lab, &req, ERR_INVALID, "tag 'not/a/tag'");
    lab_request_init(&req, &lab, "t", NULL, NULL);
    req.r.reuse_external = true;
    refused(&lab, &req, ERR_NOTFOUND, "does not exist");
    lab_request_init(&req, &lab, "t", NULL, NULL);
    req.r.quiesce = QUIESCE_REQUIRE;
    refused(&lab, &req, ERR_UNSUPPORTED, "quiesce the guest: no guest agent");
    lab_done(&lab);
}

/* The second disk's target cannot be made: the first one's is taken away again. */
static void target_that_exists(void **state)
{
    struct lab_request req;
    struct lab lab;
    struct err err;
    char *text = NULL;

    (void)state;
    lab_start(&lab, 2);
    lab_request_init(&req, &lab, "t", NULL, "cp");
    assert_int_equal(write_file_durably(req.targets[1], "mine", 4, 0600, &err), 0);
    err = lab_begin(&lab, &req.r, NULL);
    assert_err(&err, ERR_EXISTS, "disk d1: target");
    assert_false(path_exists(req.targets[0]));
    assert_int_equal(read_file(req.targets[1], 100, &text, NULL, &err), 0);
    assert_string_equal(text, "mine");
    free(text);

    /* Made by the caller, but no qcow2: what was opened before is closed. */
    assert_int_equal(write_file_durably(req.targets[0], "mine", 4, 0600, &err), 0);
    req.r.reuse_external = req.r.made_empty = true;
    err = lab_begin(&lab, &req.r, NULL);
    assert_err(&err, ERR_REMOTE, "disk d0: open ");
    lab_count_nodes(&lab);
    assert_false(has_bitmap(&lab, "d0", "cp"));

    /* Of another size: the transaction fails, with both disks' checkpoint. */
    for (int i = 0; i < 2; i++) {
        unlink(req.targets[i]);
        TEST_RUN("qemu-img", "create", "-q", "-f", "qcow2", req.targets[i], i ? "8M" : "16M");
    }
    err = lab_begin(&lab, &req.r, NULL);
    assert_err(&err, ERR_INVALID, "a target is not of its disk's size: disk d0 has 16777216 bytes");
    lab_count_nodes(&lab);
    assert_false(has_bitmap(&lab, "d0", "cp"));
    assert_true(path_exists(req.targets[0]));
    lab_request_done(&req);
    lab_done(&lab);
}

static void abort_and_forget(void **state)
{
    struct lab_request req;
    struct hv_job_stats stats;
    struct domain_facts *f;
    struct lab lab;
    struct err err;

    (void)state;
    lab_start(&lab, 2);
    begin_slowly(&lab, "7-1", "cp");
    stats = lab_stats(&lab, "7-1");
    assert_int_equal(stats.state, HVJOB_RUNNING);
    assert_int_equal(stats.bytes_total, 2 * SMALL);
    assert_int_equal(lab_stats(&lab, "7").state, HVJOB_NONE);
    f = lab_look(&lab);
    assert_string_equal(f->job_tag, "7-1");
    assert_null(f->foreign_job);
    assert_int_equal(f->disks.n, 2);
    assert_string_equal(f->disks.items[0].name, "d0");
    assert_false(f->disks.items[0].busy);
    domain_facts_free(f);
    lab_request_init(&req, &lab, "8", NULL, NULL);
    err = lab_begin(&lab, &req.r, NULL);
    assert_err(&err, ERR_BUSY, "backup job 7-1 runs");
    lab_request_done(&req);
    err = lab_forget(&lab, "7-1");
    assert_err(&err, ERR_BUSY, "still runs");

    err = lab_abort(&lab, "7-1");
    assert_ok(&err);
    lab_count_nodes(&lab);
    stats = lab_stats(&lab, "7-1");
    assert_int_equal(stats.state, HVJOB_CANCELED);
    assert_int_equal(stats.err.code, ERR_CANCELED);
    for (int i = 0; i < 2; i++) {
        err = lab_abort(&lab, "7-1");
        assert_ok(&err);
        err = lab_forget(&lab, "7-1");
        assert_ok(&err);
        assert_int_equal(lab_stats(&lab, "7-1").state, HVJOB_NONE);
        /* The checkpoint is none of the job's business. */
        assert_int_equal(has_bitmap(&lab, "d1", "cp"), i == 0);
        err = lab_checkpoint_delete(&lab, "cp");
        assert_ok(&err);
    }
    lab_done(&lab);
}

/* A file system of its own for the target of d1, too small for it. */
static void mount_small(const char *dir)
{
    assert_int_equal(mount("tmpfs", dir, "tmpfs", 0, "size=2M"), 0);
}

static void full_target(void **state)
{
    struct lab_request req;
    struct hv_job_stats stats;
    CLEANUP_FREE char *small = NULL, *target = NULL;
    struct lab lab;
    struct err err;

    (void)state;
    lab_start(&lab, 2);
    small = test_qemu_path(&lab.qemu, "small");
    assert_int_equal(mkdir_all(small, 0700, &err), 0);
    mount_small(small);
    test_qemu_write(&lab.qemu, 0, 1, 0, 8 << 20);
    test_qemu_write(&lab.qemu, 1, 1, 0, 8 << 20);
    lab_request_init(&req, &lab, "f", NULL, "cp");
    target = xasprintf("%s/t.qcow2", small);
    req.disks[1].place.path = target;
    err = lab_begin(&lab, &req.r, NULL);
    assert_ok(&err);
    stats = lab_wait_end(&lab, "f");
    assert_int_equal(stats.state, HVJOB_FAILED);
    assert_err(&stats.err, ERR_NOSPACE, "disk d1: No space left on device");
    lab_count_nodes(&lab);
    assert_int_equal(lab_stats(&lab, "f").state, HVJOB_FAILED);
    err = lab_forget(&lab, "f");
    assert_ok(&err);
    lab_request_done(&req);
    lab_stop_driver(&lab);
    test_qemu_quit(&lab.qemu);
    assert_int_equal(umount2(small, MNT_DETACH), 0);
    lab_done(&lab);
}

/* The copy is done, but its target cannot be written out: a failed flush makes no complete
 * image. */
static void target_that_cannot_be_flushed(void **state)
{
    struct hv_job_stats stats;
    struct lab lab;
    struct err err;

    (void)state;
    lab_start(&lab, 1);
    test_qemu_write(&lab.qemu, 0, 1, 0, 1 << 20);
    begin_slowly(&lab, "s", NULL);
    test_qemu_do(&lab.qemu, "blockdev-add",
                 json_pack("{s:s, s:s, s:s, s:[{s:s, s:i, s:b}]}", "driver", "blkdebug",
                           "node-name", "flaky", "image", "vk-s-0f", "inject-error", "event",
                           "flush_to_disk", "errno", ENOSPC, "once", 0));
    test_qemu_do(&lab.qemu, "blockdev-reopen",
                 json_pack("{s:[{s:s, s:s, s:s, s:n}]}", "options", "driver", "qcow2", "node-name",
                           "vk-s-0", "file", "flaky", "backing"));
    speed_up(&lab);
    for (int i = 0; i < 2; i++) { /* whoever asks again is told the same */
        stats = lab_wait_end(&lab, "s");
        assert_int_equal(stats.state, HVJOB_FAILED);
        assert_err(&stats.err, ERR_NOSPACE, "write out the images: ");
    }
    err = lab_forget(&lab, "s");
    assert_err(&err, ERR_REMOTE, "close what the backup used: "); /* the flaky node is on it, too */
    test_qemu_do(&lab.qemu, "blockdev-del", json_pack("{s:s}", "node-name", "flaky"));
    err = lab_forget(&lab, "s");
    assert_ok(&err);
    assert_int_equal(lab_stats(&lab, "s").state, HVJOB_NONE);
    lab_count_nodes(&lab);
    lab_done(&lab);
}

/* A QEMU that somebody has stopped takes no client, and is no shut-off one. */
static void stopped_by_a_signal(void **state)
{
    struct domain_facts *f;
    struct lab lab;

    (void)state;
    lab_start(&lab, 1);
    lab_stop_driver(&lab);
    kill(lab.qemu.pid, SIGSTOP);
    lab_start_driver(&lab);
    for (int i = 0; i < 2; i++) { /* then the socket's queue is full, too */
        f = lab_look(&lab);
        assert_int_equal(f->state, DOMAIN_UNREACHABLE);
        if (!strstr(f->problem, ": QEMU is stopped (process "))
            fail_msg("%s", f->problem);
        domain_facts_free(f);
    }
    kill(lab.qemu.pid, SIGCONT);
    f = lab_look(&lab);
    assert_int_equal(f->state, DOMAIN_PAUSED);
    domain_facts_free(f);
    lab_done(&lab);
}

/* QEMU serves one client a monitor. */
static void monitor_in_use(void **state)
{
    struct domain_facts *f;
    struct lab lab;
    int other;
    struct err err;

    (void)state;
    lab_start(&lab, 1);
    lab_stop_driver(&lab);
    other = stream_connect(lab.qemu.qmp, &err);
    assert_true(other >= 0);
    lab_start_driver(&lab);
    f = lab_look(&lab);
    assert_int_equal(f->state, DOMAIN_UNREACHABLE);
    if (!strstr(f->problem, "in use by another client"))
        fail_msg("%s", f->problem);
    domain_facts_free(f);
    close(other);
    f = lab_look(&lab);
    assert_int_equal(f->state, DOMAIN_PAUSED);
    domain_facts_free(f);

    test_qemu_quit(&lab.qemu);
    unlink(lab.qemu.qmp);
    domain_facts_free(lab_look(&lab)); /* sees that the connection is lost */
    f = lab_look(&lab);
    assert_int_equal(f->state, DOMAIN_SHUTOFF);
    assert_non_null(strstr(f->problem, "nothing is at "));
    assert_non_null(strstr(f->problem, " any more: its QEMU has ended"));
    domain_facts_free(f);
    lab_done(&lab);
}

static void on_end(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)w;
    (void)revents;
    ev_break(loop, EVBREAK_ALL);
}

static void idle(void **state)
{
    unsigned int turns;
    ev_timer end;
    struct lab lab;

    (void)state;
    lab_start(&lab, 1);
    domain_facts_free(lab_look(&lab));
    ev_run(EV_DEFAULT, EVRUN_NOWAIT);
    ev_timer_init(&end, on_end, 1, 0);
    ev_timer_start(EV_DEFAULT, &end);
    turns = ev_iteration(EV_DEFAULT);
    ev_run(EV_DEFAULT, 0);
    assert_true(ev_iteration(EV_DEFAULT) - turns <= 2);
    lab_done(&lab);
}

static void killed_qemu(void **state)
{
    struct hv_job_stats stats;
    struct domain_facts *f;
    struct lab_request req;
    struct lab lab;
    struct err err;
    int domain_events, job_events;

    (void)state;
    lab_start(&lab, 2);
    err = lab_checkpoint_create(&lab, "old", "d0", "d1");
    assert_ok(&err);
    test_qemu_quit(&lab.qemu); /* saves it */
    test_qemu_start(&lab.qemu);
    domain_facts_free(lab_look(&lab)); /* sees that the old connection is lost */
    begin_slowly(&lab, "k", "new");
    domain_events = lab.domain_events;
    job_events = lab.job_events;
    test_qemu_kill(&lab.qemu);
    lab_wait_job_event(&lab, job_events);
    assert_true(lab.domain_events > domain_events);
    err = lab_try_stats(&lab, "k", &stats);
    assert_err(&err, ERR_REMOTE, "shut off");
    f = lab_look(&lab);
    assert_int_equal(f->state, DOMAIN_SHUTOFF);
    assert_non_null(strstr(f->problem, "nobody listens at "));
    domain_facts_free(f);
    err = lab_abort(&lab, "k");
    assert_ok(&err);
    err = lab_forget(&lab, "k");
    assert_ok(&err);
    lab_request_init(&req, &lab, "n", "old", NULL);
    err = lab_begin(&lab, &req.r, NULL);
    assert_err(&err, ERR_UNSUPPORTED, "shut off");
    err = lab_checkpoint_delete(&lab, "old");
    assert_err(&err, ERR_REMOTE, "shut off");

    test_qemu_start(&lab.qemu);
    assert_int_equal(lab_stats(&lab, "k").state, HVJOB_NONE);
    assert_false(has_bitmap(&lab, "d0", "new"));
    err = lab_begin(&lab, &req.r, NULL);
    assert_err(&err, ERR_CORRUPT, "disk d0: checkpoint 'old' is inconsistent");
    err = lab_checkpoint_delete(&lab, "old");
    assert_ok(&err);
    assert_false(has_bitmap(&lab, "d0", "old") || has_bitmap(&lab, "d1", "old"));
    lab_request_done(&req);
    lab_done(&lab);
}

static void new_driver(void **state)
{
    struct hv_job_stats stats;
    CLEANUP_FREE char *ref = NULL, *target = NULL;
    struct lab lab;
    struct err err;
    int job_events;

    (void)state;
    lab_start(&lab, 2);
    test_qemu_write(&lab.qemu, 1, 5, 1 << 20, 3 << 20);
    ref = test_qemu_reference(&lab.qemu, 1, "ref");
    /* It finds a job that runs, and hears of its end ... */
    begin_slowly(&lab, "r1", NULL);
    lab_restart_driver(&lab);
    assert_int_equal(lab_stats(&lab, "r1").state, HVJOB_RUNNING);
    speed_up(&lab);
    stats = lab_wait_end(&lab, "r1");
    assert_int_equal(stats.state, HVJOB_COMPLETED);
    target = lab_target(&lab, "r1", 1);
    assert_true(test_same_contents(ref, target));
    err = lab_forget(&lab, "r1");
    assert_ok(&err);
    /* ... and one that has ended while nobody was there. */
    begin_slowly(&lab, "r2", NULL);
    lab_stop_driver(&lab);
    speed_up(&lab);
    wait_concluded(&lab);
    job_events = lab.job_events;
    lab_start_driver(&lab);
    lab_wait_job_event(&lab, job_events);
    stats = lab_stats(&lab, "r2");
    assert_int_equal(stats.state, HVJOB_COMPLETED);
    lab_done(&lab);
}

static void things_of_others(void **state)
{
    struct lab_request req;
    struct domain_facts *f;
    struct lab lab;
    struct err err;

    (void)state;
    lab_start(&lab, 2);
    add_bitmap(&lab, "d0", "theirs", false);
    lab_backup(&lab, "o1", NULL, "cp");
    err = lab_checkpoint_delete(&lab, "cp");
    assert_ok(&err);
    assert_true(has_bitmap(&lab, "d0", "theirs"));

    test_qemu_do(
        &lab.qemu, "blockdev-add",
        json_pack("{s:s, s:s, s:i}", "driver", "null-co", "node-name", "n", "size", (int)SMALL));
    test_qemu_do(&lab.qemu, "blockdev-mirror",
                 json_pack("{s:s, s:s, s:s, s:s, s:i}", "job-id", "mirror0", "device", "d1",
                           "target", "n", "sync", "full", "speed", SLOW));
    f = lab_look(&lab);
    assert_string_equal(f->foreign_job, "block job 'mirror0' on disk d1");
    assert_true(domain_facts_disk(f, "d1")->busy);
    assert_false(domain_facts_disk(f, "d0")->busy);
    assert_null(f->job_tag);
    domain_facts_free(f);
    lab_request_init(&req, &lab, "o2", NULL, NULL);
    refused(&lab, &req, ERR_BUSY, "block job 'mirror0' on disk d1 runs");
    lab_done(&lab);
}

static void checkpoints_alone(void **state)
{
    struct domain_facts *f;
    const struct bitmap_facts *bitmap;
    struct lab lab;
    struct err err;

    (void)state;
    lab_start(&lab, 2);
    err = lab_checkpoint_create(&lab, "cp", "d0", "d9");
    assert_err(&err, ERR_NOTFOUND, "no disk 'd9'");
    err = lab_checkpoint_create(&lab, "no/name", "d0", "d1");
    assert_err(&err, ERR_INVALID, "no/name");
    err = lab_checkpoint_create(&lab, "cp", "d0", "d1");
    assert_ok(&err);
    err = lab_checkpoint_create(&lab, "cp", "d0", "d1");
    assert_err(&err, ERR_EXISTS, "disk d0: checkpoint 'cp'");
    test_qemu_write(&lab.qemu, 1, 9, 0, 65536);
    f = lab_look(&lab);
    bitmap = disk_facts_bitmap(domain_facts_disk(f, "d1"), "cp");
    assert_true(bitmap->recording && !bitmap->busy && !bitmap->inconsistent);
    assert_int_equal(bitmap->dirty, 65536);
    domain_facts_free(f);
    lab_done(&lab);
}

/* A beginning that broke off (the daemon died) leaves nodes without a job: they are found, and
 * go. */
static void broken_off(void **state)
{
    CLEANUP_FREE char *target = NULL;
    struct domain_facts *f;
    struct lab lab;
    struct err err;

    (void)state;
    lab_start(&lab, 1);
    target = lab_target(&lab, "b-1", 0);
    TEST_RUN("qemu-img", "create", "-q", "-f", "qcow2", target, "16M");
    test_qemu_do(&lab.qemu, "blockdev-add",
                 json_pack("{s:s, s:s, s:s}", "driver", "file", "node-name", "vk-b-1-0f",
                           "filename", target));
    test_qemu_do(&lab.qemu, "blockdev-add",
                 json_pack("{s:s, s:s, s:s}", "driver", "qcow2", "node-name", "vk-b-1-0", "file",
                           "vk-b-1-0f"));
    f = lab_look(&lab);
    assert_string_equal(f->job_tag, "b-1");
    domain_facts_free(f);
    err = lab_abort(&lab, "b-1");
    assert_ok(&err);
    err = lab_forget(&lab, "b-1");
    assert_ok(&err);
    f = lab_look(&lab);
    assert_null(f->job_tag);
    domain_facts_free(f);
    lab_count_nodes(&lab);
    lab_done(&lab);
}

/* Mounts of ours are seen by nobody else, and go when we do. */
static void own_mounts(void)
{
    assert_int_equal(unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS), 0);
    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals),
        cmocka_unit_test(target_that_exists),
        cmocka_unit_test(abort_and_forget),
        cmocka_unit_test(full_target),
        cmocka_unit_test(killed_qemu),
        cmocka_unit_test(new_driver),
        cmocka_unit_test(things_of_others),
        cmocka_unit_test(checkpoints_alone),
        cmocka_unit_test(target_that_cannot_be_flushed),
        cmocka_unit_test(monitor_in_use),
        cmocka_unit_test(stopped_by_a_signal),
        cmocka_unit_test(idle),
        cmocka_unit_test(broken_off),
    };

    own_mounts();
    ev_default_loop(0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

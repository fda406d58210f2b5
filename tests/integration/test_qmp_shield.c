/* SPDX-License-Identifier: MIT
 *
 * Guest-safe pushes, on a real QEMU: into files and to NBD servers. */
#include "tests/support/test.h"

#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "tests/integration/shield_support.h"

static void push_chain(void **state)
{
    struct shield_lab s;
    struct hv_job_stats stats;
    char *full[2], *increment[2];
    struct err err;

    (void)state;
    shield_start(&s, 2);
    want_push(&s, "full", NULL, "cp1");
    s.req.r.bandwidth = 4 * MIB;
    begin(&s);
    for (size_t i = 0; i < 2; i++)
        full[i] = references(&s, i, "full");
    guest_writes(&s, 2); /* while it copies */
    stats = lab_stats(&s.lab, "full");
    assert_int_equal(stats.state, HVJOB_RUNNING);
    assert_int_equal(stats.temp_total, 2 * SMALL);
    assert_true(stats.temp_used > 0);
    stats = lab_wait_end(&s.lab, "full");
    assert_ok(&stats.err);
    assert_int_equal(stats.state, HVJOB_COMPLETED);
    assert_clean(&s);
    err = lab_forget(&s.lab, "full");
    assert_ok(&err);
    for (size_t i = 0; i < 2; i++)
        assert_true(test_same_contents(full[i], s.req.targets[i]));
    lab_request_done(&s.req);

    want_push(&s, "inc", "cp1", "cp2");
    begin(&s);
    for (size_t i = 0; i < 2; i++)
        increment[i] = references(&s, i, "inc");
    guest_writes(&s, 3);
    stats = lab_wait_end(&s.lab, "inc");
    assert_ok(&stats.err);
    assert_true(stats.bytes_total <= 2 * (MIB + MIB / 2 + 65536)); /* what changed, no more */
    err = lab_forget(&s.lab, "inc");
    assert_ok(&err);
    for (size_t i = 0; i < 2; i++) {
        CLEANUP_FREE char *below = lab_target(&s.lab, "full", i);

        TEST_RUN("qemu-img", "rebase", "-u", "-F", "qcow2", "-b", below, s.req.targets[i]);
        assert_true(test_same_contents(increment[i], s.req.targets[i]));
        free(full[i]);
        free(increment[i]);
    }
    assert_clean(&s);
    assert_guest_unharmed(&s);
    shield_done(&s);
}

/* What QEMU 7.2 gets wrong in larger reads of a snapshot: clusters that were kept beside such
 * that were not. */
static void push_of_scattered(void **state)
{
    CLEANUP_FREE char *reference = NULL;
    struct hv_job_stats stats;
    struct shield_lab s;

    (void)state;
    shield_start(&s, 1);
    want_push(&s, "full", NULL, NULL);
    s.req.r.bandwidth = MIB;
    begin(&s);
    reference = references(&s, 0, "full");
    guest_scatters(&s);
    test_qemu_do(&s.lab.qemu, "block-job-set-speed",
                 json_pack("{s:s, s:i}", "device", "vmkeep-full-0.d0", "speed", 0));
    stats = lab_wait_end(&s.lab, "full");
    assert_ok(&stats.err);
    assert_true(test_same_contents(reference, s.req.targets[0]));
    assert_clean(&s);
    assert_guest_unharmed(&s);
    shield_done(&s);
}

static void begin_push_slowly(struct shield_lab *s)
{
    want_push(s, "slow", NULL, "cp");
    s->req.r.bandwidth = 65536;
    begin(s);
}

static void push_aborted(void **state)
{
    struct shield_lab s;
    struct err err;

    (void)state;
    shield_start(&s, 2);
    begin_push_slowly(&s);
    err = lab_abort(&s.lab, "slow");
    assert_ok(&err);
    assert_int_equal(lab_stats(&s.lab, "slow").state, HVJOB_CANCELED);
    err = lab_forget(&s.lab, "slow");
    assert_ok(&err);
    assert_int_equal(lab_stats(&s.lab, "slow").state, HVJOB_NONE);
    assert_clean(&s);
    assert_guest_unharmed(&s);
    shield_done(&s);
}

/* A new daemon finds the copy, and takes everything away when it has ended. */
static void push_seen_by_another(void **state)
{
    struct shield_lab s;
    struct domain_facts *f;
    struct err err;

    (void)state;
    shield_start(&s, 2);
    begin_push_slowly(&s);
    lab_restart_driver(&s.lab);
    f = lab_look(&s.lab);
    assert_string_equal(f->job_tag, "slow");
    assert_string_equal(f->disks.items[0].name, "d0"); /* not a filter's name */
    domain_facts_free(f);
    guest_writes(&s, 7);
    err = lab_abort(&s.lab, "slow");
    assert_ok(&err);
    err = lab_forget(&s.lab, "slow");
    assert_ok(&err);
    assert_clean(&s);
    assert_guest_unharmed(&s);
    shield_done(&s);
}

static void push_scratch_full(void **state)
{
    struct shield_lab s;
    struct hv_job_stats stats;

    (void)state;
    shield_start(&s, 2);
    mount_small(s.scratch);
    want_push(&s, "slow", NULL, "cp");
    s.req.r.bandwidth = 4 * MIB;
    begin(&s);
    for (size_t i = 0; i < 2; i++)
        test_qemu_write(&s.lab.qemu, i, 9, 2 * MIB, 6 * MIB);
    stats = lab_wait_end(&s.lab, "slow");
    assert_int_equal(stats.state, HVJOB_FAILED);
    assert_err(&stats.err, ERR_NOSPACE, "disk d");
    assert_non_null(strstr(stats.err.msg, ": the scratch space is full or too slow"));
    assert_int_equal(umount2(s.scratch, MNT_DETACH), 0);
    assert_clean(&s);
    assert_guest_unharmed(&s);
    shield_done(&s);
}

static void push_target_full(void **state)
{
    CLEANUP_FREE char *small = NULL, *target = NULL;
    struct hv_job_stats stats;
    struct shield_lab s;
    struct err err;

    (void)state;
    shield_start(&s, 2);
    small = test_qemu_path(&s.lab.qemu, "small");
    target = xasprintf("%s/t.qcow2", small);
    assert_int_equal(mkdir_all(small, 0700, &err), 0);
    mount_small(small);
    want_push(&s, "f", NULL, "cp");
    s.req.disks[1].place.path = target;
    s.req.r.bandwidth = MIB;
    begin(&s);
    guest_writes(&s, 4);
    stats = lab_wait_end(&s.lab, "f");
    assert_int_equal(stats.state, HVJOB_FAILED);
    assert_err(&stats.err, ERR_NOSPACE, "disk d1: No space left on device");
    guest_writes(&s, 5);
    assert_clean(&s);
    assert_int_equal(umount2(small, MNT_DETACH), 0);
    assert_guest_unharmed(&s);
    shield_done(&s);
}

/* Without room for scratch space the copy goes on, unprotected, and says so. */
static void push_without_scratch(void **state)
{
    struct hv_job_stats stats;
    struct shield_lab s;
    struct err err;

    (void)state;
    shield_start(&s, 2);
    want_push(&s, "u", NULL, "cp");
    s.req.r.scratch = "/nonexistent/scratch";
    err = lab_begin(&s.lab, &s.req.r, &s.begun);
    assert_ok(&err);
    assert_false(s.begun.guest_safe);
    assert_string_equal(s.begun.unsafe, "scratch space: create /nonexistent/scratch/0.qcow2: "
                                        "No such file or directory");
    stats = lab_wait_end(&s.lab, "u");
    assert_ok(&stats.err);
    assert_int_equal(stats.state, HVJOB_COMPLETED);
    for (size_t i = 0; i < 2; i++)
        assert_true(test_same_contents(s.lab.qemu.refs[i], s.req.targets[i]));
    assert_clean(&s);
    shield_done(&s);
}

/* A filter that cannot be put in: the second disk's name for it is taken. */
static void push_falls_back(void **state)
{
    struct hv_job_stats stats;
    struct shield_lab s;
    struct err err;

    (void)state;
    shield_start(&s, 2);
    want_push(&s, "u", NULL, "cp");
    s.req.r.bandwidth = 0;
    test_qemu_do(
        &s.lab.qemu, "blockdev-add",
        json_pack("{s:s, s:s, s:i}", "driver", "null-co", "node-name", "vk-u-1c", "size", 512));
    err = lab_begin(&s.lab, &s.req.r, &s.begun);
    assert_ok(&err);
    assert_false(s.begun.guest_safe);
    assert_non_null(strstr(s.begun.unsafe, "disk d1: put a filter above d1: "));
    stats = lab_wait_end(&s.lab, "u");
    assert_ok(&stats.err);
    for (size_t i = 0; i < 2; i++)
        assert_true(test_same_contents(s.lab.qemu.refs[i], s.req.targets[i]));
    assert_clean(&s);
    shield_done(&s);
}

/* ---- push to an NBD server ---- */

static void push_to_server(void **state)
{
    CLEANUP_FREE char *reference = NULL;
    struct hv_job_stats stats;
    struct server server;
    struct shield_lab s;

    (void)state;
    shield_start(&s, 1);
    serve(&server, &s, "16M");
    want_push_to(&s, &server, "net");
    begin(&s);
    reference = references(&s, 0, "net");
    guest_writes(&s, 6);
    stats = lab_wait_end(&s.lab, "net");
    assert_ok(&stats.err);
    assert_int_equal(stats.state, HVJOB_COMPLETED);
    assert_clean(&s);
    TEST_RUN("cmp", server.image, reference);
    server_done(&server, SIGTERM);
    assert_guest_unharmed(&s);
    shield_done(&s);
}

/* The server stops in the middle, without a word.  The guest does not notice, and the copy can be
 * ended. */
static void push_to_server_that_hangs(void **state)
{
    struct server server;
    struct shield_lab s;
    struct err err;

    (void)state;
    shield_start(&s, 1);
    serve(&server, &s, "16M");
    want_push_to(&s, &server, "net");
    begin(&s);
    kill(server.pid, SIGSTOP);
    guest_writes(&s, 6);
    assert_int_equal(lab_stats(&s.lab, "net").state, HVJOB_RUNNING);
    err = lab_abort(&s.lab, "net");
    assert_ok(&err);
    guest_writes(&s, 7);
    err = lab_forget(&s.lab, "net");
    assert_ok(&err);
    assert_clean(&s);
    server_done(&server, SIGKILL);
    assert_guest_unharmed(&s);
    shield_done(&s);
}

/* It stops when the copy has ended, and QEMU has still to write out and close what it has there.
 * Its main loop waits for that, and the guest with it, but not for long. */
static void push_to_server_that_stops_at_the_end(struct shield_lab *s, struct server *server)
{
    time_t since;
    struct hv_job_stats stats;
    struct err err;

    begin(s);
    for (;;) {
        json_t *jobs = test_qemu_command(&s->lab.qemu, "query-jobs", NULL);
        json_t *status = json_object_get(json_array_get(jobs, 0), "status");
        bool ended = strcmp(json_string_value(status), "concluded") == 0;

        json_decref(jobs);
        if (ended)
            break;
        usleep(10000);
    }
    kill(server->pid, SIGSTOP);
    since = time(NULL);
    stats = lab_wait_end(&s->lab, "net");
    guest_writes(s, 6);
    assert_in_range(time(NULL) - since, 0, 29);
    assert_int_equal(stats.state, HVJOB_FAILED);
    assert_err(&stats.err, ERR_TIMEOUT, "an NBD server did not confirm");
    /* Whoever asks again is told the same. */
    stats = lab_stats(&s->lab, "net");
    assert_err(&stats.err, ERR_TIMEOUT, "an NBD server did not confirm");
    err = lab_forget(&s->lab, "net");
    assert_ok(&err);
    assert_clean(s);
    server_done(server, SIGKILL);
    assert_guest_unharmed(s);
    shield_done(s);
}

static void push_over_tcp_to_server_that_stops_at_the_end(void **state)
{
    struct server server;
    struct shield_lab s;

    (void)state;
    shield_start(&s, 1);
    serve(&server, &s, "16M");
    want_push_to(&s, &server, "net");
    push_to_server_that_stops_at_the_end(&s, &server);
}

static void push_over_unix_to_server_that_stops_at_the_end(void **state)
{
    CLEANUP_FREE char *path = NULL;
    struct server server;
    struct shield_lab s;

    (void)state;
    shield_start(&s, 1);
    path = test_qemu_path(&s.lab.qemu, "server.sock");
    serve_on(&server, &s, "16M", path);
    want_push_to(&s, &server, "net");
    s.req.disks[0].place.peer =
        (struct backup_address){.transport = TRANSPORT_UNIX, .socket = path};
    push_to_server_that_stops_at_the_end(&s, &server);
}

static void push_to_server_that_dies(void **state)
{
    struct hv_job_stats stats;
    struct server server;
    struct shield_lab s;

    (void)state;
    shield_start(&s, 1);
    serve(&server, &s, "16M");
    want_push_to(&s, &server, "net");
    begin(&s);
    server_done(&server, SIGKILL);
    guest_writes(&s, 6);
    stats = lab_wait_end(&s.lab, "net");
    assert_int_equal(stats.state, HVJOB_FAILED);
    assert_err(&stats.err, ERR_IO, "disk d0: Input/output error");
    assert_clean(&s);
    assert_guest_unharmed(&s);
    shield_done(&s);
}

/* ---- encryption ---- */

static void encrypt(struct shield_lab *s, const char *file)
{
    for (size_t i = 0; i < s->lab.qemu.n_disks; i++) {
        s->req.disks[i].place.encryption.secret = "backup";
        s->req.disks[i].place.encryption.secret_file = file;
    }
}

static void push_encrypted(void **state)
{
    CLEANUP_FREE char *secret = NULL, *check = NULL, *reference = NULL;
    struct hv_job_stats stats;
    struct shield_lab s;
    struct err err;

    (void)state;
    shield_start(&s, 1);
    secret = test_qemu_path(&s.lab.qemu, "secret");
    want_push(&s, "luks", NULL, "cp");
    encrypt(&s, secret);
    err = lab_begin(&s.lab, &s.req.r, &s.begun);
    assert_int_not_equal(err.code, ERR_NONE); /* no such file */
    assert_clean(&s);
    assert_int_equal(access(s.req.targets[0], F_OK), -1);
    assert_int_equal(write_file_durably(secret, "open sesame", 11, 0600, &err), 0);
    begin(&s);
    reference = references(&s, 0, "luks");
    guest_writes(&s, 6);
    stats = lab_wait_end(&s.lab, "luks");
    assert_ok(&stats.err);
    assert_int_equal(stats.state, HVJOB_COMPLETED);
    assert_clean(&s);
    check = xasprintf("qemu-img info %s | grep -q 'encrypted: yes' && "
                      "qemu-img convert --object secret,id=s,file=%s --image-opts "
                      "driver=qcow2,file.filename=%s,encrypt.key-secret=s -O raw %s.raw && "
                      "cmp %s.raw %s",
                      s.req.targets[0], secret, s.req.targets[0], s.req.targets[0],
                      s.req.targets[0], reference);
    TEST_RUN("sh", "-c", check);
    shield_done(&s);
}

/* A disk that a thread of its own serves. */
static void push_with_iothread(void **state)
{
    const struct test_qemu_disk disk = {.format = "qcow2", .size = SMALL};
    CLEANUP_FREE char *reference = NULL;
    struct hv_job_stats stats;
    struct shield_lab s = {0};

    (void)state;
    lab_prepare(&s.lab, &disk, 1);
    s.lab.qemu.object = "iothread,id=io";
    s.lab.qemu.device_options = ",iothread=io";
    lab_launch(&s.lab);
    test_qemu_do(&s.lab.qemu, "cont", NULL); /* the thread takes the disk over */
    shield_launched(&s);
    want_push(&s, "io", NULL, "cp");
    s.req.r.bandwidth = 8 * MIB;
    begin(&s);
    reference = references(&s, 0, "io");
    guest_writes(&s, 6);
    stats = lab_wait_end(&s.lab, "io");
    assert_ok(&stats.err);
    assert_int_equal(stats.state, HVJOB_COMPLETED);
    assert_clean(&s);
    assert_true(test_same_contents(reference, s.req.targets[0]));
    assert_guest_unharmed(&s);
    shield_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(push_chain),
        cmocka_unit_test(push_of_scattered),
        cmocka_unit_test(push_aborted),
        cmocka_unit_test(push_seen_by_another),
        cmocka_unit_test(push_scratch_full),
        cmocka_unit_test(push_target_full),
        cmocka_unit_test(push_without_scratch),
        cmocka_unit_test(push_falls_back),
        cmocka_unit_test(push_to_server),
        cmocka_unit_test(push_to_server_that_hangs),
        cmocka_unit_test(push_over_tcp_to_server_that_stops_at_the_end),
        cmocka_unit_test(push_over_unix_to_server_that_stops_at_the_end),
        cmocka_unit_test(push_to_server_that_dies),
        cmocka_unit_test(push_encrypted),
        cmocka_unit_test(push_with_iothread),
    };

    own_mounts();
    ev_default_loop(0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Pulls from a real QEMU, read with nbdcopy, nbdinfo and qemu-img. */
#include "tests/support/test.h"

#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "tests/integration/shield_support.h"

static void pull_chain(void **state)
{
    CLEANUP_FREE char *map = NULL;
    char *full[2];
    struct shield_lab s;
    struct hv_job_stats stats;
    struct err err;

    (void)state;
    shield_start(&s, 2);
    want_pull(&s, "full", NULL, "cp1");
    begin(&s);
    for (size_t i = 0; i < 2; i++)
        full[i] = references(&s, i, "full");
    guest_writes(&s, 2);
    for (size_t i = 0; i < 2; i++) {
        CLEANUP_FREE char *reference = full[i], *where = uri(&s, i);

        assert_export_is(&s, where, reference);
        assert_export_is(&s, where, reference); /* again, by another client */
    }
    stats = lab_stats(&s.lab, "full");
    assert_int_equal(stats.state, HVJOB_RUNNING);
    assert_int_equal(stats.mode, MODE_PULL);
    assert_int_equal(stats.temp_total, 2 * SMALL);
    assert_true(stats.temp_used > 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(access(s.req.targets[i], F_OK), -1); /* scratch has no name */
    err = lab_abort(&s.lab, "full");
    assert_ok(&err);
    assert_int_equal(lab_stats(&s.lab, "full").state, HVJOB_NONE);
    assert_clean(&s);
    assert_int_equal(access(s.socket, F_OK), -1);
    lab_request_done(&s.req);

    want_pull(&s, "inc", "cp1", "cp2");
    begin(&s);
    test_qemu_write(&s.lab.qemu, 0, 9, 5 * MIB, MIB); /* after the instant: of no interest */
    map = xasprintf("nbdinfo --map=qemu:dirty-bitmap:backup-d0 'nbd+unix:///d0?socket=%s' | "
                    "awk '$3 == 1 { print $1, $2 }' > %s.map && printf '%%s\\n' "
                    "'1048576 1048576' '3145728 524288' '12582912 65536' | cmp - %s.map",
                    s.socket, s.socket, s.socket);
    TEST_RUN("sh", "-c", map);
    err = lab_abort(&s.lab, "inc");
    assert_ok(&err);
    assert_clean(&s);
    assert_guest_unharmed(&s);
    shield_done(&s);
}

/* Several clients at once, each with large reads. */
static void pull_of_scattered(void **state)
{
    CLEANUP_FREE char *reference = NULL, *readers = NULL;
    struct shield_lab s;
    struct err err;

    (void)state;
    shield_start(&s, 1);
    want_pull(&s, "p", NULL, NULL);
    begin(&s);
    reference = references(&s, 0, "p");
    guest_scatters(&s);
    readers = xasprintf("set -e; for i in 1 2 3 4; do nbdcopy 'nbd+unix:///d0?socket=%s' %s.$i & "
                        "done; wait; qemu-img convert -O raw 'nbd+unix:///d0?socket=%s' %s.5; "
                        "for i in 1 2 3 4 5; do cmp %s.$i %s; done",
                        s.socket, reference, s.socket, reference, reference, reference);
    TEST_RUN("sh", "-c", readers);
    err = lab_abort(&s.lab, "p");
    assert_ok(&err);
    assert_clean(&s);
    assert_guest_unharmed(&s);
    shield_done(&s);
}

static void pull_over_tcp(void **state)
{
    CLEANUP_FREE char *where = NULL, *reference = NULL;
    struct shield_lab s;
    struct err err;

    (void)state;
    shield_start(&s, 1);
    want_pull(&s, "tcp", NULL, NULL);
    s.req.r.server = (struct backup_address){.transport = TRANSPORT_TCP, .host = "127.0.0.1"};
    begin(&s);
    assert_true(s.begun.port > 1024);
    where = xasprintf("nbd://127.0.0.1:%u/d0", s.begun.port);
    reference = references(&s, 0, "tcp");
    guest_writes(&s, 8);
    assert_export_is(&s, where, reference);
    err = lab_abort(&s.lab, "tcp");
    assert_ok(&err);
    assert_clean(&s);
    shield_done(&s);
}

static void pull_ended_by_another(void **state)
{
    struct shield_lab s;
    struct err err;

    (void)state;
    shield_start(&s, 2);
    want_pull(&s, "p", NULL, "cp");
    begin(&s);
    lab_restart_driver(&s.lab);
    guest_writes(&s, 3);
    assert_int_equal(lab_stats(&s.lab, "p").state, HVJOB_RUNNING);
    err = lab_abort(&s.lab, "p");
    assert_ok(&err);
    assert_int_equal(lab_stats(&s.lab, "p").state, HVJOB_NONE);
    assert_clean(&s);
    assert_guest_unharmed(&s);
    shield_done(&s);
}

/* The backup is given up, and the guest does not notice. */
static void pull_scratch_full(void **state)
{
    CLEANUP_FREE char *small = NULL, *path = NULL;
    struct hv_job_stats stats;
    struct shield_lab s;
    struct err err;

    (void)state;
    shield_start(&s, 2);
    small = test_qemu_path(&s.lab.qemu, "small");
    path = xasprintf("%s/d1.qcow2", small);
    assert_int_equal(mkdir_all(small, 0700, &err), 0);
    mount_small(small);
    want_pull(&s, "p", NULL, "cp");
    s.req.disks[1].place.path = path;
    begin(&s);
    assert_int_equal(lab_stats(&s.lab, "p").state, HVJOB_RUNNING);
    test_qemu_write(&s.lab.qemu, 1, 9, 0, 8 * MIB);
    do
        stats = lab_stats(&s.lab, "p");
    while (stats.state == HVJOB_RUNNING);
    assert_int_equal(stats.state, HVJOB_FAILED);
    assert_non_null(strstr(stats.err.msg, "disk d1: the scratch space is full or too slow"));
    assert_int_equal(access(s.socket, F_OK), -1);
    err = lab_forget(&s.lab, "p");
    assert_ok(&err);
    assert_int_equal(lab_stats(&s.lab, "p").state, HVJOB_NONE);
    assert_clean(&s);
    assert_int_equal(umount2(small, MNT_DETACH), 0);
    assert_guest_unharmed(&s);
    shield_done(&s);
}

/* Clients come, go and die as they like. */
static void pull_client_dies(void **state)
{
    CLEANUP_FREE char *where = NULL, *reference = NULL;
    struct shield_lab s;
    struct err err;
    pid_t pid;

    (void)state;
    shield_start(&s, 1);
    want_pull(&s, "p", NULL, "cp");
    begin(&s);
    where = uri(&s, 0);
    reference = references(&s, 0, "p");
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
        execlp("nbdsh", "nbdsh", "-u", where, "-c", "h.pread(65536, 0)", "-c",
               "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", NULL);
        execlp("timeout", "timeout", "-s", "KILL", "0.2", "nbdcopy", where, "/dev/full", NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
    guest_writes(&s, 4);
    assert_export_is(&s, where, reference);
    err = lab_abort(&s.lab, "p");
    assert_ok(&err);
    assert_clean(&s);
    assert_guest_unharmed(&s);
    shield_done(&s);
}

static void pull_qemu_dies(void **state)
{
    struct hv_job_stats stats;
    struct shield_lab s;
    struct err err;

    (void)state;
    shield_start(&s, 1);
    want_pull(&s, "p", NULL, "cp");
    begin(&s);
    test_qemu_kill(&s.lab.qemu);
    err = lab_try_stats(&s.lab, "p", &stats);
    assert_int_equal(err.code, ERR_REMOTE);
    err = lab_abort(&s.lab, "p");
    assert_ok(&err);
    shield_done(&s);
}

static void pull_server_taken(void **state)
{
    CLEANUP_FREE char *other = NULL;
    struct shield_lab s;
    struct err err;

    (void)state;
    shield_start(&s, 1);
    other = test_qemu_path(&s.lab.qemu, "other.sock");
    test_qemu_do(&s.lab.qemu, "nbd-server-start",
                 json_pack("{s:{s:s, s:{s:s}}}", "addr", "type", "unix", "data", "path", other));
    want_pull(&s, "p", NULL, "cp");
    err = lab_begin(&s.lab, &s.req.r, &s.begun);
    assert_err(&err, ERR_BUSY, "start the NBD server on ");
    assert_non_null(strstr(err.msg, "NBD server already running"));
    assert_int_equal(access(other, F_OK), 0); /* left alone */
    assert_clean(&s);
    shield_done(&s);
}

/* ---- TLS ---- */

static char *certificates(const struct shield_lab *s, const char *name)
{
    char *dir = test_qemu_path(&s->lab.qemu, name);
    struct err err;

    assert_int_equal(mkdir_all(dir, 0700, &err), 0);
    TEST_RUN("sh", "-c", "sh \"$0\" \"$1\" 2> /dev/null", MAKE_CERTIFICATES, dir);
    return dir;
}

static void want_tls(struct shield_lab *s)
{
    want_pull(s, "tls", NULL, NULL);
    s->req.r.server = (struct backup_address){.transport = TRANSPORT_TCP, .tls = true};
}

static void pull_over_tls(void **state)
{
    CLEANUP_FREE char *certs = NULL, *others = NULL, *good = NULL, *reference = NULL, *bad = NULL;
    struct shield_lab s;
    struct err err;

    (void)state;
    shield_start(&s, 1);
    certs = certificates(&s, "certs");
    others = certificates(&s, "others");
    s.lab.tls_certificates = certs;
    lab_restart_driver(&s.lab);
    want_tls(&s);
    begin(&s);
    reference = references(&s, 0, "tls");
    guest_writes(&s, 3);
    good = xasprintf("nbds://localhost:%u/d0?tls-certificates=%s", s.begun.port, certs);
    assert_export_is(&s, good, reference);
    /* Plain clients, and those with a certificate of somebody else, get nothing. */
    bad = xasprintf("! nbdinfo nbd://localhost:%u/d0 2> /dev/null && "
                    "! nbdinfo 'nbds://localhost:%u/d0?tls-certificates=%s' 2> /dev/null",
                    s.begun.port, s.begun.port, others);
    TEST_RUN("sh", "-c", bad);
    err = lab_abort(&s.lab, "tls");
    assert_ok(&err);
    assert_clean(&s);
    assert_guest_unharmed(&s);
    shield_done(&s);
}

static void pull_over_tls_unverified(void **state)
{
    CLEANUP_FREE char *certs = NULL, *where = NULL;
    struct shield_lab s;
    struct err err;

    (void)state;
    shield_start(&s, 1);
    certs = certificates(&s, "certs");
    s.lab.tls_certificates = certs;
    s.lab.tls_no_verify = true;
    lab_restart_driver(&s.lab);
    want_tls(&s);
    begin(&s);
    /* The client knows the authority, and has no certificate of its own. */
    where = xasprintf("mkdir %s/ca && cp %s/ca-cert.pem %s/ca && "
                      "nbdinfo 'nbds://localhost:%u/d0?tls-certificates=%s/ca' > /dev/null",
                      certs, certs, certs, s.begun.port, certs);
    TEST_RUN("sh", "-c", where);
    err = lab_abort(&s.lab, "tls");
    assert_ok(&err);
    assert_clean(&s);
    shield_done(&s);
}

static void pull_without_certificates(void **state)
{
    struct shield_lab s;
    struct err err;

    (void)state;
    shield_start(&s, 1);
    s.lab.tls_certificates = "/nonexistent/pki";
    lab_restart_driver(&s.lab);
    want_tls(&s);
    err = lab_begin(&s.lab, &s.req.r, &s.begun);
    assert_err(&err, ERR_REMOTE, "TLS: load /nonexistent/pki: ");
    assert_clean(&s);
    shield_done(&s);
}

/* What would end QEMU is not begun. */
static void pull_with_iothread(void **state)
{
    const struct test_qemu_disk disk = {.format = "qcow2", .size = SMALL};
    struct shield_lab s = {0};
    struct err err;

    (void)state;
    lab_prepare(&s.lab, &disk, 1);
    s.lab.qemu.object = "iothread,id=io";
    lab_launch(&s.lab);
    shield_launched(&s);
    want_pull(&s, "io", NULL, "cp");
    err = lab_begin(&s.lab, &s.req.r, &s.begun);
    assert_err(&err, ERR_UNSUPPORTED, "the domain has iothreads, and QEMU ");
    assert_clean(&s);
    shield_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pull_chain),
        cmocka_unit_test(pull_of_scattered),
        cmocka_unit_test(pull_over_tcp),
        cmocka_unit_test(pull_ended_by_another),
        cmocka_unit_test(pull_scratch_full),
        cmocka_unit_test(pull_client_dies),
        cmocka_unit_test(pull_qemu_dies),
        cmocka_unit_test(pull_server_taken),
        cmocka_unit_test(pull_over_tls),
        cmocka_unit_test(pull_over_tls_unverified),
        cmocka_unit_test(pull_without_certificates),
        cmocka_unit_test(pull_with_iothread),
    };

    own_mounts();
    ev_default_loop(0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

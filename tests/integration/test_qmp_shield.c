/* SPDX-License-Identifier: MIT
 *
 * Guest-safe copies, and pulls: on a real QEMU, read with nbdcopy and nbdinfo.  The guest's writes are
 * made through its device; they must all have arrived, whatever becomes of the backup. */
#include "tests/support/test.h"

#include <ev.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "tests/integration/qmp_support.h"

#define MIB (UINT64_C(1) << 20)

struct shield_lab {
    struct lab lab;
    struct lab_request req;
    struct backup_begun begun;
    char *scratch, *socket;
    size_t nodes; /* before anything */
};

static void shield_start(struct shield_lab *s, size_t disks)
{
    struct err err;

    *s = (struct shield_lab){0};
    lab_start(&s->lab, disks);
    s->scratch = test_qemu_path(&s->lab.qemu, "scratch");
    s->socket = test_qemu_path(&s->lab.qemu, "nbd.sock");
    assert_int_equal(mkdir_all(s->scratch, 0700, &err), 0);
    s->nodes = lab_count_nodes(&s->lab);
    for (size_t i = 0; i < disks; i++)
        test_qemu_write(&s->lab.qemu, i, 1, 0, 8 * MIB);
}

static void want_push(struct shield_lab *s, const char *tag, const char *base,
                      const char *checkpoint)
{
    lab_request_init(&s->req, &s->lab, tag, base, checkpoint);
    s->req.r.scratch = s->scratch;
}

static void want_pull(struct shield_lab *s, const char *tag, const char *base,
                      const char *checkpoint)
{
    lab_request_init(&s->req, &s->lab, tag, base, checkpoint);
    s->req.r.mode = MODE_PULL;
    s->req.r.server = (struct backup_address){.transport = TRANSPORT_UNIX, .socket = s->socket};
}

static void begin(struct shield_lab *s)
{
    struct err err = lab_begin(&s->lab, &s->req.r, &s->begun);

    assert_ok(&err);
    assert_string_equal(s->begun.unsafe, "");
    assert_true(s->begun.guest_safe);
}

/* Nothing of ours is left at QEMU or in the scratch directory. */
static void assert_clean(struct shield_lab *s)
{
    assert_int_equal(lab_count_nodes(&s->lab), s->nodes);
    assert_int_equal(rmdir(s->scratch), 0);
    assert_int_equal(mkdir(s->scratch, 0700), 0);
}

/* The guest's own disks hold what it wrote. */
static void assert_guest_unharmed(struct shield_lab *s)
{
    lab_stop_driver(&s->lab);
    test_qemu_quit(&s->lab.qemu);
    for (size_t i = 0; i < s->lab.qemu.n_disks; i++)
        assert_true(test_same_contents(s->lab.qemu.refs[i], s->lab.qemu.images[i]));
}

static void shield_done(struct shield_lab *s)
{
    lab_request_done(&s->req);
    lab_done(&s->lab);
    free(s->scratch);
    free(s->socket);
}

/* Writes a little of everything: where data was, where none was, and zeroes over data. */
static void guest_writes(struct shield_lab *s, unsigned char pattern)
{
    for (size_t i = 0; i < s->lab.qemu.n_disks; i++) {
        test_qemu_write(&s->lab.qemu, i, pattern, 1 * MIB, MIB);
        test_qemu_write(&s->lab.qemu, i, pattern, 12 * MIB, 65536);
        test_qemu_write(&s->lab.qemu, i, 0, 3 * MIB, MIB / 2);
    }
}

static char *references(struct shield_lab *s, size_t disk, const char *what)
{
    CLEANUP_FREE char *name = xasprintf("%s-%zu.raw", what, disk);

    return test_qemu_reference(&s->lab.qemu, disk, name);
}

static char *uri(const struct shield_lab *s, size_t disk)
{
    return xasprintf("nbd+unix:///d%zu?socket=%s", disk, s->socket);
}

static void assert_export_is(const struct shield_lab *s, const char *where, const char *reference)
{
    CLEANUP_FREE char *copy = test_qemu_path(&s->lab.qemu, "copy.raw");

    unlink(copy);
    TEST_RUN("nbdcopy", where, copy);
    TEST_RUN("cmp", copy, reference);
}

/* ---- push ---- */

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

static void mount_small(const char *dir)
{
    assert_int_equal(mount("tmpfs", dir, "tmpfs", 0, "size=2M"), 0);
}

static void push_scratch_full(void **state)
{
    struct shield_lab s;
    struct hv_job_stats stats;

    (void)state;
    shield_start(&s, 2);
    mount_small(s.scratch);
    begin_push_slowly(&s);
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

/* qemu-nbd on a new raw file, writable, over TCP. */
struct server {
    pid_t pid;
    uint16_t port;
    char *image;
};

static uint16_t free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof(a);

    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    return ntohs(a.sin_port);
}

static void serve(struct server *server, struct shield_lab *s)
{
    CLEANUP_FREE char *ready = test_qemu_path(&s->lab.qemu, "server.pid");
    CLEANUP_FREE char *port = NULL;

    server->image = test_qemu_path(&s->lab.qemu, "target.raw");
    TEST_RUN("qemu-img", "create", "-q", "-f", "raw", server->image, "16M");
    server->port = free_port();
    port = xasprintf("%u", server->port);
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("qemu-nbd", "qemu-nbd", "-f", "raw", "-x", "vm/d0", "-t", "-b", "127.0.0.1", "-p",
               port, "--pid-file", ready, server->image, NULL);
        _exit(127);
    }
    for (int i = 0; i < 2000 && access(ready, F_OK) < 0; i++)
        usleep(10000);
}

static void server_done(struct server *server, int signal)
{
    kill(server->pid, signal);
    assert_int_equal(waitpid(server->pid, NULL, 0), server->pid);
    free(server->image);
}

static void want_push_to(struct shield_lab *s, const struct server *server)
{
    want_push(s, "net", NULL, "cp");
    s->req.disks[0].format = "raw";
    s->req.disks[0].place = (struct backup_place){
        .type = PLACE_NETWORK,
        .peer = {.transport = TRANSPORT_TCP, .host = "127.0.0.1", .port = server->port},
        .export_name = "vm/d0",
    };
    s->req.r.bandwidth = 4 * MIB;
}

static void push_to_server(void **state)
{
    CLEANUP_FREE char *reference = NULL;
    struct hv_job_stats stats;
    struct server server;
    struct shield_lab s;

    (void)state;
    shield_start(&s, 1);
    serve(&server, &s);
    want_push_to(&s, &server);
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
    serve(&server, &s);
    want_push_to(&s, &server);
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

static void push_to_server_that_dies(void **state)
{
    struct hv_job_stats stats;
    struct server server;
    struct shield_lab s;

    (void)state;
    shield_start(&s, 1);
    serve(&server, &s);
    want_push_to(&s, &server);
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

/* ---- pull ---- */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(push_chain),
        cmocka_unit_test(push_aborted),
        cmocka_unit_test(push_seen_by_another),
        cmocka_unit_test(push_scratch_full),
        cmocka_unit_test(push_target_full),
        cmocka_unit_test(push_without_scratch),
        cmocka_unit_test(push_falls_back),
        cmocka_unit_test(push_to_server),
        cmocka_unit_test(push_to_server_that_hangs),
        cmocka_unit_test(push_to_server_that_dies),
        cmocka_unit_test(pull_chain),
        cmocka_unit_test(pull_over_tcp),
        cmocka_unit_test(pull_ended_by_another),
        cmocka_unit_test(pull_scratch_full),
        cmocka_unit_test(pull_client_dies),
        cmocka_unit_test(pull_qemu_dies),
        cmocka_unit_test(pull_server_taken),
    };

    /* tmpfs of our own, which nobody else sees. */
    assert_int_equal(unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS), 0);
    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    ev_default_loop(0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

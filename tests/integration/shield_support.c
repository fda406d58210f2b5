/* SPDX-License-Identifier: MIT */
#include "tests/integration/shield_support.h"

#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "tests/support/test.h"

void shield_start(struct shield_lab *s, size_t disks)
{
    *s = (struct shield_lab){0};
    lab_start(&s->lab, disks);
    shield_launched(s);
}

void shield_launched(struct shield_lab *s)
{
    struct err err;

    s->scratch = test_qemu_path(&s->lab.qemu, "scratch");
    s->socket = test_qemu_path(&s->lab.qemu, "nbd.sock");
    assert_int_equal(mkdir_all(s->scratch, 0700, &err), 0);
    s->nodes = lab_count_nodes(&s->lab);
    for (size_t i = 0; i < s->lab.qemu.n_disks; i++)
        test_qemu_write(&s->lab.qemu, i, 1, 0, 8 * MIB);
}

void want_push(struct shield_lab *s, const char *tag, const char *base, const char *checkpoint)
{
    lab_request_init(&s->req, &s->lab, tag, base, checkpoint);
    s->req.r.scratch = s->scratch;
}

void want_pull(struct shield_lab *s, const char *tag, const char *base, const char *checkpoint)
{
    lab_request_init(&s->req, &s->lab, tag, base, checkpoint);
    s->req.r.mode = MODE_PULL;
    s->req.r.server = (struct backup_address){.transport = TRANSPORT_UNIX, .socket = s->socket};
}

void begin(struct shield_lab *s)
{
    struct err err = lab_begin(&s->lab, &s->req.r, &s->begun);

    assert_ok(&err);
    assert_string_equal(s->begun.unsafe, "");
    assert_true(s->begun.guest_safe);
}

void assert_clean(struct shield_lab *s)
{
    assert_int_equal(lab_count_nodes(&s->lab), s->nodes);
    assert_int_equal(rmdir(s->scratch), 0);
    assert_int_equal(mkdir(s->scratch, 0700), 0);
}

void assert_guest_unharmed(struct shield_lab *s)
{
    lab_stop_driver(&s->lab);
    test_qemu_quit(&s->lab.qemu);
    for (size_t i = 0; i < s->lab.qemu.n_disks; i++)
        assert_true(test_same_contents(s->lab.qemu.refs[i], s->lab.qemu.images[i]));
}

void shield_done(struct shield_lab *s)
{
    lab_request_done(&s->req);
    lab_done(&s->lab);
    free(s->scratch);
    free(s->socket);
}

void guest_writes(struct shield_lab *s, unsigned char pattern)
{
    for (size_t i = 0; i < s->lab.qemu.n_disks; i++) {
        test_qemu_write(&s->lab.qemu, i, pattern, 1 * MIB, MIB);
        test_qemu_write(&s->lab.qemu, i, pattern, 12 * MIB, 65536);
        test_qemu_write(&s->lab.qemu, i, 0, 3 * MIB, MIB / 2);
    }
}

void guest_scatters(struct shield_lab *s)
{
    for (size_t i = 0; i < s->lab.qemu.n_disks; i++) {
        for (uint64_t at = 65536; at < 6 * MIB; at += 5 * UINT64_C(65536))
            test_qemu_write(&s->lab.qemu, i, 77, at + 512, 4096);
        for (uint64_t at = 2 * UINT64_C(65536); at < 6 * MIB; at += 15 * UINT64_C(65536))
            test_qemu_zero(&s->lab.qemu, i, at, 2 * UINT64_C(65536));
    }
}

char *references(struct shield_lab *s, size_t disk, const char *what)
{
    CLEANUP_FREE char *name = xasprintf("%s-%zu.raw", what, disk);

    return test_qemu_reference(&s->lab.qemu, disk, name);
}

char *uri(const struct shield_lab *s, size_t disk)
{
    return xasprintf("nbd+unix:///d%zu?socket=%s", disk, s->socket);
}

void assert_export_is(const struct shield_lab *s, const char *where, const char *reference)
{
    CLEANUP_FREE char *copy = test_qemu_path(&s->lab.qemu, "copy.raw");

    unlink(copy);
    TEST_RUN("nbdcopy", where, copy);
    TEST_RUN("cmp", copy, reference);
}

void mount_small(const char *dir)
{
    assert_int_equal(mount("tmpfs", dir, "tmpfs", 0, "size=2M"), 0);
}

void own_mounts(void)
{
    assert_int_equal(unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS), 0);
    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static uint16_t free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof(a);

    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    return ntohs(a.sin_port);
}

void serve(struct server *server, struct shield_lab *s, const char *size)
{
    serve_on(server, s, size, NULL);
}

void serve_on(struct server *server, struct shield_lab *s, const char *size, const char *socket)
{
    CLEANUP_FREE char *ready = test_qemu_path(&s->lab.qemu, "server.pid");
    CLEANUP_FREE char *port = NULL;

    server->image = test_qemu_path(&s->lab.qemu, "target.raw");
    unlink(ready); /* of the server before it */
    TEST_RUN("qemu-img", "create", "-q", "-f", "raw", server->image, size);
    server->port = free_port();
    port = xasprintf("%u", server->port);
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (socket)
            execlp("qemu-nbd", "qemu-nbd", "-f", "raw", "-x", "vm/d0", "-t", "-k", socket,
                   "--pid-file", ready, server->image, NULL);
        else
            execlp("qemu-nbd", "qemu-nbd", "-f", "raw", "-x", "vm/d0", "-t", "-b", "127.0.0.1",
                   "-p", port, "--pid-file", ready, server->image, NULL);
        _exit(127);
    }
    for (int i = 0; i < 2000 && access(ready, F_OK) < 0; i++)
        usleep(10000);
}

void server_done(struct server *server, int signal)
{
    kill(server->pid, signal);
    assert_int_equal(waitpid(server->pid, NULL, 0), server->pid);
    free(server->image);
}

void want_push_to(struct shield_lab *s, const struct server *server, const char *tag)
{
    want_push(s, tag, NULL, NULL);
    s->req.disks[0].format = "raw";
    s->req.disks[0].place = (struct backup_place){
        .type = PLACE_NETWORK,
        .peer = {.transport = TRANSPORT_TCP, .host = "127.0.0.1", .port = server->port},
        .export_name = "vm/d0",
    };
    s->req.r.bandwidth = 4 * MIB;
}

/* SPDX-License-Identifier: MIT */
#include "tests/support/qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "tests/support/test.h"

#define START_TRIES 4000 /* of 10 ms */

static int status_of(const char *const *argv)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

void test_run(const char *const *argv)
{
    int status = status_of(argv);

    if (status != 0)
        fail_msg("%s %s ended with status %d", argv[0], argv[1], status);
}

bool test_same_contents(const char *raw, const char *qcow2)
{
    const char *argv[] = {"qemu-img", "compare", "-q", "-f",  "raw",
                          "-F",       "qcow2",   raw,  qcow2, NULL};

    return status_of(argv) == 0;
}

char *test_qemu_path(const struct test_qemu *q, const char *name)
{
    return xasprintf("%s/%s", q->dir, name);
}

/* What a test that failed in the middle has left behind goes at exit. */
static struct leftover {
    char *dir; /* NULL: free */
    pid_t pid;
} leftovers[32];

static void clean_leftovers(void)
{
    for (size_t i = 0; i < ARRAY_LEN(leftovers); i++) {
        if (!leftovers[i].dir)
            continue;
        if (leftovers[i].pid > 0 && kill(leftovers[i].pid, SIGKILL) == 0)
            waitpid(leftovers[i].pid, NULL, 0);
        status_of((const char *const[]){"rm", "-rf", leftovers[i].dir, NULL});
        free(leftovers[i].dir);
    }
}

static struct leftover *leftover_of(const char *dir)
{
    for (size_t i = 0; i < ARRAY_LEN(leftovers); i++)
        if (dir ? leftovers[i].dir && strcmp(leftovers[i].dir, dir) == 0 : !leftovers[i].dir)
            return &leftovers[i];
    fail_msg("too many QEMUs");
    return NULL;
}

void test_qemu_init(struct test_qemu *q, const struct test_qemu_disk *disks, size_t n)
{
    static bool registered;
    char dir[512];

    *q = (struct test_qemu){.n_disks = n, .control = -1};
    assert_true(n <= TEST_QEMU_DISKS);
    test_make_dir(dir, sizeof(dir));
    q->dir = xstrdup(dir);
    if (!registered)
        atexit(clean_leftovers);
    registered = true;
    leftover_of(NULL)->dir = xstrdup(q->dir);
    q->qmp = test_qemu_path(q, "qmp.sock");
    for (size_t i = 0; i < n; i++) {
        char name[16], size[32];
        int fd;

        q->disks[i] = disks[i];
        snprintf(name, sizeof(name), "d%zu.%s", i, disks[i].format);
        q->images[i] = test_qemu_path(q, name);
        snprintf(name, sizeof(name), "d%zu.ref", i);
        q->refs[i] = test_qemu_path(q, name);
        snprintf(size, sizeof(size), "%" PRIu64, disks[i].size);
        if (disks[i].options)
            TEST_RUN("qemu-img", "create", "-q", "-f", disks[i].format, "-o", disks[i].options,
                     q->images[i], size);
        else
            TEST_RUN("qemu-img", "create", "-q", "-f", disks[i].format, q->images[i], size);
        fd = open(q->refs[i], O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, (off_t)disks[i].size), 0);
        close(fd);
    }
}

static void add_args(struct strlist *l, const char *const *args)
{
    for (; *args; args++)
        strlist_add(l, *args);
}

static void add_arg(struct strlist *l, char *arg)
{
    strlist_add(l, arg);
    free(arg);
}

static void add_device(struct strlist *l, const struct test_qemu *q, size_t i)
{
    CLEANUP_FREE char *id = q->no_ids ? xstrdup("") : xasprintf(",id=d%zu", i);

    add_arg(l, xasprintf("%s,drive=d%zu%s%s", q->device ? q->device : "virtio-blk-pci", i, id,
                         q->device_options ? q->device_options : ""));
}

static struct strlist arguments(const struct test_qemu *q)
{
    static const char *const common[] = {
        "qemu-system-x86_64", "-M",       "q35",  "-accel", "tcg", "-S", "-m", "32", "-nodefaults",
        "-no-user-config",    "-display", "none", NULL};
    struct strlist l = {0};

    add_args(&l, common);
    strlist_add(&l, "-qmp");
    add_arg(&l, xasprintf("unix:%s,server=on,wait=off", q->qmp));
    strlist_add(&l, "-qmp");
    add_arg(&l, xasprintf("unix:%s/control.sock,server=on,wait=off", q->dir));
    if (q->object) {
        strlist_add(&l, "-object");
        strlist_add(&l, q->object);
    }
    if (q->more)
        add_args(&l, q->more);
    for (size_t i = 0; i < q->n_disks; i++) {
        strlist_add(&l, "-blockdev");
        add_arg(&l, xasprintf("driver=file,filename=%s,node-name=d%zuf", q->images[i], i));
        strlist_add(&l, "-blockdev");
        add_arg(&l, xasprintf("driver=%s,file=d%zuf,node-name=d%zu", q->disks[i].format, i, i));
        strlist_add(&l, "-device");
        add_device(&l, q, i);
    }
    *VEC_ADD(&l) = NULL;
    return l;
}

static int connect_to(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0 && strlen(path) < sizeof(addr.sun_path));
    memcpy(addr.sun_path, path, strlen(path) + 1);
    for (int i = 0; i < START_TRIES; i++) {
        if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
            return fd;
        usleep(10000);
    }
    fail_msg("QEMU does not listen on %s", path);
    return -1;
}

static json_t *read_message(struct test_qemu *q)
{
    json_error_t where;
    json_t *msg = json_loadfd(q->control, JSON_DISABLE_EOF_CHECK, &where);

    if (!msg)
        fail_msg("QEMU's monitor: %s", where.text);
    return msg;
}

/* The whole answer. */
static json_t *ask(struct test_qemu *q, const char *command, json_t *args)
{
    json_t *msg = json_pack("{s:s, s:o*}", "execute", command, "arguments", args);

    assert_int_equal(json_dumpfd(msg, q->control, JSON_COMPACT), 0);
    json_decref(msg);
    for (;;) {
        msg = read_message(q);
        if (!json_object_get(msg, "event"))
            return msg;
        json_decref(msg);
    }
}

json_t *test_qemu_command(struct test_qemu *q, const char *command, json_t *args)
{
    json_t *msg = ask(q, command, args);
    json_t *ret = json_incref(json_object_get(msg, "return"));

    json_decref(msg);
    return ret;
}

char *test_qemu_refusal(struct test_qemu *q, const char *command, json_t *args)
{
    json_t *msg = ask(q, command, args);
    char *words =
        xstrdup(json_string_value(json_object_get(json_object_get(msg, "error"), "desc")));

    if (!words)
        fail_msg("QEMU did not refuse %s", command);
    json_decref(msg);
    return words;
}

void test_qemu_do(struct test_qemu *q, const char *command, json_t *args)
{
    json_t *ret = test_qemu_command(q, command, args);

    if (!ret)
        fail_msg("QEMU refused %s", command);
    json_decref(ret);
}

void test_qemu_start(struct test_qemu *q)
{
    struct strlist args = arguments(q);
    CLEANUP_FREE char *control = test_qemu_path(q, "control.sock");

    unlink(q->qmp);
    unlink(control);
    q->pid = fork();
    assert_true(q->pid >= 0);
    if (q->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO); /* qemu-io's words */
        execvp(args.items[0], args.items);
        _exit(127);
    }
    leftover_of(q->dir)->pid = q->pid;
    strlist_done(&args);
    q->control = connect_to(control);
    json_decref(read_message(q));
    test_qemu_do(q, "qmp_capabilities", NULL);
    close(connect_to(q->qmp)); /* it listens, and is free again in a moment */
}

static void write_reference(const char *path, unsigned char pattern, uint64_t offset, uint64_t len)
{
    CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
    CLEANUP_FREE char *buf = xcalloc(1, len);

    memset(buf, pattern, len);
    assert_int_equal(pwrite(fd, buf, len, (off_t)offset), len);
}

static void do_write(struct test_qemu *q, size_t disk, const char *how, uint64_t offset,
                     uint64_t len)
{
    CLEANUP_FREE char *line = xasprintf(
        "qemu-io -d /machine/peripheral/d%zu/virtio-backend \"write %s %" PRIu64 " %" PRIu64 "\"",
        disk, how, offset, len);

    test_qemu_do(q, "human-monitor-command", json_pack("{s:s}", "command-line", line));
}

void test_qemu_write(struct test_qemu *q, size_t disk, unsigned char pattern, uint64_t offset,
                     uint64_t len)
{
    CLEANUP_FREE char *how = xasprintf("-P %d", pattern);

    do_write(q, disk, how, offset, len);
    write_reference(q->refs[disk], pattern, offset, len);
}

void test_qemu_zero(struct test_qemu *q, size_t disk, uint64_t offset, uint64_t len)
{
    do_write(q, disk, "-z", offset, len);
    write_reference(q->refs[disk], 0, offset, len);
}

char *test_qemu_reference(struct test_qemu *q, size_t disk, const char *name)
{
    char *path = test_qemu_path(q, name);

    TEST_RUN("cp", "--sparse=always", q->refs[disk], path);
    return path;
}

static void reap_qemu(struct test_qemu *q)
{
    while (waitpid(q->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    q->pid = leftover_of(q->dir)->pid = 0;
    close(q->control);
    q->control = -1;
}

void test_qemu_quit(struct test_qemu *q)
{
    test_qemu_do(q, "quit", NULL);
    reap_qemu(q);
}

void test_qemu_kill(struct test_qemu *q)
{
    kill(q->pid, SIGKILL);
    reap_qemu(q);
}

void test_qemu_done(struct test_qemu *q)
{
    if (q->pid > 0)
        test_qemu_kill(q);
    TEST_RUN("rm", "-rf", q->dir);
    free(TAKE_PTR(leftover_of(q->dir)->dir));
    for (size_t i = 0; i < q->n_disks; i++) {
        free(q->images[i]);
        free(q->refs[i]);
    }
    free(q->dir);
    free(q->qmp);
}

/* SPDX-License-Identifier: MIT
 *
 * Each text of engine/qmp/wire/texts.h, said by the QEMU that is installed.  When one fails, this
 * QEMU has other words; docs/hacking.md says what then. */
#include "tests/support/test.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "engine/qmp/wire/texts.h"
#include "tests/support/qemu.h"

#define SIZE (UINT64_C(1) << 20)
#define PROGRAM_MAX ((size_t)64 << 20)
#define TRIES 500 /* of 10 ms */

static struct test_qemu qemu;

static char *refusal(const char *command, json_t *args)
{
    return test_qemu_refusal(&qemu, command, args);
}

static void add_null(const char *node, uint64_t size)
{
    test_qemu_do(&qemu, "blockdev-add",
                 json_pack("{s:s, s:s, s:I, s:b}", "driver", "null-co", "node-name", node, "size",
                           (json_int_t)size, "read-zeroes", 1));
}

static void remove_node(const char *node)
{
    test_qemu_do(&qemu, "blockdev-del", json_pack("{s:s}", "node-name", node));
}

/* sync: "full", or "none", which runs until it is cancelled. */
static json_t *backup(const char *sync, const char *target)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:b}", "job-id", "j", "device", "d0", "target", target,
                     "sync", sync, "auto-dismiss", 0);
}

/* What the ended job's error is; the job is dismissed. */
static char *end_of_job(void)
{
    for (int i = 0; i < TRIES; i++) {
        json_t *jobs = test_qemu_command(&qemu, "query-jobs", NULL);
        json_t *job = json_array_get(jobs, 0);
        const char *status = json_string_value(json_object_get(job, "status"));
        char *error = xstrdup(json_string_value(json_object_get(job, "error")));
        bool ended = str_eq(status, "concluded");

        json_decref(jobs);
        if (ended) {
            test_qemu_do(&qemu, "job-dismiss", json_pack("{s:s}", "id", "j"));
            return error ? error : xstrdup("it has ended well");
        }
        free(error);
        usleep(10000);
    }
    fail_msg("the job does not end");
    return NULL;
}

/* ---- one provocation each; it leaves nothing behind ---- */

static json_t *server_at(void)
{
    CLEANUP_FREE char *path = test_qemu_path(&qemu, "nbd.sock");

    return json_pack("{s:{s:s, s:{s:s}}}", "addr", "type", "unix", "data", "path", path);
}

static char *start_server(void)
{
    char *words;

    test_qemu_do(&qemu, "nbd-server-start", server_at());
    words = refusal("nbd-server-start", server_at());
    test_qemu_do(&qemu, "nbd-server-stop", NULL);
    return words;
}

static char *stop_server(void)
{
    return refusal("nbd-server-stop", NULL);
}

static char *take_port(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(addr);
    CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CLEANUP_FREE char *port = NULL;

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&addr, len), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    port = xasprintf("%d", ntohs(addr.sin_port));
    return refusal("nbd-server-start", json_pack("{s:{s:s, s:{s:s, s:s}}}", "addr", "type", "inet",
                                                 "data", "host", "127.0.0.1", "port", port));
}

static char *cancel_job(void)
{
    char *words;

    add_null("t", SIZE);
    test_qemu_do(&qemu, "blockdev-backup", backup("none", "t"));
    test_qemu_do(&qemu, "job-cancel", json_pack("{s:s}", "id", "j"));
    words = end_of_job();
    remove_node("t");
    return words;
}

static char *use_job_id_twice(void)
{
    char *words;

    add_null("t", SIZE);
    add_null("u", SIZE);
    test_qemu_do(&qemu, "blockdev-backup", backup("none", "t"));
    words = refusal("blockdev-backup", backup("none", "u"));
    test_qemu_do(&qemu, "job-cancel", json_pack("{s:s}", "id", "j"));
    free(end_of_job());
    remove_node("t");
    remove_node("u");
    return words;
}

static char *use_export_id_twice(void)
{
    json_t *export = json_pack("{s:s, s:s, s:s}", "type", "nbd", "id", "e", "node-name", "d0");
    char *words;

    test_qemu_do(
        &qemu, "nbd-server-start",
        json_pack("{s:{s:s, s:{s:s}}}", "addr", "type", "unix", "data", "path", "nbd.sock"));
    test_qemu_do(&qemu, "block-export-add", json_copy(export));
    words = refusal("block-export-add", export);
    test_qemu_do(&qemu, "nbd-server-stop", NULL);
    return words;
}

static char *copy_to_other_size(void)
{
    char *words;

    add_null("t", SIZE / 2);
    words = refusal("blockdev-backup", backup("full", "t"));
    remove_node("t");
    return words;
}

/* A copy whose target fails. */
static char *fail_job(int sys)
{
    char *words;

    test_qemu_do(&qemu, "blockdev-add",
                 json_pack("{s:s, s:s, s:{s:s, s:I}, s:[{s:s, s:s, s:i}]}", "driver", "blkdebug",
                           "node-name", "t", "image", "driver", "null-co", "size", (json_int_t)SIZE,
                           "inject-error", "event", "none", "iotype", "write", "errno", sys));
    test_qemu_do(&qemu, "blockdev-backup", backup("full", "t"));
    words = end_of_job();
    remove_node("t");
    return words;
}

static char *run(const char *program)
{
    CLEANUP_FREE char *line = xasprintf("cd %s && %s 2>&1", qemu.dir, program);
    FILE *f = popen(line, "r");
    char said[4096];

    assert_non_null(f);
    said[fread(said, 1, sizeof(said) - 1, f)] = '\0';
    assert_int_not_equal(pclose(f), 0);
    return xstrdup(said);
}

static char *read_other_format(void)
{
    return run("qemu-img info --force-share -f qcow2 d0.ref");
}

static char *map_other_format(void)
{
    return run("qemu-img map --force-share -f qcow2 d0.ref");
}

static char *mark_locked(void)
{
    return run("qemu-img bitmap --add -f qcow2 d0.qcow2 b");
}

/* It cannot be provoked: whether qemu-img has the words at all. */
static char *look_into_program(void)
{
    CLEANUP_FREE char *path = run("command -v qemu-img; false"), *program = NULL;
    const char *words = qemu_text_words(SAID_CPU_BUSY);
    struct err err = ERR_INIT;
    size_t len;

    path[strcspn(path, "\n")] = '\0';
    assert_int_equal(read_file(path, PROGRAM_MAX, &program, &len, &err), 0);
    return xstrdup(memmem(program, len, words, strlen(words)) ? words : "nothing of that");
}

/* ---- the table ---- */

static const struct {
    enum qemu_text text;
    char *(*provoke)(void);
    int sys; /* else: the errno of a job's end */
    bool alone;
    enum err_code code;
} table[] = {
    {SAID_SERVER_RUNS, start_server, 0, false, ERR_BUSY},
    {SAID_IN_USE, use_job_id_twice, 0, false, ERR_BUSY},
    {SAID_IN_USE, use_export_id_twice, 0, false, ERR_BUSY},
    {SAID_NO_SPACE, NULL, ENOSPC, true, ERR_NOSPACE},
    {SAID_OVER_QUOTA, NULL, EDQUOT, true, ERR_NOSPACE},
    {SAID_TOO_LARGE, NULL, EFBIG, true, ERR_NOSPACE},
    {SAID_DENIED, NULL, EACCES, true, ERR_DENIED},
    {SAID_NOT_PERMITTED, NULL, EPERM, true, ERR_DENIED},
    {SAID_READ_ONLY, NULL, EROFS, true, ERR_DENIED},
    {SAID_IO_ERROR, NULL, EIO, true, ERR_IO},
    {SAID_CANCELED, cancel_job, 0, true, ERR_REMOTE},
    {SAID_PORT_TAKEN, take_port, 0, false, ERR_BUSY},
    {SAID_NO_SERVER, stop_server, 0, false, ERR_REMOTE},
    {SAID_OTHER_SIZE, copy_to_other_size, 0, false, ERR_REMOTE},
    {SAID_OTHER_FORMAT, read_other_format, 0, false, ERR_REMOTE},
    {SAID_OTHER_FORMAT, map_other_format, 0, false, ERR_REMOTE},
    {SAID_LOCKED, mark_locked, 0, false, ERR_REMOTE},
    {SAID_CPU_BUSY, look_into_program, 0, false, ERR_REMOTE},
};

static void each_is_said(void **state)
{
    const struct test_qemu_disk disk = {"qcow2", NULL, SIZE};
    bool seen[SAID_COUNT] = {false};
    int bad = 0;

    (void)state;
    test_qemu_init(&qemu, &disk, 1);
    test_qemu_start(&qemu);
    test_qemu_write(&qemu, 0, 1, 0, SIZE);
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        CLEANUP_FREE char *said = table[i].sys ? fail_job(table[i].sys) : table[i].provoke();
        enum qemu_text text = table[i].text;

        seen[text] = true;
        if (table[i].alone ? qemu_said_only(said, text) : qemu_said(said, text)) {
            assert_int_equal(qemu_text_code(said), table[i].code);
            continue;
        }
        print_error("this QEMU says \"%s\" where \"%s\" is looked for\n", said,
                    qemu_text_words(text));
        bad++;
    }
    for (int i = 0; i < SAID_COUNT; i++)
        assert_true(seen[i]);
    assert_int_equal(bad, 0);
    test_qemu_done(&qemu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

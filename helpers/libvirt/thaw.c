/* SPDX-License-Identifier: MIT */
#include "helpers/libvirt/thaw.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "helpers/libvirt/drop.h"
#include "helpers/libvirt/libvirt.h"
#include "helpers/options.h"

#define READY_S 15
#define RETRY_S 2
#define TRIES 300
#define READY 'r'
#define THAWED 't'

extern char **environ;

/* ---- here ---- */

static int spawn(const char *domain, int limit, int in, int out, pid_t *ret)
{
    CLEANUP_FREE char *seconds = xasprintf("%d", limit);
    char *const argv[] = {(char *)"vmkeep-libvirt", (char *)"--thaw", seconds,
                          (char *)connection_uri(), (char *)domain,   NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int rc;

    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    /* Whoever ends our process group does not end it. */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    rc = posix_spawn(ret, "/proc/self/exe", &files, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

static bool is_ready(int from)
{
    struct pollfd p = {.fd = from, .events = POLLIN};
    char word = 0;

    return poll(&p, 1, READY_S * 1000) > 0 && read(from, &word, 1) == 1 && word == READY;
}

int thaw_guard_start(const char *domain, int limit, struct thaw_guard *ret, struct err *err)
{
    CLEANUP_CLOSE int in = -1, to = -1, from = -1, out = -1;
    int pair[2], rc;

    *ret = (struct thaw_guard){.to = -1};
    if (pipe2(pair, O_CLOEXEC) < 0)
        return err_errno(err, errno, "pipe");
    in = pair[0];
    to = pair[1];
    if (pipe2(pair, O_CLOEXEC) < 0)
        return err_errno(err, errno, "pipe");
    from = pair[0];
    out = pair[1];
    rc = spawn(domain, limit, in, out, &ret->pid);
    if (rc != 0) {
        ret->pid = 0;
        return err_errno(err, rc, "start vmkeep-libvirt --thaw");
    }
    close(take_fd(&out));
    ret->to = take_fd(&to);
    if (is_ready(from))
        return 0;
    thaw_guard_end(ret);
    return err_set(err, ERR_TIMEOUT,
                   "what is to thaw the guest, should this process die, is not ready");
}

void thaw_guard_end(struct thaw_guard *g)
{
    const char word = THAWED;
    ssize_t n;

    if (!g->pid)
        return;
    n = write(g->to, &word, 1);
    (void)n; /* gone: it has thawed */
    close(g->to);
    while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    *g = (struct thaw_guard){.to = -1};
}

/* ---- there ---- */

/* False: it is thawed, or nobody knows any more; true: it is to be thawed by us. */
static bool is_left_to_us(int limit)
{
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    char word = 0;

    return poll(&p, 1, limit * 1000) <= 0 || read(STDIN_FILENO, &word, 1) != 1 || word != THAWED;
}

int thaw_main(const char *seconds, const char *uri, const char *domain)
{
    const char word = READY;
    struct err err = ERR_INIT;
    int limit = (int)strtol(seconds, NULL, 10);

    if (connection_open(uri, &err) < 0 || drop_rights(&err) < 0) {
        fprintf(stderr, "vmkeep-libvirt: %s\n", err.msg);
        return EXIT_FAILED;
    }
    if (write(STDOUT_FILENO, &word, 1) != 1)
        return EXIT_FAILED;
    if (!is_left_to_us(limit))
        return EXIT_DONE;
    for (int i = 0; i < TRIES; i++) {
        CLEANUP_FREE char *why = NULL;

        if (guest_thaw(domain, &why) >= 0)
            return EXIT_DONE;
        sleep(RETRY_S);
        connection_close();
        connection_open(uri, &err);
    }
    return EXIT_FAILED;
}

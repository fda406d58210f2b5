/* SPDX-License-Identifier: MIT */
#include "mover/qemu_nbd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/locked_dir.h"

#define NAME "nbd"
#define FIRST_HANDED_OVER 3 /* systemd's socket activation: sd_listen_fds(3) */

/* Binds, listens and connects. The name is there for no longer than that, and nobody else's way
 * leads to it.  Of a mover that is killed meanwhile the next one removes it. */
static int connect_through(const char *dir, int listening, int *ours, int n, struct err *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int rc = 0;

    if (snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/" NAME, dir) >=
        (int)sizeof(addr.sun_path))
        return err_set(err, ERR_INVALID, "%s: too long for a socket's name", dir);
    if (bind(listening, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(listening, n) < 0)
        rc = err_errno(err, errno, "%s", addr.sun_path);
    for (int i = 0; rc == 0 && i < n; i++) {
        ours[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (ours[i] < 0 || connect(ours[i], (struct sockaddr *)&addr, sizeof(addr)) < 0)
            rc = err_errno(err, errno, "%s", addr.sun_path);
    }
    return rc;
}

static void discard(const char *dir)
{
    CLEANUP_FREE char *name = xasprintf("%s/" NAME, dir);

    unlink(name);
    rmdir(dir);
}

static int make_sockets(int *ret_listening, int *ret_ours, int n, struct err *err)
{
    const char *tmp = getenv("TMPDIR");
    CLEANUP_CLOSE int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CLEANUP_CLOSE int lock = -1;
    CLEANUP_FREE char *dir = NULL;
    int rc;

    if (listening < 0)
        return err_errno(err, errno, "socket");
    if (locked_dir_make(tmp && *tmp ? tmp : "/tmp", "vmkeep-mover-", discard, &dir, &lock, err) < 0)
        return -1;
    rc = connect_through(dir, listening, ret_ours, n, err);
    discard(dir);
    if (rc == 0)
        *ret_listening = take_fd(&listening);
    return rc;
}

/* In the child. */
_Noreturn static void become(const char *const *argv, int listening, int said, pid_t parent)
{
    char pid[16];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    signal(SIGPIPE, SIG_DFL);
    if (setenv("LISTEN_PID", pid, 1) < 0 || setenv("LISTEN_FDS", "1", 1) < 0 ||
        dup2(said, STDERR_FILENO) < 0 || dup2(listening, FIRST_HANDED_OVER) < 0)
        _exit(EXIT_FAILURE);
    execvp(argv[0], (char *const *)argv);
    dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
    _exit(EXIT_FAILURE);
}

int qemu_nbd_start(const char *const *argv, int said, int *ret_fds, int n, pid_t *ret_pid,
                   struct err *err)
{
    CLEANUP_CLOSE int listening = -1;
    pid_t parent = getpid(), pid = -1;

    for (int i = 0; i < n; i++)
        ret_fds[i] = -1;
    if (make_sockets(&listening, ret_fds, n, err) == 0) {
        pid = fork();
        if (pid < 0)
            err_errno(err, errno, "fork");
    }
    if (pid == 0)
        become(argv, listening, said, parent);
    for (int i = 0; pid < 0 && i < n; i++)
        if (ret_fds[i] >= 0)
            close(ret_fds[i]);
    *ret_pid = pid < 0 ? 0 : pid;
    return pid < 0 ? -1 : 0;
}

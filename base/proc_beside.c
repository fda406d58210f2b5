/* SPDX-License-Identifier: MIT */
#include "base/proc_beside.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/proc_priv.h"

#define STEP_MS 10
#define LAST_S 10.0 /* behind SIGKILL: one that hangs in the kernel is given up */

struct proc_beside {
    char *name;
    pid_t pid;
    int out, err; /* -1: at its end */
    char *said;
    size_t len;
    bool ended;
    int status;
};

int proc_beside_start(const struct proc_spec *spec, struct proc_beside **ret, struct err *err)
{
    const struct proc_spec own = {.argv = spec->argv,
                                  .keep_fd = spec->keep_fd,
                                  .input_fd = spec->input_fd,
                                  .death_signal = SIGTERM};
    struct proc_beside *p = xcalloc(1, sizeof(*p));
    struct spawned child;

    if (proc_spawn(&own, &child, err) < 0) {
        free(p);
        return -1;
    }
    p->name = xstrdup(proc_name(spec->argv[0]));
    p->pid = child.pid;
    p->out = child.out;
    p->err = child.err;
    p->said = xcalloc(OUTPUT_MAX + 1, 1);
    *ret = p;
    return 0;
}

/* What does not fit is dropped, so that the program never waits for us. */
static void take(struct proc_beside *p, int *fd)
{
    char drop[4096];
    bool full = p->len == OUTPUT_MAX;
    ssize_t n =
        read(*fd, full ? drop : p->said + p->len, full ? sizeof(drop) : OUTPUT_MAX - p->len);

    if (n > 0 && !full)
        p->len += (size_t)n;
    if (n > 0 || (n < 0 && errno == EINTR))
        return;
    close(*fd);
    *fd = -1;
}

/* Waits for words; false: a signal came, or the time is over. */
static bool hear(struct proc_beside *p, int ms)
{
    struct pollfd polls[2] = {{.fd = p->out, .events = POLLIN}, {.fd = p->err, .events = POLLIN}};

    if (poll(polls, 2, ms) <= 0)
        return false;
    if (polls[0].revents)
        take(p, &p->out);
    if (polls[1].revents)
        take(p, &p->err);
    return true;
}

static bool has_ended(struct proc_beside *p)
{
    if (!p->ended)
        p->ended = waitpid(p->pid, &p->status, WNOHANG) == p->pid;
    return p->ended;
}

int proc_beside_wait(struct proc_beside *p, int ms, struct err *err)
{
    CLEANUP_FREE char *copy = NULL;

    if (!has_ended(p)) {
        hear(p, ms);
        if (!has_ended(p))
            return 0;
    }
    while (hear(p, 0) && (p->out >= 0 || p->err >= 0))
        ;
    copy = xstrdup(p->said);
    return proc_describe_exit(p->name, p->status, proc_last_line(copy), err) < 0 ? -1 : 1;
}

const char *proc_beside_said(const struct proc_beside *p)
{
    return p->said;
}

static void wait_for_end(struct proc_beside *p, double seconds)
{
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};

    for (int i = 0; i < (int)(seconds * 1000 / STEP_MS) && !has_ended(p); i++)
        if (p->out < 0 || !hear(p, STEP_MS))
            nanosleep(&step, NULL);
}

void proc_beside_free(struct proc_beside *p)
{
    if (!p)
        return;
    if (!has_ended(p))
        kill(-p->pid, SIGTERM);
    wait_for_end(p, GRACE_S);
    if (!has_ended(p))
        kill(-p->pid, SIGKILL);
    wait_for_end(p, LAST_S);
    if (p->out >= 0)
        close(p->out);
    if (p->err >= 0)
        close(p->err);
    free(p->name);
    free(p->said);
    free(p);
}

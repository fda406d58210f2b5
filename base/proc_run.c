/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/proc.h"
#include "base/proc_priv.h"

#define NICER 10
#define TICK_MS 500
#define GRACE_TICKS ((int)(GRACE_S * 1000 / TICK_MS))

/* A program that proc_run_watched waits for. */
struct waited {
    pid_t pid;
    proc_watch watch;
    void *ctx;
    int tick_ms;
    bool canceled;
    int ticks; /* since it was canceled */
    char *out, *err;
    size_t out_len, err_len;
    size_t line; /* where in out the line begins that has not ended yet */
};

static void tell(struct waited *w, const char *line)
{
    if (!w->watch || w->canceled || w->watch(w->ctx, w->pid, line))
        return;
    w->canceled = true;
    kill(-w->pid, SIGTERM);
}

static void tell_lines(struct waited *w)
{
    for (size_t i = w->line; i < w->out_len; i++) {
        char end = w->out[i];

        if (end != '\n' && end != '\r')
            continue;
        w->out[i] = '\0';
        if (i > w->line)
            tell(w, w->out + w->line);
        w->out[i] = end;
        w->line = i + 1;
    }
}

/* false at the end of the pipe. */
static bool take(int fd, char *buf, size_t *len)
{
    char drop[4096];
    bool full = *len == OUTPUT_MAX;
    ssize_t n = read(fd, full ? drop : buf + *len, full ? sizeof(drop) : OUTPUT_MAX - *len);

    if (n > 0 && !full)
        *len += (size_t)n;
    return n > 0 || (n < 0 && errno == EINTR);
}

/* Reads both pipes to their end at once, so that neither can fill up and block the child.
 * false: it was canceled and does not die (it hangs in the kernel). */
static bool drain(struct waited *w, int out, int err)
{
    struct pollfd polls[2] = {{.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}};

    while (polls[0].fd >= 0 || polls[1].fd >= 0) {
        int n = poll(polls, 2, !w->watch ? -1 : w->canceled ? TICK_MS : w->tick_ms);

        if (n <= 0) {
            tell(w, NULL);
            if (w->canceled && n == 0 && ++w->ticks == GRACE_TICKS)
                kill(-w->pid, SIGKILL);
            if (w->ticks > 2 * GRACE_TICKS)
                return false;
            continue;
        }
        if (polls[0].revents && !take(out, w->out, &w->out_len))
            polls[0].fd = -1;
        if (polls[1].revents && !take(err, w->err, &w->err_len))
            polls[1].fd = -1;
        tell_lines(w);
    }
    return true;
}

/* Waits for the started program, to its end or for as long as watch wants it. */
static int wait_for(struct waited *w, const char *name, int out, int errs, struct err *err)
{
    int status;

    if (!drain(w, out, errs))
        return err_set(err, ERR_CANCELED, "%s: canceled, and does not end", name);
    while (waitpid(w->pid, &status, 0) < 0)
        if (errno != EINTR)
            return err_errno(err, errno, "%s: wait", name);
    if (w->canceled)
        return err_set(err, ERR_CANCELED, "%s: canceled", name);
    return proc_describe_exit(name, status, proc_last_line(w->err), err);
}

int proc_run_ticking(const char *const *argv, proc_watch watch, void *ctx, int tick_ms,
                     char **ret_out, struct err *err)
{
    const char *name = proc_name(argv[0]);
    const struct proc_spec spec = {.argv = argv};
    CLEANUP_FREE char *out = xcalloc(OUTPUT_MAX + 1, 1);
    CLEANUP_FREE char *said = xcalloc(OUTPUT_MAX + 1, 1);
    CLEANUP_CLOSE int out_r = -1, err_r = -1;
    struct waited w = {.watch = watch, .ctx = ctx, .tick_ms = tick_ms, .out = out, .err = said};
    struct spawned child;

    if (proc_spawn(&spec, &child, err) < 0)
        return -1;
    w.pid = child.pid;
    out_r = child.out;
    err_r = child.err;
    if (wait_for(&w, name, out_r, err_r, err) < 0)
        return -1;
    if (ret_out)
        *ret_out = TAKE_PTR(out);
    return 0;
}

int proc_run_watched(const char *const *argv, proc_watch watch, void *ctx, char **ret_out,
                     struct err *err)
{
    return proc_run_ticking(argv, watch, ctx, TICK_MS, ret_out, err);
}

int proc_run(const char *const *argv, char **ret_out, struct err *err)
{
    return proc_run_watched(argv, NULL, NULL, ret_out, err);
}

void proc_give_way(void)
{
    int now = getpriority(PRIO_PROCESS, 0);

    if (setpriority(PRIO_PROCESS, 0, now + NICER) < 0)
        return; /* a guest waits longer; the copy is right all the same */
}

char *proc_program_path(const char *name)
{
    static const char *const places[] = {
        "../bin", "../helpers/store", "../helpers/libvirt", "../helpers/notify",
        "../cli", "../web",           "../mover",           "../../mover"};
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash;

    self[n > 0 ? n : 0] = '\0';
    slash = strrchr(self, '/');
    for (size_t i = 0; slash && i < ARRAY_LEN(places); i++) {
        CLEANUP_FREE char *path =
            xasprintf("%.*s/%s/%s", (int)(slash - self), self, places[i], name);

        if (access(path, X_OK) == 0)
            return TAKE_PTR(path);
    }
    return xstrdup(name);
}

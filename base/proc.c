/* SPDX-License-Identifier: MIT */
#include "base/proc.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/lines.h"
#include "base/proc_priv.h"
#include "base/text.h"

#define LINE_MAX_BYTES ((size_t)64 << 20)

/* What a child has written to one of its pipes, or the tail of it. */
struct stream {
    ev_io io;
    char *buf;
    size_t len;
};

struct proc {
    struct op op; /* first: a struct op * is a struct proc * */
    struct ev_loop *loop;
    char *name;
    pid_t pid;
    ev_child child;
    ev_timer limit, idle, kill;
    bool killed;
    struct stream out, err;
    struct lines lines; /* of out, when they are given out */
    bool exited;
    int status;
    enum err_code ended_by; /* ERR_TIMEOUT, ERR_CANCELED, or ERR_NONE when it ended by itself */
    double idle_timeout_s;
    void (*line)(void *ctx, const char *line);
    struct proc_result *res;
    op_done done;
    void *ctx;
};

static void signal_group(struct proc *p, int sig)
{
    if (!p->exited)
        kill(-p->pid, sig);
}

static void end_it(struct proc *p, enum err_code why)
{
    if (p->ended_by == ERR_NONE)
        p->ended_by = why;
    if (ev_is_active(&p->kill))
        return;
    signal_group(p, SIGTERM);
    ev_timer_start(p->loop, &p->kill);
}

static void on_limit(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)revents;
    end_it(w->data, ERR_TIMEOUT);
}

static void close_stream(struct proc *p, struct stream *s)
{
    if (s->io.fd < 0)
        return;
    ev_io_stop(p->loop, &s->io);
    close(s->io.fd);
    s->io.fd = -1;
}

static void maybe_finish(struct proc *p);

/* The group did not end within the grace: kill it, and wait for no grandchild that holds a pipe. */
static void on_kill(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct proc *p = w->data;

    (void)loop;
    (void)revents;
    if (p->killed)
        p->exited = true; /* given up; libev reaps it whenever it ends */
    signal_group(p, SIGKILL);
    p->killed = true;
    close_stream(p, &p->out);
    close_stream(p, &p->err);
    maybe_finish(p);
}

static void proc_cancel(struct op *op)
{
    end_it((struct proc *)op, ERR_CANCELED);
}

char *proc_last_line(char *buf)
{
    char *end = buf + strlen(buf), *nl;

    while (end > buf && (end[-1] == '\n' || end[-1] == '\r' || end[-1] == ' '))
        *--end = '\0';
    nl = strrchr(buf, '\n');
    return nl ? nl + 1 : buf;
}

int proc_describe_exit(const char *name, int status, const char *said, struct err *err)
{
    size_t len = strlen(name);

    if (WIFSIGNALED(status))
        return err_set(err, ERR_IO, "%s: killed by signal %d (%s)%s%s", name, WTERMSIG(status),
                       strsignal(WTERMSIG(status)), *said ? ": " : "", said);
    if (WEXITSTATUS(status) == 0)
        return 0;
    if (starts_with(said, name) && said[len] == ':')
        said += len + 1 + (said[len + 1] == ' ');
    if (!*said)
        return err_set(err, ERR_IO, "%s: ended with status %d", name, WEXITSTATUS(status));
    return err_set(err, strstr(said, strerror(ENOSPC)) ? ERR_NOSPACE : ERR_IO, "%s: %s", name,
                   said);
}

static int describe(struct proc *p, struct err *err)
{
    const char *said = proc_last_line(p->err.buf);

    if (p->ended_by == ERR_CANCELED)
        return err_set(err, ERR_CANCELED, "%s: canceled", p->name);
    if (p->ended_by == ERR_TIMEOUT)
        return err_set(err, ERR_TIMEOUT, "%s: did not end in time", p->name);
    if (p->ended_by == ERR_PROTOCOL)
        return err_set(err, ERR_PROTOCOL, "%s: a line without end", p->name);
    return proc_describe_exit(p->name, p->status, said, err);
}

static void proc_free(struct proc *p)
{
    ev_timer_stop(p->loop, &p->limit);
    ev_timer_stop(p->loop, &p->idle);
    ev_timer_stop(p->loop, &p->kill);
    ev_child_stop(p->loop, &p->child);
    close_stream(p, &p->out);
    close_stream(p, &p->err);
    free(p->out.buf);
    free(p->err.buf);
    lines_done(&p->lines);
    free(p->name);
    free(p);
}

/* The last line, which has no end. */
static void give_rest(struct proc *p)
{
    size_t len;

    if (lines_unfinished(&p->lines) == 0)
        return;
    *lines_room(&p->lines, &len) = '\n';
    lines_put(&p->lines, 1);
    p->line(p->ctx, lines_next(&p->lines, &len));
}

static void maybe_finish(struct proc *p)
{
    struct err err = ERR_INIT;
    op_done done = p->done;
    void *ctx = p->ctx;
    bool ok;

    if (!p->exited || p->out.io.fd >= 0 || p->err.io.fd >= 0)
        return;
    ok = describe(p, &err) == 0;
    if (ok && p->line)
        give_rest(p);
    if (ok && p->res)
        p->res->out = TAKE_PTR(p->out.buf);
    proc_free(p);
    done(ctx, ok ? NULL : &err);
}

static void on_child(struct ev_loop *loop, ev_child *w, int revents)
{
    struct proc *p = w->data;

    (void)revents;
    ev_child_stop(loop, w);
    p->exited = true;
    p->status = w->rstatus;
    maybe_finish(p);
}

/* Into the buffer, for as long as there is room; what comes then is dropped. */
static ssize_t read_some(struct stream *s)
{
    char drop[4096];
    bool full = s->len == OUTPUT_MAX;
    ssize_t n = full ? read(s->io.fd, drop, sizeof(drop))
                     : read(s->io.fd, s->buf + s->len, OUTPUT_MAX - s->len);

    if (n > 0 && !full) {
        s->len += (size_t)n;
        s->buf[s->len] = '\0';
    }
    return n;
}

static ssize_t read_lines(struct proc *p)
{
    size_t size;
    char *room = lines_room(&p->lines, &size), *line;
    ssize_t n = read(p->out.io.fd, room, size);

    if (n <= 0)
        return n;
    lines_put(&p->lines, (size_t)n);
    while ((line = lines_next(&p->lines, &size)))
        p->line(p->ctx, line);
    if (lines_unfinished(&p->lines) > LINE_MAX_BYTES) {
        lines_done(&p->lines);
        end_it(p, ERR_PROTOCOL);
    }
    return n;
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
    struct proc *p = w->data;
    struct stream *s = CONTAINER_OF(w, struct stream, io);
    ssize_t n = s == &p->out && p->line ? read_lines(p) : read_some(s);

    (void)revents;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        close_stream(p, s);
        maybe_finish(p);
    } else if (p->idle_timeout_s > 0) {
        ev_timer_again(loop, &p->idle);
    }
}

static void watch(struct proc *p, struct stream *s, int fd)
{
    fcntl(fd, F_SETFL, O_NONBLOCK);
    if (s == &p->err || !p->line)
        s->buf = xcalloc(OUTPUT_MAX + 1, 1);
    ev_io_init(&s->io, on_readable, fd, EV_READ);
    s->io.data = p;
    ev_io_start(p->loop, &s->io);
}

static void arm(struct proc *p, const struct proc_spec *spec)
{
    ev_child_init(&p->child, on_child, p->pid, 0);
    p->child.data = p;
    ev_child_start(p->loop, &p->child);
    ev_timer_init(&p->limit, on_limit, spec->timeout_s, 0);
    ev_timer_init(&p->idle, on_limit, 0, spec->idle_timeout_s);
    ev_timer_init(&p->kill, on_kill, GRACE_S, GRACE_S);
    p->limit.data = p->idle.data = p->kill.data = p;
    if (spec->timeout_s > 0)
        ev_timer_start(p->loop, &p->limit);
    if (spec->idle_timeout_s > 0)
        ev_timer_again(p->loop, &p->idle);
}

const char *proc_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

struct op *proc_start(struct ev_loop *loop, const struct proc_spec *spec, struct proc_result *res,
                      op_done done, void *ctx, struct err *err)
{
    struct spawned child;
    struct proc *p;

    if (proc_spawn(spec, &child, err) < 0)
        return NULL;
    p = xcalloc(1, sizeof(*p));
    p->op.cancel = proc_cancel;
    p->loop = loop;
    p->name = xstrdup(proc_name(spec->argv[0]));
    p->pid = child.pid;
    p->idle_timeout_s = spec->idle_timeout_s;
    p->line = spec->line;
    p->res = res;
    p->done = done;
    p->ctx = ctx;
    watch(p, &p->out, child.out);
    watch(p, &p->err, child.err);
    arm(p, spec);
    return &p->op;
}

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
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/proc_priv.h"
#include "base/text.h"

#define RUN_FAILED 64 /* exit status of a child that ran a function: this plus the error's code */

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
    bool is_function;
    struct stream out, err;
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
    if (p->ended_by == ERR_TIMEOUT && p->is_function && *said)
        return err_set(err, ERR_TIMEOUT, "%s", said);
    if (p->ended_by == ERR_TIMEOUT)
        return err_set(err, ERR_TIMEOUT, "%s: did not end in time", p->name);
    if (p->is_function && WIFEXITED(p->status) && WEXITSTATUS(p->status) > RUN_FAILED &&
        WEXITSTATUS(p->status) < RUN_FAILED + ERR_CODE_COUNT)
        return err_set(err, (enum err_code)(WEXITSTATUS(p->status) - RUN_FAILED), "%s", said);
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
    free(p->name);
    free(p);
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
    if (ok && p->line && p->out.len)
        p->line(ctx, p->out.buf);
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

/* Hands out the whole lines and keeps the rest; a line longer than the buffer is cut. */
static void give_lines(struct proc *p, struct stream *s)
{
    char *start = s->buf, *nl;

    while ((nl = memchr(start, '\n', s->len - (size_t)(start - s->buf)))) {
        *nl = '\0';
        p->line(p->ctx, start);
        start = nl + 1;
    }
    s->len -= (size_t)(start - s->buf);
    memmove(s->buf, start, s->len);
    if (s->len == OUTPUT_MAX)
        s->len = 0;
    s->buf[s->len] = '\0';
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
    struct proc *p = w->data;
    struct stream *s = CONTAINER_OF(w, struct stream, io);
    char drop[4096];
    bool full = s->len == OUTPUT_MAX;
    ssize_t n =
        read(w->fd, full ? drop : s->buf + s->len, full ? sizeof(drop) : OUTPUT_MAX - s->len);

    (void)revents;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        close_stream(p, s);
        maybe_finish(p);
        return;
    }
    if (p->idle_timeout_s > 0)
        ev_timer_again(loop, &p->idle);
    if (full)
        return;
    s->len += (size_t)n;
    s->buf[s->len] = '\0';
    if (s == &p->out && p->line)
        give_lines(p, s);
}

static _Noreturn void run_program(const char *const *argv)
{
    execvp(argv[0], (char *const *)argv);
    fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static _Noreturn void run_function(const struct proc_spec *spec)
{
    struct err err = ERR_INIT;
    FILE *out = fdopen(STDOUT_FILENO, "w");
    int rc;

    close_range(STDERR_FILENO + 1, ~0U, 0);
    rc = spec->run(spec->arg, out, &err);
    if (rc == 0 && fflush(out) != 0)
        rc = err_errno(&err, errno, "write the result");
    if (rc < 0)
        dprintf(STDERR_FILENO, "%s\n", err.msg);
    _exit(rc < 0 ? RUN_FAILED + (int)err.code : 0);
}

_Noreturn void proc_become(const struct proc_spec *spec, int out, int err)
{
    sigset_t none;
    int null = open("/dev/null", O_RDONLY);

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
    dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    setenv("LC_ALL", "C", 1);
    if (spec->run)
        run_function(spec);
    if (spec->keep_fd > 0)
        fcntl(spec->keep_fd, F_SETFD, 0);
    run_program(spec->argv);
}

static void watch(struct proc *p, struct stream *s, int fd)
{
    fcntl(fd, F_SETFL, O_NONBLOCK);
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
    int out[2] = {-1, -1}, errs[2] = {-1, -1};
    const char *name = spec->run ? "vmkeep" : proc_name(spec->argv[0]);
    struct proc *p;
    pid_t pid;

    if (pipe2(out, O_CLOEXEC) < 0 || pipe2(errs, O_CLOEXEC) < 0) {
        err_errno(err, errno, "%s: pipe", name);
        if (out[0] >= 0) {
            close(out[0]);
            close(out[1]);
        }
        return NULL;
    }
    pid = fork();
    if (pid == 0)
        proc_become(spec, out[1], errs[1]);
    close(out[1]);
    close(errs[1]);
    if (pid < 0) {
        err_errno(err, errno, "%s: fork", name);
        close(out[0]);
        close(errs[0]);
        return NULL;
    }
    setpgid(pid, pid); /* here too, so that a signal sent at once finds the group */
    p = xcalloc(1, sizeof(*p));
    p->op.cancel = proc_cancel;
    p->loop = loop;
    p->name = xstrdup(name);
    p->is_function = spec->run != NULL;
    p->pid = pid;
    p->idle_timeout_s = spec->idle_timeout_s;
    p->line = spec->line;
    p->res = res;
    p->done = done;
    p->ctx = ctx;
    watch(p, &p->out, out[0]);
    watch(p, &p->err, errs[0]);
    arm(p, spec);
    return &p->op;
}

/* SPDX-License-Identifier: MIT
 *
 * Starts a program.  Not by posix_spawn(3): a child is to die with us (PR_SET_PDEATHSIG), which
 * that cannot ask for.  Not by fork(2) either: it copies our page tables, 25 us of each MiB we
 * have, for a child that needs none.  Up to its exec the child has our memory, on a stack of its
 * own, and we wait: it makes system calls alone and changes nothing that we read; all that takes
 * memory or locks is done before.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/proc_priv.h"
#include "base/text.h"

#define EXIT_NO_PROGRAM 127
#define LOCALE "LC_ALL="
#define CHILD_STACK (64 * 1024)

extern char **environ;

struct start {
    const char *const *argv;
    char **env;
    int in, out, err, keep, death;
    pid_t parent;
    sigset_t signals; /* blocked in the child: none */
};

/* Ours, with what programs say in plain words.  Borrows the strings. */
static char **environment(void)
{
    size_t n = 0, k = 0;
    char **ret;

    while (environ[n])
        n++;
    ret = xcalloc(n + 2, sizeof(*ret));
    for (size_t i = 0; i < n; i++)
        if (!starts_with(environ[i], LOCALE))
            ret[k++] = environ[i];
    ret[k] = (char *)LOCALE "C";
    return ret;
}

/* Memory takes it at once, however long it is; a pipe would have to be waited for. */
static int open_text(const char *text, struct err *err)
{
    CLEANUP_CLOSE int fd =
        text ? memfd_create("input", MFD_CLOEXEC) : open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_errno(err, errno, text ? "memory for the input" : "/dev/null");
    for (size_t len = text ? strlen(text) : 0; len > 0;) {
        ssize_t n = write(fd, text, len);

        if (n < 0 && errno != EINTR)
            return err_errno(err, errno, "write the input");
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    if (lseek(fd, 0, SEEK_SET) < 0 && errno != ESPIPE)
        return err_errno(err, errno, "the input");
    return take_fd(&fd);
}

static int open_input(const struct proc_spec *spec, struct err *err)
{
    int fd;

    if (spec->input_fd <= 0)
        return open_text(spec->input, err);
    fd = fcntl(spec->input_fd, F_DUPFD_CLOEXEC, 0);
    return fd < 0 ? err_errno(err, errno, "the input") : fd;
}

static void say(const char *s)
{
    if (write(STDERR_FILENO, s, strlen(s)) < 0)
        return;
}

/* The child; no handler of ours may run in it: it would write to what we wake our loop with. */
static int become(void *start)
{
    const struct start *s = start;
    const char *why;

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, s->death);
    if (getppid() != s->parent)
        return EXIT_NO_PROGRAM;
    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
    sigprocmask(SIG_SETMASK, &s->signals, NULL);
    dup2(s->in, STDIN_FILENO);
    dup2(s->out, STDOUT_FILENO);
    dup2(s->err, STDERR_FILENO);
    if (s->keep > 0)
        fcntl(s->keep, F_SETFD, 0);
    execvpe(s->argv[0], (char *const *)s->argv, s->env);
    why = strerrordesc_np(errno);
    say(s->argv[0]);
    say(": ");
    say(why ? why : "cannot be run");
    say("\n");
    return EXIT_NO_PROGRAM;
}

static pid_t start_child(struct start *s)
{
    _Alignas(16) char stack[CHILD_STACK];
    sigset_t all, before;
    pid_t pid;

    sigemptyset(&s->signals);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid = clone(become, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, s);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return pid;
}

static int start_it(const struct proc_spec *spec, int out, int errs, pid_t *ret, struct err *err)
{
    CLEANUP_CLOSE int in = open_input(spec, err);
    CLEANUP_FREE char **env = environment();
    struct start s = {.argv = spec->argv,
                      .env = env,
                      .in = in,
                      .out = out,
                      .err = errs,
                      .keep = spec->keep_fd,
                      .death = spec->death_signal ? spec->death_signal : SIGKILL,
                      .parent = getpid()};

    if (in < 0)
        return -1;
    *ret = start_child(&s);
    if (*ret < 0)
        return err_errno(err, errno, "clone");
    setpgid(*ret, *ret); /* here too, so that a signal sent at once finds the group */
    return 0;
}

int proc_spawn(const struct proc_spec *spec, struct spawned *ret, struct err *err)
{
    CLEANUP_CLOSE int out_r = -1, out_w = -1, err_r = -1, err_w = -1;
    const char *name = proc_name(spec->argv[0]);
    int pipes[2];

    if (pipe2(pipes, O_CLOEXEC) < 0)
        return err_errno(err, errno, "%s: pipe", name);
    out_r = pipes[0];
    out_w = pipes[1];
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return err_errno(err, errno, "%s: pipe", name);
    err_r = pipes[0];
    err_w = pipes[1];
    if (start_it(spec, out_w, err_w, &ret->pid, err) < 0)
        return err_wrap(err, "%s", name);
    ret->out = take_fd(&out_r);
    ret->err = take_fd(&err_r);
    return 0;
}

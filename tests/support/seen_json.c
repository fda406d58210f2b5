/* SPDX-License-Identifier: MIT
 *
 * The command that tests call: the real one (REAL), with the same arguments, signals and exit
 * status.  What it prints with --json is kept beside in a file of the directory SEEN_JSON, where
 * that is set (in_tmp), to be held against the published schema: the arguments, each ended by a
 * zero byte, an empty one, then the output.  The file is called PID-TIME.STATUS.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const int passed_on[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
#define N_PASSED_ON (sizeof(passed_on) / sizeof(passed_on[0]))

static volatile sig_atomic_t child;

static void pass_on(int sig)
{
    if (child > 0)
        kill((pid_t)child, sig);
}

static int has_json(char **argv)
{
    for (; *argv; argv++)
        if (strcmp(*argv, "--json") == 0)
            return 1;
    return 0;
}

static int run(char **argv)
{
    argv[0] = (char *)REAL;
    execv(REAL, argv);
    fprintf(stderr, "seen_json: %s: %s\n", REAL, strerror(errno));
    return 127;
}

static void put(int fd, const char *s, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, s, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0) {
            perror("seen_json: write");
            exit(126);
        }
        s += done;
        n -= (size_t)done;
    }
}

/* To standard output, and into the file. */
static void copy(int from, int file)
{
    char buf[65536];
    ssize_t n;

    while ((n = read(from, buf, sizeof(buf))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            perror("seen_json: read");
            exit(126);
        }
        put(file, buf, (size_t)n);
        put(STDOUT_FILENO, buf, (size_t)n);
    }
}

static int make_file(char *name, size_t size, const char *dir, char **argv)
{
    struct timespec now;
    int fd;

    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(name, size, "%s/%ld-%lld%09ld", dir, (long)getpid(), (long long)now.tv_sec,
             now.tv_nsec);
    fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) {
        fprintf(stderr, "seen_json: %s: %s\n", name, strerror(errno));
        exit(126);
    }
    for (; *argv; argv++)
        put(fd, *argv, strlen(*argv) + 1);
    put(fd, "", 1);
    return fd;
}

/* As the real one has ended. */
static void end(const char *name, int status)
{
    char done[4096];
    int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);

    snprintf(done, sizeof(done), "%s.%d", name, code);
    rename(name, done);
    if (WIFSIGNALED(status)) {
        signal(WTERMSIG(status), SIG_DFL);
        raise(WTERMSIG(status));
    }
    exit(code);
}

int main(int argc, char **argv)
{
    const char *dir = getenv("SEEN_JSON");
    char name[4000];
    int pipes[2], file, status;
    pid_t pid;

    if (argc < 1 || !dir || !*dir || !has_json(argv))
        return run(argv);
    file = make_file(name, sizeof(name), dir, argv + 1);
    if (pipe(pipes) < 0)
        return 126;
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(pipes[1], STDOUT_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        _exit(run(argv));
    }
    child = (sig_atomic_t)pid;
    for (size_t i = 0; i < N_PASSED_ON; i++)
        signal(passed_on[i], pass_on);
    close(pipes[1]);
    copy(pipes[0], file);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    end(name, status);
}

/* SPDX-License-Identifier: MIT */
#include "engine/qmp/look/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

#define ANSWER_S 5.0
#define SYNC_S 600.0 /* the medium may be slow */
#define DELETED " (deleted)"

/* What a child is to do. */
struct work {
    pid_t pid;
    const struct strlist *names; /* NULL: all */
    int (*visit)(const char *path, const char *name, struct err *err);
};

/* Should it hang, the parent takes this for the reason. */
static void say(const char *name)
{
    dprintf(STDERR_FILENO, "%s does not answer\n", name);
}

static bool is_wanted(const struct work *w, const char *name)
{
    for (size_t i = 0; w->names && i < w->names->n; i++)
        if (strcmp(w->names->items[i], name) == 0)
            return true;
    return !w->names;
}

static int visit_descriptor(const struct work *w, int dir, const char *number, struct err *err)
{
    char name[PATH_MAX], path[64];
    ssize_t n = readlinkat(dir, number, name, sizeof(name) - 1);
    size_t len, tail = strlen(DELETED);

    if (n <= 0 || name[0] != '/')
        return 0;
    name[n] = '\0';
    len = (size_t)n;
    if (len > tail && strcmp(name + len - tail, DELETED) == 0)
        name[len - tail] = '\0';
    if (!is_wanted(w, name))
        return 0;
    snprintf(path, sizeof(path), "/proc/%d/fd/%.16s", (int)w->pid, number);
    return w->visit(path, name, err);
}

static int visit_all(void *arg, FILE *out, struct err *err)
{
    const struct work *w = arg;
    struct dirent *entry;
    char path[64];
    DIR *dir;
    int rc = 0;

    (void)out;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)w->pid);
    dir = opendir(path);
    while (rc == 0 && dir && (entry = readdir(dir)))
        rc = visit_descriptor(w, dirfd(dir), entry->d_name, err);
    if (dir)
        closedir(dir);
    /* Another user's process: by their names, then. */
    for (size_t i = 0; rc == 0 && !dir && w->names && i < w->names->n; i++)
        rc = w->visit(w->names->items[i], w->names->items[i], err);
    return rc;
}

static int look(const char *path, const char *name, struct err *err)
{
    struct stat st;

    (void)err;
    say(name);
    stat(path, &st);
    return 0;
}

static int touch(const char *path, const char *name, struct err *err)
{
    const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};

    (void)err;
    say(name);
    utimensat(AT_FDCWD, path, times, 0);
    return 0;
}

static int sync_file(const char *path, const char *name, struct err *err)
{
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    say(name);
    if (fd < 0)
        return errno == EACCES || errno == ENOENT ? 0 : err_errno(err, errno, "%s", name);
    return fdatasync(fd) < 0 ? err_errno(err, errno, "%s", name) : 0;
}

static void run(struct task *t, struct work *w, double seconds)
{
    const struct proc_spec spec = {.run = visit_all, .arg = w, .timeout_s = seconds};

    w->pid = t->domain->pid;
    task_run(t, &spec);
}

void files_look(struct task *t)
{
    struct work w = {.visit = look};

    run(t, &w, ANSWER_S);
}

void files_touch(struct task *t, const struct strlist *names)
{
    struct work w = {.visit = touch, .names = names};

    run(t, &w, ANSWER_S);
}

void files_sync(struct task *t, const struct strlist *names)
{
    struct work w = {.visit = sync_file, .names = names};

    run(t, &w, SYNC_S);
}

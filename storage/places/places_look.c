/* SPDX-License-Identifier: MIT */
#include "storage/places/places_look.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"

#define ANSWER_MS 2000
#define DEPTH_MAX 16 /* of directories in a repository */

#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif

/* A kernel that cannot tell whether something is mounted there: it may be. */
static bool is_mounted(const struct statx *st)
{
    return !(st->stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) ||
           (st->stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static struct file_key key_of(const struct statx *st)
{
    return (struct file_key){makedev(st->stx_dev_major, st->stx_dev_minor), st->stx_ino};
}

static bool look(const char *path, struct statx *ret)
{
    return statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, ret) == 0;
}

/* The real path's parts, the longest first. */
static void look_up(struct place *p, const char *path)
{
    CLEANUP_FREE char *real = realpath(path, NULL);
    struct statx st;

    for (char *end = real ? real + strlen(real) : NULL; end; end = strrchr(real, '/')) {
        bool root = end == real || (end == real + 1 && *real == '/');

        if (!root)
            *end = '\0';
        if (look(root ? "/" : real, &st))
            *VEC_ADD(&p->up) = (struct step_up){key_of(&st), is_mounted(&st)};
        if (root)
            return;
    }
}

void place_look(const char *path, struct place *ret)
{
    CLEANUP_FREE char *trimmed = xstrdup(path), *dir = NULL;
    size_t len = strlen(trimmed);
    const char *slash;
    struct statx st;

    *ret = (struct place){0};
    while (len > 1 && trimmed[len - 1] == '/')
        trimmed[--len] = '\0';
    dir = path_dirname(trimmed);
    slash = strrchr(trimmed, '/');
    ret->name = xstrdup(slash ? slash + 1 : trimmed);
    if (look(trimmed, &st)) {
        ret->exists = true;
        ret->key = key_of(&st);
        ret->mode = st.stx_mode;
        ret->device = makedev(st.stx_rdev_major, st.stx_rdev_minor);
        ret->linked = !S_ISDIR(st.stx_mode) && (st.stx_nlink > 1 || is_mounted(&st));
    }
    if (look(dir, &st)) {
        ret->has_dir = true;
        ret->dir = key_of(&st);
    }
    look_up(ret, ret->exists ? trimmed : dir);
}

void place_done(struct place *p)
{
    free(p->name);
    free(p->up.items);
    *p = (struct place){0};
}

/* Between fork and exit it makes system calls alone.  It lets go of our pipes first: one that hangs
 * and cannot even be killed would keep whoever reads them waiting for their end. */
static _Noreturn void ask(const char *path, bool closely)
{
    struct statx st;
    char byte;
    int fd;

    close_range(0, ~0U, 0);
    look(path, &st);
    fd = closely ? open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
    if (fd >= 0 && read(fd, &byte, 1) < 0)
        _exit(1);
    _exit(0);
}

bool place_answers(const char *path, bool closely)
{
    pid_t pid = fork();
    CLEANUP_CLOSE int fd = -1;
    struct pollfd end;

    if (pid == 0)
        ask(path, closely);
    fd = pid > 0 ? pidfd_open(pid, 0) : -1;
    if (fd < 0)
        return true; /* nobody can be asked */
    end = (struct pollfd){.fd = fd, .events = POLLIN};
    if (poll(&end, 1, ANSWER_MS) == 0) {
        kill(pid, SIGKILL); /* it may not even end by that: whoever comes after us waits for it */
        return false;
    }
    waitpid(pid, NULL, WNOHANG);
    return true;
}

bool place_same(const struct place *a, const struct place *b)
{
    if (a->exists != b->exists)
        return false;
    if (!a->exists)
        return a->has_dir && b->has_dir && file_key_same(a->dir, b->dir) &&
               strcmp(a->name, b->name) == 0;
    if (S_ISBLK(a->mode) && S_ISBLK(b->mode))
        return a->device == b->device;
    return file_key_same(a->key, b->key);
}

/* ---- in a directory, by another way than its path ---- */

struct keys {
    struct file_key *items;
    size_t n, cap;
};

static bool has_key(const struct keys *keys, struct file_key key)
{
    for (size_t i = 0; i < keys->n; i++)
        if (file_key_same(keys->items[i], key))
            return true;
    return false;
}

/* Is one of the keys in the directory of that descriptor (taken over), or below?  What cannot be
 * read is passed over. */
static bool walk(int fd, const struct keys *keys, int depth)
{
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    bool found = false;
    struct stat st;

    if (!d) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    while (!found && (entry = readdir(d))) {
        if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, "..") ||
            fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        found = has_key(keys, (struct file_key){st.st_dev, st.st_ino});
        if (!found && S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
            found = walk(
                openat(dirfd(d), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                keys, depth + 1);
    }
    closedir(d);
    return found;
}

static void add_key(struct keys *keys, struct file_key key, const struct place *dir)
{
    if (key.dev != dir->key.dev)
        return;
    for (size_t i = 0; i < dir->up.n; i++)
        if (file_key_same(dir->up.items[i].key, key))
            return; /* the directory is in it, not the other way round */
    *VEC_ADD(keys) = key;
}

/* A file with other names, or one below a mount, may be in a directory that is not among those
 * above it: only then is it looked for there. */
static bool is_hidden_in(const struct place *p, const struct place *dir, const char *dir_path)
{
    struct keys keys = {0};
    bool found;

    if (p->exists && p->linked)
        add_key(&keys, p->key, dir);
    for (size_t i = 0; i < p->up.n; i++)
        if (p->up.items[i].mounted)
            add_key(&keys, p->up.items[i].key, dir);
    found = keys.n > 0 && walk(open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), &keys, 0);
    free(keys.items);
    return found;
}

bool place_is_in(const struct place *p, const struct place *dir, const char *dir_path)
{
    if (!dir->exists || !S_ISDIR(dir->mode))
        return false;
    for (size_t i = 0; i < p->up.n; i++)
        if (file_key_same(p->up.items[i].key, dir->key))
            return true;
    return is_hidden_in(p, dir, dir_path);
}

/* SPDX-License-Identifier: MIT */
#include "storage/places/made.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"

static const char *const names[] = {
    [MADE_TARGET] = "target", [MADE_SCRATCH] = "scratch", [MADE_SOCKET] = "socket"};

const char *made_what_name(enum made_what w)
{
    return names[w];
}

int made_what_from_name(const char *s, enum made_what *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i], s) == 0) {
            *ret = (enum made_what)i;
            return 0;
        }
    }
    return -1;
}

void made_add(struct made_list *l, enum made_what what, const char *path)
{
    *VEC_ADD(l) = (struct made){.what = what, .path = xstrdup(path)};
}

void made_list_done(struct made_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->items[i].path);
    free(l->items);
    *l = (struct made_list){0};
}

/* What is there now, links not followed.  False: nothing. */
static bool look(int fd, const char *path, struct made *ret, mode_t *mode)
{
    struct statx st;

    if (statx(fd, path, AT_SYMLINK_NOFOLLOW | (*path ? 0 : AT_EMPTY_PATH),
              STATX_BASIC_STATS | STATX_BTIME, &st) < 0)
        return false;
    ret->device = makedev(st.stx_dev_major, st.stx_dev_minor);
    ret->inode = st.stx_ino;
    ret->born = st.stx_mask & STATX_BTIME
                    ? st.stx_btime.tv_sec * INT64_C(1000000000) + st.stx_btime.tv_nsec
                    : 0;
    *mode = st.stx_mode;
    return true;
}

static bool is_same(const struct made *a, const struct made *b)
{
    return a->inode != 0 && a->device == b->device && a->inode == b->inode && a->born == b->born;
}

/* ---- making ---- */

/* Beside the place of the list's i-th. */
static char *nameless(const struct made_list *l, size_t i, const char *tag)
{
    CLEANUP_FREE char *dir = path_dirname(l->items[i].path);

    return xasprintf("%s/.%s-%zu", dir, tag, i);
}

static void remove_nameless(const struct made_list *l, const char *tag)
{
    for (size_t i = 0; i < l->n; i++) {
        CLEANUP_FREE char *path = nameless(l, i, tag);

        if (l->items[i].what != MADE_SOCKET)
            unlink(path);
    }
}

/* path: without its name yet, which is for the error. */
static int create(const char *path, const char *name, uid_t uid, gid_t gid, struct made *ret,
                  struct err *err)
{
    CLEANUP_CLOSE int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    mode_t mode;

    if (fd < 0)
        return cannot_create(name, err);
    if (!look(fd, "", ret, &mode) || (geteuid() == 0 && fchown(fd, uid, gid) < 0))
        return err_errno(err, errno, "give %s to QEMU's user", name);
    return 0;
}

int made_create(const struct made_list *l, const char *tag, uid_t uid, gid_t gid,
                struct made_list *ret, struct err *err)
{
    CLEANUP(made_list_done) struct made_list all = {0};

    for (size_t i = 0; i < l->n; i++) {
        CLEANUP_FREE char *path = nameless(l, i, tag);
        struct made *now;
        mode_t mode;

        made_add(&all, l->items[i].what, l->items[i].path);
        now = &all.items[i];
        if (now->what == MADE_SOCKET) {
            look(AT_FDCWD, now->path, now, &mode);
        } else if (create(path, now->path, uid, gid, now, err) < 0) {
            remove_nameless(l, tag);
            return -1;
        }
    }
    *ret = all;
    all = (struct made_list){0};
    return 0;
}

/* Nothing is overwritten.  Not every file system can tell rename so. */
static int give_name(const char *from, const char *to, struct err *err)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if ((errno == EINVAL || errno == ENOSYS) && link(from, to) == 0) {
        unlink(from);
        return 0;
    }
    return err_errno(err, errno, "create %s", to);
}

int made_name(const struct made_list *l, const char *tag, struct err *err)
{
    for (size_t i = 0; i < l->n; i++) {
        CLEANUP_FREE char *path = nameless(l, i, tag);

        if (l->items[i].what != MADE_SOCKET && give_name(path, l->items[i].path, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- removing ---- */

static bool is_listened_on(const char *path)
{
    CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
        return true;
    memcpy(address.sun_path, path, strlen(path) + 1);
    return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 || errno != ECONNREFUSED;
}

/* Ours: a file that was made so; a socket that was not there before, and that nobody serves now. */
static bool may_go(const struct made *m, const struct made *now, mode_t mode)
{
    if (m->what != MADE_SOCKET)
        return is_same(m, now) && S_ISREG(mode);
    return S_ISSOCK(mode) && !is_same(m, now) && !is_listened_on(m->path);
}

static bool is_known(const struct made *m)
{
    return m->what == MADE_SOCKET || m->inode != 0;
}

int made_clear(const struct made_list *l, const char *tag, bool targets, struct err *err)
{
    int rc = 0;

    remove_nameless(l, tag);
    for (size_t i = 0; i < l->n; i++) {
        const struct made *m = &l->items[i];
        struct made now = {0};
        mode_t mode;

        if ((m->what == MADE_TARGET && !targets) || !is_known(m) ||
            !look(AT_FDCWD, m->path, &now, &mode))
            continue;
        if (may_go(m, &now, mode) && (unlink(m->path) == 0 || errno == ENOENT))
            continue;
        if (rc == 0)
            rc = may_go(m, &now, mode)
                     ? err_errno(err, errno, "the %s %s is left", names[m->what], m->path)
                     : err_set(err, ERR_EXISTS, "%s is left: it is not the %s that was made",
                               m->path, names[m->what]);
    }
    return rc;
}

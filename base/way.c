/* SPDX-License-Identifier: MIT */
#include "base/way.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"

#define GROUPS_MAX 256

struct user {
    uid_t uid;
    gid_t groups[GROUPS_MAX];
    int n;
};

/* libvirt gives QEMU the groups of its user, too. */
static struct user user_of(uid_t uid, gid_t gid)
{
    struct user ret = {.uid = uid, .groups = {gid}, .n = 1};
    const struct passwd *pw = getpwuid(uid);
    int n = GROUPS_MAX;

    if (pw && getgrouplist(pw->pw_name, gid, ret.groups, &n) >= 0)
        ret.n = n;
    return ret;
}

static bool is_in(const struct user *u, gid_t gid)
{
    for (int i = 0; i < u->n; i++)
        if (u->groups[i] == gid)
            return true;
    return false;
}

static bool may_pass(const struct user *u, const struct stat *st)
{
    if (u->uid == 0)
        return true;
    if (st->st_uid == u->uid)
        return st->st_mode & S_IXUSR;
    return st->st_mode & (is_in(u, st->st_gid) ? S_IXGRP : S_IXOTH);
}

char *user_text(uid_t uid)
{
    const struct passwd *pw = getpwuid(uid);

    return pw ? xasprintf("%s (%u)", pw->pw_name, (unsigned)uid) : xasprintf("%u", (unsigned)uid);
}

/* A directory that bars; others is false when the user is its owner or in its group. */
struct bars {
    char *first, *all;
    bool others;
};

static void note_bar(struct bars *b, const char *dir, bool others)
{
    CLEANUP_FREE char *below = TAKE_PTR(b->all);

    free(b->first);
    b->first = xstrdup(dir);
    b->all = below ? xasprintf("%s %s", dir, below) : xstrdup(dir);
    b->others = b->others && others;
}

static int refuse(const struct user *u, const struct bars *b, struct err *err)
{
    CLEANUP_FREE char *who = user_text(u->uid);

    return err_set(err, ERR_DENIED,
                   "%s: user %s may not pass through this directory: `chmod %s %s`", b->first, who,
                   b->others ? "o+x" : "a+x", b->all);
}

/* dir: becomes shorter. */
static int look_up(const struct user *u, char *dir, bool all_there, struct bars *b, struct err *err)
{
    char *slash;

    while ((slash = strrchr(dir, '/'))) {
        struct stat st;
        bool there;

        slash[slash == dir ? 1 : 0] = '\0';
        there = stat(dir, &st) == 0;
        if (!there && (all_there || errno != ENOENT))
            return err_errno(err, errno, "%s", dir);
        if (there && !may_pass(u, &st) && getxattr(dir, "system.posix_acl_access", NULL, 0) <= 0)
            note_bar(b, dir, st.st_uid != u->uid && !is_in(u, st.st_gid));
        if (slash == dir)
            break;
    }
    return 0;
}

static int look(const char *path, bool all_there, uid_t uid, gid_t gid, struct err *err)
{
    const struct user u = user_of(uid, gid);
    CLEANUP_FREE char *dir = xstrdup(path);
    struct bars bars = {.others = true};
    int rc = look_up(&u, dir, all_there, &bars, err);

    if (rc == 0 && bars.first)
        rc = refuse(&u, &bars, err);
    free(bars.first);
    free(bars.all);
    return rc;
}

int way_is_free(const char *path, uid_t uid, gid_t gid, struct err *err)
{
    return look(path, true, uid, gid, err);
}

int way_will_be_free(const char *path, uid_t uid, gid_t gid, struct err *err)
{
    return look(path, false, uid, gid, err);
}

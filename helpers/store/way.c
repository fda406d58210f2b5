/* SPDX-License-Identifier: MIT */
#include "helpers/store/way.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/alloc.h"
#include "base/cleanup.h"

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

int way_is_free(const char *path, uid_t uid, gid_t gid, struct err *err)
{
    const struct user u = user_of(uid, gid);
    CLEANUP_FREE char *dir = xstrdup(path);
    char *slash;

    while ((slash = strrchr(dir, '/'))) {
        struct stat st;

        slash[slash == dir ? 1 : 0] = '\0';
        if (stat(dir, &st) < 0)
            return err_errno(err, errno, "%s", dir);
        if (!may_pass(&u, &st) && getxattr(dir, "system.posix_acl_access", NULL, 0) <= 0)
            return err_set(err, ERR_DENIED, "%s: user %u may not pass through this directory", dir,
                           (unsigned)uid);
        if (slash == dir)
            break;
    }
    return 0;
}

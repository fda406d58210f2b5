/* SPDX-License-Identifier: MIT
 *
 * The chain is read, then locked, then read again: a merge in between may have made another chain
 * of it.  Then all is let go, and it begins anew.
 */
#include "storage/repository/point_hold.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "storage/repository/merge_journal.h"
#include "storage/repository/repository_priv.h"

#define TRIES 5

/* Some file systems cannot lock directories; a restore from them must still be possible. */
static bool is_held_by_other(void)
{
    return errno == EWOULDBLOCK;
}

/* The directory that was locked may have lost its name before it was. */
static int check_still_there(int domain, int dir, const char *id, const char *where,
                             struct err *err)
{
    struct stat held, now;

    if (fstatat(domain, point_id_name(id), &now, AT_SYMLINK_NOFOLLOW) < 0)
        return err_errno(err, errno, "%s", where);
    if (fstat(dir, &held) < 0 || held.st_ino != now.st_ino || held.st_dev != now.st_dev)
        return err_set(err, ERR_NOTFOUND, "%s: was replaced meanwhile", where);
    return 0;
}

static int lock_point(int domain, const char *path, const char *id, int how, const char *busy,
                      int *ret_fd, struct err *err)
{
    CLEANUP_FREE char *where = repository_path(path, id, "", NULL);
    CLEANUP_CLOSE int dir = -1;

    if (open_dir_at(domain, point_id_name(id), where, &dir, err) < 0)
        return -1;
    if (flock(dir, how | LOCK_NB) < 0 && is_held_by_other())
        return err_set(err, ERR_BUSY, "%s: %s", where, busy);
    if (check_still_there(domain, dir, id, where, err) < 0)
        return -1;
    *ret_fd = take_fd(&dir);
    return 0;
}

int point_take(int domain, const char *path, const char *point_id, int *ret_fd, struct err *err)
{
    return lock_point(domain, path, point_id, LOCK_EX, "is being restored from, or exported",
                      ret_fd, err);
}

static int hold_chain(const char *path, const struct point_list *chain, struct repository_hold *h,
                      struct err *err)
{
    for (size_t i = chain->n; i > 0; i--) {
        CLEANUP_CLOSE int domain = -1, dir = -1;

        if (open_domain_dir(path, chain->items[i - 1].id, false, &domain, err) < 0 ||
            lock_point(domain, path, chain->items[i - 1].id, LOCK_SH,
                       "is being removed, or merged into the next point", &dir, err) < 0)
            return -1;
        *VEC_ADD(h) = take_fd(&dir);
    }
    return 0;
}

static bool same_chain(const struct point_list *a, const struct point_list *b)
{
    for (size_t i = 0; i < a->n; i++)
        if (!point_list_find(b, a->items[i].id))
            return false;
    return a->n == b->n;
}

static int say_merged(const char *path, const char *id, struct err *err)
{
    CLEANUP(merge_journal_done) struct merge_journal j = {0};
    CLEANUP_CLOSE int domain = -1;
    struct err ignored = ERR_INIT;
    bool there = false;

    if (open_domain_dir(path, id, false, &domain, &ignored) == 0)
        merge_journal_read(domain, path, id, &j, &there, &ignored);
    return err_set(err, ERR_NOTFOUND,
                   "%s: is no point any more: no rule kept it, or it was deleted, and it is being "
                   "merged into the next one%s%s, which can be had",
                   id, there ? ", " : "", there ? j.into : "");
}

/* *ret_again: it was not held, for it has changed meanwhile. */
static int try_to_hold(const char *path, const char *id, struct repository_hold *ret,
                       bool *ret_again, struct err *err)
{
    CLEANUP(point_list_done) struct point_list before = {0}, after = {0};
    CLEANUP(repository_unhold) struct repository_hold h = {0};

    *ret_again = false;
    if (read_chain(path, id, &before, err) < 0)
        return -1;
    if (before.items[0].state == POINT_DELETING)
        return say_merged(path, id, err);
    if (hold_chain(path, &before, &h, err) < 0) {
        *ret_again = err->code == ERR_NOTFOUND;
        return -1;
    }
    if (read_chain(path, id, &after, err) < 0)
        return -1;
    *ret_again = after.items[0].state == POINT_DELETING || !same_chain(&before, &after);
    if (*ret_again)
        return err_set(err, ERR_BUSY, "%s: its chain changes all the time", id);
    *ret = h;
    h = (struct repository_hold){0};
    return 0;
}

int repository_hold(const char *path, const char *point_id, struct repository_hold *ret,
                    struct err *err)
{
    bool again = true;
    int rc = -1;

    for (int i = 0; i < TRIES && rc < 0 && again; i++) {
        *err = ERR_INIT;
        rc = try_to_hold(path, point_id, ret, &again, err);
    }
    return rc;
}

void repository_unhold(struct repository_hold *h)
{
    for (size_t i = 0; i < h->n; i++)
        close(h->items[i]);
    free(h->items);
    *h = (struct repository_hold){0};
}

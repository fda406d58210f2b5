/* SPDX-License-Identifier: MIT */
#include "storage/repository/merge_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "storage/repository/repository_priv.h"

#define FORMAT 1

void merge_journal_done(struct merge_journal *j)
{
    for (size_t i = 0; i < j->disks.n; i++) {
        free(j->disks.items[i].name);
        free(j->disks.items[i].backing);
    }
    free(j->disks.items);
    free(j->into);
    free(j->parent);
    *j = (struct merge_journal){0};
}

const struct merge_disk *merge_journal_disk(const struct merge_journal *j, const char *disk)
{
    for (size_t i = 0; i < j->disks.n; i++)
        if (str_eq(j->disks.items[i].name, disk))
            return &j->disks.items[i];
    return NULL;
}

static int parse(const char *text, size_t len, const char *where, const char *point_id,
                 struct merge_journal *ret, struct err *err)
{
    json_error_t at;
    json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &at), *disks = NULL, *disk;
    const char *point = NULL, *into = NULL, *parent = NULL;
    size_t i;
    int format = 0, rc = 0;

    if (!o || json_unpack_ex(o, &at, 0, "{s:i, s:s, s:s, s?s, s:o}", "format", &format, "point",
                             &point, "into", &into, "parent", &parent, "disks", &disks) < 0)
        rc = err_set(err, ERR_CORRUPT, "%s:%d: %s", where, at.line, at.text);
    else if (format != FORMAT)
        rc = err_set(err, ERR_UNSUPPORTED, "%s: format %d, this program knows %d", where, format,
                     FORMAT);
    else if (!str_eq(point, point_id) || !point_ids_share_domain(point, into) ||
             str_eq(point, into) || (parent && !point_ids_share_domain(point, parent)))
        rc = err_set(err, ERR_CORRUPT, "%s: is the journal of another merge", where);
    ret->into = rc == 0 ? xstrdup(into) : NULL;
    ret->parent = rc == 0 ? xstrdup(parent) : NULL;
    json_array_foreach(rc == 0 ? disks : NULL, i, disk) {
        const char *name = NULL, *backing = NULL;

        rc = json_unpack_ex(disk, &at, 0, "{s:s, s?s}", "name", &name, "backing", &backing);
        if (rc < 0 || (backing && !point_ids_share_domain(point_id, backing)))
            rc = err_set(err, ERR_CORRUPT, "%s: disk %zu is none", where, i + 1);
        if (rc < 0)
            break;
        *VEC_ADD(&ret->disks) = (struct merge_disk){xstrdup(name), xstrdup(backing)};
    }
    json_decref(o);
    return rc;
}

int merge_journal_read(int dir, const char *path, const char *point_id, struct merge_journal *ret,
                       bool *ret_there, struct err *err)
{
    CLEANUP_FREE char *where = repository_path(path, point_id, MERGING, NULL);
    CLEANUP_FREE char *name = xasprintf("%s%s", point_id_name(point_id), MERGING);
    CLEANUP_FREE char *text = NULL;
    CLEANUP(merge_journal_done) struct merge_journal j = {0};
    size_t len;

    *ret_there = false;
    if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
        return 0;
    if (read_small_at(dir, name, where, MANIFEST_MAX, &text, &len, err) < 0) {
        if (err->code != ERR_NOTFOUND)
            return -1;
        *err = ERR_INIT; /* it has just ended */
        return 0;
    }
    if (parse(text, len, where, point_id, &j, err) < 0)
        return -1;
    *ret_there = true;
    *ret = j;
    j = (struct merge_journal){0};
    return 0;
}

int merge_journal_write(int dir, const char *path, const struct point *goes, const char *into,
                        struct err *err)
{
    CLEANUP_FREE char *where = repository_path(path, goes->id, MERGING, NULL);
    CLEANUP_FREE char *name = xasprintf("%s%s", point_id_name(goes->id), MERGING);
    CLEANUP_FREE char *text = NULL;
    json_t *disks = json_array(), *o;

    for (size_t i = 0; i < goes->disks.n; i++)
        json_array_append_new(disks, json_pack("{s:s, s:s*}", "name", goes->disks.items[i].name,
                                               "backing", goes->disks.items[i].backing));
    o = json_pack("{s:i, s:s, s:s, s:s*, s:o}", "format", FORMAT, "point", goes->id, "into", into,
                  "parent", goes->parent, "disks", disks);
    text = json_dumps(o, JSON_INDENT(2));
    json_decref(o);
    return create_file_at(dir, name, where, text, strlen(text), 0600, err);
}

int merge_journal_remove(int dir, const char *path, const char *point_id, struct err *err)
{
    CLEANUP_FREE char *where = repository_path(path, point_id, MERGING, NULL);
    CLEANUP_FREE char *name = xasprintf("%s%s", point_id_name(point_id), MERGING);

    if (unlinkat(dir, name, 0) < 0)
        return errno == ENOENT ? 0 : err_errno(err, errno, "remove %s", where);
    return sync_fd(dir, where, err);
}

int merge_journal_remove_lone(int dir, const char *path, const char *point_id, struct err *err)
{
    struct stat st;

    if (fstatat(dir, point_id_name(point_id), &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    if (errno != ENOENT)
        return err_errno(err, errno, "%s/%s", path, point_id);
    return merge_journal_remove(dir, path, point_id, err);
}

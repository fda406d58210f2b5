/* SPDX-License-Identifier: MIT */
#include "storage/repository/pin.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "storage/repository/repository_priv.h"

#define FORMAT 1

static int write_pin(int dir, const char *where, const struct point_pin *pin, struct err *err)
{
    json_t *o =
        json_pack("{s:i, s:I, s:o*, s:s*}", "format", FORMAT, "since", (json_int_t)pin->since,
                  "until", pin->until ? json_integer(pin->until) : NULL, "note", pin->note);
    char *text = o ? json_dumps(o, JSON_INDENT(2)) : NULL;
    int rc;

    json_decref(o);
    if (!text)
        return err_set(err, ERR_INVALID, "%s: the note is not UTF-8", where);
    rc = replace_file_at(dir, PIN_FILE, where, text, strlen(text), 0600, err);
    free(text);
    return rc;
}

static int remove_pin(int dir, const char *where, struct err *err)
{
    if (unlinkat(dir, PIN_FILE, 0) < 0 && errno != ENOENT)
        return err_errno(err, errno, "%s", where);
    return sync_fd(dir, where, err);
}

/* What is being merged into the next point is none any more. */
static int check_is_point(int dir, const char *path, const char *point_id, struct err *err)
{
    CLEANUP(point_done) struct point p = {0};

    if (read_manifest(dir, path, point_id, &p, err) < 0)
        return -1;
    if (p.state == POINT_DELETING)
        return err_set(err, ERR_BUSY, "%s/%s: is being merged into the next point", path, point_id);
    return 0;
}

int repository_pin(const char *path, const struct repository_access *access, const char *point_id,
                   const struct point_pin *pin, struct err *err)
{
    CLEANUP_FREE char *where = repository_path(path, point_id, "", PIN_FILE);
    CLEANUP_FREE char *point = repository_path(path, point_id, "", NULL);
    CLEANUP_CLOSE int domain = -1, dir = -1;

    if (open_our_domain_dir(path, access, point_id, false, &domain, err) < 0)
        return -1;
    if (domain >= 0 && open_dir_at(domain, point_id_name(point_id), point, &dir, err) < 0 &&
        (err->code != ERR_NOTFOUND || pin->since))
        return -1;
    if (dir < 0 && pin->since)
        return err_set(err, ERR_NOTFOUND, "%s: is not there", point);
    if (dir < 0) {
        *err = ERR_INIT;
        return 0;
    }
    if (!pin->since)
        return remove_pin(dir, where, err);
    return check_is_point(dir, path, point_id, err) < 0 ? -1 : write_pin(dir, where, pin, err);
}

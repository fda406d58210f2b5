/* SPDX-License-Identifier: MIT */
#include "storage/repository/pin.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "storage/repository/repository_priv.h"

#define FORMAT 1
#define FILE_MAX 8192

static int parse(const char *text, size_t len, const char *where, struct point_pin *ret,
                 struct err *err)
{
    json_error_t at;
    json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &at);
    const char *note = NULL;
    json_int_t since = 0, until = 0;
    int format = 0, rc = 0;

    if (!o || json_unpack_ex(o, &at, 0, "{s:i, s:I, s?I, s?s}", "format", &format, "since", &since,
                             "until", &until, "note", &note) < 0)
        rc = err_set(err, ERR_CORRUPT, "%s:%d: %s", where, at.line, at.text);
    else if (format != FORMAT || since <= 0 || until < 0)
        rc = err_set(err, ERR_CORRUPT, "%s: is no pin of format %d", where, FORMAT);
    else
        *ret = (struct point_pin){.since = since, .until = until, .note = xstrdup(note)};
    json_decref(o);
    return rc;
}

void pin_read_at(int point_dir, const char *path, const char *point_id, struct point_pin *ret)
{
    CLEANUP_FREE char *where = repository_path(path, point_id, "", PIN_FILE);
    CLEANUP_FREE char *text = NULL;
    struct err err = ERR_INIT;
    size_t len = 0;

    *ret = (struct point_pin){0};
    if ((read_small_at(point_dir, PIN_FILE, where, FILE_MAX, &text, &len, &err) < 0 ||
         parse(text, len, where, ret, &err) < 0) &&
        err.code != ERR_NOTFOUND)
        *ret = (struct point_pin){.since = 1, .note = xstrdup("its pin.json cannot be read")};
}

int pin_refuse(const struct point_pin *pin, const char *path, const char *point_id, int64_t now,
               struct err *err)
{
    CLEANUP_FREE char *text = NULL;

    if (!pin_holds(pin, now))
        return 0;
    text = pin_text_local(pin);
    return err_set(err, ERR_BUSY, "%s/%s: is %s; 'vmkeep unpin %s' lets go of it", path, point_id,
                   text, point_id);
}

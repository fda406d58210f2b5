/* SPDX-License-Identifier: MIT
 *
 * Places that were there before must be empty images of the disk's size: anything that such an
 * image holds would be part of the backup.  A pull's readers would be served it for the disk's, and
 * an increment would hide what is below it.
 */
#include "engine/image_command.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

static const char *secret_of(const struct image_file *f)
{
    return f->encryption && f->encryption->secret ? f->encryption->secret_file : NULL;
}

static void fill(struct image_command *c, const char *const *words, size_t n)
{
    size_t at = 0;

    for (size_t i = 0; i < n; i++)
        if (words[i])
            c->argv[at++] = words[i];
    c->argv[at] = NULL;
}

void image_command_create(struct image_command *c, const struct image_file *f, uint64_t size)
{
    const char *secret = secret_of(f);

    *c = (struct image_command){0};
    c->owned[0] = secret ? secret_object("key", secret) : NULL;
    c->owned[1] = xasprintf("%" PRIu64, size);
    fill(c,
         (const char *[]){"qemu-img", "create", "-q", secret ? "--object" : NULL, c->owned[0], "-f",
                          f->format, secret ? "-o" : NULL,
                          secret ? "encrypt.format=luks,encrypt.key-secret=key" : NULL, f->path,
                          c->owned[1]},
         11);
}

static char *file_name(const struct image_file *f)
{
    json_t *options =
        json_pack("{s:s, s:{s:s, s:s}, s:n, s:s*}", "driver", f->format, "file", "driver",
                  f->is_device ? "host_device" : "file", "filename", f->path, "backing",
                  "encrypt.key-secret", secret_of(f) ? "key" : NULL);
    char *text = options ? json_dumps(options, JSON_COMPACT) : NULL;
    char *ret = xasprintf("json:%s", text ? text : "");

    free(text);
    json_decref(options);
    return ret;
}

void image_command_map(struct image_command *c, const struct image_file *f)
{
    const char *secret = secret_of(f);

    *c = (struct image_command){0};
    c->owned[0] = secret ? secret_object("key", secret) : NULL;
    c->owned[1] = file_name(f);
    fill(c,
         (const char *[]){"qemu-img", "map", "--output=json", secret ? "--object" : NULL,
                          c->owned[0], c->owned[1]},
         6);
}

void image_command_done(struct image_command *c)
{
    for (size_t i = 0; i < ARRAY_LEN(c->owned); i++)
        free(c->owned[i]);
    *c = (struct image_command){0};
}

static bool is_hole(json_t *extent)
{
    return !json_is_true(json_object_get(extent, "present")) &&
           !json_is_true(json_object_get(extent, "data"));
}

/* Of the map: how far it reaches, and where the first data is; -1: nowhere. */
static int read_map(const char *map, uint64_t *size, json_int_t *dirty)
{
    json_t *extents = json_loads(map, 0, NULL), *extent;
    int rc = json_is_array(extents) ? 0 : -1;
    size_t i;

    *size = 0;
    *dirty = -1;
    json_array_foreach(extents, i, extent) {
        json_int_t start = json_integer_value(json_object_get(extent, "start"));
        json_int_t length = json_integer_value(json_object_get(extent, "length"));

        if (start < 0 || length <= 0) {
            rc = -1;
            break;
        }
        *size = (uint64_t)start + (uint64_t)length;
        if (*dirty < 0 && !is_hole(extent))
            *dirty = start;
    }
    json_decref(extents);
    return rc;
}

int image_check_map(const char *path, const char *map, uint64_t want, struct err *err)
{
    uint64_t size;
    json_int_t dirty;

    if (read_map(map, &size, &dirty) < 0)
        return err_set(err, ERR_PROTOCOL, "qemu-img map %s: not a list of extents", path);
    if (size != want)
        return err_set(err, ERR_INVALID,
                       "%s is an image of %" PRIu64 " bytes, the disk has %" PRIu64, path, size,
                       want);
    if (dirty >= 0)
        return err_set(err, ERR_EXISTS,
                       "%s is not empty: it holds data at offset %lld, which would become part of"
                       " the backup; make it anew",
                       path, (long long)dirty);
    return 0;
}

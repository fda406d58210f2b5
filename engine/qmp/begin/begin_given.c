/* SPDX-License-Identifier: MIT
 *
 * Places that were there before: block devices, which are made into empty images (as libvirt
 * does), and what the caller has made (reuse_external), which must be an empty image of the
 * disk's size.  Anything that such an image holds would be part of the backup: a pull's readers
 * would be served it for the disk's, and an increment would hide what is below it.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/qmp/begin/begin.h"

#define MAP_S 60.0
#define SECTOR 512

void begin_list_given(struct begin *b, const struct begin_disk *disk)
{
    bool qcow2 = str_eq(disk->format, "qcow2");
    struct begin_image *image;

    if (b->made_empty || disk->place.type == PLACE_NETWORK || !qcow2 ||
        (disk->place.type == PLACE_FILE && !b->reuse_external))
        return;
    image = VEC_ADD(&b->images);
    image->disk = disk;
    image->path = disk->place.path;
    image->format = disk->format;
    image->found = b->reuse_external ? FOUND_EMPTY : FOUND_FORMAT;
}

/* Without its backing file: what is below it does not matter. */
static char *file_name(const struct begin_image *image)
{
    const struct begin_disk *disk = image->disk;
    json_t *options =
        json_pack("{s:s, s:{s:s, s:s}, s:n, s:s*}", "driver", image->format, "file", "driver",
                  disk->is_device ? "host_device" : "file", "filename", image->path, "backing",
                  "encrypt.key-secret", disk->place.encryption.secret ? "key" : NULL);
    char *text = options ? json_dumps(options, JSON_COMPACT) : NULL;
    char *ret = xasprintf("json:%s", text ? text : "");

    free(text);
    json_decref(options);
    return ret;
}

void begin_map_given(struct begin *b, const struct begin_image *image)
{
    const struct backup_encryption *crypt = &image->disk->place.encryption;
    CLEANUP_FREE char *secret = xasprintf("secret,id=key,file=%s", crypt->secret_file);
    CLEANUP_FREE char *name = file_name(image);
    const char *plain[] = {"qemu-img", "map", "--output=json", name, NULL};
    const char *luks[] = {"qemu-img", "map", "--output=json", "--object", secret, name, NULL};
    const struct proc_spec spec = {.argv = crypt->secret ? luks : plain, .timeout_s = MAP_S};

    task_run(&b->task, &spec);
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

int begin_check_given(const struct begin_image *image, const char *map, struct err *err)
{
    uint64_t size, capacity = image->disk->source->facts.capacity;
    json_int_t dirty;

    if (read_map(map, &size, &dirty) < 0)
        return err_set(err, ERR_PROTOCOL, "qemu-img map %s: not a list of extents", image->path);
    if (size != capacity)
        return err_set(err, ERR_INVALID,
                       "%s is an image of %" PRIu64 " bytes, the disk has %" PRIu64, image->path,
                       size, capacity);
    if (dirty >= 0)
        return err_set(err, ERR_EXISTS,
                       "%s is not empty: it holds data at offset %lld, which would become part of"
                       " the backup; make it anew",
                       image->path, (long long)dirty);
    return 0;
}

/* A raw target, which QEMU takes only if it is of the disk's size.  A device may be larger. */
int begin_check_raw(const struct begin_disk *disk, const struct file_fact *f, struct err *err)
{
    uint64_t size = (f->end + SECTOR - 1) / SECTOR * SECTOR;
    uint64_t capacity = disk->source->facts.capacity;

    if (f->unreadable) /* QEMU's to say */
        return 0;
    if (disk->is_device ? size >= capacity : size == capacity)
        return 0;
    return err_set(err, ERR_INVALID, "disk %s: target %s has %" PRIu64 " bytes, the disk %" PRIu64,
                   disk->name, disk->place.path, f->end, capacity);
}

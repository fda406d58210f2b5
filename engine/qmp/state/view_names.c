/* SPDX-License-Identifier: MIT
 *
 * What disks are called: by what stays the same while images come and go above and below one
 * another (snapshots, mirrors, commits).  First by the configuration's entry whose image is the
 * disk's, or lies anywhere below it; else by the drive's id; else by the device's.  A node's
 * name is the last resort.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/qmp/state/view_disks.h"

static bool same_file(const char *a, const char *b, const struct view_names *names)
{
    const struct file_fact *fa, *fb;

    if (strcmp(a, b) == 0)
        return true;
    fa = view_named_fact(names, a);
    fb = view_named_fact(names, b);
    return file_is_same(fa, fb);
}

static size_t entry_of(const char *file, const struct view_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        if (same_file(names->items[i].image, file, names))
            return i;
    return SIZE_MAX;
}

/* The topmost file that an entry names. */
static void find_entry(struct candidate *c, const struct view_names *names)
{
    json_t *node = c->source.node;

    c->entry = SIZE_MAX;
    for (c->depth = 0; node && c->depth < CHAIN_MAX && c->entry == SIZE_MAX; c->depth++) {
        CLEANUP_FREE char *file = view_file_of(&c->source, node, names->cwd);

        if (file)
            c->entry = entry_of(file, names);
        node = view_backing(&c->source, node);
    }
}

/* Several disks may stand on one file.  The one that is nearest to it bears its name; where two are
 * as near (they share a template), none does. */
static void settle(struct candidates *c, size_t entry)
{
    size_t nearest = SIZE_MAX, as_near = 0;

    for (size_t i = 0; i < c->n; i++) {
        if (c->items[i].entry != entry || c->items[i].depth > nearest)
            continue;
        as_near = c->items[i].depth == nearest ? as_near + 1 : 1;
        nearest = c->items[i].depth;
    }
    for (size_t i = 0; i < c->n; i++)
        if (c->items[i].entry == entry && (c->items[i].depth > nearest || as_near > 1))
            c->items[i].entry = SIZE_MAX;
}

void view_choose_entries(struct candidates *c, const struct view_names *names)
{
    for (size_t i = 0; i < c->n; i++)
        find_entry(&c->items[i], names);
    for (size_t entry = 0; entry < names->n; entry++)
        settle(c, entry);
}

/* "/machine/peripheral/vda/virtio-backend" is called vda: what QEMU makes inside of a device
 * goes by its name. */
char *view_device_name(const char *qdev)
{
    static const char *const places[] = {"/machine/peripheral/", "/machine/peripheral-anon/"};
    const char *slash = strrchr(qdev, '/');

    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        size_t len = strlen(places[i]);

        if (strncmp(qdev, places[i], len) == 0)
            return xasprintf("%.*s", (int)strcspn(qdev + len, "/"), qdev + len);
    }
    return xstrdup(slash ? slash + 1 : qdev);
}

char *view_name_of(const struct candidate *c, const struct view_names *names)
{
    const char *drive = json_string_value(json_object_get(c->block, "device"));
    const char *qdev = json_string_value(json_object_get(c->block, "qdev"));
    const char *node = json_string_value(json_object_get(c->source.node, "node-name"));

    if (c->entry != SIZE_MAX)
        return xstrdup(names->items[c->entry].name);
    if (drive && *drive)
        return xstrdup(drive);
    if (qdev && *qdev)
        return view_device_name(qdev);
    /* The image's node comes before a filter's above it: filters come and go. */
    return xstrdup(node && node[0] != '#' ? node : c->top);
}

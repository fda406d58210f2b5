/* SPDX-License-Identifier: MIT */
#include "cli/served_options.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/cleanup.h"

/* Takes the value over. */
static void add(struct strlist *argv, const char *option, json_t *value)
{
    CLEANUP_FREE char *text = json_dumps(value, JSON_COMPACT);

    strlist_add(argv, option);
    strlist_add(argv, text ? text : "{}"); /* a name that is no UTF-8: QEMU says what it lacks */
    json_decref(value);
}

/* Adds KIND and the disk's number to the names of nodes. */
static char *node(const char *kind, size_t i)
{
    return xasprintf("%s%zu", kind, i);
}

static void add_file(struct strlist *argv, const char *name, const char *path, bool read_only)
{
    add(argv, "--blockdev",
        json_pack("{s:s, s:s, s:s, s:b}", "driver", "file", "filename", path, "node-name", name,
                  "read-only", read_only));
}

static void add_overlay(const struct served_disk *d, size_t i, struct strlist *argv)
{
    CLEANUP_FREE char *file = node("overlay-file", i), *name = node("overlay", i);
    CLEANUP_FREE char *below = node("image", i);

    add_file(argv, file, d->overlay ? d->overlay : d->made, false);
    add(argv, "--blockdev",
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:b}}", "driver", "qcow2", "node-name", name,
                  "file", file, "backing", below, "discard", "unmap", "cache", "no-flush",
                  !d->overlay));
}

/* The name of the node that is served.  Caller frees. */
static char *add_nodes(const struct served *s, size_t i, struct strlist *argv)
{
    const struct served_disk *d = &s->disks.items[i];
    const bool direct = s->writable && d->format, over = s->writable && !d->format;
    CLEANUP_FREE char *file = node("image-file", i), *image = node("image", i);
    CLEANUP_FREE char *overlay = node("overlay", i), *part = node("part", i);
    json_t *options;

    add_file(argv, file, d->image, !direct);
    options = json_pack("{s:s, s:s, s:s, s:b}", "driver", d->format ? d->format : "qcow2",
                        "node-name", image, "file", file, "read-only", !direct);
    if (d->blockdev) {
        json_t *more = json_loads(d->blockdev, 0, NULL);

        json_object_update_missing(options, more);
        json_decref(more);
    }
    add(argv, "--blockdev", options);
    if (over)
        add_overlay(d, i, argv);
    if (!d->length)
        return TAKE_PTR(*(over ? &overlay : &image));
    add(argv, "--blockdev",
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:b}", "driver", "raw", "node-name", part, "file",
                  over ? overlay : image, "offset", (json_int_t)d->offset, "size",
                  (json_int_t)d->length, "read-only", !s->writable));
    return TAKE_PTR(part);
}

static json_t *address(const struct served *s)
{
    CLEANUP_FREE char *own = served_path(s, SERVED_SOCKET);
    CLEANUP_FREE char *port = xasprintf("%d", s->port);

    if (s->port)
        return json_pack("{s:{s:s, s:s, s:s}}", "addr", "type", "inet", "host", s->address, "port",
                         port);
    return json_pack("{s:{s:s, s:s}}", "addr", "type", "unix", "path", s->socket ? s->socket : own);
}

static json_t *export_of(const struct served *s, size_t i, const char *name)
{
    CLEANUP_FREE char *id = node("export", i), *file = served_path(s, SERVED_FILE);

    if (s->as_file)
        return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "type", "fuse", "id", id, "node-name",
                         name, "mountpoint", file, "writable", s->writable, "allow-other", "off");
    return json_pack("{s:s, s:s, s:s, s:s, s:b}", "type", "nbd", "id", id, "node-name", name,
                     "name", s->disks.items[i].name, "writable", s->writable);
}

/* One is that of all of them. */
static void add_key(const struct served *s, struct strlist *argv)
{
    for (size_t i = 0; i < s->disks.n; i++)
        if (s->disks.items[i].object) {
            strlist_add(argv, "--object");
            strlist_add(argv, s->disks.items[i].object);
            return;
        }
}

void served_options(const struct served *s, struct strlist *argv)
{
    add_key(s, argv);
    if (!s->as_file)
        add(argv, "--nbd-server", address(s));
    for (size_t i = 0; i < s->disks.n; i++) {
        CLEANUP_FREE char *name = add_nodes(s, i, argv);

        add(argv, "--export", export_of(s, i, name));
    }
}

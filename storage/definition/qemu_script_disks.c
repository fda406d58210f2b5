/* SPDX-License-Identifier: MIT
 *
 * The disks of a command line, see storage/definition/qemu_script.h.
 *
 * A disk is found by the file at the bottom of its nodes, or by its name.  The nodes of a restored
 * disk, a chain of images maybe, become one: the restored image stands alone.  One that was not
 * restored is left out, with its device, unless the guest could only read it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "storage/definition/qemu_script_priv.h"

#define DEPTH_MAX 32 /* of block nodes on one another */

/* NULL: it is none of the restored ones. */
static const struct script_disk *find_disk(struct script *s, const char *file, const char *name)
{
    for (size_t i = 0; i < s->r->n_disks; i++) {
        const struct script_disk *d = &s->r->disks[i];
        size_t was = d->was ? strlen(d->was) : 0, len = file ? strlen(file) : 0;

        if (was > len + 1 && len > 0 && file[0] != '/' && d->was[was - len - 1] == '/' &&
            strcmp(d->was + was - len, file) == 0) {
            free(s->cwd);
            s->cwd = xasprintf("%.*s", (int)(was - len - 1), d->was);
            return d;
        }
        if ((file && str_eq(d->was, file)) || str_eq(d->name, name))
            return d;
    }
    return NULL;
}

static bool is_on(const char *value, const char *key)
{
    CLEANUP_FREE char *is = qemu_value(value, key, NULL);

    return str_eq(is, "on") || str_eq(is, "true") || str_eq(is, "yes");
}

/* ---- -blockdev ---- */

static bool is_node(const struct script *s, size_t i)
{
    return str_eq(script_option(s, i)->name, "blockdev");
}

static char *node_key(const struct script *s, size_t i, const char *key)
{
    return is_node(s, i) ? qemu_value(script_option(s, i)->value, key, "driver") : NULL;
}

static bool find_node(const struct script *s, const char *name, size_t *ret)
{
    for (size_t i = 0; name && i < s->command.options.n; i++) {
        CLEANUP_FREE char *node = node_key(s, i, "node-name");

        if (str_eq(node, name)) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static bool is_filter(const struct script *s, size_t i)
{
    static const char *const filters[] = {"throttle", "copy-on-read", "preallocate", "compress",
                                          NULL};
    CLEANUP_FREE char *driver = node_key(s, i, "driver");

    return script_is_one_of(driver, filters);
}

static const char *const below[] = {"file", "backing", "data-file", NULL};

/* Does another node stand on it, which is not only a filter? */
static bool is_under_another(const struct script *s, const char *name)
{
    for (size_t i = 0; i < s->command.options.n; i++)
        for (const char *const *key = below; is_node(s, i) && *key; key++) {
            CLEANUP_FREE char *ref = node_key(s, i, *key);

            if (str_eq(ref, name) && !is_filter(s, i))
                return true;
        }
    return false;
}

/* The file that a node is of; NULL: of none. */
static char *file_of_node(const struct script *s, size_t i, int depth)
{
    CLEANUP_FREE char *name = node_key(s, i, "filename");
    CLEANUP_FREE char *inner = name ? NULL : node_key(s, i, "file.filename");
    CLEANUP_FREE char *ref = name || inner ? NULL : node_key(s, i, "file");
    size_t next;

    if (name || inner)
        return xstrdup(name ? name : inner);
    if (depth < DEPTH_MAX && find_node(s, ref, &next))
        return file_of_node(s, next, depth + 1);
    return NULL;
}

static void drop_below(struct script *s, size_t i, int depth)
{
    for (const char *const *key = below; depth < DEPTH_MAX && *key; key++) {
        CLEANUP_FREE char *ref = node_key(s, i, *key);
        size_t next;

        if (find_node(s, ref, &next)) {
            s->dropped[next] = true;
            drop_below(s, next, depth + 1);
        }
    }
}

/* The firmware's variables of a machine: pflash1=NODE. */
static bool is_firmware(const struct script *s, const char *node)
{
    for (size_t i = 0; i < s->command.options.n; i++) {
        const struct qemu_option *o = script_option(s, i);
        CLEANUP_FREE char *code = NULL, *variables = NULL;

        if (!str_eq(o->name, "machine") && !str_eq(o->name, "M"))
            continue;
        code = qemu_value(o->value, "pflash0", "type");
        variables = qemu_value(o->value, "pflash1", "type");
        if (str_eq(code, node) || str_eq(variables, node))
            return true;
    }
    return false;
}

static void restore_node(struct script *s, size_t i, const char *node, const struct script_disk *d)
{
    static const char *const keys[] = {"read-only",    "discard",        "detect-zeroes",
                                       "cache.direct", "cache.no-flush", NULL};
    CLEANUP_FREE char *used = script_keep(script_option(s, i)->value, keys);
    CLEANUP_FREE char *name = qemu_escape(node), *path = qemu_escape(d->path);

    drop_below(s, i, 0);
    script_replace(s, i,
                   xasprintf("driver=%s,node-name=%s,file.driver=file,file.filename=%s%s",
                             s->r->format, name, path, used));
}

/* Read-only, and not locked: the domain that it belongs to may run. */
static void keep_firmware(struct script *s, size_t i, const char *node, const char *file)
{
    CLEANUP_FREE char *driver = node_key(s, i, "driver");
    CLEANUP_FREE char *name = qemu_escape(node), *path = qemu_escape(file);
    bool plain = str_eq(driver, "file");

    drop_below(s, i, 0);
    script_remark(s, "read-only: the firmware's %s, which is the original", file);
    script_replace(
        s, i,
        xasprintf("driver=%s,node-name=%s,read-only=on,file.driver=file,file.filename=%s,"
                  "file.locking=off",
                  plain ? "raw" : driver, name, path));
}

void script_decide_node(struct script *s, size_t i)
{
    CLEANUP_FREE char *node = node_key(s, i, "node-name");
    CLEANUP_FREE char *driver = node_key(s, i, "driver");
    CLEANUP_FREE char *file = file_of_node(s, i, 0);
    const struct script_disk *disk;

    if (s->dropped[i] || is_filter(s, i) || is_under_another(s, node))
        return;
    disk = find_disk(s, file, node);
    if (disk) {
        restore_node(s, i, node ? node : disk->name, disk);
    } else if (is_firmware(s, node) && file) {
        keep_firmware(s, i, node, file);
    } else if (!is_on(script_option(s, i)->value, "read-only") &&
               !(driver && starts_with(driver, "null-"))) {
        script_drop(s, i, "a disk that is not restored");
        drop_below(s, i, 0);
        strlist_add(&s->gone, node ? node : "");
    }
}

/* ---- -drive, -hda ... ---- */

static void restore_drive(struct script *s, size_t i, const struct script_disk *d)
{
    static const char *const keys[] = {"if",     "id",     "node-name", "index",         "bus",
                                       "unit",   "media",  "discard",   "detect-zeroes", "cache",
                                       "werror", "rerror", "aio",       "readonly",      NULL};
    CLEANUP_FREE char *used = script_keep(script_option(s, i)->value, keys);
    CLEANUP_FREE char *path = qemu_escape(d->path);

    script_replace(s, i, xasprintf("file=%s,format=%s%s", path, s->r->format, used));
}

void script_decide_drive(struct script *s, size_t i)
{
    const char *value = script_option(s, i)->value;
    CLEANUP_FREE char *id = qemu_value(value, "id", NULL);
    CLEANUP_FREE char *node = qemu_value(value, "node-name", NULL);
    CLEANUP_FREE char *plain = qemu_value(value, "file", NULL);
    CLEANUP_FREE char *file = plain ? NULL : qemu_value(value, "file.filename", NULL);
    CLEANUP_FREE char *media = qemu_value(value, "media", NULL);
    CLEANUP_FREE char *interface = qemu_value(value, "if", NULL);
    const char *image = plain ? plain : file;
    const struct script_disk *disk = find_disk(s, image, id ? id : node);

    if (disk) {
        restore_drive(s, i, disk);
    } else if (image && str_eq(interface, "pflash")) {
        CLEANUP_FREE char *path = qemu_escape(image);

        script_remark(s, "read-only: the firmware's %s, which is the original", image);
        script_replace(
            s, i,
            xasprintf("if=pflash,format=raw,readonly=on,file.filename=%s,file.locking=off", path));
    } else if (image && !str_eq(media, "cdrom") && !is_on(value, "readonly") &&
               !is_on(value, "read-only")) {
        script_drop(s, i, "a disk that is not restored");
        strlist_add(&s->gone, id ? id : node ? node : "");
    }
}

/* -hda FILE, or FILE alone, becomes a drive, so that its format is told. */
void script_decide_image(struct script *s, size_t i)
{
    struct qemu_option *o = &s->command.options.items[i];
    const struct script_disk *disk = find_disk(s, o->value, NULL);
    int index = starts_with(o->name, "hd") ? o->name[2] - 'a' : 0;

    if (!disk) {
        script_drop(s, i, "a disk that is not restored");
        return;
    }
    free(o->name);
    o->name = xstrdup("drive");
    script_replace(s, i, xasprintf("index=%d,media=disk", index));
    free(o->value);
    o->value = xstrdup(s->instead[i]);
    restore_drive(s, i, disk);
}

/* SPDX-License-Identifier: MIT
 *
 * The nodes that a disk's image consists of, as QEMU has them now.  What an image's header says of
 * its backing file may be older than that. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/qmp/state/graph.h"
#include "engine/qmp/state/identity.h"
#include "engine/qmp/state/view_disks.h"

static const char *text_of(json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static bool is_one_of(const char *s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(s, words[i]))
            return true;
    return false;
}

bool view_is_filter(json_t *node)
{
    static const char *const filters[] = {"throttle",   "copy-on-read", "copy-before-write",
                                          "compress",   "preallocate",  "blklogwrites",
                                          "mirror_top", "commit_top",   "backup-top"};

    return is_one_of(text_of(node, "drv"), filters, ARRAY_LEN(filters));
}

json_t *view_find_node(json_t *nodes, const char *name)
{
    json_t *node;
    size_t i;

    json_array_foreach(nodes, i, node)
        if (name && str_eq(text_of(node, "node-name"), name))
            return node;
    return NULL;
}

json_t *view_child(const struct source *s, json_t *node, const char *edge)
{
    const char *name = text_of(node, "node-name");
    const char *child = name ? graph_child(s->graph, name, edge) : NULL;

    return view_find_node(s->nodes, child);
}

json_t *view_backing(const struct source *s, json_t *node)
{
    node = view_child(s, node, "backing");
    for (int i = 0; node && i < CHAIN_MAX && view_is_filter(node); i++) {
        json_t *below = view_child(s, node, "file");

        node = below ? below : view_child(s, node, "backing");
    }
    return node;
}

static bool is_local(json_t *protocol)
{
    static const char *const local[] = {"file", "host_device"};

    return is_one_of(text_of(protocol, "drv"), local, ARRAY_LEN(local));
}

static char *absolute(const char *file, const char *cwd)
{
    if (!file || starts_with(file, "json:"))
        return NULL;
    if (file[0] == '/')
        return xstrdup(file);
    return cwd ? xasprintf("%s/%s", cwd, file) : NULL;
}

char *view_file_of(const struct source *s, json_t *node, const char *cwd)
{
    json_t *protocol = is_local(node) ? node : view_child(s, node, "file");

    return is_local(protocol) ? absolute(text_of(protocol, "file"), cwd) : NULL;
}

static const struct file_fact *known(const struct view_names *names, const char *path,
                                     const struct file_fact *found)
{
    if (!found && names->wanted && !strlist_has(names->wanted, path))
        strlist_add(names->wanted, path);
    return found;
}

const struct file_fact *view_file_fact(const struct view_names *names, const char *path)
{
    return known(names, path, names->files ? file_find(names->files, path) : NULL);
}

const struct file_fact *view_named_fact(const struct view_names *names, const char *path)
{
    return known(names, path, names->files ? file_find_named(names->files, path) : NULL);
}

bool view_is_special(const struct view_names *names, const char *path)
{
    const struct file_fact *file = path ? view_named_fact(names, path) : NULL;

    return file && !file->missing && file->type != FILE_REGULAR;
}

char *view_identity_of(const struct source *s, const char *image, const struct view_names *names)
{
    const char *url = text_of(s->protocol, "file");

    const struct file_fact *file = image ? view_file_fact(names, image) : NULL;

    if (image)
        return file ? xstrdup(file->identity) : NULL;
    return url ? identity_of_url(url) : NULL;
}

/* ---- for qemu-img ---- */

/* Of what is behind a network: what QEMU calls it, which qemu-img understands. */
static json_t *protocol_options(json_t *protocol, const char *cwd)
{
    const char *file = text_of(protocol, "file");
    CLEANUP_FREE char *path = NULL;

    if (is_local(protocol)) {
        path = absolute(file, cwd);
        return path ? json_pack("{s:s, s:s}", "driver", text_of(protocol, "drv"), "filename", path)
                    : NULL;
    }
    if (!file || !*file)
        return NULL;
    if (starts_with(file, "json:"))
        return json_loads(file + strlen("json:"), 0, NULL);
    return json_pack("{s:s}", "filename", file);
}

/* Takes over child. */
static int put(json_t *options, const char *key, json_t *child)
{
    return child ? json_object_set_new(options, key, child) : -1;
}

static json_t *image_options(const struct source *s, json_t *node, const char *cwd, int depth,
                             const char **ret_why)
{
    json_t *file = view_child(s, node, "file"), *data = view_child(s, node, "data-file");
    json_t *backing = view_backing(s, node), *options;
    int rc = 0;

    *ret_why = "its image cannot be opened beside QEMU";
    if (depth == CHAIN_MAX)
        return NULL;
    if (json_is_true(json_object_get(node, "encrypted"))) {
        *ret_why = "its image is encrypted";
        return NULL;
    }
    if (!file)
        return protocol_options(node, cwd);
    options = json_pack("{s:s}", "driver", text_of(node, "drv"));
    rc = put(options, "file", protocol_options(file, cwd));
    if (rc == 0 && data)
        rc = put(options, "data-file", protocol_options(data, cwd));
    if (rc == 0 && backing)
        rc = put(options, "backing", image_options(s, backing, cwd, depth + 1, ret_why));
    else if (rc == 0 && str_eq(text_of(node, "drv"), "qcow2"))
        rc = json_object_set_new(options, "backing", json_null());
    if (rc == 0)
        return options;
    json_decref(options);
    return NULL;
}

char *view_tree_of(const struct source *s, const char *cwd, char **ret_why)
{
    const char *why = "QEMU does not tell how its block nodes stand on one another";
    json_t *options = s->graph ? image_options(s, s->node, cwd, 0, &why) : NULL;
    CLEANUP_FREE char *text = NULL;

    if (options && json_object_set_new(options, "force-share", json_true()) == 0)
        text = json_dumps(options, JSON_COMPACT);
    json_decref(options);
    *ret_why = text ? NULL : xstrdup(why);
    return text ? xasprintf("json:%s", text) : NULL;
}

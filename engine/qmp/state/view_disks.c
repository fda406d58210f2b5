/* SPDX-License-Identifier: MIT */
#include "engine/qmp/state/view_disks.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/qmp/state/graph.h"
#include "engine/qmp/state/ids.h"

static const char *text_of(json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static uint64_t size_of(json_t *object, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(object, key));

    return v > 0 ? (uint64_t)v : 0;
}

static bool is_one_of(const char *s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(s, words[i]))
            return true;
    return false;
}

/* Below filters that are ours: they come and go with a job. */
static const char *below_ours(const struct source *s, const char *top)
{
    for (int i = 0; top && i < CHAIN_MAX && node_name_parse(top, NULL, NULL, NULL); i++) {
        json_t *below = view_child(s, view_find_node(s->nodes, top), "file");

        top = text_of(below, "node-name");
    }
    return top;
}

/* From the node that the device uses down through filters to the image. */
static int find_image(struct source *s, const char *top, struct err *err)
{
    json_t *node = view_find_node(s->nodes, top);

    for (int i = 0; node && i < CHAIN_MAX && view_is_filter(node); i++) {
        json_t *below = view_child(s, node, "file");

        node = below ? below : view_child(s, node, "backing");
    }
    if (!node || view_is_filter(node))
        return err_set(err, ERR_UNSUPPORTED, "block node '%s': the image below it cannot be found",
                       top);
    s->node = node;
    s->protocol = view_child(s, node, "file");
    return 0;
}

/* About what a full copy writes: what the image and its backing files hold.  What is on a device or
 * behind a network cannot be told so: then all of it. */
static uint64_t allocated_of(const struct source *s, uint64_t capacity)
{
    struct source at = *s;
    uint64_t sum = 0;

    for (int i = 0; at.node && i < CHAIN_MAX; i++) {
        json_t *size = json_object_get(json_object_get(at.node, "image"), "actual-size");
        json_t *protocol = view_child(&at, at.node, "file");

        if (!size || (!view_is_filter(at.node) && !str_eq(text_of(protocol, "drv"), "file")))
            return capacity;
        if (!view_is_filter(at.node))
            sum += size_of(json_object_get(at.node, "image"), "actual-size");
        at.node = view_is_filter(at.node) ? protocol : view_child(&at, at.node, "backing");
    }
    return sum < capacity ? sum : capacity;
}

static void decode_bitmaps(const struct source *s, struct disk_facts *disk)
{
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(s->node, "dirty-bitmaps"), i, item) {
        const char *name = text_of(item, "name");
        struct bitmap_facts *bitmap;

        /* Jobs have bitmaps without a name; one that is not persistent is no checkpoint. */
        if (!name || !json_is_true(json_object_get(item, "persistent")))
            continue;
        bitmap = VEC_ADD(&disk->bitmaps);
        bitmap->name = xstrdup(name);
        bitmap->recording = json_is_true(json_object_get(item, "recording"));
        bitmap->busy = json_is_true(json_object_get(item, "busy"));
        bitmap->inconsistent = json_is_true(json_object_get(item, "inconsistent"));
        bitmap->dirty = size_of(item, "count");
    }
}

static bool is_ours(const char *id)
{
    return job_id_parse(id, NULL, NULL);
}

/* A block job of somebody else on the image; without a graph, one anywhere. */
static const char *foreign_job_on(const struct source *s, const struct view *v)
{
    static const char *const types[] = {"backup", "commit", "mirror", "stream"};

    if (s->graph)
        return graph_job_on(s->graph, text_of(s->node, "node-name"), is_ours);
    for (size_t i = 0; i < v->jobs.n; i++) {
        const struct view_job *job = &v->jobs.items[i];

        if (!is_ours(job->id) && is_one_of(job->type, types, ARRAY_LEN(types)))
            return job->id;
    }
    return NULL;
}

/* Each node says by itself whether it stands on another one, so none is missed. */
static void list_layers(struct view_disk *disk, const struct source *s)
{
    json_t *node = s->node;
    bool known = true;

    for (int i = 0; node && known; i++) {
        json_t *below = view_backing(s, node);

        known = i < CHAIN_MAX && str_eq(text_of(node, "drv"), "qcow2") &&
                size_of(json_object_get(node, "image"), "virtual-size") == disk->facts.capacity &&
                (json_object_get(node, "backing_file") != NULL) == (below != NULL);
        strlist_add(&disk->layers, text_of(node, "node-name"));
        node = below;
    }
    if (!known) {
        strlist_done(&disk->layers);
        disk->layers = (struct strlist){0};
    }
}

static void fill(struct view_disk *disk, const struct source *s)
{
    json_t *image = json_object_get(s->node, "image");
    const char *compat =
        text_of(json_object_get(json_object_get(image, "format-specific"), "data"), "compat");

    disk->node = xstrdup(text_of(s->node, "node-name"));
    disk->facts.format = xstrdup(text_of(s->node, "drv"));
    disk->facts.capacity = size_of(image, "virtual-size");
    disk->facts.allocated = allocated_of(s, disk->facts.capacity);
    disk->facts.trackable = str_eq(disk->facts.format, "qcow2") && str_eq(compat, "1.1");
    disk->facts.encrypted = json_is_true(json_object_get(s->node, "encrypted")) ||
                            json_is_true(json_object_get(image, "encrypted"));
    decode_bitmaps(s, &disk->facts);
    list_layers(disk, s);
}

/* Two devices may share an image (multipath): that is one disk. */
static struct candidate *find_node(const struct candidates *c, const char *node)
{
    for (size_t i = 0; i < c->n; i++)
        if (str_eq(text_of(c->items[i].source.node, "node-name"), node))
            return &c->items[i];
    return NULL;
}

static void add_device(struct candidate *c, json_t *block)
{
    CLEANUP_FREE char *path = view_device_path(text_of(block, "qdev"));

    if (path)
        strlist_add(&c->devices, path);
}

static int find_disk(json_t *block, struct source s, const struct view_names *names,
                     struct candidates *c, struct err *err)
{
    const char *top = below_ours(&s, text_of(json_object_get(block, "inserted"), "node-name"));
    struct candidate *found;

    if (!top)
        return err_set(err, ERR_PROTOCOL, "query-block: a medium without a node name");
    if (find_image(&s, top, err) < 0)
        return -1;
    found = find_node(c, text_of(s.node, "node-name"));
    if (found) {
        if (str_eq(found->top, top))
            add_device(found, block);
        return 0;
    }
    found = VEC_ADD(c);
    found->block = block;
    found->source = s;
    found->top = top;
    found->image = view_file_of(&s, s.node, names->cwd);
    add_device(found, block);
    return 0;
}

static int decode_disk(const struct candidate *c, const struct view_names *names, struct view *v,
                       struct err *err)
{
    CLEANUP_FREE char *name = view_name_of(c, names);
    const char *job = foreign_job_on(&c->source, v);
    struct view_disk *disk;

    if (view_find_disk(v, name))
        return err_set(
            err, ERR_INVALID,
            "two disks are called '%s'; name them by their images in the configuration's disks",
            name);
    if (job && !v->foreign_job)
        v->foreign_job = xasprintf("block job '%s' on disk %s", job, name);
    disk = VEC_ADD(&v->disks);
    disk->facts.name = TAKE_PTR(name);
    disk->facts.image = xstrdup(c->image);
    disk->facts.identity = view_identity_of(&c->source, c->image, names);
    disk->facts.special = view_is_special(names, c->image);
    disk->facts.busy = job != NULL;
    disk->top = xstrdup(c->top);
    disk->devices = strlist_copy(&c->devices);
    disk->facts.device = xstrdup(text_of(c->block, "qdev"));
    disk->tree = view_tree_of(&c->source, names->cwd, &disk->no_tree);
    fill(disk, &c->source);
    return 0;
}

static int find_disks(json_t *const replies[Q_COUNT], const struct view_names *names,
                      struct candidates *c, struct err *err)
{
    const struct source s = {.nodes = replies[Q_NODES], .graph = replies[Q_GRAPH]};
    json_t *block;
    size_t i;

    json_array_foreach(replies[Q_BLOCK], i, block) {
        json_t *inserted = json_object_get(block, "inserted");

        if (json_is_object(inserted) && !json_is_true(json_object_get(inserted, "ro")) &&
            find_disk(block, s, names, c, err) < 0)
            return -1;
    }
    return 0;
}

int view_decode_disks(json_t *const replies[Q_COUNT], const struct view_names *names,
                      struct view *ret, struct err *err)
{
    struct candidates c = {0};
    int rc;

    if (!json_is_array(replies[Q_BLOCK]))
        return err_set(err, ERR_PROTOCOL, "query-block: not a list");
    rc = find_disks(replies, names, &c, err);
    if (rc == 0)
        view_choose_entries(&c, names);
    for (size_t i = 0; i < c.n && rc == 0; i++)
        rc = decode_disk(&c.items[i], names, ret, err);
    for (size_t i = 0; i < ret->disks.n && rc == 0; i++)
        ret->disks.items[i].facts.unsafe =
            xstrdup(view_unsafe(&ret->disks.items[i], replies[Q_BLOCK], replies[Q_GRAPH]));
    for (size_t i = 0; i < c.n; i++) {
        free(c.items[i].image);
        strlist_done(&c.items[i].devices);
    }
    free(c.items);
    return rc;
}

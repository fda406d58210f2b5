/* SPDX-License-Identifier: MIT */
#include "engine/qmp/view_disks.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/qmp/graph.h"
#include "engine/qmp/ids.h"

#define CHAIN_MAX 64 /* filters, or backing files, on top of one another */

/* What the functions here need to know of each disk while it is decoded. */
struct source {
    json_t *nodes, *graph;
    json_t *node;     /* of the image format, as query-named-block-nodes has it */
    json_t *protocol; /* the node below it: the file; NULL when it cannot be told */
};

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

static bool is_filter(const char *driver)
{
    static const char *const filters[] = {"throttle",   "copy-on-read", "copy-before-write",
                                          "compress",   "preallocate",  "blklogwrites",
                                          "mirror_top", "commit_top",   "backup-top"};

    return is_one_of(driver, filters, ARRAY_LEN(filters));
}

static json_t *find_node(json_t *nodes, const char *name)
{
    json_t *node;
    size_t i;

    json_array_foreach(nodes, i, node)
        if (name && str_eq(text_of(node, "node-name"), name))
            return node;
    return NULL;
}

static json_t *child_of(const struct source *s, json_t *node, const char *edge)
{
    const char *name = text_of(node, "node-name");
    const char *child = name ? graph_child(s->graph, name, edge) : NULL;

    return find_node(s->nodes, child);
}

/* Below filters that are ours: they come and go with a job. */
static const char *below_ours(const struct source *s, const char *top)
{
    for (int i = 0; top && i < CHAIN_MAX && node_name_parse(top, NULL, NULL, NULL); i++) {
        json_t *below = child_of(s, find_node(s->nodes, top), "file");

        top = text_of(below, "node-name");
    }
    return top;
}

/* From the node that the device uses down through filters to the image. */
static int find_image(struct source *s, const char *top, struct err *err)
{
    json_t *node = find_node(s->nodes, top);

    for (int i = 0; node && i < CHAIN_MAX && is_filter(text_of(node, "drv")); i++) {
        json_t *below = child_of(s, node, "file");

        node = below ? below : child_of(s, node, "backing");
    }
    if (!node || is_filter(text_of(node, "drv")))
        return err_set(err, ERR_UNSUPPORTED, "block node '%s': the image below it cannot be found",
                       top);
    s->node = node;
    s->protocol = child_of(s, node, "file");
    return 0;
}

/* The file name that QEMU has open, absolute; NULL when it is no file. */
static char *image_of(const struct source *s, const char *cwd)
{
    static const char *const local[] = {"file", "host_device"};
    const char *file = text_of(s->protocol, "file");

    if (!file || !is_one_of(text_of(s->protocol, "drv"), local, ARRAY_LEN(local)) ||
        starts_with(file, "json:"))
        return NULL;
    if (file[0] == '/')
        return xstrdup(file);
    return cwd ? xasprintf("%s/%s", cwd, file) : NULL;
}

/* About what a full copy writes: what the image and its backing files hold.  What is on a device or
 * behind a network cannot be told so: then all of it. */
static uint64_t allocated_of(const struct source *s, uint64_t capacity)
{
    struct source at = *s;
    uint64_t sum = 0;

    for (int i = 0; at.node && i < CHAIN_MAX; i++) {
        json_t *size = json_object_get(json_object_get(at.node, "image"), "actual-size");
        json_t *protocol = child_of(&at, at.node, "file");

        if (!size ||
            (!is_filter(text_of(at.node, "drv")) && !str_eq(text_of(protocol, "drv"), "file")))
            return capacity;
        if (!is_filter(text_of(at.node, "drv")))
            sum += size_of(json_object_get(at.node, "image"), "actual-size");
        at.node = is_filter(text_of(at.node, "drv")) ? protocol : child_of(&at, at.node, "backing");
    }
    return sum < capacity ? sum : capacity;
}

static bool same_file(const char *a, const char *b)
{
    struct stat sa, sb;

    if (strcmp(a, b) == 0)
        return true;
    return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_ino == sb.st_ino &&
           sa.st_dev == sb.st_dev;
}

/* "/machine/peripheral/vda/virtio-backend" is called vda. */
static char *device_name(const char *qdev)
{
    CLEANUP_FREE char *path = xstrdup(qdev);
    char *slash = strrchr(path, '/');

    if (slash && strcmp(slash, "/virtio-backend") == 0) {
        *slash = '\0';
        slash = strrchr(path, '/');
    }
    return xstrdup(slash ? slash + 1 : path);
}

static char *name_of(json_t *block, const char *top, const struct source *s, const char *image,
                     const struct view_names *names)
{
    const char *drive = text_of(block, "device"), *qdev = text_of(block, "qdev");
    const char *node = text_of(s->node, "node-name");

    for (size_t i = 0; image && i < names->n; i++)
        if (same_file(names->items[i].image, image))
            return xstrdup(names->items[i].name);
    if (drive && *drive)
        return xstrdup(drive);
    /* The image's node comes before a filter's above it: filters come and go. */
    if (node && node[0] != '#')
        return xstrdup(node);
    if (top[0] != '#')
        return xstrdup(top);
    return qdev ? device_name(qdev) : xstrdup(node);
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
}

static struct view_disk *find_node_disk(const struct view *v, const char *node)
{
    for (size_t i = 0; i < v->disks.n; i++)
        if (str_eq(v->disks.items[i].node, node))
            return &v->disks.items[i];
    return NULL;
}

static void add_device(struct view_disk *disk, const char *qdev)
{
    CLEANUP_FREE char *path = view_device_path(qdev);

    if (path)
        strlist_add(&disk->devices, path);
}

static int decode_disk(json_t *block, struct source s, const struct view_names *names,
                       struct view *v, struct err *err)
{
    const char *top = below_ours(&s, text_of(json_object_get(block, "inserted"), "node-name"));
    CLEANUP_FREE char *image = NULL, *name = NULL;
    const char *job;
    struct view_disk *disk;

    if (!top)
        return err_set(err, ERR_PROTOCOL, "query-block: a medium without a node name");
    if (find_image(&s, top, err) < 0)
        return -1;
    /* Two devices may share an image (multipath): that is one disk. */
    disk = find_node_disk(v, text_of(s.node, "node-name"));
    if (disk) {
        if (str_eq(disk->top, top))
            add_device(disk, text_of(block, "qdev"));
        return 0;
    }
    image = image_of(&s, names->cwd);
    name = name_of(block, top, &s, image, names);
    if (view_find_disk(v, name))
        return err_set(
            err, ERR_INVALID,
            "two disks are called '%s'; name them by their images in the configuration's disks",
            name);
    job = foreign_job_on(&s, v);
    if (job && !v->foreign_job)
        v->foreign_job = xasprintf("block job '%s' on disk %s", job, name);
    disk = VEC_ADD(&v->disks);
    disk->facts.name = TAKE_PTR(name);
    disk->facts.image = TAKE_PTR(image);
    disk->facts.busy = job != NULL;
    disk->top = xstrdup(top);
    add_device(disk, text_of(block, "qdev"));
    fill(disk, &s);
    return 0;
}

int view_decode_disks(json_t *const replies[Q_COUNT], const struct view_names *names,
                      struct view *ret, struct err *err)
{
    const struct source s = {.nodes = replies[Q_NODES], .graph = replies[Q_GRAPH]};
    json_t *block;
    size_t i;

    if (!json_is_array(replies[Q_BLOCK]))
        return err_set(err, ERR_PROTOCOL, "query-block: not a list");
    json_array_foreach(replies[Q_BLOCK], i, block) {
        json_t *inserted = json_object_get(block, "inserted");

        if (json_is_object(inserted) && !json_is_true(json_object_get(inserted, "ro")) &&
            decode_disk(block, s, names, ret, err) < 0)
            return -1;
    }
    for (i = 0; i < ret->disks.n; i++)
        ret->disks.items[i].facts.unsafe =
            xstrdup(view_unsafe(&ret->disks.items[i], replies[Q_BLOCK], replies[Q_GRAPH]));
    return 0;
}
